//! YAML text to a JSON value, with the line of every key kept for later messages.
//!
//! Scalars are read as Hydra's loader reads them (YAML 1.1 booleans `yes/no/on/off`, `1_000`, `1e-3` a float), except
//! that the three traps of YAML 1.1 are closed: `1:30` is text and not 90, a timestamp is text, and `010` is refused
//! because readers disagree on 8 and 10. Keys are text. Duplicate keys, several documents, infinities and unknown tags
//! are errors; aliases may not unfold to more than [`MAX_NODES`] nodes, 64 bytes of text being one.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Value};

/// Levels of one document, and of the composed configuration, which is written as one.
pub(super) const MAX_DEPTH: usize = 64;
/// Nodes of one document, aliases unfolded.
const MAX_NODES: usize = 200_000;

/// A parsed YAML file.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The content; an empty file is `null`.
    pub value: Value,
    /// 1-based line of every key and list item, by dotted path (`optimizer.betas.0`).
    pub lines: BTreeMap<String, usize>,
    /// The package of a `# @package name` header.
    pub package: Option<String>,
}

/// A YAML file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct YamlError {
    /// Name of the file.
    pub file: String,
    /// 1-based line.
    pub line: usize,
    /// 1-based column in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads one YAML document; `file` is its name in messages.
///
/// # Errors
/// Broken YAML, a duplicate key, an unknown tag, a number that JSON cannot hold, or aliases that explode.
pub fn parse_yaml(text: &str, file: &str) -> Result<Document, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        file,
        lines: BTreeMap::new(),
        path: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
    };
    let mut value = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if value.is_some() => return Err(reader.error(span, "a config file holds one YAML document")),
            event => value = Some(reader.node(event, span, 0)?.0),
        }
    }
    Ok(Document { value: value.unwrap_or(Value::Null), lines: reader.lines, package: package_header(text) })
}

/// `# @package name` among the comments at the top.
fn package_header(text: &str) -> Option<String> {
    text.lines()
        .map(str::trim)
        .take_while(|line| line.is_empty() || line.starts_with('#'))
        .filter_map(|line| line.trim_start_matches('#').trim().strip_prefix("@package "))
        .map(|package| package.trim().to_owned())
        .last()
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    file: &'a str,
    lines: BTreeMap<String, usize>,
    path: Vec<String>,
    /// Value and node count of every anchor seen so far.
    anchors: BTreeMap<usize, (Value, usize)>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, span: Span, message: impl Into<String>) -> YamlError {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        YamlError { file: self.file.to_owned(), line, column, message: message.into() }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.error(Span::empty(*error.marker()), error.info())),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// Counts a text, which a repeated alias repeats, and a path, which every child of a long key repeats.
    fn count_text(&mut self, bytes: usize, span: Span) -> Result<(), YamlError> {
        self.count(bytes / 64, span)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(self.error(span, format!("the document unfolds to more than {MAX_NODES} values")));
        }
        Ok(())
    }

    /// The value that starts with `event`, and how many nodes it holds.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<(Value, usize), YamlError> {
        if depth > MAX_DEPTH {
            return Err(self.error(span, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let before = self.nodes;
        self.count(1, span)?;
        let (value, anchor) = match event {
            Event::Alias(anchor) => {
                let Some((value, nodes)) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.error(span, "this alias stands inside its own anchor"));
                };
                self.count(nodes, span)?;
                (value, 0)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count_text(text.len(), span)?;
                let value = scalar(&text, style, tag.as_deref()).map_err(|message| self.error(span, message))?;
                (value, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.container_tag(tag.as_deref(), "seq", span)?;
                (self.sequence(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.container_tag(tag.as_deref(), "map", span)?;
                (self.mapping(depth)?, anchor)
            }
            _ => return Err(self.error(span, "expected a value")),
        };
        let nodes = self.nodes - before;
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), nodes));
        }
        Ok((value, nodes))
    }

    fn container_tag(&self, tag: Option<&Tag>, own: &str, span: Span) -> Result<(), YamlError> {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == own) => {
                Err(self.error(span, format!("unknown tag `{}{}`; a config holds plain YAML", tag.handle, tag.suffix)))
            }
            _ => Ok(()),
        }
    }

    fn note_line(&mut self, span: Span) -> Result<(), YamlError> {
        let path = self.path.join(".");
        self.count_text(path.len(), span)?;
        self.lines.insert(path, span.start.line());
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Array(items));
            }
            self.path.push(items.len().to_string());
            self.note_line(span)?;
            items.push(self.node(event, span, depth + 1)?.0);
            self.path.pop();
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, YamlError> {
        let mut map = Map::new();
        let mut merged: Vec<Map<String, Value>> = Vec::new();
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            let (key, is_merge) = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, _, _) => {
                    let is_merge = text == "<<" && style == ScalarStyle::Plain;
                    (text.into_owned(), is_merge)
                }
                _ => return Err(self.error(span, "a key must be plain text")),
            };
            if is_merge {
                let (event, span) = self.next()?;
                match self.node(event, span, depth + 1)?.0 {
                    Value::Object(other) => merged.push(other),
                    Value::Array(others) => {
                        for other in others {
                            let Value::Object(other) = other else {
                                return Err(self.error(span, "`<<` merges mappings only"));
                            };
                            merged.push(other);
                        }
                    }
                    _ => return Err(self.error(span, "`<<` merges mappings only")),
                }
                continue;
            }
            if let Some(first) = lines.insert(key.clone(), span.start.line()) {
                let message = format!("key `{}` was already set on line {first}; keep one", key.escape_debug());
                return Err(self.error(span, message));
            }
            self.path.push(key.clone());
            self.note_line(span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?.0;
            self.path.pop();
            map.insert(key, value);
        }
        // What the mapping says itself wins over what it merges in, and earlier merges win over later ones.
        for other in merged {
            for (key, value) in other {
                map.entry(key).or_insert(value);
            }
        }
        Ok(Value::Object(map))
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return if style == ScalarStyle::Plain { plain_scalar(text) } else { Ok(Value::from(text)) };
    };
    let value = match tag.suffix.as_str() {
        "str" if tag.is_yaml_core_schema() => return Ok(Value::from(text)),
        "int" | "float" | "bool" | "null" if tag.is_yaml_core_schema() => plain_scalar(text)?,
        _ if tag.handle.is_empty() && tag.suffix == "!" => return Ok(Value::from(text)),
        _ => return Err(format!("unknown tag `{}{}`; a config holds plain YAML", tag.handle, tag.suffix)),
    };
    let fits = match tag.suffix.as_str() {
        "int" => value.is_i64() || value.is_u64(),
        "float" => value.is_number(),
        "bool" => value.is_boolean(),
        _ => value.is_null(),
    };
    if fits { Ok(value) } else { Err(format!("`{text}` is not of type {}", tag.suffix)) }
}

/// The value of an unquoted scalar.
pub(super) fn plain_scalar(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(format!("`{text}` is not a finite number; write null for no limit, or quote it for the text"));
    }
    let Some(first) = unsigned.bytes().next().filter(|b| b.is_ascii_digit() || *b == b'.') else {
        return Ok(Value::from(text));
    };
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    let plain = digits.trim_start_matches(['-', '+']);
    if plain.len() > 1 && first == b'0' && plain.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("`{text}` is 8-based to some readers and not to others; write 0o.. or quote it"));
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(body) = plain.strip_prefix(prefix)
            && !body.is_empty()
            && body.chars().all(|c| c.is_digit(radix))
        {
            let value = i128::from_str_radix(body, radix).unwrap_or(i128::MAX);
            return integer(if digits.starts_with('-') { -value } else { value }, text);
        }
    }
    if plain.bytes().all(|b| b.is_ascii_digit()) {
        return integer(digits.parse().unwrap_or(i128::MAX), text);
    }
    if !is_float(plain) {
        return Ok(Value::from(text));
    }
    let finite = digits.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    finite.map(Value::Number).ok_or_else(|| format!("`{text}` is too large for a float; quote it for the text"))
}

fn integer(value: i128, text: &str) -> Result<Value, String> {
    i64::try_from(value)
        .map(Value::from)
        .or_else(|_| u64::try_from(value).map(Value::from))
        .map_err(|_| format!("`{text}` does not fit in 64 bits; quote it to keep it as text"))
}

/// `1.`, `.5`, `1.5e-3`, `1e3`: digits, at most one dot, at most one signed exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_mantissa = all_digits(whole) && all_digits(decimals) && !(whole.is_empty() && decimals.is_empty());
    let has_exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && all_digits(exponent)
    });
    has_mantissa && has_exponent
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Value) {
        assert_eq!(parse_yaml(text, "x.yaml").map(|d| d.value).as_ref(), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = parse_yaml(text, "conf/x.yaml").expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }

    #[test]
    fn scalars_are_read_as_hydra_reads_them() {
        let cases = [
            ("null", json!(null)),
            ("~", json!(null)),
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("42", json!(42)),
            ("-1_000", json!(-1000)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1e-3", json!(0.001)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("1:30", json!("1:30")),
            ("2020-01-01", json!("2020-01-01")),
            ("1.2.3", json!("1.2.3")),
            ("1e", json!("1e")),
            ("ndcg@10", json!("ndcg@10")),
            ("${a.b}", json!("${a.b}")),
            ("'42'", json!("42")),
            ("!!str 42", json!("42")),
            ("!!float 42", json!(42)),
            ("inf", json!("inf")),
        ];
        for (text, expected) in cases {
            check(&format!("k: {text}"), &json!({ "k": expected }));
        }
    }

    #[test]
    fn containers_and_lines() {
        let text = "# @package _global_\na: 1\noptimizer:\n  name: adam\n  betas: [0.9,\n    0.999]\n";
        let document = parse_yaml(text, "x.yaml").unwrap();
        assert_eq!(document.value, json!({ "a": 1, "optimizer": { "name": "adam", "betas": [0.9, 0.999] } }));
        assert_eq!(document.package.as_deref(), Some("_global_"));
        assert_eq!(document.lines["optimizer.name"], 4);
        assert_eq!(document.lines["optimizer.betas.1"], 6);
        check("", &json!(null));
        check("# only a comment\n", &json!(null));
        check("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2, b: 3}", &json!({"a":{"b":1},"c":{"b":1},"d":{"e":2,"b":3}}));
        check("1: a\ntrue: b", &json!({"1": "a", "true": "b"}));
        check("k: |\n  a\n  b\n", &json!({"k": "a\nb\n"}));
    }

    #[test]
    fn errors_name_file_line_and_column() {
        check_error("a: 1\nb: 2\na: 3", "conf/x.yaml:3:1: key `a` was already set on line 1");
        check_error("a: 1\nb: [1,\n", "conf/x.yaml:3:");
        check_error("a: .inf", "conf/x.yaml:1:4: `.inf` is not a finite number");
        check_error("a: 010", "8-based");
        check_error("a: 99999999999999999999", "does not fit in 64 bits");
        check_error("a: 1e999", "too large");
        check_error("a: !!python/object:os.system x", "unknown tag");
        check_error("a: 1\n---\nb: 2", "one YAML document");
        check_error("? [a]\n: 1", "a key must be plain text");
        check_error("a: &x [*x]", "x.yaml:1");
    }

    #[test]
    fn hostile_documents_are_bounded() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..20 {
            let alias = format!("*a{}", i - 1);
            laughs.extend([format!("a{i}: &a{i} ["), vec![alias; 10].join(", "), "]\n".to_owned()]);
        }
        check_error(&laughs, "unfolds to more than");
        check_error(&"[".repeat(10_000), "x.yaml:1:");
        let deep: String = (0..100).flat_map(|i| [" ".repeat(i), "a:\n".to_owned()]).collect();
        check_error(&deep, "nested deeper");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-a:\\[\\]{}&*!|>'\"#%@, \n0-9.]{0,60}") {
            let _ = parse_yaml(&text, "x.yaml");
        }
    }
}
