//! The learned models of Segue whose gradients an autodiff engine derives: one file each.
//!
//! A model says in its file what it computes, once: training, scoring and fold-in run the same lines. What all share is
//! around it: `pairs` and `sequences` draw samples and loop, `fold` answers histories that training has not seen, `engine` carries numbers to the engine and back, `losses` and
//! `optimise` hold what a user may choose.
//!
//! Adding a model is one file, one `mod` line and one line in [`MODELS`].

use segue_core::ModelEntry;

mod attention;
mod autoencoder;
mod beside;
mod engine;
mod fcnn;
mod features;
mod fold;
mod fused;
mod gmf;
mod gnn;
#[cfg(test)]
mod golden;
mod graph;
mod graph_training;
mod heads;
mod histories;
mod layers;
mod losses;
mod mlp;
mod multi_dae;
mod multi_vae;
mod ncf;
mod negatives;
mod neumf;
mod neumf_attention;
mod ngcf;
mod optimise;
mod pairs;
mod reading;
mod sasrec;
mod sequences;
mod softmax;
mod transformer;
mod two_tower;

pub use autoencoder::AutoencoderModel;
pub use fcnn::{Fcnn, FcnnModel};
pub use gmf::Gmf;
pub use gnn::{Aggregation, Gnn, GnnModel};
pub use losses::Loss;
pub use mlp::Mlp;
pub use multi_dae::MultiDae;
pub use multi_vae::MultiVae;
pub use negatives::NegativeSampling;
pub use neumf::NeuMf;
pub use neumf_attention::NeuMfAttention;
pub use ngcf::{Ngcf, NgcfModel};
pub use optimise::{Optimizer, Schedule};
pub use pairs::PairModel;
pub use sasrec::{SasRec, Variant};
pub use sequences::SequenceModel;
pub use two_tower::{Encoder, Similarity, TowersModel, TwoTower};

/// Every model of this crate, in the order in which tables show them.
pub static MODELS: &[ModelEntry] = &[
    // A vector of a user meets one of an item.
    ModelEntry::of::<gmf::Gmf>(),
    ModelEntry::of::<mlp::Mlp>(),
    ModelEntry::of::<neumf::NeuMf>(),
    ModelEntry::of::<neumf_attention::NeuMfAttention>(),
    // Layers end in a rating.
    ModelEntry::of::<fcnn::Fcnn>(),
    // Vectors pass along the graph of likes.
    ModelEntry::of::<ngcf::Ngcf>(),
    ModelEntry::of::<gnn::Gnn>(),
    // A history becomes a code, and the code a score of every item.
    ModelEntry::of::<multi_dae::MultiDae>(),
    ModelEntry::of::<multi_vae::MultiVae>(),
    // A history becomes a vector that meets those of items.
    ModelEntry::of::<two_tower::TwoTower>(),
    // What came before says what comes next.
    ModelEntry::of::<sasrec::SasRec>(),
];
