//! What items are made of, in the same words for every domain.

use crate::csr::Csr;
use crate::ids::{IdMap, ItemId};

/// Features of items over one vocabulary: every item of every domain has a vector of the same length, 1 where a feature
/// is the item's and 0 elsewhere (multi-hot).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    names: IdMap,
    items: Csr<()>,
}

impl Features {
    /// `items` has a row per item and a column per name; `None` where it has another number of columns.
    pub fn new(names: IdMap, items: Csr<()>) -> Option<Self> {
        (items.n_cols() == names.len()).then_some(Self { names, items })
    }

    /// The vocabulary; the position of a name is its place in every vector.
    pub fn names(&self) -> &IdMap {
        &self.names
    }

    /// Which features each item has (`n_items × n_features`).
    pub fn items(&self) -> &Csr<()> {
        &self.items
    }

    /// The places of an item's features, rising.
    pub fn of(&self, item: ItemId) -> &[u32] {
        self.items.cols_of(item as usize)
    }

    /// The vector of an item, of length `names().len()`.
    pub fn multi_hot(&self, item: ItemId) -> Vec<f32> {
        let mut vector = vec![0.0; self.names.len()];
        self.of(item).iter().for_each(|&place| vector[place as usize] = 1.0);
        vector
    }

    /// The features of a range of items, over the same vocabulary.
    #[must_use]
    pub(crate) fn only(&self, items: std::ops::Range<ItemId>) -> Self {
        let rows = items.map(|item| self.of(item).iter().map(|&place| (place, ())).collect()).collect();
        match Csr::from_rows(self.names.len(), rows) {
            Ok(items) => Self { names: self.names.clone(), items },
            Err(error) => unreachable!("columns of a checked matrix stay valid: {error}"),
        }
    }
}
