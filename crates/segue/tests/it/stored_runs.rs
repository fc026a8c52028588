//! Runs read back: compared, measured, and told apart by a guide.

use std::fs;

use crate::support::{SMALL_WORLD, Scratch};

const MODELS: &str = "model=ease,mf trainer.max_epochs=3";

/// The cells of a table but the last, which is a time.
fn without_seconds(table: &str) -> Vec<String> {
    table.lines().map(|line| line.rsplit_once('\t').unwrap().0.to_owned()).collect()
}

#[test]
fn stored_runs_compare_as_fresh_ones_do() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let fresh = scratch.ok(&format!("compare {world} {MODELS}"));
    scratch.ok(&format!("train --multirun {world} {MODELS}"));
    let runs = "outputs/segue/ease_joint_seed42 outputs/segue/mf_joint_seed42";
    assert_eq!(without_seconds(&scratch.ok(&format!("compare {runs}"))), without_seconds(&fresh));
    let tests = |what: &str| scratch.ok(&format!("compare {what} --tests --baseline ease --show recall@20"));
    assert_eq!(tests(runs), tests(&format!("{world} {MODELS}")));

    // For programs: numbers alone.
    let csv = scratch.ok(&format!("compare {runs} --format csv --show recall@20"));
    assert!(csv.starts_with("model,scope,recall@20,recall@20_low,recall@20_high,users,mark,seconds,bytes,"), "{csv}");
    assert!(csv.lines().next().unwrap().ends_with(",lift_over_popularity,protocol_text"), "{csv}");
    let cells: Vec<f64> =
        csv.lines().nth(1).unwrap().split(',').skip(2).take(6).map(|cell| cell.parse().unwrap()).collect();
    assert!(cells[1] <= cells[0] && cells[0] <= cells[2] && cells[4].abs() <= 1.0, "{csv}");
    let tested = scratch.ok(&format!("compare {runs} --format csv --show recall@20 --tests --baseline ease"));
    let cells: Vec<Vec<&str>> = tested.lines().map(|line| line.split(',').collect()).collect();
    let of = |row: usize, name: &str| cells[row][cells[0].iter().position(|column| *column == name).unwrap()];
    let number = |row: usize, name: &str| of(row, name).parse::<f64>().unwrap();
    let row = (1..cells.len()).find(|&row| of(row, "model") == "mf").unwrap();
    assert_eq!(["metric", "baseline", "baseline_scope"].map(|name| of(row, name)), ["recall@20", "ease", "joint"]);
    assert!(number(row, "difference_low") <= number(row, "difference"), "{tested}");
    assert!(number(row, "better") + number(row, "worse") <= number(row, "users"), "{tested}");
    assert!(number(row, "p_randomisation") <= number(row, "p_corrected"), "{tested}");
    let words = tests(runs);
    let effect = format!("{:.3}", number(row, "effect"));
    assert!(words.lines().any(|line| line.starts_with("mf\t") && line.contains(&effect)), "{words}");

    // One page, replaced only by another of ours.
    let drawn = scratch.line(&format!("compare {runs} --html results.html"));
    assert!(drawn.stderr.contains("wrote results.html"), "{}", drawn.stderr);
    let page = fs::read_to_string(scratch.path("results.html")).unwrap();
    for section in ["metrics", "curves", "parts", "genres", "retrieved", "coverage", "costs", "table"] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    assert!(page.contains("split: leave-one-out") && !page.contains("Has none"));
    scratch.ok(&format!("compare {runs} --html results.html"));
    scratch.write("mine.html", "precious");
    scratch.fails(&format!("compare {runs} --html mine.html"), &["mine.html", "not written by this command"]);
    // Before anything is measured.
    let device = scratch.line(&format!("compare {runs} --html /dev/null"));
    assert!(device.stderr.starts_with("error: cannot write /dev/null: it is no plain file"), "{}", device.stderr);

    // Before anything is trained, too.
    for what in [runs, &format!("{world} model=ease")] {
        let said = "--show ngcd@10 was not measured; did you mean `ndcg@10`?; there are: ";
        scratch.fails(&format!("compare {what} --show ngcd@10"), &[said]);
    }

    let guide = scratch.ok(&format!("models --guide {runs} --format tsv"));
    let ease = guide.lines().find(|line| line.starts_with("ease\t")).unwrap();
    assert!(
        ease.contains("high: every reason adds up") && ease.contains(" MiB") && ease.contains("excellent"),
        "{guide}"
    );

    // A value has its interval, and the best is claimed only where it is told apart.
    let cell = ease.split('\t').nth(4).unwrap();
    assert!(cell.contains(" [0.") && cell.ends_with("])"), "{cell}");
    let best = |runs: &str| -> String {
        let told = scratch.line(&format!("models --guide {runs} --metric ndcg@10")).stderr;
        told.lines().find(|line| line.starts_with("highest accuracy: ")).unwrap().to_owned()
    };
    let tested = scratch.ok(&format!("compare {runs} --tests --baseline ease --show ndcg@10 --format csv"));
    let header: Vec<&str> = tested.lines().next().unwrap().split(',').collect();
    let mf: Vec<&str> = tested.lines().find(|line| line.starts_with("mf,")).unwrap().split(',').collect();
    let p = mf[header.iter().position(|name| *name == "p_randomisation").unwrap()].parse::<f64>().unwrap();
    assert_eq!(best(runs).contains("none stands out: "), p >= 0.05, "{} {p}", best(runs));
    scratch.ok(&format!("train {world} model=random run_name=random"));
    let clear = best("outputs/segue/ease_joint_seed42 outputs/segue/random");
    assert_eq!(clear, "highest accuracy: ease");
    // As if another model had nearly the same values.
    scratch.ok(&format!("train {world} model=ease model.l2=900 run_name=other"));
    let path = scratch.path("outputs/segue/other/config.yaml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("name: ease", "name: ials")).unwrap();
    let close = best("outputs/segue/ease_joint_seed42 outputs/segue/other");
    assert!(close.starts_with("highest accuracy: none stands out: "), "{close}");

    // Without a metric it is the usual one of these runs.
    scratch.ok(&format!("train {world} model=popularity evaluation.k_values=[3] out=third"));
    let third = scratch.line("models --guide third");
    assert!(third.code == Some(0) && third.stderr.contains(", ndcg@3; time"), "{}", third.stderr);
    let other = ["mrr@10 was not measured of popularity; --metric names another"];
    scratch.fails("models --guide third --metric mrr@10", &other);

    // What each took is told, though one process trained them, or that the stored model is so large at least.
    assert!(!guide.contains("not told"), "{guide}");

    // What is no run, or not to be mixed, is said.
    scratch.fails("compare outputs/none", &["outputs/none holds no finished run", "segue train"]);
    scratch.fails(&format!("compare {runs} seed=1"), &["`seed=1`", "leave it out"]);
    scratch.fails(&format!("compare {runs} --controls"), &["--controls", "scope=target"]);
    scratch.fails(&format!("compare {runs} --baseline ials"), &["--baseline ials", "not compared"]);
    scratch.fails(
        &format!("models --guide {runs} --metric ndcg@7"),
        &["ndcg@7 was not measured of ease; --metric names another", "ndcg@10"],
    );
    let metrics = scratch.path("outputs/segue/mf_joint_seed42/metrics.json");
    let sound = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, "{").unwrap();
    scratch.fails(&format!("compare {runs}"), &["metrics.json", "damaged"]);
    // So are numbers that the values by user contradict, and fewer users than were asked.
    let value = serde_json::from_str::<serde_json::Value>(&sound).unwrap();
    let recall = value["questions"][0]["test_summary"]["metrics"].as_array().unwrap();
    let recall = recall.iter().find(|estimate| estimate["metric"] == "recall@10").unwrap()["value"].to_string();
    fs::write(&metrics, sound.replace(&recall, "0.99")).unwrap();
    scratch
        .fails(&format!("compare {runs}"), &["per_user.csv", "recall@10 is 0.", "metrics.json says 0.99", "damaged"]);
    fs::write(&metrics, &sound).unwrap();
    let users = scratch.path("outputs/segue/mf_joint_seed42/per_user.csv");
    let text = fs::read_to_string(&users).unwrap();
    fs::write(&users, text.lines().take(9).collect::<Vec<_>>().join("\n")).unwrap();
    scratch.fails(&format!("compare {runs}"), &["per_user.csv", "8 users, but ", "damaged"]);
}

#[test]
fn runs_without_values_by_user_are_shown_and_not_tested() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train --multirun {world} model=popularity,ease scope=target,joint"));
    let runs =
        "outputs/segue/ease_joint_seed42 outputs/segue/ease_target_seed42 outputs/segue/popularity_target_seed42";
    let values = |table: &str| {
        let first = |line: &str| line.split('\t').take(3).collect::<String>().replace([' ', '▲', '▼'], "");
        table.lines().map(first).collect::<Vec<_>>()
    };
    let whole = values(&scratch.ok(&format!("compare {runs}")));
    for file in ["per_user.csv", "parts.csv"] {
        fs::remove_file(scratch.path("outputs/segue/ease_target_seed42").join(file)).unwrap();
    }
    let lean = scratch.line(&format!("compare {runs}"));
    assert_eq!(lean.code, Some(0), "{}", lean.stderr);
    assert_eq!(values(&lean.stdout), whole);
    assert!(!lean.stdout.contains("gain over") && lean.stdout.contains("lift over"), "{}", lean.stdout);
    assert!(lean.stderr.contains("no marks, gains or tests of ease target: their folders have no per_user.csv"));
    assert!(!lean.stderr.contains("protocol 2"), "{}", lean.stderr);
    let tests = scratch.line(&format!("compare {runs} --tests --html lean.html"));
    assert_eq!((tests.code, tests.stdout.lines().count()), (Some(0), 2), "{}{}", tests.stdout, tests.stderr);
    let guide = scratch.line(&format!("models --guide {runs}"));
    assert_eq!(guide.code, Some(0), "{}", guide.stderr);
    assert!(guide.stderr.contains("ease target left out: a control stands for no model"), "{}", guide.stderr);
    // One run without takes nothing from the others.
    let joint = "outputs/segue/popularity_joint_seed42";
    fs::remove_file(scratch.path(joint).join("per_user.csv")).unwrap();
    scratch.ok(&format!("train {world} model=ease scope=target run_name=whole"));
    let others = "outputs/segue/ease_joint_seed42 outputs/segue/whole outputs/segue/popularity_target_seed42";
    let table = scratch.ok(&format!("compare {others} {joint}"));
    assert!(table.contains(", p by Holm") && (table.contains(" p=") || table.contains(" p<")), "{table}");
    // Its numbers must be those that it has twice, within their intervals.
    let metrics = scratch.path("outputs/segue/ease_target_seed42/metrics.json");
    let sound = fs::read_to_string(&metrics).unwrap();
    let value = serde_json::from_str::<serde_json::Value>(&sound).unwrap()["test"]["recall@10"].to_string();
    fs::write(&metrics, sound.replacen(&value, "0.99", 1)).unwrap();
    scratch.fails(&format!("compare {runs}"), &["metrics.json: recall@10 is ", "in test_summary and", "damaged"]);
    fs::write(&metrics, sound.replace(&value, "0.99")).unwrap();
    scratch.fails(&format!("compare {runs}"), &["recall@10 is 0.99, outside its own interval of 0.", "damaged"]);
    fs::write(&metrics, &sound).unwrap();
    // Where the baseline has none there is nothing to hold others against.
    fs::remove_file(scratch.path("outputs/segue/popularity_target_seed42/per_user.csv")).unwrap();
    let table = scratch.ok(&format!("compare {runs}"));
    assert!(table.lines().count() == 4 && !table.contains(['▲', '▼']), "{table}");
}

#[test]
fn popularity_is_of_the_same_protocol_or_is_missed_aloud() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train --multirun {world} model=popularity,ease scope=target"));
    scratch.ok(&format!("train {world} model=ease scope=target evaluation.candidates=sampled run_name=sampled"));
    let runs =
        "outputs/segue/ease_target_seed42 outputs/segue/popularity_target_seed42 outputs/segue/sampled --show hr@10";
    // The data can be found: it is measured by that protocol, too, and every row has its lift.
    let done = scratch.line(&format!("compare {runs}"));
    assert!(done.stderr.contains("popularity was measured on the test part now"), "{}", done.stderr);
    // Who looked at the test part is written down with the run, once.
    let opened = opened_after_training(&scratch, "outputs/segue/sampled");
    assert!(opened.len() == 1 && opened[0]["why"] == "compare popularity with the run", "{opened:?}");
    let of = |model: &str| done.stdout.lines().filter(|line| line.starts_with(model)).count();
    assert_eq!((of("popularity\t"), of("ease\t")), (2, 2), "{}", done.stdout);
    assert!(done.stdout.lines().skip(1).all(|line| line.contains(" %\t")), "{}", done.stdout);
    assert!(!done.stderr.contains("no lift over"), "{}", done.stderr);
    // A run named twice stands once.
    let twice = scratch.line(&format!("compare outputs/segue/sampled {runs} --format csv"));
    assert_eq!(twice.stdout.lines().count(), 5, "{}", twice.stdout);
    assert!(twice.stderr.contains("outputs/segue/sampled is named twice and stands once"), "{}", twice.stderr);
    // They cannot be found any more.
    scratch.ok(&format!("prepare {world} --out gone"));
    scratch.ok("train data_dir=gone model=ease scope=target evaluation.candidates=sampled run_name=gone");
    scratch.ok("train data_dir=gone model=popularity scope=target run_name=known");
    fs::remove_dir_all(scratch.path("gone")).unwrap();
    let done = scratch.line("compare outputs/segue/gone outputs/segue/known --show hr@10");
    assert!(done.stderr.contains("there is no row of popularity: "), "{}", done.stderr);
    assert!(done.stderr.contains("no lift over popularity of ease target (protocol 1): "), "{}", done.stderr);
    assert!(done.stdout.lines().nth(1).unwrap().contains("\t-\t"), "{}", done.stdout);
    // A document's table is of what was stored, whether or not the data are at hand.
    let from = "<!-- from: segue compare outputs/segue/ease_target_seed42 --show hr@10 -->";
    scratch.write("d.md", format!("{from}\n| x |\n<!-- /from -->\n"));
    scratch.ok("verify d.md --write");
    let text = fs::read_to_string(scratch.path("d.md")).unwrap();
    assert!(text.contains("| ease | target |") && !text.contains("popularity"), "{text}");
}

#[test]
fn recipes_are_told_apart_and_never_averaged() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let table = scratch.ok(&format!("compare {world} model=ease model.l2=1,1000 scope=target seed=1,2 --show ndcg@10"));
    let header = table.lines().next().unwrap();
    assert!(header.starts_with("model\tscope\thyper-parameters\tseed\t"), "{table}");
    let means: Vec<&str> = table.lines().filter(|line| line.contains("mean of")).collect();
    assert_eq!(means.len(), 2, "{table}");
    assert!(means[0].contains("l2=1.0\tmean of 2") && means[1].contains("l2=1000.0\tmean of 2"), "{table}");
    // One seed has no column, and a run beside itself no mean.
    let table = scratch.ok(&format!("compare {world} model=ease model.l2=1,1000 scope=target --show ndcg@10"));
    assert!(table.starts_with("model\tscope\thyper-parameters\tndcg@10") && !table.contains("mean of"), "{table}");
    scratch.ok(&format!("train {world} model=ease scope=target run_name=one"));
    let table = scratch.ok("compare outputs/segue/one outputs/segue/../segue/one");
    assert!(table.lines().count() == 3 && !table.contains("mean of"), "{table}");
    // A joint model is held against itself, and that is told where the two are of other recipes.
    scratch.ok(&format!("train {world} model=ease scope=joint model.l2=7 run_name=other"));
    let done = scratch.line("compare outputs/segue/one outputs/segue/other");
    assert!(done.code == Some(0) && done.stderr.contains("other hyper-parameters than theirs"), "{}", done.stderr);
    assert!(done.stdout.contains("gain over target alone"), "{}", done.stdout);
    // Of several recipes of a scope validation chooses the control.
    scratch.ok(&format!("train {world} model=ease scope=target model.l2=9 run_name=third"));
    let runs = "outputs/segue/one outputs/segue/other outputs/segue/third";
    let done = scratch.line(&format!("compare {runs}"));
    assert!(done.code == Some(0) && done.stderr.contains("on validation it is ease target "), "{}", done.stderr);
    assert!(done.stdout.contains("gain over target alone"), "{}", done.stdout);
    // Where it cannot, nobody knows whose control is whose.
    for run in ["one", "third"] {
        let path = scratch.path(format!("outputs/segue/{run}/metrics.json"));
        let mut metrics: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        metrics["questions"][0]["valid"] = serde_json::json!([]);
        fs::write(path, metrics.to_string()).unwrap();
    }
    let done = scratch.line(&format!("compare {runs}"));
    assert!(done.code == Some(0) && !done.stderr.to_lowercase().contains("transfer"), "{}", done.stderr);
    assert!(done.stderr.contains("Validation chooses none of ease target"), "{}", done.stderr);
    // Seeds repeat a hypothesis: a model without chance has the same p with one as with three, but for the random signs.
    let p = |seeds: &str| -> f64 {
        let table = scratch.ok(&format!("compare {world} model=ease,item_knn seed={seeds} --tests --show ndcg@10"));
        let at = table.lines().next().unwrap().split('\t').position(|name| name == "p corrected").unwrap();
        let row = table.lines().find(|line| line.starts_with("ease\t")).unwrap();
        row.split('\t').nth(at).unwrap().trim_start_matches('<').parse().unwrap()
    };
    let (one, three) = (p("1"), p("1,2,3"));
    assert!((one - three).abs() < 0.01, "{one} {three}");
}

#[test]
fn what_was_not_asked_the_same_is_not_compared() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train {world} model=ease run_name=one"));
    scratch.ok(&format!("train {world} data.world.strength=0 model=item_knn run_name=other"));
    scratch.ok(&format!("train {world} evaluation.candidates=sampled model=item_knn run_name=sampled"));
    let done = scratch
        .line("compare outputs/segue/one outputs/segue/other outputs/segue/sampled --show ndcg@10 --html mixed.html");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for n in 1..=3 {
        assert!(done.stderr.contains(&format!("protocol {n} (films): ")), "{}", done.stderr);
    }
    let page = fs::read_to_string(scratch.path("mixed.html")).unwrap();
    assert!(page.contains("ndcg@10 of films, protocol 3"));
    let tested = scratch.line("compare outputs/segue/one outputs/segue/other --tests --baseline item_knn");
    assert!(tested.stderr.contains("rows are asked what no row of item_knn is"), "{}", tested.stderr);
    // But for popularity on the data of the other.
    assert_eq!(tested.stdout.lines().count(), 2, "{}", tested.stdout);
    assert!(tested.stdout.lines().nth(1).unwrap().starts_with("popularity\t"), "{}", tested.stdout);
    scratch.fails("models --guide outputs/segue/one outputs/segue/sampled", &["not asked the same"]);
    // Every model ranks the same negatives, whatever its seed.
    let seeds = "model=mf trainer.max_epochs=1 evaluation.candidates=sampled seed=1,2 --show ndcg@10";
    let table = scratch.line(&format!("compare {world} {seeds}"));
    assert!(table.stdout.lines().next().unwrap().contains("\tfull, estimated, ndcg@10\t"), "{}", table.stdout);
    assert!(table.stdout.contains("mean of 2") && !table.stdout.contains("protocol"), "{}", table.stdout);
    assert!(table.stderr.contains("(seed 42 and user id)"), "{}", table.stderr);
}

#[test]
fn a_split_with_several_questions_has_a_row_for_each() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("prepare {world} split.targets=all --out artifacts/all"));
    let table = scratch.ok("compare data_dir=artifacts/all model=ease evaluation.bootstrap=50");
    let mut rows = table.lines().map(|line| line.split('\t').take(4).collect::<Vec<_>>());
    assert_eq!(rows.next().unwrap(), ["model", "scope", "question", "protocol"]);
    let asked: Vec<Vec<&str>> = rows.collect();
    // Popularity on the target alone knows one domain.
    assert_eq!(asked.iter().filter(|row| row[0] == "ease").count(), 3, "{table}");
    scratch.ok("train data_dir=artifacts/all model=ease run_name=all evaluation.bootstrap=50");
    let stored = scratch.ok("compare outputs/segue/all");
    assert_eq!(without_seconds(&stored), without_seconds(&table));
    let text = fs::read_to_string(scratch.path("outputs/segue/all/test_metrics.csv")).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");

    // A stored model answers each of them by name.
    let ask = "evaluate --run outputs/segue/all --data artifacts/all evaluation.bootstrap=50";
    let books = scratch.ok(&format!("{ask} --question books"));
    let stored: Vec<&str> = text.lines().find(|line| line.contains(",books,")).unwrap().split(',').collect();
    let at = text.lines().next().unwrap().split(',').position(|name| name == "ndcg@10").unwrap();
    let value = format!("ndcg@10\t{:.4}", stored[at].parse::<f64>().unwrap());
    assert!(books.contains(&value), "{value}\n{books}");
    assert!(scratch.line(ask).stderr.contains("the data ask more: --question music, books"));
    scratch.fails(&format!("{ask} --question games"), &["no question \"games\"", "films, music, books"]);
}

#[test]
fn many_questions_of_one_log_are_answered_in_one_run() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let done = scratch.line(&format!(
        "compare {world} split=questions split.cold=[0.1,0.1] split.supports=[1,3] split.support_shares=[0.1,0.1] model=ease \
         scope=joint,target --show ndcg@10"
    ));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let asked: Vec<&str> = done
        .stdout
        .lines()
        .filter(|line| line.starts_with("ease\tjoint"))
        .map(|line| line.split('\t').nth(2).unwrap())
        .collect();
    assert_eq!(asked, ["films", "films_cold_user", "films_cold_item", "films_few_shot_1", "films_few_shot_3"]);
    for said in [
        "all protocols: split: several questions of films",
        "protocol 2 (films_cold_user): ",
        "ease on films_few_shot_1 (ndcg@10",
        "ease on films: cold-start performance ndcg@10 0.",
        "domain generalisation score",
    ] {
        assert!(done.stderr.contains(said), "{said}\n{}", done.stderr);
    }
}

#[test]
fn metrics_are_named_in_the_dialect_of_the_runs() {
    let scratch = Scratch::new();
    scratch.ok("prepare data=sample data.world.n_users=250 --out data");
    let job = "data_dir=data model=ease evaluation.bootstrap=50 evaluation.dialect=trec_eval";
    scratch.ok(&format!("train {job} out=run"));
    for what in ["run", job] {
        let header = |show: &str| -> String {
            let table = scratch.ok(&format!("compare {what} --show {show}"));
            table.lines().next().unwrap().split('\t').skip(2).take(3).collect::<Vec<_>>().join(" ")
        };
        // trec_eval's NDCG is graded, its MRR has no cut-off, and whoever knows our names for them may use these.
        assert_eq!(header("ndcg@10,HR@10,mrr@10"), "ndcg_graded@10 hr@10 trec_eval:mrr");
        assert_eq!(header("trec_eval:mrr,ndcg_graded@10,ndcg@10,hit@10"), "trec_eval:mrr ndcg_graded@10 hr@10");
        scratch.fails(&format!("compare {what} --show f1@10"), &["--show f1@10 was not measured", "ndcg_graded@10"]);
        let tests = scratch.ok(&format!("compare {what} --tests --show ndcg@10"));
        assert!(tests.starts_with("model\tscope\tndcg_graded@10 over popularity"), "{tests}");
    }
    let guide = scratch.line("models --guide run --metric ndcg@10");
    assert!(guide.code == Some(0) && guide.stderr.contains(", ndcg_graded@10;"), "{}", guide.stderr);
}

#[test]
fn a_mean_without_cut_off_is_tested_fresh_or_stored() {
    let scratch = Scratch::new();
    let how = format!("{} evaluation.metrics=[auc,gauc,mrr@10] scope=target,joint", SMALL_WORLD.join(" "));
    scratch.ok(&format!("train -m {how} model=item_knn,popularity"));
    let runs =
        ["item_knn_target", "item_knn_joint", "popularity_target"].map(|run| format!("outputs/segue/{run}_seed42"));
    for metric in ["auc", "gauc"] {
        let show = format!("--show {metric}");
        let fresh = scratch.ok(&format!("compare {how} model=item_knn --tests {show}"));
        assert!(fresh.lines().count() == 3 && fresh.contains(&format!("{metric} over popularity target")), "{fresh}");
        assert_eq!(fresh, scratch.ok(&format!("compare {} --tests {show}", runs.join(" "))));
        let told = scratch.line(&format!("compare {how} model=item_knn {show}"));
        assert!(told.stderr.contains(&format!("item_knn ({metric} ")), "{}", told.stderr);
    }
    // What is refused opens no test part.
    scratch.ok("train data=sample data.world.n_users=250 evaluation.bootstrap=50 model=ease out=alone");
    scratch.fails("compare alone --tests --show coverage@10", &["coverage@10 is no mean over users"]);
    assert!(opened_after_training(&scratch, "alone").is_empty());
}

#[test]
fn a_document_is_verified_by_the_runs_it_names() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train --multirun {world} model=popularity,ease scope=target,joint"));
    let comment = "<!-- from: segue compare outputs/segue/*_seed42 --show ndcg@10,hr@10 --only model,scope,ndcg@10 -->";
    scratch.write("doc.md", format!("# Title\n\n{comment}\n<!-- /from -->\n\n| other | 1.5 |\n"));
    let empty = scratch.line("verify doc.md --format tsv");
    assert_eq!(empty.code, Some(1), "{}", empty.stderr);
    assert!(empty.stderr.contains("--write replaces them") && empty.stderr.contains("1 other tables with 1 numbers"));

    scratch.ok("verify doc.md --write");
    let text = fs::read_to_string(scratch.path("doc.md")).unwrap();
    assert!(text.contains("| model | scope | ndcg@10 |") && text.contains("| ease | joint | 0."), "{text}");
    assert!(text.starts_with("# Title\n") && text.ends_with("| other | 1.5 |\n"), "{text}");
    scratch.ok("verify doc.md");

    // One digit changed is found, with its line.
    let at = text.find("| ease | joint | 0.").unwrap() + 19;
    let digit = if text.as_bytes()[at] == b'9' { "8" } else { "9" };
    fs::write(scratch.path("doc.md"), format!("{}{digit}{}", &text[..at], &text[at + 1..])).unwrap();
    scratch.fails("verify doc.md", &["1 lines differ from what is stored"]);
    assert!(scratch.line("verify doc.md --format tsv").stdout.contains("doc.md:6"));

    // So are tables of measurements.
    scratch.write("bench_1.csv", "engine,p t\nours,1\ntheirs,3\n");
    scratch.write("bench_2.csv", "engine,p t\nours,2\ntheirs,5\n");
    let comment = "<!-- from: segue table bench_*.csv --rows engine --show 'p t':mean:1 --over engine=ours -->";
    let table = "| engine | p t (mean) | p t (mean): it / ours |\n|---|---|---|\n| ours | 1.5 | 1.00 |\n| theirs | 4.0 | 2.67 |";
    scratch.write("bench.md", format!("{comment}\n{table}\n<!-- /from -->\n"));
    let done = scratch.line("verify bench.md");
    assert!(done.code == Some(0) && done.stderr.contains("1 tables with 4 numbers derived"), "{}", done.stderr);
    scratch.write("bench_2.csv", "engine,p t\nours,2\ntheirs,6\n");
    scratch.fails("verify bench.md", &["1 lines differ from what is stored"]);

    scratch.ok("verify bench.md --write");
    scratch.ok("verify bench.md --strict");
    scratch.fails("verify doc.md bench.md --write --strict", &["nothing vouches", "doc.md:"]);

    // Numbers of the text stand in a table of their section, or in one that is named.
    let table = fs::read_to_string(scratch.path("bench.md")).unwrap();
    let named = "<!-- numbers: segue table bench_*.csv --rows engine --show 'p t':max:1 -->";
    let text =
        |last: &str| format!("# A\n{table}\nOurs takes 1.50 s, {last}.\n\n# B\n{named}\nTheirs takes 6.0 s at most.\n");
    scratch.write("text.md", text("theirs three times as long"));
    let done = scratch.line("verify text.md --strict");
    assert!(done.code == Some(1) && done.stderr.contains("text.md:9 (1.50)"), "{}", done.stderr);
    scratch.write("text.md", text("or so").replace("1.50", "1.5"));
    assert!(scratch.line("verify text.md --strict").stderr.contains("2 numbers of the text stand in derived tables"));
    scratch.write("text.md", text("`l2 = .1`").replace("1.50", "1.5").replace("6.0 s", "5.9 s"));
    let done = scratch.line("verify text.md --format tsv");
    assert!(done.code == Some(1) && done.stdout.contains("text.md:13\t5.9\t"), "{}{}", done.stdout, done.stderr);
    scratch.write("text.md", "<!-- no source: of another day -->\nIt took 3.5 s.\n");
    scratch.ok("verify text.md --strict");

    // So do percentages, ratios and numbers of headings; tables that nothing looks at are refused.
    for (text, said) in [
        ("# 12 % better\n", "odd.md:1 (12)"),
        ("It is 39× as fast.\n", "odd.md:1 (39)"),
        ("It takes 3.5GB.\n", "odd.md:1 (3.5)"),
        ("<!-- note --> Our gain is 0.98, 66 %.\n", "odd.md:1 (0.98), odd.md:1 (66)"),
        ("_0.3535_, NDCG_0.3535, x0.39\n", "odd.md:1 (0.3535), odd.md:1 (0.3535), odd.md:1 (0.39)"),
        ("66\\%, 66 percent, 39 x, 39X\n", "odd.md:1 (66), odd.md:1 (66), odd.md:1 (39), odd.md:1 (39)"),
        ("| _0.11_ |\n\n| __66.5__ |\n", "tables at odd.md:1, odd.md:3"),
        ("- a\n\n  | 0.5 |\n", "tables at odd.md:3"),
        ("> | 7 |\n", "tables at odd.md:1"),
        ("a | b\n---|---\n1 | 2\n", "nothing looks at the tables at odd.md:2"),
        ("<table><tr><td>1</td></tr></table>\n", "nothing looks at the tables at odd.md:1"),
    ] {
        scratch.write("odd.md", text);
        scratch.ok("verify odd.md");
        scratch.fails("verify odd.md --strict", &[said]);
    }
    // Text and tables are told together, and told without --strict, too.
    scratch.write("odd.md", "12 %\n\n| 0.5 |\n");
    scratch.fails("verify odd.md --strict", &["text at odd.md:1 (12)", "tables at odd.md:3"]);
    let done = scratch.line("verify odd.md");
    assert!(done.code == Some(0) && done.stderr.contains(": odd.md:3") && done.stderr.contains(": odd.md:1 (12)"));
    scratch.write("odd.md", "# 12 % better\n<!-- no source in this section: of another day -->\n3 %\n");
    scratch.ok("verify odd.md --strict");

    // What the program prints of itself is printed again.
    let models = scratch.ok("models --markdown");
    let generated =
        |command: &str, models: &str| format!("<!-- generated: {command} -->\n{models}<!-- /generated -->\n");
    scratch.write("models.md", generated("models --markdown", &models));
    scratch.ok("verify models.md --strict");
    scratch.write("models.md", generated("models --markdown", &models.replacen("| ease |", "| easy |", 1)));
    scratch.fails("verify models.md", &["1 lines differ"]);
    scratch.write("models.md", generated("by hand", "| 0.5 |\n"));
    scratch.fails("verify models.md", &["models.md:1", "`by hand`"]);

    scratch.write("odd.md", "<!-- from: cat table.md -->\n| 1 |\n<!-- /from -->\n");
    scratch.fails("verify odd.md", &["odd.md:1", "cat table.md"]);
    scratch.write("bad.md", "<!-- from: segue compare outputs/none_* -->\n<!-- /from -->\n");
    scratch.fails("verify bad.md", &["bad.md:1", "nothing is called outputs/none_*"]);
    scratch.write("bad.md", "<!-- from: segue train model=ease -->\n<!-- /from -->\n");
    scratch.fails("verify bad.md", &["bad.md:1", "train"]);
    scratch.fails("verify none.md", &["none.md"]);
}

#[test]
fn a_run_is_measured_as_it_was() {
    let scratch = Scratch::new();
    scratch.ok(&format!("prepare {} --out data", SMALL_WORLD.join(" ")));
    let how = "evaluation.bootstrap=60 evaluation.k_values=[7] evaluation.metrics=[ndcg,elliot:map,hr] \
               evaluation.candidates=sampled evaluation.negatives=30 evaluation.seed=null evaluation.ties=worst seed=5";
    for scope in ["joint", "target"] {
        scratch.ok(&format!("train data_dir=data model=ease scope={scope} {how} out={scope}"));
        let text = fs::read_to_string(scratch.path(format!("{scope}/metrics.json"))).unwrap();
        let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
        let stored = stored["questions"][0]["test_summary"]["metrics"].as_array().unwrap();
        let done = scratch.line(&format!("evaluate --run {scope} --data data --format csv"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(done.stderr.contains("measured as the run was, by its evaluation.* and seed\n"), "{}", done.stderr);
        let rows: Vec<Vec<&str>> = done.stdout.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert!(rows.len() == stored.len() && rows.iter().any(|row| row[0] == "ndcg@7"), "{}", done.stdout);
        for (row, stored) in rows.iter().zip(stored) {
            // Texts of floats are the shortest that read back to the same bits.
            let bits = |text: &str| text.parse::<f64>().unwrap().to_bits();
            assert_eq!(row[0], stored["metric"].as_str().unwrap());
            assert_eq!(bits(row[1]), stored["value"].as_f64().unwrap().to_bits(), "{scope} {row:?}");
        }
    }
    // Another split of the same log holds out what the model learnt from.
    scratch.ok(&format!("prepare {} split=ratio --out ratio", SMALL_WORLD.join(" ")));
    scratch.fails("evaluate --run joint --data ratio", &["learnt from", "held out here", "knows the answers"]);
    scratch.fails("evaluate --run joint --data ratio --split valid", &["learnt from"]);
    // Overrides win, and a model without its run has the defaults.
    let done = scratch.line("evaluate --run joint --data data evaluation.k_values=[3] evaluation.candidates=full");
    assert!(done.stdout.contains("ndcg@3\t") && done.stderr.contains("but for evaluation.k_values=[3]"));
    fs::copy(scratch.path("joint/model.safetensors"), scratch.path("alone.safetensors")).unwrap();
    let done = scratch.line("evaluate --run alone.safetensors --data data");
    assert!(
        done.stdout.contains("ndcg@10\t") && done.stderr.contains("by the default evaluation.*"),
        "{}",
        done.stderr
    );
    let file = scratch.line("evaluate --run joint/model.safetensors --data data");
    assert!(file.stdout.contains("ndcg@7\t") && !file.stdout.contains("ndcg@10"), "{}", file.stdout);
}

/// What the manifest of a run says of its test part after training.
fn opened_after_training(scratch: &Scratch, run: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(scratch.path(run).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    manifest["opened_after_training"].as_array().cloned().unwrap_or_default()
}

#[test]
fn every_look_at_the_test_part_is_written_down() {
    let scratch = Scratch::new();
    scratch.ok(&format!("prepare {} split.targets=all --out data", SMALL_WORLD.join(" ")));
    scratch.ok("train data_dir=data model=ease out=run evaluation.bootstrap=50");
    let ask = "evaluate --run run --data data";
    let manifest = scratch.path("run/manifest.json");
    let before = fs::read_to_string(&manifest).unwrap();
    let entries = || opened_after_training(&scratch, "run");
    assert!(entries().is_empty());
    let first = scratch.line(ask);
    assert!(first.stderr.contains("the test part of films was opened once for this run before"), "{}", first.stderr);
    scratch.ok(&format!("{ask} --split valid"));
    assert_eq!(entries().len(), 1);
    let parts = scratch.line(&format!("{ask} --by activity evaluation.k_values=[3]"));
    assert!(
        parts.stderr.contains("2 times for this run before now, 1 of them after training; what"),
        "{}",
        parts.stderr
    );
    // What is refused opens nothing.
    let kept = fs::read_to_string(&manifest).unwrap();
    scratch.fails(&format!("{ask} evaluation.test=never"), &["`evaluation.test=never`", "--split valid"]);
    scratch.ok(&format!("{ask} evaluation.test=never --split valid"));
    scratch.fails("compare run --show foo", &["--show foo was not measured"]);
    let untrained = scratch.line("compare data_dir=nowhere model=ease --show foo");
    assert!(untrained.stderr.contains("--show foo was not measured"), "{}", untrained.stderr);
    scratch.fails("compare run --baseline mf", &["--baseline mf: it is not compared"]);
    scratch.fails("compare run --baseline nosuch", &["nosuch"]);
    scratch.fails(&format!("{ask} --trec-run a --trec-qrels a"), &["name one file"]);
    scratch.fails(&format!("{ask} --trec-run data"), &["data: it is no plain file"]);
    scratch.fails(&format!("{ask} evaluation.metrics=[rmse]"), &["`rmse` compares predicted ratings"]);
    scratch.fails(&format!("{ask} evaluation.candidates=given"), &["the test part has none"]);
    scratch.fails(&format!("{ask} --question nosuch"), &["there is no question"]);
    assert!(fs::read_to_string(&manifest).unwrap() == kept);
    let books = scratch.line(&format!("{ask} --question books --trec-run books.run"));
    assert!(books.stderr.contains("the test part of books was opened once"), "{}", books.stderr);
    let found = entries();
    let why: Vec<&str> = found.iter().map(|line| line["why"].as_str().unwrap()).collect();
    // Taken apart, or written down as lists, it is opened once.
    assert_eq!(why, ["evaluate ease", "evaluate ease", "evaluate ease"]);
    let data: Vec<&serde_json::Value> = found.iter().map(|line| &line["data"]).collect();
    assert!(
        data[0] == data[1] && data[0] != data[2] && data[0][0].as_str().unwrap().contains("leave-one-out"),
        "{data:?}"
    );
    assert!(found[1]["evaluation"]["k_values"][0] == 3 && found[2]["question"] == "books" && found[0]["seed"] == 42);
    assert!(found[0]["at"].as_str().unwrap().ends_with('Z'));

    // All else that the manifest tells is as training wrote it, to the byte.
    let after = fs::read_to_string(&manifest).unwrap();
    assert!(after.starts_with(before.trim_end().trim_end_matches('}').trim_end()), "{after}");

    // It is no part of what the run was, and what cannot be written down is not done.
    let again = scratch.line("reproduce run --format tsv");
    assert!(again.code == Some(0) && !again.stdout.contains("opened"), "{}\n{}", again.stdout, again.stderr);
    scratch.ok("compare run");
    let (after, found) = (fs::read_to_string(&manifest).unwrap(), entries());
    fs::create_dir(scratch.path("run/.manifest.json.partial")).unwrap();
    scratch.fails(ask, &["run/manifest.json", "opened only where that can be written down"]);
    assert!(fs::read_to_string(&manifest).unwrap() == after);
    fs::remove_dir(scratch.path("run/.manifest.json.partial")).unwrap();

    // A run that takes the place of another has been looked at as often.
    scratch.ok("train data_dir=data model=ease model.l2=9 out=run overwrite=true evaluation.bootstrap=50");
    assert_eq!(entries(), found);
    scratch.ok("train data_dir=data model=ease model.l2=90 out=run overwrite=true evaluation.bootstrap=50");
    let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
    let replaced = manifest["opened_by_replaced"].as_array().unwrap();
    let opened: Vec<&str> = replaced.iter().map(|entry| entry["why"].as_str().unwrap()).collect();
    let of_one = manifest["opened_tests"].as_array().unwrap();
    assert!(of_one.len() > 1 && opened == [of_one.clone(), of_one.clone()].concat(), "{opened:?}");
    assert_eq!(replaced[of_one.len()]["params"]["l2"], 9.0);
    assert_eq!(replaced[0]["evaluation"]["bootstrap"], 50);
    let counted = scratch.line(ask);
    assert!(
        counted
            .stderr
            .contains("for this run before now, 3 of them after training, 2 of them by runs that it replaced; what"),
        "{}",
        counted.stderr
    );
    // Run again, it is the same run.
    let again = scratch.line("reproduce run --format tsv");
    assert!(again.code == Some(0) && !again.stdout.contains("opened"), "{}\n{}", again.stdout, again.stderr);

    // One that lacks its name alone is handed over as well.
    fs::rename(scratch.path("run"), scratch.path("run.partial")).unwrap();
    scratch.ok("train data_dir=data model=ease model.l2=900 out=run overwrite=true evaluation.bootstrap=50");
    let counted = scratch.line(ask);
    assert!(
        counted.stderr.contains("4 of them after training, 3 of them by runs that it replaced"),
        "{}",
        counted.stderr
    );

    // Where there is no run, nothing records it, and that is said.
    fs::copy(scratch.path("run/model.safetensors"), scratch.path("alone.safetensors")).unwrap();
    let alone = scratch.line("evaluate --run alone.safetensors --data data");
    assert!(alone.stderr.contains("nothing records that the test part was opened"), "{}", alone.stderr);
    let fresh = scratch.line("compare data_dir=data model=ease evaluation.bootstrap=50");
    assert!(fresh.stderr.contains("nothing records it, for compare writes no run folders"), "{}", fresh.stderr);
}

#[test]
fn without_resamples_values_have_no_intervals_and_differences_are_still_tested() {
    let scratch = Scratch::new();
    scratch.ok("prepare data=sample data.world.n_users=250 --out data");
    let trained = scratch.ok("train model=ease data_dir=data evaluation.bootstrap=0 out=run");
    assert!(!trained.contains('['), "{trained}");
    assert!(!fs::read_to_string(scratch.path("run/REPORT.txt")).unwrap().contains("intervals"));
    let evaluated = scratch.ok("evaluate --run run --data data");
    assert!(evaluated.lines().skip(1).all(|line| line.ends_with("\t-\t-")), "{evaluated}");
    for what in ["run", "model=ease data_dir=data evaluation.bootstrap=0"] {
        let done = scratch.line(&format!("compare {what} --show ndcg@10"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(!done.stdout.contains('[') && done.stdout.contains('▲'), "{}", done.stdout);
        assert!(done.stderr.contains("no intervals"), "{}", done.stderr);
    }
    // What cannot be measured costs no training: no progress, no folder.
    let done = scratch.line("train model=ease data_dir=data evaluation.candidates=given out=given");
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("candidates=given") && !scratch.path("given").exists(), "{}", done.stderr);
    assert!(!done.stderr.contains("epoch"), "{}", done.stderr);
}
