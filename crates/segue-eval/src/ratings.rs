//! The rating part of an evaluation: predicted against held-out values, for models whose scores are ratings.

use std::ops::ControlFlow;

use rayon::prelude::*;
use segue_core::ranking::NonFinite;
use segue_core::{Output, Query, Recommender, UserId};

use crate::evaluate::{EvalError, Measured, PerUser};
use crate::metrics::{METRICS, Measure, MetricSpec};
use crate::protocol::Seen;
use crate::question::Question;

/// Users whose ratings are predicted as one piece of work.
const USERS: usize = 64;

/// Errors of predicted ratings over all held-out events of the target, whatever their signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Ratings {
    /// Users with a held-out rating, rising.
    pub users: Vec<UserId>,
    /// Ratings per user.
    pub counts: Vec<f64>,
    /// Sums of errors per user, one column per error metric in the order of [`METRICS`].
    pub errors: Vec<(MetricSpec, Vec<f64>)>,
    /// Predictions below the lowest or above the highest value of training.
    pub n_off_scale: usize,
    /// Lowest and highest value of the target's training events; none of what was stored.
    pub scale: Option<(f32, f32)>,
}

impl Ratings {
    /// Number of held-out ratings.
    pub fn n_events(&self) -> usize {
        self.counts.iter().sum::<f64>() as usize
    }

    /// Root mean squared error over events.
    pub fn rmse(&self) -> f64 {
        self.total("rmse")
    }

    /// Mean absolute error over events.
    pub fn mae(&self) -> f64 {
        self.total("mae")
    }

    fn total(&self, name: &str) -> f64 {
        let found = self.errors.iter().find(|(spec, _)| spec.metric.name == name);
        found.map_or(0.0, |(spec, sums)| total(*spec, sums.iter().sum(), self.counts.iter().sum()))
    }

    /// An error metric as part of an evaluation; `None` for other metrics.
    pub(crate) fn measured(&self, spec: MetricSpec) -> Option<Measured> {
        let (_, sums) = self.errors.iter().find(|(known, _)| *known == spec)?;
        let value = total(spec, sums.iter().sum(), self.counts.iter().sum());
        Some(Measured { spec, value, per_user: PerUser::Pooled { sums: sums.clone(), counts: self.counts.clone() } })
    }
}

/// An error metric from the sum of errors and the number of ratings.
pub(crate) fn total(spec: MetricSpec, sum: f64, count: f64) -> f64 {
    match spec.metric.measure {
        Measure::Error { total, .. } => total(sum / count),
        _ => sum / count,
    }
}

/// RMSE and MAE of a rating model; a ranking model's are refused. Histories are everything that precedes the question.
pub fn evaluate_ratings(model: &dyn Recommender, question: &Question<'_>) -> Result<Ratings, EvalError> {
    if question.output == Output::Ranking {
        return Err(EvalError::RankingModel { metric: "rmse" });
    }
    question.check()?;
    rate(model, question, Seen::TrainAndValid, &|_, _| ControlFlow::Continue(()))
}

pub(crate) fn rate(
    model: &dyn Recommender,
    question: &Question<'_>,
    history: Seen,
    progress: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Result<Ratings, EvalError> {
    let in_target = |item: &u32| question.items.contains(item);
    let held_out = &question.holdout.events;
    let users: Vec<UserId> =
        question.holdout.users().into_iter().filter(|&user| held_out.user(user).items.iter().any(in_target)).collect();
    if users.is_empty() {
        return Err(EvalError::NoUsers { what: "rating", n_items: question.items.len(), part: question.part });
    }
    let values = question.train.events().filter(|event| in_target(&event.item)).map(|event| event.value);
    let scale = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let errors: Vec<_> = METRICS
        .iter()
        .filter_map(|&metric| match metric.measure {
            Measure::Error { of, .. } => Some((MetricSpec { metric, cutoff: None }, of)),
            _ => None,
        })
        .collect();

    let one = |user: UserId| -> Result<(Vec<f64>, usize, usize), NonFinite> {
        let asked = held_out.user(user);
        let (items, values): (Vec<u32>, Vec<f32>) =
            asked.items.iter().zip(asked.values).filter(|(item, _)| in_target(item)).unzip();
        let query = Query { user: Some(user), history: question.log(history).user(user) };
        let mut predicted = vec![0.0; items.len()];
        model.encode(&[query]).score(segue_core::Candidates::List(&items), &mut predicted);
        if let Some(n) = predicted.iter().position(|score| !score.is_finite()) {
            return Err(NonFinite { item: items[n], score: predicted[n] });
        }
        let pairs = || predicted.iter().zip(&values).map(|(&p, &v)| (f64::from(p), f64::from(v)));
        let sums = errors.iter().map(|(_, of)| pairs().map(|(p, v)| of(p, v)).sum()).collect();
        let off = predicted.iter().filter(|score| **score < scale.0 || **score > scale.1).count();
        Ok((sums, items.len(), off))
    };
    let blocks: Vec<Result<Vec<_>, EvalError>> = users
        .par_chunks(USERS)
        .enumerate()
        .map(|(n, block)| {
            let rated = block.iter().map(|&user| one(user)).collect::<Result<Vec<_>, _>>()?;
            let done = n * USERS + block.len();
            if progress(done, users.len()).is_break() { Err(EvalError::Interrupted) } else { Ok(rated) }
        })
        .collect();
    let rated: Vec<(Vec<f64>, usize, usize)> =
        blocks.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let column = |n: usize| rated.iter().map(|(sums, ..)| sums[n]).collect::<Vec<f64>>();
    Ok(Ratings {
        counts: rated.iter().map(|(_, count, _)| *count as f64).collect(),
        errors: errors.iter().enumerate().map(|(n, (spec, _))| (*spec, column(n))).collect(),
        n_off_scale: rated.iter().map(|(_, _, off)| off).sum(),
        users,
        scale: Some(scale),
    })
}
