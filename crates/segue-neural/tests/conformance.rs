//! Every model of this crate keeps every promise of the conformance suite.
//!
//! `SEGUE_MODEL=gmf,mlp cargo test -p segue-neural --test conformance` runs it on some models only.

use segue_core::Registry;
use segue_neural::MODELS;
use segue_testkit::conformance::{self, Subject};
use serde_json::json;

/// The suite's parameters for small worlds, with smaller steps and penalties, for a few layers in a row want both, and fewer
/// epochs: who is not stopped in time learns that the withheld item was never liked.
fn subjects(registry: &Registry) -> Vec<Subject<'_>> {
    let mut all = conformance::subjects(MODELS, registry);
    for subject in &mut all {
        let smaller = [
            ("learning_rate", json!(0.01)),
            ("l2", json!(1e-4)),
            ("epochs", json!(30)),
            ("mlp_layers", json!([16, 16, 8])),
            ("hidden_dims", json!([16])),
        ];
        for (key, value) in smaller {
            if subject.entry.canonical_key(key).is_some() {
                subject.params[key] = value;
            }
        }
        // A batch of sequences holds many likes: forty users want more than one step an epoch.
        if subject.entry.canonical_key("max_seq_len").is_some() {
            subject.params["batch_size"] = json!(8);
        }
    }
    all
}

segue_testkit::conformance_tests!(MODELS, subjects);

/// Costs some forty fits of a model.
#[test]
fn shared_tastes_help_and_shuffled_links_do_not() {
    if std::env::var_os("SEGUE_REFERENCE").is_none() {
        println!("skipped: needs SEGUE_REFERENCE=1");
        return;
    }
    let registry = Registry::new(&[MODELS, segue_testkit::MODELS]);
    let check = "shared_tastes_help_and_shuffled_links_do_not";
    conformance::assert_each(&subjects(&registry), conformance::shared_tastes_help_and_shuffled_links_do_not, check);
}
