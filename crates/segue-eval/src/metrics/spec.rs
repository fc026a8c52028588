//! What a metric is, and how one is named: `ndcg@10`.

use std::fmt;
use std::str::FromStr;

use segue_core::ranking::{Ranking, TieBlock};
use segue_core::{ItemId, nearest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::METRICS;
use super::dialect::Dialect;
use crate::facts::ItemFacts;

/// Where one user's relevant items stand: all that a ranking metric sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranks<'a> {
    /// Blocks of equal scores with relevant items, best first.
    pub blocks: &'a [TieBlock],
    /// All relevant items of the user, also those that were no candidates.
    pub n_relevant: usize,
    /// Candidates ranked.
    pub n_candidates: usize,
    /// Items of the target, hidden ones included.
    pub n_items: usize,
    /// How relevant the items are, for metrics with grades.
    pub grades: Grades<'a>,
}

/// How relevant a user's items are: their values. Where nothing is given, each is as relevant as any: 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Grades<'a> {
    /// Of the items in the blocks, in their order.
    pub found: &'a [f32],
    /// Of all relevant items, in any order.
    pub all: &'a [f32],
}

/// One user's first k: what a metric of lists sees.
#[derive(Debug, Clone, Copy)]
pub struct List<'a> {
    /// The items, best first; fewer than k where no more candidates are left.
    pub items: &'a [ItemId],
    /// The user's relevant items, rising.
    pub relevant: &'a [ItemId],
    /// What is known of the target's items.
    pub facts: &'a ItemFacts<'a>,
}

/// A candidate of somebody: what a metric over the scores of all users sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// Its score.
    pub score: f32,
    /// Whether it is relevant.
    pub relevant: bool,
}

/// How often each item is in somebody's first k.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exposure {
    /// The target's items that occur in training.
    pub trained: Vec<u64>,
    /// All of the target's items.
    pub all: Vec<u64>,
}

impl<'a> Ranks<'a> {
    /// The ranks of a ranking of all items that are not hidden, without grades.
    pub fn new(ranking: &'a Ranking, n_relevant: usize) -> Self {
        Self::of(&ranking.relevant, n_relevant, ranking.n_candidates)
    }

    /// Blocks among so many candidates, which are all items there are; without grades.
    pub fn of(blocks: &'a [TieBlock], n_relevant: usize, n_candidates: usize) -> Self {
        Self { blocks, n_relevant, n_candidates, n_items: n_candidates, grades: Grades::default() }
    }

    /// The blocks that begin within the first `k`, each with how many of its positions lie there (at least 1).
    pub fn within(&self, k: usize) -> impl Iterator<Item = (&'a TieBlock, usize)> {
        self.blocks.iter().take_while(move |block| block.above < k).map(move |b| (b, b.size.min(k - b.above)))
    }

    /// Whether the order within a tie decides what stands in the first `k`, and where.
    pub fn tied_within(&self, k: usize) -> bool {
        self.within(k).any(|(block, _)| block.size > block.relevant)
    }
}

/// How a metric is computed.
#[derive(Clone, Copy)]
pub enum Measure {
    /// Expected value for one user at cut-off k; the metric is the mean over users.
    PerUser(fn(&Ranks<'_>, usize) -> f64),
    /// Expected value for one user over all candidates, without a cut-off; the metric is the mean over users, weighted.
    Uncut {
        /// The value.
        of: fn(&Ranks<'_>) -> f64,
        /// The weight of the user.
        weight: fn(&Ranks<'_>) -> f64,
    },
    /// `Σ of / Σ over` at cut-off k: users count for as much as they ask for.
    Pooled {
        /// What a user adds above the line.
        of: fn(&Ranks<'_>, usize) -> f64,
        /// What a user adds below it.
        over: fn(&Ranks<'_>, usize) -> f64,
    },
    /// Of the means of two expected values over users, at cut-off k.
    OfMeans {
        /// The two.
        parts: [fn(&Ranks<'_>, usize) -> f64; 2],
        /// From their means to the metric.
        of: fn(f64, f64) -> f64,
    },
    /// Value of one user's first k, whatever else was relevant; the metric is the mean over users.
    OfList(fn(&List<'_>) -> f64),
    /// Of how often each item of the target is in anybody's first k.
    OfAll(fn(&Exposure) -> f64),
    /// Of the scores of all users' candidates together, as if they were one list.
    OfScores(fn(Vec<Judged>) -> f64),
    /// Error of predicted ratings, pooled over events.
    Error {
        /// Error of one prediction against the value.
        of: fn(f64, f64) -> f64,
        /// From the mean error to the metric.
        total: fn(f64) -> f64,
    },
}

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerUser(_) => "PerUser",
            Self::Uncut { .. } => "Uncut",
            Self::Pooled { .. } => "Pooled",
            Self::OfMeans { .. } => "OfMeans",
            Self::OfList(_) => "OfList",
            Self::OfAll(_) => "OfAll",
            Self::OfScores(_) => "OfScores",
            Self::Error { .. } => "Error",
        })
    }
}

/// A metric: one line of [`METRICS`].
#[derive(Debug)]
pub struct Metric {
    /// Name, lower case.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// What it is, one line.
    pub doc: &'static str,
    /// What is not so of most.
    pub traits: &'static [Trait],
    /// How it is computed.
    pub measure: Measure,
}

/// What is so of some metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trait {
    /// It looks at the values of what was held out.
    Graded,
    /// Less of it is better: errors, inequality, popularity.
    LessIsBetter,
}

impl Metric {
    /// The metric with this name or alias, whatever the case; `ranx:map` is that of another program.
    pub fn find(name: &str) -> Result<&'static Metric, MetricError> {
        let wanted = name.to_lowercase();
        if let Some((dialect, name)) = wanted.split_once(':') {
            let dialect: Dialect = dialect.parse()?;
            return dialect.metric(Self::find(name).map_or(name, |metric| metric.name));
        }
        let named = |metric: &&Metric| metric.name == wanted || metric.aliases.contains(&wanted.as_str());
        METRICS.iter().copied().find(named).ok_or_else(|| {
            let known = METRICS.iter().flat_map(|m| m.aliases.iter().copied().chain([m.name]));
            MetricError::Unknown { name: name.to_owned(), nearest: nearest(&wanted, known).map(str::to_owned) }
        })
    }

    /// Whether the metric has a cut-off.
    pub fn has_cutoff(&self) -> bool {
        !matches!(self.measure, Measure::Error { .. } | Measure::Uncut { .. } | Measure::OfScores(_))
    }

    /// Whether it compares predicted with given values, which needs a model whose scores are ratings.
    pub fn is_error(&self) -> bool {
        matches!(self.measure, Measure::Error { .. })
    }

    /// Whether more of it is better: not of errors, of inequality and of popularity.
    pub fn more_is_better(&self) -> bool {
        !self.traits.contains(&Trait::LessIsBetter)
    }

    /// Whether it looks at the values of what was held out.
    pub(crate) fn is_graded(&self) -> bool {
        self.traits.contains(&Trait::Graded)
    }

    /// Whether it looks at what is shown, which among sampled or given candidates nobody chose.
    pub(crate) fn needs_full_ranking(&self) -> bool {
        matches!(self.measure, Measure::OfList(_) | Measure::OfAll(_))
    }

    /// Whether it looks at the scores of everybody's candidates at once, which are too many where all items are.
    pub(crate) fn needs_lists(&self) -> bool {
        matches!(self.measure, Measure::OfScores(_))
    }
}

/// Why a text names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// No metric has this name.
    #[error("there is no metric `{name}`{}; the metrics are {}", hint(.nearest.as_deref()), names())]
    Unknown {
        /// The name.
        name: String,
        /// A name it may be a slip of.
        nearest: Option<String>,
    },
    /// The cut-off is no positive whole number.
    #[error("the cut-off of `{text}` must be a whole number of at least 1, as in `{name}@10`")]
    Cutoff {
        /// The whole text.
        text: String,
        /// Name of the metric.
        name: &'static str,
    },
    /// No program is called so.
    #[error("there is no dialect `{name}`; the dialects are {}", Dialect::names())]
    NoDialect {
        /// The name.
        name: String,
    },
    /// A program has no such metrics.
    #[error("{dialect} has no metric `{}`; it has {}", .names.join("`, `"), .dialect.metric_names())]
    NotInDialect {
        /// The program.
        dialect: Dialect,
        /// The metrics.
        names: Vec<String>,
    },
    /// A metric without cut-off was given one.
    #[error("`{name}` has no cut-off: it is measured on all that is held out; write `{name}`")]
    NoCutoff {
        /// Name of the metric.
        name: &'static str,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

fn names() -> String {
    METRICS.iter().map(|metric| metric.name).collect::<Vec<_>>().join(", ")
}

/// A metric, at one cut-off or at every cut-off of its protocol; written `ndcg@10` or `ndcg`.
#[derive(Debug, Clone, Copy)]
pub struct MetricSpec {
    /// The metric.
    pub metric: &'static Metric,
    /// The cut-off k; `None` for every cut-off of the protocol, and for metrics without one.
    pub cutoff: Option<usize>,
}

impl PartialEq for MetricSpec {
    fn eq(&self, other: &Self) -> bool {
        // Names are unique: a test holds it.
        (self.metric.name, self.cutoff) == (other.metric.name, other.cutoff)
    }
}

impl Eq for MetricSpec {}

impl FromStr for MetricSpec {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let text = text.trim();
        let (name, cutoff) = match text.split_once('@') {
            Some((name, cutoff)) => (name, Some(cutoff)),
            None => (text, None),
        };
        let metric = Metric::find(name.trim())?;
        let Some(cutoff) = cutoff else {
            return Ok(Self { metric, cutoff: None });
        };
        if !metric.has_cutoff() {
            return Err(MetricError::NoCutoff { name: metric.name });
        }
        match cutoff.trim().parse() {
            Ok(k) if k >= 1 => Ok(Self { metric, cutoff: Some(k) }),
            _ => Err(MetricError::Cutoff { text: text.to_owned(), name: metric.name }),
        }
    }
}

impl fmt::Display for MetricSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cutoff {
            Some(k) => write!(f, "{}@{k}", self.metric.name),
            None => f.write_str(self.metric.name),
        }
    }
}

impl Serialize for MetricSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MetricSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Checks a metric on blocks of (above, size, relevant).
    #[track_caller]
    pub(in crate::metrics) fn check(spec: &str, blocks: &[(usize, usize, usize)], n_relevant: usize, expected: f64) {
        let spec: MetricSpec = spec.parse().unwrap();
        let blocks: Vec<_> = blocks.iter().map(|&(above, size, relevant)| TieBlock { above, size, relevant }).collect();
        let Measure::PerUser(of) = spec.metric.measure else { panic!("{spec} is not measured per user") };
        let value = of(&Ranks::of(&blocks, n_relevant, 100), spec.cutoff.unwrap());
        assert!((value - expected).abs() < 1e-12, "{spec}: {value} is not {expected}");
    }

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut names: Vec<&str> = METRICS.iter().flat_map(|m| m.aliases.iter().copied().chain([m.name])).collect();
        assert!(names.iter().all(|name| name.to_lowercase() == *name));
        let n = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), n);
    }

    #[test]
    fn traits_are_told() {
        let told = |is: fn(&Metric) -> bool| -> Vec<&str> {
            let dialects = ["recbole:gini", "elliot:gini", "elliot:ndcg"].map(|name| Metric::find(name).unwrap());
            METRICS.iter().copied().chain(dialects).filter(|metric| is(metric)).map(|metric| metric.name).collect()
        };
        assert_eq!(told(Metric::is_graded), ["ndcg_graded", "ndcg_burges", "elliot:ndcg"]);
        let less = ["gini", "average_popularity", "rmse", "mse", "mae", "recbole:gini"];
        assert_eq!(told(|metric| !metric.more_is_better()), less);
        // An error is less the better it is, and no error is graded by ranks.
        assert!(METRICS.iter().all(|metric| !metric.is_error() || metric.traits == [Trait::LessIsBetter]));
    }

    #[test]
    fn names_are_read_and_written() {
        for (text, written) in
            [("ndcg@10", "ndcg@10"), ("Hit_Rate@5", "hr@5"), ("hit@5", "hr@5"), (" RMSE ", "rmse"), ("map", "map")]
        {
            assert_eq!(text.parse::<MetricSpec>().unwrap().to_string(), written);
        }
        let json = serde_json::to_string(&"mrr@3".parse::<MetricSpec>().unwrap()).unwrap();
        assert_eq!(json, "\"mrr@3\"");
        assert_eq!(serde_json::from_str::<MetricSpec>(&json).unwrap().cutoff, Some(3));
    }

    #[test]
    fn slips_are_answered_with_the_nearest_name() {
        let error = "ndgc@10".parse::<MetricSpec>().unwrap_err();
        assert!(error.to_string().contains("did you mean `ndcg`?"), "{error}");
        assert!(matches!("zebra".parse::<MetricSpec>(), Err(MetricError::Unknown { nearest: None, .. })));
        assert!(matches!("ndcg@0".parse::<MetricSpec>(), Err(MetricError::Cutoff { .. })));
        assert!(matches!("ndcg@ten".parse::<MetricSpec>(), Err(MetricError::Cutoff { .. })));
        assert!(matches!("rmse@10".parse::<MetricSpec>(), Err(MetricError::NoCutoff { .. })));
    }
}
