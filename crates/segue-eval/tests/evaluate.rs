//! Evaluations of models whose scores are given, in worlds small enough to check by hand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;

use segue_core::{
    ArtifactError, ArtifactWriter, Candidates as Items, Catalogue, Csr, Domain, Event, Features, Holdout, IdMap,
    Interactions, ItemId, ItemInfo, OpenedTests, Output, Prepared, Query, Recommender, Scorer, Sealed, Seed, Signal,
    Split, Task, TaskKind, UserId, Validator,
};
use segue_eval::check::{AtCutoff, Positives, check_row};
use segue_eval::{
    Bootstrap, Candidates, Draw, EvalError, Evaluation, Part, Protocol, Qrels, Question, Seen, Summary, TrecRun,
    Validation, breakdown, evaluate, evaluate_ratings, evaluate_watched,
};

/// Scores are a function of the user and the item; a guest is user 0.
struct By<F>(F);

struct ByScorer<'a, F>(&'a F, Vec<UserId>);

impl<F: Fn(UserId, ItemId) -> f32 + Send + Sync> Recommender for By<F> {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(ByScorer(&self.0, queries.iter().map(|q| q.user.unwrap_or(0)).collect()))
    }
    fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        Ok(())
    }
}

impl<F: Fn(UserId, ItemId) -> f32> Scorer for ByScorer<'_, F> {
    fn score(&mut self, items: Items<'_>, out: &mut [f32]) {
        let n = items.len();
        for (q, &user) in self.1.iter().enumerate() {
            for (p, item) in items.iter().enumerate() {
                out[q * n + p] = (self.0)(user, item);
            }
        }
    }
}

fn like(user: UserId, item: ItemId) -> Event {
    Event { user, item, weight: 1.0, signal: Signal::Positive, value: 1.0, time: None }
}

fn names(letter: char, n: usize) -> IdMap {
    IdMap::new((0..n).map(|i| format!("{letter}{i:04}")).collect())
}

/// `source` + `target` items, ids in that order; negatives are of the whole id space.
fn world(
    n_users: usize,
    (source, target): (usize, usize),
    [train, valid, test]: [Vec<Event>; 3],
    negatives: Option<Csr<()>>,
) -> Prepared {
    let domain = |name: &str, letter, n| Domain { name: name.to_owned(), ids: names(letter, n) };
    let catalogue =
        Catalogue::new(vec![domain("songs", 's', source), domain("films", 'f', target)], |_, _| ItemInfo::default());
    let log = |events| Interactions::new(n_users, source + target, events).unwrap();
    let holdout = |events, negatives| Holdout { events: log(events), negatives };
    let task = Task {
        name: "films".to_owned(),
        kind: TaskKind::Intra,
        target: 1,
        valid: holdout(valid, negatives.clone()),
        test: Sealed::new(holdout(test, negatives)),
    };
    let split = Split { train: log(train), tasks: vec![task], protocol: "leave one out".to_owned() };
    Prepared { users: names('u', n_users), catalogue, split }
}

fn protocol(json: &str) -> Protocol {
    serde_json::from_str(json).unwrap()
}

fn value(evaluation: &Evaluation, spec: &str) -> f64 {
    evaluation.value(spec.parse().unwrap()).unwrap_or_else(|| panic!("{spec} was not measured"))
}

fn test_of(prepared: &Prepared, model: &dyn Recommender, protocol: &Protocol) -> Result<Evaluation, EvalError> {
    let task = &prepared.split.tasks[0];
    let known = prepared.train_and_valid();
    let mut record = OpenedTests::default();
    let opened = task.test.open(&mut record, "test");
    evaluate(model, &Question::test(prepared, task, opened, &known), protocol)
}

#[test]
fn seen_items_are_hidden_and_other_domains_do_not_count() {
    // Songs 0, 1; films 2..7. User 0 trained on film 2, validated on 3, tested on 5; the model ranks by id.
    let prepared = world(2, (2, 5), [vec![like(0, 0), like(0, 2)], vec![like(0, 3)], vec![like(0, 5)]], None);
    let model = By(|_, item| -(item as f32));
    let json = r#"{"metrics": ["mrr", "coverage"], "cutoffs": [3]}"#;
    let both = test_of(&prepared, &model, &protocol(json)).unwrap();
    // Left: 4, 5, 6.
    assert_eq!((value(&both, "mrr@3"), both.n_candidates, both.n_users()), (0.5, (3, 3), 1));
    // Of the one film trained on, none is recommended.
    assert_eq!(value(&both, "coverage@3"), 0.0);
    let train = Protocol { hide: segue_eval::Seen::Train, ..protocol(json) };
    let train = test_of(&prepared, &model, &train).unwrap();
    assert_eq!((value(&train, "mrr@3"), train.n_candidates), (1.0 / 3.0, (4, 4)));
    assert_ne!(both.protocol, train.protocol);
    assert_eq!(
        both.protocol,
        "split: leave one out, test; candidates: all 5 items, seen in train+valid hidden; history: train+valid; \
         ties: expected value; @3; users: 1 with a held-out positive"
    );

    let question = Question::valid(&prepared, &prepared.split.tasks[0]);
    let valid = evaluate(&model, &question, &protocol(json)).unwrap();
    assert_eq!((value(&valid, "mrr@3"), valid.n_candidates), (1.0, (4, 4)));
    assert!(valid.protocol.contains("validation") && valid.protocol.contains("seen in train hidden"));
}

#[test]
fn a_constant_model_scores_exactly_chance() {
    let n_users = 300;
    let test = (0..n_users).map(|u| like(u, 10 + u % 200)).collect();
    let prepared = world(n_users as usize, (10, 200), [vec![], vec![], test], None);
    let sampled = protocol(
        r#"{"candidates": {"kind": "sampled", "n": 99, "seed": 4}, "metrics": ["precision","recall","f1","hr","ndcg","map","mrr"], "cutoffs": [10]}"#,
    );
    let found = test_of(&prepared, &By(|_, _| 0.0), &sampled).unwrap();
    assert_eq!((found.n_candidates, found.tied_users), ((100, 100), 1.0));
    assert!((value(&found, "hr@10") - 0.1).abs() < 1e-12);
    assert!((value(&found, "ndcg@10") - 0.0454).abs() < 5e-5);
    assert_eq!(check_row(&[AtCutoff::of(&found, 10, 1e-9)], Positives::One, false), []);
}

#[test]
fn sampled_negatives_are_frozen_unseen_and_the_same_for_a_model_of_the_target_alone() {
    let events = |salt: u64, n: u32| -> Vec<Event> {
        let mut stream = Seed::new(salt).stream();
        (0..40_u32).flat_map(|u| (0..n).map(move |_| u)).map(|u| like(u, 30 + stream.below(150))).collect()
    };
    let mut train = events(1, 5);
    train.extend((0..40).map(|u| like(u, u % 30)));
    let joint = world(40, (30, 150), [train, events(2, 1), events(3, 2)], None);
    let alone = joint.only(1);
    let hash = |user: UserId, film: u32| Seed::new(9).at(u64::from(user)).at(u64::from(film)).unit() as f32;
    let protocol = protocol(r#"{"candidates": {"kind": "sampled", "n": 50}, "metrics": ["ndcg", "hr"]}"#);
    let of_joint = test_of(&joint, &By(|user, item: ItemId| hash(user, item.wrapping_sub(30))), &protocol).unwrap();
    let of_alone = test_of(&alone, &By(hash), &protocol).unwrap();
    assert_eq!(of_joint, of_alone);
    let seeded = Protocol { candidates: Candidates::Sampled { n: 50, seed: 1, by: Draw::Uniform }, ..protocol.clone() };
    assert_ne!(of_alone.metrics, test_of(&alone, &By(hash), &seeded).unwrap().metrics);

    // Had a met item been drawn, it would stand above the positive.
    let known = joint.train_and_valid();
    let mut record = OpenedTests::default();
    let test = joint.split.tasks[0].test.open(&mut record, "test").events.clone();
    let met = move |user: UserId, item: ItemId| {
        let known = known.user(user).items.contains(&item);
        let asked = test.user(user).items.contains(&item);
        if known && !asked { 2.0 } else { f32::from(u8::from(asked)) }
    };
    let found = test_of(&joint, &By(met), &protocol).unwrap();
    let unranked = found.n_unranked as f64;
    assert!(value(&found, "hr@10") >= 1.0 - unranked / 40.0, "{found:?}");
    // Fewer unmet items than asked for: all of them.
    let many = Protocol { candidates: Candidates::Sampled { n: 1000, seed: 0, by: Draw::Uniform }, ..protocol };
    assert!(test_of(&alone, &By(hash), &many).unwrap().n_candidates.1 < 151);
}

#[test]
fn popular_items_are_likely_negatives() {
    let draws = |by| {
        // Item 0 is met by everybody but the last user, item n by fewer and fewer.
        let mut train: Vec<Event> =
            (0..40).flat_map(|u| (0..40).filter(move |i| *i <= u).map(move |i| like(u, i))).collect();
        train.push(like(40, 45));
        let prepared = world(41, (0, 50), [train, vec![], vec![like(40, 46)]], None);
        let popular = std::sync::atomic::AtomicU64::new(0);
        let model = By(|_: UserId, item: ItemId| {
            popular.fetch_add(u64::from(item < 20), std::sync::atomic::Ordering::Relaxed);
            -(item as f32)
        });
        let protocol = Protocol { candidates: Candidates::Sampled { n: 10, seed: 1, by }, ..Protocol::default() };
        let evaluation = test_of(&prepared, &model, &protocol).unwrap();
        (popular.into_inner(), evaluation.protocol)
    };
    let (uniform, popular) = (draws(Draw::Uniform), draws(Draw::Popularity));
    assert!(popular.0 > uniform.0 && popular.0 >= 7, "{popular:?} {uniform:?}");
    assert!(popular.1.contains("10 popular negatives"), "{}", popular.1);
}

#[test]
fn a_question_is_taken_apart_by_who_asks_and_what_for() {
    // User u knows items 0..=u and is asked for item u + 1; the model likes high items.
    let train: Vec<Event> = (0..8).flat_map(|u| (0..=u).map(move |i| like(u, i))).collect();
    let prepared = world(8, (0, 20), [train, vec![], (0..8).map(|u| like(u, u + 1)).collect()], None);
    let model = By(|_, item: ItemId| -(item as f32));
    let task = &prepared.split.tasks[0];
    let known = prepared.train_and_valid();
    let mut record = OpenedTests::default();
    let question = Question::test(&prepared, task, task.test.open(&mut record, "test"), &known);
    let protocol = protocol(r#"{"metrics": ["hr@1", "mrr@20"]}"#);
    let whole = evaluate(&model, &question, &protocol).unwrap();
    let by = |by| breakdown(&model, &question, &protocol, by).unwrap();
    let users = by(segue_eval::By::Activity);
    assert_eq!(
        users.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
        ["1 to 2", "3 to 4", "5 to 6", "7 to 8"]
    );
    assert!(users.iter().all(|group| group.evaluation.n_users() == 2 && group.n_positives == 2));
    // Item u + 1 was met by the 7 - u users above; the last item by nobody.
    let items = by(segue_eval::By::Popularity);
    assert_eq!(
        items.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
        ["0 to 1", "2 to 3", "4 to 5", "6 to 7"]
    );
    // The parts make up the whole, where every user has one positive.
    for groups in [users, items] {
        let mean = groups.iter().map(|group| value(&group.evaluation, "mrr@20")).sum::<f64>() / 4.0;
        assert!((mean - value(&whole, "mrr@20")).abs() < 1e-12);
    }
}

#[test]
fn given_negatives_are_the_candidates() {
    // Films 0..6; positives 1 and 3 each among {0, 4, 5}; 0 is seen, and still counts.
    let given = Csr::from_rows(6, vec![vec![(0, ()), (4, ()), (5, ())]]).unwrap();
    let events = [vec![like(0, 0)], vec![], vec![like(0, 1), like(0, 3)]];
    let prepared = world(1, (0, 6), events.clone(), Some(given));
    let protocol = protocol(r#"{"candidates": {"kind": "given"}, "metrics": ["mrr@5", "recall@1"]}"#);
    let found = test_of(&prepared, &By(|_, item| -(item as f32)), &protocol).unwrap();
    // Both stand second, behind 0; the other positive is in nobody's list.
    assert_eq!((value(&found, "mrr@5"), value(&found, "recall@1"), found.n_candidates), (0.5, 0.0, (4, 4)));

    let none = test_of(&world(1, (0, 6), events.clone(), None), &By(|_, _| 0.0), &protocol).unwrap_err();
    assert!(matches!(none, EvalError::NoNegatives { user: None, .. }), "{none}");
    let empty = Csr::from_rows(6, vec![vec![]]).unwrap();
    let none = test_of(&world(1, (0, 6), events, Some(empty)), &By(|_, _| 0.0), &protocol).unwrap_err();
    assert!(none.to_string().contains("`u0000`"), "{none}");
}

#[test]
fn only_positives_are_relevant_and_hidden_ones_are_missed() {
    let dislike = |user, item| Event { signal: Signal::Negative, ..like(user, item) };
    let test = vec![like(0, 1), like(0, 2), dislike(0, 3), dislike(1, 3), like(2, 0)];
    let prepared = world(3, (0, 5), [vec![like(0, 1), like(2, 0)], vec![], test], None);
    let found =
        test_of(&prepared, &By(|_, item| f32::from(u8::from(item == 2))), &protocol(r#"{"metrics": ["recall@1"]}"#))
            .unwrap();
    // User 0: one of two; user 1 is not asked; user 2's only positive is a repeat.
    assert_eq!(found.users, [0, 2]);
    assert_eq!((value(&found, "recall@1"), found.n_unserved, found.n_unranked), (0.25, 1, 2));
    assert!(Summary::new(&found, &Bootstrap::default()).unwrap().notes().join("\n").contains("2 relevant items"));
}

#[test]
fn coverage_counts_distinct_training_items() {
    let train = vec![like(0, 0), like(1, 1), like(1, 2), like(1, 3)];
    let prepared = world(2, (0, 6), [train, vec![], vec![like(0, 4), like(1, 4)]], None);
    let found =
        test_of(&prepared, &By(|_, item| -(item as f32)), &protocol(r#"{"metrics": ["coverage"], "cutoffs": [1, 2]}"#))
            .unwrap();
    // User 0 is shown 1, 2; user 1 is shown 0, 4 (4 was never trained on).
    assert_eq!((value(&found, "coverage@1"), value(&found, "coverage@2")), (0.5, 0.75));
}

#[test]
fn threads_do_not_change_a_bit() {
    let random = |salt: u64, n: u32| -> Vec<Event> {
        let mut stream = Seed::new(salt).stream();
        (0..1500_u32).flat_map(|u| (0..n).map(move |_| u)).map(|u| like(u, stream.below(400))).collect()
    };
    let prepared = world(1500, (0, 400), [random(1, 6), random(2, 1), random(3, 3)], None);
    let model = By(|user: UserId, item: ItemId| (user.wrapping_mul(2_654_435_761) ^ item.wrapping_mul(40_503)) as f32);
    for json in [
        r#"{"metrics": ["precision","recall","f1","hr","ndcg","map","mrr","coverage"]}"#,
        r#"{"metrics": ["ndcg"], "candidates": {"kind": "sampled"}}"#,
    ] {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| test_of(&prepared, &model, &protocol(json)).unwrap())
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(5));
        let intervals = Bootstrap::default().intervals(&one).unwrap();
        for (measured, interval) in one.metrics.iter().zip(intervals) {
            assert!(interval.is_none_or(|i| i.low <= measured.value && measured.value <= i.high), "{measured:?}");
        }
    }
}

#[test]
fn ratings_are_compared_only_where_scores_are_ratings() {
    let rated = |user, item, value| Event { value, signal: Signal::Neutral, ..like(user, item) };
    let train = vec![rated(0, 0, 1.0), rated(1, 1, 4.0)];
    let prepared = world(2, (0, 4), [train, vec![rated(0, 1, 3.0), rated(0, 2, 4.0), rated(1, 2, 1.0)], vec![]], None);
    let task = &prepared.split.tasks[0];
    let ranking = Question::valid(&prepared, task);
    let rating = Question { output: Output::Rating, ..ranking.clone() };
    let model = By(|user, _| if user == 0 { 3.0 } else { 5.0 });
    // Errors 0, -1, 4.
    let found = evaluate_ratings(&model, &rating).unwrap();
    assert_eq!((found.rmse(), found.mae()), ((17.0_f64 / 3.0).sqrt(), 5.0 / 3.0));
    assert_eq!((found.scale, found.n_off_scale, found.n_events()), (Some((1.0, 4.0)), 1, 3));

    let protocol = protocol(r#"{"metrics": ["rmse", "mae"]}"#);
    let evaluation = evaluate(&model, &rating, &protocol).unwrap();
    assert_eq!((value(&evaluation, "rmse"), value(&evaluation, "mae")), (found.rmse(), found.mae()));
    assert!(evaluation.protocol.ends_with("errors: 3 held-out ratings of 2 users"), "{}", evaluation.protocol);
    let intervals = Bootstrap::default().intervals(&evaluation).unwrap();
    assert!(intervals[0].unwrap().low >= 0.5_f64.sqrt() - 1e-12 && intervals[0].unwrap().high <= 4.0);
    let same = Bootstrap::default().compare(&evaluation, &evaluation).unwrap();
    assert_eq!((same.len(), same[0].difference, same[0].p, same[0].n_users), (2, 0.0, 1.0, 2));

    let refused = evaluate(&model, &ranking, &protocol).unwrap_err();
    assert_eq!(refused, EvalError::RankingModel { metric: "rmse" });
    assert!(refused.to_string().contains("svd") && evaluate_ratings(&model, &ranking).is_err());
}

#[test]
fn rating_and_ranking_metrics_keep_their_order() {
    let events = [vec![like(0, 0), like(1, 0)], vec![like(0, 1), like(1, 1)], vec![]];
    let prepared = world(2, (0, 3), events, None);
    let question = Question { output: Output::Rating, ..Question::valid(&prepared, &prepared.split.tasks[0]) };
    let protocol = protocol(r#"{"metrics": ["hr@1", "rmse", "mrr@2", "mae", "coverage@1"]}"#);
    let found = evaluate(&By(|_, item| item as f32), &question, &protocol).unwrap();
    let expected = [("hr@1", 0.0), ("rmse", 0.0), ("mrr@2", 0.5), ("mae", 0.0), ("coverage@1", 0.0)];
    assert_eq!(found.values(), expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(Bootstrap::default().intervals(&found).unwrap().iter().filter(|i| i.is_some()).count(), 4);
}

#[test]
fn what_cannot_be_answered_is_an_error_that_says_why() {
    let prepared = world(1, (0, 3), [vec![like(0, 0)], vec![], vec![like(0, 1)]], None);
    let task = &prepared.split.tasks[0];
    let question = Question::valid(&prepared, task);
    let model = By(|_, _| f32::NAN);
    let nobody = evaluate(&model, &question, &Protocol::default()).unwrap_err();
    assert!(matches!(nobody, EvalError::NoUsers { what: "positive", part: Part::Validation, .. }), "{nobody}");
    assert!(matches!(test_of(&prepared, &model, &Protocol::default()), Err(EvalError::Score(_))));

    let other = IdMap::new(vec!["a", "b"]);
    let question = Question { users: &other, ..Question::valid(&prepared, task) };
    assert!(matches!(evaluate(&model, &question, &Protocol::default()), Err(EvalError::Shape { .. })));

    let mut record = OpenedTests::default();
    let opened = task.test.open(&mut record, "test");
    let test = Question::test(&prepared, task, opened, &prepared.split.train);
    let stop = |_, _| ControlFlow::Break(());
    let stopped = evaluate_watched(&By(|_, _| 0.0), &test, &Protocol::default(), &stop);
    assert_eq!(stopped, Err(EvalError::Interrupted));
    assert!(matches!(Validation::new(test, Protocol::default()), Err(EvalError::TestWhileTraining)));
}

#[test]
fn validation_answers_the_epoch_loop() {
    let prepared = world(1, (0, 3), [vec![like(0, 0)], vec![like(0, 2)], vec![]], None);
    let question = || Question::valid(&prepared, &prepared.split.tasks[0]);
    let validation = Validation::new(question(), protocol(r#"{"metrics": ["hit_rate@1", "mrr@2"]}"#)).unwrap();
    let values = validation.validate(&By(|_, item| -(item as f32))).unwrap();
    assert_eq!(values, [("hr@1".to_owned(), 0.0), ("mrr@2".to_owned(), 0.5)]);
    assert!(validation.validate(&By(|_, _| f32::INFINITY)).is_err());
    assert!(Validation::new(question(), protocol(r#"{"metrics": ["rmse"]}"#)).is_err());
}

#[test]
fn play_counts_are_graded_and_nothing_measured_is_no_number() {
    // 2 to the play counts is far beyond numbers; the model has the second of two first, which has one play less.
    let played = |item, value| Event { value, ..like(0, item) };
    let plays = vec![played(2, 352_698.0), played(3, 352_697.0)];
    let prepared = world(1, (2, 2), [vec![], plays.clone(), plays], None);
    let names = r#"{"metrics": ["ndcg_burges@5", "elliot:ndcg@5", "ndcg_graded@5", "novelty@5", "serendipity@5", "elliot:entropy@5"]}"#;
    let by_id = By(|_, item| item as f32);
    let validation = Validation::new(Question::valid(&prepared, &prepared.split.tasks[0]), protocol(names)).unwrap();
    let hidden_nothing = Protocol { hide: Seen::Train, ..protocol(names) };
    let found = test_of(&prepared, &by_id, &hidden_nothing).unwrap();
    let second = 1.0 / 3_f64.log2();
    let expected = (0.5 + second) / (1.0 + 0.5 * second);
    for name in ["ndcg_burges@5", "elliot:ndcg@5"] {
        assert!((value(&found, name) - expected).abs() < 1e-12, "{name}: {}", value(&found, name));
    }
    assert_eq!(validation.validate(&by_id).unwrap(), found.values());
    // Nobody met anything before.
    assert_eq!((value(&found, "novelty@5"), value(&found, "serendipity@5")), (0.0, 0.0));

    let one = world(1, (2, 1), [vec![], vec![], vec![like(0, 2)]], None);
    let found =
        test_of(&one, &by_id, &protocol(r#"{"metrics": ["elliot:gini@5", "gini@5", "implicit:auc@5"]}"#)).unwrap();
    assert_eq!(value(&found, "elliot:gini@5"), 1.0);
}

#[test]
fn judgements_of_trec_may_be_any_whole_number() {
    let run = TrecRun::read(&mut &b"q Q0 a 1 2.0 s\nq Q0 b 2 1.0 s\n"[..]).unwrap();
    let qrels = Qrels::read(&mut &b"q 0 a 4000\nq 0 b 4001\n"[..]).unwrap();
    for name in ["ndcg_burges@10", "ranx:ndcg_burges@10", "elliot:ndcg@10"] {
        let found = run.evaluate(&qrels, &Protocol::measuring(vec![name.parse().unwrap()])).unwrap();
        let second = 1.0 / 3_f64.log2();
        let expected = (0.5 + second) / (1.0 + 0.5 * second);
        assert!((found.metrics[0].value - expected).abs() < 1e-12, "{name}: {}", found.metrics[0].value);
    }
}

#[test]
fn lists_are_measured_by_what_they_show() {
    // Items 10 to 15 of the target; 10 was met by all three users, 11 by two, 12 by one, the others by nobody.
    let train = vec![like(0, 10), like(1, 10), like(2, 10), like(1, 11), like(2, 11), like(2, 12)];
    let test = vec![like(0, 12), like(1, 13)];
    let prepared = world(3, (10, 6), [train, vec![], test], None);
    // Everybody is shown 15, 14, 13, 12, ... but what they met.
    let metrics = r#"{"metrics": ["novelty@2", "average_popularity@3", "serendipity@3", "serendipity@9", "gini@2", "entropy@2", "coverage@4", "auc", "gauc"]}"#;
    let found = test_of(&prepared, &By(|_, item| item as f32), &protocol(metrics)).unwrap();
    let close = |name: &str, expected: f64| {
        let value = value(&found, name);
        assert!((value - expected).abs() < 1e-12, "{name}: {value} is not {expected}");
    };
    // Never met counts as met once, of three users.
    close("novelty@2", 3_f64.log2());
    close("average_popularity@3", 0.0);
    // User 1 finds 13 in place 3, one before its place by popularity, of 3 training items.
    close("serendipity@3", (4.0 - 3.0) / 3.0 / 3.0 / 2.0);
    // There are four items to show them. User 0 finds 12 in place 4, no higher than its own third.
    close("serendipity@9", (4.0 - 3.0) / 3.0 / 4.0 / 2.0);
    // 12 alone of the training items is in the first four, of both: user 0 sees 15 14 13 12, user 1 15 14 13 12.
    close("coverage@4", 1.0 / 3.0);
    close("gini@2", 0.0);
    close("entropy@2", 0.0);
    // User 0: 12 beats 11 of 15 14 13 11; user 1: 13 beats 12 of 15 14 12.
    close("auc", f64::midpoint(1.0 / 4.0, 1.0 / 3.0));
    close("gauc", f64::midpoint(1.0 / 4.0, 1.0 / 3.0));

    let sampled = protocol(r#"{"candidates": {"kind": "sampled", "n": 2, "seed": 4}, "metrics": ["novelty@2"]}"#);
    assert!(
        test_of(&prepared, &By(|_, _| 0.0), &sampled)
            .unwrap_err()
            .to_string()
            .contains("`novelty@2` needs full ranking")
    );
    let diversity = protocol(r#"{"metrics": ["diversity@2"]}"#);
    assert!(test_of(&prepared, &By(|_, _| 0.0), &diversity).unwrap_err().to_string().contains("prepare.features"));
    let chance = protocol(r#"{"candidates": {"kind": "sampled", "n": 2, "seed": 4}, "metrics": ["auc", "gauc"]}"#);
    let found = test_of(&prepared, &By(|_, _| 0.0), &chance).unwrap();
    assert_eq!((value(&found, "auc"), value(&found, "gauc")), (0.5, 0.5));
}

#[test]
fn diversity_is_of_categories() {
    let mut prepared = world(2, (0, 4), [vec![like(0, 3)], vec![], vec![like(0, 0), like(1, 1)]], None);
    let rows = vec![vec![(0, ()), (1, ())], vec![(0, ())], vec![(2, ())], vec![]];
    let features = Features::new(IdMap::new(vec!["a", "b", "c"]), Csr::from_rows(3, rows).unwrap()).unwrap();
    prepared.catalogue = prepared.catalogue.with_features(features);
    // 0 and 1 share a: 1 - 1/sqrt(2); 2 is like none, 3 has none.
    let of = |k: usize| {
        let metrics = format!(r#"{{"metrics": ["diversity@{k}"]}}"#);
        value(
            &test_of(&prepared, &By(|_, item| -(item as f32)), &protocol(&metrics)).unwrap(),
            &format!("diversity@{k}"),
        )
    };
    assert!((of(2) - (1.0 - 0.5_f64.sqrt())).abs() < 1e-12);
    assert!((of(3) - (3.0 - 0.5_f64.sqrt()) / 3.0).abs() < 1e-12);
    assert_eq!(of(1), 0.0);
}
