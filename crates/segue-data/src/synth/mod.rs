//! The built-in sample world: music, films and books that never were, met by people whose tastes are known.
//!
//! What is planted is known, so a model can be asked whether it finds it: the strength of the taste that a person carries
//! from one domain to another is a dial, at 0 the domains are independent by construction, and [`shuffle_links`] cuts the
//! links between them without touching anything else.
//!
//! ```
//! use segue_data::synth::{World, WorldConfig};
//! let world = World::generate(&WorldConfig { strength: 0.5, ..WorldConfig::small() })?;
//! let sample = world.interactions();
//! assert_eq!(sample.catalogue.domains()[1].name, "films");
//! # Ok::<(), segue_data::synth::WorldError>(())
//! ```

mod config;
mod links;
mod rows;
mod truth;
mod words;
mod world;

#[cfg(test)]
mod mended;
#[cfg(test)]
mod planted;

pub use config::{DomainConfig, Medium, WorldConfig, WorldError};
pub use links::shuffle_links;
pub use rows::{DomainRows, ItemRow, RawRow, sample_rows};
pub use truth::Truth;
pub use world::{CleanLog, World};
