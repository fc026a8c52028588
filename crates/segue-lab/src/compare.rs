//! Several models on one question, side by side.

use segue_core::{OpenedTests, Registry, Watch};
use segue_eval::{Bootstrap, Difference, Evaluation, MetricSpec, OverSeeds, Paired, PerUser, holm};

use crate::error::LabError;
use crate::experiment::{Bench, Fitted, Loaded, fit, measure};
use crate::row::Row;
use crate::settings::{Scope, Settings};

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

/// Random signs at least for each test of a family.
const LEAST_RESAMPLES: usize = 400;

/// A row beside the one that it is measured against.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Its position.
    pub row: usize,
    /// The difference with its bootstrap interval.
    pub difference: Difference,
    /// The tests.
    pub paired: Paired,
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

    /// The row of the same model, hyper-parameters, seed and question that learnt from `control`.
    pub(crate) fn control_of(&self, row: &Row, control: Scope) -> Option<usize> {
        let same = |c: &Row| c.is_recipe_of(row) && c.seed == row.seed && c.is_asked_as(row);
        self.rows.iter().position(|c| c.scope == control && same(c))
    }

    /// The row of a model that is asked what `row` is: the first, whatever it learnt from.
    pub fn same_question(&self, row: &Row, model: &str) -> Option<usize> {
        self.rows.iter().position(|c| c.model == model && c.is_asked_as(row))
    }

    /// Every other row beside that of `baseline` which was asked the same, user by user, by a metric that is measured per user;
    /// each p of the randomisation test corrected for all of them by Holm. Rows whose values by user were not kept are left out.
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
        self.corrected(&pairs, metric, resamples)
    }

    /// Pairs of rows that have values by user, each with its p of the randomisation test corrected for all pairs by Holm.
    pub(crate) fn corrected(
        &self,
        pairs: &[(usize, usize)],
        metric: MetricSpec,
        resamples: usize,
    ) -> Result<Vec<(Tested, f64)>, LabError> {
        let by_user = |&&(row, base): &&(usize, usize)| !self.rows[row].is_lean() && !self.rows[base].is_lean();
        let pairs: Vec<(usize, usize)> = pairs.iter().filter(by_user).copied().collect();
        // So many random signs that the least p there can be, times the number of tests, is far below any level.
        let resamples = (resamples, resamples.max(LEAST_RESAMPLES * pairs.len()));
        let mut tested = Vec::new();
        for (row, base) in pairs {
            tested.extend(self.beside(row, base, metric, resamples)?);
        }
        let corrected = holm(&tested.iter().map(|t| t.paired.p_randomisation).collect::<Vec<_>>());
        Ok(tested.into_iter().zip(corrected).collect())
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
        let per_user = |alone: &Evaluation| match alone.metrics.first().map(|measured| &measured.per_user) {
            Some(PerUser::Mean(values)) => Ok(values.clone()),
            _ => Err(LabError::NotFound(format!(
                "{metric} is no mean over users, so that no test compares it user by user; choose another by --show"
            ))),
        };
        let seed = self.rows[row].seed;
        let (first, second) = (alone(&self.rows[row]), alone(&self.rows[base]));
        let paired = Paired::of(&per_user(&first)?, &per_user(&second)?, (signs, seed));
        let difference = differences(&first, &second, (resamples, seed))?.pop();
        Ok(difference.zip(paired).map(|(difference, paired)| Tested { row, difference, paired }))
    }

    /// The value of a metric over the seeds of each recipe and scope that ran with several, by the position of the first.
    pub fn over_seeds(&self, metric: MetricSpec) -> Vec<(usize, OverSeeds)> {
        let same = |a: &Row, b: &Row| a.scope == b.scope && a.is_recipe_of(b) && a.is_asked_as(b);
        let mut found = Vec::new();
        for (n, first) in self.rows.iter().enumerate() {
            if self.rows[..n].iter().any(|earlier| same(earlier, first)) {
                continue;
            }
            let runs: Vec<&Row> = self.rows.iter().filter(|run| same(run, first)).collect();
            // A run beside itself is one run.
            let once = runs.iter().enumerate().filter(|(n, run)| runs[..*n].iter().all(|other| other.seed != run.seed));
            let values: Vec<f64> = once.filter_map(|(_, run)| run.test.value(metric)).collect();
            found.extend(OverSeeds::of(&values, Bootstrap::default().level).map(|over| (n, over)));
        }
        found
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
