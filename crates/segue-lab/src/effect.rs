//! What joint rows gain over a control: of one run, or one number of several that differ by their seeds.

use std::collections::BTreeMap;

use segue_eval::{Bootstrap, Interval, MetricSpec, OverUsersAndSeeds, holm};

use crate::compare::{Comparison, Tested};
use crate::error::LabError;
use crate::row::Row;
use crate::settings::Scope;
use crate::transfer::{ALPHA, POWER};

/// The mean difference of joint rows to their controls.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The rows that it is of, by position: one, or those of several seeds.
    pub rows: Vec<usize>,
    /// Their seeds, each once.
    pub seeds: Vec<u64>,
    /// Test questions that they were asked: several where each seed had a split of its own.
    pub splits: usize,
    /// The metric.
    pub metric: MetricSpec,
    /// The difference; over several seeds of an error that is the root of a mean, of that mean.
    pub difference: f64,
    /// Of users, or of users and seeds together.
    pub interval: Interval,
    /// Corrected by Holm for all that is claimed.
    pub p: f64,
    /// Tests that are corrected together.
    pub family: usize,
    pub(crate) found: Found,
}

/// By which test an effect is told from chance.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// Of one run, by random signs of its users.
    Users(Tested),
    /// Of several.
    Seeds(OverUsersAndSeeds),
}

impl Effect {
    /// That of one row with its corrected p.
    pub(crate) fn of_row(tested: Tested, p: f64, seed: u64) -> Self {
        let difference = &tested.difference;
        Self {
            rows: vec![tested.row],
            seeds: vec![seed],
            splits: 1,
            metric: difference.spec,
            difference: difference.difference,
            interval: difference.interval,
            p,
            family: tested.family,
            found: Found::Users(tested),
        }
    }

    /// Runs that are told apart by their seeds.
    pub fn is_over_seeds(&self) -> bool {
        matches!(self.found, Found::Seeds(_))
    }

    /// The mean that is tested; of an error less is a gain.
    pub(crate) fn gain(&self) -> f64 {
        let sign = if self.metric.metric.more_is_better() { 1.0 } else { -1.0 };
        sign * match &self.found {
            Found::Users(tested) => tested.paired.mean,
            Found::Seeds(over) => over.mean,
        }
    }

    /// What `difference` is of, where it is not the metric.
    fn unit(&self) -> &'static str {
        if self.is_over_seeds() && self.metric.metric.name == "rmse" { " of mse" } else { "" }
    }

    /// What the p is preceded by, and its digits.
    pub fn told_p(&self) -> (&'static str, String) {
        match &self.found {
            Found::Users(tested) => tested.told(self.p),
            Found::Seeds(_) if self.p < 1e-4 => ("<", "0.0001".into()),
            Found::Seeds(_) => ("=", format!("{:.4}", self.p)),
        }
    }

    /// The difference with its interval and p.
    pub(crate) fn told(&self) -> String {
        let (is, p) = self.told_p();
        format!(
            "{:+.4} [{:+.4}, {:+.4}]{}, p {is} {p}",
            self.difference,
            self.interval.low,
            self.interval.high,
            self.unit()
        )
    }

    /// What a test that found nothing would have found.
    pub(crate) fn could_find(&self) -> String {
        let one_of = if self.family > 1 { format!(", one of {},", self.family) } else { String::new() };
        // Users are compared by squares where the metric is the root of their mean.
        let of = if self.metric.metric.name == "rmse" { " of mse" } else { "" };
        let found = |could: f64| format!("this test{one_of} would find {could:.4}{of} in four of five tries");
        let alike = || "every user has the same value either way".to_owned();
        match &self.found {
            Found::Users(tested) => match tested.detectable() {
                Some(could) => found(could),
                None if tested.paired.wins + tested.paired.losses == 0 => alike(),
                None => format!(
                    "{} users are too few for the randomisation test{one_of} to reach p < {ALPHA} at all",
                    tested.paired.n
                ),
            },
            Found::Seeds(over) => over.detectable(ALPHA / self.family as f64, POWER).map_or_else(alike, found),
        }
    }

    /// The p before it is corrected; none where rows are as their controls for everybody, which tests nothing.
    fn own_p(&self) -> Option<f64> {
        match &self.found {
            Found::Users(tested) => {
                (tested.paired.wins + tested.paired.losses > 0).then_some(tested.paired.p_randomisation)
            }
            Found::Seeds(over) => (over.mean != 0.0 || over.error > 0.0).then_some(over.p),
        }
    }
}

/// A row, and its control.
type Pair = (usize, usize);

impl Comparison {
    /// What every joint model gains over its control, one effect for all seeds of a recipe, whether they share a split or each has its own;
    /// each p corrected for all of them by Holm: those that the verdicts go by. Recipes that validation did not choose have none.
    pub fn effects(&self, control: Scope, metric: MetricSpec, resamples: usize) -> Result<Vec<Effect>, LabError> {
        let joint = self.rows.iter().enumerate().filter(|(_, row)| row.scope == Scope::Joint);
        let pairs = joint
            .filter_map(|(n, row)| Some((n, self.control_of(row, control)?)))
            .filter(|&(n, control)| self.is_testable(n, metric) && self.is_testable(control, metric));
        let mut hypotheses: Vec<Vec<Pair>> = Vec::new();
        for pair in pairs {
            let row = |known: &[Pair]| &self.rows[known[0].0];
            match hypotheses.iter_mut().find(|known| row(known).is_drawn_as(&self.rows[pair.0])) {
                Some(known) => known.push(pair),
                None => hypotheses.push(vec![pair]),
            }
        }
        let draws: Vec<Vec<Pair>> = hypotheses.iter().map(|known| self.draws(known)).collect();
        let alone: Vec<Pair> = draws.iter().filter(|draws| draws.len() == 1).map(|draws| draws[0]).collect();
        let mut tested = self.corrected(&alone, metric, resamples)?.into_iter();
        let mut effects = Vec::new();
        for (known, draws) in hypotheses.iter().zip(&draws) {
            let effect = if draws.len() == 1 {
                // In their order; one with too few users has no test.
                let one = tested.as_slice().first().is_some_and(|(tested, _)| tested.row == draws[0].0);
                let own = if one { tested.next() } else { None };
                own.map(|(tested, p)| Effect::of_row(tested, p, self.rows[draws[0].0].seed))
            } else {
                self.over_draws(draws, metric)?
            };
            effects.extend(effect.map(|effect| Effect { rows: known.iter().map(|pair| pair.0).collect(), ..effect }));
        }
        // Of one run each they were corrected, with as many random signs as that takes.
        if effects.iter().any(Effect::is_over_seeds) {
            let family: Vec<usize> = (0..effects.len()).filter(|&n| effects[n].own_p().is_some()).collect();
            let ps: Vec<f64> = family.iter().filter_map(|&n| effects[n].own_p()).collect();
            for (&n, p) in family.iter().zip(holm(&ps)) {
                (effects[n].p, effects[n].family) = (p, family.len());
                if let Found::Users(tested) = &mut effects[n].found {
                    tested.family = family.len();
                }
            }
        }
        Ok(effects)
    }

    /// What every recipe that ran with several seeds on one split gains over its control, whatever it learnt from: the mean over its
    /// runs with the interval of users and seeds together. Nothing is claimed by it, and its p corrects no other.
    pub fn gains_over_seeds(&self, control: Scope, metric: MetricSpec) -> Result<Vec<Effect>, LabError> {
        let mut recipes: Vec<Vec<Pair>> = Vec::new();
        for (n, row) in self.rows.iter().enumerate().filter(|(_, row)| row.scope != control) {
            let Some(control) = self.control_of(row, control) else { continue };
            if !(self.is_testable(n, metric) && self.is_testable(control, metric)) {
                continue;
            }
            match recipes.iter_mut().find(|known| self.rows[known[0].0].repeats(row)) {
                Some(known) => known.push((n, control)),
                None => recipes.push(vec![(n, control)]),
            }
        }
        let mut gains = Vec::new();
        for known in recipes {
            let gain = self.over_draws(&self.draws(&known), metric)?;
            gains.extend(gain.map(|gain| Effect { rows: known.iter().map(|pair| pair.0).collect(), ..gain }));
        }
        Ok(gains)
    }

    /// Those of other seeds or splits: a run beside itself is one run.
    fn draws(&self, pairs: &[Pair]) -> Vec<Pair> {
        let of = |pair: &Pair| (self.rows[pair.0].seed, &self.rows[pair.0].fingerprint);
        let mut found: Vec<Pair> = Vec::new();
        for pair in pairs {
            if found.iter().all(|known| of(known) != of(pair)) {
                found.push(*pair);
            }
        }
        found
    }

    /// One effect of several runs. Those that share a split are no more independent than it is: where there are several splits, each
    /// counts once, by the mean over its runs.
    fn over_draws(&self, draws: &[Pair], metric: MetricSpec) -> Result<Option<Effect>, LabError> {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let mut splits: Vec<(&str, Vec<Differences>)> = Vec::new();
        for &(row, control) in draws {
            let (own, others) = (self.by_user(row, metric)?, self.by_user(control, metric)?);
            let row = &self.rows[row];
            let users = if metric.metric.is_error() { &row.raters } else { &row.users };
            let values = users.iter().zip(own.iter().zip(others.iter())).map(|(user, (own, other))| {
                let next = numbers.len();
                (*numbers.entry(user).or_insert(next), own - other)
            });
            let values = values.collect();
            match splits.iter_mut().find(|(known, _)| *known == row.fingerprint) {
                Some((_, runs)) => runs.push(values),
                None => splits.push((&row.fingerprint, vec![values])),
            }
        }
        let n_splits = splits.len();
        let runs: Vec<Differences> = match n_splits {
            1 => splits.into_iter().flat_map(|(_, runs)| runs).collect(),
            _ => splits.into_iter().map(|(_, runs)| means(&runs)).collect(),
        };
        let mut seeds: Vec<u64> = draws.iter().map(|(row, _)| self.rows[*row].seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        Ok(OverUsersAndSeeds::of(&runs, Bootstrap::default().level).map(|over| Effect {
            rows: Vec::new(),
            seeds,
            splits: n_splits,
            metric,
            difference: over.mean,
            interval: over.interval,
            p: over.p,
            family: 1,
            found: Found::Seeds(over),
        }))
    }
}

/// Of each user, by number.
type Differences = Vec<(usize, f64)>;

/// The mean of each user over runs.
fn means(runs: &[Differences]) -> Differences {
    let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (user, value) in runs.iter().flatten() {
        let (sum, n) = sums.entry(*user).or_default();
        *sum += value;
        *n += 1.0;
    }
    sums.into_iter().map(|(user, (sum, n))| (user, sum / n)).collect()
}

impl Row {
    /// Whether both rows are of one recipe that learnt from the same, and their questions differ by seeds alone, if at all.
    fn is_drawn_as(&self, other: &Self) -> bool {
        let asked = |row: &Self| (row.data.clone(), row.question.clone(), row.target.clone());
        let drawn = self.is_asked_as(other) || (asked(self) == asked(other) && self.drawn_from == other.drawn_from);
        self.scope == other.scope && self.is_recipe_of(other) && drawn
    }
}

#[cfg(test)]
mod tests {
    use segue_core::TaskKind;
    use segue_eval::PerUser;

    use super::*;
    use crate::row::by_hand;
    use crate::transfer::Verdict;

    /// Forty users' values about a mean, as the seed deals them out.
    fn row(scope: Scope, seed: u64, mean: f64) -> Row {
        let mut row = by_hand::row(scope, TaskKind::Intra, "films", mean);
        let values: Vec<f64> =
            (0..40).map(|u| mean + f64::from((u * 7 + seed as u32 * 3) % 11) / 100.0 - 0.05).collect();
        row.users = (0..40).map(|u| format!("u{u}")).collect();
        row.test.users = (0..40).collect();
        row.test.metrics[0].value = values.iter().sum::<f64>() / 40.0;
        row.test.metrics[0].per_user = PerUser::Mean(values);
        row.summary.n_users = 40;
        Row { seed, drawn_from: "world".into(), ..row }
    }

    /// A model with gains over the target alone by seed.
    fn seeds(gains: &[f64]) -> Comparison {
        let rows = gains.iter().enumerate().flat_map(|(n, gain)| {
            let seed = n as u64 + 1;
            [row(Scope::Target, seed, 0.2), row(Scope::Joint, seed, 0.2 + gain)]
        });
        Comparison { rows: rows.collect() }
    }

    fn only(comparison: &Comparison) -> Effect {
        let effects = comparison.effects(Scope::Target, "ndcg@10".parse().unwrap(), 400).unwrap();
        assert_eq!(effects.len(), 1);
        effects.into_iter().next().unwrap()
    }

    #[test]
    fn seeds_have_one_effect_that_holds_what_they_differ_by() {
        let agree = only(&seeds(&[0.05, 0.051, 0.049]));
        assert_eq!((agree.rows.clone(), agree.seeds.clone(), agree.splits), (vec![1, 3, 5], vec![1, 2, 3], 1));
        assert!((agree.difference - 0.05).abs() < 1e-9 && agree.p < 0.01, "{agree:?}");
        // The same mean, of which each seed says something else: every user of each is better, and it is not told from chance.
        let apart = only(&seeds(&[0.14, 0.001, 0.009]));
        assert!((apart.difference - 0.05).abs() < 1e-9 && apart.p > 0.05 && apart.interval.low < 0.0, "{apart:?}");
        let wide = |effect: &Effect| effect.interval.high - effect.interval.low;
        assert!(wide(&apart) > 5.0 * wide(&agree));
        let told = |gains: &[f64]| {
            let verdicts = seeds(gains).transfers("ndcg@10".parse().unwrap(), 400).unwrap();
            (verdicts.len(), verdicts[0].verdict, verdicts[0].to_string())
        };
        let (n, verdict, text) = told(&[0.14, 0.001, 0.009]);
        assert_eq!((n, verdict), (1, Verdict::None));
        assert!(text.starts_with("no evidence of transfer: ease over seeds 1, 2, 3 (ndcg@10 +0.0500 ["), "{text}");
        assert!(text.contains("; this test would find 0."), "{text}");
        let (_, verdict, text) = told(&[0.05, 0.051, 0.049]);
        assert_eq!(verdict, Verdict::Transfer);
        assert!(text.starts_with("a gain, its cause unknown: ease over seeds 1, 2, 3 (ndcg@10 +0.0500 ["), "{text}");
    }

    #[test]
    fn a_placebo_has_the_interval_that_what_is_claimed_has() {
        let ndcg: MetricSpec = "ndcg@10".parse().unwrap();
        let mut both = seeds(&[0.05, 0.051, 0.049]);
        let placebo = both.rows.iter().filter(|row| row.scope == Scope::Joint).cloned();
        let placebo: Vec<Row> = placebo.map(|row| Row { scope: Scope::Shuffled, ..row }).collect();
        both.rows.extend(placebo);
        let gains = both.gains_over_seeds(Scope::Target, ndcg).unwrap();
        let of: Vec<&[usize]> = gains.iter().map(|gain| &gain.rows[..]).collect();
        assert_eq!(of, [[1, 3, 5], [6, 7, 8]]);
        assert_eq!((gains[0].difference, gains[0].interval), (gains[1].difference, gains[1].interval));
        // That of what is claimed is what its verdict has, whatever stands beside it.
        let claimed = only(&both);
        assert_eq!((gains[0].difference, gains[0].interval), (claimed.difference, claimed.interval));
        assert!(seeds(&[0.05]).gains_over_seeds(Scope::Target, ndcg).unwrap().is_empty());
    }

    #[test]
    fn one_run_is_tested_by_its_users() {
        let one = seeds(&[0.05]);
        let effect = only(&one);
        assert!(!effect.is_over_seeds() && effect.seeds == [1]);
        let over = one.over(Scope::Target, "ndcg@10".parse().unwrap(), 400).unwrap();
        assert_eq!((effect.difference, effect.p), (over[0].0.difference.difference, over[0].1));
        // The same run under two names is one.
        let mut twice = one;
        twice.rows.push(twice.rows[1].clone());
        let effect = only(&twice);
        assert!(!effect.is_over_seeds() && effect.rows == [1, 2], "{effect:?}");
    }

    #[test]
    fn splits_count_once_each_and_other_worlds_not_at_all() {
        let split = |comparison: &mut Comparison, row: usize, name: &str| {
            comparison.rows[row].fingerprint = name.into();
            comparison.rows[row + 1].fingerprint = name.into();
        };
        // Two splits of two seeds each: the seeds agree, the splits do not.
        let mut four = seeds(&[0.08, 0.081, 0.019, 0.02]);
        for (row, name) in [(0, "a"), (2, "a"), (4, "b"), (6, "b")] {
            split(&mut four, row, name);
        }
        let effect = only(&four);
        assert_eq!((effect.splits, effect.seeds.len()), (2, 4));
        assert!((effect.difference - 0.05).abs() < 1e-9 && effect.p > 0.05, "{effect:?}");
        let told = four.transfers("ndcg@10".parse().unwrap(), 400).unwrap()[0].to_string();
        assert!(told.contains(": ease over 2 splits (seeds 1, 2, 3, 4) ("), "{told}");
        // Another world, or other preparation, is another hypothesis.
        let mut two = seeds(&[0.08, 0.02]);
        split(&mut two, 2, "b");
        assert_eq!(only(&two).splits, 2);
        for row in &mut two.rows[2..] {
            row.drawn_from = "another".into();
        }
        assert_eq!(two.effects(Scope::Target, "ndcg@10".parse().unwrap(), 400).unwrap().len(), 2);
    }

    #[test]
    fn one_family_holds_what_has_seeds_and_what_has_none() {
        let mut both = seeds(&[0.05, 0.051, 0.049]);
        let mf = seeds(&[0.04]).rows.into_iter().map(|row| Row { model: "mf".into(), ..row });
        both.rows.extend(mf);
        let effects = both.effects(Scope::Target, "ndcg@10".parse().unwrap(), 400).unwrap();
        assert_eq!(effects.iter().map(|effect| effect.family).collect::<Vec<_>>(), [2, 2]);
        let alone = only(&seeds(&[0.05, 0.051, 0.049]));
        assert!(effects[0].p >= alone.p && effects[0].is_over_seeds() && !effects[1].is_over_seeds());
    }
}
