//! How strongly do two numbers of each user go together?
//!
//! Pearson's r, and Spearman's ρ (C. Spearman, *The proof and measurement of association between two things*, American
//! Journal of Psychology 15(1), 1904): r of the ranks, equal numbers sharing the mean of their ranks. Intervals by Fisher's
//! z (R. A. Fisher, *On the "probable error" of a coefficient of correlation*, Metron 1, 1921): `tanh(atanh r ± 1.96 s)`
//! with `s² = 1 / (n - 3)`, and `(1 + ρ²/2) / (n - 3)` for ρ (D. G. Bonett and T. A. Wright, *Sample size requirements for
//! estimating Pearson, Kendall and Spearman correlations*, Psychometrika 65(1), 2000).

use serde::{Deserialize, Serialize};

/// The 97.5 % point of the standard normal distribution.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// A correlation over users with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// In [-1, 1].
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Users.
    pub users: usize,
}

/// Sums over pairs of numbers, from which r follows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) n: usize,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) xx: f64,
    pub(crate) yy: f64,
    pub(crate) xy: f64,
}

impl Sums {
    /// None for fewer than four users, and where one of the numbers is the same for all.
    pub(crate) fn pearson(&self) -> Option<Correlation> {
        let n = self.n as f64;
        let (a, b) = (self.xx - self.x * self.x / n, self.yy - self.y * self.y / n);
        // What rounding leaves of nothing.
        let flat = |spread: f64, squares: f64| spread <= 1e-12 * squares;
        if self.n < 4 || flat(a, self.xx) || flat(b, self.yy) {
            return None;
        }
        let r = (self.xy - self.x * self.y / n) / (a * b).sqrt();
        Some(with_interval(r, 1.0, self.n))
    }
}

/// Pearson's r.
pub(crate) fn pearson(pairs: &[(f64, f64)]) -> Option<Correlation> {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (mx, my) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let mut sums = Sums { n: pairs.len(), ..Sums::default() };
    // Around the means, which loses fewer digits.
    for (x, y) in pairs.iter().map(|(x, y)| (x - mx, y - my)) {
        sums.x += x;
        sums.y += y;
        sums.xx += x * x;
        sums.yy += y * y;
        sums.xy += x * y;
    }
    sums.pearson()
}

/// Spearman's ρ.
pub(crate) fn spearman(pairs: &[(f64, f64)]) -> Option<Correlation> {
    let (xs, ys): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let ranked: Vec<(f64, f64)> = ranks(&xs).into_iter().zip(ranks(&ys)).collect();
    let rho = pearson(&ranked)?;
    Some(with_interval(rho.value, 1.0 + rho.value * rho.value / 2.0, pairs.len()))
}

fn with_interval(r: f64, spread: f64, users: usize) -> Correlation {
    let value = r.clamp(-1.0, 1.0);
    let half = Z * (spread / (users as f64 - 3.0)).sqrt();
    Correlation { value, low: (value.atanh() - half).tanh(), high: (value.atanh() + half).tanh(), users }
}

/// Ranks from 1; equal numbers share the mean of theirs.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_unstable_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut before = 0;
    for equal in order.chunk_by(|&a, &b| numbers[a] == numbers[b]) {
        let rank = before as f64 + (equal.len() + 1) as f64 / 2.0;
        for &n in equal {
            ranks[n] = rank;
        }
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn textbook_numbers() {
        // x = 1..5, y = 2, 1, 4, 3, 5: Σd² = 4, so ρ = 1 - 6·4 / (5·24) = 0.8; r is the same, since y are ranks.
        let pairs = [(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0), (5.0, 5.0)];
        let (r, rho) = (pearson(&pairs).unwrap(), spearman(&pairs).unwrap());
        assert!((r.value - 0.8).abs() < 1e-12 && (rho.value - 0.8).abs() < 1e-12);
        // atanh 0.8 = 1.0986; ± 1.95996 / √2.
        assert!((r.low - (1.098_612_288_668_11_f64 - 1.385_903_824_349_678).tanh()).abs() < 1e-9, "{r:?}");
        assert!(rho.low < r.low && rho.high > r.high);
    }

    #[test]
    fn a_monotone_curve_is_one_to_spearman_alone() {
        let pairs: Vec<(f64, f64)> = (1..=10).map(|x| (f64::from(x), f64::from(x).exp())).collect();
        assert_eq!(spearman(&pairs).unwrap().value, 1.0);
        assert!(pearson(&pairs).unwrap().value < 0.9);
        let one = spearman(&pairs).unwrap();
        assert_eq!((one.low, one.high), (1.0, 1.0));
    }

    #[test]
    fn ties_share_their_rank() {
        assert_eq!(ranks(&[7.0, 1.0, 7.0, 9.0]), [2.5, 1.0, 2.5, 4.0]);
    }

    #[test]
    fn nothing_is_said_of_few_or_equal_numbers() {
        assert_eq!(pearson(&[(1.0, 2.0), (2.0, 1.0), (3.0, 3.0)]), None);
        assert_eq!(spearman(&[(1.0, 2.0), (1.0, 1.0), (1.0, 3.0), (1.0, 4.0)]), None);
        assert_eq!(pearson(&[(0.1, 2.0), (0.1, 1.0), (0.1, 3.0), (0.1, 4.0)]), None);
        assert_eq!(pearson(&[]), None);
    }
}
