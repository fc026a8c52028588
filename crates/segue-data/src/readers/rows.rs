//! The records of a table, each as wide as the first, and the lines that each stands on.

use std::ops::Range;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::open::{Input, is_blank};
use super::session::{Reason, Session};
use crate::DataError;

/// Lines of one record at most: more is a quote left open, not a long review.
const LINES: u64 = 1000;

/// How the cells of a table are parted and quoted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) delimiter: u8,
    pub(super) quotes: bool,
    /// What stands before a quote within quotes, where it is not a quote.
    pub(super) escape: Option<u8>,
}

/// Reads records one after the other; the first is there from the beginning.
pub(super) struct Rows {
    csv: Reader<Input>,
    style: Style,
    record: ByteRecord,
    /// Cells of the first record.
    width: usize,
    lines: Range<u64>,
    /// Where the record lies in the text.
    bytes: Range<u64>,
}

impl Rows {
    /// Reads the first record.
    pub(super) fn new(input: Input, style: Style) -> Result<Self, DataError> {
        let csv = builder(style).from_reader(input);
        let mut rows = Self { csv, style, record: ByteRecord::new(), width: 0, lines: 1..1, bytes: 0..0 };
        if !rows.next()? {
            return Err(DataError::Empty { path: rows.csv.get_ref().path().into() });
        }
        rows.width = rows.record.len();
        Ok(rows)
    }

    /// What reads other text in the same way.
    pub(super) fn builder(&self) -> ReaderBuilder {
        builder(self.style)
    }

    /// The cells of the first record, as a header.
    pub(super) fn names(&self, text: impl Fn(&[u8]) -> String) -> Vec<String> {
        self.record.iter().map(text).collect()
    }

    /// Hands every record to `take`, without the first where that is a header, and counts them.
    pub(super) fn each(
        mut self,
        header: bool,
        session: &mut Session<'_>,
        mut take: impl FnMut(&ByteRecord) -> Result<(), Reason>,
    ) -> Result<(), DataError> {
        let mut reading = session.begin(self.csv.get_ref().path());
        let mut more = !header || self.next()?;
        while more {
            let outcome = self.check().and_then(|()| take(&self.record));
            session.count(&mut reading, self.csv.get_ref(), || self.lines.clone(), outcome)?;
            more = self.next()?;
        }
        session.end(reading, self.csv.get_ref())
    }

    /// Reads the next record that is not a blank line; false at the end.
    fn next(&mut self) -> Result<bool, DataError> {
        loop {
            let (begin, before) = (self.csv.position().byte(), self.csv.position().line());
            self.csv.get_mut().mark(begin);
            let more = self.csv.read_byte_record(&mut self.record).map_err(|error| {
                let what = error.to_string();
                match error.into_kind() {
                    csv::ErrorKind::Io(error) => self.csv.get_ref().fault(error),
                    _ => DataError::Format { path: self.csv.get_ref().path().into(), what },
                }
            })?;
            if !more || self.record.len() > 1 || !is_blank(self.record.as_slice()) {
                let position = self.csv.position();
                let next = position.line() + u64::from(!self.csv.get_ref().ended_by_newline(position.byte()));
                // Most records stand on one line, and only others need to be looked at.
                let within = if next - before > 1 { count_newlines(self.record.as_slice()) } else { 0 };
                let passed = self.csv.get_ref().passed();
                self.bytes = begin..position.byte();
                // A quote that is open at the end has taken the last line's end along, after which there is no line.
                let open = next > position.line() && self.csv.get_ref().raw(self.bytes.clone()).ends_with(b"\n");
                self.lines = passed + next - within - 1..passed + next - u64::from(open);
                return Ok(more);
            }
        }
    }

    /// Whether a record is as wide as the first: a cell too few or too many, and those after it are in the wrong columns; but
    /// trailing delimiters are none.
    pub(super) fn is_as_wide(&self, record: &ByteRecord) -> bool {
        record.len() >= self.width && record.iter().skip(self.width).all(<[u8]>::is_empty)
    }

    /// Whether the record can be read by its columns.
    fn check(&self) -> Result<(), Reason> {
        let raw = self.csv.get_ref().raw(self.bytes.clone());
        if self.style.quotes && raw.contains(&b'"') {
            well_quoted(raw, self.style)?;
        }
        if !self.is_as_wide(&self.record) {
            return Err(format!("has {} cells, the first line has {}", self.record.len(), self.width).into());
        }
        let lines = self.lines.end - self.lines.start;
        if lines > LINES {
            return Err(format!("goes on for {lines} lines; is a quote left open?").into());
        }
        Ok(())
    }
}

fn builder(style: Style) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true);
    builder.delimiter(style.delimiter).quoting(style.quotes).escape(style.escape);
    builder
}

/// Whether quotes enclose whole cells. The parser takes anything; what it makes of a quote left open is anybody's guess.
fn well_quoted(raw: &[u8], style: Style) -> Result<(), Reason> {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Begin,
        Blank,
        Plain,
        Quoted,
        Closed,
    }
    let (mut at, mut escaped) = (At::Begin, false);
    for &byte in raw {
        let ends = byte == style.delimiter || byte == b'\n' || byte == b'\r';
        at = match (at, byte) {
            (At::Quoted, _) if escaped => {
                escaped = false;
                At::Quoted
            }
            (At::Quoted, byte) if style.escape == Some(byte) => {
                escaped = true;
                At::Quoted
            }
            (At::Quoted, b'"') => At::Closed,
            (At::Quoted, _) | (At::Closed | At::Begin, b'"') => At::Quoted,
            (At::Closed, _) if !ends => return Err("has text after a closing quote; is a quote left open?".into()),
            (At::Blank, b'"') => return Err("has a blank before a quote, which then quotes nothing".into()),
            (_, _) if ends => At::Begin,
            (At::Begin | At::Blank, b' ') => At::Blank,
            _ => At::Plain,
        };
    }
    if at == At::Quoted { Err("goes on to the end of the file; is a quote left open?".into()) } else { Ok(()) }
}

/// The cell of a record in a column that is needed.
pub(super) fn cell_of(record: &ByteRecord, column: usize) -> Result<&[u8], Reason> {
    record.get(column).ok_or_else(|| format!("has {} cells, column {column} is needed", record.len()).into())
}

fn count_newlines(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').count() as u64 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_enclose_whole_cells() {
        let style = Style { delimiter: b',', quotes: true, escape: None };
        let said = |raw: &str, style| well_quoted(raw.as_bytes(), style).err().unwrap_or_default().into_owned();
        for fine in ["\"a\",b", "a,\"b \"\"c\"\"\"\r\n", "12\" mix,b", "\"two\nlines\",b\n", "\"\",\"\""] {
            assert_eq!(said(fine, style), "", "{fine}");
        }
        assert!(said("u,\"Alien,i\nv,\"Heat\",j", style).contains("text after a closing quote"));
        assert!(said("u,\"Alien,i\nv", style).contains("to the end of the file"));
        assert!(said("\"u\", \"i\"", style).contains("blank before a quote"));
        let escaping = Style { escape: Some(b'\\'), ..style };
        assert_eq!(said("\"a \\\"b\\\" c\",d", escaping), "");
    }
}
