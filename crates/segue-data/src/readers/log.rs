//! A raw log in memory: interned ids and columns, never the text of a file.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::DataError;
use crate::spill::{Blocks, Spill, block, put};

/// Distinct strings in order of first appearance, in one buffer.
#[derive(Debug, Clone, Default)]
pub struct Names {
    text: String,
    ends: Vec<usize>,
    /// Open addressing with linear probing: id + 1 in the lower half and the upper half of the hash above it, or 0.
    slots: Vec<u64>,
}

impl Names {
    /// Number of distinct strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string of an id. Panics if `id >= len()`.
    pub fn get(&self, id: u32) -> &str {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.text[start..self.ends[id]]
    }

    /// All strings by id.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|id| self.get(id))
    }

    /// The id of `name`, if it is known.
    pub fn find(&self, name: &str) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        self.probe(name, hash(name)).ok()
    }

    /// The id of `name`, a new one where it is new.
    pub fn intern(&mut self, name: &str) -> u32 {
        if (self.len() + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let hash = hash(name);
        self.probe(name, hash).unwrap_or_else(|slot| {
            let id = self.len() as u32;
            self.text.push_str(name);
            self.ends.push(self.text.len());
            self.slots[slot] = (hash & UPPER) | (u64::from(id) + 1);
            id
        })
    }

    /// The id of a name, or the slot where it belongs. At most three of four slots are taken, so an empty one ends the
    /// search.
    fn probe(&self, name: &str, hash: u64) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                taken if taken & UPPER == hash & UPPER && self.get(taken as u32 - 1) == name => {
                    return Ok(taken as u32 - 1);
                }
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(1 << 6);
        let mut slots = vec![0; size];
        for id in 0..self.len() as u32 {
            let hash = hash(self.get(id));
            let mut slot = hash as usize & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = (hash & UPPER) | (u64::from(id) + 1);
        }
        self.slots = slots;
    }
}

const UPPER: u64 = !0 << 32;

/// A fixed seed: the order of the table never shows, and equal runs cost the same.
fn hash(name: &str) -> u64 {
    FixedState::with_seed(0).hash_one(name)
}

/// Interactions as read: one row per event, ids interned in order of first appearance.
#[derive(Debug, Default)]
pub struct RawLog {
    /// External user ids.
    pub users: Names,
    /// External item ids.
    pub items: Names,
    /// The events.
    pub rows: RawRows,
    /// Rows without user or item: counted, not kept.
    pub nameless: u64,
}

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
        (users, items): (Names, Names),
        (len, timed): (usize, bool),
    ) -> Option<Self> {
        let mut rows = RawRows::default();
        (rows.len, rows.timed) = (len, timed);
        rows.away = Some(Away { spill, file, n: len });
        let mut n = 0;
        rows.each(|row| n += usize::from((row.user as usize) < users.len() && (row.item as usize) < items.len()))
            .ok()?;
        (n == len).then_some(Self { users, items, rows, nameless: 0 })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends one event; an empty user or item is only counted.
    pub fn push(&mut self, user: &str, item: &str, value: Option<f32>, time: Option<i64>) {
        if user.is_empty() || item.is_empty() {
            self.nameless += 1;
            return;
        }
        let user = self.users.intern(user);
        self.push_of(user, item, value, time);
    }

    /// Appends one event of an interned user.
    pub fn push_of(&mut self, user: u32, item: &str, value: Option<f32>, time: Option<i64>) {
        let item = self.items.intern(item);
        self.rows.push(RawRow { user, item, value, time });
    }
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
    /// Unix seconds.
    pub time: Option<i64>,
}

/// Rows per block: what is held, spilled and read at a time.
const BLOCK: usize = 1 << 16;
const HAS_VALUE: u8 = 1;
const HAS_TIME: u8 = 2;

/// Rows in the order of the file, in memory as far as there is room.
#[derive(Debug, Default)]
pub struct RawRows {
    held: Vec<Columns>,
    away: Option<Away>,
    len: usize,
    timed: bool,
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

    fn rows(&self) -> impl Iterator<Item = RawRow> {
        (0..self.user.len()).map(|n| RawRow {
            user: self.user[n],
            item: self.item[n],
            value: (self.has[n] & HAS_VALUE != 0).then_some(self.value[n]),
            time: (self.has[n] & HAS_TIME != 0).then_some(self.time[n]),
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = block(self.user.len());
        out.reserve(self.user.len() * Self::ROW);
        put(&mut out, &self.user, |id| id.to_le_bytes());
        put(&mut out, &self.item, |id| id.to_le_bytes());
        put(&mut out, &self.value, |value| value.to_le_bytes());
        put(&mut out, &self.time, |time| time.to_le_bytes());
        put(&mut out, &self.has, |&has| [has]);
        out
    }

    fn read(blocks: &mut Blocks) -> Result<Option<Self>, DataError> {
        let Some(n) = blocks.next()? else { return Ok(None) };
        let mut columns = Self::default();
        blocks.column(n, &mut columns.user, u32::from_le_bytes)?;
        blocks.column(n, &mut columns.item, u32::from_le_bytes)?;
        blocks.column(n, &mut columns.value, f32::from_le_bytes)?;
        blocks.column(n, &mut columns.time, i64::from_le_bytes)?;
        blocks.column(n, &mut columns.has, |[has]| has)?;
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
        self.timed |= row.time.is_some();
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
        if let Some(away) = self.away.as_ref().filter(|away| away.n > 0) {
            let mut blocks = away.spill.read(&away.file)?;
            while let Some(columns) = Columns::read(&mut blocks)? {
                columns.rows().for_each(&mut take);
            }
        }
        self.held.iter().flat_map(Columns::rows).for_each(take);
        Ok(())
    }

    /// Hands out every row and gives back its room.
    pub(crate) fn drain(mut self, mut take: impl FnMut(RawRow)) -> Result<(), DataError> {
        let held = std::mem::take(&mut self.held);
        self.each(&mut take)?;
        if let Some(away) = self.away.as_ref().filter(|away| away.n > 0 && !away.spill.keeps()) {
            away.spill.remove(&away.file);
        }
        for columns in held {
            columns.rows().for_each(&mut take);
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

    #[test]
    fn names_keep_their_ids_through_growth() {
        let mut names = Names::default();
        for round in 0..2 {
            for n in 0..5000_u32 {
                assert_eq!(names.intern(&format!("user {n}")), n, "round {round}");
            }
        }
        assert_eq!((names.len(), names.get(4999)), (5000, "user 4999"));
        assert_eq!((names.find("user 7"), names.find("user"), Names::default().find("")), (Some(7), None, None));
    }

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
        log.push("", "b", Some(1.0), Some(8));
        let found = [
            RawRow { user: 0, item: 0, value: Some(3.0), time: None },
            RawRow { user: 0, item: 1, value: None, time: Some(7) },
        ];
        assert_eq!((log.len(), log.nameless, log.rows.timed(), rows(&log)), (2, 1, true, found.to_vec()));
    }

    #[test]
    fn rows_that_leave_memory_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        // Room for one block.
        let spill = Arc::new(Spill::new(BLOCK * Columns::ROW, dir.path().join("spill")).unwrap());
        let mut log = RawLog::spilling(Arc::clone(&spill), "log".into());
        let n = BLOCK as i64 * 5 + 3;
        (0..n).for_each(|n| log.push("u", &(n % 7).to_string(), (n % 3 > 0).then_some(n as f32), Some(n)));
        log.rows.check().unwrap();
        assert!(spill.written() > 0);
        let times: Vec<i64> = rows(&log).iter().filter_map(|row| row.time).collect();
        assert_eq!((log.len() as i64, times), (n, (0..n).collect()));
    }
}
