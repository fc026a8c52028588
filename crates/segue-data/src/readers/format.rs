//! Names of the formats, recognising one from the beginning of a file, and the one door to all readers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::columns::{ColumnMap, looks_like_header};
use super::log::RawLog;
use super::only::Only;
use super::open::Input;
use super::session::Session;
use super::{
    adjacency, amazon, book_crossing, douban, goodreads, gorse, json_lines, lastfm, movielens, parquet, recbole,
    sequence, table, timed_sequence,
};
use crate::DataError;

/// Format of an interaction file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Recognised from the content.
    #[default]
    Auto,
    /// `u.data` (tabs), `ratings.dat` (`::`), `ratings.csv`, or Kaggle's `rating.csv`; also `.rating` of `NCF`.
    Movielens,
    /// Amazon reviews of 2014, 2018 and 2023: JSON lines, or ratings alone as CSV.
    Amazon,
    /// Goodreads of UCSD: JSON lines or CSV.
    Goodreads,
    /// Book-Crossing.
    BookCrossing,
    /// Last.fm 360K and 1K.
    Lastfm,
    /// Feedback of gorse, JSON lines.
    Gorse,
    /// `user <tab> item [<tab> rating]`.
    Douban,
    /// `user item item ...`, in no order.
    Adjacency,
    /// `user item item ...` or `user item`, oldest first. Its content is that of `adjacency`, so it must be named.
    Sequence,
    /// `user item|time item|time ...`.
    TimedSequence,
    /// Atomic files of `RecBole`.
    Recbole,
    /// CSV or TSV with a column mapping.
    Table,
    /// JSON lines with a column mapping.
    JsonLines,
    /// Parquet with a column mapping.
    Parquet,
}

impl Format {
    /// True if the values of a record have names, by which rows may be chosen.
    pub(super) fn has_names(self) -> bool {
        match self {
            Self::Amazon
            | Self::Goodreads
            | Self::Gorse
            | Self::TimedSequence
            | Self::Recbole
            | Self::Table
            | Self::JsonLines
            | Self::Parquet
            | Self::Auto => true,
            Self::Movielens | Self::BookCrossing | Self::Lastfm | Self::Douban | Self::Adjacency | Self::Sequence => {
                false
            }
        }
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
    /// Column mapping of `table`, `recbole`, `json_lines` and `parquet`.
    pub columns: ColumnMap,
    /// Delimiter of a `table`; `None`: guessed.
    pub delimiter: Option<char>,
    /// Whether a `table` has a header; `None`: guessed.
    pub header: Option<bool>,
    /// Which rows are read.
    pub only: Only,
    /// A value that stands for none.
    pub unrated: Option<f32>,
}

/// Reads interaction files, one after the other, as one log in memory.
pub fn read_log(paths: &[PathBuf], layout: &Layout, session: &mut Session<'_>) -> Result<RawLog, DataError> {
    let mut log = RawLog::default();
    paths.iter().try_for_each(|path| read_file(path, layout, session, &mut log))?;
    Ok(log)
}

/// Appends the rows of one file to `log`.
pub(crate) fn read_file(
    path: &Path,
    layout: &Layout,
    session: &mut Session<'_>,
    log: &mut RawLog,
) -> Result<(), DataError> {
    let mut input = Input::open(path)?;
    let format = match layout.format {
        Format::Auto if is_array(input.first_line()?) => {
            let what = "is one JSON array; write one object a line, as `jq -c '.[]'` does".into();
            return Err(DataError::Format { path: path.into(), what });
        }
        Format::Auto => recognise(input.first_line()?),
        named => named,
    };
    layout.only.check(path, format)?;
    match format {
        Format::Movielens => movielens::read(input, session, log),
        Format::Amazon => amazon::read(input, session, log, layout),
        Format::Goodreads => goodreads::read(input, session, log, layout),
        Format::BookCrossing => book_crossing::read(input, session, log, layout),
        Format::Lastfm => lastfm::read(input, session, log),
        Format::Gorse => gorse::read(input, session, log, layout),
        Format::JsonLines => json_lines::read(input, session, log, layout),
        Format::Douban => douban::read(input, session, log),
        Format::Adjacency => adjacency::read(input, session, log),
        Format::Sequence => sequence::read(input, session, log),
        Format::TimedSequence => timed_sequence::read(input, session, log, &layout.only),
        Format::Parquet => parquet::read(path, session, log, layout),
        Format::Table | Format::Recbole | Format::Auto => table::read(input, session, log, layout),
    }?;
    session.name_format(format);
    log.settle();
    Ok(())
}

/// The format of a file by its first line.
pub(super) fn format_of(path: &Path) -> Result<Format, DataError> {
    Ok(recognise(Input::open(path)?.first_line()?))
}

/// True if a file begins as a list of JSON objects.
fn is_array(first: &[u8]) -> bool {
    let mut first = first.trim_ascii().iter().filter(|byte| !byte.is_ascii_whitespace());
    first.next() == Some(&b'[') && first.next().is_none_or(|&byte| byte == b'{')
}

/// The format of a file by its first line; what nothing else fits is a table.
fn recognise(first: &[u8]) -> Format {
    if first.starts_with(b"PAR1") {
        return Format::Parquet;
    }
    let text = String::from_utf8_lossy(first);
    let first = text.strip_suffix('\r').unwrap_or(&text);
    let number = |cell: &str| cell.trim().parse::<f64>().is_ok();
    let tabs: Vec<&str> = first.split('\t').collect();
    if first.trim_start().starts_with('{') {
        json(first)
    } else if tabs.len() > 1 && table::quotes_cells(first) {
        Format::Table
    } else if amazon::is_ratings(first) {
        Format::Amazon
    } else if plain(first) == goodreads::HEADER {
        Format::Goodreads
    } else if book_crossing::is_ratings(first) {
        Format::BookCrossing
    } else if recbole::is_header(tabs.iter().copied()) {
        Format::Recbole
    } else if lastfm::is_one(first) {
        Format::Lastfm
    } else if first.contains("::")
        || plain(first).starts_with("userid,movieid,rating")
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

/// A header in small letters without quotes.
fn plain(header: &str) -> String {
    header.trim().to_lowercase().replace('"', "")
}

/// The format of JSON lines, by the keys of the first. A quote within a text is escaped, so that no text looks like a
/// key.
fn json(first: &str) -> Format {
    let has = |keys: &[&str]| keys.iter().all(|key| first.contains(&format!("\"{key}\"")));
    if has(&["asin"]) || has(&["parent_asin"]) {
        Format::Amazon
    } else if has(&["user_id", "book_id"]) {
        Format::Goodreads
    } else if gorse::is_one(first) {
        Format::Gorse
    } else {
        Format::JsonLines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: &str, expected: Format) {
        assert_eq!(recognise(first.as_bytes()), expected, "{first:?}");
    }

    #[test]
    fn formats_are_recognised_from_the_first_line() {
        check("196\t242\t3\t881250949", Format::Movielens);
        check("1::1193::5::978300760", Format::Movielens);
        check("userId,movieId,rating,timestamp", Format::Movielens);
        check("{\"overall\": 5.0, \"asin\": \"B\"}", Format::Amazon);
        check("1\t1630\t4", Format::Douban);
        check("2\t4866", Format::Douban);
        check("userID\tartistID\tweight\r", Format::Table);
        check("0 0 1 2 3", Format::Adjacency);
        check("7 9", Format::Adjacency);
        check("0 821|1381536000 1860|1381536000", Format::TimedSequence);
        check("user,item,rating,domain,timestamp", Format::Table);
        check("\"u1\"\t\"i1\"\t4", Format::Table);
        check("a;b;3", Format::Table);
        check("PAR1....", Format::Parquet);
    }
}
