//! Metrics, protocols and statistics: how good a model is, and how sure one can be of it.
//!
//! A [`Question`] says what is asked and of whom, a [`Protocol`] how it is measured; [`evaluate`] answers with an
//! [`Evaluation`], which carries its protocol in one line and every user's value, so that [`Bootstrap`] can put an interval
//! around each mean and compare two models on the same users. [`Table`] lays it out; nothing here prints.
#![warn(missing_docs)]

mod breakdown;
pub mod check;
mod corrected;
mod evaluate;
mod facts;
pub mod metrics;
mod negatives;
mod over_users_and_seeds;
mod protocol;
mod published;
mod question;
mod rank;
mod ratings;
mod report;
mod significance;
mod stats;
mod ties;
mod trec;
mod trec_queries;
mod validation;

pub use breakdown::{By, Group, among_first, breakdown};
pub use corrected::{GAMMA, Sampling, Uncorrected};
pub use evaluate::{EvalError, Evaluation, Measured, PerUser, evaluate, evaluate_watched, specs_for};
pub use facts::ItemFacts;
pub use metrics::{Dialect, Exposure, Grades, Judged, List, Measure, Metric, MetricError, MetricSpec, Ranks};
pub use over_users_and_seeds::OverUsersAndSeeds;
pub use protocol::{Candidates, Draw, Protocol, ProtocolError, Seen};
pub use published::{PublishedRow, PublishedTable, published_tables};
pub use question::{Part, Question};
pub use ratings::{Ratings, evaluate_ratings};
pub use report::{Cell, Estimate, Summary, Table, compared, csv_field, differences, measured};
pub use significance::{OverSeeds, Paired, holm};
pub use stats::{Bootstrap, Difference, Interval, StatsError};
pub use ties::Ties;
pub use trec::{Qrels, Retrieved, TrecError, TrecRun, TrecWriter};
pub use validation::Validation;
