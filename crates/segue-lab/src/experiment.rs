//! From a configuration to a fitted, measured model.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use segue_core::{
    ArtifactReader, Configured, DomainId, EpochRecord, Event, FitCx, FitError, Interactions, OpenedTests, Output,
    Prepared, Recommender, Registry, Seed, Task, TaskKind, TrainData, UserId, Validator, Watch,
};
use segue_data::prepare::{
    DataConfig, OneOrMany, PrepareReport, Progress, load_folder, prepare, prepare_folder, write_folder,
};
use segue_data::readers::Fnv;
use segue_data::synth::{Medium, World, WorldError, shuffle_links};
use segue_eval::{
    By, EvalError, Evaluation, Measure, MetricSpec, Part as Asked, Protocol, Question, Validation, among_first,
    breakdown,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::{Around, Bundle};
use crate::error::LabError;
use crate::files::read;
use crate::measure::{measure_test, measure_valid, protocol};
use crate::memory::Peak;
use crate::row::{Apart, Part};
use crate::settings::{CandidateKind, Openable, Scope, Settings, typed};
use crate::snapshots::Snapshots;
use crate::watch::{CHECKPOINT_NAME, RunWatch, WatchPlan, unless_stopped};

/// Data ready for training, and how it came to be.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Users, items, split.
    pub data: Prepared,
    /// Name of the data set.
    pub name: String,
    /// What preparation counted.
    pub report: PrepareReport,
}

/// Reads a prepared folder, or prepares raw logs or the sample world in memory.
pub fn load_data(
    settings: &Settings,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Loaded, LabError> {
    if let Some(folder) = &settings.data_dir {
        let (data, manifest) = load_folder(folder)?;
        return Ok(Loaded { data, name: manifest.name, report: manifest.report });
    }
    let mut stoppable = stoppable(progress);
    let (config, _generated) = raw_logs(settings, &mut stoppable)?;
    let (data, report) = prepare(&config, &settings.prepare, &settings.split, settings.seed, &mut stoppable)?;
    Ok(Loaded { data, name: config.name, report })
}

/// Prepares raw logs or the sample world as a folder, without holding them in memory; with `resume`, from what a stopped
/// run had done. Also returns how many bytes of rows went through files.
pub fn prepare_data(
    settings: &Settings,
    (out, resume): (&Path, bool),
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<(PrepareReport, u64), LabError> {
    if let Some(folder) = &settings.data_dir {
        let (data, manifest) = load_folder(folder)?;
        write_folder(out, &data, &manifest.report)?;
        return Ok((manifest.report, 0));
    }
    let mut stoppable = stoppable(progress);
    let (config, _generated) = raw_logs(settings, &mut stoppable)?;
    let choices = (&settings.prepare, &settings.split, settings.seed);
    Ok(prepare_folder((out, resume), &config, choices, &mut stoppable)?)
}

/// Listens to progress and to Ctrl-C.
fn stoppable(progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>) -> impl FnMut(Progress<'_>) -> ControlFlow<()> {
    move |p| {
        progress(p)?;
        unless_stopped()
    }
}

/// The logs that are configured. The files of a generated world live as long as the folder that is returned with them.
fn raw_logs(
    settings: &Settings,
    stoppable: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<(DataConfig, Option<tempfile::TempDir>), LabError> {
    let mut config: DataConfig = typed(Value::Object(settings.data.logs.clone()), "data")?;
    let Some(world) = &settings.data.world else { return Ok((config, None)) };
    let folder = tempfile::tempdir().map_err(|error| LabError::io("create", &std::env::temp_dir(), &error))?;
    let wrong = |error: WorldError| match error {
        WorldError::Interrupted => LabError::Interrupted(error.to_string()),
        error => LabError::Config(format!("data.world: {error}")),
    };
    let world = World::generate_watched(world, stoppable).map_err(wrong)?;
    world.write_csv(folder.path()).map_err(wrong)?;
    let has = |name: &str| world.domains.iter().any(|domain| domain.name == name);
    let known = |name: &str| Medium::ALL.iter().any(|medium| medium.name() == name);
    // A domain without items is left out of the world, and so of the data; the target cannot be.
    let target = &config.target;
    if known(target) && !has(target) {
        return Err(LabError::Config(format!(
            "data.target={target}: the world has none; give data.world.{target}.n_items a value above 0"
        )));
    }
    config.domains.retain(|domain| has(&domain.name) || !known(&domain.name));
    for domain in &mut config.domains {
        let inside = |file: &str| OneOrMany::One(folder.path().join(&domain.name).join(file));
        (domain.interactions, domain.items) = (Some(inside("ratings.csv")), Some(inside("items.csv")));
    }
    // The folder is another one every time, the files are not.
    config.passing = Some((folder.path().to_path_buf(), config.name.clone()));
    Ok((config, Some(folder)))
}

impl Loaded {
    /// The data as a model of this scope sees it.
    pub fn scoped(&self, scope: Scope, seed: u64) -> Cow<'_, Prepared> {
        let n_domains = self.data.catalogue.domains().len();
        match (scope, self.data.split.tasks.first()) {
            (Scope::Target, Some(task)) if n_domains > 1 => Cow::Owned(self.data.only(task.target)),
            (Scope::Shuffled, Some(task)) => {
                let sources: Vec<DomainId> = (0..n_domains).filter(|&domain| domain != task.target).collect();
                Cow::Owned(shuffle_links(&self.data, &sources, seed))
            }
            _ => Cow::Borrowed(&self.data),
        }
    }
}

/// A fitted model and how the fit went.
#[derive(Debug)]
pub struct Fitted {
    /// The model and its world.
    pub bundle: Bundle,
    /// Hyper-parameters as they were asked for; a refit has its own number of epochs.
    pub recipe: Value,
    /// What a score means.
    pub output: Output,
    /// The training log.
    pub records: Vec<EpochRecord>,
    /// Training time, seconds.
    pub seconds: f64,
    /// Memory that training took at its peak beyond what the program held before, in bytes; where the system tells it.
    pub memory: Option<u64>,
    /// What it came to on validation, before it was fitted once more on validation events, too.
    pub valid: Validated,
}

/// What a model comes to on the validation parts, from which it has learnt nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// The metric that choices are made by, on the first question; `None` where that has no validation part.
    pub choosing: Option<f64>,
    /// Every metric of each question that has one, by its name.
    pub questions: Vec<(String, Vec<(String, f64)>)>,
}

impl Validated {
    /// Every metric of a question; none where it has no validation part.
    pub fn of(&self, question: &str) -> &[(String, f64)] {
        self.questions.iter().find(|(name, _)| name == question).map_or(&[], |(_, values)| values)
    }
}

impl Fitted {
    /// The epoch whose model was kept.
    pub fn best_epoch(&self) -> Option<usize> {
        let best = self.records.iter().rev().find(|record| record.best);
        best.or(self.records.last()).map(|record| record.epoch)
    }
}

/// What a fit needs beside its settings and data.
pub struct Bench<'a> {
    /// Models by name.
    pub registry: &'a Registry,
    /// The terminal.
    pub terminal: &'a mut dyn Watch,
    /// Where the log and checkpoints go; `None` keeps nothing.
    pub folder: Option<&'a Path>,
    /// Whether to go on from the checkpoint in `folder`.
    pub resume: bool,
}

impl std::fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").field("folder", &self.folder).field("resume", &self.resume).finish_non_exhaustive()
    }
}

/// Fits the model of `settings` on `data`, which is already scoped. Reads validation, never test.
pub fn fit(
    settings: &Settings,
    algorithm: &dyn Configured,
    data: &Prepared,
    bench: &mut Bench<'_>,
) -> Result<Fitted, LabError> {
    let Some(task) = data.split.tasks.first() else { return Err(no_task()) };
    let output = algorithm.info().output;
    let question = Question { output, ..Question::valid(data, task) };
    let validation = Validation::new(question, watched_protocol(settings, output)?)?;
    refuse_unmeasurable(settings, data)?;
    let validated = !task.valid.events.is_empty();
    let peak = Peak::from_now();
    let started = Instant::now();
    let (model, records) = fit_once(
        settings,
        algorithm,
        (data, &data.split.train),
        validated.then_some(&validation as &dyn Validator),
        bench,
    )?;
    let mut fitted = Fitted {
        bundle: Bundle::new(algorithm.info().name, algorithm.params(), model, data, task.target),
        recipe: algorithm.params(),
        output,
        records,
        seconds: started.elapsed().as_secs_f64(),
        memory: peak.told(),
        valid: Validated::default(),
    };
    fitted.valid = validate(&fitted, data, settings)?;
    if settings.trainer.refit && validated {
        let started = Instant::now();
        refit(settings, &mut fitted, data, bench)?;
        fitted.seconds += started.elapsed().as_secs_f64();
        fitted.memory = peak.told();
    }
    Ok(fitted)
}

/// What would be refused when the model is measured is refused before it is trained.
fn refuse_unmeasurable(settings: &Settings, data: &Prepared) -> Result<(), LabError> {
    if settings.evaluation.candidates != CandidateKind::Given {
        return Ok(());
    }
    let parts = |task: &Task| {
        let valid = !task.valid.events.is_empty() && task.valid.negatives.is_none();
        let test = settings.evaluation.test != Openable::Never && !task.test.has_negatives();
        if valid { Some(Asked::Validation) } else { test.then_some(Asked::Test) }
    };
    match data.split.tasks.iter().find_map(parts) {
        Some(part) => Err(EvalError::NoNegatives { part, user: None }.into()),
        None => Ok(()),
    }
}

/// Trains once more on training and validation events together, for the number of epochs that validation chose.
fn refit(settings: &Settings, fitted: &mut Fitted, data: &Prepared, bench: &mut Bench<'_>) -> Result<(), LabError> {
    let entry = bench.registry.find(&fitted.bundle.model_name)?;
    let mut params = fitted.bundle.params.clone();
    if let (Some(epochs), Some(key), Some(object)) =
        (fitted.best_epoch(), entry.canonical_key("epochs"), params.as_object_mut())
    {
        object.insert(key.into(), epochs.into());
    }
    let algorithm = entry.configure(params)?;
    let log = data.train_and_valid();
    let mut again = Bench { registry: bench.registry, terminal: &mut *bench.terminal, folder: None, resume: false };
    let (model, _) = fit_once(settings, algorithm.as_ref(), (data, &log), None, &mut again)?;
    fitted.bundle.model = model;
    fitted.bundle.params = algorithm.params();
    fitted.bundle.log = log;
    Ok(())
}

type ModelAndLog = (Box<dyn Recommender>, Vec<EpochRecord>);

fn fit_once(
    settings: &Settings,
    algorithm: &dyn Configured,
    (data, log): (&Prepared, &Interactions),
    validator: Option<&dyn Validator>,
    bench: &mut Bench<'_>,
) -> Result<ModelAndLog, LabError> {
    let name = algorithm.info().name;
    let checkpoint =
        bench.folder.map(|folder| folder.join(CHECKPOINT_NAME)).filter(|path| bench.resume && path.exists());
    let bytes = checkpoint.as_deref().map(read).transpose()?;
    let reader = match (&bytes, &checkpoint) {
        (Some(bytes), Some(path)) => {
            Some(ArtifactReader::open(bytes, bench.registry).map_err(|error| LabError::artifact(path, error))?)
        }
        _ => None,
    };
    let plan = WatchPlan { folder: bench.folder.map(Path::to_path_buf), time_limit: settings.time_limit()? };
    let params = algorithm.params();
    let around = Around {
        model_name: name,
        params: &params,
        users: &data.users,
        catalogue: &data.catalogue,
        target: data.split.tasks.first().map_or(0, |task| task.target),
        log,
    };
    let trainer = settings.trainer()?;
    let wanted = settings.trainer.save_top_k > 0 || settings.trainer.save_last;
    let metric = trainer.early_stopping.as_ref().map(|stop| (stop.metric.clone(), stop.mode));
    let ranked = (settings.trainer.save_top_k, metric);
    let kept = bench.folder.filter(|_| wanted).map(|folder| Snapshots::new(folder, around, ranked));
    let mut watch = RunWatch::new(plan, bench.terminal).keeping(kept);
    let mut cx = FitCx {
        seed: Seed::new(settings.seed).named(name),
        trainer,
        validator,
        watch: &mut watch,
        registry: bench.registry,
        resume: reader.as_ref(),
    };
    let fitted = algorithm.fit(&TrainData { catalogue: &data.catalogue, log }, &mut cx);
    if let Some(error) = watch.error.take() {
        return Err(error);
    }
    let records = watch.records().cloned().collect();
    match fitted {
        Ok(model) => Ok((model, records)),
        Err(FitError::Interrupted { epoch }) => Err(LabError::Interrupted(match bench.folder {
            Some(folder) if epoch > 0 => format!(
                "interrupted after epoch {epoch}; what was trained so far is in {}: give the same command with --resume to go on",
                folder.display()
            ),
            _ => "interrupted; nothing was written".into(),
        })),
        Err(error) => Err(LabError::Fit { model: name.into(), error }),
    }
}

/// The protocol of validation during training: what is reported, and the metric that early stopping watches.
fn watched_protocol(settings: &Settings, output: Output) -> Result<Protocol, LabError> {
    let mut watched = protocol(&settings.evaluation, settings.seed, output)?;
    if let Some(metric) = settings.stopping_metric()? {
        watched.metrics.push(metric);
    }
    Ok(watched)
}

/// What a model answered to one question.
#[derive(Debug)]
pub struct Answer {
    /// Name of the task.
    pub question: String,
    /// What it asks.
    pub kind: TaskKind,
    /// The domain whose items are ranked.
    pub target: String,
    /// Hash of all that is asked.
    pub fingerprint: String,
    /// On test.
    pub test: Evaluation,
    /// The test question taken apart, where that was asked for.
    pub parts: Vec<Part>,
}

/// Items that a stage of retrieval would hand to one of ranking.
const RETRIEVED: usize = 200;

/// Asks a fitted model every question of the split, and takes them apart if `apart` says so. Opens the test holdouts, and
/// writes that down in `opened`.
///
/// A question beside the first that nobody is asked has no answer.
pub fn measure(
    fitted: &Fitted,
    data: &Prepared,
    (settings, apart): (&Settings, bool),
    opened: &mut OpenedTests,
) -> Result<Vec<Answer>, LabError> {
    let mut answers = Vec::new();
    let known = data.train_and_valid();
    for (n, task) in data.split.tasks.iter().enumerate() {
        match answer(fitted, (data, task, &known), (settings, apart), opened) {
            Err(LabError::Eval(EvalError::NoUsers { .. })) if n > 0 => {}
            answer => answers.push(answer?),
        }
    }
    if answers.is_empty() { Err(no_task()) } else { Ok(answers) }
}

fn answer(
    fitted: &Fitted,
    (data, task, known): (&Prepared, &Task, &Interactions),
    (settings, apart): (&Settings, bool),
    opened: &mut OpenedTests,
) -> Result<Answer, LabError> {
    let (model, output) = (fitted.bundle.model.as_ref(), fitted.output);
    let protocol = protocol(&settings.evaluation, settings.seed, output)?;
    let reason = format!("measure {} seed {} on {}", fitted.bundle.model_name, settings.seed, task.name);
    let holdout = task.test.open(opened, reason);
    let test = measure_test(model, (data, task, holdout, known), output, &protocol)?;
    let parts =
        if apart { parts(model, &Question::test(data, task, holdout, known), (&protocol, &test))? } else { Vec::new() };
    let target = data.catalogue.domains()[task.target].name.clone();
    let fingerprint = fingerprint((data, task), [known, &holdout.events]);
    Ok(Answer { question: task.name.clone(), kind: task.kind, target, fingerprint, test, parts })
}

/// Asks every question on its validation part; the test parts stay sealed.
fn validate(fitted: &Fitted, data: &Prepared, settings: &Settings) -> Result<Validated, LabError> {
    let all = protocol(&settings.evaluation, settings.seed, fitted.output)?;
    let choosing = settings.choosing_metric()?;
    let model = fitted.bundle.model.as_ref();
    let values = |task: &Task, protocol: &Protocol| match measure_valid(model, (data, task), fitted.output, protocol) {
        Err(LabError::Eval(EvalError::NoUsers { .. })) => Ok(None),
        valid => valid.map(|valid| Some(valid.values())),
    };
    let mut found = Validated::default();
    for (n, task) in data.split.tasks.iter().enumerate().filter(|(_, task)| !task.valid.events.is_empty()) {
        let measured = values(task, &all)?;
        // Elsewhere nothing is chosen, and a metric that this model has not is no reason to stop.
        if n == 0 && settings.evaluation.test == Openable::Never {
            let known = measured.iter().flatten().find(|(name, _)| *name == choosing.to_string());
            found.choosing = match known {
                Some((_, value)) => Some(*value),
                None => values(task, &Protocol { metrics: vec![choosing], ..all.clone() })?
                    .and_then(|values| values.first().map(|(_, value)| *value)),
            };
        }
        found.questions.extend(measured.map(|values| (task.name.clone(), values)));
    }
    Ok(found)
}

/// A hash of the items that are ranked and of the events in the target in `logs` (all that are known before, and where they are
/// open those that are held out), by external ids: equal for whoever is asked the same, whatever they learnt from.
pub fn fingerprint<const N: usize>((data, task): (&Prepared, &Task), logs: [&Interactions; N]) -> String {
    let range = data.catalogue.range(task.target);
    let mut hash = Fnv::default();
    let mut take = |bytes: &[u8]| hash = hash.of(bytes).of(&[0xff]);
    for item in range.clone() {
        take(data.catalogue.external(item).as_bytes());
    }
    for log in logs {
        for user in 0..log.n_users() as UserId {
            let history = log.user(user);
            let events = (0..history.len()).map(|n| history.event(user, n));
            let mut events: Vec<Event> = events.filter(|event| range.contains(&event.item)).collect();
            // By item within a second: what is asked does not depend on the order of its thousandths.
            if log.has_times() {
                events.sort_by_key(|event| (event.time, event.item));
            }
            for event in events {
                take(data.users.external(user).as_bytes());
                take(&(event.item - range.start).to_le_bytes());
                take(&[event.signal as u8]);
            }
        }
        take(b"end");
    }
    hash.hex()
}

/// The metrics that are means over users, on every part of the test question.
fn parts(
    model: &dyn Recommender,
    question: &Question<'_>,
    (protocol, whole): (&Protocol, &Evaluation),
) -> Result<Vec<Part>, LabError> {
    let mean = |spec: &&MetricSpec| matches!(spec.metric.measure, Measure::PerUser(_));
    let protocol = Protocol { metrics: protocol.metrics.iter().filter(mean).copied().collect(), ..protocol.clone() };
    if protocol.metrics.is_empty() {
        return Ok(Vec::new());
    }
    let mut parts = Vec::new();
    for (apart, by) in
        [(Apart::Activity, By::Activity), (Apart::Popularity, By::Popularity), (Apart::Genre, By::Category)]
    {
        if unless_stopped().is_break() {
            return Err(LabError::Interrupted("interrupted while measuring; nothing was written".into()));
        }
        parts.extend(breakdown(model, question, &protocol, by)?.iter().map(|group| Part::of(apart, group)));
    }
    let retrieved = among_first(model, question, (&protocol, whole), RETRIEVED)?;
    parts.extend(retrieved.iter().map(|group| Part::of(Apart::Retrieved, group)));
    Ok(parts)
}

fn no_task() -> LabError {
    LabError::Config("the data ask no question: their split has no task; prepare them with a split".into())
}
