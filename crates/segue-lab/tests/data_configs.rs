//! Every public data set prepares by one line, and its counts are those that its source states.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests; a test that skips says why")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use segue_core::Registry;
use segue_lab::{Composer, Job, LabError, Loaded, load_data};
use serde_json::json;

fn root() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("SEGUE_DATA").map_or(default, PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: {} is not there; set SEGUE_DATA to the folder of public data sets", root.display());
    None
}

fn compose(line: &str) -> Job {
    let registry = Registry::new(&[segue_models::MODELS]);
    let overrides: Vec<String> = line.split(' ').map(String::from).collect();
    Composer::new(None, &registry).unwrap().job(&overrides).unwrap()
}

fn load(line: &str) -> Result<Loaded, LabError> {
    load_data(&compose(line).settings().unwrap(), &mut |_| ControlFlow::Continue(()))
}

/// Prepares as `segue prepare LINE` does where `SEGUE_DATA` is `root`.
fn prepared(line: &str, folder: &str, root: &Path) -> Loaded {
    let composed = compose(line).composed;
    assert_eq!(composed["data"]["root"], json!(format!("${{oc.env:SEGUE_DATA,../shared/data}}/{folder}")), "{line}");
    load(&format!("{line} data.root='{}'", root.join(folder).display())).unwrap()
}

/// Users, items and interactions as read.
type Read = (&'static str, usize, usize, usize);

/// A line, its folder, what is read of each domain, and the sizes of the target's train, validation and test together
/// where the source gives them.
struct Case(&'static str, &'static str, &'static [Read], Option<[usize; 2]>);

const CASES: [Case; 24] = [
    Case("data=ml_100k", "ml-100k", &[("films", 943, 1_682, 100_000)], Some([80_000, 20_000])),
    Case("data=ml_1m", "ml-1m", &[("films", 6_039, 3_628, 836_478)], Some([590_733 + 80_897, 164_848])),
    Case("data=ml_latest_small", "ml-latest-small", &[("films", 610, 9_724, 100_836)], None),
    Case("data=gowalla", "gowalla", &[("places", 29_858, 40_981, 1_027_370)], Some([810_128, 217_242])),
    Case("data=gowalla_carve", "gowalla", &[("places", 29_858, 40_981, 1_027_370 + 91_047)], Some([810_128, 217_242])),
    Case(
        "data=douban_book_music",
        "douban-book-music",
        // Of the source its training part: without one validation and one test item per user.
        &[("book", 924, 3_916, 50_429 - 2 * 924), ("music", 924, 4_228, 50_157)],
        Some([50_157 - 924, 924]),
    ),
    Case(
        "data=douban_book_music split=ratio",
        "douban-book-music",
        &[("book", 2_110, 6_777, 96_041), ("music", 1_672, 5_567, 69_709)],
        None,
    ),
    Case(
        "data=amazon_sport_phone",
        "amazon-sport-phone/gdccdr",
        &[("sport", 4_998, 20_837, 50_558), ("phone", 4_998, 13_666, 42_446 + 4_002)],
        Some([42_446, 4_002]),
    ),
    Case(
        "data=amazon_sport_phone_disencdr",
        "amazon-sport-phone/disencdr",
        &[("sport", 4_998, 20_845, 50_558), ("phone", 4_998, 13_655, 42_446 + 3_999)],
        Some([42_446, 3_999]),
    ),
    Case(
        "data=amazon_2014_raw",
        "amazon-2014-raw",
        &[("instruments", 1_429, 900, 10_261), ("music", 2_490, 382, 6_908)],
        None,
    ),
    Case("data=amazon_2018_raw", "amazon-2018-raw", &[("fashion", 406, 31, 3_176)], None),
    Case("data=amazon_beauty_seq", "amazon-beauty-seq", &[("beauty", 22_363, 12_101, 198_502)], None),
    Case(
        "data=amazon_food_kitchen_seq",
        "amazon-food-kitchen-seq",
        &[("food", 7_144, 11_837, 83_663), ("kitchen", 7_144, 16_258, 89_885)],
        None,
    ),
    Case(
        "data=cdrib_game_video",
        "cdrib-game-video",
        &[("game", 24_799, 12_319, 155_036), ("video", 19_457, 8_751, 156_091 + 1_435 + 1_458)],
        Some([156_091 + 1_435, 1_458]),
    ),
    Case(
        "data=cdrib_game_video data.target=game",
        "cdrib-game-video",
        &[("game", 25_025, 12_319, 155_036 + 1_381 + 1_304), ("video", 19_240, 8_751, 156_091)],
        Some([155_036 + 1_381, 1_304]),
    ),
    Case("data=ciao", "ciao", &[("category_1", 4_358, 11_299, 39_887), ("category_10", 4_381, 2_893, 30_382)], None),
    Case("data=ciao_trust", "ciao", &[("category_10", 4_381, 2_893, 30_382), ("trust", 6_792, 7_297, 111_781)], None),
    // Both directions: all that the sources count.
    Case(
        "data=cdrib_game_video split.targets=all",
        "cdrib-game-video",
        &[("game", 25_025, 12_319, 155_036 + 1_381 + 1_304), ("video", 19_457, 8_751, 156_091 + 1_435 + 1_458)],
        Some([156_091 + 1_435, 1_458]),
    ),
    Case(
        "data=douban_book_music split.targets=all",
        "douban-book-music",
        &[("book", 924, 3_916, 50_429), ("music", 924, 4_228, 50_157)],
        Some([50_157 - 924, 924]),
    ),
    Case(
        "data=amazon_sport_phone split.targets=all",
        "amazon-sport-phone/gdccdr",
        &[("sport", 4_998, 20_837, 50_558 + 3_695), ("phone", 4_998, 13_666, 42_446 + 4_002)],
        Some([42_446, 4_002]),
    ),
    Case("data=goodbooks_10k", "goodbooks-10k", &[("books", 5, 96, 99)], None),
    Case("data=hetrec2011_lastfm_2k", "hetrec2011-lastfm-2k", &[("artists", 1_892, 17_632, 92_834)], None),
    Case(
        "data=hetrec2011_lastfm_2k data.source=[friends,tags]",
        "hetrec2011-lastfm-2k",
        &[("friends", 1_892, 1_892, 25_434), ("tags", 1_892, 9_749, 186_478), ("artists", 1_892, 17_632, 92_834)],
        None,
    ),
    Case("data=lastfm_seq", "lastfm-seq", &[("artists", 1_090, 3_646, 52_551)], None),
];

#[test]
fn every_public_data_set_prepares_by_one_line() {
    let Some(root) = root() else { return };
    for Case(line, folder, read, parts) in CASES {
        let Loaded { data, report, .. } = prepared(line, folder, &root);
        let steps = report.steps.iter().filter(|step| step.step == "read");
        let found: Vec<_> = steps.map(|s| (s.domain.as_str(), s.users, s.items, s.interactions)).collect();
        assert_eq!(found, read, "{line}");
        assert!(report.inputs.iter().all(|input| input.bad_lines == 0), "{line}");
        let target = data.split.tasks[0].target;
        let name = &data.catalogue.domains()[target].name;
        let size = |part: &str| report.parts.iter().find(|p| p.domain == *name && p.part == part).unwrap().interactions;
        let sizes = [size("train") + size("val"), size("test")];
        assert!(size("test") > 0 && size("val") > 0, "{line}");
        assert!(parts.is_none_or(|parts| parts == sizes), "{line}: {sizes:?}");
    }
    let entries = std::fs::read_dir(&root).unwrap().flatten().filter(|entry| entry.path().is_dir());
    for folder in entries.map(|entry| entry.file_name().into_string().unwrap()) {
        assert!(CASES.iter().any(|case| case.1.split('/').next() == Some(&folder)), "no line prepares {folder}");
    }
}

#[test]
fn people_items_and_negatives_are_those_of_the_sources() {
    let Some(root) = root() else { return };
    let Loaded { data, report, .. } = prepared("data=ciao data.source=null", "ciao", &root);
    assert_eq!(data.users.len(), 7_375);
    assert_eq!(report.steps.iter().filter(|s| s.step == "read").map(|s| s.interactions).sum::<usize>(), 284_086);
    let overlap = |a: &str, b: &str| report.overlaps.iter().find(|o| o.first == a && o.second == b).unwrap().users;
    assert_eq!([overlap("category_1", "category_2"), overlap("category_10", "category_12")], [2_391, 2_480]);

    // 226 people are cold in games and asked about there, 217 in video; ids from 2179 on are two people.
    for (target, cold) in [("game", 217), ("video", 226)] {
        let line = format!("data=cdrib_game_video data.target={target}");
        let Loaded { data, report, .. } = prepared(&line, "cdrib-game-video", &root);
        assert_eq!(report.overlaps[0].users, 2_179 - cold);
        let asked = &data.split.tasks[0].valid.events;
        let range = data.catalogue.range(data.split.tasks[0].target);
        assert!(asked.events().all(|e| data.split.train.restricted(range.clone()).user(e.user).items.is_empty()));
        assert!(data.users.find("game:2179").is_some() && data.users.find("video:2179").is_some());
        assert!(data.users.find("2179").is_none() && data.users.find("2178").is_some());
    }

    let Loaded { report, .. } = prepared("data=cdrib_game_video split.targets=all", "cdrib-game-video", &root);
    assert_eq!(report.overlaps[0].users, 2_179);

    let Loaded { data, .. } = prepared("data=lastfm_seq", "lastfm-seq", &root);
    let negatives = data.split.tasks[0].valid.negatives.as_ref().unwrap();
    assert!((0..data.users.len()).all(|u| negatives.cols_of(u).len() == 99));

    let Loaded { data, .. } = prepared("data=amazon_food_kitchen_seq", "amazon-food-kitchen-seq", &root);
    assert!(data.users.find("A100DXY4SLAMPM").is_some() && data.catalogue.find(0, "616719923X").is_some());
    let Loaded { data, .. } = prepared("data=hetrec2011_lastfm_2k", "hetrec2011-lastfm-2k", &root);
    let artist = data.catalogue.info(data.catalogue.find(0, "51").unwrap());
    assert_eq!((artist.title.as_deref(), artist.categories[0].as_str()), (Some("Duran Duran"), "80s"));
    let Loaded { data, .. } = prepared("data=goodbooks_10k", "goodbooks-10k", &root);
    let titled = |id: &str| data.catalogue.info(data.catalogue.find(0, id).unwrap()).title.as_deref();
    assert!(titled("258").unwrap().starts_with("The Shadow of the Wind"));
}

#[test]
fn a_folder_in_a_published_layout_needs_no_configuration() {
    let Some(root) = root() else { return };
    let prepared = |line: &str| load(&line.replace("ROOT", &root.display().to_string()));
    for (line, users, read) in [
        ("data=log data.root=ROOT/ml-latest-small", 610, 100_836),
        ("data=log data.root=ROOT/ml-100k", 943, 100_000),
        ("data=log data.root=ROOT/ml-100k/u.data", 943, 100_000),
        ("data=log data.root=ROOT/gowalla split=given", 29_858, 1_027_370),
        ("data=log data.root=ROOT/hetrec2011-lastfm-2k split=ratio prepare=counts", 1_892, 92_834),
        ("data=log data.root=ROOT/lastfm-seq", 1_090, 52_551),
        ("data=log data.root=ROOT/amazon-beauty-seq", 22_363, 198_502),
        ("data=log data.root=ROOT/ciao split=ratio", 7_375, 284_086),
        (
            "data=pair data.root=ROOT/amazon-sport-phone/disencdr data.source=sport_phone data.target=phone_sport split=given",
            4_998,
            50_558 + 42_446 + 3_999,
        ),
    ] {
        let Loaded { data, report, .. } = prepared(line).unwrap();
        let steps = report.steps.iter().filter(|step| step.step == "read");
        assert_eq!((data.users.len(), steps.map(|s| s.interactions).sum::<usize>()), (users, read), "{line}");
    }
    let message = prepared("data=log data.root=ROOT/gowalla").unwrap_err().to_string();
    assert!(message.contains("use split=given"), "{message}");
    let message = prepared("data=log data.root=ROOT/amazon-2014-raw").unwrap_err().to_string();
    assert!(message.contains("Digital_Music") && message.contains("name one as `path`"), "{message}");
    let registry = Registry::new(&[segue_models::MODELS]);
    for (line, key) in [
        ("data=pair data.root=x data.source=a23", "`data.target` must be set"),
        ("data=pair data.root=x data.target=a23", "`data.source` must be set"),
    ] {
        let overrides: Vec<String> = line.split(' ').map(String::from).collect();
        let message = Composer::new(None, &registry).unwrap().job(&overrides).unwrap_err().to_string();
        assert!(message.contains(key), "{message}");
    }
    let message = prepared("data=log").unwrap_err().to_string();
    assert!(message.contains("data.domains.items.interactions") && message.contains("`path`"), "{message}");
}
