//! Items carry the mean of the vectors of their features.

use segue_core::kernels::axpy;
use segue_core::training::rows::Terms;
use segue_core::{Catalogue, Csr, ItemId, Matrix};

/// Which features each item has; one column that nobody has if none count.
#[derive(Debug, Clone)]
pub(crate) struct ItemFeatures(Csr<()>);

impl ItemFeatures {
    /// Those of a catalogue, or none if they are not `wanted`.
    pub(crate) fn of(catalogue: &Catalogue, wanted: bool, n_items: usize) -> Self {
        match catalogue.features().filter(|features| wanted && !features.names().is_empty()) {
            Some(features) => Self(features.items().clone()),
            None => match Csr::from_rows(1, vec![Vec::new(); n_items]) {
                Ok(none) => Self(none),
                Err(error) => unreachable!("empty rows have no columns out of range: {error}"),
            },
        }
    }

    /// How many features there are, at least 1.
    pub(crate) fn len(&self) -> usize {
        self.0.n_cols()
    }

    /// Whether no item has any.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the mean of the vectors of an item's features.
    pub(crate) fn add_mean(&self, item: ItemId, vectors: &Matrix, out: &mut [f32]) {
        let own = self.0.cols_of(item as usize);
        for &feature in own {
            axpy(1.0 / own.len() as f32, vectors.row(feature as usize), out);
        }
    }

    /// The means of some items, `(n, d)`.
    pub(crate) fn means(&self, items: impl ExactSizeIterator<Item = ItemId>, vectors: &Matrix) -> Matrix {
        let mut means = Matrix::zeros(items.len(), vectors.n_cols());
        items.enumerate().for_each(|(n, item)| self.add_mean(item, vectors, means.row_mut(n)));
        means
    }

    /// What the gradients of some items' means, one behind the other, say of the vectors; `penalty` is each item's.
    pub(crate) fn terms<'a>(&self, items: impl Iterator<Item = &'a ItemId>, penalty: f32) -> Terms {
        let mut terms = Terms::default();
        for (&item, n) in items.zip(0..) {
            let own = self.0.cols_of(item as usize);
            let share = 1.0 / own.len() as f32;
            for &feature in own {
                terms.push(feature, n, share, penalty * share);
            }
        }
        terms
    }
}
