//! Layers of neurons, and dropout.

use candle_core::{Device, Tensor};
use segue_core::{ParamError, Seed, Stream};

use crate::engine::{Computed, Parameter, Start, Weights};
use crate::fused::{affine, layer_norm, meeting};

/// `x W + b` of rows: `(n, in)` to `(n, out)`.
pub(crate) fn linear(x: &Tensor, weights: &Weights, name: &str) -> Computed<Tensor> {
    affine(x, weights.get(&format!("{name}.weight"))?, weights.get(&format!("{name}.bias"))?, false)
}

/// What of `x W + b` is positive.
pub(crate) fn linear_relu(x: &Tensor, weights: &Weights, name: &str) -> Computed<Tensor> {
    affine(x, weights.get(&format!("{name}.weight"))?, weights.get(&format!("{name}.bias"))?, true)
}

/// The parameters of [`linear`]: weight `(in, out)`, bias `(out)`.
pub(crate) fn linear_parameters(name: &str, from: usize, to: usize) -> [Parameter; 2] {
    [
        Parameter::new(format!("{name}.weight"), &[from, to], Start::Glorot),
        Parameter::new(format!("{name}.bias"), &[to], Start::Zeros),
    ]
}

/// [`layer_norm`] with the parameters of this name.
pub(crate) fn norm(x: &Tensor, weights: &Weights, name: &str) -> Computed<Tensor> {
    layer_norm(x, weights.get(&format!("{name}.gain"))?, weights.get(&format!("{name}.bias"))?)
}

/// The parameters of [`norm`].
pub(crate) fn norm_parameters(name: &str, width: usize) -> [Parameter; 2] {
    [
        Parameter::new(format!("{name}.gain"), &[width], Start::Ones),
        Parameter::new(format!("{name}.bias"), &[width], Start::Zeros),
    ]
}

/// Dropout of a shard in training: each number is zeroed with probability `rate`, the others grow by `1 / (1 - rate)`. Nitish
/// Srivastava and others: *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 15, 2014.
///
/// The draws of a layer depend on the shard and the layer's name alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout {
    pub(crate) rate: f32,
    pub(crate) shard: Seed,
}

impl Dropout {
    pub(crate) fn of(self, x: &Tensor, layer: &str) -> Computed<Tensor> {
        let Some(masks) = self.masks(layer) else { return Ok(x.clone()) };
        let mut mask = vec![1.0_f32; x.elem_count()];
        masks.apply(&mut mask);
        x.mul(&Tensor::from_vec(mask, x.shape(), &Device::Cpu)?)
    }

    /// What falls on the numbers of a layer; `None` if nothing does.
    pub(crate) fn masks(self, layer: &str) -> Option<Masks> {
        (self.rate > 0.0).then(|| Masks {
            stream: self.shard.named(layer).stream(),
            below: (f64::from(self.rate) * 65536.0) as u64,
            kept: 1.0 / (1.0 - self.rate),
        })
    }
}

/// The draws of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Masks {
    stream: Stream,
    below: u64,
    kept: f32,
}

impl Masks {
    /// Zeroes some numbers and lets the others grow; four draws of sixteen bits from each number of the stream.
    pub(crate) fn apply(mut self, numbers: &mut [f32]) {
        for four in numbers.chunks_mut(4) {
            let mut bits = self.stream.next_u64();
            for number in four {
                *number *= if bits & 0xFFFF < self.below { 0.0 } else { self.kept };
                bits >>= 16;
            }
        }
    }
}

/// A tower of neurons over a pair: the first layer is shared out, so that what a user or an item adds to it is computed once
/// for each instead of once for each pair; the result is the same as of one layer over both vectors side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tower<'a> {
    /// Width of the two vectors together, then of each hidden layer.
    pub(crate) widths: &'a [usize],
}

impl Tower<'_> {
    /// Whether there are layers, and the first can be shared by two vectors of one length.
    pub(crate) fn check(self, model: &str) -> Result<(), ParamError> {
        let fits = self.widths.len() >= 2 && self.widths.iter().all(|width| (1..=65_536).contains(width));
        if fits && self.widths[0].is_multiple_of(2) {
            return Ok(());
        }
        let message = format!(
            "`mlp_layers` = {:?}: give the length of both vectors together, which is even, and at least one hidden layer, \
             e.g. [128, 64, 32, 16]",
            self.widths
        );
        Err(ParamError::Value { model: model.into(), message })
    }

    /// Length of a user's or an item's vector.
    pub(crate) fn half(self) -> usize {
        self.widths[0] / 2
    }

    /// Neurons of the first hidden layer.
    pub(crate) fn first(self) -> usize {
        self.widths[1]
    }

    /// Neurons of the last hidden layer.
    pub(crate) fn last(self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    pub(crate) fn parameters(self) -> Vec<Parameter> {
        let mut all = vec![
            Parameter::new("layer1.user", &[self.half(), self.first()], Start::Glorot),
            Parameter::new("layer1.item", &[self.half(), self.first()], Start::Glorot),
            Parameter::new("layer1.bias", &[self.first()], Start::Zeros),
        ];
        let deeper = self.widths[1..].windows(2).zip(2..);
        all.extend(deeper.flat_map(|(widths, n)| linear_parameters(&format!("layer{n}"), widths[0], widths[1])));
        all
    }

    /// What users add to the first layer: `(b, half)` to `(b, first)`.
    pub(crate) fn users(rows: &Tensor, weights: &Weights) -> Computed<Tensor> {
        let weight = weights.get("layer1.user")?;
        affine(rows, weight, &Tensor::zeros(weight.dim(1)?, rows.dtype(), rows.device())?, false)
    }

    /// What items add to the first layer, its bias included.
    pub(crate) fn items(rows: &Tensor, weights: &Weights) -> Computed<Tensor> {
        affine(rows, weights.get("layer1.item")?, weights.get("layer1.bias")?, false)
    }

    /// The last hidden layer of every pair: `(b, first)` and `(b · c, first)` to `(b · c, last)`.
    pub(crate) fn meet(
        self,
        users: &Tensor,
        items: &Tensor,
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        let drop = |x: Tensor, n: usize| dropout.map_or(Ok(x.clone()), |dropout| dropout.of(&x, &format!("layer{n}")));
        let mut x = drop(meeting(users, items)?, 1)?;
        for n in 2..self.widths.len() {
            x = drop(linear_relu(&x, weights, &format!("layer{n}"))?, n)?;
        }
        Ok(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn towers_without_layers_or_with_uneven_halves_are_refused() {
        let check = |widths: &[usize]| Tower { widths }.check("mlp");
        assert!(check(&[8, 4]).is_ok() && check(&[128, 64, 32, 16]).is_ok());
        for widths in [&[][..], &[8], &[7, 4], &[8, 0], &[1 << 20, 4]] {
            let refusal = check(widths).unwrap_err().to_string();
            assert!(refusal.contains("`mlp_layers`") && refusal.contains("[128, 64, 32, 16]"), "{refusal}");
        }
    }

    #[test]
    fn dropout_keeps_the_mean_and_depends_on_shard_and_layer_alone() {
        let x = Tensor::ones((100, 100), candle_core::DType::F32, &Device::Cpu).unwrap();
        let of = |rate, shard, layer: &str| {
            let dropped = Dropout { rate, shard: Seed::new(shard) }.of(&x, layer).unwrap();
            dropped.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let dropped = of(0.25, 1, "layer1");
        let zeros = dropped.iter().filter(|&&x| x == 0.0).count();
        assert!((2300..2700).contains(&zeros), "{zeros} of 10,000");
        assert!(dropped.iter().all(|&x| x == 0.0 || (x - 4.0 / 3.0).abs() < 1e-6));
        assert_eq!(dropped, of(0.25, 1, "layer1"));
        assert_ne!(dropped, of(0.25, 2, "layer1"));
        assert_ne!(dropped, of(0.25, 1, "layer2"));
        assert_eq!(of(0.0, 1, "layer1"), vec![1.0; 10_000]);
    }
}
