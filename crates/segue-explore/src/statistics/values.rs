//! How are stars, plays and other values distributed?

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::whole::Whole;

/// More distinct values than this are gathered into bins.
const MOST_BARS: usize = 20;
/// Bins of a linear scale, about.
const BINS: f64 = 20.0;
/// A scale is logarithmic where the greatest value is more than this many medians.
const LONG_TAIL: f64 = 20.0;
/// Bins of a logarithmic scale at most: a value beyond is no tail of the others.
const MOST_DOUBLINGS: f64 = 40.0;
/// Values are far from the others where they are further away than this many times the range of those.
const FAR: f64 = 20.0;

/// The values of one domain's events, as training sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// Domain.
    pub domain: String,
    /// None where there is no event.
    pub moments: Option<Moments>,
    /// Distinct values; 1 for a log of plain events, whose values are all 1.
    pub distinct: usize,
    /// How `bins` divide the values.
    pub scale: BinScale,
    /// Events by value, rising.
    pub bins: Vec<Bin>,
    /// Events, one in a hundred at most on either side, whose values are so far from all others that a picture of both would
    /// show neither: in no bin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub far: Vec<Bin>,
}

/// How values are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinScale {
    /// One bin for each distinct value.
    Distinct,
    /// Bins of equal width.
    Linear,
    /// Each bin twice as wide as the one before.
    Logarithmic,
}

/// Events with `low <= value < high`; `high` itself as well in the last bin, and where both are one value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Least value.
    pub low: f64,
    /// End.
    pub high: f64,
    /// Events.
    pub events: usize,
}

pub(crate) fn values(whole: &Whole<'_>) -> Vec<Values> {
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); whole.n_domains()];
    whole.events().for_each(|(_, event)| values[whole.domain(&event)].push(f64::from(event.value)));
    let of_domain = |(d, mut values): (usize, Vec<f64>)| {
        values.sort_unstable_by(f64::total_cmp);
        let near = near(&values);
        let (scale, bins) = bins(&values[near.clone()]);
        let far = [&values[..near.start], &values[near.end..]].into_iter().filter_map(|side| {
            let (&low, &high) = (side.first()?, side.last()?);
            Some(Bin { low, high, events: side.len() })
        });
        let (far, distinct) = (far.collect(), values.chunk_by(|a, b| a == b).count());
        Values { domain: whole.name(d), moments: Moments::of(&values), distinct, scale, bins, far }
    };
    values.into_iter().enumerate().map(of_domain).collect()
}

/// The values that are not far from the others.
fn near(sorted: &[f64]) -> Range<usize> {
    let n = sorted.len();
    let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else { return 0..0 };
    let some = (n / 100).max(1);
    if n < 10 || (has_long_tail(sorted) && (max / min).log2() < MOST_DOUBLINGS && distinct(sorted) > MOST_BARS) {
        return 0..n;
    }
    let (low, high) = (sorted[some], sorted[n - 1 - some]);
    let most = FAR * (high - low);
    if most == 0.0 {
        return 0..n;
    }
    sorted.partition_point(|&value| value < low - most)..sorted.partition_point(|&value| value <= high + most)
}

/// Whether a logarithmic scale shows the values better than a linear one.
fn has_long_tail(sorted: &[f64]) -> bool {
    let (min, max, median) = (sorted[0], sorted[sorted.len() - 1], sorted[sorted.len() / 2]);
    min > 0.0 && max > LONG_TAIL * median
}

/// How many distinct values there are, counted until there are more than bars.
fn distinct(sorted: &[f64]) -> usize {
    sorted.chunk_by(|a, b| a == b).take(MOST_BARS + 1).count()
}

fn bins(sorted: &[f64]) -> (BinScale, Vec<Bin>) {
    let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else { return (BinScale::Distinct, Vec::new()) };
    if distinct(sorted) <= MOST_BARS {
        let bin = |run: &[f64]| Bin { low: run[0], high: run[0], events: run.len() };
        return (BinScale::Distinct, sorted.chunk_by(|a, b| a == b).map(bin).collect());
    }
    let (scale, edges) = if has_long_tail(sorted) {
        let first = min.log2().floor();
        let n = (max.log2() - first).floor() as i32 + 1;
        (BinScale::Logarithmic, (0..=n).map(|k| (first + f64::from(k)).exp2()).collect::<Vec<_>>())
    } else {
        let width = nice_width((max - min) / BINS);
        let first = (min / width).floor();
        let n = (max / width - first).floor() as i32 + 1;
        (BinScale::Linear, (0..=n).map(|k| (first + f64::from(k)) * width).collect())
    };
    let at = |edge: f64| sorted.partition_point(|&value| value < edge);
    let last = edges.len().saturating_sub(2);
    let events = |n: usize, end: f64| if n == last { sorted.len() } else { at(end) };
    let bin = |(n, two): (usize, &[f64])| Bin { low: two[0], high: two[1], events: events(n, two[1]) - at(two[0]) };
    (scale, edges.windows(2).enumerate().map(bin).collect())
}

/// The least of 1, 2, 2.5 and 5 times a power of ten that is not below `width`.
fn nice_width(width: f64) -> f64 {
    let power = 10_f64.powf(width.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0].into_iter().map(|step| step * power);
    steps.into_iter().find(|step| *step >= width).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn stars_have_one_bar_each() {
        let found = example::with(values);
        // Songs: 1, 4, 5, 5.
        let songs = &found[0];
        let moments = songs.moments.unwrap();
        assert_eq!((moments.mean, moments.median, moments.variance), (3.75, 4.5, Some(10.75 / 3.0)));
        assert_eq!((songs.distinct, songs.scale), (3, BinScale::Distinct));
        assert_eq!(
            songs.bins.iter().map(|bin| (bin.low, bin.events)).collect::<Vec<_>>(),
            [(1.0, 1), (4.0, 1), (5.0, 2)]
        );
    }

    #[test]
    fn plays_double_and_every_one_is_counted() {
        let plays: Vec<f64> = (1..=40).map(f64::from).chain([1000.0]).collect();
        let (scale, bins) = bins(&plays);
        assert_eq!(scale, BinScale::Logarithmic);
        let counts: Vec<usize> = bins.iter().map(|bin| bin.events).collect();
        assert_eq!(counts, [1, 2, 4, 8, 16, 9, 0, 0, 0, 1]);
    }

    #[test]
    fn what_is_far_from_all_others_is_told_beside_the_bins() {
        // Stars and one slip; a plain tail; two values; as many far ones as near.
        let stars: Vec<f64> = (1..=5).flat_map(|star| [f64::from(star); 20]).collect();
        let with = |far: &[f64]| {
            let mut all = [&stars[..], far].concat();
            all.sort_unstable_by(f64::total_cmp);
            all
        };
        assert_eq!(near(&with(&[1e6])), 0..100);
        assert_eq!(near(&with(&[-1e6, 1e6])), 1..101);
        assert_eq!(near(&with(&[50.0])), 0..101);
        let plays: Vec<f64> = (1..=40).map(f64::from).chain([1000.0]).collect();
        assert_eq!(near(&plays), 0..41);
        let slip: Vec<f64> = (1..=40).map(f64::from).chain([1e30]).collect();
        assert_eq!(near(&slip), 0..40);
        assert_eq!(near(&[[1.0; 20], [1e9; 20]].concat()), 0..40);
        assert_eq!(near(&[]), 0..0);
        assert_eq!(near(&[1.0]), 0..1);
    }

    #[test]
    fn other_numbers_have_bins_of_a_round_width() {
        let numbers: Vec<f64> = (-50..=50).map(|n| f64::from(n) / 10.0).collect();
        let (scale, bins) = bins(&numbers);
        assert_eq!((scale, bins[0].low, bins[0].high), (BinScale::Linear, -5.0, -4.5));
        assert_eq!(bins.iter().map(|bin| bin.events).sum::<usize>(), 101);
        assert!(super::bins(&[]).1.is_empty());
    }
}
