//! Each user's last like is test, the one before validation.

use segue_core::Signal;

use super::{Ids, Plan, newest_first};
use crate::prepare::rows::{Part, Row};

pub(super) struct LeaveOneOut {
    pub(super) min_history: usize,
}

impl Plan for LeaveOneOut {
    fn split(&self, _: usize, rows: &mut [Row], _: &Ids<'_>) {
        let order = newest_first(rows);
        let likes: Vec<usize> = (0..order.len()).filter(|&n| rows[order[n]].signal == Signal::Positive).collect();
        if likes.len() < self.min_history.max(1) {
            return;
        }
        let first_held_out = likes[..likes.len().min(2)].last().copied().unwrap_or_default();
        order[..first_held_out].iter().for_each(|&n| rows[n].part = Part::Unused);
        rows[order[likes[0]]].part = Part::Test;
        if let Some(&second) = likes.get(1) {
            rows[order[second]].part = Part::Valid;
        }
    }

    fn protocol(&self, on: &str) -> String {
        format!(
            "leave-one-out on {on} by time (ties: value, item id): last is test, second-last validation; users with at \
             least {} likes",
            self.min_history.max(1)
        )
    }

    fn why_unused(&self) -> String {
        "that are no likes came after a held-out like and are in no part".into()
    }

    fn is_last(&self, _: usize, _: &Row) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{IdMap, Signal};

    use super::super::by_hand::{parts, row};
    use super::*;

    fn split(rows: &mut [Row], min_history: usize) {
        let none = IdMap::default();
        LeaveOneOut { min_history }.split(0, rows, &Ids { users: &none, items: &none, domain: "d" });
    }

    #[test]
    fn ties_go_to_the_larger_value_then_the_smaller_item() {
        use Signal::Positive;
        let mut rows =
            [row(0, 3.0, 9, Positive), row(1, 5.0, 9, Positive), row(2, 5.0, 9, Positive), row(3, 5.0, 1, Positive)];
        split(&mut rows, 3);
        assert_eq!(parts(&rows), [Part::Train, Part::Test, Part::Valid, Part::Train]);
    }

    #[test]
    fn short_histories_follow_min_history() {
        use Signal::Positive;
        let pair = [row(0, 1.0, 1, Positive), row(1, 1.0, 2, Positive)];
        let mut rows = pair;
        split(&mut rows, 3);
        assert_eq!(parts(&rows), [Part::Train, Part::Train]);
        split(&mut rows, 1);
        assert_eq!(parts(&rows), [Part::Valid, Part::Test]);
        let mut one = [pair[0]];
        split(&mut one, 1);
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
        split(&mut rows, 3);
        assert_eq!(parts(&rows), [Part::Train, Part::Train, Part::Valid, Part::Unused, Part::Test, Part::Unused]);
    }
}
