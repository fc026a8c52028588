//! What a sampled metric would be on the full catalogue, estimated from the ranks among samples.
//!
//! Walid Krichene and Steffen Rendle, *On sampled metrics for item recommendation*, KDD 2020, section 5: in place of the metric
//! M itself, a corrected function M̂ of the sampled rank s is averaged over users. With r the rank of the one relevant item
//! among all N candidates, n sampled negatives, P a prior over r (here uniform) and A\[r, s\] the probability of the sampled
//! rank s where the full one is r, M̂ minimises the squared bias plus γ times the variance (the paper's form; γ = 0.1, its
//! BV 0.1):
//!
//! ```text
//! Σ_r P(r) [ (Σ_s A[r,s] M̂(s) − M(r))² + γ Σ_s A[r,s] (M̂(s) − Σ_t A[r,t] M̂(t))² ]
//! ```
//!
//! The inner sum is the variance, which is the mean of the squares less the square of the mean, so that half the derivative by
//! M̂ is zero where
//!
//! ```text
//! ((1 − γ) AᵀPA + γ diag(c)) M̂ = AᵀPM,    c(s) = Σ_r P(r) A[r,s]
//! ```
//!
//! a positive definite system of n + 1 unknowns; it is solved by Cholesky's factorisation. Time N n² and n³, memory n².
//!
//! Useful for reading tables of sampled metrics. Not useful in place of full ranking: what is left of the bias depends on the
//! unknown distribution of r, and no interval holds it.
//!
//! Deviation from the paper: there negatives are drawn with replacement and s − 1 is binomial. Ours are distinct, so that it is
//! hypergeometric: n drawn from N − 1 items of which r − 1 stand above the relevant one. With n = N − 1 that is r itself.
//!
//! Checked against `SciPy` and `NumPy`: `golden/corrected`.

use std::fmt;

use segue_core::ranking::TieBlock;
use serde::{Deserialize, Serialize};

use crate::metrics::{Measure, MetricSpec, Ranks};

/// What the variance counts for beside the squared bias.
pub const GAMMA: f64 = 0.1;

/// Beyond so many negatives solving would take longer than ranking all items.
const MOST_NEGATIVES: usize = 1000;

/// Why nothing is said of what sampled metrics would be on the full catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncorrected {
    /// The negatives came with the data.
    Given,
    /// Popular items were drawn more often.
    ByPopularity,
    /// Some user has several relevant items.
    SeveralRelevant,
    /// More negatives than it is worth solving for.
    TooMany,
    /// Everybody's negatives are all there are.
    AllDrawn,
    /// No metric is a function of the one relevant item's rank.
    NoMetric,
    /// The equations have no solution.
    Unsolved,
}

impl fmt::Display for Uncorrected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("nobody knows how the negatives that came with the data were drawn"),
            Self::ByPopularity => f.write_str(
                "the negatives were drawn by popularity, and ranks among them say nothing of the other items",
            ),
            Self::SeveralRelevant => f.write_str(
                "some users have several relevant items, and the correction is one of the rank of a single one",
            ),
            Self::TooMany => {
                write!(f, "beyond {MOST_NEGATIVES} negatives it would take longer than ranking all items")
            }
            Self::AllDrawn => {
                f.write_str("everybody's negatives are all items that they never met: the metrics are the full ones")
            }
            Self::NoMetric => f.write_str("no metric here is decided by the rank of the relevant item alone"),
            Self::Unsolved => f.write_str("its equations have no solution"),
        }
    }
}

/// Where the only relevant item of a user stands among uniformly drawn negatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// Alone or tied; none where it could not be ranked.
    pub(crate) block: Option<TieBlock>,
    /// Candidates ranked.
    pub(crate) n_candidates: usize,
    /// Items that the negatives were drawn from.
    pub(crate) n_others: usize,
}

/// What each metric that is a function of the one relevant item's rank would be on the full catalogue, or why that is not said.
///
/// The number of candidates differs between users by the items that they met: it is the median over them. Whose negatives are
/// all there are counts by the metric itself, and so does an item that could not be ranked. A tie counts by the mean of its
/// ranks, which is exact: drawn from an order of the whole tie at random, the sample's order is random, too.
///
/// The share of pairs in order (`auc`) is the same in expectation whatever is sampled, and stays as it is.
pub(crate) fn estimates(
    places: &[Place],
    specs: &[MetricSpec],
    n_negatives: usize,
) -> Result<Vec<(MetricSpec, f64)>, Uncorrected> {
    if places.is_empty() {
        return Err(Uncorrected::SeveralRelevant);
    }
    let mut others: Vec<usize> = places.iter().map(|place| place.n_others).filter(|&n| n > n_negatives).collect();
    others.sort_unstable();
    let Some(&median) = others.get(others.len() / 2) else { return Err(Uncorrected::AllDrawn) };
    if n_negatives > MOST_NEGATIVES {
        return Err(Uncorrected::TooMany);
    }
    let sampling = Sampling { n_candidates: median + 1, n_negatives };
    let asked: Vec<Asked> = specs.iter().filter_map(|&spec| Asked::of(spec)).collect();
    if asked.is_empty() {
        return Err(Uncorrected::NoMetric);
    }
    let functions: Vec<Function> = asked.iter().flat_map(|asked| asked.functions.iter().copied()).collect();
    let of_rank = |function: Function| {
        move |rank: usize| {
            function.value(Some(TieBlock { above: rank - 1, size: 1, relevant: 1 }), sampling.n_candidates)
        }
    };
    let of_ranks: Vec<_> = functions.iter().map(|&function| of_rank(function)).collect();
    let metrics: Vec<&dyn Fn(usize) -> f64> = of_ranks.iter().map(|of| of as &dyn Fn(usize) -> f64).collect();
    let corrected = sampling.corrected(GAMMA, &metrics).ok_or(Uncorrected::Unsolved)?;

    let mean = |function: Function, corrected: &[f64]| {
        let value = |place: &Place| match place.block {
            Some(TieBlock { above, size, .. }) if place.n_others > n_negatives && !function.is_unbiased() => {
                corrected[above..above + size].iter().sum::<f64>() / size as f64
            }
            block => function.value(block, place.n_candidates),
        };
        places.iter().map(value).sum::<f64>() / places.len() as f64
    };
    let mut means = functions.iter().zip(&corrected).map(|(&function, corrected)| mean(function, corrected));
    let mut found = Vec::with_capacity(asked.len());
    for Asked { spec, functions } in &asked {
        let parts: Vec<f64> = means.by_ref().take(functions.len()).collect();
        let value = match (spec.metric.measure, &parts[..]) {
            (Measure::OfMeans { of, .. }, &[first, second]) => of(first, second),
            (_, &[value, ..]) => value,
            _ => continue,
        };
        found.push((*spec, value));
    }
    Ok(found)
}

/// What a metric is made of: functions of one user's ranks.
struct Asked {
    spec: MetricSpec,
    functions: Vec<Function>,
}

impl Asked {
    /// None of what no rank decides, of graded metrics and of those of other programs, where a tie may count otherwise.
    fn of(spec: MetricSpec) -> Option<Self> {
        if spec.metric.is_graded() || spec.metric.name.contains(':') {
            return None;
        }
        let functions = match (spec.metric.measure, spec.cutoff) {
            (Measure::PerUser(of), Some(k)) => vec![Function::Cut(of, k)],
            (Measure::OfMeans { parts, .. }, Some(k)) => parts.map(|of| Function::Cut(of, k)).to_vec(),
            (Measure::Uncut { of, .. }, None) => vec![Function::Pairs(of)],
            _ => return None,
        };
        Some(Self { spec, functions })
    }
}

/// A function of one user's ranks.
#[derive(Clone, Copy)]
enum Function {
    /// At a cut-off.
    Cut(fn(&Ranks<'_>, usize) -> f64, usize),
    /// The share of pairs in order, which is linear in the rank.
    Pairs(fn(&Ranks<'_>) -> f64),
}

impl Function {
    /// Of the only relevant item, which may be tied or no candidate.
    fn value(self, block: Option<TieBlock>, n_candidates: usize) -> f64 {
        let ranks = Ranks::of(block.as_slice(), 1, n_candidates);
        match self {
            Self::Cut(of, k) => of(&ranks, k),
            Self::Pairs(of) => of(&ranks),
        }
    }

    /// Whether sampling leaves its expected value as it is.
    fn is_unbiased(self) -> bool {
        matches!(self, Self::Pairs(_))
    }
}

/// A sample of the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// All candidates, the relevant one among them: N.
    pub n_candidates: usize,
    /// Distinct negatives drawn from the others: n.
    pub n_negatives: usize,
}

impl Sampling {
    /// For each metric, a function of the full rank (from 1), its corrected values: that at `s - 1` belongs to the sampled rank
    /// `s`, from 1 to n + 1.
    ///
    /// None where more is drawn than there is, or where the system has no solution (`gamma` = 0 and hardly any rank told from
    /// its neighbours).
    pub fn corrected(self, gamma: f64, metrics: &[&dyn Fn(usize) -> f64]) -> Option<Vec<Vec<f64>>> {
        let Self { n_candidates, n_negatives } = self;
        if n_candidates == 0 || n_negatives > n_candidates - 1 {
            return None;
        }
        let size = n_negatives + 1;
        let prior = 1.0 / n_candidates as f64;
        // (size, size), the lower triangle.
        let mut system = vec![0.0; size * size];
        let mut total = vec![0.0; size];
        let mut right = vec![vec![0.0; size]; metrics.len()];
        for rank in 1..=n_candidates {
            let (first, row) = self.row(rank);
            for (s, &p) in (first..).zip(&row) {
                total[s] += prior * p;
                let factor = (1.0 - gamma) * prior * p;
                let line = &mut system[s * size + first..=s * size + s];
                line.iter_mut().zip(&row).for_each(|(sum, &q)| *sum += factor * q);
            }
            for (right, metric) in right.iter_mut().zip(metrics) {
                let value = prior * metric(rank);
                if value != 0.0 {
                    right[first..].iter_mut().zip(&row).for_each(|(sum, &p)| *sum += p * value);
                }
            }
        }
        for (s, total) in total.iter().enumerate() {
            system[s * size + s] += gamma * total;
        }
        factorise(&mut system, size)?;
        for right in &mut right {
            solve(&system, right);
        }
        Some(right)
    }

    /// How likely each sampled rank is for a full one: the first position that is at all likely, and the probabilities from
    /// there on.
    fn row(self, rank: usize) -> (usize, Vec<f64>) {
        /// Less than this share of the likeliest is nothing.
        const LEAST: f64 = 1e-20;
        let (n, above) = (self.n_negatives, rank - 1);
        let below = self.n_candidates - rank;
        let (fewest, most) = (n.saturating_sub(below), n.min(above));
        // How much likelier j + 1 are drawn from above than j.
        let step = |j: usize| {
            let (up, down) = ((above - j) as f64 * (n - j) as f64, (j + 1) as f64 * (below + j + 1 - n) as f64);
            up / down
        };
        let likeliest = (n + 1) as f64 * (above + 1) as f64 / (self.n_candidates + 1) as f64;
        let mode = (likeliest as usize).clamp(fewest, most);
        let mut lower = Vec::new();
        let (mut j, mut p) = (mode, 1.0);
        while j > fewest && p > LEAST {
            j -= 1;
            p /= step(j);
            lower.push(p);
        }
        let first = j;
        let mut row: Vec<f64> = lower.into_iter().rev().collect();
        row.push(1.0);
        (j, p) = (mode, 1.0);
        while j < most && p > LEAST {
            p *= step(j);
            j += 1;
            row.push(p);
        }
        let sum: f64 = row.iter().sum();
        for p in &mut row {
            *p /= sum;
        }
        (first, row)
    }
}

/// Cholesky's factor in place of the lower triangle; none where the matrix is not positive definite.
fn factorise(matrix: &mut [f64], size: usize) -> Option<()> {
    for i in 0..size {
        let (above, line) = matrix.split_at_mut(i * size);
        for j in 0..i {
            let other = &above[j * size..=j * size + j];
            let dot: f64 = line[..j].iter().zip(other).map(|(a, b)| a * b).sum();
            line[j] = (line[j] - dot) / other[j];
        }
        let rest = line[i] - line[..i].iter().map(|a| a * a).sum::<f64>();
        if rest.is_nan() || rest <= 0.0 {
            return None;
        }
        line[i] = rest.sqrt();
    }
    Some(())
}

/// Solves by a factor, forth and back.
fn solve(factor: &[f64], right: &mut [f64]) {
    let size = right.len();
    for i in 0..size {
        let line = &factor[i * size..=i * size + i];
        let dot: f64 = line[..i].iter().zip(&right[..i]).map(|(a, x)| a * x).sum();
        right[i] = (right[i] - dot) / line[i];
    }
    for i in (0..size).rev() {
        let line = &factor[i * size..=i * size + i];
        right[i] /= line[i];
        let x = right[i];
        right[..i].iter_mut().zip(line).for_each(|(y, a)| *y -= a * x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(k: usize) -> impl Fn(usize) -> f64 {
        move |rank| f64::from(rank <= k)
    }

    #[test]
    fn sampled_ranks_are_hypergeometric() {
        // 3 of 5 drawn, 2 of the 5 stand above: none of them in 1 of 10 samples, one in 6, both in 3.
        let sampling = Sampling { n_candidates: 6, n_negatives: 3 };
        let (first, row) = sampling.row(3);
        assert_eq!(first, 0);
        row.iter().zip([0.1, 0.6, 0.3]).for_each(|(p, expected)| assert!((p - expected).abs() < 1e-15, "{row:?}"));
        // The last of all is below every sample, the first above.
        assert_eq!((sampling.row(6), sampling.row(1)), ((3, vec![1.0]), (0, vec![1.0])));
    }

    #[test]
    fn a_sample_of_everything_needs_no_correction() {
        let sampling = Sampling { n_candidates: 50, n_negatives: 49 };
        let gain = |rank: usize| 1.0 / ((rank + 1) as f64).log2();
        for gamma in [0.0, 1e-9, GAMMA, 1.0] {
            let corrected = sampling.corrected(gamma, &[&hit(10), &gain]).unwrap();
            for rank in 1..=50 {
                assert!((corrected[0][rank - 1] - hit(10)(rank)).abs() < 1e-12);
                assert!((corrected[1][rank - 1] - gain(rank)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_equations_hold_by_hand() {
        // N = 3, n = 1: ranks 1, 2, 3 are first of two with probability 1, 1/2, 0; hr@1. With γ = 0.1,
        // AᵀPA = [5 1; 1 5] / 12, c = [1 1] / 2 and AᵀPM = [1 0] / 3, so that [51 9; 9 51] M̂ = [40 0].
        let corrected = Sampling { n_candidates: 3, n_negatives: 1 }.corrected(GAMMA, &[&hit(1)]).unwrap();
        assert!((corrected[0][0] - 17.0 / 21.0).abs() < 1e-14, "{corrected:?}");
        assert!((corrected[0][1] + 3.0 / 21.0).abs() < 1e-14, "{corrected:?}");
    }

    #[test]
    fn what_cannot_be_drawn_is_not_corrected() {
        assert_eq!(Sampling { n_candidates: 5, n_negatives: 5 }.corrected(GAMMA, &[]), None);
        assert_eq!(Sampling { n_candidates: 0, n_negatives: 0 }.corrected(GAMMA, &[]), None);
    }

    #[test]
    fn too_many_negatives_are_told() {
        let place = Place { block: None, n_candidates: 1002, n_others: 5000 };
        assert_eq!(estimates(&[place], &["hr@10".parse().unwrap()], MOST_NEGATIVES + 1), Err(Uncorrected::TooMany));
        assert_eq!(estimates(&[], &[], 9), Err(Uncorrected::SeveralRelevant));
    }
}
