//! How are stars, plays and other values distributed?

use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::whole::Whole;

/// More distinct values than this are gathered into bins.
const MOST_BARS: usize = 20;
/// Bins of a linear scale, about.
const BINS: f64 = 20.0;
/// A scale is logarithmic where the greatest value is more than this many medians.
const LONG_TAIL: f64 = 20.0;

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
        let (scale, bins) = bins(&values);
        let distinct = values.chunk_by(|a, b| a == b).count();
        Values { domain: whole.name(d), moments: Moments::of(&values), distinct, scale, bins }
    };
    values.into_iter().enumerate().map(of_domain).collect()
}

fn bins(sorted: &[f64]) -> (BinScale, Vec<Bin>) {
    let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else { return (BinScale::Distinct, Vec::new()) };
    let runs: Vec<&[f64]> = sorted.chunk_by(|a, b| a == b).take(MOST_BARS + 1).collect();
    if runs.len() <= MOST_BARS {
        let bin = |run: &&[f64]| Bin { low: run[0], high: run[0], events: run.len() };
        return (BinScale::Distinct, runs.iter().map(bin).collect());
    }
    let median = sorted[sorted.len() / 2];
    let (scale, edges) = if min > 0.0 && max > LONG_TAIL * median {
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
    fn other_numbers_have_bins_of_a_round_width() {
        let numbers: Vec<f64> = (-50..=50).map(|n| f64::from(n) / 10.0).collect();
        let (scale, bins) = bins(&numbers);
        assert_eq!((scale, bins[0].low, bins[0].high), (BinScale::Linear, -5.0, -4.5));
        assert_eq!(bins.iter().map(|bin| bin.events).sum::<usize>(), 101);
        assert!(super::bins(&[]).1.is_empty());
    }
}
