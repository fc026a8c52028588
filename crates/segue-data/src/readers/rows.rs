//! The records of a table, each as wide as the first, and the lines that each stands on.

use std::ops::Range;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::open::{Input, is_blank};
use super::session::{Reason, Session};
use crate::DataError;

/// Lines of one record at most: more is a quote left open, not a long review.
const LINES: u64 = 1000;

/// Reads records one after the other; the first is there from the beginning.
pub(super) struct Rows {
    csv: Reader<Input>,
    record: ByteRecord,
    /// Cells of the first record.
    width: usize,
    lines: Range<u64>,
}

impl Rows {
    /// Reads the first record; `builder` says how cells are parted and quoted.
    pub(super) fn new(input: Input, builder: &mut ReaderBuilder) -> Result<Self, DataError> {
        let csv = builder.has_headers(false).flexible(true).from_reader(input);
        let mut rows = Self { csv, record: ByteRecord::new(), width: 0, lines: 1..1 };
        if !rows.next()? {
            return Err(DataError::Empty { path: rows.csv.get_ref().path().into() });
        }
        rows.width = rows.record.len();
        Ok(rows)
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
            self.csv.get_mut().mark();
            let before = self.csv.position().line();
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
                self.lines = next - within - 1..next;
                return Ok(more);
            }
        }
    }

    /// Whether the record can be read by its columns.
    fn check(&self) -> Result<(), Reason> {
        // More cells than the first line has are in the wrong columns, unless they are empty.
        if !self.record.iter().skip(self.width).all(<[u8]>::is_empty) {
            return Err(format!("has {} cells, the first line has {}", self.record.len(), self.width).into());
        }
        let lines = self.lines.end - self.lines.start;
        if lines > LINES {
            return Err(format!("goes on for {lines} lines; is a quote left open?").into());
        }
        let last = self.record.iter().next_back().unwrap_or_default();
        if lines > 1 && count_newlines(last) > 0 && self.csv.get_ref().ended_within_quotes() {
            return Err("goes on to the end of the file; is a quote left open?".into());
        }
        Ok(())
    }
}

/// The cell of a record in a column that is needed.
pub(super) fn cell_of(record: &ByteRecord, column: usize) -> Result<&[u8], Reason> {
    record.get(column).ok_or_else(|| format!("has {} cells, column {column} is needed", record.len()).into())
}

fn count_newlines(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').count() as u64 - 1
}
