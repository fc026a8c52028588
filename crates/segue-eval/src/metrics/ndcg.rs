//! Normalised discounted cumulative gain: hits, each worth less the lower it stands (Järvelin and Kekäläinen, *Cumulated
//! gain-based evaluation of IR techniques*, ACM TOIS 2002).

use super::spec::{Measure, Metric, Ranks};

/// `Σ 1 / log2(position + 1)` over the hits in the first k, divided by what `min(k, |R|)` hits at the top would give.
///
/// Relevance is binary. `RecTools` divides by k hits by default, even where fewer items are relevant; daisyRec and the
/// original NGCF code re-sort the retrieved hits to get their ideal, which inflates it; Elliot grades by rating, as
/// `ndcg_graded` and `ndcg_burges` do in other ways.
pub(super) static NDCG: Metric = Metric {
    name: "ndcg",
    aliases: &["n", "normalized_dcg"],
    doc: "discounted hits, log2, over the best possible with min(k, |R|) hits",
    traits: &[],
    measure: Measure::PerUser(ndcg),
};

/// The same gain divided by that of k hits, even where fewer items are relevant: `RecTools`' default.
pub(super) static NDCG_OVER_K: Metric = Metric {
    name: "ndcg_over_k",
    aliases: &["ndcg_k"],
    doc: "discounted hits, log2, over what k hits would give, however few items are relevant",
    traits: &[],
    measure: Measure::PerUser(|ranks, k| gain(ranks, k) / ideal(k)),
};

fn ndcg(ranks: &Ranks<'_>, k: usize) -> f64 {
    let gain = gain(ranks, k);
    if gain == 0.0 { 0.0 } else { gain / ideal(k.min(ranks.n_relevant)) }
}

fn gain(ranks: &Ranks<'_>, k: usize) -> f64 {
    let mut gain = 0.0;
    for (block, m) in ranks.within(k) {
        let share = block.relevant as f64 / block.size as f64;
        for position in block.above + 1..=block.above + m {
            gain += share * discount(position);
        }
    }
    gain
}

fn ideal(hits: usize) -> f64 {
    (1..=hits).fold(0.0, |ideal, position| ideal + discount(position))
}

pub(super) fn discount(position: usize) -> f64 {
    1.0 / (position as f64 + 1.0).log2()
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::check;

    #[test]
    fn positions_are_discounted() {
        check("ndcg@3", &[(1, 1, 1)], 1, 1.0 / 3_f64.log2());
        check("ndcg@3", &[(0, 1, 1), (2, 1, 1)], 2, 1.5 / (1.0 + 1.0 / 3_f64.log2()));
        check("ndcg_over_k@3", &[(1, 1, 1)], 1, 1.0 / 3_f64.log2() / (1.5 + 1.0 / 3_f64.log2()));
        check("ndcg_over_k@3", &[], 1, 0.0);
        // More relevant items than positions: the ideal is three hits.
        check("ndcg@3", &[(0, 1, 1), (1, 1, 1), (2, 1, 1)], 9, 1.0);
    }

    #[test]
    fn a_constant_model_scores_chance() {
        let sum: f64 = (1..=10).map(|p| 1.0 / f64::from(p + 1).log2()).sum();
        check("ndcg@10", &[(0, 100, 1)], 1, sum / 100.0);
        assert!((sum / 100.0 - 0.0454).abs() < 5e-5);
    }
}
