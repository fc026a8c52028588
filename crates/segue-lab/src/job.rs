//! A command line becomes a job: compose, interpolate, type.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use segue_core::{ModelEntry, Output, Registry};
use segue_data::prepare::DomainConfig;
use segue_eval::Dialect;
use serde_json::{Map, Value, json};

use crate::config::{
    ConfigError, ConfigSource, Context, Moment, Origin, Override, Schema, compose_with, jobs, parse_overrides, resolve,
};
use crate::error::LabError;
use crate::measure::{has, spoken};
use crate::planned::Planned;
use crate::settings::Settings;

/// The config files of the project, built into the program.
static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/configs.rs"));

/// Where a project keeps its own config files.
pub(crate) const CONFIG_DIRECTORY: &str = "configs";

/// Keys that fit themselves to the rest of a job where nobody chose them, with the files that have them then.
const METRICS: (&str, &str) = ("evaluation.metrics", "evaluation/default.yaml");
const STOPPING_METRIC: (&str, &str) = ("trainer.early_stopping.metric", "trainer/default.yaml");

/// Composes jobs from files and overrides.
#[derive(Debug)]
pub struct Composer<'r> {
    source: ConfigSource,
    registry: &'r Registry,
}

/// One composed job.
#[derive(Debug, Clone)]
pub struct Job {
    /// As composed, interpolations kept.
    pub composed: Value,
    /// Interpolations replaced.
    pub resolved: Value,
    /// Whether the command line says which folder the run is to have.
    named: bool,
}

impl<'r> Composer<'r> {
    /// Reads `directory` (or `configs/` where the command runs), and behind it the built-in files.
    pub fn new(directory: Option<PathBuf>, registry: &'r Registry) -> Result<Self, LabError> {
        if let Some(directory) = directory.as_ref().filter(|directory| !directory.is_dir()) {
            return Err(LabError::Config(format!("--config-dir {}: there is no such directory", directory.display())));
        }
        let directory = directory.unwrap_or_else(|| CONFIG_DIRECTORY.into());
        Ok(Self { source: ConfigSource::new(Some(directory), EMBEDDED), registry })
    }

    /// The one job of these overrides; a sweep is refused.
    pub fn job(&self, overrides: &[String]) -> Result<Job, LabError> {
        self.compose(&parse_overrides(overrides).map_err(ConfigError::from)?)
    }

    /// Every job of these overrides: the Cartesian product of what they sweep over, in the order of the keys.
    pub fn sweep(&self, overrides: &[String]) -> Result<Vec<Job>, LabError> {
        let overrides = parse_overrides(overrides).map_err(ConfigError::from)?;
        let options = |group: &str| self.options(group);
        let expanded = jobs(&overrides, &options).map_err(ConfigError::from)?;
        expanded.iter().map(|overrides| self.compose(overrides)).collect()
    }

    fn options(&self, group: &str) -> Vec<String> {
        let mut options = ModelSchema(self.registry).options(group);
        options.extend(self.source.options(group));
        options.sort();
        options.dedup();
        options
    }

    fn compose(&self, overrides: &[Override]) -> Result<Job, LabError> {
        refuse_ignored(overrides)?;
        refuse_several_models(overrides)?;
        let planned = planned(overrides, self.registry);
        if let Some((_, refusal)) = planned.as_ref().filter(|(model, _)| !model.has_keys()) {
            return Err(LabError::Config(refusal.clone()));
        }
        let composed = compose_with(&self.source, "config", overrides, &ModelSchema(self.registry))?;
        let [metrics_chosen, stopping_chosen] = [METRICS, STOPPING_METRIC].map(|(key, default)| {
            !matches!(composed.origin(key), Some(Origin::File { file, .. }) if file.ends_with(default))
        });
        let mut composed = composed.job();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let here = std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default();
        let hydra = json!({ "runtime": { "cwd": here }, "job": { "num": 0, "name": "segue" } });
        let context = Context {
            now: Moment {
                unix_seconds: now.as_secs() as i64,
                microseconds: now.subsec_micros(),
                utc_offset_seconds: 0,
            },
            hydra: &hydra,
            env: &|name| std::env::var(name).ok(),
        };
        let mut resolved = resolve(&composed, &context).map_err(ConfigError::from)?;
        if !metrics_chosen && let Some(metrics) = spoken_metrics(&resolved["evaluation"]) {
            for config in [&mut composed, &mut resolved] {
                config["evaluation"]["metrics"] = metrics.clone();
            }
        }
        if !stopping_chosen && self.predicts_ratings(&resolved) {
            for config in [&mut composed, &mut resolved] {
                config["trainer"]["early_stopping"]["metric"] = json!("rmse");
            }
        }
        if let Some((model, refusal)) = planned {
            Settings::from_value(resolved.clone())?;
            let misfit = resolved["model"].as_object().and_then(|given| model.misfit(given));
            return Err(LabError::Config(misfit.unwrap_or(refusal)));
        }
        refuse_idle_fold(overrides, &composed)?;
        let named = overrides.iter().any(|item| ["out", "run_name", "overwrite"].contains(&item.key.as_str()));
        Ok(Job { composed, resolved, named })
    }

    /// Whether the model is one of ratings, and the dialect has their errors.
    fn predicts_ratings(&self, config: &Value) -> bool {
        let entry = config["model"]["name"].as_str().and_then(|name| self.registry.find(name).ok());
        let dialect: Option<Dialect> = serde_json::from_value(config["evaluation"]["dialect"].clone()).ok();
        entry.is_some_and(|entry| entry.info.output == Output::Rating)
            && dialect.is_some_and(|dialect| has(dialect, "rmse"))
    }
}

/// A model that is planned is not a slip of the pen. Where its keys are not settled, it is refused at once; else once everything
/// else about the job was found to be right.
fn planned(overrides: &[Override], registry: &Registry) -> Option<(&'static Planned, String)> {
    let item = overrides.iter().rfind(|item| item.key == "model")?;
    let name = item.text.split_once('=').map_or("", |(_, name)| name.trim());
    let found = Planned::find(name).filter(|_| registry.find(name).is_err())?;
    let built: Vec<&str> = registry.entries().iter().map(|entry| entry.info.name).collect();
    Some((found, format!("model={name} is not built yet; there are: {}", built.join(", "))))
}

/// One model a job.
fn refuse_several_models(overrides: &[Override]) -> Result<(), LabError> {
    let list = |item: &&Override| {
        item.key == "model" && item.text.split_once('=').is_some_and(|(_, value)| value.trim_start().starts_with('['))
    };
    overrides.iter().find(list).map_or(Ok(()), |item| {
        Err(LabError::Config(format!(
            "`{}` names a list, but a job has one model; `segue compare model=a,b` runs several",
            item.text
        )))
    })
}

/// With `data_dir` the data are prepared already: what would change them is refused rather than ignored.
fn refuse_ignored(overrides: &[Override]) -> Result<(), LabError> {
    let of = |item: &Override, group: &str| item.key == group || item.key.starts_with(&format!("{group}."));
    let given = overrides.iter().any(|item| item.key == "data_dir");
    let ignored = overrides.iter().find(|item| {
        let evaluated = item.key == "data.negative_samples";
        !evaluated && ["data", "prepare", "split"].iter().any(|group| of(item, group))
    });
    match ignored {
        Some(item) if given => Err(LabError::Config(format!(
            "`{}` changes nothing beside data_dir, whose data are prepared already: give it to `segue prepare`",
            item.text
        ))),
        _ => Ok(()),
    }
}

/// The default metrics that the dialect of an evaluation has, where that is not all of them.
fn spoken_metrics(evaluation: &Value) -> Option<Value> {
    let dialect: Dialect = serde_json::from_value(evaluation["dialect"].clone()).ok()?;
    let metrics: Vec<String> = serde_json::from_value(evaluation["metrics"].clone()).ok()?;
    let spoken = spoken(&metrics, dialect);
    (spoken != metrics).then(|| json!(spoken))
}

/// `data.fold` is for paths to use; where none does, it is taken for the fold of a split.
fn refuse_idle_fold(overrides: &[Override], composed: &Value) -> Result<(), LabError> {
    let given = |item: &&Override| {
        item.key == "data.fold" && item.text.split_once('=').is_some_and(|(_, value)| value.trim() != "null")
    };
    match overrides.iter().find(given) {
        Some(item) if !composed.to_string().contains("${data.fold}") => Err(LabError::Config(format!(
            "`{}` changes nothing: no path of these data has ${{data.fold}} in it; the fold of split=k_fold is split.fold, \
             and data=ml_100k has the folds u1 to u5",
            item.text
        ))),
        _ => Ok(()),
    }
}

impl Job {
    /// The job as types; everything is checked here.
    pub fn settings(&self) -> Result<Settings, LabError> {
        let settings = Settings::from_value(self.resolved.clone())?;
        Ok(Settings { numbered: !self.named, ..settings })
    }
}

fn planned_in(group: &str, option: &str) -> Option<&'static Planned> {
    if group == "model" { Planned::find(option) } else { None }
}

/// The group `model`: its options and keys are the registry's.
struct ModelSchema<'r>(&'r Registry);

impl ModelSchema<'_> {
    fn entry(&self, group: &str, name: &str) -> Option<&ModelEntry> {
        if group == "model" { self.0.find(name).ok() } else { None }
    }
}

impl Schema for ModelSchema<'_> {
    fn options(&self, group: &str) -> Vec<String> {
        let all = self.0.entries().iter().filter(|_| group == "model");
        all.map(|entry| entry.info.name.to_owned()).collect()
    }

    fn option_aliases(&self, group: &str) -> Vec<String> {
        let all = self.0.entries().iter().filter(|_| group == "model");
        all.flat_map(|entry| entry.info.aliases.iter().map(|alias| (*alias).to_owned())).collect()
    }

    fn resolve_option(&self, group: &str, option: &str) -> Option<String> {
        let built = self.entry(group, option).map(|entry| entry.info.name.to_owned());
        built.or_else(|| planned_in(group, option).map(|planned| planned.name.to_owned()))
    }

    fn defaults(&self, group: &str, option: &str) -> Option<Value> {
        let mut keys = Map::new();
        let Some(entry) = self.entry(group, option) else {
            let planned = planned_in(group, option)?;
            keys.insert("name".into(), planned.name.into());
            keys.extend(planned.defaults());
            return Some(Value::Object(keys));
        };
        keys.insert("name".into(), entry.info.name.into());
        if let Value::Object(params) = entry.configure(Value::Null).ok()?.params() {
            keys.extend(params);
        }
        Some(Value::Object(keys))
    }

    fn canonical_key(&self, group: &str, option: &str, key: &str) -> Option<String> {
        self.entry(group, option)?.canonical_key(key).map(str::to_owned)
    }

    fn called_elsewhere(&self, key: &str) -> Option<String> {
        // Notebooks sample "items", by which they mean rows.
        if key == "prepare.max_items" {
            return Some("prepare.max_rows".into());
        }
        // What one domain has, without saying which.
        let rest = key.strip_prefix("data.")?;
        let rest = rest.strip_prefix("domains.").unwrap_or(rest);
        DomainConfig::has_key(rest.split('.').next()?).then(|| format!("data.domains.0.{rest}"))
    }
}
