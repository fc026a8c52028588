//! The weighted sum of other models: the smallest composite.
//!
//! score(u, i) = Σₙ wₙ · scoreₙ(u, i). It reaches its children through the registry alone, takes them from
//! configuration, fits each with its own seed and saves each in its own scope; ensembles and mappings do the same.
//! Cost: the sum of its children's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, FitCx, FitError, ItemId, ModelInfo, Output,
    ParamError, Query, Recommender, Scorer, TrainData,
};

/// One summand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Child {
    /// Name of a registered model.
    pub model: String,
    /// Its hyper-parameters; those left out take their defaults.
    #[serde(default)]
    pub params: Value,
    /// Factor of its scores.
    #[serde(default = "one")]
    pub weight: f32,
}

fn one() -> f32 {
    1.0
}

segue_core::params! {
    /// Which models to add, and how much of each.
    pub struct Sum {
        /// The summands, at least one, e.g. `[{"model": "ease", "weight": 0.5}, {"model": "item_knn"}]`.
        children: Vec<Child> = Vec::new();
    }
}

/// A fitted sum.
pub struct SumModel {
    children: Vec<Fitted>,
}

struct Fitted {
    name: String,
    weight: f32,
    model: Box<dyn Recommender>,
}

impl std::fmt::Debug for SumModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.children.iter().map(|c| (&c.name, c.weight))).finish()
    }
}

impl Algorithm for Sum {
    const INFO: ModelInfo = ModelInfo {
        name: "sum",
        aliases: &[],
        title: "Weighted sum of models",
        citation: "none: it shows how composites are made",
        useful_for: "models whose scores have one scale",
        not_useful_for: "models whose scores do not",
        scale: "as far as its parts",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = SumModel;

    fn check(&self) -> Result<(), ParamError> {
        match self.children.iter().position(|child| !child.weight.is_finite()) {
            Some(n) => Err(invalid(format!("`children[{n}].weight` must be finite"))),
            None => Ok(()),
        }
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<SumModel, FitError> {
        if self.children.is_empty() {
            let known: Vec<_> = cx.registry.entries().iter().map(|e| e.info.name).collect();
            let message = format!("`children` is empty: name at least one of {}", known.join(", "));
            return Err(invalid(message).into());
        }
        let mut children = Vec::with_capacity(self.children.len());
        for (n, child) in self.children.iter().enumerate() {
            let entry = cx.registry.find(&child.model)?;
            let configured = entry.configure(child.params.clone())?;
            let model = configured.fit(data, &mut cx.child(&scope(n)))?;
            children.push(Fitted { name: entry.info.name.into(), weight: child.weight, model });
        }
        Ok(SumModel { children })
    }

    fn load(from: &ArtifactReader<'_>) -> Result<SumModel, ArtifactError> {
        let saved: Vec<(String, f32)> = from.meta("children")?;
        let load = |(n, (name, weight)): (usize, (String, f32))| {
            let entry = from.registry().find(&name).map_err(|error| from.entry("children", error.to_string()))?;
            Ok(Fitted { model: entry.load(&from.scope(&scope(n)))?, name, weight })
        };
        Ok(SumModel { children: saved.into_iter().enumerate().map(load).collect::<Result<_, ArtifactError>>()? })
    }
}

fn scope(n: usize) -> String {
    format!("child.{n}")
}

fn invalid(message: String) -> ParamError {
    ParamError::Value { model: Sum::INFO.name.into(), message }
}

impl Recommender for SumModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let children = self.children.iter().map(|child| (child.weight, child.model.encode(queries))).collect();
        Box::new(SumScorer { children, part: Vec::new() })
    }

    fn contributions(&self, query: &Query<'_>, item: ItemId) -> Option<Vec<f32>> {
        let mut sum = vec![0.0; query.history.len()];
        for child in &self.children {
            let parts = child.model.contributions(query, item)?;
            sum.iter_mut().zip(parts).for_each(|(sum, part)| *sum += child.weight * part);
        }
        Some(sum)
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        let names: Vec<_> = self.children.iter().map(|child| (&child.name, child.weight)).collect();
        out.meta("children", &names)?;
        self.children.iter().enumerate().try_for_each(|(n, child)| out.scope(&scope(n), |out| child.model.save(out)))
    }
}

struct SumScorer<'a> {
    children: Vec<(f32, Box<dyn Scorer + 'a>)>,
    part: Vec<f32>,
}

impl Scorer for SumScorer<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        out.fill(0.0);
        self.part.resize(out.len(), 0.0);
        for (weight, scorer) in &mut self.children {
            scorer.score(items.clone(), &mut self.part);
            out.iter_mut().zip(&self.part).for_each(|(sum, part)| *sum += *weight * part);
        }
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{ModelEntry, Registry, Silent};
    use serde_json::json;

    use super::*;
    use crate::worlds::{World, likes};

    fn refusal(params: Value) -> String {
        let registry = Registry::new(&[&[ModelEntry::of::<Sum>()]]);
        let world = World::of(likes(1, 1, &[(0, 0)]));
        let data = TrainData { catalogue: &world.catalogue, log: &world.log };
        let sum = match ModelEntry::of::<Sum>().configure(params) {
            Ok(sum) => sum,
            Err(error) => return error.to_string(),
        };
        sum.fit(&data, &mut FitCx::plain(1, &registry, &mut Silent)).err().unwrap().to_string()
    }

    #[test]
    fn unknown_and_missing_children_are_refused_by_name() {
        assert!(refusal(json!({})).contains("name at least one of sum"));
        assert!(refusal(json!({"children": [{"model": "sun"}]})).contains("did you mean `sum`"));
        assert!(refusal(json!({"children": [{"model": "sum", "wieght": 2}]})).contains("wieght"));
        assert!(refusal(json!({"children": [{"model": "sum", "params": {"child": 1}}]})).contains("parameter `child`"));
    }
}
