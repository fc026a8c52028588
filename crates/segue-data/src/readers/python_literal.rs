//! Python literals, as the 2014 Amazon metadata prints them: `{'asin': '1', 'price': 9.5, 'related': {...}}`.
//!
//! A tolerant parser into [`serde_json::Value`]: dicts, lists, tuples and sets, strings with every prefix and escape of
//! Python, numbers, `True`, `False`, `None`, and JSON's own `true`, `false`, `null` beside them. Keys that are no strings are printed.

use serde_json::{Map, Value};

/// Nesting beyond this is refused rather than risking the stack.
const DEPTH: usize = 64;

/// Where and why a literal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct LiteralError {
    /// Byte offset.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// Reads one literal that fills `text`.
pub fn parse(text: &str) -> Result<Value, LiteralError> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.space();
    if parser.at < text.len() { Err(parser.wrong("trailing text")) } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn wrong(&self, what: &'static str) -> LiteralError {
        LiteralError { at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, LiteralError> {
        if depth > DEPTH {
            return Err(self.wrong("nesting deeper than 64"));
        }
        self.space();
        match self.peek() {
            None => Err(self.wrong("a value is missing")),
            Some(b'{') => self.dict(depth),
            Some(b'[') => self.list(b']', depth),
            Some(b'(') => self.list(b')', depth),
            Some(b'\'' | b'"') => self.string(false),
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => self.number(),
            Some(_) => self.word(),
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.at += 1;
        let (mut map, mut set) = (Map::new(), Vec::new());
        while !self.eat(b'}') {
            let key = self.value(depth + 1)?;
            if self.eat(b':') {
                let key = match key {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                let value = self.value(depth + 1)?;
                map.insert(key, value);
            } else {
                set.push(key);
            }
            if !self.eat(b',') {
                if self.eat(b'}') {
                    break;
                }
                return Err(self.wrong("expected , or }"));
            }
        }
        match (map.is_empty(), set.is_empty()) {
            (_, true) => Ok(Value::Object(map)),
            (true, false) => Ok(Value::Array(set)),
            _ => Err(self.wrong("a key without a value")),
        }
    }

    fn list(&mut self, close: u8, depth: usize) -> Result<Value, LiteralError> {
        self.at += 1;
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value(depth + 1)?);
            if !self.eat(b',') {
                if self.eat(close) {
                    break;
                }
                return Err(self.wrong("expected , or the closing bracket"));
            }
        }
        Ok(Value::Array(items))
    }

    fn word(&mut self) -> Result<Value, LiteralError> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..length];
        let quoted = matches!(rest.as_bytes().get(length), Some(b'\'' | b'"'));
        let value = match word {
            "u" | "U" | "b" | "B" if quoted => None,
            "r" | "R" | "br" | "Br" | "bR" | "BR" | "rb" | "rB" | "Rb" | "RB" | "ur" | "UR" if quoted => {
                self.at += length;
                return self.string(true);
            }
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            "None" | "null" | "nan" | "NaN" | "inf" | "Infinity" => Some(Value::Null),
            _ => return Err(self.wrong("not a Python literal")),
        };
        self.at += length;
        value.map_or_else(|| self.string(false), Ok)
    }

    fn number(&mut self) -> Result<Value, LiteralError> {
        let rest = &self.text[self.at..];
        let end = rest
            .bytes()
            .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_')))
            .unwrap_or(rest.len());
        let digits = rest[..end].trim_end_matches(['L', 'l']).replace('_', "");
        let value = match (digits.parse::<i64>(), digits.parse::<f64>()) {
            (Ok(integer), _) => Value::from(integer),
            // Not finite means no JSON number: absent.
            (_, Ok(float)) => Value::from(float),
            _ => return Err(self.wrong("not a number")),
        };
        self.at += end;
        Ok(value)
    }

    /// A string; adjacent strings are joined as Python does.
    fn string(&mut self, raw: bool) -> Result<Value, LiteralError> {
        let mut out = String::new();
        self.quoted(raw, &mut out)?;
        loop {
            let before = self.at;
            self.space();
            if matches!(self.peek(), Some(b'\'' | b'"')) {
                self.quoted(false, &mut out)?;
            } else {
                self.at = before;
                return Ok(Value::String(out));
            }
        }
    }

    fn quoted(&mut self, raw: bool, out: &mut String) -> Result<(), LiteralError> {
        let Some(quote) = self.text[self.at..].chars().next() else { return Err(self.wrong("a string is missing")) };
        let mut triple = String::new();
        (0..3).for_each(|_| triple.push(quote));
        let close = if self.text[self.at..].starts_with(&triple) { triple } else { quote.into() };
        self.at += close.len();
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with(&close) {
                self.at += close.len();
                return Ok(());
            }
            let Some(c) = rest.chars().next() else { return Err(self.wrong("a string is not closed")) };
            self.at += c.len_utf8();
            if c != '\\' {
                out.push(c);
            } else if raw {
                out.push('\\');
                if let Some(next) = self.text[self.at..].chars().next() {
                    out.push(next);
                    self.at += next.len_utf8();
                }
            } else {
                self.escape(out)?;
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), LiteralError> {
        let Some(c) = self.text[self.at..].chars().next() else { return Err(self.wrong("a string is not closed")) };
        self.at += c.len_utf8();
        let plain = match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\n' => return Ok(()),
            '\\' | '\'' | '"' => c,
            'x' => self.code(2, 16)?,
            'u' => self.code(4, 16)?,
            'U' => self.code(8, 16)?,
            '0'..='7' => {
                self.at -= 1;
                let digits = self.text[self.at..].bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
                self.code(digits, 8)?
            }
            other => {
                out.push('\\');
                other
            }
        };
        out.push(plain);
        Ok(())
    }

    fn code(&mut self, digits: usize, radix: u32) -> Result<char, LiteralError> {
        let text = self.text.get(self.at..self.at + digits).filter(|t| t.chars().all(|c| c.is_digit(radix)));
        let Some(text) = text else { return Err(self.wrong("a broken escape")) };
        self.at += digits;
        // A lone surrogate is no character; everything else is.
        Ok(u32::from_str_radix(text, radix).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn python_values_become_json() {
        check(
            "{'a': 'it\\'s', \"b\": \"Don't\", 'c': [1, -2.5, 1e3,], 'd': (True, None)}",
            json!({"a": "it's", "b": "Don't", "c": [1, -2.5, 1000.0], "d": [true, null]}),
        );
        check("u'caf\\xe9 \\u20ac \\U0001F600 \\101\\n'", json!("café € 😀 A\n"));
        check("r'\\n' 'joined'", json!("\\njoined"));
        check("'''a'b\"c'''", json!("a'b\"c"));
        check("{1: 2L, 'x': nan}", json!({"1": 2, "x": null}));
        check("{'s1', 's2'}", json!(["s1", "s2"]));
        check("[]", json!([]));
    }

    #[test]
    fn what_is_broken_is_refused_with_its_place() {
        for text in
            ["", "{'a': }", "'open", "[1, 2", "{'a' 1}", "{'a': 1} x", "import os", "'\\x4'", "--", "{'a', 'b': 1}"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("[1 2]"), Err(LiteralError { at: 3, what: "expected , or the closing bracket" }));
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_near_literal_panics(text in "[{}\\[\\]()'\"\\\\urbxU0-9a:, .éTN+-]{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn strings_come_back(strings in proptest::collection::vec("\\PC{0,12}", 0..5)) {
            let escaped: Vec<String> = strings.iter()
                .map(|s| format!("'{}'", s.replace('\\', "\\\\").replace('\'', "\\'"))).collect();
            let text = format!("[{}]", escaped.join(", "));
            proptest::prop_assert_eq!(parse(&text), Ok(json!(strings)));
        }
    }
}
