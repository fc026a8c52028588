//! A sweep over hyper-parameters: which of its runs stand in one contest, and which of them validation chooses.

use std::collections::BTreeMap;
use std::path::PathBuf;

use segue_core::Registry;
use serde_json::Value;

use crate::error::LabError;
use crate::settings::Settings;

/// What makes two runs of one model on one question differ, beside their seeds: keys and values.
pub type Recipe = BTreeMap<String, Value>;

/// Runs of one model that learn from the same data and differ in hyper-parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Contest {
    /// Each recipe with the positions of its runs, which differ in their seeds.
    pub recipes: Vec<(Recipe, Vec<usize>)>,
}

/// The contests among the runs of a sweep. Other models, scopes and data are compared, not chosen among: a run that differs from
/// all others by those alone stands in no contest.
pub fn contests(runs: &[Settings], registry: &Registry) -> Result<Vec<Contest>, LabError> {
    let mut found: Vec<(usize, Contest)> = Vec::new();
    for (n, run) in runs.iter().enumerate() {
        let name = run.entry(registry)?.info.name;
        let recipe = recipe(run, registry)?;
        let mut at = None;
        for (place, (first, _)) in found.iter().enumerate() {
            let first = &runs[*first];
            if first.entry(registry)?.info.name == name && first.scope == run.scope && first.same_data(run) {
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

/// Hyper-parameters as they will be, and the keys of the trainer that stand for none of them.
fn recipe(run: &Settings, registry: &Registry) -> Result<Recipe, LabError> {
    let mut recipe = Recipe::new();
    flatten("model", run.algorithm(registry, false)?.params(), &mut recipe);
    let trainer = serde_json::to_value(&run.trainer).map_err(|error| LabError::Internal(error.to_string()))?;
    flatten("trainer", trainer, &mut recipe);
    Settings::routed().for_each(|key| {
        recipe.remove(&format!("trainer.{key}"));
    });
    Ok(recipe)
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

    /// The position of the recipe whose mean over seeds is best; of equal ones the first.
    pub fn chosen(&self, value: impl Fn(usize) -> f64, more_is_better: bool) -> usize {
        let mean = |runs: &[usize]| runs.iter().map(|&run| value(run)).sum::<f64>() / runs.len().max(1) as f64;
        let rank = |(_, runs): &(Recipe, Vec<usize>)| if more_is_better { mean(runs) } else { -mean(runs) };
        let mut best = 0;
        for (n, recipe) in self.recipes.iter().enumerate() {
            if rank(recipe) > rank(&self.recipes[best]) {
                best = n;
            }
        }
        best
    }
}

/// Refuses runs of which the second could only find its name taken, before the first is trained.
pub fn refuse_one_name(runs: &[Settings]) -> Result<(), LabError> {
    let mut folders: Vec<&PathBuf> = Vec::new();
    for run in runs.iter().filter(|run| !run.numbered) {
        if folders.contains(&&run.out) {
            return Err(LabError::Config(format!(
                "{} runs of the sweep would have the one folder {}: leave the name out, or make it follow what is swept over, as in \
                 'run_name=${{model.name}}_${{seed}}'",
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
        assert_eq!(contest.chosen(|run| values[run], true), 1);
        assert_eq!(contest.chosen(|run| values[run], false), 2);
        assert_eq!(contest.chosen(|_| 1.0, true), 0);
        assert_eq!(contest.differing(), ["model.factors"]);
    }
}
