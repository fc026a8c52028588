//! Mean, median, variance and quartiles of any numbers.

use serde::{Deserialize, Serialize};

/// Describes numbers, of which there is at least one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many.
    pub n: usize,
    /// The least.
    pub min: f64,
    /// A quarter is at most this (type 7 of Hyndman and Fan, 1996, as are the other quantiles).
    pub lower_quartile: f64,
    /// Half is at most this.
    pub median: f64,
    /// Three quarters are at most this.
    pub upper_quartile: f64,
    /// The greatest.
    pub max: f64,
    /// `Σx / n`.
    pub mean: f64,
    /// `Σ(x - mean)² / (n - 1)`; none for a single number.
    pub variance: Option<f64>,
}

impl Moments {
    /// Describes `sorted`, which rises; none of nothing.
    pub fn of(sorted: &[f64]) -> Option<Self> {
        debug_assert!(sorted.is_sorted(), "quantiles need sorted numbers");
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let n = sorted.len();
        let mean = sorted.iter().sum::<f64>() / n as f64;
        let squares: f64 = sorted.iter().map(|x| (x - mean).powi(2)).sum();
        let variance = (n > 1).then(|| squares / (n - 1) as f64);
        let at = |q| quantile(sorted, q);
        Some(Self { n, min, lower_quartile: at(0.25), median: at(0.5), upper_quartile: at(0.75), max, mean, variance })
    }
}

/// Linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996).
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_five_by_hand() {
        let moments = Moments::of(&[1.0, 2.0, 3.0, 4.0, 10.0]).unwrap();
        assert_eq!((moments.mean, moments.median, moments.variance), (4.0, 3.0, Some(12.5)));
        assert_eq!((moments.lower_quartile, moments.upper_quartile), (2.0, 4.0));
        assert_eq!(Moments::of(&[7.0]).unwrap().variance, None);
        assert_eq!(Moments::of(&[]), None);
    }
}
