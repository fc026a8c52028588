//! Prepared folders: exact, byte-identical, refused when foreign or damaged.

use std::path::Path;

use segue_data::prepare::{
    DataConfig, DomainConfig, HistoryDomains, OneOrMany, PrepareOptions, PrepareReport, SplitConfig, SplitKind,
    load_folder, prepare_folder, write_folder,
};

use super::{data, domain, files, kind, message, parts, quiet, run, sample};

fn prepared(dir: &Path) -> (segue_core::Prepared, PrepareReport) {
    let films =
        DomainConfig { items: Some(OneOrMany::One(dir.join("films_meta.csv"))), ..domain(dir, "films", "films.csv") };
    run(&data(vec![domain(dir, "music", "music.csv"), films]), &PrepareOptions::default(), &SplitConfig::default())
        .unwrap()
}

fn inputs() -> tempfile::TempDir {
    files(&[
        ("music.csv", "user,item,rating,timestamp\na,1,5,1\nb,2,4,2\n"),
        ("films.csv", "user,item,rating,timestamp\na,1,5,1\na,2,4,2\na,\"x, \"\"y\"\"\",3,3\nb,1,2,9\n"),
        ("films_meta.csv", "item,title,categories\n1,\"One, two\",Drama|War\n2,,\n"),
    ])
}

#[test]
fn overlaps_are_told_twice_only_where_they_differ() {
    let dir = inputs();
    let config = data(vec![domain(dir.path(), "music", "music.csv"), domain(dir.path(), "films", "films.csv")]);
    let out = dir.path().join("out");
    let told = |options: &str| {
        let options = serde_json::from_str(options).unwrap();
        let (prepared, report) = run(&config, &options, &SplitConfig::default()).unwrap();
        write_folder(&out, &prepared, &report).unwrap();
        let text = std::fs::read_to_string(out.join("README.txt")).unwrap();
        text.lines().filter(|line| line.contains(" users in both ")).map(String::from).collect::<Vec<_>>()
    };
    let logs = "2 users in both the logs of music (100.0 %) and of films (100.0 %)";
    assert_eq!(told("{}"), [logs]);
    let left = "1 users in both what filters and split leave of music (50.0 %) and of films (100.0 %)";
    assert_eq!(told(r#"{"value_interval": [3, 5]}"#), [logs, left]);
}

#[test]
fn what_is_written_is_read_back_from_root_or_data() {
    let dir = inputs();
    let (prepared, report) = prepared(dir.path());
    let out = dir.path().join("deep/er/out");
    write_folder(&out, &prepared, &report).unwrap();
    for path in [out.clone(), out.join("data")] {
        let (loaded, manifest) = load_folder(&path).unwrap();
        assert_eq!(loaded.users, prepared.users);
        assert_eq!(loaded.catalogue, prepared.catalogue);
        assert_eq!(parts(&loaded), parts(&prepared));
        assert_eq!(loaded.split.protocol, prepared.split.protocol);
        assert_eq!(loaded.split.tasks[0].target, 1);
        assert_eq!(manifest.report, report);
    }
    for file in [
        "data/train.parquet",
        "data/val.parquet",
        "data/test.parquet",
        "data/items.parquet",
        "maps/user_id_map.json",
        "maps/item_id_map.json",
        "split_stats.csv",
        "README.txt",
        "manifest.json",
    ] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let stats = std::fs::read_to_string(out.join("split_stats.csv")).unwrap();
    assert_eq!(
        stats,
        "domain,split,users,items,interactions\nmusic,train,2,2,2\nfilms,train,2,1,2\nfilms,val,1,1,1\nfilms,test,1,1,1\n"
    );
    let map: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("maps/item_id_map.json")).unwrap()).unwrap();
    assert_eq!(map["films"]["x, \"y\""], 4);
    // Any Parquet reader sees plain columns: our own general one reads it as a log again.
    let again = data(vec![domain(&out, "films", "data/train.parquet")]);
    let split = SplitConfig { min_history: 1, ratios: [0.9, 0.0, 0.1], ..kind(SplitKind::Ratio) };
    if let Err(error) = run(&again, &PrepareOptions::default(), &split) {
        assert!(error.to_string().contains("the split"), "{error}");
    }
}

#[test]
fn bytes_do_not_depend_on_threads_and_ours_is_replaced() {
    let dir = inputs();
    let bytes = |name: &str, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let out = dir.path().join(name);
        pool.install(|| {
            let (prepared, report) = prepared(dir.path());
            write_folder(&out, &prepared, &report).unwrap();
        });
        let (_, manifest) = load_folder(&out).unwrap();
        (manifest.files, std::fs::read(out.join("manifest.json")).unwrap())
    };
    let one = bytes("one", 1);
    assert_eq!(one, bytes("two", 2));
    assert_eq!(one, bytes("one", 2));
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{left:?}");
}

#[test]
fn a_foreign_folder_is_left_alone() {
    let dir = inputs();
    let (prepared, report) = prepared(dir.path());
    let message = write_folder(dir.path(), &prepared, &report).unwrap_err().to_string();
    assert!(message.contains("was not written by `segue prepare`"), "{message}");
    let message = write_folder(&dir.path().join("films.csv"), &prepared, &report).unwrap_err().to_string();
    assert!(message.contains("is a file"), "{message}");
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    write_folder(&dir.path().join("empty"), &prepared, &report).unwrap();
}

#[test]
fn damage_is_named() {
    let dir = inputs();
    let (prepared, report) = prepared(dir.path());
    let out = dir.path().join("out");
    let failure = |change: &dyn Fn()| {
        write_folder(&out, &prepared, &report).unwrap();
        change();
        load_folder(&out).unwrap_err().to_string()
    };
    let text = failure(&|| std::fs::remove_file(out.join("data/val.parquet")).unwrap());
    assert!(text.contains("val.parquet") && text.contains("is missing"), "{text}");
    let text = failure(&|| {
        let path = out.join("data/train.parquet");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[100] ^= 1;
        std::fs::write(path, bytes).unwrap();
    });
    assert!(text.contains("train.parquet") && text.contains("hash"), "{text}");
    let text = failure(&|| std::fs::write(out.join("maps/user_id_map.json"), "{}").unwrap());
    assert!(text.contains("user_id_map.json") && text.contains("bytes instead of"), "{text}");
    let text = failure(&|| {
        let path = out.join("manifest.json");
        let manifest = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, manifest.replace("\"format_version\": 2", "\"format_version\": 99")).unwrap();
    });
    assert!(text.contains("format version 99") && text.contains("newer segue"), "{text}");
    let text = load_folder(dir.path()).unwrap_err().to_string();
    assert!(text.contains("holds no manifest.json") && text.contains("segue prepare"), "{text}");
    assert!(load_folder(Path::new("no/such")).unwrap_err().to_string().contains("does not exist"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_that_cannot_be_written_is_named() {
    let dir = inputs();
    let (prepared, report) = prepared(dir.path());
    // Nobody may create folders there, root included.
    let message = write_folder(Path::new("/proc/segue/out"), &prepared, &report).unwrap_err().to_string();
    assert!(message.contains("/proc/segue/out") && message.contains("create the folder"), "{message}");
    assert!(message.contains("name another folder"), "{message}");
}

#[test]
fn given_negatives_are_read_back() {
    let dir = files(&[
        ("train.tsv", "u\ta\nu\tb\nv\ta\nv\tc\nv\td\n"),
        ("test.tsv", "u\tc\nv\tb\n"),
        ("negatives.txt", "(u,c)\td\te\n(v,b)\te\n"),
    ]);
    let one = |file: &str| Some(OneOrMany::One(dir.path().join(file)));
    let films = DomainConfig {
        name: "films".into(),
        train: one("train.tsv"),
        test: one("test.tsv"),
        negatives: Some(dir.path().join("negatives.txt")),
        ..DomainConfig::default()
    };
    let split = SplitConfig { valid_fraction: 0.5, ..kind(SplitKind::Given) };
    let (prepared, report) = run(&data(vec![films]), &PrepareOptions::default(), &split).unwrap();
    let out = dir.path().join("out");
    write_folder(&out, &prepared, &report).unwrap();
    let (loaded, manifest) = load_folder(&out).unwrap();
    assert_eq!(manifest.tasks[0].test_negatives.as_deref(), Some("data/negatives.parquet"));
    let negatives = loaded.split.tasks[0].valid.negatives.clone().unwrap();
    assert_eq!(loaded.split.tasks[0].valid.negatives, prepared.split.tasks[0].valid.negatives);
    assert_eq!((negatives.cols_of(0), negatives.cols_of(1)), (&[3, 4][..], &[4][..]));
    assert!(!loaded.split.train.has_times());
    assert!(!report.notes.iter().any(|note| note.contains("are not held out")), "{:?}", report.notes);
}

#[test]
fn negatives_of_another_test_part_are_told() {
    let notes = |negatives: &str| {
        let dir =
            files(&[("train.tsv", "u\ta\nu\tb\nv\ta\nv\tc\n"), ("test.tsv", "u\tc\nv\tb\n"), ("n.txt", negatives)]);
        let one = |file: &str| Some(OneOrMany::One(dir.path().join(file)));
        let films = DomainConfig {
            name: "films".into(),
            train: one("train.tsv"),
            test: one("test.tsv"),
            negatives: Some(dir.path().join("n.txt")),
            ..DomainConfig::default()
        };
        let split = SplitConfig { valid_fraction: 0.0, ..kind(SplitKind::Given) };
        run(&data(vec![films]), &PrepareOptions::default(), &split).unwrap().1.notes.join("; ")
    };
    // Of an item that is in training, of one that nobody has, and of no item at all.
    for other in ["a", "x"] {
        let told = notes(&format!("(u,{other})\td\te\n(v,b)\te\n"));
        assert!(told.contains("1 of the 2 pairs that the given negatives name"), "{other}: {told}");
    }
    assert!(!notes("u\td\te\nv\te\n").contains("not held out"));
}

#[test]
fn a_folder_of_editions_is_looked_into_for_two_domains() {
    let dir = files(&[("a.txt", "")]);
    for folder in ["one/films", "one/songs", "two/films", "two/songs"] {
        std::fs::create_dir_all(dir.path().join("all").join(folder)).unwrap();
    }
    let of = |path: std::path::PathBuf| {
        let films = DomainConfig { name: "films".into(), path: Some(path), ..DomainConfig::default() };
        message(run(&data(vec![films]), &PrepareOptions::default(), &SplitConfig::default()))
    };
    let told = of(dir.path().join("all"));
    assert!(told.contains("data.source=films data.target=songs") && told.contains("all/one "), "{told}");
    // A file beside the folders tells that they are no editions.
    std::fs::write(dir.path().join("all/one/readme.md"), "").unwrap();
    assert!(of(dir.path().join("all")).contains("data.source=one data.target=two"));
}

/// A test part with one row a user looks like a list of items for each, and is none: the training part tells.
#[test]
fn parts_of_a_log_are_read_alike() {
    let rows = |of: &dyn Fn(u32) -> Vec<u32>| -> String {
        let row = |user: u32, item: u32| format!("{user} {item} {} {}\n", (user + item) % 5 + 1, 1_500_000_000 + item);
        (1..6).flat_map(|user| of(user).into_iter().map(move |item| row(user, item))).collect()
    };
    let last = |user: u32| (user + 3) % 6 + 1;
    let train = rows(&|user| (1..7).filter(|&item| item != last(user)).collect());
    let test = rows(&|user| vec![last(user)]);
    let dir = files(&[("train.txt", &train), ("test.txt", &test)]);
    let films = DomainConfig { name: "films".into(), path: Some(dir.path().into()), ..DomainConfig::default() };
    let split = SplitConfig { valid_fraction: 0.0, ..kind(SplitKind::Given) };
    let (prepared, report) = run(&data(vec![films]), &PrepareOptions::default(), &split).unwrap();
    let counts: Vec<usize> = report.parts.iter().map(|part| part.interactions).filter(|&n| n > 0).collect();
    assert_eq!(counts, [25, 5], "{:?}", report.notes);
    assert!(prepared.split.train.has_times());
}

#[test]
fn a_step_that_leaves_nothing_tells_of_lines_that_were_not_read() {
    let dir = files(&[("films.csv", "user,item,rating,timestamp\na,1,5,1\nb,2,x,2\nb,3,y,2\n")]);
    let films = domain(dir.path(), "films", "films.csv");
    let data = DataConfig { max_bad_lines: Some(5), ..data(vec![films]) };
    let message = message(run(&data, &PrepareOptions::default(), &kind(SplitKind::LeaveOneOut)));
    assert!(message.contains("films.csv: 2 of 3 lines were unreadable; line 3"), "{message}");
}

#[test]
fn a_real_log_survives_the_round_trip() {
    let Some(folder) = sample("ml-latest-small") else { return };
    let films = DomainConfig {
        items: Some(OneOrMany::One(folder.join("movies.csv"))),
        ..domain(&folder, "films", "ratings.csv")
    };
    let (prepared, report) = run(&data(vec![films]), &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    write_folder(&dir.path().join("out"), &prepared, &report).unwrap();
    let (loaded, _) = load_folder(&dir.path().join("out")).unwrap();
    assert_eq!((loaded.users, loaded.catalogue.clone()), (prepared.users.clone(), prepared.catalogue.clone()));
    assert_eq!(parts(&prepared)[2].len(), 610);
}

/// The rows of a table of histories, as `user item time [history]`.
/// Each row of the histories beside a part: user, item, time and what came before.
pub(crate) fn histories(out: &Path, part: &str, prepared: &segue_core::Prepared) -> Vec<String> {
    use parquet::file::reader::SerializedFileReader;
    let file = std::fs::File::open(out.join(format!("data/{part}_hist.parquet"))).unwrap();
    let name = |id: &str| prepared.catalogue.external(id.trim().parse().unwrap()).to_owned();
    let rows = SerializedFileReader::new(file).unwrap().into_iter().map(|row| {
        let row = row.unwrap();
        let cell = |n: usize| row.get_column_iter().nth(n).unwrap().1.to_string();
        let list = cell(3);
        let list = list.trim_matches(['[', ']']).split(',').filter(|id| !id.is_empty()).map(name);
        let user = prepared.users.external(cell(0).parse().unwrap()).to_owned();
        format!("{user} {} {} [{}]", name(&cell(1)), cell(2), list.collect::<Vec<_>>().join(" "))
    });
    rows.collect()
}

#[test]
fn histories_hold_what_came_before_and_nothing_that_is_held_out() {
    let songs = "user,item,rating,timestamp\nu,s,5,2\nu,t,5,9\n";
    let films = "user,item,rating,timestamp\nu,a,5,1\nu,b,5,3\nu,c,5,4\nu,d,5,5\nu,e,5,6\nv,a,5,7\n";
    let dir = files(&[("s.csv", songs), ("f.csv", films)]);
    let config = data(vec![domain(dir.path(), "songs", "s.csv"), domain(dir.path(), "films", "f.csv")]);
    let written = |history_domains, memory| {
        let options = PrepareOptions { history: Some(2), history_domains, memory, ..PrepareOptions::default() };
        let (prepared, report) = run(&config, &options, &SplitConfig::default()).unwrap();
        let out = dir.path().join("out");
        let choices = (&options, &SplitConfig::default(), 7);
        let (told, _) = prepare_folder((&out, false), &config, choices, &mut quiet()).unwrap();
        assert_eq!(told, report);
        ["train", "val", "test"].map(|part| histories(&out, part, &prepared))
    };
    for memory in [0, 256] {
        let [train, valid, test] = written(HistoryDomains::Target, memory);
        assert_eq!(train, ["u a 1 []", "u b 3 [a]", "u c 4 [a b]", "v a 7 []"]);
        assert_eq!((valid, test), (vec!["u d 5 [b c]".into()], vec!["u e 6 [c d]".into()]));
        let [train, valid, test] = written(HistoryDomains::All, memory);
        assert_eq!(train, ["u a 1 []", "u b 3 [a s]", "u c 4 [s b]", "v a 7 []"]);
        // The song at 9 is later than both.
        assert_eq!((valid, test), (vec!["u d 5 [b c]".into()], vec!["u e 6 [c d]".into()]));
    }
    let untimed = files(&[("f.csv", "user,item\nu,a\nu,b\n")]);
    let config = data(vec![domain(untimed.path(), "films", "f.csv")]);
    let refused = |history| {
        message(run(
            &config,
            &PrepareOptions { history: Some(history), ..PrepareOptions::default() },
            &kind(SplitKind::Ratio),
        ))
    };
    assert!(refused(20).starts_with("prepare.history: needs times") && refused(0).contains("1 to 10000"));
}

#[test]
fn events_of_one_second_keep_their_order_in_memory_in_the_folder_and_in_histories() {
    let at = |user: &str, item: &str, milliseconds: u32| format!("{user},{item},5,1588687728{milliseconds}\n");
    let films = [at("u", "c", 100), at("u", "a", 300), at("u", "b", 500), at("u", "e", 700), at("u", "d", 900)];
    let songs = [at("u", "z", 200), at("u", "y", 600)];
    let dir = files(&[
        ("films.csv", &("user,item,rating,time\n".to_owned() + &films.concat())),
        ("songs.csv", &("user,item,rating,time\n".to_owned() + &songs.concat())),
    ]);
    let config = data(vec![domain(dir.path(), "songs", "songs.csv"), domain(dir.path(), "films", "films.csv")]);
    let options =
        PrepareOptions { history: Some(9), history_domains: HistoryDomains::All, ..PrepareOptions::default() };
    let (prepared, report) = run(&config, &options, &SplitConfig::default()).unwrap();
    let out = dir.path().join("out");
    write_folder(&out, &prepared, &report).unwrap();
    let loaded = load_folder(&out).unwrap().0;
    for prepared in [&prepared, &loaded] {
        let names = |log: &segue_core::Interactions| {
            log.events().map(|event| prepared.catalogue.external(event.item).to_owned()).collect::<String>()
        };
        let [train, valid, test] = parts(prepared);
        assert_eq!((names(&train), names(&valid), names(&test)), ("czaby".into(), "e".into(), "d".into()));
        assert_eq!(names(&train.merged(&valid)), "czabye");
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_one_and_what_it_names_is_written() {
    let dir = inputs();
    let (prepared, report) = prepared(dir.path());
    let (link, disk) = (dir.path().join("out"), dir.path().join("disk"));
    std::fs::create_dir(&disk).unwrap();
    std::os::unix::fs::symlink("disk", &link).unwrap();
    write_folder(&link, &prepared, &report).unwrap();
    assert!(link.is_symlink() && disk.join("manifest.json").is_file());
    assert_eq!(load_folder(&link).unwrap().1.report, report);
    // One that points nowhere yet, and one to itself.
    let (link, round) = (dir.path().join("later"), dir.path().join("round"));
    std::os::unix::fs::symlink("not/there", &link).unwrap();
    write_folder(&link, &prepared, &report).unwrap();
    assert!(link.is_symlink() && dir.path().join("not/there/manifest.json").is_file());
    std::os::unix::fs::symlink("round", &round).unwrap();
    assert!(write_folder(&round, &prepared, &report).is_err() && round.is_symlink());
}

#[test]
fn no_domain_is_called_as_a_file_of_histories() {
    let dir = inputs();
    let config = data(vec![domain(dir.path(), "music", "music.csv"), domain(dir.path(), "music_hist", "films.csv")]);
    let options = PrepareOptions { history: Some(20), ..PrepareOptions::default() };
    let told = message(run(&config, &options, &SplitConfig::default()));
    assert!(told.contains("data.domains.name") && told.contains("music_hist"), "{told}");
    run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
}
