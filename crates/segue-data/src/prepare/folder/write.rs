//! [`Prepared`] into a folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use segue_core::{
    Catalogue, Csr, DomainId, Event, Holdout, IdMap, Interactions, OpenedTests, Prepared, Task, TaskKind,
};

use super::events::EventFiles;
use super::histories::HistoryFiles;
use super::{FEATURE_MAP, FOLDER_VERSION, ITEMS, MANIFEST, Manifest, OURS, TRAIN, TaskEntry, USER_MAP, text};
use crate::DataError;
use crate::parquet_columns::{Fill, GROUP, byte_list, int_list, leaf, text_list, told, write_table};
use crate::place::{Hashed, Place, replaceable, sibling};
use crate::prepare::assemble::{Outline, SplitRows};
use crate::prepare::config::HistoryDomains;
use crate::prepare::report::PrepareReport;

/// Writes `prepared` as a folder: built aside, synced, then renamed, so that a killed run leaves the old folder or none.
///
/// An existing `dir` is replaced only if it is empty or holds a manifest of ours.
pub fn write_folder(dir: &Path, prepared: &Prepared, report: &PrepareReport) -> Result<(), DataError> {
    write_watched(dir, prepared, report, &mut |_| Ok(()))
}

/// [`write_folder`] with a listener before every step, whose error is an I/O error of that step.
fn write_watched(
    dir: &Path,
    prepared: &Prepared,
    report: &PrepareReport,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<(), DataError> {
    let mut opened = OpenedTests::default();
    let tasks: Vec<(&Task, &Holdout)> = prepared
        .split
        .tasks
        .iter()
        .map(|task| (task, task.test.open(&mut opened, "written to the prepared folder")))
        .collect();
    let content = Content {
        users: &prepared.users,
        catalogue: &prepared.catalogue,
        protocol: &prepared.split.protocol,
        tasks: tasks
            .iter()
            .map(|(task, test)| TaskContent {
                name: &task.name,
                kind: task.kind,
                target: task.target,
                negatives: [task.valid.negatives.as_ref(), test.negatives.as_ref()],
            })
            .collect(),
    };
    let logs: Vec<&Interactions> = std::iter::once(&prepared.split.train)
        .chain(tasks.iter().flat_map(|(task, test)| [&task.valid.events, &test.events]))
        .collect();
    let each_piece = &mut |take: &mut Take<'_>| {
        let users: Vec<u32> = (0..prepared.users.len() as u32).collect();
        users.chunks(USERS).try_for_each(|users| {
            let of = |log: &&Interactions| {
                let events = |&user: &u32| (0..log.user(user).len()).map(move |n| log.user(user).event(user, n));
                users.iter().flat_map(events).collect()
            };
            take(logs.iter().map(of).collect())
        })
    };
    write(dir, (&content, each_piece), report, step)
}

/// Users whose events are written together.
const USERS: usize = 1 << 12;

/// [`write_folder`] of rows that need not be in memory; `told` hears how many are written.
pub(in crate::prepare) fn write_settled(
    dir: &Path,
    (outline, rows): (&Outline, &SplitRows),
    report: &PrepareReport,
    told: &mut dyn FnMut(u64) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let tasks = outline.tasks.iter().map(|task| TaskContent {
        name: &task.name,
        kind: task.kind,
        target: task.target,
        negatives: [task.negatives[0].as_ref(), task.negatives[1].as_ref()],
    });
    let Outline { users, catalogue, protocol, .. } = outline;
    let content = Content { users, catalogue, protocol, tasks: tasks.collect() };
    let mut written = 0;
    let each_piece = &mut |take: &mut Take<'_>| {
        rows.each_piece(&mut |piece| {
            written += piece.iter().map(|events| events.len() as u64).sum::<u64>();
            take(piece)?;
            told(written)
        })
    };
    write(dir, (&content, each_piece), report, &mut |_| Ok(()))
}

/// Checks that `dir` may be written, and names the place beside it for rows that are not held.
pub(in crate::prepare) fn check_place(dir: &Path) -> Result<PathBuf, DataError> {
    replaceable(dir, OURS)?;
    sibling(dir, "spill")
}

/// What a folder is about, without its events.
struct Content<'a> {
    users: &'a IdMap,
    catalogue: &'a Catalogue,
    protocol: &'a str,
    tasks: Vec<TaskContent<'a>>,
}

struct TaskContent<'a> {
    name: &'a str,
    kind: TaskKind,
    target: DomainId,
    /// Of validation and of test.
    negatives: [Option<&'a Csr<()>>; 2],
}

/// Takes the events of some users, users rising: of training, then of validation and test of each task.
type Take<'a> = dyn FnMut(Vec<Vec<Event>>) -> Result<(), DataError> + 'a;
/// Hands out all events in such pieces.
type EachPiece<'a> = dyn FnMut(&mut Take<'_>) -> Result<(), DataError> + 'a;

fn write(
    dir: &Path,
    (content, each_piece): (&Content<'_>, &mut EachPiece<'_>),
    report: &PrepareReport,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<(), DataError> {
    let mut place = Place::prepare(dir, OURS, &["data", "maps"])?;
    let mut watched = |name: &str| step(name).map_err(DataError::io(dir.join(name), "write"));
    let mut tasks = Vec::new();
    let mut files = EventFiles::new(content.users, content.catalogue, report.options.time_per_user);
    let mut histories = report.options.history.map(|length| {
        let asked = content.tasks.iter().map(|task| content.catalogue.range(task.target)).collect();
        HistoryFiles::new(length, asked, report.options.history_domains == HistoryDomains::All)
    });
    let mut open = |name: &str, place: &Place| {
        watched(name)?;
        files.open(place, name)?;
        let history = name.replace(".parquet", "_hist.parquet");
        histories.as_mut().map_or(Ok(()), |histories| histories.open(place, &history))
    };
    open(TRAIN, &place)?;
    for (n, task) in content.tasks.iter().enumerate() {
        // The first task has the names that the seeds of this layout use; others carry theirs.
        let suffix = if n == 0 { String::new() } else { format!("_{}", task.name) };
        let (valid, test) = (format!("data/val{suffix}.parquet"), format!("data/test{suffix}.parquet"));
        open(&valid, &place)?;
        open(&test, &place)?;
        let [valid_negatives, test_negatives] = write_negatives(&mut place, task.negatives, &suffix)?;
        let target = content.catalogue.domains()[task.target].name.clone();
        let (name, kind) = (task.name.to_owned(), task.kind);
        tasks.push(TaskEntry { name, kind, target, valid, test, valid_negatives, test_negatives });
    }
    each_piece(&mut |piece| {
        histories.as_mut().map_or(Ok(()), |histories| histories.append(&piece))?;
        files.append(piece).map(drop)
    })?;
    files.close(&mut place)?;
    histories.map_or(Ok(()), |histories| histories.close(&mut place))?;
    watched(ITEMS)?;
    write_items(&mut place, content.catalogue)?;
    watched(USER_MAP)?;
    text_file(&mut place, USER_MAP, |out| text::id_map(out, content.users))?;
    text_file(&mut place, "maps/item_id_map.json", |out| text::item_map(out, content.catalogue))?;
    if let Some(features) = content.catalogue.features() {
        text_file(&mut place, FEATURE_MAP, |out| text::id_map(out, features.names()))?;
    }
    watched("split_stats.csv")?;
    text_file(&mut place, "split_stats.csv", |out| text::stats(out, report))?;
    let manifest = Manifest {
        n_features: content.catalogue.features().map(|features| features.names().len()),
        format_version: FOLDER_VERSION,
        name: report.data.name.clone(),
        domains: content.catalogue.domains().iter().map(|d| d.name.clone()).collect(),
        protocol: content.protocol.to_owned(),
        n_users: content.users.len(),
        n_items: content.catalogue.n_items(),
        tasks,
        report: report.clone(),
        files: Vec::new(),
    };
    text_file(&mut place, "README.txt", |out| text::readme(out, &manifest))?;
    let manifest = Manifest { files: place.files.clone(), ..manifest };
    watched(MANIFEST)?;
    text_file(&mut place, MANIFEST, |out| {
        serde_json::to_writer_pretty(&mut *out, &manifest)?;
        out.write_all(b"\n")
    })?;
    watched("")?;
    place.take()
}

fn text_file(
    place: &mut Place,
    name: &str,
    write: impl FnOnce(&mut Hashed) -> io::Result<()>,
) -> Result<(), DataError> {
    let mut out = place.create(name)?;
    write(&mut out).map_err(DataError::io(&out.path, "write"))?;
    place.close(out)
}

fn parquet_file(
    place: &mut Place,
    name: &str,
    write: impl FnOnce(Hashed) -> Result<Hashed, ParquetError>,
) -> Result<(), DataError> {
    let out = place.create(name)?;
    let path = out.path.clone();
    let out = write(out).map_err(|error| told(&path, error))?;
    place.close(out)
}

/// Features up to which items have their whole vectors; the places of the features they have are enough beyond.
pub(super) const MOST_DENSE: usize = 1 << 12;
/// Cells of vectors that are held at a time.
const CELLS: usize = 1 << 22;

/// The length of the vectors that items have.
pub(super) fn dense_features(catalogue: &Catalogue) -> Option<usize> {
    catalogue.features().map(|features| features.names().len()).filter(|&n| n <= MOST_DENSE)
}

fn write_items(place: &mut Place, catalogue: &Catalogue) -> Result<(), DataError> {
    let width = dense_features(catalogue);
    let group = width.map_or(GROUP, |width| (CELLS / width.max(1)).min(GROUP));
    parquet_file(place, ITEMS, |out| {
        let mut fields = vec![
            leaf("item_id", Physical::INT32, false)?,
            leaf("item", Physical::BYTE_ARRAY, false)?,
            leaf("domain", Physical::BYTE_ARRAY, false)?,
            leaf("title", Physical::BYTE_ARRAY, true)?,
            text_list("categories")?,
            int_list("features")?,
        ];
        if width.is_some() {
            fields.push(byte_list("multi_hot")?);
        }
        write_table(out, fields, (catalogue.n_items(), group), |table, range| {
            let ids = || range.clone().map(|i| i as u32);
            let domain = |item| catalogue.domains()[catalogue.domain_of(item)].name.as_str();
            let places = |item| catalogue.features().map_or(&[][..], |features| features.of(item));
            let features: Vec<Vec<i32>> =
                ids().map(|item| places(item).iter().map(|&place| place as i32).collect()).collect();
            let vectors: Vec<i32> = width.map_or(Vec::new(), |width| {
                let mut cells = vec![0; features.len() * width];
                for (row, places) in features.iter().enumerate() {
                    for &place in places {
                        cells[row * width + place as usize] = 1;
                    }
                }
                cells
            });
            let vectors: Vec<&[i32]> = match width {
                Some(width) if width > 0 => vectors.chunks(width).collect(),
                _ => vec![&[]; features.len()],
            };
            let columns: [Fill<'_>; 7] = [
                &|c| c.ints(ids().map(|item| item as i32)),
                &|c| c.texts(ids().map(|item| catalogue.external(item).into())),
                &|c| c.texts(ids().map(|item| domain(item).into())),
                &|c| c.optional_texts(ids().map(|item| catalogue.info(item).title.as_deref())),
                &|c| c.text_lists(ids().map(|item| catalogue.info(item).categories.as_slice())),
                &|c| c.int_lists(features.iter().map(Vec::as_slice)),
                &|c| c.int_lists(vectors.iter().copied()),
            ];
            table.group(&columns[..6 + usize::from(width.is_some())])
        })
    })
}

/// One file where validation and test share their negatives, two where they differ.
fn write_negatives(
    place: &mut Place,
    [of_valid, of_test]: [Option<&Csr<()>>; 2],
    suffix: &str,
) -> Result<[Option<String>; 2], DataError> {
    let mut write = |negatives: Option<&Csr<()>>, name: String| {
        let Some(negatives) = negatives else { return Ok(None) };
        write_pairs(place, &name, negatives)?;
        Ok::<_, DataError>(Some(name))
    };
    if of_valid == of_test {
        let name = write(of_test, format!("data/negatives{suffix}.parquet"))?;
        return Ok([name.clone(), name]);
    }
    let for_valid = write(of_valid, format!("data/negatives_val{suffix}.parquet"))?;
    Ok([for_valid, write(of_test, format!("data/negatives_test{suffix}.parquet"))?])
}

fn write_pairs(place: &mut Place, name: &str, pairs: &Csr<()>) -> Result<(), DataError> {
    parquet_file(place, name, |out| {
        let fields = vec![leaf("user_id", Physical::INT32, false)?, leaf("item_id", Physical::INT32, false)?];
        let mut users = (0..pairs.n_rows()).flat_map(|u| std::iter::repeat_n(u as i32, pairs.range(u).len()));
        write_table(out, fields, (pairs.len(), GROUP), |table, range| {
            let users: Vec<i32> = users.by_ref().take(range.len()).collect();
            let items = &pairs.cols()[range];
            table.group(&[&|c| c.ints(users.iter().copied()), &|c| c.ints(items.iter().map(|&i| i as i32))])
        })
    })
}

#[cfg(test)]
mod tests {
    use segue_core::{Domain, Features, ItemInfo, Sealed, Signal, Split};

    use super::*;
    use crate::parquet_columns::Table;
    use crate::prepare::load_folder;
    use crate::readers::cells::int_lists;

    /// One user who likes `item` of three items.
    fn prepared(item: u32) -> Prepared {
        let log = |item| {
            let event = Event { user: 0, item, weight: 1.0, signal: Signal::Positive, value: 1.0, time: None };
            Interactions::new(1, 3, vec![event]).unwrap()
        };
        let holdout = |item| Holdout { events: log(item), negatives: None };
        let domain = Domain { name: "films".into(), ids: IdMap::new(vec!["a", "b", "c"]) };
        Prepared {
            users: IdMap::new(vec!["u"]),
            catalogue: Catalogue::new(vec![domain], |_, _| ItemInfo::default()),
            split: Split {
                train: log(item),
                tasks: vec![Task {
                    name: "films".into(),
                    kind: TaskKind::Intra,
                    target: 0,
                    valid: holdout(1),
                    test: Sealed::new(holdout(2)),
                }],
                protocol: "by hand".into(),
            },
        }
    }

    #[test]
    fn items_of_every_domain_have_vectors_of_one_length() {
        let vectors = |n_features: usize| {
            let dir = tempfile::tempdir().unwrap();
            let domain = |name: &str, ids| Domain { name: name.into(), ids: IdMap::new(ids) };
            let domains = vec![domain("books", vec!["x"]), domain("films", vec!["a", "b"])];
            let names: Vec<String> = (0..n_features).map(|n| format!("f{n:04}")).collect();
            let of_items = vec![vec![(1, ())], vec![], vec![(0, ()), (2, ())]];
            let features = Features::new(IdMap::new(names), Csr::from_rows(n_features, of_items).unwrap());
            let prepared = prepared(0);
            let catalogue = Catalogue::new(domains, |_, _| ItemInfo::default()).with_features(features.unwrap());
            let prepared = Prepared { catalogue, ..prepared };
            let out = dir.path().join("out");
            write_folder(&out, &prepared, &PrepareReport::default()).unwrap();
            let (loaded, manifest) = load_folder(&out).unwrap();
            assert_eq!((loaded.catalogue == prepared.catalogue, manifest.n_features), (true, Some(n_features)));
            let path = out.join(ITEMS);
            let table = Table::open(&path).unwrap();
            let column = table.column("multi_hot").ok()?;
            let rows = table.groups().flat_map(|group| int_lists(&*group.unwrap(), column).unwrap());
            Some(rows.collect::<Vec<_>>())
        };
        assert_eq!(vectors(3).unwrap(), [[0, 1, 0], [0, 0, 0], [1, 0, 1]]);
        let wide = vectors(MOST_DENSE).unwrap();
        assert!(wide.iter().all(|row| row.len() == MOST_DENSE) && wide[2][2] == 1);
        assert_eq!(vectors(MOST_DENSE + 1), None);
    }

    fn steps(dir: &Path) -> Vec<String> {
        let mut steps = Vec::new();
        write_watched(dir, &prepared(0), &PrepareReport::default(), &mut |step| {
            steps.push(step.to_owned());
            Ok(())
        })
        .unwrap();
        steps
    }

    fn learnt(dir: &Path) -> u32 {
        load_folder(dir).unwrap().0.split.train.user(0).items[0]
    }

    #[test]
    fn a_failure_or_a_kill_at_any_step_leaves_the_old_folder_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let (old, none) = (dir.path().join("old"), dir.path().join("none"));
        let steps = steps(&old);
        assert!(steps.len() >= 7, "{steps:?}");
        for stop in &steps {
            for out in [&old, &none] {
                let full = &mut |step: &str| {
                    // What a kill at this moment would leave.
                    assert_eq!(learnt(&old), 0);
                    assert!(!none.exists());
                    if step == stop { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
                };
                let error = write_watched(out, &prepared(1), &PrepareReport::default(), full).unwrap_err().to_string();
                assert!(error.contains("free some space"), "{error}");
                assert!(!dir.path().join(".old.writing").exists() && !dir.path().join(".none.writing").exists());
            }
        }
        // Left aside by a run that was killed and could not clean up.
        std::fs::create_dir(dir.path().join(".old.writing")).unwrap();
        std::fs::write(dir.path().join(".old.writing/junk"), "").unwrap();
        write_folder(&old, &prepared(1), &PrepareReport::default()).unwrap();
        assert_eq!(learnt(&old), 1);
        assert!(!old.join("junk").exists());
        assert!(!dir.path().join(".old.writing").exists() && !dir.path().join(".old.old").exists());
    }

    #[test]
    fn a_full_disk_is_told_as_such() {
        // /dev/full refuses every byte as a full disk does.
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let file = std::fs::OpenOptions::new().write(true).open(full).unwrap();
        let fields = vec![leaf("user_id", Physical::INT32, false).unwrap()];
        let error = write_table(file, fields, (100_000, GROUP), |table, range| {
            table.group(&[&|c| c.ints(range.clone().map(|n| n as i32 * 7919))])
        })
        .map(|_| ())
        .unwrap_err();
        let error = told(Path::new("x.parquet"), error).to_string();
        assert!(error.contains("free some space"), "{error}");
    }
}
