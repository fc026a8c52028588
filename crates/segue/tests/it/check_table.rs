//! `segue check-table` on a table as it was published, and on our own.

use std::fs;
use std::path::Path;

use crate::support::Scratch;

/// The results of a public repository (one positive among 99 negatives a user), and around them what else its README has.
const PUBLISHED: &str = "\
# Music to films

| Domain | Split | Users |
|---|---|---:|
| Movie | Train | 79,532 |

| Model                | Precision@10 | F1@10   | MAP@10 | NDCG@10 |
|----------------------|-------------:|--------:|-------:|--------:|
| MF                   | 4.736%       | 8.61%   | 30.32% | 30.32%  |
| ItemKNN (Collab. CF) | 4.869%       | 8.885%  | 25.84% | 31.25%  |
| NeuMF                | 5.564%       | 10.27%  | 28.79% | 35.11%  |
| NeuMF + Attention    | 6.175%       | 11.22%  | 31.22% | 38.44%  |
| **LightGCN**         | **9.556%**   | **17.37%** | **46.20%** | **49.32%** |

*Higher is better.*
";

#[test]
fn the_two_rows_that_cannot_be_are_named() {
    let scratch = Scratch::new();
    scratch.write("README.md", PUBLISHED);
    let done = scratch.line("check-table README.md --format csv");
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("2 of 5 rows cannot have been measured as they say: MF, LightGCN"), "{}", done.stderr);
    let rows: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(rows.len(), 6, "{}", done.stdout);
    // Every number may be anything that rounds to it: with the middle of each, NDCG could be 33.90 to 34.78 and 56.57 to 59.05.
    assert!(
        rows[1].starts_with("9,MF,impossible,\"NDCG@10 = 30.320 % is outside 33.895 % to 34.787 %,"),
        "{}",
        rows[1]
    );
    assert!(rows[5].starts_with("13,LightGCN,impossible,\"NDCG@10 = 49.320 % is outside 56.56"), "{}", rows[5]);
    for (row, text) in rows[2..5].iter().zip(["makes it 8.85", "makes it 10.11", "makes it 11.22"]) {
        assert!(row.contains(",at odds,\"F1@10 = ") && row.contains(text), "{row}");
    }
    // Without the assumption nothing contradicts.
    assert!(!scratch.ok("check-table README.md --positives many").contains("impossible"));
}

#[test]
fn what_we_publish_can_be() {
    let scratch = Scratch::new();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results.md");
    scratch.ok(&format!("check-table {} --positives many", ours.display()));
    // Users of this split have many positives, so that recall may be below NDCG.
    let text = fs::read_to_string(ours).unwrap();
    let (before, rest) = text.split_once("MovieLens 1M in the split of LightGCN++").unwrap();
    let (_, after) = rest.split_once("\nMovieLens 100k").unwrap();
    scratch.write("one.md", [before, after].concat());
    let told = scratch.ok("check-table one.md");
    assert!(told.lines().count() > 20 && !told.contains("at odds"), "{told}");
}

#[test]
fn errors_and_areas_bind_each_other_too() {
    let scratch = Scratch::new();
    scratch.write(
        "ratings.csv",
        "model,RMSE,MSE,MAE,AUC\nA,0.92,0.85,0.72,0.71\nB,0.70,0.49,0.72,-0.1\nC,0.92,0.90,0.7,-\n",
    );
    let done = scratch.line("check-table ratings.csv --format tsv");
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stderr.contains("1 of 3 rows cannot have been measured as they say: B"), "{}", done.stderr);
    assert!(!done.stderr.contains("one relevant item"), "{}", done.stderr);
    for told in
        ["2\tA\tpossible", "B\timpossible\tAUC = ", "B\timpossible\tRMSE ≤ 0.70500", "4\tC\tat odds\tMSE ≥ 0.89500"]
    {
        assert!(done.stdout.contains(told), "{told}: {}", done.stdout);
    }
}

#[test]
fn what_several_relevant_items_allow_is_bound_too() {
    let scratch = Scratch::new();
    scratch.write("many.csv", "model,P@10,R@10,F1@10\nA,.2,.3,.2\nB,.2,.3,.4\nC,.5,.5,.9\n");
    scratch.fails("check-table many.csv --positives many", &["2 of 3 rows cannot", "as they say: B, C"]);
    scratch.write("odd.csv", "model,HR@10\nA,.85\nB,1.20\n");
    let told = scratch.line("check-table odd.csv");
    assert!(told.stderr.contains("note: odd.csv:1: read as percent, for 1.20 is above 1"), "{}", told.stderr);
}

#[test]
fn columns_of_two_units_accuse_nobody() {
    let scratch = Scratch::new();
    for header in ["HR@10 (%),NDCG@10\nA,50.3,0.312\nB,61.2,0.401", "HR@10,NDCG@10\nA,50.3%,0.312\nB,61.2%,0.401"] {
        scratch.write("units.csv", format!("model,{header}\n"));
        let done = scratch.line("check-table units.csv");
        assert_eq!(done.code, Some(0), "{}", done.stdout);
        let note = "note: units.csv:1: NDCG@10 read as shares beside percent, for no sign says which";
        assert!(done.stderr.contains(note), "{}", done.stderr);
    }
    // Small numbers of a hard task are percent like the others.
    scratch.write("units.csv", "model,HR@10 (%),NDCG@10\nA,1.2,0.6\nB,0.9,0.5\n");
    let done = scratch.line("check-table units.csv");
    assert!(done.code == Some(0) && done.stderr.contains("NDCG@10 read as percent, as others are"), "{}", done.stderr);
    // What can be by neither reading cannot be.
    scratch.write("units.csv", "model,HR@10 (%),NDCG@10\nA,50.3,0.312\nB,50.3,0.912\n");
    scratch.fails("check-table units.csv", &["1 of 2 rows cannot have been measured as they say: B"]);
}

#[test]
fn rows_that_are_no_results_accuse_nobody() {
    let scratch = Scratch::new();
    // None of these rows could be a result: gain above hit rate, or a number above 1 beside shares.
    for label in [
        "Improv.",
        "%Improv",
        "Improvement",
        "Impr. (%)",
        "Gain",
        "Δ",
        "p-value",
        "p",
        "std",
        "stdev",
        "±",
        "Average rank",
        "Ours vs. MF",
    ] {
        let (hr, ndcg) = if label == "Ours vs. MF" { ("+13.27%", "↑ 20.1") } else { ("13.27%", "20.10%") };
        scratch.write(
            "paper.md",
            format!("| Model | HR@10 | NDCG@10 |\n|---|---|---|\n| MF | <u>0.2910</u> | \\underline{{0.15}} |\n| Ours | **0.33** | <b>.18</b> |\n| {label} | {hr} | {ndcg} |\n"),
        );
        let done = scratch.line("check-table paper.md --format csv");
        assert_eq!(done.code, Some(0), "{label}: {}", done.stdout);
        assert!(done.stderr.contains(&format!("note: paper.md:1: {label} left out")), "{label}: {}", done.stderr);
        // Its percent signs say nothing of the rows above.
        assert!(!done.stderr.contains("percent") && !done.stdout.contains("unreadable"), "{label}: {}", done.stderr);
        assert_eq!(done.stdout.lines().collect::<Vec<_>>()[1..], ["3,MF,possible,", "4,Ours,possible,"]);
    }
    // Nor do columns of spreads and improvements.
    scratch.write("paper.csv", "model,HR@10 ± std,HR@10 std,NDCG@10,NDCG@10 std,Improv.\nA,.50 ± .01,.01,.30,.02,9%\n");
    assert!(scratch.ok("check-table paper.csv --format csv").contains("2,A,possible,"));
    // The row that is a result stays accused, whatever is underlined.
    scratch.write("paper.csv", "model,HR@10,NDCG@10\nImproved MF,<u>.50</u>,\\textbf{.60}\nImprov.,+1%,+2%\n");
    scratch.fails("check-table paper.csv", &["1 of 1 rows cannot have been measured as they say: Improved MF"]);
}

#[test]
fn domains_side_by_side_are_checked_by_themselves() {
    let scratch = Scratch::new();
    let (a, b) = ("A,.5000,.3000,.4000,.2500", "B,.5000,.3000,.5000,.6000");
    let rule = "---,---,---,---,---";
    let csv = |lines: &[&str]| lines.join("\n") + "\n";
    let markdown =
        |lines: &[&str]| lines.iter().map(|line| format!("| {} |\n", line.replace(',', " | "))).collect::<String>();
    let titles = "Method,HR@10,NDCG@10,HR@10,NDCG@10";
    let domains = ",Film,,Music,";
    let film_music = [
        csv(&["Method,Film HR@10,Film NDCG@10,Music HR@10,Music NDCG@10", a, b]),
        csv(&["Method,HR@10 (Film),NDCG@10 (Film),HR@10 (Music),NDCG@10 (Music)", a, b]),
        csv(&["Method,Film: HR@10,Film: NDCG@10,Music: HR@10,Music: NDCG@10", a, b]),
        csv(&["Method,Film HR_10,Film NDCG10,Music HR10,Music ndcg_10", a, b]),
        csv(&[domains, titles, a, b]),
        markdown(&[domains, rule, titles, a, b]),
        markdown(&[domains, titles, rule, a, b]),
        markdown(&[domains, rule, titles, rule, a, b]),
        csv(&[
            ",HR@10,,NDCG@10,",
            "Method,Film,Music,Film,Music",
            "A,.5000,.4000,.3000,.2500",
            "B,.5000,.5000,.3000,.6000",
        ]),
        csv(&[
            "Domain,Metric,A,B",
            "Film,HR@10,.5000,.5000",
            ",NDCG@10,.3000,.3000",
            "Music,HR@10,.4000,.5000",
            ",NDCG@10,.2500,.6000",
        ]),
    ];
    let again = [csv(&[titles, a, b]), markdown(&[titles, rule, a, b])];
    let tables = film_music.iter().map(|table| (table, "Film", "Music"));
    for (table, first, second) in tables.chain(again.iter().map(|table| (table, "columns 2 to 3", "columns 4 to 5"))) {
        scratch.write("paper.md", table);
        let done = scratch.line("check-table paper.md --format tsv");
        assert_eq!(done.code, Some(1), "{table}{}", done.stdout);
        let told = format!("1 of 2 rows cannot have been measured as they say: B ({second})");
        assert!(done.stderr.contains(&told) && !done.stderr.contains("left out"), "{table}{}", done.stderr);
        for row in
            [format!("A ({first})\tpossible"), format!("A ({second})\tpossible"), format!("B ({first})\tpossible")]
        {
            assert!(done.stdout.contains(&row), "{table}{}", done.stdout);
        }
        assert!(
            done.stdout.contains(&format!("B ({second})\timpossible\tNDCG@10 = 0.60000")),
            "{table}{}",
            done.stdout
        );
    }
    // No row is held to the numbers of another domain, and one unit is told once.
    scratch.write("paper.md", markdown(&["M,HR@10 (Film),NDCG@10 (Music)", "---,---,---", "A,.20,.60"]));
    scratch.ok("check-table paper.md");
    scratch.write("paper.md", csv(&[domains, titles, "A,50.1,30.2,40.3,25.4", "Improv.,9%,99%,1%,98%"]));
    let done = scratch.line("check-table paper.md");
    assert_eq!((done.code, done.stderr.matches("read as percent").count()), (Some(0), 1), "{}", done.stderr);
    assert_eq!(done.stderr.matches("Improv. left out").count(), 1, "{}", done.stderr);
}

#[test]
fn metrics_may_be_rows() {
    let scratch = Scratch::new();
    let table = "| Metric | MF | LightGCN | Improv. | Users |\n|---|---|---|---|---|\n| HR@10 | .5000 | .5000 | 1% | 6040 |\n| NDCG@10 | .3000 | .6000 | 9% | 6040 |\n";
    scratch.write("paper.md", table);
    scratch.fails(
        "check-table paper.md",
        &["1 of 2 rows cannot have been measured as they say: LightGCN", "Improv. left out"],
    );
    // What is a ratio of shares, or costs, is none.
    for column in ["Ratio | 1.20 | 1.33", "Faster | 1.50 | 3.40", "95% CI | [.48, .52] | [.28, .32]"] {
        let [title, hr, ndcg] = column.split(" | ").collect::<Vec<_>>()[..] else { panic!("three cells") };
        let table = format!(
            "| Metric | MF | {title} |\n|---|---|---|\n| HR@10 | .5000 | {hr} |\n| NDCG@10 | .3000 | {ndcg} |\n"
        );
        scratch.write("paper.md", table);
        assert!(scratch.ok("check-table paper.md --format tsv").contains("1\tMF\tpossible"), "{column}");
    }
}

#[test]
fn what_is_no_table_of_results_is_refused() {
    let scratch = Scratch::new();
    scratch.write("log.csv", "user,item\n1,2\n");
    scratch.fails("check-table log.csv", &["log.csv: no column is a metric at a cut-off", "HR@10", "--k 10"]);
    scratch.fails("check-table missing.md", &["cannot read missing.md: No such file"]);
    scratch.write("binary", [0xff, 0xfe, 0]);
    scratch.fails("check-table binary", &["cannot read binary", "UTF-8"]);
    scratch.write("bare.csv", "model,HR,NDCG\nA,0.50,0.60\n");
    scratch.fails("check-table bare.csv", &["note: bare.csv:1: HR, NDCG left out"]);
    scratch.fails("check-table bare.csv --k 10", &["1 of 1 rows cannot have been measured as they say: A"]);
    scratch.write("odd.csv", "model,HR@10\nA,-0.2\nB,nan\nC,0.2\nD,-\n");
    let told = scratch.line("check-table odd.csv --format csv");
    assert!(
        told.stdout.contains("2,A,impossible,") && told.stdout.contains("3,B,unreadable,`nan` is no number"),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("4,C,possible,") && told.stdout.lines().count() == 4, "{}", told.stdout);
    scratch.fails("check-table bare.csv --k 0", &["--k"]);
}

#[test]
fn lists_with_several_relevant_items_are_hinted_at_and_commas_are_points() {
    let scratch = Scratch::new();
    // Recall below the hit rate: impossible or at odds with one relevant item, plain with several.
    scratch.write("many.csv", "model;HR@10;Recall@10;Precision@10\nA;0,61;0,25;0,112\n");
    let done = scratch.line("check-table many.csv --format tsv");
    assert!(done.stderr.contains("1 of 1 rows bear more where lists have several"), "{}", done.stderr);
    assert!(done.stderr.contains("--positives many"), "{}", done.stderr);
    let told = scratch.ok("check-table many.csv --positives many --format tsv");
    assert!(told.contains("A\tpossible"), "{told}");
    // Where lists with several relevant items bear no more there is nothing to hint at.
    scratch.write("one.md", "| model | HR@10 | Precision@10 |\n|---|---|---|\n| A | ,61 | ,061 |\n");
    let done = scratch.line("check-table one.md --format tsv");
    assert!(done.code == Some(0) && done.stdout.contains("A\tpossible"), "{}{}", done.stdout, done.stderr);
    assert!(!done.stderr.contains("--positives many"), "{}", done.stderr);
}
