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
    /// What every model gains over its own control with the same seed, by position of its row: paired differences to the
    /// row of scope `control`. Over [`Scope::Target`] it is what learning from the other domains adds; over
    /// [`Scope::Shuffled`] it is the part of that which comes from knowing who is who.
    pub fn gains(&self, control: Scope, resamples: usize) -> Result<Vec<(usize, Vec<Difference>)>, LabError> {
        let mut gains = Vec::new();
        for (n, row) in self.contestants.iter().enumerate().filter(|(_, c)| c.scope != control) {
            let name = &row.fitted.bundle.model_name;
            let twin = self
                .contestants
                .iter()
                .find(|c| c.scope == control && c.fitted.bundle.model_name == *name && c.seed == row.seed);
            let Some(twin) = twin else { continue };
            let bootstrap = Bootstrap { resamples, seed: row.seed, ..Bootstrap::default() };
            // Both answer the same question of the same users; what was learnt from is what is compared, and the shuffled
            // split says so in its protocol line.
            let row = Evaluation { protocol: twin.test.protocol.clone(), ..row.test.clone() };
            let differences =
                bootstrap.compare(&row, &twin.test).map_err(|error| LabError::Internal(error.to_string()))?;
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
