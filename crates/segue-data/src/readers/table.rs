//! Any CSV or TSV with a column mapping; quoted cells as in RFC 4180.

use super::columns::{Positions, looks_like_header};
use super::format::Layout;
use super::log::RawLog;
use super::only::Chosen;
use super::open::{Input, is_blank};
use super::recbole;
use super::session::{Reason, Session, parse_time, parse_value};
use crate::DataError;

pub(super) fn read(
    mut input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    let path = input.path().to_path_buf();
    let delimiter = delimiter_of(&mut input, layout.delimiter)?;
    let mut reading = session.begin(&path);
    let mut rows = rows(input, delimiter)?;
    let mut record = csv::ByteRecord::new();
    if !next(&mut rows, &mut record)? {
        return session.end(reading, rows.get_ref());
    }
    let cells: Vec<String> = record.iter().map(|c| String::from_utf8_lossy(c).trim().to_owned()).collect();
    let cells = recbole::untyped(cells);
    let named = layout.columns.names_columns()
        || !layout.only.is_empty()
        || looks_like_header(cells.iter().map(String::as_str));
    let header = match layout.header {
        Some(header) => header,
        // Where no cell is a usual name, a value that is no number still tells a header.
        None if !named => {
            let at = layout.columns.by_position(&path, cells.len())?;
            at.value.is_some_and(|c| parse_value(&cells[c]).is_err_and(|reason| reason.contains("not a number")))
        }
        None => true,
    };
    let at = if header && named {
        layout.columns.among(&path, &cells)
    } else {
        layout.columns.by_position(&path, cells.len())
    }?;
    let chosen = layout.only.among(&path, if header { &cells } else { &[] })?;
    let mut more = !header || next(&mut rows, &mut record)?;
    while more {
        let outcome = no_wider(&record, cells.len()).and_then(|()| take(&record, at, (&chosen, layout.unrated), log));
        let line = || self::line(&rows, &record);
        session.count(&mut reading, rows.get_ref(), line, outcome)?;
        more = next(&mut rows, &mut record)?;
    }
    session.end(reading, rows.get_ref())
}

/// The delimiter: as configured, else the commonest candidate of the first line.
pub(super) fn delimiter_of(input: &mut Input, configured: Option<char>) -> Result<u8, DataError> {
    if let Some(delimiter) = configured {
        let usable = |byte: &u8| byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'"');
        return u8::try_from(delimiter).ok().filter(usable).ok_or_else(|| {
            let what = format!("{delimiter:?} cannot part cells; give one ASCII character such as ',' or '\\t'");
            DataError::config("data.domains.delimiter", what)
        });
    }
    let first = input.first_line()?;
    let count = |delimiter: u8| first.split(|&b| b == delimiter).count();
    // Of equal counts the first candidate wins.
    Ok(b"\t,;| ".iter().copied().rev().max_by_key(|&d| count(d)).unwrap_or(b','))
}

/// A row with more cells than the first line is read in the wrong columns, unless the others are empty.
fn no_wider(record: &csv::ByteRecord, width: usize) -> Result<(), Reason> {
    if record.iter().skip(width).all(<[u8]>::is_empty) {
        return Ok(());
    }
    Err(format!("has {} cells, the first line has {width}", record.len()).into())
}

/// The records of a table, the first one included.
pub(super) fn rows(mut input: Input, delimiter: u8) -> Result<csv::Reader<Input>, DataError> {
    // Where the first two lines of a tab-separated file quote no cell, a quote is a letter, as in the names of artists; and
    // atomic files never quote.
    let quotes = delimiter != b'\t' || {
        let head = String::from_utf8_lossy(input.peek()?);
        let lines = head.lines().filter(|line| !line.trim().is_empty());
        let atomic = lines.clone().next().is_some_and(|first| recbole::is_header(first.split('\t')));
        !atomic && lines.take(2).any(quotes_cells)
    };
    Ok(builder(delimiter).quoting(quotes).from_reader(input))
}

/// Whether a tab-separated line has a cell in quotes.
pub(super) fn quotes_cells(line: &str) -> bool {
    let quoted = |cell: &str| cell.len() > 1 && cell.starts_with('"') && cell.ends_with('"');
    line.trim_end_matches('\r').split('\t').any(quoted)
}

/// How tables are read.
pub(super) fn builder(delimiter: u8) -> csv::ReaderBuilder {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(delimiter);
    builder
}

/// The next record that is not a blank line; false at the end.
pub(super) fn next(rows: &mut csv::Reader<Input>, record: &mut csv::ByteRecord) -> Result<bool, DataError> {
    loop {
        rows.get_mut().mark();
        let more = rows.read_byte_record(record).map_err(|error| {
            let what = error.to_string();
            match error.into_kind() {
                csv::ErrorKind::Io(error) => rows.get_ref().fault(error),
                _ => DataError::Format { path: rows.get_ref().path().into(), what },
            }
        })?;
        if !more || record.len() > 1 || !is_blank(record.as_slice()) {
            return Ok(more);
        }
    }
}

/// The line at which a record begins that was just read. The position that the record carries is where the one before it
/// ended: before blank lines and, where lines end in `\r\n`, before that `\n`.
pub(super) fn line(rows: &csv::Reader<Input>, record: &csv::ByteRecord) -> u64 {
    let within = record.as_slice().split(|&b| b == b'\n').count() as u64 - 1;
    let end = rows.position();
    end.line() - within - u64::from(rows.get_ref().ended_by_newline(end.byte()))
}

fn take(
    record: &csv::ByteRecord,
    at: Positions,
    (chosen, unrated): (&Chosen<'_>, Option<f32>),
    log: &mut RawLog,
) -> Result<(), Reason> {
    let cell = |position: usize| -> Result<&str, Reason> {
        match record.get(position).map(std::str::from_utf8) {
            Some(Ok(cell)) => Ok(cell.trim()),
            Some(Err(_)) => Err(format!("column {position} is not UTF-8 text").into()),
            None => Err(format!("has {} cells, column {position} is needed", record.len()).into()),
        }
    };
    for (position, values) in chosen.iter() {
        if !values.contains(cell(position)?) {
            return Ok(());
        }
    }
    let value = at.value.map_or(Ok(Some(1.0)), |c| parse_value(cell(c)?))?.filter(|&value| unrated != Some(value));
    let time = at.time.map_or(Ok(None), |c| parse_time(cell(c)?))?;
    log.push(cell(at.user)?, cell(at.item)?, value, time);
    Ok(())
}
