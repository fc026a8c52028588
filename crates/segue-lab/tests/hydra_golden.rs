//! The override grammar and composition against Hydra itself (`golden/hydra`, made by `make.py` there).

#![expect(clippy::unwrap_used, reason = "a broken golden file should stop the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use segue_lab::config::{
    Action, ConfigSource, Element, Override, OverrideValue, Sweep, SweepKind, compose, parse_override, parse_overrides,
};
use serde_json::{Map, Value, json};

/// Overrides we read and Hydra does not, or the other way round, each with the reason.
const OVERRIDE_DIFFERENCES: [(&str, &str); 7] = [
    ("=1", "an empty key names nothing"),
    ("a=99999999999999999999", "integers must fit in 64 bits, as in JSON"),
    ("a=café", "letters of other alphabets need no quotes"),
    ("a='b' ", "space after a quoted text is harmless"),
    ("a=[1] ", "space after a list is harmless"),
    ("~a=1,2", "a deletion of several values means nothing"),
    ("a=sort(range(10,1,-2))", "Hydra sorts 10,8,6,4,2 into 3,5,7,9,11; it is 2,4,6,8,10"),
];

/// Compositions that differ, each with the reason.
const COMPOSE_DIFFERENCES: [(&str, &str); 3] = [
    ("text for a section", "replacing a whole section by one word is a slip; ++ does it"),
    ("add below a value", "`+a.b` where a is 1 is a slip; Hydra drops the 1"),
    ("add a list that is there", "+ adds; to replace a list there is = and ++"),
];

fn golden(file: &str) -> Vec<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../golden/hydra").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut golden: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(golden["cases"].take()).unwrap()
}

fn plain(element: &Element) -> Value {
    match element {
        Element::Float(f) if !f.is_finite() => {
            let name = if f.is_nan() {
                "nan"
            } else if *f > 0.0 {
                "inf"
            } else {
                "-inf"
            };
            json!({ "$float": name })
        }
        Element::List(items) => items.iter().map(plain).collect(),
        Element::Dict(pairs) => Value::Object(pairs.iter().map(|(key, value)| (key.clone(), plain(value))).collect()),
        leaf => leaf.to_value().unwrap(),
    }
}

fn described(parsed: &Override) -> Value {
    let action = match parsed.action {
        Action::Change => "CHANGE",
        Action::Add => "ADD",
        Action::ForceAdd => "FORCE_ADD",
        Action::Delete => "DEL",
    };
    let mut out = json!({ "action": action, "key": parsed.key, "package": parsed.package });
    let mut set = |key: &str, value: Value| out[key] = value;
    match &parsed.value {
        None => {}
        Some(OverrideValue::Element(element)) => set("value", plain(element)),
        Some(OverrideValue::Extend(elements)) => set("extend", elements.iter().map(plain).collect()),
        Some(OverrideValue::Sweep(sweep)) => {
            let Sweep { kind, tags, shuffle, is_simple } = sweep;
            if !tags.is_empty() {
                set("tags", json!(tags));
            }
            match kind {
                SweepKind::Choice(values) => {
                    set("sweep", json!("choice"));
                    set("values", values.iter().map(plain).collect());
                    set("simple", json!(is_simple));
                    set("shuffle", json!(shuffle));
                }
                SweepKind::Range { .. } => {
                    let values = parsed.sweep_values(&|_| Vec::new()).unwrap();
                    set("sweep", json!("range"));
                    set("values", if *shuffle { Value::Null } else { values.iter().map(plain).collect() });
                    set("shuffle", json!(shuffle));
                }
                SweepKind::Interval { start, end } => {
                    set("sweep", json!("interval"));
                    set("start", json!(start));
                    set("end", json!(end));
                }
                SweepKind::Glob { include, exclude } => {
                    set("sweep", json!("glob"));
                    set("include", json!(include));
                    set("exclude", json!(exclude));
                }
            }
        }
    }
    out
}

#[test]
fn overrides_are_read_as_hydra_reads_them() {
    let differences = BTreeMap::from(OVERRIDE_DIFFERENCES);
    let mut wrong = Vec::new();
    let cases = golden("overrides.json");
    assert!(cases.len() > 300);
    for case in &cases {
        let text = case["text"].as_str().unwrap();
        let ours = parse_override(text);
        let mut theirs: Map<String, Value> = case.as_object().unwrap().clone();
        theirs.shift_remove("text");
        let agrees = match &ours {
            Ok(parsed) => described(parsed) == Value::Object(theirs.clone()),
            Err(_) => theirs.contains_key("error"),
        };
        if agrees == differences.contains_key(text) {
            wrong.push(format!("{text:?}\n  hydra: {}\n  ours:  {ours:?}", Value::Object(theirs)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn configurations_are_composed_as_hydra_composes_them() {
    let differences = BTreeMap::from(COMPOSE_DIFFERENCES);
    let mut wrong = Vec::new();
    let cases = golden("compose.json");
    assert!(cases.len() > 60);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in case["files"].as_object().unwrap() {
            let path = directory.path().join(format!("{path}.yaml"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.as_str().unwrap()).unwrap();
        }
        let source = ConfigSource::new(Some(directory.path().to_owned()), &[]);
        let texts: Vec<String> = serde_json::from_value(case["overrides"].clone()).unwrap();
        let ours = compose(&source, "config", &parse_overrides(&texts).unwrap());
        let agrees = match &ours {
            Ok(composed) => Some(&composed.value) == case.get("config"),
            Err(_) => case.get("error").is_some(),
        };
        if agrees == differences.contains_key(name) {
            let ours = ours.map_or_else(|error| error.to_string(), |composed| composed.value.to_string());
            wrong.push(format!("{name}\n  hydra: {}{}\n  ours:  {ours}", case["config"], case["error"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
