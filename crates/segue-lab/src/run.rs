//! The run folder: everything a run leaves behind, complete or not there at all.

use std::fs;
use std::path::{Path, PathBuf};

use segue_core::{Configured, OpenedTests, Prepared, Registry, Watch, kernels};
use serde_json::{Map, Value, json};

use crate::bundle;
use crate::config::to_yaml;
use crate::error::LabError;
use crate::experiment::{Bench, Fitted, Loaded, Validated, fit, measure};
use crate::files::{create_folder, read, rename_folder, write_aside, write_json};
use crate::npy::write_npy;
use crate::opened::{TRAINED, hand_over};
use crate::report::report_text;
use crate::row::Row;
use crate::settings::{Openable, Settings};
use crate::snapshots;
use crate::stored::{fitted_of, settings_of, trained_of};
use crate::tables::{parts_csv, per_user_csv, test_csv};
use crate::watch::{CHECKPOINT_NAME, LOG_NAME};

/// Version of the layout of a run folder.
pub(crate) const RUN_FORMAT: u64 = 2;

/// Values by user.
pub(crate) const PER_USER: &str = "per_user.csv";
/// Metrics on parts of the questions.
pub(crate) const PARTS: &str = "parts.csv";

/// Every file of a run folder, finished or not.
const RUN_FILES: [&str; 14] = [
    "config.yaml",
    LOG_NAME,
    CHECKPOINT_NAME,
    snapshots::FOLDER_NAME,
    bundle::FILE_NAME,
    "hparams.json",
    "metrics.json",
    "test_metrics.csv",
    PER_USER,
    PARTS,
    "REPORT.txt",
    "manifest.json",
    "user_embeddings.npy",
    "item_embeddings.npy",
];

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// Its folder.
    pub folder: PathBuf,
    /// The model and its log.
    pub fitted: Fitted,
    /// What it came to.
    pub outcome: Outcome,
}

/// What a run came to.
#[derive(Debug)]
pub enum Outcome {
    /// A row for each question of the split.
    Opened(Vec<Row>),
    /// The test part stays sealed.
    Sealed,
}

/// What remains to be told of a run once its folder is written.
#[derive(Debug, Clone)]
pub struct Trained {
    /// Its folder.
    pub folder: PathBuf,
    /// What validation says of it, where the test part is sealed.
    pub valid: Option<Validated>,
    /// The epoch whose model was kept.
    pub best_epoch: Option<usize>,
    /// Training time.
    pub seconds: f64,
}

impl Run {
    /// What remains of it.
    pub fn trained(&self) -> Trained {
        let valid = matches!(self.outcome, Outcome::Sealed).then(|| self.fitted.valid.clone());
        let (best_epoch, seconds) = (self.fitted.best_epoch(), self.fitted.seconds);
        Trained { folder: self.folder.clone(), valid, best_epoch, seconds }
    }

    /// A row for each question; none while the test part is sealed.
    pub fn rows(&self) -> &[Row] {
        match &self.outcome {
            Outcome::Opened(rows) => rows,
            Outcome::Sealed => &[],
        }
    }
}

/// Fits, measures and writes the run folder of `settings.out`.
///
/// Until it is complete the folder is called `<out>.partial`; `resume` goes on from the checkpoint in it. Where `out` exists
/// and the settings say `numbered`, the run is called `<out>_2`, `<out>_3` and so on.
pub fn train(
    settings: &Settings,
    loaded: &Loaded,
    registry: &Registry,
    terminal: &mut dyn Watch,
    resume: bool,
) -> Result<Run, LabError> {
    let settings = &if settings.numbered { with_number(settings, resume) } else { settings.clone() };
    let folder = &settings.out;
    check_target(folder, settings.overwrite)?;
    let partial = appended(folder, ".partial");
    // Whether a key of the trainer may go unused is for the caller to say: one run of several may have no use for it.
    let algorithm = settings.algorithm(registry, false)?;
    // Held while the run is written: nobody else may write there.
    let _lock = start(&partial, settings, resume)?;
    let run = train_in(&partial, (settings, loaded), algorithm.as_ref(), (registry, terminal, resume));
    if run.is_err() && !is_worth_keeping(&partial) {
        // Nothing to resume from. The error of the run is the one to report.
        let _ = fs::remove_dir_all(&partial);
    }
    run
}

fn train_in(
    partial: &Path,
    (settings, loaded): (&Settings, &Loaded),
    algorithm: &dyn Configured,
    (registry, terminal, resume): (&Registry, &mut dyn Watch, bool),
) -> Result<Run, LabError> {
    let folder = &settings.out;
    let data = loaded.scoped(settings.scope, settings.seed);
    let mut bench = Bench { registry, terminal, folder: Some(partial), resume };
    let fitted = fit(settings, algorithm, &data, &mut bench)?;
    if settings.evaluation.test == Openable::Never {
        let run = Run { folder: folder.clone(), fitted, outcome: Outcome::Sealed };
        write_all(partial, &run, (settings, loaded), &OpenedTests::default())?;
        name(partial, settings)?;
        return Ok(run);
    }
    let run = opened(partial, fitted, (settings, &data, loaded))?;
    name(partial, settings)?;
    Ok(run)
}

/// The run that an earlier command finished in the folder of these settings, or under a number after it, if it was asked for the
/// same; sealed, or already opened.
pub fn finished(settings: &Settings) -> Result<Option<Trained>, LabError> {
    for n in 1.. {
        let candidate = if settings.numbered { numbered(settings, n) } else { settings.clone() };
        let sealed = Asked::of(&candidate.out, &candidate);
        if sealed == Asked::Nothing {
            break;
        }
        let mut opened = candidate.clone();
        opened.evaluation.test = Openable::Chosen;
        if is_run(&candidate.out) && (sealed == Asked::Same || Asked::of(&candidate.out, &opened) == Asked::Same) {
            return trained_of(&candidate.out).map(Some);
        }
        if !settings.numbered {
            break;
        }
    }
    Ok(None)
}

/// Whether an unfinished run of these settings can be gone on with.
pub fn is_resumable(settings: &Settings) -> bool {
    let settings = if settings.numbered { with_number(settings, true) } else { settings.clone() };
    let partial = appended(&settings.out, ".partial");
    Asked::of(&partial, &settings) == Asked::Same && is_worth_keeping(&partial)
}

/// What the run in a folder, finished or not, was asked to do, beside what some settings ask.
#[derive(Debug, PartialEq)]
enum Asked {
    /// There is no run.
    Nothing,
    /// The same.
    Same,
    /// Something else: the first difference.
    Other(String),
}

impl Asked {
    fn of(folder: &Path, settings: &Settings) -> Self {
        let Ok(before) = fs::read_to_string(folder.join("config.yaml")) else { return Self::Nothing };
        match config_yaml(settings) {
            Ok(now) if now == before => Self::Same,
            Ok(now) => Self::Other(first_difference(&before, &now)),
            Err(error) => Self::Other(error.to_string()),
        }
    }
}

/// Opens the test part and writes all that belongs to the run.
fn opened(
    partial: &Path,
    fitted: Fitted,
    (settings, data, loaded): (&Settings, &Prepared, &Loaded),
) -> Result<Run, LabError> {
    let mut opened = OpenedTests::default();
    let answers = measure(&fitted, data, (settings, true), &mut opened)?;
    let rows = answers.into_iter().map(|answer| Row::of((&fitted, 0), answer, (settings, data, loaded)));
    let outcome = Outcome::Opened(rows.collect::<Result<_, _>>()?);
    let run = Run { folder: settings.out.clone(), fitted, outcome };
    write_all(partial, &run, (settings, loaded), &opened)?;
    Ok(run)
}

fn name(partial: &Path, settings: &Settings) -> Result<(), LabError> {
    check_target(&settings.out, settings.overwrite)
        .and_then(|()| finish(partial, &settings.out))
        .map_err(|error| LabError::Config(format!("{error}; the finished run is at {}", partial.display())))
}

/// Measures a finished run whose test part is sealed, now that it was chosen. Its folder becomes what it had been, had it been
/// the only run: to the bit, but for times.
pub fn open_test(folder: &Path, loaded: &Loaded, registry: &Registry) -> Result<Run, LabError> {
    let mut settings = settings_of(folder)?;
    folder.clone_into(&mut settings.out);
    settings.evaluation.test = Openable::Chosen;
    let fitted = fitted_of(folder, registry)?;
    let partial = appended(folder, ".partial");
    let _lock = start(&partial, &settings, false)?;
    let log = folder.join(LOG_NAME);
    if log.exists() {
        let bytes = read(&log)?;
        write_aside(&partial.join(LOG_NAME), |out| out.write_all(&bytes))?;
    }
    let data = loaded.scoped(settings.scope, settings.seed);
    let run = opened(&partial, fitted, (&settings, &data, loaded));
    match run.and_then(|run| snapshots::follow(folder, &partial).and_then(|()| finish(&partial, folder)).map(|()| run))
    {
        Ok(run) => Ok(run),
        Err(error) => {
            // The sealed run is still there, whole. The first error is the one to report.
            let _ = fs::remove_dir_all(&partial);
            Err(error)
        }
    }
}

fn numbered(settings: &Settings, n: usize) -> Settings {
    let ending = if n == 1 { String::new() } else { format!("_{n}") };
    let run_name = format!("{}{ending}", settings.run_name);
    Settings { out: appended(&settings.out, &ending), run_name, ..settings.clone() }
}

/// The settings under the first free number; to resume, under the number whose unfinished run asks for the same.
fn with_number(settings: &Settings, resume: bool) -> Settings {
    let named = |n: usize| numbered(settings, n);
    let unfinished = |settings: &Settings| Asked::of(&appended(&settings.out, ".partial"), settings);
    let taken = |settings: &Settings| {
        let partial = appended(&settings.out, ".partial");
        settings.out.exists() || is_worth_keeping(&partial) || (partial.exists() && locked(&partial).is_none())
    };
    let mut n = 1;
    while taken(&named(n)) || (resume && unfinished(&named(n)) != Asked::Nothing) {
        let candidate = named(n);
        if resume && unfinished(&candidate) == Asked::Same {
            return candidate;
        }
        n += 1;
    }
    // Nothing fits: the last unfinished one, if any, is what the error should speak of.
    let last = (1..=n).rev().map(named).find(|candidate| !resume || unfinished(candidate) != Asked::Nothing);
    last.unwrap_or_else(|| named(n))
}

/// A run may be written where nothing is, or over another run if that was asked for; never over anything else.
fn check_target(folder: &Path, overwrite: bool) -> Result<(), LabError> {
    let refuse = |why: &str| Err(LabError::Config(format!("out={}: {why}", folder.display())));
    if folder.file_name().is_none() {
        return refuse("name a folder for the run, e.g. out=outputs/mine");
    }
    if !folder.exists() {
        return Ok(());
    }
    if !overwrite {
        return refuse("it exists: choose another run_name=... or out=..., or replace it with overwrite=true");
    }
    if is_run(folder) {
        Ok(())
    } else {
        refuse("it exists and is no run folder, so it is not replaced; choose another")
    }
}

/// Whether an unfinished folder holds what another command could go on from: a checkpoint, or a run that lacks its name alone.
fn is_worth_keeping(partial: &Path) -> bool {
    partial.join(CHECKPOINT_NAME).exists() || partial.join("manifest.json").exists()
}

/// The lock of an unfinished folder, which its run holds until it ends; `None` while another run does.
fn locked(partial: &Path) -> Option<fs::File> {
    // A folder without its first file is one that is just being made.
    let file = fs::File::open(partial.join("config.yaml")).ok()?;
    match file.try_lock() {
        // Where files cannot be locked, there is nothing to be learnt from the attempt.
        Ok(()) | Err(fs::TryLockError::Error(_)) => Some(file),
        Err(fs::TryLockError::WouldBlock) => None,
    }
}

/// Whether a folder, finished or not, was written by [`train`].
fn is_run(folder: &Path) -> bool {
    folder.join("config.yaml").is_file() && (folder.join("manifest.json").is_file() || is_unfinished(folder))
}

/// Whether a folder holds nothing but what a run writes before it is complete.
fn is_unfinished(folder: &Path) -> bool {
    let ours = |name: &std::ffi::OsStr| {
        let name = name.to_string_lossy();
        RUN_FILES.iter().any(|file| name == *file || name == format!(".{file}.partial"))
    };
    fs::read_dir(folder).is_ok_and(|entries| entries.flatten().all(|entry| ours(&entry.file_name())))
}

fn appended(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    folder.with_file_name(name)
}

/// Makes the unfinished folder, or checks that the one to resume asks for the same thing, and locks it.
fn start(partial: &Path, settings: &Settings, resume: bool) -> Result<fs::File, LabError> {
    let config_path = partial.join("config.yaml");
    let lock = || {
        let busy = || LabError::Config(format!("{}: another run is writing there now", partial.display()));
        locked(partial).ok_or_else(busy)
    };
    if resume {
        return match Asked::of(partial, settings) {
            Asked::Nothing => Err(LabError::NotFound(format!(
                "there is nothing to resume at {}: an unfinished run has its checkpoint there (same model, run_name and out?)",
                partial.display()
            ))),
            Asked::Other(difference) => Err(LabError::Config(format!(
                "--resume needs the configuration the run was started with, see {}; what differs: {difference}",
                config_path.display()
            ))),
            Asked::Same => lock(),
        };
    }
    if partial.exists() {
        if !is_unfinished(partial) {
            return Err(LabError::Config(format!(
                "{} is in the way and holds files that no run writes: move it, or choose another out=...",
                partial.display()
            )));
        }
        if config_path.exists() {
            lock()?;
        }
        if is_worth_keeping(partial) && !settings.overwrite {
            return Err(LabError::Config(format!(
                "{} holds an unfinished run: go on with --resume, or give it up with overwrite=true",
                partial.display()
            )));
        }
        if partial.join("manifest.json").exists() {
            // A whole run that lacks its name alone may have opened the test part: it is named, to be replaced as any other.
            finish(partial, &settings.out)?;
        } else {
            fs::remove_dir_all(partial).map_err(|error| LabError::io("clear", partial, &error))?;
        }
    }
    create_folder(partial)?;
    write_text(&config_path, &config_yaml(settings)?)?;
    lock()
}

/// Gives the complete folder its name.
fn finish(partial: &Path, folder: &Path) -> Result<(), LabError> {
    let old = appended(folder, ".replaced");
    if is_run(&old) {
        // A kill between the two renames below left it.
        fs::remove_dir_all(&old).map_err(|error| LabError::io("remove", &old, &error))?;
    }
    let replaces = folder.exists();
    if replaces {
        hand_over(folder, partial)?;
        // Two renames: a kill between them leaves the finished run under its partial name, never half a run.
        rename_folder(folder, &old)?;
    }
    rename_folder(partial, folder)?;
    let checkpoint = folder.join(CHECKPOINT_NAME);
    if checkpoint.exists() {
        fs::remove_file(&checkpoint).map_err(|error| LabError::io("remove", &checkpoint, &error))?;
    }
    if replaces {
        fs::remove_dir_all(&old).map_err(|error| LabError::io("remove", &old, &error))?;
    }
    Ok(())
}

fn write_all(
    partial: &Path,
    run: &Run,
    (settings, loaded): (&Settings, &Loaded),
    opened: &OpenedTests,
) -> Result<(), LabError> {
    let (fitted, rows) = (&run.fitted, run.rows());
    fitted.bundle.save(&bundle::path_in(partial))?;
    let hparams = json!({
        "model": fitted.bundle.model_name,
        "params": fitted.bundle.params,
        "seed": settings.seed,
        "scope": settings.scope,
        "data": loaded.name,
        "trainer": settings.trainer,
    });
    write_json(&partial.join("hparams.json"), &hparams)?;

    let best = fitted.records.iter().rev().find(|record| record.best);
    let questions = rows.iter().map(|row| {
        json!({
            "question": row.question,
            "kind": row.kind,
            "target": row.target,
            "fingerprint": row.fingerprint,
            "valid": row.valid,
            "test_summary": row.summary,
        })
    });
    let mut metrics = json!({
        "best_epoch": fitted.best_epoch(),
        "best_valid": best.map(|record| values(&record.valid)),
        // Of the first question, on which validation chose.
        "valid": match (rows.first(), fitted.valid.questions.first()) {
            (None, Some((_, found))) => values(found),
            (row, _) => values(row.map_or(&[], |row| &row.valid)),
        },
        "test": rows.first().map(|row| values(&row.test.values())),
        "questions": questions.collect::<Vec<_>>(),
    });
    if matches!(run.outcome, Outcome::Sealed) {
        metrics["sealed"] = json!(fitted.valid);
    }
    write_json(&partial.join("metrics.json"), &metrics)?;
    if !rows.is_empty() {
        write_text(&partial.join("test_metrics.csv"), &test_csv(rows))?;
        write_text(&partial.join(PER_USER), &per_user_csv(rows))?;
        write_text(&partial.join(PARTS), &parts_csv(rows))?;
    }
    write_text(&partial.join("REPORT.txt"), &report_text(run, settings, loaded))?;
    let manifest = json!({
        "format": RUN_FORMAT,
        "segue": env!("CARGO_PKG_VERSION"),
        "isa": kernels::isa(),
        "train_seconds": fitted.seconds,
        "peak_bytes": fitted.memory,
        "params": fitted.recipe,
        "explains": rows.iter().any(|row| row.explains),
        "data": { "name": loaded.name, "inputs": loaded.report.inputs, "split": loaded.data.split.protocol },
        TRAINED: opened.reasons(),
        "settings": settings,
    });
    write_json(&partial.join("manifest.json"), &manifest)?;
    if settings.save_embeddings
        && let Some(embeddings) = fitted.bundle.model.embeddings()
    {
        write_aside(&partial.join("user_embeddings.npy"), |out| write_npy(embeddings.users(), out))?;
        write_aside(&partial.join("item_embeddings.npy"), |out| write_npy(embeddings.items(), out))?;
    }
    Ok(())
}

fn values(values: &[(String, f64)]) -> Value {
    Value::Object(values.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>())
}

fn config_yaml(settings: &Settings) -> Result<String, LabError> {
    let value = serde_json::to_value(settings).map_err(|error| LabError::Internal(error.to_string()))?;
    Ok(to_yaml(&value))
}

fn write_text(path: &Path, text: &str) -> Result<(), LabError> {
    write_aside(path, |out| out.write_all(text.as_bytes()))
}

fn first_difference(before: &str, now: &str) -> String {
    let lines = before.lines().zip(now.lines()).find(|(a, b)| a != b);
    lines.map_or_else(|| "its length".into(), |(a, b)| format!("`{}` became `{}`", a.trim(), b.trim()))
}
