//! What a liked item's score costs beside those of the items drawn for it.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::engine::Computed;

/// The loss of a like with score `s` and `n` drawn items with scores `sⱼ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Binary cross-entropy: `(ln(1 + e^-s) + Σⱼ ln(1 + e^sⱼ)) / (1 + n)`.
    #[default]
    Bce,
    /// Pairwise logistic: `meanⱼ ln(1 + e^(sⱼ - s))`.
    Bpr,
    /// Pairwise, linear below a margin: `meanⱼ max(0, margin - (s - sⱼ))`.
    Hinge,
    /// Squares, to 1 for the like and 0 for the others: `((1 - s)² + Σⱼ sⱼ²) / (1 + n)`.
    Mse,
    /// Cross-entropy over the like and the drawn: `ln(e^s + Σⱼ e^sⱼ) - s`.
    #[serde(alias = "sampled_softmax")]
    Softmax,
    /// Cross-entropy over all items of the like's domain, nothing drawn: models that read histories.
    #[serde(alias = "cross_entropy", alias = "ce")]
    FullSoftmax,
    /// Cross-entropy over the liked items of the batch: two towers alone.
    InBatch,
    /// Binary cross-entropy whose likes count less, the fewer of the items are drawn: `β ln(1 + e^-s) + Σⱼ ln(1 + e^sⱼ)`, over
    /// `1 + n`. Aleksandr Petrov, Craig Macdonald: *gSASRec: Reducing Overconfidence in Sequential Recommendation Trained with
    /// Negative Sampling*, `RecSys` 2023.
    Gbce,
}

/// Rows of scores and what to make of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared<'a> {
    /// `(b, 1 + m)`: the own item first, then drawn ones.
    pub(crate) scores: &'a Tensor,
    /// `(b, 1)`: 1 for a like, -1 for a dislike; `None` if all are likes.
    pub(crate) signs: Option<&'a Tensor>,
    /// How many drawn items a like has in training; `m` may differ.
    pub(crate) negatives: usize,
    /// Distance that satisfies the hinge loss.
    pub(crate) margin: f32,
    /// `β` of generalised binary cross-entropy.
    pub(crate) power: f64,
}

impl Loss {
    /// `β = 1 - t (1 - α)`, where `α` is the share of the other items that are drawn and `t` the calibration: 0 for plain binary
    /// cross-entropy, 1 for scores whose sigmoid is the probability among all items.
    pub(crate) fn power(negatives: usize, n_items: usize, calibration: f32) -> f64 {
        let drawn = (negatives as f64 / (n_items as f64 - 1.0).max(1.0)).min(1.0);
        1.0 - f64::from(calibration) * (1.0 - drawn)
    }

    /// The loss of each row, `(b, 1)`.
    pub(crate) fn of(self, compared: Compared<'_>) -> Computed<Tensor> {
        let m = compared.scores.dim(1)? - 1;
        let (own, drawn) = (compared.scores.narrow(1, 0, 1)?, compared.scores.narrow(1, 1, m)?);
        let signed = |x: Tensor| compared.signs.map_or(Ok(x.clone()), |signs| x.broadcast_mul(signs));
        let n = compared.negatives as f64;
        // For losses of single scores: a dislike is wanted at 0, and needs nothing drawn beside it.
        let wanted = match compared.signs {
            Some(signs) => signs.affine(0.5, 0.5)?,
            None => own.ones_like()?,
        };
        match self {
            Self::Bce => {
                let own = softplus(&signed(own)?.neg()?)?;
                let drawn = softplus(&drawn)?.mean_keepdim(D::Minus1)?;
                (own + drawn.mul(&wanted)? * n)? / (1.0 + n)
            }
            Self::Gbce => {
                let own = (softplus(&signed(own)?.neg()?)? * compared.power)?;
                let drawn = softplus(&drawn)?.mean_keepdim(D::Minus1)?;
                (own + drawn.mul(&wanted)? * n)? / (1.0 + n)
            }
            Self::Mse => {
                let drawn = drawn.sqr()?.mean_keepdim(D::Minus1)?;
                ((own - &wanted)?.sqr()? + drawn.mul(&wanted)? * n)? / (1.0 + n)
            }
            Self::Bpr => softplus(&signed(drawn.broadcast_sub(&own)?)?)?.mean_keepdim(D::Minus1),
            Self::Hinge => {
                let below = signed(drawn.broadcast_sub(&own)?)?.affine(1.0, f64::from(compared.margin))?;
                below.relu()?.mean_keepdim(D::Minus1)
            }
            // Over those that are there.
            Self::Softmax | Self::FullSoftmax | Self::InBatch => softplus(&signed((log_sum_exp(&drawn)? - own)?)?),
        }
    }
}

/// `ln(1 + e^x)`, without overflow.
fn softplus(x: &Tensor) -> Computed<Tensor> {
    x.relu()? + x.abs()?.neg()?.exp()?.affine(1.0, 1.0)?.log()?
}

/// `ln Σ e^x` of each row, without overflow.
fn log_sum_exp(x: &Tensor) -> Computed<Tensor> {
    let highest = x.max_keepdim(D::Minus1)?.detach();
    x.broadcast_sub(&highest)?.exp()?.sum_keepdim(D::Minus1)?.log()? + highest
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    const ALL: [Loss; 6] = [Loss::Bce, Loss::Bpr, Loss::Hinge, Loss::Mse, Loss::Softmax, Loss::Gbce];

    fn value(loss: Loss, rows: &[[f64; 3]], signs: Option<&[f64]>) -> (f64, Vec<f64>) {
        let scores = Var::from_slice(rows.as_flattened(), (rows.len(), 3), &Device::Cpu).unwrap();
        let signs = signs.map(|signs| Tensor::from_slice(signs, (signs.len(), 1), &Device::Cpu).unwrap());
        let compared =
            Compared { scores: scores.as_tensor(), signs: signs.as_ref(), negatives: 2, margin: 1.0, power: 0.75 };
        let sum = loss.of(compared).unwrap().sum_all().unwrap();
        let gradients = sum.backward().unwrap();
        let gradient = gradients.get(scores.as_tensor()).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        (sum.to_scalar().unwrap(), gradient)
    }

    /// By the formulas in the doc comments, in f64.
    #[test]
    fn values_are_those_of_the_formulas() {
        let (s, a, b) = (0.7_f64, -0.2_f64, 1.1_f64);
        let ln = |x: f64| x.exp().ln_1p();
        let wanted = [
            (ln(-s) + ln(a) + ln(b)) / 3.0,
            f64::midpoint(ln(a - s), ln(b - s)),
            f64::midpoint((1.0 - (s - a)).max(0.0), (1.0 - (s - b)).max(0.0)),
            ((1.0 - s).powi(2) + a * a + b * b) / 3.0,
            (s.exp() + a.exp() + b.exp()).ln() - s,
            (0.75 * ln(-s) + ln(a) + ln(b)) / 3.0,
        ];
        for (loss, wanted) in ALL.into_iter().zip(wanted) {
            let found = value(loss, &[[s, a, b]], None).0;
            assert!((found - wanted).abs() < 1e-12, "{loss:?}: {found} for {wanted}");
            assert_eq!(found, value(loss, &[[s, a, b]], Some(&[1.0])).0, "{loss:?}");
        }
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let rows = [[0.7, -0.2, 1.1], [-3.0, 0.4, 0.1]];
        for loss in ALL {
            for signs in [None, Some(&[-1.0, 1.0][..])] {
                let gradient = value(loss, &rows, signs).1;
                for (n, found) in gradient.into_iter().enumerate() {
                    let moved = |by: f64| {
                        let mut rows = rows;
                        rows[n / 3][n % 3] += by;
                        value(loss, &rows, signs).0
                    };
                    let wanted = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                    assert!((found - wanted).abs() < 1e-8, "{loss:?}, {signs:?}, {n}: {found} for {wanted}");
                }
            }
        }
    }

    #[test]
    fn likes_count_in_full_where_nothing_is_calibrated_or_everything_is_drawn() {
        assert_eq!(Loss::power(10, 101, 0.0), 1.0);
        assert_eq!(Loss::power(100, 101, 0.75), 1.0);
        assert!((Loss::power(10, 101, 1.0) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn extreme_scores_stay_finite() {
        for loss in ALL {
            let (value, gradient) = value(loss, &[[-1e4, 1e4, 0.0], [1e4, -1e4, 0.0]], None);
            assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{loss:?}");
        }
    }
}
