//! A raw log in memory: interned ids and columns, never the text of a file.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Distinct strings in order of first appearance, in one buffer.
#[derive(Debug, Clone, Default)]
pub struct Names {
    text: String,
    ends: Vec<usize>,
    /// Open addressing with linear probing: id + 1, or 0.
    slots: Vec<u32>,
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
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash(name) as usize & mask;
        // At most half of the slots are taken, so an empty one ends the search.
        loop {
            match self.slots[slot] {
                0 => return None,
                taken if self.get(taken - 1) == name => return Some(taken - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    /// The id of `name`, a new one where it is new.
    pub fn intern(&mut self, name: &str) -> u32 {
        if (self.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash(name) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => {
                    let id = self.len() as u32;
                    self.text.push_str(name);
                    self.ends.push(self.text.len());
                    self.slots[slot] = id + 1;
                    return id;
                }
                taken if self.get(taken - 1) == name => return taken - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(1 << 10);
        let mut slots = vec![0; size];
        for id in 0..self.len() as u32 {
            let mut slot = hash(self.get(id)) as usize & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = id + 1;
        }
        self.slots = slots;
    }
}

fn hash(name: &str) -> u64 {
    // SipHash with fixed keys: the table's order never shows, so a fixed key costs no determinism and saves a state.
    BuildHasherDefault::<DefaultHasher>::default().hash_one(name)
}

/// Interactions as read: one row per event, ids interned in order of first appearance.
#[derive(Debug, Clone, Default)]
pub struct RawLog {
    /// External user ids.
    pub users: Names,
    /// External item ids.
    pub items: Names,
    /// User of each row.
    pub user: Vec<u32>,
    /// Item of each row.
    pub item: Vec<u32>,
    /// Value of each row; where the row lacks one it is listed in [`RawLog::valueless`] and 1 stands here.
    pub value: Vec<f32>,
    /// Unix seconds of each row, if any row has a time; rows without are listed in [`RawLog::timeless`].
    pub time: Option<Vec<i64>>,
    /// Rows whose format has a value where this row has none, rising.
    pub valueless: Vec<u32>,
    /// Rows without a time in a log with times, rising.
    pub timeless: Vec<u32>,
    /// Rows without user or item: counted, not kept.
    pub nameless: u64,
}

impl RawLog {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.user.len()
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.user.is_empty()
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
        let row = self.user.len();
        let item = self.items.intern(item);
        self.user.push(user);
        self.item.push(item);
        self.value.push(value.unwrap_or(1.0));
        if value.is_none() {
            self.valueless.push(row as u32);
        }
        match (&mut self.time, time) {
            (Some(times), Some(time)) => times.push(time),
            (Some(times), None) => {
                times.push(0);
                self.timeless.push(row as u32);
            }
            (none, Some(time)) => {
                let mut times = vec![0; row];
                times.push(time);
                self.timeless = (0..row as u32).collect();
                *none = Some(times);
            }
            (None, None) => {}
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

    #[test]
    fn missing_cells_are_remembered_not_invented() {
        let mut log = RawLog::default();
        log.push("u", "a", Some(3.0), None);
        log.push("u", "b", None, Some(7));
        log.push("", "b", Some(1.0), Some(8));
        log.push("v", "a", Some(2.0), None);
        assert_eq!((log.len(), log.nameless), (3, 1));
        assert_eq!((log.valueless, log.timeless), (vec![1], vec![0, 2]));
        assert_eq!(log.time, Some(vec![0, 7, 0]));
    }
}
