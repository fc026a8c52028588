//! How gradients move parameters: the optimiser, its pace, and the parameters that every model of this crate has.

use candle_core::Tensor;
use segue_core::training::adam::Decay;
use segue_core::training::sampler::shuffled;
use segue_core::training::tables::Table;
use segue_core::{FitError, Matrix, ParamError, Seed};
use serde::{Deserialize, Serialize};

use crate::losses::{Compared, Loss};
use crate::negatives::NegativeSampling;

/// The rule of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Adam on everything, as it is written. The penalty is part of the gradient.
    #[default]
    Adam,
    /// Adam on the rows of tables that a batch touches, moments decayed over the steps they missed: a step costs what its batch
    /// touches, and rows that are seldom met move less.
    LazyAdam,
    /// Lazy Adam with decay aside from the gradient (Loshchilov and Hutter, ICLR 2019).
    #[serde(alias = "adam_w")]
    #[serde(rename = "adamw")]
    AdamW,
    /// Plain gradient descent.
    Sgd,
}

/// How the step size changes over the training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// It does not.
    #[default]
    #[serde(alias = "constant")]
    None,
    /// It falls to zero as half a cosine over all epochs.
    Cosine,
    /// It is multiplied by `schedule_factor` every `schedule_epochs` epochs.
    Step,
    /// It is multiplied by `schedule_factor` after `schedule_epochs` epochs without a lower training loss.
    Plateau,
}

/// Items drawn for a like at most: a shard's vectors of them take a quarter of a GiB.
const MOST_DRAWS: usize = 4096;

/// What a model's parameters say of its descent.
#[derive(Debug, Clone)]
pub(crate) struct Descent {
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) learning_rate: f32,
    pub(crate) optimizer: Optimizer,
    pub(crate) betas: [f32; 2],
    pub(crate) l2: f32,
    pub(crate) schedule: Schedule,
    pub(crate) schedule_factor: f32,
    pub(crate) schedule_epochs: usize,
    pub(crate) warmup_steps: usize,
}

/// What the parameters of a model that compares likes with other items say of its training.
#[derive(Debug, Clone)]
pub(crate) struct Optimisation {
    pub(crate) descent: Descent,
    pub(crate) clip_norm: f32,
    pub(crate) loss: Loss,
    pub(crate) margin: f32,
    pub(crate) calibration: f32,
    pub(crate) negatives: usize,
    pub(crate) negative_sampling: NegativeSampling,
    pub(crate) hard_candidates: usize,
    pub(crate) init_std: f32,
}

impl Descent {
    /// As simple as can be, for tests.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            epochs: 4,
            batch_size: 1,
            learning_rate: 1.0,
            optimizer: Optimizer::Adam,
            betas: [0.9, 0.999],
            l2: 0.0,
            schedule: Schedule::None,
            schedule_factor: 0.5,
            schedule_epochs: 2,
            warmup_steps: 0,
        }
    }

    /// How large values are held back.
    pub(crate) fn decay(&self) -> Decay {
        match self.optimizer {
            Optimizer::AdamW => Decay::Decoupled(self.l2),
            Optimizer::Adam | Optimizer::LazyAdam | Optimizer::Sgd => Decay::Coupled(self.l2),
        }
    }

    /// Checks of several parameters together.
    pub(crate) fn check(&self, model: &str) -> Result<(), ParamError> {
        if self.betas.iter().all(|beta| (0.0..1.0).contains(beta)) {
            return Ok(());
        }
        let message = format!("`betas` = {:?}: both must be at least 0 and below 1", self.betas);
        Err(ParamError::Value { model: model.into(), message })
    }

    /// A table, and what moves it.
    pub(crate) fn table(&self, matrix: Matrix) -> Table {
        match self.optimizer {
            Optimizer::Sgd => Table::new(matrix, None),
            Optimizer::Adam => Table::dense(matrix, self.betas),
            Optimizer::LazyAdam | Optimizer::AdamW => Table::new(matrix, Some(self.betas)),
        }
    }
}

impl Optimisation {
    /// As simple as can be, for tests.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            descent: Descent::plain(),
            clip_norm: 0.0,
            loss: Loss::Bce,
            margin: 1.0,
            calibration: 0.75,
            negatives: 4,
            negative_sampling: NegativeSampling::Uniform,
            hard_candidates: 5,
            init_std: 0.01,
        }
    }

    /// Checks of several parameters together.
    pub(crate) fn check(&self, model: &str) -> Result<(), ParamError> {
        self.descent.check(model)?;
        let draws = self.negatives * self.candidates();
        if draws <= MOST_DRAWS {
            return Ok(());
        }
        let message = format!(
            "`negatives` = {} of `hard_candidates` = {} draws each are {draws} vectors for every like, more than {MOST_DRAWS}: \
             lower one of them",
            self.negatives, self.hard_candidates
        );
        Err(ParamError::Value { model: model.into(), message })
    }

    /// Rows of scores as the loss wants them, of a model of `n_items` items.
    pub(crate) fn compared<'a>(&self, scores: &'a Tensor, signs: Option<&'a Tensor>, n_items: usize) -> Compared<'a> {
        let power = Loss::power(self.negatives, n_items, self.calibration);
        Compared { scores, signs, negatives: self.negatives, margin: self.margin, power }
    }

    /// Draws per negative.
    pub(crate) fn candidates(&self) -> usize {
        match self.negative_sampling {
            NegativeSampling::Hard => self.hard_candidates,
            NegativeSampling::Uniform | NegativeSampling::Popularity => 1,
        }
    }
}

/// Declares a model's parameters: its own, then those of [`Descent`] with the defaults given after `descent`.
macro_rules! descent_params {
    (
        $(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }
        descent { epochs: $epochs:expr, batch_size: $batch:expr, learning_rate: $rate:expr, optimizer: $optimizer:ident, l2: $l2:expr }
    ) => {
        segue_core::params! {
            $(#[$meta])* pub struct $name {
                $($own)*
                /// Passes over the samples.
                epochs: usize = $epochs, range segue_core::Interval::at_least(0.0), alias "n_epochs", alias "max_epochs";
                /// Samples per step: likes with what is drawn for them, ratings, histories or sequences, as the model has it.
                batch_size: usize = $batch, range segue_core::Interval::between(1.0, 16_777_216.0);
                /// Batches whose gradients are averaged into one step.
                accumulate_grad_batches: usize = 1, range segue_core::Interval::between(1.0, 65_536.0);
                /// Step size.
                learning_rate: f32 = $rate, range segue_core::Interval::above(0.0), alias "lr";
                /// `adam` (a step moves every row of every table), `lazy_adam` (those that the batch touches), `adamw` (lazy, decay
                /// aside from the gradient) or `sgd`.
                optimizer: crate::optimise::Optimizer = crate::optimise::Optimizer::$optimizer;
                /// Decay rates of Adam's two moments.
                betas: [f32; 2] = segue_core::training::adam::BETAS;
                /// Penalty on the rows of a sample and, of most models, on weight matrices, never on biases; with `adamw` the decay of both.
                l2: f32 = $l2, range segue_core::Interval::at_least(0.0), alias "reg", alias "weight_decay", alias "decay";
                /// `none`, `cosine`, `step` or `plateau`.
                schedule: crate::optimise::Schedule = crate::optimise::Schedule::None, alias "scheduler";
                /// Factor of the schedules `step` and `plateau`.
                schedule_factor: f32 = 0.1, range segue_core::Interval::between(0.0, 1.0);
                /// Epochs between steps of `step`, or without a lower loss before one of `plateau`.
                schedule_epochs: usize = 10, range segue_core::Interval::at_least(1.0);
                /// Steps over which the step size rises from nothing.
                warmup_steps: usize = 0, range segue_core::Interval::at_least(0.0);
            }
        }

        impl $name {
            fn descent(&self) -> crate::optimise::Descent {
                crate::optimise::Descent {
                    epochs: self.epochs,
                    // The mean gradient of several batches is that of one as long as all of them.
                    batch_size: self.batch_size.saturating_mul(self.accumulate_grad_batches),
                    learning_rate: self.learning_rate,
                    optimizer: self.optimizer,
                    betas: self.betas,
                    l2: self.l2,
                    schedule: self.schedule,
                    schedule_factor: self.schedule_factor,
                    schedule_epochs: self.schedule_epochs,
                    warmup_steps: self.warmup_steps,
                }
            }
        }
    };
}
pub(crate) use descent_params;

/// Declares the parameters of a model that compares likes with other items: its own, then those of [`Optimisation`] with the
/// defaults given after `training`.
macro_rules! neural_params {
    (
        $(#[$meta:meta])* pub struct $name:ident { $($own:tt)* }
        training { epochs: $epochs:expr, batch_size: $batch:expr, learning_rate: $rate:expr, negatives: $negatives:expr, loss: $loss:ident, optimizer: $optimizer:ident,
            init_std: $std:expr }
    ) => {
        crate::optimise::descent_params! {
            $(#[$meta])* pub struct $name {
                $($own)*
                /// Standard deviation of the initial vectors.
                init_std: f32 = $std, range segue_core::Interval::at_least(0.0);
                /// `bce`, `bpr`, `hinge`, `mse`, `softmax` (over the like and the drawn), `gbce`; of models that read histories `full_softmax`
                /// (over all items), of two towers `in_batch` (over the likes of the batch).
                loss: crate::losses::Loss = crate::losses::Loss::$loss, alias "loss_type";
                /// Distance that satisfies the hinge loss.
                margin: f32 = 1.0, range segue_core::Interval::above(0.0);
                /// How far `gbce` takes back that only some items are drawn: 0 not at all, 1 wholly.
                calibration: f32 = 0.75, range segue_core::Interval::between(0.0, 1.0), alias "gbce_t";
                /// Negatives per like.
                negatives: usize = $negatives, range segue_core::Interval::between(1.0, 1024.0), alias "n_negatives", alias "num_negatives";
                /// `uniform`, `popularity` (as often as they are liked) or `hard`: the best scored of `hard_candidates` uniform draws.
                negative_sampling: crate::negatives::NegativeSampling = crate::negatives::NegativeSampling::Uniform;
                /// Draws from which a hard negative is the best scored.
                hard_candidates: usize = 5, range segue_core::Interval::between(1.0, 1024.0);
                /// Longest gradient of a step, all parameters together; 0 for no limit.
                clip_norm: f32 = 0.0, range segue_core::Interval::at_least(0.0), alias "gradient_clip_val";
            }
            descent { epochs: $epochs, batch_size: $batch, learning_rate: $rate, optimizer: $optimizer, l2: 0.0 }
        }

        impl $name {
            fn optimisation(&self) -> crate::optimise::Optimisation {
                crate::optimise::Optimisation {
                    descent: self.descent(),
                    clip_norm: self.clip_norm,
                    loss: self.loss,
                    margin: self.margin,
                    calibration: self.calibration,
                    negatives: self.negatives,
                    negative_sampling: self.negative_sampling,
                    hard_candidates: self.hard_candidates,
                    init_std: self.init_std,
                }
            }
        }
    };
}
pub(crate) use neural_params;

/// Shortens a gradient in several parts to at most `longest`; 0 is no limit.
pub(crate) fn clip(parts: &mut [&mut Vec<f32>], longest: f32) {
    if longest == 0.0 {
        return;
    }
    let squares = parts.iter().flat_map(|part| part.iter()).map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
    let scale = f64::from(longest) / squares.sqrt();
    if scale < 1.0 {
        parts.iter_mut().flat_map(|part| part.iter_mut()).for_each(|g| *g *= scale as f32);
    }
}

/// Stops a training whose loss, at step `n` of an epoch, from 0, is no longer a number.
pub(crate) fn finite(loss: f64, epoch: usize, n: usize) -> Result<(), FitError> {
    if loss.is_finite() { Ok(()) } else { Err(FitError::Diverged { epoch, step: Some(n + 1), loss }) }
}

/// A pass over `n` samples in random order, in batches of `size`: the mean loss. `step` takes a batch, its number from 0
/// and the seed of what the pass draws, and returns the sum of its losses.
pub(crate) fn each_batch(
    (n, size): (usize, usize),
    (seed, epoch): (Seed, usize),
    mut step: impl FnMut(&[u32], usize, Seed) -> Result<f64, FitError>,
) -> Result<f64, FitError> {
    let seed = seed.named("epoch").at(epoch as u64);
    let (order, samples) = (shuffled(n, seed), seed.named("samples"));
    let mut sum = 0.0;
    for (n, batch) in order.chunks(size).enumerate() {
        let loss = step(batch, n, samples)?;
        finite(loss, epoch, n)?;
        sum += loss;
    }
    Ok(sum / order.len() as f64)
}

/// Refuses a step of a model over so many samples that needs more memory than there may be.
pub(crate) fn held(step: String, batch: usize, needed_mib: u64, limit_mib: u64) -> Result<(), FitError> {
    if needed_mib <= limit_mib {
        return Ok(());
    }
    let way_out = format!("lower `batch_size` to {}", (batch as u64 * limit_mib / needed_mib).max(1));
    Err(FitError::Memory { what: step, needed_mib, limit_mib, way_out })
}

/// The step size, step by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// Steps done.
    step: u64,
    /// By what the plateaus so far have multiplied the step size.
    factor: f32,
    /// The lowest loss of an epoch, and the epochs since.
    best: Option<f64>,
    stale: usize,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { step: 0, factor: 1.0, best: None, stale: 0 }
    }

    /// Takes a step in `epoch`, from 1: its number, from 1, and its size.
    pub(crate) fn next(&mut self, how: &Descent, epoch: usize) -> (u64, f32) {
        self.step += 1;
        let done = (epoch - 1) as f32;
        let share = match how.schedule {
            Schedule::None => 1.0,
            Schedule::Cosine => 0.5 * (1.0 + (std::f32::consts::PI * done / how.epochs as f32).cos()),
            Schedule::Step => how.schedule_factor.powi(((epoch - 1) / how.schedule_epochs) as i32),
            Schedule::Plateau => self.factor,
        };
        let warm = if how.warmup_steps == 0 { 1.0 } else { (self.step as f32 / how.warmup_steps as f32).min(1.0) };
        (self.step, how.learning_rate * share * warm)
    }

    /// Hears the mean loss of an epoch.
    pub(crate) fn hear(&mut self, how: &Descent, loss: f64) {
        if self.best.is_none_or(|best| loss < best) {
            (self.best, self.stale) = (Some(loss), 0);
            return;
        }
        self.stale += 1;
        if self.stale >= how.schedule_epochs {
            self.factor *= how.schedule_factor;
            self.stale = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(how: &Descent, losses: [f64; 4]) -> Vec<f32> {
        let mut pace = Pace::new();
        let each = losses.iter().zip(1..).map(|(&loss, epoch)| {
            let size = pace.next(how, epoch).1;
            pace.hear(how, loss);
            size
        });
        each.collect()
    }

    #[test]
    fn schedules_change_the_step_size_as_they_say() {
        let of = |schedule, losses| sizes(&Descent { schedule, ..Descent::plain() }, losses);
        let falling = [4.0, 3.0, 2.0, 1.0];
        assert_eq!(of(Schedule::None, falling), [1.0; 4]);
        assert_eq!(of(Schedule::Step, falling), [1.0, 1.0, 0.5, 0.5]);
        assert_eq!(of(Schedule::Plateau, falling), [1.0; 4]);
        assert_eq!(of(Schedule::Plateau, [1.0; 4]), [1.0, 1.0, 1.0, 0.5]);
        let cosine = of(Schedule::Cosine, falling);
        assert!((cosine[2] - 0.5).abs() < 1e-6 && cosine[0] == 1.0 && cosine.is_sorted_by(|a, b| a > b), "{cosine:?}");
        assert_eq!(sizes(&Descent { warmup_steps: 4, ..Descent::plain() }, falling), [0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn parameters_that_contradict_each_other_are_refused() {
        assert!(Optimisation::plain().check("neumf").is_ok());
        let refusal = |how: Optimisation| how.check("neumf").unwrap_err().to_string();
        assert!(
            refusal(Optimisation {
                descent: Descent { betas: [0.9, 1.0], ..Descent::plain() },
                ..Optimisation::plain()
            })
            .contains("`betas`")
        );
        let hard = Optimisation { negatives: 1024, negative_sampling: NegativeSampling::Hard, ..Optimisation::plain() };
        assert!(refusal(hard).contains("5120"));
    }

    #[test]
    fn a_long_gradient_is_shortened_as_a_whole() {
        let (mut a, mut b) = (vec![3.0_f32], vec![0.0, 4.0]);
        clip(&mut [&mut a, &mut b], 10.0);
        assert_eq!((&a[..], &b[..]), (&[3.0][..], &[0.0, 4.0][..]));
        clip(&mut [&mut a, &mut b], 1.0);
        assert!((a[0] - 0.6).abs() < 1e-6 && (b[1] - 0.8).abs() < 1e-6);
    }
}
