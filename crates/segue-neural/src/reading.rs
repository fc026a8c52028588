//! A pair reads what its user liked: the item asks, and each like answers as far as it fits.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};
use segue_core::kernels::{axpy, dot, exponentials, highest, scale};

use crate::engine::Computed;
use crate::fused::{slice, slices};

/// What some users liked: rows of a table, one user's behind the other's.
#[derive(Debug, Clone)]
pub(crate) struct Stretches {
    /// Each with 1 for a like, or -1 for a dislike.
    rows: Arc<[(u32, f32)]>,
    /// Where each user's begin, and last where all end.
    starts: Arc<[usize]>,
}

impl Stretches {
    /// Of likes.
    pub(crate) fn of<'a>(users: impl Iterator<Item = &'a [u32]>) -> Self {
        Self::signed(users.map(|rows| rows.iter().map(|&row| (row, 1.0)).collect()))
    }

    /// Of likes and dislikes.
    pub(crate) fn signed(users: impl Iterator<Item = Vec<(u32, f32)>>) -> Self {
        let (mut rows, mut starts) = (Vec::new(), vec![0]);
        for user in users {
            rows.extend(user);
            starts.push(rows.len());
        }
        Self { rows: rows.into(), starts: starts.into() }
    }

    /// The one user at `n`.
    pub(crate) fn only(&self, n: usize) -> Self {
        Self::signed(std::iter::once(self.user(n).to_vec()))
    }

    fn user(&self, n: usize) -> &[(u32, f32)] {
        &self.rows[self.starts[n]..self.starts[n + 1]]
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }
}

/// For each pair the sum of the `values` of its user's rows, weighed by the softmax of `query · key / √d` and the sign of each; zeros
/// for who liked nothing. `queries` `(b · c, d)`, the first `c` of which are of the first user; `keys` and `values` `(n, d)`; to `(b · c, d)`.
///
/// Ashish Vaswani and others: *Attention Is All You Need*, NIPS 2017, equation 1.
pub(crate) fn attend(queries: &Tensor, keys: &Tensor, values: &Tensor, liked: &Stretches) -> Computed<Tensor> {
    if liked.rows.is_empty() {
        return queries.zeros_like();
    }
    let asking = Asking { liked: liked.clone(), weights: OnceLock::new() };
    queries.contiguous()?.apply_op3(&keys.contiguous()?, &values.contiguous()?, asking)
}

struct Asking {
    liked: Stretches,
    /// Of the forward pass, pair by pair.
    weights: OnceLock<Vec<f32>>,
}

impl Asking {
    /// Each pair with the rows it reads.
    fn pairs(&self, n: usize) -> impl Iterator<Item = (usize, &[(u32, f32)])> {
        let c = n / self.liked.len();
        (0..n).map(move |pair| (pair, self.liked.user(pair / c)))
    }
}

impl CustomOp3 for Asking {
    fn name(&self) -> &'static str {
        "asking"
    }

    fn cpu_fwd(
        &self,
        queries: &CpuStorage,
        query_layout: &Layout,
        keys: &CpuStorage,
        key_layout: &Layout,
        values: &CpuStorage,
        value_layout: &Layout,
    ) -> Computed<(CpuStorage, Shape)> {
        let (n, d) = query_layout.shape().dims2()?;
        let (queries, keys, values) =
            (slice(queries, query_layout)?, slice(keys, key_layout)?, slice(values, value_layout)?);
        let row = |of, row: usize| part(of, row, d);
        let share = 1.0 / (d as f32).sqrt();
        let (mut out, mut all) = (vec![0.0; n * d], Vec::new());
        for ((pair, rows), out) in self.pairs(n).zip(out.chunks_exact_mut(d)) {
            let first = all.len();
            all.extend(rows.iter().map(|&(other, _)| share * dot(row(queries, pair), row(keys, other as usize))));
            let own = &mut all[first..];
            if own.is_empty() {
                continue;
            }
            let sum = exponentials(own, highest(own));
            scale(1.0 / sum, own);
            own.iter()
                .zip(rows)
                .for_each(|(&weight, &(other, sign))| axpy(sign * weight, row(values, other as usize), out));
        }
        // Asked for once for each tensor.
        drop(self.weights.set(all));
        Ok((CpuStorage::F32(out), (n, d).into()))
    }

    fn bwd(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Computed<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(mut weights) = self.weights.get().map(Vec::as_slice) else {
            return Err(candle_core::Error::Msg("attention is derived before it is computed".into()));
        };
        let ((n, d), (m, _), device) = (queries.dims2()?, keys.dims2()?, queries.device());
        let slope = slope.contiguous()?;
        slices!(q = queries, k = keys, v = values, given = slope);
        let share = 1.0 / (d as f32).sqrt();
        let (mut of_queries, mut of_keys, mut of_values) = (vec![0.0; n * d], vec![0.0; m * d], vec![0.0; m * d]);
        let mut slopes = Vec::new();
        for ((pair, rows), of_query) in self.pairs(n).zip(of_queries.chunks_exact_mut(d)) {
            let (own, rest) = weights.split_at(rows.len());
            weights = rest;
            let given = part(given, pair, d);
            slopes.clear();
            slopes.extend(rows.iter().map(|&(other, sign)| sign * dot(given, part(v, other as usize, d))));
            let mean = dot(own, &slopes);
            for ((&weight, &slope), &(other, sign)) in own.iter().zip(&slopes).zip(rows) {
                let (other, slope) = (other as usize, share * weight * (slope - mean));
                axpy(sign * weight, given, &mut of_values[other * d..(other + 1) * d]);
                axpy(slope, part(k, other, d), of_query);
                axpy(slope, part(q, pair, d), &mut of_keys[other * d..(other + 1) * d]);
            }
        }
        let tensor = |numbers: Vec<f32>, n: usize| Tensor::from_vec(numbers, (n, d), device).map(Some);
        Ok((tensor(of_queries, n)?, tensor(of_keys, m)?, tensor(of_values, m)?))
    }
}

fn part(rows: &[f32], row: usize, d: usize) -> &[f32] {
    &rows[row * d..(row + 1) * d]
}
