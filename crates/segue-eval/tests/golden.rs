//! Metrics against the values of independent programs; `golden/metrics/make.py` made them and says how.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::Path;

use segue_core::ranking::{Ask, rank_list, rank_range_top};
use segue_core::{
    ArtifactError, ArtifactWriter, Candidates, Event, History, Holdout, IdMap, Interactions, ItemId, Output, Query,
    Recommender, Scorer, Signal,
};
use segue_eval::{Measure, MetricSpec, Part, Question, Ranks, evaluate_ratings};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    tolerance: f64,
    exact: Vec<User>,
    tied: Vec<User>,
    ratings: RatingCase,
}

#[derive(Deserialize)]
struct User {
    scores: Vec<f32>,
    relevant: Vec<ItemId>,
    n_relevant: usize,
    values: BTreeMap<String, f64>,
    #[serde(default)]
    tolerance: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct RatingCase {
    predicted: Vec<f32>,
    value: Vec<f32>,
    rmse: f64,
    mae: f64,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/metrics/values.json");
    serde_json::from_str(&std::fs::read_to_string(&path).expect("golden/metrics/values.json")).expect("its format")
}

/// The same given scores for every query.
struct Given(Vec<f32>);

struct GivenScorer<'a>(&'a [f32], usize);

impl Recommender for Given {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(GivenScorer(&self.0, queries.len()))
    }
    fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        Ok(())
    }
}

impl Scorer for GivenScorer<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        let scores: Vec<f32> = items.iter().map(|item| self.0[item as usize]).collect();
        out.chunks_exact_mut(scores.len()).take(self.1).for_each(|row| row.copy_from_slice(&scores));
    }
}

fn check(users: &[User], tolerance: f64) {
    for (n, user) in users.iter().enumerate() {
        let model = Given(user.scores.clone());
        let items: Vec<ItemId> = (0..user.scores.len() as ItemId).collect();
        let ask = Ask { query: Query::guest(History::EMPTY), hidden: &[], relevant: &user.relevant };
        let list = rank_list(&model, &ask, &items, 0).unwrap();
        for (name, expected) in &user.values {
            let spec: MetricSpec = name.parse().unwrap();
            let (Measure::PerUser(of), Some(k)) = (spec.metric.measure, spec.cutoff) else { panic!("{name}") };
            let range = 0..items.len() as ItemId;
            let top = rank_range_top(&model, std::slice::from_ref(&ask), range, k).unwrap().remove(0);
            let tolerance = user.tolerance.get(name).copied().unwrap_or(tolerance);
            for ranking in [&list, &top] {
                let value = of(&Ranks::new(ranking, user.n_relevant), k);
                assert!((value - expected).abs() <= tolerance, "user {n}, {name}: {value} is not {expected}");
            }
        }
    }
}

#[test]
fn ranking_metrics_agree_with_ranx_and_pytrec_eval() {
    let golden = golden();
    assert!(golden.exact.len() >= 8 && golden.exact.iter().all(|user| user.values.len() == 35));
    check(&golden.exact, golden.tolerance);
}

#[test]
fn expected_values_over_ties_agree_with_random_orders() {
    let golden = golden();
    assert!(golden.tied.len() >= 5 && golden.tied.iter().all(|user| user.tolerance.len() == 35));
    check(&golden.tied, golden.tolerance);
}

#[test]
fn error_metrics_agree_with_numpy() {
    let RatingCase { predicted, value, rmse, mae } = golden().ratings;
    let n = value.len();
    let event = |(item, &value)| Event { user: 0, item, weight: 1.0, signal: Signal::Positive, value, time: None };
    let events = Interactions::new(1, n, (0..).zip(&value).map(event).collect()).unwrap();
    let empty = Interactions::empty(1, n);
    let question = Question {
        items: 0..n as ItemId,
        users: &IdMap::new(vec!["u"]),
        train: &empty,
        known: &empty,
        holdout: &Holdout { events, negatives: None },
        part: Part::Validation,
        output: Output::Rating,
        split: "one user",
        catalogue: None,
    };
    // Predictions are stored as f32.
    let found = evaluate_ratings(&Given(predicted), &question).unwrap();
    assert!((found.rmse() - rmse).abs() < 1e-6 && (found.mae() - mae).abs() < 1e-6);
}
