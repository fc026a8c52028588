//! Training commands in the words of another movie recommender, `python -m src.train` replaced by `segue train`.

use crate::support::Scratch;

const SINGLE_RUNS: [&str; 30] = [
    "model=lightgcn",
    "model=lightgcn model.embedding_dim=128 model.num_layers=4 trainer.max_epochs=100 trainer.learning_rate=0.001",
    "model=lightgcn model.embedding_dim=64 model.num_layers=3 model.dropout=0.1 trainer.batch_size=2048 \
     trainer.learning_rate=0.001",
    "model=svd",
    "model=svd model.n_factors=100 model.n_epochs=20 model.lr_all=0.005 model.reg_all=0.02",
    "model=svd model.biased=false model.n_factors=150",
    "model=item_cf",
    "model=item_cf model.k=40 model.similarity=pearson",
    "model=item_cf model.k=50 model.similarity=pearson_baseline model.shrinkage=100",
    "model=lightgcn device=cpu",
    "model=lightgcn logger.use_mlflow=false logger.use_wandb=false logger.wandb.project=movie-rec-exp",
    "model=lightgcn trainer.early_stopping.enabled=true trainer.early_stopping.patience=20 \
     trainer.early_stopping.metric=ndcg@10 trainer.early_stopping.mode=max",
    "model=lightgcn experiment_name=lightgcn_experiments run_name=exp_lr0.001_emb128 model.embedding_dim=128",
    "model=lightgcn evaluation.k_values=[5,10,20] evaluation.metrics=['precision','recall','ndcg','hit_rate']",
    "model=lightgcn trainer.batch_size=1024",
    "model=lightgcn trainer.optimizer.name=adam trainer.optimizer.betas=[0.9,0.999] trainer.weight_decay=0.0",
    "model=lightgcn trainer.early_stopping.metric=hit_rate@5 evaluation.k_values=[10]",
    "model=svd data.train_ratio=0.7 data.val_ratio=0.1",
    "model=item_cf data.negative_samples=50",
    "model=item_cf data.train_size=0.5",
    "model=ncf",
    "model=ncf model.mf_dim=64 model.mlp_layers=[128,64,32,16] model.dropout=0.2 model.num_negatives=4 \
     trainer.learning_rate=0.001",
    "model=ncf model.loss_type=bce trainer.batch_size=1024 trainer.max_epochs=50",
    "model=ncf device=cpu",
    "model=ncf logger.use_mlflow=false logger.use_wandb=false",
    "model=ncf model.mlp_layers=[64,32,16] data.train_size=0.5",
    "model=ngcf",
    "model=ngcf model.embedding_dim=64 model.hidden_dims=[64,64,64] model.dropout=0.1 model.message_dropout=0.1 \
     trainer.learning_rate=0.0001",
    "model=ngcf trainer.batch_size=512 trainer.accumulate_grad_batches=4",
    "model=gmf trainer.batch_size=512 trainer.accumulate_grad_batches=4 trainer.optimizer.betas=[0.8,0.99]",
];

/// Runs them all, one after the other, as they stand.
fn all_pass(scratch: &Scratch) {
    for run in SINGLE_RUNS {
        let stdout = scratch.ok(&format!("train {run}"));
        assert!(stdout.contains("ndcg@10"), "{run}\n{stdout}");
    }
    let is_run = |name: &str| scratch.path(format!("outputs/{name}/model.safetensors")).is_file();
    assert!(is_run("lightgcn_experiments/exp_lr0.001_emb128"));
    // Nobody named the others: each keeps its folder.
    assert!(
        is_run("segue/svd_joint_seed42") && is_run("segue/svd_joint_seed42_4") && !is_run("segue/svd_joint_seed42_5")
    );
}

#[test]
fn every_single_run_passes() {
    all_pass(&Scratch::with_movielens());
}

#[test]
fn every_single_run_passes_on_movielens_itself() {
    let root = std::env::var("SEGUE_DATA").unwrap_or_else(|_| "../../../shared/data".into());
    let real = std::path::absolute(root).unwrap().join("ml-latest-small");
    if std::env::var_os("SEGUE_REFERENCE").is_none() || !real.is_dir() {
        println!("skipped: needs SEGUE_REFERENCE=1 and ml-latest-small under SEGUE_DATA");
        return;
    }
    let scratch = Scratch::new();
    for entry in std::fs::read_dir(real).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        scratch.write(&format!("data/movielens-small/{name}"), std::fs::read(&path).unwrap());
    }
    all_pass(&scratch);
}

#[test]
fn an_unnamed_run_takes_the_next_number_and_a_named_one_is_refused() {
    let scratch = Scratch::new();
    let line = |more: &str| format!("train {} model=mf {more}", crate::support::SMALL_WORLD.join(" "));
    scratch.ok(&line("trainer.max_epochs=2"));
    scratch.ok(&line("trainer.max_epochs=2"));
    let model = |name: &str| std::fs::read(scratch.path(format!("outputs/segue/{name}/model.safetensors"))).unwrap();
    assert!(model("mf_joint_seed42") == model("mf_joint_seed42_2"));
    scratch.fails(&line("trainer.max_epochs=2 --resume"), &["nothing to resume", "mf_joint_seed42_3"]);
    scratch.fails(&line("trainer.max_epochs=2 run_name=mf_joint_seed42"), &["it exists", "overwrite=true"]);
}

#[test]
fn cfg_prints_the_job_and_trains_nothing() {
    let scratch = Scratch::new();
    let stdout = scratch.ok("train model=item_cf model.k=7 --cfg job");
    assert!(stdout.contains("name: item_knn") && stdout.contains("neighbors: 7"), "{stdout}");
    assert!(stdout.contains("out: outputs/${experiment_name}/${run_name}"), "{stdout}");
    assert!(!scratch.path("outputs").exists());
}

/// Those of models and devices that are not built yet, and what the refusal names.
const NOT_BUILT: [(&str, &str); 7] = [
    ("model=hybrid_ensemble", "model=hybrid_ensemble"),
    ("model=hybrid_ensemble model.models=[ncf,item_cf] model.fusion_method=weighted_average", "model=hybrid_ensemble"),
    ("model=hybrid_ensemble model.learn_weights=true model.fusion_method=rrf", "model=hybrid_ensemble"),
    ("model=lightgcn device=cuda", "device=cuda"),
    ("model=ngcf device=mps", "device=mps"),
    (
        "model=lightgcn logger.use_mlflow=true logger.use_wandb=true logger.wandb.project=movie-rec-exp",
        "logger.use_mlflow",
    ),
    ("model=maml model.anything=1", "model=maml"),
];

#[test]
fn what_is_not_built_is_refused_and_never_ignored() {
    let scratch = Scratch::with_movielens();
    for (run, named) in NOT_BUILT {
        scratch.fails(&format!("train {run}"), &[named, "not built yet"]);
    }
    // What is wrong about them is said first.
    scratch.fails("train model=hybrid_ensemble model.fusion_methods=rrf", &["did you mean `model.fusion_method`"]);
    scratch.fails("train model=ncf model.mf_dims=64", &["there is no key `model.mf_dims`", "factors, mlp_layers"]);
    scratch.fails("train model=hybrid_ensemble model.learn_weights=7", &["model.learn_weights", "true or false"]);
    scratch
        .fails("train model=ncf model.mf_dim=wide", &["`neumf`", "\"wide\"", "expected a whole number of at least 0"]);
    scratch.fails("train model=ncf device=banana", &["device=banana", "unknown"]);
    scratch.fails("train model=ncf trainer.max_epoch=3", &["max_epoch", "max_epochs"]);
    scratch.fails("prepare --multirun data=sample seed=1,2 --out x", &["--multirun", "one configuration"]);
    scratch.fails("train model=lightgcn,svd", &["several runs"]);
    scratch.fails("train model=[lightgcn,svd]", &["one model", "segue compare model=a,b"]);
    assert!(!scratch.path("outputs").exists());
}

#[test]
fn sweeps_expand_to_their_jobs() {
    let registry = segue::registry();
    let composer = segue_lab::Composer::new(None, &registry).unwrap();
    let sweep = |line: &str| composer.sweep(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let jobs =
        sweep("model=lightgcn model.embedding_dim=32,64,128 model.num_layers=2,3,4 trainer.learning_rate=0.001,0.0001");
    let jobs = jobs.unwrap();
    assert_eq!(jobs.len(), 18);
    let last = &jobs[17].resolved;
    assert_eq!((&last["model"]["factors"], &last["model"]["layers"]), (&128.into(), &4.into()));
    assert_eq!(last["trainer"]["learning_rate"], 0.0001);
    assert_eq!(sweep("model=lightgcn,ngcf,ncf,svd,item_cf seed=42,123,456").unwrap().len(), 15);
    let line = "model=lightgcn,ngcf,ncf trainer.learning_rate=0.0001,0.0005,0.001,0.005";
    assert_eq!(sweep(line).unwrap().len(), 12);
    let line = "model=ncf model.mf_dim=32,64 model.mlp_layers=[64,32,16],[128,64,32,16] model.dropout=0.1,0.2,0.3";
    assert_eq!(sweep(line).unwrap().len(), 12);
    let refusal = sweep("model=lightgcn,hybrid_ensemble seed=42,123").unwrap_err().to_string();
    assert!(refusal.contains("not built yet"), "{refusal}");
}

#[test]
fn an_experiment_sets_anything_and_the_command_line_has_the_last_word() {
    let scratch = Scratch::new();
    scratch.write("configs/experiment/mine.yaml", "# @package _global_\nseed: 7\nscope: target\nrun_name: fixed\n");
    let stdout = scratch.ok("train experiment=mine model=svd scope=shuffled --cfg job");
    for line in ["seed: 7", "scope: shuffled", "run_name: fixed"] {
        assert!(stdout.lines().any(|l| l == line), "{line}\n{stdout}");
    }
    // Where nobody chooses, models of ratings watch the error of ratings.
    let watched =
        |line: &str| scratch.ok(&format!("train {line} --cfg job")).lines().any(|l| l.trim() == "metric: rmse");
    assert!(watched("model=svd") && !watched("model=mf") && !watched("model=svd evaluation.dialect=ranx"));
    assert!(!watched("model=svd trainer.early_stopping.metric=ndcg@10"));
    let jobs = scratch.ok("compare model=ease,ials scope=target,joint --cfg job");
    assert_eq!(jobs.matches("run_name:").count(), 4, "{jobs}");
}

#[test]
fn a_comparison_pipes() {
    let scratch = Scratch::with_movielens();
    let stdout = scratch.ok("compare model=popularity,item_knn evaluation.bootstrap=50 --show ndcg@10,coverage@10");
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{stdout}");
    assert!(lines[0].starts_with("model\tscope\tndcg@10\tcoverage@10"), "{stdout}");
    assert!(lines[2].starts_with("item_knn\tjoint\t0."), "{stdout}");
    let json = scratch.ok("compare model=popularity evaluation.bootstrap=50 --format json");
    assert!(json.starts_with("{\"model\":\"popularity\""), "{json}");
    let row: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let (value, low) = (row["ndcg@10"].as_f64().unwrap(), row["ndcg@10_low"].as_f64().unwrap());
    assert!(low <= value && row["users"].is_u64() && row["lift_over_popularity"] == 0.0, "{json}");
    // What the catalogue is covered by has no interval.
    assert!(row["coverage@10"].is_f64() && row["coverage@10_low"].is_null(), "{json}");
}

#[test]
fn a_sampled_metric_has_its_full_value_estimated_beside_it() {
    let scratch = Scratch::new();
    let world = crate::support::SMALL_WORLD.join(" ");
    let sampled = "evaluation.candidates=sampled evaluation.negatives=20 evaluation.k_values=[5]";
    scratch.ok(&format!("prepare {world} --out data"));
    let trained = scratch.line(&format!("train data_dir=data model=ease out=run evaluation.bootstrap=50 {sampled}"));
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    assert!(trained.stderr.contains("full, estimated: "), "{}", trained.stderr);
    let report = std::fs::read_to_string(scratch.path("run/REPORT.txt")).unwrap();
    assert_eq!(report.matches("full, estimated: ").count(), 8, "{report}");
    let evaluate = |more: &str| {
        let text = scratch.ok(&format!("evaluate --run run --data data evaluation.bootstrap=50 {more}"));
        text.lines().map(|line| line.split('\t').map(String::from).collect()).collect::<Vec<Vec<String>>>()
    };
    let (full, estimated) = (evaluate("evaluation.candidates=full"), evaluate(""));
    assert_eq!(full[0], ["metric", "value", "low", "high"]);
    assert_eq!(estimated[0], ["metric", "value", "low", "high", "full, estimated"]);
    let number = |row: &[String], n: usize| row[n].parse::<f64>().unwrap();
    for (full, row) in full[1..].iter().zip(&estimated[1..]) {
        let truth = number(full, 1);
        assert!(
            full[0] == row[0] && (number(row, 4) - truth).abs() < (number(row, 1) - truth).abs(),
            "{full:?} {row:?}"
        );
    }
    let why =
        |more: &str| scratch.line(&format!("evaluate --run run --data data evaluation.bootstrap=50 {more}")).stderr;
    assert!(
        why("evaluation.candidates=popularity").contains("estimated (Krichene and Rendle, KDD 2020): the negatives")
    );
    assert!(!why("evaluation.candidates=full").contains("estimated"));
    // Several films a user, in a split by ratio: the table of a comparison has no column, and one line says why.
    let several = scratch.line(&format!("compare {world} split=ratio model=ease {sampled} evaluation.negatives=30"));
    assert!(!several.stdout.contains("estimated"), "{}", several.stdout);
    assert_eq!(several.stderr.matches("users have several relevant items").count(), 1, "{}", several.stderr);
    // Of negatives drawn by popularity nothing follows.
    assert_eq!(evaluate("evaluation.candidates=popularity evaluation.negatives=20")[0].len(), 4);
}

#[test]
fn help_teaches_every_command() {
    let scratch = Scratch::new();
    let help = scratch.ok("--help");
    for command in ["demo", "prepare", "export", "train", "evaluate", "compare", "recommend", "similar", "models"] {
        assert!(help.contains(command), "{help}");
        assert!(scratch.ok(&format!("{command} --help")).contains("Usage"));
    }
    assert!(scratch.ok("models svd").contains("n_factors"));
}

#[test]
fn an_export_is_prepared_again_to_the_same_sizes() {
    let scratch = Scratch::with_movielens();
    scratch.ok("prepare data=movielens prepare=default --out artifacts/films");
    let sizes = |table: &str| {
        let films = table.lines().filter(|line| line.contains("\ttrain\t") || line.contains("\ttest\t"));
        films.map(|line| line.split('\t').skip(1).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let before = sizes(&scratch.ok("prepare data=movielens prepare=default --out artifacts/again"));
    assert_eq!(before.len(), 2);
    for format in ["csv", "parquet", "recbole", "adjacency"] {
        let stdout = scratch.ok(&format!("export artifacts/films --format {format} --out exported/{format}"));
        assert!(stdout.contains("films/") && stdout.contains("test."), "{stdout}");
        let line = format!("prepare data=log data.root=exported/{format}/films split=given --out artifacts/{format}");
        assert_eq!(sizes(&scratch.ok(&line)), before, "{format}");
    }
    scratch.ok("export artifacts/films --format adjacency --ids dense --out exported/dense");
    assert!(scratch.path("exported/dense/films/user_list.txt").is_file());
    scratch.fails("export artifacts/films --format arff --out x", &["arff", "recbole"]);
    scratch.fails("export data/movielens-small --format csv --out x", &["manifest.json", "segue prepare"]);
    scratch.fails("export artifacts/films --format csv --out data/movielens-small", &["not written by `segue export`"]);
    scratch.fails("prepare data=log --out x", &["`path`"]);
    assert!(!scratch.path("x").exists());
}

#[test]
fn every_comparison_has_popularity_and_tests_each_row_against_it() {
    let scratch = Scratch::new();
    let world = "data=sample data.world.n_users=250 evaluation.bootstrap=99";
    let rows = |line: &str| -> Vec<Vec<String>> {
        let text = scratch.ok(&format!("compare {world} {line} --format tsv"));
        text.lines().map(|line| line.split('\t').map(String::from).collect()).collect()
    };
    let seeds = rows("model=mf seed=1,2 trainer.max_epochs=2 --show ndcg@10,coverage@10");
    assert_eq!(
        seeds[0],
        ["model", "scope", "seed", "ndcg@10", "coverage@10", "lift over popularity, ndcg@10", "seconds"]
    );
    assert_eq!(seeds.len(), 5);
    assert_eq!((&seeds[3][..3], seeds[3][5].as_str()), (&["popularity", "target", "1"].map(String::from)[..], "+0 %"));
    let number = |cell: &str| cell.split(' ').next().unwrap().parse::<f64>().unwrap();
    let mean = f64::midpoint(number(&seeds[1][3]), number(&seeds[2][3]));
    assert!(seeds[4][2] == "mean of 2" && (number(&seeds[4][3]) - mean).abs() < 1e-4, "{seeds:?}");
    assert!(seeds[4][4].contains('['), "several runs have an interval of coverage, too");
    let lift = |row: usize| seeds[row][5].trim_end_matches(" %").parse::<f64>().unwrap();
    assert!((lift(4) - f64::midpoint(lift(1), lift(2))).abs() <= 1.0, "{seeds:?}");

    let tests = rows("model=ease,random --tests");
    assert_eq!(tests[0][2..5], ["ndcg@10 over popularity target", "effect", "better"]);
    assert_eq!(tests.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["model", "ease", "random"]);
    let p = |row: &[String], n: usize| row[n].trim_start_matches('<').parse::<f64>().unwrap();
    for row in &tests[1..] {
        assert!(p(row, 10) >= p(row, 9) && (6..=10).all(|n| p(row, n) <= 1.0) && p(row, 11) > 0.0, "{row:?}");
    }
    // Of two tests corrected together each finds less than it would alone.
    let alone = rows("model=ease --tests");
    assert!(alone[1][9] == alone[1][10] && p(&alone[1], 11) < p(&tests[1], 11), "{alone:?} {tests:?}");
    let turned = rows("model=ease,popularity --tests --baseline ease");
    assert_eq!((turned.len(), &turned[1][4], &turned[1][5]), (2, &tests[1][5], &tests[1][4]));
    scratch.fails(
        &format!("compare {world} model=ease --tests --show coverage@10"),
        &["coverage@10 is no mean over users"],
    );
    // Before anything is read.
    let untrained = "compare data_dir=nowhere model=ease --tests";
    scratch.fails(&format!("{untrained} --show coverage@10"), &["coverage@10 is no mean over users"]);
    scratch.fails(&format!("{untrained} evaluation.metrics=[gini]"), &["gini@10 is no mean over users"]);
    scratch.fails(&format!("compare {world} model=ease --tests --baseline mf"), &["--baseline mf: it is not compared"]);
}

#[test]
fn a_dialect_is_compared_by_its_own_ndcg() {
    let scratch = Scratch::new();
    let world = "data=sample data.world.n_users=150 evaluation.bootstrap=50 model=item_knn";
    for (dialect, main) in
        [("trec_eval", "ndcg_graded"), ("ranx", "ndcg_graded"), ("rectools", "ndcg_over_k"), ("elliot", "elliot:ndcg")]
    {
        let done = scratch.line(&format!("compare {world} evaluation.dialect={dialect}"));
        let header: Vec<&str> = done.stdout.lines().next().unwrap_or_default().split('\t').collect();
        assert_eq!(header.get(2..4), Some(&[&*format!("{main}@10"), "hr@10"][..]), "{dialect}: {}", done.stderr);
        assert!(header.contains(&&*format!("lift over popularity, {main}@10")), "{header:?}");
        assert!(!done.stderr.contains("was not measured"), "{}", done.stderr);
    }
    scratch.ok(&format!("train {world} evaluation.dialect=rectools out=runs/a"));
    let guide = scratch.line("models --guide runs/a");
    assert!(guide.code == Some(0) && guide.stderr.contains(", ndcg_over_k@10; time and memory"), "{}", guide.stderr);
    let without = scratch.line(&format!("compare {world} evaluation.metrics=[recall,hr]"));
    assert!(without.stderr.contains("go by hr@10, for ndcg@10 was not measured"), "{}", without.stderr);
}

#[test]
fn a_claim_across_domains_is_held_against_its_controls() {
    let scratch = Scratch::new();
    let told = |line: &str| {
        let done = scratch.line(&format!(
            "compare data=sample data.world.n_users=600 evaluation.bootstrap=199 --show ndcg@10 {line}"
        ));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        (done.stdout, done.stderr)
    };
    let (table, verdict) = told("model=item_knn --controls");
    let scopes: Vec<&str> = table.lines().skip(1).map(|line| line.split('\t').nth(1).unwrap()).collect();
    assert_eq!(scopes, ["target", "joint", "shuffled", "target"]);
    assert!(
        verdict.contains("transfer: item_knn (ndcg@10 +0.") && verdict.contains("over shuffled links"),
        "{verdict}"
    );
    // The p of a gain is that of the verdict, corrected for all models together; with a metric that no test compares there is none.
    let gain = |table: &str, at: usize| -> String {
        let joint = table.lines().find(|line| line.contains("\tjoint\t")).unwrap();
        // As the verdict has it: `= .04`, or `< .0003` where no sign reached the mean.
        let p = joint.split('\t').nth(at).unwrap().rsplit_once(" p").map(|(_, p)| p.split_at(1));
        p.map_or(String::new(), |(is, p)| format!("{is} {p}"))
    };
    let header: Vec<&str> = table.lines().next().unwrap().split('\t').collect();
    assert_eq!(
        header[3..5],
        ["target alone", "shuffled links"].map(|of| format!("gain over {of}, ndcg@10, p by Holm"))
    );
    let told_p = verdict.lines().find(|line| line.contains("transfer: item_knn")).unwrap();
    let told_p: Vec<&str> = told_p.split(", p ").skip(1).collect();
    for (told, at) in told_p.iter().zip([3, 4]) {
        assert!(told.starts_with(&gain(&table, at)) && gain(&table, at).len() > 3, "{told}\n{table}");
    }
    assert_eq!(told_p.len(), 2, "{verdict}");
    // What is saved says the same.
    let (json, _) = told("model=item_knn --controls --format json");
    let rows: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |scope: &str| rows.iter().find(|row| row["model"] == "item_knn" && row["scope"] == scope).unwrap();
    assert_eq!(of("joint")["verdict"], "transfer", "{json}");
    assert!(of("joint")["verdict_text"].as_str().unwrap().starts_with("transfer: item_knn (ndcg@10 +0."), "{json}");
    assert!(of("target")["verdict"].is_null() && rows.iter().all(|row| row["protocol_text"].is_string()), "{json}");
    let marked = of("joint");
    assert_eq!(marked["mark"], 1, "{json}");
    assert!(
        marked["mark_text"].as_str().unwrap().starts_with("better than popularity user by user: p < 0.05"),
        "{json}"
    );
    let (tests, _) = told("model=item_knn --controls --tests --format json");
    assert_eq!(tests.matches("\"verdict\":\"transfer\"").count(), 1, "{tests}");
    assert!(!told("model=item_knn --controls --format csv").0.contains("verdict"));
    for (format, before) in [("markdown", "- "), ("latex", "% ")] {
        let (document, aside) = told(&format!("model=item_knn --controls --format {format}"));
        for said in ["split: ", "▲ ▼ better, worse than popularity", "transfer: item_knn (ndcg@10 +0."] {
            let below = document.lines().any(|line| line.starts_with(before) && line.contains(said));
            assert!(below && !aside.contains(said), "{said}: {document}{aside}");
        }
    }
    let (table, verdict) = told("model=item_knn,ease,mf trainer.max_epochs=2 scope=target,joint");
    for model in ["item_knn", "ease", "mf"] {
        let p = gain(&table[table.find(&format!("\n{model}\t")).unwrap()..], 3);
        let line = verdict.lines().find(|line| line.contains(&format!(": {model} "))).unwrap();
        assert!(line.contains(&format!(", p {p}")) && p.len() > 3, "{line}\n{table}");
    }
    let uncut = |metric: &str, split: &str| {
        let asked =
            format!("model=ease scope=target,joint evaluation.metrics=[{metric}] split={split} --show {metric}");
        scratch.ok(&format!("compare data=sample data.world.n_users=250 evaluation.bootstrap=50 {asked}"))
    };
    // A mean over users in which all weigh the same has a p; one in which they do not has none.
    for (metric, split) in [("auc", "leave_one_out"), ("auc", "ratio"), ("gauc", "leave_one_out")] {
        let table = uncut(metric, split);
        assert!(table.contains(&format!("\tgain over target alone, {metric}, p by Holm\t")), "{table}");
    }
    let table = uncut("gauc", "ratio");
    assert!(table.contains("\tgain over target alone, gauc\t") && !table.contains("p="), "{table}");
    let (_, verdict) = told("model=item_knn scope=target,joint");
    assert!(verdict.contains("a gain, its cause unknown: item_knn"), "{verdict}");
    assert!(verdict.contains("verdict of item_knn: of one seed; how much other seeds"), "{verdict}");
    // Several seeds have one verdict, which the row of their means tells, too.
    let (table, verdict) = told("model=mf trainer.max_epochs=2 scope=target,joint seed=1,2");
    assert_eq!(verdict.matches(": mf over seeds 1, 2 (ndcg@10 ").count(), 1, "{verdict}");
    assert!(
        !verdict.contains("mf with seed") && verdict.contains("verdict of mf: all seeds share one split"),
        "{verdict}"
    );
    let means = table.lines().find(|line| line.contains("\tjoint\tmean of 2\t")).unwrap();
    let (told_gain, told_p) = means.split('\t').nth(4).unwrap().split_once(" p=").unwrap();
    assert!(
        verdict.contains(&format!("(ndcg@10 {told_gain}, p = {told_p} over the target alone")),
        "{means}\n{verdict}"
    );
    let (json, _) = told("model=mf trainer.max_epochs=2 scope=target,joint seed=1,2 --format json");
    assert_eq!(json.matches("\"verdict_seeds\":2").count(), 2, "{json}");
    // The placebo beside it has an interval of the same kind: of users and seeds, and not of two seeds by Student's t alone.
    let (table, said) = told("model=mf trainer.max_epochs=2 --controls seed=1,2");
    let gains: Vec<(f64, f64)> = ["joint", "shuffled"]
        .iter()
        .map(|scope| {
            let means = table.lines().find(|line| line.contains(&format!("\t{scope}\tmean of 2\t"))).unwrap();
            let of = |line: &str| line.split('\t').nth(4).unwrap().split(' ').next().unwrap().parse::<f64>().unwrap();
            let runs = table.lines().filter(|line| line.starts_with("mf\t") && line.contains(&format!("\t{scope}\t")));
            let runs: Vec<f64> = runs.filter(|line| !line.contains("mean of")).map(of).collect();
            let cell = means.split('\t').nth(4).unwrap();
            let (low, high) = cell.split_once('[').unwrap().1.split_once(']').unwrap().0.split_once(", ").unwrap();
            let width = high.parse::<f64>().unwrap() - low.parse::<f64>().unwrap();
            // Student's t of two: 12.706 times their distance, both ways.
            (width, 12.706 * (runs[0] - runs[1]).abs())
        })
        .collect();
    assert!(gains.iter().all(|(width, of_seeds)| (width - of_seeds).abs() > 0.01), "{gains:?} {table}");
    assert!(said.contains("the interval of its gains holds users and seeds together"), "{said}");
    // Where nothing is shared there is nothing to carry over; one world in twenty would seem to have something, so that the
    // world is named (`bench/placebo` counts many).
    let (_, verdict) = told("model=item_knn --controls data.world.strength=0 data.world.seed=3");
    assert!(verdict.contains("no evidence of transfer: item_knn") && verdict.contains("would find 0.0"), "{verdict}");
    // One domain learns from itself alone: whatever it is joint with is noise.
    scratch.fails(
        "compare data=sample model=ease --controls scope=joint",
        &["--controls runs", "leave out `scope=joint`"],
    );
}

#[test]
fn of_a_single_user_nothing_is_tested_and_that_is_said() {
    let scratch = Scratch::new();
    // Leave one out asks users of three likes or more: one, then two.
    let log = |asked: &[&str]| {
        let few = [("p", 2), ("q", 1)].into_iter();
        let users = few.chain(asked.iter().map(|&user| (user, 4)));
        let rows = users.flat_map(|(user, n)| (0..n).map(move |item| format!("{user},i{item},5,{}\n", 100 + item)));
        format!("user_id,item_id,rating,timestamp\n{}", rows.collect::<String>())
    };
    let tests = |asked: &[&str]| {
        scratch.write("log/ratings.csv", log(asked));
        let how = "prepare.core.users=1 prepare.core.items=1 split=leave_one_out evaluation.bootstrap=50 --tests";
        scratch.line(&format!("compare data=log data.root=log model=item_knn {how}"))
    };
    let note = "nothing is tested: a test of differences user by user needs two users at least";
    let one = tests(&["a"]);
    assert_eq!((one.code, one.stdout.lines().count()), (Some(0), 1), "{}{}", one.stdout, one.stderr);
    assert!(one.stderr.contains(note) && one.stderr.contains("users: 1 with a held-out positive"), "{}", one.stderr);
    let alone = scratch.ok(
        "compare data=log data.root=log model=item_knn prepare.core.users=1 prepare.core.items=1 split=leave_one_out scope=target \
         seed=1,2 --show hr@10,coverage@10",
    );
    // One user has no interval; nor have seeds of what is not drawn.
    assert!(alone.contains("\tmean of 2\t") && !alone.contains('['), "{alone}");
    let two = tests(&["a", "b"]);
    assert_eq!((two.code, two.stdout.lines().count()), (Some(0), 2), "{}{}", two.stdout, two.stderr);
    assert!(!two.stderr.contains(note), "{}", two.stderr);
}
