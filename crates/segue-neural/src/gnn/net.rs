//! The network over a graph: from what is learnt to what every node answers, and back.

use std::borrow::Cow;

use rayon::prelude::*;
use segue_core::kernels::{Block, axpy, dot, exponentials, highest, matmul, scale};
use segue_core::{ItemId, Matrix, Seed};

use super::{Aggregation, Gnn};
use crate::engine::{Parameter, Start};
use crate::features::ItemFeatures;
use crate::graph::{CHUNK, Graph, Left, SLOPE, leaky, slopes_before};
use crate::graph_training::{Compared, Sample};

pub(super) fn layer_name(k: usize, what: &str) -> String {
    format!("layer{k}.{what}")
}

/// Rows of what a layer attends by: `a₁` and `a₂`, or none.
pub(super) fn attended(aggregation: Aggregation) -> usize {
    if aggregation == Aggregation::Attention { 2 } else { 0 }
}

/// One hop.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    /// `W₁`, `(d, d)`.
    pub(super) own: Matrix,
    /// `W₂`, `(d, d)`.
    pub(super) heard: Matrix,
    /// `b`, `(1, d)`.
    pub(super) bias: Matrix,
    /// `a₁` and `a₂`, `(2, d)`, or no rows.
    pub(super) attention: Matrix,
}

impl Layer {
    pub(super) fn matrices(&self) -> [(&'static str, &Matrix); 4] {
        [("own", &self.own), ("heard", &self.heard), ("bias", &self.bias), ("attention", &self.attention)]
    }

    fn matrices_mut(&mut self) -> [&mut Matrix; 4] {
        [&mut self.own, &mut self.heard, &mut self.bias, &mut self.attention]
    }

    /// Some nodes through the layer.
    pub(super) fn of(&self, own: &[f32], heard: &[f32], out: &mut [f32]) {
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

/// What is learnt, or its gradient.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// `e`, `(n_nodes, d)`.
    pub(super) base: Matrix,
    /// `(n_features, d)`.
    pub(super) features: Matrix,
    pub(super) layers: Vec<Layer>,
}

impl Weights {
    pub(super) fn draw(params: &Gnn, (n_nodes, n_features): (usize, usize), seed: Seed) -> Self {
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
    pub(super) fn matrices(&self) -> impl Iterator<Item = (String, bool, &Matrix)> {
        let tables = [("base".into(), true, &self.base), ("features".into(), true, &self.features)];
        let layers = self.layers.iter().enumerate();
        let layers = layers.flat_map(|(k, layer)| {
            layer.matrices().map(|(what, matrix)| (layer_name(k, what), what != "bias", matrix))
        });
        tables.into_iter().chain(layers)
    }

    /// The numbers of each, in the same order, and whether a decay holds it back.
    pub(super) fn into_parts(self) -> impl Iterator<Item = (bool, Vec<f32>)> {
        let held: Vec<bool> = self.matrices().map(|(_, held, _)| held).collect();
        let layers = self.layers.into_iter().flat_map(|layer| [layer.own, layer.heard, layer.bias, layer.attention]);
        held.into_iter().zip([self.base, self.features].into_iter().chain(layers).map(Matrix::into_vec))
    }

    pub(super) fn matrices_mut(&mut self) -> impl Iterator<Item = &mut Matrix> {
        let layers = self.layers.iter_mut().flat_map(Layer::matrices_mut);
        [&mut self.base, &mut self.features].into_iter().chain(layers)
    }
}

/// The whole graph through all layers.
pub(super) struct Pass<'a> {
    /// `h^k`, `(n_nodes, d)` each.
    pub(super) outputs: Vec<Matrix>,
    /// `m` of each layer.
    heard: Vec<Matrix>,
    /// `w` of each layer, edge by edge.
    edges: Vec<Cow<'a, [f32]>>,
}

impl Pass<'_> {
    /// Row `node` of `F`.
    pub(super) fn answer(&self, node: usize) -> Vec<f32> {
        mean_of(self.outputs.iter().map(|output| output.row(node)))
    }
}

pub(super) fn mean_of<'r>(rows: impl ExactSizeIterator<Item = &'r [f32]>) -> Vec<f32> {
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
pub(super) struct Net {
    pub(super) graph: Graph,
    pub(super) n_users: usize,
    pub(super) features: ItemFeatures,
    aggregation: Aggregation,
    /// `1 / d_v` of each edge.
    even: Vec<f32>,
    /// The edge that leads back.
    back: Vec<u32>,
}

impl Net {
    pub(super) fn new(graph: Graph, n_users: usize, features: ItemFeatures, aggregation: Aggregation) -> Self {
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

    pub(super) fn forward(&self, weights: &Weights, left: Option<Left>) -> Pass<'_> {
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
                if let Some(left) = left {
                    left.of(out, (k, chunk));
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
    pub(super) fn differentiate(&self, weights: &Weights, samples: &[Sample], l2: f32, left: Left) -> (f64, Weights) {
        let (d, pass) = (weights.base.n_cols(), self.forward(weights, Some(left)));
        let compared = Compared::of(samples, d, l2, |node| pass.answer(node));
        let mut of_answers = Matrix::zeros(self.graph.n_nodes(), d);
        for (node, _, gradient) in compared.each() {
            of_answers.row_mut(node).copy_from_slice(gradient);
        }
        let mut gradients = self.backward(weights, &pass, &of_answers, left.rate);
        let mut penalties = 0.0;
        for (node, penalty, _) in compared.each() {
            let x = weights.base.row(node);
            axpy(penalty, x, gradients.base.row_mut(node));
            penalties += 0.5 * f64::from(penalty * dot(x, x));
        }
        (compared.loss + penalties, gradients)
    }
}

/// The inner product of each row with one vector.
fn products(rows: &Matrix, vector: &[f32]) -> Vec<f32> {
    rows.as_slice().par_chunks_exact(vector.len()).map(|row| dot(row, vector)).collect()
}

pub(super) fn softmax(mut scores: Vec<f32>) -> Vec<f32> {
    let highest = highest(&scores);
    let sum = exponentials(&mut scores, highest);
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
            let slopes = slopes_before(slopes, out, rate);
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

#[cfg(test)]
mod tests {
    use segue_core::Csr;
    use segue_testkit::{World, likes};
    use serde_json::Value;

    use super::*;
    use crate::gnn::tests::{AGGREGATIONS, with_features};
    use crate::golden::{close, list};

    fn of<T: serde::de::DeserializeOwned>(value: &Value) -> T {
        serde_json::from_value(value.clone()).unwrap()
    }

    /// The network of a world whose items have features of these numbers.
    fn net(liked: &[Vec<u32>], features: &[Vec<u32>], aggregation: Aggregation) -> Net {
        let world = with_features(World::of(likes(1, features.len(), &[])), features);
        let rows = liked.iter().map(|items| items.iter().map(|&item| (item, 1.0)).collect()).collect();
        let graph = Graph::new(&Csr::from_rows(features.len(), rows).unwrap());
        let features = ItemFeatures::of(&world.catalogue, true, features.len());
        Net::new(graph, liked.len(), features, aggregation)
    }

    #[test]
    fn scores_losses_and_gradients_agree_with_pytorch() {
        let golden: Value = serde_json::from_str(include_str!("../../../../golden/neural/gnn.json")).unwrap();
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
}
