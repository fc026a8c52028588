//! Dotted key paths into a JSON value: `model.layers.0`.

use serde_json::{Map, Value};

/// The child of a mapping or, by number, of a list.
pub(super) fn child<'a>(value: &'a Value, segment: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(segment),
        Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The same, to change it.
pub(super) fn child_mut<'a>(value: &'a mut Value, segment: &str) -> Option<&'a mut Value> {
    match value {
        Value::Object(map) => map.get_mut(segment),
        Value::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The value at a path; the empty path is the value itself.
pub(super) fn get<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    segments(path).try_fold(value, child)
}

/// The same, to change it.
pub(super) fn get_mut<'a>(value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    segments(path).try_fold(value, child_mut)
}

/// The parts of a path; none for the empty path.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').filter(move |_| !path.is_empty())
}

/// Levels of lists and mappings.
pub(super) fn depth(value: &Value) -> usize {
    let below = |deepest: Option<usize>| 1 + deepest.unwrap_or(0);
    match value {
        Value::Object(map) => below(map.values().map(depth).max()),
        Value::Array(items) => below(items.iter().map(depth).max()),
        _ => 0,
    }
}

/// `prefix.rest`, without a dot where either is empty.
pub(super) fn join(prefix: &str, rest: &str) -> String {
    match (prefix, rest) {
        ("", path) | (path, "") => path.to_owned(),
        (prefix, rest) => format!("{prefix}.{rest}"),
    }
}

/// What remains of `path` below `prefix`: `Some("")` for the prefix itself.
pub(super) fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    if prefix.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(prefix)? {
        "" => Some(""),
        rest => rest.strip_prefix('.'),
    }
}

/// `value` as the section `path` of an otherwise empty mapping.
pub(super) fn embedded(path: &str, value: Value) -> Value {
    let parts: Vec<&str> = segments(path).collect();
    parts.into_iter().rev().fold(value, |inner, part| Value::Object(Map::from_iter([(part.to_owned(), inner)])))
}

/// Merges `from` into `into`: mappings key by key, everything else replaced.
pub(super) fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(known) => merge(known, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// Paths of all leaves: scalars, lists and empty mappings.
pub(super) fn leaves(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(map) if !map.is_empty() => {
                open.extend(map.iter().rev().map(|(key, value)| (join(&path, key), value)));
            }
            _ => out.push(path),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths() {
        let mut value = json!({ "a": { "b": [1, { "c": 2 }] }, "d": 0 });
        assert_eq!(get(&value, "a.b.1.c"), Some(&json!(2)));
        assert_eq!(get(&value, ""), Some(&value));
        assert_eq!(get(&value, "a.x"), None);
        assert_eq!(leaves(&value), ["a.b", "d"]);
        *get_mut(&mut value, "a.b.0").unwrap() = json!(9);
        assert_eq!(value["a"]["b"][0], 9);
        assert_eq!(embedded("x.y", json!(1)), json!({ "x": { "y": 1 } }));
        assert_eq!(embedded("", json!(1)), json!(1));
        assert_eq!((below("a.b", "a"), below("a", "a"), below("ab", "a")), (Some("b"), Some(""), None));
    }

    #[test]
    fn lists_are_replaced_and_mappings_merged() {
        let mut into = json!({ "a": { "b": 1, "c": [1, 2] }, "d": null });
        merge(&mut into, json!({ "a": { "c": [3] }, "d": { "e": 1 } }));
        assert_eq!(into, json!({ "a": { "b": 1, "c": [3] }, "d": { "e": 1 } }));
    }
}
