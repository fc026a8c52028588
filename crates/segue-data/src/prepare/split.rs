//! Which target events are learnt from, chosen by and sealed.

use std::cmp::Ordering;

use segue_core::{IdMap, Seed, Signal};

use super::config::{RatioOrder, SplitConfig, SplitKind};
use super::rows::{DomainRows, Part, Row, World};
use crate::DataError;

/// Checks a split's numbers before anything is read.
pub(super) fn check(split: &SplitConfig) -> Result<(), DataError> {
    let shares = split.ratios;
    let sum: f64 = shares.iter().sum();
    let inside = shares.iter().all(|r| (0.0..=1.0).contains(r));
    if split.kind == SplitKind::Ratio && (!inside || (sum - 1.0).abs() > 1e-6 || shares[0] <= 0.0 || shares[2] <= 0.0) {
        let what = format!("{shares:?} must be three shares in [0, 1] that sum to 1, train and test above 0");
        return Err(DataError::config("split.ratios", what));
    }
    if !(0.0..1.0).contains(&split.valid_fraction) {
        let what = format!("{} must lie in [0, 1)", split.valid_fraction);
        return Err(DataError::config("split.valid_fraction", what));
    }
    Ok(())
}

/// Checks what a split needs of the log, and says how it is made: the protocol line.
pub(super) fn protocol(world: &World, split: &SplitConfig) -> Result<String, DataError> {
    let target = &world.domains[world.target];
    let name = &target.name;
    let by_time =
        split.kind == SplitKind::LeaveOneOut || (split.kind == SplitKind::Ratio && split.order == RatioOrder::Time);
    if by_time && !target.timed {
        let what = format!(
            "needs times, and the log of domain {name} has none; use split=ratio (random, by hash), or split=given with files"
        );
        return Err(DataError::config("split.kind", what));
    }
    let given_valid = has_given_valid(target)?;
    let least = split.min_history.max(1);
    let [train, valid, test] = split.ratios;
    Ok(match (split.kind, split.order) {
        (SplitKind::LeaveOneOut, _) => format!(
            "leave-one-out on {name} by time (ties: value, item id): last is test, second-last validation; \
             users with at least {least} likes"
        ),
        (SplitKind::Ratio, RatioOrder::Time) => {
            format!("{train}/{valid}/{test} per user by time on {name}; users with at least {least} events")
        }
        (SplitKind::Ratio, RatioOrder::Random) => {
            format!("{train}/{valid}/{test} at random by hash on {name}; users with at least {least} events")
        }
        (SplitKind::Given, _) if given_valid => format!("given train, validation and test files of {name}"),
        (SplitKind::Given, _) => format!(
            "given train and test files of {name}; validation is {} of train, carved by hash of user and item",
            split.valid_fraction
        ),
    })
}

/// True if some row was given for validation.
pub(super) fn has_given_valid(domain: &DomainRows) -> Result<bool, DataError> {
    Ok(domain.rows.read(|rows| rows.iter().any(|row| row.part == Part::Valid))?.contains(&true))
}

/// Assigns a part to every row of some users of the target; rows are by user. Returns how many events that are no likes
/// came after a held-out one.
pub(super) fn split(rows: &mut [Row], (split, given_valid): (&SplitConfig, bool), ids: &Ids<'_>, seed: Seed) -> usize {
    let mut late = 0;
    for rows in rows.chunk_by_mut(|a, b| a.user == b.user) {
        match split.kind {
            SplitKind::LeaveOneOut => late += leave_one_out(rows, split.min_history),
            SplitKind::Ratio if rows.len() < split.min_history => {}
            SplitKind::Ratio if split.order == RatioOrder::Time => ratio_by_time(rows, split.ratios),
            SplitKind::Ratio => ratio_by_hash(rows, split.ratios, ids, seed.named("ratio")),
            SplitKind::Given if given_valid => {}
            SplitKind::Given => carve(rows, split.valid_fraction, ids, seed.named("carve")),
        }
    }
    late
}

/// The external ids of one domain's rows.
pub(super) struct Ids<'a> {
    pub(super) users: &'a IdMap,
    pub(super) items: &'a IdMap,
}

impl Ids<'_> {
    /// Uniform in [0, 1): the same for one pair of external ids whatever else is in the log.
    fn unit(&self, row: &Row, seed: Seed) -> f64 {
        seed.named(self.users.external(row.user)).named(self.items.external(row.item)).unit()
    }
}

/// Latest first: time falling, then value falling, then item id rising.
fn latest_first(a: &Row, b: &Row) -> Ordering {
    b.time.cmp(&a.time).then(b.value.total_cmp(&a.value)).then(a.item.cmp(&b.item))
}

/// Returns how many events that are no likes came after the first held-out one.
fn leave_one_out(rows: &mut [Row], min_history: usize) -> usize {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| latest_first(&rows[a], &rows[b]));
    let likes: Vec<usize> = (0..order.len()).filter(|&n| rows[order[n]].signal == Signal::Positive).collect();
    if likes.len() < min_history.max(1) {
        return 0;
    }
    let first_held_out = likes[..likes.len().min(2)].last().copied().unwrap_or_default();
    order[..first_held_out].iter().for_each(|&n| rows[n].part = Part::Unused);
    rows[order[likes[0]]].part = Part::Test;
    if let Some(&second) = likes.get(1) {
        rows[order[second]].part = Part::Valid;
    }
    first_held_out + 1 - likes.len().min(2)
}

fn ratio_by_time(rows: &mut [Row], [_, valid, test]: [f64; 3]) {
    let n = rows.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| latest_first(&rows[a], &rows[b]));
    // At least one event stays for training.
    let n_test = ((n as f64 * test).round() as usize).min(n - 1);
    let n_valid = ((n as f64 * valid).round() as usize).min(n - 1 - n_test);
    for (rank, &row) in order.iter().enumerate().take(n_test + n_valid) {
        rows[row].part = if rank < n_test { Part::Test } else { Part::Valid };
    }
}

fn ratio_by_hash(rows: &mut [Row], [train, valid, _]: [f64; 3], ids: &Ids<'_>, seed: Seed) {
    for row in rows {
        row.part = match ids.unit(row, seed) {
            unit if unit < train => Part::Train,
            unit if unit < train + valid => Part::Valid,
            _ => Part::Test,
        };
    }
}

/// Carves validation out of training; a user keeps at least one training event, the one with the largest hash.
fn carve(rows: &mut [Row], fraction: f64, ids: &Ids<'_>, seed: Seed) {
    if fraction <= 0.0 {
        return;
    }
    let mut drawn: Vec<(f64, usize)> =
        (0..rows.len()).filter(|&n| rows[n].part == Part::Train).map(|n| (ids.unit(&rows[n], seed), n)).collect();
    drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
    drawn.pop();
    for &(_, n) in drawn.iter().take_while(|(unit, _)| *unit < fraction) {
        rows[n].part = Part::Valid;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(item: u32, value: f32, time: i64, signal: Signal) -> Row {
        Row { user: 0, item, value, weight: 1.0, time, signal, part: Part::Train }
    }

    fn parts(rows: &[Row]) -> Vec<Part> {
        rows.iter().map(|r| r.part).collect()
    }

    #[test]
    fn ties_go_to_the_larger_value_then_the_smaller_item() {
        use Signal::Positive;
        let mut rows =
            [row(0, 3.0, 9, Positive), row(1, 5.0, 9, Positive), row(2, 5.0, 9, Positive), row(3, 5.0, 1, Positive)];
        assert_eq!(leave_one_out(&mut rows, 3), 0);
        assert_eq!(parts(&rows), [Part::Train, Part::Test, Part::Valid, Part::Train]);
    }

    #[test]
    fn short_histories_follow_min_history() {
        use Signal::Positive;
        let pair = [row(0, 1.0, 1, Positive), row(1, 1.0, 2, Positive)];
        let mut rows = pair;
        leave_one_out(&mut rows, 3);
        assert_eq!(parts(&rows), [Part::Train, Part::Train]);
        leave_one_out(&mut rows, 1);
        assert_eq!(parts(&rows), [Part::Valid, Part::Test]);
        let mut one = [pair[0]];
        leave_one_out(&mut one, 1);
        assert_eq!(parts(&one), [Part::Test]);
    }

    #[test]
    fn events_after_the_held_out_ones_are_never_learnt_from() {
        use Signal::{Negative, Positive};
        let mut rows = [
            row(0, 1.0, 1, Positive),
            row(1, 1.0, 2, Negative),
            row(2, 1.0, 3, Positive),
            row(3, 1.0, 4, Negative),
            row(4, 1.0, 5, Positive),
            row(5, 1.0, 6, Negative),
        ];
        assert_eq!(leave_one_out(&mut rows, 3), 2);
        assert_eq!(parts(&rows), [Part::Train, Part::Train, Part::Valid, Part::Unused, Part::Test, Part::Unused]);
    }

    #[test]
    fn a_ratio_by_time_holds_out_the_newest_and_keeps_one_for_training() {
        let mut rows: Vec<Row> = (0..10).map(|i| row(i, 1.0, i64::from(i), Signal::Positive)).collect();
        ratio_by_time(&mut rows, [0.7, 0.1, 0.2]);
        let parts = parts(&rows);
        assert!(parts[..7].iter().all(|p| *p == Part::Train));
        assert_eq!(parts[7..], [Part::Valid, Part::Test, Part::Test]);
        let mut one = [row(0, 1.0, 0, Signal::Positive)];
        ratio_by_time(&mut one, [0.1, 0.1, 0.8]);
        assert_eq!(one[0].part, Part::Train);
    }

    #[test]
    fn carving_is_by_pair_and_leaves_something_to_learn() {
        let (users, items) = (IdMap::new(vec!["u"]), IdMap::new((0..100).map(|i| i.to_string()).collect()));
        let ids = Ids { users: &users, items: &items };
        let mut rows: Vec<Row> = (0..100).map(|i| row(i, 1.0, 0, Signal::Positive)).collect();
        let mut fewer = rows[..50].to_vec();
        carve(&mut rows, 0.3, &ids, Seed::new(1));
        carve(&mut fewer, 0.3, &ids, Seed::new(1));
        let n = rows.iter().filter(|r| r.part == Part::Valid).count();
        assert!((15..45).contains(&n), "{n}");
        assert_eq!(parts(&rows[..50]), parts(&fewer));
        let mut one = [row(0, 1.0, 0, Signal::Positive)];
        carve(&mut one, 0.999, &ids, Seed::new(1));
        assert_eq!(one[0].part, Part::Train);
    }
}
