//! Several models on one question, side by side.

use segue_core::{OpenedTests, Registry, Watch};
use segue_eval::{Bootstrap, Difference, Evaluation, MetricSpec, OverSeeds, Paired, PerUser, Summary};

use crate::error::LabError;
use crate::experiment::{Bench, Fitted, Loaded, fit, measure};
use crate::report::summarise;
use crate::settings::{Scope, Settings};

/// One row of a comparison.
#[derive(Debug)]
pub struct Contestant {
    /// The model, fitted.
    pub fitted: Fitted,
    /// What it learnt from.
    pub scope: Scope,
    /// Root of its random streams.
    pub seed: u64,
    /// On validation, if there is any.
    pub valid: Option<Evaluation>,
    /// On test.
    pub test: Evaluation,
    /// Test metrics with intervals.
    pub summary: Summary,
}

/// Rows measured on the same users under the same protocol.
#[derive(Debug)]
pub struct Comparison {
    /// The rows in the order given.
    pub contestants: Vec<Contestant>,
    /// The line that every number travels with.
    pub protocol: String,
}

/// Fits and measures every job on one loaded data set. `terminal` makes a watcher for each by its label.
pub fn compare<W: Watch>(
    jobs: &[Settings],
    loaded: &Loaded,
    registry: &Registry,
    mut terminal: impl FnMut(&str) -> W,
) -> Result<Comparison, LabError> {
    let mut contestants = Vec::with_capacity(jobs.len());
    for settings in jobs {
        let algorithm = settings.algorithm(registry, false)?;
        let data = loaded.scoped(settings.scope, settings.seed);
        let mut watch = terminal(&format!("{} {}", algorithm.info().name, settings.scope));
        let mut bench = Bench { registry, terminal: &mut watch, folder: None, resume: false };
        let fitted = fit(settings, algorithm.as_ref(), &data, &mut bench)?;
        let measurements = measure(&fitted, &data, settings, &mut OpenedTests::default())?;
        let summary = summarise(&measurements.test, settings.evaluation.bootstrap, settings.seed)?;
        contestants.push(Contestant {
            fitted,
            scope: settings.scope,
            seed: settings.seed,
            valid: measurements.valid,
            test: measurements.test,
            summary,
        });
    }
    let protocol = contestants.first().map(|c| c.test.protocol.clone()).unwrap_or_default();
    Ok(Comparison { contestants, protocol })
}

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
        for (n, row) in self.contestants.iter().enumerate().filter(|(_, c)| c.scope != control) {
            let Some(twin) = self.control_of(row, control) else { continue };
            gains.push((n, differences(&row.test, &self.contestants[twin].test, (resamples, row.seed))?));
        }
        Ok(gains)
    }

    /// The row of the same model and seed that learnt from `control`.
    pub(crate) fn control_of(&self, row: &Contestant, control: Scope) -> Option<usize> {
        let same = |c: &Contestant| c.fitted.bundle.model_name == row.fitted.bundle.model_name && c.seed == row.seed;
        self.contestants.iter().position(|c| c.scope == control && same(c))
    }

    /// Every other row beside the row `baseline`, user by user, by a metric that is measured per user.
    pub fn against(&self, baseline: usize, metric: MetricSpec, resamples: usize) -> Result<Vec<Tested>, LabError> {
        let mut tested = Vec::new();
        for row in (0..self.contestants.len()).filter(|row| *row != baseline) {
            tested.extend(self.beside(row, baseline, metric, resamples)?);
        }
        Ok(tested)
    }

    /// One row beside another; `None` with fewer than two users.
    pub(crate) fn beside(
        &self,
        row: usize,
        base: usize,
        metric: MetricSpec,
        resamples: usize,
    ) -> Result<Option<Tested>, LabError> {
        // The one metric, so that no other is resampled.
        let alone = |contestant: &Contestant| {
            let metrics = contestant.test.metrics.iter().filter(|measured| measured.spec == metric).cloned().collect();
            Evaluation { metrics, ..contestant.test.clone() }
        };
        let per_user = |alone: &Evaluation| match alone.metrics.first().map(|measured| &measured.per_user) {
            Some(PerUser::Mean(values)) => Ok(values.clone()),
            _ => Err(LabError::NotFound(format!(
                "{metric} is no mean over users, so that no test compares it user by user; choose another by --show"
            ))),
        };
        let seeded = (resamples, self.contestants[row].seed);
        let (first, second) = (alone(&self.contestants[row]), alone(&self.contestants[base]));
        let paired = Paired::of(&per_user(&first)?, &per_user(&second)?, seeded);
        let difference = differences(&first, &second, seeded)?.pop();
        Ok(difference.zip(paired).map(|(difference, paired)| Tested { row, difference, paired }))
    }

    /// The value of a metric over the seeds of each model and scope that ran with several, by the position of the first.
    pub fn over_seeds(&self, metric: MetricSpec) -> Vec<(usize, OverSeeds)> {
        let same = |a: &Contestant, b: &Contestant| {
            a.scope == b.scope && a.fitted.bundle.model_name == b.fitted.bundle.model_name
        };
        let mut found = Vec::new();
        for (n, first) in self.contestants.iter().enumerate() {
            if self.contestants[..n].iter().any(|earlier| same(earlier, first)) {
                continue;
            }
            let runs = self.contestants.iter().filter(|run| same(run, first));
            let values: Vec<f64> = runs.filter_map(|run| run.test.value(metric)).collect();
            found.extend(OverSeeds::of(&values, Bootstrap::default().level).map(|over| (n, over)));
        }
        found
    }

    /// The row that validation would choose by `metric` (test plays no part); the first where nothing was validated.
    pub fn chosen(&self, metric: &str) -> Option<usize> {
        let value = |c: &Contestant| {
            let values = c.valid.as_ref()?.values();
            values.into_iter().find(|(name, _)| name == metric).map(|(_, value)| value)
        };
        let scored = self.contestants.iter().enumerate().filter_map(|(n, c)| Some((n, value(c)?)));
        scored.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(|(n, _)| n)
    }
}
