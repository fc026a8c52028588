//! What a fit sees: data, a seed, a watcher; and what it may say.

use std::io::{self, Write};
use std::ops::ControlFlow;

use crate::artifact::{ArtifactError, ArtifactReader};
use crate::catalogue::Catalogue;
use crate::epochs::{EpochRecord, Trainer};
use crate::interactions::Interactions;
use crate::model::Recommender;
use crate::params::ParamError;
use crate::registry::Registry;
use crate::seed::Seed;

/// What may be learnt from. There is no way from here to a holdout.
#[derive(Debug, Clone, Copy)]
pub struct TrainData<'a> {
    /// The items, all domains that this model is to see.
    pub catalogue: &'a Catalogue,
    /// Training events of those domains.
    pub log: &'a Interactions,
}

/// Why a fit failed.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// Parameters.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The data cannot carry this model; the message says what is missing and the way out.
    #[error("{0}")]
    Data(String),
    /// It would not fit into memory.
    #[error("{what} needs about {needed_mib} MiB, more than the limit of {limit_mib} MiB; {way_out}")]
    Memory {
        /// What is too large.
        what: String,
        /// MiB needed.
        needed_mib: u64,
        /// MiB allowed.
        limit_mib: u64,
        /// What would fit.
        way_out: String,
    },
    /// The loss is no longer a number.
    #[error("the loss became {loss} in epoch {epoch}{}: lower the learning rate or raise the l2 penalty", of_step(*.step))]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step of the epoch, from 1, where a step knows its loss.
        step: Option<usize>,
        /// The loss.
        loss: f64,
    },
    /// The watcher stopped the fit and wants no model.
    #[error("interrupted after epoch {epoch}")]
    Interrupted {
        /// Last complete epoch.
        epoch: usize,
    },
    /// A validation that failed, or a metric that does not exist.
    #[error("{0}")]
    Validation(String),
    /// A checkpoint or child artifact.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A numerical routine failed; the message says which and why.
    #[error("{0}")]
    Numeric(String),
}

fn of_step(step: Option<usize>) -> String {
    step.map(|step| format!(", step {step}")).unwrap_or_default()
}

/// What a watcher hears.
#[derive(Clone, Copy)]
pub enum FitEvent<'e> {
    /// Long work without epochs: how much of `total` is done.
    Progress {
        /// What is being done, e.g. `similarities`.
        stage: &'static str,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// The epoch loop starts or resumes: how many epochs it may run, and what was logged before a resume.
    Start {
        /// Epochs at most.
        epochs: usize,
        /// Epochs already done.
        records: &'e [EpochRecord],
    },
    /// One epoch is done.
    Epoch(&'e EpochRecord),
    /// The fit diverged, and ends with the best model of the epochs before.
    Diverged {
        /// What happened.
        error: &'e FitError,
        /// The epoch of that model.
        kept: usize,
    },
    /// The model of an epoch that was validated, or of the last epoch when all is done.
    Snapshot {
        /// The epoch.
        epoch: usize,
        /// The watched metric on validation; `None` of the last epoch.
        value: Option<f64>,
        /// The model as it stood.
        model: &'e dyn Recommender,
    },
    /// A checkpoint is due; `save` writes everything needed to go on bit-identically.
    Checkpoint {
        /// Last complete epoch.
        epoch: usize,
        /// Writes the checkpoint.
        save: &'e dyn Fn(&mut dyn Write) -> io::Result<()>,
    },
}

impl std::fmt::Debug for FitEvent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Progress { stage, done, total } => write!(f, "{stage} {done}/{total}"),
            Self::Start { epochs, records } => write!(f, "start at {} of {epochs}", records.len()),
            Self::Epoch(record) => write!(f, "{record:?}"),
            Self::Diverged { error, kept } => write!(f, "{error}; kept epoch {kept}"),
            Self::Snapshot { epoch, value, .. } => write!(f, "snapshot {epoch}: {value:?}"),
            Self::Checkpoint { epoch, .. } => write!(f, "checkpoint {epoch}"),
        }
    }
}

/// Why a watcher ends a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halt {
    /// Enough: keep the best model so far (a time limit).
    Finish,
    /// Stop without a model (Ctrl-C).
    Abort,
}

/// Progress bar, tracker, time limit: told of everything, may end the fit.
pub trait Watch {
    /// One event.
    fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt>;
}

/// Hears everything, says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Watch for Silent {
    fn on(&mut self, _: &FitEvent<'_>) -> ControlFlow<Halt> {
        ControlFlow::Continue(())
    }
}

/// Measures a model on the validation holdout.
pub trait Validator: Sync {
    /// Metric names (as `ndcg@10`) and values, always in one order.
    fn validate(&self, model: &dyn Recommender) -> Result<Vec<(String, f64)>, FitError>;
}

/// Everything a fit is given beside data and hyper-parameters.
pub struct FitCx<'a> {
    /// The root of every random stream of this fit.
    pub seed: Seed,
    /// Policy of the epoch loop.
    pub trainer: Trainer,
    /// Validation, where there is any.
    pub validator: Option<&'a dyn Validator>,
    /// The listener.
    pub watch: &'a mut dyn Watch,
    /// Other models, for composites.
    pub registry: &'a Registry,
    /// Where to go on from.
    pub resume: Option<&'a ArtifactReader<'a>>,
}

impl std::fmt::Debug for FitCx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FitCx").field("seed", &self.seed).field("trainer", &self.trainer).finish_non_exhaustive()
    }
}

impl<'a> FitCx<'a> {
    /// A silent context without validation.
    pub fn plain(seed: u64, registry: &'a Registry, watch: &'a mut Silent) -> Self {
        Self { seed: Seed::new(seed), trainer: Trainer::default(), validator: None, watch, registry, resume: None }
    }

    /// The context of a child of a composite: its own seed, the same watcher and validation, no resume.
    pub fn child(&mut self, name: &str) -> FitCx<'_> {
        FitCx {
            seed: self.seed.named(name),
            trainer: self.trainer.clone(),
            validator: self.validator,
            watch: &mut *self.watch,
            registry: self.registry,
            resume: None,
        }
    }

    /// Tells the watcher how far long work without epochs has come; an abort comes back as an error.
    pub fn progress(&mut self, stage: &'static str, done: u64, total: u64) -> Result<(), FitError> {
        self.goes_on(stage, done, total).map(drop)
    }

    /// [`Self::progress`] of work that may end early: whether the watcher has not had enough (a time limit).
    pub fn goes_on(&mut self, stage: &'static str, done: u64, total: u64) -> Result<bool, FitError> {
        match self.watch.on(&FitEvent::Progress { stage, done, total }) {
            ControlFlow::Break(Halt::Abort) => Err(FitError::Interrupted { epoch: 0 }),
            ControlFlow::Break(Halt::Finish) => Ok(false),
            ControlFlow::Continue(()) => Ok(true),
        }
    }
}
