//! What all first k together show of the catalogue: how much of it, and how evenly.
//!
//! These belong to all users together, so they have no interval. Ties are cut by rising item id here, as in the lists users
//! see. The catalogue is the target's items that occur in training; `RecBole` and others take all items of the catalogue,
//! those never trained on too.

use super::spec::{Measure, Metric, Trait};

/// Distinct training items in anybody's first k, divided by the target's training items.
pub(super) static COVERAGE: Metric = Metric {
    name: "coverage",
    aliases: &["cov", "item_coverage", "catalog_coverage", "catalogue_coverage"],
    doc: "share of the target's training items that are in anybody's first k",
    traits: &[],
    measure: Measure::OfAll(|shown| {
        shown.trained.iter().filter(|&&n| n > 0).count() as f64 / shown.trained.len().max(1) as f64
    }),
};

/// Gini coefficient of how often each training item is in somebody's first k: 0 where all are shown alike, near 1 where a few
/// have it all. Less is more even.
///
/// `Σ (2 i − n − 1) xᵢ / (n Σ xᵢ)` over the counts in rising order, i from 1 (as `RecBole`'s, over its own catalogue).
pub(super) static GINI: Metric = Metric {
    name: "gini",
    aliases: &["gini_index", "giniindex"],
    doc: "inequality of how often training items are shown in the first k: 0 even, 1 all on one (less is better)",
    traits: &[Trait::LessIsBetter],
    measure: Measure::OfAll(|shown| gini(&shown.trained)),
};

/// Shannon entropy, in bits, of which item stands in a place of somebody's first k.
///
/// Elliot's is the same; `RecBole` has nats, divided by the number of items that were shown.
pub(super) static ENTROPY: Metric = Metric {
    name: "entropy",
    aliases: &["shannon_entropy", "shannonentropy"],
    doc: "Shannon entropy of the items shown in the first k, in bits",
    traits: &[],
    measure: Measure::OfAll(|shown| entropy(&shown.trained)),
};

pub(super) fn gini(shown: &[u64]) -> f64 {
    let mut counts = shown.to_vec();
    counts.sort_unstable();
    let (n, sum) = (counts.len() as f64, counts.iter().sum::<u64>() as f64);
    let weighted: f64 = (1..).zip(&counts).map(|(i, &count)| (2.0 * f64::from(i) - n - 1.0) * count as f64).sum();
    if sum == 0.0 { 0.0 } else { weighted / (n * sum) }
}

pub(super) fn entropy(shown: &[u64]) -> f64 {
    let sum = shown.iter().sum::<u64>() as f64;
    let share = |&count: &u64| count as f64 / sum;
    shown.iter().filter(|&&count| count > 0).map(share).fold(0.0, |bits, p| bits - p * p.log2())
}

#[cfg(test)]
mod tests {
    use super::super::spec::Exposure;
    use super::*;

    #[test]
    fn even_and_uneven_exposure() {
        for (shown, coverage, gini_of, bits) in [
            (&[2, 2, 2, 2][..], 1.0, 0.0, 2.0),
            (&[0, 0, 0, 8], 0.25, 0.75, 0.0),
            (&[1, 3], 1.0, 0.25, 0.811_278_124_459_133),
            (&[0, 0], 0.0, 0.0, 0.0),
            (&[], 0.0, 0.0, 0.0),
        ] {
            let Measure::OfAll(of) = COVERAGE.measure else { panic!("coverage is of all") };
            let exposure = Exposure { trained: shown.to_vec(), all: Vec::new() };
            assert_eq!((of(&exposure), gini(shown)), (coverage, gini_of));
            assert!((entropy(shown) - bits).abs() < 1e-12);
        }
    }
}
