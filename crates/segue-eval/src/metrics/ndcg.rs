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
    measure: Measure::PerUser(|ranks, k| gain(ranks, k) / ideal_of_any(k)),
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

/// Positions whose discounts are added one by one; beyond, the sum has a closed form that is as exact.
const COUNTED: usize = 4096;

/// [`ideal`] of any number of hits, as many as a cut-off may name: by Euler and Maclaurin's formula beyond the first positions, whose
/// next term is below 1e-15.
fn ideal_of_any(hits: usize) -> f64 {
    if hits <= COUNTED {
        return ideal(hits);
    }
    // With f(p) = ln 2 / ln(p + 1): its integral is ln 2 · li(p + 1).
    let (a, b) = (COUNTED as f64 + 1.0, hits as f64 + 1.0);
    let slope = |x: f64| -1.0 / (x * x.ln() * x.ln());
    let ends = f64::midpoint(1.0 / b.ln(), -1.0 / a.ln()) + (slope(b) - slope(a)) / 12.0;
    ideal(COUNTED) + std::f64::consts::LN_2 * (li(b) - li(a) + ends)
}

/// The logarithmic integral but for Euler's constant, which differences are free of: `ln ln x + Σ (ln x)^n / (n · n!)`.
fn li(x: f64) -> f64 {
    let log = x.ln();
    let (mut sum, mut term) = (log.ln(), 1.0);
    // Its terms rise up to n = ln x, at most 45, and then fall faster than any power.
    for n in 1..200 {
        term *= log / f64::from(n);
        sum += term / f64::from(n);
    }
    sum
}

pub(super) fn discount(position: usize) -> f64 {
    1.0 / (position as f64 + 1.0).log2()
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::check;
    use super::*;

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
    fn the_ideal_of_many_hits_is_their_sum() {
        for hits in [1, COUNTED, COUNTED + 1, 5000, 1_000_000] {
            let (sum, closed) = (ideal(hits), ideal_of_any(hits));
            assert!((closed / sum - 1.0).abs() < 1e-12, "{hits}: {closed} is not {sum}");
        }
        // By mpmath with 40 digits, a hundred thousand positions one by one.
        assert!((ideal_of_any(1_000_000_000_000) / 26_067_844_703.647_524 - 1.0).abs() < 1e-12);
        assert!(ideal_of_any(usize::MAX).is_finite());
    }

    #[test]
    fn a_constant_model_scores_chance() {
        let sum: f64 = (1..=10).map(|p| 1.0 / f64::from(p + 1).log2()).sum();
        check("ndcg@10", &[(0, 100, 1)], 1, sum / 100.0);
        assert!((sum / 100.0 - 0.0454).abs() < 5e-5);
    }
}
