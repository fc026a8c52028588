//! The folder of prepared data: written aside, synced, renamed; read back with every file checked.
//!
//! ```text
//! <folder>/manifest.json            version, protocol, options, counts, hashes of inputs and of every other file
//! <folder>/data/train.parquet       user, item, domain, user_id, item_id, rating, rating_norm, signal, timestamp, timestamp_norm
//! <folder>/data/val.parquet         the same columns; further tasks write val_<task>.parquet, test_<task>.parquet
//! <folder>/data/test.parquet
//! <folder>/data/items.parquet       item_id, item, domain, title, categories, features (places in feature_map, the same
//!                                   for all domains), multi_hot (0 or 1 for each of up to 4096 features)
//! <folder>/data/negatives.parquet   user_id, item_id, where the protocol gives negatives
//! <folder>/data/train_hist.parquet  user_id, item_id, timestamp, history; with prepare.history, and val_hist, test_hist alike
//! <folder>/maps/user_id_map.json    external id -> dense id
//! <folder>/maps/item_id_map.json    domain -> external id -> dense id
//! <folder>/maps/feature_map.json    feature -> place, unless prepare.features is null
//! <folder>/split_stats.csv          domain, split, users, items, interactions
//! <folder>/README.txt
//! ```
//! `signal` is -1, 0 or 1. `timestamp` (unix seconds) and `timestamp_norm` (per user, [0,1]) are null in a log without
//! times. The bytes depend on the prepared data and its report alone.

mod events;
mod histories;
mod load;
mod text;
mod write;

use segue_core::TaskKind;
use serde::{Deserialize, Serialize};

pub use self::load::load_folder;
pub use self::write::write_folder;
pub(super) use self::write::{check_place, write_settled};
use super::report::PrepareReport;
use crate::place::{Mark, WrittenFile};

/// Version of the layout; folders of another version are refused.
pub(crate) const FOLDER_VERSION: u32 = 2;

const MANIFEST: &str = "manifest.json";
const OURS: Mark = Mark { file: MANIFEST, command: "segue prepare" };
const TRAIN: &str = "data/train.parquet";
const ITEMS: &str = "data/items.parquet";
const FEATURE_MAP: &str = "maps/feature_map.json";
const USER_MAP: &str = "maps/user_id_map.json";

/// What `manifest.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this layout.
    pub format_version: u32,
    /// Data set.
    pub name: String,
    /// Domains in catalogue order.
    pub domains: Vec<String>,
    /// The line that every number travels with.
    pub protocol: String,
    /// Users of all domains.
    pub n_users: usize,
    /// Items of all domains.
    pub n_items: usize,
    /// Features of every item of every domain, the length of its vector; absent where items have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_features: Option<usize>,
    /// The questions.
    pub tasks: Vec<TaskEntry>,
    /// How it was made.
    pub report: PrepareReport,
    /// Every other file of the folder.
    pub files: Vec<WrittenFile>,
}

/// One task of a folder; paths are within the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskEntry {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: TaskKind,
    /// Target domain.
    pub target: String,
    /// Validation events.
    pub valid: String,
    /// Test events.
    pub test: String,
    /// Given negatives of validation.
    pub valid_negatives: Option<String>,
    /// Given negatives of test.
    pub test_negatives: Option<String>,
}
