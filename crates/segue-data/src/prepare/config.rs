//! What to read, how to clean it and how to split it: the configuration groups `data`, `prepare` and `split`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::interval::Interval;
use crate::readers::{ColumnMap, Format, Only};

/// One path or name, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several, in order.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them, to be changed.
    pub(super) fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Self::One(one) => std::slice::from_mut(one),
            Self::Many(many) => many,
        }
    }

    /// All of them.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Group `data`: the logs and their domains.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a group of keys")]
pub struct DataConfig {
    /// Name of the data set, e.g. `douban_book_music`; it names run folders and tables.
    pub name: String,
    /// Folder of the files. Only the configuration reads it, by interpolation: `${data.root}/ratings.csv`.
    pub root: Option<String>,
    /// Which of several given splits, for interpolation: `${data.root}/${data.fold}.base`.
    pub fold: Option<String>,
    /// The domains; those in use keep this order in the catalogue.
    pub domains: Vec<DomainConfig>,
    /// Whether equal user ids are the same people, for interpolation into the `users` of the domains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<UserIdentity>,
    /// Names of the source domains; null: every domain but the target; `[]`: none, the target alone.
    pub source: Option<OneOrMany<String>>,
    /// Name of the target domain, whose items are recommended; may be left out where there is one domain.
    pub target: String,
    /// Who is the same person in two domains. The users of domains named here share nobody else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_links: Vec<LinkFile>,
    /// Which items of two domains are one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub item_links: Vec<LinkFile>,
    /// Bad lines tolerated per file; null: one in a hundred. The first 100 are shown.
    pub max_bad_lines: Option<u64>,
    /// Share of target interactions that go to training in a ratio split, in (0, 1); overrides `split.ratios`.
    pub train_ratio: Option<f64>,
    /// Share of target interactions that go to validation in a ratio split, in [0, 1); overrides `split.ratios`.
    pub val_ratio: Option<f64>,
    /// Sampled candidates per positive in evaluation. Preparation does not read it; evaluation does.
    pub negative_samples: Option<u32>,
    /// Share of users kept, in (0, 1], chosen by hash of the external id; overrides `prepare.train_size`.
    pub train_size: Option<f64>,
    /// A folder that is another one every time, and the name that reports give it: of its file `music/items.csv` they say
    /// `NAME:music/items.csv`.
    #[serde(skip)]
    pub passing: Option<(PathBuf, String)>,
}

impl DataConfig {
    /// The key that names the target domain, resolved: `target`, or the only domain.
    pub fn target_name(&self) -> &str {
        match self.domains.as_slice() {
            [only] if self.target.is_empty() => &only.name,
            _ => &self.target,
        }
    }
}

/// A table of two columns: the ids of one domain and those of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a group with `file` and `domains`")]
pub struct LinkFile {
    /// The file, e.g. a `.link` of `RecBole`.
    pub file: PathBuf,
    /// The domains of the columns, in their order.
    pub domains: [String; 2],
    /// Whether the first line has names; null: guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
}

/// One domain: its files and how to read them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a group of a domain's keys")]
pub struct DomainConfig {
    /// Name, e.g. `films`.
    pub name: String,
    /// A file, or a folder in a published layout, whose files are known by their names; files given by other keys win.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Format of the interaction files; `auto` recognises it from the content.
    pub format: Format,
    /// Interaction file, or several that are read as one.
    pub interactions: Option<OneOrMany<PathBuf>>,
    /// Item metadata (titles, categories), if any; its format is recognised from the content.
    pub items: Option<OneOrMany<PathBuf>>,
    /// Which column (or JSON key) is what, for `table`, `recbole`, `json_lines` and `parquet`; columns left out are
    /// found by their usual names.
    pub columns: ColumnMap,
    /// Delimiter of a `table`, one character; null: guessed from the first line.
    pub delimiter: Option<char>,
    /// Whether a `table` starts with a line of names; null: guessed from the first line.
    pub header: Option<bool>,
    /// Which rows of the interaction files are this domain's, e.g. `{category_id: 1}`; empty: all.
    #[serde(skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// A value that stands for none, e.g. 0; rows with it lack a value. Null: as the format says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrated: Option<f32>,
    /// Whether every event counts 1, whatever its value, and rows without one count too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub implicit: bool,
    /// Given training part (`split.kind: given`).
    pub train: Option<OneOrMany<PathBuf>>,
    /// Given validation part; its pairs are taken out of the training part. Null: a part of train is carved out.
    pub valid: Option<OneOrMany<PathBuf>>,
    /// Given test part.
    pub test: Option<OneOrMany<PathBuf>>,
    /// Given negatives per user: `user neg1 ... negN` or `(user,item) neg1 ... negN`. A domain that gives parts beside
    /// one log has them for the parts; they are left alone where the log is split anew.
    pub negatives: Option<PathBuf>,
    /// Whether user ids mean the same people as in the other domains; null: they do, and a note tells where they look like
    /// numbers that each domain gives to its own.
    pub users: Option<UserIdentity>,
    /// What becomes of this domain's values, in place of the keys of the same names in group `prepare`; what it leaves
    /// out is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
    /// Rows of this domain at most; overrides `prepare.max_rows`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<usize>,
    /// A file of this domain's items to keep, one external id a line; null: all, or `prepare.only_items` of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_items: Option<PathBuf>,
}

impl DomainConfig {
    /// Whether a domain may be given this key.
    pub fn has_key(key: &str) -> bool {
        let alone = serde_json::Map::from_iter([(key.to_owned(), serde_json::Value::Null)]);
        let read = serde_json::from_value::<Self>(alone.into());
        read.err().is_none_or(|error| !error.to_string().starts_with("unknown field"))
    }

    /// Whether an id means the same person in every domain that shares it.
    pub(super) fn shares(&self, user: &str) -> bool {
        match self.users.unwrap_or_default() {
            UserIdentity::Shared => true,
            UserIdentity::Own => false,
            UserIdentity::SharedBelow(first_own) => user.parse::<u64>().is_ok_and(|id| id < first_own),
        }
    }
}

/// What becomes of the values of a domain, applied in this order; see the table of steps in [`crate::prepare`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a group with `value_interval`, `clip`, `log`, `scale`")]
pub struct Values {
    /// See [`PrepareOptions::value_interval`].
    pub value_interval: Option<Interval>,
    /// See [`PrepareOptions::clip`].
    pub clip: Option<[f32; 2]>,
    /// See [`PrepareOptions::log`].
    pub log: Option<Logarithm>,
    /// See [`PrepareOptions::scale`].
    pub scale: Option<Scale>,
}

/// A logarithm of values that are at least 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logarithm {
    /// `log2(1 + x)`: 0, 1, 3, 7 plays are 0, 1, 2, 3.
    Log2,
    /// `ln(1 + x)`.
    Ln,
}

/// A scaling of values: an offset and a factor, both from the training rows of a domain. A spread of 0 counts as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Mean 0 and (population) standard deviation 1.
    Standard,
    /// Least value 0 and largest 1; held-out values beyond those of training lie outside.
    MinMax,
}

/// Whether a domain's user ids are those of the other domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserIdentity {
    /// One id, one person, in every domain.
    #[default]
    Shared,
    /// The ids are this domain's own; they become `<domain>:<id>`.
    Own,
    /// Whole numbers below this one are shared, other ids are the domain's own: the files of `CDRIB`.
    SharedBelow(u64),
}

/// Group `prepare`: cleaning and filtering. The defaults clean and filter nothing but broken rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a group of keys")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a configuration group")]
pub struct PrepareOptions {
    /// Drop rows without user, item or value, and without time where the domain's log has times. False: an error.
    pub drop_incomplete: bool,
    /// Rows with a value outside this interval are dropped, before clipping: `[1, 5]` has its ends, `"(0, 5]"` has 5 and not 0,
    /// null (in a text nothing) is no end, and `"[0, 1); (3, 5]"` has the values of both. Null: none are dropped.
    pub value_interval: Option<Interval>,
    /// Values are clipped to this range; null: they stay as they are.
    pub clip: Option<[f32; 2]>,
    /// What is kept of several events of one user and item.
    pub deduplicate: Deduplicate,
    /// A logarithm of the values, after deduplication and thresholds, before the weight; null: none.
    pub log: Option<Logarithm>,
    /// Scaling of the values by each domain's training rows, after the split; null: none.
    pub scale: Option<Scale>,
    /// Weight = value scaled to 0..1 by the least and largest value of the domain's training rows, and of rows that
    /// `positives_only` drops (1 where all are equal); held-out values beyond these weigh 0 or 1. False: all weigh 1.
    pub normalise: bool,
    /// Write each user's times scaled to 0..1 as column `timestamp_norm` (1 where all are equal).
    pub time_per_user: bool,
    /// Values at or above are likes; null: every event is.
    pub positive_threshold: Option<f32>,
    /// Values at or below are dislikes, between the thresholds neutral; null: no dislikes.
    pub negative_threshold: Option<f32>,
    /// Drop events that are not likes, so that only likes are learnt from and asked for.
    pub positives_only: bool,
    /// Minimum interactions of users and items.
    pub core: Core,
    /// Which users stay: all, or those met in the target and in at least one source domain.
    pub users: UserFilter,
    /// Category of items without one; null: none.
    pub unknown_category: Option<String>,
    /// Share of users kept, in (0, 1], chosen by hash of the external id.
    pub train_size: f64,
    /// Rows of each domain at most (`max_items` of some notebooks), at least 1, by hash of external ids; null: all.
    pub max_rows: Option<usize>,
    /// A file of the users to keep in all domains, one external id a line, as the prepared data call them (`music:a`
    /// where ids are a domain's own); null: all.
    pub only_users: Option<PathBuf>,
    /// A file of the target's items to keep, one external id a line; null: all.
    pub only_items: Option<PathBuf>,
    /// Categories as features over one vocabulary of all domains, multi-hot; null: none.
    pub features: Option<FeatureOptions>,
    /// Length of the histories that are written beside the events, 1 to 10,000 (20 or 50 are usual); null: none are.
    pub history: Option<usize>,
    /// Whose events a history holds.
    pub history_domains: HistoryDomains,
    /// MiB of rows held in memory, 0 for none: what is beyond is in files while it is worked on, beside the folder that is written
    /// or in the system's folder for temporary files. The result does not depend on it.
    pub memory: usize,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        Self {
            drop_incomplete: true,
            value_interval: None,
            clip: None,
            deduplicate: Deduplicate::Latest,
            log: None,
            scale: None,
            normalise: true,
            time_per_user: true,
            positive_threshold: None,
            negative_threshold: None,
            positives_only: false,
            core: Core::default(),
            users: UserFilter::All,
            unknown_category: Some("unknown".into()),
            train_size: 1.0,
            max_rows: None,
            only_users: None,
            only_items: None,
            features: Some(FeatureOptions::default()),
            history: None,
            history_domains: HistoryDomains::Target,
            memory: 256,
        }
    }
}

impl PrepareOptions {
    /// What becomes of the values of a domain.
    pub fn values_of(&self, domain: &DomainConfig) -> Values {
        let Self { value_interval, clip, log, scale, .. } = self.clone();
        domain.values.clone().unwrap_or(Values { value_interval, clip, log, scale })
    }
}

/// Which categories are features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a group with `tags`, `min_items`, `most`, `synonyms`, or null")]
pub struct FeatureOptions {
    /// Tags, or shelves of readers, of an item that become its categories at most, those that were given most often; null: all.
    pub tags: Option<usize>,
    /// Items, of all domains together, that a category must have.
    pub min_items: usize,
    /// Features at most: those of the most items stay.
    pub most: usize,
    /// A table of two columns, a category and what it is called as a feature, beside the synonyms that are built in
    /// (`Sci-Fi` is `science fiction`); null: those alone.
    pub synonyms: Option<PathBuf>,
}

impl Default for FeatureOptions {
    fn default() -> Self {
        Self { tags: Some(5), min_items: 1, most: 512, synonyms: None }
    }
}

/// Whose events a history holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryDomains {
    /// Those of the domain of the event that it belongs to.
    #[default]
    Target,
    /// Those of all domains.
    All,
}

/// What is kept of several events of one user and item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deduplicate {
    /// The earliest; of equal times the larger value.
    First,
    /// The latest; of equal times the larger value, then the later line.
    #[default]
    #[serde(alias = "last")]
    Latest,
    /// The largest value; of equal values the latest.
    Max,
    /// One event with the sum of the values and the latest time; of linked items the largest value, as [`Self::Max`].
    Sum,
    /// All.
    None,
}

/// Minimum interactions; 0 asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a group with `users`, `items`, `mode`, `scope`, `strict`; core.users=0 and core.items=0 ask for nothing"
)]
pub struct Core {
    /// Interactions of a user.
    pub users: usize,
    /// Interactions of an item.
    pub items: usize,
    /// Count once, or again until nothing changes.
    pub mode: CoreMode,
    /// Whether a user's interactions are counted in each domain or over all.
    pub scope: CoreScope,
    /// True: strictly more than the numbers above; false: at least.
    pub strict: bool,
}

/// How often a core filter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoreMode {
    /// Users and items are counted once, on the same rows.
    #[default]
    Once,
    /// Counted (and overlap required) again until nothing changes.
    UntilStable,
}

/// What a user's interactions are counted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoreScope {
    /// In each domain: a user may stay in one and leave the other.
    #[default]
    PerDomain,
    /// Over all domains together.
    Joint,
}

/// Which users stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserFilter {
    /// All.
    #[default]
    All,
    /// Those met in the target and in at least one source domain.
    Overlapping,
}

/// Group `split`: what is learnt from, chosen by, and sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a group of keys")]
pub struct SplitConfig {
    /// How.
    pub kind: SplitKind,
    /// The domains that are split, each with a question of its own, that of `data.target` first: `all`, or names; null:
    /// the target alone. The others are learnt from.
    pub targets: Option<OneOrMany<String>>,
    /// Shares of train, validation and test of a ratio split, and of a cut in time that names no moments; they sum to 1.
    pub ratios: [f64; 3],
    /// Whether a ratio split is random, by hash, or chronological per user.
    pub order: RatioOrder,
    /// Share of a given training part that becomes validation where none is given, in [0, 1), by hash.
    pub valid_fraction: f64,
    /// Users with fewer interactions in a domain are not asked about it: all of theirs are training, or in no part where
    /// training may not have them (after a cut in time, on cold items).
    pub min_history: usize,
    /// A cut in time: the moments from which on events are validation and test; null: those that `ratios` give.
    pub cut: Option<[Moment; 2]>,
    /// Number of folds, at least 2; with two there is no validation.
    pub folds: u32,
    /// The fold that is test, from 0; the next one, after the last the first, is validation.
    pub fold: u32,
    /// Shares of users (`cold_user`, `few_shot`), items (`cold_item`) or both (`questions`) that are validation and test,
    /// by hash.
    pub cold: [f64; 2],
    /// Interactions that a few-shot user keeps in training, at least 1.
    pub support: u32,
    /// The same for `questions`: rising numbers, 16 at most, each of which is a question; null: 1, 3, 5 and 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supports: Option<Vec<u32>>,
    /// For each of `supports` the shares of the users left who are validation and test, by hash; null: 0.025 and 0.025.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_shares: Option<[f64; 2]>,
    /// Seed of the hashes; null: the run's seed.
    pub seed: Option<u64>,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self {
            kind: SplitKind::LeaveOneOut,
            targets: None,
            ratios: [0.8, 0.1, 0.1],
            order: RatioOrder::Random,
            valid_fraction: 0.1,
            min_history: 3,
            cut: None,
            folds: 5,
            fold: 0,
            cold: [0.1, 0.2],
            support: 5,
            supports: None,
            support_shares: None,
            seed: None,
        }
    }
}

impl SplitConfig {
    /// Numbers of support events of `questions`.
    pub(super) fn supports(&self) -> &[u32] {
        self.supports.as_deref().unwrap_or(&[1, 3, 5, 10])
    }

    /// Shares of the users left who are asked with each of these numbers.
    pub(super) fn support_shares(&self) -> [f64; 2] {
        self.support_shares.unwrap_or([0.025; 2])
    }
}

/// How a log is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// Each user's last target interaction is test, the one before validation, the rest training.
    #[default]
    LeaveOneOut,
    /// Shares of the target's interactions.
    Ratio,
    /// By files: `train`, `valid`, `test`, `negatives` of the domains.
    Given,
    /// By one moment for all: what comes later, in whatever domain, is never learnt from.
    TimeCut,
    /// One of several equal parts is test, by hash of user and item.
    KFold,
    /// A share of the users met in the target and elsewhere loses all target interactions.
    ColdUser,
    /// A share of the target's items loses all interactions.
    ColdItem,
    /// A share of the users keeps its first few target interactions (support) and is asked about the rest (queries).
    FewShot,
    /// Many questions of one log: shares of items and users for each of the three kinds above, few-shot with several
    /// numbers of support events, and leave-one-out of everyone else.
    Questions,
}

/// A moment: unix seconds, or a date such as `2018-01-01` or `2018-01-01T12:00:00Z`, in UTC unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a moment is unix seconds, or a date such as 2018-01-01")]
pub enum Moment {
    /// Unix seconds.
    Seconds(i64),
    /// A date, perhaps with a time of day.
    Date(String),
}

/// What a ratio split goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatioOrder {
    /// Each interaction by hash of seed, user and item.
    #[default]
    Random,
    /// Each user's interactions by time: oldest training, newest test.
    Time,
}
