//! The evaluation: what a model is worth on a question, measured by a protocol.

use std::ops::ControlFlow;

use segue_core::ranking::NonFinite;
use segue_core::{Catalogue, Output, Recommender, UserId};

use crate::corrected::{Place, Uncorrected, estimates};
use crate::metrics::MetricSpec;
use crate::protocol::{Candidates, Draw, Protocol, ProtocolError};
use crate::question::{Part, Question};
use crate::rank::rank;
use crate::ratings::{Ratings, rate};

/// Why there is no number.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// The protocol cannot be followed.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// A score cannot be ranked.
    #[error(transparent)]
    Score(#[from] NonFinite),
    /// Nobody to ask.
    #[error(
        "no user has a held-out {what} among the {n_items} target items of the {part} part: a metric would be a mean of nothing; check the split, its positive threshold and its target domain"
    )]
    NoUsers {
        /// `"positive"` or `"rating"`.
        what: &'static str,
        /// Items of the target.
        n_items: usize,
        /// The part asked about.
        part: Part,
    },
    /// An error metric was asked of a ranking model.
    #[error(
        "`{metric}` compares predicted ratings, but this model's scores only order items and have no scale: evaluate a rating model (`svd`), or ask for ranking metrics such as `ndcg@10`"
    )]
    RankingModel {
        /// The metric.
        metric: &'static str,
    },
    /// Diversity was asked for, and nothing is known of the items.
    #[error(
        "`diversity` compares the categories of items, and the data have none: prepare them with `items` files and `prepare.features`, or leave it out"
    )]
    NoCategories,
    /// Given negatives were asked for, and there are none.
    #[error(
        "candidates=given ranks among the negatives that came with the data, but the {part} part has none{}; use candidates=full, or candidates=sampled", who(.user.as_deref())
    )]
    NoNegatives {
        /// The part asked about.
        part: Part,
        /// External id of the first user without any, where others have some.
        user: Option<String>,
    },
    /// An order by external id was asked for, and nobody knows the ids.
    #[error("ties=docid orders equal scores by external id, and this question does not know its items' ids")]
    NoNames,
    /// A metric came out as no number.
    #[error(
        "`{metric}` came out as {value}, which is no number: some held-out value is beyond what it can be computed of; leave it out, or \
         prepare smaller values, e.g. prepare.log=log2"
    )]
    NotFinite {
        /// The metric.
        metric: String,
        /// Infinite, or not a number.
        value: f64,
    },
    /// Parts of a question are of different worlds.
    #[error(
        "`{what}` counts {n_users} users and {n_items} items, the question {expected} users: its parts must come from one prepared data set"
    )]
    Shape {
        /// The part.
        what: &'static str,
        /// Its users.
        n_users: usize,
        /// Its items.
        n_items: usize,
        /// Users of the question.
        expected: usize,
    },
    /// A test question was given to training.
    #[error("training may only be validated on validation data: this question opens the test part")]
    TestWhileTraining,
    /// The progress callback stopped the evaluation.
    #[error("the evaluation was interrupted; nothing was measured")]
    Interrupted,
}

fn who(user: Option<&str>) -> String {
    user.map_or_else(String::new, |user| format!(" for user `{user}`"))
}

/// Where the value of a metric comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum PerUser {
    /// The value is the mean of these, one per user of [`Evaluation::users`].
    Mean(Vec<f64>),
    /// The value is that of `Σ sums / Σ counts`, one each per user of [`Ratings::users`].
    Pooled {
        /// Sum of a user's errors.
        sums: Vec<f64>,
        /// Number of a user's ratings.
        counts: Vec<f64>,
    },
    /// The value is `Σ sums / Σ weights`, one each per user of [`Evaluation::users`].
    Weighted {
        /// A user's value times their weight.
        sums: Vec<f64>,
        /// A user's weight.
        weights: Vec<f64>,
    },
    /// The value is made of the means of these, one each per user of [`Evaluation::users`], as the metric says.
    OfMeans([Vec<f64>; 2]),
    /// The value belongs to all users together.
    Whole,
}

/// One metric, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Which, with its cut-off.
    pub spec: MetricSpec,
    /// Its value.
    pub value: f64,
    /// What the value is made of.
    pub per_user: PerUser,
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// How it was measured, in one line; see [`Protocol::describe`].
    pub protocol: String,
    /// Users asked about, rising: those with a held-out positive in the target. Empty if only errors were measured.
    pub users: Vec<UserId>,
    /// The metrics in the order of [`Protocol::specs`].
    pub metrics: Vec<Measured>,
    /// Users none of whose relevant items could be ranked, being hidden or no candidates; they count as 0.
    pub n_unserved: usize,
    /// Relevant items that could not be ranked; they count as missed.
    pub n_unranked: usize,
    /// Share of users for whom a tie between relevant and other items reaches into the largest cut-off.
    pub tied_users: f64,
    /// Fewest and most candidates that anybody's list had.
    pub n_candidates: (usize, usize),
    /// Errors of predicted ratings, where they were asked for.
    pub ratings: Option<Ratings>,
    /// What sampled metrics would be on the full catalogue, estimated: where negatives were drawn uniformly, every user has
    /// one relevant item, and the metric depends on its rank alone. Empty elsewhere.
    pub corrected: Vec<(MetricSpec, f64)>,
    /// Why nothing was estimated, where candidates were not the whole catalogue.
    pub uncorrected: Option<Uncorrected>,
}

impl Evaluation {
    /// Number of users asked about.
    pub fn n_users(&self) -> usize {
        if self.users.is_empty() { self.ratings.as_ref().map_or(0, |r| r.users.len()) } else { self.users.len() }
    }

    /// The value of a metric, by its spec (`ndcg@10`).
    pub fn value(&self, spec: MetricSpec) -> Option<f64> {
        self.metrics.iter().find(|measured| measured.spec == spec).map(|measured| measured.value)
    }

    /// Names and values, in order.
    pub fn values(&self) -> Vec<(String, f64)> {
        self.metrics.iter().map(|measured| (measured.spec.to_string(), measured.value)).collect()
    }
}

/// Measures a model.
pub fn evaluate(
    model: &dyn Recommender,
    question: &Question<'_>,
    protocol: &Protocol,
) -> Result<Evaluation, EvalError> {
    evaluate_watched(model, question, protocol, &|_, _| ControlFlow::Continue(()))
}

/// Measures a model, telling `progress` how many users of how many are done; it may stop the work.
///
/// It is called from several threads, with numbers that may arrive out of order.
pub fn evaluate_watched(
    model: &dyn Recommender,
    question: &Question<'_>,
    protocol: &Protocol,
    progress: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Result<Evaluation, EvalError> {
    let (mut evaluation, places) = measure(model, question, protocol, progress)?;
    let specs: Vec<MetricSpec> = evaluation.metrics.iter().map(|measured| measured.spec).collect();
    let estimated = match protocol.candidates {
        // Errors of ratings alone were ranked among nothing.
        _ if evaluation.users.is_empty() => Ok(Vec::new()),
        Candidates::Full => Ok(Vec::new()),
        Candidates::Given => Err(Uncorrected::Given),
        Candidates::Sampled { by: Draw::Popularity, .. } => Err(Uncorrected::ByPopularity),
        Candidates::Sampled { n, by: Draw::Uniform, .. } => estimates(&places, &specs, n),
    };
    match estimated {
        Ok(corrected) => {
            all_finite(corrected.iter().copied())?;
            evaluation.corrected = corrected;
        }
        Err(why) => evaluation.uncorrected = Some(why),
    }
    Ok(evaluation)
}

/// The evaluation without estimates of full metrics, whose time would show between epochs, and what they are made of.
pub(crate) fn measure(
    model: &dyn Recommender,
    question: &Question<'_>,
    protocol: &Protocol,
    progress: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Result<(Evaluation, Vec<Place>), EvalError> {
    question.check()?;
    let specs = specs_for(question, protocol)?;
    let ratings = if specs.iter().any(|spec| spec.metric.is_error()) {
        Some(rate(model, question, protocol.history, progress)?)
    } else {
        None
    };
    let ranked: Vec<MetricSpec> = specs.iter().copied().filter(|spec| !spec.metric.is_error()).collect();
    let (mut evaluation, places) = if ranked.is_empty() {
        let evaluation = Evaluation {
            protocol: String::new(),
            users: Vec::new(),
            metrics: Vec::new(),
            n_unserved: 0,
            n_unranked: 0,
            tied_users: 0.0,
            n_candidates: (0, 0),
            ratings: None,
            corrected: Vec::new(),
            uncorrected: None,
        };
        (evaluation, Vec::new())
    } else {
        rank(model, (question, None), protocol, &ranked, progress)?
    };
    if let Some(ratings) = &ratings {
        let mut ranked = std::mem::take(&mut evaluation.metrics).into_iter();
        let all = specs.iter().filter_map(|&spec| ratings.measured(spec).or_else(|| ranked.next()));
        evaluation.metrics = all.collect();
    }
    all_finite(evaluation.metrics.iter().map(|measured| (measured.spec, measured.value)))?;
    evaluation.protocol = protocol.describe(question, evaluation.users.len());
    if let Some(ratings) = &ratings {
        let (n, users) = (ratings.n_events(), ratings.users.len());
        evaluation.protocol = format!("{}; errors: {n} held-out ratings of {users} users", evaluation.protocol);
    }
    evaluation.ratings = ratings;
    Ok((evaluation, places))
}

/// What is no number is told where it arises: written, it would be a gap that no reader can tell from damage. A sum over users is
/// finite only where every user's value is.
pub(crate) fn all_finite(values: impl IntoIterator<Item = (MetricSpec, f64)>) -> Result<(), EvalError> {
    match values.into_iter().find(|(_, value)| !value.is_finite()) {
        Some((spec, value)) => Err(EvalError::NotFinite { metric: spec.to_string(), value }),
        None => Ok(()),
    }
}

/// The metrics to measure, if this model may be asked them, which does not depend on the answers: the validation question tells it of
/// the test question, too.
pub fn specs_for(question: &Question<'_>, protocol: &Protocol) -> Result<Vec<MetricSpec>, EvalError> {
    let specs = protocol.specs()?;
    match specs.iter().find(|spec| spec.metric.is_error()) {
        Some(spec) if question.output == Output::Ranking => {
            return Err(EvalError::RankingModel { metric: spec.metric.name });
        }
        _ => {}
    }
    let categories = question.catalogue.and_then(Catalogue::features);
    match specs.iter().find(|spec| spec.metric.name == "diversity") {
        Some(_) if categories.is_none_or(|features| features.names().is_empty()) => Err(EvalError::NoCategories),
        _ => Ok(specs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_told() {
        let [ndcg, mrr]: [MetricSpec; 2] = ["ndcg_burges@10", "mrr@10"].map(|name| name.parse().unwrap());
        assert_eq!(all_finite([(ndcg, 0.0), (mrr, 1.0)]), Ok(()));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = all_finite([(mrr, 1.0), (ndcg, value)]).unwrap_err();
            assert!(error.to_string().starts_with(&format!("`ndcg_burges@10` came out as {value}, ")), "{error}");
        }
    }
}
