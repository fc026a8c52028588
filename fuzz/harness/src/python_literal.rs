//! Target `python_literal`: what is printed as Python prints it reads back.

use segue_data::readers::parse_python_literal;
use serde_json::{Number, Value, json};

use crate::case::Case;
use crate::draw::Draw;

/// Invents a value as JSON and a seed of the ways to print it, or a text that is almost a literal.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    let options = json!({"style": draw.below(1 << 20)});
    if draw.once_in(3) {
        let mut case = Case::of(draw.options(""), draw.some(20, token).concat());
        case.options.retain(|name, _| name == "repeat");
        return case;
    }
    Case::of(options, value(draw, 0).to_string())
}

fn token(draw: &mut Draw<'_>) -> String {
    match draw.below(4) {
        0 => draw.odd(),
        1 => draw.value(),
        2 => draw
            .pick(&["'a'", "u'b'", "r'\\n'", "'''c'''", "\"d\"", "'\\x4", "\\u12", "'\\N{DASH}'", "b'\\777'"])
            .into(),
        _ => draw
            .pick(&["{", "}", "[", "]", "(", ")", ",", ":", " ", "True", "None", "1L", "0x1", "1j", "'", "\n"])
            .into(),
    }
}

fn value(draw: &mut Draw<'_>, depth: usize) -> Value {
    match draw.below(if depth < 5 { 9 } else { 6 }) {
        0 => Value::Null,
        1 => draw.once_in(2).into(),
        2 => draw.odd().into(),
        3 => draw.words().into(),
        4 => (draw.below(1 << 40) as i64 - (1 << 39)).into(),
        5 => Number::from_f64(draw.below(1000) as f64 * [0.5, 1e-9, 1e20, -1e300][draw.below(4)]).into(),
        6 | 7 => draw.some(4, |draw| value(draw, depth + 1)).into(),
        _ => draw
            .some(4, |draw| (draw.words(), value(draw, depth + 1)))
            .into_iter()
            .collect::<Vec<_>>()
            .into_iter()
            .collect(),
    }
}

/// No text panics; a failure is within the text; what was read prints as JSON and reads back; a JSON value printed in
/// any of Python's ways reads back.
pub(crate) fn check(bytes: &[u8]) {
    let case = Case::parse(bytes);
    let content = case.content();
    let text = String::from_utf8_lossy(&content);
    match parse_python_literal(&text) {
        Ok(read) => assert_eq!(parse_python_literal(&read.to_string()), Ok(read), "{text:.200}"),
        Err(error) => assert!(error.at <= text.len(), "{error}"),
    }
    if let Ok(value) = serde_json::from_str::<Value>(&text)
        && depth(&value) < 60
    {
        let mut style = Style(case.option("style"));
        let mut printed = String::new();
        style.print(&value, &mut printed);
        assert_eq!(parse_python_literal(&printed), Ok(as_read(value)), "{printed}");
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whole numbers beyond `i64` are read as floats.
fn as_read(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_u64() && !number.is_i64() => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(as_read).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, as_read(value))).collect(),
        other => other,
    }
}

/// Choices among the ways of Python to write one value, all from one number.
struct Style(u64);

impl Style {
    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of[(self.0 >> 33) as usize % of.len()]
    }

    fn print(&mut self, value: &Value, out: &mut String) {
        match value {
            Value::Null => out.push_str(self.pick(&["None", "null", "nan"])),
            Value::Bool(true) => out.push_str(self.pick(&["True", "true"])),
            Value::Bool(false) => out.push_str(self.pick(&["False", "false"])),
            Value::Number(number) => {
                out.push_str(&number.to_string());
                out.push_str(if number.is_i64() { self.pick(&["", "", "L"]) } else { "" });
            }
            Value::String(text) => self.string(text, out),
            Value::Array(items) => {
                let brackets = self.pick(&["[]", "()", if items.is_empty() { "[]" } else { "{}" }]);
                out.push_str(&brackets[..1]);
                for (n, item) in items.iter().enumerate() {
                    out.push_str(if n > 0 { self.pick(&[", ", ",", " ,\n"]) } else { "" });
                    self.print(item, out);
                }
                out.push_str(if items.is_empty() { "" } else { self.pick(&["", ","]) });
                out.push_str(&brackets[1..]);
            }
            Value::Object(map) => {
                out.push('{');
                for (n, (key, value)) in map.iter().enumerate() {
                    out.push_str(if n > 0 { self.pick(&[", ", ","]) } else { "" });
                    self.string(key, out);
                    out.push_str(self.pick(&[": ", ":", " : "]));
                    self.print(value, out);
                }
                out.push('}');
            }
        }
    }

    fn string(&mut self, text: &str, out: &mut String) {
        if !text.contains(['\\', '\'', '"']) && self.pick(&["raw", "", ""]) == "raw" {
            out.extend([self.pick(&["r'", "R'", "br'", "ur'"]), text, "'"]);
            return;
        }
        out.push_str(self.pick(&["", "", "u", "b"]));
        let quote = self.pick(&["'", "\"", "'''", "\"\"\""]);
        out.push_str(quote);
        for c in text.chars() {
            let code = u32::from(c);
            match c {
                '\\' => out.push_str("\\\\"),
                '\'' | '"' => out.extend(['\\', c]),
                '\n' => out.push_str(self.pick(&["\\n", "\\012", "\\x0a"])),
                c if c.is_ascii_graphic() || c == ' ' => out.push(c),
                _ => match self.pick(&["plain", "plain", "short", "long"]) {
                    "short" if code < 0x100 => out.push_str(&format!("\\x{code:02x}")),
                    "short" if code < 0x1_0000 => out.push_str(&format!("\\u{code:04x}")),
                    "long" => out.push_str(&format!("\\U{code:08X}")),
                    _ => out.push(c),
                },
            }
        }
        out.push_str(quote);
        // Adjacent strings are one.
        out.push_str(self.pick(&["", "", " ''", " \"\" ''"]));
    }
}
