//! A mean difference over several runs, and how sure it is of users and of seeds together.
//!
//! With d(s, u) the difference of user u in run s, D(s) its mean over the n(s) users of the run, and D the mean of the S runs:
//!
//! ```text
//! V = U/(U − 1) Σ_u h(u)² + Σ_s (D(s) − D)² / (S (S − 1)),    h(u) = Σ_s (d(s, u) − D(s)) / (S n(s))
//! ```
//!
//! The first term is the variance of the U users, each with all their values, for the same people are asked in every run; the second
//! that of the runs. Both are crossed: what a run does to a single user is in either, so that V is rather too large than too small, as the
//! bootstrap is that draws users and runs anew (Owen, *The pigeonhole bootstrap*, Annals of Applied Statistics 2007). Clustering in two ways
//! (Cameron, Gelbach and Miller, *Robust inference with multiway clustering*, Journal of Business & Economic Statistics 2011) takes it
//! off again once, which with two or three runs would take off most of what the users alone vary by. D / √V is held against
//! Student's t with Satterthwaite's degrees of freedom (*An approximate distribution of estimates of variance components*, Biometrics
//! Bulletin 1946): V² over the sum of each term's square by its own, U − 1 and S − 1.
//!
//! Where runs change nothing it is Student's paired test of the users; where users are without number it is that of the runs.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::significance::noncentrality;
use crate::stats::Interval;

/// A mean difference over users and several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverUsersAndSeeds {
    /// Runs.
    pub n_runs: usize,
    /// Users, each once.
    pub n_users: usize,
    /// Mean of the runs' means.
    pub mean: f64,
    /// Standard error of the mean.
    pub error: f64,
    /// Degrees of freedom.
    pub freedom: f64,
    /// Interval of the mean.
    pub interval: Interval,
    /// Two-sided p of no difference.
    pub p: f64,
}

impl OverUsersAndSeeds {
    /// Of at least two runs, each the differences of users by their number, at a confidence level in (0, 1). `None` with fewer than two
    /// users or a run without any, and where a square is beyond numbers.
    pub fn of(runs: &[Vec<(usize, f64)>], level: f64) -> Option<Self> {
        if runs.len() < 2 || runs.iter().any(Vec::is_empty) || !(level > 0.0 && level < 1.0) {
            return None;
        }
        let n_runs = runs.len() as f64;
        let means: Vec<f64> = runs.iter().map(|run| mean(run.iter().map(|(_, value)| *value), run.len())).collect();
        let whole = mean(means.iter().copied(), means.len());
        let mut by_user: BTreeMap<usize, f64> = BTreeMap::new();
        for (run, mean) in runs.iter().zip(&means) {
            for (user, value) in run {
                *by_user.entry(*user).or_default() += (value - mean) / (n_runs * run.len() as f64);
            }
        }
        let n_users = by_user.len() as f64;
        if n_users < 2.0 {
            return None;
        }
        let of_users = n_users / (n_users - 1.0) * by_user.values().map(|h| h * h).sum::<f64>();
        // Equal means have no variance, whatever their mean is rounded to.
        let alike = means.windows(2).all(|two| two[0] == two[1]);
        let squares: f64 = means.iter().map(|mean| (mean - whole) * (mean - whole)).sum();
        let of_runs = if alike { 0.0 } else { squares / (n_runs * (n_runs - 1.0)) };
        let variance = of_users + of_runs;
        if !whole.is_finite() || !variance.is_finite() {
            return None;
        }
        let error = variance.sqrt();
        let by_term = of_users * of_users / (n_users - 1.0) + of_runs * of_runs / (n_runs - 1.0);
        let freedom = if by_term > 0.0 { variance * variance / by_term } else { n_users - 1.0 };
        let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
        let half = student.inverse_cdf(f64::midpoint(1.0, level)) * error;
        let p = match (whole == 0.0, error == 0.0) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => (2.0 * student.cdf(-(whole / error).abs())).min(1.0),
        };
        let interval = Interval { low: whole - half, high: whole + half, level };
        Some(Self { n_runs: runs.len(), n_users: by_user.len(), mean: whole, error, freedom, interval, p })
    }

    /// The least true difference that this test at level `alpha` would find with probability `power`, its degrees of freedom rounded
    /// down; `None` without any error.
    pub fn detectable(&self, alpha: f64, power: f64) -> Option<f64> {
        let freedom = (self.freedom as usize).max(1);
        Some(noncentrality(freedom, alpha, power)? * self.error).filter(|could| *could > 0.0)
    }
}

fn mean(values: impl Iterator<Item = f64>, n: usize) -> f64 {
    values.sum::<f64>() / n as f64
}

#[cfg(test)]
mod tests {
    use segue_core::Seed;
    use statrs::distribution::Normal;

    use super::*;
    use crate::significance::Paired;

    fn runs(values: &[&[f64]]) -> Vec<Vec<(usize, f64)>> {
        values.iter().map(|run| run.iter().copied().enumerate().collect()).collect()
    }

    #[test]
    fn two_runs_of_three_users_by_hand() {
        // Means 2 and 4, of all 3. Users -1, 0, 1 about the mean in both: h = -1/3, 0, 1/3, so that theirs is 3/2 · 2/9 = 1/3; that of
        // the runs is 2 / 2 = 1. Freedom (4/3)² / (1/9/2 + 1) = 32/19.
        let found = OverUsersAndSeeds::of(&runs(&[&[1.0, 2.0, 3.0], &[3.0, 4.0, 5.0]]), 0.95).unwrap();
        assert_eq!((found.n_runs, found.n_users, found.mean), (2, 3, 3.0));
        assert!((found.error - (4.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{found:?}");
        assert!((found.freedom - 32.0 / 19.0).abs() < 1e-12, "{found:?}");
        assert!(found.interval.low < 0.0 && found.p > 0.05, "{found:?}");
    }

    #[test]
    fn runs_that_change_nothing_leave_the_test_of_the_users() {
        let one = [0.3, -0.1, 0.4, 0.2, 0.0, 0.25];
        let found = OverUsersAndSeeds::of(&runs(&[&one, &one, &one]), 0.95).unwrap();
        let paired = Paired::of(&one, &[0.0; 6], (9, 0)).unwrap();
        assert!((found.p - paired.p_t).abs() < 1e-12 && (found.freedom - 5.0).abs() < 1e-9, "{found:?} {paired:?}");
        let could = found.detectable(0.05, 0.8).unwrap();
        assert!((could - paired.detectable(0.05, 0.8).unwrap()).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_told_is_not() {
        let of = |values: &[&[f64]]| OverUsersAndSeeds::of(&runs(values), 0.95);
        assert_eq!([of(&[&[1.0, 2.0]]), of(&[&[1.0], &[2.0]]), of(&[&[1.0, 2.0], &[]])], [None; 3]);
        assert_eq!(of(&[&[1e300, -1e300], &[0.0, 0.0]]), None);
        // All by the same: no chance, and nothing detectable.
        let same = of(&[&[0.5, 0.5], &[0.5, 0.5]]).unwrap();
        assert_eq!((same.p, same.error, same.detectable(0.05, 0.8)), (0.0, 0.0, None));
        assert_eq!(of(&[&[0.0, 0.0], &[0.0, 0.0]]).unwrap().p, 1.0);
    }

    /// How often of so many worlds without a difference one is found at 5 %, where users, runs and each user in each run vary by so much.
    fn false_alarms((users, runs): (usize, usize), (of_user, of_run, of_both): (f64, f64, f64)) -> f64 {
        const WORLDS: usize = 1500;
        let normal = Normal::standard();
        let found = (0..WORLDS).filter(|world| {
            let mut stream = Seed::new(5).named("world").at(*world as u64).stream();
            let mut draw = |deviation: f64| deviation * normal.inverse_cdf(stream.unit().clamp(1e-12, 1.0 - 1e-12));
            let own: Vec<f64> = (0..users).map(|_| draw(of_user)).collect();
            let values: Vec<Vec<(usize, f64)>> = (0..runs)
                .map(|_| {
                    let run = draw(of_run);
                    own.iter().enumerate().map(|(user, own)| (user, own + run + draw(of_both))).collect()
                })
                .collect();
            OverUsersAndSeeds::of(&values, 0.95).unwrap().p < 0.05
        });
        found.count() as f64 / WORLDS as f64
    }

    #[test]
    fn false_alarms_are_no_more_than_the_level_says() {
        // Users vary, runs vary, both do, and either only together.
        for (size, varies) in [
            ((60, 3), (1.0, 0.0, 0.0)),
            ((60, 3), (1.0, 0.0, 1.0)),
            ((60, 2), (1.0, 0.1, 1.0)),
            ((60, 3), (1.0, 0.3, 0.5)),
            ((60, 5), (0.2, 1.0, 0.5)),
        ] {
            let rate = false_alarms(size, varies);
            // Three standard errors above the level.
            assert!(rate < 0.05 + 0.017, "{size:?} {varies:?}: {rate}");
        }
        // Users alone are what one run would be tested by: the runs' part must not be overlooked.
        assert!(false_alarms((60, 3), (1.0, 0.0, 0.0)) > 0.033);
    }
}
