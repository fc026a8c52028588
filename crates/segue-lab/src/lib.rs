//! Experiments: configuration, runs, comparison.
//!
//! A command line becomes a [`Job`], a job [`Settings`], settings and data a [`Run`] with its folder, a run a [`Bundle`] that
//! answers people. This is the lowest floor with a clock.
#![expect(clippy::disallowed_methods, reason = "time limits, durations and run names are this crate's business")]

mod bench;
mod best;
mod bundle;
mod cold_start;
mod compare;
pub mod config;
mod effect;
mod elsewhere;
mod error;
mod experiment;
mod files;
mod job;
mod machine;
mod measure;
mod memory;
mod npy;
mod opened;
mod planned;
mod recommend;
mod report;
mod reproduce;
mod rivals;
mod row;
mod run;
mod settings;
mod snapshots;
mod stored;
mod sweep;
mod tables;
mod transfer;
mod translated;
mod watch;

pub use bench::{Timed, TimedEpoch, time_fit};
pub use best::Best;
pub use bundle::Bundle;
pub use cold_start::ColdStart;
pub use compare::{Comparison, Tested, compare, refuse_untestable};
pub use effect::Effect;
pub use elsewhere::with_data_elsewhere;
pub use error::LabError;
pub use experiment::{Answer, Bench, Fitted, Loaded, Validated, fingerprint, fit, load_data, measure, prepare_data};
pub use files::{may_be_written, write_aside};
pub use job::{Composer, Job};
pub use machine::measure_rates;
pub use measure::{answered, leave_out_coverage, measure_test, measure_valid, protocol, spoken, spoken_metric};
pub use opened::{Opening, Openings, openings, record_all};
pub use recommend::{Reason, Recommendation, Request, find_domain, find_item, find_user, reasons, recommend, similar};
pub use report::{report_text, summarise};
pub use reproduce::{Reproduced, by_the_clock, compare_runs, is_edited, settings_again, shows_more};
pub use rivals::{Rivals, Standing, Unchosen};
pub use row::{Apart, Part, Row};
pub use run::{Outcome, Run, Trained, finished, is_resumable, open_test, train};
pub use settings::{CandidateKind, EvaluationSettings, Known, Openable, Scope, Settings, TrainerSettings};
pub use stored::{Stored, is_sealed, read_run, run_of, settings_of};
pub use sweep::{Contest, Recipe, contests, refuse_one_name};
pub use transfer::{ALPHA, POWER, Transfer, Verdict};
pub use translated::Translated;
pub use watch::{RunWatch, STOP, WatchPlan};
