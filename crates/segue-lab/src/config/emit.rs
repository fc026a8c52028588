//! A JSON value as YAML text: block style, keys in their order, quotes only where a reader would misread.

use serde_json::Value;

use super::float;
use super::yaml::plain_scalar;

/// Bytes of a key that may stand before its colon; readers look no further than 1024 characters, some of them 128.
const SIMPLE_KEY: usize = 100;

/// Writes `value` as YAML that [`parse_yaml`](super::parse_yaml), and any YAML 1.1 or 1.2 reader, reads back the same.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0);
    out
}

/// Writes `value` where the cursor stands at column `indent` of a fresh line or after `- `.
fn block(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (i, (key, value)) in map.iter().enumerate() {
                pad(out, if i > 0 { indent } else { 0 });
                if key.len() > SIMPLE_KEY {
                    out.push_str("? ");
                    text(out, key);
                    out.push('\n');
                    pad(out, indent);
                } else {
                    text(out, key);
                }
                out.push(':');
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        out.push('\n');
                        pad(out, indent + 2);
                        block(out, value, indent + 2);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        out.push('\n');
                        pad(out, indent);
                        block(out, value, indent);
                    }
                    leaf => {
                        out.push(' ');
                        block(out, leaf, indent);
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                pad(out, if i > 0 { indent } else { 0 });
                out.push_str("- ");
                block(out, item, indent + 2);
            }
        }
        leaf => {
            scalar(out, leaf);
            out.push('\n');
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn scalar(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(number) => match number.as_f64() {
            Some(f) if number.is_f64() => out.push_str(&float::yaml(f)),
            _ => out.push_str(&number.to_string()),
        },
        Value::String(s) => text(out, s),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

fn text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else if text.chars().any(needs_escape) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if needs_escape(c) => out.extend(format!("\\U{:08X}", u32::from(c)).chars()),
                c => out.push(c),
            }
        }
        out.push('"');
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    }
}

/// Characters YAML forbids, folds or treats as line breaks.
fn needs_escape(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether the text may stand without quotes, to readers of both YAML versions.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let starts_plain = first.is_alphanumeric() || matches!(first, '_' | '/' | '$' | '.' | '(' | '+' | '^');
    let ends_plain = !text.ends_with([' ', ':']);
    let is_ordinary = |c: char| (' '..='~').contains(&c) || c.is_alphanumeric();
    // Numbers, times and dates of YAML 1.1.
    let like_number = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | '_' | '+' | '-' | 'e' | 'E' | 'T' | 'Z' | ' '));
    starts_plain
        && ends_plain
        && !like_number
        && text.chars().all(is_ordinary)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("...")
        && !matches!(text, "y" | "Y" | "n" | "N")
        && matches!(plain_scalar(text), Ok(Value::String(_)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::parse_yaml;
    use super::*;

    #[test]
    fn block_style() {
        let value = json!({
            "seed": 42, "lr": 0.001, "decay": 1e-5, "name": null, "on": "yes", "empty": "", "none": {}, "no_items": [],
            "model": { "factors": 64, "layers": [64, 32], "nested": [[1, 2], { "a": 1, "b": [] }], "metric": "ndcg@10" },
            "dir": "outputs/${experiment_name}/${now:%Y-%m-%d}", "version": "1.0", "note": "a: b", "quote": "it's #1",
            "lines": "a\nb", "time": "12:30", "- x": true,
        });
        let expected = "\
seed: 42
lr: 0.001
decay: 1.0e-05
name: null
'on': 'yes'
empty: ''
none: {}
no_items: []
model:
  factors: 64
  layers:
  - 64
  - 32
  nested:
  - - 1
    - 2
  - a: 1
    b: []
  metric: ndcg@10
dir: outputs/${experiment_name}/${now:%Y-%m-%d}
version: '1.0'
note: 'a: b'
quote: it's #1
lines: \"a\\nb\"
time: '12:30'
'- x': true
";
        let expected = expected.replace("quote: it's #1", "quote: 'it''s #1'");
        assert_eq!(to_yaml(&value), expected);
        assert_eq!(parse_yaml(&expected, "x").map(|d| d.value), Ok(value));
        assert_eq!(to_yaml(&json!({})), "{}\n");
        assert_eq!(to_yaml(&json!([1])), "- 1\n");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "\\PC{0,12}",
            "[-:#?{}\\[\\]'\"&*!|>%@`, \n\t\\\\a0.eE_+]{0,8}",
            "[0-9:.eE+-]{1,8}",
            any::<String>()
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON numbers are finite", |f| f.is_finite()).prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((text.clone(), inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn written_values_read_back(value in any_value()) {
            let text = to_yaml(&value);
            prop_assert_eq!(parse_yaml(&text, "x").map(|d| d.value), Ok(value), "{}", text);
        }
    }
}
