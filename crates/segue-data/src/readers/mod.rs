//! One file per format; [`Format`] names them, [`read_log`] reads any of them.

mod adjacency;
mod amazon;
mod book_crossing;
mod columns;
mod douban;
mod format;
mod goodreads;
mod gorse;
mod items;
mod json_lines;
mod lastfm;
mod log;
mod movielens;
mod negatives;
mod only;
mod open;
pub(crate) mod parquet;
mod python_literal;
mod recbole;
mod sequence;
mod session;
mod table;
mod tags;
mod timed_sequence;
mod zstd;

pub use self::columns::{Column, ColumnMap};
pub use self::format::{Format, Layout, read_log};
pub use self::items::read_items;
pub use self::log::{Names, RawLog};
pub use self::negatives::read_negatives;
pub use self::only::{Only, Wanted};
pub(crate) use self::open::Fnv;
pub use self::open::Input;
pub use self::python_literal::{LiteralError, parse as parse_python_literal};
pub use self::session::{InputFile, Progress, Session};
