//! `${...}`: references between values, and the resolvers `now`, `hydra`, `oc.env`, `oc.select`, `oc.decode`.
//!
//! A text that is one interpolation takes the type of what it names; inside other text it is written out. `${a.b}` is
//! a path from the root, `${.x}` a sibling, `${..x}` a sibling of the parent; `\${` is a plain `${`. Interpolations
//! nest: `${paths.${user}}`, `${oc.env:HOST,${default_host}}`.

use std::fmt;

use segue_core::nearest;
use serde_json::{Map, Value};

use super::float;
use super::keypath;
use super::moment::Moment;
use super::overrides::OverrideValue;
use super::parser::parse_override;
use super::suggest;

/// References and sections may nest this deep while one value is resolved.
const MAX_DEPTH: usize = 128;
/// Values and characters one resolution may produce: a bound on references that multiply.
const MAX_WORK: usize = 2_000_000;

const RESOLVERS: [&str; 5] = ["now", "hydra", "oc.env", "oc.select", "oc.decode"];

/// What interpolations may ask of the world outside the configuration.
pub struct Context<'a> {
    /// The time `${now:...}` shows.
    pub now: Moment,
    /// The tree `${hydra:a.b}` reads: `runtime.cwd`, `job.num`, ...
    pub hydra: &'a Value,
    /// Reads an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Context").field("now", &self.now).field("hydra", &self.hydra).finish_non_exhaustive()
    }
}

/// An interpolation that cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot resolve `{text}` of `{key}`: {message}")]
pub struct InterpolationError {
    /// The key whose value holds the interpolation.
    pub key: String,
    /// The value.
    pub text: String,
    /// What is wrong.
    pub message: String,
}

/// The whole configuration with every interpolation replaced by its value.
///
/// # Errors
/// A key or variable that does not exist, a cycle (the chain is named), an unknown resolver.
pub fn resolve(root: &Value, context: &Context<'_>) -> Result<Value, InterpolationError> {
    Resolver::new(root, context).resolved(root, "")
}

/// The value at one dotted path, resolved, without touching the others.
///
/// # Errors
/// As [`resolve`]; also if the path does not exist.
pub fn resolve_key(root: &Value, key: &str, context: &Context<'_>) -> Result<Value, InterpolationError> {
    let error = |message| InterpolationError { key: key.to_owned(), text: key.to_owned(), message };
    let mut resolver = Resolver::new(root, context);
    match resolver.lookup(key)? {
        Some(value) => Ok(value),
        None => Err(error("there is no such key".to_owned())),
    }
}

struct Resolver<'a> {
    root: &'a Value,
    context: &'a Context<'a>,
    /// Keys whose text is being resolved, outermost first.
    chain: Vec<String>,
    depth: usize,
    work: usize,
}

impl<'a> Resolver<'a> {
    fn new(root: &'a Value, context: &'a Context<'a>) -> Self {
        Self { root, context, chain: Vec::new(), depth: 0, work: 0 }
    }

    /// `value`, which stands at `path`, without interpolations.
    fn resolved(&mut self, value: &Value, path: &str) -> Result<Value, InterpolationError> {
        let cost = value.as_str().map_or(1, |text| text.len() + 1);
        self.work = self.work.saturating_add(cost);
        if self.work > MAX_WORK {
            let message = "the references multiply without end".to_owned();
            return Err(InterpolationError { key: path.to_owned(), text: shown(value), message });
        }
        match value {
            Value::String(text) if text.contains("${") => return self.text(text, path),
            Value::Array(_) | Value::Object(_) => {}
            leaf => return Ok(leaf.clone()),
        }
        if self.depth >= MAX_DEPTH {
            let message = format!("references and sections nest deeper than {MAX_DEPTH}");
            return Err(InterpolationError { key: path.to_owned(), text: shown(value), message });
        }
        self.depth += 1;
        let resolved = self.container(value, path);
        self.depth -= 1;
        resolved
    }

    fn container(&mut self, value: &Value, path: &str) -> Result<Value, InterpolationError> {
        match value {
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(i, item)| self.resolved(item, &keypath::join(path, &i.to_string())));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Value::Object(map) => {
                let pairs = map.iter().map(|(key, value)| {
                    self.resolved(value, &keypath::join(path, key)).map(|value| (key.clone(), value))
                });
                Ok(Value::Object(pairs.collect::<Result<Map<_, _>, _>>()?))
            }
            leaf => Ok(leaf.clone()),
        }
    }

    /// The resolved value of the text at `path`.
    fn text(&mut self, text: &str, path: &str) -> Result<Value, InterpolationError> {
        let error = |message: String| InterpolationError { key: path.to_owned(), text: text.to_owned(), message };
        if let Some(start) = self.chain.iter().position(|key| key == path) {
            let chain: Vec<_> = self.chain[start..].iter().map(String::as_str).chain([path]).collect();
            return Err(error(format!("it leads back to itself: {}", chain.join(" -> "))));
        }
        self.chain.push(path.to_owned());
        let value = self.expand(text, path).map_err(|failure| match failure {
            Failure::Here(message) => error(message),
            Failure::Elsewhere(error) => error,
        });
        self.chain.pop();
        value
    }

    /// Replaces every `${...}` of `text`; `path` is the key relative references start from.
    fn expand(&mut self, text: &str, path: &str) -> Result<Value, Failure> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if let Some(literal) = rest[..at].strip_suffix('\\') {
                out.push_str(literal);
                out.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            let body = &rest[at + 2..];
            let end = body_end(body).ok_or_else(|| Failure::Here("a `${` is never closed with `}`".to_owned()))?;
            let value = self.interpolation(&body[..end], path)?;
            if at == 0 && out.is_empty() && end + 1 == body.len() && rest.len() == text.len() {
                return Ok(value);
            }
            out.push_str(&rest[..at]);
            let written = written(&value).ok_or_else(|| {
                Failure::Here(format!("`${{{}}}` is a section or list; it cannot be part of a text", &body[..end]))
            })?;
            self.work = self.work.saturating_add(written.len());
            if self.work > MAX_WORK {
                return Err(Failure::Here("the references multiply without end".to_owned()));
            }
            out.push_str(&written);
            rest = &body[end + 1..];
        }
        out.push_str(rest);
        Ok(Value::String(out))
    }

    /// The value of `${body}`.
    fn interpolation(&mut self, body: &str, path: &str) -> Result<Value, Failure> {
        if self.depth >= MAX_DEPTH {
            return Err(Failure::Here(format!("it leads through more than {MAX_DEPTH} other references")));
        }
        self.depth += 1;
        let value = self.reference(body, path);
        self.depth -= 1;
        value
    }

    fn reference(&mut self, body: &str, path: &str) -> Result<Value, Failure> {
        if let Some((name, arguments)) = split_resolver(body) {
            let name = name.trim();
            let arguments = split_arguments(arguments)
                .into_iter()
                .map(|argument| self.argument(argument, path))
                .collect::<Result<Vec<_>, _>>()?;
            return self.resolver(name, &arguments, path);
        }
        let key = self.inner_text(body.trim(), path)?;
        let absolute = absolute_path(&key, path)
            .ok_or_else(|| Failure::Here(format!("`{key}` has more leading dots than `{path}` has parents")))?;
        let found = self.lookup(&absolute).map_err(Failure::Elsewhere)?;
        // `${hydra.job.num}` is written where `${hydra:job.num}` is meant.
        let outside = || keypath::below(&absolute, "hydra").and_then(|rest| keypath::get(self.context.hydra, rest));
        let Some(value) = found.or_else(|| outside().cloned()) else {
            return Err(Failure::Here(self.no_such_key(&absolute)));
        };
        if value == "???" {
            return Err(Failure::Here(format!("`{absolute}` must be set: its value is still ???")));
        }
        Ok(value)
    }

    /// Nested interpolations of a key or argument, as text.
    fn inner_text(&mut self, text: &str, path: &str) -> Result<String, Failure> {
        if !text.contains("${") {
            return Ok(text.to_owned());
        }
        let value = self.expand(text, path)?;
        written(&value).ok_or_else(|| Failure::Here(format!("`{text}` is a section or list, not a name")))
    }

    fn argument(&mut self, argument: &str, path: &str) -> Result<Value, Failure> {
        let argument = argument.trim();
        for quote in ['\'', '"'] {
            if let Some(inner) = argument.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
                let inner = inner.replace(&format!("\\{quote}"), &quote.to_string());
                return self.inner_text(&inner, path).map(Value::String);
            }
        }
        if argument.contains("${") {
            return self.expand(argument, path);
        }
        Ok(if argument.eq_ignore_ascii_case("null") { Value::Null } else { Value::from(argument) })
    }

    fn resolver(&mut self, name: &str, arguments: &[Value], path: &str) -> Result<Value, Failure> {
        let here = |message: String| Err(Failure::Here(message));
        let text = |at: usize| arguments.get(at).and_then(written).unwrap_or_default();
        let at_most = |n: usize| arguments.len() <= n && !arguments.is_empty();
        match name {
            "now" => {
                let pattern = (0..arguments.len()).map(text).collect::<Vec<_>>().join(",");
                let pattern = if pattern.is_empty() { "%Y-%m-%d_%H-%M-%S".to_owned() } else { pattern };
                self.context.now.format(&pattern).map(Value::String).map_err(Failure::Here)
            }
            "hydra" if at_most(2) => match keypath::get(self.context.hydra, &text(0)) {
                Some(value) => Ok(value.clone()),
                None if arguments.len() == 2 => Ok(arguments[1].clone()),
                None => {
                    let leaves = keypath::leaves(self.context.hydra);
                    here(format!("there is no `{}` among hydra's values: {}", text(0), leaves.join(", ")))
                }
            },
            "oc.env" if at_most(2) => match ((self.context.env)(&text(0)), arguments.get(1)) {
                (Some(value), _) => Ok(Value::String(value)),
                (None, Some(Value::Null)) => Ok(Value::Null),
                (None, Some(_)) => Ok(Value::String(text(1))),
                (None, None) => {
                    let name = text(0);
                    here(format!(
                        "environment variable `{name}` is not set; set it or give a default: ${{oc.env:{name},default}}"
                    ))
                }
            },
            "oc.select" if at_most(2) => {
                let key = absolute_path(&text(0), path).unwrap_or_default();
                let found = self.lookup(&key).map_err(Failure::Elsewhere)?;
                Ok(found.filter(|value| *value != "???").or_else(|| arguments.get(1).cloned()).unwrap_or(Value::Null))
            }
            "oc.decode" if at_most(1) => decode(&arguments[0]).map_err(Failure::Here),
            "hydra" | "oc.env" | "oc.select" | "oc.decode" => {
                here(format!("{name} takes a name and perhaps a default"))
            }
            _ => {
                let hint = suggest::did_you_mean(name, RESOLVERS);
                here(format!("there is no resolver `{name}`{hint}; there are {}", RESOLVERS.join(", ")))
            }
        }
    }

    /// The resolved value at an absolute path, following interpolations on the way.
    fn lookup(&mut self, key: &str) -> Result<Option<Value>, InterpolationError> {
        let mut at = String::new();
        let mut value = self.root;
        let segments: Vec<&str> = keypath::segments(key).collect();
        for (i, segment) in segments.iter().enumerate() {
            if let Value::String(text) = value
                && text.contains("${")
            {
                let inner = self.text(text, &at)?;
                return Ok(keypath::get(&inner, &segments[i..].join(".")).cloned());
            }
            let Some(next) = keypath::child(value, segment) else { return Ok(None) };
            value = next;
            at = keypath::join(&at, segment);
        }
        self.resolved(value, &at).map(Some)
    }

    fn no_such_key(&self, key: &str) -> String {
        let (section, last) = key.rsplit_once('.').unwrap_or(("", key));
        let siblings: Vec<&str> = match keypath::get(self.root, section) {
            Some(Value::Object(map)) => map.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        match nearest(last, siblings) {
            Some(near) => format!("there is no key `{key}`; did you mean `{}`?", keypath::join(section, near)),
            None => format!("there is no key `{key}`"),
        }
    }
}

/// A failure of the text at hand, or of another text it refers to.
enum Failure {
    Here(String),
    Elsewhere(InterpolationError),
}

/// Index of the `}` that closes a `${` just before `body`.
fn body_end(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut depth = 0;
    let mut quote = None;
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), b) if b == open => quote = None,
            // Quotes matter only in the arguments of a resolver.
            (None, b @ (b'\'' | b'"')) if matches!(before(bytes, at), Some(b':' | b',')) => quote = Some(b),
            (None, b'$') if bytes.get(at + 1) == Some(&b'{') => {
                depth += 1;
                at += 1;
            }
            (None, b'}') if depth == 0 => return Some(at),
            (None, b'}') => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The last byte before `at` that is not a space.
fn before(bytes: &[u8], at: usize) -> Option<u8> {
    bytes[..at].iter().rev().copied().find(|&b| b != b' ')
}

/// `name` and `arguments` of `name:arguments`; a path has no colon.
fn split_resolver(body: &str) -> Option<(&str, &str)> {
    let (name, arguments) = body.split_once(':')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' '));
    is_name.then_some((name, arguments))
}

/// Arguments between the commas outside quotes and nested interpolations.
fn split_arguments(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0, None);
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), b) if b == open => quote = None,
            (None, b @ (b'\'' | b'"')) if text[start..at].trim().is_empty() => quote = Some(b),
            (None, b'{') => depth += 1,
            (None, b'}') => depth -= 1,
            (None, b',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&text[start..]);
    parts
}

/// The path from the root of a reference written at `path`: one leading dot is the section that holds `path`.
fn absolute_path(key: &str, path: &str) -> Option<String> {
    let name = key.trim_start_matches('.');
    let dots = key.len() - name.len();
    let name = name.replace('[', ".").replace(']', "");
    if dots == 0 {
        return Some(name);
    }
    let mut section = path;
    for _ in 0..dots {
        if section.is_empty() {
            return None;
        }
        section = section.rsplit_once('.').map_or("", |(section, _)| section);
    }
    Some(keypath::join(section, &name))
}

/// A scalar as it reads inside other text.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_f64() => number.as_f64().map(float::text),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.to_string()),
    }
}

fn shown(value: &Value) -> String {
    written(value).unwrap_or_else(|| "section".to_owned())
}

/// `oc.decode`: the value a text would have as an override.
fn decode(argument: &Value) -> Result<Value, String> {
    let Value::String(text) = argument else { return Ok(argument.clone()) };
    match parse_override(&format!("value={text}")).map(|parsed| parsed.value) {
        Ok(Some(OverrideValue::Element(element))) => element.to_value(),
        _ => Err(format!("`{text}` is not one value")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn with_context<T>(run: impl FnOnce(&Context<'_>) -> T) -> T {
        let hydra = json!({ "runtime": { "cwd": "/home/me" }, "job": { "num": 3 } });
        let env = |name: &str| (name == "HOST").then(|| "example.org".to_owned());
        let now = Moment { unix_seconds: 1_709_210_096, microseconds: 0, utc_offset_seconds: 0 };
        run(&Context { now, hydra: &hydra, env: &env })
    }

    #[track_caller]
    fn check(root: &Value, expected: &Value) {
        assert_eq!(with_context(|context| resolve(root, context)).as_ref(), Ok(expected));
    }

    #[track_caller]
    fn check_error(root: &Value, expected: &str) {
        let error = with_context(|context| resolve(root, context)).expect_err("should fail").to_string();
        assert_eq!(error, expected);
    }

    #[test]
    fn references() {
        check(
            &json!({ "a": { "b": 1 }, "c": "${a.b}", "d": "x${a.b}y" }),
            &json!({ "a": { "b": 1 }, "c": 1, "d": "x1y" }),
        );
        check(
            &json!({ "a": { "x": 2, "y": "${.x}", "z": { "w": "${..x}" } } }),
            &json!({ "a": { "x": 2, "y": 2, "z": { "w": 2 } } }),
        );
        check(&json!({ "a": [1, "${a[0]}", "${a.0}"] }), &json!({ "a": [1, 1, 1] }));
        check(
            &json!({ "a": { "k": 1 }, "b": "${a}", "c": "${b.k}" }),
            &json!({ "a": { "k": 1 }, "b": { "k": 1 }, "c": 1 }),
        );
        check(
            &json!({ "which": "x", "t": { "x": 5 }, "v": "${t.${which}}" }),
            &json!({ "which": "x", "t": { "x": 5 }, "v": 5 }),
        );
        check(
            &json!({ "a": "\\${b}", "c": null, "d": "${c}", "e": "${c}!" }),
            &json!({ "a": "${b}", "c": null, "d": null, "e": "null!" }),
        );
        check(
            &json!({ "lr": 1e-5, "name": "lr${lr}_${flag}", "flag": true }),
            &json!({ "lr": 1e-5, "name": "lr1e-05_true", "flag": true }),
        );
    }

    #[test]
    fn resolvers() {
        check(&json!({ "d": "runs/${now:%Y-%m-%d_%H-%M-%S}" }), &json!({ "d": "runs/2024-02-29_12-34-56" }));
        check(
            &json!({ "d": "${hydra:runtime.cwd}/x", "n": "${hydra.job.num}" }),
            &json!({ "d": "/home/me/x", "n": 3 }),
        );
        check(
            &json!({ "h": "${oc.env:HOST}", "p": "${oc.env:PORT,8080}" }),
            &json!({ "h": "example.org", "p": "8080" }),
        );
        check(&json!({ "p": "${oc.decode:${oc.env:PORT,8080}}" }), &json!({ "p": 8080 }));
        check(&json!({ "x": "${oc.env:NO,null}", "y": "${oc.env:NO,'a, b}'}" }), &json!({ "x": null, "y": "a, b}" }));
        check(
            &json!({ "d": 1, "x": "${oc.env:NO,${d}}", "y": "${oc.select:no.key,7}" }),
            &json!({ "d": 1, "x": "1", "y": "7" }),
        );
    }

    #[test]
    fn errors_name_the_key_and_the_chain() {
        check_error(
            &json!({ "a": "${b}", "b": "x${c}", "c": "${a}" }),
            "cannot resolve `${b}` of `a`: it leads back to itself: a -> b -> c -> a",
        );
        check_error(
            &json!({ "a": { "b": "${a}" } }),
            "cannot resolve `${a}` of `a.b`: it leads back to itself: a.b -> a.b",
        );
        check_error(
            &json!({ "model": { "factors": 1 }, "x": "${model.factrs}" }),
            "cannot resolve `${model.factrs}` of `x`: there is no key `model.factrs`; did you mean `model.factors`?",
        );
        check_error(
            &json!({ "x": "${oc.env:TOKEN}" }),
            "cannot resolve `${oc.env:TOKEN}` of `x`: environment variable `TOKEN` is not set; set it or give a default: \
             ${oc.env:TOKEN,default}",
        );
        check_error(
            &json!({ "x": "${oc.evn:A}" }),
            "cannot resolve `${oc.evn:A}` of `x`: there is no resolver `oc.evn`; did you mean `oc.env`?; there are now, \
             hydra, oc.env, oc.select, oc.decode",
        );
        check_error(&json!({ "x": "${a" }), "cannot resolve `${a` of `x`: a `${` is never closed with `}`");
        check_error(
            &json!({ "x": "${..a}" }),
            "cannot resolve `${..a}` of `x`: `..a` has more leading dots than `x` has parents",
        );
        check_error(
            &json!({ "m": "???", "x": "${m}" }),
            "cannot resolve `${m}` of `x`: `m` must be set: its value is still ???",
        );
        check_error(
            &json!({ "m": {}, "x": "a${m}" }),
            "cannot resolve `a${m}` of `x`: `${m}` is a section or list; it cannot be part of a text",
        );
    }

    #[test]
    fn one_key_can_be_resolved_alone() {
        let root = json!({ "bad": "${nowhere}", "a": 1, "b": "${a}" });
        assert_eq!(with_context(|context| resolve_key(&root, "b", context)), Ok(json!(1)));
        assert!(with_context(|context| resolve_key(&root, "bad", context)).is_err());
        assert!(with_context(|context| resolve_key(&root, "c", context)).is_err());
    }

    #[test]
    fn hostile_references_are_bounded() {
        let mut doubling = Map::new();
        let mut chain = Map::new();
        for i in 0..60 {
            doubling.insert(format!("a{i}"), json!(format!("${{a{0}}}${{a{0}}}", i + 1)));
        }
        for i in 0..5000 {
            chain.insert(format!("a{i}"), json!(format!("${{a{}}}", i + 1)));
        }
        doubling.insert("a60".into(), json!(""));
        chain.insert("a5000".into(), json!(1));
        for root in [doubling, chain] {
            let error = with_context(|context| resolve(&Value::Object(root), context)).unwrap_err();
            assert!(error.message.contains("without end") || error.message.contains("more than"), "{error}");
        }
        let deep = json!({ "a": "${".repeat(20_000), "b": format!("{}x{}", "${".repeat(20_000), "}".repeat(20_000)) });
        assert!(with_context(|context| resolve(&deep, context)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[$ {}.:,'\"\\\\a-cx\\[\\]0é]{0,30}") {
            let root = json!({ "a": text, "b": { "c": "${a}" } });
            let _ = with_context(|context| resolve(&root, context));
        }
    }
}
