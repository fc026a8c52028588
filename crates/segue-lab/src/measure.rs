//! The evaluation group of the configuration, put to work.

use segue_core::{Holdout, Interactions, Output, Prepared, Recommender, Task};
use segue_eval::{
    Candidates, Dialect, Draw, Evaluation, MetricError, MetricSpec, Part, Protocol, Question, Seen, evaluate_watched,
};

use crate::error::LabError;
use crate::settings::{CandidateKind, EvaluationSettings, Known};
use crate::watch::unless_stopped;

/// The protocol that the settings describe. Rating models are also asked for RMSE and MAE; coverage is left out where
/// candidates are drawn rather than chosen from the catalogue.
pub fn protocol(settings: &EvaluationSettings, seed: u64, output: Output) -> Result<Protocol, LabError> {
    let mut metrics = Vec::new();
    for name in &settings.metrics {
        // A name that only the dialect knows needs no prefix where that dialect is spoken.
        let parsed: Result<MetricSpec, MetricError> = match name.parse() {
            Err(MetricError::Unknown { .. }) if settings.dialect != Dialect::Segue => {
                format!("{}:{}", settings.dialect, name.trim()).parse()
            }
            parsed => parsed,
        };
        let spec = parsed.map_err(|error| LabError::Config(format!("evaluation.metrics: {error}")))?;
        let drawn = settings.candidates != CandidateKind::Full && spec.metric.name == "coverage";
        if !drawn {
            metrics.push(spec);
        }
    }
    if output == Output::Rating {
        for name in ["rmse", "mae"] {
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
