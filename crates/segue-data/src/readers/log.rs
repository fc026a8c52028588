//! A raw log in memory: interned ids and columns, never the text of a file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::names::{Batch, Names};
use super::session::date_of_number;
use crate::DataError;
use crate::spill::{Blocks, Spill, block, put, time_cell, time_of, value_of};

/// Interactions as read: one row per event, ids interned in order of first appearance.
#[derive(Debug, Default)]
pub struct RawLog {
    /// External user ids.
    pub users: Names,
    /// External item ids.
    pub items: Names,
    /// The events.
    pub rows: RawRows,
    /// Rows without user or item, or of which a word such as NULL says that there is none: counted, not kept.
    pub nameless: u64,
    /// Values that are whole numbers and are held as another one, for single precision lacks them.
    pub rounded: u64,
    pending: Pending,
}

/// Rows whose names have no numbers yet; see [`Names::intern_batch`].
#[derive(Debug, Default)]
struct Pending {
    users: Batch,
    items: Batch,
    rest: Vec<(Option<f32>, Option<i64>)>,
}

/// Rows whose names are looked up together.
const BATCH: usize = 256;

impl RawLog {
    /// A log whose rows may leave memory.
    pub(crate) fn spilling(spill: Arc<Spill>, file: String) -> Self {
        let mut log = Self::default();
        log.rows.away = Some(Away { spill, file, n: 0 });
        log
    }

    /// A log whose rows are all in a file; `None` where the file holds another number of them.
    pub(super) fn kept(
        spill: Arc<Spill>,
        file: String,
        (mut users, mut items): (Names, Names),
        (len, timed, (values, dates)): (usize, bool, (Values, Dates)),
    ) -> Option<Self> {
        let mut rows = RawRows::default();
        (rows.len, rows.timed, rows.values, rows.dates) = (len, timed, values, dates);
        rows.away = Some(Away { spill, file, n: len });
        let mut n = 0;
        let known = |row: RawRow| {
            if (row.user as usize) < users.len() && (row.item as usize) < items.len() {
                users.meet(row.user);
                items.meet(row.item);
                n += 1;
            }
        };
        rows.each(known).ok()?;
        (n == len).then_some(Self { users, items, rows, ..Self::default() })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends one event; one without user or item is only counted. [`Self::settle`] must follow the last one.
    pub fn push(&mut self, user: &str, item: &str, value: Option<f64>, time: Option<i64>) {
        if is_none(user) || is_none(item) {
            self.nameless += 1;
            return;
        }
        let value = value.map(|value| self.held(value));
        self.pending.users.push(user);
        self.pending.items.push(item);
        self.pending.rest.push((value, time));
        if self.pending.rest.len() == BATCH {
            self.settle();
        }
    }

    /// Numbers the names of the rows that wait for it.
    pub fn settle(&mut self) {
        let Pending { users, items, rest } = &mut self.pending;
        self.users.intern_batch(users);
        self.items.intern_batch(items);
        for ((&user, &item), (value, time)) in users.ids().iter().zip(items.ids()).zip(rest.drain(..)) {
            self.rows.push(RawRow { user, item, value, time });
        }
        users.clear();
        items.clear();
    }

    /// A value in single precision.
    fn held(&mut self, value: f64) -> f32 {
        self.rounded += u64::from(is_rounded(value));
        value as f32
    }

    /// The number of a user of whom `n_events` follow; `None` where the name says that there is none, whose events are only
    /// counted.
    pub fn user(&mut self, name: &str, n_events: usize) -> Option<u32> {
        if is_none(name) {
            self.nameless += n_events as u64;
            return None;
        }
        Some(self.users.intern(name))
    }

    /// Appends one event of an interned user, worth 1; one without item is only counted.
    pub fn push_of(&mut self, user: u32, item: &str, time: Option<i64>) {
        if is_none(item) {
            self.nameless += 1;
            return;
        }
        if !self.pending.rest.is_empty() {
            self.settle();
        }
        let item = self.items.intern(item);
        self.users.meet(user);
        self.items.meet(item);
        self.rows.push(RawRow { user, item, value: Some(1.0), time });
    }
}

/// Whether an id says that there is none, as programs write it where a cell cannot be empty.
fn is_none(id: &str) -> bool {
    matches!(id, "" | "NULL" | "null" | "None" | "\\N" | "NaN" | "nan")
}

/// Whether single precision makes another number of a whole one. Of a fraction its own is near enough; of a count it is
/// another count.
pub(crate) fn is_rounded(value: f64) -> bool {
    value.fract() == 0.0 && f64::from(value as f32) != value
}

/// What to tell of `n` numbers of a domain of which [`is_rounded`] holds; `of`: what they are, e.g. `sums`.
pub(crate) fn rounded_note(domain: &str, n: u64, of: &str) -> Option<String> {
    (n > 0).then(|| {
        format!(
            "{domain}: {n} {of} are whole numbers beyond 2^24 (16777216) that single precision lacks; the nearest that it has \
             stand for them"
        )
    })
}

/// One event as read; ids are those of its log's names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawRow {
    /// Who.
    pub user: u32,
    /// What.
    pub item: u32,
    /// `None` where the format has values and this row has none.
    pub value: Option<f32>,
    /// Unix milliseconds.
    pub time: Option<i64>,
}

/// Rows per block: what is held, spilled and read at a time.
const BLOCK: usize = 1 << 16;
const HAS_VALUE: u8 = 1;
const HAS_TIME: u8 = 2;

/// Whether lines of which each may have a value or none have some. Only the last of them tells, so what a line without one
/// is worth is settled when rows are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Values {
    /// Nobody asked: a row without a value lacks it.
    #[default]
    Unasked,
    /// No line had one: each is worth 1.
    None,
    /// Some line had one: those without it lack it.
    Some,
}

impl Values {
    /// Hears of one line.
    pub(super) fn told(&mut self, has_value: bool) {
        *self = self.and(if has_value { Self::Some } else { Self::None });
    }

    /// Of two parts of one log.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unasked, told) | (told, Self::Unasked) => told,
            (Self::None, Self::None) => Self::None,
            _ => Self::Some,
        }
    }
}

/// Whether times are dates written as numbers, such as 20170615, which would be August 1970 in seconds. Every row must
/// look so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Dates {
    /// No row had a time.
    #[default]
    Unasked,
    /// Every time was one.
    All,
    /// No time was one.
    None,
    /// Some were, and others not.
    Some,
}

impl Dates {
    /// Of two parts of one log.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unasked, told) | (told, Self::Unasked) => told,
            (one, other) if one == other => one,
            _ => Self::Some,
        }
    }
}

/// Rows in the order of the file, in memory as far as there is room.
#[derive(Debug, Default)]
pub struct RawRows {
    held: Vec<Columns>,
    away: Option<Away>,
    len: usize,
    timed: bool,
    values: Values,
    dates: Dates,
    /// Bytes taken of the room that is shared with other logs.
    counted: usize,
    fault: Option<DataError>,
}

/// The rows that left memory.
#[derive(Debug)]
struct Away {
    spill: Arc<Spill>,
    file: String,
    n: usize,
}

/// A block of rows; 21 bytes a row.
#[derive(Debug, Default)]
struct Columns {
    user: Vec<u32>,
    item: Vec<u32>,
    value: Vec<f32>,
    time: Vec<i64>,
    has: Vec<u8>,
}

impl Columns {
    const ROW: usize = 4 + 4 + 4 + 8 + 1;

    fn with_room() -> Self {
        let n = BLOCK;
        Self {
            user: Vec::with_capacity(n),
            item: Vec::with_capacity(n),
            value: Vec::with_capacity(n),
            time: Vec::with_capacity(n),
            has: Vec::with_capacity(n),
        }
    }

    fn rows(&self, (values, dates): (Values, Dates)) -> impl Iterator<Item = RawRow> {
        // Where there is none, 1 stands in its place.
        let all = values == Values::None;
        let moment = move |time| if dates == Dates::All { date_of_number(time).unwrap_or(time) } else { time };
        (0..self.user.len()).map(move |n| RawRow {
            user: self.user[n],
            item: self.item[n],
            value: (all || self.has[n] & HAS_VALUE != 0).then_some(self.value[n]),
            time: (self.has[n] & HAS_TIME != 0).then(|| moment(self.time[n])),
        })
    }

    /// Puts other numbers in place of the names' own: by column, so that waits for memory overlap.
    fn renumber(&mut self, users: &[u32], items: &[u32]) {
        self.user.iter_mut().for_each(|user| *user = users[*user as usize]);
        self.item.iter_mut().for_each(|item| *item = items[*item as usize]);
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = block(self.user.len());
        out.reserve(self.user.len() * Self::ROW);
        put(&mut out, &self.user, |&id| u64::from(id));
        put(&mut out, &self.item, |&id| u64::from(id));
        put(&mut out, &self.value, |value| u64::from(value.to_bits()));
        put(&mut out, &self.time, |&time| time_cell(time));
        put(&mut out, &self.has, |&has| u64::from(has));
        out
    }

    fn read(blocks: &mut Blocks) -> Result<Option<Self>, DataError> {
        let Some(n) = blocks.next()? else { return Ok(None) };
        let mut columns = Self::default();
        blocks.column(n, &mut columns.user, |id| id as u32)?;
        blocks.column(n, &mut columns.item, |id| id as u32)?;
        blocks.column(n, &mut columns.value, value_of)?;
        blocks.column(n, &mut columns.time, time_of)?;
        blocks.column(n, &mut columns.has, |has| has as u8)?;
        Ok(Some(columns))
    }
}

impl RawRows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True if some row has a time.
    pub fn timed(&self) -> bool {
        self.timed
    }

    /// Whether lines have values, where each may have one or none.
    pub(crate) fn values(&mut self) -> &mut Values {
        &mut self.values
    }

    /// Whether times are dates written as numbers.
    pub(crate) fn dates(&mut self) -> &mut Dates {
        &mut self.dates
    }

    fn push(&mut self, row: RawRow) {
        if self.held.last().is_none_or(|columns| columns.user.len() == BLOCK) {
            self.make_room();
        }
        let Some(columns) = self.held.last_mut() else { return };
        columns.user.push(row.user);
        columns.item.push(row.item);
        columns.value.push(row.value.unwrap_or(1.0));
        columns.time.push(row.time.unwrap_or(0));
        columns.has.push(HAS_VALUE * u8::from(row.value.is_some()) + HAS_TIME * u8::from(row.time.is_some()));
        if let Some(time) = row.time {
            self.timed = true;
            let told = if date_of_number(time).is_some() { Dates::All } else { Dates::None };
            self.dates = self.dates.and(told);
        }
        self.len += 1;
    }

    /// Begins a block. Where there is no room for it, those before it go away; a failure is told by [`Self::check`].
    fn make_room(&mut self) {
        let Some(away) = &self.away else { return self.held.push(Columns::default()) };
        if away.spill.hold(BLOCK * Columns::ROW) {
            self.counted += BLOCK * Columns::ROW;
        } else if let Err(error) = self.send_away() {
            self.fault.get_or_insert(error);
        }
        // One block there must be, whether or not there is room for it.
        self.held.push(if self.len == 0 { Columns::default() } else { Columns::with_room() });
    }

    /// Writes the held blocks to the file.
    pub(super) fn send_away(&mut self) -> Result<(), DataError> {
        let Some(away) = &mut self.away else { return Ok(()) };
        for columns in self.held.drain(..).filter(|_| self.fault.is_none()) {
            away.n += columns.user.len();
            away.spill.write(&away.file, &columns.bytes(), false)?;
        }
        away.spill.release(std::mem::take(&mut self.counted));
        Ok(())
    }

    /// Whether all rows are there.
    pub(crate) fn check(&mut self) -> Result<(), DataError> {
        self.fault.take().map_or(Ok(()), Err)
    }

    /// Hands out every row, in order.
    pub fn each(&self, mut take: impl FnMut(RawRow)) -> Result<(), DataError> {
        let told = (self.values, self.dates);
        self.away_blocks(|columns| columns.rows(told).for_each(&mut take))?;
        self.held.iter().flat_map(|columns| columns.rows(told)).for_each(take);
        Ok(())
    }

    /// Hands out every row by the numbers that `users` and `items` have for its own, and gives back its room.
    pub(crate) fn drain(
        mut self,
        (users, items): (&[u32], &[u32]),
        mut take: impl FnMut(RawRow),
    ) -> Result<(), DataError> {
        let (held, told) = (std::mem::take(&mut self.held), (self.values, self.dates));
        self.away_blocks(|mut columns| {
            columns.renumber(users, items);
            columns.rows(told).for_each(&mut take);
        })?;
        if let Some(away) = self.away.as_ref().filter(|away| away.n > 0 && !away.spill.keeps()) {
            away.spill.remove(&away.file);
        }
        for mut columns in held {
            columns.renumber(users, items);
            columns.rows(told).for_each(&mut take);
        }
        Ok(())
    }

    fn away_blocks(&self, mut take: impl FnMut(Columns)) -> Result<(), DataError> {
        if let Some(away) = self.away.as_ref().filter(|away| away.n > 0) {
            let mut blocks = away.spill.read(&away.file)?;
            while let Some(columns) = Columns::read(&mut blocks)? {
                take(columns);
            }
        }
        Ok(())
    }
}

impl Drop for RawRows {
    fn drop(&mut self) {
        if let Some(away) = &self.away {
            away.spill.release(self.counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(log: &RawLog) -> Vec<RawRow> {
        let mut rows = Vec::new();
        log.rows.each(|row| rows.push(row)).unwrap();
        rows
    }

    #[test]
    fn missing_cells_are_remembered_not_invented() {
        let mut log = RawLog::default();
        log.push("u", "a", Some(3.0), None);
        log.push("u", "b", None, Some(7));
        log.push("", "b", Some(16_777_217.0), Some(8));
        for none in ["NULL", "null", "None", "\\N", "NaN", "nan"] {
            log.push("u", none, Some(1.0), None);
        }
        log.settle();
        let found = [
            RawRow { user: 0, item: 0, value: Some(3.0), time: None },
            RawRow { user: 0, item: 1, value: None, time: Some(7) },
        ];
        assert_eq!((log.len(), log.nameless, log.rows.timed(), rows(&log)), (2, 7, true, found.to_vec()));
        assert_eq!(log.rounded, 0);
    }

    #[test]
    fn numbers_are_dates_where_every_one_of_them_is() {
        let times = |numbers: &[i64]| {
            let mut log = RawLog::default();
            for seconds in numbers {
                log.push("u", "a", None, Some(1_000 * seconds));
            }
            log.settle();
            rows(&log).iter().filter_map(|row| row.time).map(|time| time / 1_000).collect::<Vec<_>>()
        };
        assert_eq!(times(&[20_170_714, 19_700_102]), [1_499_990_400, 86_400]);
        // There is no 31st of June, and no month 13.
        for other in [20_170_631, 20_171_301, 18_991_231, 21_010_101, 0, 1_500_000_000] {
            assert_eq!(times(&[20_170_714, other]), [20_170_714, other]);
        }
    }

    #[test]
    fn whole_numbers_that_single_precision_lacks_are_counted() {
        let mut log = RawLog::default();
        for value in [0.1, 16_777_216.0, 16_777_217.0, -16_777_217.0, 16_777_218.0, 20_000_000.5, 1e30] {
            log.push("u", "a", Some(value), None);
        }
        log.settle();
        assert_eq!((log.len(), log.rounded), (7, 3));
        assert_eq!(rows(&log)[2].value, Some(16_777_216.0));
    }

    #[test]
    fn rows_that_leave_memory_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        // Room for one block.
        let spill = Arc::new(Spill::new(BLOCK * Columns::ROW, dir.path().join("spill")).unwrap());
        let mut log = RawLog::spilling(Arc::clone(&spill), "log".into());
        let n = BLOCK as i64 * 5 + 3;
        (0..n).for_each(|n| log.push("u", &(n % 7).to_string(), (n % 3 > 0).then_some(n as f64), Some(n)));
        log.settle();
        log.rows.check().unwrap();
        assert!(spill.written() > 0);
        let times: Vec<i64> = rows(&log).iter().filter_map(|row| row.time).collect();
        assert_eq!((log.len() as i64, times), (n, (0..n).collect()));
    }
}
