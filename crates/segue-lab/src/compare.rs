//! Several models on one question, side by side.

use segue_core::{OpenedTests, Registry, Watch};
use segue_eval::{Bootstrap, Difference, Evaluation, Summary};

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

impl Comparison {
    /// What learning from the other domains adds: for every model that ran on all domains (linked or shuffled) and on the
    /// target alone with the same seed, the paired difference of each metric to the target alone, by position of the row.
    pub fn gains(&self, resamples: usize) -> Result<Vec<(usize, Vec<Difference>)>, LabError> {
        let mut gains = Vec::new();
        for (n, joint) in self.contestants.iter().enumerate().filter(|(_, c)| c.scope != Scope::Target) {
            let name = &joint.fitted.bundle.model_name;
            let twin = self
                .contestants
                .iter()
                .find(|c| c.scope == Scope::Target && c.fitted.bundle.model_name == *name && c.seed == joint.seed);
            let Some(target) = twin.filter(|_| resamples > 0) else { continue };
            let bootstrap = Bootstrap { resamples, seed: joint.seed, ..Bootstrap::default() };
            let differences =
                bootstrap.compare(&joint.test, &target.test).map_err(|error| LabError::Internal(error.to_string()))?;
            gains.push((n, differences));
        }
        Ok(gains)
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
