//! Every training command of the README of a Hydra-based recommender parses, composes and, as a sweep, expands.

use segue_lab::config::{
    ConfigError, ConfigSource, Context, Moment, Schema, compose_with, jobs, parse_overrides, resolve,
};
use serde_json::{Value, json};

const FILES: &[(&str, &str)] = &[
    (
        "config.yaml",
        "defaults: [_self_, model: lightgcn, data: movielens, trainer: default, evaluation: default, logger: wandb_mlflow]\n\
         seed: 42\ndevice: auto\nexperiment_name: default\nrun_name: ${now:%Y-%m-%d_%H-%M-%S}\n\
         hydra: {run: {dir: 'outputs/${experiment_name}/${run_name}'}, sweep: {subdir: 'sweeps/${hydra.job.num}'}}\n",
    ),
    ("data/movielens.yaml", "path: '${hydra:runtime.cwd}/data'\ntrain_size: null\ntrain_ratio: 0.8\n"),
    (
        "trainer/default.yaml",
        "max_epochs: 100\nlearning_rate: 0.001\nbatch_size: 2048\naccumulate_grad_batches: 1\n\
         early_stopping: {enabled: true, patience: 10, metric: ndcg@10, mode: max}\n",
    ),
    ("evaluation/default.yaml", "k_values: [10]\nmetrics: [ndcg]\n"),
    ("logger/wandb_mlflow.yaml", "use_wandb: true\nuse_mlflow: true\nwandb: {project: movie-rec}\n"),
];

struct Models;

impl Schema for Models {
    fn options(&self, group: &str) -> Vec<String> {
        let all = ["lightgcn", "ngcf", "neumf", "svd", "item_knn", "ensemble"];
        if group == "model" { all.map(String::from).to_vec() } else { Vec::new() }
    }

    fn resolve_option(&self, group: &str, option: &str) -> Option<String> {
        let canonical = match option {
            "ncf" => "neumf",
            "item_cf" => "item_knn",
            "hybrid_ensemble" => "ensemble",
            other => other,
        };
        self.options(group).into_iter().find(|known| known == canonical)
    }

    fn defaults(&self, group: &str, option: &str) -> Option<Value> {
        let keys: &[&str] = match (group, option) {
            ("model", "lightgcn") => &["factors", "layers", "dropout"],
            ("model", "ngcf") => &["factors", "hidden", "dropout", "message_dropout"],
            ("model", "neumf") => &["factors", "hidden", "dropout", "negatives", "loss"],
            ("model", "svd") => &["factors", "epochs", "learning_rate", "l2", "biased"],
            ("model", "item_knn") => &["neighbours", "similarity", "shrink"],
            ("model", "ensemble") => &["models", "fusion", "learn_weights"],
            _ => return None,
        };
        Some(keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect::<serde_json::Map<_, _>>().into())
    }

    fn canonical_key(&self, _group: &str, _option: &str, key: &str) -> Option<String> {
        let name = match key {
            "embedding_dim" | "n_factors" | "mf_dim" => "factors",
            "num_layers" => "layers",
            "hidden_dims" | "mlp_layers" => "hidden",
            "num_negatives" => "negatives",
            "loss_type" => "loss",
            "n_epochs" => "epochs",
            "lr_all" => "learning_rate",
            "reg_all" => "l2",
            "k" => "neighbours",
            "shrinkage" => "shrink",
            "fusion_method" => "fusion",
            _ => return None,
        };
        Some(name.to_owned())
    }
}

const RUNS: [&str; 25] = [
    "model=lightgcn",
    "model=lightgcn model.embedding_dim=128 model.num_layers=4 trainer.max_epochs=100 trainer.learning_rate=0.001",
    "model=lightgcn model.embedding_dim=64 model.num_layers=3 model.dropout=0.1 trainer.batch_size=2048 \
     trainer.learning_rate=0.001",
    "model=ngcf",
    "model=ngcf model.embedding_dim=64 model.hidden_dims=[64,64,64] model.dropout=0.1 model.message_dropout=0.1 \
     trainer.learning_rate=0.0001",
    "model=ncf",
    "model=ncf model.mf_dim=64 model.mlp_layers=[128,64,32,16] model.dropout=0.2 model.num_negatives=4 \
     trainer.learning_rate=0.001",
    "model=ncf model.loss_type=bce trainer.batch_size=1024 trainer.max_epochs=50",
    "model=svd",
    "model=svd model.n_factors=100 model.n_epochs=20 model.lr_all=0.005 model.reg_all=0.02",
    "model=svd model.biased=false model.n_factors=150",
    "model=item_cf",
    "model=item_cf model.k=40 model.similarity=pearson",
    "model=item_cf model.k=50 model.similarity=pearson_baseline model.shrinkage=100",
    "model=hybrid_ensemble",
    "model=hybrid_ensemble model.models=[ncf,item_cf] model.fusion_method=weighted_average",
    "model=hybrid_ensemble model.learn_weights=true model.fusion_method=rrf",
    "model=lightgcn device=cuda",
    "model=lightgcn logger.use_mlflow=true logger.use_wandb=true logger.wandb.project=movie-rec-exp",
    "model=ncf logger.use_mlflow=false logger.use_wandb=false",
    "model=lightgcn trainer.early_stopping.enabled=true trainer.early_stopping.patience=20 \
     trainer.early_stopping.metric=ndcg@10 trainer.early_stopping.mode=max",
    "model=lightgcn experiment_name=lightgcn_experiments run_name=exp_lr0.001_emb128 model.embedding_dim=128",
    "model=lightgcn evaluation.k_values=[5,10,20] evaluation.metrics=['precision','recall','ndcg','hit_rate']",
    "model=ngcf trainer.batch_size=512 trainer.accumulate_grad_batches=4",
    "model=ncf model.mlp_layers=[64,32,16] data.train_size=0.5",
];

/// Sweep, number of jobs, overrides of the last job. The shell has taken the quotes away.
const SWEEPS: [(&str, usize, &str); 4] = [
    ("model=lightgcn,ngcf,ncf,svd,item_cf seed=42,123,456", 15, "model=item_cf seed=456"),
    (
        "model=lightgcn model.embedding_dim=32,64,128 model.num_layers=2,3,4 trainer.learning_rate=0.001,0.0001",
        18,
        "model=lightgcn model.embedding_dim=128 model.num_layers=4 trainer.learning_rate=0.0001",
    ),
    (
        "model=ncf model.mf_dim=32,64 model.mlp_layers=[64,32,16],[128,64,32,16] model.dropout=0.1,0.2,0.3",
        12,
        "model=ncf model.mf_dim=64 model.mlp_layers=[128,64,32,16] model.dropout=0.3",
    ),
    (
        "model=lightgcn,ngcf,ncf trainer.learning_rate=0.0001,0.0005,0.001,0.005",
        12,
        "model=ncf trainer.learning_rate=0.005",
    ),
];

fn words(command: &str) -> Vec<&str> {
    command.split_whitespace().collect()
}

fn composed(command: &str) -> Result<Value, ConfigError> {
    let overrides = parse_overrides(&words(command))?;
    let composed = compose_with(&ConfigSource::new(None, FILES), "config", &overrides, &Models)?;
    let hydra = json!({ "runtime": { "cwd": "/here" }, "job": { "num": 2 } });
    let now = Moment { unix_seconds: 0, microseconds: 0, utc_offset_seconds: 0 };
    Ok(resolve(&composed.value, &Context { now, hydra: &hydra, env: &|_| None })?)
}

#[test]
fn every_run_composes() {
    for command in RUNS {
        composed(command).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

#[test]
fn values_arrive_where_they_belong() {
    let config = composed(RUNS[6]).unwrap();
    assert_eq!(config["model"]["factors"], 64);
    assert_eq!(config["model"]["hidden"], json!([128, 64, 32, 16]));
    assert_eq!(config["trainer"]["learning_rate"], 0.001);
    let config = composed(RUNS[15]).unwrap();
    assert_eq!(config["model"]["models"], json!(["ncf", "item_cf"]));
    let config = composed(RUNS[20]).unwrap();
    assert_eq!(config["trainer"]["early_stopping"]["metric"], "ndcg@10");
    let config = composed(RUNS[21]).unwrap();
    assert_eq!(config["run_name"], "exp_lr0.001_emb128");
    assert_eq!(config["hydra"]["run"]["dir"], "outputs/lightgcn_experiments/exp_lr0.001_emb128");
    assert_eq!(config["hydra"]["sweep"]["subdir"], "sweeps/2");
    assert_eq!(config["data"]["path"], "/here/data");
    let config = composed(RUNS[22]).unwrap();
    assert_eq!(config["evaluation"]["metrics"], json!(["precision", "recall", "ndcg", "hit_rate"]));
}

#[test]
fn every_sweep_expands_and_its_jobs_compose() {
    for (command, n_jobs, last) in SWEEPS {
        let overrides = parse_overrides(&words(command)).unwrap();
        let jobs = jobs(&overrides, &|_| Vec::new()).unwrap();
        assert_eq!(jobs.len(), n_jobs, "{command}");
        let texts: Vec<Vec<&str>> =
            jobs.iter().map(|job| job.iter().map(|item| item.text.as_str()).collect()).collect();
        assert_eq!(texts[n_jobs - 1].join(" "), last);
        for texts in texts {
            let command = texts.join(" ");
            composed(&command).unwrap_or_else(|error| panic!("{command}: {error}"));
        }
        assert!(matches!(composed(command), Err(ConfigError::NeedsMultirun { .. })));
    }
}
