//! How unevenly are events spread over users (activity) and items (popularity)?
//!
//! Gini and Lorenz: C. Gini, *Variabilità e mutabilità*, 1912; M. O. Lorenz, *Methods of measuring the concentration of
//! wealth*, Publications of the American Statistical Association 9(70), 1905. Only who is met counts: a user or item without
//! an event is none of the domain's.

use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::whole::Whole;

/// A curve has at most so many points.
const MOST_POINTS: usize = 200;

/// Activity and popularity of one domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LongTail {
    /// Domain.
    pub domain: String,
    /// Events of each user.
    pub activity: Option<Spread>,
    /// Events of each item.
    pub popularity: Option<Spread>,
}

/// How events are spread over users or over items, of which there is at least one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Of the numbers of events.
    pub moments: Moments,
    /// `2 Σ i·x_i / (n Σ x) - (n + 1) / n` over the numbers `x` rising, `i` from 1: 0 where all are equal, `1 - 1/n` where one
    /// has everything.
    pub gini: f64,
    /// Share of events on the 80 % with the fewest, in [0, 1], along the Lorenz curve: the long tail.
    pub tail_share: f64,
    /// The fewest, in share of all, that together make 80 % of events: the head.
    pub head_size: f64,
    /// Share of users or items, those with the fewest events first, against their share of events; both in [0, 1].
    pub lorenz: Vec<(f64, f64)>,
    /// Rank from 1, most events first, against events.
    pub ranks: Vec<(u64, u64)>,
    /// A number of events against the share that has at least as many.
    pub at_least: Vec<(u64, f64)>,
}

pub(crate) fn long_tail(whole: &Whole<'_>) -> Vec<LongTail> {
    let spread = |counts: &[u32]| Spread::of(counts.iter().copied().filter(|&n| n > 0).collect());
    let of_domain = |d: usize| LongTail {
        domain: whole.name(d),
        activity: spread(&whole.per_user[d]),
        popularity: spread(whole.items_of(d)),
    };
    (0..whole.n_domains()).map(of_domain).collect()
}

impl Spread {
    fn of(mut counts: Vec<u32>) -> Option<Self> {
        counts.sort_unstable();
        let sorted: Vec<f64> = counts.iter().map(|&n| f64::from(n)).collect();
        let moments = Moments::of(&sorted)?;
        let n = counts.len();
        // Sums up to each position, exactly: `up_to[k]` is that of the k smallest.
        let mut up_to = Vec::with_capacity(n + 1);
        up_to.push(0_u64);
        for &count in &counts {
            up_to.push(up_to[up_to.len() - 1] + u64::from(count));
        }
        let total = up_to[n];
        let weighted: f64 = (1..).zip(&sorted).map(|(i, x)| f64::from(i) * x).sum();
        let share = |k: usize| up_to[k] as f64 / total as f64;
        let head = (0..=n).find(|&k| 5 * (total - up_to[n - k]) >= 4 * total).unwrap_or(n);
        Some(Self {
            moments,
            gini: (2.0 * weighted / (n as f64 * total as f64) - (n + 1) as f64 / n as f64).max(0.0),
            tail_share: {
                let position = 0.8 * n as f64;
                let below = position.floor() as usize;
                share(below) + (position - below as f64) * (share((below + 1).min(n)) - share(below))
            },
            head_size: head as f64 / n as f64,
            lorenz: positions(n, false).into_iter().map(|k| (k as f64 / n as f64, share(k))).collect(),
            ranks: positions(n, true).into_iter().skip(1).map(|k| (k as u64, u64::from(counts[n - k]))).collect(),
            at_least: at_least(&counts),
        })
    }
}

/// At most [`MOST_POINTS`] positions of `0..=n` with both ends, evenly spread, or evenly in their logarithm.
fn positions(n: usize, logarithmic: bool) -> Vec<usize> {
    if n < MOST_POINTS {
        return (0..=n).collect();
    }
    let last = (MOST_POINTS - 2) as f64;
    let step = |k: usize| {
        let part = k as f64 / last;
        if logarithmic { (n as f64).powf(part).round() as usize } else { (part * n as f64).round() as usize }
    };
    let mut found: Vec<usize> = std::iter::once(0).chain((0..MOST_POINTS - 1).map(step)).collect();
    found.dedup();
    found
}

/// `counts` rises.
fn at_least(counts: &[u32]) -> Vec<(u64, f64)> {
    let mut start = 0;
    let steps = counts.chunk_by(|a, b| a == b).map(|run| {
        let share = (counts.len() - start) as f64 / counts.len() as f64;
        start += run.len();
        (u64::from(run[0]), share)
    });
    let steps: Vec<(u64, f64)> = steps.collect();
    if steps.len() <= MOST_POINTS {
        return steps;
    }
    // Thinned evenly in the logarithm of the number of events: the steps left are still exact.
    let (Some(&(min, _)), Some(&(max, _))) = (steps.first(), steps.last()) else { return steps };
    let ratio = (max as f64 / min as f64).ln() / (MOST_POINTS - 1) as f64;
    let mut kept: Vec<usize> = (0..MOST_POINTS)
        .map(|k| {
            let count = min as f64 * (ratio * k as f64).exp();
            steps.partition_point(|&(n, _)| (n as f64) < count.floor()).min(steps.len() - 1)
        })
        .collect();
    kept.push(steps.len() - 1);
    kept.dedup();
    kept.into_iter().map(|k| steps[k]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn gini_and_tail_by_hand() {
        // Five items with 1, 1, 2, 6, 10 events. Σ i·x = 1 + 2 + 6 + 24 + 50 = 83; 2 · 83 / (5 · 20) - 6 / 5 = 0.46.
        let spread = Spread::of(vec![10, 1, 2, 1, 6]).unwrap();
        assert!((spread.gini - 0.46).abs() < 1e-12, "{}", spread.gini);
        // The four least popular have 10 of 20; the two most popular 16 of 20.
        assert_eq!((spread.tail_share, spread.head_size), (0.5, 0.4));
        assert_eq!(spread.lorenz[..3], [(0.0, 0.0), (0.2, 0.05), (0.4, 0.1)]);
        assert_eq!(spread.ranks, [(1, 10), (2, 6), (3, 2), (4, 1), (5, 1)]);
        assert_eq!(spread.at_least, [(1, 1.0), (2, 0.6), (6, 0.4), (10, 0.2)]);
    }

    #[test]
    fn equal_counts_have_no_tail() {
        let spread = Spread::of(vec![3; 10]).unwrap();
        assert_eq!((spread.gini, spread.head_size), (0.0, 0.8));
        assert!((spread.tail_share - 0.8).abs() < 1e-12);
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn curves_stay_short_and_keep_their_ends() {
        let spread = Spread::of((1..=5000).collect()).unwrap();
        for n in [spread.lorenz.len(), spread.ranks.len(), spread.at_least.len()] {
            assert!((100..=MOST_POINTS + 1).contains(&n), "{n}");
        }
        assert_eq!((spread.lorenz.first(), spread.lorenz.last()), (Some(&(0.0, 0.0)), Some(&(1.0, 1.0))));
        assert_eq!((spread.ranks.first(), spread.ranks.last()), (Some(&(1, 5000)), Some(&(5000, 1))));
        assert_eq!((spread.at_least.first(), spread.at_least.last()), (Some(&(1, 1.0)), Some(&(5000, 0.0002))));
    }

    #[test]
    fn users_and_items_without_events_are_not_met() {
        let found = example::with(long_tail);
        let n = |spread: &Option<Spread>| spread.as_ref().map(|s| s.moments.n);
        assert_eq!((n(&found[0].activity), n(&found[0].popularity)), (Some(2), Some(2)));
        assert_eq!((n(&found[1].activity), n(&found[1].popularity)), (Some(3), Some(3)));
    }
}
