//! What is in the data, before anything is learnt from it.
//!
//! [`describe`] counts prepared data into [`Statistics`]: plain numbers, each documented with its definition. [`tables`]
//! and [`facts`] lay them out for a report, [`page::page`] draws them as one HTML page that opens offline. Nothing here
//! chooses or fits, so the test part may be opened; it is by name, in the caller's record.
#![warn(missing_docs)]

mod describe;
mod facts;
mod findings;
mod numbers;
pub mod page;
mod sections;
pub mod statistics;

pub use describe::{Statistics, describe};
pub use facts::{Fact, SectionTable, Value, facts, tables};
pub use findings::{Finding, Level};
