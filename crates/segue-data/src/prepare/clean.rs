//! Clipping, deduplication, signals and logarithms.

use segue_core::Signal;

use super::config::PrepareOptions;
use super::deduplicate::{Deduplicated, deduplicate};
use super::rows::{DomainRows, Row};
use super::values::DomainValues;
use crate::DataError;

/// What cleaning has to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cleaned {
    /// Rows whose value was clipped.
    pub(super) clipped: usize,
    /// Pairs taken out of a given part because a later part has them.
    pub(super) subtracted: usize,
    /// Sums that single precision lacks.
    pub(super) rounded: usize,
    /// Sums beyond single precision.
    pub(super) beyond: usize,
}

impl Cleaned {
    fn and(self, other: Self) -> Self {
        Self {
            clipped: self.clipped + other.clipped,
            subtracted: self.subtracted + other.subtracted,
            rounded: self.rounded + other.rounded,
            beyond: self.beyond + other.beyond,
        }
    }
}

/// Clips, keeps one event per pair, sets signals and takes logarithms; afterwards rows are by user, then item.
pub(super) fn clean(
    domain: &mut DomainRows,
    options: &PrepareOptions,
    values: &DomainValues,
) -> Result<Cleaned, DataError> {
    let cleaned = domain.rows.edit(|rows| {
        let clipped = values.clip(rows);
        let Deduplicated { subtracted, rounded, beyond } = deduplicate(rows, options.deduplicate);
        judge(rows, options);
        values.log(rows)?;
        Ok(Cleaned { clipped, subtracted, rounded, beyond })
    });
    Ok(cleaned?.into_iter().fold(Cleaned::default(), Cleaned::and))
}

fn judge(rows: &mut [Row], options: &PrepareOptions) {
    let likes = |value: f32| options.positive_threshold.is_none_or(|threshold| value >= threshold);
    let dislikes = |value: f32| options.negative_threshold.is_some_and(|threshold| value <= threshold);
    for row in rows {
        row.signal = match row.value {
            value if dislikes(value) => Signal::Negative,
            value if likes(value) => Signal::Positive,
            _ => Signal::Neutral,
        };
    }
}

#[cfg(test)]
mod tests {
    use segue_core::IdMap;

    use super::super::config::{Deduplicate, DomainConfig, Logarithm};
    use super::super::rows::{Part, Rows};
    use super::*;

    fn row(user: u32, item: u32, value: f32, time: i64, part: Part) -> Row {
        Row { user, item, value, weight: 0.0, time, signal: Signal::Neutral, part }
    }

    fn cleaned(rows: Vec<Row>, options: &PrepareOptions) -> (Vec<Row>, Cleaned) {
        let mut domain =
            DomainRows { name: "d".into(), items: IdMap::default(), rows: Rows::of(rows, 9, 9), timed: true };
        let values = DomainValues::of(&DomainConfig::default(), options);
        let told = clean(&mut domain, options, &values).unwrap();
        (domain.rows.all(), told)
    }

    #[test]
    fn the_latest_event_wins_then_the_larger_value() {
        let rows = vec![
            row(0, 0, 2.0, 5, Part::Train),
            row(0, 0, 4.0, 9, Part::Train),
            row(0, 0, 5.0, 9, Part::Train),
            row(0, 1, 1.0, 1, Part::Train),
        ];
        let (rows, _) = cleaned(rows, &PrepareOptions::default());
        assert_eq!(rows.iter().map(|r| (r.item, r.value)).collect::<Vec<_>>(), [(0, 5.0), (1, 1.0)]);
    }

    #[test]
    fn a_pair_of_two_given_parts_stays_in_the_later() {
        let rows = vec![
            row(0, 0, 1.0, 9, Part::Train),
            row(0, 0, 1.0, 1, Part::Valid),
            row(0, 1, 1.0, 1, Part::Test),
            row(0, 1, 1.0, 1, Part::Valid),
        ];
        let (rows, told) =
            cleaned(rows, &PrepareOptions { deduplicate: Deduplicate::None, ..PrepareOptions::default() });
        assert_eq!(rows.iter().map(|r| r.part).collect::<Vec<_>>(), [Part::Valid, Part::Test]);
        assert_eq!(told.subtracted, 2);
    }

    #[test]
    fn values_are_clipped_and_judged() {
        let options = PrepareOptions {
            positive_threshold: Some(4.0),
            negative_threshold: Some(2.0),
            clip: Some([1.0, 5.0]),
            ..PrepareOptions::default()
        };
        let rows = [0.0, 3.0, 4.0, 9.0].iter().enumerate().map(|(i, &v)| row(0, i as u32, v, 0, Part::Train)).collect();
        let (rows, told) = cleaned(rows, &options);
        assert_eq!(rows.iter().map(|r| r.value).collect::<Vec<_>>(), [1.0, 3.0, 4.0, 5.0]);
        use Signal::{Negative, Neutral, Positive};
        assert_eq!(rows.iter().map(|r| r.signal).collect::<Vec<_>>(), [Negative, Neutral, Positive, Positive]);
        assert_eq!(told.clipped, 2);
    }

    #[test]
    fn thresholds_are_in_plays_whatever_becomes_of_their_logarithm() {
        let options = PrepareOptions {
            clip: None,
            deduplicate: Deduplicate::Sum,
            log: Some(Logarithm::Log2),
            positive_threshold: Some(3.0),
            ..PrepareOptions::default()
        };
        // 1 + 2 plays of the first item are 3, whose logarithm is 2.
        let plays = [(0, 1.0), (0, 2.0), (1, 1.0), (2, 15.0)];
        let rows = plays.map(|(item, value)| row(0, item, value, 0, Part::Train)).to_vec();
        let (rows, _) = cleaned(rows, &options);
        assert_eq!(rows.iter().map(|r| r.value).collect::<Vec<_>>(), [2.0, 1.0, 4.0]);
        use Signal::{Neutral, Positive};
        assert_eq!(rows.iter().map(|r| r.signal).collect::<Vec<_>>(), [Positive, Neutral, Positive]);
    }
}
