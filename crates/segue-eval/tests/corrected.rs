//! Estimates of full metrics from sampled ones: against an independent program (`golden/corrected/make.py` says how), and against
//! the truth, on worlds that can be ranked in full.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::Path;

use segue_core::ranking::TieBlock;
use segue_core::{
    ArtifactError, ArtifactWriter, Candidates as Items, Event, Holdout, IdMap, Interactions, ItemId, Output, Query,
    Recommender, Scorer, Seed, Signal, UserId,
};
use segue_eval::{
    Candidates, Draw, Evaluation, Measure, MetricSpec, Part, Protocol, Question, Ranks, Sampling, Uncorrected, evaluate,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    n_candidates: usize,
    n_negatives: usize,
    gamma: f64,
    corrected: BTreeMap<String, Vec<f64>>,
}

#[test]
fn corrected_values_agree_with_an_independent_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/corrected/values.json");
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut n = 0;
    for Case { n_candidates, n_negatives, gamma, corrected } in golden.cases {
        let at_rank = |name: &str| {
            let spec: MetricSpec = name.parse().unwrap();
            let (Measure::PerUser(of), Some(k)) = (spec.metric.measure, spec.cutoff) else { panic!("{name}") };
            move |rank: usize| {
                let block = [TieBlock { above: rank - 1, size: 1, relevant: 1 }];
                of(&Ranks::of(&block, 1, n_candidates), k)
            }
        };
        let metrics: Vec<_> = corrected.keys().map(|name| at_rank(name)).collect();
        let metrics: Vec<&dyn Fn(usize) -> f64> = metrics.iter().map(|of| of as &dyn Fn(usize) -> f64).collect();
        let found = Sampling { n_candidates, n_negatives }.corrected(gamma, &metrics).unwrap();
        for ((name, expected), found) in corrected.iter().zip(&found) {
            assert_eq!(expected.len(), found.len());
            for (s, (expected, found)) in expected.iter().zip(found).enumerate() {
                assert!(
                    (expected - found).abs() < 1e-9,
                    "{name}, {n_negatives} of {n_candidates}, {s}: {found} {expected}"
                );
                n += 1;
            }
        }
    }
    assert!(n > 2000, "only {n} values");
}

const N_ITEMS: usize = 1000;

/// Everyone's items in an order of their own, which begins anywhere and goes round; or all alike.
struct Round {
    first: Vec<ItemId>,
    constant: bool,
}

struct RoundScorer<'a>(&'a Round, Vec<UserId>);

impl Recommender for Round {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(RoundScorer(self, queries.iter().map(|query| query.user.unwrap()).collect()))
    }
    fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        Ok(())
    }
}

impl Scorer for RoundScorer<'_> {
    fn score(&mut self, items: Items<'_>, out: &mut [f32]) {
        let n = N_ITEMS as ItemId;
        for (&user, row) in self.1.iter().zip(out.chunks_exact_mut(items.len())) {
            let first = self.0.first[user as usize];
            for (out, item) in row.iter_mut().zip(items.iter()) {
                *out = if self.0.constant { 0.0 } else { -(((item + n - first) % n) as f32) };
            }
        }
    }
}

/// Users each with items held out at known ranks, and a few that they met.
struct World {
    model: Round,
    users: IdMap,
    train: Interactions,
    holdout: Holdout,
}

impl World {
    /// `rank` of the uniform number in [0, 1) that each user is given; `seen` items met each.
    fn new(n_users: usize, n_positives: u32, seen: u32, rank: impl Fn(f64) -> u32) -> Self {
        let mut stream = Seed::new(11).named("world").stream();
        let event = |user: usize, item: u32| Event {
            user: user as UserId,
            item: item % N_ITEMS as ItemId,
            weight: 1.0,
            signal: Signal::Positive,
            value: 1.0,
            time: None,
        };
        let (mut first, mut train, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for user in 0..n_users {
            let (start, rank) = (stream.below(N_ITEMS as u32), rank(stream.unit()));
            first.push(start);
            held.extend((0..n_positives).map(|n| event(user, start + rank - 1 + n)));
            // From the end of the list.
            train.extend((0..seen * (user as u32 % 3)).map(|n| event(user, start + N_ITEMS as u32 - 1 - n)));
        }
        let names: Vec<String> = (0..n_users).map(|user| format!("u{user}")).collect();
        let log = |events| Interactions::new(n_users, N_ITEMS, events).unwrap();
        Self {
            model: Round { first, constant: false },
            users: IdMap::new(names.iter().map(String::as_str).collect()),
            train: log(train),
            holdout: Holdout { events: log(held), negatives: None },
        }
    }

    fn measured(&self, candidates: Candidates, metrics: &[&str]) -> Evaluation {
        let question = Question {
            items: 0..N_ITEMS as ItemId,
            users: &self.users,
            train: &self.train,
            known: &self.train,
            holdout: &self.holdout,
            part: Part::Test,
            output: Output::Ranking,
            split: "a world",
            catalogue: None,
        };
        let metrics = metrics.iter().map(|name| name.parse().unwrap()).collect();
        evaluate(&self.model, &question, &Protocol { candidates, ..Protocol::measuring(metrics) }).unwrap()
    }
}

fn uniform(n: usize) -> Candidates {
    Candidates::Sampled { n, seed: 5, by: Draw::Uniform }
}

/// Better than chance by far: half of the ranks are among the first 62, an eighth in the first one.
fn skewed(unit: f64) -> u32 {
    (1.0 + unit.powi(4) * (N_ITEMS - 100) as f64) as u32
}

#[test]
fn an_estimate_is_nearer_to_the_truth_than_the_sampled_value() {
    let metrics = ["hr@10", "ndcg@10", "mrr@10", "f1@10", "f1_of_means@10", "auc"];
    for (rank, seen) in [(skewed as fn(f64) -> u32, 10), (|unit| 1 + (unit * unit * 900.0) as u32, 0)] {
        let world = World::new(2000, 1, seen, rank);
        let (full, sampled) = (world.measured(Candidates::Full, &metrics), world.measured(uniform(99), &metrics));
        assert!(full.corrected.is_empty());
        assert_eq!(sampled.corrected.len(), metrics.len());
        for (measured, &(spec, estimate)) in sampled.metrics.iter().zip(&sampled.corrected) {
            assert_eq!(measured.spec, spec);
            let truth = full.value(spec).unwrap();
            let (raw, corrected) = ((measured.value - truth).abs(), (estimate - truth).abs());
            if spec.metric.name == "auc" {
                assert!(estimate == measured.value && raw < 0.01, "{spec}: {truth} {estimate}");
            } else {
                // The more a metric is of the very first places, the more the uniform prior weighs down.
                let share = if ["hr", "ndcg"].contains(&spec.metric.name) { 0.5 } else { 0.75 };
                assert!(corrected < share * raw, "{spec}: {truth}, sampled {}, estimated {estimate}", measured.value);
            }
        }
    }
}

#[test]
fn a_constant_model_is_estimated_to_be_chance() {
    let mut world = World::new(20, 1, 0, skewed);
    world.model.constant = true;
    let sampled = world.measured(uniform(99), &["hr@10", "precision@5"]);
    assert!((sampled.metrics[0].value - 0.1).abs() < 1e-12);
    for ((_, estimate), expected) in sampled.corrected.iter().zip([0.01, 0.001]) {
        assert!((estimate - expected).abs() < 1e-12, "{estimate}");
    }
}

#[test]
fn there_is_no_estimate_where_none_is_due() {
    let one = World::new(50, 1, 10, skewed);
    let empty = |evaluation: Evaluation, why| {
        assert!(evaluation.corrected.is_empty(), "{:?}", evaluation.corrected);
        assert_eq!(evaluation.uncorrected, Some(why));
    };
    let popular = Candidates::Sampled { n: 20, seed: 5, by: Draw::Popularity };
    empty(one.measured(popular, &["hr@10"]), Uncorrected::ByPopularity);
    // Everybody's negatives are all there are: the value is the full one.
    let all = one.measured(uniform(N_ITEMS), &["hr@10", "ndcg@10"]);
    let full = one.measured(Candidates::Full, &["hr@10", "ndcg@10"]);
    assert_eq!(all.values(), full.values());
    empty(all, Uncorrected::AllDrawn);
    assert_eq!((full.corrected, full.uncorrected), (Vec::new(), None));
    empty(one.measured(uniform(20), &["ndcg_graded@10"]), Uncorrected::NoMetric);
    // Of no graded metric, and of no metric of another program.
    let some = one.measured(uniform(20), &["ndcg_graded@10", "elliot:map@10", "hr@10"]);
    assert_eq!(some.corrected.iter().map(|(spec, _)| spec.to_string()).collect::<Vec<_>>(), ["hr@10"]);
    assert_eq!(some.uncorrected, None);
    empty(World::new(50, 2, 0, skewed).measured(uniform(20), &["hr@10"]), Uncorrected::SeveralRelevant);
}

#[test]
fn who_met_so_much_that_all_others_are_drawn_counts_by_the_metric_itself() {
    // A third of the users each have 1000, 950 and 900 items left; 920 are drawn.
    let world = World::new(300, 1, 50, skewed);
    let sampled = world.measured(uniform(920), &["hr@10"]);
    let full = world.measured(Candidates::Full, &["hr@10"]).metrics[0].value;
    assert_eq!(sampled.n_candidates, (900, 921));
    assert!((sampled.corrected[0].1 - full).abs() < 0.02, "{:?} {full}", sampled.corrected);
}
