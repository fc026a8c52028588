//! Propagation over the bipartite graph of users and items, forwards and backwards.
//!
//! Nodes are users first, then items. With the normalised adjacency `A = D^-1/2 (0/1) D^-1/2` and layer weights `α`, the
//! propagated table is `E = Σ_k α_k A^k E⁰`. `A` is symmetric, so the gradient of any loss with respect to `E⁰` is the same
//! sum applied to its gradient with respect to `E`: no automatic differentiation.
//!
//! A training step reads and differentiates few rows of `E`. By Horner's rule, `E = α₀E⁰ + A(α₁E⁰ + A(…))`, the last hop
//! forwards is needed at the rows of the batch alone, and the first hop backwards starts from them alone: K layers cost
//! 2(K - 1) full products and two partial ones, instead of 2K full ones and K stored layers.

use rayon::prelude::*;
use segue_core::kernels::{axpy, gather_sum};
use segue_core::{Csr, Matrix, Seed};

use crate::rows::ROWS_PER_TASK;

/// Marks a node outside the batch.
const OUTSIDE: u32 = u32::MAX;

/// The graph, its normalised weights and the layer weights.
#[derive(Debug)]
pub(crate) struct Propagation {
    n_users: usize,
    /// Neighbours of each node with `1/√(d_u d_i)`.
    edges: Csr<f32>,
    /// Position of each stored edge's undirected edge in the likes.
    like: Vec<u32>,
    /// Weights of the stored edges after dropout; empty while nothing is dropped.
    dropped: Vec<f32>,
    alpha: Vec<f32>,
}

/// The nodes of a batch: their rows are kept compactly, in rising order.
#[derive(Debug)]
pub(crate) struct BatchNodes {
    /// Distinct nodes, rising.
    pub(crate) nodes: Vec<u32>,
    slots: Vec<u32>,
}

impl BatchNodes {
    /// The distinct nodes among `nodes`.
    pub(crate) fn new(n_nodes: usize, mut nodes: Vec<u32>) -> Self {
        nodes.sort_unstable();
        nodes.dedup();
        let mut slots = vec![OUTSIDE; n_nodes];
        for (slot, &node) in nodes.iter().enumerate() {
            slots[node as usize] = slot as u32;
        }
        Self { nodes, slots }
    }

    /// Where the row of `node` stands among the rows of the batch, if it does.
    #[inline]
    pub(crate) fn slot(&self, node: u32) -> Option<u32> {
        Some(self.slots[node as usize]).filter(|&slot| slot != OUTSIDE)
    }
}

impl Propagation {
    /// The graph of `likes` (users × items); `alpha` holds the weights of layers 0 to K.
    pub(crate) fn new(likes: &Csr<f32>, alpha: Vec<f32>) -> Self {
        let (n_users, n_items) = (likes.n_rows(), likes.n_cols());
        let positions =
            Csr::new(n_items, likes.row_ptr().to_vec(), likes.cols().to_vec(), (0..likes.len() as u32).collect());
        let Ok(positions) = positions else { unreachable!("the pattern of a checked matrix stays valid") };
        let by_item = positions.transpose();
        let degree = |node: usize| {
            let d = if node < n_users { likes.cols_of(node).len() } else { by_item.cols_of(node - n_users).len() };
            d as f64
        };
        let n = n_users + n_items;
        let mut row_ptr = likes.row_ptr().to_vec();
        row_ptr.extend(by_item.row_ptr()[1..].iter().map(|end| likes.len() + end));
        let cols: Vec<u32> =
            likes.cols().iter().map(|&i| n_users as u32 + i).chain(by_item.cols().iter().copied()).collect();
        let like = positions.values().iter().chain(by_item.values()).copied().collect();
        let rows = (0..n).flat_map(|node| std::iter::repeat_n(node, row_ptr[node + 1] - row_ptr[node]));
        let weights = rows.zip(&cols).map(|(a, &b)| (1.0 / (degree(a) * degree(b as usize)).sqrt()) as f32).collect();
        match Csr::new(n, row_ptr, cols, weights) {
            Ok(edges) => Self { n_users, edges, like, dropped: Vec::new(), alpha },
            Err(error) => unreachable!("both halves of the graph rise: {error}"),
        }
    }

    /// Users and items.
    pub(crate) fn n_nodes(&self) -> usize {
        self.edges.n_rows()
    }

    /// Number of layers K.
    fn depth(&self) -> usize {
        self.alpha.len() - 1
    }

    /// Drops each undirected edge with probability `rate` and scales the others by `1 / (1 - rate)`, until the next call.
    pub(crate) fn drop_edges(&mut self, rate: f32, step: Seed) {
        if rate == 0.0 {
            self.dropped.clear();
            return;
        }
        let scale = 1.0 / (1.0 - rate);
        let kept = |(&weight, &like): (&f32, &u32)| {
            if step.at(u64::from(like)).unit() < f64::from(rate) { 0.0 } else { scale * weight }
        };
        self.dropped.resize(self.like.len(), 0.0);
        self.dropped
            .par_iter_mut()
            .zip(self.edges.values().par_iter().zip(&self.like))
            .with_min_len(1 << 14)
            .for_each(|(out, edge)| *out = kept(edge));
    }

    fn row(&self, node: usize) -> (&[u32], &[f32]) {
        let range = self.edges.range(node);
        let weights = if self.dropped.is_empty() { self.edges.values() } else { &self.dropped };
        (&self.edges.cols()[range.clone()], &weights[range])
    }

    /// `out = base_weight · base + source_weight · A · source`, all `(n_nodes, d)`.
    fn hop(&self, source: (f32, &Matrix), base: (f32, &Matrix), out: &mut Matrix) {
        let d = out.n_cols();
        out.as_mut_slice().par_chunks_mut(ROWS_PER_TASK * d).enumerate().for_each(|(task, block)| {
            for (n, out) in block.chunks_exact_mut(d).enumerate() {
                let node = task * ROWS_PER_TASK + n;
                self.hop_row(node, source, out);
                axpy(base.0, base.1.row(node), out);
            }
        });
    }

    fn hop_row(&self, node: usize, (weight, source): (f32, &Matrix), out: &mut [f32]) {
        let (cols, weights) = self.row(node);
        gather_sum(source.as_slice(), cols, weights, out);
        if weight != 1.0 {
            for x in out {
                *x *= weight;
            }
        }
    }

    /// Rows of `E` at the nodes of a batch, compactly. `buffers` are two tables to work in.
    pub(crate) fn forward(&self, table: &Matrix, batch: &BatchNodes, buffers: &mut [Matrix; 2]) -> Matrix {
        let k = self.depth();
        // The innermost bracket is α_K E⁰ itself.
        let [current, spare] = buffers;
        for layer in (1..k).rev() {
            let source = if layer == k - 1 { (self.alpha[k], table) } else { (1.0, &*current) };
            self.hop(source, (self.alpha[layer], table), spare);
            std::mem::swap(current, spare);
        }
        let source = if k <= 1 { (self.alpha[k], table) } else { (1.0, &*current) };
        let d = table.n_cols();
        let mut rows = Matrix::zeros(batch.nodes.len(), d);
        let blocks = rows.as_mut_slice().par_chunks_mut(ROWS_PER_TASK * d).zip(batch.nodes.par_chunks(ROWS_PER_TASK));
        blocks.for_each(|(block, nodes)| {
            for (out, &node) in block.chunks_exact_mut(d).zip(nodes) {
                if k > 0 {
                    self.hop_row(node as usize, source, out);
                }
                axpy(self.alpha[0], table.row(node as usize), out);
            }
        });
        rows
    }

    /// All but the last hop of `Σ α_k A^k G`, for a gradient `G` that is `gradients` at the nodes of the batch and zero
    /// elsewhere; [`Backward::row`] makes the last hop, row by row, where the optimiser wants it.
    pub(crate) fn backward<'a>(
        &'a self,
        batch: &'a BatchNodes,
        gradients: &'a [f32],
        buffers: &'a mut [Matrix; 2],
    ) -> Backward<'a> {
        let k = self.depth();
        let [current, spare] = buffers;
        let d = current.n_cols();
        for layer in (1..k).rev() {
            let last =
                Backward { propagation: self, batch, gradients, d, layer, inner: (layer < k - 1).then_some(&*current) };
            spare.as_mut_slice().par_chunks_mut(ROWS_PER_TASK * d).enumerate().for_each_init(
                Vec::new,
                |scratch, (task, block)| {
                    for (n, out) in block.chunks_exact_mut(d).enumerate() {
                        last.row(task * ROWS_PER_TASK + n, scratch, out);
                    }
                },
            );
            std::mem::swap(current, spare);
        }
        Backward { propagation: self, batch, gradients, d, layer: 0, inner: (k > 1).then_some(&*current) }
    }

    /// Every layer, handed to `each` as it is computed: k, `A^k E⁰`.
    pub(crate) fn layers(&self, table: &Matrix, mut each: impl FnMut(usize, &Matrix)) {
        let zeros = Matrix::zeros(table.n_rows(), table.n_cols());
        let (mut current, mut next) = (table.clone(), zeros.clone());
        each(0, &current);
        for k in 1..=self.depth() {
            self.hop((1.0, &current), (0.0, &zeros), &mut next);
            std::mem::swap(&mut current, &mut next);
            each(k, &current);
        }
    }

    /// `1/√d` of an item, 0 for an item without likes.
    pub(crate) fn item_norm(&self, item: usize) -> f32 {
        let degree = self.edges.cols_of(self.n_users + item).len();
        if degree == 0 { 0.0 } else { (1.0 / (degree as f64).sqrt()) as f32 }
    }
}

/// The last hop backwards: row r is `α_layer G_r + (A · inner)_r`, where `inner` is absent it is `α_K G` itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backward<'a> {
    propagation: &'a Propagation,
    batch: &'a BatchNodes,
    gradients: &'a [f32],
    d: usize,
    layer: usize,
    inner: Option<&'a Matrix>,
}

impl Backward<'_> {
    /// One row of the gradient; `scratch` is memory to work in.
    pub(crate) fn row(&self, node: usize, scratch: &mut Vec<(u32, f32)>, out: &mut [f32]) {
        let alpha = &self.propagation.alpha;
        match self.inner {
            Some(inner) => self.propagation.hop_row(node, (1.0, inner), out),
            None if alpha.len() == 1 => out.fill(0.0),
            None => self.sparse_row(node, scratch, out),
        }
        if let Some(slot) = self.batch.slot(node as u32) {
            axpy(alpha[self.layer], self.gradient(slot), out);
        }
    }

    fn sparse_row(&self, node: usize, scratch: &mut Vec<(u32, f32)>, out: &mut [f32]) {
        let alpha = &self.propagation.alpha;
        let weight = alpha[alpha.len() - 1];
        let (cols, weights) = self.propagation.row(node);
        scratch.clear();
        scratch.extend(cols.iter().zip(weights).filter_map(|(&col, &w)| self.batch.slot(col).map(|slot| (slot, w))));
        out.fill(0.0);
        for &(slot, w) in &*scratch {
            axpy(weight * w, self.gradient(slot), out);
        }
    }

    fn gradient(&self, slot: u32) -> &[f32] {
        &self.gradients[slot as usize * self.d..(slot as usize + 1) * self.d]
    }
}
