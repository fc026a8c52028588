//! The vocabulary of Segue: ids, interactions, seeds, rankings, the model traits and the artifact container.
//!
//! Everything above this crate speaks in these types. It knows nothing of files, clocks, HTTP or configuration files.
//! Data flows one way: [`Interactions`] → [`Prepared`] → [`TrainData`] → [`Algorithm::fit`] → [`Recommender`] →
//! [`Scorer`] → [`ranking`].
#![warn(missing_docs)]

mod artifact;
mod calendar;
mod catalogue;
mod csr;
mod dense;
mod embedding;
mod episodes;
mod epochs;
mod expected;
mod features;
mod fit;
mod history;
mod ids;
mod interactions;
pub mod kernels;
mod model;
mod nearest;
mod numbers;
pub mod panels;
mod params;
pub mod ranking;
mod registry;
mod seed;
mod split;
mod topk;
pub mod training;
mod work;

pub use artifact::{ArtifactError, ArtifactReader, ArtifactWriter, FORMAT_VERSION};
pub use calendar::{date_of_day, day_of_date};
pub use catalogue::{Catalogue, Domain, ItemInfo};
pub use csr::{Csr, CsrError};
pub use dense::Matrix;
pub use embedding::{DotScorer, Embeddings, Measure};
pub use episodes::{Episode, episodes};
pub use epochs::{EarlyStopping, EpochRecord, Mode, Trainable, Trainer, run_epochs};
pub use expected::in_words;
pub use features::Features;
pub use fit::{FitCx, FitError, FitEvent, Halt, Silent, TrainData, Validator, Watch};
pub use history::{History, HistoryBuf};
pub use ids::{DomainId, IdMap, ItemId, UserId, external_order};
pub use interactions::{Event, Interactions, LogError, Signal};
pub use model::{Algorithm, Candidates, ModelInfo, Output, Query, Recommender, Scorer};
pub use nearest::nearest;
pub use numbers::{Blob, Numbers};
pub use params::{Interval, Numeric, ParamError, ParamInfo, Params};
pub use registry::{Configured, ModelEntry, Registry};
pub use seed::{Seed, Stream};
pub use split::{Holdout, OpenedTests, Prepared, Sealed, Split, Task, TaskKind};
pub use topk::{Scored, TopK};
pub use work::{Level, Rates, Work};

/// Re-exported for the expansion of `params!`.
#[doc(hidden)]
pub use serde;
