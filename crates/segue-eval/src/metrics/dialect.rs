//! What other programs call by the same names: `ranx:map` is `map_trec` here, `elliot:map` is no average precision at all.
//!
//! Each program has a table from our names to the metric that gives its number. Most lead to metrics of ours; what nobody
//! else defines so is defined here and keeps the program's name. All are held to the programs themselves, see
//! `golden/dialects`. Most of these take lists as they come and say nothing of equal scores: with lists in which the lower index
//! stands first they give what `Ties::Index` does. ranx sorts rows itself, which is followed for TREC runs; `RecBole`'s GAUC and
//! cornac's MAP and AUC look at scores and have ties of their own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::graded::graded_exponential;
use super::map::precisions;
use super::precision_recall::expected_hits;
use super::spec::{Measure, Metric, MetricError, Ranks, Trait};
use super::{auc, error, exposure, graded, hit_rate, lists, map, mrr, ndcg, precision_recall};

/// Whose definitions metrics have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Ours.
    #[default]
    Segue,
    /// `RecBole`.
    Recbole,
    /// `trec_eval`.
    TrecEval,
    /// `ranx`.
    Ranx,
    /// `RecTools`.
    Rectools,
    /// Elliot.
    Elliot,
    /// `implicit`.
    Implicit,
    /// cornac.
    Cornac,
    /// Scripts that report the F1 of the mean precision and recall of leave-one-out data.
    Seed,
}

type Names = &'static [(&'static str, &'static Metric)];

const RECBOLE: Names = &[
    ("precision", &precision_recall::PRECISION),
    ("recall", &precision_recall::RECALL),
    ("hr", &hit_rate::HR),
    ("ndcg", &ndcg::NDCG),
    ("map", &map::MAP),
    ("mrr", &mrr::MRR),
    ("auc", &RECBOLE_AUC),
    ("gauc", &auc::GAUC),
    ("coverage", &RECBOLE_COVERAGE),
    ("gini", &RECBOLE_GINI),
    ("entropy", &RECBOLE_ENTROPY),
    ("average_popularity", &lists::AVERAGE_POPULARITY),
    ("rmse", &error::RMSE),
    ("mae", &error::MAE),
];

const TREC_EVAL: Names = &[
    ("precision", &precision_recall::PRECISION),
    ("recall", &precision_recall::RECALL),
    ("hr", &hit_rate::HR),
    ("ndcg", &graded::NDCG_GRADED),
    ("map", &map::MAP_TREC),
    ("map_uncut", &TREC_EVAL_MAP_UNCUT),
    ("mrr", &TREC_EVAL_MRR),
];

const RANX: Names = &[
    ("precision", &precision_recall::PRECISION),
    ("recall", &precision_recall::RECALL),
    ("f1", &precision_recall::F1),
    ("hr", &hit_rate::HR),
    ("ndcg", &graded::NDCG_GRADED),
    ("ndcg_burges", &graded::NDCG_BURGES),
    ("map", &map::MAP_TREC),
    ("mrr", &mrr::MRR),
];

const RECTOOLS: Names = &[
    ("precision", &precision_recall::PRECISION),
    ("recall", &precision_recall::RECALL),
    ("f1", &precision_recall::F1),
    ("hr", &hit_rate::HR),
    ("ndcg", &ndcg::NDCG_OVER_K),
    ("map", &map::MAP_TREC),
    ("mrr", &mrr::MRR),
    ("coverage", &RECTOOLS_COVERAGE),
    ("novelty", &lists::NOVELTY),
    ("average_popularity", &lists::AVERAGE_POPULARITY),
    ("diversity", &lists::DIVERSITY),
    ("serendipity", &lists::SERENDIPITY),
];

const ELLIOT: Names = &[
    ("precision", &precision_recall::PRECISION),
    ("recall", &precision_recall::RECALL),
    ("f1", &precision_recall::F1),
    ("hr", &hit_rate::HR),
    ("ndcg", &ELLIOT_NDCG),
    ("map", &ELLIOT_MAP),
    ("mrr", &mrr::MRR),
    ("coverage", &ELLIOT_COVERAGE),
    ("gini", &ELLIOT_GINI),
    ("entropy", &ELLIOT_ENTROPY),
];

const IMPLICIT: Names =
    &[("precision", &IMPLICIT_PRECISION), ("ndcg", &ndcg::NDCG), ("map", &map::MAP), ("auc", &IMPLICIT_AUC)];

const CORNAC: Names = &[
    ("precision", &precision_recall::PRECISION),
    ("recall", &precision_recall::RECALL),
    ("f1", &precision_recall::F1),
    ("hr", &hit_rate::HR),
    ("ndcg", &ndcg::NDCG),
    ("map", &CORNAC_MAP),
    ("mrr", &CORNAC_MRR),
    ("auc", &CORNAC_AUC),
    ("rmse", &error::RMSE),
    ("mse", &error::MSE),
    ("mae", &error::MAE),
];

const SEED: Names = &[
    ("precision", &precision_recall::PRECISION),
    ("recall", &precision_recall::RECALL),
    ("f1", &precision_recall::F1_OF_MEANS),
    ("hr", &hit_rate::HR),
    ("ndcg", &ndcg::NDCG),
    ("map", &map::MAP),
];

impl Dialect {
    /// Every dialect but ours.
    pub const OTHERS: [Self; 8] = [
        Self::Recbole,
        Self::TrecEval,
        Self::Ranx,
        Self::Rectools,
        Self::Elliot,
        Self::Implicit,
        Self::Cornac,
        Self::Seed,
    ];

    /// The metric that gives this program's number for one of our names.
    pub fn metric(self, name: &str) -> Result<&'static Metric, MetricError> {
        if self == Self::Segue {
            return Metric::find(name);
        }
        let named = self.table().iter().find(|(known, _)| *known == name);
        // By our name for what the program calls otherwise: `ranx:map_trec` is `ranx:map`.
        let found = named.or_else(|| self.table().iter().find(|(_, metric)| metric.name == name));
        found
            .map(|(_, metric)| *metric)
            .ok_or_else(|| MetricError::NotInDialect { dialect: self, names: vec![name.to_owned()] })
    }

    /// What this program calls as a metric of ours is called; a metric that names its own program stays.
    pub fn speaks(self, metric: &'static Metric) -> Result<&'static Metric, MetricError> {
        if metric.name.contains(':') { Ok(metric) } else { self.metric(metric.name) }
    }

    pub(super) fn names() -> String {
        Self::OTHERS.map(|dialect| dialect.to_string()).join(", ")
    }

    pub(super) fn metric_names(self) -> String {
        self.table().iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    fn table(self) -> Names {
        match self {
            Self::Segue => &[],
            Self::Recbole => RECBOLE,
            Self::TrecEval => TREC_EVAL,
            Self::Ranx => RANX,
            Self::Rectools => RECTOOLS,
            Self::Elliot => ELLIOT,
            Self::Implicit => IMPLICIT,
            Self::Cornac => CORNAC,
            Self::Seed => SEED,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for Dialect {
    type Err = MetricError;

    fn from_str(name: &str) -> Result<Self, MetricError> {
        let known = Self::OTHERS.into_iter().chain([Self::Segue]).find(|dialect| dialect.to_string() == name);
        known.ok_or_else(|| MetricError::NoDialect { name: name.to_owned() })
    }
}

/// Area under the ROC curve of all users' candidates as one list. `RecBole` refuses it over all items, too; it has no number where
/// nothing, or everything, is relevant.
static RECBOLE_AUC: Metric = Metric {
    name: "recbole:auc",
    aliases: &[],
    doc: "auc over the candidates of all users as one list, sampled or given (auc; no cut-off)",
    traits: &[],
    measure: Measure::OfScores(auc::pooled),
};

/// Distinct items shown over all items of the catalogue and one more: `RecBole` counts its padding as an item.
static RECBOLE_COVERAGE: Metric = Metric {
    name: "recbole:coverage",
    aliases: &[],
    doc: "distinct items in the first k over all items and the padding (itemcoverage)",
    traits: &[],
    measure: Measure::OfAll(|shown| shown.all.iter().filter(|&&n| n > 0).count() as f64 / (shown.all.len() + 1) as f64),
};

/// Gini coefficient over all items of the catalogue and the padding.
static RECBOLE_GINI: Metric = Metric {
    name: "recbole:gini",
    aliases: &[],
    doc: "inequality of exposure over all items and the padding (giniindex; less is better)",
    traits: &[Trait::LessIsBetter],
    measure: Measure::OfAll(|shown| exposure::gini(&[&shown.all[..], &[0]].concat())),
};

/// Shannon entropy in nats, over the number of items that were shown.
static RECBOLE_ENTROPY: Metric = Metric {
    name: "recbole:entropy",
    aliases: &[],
    doc: "Shannon entropy of the items shown, in nats, over how many they are (shannonentropy)",
    traits: &[],
    measure: Measure::OfAll(|shown| {
        let n = shown.all.iter().filter(|&&n| n > 0).count();
        if n == 0 { 0.0 } else { exposure::entropy(&shown.all) * std::f64::consts::LN_2 / n as f64 }
    }),
};

/// Average precision of the whole list.
static TREC_EVAL_MAP_UNCUT: Metric = Metric {
    name: "trec_eval:map_uncut",
    aliases: &[],
    doc: "average precision of the whole list, over |R| (trec_eval's map; no cut-off)",
    traits: &[],
    measure: Measure::Uncut {
        of: |ranks| precisions(ranks, ranks.n_candidates) / ranks.n_relevant.max(1) as f64,
        weight: |_| 1.0,
    },
};

/// Reciprocal rank of the first hit, however far down.
static TREC_EVAL_MRR: Metric = Metric {
    name: "trec_eval:mrr",
    aliases: &[],
    doc: "one over the position of the first hit in the whole list (recip_rank; no cut-off)",
    traits: &[],
    measure: UNCUT_MRR,
};

/// Reciprocal rank of the first hit, however far down. cornac raises an error where there is none; it counts 0 here.
static CORNAC_MRR: Metric = Metric {
    name: "cornac:mrr",
    aliases: &[],
    doc: "one over the position of the first hit in the whole list (no cut-off)",
    traits: &[],
    measure: UNCUT_MRR,
};

const UNCUT_MRR: Measure =
    Measure::Uncut { of: |ranks| mrr::reciprocal_rank(ranks, ranks.n_candidates), weight: |_| 1.0 };

/// Gain `2^(value + 1) - 1`: Elliot's with its default `relevance_threshold` of 0.
static ELLIOT_NDCG: Metric = Metric {
    name: "elliot:ndcg",
    aliases: &[],
    doc: "discounted hits over the best possible: the gain of a hit is 2^(value + 1) - 1",
    traits: &[Trait::Graded],
    measure: Measure::PerUser(|ranks, k| graded_exponential(ranks, k, |value| f64::from(value) + 1.0)),
};

/// The mean of the precision at 1, 2, ... k, which Elliot calls MAP.
static ELLIOT_MAP: Metric = Metric {
    name: "elliot:map",
    aliases: &[],
    doc: "mean of the precision at every cut-off up to k, which is no average precision",
    traits: &[],
    measure: Measure::PerUser(|ranks, k| {
        // Below the last hit there are no more of them.
        let last = ranks.blocks.last().map_or(0, |block| block.above + block.size).min(k);
        let within: f64 = (1..=last).map(|cut| expected_hits(ranks, cut) / cut as f64).sum();
        (within + expected_hits(ranks, last) * reciprocals(last, k)) / k as f64
    }),
};

/// `Σ 1 / n` for n from `after + 1` to `last`, as many as a cut-off may name.
fn reciprocals(after: usize, last: usize) -> f64 {
    /// Numbers that are added one by one; beyond, the sum has a closed form that is as exact.
    const COUNTED: usize = 4096;
    let counted = last.min(after.saturating_add(COUNTED));
    let sum: f64 = (after + 1..=counted).map(|n| 1.0 / n as f64).sum();
    if counted == last {
        return sum;
    }
    // Euler and Maclaurin's formula for the harmonic numbers; its next term is below 1e-24.
    let (a, b) = (counted as f64, last as f64);
    let tail = |n: f64| 0.5 / n - 1.0 / (12.0 * n * n);
    sum + (b / a).ln() + tail(b) - tail(a)
}

/// How many items are shown, be they of the catalogue or not: `RecTools`' with its default `normalize=False`.
static RECTOOLS_COVERAGE: Metric = Metric {
    name: "rectools:coverage",
    aliases: &[],
    doc: "number of distinct items in the first k (CatalogCoverage)",
    traits: &[],
    measure: N_SHOWN,
};

/// How many items are shown.
static ELLIOT_COVERAGE: Metric = Metric {
    name: "elliot:coverage",
    aliases: &[],
    doc: "number of distinct items in the first k (ItemCoverage)",
    traits: &[],
    measure: N_SHOWN,
};

const N_SHOWN: Measure = Measure::OfAll(|shown| shown.all.iter().filter(|&&n| n > 0).count() as f64);

/// One minus the Gini coefficient in its unbiased form, over all items of the catalogue: more is more even. Elliot divides by zero
/// where there is a single item, which is as even as can be.
static ELLIOT_GINI: Metric = Metric {
    name: "elliot:gini",
    aliases: &[],
    doc: "1 - inequality of exposure, over n - 1 for n (Gini; more is more even)",
    traits: &[],
    measure: Measure::OfAll(|shown| {
        let n = shown.all.len() as f64;
        1.0 - exposure::gini(&shown.all) * n / (n - 1.0).max(1.0)
    }),
};

/// Shannon entropy in bits over all items of the catalogue, those never trained on too.
static ELLIOT_ENTROPY: Metric = Metric {
    name: "elliot:entropy",
    aliases: &[],
    doc: "Shannon entropy of the items shown, in bits, over all items (SEntropy)",
    traits: &[],
    measure: Measure::OfAll(|shown| exposure::entropy(&shown.all)),
};

/// All hits over all that could be: `Σ hits / Σ min(k, |R|)`.
static IMPLICIT_PRECISION: Metric = Metric {
    name: "implicit:precision",
    aliases: &[],
    doc: "hits of all users over what would fit: sum of hits / sum of min(k, |R|)",
    traits: &[],
    measure: Measure::Pooled { of: expected_hits, over: |ranks, k| k.min(ranks.n_relevant) as f64 },
};

/// Area under the curve of the first k, continued by a straight line over every other item of the catalogue, seen or not.
static IMPLICIT_AUC: Metric = Metric {
    name: "implicit:auc",
    aliases: &[],
    doc: "area under the ROC curve of the first k, continued straight (implicit)",
    traits: &[],
    measure: Measure::PerUser(implicit_auc),
};

fn implicit_auc(ranks: &Ranks<'_>, k: usize) -> f64 {
    let (positives, negatives) = (ranks.n_relevant as f64, ranks.n_items as f64 - ranks.n_relevant as f64);
    if negatives <= 0.0 || ranks.n_relevant == 0 {
        return 0.0;
    }
    // Its lists end where the catalogue does.
    let k = k.min(ranks.n_items);
    // Hits above each miss, summed: all pairs of a hit and a lower miss.
    let (mut pairs, mut hits, mut at) = (0.0, 0.0, 0);
    for (block, m) in ranks.within(k) {
        pairs += hits * (block.above - at) as f64;
        let (s, r) = (block.size as f64, block.relevant as f64);
        let misses = s - r;
        let above_one = if block.size > 1 { r / (s - 1.0) } else { 0.0 };
        for p in 0..m {
            pairs += misses / s * (hits + p as f64 * above_one);
        }
        hits += m as f64 * r / s;
        at = block.above + m;
    }
    pairs += hits * k.saturating_sub(at) as f64;
    let missed = k as f64 - hits;
    (pairs + f64::midpoint(hits, positives) * (negatives - missed)) / (positives * negatives)
}

/// Average precision of the whole list over the relevant candidates, ties at the worst place they may take.
static CORNAC_MAP: Metric = Metric {
    name: "cornac:map",
    aliases: &[],
    doc: "average precision of the whole list, ties at their worst (no cut-off)",
    traits: &[],
    measure: Measure::Uncut { of: cornac_map, weight: |_| 1.0 },
};

fn cornac_map(ranks: &Ranks<'_>) -> f64 {
    let (mut found, mut sum) = (0, 0.0);
    for block in ranks.blocks {
        found += block.relevant;
        sum += block.relevant as f64 * found as f64 / (block.above + block.size) as f64;
    }
    if found == 0 { 0.0 } else { sum / found as f64 }
}

/// Pairs of a relevant and another candidate in strict order; a tie counts nothing.
static CORNAC_AUC: Metric = Metric {
    name: "cornac:auc",
    aliases: &[],
    doc: "share of pairs of a relevant and another candidate that are in order, ties nothing (no cut-off)",
    traits: &[],
    measure: Measure::Uncut { of: cornac_auc, weight: |_| 1.0 },
};

fn cornac_auc(ranks: &Ranks<'_>) -> f64 {
    let found: usize = ranks.blocks.iter().map(|block| block.relevant).sum();
    let others = ranks.n_candidates.saturating_sub(found);
    let (mut relevant_above, mut won) = (0, 0);
    for block in ranks.blocks {
        let below = others - (block.above - relevant_above) - (block.size - block.relevant);
        won += block.relevant * below;
        relevant_above += block.relevant;
    }
    if found * others == 0 { 0.5 } else { won as f64 / (found * others) as f64 }
}

#[cfg(test)]
mod tests {
    use segue_core::ranking::TieBlock;

    use super::*;

    #[test]
    fn every_name_is_one_of_ours_or_its_own() {
        for dialect in Dialect::OTHERS {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
            for (name, metric) in dialect.table() {
                let own = metric.name == format!("{dialect}:{name}");
                assert!(own || Metric::find(metric.name).is_ok_and(|ours| ours.name == metric.name), "{}", metric.name);
                assert_eq!(Metric::find(&format!("{dialect}:{name}")).unwrap().name, metric.name);
            }
        }
    }

    #[test]
    fn any_cut_off_is_measured_at_once() {
        // Hits at 2 and 5, at every cut-off by hand.
        let blocks = [(1, 1, 1), (4, 1, 1)];
        let blocks = blocks.map(|(above, size, relevant)| TieBlock { above, size, relevant });
        let ranks = Ranks::of(&blocks, 2, 9);
        let Measure::PerUser(of) = ELLIOT_MAP.measure else { panic!("elliot:map is of each user") };
        for k in [1, 2, 4, 5, 6, 9, 4100, 4101, 4102, 20_000, 1_000_000] {
            let hits = |cut: usize| f64::from(u8::from(cut >= 2) + u8::from(cut >= 5));
            let sum: f64 = (1..=k).map(|cut| hits(cut) / cut as f64).sum();
            assert!((of(&ranks, k) * k as f64 / sum.max(1e-300) - 1.0).abs() < 1e-12 || sum == 0.0, "{k}");
        }
        // Every metric of a user, at the largest cut-off there is.
        let tables = Dialect::OTHERS.into_iter().flat_map(Dialect::table).map(|(_, metric)| *metric);
        for metric in tables.chain(super::super::METRICS.iter().copied()) {
            let value = match metric.measure {
                Measure::PerUser(of) => of(&ranks, usize::MAX),
                Measure::Pooled { of, over } => of(&ranks, usize::MAX) / over(&ranks, usize::MAX),
                Measure::OfMeans { parts: [first, second], of } => {
                    of(first(&ranks, usize::MAX), second(&ranks, usize::MAX))
                }
                _ => continue,
            };
            assert!((0.0..=1.0).contains(&value), "{}: {value}", metric.name);
        }
    }

    #[test]
    fn slips_are_answered() {
        let said = |name: &str| Metric::find(name).unwrap_err().to_string();
        assert!(said("recbol:map").contains("the dialects are recbole"));
        assert!(said("recbole:f1").contains("recbole has no metric `f1`; it has precision"));
        assert_eq!(Metric::find("RecBole:Hit").unwrap().name, "hr");
    }
}
