//! Every reader and given split on its real sample, against the published counts.

use std::path::PathBuf;

use segue_core::IdMap;
use segue_data::prepare::{DataConfig, DomainConfig, OneOrMany, PrepareOptions, SplitConfig, SplitKind};
use segue_data::readers::{Format, Layout, RawLog, RawRow, Session, read_items, read_log, read_negatives};

use super::{data, domain, kind, parts, quiet, run, sample};

fn read(paths: &[PathBuf], format: Format) -> RawLog {
    let layout = Layout { format, ..Layout::default() };
    read_log(paths, &layout, &mut Session::new(Some(0), &mut quiet())).unwrap()
}

fn rows(log: &RawLog) -> Vec<RawRow> {
    let mut rows = Vec::new();
    log.rows.each(|row| rows.push(row)).unwrap();
    rows
}

fn values(log: &RawLog) -> Vec<f32> {
    rows(log).iter().filter_map(|row| row.value).collect()
}

fn times(log: &RawLog) -> Vec<i64> {
    rows(log).iter().filter_map(|row| Some(row.time? / 1_000)).collect()
}

#[track_caller]
fn check(folder: &str, file: &str, format: Format, expected: (usize, usize, usize)) -> Option<RawLog> {
    let path = sample(folder)?.join(file);
    let log = read(std::slice::from_ref(&path), format);
    assert_eq!((log.len(), log.users.len(), log.items.len()), expected, "{file}");
    let recognised = read(&[path], Format::Auto);
    assert_eq!(rows(&recognised), rows(&log));
    Some(log)
}

#[test]
fn counts_are_those_of_the_sources() {
    if let Some(log) = check("ml-100k", "u.data", Format::Movielens, (100_000, 943, 1_682)) {
        let times = times(&log);
        assert_eq!((times.iter().min(), times.iter().max()), (Some(&874_724_710), Some(&893_286_638)));
        let mean = values(&log).iter().map(|&v| f64::from(v)).sum::<f64>() / 1e5;
        assert!((mean - 3.52986).abs() < 1e-9);
    }
    if let Some(log) = check("ml-latest-small", "ratings.csv", Format::Movielens, (100_836, 610, 9_724)) {
        assert_eq!(values(&log).iter().filter(|&&v| v >= 4.0).count(), 48_580);
    }
    let instruments = "reviews_Musical_Instruments_5.json.gz";
    check("amazon-2014-raw", instruments, Format::Amazon, (10_261, 1_429, 900));
    check("amazon-2014-raw", "reviews_Digital_Music_5.head.json.gz", Format::Amazon, (6_908, 2_490, 382));
    check("amazon-2018-raw", "AMAZON_FASHION_5.json.gz", Format::Amazon, (3_176, 406, 31));
    if let Some(log) = check("douban-book-music", "douban_book_ratings.dat.gz", Format::Douban, (96_041, 2_110, 6_777))
    {
        let stars = [1.0, 2.0, 3.0, 4.0, 5.0].map(|s| values(&log).iter().filter(|&&v| v == s).count());
        assert_eq!(stars, [1_605, 4_207, 21_018, 38_975, 30_236]);
        assert!(!log.rows.timed());
    }
    check("douban-book-music", "douban_music_ratings.dat.gz", Format::Douban, (69_709, 1_672, 5_567));
    check("hetrec2011-lastfm-2k", "user_artists.dat.gz", Format::Table, (92_834, 1_892, 17_632));
    check("ciao", "rating.tsv.gz", Format::Table, (284_086, 7_375, 105_114));
    check("gowalla", "valid_lightgcnpp.txt.gz", Format::Adjacency, (91_047, 29_858, 31_583));
}

#[test]
fn metadata_is_read_in_every_encoding() {
    let described = |folder: &str, file: &str, ids: Vec<&str>| {
        let path = sample(folder)?.join(file);
        let items = IdMap::new(ids);
        let mut infos = vec![None; items.len()];
        read_items(&path, (&items, None, Some(5)), &mut Session::new(Some(0), &mut quiet()), &mut infos).unwrap();
        Some(infos.into_iter().map(Option::unwrap).collect::<Vec<_>>())
    };
    if let Some(infos) = described("ml-100k", "u.item", vec!["1", "543"]) {
        assert_eq!(infos[0].categories, ["Animation", "Children's", "Comedy"]);
        assert_eq!(infos[1].title.as_deref(), Some("Misérables, Les (1995)"));
    }
    if let Some(infos) = described("ml-1m", "movies.dat", vec!["1", "3"]) {
        assert_eq!(infos[1].title.as_deref(), Some("Grumpier Old Men (1995)"));
    }
    if let Some(infos) = described("ml-latest-small", "movies.csv", vec!["11"]) {
        assert_eq!(infos[0].title.as_deref(), Some("American President, The (1995)"));
    }
    if let Some(infos) =
        described("amazon-2014-raw", "meta_Digital_Music.head.json.gz", vec!["5555991584", "6308051551"])
    {
        assert_eq!(infos[1].title.as_deref(), Some("Don't Drink His Blood"));
        assert_eq!(infos[1].categories, ["Digital Music", "Alternative Rock", "Indie & Lo-Fi"]);
    }
}

/// Every reviewed item of the sample has a record with a title.
#[test]
fn python_metadata_covers_the_reviewed_items() {
    let Some(folder) = sample("amazon-2014-raw") else { return };
    let music = DomainConfig {
        items: Some(OneOrMany::One(folder.join("meta_Digital_Music.head.json.gz"))),
        ..domain(&folder, "music", "reviews_Digital_Music_5.head.json.gz")
    };
    let instruments = domain(&folder, "instruments", "reviews_Musical_Instruments_5.json.gz");
    let (prepared, report) =
        run(&data(vec![music, instruments]), &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    let range = prepared.catalogue.range(0);
    assert_eq!(range.len(), 382);
    assert!(range.clone().all(|i| prepared.catalogue.info(i).title.is_some()));
    assert!(range.clone().all(|i| prepared.catalogue.info(i).categories[0] == "CDs & Vinyl"));
    assert!(prepared.catalogue.range(1).all(|i| prepared.catalogue.info(i).categories == ["unknown"]));
    assert_eq!(report.overlaps[0].users, 11);
    assert_eq!(report.inputs[2].lines, 7_419);
}

#[test]
fn repeated_pairs_keep_the_latest() {
    let Some(folder) = sample("amazon-2018-raw") else { return };
    let fashion = data(vec![domain(&folder, "fashion", "AMAZON_FASHION_5.json.gz")]);
    let (_, report) = run(&fashion, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    let step = report.steps.iter().find(|s| s.step == "deduplicate").unwrap();
    assert_eq!((step.removed, step.interactions), (134, 3_042));
}

fn given(
    folder: &str,
    name: &str,
    files: [&str; 2],
    valid: Option<&str>,
    negatives: Option<&str>,
) -> Option<DomainConfig> {
    let root = sample(folder)?;
    let one = |file: &str| Some(OneOrMany::One(root.join(file)));
    Some(DomainConfig {
        name: name.into(),
        train: one(files[0]),
        valid: valid.and_then(one),
        test: one(files[1]),
        negatives: negatives.map(|file| root.join(file)),
        ..DomainConfig::default()
    })
}

fn split_given(data: &DataConfig) -> (segue_core::Prepared, segue_data::prepare::PrepareReport) {
    run(data, &PrepareOptions::default(), &kind(SplitKind::Given)).unwrap()
}

#[test]
fn gowalla_given_and_carved() {
    let files = ["train.txt.gz", "test.txt.gz"];
    let Some(places) = given("gowalla", "places", files, None, None) else { return };
    let (prepared, _) = split_given(&data(vec![places.clone()]));
    let [train, valid, test] = parts(&prepared);
    assert_eq!((prepared.users.len(), prepared.catalogue.n_items()), (29_858, 40_981));
    assert_eq!((train.len() + valid.len(), test.len()), (810_128, 217_242));
    let share = valid.len() as f64 / 810_128.0;
    assert!((share - 0.1).abs() < 0.002, "{share}");
    assert_eq!(prepared.users.external(9), "9");
    let valid = sample("gowalla").unwrap().join("valid_lightgcnpp.txt.gz");
    let (prepared, report) = split_given(&data(vec![DomainConfig { valid: Some(OneOrMany::One(valid)), ..places }]));
    let [train, valid, test] = parts(&prepared);
    assert_eq!((train.len(), valid.len(), test.len()), (719_081, 91_047, 217_242));
    assert!(report.notes.iter().any(|note| note.contains("91047 pairs")), "{:?}", report.notes);
}

#[test]
fn ml_1m_given() {
    let Some(films) = given("ml-1m", "films", ["train.txt.gz", "test.txt.gz"], Some("valid.txt.gz"), None) else {
        return;
    };
    let (prepared, _) = split_given(&data(vec![films]));
    assert_eq!((prepared.users.len(), prepared.catalogue.n_items()), (6_039, 3_628));
    assert_eq!(parts(&prepared).map(|log| log.len()), [590_733, 80_897, 164_848]);
}

#[test]
fn ml_100k_folds_keep_every_rating() {
    for fold in 1..=5 {
        let (base, test) = (format!("u{fold}.base.gz"), format!("u{fold}.test.gz"));
        let Some(films) = given("ml-100k", "films", [&base, &test], None, None) else { return };
        let options = PrepareOptions {
            positive_threshold: Some(4.0),
            negative_threshold: Some(2.0),
            ..PrepareOptions::default()
        };
        let (prepared, _) = run(&data(vec![films]), &options, &kind(SplitKind::Given)).unwrap();
        let [train, valid, test] = parts(&prepared);
        assert_eq!((train.len() + valid.len(), test.len()), (80_000, 20_000));
        assert!(train.has_times() && test.events().any(|e| e.signal == segue_core::Signal::Neutral));
    }
}

#[test]
fn douban_pairs_share_their_negatives() {
    let split = "pricdr_split";
    let domain = |name: &str| {
        let file = |part: &str| format!("{split}/{name}_{part}.tsv.gz");
        let (valid, negatives) = (file("valid"), file("test_negatives"));
        given("douban-book-music", name, [&file("train"), &file("test")], Some(&valid), Some(&negatives))
    };
    let (Some(book), Some(music)) = (domain("book"), domain("music")) else { return };
    for (source, target, size) in [(&music, &book, 50_429), (&book, &music, 50_157)] {
        let (prepared, report) = split_given(&data(vec![source.clone(), target.clone()]));
        assert_eq!(prepared.users.len(), 924);
        let task = &prepared.split.tasks[0];
        let [train, valid, test] = parts(&prepared);
        assert_eq!((valid.len(), test.len()), (924, 924));
        let of_target = train.restricted(prepared.catalogue.range(task.target)).len();
        assert_eq!(of_target + valid.len() + test.len(), size);
        let negatives = task.valid.negatives.as_ref().unwrap();
        assert!((0..924).all(|u| negatives.cols_of(u).len() == 99));
        assert!(report.notes.iter().any(|n| n.contains("shared by validation and test")), "{:?}", report.notes);
        assert!(!report.notes.iter().any(|n| n.contains("are events of their user")), "{:?}", report.notes);
    }
}

#[test]
fn amazon_pairs_come_with_negatives_per_pair() {
    let domain = |name: &str, folder: &str| {
        let file = |part: &str| format!("gdccdr/{folder}/{part}.txt.gz");
        let negatives = file("test_neg_99");
        given("amazon-sport-phone", name, [&file("train"), &file("test")], None, Some(&negatives))
    };
    let (Some(sport), Some(phone)) = (domain("sport", "sport_phone"), domain("phone", "phone_sport")) else { return };
    let (prepared, _) = split_given(&data(vec![sport, phone]));
    let [train, valid, test] = parts(&prepared);
    assert_eq!(prepared.users.len(), 4_998);
    assert_eq!((train.restricted(prepared.catalogue.range(0)).len(), test.len()), (50_558, 4_002));
    assert_eq!(train.restricted(prepared.catalogue.range(1)).len() + valid.len(), 42_446);
    let path = sample("amazon-sport-phone").unwrap().join("gdccdr/phone_sport/test_neg_99.txt.gz");
    let log = read_negatives(&path, &mut Session::new(Some(0), &mut quiet())).unwrap().log;
    assert_eq!((log.len(), log.users.len()), (4_002 * 99, 4_002));
}
