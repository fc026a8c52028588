//! Names and the numbers that stand for them while a log is read.

use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::FixedState;

/// Distinct strings in order of first appearance, and how often rows name them.
#[derive(Debug, Clone, Default)]
pub struct Names {
    entries: Vec<Entry>,
    /// The names that are too long for their entries, one after the other.
    text: String,
    /// Open addressing with linear probing: id + 1 in the lower half and the upper half of the hash above it, or 0.
    slots: Vec<u64>,
}

/// A name and its count side by side, so that a row waits for memory once for both.
#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Short,
    met: u32,
}

impl Names {
    /// Number of distinct strings.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The string of an id. Panics if `id >= len()`.
    pub fn get(&self, id: u32) -> &str {
        self.entries[id as usize].name.text(&self.text)
    }

    /// All strings by id.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        self.entries.iter().map(|entry| entry.name.text(&self.text))
    }

    /// How many rows name each string, by id.
    pub(crate) fn met(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().map(|entry| entry.met)
    }

    /// Counts a row of `id`. Panics if `id >= len()`.
    pub(super) fn meet(&mut self, id: u32) {
        self.entries[id as usize].met += 1;
    }

    /// The id of `name`, if it is known.
    pub fn find(&self, name: &str) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        self.probe(hash(name), |id| self.get(id) == name).ok()
    }

    /// The id of `name`, a new one where it is new.
    pub fn intern(&mut self, name: &str) -> u32 {
        self.intern_hashed(name, hash(name))
    }

    fn intern_hashed(&mut self, name: &str, hash: u64) -> u32 {
        if (self.len() + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.probe(hash, |id| self.get(id) == name).unwrap_or_else(|slot| {
            let id = self.len() as u32;
            self.entries.push(Entry { name: Short::of(name, &mut self.text), met: 0 });
            self.slots[slot] = (hash & UPPER) | (u64::from(id) + 1);
            id
        })
    }

    /// The ids of a batch, new ones in its order, in `ids`, and a row counted for each. One after the other, each name waits
    /// for memory twice where the names are many; here each of the two steps is taken for the whole batch, and its waits
    /// overlap.
    pub(super) fn intern_batch(&mut self, batch: &mut Batch) {
        let Batch { text, places, ids } = batch;
        if self.slots.is_empty() {
            self.grow();
        }
        // By the upper halves of the hashes alone, which tell most names apart.
        ids.clear();
        ids.extend(places.iter().map(|place| self.probe(place.hash, |_| true).map_or(0, |id| id + 1)));
        for (place, &taken) in places.iter_mut().zip(&*ids) {
            if taken > 0 {
                place.known = self.entries[taken as usize - 1].name;
            }
        }
        // The others are new, or come after one of an equal upper half.
        for (place, id) in places.iter().zip(ids) {
            let same = *id > 0 && place.known.is(&place.name, (&self.text, text));
            *id = if same { *id - 1 } else { self.intern_hashed(place.name.text(text), place.hash) };
            self.meet(*id);
        }
    }

    /// The first id of this upper half that is the one sought, or the slot where it belongs. At most three of four slots are
    /// taken, so an empty one ends the search.
    fn probe(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                taken if taken & UPPER == hash & UPPER && is_it(taken as u32 - 1) => return Ok(taken as u32 - 1),
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

/// A name, or where it is in a text if it is long. The last byte is the length of a short one, or [`Short::LONG`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Short([u8; 20]);

impl Short {
    const ROOM: usize = 19;
    const LONG: u8 = u8::MAX;
    const EMPTY: Self = Self([0; 20]);

    /// `name`, put into `text` if it is long.
    fn of(name: &str, text: &mut String) -> Self {
        let mut bytes = [0; 20];
        if name.len() <= Self::ROOM {
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            bytes[Self::ROOM] = name.len() as u8;
        } else {
            bytes[..8].copy_from_slice(&(text.len() as u64).to_le_bytes());
            bytes[8..16].copy_from_slice(&(name.len() as u64).to_le_bytes());
            bytes[Self::ROOM] = Self::LONG;
            text.push_str(name);
        }
        Self(bytes)
    }

    /// Where in the text a long name is.
    fn place(&self) -> Option<Range<usize>> {
        (self.0[Self::ROOM] == Self::LONG).then(|| {
            let (numbers, _) = self.0.as_chunks();
            let [start, len] = [numbers[0], numbers[1]].map(|number| u64::from_le_bytes(number) as usize);
            start..start + len
        })
    }

    /// The name; `text` is where a long one was put.
    fn text<'a>(&'a self, text: &'a str) -> &'a str {
        match self.place() {
            Some(place) => &text[place],
            None => str::from_utf8(&self.0[..usize::from(self.0[Self::ROOM])]).unwrap_or_default(),
        }
    }

    /// Whether both are one name; `texts` is where long ones were put, its own first.
    fn is(&self, other: &Self, texts: (&str, &str)) -> bool {
        match (self.place(), other.place()) {
            (None, None) => self == other,
            (Some(own), Some(its)) => texts.0[own] == texts.1[its],
            _ => false,
        }
    }
}

/// Names that are looked up together, with repetitions.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The long ones.
    text: String,
    places: Vec<Place>,
    /// By place; of the last look-up.
    ids: Vec<u32>,
}

/// A name of a batch.
#[derive(Debug)]
struct Place {
    name: Short,
    hash: u64,
    /// The name that it may be.
    known: Short,
}

impl Batch {
    pub(super) fn push(&mut self, name: &str) {
        self.places.push(Place { name: Short::of(name, &mut self.text), hash: hash(name), known: Short::EMPTY });
    }

    /// The ids that [`Names::intern_batch`] found, by place.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
        self.ids.clear();
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

    proptest::proptest! {
        /// The same names get the same ids, one by one and in batches.
        #[test]
        fn a_batch_is_its_names_one_by_one(batches in proptest::collection::vec(
            proptest::collection::vec("[a-c]{0,3}|[a-z]{9,30}|ä{9,11}", 0..80), 0..6,
        )) {
            let (mut one_by_one, mut together, mut batch) = (Names::default(), Names::default(), Batch::default());
            for names in &batches {
                batch.clear();
                for name in names {
                    batch.push(name);
                }
                together.intern_batch(&mut batch);
                let expected: Vec<u32> = names.iter().map(|name| one_by_one.intern(name)).collect();
                proptest::prop_assert_eq!(batch.ids(), expected);
            }
            proptest::prop_assert!(one_by_one.iter().eq(together.iter()));
            let met = |name| batches.iter().flatten().filter(|other| *other == name).count() as u32;
            proptest::prop_assert!(together.iter().map(met).eq(together.met()));
        }
    }
}
