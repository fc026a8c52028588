//! Validation during training: a question and a protocol as the epoch loop wants them.

use std::ops::ControlFlow;

use segue_core::{FitError, Recommender, Validator};

use crate::evaluate::{EvalError, measure, specs_for};
use crate::protocol::Protocol;
use crate::question::{Part, Question};

/// Measures a model on a validation question.
#[derive(Debug)]
pub struct Validation<'a> {
    question: Question<'a>,
    protocol: Protocol,
}

impl<'a> Validation<'a> {
    /// Fails before training where the protocol cannot be followed, or where `question` opens the test.
    pub fn new(question: Question<'a>, protocol: Protocol) -> Result<Self, EvalError> {
        if question.part == Part::Test {
            return Err(EvalError::TestWhileTraining);
        }
        question.check()?;
        specs_for(&question, &protocol)?;
        Ok(Self { question, protocol })
    }
}

impl Validator for Validation<'_> {
    fn validate(&self, model: &dyn Recommender) -> Result<Vec<(String, f64)>, FitError> {
        match measure(model, &self.question, &self.protocol, &|_, _| ControlFlow::Continue(())) {
            Ok((evaluation, _)) => Ok(evaluation.values()),
            Err(error) => Err(FitError::Validation(error.to_string())),
        }
    }
}
