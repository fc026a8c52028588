//! Every model of this crate, and the sum of two of them, keeps every promise of the conformance suite.
//!
//! `SEGUE_MODEL=ease,mf cargo test -p segue-models --test conformance` runs it on some models only.

use segue_core::{ModelEntry, Output, Registry};
use segue_models::MODELS;
use segue_testkit::conformance::{self, CHECKS, Check, Subject};
use serde_json::json;

/// The models asked for, each with parameters for small worlds, and the sum of the first two that it can add.
fn each(run: impl Fn(&Subject<'_>) -> conformance::Outcome, check: &str) {
    let wanted = std::env::var("SEGUE_MODEL").ok();
    let is_wanted =
        |entry: &&ModelEntry| wanted.as_ref().is_none_or(|names| names.split(',').any(|name| name == entry.info.name));
    let registry = Registry::new(&[MODELS, segue_testkit::MODELS]);
    let mut subjects: Vec<_> = MODELS.iter().filter(is_wanted).map(|entry| Subject::new(entry, &registry)).collect();
    let summand = |entry: &&ModelEntry| entry.info.personalised && entry.info.output == Output::Ranking;
    let children: Vec<_> = MODELS.iter().filter(summand).take(2).collect();
    if children.len() == 2 && wanted.is_none() {
        let children: Vec<_> = children
            .iter()
            .map(|entry| json!({ "model": entry.info.name, "params": Subject::new(entry, &registry).params }))
            .collect();
        subjects.push(Subject::with(&segue_testkit::MODELS[0], &registry, json!({ "children": children })));
    }
    let failures: Vec<_> = subjects
        .iter()
        .filter_map(|subject| run(subject).err().map(|why| format!("model `{}`: {why}", subject.info().name)))
        .collect();
    assert!(failures.is_empty(), "{check} fails:\n{}", failures.join("\n"));
}

macro_rules! conformance {
    ($($check:ident),* $(,)?) => {
        const RUN: &[&str] = &[$(stringify!($check)),*];
        $(#[test]
        fn $check() {
            each(conformance::$check, stringify!($check));
        })*
    };
}

conformance! {
    the_withheld_checkerboard_is_found,
    one_more_like_changes_scores,
    one_dislike_lowers_its_neighbours,
    a_guest_with_a_users_history_gets_the_users_list,
    a_guest_without_history_gets_what_is_popular,
    refit_gives_the_same_bytes,
    threads_change_nothing,
    saving_changes_nothing,
    resuming_changes_nothing,
    relabelling_changes_nothing,
    scores_are_finite,
    blocks_and_lists_agree,
    contributions_add_up,
    empty_rows_are_fine,
    degenerate_logs_fit_or_are_refused,
    divergence_is_named,
    defaults_round_trip,
    wrong_keys_are_refused,
    values_out_of_range_are_refused,
    shared_tastes_help_and_shuffled_links_do_not,
}

#[test]
fn no_check_is_forgotten() {
    for Check { name, .. } in CHECKS {
        assert!(RUN.contains(name), "`{name}` is not run here");
    }
}
