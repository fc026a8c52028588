//! Dense ids and their external names.

use std::cmp::Ordering;

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
    let is_number =
        |s: &str| s.bytes().all(|c| c.is_ascii_digit()) && !s.is_empty() && (s == "0" || !s.starts_with('0'));
    match (is_number(a), is_number(b)) {
        (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
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
        let mut map = Self::default();
        for id in &ids {
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
    pub fn iter(&self) -> impl Iterator<Item = &str> {
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
    }
}
