//! What a cell says.

/// A number of a cell, half a unit of its last digit, and whether it says percent.
pub(super) fn number(cell: &str) -> Option<(f64, f64, bool)> {
    // `0.31 ± 0.02`, `0.31 (0.02)`, `0.31 [0.29, 0.33]`, `0.31_0.02`, `0.31^*` and `0.31 ↑2%` are the number before.
    let cell = cell.split(['±', '(', '[', '_', '^']).next().unwrap_or_default().split("+-").next().unwrap_or_default();
    let cell = cell.trim().trim_start_matches(|c: char| c.is_whitespace() || "+↑↓▲▼".contains(c));
    let cell =
        cell.split(['↑', '↓', '▲', '▼']).next().unwrap_or_default().split(" +").next().unwrap_or_default().trim();
    let (cell, percent) = cell.strip_suffix('%').map_or((cell, false), |cell| (cell.trim_end(), true));
    let cell = cell.trim_end_matches('*').replacen('\u{2212}', "-", 1);
    // `0,0601` is `0.0601` in much of the world; no number here is so large that a comma would set thousands apart.
    let cell = if cell.matches(',').count() == 1 && !cell.contains('.') { cell.replace(',', ".") } else { cell };
    let digits = cell.strip_prefix('-').unwrap_or(&cell);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value: f64 = cell.parse().ok()?;
    // `3.3e-1` is `0.33`, half a unit of whose last digit is `0.5e-2`.
    let (digits, power) = match cell.split_once(['e', 'E']) {
        Some((digits, power)) => (digits, power.parse::<i32>().ok().filter(|power| power.abs() < 16)?),
        None => (&*cell, 0),
    };
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    (value.is_finite() && decimals < 16).then(|| (value, 0.5 * 10_f64.powi(power - decimals as i32), percent))
}

/// A cell that says that there is no number.
pub(super) fn is_missing(cell: &str) -> bool {
    let cell = cell.trim().to_lowercase();
    // A spread alone is of the number above or beside it.
    cell.starts_with('±')
        || cell.starts_with("+-")
        || cell.chars().all(|c| matches!(c, '-' | '–' | '—' | '−' | '.' | '/' | ' '))
        || matches!(cell.as_str(), "n/a" | "na" | "none" | "oom")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_the_half_unit_of_their_last_digit() {
        assert_eq!(number("4.736%"), Some((4.736, 0.5e-3, true)));
        assert_eq!(number(".31 ± .02"), Some((0.31, 0.5e-2, false)));
        assert_eq!(number("0.4012*"), Some((0.4012, 0.5e-4, false)));
        for (cell, value) in [(",0601", 0.0601), ("0,0601", 0.0601), ("-0,5", -0.5)] {
            assert_eq!(number(cell).map(|found| found.0), Some(value), "{cell}");
        }
        assert_eq!(number("4,736 % ± 0,1"), Some((4.736, 0.5e-3, true)));
        for (cell, value, within) in [("3.3e-1", 0.33, 0.5e-2), ("5E-1", 0.5, 0.05), ("9.04e0", 9.04, 0.5e-2)] {
            let found = number(cell).unwrap();
            assert!((found.0 - value).abs() < 1e-15 && (found.1 - within).abs() < 1e-15, "{cell}: {found:?}");
        }
        for (cell, value) in
            [("+13.27%", 13.27), ("↑ 13.27", 13.27), ("0.31 ↑2%", 0.31), ("0.31_0.02", 0.31), ("0.31^*", 0.31)]
        {
            assert_eq!(number(cell).map(|found| found.0), Some(value), "{cell}");
        }
        assert_eq!((number("↑"), number("+-0.02"), number("+")), (None, None, None));
        assert!(is_missing("±0.02") && is_missing("–") && !is_missing("high"));
        assert_eq!(number("1e-99"), None);
        assert_eq!((number("1,2,3"), number("1.234,5"), number(",")), (None, None, None));
        assert_eq!((number("-"), number("n/a"), number(""), number("1e999")), (None, None, None, None));
    }
}
