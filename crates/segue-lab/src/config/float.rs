//! The one way a floating-point number is written in a configuration.

/// Shortest text that reads back to the same bits, written as Python writes it: `0.001`, `2.0`, `1e-05`, `1e+16`,
/// `inf`, `-inf`, `nan`.
pub(super) fn text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// The same with the `.0` that YAML 1.1 readers need to see a number: `1.0e-05`.
pub(super) fn yaml(value: f64) -> String {
    let text = text(value);
    if text.contains('.') { text } else { text.replacen('e', ".0e", 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_like_floats() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (2.0, "2.0"),
            (0.001, "0.001"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (2.5e-10, "2.5e-10"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e300, "1e+300"),
            (f64::INFINITY, "inf"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value), expected);
            assert_eq!(expected.parse::<f64>(), Ok(value));
        }
        assert_eq!(yaml(1e-5), "1.0e-05");
        assert_eq!(yaml(2.5e-5), "2.5e-05");
        assert_eq!(yaml(3.0), "3.0");
    }
}
