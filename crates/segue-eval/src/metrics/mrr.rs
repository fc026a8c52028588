//! Mean reciprocal rank: how soon the first relevant item comes.

use super::spec::{Measure, Metric, Ranks};

/// `1 / position` of the first hit in the first k, 0 without one.
///
/// cornac does not cut, and raises an error where a user has no hit.
///
/// Of `s` tied candidates with `r` relevant, position p is the first hit with probability
/// `r / (s − p + 1) · Π (1 − r / (s − q + 1))` over the positions q before it.
pub(super) static MRR: Metric = Metric {
    name: "mrr",
    aliases: &["rr", "reciprocal_rank"],
    doc: "one over the position of the first hit, 0 if it is not in the first k",
    traits: &[],
    measure: Measure::PerUser(reciprocal_rank),
};

pub(super) fn reciprocal_rank(ranks: &Ranks<'_>, k: usize) -> f64 {
    // A block holds at least one relevant item, so the first hit is in the first block or below the cut-off.
    let Some((block, m)) = ranks.within(k).next() else {
        return 0.0;
    };
    let mut expected = 0.0;
    let mut none_yet = 1.0;
    for p in 1..=m {
        let left = (block.size - p + 1) as f64;
        let hit = (block.relevant as f64 / left).min(1.0);
        expected += none_yet * hit / (block.above + p) as f64;
        none_yet *= 1.0 - hit;
        if none_yet <= 0.0 {
            break;
        }
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::check;

    #[test]
    fn the_first_hit_counts() {
        check("mrr@10", &[(3, 1, 1), (5, 1, 1)], 2, 0.25);
        check("mrr@3", &[(3, 1, 1)], 1, 0.0);
    }

    #[test]
    fn ties_average_over_the_first_hit() {
        // One of three: (1 + 1/2 + 1/3) / 3. Two of three: 1 with 2/3, 1/2 with 1/3.
        check("mrr@3", &[(0, 3, 1)], 1, (1.0 + 0.5 + 1.0 / 3.0) / 3.0);
        check("mrr@3", &[(0, 3, 2)], 2, 2.0 / 3.0 + 0.5 / 3.0);
    }
}
