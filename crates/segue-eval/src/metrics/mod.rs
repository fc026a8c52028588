//! The metrics, one family per file. Adding one is its file, its `mod` line and its line in [`METRICS`].
//!
//! Every ranking metric is the *expected* value over a random order of candidates with equal scores, in closed form: a model
//! that cannot tell the positive from the rest scores exactly chance, and no score depends on the order of ids or of a
//! file. Without ties it is the plain value, to the last bit. Many libraries let the tie fall where their sort drops it:
//! first in S-style scripts and gorse (the positive is pushed first), last in cornac's MAP and lightfm, by document id in
//! `trec_eval`, anywhere in `RecBole`'s `torch.topk`.

mod auc;
mod dialect;
mod error;
mod exposure;
mod graded;
mod hit_rate;
mod lists;
mod map;
mod mrr;
mod ndcg;
mod precision_recall;
mod spec;

pub use dialect::Dialect;
pub use spec::{Exposure, Grades, Judged, List, Measure, Metric, MetricError, MetricSpec, Ranks, Trait};

/// Every metric, in the order of help texts.
pub const METRICS: &[&Metric] = &[
    &precision_recall::PRECISION,
    &precision_recall::RECALL,
    &precision_recall::RECALL_CAPPED,
    &precision_recall::F1,
    &precision_recall::F1_OF_MEANS,
    &hit_rate::HR,
    &ndcg::NDCG,
    &ndcg::NDCG_OVER_K,
    &graded::NDCG_GRADED,
    &graded::NDCG_BURGES,
    &map::MAP,
    &map::MAP_TREC,
    &mrr::MRR,
    &auc::AUC,
    &auc::GAUC,
    &exposure::COVERAGE,
    &exposure::GINI,
    &exposure::ENTROPY,
    &lists::NOVELTY,
    &lists::AVERAGE_POPULARITY,
    &lists::DIVERSITY,
    &lists::SERENDIPITY,
    &error::RMSE,
    &error::MSE,
    &error::MAE,
];
