//! How a model is measured; the one line of it that travels with every number.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::metrics::{Dialect, MetricError, MetricSpec};
use crate::question::{Part, Question};
use crate::ties::Ties;

/// What the relevant items are ranked among.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Candidates {
    /// Every item of the target domain that the seen filter does not hide.
    #[default]
    Full,
    /// Each positive among the same `n` items that the user never met.
    ///
    /// Sampled values order models differently from full ones (Krichene and Rendle, *On sampled metrics for item
    /// recommendation*, KDD 2020); use them to compare with published tables, not to choose.
    Sampled {
        /// Negatives per user.
        #[serde(default = "default_negatives")]
        n: usize,
        /// The lists are a hash of this and the user's external id: the same for every model, epoch and machine.
        #[serde(default)]
        seed: u64,
        /// Which negatives are likely.
        #[serde(default, skip_serializing_if = "Draw::is_uniform")]
        by: Draw,
    },
    /// Each positive among exactly the user's negatives that came with the data.
    Given,
}

/// Which negatives are likely to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// All alike.
    #[default]
    Uniform,
    /// Each item in proportion to its training events in the target; those without any never.
    Popularity,
}

impl Draw {
    /// True of [`Draw::Uniform`].
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
    fn is_uniform(&self) -> bool {
        *self == Self::Uniform
    }
}

impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uniform => "uniform",
            Self::Popularity => "popular",
        })
    }
}

fn default_negatives() -> usize {
    99
}

/// A part of the log that precedes the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Training events.
    Train,
    /// Training and validation events. While validating they are the question, so this is training alone then.
    #[default]
    TrainAndValid,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::TrainAndValid => "train+valid",
        })
    }
}

/// How a model is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protocol {
    /// Metrics, each at every one of `cutoffs` (`ndcg`) or at its own (`ndcg@10`).
    pub metrics: Vec<MetricSpec>,
    /// Cut-offs of the metrics that do not name their own.
    pub cutoffs: Vec<usize>,
    /// What the relevant items are ranked among.
    pub candidates: Candidates,
    /// Items of these events are never recommended nor counted. (Given candidates are all counted.)
    pub hide: Seen,
    /// The user's history as the model sees it when asked.
    pub history: Seen,
    /// Whose definitions the metrics have that do not name their own.
    #[serde(skip_serializing_if = "is_default")]
    pub dialect: Dialect,
    /// Who stands first among equal scores; none: as the dialect has it, which is expected values but for `trec_eval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ties: Option<Ties>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_default(dialect: &Dialect) -> bool {
    *dialect == Dialect::default()
}

impl Default for Protocol {
    /// Full ranking; recall, NDCG and more at 10 and 20; validation events count as seen and known at test.
    fn default() -> Self {
        let metrics = ["precision", "recall", "hr", "ndcg", "map", "mrr"];
        let metrics = metrics.iter().filter_map(|name| name.parse().ok()).collect();
        Self {
            metrics,
            cutoffs: vec![10, 20],
            candidates: Candidates::Full,
            hide: Seen::TrainAndValid,
            history: Seen::TrainAndValid,
            dialect: Dialect::Segue,
            ties: None,
        }
    }
}

/// Why a protocol cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// No metric.
    #[error("`metrics` is empty: name at least one, e.g. metrics=[ndcg,recall]")]
    NoMetrics,
    /// A metric needs a cut-off and there is none.
    #[error("`{metric}` needs a cut-off: write `{metric}@10`, or give `cutoffs`, e.g. cutoffs=[10,20]")]
    NoCutoffs {
        /// The metric.
        metric: &'static str,
    },
    /// A cut-off of 0.
    #[error("`cutoffs` has a 0: a cut-off is at least 1")]
    ZeroCutoff,
    /// No negatives.
    #[error("`candidates.n` is 0: a positive alone is always first; use at least 1 negative (99 is usual)")]
    ZeroNegatives,
    /// The dialect has no such metric.
    #[error("{0}")]
    Metric(#[from] MetricError),
    /// Coverage of lists that were not recommended from the catalogue.
    #[error(
        "`{metric}` needs full ranking: among sampled or given candidates nobody chose what is recommended; use candidates=full or leave it out"
    )]
    CoverageOfSample {
        /// The metric.
        metric: String,
    },
    /// The scores of everybody for everything.
    #[error(
        "`{metric}` takes the candidates of all users as one list, which all items of all users are too many for: use candidates=sampled or \
         candidates=given, or `auc`, the mean over users"
    )]
    ScoresOfAll {
        /// The metric.
        metric: &'static str,
    },
}

impl Protocol {
    /// Full ranking with the defaults, measuring `metrics`, e.g. one for early stopping.
    pub fn measuring(metrics: Vec<MetricSpec>) -> Self {
        Self { metrics, ..Self::default() }
    }

    /// The metrics with their cut-offs, in order, each once.
    pub fn specs(&self) -> Result<Vec<MetricSpec>, ProtocolError> {
        if self.metrics.is_empty() {
            return Err(ProtocolError::NoMetrics);
        }
        if self.cutoffs.contains(&0) {
            return Err(ProtocolError::ZeroCutoff);
        }
        if matches!(self.candidates, Candidates::Sampled { n: 0, .. }) {
            return Err(ProtocolError::ZeroNegatives);
        }
        let foreign = self.metrics.iter().filter(|spec| self.dialect.speaks(spec.metric).is_err());
        let foreign: Vec<String> = foreign.map(|spec| spec.metric.name.to_owned()).collect();
        if !foreign.is_empty() {
            return Err(MetricError::NotInDialect { dialect: self.dialect, names: foreign }.into());
        }
        let mut specs: Vec<MetricSpec> = Vec::new();
        for &spec in &self.metrics {
            let spec = MetricSpec { metric: self.dialect.speaks(spec.metric)?, ..spec };
            if let (Some(_), false) = (spec.cutoff, spec.metric.has_cutoff()) {
                return Err(MetricError::NoCutoff { name: spec.metric.name }.into());
            }
            let own = spec.cutoff.is_some() || !spec.metric.has_cutoff();
            if !own && self.cutoffs.is_empty() {
                return Err(ProtocolError::NoCutoffs { metric: spec.metric.name });
            }
            let cutoffs = self.cutoffs.iter().filter(|_| !own).map(|&k| MetricSpec { cutoff: Some(k), ..spec });
            for spec in cutoffs.chain(own.then_some(spec)) {
                if spec.metric.needs_full_ranking() && self.candidates != Candidates::Full {
                    return Err(ProtocolError::CoverageOfSample { metric: spec.to_string() });
                }
                if spec.metric.needs_lists() && self.candidates == Candidates::Full {
                    return Err(ProtocolError::ScoresOfAll { metric: spec.metric.name });
                }
                if !specs.contains(&spec) {
                    specs.push(spec);
                }
            }
        }
        Ok(specs)
    }

    /// Who stands first among equal scores.
    pub fn ties(&self) -> Ties {
        self.ties.unwrap_or(if self.dialect == Dialect::TrecEval { Ties::Docid } else { Ties::Expected })
    }

    /// The line that travels with every number: split, candidates, seen filter, ties, cut-offs, seed, users counted.
    pub fn describe(&self, question: &Question<'_>, n_users: usize) -> String {
        let seen = |seen| match question.part {
            Part::Validation => Seen::Train,
            Part::Test => seen,
        };
        let hidden = seen(self.hide);
        let candidates = match self.candidates {
            Candidates::Full => format!("all {} items, seen in {hidden} hidden", question.items.len()),
            Candidates::Sampled { n, by: Draw::Uniform, .. } if n >= question.items.len() => format!(
                "each positive + every item never met (there are fewer than the {n} negatives asked for), seen in {hidden} hidden"
            ),
            Candidates::Sampled { n, seed, by } => {
                format!(
                    "each positive + {n} {by} negatives never met (seed {seed} and user id), seen in {hidden} hidden"
                )
            }
            Candidates::Given => "each positive + exactly the given negatives".to_owned(),
        };
        format!(
            "split: {}, {}; candidates: {candidates}; history: {}; ties: {}; {}; users: {n_users} with a held-out positive{}",
            question.split,
            question.part,
            seen(self.history),
            self.ties(),
            self.cutoffs_told(),
            self.dialect_told(),
        )
    }

    /// The same line for lists that came as a TREC run.
    pub(crate) fn describe_run(&self, counted: &str, n_users: usize) -> String {
        let ties = match (self.dialect, self.ties) {
            (Dialect::Ranx, None) => "as ranx sorts the rows of the file".to_owned(),
            _ => self.ties().to_string(),
        };
        format!(
            "lists of a TREC run; candidates: what each query retrieved; ties: {ties}; {}; users: {n_users} {counted}{}",
            self.cutoffs_told(),
            self.dialect_told(),
        )
    }

    fn cutoffs_told(&self) -> String {
        let mut cutoffs: Vec<usize> = self.specs().unwrap_or_default().iter().filter_map(|spec| spec.cutoff).collect();
        cutoffs.sort_unstable();
        cutoffs.dedup();
        let cutoffs = cutoffs.iter().map(|k| format!("@{k}")).collect::<Vec<_>>();
        if cutoffs.is_empty() { "no cut-off".to_owned() } else { cutoffs.join(" ") }
    }

    fn dialect_told(&self) -> String {
        if is_default(&self.dialect) { String::new() } else { format!("; metrics of {}", self.dialect) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(json: &str) -> Result<Vec<String>, ProtocolError> {
        let protocol: Protocol = serde_json::from_str(json).unwrap();
        Ok(protocol.specs()?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn metrics_meet_cutoffs() {
        let json = r#"{"metrics": ["ndcg", "hit@5", "rmse", "ndcg@20"], "cutoffs": [10, 20]}"#;
        assert_eq!(specs(json).unwrap(), ["ndcg@10", "ndcg@20", "hr@5", "rmse"]);
    }

    #[test]
    fn what_cannot_be_measured_is_said() {
        assert_eq!(specs(r#"{"metrics": []}"#), Err(ProtocolError::NoMetrics));
        assert_eq!(specs(r#"{"cutoffs": [0]}"#), Err(ProtocolError::ZeroCutoff));
        assert_eq!(specs(r#"{"metrics": ["ndcg"], "cutoffs": []}"#), Err(ProtocolError::NoCutoffs { metric: "ndcg" }));
        let sampled = r#"{"candidates": {"kind": "sampled"}, "metrics": ["coverage@10"]}"#;
        assert!(matches!(specs(sampled), Err(ProtocolError::CoverageOfSample { .. })));
        let pooled = r#"{"dialect": "recbole", "metrics": ["auc"]}"#;
        assert_eq!(specs(pooled), Err(ProtocolError::ScoresOfAll { metric: "recbole:auc" }));
        let foreign = r#"{"dialect": "ranx", "metrics": ["auc", "ndcg", "coverage", "recbole:auc"]}"#;
        let said = specs(foreign).unwrap_err().to_string();
        assert!(said.starts_with("ranx has no metric `auc`, `coverage`; it has precision, recall"), "{said}");
        let none = r#"{"candidates": {"kind": "sampled", "n": 0}}"#;
        assert_eq!(specs(none), Err(ProtocolError::ZeroNegatives));
    }

    #[test]
    fn unknown_keys_and_metrics_are_refused() {
        let unknown = serde_json::from_str::<Protocol>(r#"{"cutoff": [10]}"#).unwrap_err();
        assert!(unknown.to_string().contains("cutoffs"), "{unknown}");
        let unknown = serde_json::from_str::<Protocol>(r#"{"metrics": ["ndgc"]}"#).unwrap_err();
        assert!(unknown.to_string().contains("did you mean `ndcg`"), "{unknown}");
    }

    #[test]
    fn the_default_survives_serde() {
        let protocol = Protocol {
            candidates: Candidates::Sampled { n: 99, seed: 3, by: Draw::Popularity },
            ..Protocol::default()
        };
        let json = serde_json::to_string(&protocol).unwrap();
        assert_eq!(serde_json::from_str::<Protocol>(&json).unwrap(), protocol);
    }
}
