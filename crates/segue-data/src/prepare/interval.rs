//! An interval of values, or several, with ends that belong to it or do not.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Values between two ends, or between several pairs of them.
///
/// | written | values |
/// |---|---|
/// | `[1, 5]`, a list | from 1 to 5, both included; null is no end |
/// | `"(0, 5]"`, a text | above 0, up to 5: a round bracket leaves its end out, a square one has it in |
/// | `"(0, )"`, `"(0, inf)"` | above 0: an end that is left out is none |
/// | `"[0, 1); (3, 5]"` | those of either, as `RecBole` joins them |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Interval {
    /// At least one.
    pieces: Vec<Piece>,
}

/// Values between two ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    low: Option<End>,
    high: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct End {
    at: f32,
    belongs: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "an interval is a list such as [1, 5], or a text such as \"(0, 5]\" or \"[0, 1); (3, 5]\""
)]
enum Written {
    List([Option<f32>; 2]),
    Text(String),
}

impl Interval {
    /// From `low` to `high`, both of which belong to it; `None` is no end.
    pub fn closed(low: Option<f32>, high: Option<f32>) -> Self {
        let end = |at: Option<f32>| at.map(|at| End { at, belongs: true });
        Self { pieces: vec![Piece { low: end(low), high: end(high) }] }
    }

    /// Whether a value lies in it.
    pub fn contains(&self, value: f32) -> bool {
        self.pieces.iter().any(|piece| piece.contains(value))
    }

    /// Whether all ends are finite and some number may lie between those of each pair.
    pub(super) fn is_sound(&self) -> bool {
        self.pieces.iter().all(Piece::is_sound)
    }
}

impl Piece {
    fn contains(&self, value: f32) -> bool {
        let from = |low: End| value > low.at || (low.belongs && value == low.at);
        let to = |high: End| value < high.at || (high.belongs && value == high.at);
        self.low.is_none_or(from) && self.high.is_none_or(to)
    }

    fn is_sound(&self) -> bool {
        let finite = [self.low, self.high].into_iter().flatten().all(|end| end.at.is_finite());
        let some = |(low, high): (End, End)| low.at < high.at || (low.at == high.at && low.belongs && high.belongs);
        finite && self.low.zip(self.high).is_none_or(some)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |end: Option<End>| end.map_or(String::new(), |end| end.at.to_string());
        let open = |end: Option<End>| end.is_some_and(|end| !end.belongs);
        for (n, Piece { low, high }) in self.pieces.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "; " })?;
            f.write_str(if open(*low) { "(" } else { "[" })?;
            write!(f, "{}, {}", number(*low), number(*high))?;
            f.write_str(if open(*high) { ")" } else { "]" })?;
        }
        Ok(())
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(';').map(str::parse).collect::<Result<_, _>>().map(|pieces| Self { pieces })
    }
}

impl FromStr for Piece {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            format!(
                "{text:?} is no interval: write [low, high], with ( or ) where an end is left out of it, as \"(0, 5]\", \
                 nothing in place of a number where there is no end, as \"(0, )\", and a semicolon between several"
            )
        };
        let inner = text.strip_prefix(['[', '(']).and_then(|rest| rest.strip_suffix([']', ')']));
        let (low, high) = inner.and_then(|inner| inner.split_once(',')).ok_or_else(wrong)?;
        let end = |cell: &str, none: [&str; 2], belongs: bool| match cell.trim() {
            "" | "null" => Ok(None),
            written if none.contains(&written) => Ok(None),
            number => number.parse().map(|at| Some(End { at, belongs })).map_err(|_| wrong()),
        };
        let low = end(low, ["-inf", "-infinity"], text.starts_with('['))?;
        Ok(Self { low, high: end(high, ["inf", "infinity"], text.ends_with(']'))? })
    }
}

impl TryFrom<Written> for Interval {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::List([low, high]) => Ok(Self::closed(low, high)),
            Written::Text(text) => text.parse(),
        }
    }
}

impl From<Interval> for Written {
    fn from(interval: Interval) -> Self {
        if let [Piece { low, high }] = *interval.pieces.as_slice()
            && [low, high].into_iter().flatten().all(|end| end.belongs)
        {
            return Self::List([low, high].map(|end| end.map(|end| end.at)));
        }
        Self::Text(interval.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, inside: &[f32], written: &str) {
        let interval: Interval = serde_json::from_str(json).unwrap();
        let found: Vec<f32> =
            [-1.0, 0.0, 2.0, 5.0, 9.0].into_iter().filter(|&value| interval.contains(value)).collect();
        assert_eq!((found.as_slice(), interval.to_string().as_str()), (inside, written), "{json}");
        let again = serde_json::to_string(&interval).unwrap();
        assert_eq!(serde_json::from_str::<Interval>(&again).unwrap(), interval, "{again}");
        assert!(interval.is_sound());
    }

    #[test]
    fn brackets_say_whether_an_end_belongs_to_it() {
        check("[0, 5]", &[0.0, 2.0, 5.0], "[0, 5]");
        check("[2, null]", &[2.0, 5.0, 9.0], "[2, ]");
        check("[null, null]", &[-1.0, 0.0, 2.0, 5.0, 9.0], "[, ]");
        check("\"(0, 5]\"", &[2.0, 5.0], "(0, 5]");
        check("\"[0,5)\"", &[0.0, 2.0], "[0, 5)");
        check("\" ( 0 , 5 ) \"", &[2.0], "(0, 5)");
        check("\"(0, )\"", &[2.0, 5.0, 9.0], "(0, ]");
        check("\"(null, 0)\"", &[-1.0], "[, 0)");
        check("\"[2,inf)\"", &[2.0, 5.0, 9.0], "[2, ]");
        check("\"(-inf,0)\"", &[-1.0], "[, 0)");
    }

    #[test]
    fn several_are_joined_by_semicolons() {
        check("\"[0,1);(3,5]\"", &[0.0, 5.0], "[0, 1); (3, 5]");
        check("\"(5, ) ; (-inf, 0)\"", &[-1.0, 9.0], "(5, ]; [, 0)");
        // They may overlap, and one that has all values leaves out none.
        check("\"[0, 2]; (0, 5)\"", &[0.0, 2.0], "[0, 2]; (0, 5)");
        check("\"[0, 0]; [, ]\"", &[-1.0, 0.0, 2.0, 5.0, 9.0], "[0, 0]; [, ]");
        assert!(!"[0, 1); (3, 3]".parse::<Interval>().unwrap().is_sound());
    }

    #[test]
    fn what_is_no_interval_is_refused_and_what_holds_no_number_is_not_sound() {
        for wrong in [
            "\"0, 5\"",
            "\"(0 5)\"",
            "\"(a, 5)\"",
            "\"\"",
            "\"(\"",
            "\"(1, 2, 3)\"",
            "3",
            "[1]",
            "\"[0, 1);\"",
            "\"[0, 1) (3, 5]\"",
            "\"[0, 1], [3, 5]\"",
        ] {
            assert!(serde_json::from_str::<Interval>(wrong).is_err(), "{wrong}");
        }
        for empty in ["(0, 0]", "[0, 0)", "[5, 0]", "(inf, )", "[NaN, 1]"] {
            assert!(!empty.parse::<Interval>().unwrap().is_sound(), "{empty}");
        }
        assert!("[1, 1]".parse::<Interval>().unwrap().is_sound());
    }
}
