//! Which of several models has the best value, and which others cannot be told apart from it.

use segue_eval::{Bootstrap, Interval, MetricSpec, OverSeeds, Paired, holm};

use crate::compare::Comparison;
use crate::error::LabError;
use crate::row::Row;
use crate::transfer::ALPHA;

/// Random signs of a test.
const SIGNS: usize = 20_000;

/// The best of several recipes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// Its place among them.
    pub at: usize,
    /// Places of those that are not told apart from it, in order.
    pub not_apart: Vec<usize>,
    /// Whether all were compared user by user; if not, whoever's interval reaches that of the best, or has none, is not told apart.
    pub by_user: bool,
}

impl Comparison {
    /// The mean of a metric over the runs of a recipe, and its interval: of one run that of its users, of several by Student's t over seeds.
    pub fn value_of(&self, runs: &[usize], metric: MetricSpec) -> Option<(f64, Option<Interval>)> {
        let estimates = || runs.iter().filter_map(|&run| self.rows.get(run)?.summary.find(metric));
        let values: Vec<f64> = estimates().map(|estimate| estimate.value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let of_users = estimates().next()?.interval;
        match OverSeeds::of(&values, Bootstrap::default().level) {
            Some(over) if over.deviation > 0.0 => Some((mean, Some(over.interval))),
            // Seeds that change nothing tell nothing of others.
            _ => Some((mean, of_users)),
        }
    }

    /// The recipe, each given by its runs, with the best value of a metric; `None` where none has one. All are asked the same. Others are
    /// told apart from it user by user, by the mean over their runs: the randomisation test, corrected by Holm.
    pub fn best_of(&self, recipes: &[Vec<usize>], metric: MetricSpec) -> Result<Option<Best>, LabError> {
        let sign = if metric.metric.more_is_better() { 1.0 } else { -1.0 };
        let valued = recipes.iter().enumerate().filter_map(|(n, runs)| Some((n, self.value_of(runs, metric)?)));
        let valued: Vec<(usize, (f64, Option<Interval>))> = valued.collect();
        let Some(&(at, best)) = valued.iter().reduce(|a, b| if sign * b.1.0 > sign * a.1.0 { b } else { a }) else {
            return Ok(None);
        };
        let others: Vec<&(usize, (f64, Option<Interval>))> = valued.iter().filter(|(n, _)| *n != at).collect();
        let own = self.means_by_user(&recipes[at], metric);
        let tests: Vec<Option<Paired>> = others
            .iter()
            .map(|(n, _)| {
                let (own, other) = (own.as_ref()?, self.means_by_user(&recipes[*n], metric)?);
                Paired::of(own, &other, (SIGNS, self.rows[*recipes[at].first()?].seed))
            })
            .collect();
        let by_user = tests.iter().all(Option::is_some);
        let ps: Vec<f64> = tests.iter().flatten().map(|paired| paired.p_randomisation).collect();
        let mut corrected = holm(&ps).into_iter();
        let mut not_apart = Vec::new();
        for ((n, (_, interval)), test) in others.into_iter().zip(&tests) {
            let apart = match test {
                Some(_) => corrected.next().is_some_and(|p| p < ALPHA),
                None => match (best.1, interval) {
                    (Some(best), Some(other)) => best.low > other.high || other.low > best.high,
                    _ => false,
                },
            };
            if !apart {
                not_apart.push(*n);
            }
        }
        Ok(Some(Best { at, not_apart, by_user }))
    }

    /// The values of a metric by user, each the mean over runs that were asked the same.
    fn means_by_user(&self, runs: &[usize], metric: MetricSpec) -> Option<Vec<f64>> {
        let rows: Vec<&Row> = runs.iter().filter_map(|&run| self.rows.get(run)).collect();
        let first = rows.first().filter(|first| rows.iter().all(|row| row.is_asked_as(first) && !row.is_lean()))?;
        let mut means = vec![0.0; first.by_user(metric)?.len()];
        for row in &rows {
            let values = row.by_user(metric)?;
            means.iter_mut().zip(values.iter()).for_each(|(mean, value)| *mean += value / rows.len() as f64);
        }
        Some(means)
    }
}

#[cfg(test)]
mod tests {
    use segue_core::TaskKind;
    use segue_eval::{Measured, PerUser, Summary};

    use super::*;
    use crate::row::by_hand;
    use crate::settings::Scope;

    /// A model of forty users, whose values are so much above those of all others, or so for every other user.
    fn row(more: f64, every: u32) -> Row {
        let mut row = by_hand::row(Scope::Joint, TaskKind::Intra, "films", 0.0);
        let values: Vec<f64> = (0..40_u32)
            .map(|u| f64::from(u * 7 % 11) / 10.0 + if u.is_multiple_of(every) { more } else { -more })
            .collect();
        row.users = (0..40).map(|u| format!("u{u}")).collect();
        row.test.users = (0..40).collect();
        let value = values.iter().sum::<f64>() / 40.0;
        row.test.metrics = vec![Measured { spec: "ndcg@10".parse().unwrap(), value, per_user: PerUser::Mean(values) }];
        row.summary = Summary::new(&row.test, &Bootstrap::default()).unwrap();
        row
    }

    fn best(rows: Vec<Row>, recipes: &[Vec<usize>]) -> Best {
        Comparison { rows }.best_of(recipes, "ndcg@10".parse().unwrap()).unwrap().unwrap()
    }

    #[test]
    fn the_best_is_named_with_those_that_are_as_good_as_far_as_anybody_can_tell() {
        // The same users: a small gain of all is told apart, one that every other user pays for is not.
        let rows = vec![row(0.0, 1), row(0.05, 1), row(0.06, 2)];
        let found = best(rows.clone(), &[vec![0], vec![1], vec![2]]);
        assert_eq!(found, Best { at: 1, not_apart: vec![], by_user: true });
        let found = best(rows.clone(), &[vec![0], vec![2]]);
        assert_eq!((found.not_apart.len(), found.by_user), (1, true));
        // Without values by user intervals must not reach each other, and these do.
        let mut lean = rows;
        lean[0].users.clear();
        let found = best(lean, &[vec![0], vec![1]]);
        assert_eq!(found, Best { at: 1, not_apart: vec![0], by_user: false });
    }

    #[test]
    fn a_recipe_of_several_seeds_has_their_interval() {
        let seed = |seed: u64, more: f64| Row { seed, ..row(more, 1) };
        let comparison = Comparison { rows: vec![seed(1, 0.0), seed(2, 0.1), seed(3, 0.2), seed(4, 0.0)] };
        let of = |runs: &[usize]| comparison.value_of(runs, "ndcg@10".parse().unwrap()).unwrap();
        let (mean, interval) = of(&[0, 1, 2]);
        assert!((mean - of(&[1]).0).abs() < 1e-12);
        // Student's t of .1 deviation over three: 4.303 · .1 / √3.
        assert!((interval.unwrap().high - mean - 0.2484).abs() < 1e-3, "{interval:?}");
        assert_eq!(of(&[0, 3]), of(&[0]));
        assert_eq!(comparison.value_of(&[0], "hr@10".parse().unwrap()), None);
    }
}
