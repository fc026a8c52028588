//! NDCG where some items are more relevant than others: by the value of what was held out, such as a rating.

use super::ndcg::discount;
use super::spec::{Measure, Metric, Ranks, Trait};

/// Discounted gains of the first k over those of the best k there are; an item's gain is its value.
///
/// `trec_eval` and `ranx` call it `ndcg`. Järvelin and Kekäläinen, *Cumulated gain-based evaluation of IR techniques*, ACM TOIS
/// 2002.
pub(super) static NDCG_GRADED: Metric = Metric {
    name: "ndcg_graded",
    aliases: &["ndcg_linear"],
    doc: "discounted values of the hits, log2, over the best possible: the gain of a hit is its value",
    traits: &[Trait::Graded],
    measure: Measure::PerUser(|ranks, k| graded(ranks, k, f64::from)),
};

/// The same with the gain `2^value - 1`, which sets high values far apart.
///
/// Burges et al., *Learning to rank using gradient descent*, ICML 2005; `ranx` calls it `ndcg_burges`.
pub(super) static NDCG_BURGES: Metric = Metric {
    name: "ndcg_burges",
    aliases: &["ndcg_exponential"],
    doc: "discounted hits, log2, over the best possible: the gain of a hit is 2^value - 1",
    traits: &[Trait::Graded],
    measure: Measure::PerUser(|ranks, k| graded_exponential(ranks, k, f64::from)),
};

/// In a tie block each position holds a block's mean gain, relevant or not.
pub(super) fn graded(ranks: &Ranks<'_>, k: usize, gain: impl Fn(f32) -> f64) -> f64 {
    let (mut sum, mut next) = (0.0, 0);
    for (block, m) in ranks.within(k) {
        let of_block = ranks.grades.found.get(next..next + block.relevant);
        let total = of_block.map_or(block.relevant as f64 * gain(1.0), |grades| grades.iter().map(|&g| gain(g)).sum());
        next += block.relevant;
        let share = total / block.size as f64;
        for position in block.above + 1..=block.above + m {
            sum += share * discount(position);
        }
    }
    let mut best: Vec<f64> = match ranks.grades.all {
        [] => vec![gain(1.0); ranks.n_relevant],
        all => all.iter().map(|&g| gain(g)).collect(),
    };
    best.sort_unstable_by(|a, b| b.total_cmp(a));
    let ideal: f64 = (1..).zip(best.iter().take(k)).map(|(position, gain)| gain * discount(position)).sum();
    if ideal > 0.0 { sum / ideal } else { 0.0 }
}

/// [`graded`] with the gain `2^exponent - 1` of each value.
///
/// `f64` ends below 2^1024, and values may be play counts of many thousands. The metric is a ratio, so that gains may be divided by
/// any number: there by 2 to the user's largest exponent, elsewhere by 1, which leaves the bits of the plain formula.
pub(super) fn graded_exponential(ranks: &Ranks<'_>, k: usize, exponent: impl Fn(f32) -> f64) -> f64 {
    /// Sums of a million times 2 to this are still numbers.
    const LARGEST: f64 = 1000.0;
    let largest = ranks.grades.all.iter().map(|&value| exponent(value)).fold(f64::NEG_INFINITY, f64::max);
    let scale = if largest > LARGEST { largest } else { 0.0 };
    graded(ranks, k, |value| (exponent(value) - scale).exp2() - (-scale).exp2())
}

#[cfg(test)]
mod tests {
    use segue_core::ranking::TieBlock;

    use super::super::spec::Grades;
    use super::*;

    #[test]
    fn gains_are_values() {
        let block = |above, size, relevant| TieBlock { above, size, relevant };
        let grades = Grades { found: &[2.0, 5.0], all: &[5.0, 3.0, 2.0] };
        let blocks = [block(0, 1, 1), block(2, 1, 1)];
        let ranks = Ranks { grades, ..Ranks::of(&blocks, 3, 9) };
        let ideal = 5.0 + 3.0 / 3_f64.log2() + 1.0;
        assert!((graded(&ranks, 3, f64::from) - (2.0 + 2.5) / ideal).abs() < 1e-15);
        // Tied: either may come first.
        let blocks = [block(0, 2, 2)];
        let ranks = Ranks { grades, ..Ranks::of(&blocks, 3, 9) };
        let expected = 3.5 * (1.0 + 1.0 / 3_f64.log2()) / ideal;
        assert!((graded(&ranks, 3, f64::from) - expected).abs() < 1e-15);
        // Values far beyond what 2 to their power can be stored in, one apart: gains of a half and 1, whatever is added to both.
        for (large, plus) in [(4000.0, 0.0), (4000.0, 1.0), (8e6, 0.0), (1000.5, 1.0)] {
            let grades = Grades { found: &[large - 1.0], all: &[large, large - 1.0] };
            let blocks = [block(0, 1, 1)];
            let ranks = Ranks { grades, ..Ranks::of(&blocks, 2, 9) };
            let found = graded_exponential(&ranks, 10, |value| f64::from(value) + plus);
            assert!((found - 0.5 / (1.0 + 0.5 / 3_f64.log2())).abs() < 1e-15, "{large}: {found}");
        }
        let grades = Grades { found: &[f32::MAX, 2.0], all: &[2.0, f32::MAX] };
        let blocks = [block(0, 1, 1), block(1, 1, 1)];
        assert_eq!(graded_exponential(&Ranks { grades, ..Ranks::of(&blocks, 2, 9) }, 10, f64::from), 1.0);
        // Without grades it is the plain one.
        let blocks = [block(1, 1, 1)];
        assert!((graded(&Ranks::of(&blocks, 1, 9), 3, f64::from) - 1.0 / 3_f64.log2()).abs() < 1e-15);
    }
}
