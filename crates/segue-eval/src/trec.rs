//! Rankings and judgements as the text files of TREC, which `trec_eval`, ranx and ir-measures read, too: out of any model, and in
//! from any system.
//!
//! A run has a row per retrieved document, `query Q0 document rank score tag`; qrels have one per judged document, `query 0
//! document relevance`. Fields are separated by blanks, so that an id with a blank or a percent sign is percent-encoded when it
//! is written; nothing is decoded when it is read. The order is that of the scores, as 64-bit numbers; for the dialect `trec_eval`, as the
//! 32-bit ones that its program keeps. Ranks in the file are not read. Equal scores stand as the protocol says; for the dialect `ranx`,
//! as its sort leaves the rows of the file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;

use rayon::prelude::*;
use segue_core::ranking::{Ask, rank_list};
use segue_core::{
    ArtifactError, ArtifactWriter, Candidates, Catalogue, Domain, Event, Holdout, IdMap, Interactions, ItemId,
    ItemInfo, LogError, Output, Query, Recommender, Scorer, Signal, UserId,
};

use crate::evaluate::{EvalError, Evaluation, all_finite, specs_for};
use crate::metrics::Dialect;
use crate::protocol::{Protocol, ProtocolError};
use crate::question::{Part, Question};
use crate::rank::rank;
use crate::ties::{docid, order_of_ranx};
use crate::trec_queries::{Queries, count_unmeasured};

/// Why a run or qrels cannot be read, written or measured.
#[derive(Debug, thiserror::Error)]
pub enum TrecError {
    /// A row that is none.
    #[error("line {line}: {problem}")]
    Row {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is nothing to find.
    #[error("no document of the qrels is relevant: a relevance of at least 1 says so")]
    NothingRelevant,
    /// The files are of different questions.
    #[error("no query of the run has a relevant document in the qrels: both must call the queries by the same ids")]
    NoCommonQuery,
    /// A metric of a catalogue.
    #[error("`{metric}` looks at a catalogue and its training events, and a run has neither; leave it out")]
    NotOfLists {
        /// The metric.
        metric: String,
    },
    /// The lists cannot be measured.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The protocol cannot be followed.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// A bug of ours: judgements are no log.
    #[error("internal error, please report it: {0}")]
    Log(#[from] LogError),
}

/// A document of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retrieved {
    /// Its score.
    pub score: f64,
    /// Its place among the rows of its query, from 0.
    pub row: usize,
}

/// The documents that a system retrieved for each query, with their scores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrecRun {
    /// By query, then by document.
    pub queries: BTreeMap<String, BTreeMap<String, Retrieved>>,
}

/// How relevant judged documents are to each query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Qrels {
    /// By query, then by document; relevant are those of at least 1.
    pub queries: BTreeMap<String, BTreeMap<String, i32>>,
}

impl TrecRun {
    /// Reads `query Q0 document rank score tag`.
    pub fn read(input: &mut dyn BufRead) -> Result<Self, TrecError> {
        let mut run = Self::default();
        rows(input, |fields: [&str; 6]| {
            let [query, _, document, _, text, _] = fields;
            let score = text.parse().ok().filter(|score: &f64| score.is_finite());
            let score = score.ok_or_else(|| format!("the score `{text}` is no finite number"))?;
            let row = run.queries.get(query).map_or(0, BTreeMap::len);
            // Adding zero makes -0.0 and 0.0 the same score.
            add(&mut run.queries, (query, document), Retrieved { score: score + 0.0, row })
        })?;
        Ok(run)
    }

    /// Measures the lists against judgements: what a query did not retrieve is missed.
    ///
    /// Asked are the queries with a relevant document, and those that the run does not have count as 0, but for dialects that have it
    /// otherwise: [`Self::notes`] says what became of which.
    pub fn evaluate(&self, qrels: &Qrels, protocol: &Protocol) -> Result<Evaluation, TrecError> {
        let specs = protocol.specs()?;
        if let Some(spec) = specs.iter().find(|spec| spec.metric.needs_full_ranking()) {
            return Err(TrecError::NotOfLists { metric: spec.to_string() });
        }
        let relevant = || qrels.queries.iter().filter(|(_, judged)| judged.values().any(|&grade| grade >= 1));
        if relevant().next().is_none() {
            return Err(TrecError::NothingRelevant);
        }
        if !relevant().any(|(query, _)| self.queries.contains_key(query)) {
            return Err(TrecError::NoCommonQuery);
        }
        let counted = Queries { run: self, qrels, dialect: protocol.dialect };
        let queries = IdMap::new(counted.counted().collect());
        let relevant = || relevant().filter(|(query, _)| queries.find(query).is_some());
        let retrieved = self.queries.iter().filter(|(query, _)| queries.find(query).is_some());
        let documents = retrieved.flat_map(|(_, list)| list.keys()).chain(relevant().flat_map(|(_, list)| list.keys()));
        let documents = IdMap::new(documents.map(String::as_str).collect());

        let mut events = Vec::new();
        for (query, judged) in relevant() {
            let Some(user) = queries.find(query) else { continue };
            for (document, &grade) in judged.iter().filter(|&(_, &grade)| grade >= 1) {
                let Some(item) = documents.find(document) else { continue };
                let value = grade as f32;
                events.push(Event { user, item, weight: 1.0, signal: Signal::Positive, value, time: None });
            }
        }
        let lists = queries.iter().map(|query| {
            let list = self.queries.get(query).into_iter().flatten();
            let mut list: Vec<(ItemId, Retrieved)> =
                list.filter_map(|(document, &found)| Some((documents.find(document)?, found))).collect();
            let mut list: Vec<(ItemId, f32)> = if (protocol.dialect, protocol.ties) == (Dialect::Ranx, None) {
                list.sort_unstable_by_key(|(_, found)| found.row);
                let scores: Vec<f64> = list.iter().map(|(_, found)| found.score).collect();
                let order = order_of_ranx(&scores);
                // Whole numbers in place of scores, so that nothing ties any more.
                (0..order.len()).rev().zip(order).map(|(below, at)| (list[at].0, below as f32)).collect()
            } else {
                let kept = |score: f64| match protocol.dialect {
                    Dialect::TrecEval => f64::from(score as f32),
                    _ => score,
                };
                let scores: Vec<f64> = list.iter().map(|(_, found)| kept(found.score)).collect();
                list.iter().map(|&(item, _)| item).zip(levels(&scores)).collect()
            };
            list.sort_unstable_by_key(|&(item, _)| item);
            list
        });
        let lists: Vec<Vec<(ItemId, f32)>> = lists.collect();
        let retrieved: Vec<Vec<ItemId>> =
            lists.iter().map(|list| list.iter().map(|&(item, _)| item).collect()).collect();

        let none = Interactions::empty(queries.len(), documents.len());
        let items = 0..documents.len() as ItemId;
        let holdout = Holdout { events: Interactions::new(queries.len(), documents.len(), events)?, negatives: None };
        let domain = Domain { name: "documents".into(), ids: documents };
        let catalogue = Catalogue::new(vec![domain], |_, _| ItemInfo::default());
        let question = Question {
            items,
            users: &queries,
            train: &none,
            known: &none,
            holdout: &holdout,
            part: Part::Test,
            output: Output::Ranking,
            split: "a TREC run",
            catalogue: Some(&catalogue),
        };
        question.check()?;
        let specs = specs_for(&question, protocol)?;
        let go_on = |_, _| ControlFlow::Continue(());
        let (mut evaluation, _) = rank(&Listed(lists), (&question, Some(&retrieved)), protocol, &specs, &go_on)?;
        all_finite(evaluation.metrics.iter().map(|measured| (measured.spec, measured.value)))?;
        count_unmeasured(&mut evaluation, queries.len());
        evaluation.protocol = protocol.describe_run(Queries::words(protocol.dialect), queries.len());
        Ok(evaluation)
    }

    /// What a dialect makes of queries that are not in both files, or have no relevant document; nothing where there are none.
    pub fn notes(&self, qrels: &Qrels, dialect: Dialect) -> Vec<String> {
        Queries { run: self, qrels, dialect }.notes()
    }
}

impl Qrels {
    /// Reads `query 0 document relevance`.
    pub fn read(input: &mut dyn BufRead) -> Result<Self, TrecError> {
        let mut qrels = Self::default();
        rows(input, |fields: [&str; 4]| {
            let [query, _, document, text] = fields;
            let grade = text.parse().map_err(|_| format!("the relevance `{text}` is no whole number"))?;
            add(&mut qrels.queries, (query, document), grade)
        })?;
        Ok(qrels)
    }
}

/// Gives each row's fields to `row`, whose complaint is told with the line.
fn rows<const N: usize>(
    input: &mut dyn BufRead,
    mut row: impl FnMut([&str; N]) -> Result<(), String>,
) -> Result<(), TrecError> {
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let bad = |problem: String| TrecError::Row { line, problem };
        let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is no UTF-8 text".into()))?;
        let text = if line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        if fields.is_empty() {
            continue;
        }
        let n = fields.len();
        let fields = fields.try_into().map_err(|_| {
            let names = if N == 6 { "query Q0 document rank score tag" } else { "query 0 document relevance" };
            bad(format!("it has {n} fields in place of {N}: `{names}`, separated by blanks"))
        })?;
        row(fields).map_err(bad)?;
    }
    Ok(())
}

fn add<T>(
    queries: &mut BTreeMap<String, BTreeMap<String, T>>,
    (query, document): (&str, &str),
    value: T,
) -> Result<(), String> {
    if !queries.contains_key(query) {
        queries.insert(query.to_owned(), BTreeMap::new());
    }
    match queries.get_mut(query).map(|list| list.insert(document.to_owned(), value)) {
        Some(None) => Ok(()),
        _ => Err(format!("the document `{document}` of the query `{query}` was there before")),
    }
}

/// Whole numbers in place of scores that may need 64 bits: equal where those are, and in their order.
fn levels(scores: &[f64]) -> Vec<f32> {
    let mut distinct = scores.to_vec();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    scores.iter().map(|score| distinct.partition_point(|other| other < score) as f32).collect()
}

/// The levels of what each query retrieved, by rising item.
struct Listed(Vec<Vec<(ItemId, f32)>>);

struct ListedScorer<'a>(Vec<&'a [(ItemId, f32)]>);

impl Recommender for Listed {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let list =
            |user: Option<UserId>| user.and_then(|user| self.0.get(user as usize)).map_or(&[][..], Vec::as_slice);
        Box::new(ListedScorer(queries.iter().map(|query| list(query.user)).collect()))
    }

    fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        Ok(())
    }
}

impl Scorer for ListedScorer<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        for (list, row) in self.0.iter().zip(out.chunks_exact_mut(items.len().max(1))) {
            for (out, item) in row.iter_mut().zip(items.iter()) {
                // Asked are items of the list alone.
                *out = list.binary_search_by_key(&item, |&(item, _)| item).map_or(f32::MIN, |at| list[at].1);
            }
        }
    }
}

/// What a model answers to a question, to be written.
#[derive(Clone, Copy)]
pub struct TrecWriter<'a> {
    /// The model.
    pub model: &'a dyn Recommender,
    /// The question; it needs its catalogue.
    pub question: &'a Question<'a>,
    /// What is hidden, and what the model is told of a user's history.
    pub protocol: &'a Protocol,
    /// The name of the run.
    pub tag: &'a str,
    /// Rows for each query at most.
    pub depth: usize,
}

impl std::fmt::Debug for TrecWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrecWriter").field("tag", &self.tag).field("depth", &self.depth).finish_non_exhaustive()
    }
}

impl TrecWriter<'_> {
    /// Writes the best items of every user with a held-out positive: all that are not hidden compete.
    pub fn write_run(&self, out: &mut dyn Write) -> Result<(), TrecError> {
        /// Users ranked before they are written.
        const CHUNK: usize = 256;
        let catalogue = self.question.catalogue.ok_or(EvalError::NoNames)?;
        let items: Vec<ItemId> = self.question.items.clone().collect();
        let names: Vec<Cow<'_, str>> = items.iter().map(|&item| encoded(catalogue.external(item))).collect();
        let tag = encoded(self.tag);
        for users in self.question.holdout.users().chunks(CHUNK) {
            let lists = users.par_iter().map(|&user| self.list(user, &items, &names));
            for (&user, list) in users.iter().zip(lists.collect::<Vec<_>>()) {
                let query = encoded(self.question.users.external(user));
                let mut text = String::new();
                for (rank, (document, score)) in (1..).zip(list?) {
                    // Writing to a string cannot fail.
                    let _ = writeln!(text, "{query} Q0 {document} {rank} {score} {tag}");
                }
                out.write_all(text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// One user's list, best first; empty where nothing is asked of them.
    fn list<'n>(
        &self,
        user: UserId,
        items: &[ItemId],
        names: &'n [Cow<'_, str>],
    ) -> Result<Vec<(&'n str, f32)>, EvalError> {
        let Self { question, protocol, .. } = self;
        if question.relevant(user).is_empty() {
            return Ok(Vec::new());
        }
        let hidden = question.met(question.log(protocol.hide), user);
        let query = Query { user: Some(user), history: question.log(protocol.history).user(user) };
        let ask = Ask { query, hidden: &hidden, relevant: &[] };
        let ranked = rank_list(self.model, &ask, items, items.len())?.top;
        let named = |item: ItemId| names[(item - question.items.start) as usize].as_ref();
        let mut list: Vec<(&str, f32)> = ranked.iter().map(|s| (named(s.item), s.score + 0.0)).collect();
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| docid(a.0).cmp(&docid(b.0))));
        list.truncate(self.depth);
        Ok(list)
    }

    /// Writes the held-out positives, each as relevant as its value, rounded, or 1 where that is less.
    pub fn write_qrels(&self, out: &mut dyn Write) -> Result<(), TrecError> {
        let question = self.question;
        let catalogue = question.catalogue.ok_or(EvalError::NoNames)?;
        for user in question.holdout.users() {
            let query = encoded(question.users.external(user));
            let relevant = question.relevant(user);
            for (&item, grade) in relevant.iter().zip(question.grades(user, &relevant)) {
                let document = encoded(catalogue.external(item));
                writeln!(out, "{query} 0 {document} {}", (grade.round() as i32).max(1))?;
            }
        }
        Ok(())
    }

    /// Whether some relevance is no whole number, and written as the nearest.
    pub fn rounds(&self) -> bool {
        let positive =
            |event: &segue_core::Event| event.signal == Signal::Positive && self.question.items.contains(&event.item);
        self.question.holdout.events.events().any(|event| positive(&event) && event.value.fract() != 0.0)
    }

    /// Whether some id is written in other words.
    pub fn encodes(&self) -> bool {
        let other = |id: &str| matches!(encoded(id), Cow::Owned(_));
        let users = self.question.holdout.users();
        users.iter().any(|&user| other(self.question.users.external(user)))
            || self.question.catalogue.is_some_and(|c| self.question.items.clone().any(|item| other(c.external(item))))
    }
}

/// The id as one field.
fn encoded(id: &str) -> Cow<'_, str> {
    let taken = |c: char| c == '%' || c.is_whitespace() || c.is_control();
    if !id.contains(taken) {
        return Cow::Borrowed(id);
    }
    let mut text = String::with_capacity(id.len() + 8);
    for c in id.chars() {
        if taken(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(text, "%{byte:02X}");
            }
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<TrecRun, TrecError> {
        TrecRun::read(&mut text.as_bytes())
    }

    fn qrels(text: &str) -> Result<Qrels, TrecError> {
        Qrels::read(&mut text.as_bytes())
    }

    #[test]
    fn ids_are_one_field() {
        assert_eq!(encoded("a-ä_1"), "a-ä_1");
        assert_eq!(encoded("50 % of\u{a0}it\t"), "50%20%25%20of%C2%A0it%09");
    }

    #[test]
    fn rows_are_read_in_any_order_and_spacing() {
        let run = run("\u{feff}q2 Q0 b 1 1e-3 x\r\n\n  q1\tQ0 a 9 -0 x\nq2 Q0 a 1 2 x").unwrap();
        let scores = |query: &str| run.queries[query].iter().map(|(d, s)| (d.as_str(), s.score)).collect::<Vec<_>>();
        assert_eq!((scores("q1"), scores("q2")), (vec![("a", 0.0)], vec![("a", 2.0), ("b", 0.001)]));
        assert!(scores("q1")[0].1.is_sign_positive());
        assert_eq!(qrels("q 0 d -1\nq 0 e 2\n").unwrap().queries["q"].len(), 2);
    }

    #[test]
    fn bad_rows_are_told_by_line() {
        for (text, line, parts) in [
            ("q Q0 a 1 2 x\nq Q0 b 2 1\n", 2, "5 fields in place of 6"),
            ("q Q0 a b 1 2 x\n", 1, "7 fields in place of 6"),
            ("\nq Q0 a 1 high x\n", 2, "`high` is no finite number"),
            ("q Q0 a 1 nan x\n", 1, "`nan` is no finite number"),
            ("q Q0 a 1 1e999 x\n", 1, "`1e999` is no finite number"),
            ("q Q0 a 1 2 x\np Q0 a 1 2 x\nq Q0 a 2 1 x\n", 3, "document `a` of the query `q`"),
        ] {
            let error = run(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line}: ")) && error.contains(parts), "{error}");
        }
        for (text, line, parts) in [
            ("q 0 a\n", 1, "3 fields in place of 4"),
            ("q 0 a 1\nq 0 b 0.5\n", 2, "`0.5` is no whole number"),
            ("q 0 a 1\nq 0 a 0\n", 2, "document `a`"),
        ] {
            let error = qrels(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line}: ")) && error.contains(parts), "{error}");
        }
        let error = TrecRun::read(&mut &b"q Q0 a 1 2 x\n\xff\n"[..]).unwrap_err().to_string();
        assert_eq!(error, "line 2: it is no UTF-8 text");
    }

    #[test]
    fn lists_are_measured_by_hand() {
        // q1 finds one of two at 2 of 2, q2 its only one among ties, whose order is by falling id; q3 is not in the run and q4
        // has nothing to find.
        let run = run("q1 Q0 a 1 3 x\nq1 Q0 b 2 1 x\nq2 Q0 a 1 1 x\nq2 Q0 b 2 1 x\nq4 Q0 a 1 1 x\n").unwrap();
        let qrels = qrels("q1 0 b 1\nq1 0 c 1\nq2 0 a 1\nq2 0 b 0\nq3 0 a 2\nq4 0 a 0\n").unwrap();
        let protocol = Protocol { ties: Some(crate::Ties::Docid), ..Protocol::default() };
        let value = |protocol: &Protocol, metric: &str| {
            let protocol = Protocol { metrics: vec![metric.parse().unwrap()], ..protocol.clone() };
            let found = run.evaluate(&qrels, &protocol).unwrap();
            assert_eq!((found.n_users(), found.n_unserved, found.n_unranked), (3, 1, 2));
            found.metrics[0].value
        };
        for (metric, sum) in [("recall@10", 1.5), ("mrr@10", 1.0), ("hr@1", 0.0), ("precision@2", 1.0)] {
            assert!((value(&protocol, metric) - sum / 3.0).abs() < 1e-12, "{metric}");
        }
        assert!((value(&Protocol::default(), "mrr@10") - 1.25 / 3.0).abs() < 1e-12);
        assert!(run.evaluate(&qrels, &protocol).unwrap().protocol.contains("users: 3"));
    }

    #[test]
    fn scores_that_differ_in_64_bits_differ_but_for_trec_eval() {
        let qrels = qrels("q 0 a 1\n").unwrap();
        for (first, second) in
            [("16777217", "16777216"), ("1700000001.5", "1700000001"), ("1e300", "1e39"), ("2e-46", "1e-46")]
        {
            let run = run(&format!("q Q0 a 1 {first} x\nq Q0 b 2 {second} x\n")).unwrap();
            // The program's float makes them equal, and the higher id stands first.
            for (dialect, expected) in [(Dialect::Segue, 1.0), (Dialect::Ranx, 1.0), (Dialect::TrecEval, 0.0)] {
                let metrics = vec!["precision@1".parse().unwrap()];
                let found = run.evaluate(&qrels, &Protocol { metrics, dialect, ..Protocol::default() }).unwrap();
                assert_eq!(found.metrics[0].value, expected, "{dialect}: {first} and {second}");
            }
        }
    }

    #[test]
    fn dialects_count_queries_as_their_programs_do() {
        // a is found, b is not in the run, c has nothing to find, d is not judged.
        let run = run("a Q0 d1 1 1 x\nc Q0 d1 1 1 x\nd Q0 d1 1 1 x\n").unwrap();
        let qrels = qrels("a 0 d1 1\nb 0 d1 1\nc 0 d1 0\n").unwrap();
        for (dialect, n, words) in [
            (Dialect::Segue, 2, "1 queries of the qrels are not in the run: counted as 0"),
            (Dialect::TrecEval, 2, "not in the run: left out"),
            (Dialect::Ranx, 3, "no relevant document and count as 0"),
        ] {
            for metric in ["precision@1", "mrr@1", "recall@5", "ndcg_graded@3"] {
                let metrics = vec![metric.parse().unwrap()];
                let found = run.evaluate(&qrels, &Protocol { metrics, dialect, ..Protocol::default() });
                // The reciprocal rank of trec_eval has no cut-off.
                let Ok(found) = found else { continue };
                assert_eq!(found.n_users(), n);
                assert!((found.metrics[0].value - 1.0 / n as f64).abs() < 1e-12, "{dialect} {metric}");
            }
            let notes = run.notes(&qrels, dialect);
            assert_eq!(notes.len(), 3, "{notes:?}");
            assert!(notes.join("\n").contains(words), "{notes:?}");
        }
        // What is in both files and has something to find needs no words.
        assert_eq!(
            run.notes(&Qrels::read(&mut &b"a 0 d1 1\nc 0 d1 1\nd 0 d1 1\n"[..]).unwrap(), Dialect::Ranx),
            [""; 0]
        );
    }

    #[test]
    fn what_cannot_be_measured_is_said() {
        let (one, other) = (run("q Q0 a 1 3 x\n").unwrap(), qrels("p 0 a 1\nq 0 a 0\n").unwrap());
        let said = |protocol: &Protocol| one.evaluate(&other, protocol).unwrap_err().to_string();
        assert!(said(&Protocol::default()).contains("by the same ids"));
        assert!(said(&Protocol::measuring(vec!["novelty@5".parse().unwrap()])).contains("`novelty@5`"));
        let nothing = one.evaluate(&qrels("q 0 a 0\n").unwrap(), &Protocol::default()).unwrap_err();
        assert!(nothing.to_string().contains("at least 1"));
    }
}
