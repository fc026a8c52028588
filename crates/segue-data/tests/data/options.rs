//! Every option on logs that can be followed by hand.

use segue_core::Signal;
use segue_data::prepare::{
    Column, ColumnMap, Core, CoreMode, DataConfig, Deduplicate, DomainConfig, FeatureOptions, LinkFile, OneOrMany,
    PrepareOptions, RatioOrder, SplitConfig, SplitKind, UserFilter, UserIdentity, load_folder, write_folder,
};

use super::{data, domain, files, kind, message, pairs, parts, run};

/// Three films of `a`, three of `b`, one of `c`; `a` and `c` play music.
const FILMS: &str = "user,item,rating,timestamp\n\
    a,f1,5,10\na,f2,4,20\na,f3,1,30\n\
    b,f1,3,10\nb,f2,3,10\nb,f3,5,10\n\
    c,f1,2,5\n";
const MUSIC: &str = "user,item,rating,timestamp\na,m1,5,1\nc,m1,4,2\nc,m2,4,3\nd,m2,1,4\n";

fn two() -> (tempfile::TempDir, DataConfig) {
    let dir = files(&[("films.csv", FILMS), ("music.csv", MUSIC)]);
    let config = data(vec![domain(dir.path(), "music", "music.csv"), domain(dir.path(), "films", "films.csv")]);
    (dir, config)
}

#[test]
fn the_last_target_event_is_test_and_all_of_the_source_is_training() {
    let (_dir, config) = two();
    let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    let [train, valid, test] = parts(&prepared);
    // b's times are equal: the larger value is last, then the smaller item id. c has one film: all training.
    assert_eq!(pairs(&prepared, &test), ["a:f3", "b:f3"]);
    assert_eq!(pairs(&prepared, &valid), ["a:f2", "b:f1"]);
    assert_eq!(pairs(&prepared, &train), ["a:f1", "a:m1", "b:f2", "c:f1", "c:m1", "c:m2", "d:m2"]);
    assert_eq!(prepared.catalogue.domains()[1].name, "films");
    assert_eq!(prepared.split.tasks[0].target, 1);
    assert_eq!(prepared.users.iter().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    let overlap = &report.overlaps[0];
    assert_eq!((overlap.users, overlap.percent_of_first.round(), overlap.percent_of_second.round()), (2, 67.0, 67.0));
    let films: Vec<_> = report
        .parts
        .iter()
        .filter(|p| p.domain == "films")
        .map(|p| (p.part.as_str(), p.users, p.items, p.interactions))
        .collect();
    assert_eq!(films, [("train", 3, 2, 3), ("val", 2, 2, 2), ("test", 2, 1, 2)]);
    assert!(
        prepared.split.protocol.contains("leave-one-out on films") && prepared.split.protocol.contains("all of music")
    );
}

#[test]
fn min_history_one_asks_about_everyone() {
    let (_dir, config) = two();
    let split = SplitConfig { min_history: 1, ..SplitConfig::default() };
    let (prepared, _) = run(&config, &PrepareOptions::default(), &split).unwrap();
    assert_eq!(pairs(&prepared, &parts(&prepared)[2]), ["a:f3", "b:f3", "c:f1"]);
}

#[test]
fn overlapping_users_and_the_target_alone() {
    let (_dir, config) = two();
    let options = PrepareOptions { users: UserFilter::Overlapping, ..PrepareOptions::default() };
    let (prepared, report) = run(&config, &options, &SplitConfig::default()).unwrap();
    assert_eq!(prepared.users.iter().collect::<Vec<_>>(), ["a", "c"]);
    // Of what such a filter leaves everybody is in both; the logs tell how many that were of all.
    let percents = |overlaps: &[segue_data::prepare::Overlap]| {
        overlaps.iter().map(|o| (o.users, o.percent_of_first.round(), o.percent_of_second.round())).collect::<Vec<_>>()
    };
    assert_eq!(percents(&report.overlaps), [(2, 100.0, 100.0)]);
    assert_eq!(percents(&report.overlaps_as_read), [(2, 67.0, 67.0)]);
    let alone = DataConfig { source: Some(OneOrMany::Many(Vec::new())), ..config };
    let (prepared, _) = run(&alone, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert_eq!(prepared.catalogue.domains().len(), 1);
    assert_eq!(prepared.users.len(), 3);
}

#[test]
fn thresholds_give_signals_and_only_likes_are_held_out() {
    let (_dir, config) = two();
    let options =
        PrepareOptions { positive_threshold: Some(3.0), negative_threshold: Some(2.0), ..PrepareOptions::default() };
    let split = SplitConfig { min_history: 2, ..SplitConfig::default() };
    let (prepared, report) = run(&config, &options, &split).unwrap();
    let [train, valid, test] = parts(&prepared);
    // a's f3 is disliked after the held-out like f2 and may not be learnt from.
    assert_eq!(pairs(&prepared, &test), ["a:f2", "b:f3"]);
    assert_eq!(pairs(&prepared, &valid), ["a:f1", "b:f1"]);
    assert!(!pairs(&prepared, &train).contains(&"a:f3".to_owned()));
    assert!(report.notes.iter().any(|n| n.contains("1 events that are no likes")), "{:?}", report.notes);
    assert!(train.events().any(|e| e.signal == Signal::Negative));
    let only = PrepareOptions { positives_only: true, ..options };
    let (prepared, _) = run(&config, &only, &split).unwrap();
    assert!(parts(&prepared).iter().all(|log| log.events().all(|e| e.signal == Signal::Positive)));
}

#[test]
fn a_ratio_split_keeps_all_signals_with_their_values() {
    let rows: String = (0..400).map(|n| format!("u{},i{n},{},{n}\n", n % 4, n % 5 + 1)).collect();
    let dir = files(&[("log.csv", &format!("user,item,rating,time\n{rows}"))]);
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let options =
        PrepareOptions { positive_threshold: Some(4.0), negative_threshold: Some(2.0), ..PrepareOptions::default() };
    let (prepared, _) = run(&config, &options, &kind(SplitKind::Ratio)).unwrap();
    let logs = parts(&prepared);
    assert_eq!(logs.iter().map(segue_core::Interactions::len).sum::<usize>(), 400);
    assert!((290..350).contains(&logs[0].len()), "{}", logs[0].len());
    for signal in [Signal::Negative, Signal::Neutral, Signal::Positive] {
        assert!(logs[2].events().any(|e| e.signal == signal));
    }
    let by_time = SplitConfig { order: RatioOrder::Time, ..kind(SplitKind::Ratio) };
    let (prepared, _) = run(&config, &options, &by_time).unwrap();
    assert_eq!(parts(&prepared).map(|log| log.len()), [320, 40, 40]);
    let shares = DataConfig { train_ratio: Some(0.5), val_ratio: Some(0.25), ..config };
    let (_, report) =
        run(&shares, &options, &SplitConfig { order: RatioOrder::Time, ..SplitConfig::default() }).unwrap();
    assert_eq!(report.split.ratios, [0.5, 0.25, 0.25]);
}

#[test]
fn a_share_of_the_users_is_the_same_share_again() {
    let rows: String = (0..3000).map(|n| format!("u{} i{}\n", n / 3, n % 3)).collect();
    let dir = files(&[("log.txt", &rows)]);
    let half = DataConfig { train_size: Some(0.5), ..data(vec![domain(dir.path(), "films", "log.txt")]) };
    let (prepared, report) = run(&half, &PrepareOptions::default(), &kind(SplitKind::Ratio)).unwrap();
    assert!((400..600).contains(&prepared.users.len()), "{}", prepared.users.len());
    assert_eq!(report.options.train_size, 0.5);
    let fewer = PrepareOptions { train_size: 0.25, ..PrepareOptions::default() };
    let (smaller, _) = run(&DataConfig { train_size: None, ..half }, &fewer, &kind(SplitKind::Ratio)).unwrap();
    assert!(smaller.users.iter().all(|user| prepared.users.find(user).is_some()));
}

#[test]
fn a_sample_of_rows_has_the_size_asked_for_and_is_part_of_a_larger_one() {
    let rows: Vec<String> = (0..600).map(|n| format!("u{} i{}\n", n % 20, n % 31)).collect();
    let reversed: String = rows.iter().rev().map(String::as_str).collect();
    let dir = files(&[("log.txt", &rows.concat()), ("reversed.txt", &reversed), ("songs.txt", "u1 s1\nu2 s2\n")]);
    let sampled = |file: &str, max_rows: usize, own: Option<usize>| {
        let mut config = data(vec![domain(dir.path(), "songs", "songs.txt"), domain(dir.path(), "films", file)]);
        config.domains[1].max_rows = own;
        let options = PrepareOptions { max_rows: Some(max_rows), ..PrepareOptions::default() };
        let (prepared, report) = run(&config, &options, &kind(SplitKind::Ratio)).unwrap();
        let left = report.steps.iter().filter(|s| s.step == "max rows").map(|s| s.interactions).collect::<Vec<_>>();
        let mut pairs: Vec<String> = parts(&prepared).iter().flat_map(|log| pairs(&prepared, log)).collect();
        pairs.sort();
        (left, pairs)
    };
    let (left, hundred) = sampled("log.txt", 100, None);
    assert_eq!((left, hundred.len()), (vec![2, 100], 102));
    assert_eq!(sampled("reversed.txt", 100, None).1, hundred);
    let (left, fewer) = sampled("log.txt", 100, Some(40));
    assert_eq!(left, [2, 40]);
    assert!(fewer.iter().all(|pair| hundred.contains(pair)));
    assert_eq!(sampled("log.txt", 100_000, None).0, [2, 600]);
}

#[test]
fn users_and_items_are_those_of_a_file() {
    let (dir, mut config) = two();
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        Some(dir.path().join(name))
    };
    let only_users = write("users.csv", "user_id\na\nc\r\n\nz\n");
    let only_items = write("films.ids", "f1\n f3 \n");
    config.domains[0].only_items = write("songs.ids", "m1\n");
    let options = PrepareOptions { only_users, only_items, ..PrepareOptions::default() };
    let split = SplitConfig { min_history: 2, ..SplitConfig::default() };
    let (prepared, report) = run(&config, &options, &split).unwrap();
    let all: Vec<String> = parts(&prepared).iter().flat_map(|log| pairs(&prepared, log)).collect();
    assert_eq!(all, ["a:m1", "c:f1", "c:m1", "a:f1", "a:f3"]);
    assert!(report.notes.iter().any(|note| note.ends_with("users.csv: 2 of 3 ids are users")), "{:?}", report.notes);
    assert!(report.inputs.iter().any(|input| input.path.ends_with("films.ids") && input.lines == 2));
    let removed = |step: &str| report.steps.iter().filter(|s| s.step == step).map(|s| s.removed).collect::<Vec<_>>();
    assert_eq!((removed("only users"), removed("only items")), (vec![1, 3], vec![1, 1]));

    let only_items = write("none.ids", "f1,5\n");
    let text = message(run(&config, &PrepareOptions { only_items, ..PrepareOptions::default() }, &split));
    assert!(text.starts_with("prepare.only_items: ") && text.contains("such as \"f1\""), "{text}");
    let only_users = Some(dir.path().join("user.csv"));
    let text = message(run(&config, &PrepareOptions { only_users, ..PrepareOptions::default() }, &split));
    assert!(text.contains("no such file") && text.contains("users.csv"), "{text}");
}

#[test]
fn an_item_that_is_not_kept_comes_back_neither_by_a_link_nor_as_a_negative() {
    let (dir, mut config) = two();
    std::fs::write(dir.path().join("x.link"), "m1,f2\nm2,f3\n").unwrap();
    std::fs::write(dir.path().join("films.ids"), "f1\nf3\n").unwrap();
    std::fs::write(dir.path().join("negatives.txt"), "a f2 f3\n").unwrap();
    config.domains[1].only_items = Some(dir.path().join("films.ids"));
    config.domains[1].negatives = Some(dir.path().join("negatives.txt"));
    let domains = ["music".into(), "films".into()];
    config.item_links = vec![LinkFile { file: dir.path().join("x.link"), domains, header: Some(false) }];
    let split = SplitConfig { min_history: 1, ..SplitConfig::default() };
    let (prepared, _) = run(&config, &PrepareOptions::default(), &split).unwrap();
    assert!(prepared.catalogue.find(1, "f2").is_none());
    // m1 stays a song, m2 is f3.
    assert!(prepared.catalogue.find(0, "m1").is_some() && prepared.catalogue.find(0, "m2").is_none());
    let f3 = prepared.catalogue.find(1, "f3").unwrap();
    let negatives = prepared.split.tasks[0].valid.negatives.as_ref().unwrap();
    assert_eq!(negatives.cols_of(prepared.users.find("a").unwrap() as usize), [f3]);
}

#[test]
fn own_user_ids_are_other_people() {
    let (_dir, mut config) = two();
    config.domains[0].users = Some(UserIdentity::Own);
    let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert!(prepared.users.find("music:a").is_some() && prepared.users.find("a").is_some());
    assert_eq!(report.overlaps[0].users, 0);
}

#[test]
fn columns_are_mapped_by_name_or_position() {
    let dir = files(&[
        ("named.tsv", "when\twhat\thow\twho\n3\tx\t5\tu\n4\ty\t1\tu\n5\tz\t2\tu\n"),
        ("plain.csv", "x;u\ny;u\nz;u\n"),
    ]);
    let name = |name: &str| Some(Column::Name(name.into()));
    let named = DomainConfig {
        columns: ColumnMap { user: name("who"), item: name("what"), value: name("how"), time: name("when") },
        ..domain(dir.path(), "films", "named.tsv")
    };
    let (prepared, _) = run(&data(vec![named]), &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert_eq!(pairs(&prepared, &parts(&prepared)[2]), ["u:z"]);
    let at = |position| Some(Column::Position(position));
    let plain = DomainConfig {
        columns: ColumnMap { user: at(1), item: at(0), ..ColumnMap::default() },
        header: Some(false),
        ..domain(dir.path(), "films", "plain.csv")
    };
    let split = SplitConfig { ratios: [0.4, 0.3, 0.3], ..kind(SplitKind::Ratio) };
    // Three rows may fall anywhere; what matters is that they are read.
    match run(&data(vec![plain]), &PrepareOptions::default(), &split) {
        Ok((prepared, _)) => assert_eq!(prepared.catalogue.n_items(), 3),
        Err(error) => assert!(error.to_string().contains("the split"), "{error}"),
    }
}

#[test]
fn a_core_until_stable_is_a_core() {
    let rows: String = (0..200).map(|n| format!("u{} i{}\n", n * n % 37, n * 7 % 29)).collect();
    let dir = files(&[("log.txt", &rows)]);
    let core = Core { users: 4, items: 4, mode: CoreMode::UntilStable, ..Core::default() };
    let options = PrepareOptions { core, ..PrepareOptions::default() };
    let (prepared, _) =
        run(&data(vec![domain(dir.path(), "films", "log.txt")]), &options, &kind(SplitKind::Ratio)).unwrap();
    let mut items = vec![0; prepared.catalogue.n_items()];
    let mut users = vec![0; prepared.users.len()];
    for event in parts(&prepared).iter().flat_map(segue_core::Interactions::events) {
        items[event.item as usize] += 1;
        users[event.user as usize] += 1;
    }
    assert!(items.iter().chain(&users).all(|&n| n >= 4));
}

#[test]
fn duplicates_may_be_kept() {
    let dir = files(&[("log.csv", "user,item,rating,time\nu,x,1,1\nu,x,2,2\nu,y,3,3\nu,z,3,4\n")]);
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let all = PrepareOptions { deduplicate: Deduplicate::None, ..PrepareOptions::default() };
    let (prepared, _) = run(&config, &all, &SplitConfig::default()).unwrap();
    assert_eq!(pairs(&prepared, &parts(&prepared)[0]), ["u:x", "u:x"]);
    let (prepared, _) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    let kept: Vec<f32> = parts(&prepared)[0].events().map(|e| e.value).collect();
    assert_eq!(kept, [2.0]);
    let rule = |text: &str| serde_json::from_str::<Deduplicate>(text).unwrap();
    assert_eq!((rule(r#""last""#), rule(r#""first""#)), (Deduplicate::Latest, Deduplicate::First));
    // One row of x is 1 + 2 and of the time of its latest event; the clip is of single events.
    let sum = PrepareOptions { deduplicate: Deduplicate::Sum, clip: Some([1.0, 2.0]), ..PrepareOptions::default() };
    let (prepared, _) = run(&config, &sum, &SplitConfig::default()).unwrap();
    let kept: Vec<_> = parts(&prepared)[0].events().map(|e| (e.value, e.time)).collect();
    assert_eq!(kept, [(3.0, Some(2))]);
}

#[test]
fn values_of_each_domain_are_its_own() {
    let plays = "user,item,plays,time\na,m1,1,1\na,m1,2,2\na,m2,15,3\nb,m1,0,4\nb,m2,7,5\nc,m2,500,6\n";
    let dir = files(&[("films.csv", FILMS), ("music.csv", plays)]);
    let mut music = domain(dir.path(), "music", "music.csv");
    let name = |name: &str| Some(Column::Name(name.into()));
    music.columns = ColumnMap { user: name("user"), item: name("item"), value: name("plays"), time: name("time") };
    let own = r#"{"value_interval": [1, 100], "log": "log2", "scale": "min_max"}"#;
    music.values = Some(serde_json::from_str(own).unwrap());
    let config = data(vec![music, domain(dir.path(), "films", "films.csv")]);
    let options = PrepareOptions { deduplicate: Deduplicate::Sum, ..PrepareOptions::default() };
    let (prepared, report) = run(&config, &options, &SplitConfig::default()).unwrap();
    // 3, 15 and 7 plays are 2, 4 and 3, and these 0, 1 and 1/2; 0 and 500 plays are outside the interval.
    let music: Vec<(String, f32)> = prepared
        .split
        .train
        .events()
        .filter(|e| prepared.catalogue.domain_of(e.item) == 0)
        .map(|e| (format!("{}:{}", prepared.users.external(e.user), prepared.catalogue.external(e.item)), e.value))
        .collect();
    assert_eq!(music, [("a:m1".into(), 0.0), ("a:m2".into(), 1.0), ("b:m2".into(), 0.5)]);
    let films: f32 = parts(&prepared)[2].events().map(|e| e.value).sum();
    assert_eq!(films, 6.0);
    let step = |domain: &str| report.steps.iter().find(|s| s.step == "value interval" && s.domain == domain).unwrap();
    assert_eq!((step("music").removed, step("films").removed), (2, 0));
    assert!(
        prepared.split.protocol.ends_with("; values of music are log2(1+x), min-max"),
        "{}",
        prepared.split.protocol
    );
    assert!(
        report.notes.contains(&"music: values are (x - 2) / 2, from 3 training rows".to_owned()),
        "{:?}",
        report.notes
    );
    assert!(serde_json::from_str::<DomainConfig>(r#"{"values": {"logarithm": "ln"}}"#).is_err());
}

#[test]
fn several_intervals_keep_the_rows_of_each() {
    let log = "user,item,rating,timestamp\na,m1,0.5,1\na,m2,1,2\na,m3,3,3\na,m4,3.5,4\na,m5,5,5\nb,m1,4,6\n";
    let dir = files(&[("log.csv", log)]);
    let options: PrepareOptions = serde_json::from_str(r#"{"value_interval": "[0, 1); (3, 5]"}"#).unwrap();
    let (prepared, report) =
        run(&data(vec![domain(dir.path(), "films", "log.csv")]), &options, &SplitConfig::default()).unwrap();
    let kept = parts(&prepared).map(|part| pairs(&prepared, &part)).concat();
    assert_eq!(kept, ["a:m1", "b:m1", "a:m4", "a:m5"]);
    let step = report.steps.iter().find(|step| step.step == "value interval").unwrap();
    assert_eq!((step.removed, step.interactions), (2, 4));
    // What the report says can be read again.
    let again: PrepareOptions = serde_json::from_str(&serde_json::to_string(&report.options).unwrap()).unwrap();
    assert_eq!(again, options);
}

#[test]
fn weights_are_of_training_rows_and_a_test_row_moves_none() {
    let weights = |test: &str, options: &PrepareOptions| {
        let log = format!("user,item,rating,timestamp\na,x,1,1\na,y,3,2\na,z,2,3\na,w,{test},4\nb,x,2,1\n");
        let dir = files(&[("log.csv", &log)]);
        let (prepared, _) =
            run(&data(vec![domain(dir.path(), "films", "log.csv")]), options, &SplitConfig::default()).unwrap();
        parts(&prepared).map(|log| log.events().map(|e| e.weight).collect::<Vec<_>>())
    };
    let all = PrepareOptions::default();
    assert_eq!(weights("5", &all), [vec![0.0, 1.0, 0.5], vec![0.5], vec![1.0]]);
    assert_eq!(weights("-9", &all), [vec![0.0, 1.0, 0.5], vec![0.5], vec![0.0]]);
    let one = PrepareOptions { normalise: false, ..all };
    assert_eq!(weights("5", &one), [vec![1.0; 3], vec![1.0], vec![1.0]]);
}

#[test]
fn options_read_from_text_and_unknown_keys_are_refused() {
    let options: PrepareOptions =
        serde_json::from_str(r#"{"core": {"users": 5, "strict": true}, "users": "overlapping"}"#).unwrap();
    assert_eq!((options.core.users, options.core.strict, options.clip), (5, true, None));
    assert!(serde_json::from_str::<PrepareOptions>(r#"{"cores": 1}"#).is_err());
    assert!(serde_json::from_str::<DataConfig>(r#"{"domains": [{"name": "x", "file": "y"}]}"#).is_err());
    let split: SplitConfig = serde_json::from_str(r#"{"kind": "given", "seed": 3}"#).unwrap();
    assert_eq!((split.kind, split.seed), (SplitKind::Given, Some(3)));
}

#[test]
fn mixed_times_are_told_and_dropped_from_the_joint_log() {
    let dir = files(&[("films.csv", FILMS), ("music.txt", "a m1\n")]);
    let config = data(vec![domain(dir.path(), "music", "music.txt"), domain(dir.path(), "films", "films.csv")]);
    let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert!(!prepared.split.train.has_times());
    assert!(report.notes.iter().any(|n| n.contains("music has no times")), "{:?}", report.notes);
    let message =
        message(run(&data(vec![config.domains[0].clone()]), &PrepareOptions::default(), &SplitConfig::default()));
    assert!(message.contains("split=ratio") && message.contains("needs times"), "{message}");
}

#[test]
fn kept_repeats_of_what_is_asked_are_told() {
    let rows = "user,item,rating,timestamp\nu,a,5,1\nu,b,5,2\nu,a,5,3\nu,c,5,4\nu,b,5,5\n";
    let dir = files(&[("log.csv", rows)]);
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let notes = |deduplicate| {
        let options = PrepareOptions { deduplicate, ..PrepareOptions::default() };
        run(&config, &options, &SplitConfig::default()).unwrap().1.notes
    };
    // c is validation and b is test, which training has, too.
    let told = notes(Deduplicate::None);
    assert!(told.iter().any(|note| note.contains("films: 1 of 2 held-out events repeat a pair")), "{told:?}");
    assert_eq!(notes(Deduplicate::Latest), [""; 0]);
}

#[test]
fn a_value_may_stand_for_none_or_not_matter_at_all() {
    let rows = "user,item,rating,timestamp\nu,a,0,1\nu,b,5,2\nu,c,2,3\nu,d,,4\nu,e,3,5\n";
    let dir = files(&[("log.csv", rows)]);
    let values = |change: &dyn Fn(&mut DomainConfig)| {
        let mut domain = domain(dir.path(), "films", "log.csv");
        change(&mut domain);
        let options = PrepareOptions { clip: None, ..PrepareOptions::default() };
        let split = SplitConfig { min_history: 1, ..SplitConfig::default() };
        let (prepared, _) = run(&data(vec![domain]), &options, &split).unwrap();
        let mut values: Vec<String> = parts(&prepared)
            .iter()
            .flat_map(|log| {
                log.events().map(|e| format!("{}={}", prepared.catalogue.external(e.item), e.value)).collect::<Vec<_>>()
            })
            .collect();
        values.sort();
        values.join(" ")
    };
    assert_eq!(values(&|_| {}), "a=0 b=5 c=2 e=3");
    assert_eq!(values(&|domain| domain.unrated = Some(0.0)), "b=5 c=2 e=3");
    assert_eq!(values(&|domain| domain.implicit = true), "a=1 b=1 c=1 d=1 e=1");
}

#[test]
fn categories_of_all_domains_are_features_over_one_vocabulary() {
    let dir = files(&[
        ("s.csv", "user,item,rating,timestamp\nu,s,5,1\nu,t,5,2\n"),
        ("s_meta.csv", "item,title,genres\ns,Song,Sci-Fi|R&B\nt,Tune,\n"),
        ("f.csv", "user,item,rating,timestamp\nu,a,5,1\nu,b,5,3\nu,c,5,4\n"),
        (
            "f_meta.csv",
            "item,title,genres\na,Alien,Science Fiction|Horror\nb,Blues,Rhythm & Blues|horror|Scary\nc,C,Horror\n",
        ),
        ("same.csv", "scary,HORROR\n"),
    ]);
    let with = |name: &str, file: &str, meta: &str| DomainConfig {
        items: Some(OneOrMany::One(dir.path().join(meta))),
        ..domain(dir.path(), name, file)
    };
    let config = data(vec![with("songs", "s.csv", "s_meta.csv"), with("films", "f.csv", "f_meta.csv")]);
    let features = |features: Option<FeatureOptions>| {
        let options = PrepareOptions { features, ..PrepareOptions::default() };
        let (prepared, report) = run(&config, &options, &SplitConfig::default()).unwrap();
        let out = dir.path().join("out");
        write_folder(&out, &prepared, &report).unwrap();
        let loaded = load_folder(&out).unwrap().0;
        assert_eq!(loaded.catalogue, prepared.catalogue);
        let films = prepared.only(1).catalogue;
        let features = prepared.catalogue.features()?;
        assert_eq!(features.multi_hot(2), films.features().unwrap().multi_hot(0));
        let vectors: Vec<String> =
            (0..5).map(|item| features.multi_hot(item).iter().map(ToString::to_string).collect::<String>()).collect();
        Some((features.names().iter().collect::<Vec<_>>().join(","), vectors.join(" ")))
    };
    // Songs s and t, films a, b and c.
    let synonyms = Some(dir.path().join("same.csv"));
    let all = features(Some(FeatureOptions { synonyms, ..FeatureOptions::default() })).unwrap();
    assert_eq!(all, ("horror,rhythm and blues,science fiction".into(), "011 000 101 110 100".into()));
    let two = features(Some(FeatureOptions { most: 1, ..FeatureOptions::default() })).unwrap();
    assert_eq!(two, ("horror".into(), "0 0 1 1 1".into()));
    let shared = features(Some(FeatureOptions { min_items: 4, ..FeatureOptions::default() })).unwrap();
    assert_eq!(shared, (String::new(), "    ".into()));
    assert_eq!(features(None), None);
}
