//! Whether two models differ on the same users, by how much, and what this test set could have seen.
//!
//! Each test looks at the differences of paired values, one per user. The bootstrap of [`crate::Bootstrap`] asks how far the
//! mean could be off; the tests here ask how often chance alone would do as much: Student (*The probable error of a mean*,
//! Biometrika 1908), Wilcoxon (*Individual comparisons by ranking methods*, Biometrics Bulletin 1945), and the randomisation
//! test of Fisher (*The Design of Experiments*, 1935), which needs no assumption but that labels could be exchanged. Smucker,
//! Allan and Carterette (*A comparison of statistical significance tests for information retrieval evaluation*, CIKM 2007)
//! compare them on rankings. Of several comparisons, the p of each is corrected by Holm (*A simple sequentially rejective
//! multiple test procedure*, Scandinavian Journal of Statistics 1979).

use std::ops::Range;

use rayon::prelude::*;
use segue_core::Seed;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::stats::Interval;

/// Two models on the same users, by the differences of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Users.
    pub n: usize,
    /// Mean difference.
    pub mean: f64,
    /// Standard deviation of the differences, with n − 1.
    pub deviation: f64,
    /// Users for whom the first is better.
    pub wins: usize,
    /// Users for whom the second is.
    pub losses: usize,
    /// Mean over deviation: the size of the effect in the differences' own unit (Cohen's d of paired values).
    pub effect: f64,
    /// Rank-biserial correlation: the share of signed ranks that favour the first less that of the second, −1 to 1 (Kerby,
    /// *The simple difference formula*, Comprehensive Psychology 2014).
    pub rank_biserial: f64,
    /// Student's t of the mean difference.
    pub t: f64,
    /// Two-sided p of t.
    pub p_t: f64,
    /// Two-sided p of Wilcoxon's signed ranks, equal values left out: exact up to 50 users, beyond by the normal approximation
    /// with its correction for ties.
    pub p_wilcoxon: f64,
    /// Two-sided p of the randomisation test: how often random signs reach this mean, the sample itself counted.
    pub p_randomisation: f64,
    /// How many random signs it was counted over: no p is below `1 / (signs + 1)`.
    pub signs: usize,
}

impl Paired {
    /// Compares paired values; `None` with fewer than two users, where the lists are of different lengths, and where a difference or
    /// its square is beyond numbers. `resamples` are of the randomisation test; its random signs are a function of `seed`.
    pub fn of(first: &[f64], second: &[f64], (resamples, seed): (usize, u64)) -> Option<Self> {
        if first.len() != second.len() || first.len() < 2 {
            return None;
        }
        let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
        let n = differences.len();
        let (mean, deviation) = moments(&differences);
        if !mean.is_finite() || !deviation.is_finite() {
            return None;
        }
        let t = if mean == 0.0 { 0.0 } else { mean / (deviation / (n as f64).sqrt()) };
        let ranks = SignedRanks::of(&differences);
        Some(Self {
            n,
            mean,
            deviation,
            wins: differences.iter().filter(|d| **d > 0.0).count(),
            losses: differences.iter().filter(|d| **d < 0.0).count(),
            effect: if mean == 0.0 { 0.0 } else { mean / deviation },
            rank_biserial: ranks.biserial(),
            t,
            p_t: p_of_t(t, n - 1),
            p_wilcoxon: ranks.p(),
            p_randomisation: share(reached(&differences, 0..resamples, seed), resamples),
            signs: resamples,
        })
    }

    /// Goes on to so many random signs in all, of the same values and seed: what was counted is not counted again, and the p is
    /// that of so many at once.
    pub fn draw_on(&mut self, (first, second): (&[f64], &[f64]), signs: usize, seed: u64) {
        if signs <= self.signs || first.len() != self.n || second.len() != self.n {
            return;
        }
        let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
        let known = self.reached();
        self.p_randomisation = share(known + reached(&differences, self.signs..signs, seed), signs);
        self.signs = signs;
    }

    /// How many of the random signs reached the mean.
    pub fn reached(&self) -> usize {
        ((self.p_randomisation * (self.signs + 1) as f64).round() as usize).saturating_sub(1)
    }

    /// What the p of the randomisation test would be with signs without end lies between these, but for one time in a thousand
    /// (Wilson's interval).
    pub fn p_within(&self) -> (f64, f64) {
        if self.signs == 0 {
            return (0.0, 1.0);
        }
        let (n, z) = (self.signs as f64, z(0.9995));
        let share = self.reached() as f64 / n;
        let centre = share + z * z / (2.0 * n);
        let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + z * z / n;
        (((centre - half) / whole).max(0.0), ((centre + half) / whole).min(1.0))
    }

    /// The least true difference that a two-sided test at level `alpha` would find on these users with probability `power`, both in
    /// (0, 1): `δ · deviation / √n`, δ the noncentrality at which Student's test has that power. Quantiles of the normal
    /// distribution in place of it promise too much to few users: of 3 at 5 % a power of .80 that is .35.
    ///
    /// Without deviation nothing can be said: 0. `None` where the randomisation test cannot reach the level: it has `2^n` signs, of
    /// which two are as far out as can be.
    pub fn detectable(&self, alpha: f64, power: f64) -> Option<f64> {
        if (1.0 - self.n as f64).exp2() > alpha {
            return None;
        }
        Some(noncentrality(self.n - 1, alpha, power)? * self.deviation / (self.n as f64).sqrt())
    }
}

/// Mean and standard deviation with n − 1.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    // Equal values have no deviation, whatever their mean is rounded to.
    if values.windows(2).all(|two| two[0] == two[1]) {
        return (values.first().copied().unwrap_or_default(), 0.0);
    }
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

fn z(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability.clamp(0.0, 1.0))
}

fn p_of_t(t: f64, freedom: usize) -> f64 {
    match StudentsT::new(0.0, 1.0, freedom as f64) {
        _ if t.is_infinite() => 0.0,
        Ok(student) => (2.0 * student.cdf(-t.abs())).min(1.0),
        // There is one for every number of users above 1.
        Err(_) => 1.0,
    }
}

/// Where the noncentral t has its mean when a two-sided test at level `alpha` finds it with probability `power`; 0 where chance finds
/// as much. `None` of what are no probabilities within (0, 1).
pub(crate) fn noncentrality(freedom: usize, alpha: f64, power: f64) -> Option<f64> {
    /// Each halves the interval, which begins as wide as the result is large.
    const HALVINGS: usize = 48;
    if [alpha, power].iter().any(|p| !(*p > 0.0 && *p < 1.0)) {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, freedom as f64).ok()?;
    let threshold = student.inverse_cdf(1.0 - alpha / 2.0);
    let found = |noncentrality: f64| power_of_t(freedom, threshold, noncentrality) >= power;
    let (mut low, mut high) = (0.0, 1.0);
    while !found(high) {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if found(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// How often the absolute value of a noncentral t exceeds a threshold.
///
/// `t = (z + δ) / s` with a normal z and the scale s of `√(χ² / ν)`: given s, the normal distribution knows; over s, whose density is
/// in proportion to `s^(ν − 1) e^(−ν s² / 2)`, it is a sum by the midpoint rule. Within 1e-5 of `SciPy`'s `nct`.
fn power_of_t(freedom: usize, threshold: f64, noncentrality: f64) -> f64 {
    const POINTS: usize = 1000;
    /// Deviations of s to either side that hold all of it but 1e-15.
    const REACH: f64 = 10.0;
    let (normal, freedom) = (Normal::standard(), freedom as f64);
    let reach = REACH / (2.0 * freedom).sqrt();
    let low = (1.0 - reach).max(0.0);
    let step = (1.0 + reach - low) / POINTS as f64;
    let (mut within, mut all) = (0.0, 0.0);
    for n in 0..POINTS {
        let s = low + (n as f64 + 0.5) * step;
        let density = ((freedom - 1.0) * s.ln() - freedom * (s * s - 1.0) / 2.0).exp();
        let ends = [threshold * s - noncentrality, -threshold * s - noncentrality].map(|x| normal.cdf(x));
        within += density * (ends[0] - ends[1]);
        all += density;
    }
    1.0 - within / all
}

/// Ranks of the absolute differences that are not 0, with their signs.
struct SignedRanks {
    /// Twice each rank, rising, for tied ones share their mean.
    doubled: Vec<usize>,
    /// Sum of the ranks of positive and of negative differences.
    sums: [f64; 2],
    /// Σ (t³ − t) over ties.
    ties: f64,
}

/// Users up to which the exact distribution is counted out.
const EXACT: usize = 50;

impl SignedRanks {
    fn of(differences: &[f64]) -> Self {
        let mut ranked: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
        ranked.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
        let (mut doubled, mut sums, mut ties) = (Vec::with_capacity(ranked.len()), [0.0; 2], 0.0);
        for tied in ranked.chunk_by(|a, b| a.abs() == b.abs()) {
            let rank = 2 * doubled.len() + tied.len() + 1;
            for difference in tied {
                sums[usize::from(*difference < 0.0)] += rank as f64 / 2.0;
            }
            doubled.extend(tied.iter().map(|_| rank));
            let size = tied.len() as f64;
            ties += size * size * size - size;
        }
        Self { doubled, sums, ties }
    }

    fn biserial(&self) -> f64 {
        let [positive, negative] = self.sums;
        if self.doubled.is_empty() { 0.0 } else { (positive - negative) / (positive + negative) }
    }

    fn p(&self) -> f64 {
        let n = self.doubled.len() as f64;
        let least = self.sums[0].min(self.sums[1]);
        if self.doubled.len() <= EXACT {
            return exact(&self.doubled, (2.0 * least) as usize);
        }
        let mean = n * (n + 1.0) / 4.0;
        let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - self.ties / 48.0;
        if variance <= 0.0 {
            return 1.0;
        }
        (2.0 * Normal::standard().cdf((least - mean) / variance.sqrt())).min(1.0)
    }
}

/// Twice the probability that random signs give positive ranks a sum of `least` or below.
fn exact(ranks: &[usize], least: usize) -> f64 {
    // Of how many subsets of the ranks so far each sum is, as a share of all.
    let mut shares = vec![0.0; ranks.iter().sum::<usize>() + 1];
    shares[0] = 1.0;
    for &rank in ranks {
        for sum in (0..shares.len()).rev() {
            let with = if sum >= rank { shares[sum - rank] } else { 0.0 };
            shares[sum] = f64::midpoint(shares[sum], with);
        }
    }
    (2.0 * shares[..=least].iter().sum::<f64>()).min(1.0)
}

/// The sample itself is one of those that reach its mean.
fn share(reached: usize, signs: usize) -> f64 {
    (1 + reached) as f64 / (1 + signs) as f64
}

/// How many of these random signs, each a function of the seed and its number, reach the sum of the differences.
fn reached(differences: &[f64], signs: Range<usize>, seed: u64) -> usize {
    // A sum of 0 is reached by every other.
    let sum = differences.iter().sum::<f64>().abs() * (1.0 - 1e-12);
    let seed = Seed::new(seed).named("randomisation");
    let reached = signs.into_par_iter().filter(|&n| {
        let mut stream = seed.at(n as u64).stream();
        let signed: f64 = differences
            .chunks(64)
            .map(|differences| {
                let signs = stream.next_u64();
                let signed = |(bit, d): (usize, &f64)| if signs >> bit & 1 == 0 { *d } else { -*d };
                differences.iter().enumerate().map(signed).sum::<f64>()
            })
            .sum();
        signed.abs() >= sum
    });
    reached.count()
}

/// The p of each of several tests, corrected so that one false alarm among all of them is as rare as the level says (Holm).
pub fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|&a, &b| ps[a].total_cmp(&ps[b]));
    let (mut corrected, mut largest) = (vec![0.0; ps.len()], 0.0_f64);
    for (n, position) in order.into_iter().enumerate() {
        largest = largest.max(((ps.len() - n) as f64 * ps[position]).min(1.0));
        corrected[position] = largest;
    }
    corrected
}

/// One number of several runs that differ by their seeds alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverSeeds {
    /// Runs.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, with n − 1.
    pub deviation: f64,
    /// Interval of the mean by Student's t: of the seeds, not of the users.
    pub interval: Interval,
}

impl OverSeeds {
    /// Of at least two values whose squares are numbers, at a confidence level in (0, 1).
    pub fn of(values: &[f64], level: f64) -> Option<Self> {
        if values.len() < 2 || !(level > 0.0 && level < 1.0) {
            return None;
        }
        let n = values.len();
        let (mean, deviation) = moments(values);
        if !mean.is_finite() || !deviation.is_finite() {
            return None;
        }
        let student = StudentsT::new(0.0, 1.0, (n - 1) as f64).ok()?;
        let half = student.inverse_cdf(f64::midpoint(1.0, level)) * deviation / (n as f64).sqrt();
        Some(Self { n, mean, deviation, interval: Interval { low: mean - half, high: mean + half, level } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_users_by_hand() {
        // Differences 1, 2, 3: signs cannot be more one-sided, 2 of 8 orders.
        let found = Paired::of(&[2.0, 3.0, 4.0], &[1.0, 1.0, 1.0], (0, 0)).unwrap();
        assert_eq!((found.n, found.mean, found.deviation, found.wins, found.losses), (3, 2.0, 1.0, 3, 0));
        assert_eq!((found.effect, found.rank_biserial, found.p_wilcoxon), (2.0, 1.0, 0.25));
        assert!((found.t - 2.0 * 3_f64.sqrt()).abs() < 1e-15 && (found.p_t - 0.0742).abs() < 5e-5);
        // One of four at the least, p is never as low as .05.
        assert_eq!(
            (found.detectable(0.05, 0.8), found.detectable(0.25, 1.0), found.detectable(0.25, 0.0)),
            (None, None, None)
        );
        assert!(found.detectable(0.25, 0.8).is_some());
    }

    #[test]
    fn what_never_differs_is_never_significant_and_what_always_does_is() {
        let same = Paired::of(&[0.1; 9], &[0.1; 9], (99, 1)).unwrap();
        assert_eq!((same.t, same.effect, same.rank_biserial, same.wins, same.losses), (0.0, 0.0, 0.0, 0, 0));
        assert_eq!((same.p_t, same.p_wilcoxon, same.p_randomisation), (1.0, 1.0, 1.0));
        let more = Paired::of(&[0.4; 30], &[0.1; 30], (99, 1)).unwrap();
        assert_eq!((more.deviation, more.p_t, more.p_randomisation), (0.0, 0.0, 0.01));
        assert!(more.p_wilcoxon < 1e-5);
        assert_eq!((Paired::of(&[1.0], &[0.0], (9, 0)), Paired::of(&[1.0, 2.0], &[0.0], (9, 0))), (None, None));
    }

    /// By `SciPy`: what the normal quantiles of .05 and .8 are worth to few users.
    #[test]
    fn few_users_find_less_than_the_normal_distribution_says() {
        let apart = z(0.975) + z(0.8);
        for (n, expected) in [(2, 0.174_075_8), (3, 0.352_039_9), (8, 0.672_695_98), (50, 0.784_164_67)] {
            let threshold = StudentsT::new(0.0, 1.0, f64::from(n - 1)).unwrap().inverse_cdf(0.975);
            let power = power_of_t(n as usize - 1, threshold, apart);
            assert!((power - expected).abs() < 1e-5, "{n}: {power} is not {expected}");
        }
        // Chance finds that often already.
        assert!(noncentrality(9, 0.3, 0.2).unwrap() < 1e-9);
    }

    #[test]
    fn what_is_no_number_is_not_tested() {
        for beyond in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200] {
            let values = [0.5, beyond, 0.25];
            assert_eq!(Paired::of(&values, &[0.5; 3], (9, 0)), None, "{beyond}");
            assert_eq!(Paired::of(&[0.5; 3], &values, (9, 0)), None, "{beyond}");
            assert_eq!(OverSeeds::of(&values, 0.95), None, "{beyond}");
            // All the same, so that there is no deviation.
            assert_eq!(Paired::of(&[beyond; 3], &[0.0; 3], (9, 0)).is_some(), beyond.is_finite());
        }
        assert_eq!(holm(&[f64::NAN, 0.01]), [1.0, 0.02]);
    }

    #[test]
    fn drawing_on_is_drawing_at_once() {
        let (a, b): (Vec<f64>, Vec<f64>) =
            (0..60).map(|n| (f64::from(n * 7 % 11) / 10.0, f64::from(n * 5 % 9) / 10.0)).unzip();
        let mut one = Paired::of(&a, &b, (300, 4)).unwrap();
        let coarse = one.p_within();
        one.draw_on((&a, &b), 5000, 4);
        let whole = Paired::of(&a, &b, (5000, 4)).unwrap();
        assert_eq!(one, whole);
        let fine = one.p_within();
        assert!(fine.0 < one.p_randomisation && one.p_randomisation < fine.1 && fine.1 - fine.0 < coarse.1 - coarse.0);
        // By hand: 0 of 999 reached, z = 3.2905: z² / (n + z²).
        let none = Paired::of(&[0.4; 30], &[0.1; 30], (999, 1)).unwrap();
        assert_eq!((none.reached(), none.signs), (0, 999));
        assert!(none.p_within().0 < 1e-12 && (none.p_within().1 - 0.010_722).abs() < 1e-6, "{:?}", none.p_within());
    }

    #[test]
    fn holm_steps_down() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
        assert_eq!((holm(&[]), holm(&[0.7, 0.6])), (vec![], vec![1.0, 1.0]));
    }

    proptest::proptest! {
        #[test]
        fn swapping_the_models_turns_the_signs_alone(
            pairs in proptest::collection::vec((0_i32..5, 0_i32..5), 2..40),
            seed in proptest::prelude::any::<u64>(),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|&(a, b)| (f64::from(a) / 4.0, f64::from(b) / 4.0)).unzip();
            let (one, other) = (Paired::of(&a, &b, (50, seed)).unwrap(), Paired::of(&b, &a, (50, seed)).unwrap());
            proptest::prop_assert_eq!((one.wins, one.losses), (other.losses, other.wins));
            proptest::prop_assert_eq!((one.p_t, one.p_wilcoxon, one.p_randomisation), (other.p_t, other.p_wilcoxon, other.p_randomisation));
            proptest::prop_assert!((one.mean + other.mean).abs() < 1e-12 && (one.rank_biserial + other.rank_biserial).abs() < 1e-12);
            for p in [one.p_t, one.p_wilcoxon, one.p_randomisation] {
                proptest::prop_assert!(p > 0.0 && p <= 1.0 || one.deviation == 0.0);
            }
        }
    }
}
