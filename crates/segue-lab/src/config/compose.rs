//! A configuration from its files, schema defaults and overrides.
//!
//! 1. The defaults list says which files, in which order (`defaults.rs`).
//! 2. Each is merged in turn, schema defaults before the file of the same option: mappings key by key, the rest
//!    replaced. Second names of parameters become the canonical ones on the way in.
//! 3. The value overrides are applied in order. From here the set of keys is closed: `key=` changes a key that is
//!    there, `+key=` adds one, `++key=` does either, `~key` removes one.

use std::collections::BTreeMap;

use segue_core::nearest;
use serde_json::{Map, Value};

use super::defaults::{Entry, Expansion, expand};
use super::error::{ConfigError, Origin, UnknownKey};
use super::keypath::{self, below, depth, embedded, get, get_mut, join, leaves, merge};
use super::overrides::{Action, Override, OverrideValue};
use super::schema::{NoSchema, Schema};
use super::source::ConfigSource;
use super::suggest;
use super::yaml::MAX_DEPTH;

/// A composed configuration.
#[derive(Debug, Clone)]
pub struct Composed {
    /// The configuration, interpolations unresolved.
    pub value: Value,
    /// The canonical option of every chosen group, by `group` or `group@package`.
    pub choices: BTreeMap<String, String>,
    /// The files that were merged, in order.
    pub defaults: Vec<Part>,
    origins: BTreeMap<String, Origin>,
}

/// One merged file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `model/ease`.
    pub path: String,
    /// Where its content was merged; empty for the root.
    pub package: String,
    /// The file that lists it; empty for the main file.
    pub parent: String,
}

impl Composed {
    /// Where the value of a dotted key comes from: the origin of the key or of the nearest section above it.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        let mut key = key;
        loop {
            if let Some(origin) = self.origins.get(key) {
                return Some(origin);
            }
            key = key.rsplit_once('.')?.0;
        }
    }

    /// The configuration without the section `hydra`: what `--cfg job` prints.
    pub fn job(&self) -> Value {
        let mut value = self.value.clone();
        if let Value::Object(map) = &mut value {
            map.shift_remove("hydra");
        }
        value
    }

    /// Keys whose value is still `???`.
    pub fn missing(&self) -> Vec<String> {
        leaves(&self.value)
            .into_iter()
            .filter(|key| get(&self.value, key).is_some_and(|value| value == "???"))
            .collect()
    }
}

/// Composes the configuration `primary` from files alone.
///
/// # Errors
/// See [`ConfigError`].
pub fn compose(source: &ConfigSource, primary: &str, overrides: &[Override]) -> Result<Composed, ConfigError> {
    compose_with(source, primary, overrides, &NoSchema)
}

/// Composes the configuration `primary` from files and what `schema` knows.
///
/// # Errors
/// See [`ConfigError`].
pub fn compose_with(
    source: &ConfigSource,
    primary: &str,
    overrides: &[Override],
    schema: &dyn Schema,
) -> Result<Composed, ConfigError> {
    if let Some(sweep) = overrides.iter().find(|item| matches!(item.value, Some(OverrideValue::Sweep(_)))) {
        return Err(ConfigError::NeedsMultirun { text: sweep.text.clone() });
    }
    let Expansion { entries, choices, values } = expand(source, schema, primary, overrides)?;
    let mut composer = Composer {
        source,
        schema,
        sections: Sections::of(&entries, schema),
        value: Value::Object(Map::new()),
        origins: BTreeMap::new(),
    };
    for entry in &entries {
        composer.merge_entry(entry)?;
    }
    for item in values {
        composer.apply(item)?;
    }
    let part = |entry: Entry| Part { path: entry.path, package: entry.package, parent: entry.parent };
    let defaults = entries.into_iter().map(part).collect();
    Ok(Composed { value: composer.value, choices, defaults, origins: composer.origins })
}

/// The sections whose keys a schema knows.
struct Sections {
    /// Group, canonical option and default keys, by package.
    known: BTreeMap<String, (String, String, Value)>,
    /// All packages, which may lie inside a known section.
    packages: Vec<String>,
}

impl Sections {
    fn of(entries: &[Entry], schema: &dyn Schema) -> Self {
        let known = entries.iter().filter(|entry| !entry.group.is_empty()).filter_map(|entry| {
            let defaults = schema.defaults(&entry.group, &entry.option)?;
            Some((entry.package.clone(), (entry.group.clone(), entry.option.clone(), defaults)))
        });
        Self { known: known.collect(), packages: entries.iter().map(|entry| entry.package.clone()).collect() }
    }

    /// `key` with the first name below a known section made canonical.
    fn canonical(&self, key: &str, schema: &dyn Schema) -> String {
        let inside = self.known.iter().filter_map(|(package, section)| Some((package, section, below(key, package)?)));
        let Some((package, (group, option, defaults), rest)) = inside.max_by_key(|(package, ..)| package.len()) else {
            return key.to_owned();
        };
        let (first, deeper) = rest.split_once('.').unwrap_or((rest, ""));
        match canonical_name(schema, group, option, defaults, first) {
            Some(name) => join(&join(package, &name), deeper),
            None => key.to_owned(),
        }
    }
}

/// The canonical name of `key`, unless it is one already.
fn canonical_name(schema: &dyn Schema, group: &str, option: &str, defaults: &Value, key: &str) -> Option<String> {
    if key.is_empty() || defaults.get(key).is_some() {
        return None;
    }
    schema.canonical_key(group, option, key).filter(|name| name != key)
}

struct Composer<'a> {
    source: &'a ConfigSource,
    schema: &'a dyn Schema,
    sections: Sections,
    value: Value,
    origins: BTreeMap<String, Origin>,
}

impl Composer<'_> {
    fn merge_entry(&mut self, entry: &Entry) -> Result<(), ConfigError> {
        let package = entry.package.as_str();
        let schema = || Origin::Schema { group: entry.group.clone(), option: entry.option.clone() };
        // What lies there is one level more at least.
        fits(package, 1, schema)?;
        if let Some(defaults) = self.schema.defaults(&entry.group, &entry.option).filter(|_| !entry.group.is_empty()) {
            for leaf in leaves(&defaults) {
                self.origins.insert(join(package, &leaf), schema());
            }
            merge(&mut self.value, embedded(package, defaults));
        }
        let Some(file) = &entry.file else { return Ok(()) };
        let origin = |line| Origin::File { file: file.name.clone(), line };
        let mut content = match file.document.value.clone() {
            Value::Null => Value::Object(Map::new()),
            Value::Object(map) => Value::Object(map),
            _ => {
                let message = "a config file must be a mapping of keys to values".to_owned();
                return Err(ConfigError::Value { at: origin(1), message });
            }
        };
        if let Value::Object(map) = &mut content {
            map.shift_remove("defaults");
        }
        let own = file.document.lines.iter().filter(|(path, _)| below(path, "defaults").is_none());
        let mut lines: BTreeMap<String, usize> = own.map(|(path, &line)| (join(package, path), line)).collect();
        fits(package, depth(&content), || origin(1))?;
        let mut content = embedded(package, content);
        for (section, (group, option, defaults)) in &self.sections.known {
            let Some(Value::Object(map)) = get_mut(&mut content, section) else { continue };
            let renamed = rename(map, |key| canonical_name(self.schema, group, option, defaults, key));
            let renamed = renamed.map_err(|(alias, name)| {
                let line = lines.get(&join(section, &alias)).copied().unwrap_or(1);
                ConfigError::Value { at: origin(line), message: same_parameter(&alias, &name) }
            })?;
            for (alias, name) in &renamed {
                rename_lines(&mut lines, &join(section, alias), &join(section, name));
            }
            let inner = |key: &str| {
                let path = join(section, key);
                self.sections.packages.iter().any(|package| below(package, &path).is_some())
            };
            if let Some(key) = map.keys().find(|key| defaults.get(key.as_str()).is_none() && !inner(key)) {
                let path = join(section, key);
                let line = lines.get(&path).copied().unwrap_or(1);
                return Err(unknown_key(origin(line), &path, None, section, defaults));
            }
        }
        for (path, line) in lines {
            self.origins.insert(path, origin(line));
        }
        merge(&mut self.value, content);
        Ok(())
    }

    fn apply(&mut self, item: &Override) -> Result<(), ConfigError> {
        let at = Origin::CommandLine(item.text.clone());
        let wrong = |message: String| ConfigError::Value { at: Origin::CommandLine(item.text.clone()), message };
        if item.package.is_some() || item.key.contains('/') {
            let groups = self.source.groups("");
            let hint = suggest::did_you_mean(&item.key, groups.iter().map(String::as_str));
            return Err(wrong(format!("there is no config group `{}`{hint}", item.key)));
        }
        let key = self.sections.canonical(&item.key, self.schema);
        let value = match &item.value {
            None => None,
            Some(OverrideValue::Element(element)) => {
                Some(self.value_at(&key, element.to_value().map_err(wrong)?, &at)?)
            }
            Some(OverrideValue::Extend(elements)) => {
                let more = elements.iter().map(super::overrides::Element::to_value).collect::<Result<Vec<_>, _>>();
                return self.extend(item, &key, more.map_err(wrong)?);
            }
            Some(OverrideValue::Sweep(_)) => return Err(ConfigError::NeedsMultirun { text: item.text.clone() }),
        };
        match (item.action, value) {
            (Action::Delete, value) => self.delete(item, &key, value.as_ref()),
            (Action::Change, Some(value)) => self.change(item, &key, value),
            (Action::Add, Some(value)) => {
                let is_free = match get(&self.value, &key) {
                    None | Some(Value::Null) => true,
                    Some(known) => known.is_object() && value.is_object(),
                };
                if is_free {
                    return self.force(item, &key, value);
                }
                let plain = item.text.trim_start_matches('+').to_owned();
                Err(ConfigError::KeyExists { text: item.text.clone(), plain })
            }
            (Action::ForceAdd, Some(value)) => self.force(item, &key, value),
            // The grammar lets only a deletion go without a value.
            (_, None) => Ok(()),
        }
    }

    /// `value` with canonical names, if it is the mapping of a known section.
    fn value_at(&self, key: &str, mut value: Value, at: &Origin) -> Result<Value, ConfigError> {
        if let (Some((group, option, defaults)), Value::Object(map)) = (self.sections.known.get(key), &mut value) {
            rename(map, |name| canonical_name(self.schema, group, option, defaults, name)).map_err(
                |(alias, name)| ConfigError::Value { at: at.clone(), message: same_parameter(&alias, &name) },
            )?;
        }
        Ok(value)
    }

    fn note(&mut self, item: &Override, key: &str) {
        self.origins.retain(|known, _| below(known, key).is_none_or(str::is_empty));
        self.origins.insert(key.to_owned(), Origin::CommandLine(item.text.clone()));
    }

    fn change(&mut self, item: &Override, key: &str, value: Value) -> Result<(), ConfigError> {
        let Some(known) = get(&self.value, key) else { return Err(self.unknown(item, key)) };
        if let (Value::Object(section), Value::Object(new)) = (known, &value) {
            if let Some(unknown) = first_unknown(section, new) {
                return Err(self.unknown(item, &join(key, &unknown)));
            }
        } else if let (Value::Object(section), false) = (known, value.is_null()) {
            let keys: Vec<_> = section.keys().map(String::as_str).collect();
            let message = format!("`{key}` is a section; set one of its keys ({}) or {key}=null", keys.join(", "));
            return Err(ConfigError::Value { at: Origin::CommandLine(item.text.clone()), message });
        }
        self.force(item, key, value)
    }

    /// Sets a key and the sections above it.
    fn force(&mut self, item: &Override, key: &str, value: Value) -> Result<(), ConfigError> {
        fits(key, depth(&value), || Origin::CommandLine(item.text.clone()))?;
        let mut at = &mut self.value;
        let mut above = String::new();
        for segment in keypath::segments(key) {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            at = match at {
                Value::Object(map) => map.entry(segment).or_insert(Value::Null),
                Value::Array(items) => {
                    let n = items.len();
                    let place = segment.parse::<usize>().ok().and_then(|i| items.get_mut(i));
                    place.ok_or_else(|| ConfigError::Value {
                        at: Origin::CommandLine(item.text.clone()),
                        message: format!("`{above}` is a list of {n}; its items are 0 to {}", n.saturating_sub(1)),
                    })?
                }
                leaf => {
                    let message = format!("`{above}` is {leaf}, not a section; it has no key `{segment}`");
                    return Err(ConfigError::Value { at: Origin::CommandLine(item.text.clone()), message });
                }
            };
            above = join(&above, segment);
        }
        merge(at, value);
        self.note(item, key);
        Ok(())
    }

    fn delete(&mut self, item: &Override, key: &str, expected: Option<&Value>) -> Result<(), ConfigError> {
        let Some(known) = get(&self.value, key) else { return Err(self.unknown(item, key)) };
        if let Some(expected) = expected.filter(|expected| *expected != known) {
            let message = format!("`{key}` is {known}, not {expected}; to delete it whatever it is write ~{key}");
            return Err(ConfigError::Value { at: Origin::CommandLine(item.text.clone()), message });
        }
        let (section, last) = key.rsplit_once('.').unwrap_or(("", key));
        match get_mut(&mut self.value, section) {
            Some(Value::Object(map)) => {
                map.shift_remove(last);
            }
            Some(Value::Array(items)) => {
                if let Some(i) = last.parse().ok().filter(|&i: &usize| i < items.len()) {
                    items.remove(i);
                }
            }
            _ => {}
        }
        self.origins.retain(|known, _| below(known, key).is_none());
        Ok(())
    }

    fn extend(&mut self, item: &Override, key: &str, more: Vec<Value>) -> Result<(), ConfigError> {
        let deepest = more.iter().map(depth).max().unwrap_or(0);
        fits(key, 1 + deepest, || Origin::CommandLine(item.text.clone()))?;
        match get_mut(&mut self.value, key) {
            Some(Value::Array(items)) => items.extend(more),
            Some(other) => {
                let message = format!("`{key}` is {other}, not a list to extend");
                return Err(ConfigError::Value { at: Origin::CommandLine(item.text.clone()), message });
            }
            None => return Err(self.unknown(item, key)),
        }
        self.note(item, key);
        Ok(())
    }

    /// The error for a key that is not there, with the nearest one that is.
    fn unknown(&self, item: &Override, key: &str) -> ConfigError {
        let mut section = String::new();
        let mut parent = &self.value;
        for segment in keypath::segments(key) {
            match keypath::child(parent, segment) {
                Some(next) => {
                    parent = next;
                    section = join(&section, segment);
                }
                None => break,
            }
        }
        let value = item.text.split_once('=').map(|(_, value)| value);
        let add = value.filter(|_| item.action == Action::Change).map(|value| format!("+{key}={value}"));
        let at = Origin::CommandLine(item.text.clone());
        let ConfigError::UnknownKey(mut error) = unknown_key(at, key, add, &section, parent) else {
            return ConfigError::NeedsMultirun { text: item.text.clone() };
        };
        let called_elsewhere = self.schema.called_elsewhere(key);
        if let Some(meant) = &called_elsewhere {
            // A key that is there is changed, not added.
            let is_new = get(&self.value, meant).is_none();
            error.add = value.filter(|_| is_new).map(|value| format!("+{meant}={value}"));
        }
        error.nearest = called_elsewhere.or(error.nearest).or_else(|| self.elsewhere(key));
        if error.nearest.is_none() && section.is_empty() {
            let groups = self.source.groups("");
            let first = key.split('.').next().unwrap_or(key);
            error.nearest = nearest(first, groups.iter().map(String::as_str)).map(str::to_owned);
        }
        ConfigError::UnknownKey(error)
    }

    /// The same last name in another section: `factors=3` for `model.factors=3`.
    fn elsewhere(&self, key: &str) -> Option<String> {
        let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
        let wanted = last(key);
        leaves(&self.value).into_iter().find(|path| last(path) == wanted && !path.starts_with("hydra."))
    }
}

/// Path of the first key of `new` that `section` lacks.
fn first_unknown(section: &Map<String, Value>, new: &Map<String, Value>) -> Option<String> {
    new.iter().find_map(|(key, value)| match (section.get(key), value) {
        (None, _) => Some(key.clone()),
        (Some(Value::Object(known)), Value::Object(new)) => first_unknown(known, new).map(|rest| join(key, &rest)),
        _ => None,
    })
}

fn unknown_key(at: Origin, key: &str, add: Option<String>, section: &str, parent: &Value) -> ConfigError {
    let siblings: Vec<String> = parent.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default();
    let rest = below(key, section).unwrap_or(key);
    let (first, deeper) = rest.split_once('.').unwrap_or((rest, ""));
    let nearest = nearest(first, siblings.iter().map(String::as_str));
    let nearest = nearest.map(|near| join(&join(section, near), deeper));
    let (key, section) = (key.to_owned(), section.to_owned());
    ConfigError::UnknownKey(Box::new(UnknownKey { at, key, section, nearest, siblings, add }))
}

fn same_parameter(alias: &str, name: &str) -> String {
    format!("`{alias}` and `{name}` are the same parameter; keep one")
}

/// Gives keys their canonical names in place; returns the pairs renamed, or the pair that collides.
fn rename(
    map: &mut Map<String, Value>,
    canonical: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, (String, String)> {
    let mut renamed = Vec::new();
    let mut out = Map::new();
    for (key, value) in std::mem::take(map) {
        let name = canonical(&key);
        if let Some(name) = &name {
            renamed.push((key.clone(), name.clone()));
        }
        let name = name.unwrap_or_else(|| key.clone());
        if out.insert(name.clone(), value).is_some() {
            let alias = renamed.iter().rev().find(|(_, known)| *known == name).map_or(key, |(alias, _)| alias.clone());
            return Err((alias, name));
        }
    }
    *map = out;
    Ok(renamed)
}

fn rename_lines(lines: &mut BTreeMap<String, usize>, from: &str, to: &str) {
    let moved = lines.iter().filter_map(|(path, &line)| Some((path.clone(), join(to, below(path, from)?), line)));
    for (old, new, line) in moved.collect::<Vec<_>>() {
        lines.remove(&old);
        lines.insert(new, line);
    }
}

/// Refuses to set at `key` what nests `depth` levels where the whole could not be written and read back.
fn fits(key: &str, depth: usize, at: impl FnOnce() -> Origin) -> Result<(), ConfigError> {
    if keypath::segments(key).count() + depth <= MAX_DEPTH {
        return Ok(());
    }
    let message =
        format!("what is set at `{key:.60}` nests deeper than {MAX_DEPTH} levels, which no configuration needs");
    Err(ConfigError::Value { at: at(), message })
}
