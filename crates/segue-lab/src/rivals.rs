//! Several recipes of one model on one test question: which of them validation would choose.

use segue_eval::MetricSpec;

use crate::compare::Comparison;
use crate::row::Row;

/// Recipes of one model that learnt from the same and were asked the same on test. The best of them by test is chosen on test, and
/// its value is too good for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rivals {
    /// The rows of each recipe, by position; they differ in their seeds.
    pub recipes: Vec<Vec<usize>>,
    /// The recipe that validation would choose, if all were validated.
    pub chosen: Option<usize>,
}

impl Rivals {
    /// Whether a row is of one of them.
    pub fn has(&self, row: usize) -> bool {
        self.recipes.iter().flatten().any(|&own| own == row)
    }
}

impl Row {
    /// A metric on validation, by its name.
    pub fn validated(&self, name: &str) -> Option<f64> {
        self.valid.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }
}

impl Comparison {
    /// Where rows are recipes of one model that differ in nothing but their settings; validation chooses by the mean of `metric` over
    /// seeds, of equal ones the first.
    pub fn rivals(&self, metric: MetricSpec) -> Vec<Rivals> {
        let mut found: Vec<Rivals> = Vec::new();
        for (n, row) in self.rows.iter().enumerate() {
            let first = |rivals: &Rivals| &self.rows[rivals.recipes[0][0]];
            let beside = |other: &Row| other.model == row.model && other.scope == row.scope && other.is_asked_as(row);
            match found.iter_mut().find(|rivals| beside(first(rivals))) {
                Some(rivals) => match rivals.recipes.iter_mut().find(|runs| self.rows[runs[0]].is_recipe_of(row)) {
                    Some(runs) => runs.push(n),
                    None => rivals.recipes.push(vec![n]),
                },
                None => found.push(Rivals { recipes: vec![vec![n]], chosen: None }),
            }
        }
        found.retain(|rivals| rivals.recipes.len() > 1);
        let (name, sign) = (metric.to_string(), if metric.metric.more_is_better() { 1.0 } else { -1.0 });
        let mean = |runs: &Vec<usize>| -> Option<f64> {
            let values: Option<Vec<f64>> = runs.iter().map(|&run| self.rows[run].validated(&name)).collect();
            values.map(|values| sign * values.iter().sum::<f64>() / values.len() as f64)
        };
        for rivals in &mut found {
            let means: Option<Vec<f64>> = rivals.recipes.iter().map(mean).collect();
            let means = means.unwrap_or_default();
            rivals.chosen = (0..means.len()).max_by(|&a, &b| means[a].total_cmp(&means[b]).then(b.cmp(&a)));
        }
        found
    }
}
