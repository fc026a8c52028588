//! Several models on one question, side by side.

use std::borrow::Cow;

use segue_core::{OpenedTests, Registry, Watch};
use segue_eval::{Bootstrap, Difference, Evaluation, Measure, MetricSpec, OverSeeds, Paired, holm};

use crate::error::LabError;
use crate::experiment::{Bench, Fitted, Loaded, fit, measure};
use crate::row::Row;
use crate::settings::{Scope, Settings};
use crate::transfer::{ALPHA, POWER};

/// Rows to be put beside each other.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The rows in the order given; of one fit, a row for each question of the split.
    pub rows: Vec<Row>,
}

/// Fits and measures every job on one loaded data set; with `apart`, also on parts of each question. `terminal` makes a
/// watcher for each by its label, `keep` is given each fitted model when it was measured: [`Row::fit`] counts them.
pub fn compare<W: Watch>(
    (jobs, apart): (&[Settings], bool),
    (loaded, registry): (&Loaded, &Registry),
    mut terminal: impl FnMut(&str) -> W,
    mut keep: impl FnMut(Fitted),
) -> Result<Comparison, LabError> {
    let mut rows = Vec::new();
    for (n, settings) in jobs.iter().enumerate() {
        let algorithm = settings.algorithm(registry, false)?;
        let data = loaded.scoped(settings.scope, settings.seed);
        let mut watch = terminal(&format!("{} {}", algorithm.info().name, settings.scope));
        let mut bench = Bench { registry, terminal: &mut watch, folder: None, resume: false };
        let fitted = fit(settings, algorithm.as_ref(), &data, &mut bench)?;
        for answer in measure(&fitted, &data, (settings, apart), &mut OpenedTests::default())? {
            rows.push(Row::of((&fitted, n), answer, (settings, &data, loaded))?);
        }
        keep(fitted);
    }
    Ok(Comparison { rows })
}

/// Refuses to test by a metric that has no values by user whoever is asked: it is of all lists or scores together, or of two means.
pub fn refuse_untestable(metric: MetricSpec) -> Result<(), LabError> {
    match metric.metric.measure {
        Measure::OfAll(_) | Measure::OfScores(_) | Measure::OfMeans { .. } => Err(no_mean(metric)),
        _ => Ok(()),
    }
}

fn no_mean(metric: MetricSpec) -> LabError {
    LabError::NotFound(format!(
        "{metric} is no mean over users, so that no test compares it user by user; choose another by --show"
    ))
}

/// Random signs at least for each test of a family.
const LEAST_RESAMPLES: usize = 400;

/// Random signs at most of one test: of eight tests a corrected p of .05 has a standard error of .001 then, and a thousand users
/// take some half a second of one core.
const MOST_SIGNS: usize = 400_000;

/// A row beside the one that it is measured against.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Its position.
    pub row: usize,
    /// The difference with its bootstrap interval.
    pub difference: Difference,
    /// The tests.
    pub paired: Paired,
    /// Tests that are corrected together, this one among them.
    pub family: usize,
}

impl Tested {
    /// The least true difference that would be found in four of five tries, at the level that the clearest of the family is held to,
    /// which is Holm's first; without, a gain beyond it could still be called none. `None` where there are too few users to
    /// reach that level, and where all differ by the same: nothing can be said without a deviation.
    pub fn detectable(&self) -> Option<f64> {
        self.paired.detectable(ALPHA / self.family as f64, POWER).filter(|_| self.paired.deviation > 0.0)
    }

    /// A corrected p with the digits that so many random signs have, two at least, and what it is preceded by: `<` where none of
    /// them reached the mean, so that more could only find it lower.
    pub fn told(&self, corrected: f64) -> (&'static str, String) {
        let p = self.paired.p_randomisation;
        let error = corrected / p * (p * (1.0 - p) / self.paired.signs.max(1) as f64).sqrt();
        let digits = if error > 0.0 { (-(2.0 * error).log10()).ceil().clamp(2.0, 4.0) as usize } else { 2 };
        if self.paired.reached() == 0 {
            // Rounded up, for it is a bound.
            return ("<", format!("{:.4}", (corrected * 1e4).ceil() / 1e4));
        }
        ("=", format!("{corrected:.digits$}"))
    }
}

/// Paired differences of every metric of two rows. Both answer the same question of the same users; what was learnt from is
/// what is compared, and the shuffled split says so in its protocol line.
fn differences(
    row: &Evaluation,
    base: &Evaluation,
    (resamples, seed): (usize, u64),
) -> Result<Vec<Difference>, LabError> {
    let bootstrap = Bootstrap { resamples, seed, ..Bootstrap::default() };
    let row = Evaluation { protocol: base.protocol.clone(), ..row.clone() };
    bootstrap.compare(&row, base).map_err(|error| LabError::Internal(error.to_string()))
}

impl Comparison {
    /// What every model gains over its own control with the same seed, by position of its row: paired differences to the
    /// row of scope `control`. Over [`Scope::Target`] it is what learning from the other domains adds; over
    /// [`Scope::Shuffled`] it is the part of that which comes from knowing who is who.
    pub fn gains(&self, control: Scope, resamples: usize) -> Result<Vec<(usize, Vec<Difference>)>, LabError> {
        let mut gains = Vec::new();
        for (n, row) in self.rows.iter().enumerate().filter(|(_, row)| row.scope != control) {
            let Some(twin) = self.control_of(row, control) else { continue };
            if row.is_lean() || self.rows[twin].is_lean() {
                continue;
            }
            gains.push((n, differences(&row.test, &self.rows[twin].test, (resamples, row.seed))?));
        }
        Ok(gains)
    }

    /// The row of the same model, hyper-parameters, seed and question that learnt from `control`. Where there is none, and each of
    /// the two scopes has one recipe of the model, they were tuned apart: then the one is the control of the other. Where validation
    /// chose among recipes each scope has the one that it chose, and the others neither have a control nor are one.
    pub fn control_of(&self, row: &Row, control: Scope) -> Option<usize> {
        if row.is_aside() {
            return None;
        }
        let same = |c: &Row| c.model == row.model && c.seed == row.seed && c.is_asked_as(row) && !c.is_aside();
        let own = self.rows.iter().position(|c| c.scope == control && same(c) && c.is_recipe_of(row));
        own.or_else(|| {
            let entered = |c: &&Row| c.model == row.model && !c.is_aside();
            let of_scope = |scope: Scope| self.rows.iter().filter(entered).filter(move |c| c.scope == scope);
            let alone = |scope: Scope| {
                of_scope(scope).zip(of_scope(scope).skip(1)).all(|(a, b)| !a.is_asked_as(b) || a.is_recipe_of(b))
            };
            let found = self.rows.iter().position(|c| c.scope == control && same(c))?;
            (alone(control) && alone(row.scope)).then_some(found)
        })
    }

    /// The row of a model that is asked what `row` is: the first, whatever it learnt from, but for recipes that validation did not choose.
    pub fn same_question(&self, row: &Row, model: &str) -> Option<usize> {
        self.rows.iter().position(|c| c.model == model && !c.is_aside() && c.is_asked_as(row))
    }

    /// Every other row beside that of `baseline` which was asked the same, user by user, by a metric that is measured per user;
    /// each p of the randomisation test corrected for all of them by Holm (seeds of a recipe are one hypothesis). Rows whose values by user
    /// were not kept, and those that the metric was not asked of, are left out. Recipes that validation did not choose are no hypotheses
    /// about models: those of the baseline alone are tested, among themselves.
    pub fn against(
        &self,
        baseline: &str,
        metric: MetricSpec,
        resamples: usize,
    ) -> Result<Vec<(Tested, f64)>, LabError> {
        let base = |row: &Row| self.same_question(row, baseline);
        let pairs: Vec<(usize, usize)> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(n, row)| Some((n, base(row)?)))
            .filter(|(n, base)| n != base)
            .collect();
        let (others, models): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(n, _)| self.rows[*n].is_aside());
        let own: Vec<(usize, usize)> =
            others.into_iter().filter(|&(n, base)| self.rows[n].model == self.rows[base].model).collect();
        let mut tested = self.corrected(&models, metric, resamples)?;
        tested.extend(self.corrected(&own, metric, resamples)?);
        tested.sort_by_key(|(tested, _)| tested.row);
        Ok(tested)
    }

    /// Pairs of rows that have values by user, each with its p of the randomisation test corrected for all pairs by Holm.
    pub(crate) fn corrected(
        &self,
        pairs: &[(usize, usize)],
        metric: MetricSpec,
        resamples: usize,
    ) -> Result<Vec<(Tested, f64)>, LabError> {
        let both = |&&(row, base): &&(usize, usize)| self.is_testable(row, metric) && self.is_testable(base, metric);
        let pairs: Vec<(usize, usize)> = pairs.iter().filter(both).copied().collect();
        // So many random signs that the least p there can be, times the number of tests, is far below any level.
        let resamples = (resamples, resamples.max(LEAST_RESAMPLES * pairs.len()));
        let (mut tested, mut bases) = (Vec::new(), Vec::new());
        for (row, base) in pairs {
            if let Some(found) = self.beside(row, base, metric, resamples)? {
                tested.push(found);
                bases.push(base);
            }
        }
        let families = self.families(&tested);
        for family in &families {
            for &(t, _) in family.iter().filter(|(_, own)| *own) {
                tested[t].family = family.len();
            }
        }
        // Where more signs could turn a verdict they are drawn, twice as many each time.
        loop {
            let open = undecided(&tested, &|p| corrected_ps(&tested, &families, p));
            if open.is_empty() {
                break;
            }
            for at in open {
                let seed = self.rows[tested[at].row].seed;
                let (first, second) = (self.by_user(tested[at].row, metric)?, self.by_user(bases[at], metric)?);
                let signs = (2 * tested[at].paired.signs).min(MOST_SIGNS);
                tested[at].paired.draw_on((&first, &second), signs, seed);
            }
        }
        let corrected = corrected_ps(&tested, &families, &|t| t.paired.p_randomisation);
        Ok(tested.into_iter().zip(corrected).collect())
    }

    /// Which tests are corrected together: by seed, one of every hypothesis, for another seed of a recipe is a repetition of its
    /// hypothesis and not one more. Of a hypothesis without that seed the first row stands in, and is corrected elsewhere. Rows that
    /// answer everyone as their base does test nothing, and are in no family.
    fn families(&self, tested: &[Tested]) -> Vec<Family> {
        let row = |t: usize| &self.rows[tested[t].row];
        let mut hypotheses: Vec<Vec<usize>> = Vec::new();
        for t in (0..tested.len()).filter(|&t| tested[t].paired.wins + tested[t].paired.losses > 0) {
            match hypotheses.iter_mut().find(|known| row(known[0]).repeats(row(t))) {
                Some(known) => known.push(t),
                None => hypotheses.push(vec![t]),
            }
        }
        let mut seeds: Vec<u64> = hypotheses.iter().flatten().map(|&t| row(t).seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let of_seed = |seed: u64| {
            let one = |known: &Vec<usize>| known.iter().copied().find(|&t| row(t).seed == seed).unwrap_or(known[0]);
            hypotheses.iter().map(one).map(|t| (t, row(t).seed == seed)).collect()
        };
        seeds.into_iter().map(of_seed).collect()
    }

    /// Whether a row was asked a metric and its values by user were kept; errors by user may not have been where others were.
    pub(crate) fn is_testable(&self, at: usize, metric: MetricSpec) -> bool {
        let row = &self.rows[at];
        !row.is_lean() && row.measured(metric).is_some() && (!metric.metric.is_error() || row.is_by_user(metric))
    }

    /// The values of a metric by user.
    pub(crate) fn by_user(&self, row: usize, metric: MetricSpec) -> Result<Cow<'_, [f64]>, LabError> {
        self.rows[row].by_user(metric).ok_or_else(|| no_mean(metric))
    }

    /// One row beside another, by so many resamples of the bootstrap and random signs; `None` with fewer than two users.
    fn beside(
        &self,
        row: usize,
        base: usize,
        metric: MetricSpec,
        (resamples, signs): (usize, usize),
    ) -> Result<Option<Tested>, LabError> {
        // The one metric, so that no other is resampled.
        let alone = |row: &Row| {
            let metrics = row.test.metrics.iter().filter(|measured| measured.spec == metric).cloned().collect();
            Evaluation { metrics, ..row.test.clone() }
        };
        let seed = self.rows[row].seed;
        let paired = Paired::of(&self.by_user(row, metric)?, &self.by_user(base, metric)?, (signs, seed));
        let (first, second) = (alone(&self.rows[row]), alone(&self.rows[base]));
        let difference = differences(&first, &second, (resamples, seed))?.pop();
        Ok(difference.zip(paired).map(|(difference, paired)| Tested { row, difference, paired, family: 1 }))
    }

    /// A value of every row over the seeds of each recipe and scope that ran with several, by the position of the first.
    pub fn over_seeds(&self, value: impl Fn(usize) -> Option<f64>) -> Vec<(usize, OverSeeds)> {
        let mut found = Vec::new();
        for (n, first) in self.rows.iter().enumerate() {
            if self.rows[..n].iter().any(|earlier| earlier.repeats(first)) {
                continue;
            }
            let runs: Vec<(usize, &Row)> = self.rows.iter().enumerate().filter(|(_, run)| run.repeats(first)).collect();
            // A run beside itself is one run.
            let once = runs
                .iter()
                .enumerate()
                .filter(|(n, (_, run))| runs[..*n].iter().all(|(_, other)| other.seed != run.seed));
            let values: Vec<f64> = once.filter_map(|(_, (at, _))| value(*at)).collect();
            found.extend(OverSeeds::of(&values, Bootstrap::default().level).map(|over| (n, over)));
        }
        found
    }

    /// Whether some model ran with several seeds.
    pub fn has_several_seeds(&self) -> bool {
        self.rows.windows(2).any(|two| two[0].seed != two[1].seed)
    }

    /// The row that validation would choose by `metric` (test plays no part); the first where nothing was validated.
    pub fn chosen(&self, metric: &str) -> Option<usize> {
        let value = |row: &Row| row.valid.iter().find(|(name, _)| name == metric).map(|(_, value)| *value);
        let scored = self.rows.iter().enumerate().filter_map(|(n, row)| Some((n, value(row)?)));
        scored.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(|(n, _)| n)
    }

    /// The protocol of each question that was asked, once and in order, and which of them each row answers.
    pub fn protocols(&self) -> (Vec<&str>, Vec<usize>) {
        let mut asked: Vec<&Row> = Vec::new();
        let mut answered = Vec::new();
        for row in &self.rows {
            let at = asked.iter().position(|known| known.is_asked_as(row)).unwrap_or(asked.len());
            if at == asked.len() {
                // With shuffled links the line says so; that of a row without stands for all.
                let plain = self.rows.iter().find(|other| other.scope != Scope::Shuffled && other.is_asked_as(row));
                asked.push(plain.unwrap_or(row));
            }
            answered.push(at);
        }
        (asked.into_iter().map(|row| row.test.protocol.as_str()).collect(), answered)
    }
}

/// Tests that are corrected together, and whether each is corrected here.
type Family = Vec<(usize, bool)>;

/// A p of every test, corrected within its family by Holm.
fn corrected_ps(tested: &[Tested], families: &[Family], p: &EachP<'_>) -> Vec<f64> {
    let mut corrected: Vec<f64> = tested.iter().map(p).collect();
    for family in families {
        let ps: Vec<f64> = family.iter().map(|&(t, _)| p(&tested[t])).collect();
        for (&(t, _), p) in family.iter().zip(holm(&ps)).filter(|((_, own), _)| *own) {
            corrected[t] = p;
        }
    }
    corrected
}

/// A p of every test.
type EachP<'a> = dyn Fn(&Tested) -> f64 + 'a;

/// The tests whose corrected p may lie on either side of the level, as far as their random signs tell, and that may draw more.
fn undecided(tested: &[Tested], corrected: &dyn Fn(&EachP<'_>) -> Vec<f64>) -> Vec<usize> {
    // Holm's correction rises with every p, so that the ends of the intervals give those of the corrected ps.
    let (low, high) = (corrected(&|t| t.paired.p_within().0), corrected(&|t| t.paired.p_within().1));
    let open = |&n: &usize| low[n] < ALPHA && ALPHA <= high[n] && tested[n].paired.signs < MOST_SIGNS;
    (0..tested.len()).filter(open).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_eval::Interval;

    fn tested(p: f64, signs: usize) -> Tested {
        let paired = Paired { p_randomisation: p, signs, ..Paired::of(&[1.0, 2.0], &[0.0, 0.0], (9, 0)).unwrap() };
        let interval = Interval { low: 0.0, high: 1.0, level: 0.95 };
        let spec = "ndcg@10".parse().unwrap();
        let difference = Difference { spec, difference: 0.5, interval, p, n_users: 2 };
        Tested { row: 0, difference, paired, family: 1 }
    }

    #[test]
    fn more_signs_are_drawn_where_they_could_turn_a_verdict() {
        // .035 of eight tests by 3,200 signs is .022 to .056.
        let mut family = vec![tested(0.5, 3200); 7];
        family.push(tested(0.035 / 8.0, 3200));
        let open = |family: &[Tested]| undecided(family, &|p| holm(&family.iter().map(p).collect::<Vec<_>>()));
        assert_eq!(open(&family), [7]);
        family[7] = tested(0.035 / 8.0, 400_000);
        assert_eq!(open(&family), [0; 0]);
        // Nothing reached it: decided, and told as a bound.
        family[7] = tested(1.0 / 3201.0, 3200);
        assert_eq!(open(&family), [0; 0]);
        assert_eq!(family[7].told(8.0 / 3201.0), ("<", "0.0025".into()));
    }

    #[test]
    fn of_what_is_the_same_nothing_is_detectable() {
        let values: Vec<f64> = (0..30).map(f64::from).collect();
        let of = |paired: Paired| Tested { paired, ..tested(1.0, 99) }.detectable();
        assert_eq!(of(Paired::of(&values, &values, (99, 0)).unwrap()), None);
        assert!(of(Paired::of(&values, &[3.0; 30], (99, 0)).unwrap()).is_some_and(|could| could > 0.0));
    }

    #[test]
    fn a_p_has_the_digits_that_it_has() {
        assert_eq!(tested(0.0326, 3200).told(0.2609), ("=", "0.26".into()));
        assert_eq!(tested(0.00566, 400_000).told(0.0453), ("=", "0.045".into()));
        assert_eq!(tested(1.0, 3200).told(1.0), ("=", "1.00".into()));
    }
}
