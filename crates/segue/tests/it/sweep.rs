//! Sweeps: what is chosen among is chosen by validation.

use std::fs;

use crate::support::{SMALL_WORLD, Scratch};

#[test]
fn a_sweep_opens_the_test_part_of_what_validation_chooses() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let models = "model=mf trainer.max_epochs=2 model.factors=4,16 seed=1,2 experiment_name=s";
    let done = scratch.line(&format!("train -m {world} {models}"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let table: Vec<Vec<&str>> = done
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("factors\t"))
        .take(5)
        .map(|line| line.split('\t').collect())
        .collect();
    let at = |name: &str| table[0].iter().position(|cell| *cell == name).unwrap();
    let (value, test, run) = (at("ndcg@10 on validation"), at("test"), at("run"));
    let mean = |factors: &str| -> f64 {
        let of = table.iter().filter(|row| row[0] == factors);
        of.map(|row| row[value].parse::<f64>().unwrap()).sum::<f64>() / 2.0
    };
    let best = if mean("4") >= mean("16") { "4" } else { "16" };
    for row in &table[1..] {
        assert_eq!(row[test], if row[0] == best { "opened" } else { "sealed" }, "{table:?}");
        let metrics: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(scratch.path(row[run]).join("metrics.json")).unwrap()).unwrap();
        let manifest = fs::read_to_string(scratch.path(row[run]).join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let opened = manifest["opened_tests"].as_array().unwrap().len();
        assert_eq!((metrics["test"].is_null(), opened), (row[0] != best, usize::from(row[0] == best)));
        assert!((metrics["valid"]["ndcg@10"].as_f64().unwrap() - row[value].parse::<f64>().unwrap()).abs() < 1e-4);
        let has = |file: &str| scratch.path(row[run]).join(file).exists();
        assert_eq!((has("per_user.csv"), has("train_log.csv")), (row[0] == best, true));
        let report = fs::read_to_string(scratch.path(row[run]).join("REPORT.txt")).unwrap();
        assert_eq!(report.contains("sealed: validation did not choose"), row[0] != best, "{report}");
        // Either is what it would be if it ran alone.
        let again = scratch.line(&format!("reproduce {} --format tsv", row[run]));
        assert_eq!(again.code, Some(0), "{}\n{}", again.stdout, again.stderr);
    }
    let folders = |wanted: bool| -> Vec<&str> {
        table[1..].iter().filter(|row| (row[0] == best) == wanted).map(|row| row[run]).collect()
    };
    let (opened, sealed) = (folders(true).join(" "), folders(false).join(" "));
    let compared = scratch.line(&format!("compare {opened} {sealed}"));
    assert!(compared.code == Some(0) && compared.stderr.contains("left out: the test part is sealed"));
    assert_eq!(compared.stdout.lines().filter(|line| line.starts_with("mf\t")).count(), 3, "{}", compared.stdout);
    scratch.fails(&format!("compare {sealed}"), &["is sealed", "evaluation.test=always"]);
    let alone = scratch.line(&format!("compare {world} model=mf trainer.max_epochs=1 model.factors=4,8"));
    assert!(alone.stderr.contains("several recipes of mf are shown on the test part"), "{}", alone.stderr);
}

#[test]
fn an_interrupted_sweep_is_finished_and_a_diverging_recipe_left_out() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let sweep =
        format!("train -m {world} model=mf trainer.max_epochs=2 model.learning_rate=0.01,0.1,1e30 experiment_name=r");
    // What an earlier command of the same sweep would have done, before it was stopped.
    scratch.ok(&format!(
        "train {world} model=mf trainer.max_epochs=2 model.learning_rate=0.01 evaluation.test=never split.seed=42 experiment_name=r"
    ));
    let done = scratch.line(&format!("{sweep} --resume"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("mf_joint_seed42 is finished"), "{}", done.stderr);
    assert!(done.stderr.contains("the sweep goes on without this run"), "{}", done.stderr);
    assert!(done.stdout.contains("\tdiverged\t") && done.stdout.contains("\topened\t"), "{}", done.stdout);
    // Once more: all is there.
    let again = scratch.line(&format!("{sweep} --resume"));
    assert!(again.code == Some(0) && again.stderr.contains("the sweep was decided before"), "{}", again.stderr);
}

#[test]
fn validation_is_of_what_has_not_learnt_from_it() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train {world} model=ease out=plain"));
    scratch.ok(&format!("train {world} model=ease trainer.refit=true out=refitted"));
    let valid = |run: &str| -> serde_json::Value {
        let text = fs::read_to_string(scratch.path(run).join("metrics.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["valid"].clone()
    };
    assert_eq!(valid("plain"), valid("refitted"));
    scratch.fails(
        &format!("train -m {world} model=ease model.l2=1,9 trainer.early_stopping.metric=ndcg@10,hr@20"),
        &["one metric", "evaluation.test=always"],
    );
    // All of them are shown by `compare`, and nothing is decided.
    let compared = scratch
        .line(&format!("compare {world} model=mf trainer.max_epochs=1 trainer.early_stopping.metric=ndcg@10,hr@20"));
    assert_eq!(compared.code, Some(0), "{}", compared.stderr);
    assert!(compared.stderr.contains("several recipes of mf are shown on the test part"), "{}", compared.stderr);
    // One that stays sealed whatever comes stands in no contest, and the others still do.
    let mixed = scratch.line(&format!(
        "train -m {world} model=ease model.l2=1,900 evaluation.test=chosen,never 'out=mixed/${{model.l2}}_${{evaluation.test}}'"
    ));
    assert_eq!(mixed.code, Some(0), "{}", mixed.stderr);
    assert_eq!(mixed.stdout.matches("\topened\t").count(), 1, "{}", mixed.stdout);
    let sealed = scratch.line("evaluate --run mixed/1.0_never --data mixed");
    assert!(sealed.code != Some(0));
}

#[test]
fn what_is_compared_rather_than_chosen_is_opened_and_wrong_sweeps_are_refused_first() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let opened =
        scratch.ok(&format!("train -m {world} model=ease model.l2=1,100 evaluation.test=always experiment_name=a"));
    assert_eq!(opened.matches("recall@20").count(), 2, "{opened}");
    scratch.ok(&format!("train -m {world} model=popularity,ease scope=target,joint experiment_name=b"));
    assert!(scratch.path("outputs/b/ease_joint_seed42/per_user.csv").is_file());
    let sealed = scratch.line(&format!("train {world} model=ease evaluation.test=never out=sealed"));
    assert!(sealed.stderr.contains("the test part stays sealed") && sealed.stdout.is_empty(), "{}", sealed.stderr);
    scratch.ok(&format!("train {world} model=popularity out=opened"));
    let never = "sealed left out: the test part is sealed, for validation chose another run of a sweep, or by evaluation.test=never";
    let beside = scratch.line("compare opened sealed");
    assert!(beside.code == Some(0) && beside.stderr.contains(never), "{}", beside.stderr);
    scratch.fails("compare sealed", &[never, "evaluation.test=always"]);
    scratch.fails(
        &format!("train -m {world} model=ease model.l2=1,100 run_name=x experiment_name=c"),
        &["2 runs of the sweep would have the one folder", "run_name="],
    );
    assert!(!scratch.path("outputs/c").exists());
    scratch.fails(
        &format!("train -m {world} model=ease model.l2=1,100 split=k_fold split.folds=2 experiment_name=c"),
        &["decided by validation", "evaluation.test=always"],
    );
    scratch.fails(&format!("compare {world} model=ease evaluation.test=never"), &["compare measures on the test part"]);
    let help = scratch.ok("prepare --help");
    assert!(!help.contains("--multirun"), "{help}");
    assert!(scratch.ok("train --help").contains("--multirun") && scratch.ok("compare --help").contains("--multirun"));
}

#[test]
fn preparation_and_what_is_asked_of_the_test_part_are_chosen_by_validation_too() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let opened = |name: &str| {
        let runs = fs::read_dir(scratch.path(format!("outputs/{name}"))).unwrap();
        let opened = runs.map(|run| {
            let text = fs::read_to_string(run.unwrap().path().join("manifest.json")).unwrap();
            let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
            manifest["opened_tests"].as_array().unwrap().len()
        });
        let mut opened: Vec<usize> = opened.collect();
        opened.sort_unstable();
        opened
    };
    let sweep = |name: &str, keys: &str| {
        let done = scratch.line(&format!("train -m {world} model=ease experiment_name={name} {keys}"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done
    };
    let prepared = sweep("prepared", "prepare.deduplicate=latest,none model.l2=10,100");
    assert_eq!(opened("prepared"), [0, 0, 0, 1]);
    assert!(prepared.stdout.starts_with("l2\tprepare.deduplicate\t"), "{}", prepared.stdout);
    assert!(
        prepared
            .stderr
            .contains("note: runs of the sweep differ in prepare.deduplicate, and so may the users and items"),
        "{}",
        prepared.stderr
    );
    let asked = sweep("asked", "evaluation.history=train,train_and_valid");
    assert_eq!(opened("asked"), [0, 1]);
    assert!(asked.stderr.contains("note: evaluation.history changes nothing on validation"), "{}", asked.stderr);
    // What validation cannot compare is compared on the test part, as is what was asked to be.
    sweep("splits", "split=leave_one_out,ratio");
    assert_eq!(opened("splits"), [1, 1]);
    sweep("drawn", "evaluation.candidates=full,sampled");
    assert_eq!(opened("drawn"), [1, 1]);
    sweep("always", "prepare.deduplicate=latest,none evaluation.test=always");
    assert_eq!(opened("always"), [1, 1]);
}

#[test]
fn recipes_beside_each_other_are_told_wherever_they_are_shown() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let ask = format!("compare {world} model=ease model.l2=100,1000 --show ndcg@10");
    let markdown = scratch.line(&format!("{ask} --html page.html --format markdown"));
    assert_eq!(markdown.code, Some(0), "{}", markdown.stderr);
    let (table, notes) = markdown.stdout.split_once("\n\n").unwrap();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    let at = lines[0].iter().position(|name| *name == "validation ndcg@10").unwrap();
    assert_eq!(lines[0][at - 1], "ndcg@10", "{table}");
    let valid = |l2: &str| -> f64 { lines.iter().find(|row| row.get(3) == Some(&l2)).unwrap()[at].parse().unwrap() };
    let chosen = if valid("l2=100.0") >= valid("l2=1000.0") { "l2=100.0" } else { "l2=1000.0" };
    let told = [
        "several recipes of ease are shown on the test part, which was opened for each",
        &format!("By ndcg@10 on validation it is ease joint {chosen}: chosen to stand for the model"),
        "the test part was opened for every row, and nothing records it",
    ];
    let latex = scratch.ok(&format!("{ask} --format latex"));
    let page = fs::read_to_string(scratch.path("page.html")).unwrap();
    for told in told {
        assert!(notes.contains(told), "{told}: {notes}");
        assert!(page.contains(told), "{told}");
        assert!(latex.lines().any(|line| line.starts_with("% ") && line.contains(told)), "{told}: {latex}");
    }
    assert!(page.contains("<dt>highest, chosen on validation</dt>"));
    assert!(page.contains(", which validation chose among 2 recipes of ease."));
    let csv = scratch.ok(&format!("{ask} --format csv"));
    assert!(csv.lines().next().unwrap().contains(",ndcg@10_validation,recipe,lift_over_popularity,"), "{csv}");
    // Runs that were trained one by one are no better.
    for l2 in ["100", "1000"] {
        scratch.ok(&format!("train {world} model=ease model.l2={l2} out=runs/{l2}"));
    }
    let stored = scratch.line("compare runs/100 runs/1000 --show ndcg@10");
    assert!(stored.stderr.contains(told[0]) && stored.stderr.contains(told[1]), "{}", stored.stderr);
    // One of them has nothing to be chosen from.
    let alone = scratch.line("compare runs/100 --show ndcg@10 --html alone.html");
    assert!(!alone.stdout.contains("validation") && !alone.stderr.contains("several recipes"), "{}", alone.stderr);
    assert!(!fs::read_to_string(scratch.path("alone.html")).unwrap().contains("chosen on test"));
}

/// Gives a stored run another value of NDCG on validation; takes all away with none.
fn validated(scratch: &Scratch, run: &str, value: Option<f64>) {
    let path = scratch.path(run).join("metrics.json");
    let mut metrics: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    metrics["questions"][0]["valid"] = value
        .map_or_else(|| serde_json::json!([]), |value| serde_json::json!([["ndcg@10", value], ["hr@10", 1.0 - value]]));
    fs::write(path, metrics.to_string()).unwrap();
}

#[test]
fn validation_chooses_the_recipe_that_stands_for_its_model_whatever_test_says() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    for (scope, l2) in [("joint", "100"), ("joint", "1000"), ("target", "100"), ("target", "1000")] {
        scratch.ok(&format!("train {world} model=ease scope={scope} model.l2={l2} out=runs/{scope}_{l2}"));
    }
    scratch.ok(&format!("train {world} model=item_knn out=runs/knn"));
    scratch.ok(&format!("train {world} model=popularity scope=target out=runs/popularity"));
    let ask = "compare runs/joint_100 runs/joint_1000 runs/target_100 runs/target_1000 runs/knn runs/popularity";
    let rows = || -> Vec<serde_json::Value> {
        let json = scratch.ok(&format!("{ask} --show ndcg@10 --format json"));
        json.lines().map(|line| serde_json::from_str(line.trim_matches([',', '[', ']'])).unwrap()).collect()
    };
    let of = |rows: &[serde_json::Value], scope: &str, l2: &str| -> serde_json::Value {
        let params = format!("l2={l2}.0");
        let is = |row: &&serde_json::Value| row["scope"] == scope && row["hyper-parameters"] == params.as_str();
        rows.iter().find(is).unwrap().clone()
    };
    let before = rows();
    let test = |l2: &str| of(&before, "joint", l2)["ndcg@10"].as_f64().unwrap();
    let (better, worse) = if test("100") > test("1000") { ("100", "1000") } else { ("1000", "100") };
    assert!(test(better) > test(worse));
    // Validation prefers what is worse on test, of each scope another.
    validated(&scratch, &format!("runs/joint_{better}"), Some(0.2));
    validated(&scratch, &format!("runs/joint_{worse}"), Some(0.3));
    validated(&scratch, &format!("runs/target_{better}"), Some(0.3));
    validated(&scratch, &format!("runs/target_{worse}"), Some(0.2));

    let chosen = "chosen on validation";
    let other = "other recipe of ease, not chosen on validation";
    let rows = rows();
    let recipe = |scope: &str, l2: &str| of(&rows, scope, l2)["recipe"].clone();
    assert_eq!([recipe("joint", worse), recipe("target", better)], [chosen, chosen]);
    assert_eq!([recipe("joint", better), recipe("target", worse)], [other, other]);
    let knn = rows.iter().find(|row| row["model"] == "item_knn").unwrap();
    assert!(knn["recipe"].is_null() && knn["ndcg@10"].is_f64());
    // Marks, gains and verdicts are of the recipe that was chosen, beside the control that was.
    let (entered, aside) = (of(&rows, "joint", worse), of(&rows, "joint", better));
    assert!(entered["verdict"].is_string() && entered["gain_over_target"].is_f64(), "{entered}");
    assert!(aside["verdict"].is_null() && aside["gain_over_target"].is_null() && aside["mark"] == 0, "{aside}");
    let alone = of(&rows, "target", better)["ndcg@10"].as_f64().unwrap();
    let gain = entered["gain_over_target"].as_f64().unwrap();
    assert!((gain - (test(worse) - alone)).abs() < 1e-9, "{gain}");
    // They are no tests, and correct no others: as if they had not been run.
    let p = |ask: &str| -> (usize, String) {
        let table = scratch.ok(&format!("{ask} --tests --show ndcg@10 --format csv"));
        let at = table.lines().next().unwrap().split(',').position(|name| name == "p_corrected").unwrap();
        let line = table.lines().find(|line| line.starts_with("item_knn")).unwrap();
        (table.lines().count(), line.split(',').nth(at).unwrap().to_owned())
    };
    let without = format!("compare runs/joint_{worse} runs/target_{better} runs/knn runs/popularity");
    assert_eq!(p(ask), p(&without));
    // Against itself a model is told apart from its other recipe, and that is a family of its own.
    let own = scratch.line(&format!("{ask} --tests --show ndcg@10 --baseline ease"));
    assert_eq!(own.stdout.lines().filter(|line| line.starts_with("ease\t")).count(), 3, "{}", own.stdout);
    assert!(own.stderr.contains("other recipes of ease are held against"), "{}", own.stderr);

    // The same words wherever it is shown.
    let said =
        format!("By ndcg@10 on validation it is ease joint l2={worse}.0, ease target l2={better}.0: chosen to stand");
    for format in ["tsv", "markdown", "latex", "csv"] {
        let done = scratch.line(&format!("{ask} --show ndcg@10 --format {format} --html page.html"));
        assert_eq!(done.stdout.matches(other).count(), 2, "{format}: {}", done.stdout);
        assert!(format!("{}{}", done.stdout, done.stderr).contains(&said), "{format}: {}", done.stderr);
    }
    let page = fs::read_to_string(scratch.path("page.html")).unwrap();
    assert!(page.contains(&said) && page.contains(other) && !page.contains("chosen on test"), "{page}");
    assert!(!page.contains(&format!("Highest: ease joint l2={better}.0")), "{page}");
    // What is watched chooses, whatever is shown.
    let shown = scratch.line(&format!("{ask} --show hr@10"));
    assert!(shown.stderr.contains(&said) && shown.stdout.contains("validation ndcg@10"), "{}", shown.stderr);

    // Of equal values the order of the folders would choose.
    validated(&scratch, &format!("runs/joint_{better}"), Some(0.3));
    for ask in [ask, "compare runs/joint_1000 runs/joint_100 runs/target_100 runs/target_1000 runs/knn runs/popularity"]
    {
        let tied = "one recipe of ease, tied on validation, none chosen";
        for format in ["tsv", "markdown", "latex", "csv", "json"] {
            let done = scratch.line(&format!("{ask} --show ndcg@10 --format {format} --html page.html"));
            assert_eq!(done.stdout.matches(tied).count(), 2, "{format}: {}", done.stdout);
            let said = "Validation chooses none of ease joint, for they are tied on validation, by ndcg@10: the best";
            assert!(format!("{}{}", done.stdout, done.stderr).contains(said), "{format}: {}", done.stderr);
        }
        let page = fs::read_to_string(scratch.path("page.html")).unwrap();
        assert!(page.contains(tied), "{page}");
    }

    // Without its value on validation nobody but test could choose, of that scope alone.
    validated(&scratch, &format!("runs/joint_{worse}"), None);
    let done = scratch.line(&format!("{ask} --show ndcg@10 --html page.html"));
    let why = "Validation chooses none of ease joint, for not every one of them has a value on validation: the best value on test is \
               chosen on test";
    assert!(done.stderr.contains(why), "{}", done.stderr);
    assert!(done.stderr.contains(&format!("it is ease target l2={better}.0: chosen to stand")), "{}", done.stderr);
    assert_eq!(done.stdout.matches("one recipe of ease, none chosen on validation").count(), 2, "{}", done.stdout);
}

#[test]
fn the_page_calls_no_seed_the_best_on_test() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let ask = format!("compare {world} model=ease seed=1,2,3 --show ndcg@10 --format tsv --html page.html");
    for (more, chosen) in [("model.l2=100,1000", ", chosen on validation"), ("model.l2=100", "")] {
        let table = scratch.ok(&format!("{ask} {more}"));
        let page = fs::read_to_string(scratch.path("page.html")).unwrap();
        let (what, rest) = page.split_once("<dt>highest").unwrap().1.split_once("</dt><dd><b>").unwrap();
        let (value, rest) = rest.split_once("</b><span>").unwrap();
        let name = rest.split_once("</span>").unwrap().0;
        assert_eq!(what, format!("{chosen}, mean of 3 seeds"), "{page}");
        assert!(name.starts_with("ease joint") && !name.contains("seed"), "{name}");
        assert!(page.contains(&format!("Highest: {name}, {value}, mean of 3 seeds")), "{page}");
        let stands = |line: &&str| line.contains("\tmean of 3\t") && !line.contains("not chosen on validation");
        let means: Vec<&str> = table.lines().filter(stands).collect();
        assert!(means.len() == 1 && means[0].contains(&format!("\t{value}")), "{table} {value}");
    }
}

#[test]
fn the_guide_shows_what_is_claimed_and_tells_what_it_leaves_out() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    // The placebo and the target alone seem better on validation than what is claimed.
    for (scope, value) in [("shuffled", 0.9), ("target", 0.8), ("joint", 0.1)] {
        scratch.ok(&format!("train {world} model=ease scope={scope} model.l2=100 out=runs/{scope}"));
        validated(&scratch, &format!("runs/{scope}"), Some(value));
    }
    scratch.ok(&format!("train {world} model=ease model.l2=1000 out=runs/other"));
    scratch.ok(&format!("train {world} model=ease model.l2=5 evaluation.test=never out=runs/never"));
    scratch.ok(&format!("train {world} model=popularity scope=target out=runs/popularity"));
    let guide = |runs: &str| -> (Vec<Vec<String>>, String) {
        let done = scratch.line(&format!("models --guide {runs} --metric ndcg@10 --format tsv"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let rows = done.stdout.lines().skip(1).map(|line| line.split('\t').map(String::from).collect());
        (rows.collect(), done.stderr)
    };
    let names = |rows: &[Vec<String>]| -> Vec<String> { rows.iter().map(|row| row[0].clone()).collect() };
    let controls = "runs/shuffled runs/target runs/popularity";
    let (alone, _) = guide("runs/joint");
    let (rows, notes) = guide(&format!("{controls} runs/joint runs/never"));
    assert_eq!(names(&rows), ["ease", "popularity"]);
    let value = |row: &[String]| row[4].split_once('(').unwrap().1.to_owned();
    assert_eq!(value(&rows[0]), value(&alone[0]), "that of all domains stands for the model");
    for said in [
        "ease shuffled left out: a control stands for no model",
        "ease target left out: a control stands for no model",
        "runs/never left out: the test part is sealed",
    ] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
    scratch.fails("models --guide runs/shuffled", &["accuracy could be told by", "a control stands for no model"]);
    scratch.fails("models --guide runs/never", &["the test part is sealed", "evaluation.test=never"]);

    // Of several recipes the one that validation chose is named; of equal ones each has a row.
    validated(&scratch, "runs/other", Some(0.2));
    let (rows, notes) = guide(&format!("{controls} runs/joint runs/other"));
    assert_eq!(names(&rows), ["ease", "popularity"]);
    let said = "ease: l2=1000.0 stands for it, chosen on validation by ndcg@10 among 2 recipes";
    assert!(notes.contains(said), "{notes}");
    validated(&scratch, "runs/other", Some(0.1));
    for both in ["runs/joint runs/other", "runs/other runs/joint"] {
        let (rows, notes) = guide(&format!("{both} {controls}"));
        let mut names = names(&rows);
        names.sort();
        assert_eq!(names, ["ease l2=100.0", "ease l2=1000.0", "popularity"]);
        assert!(notes.contains("ease: tied on validation, none chosen, by ndcg@10: "), "{notes}");
    }
}
