//! What is exported reads back as it was.

use std::path::Path;

use proptest::prelude::*;
use segue_core::{
    Catalogue, Domain, Event, Holdout, IdMap, Interactions, ItemInfo, Prepared, Sealed, Signal, Split, Task, TaskKind,
};
use segue_data::prepare::{DomainConfig, PrepareOptions, SplitKind};
use segue_data::readers::{FolderFiles, Format, Layout, RawLog, RawRow, Session, find_files, read_items, read_log};
use segue_data::writers::{ExportFormat, Ids, Wanted, export};

use super::{data, kind, parts, quiet, run};

const ALL: [ExportFormat; 4] =
    [ExportFormat::Csv, ExportFormat::Parquet, ExportFormat::Recbole, ExportFormat::Adjacency];

/// An event by positions of user and item, with value and time.
type Raw = (usize, usize, f32, i64);

/// Songs (source) and films (target) over the same ids; the events go to train, validation and test in turn.
fn prepared(users: &[String], items: &[String], songs: &[Raw], films: &[Raw], timed: bool) -> Prepared {
    let users = IdMap::new(users.to_vec());
    let domain = |name: &str| Domain { name: name.into(), ids: IdMap::new(items.to_vec()) };
    let catalogue = Catalogue::new(vec![domain("songs"), domain("films")], |d, id| ItemInfo {
        title: (d == 1).then(|| format!("The \"{}\", a film", id.trim())),
        categories: vec!["Film-Noir".into(), "Children's".into()],
    });
    let (n_users, n) = (users.len(), catalogue.n_items() / 2);
    let event = |&(user, item, value, time): &Raw, d: usize| Event {
        user: (user % n_users) as u32,
        item: (d * n + item % n) as u32,
        weight: 1.0,
        signal: Signal::Positive,
        value,
        time: timed.then_some(time),
    };
    let part = |p: usize| films.iter().enumerate().filter(move |(k, _)| k % 3 == p).map(|(_, raw)| event(raw, 1));
    let log = |events: Vec<Event>| Interactions::new(n_users, 2 * n, events).unwrap();
    let train = songs.iter().map(|raw| event(raw, 0)).chain(part(0)).collect();
    let holdout = |p: usize| Holdout { events: log(part(p).collect()), negatives: None };
    Prepared {
        users,
        catalogue,
        split: Split {
            train: log(train),
            tasks: vec![Task {
                name: "films".into(),
                kind: TaskKind::Intra,
                target: 1,
                valid: holdout(1),
                test: Sealed::new(holdout(2)),
            }],
            protocol: "by hand".into(),
        },
    }
}

/// User, item, value and time, sorted.
type Row = (String, String, String, Option<i64>);

fn written(prepared: &Prepared, log: &Interactions, domain: usize) -> Vec<Row> {
    let range = prepared.catalogue.range(domain);
    let row = |e: Event| {
        let (user, item) = (prepared.users.external(e.user), prepared.catalogue.external(e.item));
        (user.to_owned(), item.to_owned(), e.value.to_string(), e.time)
    };
    let mut rows: Vec<Row> = log.events().filter(|e| range.contains(&e.item)).map(row).collect();
    rows.sort();
    rows
}

fn read_back(path: &Path, format: Format) -> Vec<Row> {
    let layout = Layout { format, ..Layout::default() };
    let log: RawLog = read_log(&[path.to_path_buf()], &layout, &mut Session::new(Some(0), &mut quiet())).unwrap();
    assert_eq!(log.nameless, 0);
    let mut rows = Vec::new();
    let row = |row: RawRow| {
        let (user, item) = (log.users.get(row.user).to_owned(), log.items.get(row.item).to_owned());
        rows.push((user, item, row.value.unwrap().to_string(), row.time.map(|time| time.div_euclid(1_000))));
    };
    log.rows.each(row).unwrap();
    assert!(!log.rows.timed() || rows.iter().all(|row| row.3.is_some()));
    rows.sort();
    rows
}

/// Adjacency lists lose values and times.
fn forget(format: ExportFormat, rows: &mut [Row]) {
    for row in rows.iter_mut().filter(|_| format == ExportFormat::Adjacency) {
        (row.2, row.3) = ("1".into(), None);
    }
}

fn check(prepared: &Prepared, format: ExportFormat) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let done = export(&out, (prepared, "x"), Wanted::of(format, Ids::External)).unwrap();
    assert!(done.files.iter().all(|file| out.join(&file.path).metadata().unwrap().len() == file.bytes));
    let named = if format == ExportFormat::Adjacency { Format::Adjacency } else { Format::Auto };
    let parts = parts(prepared);
    let FolderFiles { train, valid, test, items, .. } = find_files(&out.join("films")).unwrap();
    for (file, log) in [train, valid, test].into_iter().zip(&parts) {
        let mut expected = written(prepared, log, 1);
        if expected.is_empty() && file.is_none() {
            continue;
        }
        forget(format, &mut expected);
        assert_eq!(read_back(&file.unwrap(), named), expected, "{format:?}");
    }
    let songs = find_files(&out.join("songs")).unwrap();
    let mut expected = written(prepared, &parts[0], 0);
    forget(format, &mut expected);
    assert_eq!(read_back(&songs.train.or(songs.interactions).unwrap(), named), expected, "{format:?}");
    let ids = &prepared.catalogue.domains()[1].ids;
    let mut infos = vec![None; ids.len()];
    read_items(&items[0], (ids, None, Some(5)), &mut Session::new(Some(0), &mut quiet()), &mut infos).unwrap();
    for (info, item) in infos.into_iter().zip(prepared.catalogue.range(1)) {
        let (info, known) = (info.unwrap(), prepared.catalogue.info(item));
        assert_eq!((info.title, info.categories), (known.title.clone(), known.categories.clone()), "{format:?}");
    }
}

/// Ids of what exports hold, and of what makes trouble; trimmed, as readers do.
fn ids(alphabet: &'static [char]) -> impl Strategy<Value = Vec<String>> {
    let id = proptest::collection::vec(proptest::sample::select(alphabet), 1..5)
        .prop_map(|chars| chars.into_iter().collect::<String>().trim().to_owned())
        .prop_filter("an id is not empty", |id| !id.is_empty());
    proptest::collection::btree_set(id, 1..6).prop_map(|ids| ids.into_iter().collect())
}

const WORDS: &[char] = &['a', 'Z', '7', '0', '-', ',', ';', '"', '\'', '|', ':', 'é', '\\', '#'];
const TEXTS: &[char] = &['a', '7', ' ', ',', ';', '"', '\'', '|', ':', 'é', '\\'];

fn events() -> impl Strategy<Value = Vec<Raw>> {
    let value = prop_oneof![Just(0.5_f32), Just(1e-30), Just(3.4e38), -1e6_f32..1e6];
    proptest::collection::vec((0_usize..9, 0_usize..9, value, -90_000_000_000_i64..90_000_000_000), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_format_gives_back_what_it_was_given(
        users in ids(WORDS), items in ids(WORDS), songs in events(), films in events(), timed in any::<bool>(),
    ) {
        let prepared = prepared(&users, &items, &songs, &films, timed);
        let parts_cells = |id: &String| id.contains([',', ';', '|']) || id.contains("::");
        let begins_comment = |id: &String| id.chars().all(|c| c == '#');
        let is_list = !users.iter().chain(&items).any(|id| parts_cells(id) || begins_comment(id));
        for format in ALL.into_iter().filter(|&format| is_list || format != ExportFormat::Adjacency) {
            check(&prepared, format);
        }
    }

    #[test]
    fn quoted_formats_hold_spaces_too(
        users in ids(TEXTS), items in ids(TEXTS), songs in events(), films in events(),
    ) {
        let prepared = prepared(&users, &items, &songs, &films, true);
        for format in [ExportFormat::Csv, ExportFormat::Parquet, ExportFormat::Recbole] {
            check(&prepared, format);
        }
    }
}

fn small(user: &str) -> Prepared {
    let events = [(0, 0, 4.0, 1), (0, 1, 5.0, 2), (0, 2, 3.0, 3)];
    prepared(&[user.into()], &["a", "b", "c"].map(String::from), &events[..1], &events, true)
}

#[test]
fn an_export_prepares_again_to_the_same_parts() {
    let dir = tempfile::tempdir().unwrap();
    for format in [ExportFormat::Csv, ExportFormat::Parquet, ExportFormat::Recbole] {
        let out = dir.path().join(format!("{format:?}"));
        let before = small("u");
        export(&out, (&before, "x"), Wanted::of(format, Ids::External)).unwrap();
        let domain =
            |name: &str| DomainConfig { name: name.into(), path: Some(out.join(name)), ..DomainConfig::default() };
        let (after, _) =
            run(&data(vec![domain("songs"), domain("films")]), &PrepareOptions::default(), &kind(SplitKind::Given))
                .unwrap();
        let pairs = |prepared: &Prepared| parts(prepared).map(|log| super::pairs(prepared, &log));
        assert_eq!(pairs(&after), pairs(&before), "{format:?}");
        assert_eq!(after.catalogue.info(after.catalogue.find(1, "a").unwrap()).categories, ["Film-Noir", "Children's"]);
    }
}

#[test]
fn events_of_one_second_keep_their_order() {
    // Of each user three events a tenth of a second: later ones have lesser item ids.
    let line = |user: usize, item: usize| format!("u{user},{item},{}\n", 1_400_000_000_000 + 10 * (30 - item as i64));
    let lines: String = (0..5).flat_map(|user| (0..30).map(move |item| line(user, item))).collect();
    let dir = super::files(&[("log.csv", &format!("user,item,timestamp\n{lines}"))]);
    let log = super::domain(dir.path(), "films", "log.csv");
    let in_order = |prepared: &Prepared| {
        let name = |event: Event| (event.user, prepared.catalogue.external(event.item).to_owned(), event.time);
        parts(prepared).map(|log| log.events().map(name).collect::<Vec<_>>())
    };
    for split in [SplitKind::LeaveOneOut, SplitKind::Ratio] {
        let (before, _) = run(&data(vec![log.clone()]), &PrepareOptions::default(), &kind(split)).unwrap();
        let first: Vec<String> = in_order(&before)[0].iter().map(|event| event.1.clone()).take(9).collect();
        assert!(first.iter().rev().is_sorted_by_key(|item| item.parse::<u32>().unwrap()), "{first:?}");
        for format in [ExportFormat::Csv, ExportFormat::Parquet, ExportFormat::Recbole] {
            let out = dir.path().join("out");
            let done = export(&out, (&before, "x"), Wanted::of(format, Ids::External)).unwrap();
            assert_eq!(done.out_of_order, 0);
            let films = DomainConfig { name: "films".into(), path: Some(out.join("films")), ..DomainConfig::default() };
            let (after, _) = run(&data(vec![films]), &PrepareOptions::default(), &kind(SplitKind::Given)).unwrap();
            assert_eq!(in_order(&after), in_order(&before), "{format:?}");
        }
    }
}

#[test]
fn dense_ids_come_with_the_lists_that_tell_whose_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    export(&out, (&small("a b"), "x"), Wanted::of(ExportFormat::Adjacency, Ids::Dense)).unwrap();
    let text = |name: &str| std::fs::read_to_string(out.join("films").join(name)).unwrap();
    assert_eq!([text("train.txt"), text("valid.txt"), text("test.txt")], ["0 0\n", "0 1\n", "0 2\n"]);
    assert_eq!(text("item_list.txt"), "org_id remap_id\na 0\nb 1\nc 2\n");
    // Whoever splits lines at spaces would take `a b 0` for the id `a` and the number `b`: it is a table.
    assert_eq!(text("user_list.csv"), "org_id,remap_id\na b,0\n");
    assert!(!out.join("films/user_list.txt").exists());
    export(&out, (&small("a\n\"b\", 7"), "x"), Wanted::of(ExportFormat::Adjacency, Ids::Dense)).unwrap();
    let mut table = csv::Reader::from_path(out.join("films/user_list.csv")).unwrap();
    assert_eq!(table.records().map(Result::unwrap).collect::<Vec<_>>(), [vec!["a\n\"b\", 7", "0"]]);
    export(&out, (&small("u"), "x"), Wanted::of(ExportFormat::Adjacency, Ids::Dense)).unwrap();
    assert_eq!(text("user_list.txt"), "org_id remap_id\nu 0\n");
    assert!(!out.join("films/user_list.csv").exists());
}

#[test]
fn titles_lose_what_atomic_files_cannot_hold_and_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let ids = |prefix: &str| (0..3).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let mut made =
        prepared(&ids("u"), &ids("i"), &[(0, 0, 1.0, 5)], &[(0, 0, 1.0, 1), (0, 1, 1.0, 2), (0, 2, 1.0, 3)], true);
    let domains = made.catalogue.domains().to_vec();
    made.catalogue = Catalogue::new(domains, |d, id| ItemInfo {
        title: Some(if (d, id) == (1, "i1") { "Alien\tdirected\nby".into() } else { id.to_owned() }),
        categories: Vec::new(),
    });
    let spaced = |format| export(&out, (&made, "x"), Wanted::of(format, Ids::External)).unwrap().spaced;
    assert_eq!(spaced(ExportFormat::Recbole), 1);
    let items = std::fs::read_to_string(out.join("films/films.item")).unwrap();
    assert!(items.contains("i1\tAlien directed by\t"), "{items}");
    assert_eq!(spaced(ExportFormat::Csv), 0);
}

#[test]
fn what_a_format_cannot_hold_is_refused_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let message = |user: &str, format| {
        export(&out, (&small(user), "x"), Wanted::of(format, Ids::External)).unwrap_err().to_string()
    };
    let text = message("a b", ExportFormat::Adjacency);
    assert!(text.contains("\"a b\"") && text.contains("--ids dense"), "{text}");
    for parts_cells in ["a,b", "a;b", "a|b", "a::b"] {
        let text = message(parts_cells, ExportFormat::Adjacency);
        assert!(text.contains(parts_cells) && text.contains("--format csv"), "{text}");
    }
    assert!(message("a\tb", ExportFormat::Adjacency).contains("a space"));
    assert!(message("#", ExportFormat::Adjacency).contains("those of comments"));
    let text = message("a\tb", ExportFormat::Recbole);
    assert!(text.contains("a tab") && text.contains("--format csv"), "{text}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    // An older export is replaced, a foreign folder is not.
    for _ in 0..2 {
        export(&out, (&small("u"), "x"), Wanted::of(ExportFormat::Csv, Ids::External)).unwrap();
    }
    std::fs::remove_file(out.join("export.json")).unwrap();
    assert!(message("u", ExportFormat::Csv).contains("not written by `segue export`"));
}
