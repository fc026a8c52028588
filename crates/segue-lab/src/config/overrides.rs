//! Overrides of the command line, `key=value` and its relatives, and how they are written.

use std::fmt;

use serde_json::{Map, Value};

use super::float;
use super::parser::reads_as;
use super::sweep::Sweep;

/// What an override does to the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `key=value`: the key must exist; a group must be in the defaults list.
    Change,
    /// `+key=value`: the key must not exist; a group is appended to the defaults list.
    Add,
    /// `++key=value`: set the key whether it exists or not.
    ForceAdd,
    /// `~key` or `~key=value`: remove the key or group, if it has that value.
    Delete,
}

/// One parsed override.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// What to do.
    pub action: Action,
    /// Dotted config path (`model.factors`) or config group (`model`, `hydra/launcher`).
    pub key: String,
    /// The package after `@`; `Some("")` is the root.
    pub package: Option<String>,
    /// The value; `None` only for `~key`.
    pub value: Option<OverrideValue>,
    /// The override as the user wrote it.
    pub text: String,
}

/// The right-hand side of an override.
#[derive(Debug, Clone, PartialEq)]
pub enum OverrideValue {
    /// One value.
    Element(Element),
    /// Several values to try, one job each.
    Sweep(Sweep),
    /// `extend_list(a, b)`: values appended to an existing list.
    Extend(Vec<Element>),
}

/// A value of the grammar. Interpolations are kept as text.
#[derive(Debug, Clone, PartialEq)]
pub enum Element {
    /// `null`
    Null,
    /// `true`, `false` in any case
    Bool(bool),
    /// `42`, `1_000`; always within `i64` or `u64`
    Int(i128),
    /// `1e-3`, `.5`, `inf`, `nan`
    Float(f64),
    /// quoted or plain text
    Text(String),
    /// `[a,b]`
    List(Vec<Element>),
    /// `{a:1,b:2}`, in the order written; keys are text
    Dict(Vec<(String, Element)>),
}

/// An override that does not follow the grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read override at column {column}: {message}\n  {text}\n  {}^", " ".repeat(column.saturating_sub(1)))]
pub struct OverrideError {
    /// The override as written, control characters shown as spaces.
    pub text: String,
    /// 1-based column in characters.
    pub column: usize,
    /// What was expected or how to write it.
    pub message: String,
}

impl OverrideError {
    pub(super) fn new(source: &str, at: usize, message: impl Into<String>) -> Self {
        Self {
            text: source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
            column: source[..at].chars().count() + 1,
            message: message.into(),
        }
    }
}

impl Override {
    /// `group`, or `group@package`: the name under which the defaults list knows a group.
    pub fn group_key(&self) -> String {
        match &self.package {
            None => self.key.clone(),
            Some(package) if package.is_empty() => format!("{}@_global_", self.key),
            Some(package) => format!("{}@{package}", self.key),
        }
    }

    /// The same override with one value in the place of a sweep: an override of one job of a multirun.
    #[must_use]
    pub fn with_element(&self, element: Element) -> Self {
        let sign = match self.action {
            Action::Change => "",
            Action::Add => "+",
            Action::ForceAdd => "++",
            Action::Delete => "~",
        };
        let package = self.package.as_ref().map(|p| format!("@{p}")).unwrap_or_default();
        let text = format!("{sign}{}{package}={element}", self.key);
        Self { value: Some(OverrideValue::Element(element)), text, ..self.clone() }
    }
}

impl Element {
    /// The JSON value, or the reason there is none: a configuration holds finite numbers only.
    pub fn to_value(&self) -> Result<Value, String> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Int(i) => i64::try_from(*i)
                .map(Value::from)
                .or_else(|_| u64::try_from(*i).map(Value::from))
                .map_err(|_| format!("{i} does not fit in 64 bits"))?,
            Self::Float(f) => serde_json::Number::from_f64(*f).map(Value::Number).ok_or_else(|| {
                let text = float::text(*f);
                format!("{text} is not a finite number; write null for no limit, or '{text}' in quotes for the text")
            })?,
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => Value::Array(items.iter().map(Self::to_value).collect::<Result<_, _>>()?),
            Self::Dict(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| Ok((key.clone(), value.to_value()?)));
                Value::Object(pairs.collect::<Result<Map<_, _>, String>>()?)
            }
        })
    }

    /// Name of the type, for messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
        }
    }
}

/// Writes the element so that the grammar reads the same element back.
impl fmt::Display for Element {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(b) => write!(out, "{b}"),
            Self::Int(i) => write!(out, "{i}"),
            Self::Float(f) => out.write_str(&float::text(*f)),
            Self::Text(text) => out.write_str(&written_text(text)),
            Self::List(items) => {
                out.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(out, "{}{item}", if i > 0 { "," } else { "" })?;
                }
                out.write_str("]")
            }
            Self::Dict(pairs) => {
                out.write_str("{")?;
                for (i, (key, value)) in pairs.iter().enumerate() {
                    write!(out, "{}{}:{value}", if i > 0 { "," } else { "" }, escaped(key))?;
                }
                out.write_str("}")
            }
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\()[]{}:=, \t".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn written_text(text: &str) -> String {
    // A lone interpolation is written bare: it reads better and its braces must not be escaped.
    // A bare backslash would escape the bracket that may follow it, and bare space around a text is lost.
    let is_bare = !text.contains('\\') && text.trim_matches([' ', '\t']) == text;
    let bare = is_bare.then(|| text.to_owned());
    for plain in bare.into_iter().chain([escaped(text)]) {
        if reads_as(&plain, text) {
            return plain;
        }
    }
    let mut out = String::from("'");
    let mut backslashes = 0;
    for c in text.chars() {
        // Only backslashes before a quote are escapes, so only those are doubled.
        if c == '\'' {
            out.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        out.push(c);
    }
    out.extend(std::iter::repeat_n('\\', backslashes));
    out.push('\'');
    out
}
