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
//! one fused pass of Adam; memory O((users + items) · d), five tables.
//!
//! Useful for the best ranking quality on implicit logs. Not useful for ratings, or where time to train is short.
//!
//! Deviations from the reference code: negatives come from the domain of the liked item; `dropout` drops both directions
//! of an edge together. `E` is linear, so a guest's or changed history is answered in closed form, with no training:
//! `α₀ e⁰_u + |h|^-1/2 (Σ_likes M_i - Σ_dislikes M_i)`, `M_i = Σ_{k≥1} α_k e_i^(k-1) / √d_i`, which for the training history
//! is the trained vector itself. Without history, the mean user answers. Weights of events are not used.
//!
//! Checked against finite differences, against two training steps of an independent dense program
//! (`golden/lightgcn/make.py`), and against the learning curve of the reference code on Gowalla.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use segue_core::kernels::{axpy, dot};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, Embeddings, FitCx, FitError, Interval, ItemId,
    Matrix, Measure, ModelInfo, Output, ParamError, Query, Recommender, Scorer, Seed, Signal, TrainData, Trainable,
    UserId, Work, run_epochs,
};

use crate::adam::{Adam, Moments, matrix_like};
use crate::propagate::{BatchNodes, Propagation};
use crate::rows::{ROWS_PER_TASK, RowGradients, Terms, distinct};
use crate::sampler::{Positives, shuffled};

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
        /// Penalty on the layer-0 vectors of a sample (`decay` in the reference code).
        l2: f32 = 1e-4, range Interval::at_least(0.0), alias "reg", alias "weight_decay", alias "decay";
        /// Samples per step.
        batch_size: usize = 2048, range Interval::between(1.0, 16_777_216.0);
        /// Probability with which an edge is left out of a step.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95);
        /// `adam`, the paper's.
        optimizer: DenseOptimizer = DenseOptimizer::Adam;
        /// `users` (the reference code) or `interactions`.
        sampling: PositiveSampling = PositiveSampling::Users;
        /// Standard deviation of the initial vectors.
        init_std: f32 = 0.1, range Interval::at_least(0.0);
    }
}

impl LightGcn {
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
        output: Output::Ranking,
        personalised: true,
    };
    type Model = LightGcnModel;

    fn check(&self) -> Result<(), ParamError> {
        let refuse = |message| Err(ParamError::Value { model: Self::INFO.name.into(), message });
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
            liked.sum::<f64>() + 1.0 / likes.n_cols() as f64
        };
        let users = (0..likes.n_rows()).map(|u| (of_user(u), likes.cols_of(u).len()));
        let nodes = users.chain((0..likes.n_cols()).map(|i| (of_item(i), by_item.cols_of(i).len())));
        let draws = n / n_steps;
        let around = nodes.map(|(share, degree)| distinct(std::iter::once(share), draws) * degree as f64).sum::<f64>();
        let hops = self.layers.saturating_sub(1) as f64;
        // Each hop reads both ends of every edge, the base, and writes its rows.
        let hop = 2.0 * n + 2.0 * n_nodes as f64;
        vec![
            Work::of("hops forwards").rows(hops * hop, d, n_nodes).times(n_steps),
            Work::of("last hop to the batch").rows(around, d, n_nodes).times(n_steps),
            Work::of("compare").rows(7.0 * draws, d, n_nodes).times(n_steps),
            Work::of("first hop from the batch").rows(around, d, n_nodes).times(n_steps),
            Work::of("hops backwards").rows((hops - 1.0).max(0.0) * hop + 2.0 * n, d, n_nodes).times(n_steps),
            Work::of("Adam").arithmetic(8.0 * (n_nodes * d) as f64).numbers(6.0 * (n_nodes * d) as f64).times(n_steps),
        ]
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<LightGcnModel, FitError> {
        let mut training = Training::new(self, data, cx.seed)?;
        run_epochs(&mut training, self.epochs, cx, Self::load)
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

/// User, liked item, other item, as nodes of the graph.
type Sample = [u32; 3];

struct Training<'a> {
    params: &'a LightGcn,
    positives: Positives,
    propagation: Propagation,
    seed: Seed,
    /// `E⁰`, users first.
    table: Matrix,
    moments: Moments,
    step: u64,
    buffers: [Matrix; 2],
}

/// The gradient of a batch with respect to the propagated rows of its nodes.
struct BatchGradient {
    nodes: BatchNodes,
    rows: RowGradients,
    /// Mean loss of the comparisons.
    loss: f64,
}

impl<'a> Training<'a> {
    fn new(params: &'a LightGcn, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let positives = Positives::new(data, LightGcn::INFO.name)?;
        let propagation = Propagation::new(positives.likes(), params.alpha());
        let n = propagation.n_nodes();
        let table = Matrix::normal(n, params.factors, params.init_std, &mut seed.named("init").stream());
        let zeros = Matrix::zeros(n, params.factors);
        let moments = Moments::of(&table);
        let buffers = [zeros.clone(), zeros];
        Ok(Self { params, positives, propagation, seed, table, moments, step: 0, buffers })
    }

    /// The samples of one epoch. A user who likes all of a domain gives none.
    fn samples(&self, epoch: Seed) -> Vec<Sample> {
        let n = self.positives.len();
        let n_users = self.positives.likes().n_rows() as u32;
        let draws = epoch.named("samples");
        let sample = |at: u64, like: Option<u32>| {
            let mut stream = draws.at(at).stream();
            let (user, item) = match like {
                Some(like) => self.positives.pair(like),
                None => self.positives.draw_by_user(&mut stream),
            };
            let others = self.positives.others(user, item);
            (!others.is_empty()).then(|| [user, n_users + item, n_users + others.draw(&mut stream)])
        };
        match self.params.sampling {
            PositiveSampling::Users => (0..n as u64).into_par_iter().filter_map(|at| sample(at, None)).collect(),
            PositiveSampling::Interactions => {
                let order = shuffled(n, epoch);
                order.par_iter().enumerate().filter_map(|(at, &like)| sample(at as u64, Some(like))).collect()
            }
        }
    }

    /// Propagates to the nodes of a batch and differentiates its comparisons.
    fn differentiate(&mut self, batch: &[Sample]) -> BatchGradient {
        let d = self.table.n_cols();
        let nodes = BatchNodes::new(self.propagation.n_nodes(), batch.as_flattened().to_vec());
        let rows = self.propagation.forward(&self.table, &nodes, &mut self.buffers);
        let slots = |sample: &Sample| sample.map(|node| nodes.slot(node).unwrap_or(0));
        let scale = 1.0 / batch.len() as f32;
        let compared: Vec<(f32, f32)> = batch
            .par_iter()
            .with_min_len(128)
            .map(|sample| {
                let [user, liked, other] = slots(sample).map(|slot| rows.row(slot as usize));
                let x = dot(user, liked) - dot(user, other);
                let e = (-x.abs()).exp();
                let slope = if x > 0.0 { -e / (1.0 + e) } else { -1.0 / (1.0 + e) };
                ((-x).max(0.0) + e.ln_1p(), scale * slope)
            })
            .collect();
        let mut terms = Terms::default();
        for (sample, &(_, slope)) in batch.iter().zip(&compared) {
            let [user, liked, other] = slots(sample);
            terms.push(user, liked, slope, 1.0);
            terms.push(user, other, -slope, 0.0);
            terms.push(liked, user, slope, 1.0);
            terms.push(other, user, -slope, 1.0);
        }
        let loss = compared.iter().map(|&(loss, _)| f64::from(loss)).sum::<f64>() / batch.len() as f64;
        BatchGradient { rows: terms.sum(rows.as_slice(), d), nodes, loss }
    }

    /// One step on one batch; its mean loss, penalty included.
    fn train(&mut self, batch: &[Sample], dropout: Seed) -> f64 {
        self.propagation.drop_edges(self.params.dropout, dropout);
        let gradient = self.differentiate(batch);
        let l2 = self.params.l2 / batch.len() as f32;
        let shares = gradient.nodes.nodes.iter().zip(&gradient.rows.penalties);
        let penalty: f64 = shares
            .map(|(&node, &share)| {
                let row = self.table.row(node as usize);
                0.5 * f64::from(l2 * share) * f64::from(dot(row, row))
            })
            .sum();

        self.step += 1;
        let adam = Adam::at(self.params.learning_rate, self.step);
        let d = self.table.n_cols();
        let backward = self.propagation.backward(&gradient.nodes, &gradient.rows.data, &mut self.buffers);
        let width = ROWS_PER_TASK * d;
        let rows = self.table.as_mut_slice().par_chunks_mut(width);
        let first = self.moments.first.as_mut_slice().par_chunks_mut(width);
        let second = self.moments.second.as_mut_slice().par_chunks_mut(width);
        let tasks = rows.zip(first).zip(second).enumerate();
        tasks.for_each_init(
            || (Vec::new(), vec![0.0_f32; d]),
            |(scratch, total), (task, ((rows, first), second))| {
                let each = rows.chunks_exact_mut(d).zip(first.chunks_exact_mut(d)).zip(second.chunks_exact_mut(d));
                for (n, ((row, first), second)) in each.enumerate() {
                    let node = task * ROWS_PER_TASK + n;
                    backward.row(node, scratch, total);
                    if let Some(slot) = gradient.nodes.slot(node as u32) {
                        axpy(l2 * gradient.rows.penalties[slot as usize], row, total);
                    }
                    adam.step(row, (first, second), total, (1.0, 1.0));
                }
            },
        );
        gradient.loss + penalty
    }
}

impl Trainable for Training<'_> {
    type Model = LightGcnModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let seed = self.seed.named("epoch").at(epoch as u64);
        let (samples, dropout) = (self.samples(seed), seed.named("dropout"));
        let mut sum = 0.0;
        for (n, batch) in samples.chunks(self.params.batch_size).enumerate() {
            sum += self.train(batch, dropout.at(n as u64)) * batch.len() as f64;
        }
        // What is validated and saved is propagated over the whole graph.
        self.propagation.drop_edges(0.0, dropout);
        Ok(sum / samples.len().max(1) as f64)
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

        let active = self.positives.active();
        let mut sums = vec![0.0_f64; d];
        let mut base = Matrix::zeros(n_users, d);
        for &user in active {
            axpy(alpha[0], self.table.row(user as usize), base.row_mut(user as usize));
            sums.iter_mut().zip(users.row(user as usize)).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        let guest: Vec<f32> = sums.iter().map(|sum| (sum / active.len() as f64) as f32).collect();
        for user in (0..n_users).filter(|&u| self.positives.likes().cols_of(u).is_empty()) {
            users.row_mut(user).copy_from_slice(&guest);
        }
        LightGcnModel { users, items, base, messages, guest }
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        out.matrix("table", &self.table);
        self.moments.save(out);
        out.meta("step", &self.step)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.table = matrix_like(from, "table", &self.table)?;
        self.moments.load(from)?;
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

    #[test]
    fn gradients_equal_finite_differences() {
        let likes = [vec![0, 1, 3], vec![1], vec![0, 2, 3, 4], vec![]];
        let (catalogue, log) = small();
        let batch: Vec<Sample> = vec![[0, 5, 6], [2, 8, 5], [0, 5, 9], [1, 5, 4]];
        for alpha in [vec![1.0], vec![0.25, 0.75], vec![0.5, 0.2, 0.3], vec![0.4, 0.3, 0.2, 0.1]] {
            let params =
                LightGcn { factors: 3, layers: alpha.len() - 1, layer_weights: alpha, init_std: 0.8, ..short() };
            let data = TrainData { catalogue: &catalogue, log: &log };
            let mut training = Training::new(&params, &data, Seed::new(5)).unwrap();
            let gradient = training.differentiate(&batch);
            let backward = training.propagation.backward(&gradient.nodes, &gradient.rows.data, &mut training.buffers);
            let (mut scratch, mut row) = (Vec::new(), vec![9.0; 3]);

            let twin = Twin::new(&likes, 6, &params.alpha(), &batch);
            let table: Vec<f64> = training.table.as_slice().iter().map(|&x| f64::from(x)).collect();
            assert!((twin.loss(&table, 3) - gradient.loss).abs() < 1e-6);
            for node in 0..10 {
                backward.row(node, &mut scratch, &mut row);
                for (c, &found) in row.iter().enumerate() {
                    let moved = |by: f64| {
                        let mut table = table.clone();
                        table[node * 3 + c] += by;
                        twin.loss(&table, 3)
                    };
                    let wanted = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    assert!((f64::from(found) - wanted).abs() < 1e-6, "node {node}: {found} for {wanted}");
                }
            }
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
        let mut training =
            Training::new(&params, &TrainData { catalogue: &catalogue, log: &log }, Seed::new(1)).unwrap();
        training.table = Matrix::from_vec(golden.initial.len(), golden.factors, golden.initial.concat());
        let n_users = golden.likes.len() as u32;
        for (batch, wanted) in golden.batches.iter().zip(&golden.losses) {
            let batch: Vec<Sample> = batch.iter().map(|&[u, i, j]| [u, n_users + i, n_users + j]).collect();
            let loss = training.train(&batch, Seed::new(1));
            assert!((loss - wanted).abs() < 1e-6, "{loss} for {wanted}");
        }
        let model = training.snapshot();
        let vectors = [model.users.as_slice(), model.items.as_slice()].concat();
        for (found, wanted) in [(training.table.as_slice(), golden.table), (&vectors, golden.r#final)] {
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
        let params = LightGcn { dropout: 0.3, sampling: PositiveSampling::Interactions, ..short() };
        let train = |threads: usize, resume: bool| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut training = Training::new(&params, &data, Seed::new(2)).unwrap();
                let first = training.epoch(1).unwrap();
                if resume {
                    let registry = Registry::default();
                    let bytes = {
                        let mut writer = ArtifactWriter::new();
                        training.save_state(&mut writer).unwrap();
                        writer.to_bytes()
                    };
                    training = Training::new(&params, &data, Seed::new(2)).unwrap();
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
    fn what_is_saved_is_loaded_and_bad_parameters_are_named() {
        let (model, _) = fit(&LightGcn { layers: 1, layer_weights: vec![0.2, 0.8], ..short() });
        let mut writer = ArtifactWriter::new();
        model.save(&mut writer).unwrap();
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        assert_eq!(LightGcn::load(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap(), model);

        let wrong = LightGcn { layer_weights: vec![1.0], ..short() };
        assert!(wrong.check().unwrap_err().to_string().contains("needs 4"));
        let (catalogue, empty) = (catalogue(2), Interactions::empty(2, 2));
        let mut silent = Silent;
        let mut cx = FitCx::plain(3, &registry, &mut silent);
        cx.trainer = Trainer::default();
        let error = short().fit(&TrainData { catalogue: &catalogue, log: &empty }, &mut cx).unwrap_err();
        assert!(error.to_string().contains("none of the 0 training events"), "{error}");
    }
}
