//! Every model of this crate, and the sum of two of them, keeps every promise of the conformance suite.
//!
//! `SEGUE_MODEL=ease,mf cargo test -p segue-models --test conformance` runs it on some models only.

use segue_core::{ModelEntry, Output, Registry};
use segue_models::MODELS;
use segue_testkit::conformance::{self, Subject};
use serde_json::json;

/// The models asked for, and the sum of the first two that it can add if all are.
fn subjects(registry: &Registry) -> Vec<Subject<'_>> {
    let mut all = conformance::subjects(MODELS, registry);
    let summand = |entry: &&ModelEntry| entry.info.personalised && entry.info.output == Output::Ranking;
    let children: Vec<_> = MODELS.iter().filter(summand).take(2).collect();
    if children.len() == 2 && all.len() == MODELS.len() {
        let child =
            |entry: &&ModelEntry| json!({ "model": entry.info.name, "params": Subject::new(entry, registry).params });
        let children: Vec<_> = children.iter().map(child).collect();
        all.push(Subject::with(&segue_testkit::MODELS[0], registry, json!({ "children": children })));
    }
    all
}

segue_testkit::conformance_tests!(MODELS, subjects);

#[test]
fn shared_tastes_help_and_shuffled_links_do_not() {
    let registry = Registry::new(&[MODELS, segue_testkit::MODELS]);
    let check = "shared_tastes_help_and_shuffled_links_do_not";
    conformance::assert_each(&subjects(&registry), conformance::shared_tastes_help_and_shuffled_links_do_not, check);
}
