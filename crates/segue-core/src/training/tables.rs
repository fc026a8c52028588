//! Tables of vectors, and what moves them.

use crate::{ArtifactError, ArtifactReader, ArtifactWriter, Matrix};

use super::adam::{Decay, LazyAdam, descend, matrix_like};
use super::rows::RowGradients;

/// Vectors in training.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// `(n, d)`.
    pub matrix: Matrix,
    /// `None` for plain descent.
    adam: Option<LazyAdam>,
    /// Whether rows without a gradient move on, too.
    dense: bool,
}

impl Table {
    /// Moved by Adam with these decay rates, on the rows that a step touches, or by plain descent without.
    pub fn new(matrix: Matrix, betas: Option<[f32; 2]>) -> Self {
        let adam = betas.map(|betas| LazyAdam::with(betas, &matrix));
        Self { matrix, adam, dense: false }
    }

    /// Moved by Adam on all rows: what a row was given once moves it for some ten steps more, so that a row that is seldom met
    /// goes some ten times as far as if it moved only then. A step costs what the table holds.
    pub fn dense(matrix: Matrix, betas: [f32; 2]) -> Self {
        Self { dense: true, ..Self::new(matrix, Some(betas)) }
    }

    /// One step over the rows of a gradient. Plain descent knows no decoupled decay: it takes the strength as a penalty.
    pub fn step(&mut self, gradients: &RowGradients, learning_rate: f32, decay: Decay) {
        let (Decay::Coupled(l2) | Decay::Decoupled(l2)) = decay;
        match &mut self.adam {
            Some(adam) if self.dense && gradients.rows.len() < self.matrix.n_rows() => {
                let d = self.matrix.n_cols();
                let mut all = RowGradients::all(vec![0.0; self.matrix.n_rows() * d], d);
                all.add(gradients);
                adam.update(&mut self.matrix, &all, learning_rate, decay);
            }
            Some(adam) => adam.update(&mut self.matrix, gradients, learning_rate, decay),
            None => descend(&mut self.matrix, gradients, learning_rate, l2),
        }
    }

    /// Writes what the next step needs.
    pub fn save<'a>(&'a self, name: &str, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix(name, &self.matrix);
        self.adam.as_ref().map_or(Ok(()), |adam| out.scope(&format!("adam_{name}"), |out| adam.save(out)))
    }

    /// Reads what [`Table::save`] wrote, in the same shape.
    pub fn load(&mut self, name: &str, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.matrix = matrix_like(from, name, &self.matrix)?;
        self.adam.as_mut().map_or(Ok(()), |adam| adam.load(&from.scope(&format!("adam_{name}"))))
    }
}

/// Vectors of users and of items in training.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// `(n_users, d)`.
    pub users: Table,
    /// `(n_items, d)`.
    pub items: Table,
}

impl Tables {
    /// Moved by Adam with these decay rates, or by plain descent without.
    pub fn new(users: Matrix, items: Matrix, betas: Option<[f32; 2]>) -> Self {
        Self { users: Table::new(users, betas), items: Table::new(items, betas) }
    }

    /// One step over the rows of both gradients.
    pub fn step(&mut self, of_users: &RowGradients, of_items: &RowGradients, learning_rate: f32, decay: Decay) {
        self.users.step(of_users, learning_rate, decay);
        self.items.step(of_items, learning_rate, decay);
    }

    /// Writes what the next step needs.
    pub fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        self.users.save("users", out)?;
        self.items.save("items", out)
    }

    /// Reads what [`Tables::save`] wrote, in the same shapes.
    pub fn load(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.users.load("users", from)?;
        self.items.load("items", from)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Terms;
    use super::*;

    /// Row 1 is met once, and then never again.
    #[test]
    fn a_dense_table_goes_on_moving_what_a_lazy_one_leaves() {
        let mut tables =
            [Table::new(Matrix::zeros(2, 1), Some([0.9, 0.999])), Table::dense(Matrix::zeros(2, 1), [0.9, 0.999])];
        for step in 0..60 {
            let mut terms = Terms::default();
            terms.push(u32::from(step == 0), 0, 1.0, 0.0);
            let gradients = terms.sum(&[1.0], 1);
            for table in &mut tables {
                table.step(&gradients, 0.1, Decay::Coupled(0.0));
            }
        }
        let [lazy, dense] = tables.map(|table| table.matrix.row(1)[0]);
        assert!((lazy + 0.1).abs() < 1e-6 && dense < 5.0 * lazy, "{lazy}, {dense}");
    }
}
