//! A graph network: what a node hears of its neighbours passes through layers of neurons, whatever way it is put together.
//!
//! William L. Hamilton, Rex Ying, Jure Leskovec: *Inductive Representation Learning on Large Graphs*, NIPS 2017,
//! <https://arxiv.org/abs/1706.02216>, over the graph of likes, with vectors of items' features beside their own:
//!
//! ```text
//! h⁰_u = e_u        h⁰_i = e_i + mean of the vectors of i's features
//! m_v = Σ_{n ∈ N(v)} w_vn h^(k-1)_n        h^k_v = LeakyReLU(h^(k-1)_v W₁ᵏ + m_v W₂ᵏ + bᵏ)
//! F = mean of h⁰ … h^K        s(u, i) = F_u · F_i
//! min mean_(u,i,j) ln(1 + e^(s(u,j) - s(u,i))) + l2/2 mean (|e_u|² + |e_i|² + |e_j|²)
//! ```
//!
//! | `aggregation` | `w_vn` | of |
//! |---|---|---|
//! | `mean` | `1 / d_v` | Hamilton, Ying, Leskovec |
//! | `sum` | `1 / √(d_v d_n)`: a plain sum would grow with the degree | Thomas N. Kipf, Max Welling: *Semi-Supervised Classification with Graph Convolutional Networks*, ICLR 2017 |
//! | `attention` | softmax over `n` of `LeakyReLU(h_v · a₁ + h_n · a₂)`, one head | Petar Veličković and others: *Graph Attention Networks*, ICLR 2018 |
//!
//! A step passes over the whole graph, whatever its batch. Cost of it: O(K · (likes · d + nodes · d²)); memory O(nodes · d · K).
//!
//! Useful where items have features and few likes, and to compare ways of listening. Not useful where likes alone count:
//! `lightgcn`, which leaves out the neurons, is better and quicker.
//!
//! Forward and backward are written by hand; rows run in fixed chunks, whose gradients are summed in their order, so that the model
//! is the same to the bit at any number of threads. A history is answered by the same layers: its items are what the user's node
//! hears, a dislike with its sign turned; items stay as they are. A guest starts from the mean user; without history, the mean user
//! answers. Negatives come from the domain of the liked item. Checked against `PyTorch` (`golden/neural/gnn.py`).

use std::borrow::Cow;

use rayon::prelude::*;
use segue_core::kernels::{Block, axpy, dot, matmul, scale};
use segue_core::training::adam::{Moments, matrix_like};
use segue_core::training::rows::Terms;
use segue_core::training::sampler::{Positives, shuffled};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, FitCx, FitError, Interval, ItemId, Matrix,
    ModelInfo, Output, ParamError, Params as _, Query, Recommender, Scorer, Seed, TrainData, Trainable, run_epochs,
};
use serde::{Deserialize, Serialize};

use crate::engine::{Parameter, Start};
use crate::features::ItemFeatures;
use crate::graph::{Graph, Sample, drawn, logistic};
use crate::optimise::{Descent, Optimizer, Pace, clip, descent_params, finite};
use crate::softmax::Mover;

/// Nodes that pass a layer together.
const CHUNK: usize = 256;
/// Of the leaky rectifier below zero.
const SLOPE: f32 = 0.2;

/// How what neighbours say becomes one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Each says as much.
    #[default]
    Mean,
    /// Each says as much, less where it speaks to many.
    Sum,
    /// The node asks, and listens to who fits.
    Attention,
}

descent_params! {
    /// Parameters of the graph network.
    pub struct Gnn {
        /// Length of the vectors.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "embedding_dim", alias "emb_dim", alias "hidden_dim";
        /// Layers, one for each hop.
        layers: usize = 2, range Interval::between(0.0, 8.0), alias "n_layers", alias "num_layers";
        /// `mean`, `sum` or `attention`: how what neighbours say becomes one vector.
        aggregation: Aggregation = Aggregation::Mean, alias "aggregator";
        /// Whether items carry their features (genres), too.
        features: bool = true, alias "genres";
        /// Share of each layer's output that a step does without.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95), alias "message_dropout";
        /// Longest gradient of a step, all parameters together; 0 for no limit.
        clip_norm: f32 = 0.0, range Interval::at_least(0.0), alias "gradient_clip_val";
    }
    descent { epochs: 100, batch_size: 1024, learning_rate: 0.001, optimizer: Adam, l2: 1e-5 }
}

impl Algorithm for Gnn {
    const INFO: ModelInfo = ModelInfo {
        name: "gnn",
        aliases: &["graphsage"],
        title: "Graph network with message passing",
        citation: "Hamilton, Ying, Leskovec: Inductive Representation Learning on Large Graphs, NIPS 2017",
        useful_for: "items with features and few likes; comparing ways of listening",
        not_useful_for: "likes alone: `lightgcn` is better and quicker",
        scale: "a million likes; with more `lightgcn`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = GnnModel;

    fn check(&self) -> Result<(), ParamError> {
        self.descent().check(Self::INFO.name)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<GnnModel, FitError> {
        run_epochs(&mut Training::new(self, data, cx.seed)?, self.epochs, cx, Self::load)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<GnnModel, ArtifactError> {
        let params: Self = from.meta("params")?;
        let checked = params.check_ranges(Self::INFO.name).and_then(|()| params.check());
        checked.map_err(|error| from.entry("params", error.to_string()))?;
        let d = params.factors;
        let matrix = |name: &str, n_rows: Option<usize>, n_cols: usize| {
            let matrix = from.matrix(name)?;
            let found = (matrix.n_rows(), matrix.n_cols());
            let wanted = (n_rows.unwrap_or(found.0), n_cols);
            if found == wanted {
                return Ok(matrix);
            }
            Err(from.entry(name, format!("has shape {found:?}, but this architecture has {wanted:?}")))
        };
        let (users, items) = (matrix("users", None, d)?, matrix("items", None, d)?);
        let states = matrix("states", Some(items.n_rows()), d * params.layers)?;
        let layer = |k: usize| {
            let of = |what: &str, n_rows: usize| matrix(&layer_name(k, what), Some(n_rows), d);
            let attention = attended(params.aggregation);
            Ok(Layer {
                own: of("own", d)?,
                heard: of("heard", d)?,
                bias: of("bias", 1)?,
                attention: of("attention", attention)?,
            })
        };
        Ok(GnnModel {
            degrees: from.vector("degrees", Some(items.n_rows()))?,
            layers: (0..params.layers).map(layer).collect::<Result<_, ArtifactError>>()?,
            mean: from.vector("mean", Some(d))?,
            guest: from.vector("guest", Some(d))?,
            params,
            users,
            items,
            states,
        })
    }
}

fn layer_name(k: usize, what: &str) -> String {
    format!("layer{k}.{what}")
}

/// Rows of what a layer attends by: `a₁` and `a₂`, or none.
fn attended(aggregation: Aggregation) -> usize {
    if aggregation == Aggregation::Attention { 2 } else { 0 }
}

/// One hop.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    /// `W₁`, `(d, d)`.
    own: Matrix,
    /// `W₂`, `(d, d)`.
    heard: Matrix,
    /// `b`, `(1, d)`.
    bias: Matrix,
    /// `a₁` and `a₂`, `(2, d)`, or no rows.
    attention: Matrix,
}

impl Layer {
    fn matrices(&self) -> [(&'static str, &Matrix); 4] {
        [("own", &self.own), ("heard", &self.heard), ("bias", &self.bias), ("attention", &self.attention)]
    }

    fn matrices_mut(&mut self) -> [&mut Matrix; 4] {
        [&mut self.own, &mut self.heard, &mut self.bias, &mut self.attention]
    }

    /// Some nodes through the layer.
    fn of(&self, own: &[f32], heard: &[f32], out: &mut [f32]) {
        let d = self.bias.n_cols();
        let (rows, square) = (Block::whole(own.len() / d, d), Block::whole(d, d));
        out.chunks_exact_mut(d).for_each(|row| row.copy_from_slice(self.bias.as_slice()));
        matmul((out, rows), (own, rows), (self.own.as_slice(), square), 1.0, 1.0);
        matmul((out, rows), (heard, rows), (self.heard.as_slice(), square), 1.0, 1.0);
        for x in out {
            *x = leaky(*x);
        }
    }
}

fn leaky(x: f32) -> f32 {
    if x > 0.0 { x } else { SLOPE * x }
}

/// What is learnt, or its gradient.
#[derive(Debug, Clone, PartialEq)]
struct Weights {
    /// `e`, `(n_nodes, d)`.
    base: Matrix,
    /// `(n_features, d)`.
    features: Matrix,
    layers: Vec<Layer>,
}

impl Weights {
    fn draw(params: &Gnn, (n_nodes, n_features): (usize, usize), seed: Seed) -> Self {
        let d = params.factors;
        let drawn = |name: String, n_rows: usize, start: Start| {
            let drawn = Parameter::new(name, &[n_rows, d], start).draw(seed);
            Matrix::from_vec(n_rows, d, drawn)
        };
        let layer = |k: usize| Layer {
            own: drawn(layer_name(k, "own"), d, Start::Glorot),
            heard: drawn(layer_name(k, "heard"), d, Start::Glorot),
            bias: drawn(layer_name(k, "bias"), 1, Start::Zeros),
            attention: drawn(layer_name(k, "attention"), attended(params.aggregation), Start::Glorot),
        };
        Self {
            base: drawn("base".into(), n_nodes, Start::Glorot),
            features: drawn("features".into(), n_features, Start::Glorot),
            layers: (0..params.layers).map(layer).collect(),
        }
    }

    /// By name, and whether a decay holds it back.
    fn matrices(&self) -> impl Iterator<Item = (String, bool, &Matrix)> {
        let tables = [("base".into(), true, &self.base), ("features".into(), true, &self.features)];
        let layers = self.layers.iter().enumerate();
        let layers = layers.flat_map(|(k, layer)| {
            layer.matrices().map(|(what, matrix)| (layer_name(k, what), what != "bias", matrix))
        });
        tables.into_iter().chain(layers)
    }

    fn matrices_mut(&mut self) -> impl Iterator<Item = &mut Matrix> {
        let layers = self.layers.iter_mut().flat_map(Layer::matrices_mut);
        [&mut self.base, &mut self.features].into_iter().chain(layers)
    }
}

/// What a step leaves out of each layer's output.
#[derive(Debug, Clone, Copy)]
struct Left {
    rate: f32,
    seed: Seed,
}

/// The whole graph through all layers.
struct Pass<'a> {
    /// `h^k`, `(n_nodes, d)` each.
    outputs: Vec<Matrix>,
    /// `m` of each layer.
    heard: Vec<Matrix>,
    /// `w` of each layer, edge by edge.
    edges: Vec<Cow<'a, [f32]>>,
}

impl Pass<'_> {
    /// Row `node` of `F`.
    fn answer(&self, node: usize) -> Vec<f32> {
        mean_of(self.outputs.iter().map(|output| output.row(node)))
    }
}

fn mean_of<'r>(rows: impl ExactSizeIterator<Item = &'r [f32]>) -> Vec<f32> {
    let share = 1.0 / rows.len() as f32;
    let mut mean = Vec::new();
    for row in rows {
        mean.resize(row.len(), 0.0);
        axpy(share, row, &mut mean);
    }
    mean
}

/// The graph as a network listens to it.
#[derive(Debug)]
struct Net {
    graph: Graph,
    n_users: usize,
    features: ItemFeatures,
    aggregation: Aggregation,
    /// `1 / d_v` of each edge.
    even: Vec<f32>,
    /// The edge that leads back.
    back: Vec<u32>,
}

impl Net {
    fn new(graph: Graph, n_users: usize, features: ItemFeatures, aggregation: Aggregation) -> Self {
        let even =
            (0..graph.n_nodes()).flat_map(|v| std::iter::repeat_n(1.0 / graph.degree(v) as f32, graph.degree(v)));
        let even = even.collect();
        let back = graph.back();
        Self { graph, n_users, features, aggregation, even, back }
    }

    /// `w` of a layer whose nodes have the vectors `h`.
    fn edges<'a>(&'a self, layer: &Layer, h: &Matrix) -> Cow<'a, [f32]> {
        match self.aggregation {
            Aggregation::Mean => Cow::Borrowed(&self.even),
            Aggregation::Sum => Cow::Borrowed(&self.graph.symmetric),
            Aggregation::Attention => {
                let [asks, answers] = [0, 1].map(|which| products(h, layer.attention.row(which)));
                let of_node = |v: usize| {
                    let scores: Vec<f32> =
                        self.graph.neighbours(v).iter().map(|&n| leaky(asks[v] + answers[n as usize])).collect();
                    softmax(scores)
                };
                let rows: Vec<Vec<f32>> = (0..self.graph.n_nodes()).into_par_iter().map(of_node).collect();
                Cow::Owned(rows.concat())
            }
        }
    }

    /// `h⁰`.
    fn first(&self, weights: &Weights) -> Matrix {
        let mut first = weights.base.clone();
        let d = first.n_cols();
        let items = first.as_mut_slice()[self.n_users * d..].par_chunks_exact_mut(d).enumerate();
        items.for_each(|(item, row)| self.features.add_mean(item as ItemId, &weights.features, row));
        first
    }

    fn forward(&self, weights: &Weights, left: Option<Left>) -> Pass<'_> {
        let (n, d) = (self.graph.n_nodes(), weights.base.n_cols());
        let mut pass = Pass { outputs: vec![self.first(weights)], heard: Vec::new(), edges: Vec::new() };
        for (k, layer) in weights.layers.iter().enumerate() {
            let own = &pass.outputs[k];
            let edges = self.edges(layer, own);
            let (mut heard, mut out) = (Matrix::zeros(n, d), Matrix::zeros(n, d));
            let chunks = heard.as_mut_slice().par_chunks_mut(CHUNK * d).zip(own.as_slice().par_chunks(CHUNK * d));
            let chunks = chunks.zip(out.as_mut_slice().par_chunks_mut(CHUNK * d)).enumerate();
            chunks.for_each(|(chunk, ((heard, rows), out))| {
                for (node, heard) in (chunk * CHUNK..).zip(heard.chunks_exact_mut(d)) {
                    self.graph.hear(node, &edges, own, heard);
                }
                layer.of(rows, heard, out);
                if let Some(left) = left.filter(|left| left.rate > 0.0) {
                    let mut stream = left.seed.at(k as u64).at(chunk as u64).stream();
                    for x in out {
                        let is_left = stream.unit() < f64::from(left.rate);
                        *x = if is_left { 0.0 } else { *x / (1.0 - left.rate) };
                    }
                }
            });
            pass.heard.push(heard);
            pass.edges.push(edges);
            pass.outputs.push(out);
        }
        pass
    }

    /// Gradients from that of every row of `F`, but for the penalties.
    fn backward(&self, weights: &Weights, pass: &Pass<'_>, of_answers: &Matrix, rate: f32) -> Weights {
        let mut of_output = of_answers.clone();
        scale(1.0 / pass.outputs.len() as f32, of_output.as_mut_slice());
        // Every output has this share in the answer; to all but the last comes what passes down.
        let shared = of_output.clone();
        let mut layers = Vec::new();
        for (k, layer) in weights.layers.iter().enumerate().rev() {
            let (of_own, of_heard, of_layer) =
                layer_back(layer, (&pass.outputs[k], &pass.heard[k]), (&pass.outputs[k + 1], &of_output), rate);
            let mut below = shared.clone();
            axpy(1.0, of_own.as_slice(), below.as_mut_slice());
            self.told(&pass.edges[k], &of_heard, &mut below);
            let mut of_layer = of_layer;
            if self.aggregation == Aggregation::Attention {
                of_layer.attention = self.asked(layer, (&pass.outputs[k], &pass.edges[k]), &of_heard, &mut below);
            }
            layers.push(of_layer);
            of_output = below;
        }
        layers.reverse();
        let d = of_output.n_cols();
        let items: Vec<ItemId> = (0..(self.graph.n_nodes() - self.n_users) as ItemId).collect();
        let of_items = &of_output.as_slice()[self.n_users * d..];
        let mut features = Matrix::zeros(weights.features.n_rows(), d);
        for (row, _, gradient) in self.features.terms(items.iter(), 0.0).sum(of_items, d).within(0..features.n_rows()) {
            features.row_mut(row).copy_from_slice(gradient);
        }
        Weights { base: of_output, features, layers }
    }

    /// Adds to each node what its neighbours make of what they heard of it.
    fn told(&self, edges: &[f32], of_heard: &Matrix, below: &mut Matrix) {
        let backwards: Vec<f32> = self.back.par_iter().map(|&edge| edges[edge as usize]).collect();
        let d = below.n_cols();
        below.as_mut_slice().par_chunks_mut(CHUNK * d).enumerate().for_each(|(chunk, below)| {
            let mut told = vec![0.0; d];
            for (node, below) in (chunk * CHUNK..).zip(below.chunks_exact_mut(d)) {
                self.graph.hear(node, &backwards, of_heard, &mut told);
                axpy(1.0, &told, below);
            }
        });
    }

    /// The gradient of `a₁` and `a₂`; adds to each node what attention makes of its vector.
    fn asked(&self, layer: &Layer, (h, edges): (&Matrix, &[f32]), of_heard: &Matrix, below: &mut Matrix) -> Matrix {
        let (graph, d) = (&self.graph, h.n_cols());
        let [asks, answers] = [0, 1].map(|which| products(h, layer.attention.row(which)));
        let of_node = |v: usize| -> Vec<f32> {
            let weights = &edges[graph.edges_of(v)];
            let slopes: Vec<f32> =
                graph.neighbours(v).iter().map(|&n| dot(of_heard.row(v), h.row(n as usize))).collect();
            let mean = dot(weights, &slopes);
            let each = weights.iter().zip(slopes).zip(graph.neighbours(v));
            let bent = |n: u32| if asks[v] + answers[n as usize] > 0.0 { 1.0 } else { SLOPE };
            each.map(|((w, slope), &n)| w * (slope - mean) * bent(n)).collect()
        };
        let of_scores: Vec<Vec<f32>> = (0..graph.n_nodes()).into_par_iter().map(of_node).collect();
        let of_scores = of_scores.concat();
        let mut gradient = Matrix::zeros(2, d);
        for v in 0..graph.n_nodes() {
            let range = graph.edges_of(v);
            let asked: f32 = of_scores[range.clone()].iter().sum();
            let answered: f32 = self.back[range].iter().map(|&edge| of_scores[edge as usize]).sum();
            for (which, slope) in [asked, answered].into_iter().enumerate() {
                axpy(slope, h.row(v), gradient.row_mut(which));
                axpy(slope, layer.attention.row(which), below.row_mut(v));
            }
        }
        gradient
    }

    /// Mean loss of some samples with its gradients.
    fn differentiate(&self, weights: &Weights, samples: &[Sample], l2: f32, left: Left) -> (f64, Weights) {
        let (d, pass) = (weights.base.n_cols(), self.forward(weights, Some(left)));
        let mut nodes: Vec<u32> = samples.iter().flatten().copied().collect();
        nodes.sort_unstable();
        nodes.dedup();
        let slot = |node: u32| nodes.partition_point(|&other| other < node) as u32;
        let rows: Vec<f32> = nodes.iter().flat_map(|&node| pass.answer(node as usize)).collect();
        let row = |slot: u32| &rows[slot as usize * d..(slot as usize + 1) * d];
        let (share, mut loss, mut terms) = (1.0 / samples.len() as f32, 0.0, Terms::default());
        for sample in samples {
            let [u, i, j] = sample.map(slot);
            let (cost, slope) = logistic(dot(row(u), row(i)) - dot(row(u), row(j)));
            loss += cost;
            let (slope, penalty) = (share * slope, share * l2);
            for (of, with, slope, penalty) in
                [(u, i, slope, penalty), (u, j, -slope, 0.0), (i, u, slope, penalty), (j, u, -slope, penalty)]
            {
                terms.push(of, with, slope, penalty);
            }
        }
        let found = terms.sum(&rows, d);
        let mut of_answers = Matrix::zeros(self.graph.n_nodes(), d);
        for (slot, _, gradient) in found.within(0..nodes.len()) {
            of_answers.row_mut(nodes[slot] as usize).copy_from_slice(gradient);
        }
        let mut gradients = self.backward(weights, &pass, &of_answers, left.rate);
        let mut penalties = 0.0;
        for (slot, penalty, _) in found.within(0..nodes.len()) {
            let x = weights.base.row(nodes[slot] as usize);
            axpy(penalty, x, gradients.base.row_mut(nodes[slot] as usize));
            penalties += 0.5 * f64::from(penalty * dot(x, x));
        }
        (loss / samples.len() as f64 + penalties, gradients)
    }
}

/// The inner product of each row with one vector.
fn products(rows: &Matrix, vector: &[f32]) -> Vec<f32> {
    rows.as_slice().par_chunks_exact(vector.len()).map(|row| dot(row, vector)).collect()
}

fn softmax(mut scores: Vec<f32>) -> Vec<f32> {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = scores
        .iter_mut()
        .map(|score| {
            *score = (*score - highest).exp();
            *score
        })
        .sum();
    scale(1.0 / sum, &mut scores);
    scores
}

/// Gradients of what a layer takes, its nodes' vectors and what they heard, and of the layer, whose attention is left at zero.
fn layer_back(
    layer: &Layer,
    (own, heard): (&Matrix, &Matrix),
    (out, of_out): (&Matrix, &Matrix),
    rate: f32,
) -> (Matrix, Matrix, Layer) {
    let (n, d) = (own.n_rows(), own.n_cols());
    let (mut of_own, mut of_heard) = (Matrix::zeros(n, d), Matrix::zeros(n, d));
    let chunks = of_own.as_mut_slice().par_chunks_mut(CHUNK * d);
    let chunks = chunks.zip(of_heard.as_mut_slice().par_chunks_mut(CHUNK * d));
    let taken = own.as_slice().par_chunks(CHUNK * d).zip(heard.as_slice().par_chunks(CHUNK * d));
    let given = out.as_slice().par_chunks(CHUNK * d).zip(of_out.as_slice().par_chunks(CHUNK * d));
    let parts: Vec<[Vec<f32>; 3]> = chunks
        .zip(taken.zip(given))
        .map(|((of_own, of_heard), ((own, heard), (out, slopes)))| {
            // What is exactly zero was left out, if anything is.
            let passed = |(g, y): (&f32, &f32)| match *y {
                y if y > 0.0 => g / (1.0 - rate),
                0.0 if rate > 0.0 => 0.0,
                _ => SLOPE * g / (1.0 - rate),
            };
            let slopes: Vec<f32> = slopes.iter().zip(out).map(passed).collect();
            let rows = Block::whole(own.len() / d, d);
            let back = |of: &mut [f32], weights: &Matrix| {
                matmul((of, rows), (&slopes, rows), (weights.as_slice(), Block::turned(d, d)), 1.0, 0.0);
            };
            back(of_own, &layer.own);
            back(of_heard, &layer.heard);
            let gradient = |taken: &[f32]| {
                let mut gradient = vec![0.0; d * d];
                let turned = Block::turned(taken.len() / d, d);
                matmul((&mut gradient, Block::whole(d, d)), (taken, turned), (&slopes, rows), 1.0, 0.0);
                gradient
            };
            let mut of_bias = vec![0.0; d];
            slopes.chunks_exact(d).for_each(|row| axpy(1.0, row, &mut of_bias));
            [gradient(own), gradient(heard), of_bias]
        })
        .collect();
    let [own, heard, bias] = [0, 1, 2].map(|which| {
        let mut sum = vec![0.0; if which < 2 { d * d } else { d }];
        for part in &parts {
            axpy(1.0, &part[which], &mut sum);
        }
        Matrix::from_vec(sum.len() / d, d, sum)
    });
    let attention = Matrix::zeros(layer.attention.n_rows(), d);
    (of_own, of_heard, Layer { own, heard, bias, attention })
}

/// A trained model.
#[derive(Debug, Clone, PartialEq)]
pub struct GnnModel {
    params: Gnn,
    /// `e` of the users; the mean one for those without likes.
    users: Matrix,
    /// `F` of the items.
    items: Matrix,
    /// `h⁰ … h^(K-1)` of the items side by side.
    states: Matrix,
    /// Likes of each item at training.
    degrees: Vec<f32>,
    layers: Vec<Layer>,
    /// `e` of the mean user.
    mean: Vec<f32>,
    /// `F` of the mean user.
    guest: Vec<f32>,
}

impl GnnModel {
    /// The row of `F` that answers a query.
    fn vector(&self, query: &Query<'_>) -> Vec<f32> {
        let known = query.history.signed().into_iter().filter(|&(item, _)| (item as usize) < self.items.n_rows());
        let (items, signs): (Vec<ItemId>, Vec<f32>) =
            known.map(|(item, strength)| (item, if strength < 0.0 { -1.0 } else { 1.0 })).unzip();
        if items.is_empty() {
            return self.guest.clone();
        }
        let user = query.user.map(|u| u as usize).filter(|&u| u < self.users.n_rows());
        let d = self.params.factors;
        let mut rows = vec![user.map_or(&self.mean[..], |u| self.users.row(u)).to_vec()];
        for (k, layer) in self.layers.iter().enumerate() {
            let state = |item: ItemId| &self.states.row(item as usize)[k * d..(k + 1) * d];
            let mut heard = vec![0.0; d];
            for ((&item, sign), weight) in items.iter().zip(&signs).zip(self.listens(layer, &rows[k], &items, state)) {
                axpy(sign * weight, state(item), &mut heard);
            }
            let mut out = vec![0.0; d];
            layer.of(&rows[k], &heard, &mut out);
            rows.push(out);
        }
        mean_of(rows.iter().map(Vec::as_slice))
    }

    /// `w` of a user whose neighbours are these items.
    fn listens<'s>(
        &self,
        layer: &Layer,
        own: &[f32],
        items: &[ItemId],
        state: impl Fn(ItemId) -> &'s [f32],
    ) -> Vec<f32> {
        let n = items.len() as f32;
        match self.params.aggregation {
            Aggregation::Mean => vec![1.0 / n; items.len()],
            Aggregation::Sum => {
                items.iter().map(|&item| 1.0 / (n * self.degrees[item as usize].max(1.0)).sqrt()).collect()
            }
            Aggregation::Attention => {
                let asks = dot(own, layer.attention.row(0));
                let scores = items.iter().map(|&item| leaky(asks + dot(state(item), layer.attention.row(1))));
                softmax(scores.collect())
            }
        }
    }
}

impl Recommender for GnnModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(DotScorer::new(&self.items, queries, |query| self.vector(query)))
    }

    fn likeness(&self, item: ItemId) -> Option<&[f32]> {
        Some(self.items.row(item as usize))
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix("users", &self.users);
        out.matrix("items", &self.items);
        out.matrix("states", &self.states);
        out.tensor("degrees", &[self.degrees.len()], self.degrees.as_slice());
        for (k, layer) in self.layers.iter().enumerate() {
            layer.matrices().into_iter().for_each(|(what, matrix)| out.matrix(&layer_name(k, what), matrix));
        }
        out.tensor("mean", &[self.mean.len()], self.mean.as_slice());
        out.tensor("guest", &[self.guest.len()], self.guest.as_slice());
        out.meta("params", &self.params)
    }
}

struct Training<'a> {
    params: &'a Gnn,
    how: Descent,
    positives: Positives,
    net: Net,
    seed: Seed,
    weights: Weights,
    /// In the order of [`Weights::matrices`].
    moments: Vec<Moments>,
    pace: Pace,
}

impl<'a> Training<'a> {
    fn new(params: &'a Gnn, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let positives = Positives::new(data, Gnn::INFO.name)?;
        let (n_users, n_items) = (positives.likes().n_rows(), positives.likes().n_cols());
        let features = ItemFeatures::of(data.catalogue, params.features, n_items);
        let net = Net::new(Graph::new(positives.likes()), n_users, features, params.aggregation);
        let weights = Weights::draw(params, (n_users + n_items, net.features.len()), seed.named("init"));
        let moments = weights.matrices().map(|(_, _, matrix)| Moments::of(matrix)).collect();
        Ok(Self { params, how: params.descent(), positives, net, seed, weights, moments, pace: Pace::new() })
    }

    fn step(&mut self, samples: &[Sample], (t, rate): (u64, f32), seed: Seed) -> f64 {
        let left = Left { rate: self.params.dropout, seed };
        let coupled = self.how.optimizer != Optimizer::AdamW;
        let l2 = if coupled { self.how.l2 } else { 0.0 };
        let (loss, gradients) = self.net.differentiate(&self.weights, samples, l2, left);
        let held: Vec<bool> = gradients.matrices().map(|(_, held, _)| held && !coupled).collect();
        let Weights { base, features, layers } = gradients;
        let layers = layers.into_iter().flat_map(|layer| [layer.own, layer.heard, layer.bias, layer.attention]);
        let mut gradients: Vec<Vec<f32>> = [base, features].into_iter().chain(layers).map(Matrix::into_vec).collect();
        clip(&mut gradients.iter_mut().collect::<Vec<_>>(), self.params.clip_norm);
        let mover = Mover::new(&self.how, rate, t);
        let parts = self.weights.matrices_mut().zip(gradients).zip(&mut self.moments).zip(held);
        for (((x, mut gradient), moments), held) in parts {
            const NUMBERS: usize = 1 << 14;
            let m = moments.first.as_mut_slice().par_chunks_mut(NUMBERS);
            let v = moments.second.as_mut_slice().par_chunks_mut(NUMBERS);
            let x = x.as_mut_slice().par_chunks_mut(NUMBERS);
            // A coupled penalty is that of the samples, and in the gradient already.
            x.zip(gradient.par_chunks_mut(NUMBERS))
                .zip(m.zip(v))
                .for_each(|((x, gradient), moments)| mover.step(x, moments, gradient, held));
        }
        loss
    }
}

impl Trainable for Training<'_> {
    type Model = GnnModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let seed = self.seed.named("epoch").at(epoch as u64);
        let (order, draws) = (shuffled(self.positives.len(), seed), seed.named("samples"));
        let size = self.how.batch_size;
        let (mut sum, mut n_samples) = (0.0, 0);
        for (n, batch) in order.chunks(size).enumerate() {
            let samples = drawn(&self.positives, batch, (draws, n * size));
            let pace = self.pace.next(&self.how, epoch);
            if samples.is_empty() {
                continue;
            }
            let loss = self.step(&samples, pace, seed.named("step").at(n as u64));
            finite(loss, epoch, n)?;
            sum += loss * samples.len() as f64;
            n_samples += samples.len();
        }
        let mean = sum / n_samples.max(1) as f64;
        self.pace.hear(&self.how, mean);
        Ok(mean)
    }

    fn snapshot(&self) -> GnnModel {
        let (n_users, n_items) = (self.net.n_users, self.positives.likes().n_cols());
        let (d, pass) = (self.params.factors, self.net.forward(&self.weights, None));
        let base = Matrix::from_vec(n_users, d, self.weights.base.rows(0..n_users).to_vec());
        let (mean, users) = self.positives.with_mean_user(&base);
        let answers = |nodes: std::ops::Range<usize>| -> Matrix {
            let rows: Vec<f32> = nodes.clone().flat_map(|node| pass.answer(node)).collect();
            Matrix::from_vec(nodes.len(), d, rows)
        };
        let (guest, _) = self.positives.with_mean_user(&answers(0..n_users));
        let nodes = n_users..n_users + n_items;
        let said = &pass.outputs[..self.params.layers];
        let states: Vec<f32> =
            nodes.clone().flat_map(|node| said.iter().flat_map(move |h| h.row(node))).copied().collect();
        GnnModel {
            degrees: nodes.clone().map(|node| self.net.graph.degree(node) as f32).collect(),
            states: Matrix::from_vec(n_items, d * self.params.layers, states),
            items: answers(nodes),
            layers: self.weights.layers.clone(),
            params: self.params.clone(),
            users,
            mean,
            guest,
        }
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        for ((name, _, matrix), moments) in self.weights.matrices().zip(&self.moments) {
            out.matrix(&name, matrix);
            out.scope(&format!("adam.{name}"), |out| moments.save(out));
        }
        out.meta("pace", &self.pace)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        let names: Vec<String> = self.weights.matrices().map(|(name, _, _)| name).collect();
        for ((name, matrix), moments) in names.iter().zip(self.weights.matrices_mut()).zip(&mut self.moments) {
            *matrix = matrix_like(from, name, matrix)?;
            moments.load(&from.scope(&format!("adam.{name}")))?;
        }
        self.pace = from.meta("pace")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{Csr, Features, IdMap, Registry, Silent};
    use segue_testkit::{World, likes};
    use serde_json::Value;

    use super::*;
    use crate::golden::{close, list};

    fn of<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }

    /// The network of a world whose items have features of these numbers.
    fn net(likes: &[Vec<u32>], features: &[Vec<u32>], aggregation: Aggregation) -> Net {
        let world = with_features(World::of(segue_testkit::likes(1, features.len(), &[])), features);
        let rows = likes.iter().map(|items| items.iter().map(|&item| (item, 1.0)).collect()).collect();
        let graph = Graph::new(&Csr::from_rows(features.len(), rows).unwrap());
        let features = ItemFeatures::of(&world.catalogue, true, features.len());
        Net::new(graph, likes.len(), features, aggregation)
    }

    fn with_features(world: World, features: &[Vec<u32>]) -> World {
        let rows = features.iter().map(|row| row.iter().map(|&feature| (feature, ())).collect()).collect();
        let features = Features::new(IdMap::new(vec!["a", "b"]), Csr::from_rows(2, rows).unwrap()).unwrap();
        World { catalogue: world.catalogue.with_features(features), ..world }
    }

    const AGGREGATIONS: [Aggregation; 3] = [Aggregation::Mean, Aggregation::Sum, Aggregation::Attention];

    #[test]
    fn scores_losses_and_gradients_agree_with_pytorch() {
        let golden: Value = serde_json::from_str(include_str!("../../../golden/neural/gnn.json")).unwrap();
        let (likes, features): (Vec<Vec<u32>>, Vec<Vec<u32>>) = (of(&golden["likes"]), of(&golden["features"]));
        let (d, layers): (usize, usize) = (of(&golden["factors"]), of(&golden["layers"]));
        for aggregation in AGGREGATIONS {
            let net = net(&likes, &features, aggregation);
            let name = serde_json::to_value(aggregation).unwrap();
            let case = &golden["cases"][name.as_str().unwrap()];
            let params = Gnn { factors: d, layers, aggregation, ..Gnn::default() };
            let sizes = (net.graph.n_nodes(), net.features.len());
            let given = |key: &str| {
                let mut weights = Weights::draw(&params, sizes, Seed::new(0));
                let names: Vec<String> = weights.matrices().map(|(name, _, _)| name).collect();
                for (name, matrix) in names.iter().zip(weights.matrices_mut()) {
                    if matrix.n_rows() > 0 {
                        *matrix = Matrix::from_vec(matrix.n_rows(), d, list(&case[key][name]));
                    }
                }
                weights
            };
            let weights = given("weights");
            let pass = net.forward(&weights, None);
            let answers: Vec<Vec<f32>> = (0..net.graph.n_nodes()).map(|node| pass.answer(node)).collect();
            let (users, items) = answers.split_at(likes.len());
            let scores: Vec<f32> = users.iter().flat_map(|user| items.iter().map(|item| dot(user, item))).collect();
            close(&scores, &list(&case["scores"]), &format!("{name}, scores"));
            let n_users = likes.len() as u32;
            let samples: Vec<Sample> = of(&golden["samples"]);
            let samples: Vec<Sample> = samples.iter().map(|&[u, i, j]| [u, n_users + i, n_users + j]).collect();
            let left = Left { rate: 0.0, seed: Seed::new(0) };
            let (loss, gradients) = net.differentiate(&weights, &samples, of(&golden["l2"]), left);
            close(&[loss as f32], &[of(&case["loss"])], &format!("{name}, loss"));
            for ((what, _, found), (_, _, wanted)) in gradients.matrices().zip(given("gradients").matrices()) {
                close(found.as_slice(), wanted.as_slice(), &format!("{name}, {what}"));
            }
        }
    }

    /// Against differences, with dropout, which is the same at each point.
    #[test]
    fn gradients_with_dropout_equal_differences() {
        for aggregation in AGGREGATIONS {
            let net = net(&[vec![0, 1], vec![1, 2]], &[vec![0], vec![0, 1], vec![]], aggregation);
            let params = Gnn { factors: 3, aggregation, ..Gnn::default() };
            let mut weights = Weights::draw(&params, (net.graph.n_nodes(), 2), Seed::new(3));
            let left = Left { rate: 0.3, seed: Seed::new(5) };
            let samples = [[0, 2, 4], [1, 4, 2], [1, 3, 2]];
            let (_, gradients) = net.differentiate(&weights, &samples, 0.1, left);
            let gradients: Vec<Vec<f32>> =
                gradients.matrices().map(|(_, _, matrix)| matrix.as_slice().to_vec()).collect();
            for (which, gradients) in gradients.iter().enumerate() {
                for (at, gradient) in gradients.iter().enumerate() {
                    let mut loss_at = |step: f32| {
                        weights.matrices_mut().nth(which).unwrap().as_mut_slice()[at] += step;
                        let (loss, _) = net.differentiate(&weights, &samples, 0.1, left);
                        weights.matrices_mut().nth(which).unwrap().as_mut_slice()[at] -= step;
                        loss
                    };
                    let difference = (loss_at(1e-3) - loss_at(-1e-3)) / 2e-3;
                    let gap = (difference - f64::from(*gradient)).abs();
                    assert!(gap < 2e-3, "{aggregation:?}, {which}, {at}: {gradient} for {difference}");
                }
            }
        }
    }

    /// What training makes of a user's likes is what the same likes are answered with.
    #[test]
    fn a_training_history_gets_the_trained_answer() {
        let pairs: Vec<_> =
            (0..12).flat_map(|u| (0..12).filter(move |i| (u + i) % 3 == 0).map(move |i| (u, i))).collect();
        let World { catalogue, log, .. } = World::of(likes(12, 12, &pairs));
        for aggregation in AGGREGATIONS {
            let params = Gnn { factors: 4, aggregation, ..Gnn::default() };
            let data = TrainData { catalogue: &catalogue, log: &log };
            let training = Training::new(&params, &data, Seed::new(1)).unwrap();
            let (model, pass) = (training.snapshot(), training.net.forward(&training.weights, None));
            for user in 0..12 {
                let vector = model.vector(&Query { user: Some(user), history: log.user(user) });
                close(&vector, &pass.answer(user as usize), &format!("{aggregation:?}, user {user}"));
            }
        }
    }

    /// Two genres of ten items; twenty users like nine of one. Items 9 and 19 nobody has met.
    #[test]
    fn an_item_nobody_has_met_is_known_by_its_features() {
        let pairs: Vec<_> = (0..20).flat_map(|u| (0..9).map(move |i| (u, u % 2 * 10 + i))).collect();
        let features: Vec<Vec<u32>> = (0..20).map(|item| vec![item / 10]).collect();
        let world = with_features(World::of(likes(20, 20, &pairs)), &features);
        for aggregation in AGGREGATIONS {
            let params =
                Gnn { factors: 8, epochs: 30, batch_size: 32, learning_rate: 0.02, aggregation, ..Gnn::default() };
            let (registry, mut silent) = (Registry::default(), Silent);
            let data = TrainData { catalogue: &world.catalogue, log: &world.log };
            let model = params.fit(&data, &mut FitCx::plain(1, &registry, &mut silent)).unwrap();
            for user in 0..20 {
                let vector = model.vector(&world.known(user));
                let [own, other] = [9, 19].map(|item| dot(&vector, model.items.row(item)));
                let lead = if user % 2 == 0 { own - other } else { other - own };
                assert!(lead > 0.0, "{aggregation:?}, user {user}: {lead}");
            }
        }
    }
}
