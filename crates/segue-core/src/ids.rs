//! Dense ids and their external names.

use std::borrow::Cow;
use std::cmp::Ordering;

use rayon::prelude::*;

/// Dense index of a user, `0..n_users`; a person is the same row in every domain.
pub type UserId = u32;
/// Dense index of an item, `0..n_items`; each domain owns one contiguous range.
pub type ItemId = u32;
/// Position of a domain in its [`crate::Catalogue`].
pub type DomainId = usize;

/// The order of external ids: numbers by value, before everything else by bytes.
///
/// A number is a run of ASCII digits without a leading zero (or `0` itself), so that distinct ids never compare equal.
pub fn external_order(a: &str, b: &str) -> Ordering {
    match (is_number(a), is_number(b)) {
        (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

fn is_number(id: &str) -> bool {
    id.bytes().all(|c| c.is_ascii_digit()) && !id.is_empty() && (id == "0" || !id.starts_with('0'))
}

/// An id that is sorted by value where it is short, without a look at its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey([u64; 2]);

impl SortKey {
    /// Bytes of an id that a key holds.
    const SHORT: usize = 14;

    /// What decides [`external_order`] in most cases: less here is less there.
    fn of(id: &str) -> Self {
        // Numbers are below 2^127: by their length, then by their first digits; texts are above, by their first bytes.
        let kind = if is_number(id) { id.len().min(0x7f) as u8 } else { 0x80 };
        let mut bytes = [0; 16];
        bytes[0] = kind;
        // Of numbers with more digits than a byte tells, the first ones decide nothing.
        let shown = if kind == 0x7f { &[] } else { &id.as_bytes()[..id.len().min(Self::SHORT)] };
        bytes[1..=shown.len()].copy_from_slice(shown);
        // Where one id begins as the other, the shorter is less, and two short ones of equal keys are equal.
        bytes[15] = id.len().min(Self::SHORT + 1) as u8;
        let key = u128::from_be_bytes(bytes);
        Self([(key >> 64) as u64, key as u64])
    }

    /// True if the key holds the whole id.
    fn is_whole(self) -> bool {
        self.0[1] as u8 as usize <= Self::SHORT
    }
}

/// External ids in [`external_order`]; the position of an id is its dense id.
///
/// One string holds every id, so a million ids cost their bytes and eight bytes each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdMap {
    text: String,
    ends: Vec<usize>,
}

impl IdMap {
    /// Sorts and deduplicates `ids`.
    pub fn new<S: AsRef<str>>(mut ids: Vec<S>) -> Self {
        ids.sort_unstable_by(|a, b| external_order(a.as_ref(), b.as_ref()));
        ids.dedup_by(|a, b| (*a).as_ref() == (*b).as_ref());
        let bytes = ids.iter().map(|id| id.as_ref().len()).sum();
        Self::sized((ids.len(), bytes), ids.iter())
    }

    /// The ids of several lists as one map, and for each list the dense ids of its members in its order.
    ///
    /// `name(list, n)` is member `n` of a list of `sizes[list]` members. Twenty-four bytes a member are held beside the map.
    pub fn joined<'a>(sizes: &[usize], name: impl Fn(usize, u32) -> Cow<'a, str> + Sync) -> (Self, Vec<Vec<u32>>) {
        let members = sizes.iter().enumerate().flat_map(|(list, &n)| (0..n as u32).map(move |n| (list as u32, n)));
        let mut members: Vec<(SortKey, u32, u32)> = members.map(|(list, n)| (SortKey([0; 2]), list, n)).collect();
        let of = |&(_, list, n): &(SortKey, u32, u32)| name(list as usize, n);
        members.par_iter_mut().for_each(|member| member.0 = SortKey::of(&of(member)));
        let order = |a: &(SortKey, u32, u32), b: &(SortKey, u32, u32)| match a.0.cmp(&b.0) {
            Ordering::Equal if !a.0.is_whole() => external_order(&of(a), &of(b)),
            order => order,
        };
        members.par_sort_unstable_by(order);
        let mut dense: Vec<Vec<u32>> = sizes.iter().map(|&n| vec![0; n]).collect();
        let (mut n, mut bytes) = (0, 0);
        let mut same = |a: &(SortKey, u32, u32), b: &(SortKey, u32, u32)| order(a, b).is_eq();
        for ids in members.chunk_by(&mut same) {
            for &(_, list, member) in ids {
                dense[list as usize][member as usize] = n;
            }
            (n, bytes) = (n + 1, bytes + of(&ids[0]).len());
        }
        // The texts are still held by whoever names them: room for twice as many would be the peak of the whole work.
        let map = Self::sized((n as usize, bytes), members.chunk_by(same).map(|ids| of(&ids[0])));
        (map, dense)
    }

    /// The ids whose place in `kept` is true.
    #[must_use]
    pub fn only(&self, kept: &[bool]) -> Self {
        let of_kept = || self.iter().zip(kept).filter(|(_, kept)| **kept).map(|(id, _)| id);
        let (n, bytes) = of_kept().fold((0, 0), |(n, bytes), id| (n + 1, bytes + id.len()));
        Self::sized((n, bytes), of_kept())
    }

    /// So many ids of so many bytes, in order.
    fn sized((n, bytes): (usize, usize), ids: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let mut map = Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(n) };
        for id in ids {
            map.text.push_str(id.as_ref());
            map.ends.push(map.text.len());
        }
        map
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True if there is no id.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The external id of dense id `index`. Panics if `index >= len()`.
    pub fn external(&self, index: u32) -> &str {
        let index = index as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    /// The dense id of `external`, by binary search.
    pub fn find(&self, external: &str) -> Option<u32> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match external_order(self.external(middle as u32), external) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(middle as u32),
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// All external ids in dense order.
    pub fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len() as u32).map(|i| self.external(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_value_and_before_words() {
        let map = IdMap::new(vec!["b", "10", "9", "a", "010", "9"]);
        assert_eq!(map.iter().collect::<Vec<_>>(), ["9", "10", "010", "a", "b"]);
        assert_eq!(map.find("10"), Some(1));
        assert_eq!(map.find("11"), None);
    }

    proptest::proptest! {
        #[test]
        fn every_id_is_found_where_it_stands(ids in proptest::collection::vec("[0-9a-z]{0,4}", 0..40)) {
            let map = IdMap::new(ids.clone());
            for id in &ids {
                let index = map.find(id).unwrap();
                proptest::prop_assert_eq!(map.external(index), id.as_str());
            }
            proptest::prop_assert_eq!(map.find("zzzzz"), None);
        }

        #[test]
        fn joined_lists_are_one_map(lists in proptest::collection::vec(
            proptest::collection::vec("[0-9]{0,18}|(a{11,13})?[0-9a-b\0\u{80}-\u{81}]{0,4}|1[0-9]{125,130}", 0..20), 0..4,
        )) {
            let sizes: Vec<usize> = lists.iter().map(Vec::len).collect();
            let (map, dense) = IdMap::joined(&sizes, |list, n| lists[list][n as usize].as_str().into());
            proptest::prop_assert_eq!(&map, &IdMap::new(lists.concat()));
            for (list, dense) in lists.iter().zip(&dense) {
                let found: Vec<u32> = list.iter().map(|id| map.find(id).unwrap()).collect();
                proptest::prop_assert_eq!(dense, &found);
            }
        }
    }
}
