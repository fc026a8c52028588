//! What a model is: hyper-parameters that fit, and a fitted thing that scores.

use std::ops::Range;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::artifact::{ArtifactError, ArtifactReader, ArtifactWriter};
use crate::embedding::Embeddings;
use crate::fit::{FitCx, FitError, TrainData};
use crate::history::History;
use crate::ids::{ItemId, UserId};
use crate::params::{ParamError, Params};
use crate::work::Work;

/// What a score means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Only the order counts.
    Ranking,
    /// A score is a predicted rating on the scale of the training values; error metrics apply.
    Rating,
}

/// What the tool says of a model, and what tests may expect of it.
#[derive(Debug, Clone, Copy)]
pub struct ModelInfo {
    /// Key in configuration, e.g. `item_knn`.
    pub name: &'static str,
    /// Other keys that name it, e.g. `item_cf`.
    pub aliases: &'static [&'static str],
    /// Full name, e.g. `Item-based k nearest neighbours`.
    pub title: &'static str,
    /// Authors, title, venue, year.
    pub citation: &'static str,
    /// What it is good for, one line.
    pub useful_for: &'static str,
    /// What it is not good for, one line.
    pub not_useful_for: &'static str,
    /// How large a log may be on two ordinary cores, and what to use beyond, one line.
    pub scale: &'static str,
    /// What a score means.
    pub output: Output,
    /// Whether the answer depends on who asks; conformance then demands that one more like changes it.
    pub personalised: bool,
}

/// Hyper-parameters of one published algorithm: the unfitted model. No data, randomness or paths inside.
pub trait Algorithm: Params + Serialize + DeserializeOwned + Default + Clone + Send + Sync + 'static {
    /// Name, citation and kind.
    const INFO: ModelInfo;
    /// The fitted model; "not fitted" cannot be written.
    type Model: Recommender + 'static;

    /// Checks that need more than one parameter; ranges are checked already.
    fn check(&self) -> Result<(), ParamError> {
        Ok(())
    }

    /// What one epoch cannot do without, kernel by kernel; of the whole fit for a model without epochs. Empty where nobody has
    /// counted.
    fn work(&self, _data: &TrainData<'_>) -> Vec<Work> {
        Vec::new()
    }

    /// Learns from `data`. The same data, parameters and seed give the same model at any thread count.
    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Self::Model, FitError>;

    /// Reads what [`Recommender::save`] wrote.
    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError>;
}

/// Who asks: a known user, or a guest, and what may be used of their history now (all domains).
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// A user of the training data; `None` is a guest.
    pub user: Option<UserId>,
    /// What is known now. It wins over what was known at training.
    pub history: History<'a>,
}

impl<'a> Query<'a> {
    /// A guest with a history never seen before.
    pub fn guest(history: History<'a>) -> Self {
        Self { user: None, history }
    }
}

/// The items to score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidates<'a> {
    /// All items of a contiguous range.
    Range(Range<ItemId>),
    /// These items, in this order.
    List(&'a [ItemId]),
}

impl Candidates<'_> {
    /// Number of items.
    pub fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::List(items) => items.len(),
        }
    }

    /// True if there is nothing to score.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = ItemId> {
        let (range, list) = match self {
            Self::Range(range) => (range.clone(), &[][..]),
            Self::List(items) => (0..0, *items),
        };
        range.chain(list.iter().copied())
    }
}

/// A fitted model. It only scores: ids, filters, top-k, metrics and files live elsewhere.
pub trait Recommender: Send + Sync {
    /// Prepares a block of queries, once, for scoring tile by tile.
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a>;

    /// Additive reasons: what each event of the history adds to the score of `item`, in order, with the sum of all
    /// parts plus a part that does not depend on the history being the score. `None` where the model is not additive.
    fn contributions(&self, _query: &Query<'_>, _item: ItemId) -> Option<Vec<f32>> {
        None
    }

    /// Item and query vectors whose product is the score, where the model has them.
    fn embeddings(&self) -> Option<&dyn Embeddings> {
        None
    }

    /// What an item is like, as a vector whose angles to those of other items tell how alike they are: the item vector
    /// without its biases, which say how well it does. `None` where the model has no vectors.
    fn likeness(&self, item: ItemId) -> Option<&[f32]> {
        self.embeddings().map(|embeddings| embeddings.items().row(item as usize))
    }

    /// Writes everything [`Algorithm::load`] needs. Large arrays are borrowed, not copied.
    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError>;
}

/// A block of encoded queries.
pub trait Scorer {
    /// Scores every query of the block on every candidate: `out` is `(n_queries, n_candidates)`, row-major; pure,
    /// finite, higher is better.
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]);
}
