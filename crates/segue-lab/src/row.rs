//! What one model came to on one question: all that is compared of a run, whether it has just ended or was stored.

use std::borrow::Cow;

use segue_core::{EpochRecord, Prepared, Query, TaskKind, UserId};
use segue_eval::{Evaluation, Group, Measured, MetricSpec, PerUser, Summary};
use serde_json::Value;

use crate::error::LabError;
use crate::experiment::{Answer, Fitted, Loaded};
use crate::report::summarise;
use crate::rivals::Standing;
use crate::settings::{CandidateKind, EvaluationSettings, Scope, Settings};
use crate::sweep::{Recipe, trainer_keys};

/// One row of a comparison.
#[derive(Debug, Clone)]
pub struct Row {
    /// Name of the model.
    pub model: String,
    /// What it learnt from.
    pub scope: Scope,
    /// Root of its random streams.
    pub seed: u64,
    /// Name of the data set.
    pub data: String,
    /// How the data were divided, in one line.
    pub split: String,
    /// How it was measured.
    pub evaluation: EvaluationSettings,
    /// Name of the question among those of the split.
    pub question: String,
    /// What it asks.
    pub kind: TaskKind,
    /// The domain whose items are ranked.
    pub target: String,
    /// Hash of all that is asked: the items, whose positives are sought, and what is hidden.
    pub fingerprint: String,
    /// All that the question follows from but seeds: rows alike in it are asked what was drawn from one source.
    pub drawn_from: String,
    /// Hyper-parameters.
    pub params: Value,
    /// Keys of the trainer that stand for none of them, such as `trainer.early_stopping.patience`.
    pub trainer: Recipe,
    /// The metric by which validation chooses among recipes, as the dialect has it.
    pub watched: String,
    /// Which fit, or which stored run, of several it belongs to.
    pub fit: usize,
    /// What it stands for among the recipes of its model; see [`Comparison::choose_recipes`](crate::Comparison::choose_recipes).
    pub standing: Standing,
    /// Training time, seconds.
    pub seconds: f64,
    /// Memory that training took at its peak beyond what the program held before (the data, above all), in bytes; where the system tells
    /// it: on Linux of every fit, but of the first of a program alone where freed memory cannot be handed back or the peak not be reset.
    pub memory: Option<u64>,
    /// Whether the model says what each event of a history adds to a score.
    pub explains: bool,
    /// The training log.
    pub records: Vec<EpochRecord>,
    /// Validation metrics of the model that was kept; none where there was no validation.
    pub valid: Vec<(String, f64)>,
    /// External ids of the users asked, rising by dense id.
    pub users: Vec<String>,
    /// External ids of the users with a held-out rating, rising by dense id, where ratings were predicted.
    pub raters: Vec<String>,
    /// On test; its users are positions in `users`, those of its ratings in `raters`.
    pub test: Evaluation,
    /// Test metrics with intervals.
    pub summary: Summary,
    /// The test question taken apart.
    pub parts: Vec<Part>,
}

/// Ranking metrics on a part of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What the question was taken apart by.
    pub by: Apart,
    /// Which part, e.g. `3 to 7` or `Drama`.
    pub name: String,
    /// Users asked.
    pub n_users: usize,
    /// Their held-out positives in it.
    pub n_positives: usize,
    /// Metrics.
    pub values: Vec<(String, f64)>,
}

/// What a question is taken apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// Known events of the user.
    Activity,
    /// Training users of the item.
    Popularity,
    /// Genre of the item.
    Genre,
    /// Whether a positive was among the first so many that the model would have retrieved.
    Retrieved,
}

impl Apart {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Activity, Self::Popularity, Self::Genre, Self::Retrieved];

    /// The word for it in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Popularity => "popularity",
            Self::Genre => "genre",
            Self::Retrieved => "retrieved",
        }
    }
}

impl Part {
    pub(crate) fn of(by: Apart, group: &Group) -> Self {
        let Group { name, n_positives, evaluation } = group;
        let (n_users, values) = (evaluation.n_users(), evaluation.values());
        Self { by, name: name.clone(), n_users, n_positives: *n_positives, values }
    }
}

impl Row {
    /// The row of an answer of a fitted model.
    pub(crate) fn of(
        (fitted, fit): (&Fitted, usize),
        answer: Answer,
        (settings, data, loaded): (&Settings, &Prepared, &Loaded),
    ) -> Result<Self, LabError> {
        let Answer { question, kind, target, fingerprint, mut test, parts } = answer;
        let valid = fitted.valid.of(&question).to_vec();
        let summary = summarise(&test, settings.evaluation.bootstrap, settings.seed)?;
        let named = |users: &mut Vec<UserId>| -> Vec<String> {
            let names = users.iter().map(|&user| data.users.external(user).to_owned()).collect();
            *users = (0..users.len() as u32).collect();
            names
        };
        let users = named(&mut test.users);
        let raters = test.ratings.as_mut().map(|ratings| named(&mut ratings.users)).unwrap_or_default();
        Ok(Self {
            model: fitted.bundle.model_name.clone(),
            scope: settings.scope,
            seed: settings.seed,
            data: loaded.name.clone(),
            split: loaded.data.split.protocol.clone(),
            evaluation: settings.evaluation.clone(),
            question,
            kind,
            target,
            fingerprint,
            drawn_from: settings.drawn_from(),
            params: fitted.recipe.clone(),
            trainer: trainer_keys(&settings.trainer)?,
            watched: settings.choosing_metric()?.to_string(),
            fit,
            standing: Standing::default(),
            seconds: fitted.seconds,
            memory: fitted.memory,
            explains: explains(fitted),
            records: fitted.records.clone(),
            valid,
            users,
            raters,
            test,
            summary,
            parts,
        })
    }

    /// Whether both rows were asked the same question of the same users, so that they may be compared user by user. What
    /// was learnt from, and so how the rest of the log was divided, is what is compared, and does not count; nor do metrics, each of
    /// which is compared with itself.
    pub fn is_asked_as(&self, other: &Self) -> bool {
        let asked = |row: &Self| {
            let e = &row.evaluation;
            let drawn = matches!(e.candidates, CandidateKind::Sampled | CandidateKind::Popularity);
            let draw = drawn.then(|| (e.negatives, e.seed.unwrap_or(row.seed)));
            (e.candidates, draw, e.history, e.hide, e.dialect, e.ties)
        };
        let place = |row: &Self| (row.data.clone(), row.question.clone(), row.fingerprint.clone());
        // The fingerprint knows the users, whether or not their values were kept, and whatever was measured.
        let alike = |a: &[String], b: &[String]| a.is_empty() || b.is_empty() || a == b;
        let users = alike(&self.users, &other.users) && alike(&self.raters, &other.raters);
        asked(self) == asked(other) && place(self) == place(other) && users
    }

    /// Whether values by user were not kept with the run, so that nothing can be compared with it user by user.
    pub fn is_lean(&self) -> bool {
        self.users.is_empty() && self.raters.is_empty() && self.summary.n_users > 0
    }

    /// Whether the values of a metric by user are there, so that tests compare it user by user.
    pub fn is_by_user(&self, metric: MetricSpec) -> bool {
        self.by_user(metric).is_some()
    }

    /// The values of a metric by user, whose mean it is: of errors, what a user adds to the mean over all ratings, squared where the
    /// metric takes the root of that mean. `None` where it is no mean over users, or their values were not kept.
    pub(crate) fn by_user(&self, metric: MetricSpec) -> Option<Cow<'_, [f64]>> {
        match &self.measured(metric)?.per_user {
            PerUser::Mean(values) => Some(values.into()),
            // Where all weigh the same, as in leave-one-out, it is one, and was stored as one.
            PerUser::Weighted { sums, weights } if weights.iter().all(|weight| *weight == weights[0]) => {
                Some(sums.iter().zip(weights).map(|(sum, weight)| sum / weight).collect())
            }
            // Over the mean number of ratings, not the user's own, so that the mean over users is that over ratings, and no test
            // contradicts the metric.
            PerUser::Pooled { sums, counts } => {
                let each = counts.iter().sum::<f64>() / counts.len() as f64;
                Some(sums.iter().map(|sum| sum / each).collect())
            }
            PerUser::Weighted { .. } | PerUser::OfMeans(_) | PerUser::Whole => None,
        }
    }

    /// A metric on test with what it is made of.
    pub(crate) fn measured(&self, metric: MetricSpec) -> Option<&Measured> {
        self.test.metrics.iter().find(|measured| measured.spec == metric)
    }

    /// Whether both rows are of one recipe: the same model with the same hyper-parameters, trained in the same way.
    pub fn is_recipe_of(&self, other: &Self) -> bool {
        self.model == other.model && self.params == other.params && self.trainer == other.trainer
    }

    /// Whether both rows are of one recipe that learnt from the same and was asked the same: apart in their seeds, if at all.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        self.scope == other.scope && self.is_recipe_of(other) && self.is_asked_as(other)
    }

    /// The value of a test metric, by its name.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.summary.metrics.iter().find(|estimate| estimate.metric.to_string() == name).map(|estimate| estimate.value)
    }
}

/// Whether the model gives additive reasons, asked of the first user who has a history.
fn explains(fitted: &Fitted) -> bool {
    let bundle = &fitted.bundle;
    let asked = (0..bundle.log.n_users() as u32).find(|&user| !bundle.log.user(user).is_empty());
    asked.is_some_and(|user| {
        let query = Query { user: Some(user), history: bundle.log.user(user) };
        let item = bundle.catalogue.range(bundle.target).start;
        bundle.model.contributions(&query, item).is_some()
    })
}

/// Rows for tests, made by hand.
#[cfg(test)]
pub(crate) mod by_hand {
    use segue_eval::{Bootstrap, Dialect};

    use super::*;
    use crate::settings::{Known, Openable};

    /// A row of two users who have the same value.
    pub(crate) fn row(scope: Scope, kind: TaskKind, question: &str, value: f64) -> Row {
        let measured =
            Measured { spec: "ndcg@10".parse().unwrap(), value, per_user: PerUser::Mean(vec![value, value]) };
        let test = Evaluation {
            protocol: "by hand".into(),
            users: vec![0, 1],
            metrics: vec![measured],
            n_unserved: 0,
            n_unranked: 0,
            tied_users: 0.0,
            n_candidates: (9, 9),
            ratings: None,
            corrected: Vec::new(),
            uncorrected: None,
        };
        Row {
            model: "ease".into(),
            scope,
            seed: 1,
            data: "world".into(),
            split: String::new(),
            evaluation: EvaluationSettings {
                k_values: vec![10],
                metrics: vec!["ndcg".into()],
                candidates: CandidateKind::Full,
                negatives: 99,
                history: Known::TrainAndValid,
                hide: Known::TrainAndValid,
                bootstrap: 100,
                dialect: Dialect::Segue,
                ties: None,
                test: Openable::Chosen,
                seed: None,
            },
            question: question.into(),
            kind,
            target: "films".into(),
            fingerprint: String::new(),
            drawn_from: String::new(),
            params: Value::Null,
            trainer: Recipe::new(),
            watched: "ndcg@10".into(),
            fit: 0,
            standing: Standing::default(),
            seconds: 0.0,
            memory: None,
            explains: false,
            records: Vec::new(),
            valid: Vec::new(),
            users: vec!["a".into(), "b".into()],
            raters: Vec::new(),
            summary: Summary::new(&test, &Bootstrap::default()).unwrap(),
            test,
            parts: Vec::new(),
        }
    }
}
