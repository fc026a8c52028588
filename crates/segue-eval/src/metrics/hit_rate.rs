//! Hit rate: whether anything relevant is among the first k.

use super::spec::{Measure, Metric, Ranks};

/// 1 if any relevant item is in the first k, else 0. All libraries agree.
///
/// With `m` of a block's `size` positions inside the cut-off, no hit among them has the hypergeometric probability
/// `C(size − relevant, m) / C(size, m)`.
pub(super) static HR: Metric = Metric {
    name: "hr",
    aliases: &["hit_rate", "hit", "hits", "hitrate", "hit_ratio"],
    doc: "share of users with any relevant item in the first k",
    traits: &[],
    measure: Measure::PerUser(hit),
};

fn hit(ranks: &Ranks<'_>, k: usize) -> f64 {
    let miss: f64 = ranks
        .within(k)
        .map(|(block, m)| {
            // C(s − r, m) / C(s, m) = C(s − m, r) / C(s, r): the shorter product of the two.
            let (few, many) = (m.min(block.relevant), m.max(block.relevant));
            (0..few).map(|n| block.size.saturating_sub(many + n) as f64 / (block.size - n) as f64).product::<f64>()
        })
        .product();
    1.0 - miss
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::check;

    #[test]
    fn any_hit_counts_once() {
        check("hr@3", &[(0, 1, 1), (1, 1, 1)], 2, 1.0);
        check("hr@3", &[(3, 1, 1)], 1, 0.0);
        check("hr@3", &[], 1, 0.0);
    }

    #[test]
    fn a_constant_model_scores_chance() {
        check("hr@10", &[(0, 100, 1)], 1, 0.1);
        // Two relevant among four, two positions: 1 − C(2,2)/C(4,2).
        check("hr@2", &[(0, 4, 2)], 2, 5.0 / 6.0);
    }
}
