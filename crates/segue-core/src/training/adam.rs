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

use crate::kernels::{adam, adam_lines};
use crate::panels::{Line, Scalar};
use crate::{ArtifactError, ArtifactReader, ArtifactWriter, Matrix};
use rayon::prelude::*;

use super::rows::{ROWS_PER_TASK, RowGradients};

/// How fast the two moments forget; the paper's unless told otherwise.
pub const BETAS: [f32; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;

/// How large values are held back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// `strength · share · θ` joins the gradient: the penalty `strength / 2 · share · |θ|²`.
    Coupled(f32),
    /// `θ` shrinks by `η · strength` each step, aside from the gradient, over the steps a row missed, too. Ilya Loshchilov,
    /// Frank Hutter: *Decoupled Weight Decay Regularization*, ICLR 2019, <https://arxiv.org/abs/1711.05101>.
    Decoupled(f32),
}

/// The factors of one step, bias corrections included.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    betas: [f32; 2],
    rate: f32,
    root_correction: f32,
}

impl Adam {
    /// Step `t`, from 1, with the paper's [`BETAS`].
    pub fn at(learning_rate: f32, t: u64) -> Self {
        Self::with(BETAS, learning_rate, t)
    }

    /// Step `t`, from 1.
    pub fn with(betas: [f32; 2], learning_rate: f32, t: u64) -> Self {
        let [first, second] = betas.map(|beta| 1.0 - power(beta, t));
        let (rate, root_correction) = ((f64::from(learning_rate) / first) as f32, (1.0 / second.sqrt()) as f32);
        Self { betas, rate, root_correction }
    }

    /// Updates one row, its moments first scaled by `decay` (1 where no step was missed).
    #[inline]
    pub fn step(self, row: &mut [f32], (m, v): (&mut [f32], &mut [f32]), gradient: &[f32], decay: (f32, f32)) {
        let keep = [self.betas[0] * decay.0, self.betas[1] * decay.1];
        let take = self.betas.map(|beta| 1.0 - beta);
        adam(row, m, v, gradient, keep, take, [self.rate, self.root_correction, EPSILON]);
    }
}

impl Adam {
    /// Updates a block of rows of a panel whose gradients are `roots · g + shares · x`, and stores `x / roots`.
    #[inline]
    pub fn step_lines<S: Scalar, const N: usize>(
        self,
        x: (&mut [Line<f32, N>], &mut [Line<S, N>]),
        moments: (&mut [Line<f32, N>], &mut [Line<f32, N>]),
        gradients: (&[Line<f32, N>], &[f32], &[f32]),
    ) {
        let (keep, take) = (self.betas, self.betas.map(|beta| 1.0 - beta));
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
pub struct Moments {
    /// Running mean of the gradients.
    pub first: Matrix,
    /// Running mean of their squares.
    pub second: Matrix,
}

impl Moments {
    /// Zeros in the shape of `table`.
    pub fn of(table: &Matrix) -> Self {
        let zeros = Matrix::zeros(table.n_rows(), table.n_cols());
        Self { first: zeros.clone(), second: zeros }
    }

    /// Writes both.
    pub fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) {
        out.matrix("first_moment", &self.first);
        out.matrix("second_moment", &self.second);
    }

    /// Reads what [`Moments::save`] wrote, in the same shape.
    pub fn load(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.first = matrix_like(from, "first_moment", &self.first)?;
        self.second = matrix_like(from, "second_moment", &self.second)?;
        Ok(())
    }
}

/// A saved matrix that must have the shape of `like`.
pub fn matrix_like(from: &ArtifactReader<'_>, name: &str, like: &Matrix) -> Result<Matrix, ArtifactError> {
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
pub struct LazyAdam {
    betas: [f32; 2],
    moments: Moments,
    /// The step at which each row was last touched.
    last: Vec<u32>,
    step: u32,
}

impl LazyAdam {
    /// At rest, for `table`.
    pub fn with(betas: [f32; 2], table: &Matrix) -> Self {
        Self { betas, moments: Moments::of(table), last: vec![0; table.n_rows()], step: 0 }
    }

    /// One step over the rows of `gradients`.
    pub fn update(&mut self, table: &mut Matrix, gradients: &RowGradients, learning_rate: f32, decay: Decay) {
        self.step += 1;
        let (d, now, betas) = (table.n_cols(), self.step, self.betas);
        let adam = Adam::with(betas, learning_rate, u64::from(now));
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
                    let l2 = match decay {
                        Decay::Coupled(l2) => l2,
                        Decay::Decoupled(strength) => {
                            let kept = power(1.0 - learning_rate * strength, missed + 1) as f32;
                            for x in row.iter_mut() {
                                *x *= kept;
                            }
                            0.0
                        }
                    };
                    for ((total, g), x) in total.iter_mut().zip(gradient).zip(&*row) {
                        *total = g + l2 * penalty * x;
                    }
                    let [first, second] = betas.map(|beta| power(beta, missed) as f32);
                    adam.step(row, (&mut m[at.clone()], &mut v[at]), total, (first, second));
                }
            },
        );
    }

    /// Writes the moments and when each row was last touched.
    pub fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        self.moments.save(out);
        out.tensor("last_step", &[self.last.len()], self.last.as_slice());
        out.meta("step", &self.step)
    }

    /// Reads what [`LazyAdam::save`] wrote, for a table of the same shape.
    pub fn load(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
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
pub fn descend(table: &mut Matrix, gradients: &RowGradients, learning_rate: f32, l2: f32) {
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
    use crate::training::rows::Terms;

    /// Two touches of row 0 with a gap, against the textbook formulas in f64.
    #[test]
    fn lazy_moments_are_the_dense_ones() {
        let mut table = Matrix::from_vec(2, 1, vec![1.0, -1.0]);
        let mut lazy = LazyAdam::with(BETAS, &table);
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
            lazy.update(&mut table, &terms.sum(&[1.0], 1), 0.01, Decay::Coupled(0.0));
        }
        for row in 0..2 {
            assert!((f64::from(table.row(row)[0]) - theta[row]).abs() < 1e-6);
            assert!((f64::from(lazy.moments.first.row(row)[0]) - m[row]).abs() < 1e-7);
            assert!((f64::from(lazy.moments.second.row(row)[0]) - v[row]).abs() < 1e-7);
        }
    }

    /// A row that missed two steps has shrunk over them when it is met again.
    #[test]
    fn decoupled_decay_catches_up() {
        let mut table = Matrix::from_vec(2, 1, vec![1.0, 1.0]);
        let mut lazy = LazyAdam::with(BETAS, &table);
        for rows in [vec![0], vec![0], vec![0, 1]] {
            let mut terms = Terms::default();
            for row in rows {
                terms.push(row, 0, 0.0, 1.0);
            }
            lazy.update(&mut table, &terms.sum(&[1.0], 1), 0.1, Decay::Decoupled(0.5));
        }
        let kept = 0.95_f32.powi(3);
        assert!(table.as_slice().iter().all(|x| (x - kept).abs() < 1e-6), "{table:?}");
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
