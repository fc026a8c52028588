//! Bad input: each a message that names what, where and the way out.

use std::io::Write;
use std::ops::ControlFlow;

use segue_data::DataError;
use segue_data::prepare::{
    Column, ColumnMap, Core, DataConfig, DomainConfig, Interval, OneOrMany, PrepareOptions, SplitConfig, SplitKind,
    UserFilter, UserIdentity, prepare,
};

use super::{data, domain, files, kind, message, run};

#[track_caller]
fn check(content: &str, options: &PrepareOptions, split: &SplitConfig, expected: &[&str]) {
    let dir = files(&[("log.csv", content)]);
    let message = message(run(&data(vec![domain(dir.path(), "films", "log.csv")]), options, split));
    for part in expected {
        assert!(message.contains(part), "{part:?} in {message}");
    }
}

fn plain(content: &str, expected: &[&str]) {
    check(content, &PrepareOptions::default(), &SplitConfig::default(), expected);
}

#[test]
fn files_that_hold_nothing() {
    plain("", &["log.csv", "is empty"]);
    plain("user,item,rating,timestamp\n", &["log.csv", "is empty"]);
    plain("\n\n", &["log.csv"]);
    plain("user,item,rating,timestamp\nu,,3,1\n,x,3,1\n", &["`read`", "no complete row"]);
}

#[test]
fn too_little_to_split() {
    plain("user,item,rating,timestamp\nu,x,3,1\n", &["no test interactions", "split.min_history"]);
    // One item only: every user has one event.
    plain("user,item,rating,timestamp\nu,x,3,1\nv,x,3,1\n", &["no test interactions", "split.min_history"]);
    let strict = PrepareOptions { core: Core { users: 5, items: 5, ..Core::default() }, ..PrepareOptions::default() };
    let rows = "user,item,rating,timestamp\nu,x,3,1\nu,y,3,2\n";
    check(rows, &strict, &SplitConfig::default(), &["`core`", "(2 interactions before it)", "prepare.core.users"]);
    let likes = PrepareOptions { positive_threshold: Some(4.0), positives_only: true, ..PrepareOptions::default() };
    check(rows, &likes, &SplitConfig::default(), &["positives only", "prepare.positive_threshold"]);
}

#[test]
fn one_user_and_all_equal_ratings_are_fine() {
    let dir = files(&[("log.csv", "user,item,rating,timestamp\nu,x,3,1\nu,y,3,2\nu,z,3,3\n")]);
    let (prepared, _) =
        run(&data(vec![domain(dir.path(), "films", "log.csv")]), &PrepareOptions::default(), &SplitConfig::default())
            .unwrap();
    assert!(prepared.split.train.events().all(|e| e.weight == 1.0 && e.value == 3.0));
}

#[test]
fn bad_lines_are_shown_with_their_numbers() {
    let rows = "user,item,rating,timestamp\nu,x,NaN,1\nu,y,inf,2\nu,z,five,3\nu,w,3,soon\nu\nu,v,3,9\n";
    plain(
        rows,
        &[
            "5 of 6 lines",
            "log.csv:2:",
            "not finite",
            "log.csv:4:",
            "not a number",
            "log.csv:5:",
            "YYYY-MM-DD",
            "log.csv:6:",
            "1 cells",
            "data.max_bad_lines",
        ],
    );
    // One reason many times is not told many times.
    let many = format!("user,item,rating,timestamp\n{}", "u,x,five,1\n".repeat(300));
    let dir = files(&[("log.csv", &many)]);
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let told = message(run(&config, &PrepareOptions::default(), &SplitConfig::default()));
    assert!(told.lines().count() < 20 && told.contains("log.csv:11:") && told.contains("... and "), "{told}");
    let dir = files(&[("log.csv", rows)]);
    let config = DataConfig { max_bad_lines: Some(5), ..data(vec![domain(dir.path(), "films", "log.csv")]) };
    let split = SplitConfig { min_history: 1, ..SplitConfig::default() };
    // One good line is read, and one event is too little for a split: that is another message.
    assert!(message(run(&config, &PrepareOptions::default(), &split)).contains("no train interactions"));
}

#[test]
fn a_few_bad_lines_are_counted_and_told() {
    let rows: String =
        (0..300).map(|n| format!("u{},i{},{},{n}\n", n % 10, n, if n == 7 { "bad" } else { "3" })).collect();
    let dir = files(&[("log.csv", &format!("user,item,rating,timestamp\n{rows}"))]);
    let (_, report) =
        run(&data(vec![domain(dir.path(), "films", "log.csv")]), &PrepareOptions::default(), &SplitConfig::default())
            .unwrap();
    assert_eq!((report.inputs[0].lines, report.inputs[0].bad_lines), (300, 1));
    assert_eq!(report.inputs[0].bad_shown, ["9: rating \"bad\" is not a number"]);
    assert!(report.notes.iter().any(|n| n.contains("1 of 300 lines")), "{:?}", report.notes);
}

#[test]
fn of_two_files_that_cannot_be_read_the_first_is_told_whichever_was_sooner() {
    let header = "user,item,rating,timestamp\n";
    let late = (0..200_000).map(|n| format!("u{},i{n},3,{n}\n", n % 10)).collect::<String>() + "u,i,bad,1\n";
    let dir =
        files(&[("late.csv", &format!("{header}{late}")), ("soon.csv", &format!("{header}u,i,3,1\nu,i,bad,1\n"))]);
    for names in [["late.csv", "soon.csv"], ["soon.csv", "late.csv"]] {
        let interactions = Some(OneOrMany::Many(names.map(|name| dir.path().join(name)).into()));
        let films = DomainConfig { name: "films".into(), interactions, ..DomainConfig::default() };
        let config = DataConfig { max_bad_lines: Some(0), ..data(vec![films]) };
        let told = message(run(&config, &PrepareOptions::default(), &SplitConfig::default()));
        assert!(told.contains(&format!("{}: 1 of ", names[0])), "{told}");
    }
}

#[test]
fn notes_of_files_are_told_with_an_error_of_a_later_step() {
    plain(
        "5,1,3\n6,1,4\n",
        &["needs times", "log.csv: no header: the columns were read by their places as user, item"],
    );
    plain(
        "5,1,3,1500000000\n6,1,4,1500000001\n",
        &["no test interactions", "log.csv: no header: the columns were read by their places as user, item"],
    );
}

#[test]
fn missing_cells_are_dropped_or_refused() {
    let rows = "user,item,rating,timestamp\nu,x,3,1\nu,y,,2\nu,z,3,\nu,v,3,4\nu,w,3,5\n";
    let dir = files(&[("log.csv", rows)]);
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let (_, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert!(report.notes.iter().any(|n| n.contains("2 incomplete rows")), "{:?}", report.notes);
    let keep = PrepareOptions { drop_incomplete: false, ..PrepareOptions::default() };
    assert!(message(run(&config, &keep, &SplitConfig::default())).contains("prepare.drop_incomplete"));
}

#[test]
fn paths_that_are_not_files() {
    let dir = files(&[("ratings.csv", "u,i\n")]);
    let missing = message(run(
        &data(vec![domain(dir.path(), "films", "rating.csv")]),
        &PrepareOptions::default(),
        &SplitConfig::default(),
    ));
    assert!(missing.contains("did you mean") && missing.contains("ratings.csv"), "{missing}");
    let folder =
        message(run(&data(vec![domain(dir.path(), "films", "")]), &PrepareOptions::default(), &SplitConfig::default()));
    assert!(folder.contains("is a directory"), "{folder}");
}

#[test]
fn a_truncated_gzip_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for n in 0..20_000 {
        writeln!(encoder, "{}\t{}\t3\t{n}", n % 100, n * 7919 % 1000).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    std::fs::write(dir.path().join("u.data.gz"), &bytes[..bytes.len() / 2]).unwrap();
    let message = message(run(
        &data(vec![domain(dir.path(), "films", "u.data.gz")]),
        &PrepareOptions::default(),
        &SplitConfig::default(),
    ));
    assert!(message.contains("u.data.gz") && message.contains("truncated"), "{message}");
}

#[test]
fn unknown_names_come_with_the_nearest() {
    let dir = files(&[("log.csv", "user,item\nu,x\n")]);
    let base = data(vec![domain(dir.path(), "films", "log.csv")]);
    let wrong = DataConfig { target: "flims".into(), ..base.clone() };
    let text = message(run(&wrong, &PrepareOptions::default(), &SplitConfig::default()));
    assert!(text.contains("data.target") && text.contains("did you mean films?"), "{text}");
    let map = ColumnMap { user: Some(Column::Name("usr".into())), ..ColumnMap::default() };
    let mapped = DomainConfig { columns: map, ..base.domains[0].clone() };
    let text = message(run(&data(vec![mapped]), &PrepareOptions::default(), &SplitConfig::default()));
    assert!(text.contains("did you mean \"user\"?"), "{text}");
    assert!(
        message(run(&DataConfig::default(), &PrepareOptions::default(), &SplitConfig::default()))
            .contains("data.domains")
    );
}

#[test]
fn numbers_out_of_range_name_their_key() {
    let dir = files(&[("log.csv", "user,item\nu,x\n")]);
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let check = |options: PrepareOptions, split: SplitConfig, key: &str| {
        let text = message(run(&config, &options, &split));
        assert!(text.starts_with(key), "{text}");
    };
    let (options, split) = (PrepareOptions::default, SplitConfig::default);
    check(options(), SplitConfig { ratios: [0.5, 0.1, 0.1], ..kind(SplitKind::Ratio) }, "split.ratios");
    check(options(), SplitConfig { valid_fraction: 1.0, ..split() }, "split.valid_fraction");
    check(PrepareOptions { train_size: 0.0, ..options() }, split(), "prepare.train_size");
    check(PrepareOptions { clip: Some([5.0, 1.0]), ..options() }, split(), "prepare.clip");
    let interval = Some(Interval::closed(Some(2.0), Some(1.0)));
    check(PrepareOptions { value_interval: interval, ..options() }, split(), "prepare.value_interval");
    let interval = Some(Interval::closed(Some(900.0), None));
    check(
        PrepareOptions { value_interval: interval, ..options() },
        split(),
        "nothing is left after step `value interval`",
    );
    check(PrepareOptions { max_rows: Some(0), ..options() }, split(), "prepare.max_rows");
    check(PrepareOptions { max_rows: Some(9), ..options() }, kind(SplitKind::Given), "prepare.max_rows");
    let (positive_threshold, negative_threshold) = (Some(3.0), Some(3.0));
    check(
        PrepareOptions { positive_threshold, negative_threshold, ..options() },
        split(),
        "prepare.negative_threshold",
    );
    check(PrepareOptions { users: UserFilter::Overlapping, ..options() }, kind(SplitKind::Given), "prepare.users");
    check(options(), kind(SplitKind::Given), "data.domains.films.train");
}

#[test]
fn a_listener_may_stop_everything() {
    let rows: String = (0..100_000).map(|n| format!("{} {}\n", n % 100, n)).collect();
    let dir = files(&[("log.txt", &rows)]);
    let config = data(vec![domain(dir.path(), "films", "log.txt")]);
    let mut stop = |_: segue_data::prepare::Progress<'_>| ControlFlow::Break(());
    let stopped = prepare(&config, &PrepareOptions::default(), &SplitConfig::default(), 0, &mut stop);
    assert!(matches!(stopped, Err(DataError::Interrupted)));
}

#[test]
fn an_own_user_is_never_a_shared_one_of_the_same_name() {
    let log = |user: &str| format!("user,item,rating,timestamp\n{user},x,3,1\n{user},y,3,2\n{user},z,3,3\n");
    let of = |song_user: &str, film_user: &str, users| {
        let dir = files(&[("songs.csv", &log(song_user)), ("films.csv", &log(film_user))]);
        let films = DomainConfig { users: Some(users), ..domain(dir.path(), "films", "films.csv") };
        run(
            &data(vec![domain(dir.path(), "songs", "songs.csv"), films]),
            &PrepareOptions::default(),
            &SplitConfig::default(),
        )
    };
    let text = message(of("films:7", "7", UserIdentity::Own));
    for part in ["data.domains.films.users", "user \"7\" of films", "\"films:7\"", "in songs", "another name"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert_eq!(of("films:8", "7", UserIdentity::Own).unwrap().0.users.len(), 2);
    assert_eq!(of("films:7", "films:7", UserIdentity::Own).unwrap().0.users.len(), 2);
    assert_eq!(of("films:7", "films:7", UserIdentity::Shared).unwrap().0.users.len(), 1);
}
