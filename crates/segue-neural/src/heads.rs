//! What states of histories make of the items that came next: the loss, and the slopes of states and of items.
//!
//! A score is the product of a state and an item's vector. The slope of a state is a weighed sum of items, that of an item a
//! weighed sum of states; both are summed directly, outside the engine. Full cross-entropy over `n` items costs `6 t n d`
//! operations for `t` states, drawn items `6 t (1 + k) d`.

use std::ops::Range;

use candle_core::{Device, Var};
use rayon::prelude::*;
use segue_core::kernels::{Block, axpy, dot, exponentials, highest, matmul, scale};
use segue_core::training::rows::Terms;
use segue_core::training::sampler::Positives;
use segue_core::{ItemId, Matrix, Seed, UserId};

use crate::engine::{Computed, gradient};
use crate::losses::Loss;
use crate::negatives::best_of;
use crate::optimise::Optimisation;

/// States `(t, d)`, one behind the other, each with the item that came next and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct States<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) next: &'a [ItemId],
    pub(crate) users: &'a [UserId],
}

/// Slopes of the mean loss.
#[derive(Debug, Default)]
pub(crate) struct Slopes {
    /// The sum of the losses.
    pub(crate) loss: f64,
    /// `(t, d)`.
    pub(crate) of_states: Vec<f32>,
    /// Of items, as terms over the states and, behind them, `drawn`.
    pub(crate) terms: Terms,
    /// Of items met in the batch, `(m, d)`.
    pub(crate) drawn: Vec<f32>,
    /// Of all items, `(n, d)`; empty unless all are compared.
    pub(crate) of_items: Vec<f32>,
}

/// Compares each state with the item that came next and those drawn beside it, or all of its domain.
pub(crate) fn slopes(
    how: &Optimisation,
    states: States<'_>,
    items: &Matrix,
    positives: &Positives,
    samples: Seed,
) -> Computed<Slopes> {
    match how.loss {
        Loss::FullSoftmax => Ok(over_all(states, items, positives.starts())),
        _ => over_drawn(how, states, items, positives, samples),
    }
}

/// States that a thread takes at once.
const SHARD: usize = 64;

fn over_drawn(
    how: &Optimisation,
    states: States<'_>,
    items: &Matrix,
    positives: &Positives,
    samples: Seed,
) -> Computed<Slopes> {
    let (t, d, m) = (states.next.len(), items.n_cols(), 1 + how.negatives);
    let share = 1.0 / t as f32;
    // Loss, items and slopes of scores `(n, m)`, slopes of states `(n, d)`.
    type Shard = (f64, Vec<ItemId>, Vec<f32>, Vec<f32>);
    let shard = |first: usize| -> Computed<Shard> {
        let range = first..t.min(first + SHARD);
        let state = |n: usize| &states.rows[n * d..(n + 1) * d];
        let mut seen = Vec::with_capacity(range.len() * m);
        for n in range.clone() {
            let (user, item) = (states.users[n], states.next[n]);
            let others = positives.others(user, item);
            let mut stream = samples.at(n as u64).stream();
            let mut draw = || how.negative_sampling.draw(positives, (user, item), &others, &mut stream);
            let drawn: Vec<ItemId> = (0..how.negatives * how.candidates()).map(|_| draw()).collect();
            seen.push(item);
            if how.candidates() > 1 {
                let scores: Vec<f32> = drawn.iter().map(|&item| dot(state(n), items.row(item as usize))).collect();
                seen.extend(best_of(&scores, &drawn, how.candidates()));
            } else {
                seen.extend(drawn);
            }
        }
        let scores = range.clone().zip(seen.chunks_exact(m));
        let scores: Vec<f32> = scores
            .flat_map(|(n, seen)| seen.iter().map(move |&item| dot(state(n), items.row(item as usize))))
            .collect();
        let scores = Var::from_vec(scores, (range.len(), m), &Device::Cpu)?;
        let loss = how.loss.of(how.compared(scores.as_tensor(), None, largest(positives)))?.sum_all()?;
        let mut slopes = gradient(&loss.backward()?, scores.as_tensor())?;
        for slope in &mut slopes {
            *slope *= share;
        }
        let mut of_states = vec![0.0; range.len() * d];
        let rows = of_states.chunks_exact_mut(d).zip(seen.chunks_exact(m).zip(slopes.chunks_exact(m)));
        for (row, (seen, slopes)) in rows {
            seen.iter().zip(slopes).for_each(|(&item, &slope)| axpy(slope, items.row(item as usize), row));
        }
        Ok((f64::from(loss.to_scalar::<f32>()?), seen, slopes, of_states))
    };
    let firsts: Vec<usize> = (0..t).step_by(SHARD).collect();
    let shards: Vec<Shard> = firsts.into_par_iter().map(shard).collect::<Computed<_>>()?;
    let mut all = Slopes::default();
    let drawn = share / how.negatives as f32;
    for (loss, seen, slopes, of_states) in shards {
        let first = all.of_states.len() / d;
        for (n, (&item, &slope)) in seen.iter().zip(&slopes).enumerate() {
            let penalty = if n.is_multiple_of(m) { share } else { drawn };
            all.terms.push(item, (first + n / m) as u32, slope, penalty);
        }
        all.loss += loss;
        all.of_states.extend(of_states);
    }
    Ok(all)
}

/// The other items of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InBatch<'a> {
    /// How likely a like is of each item, whose logarithm is taken off its scores; `None` for no correction.
    pub(crate) shares: Option<&'a [f32]>,
    /// Uniformly drawn items beside those of the batch.
    pub(crate) mixed: usize,
}

/// Where each item of a list stands in it: a user likes few items, and the list is long.
struct Places(Vec<(ItemId, u32)>);

impl Places {
    fn of(items: &[ItemId]) -> Self {
        let mut places: Vec<(ItemId, u32)> = items.iter().copied().zip(0..).collect();
        places.sort_unstable();
        Self(places)
    }

    fn of_item(&self, item: ItemId) -> impl Iterator<Item = usize> {
        let first = self.0.partition_point(|&(other, _)| other < item);
        self.0[first..].iter().take_while(move |&&(other, _)| other == item).map(|&(_, n)| n as usize)
    }
}

/// Compares each state with the items that came next in the whole batch and some drawn ones, but for those that its user likes.
pub(crate) fn in_batch(
    batch: InBatch<'_>,
    states: States<'_>,
    items: &Matrix,
    positives: &Positives,
    samples: Seed,
) -> Slopes {
    const STATES: usize = 64;
    const ITEMS: usize = 256;
    let (t, d, n_items) = (states.next.len(), items.n_cols(), items.n_rows());
    let mut stream = samples.stream();
    let drawn = (0..batch.mixed).map(|_| stream.below(n_items as u32));
    let seen: Vec<ItemId> = states.next.iter().copied().chain(drawn).collect();
    let (m, share) = (seen.len(), 1.0 / t as f32);
    let vectors = items.gathered(&seen);
    let uniform = batch.mixed as f32 / n_items as f32;
    let likely = |item: ItemId, shares: &[f32]| (t as f32 * shares[item as usize] + uniform) / m as f32;
    let corrections: Option<Vec<f32>> =
        batch.shares.map(|shares| seen.iter().map(|&item| likely(item, shares).ln()).collect());
    let places = Places::of(&seen);
    let mut all = Slopes { of_states: vec![0.0; t * d], drawn: vec![0.0; m * d], ..Slopes::default() };
    // As many rows of scores as take eight MiB: they are read twice more.
    let span = ((1 << 21) / m).next_multiple_of(STATES);
    let mut scores = vec![0.0_f32; span.min(t) * m];
    for (start, (own, of_states)) in
        states.rows.chunks(span * d).zip(all.of_states.chunks_mut(span * d)).enumerate().map(|(n, of)| (n * span, of))
    {
        let t = own.len() / d;
        let scores = &mut scores[..t * m];
        let blocks = scores.par_chunks_mut(STATES * m).zip(of_states.par_chunks_mut(STATES * d));
        let losses: Vec<f64> = blocks
            .zip(own.par_chunks(STATES * d))
            .enumerate()
            .map(|(block, ((scores, of_states), own))| {
                let n = own.len() / d;
                let (across, along) = (Block::turned(m, d), Block::whole(m, d));
                matmul((scores, Block::whole(n, m)), (own, Block::whole(n, d)), (&vectors, across), 1.0, 0.0);
                let mut loss = 0.0;
                for (row, scores) in (start + block * STATES..).zip(scores.chunks_exact_mut(m)) {
                    if let Some(corrections) = &corrections {
                        axpy(-1.0, corrections, scores);
                    }
                    for &item in positives.likes().cols_of(states.users[row] as usize) {
                        places.of_item(item).filter(|&n| n != row).for_each(|n| scores[n] = f32::NEG_INFINITY);
                    }
                    loss += cross_entropy(scores, row, share);
                }
                matmul((of_states, Block::whole(n, d)), (scores, Block::whole(n, m)), (&vectors, along), 1.0, 0.0);
                loss
            })
            .collect();
        all.loss += losses.iter().sum::<f64>();
        let scores = &*scores;
        all.drawn.par_chunks_mut(ITEMS * d).enumerate().for_each(|(block, out)| {
            let n = out.len() / d;
            let turned = Block { n_rows: n, n_cols: t, offset: block * ITEMS, stride: m, transposed: true };
            matmul((out, Block::whole(n, d)), (scores, turned), (own, Block::whole(t, d)), 1.0, 1.0);
        });
    }
    let penalty = |n: usize| if n < t { share } else { 0.0 };
    seen.iter().enumerate().for_each(|(n, &item)| all.terms.push(item, (t + n) as u32, 1.0, penalty(n)));
    all
}

/// The cross-entropy of a row of scores with its `own`; leaves in their place what they add to the slope of the mean, of which a
/// row has this `share`.
fn cross_entropy(scores: &mut [f32], own: usize, share: f32) -> f64 {
    let most = highest(scores);
    let wanted = scores[own] - most;
    let sum = exponentials(scores, most);
    scale(share / sum, scores);
    scores[own] -= share;
    f64::from(sum.ln() - wanted)
}

/// Items of the largest domain.
fn largest(positives: &Positives) -> usize {
    positives.starts().windows(2).map(|ends| (ends[1] - ends[0]) as usize).max().unwrap_or_default()
}

/// Cross-entropy over all items of each next item's domain.
fn over_all(states: States<'_>, items: &Matrix, starts: &[ItemId]) -> Slopes {
    let (t, d) = (states.next.len(), items.n_cols());
    let mut all = Slopes { of_states: vec![0.0; t * d], of_items: vec![0.0; items.n_rows() * d], ..Slopes::default() };
    let share = 1.0 / t as f32;
    states.next.iter().for_each(|&item| all.terms.push(item, 0, 0.0, share));
    for ends in starts.windows(2) {
        let domain = ends[0]..ends[1];
        let rows: Vec<usize> = (0..t).filter(|&n| domain.contains(&states.next[n])).collect();
        let vectors = items.rows(domain.start as usize..domain.end as usize);
        // As many rows of scores as take sixteen MiB.
        for rows in rows.chunks((1 << 22) / domain.len().max(1) + 1) {
            all.loss += within(states, rows, (&domain, vectors), d, &mut all.of_states, &mut all.of_items);
        }
    }
    all
}

/// The share of some states in [`over_all`].
fn within(
    states: States<'_>,
    rows: &[usize],
    (domain, vectors): (&Range<ItemId>, &[f32]),
    d: usize,
    of_states: &mut [f32],
    of_items: &mut [f32],
) -> f64 {
    const STATES: usize = 16;
    const ITEMS: usize = 256;
    let (n, share) = (domain.len(), 1.0 / states.next.len() as f32);
    let mut gathered = Vec::with_capacity(rows.len() * d);
    for &row in rows {
        gathered.extend_from_slice(&states.rows[row * d..(row + 1) * d]);
    }
    let (mut scores, mut passed) = (vec![0.0_f32; rows.len() * n], vec![0.0_f32; rows.len() * d]);
    let blocks = scores.par_chunks_mut(STATES * n).zip(passed.par_chunks_mut(STATES * d));
    let blocks = blocks.zip(gathered.par_chunks(STATES * d)).zip(rows.par_chunks(STATES));
    let losses: Vec<f64> = blocks
        .map(|(((scores, passed), gathered), rows)| {
            let across = Block::turned(n, d);
            matmul(
                (scores, Block::whole(rows.len(), n)),
                (gathered, Block::whole(rows.len(), d)),
                (vectors, across),
                1.0,
                0.0,
            );
            let mut loss = 0.0;
            for (scores, &row) in scores.chunks_exact_mut(n).zip(rows) {
                let own = (states.next[row] - domain.start) as usize;
                loss += cross_entropy(scores, own, share);
            }
            matmul(
                (passed, Block::whole(rows.len(), d)),
                (scores, Block::whole(rows.len(), n)),
                (vectors, Block::whole(n, d)),
                1.0,
                0.0,
            );
            loss
        })
        .collect();
    for (&row, passed) in rows.iter().zip(passed.chunks_exact(d)) {
        of_states[row * d..(row + 1) * d].copy_from_slice(passed);
    }
    let own = &mut of_items[domain.start as usize * d..domain.end as usize * d];
    own.par_chunks_mut(ITEMS * d).enumerate().for_each(|(block, out)| {
        let n_items = out.len() / d;
        let turned = Block { n_rows: n_items, n_cols: rows.len(), offset: block * ITEMS, stride: n, transposed: true };
        matmul((out, Block::whole(n_items, d)), (&scores, turned), (&gathered, Block::whole(rows.len(), d)), 1.0, 1.0);
    });
    losses.iter().sum()
}

#[cfg(test)]
mod tests {
    use segue_core::Csr;
    use segue_core::training::rows::RowGradients;

    use super::*;
    use crate::negatives::NegativeSampling;

    /// Seven items of two domains, of which two users like some.
    fn positives() -> Positives {
        let likes = Csr::from_rows(7, vec![vec![(0, 1.0), (5, 1.0)], vec![(2, 1.0), (4, 1.0)]]);
        Positives::of(likes.unwrap(), vec![0, 3, 7])
    }

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut stream = Seed::new(seed).stream();
        (0..n).map(|_| stream.normal() as f32).collect()
    }

    /// The mean loss, and its slopes by states and by all items.
    fn measured(how: &Optimisation, rows: &[f32], items: &[f32]) -> (f64, Vec<f32>, Vec<f32>) {
        let (d, users, next) = (3, [0, 0, 1, 1], [0, 5, 2, 4]);
        let states = States { rows, next: &next, users: &users };
        let found = slopes(how, states, &Matrix::from_vec(7, d, items.to_vec()), &positives(), Seed::new(9)).unwrap();
        let mut of_items = RowGradients::all(vec![0.0; 7 * d], d);
        of_items.add(&found.terms.sum(rows, d));
        let of_items = of_items.data.iter().enumerate().map(|(n, x)| x + found.of_items.get(n).unwrap_or(&0.0));
        (found.loss / 4.0, found.of_states, of_items.collect())
    }

    #[test]
    fn slopes_equal_finite_differences() {
        let (rows, items) = (numbers(12, 1), numbers(21, 2));
        for (loss, negatives) in [
            (Loss::FullSoftmax, 1),
            (Loss::Softmax, 3),
            (Loss::Bce, 1),
            (Loss::Gbce, 2),
            (Loss::Bpr, 2),
            (Loss::Mse, 1),
        ] {
            let how = Optimisation { loss, negatives, ..Optimisation::plain() };
            let (_, of_states, of_items) = measured(&how, &rows, &items);
            let check = |slopes: &[f32], moved: &dyn Fn(usize, f32) -> f64| {
                for (n, &found) in slopes.iter().enumerate() {
                    let wanted = (moved(n, 1e-2) - moved(n, -1e-2)) / 2e-2;
                    assert!((f64::from(found) - wanted).abs() < 1e-3, "{loss:?}, {n}: {found} for {wanted}");
                }
            };
            let by = |numbers: &[f32], n: usize, by: f32| {
                let mut numbers = numbers.to_vec();
                numbers[n] += by;
                numbers
            };
            check(&of_states, &|n, x| measured(&how, &by(&rows, n, x), &items).0);
            check(&of_items, &|n, x| measured(&how, &rows, &by(&items, n, x)).0);
        }
    }

    #[test]
    fn slopes_within_a_batch_equal_finite_differences() {
        let (rows, items) = (numbers(12, 1), numbers(21, 2));
        let shares = [0.3, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1];
        for batch in [InBatch { shares: None, mixed: 0 }, InBatch { shares: Some(&shares), mixed: 3 }] {
            let measured = |rows: &[f32], items: &[f32]| {
                let states = States { rows, next: &[0, 5, 2, 3], users: &[0, 0, 1, 1] };
                let items = Matrix::from_vec(7, 3, items.to_vec());
                let found = in_batch(batch, states, &items, &positives(), Seed::new(9));
                let mut of_items = RowGradients::all(vec![0.0; 21], 3);
                of_items.add(&found.terms.sum(&[rows, &found.drawn].concat(), 3));
                (found.loss / 4.0, found.of_states, of_items.data)
            };
            let (_, of_states, of_items) = measured(&rows, &items);
            let by = |numbers: &[f32], n: usize, by: f32| {
                let mut numbers = numbers.to_vec();
                numbers[n] += by;
                numbers
            };
            for (n, &found) in of_states.iter().enumerate() {
                let moved = |x: f32| measured(&by(&rows, n, x), &items).0;
                let wanted = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((f64::from(found) - wanted).abs() < 1e-3, "{batch:?}, state {n}: {found} for {wanted}");
            }
            for (n, &found) in of_items.iter().enumerate() {
                let moved = |x: f32| measured(&rows, &by(&items, n, x)).0;
                let wanted = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((f64::from(found) - wanted).abs() < 1e-3, "{batch:?}, item {n}: {found} for {wanted}");
            }
        }
    }

    #[test]
    fn hard_negatives_are_those_that_the_state_scores_best() {
        let hard = NegativeSampling::Hard;
        let how = Optimisation { negative_sampling: hard, hard_candidates: 40, negatives: 1, ..Optimisation::plain() };
        let items = Matrix::from_vec(7, 1, vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let states = States { rows: &[1.0, -1.0], next: &[0, 5], users: &[0, 0] };
        let found = slopes(&how, states, &items, &positives(), Seed::new(9)).unwrap().terms.sum(states.rows, 1);
        // Of {1, 2} the largest, of {3, 4, 6} the smallest.
        assert_eq!(found.rows, [0, 2, 3, 5]);
    }
}
