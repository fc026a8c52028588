//! Measuring a loaded model on loaded data, in three lines of a program.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use segue_core::{Holdout, Interactions, OpenedTests, Output, Prepared, Task};
use segue_eval::{
    By, Cell, Dialect, EvalError, Evaluation, Group, Part, Protocol, Question, Summary, TrecWriter, breakdown,
    specs_for,
};
use segue_lab::{
    Bundle, CandidateKind, EvaluationSettings, Known, LabError, Openable, Opening, Translated, fingerprint,
    may_be_written, run_of,
};

/// Measures models on the test part of prepared data.
#[derive(Debug, Clone)]
pub struct Evaluator {
    /// What is measured and how.
    pub settings: EvaluationSettings,
    /// Seed of sampled candidates and bootstrap resamples.
    pub seed: u64,
    /// Whether the validation part is asked instead of the test part.
    pub on_validation: bool,
    /// Name of the question, where the split asks several; `None` is the first.
    pub question: Option<String>,
    /// The folder of the run that the model is of: each time that the test part is opened is written down there. `None`, as
    /// [`Evaluator::new`] has it, writes nothing, and leaves that to the caller: [`Evaluator::recorded_in`] sets it.
    pub run: Option<PathBuf>,
}

/// Numbers with their protocol; they print as a table.
#[derive(Debug, Clone)]
pub struct Results {
    /// Name of the model.
    pub model: String,
    /// Every metric with its interval.
    pub summary: Summary,
    /// The evaluation itself, with every user's values.
    pub evaluation: Evaluation,
    /// Items of the data that the model has never met; they rank last.
    pub n_unknown_items: usize,
    /// Users that the model has never met; they are answered as guests, from their history.
    pub n_unknown_users: usize,
}

impl Evaluator {
    /// Full ranking over the target's catalogue, all ranking metrics at these cut-offs. Nothing records that the test part is opened:
    /// see [`Evaluator::recorded_in`].
    pub fn new(k_values: &[usize]) -> Self {
        let metrics = ["precision", "recall", "f1", "hr", "ndcg", "map", "mrr", "coverage"];
        Self {
            settings: EvaluationSettings {
                k_values: k_values.to_vec(),
                metrics: metrics.map(String::from).to_vec(),
                candidates: CandidateKind::Full,
                negatives: 99,
                history: Known::TrainAndValid,
                hide: Known::TrainAndValid,
                seed: None,
                bootstrap: 1000,
                dialect: Dialect::Segue,
                ties: None,
                test: Openable::Chosen,
            },
            seed: 42,
            on_validation: false,
            question: None,
            run: None,
        }
    }

    /// Writes down each time that the test part is opened in the manifest of the run that a model was loaded from, by the path of its
    /// folder or file, as `segue evaluate` does. A model outside a run folder has nowhere to.
    #[must_use]
    pub fn recorded_in(self, model: impl AsRef<Path>) -> Self {
        Self { run: run_of(model.as_ref()).map(Path::to_path_buf), ..self }
    }

    /// Measures `model` on quarters of the test question, or of the validation question.
    pub fn breakdown(&self, model: &Bundle, data: &Prepared, by: By) -> Result<Vec<Group>, LabError> {
        self.open((model, data), &format!("evaluate {} by parts", model.model_name))?.breakdown(by)
    }

    /// Measures `model` on `data`, whatever dense ids either uses: they meet by external ids. That opens the test part, but
    /// with [`Evaluator::on_validation`], and is written down in [`Evaluator::run`] alone.
    pub fn evaluate(&self, model: &Bundle, data: &Prepared) -> Result<Results, LabError> {
        self.open((model, data), &format!("evaluate {}", model.model_name))?.evaluate()
    }

    /// Writes what `model` answers on `data` as a TREC run and its qrels, where wanted: the best 1000 items of everyone asked.
    /// Says whether ids with blanks are written in other words, and whether relevance is rounded.
    pub fn write_trec(
        &self,
        model: &Bundle,
        data: &Prepared,
        files: (Option<&Path>, Option<&Path>),
    ) -> Result<(bool, bool), LabError> {
        self.may_write_trec(files)?;
        self.open((model, data), &format!("write {}'s answers as TREC files", model.model_name))?.write_trec(files)
    }

    /// Refuses what [`Evaluator::write_trec`] cannot write, before anything is loaded.
    pub(crate) fn may_write_trec(&self, (run, qrels): (Option<&Path>, Option<&Path>)) -> Result<(), LabError> {
        if run.is_some() && run == qrels {
            return Err(LabError::Config("--trec-run and --trec-qrels name one file; give each its own".into()));
        }
        [run, qrels].into_iter().flatten().try_for_each(may_be_written)?;
        if self.settings.candidates == CandidateKind::Full {
            return Ok(());
        }
        let refusal = "a TREC run ranks all items that are not hidden: write it with evaluation.candidates=full";
        Err(LabError::Config(refusal.into()))
    }

    /// Opens the question of the data for the model, in the data's ids; `why` the test part is opened, which is written down once,
    /// whatever is asked of what is open.
    pub(crate) fn open<'a>(
        &'a self,
        (model, data): (&'a Bundle, &'a Prepared),
        why: &str,
    ) -> Result<Open<'a>, LabError> {
        let registry = crate::registry();
        let output = registry.find(&model.model_name).map_or(Output::Ranking, |entry| entry.info.output);
        let tasks = &data.split.tasks;
        let task = match &self.question {
            None => tasks.first(),
            Some(name) => tasks.iter().find(|task| task.name == *name),
        };
        let Some(task) = task else {
            let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
            return Err(LabError::NotFound(match &self.question {
                Some(name) if !tasks.is_empty() => {
                    format!("there is no question {name:?}; the data ask: {}", names.join(", "))
                }
                _ => "the data ask no question: prepare them with a split".into(),
            }));
        };
        let translated = Translated::new(model, &data.users, &data.catalogue);
        let range = data.catalogue.range(task.target);
        let n_items = range.len();
        if translated.n_unknown_in(range) == n_items {
            let domain = &data.catalogue.domains()[task.target].name;
            let known: Vec<&str> = model.catalogue.domains().iter().map(|d| d.name.as_str()).collect();
            return Err(LabError::Config(format!(
                "this model knows none of the {n_items} items of `{domain}`: it was trained on other data (domains: {}); \
                 evaluate it on what `segue prepare` made of the same logs",
                known.join(", ")
            )));
        }
        let protocol = segue_lab::protocol(&self.settings, self.seed, output)?;
        let unlearnt = |held: &Interactions, known: &Interactions| match translated.n_learnt(held, known) {
            0 => Ok(()),
            n => Err(LabError::Config(format!(
                "this model learnt from {n} of the {} events that are held out here: it was trained on another split or on other \
                 data, or on validation events, too (trainer.refit), and knows the answers; evaluate it on the data that it was \
                 trained on, or train it on these",
                held.len()
            ))),
        };
        let opened = if self.on_validation {
            unlearnt(&task.valid.events, &data.split.train)?;
            None
        } else {
            // What is refused opens no test part.
            specs_for(&Question { output, ..Question::valid(data, task) }, &protocol)?;
            if self.settings.candidates == CandidateKind::Given && !task.test.has_negatives() {
                return Err(EvalError::NoNegatives { part: Part::Test, user: None }.into());
            }
            let known = data.train_and_valid();
            if let Some(run) = &self.run {
                let hash = fingerprint((data, task), [&known]);
                let data = (data.split.protocol.as_str(), hash.as_str());
                let opening = Opening { why, question: &task.name, data, evaluation: &self.settings, seed: self.seed };
                opening.record(run)?;
            }
            let opened = task.test.open(&mut OpenedTests::default(), why);
            unlearnt(&opened.events, &known)?;
            Some((opened, known))
        };
        Ok(Open { evaluator: self, model, data, task, translated, protocol, output, opened })
    }
}

/// A question that is open for a model: it answers as often as it is asked.
pub(crate) struct Open<'a> {
    evaluator: &'a Evaluator,
    model: &'a Bundle,
    data: &'a Prepared,
    task: &'a Task,
    translated: Translated<'a>,
    protocol: Protocol,
    output: Output,
    /// The answers of the test part and all that is known before it; `None` where validation is asked.
    opened: Option<(&'a Holdout, Interactions)>,
}

impl Open<'_> {
    fn question(&self) -> Question<'_> {
        let question = match &self.opened {
            None => Question::valid(self.data, self.task),
            Some((opened, known)) => Question::test(self.data, self.task, opened, known),
        };
        Question { output: self.output, ..question }
    }

    /// See [`Evaluator::evaluate`].
    pub(crate) fn evaluate(&self) -> Result<Results, LabError> {
        let question = self.question();
        let evaluation = segue_lab::answered(&self.translated, &question, &self.protocol)?;
        let Evaluator { settings, seed, .. } = self.evaluator;
        Ok(Results {
            model: self.model.model_name.clone(),
            summary: segue_lab::summarise(&evaluation, settings.bootstrap, *seed)?,
            evaluation,
            n_unknown_items: self.translated.n_unknown_in(question.items.clone()),
            n_unknown_users: self.translated.n_unknown_users(),
        })
    }

    /// See [`Evaluator::breakdown`].
    pub(crate) fn breakdown(&self, by: By) -> Result<Vec<Group>, LabError> {
        Ok(breakdown(&self.translated, &self.question(), &self.protocol, by)?)
    }

    /// See [`Evaluator::write_trec`].
    pub(crate) fn write_trec(&self, (run, qrels): (Option<&Path>, Option<&Path>)) -> Result<(bool, bool), LabError> {
        let (question, protocol, tag) = (&self.question(), &self.protocol, &self.model.model_name);
        let writer = TrecWriter { model: &self.translated, question, protocol, tag, depth: 1000 };
        if let Some(path) = run {
            segue_lab::write_aside(path, |out| writer.write_run(out).map_err(io::Error::other))?;
        }
        if let Some(path) = qrels {
            segue_lab::write_aside(path, |out| writer.write_qrels(out).map_err(io::Error::other))?;
        }
        Ok((writer.encodes(), qrels.is_some() && writer.rounds()))
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {} users", self.model, self.evaluation.n_users())?;
        for e in &self.summary.metrics {
            writeln!(f, "  {:<14} {}", e.metric.to_string(), Cell::Estimate(e.value, e.interval))?;
        }
        write!(f, "  {}", self.evaluation.protocol)
    }
}
