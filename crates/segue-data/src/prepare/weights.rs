//! Weights: values scaled to 0..1, as the training rows of their domain say.

use segue_core::Signal;

use super::config::PrepareOptions;
use super::rows::{Part, Row, World};
use crate::DataError;

/// The least and the largest value of a domain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    low: f32,
    high: f32,
}

impl Default for Range {
    fn default() -> Self {
        Self { low: f32::INFINITY, high: f32::NEG_INFINITY }
    }
}

impl Range {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        rows.fold(Self::default(), |range, row| range.and(Self { low: row.value, high: row.value }))
    }

    fn and(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Sets weights: where each value lies in the range, at its end where it lies beyond; 1 where the range is of one value
    /// or none.
    fn weigh(self, rows: &mut [Row]) {
        // In f64: the difference of two finite f32 may overflow f32.
        let (low, spread) = (f64::from(self.low), f64::from(self.high) - f64::from(self.low));
        for row in rows {
            row.weight =
                if spread > 0.0 { ((f64::from(row.value) - low) / spread).clamp(0.0, 1.0) as f32 } else { 1.0 };
        }
    }
}

/// Of each domain the values of the rows that are no likes, where only likes stay: no part will hold such rows, and without
/// them the least like would weigh nothing.
pub(super) fn of_no_likes(world: &World, options: &PrepareOptions) -> Result<Vec<Range>, DataError> {
    let ranges = world.domains.iter().map(|domain| {
        if !(options.normalise && options.positives_only) {
            return Ok(Range::default());
        }
        let no_likes = |rows: &[Row]| Range::of(rows.iter().filter(|row| row.signal != Signal::Positive));
        Ok(domain.rows.read(no_likes)?.into_iter().fold(Range::default(), Range::and))
    });
    ranges.collect()
}

/// Sets the weights of all rows by the training rows and `beside` of their domain: no weight that is learnt from depends on
/// a row that is held out.
pub(super) fn weigh(world: &mut World, beside: &[Range]) -> Result<(), DataError> {
    for (domain, beside) in world.domains.iter_mut().zip(beside) {
        let training = |rows: &[Row]| Range::of(rows.iter().filter(|row| row.part == Part::Train));
        let range = domain.rows.read(training)?.into_iter().fold(*beside, Range::and);
        let counts = domain.rows.counts().clone();
        domain.rows.edit_as_read(counts, move |rows| range.weigh(rows));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use segue_core::IdMap;

    use super::super::rows::{DomainRows, Rows};
    use super::*;

    fn world(rows: &[(f32, Signal, Part)]) -> World {
        let row = |&(value, signal, part)| Row { user: 0, item: 0, value, weight: 1.0, time: 0, signal, part };
        let rows = Rows::of(rows.iter().map(row).collect(), 1, 1);
        World {
            users: IdMap::default(),
            domains: vec![DomainRows { name: "films".into(), items: IdMap::default(), rows, timed: false }],
            target: 0,
            targets: vec![0],
            negatives: None,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn weights(rows: &[(f32, Part)]) -> Vec<f32> {
        let rows: Vec<_> = rows.iter().map(|&(value, part)| (value, Signal::Positive, part)).collect();
        let mut world = world(&rows);
        weigh(&mut world, &[Range::default()]).unwrap();
        world.domains[0].rows.all().iter().map(|row| row.weight).collect()
    }

    #[test]
    fn weights_are_of_training_rows_alone_and_what_lies_beyond_is_at_an_end() {
        use Part::{Test, Train, Unused, Valid};
        let log = [(1.0, Train), (2.0, Train), (5.0, Train), (0.5, Valid), (9.0, Test), (3.0, Test), (-7.0, Unused)];
        assert_eq!(weights(&log), [0.0, 0.25, 1.0, 0.0, 1.0, 0.5, 0.0]);
    }

    #[test]
    fn equal_training_values_weigh_one_and_the_largest_spread_does_not_overflow() {
        use Part::{Test, Train};
        assert_eq!(weights(&[(3.0, Train), (3.0, Train), (1.0, Test)]), [1.0; 3]);
        assert_eq!(weights(&[(3.0, Test)]), [1.0]);
        assert_eq!(weights(&[(f32::MIN, Train), (0.0, Train), (f32::MAX, Train)]), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn the_least_like_weighs_more_than_nothing() {
        use Signal::{Negative, Neutral, Positive};
        let rows = [(1.0, Negative), (3.0, Neutral), (4.0, Positive), (5.0, Positive)];
        let world = world(&rows.map(|(value, signal)| (value, signal, Part::Train)));
        let ranges = |positives_only, normalise| {
            let options = PrepareOptions { normalise, positives_only, ..PrepareOptions::default() };
            of_no_likes(&world, &options).unwrap()
        };
        assert_eq!(ranges(true, true), [Range { low: 1.0, high: 3.0 }]);
        assert_eq!((ranges(false, true), ranges(true, false)), (vec![Range::default()], vec![Range::default()]));
    }
}
