//! Rankings out as TREC files, and in from any system.

use std::fmt::Write as _;
use std::fs;

use crate::support::{SMALL_WORLD, Scratch};

/// A run folder of `model` on the sample world, prepared beside it.
fn trained(model: &str) -> Scratch {
    let scratch = Scratch::new();
    scratch.ok(&format!("prepare {} --out data", SMALL_WORLD.join(" ")));
    scratch.ok(&format!("train data_dir=data model={model} out=run evaluation.bootstrap=50"));
    scratch
}

#[test]
fn written_lists_are_measured_as_the_model_is() {
    let scratch = trained("ease");
    let how = "evaluation.bootstrap=50 evaluation.metrics=[precision,recall,hr,ndcg,map,mrr,coverage]";
    let evaluate = format!("evaluate --run run --data data --trec-run trec/a.run --trec-qrels trec/a.qrels {how}");
    let direct = scratch.ok(&format!("{evaluate} evaluation.ties=docid"));
    let (run, qrels) = (scratch.path("trec/a.run"), scratch.path("trec/a.qrels"));
    let text = fs::read_to_string(&run).unwrap();
    let first: Vec<&str> = text.lines().next().unwrap().split(' ').collect();
    assert!(matches!(first[..], [_, "Q0", _, "1", _, "ease"]), "{first:?}");
    assert!(fs::read_to_string(&qrels).unwrap().lines().all(|line| line.split(' ').count() == 4));
    let left: Vec<String> =
        fs::read_dir(scratch.path("trec")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left.len(), 2, "{left:?}");

    // The same numbers and intervals; a run has no catalogue to cover.
    let without_coverage = |table: &str| -> Vec<String> {
        table.lines().filter(|line| !line.starts_with("coverage")).map(str::to_owned).collect()
    };
    let lists =
        scratch.line(&format!("evaluate --trec-run-in trec/a.run --qrels trec/a.qrels {how} evaluation.ties=docid"));
    assert_eq!(lists.code, Some(0), "{}", lists.stderr);
    assert!(lists.stderr.contains("lists of a TREC run") && lists.stderr.contains("trec_eval"), "{}", lists.stderr);
    assert_eq!(lists.stdout.lines().collect::<Vec<_>>(), without_coverage(&direct));
    // What is said of neither is the same for both: expected values.
    let direct = scratch.ok(&format!("evaluate --run run --data data {how}"));
    let lists = scratch.line(&format!("evaluate --trec-run-in trec/a.run --qrels trec/a.qrels {how}"));
    assert!(lists.stderr.contains("ties: expected value"), "{}", lists.stderr);
    assert_eq!(lists.stdout.lines().collect::<Vec<_>>(), without_coverage(&direct));
    let dialect = "evaluation.dialect=trec_eval evaluation.metrics=[ndcg,map,mrr] evaluation.bootstrap=50";
    let direct = scratch.ok(&format!("evaluate --run run --data data {dialect}"));
    let lists = scratch.ok(&format!("evaluate --trec-run-in trec/a.run --qrels trec/a.qrels {dialect}"));
    assert_eq!(lists, direct);

    // What only the dialect knows needs no prefix in it.
    let uncut = |metric: &str| {
        let how = format!("evaluation.dialect=trec_eval evaluation.metrics=[{metric}] evaluation.bootstrap=0");
        scratch.ok(&format!("evaluate --trec-run-in trec/a.run --qrels trec/a.qrels {how}"))
    };
    assert_eq!(uncut("map_uncut"), uncut("trec_eval:map_uncut"));
    scratch.fails(
        "evaluate --trec-run-in trec/a.run --qrels trec/a.qrels evaluation.dialect=trec_eval evaluation.metrics=[zebra]",
        &["trec_eval has no metric `zebra`"],
    );

    // Without metrics, a dialect is asked for those of the default, or of the run, that it has.
    let of_lists =
        "evaluate --trec-run-in trec/a.run --qrels trec/a.qrels evaluation.bootstrap=0 evaluation.dialect=trec_eval";
    let own = "evaluate --run run --data data evaluation.bootstrap=0 evaluation.dialect=trec_eval";
    let of_run = scratch.line(own);
    assert!(of_run.stderr.contains("trec_eval has no f1, coverage: left out"), "{}", of_run.stderr);
    let names: Vec<&str> = of_run.stdout.lines().skip(1).map(|line| line.split(['@', '\t']).next().unwrap()).collect();
    assert!(names.contains(&"ndcg_graded") && !names.contains(&"f1"), "{}", of_run.stdout);
    assert_eq!(of_run.stdout, scratch.ok(of_lists));
    // Of a key that is given twice the last counts, here as anywhere.
    let twice = scratch.line(&own.replace("evaluation.dialect=", "evaluation.dialect=elliot evaluation.dialect="));
    assert_eq!(twice.stdout, of_run.stdout, "{}", twice.stderr);
    scratch.fails(
        &format!("{of_lists} evaluation.metrics=[f1,ndcg,gini]"),
        &["evaluation.metrics: trec_eval has no metric `f1`, `gini`; it has precision"],
    );
    scratch.fails(
        "evaluate --trec-run-in trec/a.run --qrels trec/a.qrels evaluation.metrics=[coverage]",
        &["coverage@10"],
    );
    scratch.fails(
        "train model=ease data_dir=data evaluation.candidates=sampled evaluation.metrics=[coverage]",
        &["`coverage@10` needs full ranking"],
    );
    // Early stopping watches its metric as the dialect has it, and ranx has no errors of ratings.
    let rated = scratch.ok("train model=svd data_dir=data evaluation.dialect=ranx evaluation.bootstrap=50 out=rated");
    assert!(rated.contains("ndcg_graded@10\t") && !rated.contains("rmse"), "{rated}");
    let uncut = "trainer.early_stopping.metric=mrr@10 evaluation.dialect=trec_eval evaluation.bootstrap=0";
    scratch.ok(&format!("train model=svd data_dir=data {uncut} out=uncut"));
    let composed = scratch.ok("train model=svd data_dir=data evaluation.dialect=implicit --cfg job");
    assert!(composed.contains("  metrics:\n  - precision\n  - ndcg\n  - map\n  "), "{composed}");

    // Rows in another order are the same run, and another system's queries are left out.
    let mut turned: String = text.lines().rev().map(|line| format!("{line}\n")).collect();
    turned.push_str("nobody Q0 x 1 0.5 other\n");
    scratch.write("turned.run", turned);
    let done = scratch.line(&format!("evaluate --trec-run-in turned.run --qrels trec/a.qrels {dialect}"));
    assert_eq!(done.stdout, lists);
    assert!(done.stderr.contains("1 queries of the run are not in the qrels"), "{}", done.stderr);

    scratch.fails(
        "evaluate --run nowhere --data data --trec-run x evaluation.candidates=sampled",
        &["evaluation.candidates=full"],
    );
    assert!(!scratch.path("x").exists());
}

#[test]
fn ids_with_blanks_are_encoded_and_a_note_says_so() {
    let scratch = Scratch::new();
    let mut log = String::from("user,item,rating,timestamp\n");
    for user in 0..30 {
        for n in 0..8 {
            let _ = writeln!(log, "user {user},film {} at 5%,{},{}", (user * 3 + n * n) % 20, 4 + n % 2, 1000 + n);
        }
    }
    scratch.write("log/ratings.csv", log);
    scratch.ok("prepare data=log data.root=log --out data");
    scratch.ok("train data_dir=data model=popularity out=run evaluation.bootstrap=50");
    let how = "evaluation.bootstrap=50 evaluation.metrics=[recall,ndcg,map_trec,ndcg_graded] evaluation.ties=docid";
    let done = scratch.line(&format!("evaluate --run run --data data --trec-run a.run --trec-qrels a.qrels {how}"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("percent-encoded"), "{}", done.stderr);
    let run = fs::read_to_string(scratch.path("a.run")).unwrap();
    assert!(run.lines().all(|line| line.split(' ').count() == 6 && line.contains("film%20")), "{run}");
    assert!(run.contains("%20at%205%25 "), "{run}");
    let qrels = fs::read_to_string(scratch.path("a.qrels")).unwrap();
    assert!(qrels.lines().all(|line| line.starts_with("user%20") && line.ends_with(['4', '5'])), "{qrels}");
    assert_eq!(scratch.ok(&format!("evaluate --trec-run-in a.run --qrels a.qrels {how}")), done.stdout);
}

#[test]
fn bad_files_are_told_by_name_and_line() {
    let scratch = Scratch::new();
    scratch.write("good.run", "q Q0 a 1 2.5 x\nq Q0 b 2 1.5 x\n");
    scratch.write("good.qrels", "q 0 a 1\n");
    for (run, parts) in [
        ("q Q0 a 1 2.5 x\nq Q0 b 2 1.5\n", ["bad.run: line 2", "5 fields"]),
        ("q Q0 a 1 inf x\n", ["bad.run: line 1", "no finite number"]),
        ("q Q0 a 1 2.5 x\nq Q0 a 2 1.5 x\n", ["bad.run: line 2", "there before"]),
        ("p Q0 a 1 2.5 x\n", ["bad.run: ", "same ids"]),
    ] {
        scratch.write("bad.run", run);
        scratch.fails("evaluate --trec-run-in bad.run --qrels good.qrels", &parts);
    }
    scratch.write("bad.qrels", "q 0 a 1\nq 0 b yes\n");
    scratch.fails("evaluate --trec-run-in good.run --qrels bad.qrels", &["bad.qrels: line 2", "`yes`"]);
    scratch.fails("evaluate --trec-run-in nowhere.run --qrels good.qrels", &["nowhere.run"]);
    scratch.fails("evaluate --trec-run-in good.run", &["--qrels"]);
    scratch.fails("evaluate --trec-run-in good.run --qrels good.qrels --run run", &["--run"]);
    scratch.fails("evaluate --trec-run-in good.run --qrels good.qrels evaluation.candidates=sampled", &["as it is"]);
    for given in ["history=train", "hide=train", "seed=3", "negatives=7", "test=never"] {
        let said = ["as it is", given];
        scratch.fails(
            &format!("evaluate --trec-run-in good.run --qrels good.qrels evaluation.{given} --format tsv"),
            &said[..],
        );
    }
    scratch.fails("evaluate --trec-run-in good.run --qrels good.qrels evaluation.metrics=[novelty]", &["novelty@10"]);
    scratch.fails("evaluate --run run", &["--data"]);
}
