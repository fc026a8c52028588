//! Two towers: one makes a vector of a user, the other of an item; their product is the score, so that an index can search it.
//!
//! Paul Covington, Jay Adams, Emre Sargin: *Deep Neural Networks for `YouTube` Recommendations*, `RecSys` 2016; Xinyang Yi and
//! others: *Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations*, `RecSys` 2019:
//!
//! ```text
//! x_i = e_i + mean of its features' vectors              v_i = x_i, or x_i / |x_i|
//! s_u = e_u + encoder(x_j of what u liked)               s(u, i) = s_u · v_i, or with both of length 1
//! ```
//!
//! Every part but the item's vector may be left out: `user_ids`, `features`, `history`. What trains it is a matter of `loss`:
//!
//! * `in_batch`: the like against the other likes of the batch, corrected by how often they occur there, without those that the
//!   user likes, too; `mixed_negatives` uniformly drawn items stand beside them (Ji Yang and others: *Mixed Negative Sampling for
//!   Learning Two-tower Neural Networks in Recommendations*, WWW 2020);
//! * `bpr` and the others of its kind with drawn negatives, the hardest of several with `negative_sampling=hard`;
//! * `full_softmax`: against all items.
//!
//! Cost of an epoch over `t` likes with `h` likes beside each: `2 t h d` numbers gathered and their slopes spread, and `6 t b d`
//! operations for batches of `b`.
//!
//! Useful where new users come all the time and candidates must come from an index. Not useful for small logs.
//!
//! A history is what the user liked before the like, where the log has times, and all else that the user likes where it has none.

use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, FitCx, FitError, Interval, ModelInfo, Output, ParamError, TrainData,
};
use serde::{Deserialize, Serialize};

use crate::optimise::neural_params;

mod towers;

pub use towers::TowersModel;

/// What reads a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// Nothing: who is new is answered by the mean of what they like.
    None,
    /// The mean, and a layer.
    #[default]
    Mean,
    /// A learned place that attends to all.
    Attention,
    /// Blocks of attention, and a learned place at the end.
    Transformer,
}

/// How a user meets an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Similarity {
    /// The inner product.
    #[default]
    Dot,
    /// That of vectors of length 1.
    Cosine,
}

neural_params! {
    /// Parameters of the two towers.
    pub struct TwoTower {
        /// Length of the vectors.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "embedding_dim", alias "dim";
        /// Whether a user has a vector of their own beside what they like.
        user_ids: bool = true;
        /// Whether items carry their features (genres), too.
        features: bool = true, alias "genres";
        /// `none`, `mean`, `attention` or `transformer`: what reads a history.
        history: Encoder = Encoder::Mean, alias "history_encoder";
        /// Likes that are read at most, the last.
        history_length: usize = 50, range Interval::between(1.0, 4096.0), alias "max_history", alias "max_seq_len";
        /// Blocks of `history=transformer`.
        blocks: usize = 1, range Interval::between(1.0, 64.0);
        /// Parts of a vector that attend by themselves.
        heads: usize = 1, range Interval::between(1.0, 64.0);
        /// Share of the numbers of a history's vectors that training does without.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95);
        /// Share of likes for which training does without the user's own vector, so that histories learn to answer alone.
        id_dropout: f32 = 0.5, range Interval::between(0.0, 0.95);
        /// `dot` or `cosine`.
        similarity: Similarity = Similarity::Dot, alias "measure";
        /// By what scores are divided before a loss sees them.
        temperature: f32 = 1.0, range Interval::between(0.001, 1000.0);
        /// Whether `loss=in_batch` takes back that popular items occur more often in a batch.
        log_q: bool = true, alias "logq_correction";
        /// Uniformly drawn items beside those of the batch, for `loss=in_batch`.
        mixed_negatives: usize = 0, range Interval::between(0.0, 65_536.0);
    }
    training { epochs: 50, batch_size: 1024, learning_rate: 0.001, negatives: 4, loss: InBatch, optimizer: LazyAdam, init_std: 0.01 }
}

impl TwoTower {
    pub(crate) fn training(&self) -> crate::optimise::Optimisation {
        self.optimisation()
    }
}

impl Algorithm for TwoTower {
    const INFO: ModelInfo = ModelInfo {
        name: "two_tower",
        aliases: &["tfrs"],
        title: "Two-tower retrieval",
        citation: "Yi and others: Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations, RecSys 2019",
        useful_for: "new users all the time, candidates from an index, items with features",
        not_useful_for: "small logs; `ease` and `ials` are stronger there",
        scale: "a few million likes; with more, a shorter `history_length`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = TowersModel;

    fn check(&self) -> Result<(), ParamError> {
        let refused = |message: &str| Err(ParamError::Value { model: Self::INFO.name.into(), message: message.into() });
        if !self.factors.is_multiple_of(self.heads) {
            return refused(&format!("`factors` = {} cannot be shared by `heads` = {}", self.factors, self.heads));
        }
        if !self.user_ids && self.history == Encoder::None {
            return refused("`user_ids` = false and `history` = none leave nothing to say of a user: set one of them");
        }
        self.optimisation().check(Self::INFO.name)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Self::Model, FitError> {
        towers::fit(self, data, cx)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError> {
        towers::load(from)
    }
}
