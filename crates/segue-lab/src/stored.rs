//! A run folder read back: its rows, as they were when it ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue_core::{EpochRecord, Registry, TaskKind, external_order};
use segue_eval::{Evaluation, Measure, Measured, MetricSpec, PerUser, Ratings, Summary};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::bundle::Bundle;
use crate::config::parse_yaml;
use crate::error::LabError;
use crate::experiment::{Fitted, Validated};
use crate::files::read;
use crate::rivals::Standing;
use crate::row::{Apart, Part, Row};
use crate::run::{PARTS, PER_USER, RUN_FORMAT, Trained};
use crate::settings::Settings;
use crate::snapshots;
use crate::sweep::trainer_keys;
use crate::tables::{Column, RATINGS, column, error_by_user};
use crate::watch::LOG_NAME;

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const METRICS: &str = "metrics.json";

/// A run of another time.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its folder.
    pub folder: PathBuf,
    /// What it was asked to do.
    pub settings: Settings,
    /// What it came to, a row for each question; none where its test part is sealed.
    pub rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Manifest {
    train_seconds: f64,
    peak_bytes: Option<u64>,
    params: Value,
    explains: bool,
    data: ManifestData,
}

#[derive(Deserialize)]
struct ManifestData {
    name: String,
    split: String,
}

#[derive(Deserialize)]
struct Metrics {
    /// The values of the first question, once more.
    #[serde(default)]
    test: Option<BTreeMap<String, f64>>,
    best_epoch: Option<usize>,
    /// What validation says of a run whose test part is sealed.
    #[serde(default)]
    sealed: Option<Validated>,
    questions: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
    kind: TaskKind,
    target: String,
    fingerprint: String,
    valid: Vec<(String, f64)>,
    test_summary: Summary,
}

/// Reads the folder of a finished run; `fit` is its number among several.
pub fn read_run(folder: &Path, fit: usize) -> Result<Stored, LabError> {
    let (manifest, metrics) = ended(folder)?;
    let settings = settings_of(folder)?;
    let records = records(&folder.join(LOG_NAME))?;
    let several = metrics.questions.len() > 1;
    // What a repository keeps of a large run may lack the values by user, and with them what they were taken apart into.
    let lean = !folder.join(PER_USER).is_file();
    if lean {
        // Nothing else holds the numbers to account.
        sound(&metrics).map_err(|what| damaged(&folder.join(METRICS), &what))?;
    }
    let mut users = if lean { BTreeMap::new() } else { per_user(&folder.join(PER_USER), several)? };
    let without_parts = lean && !folder.join(PARTS).is_file();
    let mut parts = if without_parts { BTreeMap::new() } else { parts(&folder.join(PARTS))? };
    let model = settings.model.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !(manifest.train_seconds.is_finite() && manifest.train_seconds >= 0.0) {
        return Err(damaged(&folder.join(MANIFEST), &format!("train_seconds is {}", manifest.train_seconds)));
    }
    let trainer = trainer_keys(&settings.trainer)?;
    let watched = settings.choosing_metric()?.to_string();
    let mut rows = Vec::new();
    for asked in metrics.questions {
        let key = if several { asked.question.clone() } else { String::new() };
        let by_user = users.remove(&key).unwrap_or_default();
        let test = evaluation(&asked.test_summary, (!lean).then_some(&by_user))
            .map_err(|what| damaged(&folder.join(PER_USER), &what))?;
        rows.push(Row {
            model: model.clone(),
            scope: settings.scope,
            seed: settings.seed,
            data: manifest.data.name.clone(),
            split: manifest.data.split.clone(),
            evaluation: settings.evaluation.clone(),
            parts: parts.remove(&asked.question).unwrap_or_default(),
            question: asked.question,
            kind: asked.kind,
            target: asked.target,
            fingerprint: asked.fingerprint,
            drawn_from: settings.drawn_from(),
            params: manifest.params.clone(),
            trainer: trainer.clone(),
            watched: watched.clone(),
            fit,
            standing: Standing::default(),
            seconds: manifest.train_seconds,
            // Nothing is what a peak was told as where memory was used again.
            memory: manifest.peak_bytes.filter(|&bytes| bytes > 0),
            explains: manifest.explains,
            records: records.clone(),
            valid: asked.valid,
            test,
            summary: asked.test_summary,
            users: by_user.users,
            raters: by_user.raters,
        });
    }
    Ok(Stored { folder: folder.to_owned(), rows, settings })
}

/// What a finished run says of itself.
fn ended(folder: &Path) -> Result<(Manifest, Metrics), LabError> {
    let manifest = manifest_of_run(folder)?;
    if manifest["format"].as_u64() != Some(RUN_FORMAT) {
        return Err(LabError::NotFound(format!(
            "{}: written by another version of segue; train the run again to compare it",
            folder.display()
        )));
    }
    let manifest = serde_json::from_value(Value::Object(manifest));
    let manifest = manifest.map_err(|error| damaged(&folder.join(MANIFEST), &error))?;
    Ok((manifest, json(&folder.join(METRICS))?))
}

/// All that the manifest of a finished run tells, of whatever version; a folder of prepared data has a manifest, too, and is none.
pub(crate) fn manifest_of_run(folder: &Path) -> Result<Map<String, Value>, LabError> {
    let manifest = if folder.join(MANIFEST).is_file() { Some(manifest_of(folder)?) } else { None };
    manifest.filter(|manifest| manifest.contains_key("format")).ok_or_else(|| {
        LabError::NotFound(format!(
            "{} holds no finished run: name a folder that `segue train` wrote (a run still going is called <name>.partial)",
            folder.display()
        ))
    })
}

/// All that the manifest of a run tells.
pub(crate) fn manifest_of(folder: &Path) -> Result<Map<String, Value>, LabError> {
    json(&folder.join(MANIFEST))
}

/// The model of a finished run and how its fit went.
pub(crate) fn fitted_of(folder: &Path, registry: &Registry) -> Result<Fitted, LabError> {
    let (manifest, metrics) = ended(folder)?;
    let bundle = Bundle::load(folder, registry)?;
    let output = registry.find(&bundle.model_name)?.info.output;
    let records = records(&folder.join(LOG_NAME))?;
    let Manifest { params: recipe, train_seconds: seconds, peak_bytes: memory, .. } = manifest;
    let valid = metrics.sealed.unwrap_or_default();
    Ok(Fitted { bundle, recipe, output, records, seconds, memory, valid })
}

/// Whether the test part of a finished run was left sealed when its training ended.
pub fn is_sealed(folder: &Path) -> bool {
    json::<Metrics>(&folder.join(METRICS)).is_ok_and(|metrics| metrics.sealed.is_some())
}

/// What is told of a finished run before its test part is looked at.
pub(crate) fn trained_of(folder: &Path) -> Result<Trained, LabError> {
    let (manifest, metrics) = ended(folder)?;
    let folder = folder.to_owned();
    Ok(Trained { folder, valid: metrics.sealed, best_epoch: metrics.best_epoch, seconds: manifest.train_seconds })
}

/// How the numbers contradict each other, if they do: every value is told twice, and lies within its interval.
fn sound(metrics: &Metrics) -> Result<(), String> {
    for (n, asked) in metrics.questions.iter().enumerate() {
        for estimate in &asked.test_summary.metrics {
            let (name, value) = (estimate.metric.to_string(), estimate.value);
            let close = 1e-9 * value.abs().max(1.0);
            if let Some(twice) = metrics.test.as_ref().filter(|_| n == 0).and_then(|test| test.get(&name))
                && (twice - value).abs() > close
            {
                return Err(format!("{name} is {value} in test_summary and {twice} in test"));
            }
            let Some(interval) = estimate.interval else { continue };
            // What a resample recommends of the catalogue is never more than all users are recommended.
            let of_users = matches!(estimate.metric.metric.measure, Measure::PerUser(_));
            if of_users && !(interval.low - close <= value && value <= interval.high + close) {
                let (low, high) = (interval.low, interval.high);
                return Err(format!("{name} is {value}, outside its own interval of {low} to {high}"));
            }
        }
    }
    Ok(())
}

/// The folder of the finished run that a model is loaded from, by its own name or that of its file, or of one of its epochs' models;
/// `None` where the model lies alone.
pub fn run_of(model: &Path) -> Option<&Path> {
    let folder = if model.is_dir() { model } else { model.parent()? };
    let folder = if folder.ends_with(snapshots::FOLDER_NAME) { folder.parent()? } else { folder };
    (folder.join("config.yaml").is_file() && folder.join(MANIFEST).is_file()).then_some(folder)
}

/// The settings in a run folder.
pub fn settings_of(folder: &Path) -> Result<Settings, LabError> {
    let path = folder.join("config.yaml");
    let text = text(&path)?;
    let document = parse_yaml(&text, &path.display().to_string()).map_err(|error| damaged(&path, &error))?;
    Settings::from_value(document.value)
}

/// What was measured, without what only the run itself had; or how values by user, where they were kept, contradict it.
fn evaluation(summary: &Summary, by_user: Option<&ByUser>) -> Result<Evaluation, String> {
    let lean = by_user.is_none();
    let nobody = ByUser::default();
    let ByUser { users, columns, raters, rated } = by_user.unwrap_or(&nobody);
    // Where no metric has values by user, raters alone are told apart from nobody.
    let ranked = summary.metrics.iter().any(|estimate| !estimate.metric.metric.is_error())
        && (raters.is_empty() || !columns.is_empty());
    let n_users = users.len();
    if ranked && !lean && n_users != summary.n_users {
        return Err(format!("{n_users} users, but {} were asked", summary.n_users));
    }
    let mut metrics = Vec::new();
    let mut errors = Vec::new();
    for estimate in &summary.metrics {
        if let Measure::Error { total, .. } = estimate.metric.metric.measure {
            let per_user = errors_of(estimate.metric, rated);
            if let PerUser::Pooled { sums, counts } = &per_user {
                let (name, value) = (estimate.metric, total(sums.iter().sum::<f64>() / counts.iter().sum::<f64>()));
                if !agree(value, estimate.value) {
                    return Err(format!("{name} is {value} of all ratings, but metrics.json says {}", estimate.value));
                }
                errors.push((name, sums.clone()));
            }
            metrics.push(Measured { spec: estimate.metric, value: estimate.value, per_user });
            continue;
        }
        let name = estimate.metric.to_string();
        let values = column(columns, &name);
        let mean = values.map(|values| values.iter().sum::<f64>() / values.len().max(1) as f64);
        let agrees = mean.is_some_and(|mean| agree(mean, estimate.value));
        // Users may weigh differently in others, whose mean is not the metric then.
        if !agrees && !lean && matches!(estimate.metric.metric.measure, Measure::PerUser(_) | Measure::OfList(_)) {
            let mean = mean.map_or_else(|| "not there".into(), |mean| format!("{mean} in the mean"));
            return Err(format!("{name} is {mean}, but metrics.json says {}", estimate.value));
        }
        let per_user = values.filter(|_| agrees).map_or(PerUser::Whole, |values| PerUser::Mean(values.to_vec()));
        metrics.push(Measured { spec: estimate.metric, value: estimate.value, per_user });
    }
    Ok(Evaluation {
        protocol: summary.protocol.clone(),
        users: (0..n_users as u32).collect(),
        metrics,
        n_unserved: summary.n_unserved,
        n_unranked: summary.n_unranked,
        tied_users: summary.tied_users,
        n_candidates: summary.n_candidates,
        ratings: column(rated, RATINGS).map(|counts| Ratings {
            users: (0..raters.len() as u32).collect(),
            counts: counts.to_vec(),
            errors,
            n_off_scale: summary.n_off_scale.unwrap_or_default(),
            scale: None,
        }),
        corrected: summary.corrected.clone(),
        uncorrected: summary.uncorrected,
    })
}

/// Whether a value is that of `metrics.json`, however it was rounded on the way.
fn agree(value: f64, told: f64) -> bool {
    (value - told).abs() <= 1e-9 * told.abs().max(1.0)
}

/// Sums of the errors of each user, where they were kept.
fn errors_of(error: MetricSpec, rated: &[Column]) -> PerUser {
    match (column(rated, error_by_user(error)), column(rated, RATINGS)) {
        (Some(means), Some(counts)) => {
            let sums = means.iter().zip(counts).map(|(mean, count)| mean * count).collect();
            PerUser::Pooled { sums, counts: counts.to_vec() }
        }
        _ => PerUser::Whole,
    }
}

fn damaged(path: &Path, what: &dyn std::fmt::Display) -> LabError {
    LabError::NotFound(format!("{}: {what}; the run is damaged: train it again", path.display()))
}

fn text(path: &Path) -> Result<String, LabError> {
    String::from_utf8(read(path)?).map_err(|error| damaged(path, &error))
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, LabError> {
    serde_json::from_slice(&read(path)?).map_err(|error| damaged(path, &error))
}

/// A table of a run: its header, and each row with its line; all as wide as the header.
fn table(path: &Path, first: &[&str]) -> Result<(Vec<String>, Vec<csv::StringRecord>), LabError> {
    let bytes = read(path)?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header: Vec<String> = reader.headers().map_err(|error| damaged(path, &error))?.iter().map(Into::into).collect();
    if !header.iter().map(String::as_str).take(first.len()).eq(first.iter().copied()) {
        return Err(damaged(path, &format!("its first columns are not {}", first.join(","))));
    }
    let rows = reader.records().collect::<Result<_, _>>().map_err(|error| damaged(path, &error))?;
    Ok((header, rows))
}

fn number<T: std::str::FromStr>(path: &Path, cell: &str) -> Result<T, LabError> {
    cell.parse().map_err(|_| damaged(path, &format!("{cell:?} is no number")))
}

/// Names and values of the cells that are not empty.
fn values(
    path: &Path,
    header: &[String],
    row: &csv::StringRecord,
    skip: usize,
) -> Result<Vec<(String, f64)>, LabError> {
    let cells = header.iter().zip(row.iter()).skip(skip).filter(|(_, cell)| !cell.is_empty());
    cells.map(|(name, cell)| Ok((name.clone(), number(path, cell)?))).collect()
}

/// The training log of a run.
pub(crate) fn records(path: &Path) -> Result<Vec<EpochRecord>, LabError> {
    // A model without epochs has no log.
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let (header, rows) = table(path, &["epoch", "loss", "best"])?;
    let plain = |(name, value): (String, f64)| (name.strip_prefix("valid_").unwrap_or(&name).to_owned(), value);
    rows.iter()
        .map(|row| {
            Ok(EpochRecord {
                epoch: number(path, &row[0])?,
                loss: number(path, &row[1])?,
                best: &row[2] == "1",
                valid: values(path, &header, row, 3)?.into_iter().map(plain).collect(),
            })
        })
        .collect()
}

/// The users of a question and their values.
#[derive(Default)]
struct ByUser {
    /// Those asked.
    users: Vec<String>,
    /// Metrics of theirs.
    columns: Vec<Column>,
    /// Those with held-out ratings.
    raters: Vec<String>,
    /// The number of their ratings and the mean of each error.
    rated: Vec<Column>,
}

/// By question; of one alone under no name.
fn per_user(path: &Path, several: bool) -> Result<BTreeMap<String, ByUser>, LabError> {
    let first: &[&str] = if several { &["question", "user"] } else { &["user"] };
    let (header, mut rows) = table(path, first)?;
    let skip = first.len();
    // Earlier versions wrote whoever has held-out ratings first.
    rows.sort_by(|a, b| external_order(&a[skip - 1], &b[skip - 1]));
    let mut questions: BTreeMap<String, ByUser> = BTreeMap::new();
    for row in &rows {
        let key = if several { row[0].to_owned() } else { String::new() };
        let own = questions.entry(key).or_default();
        let user = &row[skip - 1];
        let (rated, ranked): (Vec<Cell>, Vec<Cell>) =
            values(path, &header, row, skip)?.into_iter().partition(|(name, _)| IS_RATED.contains(&name.as_str()));
        // Whoever has no value of either was asked, and no metric has values by user.
        if !ranked.is_empty() || rated.is_empty() {
            own.users.push(user.to_owned());
            put(&mut own.columns, ranked);
        }
        if !rated.is_empty() {
            own.raters.push(user.to_owned());
            put(&mut own.rated, rated);
        }
    }
    for own in questions.values_mut() {
        own.columns.retain(|(_, values)| values.len() == own.users.len());
        own.rated.retain(|(_, values)| values.len() == own.raters.len());
    }
    Ok(questions)
}

/// Columns of those with held-out ratings.
const IS_RATED: [&str; 3] = [RATINGS, "mse", "mae"];

/// The name of a column and a value in it.
type Cell = (String, f64);

fn put(columns: &mut Vec<Column>, cells: Vec<Cell>) {
    for (name, value) in cells {
        match columns.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => columns.push((name, vec![value])),
        }
    }
}

/// By question.
fn parts(path: &Path) -> Result<BTreeMap<String, Vec<Part>>, LabError> {
    let first = ["question", "by", "part", "users", "positives"];
    let (header, rows) = table(path, &first)?;
    let mut questions: BTreeMap<String, Vec<Part>> = BTreeMap::new();
    for row in &rows {
        let by = Apart::ALL.into_iter().find(|by| by.name() == &row[1]);
        let part = Part {
            by: by.ok_or_else(|| damaged(path, &format!("{:?} is nothing to take a question apart by", &row[1])))?,
            name: row[2].to_owned(),
            n_users: number(path, &row[3])?,
            n_positives: number(path, &row[4])?,
            values: values(path, &header, row, first.len())?,
        };
        questions.entry(row[0].to_owned()).or_default().push(part);
    }
    Ok(questions)
}
