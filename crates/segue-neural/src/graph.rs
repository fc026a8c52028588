//! The graph of likes: users and items are nodes, a like is an edge.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use segue_core::kernels::gather_sum;
use segue_core::training::sampler::Positives;
use segue_core::{Csr, Matrix, Seed};

/// Neighbours of all nodes, users before items.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Where each node's edges begin; one more than there are nodes.
    pub(crate) row_ptr: Vec<usize>,
    /// Where each edge leads.
    pub(crate) cols: Vec<u32>,
    /// Of each edge one over the root of the product of both ends' degrees.
    pub(crate) symmetric: Vec<f32>,
    /// Which like each edge is.
    likes: Vec<u32>,
}

impl Graph {
    /// Of users who like items.
    pub(crate) fn new(likes: &Csr<f32>) -> Self {
        let (n_users, n_items) = (likes.n_rows(), likes.n_cols());
        let numbered =
            Csr::new(n_items, likes.row_ptr().to_vec(), likes.cols().to_vec(), (0..likes.len() as u32).collect());
        let Ok(numbered) = numbered else { unreachable!("the pattern of a checked matrix stays valid") };
        let by_item = numbered.transpose();
        let mut row_ptr = likes.row_ptr().to_vec();
        row_ptr.extend(by_item.row_ptr()[1..].iter().map(|end| likes.len() + end));
        let cols = likes.cols().iter().map(|&item| n_users as u32 + item).chain(by_item.cols().iter().copied());
        let cols: Vec<u32> = cols.collect();
        let root = |node: usize| ((row_ptr[node + 1] - row_ptr[node]) as f64).sqrt();
        let of_row = |node: usize| {
            let (cols, root) = (&cols, &root);
            cols[row_ptr[node]..row_ptr[node + 1]].iter().map(move |&other| 1.0 / (root(node) * root(other as usize)))
        };
        let symmetric = (0..n_users + n_items).flat_map(of_row).map(|weight| weight as f32).collect();
        let likes = numbered.values().iter().chain(by_item.values()).copied().collect();
        Self { row_ptr, cols, symmetric, likes }
    }

    /// The edges of a node.
    pub(crate) fn edges_of(&self, node: usize) -> Range<usize> {
        self.row_ptr[node]..self.row_ptr[node + 1]
    }

    /// Where the edges of a node lead.
    pub(crate) fn neighbours(&self, node: usize) -> &[u32] {
        &self.cols[self.edges_of(node)]
    }

    /// Of each edge the one that leads back: a like has one in each half.
    pub(crate) fn back(&self) -> Vec<u32> {
        let half = self.likes.len() / 2;
        let mut back = self.likes.clone();
        (half..back.len()).for_each(|edge| back[self.likes[edge] as usize] = edge as u32);
        back
    }

    /// Users and items.
    pub(crate) fn n_nodes(&self) -> usize {
        self.row_ptr.len() - 1
    }

    /// How many edges a node has.
    pub(crate) fn degree(&self, node: usize) -> usize {
        self.edges_of(node).len()
    }

    /// Weights of a step: both directions of an edge are left out with probability `rate`, the others grow.
    pub(crate) fn dropped(&self, rate: f32, step: Seed) -> Cow<'_, [f32]> {
        if rate == 0.0 {
            return Cow::Borrowed(&self.symmetric);
        }
        let kept = |(&weight, &like): (&f32, &u32)| {
            if step.at(u64::from(like)).unit() < f64::from(rate) { 0.0 } else { weight / (1.0 - rate) }
        };
        Cow::Owned(self.symmetric.par_iter().zip(&self.likes).map(kept).collect())
    }

    /// Row `node` of `A x`, where `weights` are those of `A`.
    pub(crate) fn hear(&self, node: usize, weights: &[f32], x: &Matrix, out: &mut [f32]) {
        let range = self.edges_of(node);
        gather_sum(x.as_slice(), &self.cols[range.clone()], &weights[range], out);
    }
}

/// A user, a liked item, another item, all as nodes.
pub(crate) type Sample = [u32; 3];

/// A sample for each of some likes, the first of which draws from stream `first`; none for who likes all of a domain and compares
/// nothing.
pub(crate) fn drawn(positives: &Positives, likes: &[u32], (draws, first): (Seed, usize)) -> Vec<Sample> {
    let n_users = positives.likes().n_rows() as u32;
    let draw = |(at, &like): (usize, &u32)| {
        let (user, item) = positives.pair(like);
        let others = positives.others(user, item);
        let mut stream = draws.at((first + at) as u64).stream();
        (!others.is_empty()).then(|| [user, n_users + item, n_users + others.draw(&mut stream)])
    };
    likes.iter().enumerate().filter_map(draw).collect()
}

/// `ln(1 + e^-x)` and its slope.
pub(crate) fn logistic(x: f32) -> (f64, f32) {
    let e = (-x.abs()).exp();
    (f64::from((-x).max(0.0) + e.ln_1p()), -(if x > 0.0 { e } else { 1.0 }) / (1.0 + e))
}
