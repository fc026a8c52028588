//! Foreign words, and numbers where there is little room.

use crate::numbers::number;

/// Text from outside, safe as content and inside quoted attributes. Control characters, which HTML forbids, become spaces.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() || is_bidi(c) => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// Marks that turn the direction of everything after them, beyond their own text.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most `n` characters, the last an ellipsis where some went.
pub(super) fn clipped(text: &str, n: usize) -> String {
    if text.chars().count() <= n {
        return text.to_owned();
    }
    let kept: String = text.chars().take(n - 1).collect();
    format!("{}…", kept.trim_end())
}

/// A number of the axis or a tile: `950`, `12k`, `1.5M`.
pub(super) fn short(x: f64) -> String {
    let units = [(1e9, "B"), (1e6, "M"), (1e3, "k")];
    match units.into_iter().find(|(unit, _)| x.abs() >= *unit) {
        Some((unit, name)) => format!("{}{name}", number(x / unit, 1)),
        None => number(x, if x.abs() < 1.0 { 4 } else { 2 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_leave_its_place() {
        assert_eq!(escape("<script>'\"&\u{202e}\n"), "&lt;script&gt;&#39;&quot;&amp;  ");
    }

    #[test]
    fn axes_have_short_numbers() {
        assert_eq!([950.0, 12_000.0, 1_500_000.0, 0.05].map(short), ["950", "12k", "1.5M", "0.05"]);
    }

    #[test]
    fn long_names_are_clipped_by_characters() {
        assert_eq!(clipped("Électronique", 6), "Élect…");
        assert_eq!(clipped("Jazz", 4), "Jazz");
    }
}
