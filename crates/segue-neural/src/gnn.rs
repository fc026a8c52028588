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

use segue_core::kernels::{axpy, dot};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, FitCx, FitError, Interval, ItemId, Matrix,
    ModelInfo, Output, ParamError, Params as _, Query, Recommender, Scorer, Seed, TrainData, Trainable, run_epochs,
};
use serde::{Deserialize, Serialize};

use crate::engine::shaped;
use crate::features::ItemFeatures;
use crate::graph::{Graph, Left, leaky, signs};
use crate::graph_training::Course;
use crate::optimise::{clip, descent_params};

mod net;

use net::{Layer, Net, Weights, attended, layer_name, mean_of, softmax};

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
        let matrix = |name: &str, n_rows: Option<usize>, n_cols: usize| shaped(from, name, (n_rows, n_cols));
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
        let (items, signs) = signs(query.history, self.items.n_rows());
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
    course: Course,
    net: Net,
    weights: Weights,
}

impl<'a> Training<'a> {
    fn new(params: &'a Gnn, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let mut course = Course::new(params.descent(), data, Gnn::INFO.name, seed)?;
        let likes = course.positives.likes();
        let (n_users, n_items) = (likes.n_rows(), likes.n_cols());
        let features = ItemFeatures::of(data.catalogue, params.features, n_items);
        let net = Net::new(Graph::new(likes), n_users, features, params.aggregation);
        let weights = Weights::draw(params, (n_users + n_items, net.features.len()), seed.named("init"));
        course.learn(weights.matrices().map(|(_, _, matrix)| matrix));
        Ok(Self { params, course, net, weights })
    }
}

impl Trainable for Training<'_> {
    type Model = GnnModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let Self { params, course, net, weights } = self;
        course.epoch(epoch, |samples, step| {
            let left = Left { rate: params.dropout, seed: step.seed };
            let (loss, gradients) = net.differentiate(weights, samples, step.l2(), left);
            let (held, mut gradients): (Vec<bool>, Vec<Vec<f32>>) = gradients.into_parts().unzip();
            clip(&mut gradients.iter_mut().collect::<Vec<_>>(), params.clip_norm);
            let parts = weights.matrices_mut().zip(gradients).zip(held);
            step.take(parts.map(|((matrix, gradient), held)| (matrix, gradient, held)));
            loss
        })
    }

    fn snapshot(&self) -> GnnModel {
        let (n_users, n_items) = (self.net.n_users, self.course.positives.likes().n_cols());
        let (d, pass) = (self.params.factors, self.net.forward(&self.weights, None));
        let base = Matrix::from_vec(n_users, d, self.weights.base.rows(0..n_users).to_vec());
        let (mean, users) = self.course.positives.with_mean_user(&base);
        let answers = |nodes: std::ops::Range<usize>| -> Matrix {
            let rows: Vec<f32> = nodes.clone().flat_map(|node| pass.answer(node)).collect();
            Matrix::from_vec(nodes.len(), d, rows)
        };
        let (guest, _) = self.course.positives.with_mean_user(&answers(0..n_users));
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
        self.course.save(self.weights.matrices().map(|(name, _, matrix)| (name, matrix)), out)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        let names: Vec<String> = self.weights.matrices().map(|(name, _, _)| name).collect();
        self.course.load(names.into_iter().zip(self.weights.matrices_mut()), from)
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{Csr, Features, IdMap, Registry, Silent};
    use segue_testkit::{World, likes};

    use super::*;
    use crate::golden::close;

    pub(super) const AGGREGATIONS: [Aggregation; 3] = [Aggregation::Mean, Aggregation::Sum, Aggregation::Attention];

    pub(super) fn with_features(world: World, features: &[Vec<u32>]) -> World {
        let rows = features.iter().map(|row| row.iter().map(|&feature| (feature, ())).collect()).collect();
        let features = Features::new(IdMap::new(vec!["a", "b"]), Csr::from_rows(2, rows).unwrap()).unwrap();
        World { catalogue: world.catalogue.with_features(features), ..world }
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
