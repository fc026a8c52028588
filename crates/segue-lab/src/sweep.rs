//! A sweep over recipes: which of its runs stand in one contest, and which of them validation chooses.

use std::collections::BTreeMap;
use std::path::PathBuf;

use segue_core::Registry;
use segue_eval::MetricSpec;
use serde_json::Value;

use crate::error::LabError;
use crate::settings::{Openable, Settings, TrainerSettings};

/// What makes two runs of one model on one question differ, beside their seeds: keys and values.
pub type Recipe = BTreeMap<String, Value>;

/// Runs of one model that answer the same validation question and differ in hyper-parameters, preparation or the test question.
#[derive(Debug, Clone, PartialEq)]
pub struct Contest {
    /// Each recipe with the positions of its runs, which differ in their seeds.
    pub recipes: Vec<(Recipe, Vec<usize>)>,
}

/// The contests among the runs of a sweep. Other models, scopes, data and splits are compared, not chosen among: a run that differs
/// from all others by those alone stands in no contest. Nor does one whose test part is to be opened, or to stay sealed, whatever comes.
pub fn contests(runs: &[Settings], registry: &Registry) -> Result<Vec<Contest>, LabError> {
    let mut found: Vec<(usize, Contest)> = Vec::new();
    for (n, run) in runs.iter().enumerate().filter(|(_, run)| run.evaluation.test == Openable::Chosen) {
        let name = run.entry(registry)?.info.name;
        let recipe = recipe(run, registry)?;
        let mut at = None;
        for (place, (first, _)) in found.iter().enumerate() {
            let first = &runs[*first];
            if first.entry(registry)?.info.name == name && first.scope == run.scope && first.is_validated_as(run) {
                at = Some(place);
            }
        }
        let at = at.unwrap_or_else(|| {
            found.push((n, Contest { recipes: Vec::new() }));
            found.len() - 1
        });
        let recipes = &mut found[at].1.recipes;
        match recipes.iter_mut().find(|(known, _)| *known == recipe) {
            Some((_, runs)) => runs.push(n),
            None => recipes.push((recipe, vec![n])),
        }
    }
    Ok(found.into_iter().map(|(_, contest)| contest).filter(|contest| contest.recipes.len() > 1).collect())
}

/// Hyper-parameters as they will be, the keys of the trainer that stand for none of them, how the data are prepared, and what is
/// asked: where runs of one contest ask otherwise, one question is chosen, too.
fn recipe(run: &Settings, registry: &Registry) -> Result<Recipe, LabError> {
    let mut recipe = trainer_keys(&run.trainer)?;
    let internal = |error: serde_json::Error| LabError::Internal(error.to_string());
    flatten("prepare", serde_json::to_value(&run.prepare).map_err(internal)?, &mut recipe);
    flatten("evaluation", serde_json::to_value(&run.evaluation).map_err(internal)?, &mut recipe);
    flatten("model", run.algorithm(registry, false)?.params(), &mut recipe);
    Ok(recipe)
}

/// The keys of the trainer that bear on the outcome and stand for no hyper-parameter.
pub(crate) fn trainer_keys(trainer: &TrainerSettings) -> Result<Recipe, LabError> {
    let mut keys = Recipe::new();
    let trainer = serde_json::to_value(trainer).map_err(|error| LabError::Internal(error.to_string()))?;
    flatten("trainer", trainer, &mut keys);
    Settings::routed().chain(["checkpoints", "save_top_k", "save_last"]).for_each(|key| {
        keys.remove(&format!("trainer.{key}"));
    });
    Ok(keys)
}

fn flatten(name: &str, value: Value, into: &mut Recipe) {
    match value {
        Value::Object(keys) => keys.into_iter().for_each(|(key, value)| flatten(&format!("{name}.{key}"), value, into)),
        value => {
            into.insert(name.to_owned(), value);
        }
    }
}

impl Contest {
    /// Positions of all runs.
    pub fn runs(&self) -> impl Iterator<Item = usize> {
        self.recipes.iter().flat_map(|(_, runs)| runs.iter().copied())
    }

    /// The metric by which validation decides between its runs, some of `settings`: the one that all of them watch.
    pub fn metric(&self, settings: &[Settings]) -> Result<MetricSpec, LabError> {
        let metrics: Vec<MetricSpec> =
            self.runs().map(|run| settings[run].choosing_metric()).collect::<Result<_, _>>()?;
        if let Some([one, other]) = metrics.windows(2).find(|two| two[0] != two[1]) {
            return Err(LabError::Config(format!(
                "trainer.early_stopping.metric: validation decides a sweep by one metric, not by {one} and {other}; sweep over one, \
                 or open the test part of every run with evaluation.test=always"
            )));
        }
        metrics.first().copied().ok_or_else(|| LabError::Internal("a contest without runs".into()))
    }

    /// The keys whose values are not all the same, in order.
    pub fn differing(&self) -> Vec<&str> {
        let mut keys: Vec<&str> =
            self.recipes.iter().flat_map(|(recipe, _)| recipe.keys().map(String::as_str)).collect();
        keys.sort_unstable();
        keys.dedup();
        let first = self.recipes.first().map(|(recipe, _)| recipe);
        keys.retain(|&key| self.recipes.iter().any(|(recipe, _)| recipe.get(key) != first.and_then(|f| f.get(key))));
        keys
    }

    /// What must be known of the choice between its recipes, beyond their values.
    pub fn notes(&self) -> Vec<String> {
        let keys = self.differing();
        let of = |group: &str| keys.iter().copied().filter(|key| key.starts_with(group)).collect::<Vec<_>>().join(", ");
        let mut notes = Vec::new();
        let (prepared, asked) = (of("prepare."), of("evaluation."));
        if !prepared.is_empty() {
            notes.push(format!(
                "runs of the sweep differ in {prepared}, and so may the users and items of their validation parts: each run is chosen by \
                 the mean over its own"
            ));
        }
        if !asked.is_empty() {
            notes.push(format!(
                "{asked} changes nothing on validation: of runs that differ in it alone the first is chosen; \
                 evaluation.test=always opens the test part of all"
            ));
        }
        notes
    }

    /// The position of the recipe whose mean over seeds is best; of equal ones the first. A recipe with a run that has no value, for
    /// it diverged, is not chosen.
    pub fn chosen(&self, value: impl Fn(usize) -> Option<f64>, more_is_better: bool) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (n, (_, runs)) in self.recipes.iter().enumerate() {
            let values: Option<Vec<f64>> = runs.iter().map(|&run| value(run)).collect();
            let Some(values) = values else { continue };
            let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
            let rank = if more_is_better { mean } else { -mean };
            if best.is_none_or(|(_, known)| rank > known) {
                best = Some((n, rank));
            }
        }
        best.map(|(n, _)| n)
    }
}

/// Refuses runs of which the second could only find its name taken, before the first is trained.
pub fn refuse_one_name(runs: &[Settings]) -> Result<(), LabError> {
    let mut folders: Vec<&PathBuf> = Vec::new();
    for run in runs.iter().filter(|run| !run.numbered) {
        if folders.contains(&&run.out) {
            return Err(LabError::Config(format!(
                "{} runs of the sweep would have the one folder {}: leave the name (and overwrite=true) out, or make \
                 the name follow what is swept over, as in 'run_name=${{model.name}}_${{seed}}'",
                runs.iter().filter(|other| other.out == run.out).count(),
                run.out.display()
            )));
        }
        folders.push(&run.out);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_mean_over_seeds_is_chosen_and_the_first_of_equals() {
        let recipe = |factors: u64| Recipe::from([("model.factors".to_owned(), factors.into())]);
        let contest =
            Contest { recipes: vec![(recipe(8), vec![0, 1]), (recipe(16), vec![2, 3]), (recipe(32), vec![4, 5])] };
        let values = [0.1, 0.5, 0.4, 0.4, 0.2, 0.2];
        assert_eq!(contest.chosen(|run| Some(values[run]), true), Some(1));
        assert_eq!(contest.chosen(|run| Some(values[run]), false), Some(2));
        assert_eq!(contest.chosen(|_| Some(1.0), true), Some(0));
        assert_eq!(contest.chosen(|run| (run != 2).then(|| values[run]), true), Some(0));
        assert_eq!(contest.chosen(|_| None, true), None);
        assert_eq!(contest.differing(), ["model.factors"]);
    }
}
