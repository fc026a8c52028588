//! Models that read a history in its order and score items by what may come next.
//!
//! A model is a [`SequenceNet`]: what it makes of the items of a sequence, place by place. The state at a place, times an item's
//! vector, is the item's score as the next.
//!
//! Training reads the last likes of every user, `length` of them and the one that comes next; every place is asked for its
//! next item. Sequences stand one behind the other: nothing is padded, unless the model wants to see padding. A batch is
//! cut into fixed shards, each on one thread; what shards add is summed in their order, so that the model is the same to the
//! bit at any number of threads.
//!
//! There is nothing to fold in: a model has no vector of a user, and reads any history the same way. What somebody dislikes is
//! no part of the sequence; it turns the state away from itself (J. J. Rocchio: *Relevance feedback in information retrieval*,
//! 1971). Who has no history is answered by the mean state of many users.

use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor, Var};
use rayon::prelude::*;
use segue_core::kernels::axpy;
use segue_core::training::rows::RowGradients;
use segue_core::training::sampler::{Positives, shuffled};
use segue_core::training::tables::Table;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, Embeddings, FitCx, FitError, History,
    Interactions, ItemId, Matrix, Measure, ParamError, Query, Recommender, Scorer, Seed, TrainData, Trainable, UserId,
    run_epochs,
};

use crate::engine::{Computed, Dense, Learning, Parameter, Weights, failed, gradient, numbers, shards};
use crate::heads::{States, slopes};
use crate::histories::{signed, turn_away};
use crate::layers::Dropout;
use crate::optimise::{Optimisation, clip, finite, held};

/// Sequences that the engine sees at once, at most.
const SHARD: usize = 32;

/// What a model of sequences computes.
pub(crate) trait SequenceNet: Algorithm<Model = SequenceModel<Self>> {
    /// Length of an item's vector.
    fn width(&self) -> usize;
    /// Items of a history that are read at most.
    fn length(&self) -> usize;
    /// Everything that is learnt but the items.
    fn parameters(&self) -> Vec<Parameter>;
    /// Whether sequences are filled up to `length` with zeros, from the left.
    fn padded(&self) -> bool;
    /// The state after each item: `(t, width)` to `(t, width)`, sequences one behind the other; dropout in training alone.
    fn states(
        &self,
        items: &Tensor,
        lengths: &Arc<[usize]>,
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor>;
    /// The rate of dropout.
    fn dropout(&self) -> f32;
    /// How it is trained.
    fn training(&self) -> Optimisation;
}

/// Trains a model of sequences.
pub(crate) fn fit<N: SequenceNet>(
    net: &N,
    data: &TrainData<'_>,
    cx: &mut FitCx<'_>,
) -> Result<SequenceModel<N>, FitError> {
    let mut training = Training::new(net, data, cx.seed)?;
    run_epochs(&mut training, net.training().descent.epochs, cx, load)
}

/// Reads what [`SequenceModel::save`] wrote.
pub(crate) fn load<N: SequenceNet>(from: &ArtifactReader<'_>) -> Result<SequenceModel<N>, ArtifactError> {
    let net: N = from.meta("params")?;
    let checked = net.check_ranges(N::INFO.name).and_then(|()| net.check());
    checked.map_err(|error: ParamError| from.entry("params", error.to_string()))?;
    let items = from.matrix("items")?;
    if items.n_cols() != net.width() {
        let why = format!("is {} wide, but this architecture has {}", items.n_cols(), net.width());
        return Err(from.entry("items", why));
    }
    let dense = Dense::load(&net.parameters(), &from.scope("dense"))?;
    let guest = from.vector("guest", Some(net.width()))?;
    let known = Sequences::load(&from.scope("known"), items.n_rows())?;
    let weights = dense.constants().map_err(|error| from.entry("dense", error.to_string()))?;
    Ok(SequenceModel { net, items, dense, weights, guest, known, users: OnceLock::new() })
}

/// The last likes of every user, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sequences {
    /// Where each user's begin, and last where all end.
    starts: Vec<u64>,
    items: Vec<ItemId>,
}

impl Sequences {
    /// Of everybody in a log, at most `length`.
    pub(crate) fn of(log: &Interactions, length: usize) -> Self {
        let mut all = Self { starts: vec![0], items: Vec::new() };
        for user in 0..log.n_users() as UserId {
            all.items.extend(liked(log.user(user), log.n_items(), length));
            all.starts.push(all.items.len() as u64);
        }
        all
    }

    pub(crate) fn n_users(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn user(&self, user: UserId) -> &[ItemId] {
        &self.items[self.starts[user as usize] as usize..self.starts[user as usize + 1] as usize]
    }

    /// The last `length` of everybody's.
    pub(crate) fn shortened(&self, length: usize) -> Self {
        let mut all = Self { starts: vec![0], items: Vec::new() };
        for user in 0..self.n_users() as UserId {
            let own = self.user(user);
            all.items.extend(last(own, length));
            all.starts.push(all.items.len() as u64);
        }
        all
    }

    pub(crate) fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) {
        out.tensor("starts", &[self.starts.len()], self.starts.as_slice());
        out.tensor("items", &[self.items.len()], self.items.as_slice());
    }

    pub(crate) fn load(from: &ArtifactReader<'_>, n_items: usize) -> Result<Self, ArtifactError> {
        let (starts, items): (Vec<u64>, Vec<ItemId>) = (from.vector("starts", None)?, from.vector("items", None)?);
        let ends = (starts.first(), starts.last().map(|&end| end as usize));
        if ends != (Some(&0), Some(items.len())) || !starts.is_sorted() {
            return Err(from.entry("starts", format!("does not rise from 0 to {}", items.len())));
        }
        if items.iter().any(|&item| item as usize >= n_items) {
            return Err(from.entry("items", format!("names an item beyond the {n_items} of the model")));
        }
        Ok(Self { starts, items })
    }
}

/// The last liked items of a history that a model with `n_items` items can know; an item disliked since is none.
pub(crate) fn liked(history: History<'_>, n_items: usize, length: usize) -> Vec<ItemId> {
    let signed = history.signed();
    let still = |item: ItemId| match signed.binary_search_by_key(&item, |&(item, _)| item) {
        Ok(at) => signed[at].1 >= 0.0,
        Err(_) => false,
    };
    let all: Vec<ItemId> =
        history.likes().map(|(item, _)| item).filter(|&i| (i as usize) < n_items && still(i)).collect();
    last(&all, length).to_vec()
}

/// The last `n` of some, or all.
pub(crate) fn last<T>(all: &[T], n: usize) -> &[T] {
    &all[all.len() - all.len().min(n)..]
}

/// Sequences one behind the other, as a model reads them.
pub(crate) struct Packed {
    lengths: Arc<[usize]>,
    /// The row of each item; the other rows are padding.
    rows: Vec<usize>,
    n_rows: usize,
}

impl Packed {
    fn of<'a, N: SequenceNet>(net: &N, sequences: impl Iterator<Item = &'a [ItemId]>) -> Self {
        let (mut lengths, mut rows, mut n_rows) = (Vec::new(), Vec::new(), 0);
        for sequence in sequences {
            let length = if net.padded() { net.length() } else { sequence.len() };
            n_rows += length;
            lengths.push(length);
            rows.extend(n_rows - sequence.len()..n_rows);
        }
        Self { lengths: lengths.into(), rows, n_rows }
    }

    /// Vectors of the items, zeros elsewhere.
    fn spread<'a>(&self, vectors: impl Iterator<Item = &'a [f32]>, d: usize) -> Vec<f32> {
        let mut spread = vec![0.0; self.n_rows * d];
        for (&row, vector) in self.rows.iter().zip(vectors) {
            spread[row * d..(row + 1) * d].copy_from_slice(vector);
        }
        spread
    }

    /// The rows of the items.
    fn gather(&self, numbers: &[f32], d: usize) -> Vec<f32> {
        let mut rows = Vec::with_capacity(self.rows.len() * d);
        for &row in &self.rows {
            rows.extend_from_slice(&numbers[row * d..(row + 1) * d]);
        }
        rows
    }
}

/// A trained model of sequences.
#[derive(Debug)]
pub struct SequenceModel<N> {
    net: N,
    items: Matrix,
    dense: Dense,
    /// The dense parameters inside the engine.
    weights: Weights,
    /// The mean state of many users.
    guest: Vec<f32>,
    /// What of each user was known at training.
    known: Sequences,
    /// The states after it, once somebody has asked.
    users: OnceLock<Matrix>,
}

/// The last states of sequences, none of which is empty.
fn last_states<N: SequenceNet>(
    net: &N,
    items: &Matrix,
    weights: &Weights,
    sequences: &[&[ItemId]],
) -> Computed<Vec<f32>> {
    if sequences.is_empty() {
        return Ok(Vec::new());
    }
    let d = items.n_cols();
    let packed = Packed::of(net, sequences.iter().copied());
    let vectors = packed.spread(sequences.iter().copied().flatten().map(|&item| items.row(item as usize)), d);
    let rows = Tensor::from_vec(vectors, (packed.n_rows, d), &Device::Cpu)?;
    let states = numbers(&net.states(&rows, &packed.lengths, weights, None)?)?;
    let ends = packed.lengths.iter().scan(0, |end, length| {
        *end += length;
        Some(*end)
    });
    Ok(ends.flat_map(|end| &states[(end - 1) * d..end * d]).copied().collect())
}

#[expect(private_bounds, reason = "nothing in here is public")]
impl<N: SequenceNet> SequenceModel<N> {
    /// The vectors that answer histories, one behind the other.
    fn vectors(&self, histories: &[History<'_>]) -> Vec<f32> {
        let (n_items, d) = (self.items.n_rows(), self.items.n_cols());
        let read: Vec<Vec<ItemId>> = histories.iter().map(|&h| liked(h, n_items, self.net.length())).collect();
        let asked: Vec<&[ItemId]> = read.iter().map(Vec::as_slice).filter(|sequence| !sequence.is_empty()).collect();
        let Ok(states) = last_states(&self.net, &self.items, &self.weights, &asked) else {
            unreachable!("the shapes are those of the model, whose parts have met before")
        };
        let mut states = states.chunks_exact(d);
        let mut vectors = Vec::with_capacity(histories.len() * d);
        for (history, sequence) in histories.iter().zip(&read) {
            let state = if sequence.is_empty() { None } else { states.next() };
            let mut vector = state.unwrap_or(&self.guest).to_vec();
            turn_away(&mut vector, &self.items, &signed(*history, n_items));
            vectors.extend(vector);
        }
        vectors
    }
}

impl<N: SequenceNet> Recommender for SequenceModel<N> {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let histories: Vec<History<'_>> = queries.iter().map(|query| query.history).collect();
        let queries = Matrix::from_vec(queries.len(), self.items.n_cols(), self.vectors(&histories));
        Box::new(DotScorer { queries, items: &self.items, item_bias: None, query_bias: None })
    }

    fn embeddings(&self) -> Option<&dyn Embeddings> {
        Some(self)
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix("items", &self.items);
        out.scope("dense", |out| self.dense.save(out));
        out.tensor("guest", &[self.guest.len()], self.guest.as_slice());
        out.scope("known", |out| self.known.save(out));
        out.meta("params", &self.net)
    }
}

impl<N: SequenceNet> Embeddings for SequenceModel<N> {
    fn measure(&self) -> Measure {
        Measure::Dot
    }

    fn items(&self) -> &Matrix {
        &self.items
    }

    fn users(&self) -> &Matrix {
        self.users.get_or_init(|| {
            const AT_ONCE: usize = 256;
            let everybody: Vec<UserId> = (0..self.known.n_users() as UserId).collect();
            let of = |users: &[UserId]| {
                let asked: Vec<&[ItemId]> =
                    users.iter().map(|&user| self.known.user(user)).filter(|known| !known.is_empty()).collect();
                let Ok(states) = last_states(&self.net, &self.items, &self.weights, &asked) else {
                    unreachable!("the shapes are those of the model, whose parts have met before")
                };
                let mut states = states.chunks_exact(self.items.n_cols());
                let own = users.iter().map(|&user| if self.known.user(user).is_empty() { None } else { states.next() });
                own.flat_map(|state| state.unwrap_or(&self.guest)).copied().collect::<Vec<f32>>()
            };
            let all: Vec<Vec<f32>> = everybody.par_chunks(AT_ONCE).map(of).collect();
            Matrix::from_vec(everybody.len(), self.items.n_cols(), all.concat())
        })
    }

    fn query(&self, query: &Query<'_>) -> Vec<f32> {
        self.vectors(&[query.history])
    }
}

struct Training<'a, N> {
    net: &'a N,
    how: Optimisation,
    positives: Positives,
    /// One more than the model reads: what comes next.
    sequences: Sequences,
    /// Users with something to come next.
    readers: Vec<UserId>,
    seed: Seed,
    items: Table,
    learning: Learning,
}

/// A shard of a batch, half way: what the engine has computed and will derive.
struct Half {
    packed: Packed,
    read: Vec<ItemId>,
    next: Vec<ItemId>,
    users: Vec<UserId>,
    leaf: Tensor,
    states: Tensor,
}

impl<'a, N: SequenceNet> Training<'a, N> {
    fn new(net: &'a N, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let positives = Positives::new(data, N::INFO.name)?;
        let (how, init) = (net.training(), seed.named("init"));
        let sequences = Sequences::of(data.log, net.length() + 1);
        let readers: Vec<UserId> =
            (0..sequences.n_users() as UserId).filter(|&user| sequences.user(user).len() > 1).collect();
        if readers.is_empty() {
            return Err(FitError::Data(format!(
                "model `{}` learns what comes next, but no user has two liked items: train on longer histories, or use a \
                 model that needs no order, e.g. `item_knn`",
                N::INFO.name
            )));
        }
        let items = Matrix::normal(data.log.n_items(), net.width(), how.init_std, &mut init.named("items").stream());
        let learning = Learning::of(Dense::draw(&net.parameters(), init));
        let items = how.descent.table(items);
        let longest = readers.iter().map(|&user| sequences.user(user).len() - 1).max().unwrap_or_default();
        let longest = if net.padded() { net.length() } else { longest };
        fits::<N>(how.descent.batch_size.min(readers.len()), longest, net.width())?;
        Ok(Self { net, how, positives, sequences, readers, seed, items, learning })
    }

    /// The states of a shard of users.
    fn states(&self, users: &[UserId], weights: &Weights, dropout: Dropout) -> Computed<Half> {
        let d = self.net.width();
        let sequences = || users.iter().map(|&user| self.sequences.user(user));
        let before = || sequences().map(|sequence| &sequence[..sequence.len() - 1]);
        let packed = Packed::of(self.net, before());
        let read: Vec<ItemId> = before().flatten().copied().collect();
        let vectors = packed.spread(read.iter().map(|&item| self.items.matrix.row(item as usize)), d);
        let leaf = Var::from_vec(vectors, (packed.n_rows, d), &Device::Cpu)?.into_inner();
        let states = self.net.states(&leaf, &packed.lengths, weights, Some(dropout))?;
        let owners = users.iter().zip(before()).flat_map(|(&user, before)| std::iter::repeat_n(user, before.len()));
        Ok(Half {
            packed,
            next: sequences().flat_map(|sequence| &sequence[1..]).copied().collect(),
            users: owners.collect(),
            read,
            leaf,
            states,
        })
    }

    /// The gradient of a batch of users: the sum of the losses and the number of places, items, dense parameters.
    fn gradients(&self, batch: &[u32], samples: Seed) -> Computed<(f64, usize, RowGradients, Vec<Vec<f32>>)> {
        let d = self.net.width();
        let weights = self.learning.dense.leaves()?;
        let users: Vec<UserId> = batch.iter().map(|&n| self.readers[n as usize]).collect();
        let places = |&user: &UserId| {
            if self.net.padded() { self.net.length() } else { self.sequences.user(user).len() - 1 }
        };
        let half = |(n, users): (usize, &&[UserId])| {
            let dropout = Dropout { rate: self.net.dropout(), shard: samples.named("dropout").at(n as u64) };
            self.states(users, &weights, dropout)
        };
        let shards = shards(&users, SHARD, |user| places(user) * d);
        let halves: Vec<Half> = shards.par_iter().enumerate().map(half).collect::<Computed<_>>()?;

        let mut rows = Vec::new();
        for half in &halves {
            rows.extend(half.packed.gather(&numbers(&half.states)?, d));
        }
        let next: Vec<ItemId> = halves.iter().flat_map(|half| &half.next).copied().collect();
        let owners: Vec<UserId> = halves.iter().flat_map(|half| &half.users).copied().collect();
        let states = States { rows: &rows, next: &next, users: &owners };
        let found = slopes(&self.how, states, &self.items.matrix, &self.positives, samples.named("drawn"))?;

        let starts = halves.iter().scan(0, |start, half| Some(std::mem::replace(start, *start + half.read.len())));
        let starts: Vec<usize> = starts.collect();
        let derive = |(half, &start): (&Half, &usize)| -> Computed<(Vec<f32>, Vec<Vec<f32>>)> {
            let own = found.of_states[start * d..(start + half.read.len()) * d].chunks_exact(d);
            let slopes = Tensor::from_vec(half.packed.spread(own, d), (half.packed.n_rows, d), &Device::Cpu)?;
            // Its gradient at the states is the slopes.
            let gradients = (&half.states * slopes)?.sum_all()?.backward()?;
            let of_items = half.packed.gather(&gradient(&gradients, &half.leaf)?, d);
            let of_dense = weights.gradients(&gradients)?;
            Ok((of_items, of_dense))
        };
        let derived: Vec<_> = halves.par_iter().zip(&starts).map(derive).collect::<Computed<_>>()?;

        let dense = weights.summed(derived.iter().map(|(_, of_dense)| of_dense));
        // Behind the states, over which the terms of what comes next are, stand the slopes of what was read.
        let mut terms = found.terms;
        let (t, share) = (next.len(), 1.0 / next.len() as f32);
        let read = halves.iter().flat_map(|half| &half.read);
        read.zip(t..).for_each(|(&item, n)| terms.push(item, n as u32, 1.0, share));
        for (of_items, _) in &derived {
            rows.extend(of_items);
        }
        let mut items = terms.sum(&rows, d);
        if !found.of_items.is_empty() {
            let mut all = RowGradients::all(found.of_items, d);
            all.add(&items);
            items = all;
        }
        Ok((found.loss, t, items, dense))
    }

    fn step(&mut self, batch: &[u32], epoch: usize, samples: Seed) -> Result<(f64, usize), FitError> {
        let (loss, places, mut items, mut dense) = self.gradients(batch, samples).map_err(|error| failed(&error))?;
        clip(&mut dense.iter_mut().chain([&mut items.data]).collect::<Vec<_>>(), self.how.clip_norm);
        let (t, rate) = self.learning.pace.next(&self.how.descent, epoch);
        self.items.step(&items, rate, self.how.descent.decay());
        self.learning.update(dense, (&self.how.descent, rate, t));
        Ok((loss, places))
    }

    /// The mean of the states of at most a thousand users, evenly spread.
    fn guest(&self, weights: &Weights) -> Computed<Vec<f32>> {
        const MOST: usize = 1024;
        let d = self.net.width();
        let some: Vec<&[ItemId]> = self
            .readers
            .iter()
            .step_by(self.readers.len().div_ceil(MOST))
            .map(|&user| {
                let known = self.sequences.user(user);
                last(known, self.net.length())
            })
            .collect();
        let states: Vec<Vec<f32>> = some
            .par_chunks(SHARD)
            .map(|some| last_states(self.net, &self.items.matrix, weights, some))
            .collect::<Computed<_>>()?;
        let mut mean = vec![0.0; d];
        states.iter().flat_map(|states| states.chunks_exact(d)).for_each(|state| axpy(1.0, state, &mut mean));
        for x in &mut mean {
            *x /= some.len() as f32;
        }
        Ok(mean)
    }
}

/// Whether what the engine keeps of a batch until it is derived fits into memory.
fn fits<N: SequenceNet>(sequences: usize, length: usize, width: usize) -> Result<(), FitError> {
    // Some twenty intermediate results of the width of a vector for each place of a block, and the weights of the attention.
    let place = (20 * width + 4 * length) as u64 * 4 * 3;
    let needed_mib = (sequences as u64).saturating_mul(length as u64 * place) >> 20;
    let step = format!("a step of `{}` over {sequences} sequences of up to {length} items", N::INFO.name);
    held(step, sequences, needed_mib, 8192)
}

impl<N: SequenceNet> Trainable for Training<'_, N> {
    type Model = SequenceModel<N>;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let seed = self.seed.named("epoch").at(epoch as u64);
        let (order, samples) = (shuffled(self.readers.len(), seed), seed.named("samples"));
        let (mut sum, mut places) = (0.0, 0);
        for (n, batch) in order.chunks(self.how.descent.batch_size).enumerate() {
            let step = self.step(batch, epoch, samples.at(n as u64))?;
            finite(step.0, epoch, n)?;
            (sum, places) = (sum + step.0, places + step.1);
        }
        let mean = sum / places as f64;
        self.learning.pace.hear(&self.how.descent, mean);
        Ok(mean)
    }

    fn snapshot(&self) -> SequenceModel<N> {
        let made = self.learning.dense.constants().and_then(|weights| Ok((self.guest(&weights)?, weights)));
        let (guest, weights) =
            made.unwrap_or_else(|error| unreachable!("the shapes are those of the training: {error}"));
        SequenceModel {
            net: self.net.clone(),
            items: self.items.matrix.clone(),
            dense: self.learning.dense.clone(),
            weights,
            guest,
            known: self.sequences.shortened(self.net.length()),
            users: OnceLock::new(),
        }
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        self.items.save("items", out)?;
        self.learning.save(out)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.items.load("items", from)?;
        self.learning.load(&self.net.parameters(), from)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use segue_core::{Csr, Registry, Silent};
    use segue_testkit::{World, likes};
    use serde_json::Value;

    use super::*;
    use crate::golden::{close, dense, list};

    /// Nobody, one like, some, and ten thousand over a hundred items; the last item is never met.
    fn uneven() -> World {
        let of = |user: UserId, n: u32| (0..n).map(move |at| (user, at % 100));
        let pairs: Vec<_> = of(1, 1).chain(of(2, 7)).chain(of(3, 10_000)).collect();
        World::of(likes(4, 101, &pairs))
    }

    /// Fails where a net cannot learn from some histories, or answer them.
    pub(crate) fn reads_any_length<N: SequenceNet>(net: &N) {
        let world = uneven();
        let data = TrainData { catalogue: &world.catalogue, log: &world.log };
        let (registry, mut silent) = (Registry::default(), Silent);
        let model = fit(net, &data, &mut FitCx::plain(1, &registry, &mut silent)).unwrap();
        let queries: Vec<_> = (0..4).map(|user| world.guest(user)).collect();
        let mut scores = vec![f32::NAN; 4 * 101];
        model.encode(&queries).score(segue_core::Candidates::Range(0..101), &mut scores);
        assert!(scores.iter().all(|score| score.is_finite()));
        assert_eq!(model.users().n_rows(), 4);
    }

    /// Fails where a net learns from a log in which nothing comes next.
    pub(crate) fn refuses_single_likes<N: SequenceNet>(net: &N) {
        let world = World::of(likes(2, 3, &[(0, 1), (1, 2)]));
        let data = TrainData { catalogue: &world.catalogue, log: &world.log };
        let (registry, mut silent) = (Registry::default(), Silent);
        let refusal = fit(net, &data, &mut FitCx::plain(1, &registry, &mut silent)).map(|_| ()).unwrap_err();
        assert!(refusal.to_string().contains("no user has two liked items"), "{refusal}");
    }

    /// Fails where a batch beyond memory is not refused with one that is not.
    pub(crate) fn refuses_what_memory_does_not_hold<N: SequenceNet>() {
        assert!(fits::<N>(256, 50, 64).is_ok());
        let refusal = fits::<N>(1_000_000, 4096, 64).unwrap_err().to_string();
        let size: usize = refusal.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(refusal.contains("`batch_size`") && fits::<N>(size, 4096, 64).is_ok(), "{refusal}");
    }

    /// What is said of a model that says that it is of another net, or that has other items.
    pub(crate) fn refusal_of<N: SequenceNet>(net: &N, says: &N, items: Option<Matrix>) -> String {
        let world = uneven();
        let data = TrainData { catalogue: &world.catalogue, log: &world.log };
        let registry = Registry::default();
        let mut model = fit(net, &data, &mut FitCx::plain(1, &registry, &mut Silent)).unwrap();
        model.net = says.clone();
        model.items = items.unwrap_or(model.items);
        let mut out = ArtifactWriter::new();
        model.save(&mut out).unwrap();
        let bytes = out.to_bytes();
        load::<N>(&ArtifactReader::open(&bytes, &registry).unwrap()).map(|_| ()).unwrap_err().to_string()
    }

    /// Fails where a model of sequences does not agree with `PyTorch` (`golden/neural/sequences.py`).
    pub(crate) fn agrees<N: SequenceNet>(net: &N, golden: &Value, case: &Value) {
        let (n_items, d) = (golden["n_items"].as_u64().unwrap() as usize, net.width());
        let items = Matrix::from_vec(n_items, d, list(&case["items"]));
        let dense = dense(&net.parameters(), &case["dense"]);
        let weights = dense.leaves().unwrap();
        let sequences: Vec<Vec<ItemId>> = serde_json::from_value(golden["sequences"].clone()).unwrap();
        let before = || sequences.iter().map(|sequence| &sequence[..sequence.len() - 1]);
        let packed = Packed::of(net, before());
        let read: Vec<ItemId> = before().flatten().copied().collect();
        let spread = |vectors: Vec<&[f32]>| packed.spread(vectors.into_iter(), d);
        let rows = spread(read.iter().map(|&item| items.row(item as usize)).collect());
        let leaf = Var::from_vec(rows, (packed.n_rows, d), &Device::Cpu).unwrap();
        let states = net.states(leaf.as_tensor(), &packed.lengths, &weights, None).unwrap();
        let rows = packed.gather(&numbers(&states).unwrap(), d);
        close(&rows, &list(&case["states"]), "states");

        let next: Vec<ItemId> = sequences.iter().flat_map(|sequence| &sequence[1..]).copied().collect();
        let users = vec![0; next.len()];
        let positives = Positives::of(Csr::from_rows(n_items, vec![vec![(0, 1.0)]]).unwrap(), vec![0, n_items as u32]);
        let asked = States { rows: &rows, next: &next, users: &users };
        let found = slopes(&net.training(), asked, &items, &positives, Seed::new(0)).unwrap();
        close(&[(found.loss / next.len() as f64) as f32], &[case["loss"].as_f64().unwrap() as f32], "loss");
        close(&found.of_states, &list(&case["of_states"]), "slopes of states");
        let slopes = spread(found.of_states.chunks_exact(d).collect());
        let slopes = Tensor::from_vec(slopes, (packed.n_rows, d), &Device::Cpu).unwrap();
        let gradients = (states * slopes).unwrap().sum_all().unwrap().backward().unwrap();
        let mut of_items = found.of_items;
        let of_read = packed.gather(&gradient(&gradients, leaf.as_tensor()).unwrap(), d);
        for (&item, slope) in read.iter().zip(of_read.chunks_exact(d)) {
            axpy(1.0, slope, &mut of_items[item as usize * d..][..d]);
        }
        close(&of_items, &list(&case["of_items"]), "slopes of items");
        for (name, tensor) in case["of_dense"].as_object().unwrap() {
            close(&gradient(&gradients, weights.get(name).unwrap()).unwrap(), &list(&tensor["values"]), name);
        }
    }
}
