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
        if subject.info().name == "sasrec" {
            subject.params["batch_size"] = json!(8);
        }
    }
    all
}

segue_testkit::conformance_tests!(MODELS, subjects);

/// The forms of models that defaults leave out.
#[test]
fn every_form_keeps_every_promise() {
    let registry = Registry::new(&[MODELS, segue_testkit::MODELS]);
    let forms = [
        ("two_tower", json!({"history": "none", "loss": "bpr", "negative_sampling": "hard"})),
        ("two_tower", json!({"history": "attention", "similarity": "cosine", "temperature": 0.2})),
        ("two_tower", json!({"history": "transformer", "user_ids": false, "loss": "full_softmax", "dropout": 0.1})),
        ("two_tower", json!({"history": "mean", "mixed_negatives": 16, "log_q": false, "user_ids": false})),
        ("neumf", json!({"pretrain_epochs": 2, "pretrain_share": 0.25, "dropout": 0.1})),
        ("neumf_attention", json!({"loss": "bpr", "negative_sampling": "hard", "dropout": 0.1, "id_dropout": 0.2})),
        ("gnn", json!({"aggregation": "sum", "dropout": 0.1})),
        ("gnn", json!({"aggregation": "attention", "layers": 1})),
        ("fcnn", json!({"dropout": 0.1, "optimizer": "adam", "clip": false})),
        ("sasrec", json!({"variant": "s1", "loss": "bce", "max_seq_len": 20, "epochs": 20})),
        ("sasrec", json!({"loss": "gbce", "negatives": 8, "negative_sampling": "popularity"})),
    ];
    let mut failures = Vec::new();
    for mut subject in subjects(&registry) {
        let (own, name) = (subject.params.clone(), subject.info().name);
        for (_, form) in forms.iter().filter(|(model, _)| *model == name) {
            subject.params = own.clone();
            form.as_object().into_iter().flatten().for_each(|(key, value)| subject.params[key] = value.clone());
            let found = conformance::check_subject(&subject);
            failures.extend(found.iter().map(|failure| format!("{form}: {failure}")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

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
