//! Names and the numbers that stand for them while a log is read.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

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
        let (start, end) = self.range(id);
        &self.text[start..end]
    }

    fn range(&self, id: u32) -> (usize, usize) {
        let id = id as usize;
        (if id == 0 { 0 } else { self.ends[id - 1] }, self.ends[id])
    }

    /// All strings by id.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len() as u32).map(|id| self.get(id))
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
            self.text.push_str(name);
            self.ends.push(self.text.len());
            self.slots[slot] = (hash & UPPER) | (u64::from(id) + 1);
            id
        })
    }

    /// The ids of a batch, new ones in its order, in `ids`. One after the other, each name waits for memory three times where
    /// the names are many; here each of the three steps is taken for the whole batch, and its waits overlap.
    pub(super) fn intern_batch(&mut self, batch: &mut Batch) {
        let Batch { text, places, ids } = batch;
        if self.slots.is_empty() {
            self.grow();
        }
        for place in &mut *places {
            place.hash = hash(&text[place.start..place.end]);
        }
        // By the upper halves of the hashes alone, which tell most names apart.
        ids.clear();
        ids.extend(places.iter().map(|place| self.probe(place.hash, |_| true).map_or(0, |id| id + 1)));
        for (place, &taken) in places.iter_mut().zip(&*ids) {
            place.known = if taken > 0 { self.range(taken - 1) } else { (0, 0) };
        }
        for (place, taken) in places.iter().zip(&mut *ids) {
            if self.text[place.known.0..place.known.1] != text[place.start..place.end] {
                *taken = 0;
            }
        }
        // The others are new, or come after one of an equal upper half.
        for (place, id) in places.iter().zip(ids) {
            let name = || &text[place.start..place.end];
            *id = id.checked_sub(1).unwrap_or_else(|| self.intern_hashed(name(), place.hash));
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

/// Names that are looked up together, with repetitions.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: String,
    places: Vec<Place>,
    /// By place; of the last look-up.
    ids: Vec<u32>,
}

/// A name of a batch.
#[derive(Debug)]
struct Place {
    start: usize,
    end: usize,
    hash: u64,
    /// Where the name is that it may be.
    known: (usize, usize),
}

impl Batch {
    pub(super) fn push(&mut self, name: &str) {
        let start = self.text.len();
        self.text.push_str(name);
        self.places.push(Place { start, end: self.text.len(), hash: 0, known: (0, 0) });
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
            proptest::collection::vec("[a-c]{0,3}|[a-z]{9,20}", 0..80), 0..6,
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
        }
    }
}
