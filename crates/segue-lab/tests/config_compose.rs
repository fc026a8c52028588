//! Composition with a schema: options and parameters by second names, closed sections, messages, origins.

use segue_lab::config::{
    Composed, ConfigError, ConfigSource, Origin, Schema, compose, compose_with, parse_overrides, parse_yaml, to_yaml,
};
use serde_json::{Value, json};

const FILES: &[(&str, &str)] = &[
    (
        "config.yaml",
        "defaults:\n  - model: ease\n  - trainer: default\n  - experiment: null\n  - _self_\n\nseed: 42\nrun_name: null\n",
    ),
    ("trainer/default.yaml", "epochs: 10\nlearning_rate: 0.01\nearly_stopping:\n  enabled: true\n  patience: 5\n"),
    ("model/svd_large.yaml", "defaults:\n  - svd\n\nn_factors: 500\n"),
    ("model/svd.yaml", "l2: 0.5\n"),
    ("model/typo.yaml", "defaults:\n  - svd\n\nfactros: 500\n"),
    ("model/both.yaml", "defaults:\n  - svd\n\nfactors: 5\nn_factors: 6\n"),
    (
        "experiment/paper.yaml",
        "# @package _global_\ndefaults:\n  - override /model: item_cf\n\nseed: 1\nmodel:\n  k: 80\ntrainer:\n  epochs: 30\n",
    ),
];

/// Three models, one with a second name, parameters with second names.
struct Models;

impl Schema for Models {
    fn options(&self, group: &str) -> Vec<String> {
        if group == "model" { ["ease", "item_knn", "svd"].map(String::from).to_vec() } else { Vec::new() }
    }

    fn option_aliases(&self, group: &str) -> Vec<String> {
        if group == "model" { vec!["item_cf".to_owned()] } else { Vec::new() }
    }

    fn resolve_option(&self, group: &str, option: &str) -> Option<String> {
        let canonical = if option == "item_cf" { "item_knn" } else { option };
        self.options(group).into_iter().find(|known| known == canonical)
    }

    fn defaults(&self, group: &str, option: &str) -> Option<Value> {
        match (group, option) {
            ("model", "ease") => Some(json!({ "name": "ease", "l2": 100.0 })),
            ("model", "item_knn") => Some(json!({ "name": "item_knn", "neighbours": 50, "shrink": null })),
            ("model", "svd") => Some(json!({ "name": "svd", "factors": 64, "l2": 0.02 })),
            _ => None,
        }
    }

    fn canonical_key(&self, group: &str, option: &str, key: &str) -> Option<String> {
        let name = match (group, option, key) {
            ("model", "item_knn", "k") => "neighbours",
            ("model", "svd", "n_factors" | "embedding_dim") => "factors",
            ("model", _, "reg_all") => "l2",
            _ => return None,
        };
        Some(name.to_owned())
    }
}

fn composed(overrides: &[&str]) -> Result<Composed, ConfigError> {
    compose_with(&ConfigSource::new(None, FILES), "config", &parse_overrides(overrides)?, &Models)
}

#[track_caller]
fn check(overrides: &[&str], path: &str, expected: &Value) {
    let composed = composed(overrides).unwrap_or_else(|error| panic!("{overrides:?}: {error}"));
    let found = path.split('.').filter(|part| !part.is_empty()).fold(&composed.value, |value, part| &value[part]);
    assert_eq!(found, expected, "{overrides:?}");
}

#[track_caller]
fn check_error(overrides: &[&str], expected: &str) {
    assert_eq!(composed(overrides).expect_err("should fail").to_string(), expected, "{overrides:?}");
}

#[test]
fn options_without_files_come_from_the_schema() {
    check(&[], "model", &json!({ "name": "ease", "l2": 100.0 }));
    check(&["model=svd"], "model", &json!({ "name": "svd", "factors": 64, "l2": 0.5 }));
    check(&["model=item_cf"], "model", &json!({ "name": "item_knn", "neighbours": 50, "shrink": null }));
    assert_eq!(composed(&["model=item_cf"]).unwrap().choices["model"], "item_knn");
    check(&["model=svd_large"], "model", &json!({ "name": "svd", "factors": 500, "l2": 0.5 }));
    check(&["~model"], "model", &Value::Null);
    check(&["+model@second=svd", "second.n_factors=9"], "second.factors", &json!(9));
}

#[test]
fn parameters_have_second_names() {
    check(&["model=svd", "model.n_factors=100"], "model.factors", &json!(100));
    check(&["model=svd", "model.embedding_dim=100", "model.factors=7"], "model.factors", &json!(7));
    check(&["model=svd", "model={n_factors: 3}"], "model", &json!({ "name": "svd", "factors": 3, "l2": 0.5 }));
    check(&["model=svd", "model.reg_all=1e-3"], "model.l2", &json!(0.001));
    check(&["experiment=paper"], "model.neighbours", &json!(80));
    check(&["experiment=paper", "model.k=5"], "model.neighbours", &json!(5));
    check_error(
        &["model=both"],
        "built-in model/both.yaml:5: `n_factors` and `factors` are the same parameter; keep one",
    );
    check_error(
        &["model=svd", "model={factors: 1, n_factors: 2}"],
        "override `model={factors: 1, n_factors: 2}`: `n_factors` and `factors` are the same parameter; keep one",
    );
}

#[test]
fn experiments_change_groups_and_values() {
    check(&["experiment=paper"], "trainer.epochs", &json!(30));
    // `_self_` stands after the experiment, so the main file wins.
    check(&["experiment=paper"], "seed", &json!(42));
    // What the experiment sets for its own model fits no other.
    check_error(
        &["experiment=paper", "model=svd"],
        "built-in experiment/paper.yaml:7: there is no key `model.k`\n  keys in `model`: name, factors, l2",
    );
    check(&["experiment=paper", "trainer.epochs=1"], "trainer.epochs", &json!(1));
}

#[test]
fn the_command_line_changes_adds_and_deletes() {
    check(&["run_name=exp_1"], "run_name", &json!("exp_1"));
    check(&["trainer.early_stopping.patience=20"], "trainer.early_stopping.patience", &json!(20));
    check(&["trainer.early_stopping=null"], "trainer.early_stopping", &Value::Null);
    check(&["+model.note=x"], "model.note", &json!("x"));
    check(&["++trainer.epochs=1", "++trainer.extra=2"], "trainer.extra", &json!(2));
    check(&["~trainer.early_stopping"], "trainer", &json!({ "epochs": 10, "learning_rate": 0.01 }));
    check(&["+tags=[a]", "tags=extend_list(b,c)"], "tags", &json!(["a", "b", "c"]));
}

#[test]
fn errors_teach() {
    check_error(
        &["model.factors=3"],
        "override `model.factors=3`: there is no key `model.factors`\n  keys in `model`: name, l2\n  to add a new key write \
         +model.factors=3",
    );
    check_error(
        &["model=svd", "model.factros=3"],
        "override `model.factros=3`: there is no key `model.factros`; did you mean `model.factors`?\n  keys in `model`: \
         name, factors, l2\n  to add a new key write +model.factros=3",
    );
    check_error(
        &["epochs=3"],
        "override `epochs=3`: there is no key `epochs`; did you mean `trainer.epochs`?\n  keys at the top: model, trainer, \
         seed, run_name\n  to add a new key write +epochs=3",
    );
    check_error(
        &["trainr.epochs=3"],
        "override `trainr.epochs=3`: there is no key `trainr.epochs`; did you mean `trainer.epochs`?\n  keys at the top: \
         model, trainer, seed, run_name\n  to add a new key write +trainr.epochs=3",
    );
    check_error(
        &["~trainer.momentum"],
        "override `~trainer.momentum`: there is no key `trainer.momentum`\n  keys in `trainer`: epochs, learning_rate, \
         early_stopping",
    );
    check_error(
        &["model=sdv"],
        "override `model=sdv`: group `model` has no option `sdv`; did you mean `svd`?\n  options: both, ease, item_knn, \
         svd, svd_large, typo",
    );
    check_error(
        &["model=itemcf"],
        "override `model=itemcf`: group `model` has no option `itemcf`; did you mean `item_cf`?\n  options: both, ease, \
         item_knn, svd, svd_large, typo",
    );
    check_error(
        &["model=typo"],
        "built-in model/typo.yaml:4: there is no key `model.factros`; did you mean `model.factors`?\n  keys in `model`: \
         name, factors, l2",
    );
    check_error(
        &["+seed=1"],
        "`+seed=1` adds a key that is already there; to change it write seed=1, to set it either way ++seed=1",
    );
    check_error(
        &["+model=svd"],
        "override `+model=svd`: group `model` is already in the defaults list (ease); write model=svd",
    );
    check_error(
        &["model=null"],
        "override `model=null`: a group takes the name of an option; to leave it out write ~model",
    );
    check_error(
        &["model@other=svd"],
        "override `model@other=svd`: group `model@other` is not in the defaults list; did you mean model? To add it write \
         +model@other=svd",
    );
    check_error(&["modle@x=svd"], "override `modle@x=svd`: there is no config group `modle`; did you mean `model`?");
    check_error(
        &["trainer.epochs=inf"],
        "override `trainer.epochs=inf`: inf is not a finite number; write null for no limit, or 'inf' in quotes for the text",
    );
    check_error(
        &["seed=1,2"],
        "`seed=1,2` asks for several runs; add --multirun (-m) to make them. For a list write key=[a,b], for text with a \
         comma key='a,b'",
    );
    check_error(
        &["trainer.epochs=extend_list(1)"],
        "override `trainer.epochs=extend_list(1)`: `trainer.epochs` is 10, not a list to extend",
    );
    check_error(&["~seed=7"], "override `~seed=7`: `seed` is 42, not 7; to delete it whatever it is write ~seed");
    check_error(
        &["trainer=quick"],
        "override `trainer=quick`: group `trainer` has no option `quick`\n  options: default",
    );
    let error = compose(&ConfigSource::new(None, FILES), "confg", &[]).unwrap_err().to_string();
    assert_eq!(error, "there is no config `confg` in the built-in configs; did you mean `config`?");
}

#[test]
fn files_that_include_each_other_are_refused() {
    const CYCLE: &[(&str, &str)] =
        &[("config.yaml", "defaults: [a]"), ("a.yaml", "defaults: [b]"), ("b.yaml", "defaults: [a]")];
    let error = compose(&ConfigSource::new(None, CYCLE), "config", &[]).unwrap_err().to_string();
    assert!(error.contains("is there a cycle?"), "{error}");
    const WIDE: &[(&str, &str)] = &[
        ("config.yaml", "defaults: [a, a, a, a, a, a, a, a, a, a]"),
        ("a.yaml", "defaults: [b, b, b, b, b, b, b, b, b, b]"),
        ("b.yaml", "defaults: [c, c, c, c, c, c, c, c, c, c]"),
        ("c.yaml", "defaults: [d, d, d, d, d, d, d, d, d, d]"),
        ("d.yaml", "x: 1"),
    ];
    let error = compose(&ConfigSource::new(None, WIDE), "config", &[]).unwrap_err().to_string();
    assert!(error.contains("grows beyond 10000 files"), "{error}");
}

#[test]
fn every_value_knows_where_it_comes_from() {
    let composed = composed(&["experiment=paper", "model.k=9"]).unwrap();
    let origin = |key: &str| composed.origin(key).map(ToString::to_string);
    assert_eq!(origin("model.neighbours").as_deref(), Some("override `model.k=9`"));
    assert_eq!(origin("model.shrink").as_deref(), Some("defaults of model `item_knn`"));
    assert_eq!(origin("trainer.epochs").as_deref(), Some("built-in experiment/paper.yaml:9"));
    assert_eq!(origin("trainer.early_stopping.patience").as_deref(), Some("built-in trainer/default.yaml:5"));
    assert_eq!(composed.origin("seed"), Some(&Origin::File { file: "built-in config.yaml".into(), line: 7 }));
    assert_eq!(origin("nothing"), None);
    let parts: Vec<_> = composed.defaults.iter().map(|part| part.path.as_str()).collect();
    assert_eq!(parts, ["model/item_knn", "trainer/default", "experiment/paper", "config"]);
}

#[test]
fn the_composed_configuration_prints_and_reads_back() {
    let composed = composed(&["model=svd", "run_name='${seed}: a'"]).unwrap();
    let text = to_yaml(&composed.job());
    let expected = "\
model:
  name: svd
  factors: 64
  l2: 0.5
trainer:
  epochs: 10
  learning_rate: 0.01
  early_stopping:
    enabled: true
    patience: 5
seed: 42
run_name: '${seed}: a'
";
    assert_eq!(text, expected);
    assert_eq!(parse_yaml(&text, "job").unwrap().value, composed.job());
}

/// No text on the command line or in a file is too long or too deep for a message.
#[test]
fn lengths_and_depths_have_their_limits() {
    let far = format!("seed={}{{", "a".repeat(70_000));
    let refused = parse_overrides(&[far.as_str()]).expect_err("a brace left open").to_string();
    assert!(refused.starts_with("cannot read override at column 7000") && refused.ends_with('^'), "{refused:.80}");

    let deep = format!("+{}a=1", "a.".repeat(100_000));
    let refused = composed(&[&deep]).expect_err("too deep").to_string();
    assert!(refused.contains("nests deeper than 64 levels"), "{refused:.200}");
    let package = format!("+model@{}a=svd", "a.".repeat(100_000));
    let refused = composed(&[&package]).expect_err("too deep").to_string();
    assert!(refused.contains("nests deeper than 64 levels"), "{refused:.200}");
    let both = format!("+{}={}1{}", ["a"; 40].join("."), "[".repeat(40), "]".repeat(40));
    let refused = composed(&[&both]).expect_err("too deep").to_string();
    assert!(refused.contains("nests deeper than 64 levels"), "{refused:.200}");
    check(&[&format!("+{}=1", ["a"; 60].join("."))], &["a"; 60].join("."), &json!(1));

    // A long text, repeated.
    let aliases = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a,".repeat(9_000));
    let refused = parse_yaml(&aliases, "a.yaml").expect_err("900 MB").to_string();
    assert!(refused.contains("a.yaml") && refused.contains("unfolds to more than"), "{refused:.200}");
}

#[test]
fn texts_with_space_around_them_and_long_keys_come_back() {
    for text in [" :: ", " a", "a\t", " ", ":", "a : b"] {
        let item = &parse_overrides(&[format!("seed='{text}'")]).expect("a quoted text")[0];
        let Some(segue_lab::config::OverrideValue::Element(element)) = &item.value else { panic!("{item:?}") };
        let written = item.with_element(element.clone()).text;
        check(&[&written], "seed", &json!(text));
    }
    for length in [100, 101, 1_023, 1_024, 1_025, 5_000] {
        let value = json!({ "k".repeat(length): { "x: y".repeat(length): [1, { "é".repeat(length): null }] } });
        let written = to_yaml(&value);
        assert_eq!(parse_yaml(&written, "a.yaml").expect("as written").value, value, "{length}");
    }
}
