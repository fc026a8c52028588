//! Precision, recall and their harmonic mean: how many of the first k are relevant, and how many of the relevant are there.
//!
//! All three are linear in the number of hits, so their expectation needs only that of the hits: each position of a tie
//! block of `size` holds one of its `relevant` items with probability `relevant / size`.

use super::spec::{Measure, Metric, Ranks};

/// Hits in the first k, divided by k.
///
/// `implicit` pools hits over users and divides by `Σ min(k, |R|)`; daisyRec and gorse divide by the length of the list.
pub(super) static PRECISION: Metric = Metric {
    name: "precision",
    aliases: &["p", "prec"],
    doc: "share of the first k that is relevant: hits / k",
    traits: &[],
    measure: Measure::PerUser(|ranks, k| expected_hits(ranks, k) / k as f64),
};

/// Hits in the first k, divided by the number of relevant items, candidates or not.
///
/// Merlin divides by `min(k, |R|)`. Papers on leave-one-out data often call the hit rate "Recall"; with one relevant item
/// they are equal.
pub(super) static RECALL: Metric = Metric {
    name: "recall",
    aliases: &["r"],
    doc: "share of the relevant items that is in the first k: hits / |R|",
    traits: &[],
    measure: Measure::PerUser(|ranks, k| ratio(expected_hits(ranks, k), ranks.n_relevant)),
};

/// Hits in the first k, divided by how many could be there, `min(k, |R|)`: 1 for the best possible list, as Merlin's recall.
pub(super) static RECALL_CAPPED: Metric = Metric {
    name: "recall_capped",
    aliases: &["capped_recall"],
    doc: "hits over the most that fit: hits / min(k, |R|)",
    traits: &[],
    measure: Measure::PerUser(|ranks, k| ratio(expected_hits(ranks, k), k.min(ranks.n_relevant))),
};

/// Harmonic mean of a user's precision and recall, `2 hits / (k + |R|)`, 0 without hits; then the mean over users.
///
/// daisyRec gives NaN for 0/0, so its means drop users without hits; some papers report the F1 of the mean precision and
/// recall, which is the same number only where every user has equally many relevant items.
pub(super) static F1: Metric = Metric {
    name: "f1",
    aliases: &["f1_score"],
    doc: "harmonic mean of precision and recall per user: 2 hits / (k + |R|)",
    traits: &[],
    measure: Measure::PerUser(|ranks, k| ratio(2.0 * expected_hits(ranks, k), k.saturating_add(ranks.n_relevant))),
};

/// Harmonic mean of the mean precision and the mean recall: what many papers call F1. It is [`F1`] only where every user has
/// equally many relevant items.
pub(super) static F1_OF_MEANS: Metric = Metric {
    name: "f1_of_means",
    aliases: &["macro_f1"],
    doc: "harmonic mean of the mean precision and the mean recall",
    traits: &[],
    measure: Measure::OfMeans {
        parts: [
            |ranks, k| expected_hits(ranks, k) / k as f64,
            |ranks, k| ratio(expected_hits(ranks, k), ranks.n_relevant),
        ],
        of: |precision, recall| {
            if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
        },
    },
};

pub(super) fn expected_hits(ranks: &Ranks<'_>, k: usize) -> f64 {
    ranks
        .within(k)
        .map(|(block, m)| m as f64 * block.relevant as f64 / block.size as f64)
        .fold(0.0, |sum, hits| sum + hits)
}

fn ratio(hits: f64, of: usize) -> f64 {
    if of == 0 { 0.0 } else { hits / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::check;

    #[test]
    fn two_hits_among_five_of_three_relevant() {
        // Ranks 1 and 4; one relevant item is no candidate.
        let blocks = [(0, 1, 1), (3, 1, 1)];
        check("precision@5", &blocks, 3, 0.4);
        check("recall@5", &blocks, 3, 2.0 / 3.0);
        check("f1@5", &blocks, 3, 0.5);
        check("precision@1", &blocks, 3, 1.0);
        check("recall@3", &blocks, 3, 1.0 / 3.0);
        check("recall_capped@1", &blocks, 3, 1.0);
        check("recall_capped@5", &blocks, 3, 2.0 / 3.0);
    }

    #[test]
    fn nothing_found_is_zero_and_not_nan() {
        check("f1@5", &[], 2, 0.0);
        check("recall@5", &[(7, 1, 1)], 2, 0.0);
        check("recall@5", &[], 0, 0.0);
    }
}
