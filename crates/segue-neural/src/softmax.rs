//! The last layer of a model that gives every item its share: logits, log-softmax, gradient and step in one.
//!
//! With `x` (b, h) the last but one layer, whose last number is 1, so that the last column of the table `W` (n, h) is the bias,
//! and `n_r` likes in row `r`:
//!
//! ```text
//! l = x Wᵀ      loss = Σ_r (n_r · ln Σ_i e^l_ri - Σ_{i liked} l_ri)      ∂loss / ∂l_ri = n_r · softmax(l_r)_i - [i liked]
//! ```
//!
//! Items are cut into fixed shards, each a task of its own, and those into blocks whose rows stay in the second-level cache. A
//! shard meets all rows twice: first for its logits, of which each block leaves `e^(l - highest)` and the sum of that; then, when
//! the sums of all blocks are known, for the gradients of `x`, summed in the order of the shards, and of `W`, which move the rows
//! at once and are never stored. Logits are the only large intermediate: b · n numbers.
//!
//! Cost: 3 b n h multiplications with an addition, b n exponentials, and for Adam seven numbers of memory for each of `W`.
//!
//! Written by hand, since an engine of derivatives would hold logits, exponentials and gradients side by side, and the gradient of
//! `W` whole, and read each again from memory.

use rayon::prelude::*;
use segue_core::kernels::{Block, axpy, exponentials, highest, matmul, scale};
use segue_core::training::adam::{Adam, Decay, Moments};
use segue_core::{ItemId, Matrix};

use crate::optimise::{Descent, Optimizer};

/// Items whose rows of the table are met together.
const BLOCK: usize = 256;
/// Tasks at most into which the items are cut; each holds a gradient of `x` of its own.
const SHARDS: usize = 32;

/// What moves rows of a dense table, or a layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mover {
    optimizer: Optimizer,
    decay: Decay,
    rate: f32,
    adam: Adam,
}

impl Mover {
    /// Step `t`, from 1, of size `rate`.
    pub(crate) fn new(how: &Descent, rate: f32, t: u64) -> Self {
        Self { optimizer: how.optimizer, decay: how.decay(), rate, adam: Adam::with(how.betas, rate, t) }
    }

    /// Moves some numbers; `held` says whether they are held back by the penalty.
    pub(crate) fn step(self, x: &mut [f32], moments: (&mut [f32], &mut [f32]), gradient: &mut [f32], held: bool) {
        match self.decay {
            Decay::Coupled(l2) if held && l2 != 0.0 => axpy(l2, x, gradient),
            Decay::Decoupled(strength) if held && strength != 0.0 => scale(1.0 - self.rate * strength, x),
            Decay::Coupled(_) | Decay::Decoupled(_) => {}
        }
        match self.optimizer {
            Optimizer::Sgd => axpy(-self.rate, gradient, x),
            Optimizer::Adam | Optimizer::LazyAdam | Optimizer::AdamW => {
                self.adam.step(x, moments, gradient, (1.0, 1.0));
            }
        }
    }
}

/// What a batch likes.
#[derive(Debug)]
pub(crate) struct Liked {
    /// Items with the row that likes them, rising.
    pairs: Vec<(ItemId, u32)>,
    /// Likes of each row.
    counts: Vec<f32>,
}

impl Liked {
    pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a [ItemId]>) -> Self {
        let (mut pairs, mut counts) = (Vec::new(), Vec::new());
        for (row, items) in rows.enumerate() {
            pairs.extend(items.iter().map(|&item| (item, row as u32)));
            counts.push(items.len() as f32);
        }
        pairs.sort_unstable();
        Self { pairs, counts }
    }

    /// The likes of items `first..end`.
    fn within(&self, first: usize, end: usize) -> &[(ItemId, u32)] {
        let from = self.pairs.partition_point(|&(item, _)| (item as usize) < first);
        let to = self.pairs.partition_point(|&(item, _)| (item as usize) < end);
        &self.pairs[from..to]
    }
}

/// Where a block of items stands.
#[derive(Clone, Copy)]
struct Place {
    /// First item.
    first: usize,
    /// Number of items.
    n: usize,
}

/// One shard between the two meetings.
struct Shard {
    /// Of each block, of each row: the highest logit, and the sum of `e^(l - highest)`.
    sums: Vec<Vec<(f32, f32)>>,
    /// Sum of the logits of what is liked.
    liked: f64,
}

/// The blocks of the shard that begins at item `first` and has `n` items.
fn blocks(first: usize, n: usize) -> impl Iterator<Item = Place> {
    (0..n.div_ceil(BLOCK)).map(move |b| Place { first: first + b * BLOCK, n: BLOCK.min(n - b * BLOCK) })
}

/// One step on the mean loss of the rows `x`: returns that loss and its gradient of `x`. `logits` is room that is used again.
pub(crate) fn step(
    (table, moments): (&mut Matrix, &mut Moments),
    x: &[f32],
    liked: &Liked,
    mover: Mover,
    logits: &mut Vec<f32>,
) -> (f64, Vec<f32>) {
    let (n_items, h, b) = (table.n_rows(), table.n_cols(), liked.counts.len());
    let per_shard = n_items.div_ceil(BLOCK).div_ceil(SHARDS) * BLOCK;
    logits.resize(n_items * b, 0.0);

    let shards = logits.par_chunks_mut(per_shard * b).enumerate();
    let shards: Vec<Shard> = shards
        .map(|(shard, mut logits)| {
            let mut met = Shard { sums: Vec::new(), liked: 0.0 };
            for Place { first, n } in blocks(shard * per_shard, logits.len() / b) {
                let block;
                (block, logits) = logits.split_at_mut(n * b);
                let rows = table.rows(first..first + n);
                matmul((block, Block::whole(b, n)), (x, Block::whole(b, h)), (rows, Block::turned(n, h)), 1.0, 0.0);
                for &(item, row) in liked.within(first, first + n) {
                    met.liked += f64::from(block[row as usize * n + item as usize - first]);
                }
                let sums = block.chunks_exact_mut(n).map(|row| {
                    let highest = highest(row);
                    (highest, exponentials(row, highest))
                });
                met.sums.push(sums.collect());
            }
            met
        })
        .collect();

    // ln Σ e^l of each row.
    let all = || shards.iter().flat_map(|shard| &shard.sums);
    let normalisers: Vec<f64> = (0..b)
        .map(|row| {
            let highest = all().map(|sums| sums[row].0).fold(f32::NEG_INFINITY, f32::max);
            let sum = all().map(|sums| f64::from(sums[row].1) * f64::from(sums[row].0 - highest).exp()).sum::<f64>();
            f64::from(highest) + sum.ln()
        })
        .collect();
    let loss = normalisers.iter().zip(&liked.counts).map(|(norm, count)| norm * f64::from(*count)).sum::<f64>();
    let loss = loss - shards.iter().map(|shard| shard.liked).sum::<f64>();

    let share = 1.0 / b as f32;
    let rows = table.as_mut_slice().par_chunks_mut(per_shard * h);
    let first_moments = moments.first.as_mut_slice().par_chunks_mut(per_shard * h);
    let second_moments = moments.second.as_mut_slice().par_chunks_mut(per_shard * h);
    let met = logits.par_chunks_mut(per_shard * b).zip(&shards).zip(rows).zip(first_moments).zip(second_moments);
    let of_x: Vec<Vec<f32>> = met
        .enumerate()
        .map(|(shard, ((((mut logits, met), rows), m), v))| {
            let (mut of_x, mut gradient) = (vec![0.0; b * h], vec![0.0; BLOCK.min(rows.len() / h) * h]);
            for (Place { first, n }, sums) in blocks(shard * per_shard, rows.len() / h).zip(&met.sums) {
                let block;
                (block, logits) = logits.split_at_mut(n * b);
                for (row, ((exponentials, sum), norm)) in
                    block.chunks_exact_mut(n).zip(sums).zip(&normalisers).enumerate()
                {
                    let factor = (f64::from(sum.0) - norm).exp() as f32;
                    scale(share * liked.counts[row] * factor, exponentials);
                }
                for &(item, row) in liked.within(first, first + n) {
                    block[row as usize * n + item as usize - first] -= share;
                }
                let start = (first - shard * per_shard) * h;
                let of_block = start..start + n * h;
                let (rows, gradient) = (&mut rows[of_block.clone()], &mut gradient[..n * h]);
                matmul(
                    (&mut of_x, Block::whole(b, h)),
                    (block, Block::whole(b, n)),
                    (rows, Block::whole(n, h)),
                    1.0,
                    1.0,
                );
                matmul((gradient, Block::whole(n, h)), (block, Block::turned(b, n)), (x, Block::whole(b, h)), 1.0, 0.0);
                let moments = m[of_block.clone()].chunks_exact_mut(h).zip(v[of_block].chunks_exact_mut(h));
                for ((row, gradient), (m, v)) in rows.chunks_exact_mut(h).zip(gradient.chunks_exact_mut(h)).zip(moments)
                {
                    let ((m, m_bias), (v, v_bias)) = (m.split_at_mut(h - 1), v.split_at_mut(h - 1));
                    let ((row, bias), (gradient, of_bias)) = (row.split_at_mut(h - 1), gradient.split_at_mut(h - 1));
                    mover.step(row, (m, v), gradient, true);
                    mover.step(bias, (m_bias, v_bias), of_bias, false);
                }
            }
            of_x
        })
        .collect();
    let mut sum = vec![0.0; b * h];
    sum.par_chunks_mut(8 * h).enumerate().for_each(|(n, rows)| {
        for part in &of_x {
            axpy(1.0, &part[n * 8 * h..n * 8 * h + rows.len()], rows);
        }
    });
    (loss / b as f64, sum)
}
