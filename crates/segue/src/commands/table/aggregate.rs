//! One value of several: the ways, and how what they make is written.

use std::str::FromStr;

use segue_core::nearest;
use segue_eval::OverSeeds;

use crate::terminal::fixed;

/// Confidence level of intervals.
const LEVEL: f64 = 0.95;
/// More digits than a number has.
const MOST_DIGITS: u8 = 17;

/// A way to make one value of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregate {
    /// Every value.
    All,
    Mean,
    Median,
    Min,
    Max,
    /// From the least to the greatest.
    Spread,
    /// How many there are.
    Count,
    /// How many of those that are 0 or 1 are 1, in percent.
    Share,
    /// The mean, and half the width of its interval by Student's t.
    Interval,
}

const WAYS: [(&str, Aggregate); 9] = [
    ("all", Aggregate::All),
    ("mean", Aggregate::Mean),
    ("median", Aggregate::Median),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("spread", Aggregate::Spread),
    ("count", Aggregate::Count),
    ("share", Aggregate::Share),
    ("interval", Aggregate::Interval),
];

/// What was made of several values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Made {
    /// The value.
    pub(crate) value: f64,
    beside: Beside,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Beside {
    Nothing,
    /// It is percent.
    Percent,
    /// The greatest; the value is the least.
    Greatest(f64),
    /// Half the width of an interval around the value.
    Half(f64),
}

impl Aggregate {
    pub(crate) fn name(self) -> &'static str {
        WAYS.into_iter().find(|(_, way)| *way == self).map_or("", |(name, _)| name)
    }

    /// Whether it shows values as they were measured, and makes none of its own.
    pub(crate) fn keeps_values(self) -> bool {
        matches!(self, Self::All | Self::Min | Self::Max | Self::Spread)
    }

    /// Whether a reader of the cell cannot see which way it is.
    pub(crate) fn is_hidden(self) -> bool {
        matches!(self, Self::Mean | Self::Median | Self::Min | Self::Max | Self::Count)
    }

    /// Whether the ratio of two such values means something.
    pub(crate) fn has_ratio(self) -> bool {
        matches!(self, Self::Mean | Self::Median | Self::Min | Self::Max)
    }

    /// Of numbers; `None` of no numbers.
    pub(crate) fn of(self, numbers: &[f64]) -> Option<Made> {
        let alone = |value| Some(Made { value, beside: Beside::Nothing });
        let mean = || numbers.iter().sum::<f64>() / numbers.len() as f64;
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, greatest) = (*sorted.first()?, *sorted.last()?);
        match self {
            Self::All | Self::Mean => alone(mean()),
            Self::Median => {
                let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
                alone(f64::midpoint(low, high))
            }
            Self::Min => alone(least),
            Self::Max => alone(greatest),
            Self::Spread => Some(Made { value: least, beside: Beside::Greatest(greatest) }),
            Self::Count => alone(numbers.len() as f64),
            Self::Share => Some(Made { value: 100.0 * mean(), beside: Beside::Percent }),
            Self::Interval => match OverSeeds::of(numbers, LEVEL) {
                Some(over) => Some(Made { value: over.mean, beside: Beside::Half(over.interval.high - over.mean) }),
                None => alone(mean()),
            },
        }
    }
}

impl Made {
    /// With so many digits behind the point, or in full.
    pub(crate) fn words(&self, digits: Option<usize>, signed: bool) -> String {
        let value = || fixed(self.value, digits, signed);
        match self.beside {
            Beside::Nothing => value(),
            Beside::Percent => format!("{} %", value()),
            Beside::Greatest(greatest) => format!("{} to {}", value(), fixed(greatest, digits, signed)),
            Beside::Half(half) => format!("{} ± {}", value(), fixed(half, digits, false)),
        }
    }
}

/// A column to show: `seconds`, `seconds:median` or `seconds:median:1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Show {
    pub(crate) column: String,
    pub(crate) way: Aggregate,
    /// Digits behind the point.
    pub(crate) digits: Option<u8>,
}

impl FromStr for Show {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let way = |name: &str| WAYS.into_iter().find(|(own, _)| *own == name).map(|(_, way)| way);
        let show = |column: &str, way, digits| {
            let column = column.trim();
            if column.is_empty() {
                return Err("no column is named".into());
            }
            Ok(Self { column: column.to_owned(), way, digits })
        };
        let Some((head, last)) = text.rsplit_once(':') else { return show(text, Aggregate::All, None) };
        if let Some(way) = way(last) {
            return show(head, way, None);
        }
        if let Some((column, way)) = head.rsplit_once(':').and_then(|(column, name)| Some((column, way(name)?))) {
            let digits = last.parse().ok().filter(|digits| *digits <= MOST_DIGITS);
            let digits = digits.ok_or_else(|| format!("{last:?} is no number of digits from 0 to {MOST_DIGITS}"))?;
            return show(column, way, Some(digits));
        }
        let names = WAYS.map(|(name, _)| name);
        let near = nearest(last, names).map_or_else(String::new, |near| format!("did you mean {near}? "));
        Err(format!("{last:?} is no way to make one value of several; {near}there are: {}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_values_by_hand() {
        let of = |way: Aggregate| way.of(&[4.0, 1.0, 2.0, 3.0]).unwrap().words(Some(2), false);
        let by = [Aggregate::Mean, Aggregate::Median, Aggregate::Min, Aggregate::Max].map(of);
        assert_eq!(by, ["2.50", "2.50", "1.00", "4.00"]);
        assert_eq!((of(Aggregate::Spread), of(Aggregate::Count)), ("1.00 to 4.00".into(), "4.00".into()));
        // Deviation 1.29099, t of three degrees of freedom 3.18245.
        assert_eq!(of(Aggregate::Interval), "2.50 ± 2.05");
        assert_eq!(Aggregate::Interval.of(&[2.0]).unwrap().words(Some(1), true), "+2.0");
        assert_eq!(Aggregate::Share.of(&[1.0, 0.0, 0.0]).unwrap().words(Some(1), false), "33.3 %");
        assert_eq!(Aggregate::Mean.of(&[]), None);
    }

    #[test]
    fn what_to_show() {
        let show = |column: &str, way, digits| Ok(Show { column: column.into(), way, digits });
        assert_eq!("seconds".parse(), show("seconds", Aggregate::All, None));
        assert_eq!("ndcg@10:median:3".parse(), show("ndcg@10", Aggregate::Median, Some(3)));
        assert_eq!("a:b:max".parse(), show("a:b", Aggregate::Max, None));
        let error = |text: &str| text.parse::<Show>().unwrap_err();
        assert!(error("seconds:medain").contains("did you mean median?"));
        assert!(error("seconds:median:99").contains("0 to 17") && error(":mean").contains("no column"));
        assert!(error("seconds:").contains("there are: all, mean"));
    }
}
