//! Feasibility: numbers of one table bind each other; a table that breaks these bounds was not measured as it says.
//!
//! Where every list has exactly one relevant item, with rank r: hit = [r ≤ k], precision = hit / k, recall = hit,
//! F1 = 2 hit / (k + 1), AP = RR = hit / r and NDCG = hit / log2(r + 1). A mean over users is a mixture of those points, so
//! (MAP, NDCG) divided by HR lies in the convex hull of `(1/r, 1/log2(r + 1))`, r = 1 … k.

use crate::evaluate::Evaluation;

/// What a table says at one cut-off, of lists with one relevant item each.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OnePositive {
    /// The cut-off.
    pub k: usize,
    /// Hit rate.
    pub hr: Option<f64>,
    /// Precision.
    pub precision: Option<f64>,
    /// Recall.
    pub recall: Option<f64>,
    /// F1.
    pub f1: Option<f64>,
    /// NDCG.
    pub ndcg: Option<f64>,
    /// MAP.
    pub map: Option<f64>,
    /// MRR, cut at k.
    pub mrr: Option<f64>,
}

impl OnePositive {
    /// What an evaluation says at cut-off `k`. The caller knows that every list had one relevant item.
    pub fn of(evaluation: &Evaluation, k: usize) -> Self {
        let value = |name: &str| {
            let mut at_k = evaluation.metrics.iter().filter(|m| m.spec.cutoff == Some(k));
            at_k.find(|m| m.spec.metric.name == name).map(|m| m.value)
        };
        Self {
            k,
            hr: value("hr"),
            precision: value("precision"),
            recall: value("recall"),
            f1: value("f1"),
            ndcg: value("ndcg"),
            map: value("map"),
            mrr: value("mrr"),
        }
    }

    /// Every bound that the numbers break by more than `tolerance` (half a unit of the last printed digit), in words.
    pub fn violations(&self, tolerance: f64) -> Vec<String> {
        let k = self.k as f64;
        let mut found = Vec::new();
        let named = [
            ("HR", self.hr),
            ("precision", self.precision),
            ("recall", self.recall),
            ("F1", self.f1),
            ("NDCG", self.ndcg),
            ("MAP", self.map),
            ("MRR", self.mrr),
        ];
        for (name, value) in named {
            if let Some(value) = value.filter(|v| !(-tolerance..=1.0 + tolerance).contains(v)) {
                found.push(format!("{name}@{k} = {value} is not within [0, 1]"));
            }
        }
        // Recall is the hit rate by another name, MRR is MAP.
        let (hr, map) = (self.hr.or(self.recall), self.map.or(self.mrr));
        let mut equal = |left: &str, value: Option<f64>, right: &str, expected: Option<f64>| {
            if let (Some(value), Some(expected)) = (value, expected)
                && (value - expected).abs() > 2.0 * tolerance
            {
                found.push(format!("{left} = {value}, but {right} = {expected}"));
            }
        };
        equal("recall", self.recall, "HR", hr);
        equal("MRR", self.mrr, "MAP", map);
        equal("precision", self.precision, "HR / k", hr.map(|hr| hr / k));
        equal("F1", self.f1, "2 HR / (k + 1)", hr.map(|hr| 2.0 * hr / (k + 1.0)));

        let mut at_most = |left: &str, low: Option<f64>, right: &str, high: Option<f64>| {
            if let (Some(low), Some(high)) = (low, high)
                && low > high + 2.0 * tolerance
            {
                found.push(format!("{left} = {low} is more than {right} = {high}"));
            }
        };
        at_most("MAP", map, "NDCG", self.ndcg);
        at_most("NDCG", self.ndcg, "HR", hr);
        at_most("HR / k", hr.map(|hr| hr / k), "MAP", map);
        at_most("HR / log2(k + 1)", hr.map(|hr| hr / (k + 1.0).log2()), "NDCG", self.ndcg);
        if let (Some(hr), Some(map), true) = (hr, map, self.k >= 2) {
            let (lowest, highest) = (hr * chord(self.k, map / hr), hr * hull(self.k, map / hr));
            if hr > 0.0 {
                at_most("the least NDCG that this HR and MAP allow", Some(lowest), "NDCG", self.ndcg);
                at_most("NDCG", self.ndcg, "the most that this HR and MAP allow", Some(highest));
            }
        }
        found
    }
}

fn point(r: usize) -> (f64, f64) {
    (1.0 / r as f64, 1.0 / (r as f64 + 1.0).log2())
}

fn between(left: (f64, f64), right: (f64, f64), x: f64) -> f64 {
    left.1 + (right.1 - left.1) * (x - left.0) / (right.0 - left.0)
}

/// Lower side of the hull: the chord from rank k to rank 1, because NDCG is concave in 1/r.
fn chord(k: usize, x: f64) -> f64 {
    between(point(k), point(1), x.clamp(1.0 / k as f64, 1.0))
}

/// Upper side of the hull: through all ranks.
fn hull(k: usize, x: f64) -> f64 {
    let x = x.clamp(1.0 / k as f64, 1.0);
    let r = (1..k).find(|r| point(r + 1).0 <= x).unwrap_or(k - 1);
    between(point(r + 1), point(r), x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact table of lists whose positive has these ranks.
    fn table(k: usize, ranks: &[usize]) -> OnePositive {
        let mean = |of: &dyn Fn(usize) -> f64| {
            let within = ranks.iter().filter(|r| **r <= k).map(|r| of(*r));
            Some(within.sum::<f64>() / ranks.len() as f64)
        };
        let k_f = k as f64;
        OnePositive {
            k,
            hr: mean(&|_| 1.0),
            precision: mean(&|_| 1.0 / k_f),
            recall: mean(&|_| 1.0),
            f1: mean(&|_| 2.0 / (k_f + 1.0)),
            ndcg: mean(&|r| point(r).1),
            map: mean(&|r| point(r).0),
            mrr: mean(&|r| point(r).0),
        }
    }

    proptest::proptest! {
        #[test]
        fn what_can_be_measured_is_feasible(
            ranks in proptest::collection::vec(1_usize..40, 1..50),
            k in 1_usize..25,
        ) {
            let found = table(k, &ranks).violations(1e-9);
            proptest::prop_assert!(found.is_empty(), "{:?}", found);
        }
    }

    #[test]
    fn what_cannot_be_measured_is_named() {
        let honest = table(10, &[1, 3, 12, 7]);
        let check = |table: OnePositive, words: &str| {
            let found = table.violations(5e-5).join("; ");
            assert!(found.contains(words), "{found:?} lacks {words:?}");
        };
        check(OnePositive { precision: Some(0.2), ..honest }, "HR / k");
        check(OnePositive { f1: Some(0.2), ..honest }, "2 HR / (k + 1)");
        check(OnePositive { ndcg: Some(0.9), ..honest }, "more than HR");
        check(OnePositive { ndcg: Some(0.3), ..honest }, "MAP = ");
        check(OnePositive { ndcg: Some(0.6), ..honest }, "the most that this HR and MAP allow");
        check(OnePositive { map: Some(1.2), ..honest }, "not within [0, 1]");
        // MAP worst-case over ties with NDCG by expectation: too far apart.
        check(OnePositive { map: Some(0.1), mrr: None, ..honest }, "the most");
    }
}
