//! Numbers as people read them.

/// 1234567 as `1,234,567`.
pub(crate) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number with at most so many decimals (a large one with fewer), thousands set apart, no trailing zeros and no minus
/// zero.
pub(crate) fn number(x: f64, decimals: usize) -> String {
    let decimals = match x.abs() {
        large if large >= 1000.0 => 0,
        large if large >= 100.0 => decimals.min(1),
        _ => decimals,
    };
    let text = format!("{:.decimals$}", x.abs());
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let part = part.trim_end_matches('0');
    let whole = match whole.parse() {
        Ok(n) => thousands(n),
        Err(_) => whole.to_owned(),
    };
    let sign = if x < 0.0 && (whole != "0" || !part.is_empty()) { "−" } else { "" };
    let point = if part.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{part}")
}

/// A percentage with as many decimals as tell it from 0 and from 100.
pub(crate) fn percent(p: f64) -> String {
    let distance = p.abs().min((100.0 - p).abs());
    let decimals = match distance {
        d if d >= 9.95 || d == 0.0 => 0,
        d if d >= 0.995 => 1,
        d => (1.0 - d.log10().floor()).min(9.0) as usize,
    };
    format!("{} %", number(p, decimals))
}

/// `a, b and c`; of more than four, how many more.
pub(crate) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if first.len() < 4 => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", words[..4].join(", "), words.len() - 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_exact() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [1.5, -0.0001, 1234.5, 123.25, -2.25].map(|x| number(x, 2)),
            ["1.5", "0", "1,234", "123.2", "−2.25"]
        );
        assert_eq!([25.0, 1.25, 0.034, 0.0, 100.0].map(percent), ["25 %", "1.2 %", "0.034 %", "0 %", "100 %"]);
        assert_eq!([99.9321, 99.5].map(percent), ["99.932 %", "99.5 %"]);
    }

    #[test]
    fn lists_end_with_and() {
        let words: Vec<String> = ["a", "b", "c", "d", "e", "f"].map(String::from).to_vec();
        assert_eq!([1, 3, 6].map(|n| listed(&words[..n])), ["a", "a, b and c", "a, b, c, d and 2 more"]);
    }
}
