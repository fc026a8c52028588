//! Shares of a domain's interactions: at random, by hash, or the newest of each user.

use segue_core::Seed;

use super::{Ids, Plan, newest_first};
use crate::prepare::rows::{Part, Row};

pub(super) struct Ratio {
    pub(super) shares: [f64; 3],
    pub(super) by_time: bool,
    pub(super) min_history: usize,
    pub(super) seed: Seed,
}

impl Plan for Ratio {
    fn split(&self, _: usize, rows: &mut [Row], ids: &Ids<'_>) {
        if rows.len() < self.min_history {
            return;
        }
        if self.by_time {
            return newest(rows, self.shares);
        }
        let [train, valid, _] = self.shares;
        for row in rows {
            row.part = match ids.unit(row, self.seed) {
                unit if unit < train => Part::Train,
                unit if unit < train + valid => Part::Valid,
                _ => Part::Test,
            };
        }
    }

    fn protocol(&self, on: &str) -> String {
        let ([train, valid, test], least) = (self.shares, self.min_history.max(1));
        let how = if self.by_time { "per user by time" } else { "at random by hash" };
        format!("{train}/{valid}/{test} {how} on {on}; users with at least {least} events")
    }

    fn is_last(&self, _: usize, _: &Row) -> bool {
        self.by_time
    }
}

fn newest(rows: &mut [Row], [_, valid, test]: [f64; 3]) {
    let n = rows.len();
    // At least one event stays for training.
    let n_test = ((n as f64 * test).round() as usize).min(n.saturating_sub(1));
    let n_valid = ((n as f64 * valid).round() as usize).min(n.saturating_sub(1 + n_test));
    for (rank, row) in newest_first(rows).into_iter().enumerate().take(n_test + n_valid) {
        rows[row].part = if rank < n_test { Part::Test } else { Part::Valid };
    }
}

#[cfg(test)]
mod tests {
    use super::super::by_hand::{liked, parts};
    use super::*;

    #[test]
    fn a_ratio_by_time_holds_out_the_newest_and_keeps_one_for_training() {
        let mut rows = liked(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        newest(&mut rows, [0.7, 0.1, 0.2]);
        let parts = parts(&rows);
        assert!(parts[..7].iter().all(|p| *p == Part::Train));
        assert_eq!(parts[7..], [Part::Valid, Part::Test, Part::Test]);
        let mut one = liked(&[0]);
        newest(&mut one, [0.1, 0.1, 0.8]);
        assert_eq!(one[0].part, Part::Train);
    }
}
