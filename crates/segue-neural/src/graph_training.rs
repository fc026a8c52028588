//! How models over the graph of likes are trained: a like of each sample against a drawn item (Steffen Rendle and others: *BPR*, UAI
//! 2009), whatever the layers between the vectors and the answers.

use rayon::prelude::*;
use segue_core::kernels::dot;
use segue_core::training::adam::{Moments, matrix_like};
use segue_core::training::rows::{RowGradients, Terms};
use segue_core::training::sampler::{Positives, shuffled};
use segue_core::{ArtifactError, ArtifactReader, ArtifactWriter, FitError, Matrix, Seed, TrainData};

use crate::optimise::{Descent, Optimizer, Pace, finite};
use crate::softmax::Mover;

/// A user, a liked item, another item, all as nodes.
pub(crate) type Sample = [u32; 3];

/// A sample for each of some likes, the first of which draws from stream `first`; none for who likes all of a domain and compares
/// nothing.
fn drawn(positives: &Positives, likes: &[u32], (draws, first): (Seed, usize)) -> Vec<Sample> {
    let n_users = positives.likes().n_rows() as u32;
    let draw = |(at, &like): (usize, &u32)| {
        let (user, item) = positives.pair(like);
        let others = positives.others(user, item);
        let mut stream = draws.at((first + at) as u64).stream();
        (!others.is_empty()).then(|| [user, n_users + item, n_users + others.draw(&mut stream)])
    };
    likes.iter().enumerate().filter_map(draw).collect()
}

/// `ln(1 + e^-x)` and its slope.
pub(crate) fn logistic(x: f32) -> (f64, f32) {
    let e = (-x.abs()).exp();
    (f64::from((-x).max(0.0) + e.ln_1p()), -(if x > 0.0 { e } else { 1.0 }) / (1.0 + e))
}

/// What the samples of a step say of the answers.
pub(crate) struct Compared {
    /// The nodes that they name, rising.
    pub(crate) nodes: Vec<u32>,
    pub(crate) loss: f64,
    /// Gradients of the nodes' answers, by their place in `nodes`, with the share of the penalty of each.
    pub(crate) gradients: RowGradients,
}

impl Compared {
    /// `answer` gives the `d` numbers of a node.
    pub(crate) fn of(samples: &[Sample], d: usize, l2: f32, answer: impl Fn(usize) -> Vec<f32>) -> Self {
        let mut nodes: Vec<u32> = samples.iter().flatten().copied().collect();
        nodes.sort_unstable();
        nodes.dedup();
        let slot = |node: u32| nodes.partition_point(|&other| other < node) as u32;
        let rows: Vec<f32> = nodes.iter().flat_map(|&node| answer(node as usize)).collect();
        let row = |slot: u32| &rows[slot as usize * d..(slot as usize + 1) * d];
        let (share, mut loss, mut terms) = (1.0 / samples.len() as f32, 0.0, Terms::default());
        for sample in samples {
            let [u, i, j] = sample.map(slot);
            let (cost, slope) = logistic(dot(row(u), row(i)) - dot(row(u), row(j)));
            loss += cost;
            let (slope, penalty) = (share * slope, share * l2);
            for (of, with, slope, penalty) in
                [(u, i, slope, penalty), (u, j, -slope, 0.0), (i, u, slope, penalty), (j, u, -slope, penalty)]
            {
                terms.push(of, with, slope, penalty);
            }
        }
        let gradients = terms.sum(&rows, d);
        Self { nodes, loss: loss / samples.len() as f64, gradients }
    }

    /// Each node with its share of the penalty and the gradient of its answer.
    pub(crate) fn each(&self) -> impl Iterator<Item = (usize, f32, &[f32])> {
        let rows = self.gradients.within(0..self.nodes.len());
        rows.map(|(slot, penalty, gradient)| (self.nodes[slot] as usize, penalty, gradient))
    }
}

/// What a training is beside what it learns.
pub(crate) struct Course {
    pub(crate) positives: Positives,
    how: Descent,
    seed: Seed,
    /// Of each matrix that is learnt.
    moments: Vec<Moments>,
    pace: Pace,
}

/// One step of a training.
pub(crate) struct Step<'a> {
    mover: Mover,
    moments: &'a mut [Moments],
    /// Penalty on the vectors of a sample, which is part of the gradient; else everything is held back.
    pub(crate) coupled: Option<f32>,
    pub(crate) seed: Seed,
}

impl Step<'_> {
    /// The penalty that is part of the gradient.
    pub(crate) fn l2(&self) -> f32 {
        self.coupled.unwrap_or(0.0)
    }

    /// Moves all matrices, each with its gradient and whether a decay may hold it back.
    pub(crate) fn take<'m>(self, parts: impl Iterator<Item = (&'m mut Matrix, Vec<f32>, bool)>) {
        const NUMBERS: usize = 1 << 14;
        let Self { mover, moments, coupled, .. } = self;
        for ((matrix, mut gradient, held), moments) in parts.zip(moments) {
            let held = held && coupled.is_none();
            let m = moments.first.as_mut_slice().par_chunks_mut(NUMBERS);
            let v = moments.second.as_mut_slice().par_chunks_mut(NUMBERS);
            let x = matrix.as_mut_slice().par_chunks_mut(NUMBERS);
            x.zip(gradient.par_chunks_mut(NUMBERS))
                .zip(m.zip(v))
                .for_each(|((x, gradient), moments)| mover.step(x, moments, gradient, held));
        }
    }
}

impl Course {
    pub(crate) fn new(how: Descent, data: &TrainData<'_>, model: &str, seed: Seed) -> Result<Self, FitError> {
        let positives = Positives::new(data, model)?;
        Ok(Self { positives, how, seed, moments: Vec::new(), pace: Pace::new() })
    }

    /// Begins to learn these matrices.
    pub(crate) fn learn<'m>(&mut self, matrices: impl Iterator<Item = &'m Matrix>) {
        self.moments = matrices.map(Moments::of).collect();
    }

    /// A pass over all likes in random order; `step` takes the samples of a batch and returns their mean loss.
    pub(crate) fn epoch(
        &mut self,
        epoch: usize,
        mut step: impl FnMut(&[Sample], Step<'_>) -> f64,
    ) -> Result<f64, FitError> {
        let seed = self.seed.named("epoch").at(epoch as u64);
        let (order, draws) = (shuffled(self.positives.len(), seed), seed.named("samples"));
        let size = self.how.batch_size;
        let coupled = (self.how.optimizer != Optimizer::AdamW).then_some(self.how.l2);
        let (mut sum, mut n_samples) = (0.0, 0);
        for (n, batch) in order.chunks(size).enumerate() {
            let samples = drawn(&self.positives, batch, (draws, n * size));
            let (t, rate) = self.pace.next(&self.how, epoch);
            if samples.is_empty() {
                continue;
            }
            let mover = Mover::new(&self.how, rate, t);
            let seed = seed.named("step").at(n as u64);
            let loss = step(&samples, Step { mover, moments: &mut self.moments, coupled, seed });
            finite(loss, epoch, n)?;
            sum += loss * samples.len() as f64;
            n_samples += samples.len();
        }
        let mean = sum / n_samples.max(1) as f64;
        self.pace.hear(&self.how, mean);
        Ok(mean)
    }

    /// Writes what the next step needs, with the matrices that are learnt.
    pub(crate) fn save<'a>(
        &'a self,
        matrices: impl Iterator<Item = (String, &'a Matrix)>,
        out: &mut ArtifactWriter<'a>,
    ) -> Result<(), ArtifactError> {
        for ((name, matrix), moments) in matrices.zip(&self.moments) {
            out.matrix(&name, matrix);
            out.scope(&format!("adam.{name}"), |out| moments.save(out));
        }
        out.meta("pace", &self.pace)
    }

    /// Reads what [`Course::save`] wrote, in the same shapes.
    pub(crate) fn load<'m>(
        &mut self,
        matrices: impl Iterator<Item = (String, &'m mut Matrix)>,
        from: &ArtifactReader<'_>,
    ) -> Result<(), ArtifactError> {
        for ((name, matrix), moments) in matrices.zip(&mut self.moments) {
            *matrix = matrix_like(from, &name, matrix)?;
            moments.load(&from.scope(&format!("adam.{name}")))?;
        }
        self.pace = from.meta("pace")?;
        Ok(())
    }
}
