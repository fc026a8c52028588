//! The learned models of Segue whose gradients an autodiff engine derives: one file each.
//!
//! A model says in its file what it computes, once: training, scoring and fold-in run the same lines. What all share is
//! around it: `pairs` draws samples and loops, `fold` answers histories that training has not seen, `engine` carries numbers to the engine and back, `losses` and
//! `optimise` hold what a user may choose.
//!
//! Adding a model is one file, one `mod` line and one line in [`MODELS`].

use segue_core::ModelEntry;

mod engine;
mod fold;
mod fused;
mod gmf;
#[cfg(test)]
mod golden;
mod histories;
mod layers;
mod losses;
mod mlp;
mod neumf;
mod optimise;
mod pairs;

pub use gmf::Gmf;
pub use losses::Loss;
pub use mlp::Mlp;
pub use neumf::NeuMf;
pub use optimise::{Optimizer, Schedule};
pub use pairs::{NegativeSampling, PairModel};

/// Every model of this crate, in the order in which tables show them.
pub static MODELS: &[ModelEntry] = &[
    // A vector of a user meets one of an item.
    ModelEntry::of::<gmf::Gmf>(),
    ModelEntry::of::<mlp::Mlp>(),
    ModelEntry::of::<neumf::NeuMf>(),
];
