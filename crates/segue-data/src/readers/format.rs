//! Names of the formats, recognising one from the beginning of a file, and the one door to all readers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::columns::{ColumnMap, looks_like_header};
use super::log::RawLog;
use super::only::Only;
use super::open::{BUFFER, BYTE_ORDER_MARK, Input, first_of};
use super::session::{Session, truth};
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

impl Format {
    /// True if its columns may be mapped.
    fn has_columns(self) -> bool {
        matches!(self, Self::Table | Self::Recbole | Self::JsonLines | Self::Parquet)
    }

    /// True if a delimiter and a header may be named.
    fn has_cells(self) -> bool {
        matches!(self, Self::Table | Self::Recbole)
    }

    /// True if its records have values.
    fn has_values(self) -> bool {
        !matches!(self, Self::Adjacency | Self::Sequence | Self::TimedSequence)
    }

    /// True if its zeros are no ratings unless the user says so.
    pub(crate) fn zero_is_none(self) -> bool {
        matches!(self, Self::Goodreads | Self::BookCrossing)
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

impl Layout {
    /// A value as read, `None` where it is the one that stands for none.
    pub(super) fn rated(&self, value: Option<f64>) -> Option<f64> {
        value.filter(|&value| self.unrated != Some(value as f32))
    }

    /// The format of a file that begins with `head`: as named, or recognised. What only a table has makes it one.
    fn format_of(&self, head: &[u8], separator: Option<u8>) -> Format {
        let is_table = separator.is_some() || self.tells_of_table();
        match (self.format, recognise(head)) {
            // What these look like is a table as well, and told how to be read it is one.
            (Format::Auto, Format::Douban | Format::Adjacency | Format::Movielens) if is_table => Format::Table,
            (Format::Auto, found) => found,
            (named, _) => named,
        }
    }

    fn tells_of_table(&self) -> bool {
        self.columns != ColumnMap::default() || self.delimiter.is_some() || self.header.is_some()
    }

    /// Refuses what a format cannot be told.
    fn check(&self, path: &Path, format: Format) -> Result<(), DataError> {
        let refused = if self.columns != ColumnMap::default() && !format.has_columns() {
            ("data.domains.columns", "whose columns are known", "columns", "table or json_lines")
        } else if self.delimiter.is_some() && !format.has_cells() {
            ("data.domains.delimiter", "which has its own", "delimiter", "table")
        } else if self.header.is_some() && !format.has_cells() {
            ("data.domains.header", "which is known to have one or none", "header", "table")
        } else if self.unrated.is_some() && !format.has_values() {
            ("data.domains.unrated", "which has no ratings", "unrated", "table")
        } else {
            return self.only.check(path, format);
        };
        let (key, why, what, instead) = refused;
        let path = path.display();
        let what = format!("{path} is read as {format}, {why}; leave `{what}` out, or use format: {instead}");
        Err(DataError::config(key, what))
    }
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
    let separator = input.separator();
    let head = input.peek()?;
    let first = first_of(head);
    if let Some(what) = array(first).filter(|_| layout.format == Format::Auto) {
        return Err(DataError::Format { path: path.into(), what: what.into() });
    }
    let format = layout.format_of(head, separator);
    layout.check(path, format)?;
    let unrated = layout.unrated.or(format.zero_is_none().then_some(0.0));
    let layout = &Layout { unrated, ..layout.clone() };
    // What is told from a table by its look alone may have a header as well.
    let delimiter = match format {
        Format::Douban if layout.format == Format::Auto => Some('\t'),
        Format::Adjacency if layout.format == Format::Auto => Some(' '),
        _ => None,
    };
    let first = String::from_utf8_lossy(first);
    let cells = |delimiter| first.split(delimiter).map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let doubt = delimiter.and_then(|delimiter| table::doubt(&cells(delimiter)));
    match format {
        Format::Movielens => movielens::read(input, session, log, layout),
        Format::Amazon => amazon::read(input, session, log, layout),
        Format::Goodreads => goodreads::read(input, session, log, layout),
        Format::BookCrossing => book_crossing::read(input, session, log, layout),
        Format::Lastfm => lastfm::read(input, session, log, layout),
        Format::Gorse => gorse::read(input, session, log, layout),
        Format::JsonLines => json_lines::read(input, session, log, layout),
        Format::Douban => douban::read(input, session, log, layout),
        Format::Adjacency => adjacency::read(input, session, log, layout.format == Format::Auto),
        Format::Sequence => sequence::read(input, session, log),
        Format::TimedSequence => timed_sequence::read(input, session, log, &layout.only),
        Format::Parquet => parquet::read(path, session, log, layout),
        Format::Table | Format::Recbole | Format::Auto => table::read(input, session, log, layout),
    }?;
    session.name_format(format);
    if let Some(note) = doubt {
        session.note(note);
    }
    log.settle();
    Ok(())
}

/// The layouts of files that are parts of one log: each its own, but that a list of items for each user is none where another
/// part has rows of the same look. A test part may have one row a user, and then only the others tell.
pub(crate) fn of_parts(paths: &[&Path], layout: &Layout) -> Result<Vec<Layout>, DataError> {
    let mut layouts = vec![layout.clone(); paths.len()];
    if layout.format != Format::Auto || paths.len() < 2 {
        return Ok(layouts);
    }
    let look = |path: &&Path| {
        let mut input = Input::open(path)?;
        let (separator, head) = (input.separator(), input.peek()?);
        let is_parted_by_spaces = table::guess(first_of(head)) == b' ';
        Ok((layout.format_of(head, separator), is_parted_by_spaces))
    };
    let looks = paths.iter().map(look).collect::<Result<Vec<_>, DataError>>()?;
    if looks.contains(&(Format::Table, true)) {
        let lists = layouts.iter_mut().zip(looks).filter(|(_, (format, _))| *format == Format::Adjacency);
        lists.for_each(|(layout, _)| layout.format = Format::Table);
    }
    Ok(layouts)
}

/// The format of a file by its content.
pub(super) fn format_of(path: &Path) -> Result<Format, DataError> {
    Ok(recognise(Input::open(path)?.peek()?))
}

/// What to tell of a file whose first line is of JSON arrays and not of objects.
fn array(first: &[u8]) -> Option<&'static str> {
    let mut signs = first.iter().filter(|byte| !byte.is_ascii_whitespace());
    match (signs.next(), signs.next()) {
        (Some(b'['), None | Some(b'{')) => Some("is one JSON array; write one object a line, as `jq -c '.[]'` does"),
        (Some(b'['), Some(b'[')) => Some("is one JSON array of arrays; write it as CSV, as `jq -r '.[] | @csv'` does"),
        (Some(b'['), _) if serde_json::from_slice::<Vec<IgnoredAny>>(first).is_ok() => {
            Some("has a JSON array a line; write them as CSV, as `jq -r @csv` does")
        }
        _ => None,
    }
}

/// The format of a file by how it begins, nearly always by its first line; what nothing else fits is a table.
fn recognise(head: &[u8]) -> Format {
    let first = first_of(head);
    if first.starts_with(b"PAR1") {
        return Format::Parquet;
    }
    let format = format_of_line(first, head);
    // Words of any kind look like these: a first line that is damaged, too.
    match format {
        Format::Adjacency | Format::Table | Format::Sequence => of_the_rest(head).unwrap_or(format),
        _ => format,
    }
}

/// The format of the lines after the first, where one that is like no other has all of them.
fn of_the_rest(head: &[u8]) -> Option<Format> {
    /// Lines that must agree.
    const LINES: usize = 3;
    let lines = head.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty()).skip(1).take(LINES);
    let formats: Vec<_> = lines.map(unmistakable).collect();
    let [first, rest @ ..] = &formats[..] else { return None };
    first.filter(|_| formats.len() == LINES && rest.iter().all(|other| other == first))
}

/// The format of a line that nothing else looks like.
fn unmistakable(line: &[u8]) -> Option<Format> {
    let line = str::from_utf8(line).ok()?.trim();
    if line.starts_with('{') && line.ends_with('}') && serde_json::from_str::<IgnoredAny>(line).is_ok() {
        Some(json(line))
    } else if timed_sequence::is_one(line) {
        Some(Format::TimedSequence)
    } else {
        (line.split("::").count() == 4).then_some(Format::Movielens)
    }
}

fn format_of_line(first: &[u8], head: &[u8]) -> Format {
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
        || (tabs.len() == 4 && number(tabs[2]) && number(tabs[3]) && !table::is_time(tabs[2]))
    {
        Format::Movielens
    } else if (2..=3).contains(&tabs.len())
        && tabs[2..].iter().all(|c| number(c) && !table::is_time(c))
        && !looks_like_header(tabs.into_iter())
    {
        Format::Douban
    } else if timed_sequence::is_one(first) {
        Format::TimedSequence
    } else if !first.contains([',', ';', '\t', '|']) && first.split(' ').count() > 1 {
        if looks_like_header(first.split(' ')) || parted_by_spaces(head) { Format::Table } else { Format::Adjacency }
    } else {
        Format::Table
    }
}

/// Whether `user item rating [time]` is what words parted by spaces are, not a user and two or three items in every line:
/// some user has several lines, which none has in an adjacency list.
fn parted_by_spaces(head: &[u8]) -> bool {
    // The last line may be cut.
    let whole = head.iter().rposition(|&b| b == b'\n').filter(|_| head.len() >= BUFFER - BYTE_ORDER_MARK.len());
    let text = String::from_utf8_lossy(&head[..whole.unwrap_or(head.len())]);
    let lines = || text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let width = lines().next().map_or(0, |line| line.split(' ').count());
    let mut users = HashSet::new();
    let mut is_row = |line: &str| {
        let cells: Vec<&str> = line.split(' ').collect();
        let value = cells.get(2).copied().unwrap_or_default();
        let is_number = value.parse::<f64>().is_ok() || truth(value).is_some();
        (cells.len() == width && is_number).then(|| !users.insert(cells[0].to_owned()))
    };
    let told = lines().map(&mut is_row).collect::<Option<Vec<bool>>>();
    (3..=4).contains(&width) && told.is_some_and(|told| told.contains(&true))
}

/// A header in small letters without quotes.
fn plain(header: &str) -> String {
    header.trim().to_lowercase().replace('"', "")
}

/// The format of JSON lines, by the keys of the first. A quote within a text is escaped, so that no text looks like a
/// key.
fn json(first: &str) -> Format {
    let has = |keys: &[&str]| keys.iter().all(|key| first.contains(&format!("\"{key}\"")));
    let (format, own) = if has(&["asin"]) || has(&["parent_asin"]) {
        (Format::Amazon, &amazon::KEYS)
    } else if has(&["user_id", "book_id"]) {
        (Format::Goodreads, &goodreads::KEYS)
    } else if gorse::is_one(first) {
        (Format::Gorse, &gorse::KEYS)
    } else {
        return Format::JsonLines;
    };
    // Who else calls an item so has other names for the rest.
    let line: Map<String, Value> = serde_json::from_str(first).unwrap_or_default();
    let keys: Vec<&str> = line.keys().map(String::as_str).collect();
    if own.miss(&keys) { Format::JsonLines } else { format }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: &str, expected: Format) {
        assert_eq!(recognise(first.as_bytes()), expected, "{first:?}");
    }

    #[test]
    fn a_damaged_first_line_does_not_hide_a_format_that_is_like_no_other() {
        let rest = |line: &str| format!("garbage line here\n{}", [line; 4].join("\n"));
        check(&rest(r#"{"user": "u", "item": "i"}"#), Format::JsonLines);
        check(&rest(r#"{"asin": "B0", "reviewerID": "A1"}"#), Format::Amazon);
        check(&rest("1::2::5::978300760"), Format::Movielens);
        check(&rest("1 2|1500000000 3|1500000100"), Format::TimedSequence);
        check("1 2|1500000000 4|x\n1 2|1500000000\n2 2|1500000000\n3 2|1500000000\n", Format::TimedSequence);
        // Too few, or not all of one kind: a cell may begin as anything.
        check("garbage line here\n{\"user\": 1}\n{\"user\": 2}\n", Format::Adjacency);
        check("user,item\n{a},{b}\n{c},{d}\n{e},{f}\n", Format::Table);
    }

    #[test]
    fn formats_are_recognised_from_the_first_line() {
        check("196\t242\t3\t881250949", Format::Movielens);
        check("1::1193::5::978300760", Format::Movielens);
        check("userId,movieId,rating,timestamp", Format::Movielens);
        check("{\"overall\": 5.0, \"asin\": \"B\"}", Format::Amazon);
        check(r#"{"user_id": "u", "asin": "B", "rating": 5, "date": 1500000000}"#, Format::JsonLines);
        check(r#"{"user_id": "u", "book_id": "B", "rating": 5, "timestamp": 1500000000}"#, Format::JsonLines);
        check(r#"{"UserId": "u", "ItemId": "B", "Rating": 5}"#, Format::JsonLines);
        check("1\t1630\t4", Format::Douban);
        check("2\t4866", Format::Douban);
        check("userID\tartistID\tweight\r", Format::Table);
        check("0 0 1 2 3", Format::Adjacency);
        check("7 9", Format::Adjacency);
        check("1 1 2\n1 2 4\n2 1 3\n", Format::Table);
        check("1 1 2.5", Format::Adjacency);
        check("1 1 true\n1 2 False\n2 1 true\n", Format::Table);
        check("user_id item_id rating\n1 1 2\n", Format::Table);
        check("1\t1\t1500000000", Format::Table);
        check("1 1 2\n2 1 3\n3 4 4\n", Format::Adjacency);
        check("1 1 2\n1 2 3 4\n", Format::Adjacency);
        check("0 821|1381536000 1860|1381536000", Format::TimedSequence);
        check("user,item,rating,domain,timestamp", Format::Table);
        check("\"u1\"\t\"i1\"\t4", Format::Table);
        check("196\t242\t881250949\t3", Format::Table);
        check("196\t242\t20170615\t3", Format::Table);
        check("a;b;3", Format::Table);
        check("PAR1....", Format::Parquet);
    }
}
