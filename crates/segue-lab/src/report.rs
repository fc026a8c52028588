//! What people read of a run.

use std::fmt::Write as _;

use segue_eval::{Bootstrap, Cell, Evaluation, Summary};

use crate::error::LabError;
use crate::experiment::Loaded;
use crate::run::{Outcome, Run};
use crate::settings::Settings;

/// Every metric of an evaluation with its 95 % bootstrap interval over users.
pub fn summarise(evaluation: &Evaluation, resamples: usize, seed: u64) -> Result<Summary, LabError> {
    let bootstrap = Bootstrap { resamples, seed, ..Bootstrap::default() };
    Summary::new(evaluation, &bootstrap).map_err(|error| LabError::Config(format!("evaluation.bootstrap: {error}")))
}

/// `REPORT.txt`.
pub fn report_text(run: &Run, settings: &Settings, loaded: &Loaded) -> String {
    let fitted = &run.fitted;
    let bundle = &fitted.bundle;
    let domains: Vec<&str> = bundle.catalogue.domains().iter().map(|d| d.name.as_str()).collect();
    let mut text = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "{key:<12} {value}");
    };
    line("model", bundle.model_name.clone());
    line("parameters", bundle.params.to_string());
    line("data", loaded.name.clone());
    line("learnt from", format!("{} ({} scope)", domains.join(", "), settings.scope));
    line("recommends", domains[bundle.target].to_owned());
    line(
        "size",
        format!(
            "{} users, {} items, {} interactions",
            bundle.users.len(),
            bundle.catalogue.n_items(),
            bundle.log.len()
        ),
    );
    line("seed", settings.seed.to_string());
    let how = match fitted.best_epoch() {
        Some(best) => format!("{} epochs, kept epoch {best}", fitted.records.len()),
        None => "without epochs".into(),
    };
    line("trained", how);
    let rows = run.rows();
    if let Outcome::Sealed = &run.outcome {
        for (question, values) in &fitted.valid.questions {
            let of = if fitted.valid.questions.len() > 1 { format!(" of {question}") } else { String::new() };
            let _ = writeln!(text, "\nValidation{of}");
            for (name, value) in values {
                let _ = writeln!(text, "  {name:<14} {value:.4}");
            }
        }
        text += "\nTest\n  sealed: validation did not choose this run of its sweep, or evaluation.test=never\n";
    }
    for row in rows {
        // Of one question its name says nothing.
        let of = if rows.len() > 1 { format!(" of {}", row.question) } else { String::new() };
        if !row.valid.is_empty() {
            let _ = writeln!(text, "\nValidation{of}");
            for (name, value) in &row.valid {
                let _ = writeln!(text, "  {name:<14} {value:.4}");
            }
        }
        let intervals = row.summary.metrics.iter().any(|estimate| estimate.interval.is_some());
        let of_what = if intervals { "; 95 % bootstrap intervals over users" } else { "" };
        let _ = writeln!(text, "\nTest{of} ({} users{of_what})", row.summary.n_users);
        for e in &row.summary.metrics {
            let full =
                row.summary.full(e.metric).map_or_else(String::new, |full| format!("   full, estimated: {full:.4}"));
            let _ = writeln!(text, "  {:<14} {}{full}", e.metric.to_string(), Cell::Estimate(e.value, e.interval));
        }
        let _ = writeln!(text, "\nProtocol{of}");
        for note in row.summary.notes().into_iter().chain(row.summary.note_of_full()) {
            let _ = writeln!(text, "  {note}");
        }
    }
    text
}
