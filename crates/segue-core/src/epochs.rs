//! The one epoch loop: early stopping, the best snapshot, checkpoints, resume, divergence. No model has its own.

use std::io::{self, Write};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::artifact::{ArtifactError, ArtifactReader, ArtifactWriter};
use crate::fit::{FitCx, FitError, FitEvent, Halt};
use crate::model::Recommender;

/// Whether more or less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// More is better.
    #[default]
    Max,
    /// Less is better.
    Min,
}

impl Mode {
    /// Whether `new` is better than `old`; equal values and NaN are not.
    pub fn better(self, new: f64, old: f64) -> bool {
        match self {
            Self::Max => new > old,
            Self::Min => new < old,
        }
    }
}

/// When to stop before the last epoch, and what the best snapshot is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Validation metric, e.g. `ndcg@10`.
    pub metric: String,
    /// Whether more or less of it is better.
    pub mode: Mode,
    /// Validations without improvement after which the loop ends.
    pub patience: usize,
}

/// Policy of the epoch loop. Without a validator all epochs run and the last model is the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trainer {
    /// How the best model is chosen on validation; `None` keeps the last.
    pub early_stopping: Option<EarlyStopping>,
    /// Epochs between validations, at least 1.
    pub validate_every: usize,
    /// Epochs between checkpoints; 0 for none.
    pub checkpoint_every: usize,
    /// Whether the model of the last epoch is told as a [`FitEvent::Snapshot`], too.
    pub tells_last: bool,
}

impl Default for Trainer {
    fn default() -> Self {
        Self { early_stopping: None, validate_every: 1, checkpoint_every: 0, tells_last: false }
    }
}

/// One line of the training log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean training loss.
    pub loss: f64,
    /// Validation metrics, if this epoch was validated.
    pub valid: Vec<(String, f64)>,
    /// Whether this is the best model so far.
    pub best: bool,
}

/// A model in training.
pub trait Trainable {
    /// What comes out.
    type Model: Recommender;

    /// Runs epoch `epoch` (from 1) and returns its mean loss. Its random numbers depend on the epoch's number alone.
    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError>;
    /// The model as it stands.
    fn snapshot(&self) -> Self::Model;
    /// Writes the state that the next epoch needs.
    fn save_state<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError>;
    /// Reads it back into a freshly made trainable of the same data and parameters.
    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError>;
}

#[derive(Serialize, Deserialize)]
struct Progress {
    records: Vec<EpochRecord>,
    best: Option<(usize, f64)>,
    stale: usize,
}

/// Runs at most `epochs` epochs of `trainable` under the policy and watcher of `cx`; `load` reads a saved model.
///
/// The result is the best snapshot on validation, or the last where nothing is validated. A fit that diverges ends with the best
/// snapshot so far, and fails where there is none.
pub fn run_epochs<T: Trainable>(
    trainable: &mut T,
    epochs: usize,
    cx: &mut FitCx<'_>,
    load: impl Fn(&ArtifactReader<'_>) -> Result<T::Model, ArtifactError>,
) -> Result<T::Model, FitError> {
    let mut best: Option<T::Model> = None;
    let mut progress = Progress { records: Vec::new(), best: None, stale: 0 };
    if let Some(checkpoint) = cx.resume {
        progress = checkpoint.meta("progress")?;
        trainable.load_state(&checkpoint.scope("state"))?;
        if progress.best.is_some() {
            best = Some(load(&checkpoint.scope("best"))?);
        }
    }
    tell(cx, &FitEvent::Start { epochs, records: &progress.records }, 0)?;

    let patience = cx.trainer.early_stopping.as_ref().filter(|_| cx.validator.is_some()).map(|stop| stop.patience);
    for epoch in progress.records.len() + 1..=epochs {
        if patience.is_some_and(|patience| progress.stale >= patience) {
            break;
        }
        let loss = match trainable.epoch(epoch) {
            Ok(loss) if loss.is_finite() => loss,
            Err(error) if !matches!(error, FitError::Diverged { .. }) => return Err(error),
            diverged => {
                let error = diverged.map_or_else(|error| error, |loss| FitError::Diverged { epoch, step: None, loss });
                let Some((kept, _)) = progress.best.filter(|_| best.is_some()) else { return Err(error) };
                tell(cx, &FitEvent::Diverged { error: &error, kept }, epoch)?;
                break;
            }
        };
        let due = epoch.is_multiple_of(cx.trainer.validate_every.max(1)) || epoch == epochs;
        let mut record = EpochRecord { epoch, loss, valid: Vec::new(), best: false };
        if let Some(validator) = cx.validator.filter(|_| due) {
            let snapshot = trainable.snapshot();
            record.valid = validator.validate(&snapshot)?;
            if let Some(stop) = cx.trainer.early_stopping.clone() {
                let value = metric(&record.valid, &stop.metric)?;
                // Who has had enough says so of the epoch, too, once its checkpoint can be written.
                let _ = cx.watch.on(&FitEvent::Snapshot { epoch, value: Some(value), model: &snapshot });
                if progress.best.is_none_or(|(_, old)| stop.mode.better(value, old)) {
                    progress.best = Some((epoch, value));
                    progress.stale = 0;
                    record.best = true;
                    best = Some(snapshot);
                } else {
                    progress.stale += 1;
                }
            }
        }
        progress.records.push(record);
        let record = &progress.records[epoch - 1];
        let halted = cx.watch.on(&FitEvent::Epoch(record));

        let halting = halted.is_break();
        let every = cx.trainer.checkpoint_every;
        if every > 0 && (epoch.is_multiple_of(every) || halting || epoch == epochs) {
            let save = |out: &mut dyn Write| write_checkpoint(trainable, best.as_ref(), &progress, out);
            tell(cx, &FitEvent::Checkpoint { epoch, save: &save }, epoch)?;
        }
        match halted {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(Halt::Finish) => break,
            ControlFlow::Break(Halt::Abort) => return Err(FitError::Interrupted { epoch }),
        }
    }
    if cx.trainer.tells_last && !progress.records.is_empty() {
        let epoch = progress.records.len();
        tell(cx, &FitEvent::Snapshot { epoch, value: None, model: &trainable.snapshot() }, epoch)?;
    }
    Ok(best.unwrap_or_else(|| trainable.snapshot()))
}

fn tell(cx: &mut FitCx<'_>, event: &FitEvent<'_>, epoch: usize) -> Result<(), FitError> {
    match cx.watch.on(event) {
        ControlFlow::Break(Halt::Abort) => Err(FitError::Interrupted { epoch }),
        _ => Ok(()),
    }
}

fn metric(valid: &[(String, f64)], name: &str) -> Result<f64, FitError> {
    valid.iter().find(|(key, _)| key == name).map(|&(_, value)| value).ok_or_else(|| {
        let known = valid.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", ");
        FitError::Validation(format!("early stopping watches `{name}`, but validation measures: {known}"))
    })
}

fn write_checkpoint<T: Trainable>(
    trainable: &T,
    best: Option<&T::Model>,
    progress: &Progress,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut artifact = ArtifactWriter::new();
    artifact.meta("progress", progress).map_err(io::Error::other)?;
    artifact.scope("state", |artifact| trainable.save_state(artifact)).map_err(io::Error::other)?;
    if let Some(best) = best {
        artifact.scope("best", |artifact| best.save(artifact)).map_err(io::Error::other)?;
    }
    artifact.write_to(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Candidates, FitCx, Query, Registry, Scorer, Validator, Watch};

    /// Scores everything by the epochs it was trained.
    struct Counted(usize);

    impl Recommender for Counted {
        fn encode<'a>(&'a self, _: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
            struct Constant(f32);
            impl Scorer for Constant {
                fn score(&mut self, _: Candidates<'_>, out: &mut [f32]) {
                    out.fill(self.0);
                }
            }
            Box::new(Constant(self.0 as f32))
        }

        fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
            Ok(())
        }
    }

    /// Diverges in epoch `bad`.
    struct Wild {
        bad: usize,
        done: usize,
    }

    impl Trainable for Wild {
        type Model = Counted;

        fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
            self.done = epoch;
            if epoch == self.bad { Err(FitError::Diverged { epoch, step: Some(7), loss: f64::NAN }) } else { Ok(1.0) }
        }

        fn snapshot(&self) -> Counted {
            Counted(self.done)
        }

        fn save_state<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
            Ok(())
        }

        fn load_state(&mut self, _: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
            Ok(())
        }
    }

    /// The better, the more epochs.
    struct Growing;

    impl Validator for Growing {
        fn validate(&self, model: &dyn Recommender) -> Result<Vec<(String, f64)>, FitError> {
            let mut score = [0.0];
            model.encode(&[]).score(Candidates::Range(0..1), &mut score);
            Ok(vec![("hr@1".into(), f64::from(score[0]))])
        }
    }

    #[derive(Default)]
    struct Heard(String);

    impl Watch for Heard {
        fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt> {
            if let FitEvent::Diverged { .. } = event {
                self.0 = format!("{event:?}");
            }
            ControlFlow::Continue(())
        }
    }

    /// Aborts at every event, and counts checkpoints.
    #[derive(Default)]
    struct Impatient(Vec<usize>);

    impl Watch for Impatient {
        fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt> {
            match event {
                FitEvent::Start { .. } => return ControlFlow::Continue(()),
                FitEvent::Checkpoint { epoch, .. } => self.0.push(*epoch),
                _ => {}
            }
            ControlFlow::Break(Halt::Abort)
        }
    }

    #[test]
    fn who_aborts_at_a_snapshot_has_a_checkpoint_of_its_epoch() {
        let (registry, mut impatient) = (Registry::default(), Impatient::default());
        let stop = EarlyStopping { metric: "hr@1".into(), mode: Mode::Max, patience: 9 };
        let mut cx = FitCx {
            seed: crate::Seed::new(1),
            trainer: Trainer { early_stopping: Some(stop), checkpoint_every: 1, ..Trainer::default() },
            validator: Some(&Growing),
            watch: &mut impatient,
            registry: &registry,
            resume: None,
        };
        let error = run_epochs(&mut Wild { bad: 9, done: 0 }, 5, &mut cx, |_| Ok(Counted(0))).map(|_| ()).unwrap_err();
        assert!(matches!(error, FitError::Interrupted { epoch: 1 }), "{error}");
        assert_eq!(impatient.0, [1]);
    }

    fn run(bad: usize) -> (Result<usize, String>, String) {
        let (registry, mut heard) = (Registry::default(), Heard::default());
        let stop = EarlyStopping { metric: "hr@1".into(), mode: Mode::Max, patience: 9 };
        let trainer = Trainer { early_stopping: Some(stop), ..Trainer::default() };
        let mut cx = FitCx {
            seed: crate::Seed::new(1),
            trainer,
            validator: Some(&Growing),
            watch: &mut heard,
            registry: &registry,
            resume: None,
        };
        let found = run_epochs(&mut Wild { bad, done: 0 }, 5, &mut cx, |_| Ok(Counted(0)));
        (found.map(|model| model.0).map_err(|error| error.to_string()), heard.0)
    }

    #[test]
    fn a_fit_that_diverges_keeps_the_best_and_says_at_which_step() {
        assert_eq!(run(9), (Ok(5), String::new()));
        let (model, heard) = run(4);
        assert_eq!(model, Ok(3));
        assert!(
            heard.contains("epoch 4, step 7: lower the learning rate") && heard.ends_with("kept epoch 3"),
            "{heard}"
        );
        let refusal = run(1).0.unwrap_err();
        assert!(refusal.contains("became NaN in epoch 1, step 7"), "{refusal}");
    }
}
