//! A dense row-major matrix of `f32`.

use crate::seed::Stream;

/// `n_rows × n_cols`, row-major; a row is one embedding.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    n_rows: usize,
    n_cols: usize,
    data: Vec<f32>,
}

impl Matrix {
    /// All zeros.
    pub fn zeros(n_rows: usize, n_cols: usize) -> Self {
        Self { n_rows, n_cols, data: vec![0.0; n_rows * n_cols] }
    }

    /// Wraps `data`, whose length must be `n_rows * n_cols` (panics otherwise: an internal invariant).
    pub fn from_vec(n_rows: usize, n_cols: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), n_rows * n_cols, "a matrix of {n_rows} x {n_cols}");
        Self { n_rows, n_cols, data }
    }

    /// Independent normal entries of the given standard deviation.
    pub fn normal(n_rows: usize, n_cols: usize, deviation: f32, stream: &mut Stream) -> Self {
        let data = (0..n_rows * n_cols).map(|_| deviation * stream.normal() as f32).collect();
        Self { n_rows, n_cols, data }
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.n_cols..(row + 1) * self.n_cols]
    }

    /// Some rows, one behind the other.
    pub fn gathered(&self, rows: &[u32]) -> Vec<f32> {
        let mut all = Vec::with_capacity(rows.len() * self.n_cols);
        for &row in rows {
            all.extend_from_slice(self.row(row as usize));
        }
        all
    }

    /// One row, mutable.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.n_cols..(row + 1) * self.n_cols]
    }

    /// Rows `range`, contiguous.
    pub fn rows(&self, range: std::ops::Range<usize>) -> &[f32] {
        &self.data[range.start * self.n_cols..range.end * self.n_cols]
    }

    /// All entries, row by row.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// All entries, mutable.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The entries, without the shape.
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }
}
