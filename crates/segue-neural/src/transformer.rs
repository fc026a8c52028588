//! Blocks of self-attention and of two layers at each place, each around a residual connection.

use std::sync::Arc;

use candle_core::Tensor;

use crate::attention::Attention;
use crate::engine::{Computed, Parameter, Weights};
use crate::layers::{Dropout, linear, linear_parameters, linear_relu, norm, norm_parameters};

/// Blocks one upon the other, and a norm on top.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transformer {
    pub(crate) blocks: usize,
    pub(crate) heads: usize,
    /// Length of the vectors, a multiple of `heads`.
    pub(crate) width: usize,
    /// Whether what enters a layer is normed (`x + f(norm(x))`), or what leaves it (`norm(x + f(x))`).
    pub(crate) norm_first: bool,
    pub(crate) causal: bool,
}

impl Transformer {
    pub(crate) fn parameters(self) -> Vec<Parameter> {
        let d = self.width;
        let block = |n: usize| {
            let named = |part: &str| format!("block{n}.{part}");
            [
                &linear_parameters(&named("attention.in"), d, 3 * d)[..],
                &linear_parameters(&named("attention.out"), d, d),
                &norm_parameters(&named("norm1"), d),
                &linear_parameters(&named("forward1"), d, d),
                &linear_parameters(&named("forward2"), d, d),
                &norm_parameters(&named("norm2"), d),
            ]
            .concat()
        };
        (1..=self.blocks).flat_map(block).chain(norm_parameters("norm", d)).collect()
    }

    /// `(t, width)` to `(t, width)`: sequences one behind the other.
    pub(crate) fn of(
        self,
        x: Tensor,
        lengths: &Arc<[usize]>,
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        let attention = Attention { lengths: lengths.clone(), heads: self.heads, causal: self.causal };
        let mut x = x;
        for n in 1..=self.blocks {
            let named = |part: &str| format!("block{n}.{part}");
            let drop = |x: &Tensor, part: &str| dropout.map_or(Ok(x.clone()), |dropout| dropout.of(x, &named(part)));
            let attend = |x: &Tensor| {
                let rows = linear(x, weights, &named("attention.in"))?;
                let layer = named("attention");
                let seen = attention.of(&rows, dropout.map(|dropout| (dropout, &layer[..])))?;
                drop(&linear(&seen, weights, &named("attention.out"))?, "attention.out")
            };
            let forward = |x: &Tensor| {
                let hidden = drop(&linear_relu(x, weights, &named("forward1"))?, "forward1")?;
                drop(&linear(&hidden, weights, &named("forward2"))?, "forward2")
            };
            let norm = |x: &Tensor, part: &str| norm(x, weights, &named(part));
            if self.norm_first {
                x = (&x + attend(&norm(&x, "norm1")?)?)?;
                x = (&x + forward(&norm(&x, "norm2")?)?)?;
            } else {
                x = norm(&(&x + attend(&x)?)?, "norm1")?;
                x = norm(&(&x + forward(&x)?)?, "norm2")?;
            }
        }
        norm(&x, weights, "norm")
    }
}
