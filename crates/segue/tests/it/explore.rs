//! What is in the data: the page and the report.

use std::fs;

use serde_json::Value;

use crate::support::{SMALL_WORLD, Scratch};

/// Titles and genres that would break CSV, HTML and JSON if anything did.
fn odd_log(scratch: &Scratch) -> &'static str {
    let rows: String =
        (0..60).map(|n| format!("u{},i{},{},{}\n", n % 10, n % 7, n % 5 + 1, 1_500_000_000 + n)).collect();
    scratch.write("odd/ratings.csv", format!("user,item,rating,timestamp\n{rows}"));
    let items: String = (0..7).map(|n| format!("i{n},<script>{n}</script>,\"a, \"\"b\"\"|<b>c</b>\"\n")).collect();
    scratch.write("odd/items.csv", format!("item,title,categories\n{items}"));
    "data=log 'data.domains=[{name:items,interactions:odd/ratings.csv,items:odd/items.csv}]'"
}

#[test]
fn a_folder_and_its_overrides_have_one_report_and_one_page() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD[..2].join(" ");
    scratch.ok(&format!("prepare {world} --out prepared --print_stats --save-stats"));
    assert_eq!(scratch.ok("report prepared --format csv"), scratch.ok(&format!("report {world} --format csv")));
    scratch.ok("explore prepared --out a.html");
    scratch.ok(&format!("explore {world} --out b.html"));
    let page = fs::read_to_string(scratch.path("a.html")).unwrap();
    assert_eq!(page, fs::read_to_string(scratch.path("b.html")).unwrap());
    assert!(page.len() < 600_000 && page.contains("<svg") && page.matches("<script").count() == 1, "{}", page.len());
    // A page of ours is replaced, and nothing is left beside it.
    scratch.ok("explore prepared --out a.html");
    assert_eq!(fs::read_dir(scratch.path("")).unwrap().count(), 3);
}

#[test]
fn the_report_has_every_section_in_every_format() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD[..2].join(" ");
    let csv = scratch.ok(&format!("report {world} --format csv --save --out saved/here"));
    assert_eq!(csv, fs::read_to_string(scratch.path("saved/here/report.csv")).unwrap());
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "section,domain,other,metric,value");
    let has = |start: &str| assert!(lines.iter().any(|line| line.starts_with(start)), "{start}\n{csv}");
    for start in [
        "sizes,films,,sparsity,0.9",
        "parts,films,test,interactions,",
        "overlap,music,films,percent_of_first,",
        "duplicates,music,train,repeats,0",
        "preparation,music,deduplicate,removed,",
        "leaked_pairs,films,,test_in_train,0",
        "late_events,films,music,after_own_test,",
        "cold,films,,users_with_source_history,",
        "values,films,,median,4",
        "popularity,books,,gini,0.",
        "genres,films,",
        "over_time,music,2019-01,events,",
        "taste,music and films,activity (Spearman),value,",
    ] {
        has(start);
    }
    let json: Value = serde_json::from_str(&scratch.ok(&format!("report {world} --format json"))).unwrap();
    let saved: Value = serde_json::from_slice(&fs::read(scratch.path("saved/here/report.json")).unwrap()).unwrap();
    assert_eq!(json, saved);
    assert_eq!(json["domains"], serde_json::json!(["music", "films", "books"]));
    let table = scratch.ok(&format!("report {world} --format table"));
    assert!(table.contains("Who is in two domains") && table.contains("--format csv has them all"), "{table}");
    assert!(scratch.ok(&format!("report {world} --format markdown")).contains("## The split\n"));
}

#[test]
fn taste_across_domains_is_found_where_it_was_planted_and_nowhere_else() {
    let scratch = Scratch::new();
    // The domains of the sample world name their genres differently, so that only the grid can tell.
    let strongest = |strength: &str| {
        let world = SMALL_WORLD[..2].join(" ");
        let json = scratch.ok(&format!("report {world} data.world.strength={strength} --format json"));
        let json: Value = serde_json::from_str(&json).unwrap();
        let rows = json["correlation"][0]["taste"]["grid"]["values"].as_array().unwrap().clone();
        rows.iter().flat_map(|row| row.as_array().unwrap()).filter_map(Value::as_f64).fold(0.0, f64::max)
    };
    let (planted, placebo) = (strongest("1"), strongest("0"));
    assert!(planted > 0.5 && placebo < 0.35, "{planted} {placebo}");
}

#[test]
fn odd_words_stay_words() {
    let scratch = Scratch::new();
    let log = odd_log(&scratch);
    scratch.ok(&format!("explore {log} --out odd.html"));
    let page = fs::read_to_string(scratch.path("odd.html")).unwrap();
    assert!(page.contains("&lt;script&gt;0&lt;/script&gt;") && page.matches("<script").count() == 1);
    assert!(!page.contains("<b>c</b>"));
    let csv = scratch.ok(&format!("report {log} --format csv"));
    assert!(csv.contains("\ngenres,items,\"a, \"\"b\"\"\",items,7\n"), "{csv}");
}

#[test]
fn mistakes_say_what_and_the_way_out() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD[..2].join(" ");
    scratch.write("mine.html", "<p>mine</p>");
    scratch.write("stats/report.csv", "my,own,numbers\n");
    scratch.fails(&format!("explore {world} --out mine.html"), &["mine.html", "name another file"]);
    scratch.fails(&format!("report {world} --save --out stats"), &["report.csv", "name another file"]);
    scratch.fails("explore nowhere --out x.html", &["nowhere", "segue prepare"]);
    scratch.fails("explore stats data=sample --out x.html", &["data=sample", "prepared already"]);
    scratch.fails("explore data=sample --out stats", &["stats", "is a folder"]);
    scratch.fails("report data=sample --save", &["--out"]);
    // What is no folder takes no files, and is told so before the data are read.
    for place in ["/dev/full", "stats/report.csv/below"] {
        let named = place.trim_end_matches("/below");
        scratch.fails(&format!("report data=nothing --save --out {place}"), &["--out", named, "is no folder"]);
    }
    assert_eq!(fs::read_to_string(scratch.path("mine.html")).unwrap(), "<p>mine</p>");
    assert!(!scratch.path("x.html").exists());
}
