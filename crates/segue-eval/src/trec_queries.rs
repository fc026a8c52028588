//! Which queries of a TREC run and its qrels count, and which of them count as 0: programs differ.
//!
//! | | not in the run | no relevant document |
//! |---|---|---|
//! | ours, and every other dialect | 0 | left out |
//! | `trec_eval` | left out | 0 |
//! | `ranx`, made comparable | 0 | 0 |
//!
//! Held to the programs themselves by `golden/dialects/lists.json`.

use segue_core::UserId;

use crate::evaluate::{Evaluation, PerUser};
use crate::metrics::{Dialect, Measure, MetricSpec, Ranks};
use crate::rank::of_means;
use crate::trec::{Qrels, TrecRun};

/// What becomes of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Counts,
    /// Nothing relevant could have been found, and it counts as nothing found.
    CountsAsNothing,
    LeftOut,
}

/// Queries by what they are, and what a dialect makes of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queries<'a> {
    pub(crate) run: &'a TrecRun,
    pub(crate) qrels: &'a Qrels,
    pub(crate) dialect: Dialect,
}

impl<'a> Queries<'a> {
    /// Those that are averaged over, rising.
    pub(crate) fn counted(self) -> impl Iterator<Item = &'a str> {
        self.judged().filter(move |query| self.fate(query) != Fate::LeftOut)
    }

    /// The words of a protocol for them.
    pub(crate) fn words(dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::TrecEval => "queries of both the run and the qrels",
            Dialect::Ranx => "queries of the qrels",
            _ => "queries with a relevant document",
        }
    }

    /// What is not so plain of the queries, each in a line.
    pub(crate) fn notes(self) -> Vec<String> {
        let missing = |query: &&str| !self.run.queries.contains_key(*query);
        let n = |of: &dyn Fn(&&str) -> bool| self.judged().filter(of).count();
        let (lost, empty) =
            (n(&|query| missing(query) && self.is_relevant(query)), n(&|query| !self.is_relevant(query)));
        let other = self.run.queries.keys().filter(|query| !self.qrels.queries.contains_key(*query)).count();
        let (of_lost, of_empty) = match self.dialect {
            Dialect::TrecEval => ("left out, as trec_eval does", "count as 0, as in trec_eval, where the run has them"),
            Dialect::Ranx => ("counted as 0", "count as 0, as in ranx"),
            _ => ("counted as 0", "are left out"),
        };
        let lines = [
            (lost, format!("{lost} queries of the qrels are not in the run: {of_lost}")),
            (empty, format!("{empty} queries of the qrels have no relevant document and {of_empty}")),
            (other, format!("{other} queries of the run are not in the qrels and are left out")),
        ];
        lines.into_iter().filter(|(n, _)| *n > 0).map(|(_, line)| line).collect()
    }

    fn judged(self) -> impl Iterator<Item = &'a str> {
        self.qrels.queries.keys().map(String::as_str)
    }

    fn is_relevant(self, query: &str) -> bool {
        self.qrels.queries.get(query).is_some_and(|judged| judged.values().any(|&grade| grade >= 1))
    }

    fn fate(self, query: &str) -> Fate {
        let (found, relevant) = (self.run.queries.contains_key(query), self.is_relevant(query));
        match (self.dialect, relevant) {
            (Dialect::TrecEval, _) if !found => Fate::LeftOut,
            (_, true) => Fate::Counts,
            (Dialect::TrecEval | Dialect::Ranx, false) => Fate::CountsAsNothing,
            (_, false) => Fate::LeftOut,
        }
    }
}

/// Counts `n_queries` queries, of which those that were not measured found nothing.
pub(crate) fn count_unmeasured(evaluation: &mut Evaluation, n_queries: usize) {
    let measured = std::mem::take(&mut evaluation.users);
    evaluation.users = (0..n_queries as UserId).collect();
    if measured.len() == n_queries {
        return;
    }
    evaluation.tied_users *= measured.len() as f64 / n_queries as f64;
    let spread = |values: &[f64], nothing: f64| {
        let mut all = vec![nothing; n_queries];
        measured.iter().zip(values).for_each(|(&query, &value)| all[query as usize] = value);
        all
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64 + 0.0;
    for found in &mut evaluation.metrics {
        found.per_user = match &found.per_user {
            PerUser::Mean(values) => PerUser::Mean(spread(values, 0.0)),
            PerUser::OfMeans([first, second]) => PerUser::OfMeans([spread(first, 0.0), spread(second, 0.0)]),
            PerUser::Weighted { sums, weights } => {
                PerUser::Weighted { sums: spread(sums, 0.0), weights: spread(weights, weight_of_nothing(found.spec)) }
            }
            other => other.clone(),
        };
        found.value = match &found.per_user {
            PerUser::Mean(values) => mean(values),
            PerUser::OfMeans([first, second]) => of_means(found.spec, mean(first), mean(second)),
            PerUser::Weighted { sums, weights } => sums.iter().sum::<f64>() / weights.iter().sum::<f64>() + 0.0,
            PerUser::Pooled { .. } | PerUser::Whole => found.value,
        };
    }
}

/// What a query without relevant documents weighs.
fn weight_of_nothing(spec: MetricSpec) -> f64 {
    let nothing = Ranks::of(&[], 0, 0);
    match (spec.metric.measure, spec.cutoff) {
        (Measure::Uncut { weight, .. }, _) => weight(&nothing),
        (Measure::Pooled { over, .. }, Some(k)) => over(&nothing, k),
        _ => 0.0,
    }
}
