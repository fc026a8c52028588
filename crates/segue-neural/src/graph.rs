//! The graph of likes: users and items are nodes, a like is an edge.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use segue_core::kernels::gather_sum;
use segue_core::{Csr, History, ItemId, Matrix, Seed};

use crate::histories::signed;

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

/// Nodes that pass a layer together.
pub(crate) const CHUNK: usize = 256;
/// Of the leaky rectifier below zero.
pub(crate) const SLOPE: f32 = 0.2;

pub(crate) fn leaky(x: f32) -> f32 {
    if x > 0.0 { x } else { SLOPE * x }
}

/// What a step leaves out of each layer's output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub(crate) rate: f32,
    pub(crate) seed: Seed,
}

impl Left {
    /// Leaves out some of a chunk of a layer's output; the rest grows.
    pub(crate) fn of(self, out: &mut [f32], (layer, chunk): (usize, usize)) {
        if self.rate == 0.0 {
            return;
        }
        let mut stream = self.seed.at(layer as u64).at(chunk as u64).stream();
        for x in out {
            let is_left = stream.unit() < f64::from(self.rate);
            *x = if is_left { 0.0 } else { *x / (1.0 - self.rate) };
        }
    }
}

/// Slopes before [`leaky`], of which a step left out this share, from those behind it: what is exactly zero was left out, if
/// anything is.
pub(crate) fn slopes_before(slopes: &[f32], out: &[f32], rate: f32) -> Vec<f32> {
    let passed = |(g, y): (&f32, &f32)| match *y {
        y if y > 0.0 => g / (1.0 - rate),
        0.0 if rate > 0.0 => 0.0,
        _ => SLOPE * g / (1.0 - rate),
    };
    slopes.iter().zip(out).map(passed).collect()
}

/// Items of a history with 1 for a like and -1 for a dislike, of a model of `n_items`.
pub(crate) fn signs(history: History<'_>, n_items: usize) -> (Vec<ItemId>, Vec<f32>) {
    signed(history, n_items).into_iter().map(|(item, liked)| (item, if liked { 1.0 } else { -1.0 })).unzip()
}
