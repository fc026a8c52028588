//! Row-sparse gradients of pairwise losses: a batch touches few rows, and a row's gradient is a short weighted sum of rows.
//!
//! Pairwise losses of dot products have gradients of the form `g_row = Σ coefficient · table[other]`. A batch is kept as
//! these [`Terms`], a few numbers each, instead of as vectors; grouping them by row and summing each group in the order of
//! the samples gives the same bits at any thread count, and nobody waits for a lock.

use crate::kernels::{axpy, gather_sum};
use rayon::prelude::*;

/// Rows per unit of parallel work: fixed, so that work never depends on the number of threads.
pub const ROWS_PER_TASK: usize = 64;

/// How many distinct rows `draws` draws are expected to meet, each with its share of a draw.
pub fn distinct(shares: impl Iterator<Item = f64>, draws: f64) -> f64 {
    shares.map(|share| -(draws * (-share.min(1.0)).ln_1p()).exp_m1()).sum()
}

/// The terms of a batch's gradient, in the order of its samples.
#[derive(Debug, Default)]
pub struct Terms {
    rows: Vec<u32>,
    others: Vec<u32>,
    coefficients: Vec<f32>,
    penalties: Vec<f32>,
}

impl Terms {
    /// Adds `coefficient · table[other]` to the gradient of `row`, and `penalty` to its share of the l2 term.
    #[inline]
    pub fn push(&mut self, row: u32, other: u32, coefficient: f32, penalty: f32) {
        self.rows.push(row);
        self.others.push(other);
        self.coefficients.push(coefficient);
        self.penalties.push(penalty);
    }

    /// Sums the terms of each row over `table`, whose rows are `d` wide.
    pub fn sum(&self, table: &[f32], d: usize) -> RowGradients {
        // Keys are unique, so that an unstable sort orders the terms of a row as the samples came.
        let mut keys: Vec<u64> = self.rows.iter().zip(0_u64..).map(|(&row, n)| u64::from(row) << 32 | n).collect();
        keys.sort_unstable();
        let term = |key: u64| (key & 0xFFFF_FFFF) as usize;
        let others: Vec<u32> = keys.iter().map(|&key| self.others[term(key)]).collect();
        let coefficients: Vec<f32> = keys.iter().map(|&key| self.coefficients[term(key)]).collect();

        let (mut rows, mut ends, mut penalties) = (Vec::new(), vec![0_usize], Vec::new());
        for group in keys.chunk_by(|a, b| a >> 32 == b >> 32) {
            rows.push((group[0] >> 32) as u32);
            penalties.push(group.iter().map(|&key| self.penalties[term(key)]).sum());
            ends.push(ends[ends.len() - 1] + group.len());
        }
        let mut data = vec![0.0_f32; rows.len() * d];
        data.par_chunks_mut(ROWS_PER_TASK * d.max(1)).enumerate().for_each(|(task, block)| {
            for (gradient, bounds) in block.chunks_exact_mut(d.max(1)).zip(ends[task * ROWS_PER_TASK..].windows(2)) {
                let range = bounds[0]..bounds[1];
                gather_sum(table, &others[range.clone()], &coefficients[range], gradient);
            }
        });
        RowGradients { rows, penalties, data, d }
    }
}

/// Gradients of the rows that a batch touched.
#[derive(Debug)]
pub struct RowGradients {
    /// Touched rows, rising.
    pub rows: Vec<u32>,
    /// Sum of the l2 shares of each.
    pub penalties: Vec<f32>,
    /// Gradients, `(rows.len(), d)`.
    pub data: Vec<f32>,
    d: usize,
}

impl RowGradients {
    /// Gradients of all rows of a table, `(n, d)`, none of which is held back.
    pub fn all(data: Vec<f32>, d: usize) -> Self {
        let n = data.len() / d.max(1);
        Self { rows: (0..n as u32).collect(), penalties: vec![0.0; n], data, d }
    }

    /// Adds gradients of rows that are all among these.
    pub fn add(&mut self, others: &Self) {
        let mut at = 0;
        for (n, &row) in others.rows.iter().enumerate() {
            at += self.rows[at..].partition_point(|&own| own < row);
            self.penalties[at] += others.penalties[n];
            axpy(1.0, &others.data[n * self.d..][..self.d], &mut self.data[at * self.d..][..self.d]);
        }
    }

    /// The gradients whose row lies in `range`: row, l2 share, gradient.
    pub fn within(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = (usize, f32, &[f32])> {
        let from = self.rows.partition_point(|&row| (row as usize) < range.start);
        let to = self.rows.partition_point(|&row| (row as usize) < range.end);
        (from..to).map(|n| (self.rows[n] as usize, self.penalties[n], &self.data[n * self.d..(n + 1) * self.d]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_draws_meet_few_rows() {
        assert!((distinct([0.5, 0.5].into_iter(), 2.0) - 1.5).abs() < 1e-12);
        assert!((distinct([1.0, 0.0].into_iter(), 3.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn few_rows_are_added_to_all() {
        let mut all = RowGradients::all(vec![1.0; 8], 2);
        let mut terms = Terms::default();
        terms.push(3, 0, 1.0, 0.5);
        terms.push(1, 0, 2.0, 1.0);
        all.add(&terms.sum(&[1.0, 10.0], 2));
        assert_eq!(all.data, [1.0, 1.0, 3.0, 21.0, 1.0, 1.0, 2.0, 11.0]);
        assert_eq!(all.penalties, [0.0, 1.0, 0.0, 0.5]);
    }

    #[test]
    fn terms_of_one_row_add_up() {
        let table = [1.0, 2.0, 10.0, 20.0];
        let mut terms = Terms::default();
        terms.push(7, 0, 1.0, 1.0);
        terms.push(2, 1, 0.5, 0.25);
        terms.push(7, 1, -1.0, 0.0);
        let sum = terms.sum(&table, 2);
        assert_eq!((&sum.rows[..], &sum.penalties[..]), (&[2, 7][..], &[0.25, 1.0][..]));
        assert_eq!(sum.data, [5.0, 10.0, -9.0, -18.0]);
        let found: Vec<_> = sum.within(3..8).collect();
        assert_eq!(found, [(7, 1.0, &[-9.0, -18.0][..])]);
        assert_eq!(sum.within(0..2).count(), 0);
    }
}
