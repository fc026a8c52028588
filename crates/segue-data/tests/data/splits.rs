//! Every kind of split, on logs that can be followed by hand.

use segue_core::{OpenedTests, Prepared, Seed, TaskKind, episodes};
use segue_data::prepare::{
    DataConfig, LinkFile, Moment, OneOrMany, PrepareOptions, RatioOrder, SplitConfig, SplitKind, load_folder,
    write_folder,
};
use segue_data::writers::{ExportFormat, Ids, Wanted, export};

use super::{data, domain, files, kind, message, pairs, run};

/// `a` sees four films and hears two songs, `b` sees three films, `c` sees one and hears three; days of January 1970.
const FILMS: &str = "user,item,rating,timestamp\n\
    a,f1,5,86400\na,f2,4,172800\na,f3,1,259200\na,f4,2,345600\n\
    b,f1,3,86400\nb,f2,3,259200\nb,f3,5,432000\n\
    c,f1,2,518400\n";
const MUSIC: &str =
    "user,item,rating,timestamp\na,m1,5,86400\na,m2,4,432000\nc,m1,4,172800\nc,m2,4,259200\nc,m3,1,345600\n";

fn two() -> (tempfile::TempDir, DataConfig) {
    let dir = files(&[("films.csv", FILMS), ("music.csv", MUSIC), ("untimed.csv", "user,item\na,m1\nc,m1\n")]);
    let config = data(vec![domain(dir.path(), "music", "music.csv"), domain(dir.path(), "films", "films.csv")]);
    (dir, config)
}

fn all() -> OneOrMany<String> {
    OneOrMany::One("all".into())
}

/// Training events, and each task with its validation and test events.
type Told = (Vec<String>, Vec<(String, [Vec<String>; 2])>);

fn told(prepared: &Prepared) -> Told {
    let task = |task: &segue_core::Task| {
        let test = &task.test.open(&mut OpenedTests::default(), "test of preparation").events;
        (task.name.clone(), [&task.valid.events, test].map(|log| pairs(prepared, log)))
    };
    (pairs(prepared, &prepared.split.train), prepared.split.tasks.iter().map(task).collect())
}

#[track_caller]
fn check(config: &DataConfig, split: &SplitConfig, train: &[&str], tasks: &[(&str, &[&str], &[&str])]) -> String {
    let (prepared, report) = run(config, &PrepareOptions::default(), split).unwrap();
    let (found, of_tasks) = told(&prepared);
    assert_eq!(found, train);
    let expected: Vec<_> = tasks
        .iter()
        .map(|(name, valid, test)| {
            ((*name).to_owned(), [valid, test].map(|pairs| pairs.iter().map(|&pair| pair.to_owned()).collect()))
        })
        .collect::<Vec<(String, [Vec<String>; 2])>>();
    assert_eq!(of_tasks, expected);
    format!("{}\n{}", prepared.split.protocol, report.notes.join("\n"))
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn every_domain_may_ask_its_own_question() {
    let (dir, config) = two();
    let split = SplitConfig { targets: Some(all()), ..SplitConfig::default() };
    let train = ["a:f1", "a:f2", "a:m1", "a:m2", "b:f1", "c:f1", "c:m1"];
    let tasks: [(&str, &[&str], &[&str]); 2] =
        [("films", &["a:f3", "b:f2"], &["a:f4", "b:f3"]), ("music", &["c:m2"], &["c:m3"])];
    let text = check(&config, &split, &train, &tasks);
    says(&text, &["leave-one-out on films, music by time", "train = films-train + music-train"]);
    let named = SplitConfig { targets: Some(OneOrMany::Many(vec!["music".into(), "films".into()])), ..split.clone() };
    check(&config, &named, &train, &tasks);
    // Both questions are in the folder, and both are in the formats of other programs.
    let (prepared, report) = run(&config, &PrepareOptions::default(), &split).unwrap();
    let out = dir.path().join("out");
    write_folder(&out, &prepared, &report).unwrap();
    assert!(out.join("data/test_music.parquet").is_file());
    assert_eq!(told(&load_folder(&out).unwrap().0), told(&prepared));
    let csv = dir.path().join("csv");
    export(&csv, (&prepared, "two"), Wanted::of(ExportFormat::Csv, Ids::External)).unwrap();
    let given = |name: &str| segue_data::prepare::DomainConfig {
        name: name.into(),
        path: Some(csv.join(name)),
        ..segue_data::prepare::DomainConfig::default()
    };
    let config = data(vec![given("music"), given("films")]);
    let text = check(&config, &SplitConfig { targets: Some(all()), ..kind(SplitKind::Given) }, &train, &tasks);
    says(&text, &["given train, validation and test files of films, music"]);
}

#[test]
fn a_domain_without_a_question_is_learnt_from_alone() {
    let (_dir, config) = two();
    // Four likes has nobody in music.
    let split = SplitConfig { targets: Some(all()), min_history: 4, ..SplitConfig::default() };
    let (prepared, report) = run(&config, &PrepareOptions::default(), &split).unwrap();
    assert_eq!(prepared.split.tasks.len(), 1);
    says(&prepared.split.protocol, &["leave-one-out on films by time", "train = all of music + films-train"]);
    says(&report.notes.join("\n"), &["music: this split leaves nothing to test there, so it is learnt from alone"]);
    // Whoever names it is told.
    let named = SplitConfig { targets: Some(OneOrMany::Many(vec!["music".into(), "films".into()])), ..split };
    says(
        &message(run(&config, &PrepareOptions::default(), &named)),
        &["domain music has no test interactions", "leave it out of `split.targets`", "`split.min_history` (4)"],
    );
}

#[test]
fn one_moment_cuts_every_domain() {
    let (_dir, config) = two();
    let cut = |valid: &str| Some([Moment::Date(valid.into()), Moment::Seconds(345_600)]);
    let split = SplitConfig { cut: cut("1970-01-04"), ..kind(SplitKind::TimeCut) };
    // c has one film and is not asked about it, nor is it learnt from.
    let text = check(
        &config,
        &split,
        &["a:f1", "a:f2", "a:m1", "b:f1", "c:m1"],
        &[("films", &["a:f3", "b:f2"], &["a:f4", "b:f3"])],
    );
    says(
        &text,
        &[
            "cut in time on films: validation from 1970-01-04, test from 1970-01-05, in all domains training before",
            "train = music before 1970-01-04 + films-train",
            "music: 3 events at or after 1970-01-04 are in no part",
            "films: 1 events at or after 1970-01-04 of users with fewer than 3 events are in no part",
        ],
    );
    // Of the films' eight times the one at rank 8 · 0.5 and the one at rank 8 · 0.75: days 3 and 4 (counted from 0: 3, 5).
    let shares = SplitConfig { ratios: [0.5, 0.25, 0.25], min_history: 1, ..kind(SplitKind::TimeCut) };
    let text = check(
        &config,
        &shares,
        &["a:f1", "a:f2", "a:m1", "b:f1", "c:m1"],
        &[("films", &["a:f3", "a:f4", "b:f2"], &["b:f3", "c:f1"])],
    );
    says(&text, &["quantiles 0.5/0.25/0.25 of the events", "validation from 1970-01-04, test from 1970-01-06"]);
}

#[test]
fn a_cut_in_time_needs_times_everywhere() {
    let (dir, config) = two();
    let untimed = data(vec![domain(dir.path(), "music", "untimed.csv"), config.domains[1].clone()]);
    let refused = |config: &DataConfig, split: SplitConfig| message(run(config, &PrepareOptions::default(), &split));
    says(&refused(&untimed, kind(SplitKind::TimeCut)), &["split.kind", "music has none", "data.source"]);
    says(
        &refused(&untimed, SplitConfig { targets: Some(all()), ..SplitConfig::default() }),
        &["split.targets", "music has no times"],
    );
    run(&untimed, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
}

#[test]
fn every_event_is_test_in_one_fold_and_validation_in_the_one_before() {
    let rows: Vec<String> = (0..60).map(|n| format!("u{}\ti{}\n", n % 4, n / 4)).collect();
    let dir = files(&[("log.tsv", &rows.concat())]);
    let config = data(vec![domain(dir.path(), "films", "log.tsv")]);
    let of = |fold: u32, folds: u32| {
        let split = SplitConfig { folds, fold, ..kind(SplitKind::KFold) };
        let (prepared, _) = run(&config, &PrepareOptions::default(), &split).unwrap();
        told(&prepared).1.remove(0).1
    };
    let folds: Vec<_> = (0..3).map(|fold| of(fold, 3)).collect();
    let mut tested: Vec<String> = folds.iter().flat_map(|[_, test]| test.clone()).collect();
    tested.sort();
    let mut all: Vec<String> = rows.iter().map(|row| row.trim_end().replace('\t', ":")).collect();
    all.sort();
    assert_eq!(tested, all);
    for fold in 0..3 {
        assert_eq!(folds[fold][0], folds[(fold + 1) % 3][1]);
    }
    let [halves, other] = [of(0, 2), of(1, 2)];
    assert!(halves[0].is_empty() && other[0].is_empty());
    assert_eq!(halves[1].len() + other[1].len(), 60);
}

#[test]
fn cold_users_are_known_from_elsewhere_alone() {
    let (_dir, config) = two();
    let everyone = |cold: [f64; 2], min_history| SplitConfig { cold, min_history, ..kind(SplitKind::ColdUser) };
    // b is not met in music, c has too few films.
    let text = check(
        &config,
        &everyone([0.0, 1.0], 3),
        &["a:m1", "a:m2", "b:f1", "b:f2", "b:f3", "c:f1", "c:m1", "c:m2", "c:m3"],
        &[("films", &[], &["a:f1", "a:f2", "a:f3", "a:f4"])],
    );
    says(&text, &["cold users of films by hash", "with at least 3 events there 1 are test and 0 validation"]);
    let (prepared, _) = run(&config, &PrepareOptions::default(), &everyone([0.0, 1.0], 1)).unwrap();
    assert_eq!(told(&prepared).1[0].1[1], ["a:f1", "a:f2", "a:f3", "a:f4", "c:f1"]);
    assert_eq!(prepared.split.tasks[0].kind, TaskKind::ColdUser);
    // Of all domains each has those left over by the ones before it: nobody is cold everywhere.
    let split = SplitConfig { targets: Some(all()), ..everyone([0.0, 1.0], 3) };
    check(
        &config,
        &split,
        &["a:m1", "a:m2", "b:f1", "b:f2", "b:f3", "c:f1"],
        &[("films", &[], &["a:f1", "a:f2", "a:f3", "a:f4"]), ("music", &[], &["c:m1", "c:m2", "c:m3"])],
    );
    let alone = DataConfig { source: Some(OneOrMany::Many(Vec::new())), ..config };
    says(
        &message(run(&alone, &PrepareOptions::default(), &everyone([0.1, 0.2], 3))),
        &["split.kind", "films is alone", "split=few_shot"],
    );
}

#[test]
fn few_shots_are_the_first_events_of_a_user() {
    let (_dir, config) = two();
    let split = SplitConfig { support: 2, cold: [0.0, 1.0], min_history: 1, ..kind(SplitKind::FewShot) };
    let music = ["a:m1", "a:m2", "c:m1", "c:m2", "c:m3"];
    let mut train = [&["a:f1", "a:f2", "b:f1", "b:f2", "c:f1"][..], &music].concat();
    train.sort_unstable();
    let text = check(&config, &split, &train, &[("films", &[], &["a:f3", "a:f4", "b:f3"])]);
    says(&text, &["few-shot users of films by hash: of those with more than 2 and at least 1 events"]);
    let both = SplitConfig { targets: Some(all()), ..split };
    train.retain(|pair| *pair != "c:m3");
    check(&config, &both, &train, &[("films", &[], &["a:f3", "a:f4", "b:f3"]), ("music", &[], &["c:m3"])]);
    let (prepared, _) = run(&config, &PrepareOptions::default(), &both).unwrap();
    assert_eq!(prepared.split.tasks[1].kind, TaskKind::FewShot(2));
    // Episodes divide all events of these users as the split did, and none of the training events.
    let films = prepared.catalogue.range(1);
    assert_eq!(episodes(&prepared.split.train, films.clone(), 2, Seed::new(0)).count(), 0);
    let test = &prepared.split.tasks[0].test.open(&mut OpenedTests::default(), "test of preparation").events;
    let whole = prepared.split.train.merged(test);
    for episode in episodes(&whole, films, 2, Seed::new(0)) {
        let items = |of: &[usize]| of.iter().map(|&n| whole.user(episode.user).items[n]).collect::<Vec<_>>();
        assert_eq!(items(&episode.query), test.user(episode.user).items);
        assert_eq!(items(&episode.support).len(), 2);
    }
}

#[test]
fn a_cold_item_is_cold_by_every_name() {
    let names: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    let log = |prefix: &str| {
        let rows = names.iter().enumerate().map(|(n, item)| format!("u{},{prefix}{item},3,{n}\n", n % 3));
        format!("user,item,rating,timestamp\n{}", rows.collect::<String>())
    };
    let links: String = names.iter().take(20).map(|item| format!("b{item}\tf{item}\n")).collect();
    let dir = files(&[("books.csv", &log("b")), ("films.csv", &log("f")), ("same", &links)]);
    let link =
        LinkFile { file: dir.path().join("same"), domains: ["books".into(), "films".into()], header: Some(false) };
    let config = data(vec![domain(dir.path(), "books", "books.csv"), domain(dir.path(), "films", "films.csv")]);
    let config = DataConfig { item_links: vec![link], ..config };
    let cold = |item: &str| {
        let unit = Seed::new(7).named("split").named("cold_item").named("films").named(&format!("f{item}")).unit();
        unit < 0.5
    };
    let test: Vec<&String> = names.iter().filter(|item| cold(item)).collect();
    assert!(test.iter().any(|item| item.parse::<u32>().unwrap() < 20));
    for targets in [None, Some(all())] {
        let split = SplitConfig { cold: [0.0, 0.5], targets, ..kind(SplitKind::ColdItem) };
        let (prepared, report) = run(&config, &PrepareOptions::default(), &split).unwrap();
        let (train, tasks) = told(&prepared);
        let has = |pairs: &[String], name: &str| pairs.iter().any(|pair| pair.ends_with(&format!(":{name}")));
        for item in &names {
            let [book, film] = ["b", "f"].map(|prefix| format!("{prefix}{item}"));
            assert_eq!(has(&tasks[0].1[1], &film), cold(item), "{item}");
            assert_eq!(has(&train, &film), !cold(item), "{item}");
            if item.parse::<u32>().unwrap() < 20 && cold(item) {
                assert!(!has(&train, &book), "{item}");
                assert_eq!(split.targets.is_some(), tasks.get(1).is_some_and(|(_, [_, test])| has(test, &book)));
            }
        }
        if split.targets.is_none() {
            says(
                &prepared.split.protocol,
                &["cold items of films", "all of books but events on items linked to cold ones"],
            );
            says(&report.notes.join("\n"), &["events on items that are linked to cold ones are in no part"]);
        }
    }
}

#[test]
fn linked_events_give_cold_users_no_history() {
    let (dir, config) = two();
    std::fs::write(dir.path().join("same"), "m1\tf1\nm2\tf9\nm3\tf3\n").unwrap();
    let link =
        LinkFile { file: dir.path().join("same"), domains: ["music".into(), "films".into()], header: Some(false) };
    std::fs::write(dir.path().join("films.csv"), format!("{FILMS}b,f9,2,99\n")).unwrap();
    let config = DataConfig { item_links: vec![link], ..config };
    let split = SplitConfig { cold: [0.0, 1.0], ..kind(SplitKind::ColdUser) };
    // m2 = f9 stays music for a, who may have no films; m1 = f1 is asked. c is not cold: m1 = f1 is there already.
    let text = check(
        &config,
        &split,
        &["a:m2", "b:f1", "b:f2", "b:f3", "b:f9", "c:f1", "c:f3", "c:f9"],
        &[("films", &[], &["a:f1", "a:f2", "a:f3", "a:f4"])],
    );
    says(
        &text,
        &[
            "3 events of sources are events of the domain that keeps the item; 1 of them are gone",
            "2 events stay in their domain",
            "1 training events are in no part, for their user is asked about the item",
        ],
    );
}

#[test]
fn wrong_numbers_are_refused_before_anything_is_read() {
    let nowhere = data(vec![domain(std::path::Path::new("no/such"), "films", "films.csv")]);
    let check =
        |split: SplitConfig, parts: &[&str]| says(&message(run(&nowhere, &PrepareOptions::default(), &split)), parts);
    let base = SplitConfig::default();
    check(SplitConfig { folds: 1, ..base.clone() }, &["split.folds: 1 must be at least 2"]);
    check(SplitConfig { fold: 5, ..base.clone() }, &["split.fold: 5 must lie in 0..=4, for there are 5 folds"]);
    for cold in [[0.1, 0.0], [-0.1, 0.5], [0.5, 0.6], [f64::NAN, 0.5], [0.0, f64::INFINITY]] {
        check(SplitConfig { cold, ..base.clone() }, &["split.cold: [", "sum of at most 1, test above 0"]);
    }
    check(SplitConfig { support: 0, ..base.clone() }, &["split.support: 0 must be at least 1", "split=cold_user"]);
    let cut = ["2018-01-01", "soon"].map(|text| Moment::Date(text.into()));
    check(SplitConfig { cut: Some(cut), ..base.clone() }, &["split.cut: \"soon\" is no moment", "2018-01-01"]);
    let cut = Some([Moment::Seconds(5), Moment::Seconds(4)]);
    check(SplitConfig { cut, ..base.clone() }, &["split.cut", "the earlier moment comes first"]);
    let shares = SplitConfig { ratios: [0.5, 0.1, 0.1], ..kind(SplitKind::TimeCut) };
    check(shares, &["split.ratios: [0.5, 0.1, 0.1] must be three shares"]);
    let names = |name: &str| Some(OneOrMany::Many(vec![name.to_owned()]));
    check(SplitConfig { targets: names("filns"), ..base.clone() }, &["split.targets", "did you mean films?"]);
    check(SplitConfig { targets: Some(OneOrMany::Many(Vec::new())), ..base }, &["split.targets: leaves out films"]);
    let shortcut = DataConfig { val_ratio: Some(0.2), ..nowhere.clone() };
    let refused = |split: SplitConfig| message(run(&shortcut, &PrepareOptions::default(), &split));
    says(&refused(kind(SplitKind::KFold)), &["data.val_ratio: has no meaning for folds"]);
    says(&refused(kind(SplitKind::ColdItem)), &["data.val_ratio: has no meaning for shares of users or items"]);
}

#[test]
fn shortcuts_of_shares_keep_a_cut_in_time() {
    let (_dir, config) = two();
    let shares = DataConfig { train_ratio: Some(0.5), val_ratio: Some(0.25), ..config };
    let (_, report) = run(&shares, &PrepareOptions::default(), &kind(SplitKind::TimeCut)).unwrap();
    assert_eq!((report.split.kind, report.split.ratios), (SplitKind::TimeCut, [0.5, 0.25, 0.25]));
    let by_time = SplitConfig { order: RatioOrder::Time, ..SplitConfig::default() };
    let (_, report) = run(&shares, &PrepareOptions::default(), &by_time).unwrap();
    assert_eq!(report.split.kind, SplitKind::Ratio);
}
