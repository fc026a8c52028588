//! Models by name: how configuration, composites and artifacts reach them without naming their crates.

use serde_json::Value;

use crate::artifact::{ArtifactError, ArtifactReader};
use crate::expected::in_words;
use crate::fit::{FitCx, FitError, TrainData};
use crate::model::{Algorithm, ModelInfo, Recommender};
use crate::nearest::nearest;
use crate::params::{ParamError, ParamInfo};
use crate::work::Work;

/// A configured, unfitted model behind a name.
pub trait Configured: Send + Sync {
    /// What it is.
    fn info(&self) -> &'static ModelInfo;
    /// All hyper-parameters, defaults filled in.
    fn params(&self) -> Value;
    /// See [`Algorithm::work`].
    fn work(&self, data: &TrainData<'_>) -> Vec<Work>;
    /// See [`Algorithm::fit`].
    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Box<dyn Recommender>, FitError>;
}

impl std::fmt::Debug for dyn Configured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.info().name, self.params())
    }
}

struct Erased<A>(A);

impl<A: Algorithm> Configured for Erased<A> {
    fn info(&self) -> &'static ModelInfo {
        const { &A::INFO }
    }

    fn params(&self) -> Value {
        // By way of text: there an f32 is its shortest decimal (0.1), not the f64 nearest to it (0.10000000149011612).
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    fn work(&self, data: &TrainData<'_>) -> Vec<Work> {
        self.0.work(data)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        Ok(Box::new(self.0.fit(data, cx)?))
    }
}

/// One line of the list of models.
#[derive(Debug, Clone, Copy)]
pub struct ModelEntry {
    /// What it is.
    pub info: &'static ModelInfo,
    /// Its parameter table.
    pub params: &'static [ParamInfo],
    configure: fn(Value) -> Result<Box<dyn Configured>, ParamError>,
    load: fn(&ArtifactReader<'_>) -> Result<Box<dyn Recommender>, ArtifactError>,
}

impl ModelEntry {
    /// The entry of one algorithm.
    pub const fn of<A: Algorithm>() -> Self {
        Self { info: const { &A::INFO }, params: A::PARAMS, configure: configure::<A>, load: load::<A> }
    }

    /// Hyper-parameters from a JSON object; absent keys take their defaults, unknown keys are refused.
    pub fn configure(&self, params: Value) -> Result<Box<dyn Configured>, ParamError> {
        (self.configure)(params)
    }

    /// A fitted model from what it saved.
    pub fn load(&self, from: &ArtifactReader<'_>) -> Result<Box<dyn Recommender>, ArtifactError> {
        (self.load)(from)
    }

    /// The canonical key behind `key`, which may be an alias.
    pub fn canonical_key(&self, key: &str) -> Option<&'static str> {
        self.params.iter().find(|p| p.name == key || p.aliases.contains(&key)).map(|p| p.name)
    }
}

fn configure<A: Algorithm>(params: Value) -> Result<Box<dyn Configured>, ParamError> {
    let model = A::INFO.name;
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    if let Value::Object(object) = &params {
        for key in object.keys() {
            if !A::PARAMS.iter().any(|p| p.name == key || p.aliases.contains(&key.as_str())) {
                return Err(ParamError::unknown(model, key, A::PARAMS));
            }
        }
    }
    // One key at a time on top of the defaults, so that a wrong type is blamed on its key.
    let algorithm: A = serde_json::from_value(params.clone()).map_err(|error| {
        let culprit = params.as_object().and_then(|object| {
            object.iter().find(|(key, value)| {
                let one: serde_json::Map<String, Value> = std::iter::once(((*key).clone(), (*value).clone())).collect();
                serde_json::from_value::<A>(Value::Object(one)).is_err()
            })
        });
        let at = culprit.map(|(key, value)| format!("`{key}` = {value}: ")).unwrap_or_default();
        ParamError::Value { model: model.into(), message: format!("{at}{}", in_words(&error.to_string())) }
    })?;
    algorithm.check_ranges(model)?;
    algorithm.check()?;
    Ok(Box::new(Erased(algorithm)))
}

fn load<A: Algorithm>(from: &ArtifactReader<'_>) -> Result<Box<dyn Recommender>, ArtifactError> {
    Ok(Box::new(A::load(from)?))
}

/// All models that configuration may name.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    entries: Vec<ModelEntry>,
}

impl Registry {
    /// Joins lists of models; of equal names the first wins.
    pub fn new(lists: &[&[ModelEntry]]) -> Self {
        Self { entries: lists.concat() }
    }

    /// All entries in order.
    pub fn entries(&self) -> &[ModelEntry] {
        &self.entries
    }

    /// The model called `name`, or one of whose aliases is `name`.
    pub fn find(&self, name: &str) -> Result<&ModelEntry, ParamError> {
        let found = self.entries.iter().find(|e| e.info.name == name || e.info.aliases.contains(&name));
        found.ok_or_else(|| {
            let names =
                || self.entries.iter().flat_map(|e| std::iter::once(e.info.name).chain(e.info.aliases.iter().copied()));
            let hint = nearest(name, names()).map(|n| format!(", did you mean `{n}`?")).unwrap_or_default();
            let known = self.entries.iter().map(|e| e.info.name).collect::<Vec<_>>().join(", ");
            ParamError::Value {
                model: name.into(),
                message: format!("there is no such model{hint}; there are: {known}"),
            }
        })
    }
}
