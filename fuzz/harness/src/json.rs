//! Target `json`: logs of JSON lines.

use serde_json::{Value, json};

use crate::case::Case;
use crate::draw::Draw;
use crate::logs;

/// Formats and the keys of user, item, value and time.
const STYLES: [(&str, [&str; 4]); 7] = [
    ("amazon", ["reviewerID", "asin", "overall", "unixReviewTime"]),
    ("amazon", ["user_id", "parent_asin", "rating", "timestamp"]),
    ("goodreads", ["user_id", "book_id", "rating", "date_added"]),
    ("gorse", ["UserId", "ItemId", "Value", "Timestamp"]),
    ("json_lines", ["user", "item", "rating", "time"]),
    ("json_lines", ["User-ID", "itemId", "play_count", "ts"]),
    ("json_lines", ["user.id", "item.id.raw", "rating", "time"]),
];

/// Invents a log in one of the styles, mostly well-formed.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    let (format, keys) = STYLES[draw.below(STYLES.len())];
    let mut options = draw.options(format);
    if keys[0].contains('.') && !draw.once_in(4) {
        options["columns"] = json!({"user": keys[0], "item": keys[1]});
    }
    let lines = draw.some(8, |draw| line(draw, keys));
    let end = draw.pick(&["\n", "\n", "\r\n", "\n \n"]);
    Case::of(options, lines.join(end))
}

fn line(draw: &mut Draw<'_>, keys: [&str; 4]) -> String {
    let mut object = json!({});
    for (role, key) in keys.into_iter().enumerate() {
        let value = match draw.below(12) {
            0 => any(draw, 0),
            1 => continue,
            _ => match role {
                0 | 1 => draw.id().into(),
                2 => number(&draw.value()),
                _ => number(&draw.time()),
            },
        };
        // Of `user.id` half are objects within objects, half plain keys with dots.
        if draw.once_in(2) {
            object[key] = value;
        } else {
            let mut at = &mut object;
            for part in key.split('.') {
                at = match at {
                    Value::Object(map) => map.entry(part).or_insert_with(|| json!({})),
                    _ => break,
                };
            }
            *at = value;
        }
    }
    for _ in 0..draw.below(3) {
        let key =
            draw.pick(&["asin", "parent_asin", "user_id", "FeedbackType", "domain", "a", "", "is_read", "\u{e9}"]);
        let value = any(draw, 0);
        if let Value::Object(map) = &mut object {
            map.insert(key.into(), value);
        }
    }
    let text = object.to_string();
    match draw.below(16) {
        0 => text[..text.len() - 1].to_owned(),
        1 => format!("{text}{}", draw.odd()),
        2 => text.replacen("\":", "\" :\t", 2),
        3 => text.replacen(',', &format!(",{},", text.trim_matches(['{', '}'])), 1),
        4 => text.replace('e', "\\u0065"),
        5 => text.replace('1', "\\ud800"),
        6 => draw.odd(),
        _ => text,
    }
}

/// A number where the text is one.
fn number(text: &str) -> Value {
    serde_json::from_str(text).ok().filter(Value::is_number).unwrap_or_else(|| text.into())
}

fn any(draw: &mut Draw<'_>, depth: usize) -> Value {
    match draw.below(if depth < 3 { 9 } else { 7 }) {
        0 => Value::Null,
        1 => draw.once_in(2).into(),
        2 => draw.odd().into(),
        3 => number(&draw.value()),
        4 => number(&draw.time()),
        5 => draw.pick(&[&json!(1e300), &json!(u64::MAX), &json!(i64::MIN), &json!(1.5), &json!(1e15)]).clone(),
        6 => draw.words().into(),
        7 => draw.some(3, |draw| any(draw, depth + 1)).into(),
        _ => json!({draw.pick(&["id", "raw", "a", "id.raw"]): any(draw, depth + 1)}),
    }
}

/// See [`logs::check`].
pub(crate) fn check(bytes: &[u8]) {
    let mut case = Case::parse(bytes);
    if !case.options.contains_key("format") && !case.content().trim_ascii_start().starts_with(b"{") {
        case.options.insert("format".into(), "json_lines".into());
    }
    let _ = logs::check(&case);
}
