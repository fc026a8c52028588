//! Names of the formats, recognising one from the beginning of a file, and the one door to all readers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::columns::{ColumnMap, looks_like_header};
use super::log::RawLog;
use super::only::Only;
use super::open::Input;
use super::session::Session;
use super::{adjacency, amazon, douban, movielens, parquet, sequence, table, timed_sequence};
use crate::DataError;

/// Format of an interaction file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Recognised from the content.
    #[default]
    Auto,
    /// `u.data` (tabs), `ratings.dat` (`::`) or `ratings.csv`.
    Movielens,
    /// Amazon reviews, one JSON object per line.
    Amazon,
    /// `user <tab> item [<tab> rating]`.
    Douban,
    /// `user item item ...`, in no order.
    Adjacency,
    /// `user item item ...` or `user item`, oldest first. Its content is that of `adjacency`, so it must be named.
    Sequence,
    /// `user item|time item|time ...`.
    TimedSequence,
    /// CSV or TSV with a column mapping.
    Table,
    /// Parquet with a column mapping.
    Parquet,
}

impl Format {
    /// True if the values of a record have names, by which rows may be chosen.
    pub(super) fn has_names(self) -> bool {
        matches!(self, Self::Table | Self::TimedSequence | Self::Parquet | Self::Auto)
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// Format and, for tables, layout of interaction files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Format.
    pub format: Format,
    /// Column mapping of `table` and `parquet`.
    pub columns: ColumnMap,
    /// Delimiter of a `table`; `None`: guessed.
    pub delimiter: Option<char>,
    /// Whether a `table` has a header; `None`: guessed.
    pub header: Option<bool>,
    /// Which rows are read.
    pub only: Only,
}

/// Reads interaction files, one after the other, as one log.
pub fn read_log(paths: &[PathBuf], layout: &Layout, session: &mut Session<'_>) -> Result<RawLog, DataError> {
    let mut log = RawLog::default();
    for path in paths {
        let mut input = Input::open(path)?;
        let format = match layout.format {
            Format::Auto => recognise(input.peek()?),
            named => named,
        };
        layout.only.check(path, format)?;
        match format {
            Format::Movielens => movielens::read(input, session, &mut log)?,
            Format::Amazon => amazon::read(input, session, &mut log)?,
            Format::Douban => douban::read(input, session, &mut log)?,
            Format::Adjacency => adjacency::read(input, session, &mut log)?,
            Format::Sequence => sequence::read(input, session, &mut log)?,
            Format::TimedSequence => timed_sequence::read(input, session, &mut log, &layout.only)?,
            Format::Parquet => parquet::read(path, session, &mut log, layout)?,
            Format::Table | Format::Auto => table::read(input, session, &mut log, layout)?,
        }
    }
    Ok(log)
}

/// The format of a file that begins with `head`; what nothing else fits is a table.
fn recognise(head: &[u8]) -> Format {
    if head.starts_with(b"PAR1") {
        return Format::Parquet;
    }
    let text = String::from_utf8_lossy(head);
    let first = text.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let number = |cell: &str| cell.trim().parse::<f64>().is_ok();
    let tabs: Vec<&str> = first.split('\t').collect();
    if first.trim_start().starts_with('{') {
        Format::Amazon
    } else if first.contains("::")
        || first.to_lowercase().replace('"', "").starts_with("userid,movieid,rating")
        || (tabs.len() == 4 && number(tabs[2]) && number(tabs[3]))
    {
        Format::Movielens
    } else if (2..=3).contains(&tabs.len())
        && tabs[2..].iter().all(|c| number(c))
        && !looks_like_header(tabs.into_iter())
    {
        Format::Douban
    } else if timed_sequence::is_one(first) {
        Format::TimedSequence
    } else if !first.contains([',', ';', '\t', '|']) && first.split(' ').count() > 1 {
        Format::Adjacency
    } else {
        Format::Table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, expected: Format) {
        assert_eq!(recognise(head.as_bytes()), expected, "{head:?}");
    }

    #[test]
    fn formats_are_recognised_from_the_first_line() {
        check("196\t242\t3\t881250949\n", Format::Movielens);
        check("1::1193::5::978300760\n", Format::Movielens);
        check("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n", Format::Movielens);
        check("\n{\"overall\": 5.0}", Format::Amazon);
        check("1\t1630\t4\n", Format::Douban);
        check("2\t4866\n", Format::Douban);
        check("userID\tartistID\tweight\r\n2\t51\t13883", Format::Table);
        check("0 0 1 2 3\n", Format::Adjacency);
        check("7 9\n", Format::Adjacency);
        check("0 821|1381536000 1860|1381536000\n", Format::TimedSequence);
        check("user,item,rating,domain,timestamp\n", Format::Table);
        check("a;b;3\n", Format::Table);
        check("PAR1....", Format::Parquet);
    }
}
