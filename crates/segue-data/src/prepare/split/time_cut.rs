//! One moment for all: what comes at or after it is held out, and in no domain learnt from.

use segue_core::date_of_day;

use super::{Forbids, Ids, Plan};
use crate::DataError;
use crate::prepare::config::{Moment, SplitConfig};
use crate::prepare::rows::{Part, Row, World};
use crate::readers::{milliseconds, parse_time};

pub(super) struct TimeCut {
    /// The first moments of validation and of test, unix milliseconds.
    from: [i64; 2],
    how: String,
    min_history: usize,
}

impl TimeCut {
    pub(super) fn plan(world: &World, config: &SplitConfig) -> Result<Self, DataError> {
        let (from, how) = if let Some(cut) = &config.cut {
            (moments(cut)?, String::new())
        } else {
            let [train, valid, test] = config.ratios;
            let n: usize = world.targets.iter().map(|&d| world.domains[d].rows.len()).sum();
            let each = |see: &mut dyn FnMut(i64)| {
                let mut targets = world.targets.iter().map(|&d| &world.domains[d].rows);
                targets.try_for_each(|rows| rows.in_order(|rows| rows.iter().for_each(|row| see(row.time))))
            };
            let rank = |share: f64| ((n as f64 * share).round() as usize).min(n.saturating_sub(1)) as u64;
            (
                ranked(&each, [rank(train), rank(train + valid)])?,
                format!(" (quantiles {train}/{valid}/{test} of the events)"),
            )
        };
        Ok(Self { from, how, min_history: config.min_history })
    }
}

/// The two moments of a configuration, in order.
pub(super) fn moments(cut: &[Moment; 2]) -> Result<[i64; 2], DataError> {
    let moment = |moment: &Moment| match moment {
        Moment::Seconds(time) => Ok(milliseconds(*time)),
        Moment::Date(text) => parse_time(text).ok().flatten().ok_or_else(|| {
            let what = format!("{text:?} is no moment; write unix seconds, or a date such as 2018-01-01");
            DataError::config("split.cut", what)
        }),
    };
    let [valid, test] = [moment(&cut[0])?, moment(&cut[1])?];
    if valid > test {
        let what = format!(
            "validation would begin at {}, after test at {}; the earlier moment comes first",
            date(valid),
            date(test)
        );
        return Err(DataError::config("split.cut", what));
    }
    Ok([valid, test])
}

impl Plan for TimeCut {
    fn split(&self, _: usize, rows: &mut [Row], _: &Ids<'_>) {
        let asked = rows.len() >= self.min_history;
        let [valid, test] = self.from;
        for row in rows {
            row.part = match row.time {
                time if time < valid => Part::Train,
                _ if !asked => Part::Unused,
                time if time < test => Part::Valid,
                _ => Part::Test,
            };
        }
    }

    fn source(&self) -> Option<&dyn Forbids> {
        Some(self)
    }

    fn protocol(&self, on: &str) -> String {
        let [valid, test] = self.from.map(date);
        let valid = if self.from[0] == self.from[1] { String::new() } else { format!("validation from {valid}, ") };
        format!(
            "cut in time on {on}{}: {valid}test from {test}, in all domains training before; users with at least {} events",
            self.how,
            self.min_history.max(1)
        )
    }

    fn why_unused(&self) -> String {
        let (from, least) = (date(self.from[0]), self.min_history.max(1));
        format!("at or after {from} of users with fewer than {least} events are in no part")
    }
}

impl Forbids for TimeCut {
    fn forbids(&self, _: usize, row: &Row) -> bool {
        row.time >= self.from[0]
    }

    fn why(&self) -> String {
        format!("at or after {} are in no part, for nothing may be learnt of what comes later", date(self.from[0]))
    }

    fn left(&self, names: &str) -> String {
        format!("{names} before {}", date(self.from[0]))
    }
}

/// Shows every time to somebody, in any order.
type Pass<'a> = dyn Fn(&mut dyn FnMut(i64)) -> Result<(), DataError> + 'a;

/// The times at two ranks (from 0) of all times that `each` shows, were they sorted.
///
/// Sixteen bits of both are settled by every pass, so four passes and 2^17 counters do for any number of times.
fn ranked(each: &Pass<'_>, ranks: [u64; 2]) -> Result<[i64; 2], DataError> {
    const SIGN: u64 = 1 << 63;
    // What is settled of the time at each rank, and its rank among the times that share this.
    let mut found = ranks.map(|rank| (0_u64, rank));
    for shift in [48_u32, 32, 16, 0] {
        let mut counts = [vec![0_u64; 1 << 16], vec![0_u64; 1 << 16]];
        each(&mut |time| {
            // The order of numbers with a sign, in numbers without.
            let key = time as u64 ^ SIGN;
            for (counts, (settled, _)) in counts.iter_mut().zip(&found) {
                if key.checked_shr(shift + 16).unwrap_or(0) == *settled {
                    counts[(key >> shift) as usize & 0xffff] += 1;
                }
            }
        })?;
        for ((settled, rank), counts) in found.iter_mut().zip(&counts) {
            let mut digit = 0;
            while digit + 1 < counts.len() && *rank >= counts[digit] {
                *rank -= counts[digit];
                digit += 1;
            }
            *settled = *settled << 16 | digit as u64;
        }
    }
    Ok(found.map(|(settled, _)| (settled ^ SIGN) as i64))
}

/// A moment as people write it, in UTC: `2018-01-01`, with the time of day where it is not midnight.
fn date(milliseconds: i64) -> String {
    let (seconds, fraction) = (milliseconds.div_euclid(1_000), milliseconds.rem_euclid(1_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:03}") };
    let (year, month, day) = date_of_day(days);
    let midnight = format!("{year:04}-{month:02}-{day:02}");
    match second {
        0 if fraction.is_empty() => midnight,
        _ => format!("{midnight}T{:02}:{:02}:{:02}{fraction}Z", second / 3_600, second / 60 % 60, second % 60),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use segue_core::IdMap;

    use super::super::by_hand::{liked, parts};
    use super::*;

    fn split(times: &[i64], from: [i64; 2], min_history: usize) -> Vec<Part> {
        let (mut rows, none) = (liked(times), IdMap::default());
        let cut = TimeCut { from, how: String::new(), min_history };
        cut.split(0, &mut rows, &Ids { users: &none, items: &none, domain: "d" });
        parts(&rows)
    }

    #[test]
    fn a_moment_belongs_to_what_follows_it() {
        use Part::{Test, Train, Unused, Valid};
        assert_eq!(split(&[9, 10, 19, 20, 30], [10, 20], 3), [Train, Valid, Valid, Test, Test]);
        // Without a gap between the moments there is no validation.
        assert_eq!(split(&[9, 10, 11], [10, 10], 3), [Train, Test, Test]);
        // Nobody asks this user, and the future is not learnt from all the same.
        assert_eq!(split(&[9, 10], [10, 20], 3), [Train, Unused]);
    }

    #[test]
    fn dates_are_read_and_written() {
        let text = |text: &str| Moment::Date(text.into());
        let cut = [text("2018-01-01"), Moment::Seconds(1_530_403_201)];
        assert_eq!(moments(&cut).unwrap().map(date), ["2018-01-01", "2018-07-01T00:00:01Z"]);
        assert_eq!([-1_000, 1].map(date), ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00.001Z"]);
        let refused = |cut: [Moment; 2]| moments(&cut).unwrap_err().to_string();
        let message = refused([text("2018-13-01"), text("2019-01-01")]);
        assert!(message.contains("split.cut") && message.contains("2018-13-01"), "{message}");
        let message = refused([text("2019-01-01"), text("2018-01-01")]);
        assert!(message.contains("begin at 2019-01-01, after test at 2018-01-01"), "{message}");
    }

    proptest! {
        #[test]
        fn a_rank_is_that_of_the_sorted_times(mut times in proptest::collection::vec(any::<i64>(), 1..50), near in any::<bool>()) {
            if near {
                times = times.into_iter().map(|time| 1_500_000_000 + time.rem_euclid(9)).collect();
            }
            let each = |see: &mut dyn FnMut(i64)| {
                times.iter().copied().for_each(see);
                Ok(())
            };
            let n = times.len() as u64;
            let found: Vec<[i64; 2]> = (0..n).map(|rank| ranked(&each, [rank, n - 1 - rank]).unwrap()).collect();
            times.sort_unstable();
            let expected: Vec<[i64; 2]> = times.iter().zip(times.iter().rev()).map(|(&one, &other)| [one, other]).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
