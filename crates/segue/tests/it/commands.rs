//! Training commands in the words of another movie recommender, `python -m src.train` replaced by `segue train`.

use crate::support::Scratch;

const SINGLE_RUNS: [&str; 20] = [
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
];

#[test]
fn every_single_run_passes() {
    let scratch = Scratch::with_movielens();
    for run in SINGLE_RUNS {
        let line = format!("train {run} overwrite=true");
        let stdout = scratch.ok(&line);
        assert!(stdout.contains("ndcg@10"), "{line}\n{stdout}");
    }
    assert!(scratch.path("outputs/lightgcn_experiments/exp_lr0.001_emb128/model.safetensors").is_file());
}

#[test]
fn cfg_prints_the_job_and_trains_nothing() {
    let scratch = Scratch::new();
    let stdout = scratch.ok("train model=item_cf model.k=7 --cfg job");
    assert!(stdout.contains("name: item_knn") && stdout.contains("neighbors: 7"), "{stdout}");
    assert!(stdout.contains("out: outputs/${experiment_name}/${run_name}"), "{stdout}");
    assert!(!scratch.path("outputs").exists());
}

#[test]
fn what_is_not_built_is_refused_and_never_ignored() {
    let scratch = Scratch::with_movielens();
    scratch.fails("train model=lightgcn device=cuda", &["device=cuda", "not built yet"]);
    scratch.fails("train model=lightgcn device=mps", &["device=mps", "not built yet"]);
    scratch.fails("train model=lightgcn logger.use_mlflow=true", &["logger.use_mlflow", "not built yet"]);
    scratch.fails("train model=lightgcn logger.use_wandb=true", &["logger.use_wandb", "not built yet"]);
    scratch.fails("train model=svd trainer.accumulate_grad_batches=4", &["accumulate_grad_batches", "not built yet"]);
    scratch.fails("train --multirun model=lightgcn,svd seed=1,2", &["--multirun", "segue compare"]);
    scratch.fails("train model=lightgcn,svd", &["several runs"]);
    scratch.fails("train model=ncf", &["model=ncf", "not built yet", "lightgcn"]);
    scratch.fails("train model=hybrid_ensemble model.models=[ncf,item_cf]", &["not built yet"]);
    assert!(!scratch.path("outputs").exists());
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
}

#[test]
fn help_teaches_every_command() {
    let scratch = Scratch::new();
    let help = scratch.ok("--help");
    for command in ["demo", "prepare", "train", "evaluate", "compare", "recommend", "similar", "models"] {
        assert!(help.contains(command), "{help}");
        assert!(scratch.ok(&format!("{command} --help")).contains("Usage"));
    }
    assert!(scratch.ok("models svd").contains("n_factors"));
}
