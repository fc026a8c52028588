//! [`Prepared`] into a folder.

use std::io::{self, Write};
use std::path::Path;

use parquet::basic::Type as Physical;
use parquet::errors::ParquetError;
use segue_core::{Csr, Event, Holdout, Interactions, OpenedTests, Prepared, Signal};

use super::{FOLDER_VERSION, ITEMS, MANIFEST, Manifest, OURS, TRAIN, TaskEntry, USER_MAP, text};
use crate::DataError;
use crate::parquet_columns::{leaf, text_list, told, write_table};
use crate::place::{Hashed, Place};
use crate::prepare::report::PrepareReport;

/// Writes `prepared` as a folder: built aside, synced, then renamed, so that a killed run leaves the old folder or none.
///
/// An existing `dir` is replaced only if it is empty or holds a manifest of ours.
pub fn write_folder(dir: &Path, prepared: &Prepared, report: &PrepareReport) -> Result<(), DataError> {
    write_watched(dir, prepared, report, &mut |_| Ok(()))
}

/// [`write_folder`] with a listener before every step, whose error is an I/O error of that step.
pub(super) fn write_watched(
    dir: &Path,
    prepared: &Prepared,
    report: &PrepareReport,
    step: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<(), DataError> {
    let mut place = Place::prepare(dir, OURS, &["data", "maps"])?;
    let mut watched = |name: &str| step(name).map_err(DataError::io(dir.join(name), "write"));
    let spans = report.options.time_per_user.then(|| Spans::of(prepared));
    let rows = Rows { prepared, spans };

    watched(TRAIN)?;
    rows.write(&mut place, TRAIN, &prepared.split.train)?;
    let mut tasks = Vec::new();
    for (n, task) in prepared.split.tasks.iter().enumerate() {
        // The first task has the names that the seeds of this layout use; others carry theirs.
        let suffix = if n == 0 { String::new() } else { format!("_{}", task.name) };
        let test = task.test.open(&mut OpenedTests::default(), "written to the prepared folder");
        let (valid_file, test_file) = (format!("data/val{suffix}.parquet"), format!("data/test{suffix}.parquet"));
        watched(&valid_file)?;
        rows.write(&mut place, &valid_file, &task.valid.events)?;
        watched(&test_file)?;
        rows.write(&mut place, &test_file, &test.events)?;
        let (valid_negatives, test_negatives) = write_negatives(&mut place, &task.valid, test, &suffix)?;
        tasks.push(TaskEntry {
            name: task.name.clone(),
            kind: task.kind,
            target: prepared.catalogue.domains()[task.target].name.clone(),
            valid: valid_file,
            test: test_file,
            valid_negatives,
            test_negatives,
        });
    }
    watched(ITEMS)?;
    write_items(&mut place, prepared)?;
    watched(USER_MAP)?;
    text_file(&mut place, USER_MAP, |out| text::user_map(out, prepared))?;
    text_file(&mut place, "maps/item_id_map.json", |out| text::item_map(out, prepared))?;
    watched("split_stats.csv")?;
    text_file(&mut place, "split_stats.csv", |out| text::stats(out, report))?;
    text_file(&mut place, "README.txt", |out| text::readme(out, prepared, report))?;
    let manifest = Manifest {
        format_version: FOLDER_VERSION,
        name: report.data.name.clone(),
        domains: prepared.catalogue.domains().iter().map(|d| d.name.clone()).collect(),
        protocol: prepared.split.protocol.clone(),
        n_users: prepared.users.len(),
        n_items: prepared.catalogue.n_items(),
        tasks,
        report: report.clone(),
        files: place.files.clone(),
    };
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

/// First and last time of every user over all parts.
struct Spans(Vec<(i64, i64)>);

impl Spans {
    fn of(prepared: &Prepared) -> Self {
        let mut spans = vec![(i64::MAX, i64::MIN); prepared.users.len()];
        let mut see = |log: &Interactions| {
            for (span, user) in spans.iter_mut().zip(0..) {
                let times = log.user(user).times.unwrap_or_default();
                if let (Some(&first), Some(&last)) = (times.first(), times.last()) {
                    *span = (span.0.min(first), span.1.max(last));
                }
            }
        };
        see(&prepared.split.train);
        for task in &prepared.split.tasks {
            see(&task.valid.events);
            see(&task.test.open(&mut OpenedTests::default(), "times per user, for the prepared folder").events);
        }
        Self(spans)
    }

    fn unit(&self, user: u32, time: i64) -> f32 {
        let (first, last) = self.0[user as usize];
        if first >= last { 1.0 } else { ((time as f64 - first as f64) / (last as f64 - first as f64)) as f32 }
    }
}

struct Rows<'a> {
    prepared: &'a Prepared,
    spans: Option<Spans>,
}

impl Rows<'_> {
    fn write(&self, place: &mut Place, name: &str, log: &Interactions) -> Result<(), DataError> {
        let Prepared { users, catalogue, .. } = self.prepared;
        parquet_file(place, name, |out| {
            let fields = vec![
                leaf("user", Physical::BYTE_ARRAY, false)?,
                leaf("item", Physical::BYTE_ARRAY, false)?,
                leaf("domain", Physical::BYTE_ARRAY, false)?,
                leaf("user_id", Physical::INT32, false)?,
                leaf("item_id", Physical::INT32, false)?,
                leaf("rating", Physical::FLOAT, false)?,
                leaf("rating_norm", Physical::FLOAT, false)?,
                leaf("signal", Physical::INT32, false)?,
                leaf("timestamp", Physical::INT64, true)?,
                leaf("timestamp_norm", Physical::FLOAT, true)?,
            ];
            let mut events = log.events();
            write_table(out, fields, log.len(), |group, range| {
                let rows: Vec<Event> = events.by_ref().take(range.len()).collect();
                group.texts(rows.iter().map(|e| users.external(e.user)))?;
                group.texts(rows.iter().map(|e| catalogue.external(e.item)))?;
                group.texts(rows.iter().map(|e| catalogue.domains()[catalogue.domain_of(e.item)].name.as_str()))?;
                group.ints(&rows.iter().map(|e| e.user as i32).collect::<Vec<_>>())?;
                group.ints(&rows.iter().map(|e| e.item as i32).collect::<Vec<_>>())?;
                group.floats(&rows.iter().map(|e| e.value).collect::<Vec<_>>())?;
                group.floats(&rows.iter().map(|e| e.weight).collect::<Vec<_>>())?;
                group.ints(&rows.iter().map(|e| signal_code(e.signal)).collect::<Vec<_>>())?;
                let times: Option<Vec<i64>> = rows.iter().map(|e| e.time).collect();
                group.longs_or_none(times.as_deref(), rows.len())?;
                let scaled: Option<Vec<f32>> = self
                    .spans
                    .as_ref()
                    .and_then(|spans| rows.iter().map(|e| e.time.map(|time| spans.unit(e.user, time))).collect());
                group.floats_or_none(scaled.as_deref(), rows.len())
            })
        })
    }
}

fn signal_code(signal: Signal) -> i32 {
    match signal {
        Signal::Negative => -1,
        Signal::Neutral => 0,
        Signal::Positive => 1,
    }
}

fn write_items(place: &mut Place, prepared: &Prepared) -> Result<(), DataError> {
    let catalogue = &prepared.catalogue;
    parquet_file(place, ITEMS, |out| {
        let fields = vec![
            leaf("item_id", Physical::INT32, false)?,
            leaf("item", Physical::BYTE_ARRAY, false)?,
            leaf("domain", Physical::BYTE_ARRAY, false)?,
            leaf("title", Physical::BYTE_ARRAY, true)?,
            text_list("categories")?,
        ];
        write_table(out, fields, catalogue.n_items(), |group, range| {
            let ids = || range.clone().map(|i| i as u32);
            group.ints(&range.clone().map(|i| i as i32).collect::<Vec<_>>())?;
            group.texts(ids().map(|i| catalogue.external(i)))?;
            group.texts(ids().map(|i| catalogue.domains()[catalogue.domain_of(i)].name.as_str()))?;
            group.optional_texts(ids().map(|i| catalogue.info(i).title.as_deref()))?;
            group.text_lists(ids().map(|i| catalogue.info(i).categories.as_slice()))
        })
    })
}

/// One file where validation and test share their negatives, two where they differ.
fn write_negatives(
    place: &mut Place,
    valid: &Holdout,
    test: &Holdout,
    suffix: &str,
) -> Result<(Option<String>, Option<String>), DataError> {
    let mut write = |negatives: &Option<Csr<()>>, name: String| {
        let Some(negatives) = negatives else { return Ok(None) };
        write_pairs(place, &name, negatives)?;
        Ok::<_, DataError>(Some(name))
    };
    if valid.negatives == test.negatives {
        let name = write(&test.negatives, format!("data/negatives{suffix}.parquet"))?;
        return Ok((name.clone(), name));
    }
    let for_valid = write(&valid.negatives, format!("data/negatives_val{suffix}.parquet"))?;
    Ok((for_valid, write(&test.negatives, format!("data/negatives_test{suffix}.parquet"))?))
}

fn write_pairs(place: &mut Place, name: &str, pairs: &Csr<()>) -> Result<(), DataError> {
    parquet_file(place, name, |out| {
        let fields = vec![leaf("user_id", Physical::INT32, false)?, leaf("item_id", Physical::INT32, false)?];
        let mut users = (0..pairs.n_rows()).flat_map(|u| std::iter::repeat_n(u as i32, pairs.range(u).len()));
        write_table(out, fields, pairs.len(), |group, range| {
            group.ints(&users.by_ref().take(range.len()).collect::<Vec<_>>())?;
            group.ints(&pairs.cols()[range].iter().map(|&i| i as i32).collect::<Vec<_>>())
        })
    })
}

#[cfg(test)]
mod tests {
    use segue_core::{Catalogue, Domain, IdMap, ItemInfo, Sealed, Split, Task, TaskKind};

    use super::*;
    use crate::prepare::load_folder;

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
        let error = write_table(file, fields, 100_000, |group, range| {
            group.ints(&range.map(|n| n as i32 * 7919).collect::<Vec<_>>())
        })
        .map(|_| ())
        .unwrap_err();
        let error = told(Path::new("x.parquet"), error).to_string();
        assert!(error.contains("free some space"), "{error}");
    }
}
