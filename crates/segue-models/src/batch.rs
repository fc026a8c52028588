//! The batch of a graph model: its nodes, and its comparisons as a small graph of their own.
//!
//! The loss of a pairwise batch has gradients of the form `g_a = Σ coefficient · E_b`. Kept as a matrix with an entry for
//! each term, grouped by row in the order of the samples, the gradient is a sparse × dense product like a hop of
//! propagation, has the same bits at any thread count, and nobody waits for a lock.

use rayon::prelude::*;
use segue_core::kernels::{product_lines, score_lines};
use segue_core::panels::{Panels, Scalar};

use crate::propagate::each_block;

/// User, liked item, other item, as nodes of the graph.
pub(crate) type Sample = [u32; 3];

/// Marks a node outside the batch.
const OUTSIDE: u32 = u32::MAX;

/// The distinct nodes of a batch, each with a slot, in rising order; or all nodes, where the batch meets most of them.
#[derive(Debug)]
pub(crate) struct Batch {
    nodes: Vec<u32>,
    slots: Vec<u32>,
    is_whole: bool,
}

impl Batch {
    /// The nodes of `samples`, and of what may become a part of them, out of `n_nodes`.
    pub(crate) fn new(n_nodes: usize, samples: &[Sample], candidates: &[u32]) -> Self {
        let mut slots = vec![OUTSIDE; n_nodes];
        samples.as_flattened().iter().chain(candidates).for_each(|&node| slots[node as usize] = 0);
        let mut nodes: Vec<u32> = (0..n_nodes as u32).filter(|&node| slots[node as usize] == 0).collect();
        let is_whole = 2 * nodes.len() > n_nodes;
        if is_whole {
            nodes = (0..n_nodes as u32).collect();
        }
        nodes.iter().zip(0..).for_each(|(&node, slot)| slots[node as usize] = slot);
        Self { nodes, slots, is_whole }
    }

    /// Number of slots.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node of each slot, rising.
    pub(crate) fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    /// True if every node has a slot, which is then its number.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The slot of `node`, if it has one.
    #[inline]
    pub(crate) fn slot(&self, node: u32) -> Option<u32> {
        Some(self.slots[node as usize]).filter(|&slot| slot != OUTSIDE)
    }
}

/// A sparse matrix over the slots of a batch: what each row's gradient takes of each row.
#[derive(Debug)]
pub(crate) struct Comparisons {
    row_ptr: Vec<usize>,
    cols: Vec<u32>,
    weights: Vec<f32>,
    n_users: usize,
}

impl Comparisons {
    /// The gradient of `Σ ℓ_n(E_u · E_i - E_u · E_j)` with the slopes of ℓ given, for tables scaled by `1/roots`; nodes
    /// before `n_users` are users.
    pub(crate) fn new(batch: &Batch, n_users: u32, samples: &[Sample], slopes: &[f32], roots: &[f32]) -> Self {
        let n_user_slots = batch.nodes.partition_point(|&node| node < n_users);
        let slot = |node: u32| batch.slots[node as usize] as usize;
        let mut row_ptr = vec![0_usize; batch.len() + 1];
        for &[user, liked, other] in samples {
            row_ptr[slot(user) + 1] += 2;
            row_ptr[slot(liked) + 1] += 1;
            row_ptr[slot(other) + 1] += 1;
        }
        for n in 0..batch.len() {
            row_ptr[n + 1] += row_ptr[n];
        }
        let of_users = row_ptr[n_user_slots];
        let (mut cols, mut weights) = (vec![0_u32; 4 * samples.len()], vec![0.0_f32; 4 * samples.len()]);
        let root = |node: u32| roots[node as usize];
        {
            let (user_cols, item_cols) = cols.split_at_mut(of_users);
            let (user_weights, item_weights) = weights.split_at_mut(of_users);
            let mut user_ends = row_ptr[..n_user_slots].to_vec();
            let mut item_ends: Vec<usize> =
                row_ptr[n_user_slots..batch.len()].iter().map(|end| end - of_users).collect();
            let each = || samples.iter().zip(slopes);
            rayon::join(
                || {
                    for (&[user, liked, other], slope) in each() {
                        let at = user_ends[slot(user)];
                        user_ends[slot(user)] += 2;
                        user_cols[at] = slot(liked) as u32;
                        user_cols[at + 1] = slot(other) as u32;
                        user_weights[at] = slope * root(liked) / root(user);
                        user_weights[at + 1] = -slope * root(other) / root(user);
                    }
                },
                || {
                    for (&[user, liked, other], slope) in each() {
                        for (item, slope) in [(liked, slope), (other, &-slope)] {
                            let end = &mut item_ends[slot(item) - n_user_slots];
                            item_cols[*end] = slot(user) as u32;
                            item_weights[*end] = slope * root(user) / root(item);
                            *end += 1;
                        }
                    }
                },
            );
        }
        Self { row_ptr, cols, weights, n_users: n_user_slots }
    }

    /// How many samples hold the node of a slot.
    pub(crate) fn count(&self, slot: u32) -> usize {
        let slot = slot as usize;
        let n = self.row_ptr[slot + 1] - self.row_ptr[slot];
        if slot < self.n_users { n / 2 } else { n }
    }

    /// `out = B · rows`.
    pub(crate) fn apply<S: Scalar, const N: usize>(&self, rows: &Panels<S, N>, out: &mut Panels<S, N>) {
        out.reshape(rows.n_rows());
        each_block(out, |p, first, lines| {
            let row_ptr = &self.row_ptr[first..=first + lines.len()];
            product_lines(rows.panel(p), row_ptr, (&self.cols, &self.weights), lines);
        });
    }
}

/// `x_n = E_u · E_i - E_u · E_j` of each sample, `E_j` being the best scored of the sample's candidates, which becomes a part
/// of it; where there are none, the sample is complete.
pub(crate) fn compare<S: Scalar, const N: usize>(
    batch: &Batch,
    rows: &Panels<S, N>,
    samples: &mut [Sample],
    candidates: &[u32],
    roots: &[f32],
) -> Vec<f32> {
    let per_sample = candidates.len() / samples.len().max(1);
    let slot = |node: u32| batch.slots[node as usize];
    let compare = |(slots, scores): &mut (Vec<u32>, Vec<f32>), (n, sample): (usize, &mut Sample)| {
        let given = [sample[2]];
        let candidates = if per_sample > 1 { &candidates[n * per_sample..(n + 1) * per_sample] } else { &given };
        slots.clear();
        slots.extend(candidates.iter().chain([&sample[1]]).map(|&node| slot(node)));
        scores.resize(slots.len(), 0.0);
        score_lines((rows.lines(), rows.n_rows()), slot(sample[0]) as usize, slots, scores);
        let mut best = f32::NEG_INFINITY;
        for (&candidate, score) in candidates.iter().zip(&*scores) {
            let score = roots[candidate as usize] * score;
            if score > best {
                (best, sample[2]) = (score, candidate);
            }
        }
        roots[sample[0] as usize] * (roots[sample[1] as usize] * scores[candidates.len()] - best)
    };
    samples.par_iter_mut().enumerate().with_min_len(128).map_init(Default::default, compare).collect()
}
