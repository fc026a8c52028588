//! A fully connected network over the vectors of a user, an item and the item's features that ends in one number: the rating.
//!
//! The plain baseline of studies of ratings: embedding layers, dense layers, a regression node (Paul Covington, Jay Adams, Emre
//! Sargin: *Deep Neural Networks for `YouTube` Recommendations*, `RecSys` 2016, has the same network with another last layer):
//!
//! ```text
//! g_i = mean of the vectors of i's features
//! z₁ = relu(W₁ [p_u; q_i; g_i] + b₁)      zₙ = relu(Wₙ zₙ₋₁ + bₙ)      r̂(u, i) = μ + σ (w · z_last + b)
//! min Σ ((r - r̂) / σ)² + l2 (‖p_u‖² + ‖q_i‖² + ‖g_i‖²)        μ, σ: mean and standard deviation of the ratings
//! ```
//!
//! Cost of an epoch: O(ratings · Σ products of the widths of neighbouring layers); memory O((users + items) · width).
//!
//! Useful as the network that others of its kind are measured by, and where items have features. Not useful where time is short:
//! `svd` comes near it for less.
//!
//! A user whose history has changed is answered by the vector that fits it best, everything else as training left it, near the
//! trained vector, or near the mean user for a guest. Items without ratings speak through their features. Reference:
//! `golden/neural/fcnn.py`.

use candle_core::{Device, Tensor};
use rayon::prelude::*;
use segue_core::kernels::axpy;
use segue_core::training::descent::minimise;
use segue_core::training::ratings::{self, Scale};
use segue_core::training::rows::{RowGradients, Terms};
use segue_core::training::tables::Table;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, Csr, FitCx, FitError, History, Interval,
    ItemId, Matrix, ModelInfo, Output, ParamError, Params, Query, Recommender, Scorer, Seed, TrainData, Trainable,
    UserId, run_epochs,
};

use crate::engine::{Computed, Dense, Learning, Parameter, Start, Weights, failed, gradient, numbers};
use crate::features::ItemFeatures;
use crate::fused::affine;
use crate::layers::{Dropout, Tower, linear, linear_parameters};
use crate::optimise::{clip, descent_params, each_batch, held};
use crate::pairs::{gathered, leaves, of_candidates};

/// Ratings that the engine sees at once: their layers stay in the second-level cache.
const SHARD: usize = 128;
/// Evaluations of the error of a history that is new.
const EVALUATIONS: usize = 30;
/// What holds the vector of such a history where it was.
const ANCHOR: f32 = 1.0;

descent_params! {
    /// Parameters of the fully connected network.
    pub struct Fcnn {
        /// Length of a user's and an item's vector together, then of each hidden layer.
        mlp_layers: Vec<usize> = vec![64, 64, 32], alias "layers";
        /// Whether items carry their features (genres, authors), too.
        features: bool = true, alias "genres";
        /// Share of the neurons of each hidden layer that a sample does without.
        dropout: f32 = 0.0, range Interval::between(0.0, 0.95);
        /// Standard deviation of the initial vectors.
        init_std: f32 = 0.1, range Interval::at_least(0.0);
        /// Whether predictions stay within the range of the training ratings.
        clip: bool = true;
        /// Longest gradient of a step, all parameters together; 0 for no limit.
        clip_norm: f32 = 0.0, range Interval::at_least(0.0), alias "gradient_clip_val";
    }
    descent { epochs: 20, batch_size: 256, learning_rate: 0.003, optimizer: LazyAdam, l2: 0.01 }
}

impl Fcnn {
    fn tower(&self) -> Tower<'_> {
        Tower { widths: &self.mlp_layers }
    }

    fn parameters(&self) -> Vec<Parameter> {
        let tower = self.tower();
        let mut all = tower.parameters();
        all.push(Parameter::new("layer1.features", &[tower.half(), tower.first()], Start::Glorot));
        all.extend(linear_parameters("output", tower.last(), 1));
        all
    }

    /// What items `(n, half)` and the means of their features' vectors `(n, half)` add to the first layer.
    fn items(items: &Tensor, features: &Tensor, weights: &Weights) -> Computed<Tensor> {
        let weight = weights.get("layer1.features")?;
        let none = Tensor::zeros(weight.dim(1)?, features.dtype(), features.device())?;
        Tower::items(items, weights)? + affine(features, weight, &none, false)?
    }

    /// Ratings of users `(b, first)` for items `(b · c, first)`, the first `c` of which are for the first user, in standard deviations
    /// from the mean: `(b · c)`.
    fn rate(&self, users: &Tensor, items: &Tensor, weights: &Weights, dropout: Option<Dropout>) -> Computed<Tensor> {
        linear(&self.tower().meet(users, items, weights, dropout)?, weights, "output")?.flatten_all()
    }
}

impl Algorithm for Fcnn {
    const INFO: ModelInfo = ModelInfo {
        name: "fcnn",
        aliases: &[],
        title: "Fully connected network of ratings",
        citation: "Covington, Adams, Sargin: Deep Neural Networks for YouTube Recommendations, RecSys 2016",
        useful_for: "the baseline that networks of ratings are measured by; items with features and few ratings",
        not_useful_for: "short time: `svd` comes near it for less; ranking from likes alone",
        scale: "a few million ratings",
        output: Output::Rating,
        personalised: true,
    };
    type Model = FcnnModel;

    fn check(&self) -> Result<(), ParamError> {
        self.tower().check(Self::INFO.name)?;
        self.descent().check(Self::INFO.name)
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<Self::Model, FitError> {
        let mut training = Training::new(self, data, cx.seed)?;
        run_epochs(&mut training, self.epochs, cx, Self::load)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<Self::Model, ArtifactError> {
        let net: Self = from.meta("params")?;
        let checked = net.check_ranges(Self::INFO.name).and_then(|()| net.check());
        checked.map_err(|error| from.entry("params", error.to_string()))?;
        let (users, items, features) = (from.matrix("users")?, from.matrix("items")?, from.matrix("features")?);
        for (name, table) in [("users", &users), ("items", &items), ("features", &features)] {
            if table.n_cols() != net.tower().half() {
                let why = format!("is {} wide, but this architecture has {}", table.n_cols(), net.tower().half());
                return Err(from.entry(name, why));
            }
        }
        if features.n_rows() != items.n_rows() {
            return Err(from.entry("features", format!("is of {} items, not {}", features.n_rows(), items.n_rows())));
        }
        let dense = Dense::load(&net.parameters(), &from.scope("dense"))?;
        let moments: Vec<f32> = from.vector("standard", Some(2))?;
        let scale: Vec<f32> = from.vector("range", Some(2))?;
        let learnt = Learnt {
            guest: from.vector("guest", Some(users.n_cols()))?,
            fingerprints: from.vector("fingerprints", Some(users.n_rows()))?,
            standard: Standard { mean: moments[0], deviation: moments[1] },
            scale: Scale { min: scale[0], max: scale[1] },
            users,
            items,
            features,
            dense,
        };
        FcnnModel::new(net, learnt).map_err(|error| from.entry("items", error.to_string()))
    }
}

/// Mean and standard deviation of the ratings.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Standard {
    mean: f32,
    deviation: f32,
}

impl Standard {
    /// A deviation of 1 where all are equal.
    fn of(ratings: &[f32]) -> Self {
        let n = ratings.len() as f64;
        let mean = ratings.iter().map(|&r| f64::from(r)).sum::<f64>() / n;
        let deviation = (ratings.iter().map(|&r| (f64::from(r) - mean).powi(2)).sum::<f64>() / n).sqrt();
        Self { mean: mean as f32, deviation: if deviation > 0.0 { deviation as f32 } else { 1.0 } }
    }

    fn standardised(self, rating: f32) -> f32 {
        (rating - self.mean) / self.deviation
    }
}

/// What training leaves behind.
#[derive(Debug, Clone, PartialEq)]
struct Learnt {
    users: Matrix,
    items: Matrix,
    /// The mean of each item's features' vectors.
    features: Matrix,
    dense: Dense,
    /// The mean vector of the users with ratings.
    guest: Vec<f32>,
    /// Of the history that each user was trained on; 0 where it was empty.
    fingerprints: Vec<u64>,
    standard: Standard,
    scale: Scale,
}

/// A trained network.
#[derive(Debug)]
pub struct FcnnModel {
    net: Fcnn,
    learnt: Learnt,
    weights: Weights,
    /// What each item adds to the first layer.
    met: Tensor,
}

impl FcnnModel {
    fn new(net: Fcnn, learnt: Learnt) -> Computed<Self> {
        let weights = learnt.dense.constants()?;
        let whole =
            |table: &Matrix| Tensor::from_slice(table.as_slice(), (table.n_rows(), table.n_cols()), &Device::Cpu);
        let met = Fcnn::items(&whole(&learnt.items)?, &whole(&learnt.features)?, &weights)?;
        Ok(Self { net, learnt, weights, met })
    }

    /// The vector that answers a query.
    fn vector(&self, query: &Query<'_>) -> Vec<f32> {
        let Learnt { users, guest, fingerprints, .. } = &self.learnt;
        let known = query.user.map(|u| u as usize).filter(|&u| fingerprints.get(u).is_some_and(|&f| f != 0));
        match known {
            Some(user) if fingerprints[user] == query.history.fingerprint() => users.row(user).to_vec(),
            Some(user) => self.fold_in(users.row(user), query.history),
            None => self.fold_in(guest, query.history),
        }
    }

    /// The vector near `start` that fits a history.
    fn fold_in(&self, start: &[f32], history: History<'_>) -> Vec<f32> {
        let rated = ratings::latest(history);
        let rated: Vec<_> =
            rated.into_iter().filter(|&(item, _)| (item as usize) < self.learnt.items.n_rows()).collect();
        if rated.is_empty() {
            return start.to_vec();
        }
        let wanted: Vec<f32> = rated.iter().map(|&(_, rating)| self.learnt.standard.standardised(rating)).collect();
        let items: Vec<ItemId> = rated.iter().map(|&(item, _)| item).collect();
        let error = |p: &[f32], slope: &mut [f32]| -> Computed<f64> {
            let met = of_candidates(&self.met, &Candidates::List(&items))?;
            let leaf = leaves(&Matrix::from_vec(1, p.len(), p.to_vec()), &[0], &[p.len()])?.remove(0);
            let rated = self.net.rate(&Tower::users(&leaf, &self.weights)?, &met, &self.weights, None)?;
            let loss = (rated - Tensor::from_slice(&wanted, wanted.len(), &Device::Cpu)?)?.sqr()?.sum_all()?;
            slope.copy_from_slice(&gradient(&loss.backward()?, &leaf)?);
            let mut value = f64::from(loss.to_scalar::<f32>()?);
            for ((g, x), from) in slope.iter_mut().zip(p).zip(start) {
                *g += 2.0 * ANCHOR * (x - from);
                value += f64::from(ANCHOR * (x - from) * (x - from));
            }
            Ok(value)
        };
        minimise(start, EVALUATIONS, |p, slope| {
            error(p, slope).unwrap_or_else(|error| unreachable!("shapes were checked when the model was made: {error}"))
        })
    }
}

impl Recommender for FcnnModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let vectors: Vec<f32> = queries.iter().flat_map(|query| self.vector(query)).collect();
        let table = Matrix::from_vec(queries.len(), self.net.tower().half(), vectors);
        let every: Vec<u32> = (0..queries.len() as u32).collect();
        let users = gathered(&table, &every, &[table.n_cols()]).and_then(|rows| Tower::users(&rows[0], &self.weights));
        let Ok(users) = users else { unreachable!("shapes were checked when the model was made") };
        Box::new(Rater { model: self, users })
    }

    fn likeness(&self, item: ItemId) -> Option<&[f32]> {
        Some(self.learnt.items.row(item as usize))
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        let Learnt { users, items, features, dense, guest, fingerprints, standard, scale } = &self.learnt;
        out.matrix("users", users);
        out.matrix("items", items);
        out.matrix("features", features);
        out.scope("dense", |out| dense.save(out));
        out.tensor("guest", &[guest.len()], guest.as_slice());
        out.tensor("fingerprints", &[fingerprints.len()], fingerprints.as_slice());
        out.tensor("standard", &[2], vec![standard.mean, standard.deviation]);
        out.tensor("range", &[2], vec![scale.min, scale.max]);
        out.meta("params", &self.net)
    }
}

/// A block of users: what they add to the first layer.
struct Rater<'a> {
    model: &'a FcnnModel,
    users: Tensor,
}

impl Scorer for Rater<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        if out.is_empty() {
            return;
        }
        let FcnnModel { net, learnt, weights, .. } = self.model;
        let rated = of_candidates(&self.model.met, &items).and_then(|met| {
            out.chunks_exact_mut(items.len()).enumerate().try_for_each(|(q, row)| {
                let rated = numbers(&net.rate(&self.users.narrow(0, q, 1)?, &met, weights, None)?)?;
                for (score, z) in row.iter_mut().zip(rated) {
                    let rating = learnt.standard.mean + learnt.standard.deviation * z;
                    *score = if net.clip { learnt.scale.keep(rating) } else { rating };
                }
                Ok(())
            })
        });
        if let Err(error) = rated {
            unreachable!("shapes were checked when the model was made: {error}")
        }
    }
}

struct Training<'a> {
    net: &'a Fcnn,
    ratings: Csr<f32>,
    /// The user of every rating.
    of: Vec<UserId>,
    standard: Standard,
    fingerprints: Vec<u64>,
    features: ItemFeatures,
    seed: Seed,
    users: Table,
    items: Table,
    of_features: Table,
    learning: Learning,
}

/// What a shard adds to a step.
struct Gradients {
    loss: f64,
    /// Of users, items, and the means of features.
    of_rows: [Vec<f32>; 3],
    of_dense: Vec<Vec<f32>>,
}

impl<'a> Training<'a> {
    fn new(net: &'a Fcnn, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let ratings = ratings::by_user(data.log)?;
        if ratings.is_empty() {
            let message = "fcnn needs at least one rating to learn from, but the training log is empty";
            return Err(FitError::Data(message.into()));
        }
        let (n_users, n_items) = (ratings.n_rows(), ratings.n_cols());
        let (descent, init, d) = (net.descent(), seed.named("init"), net.tower().half());
        fits(descent.batch_size.min(ratings.len()), net)?;
        let features = ItemFeatures::of(data.catalogue, net.features, n_items);
        let mut rated = vec![false; n_items];
        ratings.cols().iter().for_each(|&item| rated[item as usize] = true);
        let table = |n: usize, name: &str, known: &dyn Fn(usize) -> bool| {
            let mut matrix = Matrix::normal(n, d, net.init_std, &mut init.named(name).stream());
            (0..n).filter(|&row| !known(row)).for_each(|row| matrix.row_mut(row).fill(0.0));
            descent.table(matrix)
        };
        Ok(Self {
            users: table(n_users, "users", &|user| !ratings.range(user).is_empty()),
            items: table(n_items, "items", &|item| rated[item]),
            of_features: table(features.len(), "features", &|_| true),
            net,
            of: (0..n_users).flat_map(|user| ratings.cols_of(user).iter().map(move |_| user as UserId)).collect(),
            standard: Standard::of(ratings.values()),
            fingerprints: (0..n_users as UserId).map(|user| data.log.user(user).fingerprint()).collect(),
            ratings,
            features,
            seed,
            learning: Learning::of(Dense::draw(&net.parameters(), init)),
        })
    }

    /// Users and items of some ratings.
    fn pairs(&self, entries: &[u32]) -> (Vec<UserId>, Vec<ItemId>) {
        entries.iter().map(|&entry| (self.of[entry as usize], self.ratings.cols()[entry as usize])).unzip()
    }

    /// Loss and gradients of a shard of a batch of `size` ratings.
    fn shard(&self, entries: &[u32], dropout: Dropout, size: usize, weights: &Weights) -> Computed<Gradients> {
        let (users, items) = self.pairs(entries);
        let (n, d) = (entries.len(), self.net.tower().half());
        let every: Vec<u32> = (0..n as u32).collect();
        let leaf = |table: &Matrix, rows: &[u32]| Ok(leaves(table, rows, &[d])?.remove(0)) as Computed<Tensor>;
        let (p, q) = (leaf(&self.users.matrix, &users)?, leaf(&self.items.matrix, &items)?);
        let means = self.features.means(items.iter().copied(), &self.of_features.matrix);
        let g = leaf(&means, &every)?;
        let rated =
            self.net.rate(&Tower::users(&p, weights)?, &Fcnn::items(&q, &g, weights)?, weights, Some(dropout))?;
        let wanted: Vec<f32> =
            entries.iter().map(|&entry| self.standard.standardised(self.ratings.values()[entry as usize])).collect();
        let loss = (rated - Tensor::from_vec(wanted, n, &Device::Cpu)?)?.sqr()?.sum_all()?;
        let gradients = (&loss / size as f64)?.backward()?;
        Ok(Gradients {
            loss: f64::from(loss.to_scalar::<f32>()?),
            of_rows: [gradient(&gradients, &p)?, gradient(&gradients, &q)?, gradient(&gradients, &g)?],
            of_dense: weights.gradients(&gradients)?,
        })
    }

    /// The gradient of a batch: the sum of the losses; users, items, features; dense parameters.
    fn gradients(&self, batch: &[u32], samples: Seed) -> Computed<(f64, [RowGradients; 3], Vec<Vec<f32>>)> {
        let weights = self.learning.dense.leaves()?;
        let shards: Vec<Gradients> = batch
            .par_chunks(SHARD)
            .enumerate()
            .map(|(n, entries)| {
                let dropout = Dropout { rate: self.net.dropout, shard: samples.at(n as u64) };
                self.shard(entries, dropout, batch.len(), &weights)
            })
            .collect::<Computed<_>>()?;
        let (share, d) = (1.0 / batch.len() as f32, self.net.tower().half());
        let (users, items) = self.pairs(batch);
        let sum = |which: usize, terms: &Terms| {
            let all: Vec<&[f32]> = shards.iter().map(|shard| &shard.of_rows[which][..]).collect();
            terms.sum(&all.concat(), d)
        };
        let rows = |rows: &[u32]| {
            let mut terms = Terms::default();
            rows.iter().zip(0..).for_each(|(&row, n)| terms.push(row, n, 1.0, share));
            terms
        };
        let tables = [sum(0, &rows(&users)), sum(1, &rows(&items)), sum(2, &self.features.terms(items.iter(), share))];
        let loss = shards.iter().map(|shard| shard.loss).sum();
        Ok((loss, tables, weights.summed(shards.iter().map(|shard| &shard.of_dense))))
    }

    fn step(&mut self, batch: &[u32], epoch: usize, samples: Seed) -> Result<f64, FitError> {
        let (loss, mut tables, mut dense) = self.gradients(batch, samples).map_err(|error| failed(&error))?;
        let parts = dense.iter_mut().chain(tables.iter_mut().map(|table| &mut table.data));
        clip(&mut parts.collect::<Vec<_>>(), self.net.clip_norm);
        let descent = self.net.descent();
        let (t, rate) = self.learning.pace.next(&descent, epoch);
        let own = [&mut self.users, &mut self.items, &mut self.of_features];
        own.into_iter().zip(&tables).for_each(|(table, gradients)| table.step(gradients, rate, descent.decay()));
        self.learning.update(dense, (&descent, rate, t));
        Ok(loss)
    }
}

/// Whether the layers of a batch of ratings and their gradients fit into memory.
fn fits(ratings: usize, net: &Fcnn) -> Result<(), FitError> {
    let width: usize = net.mlp_layers.iter().sum();
    let needed_mib = (ratings as u64).saturating_mul(width as u64 * 8) >> 20;
    held(format!("a step of `fcnn` over {ratings} ratings"), ratings, needed_mib, 4096)
}

impl Trainable for Training<'_> {
    type Model = FcnnModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let sizes = (self.ratings.len(), self.net.descent().batch_size);
        let mean =
            each_batch(sizes, (self.seed, epoch), |batch, n, samples| self.step(batch, epoch, samples.at(n as u64)))?;
        self.learning.pace.hear(&self.net.descent(), mean);
        Ok(mean)
    }

    fn snapshot(&self) -> FcnnModel {
        let users = self.users.matrix.clone();
        let rated = (0..self.ratings.n_rows()).filter(|&user| !self.ratings.range(user).is_empty());
        let share = 1.0 / rated.clone().count() as f32;
        let mut guest = vec![0.0; users.n_cols()];
        rated.for_each(|user| axpy(share, users.row(user), &mut guest));
        let every = 0..self.items.matrix.n_rows() as ItemId;
        let learnt = Learnt {
            guest,
            users,
            items: self.items.matrix.clone(),
            features: self.features.means(every, &self.of_features.matrix),
            dense: self.learning.dense.clone(),
            fingerprints: self.fingerprints.clone(),
            standard: self.standard,
            scale: Scale::of(self.ratings.values()),
        };
        let model = FcnnModel::new(self.net.clone(), learnt);
        model.unwrap_or_else(|error| unreachable!("the shapes are those of the training: {error}"))
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        self.users.save("users", out)?;
        self.items.save("items", out)?;
        self.of_features.save("features", out)?;
        self.learning.save(out)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.users.load("users", from)?;
        self.items.load("items", from)?;
        self.of_features.load("features", from)?;
        self.learning.load(&self.net.parameters(), from)
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{Features, IdMap, Registry, Silent};
    use segue_testkit::{World, rated};
    use serde_json::Value;

    use super::*;
    use crate::golden::{close, dense, list};

    /// A world whose items have these features.
    fn world(features: &[Vec<u32>], n_users: usize, ratings: &[(u32, u32, f32)]) -> World {
        let world = World::of(rated(n_users, features.len(), ratings));
        let names = IdMap::new(vec!["a", "b", "c"]);
        let rows = features.iter().map(|row| row.iter().map(|&f| (f, ())).collect()).collect();
        let features = Features::new(names, Csr::from_rows(3, rows).unwrap()).unwrap();
        World { catalogue: world.catalogue.with_features(features), ..world }
    }

    /// A step over all ratings, from the weights of the golden case.
    #[test]
    fn predictions_losses_and_gradients_agree_with_pytorch() {
        let golden: Value = serde_json::from_str(include_str!("../../../golden/neural/fcnn.json")).unwrap();
        let net: Fcnn = serde_json::from_value(golden["params"].clone()).unwrap();
        let ratings: Vec<(u32, u32, f32)> = serde_json::from_value(golden["ratings"].clone()).unwrap();
        let features: Vec<Vec<u32>> = serde_json::from_value(golden["features"].clone()).unwrap();
        let (n_users, d) = (golden["n_users"].as_u64().unwrap() as usize, net.tower().half());
        let World { catalogue, log, .. } = world(&features, n_users, &ratings);
        let mut training = Training::new(&net, &TrainData { catalogue: &catalogue, log: &log }, Seed::new(1)).unwrap();
        let table = |key: &str| {
            let values = list(&golden[key]);
            net.descent().table(Matrix::from_vec(values.len() / d, d, values))
        };
        (training.users, training.items, training.of_features) = (table("users"), table("items"), table("vectors"));
        training.learning = Learning::of(dense(&net.parameters(), &golden["dense"]));

        let every: Vec<u32> = (0..ratings.len() as u32).collect();
        let (loss, tables, of_dense) = training.gradients(&every, Seed::new(1)).unwrap();
        close(&[(loss / ratings.len() as f64) as f32], &[golden["loss"].as_f64().unwrap() as f32], "loss");
        let wanted = &golden["gradients"];
        for (found, key) in tables.iter().zip(["users", "items", "vectors"]) {
            let mut all = vec![0.0; list(&wanted[key]).len()];
            for (row, _, gradient) in found.within(0..all.len() / d) {
                all[row * d..(row + 1) * d].copy_from_slice(gradient);
            }
            close(&all, &list(&wanted[key]), key);
        }
        for (parameter, found) in net.parameters().iter().zip(&of_dense) {
            close(found, &list(&wanted["dense"][&parameter.name]["values"]), &parameter.name);
        }
        let model = training.snapshot();
        let mut predicted = vec![0.0; features.len()];
        for (user, wanted) in (0..n_users as UserId).zip(golden["predicted"].as_array().unwrap()) {
            let query = Query { user: Some(user), history: log.user(user) };
            model.encode(&[query]).score(Candidates::Range(0..features.len() as ItemId), &mut predicted);
            close(&predicted, &list(wanted), "predicted");
        }
    }

    /// Two genres, of which each user loves one: items 4 and 9 nobody has rated.
    #[test]
    fn an_item_nobody_has_rated_is_known_by_its_features() {
        let features: Vec<Vec<u32>> = (0..10).map(|item| vec![item / 5]).collect();
        let stars = |user: u32, item: u32| if user % 2 == item / 5 { 5.0 } else { 1.0 };
        let pairs = (0..20).flat_map(|user| (0..10).filter(|item| item % 5 != 4).map(move |item| (user, item)));
        let ratings: Vec<_> = pairs.map(|(user, item)| (user, item, stars(user, item))).collect();
        let World { catalogue, log, .. } = world(&features, 20, &ratings);
        let net = Fcnn { mlp_layers: vec![8, 8], epochs: 100, batch_size: 32, learning_rate: 0.02, ..Fcnn::default() };
        let (registry, mut silent) = (Registry::default(), Silent);
        let mut cx = FitCx::plain(1, &registry, &mut silent);
        let model = net.fit(&TrainData { catalogue: &catalogue, log: &log }, &mut cx).unwrap();
        for user in 0..20 {
            let mut predicted = [0.0; 2];
            let query = Query { user: Some(user), history: log.user(user) };
            model.encode(&[query]).score(Candidates::List(&[4, 9]), &mut predicted);
            let [own, other] = if user % 2 == 0 { predicted } else { [predicted[1], predicted[0]] };
            assert!(own > 4.0 && other < 2.0, "user {user}: {own}, {other}");
        }
    }

    #[test]
    fn a_batch_that_memory_does_not_hold_is_refused_with_one_that_it_does() {
        let net = Fcnn::default();
        assert!(fits(256, &net).is_ok());
        let refusal = fits(16_777_216, &net).unwrap_err().to_string();
        let size: usize = refusal.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(refusal.contains("`batch_size`") && fits(size, &net).is_ok(), "{refusal}");
    }
}
