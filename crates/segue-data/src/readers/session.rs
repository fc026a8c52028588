//! One reading session: progress, bad lines, and the record of every input file.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use segue_core::day_of_date;
use serde::{Deserialize, Serialize};

use super::format::Format;
use super::open::Input;
use crate::{BadLine, DataError};

/// Why a line is bad.
pub(crate) type Reason = Cow<'static, str>;

const SHOWN: usize = 100;
/// Of them in a note.
const TOLD: usize = 3;
const REPORT_EVERY: u64 = 1 << 15;

/// How far preparation has come, over all files that are read at once; returning `Break` stops it with
/// [`DataError::Interrupted`].
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// What is being done: `read <file>`, `read <n> files`, `clean`, `filter`, `split`.
    pub stage: &'a str,
    /// Rows read so far in this stage.
    pub rows: u64,
    /// Bytes consumed so far, as stored; 0 outside reading.
    pub bytes: u64,
    /// Bytes to read, as stored; 0 outside reading.
    pub bytes_total: u64,
}

/// One input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Path as configured.
    pub path: String,
    /// Bytes as stored.
    pub bytes: u64,
    /// FNV-1a, 64 bits, of the bytes as stored; 16 hexadecimal digits.
    pub fnv1a64: String,
    /// Lines or records read.
    pub lines: u64,
    /// Of them unreadable.
    pub bad_lines: u64,
    /// The first unreadable ones: `line: reason`.
    pub bad_shown: Vec<String>,
    /// Of a log: the format, named or recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// What its reader would have the user know; the report of a preparation has it among its notes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl InputFile {
    /// How many lines were unreadable, and the first of them.
    pub(crate) fn told(&self) -> String {
        let Self { path, bad_lines, lines, bad_shown, .. } = self;
        let count = format!("{path}: {bad_lines} of {lines} lines were unreadable");
        let shown = bad_shown.iter().take(TOLD).map(|bad| format!("line {bad}"));
        let more = (bad_shown.len() > TOLD).then(|| "manifest.json shows more".into());
        [count].into_iter().chain(shown).chain(more).collect::<Vec<String>>().join("; ")
    }
}

/// Reads files one after the other and remembers what they were.
pub struct Session<'a> {
    limit: Option<u64>,
    progress: &'a mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    files: Vec<InputFile>,
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("files", &self.files).finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// `limit`: bad lines tolerated per file; `None`: one in a hundred.
    pub fn new(limit: Option<u64>, progress: &'a mut dyn FnMut(Progress<'_>) -> ControlFlow<()>) -> Self {
        Self { limit, progress, files: Vec::new() }
    }

    /// Every file read so far.
    pub fn into_files(self) -> Vec<InputFile> {
        self.files
    }

    /// Every file read so far.
    pub(crate) fn files(&self) -> &[InputFile] {
        &self.files
    }

    /// Bad lines tolerated per file.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Remembers the format of the file just read.
    pub(crate) fn name_format(&mut self, format: Format) {
        if let Some(file) = self.files.last_mut() {
            file.format = Some(format);
        }
    }

    /// Has something to tell of the file just read.
    pub(crate) fn note(&mut self, note: String) {
        if let Some(file) = self.files.last_mut() {
            file.notes.push(note);
        }
    }

    /// Tells of ids of the file just read that do not stand there as they are held: quoted text may begin or end by a space.
    pub(crate) fn note_trimmed(&mut self, ids: u64) {
        if ids > 0 {
            self.note(format!("{ids} ids begin or end by spaces, and are the same as those without"));
        }
    }

    /// Adds files that other sessions read.
    pub(crate) fn add(&mut self, files: Vec<InputFile>) {
        self.files.extend(files);
    }

    /// Announces a stage that reads no file.
    pub(crate) fn stage(&mut self, stage: &str, rows: u64) -> Result<(), DataError> {
        self.tell_of(Progress { stage, rows, bytes: 0, bytes_total: 0 })
    }

    /// Tells how far a stage is, and hears whether to go on.
    pub(crate) fn tell_of(&mut self, progress: Progress<'_>) -> Result<(), DataError> {
        match (self.progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(DataError::Interrupted),
        }
    }

    pub(crate) fn begin(&self, path: &Path) -> Reading {
        Reading {
            stage: format!("read {}", path.file_name().unwrap_or_default().to_string_lossy()),
            limit: self.limit,
            lines: 0,
            bad: 0,
            shown: Vec::new(),
        }
    }

    /// Counts one record of `input` and, if it was bad, the lines it stands on and why.
    pub(crate) fn count(
        &mut self,
        reading: &mut Reading,
        input: &Input,
        lines: impl FnOnce() -> Range<u64>,
        outcome: Result<(), Reason>,
    ) -> Result<(), DataError> {
        reading.count(lines, outcome);
        if reading.lines.is_multiple_of(REPORT_EVERY) {
            self.tell(reading, input.consumed(), input.size())?;
            reading.check(input.path(), false)?;
        }
        Ok(())
    }

    pub(crate) fn tell(&mut self, reading: &Reading, bytes: u64, bytes_total: u64) -> Result<(), DataError> {
        self.tell_of(Progress { stage: &reading.stage, rows: reading.lines, bytes, bytes_total })
    }

    /// Closes a file: too many bad lines or none at all are errors here.
    pub(crate) fn end(&mut self, reading: Reading, input: &Input) -> Result<(), DataError> {
        self.end_with(reading, input.path(), input.consumed(), input.hash().hex())?;
        input.note().into_iter().for_each(|note| self.note(note));
        Ok(())
    }

    pub(crate) fn end_with(
        &mut self,
        reading: Reading,
        path: &Path,
        bytes: u64,
        fnv1a64: String,
    ) -> Result<(), DataError> {
        reading.check(path, true)?;
        if reading.lines == 0 {
            return Err(DataError::Empty { path: path.into() });
        }
        self.tell(&reading, bytes, bytes)?;
        self.files.push(InputFile {
            path: path.display().to_string(),
            bytes,
            fnv1a64,
            lines: reading.lines,
            bad_lines: reading.bad,
            bad_shown: reading.shown.into_iter().map(|b| format!("{}: {}", b.line, b.reason)).collect(),
            format: None,
            notes: Vec::new(),
        });
        Ok(())
    }

    /// Hands every line that is not blank to `take`, decoded as UTF-8.
    pub(crate) fn each_line(
        &mut self,
        mut input: Input,
        mut take: impl FnMut(&str) -> Result<(), Reason>,
    ) -> Result<(), DataError> {
        let mut reading = self.begin(input.path());
        let mut line = Vec::new();
        let mut number = input.passed();
        while input.line(&mut line)? {
            number += 1;
            let outcome = match std::str::from_utf8(&line) {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) if text.contains('\r') => {
                    Err("holds a carriage return; if lines end so, part them by `tr '\\r' '\\n'`".into())
                }
                Ok(text) => take(text),
                Err(_) => Err("is not UTF-8 text".into()),
            };
            self.count(&mut reading, &input, || number..number + 1, outcome)?;
        }
        self.end(reading, &input)
    }
}

/// Letters of a quotation at most: a line may be a megabyte long.
const QUOTED: usize = 300;

/// A text that quotes a file, fit for a terminal: signs that steer one are escaped, and what is long is cut.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        match c {
            _ if n == QUOTED => return out + "...",
            c if c.is_control() || c == '\u{fffd}' => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// The counts of one file.
#[derive(Debug)]
pub(crate) struct Reading {
    stage: String,
    limit: Option<u64>,
    lines: u64,
    bad: u64,
    shown: Vec<BadLine>,
}

impl Reading {
    /// Counts one record. Of a bad one every line counts: a quote left open takes many along.
    pub(crate) fn count(&mut self, lines: impl FnOnce() -> Range<u64>, outcome: Result<(), Reason>) {
        let Err(reason) = outcome else {
            self.lines += 1;
            return;
        };
        let Range { start, end } = lines();
        self.lines += end - start;
        self.bad += end - start;
        if self.shown.len() < SHOWN {
            self.shown.push(BadLine { line: start, reason: printable(&reason) });
        }
    }

    fn check(&self, path: &Path, at_end: bool) -> Result<(), DataError> {
        let allowed = match self.limit {
            Some(limit) => limit,
            // Before the end the rest of the file could still be good, so only a hopeless one is given up early.
            None if at_end => self.lines / 100,
            None => (self.lines / 2).max(SHOWN as u64),
        };
        if self.bad <= allowed {
            return Ok(());
        }
        Err(DataError::BadLines {
            path: path.into(),
            bad: self.bad,
            lines: self.lines,
            allowed,
            shown: self.shown.clone(),
        })
    }
}

/// The moment of a date that was written as a number, such as 20170615, and taken for seconds.
pub(super) fn date_of_number(milliseconds: i64) -> Option<i64> {
    if !(19_000_101_000..=21_001_231_000).contains(&milliseconds) || milliseconds % 1_000 != 0 {
        return None;
    }
    let number = milliseconds / 1_000;
    Some(86_400_000 * days(number / 10_000, number / 100 % 100, number % 100)?)
}

/// What is wrong with a value that single precision cannot hold.
pub(super) fn beyond(value: f64) -> Option<&'static str> {
    match value as f32 {
        held if held.is_finite() => None,
        _ if value.is_finite() => Some("is beyond single precision, which ends at 3.4e38"),
        _ => Some("is not finite"),
    }
}

/// A value: `None` where the cell is empty, 1 and 0 for true and false, an error where it is not a finite number in single
/// precision.
pub(crate) fn parse_value(cell: &str) -> Result<Option<f64>, Reason> {
    let cell = cell.trim();
    if is_blank(cell) {
        return Ok(None);
    }
    match cell.parse::<f64>() {
        Ok(value) => beyond(value).map_or(Ok(Some(value)), |wrong| Err(format!("rating {cell:?} {wrong}").into())),
        Err(_) => truth(cell).map(Some).ok_or_else(|| format!("rating {cell:?} is not a number").into()),
    }
}

/// What true and false are as numbers, in whichever case they are written.
pub(super) fn truth(cell: &str) -> Option<f64> {
    let is = |word: &str| cell.eq_ignore_ascii_case(word);
    if is("true") { Some(1.0) } else { is("false").then_some(0.0) }
}

/// Unix milliseconds, for order within a second is order, too: `None` where the cell is empty. Reads integers, floats, `YYYY-MM-DD[ HH:MM:SS][+HH[:MM]]` (else UTC; slashes for the
/// first two hyphens, too) and `Fri Aug 18 13:55:02 -0700 2017`. The first moment of year 1 is how some programs write that there is no time.
///
/// Numbers from 10^11 on (the year 5138 in seconds) are milliseconds, from 10^14 on microseconds, from 10^17 on
/// nanoseconds.
pub(crate) fn parse_time(cell: &str) -> Result<Option<i64>, Reason> {
    let cell = cell.trim();
    if is_blank(cell) {
        return Ok(None);
    }
    if let Ok(time) = cell.parse::<i64>() {
        return Ok(Some(milliseconds(time)));
    }
    match cell.parse::<f64>() {
        Ok(time) if time.is_finite() && time.abs() < 9e18 => Ok(Some(milliseconds_of(time))),
        Ok(time) if time.is_finite() => Err(format!("time {cell:?} is too large").into()),
        Ok(_) => Err(format!("time {cell:?} is not finite").into()),
        Err(_) => date(cell)
            .map(Some)
            .ok_or_else(|| format!("time {cell:?} is neither unix time nor YYYY-MM-DD HH:MM:SS").into()),
    }
}

/// See [`parse_time`].
pub(crate) fn milliseconds(time: i64) -> i64 {
    match time.unsigned_abs() {
        0..100_000_000_000 => 1_000 * time,
        100_000_000_000..100_000_000_000_000 => time,
        100_000_000_000_000..100_000_000_000_000_000 => time.div_euclid(1_000),
        _ => time.div_euclid(1_000_000),
    }
}

/// [`milliseconds`] of a number with a fraction.
pub(crate) fn milliseconds_of(time: f64) -> i64 {
    if time.abs() < 1e11 { (1e3 * time).round() as i64 } else { milliseconds(time as i64) }
}

fn is_blank(cell: &str) -> bool {
    cell.is_empty() || matches!(cell, "null" | "NULL" | "None" | "NA" | "\\N" | "0001-01-01T00:00:00Z")
}

/// Milliseconds from 1970 to a moment that people write.
fn date(cell: &str) -> Option<i64> {
    if let [_, month, day, clock, zone, year] = *cell.split(' ').collect::<Vec<_>>().as_slice() {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months.iter().position(|name| *name == month)? as i64 + 1;
        let midnight = days(year.parse().ok()?, month, day.parse().ok()?)? * 86_400;
        return Some(1_000 * (midnight - offset(zone)?) + since_midnight(clock)?);
    }
    let (day, clock) = cell.split_once([' ', 'T']).unwrap_or((cell, "0:0:0"));
    if !matches!(day.as_bytes().get(4), Some(b'-' | b'/')) {
        return None;
    }
    let mut day = day.splitn(3, char::from(day.as_bytes()[4])).map(str::parse::<i64>);
    let (year, month, day) = (day.next()?.ok()?, day.next()?.ok()?, day.next()?.ok()?);
    let clock = clock.strip_suffix(" UTC").unwrap_or(clock).trim_end_matches('Z');
    let (clock, zone) = clock.find(['+', '-']).map_or((clock, "+0000"), |at| clock.split_at(at));
    Some(1_000 * (days(year, month, day)? * 86_400 - offset(zone)?) + since_midnight(clock)?)
}

/// Days from 1970 to a date that people write.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !((1..=12).contains(&month) && (1..=31).contains(&day) && (1..=9999).contains(&year)) {
        return None;
    }
    let date = day_of_date(year, month, day);
    let next_month = if month == 12 { day_of_date(year + 1, 1, 1) } else { day_of_date(year, month + 1, 1) };
    (date < next_month).then_some(date)
}

/// Milliseconds since midnight of `HH:MM[:SS[.fraction]]`; what is finer is cut off.
fn since_midnight(clock: &str) -> Option<i64> {
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut clock = clock.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute) = (clock.next()?.ok()?, clock.next()?.ok()?);
    let second = clock.next().unwrap_or(Ok(0)).ok()?;
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    let thousandths = fraction.bytes().chain(*b"00").take(3).fold(0, |sum, digit| 10 * sum + i64::from(digit - b'0'));
    valid.then(|| 1_000 * (hour * 3_600 + minute * 60 + second) + thousandths)
}

/// Seconds east of UTC of `+HH:MM` or `-HHMM`.
fn offset(zone: &str) -> Option<i64> {
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.chars().skip(1).filter(|c| *c != ':').collect();
    let number: i64 = match digits.len() {
        2 => 100 * digits.parse::<i64>().ok()?,
        4 => digits.parse().ok()?,
        _ => return None,
    };
    (0..=2_359).contains(&number).then(|| sign * (number / 100 * 3_600 + number % 100 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_times_are_read_or_refused() {
        assert_eq!(parse_value(" 3.5"), Ok(Some(3.5)));
        assert_eq!(parse_value(""), Ok(None));
        assert!(parse_value("nan").unwrap_err().contains("not finite"));
        assert!(parse_value("1e39").unwrap_err().contains("beyond single precision"));
        assert!(parse_value("four").unwrap_err().contains("not a number"));
        for (cell, value) in [("true", 1.0), (" False ", 0.0), ("TRUE", 1.0)] {
            assert_eq!(parse_value(cell), Ok(Some(value)), "{cell}");
        }
        for other in ["t", "yes", "truely"] {
            assert!(parse_value(other).unwrap_err().contains("not a number"), "{other}");
        }
        assert_eq!(parse_time("964982703"), Ok(Some(964_982_703_000)));
        assert_eq!(parse_time("1588687728923"), Ok(Some(1_588_687_728_923)));
        assert_eq!(parse_time("964982703.25"), Ok(Some(964_982_703_250)));
        assert_eq!(parse_time("964982703.0"), Ok(Some(964_982_703_000)));
        assert_eq!(parse_time("2005-04-02 23:53:47"), Ok(Some(1_112_486_027_000)));
        assert_eq!(parse_time("1970-01-01"), Ok(Some(0)));
        assert_eq!(parse_time("1969-12-31T23:59:59Z"), Ok(Some(-1_000)));
        assert_eq!(parse_time("Fri Aug 18 13:55:02 -0700 2017"), Ok(Some(1_503_089_702_000)));
        assert_eq!(parse_time("2017-08-18T13:55:02.5-07:00"), Ok(Some(1_503_089_702_500)));
        assert_eq!(parse_time("2017-07-14 02:40:00.1234"), Ok(Some(1_500_000_000_123)));
        assert_eq!(parse_time("2017-08-19T04:55:02+08:00"), Ok(Some(1_503_089_702_000)));
        assert_eq!(parse_time("0001-01-01T00:00:00Z"), Ok(None));
        // As databases write them.
        for same in
            ["2017-08-19 04:55:02+08", "2017-08-18 20:55:02 UTC", "2017/08/18 20:55:02", "2017/08/18 20:55:02.0Z"]
        {
            assert_eq!(parse_time(same), Ok(Some(1_503_089_702_000)), "{same}");
        }
        assert!(parse_time("2017/08-18").is_err() && parse_time("2017-08-18 20:55:02 CET").is_err());
        assert!(parse_time("2017-08-19T04:55:02+99").is_err() && parse_time("Fri Foo 1 1:1:1 +0000 2017").is_err());
        assert!(parse_time("2005-9223372036854775807-9223372036854775807").is_err());
        assert!(parse_time("9999-12-31T28446744073709553:59:60+23").is_err());
        assert!(parse_time("18-01-02").is_err() && parse_time("2018-01-02 03:04:05.000 PM").is_err());
        assert!(parse_time("2005-13-02").is_err() && parse_time("2021-02-29").is_err());
        assert_eq!(parse_time("2020-02-29"), Ok(Some(1_582_934_400_000)));
        assert!(parse_time("yesterday").unwrap_err().contains("YYYY-MM-DD"));
    }
}
