//! Metrics as other programs define them, against those programs: `golden/dialects` has the cases, the answers and who made them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use segue_core::{
    ArtifactError, ArtifactWriter, Candidates, Catalogue, Csr, Domain, Event, Features, Holdout, IdMap, Interactions,
    ItemId, ItemInfo, Output, Query, Recommender, Scorer, Signal, UserId,
};
use segue_eval::{Dialect, MetricSpec, Part, Protocol, Qrels, Question, Ties, TrecRun, TrecWriter, evaluate};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Cases {
    cutoffs: Vec<usize>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    n_items: usize,
    users: Vec<User>,
    /// What each of those met whom nobody asks.
    #[serde(default)]
    others: Vec<Vec<ItemId>>,
    /// Of each item, where they are known.
    #[serde(default)]
    categories: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
struct User {
    scores: Vec<f32>,
    hidden: Vec<ItemId>,
    relevant: BTreeMap<ItemId, f32>,
}

#[derive(Deserialize)]
struct Answers {
    values: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Categories that there are.
const CATEGORIES: u32 = 7;

fn golden<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/dialects").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every user's scores, given.
struct Given<'a>(&'a [User]);

struct GivenScorer<'a>(&'a [User], Vec<UserId>);

impl Recommender for Given<'_> {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(GivenScorer(self.0, queries.iter().map(|query| query.user.unwrap()).collect()))
    }
    fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        Ok(())
    }
}

impl Scorer for GivenScorer<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        for (&user, row) in self.1.iter().zip(out.chunks_exact_mut(items.len())) {
            let scores = &self.0[user as usize].scores;
            row.iter_mut().zip(items.iter()).for_each(|(out, item)| *out = scores[item as usize]);
        }
    }
}

impl Case {
    /// Scores are predicted ratings where errors are asked for, too.
    fn measured(&self, protocol: &Protocol) -> Vec<(String, f64)> {
        let errs = protocol.metrics.iter().any(|spec| spec.metric.is_error());
        let output = if errs { Output::Rating } else { Output::Ranking };
        self.asked(|model, question| {
            let question = Question { output, ..question.clone() };
            evaluate(model, &question, protocol).unwrap().values()
        })
    }

    /// Through the text of a run whose rows are in the order of items, and of its qrels.
    fn measured_as_rows(&self, protocol: &Protocol) -> Vec<(String, f64)> {
        let (mut run, mut qrels) = (String::new(), String::new());
        for (u, user) in self.users.iter().enumerate() {
            let is_shown = |item: usize| !user.hidden.contains(&(item as ItemId));
            for (item, score) in user.scores.iter().enumerate().filter(|(item, _)| is_shown(*item)) {
                writeln!(run, "u{u} Q0 i{item:02} 1 {score} given").unwrap();
            }
            for (item, grade) in &user.relevant {
                writeln!(qrels, "u{u} 0 i{item:02} {grade}").unwrap();
            }
        }
        let run = TrecRun::read(&mut run.as_bytes()).unwrap();
        run.evaluate(&Qrels::read(&mut qrels.as_bytes()).unwrap(), protocol).unwrap().values()
    }

    fn asked<T>(&self, answer: impl FnOnce(&Given<'_>, &Question<'_>) -> T) -> T {
        let event = |user: usize, item: ItemId, value: f32| Event {
            user: user as UserId,
            item,
            weight: 1.0,
            signal: Signal::Positive,
            value,
            time: None,
        };
        let users = || self.users.iter().enumerate();
        let n_users = self.users.len() + self.others.len();
        let log = |events: Vec<Event>| Interactions::new(n_users, self.n_items, events).unwrap();
        let met = self.users.iter().map(|user| &user.hidden).chain(&self.others).enumerate();
        let train = log(met.flat_map(|(u, items)| items.iter().map(move |&i| event(u, i, 1.0))).collect());
        let held =
            log(users().flat_map(|(u, user)| user.relevant.iter().map(move |(&i, &g)| event(u, i, g))).collect());
        let names: Vec<String> = (0..self.n_items).map(|item| format!("i{item:02}")).collect();
        let items = Domain { name: "items".into(), ids: IdMap::new(names.iter().map(String::as_str).collect()) };
        let mut catalogue = Catalogue::new(vec![items], |_, _| ItemInfo::default());
        if !self.categories.is_empty() {
            let names: Vec<String> = (0..CATEGORIES).map(|category| category.to_string()).collect();
            let rows = self.categories.iter().map(|of| of.iter().map(|&category| (category, ())).collect()).collect();
            let rows = Csr::from_rows(CATEGORIES as usize, rows).unwrap();
            catalogue = catalogue.with_features(Features::new(IdMap::new(names), rows).unwrap());
        }
        let names: Vec<String> = (0..n_users).map(|user| format!("u{user}")).collect();
        let not_liked = |user: &User| {
            let other = |item: &ItemId| !user.hidden.contains(item) && !user.relevant.contains_key(item);
            (0..self.n_items as ItemId).filter(other).map(|item| (item, ())).collect()
        };
        let negatives = self.users.iter().map(not_liked).chain(self.others.iter().map(|_| Vec::new())).collect();
        let negatives = Csr::from_rows(self.n_items, negatives).unwrap();
        let question = Question {
            items: 0..self.n_items as ItemId,
            users: &IdMap::new(names.iter().map(String::as_str).collect()),
            train: &train,
            known: &train,
            holdout: &Holdout { events: held, negatives: Some(negatives) },
            part: Part::Validation,
            output: Output::Ranking,
            split: "a case",
            catalogue: Some(&catalogue),
        };
        answer(&Given(&self.users), &question)
    }

    /// Through the text of a run of so many rows a query, and of its qrels.
    fn as_trec(&self, depth: usize) -> (TrecRun, Qrels) {
        let (mut run, mut qrels) = (Vec::new(), Vec::new());
        self.asked(|model, question| {
            let writer = TrecWriter { model, question, protocol: &Protocol::default(), tag: "given", depth };
            writer.write_run(&mut run).unwrap();
            writer.write_qrels(&mut qrels).unwrap();
            assert!(!writer.encodes());
        });
        (TrecRun::read(&mut &run[..]).unwrap(), Qrels::read(&mut &qrels[..]).unwrap())
    }
}

fn name_of(metric: &str) -> String {
    metric.split_once('@').map_or(metric, |(name, _)| name).to_owned()
}

/// Holds a dialect to the answers of its program; returns how many there were. Where the program was handed lists in which equal
/// scores stand by index, ours do; rows in the order of items are left to ranx to sort.
fn check(dialect: Dialect) -> usize {
    let Cases { cutoffs, cases } = golden("cases.json");
    let answers: Answers = golden(&format!("{dialect}.json"));
    let mut n = 0;
    for (name, expected) in &answers.values {
        let by_index = name.strip_suffix("_by_index");
        let case = cases.iter().find(|case| case.name == by_index.unwrap_or(name)).unwrap();
        let mut metrics: Vec<MetricSpec> = Vec::new();
        for metric in expected.keys() {
            let spec: MetricSpec = format!("{dialect}:{}", name_of(metric)).parse().unwrap();
            if !metrics.contains(&spec) {
                metrics.push(spec);
            }
        }
        let ties = by_index.map(|_| Ties::Index);
        let protocol = Protocol { metrics, cutoffs: cutoffs.clone(), dialect, ties, ..Protocol::default() };
        let found = match (dialect, case.name.as_str()) {
            (Dialect::Ranx, "tied") => case.measured_as_rows(&protocol),
            _ => case.measured(&protocol),
        };
        let found: BTreeMap<String, f64> = found.into_iter().collect();
        for (metric, expected) in expected {
            let spec: MetricSpec = format!("{dialect}:{metric}").parse().unwrap();
            let value = found[&spec.to_string()];
            assert!((value - expected).abs() < 1e-9, "{dialect}, {name}, {metric}: {value} is not {expected}");
            n += 1;
        }
    }
    n
}

#[test]
fn every_dialect_agrees_with_its_program() {
    for (dialect, least) in Dialect::OTHERS.into_iter().zip([210, 100, 160, 220, 200, 80, 120, 120]) {
        let n = check(dialect);
        assert!(n >= least, "{dialect}: only {n} values");
    }
}

/// `RecBole`'s AUC of labelled rows, each of which is there once, and with negatives drawn for each positive.
#[test]
fn candidates_of_all_users_are_one_list_to_recbole() {
    let Cases { cases, .. } = golden("cases.json");
    let answers: Answers = golden("recbole_pooled.json");
    assert_eq!(answers.values.len(), cases.len());
    for case in &cases {
        let drawn = Protocol::measuring(vec!["recbole:auc".parse().unwrap()]);
        let all = segue_eval::Candidates::Sampled { n: case.n_items, seed: 1, by: segue_eval::Draw::Uniform };
        let drawn = Protocol { candidates: all, ..drawn };
        let given = Protocol { candidates: segue_eval::Candidates::Given, ..drawn.clone() };
        for (name, protocol) in [("labelled", given), ("drawn", drawn)] {
            let (value, expected) = (case.measured(&protocol)[0].1, answers.values[&case.name][name]);
            assert!((value - expected).abs() < 1e-9, "{}, {name}: {value} is not {expected}", case.name);
        }
    }
}

#[test]
fn lists_written_for_trec_are_worth_what_trec_eval_says() {
    let Cases { cutoffs, cases } = golden("cases.json");
    let answers: Answers = golden("trec_eval.json");
    let mut n = 0;
    for case in &cases {
        let (run, qrels) = case.as_trec(1000);
        let names = ["precision", "recall", "hr", "ndcg", "map", "map_uncut", "mrr"];
        let metrics = names.map(|name| format!("trec_eval:{name}").parse().unwrap()).to_vec();
        let protocol =
            Protocol { metrics, cutoffs: cutoffs.clone(), dialect: Dialect::TrecEval, ..Protocol::default() };
        let found = run.evaluate(&qrels, &protocol).unwrap().values();
        assert_eq!(found, case.measured(&protocol), "{}", case.name);
        let found: BTreeMap<String, f64> = found.into_iter().collect();
        for (metric, expected) in &answers.values[&case.name] {
            let spec: MetricSpec = format!("trec_eval:{metric}").parse().unwrap();
            let value = found[&spec.to_string()];
            assert!((value - expected).abs() < 1e-9, "{}, {metric}: {value} is not {expected}", case.name);
            n += 1;
        }
    }
    assert!(n >= 100, "only {n} values");
}

/// Files that programs read apart from each other: `golden/dialects/lists.py`.
#[test]
fn files_of_trec_are_read_as_each_program_reads_them() {
    #[derive(Deserialize)]
    struct Lists {
        cutoffs: Vec<usize>,
        cases: BTreeMap<String, Files>,
    }
    #[derive(Deserialize)]
    struct Files {
        run: String,
        qrels: String,
    }
    let Lists { cutoffs, cases } = golden("lists.json");
    for dialect in [Dialect::TrecEval, Dialect::Ranx] {
        let answers: Answers = golden(&format!("{dialect}_lists.json"));
        assert_eq!(answers.values.keys().collect::<Vec<_>>(), cases.keys().collect::<Vec<_>>());
        for (name, Files { run, qrels }) in &cases {
            let run = TrecRun::read(&mut run.as_bytes()).unwrap();
            let qrels = Qrels::read(&mut qrels.as_bytes()).unwrap();
            for (metric, expected) in &answers.values[name] {
                let spec: MetricSpec = format!("{dialect}:{metric}").parse().unwrap();
                let protocol =
                    Protocol { metrics: vec![spec], cutoffs: cutoffs.clone(), dialect, ..Protocol::default() };
                let value = run.evaluate(&qrels, &protocol).unwrap().metrics[0].value;
                assert!((value - expected).abs() < 1e-9, "{dialect}, {name}, {metric}: {value} is not {expected}");
            }
        }
    }
}

#[test]
fn lists_written_for_trec_are_worth_what_they_were_by_every_metric() {
    let Cases { cases, .. } = golden("cases.json");
    let names = ["precision", "recall", "f1", "hr", "ndcg", "map", "mrr", "auc", "ndcg_graded", "f1_of_means"];
    for case in &cases {
        let (run, qrels) = case.as_trec(1000);
        for ties in [Ties::Expected, Ties::Best, Ties::Worst, Ties::Docid] {
            let metrics = names.map(|name| name.parse().unwrap()).to_vec();
            let protocol = Protocol { ties: Some(ties), ..Protocol::measuring(metrics) };
            let found = run.evaluate(&qrels, &protocol).unwrap();
            assert_eq!(found.values(), case.measured(&protocol), "{}, {ties}", case.name);
        }
        // What is cut off is missed: recall and precision within the depth are as they were.
        let (short, _) = case.as_trec(5);
        assert!(short.queries.values().all(|list| list.len() <= 5) && short.queries.len() == run.queries.len());
        let protocol = Protocol {
            metrics: ["recall", "precision", "ndcg"].map(|name| name.parse().unwrap()).to_vec(),
            cutoffs: vec![1, 3, 5],
            ties: Some(Ties::Docid),
            ..Protocol::default()
        };
        assert_eq!(short.evaluate(&qrels, &protocol).unwrap().values(), case.measured(&protocol), "{}", case.name);
    }
}

#[test]
fn a_list_without_ties_is_the_same_in_any_order_of_ties() {
    let Cases { cases, .. } = golden("cases.json");
    let metrics = || ["ndcg", "map", "mrr", "hr", "ndcg_graded"].map(|name| name.parse().unwrap()).to_vec();
    let by = |case: &Case, ties| case.measured(&Protocol { ties: Some(ties), ..Protocol::measuring(metrics()) });
    for case in &cases {
        let expected = by(case, Ties::Expected);
        for ties in [Ties::Best, Ties::Worst, Ties::Index, Ties::Docid] {
            let found = by(case, ties);
            assert_eq!(found == expected, case.name != "tied", "{}, {ties}", case.name);
        }
        let (best, worst) = (by(case, Ties::Best), by(case, Ties::Worst));
        for ((expected, best), worst) in expected.iter().zip(&best).zip(&worst) {
            assert!(worst.1 <= expected.1 + 1e-12 && expected.1 <= best.1 + 1e-12, "{expected:?} {worst:?} {best:?}");
        }
    }
}

/// `golden/diversity`: `RecTools`' mean over pairs, `SciPy`'s cosine.
#[test]
fn intra_list_diversity_is_that_of_rectools() {
    #[derive(Deserialize)]
    struct Diversity {
        categories: Vec<Vec<u32>>,
        scores: Vec<Vec<f32>>,
        values: BTreeMap<usize, f64>,
    }
    let Diversity { categories, scores, values } = golden("../diversity/values.json");
    let relevant = || BTreeMap::from([(0, 1.0)]);
    let users = scores.into_iter().map(|scores| User { scores, hidden: Vec::new(), relevant: relevant() });
    let case = Case {
        name: "diversity".into(),
        n_items: categories.len(),
        users: users.collect(),
        others: Vec::new(),
        categories,
    };
    for (name, dialect) in
        [("diversity", Dialect::Segue), ("diversity", Dialect::Rectools), ("rectools:ild", Dialect::Segue)]
    {
        let protocol = Protocol {
            metrics: vec![name.parse().unwrap()],
            cutoffs: values.keys().copied().collect(),
            dialect,
            ..Protocol::default()
        };
        let found = case.measured(&protocol);
        assert_eq!(found.len(), 5);
        for ((name, found), (k, expected)) in found.iter().zip(&values) {
            assert_eq!(*name, format!("diversity@{k}"));
            assert!((found - expected).abs() < 1e-9, "{name}: {found}, RecTools {expected}");
        }
    }
}
