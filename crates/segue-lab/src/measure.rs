//! The evaluation group of the configuration, put to work.

use segue_core::{Holdout, Interactions, Output, Prepared, Recommender, Task};
use segue_eval::{
    Candidates, Dialect, Draw, Evaluation, MetricError, MetricSpec, Part, Protocol, Question, Seen, evaluate_watched,
};

use crate::error::LabError;
use crate::settings::{CandidateKind, EvaluationSettings, Known};
use crate::watch::unless_stopped;

/// The protocol that the settings describe. Rating models are also asked for RMSE and MAE, where the dialect has them; coverage is
/// left out where candidates are drawn rather than chosen from the catalogue.
pub fn protocol(settings: &EvaluationSettings, seed: u64, output: Output) -> Result<Protocol, LabError> {
    let spec = |name: &String| {
        named(name, settings.dialect).map_err(|error| LabError::Config(format!("evaluation.metrics: {error}")))
    };
    let mut metrics = settings.metrics.iter().map(spec).collect::<Result<Vec<MetricSpec>, LabError>>()?;
    if settings.candidates != CandidateKind::Full {
        leave_out_coverage(&mut metrics);
    }
    if output == Output::Rating {
        for name in ["rmse", "mae"].into_iter().filter(|name| has(settings.dialect, name)) {
            let spec = name.parse().map_err(|error| LabError::Internal(format!("{error}")))?;
            if !metrics.contains(&spec) {
                metrics.push(spec);
            }
        }
    }
    let seen = |known| match known {
        Known::Train => Seen::Train,
        Known::TrainAndValid => Seen::TrainAndValid,
    };
    let seed = settings.seed.unwrap_or(seed);
    Ok(Protocol {
        metrics,
        cutoffs: settings.k_values.clone(),
        candidates: match settings.candidates {
            CandidateKind::Full => Candidates::Full,
            CandidateKind::Sampled => Candidates::Sampled { n: settings.negatives, seed, by: Draw::Uniform },
            CandidateKind::Popularity => Candidates::Sampled { n: settings.negatives, seed, by: Draw::Popularity },
            CandidateKind::Given => Candidates::Given,
        },
        hide: seen(settings.hide),
        history: seen(settings.history),
        dialect: settings.dialect,
        ties: settings.ties,
    })
}

/// Leaves out coverage, which is asked for by default, where nobody chooses from a catalogue. Where nothing else is asked for, it stays,
/// to be refused by name.
pub fn leave_out_coverage(metrics: &mut Vec<MetricSpec>) {
    let is_other = |spec: &MetricSpec| spec.metric.name != "coverage";
    if metrics.iter().any(is_other) {
        metrics.retain(is_other);
    }
}

/// Of metrics that were not chosen for a dialect, those that it has; all, where it has none.
pub fn spoken(metrics: &[String], dialect: Dialect) -> Vec<String> {
    let spoken: Vec<String> = metrics.iter().filter(|name| has(dialect, name)).cloned().collect();
    if spoken.is_empty() { metrics.to_vec() } else { spoken }
}

/// The metric that a dialect calls so. Where it has no cut-off, that of the name says nothing.
pub fn spoken_metric(name: &str, dialect: Dialect) -> Result<MetricSpec, MetricError> {
    let spec = named(name, dialect)?;
    let metric = dialect.speaks(spec.metric)?;
    Ok(MetricSpec { metric, cutoff: spec.cutoff.filter(|_| metric.has_cutoff()) })
}

/// Whether a dialect has a metric, or the metric names its own.
pub(crate) fn has(dialect: Dialect, name: &str) -> bool {
    spoken_metric(name, dialect).is_ok()
}

/// A metric by its name. One that only the dialect knows needs no prefix where that dialect is spoken.
fn named(name: &str, dialect: Dialect) -> Result<MetricSpec, MetricError> {
    match name.parse() {
        Err(MetricError::Unknown { .. }) if dialect != Dialect::Segue => format!("{dialect}:{}", name.trim()).parse(),
        parsed => parsed,
    }
}

/// Measures until done, or until somebody asks to stop.
pub fn answered(model: &dyn Recommender, question: &Question<'_>, protocol: &Protocol) -> Result<Evaluation, LabError> {
    Ok(evaluate_watched(model, question, protocol, &|_, _| unless_stopped())?)
}

/// Asks the validation question of `task`.
pub fn measure_valid(
    model: &dyn Recommender,
    (data, task): (&Prepared, &Task),
    output: Output,
    protocol: &Protocol,
) -> Result<Evaluation, LabError> {
    let question = Question { output, ..Question::valid(data, task) };
    answered(model, &question, protocol)
}

/// Asks the test question of `task`, whose holdout the caller has opened; `known` is [`Prepared::train_and_valid`].
pub fn measure_test(
    model: &dyn Recommender,
    (data, task, opened, known): (&Prepared, &Task, &Holdout, &Interactions),
    output: Output,
    protocol: &Protocol,
) -> Result<Evaluation, LabError> {
    let question = Question { output, part: Part::Test, ..Question::test(data, task, opened, known) };
    answered(model, &question, protocol)
}
