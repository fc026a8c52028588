//! How cells that could be read in several ways are read, and what is told of it.

use segue_core::Prepared;
use segue_data::prepare::{Column, DataConfig, DomainConfig, PrepareOptions, PrepareReport, SplitConfig, SplitKind};

use super::{data, domain, files, kind, message, parts, run};

fn of(file: &str, rows: &str) -> (tempfile::TempDir, DataConfig) {
    let dir = files(&[(file, rows)]);
    let config = data(vec![domain(dir.path(), "films", file)]);
    (dir, config)
}

fn read(file: &str, rows: &str) -> (Prepared, PrepareReport) {
    let (_dir, config) = of(file, rows);
    run(&config, &PrepareOptions::default(), &kind(SplitKind::Ratio)).unwrap()
}

/// Value and time of every event, by item.
fn events(prepared: &Prepared) -> Vec<(f32, Option<i64>)> {
    let mut events: Vec<_> = parts(prepared).iter().flat_map(|log| log.events().collect::<Vec<_>>()).collect();
    events.sort_by_key(|event| event.item);
    events.into_iter().map(|event| (event.value, event.time)).collect()
}

/// A log of ten rows by user and item, and what follows them.
fn ten(rest: impl Fn(i64) -> String) -> String {
    (0..10).map(|n| format!("u{},i{n},{}\n", n % 2, rest(n))).collect()
}

fn has(report: &PrepareReport, what: &str) -> bool {
    report.notes.iter().any(|note| note.contains(what))
}

#[test]
fn check_ins_are_read_as_their_publisher_orders_them() {
    let at = |n: usize| format!("2010-10-{:02}T23:55:27Z", 10 + n);
    let rows = |mark: &str| -> String {
        let row =
            |n: usize| [format!("u{}", n % 2), at(n), "30.2".into(), "-97.8".into(), format!("i{n}\n")].join(mark);
        (0..10).map(row).collect()
    };
    for (file, mark) in [("log.csv", ","), ("log.tsv", "\t")] {
        let (prepared, report) = read(file, &rows(mark));
        assert_eq!(events(&prepared)[0], (1.0, Some(1_286_754_927)), "{file}");
        assert!(prepared.catalogue.find(0, "i7").is_some(), "{file}");
        assert!(has(&report, "user, time, latitude, longitude, place"), "{:?}", report.notes);
    }
    // Dates where items should be, among other columns, are told.
    let (_, report) = read("log.csv", &(0..10).map(|n| format!("u,{},{n}\n", at(n))).collect::<String>());
    assert!(has(&report, "moments, which were taken for items"), "{:?}", report.notes);
}

#[test]
fn one_time_for_all_is_told() {
    let rows = |at: &dyn Fn(usize) -> usize| -> String {
        let row = |n: usize| format!("u{},i{n},{},{}\n", n % 2, n % 5, 1_500_000_000 + at(n));
        [String::from("user,item,rating,timestamp\n")].into_iter().chain((0..10).map(row)).collect()
    };
    assert!(has(&read("log.csv", &rows(&|_| 0)).1, "every event has the same time"));
    assert!(!has(&read("log.csv", &rows(&|n| n)).1, "every event has the same time"));
}

#[test]
fn without_header_moments_tell_which_column_has_the_times() {
    let expected: Vec<_> = (0..10_u16).map(|n| (f32::from(n % 5), Some(1_500_000_000 + i64::from(n)))).collect();
    let time_first = ten(|n| format!("{},{}", 1_500_000_000 + n, n % 5));
    let others = [("log.tsv", "\t"), ("ratings.dat", "::")].map(|(file, mark)| (file, time_first.replace(',', mark)));
    for (file, text) in [("log.csv", time_first.clone())].into_iter().chain(others) {
        let (prepared, report) = read(file, &text);
        assert_eq!(events(&prepared), expected, "{file}");
        assert!(has(&report, "read as user, item, time, rating"), "{:?}", report.notes);
    }
    // A bad line has no say in what the others are.
    let bad = time_first.replacen('\n', "\nu0,i0,3\nu0,i0,3,1500000000,7\nu0,i0,much,3\nu0,i0,3,never\n", 1);
    for (file, mark) in [("log.csv", ","), ("ratings.dat", "::")] {
        let (_dir, mut config) = of(file, &bad.replace(',', mark));
        config.max_bad_lines = Some(4);
        let (prepared, report) = run(&config, &PrepareOptions::default(), &kind(SplitKind::Ratio)).unwrap();
        assert_eq!((events(&prepared), report.inputs[0].bad_lines), (expected.clone(), 4), "{file}");
    }
    let (prepared, report) = read("log.csv", &ten(|n| format!("{},{}", n % 5, 1_500_000_000 + n)));
    assert_eq!((events(&prepared), report.notes.len()), (expected, 1));
    assert!(has(&report, "read by their places as user, item, rating, time;"), "{:?}", report.notes);
    let (prepared, report) = read("log.csv", &ten(|n| (n % 5).to_string()));
    assert_eq!((events(&prepared)[7], report.notes.len()), ((2.0, None), 1));
    assert!(has(&report, "read by their places as user, item, rating;"), "{:?}", report.notes);
    // One rating is enough for a column of ratings, and a mapping is taken at its word.
    let mixed = ten(|n| format!("{},{}", if n == 9 { 3 } else { 1_500_000_000 + n }, n % 5));
    assert_eq!(events(&read("log.csv", &mixed).0)[9], (3.0, Some(4)));
    let (_dir, mut config) = of("log.csv", &time_first);
    config.domains[0].columns = serde_json::from_str(r#"{"value": 2, "time": 3}"#).unwrap();
    let (prepared, report) = run(&config, &PrepareOptions::default(), &kind(SplitKind::Ratio)).unwrap();
    assert_eq!((events(&prepared)[9], has(&report, "read as user")), ((1_500_000_000.0, Some(4)), false));
}

#[test]
fn columns_that_were_read_by_their_places_are_told() {
    let told = |rows: &str, change: &dyn Fn(&mut DomainConfig)| {
        let (_dir, mut config) = of("log.csv", rows);
        change(&mut config.domains[0]);
        let notes = run(&config, &PrepareOptions::default(), &kind(SplitKind::Ratio)).unwrap().1.notes;
        notes.into_iter().filter(|note| note.contains("by their places")).collect::<Vec<_>>().join("; ")
    };
    let notes = told(&ten(|n| format!("{},{},x", n % 5, 1_500_000_000 + n)), &|_| {});
    assert!(
        notes.contains("as user, item, rating, time, 1 more left out; '+data.domains.0.columns={user: 1, item: 0}'"),
        "{notes}"
    );
    let notes = told(&ten(|n| (1_500_000_000 + n).to_string()), &|_| {});
    assert!(notes.contains("as user, item, time;"), "{notes}");
    // Where the user, a header or a format with places of its own says what they are, there is nothing to tell.
    let plain = ten(|n| (n % 5).to_string());
    assert_eq!(told(&plain, &|films| films.header = Some(false)), "");
    assert_eq!(told(&plain, &|films| films.columns.value = Some(Column::Position(2))), "");
    assert_eq!(told(&format!("user,item,rating\n{plain}"), &|_| {}), "");
    assert_eq!(told(&plain.replace(',', "\t"), &|_| {}), "", "Douban");
    let dated = ten(|n| format!("4,{}", 1_500_000_000 + n));
    assert_eq!(told(&dated.replace(',', "::"), &|_| {}), "", "MovieLens");
    // One note of it is enough.
    assert_eq!(told(&ten(|n| format!("{},4", 1_500_000_000 + n)), &|_| {}), "");
}

#[test]
fn true_and_false_are_one_and_zero() {
    let word = |n: i64| ["true", "False", "TRUE", "false"][n as usize % 4];
    let expected: Vec<f32> = (0..10_u8).map(|n| f32::from(1 - n % 2)).collect();
    let rows = ten(|n| word(n).into());
    let line = |quote: &str| {
        let line = |n: i64| {
            // JSON itself knows small letters alone.
            let word = if quote.is_empty() { word(n).to_lowercase() } else { word(n).into() };
            format!("{{\"user\":\"u{}\",\"item\":\"i{n}\",\"rating\":{quote}{word}{quote}}}\n", n % 2)
        };
        (0..10).map(line).collect::<String>()
    };
    for text in [
        rows.clone(),
        format!("user,item,rating\n{rows}"),
        format!("user,item,rating\n{rows}").replace(',', "\t"),
        rows.replace(',', "\t"),
        rows.replace(',', " "),
        line(""),
        line("\""),
    ] {
        let (prepared, report) = read("log", &text);
        let values: Vec<f32> = events(&prepared).into_iter().map(|(value, _)| value).collect();
        assert_eq!((values, report.inputs[0].bad_lines), (expected.clone(), 0), "{text}");
    }
    // A word that is neither is no number, and above them it is of a header as before.
    let (_dir, config) = of("log.csv", &format!("who,what,liked\n{rows}"));
    let text = message(run(&config, &PrepareOptions::default(), &kind(SplitKind::Ratio)));
    assert!(text.contains("no column for the user; the file has who, what, liked"), "{text}");
    let (_dir, config) = of("log.csv", &format!("user,item,rating\n{}", ten(|_| "yes".into())));
    let text = message(run(&config, &PrepareOptions::default(), &kind(SplitKind::Ratio)));
    assert!(text.contains("rating \"yes\" is not a number"), "{text}");
}

#[test]
fn numbers_that_are_all_dates_are_read_as_dates_and_told() {
    let noon = |n: i64| 1_496_275_200 + 86_400 * n;
    let expected: Vec<_> = (0..10).map(|n| (4.0, Some(noon(n)))).collect();
    let date = |n: i64| 20_170_601 + n;
    let table = format!("user,item,rating,date\n{}", ten(|n| format!("4,{}", date(n))));
    let line = |n: i64| format!("{{\"user\":\"u{}\",\"item\":\"i{n}\",\"rating\":4,\"time\":{}}}\n", n % 2, date(n));
    let json: String = (0..10).map(line).collect();
    for (file, text) in [("log.csv", table), ("log.csv", ten(|n| format!("{},4", date(n)))), ("log.json", json)] {
        let (prepared, report) = read(file, &text);
        assert_eq!(events(&prepared), expected, "{text}");
        assert!(has(&report, "read as the date"), "{:?}", report.notes);
    }
    // A date alone is a time, too; and one number that is no date makes all of them seconds.
    let (prepared, _) = read("log.csv", &ten(|n| date(n).to_string()));
    assert_eq!(events(&prepared)[3], (1.0, Some(noon(3))));
    let (prepared, report) = read("log.csv", &ten(|n| format!("4,{}", if n == 9 { 20_170_631 } else { date(n) })));
    assert_eq!(events(&prepared)[3], (4.0, Some(date(3))));
    assert!(has(&report, "in August 1970") && !has(&report, "read as the date"), "{:?}", report.notes);
    let moments = |n: i64| if n == 9 { "2017-06-15".into() } else { date(n).to_string() };
    let (_, report) = read("log.csv", &ten(|n| format!("4,{}", moments(n))));
    assert!(has(&report, "write every time in one way"), "{:?}", report.notes);
}

#[test]
fn the_files_of_a_domain_have_one_kind_of_time() {
    let first = ten(|n| format!("4,{}", 20_170_601 + n));
    let second = "u0,j,4,1500000000\n";
    let dir = files(&[("a.csv", &first), ("b.csv", second)]);
    let interactions =
        Some(serde_json::from_value(serde_json::json!([dir.path().join("a.csv"), dir.path().join("b.csv")])).unwrap());
    let config = data(vec![DomainConfig { name: "films".into(), interactions, ..DomainConfig::default() }]);
    let (prepared, _) = run(&config, &PrepareOptions::default(), &kind(SplitKind::Ratio)).unwrap();
    assert!(events(&prepared).contains(&(4.0, Some(20_170_601))));
}

#[test]
fn words_for_nothing_are_no_ids() {
    let rows = ten(|n| format!("4,{}", 1_500_000_000 + n));
    let none: String = ["NULL", "null", "None", "\\N", "NaN", "nan", ""]
        .iter()
        .flat_map(|none| [format!("{none},i0,4,1500000000\n"), format!("u0,{none},4,1500000000\n")])
        .collect();
    let (prepared, report) = read("log.csv", &(rows.clone() + &none));
    assert_eq!((events(&prepared).len(), prepared.users.len(), prepared.catalogue.n_items()), (10, 2, 10));
    assert!(has(&report, "14 incomplete rows were dropped; of them 14 name nobody or nothing"), "{:?}", report.notes);
    let (_dir, config) = of("log.csv", &(rows + &none));
    let options = PrepareOptions { drop_incomplete: false, ..PrepareOptions::default() };
    assert!(message(run(&config, &options, &SplitConfig::default())).contains("14 rows of domain films"));
    // Sequences and lists, where one line names many.
    let items = "i0 i1 i2 i3 i4 i5 i6 i7 i8 i9";
    let (prepared, report) = read("log.txt", &format!("u0 None {items}\nu1 {items}\nnull i1 i2 i3\n"));
    assert_eq!((events(&prepared).len(), prepared.users.len()), (20, 2));
    assert!(has(&report, "4 incomplete rows were dropped; of them 4 name nobody or nothing"), "{:?}", report.notes);
}

#[test]
fn what_a_file_holds_never_steers_the_terminal() {
    let bad = "user,item,rating\nu,i,\u{1b}[31mred\u{7}\nu,i,\u{202e}4\nu,i,1e39\nu,i,NaN\n";
    let (_dir, config) = of("log.csv", bad);
    let text = message(run(&config, &PrepareOptions::default(), &SplitConfig::default()));
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    assert!(text.contains("is beyond single precision") && text.contains("is not finite"), "{text}");
    let (_dir, config) = of("log.csv", "user,\u{1b}]0;x,rating\nu,i,4\n");
    let text = message(run(&config, &PrepareOptions::default(), &SplitConfig::default()));
    assert!(text.contains("no column for the item") && !text.contains('\u{1b}'), "{text:?}");
    let (_dir, config) =
        of("log.json", "{\"user\": 1, \"item\": 2, \"rating\": NaN}\n{\"user\": 1, \"item\": 2, \"rating\": 1e39}\n");
    let text = message(run(&config, &PrepareOptions::default(), &SplitConfig::default()));
    assert!(text.contains("has NaN, which JSON") && text.contains("beyond single precision"), "{text}");
}

#[test]
fn keys_that_change_nothing_are_told() {
    let (_dir, config) = of("log.csv", &ten(|n| format!("4,{}", 1_500_000_000 + n)));
    let split = SplitConfig { ratios: [0.5, 0.2, 0.3], ..SplitConfig::default() };
    let (_, report) = run(&config, &PrepareOptions::default(), &split).unwrap();
    assert!(has(&report, "changes nothing: split.ratios"), "{:?}", report.notes);
}
