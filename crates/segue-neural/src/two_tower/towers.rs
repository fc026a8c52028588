//! How two towers are trained, asked and saved.
//!
//! Training visits every like once an epoch, in random order. The likes of a shard and what their users liked beside them stand
//! in one tensor; the engine reads histories, everything else (items, their features, lengths of vectors, losses) has slopes
//! written by hand. What shards add is summed in their order, so that the model is the same to the bit at any number of threads.
//!
//! A known history is answered by the user's vector and the encoder; any other by the same encoder, which has learnt to do without
//! the vector, and without a history, too (Maksims Volkovs, Guangwei Yu, Tomi Poutanen: *`DropoutNet`: Addressing Cold Start in
//! Recommender Systems*, NIPS 2017). Where there is no encoder, the mean of what is liked moves the vector: from that of the user by what has changed, or from nothing for a guest.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor, Var};
use rayon::prelude::*;
use segue_core::kernels::{axpy, dot, scale};
use segue_core::training::rows::{RowGradients, Terms};
use segue_core::training::sampler::Positives;
use segue_core::training::tables::Table;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, Embeddings, FitCx, FitError, History, ItemId,
    Matrix, Measure, Query, Recommender, Scorer, Seed, TrainData, Trainable, UserId, run_epochs,
};

use super::{Encoder, Similarity, TwoTower};
use crate::beside::{Beside, Known};
use crate::engine::{ALONE, Computed, Dense, Learning, Parameter, Start, Weights, failed, gradient, numbers};
use crate::features::ItemFeatures;
use crate::fused::means;
use crate::heads::{InBatch, Slopes, States, in_batch, slopes};
use crate::histories::{Histories, Signed, signed, turn_away};
use crate::layers::{Dropout, linear, linear_parameters};
use crate::losses::Loss;
use crate::optimise::{Optimisation, clip, each_batch};
use crate::sequences::{Sequences, liked};
use crate::transformer::Transformer;

/// Likes whose histories the engine sees at once, at most.
const SHARD: usize = 64;

impl TwoTower {
    /// Likes whose histories the engine sees at once.
    fn shard(&self) -> usize {
        (ALONE / ((self.history_length + 1) * self.factors)).clamp(1, SHARD)
    }

    fn transformer(&self) -> Transformer {
        Transformer { blocks: self.blocks, heads: self.heads, width: self.factors, norm_first: true, causal: true }
    }

    fn parameters(&self) -> Vec<Parameter> {
        let d = self.factors;
        let token = Parameter::new("token", &[1, d], Start::Normal(self.init_std));
        match self.history {
            Encoder::None => Vec::new(),
            Encoder::Mean => {
                let [mut weight, bias] = linear_parameters("mean", d, d);
                weight.start = Start::Identity;
                vec![weight, bias]
            }
            Encoder::Attention => {
                let [weight, bias] = linear_parameters("attention.keys", d, d);
                let [mut values, value_bias] = linear_parameters("attention.values", d, d);
                values.start = Start::Identity;
                vec![token, weight, bias, values, value_bias]
            }
            Encoder::Transformer => {
                let positions =
                    Parameter::new("positions", &[self.history_length + 1, d], Start::Normal(self.init_std));
                let mut all = vec![token, positions];
                all.extend(self.transformer().parameters());
                all
            }
        }
    }

    /// What the encoder makes of histories, one behind the other: `(t, d)` to `(n, d)`.
    fn encode(
        &self,
        rows: &Tensor,
        lengths: &[usize],
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        if rows.dim(0)? == 0 && self.history != Encoder::None {
            // The engine knows no empty tensors: one row that nobody reads.
            let (unread, n) = (Tensor::zeros((1, self.factors), rows.dtype(), rows.device())?, lengths.len());
            let lengths: Vec<usize> = lengths.iter().copied().chain([1]).collect();
            return self.encode(&unread, &lengths, weights, dropout)?.narrow(0, 0, n);
        }
        let drop = |x: &Tensor| dropout.map_or(Ok(x.clone()), |dropout| dropout.of(x, "history"));
        match self.history {
            Encoder::None => Tensor::zeros((lengths.len(), self.factors), rows.dtype(), rows.device()),
            Encoder::Mean => linear(&means(&drop(rows)?, &lengths.into())?, weights, "mean"),
            Encoder::Attention => {
                let rows = drop(rows)?;
                let keys = linear(&rows, weights, "attention.keys")?.tanh()?;
                let scores = products_with(&keys, weights.get("token")?)?;
                linear(&weighed(&rows, &scores, lengths)?, weights, "attention.values")
            }
            Encoder::Transformer => {
                let (n, token) = (rows.dim(0)?, rows.dim(0)? as u32);
                let with_token: Arc<[usize]> = lengths.iter().map(|length| length + 1).collect();
                let mut order = Vec::with_capacity(n + lengths.len());
                let (mut start, mut places) = (0, Vec::with_capacity(n + lengths.len()));
                for &length in lengths {
                    order.extend((start..start + length).map(|row| row as u32).chain([token]));
                    places.extend((self.history_length - length..=self.history_length).map(|place| place as u32));
                    start += length;
                }
                let ends: Vec<u32> = with_token
                    .iter()
                    .scan(0, |end, length| {
                        Some({
                            *end += *length as u32;
                            *end - 1
                        })
                    })
                    .collect();
                let ids = |ids: Vec<u32>| Tensor::new(ids, &Device::Cpu);
                let rows = Tensor::cat(&[&drop(rows)?, weights.get("token")?], 0)?.index_select(&ids(order)?, 0)?;
                let x = (rows + weights.get("positions")?.index_select(&ids(places)?, 0)?)?;
                self.transformer().of(x, &with_token, weights, dropout)?.index_select(&ids(ends)?, 0)
            }
        }
    }
}

/// Each row times one vector: `(t, d)` and `(1, d)` to `(t, 1)`.
fn products_with(rows: &Tensor, vector: &Tensor) -> Computed<Tensor> {
    rows.broadcast_mul(vector)?.sum_keepdim(1)
}

/// Sums of the rows of each stretch, weighed by the softmax of their scores.
fn weighed(rows: &Tensor, scores: &Tensor, lengths: &[usize]) -> Computed<Tensor> {
    // Shares cannot be told from their logarithms up to a constant; that of all stretches together keeps them finite.
    let highest = scores.max_all()?.detach();
    let raised = scores.broadcast_sub(&highest)?.exp()?;
    let lengths: Arc<[usize]> = lengths.into();
    let sums = means(&raised, &lengths)?.affine(1.0, 1e-20)?;
    means(&rows.broadcast_mul(&raised)?, &lengths)?.broadcast_div(&sums)
}

/// Trains two towers.
pub(crate) fn fit(net: &TwoTower, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<TowersModel, FitError> {
    let mut training = Training::new(net, data, cx.seed)?;
    run_epochs(&mut training, net.training().descent.epochs, cx, load)
}

/// Reads what [`TowersModel::save`] wrote.
pub(crate) fn load(from: &ArtifactReader<'_>) -> Result<TowersModel, ArtifactError> {
    let net: TwoTower = from.meta("params")?;
    let checked = segue_core::Params::check_ranges(&net, TwoTower::INFO.name).and_then(|()| net.check());
    checked.map_err(|error| from.entry("params", error.to_string()))?;
    let (ids, raw) = (from.matrix("users")?, from.matrix("items")?);
    for (name, table) in [("users", &ids), ("items", &raw)] {
        if table.n_cols() != net.factors {
            let why = format!("is {} wide, but this architecture has {}", table.n_cols(), net.factors);
            return Err(from.entry(name, why));
        }
    }
    let dense = Dense::load(&net.parameters(), &from.scope("dense"))?;
    let guest = from.vector("guest", Some(net.factors))?;
    let known = Sequences::load(&from.scope("known"), raw.n_rows())?;
    if known.n_users() != ids.n_rows() {
        return Err(from.entry("known", format!("is of {} users, not {}", known.n_users(), ids.n_rows())));
    }
    let histories = Histories::load(&from.scope("histories"), ids.n_rows(), raw.n_rows())?;
    let weights = dense.constants().map_err(|error| from.entry("dense", error.to_string()))?;
    Ok(TowersModel::new(Learnt { net, ids, raw, dense, guest, known, histories }, weights))
}

/// What training leaves behind.
#[derive(Debug)]
struct Learnt {
    net: TwoTower,
    /// Users' own vectors; zeros where there are none.
    ids: Matrix,
    /// Vectors of items with their features, as histories hold them.
    raw: Matrix,
    dense: Dense,
    /// The mean of the users' own vectors: who is new, where nothing reads histories.
    guest: Vec<f32>,
    /// What of each user was known at training: in order, and as likes and dislikes.
    known: Sequences,
    histories: Histories,
}

/// Trained two towers.
#[derive(Debug)]
pub struct TowersModel {
    learnt: Learnt,
    weights: Weights,
    /// Vectors of items as they are scored.
    items: Matrix,
    /// The vectors of all users, once somebody has asked.
    users: OnceLock<Matrix>,
}

/// Vectors as the similarity compares them.
fn compared(similarity: Similarity, raw: &Matrix) -> Cow<'_, Matrix> {
    if similarity == Similarity::Dot {
        return Cow::Borrowed(raw);
    }
    let mut rows = raw.clone();
    rows.as_mut_slice().par_chunks_exact_mut(raw.n_cols()).for_each(|row| {
        unit(row);
    });
    Cow::Owned(rows)
}

/// Shortens a vector to length 1, and says how long it was.
fn unit(row: &mut [f32]) -> f32 {
    let length = dot(row, row).sqrt().max(1e-12);
    scale(1.0 / length, row);
    length
}

impl TowersModel {
    fn new(learnt: Learnt, weights: Weights) -> Self {
        let items = compared(learnt.net.similarity, &learnt.raw).into_owned();
        Self { learnt, weights, items, users: OnceLock::new() }
    }

    /// The vectors that answer queries, one behind the other.
    fn vectors(&self, queries: &[(Option<UserId>, Vec<ItemId>, Signed)]) -> Vec<f32> {
        let Learnt { net, ids, raw, .. } = &self.learnt;
        let d = net.factors;
        let read: Vec<ItemId> = queries.iter().flat_map(|(_, read, _)| read).copied().collect();
        let lengths: Vec<usize> = queries.iter().map(|(_, read, _)| read.len()).collect();
        let made = Tensor::from_vec(raw.gathered(&read), (read.len(), d), &Device::Cpu)
            .and_then(|rows| net.encode(&rows, &lengths, &self.weights, None))
            .and_then(|rows| numbers(&rows));
        let Ok(mut made) = made else { unreachable!("the shapes are those of the model, whose parts have met before") };
        for (vector, (user, _, signed)) in made.chunks_exact_mut(d).zip(queries) {
            if let Some(user) = user {
                axpy(1.0, ids.row(*user as usize), vector);
            }
            match net.history {
                Encoder::None => self.moved(vector, *user, signed),
                _ => turn_away(vector, &self.items, signed),
            }
            if net.similarity == Similarity::Cosine {
                unit(vector);
            }
        }
        made
    }

    /// Without an encoder: moves a user's vector by how the mean of what is liked has changed; a guest's is that mean.
    fn moved(&self, vector: &mut [f32], user: Option<UserId>, now: &Signed) {
        let then = user.map(|user| self.learnt.histories.user(user as usize)).unwrap_or_default();
        if user.is_some() && then == *now {
            return;
        }
        let known = then.iter().chain(now).any(|&(_, liked)| liked);
        if !known {
            vector.copy_from_slice(&self.learnt.guest);
        }
        let (now, then) = (self.mean(now), self.mean(&then));
        let change: Vec<f32> = now.iter().zip(&then).map(|(a, b)| a - b).collect();
        let (own, mean) = (dot(vector, vector).sqrt(), dot(&then, &then).sqrt());
        axpy(if user.is_some() && known && mean > 0.0 { own / mean } else { 1.0 }, &change, vector);
    }

    /// The mean of liked items, less that of disliked ones.
    fn mean(&self, signed: &Signed) -> Vec<f32> {
        let mut mean = vec![0.0; self.items.n_cols()];
        for wanted in [true, false] {
            let n = signed.iter().filter(|&&(_, liked)| liked == wanted).count().max(1) as f32;
            let some = signed.iter().filter(|&&(_, liked)| liked == wanted);
            some.for_each(|&(item, liked)| {
                axpy(if liked { 1.0 / n } else { -1.0 / n }, self.items.row(item as usize), &mut mean);
            });
        }
        mean
    }

    fn asked(&self, query: &Query<'_>) -> (Option<UserId>, Vec<ItemId>, Signed) {
        let Learnt { net, ids, raw, .. } = &self.learnt;
        let user = query.user.filter(|&user| net.user_ids && (user as usize) < ids.n_rows());
        let signed = signed(query.history, raw.n_rows());
        (user, self.read(query.history), signed)
    }

    fn read(&self, history: History<'_>) -> Vec<ItemId> {
        liked(history, self.learnt.raw.n_rows(), self.learnt.net.history_length)
    }
}

impl Recommender for TowersModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let asked: Vec<_> = queries.iter().map(|query| self.asked(query)).collect();
        let queries = Matrix::from_vec(queries.len(), self.items.n_cols(), self.vectors(&asked));
        Box::new(DotScorer { queries, items: &self.items, item_bias: None, query_bias: None })
    }

    fn embeddings(&self) -> Option<&dyn Embeddings> {
        Some(self)
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        let learnt = &self.learnt;
        out.matrix("users", &learnt.ids);
        out.matrix("items", &learnt.raw);
        out.scope("dense", |out| learnt.dense.save(out));
        out.tensor("guest", &[learnt.guest.len()], learnt.guest.as_slice());
        out.scope("known", |out| learnt.known.save(out));
        out.scope("histories", |out| learnt.histories.save(out));
        out.meta("params", &learnt.net)
    }
}

impl Embeddings for TowersModel {
    fn measure(&self) -> Measure {
        match self.learnt.net.similarity {
            Similarity::Dot => Measure::Dot,
            Similarity::Cosine => Measure::Cosine,
        }
    }

    fn items(&self) -> &Matrix {
        &self.items
    }

    fn users(&self) -> &Matrix {
        self.users.get_or_init(|| {
            const AT_ONCE: usize = 256;
            let Learnt { net, known, histories, .. } = &self.learnt;
            let everybody: Vec<UserId> = (0..known.n_users() as UserId).collect();
            let of = |&user: &UserId| {
                (net.user_ids.then_some(user), known.user(user).to_vec(), histories.user(user as usize))
            };
            let some = |users: &[UserId]| self.vectors(&users.iter().map(of).collect::<Vec<_>>());
            let all: Vec<Vec<f32>> = everybody.par_chunks(AT_ONCE).map(some).collect();
            Matrix::from_vec(everybody.len(), net.factors, all.concat())
        })
    }

    fn query(&self, query: &Query<'_>) -> Vec<f32> {
        self.vectors(&[self.asked(query)])
    }
}

struct Training<'a> {
    net: &'a TwoTower,
    how: Optimisation,
    positives: Positives,
    beside: Beside,
    histories: Histories,
    /// How likely a like is of each item.
    shares: Vec<f32>,
    features: ItemFeatures,
    seed: Seed,
    users: Table,
    items: Table,
    of_features: Table,
    learning: Learning,
}

/// A shard of a batch, half way: what the engine has computed and will derive.
struct Half {
    read: Vec<ItemId>,
    leaf: Tensor,
    states: Tensor,
}

impl<'a> Training<'a> {
    fn new(net: &'a TwoTower, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let positives = Positives::new(data, TwoTower::INFO.name)?;
        let (how, init, d) = (net.training(), seed.named("init"), net.factors);
        fits(how.descent.batch_size.min(positives.len()) + net.mixed_negatives, net)?;
        let (n_users, n_items) = (data.log.n_users(), data.log.n_items());
        let features = ItemFeatures::of(data.catalogue, net.features, n_items);
        let mut shares = vec![0.0; n_items];
        (0..positives.len() as u32).for_each(|n| shares[positives.pair(n).1 as usize] += 1.0 / positives.len() as f32);
        let table = |n: usize, name: &str| {
            how.descent.table(Matrix::normal(n, d, how.init_std, &mut init.named(name).stream()))
        };
        let users = if net.user_ids { table(n_users, "users") } else { Table::new(Matrix::zeros(n_users, d), None) };
        let learning = Learning::of(Dense::draw(&net.parameters(), init));
        Ok(Self {
            users,
            items: table(n_items, "items"),
            of_features: table(features.len(), "features"),
            net,
            how,
            beside: Beside::of(data.log, net.history_length),
            histories: Histories::of(data.log),
            positives,
            shares,
            features,
            seed,
            learning,
        })
    }

    /// Vectors of all items with their features.
    fn raw(&self) -> Cow<'_, Matrix> {
        if self.features.is_empty() {
            return Cow::Borrowed(&self.items.matrix);
        }
        let mut rows = self.items.matrix.clone();
        let d = self.net.factors;
        let each = rows.as_mut_slice().par_chunks_exact_mut(d).enumerate();
        each.for_each(|(item, row)| self.features.add_mean(item as ItemId, &self.of_features.matrix, row));
        Cow::Owned(rows)
    }

    /// What training takes as known at like `n` of a batch.
    fn known(&self, samples: Seed, n: usize) -> Known {
        if self.net.history == Encoder::None {
            return Known::All;
        }
        let id_dropout = if self.net.user_ids { f64::from(self.net.id_dropout) } else { 1.0 };
        Known::draw(samples.named("known").at(n as u64), id_dropout)
    }

    /// Loss and slopes of a batch.
    fn compare(&self, states: States<'_>, items: &Matrix, samples: Seed) -> Computed<Slopes> {
        match self.how.loss {
            Loss::InBatch => {
                let shares = self.net.log_q.then_some(&self.shares[..]);
                let batch = InBatch { shares, mixed: self.net.mixed_negatives };
                Ok(in_batch(batch, states, items, &self.positives, samples))
            }
            _ => slopes(&self.how, states, items, &self.positives, samples),
        }
    }

    /// The gradient of a batch: the sum of the losses; users, items, features, dense parameters.
    fn gradients(&self, batch: &[u32], samples: Seed) -> Computed<(f64, [RowGradients; 3], Vec<Vec<f32>>)> {
        let (d, t, shard) = (self.net.factors, batch.len(), self.net.shard());
        let weights = self.learning.dense.leaves()?;
        let raw = self.raw();
        let items = compared(self.net.similarity, &raw);
        let half = |(n, likes): (usize, &[u32])| -> Computed<Half> {
            let beside: Vec<Vec<ItemId>> = likes
                .iter()
                .zip(n * shard..)
                .map(|(&like, at)| {
                    let (user, item) = self.positives.pair(like);
                    match self.known(samples, at) {
                        Known::Nothing => Vec::new(),
                        _ if self.net.history == Encoder::None => Vec::new(),
                        _ => self.beside.likes(user, item, samples.named("history").at(at as u64)),
                    }
                })
                .collect();
            let lengths: Vec<usize> = beside.iter().map(Vec::len).collect();
            let read = beside.concat();
            let leaf = Var::from_vec(raw.gathered(&read), (read.len(), d), &Device::Cpu)?.into_inner();
            let dropout = Dropout { rate: self.net.dropout, shard: samples.named("dropout").at(n as u64) };
            let states = self.net.encode(&leaf, &lengths, &weights, Some(dropout))?;
            Ok(Half { read, leaf, states })
        };
        let halves: Vec<Half> = batch.par_chunks(shard).enumerate().map(half).collect::<Computed<_>>()?;

        // States as the loss sees them: of length 1 where that is asked for, over the temperature.
        let pairs: Vec<(UserId, ItemId)> = batch.iter().map(|&like| self.positives.pair(like)).collect();
        let (users, next): (Vec<UserId>, Vec<ItemId>) = pairs.into_iter().unzip();
        let mut rows = Vec::with_capacity(t * d);
        for half in &halves {
            rows.extend(numbers(&half.states)?);
        }
        let mut lengths = vec![1.0_f32; t];
        for (n, ((row, length), &user)) in rows.chunks_exact_mut(d).zip(&mut lengths).zip(&users).enumerate() {
            if self.known(samples, n) == Known::All {
                axpy(1.0, self.users.matrix.row(user as usize), row);
            }
            if self.net.similarity == Similarity::Cosine {
                *length = unit(row);
            }
            *length *= self.net.temperature;
            scale(1.0 / self.net.temperature, row);
        }
        let states = States { rows: &rows, next: &next, users: &users };
        let mut found = self.compare(states, &items, samples.named("drawn"))?;
        for ((slope, row), &length) in found.of_states.chunks_exact_mut(d).zip(rows.chunks_exact(d)).zip(&lengths) {
            if self.net.similarity == Similarity::Cosine {
                // The part along the vector, which is 1 over the temperature long, changes nothing.
                let along = dot(slope, row) * self.net.temperature * self.net.temperature;
                axpy(-along, row, slope);
            }
            scale(1.0 / length, slope);
        }

        let derive = |(half, own): (&Half, &[f32])| -> Computed<(Vec<f32>, Vec<Vec<f32>>)> {
            let slopes = Tensor::from_slice(own, (own.len() / d, d), &Device::Cpu)?;
            let gradients = (&half.states * slopes)?.sum_all()?.backward()?;
            let of_dense = weights.gradients(&gradients)?;
            Ok((gradient(&gradients, &half.leaf)?, of_dense))
        };
        let shards = halves.par_iter().zip(found.of_states.par_chunks(shard * d));
        let derived: Vec<_> = shards.map(derive).collect::<Computed<_>>()?;
        let dense = weights.summed(derived.iter().map(|(_, of_dense)| of_dense));

        let share = 1.0 / t as f32;
        let mut of_users = Terms::default();
        for (n, &user) in users.iter().enumerate().filter(|&(n, _)| self.known(samples, n) == Known::All) {
            of_users.push(user, n as u32, 1.0, share);
        }
        let of_users = of_users.sum(&found.of_states, d);
        // What is scored, as it is compared.
        let mut of_items = found.terms.sum(&[&rows[..], &found.drawn].concat(), d);
        if !found.of_items.is_empty() {
            let mut all = RowGradients::all(found.of_items, d);
            all.add(&of_items);
            of_items = all;
        }
        if self.net.similarity == Similarity::Cosine {
            let RowGradients { rows, data, .. } = &mut of_items;
            for (slope, &item) in data.chunks_exact_mut(d).zip(rows.iter()) {
                let (v, x) = (items.row(item as usize), raw.row(item as usize));
                axpy(-dot(slope, v), v, slope);
                scale(1.0 / dot(x, x).sqrt().max(1e-12), slope);
            }
        }
        // What was read, as it is; then both together, as terms of their rows.
        let mut terms = Terms::default();
        let scored = of_items.rows.len();
        of_items
            .rows
            .iter()
            .zip(&of_items.penalties)
            .zip(0..)
            .for_each(|((&item, &penalty), n)| terms.push(item, n, 1.0, penalty));
        let mut slopes = of_items.data;
        let read = halves.iter().flat_map(|half| &half.read).zip(scored as u32..);
        read.for_each(|(&item, n)| terms.push(item, n, 1.0, 0.0));
        for (of_read, _) in &derived {
            slopes.extend(of_read);
        }
        let of_items = terms.sum(&slopes, d);
        let of_features = self.features.terms(of_items.rows.iter(), 0.0).sum(&of_items.data, d);
        Ok((found.loss, [of_users, of_items, of_features], dense))
    }

    fn step(&mut self, batch: &[u32], epoch: usize, samples: Seed) -> Result<f64, FitError> {
        let (loss, mut tables, mut dense) = self.gradients(batch, samples).map_err(|error| failed(&error))?;
        let parts = dense.iter_mut().chain(tables.iter_mut().map(|table| &mut table.data));
        clip(&mut parts.collect::<Vec<_>>(), self.how.clip_norm);
        let (t, rate) = self.learning.pace.next(&self.how.descent, epoch);
        let own = [&mut self.users, &mut self.items, &mut self.of_features];
        own.into_iter()
            .zip(&tables)
            .for_each(|(table, gradients)| table.step(gradients, rate, self.how.descent.decay()));
        self.learning.update(dense, (&self.how.descent, rate, t));
        Ok(loss)
    }
}

/// Whether the gradients of a batch of `likes` and their histories fit into memory.
fn fits(likes: usize, net: &TwoTower) -> Result<(), FitError> {
    const LIMIT_MIB: u64 = 8192;
    let (n, width) = (likes as u64, net.factors as u64);
    let places = if net.history == Encoder::None { 1 } else { net.history_length as u64 };
    let layers = if net.history == Encoder::Transformer { 20 * net.blocks as u64 } else { 4 };
    let histories = n.saturating_mul(places * width * layers * 4);
    let scores = if net.loss == Loss::InBatch { n.saturating_mul(n) * 4 } else { n * (1 + net.negatives as u64) * 16 };
    let needed_mib = histories.saturating_add(scores) >> 20;
    if needed_mib <= LIMIT_MIB {
        return Ok(());
    }
    Err(FitError::Memory {
        what: format!("a step of `two_tower` over {likes} likes, each with a history of up to {places},"),
        needed_mib,
        limit_mib: LIMIT_MIB,
        way_out: format!("lower `batch_size` to {}", (n as f64 * (LIMIT_MIB as f64 / needed_mib as f64)) as u64),
    })
}

impl Trainable for Training<'_> {
    type Model = TowersModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let sizes = (self.positives.len(), self.how.descent.batch_size);
        let mean =
            each_batch(sizes, (self.seed, epoch), |batch, n, samples| self.step(batch, epoch, samples.at(n as u64)))?;
        self.learning.pace.hear(&self.how.descent, mean);
        Ok(mean)
    }

    fn snapshot(&self) -> TowersModel {
        let (mean, ids) = self.positives.with_mean_user(&self.users.matrix);
        let weights = match self.learning.dense.constants() {
            Ok(weights) => weights,
            Err(error) => unreachable!("the shapes are those of the training: {error}"),
        };
        let learnt = Learnt {
            net: self.net.clone(),
            ids,
            raw: self.raw().into_owned(),
            dense: self.learning.dense.clone(),
            guest: mean,
            known: self.beside.last(),
            histories: self.histories.clone(),
        };
        TowersModel::new(learnt, weights)
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
mod golden;

#[cfg(test)]
mod tests {
    use segue_core::{Candidates, Csr, Features, IdMap, Registry, Silent};
    use segue_testkit::{World, likes};

    use super::*;

    /// Two genres of ten items; twenty users like nine of one. Items 9 and 19 nobody has met.
    fn genres() -> World {
        let pairs: Vec<_> = (0..20).flat_map(|u| (0..9).map(move |i| (u, u % 2 * 10 + i))).collect();
        let world = World::of(likes(20, 20, &pairs));
        let names = IdMap::new(vec!["a", "b"]);
        let rows = (0..20).map(|item| vec![(item / 10, ())]).collect();
        let features = Features::new(names, Csr::from_rows(2, rows).unwrap()).unwrap();
        World { catalogue: world.catalogue.with_features(features), ..world }
    }

    /// By how much the users prefer the item nobody has met of their own genre to that of the other.
    fn lead(net: &TwoTower) -> f32 {
        let world = genres();
        let data = TrainData { catalogue: &world.catalogue, log: &world.log };
        let (registry, mut silent) = (Registry::default(), Silent);
        let model = fit(net, &data, &mut FitCx::plain(1, &registry, &mut silent)).unwrap();
        let lead = |user: UserId| {
            let mut scores = [0.0; 2];
            model.encode(&[world.known(user)]).score(Candidates::List(&[9, 19]), &mut scores);
            if user.is_multiple_of(2) { scores[0] - scores[1] } else { scores[1] - scores[0] }
        };
        (0..20).map(lead).fold(f32::INFINITY, f32::min)
    }

    #[test]
    fn an_item_nobody_has_met_is_known_by_its_features() {
        // Against likes of the batch alone: what is never met is never pushed away.
        for (similarity, temperature) in [(Similarity::Dot, 1.0), (Similarity::Cosine, 0.2)] {
            let plain = TwoTower { factors: 8, epochs: 60, batch_size: 32, learning_rate: 0.02, ..TwoTower::default() };
            let net = TwoTower { similarity, temperature, ..plain };
            let (with, without) = (lead(&net), lead(&TwoTower { features: false, ..net.clone() }));
            assert!(with > 0.0 && with > without, "{similarity:?}: {with}, {without} without features");
        }
    }

    #[test]
    fn a_batch_that_memory_does_not_hold_is_refused_with_one_that_it_does() {
        let net = TwoTower::default();
        assert!(fits(1024, &net).is_ok());
        let refusal = fits(1_000_000, &net).unwrap_err().to_string();
        let size: usize = refusal.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(refusal.contains("`batch_size`") && fits(size, &net).is_ok(), "{refusal}");
    }

    #[test]
    fn towers_that_say_nothing_of_a_user_are_refused() {
        let nothing = TwoTower { user_ids: false, history: Encoder::None, ..TwoTower::default() };
        assert!(nothing.check().unwrap_err().to_string().contains("set one of them"));
    }
}
