//! Planted worlds whose truth is known, and the conformance suite that every model of Segue passes.
//!
//! A crate of models runs the suite on each [`ModelEntry`] it lists (see [`conformance::check`]); nothing else is
//! needed for a new model to be covered. The crate knows the traits of `segue-core` and no model but its own [`Sum`],
//! which shows that composites fit, save, load and take their children from configuration.
#![warn(missing_docs)]

mod composite;
pub mod conformance;
mod worlds;

use segue_core::ModelEntry;

pub use composite::{Child, Sum, SumModel};
pub use worlds::{Planted, PlantedWorld, World, catalogue, checkerboard, likes, rated};

/// The models of this crate.
pub static MODELS: &[ModelEntry] = &[ModelEntry::of::<Sum>()];
