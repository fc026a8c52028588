//! Area under the ROC curve: how often a relevant item stands above another.

use super::spec::{Judged, Measure, Metric, Ranks};

/// The share of pairs of a relevant and another candidate in which the relevant one scores higher, a tie counting half; then
/// the mean over users. Relevant items that could not be ranked lose every pair; where nothing else is a candidate, it is
/// chance, ½.
///
/// cornac counts ties as lost; `implicit` takes the candidates beyond its list by a trapezoid; `RecBole` takes all users' candidates
/// as one list.
pub(super) static AUC: Metric = Metric {
    name: "auc",
    aliases: &["roc_auc"],
    doc: "share of pairs of a relevant and another candidate that are in order, ties half (no cut-off)",
    traits: &[],
    measure: Measure::Uncut { of: auc, weight: |_| 1.0 },
};

/// [`AUC`] with each user weighing as many as they have relevant items (as `RecBole`'s GAUC).
pub(super) static GAUC: Metric = Metric {
    name: "gauc",
    aliases: &["group_auc"],
    doc: "auc over users weighted by their number of relevant items (no cut-off)",
    traits: &[],
    measure: Measure::Uncut { of: auc, weight: |ranks| ranks.n_relevant as f64 },
};

fn auc(ranks: &Ranks<'_>) -> f64 {
    let ranked: usize = ranks.blocks.iter().map(|block| block.relevant).sum();
    let others = ranks.n_candidates.saturating_sub(ranked);
    if others == 0 {
        return 0.5;
    }
    let (mut relevant_above, mut won) = (0, 0.0);
    for block in ranks.blocks {
        let tied = block.size - block.relevant;
        let above = block.above - relevant_above;
        let below = others - above - tied;
        won += block.relevant as f64 * (below as f64 + tied as f64 / 2.0);
        relevant_above += block.relevant;
    }
    won / (ranks.n_relevant as f64 * others as f64)
}

/// [`auc`] of one list of all users' candidates: a user whose scores lie higher than another's wins pairs by that alone. Where all
/// are relevant, or none is, it is chance.
pub(super) fn pooled(mut all: Vec<Judged>) -> f64 {
    all.sort_by(|a, b| a.score.total_cmp(&b.score));
    let (mut relevant, mut others, mut won) = (0, 0, 0.0);
    for tied in all.chunk_by(|a, b| a.score == b.score) {
        let found = tied.iter().filter(|judged| judged.relevant).count();
        won += found as f64 * (others as f64 + (tied.len() - found) as f64 / 2.0);
        relevant += found;
        others += tied.len() - found;
    }
    if relevant == 0 || others == 0 { 0.5 } else { won / (relevant as f64 * others as f64) }
}

#[cfg(test)]
mod tests {
    use segue_core::ranking::TieBlock;

    use super::*;

    fn check(blocks: &[(usize, usize, usize)], (n_relevant, n_candidates): (usize, usize), expected: f64) {
        let blocks: Vec<_> = blocks.iter().map(|&(above, size, relevant)| TieBlock { above, size, relevant }).collect();
        assert!((auc(&Ranks::of(&blocks, n_relevant, n_candidates)) - expected).abs() < 1e-15);
    }

    #[test]
    fn pairs_in_order() {
        // First and third of five: (3 + 2) of 6 pairs.
        check(&[(0, 1, 1), (2, 1, 1)], (2, 5), 5.0 / 6.0);
        check(&[(0, 1, 1)], (1, 5), 1.0);
        check(&[(4, 1, 1)], (1, 5), 0.0);
        check(&[], (1, 5), 0.0);
        check(&[(0, 2, 2)], (2, 2), 0.5);
        // One of two could not be ranked.
        check(&[(0, 1, 1)], (2, 5), 0.5);
    }

    #[test]
    fn lists_of_all_users_are_one() {
        let judged = |score, relevant| Judged { score, relevant };
        // Each user's own pair is in order; the second's relevant item stands below the first's other.
        let two = vec![judged(9.0, true), judged(8.0, false), judged(2.0, true), judged(1.0, false)];
        assert_eq!(pooled(two), 3.0 / 4.0);
        // Zeros are equal, whatever their sign.
        assert_eq!(pooled(vec![judged(0.0, true), judged(-0.0, false), judged(-1.0, false)]), 1.5 / 2.0);
        assert_eq!((pooled(vec![judged(1.0, true)]), pooled(Vec::new())), (0.5, 0.5));
    }

    #[test]
    fn a_constant_model_scores_one_half() {
        check(&[(0, 100, 1)], (1, 100), 0.5);
        check(&[(0, 7, 3)], (3, 7), 0.5);
    }
}
