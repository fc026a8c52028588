//! A fit under the clock, beside what it cannot do without.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use segue_core::{
    Configured, FitCx, FitError, FitEvent, Halt, Output, Prepared, Recommender, Registry, Seed, TrainData, Trainer,
    Validator, Watch, Work,
};
use segue_eval::{Evaluation, Question, Validation};

use crate::error::LabError;
use crate::measure::{measure_valid, protocol};
use crate::memory::Peak;
use crate::settings::Settings;
use crate::watch::unless_stopped;

/// What a timed fit took and came to.
#[derive(Debug)]
pub struct Timed {
    /// Kernels of an epoch, or of the whole fit for a model without epochs.
    pub work: Vec<Work>,
    /// The epochs; empty for a model without.
    pub epochs: Vec<TimedEpoch>,
    /// Seconds of the whole fit, without validation.
    pub fit: f64,
    /// Memory of the fit at its peak beyond what was held before, in bytes; where the system tells it.
    pub memory: Option<u64>,
    /// On the validation part, where there is one: seconds to rank and measure everyone, and what was found.
    pub ranked: Option<(f64, Evaluation)>,
}

/// One epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedEpoch {
    /// Seconds, without validation.
    pub seconds: f64,
    /// Metrics on the validation part, where this epoch was measured.
    pub valid: Vec<(String, f64)>,
}

/// Fits the model of `settings` on `data`, which is already scoped, with nothing but its epochs under the clock. It is
/// measured on the validation part at the end, and after every `every` epochs unless that is 0. Test is never opened.
pub fn time_fit(
    settings: &Settings,
    (algorithm, registry): (&dyn Configured, &Registry),
    (data, every): (&Prepared, usize),
    terminal: &mut dyn Watch,
) -> Result<Timed, LabError> {
    let Some(task) = data.split.tasks.first() else { return Err(LabError::Config("the data ask no question".into())) };
    let output: Output = algorithm.info().output;
    let asked = protocol(&settings.evaluation, settings.seed, output)?;
    let question = Question { output, ..Question::valid(data, task) };
    let has_valid = !task.valid.events.is_empty();
    let validation = Paused { validation: Validation::new(question, asked.clone())?, nanoseconds: AtomicU64::new(0) };
    let train = TrainData { catalogue: &data.catalogue, log: &data.split.train };
    let mut clock =
        Clock { terminal, validation: &validation, since: Instant::now(), paused: Duration::ZERO, epochs: Vec::new() };
    let mut cx = FitCx {
        seed: Seed::new(settings.seed).named(algorithm.info().name),
        trainer: Trainer { validate_every: every.max(1), ..Trainer::default() },
        validator: (every > 0 && has_valid).then_some(&validation),
        watch: &mut clock,
        registry,
        resume: None,
    };
    let peak = Peak::from_now();
    let started = Instant::now();
    let model = algorithm.fit(&train, &mut cx).map_err(|error| match error {
        FitError::Interrupted { .. } => LabError::Interrupted("interrupted".into()),
        error => LabError::Fit { model: algorithm.info().name.into(), error },
    })?;
    let all = started.elapsed();
    let memory = peak.told();
    let epochs = std::mem::take(&mut clock.epochs);
    let fit = all.saturating_sub(validation.paused()).as_secs_f64();
    let started = Instant::now();
    let ranked = if has_valid {
        let found = measure_valid(model.as_ref(), (data, task), output, &asked)?;
        Some((started.elapsed().as_secs_f64(), found))
    } else {
        None
    };
    Ok(Timed { work: algorithm.work(&train), epochs, fit, memory, ranked })
}

/// Validation that says how long it took.
struct Paused<'a> {
    validation: Validation<'a>,
    nanoseconds: AtomicU64,
}

impl Paused<'_> {
    /// All validations so far.
    fn paused(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}

impl Validator for Paused<'_> {
    fn validate(&self, model: &dyn Recommender) -> Result<Vec<(String, f64)>, FitError> {
        let started = Instant::now();
        let found = self.validation.validate(model);
        self.nanoseconds.fetch_add(started.elapsed().as_nanos() as u64, Ordering::Relaxed);
        found
    }
}

/// Notes when epochs end, and lets `terminal` show it.
struct Clock<'a> {
    terminal: &'a mut dyn Watch,
    validation: &'a Paused<'a>,
    /// When the last epoch ended, and what validation had taken by then.
    since: Instant,
    paused: Duration,
    epochs: Vec<TimedEpoch>,
}

impl Watch for Clock<'_> {
    fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt> {
        let (now, paused) = (Instant::now(), self.validation.paused());
        if let FitEvent::Epoch(record) = event {
            let seconds = (now - self.since).saturating_sub(paused.saturating_sub(self.paused)).as_secs_f64();
            self.epochs.push(TimedEpoch { seconds, valid: record.valid.clone() });
        }
        let told = self.terminal.on(event);
        (self.since, self.paused) = (Instant::now(), paused);
        if unless_stopped().is_break() { ControlFlow::Break(Halt::Abort) } else { told }
    }
}
