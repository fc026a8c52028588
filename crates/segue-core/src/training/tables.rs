//! A table of users and one of items, and what moves them.

use crate::{ArtifactError, ArtifactReader, ArtifactWriter, Matrix};

use super::adam::{Decay, LazyAdam, descend, matrix_like};
use super::rows::RowGradients;

/// Vectors of users and of items in training.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// `(n_users, d)`.
    pub users: Matrix,
    /// `(n_items, d)`.
    pub items: Matrix,
    /// `None` for plain descent.
    adam: Option<(LazyAdam, LazyAdam)>,
}

impl Tables {
    /// Moved by Adam with these decay rates, or by plain descent without.
    pub fn new(users: Matrix, items: Matrix, betas: Option<[f32; 2]>) -> Self {
        let adam = betas.map(|betas| (LazyAdam::with(betas, &users), LazyAdam::with(betas, &items)));
        Self { users, items, adam }
    }

    /// One step over the rows of both gradients. Plain descent knows no decoupled decay: it takes the strength as a penalty.
    pub fn step(&mut self, of_users: &RowGradients, of_items: &RowGradients, learning_rate: f32, decay: Decay) {
        if let Some((users, items)) = &mut self.adam {
            users.update(&mut self.users, of_users, learning_rate, decay);
            items.update(&mut self.items, of_items, learning_rate, decay);
            return;
        }
        let (Decay::Coupled(l2) | Decay::Decoupled(l2)) = decay;
        descend(&mut self.users, of_users, learning_rate, l2);
        descend(&mut self.items, of_items, learning_rate, l2);
    }

    /// Writes what the next step needs.
    pub fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix("users", &self.users);
        out.matrix("items", &self.items);
        if let Some((users, items)) = &self.adam {
            out.scope("adam_users", |out| users.save(out))?;
            out.scope("adam_items", |out| items.save(out))?;
        }
        Ok(())
    }

    /// Reads what [`Tables::save`] wrote, in the same shapes.
    pub fn load(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.users = matrix_like(from, "users", &self.users)?;
        self.items = matrix_like(from, "items", &self.items)?;
        if let Some((users, items)) = &mut self.adam {
            users.load(&from.scope("adam_users"))?;
            items.load(&from.scope("adam_items"))?;
        }
        Ok(())
    }
}
