//! Readers, preparation, splits and the built-in sample world of Segue.
//!
//! Raw logs → [`readers`] → [`prepare::prepare`] → [`segue_core::Prepared`] ⇄ [`prepare::write_folder`],
//! [`prepare::load_folder`] → [`writers::export`] for other programs.
#![warn(missing_docs)]

mod error;
mod parquet_columns;
mod place;
pub mod prepare;
pub mod readers;
mod spill;
pub mod synth;
pub mod writers;

pub use error::{BadLine, DataError};
