//! Prepared data as files for other programs; [`export`] writes them all.

mod adjacency;
mod export;
mod order;
mod parquet;
mod rows;
mod table;

pub use self::export::{Export, ExportFormat, Ids, Wanted, export};
