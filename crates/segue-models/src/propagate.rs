//! Propagation over the bipartite graph of users and items, forwards and backwards.
//!
//! Nodes are users first, then items. With `R` the 0/1 adjacency, `D` its degrees, `A = D^-1/2 R D^-1/2` and layer weights
//! `α`, the propagated table is `E = Σ_k α_k A^k E⁰`. `A` is symmetric, so the gradient of any loss with respect to `E⁰` is
//! the same sum applied to its gradient with respect to `E`: no automatic differentiation.
//!
//! Every table here is *scaled*: it holds `D^-1/2 X` in place of `X`, for which a hop is `D^-1 R`, a mean of neighbours. No
//! edge needs a weight, and a product reads four bytes an edge beside the rows, of `f32` or half of one
//! (`segue_core::panels`).
//!
//! A training step reads and differentiates few rows of `E`. By Horner's rule, `E = α₀E⁰ + A(α₁E⁰ + A(…))`, the last hop
//! forwards is needed at the rows of the batch alone, and the first hop backwards starts from them alone: K layers cost
//! 2(K - 1) full products and two partial ones, instead of 2K full ones and K stored layers.

use rayon::prelude::*;
use segue_core::kernels::hop_lines;
use segue_core::panels::{Line, Panels, Scalar};
use segue_core::{Csr, Matrix, Seed};

use crate::batch::Batch;

/// Rows of a panel per unit of parallel work: fixed, so that work never depends on the number of threads.
pub(crate) const ROWS: usize = 256;

/// Neighbours of each row.
#[derive(Debug, Default)]
struct Edges {
    row_ptr: Vec<usize>,
    cols: Vec<u32>,
}

impl Edges {
    /// Of rows `first..first + n`.
    #[inline]
    fn of(&self, first: usize, n: usize) -> (&[usize], &[u32]) {
        (&self.row_ptr[first..=first + n], &self.cols)
    }

    /// For each block of [`ROWS`] rows, the edges for which `keep` has a node; it is asked for each by its place.
    fn blocks(&self, keep: impl Fn(usize) -> Option<u32> + Sync) -> Vec<Self> {
        let n_rows = self.row_ptr.len() - 1;
        let starts: Vec<usize> = (0..n_rows).step_by(ROWS).collect();
        let block = |&start: &usize| {
            let mut left = Self { row_ptr: vec![0], cols: Vec::new() };
            for ends in self.row_ptr[start..=(start + ROWS).min(n_rows)].windows(2) {
                left.cols.extend((ends[0]..ends[1]).filter_map(&keep));
                left.row_ptr.push(left.cols.len());
            }
            left
        };
        starts.par_iter().with_min_len(4).map(block).collect()
    }
}

/// The graph and the layer weights.
#[derive(Debug)]
pub(crate) struct Propagation {
    n_users: usize,
    edges: Edges,
    /// Position of each stored edge's undirected edge in the likes.
    like: Vec<u32>,
    /// What dropout has left of the edges, if it has dropped any.
    kept: Option<Edges>,
    /// Square roots of the degrees; 1 for a node without neighbours, whose table is what it is.
    roots: Vec<f32>,
    /// `1/d`, times what makes up for dropped edges.
    shares: Vec<f32>,
    alpha: Vec<f32>,
}

/// Tables that a step works in, kept from step to step.
#[derive(Debug)]
pub(crate) struct Workspace<S, const N: usize> {
    buffers: [Panels<S, N>; 2],
    /// Rows of `E` at the nodes of the batch.
    pub(crate) rows: Panels<S, N>,
    /// Gradients with respect to them.
    pub(crate) gradients: Panels<S, N>,
    /// For each block of rows, its edges to nodes of the batch, by slot.
    around: Vec<Edges>,
}

impl<S: Scalar, const N: usize> Workspace<S, N> {
    pub(crate) fn new(n_nodes: usize, d: usize) -> Self {
        let (zeros, empty) = (Panels::zeros(n_nodes, d), Panels::zeros(0, d));
        Self { buffers: [zeros.clone(), zeros], rows: empty.clone(), gradients: empty, around: Vec::new() }
    }
}

/// Visits a table in blocks of rows: panel, first row, lines.
pub(crate) fn each_block<S: Scalar, const N: usize>(
    table: &mut Panels<S, N>,
    each: impl Fn(usize, usize, &mut [Line<S, N>]) + Sync,
) {
    let n_rows = table.n_rows().max(1);
    table.lines_mut().par_chunks_mut(n_rows).enumerate().for_each(|(p, panel)| {
        panel.par_chunks_mut(ROWS).enumerate().for_each(|(block, lines)| each(p, block * ROWS, lines));
    });
}

impl Propagation {
    /// The graph of `likes` (users × items); `alpha` holds the weights of layers 0 to K.
    pub(crate) fn new(likes: &Csr<f32>, alpha: Vec<f32>) -> Self {
        let (n_users, n_items) = (likes.n_rows(), likes.n_cols());
        let positions =
            Csr::new(n_items, likes.row_ptr().to_vec(), likes.cols().to_vec(), (0..likes.len() as u32).collect());
        let Ok(positions) = positions else { unreachable!("the pattern of a checked matrix stays valid") };
        let by_item = positions.transpose();
        let mut row_ptr = likes.row_ptr().to_vec();
        row_ptr.extend(by_item.row_ptr()[1..].iter().map(|end| likes.len() + end));
        let cols: Vec<u32> =
            likes.cols().iter().map(|&i| n_users as u32 + i).chain(by_item.cols().iter().copied()).collect();
        let like = positions.values().iter().chain(by_item.values()).copied().collect();
        let degrees = || row_ptr.windows(2).map(|ends| (ends[1] - ends[0]).max(1) as f64);
        let roots = degrees().map(|d| d.sqrt() as f32).collect();
        let shares = degrees().map(|d| (1.0 / d) as f32).collect();
        Self { n_users, edges: Edges { row_ptr, cols }, like, kept: None, roots, shares, alpha }
    }

    /// Users and items.
    pub(crate) fn n_nodes(&self) -> usize {
        self.roots.len()
    }

    /// Square roots of the degrees, by which scaled tables are scaled.
    pub(crate) fn roots(&self) -> &[f32] {
        &self.roots
    }

    /// Number of layers K.
    fn depth(&self) -> usize {
        self.alpha.len() - 1
    }

    fn edges(&self) -> &Edges {
        self.kept.as_ref().unwrap_or(&self.edges)
    }

    /// Drops each undirected edge with probability `rate` and scales the others by `1 / (1 - rate)`, until the next call.
    pub(crate) fn drop_edges(&mut self, rate: f32, step: Seed) {
        if rate == 0.0 && self.kept.is_none() {
            return;
        }
        let degrees = self.edges.row_ptr.windows(2).map(|ends| (ends[1] - ends[0]).max(1) as f64);
        self.shares = degrees.map(|d| (1.0 / (d * f64::from(1.0 - rate))) as f32).collect();
        if rate == 0.0 {
            self.kept = None;
            return;
        }
        let is_kept = |n: &usize| step.at(u64::from(self.like[*n])).unit() >= f64::from(rate);
        let mut kept = Edges { row_ptr: vec![0], cols: Vec::new() };
        for block in self.edges.blocks(|n| Some(self.edges.cols[n]).filter(|_| is_kept(&n))) {
            kept.row_ptr.extend(block.row_ptr[1..].iter().map(|end| kept.cols.len() + end));
            kept.cols.extend(block.cols);
        }
        self.kept = Some(kept);
    }

    /// `out = base_weight · base + source_weight · D^-1 R source`, all of the nodes.
    fn hop<S: Scalar, const N: usize>(
        &self,
        source: (f32, &Panels<S, N>),
        base: (f32, &Panels<S, N>),
        out: &mut Panels<S, N>,
    ) {
        each_block(out, |p, first, lines| {
            let (edges, scale) = (self.edges().of(first, lines.len()), (source.0, &self.shares[first..]));
            hop_lines(source.1.panel(p), edges, scale, (base.0, &base.1.panel(p)[first..]), lines);
        });
    }

    /// `D^-1 R source`: the mean of each node's neighbours.
    pub(crate) fn smooth<const N: usize>(&self, source: &Panels<f32, N>, out: &mut Panels<f32, N>) {
        self.hop((1.0, source), (0.0, source), out);
    }

    /// Fills `work.rows` with the rows of `E` at the nodes of a batch, scaled as `table` is.
    pub(crate) fn forward<S: Scalar, const N: usize>(
        &self,
        table: &Panels<S, N>,
        batch: &Batch,
        work: &mut Workspace<S, N>,
    ) {
        let k = self.depth();
        // The innermost bracket is α_K E⁰ itself.
        let [current, spare] = &mut work.buffers;
        for layer in (1..k).rev() {
            let source = if layer == k - 1 { (self.alpha[k], table) } else { (1.0, &*current) };
            self.hop(source, (self.alpha[layer], table), spare);
            std::mem::swap(current, spare);
        }
        let source = match k {
            0 => (0.0, table),
            1 => (self.alpha[1], table),
            _ => (1.0, &*current),
        };
        work.rows.reshape(batch.len());
        if batch.is_whole() {
            return self.hop(source, (self.alpha[0], table), &mut work.rows);
        }
        each_block(&mut work.rows, |p, first, lines| {
            for (out, &node) in lines.iter_mut().zip(&batch.nodes()[first..]) {
                let node = node as usize;
                let scale = (source.0, &self.shares[node..=node]);
                let base = (self.alpha[0], &table.panel(p)[node..=node]);
                hop_lines(source.1.panel(p), self.edges().of(node, 1), scale, base, std::slice::from_mut(out));
            }
        });
    }

    /// All but the last hop of `Σ α_k A^k G`, for a gradient `G` that is `work.gradients` at the nodes of the batch and zero
    /// elsewhere; [`Backward::block`] makes the last hop, block by block, where the optimiser wants it.
    pub(crate) fn backward<'a, S: Scalar, const N: usize>(
        &'a self,
        batch: &'a Batch,
        work: &'a mut Workspace<S, N>,
    ) -> Backward<'a, S, N> {
        let k = self.depth();
        let Workspace { buffers: [current, spare], gradients, around, .. } = work;
        // The innermost bracket is α_K G itself.
        let innermost = match k {
            0 => Inner::None,
            _ if batch.is_whole() => Inner::Table(self.alpha[k], gradients),
            _ => {
                let edges = self.edges();
                *around = edges.blocks(|n| batch.slot(edges.cols[n]));
                Inner::Batch(self.alpha[k], around)
            }
        };
        for layer in (1..k).rev() {
            let inner = if layer == k - 1 { innermost } else { Inner::Table(1.0, current) };
            let hop = Backward { propagation: self, batch, gradients, layer, inner };
            each_block(spare, |p, first, lines| hop.block(p, first, lines));
            std::mem::swap(current, spare);
        }
        let inner = if k > 1 { Inner::Table(1.0, current) } else { innermost };
        Backward { propagation: self, batch, gradients, layer: 0, inner }
    }

    /// Every layer, row-major and unscaled, handed to `each` as it is computed: k, `A^k E⁰`.
    pub(crate) fn layers<const N: usize>(&self, table: &Panels<f32, N>, mut each: impl FnMut(usize, &Matrix)) {
        each(0, &table.to_matrix());
        let mut current = table.clone();
        let n = self.n_nodes().max(1);
        for panel in current.lines_mut().chunks_exact_mut(n) {
            for (line, root) in panel.iter_mut().zip(&self.roots) {
                line.0.iter_mut().for_each(|x| *x /= root);
            }
        }
        let mut next = current.clone();
        for k in 1..=self.depth() {
            self.hop((1.0, &current), (0.0, table), &mut next);
            std::mem::swap(&mut current, &mut next);
            let mut layer = current.to_matrix();
            for (node, root) in self.roots.iter().enumerate() {
                layer.row_mut(node).iter_mut().for_each(|x| *x *= root);
            }
            each(k, &layer);
        }
    }

    /// `1/√d` of an item, 0 for an item without likes.
    pub(crate) fn item_norm(&self, item: usize) -> f32 {
        let ends = &self.edges.row_ptr[self.n_users + item..];
        if ends[0] == ends[1] { 0.0 } else { 1.0 / self.roots[self.n_users + item] }
    }
}

/// What a hop backwards gathers from, and its weight.
#[derive(Debug, Clone, Copy)]
enum Inner<'a, S, const N: usize> {
    None,
    Table(f32, &'a Panels<S, N>),
    /// The gradients of the batch, of which these are the edges.
    Batch(f32, &'a [Edges]),
}

/// The last hop backwards, of which the rows are not stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backward<'a, S, const N: usize> {
    propagation: &'a Propagation,
    batch: &'a Batch,
    gradients: &'a Panels<S, N>,
    layer: usize,
    inner: Inner<'a, S, N>,
}

impl<S: Scalar, const N: usize> Backward<'_, S, N> {
    /// Rows `first..` of the gradient in panel `p`, scaled; `first` is a multiple of [`ROWS`].
    #[inline]
    pub(crate) fn block<T: Scalar>(&self, p: usize, first: usize, out: &mut [Line<T, N>]) {
        let (shares, n) = (&self.propagation.shares[first..], out.len());
        let (alpha, gradients) = (self.propagation.alpha[self.layer], self.gradients.panel(p));
        let own = if self.batch.is_whole() { &gradients[first..] } else { &[] };
        match self.inner {
            Inner::None => hop_lines(gradients, (&[0; ROWS + 1][..=n], &[]), (0.0, shares), (alpha, own), out),
            Inner::Table(weight, table) => {
                let edges = self.propagation.edges().of(first, n);
                hop_lines(table.panel(p), edges, (weight, shares), (alpha, own), out);
            }
            Inner::Batch(weight, around) => {
                hop_lines(gradients, around[first / ROWS].of(0, n), (weight, shares), (alpha, own), out);
            }
        }
        if self.batch.is_whole() {
            return;
        }
        for (n, out) in out.iter_mut().enumerate() {
            if let Some(slot) = self.batch.slot((first + n) as u32) {
                for (out, own) in out.0.iter_mut().zip(&gradients[slot as usize].0) {
                    *out = T::put(out.get() + alpha * own.get());
                }
            }
        }
    }
}
