//! Neural graph collaborative filtering: vectors that pass through layers of neurons along the graph of likes.
//!
//! Xiang Wang, Xiangnan He, Meng Wang, Fuli Feng, Tat-Seng Chua: *Neural Graph Collaborative Filtering*, SIGIR 2019,
//! <https://arxiv.org/abs/1905.08108>, equation 7. With learnt vectors `E⁰` of users and items, and `A_ui = 1/√(d_u d_i)` where `u`
//! likes `i`:
//!
//! ```text
//! E^k = LeakyReLU((A + I) E^(k-1) W₁ᵏ + (A E^(k-1) ⊙ E^(k-1)) W₂ᵏ)        F = [E⁰, E¹/|E¹|, …, E^K/|E^K|], row by row
//! s(u, i) = F_u · F_i
//! min mean_(u,i,j) ln(1 + e^(s(u,j) - s(u,i))) + l2/2 mean (|e⁰_u|² + |e⁰_i|² + |e⁰_j|²)
//! ```
//!
//! A step passes over the whole graph, whatever its batch. Cost of it: O(K · (likes · d + nodes · d²)); memory O(nodes · d · K).
//!
//! Useful as the comparison that its successors were measured by. Not useful where quality counts: `lightgcn`, which leaves out
//! the neurons, is better and quicker.
//!
//! Forward and backward are written by hand: a hop is a sparse product of ours, whose gradient is the same product, and what is
//! between two hops is one chain for each node. Rows run in fixed chunks, whose gradients of `W` are summed in their order, so that
//! the model is the same to the bit at any number of threads.
//!
//! A history is answered by the same layers: the likes of now are what the user's node hears, a dislike with its sign turned; items
//! stay as they are. A known user keeps the trained vector, so that the training history gives the trained answer itself. A
//! guest's is found by minimising the loss of the history against a fixed pool of items. Without history, the mean user answers.
//!
//! Deviations: no biases; slope .2, norms and the penalty on the vectors of a sample are those of the authors' program; as there,
//! dropout of nodes (`dropout`) leaves out edges, here both directions together. Negatives come from the domain of the liked item.
//! Checked against `PyTorch` (`golden/neural/ngcf.py`).
//!
//! | name | default | meaning | range |
//! |---|---|---|---|
//! | `factors` | 64 (the paper's) | length of the learnt vectors | 1 to 4096 |
//! | `hidden_dims` | 64, 64, 64 (the paper's) | widths of the layers | |
//! | `dropout` | 0 (the paper's best is with messages alone) | probability with which an edge is left out of a step | 0 to .95 |
//! | `message_dropout` | .1 (the paper's) | share of each layer's output left out of a step | 0 to .95 |

use std::borrow::Cow;

use rayon::prelude::*;
use segue_core::kernels::{Block, axpy, dot, gather_sum, matmul, scale};
use segue_core::training::descent::{minimise, pool};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, FitCx, FitError, Interval, ItemId, Matrix,
    ModelInfo, Output, ParamError, Params as _, Query, Recommender, Scorer, Seed, TrainData, Trainable, run_epochs,
};

use crate::engine::{Parameter, Start, shaped};
use crate::graph::{CHUNK, Graph, Left, SLOPE, leaky, signs, slopes_before};
use crate::graph_training::{Compared, Course, Sample, logistic};
use crate::optimise::descent_params;

descent_params! {
    /// Parameters of neural graph collaborative filtering.
    pub struct Ngcf {
        /// Length of the learnt vectors.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "embedding_dim", alias "emb_dim", alias "n_factors";
        /// Widths of the layers, one for each hop.
        hidden_dims: Vec<usize> = vec![64, 64, 64], alias "layer_sizes", alias "hidden_size_list";
        /// Probability with which an edge is left out of a step.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95), alias "node_dropout";
        /// Share of each layer's output that a step does without.
        message_dropout: f32 = 0.1, range Interval::between(0.0, 0.95), alias "mess_dropout";
    }
    descent { epochs: 100, batch_size: 1024, learning_rate: 0.001, optimizer: Adam, l2: 1e-5 }
}

impl Ngcf {
    /// Width of the vectors before each layer, then behind the last.
    fn widths(&self) -> Vec<usize> {
        std::iter::once(self.factors).chain(self.hidden_dims.iter().copied()).collect()
    }
}

impl Algorithm for Ngcf {
    const INFO: ModelInfo = ModelInfo {
        name: "ngcf",
        aliases: &[],
        title: "Neural graph collaborative filtering",
        citation: "Wang, He, Wang, Feng, Chua: Neural Graph Collaborative Filtering, SIGIR 2019",
        useful_for: "comparisons: the common graph baseline",
        not_useful_for: "quality or short time: `lightgcn` has more of both",
        scale: "a million likes; with more `lightgcn`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = NgcfModel;

    fn check(&self) -> Result<(), ParamError> {
        let widths = &self.hidden_dims;
        if widths.len() > 8 || !widths.iter().all(|width| (1..=4096).contains(width)) {
            let message =
                format!("`hidden_dims` = {widths:?}: at most 8 layers of 1 to 4096 neurons, e.g. [64, 64, 64]");
            return Err(ParamError::Value { model: Self::INFO.name.into(), message });
        }
        self.descent().check(Self::INFO.name)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<NgcfModel, FitError> {
        run_epochs(&mut Training::new(self, data, cx.seed)?, self.epochs, cx, Self::load)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<NgcfModel, ArtifactError> {
        let params: Self = from.meta("params")?;
        let checked = params.check_ranges(Self::INFO.name).and_then(|()| params.check());
        checked.map_err(|error| from.entry("params", error.to_string()))?;
        let widths = params.widths();
        let matrix = |name: &str, n_rows: Option<usize>, n_cols: usize| shaped(from, name, (n_rows, n_cols));
        let users = matrix("users", None, params.factors)?;
        let items = matrix("items", None, widths.iter().sum())?;
        let heard = widths[..widths.len() - 1].iter().sum();
        let messages = matrix("messages", Some(items.n_rows()), heard)?;
        let layers = widths.windows(2).enumerate().map(|(k, ends)| {
            let of = |name: &str| matrix(&format!("layer{k}.{name}"), Some(ends[0]), ends[1]);
            Ok([of("sum")?, of("product")?])
        });
        let layers = layers.collect::<Result<_, ArtifactError>>()?;
        let mean = from.vector("mean", Some(params.factors))?;
        let guest = from.vector("guest", Some(items.n_cols()))?;
        Ok(NgcfModel { params, users, items, messages, layers, mean, guest })
    }
}

/// What is learnt.
#[derive(Debug, Clone, PartialEq)]
struct Weights {
    /// `E⁰`, `(n_nodes, factors)`.
    base: Matrix,
    /// `W₁` and `W₂` of each layer, `(before, behind)`.
    layers: Vec<[Matrix; 2]>,
}

impl Weights {
    fn draw(widths: &[usize], n_nodes: usize, seed: Seed) -> Self {
        let glorot = |name: &str, n_rows: usize, n_cols: usize| {
            let drawn = Parameter::new(name, &[n_rows, n_cols], Start::Glorot).draw(seed);
            Matrix::from_vec(n_rows, n_cols, drawn)
        };
        let layer = |(k, ends): (usize, &[usize])| {
            ["sum", "product"].map(|name| glorot(&format!("layer{k}.{name}"), ends[0], ends[1]))
        };
        Self { base: glorot("base", n_nodes, widths[0]), layers: widths.windows(2).enumerate().map(layer).collect() }
    }

    fn matrices(&self) -> impl Iterator<Item = (String, &Matrix)> {
        let layers = self.layers.iter().enumerate();
        let layers = layers
            .flat_map(|(k, [sum, product])| [(format!("layer{k}.sum"), sum), (format!("layer{k}.product"), product)]);
        std::iter::once(("base".into(), &self.base)).chain(layers)
    }

    fn matrices_mut(&mut self) -> impl Iterator<Item = &mut Matrix> {
        std::iter::once(&mut self.base).chain(self.layers.iter_mut().flatten())
    }
}

/// Some nodes through a layer: `heard` is `A E`, `own` is `E`.
fn mix(heard: &[f32], own: &[f32], [sum, product]: &[Matrix; 2], out: &mut [f32]) {
    let (before, behind) = (sum.n_rows(), sum.n_cols());
    let n = own.len() / before;
    let added: Vec<f32> = heard.iter().zip(own).map(|(s, e)| s + e).collect();
    let multiplied: Vec<f32> = heard.iter().zip(own).map(|(s, e)| s * e).collect();
    let of = Block::whole(before, behind);
    matmul((out, Block::whole(n, behind)), (&added, Block::whole(n, before)), (sum.as_slice(), of), 1.0, 0.0);
    matmul((out, Block::whole(n, behind)), (&multiplied, Block::whole(n, before)), (product.as_slice(), of), 1.0, 1.0);
    for x in out {
        *x = leaky(*x);
    }
}

/// The length of a row, never 0.
fn length(row: &[f32]) -> f32 {
    dot(row, row).sqrt().max(1e-12)
}

/// The gradient of a row `x` from that of `x / |x|`: what turns the row, not what stretches it.
fn unstretched(x: &[f32], slope: &[f32]) -> Vec<f32> {
    let length = length(x);
    let along = dot(x, slope) / (length * length);
    x.iter().zip(slope).map(|(x, g)| (g - along * x) / length).collect()
}

/// The whole graph through all layers.
struct Pass<'a> {
    /// Weights of the edges.
    edges: Cow<'a, [f32]>,
    /// `E^k`; the first is the table itself.
    outputs: Vec<Matrix>,
    /// `A E^k` of all but the last.
    heard: Vec<Matrix>,
}

impl Graph {
    fn forward<'a>(&'a self, weights: &Weights, edges: Cow<'a, [f32]>, left: Option<Left>) -> Pass<'a> {
        let n = self.n_nodes();
        let mut pass = Pass { edges, outputs: vec![weights.base.clone()], heard: Vec::new() };
        for (k, layer) in weights.layers.iter().enumerate() {
            let own = &pass.outputs[k];
            let (before, behind) = (layer[0].n_rows(), layer[0].n_cols());
            let (mut heard, mut out) = (Matrix::zeros(n, before), Matrix::zeros(n, behind));
            let chunks =
                heard.as_mut_slice().par_chunks_mut(CHUNK * before).zip(own.as_slice().par_chunks(CHUNK * before));
            let chunks = chunks.zip(out.as_mut_slice().par_chunks_mut(CHUNK * behind)).enumerate();
            chunks.for_each(|(chunk, ((heard, rows), out))| {
                for (node, heard) in (chunk * CHUNK..).zip(heard.chunks_exact_mut(before)) {
                    self.hear(node, &pass.edges, own, heard);
                }
                mix(heard, rows, layer, out);
                if let Some(left) = left {
                    left.of(out, (k, chunk));
                }
            });
            pass.heard.push(heard);
            pass.outputs.push(out);
        }
        pass
    }

    /// Gradients of `E⁰` and of each layer, from those of all `E^k` but for what passes on from layer to layer.
    fn backward(&self, weights: &Weights, pass: &Pass<'_>, mut of_outputs: Vec<Matrix>, rate: f32) -> Weights {
        let mut layers = Vec::new();
        for (k, layer) in weights.layers.iter().enumerate().rev() {
            let Some(slopes) = of_outputs.pop() else { unreachable!("one for each layer and the table") };
            let (before, behind) = (layer[0].n_rows(), layer[0].n_cols());
            let (own, heard, out) = (&pass.outputs[k], &pass.heard[k], &pass.outputs[k + 1]);
            let (mut of_own, mut of_heard) =
                (Matrix::zeros(self.n_nodes(), before), Matrix::zeros(self.n_nodes(), before));
            let chunks = of_own.as_mut_slice().par_chunks_mut(CHUNK * before);
            let chunks = chunks.zip(of_heard.as_mut_slice().par_chunks_mut(CHUNK * before));
            let chunks = chunks.zip(own.as_slice().par_chunks(CHUNK * before));
            let chunks = chunks.zip(heard.as_slice().par_chunks(CHUNK * before));
            let chunks = chunks.zip(out.as_slice().par_chunks(CHUNK * behind));
            let chunks = chunks.zip(slopes.as_slice().par_chunks(CHUNK * behind));
            let parts: Vec<[Vec<f32>; 2]> = chunks
                .map(|(((((of_own, of_heard), own), heard), out), slopes)| {
                    let n = own.len() / before;
                    let slopes = slopes_before(slopes, out, rate);
                    let (mut of_sum, mut of_product) = (vec![0.0; own.len()], vec![0.0; own.len()]);
                    let back = |of: &mut [f32], weights: &Matrix| {
                        let weights = (weights.as_slice(), Block::turned(before, behind));
                        matmul((of, Block::whole(n, before)), (&slopes, Block::whole(n, behind)), weights, 1.0, 0.0);
                    };
                    back(&mut of_sum, &layer[0]);
                    back(&mut of_product, &layer[1]);
                    let (mut added, mut multiplied) = (of_sum.clone(), of_product.clone());
                    for at in 0..own.len() {
                        of_own[at] = of_sum[at] + of_product[at] * heard[at];
                        of_heard[at] = of_sum[at] + of_product[at] * own[at];
                        added[at] = heard[at] + own[at];
                        multiplied[at] = heard[at] * own[at];
                    }
                    [added, multiplied].map(|taken| {
                        let mut gradient = vec![0.0; before * behind];
                        let out = (&mut gradient[..], Block::whole(before, behind));
                        matmul(out, (&taken, Block::turned(n, before)), (&slopes, Block::whole(n, behind)), 1.0, 0.0);
                        gradient
                    })
                })
                .collect();
            layers.push([0, 1].map(|which| {
                let mut sum = vec![0.0; before * behind];
                for part in &parts {
                    axpy(1.0, &part[which], &mut sum);
                }
                Matrix::from_vec(before, behind, sum)
            }));
            let Some(below) = of_outputs.last_mut() else { unreachable!("the table is below the first layer") };
            let chunks = below.as_mut_slice().par_chunks_mut(CHUNK * before);
            chunks.zip(of_own.as_slice().par_chunks(CHUNK * before)).enumerate().for_each(
                |(chunk, (below, of_own))| {
                    let mut heard = vec![0.0; before];
                    axpy(1.0, of_own, below);
                    for (node, below) in (chunk * CHUNK..).zip(below.chunks_exact_mut(before)) {
                        self.hear(node, &pass.edges, &of_heard, &mut heard);
                        axpy(1.0, &heard, below);
                    }
                },
            );
        }
        layers.reverse();
        let Some(base) = of_outputs.pop() else { unreachable!("the table stays") };
        Weights { base, layers }
    }

    /// Mean loss of some samples with its gradients.
    fn differentiate(&self, weights: &Weights, samples: &[Sample], l2: f32, drops: Drops) -> (f64, Weights) {
        let edges = self.dropped(drops.edge_rate, drops.edges);
        let pass = self.forward(weights, edges, Some(drops.left));
        let d: usize = pass.outputs.iter().map(Matrix::n_cols).sum();
        let compared = Compared::of(samples, d, l2, |node| pass.answer(node));
        let mut of_outputs: Vec<Matrix> =
            pass.outputs.iter().map(|output| Matrix::zeros(output.n_rows(), output.n_cols())).collect();
        let mut penalties = 0.0;
        for (node, penalty, gradient) in compared.each() {
            let mut rest = gradient;
            for (k, of_output) in of_outputs.iter_mut().enumerate() {
                let (of_this, behind) = rest.split_at(of_output.n_cols());
                rest = behind;
                let (out, x) = (of_output.row_mut(node), pass.outputs[k].row(node));
                if k == 0 {
                    out.copy_from_slice(of_this);
                    axpy(penalty, x, out);
                    penalties += 0.5 * f64::from(penalty * dot(x, x));
                } else {
                    out.copy_from_slice(&unstretched(x, of_this));
                }
            }
        }
        let gradients = self.backward(weights, &pass, of_outputs, drops.left.rate);
        (compared.loss + penalties, gradients)
    }
}

/// What dropout a step has.
#[derive(Debug, Clone, Copy)]
struct Drops {
    edge_rate: f32,
    edges: Seed,
    left: Left,
}

impl Pass<'_> {
    /// Row `node` of `F`.
    fn answer(&self, node: usize) -> Vec<f32> {
        answer_of(&self.outputs.iter().map(|output| output.row(node)).collect::<Vec<_>>())
    }
}

/// A row of `F` from those of all `E^k`.
fn answer_of<R: AsRef<[f32]>>(rows: &[R]) -> Vec<f32> {
    let mut all = rows[0].as_ref().to_vec();
    for row in rows[1..].iter().map(AsRef::as_ref) {
        let length = length(row);
        all.extend(row.iter().map(|x| x / length));
    }
    all
}

/// A trained model.
#[derive(Debug, Clone, PartialEq)]
pub struct NgcfModel {
    params: Ngcf,
    /// `E⁰` of the users; the mean one for those without likes.
    users: Matrix,
    /// `F` of the items.
    items: Matrix,
    /// What a like of an item says to a user's node at each layer, `E^k_i / √d_i` side by side.
    messages: Matrix,
    layers: Vec<[Matrix; 2]>,
    /// `E⁰` of the mean user.
    mean: Vec<f32>,
    /// `F` of the mean user.
    guest: Vec<f32>,
}

impl NgcfModel {
    /// The row of `F` that answers a query.
    fn vector(&self, query: &Query<'_>) -> Vec<f32> {
        let (items, signs) = signs(query.history, self.items.n_rows());
        if items.is_empty() {
            return self.guest.clone();
        }
        let mut heard = vec![0.0; self.messages.n_cols()];
        gather_sum(self.messages.as_slice(), &items, &signs, &mut heard);
        scale(1.0 / (items.len() as f32).sqrt(), &mut heard);
        let user = query.user.map(|u| u as usize).filter(|&u| u < self.users.n_rows());
        let base = user.map_or_else(|| self.fold_in(&heard, &items, &signs), |u| self.users.row(u).to_vec());
        answer_of(&self.rows(&base, &heard))
    }

    /// All `E^k` of a node whose neighbours say `heard`.
    fn rows(&self, base: &[f32], mut heard: &[f32]) -> Vec<Vec<f32>> {
        let mut rows = vec![base.to_vec()];
        for (k, layer) in self.layers.iter().enumerate() {
            let (of_this, behind) = heard.split_at(layer[0].n_rows());
            heard = behind;
            let mut out = vec![0.0; layer[0].n_cols()];
            mix(of_this, &rows[k], layer, &mut out);
            rows.push(out);
        }
        rows
    }

    /// The gradient of `E⁰` of such a node from that of its answer.
    fn of_base(&self, rows: &[Vec<f32>], heard: &[f32], of_answer: &[f32]) -> Vec<f32> {
        let (mut left, mut left_heard) = (of_answer, heard);
        let mut slope = vec![0.0; rows[rows.len() - 1].len()];
        for (k, layer) in self.layers.iter().enumerate().rev() {
            let (before, behind) = (layer[0].n_rows(), layer[0].n_cols());
            let (rest, of_this) = left.split_at(left.len() - behind);
            let (rest_heard, of_heard) = left_heard.split_at(left_heard.len() - before);
            (left, left_heard) = (rest, rest_heard);
            let turned_only = unstretched(&rows[k + 1], of_this);
            for ((slope, g), y) in slope.iter_mut().zip(turned_only).zip(&rows[k + 1]) {
                *slope = (*slope + g) * if *y > 0.0 { 1.0 } else { SLOPE };
            }
            let mut back = [vec![0.0; before], vec![0.0; before]];
            for (back, weights) in back.iter_mut().zip(layer) {
                let weights = (weights.as_slice(), Block::turned(before, behind));
                matmul((back, Block::whole(1, before)), (&slope, Block::whole(1, behind)), weights, 1.0, 0.0);
            }
            let [sum, product] = back;
            slope = sum.iter().zip(&product).zip(of_heard).map(|((s, p), heard)| s + p * heard).collect();
        }
        slope.iter().zip(left).map(|(slope, g)| slope + g).collect()
    }

    /// `E⁰` of a guest: the one that fits the likes against a fixed pool of items, everything else as it is, from the mean user.
    fn fold_in(&self, heard: &[f32], items: &[ItemId], signs: &[f32]) -> Vec<f32> {
        const EVALUATIONS: usize = 30;
        let mut others = pool(self.items.n_rows());
        others.retain(|other| items.binary_search(other).is_err());
        if others.is_empty() {
            return self.mean.clone();
        }
        let l2 = self.params.l2 * items.len() as f32;
        minimise(&self.mean, EVALUATIONS, |base, gradient| {
            let rows = self.rows(base, heard);
            let answer = answer_of(&rows);
            let scores = |of: &[ItemId]| -> Vec<f32> {
                of.iter().map(|&item| dot(&answer, self.items.row(item as usize))).collect()
            };
            let (own, drawn) = (scores(items), scores(&others));
            let (mut of_answer, mut of_drawn) = (vec![0.0; answer.len()], vec![0.0; others.len()]);
            let mut loss = 0.0;
            for ((&item, sign), own) in items.iter().zip(signs).zip(own) {
                let mut of_own = 0.0;
                for (of_drawn, drawn) in of_drawn.iter_mut().zip(&drawn) {
                    let (cost, slope) = logistic(sign * (own - drawn));
                    loss += cost;
                    of_own += sign * slope;
                    *of_drawn -= sign * slope;
                }
                axpy(of_own, self.items.row(item as usize), &mut of_answer);
            }
            for (&item, of_drawn) in others.iter().zip(of_drawn) {
                axpy(of_drawn, self.items.row(item as usize), &mut of_answer);
            }
            let share = 1.0 / others.len() as f32;
            scale(share, &mut of_answer);
            gradient.copy_from_slice(&self.of_base(&rows, heard, &of_answer));
            axpy(l2, base, gradient);
            loss * f64::from(share) + 0.5 * f64::from(l2 * dot(base, base))
        })
    }
}

impl Recommender for NgcfModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(DotScorer::new(&self.items, queries, |query| self.vector(query)))
    }

    fn likeness(&self, item: ItemId) -> Option<&[f32]> {
        Some(self.items.row(item as usize))
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix("users", &self.users);
        out.matrix("items", &self.items);
        out.matrix("messages", &self.messages);
        for (k, [sum, product]) in self.layers.iter().enumerate() {
            out.matrix(&format!("layer{k}.sum"), sum);
            out.matrix(&format!("layer{k}.product"), product);
        }
        out.tensor("mean", &[self.mean.len()], self.mean.as_slice());
        out.tensor("guest", &[self.guest.len()], self.guest.as_slice());
        out.meta("params", &self.params)
    }
}

struct Training<'a> {
    params: &'a Ngcf,
    course: Course,
    graph: Graph,
    weights: Weights,
}

impl<'a> Training<'a> {
    fn new(params: &'a Ngcf, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let mut course = Course::new(params.descent(), data, Ngcf::INFO.name, seed)?;
        let graph = Graph::new(course.positives.likes());
        let weights = Weights::draw(&params.widths(), graph.n_nodes(), seed.named("init"));
        course.learn(weights.matrices().map(|(_, matrix)| matrix));
        Ok(Self { params, course, graph, weights })
    }
}

impl Trainable for Training<'_> {
    type Model = NgcfModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let Self { params, course, graph, weights } = self;
        course.epoch(epoch, |samples, step| {
            let left = Left { rate: params.message_dropout, seed: step.seed.named("messages") };
            let drops = Drops { edge_rate: params.dropout, edges: step.seed.named("edges"), left };
            let (loss, gradients) = graph.differentiate(weights, samples, step.l2(), drops);
            let gradients = std::iter::once(gradients.base).chain(gradients.layers.into_iter().flatten());
            let parts = weights.matrices_mut().zip(gradients);
            step.take(parts.map(|(matrix, gradient)| (matrix, gradient.into_vec(), true)));
            loss
        })
    }

    fn snapshot(&self) -> NgcfModel {
        let likes = self.course.positives.likes();
        let (n_users, n_items) = (likes.n_rows(), likes.n_cols());
        let widths = self.params.widths();
        let pass = self.graph.forward(&self.weights, Cow::Borrowed(&self.graph.symmetric), None);
        let base = Matrix::from_vec(n_users, widths[0], self.weights.base.rows(0..n_users).to_vec());
        let (mean, users) = self.course.positives.with_mean_user(&base);
        let d = widths.iter().sum();
        let answers = |nodes: std::ops::Range<usize>| -> Matrix {
            let rows: Vec<f32> = nodes.clone().flat_map(|node| pass.answer(node)).collect();
            Matrix::from_vec(nodes.len(), d, rows)
        };
        let (guest, _) = self.course.positives.with_mean_user(&answers(0..n_users));
        let heard: usize = widths[..widths.len() - 1].iter().sum();
        let mut messages = Matrix::zeros(n_items, heard);
        for item in 0..n_items {
            let node = n_users + item;
            let root = (self.graph.degree(node).max(1) as f32).sqrt();
            let outputs = pass.outputs[..pass.heard.len()].iter().flat_map(|output| output.row(node));
            messages.row_mut(item).iter_mut().zip(outputs).for_each(|(to, x)| *to = x / root);
        }
        let (params, layers) = (self.params.clone(), self.weights.layers.clone());
        NgcfModel { params, users, items: answers(n_users..n_users + n_items), messages, layers, mean, guest }
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        self.course.save(self.weights.matrices(), out)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        let names: Vec<String> = self.weights.matrices().map(|(name, _)| name).collect();
        self.course.load(names.into_iter().zip(self.weights.matrices_mut()), from)
    }
}

#[cfg(test)]
mod tests {
    use segue_core::Csr;
    use serde_json::Value;

    use super::*;

    fn list<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }

    fn close(found: &[f32], wanted: &[f32], what: &str) {
        assert_eq!(found.len(), wanted.len(), "{what}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() <= 1e-5 * wanted.abs().max(1.0), "{what}: {found} for {wanted}");
        }
    }

    #[test]
    fn scores_losses_and_gradients_agree_with_pytorch() {
        let golden: Value = serde_json::from_str(include_str!("../../../golden/neural/ngcf.json")).unwrap();
        let likes: Vec<Vec<u32>> = list(&golden["likes"]);
        let (n_users, n_items) = (likes.len(), golden["n_items"].as_u64().unwrap() as usize);
        let rows = likes.iter().map(|items| items.iter().map(|&item| (item, 1.0)).collect());
        let graph = Graph::new(&Csr::from_rows(n_items, rows.collect()).unwrap());
        for case in golden["cases"].as_array().unwrap() {
            let widths: Vec<usize> = list(&case["widths"]);
            let of = |key: &str| {
                let numbers: serde_json::Map<String, Value> = list(&case[key]);
                let matrix =
                    |name: &str, n_rows: usize, n_cols: usize| Matrix::from_vec(n_rows, n_cols, list(&numbers[name]));
                let layers = widths.windows(2).enumerate().map(|(k, ends)| {
                    ["sum", "product"].map(|name| matrix(&format!("layer{k}.{name}"), ends[0], ends[1]))
                });
                Weights { base: matrix("base", n_users + n_items, widths[0]), layers: layers.collect() }
            };
            let (weights, wanted) = (of("weights"), of("gradients"));
            let pass = graph.forward(&weights, Cow::Borrowed(&graph.symmetric), None);
            let answers: Vec<Vec<f32>> = (0..graph.n_nodes()).map(|node| pass.answer(node)).collect();
            let (users, items) = answers.split_at(n_users);
            let scores = users.iter().flat_map(|user| items.iter().map(|item| dot(user, item)));
            close(&scores.collect::<Vec<_>>(), &list::<Vec<f32>>(&case["scores"]), &format!("{widths:?}, scores"));

            let samples: Vec<Sample> = list(&golden["samples"]);
            let samples: Vec<Sample> =
                samples.iter().map(|&[u, i, j]| [u, n_users as u32 + i, n_users as u32 + j]).collect();
            let drops = Drops { edge_rate: 0.0, edges: Seed::new(0), left: Left { rate: 0.0, seed: Seed::new(0) } };
            let l2 = golden["l2"].as_f64().unwrap() as f32;
            let (loss, gradients) = graph.differentiate(&weights, &samples, l2, drops);
            close(&[loss as f32], &[case["loss"].as_f64().unwrap() as f32], &format!("{widths:?}, loss"));
            for ((name, found), (_, wanted)) in gradients.matrices().zip(wanted.matrices()) {
                close(found.as_slice(), wanted.as_slice(), &format!("{widths:?}, {name}"));
            }
        }
    }

    /// Against differences, with everything that a step leaves out, which is the same at each point.
    #[test]
    fn gradients_with_dropout_equal_differences() {
        let likes = Csr::from_rows(3, vec![vec![(0, 1.0), (1, 1.0)], vec![(1, 1.0), (2, 1.0)]]).unwrap();
        let graph = Graph::new(&likes);
        let mut weights = Weights::draw(&[3, 4, 2], graph.n_nodes(), Seed::new(3));
        let drops = Drops {
            edge_rate: 0.3,
            edges: Seed::new(5).named("edges"),
            left: Left { rate: 0.3, seed: Seed::new(5).named("messages") },
        };
        let samples = [[0, 2, 4], [1, 4, 2], [1, 3, 2]];
        let (_, gradients) = graph.differentiate(&weights, &samples, 0.1, drops);
        let gradients: Vec<Vec<f32>> = gradients.matrices().map(|(_, matrix)| matrix.as_slice().to_vec()).collect();
        for (which, gradients) in gradients.iter().enumerate() {
            for (at, gradient) in gradients.iter().enumerate() {
                let mut loss_at = |step: f32| {
                    let matrix = weights.matrices_mut().nth(which).unwrap();
                    matrix.as_mut_slice()[at] += step;
                    let (loss, _) = graph.differentiate(&weights, &samples, 0.1, drops);
                    weights.matrices_mut().nth(which).unwrap().as_mut_slice()[at] -= step;
                    loss
                };
                let difference = (loss_at(1e-3) - loss_at(-1e-3)) / 2e-3;
                assert!((difference - f64::from(*gradient)).abs() < 2e-3, "{which}, {at}: {gradient} for {difference}");
            }
        }
    }

    #[test]
    fn layers_without_neurons_are_refused() {
        let refusal = Ngcf { hidden_dims: vec![0], ..Ngcf::default() }.check().unwrap_err().to_string();
        assert!(refusal.contains("`hidden_dims`"), "{refusal}");
    }
}
