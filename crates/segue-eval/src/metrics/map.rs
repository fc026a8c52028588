//! Mean average precision: the precision at each hit, averaged.

use super::spec::{Measure, Metric, Ranks};

/// `Σ precision at p` over the positions p ≤ k that hold a hit, divided by `min(k, |R|)`; then the mean over users.
///
/// `trec_eval`, `ranx`, `RecTools` and gorse divide by `|R|`; daisyRec and NGCF by the hits found; Elliot averages P@1 … P@k,
/// which is another quantity; cornac does not cut.
///
/// In a tie block two hits are needed for the precision at one of them: with `r` relevant of `s`, position p of the block
/// holds a hit with probability `r/s`, and then `(p − 1)(r − 1)/(s − 1)` of the block's others are expected above it.
pub(super) static MAP: Metric = Metric {
    name: "map",
    aliases: &["ap", "average_precision"],
    doc: "average precision at the hits in the first k, over min(k, |R|)",
    traits: &[],
    measure: Measure::PerUser(average_precision),
};

/// The same sum divided by `|R|`, however few fit into the first k: `trec_eval`'s `map_cut`, `ranx`, `RecTools`, gorse.
pub(super) static MAP_TREC: Metric =
    Metric {
        name: "map_trec",
        aliases: &["map_cut"],
        doc: "average precision at the hits in the first k, over |R| (trec_eval)",
        traits: &[],
        measure: Measure::PerUser(|ranks, k| {
            if ranks.n_relevant == 0 { 0.0 } else { precisions(ranks, k) / ranks.n_relevant as f64 }
        }),
    };

fn average_precision(ranks: &Ranks<'_>, k: usize) -> f64 {
    let sum = precisions(ranks, k);
    if sum == 0.0 { 0.0 } else { sum / k.min(ranks.n_relevant) as f64 }
}

/// Expected precision at each position that holds a hit, summed.
pub(super) fn precisions(ranks: &Ranks<'_>, k: usize) -> f64 {
    let mut sum = 0.0;
    let mut hits_above = 0.0;
    for (block, m) in ranks.within(k) {
        let (s, r) = (block.size as f64, block.relevant as f64);
        let others = if block.size > 1 { (r - 1.0) / (s - 1.0) } else { 0.0 };
        for p in 1..=m {
            let hits = hits_above + 1.0 + (p - 1) as f64 * others;
            sum += r / s * (hits / (block.above + p) as f64);
        }
        hits_above += r;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::check;

    #[test]
    fn precision_at_each_hit() {
        // Hits at 1 and 3 of two relevant: (1/1 + 2/3) / 2.
        check("map@5", &[(0, 1, 1), (2, 1, 1)], 2, 5.0 / 6.0);
        check("map@2", &[(0, 1, 1), (2, 1, 1)], 2, 0.5);
        check("map@2", &[(0, 1, 1)], 9, 0.5);
        check("map_trec@2", &[(0, 1, 1)], 9, 1.0 / 9.0);
        check("map_trec@2", &[], 0, 0.0);
    }

    #[test]
    fn ties_need_the_pairwise_term() {
        // Orders of two relevant and one other: RRx 1, RxR 5/6, xRR 7/12.
        check("map@3", &[(0, 3, 2)], 2, (1.0 + 5.0 / 6.0 + 7.0 / 12.0) / 3.0);
    }
}
