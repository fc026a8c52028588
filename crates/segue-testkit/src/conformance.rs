//! What every model promises, as checks that name themselves when they fail.
//!
//! Each check is a function of a [`Subject`]; [`CHECKS`] lists them all and [`check`] runs them. A check that does not
//! apply to a model (taste to an unpersonalised one, resuming to one without epochs) passes.

mod repeat;
mod scores;
mod settings;
mod taste;

use serde_json::{Map, Value, json};

use segue_core::{
    ArtifactWriter, Candidates, FitCx, FitError, ModelEntry, ModelInfo, Output, Query, Recommender, Registry, Silent,
    TrainData,
};

use crate::worlds::World;

pub use repeat::{
    refit_gives_the_same_bytes, relabelling_changes_nothing, resuming_changes_nothing, saving_changes_nothing,
    threads_change_nothing,
};
pub use scores::{
    blocks_and_lists_agree, contributions_add_up, degenerate_logs_fit_or_are_refused, divergence_is_named,
    empty_rows_are_fine, scores_are_finite,
};
pub use settings::{defaults_round_trip, values_out_of_range_are_refused, wrong_keys_are_refused};
pub use taste::{
    a_guest_with_a_users_history_gets_the_users_list, a_guest_without_history_gets_what_is_popular,
    one_dislike_lowers_its_neighbours, one_more_like_changes_scores, shared_tastes_help_and_shuffled_links_do_not,
    the_withheld_checkerboard_is_found,
};

/// What a check says: nothing, or what is wrong.
pub type Outcome = Result<(), String>;

/// One promise.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Name of the function.
    pub name: &'static str,
    /// The function.
    pub run: fn(&Subject<'_>) -> Outcome,
}

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        /// Every promise of every model. [`shared_tastes_help_and_shuffled_links_do_not`] stands beside them: it costs
        /// several fits and is for models that learn fast.
        pub const CHECKS: &[Check] = &[$(Check { name: stringify!($name), run: $name }),*];
    };
}

/// Hands the names of all checks to a macro, after what else it wants.
#[doc(hidden)]
#[macro_export]
macro_rules! each_check {
    ([$($to:tt)+] $($before:tt)*) => {
        $($to)+! { $($before)*
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
        }
    };
}

each_check! { [checks] }

/// The models of a list that are asked for (`SEGUE_MODEL=ease,mf`; all, if nobody asks), with parameters for small worlds.
pub fn subjects<'a>(models: &'a [ModelEntry], registry: &'a Registry) -> Vec<Subject<'a>> {
    let wanted = std::env::var("SEGUE_MODEL").ok();
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|names| names.split(',').any(|asked| asked == name));
    models.iter().filter(|entry| is_wanted(entry.info.name)).map(|entry| Subject::new(entry, registry)).collect()
}

/// Runs a check on every subject; panics with all that fail.
pub fn assert_each(subjects: &[Subject<'_>], run: impl Fn(&Subject<'_>) -> Outcome, check: &str) {
    let why = |subject: &Subject<'_>| run(subject).err().map(|why| format!("model `{}`: {why}", subject.info().name));
    let failures: Vec<_> = subjects.iter().filter_map(why).collect();
    assert!(failures.is_empty(), "{check} fails:\n{}", failures.join("\n"));
}

/// Writes one test per check of [`CHECKS`](crate::conformance::CHECKS), each over the subjects that `$subjects` makes of a registry of
/// `$models`.
#[macro_export]
macro_rules! conformance_tests {
    ($models:expr, $subjects:expr) => {
        $crate::each_check! { [$crate::conformance_tests] @each $models, $subjects, }
    };
    (@each $models:expr, $subjects:expr, $($check:ident),* $(,)?) => {
        $(#[test]
        fn $check() {
            let registry = segue_core::Registry::new(&[$models, $crate::MODELS]);
            let subjects = $subjects(&registry);
            $crate::conformance::assert_each(&subjects, $crate::conformance::$check, stringify!($check));
        })*
    };
}

/// A promise not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model `{model}` fails `{check}`: {why}")]
pub struct Failure {
    /// The model.
    pub model: &'static str,
    /// The check.
    pub check: &'static str,
    /// What is wrong.
    pub why: String,
}

/// Runs the whole suite on a model with parameters fit for small worlds. `registry` is what a composite draws on.
pub fn check(entry: &ModelEntry, registry: &Registry) -> Vec<Failure> {
    check_subject(&Subject::new(entry, registry))
}

/// Runs the whole suite on a model with given parameters.
pub fn check_subject(subject: &Subject<'_>) -> Vec<Failure> {
    let failure = |check: &Check| {
        let why = (check.run)(subject).err()?;
        Some(Failure { model: subject.info().name, check: check.name, why })
    };
    CHECKS.iter().filter_map(failure).collect()
}

/// A model under test.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Its line in the list of models.
    pub entry: &'a ModelEntry,
    /// What a composite draws on.
    pub registry: &'a Registry,
    /// Its parameters.
    pub params: Value,
}

impl<'a> Subject<'a> {
    /// Defaults are chosen for millions of events; where a model has these parameters, a world of forty users needs
    /// larger steps, smaller batches and fewer factors.
    pub fn new(entry: &'a ModelEntry, registry: &'a Registry) -> Self {
        let small = [
            ("factors", json!(8)),
            ("epochs", json!(40)),
            ("batch_size", json!(64)),
            ("learning_rate", json!(0.05)),
            ("l2", json!(0.01)),
        ];
        let has = |key: &str| entry.canonical_key(key).is_some();
        // Without a learning rate `l2` is the ridge of a closed form, whose scale is that of the counts; alternating ridges
        // (epochs, but no steps) divide it by them, and a handful of events a user needs more of it than millions do.
        let ridge = |(key, value)| match key {
            "l2" if !has("learning_rate") => has("epochs").then(|| (key, json!(0.5))),
            _ => Some((key, value)),
        };
        let params = small.into_iter().filter_map(ridge);
        let params = params.filter_map(|(key, value)| Some((entry.canonical_key(key)?.to_owned(), value)));
        Self { entry, registry, params: Value::Object(params.collect()) }
    }

    /// A model with parameters of its own.
    pub fn with(entry: &'a ModelEntry, registry: &'a Registry, params: Value) -> Self {
        Self { entry, registry, params }
    }

    /// What the model says of itself.
    pub fn info(&self) -> &'static ModelInfo {
        self.entry.info
    }

    fn is_rating(&self) -> bool {
        self.info().output == Output::Rating
    }

    /// The same model with one parameter changed, if it has that parameter.
    fn having(&self, key: &str, value: Value) -> Option<Self> {
        let mut params: Map<String, Value> = self.params.as_object().cloned().unwrap_or_default();
        params.insert(self.entry.canonical_key(key)?.to_owned(), value);
        Some(Self { params: Value::Object(params), ..*self })
    }

    fn fit_in(&self, world: &World, cx: &mut FitCx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        let data = TrainData { catalogue: &world.catalogue, log: &world.log };
        self.entry.configure(self.params.clone())?.fit(&data, cx)
    }

    fn fit_seeded(&self, world: &World, seed: u64) -> Result<Box<dyn Recommender>, String> {
        let mut silent = Silent;
        self.fit_in(world, &mut FitCx::plain(seed, self.registry, &mut silent))
            .map_err(|error| format!("it does not fit: {error}"))
    }

    fn fit(&self, world: &World) -> Result<Box<dyn Recommender>, String> {
        self.fit_seeded(world, 1)
    }
}

fn bytes_of(model: &dyn Recommender) -> Result<Vec<u8>, String> {
    let mut out = ArtifactWriter::new();
    model.save(&mut out).map_err(|error| format!("it does not save: {error}"))?;
    Ok(out.to_bytes())
}

/// Scores of `queries` on `items`, row by row. What the model leaves unwritten stays NaN.
fn scores_of(model: &dyn Recommender, queries: &[Query<'_>], items: Candidates<'_>) -> Vec<f32> {
    let mut out = vec![f32::NAN; queries.len() * items.len()];
    model.encode(queries).score(items, &mut out);
    out
}

/// Scores of one query on every item of `world`.
fn scores_in(world: &World, model: &dyn Recommender, query: Query<'_>) -> Vec<f32> {
    scores_of(model, &[query], Candidates::Range(0..world.log.n_items() as u32))
}

/// The largest difference, relative to the largest magnitude of the two vectors.
fn relative_gap(a: &[f32], b: &[f32]) -> f32 {
    let largest =
        |v: &mut dyn Iterator<Item = f32>| v.fold(0.0_f32, |m, x| if x.is_nan() { x } else { m.max(x.abs()) });
    let scale = largest(&mut a.iter().chain(b).copied());
    let gap = largest(&mut a.iter().zip(b).map(|(x, y)| x - y));
    if gap == 0.0 { 0.0 } else { gap / scale }
}

/// Fails with a message unless `holds`.
fn ensure(holds: bool, message: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(message()) }
}
