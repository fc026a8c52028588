//! The recommender models of Segue that need no automatic differentiation: one file each.
//!
//! Adding a model is one file, one `mod` line and one line in [`MODELS`].

use segue_core::ModelEntry;

mod batch;
mod ease;
mod ials;
mod item_knn;
mod lightgcn;
mod linalg;
mod mf;
mod order;
mod popularity;
mod propagate;
mod random;
mod svd;

pub use ease::{Ease, EaseModel};
pub use ials::{Ials, IalsModel};
pub use item_knn::{ItemKnn, ItemKnnModel, Similarity};
pub use lightgcn::{DenseOptimizer, LightGcn, LightGcnModel, PositiveSampling};
pub use mf::{Mf, MfModel, NegativeSampling, Optimizer, PairLoss};
pub use popularity::{Popularity, PopularityModel};
pub use random::{Random, RandomModel};
pub use svd::{Svd, SvdModel};

/// Every model of this crate, in the order in which tables show them.
pub static MODELS: &[ModelEntry] = &[
    ModelEntry::of::<random::Random>(),
    ModelEntry::of::<popularity::Popularity>(),
    ModelEntry::of::<item_knn::ItemKnn>(),
    ModelEntry::of::<svd::Svd>(),
    ModelEntry::of::<ease::Ease>(),
    ModelEntry::of::<ials::Ials>(),
    ModelEntry::of::<mf::Mf>(),
    ModelEntry::of::<lightgcn::LightGcn>(),
];
