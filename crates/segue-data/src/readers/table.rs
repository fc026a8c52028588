//! Any CSV or TSV with a column mapping; quoted cells as in RFC 4180.

use super::columns::{ColumnMap, Positions, looks_like_header};
use super::format::Layout;
use super::log::RawLog;
use super::only::Chosen;
use super::open::{Input, whole_lines};
use super::recbole;
use super::rows::{Rows, Style, cell_of};
use super::session::{Reason, Session, date_of_number, parse_time, parse_value};
use crate::DataError;

pub(super) fn read(
    mut input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    let path = input.path().to_path_buf();
    let delimiter = delimiter_of(&mut input, layout.delimiter)?;
    let head = input.peek()?.to_vec();
    let rows = rows(input, delimiter)?;
    let cells = recbole::untyped(rows.names(|cell| String::from_utf8_lossy(cell).trim().to_owned()));
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
    let first = (!header).then(|| Sample::of(&head, &rows));
    let at = match &first {
        None => layout.columns.among(&path, &cells)?,
        Some(first) => first.place(layout.columns.by_position(&path, cells.len())?, &layout.columns, cells.len()),
    };
    let guessed = first.as_ref().filter(|_| layout.columns == ColumnMap::default());
    let doubt = doubt(&cells).filter(|_| layout.header.is_none() && !header);
    let told = guessed.and_then(|first| told_of(at, first));
    // Who says that there is no header knows the places.
    let unsaid = guessed.is_some() && layout.header.is_none() && doubt.is_none();
    let told = told.map(String::from).or_else(|| unsaid.then(|| by_place(at, cells.len())));
    let chosen = layout.only.among(&path, if header { &cells } else { &[] })?;
    let mut unused = Unused::of(if header { &cells } else { &[] }, at, &chosen);
    rows.each(header, session, |record| {
        unused.look(record);
        take(record, at, (&chosen, layout, delimiter), log)
    })?;
    let notes = told.into_iter().chain(unused.notes(&cells, at)).chain(doubt);
    notes.for_each(|note| session.note(note));
    Ok(())
}

/// What to tell of a table without header whose columns are not in the usual order, or seem not to be.
fn told_of(at: Positions, first: &Sample) -> Option<&'static str> {
    if at.time == Some(1) {
        Some(
            "no header, and the second column has moments: read as check-ins, which are user, time, latitude, longitude, \
             place; `columns: {user: 0, item: 1}` would read it otherwise",
        )
    } else if at.value.zip(at.time).is_some_and(|(value, time)| time < value) {
        Some(
            "no header, and the third column has moments: read as user, item, time, rating; `columns: {value: 2, time: 3}` \
             would read it the other way round",
        )
    } else if first.are_dates(1) {
        Some(
            "no header, and the second column has moments, which were taken for items; `columns: {user: 0, item: ..., \
             time: 1}` by position from 0 would say what the others are",
        )
    } else {
        None
    }
}

/// What to tell of a table without header, so many cells wide, of which nothing else is told.
fn by_place(at: Positions, width: usize) -> String {
    let roles = [(Some(at.user), "user"), (Some(at.item), "item"), (at.value, "rating"), (at.time, "time")];
    let mut roles: Vec<(usize, &str)> = roles.into_iter().filter_map(|(place, role)| Some((place?, role))).collect();
    roles.sort_unstable();
    let left = match width - roles.len() {
        0 => String::new(),
        n => format!(", {n} more left out"),
    };
    let roles = roles.into_iter().map(|(_, role)| role).collect::<Vec<_>>().join(", ");
    format!(
        "no header: the columns were read by their places as {roles}{left}; '+data.domains.0.columns={{user: 1, item: 0}}', both \
         counted from 0, would read those of the first domain otherwise, and '+data.domains.0.header=false' says that they are right"
    )
}

/// What to tell of a first row that was taken for an event and may be a header: two words, which no other column tells
/// from names of people and things.
pub(super) fn doubt(cells: &[String]) -> Option<String> {
    let is_word = |cell: &String| cell.contains(char::is_alphabetic) && !cell.contains(char::is_numeric);
    let [user, item] = cells else { return None };
    (is_word(user) && is_word(item)).then(|| {
        format!(
            "the first row, {user:?} and {item:?}, was read as an event; if it is a header, say `header: true` and \
             `columns: {{user: {user}, item: {item}}}`"
        )
    })
}

/// Rows in which a column that is not used must hold numbers or moments to be told of.
const LOOKED: usize = 100;

/// Columns that nobody uses, and what their cells have in common.
#[derive(Debug, Default)]
struct Unused {
    columns: Vec<(usize, Held)>,
    looked: usize,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// Every one was empty.
    Nothing,
    Numbers,
    Moments,
}

impl Held {
    /// `None` where a cell holds something else.
    fn of(cell: &str) -> Option<Self> {
        match parse_value(cell) {
            Ok(None) => Some(Self::Nothing),
            Ok(Some(value)) if value < A_TIME => Some(Self::Numbers),
            _ => parse_time(cell).is_ok().then_some(Self::Moments),
        }
    }

    /// What two cells have in common.
    fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Nothing, held) | (held, Self::Nothing) => Some(held),
            _ => (self == other).then_some(self),
        }
    }
}

impl Unused {
    /// Those of `names` that may be a value or a time: ids and the index of a table tool are neither.
    fn of(names: &[String], at: Positions, chosen: &Chosen<'_>) -> Self {
        let used = |n: usize| {
            let used = [Some(at.user), Some(at.item), at.value, at.time];
            used.contains(&Some(n)) || chosen.iter().any(|(c, _)| c == n)
        };
        let is_other = |name: &str| {
            let name = name.trim().to_lowercase();
            name.is_empty() || name == "index" || name.starts_with("unnamed") || name.ends_with("id")
        };
        let is_asked = at.value.is_none() || at.time.is_none();
        let columns = names.iter().enumerate().filter(|&(n, name)| is_asked && !used(n) && !is_other(name));
        Self { columns: columns.map(|(n, _)| (n, Held::Nothing)).collect(), looked: 0 }
    }

    fn look(&mut self, record: &csv::ByteRecord) {
        if self.looked == LOOKED || self.columns.is_empty() {
            return;
        }
        self.looked += 1;
        self.columns.retain_mut(|(n, held)| {
            let cell = record.get(*n).and_then(|cell| str::from_utf8(cell).ok()).unwrap_or("?");
            let both = Held::of(cell).and_then(|of_cell| held.and(of_cell));
            both.inspect(|&both| *held = both).is_some()
        });
    }

    fn notes(&self, names: &[String], at: Positions) -> Vec<String> {
        let of = |wanted: Held| {
            let columns = self.columns.iter().filter(|(_, held)| *held == wanted);
            columns.map(|&(n, _)| names[n].as_str()).collect::<Vec<_>>()
        };
        let (numbers, moments) = (of(Held::Numbers), of(Held::Moments));
        let value = numbers.first().filter(|_| at.value.is_none()).map(|first| {
            format!(
                "each event is worth 1; the numbers of {} are not used, `columns: {{value: {first}}}` would make those of \
                 {first} the value",
                numbers.join(", ")
            )
        });
        let time = moments.first().filter(|_| at.time.is_none()).map(|first| {
            format!(
                "events have no times; the moments of {} are not used, `columns: {{time: {first}}}` would make those of \
                 {first} the time",
                moments.join(", ")
            )
        });
        value.into_iter().chain(time).collect()
    }
}

/// Ratings from this on are seconds since 1970.
const A_TIME: f64 = 1e8;

/// The first rows of a file, from which it is told what a column without name holds.
pub(super) struct Sample(Vec<csv::ByteRecord>);

impl Sample {
    /// Rows at most.
    const ROWS: usize = 1000;

    /// Of the head of a table.
    fn of(head: &[u8], rows: &Rows) -> Self {
        let records = rows.builder().from_reader(whole_lines(head)).into_byte_records();
        Self::among(records.map_while(Result::ok).filter(|row| rows.is_as_wide(row)))
    }

    /// Without those that cannot be read: a bad line has no say in what the others are.
    pub(super) fn among(records: impl Iterator<Item = csv::ByteRecord>) -> Self {
        let is_number = |cell: &[u8]| str::from_utf8(cell).is_ok_and(is_number);
        let is_readable = |row: &csv::ByteRecord| row.iter().skip(2).take(2).all(is_number);
        Self(records.filter(is_readable).take(Self::ROWS).collect())
    }

    /// Whether every cell of a column that is not empty may be a moment, and no rating.
    fn are_times(&self, column: usize) -> bool {
        let cells = self.0.iter().filter_map(|record| str::from_utf8(record.get(column)?).ok());
        let mut cells = cells.filter(|cell| parse_value(cell) != Ok(None)).peekable();
        cells.peek().is_some() && cells.all(is_time)
    }

    /// Whether every cell of a column is a moment that is written as a date.
    fn are_dates(&self, column: usize) -> bool {
        let is_date = |cell: &str| parse_value(cell).is_err() && matches!(parse_time(cell), Ok(Some(_)));
        let cell = |record: &csv::ByteRecord| {
            record.get(column).and_then(|cell| str::from_utf8(cell).ok()).is_some_and(is_date)
        };
        !self.0.is_empty() && self.0.iter().all(cell)
    }

    /// Whether these are check-ins, as SNAP publishes those of Gowalla and Brightkite: user, time, latitude, longitude,
    /// place.
    fn are_check_ins(&self) -> bool {
        let within = |record: &csv::ByteRecord, column: usize, most: f64| {
            let cell = record.get(column).and_then(|cell| str::from_utf8(cell).ok());
            cell.and_then(|cell| parse_value(cell).ok()?).is_some_and(|degrees| degrees.abs() <= most)
        };
        self.are_dates(1) && self.0.iter().all(|record| within(record, 2, 90.0) && within(record, 3, 180.0))
    }

    /// Whether the third column has the moments and the fourth has not.
    pub(super) fn times_come_first(&self) -> bool {
        self.are_times(2) && !self.are_times(3)
    }

    /// `user,item,time` and `user,item,time,rating` without header: a third column of moments is not one of ratings,
    /// unless it is called so.
    fn place(&self, at: Positions, columns: &ColumnMap, width: usize) -> Positions {
        match width {
            _ if *columns != ColumnMap::default() => at,
            5 if self.are_check_ins() => Positions { user: 0, item: 4, value: None, time: Some(1) },
            3 if self.are_times(2) => Positions { value: None, time: Some(2), ..at },
            4.. if self.times_come_first() => Positions { value: Some(3), time: Some(2), ..at },
            _ => at,
        }
    }
}

/// Whether a cell may be read as a rating or as a moment.
fn is_number(cell: &str) -> bool {
    parse_value(cell).is_ok() || parse_time(cell).is_ok()
}

/// Whether a number is no rating but a moment: too large, or a date such as 20170615.
pub(super) fn is_time(cell: &str) -> bool {
    let is_date = |value: f64| value.fract() == 0.0 && date_of_number((1e3 * value) as i64).is_some();
    parse_value(cell).is_ok_and(|value| value.is_some_and(|value| value >= A_TIME || is_date(value)))
}

/// The delimiter: as configured, else as the file itself names it, else the commonest candidate of the first line.
pub(super) fn delimiter_of(input: &mut Input, configured: Option<char>) -> Result<u8, DataError> {
    if let Some(delimiter) = configured {
        return u8::try_from(delimiter).ok().filter(|&byte| may_part(byte)).ok_or_else(|| {
            let what = format!("{delimiter:?} cannot part cells; give one ASCII character such as ',' or '\\t'");
            DataError::config("data.domains.delimiter", what)
        });
    }
    match input.separator() {
        Some(named) => Ok(named),
        None => Ok(guess(input.first_line()?)),
    }
}

/// Whether a byte may part cells.
pub(super) fn may_part(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'"')
}

/// The commonest candidate for a delimiter of a line.
pub(super) fn guess(line: &[u8]) -> u8 {
    let count = |delimiter: u8| line.split(|&b| b == delimiter).count();
    // Of equal counts the first candidate wins; spaces part cells only where nothing else does.
    let found = b"\t,;|".iter().copied().rev().max_by_key(|&d| count(d)).filter(|&d| count(d) > 1);
    found.unwrap_or(if count(b' ') > 1 { b' ' } else { b',' })
}

/// The records of a table, the first one included.
pub(super) fn rows(mut input: Input, delimiter: u8) -> Result<Rows, DataError> {
    // Where the first two lines of a tab-separated file quote no cell, a quote is a letter, as in the names of artists; and
    // atomic files never quote.
    let quotes = delimiter != b'\t' || {
        let head = String::from_utf8_lossy(input.peek()?);
        let lines = head.lines().filter(|line| !line.trim().is_empty());
        let atomic = lines.clone().next().is_some_and(|first| recbole::is_header(first.split('\t')));
        !atomic && lines.take(2).any(quotes_cells)
    };
    Rows::new(input, Style { delimiter, quotes, escape: None })
}

/// Whether a tab-separated line has a cell in quotes.
pub(super) fn quotes_cells(line: &str) -> bool {
    let quoted = |cell: &str| cell.len() > 1 && cell.starts_with('"') && cell.ends_with('"');
    line.trim_end_matches('\r').split('\t').any(quoted)
}

fn take(
    record: &csv::ByteRecord,
    at: Positions,
    (chosen, layout, delimiter): (&Chosen<'_>, &Layout, u8),
    log: &mut RawLog,
) -> Result<(), Reason> {
    let cell = |position: usize| -> Result<&str, Reason> {
        match std::str::from_utf8(cell_of(record, position)?) {
            Ok(cell) => Ok(cell.trim()),
            Err(_) => Err(format!("column {position} is not UTF-8 text").into()),
        }
    };
    for (position, values) in chosen.iter() {
        if !values.contains(cell(position)?) {
            return Ok(());
        }
    }
    let id = |position: usize| match cell(position)? {
        swallowed if swallowed.contains('\n') && swallowed.contains(char::from(delimiter)) => {
            Err(Reason::from("has an id with an end of line and a delimiter in it; is a quote left open?"))
        }
        id => Ok(id),
    };
    let value = at.value.map_or(Ok(Some(1.0)), |c| parse_value(cell(c)?))?;
    let time = at.time.map_or(Ok(None), |c| parse_time(cell(c)?))?;
    log.push(id(at.user)?, id(at.item)?, layout.rated(value), time);
    Ok(())
}
