//! `LightGCN`: vectors that are averaged over the neighbourhood of a user or item in the graph of likes, and nothing else.
//!
//! Xiangnan He, Kuan Deng, Xiang Wang, Yan Li, Yongdong Zhang, Meng Wang: *`LightGCN`: Simplifying and Powering Graph
//! Convolution Network for Recommendation*, SIGIR 2020, <https://arxiv.org/abs/2002.02126>. Reference code:
//! <https://github.com/gusye1234/LightGCN-PyTorch>.
//!
//! With learnt vectors `e⁰`, the normalised adjacency `A` of users and items, and layer weights `α`:
//!
//! ```text
//! E = Σ_k α_k A^k E⁰,      A_ui = 1/√(d_u d_i) if u likes i      s(u, i) = E_u · E_i
//! min mean_(u,i,j) ln(1 + e^(s(u,j) - s(u,i))) + l2/2 mean (|e⁰_u|² + |e⁰_i|² + |e⁰_j|²)
//! ```
//!
//! Sampling, batch mean, penalty on layer 0, initial values and dense Adam are those of the reference code: an epoch draws
//! as many (user, liked item, other item) as there are likes, users uniformly (`sampling: users`).
//!
//! Cost per step: O(K · likes · d), 2(K-1) full products and two partial ones where plain autodiff takes 2K (see `propagate.rs`), and
//! one fused pass of Adam; memory O((users + items) · d), eight tables, five of them half as large with `storage: bf16`.
//!
//! What a step costs does not depend on its batch until that is as large as the graph, and uniform negatives teach little once
//! most are told apart. Large logs are therefore learnt about a hundred times faster with batches of 131,072, steps of .05 that
//! fall to 0, and the best scored of 64 draws as the other item (Zhang et al., as in `mf.rs`), whose stronger gradients
//! want a larger `l2`: `experiment=gowalla_lightgcn_fast`, docs/results.md. The defaults are the paper's way, for logs of some
//! ten thousand likes have fewer steps an epoch than that recipe takes in all.
//!
//! Useful for the best ranking quality on implicit logs. Not useful for ratings, or where time to train is short.
//!
//! Deviations from the reference code: negatives come from the domain of the liked item; `dropout` drops both directions
//! of an edge together; `hard_candidates` above 1, `schedule` and `storage` are ours. `E` is linear, so a guest's or changed history is answered in closed form, with no training:
//! `α₀ e⁰_u + |h|^-1/2 (Σ_likes M_i - Σ_dislikes M_i)`, `M_i = Σ_{k≥1} α_k e_i^(k-1) / √d_i`, which for the training history
//! is the trained vector itself. Without history, the mean user answers. Weights of events are not used.
//!
//! Checked against finite differences, against two training steps of an independent dense program
//! (`golden/lightgcn/make.py`), and against the learning curve of the reference code on Gowalla.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use segue_core::kernels::{axpy, dot};
use segue_core::panels::{Bf16, Line, Panels, Scalar};
use segue_core::training::adam::{Adam, matrix_like};
use segue_core::training::rows::distinct;
use segue_core::training::sampler::{Positives, shuffled};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, Embeddings, FitCx, FitError, Interval, ItemId,
    Matrix, Measure, ModelInfo, Output, ParamError, Query, Recommender, Scorer, Seed, Signal, TrainData, Trainable,
    UserId, Work, run_epochs,
};

use crate::batch::{Batch, Comparisons, Sample, compare};
use crate::order::Order;
use crate::propagate::{Propagation, ROWS, Workspace};

/// Draws that a step holds, 1 GiB of them.
const MOST_CANDIDATES: usize = 1 << 28;

/// How gradients move the embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenseOptimizer {
    /// Adam over the whole table in one fused pass, as in the paper's program.
    #[default]
    Adam,
}

/// How the liked side of a comparison is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositiveSampling {
    /// Users uniformly, then one of their likes, as many times as there are likes: the reference code.
    #[default]
    Users,
    /// Every like once, in random order.
    Interactions,
}

/// How the step size changes over the epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// It does not.
    #[default]
    Constant,
    /// Half a cosine, from `learning_rate` before the first epoch to 0 after the last.
    Cosine,
}

impl Schedule {
    /// What the step size is multiplied with once `done`, 0 to 1, of the training is.
    fn factor(self, done: f64) -> f32 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => (0.5 + 0.5 * (std::f64::consts::PI * done).cos()) as f32,
        }
    }
}

/// How propagated tables are stored; learnt vectors and their moments always have four bytes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// Four bytes a number.
    #[default]
    F32,
    /// Two bytes a number, eight bits of precision.
    Bf16,
}

segue_core::params! {
    /// Parameters of [`LightGcnModel`]. Defaults are those of the paper's Gowalla row but for the epochs (1000 there) and the
    /// learning rate (0.001 there, with which a log of 30,000 likes is not learnt in 100 epochs).
    pub struct LightGcn {
        /// Length of the vectors.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "embedding_dim", alias "emb_dim", alias "n_factors";
        /// Hops K.
        layers: usize = 3, range Interval::between(0.0, 16.0), alias "num_layers", alias "n_layers", alias "lightgcn_layers";
        /// Weights of layers 0 to K; empty for 1/(K + 1) each.
        layer_weights: Vec<f32> = Vec::new();
        /// Passes of as many samples as there are likes.
        epochs: usize = 100, range Interval::at_least(0.0), alias "n_epochs", alias "max_epochs";
        /// Step size of Adam.
        learning_rate: f32 = 0.005, range Interval::above(0.0), alias "lr";
        /// `constant`, or `cosine`: falling to 0 over the epochs.
        schedule: Schedule = Schedule::Constant;
        /// Penalty on the layer-0 vectors of a sample (`decay` in the reference code).
        l2: f32 = 1e-4, range Interval::at_least(0.0), alias "reg", alias "weight_decay", alias "decay";
        /// Draws from which the other item of a sample is the best scored: 1 is the paper's uniform one.
        hard_candidates: usize = 1, range Interval::between(1.0, 1024.0);
        /// Samples per step.
        batch_size: usize = 2048, range Interval::between(1.0, 16_777_216.0);
        /// Probability with which an edge is left out of a step.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95);
        /// `adam`, the paper's.
        optimizer: DenseOptimizer = DenseOptimizer::Adam;
        /// `users` (the reference code) or `interactions`.
        sampling: PositiveSampling = PositiveSampling::Users;
        /// Numbers of propagated tables: `f32`, or `bf16` in half the memory.
        storage: Storage = Storage::F32;
        /// Standard deviation of the initial vectors.
        init_std: f32 = 0.1, range Interval::at_least(0.0);
    }
}

impl LightGcn {
    fn train<S: Scalar, const N: usize>(
        &self,
        data: &TrainData<'_>,
        cx: &mut FitCx<'_>,
    ) -> Result<LightGcnModel, FitError> {
        run_epochs(&mut Training::<S, N>::new(self, data, cx.seed)?, self.epochs, cx, Self::load)
    }

    fn alpha(&self) -> Vec<f32> {
        if self.layer_weights.is_empty() {
            vec![1.0 / (self.layers + 1) as f32; self.layers + 1]
        } else {
            self.layer_weights.clone()
        }
    }
}

impl Algorithm for LightGcn {
    const INFO: ModelInfo = ModelInfo {
        name: "lightgcn",
        aliases: &["light_gcn"],
        title: "LightGCN",
        citation: "He, Deng, Wang, Li, Zhang, Wang: LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation, SIGIR 2020",
        useful_for: "the best ranking quality on implicit logs",
        not_useful_for: "ratings; training in seconds",
        scale: "a minute an epoch of 6 million likes in batches of 131,072; with more `ials`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = LightGcnModel;

    fn check(&self) -> Result<(), ParamError> {
        let refuse = |message| Err(ParamError::Value { model: Self::INFO.name.into(), message });
        let candidates = self.batch_size.saturating_mul(self.hard_candidates);
        if self.hard_candidates > 1 && candidates > MOST_CANDIDATES {
            return refuse(format!(
                "`batch_size` times `hard_candidates` is {candidates}; more than {MOST_CANDIDATES} draws a step are not held"
            ));
        }
        let n = self.layer_weights.len();
        if n != 0 && n != self.layers + 1 {
            return refuse(format!(
                "`layer_weights` has {n} entries, but `layers` = {} needs {}, one each for layers 0 to {}; or leave it \
                 empty for equal weights",
                self.layers,
                self.layers + 1,
                self.layers
            ));
        }
        match self.layer_weights.iter().find(|w| !w.is_finite()) {
            Some(weight) => refuse(format!("`layer_weights` holds {weight}; it must hold finite numbers")),
            None => Ok(()),
        }
    }

    fn work(&self, data: &TrainData<'_>) -> Vec<Work> {
        let likes = data.log.positives();
        let by_item = likes.transpose();
        let (n, d) = (likes.len() as f64, self.factors);
        let n_nodes = likes.n_rows() + likes.n_cols();
        let n_steps = likes.len().div_ceil(self.batch_size) as f64;
        let active = (0..likes.n_rows()).filter(|&u| !likes.cols_of(u).is_empty()).count().max(1) as f64;
        // A user's share of a draw, and an item's as the liked or the other one.
        let of_user = |u: usize| match self.sampling {
            _ if likes.cols_of(u).is_empty() => 0.0,
            PositiveSampling::Users => 1.0 / active,
            PositiveSampling::Interactions => likes.cols_of(u).len() as f64 / n,
        };
        let of_item = |i: usize| {
            let liked =
                by_item.cols_of(i).iter().map(|&u| of_user(u as usize) / likes.cols_of(u as usize).len() as f64);
            liked.sum::<f64>() + self.hard_candidates as f64 / likes.n_cols() as f64
        };
        let users = (0..likes.n_rows()).map(|u| (of_user(u), likes.cols_of(u).len()));
        let nodes = users.chain((0..likes.n_cols()).map(|i| (of_item(i), by_item.cols_of(i).len())));
        let draws = n / n_steps;
        let around = nodes.map(|(share, degree)| distinct(std::iter::once(share), draws) * degree as f64).sum::<f64>();
        let hops = self.layers.saturating_sub(1) as f64;
        let size = match self.storage {
            Storage::F32 => 4,
            Storage::Bf16 => 2,
        };
        let rows = |kernel, rows: f64| {
            let (table, gathered) = ((n_nodes * d * size) as f64, rows * (d * size) as f64);
            Work { table, gathered, ..Work::of(kernel) }.arithmetic(rows * d as f64).times(n_steps)
        };
        // Each hop reads both ends of every edge, the base, and writes its rows.
        let hop = 2.0 * n + 2.0 * n_nodes as f64;
        vec![
            rows("hops forwards", hops * hop),
            rows("last hop to the batch", around),
            rows("compare", (6.0 + self.hard_candidates as f64) * draws),
            rows("first hop from the batch", around),
            rows("hops backwards", (hops - 1.0).max(0.0) * hop + 2.0 * n),
            Work::of("Adam").arithmetic(8.0 * (n_nodes * d) as f64).numbers(6.0 * (n_nodes * d) as f64).times(n_steps),
        ]
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<LightGcnModel, FitError> {
        match (self.storage, self.factors) {
            (Storage::F32, ..=16) => self.train::<f32, 16>(data, cx),
            (Storage::F32, ..=32) => self.train::<f32, 32>(data, cx),
            (Storage::F32, _) => self.train::<f32, 64>(data, cx),
            (Storage::Bf16, ..=32) => self.train::<Bf16, 32>(data, cx),
            (Storage::Bf16, _) => self.train::<Bf16, 64>(data, cx),
        }
    }

    fn load(from: &ArtifactReader<'_>) -> Result<LightGcnModel, ArtifactError> {
        let (users, items) = (from.matrix("users")?, from.matrix("items")?);
        let base = matrix_like(from, "base", &users)?;
        let messages = matrix_like(from, "messages", &items)?;
        let guest = from.vector("guest", Some(items.n_cols()))?;
        if users.n_cols() != items.n_cols() {
            let problem = format!("is {} wide, but `items` is {} wide", users.n_cols(), items.n_cols());
            return Err(from.entry("users", problem));
        }
        Ok(LightGcnModel { users, items, base, messages, guest })
    }
}

/// Propagated vectors, and what answers a new history.
#[derive(Debug, Clone, PartialEq)]
pub struct LightGcnModel {
    users: Matrix,
    items: Matrix,
    /// `α₀ e⁰_u`: what a user is beside their history; zero for users without likes.
    base: Matrix,
    /// `M_i`: what one like of an item adds to a user.
    messages: Matrix,
    /// The mean user.
    guest: Vec<f32>,
}

struct Training<'a, S, const N: usize> {
    params: &'a LightGcn,
    positives: Positives,
    /// Of a large graph the order of its nodes, under whose ids everything here is.
    order: Option<Order>,
    propagation: Propagation,
    seed: Seed,
    /// `E⁰`, users first.
    table: Panels<f32, N>,
    /// Its moments.
    moments: [Panels<f32, N>; 2],
    step: u64,
    /// `D^-1/2 E⁰`, as it is propagated.
    scaled: Panels<S, N>,
    work: Workspace<S, N>,
}

impl<'a, S: Scalar, const N: usize> Training<'a, S, N> {
    fn new(params: &'a LightGcn, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let mut positives = Positives::new(data, LightGcn::INFO.name)?;
        let order = Order::of_large(positives.likes(), positives.starts());
        if let Some(order) = &order {
            positives = positives.renamed(&order.users, &order.items);
        }
        let propagation = Propagation::new(positives.likes(), params.alpha());
        let (n, d) = (propagation.n_nodes(), params.factors);
        let table = Matrix::normal(n, d, params.init_std, &mut seed.named("init").stream());
        let table = match &order {
            Some(order) => order.apply(&table),
            None => table,
        };
        let moments = [Panels::zeros(n, d), Panels::zeros(n, d)];
        let mut training = Self {
            params,
            positives,
            order,
            propagation,
            seed,
            table: Panels::zeros(0, d),
            moments,
            step: 0,
            scaled: Panels::zeros(n, d),
            work: Workspace::new(n, d),
        };
        training.set(&table);
        Ok(training)
    }

    /// Sets the learnt vectors.
    fn set(&mut self, table: &Matrix) {
        self.table = Panels::from_matrix(table);
        for p in 0..self.table.n_panels() {
            let to = self.scaled.panel_mut(p).iter_mut().zip(self.table.panel(p));
            for ((to, from), root) in to.zip(self.propagation.roots()) {
                to.0.iter_mut().zip(&from.0).for_each(|(to, x)| *to = S::put(x / root));
            }
        }
    }

    /// Samples `positions` of an epoch, and the candidates of each for the other item, which is the first of them. A user
    /// who likes all of a domain gives none.
    fn draw(&self, positions: Range<usize>, order: Option<&[u32]>, draws: Seed) -> (Vec<Sample>, Vec<u32>) {
        let n_users = self.positives.likes().n_rows() as u32;
        let per_sample = self.params.hard_candidates;
        let mut samples = vec![[0; 3]; positions.len()];
        let mut candidates = vec![0; positions.len() * per_sample];
        let draw = |(n, (sample, candidates)): (usize, (&mut Sample, &mut [u32]))| {
            let at = positions.start + n;
            let mut stream = draws.at(at as u64).stream();
            let (user, item) = match order {
                Some(order) => self.positives.pair(order[at]),
                None => self.positives.draw_by_user(&mut stream),
            };
            let others = self.positives.others(user, item);
            if others.is_empty() {
                // Of all samples, this one alone compares a node with itself.
                *sample = [user; 3];
                return;
            }
            candidates.fill_with(|| n_users + others.draw(&mut stream));
            *sample = [user, n_users + item, candidates[0]];
        };
        let each = samples.par_iter_mut().zip(candidates.par_chunks_mut(per_sample)).enumerate().with_min_len(256);
        each.for_each(draw);
        if samples.iter().any(|sample| sample[0] == sample[1]) {
            let kept = |n: &usize| samples[*n][0] != samples[*n][1];
            let at: Vec<usize> = (0..samples.len()).filter(kept).collect();
            candidates = at.iter().flat_map(|n| &candidates[n * per_sample..(n + 1) * per_sample]).copied().collect();
            samples = at.iter().map(|&n| samples[n]).collect();
        }
        (samples, candidates)
    }

    /// Propagates to the nodes of a batch and differentiates its comparisons; their mean loss, without the penalty.
    fn differentiate(&mut self, samples: &mut [Sample], candidates: &[u32]) -> (Batch, Comparisons, f64) {
        let batch = Batch::new(self.propagation.n_nodes(), samples, candidates);
        self.propagation.forward(&self.scaled, &batch, &mut self.work);
        let roots = self.propagation.roots();
        let mut slopes = compare(&batch, &self.work.rows, samples, candidates, roots);
        let mut loss = 0.0;
        for x in &mut slopes {
            let e = (-x.abs()).exp();
            loss += f64::from((-*x).max(0.0) + e.ln_1p());
            *x = (if *x > 0.0 { -e } else { -1.0 }) / ((1.0 + e) * samples.len() as f32);
        }
        let n_users = self.positives.likes().n_rows() as u32;
        let comparisons = Comparisons::new(&batch, n_users, samples, &slopes, roots);
        comparisons.apply(&self.work.rows, &mut self.work.gradients);
        (batch, comparisons, loss / samples.len() as f64)
    }

    /// One step on one batch; its mean loss, penalty included.
    fn train(&mut self, samples: &mut [Sample], candidates: &[u32], learning_rate: f32, dropout: Seed) -> f64 {
        self.propagation.drop_edges(self.params.dropout, dropout);
        let (batch, comparisons, loss) = self.differentiate(samples, candidates);
        let l2 = self.params.l2 / samples.len() as f32;
        let count = |node: usize| batch.slot(node as u32).map_or(0.0, |slot| comparisons.count(slot) as f32);

        self.step += 1;
        let adam = Adam::at(learning_rate, self.step);
        let backward = self.propagation.backward(&batch, &mut self.work);
        let (n, roots) = (self.propagation.n_nodes(), self.propagation.roots());
        let [first, second] = &mut self.moments;
        let panels = self.table.lines_mut().par_chunks_mut(n).zip(self.scaled.lines_mut().par_chunks_mut(n));
        let panels = panels.zip(first.lines_mut().par_chunks_mut(n)).zip(second.lines_mut().par_chunks_mut(n));
        let norms = panels.enumerate().map(|(p, (((rows, scaled), first), second))| {
            let blocks = rows.par_chunks_mut(ROWS).zip(scaled.par_chunks_mut(ROWS));
            let blocks = blocks.zip(first.par_chunks_mut(ROWS)).zip(second.par_chunks_mut(ROWS));
            let norms = blocks.enumerate().map(|(block, (((rows, scaled), first), second))| {
                let start = block * ROWS;
                let mut gradients = [Line([0.0_f32; N]); ROWS];
                let gradients = &mut gradients[..rows.len()];
                backward.block(p, start, gradients);
                let shares: Vec<f32> = (start..start + rows.len()).map(|node| l2 * count(node)).collect();
                let mut norm = 0.0;
                for (row, &share) in rows.iter().zip(&shares).filter(|(_, share)| **share > 0.0) {
                    norm += 0.5 * f64::from(share * dot(&row.0, &row.0));
                }
                adam.step_lines((rows, scaled), (first, second), (gradients, &roots[start..], &shares));
                norm
            });
            norms.collect::<Vec<f64>>()
        });
        let norms: Vec<Vec<f64>> = norms.collect();
        loss + norms.iter().flatten().sum::<f64>()
    }
}

impl<S: Scalar, const N: usize> Trainable for Training<'_, S, N> {
    type Model = LightGcnModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let seed = self.seed.named("epoch").at(epoch as u64);
        let (draws, dropout) = (seed.named("samples"), seed.named("dropout"));
        let n = self.positives.len();
        let order = (self.params.sampling == PositiveSampling::Interactions).then(|| shuffled(n, seed));
        let (mut sum, mut total) = (0.0, 0);
        for (step, start) in (0..n).step_by(self.params.batch_size).enumerate() {
            let positions = start..n.min(start + self.params.batch_size);
            let (mut samples, candidates) = self.draw(positions, order.as_deref(), draws);
            if samples.is_empty() {
                continue;
            }
            let done = ((epoch - 1) as f64 + start as f64 / n as f64) / self.params.epochs.max(1) as f64;
            let rate = self.params.learning_rate * self.params.schedule.factor(done);
            sum += self.train(&mut samples, &candidates, rate, dropout.at(step as u64)) * samples.len() as f64;
            total += samples.len();
        }
        // What is validated and saved is propagated over the whole graph.
        self.propagation.drop_edges(0.0, dropout);
        Ok(sum / total.max(1) as f64)
    }

    fn snapshot(&self) -> LightGcnModel {
        let (n_users, n_items) = (self.positives.likes().n_rows(), self.positives.likes().n_cols());
        let d = self.table.n_cols();
        let alpha = self.params.alpha();
        let mut users = Matrix::zeros(n_users, d);
        let mut items = Matrix::zeros(n_items, d);
        let mut messages = Matrix::zeros(n_items, d);
        self.propagation.layers(&self.table, |k, layer| {
            axpy(alpha[k], layer.rows(0..n_users), users.as_mut_slice());
            axpy(alpha[k], layer.rows(n_users..n_users + n_items), items.as_mut_slice());
            if let Some(&next) = alpha.get(k + 1) {
                for item in 0..n_items {
                    axpy(next * self.propagation.item_norm(item), layer.row(n_users + item), messages.row_mut(item));
                }
            }
        });

        let (active, table) = (self.positives.active(), self.table.to_matrix());
        let mut sums = vec![0.0_f64; d];
        let mut base = Matrix::zeros(n_users, d);
        for &user in active {
            axpy(alpha[0], table.row(user as usize), base.row_mut(user as usize));
            sums.iter_mut().zip(users.row(user as usize)).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        let guest: Vec<f32> = sums.iter().map(|sum| (sum / active.len() as f64) as f32).collect();
        for user in (0..n_users).filter(|&u| self.positives.likes().cols_of(u).is_empty()) {
            users.row_mut(user).copy_from_slice(&guest);
        }
        if let Some(order) = &self.order {
            (users, base) = (Order::undo(&order.users, &users), Order::undo(&order.users, &base));
            (items, messages) = (Order::undo(&order.items, &items), Order::undo(&order.items, &messages));
        }
        LightGcnModel { users, items, base, messages, guest }
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        let shape = [self.table.n_rows(), self.table.n_cols()];
        for (name, table) in
            ["table", "first_moment", "second_moment"].iter().zip([&self.table, &self.moments[0], &self.moments[1]])
        {
            out.tensor(name, &shape, table.to_matrix().into_vec());
        }
        out.meta("step", &self.step)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        let like = Matrix::zeros(self.table.n_rows(), self.table.n_cols());
        self.set(&matrix_like(from, "table", &like)?);
        for (name, moments) in ["first_moment", "second_moment"].iter().zip(&mut self.moments) {
            *moments = Panels::from_matrix(&matrix_like(from, name, &like)?);
        }
        self.step = from.meta("step")?;
        Ok(())
    }
}

impl LightGcnModel {
    /// The part of a user's vector that no history gives.
    fn base(&self, user: Option<UserId>) -> Option<&[f32]> {
        user.filter(|&u| (u as usize) < self.base.n_rows()).map(|u| self.base.row(u as usize))
    }
}

/// `±|likes|^-1/2` for each item of a history with an opinion.
fn strengths(query: &Query<'_>) -> Vec<(ItemId, f32)> {
    let signed = query.history.signed();
    let n_likes = signed.iter().filter(|(_, strength)| *strength >= 0.0).count();
    let norm = (1.0 / (n_likes.max(1) as f64).sqrt()) as f32;
    signed.into_iter().map(|(item, strength)| (item, if strength >= 0.0 { norm } else { -norm })).collect()
}

impl Embeddings for LightGcnModel {
    fn measure(&self) -> Measure {
        Measure::Dot
    }

    fn items(&self) -> &Matrix {
        &self.items
    }

    fn users(&self) -> &Matrix {
        &self.users
    }

    fn query(&self, query: &Query<'_>) -> Vec<f32> {
        let strengths = strengths(query);
        if strengths.is_empty() {
            return self.guest.clone();
        }
        let mut vector = self.base(query.user).map_or_else(|| vec![0.0; self.items.n_cols()], <[f32]>::to_vec);
        for (item, strength) in strengths {
            axpy(strength, self.messages.row(item as usize), &mut vector);
        }
        vector
    }
}

impl Recommender for LightGcnModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(DotScorer::new(&self.items, queries, |query| self.query(query)))
    }

    fn contributions(&self, query: &Query<'_>, item: ItemId) -> Option<Vec<f32>> {
        let strengths = strengths(query);
        let history = query.history;
        let target = self.items.row(item as usize);
        let mut parts = vec![0.0; history.len()];
        for (event, part) in parts.iter_mut().enumerate() {
            // Of several events about one item, the latest carries its part.
            let (source, later) = (history.items[event], &history.items[event + 1..]);
            if history.signals[event] == Signal::Neutral || later.contains(&source) {
                continue;
            }
            if let Ok(n) = strengths.binary_search_by_key(&source, |&(item, _)| item) {
                *part = strengths[n].1 * dot(self.messages.row(source as usize), target);
            }
        }
        Some(parts)
    }

    fn embeddings(&self) -> Option<&dyn Embeddings> {
        Some(self)
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix("users", &self.users);
        out.matrix("items", &self.items);
        out.matrix("base", &self.base);
        out.matrix("messages", &self.messages);
        out.tensor("guest", &[self.guest.len()], self.guest.as_slice());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::{Catalogue, Domain, Event, HistoryBuf, IdMap, Interactions, ItemInfo, Registry, Silent, Trainer};

    fn catalogue(n_items: usize) -> Catalogue {
        let ids = IdMap::new((0..n_items).map(|i| format!("{i:03}")).collect());
        Catalogue::new(vec![Domain { name: "films".into(), ids }], |_, _| ItemInfo::default())
    }

    fn log(n_items: usize, likes: &[Vec<u32>]) -> Interactions {
        let event = |user: usize, item: u32| Event {
            user: user as u32,
            item,
            weight: 1.0,
            signal: Signal::Positive,
            value: 1.0,
            time: None,
        };
        let events = likes.iter().enumerate().flat_map(|(u, items)| items.iter().map(move |&i| event(u, i))).collect();
        Interactions::new(likes.len(), n_items, events).unwrap()
    }

    fn small() -> (Catalogue, Interactions) {
        (catalogue(6), log(6, &[vec![0, 1, 3], vec![1], vec![0, 2, 3, 4], vec![]]))
    }

    fn fit(params: &LightGcn) -> (LightGcnModel, Interactions) {
        let (catalogue, log) = small();
        let (registry, mut silent) = (Registry::default(), Silent);
        let mut cx = FitCx::plain(3, &registry, &mut silent);
        (params.fit(&TrainData { catalogue: &catalogue, log: &log }, &mut cx).unwrap(), log)
    }

    fn short() -> LightGcn {
        LightGcn { factors: 5, epochs: 3, batch_size: 4, learning_rate: 0.05, ..LightGcn::default() }
    }

    /// The objective in double precision, dense, with no code in common.
    struct Twin {
        operator: Vec<Vec<f64>>,
        batch: Vec<Sample>,
    }

    impl Twin {
        fn new(likes: &[Vec<u32>], n_items: usize, alpha: &[f32], batch: &[Sample]) -> Self {
            let (n_users, n) = (likes.len(), likes.len() + n_items);
            let mut a = vec![vec![0.0; n]; n];
            for (u, items) in likes.iter().enumerate() {
                for &i in items {
                    let popularity = likes.iter().filter(|other| other.contains(&i)).count();
                    let weight = 1.0 / ((items.len() * popularity) as f64).sqrt();
                    a[u][n_users + i as usize] = weight;
                    a[n_users + i as usize][u] = weight;
                }
            }
            let mut power: Vec<Vec<f64>> =
                (0..n).map(|r| (0..n).map(|c| f64::from(u8::from(r == c))).collect()).collect();
            let mut operator = vec![vec![0.0; n]; n];
            for &alpha in alpha {
                for r in 0..n {
                    for c in 0..n {
                        operator[r][c] += f64::from(alpha) * power[r][c];
                    }
                }
                power = (0..n).map(|r| (0..n).map(|c| (0..n).map(|k| power[r][k] * a[k][c]).sum()).collect()).collect();
            }
            Self { operator, batch: batch.to_vec() }
        }

        fn loss(&self, table: &[f64], d: usize) -> f64 {
            let row = |node: u32, c: usize| -> f64 {
                self.operator[node as usize].iter().enumerate().map(|(k, w)| w * table[k * d + c]).sum()
            };
            let one = |&[u, i, j]: &Sample| {
                let x: f64 = (0..d).map(|c| row(u, c) * (row(i, c) - row(j, c))).sum();
                (-x).exp().ln_1p()
            };
            self.batch.iter().map(one).sum::<f64>() / self.batch.len() as f64
        }
    }

    type Plain<'a> = Training<'a, f32, 16>;

    /// Mean loss of a batch and the gradient with respect to the learnt vectors, penalty left out.
    fn gradient<S: Scalar, const N: usize>(training: &mut Training<'_, S, N>, batch: &[Sample]) -> (f64, Matrix) {
        let (batch, _, loss) = training.differentiate(&mut batch.to_vec(), &[]);
        let backward = training.propagation.backward(&batch, &mut training.work);
        let mut gradient = training.table.clone();
        let n = gradient.n_rows();
        for (p, panel) in gradient.lines_mut().chunks_exact_mut(n).enumerate() {
            backward.block(p, 0, panel);
        }
        let mut gradient = gradient.to_matrix();
        for (node, root) in training.propagation.roots().iter().enumerate() {
            gradient.row_mut(node).iter_mut().for_each(|x| *x *= root);
        }
        (loss, gradient)
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let likes = [vec![0, 1, 3], vec![1], vec![0, 2, 3, 4], vec![]];
        let (catalogue, log) = small();
        // A batch that meets most of the ten nodes, and two that meet few.
        let batches: [Vec<Sample>; 3] =
            [vec![[0, 5, 6], [2, 8, 5], [0, 5, 9], [1, 5, 4]], vec![[2, 8, 5], [2, 8, 9]], vec![[1, 5, 4]]];
        for (batch, is_whole) in batches.iter().zip([true, false, false]) {
            assert_eq!(Batch::new(10, batch, &[]).is_whole(), is_whole);
            for alpha in [vec![1.0], vec![0.25, 0.75], vec![0.5, 0.2, 0.3], vec![0.4, 0.3, 0.2, 0.1]] {
                let params =
                    LightGcn { factors: 3, layers: alpha.len() - 1, layer_weights: alpha, init_std: 0.8, ..short() };
                let data = TrainData { catalogue: &catalogue, log: &log };
                let mut training = Plain::new(&params, &data, Seed::new(5)).unwrap();
                let (loss, found) = gradient(&mut training, batch);

                let twin = Twin::new(&likes, 6, &params.alpha(), batch);
                let table: Vec<f64> = training.table.to_matrix().as_slice().iter().map(|&x| f64::from(x)).collect();
                assert!((twin.loss(&table, 3) - loss).abs() < 1e-6);
                for (at, &found) in found.as_slice().iter().enumerate() {
                    let moved = |by: f64| {
                        let mut table = table.clone();
                        table[at] += by;
                        twin.loss(&table, 3)
                    };
                    let wanted = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((f64::from(found) - wanted).abs() < 1e-6, "number {at}: {found} for {wanted}");
                }
            }
        }
    }

    #[test]
    fn half_of_a_float_keeps_the_gradient() {
        let (catalogue, log) = small();
        let params = LightGcn { factors: 40, init_std: 0.8, ..short() };
        let data = TrainData { catalogue: &catalogue, log: &log };
        let batch = [[0, 5, 6], [2, 8, 5], [0, 5, 9], [1, 5, 4]];
        for batch in [&batch[..], &batch[1..2]] {
            let (_, plain) = gradient(&mut Plain::new(&params, &data, Seed::new(5)).unwrap(), batch);
            let (_, half) = gradient(&mut Training::<Bf16, 64>::new(&params, &data, Seed::new(5)).unwrap(), batch);
            let norm = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| f64::from(x * x)).sum::<f64>().sqrt();
            let apart = norm(&mut plain.as_slice().iter().zip(half.as_slice()).map(|(a, b)| a - b));
            assert!(apart < 0.02 * norm(&mut plain.as_slice().iter().copied()), "{apart}");
        }
    }

    #[derive(Deserialize)]
    struct Golden {
        likes: Vec<Vec<u32>>,
        n_items: usize,
        factors: usize,
        layers: usize,
        learning_rate: f32,
        decay: f32,
        batches: Vec<Vec<Sample>>,
        initial: Vec<Vec<f32>>,
        losses: Vec<f64>,
        table: Vec<Vec<f32>>,
        r#final: Vec<Vec<f32>>,
    }

    #[test]
    fn two_steps_equal_an_independent_program() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../golden/lightgcn/two_steps.json");
        let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let (catalogue, log) = (catalogue(golden.n_items), log(golden.n_items, &golden.likes));
        let params = LightGcn {
            factors: golden.factors,
            layers: golden.layers,
            learning_rate: golden.learning_rate,
            l2: golden.decay,
            ..LightGcn::default()
        };
        let mut training = Plain::new(&params, &TrainData { catalogue: &catalogue, log: &log }, Seed::new(1)).unwrap();
        training.set(&Matrix::from_vec(golden.initial.len(), golden.factors, golden.initial.concat()));
        let n_users = golden.likes.len() as u32;
        for (batch, wanted) in golden.batches.iter().zip(&golden.losses) {
            let mut batch: Vec<Sample> = batch.iter().map(|&[u, i, j]| [u, n_users + i, n_users + j]).collect();
            let loss = training.train(&mut batch, &[], golden.learning_rate, Seed::new(1));
            assert!((loss - wanted).abs() < 1e-6, "{loss} for {wanted}");
        }
        let model = training.snapshot();
        let vectors = [model.users.as_slice(), model.items.as_slice()].concat();
        for (found, wanted) in [(training.table.to_matrix().as_slice(), golden.table), (&vectors, golden.r#final)] {
            for (found, wanted) in found.iter().zip(wanted.concat()) {
                assert!((found - wanted).abs() < 1e-5, "{found} for {wanted}");
            }
        }
    }

    #[test]
    fn a_training_history_gives_the_trained_vector_and_its_parts_add_up() {
        let (model, log) = fit(&short());
        for user in 0..3 {
            let query = Query { user: Some(user), history: log.user(user) };
            for (a, b) in model.query(&query).iter().zip(model.users.row(user as usize)) {
                assert!((a - b).abs() < 1e-6);
            }
            let mut score = [0.0];
            model.encode(&[query]).score(segue_core::Candidates::List(&[4]), &mut score);
            let parts: f32 = model.contributions(&query, 4).unwrap().iter().sum();
            let base = dot(model.base(Some(user)).unwrap(), model.items.row(4));
            assert!((parts + base - score[0]).abs() < 1e-6);
        }
        assert_eq!(model.query(&Query { user: Some(3), history: log.user(3) }), model.guest);
    }

    #[test]
    fn a_dislike_pulls_away_and_the_latest_opinion_has_the_part() {
        let (model, _) = fit(&short());
        let likes = HistoryBuf::likes(&[0, 3]);
        let mut changed = likes.clone();
        changed.push(3, Signal::Negative);
        let score = |history: &HistoryBuf| dot(&model.query(&Query::guest(history.as_history())), model.items.row(3));
        assert!(score(&changed) < score(&likes));
        let parts = model.contributions(&Query::guest(changed.as_history()), 3).unwrap();
        assert!(parts[1] == 0.0 && parts[2] < 0.0);
        assert!((parts.iter().sum::<f32>() - score(&changed)).abs() < 1e-6);
    }

    #[test]
    fn threads_and_resumption_do_not_change_a_bit() {
        let (catalogue, log) = small();
        let data = TrainData { catalogue: &catalogue, log: &log };
        let other = LightGcn { hard_candidates: 3, schedule: Schedule::Cosine, batch_size: 1, ..short() };
        for params in [LightGcn { dropout: 0.3, sampling: PositiveSampling::Interactions, ..short() }, other] {
            threads_and_resumption_do_not_change_a_bit_of::<f32, 16>(&params, &data);
            threads_and_resumption_do_not_change_a_bit_of::<Bf16, 32>(&params, &data);
        }
    }

    fn threads_and_resumption_do_not_change_a_bit_of<S: Scalar, const N: usize>(
        params: &LightGcn,
        data: &TrainData<'_>,
    ) {
        let train = |threads: usize, resume: bool| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut training = Training::<S, N>::new(params, data, Seed::new(2)).unwrap();
                let first = training.epoch(1).unwrap();
                if resume {
                    let registry = Registry::default();
                    let bytes = {
                        let mut writer = ArtifactWriter::new();
                        training.save_state(&mut writer).unwrap();
                        writer.to_bytes()
                    };
                    training = Training::<S, N>::new(params, data, Seed::new(2)).unwrap();
                    training.load_state(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap();
                }
                (first, training.epoch(2).unwrap(), training.snapshot())
            })
        };
        let once = train(1, false);
        assert_eq!(once, train(3, false));
        assert_eq!(once, train(2, true));
    }

    #[test]
    fn the_best_scored_candidate_is_compared() {
        let (catalogue, log) = small();
        let params = LightGcn { init_std: 0.8, ..short() };
        let mut training = Plain::new(&params, &TrainData { catalogue: &catalogue, log: &log }, Seed::new(5)).unwrap();
        let model = training.snapshot();
        let score = |user: u32, node: u32| dot(model.users.row(user as usize), model.items.row(node as usize - 4));
        let candidates = [6, 8, 9, 7, 6, 8, 5, 9, 5];
        let mut samples = [[0, 5, 6], [1, 5, 7], [2, 8, 5]];
        let (_, _, loss) = training.differentiate(&mut samples, &candidates);
        let mut wanted = 0.0;
        for (sample, candidates) in samples.iter().zip(candidates.chunks(3)) {
            let best = candidates.iter().copied().max_by(|&a, &b| score(sample[0], a).total_cmp(&score(sample[0], b)));
            assert_eq!(Some(sample[2]), best);
            wanted += f64::from(score(sample[0], sample[2]) - score(sample[0], sample[1])).exp().ln_1p() / 3.0;
        }
        assert!((loss - wanted).abs() < 1e-6, "{loss} for {wanted}");
    }

    #[test]
    fn what_is_saved_is_loaded_and_bad_parameters_are_named() {
        let (model, _) = fit(&LightGcn { layers: 1, layer_weights: vec![0.2, 0.8], ..short() });
        let mut writer = ArtifactWriter::new();
        model.save(&mut writer).unwrap();
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        assert_eq!(LightGcn::load(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap(), model);

        let wrong = LightGcn { layer_weights: vec![1.0], ..short() };
        assert!(wrong.check().unwrap_err().to_string().contains("needs 4"));
        let large = LightGcn { batch_size: 1 << 20, hard_candidates: 1024, ..short() };
        assert!(large.check().unwrap_err().to_string().contains("`hard_candidates` is 1073741824"));
        let (catalogue, empty) = (catalogue(2), Interactions::empty(2, 2));
        let mut silent = Silent;
        let mut cx = FitCx::plain(3, &registry, &mut silent);
        cx.trainer = Trainer::default();
        let error = short().fit(&TrainData { catalogue: &catalogue, log: &empty }, &mut cx).unwrap_err();
        assert!(error.to_string().contains("none of the 0 training events"), "{error}");
    }
}
