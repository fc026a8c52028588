//! Which of several events of one user and item stays.

use std::cmp::Ordering;

use super::config::Deduplicate;
use super::rows::Row;
use super::values::finite;
use crate::readers::is_rounded;

/// What leaving one event per pair has to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Deduplicated {
    /// Rows that other given parts lost.
    pub(super) subtracted: usize,
    /// Sums that are whole numbers and are held as another one, for single precision lacks them.
    pub(super) rounded: usize,
    /// Sums beyond single precision, of which its largest number is held.
    pub(super) beyond: usize,
}

/// Leaves one event per pair, or all of them, of the latest given part that has the pair. Afterwards rows are by user, then
/// item.
///
/// Rows that the order below calls equal are interchangeable, so "the later line" of equal ones needs no column, and
/// the order of the input never shows.
pub(super) fn deduplicate(rows: &mut Vec<Row>, keep: Deduplicate) -> Deduplicated {
    rows.sort_unstable_by(|a, b| {
        (a.user, a.item).cmp(&(b.user, b.item)).then(b.part.cmp(&a.part)).then(best_first(keep, a, b))
    });
    let mut told = Deduplicated::default();
    let mut sum = rows.first().map_or(0.0, |row| f64::from(row.value));
    rows.dedup_by(|row, kept| {
        if (row.user, row.item) != (kept.user, kept.item) {
            told.hear(sum);
            sum = f64::from(row.value);
            return false;
        }
        if row.part < kept.part {
            told.subtracted += 1;
            return true;
        }
        if keep == Deduplicate::Sum {
            sum += f64::from(row.value);
            kept.value = finite(sum);
            kept.time = kept.time.max(row.time);
        }
        keep != Deduplicate::None
    });
    told.hear(sum);
    told
}

impl Deduplicated {
    fn hear(&mut self, sum: f64) {
        if (sum as f32).is_finite() {
            self.rounded += usize::from(is_rounded(sum));
        } else {
            self.beyond += 1;
        }
    }
}

/// What stays comes first, where one of several rows of a pair stays whole. The last column differs from the rule's own
/// only to make the order total.
pub(super) fn best_first(keep: Deduplicate, a: &Row, b: &Row) -> Ordering {
    let value = b.value.total_cmp(&a.value);
    match keep {
        Deduplicate::First => a.time.cmp(&b.time).then(value),
        Deduplicate::Latest | Deduplicate::None => b.time.cmp(&a.time).then(value),
        Deduplicate::Max | Deduplicate::Sum => value.then(b.time.cmp(&a.time)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use segue_core::{Seed, Signal};

    use super::super::rows::Part;
    use super::*;

    const RULES: [Deduplicate; 5] =
        [Deduplicate::First, Deduplicate::Latest, Deduplicate::Max, Deduplicate::Sum, Deduplicate::None];

    fn row(item: u32, value: f32, time: i64, part: Part) -> Row {
        Row { user: 0, item, value, weight: 0.0, time, signal: Signal::Neutral, part }
    }

    /// Value and time of what stays.
    fn kept(rows: &[Row], keep: Deduplicate) -> Vec<(f32, i64)> {
        let mut rows = rows.to_vec();
        deduplicate(&mut rows, keep);
        rows.iter().map(|row| (row.value, row.time)).collect()
    }

    #[test]
    fn every_rule_and_its_ties() {
        let values = [(2.0, 5), (1.0, 5), (7.0, 6), (7.0, 7), (3.0, 9), (4.0, 9)];
        let rows = values.map(|(value, time)| row(0, value, time, Part::Train));
        assert_eq!(kept(&rows, Deduplicate::First), [(2.0, 5)]);
        assert_eq!(kept(&rows, Deduplicate::Latest), [(4.0, 9)]);
        assert_eq!(kept(&rows, Deduplicate::Max), [(7.0, 7)]);
        assert_eq!(kept(&rows, Deduplicate::Sum), [(24.0, 9)]);
        assert_eq!(kept(&rows, Deduplicate::None).len(), 6);
    }

    #[test]
    fn each_pair_is_summed_by_itself_and_a_part_never_takes_from_another() {
        use Part::{Test, Train};
        let rows = [row(0, 1.0, 1, Train), row(0, 2.0, 1, Train), row(1, 4.0, 1, Test), row(1, 8.0, 9, Train)];
        assert_eq!(kept(&rows, Deduplicate::Sum), [(3.0, 1), (4.0, 1)]);
        let mut rows = rows.to_vec();
        assert_eq!(deduplicate(&mut rows, Deduplicate::Sum), Deduplicated { subtracted: 1, ..Deduplicated::default() });
        assert_eq!(rows[1].part, Test);
    }

    #[test]
    fn a_sum_stays_finite_and_counts_what_f32_alone_would_lose() {
        let ones = [row(0, 16_777_216.0, 0, Part::Train), row(0, 1.0, 0, Part::Train), row(0, 1.0, 0, Part::Train)];
        assert_eq!(kept(&ones, Deduplicate::Sum), [(16_777_218.0, 0)]);
        // Of items 0 and 2 the sums, 2^24 + 1 and 2^24 + 3, are no f32.
        let mut rows: Vec<Row> = [(0, 1.0), (1, 2.0), (2, 3.0)]
            .into_iter()
            .flat_map(|(item, value)| [row(item, 16_777_216.0, 0, Part::Train), row(item, value, 0, Part::Train)])
            .collect();
        assert_eq!(deduplicate(&mut rows.clone(), Deduplicate::Max).rounded, 0);
        assert_eq!(deduplicate(&mut rows, Deduplicate::Sum).rounded, 2);
        let large = [row(0, f32::MAX, 0, Part::Train), row(0, f32::MAX, 0, Part::Train)];
        assert_eq!(kept(&large, Deduplicate::Sum), [(f32::MAX, 0)]);
        let told = deduplicate(&mut large.to_vec(), Deduplicate::Sum);
        assert_eq!(told, Deduplicated { beyond: 1, ..Deduplicated::default() });
    }

    proptest! {
        #[test]
        fn shuffling_rows_changes_nothing(
            rows in proptest::collection::vec((0_u32..3, -100_i32..100, 0_i64..4, 0_usize..3), 1..40),
            seed in any::<u64>(),
        ) {
            let part = |n: usize| [Part::Train, Part::Valid, Part::Test][n];
            let rows: Vec<Row> = rows.iter().map(|&(i, v, t, p)| row(i, v as f32 / 7.0, t, part(p))).collect();
            let mut other = rows.clone();
            Seed::new(seed).stream().shuffle(&mut other);
            for keep in RULES {
                let (mut rows, mut other) = (rows.clone(), other.clone());
                prop_assert_eq!(deduplicate(&mut rows, keep), deduplicate(&mut other, keep));
                prop_assert_eq!(&rows, &other);
                let repeated = rows.windows(2).any(|two| two[0].item == two[1].item);
                prop_assert!(keep == Deduplicate::None || !repeated);
            }
        }
    }
}
