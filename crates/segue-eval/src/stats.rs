//! How sure a number is: bootstrap over users (Efron and Tibshirani, *An introduction to the bootstrap*, 1993, ch. 13; in
//! information retrieval: Sakai, *Evaluating evaluation metrics based on the bootstrap*, SIGIR 2006).
//!
//! Every resample draws as many users as there are, with replacement, from its own random stream, and all metrics and both
//! models of a comparison see the same draw. The result is a pure function of the values and the seed.

use rayon::prelude::*;
use segue_core::{Seed, UserId};
use serde::{Deserialize, Serialize};

use crate::evaluate::{Evaluation, Measured, PerUser};
use crate::metrics::MetricSpec;
use crate::rank::of_means;
use crate::ratings::total;

/// How intervals are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    /// Resamples: at least 40, for fewer leave nothing beyond a 95 % interval, and at most a million, for every statistic of each is held;
    /// or 0, and there are no intervals.
    pub resamples: usize,
    /// Confidence level, in (0, 1).
    pub level: f64,
    /// Seed of the resamples.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, level: 0.95, seed: 0 }
    }
}

/// A percentile interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level, in (0, 1).
    pub level: f64,
}

/// One metric of two models on the same users.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The metric.
    pub spec: MetricSpec,
    /// First minus second.
    pub difference: f64,
    /// Interval of the difference.
    pub interval: Interval,
    /// Two-sided: how often resampled differences reach the other side of zero, twice, counting the sample itself; never
    /// below `2 / (resamples + 1)`.
    pub p: f64,
    /// Users compared.
    pub n_users: usize,
}

/// Why there is no interval or comparison.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// An option out of range.
    #[error("bootstrap: `{key}` = {value} is out of range: {range}")]
    Option {
        /// The key.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// The evaluations asked different users.
    #[error(
        "the two evaluations asked {first} and {second} users, and not the same ones: a paired comparison needs one split and one protocol"
    )]
    Users {
        /// Users of the first.
        first: usize,
        /// Users of the second.
        second: usize,
    },
    /// The evaluations measured differently.
    #[error(
        "the two evaluations follow different protocols, so their difference says nothing of the models:\n  {first}\n  {second}"
    )]
    Protocols {
        /// Protocol of the first.
        first: String,
        /// Protocol of the second.
        second: String,
    },
}

impl Bootstrap {
    /// Whether intervals can be made so, or none are wanted.
    pub fn check(&self) -> Result<(), StatsError> {
        if self.resamples != 0 && !(40..=1_000_000).contains(&self.resamples) {
            let value = self.resamples as f64;
            return Err(StatsError::Option {
                key: "resamples",
                value,
                range: "at least 40, one for each tail, and at most 1000000 (1000 is usual), or 0 for no intervals",
            });
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(StatsError::Option { key: "level", value: self.level, range: "between 0 and 1, e.g. 0.95" });
        }
        Ok(())
    }

    /// The interval of a mean over users; `None` of fewer than two, whom no resample tells apart, and without resamples.
    pub fn mean(&self, values: &[f64]) -> Result<Option<Interval>, StatsError> {
        self.check()?;
        if self.resamples == 0 {
            return Ok(None);
        }
        let resampled = self.resample(values.len(), &[Column::Mean(values)]);
        Ok(resampled.into_iter().next().map(|stats| self.interval(stats)))
    }

    /// The interval of every metric of an evaluation, in order; `None` where it belongs to all users together (coverage), and of
    /// all with fewer than two users or without resamples.
    pub fn intervals(&self, evaluation: &Evaluation) -> Result<Vec<Option<Interval>>, StatsError> {
        self.check()?;
        let mut intervals = vec![None; evaluation.metrics.len()];
        if self.resamples == 0 {
            return Ok(intervals);
        }
        for kind in Kind::ALL {
            let (positions, columns): (Vec<usize>, Vec<Column<'_>>) = evaluation
                .metrics
                .iter()
                .enumerate()
                .filter_map(|(n, measured)| Some((n, Column::of(measured)?)))
                .filter(|(_, column)| column.kind() == kind)
                .unzip();
            for (n, stats) in positions.into_iter().zip(self.resample(kind.users(evaluation).len(), &columns)) {
                intervals[n] = Some(self.interval(stats));
            }
        }
        Ok(intervals)
    }

    /// The difference `first − second` of every metric that both measured per user; what only one measured is left out, and
    /// all with fewer than two users.
    ///
    /// For "joint or target only" and "model A or B": the same users, protocol and resamples, so that what users have in
    /// common cancels. A difference is nothing without its interval, so that there must be resamples.
    pub fn compare(&self, first: &Evaluation, second: &Evaluation) -> Result<Vec<Difference>, StatsError> {
        self.check()?;
        if self.resamples == 0 {
            let range = "at least 40: a difference is told from chance by resampling";
            return Err(StatsError::Option { key: "resamples", value: 0.0, range });
        }
        let both = |kind: Kind| [first, second].iter().all(|evaluation| kind.is_in(evaluation));
        let differ = |kind: &Kind| both(*kind) && kind.users(first) != kind.users(second);
        if let Some(kind) = Kind::ALL.into_iter().find(differ) {
            let [first, second] = [first, second].map(|evaluation| kind.users(evaluation).len());
            return Err(StatsError::Users { first, second });
        }
        if first.protocol != second.protocol {
            return Err(StatsError::Protocols { first: first.protocol.clone(), second: second.protocol.clone() });
        }
        let pairs: Vec<(&Measured, &Measured)> =
            first.metrics.iter().filter_map(|a| Some((a, second.metrics.iter().find(|b| b.spec == a.spec)?))).collect();
        let mut differences: Vec<Option<Difference>> = vec![None; pairs.len()];
        for kind in Kind::ALL {
            let mut positions = Vec::new();
            let mut columns = Vec::new();
            for (n, (a, b)) in pairs.iter().enumerate() {
                if let (Some(a), Some(b)) = (Column::of(a), Column::of(b))
                    && a.kind() == kind
                {
                    positions.push(n);
                    columns.extend([a, b]);
                }
            }
            let resampled = self.resample(kind.users(first).len(), &columns);
            for (&n, stats) in positions.iter().zip(resampled.chunks(2)) {
                let (a, b) = pairs[n];
                let stats: Vec<f64> = stats[0].iter().zip(&stats[1]).map(|(x, y)| x - y).collect();
                let (below, above) = (stats.iter().filter(|d| **d <= 0.0), stats.iter().filter(|d| **d >= 0.0));
                let tail = 1 + below.count().min(above.count());
                differences[n] = Some(Difference {
                    spec: a.spec,
                    difference: a.value - b.value,
                    p: (2.0 * tail as f64 / (self.resamples + 1) as f64).min(1.0),
                    interval: self.interval(stats),
                    n_users: kind.users(first).len(),
                });
            }
        }
        Ok(differences.into_iter().flatten().collect())
    }

    /// The statistic of every column in every resample: `(n_columns, resamples)`; nothing with fewer than two users, of whom every
    /// resample is the same.
    fn resample(&self, n_users: usize, columns: &[Column<'_>]) -> Vec<Vec<f64>> {
        if n_users < 2 || columns.is_empty() {
            return Vec::new();
        }
        // Interleaved (n_users, 2 n_columns at most), so that a drawn user is one stretch of memory.
        let parts: Vec<&[f64]> = columns.iter().flat_map(Column::parts).collect();
        let width = parts.len();
        let rows: Vec<f64> = (0..n_users).flat_map(|u| parts.iter().map(move |part| part[u])).collect();
        let seed = Seed::new(self.seed).named("bootstrap");
        let resamples: Vec<Vec<f64>> = (0..self.resamples)
            .into_par_iter()
            .map(|b| {
                let mut stream = seed.at(b as u64).stream();
                let mut sums = vec![0.0; width];
                for _ in 0..n_users {
                    let start = stream.below(n_users as u32) as usize * width;
                    sums.iter_mut().zip(&rows[start..start + width]).for_each(|(sum, value)| *sum += value);
                }
                let mut sums = sums.into_iter();
                columns.iter().map(|column| column.statistic(&mut sums, n_users)).collect()
            })
            .collect();
        (0..columns.len()).map(|c| resamples.iter().map(|stats| stats[c]).collect()).collect()
    }

    fn interval(&self, mut stats: Vec<f64>) -> Interval {
        stats.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Interval { low: quantile(&stats, tail), high: quantile(&stats, 1.0 - tail), level: self.level }
    }
}

/// Linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// Which users a column runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ranked,
    Rated,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Ranked, Self::Rated];

    fn users(self, evaluation: &Evaluation) -> &[UserId] {
        match self {
            Self::Ranked => &evaluation.users,
            Self::Rated => evaluation.ratings.as_ref().map_or(&[], |ratings| &ratings.users),
        }
    }

    /// Whether anything of this kind was measured: a model that only orders items has no errors of ratings.
    fn is_in(self, evaluation: &Evaluation) -> bool {
        evaluation.metrics.iter().filter_map(Column::of).any(|column| column.kind() == self)
    }
}

enum Column<'a> {
    Mean(&'a [f64]),
    Weighted(&'a [f64], &'a [f64]),
    OfMeans(MetricSpec, &'a [f64], &'a [f64]),
    Pooled(MetricSpec, &'a [f64], &'a [f64]),
}

impl<'a> Column<'a> {
    fn of(measured: &'a Measured) -> Option<Self> {
        match &measured.per_user {
            PerUser::Mean(values) => Some(Self::Mean(values)),
            PerUser::Weighted { sums, weights } => Some(Self::Weighted(sums, weights)),
            PerUser::Pooled { sums, counts } => Some(Self::Pooled(measured.spec, sums, counts)),
            PerUser::OfMeans([first, second]) => Some(Self::OfMeans(measured.spec, first, second)),
            PerUser::Whole => None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Mean(_) | Self::Weighted(..) | Self::OfMeans(..) => Kind::Ranked,
            Self::Pooled(..) => Kind::Rated,
        }
    }

    fn parts(&self) -> Vec<&'a [f64]> {
        match *self {
            Self::Mean(values) => vec![values],
            Self::Weighted(first, second) | Self::OfMeans(_, first, second) | Self::Pooled(_, first, second) => {
                vec![first, second]
            }
        }
    }

    /// Takes this column's sums over a resample.
    fn statistic(&self, sums: &mut impl Iterator<Item = f64>, n_users: usize) -> f64 {
        let mut next = || sums.next().unwrap_or_default();
        match self {
            Self::Mean(_) => next() / n_users as f64,
            Self::Weighted(..) => {
                let sum = next();
                sum / next()
            }
            Self::OfMeans(spec, ..) => {
                let first = next() / n_users as f64;
                of_means(*spec, first, next() / n_users as f64)
            }
            Self::Pooled(spec, ..) => {
                let sum = next();
                total(*spec, sum, next())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratings::Ratings;

    fn evaluation(values: Vec<f64>) -> Evaluation {
        let value = values.iter().sum::<f64>() / values.len() as f64;
        Evaluation {
            protocol: "p".to_owned(),
            users: (0..values.len() as u32).collect(),
            metrics: vec![Measured { spec: "hr@10".parse().unwrap(), value, per_user: PerUser::Mean(values) }],
            n_unserved: 0,
            n_unranked: 0,
            tied_users: 0.0,
            n_candidates: (1, 1),
            ratings: None,
            corrected: Vec::new(),
            uncorrected: None,
        }
    }

    fn normal(n: usize, mean: f64, purpose: &str) -> Vec<f64> {
        let mut stream = Seed::new(5).named(purpose).stream();
        (0..n).map(|_| mean + stream.normal()).collect()
    }

    #[test]
    fn the_interval_of_a_constant_is_a_point() {
        let interval = Bootstrap::default().mean(&[0.25; 7]).unwrap().unwrap();
        assert_eq!((interval.low, interval.high), (0.25, 0.25));
        assert_eq!(Bootstrap::default().mean(&[]).unwrap(), None);
    }

    #[test]
    fn a_single_user_has_no_interval_and_no_difference() {
        let bootstrap = Bootstrap::default();
        assert_eq!(bootstrap.mean(&[0.25]).unwrap(), None);
        let (a, b) = (evaluation(vec![0.25]), evaluation(vec![0.75]));
        assert_eq!(bootstrap.intervals(&a).unwrap(), [None]);
        assert_eq!(bootstrap.compare(&a, &b).unwrap(), []);
    }

    #[test]
    fn the_interval_of_a_normal_mean_has_the_textbook_width() {
        let values = normal(2000, 3.0, "x");
        let mean = values.iter().sum::<f64>() / 2000.0;
        let interval = Bootstrap::default().mean(&values).unwrap().unwrap();
        let half = 1.96 / 2000_f64.sqrt();
        assert!((interval.low - (mean - half)).abs() < 0.15 * half, "{interval:?} around {mean} ± {half}");
        assert!((interval.high - (mean + half)).abs() < 0.15 * half, "{interval:?} around {mean} ± {half}");
    }

    #[test]
    fn threads_and_repeats_do_not_change_a_bit() {
        let values = normal(300, 0.0, "x");
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Bootstrap::default().mean(&values).unwrap().unwrap())
        };
        assert_eq!(run(1), run(3));
        let other = Bootstrap { seed: 1, ..Bootstrap::default() };
        assert_ne!(run(1), other.mean(&values).unwrap().unwrap());
    }

    #[test]
    fn pairing_sees_what_intervals_alone_do_not() {
        let base = normal(400, 0.0, "base");
        let noise = normal(400, 0.0, "noise");
        let better: Vec<f64> = base.iter().zip(&noise).map(|(x, e)| x + 0.05 + 0.1 * e).collect();
        let (a, b) = (evaluation(better), evaluation(base));
        let bootstrap = Bootstrap::default();
        let (of_a, of_b) = (bootstrap.intervals(&a).unwrap()[0].unwrap(), bootstrap.intervals(&b).unwrap()[0].unwrap());
        assert!(of_a.low < of_b.high, "alone they overlap");
        let found = bootstrap.compare(&a, &b).unwrap().remove(0);
        assert!(found.interval.low > 0.0 && found.p < 0.01, "{found:?}");
        let same = bootstrap.compare(&a, &a).unwrap().remove(0);
        assert_eq!((same.difference, same.p), (0.0, 1.0));
        let back = bootstrap.compare(&b, &a).unwrap().remove(0);
        assert!((back.difference + found.difference).abs() < 1e-15 && (back.p - found.p).abs() < 1e-15);
    }

    #[test]
    fn p_is_uniform_where_nothing_differs() {
        // 200 comparisons of equal models: about 5 % below 0.05.
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::default() };
        let below = (0..200)
            .filter(|n| {
                let (a, b) = (normal(60, 0.0, &format!("a{n}")), normal(60, 0.0, &format!("b{n}")));
                bootstrap.compare(&evaluation(a), &evaluation(b)).unwrap()[0].p < 0.05
            })
            .count();
        assert!((3..=22).contains(&below), "{below} of 200");
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let bootstrap = Bootstrap::default();
        let a = evaluation(vec![0.0, 1.0]);
        assert!(matches!(bootstrap.compare(&a, &evaluation(vec![0.0])), Err(StatsError::Users { .. })));
        let other = Evaluation { protocol: "q".to_owned(), ..a.clone() };
        assert!(matches!(bootstrap.compare(&a, &other), Err(StatsError::Protocols { .. })));
        for (resamples, allowed) in
            [(0, true), (1, false), (39, false), (40, true), (1_000_001, false), (usize::MAX, false)]
        {
            let bootstrap = Bootstrap { resamples, ..Bootstrap::default() };
            assert_eq!(bootstrap.mean(&[1.0]).is_ok(), allowed, "{resamples}");
        }
        let none = Bootstrap { resamples: 0, ..Bootstrap::default() };
        assert!(matches!(none.compare(&a, &a), Err(StatsError::Option { key: "resamples", .. })));
        let level = Bootstrap { level: 95.0, ..Bootstrap::default() };
        assert!(matches!(level.mean(&[1.0]), Err(StatsError::Option { key: "level", .. })));
    }

    #[test]
    fn a_model_of_ratings_and_one_of_order_are_compared_by_order() {
        let bootstrap = Bootstrap::default();
        let order = evaluation(vec![0.0, 1.0, 1.0]);
        let rates = |errors: &[f64]| {
            let (sums, counts, n) = (errors.to_vec(), vec![1.0; errors.len()], errors.len());
            let spec = "mae".parse().unwrap();
            let value = errors.iter().sum::<f64>() / n as f64;
            let mut both = order.clone();
            both.metrics.push(Measured { spec, value, per_user: PerUser::Pooled { sums, counts: counts.clone() } });
            let errors = vec![(spec, errors.to_vec())];
            let users = (0..n as u32).collect();
            both.ratings = Some(Ratings { users, counts, errors, n_off_scale: 0, scale: None });
            both
        };
        let (good, bad) = (rates(&[0.1, 0.2, 0.3, 0.1]), rates(&[0.6, 0.8, 0.5, 0.9]));
        let names = |a, b| -> Vec<String> {
            bootstrap
                .compare(a, b)
                .unwrap()
                .iter()
                .map(|found| format!("{} of {}", found.spec, found.n_users))
                .collect()
        };
        assert_eq!(names(&good, &order), ["hr@10 of 3"]);
        assert_eq!(names(&order, &good), ["hr@10 of 3"]);
        assert_eq!(names(&good, &bad), ["hr@10 of 3", "mae of 4"]);
        let found = bootstrap.compare(&good, &bad).unwrap().remove(1);
        assert!((found.difference + 0.525).abs() < 1e-12 && found.interval.high < 0.0, "{found:?}");
        let others = bootstrap.compare(&good, &rates(&[0.1]));
        assert_eq!(others, Err(StatsError::Users { first: 4, second: 1 }));
    }

    #[test]
    fn without_resamples_there_are_no_intervals() {
        let none = Bootstrap { resamples: 0, ..Bootstrap::default() };
        assert_eq!(none.mean(&[0.0, 1.0]).unwrap(), None);
        assert_eq!(none.intervals(&evaluation(vec![0.0, 1.0])).unwrap(), [None]);
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.25), 1.5);
        assert_eq!(quantile(&[1.0], 0.9), 1.0);
    }
}
