//! A composed configuration as types. Every stage is handed only its own part.

use std::path::PathBuf;
use std::time::Duration;

use segue_core::{Configured, EarlyStopping, Mode, ModelEntry, Output, Registry, Trainer, in_words};
use segue_eval::{Bootstrap, Dialect, MetricSpec, ProtocolError, Ties};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::LabError;
use crate::measure::{protocol, spoken_metric};

/// Which domains a model learns from. Either way only items of the target domain are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All domains.
    #[default]
    Joint,
    /// The target domain alone.
    Target,
    /// All domains, but with the source histories dealt out anew among the people: the placebo. Whatever a joint model
    /// gains over the target alone beyond this control, it gains from knowing who is who.
    Shuffled,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Joint => "joint",
            Self::Target => "target",
            Self::Shuffled => "shuffled",
        })
    }
}

/// A whole job.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the data comes from.
    pub data: DataSettings,
    /// A folder that `segue prepare` wrote; it takes the place of `data`, `prepare` and `split`.
    pub data_dir: Option<PathBuf>,
    /// How it is cleaned and filtered.
    pub prepare: segue_data::prepare::PrepareOptions,
    /// How it is split.
    pub split: segue_data::prepare::SplitConfig,
    /// `name` and hyper-parameters.
    pub model: Map<String, Value>,
    /// Training.
    pub trainer: TrainerSettings,
    /// Measuring.
    pub evaluation: EvaluationSettings,
    /// Tracking services; all off until they are built.
    #[serde(default)]
    pub logger: Value,
    /// Left over from the defaults list; chosen experiments are merged in already.
    #[serde(default, skip_serializing)]
    pub experiment: Option<Value>,
    /// Root of every random stream.
    pub seed: u64,
    /// `auto` or `cpu`.
    pub device: String,
    /// Which domains to learn from.
    pub scope: Scope,
    /// Whether to write embeddings as `.npy`.
    pub save_embeddings: bool,
    /// Groups runs.
    pub experiment_name: String,
    /// Names this run.
    pub run_name: String,
    /// The run folder.
    pub out: PathBuf,
    /// Whether an existing run folder may be replaced.
    pub overwrite: bool,
    /// Whether the run takes the next free number after its name where the folder exists: nobody named it.
    #[serde(skip)]
    pub numbered: bool,
}

/// The data group: raw logs to prepare, or the sample world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataSettings {
    /// The built-in sample world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<segue_data::synth::WorldConfig>,
    /// Raw logs.
    #[serde(flatten)]
    pub logs: Map<String, Value>,
}

/// The trainer group. `None` is the model's own default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainerSettings {
    /// Epochs at most.
    pub max_epochs: Option<u64>,
    /// Step size.
    pub learning_rate: Option<f64>,
    /// Samples per step.
    pub batch_size: Option<u64>,
    /// The model's l2 penalty.
    pub weight_decay: Option<f64>,
    /// Optimizer.
    pub optimizer: OptimizerSettings,
    /// Batches whose gradients make one step.
    pub accumulate_grad_batches: Option<u64>,
    /// When to stop before the last epoch.
    pub early_stopping: StoppingSettings,
    /// Epochs between validations.
    pub validate_every: usize,
    /// Whether checkpoints are kept.
    pub checkpoints: bool,
    /// How many of the best epochs' models on validation stay beside the run's own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub save_top_k: usize,
    /// Whether the last epoch's model stays, too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub save_last: bool,
    /// Seconds.
    pub time_limit: Option<f64>,
    /// Whether to train once more on train and validation together, for the number of epochs that validation chose.
    pub refit: bool,
}

// What is left at nothing is not written, as if the key had always been there.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(is: &bool) -> bool {
    !is
}

/// The optimizer of the trainer group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSettings {
    /// Name, e.g. `adam`.
    pub name: Option<String>,
    /// Adam's decay rates.
    pub betas: Option<[f64; 2]>,
}

/// Early stopping of the trainer group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoppingSettings {
    /// Whether validation chooses the epoch.
    pub enabled: bool,
    /// Metric at a cut-off.
    pub metric: String,
    /// Whether more is better; `None` is what the metric says.
    pub mode: Option<Mode>,
    /// Validations without improvement.
    pub patience: usize,
}

/// The evaluation group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationSettings {
    /// Cut-offs.
    pub k_values: Vec<usize>,
    /// Metric names; `rmse` and `mae` for rating models only.
    pub metrics: Vec<String>,
    /// What is ranked.
    pub candidates: CandidateKind,
    /// Negatives per positive, if sampled.
    pub negatives: usize,
    /// What a model may use at test time.
    pub history: Known,
    /// What is hidden from the ranking.
    pub hide: Known,
    /// Seed of drawn negatives: every model and every training seed ranks among the same ones. `None`: the run's own seed, as
    /// runs of before had it.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Bootstrap resamples of intervals; 0 for no intervals.
    pub bootstrap: usize,
    /// Whose definitions the metrics have that do not name their own.
    #[serde(default)]
    pub dialect: Dialect,
    /// Who stands first among equal scores; null: as the dialect has it.
    #[serde(default)]
    pub ties: Option<Ties>,
    /// Whether the test part is measured when training ends.
    #[serde(default, skip_serializing_if = "Openable::is_chosen")]
    pub test: Openable,
}

impl EvaluationSettings {
    /// Resamples of differences between models: a difference is told from chance by resampling, also where values have no intervals.
    pub fn resamples(&self) -> usize {
        if self.bootstrap == 0 { Bootstrap::default().resamples } else { self.bootstrap }
    }
}

/// Whether the test part of a run is opened when its training ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Openable {
    /// That of a run alone; of runs of a sweep that validation compares, those that it chooses.
    #[default]
    Chosen,
    /// Yes.
    Always,
    /// No: it stays sealed.
    Never,
}

impl Openable {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_chosen(&self) -> bool {
        *self == Self::Chosen
    }
}

/// What is ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateKind {
    /// Every item of the target domain.
    Full,
    /// Frozen random negatives.
    Sampled,
    /// Frozen random negatives, popular items more likely.
    Popularity,
    /// The negatives that came with the data.
    Given,
}

/// Which events are known at test time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Training events.
    Train,
    /// Training and validation events.
    TrainAndValid,
}

/// Trainer keys that stand for a hyper-parameter of the model: (key, parameter, what it is called in errors).
const ROUTES: [(&str, &str); 7] = [
    ("max_epochs", "epochs"),
    ("learning_rate", "learning_rate"),
    ("batch_size", "batch_size"),
    ("weight_decay", "l2"),
    ("optimizer.name", "optimizer"),
    ("optimizer.betas", "betas"),
    ("accumulate_grad_batches", "accumulate_grad_batches"),
];

/// A part of a configuration as its type; an error names the key below `at`, and what it takes.
pub(crate) fn typed<T: DeserializeOwned>(config: Value, at: &str) -> Result<T, LabError> {
    serde_path_to_error::deserialize(config).map_err(|error| {
        let below = Some(error.path().to_string()).filter(|key| key != ".");
        let what = in_words(&error.into_inner().to_string());
        let key: Vec<String> = Some(at.to_owned()).filter(|at| !at.is_empty()).into_iter().chain(below).collect();
        LabError::Config(if key.is_empty() { what } else { format!("{}: {what}", key.join(".")) })
    })
}

impl Settings {
    /// Reads a composed and interpolated configuration.
    pub fn from_value(mut config: Value) -> Result<Self, LabError> {
        route_negative_samples(&mut config);
        let settings: Self = typed(config, "")?;
        settings.refuse_unbuilt()?;
        settings.time_limit()?;
        for (key, name) in [("experiment_name", &settings.experiment_name), ("run_name", &settings.run_name)] {
            if name.is_empty() || name.contains(['/', '\\']) || name == "." || name == ".." {
                return Err(LabError::Config(format!("{key}={name} must be a name, not a path; out= takes a path")));
            }
        }
        // Names and cut-offs are checked before any data are read.
        settings.stopping_metric()?;
        let protocol = protocol(&settings.evaluation, settings.seed, Output::Ranking)?;
        protocol.specs().map_err(|error| match error {
            ProtocolError::Metric(error) => LabError::Config(format!("evaluation.metrics: {error}")),
            error => LabError::Config(format!("evaluation: {error}")),
        })?;
        let bootstrap = Bootstrap { resamples: settings.evaluation.bootstrap, ..Bootstrap::default() };
        bootstrap.check().map_err(|error| LabError::Config(format!("evaluation.bootstrap: {error}")))?;
        Ok(settings)
    }

    /// The registry entry of the model.
    pub fn entry<'r>(&self, registry: &'r Registry) -> Result<&'r ModelEntry, LabError> {
        let name = self.model.get("name").and_then(Value::as_str);
        let name = name.ok_or_else(|| LabError::Config("model.name is missing: choose one with model=NAME".into()))?;
        registry.find(name).map_err(LabError::from)
    }

    /// The configured model: its group, with the trainer keys that stand for its parameters laid over.
    ///
    /// Metrics of errors are refused here for a model that does not predict ratings. A trainer key that the model has no parameter for is refused if `strict`, else left alone (when several models
    /// share one command).
    pub fn algorithm(&self, registry: &Registry, strict: bool) -> Result<Box<dyn Configured>, LabError> {
        let entry = self.entry(registry)?;
        let specs = protocol(&self.evaluation, self.seed, entry.info.output)?.metrics;
        if let Some(spec) = specs.iter().find(|spec| entry.info.output == Output::Ranking && spec.metric.is_error()) {
            return Err(LabError::Config(format!(
                "evaluation.metrics: `{spec}` measures predicted ratings, but `{}` only orders items; leave it out, or train a \
                 model of ratings",
                entry.info.name
            )));
        }
        let mut params = self.model.clone();
        params.remove("name");
        let t = &self.trainer;
        let number = |x: Option<f64>| x.map(Value::from);
        let values = [
            t.max_epochs.map(Value::from),
            number(t.learning_rate),
            t.batch_size.map(Value::from),
            number(t.weight_decay),
            t.optimizer.name.clone().map(Value::from),
            t.optimizer.betas.map(|betas| Value::from(betas.to_vec())),
            t.accumulate_grad_batches.map(Value::from),
        ];
        // What a model without the parameter does anyway: no epochs of a closed form, Adam's usual rates, single batches.
        let idle = |param: &str, value: &Value| match param {
            "epochs" => *value == 0,
            "betas" => *value == serde_json::json!([0.9, 0.999]),
            "accumulate_grad_batches" => *value == 1,
            _ => false,
        };
        for ((key, param), value) in ROUTES.into_iter().zip(values) {
            let Some(value) = value else { continue };
            match entry.canonical_key(param) {
                Some(canonical) => {
                    params.insert(canonical.into(), value);
                }
                None if !strict || idle(param, &value) => {}
                None => {
                    return Err(LabError::Config(format!(
                        "trainer.{key} = {value} cannot apply: `{}` has no parameter `{param}` (it has: {})",
                        entry.info.name,
                        entry.params.iter().map(|p| p.name).collect::<Vec<_>>().join(", ")
                    )));
                }
            }
        }
        entry.configure(Value::Object(params)).map_err(LabError::from)
    }

    /// The keys of the trainer that stand for a hyper-parameter of the model.
    pub(crate) fn routed() -> impl Iterator<Item = &'static str> {
        ROUTES.into_iter().map(|(key, ..)| key)
    }

    /// Whether both jobs ask the same question of the same data.
    pub fn same_data(&self, other: &Self) -> bool {
        let question = |s: &Self| {
            let evaluation = EvaluationSettings { test: Openable::Chosen, ..s.evaluation.clone() };
            let parts = (&s.data_dir, &s.data, &s.prepare, &s.split, evaluation);
            serde_json::to_value(parts).unwrap_or(Value::Null)
        };
        question(self) == question(other)
    }

    /// Whether both jobs would be of one data set, split one way, if the split did not follow the seed of each.
    pub fn is_split_by_seed(&self, other: &Self) -> bool {
        let without = |s: &Self| {
            let mut one = s.clone();
            one.split.seed = None;
            one
        };
        let [own, others] = [self, other].map(|s| s.split.seed.unwrap_or(s.seed));
        let given = self.split.seed.is_some() && other.split.seed.is_some();
        self.data_dir.is_none() && own != others && !given && without(self).same_data(&without(other))
    }

    /// All that a test question follows from but seeds: the data, how they are prepared and divided, and what is ranked.
    pub fn drawn_from(&self) -> String {
        let asked = &self.evaluation;
        let drawn = matches!(asked.candidates, CandidateKind::Sampled | CandidateKind::Popularity);
        let split = segue_data::prepare::SplitConfig { seed: None, ..self.split.clone() };
        let ranked = (asked.candidates, drawn.then_some(asked.negatives), asked.dialect, asked.ties);
        let parts = (&self.data_dir, &self.data, &self.prepare, split, ranked, asked.history, asked.hide);
        serde_json::to_value(parts).unwrap_or(Value::Null).to_string()
    }

    /// The job without errors of ratings, which a model that only orders items has none of; `None` if nothing else is measured.
    pub fn without_errors(&self) -> Option<Self> {
        let dialect = self.evaluation.dialect;
        let is_error = |name: &str| spoken_metric(name, dialect).is_ok_and(|spec| spec.metric.is_error());
        let metrics: Vec<String> = self.evaluation.metrics.iter().filter(|name| !is_error(name)).cloned().collect();
        let measured = !metrics.is_empty();
        let evaluation = EvaluationSettings { metrics, ..self.evaluation.clone() };
        let mut trainer = self.trainer.clone();
        // Nor can one watch its training.
        trainer.early_stopping.enabled &= !is_error(&trainer.early_stopping.metric);
        measured.then(|| Self { trainer, evaluation, ..self.clone() })
    }

    /// Whether validation compares both jobs: they draw on one log, split one way, and rank the same candidates by the same
    /// definitions. Preparation may differ, which is chosen as hyper-parameters are, and so may what bears on the test part alone
    /// or on what is told of it: on validation a user's training events are all that is known, whatever `history` and `hide` say.
    pub fn is_validated_as(&self, other: &Self) -> bool {
        let question = |s: &Self| {
            let asked = &s.evaluation;
            let is_drawn = matches!(asked.candidates, CandidateKind::Sampled | CandidateKind::Popularity);
            let drawn = is_drawn.then_some((asked.negatives, asked.seed));
            let parts = (&s.data_dir, &s.data, &s.split, asked.candidates, drawn, asked.dialect, asked.ties);
            serde_json::to_value(parts).unwrap_or(Value::Null)
        };
        question(self) == question(other)
    }

    /// How the job measures, as overrides that stand before others: its evaluation group and its seed.
    pub fn measuring(&self) -> Result<Vec<String>, LabError> {
        let internal = |error: serde_json::Error| LabError::Internal(error.to_string());
        let group = serde_json::to_value(&self.evaluation).map_err(internal)?;
        let keys = group.as_object().into_iter().flatten();
        let keys = keys.map(|(key, value)| format!("++evaluation.{key}={value}"));
        Ok(keys.chain([format!("seed={}", self.seed)]).collect())
    }

    /// The metric that chooses among runs on validation, as the dialect has it: the one that early stopping watches, or would watch.
    pub fn choosing_metric(&self) -> Result<MetricSpec, LabError> {
        let metric = spoken_metric(&self.trainer.early_stopping.metric, self.evaluation.dialect);
        metric.map_err(|error| LabError::Config(format!("trainer.early_stopping.metric: {error}")))
    }

    /// The metric that early stopping watches, if it is on.
    pub fn stopping_metric(&self) -> Result<Option<MetricSpec>, LabError> {
        let stopping = &self.trainer.early_stopping;
        let parsed = stopping.enabled.then(|| self.choosing_metric()).transpose()?;
        if let (Some(metric), Some(mode)) = (&parsed, stopping.mode)
            && mode != mode_of(*metric)
        {
            let right = if mode_of(*metric) == Mode::Max { "max" } else { "min" };
            return Err(LabError::Config(format!(
                "trainer.early_stopping.mode would keep the worst epoch: for {metric} it is {right} (or leave it out)"
            )));
        }
        Ok(parsed)
    }

    /// Policy of the epoch loop.
    pub fn trainer(&self) -> Result<Trainer, LabError> {
        let t = &self.trainer;
        if t.save_top_k > 0 && !t.early_stopping.enabled {
            return Err(LabError::Config(
                "trainer.save_top_k ranks epochs by trainer.early_stopping.metric: leave early_stopping.enabled at true, with a \
                 patience above max_epochs where nothing shall stop early"
                    .into(),
            ));
        }
        Ok(Trainer {
            early_stopping: self.stopping_metric()?.map(|metric| EarlyStopping {
                metric: metric.to_string(),
                mode: mode_of(metric),
                patience: t.early_stopping.patience,
            }),
            validate_every: t.validate_every,
            checkpoint_every: usize::from(t.checkpoints),
            tells_last: t.save_last,
        })
    }

    /// Training time allowed.
    pub fn time_limit(&self) -> Result<Option<Duration>, LabError> {
        self.trainer
            .time_limit
            .map(|seconds| {
                Duration::try_from_secs_f64(seconds).map_err(|_| {
                    LabError::Config(format!("trainer.time_limit = {seconds} is not a number of seconds of at least 0"))
                })
            })
            .transpose()
    }

    fn refuse_unbuilt(&self) -> Result<(), LabError> {
        let unbuilt = |key: &str, what: &str| {
            Err(LabError::Config(format!("{key}: {what} is not built yet; leave the key at its default")))
        };
        match self.device.as_str() {
            "auto" | "cpu" => {}
            "cuda" | "mps" | "metal" => return unbuilt(&format!("device={}", self.device), "training on a GPU"),
            other => {
                return Err(LabError::Config(format!(
                    "device={other} is unknown; it may be auto or cpu (cuda, mps and metal are not built yet)"
                )));
            }
        }
        for (key, what) in [
            ("use_mlflow", "MLflow tracking"),
            ("use_wandb", "Weights & Biases tracking"),
            ("use_tensorboard", "TensorBoard logging"),
        ] {
            if self.logger.get(key).and_then(Value::as_bool) == Some(true) {
                return unbuilt(&format!("logger.{key}=true"), what);
            }
        }
        for (key, value) in [
            ("trainer.early_stopping.patience", self.trainer.early_stopping.patience),
            ("trainer.validate_every", self.trainer.validate_every),
        ] {
            if value == 0 {
                return Err(LabError::Config(format!("{key} = 0 is outside [1, ∞)")));
            }
        }
        if self.evaluation.k_values.is_empty() || self.evaluation.k_values.contains(&0) {
            return Err(LabError::Config("evaluation.k_values must list cut-offs of at least 1, e.g. [10,20]".into()));
        }
        Ok(())
    }
}

/// Errors are better small, most else large.
fn mode_of(metric: MetricSpec) -> Mode {
    if metric.metric.more_is_better() { Mode::Max } else { Mode::Min }
}

/// `data.negative_samples` asks for that many sampled candidates: the evaluation group owns it.
fn route_negative_samples(config: &mut Value) {
    let data = config.get_mut("data").and_then(Value::as_object_mut);
    let Some(n) = data.and_then(|data| data.shift_remove("negative_samples")).filter(|n| !n.is_null()) else { return };
    if let Some(evaluation) = config.get_mut("evaluation").and_then(Value::as_object_mut) {
        evaluation.insert("candidates".into(), "sampled".into());
        evaluation.insert("negatives".into(), n);
    }
}
