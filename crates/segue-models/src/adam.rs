//! Adam for embedding tables, dense and row-sparse.
//!
//! Diederik P. Kingma, Jimmy Ba: *Adam: A Method for Stochastic Optimization*, ICLR 2015,
//! <https://arxiv.org/abs/1412.6980>. With gradient `g` at step `t`:
//!
//! ```text
//! m ← β₁ m + (1 - β₁) g        v ← β₂ v + (1 - β₂) g²        θ ← θ - η / (1 - β₁ᵗ) · m / (√(v / (1 - β₂ᵗ)) + ε)
//! ```
//!
//! [`Adam::step`] on every row is the dense form. [`LazyAdam`] updates only the rows that a batch touches, so that a step
//! costs what its batch touches. Its moments are those of the dense form: before a row is used, they decay by `β^Δ` for
//! the Δ steps since its last use (the *decay catch-up*, which the usual sparse Adam leaves out). What it leaves out is the
//! drift of untouched rows along their old momentum.

use rayon::prelude::*;
use segue_core::kernels::{adam, adam_lines};
use segue_core::panels::{Line, Scalar};
use segue_core::{ArtifactError, ArtifactReader, ArtifactWriter, Matrix};

use crate::rows::{ROWS_PER_TASK, RowGradients};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// The factors of one step, bias corrections included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adam {
    rate: f32,
    root_correction: f32,
}

impl Adam {
    /// Step `t`, from 1.
    pub(crate) fn at(learning_rate: f32, t: u64) -> Self {
        let (first, second) = (1.0 - power(BETA_1, t), 1.0 - power(BETA_2, t));
        Self { rate: (f64::from(learning_rate) / first) as f32, root_correction: (1.0 / second.sqrt()) as f32 }
    }

    /// Updates one row, its moments first scaled by `decay` (1 where no step was missed).
    #[inline]
    pub(crate) fn step(self, row: &mut [f32], (m, v): (&mut [f32], &mut [f32]), gradient: &[f32], decay: (f32, f32)) {
        let keep = [BETA_1 * decay.0, BETA_2 * decay.1];
        let take = [1.0 - BETA_1, 1.0 - BETA_2];
        adam(row, m, v, gradient, keep, take, [self.rate, self.root_correction, EPSILON]);
    }
}

impl Adam {
    /// Updates a block of rows of a panel whose gradients are `roots · g + shares · x`, and stores `x / roots`.
    #[inline]
    pub(crate) fn step_lines<S: Scalar, const N: usize>(
        self,
        x: (&mut [Line<f32, N>], &mut [Line<S, N>]),
        moments: (&mut [Line<f32, N>], &mut [Line<f32, N>]),
        gradients: (&[Line<f32, N>], &[f32], &[f32]),
    ) {
        let (keep, take) = ([BETA_1, BETA_2], [1.0 - BETA_1, 1.0 - BETA_2]);
        adam_lines(x, moments, gradients, keep, take, [self.rate, self.root_correction, EPSILON]);
    }
}

/// `base ^ n` by squaring: the precision of the standard one is not specified, and saved models must not depend on it.
fn power(base: f32, mut n: u64) -> f64 {
    let (mut square, mut product) = (f64::from(base), 1.0);
    while n > 0 {
        if n & 1 == 1 {
            product *= square;
        }
        square *= square;
        n >>= 1;
    }
    product
}

/// The moments of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    pub(crate) first: Matrix,
    pub(crate) second: Matrix,
}

impl Moments {
    pub(crate) fn of(table: &Matrix) -> Self {
        let zeros = Matrix::zeros(table.n_rows(), table.n_cols());
        Self { first: zeros.clone(), second: zeros }
    }

    pub(crate) fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) {
        out.matrix("first_moment", &self.first);
        out.matrix("second_moment", &self.second);
    }

    pub(crate) fn load(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.first = matrix_like(from, "first_moment", &self.first)?;
        self.second = matrix_like(from, "second_moment", &self.second)?;
        Ok(())
    }
}

/// A saved matrix that must have the shape of `like`.
pub(crate) fn matrix_like(from: &ArtifactReader<'_>, name: &str, like: &Matrix) -> Result<Matrix, ArtifactError> {
    let matrix = from.matrix(name)?;
    let (found, wanted) = ((matrix.n_rows(), matrix.n_cols()), (like.n_rows(), like.n_cols()));
    if found == wanted {
        return Ok(matrix);
    }
    Err(from
        .entry(name, format!("has shape {found:?}, not {wanted:?}: resume with the data and parameters it began with")))
}

/// Adam on the rows a batch touches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LazyAdam {
    moments: Moments,
    /// The step at which each row was last touched.
    last: Vec<u32>,
    step: u32,
}

impl LazyAdam {
    pub(crate) fn of(table: &Matrix) -> Self {
        Self { moments: Moments::of(table), last: vec![0; table.n_rows()], step: 0 }
    }

    /// One step: the gradient of a row is `gradients` plus `l2` times its share times the row.
    pub(crate) fn update(&mut self, table: &mut Matrix, gradients: &RowGradients, learning_rate: f32, l2: f32) {
        self.step += 1;
        let (d, now) = (table.n_cols(), self.step);
        let adam = Adam::at(learning_rate, u64::from(now));
        let rows = table.as_mut_slice().par_chunks_mut(ROWS_PER_TASK * d);
        let first = self.moments.first.as_mut_slice().par_chunks_mut(ROWS_PER_TASK * d);
        let second = self.moments.second.as_mut_slice().par_chunks_mut(ROWS_PER_TASK * d);
        let last = self.last.par_chunks_mut(ROWS_PER_TASK);
        rows.zip(first).zip(second).zip(last).enumerate().with_min_len(16).for_each_init(
            || vec![0.0_f32; d],
            |total, (task, (((rows, m), v), last))| {
                let start = task * ROWS_PER_TASK;
                for (row, penalty, gradient) in gradients.within(start..start + last.len()) {
                    let missed = u64::from(now - last[row - start] - 1);
                    last[row - start] = now;
                    let at = (row - start) * d..(row - start + 1) * d;
                    let row = &mut rows[at.clone()];
                    for ((total, g), x) in total.iter_mut().zip(gradient).zip(&*row) {
                        *total = g + l2 * penalty * x;
                    }
                    let decay = (power(BETA_1, missed) as f32, power(BETA_2, missed) as f32);
                    adam.step(row, (&mut m[at.clone()], &mut v[at]), total, decay);
                }
            },
        );
    }

    pub(crate) fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        self.moments.save(out);
        out.tensor("last_step", &[self.last.len()], self.last.as_slice());
        out.meta("step", &self.step)
    }

    pub(crate) fn load(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.moments.load(from)?;
        self.last = from.vector("last_step", Some(self.last.len()))?;
        self.step = from.meta("step")?;
        match self.last.iter().max() {
            Some(&last) if last > self.step => Err(from.entry("last_step", format!("is beyond step {}", self.step))),
            _ => Ok(()),
        }
    }
}

/// Plain gradient descent on the rows a batch touches.
pub(crate) fn descend(table: &mut Matrix, gradients: &RowGradients, learning_rate: f32, l2: f32) {
    let d = table.n_cols();
    table.as_mut_slice().par_chunks_mut(ROWS_PER_TASK * d).enumerate().with_min_len(16).for_each(|(task, rows)| {
        let start = task * ROWS_PER_TASK;
        for (row, penalty, gradient) in gradients.within(start..start + rows.len() / d) {
            for (x, g) in rows[(row - start) * d..(row - start + 1) * d].iter_mut().zip(gradient) {
                *x -= learning_rate * (g + l2 * penalty * *x);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Terms;

    /// Two touches of row 0 with a gap, against the textbook formulas in f64.
    #[test]
    fn lazy_moments_are_the_dense_ones() {
        let mut table = Matrix::from_vec(2, 1, vec![1.0, -1.0]);
        let mut lazy = LazyAdam::of(&table);
        let (mut theta, mut m, mut v) = ([1.0_f64, -1.0], [0.0_f64; 2], [0.0_f64; 2]);
        for (t, gradient) in [(1, [0.5_f64, 0.1]), (2, [0.0, 0.1]), (3, [0.0, 0.1]), (4, [-0.25, 0.1])] {
            let mut terms = Terms::default();
            for (row, g) in gradient.into_iter().enumerate() {
                m[row] = 0.9 * m[row] + 0.1 * g;
                v[row] = 0.999 * v[row] + 0.001 * g * g;
                if g != 0.0 {
                    terms.push(row as u32, 0, g as f32, 0.0);
                    let (m, v) = (m[row] / (1.0 - 0.9_f64.powi(t)), v[row] / (1.0 - 0.999_f64.powi(t)));
                    theta[row] -= 0.01 * m / (v.sqrt() + 1e-8);
                }
            }
            lazy.update(&mut table, &terms.sum(&[1.0], 1), 0.01, 0.0);
        }
        for row in 0..2 {
            assert!((f64::from(table.row(row)[0]) - theta[row]).abs() < 1e-6);
            assert!((f64::from(lazy.moments.first.row(row)[0]) - m[row]).abs() < 1e-7);
            assert!((f64::from(lazy.moments.second.row(row)[0]) - v[row]).abs() < 1e-7);
        }
    }

    #[test]
    fn descent_adds_the_penalty() {
        let mut table = Matrix::from_vec(1, 2, vec![1.0, 2.0]);
        let mut terms = Terms::default();
        terms.push(0, 0, 2.0, 3.0);
        descend(&mut table, &terms.sum(&[1.0, -1.0], 2), 0.1, 0.5);
        assert_eq!(table.as_slice(), [1.0 - 0.1 * (2.0 + 1.5), 2.0 - 0.1 * (-2.0 + 3.0)]);
    }
}
