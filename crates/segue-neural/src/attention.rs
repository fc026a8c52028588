//! Self-attention over sequences that stand one behind the other, without padding.
//!
//! Ashish Vaswani and others: *Attention Is All You Need*, `NeurIPS` 2017, section 3.2. A row of the argument holds query, key and
//! value of one place, `(t, 3 d)`; sequence `s` is the next `lengths[s]` rows. What a padded batch computes for nothing is not
//! there: the cost is `Σ length² · d`.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp1, D, Device, Layout, Shape, Tensor};
use segue_core::kernels::{self, axpy, dot, exponentials, highest};

use crate::engine::Computed;
use crate::fused::{is_ours, slice, slices};
use crate::layers::{Dropout, Masks};

/// Who sees whom.
#[derive(Debug, Clone)]
pub(crate) struct Attention {
    /// Length of each sequence.
    pub(crate) lengths: Arc<[usize]>,
    /// Parts of a vector that attend by themselves.
    pub(crate) heads: usize,
    /// Whether a place sees none behind it.
    pub(crate) causal: bool,
}

impl Attention {
    /// What each place makes of those that it sees: `(t, 3 d)` to `(t, d)`; dropout falls on the weights.
    pub(crate) fn of(&self, rows: &Tensor, dropout: Option<(Dropout, &str)>) -> Computed<Tensor> {
        if is_ours(rows) {
            let masks = dropout.and_then(|(dropout, layer)| dropout.masks(layer));
            return rows.contiguous()?.apply_op1(Fused { how: self.clone(), masks, weights: OnceLock::new() });
        }
        self.by_the_engine(rows)
    }

    /// The same by operations of the engine, without dropout.
    fn by_the_engine(&self, rows: &Tensor) -> Computed<Tensor> {
        let d = rows.dim(1)? / 3;
        let (width, mut start) = (d / self.heads, 0);
        let mut all = Vec::with_capacity(self.lengths.len());
        for &n in &*self.lengths {
            let part = |which: usize, head: usize| {
                rows.narrow(0, start, n)?.narrow(1, which * d + head * width, width)?.contiguous()
            };
            let mut heads = Vec::with_capacity(self.heads);
            for head in 0..self.heads {
                let (q, k, v) = (part(0, head)?, part(1, head)?, part(2, head)?);
                let mut scores = (q.matmul(&k.t()?)? / (width as f64).sqrt())?;
                if self.causal {
                    let hidden = (0..n * n).map(|at| if at % n > at / n { f64::NEG_INFINITY } else { 0.0 });
                    let hidden = Tensor::from_iter(hidden, rows.device())?.reshape((n, n))?.to_dtype(rows.dtype())?;
                    scores = (scores + hidden)?;
                }
                let weights = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
                let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
                heads.push(weights.matmul(&v)?);
            }
            all.push(Tensor::cat(&heads, 1)?);
            start += n;
        }
        Tensor::cat(&all, 0)
    }

    /// Weights of all places together.
    fn n_weights(&self) -> usize {
        let pairs = |n: usize| if self.causal { n * (n + 1) / 2 } else { n * n };
        self.heads * self.lengths.iter().map(|&n| pairs(n)).sum::<usize>()
    }

    /// For each sequence, head and place in turn: the first row of the sequence, the head, the place and how many it sees.
    fn places(&self) -> impl Iterator<Item = Place> {
        let starts = self.lengths.iter().scan(0, |start, &n| Some((std::mem::replace(start, *start + n), n)));
        let (heads, causal) = (self.heads, self.causal);
        let each = starts.flat_map(move |(start, n)| (0..heads).map(move |head| (start, n, head)));
        each.flat_map(move |(start, n, head)| {
            let seen = move |place: usize| if causal { place + 1 } else { n };
            (0..n).map(move |place| Place { start, head, row: start + place, seen: seen(place) })
        })
    }
}

/// A place of a sequence, for one head.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// First row of the sequence.
    start: usize,
    head: usize,
    row: usize,
    /// How many rows from `start` it sees.
    seen: usize,
}

struct Fused {
    how: Attention,
    masks: Option<Masks>,
    /// Of the forward pass, in the order of the places: the weights, and what dropout left of them.
    weights: OnceLock<(Vec<f32>, Vec<f32>)>,
}

impl CustomOp1 for Fused {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, rows: &CpuStorage, layout: &Layout) -> Computed<(CpuStorage, Shape)> {
        let (t, d) = (layout.shape().dims2()?.0, layout.shape().dims2()?.1 / 3);
        let (rows, width) = (slice(rows, layout)?, d / self.how.heads);
        let scale = 1.0 / (width as f32).sqrt();
        let part = |row: usize, which: usize, head: usize| &rows[(3 * row + which) * d + head * width..][..width];
        let mut weights = Vec::with_capacity(self.how.n_weights());
        for Place { start, head, row, seen } in self.how.places() {
            let (query, first) = (part(row, 0, head), weights.len());
            weights.extend((start..start + seen).map(|other| scale * dot(query, part(other, 1, head))));
            let own = &mut weights[first..];
            let sum = exponentials(own, highest(own));
            kernels::scale(1.0 / sum, own);
        }
        let mut kept = weights.clone();
        if let Some(masks) = &self.masks {
            masks.clone().apply(&mut kept);
        }
        let (mut out, mut rest) = (vec![0.0; t * d], &kept[..]);
        for Place { start, head, row, seen } in self.how.places() {
            let (own, after) = rest.split_at(seen);
            let sum = &mut out[row * d + head * width..][..width];
            own.iter().zip(start..).for_each(|(&weight, other)| axpy(weight, part(other, 2, head), sum));
            rest = after;
        }
        // Asked for once for each tensor.
        drop(self.weights.set((weights, kept)));
        Ok((CpuStorage::F32(out), (t, d).into()))
    }

    fn bwd(&self, arg: &Tensor, _: &Tensor, slope: &Tensor) -> Computed<Option<Tensor>> {
        let Some((weights, kept)) = self.weights.get() else {
            return Err(candle_core::Error::Msg("attention is derived before it is computed".into()));
        };
        let (t, d) = (arg.dim(0)?, arg.dim(1)? / 3);
        let width = d / self.how.heads;
        let scale = 1.0 / (width as f32).sqrt();
        let slope = slope.contiguous()?;
        slices!(rows = arg, given = slope);
        let at = |row: usize, which: usize, head: usize| (3 * row + which) * d + head * width;
        let (mut out, mut first, mut slopes) = (vec![0.0_f32; rows.len()], 0, Vec::new());
        for Place { start, head, row, seen } in self.how.places() {
            let own = &given[row * d + head * width..][..width];
            let (weights, kept) = (&weights[first..first + seen], &kept[first..first + seen]);
            first += seen;
            slopes.clear();
            for (other, (&weight, &kept)) in (start..).zip(weights.iter().zip(kept)) {
                axpy(kept, own, &mut out[at(other, 2, head)..][..width]);
                // What dropout took had no share in the result; what it left grew by `kept / weight`.
                let grown = if kept == 0.0 { 0.0 } else { kept / weight };
                slopes.push(grown * dot(own, &rows[at(other, 2, head)..][..width]));
            }
            let mean = dot(weights, &slopes);
            for (other, (&weight, &slope)) in (start..).zip(weights.iter().zip(&slopes)) {
                let slope = scale * weight * (slope - mean);
                axpy(slope, &rows[at(other, 1, head)..][..width], &mut out[at(row, 0, head)..][..width]);
                axpy(slope, &rows[at(row, 0, head)..][..width], &mut out[at(other, 1, head)..][..width]);
            }
        }
        Tensor::from_vec(out, (t, 3 * d), &Device::Cpu).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::numbers;
    use candle_core::{DType, Var};
    use segue_core::Seed;

    fn rows(t: usize, d: usize) -> Vec<f32> {
        let mut stream = Seed::new(3).stream();
        (0..t * 3 * d).map(|_| stream.normal() as f32).collect()
    }

    /// The sum of the results, each with a weight of its own, and its gradient.
    fn derived(of: impl Fn(&Tensor) -> Tensor, rows: &Var) -> (Vec<f32>, Vec<f32>) {
        let out = of(rows.as_tensor());
        let weights = (0..out.elem_count()).map(|n| (n % 7) as f64 - 2.5);
        let weights = Tensor::from_iter(weights, &Device::Cpu).unwrap().to_dtype(out.dtype()).unwrap();
        let sum = (out.flatten_all().unwrap() * weights).unwrap().sum_all().unwrap();
        let gradient = sum.backward().unwrap().get(rows.as_tensor()).unwrap().to_dtype(DType::F32).unwrap();
        (numbers(&out.to_dtype(DType::F32).unwrap()).unwrap(), numbers(&gradient).unwrap())
    }

    #[test]
    fn the_fused_operation_and_its_gradient_are_those_of_the_engine_in_double_precision() {
        let (lengths, d) = ([3_usize, 1, 5], 4);
        let data = rows(9, d);
        for (heads, causal) in [(1, true), (2, true), (2, false)] {
            let how = Attention { lengths: lengths.as_slice().into(), heads, causal };
            let ours = Var::from_slice(&data, (9, 3 * d), &Device::Cpu).unwrap();
            let double: Vec<f64> = data.iter().copied().map(f64::from).collect();
            let theirs = Var::from_slice(&double, (9, 3 * d), &Device::Cpu).unwrap();
            let found = derived(|rows| how.of(rows, None).unwrap(), &ours);
            let wanted = derived(|rows| how.of(rows, None).unwrap(), &theirs);
            for (found, wanted) in found.0.iter().chain(&found.1).zip(wanted.0.iter().chain(&wanted.1)) {
                assert!((found - wanted).abs() < 1e-5, "{heads} heads, causal: {causal}: {found} for {wanted}");
            }
        }
    }

    #[test]
    fn gradients_with_dropout_equal_finite_differences() {
        let how = Attention { lengths: [4_usize, 2].as_slice().into(), heads: 2, causal: true };
        let dropout = Dropout { rate: 0.3, shard: Seed::new(5) };
        let sum = |rows: &Var| derived(|rows| how.of(rows, Some((dropout, "weights"))).unwrap(), rows);
        let data = rows(6, 4);
        let gradient = sum(&Var::from_slice(&data, (6, 12), &Device::Cpu).unwrap()).1;
        for (n, found) in gradient.into_iter().enumerate() {
            let moved = |by: f32| {
                let mut data = data.clone();
                data[n] += by;
                let out = sum(&Var::from_slice(&data, (6, 12), &Device::Cpu).unwrap()).0;
                out.iter().enumerate().map(|(n, x)| ((n % 7) as f64 - 2.5) * f64::from(*x)).sum::<f64>()
            };
            let wanted = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((f64::from(found) - wanted).abs() < 5e-3, "{n}: {found} for {wanted}");
        }
    }
}
