//! Models that will come: their names and keys are known and checked, and asking for one says that it is not built yet.

use serde_json::{Map, Value, json};

/// A model that is not built yet.
pub(crate) struct Planned {
    /// Canonical name.
    pub(crate) name: &'static str,
    aliases: &'static [&'static str],
    /// Its keys with an example of each; `None` if they are not settled.
    keys: Option<fn() -> Value>,
}

const PLANNED: [Planned; 3] = [
    Planned { name: "ensemble", aliases: &["hybrid_ensemble"], keys: Some(ensemble) },
    Planned { name: "maml", aliases: &[], keys: None },
    Planned { name: "reptile", aliases: &[], keys: None },
];

fn ensemble() -> Value {
    json!({ "models": ["lightgcn", "item_knn"], "fusion_method": "rrf", "learn_weights": false })
}

impl Planned {
    /// The planned model of a name or alias.
    pub(crate) fn find(name: &str) -> Option<&'static Planned> {
        PLANNED.iter().find(|planned| planned.name == name || planned.aliases.contains(&name))
    }

    /// Whether its keys are settled, so that they can be checked.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Its keys, each with an example.
    pub(crate) fn defaults(&self) -> Map<String, Value> {
        match self.keys.map(|keys| keys()) {
            Some(Value::Object(keys)) => keys,
            _ => Map::new(),
        }
    }

    /// The first key whose value is of another kind than its example, e.g. a word for a number.
    pub(crate) fn misfit(&self, given: &Map<String, Value>) -> Option<String> {
        let kind = |value: &Value| match value {
            Value::Number(_) => "a number",
            Value::Array(_) => "a list",
            Value::Bool(_) => "true or false",
            _ => "a word",
        };
        let defaults = self.defaults();
        given.iter().find_map(|(key, value)| {
            let wanted = kind(defaults.get(key)?);
            (kind(value) != wanted).then(|| format!("model.{key}: {value} should be {wanted}"))
        })
    }
}
