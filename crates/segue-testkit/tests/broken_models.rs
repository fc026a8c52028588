//! The suite passes an honest model and catches each of its deliberately broken twins by the right check.

use rayon::prelude::*;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, FitCx, FitError, Interval, Matrix,
    ModelEntry, ModelInfo, Output, Query, Recommender, Registry, Scorer, TrainData,
};
use segue_testkit::conformance::{CHECKS, Subject, check_subject, shared_tastes_help_and_shuffled_links_do_not};
use serde_json::json;

segue_core::params! {
    /// Co-occurrence counts, whole or with a fault.
    pub struct Twin {
        /// What is broken.
        fault: String = String::new();
        /// A number with a range.
        shrink: f32 = 1.0, range Interval::between(0.0, 10.0), alias "reg";
    }
}

#[derive(Debug)]
pub struct TwinModel {
    counts: Matrix,
    popularity: Vec<f32>,
    trained: Vec<Vec<(u32, f32)>>,
    fault: String,
}

const INFO: ModelInfo = ModelInfo {
    name: "twin",
    aliases: &[],
    title: "Twin",
    citation: "none",
    useful_for: "testing the tests",
    not_useful_for: "anything else",
    scale: "tests",
    output: Output::Ranking,
    personalised: true,
};

impl Algorithm for Twin {
    const INFO: ModelInfo = INFO;
    type Model = TwinModel;

    fn fit(&self, data: &TrainData<'_>, _: &mut FitCx<'_>) -> Result<TwinModel, FitError> {
        let n = data.log.n_items();
        if self.fault == "panics" {
            assert!(!data.log.is_empty(), "nothing to learn from");
        }
        let (users, items) = (data.log.positives(), data.log.positives().transpose());
        let mut counts = Matrix::zeros(n, n);
        counts.as_mut_slice().par_chunks_mut(n.max(1)).enumerate().for_each(|(i, row)| {
            for &u in items.cols_of(i) {
                users.cols_of(u as usize).iter().for_each(|&j| row[j as usize] += 1.0);
            }
            row[i] = 0.0;
            if self.fault == "threads" {
                row[0] += rayon::current_num_threads() as f32;
            }
            if self.fault == "names" {
                row.iter_mut().enumerate().for_each(|(j, count)| *count += 0.1 * j as f32);
            }
        });
        let popularity = (0..n).map(|i| items.cols_of(i).len() as f32).collect();
        let trained = (0..data.log.n_users() as u32).map(|u| data.log.user(u).signed()).collect();
        Ok(TwinModel { counts, popularity, trained, fault: self.fault.clone() })
    }

    fn load(from: &ArtifactReader<'_>) -> Result<TwinModel, ArtifactError> {
        let fault: String = from.meta("fault")?;
        let counts = from.matrix("counts")?;
        let popularity = if fault == "save" {
            vec![0.0; counts.n_rows()]
        } else {
            from.vector("popularity", Some(counts.n_rows()))?
        };
        Ok(TwinModel { counts, popularity, trained: from.meta("trained")?, fault })
    }
}

impl TwinModel {
    fn history(&self, query: &Query<'_>) -> Vec<(u32, f32)> {
        let mut history = match query.user {
            Some(user) if self.fault == "forgets" => self.trained[user as usize].clone(),
            None if self.fault == "guests" => Vec::new(),
            _ => query.history.signed(),
        };
        if self.fault == "dislikes" {
            history.retain(|&(_, strength)| strength > 0.0);
        }
        history
    }
}

impl Recommender for TwinModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(TwinScorer { model: self, queries: queries.iter().map(|query| self.history(query)).collect() })
    }

    fn contributions(&self, query: &Query<'_>, item: u32) -> Option<Vec<f32>> {
        let signed = self.history(query);
        let of = |other: &u32| {
            let strength = signed.iter().find(|(i, _)| i == other).map_or(0.0, |&(_, s)| s);
            let scale = if self.fault == "reasons" { 0.5 } else { 1.0 };
            scale * strength * self.counts.row(*other as usize)[item as usize]
        };
        Some(query.history.items.iter().map(of).collect())
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix("counts", &self.counts);
        if self.fault != "save" {
            out.tensor("popularity", &[self.popularity.len()], self.popularity.as_slice());
        }
        out.meta("trained", &self.trained)?;
        out.meta("fault", &self.fault)
    }
}

struct TwinScorer<'a> {
    model: &'a TwinModel,
    queries: Vec<Vec<(u32, f32)>>,
}

impl Scorer for TwinScorer<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        let TwinModel { counts, popularity, fault, .. } = self.model;
        let n_queries = self.queries.len() as f32;
        for (history, row) in self.queries.iter().zip(out.chunks_exact_mut(items.len().max(1))) {
            for (score, i) in row.iter_mut().zip(items.iter()) {
                *score = history.iter().map(|&(j, strength)| strength * counts.row(j as usize)[i as usize]).sum();
                match fault.as_str() {
                    "nan" if i == 3 => *score = f32::NAN,
                    "blocks" => *score += n_queries,
                    "same for all" => *score = popularity[i as usize],
                    "no floor" => {}
                    _ if history.is_empty() => *score = popularity[i as usize],
                    _ => {}
                }
            }
        }
    }
}

fn failures(fault: &str) -> Vec<String> {
    let entry = ModelEntry::of::<Twin>();
    let registry = Registry::new(&[&[entry]]);
    let subject = Subject::with(&entry, &registry, json!({ "fault": fault }));
    check_subject(&subject).into_iter().map(|failure| format!("{}: {}", failure.check, failure.why)).collect()
}

#[test]
fn the_honest_twin_passes() {
    assert_eq!(failures(""), [""; 0]);
    let entry = ModelEntry::of::<Twin>();
    let registry = Registry::default();
    shared_tastes_help_and_shuffled_links_do_not(&Subject::new(&entry, &registry)).unwrap();
}

#[track_caller]
fn caught(fault: &str, check: &str) {
    assert!(CHECKS.iter().any(|c| c.name == check), "no check is called {check}");
    let failures = failures(fault);
    assert!(failures.iter().any(|f| f.starts_with(check)), "`{fault}` is not caught by {check}, but by: {failures:#?}");
}

#[test]
fn broken_twins_are_caught() {
    caught("nan", "scores_are_finite");
    caught("same for all", "the_withheld_checkerboard_is_found");
    caught("forgets", "one_more_like_changes_scores");
    caught("dislikes", "one_dislike_lowers_its_neighbours");
    caught("guests", "a_guest_with_a_users_history_gets_the_users_list");
    caught("no floor", "a_guest_without_history_gets_what_is_popular");
    caught("threads", "threads_change_nothing");
    caught("save", "saving_changes_nothing");
    caught("names", "relabelling_changes_nothing");
    caught("blocks", "blocks_and_lists_agree");
    caught("reasons", "contributions_add_up");
    caught("panics", "degenerate_logs_fit_or_are_refused");
}
