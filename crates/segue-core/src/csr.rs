//! Compressed sparse rows.

use std::ops::Range;

/// Why three arrays are not a sparse matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Row pointers do not start at 0, descend, or do not end at the number of entries.
    #[error("row pointers of a sparse matrix must rise from 0 to {entries}, the number of its entries")]
    Pointers {
        /// Number of stored entries.
        entries: usize,
    },
    /// A column is out of range or not above its left neighbour.
    #[error("row {row} of a sparse matrix: column {column} is not below {n_cols} or not above its left neighbour")]
    Column {
        /// The row.
        row: usize,
        /// The offending column.
        column: u32,
        /// Number of columns.
        n_cols: usize,
    },
}

/// A sparse matrix of `n_rows × n_cols`; the columns of each row rise strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csr<V> {
    n_cols: usize,
    row_ptr: Vec<usize>,
    cols: Vec<u32>,
    values: Vec<V>,
}

impl<V: Copy> Csr<V> {
    /// Checks and wraps the three arrays; `row_ptr` has `n_rows + 1` entries.
    pub fn new(n_cols: usize, row_ptr: Vec<usize>, cols: Vec<u32>, values: Vec<V>) -> Result<Self, CsrError> {
        let rises = row_ptr.windows(2).all(|w| w[0] <= w[1]);
        if row_ptr.first() != Some(&0) || !rises || row_ptr.last() != Some(&cols.len()) || cols.len() != values.len() {
            return Err(CsrError::Pointers { entries: cols.len() });
        }
        for (row, w) in row_ptr.windows(2).enumerate() {
            let mut floor = 0_usize;
            for &column in &cols[w[0]..w[1]] {
                if (column as usize) < floor || column as usize >= n_cols {
                    return Err(CsrError::Column { row, column, n_cols });
                }
                floor = column as usize + 1;
            }
        }
        Ok(Self { n_cols, row_ptr, cols, values })
    }

    /// Builds from rows of (column, value) in any order; of equal columns the last wins.
    pub fn from_rows(n_cols: usize, rows: Vec<Vec<(u32, V)>>) -> Result<Self, CsrError> {
        let mut row_ptr = Vec::with_capacity(rows.len() + 1);
        row_ptr.push(0);
        let (mut cols, mut values) = (Vec::new(), Vec::new());
        for mut row in rows {
            row.sort_by_key(|&(column, _)| column);
            for (n, &(column, value)) in row.iter().enumerate() {
                if row.get(n + 1).is_none_or(|next| next.0 != column) {
                    cols.push(column);
                    values.push(value);
                }
            }
            row_ptr.push(cols.len());
        }
        Self::new(n_cols, row_ptr, cols, values)
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.row_ptr.len() - 1
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Number of stored entries.
    pub fn len(&self) -> usize {
        self.cols.len()
    }

    /// True if nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.cols.is_empty()
    }

    /// Columns and values of one row.
    pub fn row(&self, row: usize) -> (&[u32], &[V]) {
        let range = self.range(row);
        (&self.cols[range.clone()], &self.values[range])
    }

    /// Columns of one row, rising.
    pub fn cols_of(&self, row: usize) -> &[u32] {
        &self.cols[self.range(row)]
    }

    /// Where a row's entries stand in [`Csr::cols`] and [`Csr::values`].
    pub fn range(&self, row: usize) -> Range<usize> {
        self.row_ptr[row]..self.row_ptr[row + 1]
    }

    /// Row pointers, `n_rows + 1`.
    pub fn row_ptr(&self) -> &[usize] {
        &self.row_ptr
    }

    /// All columns, row by row.
    pub fn cols(&self) -> &[u32] {
        &self.cols
    }

    /// All values, row by row.
    pub fn values(&self) -> &[V] {
        &self.values
    }

    /// Mutable values: the pattern is fixed, the numbers are not.
    pub fn values_mut(&mut self) -> &mut [V] {
        &mut self.values
    }

    /// True if `(row, column)` is stored.
    pub fn contains(&self, row: usize, column: u32) -> bool {
        self.cols_of(row).binary_search(&column).is_ok()
    }

    /// The transpose, by one counting pass.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut row_ptr = vec![0_usize; self.n_cols + 1];
        for &column in &self.cols {
            row_ptr[column as usize + 1] += 1;
        }
        for i in 0..self.n_cols {
            row_ptr[i + 1] += row_ptr[i];
        }
        let mut next = row_ptr.clone();
        let mut cols = vec![0_u32; self.len()];
        let mut source = vec![0_usize; self.len()];
        for row in 0..self.n_rows() {
            for entry in self.range(row) {
                let slot = &mut next[self.cols[entry] as usize];
                cols[*slot] = row as u32;
                source[*slot] = entry;
                *slot += 1;
            }
        }
        let values = source.iter().map(|&entry| self.values[entry]).collect();
        Self { n_cols: self.n_rows(), row_ptr, cols, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_arrays_are_refused() {
        assert!(matches!(Csr::new(2, vec![0, 1], vec![2], vec![1.0]), Err(CsrError::Column { row: 0, column: 2, .. })));
        assert!(matches!(Csr::new(3, vec![0, 2], vec![1, 1], vec![1, 1]), Err(CsrError::Column { .. })));
        assert!(matches!(Csr::new(2, vec![0, 2], vec![1], vec![1.0]), Err(CsrError::Pointers { .. })));
    }

    proptest::proptest! {
        #[test]
        fn transposing_twice_is_the_identity(rows in proptest::collection::vec(
            proptest::collection::vec((0_u32..9, 0_i32..100), 0..12), 1..12)) {
            let m = Csr::from_rows(9, rows).unwrap();
            let t = m.transpose();
            for row in 0..m.n_rows() {
                for &column in m.cols_of(row) {
                    proptest::prop_assert!(t.contains(column as usize, row as u32));
                }
            }
            proptest::prop_assert_eq!(t.transpose(), m);
        }
    }
}
