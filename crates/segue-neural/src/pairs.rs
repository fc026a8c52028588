//! Models that score a user and an item from a vector of each: how they are trained, asked and saved.
//!
//! A model is a [`PairNet`], and what it computes a [`Pairing`]: what it makes of a user's vector alone, of an item's vector
//! alone, and of the two together. The first two are computed once for each user and item that a batch or a question names; only
//! the last costs something for each pair.
//!
//! Training visits every like once an epoch, in random order, with `negatives` drawn items each. A batch is cut into fixed
//! shards; the engine derives the gradient of one shard on one thread, and gradients are summed in the order of the shards, so
//! that the model is the same to the bit at any number of threads.
//!
//! A known user whose history is that of the training is answered by the trained vector. Any other history is folded in
//! ([`fold`](crate::fold)), from the trained vector, or from the mean user for a guest. A dislike is a like with its sign
//! turned. Models that read histories have nothing to fold in: they read what is asked, beside the trained vector of a known user.

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use rayon::prelude::*;
use segue_core::training::descent::pool;
use segue_core::training::rows::{RowGradients, Terms};
use segue_core::training::sampler::Positives;
use segue_core::training::tables::Tables;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, FitCx, FitError, ItemId, Matrix, ParamError,
    Query, Recommender, Scorer, Seed, TrainData, Trainable, run_epochs,
};

use crate::beside::{Beside, Known};
use crate::engine::{Computed, Dense, Learning, Parameter, Weights, failed, gradient, numbers};
use crate::fold::Fixed;
use crate::histories::{Histories, Signed, signed};
use crate::layers::Dropout;
use crate::losses::Loss;
use crate::negatives::best_of;
use crate::optimise::{Optimisation, clip, each_batch, held};
use crate::reading::Stretches;
use crate::sequences::liked;

/// Likes that the engine sees at once: their vectors stay in the second-level cache.
const SHARD: usize = 128;

/// A model of pairs.
pub(crate) trait PairNet: Algorithm<Model = PairModel<Self>> {
    /// What it computes.
    type Net<'a>: Pairing;
    /// What these parameters have it compute.
    fn net(&self) -> Self::Net<'_>;
    /// How it is trained.
    fn training(&self) -> Optimisation;
}

/// What a model of pairs computes.
pub(crate) trait Pairing: Copy + Send + Sync {
    /// Lengths of a user's vectors, which are also those of an item's.
    fn widths(&self) -> Vec<usize>;
    /// Everything else that is learnt.
    fn parameters(&self) -> Vec<Parameter>;
    /// What of users' vectors, each `(b, width)`, meets items: some `(b, f)`.
    fn users(&self, rows: &[Tensor], weights: &Weights) -> Computed<Vec<Tensor>>;
    /// What of items' vectors, each `(n, width)`, meets users: as many `(n, g)`.
    fn items(&self, rows: &[Tensor], weights: &Weights) -> Computed<Vec<Tensor>>;
    /// Scores `(b, c)` of users `(b, f)` with items `(b · c, g)`, the first `c` of which are for the first user; dropout in
    /// training alone.
    fn meet(&self, users: &[Tensor], items: &[Tensor], weights: &Weights, dropout: Option<Dropout>)
    -> Computed<Tensor>;
    /// The rate of dropout.
    fn dropout(&self) -> f32 {
        0.0
    }
    /// Likes of a user that pairs read; 0 for none.
    fn history(&self) -> usize {
        0
    }
    /// The share of likes at which training does without the user's vector; for models that read.
    fn id_dropout(&self) -> f32 {
        0.0
    }
    /// What of items' vectors, each `(n, width)`, is read of a history: some `(n, f)`.
    fn said(&self, _: &[Tensor], _: &Weights) -> Computed<Vec<Tensor>> {
        Ok(Vec::new())
    }
    /// [`PairNet::meet`] for users who liked these rows of what is read.
    fn meet_reading(
        &self,
        users: &[Tensor],
        items: &[Tensor],
        _: (&[Tensor], &Stretches),
        weights: &Weights,
        dropout: Option<Dropout>,
    ) -> Computed<Tensor> {
        self.meet(users, items, weights, dropout)
    }
}

/// Checks of parameters together that every model of pairs wants.
pub(crate) fn check<N: PairNet>(net: &N) -> Result<(), ParamError> {
    let (how, model) = (net.training(), N::INFO.name);
    if matches!(how.loss, Loss::FullSoftmax | Loss::InBatch) {
        let message = "`loss` = full_softmax and in_batch are for models that read histories; `softmax` compares with the drawn \
                       items";
        return Err(ParamError::Value { model: model.into(), message: message.into() });
    }
    how.check(model)
}

/// Trains a model of pairs.
pub(crate) fn fit<N: PairNet>(net: &N, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<PairModel<N>, FitError> {
    fit_from(net, None, data, cx)
}

/// Trains a model of pairs that begins with what others have learnt.
pub(crate) fn fit_from<N: PairNet>(
    net: &N,
    start: Option<Parts>,
    data: &TrainData<'_>,
    cx: &mut FitCx<'_>,
) -> Result<PairModel<N>, FitError> {
    let mut training = Training::new(net.net(), (N::INFO.name, net.training()), data, cx.seed)?;
    if let Some(start) = start {
        training.begin_with(start);
    }
    run_epochs(&mut Course { net, training }, net.training().descent.epochs, cx, load)
}

/// What a model of pairs learns.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// `(n_users, width)`.
    pub(crate) users: Matrix,
    /// `(n_items, width)`.
    pub(crate) items: Matrix,
    pub(crate) dense: Dense,
}

/// What a part of `model` learns by itself in some epochs, told as progress of `stage`; in fewer where time is up.
pub(crate) fn pretrained<P: Pairing>(
    part: P,
    (model, how, epochs): (&'static str, Optimisation, usize),
    data: &TrainData<'_>,
    (stage, cx): (&'static str, &mut FitCx<'_>),
) -> Result<Parts, FitError> {
    let mut training = Training::new(part, (model, how), data, cx.seed.named(stage))?;
    for epoch in 1..=epochs {
        if !cx.goes_on(stage, epoch as u64 - 1, epochs as u64)? {
            break;
        }
        training.epoch(epoch)?;
    }
    cx.progress(stage, epochs as u64, epochs as u64)?;
    let Tables { users, items } = training.tables;
    Ok(Parts { users: users.matrix, items: items.matrix, dense: training.learning.dense })
}

/// Reads what [`PairModel::save`] wrote.
pub(crate) fn load<N: PairNet>(from: &ArtifactReader<'_>) -> Result<PairModel<N>, ArtifactError> {
    let net: N = from.meta("params")?;
    let checked = net.check_ranges(N::INFO.name).and_then(|()| net.check());
    checked.map_err(|error| from.entry("params", error.to_string()))?;
    let (users, items) = (from.matrix("users")?, from.matrix("items")?);
    let width: usize = net.net().widths().iter().sum();
    for (name, table) in [("users", &users), ("items", &items)] {
        if table.n_cols() != width {
            return Err(from.entry(name, format!("is {} wide, but this architecture has {width}", table.n_cols())));
        }
    }
    let dense = Dense::load(&net.net().parameters(), &from.scope("dense"))?;
    let histories = Histories::load(&from.scope("histories"), users.n_rows(), items.n_rows())?;
    let guest = from.vector("guest", Some(users.n_cols()))?;
    PairModel::new(net, Learnt { users, items, dense, histories, guest })
        .map_err(|error| from.entry("items", error.to_string()))
}

/// What training leaves behind.
#[derive(Debug, Clone)]
struct Learnt {
    users: Matrix,
    items: Matrix,
    dense: Dense,
    histories: Histories,
    /// The mean vector of the users with likes.
    guest: Vec<f32>,
}

/// A trained model of pairs.
#[derive(Debug)]
pub struct PairModel<N> {
    net: N,
    learnt: Learnt,
    /// The dense parameters inside the engine.
    weights: Weights,
    /// What of each item meets users.
    met: Vec<Tensor>,
    /// What of each item is read.
    said: Vec<Tensor>,
    /// Items against which fold-in compares.
    pool: Vec<ItemId>,
}

#[expect(private_bounds, reason = "nothing in here is public")]
impl<N: PairNet> PairModel<N> {
    fn new(net: N, learnt: Learnt) -> Computed<Self> {
        let weights = learnt.dense.constants()?;
        let every: Vec<ItemId> = (0..learnt.items.n_rows() as ItemId).collect();
        let computed = net.net();
        let rows = gathered(&learnt.items, &every, &computed.widths())?;
        let (met, said) = (computed.items(&rows, &weights)?, computed.said(&rows, &weights)?);
        let pool = pool(learnt.items.n_rows());
        Ok(Self { net, learnt, weights, met, said, pool })
    }

    /// The vector that answers a query.
    fn vector(&self, query: &Query<'_>) -> Vec<f32> {
        let Learnt { users, items, histories, guest, .. } = &self.learnt;
        let now = signed(query.history, items.n_rows());
        let user = query.user.map(|u| u as usize).filter(|&u| u < users.n_rows());
        if self.net.net().history() > 0 {
            // Who is new is what they like.
            return user.map_or_else(|| vec![0.0; users.n_cols()], |u| users.row(u).to_vec());
        }
        let (start, then) = user.map_or((&guest[..], Signed::new()), |u| (users.row(u), histories.user(u)));
        let fixed = Fixed {
            net: self.net.net(),
            how: self.net.training(),
            weights: &self.weights,
            met: &self.met,
            pool: &self.pool,
        };
        let Ok(vector) = fixed.fold_in(start, &now, &then) else {
            unreachable!("the shapes are those of the model, whose parts have met before")
        };
        vector
    }

    /// What of a query's history pairs read, dislikes with their sign turned.
    fn read(&self, query: &Query<'_>) -> Vec<(ItemId, f32)> {
        let (most, n_items) = (self.net.net().history(), self.learnt.items.n_rows());
        if most == 0 {
            return Vec::new();
        }
        let likes = liked(query.history, n_items, most).into_iter().map(|item| (item, 1.0));
        let disliked = signed(query.history, n_items).into_iter().filter(|&(_, liked)| !liked);
        likes.chain(disliked.take(most).map(|(item, _)| (item, -1.0))).collect()
    }
}

/// Rows of a table, the columns of each vector by themselves.
pub(crate) fn gathered(table: &Matrix, rows: &[u32], widths: &[usize]) -> Computed<Vec<Tensor>> {
    parts(table, rows, widths).map(|(numbers, shape)| Tensor::from_vec(numbers, shape, &Device::Cpu)).collect()
}

/// The same as leaves whose gradients are wanted.
pub(crate) fn leaves(table: &Matrix, rows: &[u32], widths: &[usize]) -> Computed<Vec<Tensor>> {
    let leaf = |(numbers, shape)| Ok(Var::from_vec(numbers, shape, &Device::Cpu)?.into_inner());
    parts(table, rows, widths).map(leaf).collect()
}

fn parts(table: &Matrix, rows: &[u32], widths: &[usize]) -> impl Iterator<Item = (Vec<f32>, (usize, usize))> {
    let mut start = 0;
    widths.iter().map(move |&width| {
        let columns = start..start + width;
        start += width;
        let mut numbers = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            numbers.extend_from_slice(&table.row(row as usize)[columns.clone()]);
        }
        (numbers, (rows.len(), width))
    })
}

/// The gradients of such leaves as rows of the table again.
pub(crate) fn row_gradients(all: &GradStore, leaves: &[Tensor]) -> Computed<Vec<f32>> {
    let mut parts: Vec<Vec<f32>> = leaves.iter().map(|leaf| gradient(all, leaf)).collect::<Computed<_>>()?;
    if parts.len() == 1 {
        return Ok(parts.remove(0));
    }
    let n = leaves[0].dim(0)?;
    let mut rows = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for row in 0..n {
        for part in &parts {
            let width = part.len() / n;
            rows.extend_from_slice(&part[row * width..(row + 1) * width]);
        }
    }
    Ok(rows)
}

impl<N: PairNet> Recommender for PairModel<N> {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let vectors: Vec<f32> = queries.iter().flat_map(|query| self.vector(query)).collect();
        let net = self.net.net();
        let (n, widths) = (queries.len(), net.widths());
        let table = Matrix::from_vec(n, widths.iter().sum(), vectors);
        let every: Vec<u32> = (0..n as u32).collect();
        let users = gathered(&table, &every, &widths).and_then(|rows| net.users(&rows, &self.weights));
        let Ok(users) = users else { unreachable!("shapes were checked when the model was made") };
        let read = Stretches::signed(queries.iter().map(|query| self.read(query)));
        Box::new(PairScorer { model: self, users, read })
    }

    fn likeness(&self, item: ItemId) -> Option<&[f32]> {
        Some(self.learnt.items.row(item as usize))
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix("users", &self.learnt.users);
        out.matrix("items", &self.learnt.items);
        out.scope("dense", |out| self.learnt.dense.save(out));
        out.scope("histories", |out| self.learnt.histories.save(out));
        out.tensor("guest", &[self.learnt.guest.len()], self.learnt.guest.as_slice());
        out.meta("params", &self.net)
    }
}

/// A block of users: what of them meets items.
struct PairScorer<'a, N> {
    model: &'a PairModel<N>,
    users: Vec<Tensor>,
    read: Stretches,
}

/// The rows of some items.
pub(crate) fn of_candidates(of_items: &Tensor, items: &Candidates<'_>) -> Computed<Tensor> {
    match items {
        Candidates::Range(range) => of_items.narrow(0, range.start as usize, range.len()),
        Candidates::List(list) => of_items.index_select(&Tensor::from_slice(list, list.len(), &Device::Cpu)?, 0),
    }
}

/// The same rows of every part.
pub(crate) fn of_rows(parts: &[Tensor], rows: impl Fn(&Tensor) -> Computed<Tensor>) -> Computed<Vec<Tensor>> {
    parts.iter().map(rows).collect()
}

impl<N: PairNet> PairScorer<'_, N> {
    fn scores(&self, items: &[Tensor], out: &mut [f32]) -> Computed<()> {
        let (model, net) = (self.model, self.model.net.net());
        for (q, scores) in out.chunks_exact_mut(items[0].dim(0)?).enumerate() {
            let user = of_rows(&self.users, |part| part.narrow(0, q, 1))?;
            let read = (&model.said[..], &self.read.only(q));
            scores.copy_from_slice(&numbers(&net.meet_reading(&user, items, read, &model.weights, None)?)?);
        }
        Ok(())
    }
}

impl<N: PairNet> Scorer for PairScorer<'_, N> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        if out.is_empty() {
            return;
        }
        let met = of_rows(&self.model.met, |part| of_candidates(part, &items));
        if let Err(error) = met.and_then(|met| self.scores(&met, out)) {
            unreachable!("shapes were checked when the model was made: {error}")
        }
    }
}

struct Training<P> {
    net: P,
    how: Optimisation,
    positives: Positives,
    histories: Histories,
    /// Of models that read.
    beside: Option<Beside>,
    seed: Seed,
    tables: Tables,
    learning: Learning,
}

/// What a shard adds to a step.
struct Gradients {
    loss: f64,
    /// Items of the shard: of each like its own, then the drawn.
    items: Vec<ItemId>,
    of_users: Vec<f32>,
    of_items: Vec<f32>,
    /// Items that were read, and what is said of them.
    read: Vec<ItemId>,
    of_read: Vec<f32>,
    of_dense: Vec<Vec<f32>>,
}

/// What the users of a shard liked beside its likes.
struct Reading {
    /// Distinct items, rising, and their vectors.
    items: Vec<ItemId>,
    leaves: Vec<Tensor>,
    said: Vec<Tensor>,
    liked: Stretches,
}

impl<P: Pairing> Training<P> {
    fn new(
        net: P,
        (model, how): (&'static str, Optimisation),
        data: &TrainData<'_>,
        seed: Seed,
    ) -> Result<Self, FitError> {
        let positives = Positives::new(data, model)?;
        let init = seed.named("init");
        let width: usize = net.widths().iter().sum();
        fits(model, how.descent.batch_size.min(positives.len()), how.negatives, width)?;
        let table =
            |n: usize, width: usize, name: &str| Matrix::normal(n, width, how.init_std, &mut init.named(name).stream());
        let users = table(data.log.n_users(), width, "users");
        let items = table(data.log.n_items(), width, "items");
        let tables = Tables { users: how.descent.table(users), items: how.descent.table(items) };
        let learning = Learning::of(Dense::draw(&net.parameters(), init));
        let histories = Histories::of(data.log);
        let beside = (net.history() > 0).then(|| Beside::of(data.log, net.history()));
        Ok(Self { net, how, positives, histories, beside, seed, tables, learning })
    }

    /// Begins with what others have learnt in place of random numbers.
    fn begin_with(&mut self, Parts { users, items, dense }: Parts) {
        let descent = &self.how.descent;
        self.tables = Tables { users: descent.table(users), items: descent.table(items) };
        self.learning = Learning::of(dense);
    }

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let size = self.how.descent.batch_size;
        let mean = each_batch((self.positives.len(), size), (self.seed, epoch), |batch, n, samples| {
            self.step(batch, epoch, (samples, n * size))
        })?;
        self.learning.pace.hear(&self.how.descent, mean);
        Ok(mean)
    }

    /// The items of each like of a shard: its own, then the drawn. Like `n` draws from stream `first + n` of the epoch.
    fn draw(
        &self,
        likes: &[u32],
        (samples, first): (Seed, usize),
        reading: &Reading,
        weights: &Weights,
    ) -> Computed<Vec<ItemId>> {
        let (wanted, candidates) = (self.how.negatives, self.how.candidates());
        let mut drawn = Vec::with_capacity(likes.len() * wanted * candidates);
        for (n, &like) in likes.iter().enumerate() {
            let mut stream = samples.at((first + n) as u64).stream();
            let (user, item) = self.positives.pair(like);
            let others = self.positives.others(user, item);
            for _ in 0..wanted * candidates {
                drawn.push(self.how.negative_sampling.draw(&self.positives, (user, item), &others, &mut stream));
            }
        }
        let best =
            if candidates > 1 { Some(self.best_of(likes, (&drawn, candidates), reading, weights)?) } else { None };
        let chosen = best.as_ref().unwrap_or(&drawn).chunks_exact(wanted);
        let own = likes.iter().map(|&like| self.positives.pair(like).1);
        Ok(own.zip(chosen).flat_map(|(own, drawn)| std::iter::once(own).chain(drawn.iter().copied())).collect())
    }

    /// Of each `candidates` drawn items the one that the model as it stands scores best.
    fn best_of(
        &self,
        likes: &[u32],
        (drawn, candidates): (&[ItemId], usize),
        reading: &Reading,
        weights: &Weights,
    ) -> Computed<Vec<ItemId>> {
        let weights = weights.detached();
        let said: Vec<Tensor> = reading.said.iter().map(Tensor::detach).collect();
        let widths = self.net.widths();
        let users = self.net.users(&gathered(&self.tables.users.matrix, &self.users_of(likes), &widths)?, &weights)?;
        let items = self.net.items(&gathered(&self.tables.items.matrix, drawn, &widths)?, &weights)?;
        let scores = self.net.meet_reading(&users, &items, (&said, &reading.liked), &weights, None)?;
        let scores = numbers(&scores)?;
        Ok(best_of(&scores, drawn, candidates))
    }

    fn users_of(&self, likes: &[u32]) -> Vec<u32> {
        likes.iter().map(|&like| self.positives.pair(like).0).collect()
    }

    /// What training of a model that reads takes as known at like `n` of an epoch.
    fn known(&self, samples: Seed, n: usize) -> Known {
        Known::draw(samples.named("known").at(n as u64), f64::from(self.net.id_dropout()))
    }

    /// What a shard reads.
    fn read(&self, likes: &[u32], (samples, first): (Seed, usize), weights: &Weights) -> Computed<Reading> {
        let Some(beside) = &self.beside else {
            return Ok(Reading {
                items: Vec::new(),
                leaves: Vec::new(),
                said: Vec::new(),
                liked: Stretches::of([].into_iter()),
            });
        };
        let of_like = |(n, &like): (usize, &u32)| match self.known(samples, first + n) {
            Known::Nothing => Vec::new(),
            Known::History | Known::All => {
                let (user, item) = self.positives.pair(like);
                beside.likes(user, item, samples.named("history").at((first + n) as u64))
            }
        };
        let read: Vec<Vec<ItemId>> = likes.iter().enumerate().map(of_like).collect();
        let mut items = read.concat();
        items.sort_unstable();
        items.dedup();
        let row = |item: &ItemId| items.partition_point(|other| other < item) as u32;
        let rows: Vec<Vec<u32>> = read.iter().map(|own| own.iter().map(row).collect()).collect();
        let liked = Stretches::of(rows.iter().map(Vec::as_slice));
        let (mut own, mut said) = (Vec::new(), Vec::new());
        if !items.is_empty() {
            own = leaves(&self.tables.items.matrix, &items, &self.net.widths())?;
            said = self.net.said(&own, weights)?;
        }
        Ok(Reading { items, leaves: own, said, liked })
    }

    /// The vectors of the users of a shard, without those that training takes as unknown.
    fn known_users(&self, leaves: &[Tensor], samples: Seed, first: usize) -> Computed<Vec<Tensor>> {
        if self.beside.is_none() {
            return Ok(leaves.to_vec());
        }
        let n = leaves[0].dim(0)?;
        let known = |n: usize| if self.known(samples, first + n) == Known::All { 1.0_f32 } else { 0.0 };
        let known = Tensor::from_vec((0..n).map(known).collect(), (n, 1), &Device::Cpu)?;
        leaves.iter().map(|leaf| leaf.broadcast_mul(&known)).collect()
    }

    /// Loss and gradients of a shard of a batch of `size` likes.
    fn shard(
        &self,
        likes: &[u32],
        (samples, first): (Seed, usize),
        size: usize,
        weights: &Weights,
    ) -> Computed<Gradients> {
        let reading = self.read(likes, (samples, first), weights)?;
        let items = self.draw(likes, (samples, first), &reading, weights)?;
        let widths = self.net.widths();
        let user_leaves = leaves(&self.tables.users.matrix, &self.users_of(likes), &widths)?;
        let item_leaves = leaves(&self.tables.items.matrix, &items, &widths)?;
        let users = self.net.users(&self.known_users(&user_leaves, samples, first)?, weights)?;
        let met = self.net.items(&item_leaves, weights)?;
        let dropout = Dropout { rate: self.net.dropout(), shard: samples.named("dropout").at(first as u64) };
        let scores = self.net.meet_reading(&users, &met, (&reading.said, &reading.liked), weights, Some(dropout))?;
        let loss = self.how.loss.of(self.how.compared(&scores, None, self.tables.items.matrix.n_rows()))?.sum_all()?;
        let gradients = (&loss / size as f64)?.backward()?;
        Ok(Gradients {
            loss: f64::from(loss.to_scalar::<f32>()?),
            items,
            of_users: row_gradients(&gradients, &user_leaves)?,
            of_items: row_gradients(&gradients, &item_leaves)?,
            of_read: if reading.items.is_empty() { Vec::new() } else { row_gradients(&gradients, &reading.leaves)? },
            read: reading.items,
            of_dense: weights.gradients(&gradients)?,
        })
    }

    /// The gradient of a batch: mean loss, tables, dense parameters.
    fn gradients(
        &self,
        batch: &[u32],
        samples: Seed,
        first: usize,
    ) -> Computed<(f64, RowGradients, RowGradients, Vec<Vec<f32>>)> {
        let weights = self.learning.dense.leaves()?;
        let shards = batch.par_chunks(SHARD).enumerate();
        let shards: Vec<Gradients> = shards
            .map(|(n, likes)| self.shard(likes, (samples, first + n * SHARD), batch.len(), &weights))
            .collect::<Computed<_>>()?;
        let share = 1.0 / batch.len() as f32;
        let drawn = share / self.how.negatives as f32;
        let (users, items) = rayon::join(
            || {
                let mut terms = Terms::default();
                for (n, &like) in batch.iter().enumerate() {
                    terms.push(self.positives.pair(like).0, n as u32, 1.0, share);
                }
                let all: Vec<&[f32]> = shards.iter().map(|shard| &shard.of_users[..]).collect();
                terms.sum(&all.concat(), self.tables.users.matrix.n_cols())
            },
            || {
                let mut terms = Terms::default();
                for (n, &item) in shards.iter().flat_map(|shard| &shard.items).enumerate() {
                    let own = n.is_multiple_of(1 + self.how.negatives);
                    terms.push(item, n as u32, 1.0, if own { share } else { drawn });
                }
                // Then what was read, which no penalty holds back.
                let n_scored = shards.iter().map(|shard| shard.items.len() as u32).sum::<u32>();
                let read = shards.iter().flat_map(|shard| &shard.read);
                read.zip(n_scored..).for_each(|(&item, n)| terms.push(item, n, 1.0, 0.0));
                let scored = shards.iter().map(|shard| &shard.of_items[..]);
                let all: Vec<&[f32]> = scored.chain(shards.iter().map(|shard| &shard.of_read[..])).collect();
                terms.sum(&all.concat(), self.tables.items.matrix.n_cols())
            },
        );
        let loss = shards.iter().map(|shard| shard.loss).sum::<f64>();
        Ok((loss, users, items, weights.summed(shards.iter().map(|shard| &shard.of_dense))))
    }

    fn step(&mut self, batch: &[u32], epoch: usize, (samples, first): (Seed, usize)) -> Result<f64, FitError> {
        let (loss, mut users, mut items, mut dense) =
            self.gradients(batch, samples, first).map_err(|error| failed(&error))?;
        let mut parts: Vec<&mut Vec<f32>> = dense.iter_mut().chain([&mut users.data, &mut items.data]).collect();
        clip(&mut parts, self.how.clip_norm);
        let (t, rate) = self.learning.pace.next(&self.how.descent, epoch);
        self.tables.step(&users, &items, rate, self.how.descent.decay());
        self.learning.update(dense, (&self.how.descent, rate, t));
        Ok(loss)
    }
}

/// Whether the gradients of a batch of `likes` with their negatives fit into memory: a number for each of those of the rows
/// that the batch names, and once more side by side.
fn fits(model: &str, likes: usize, negatives: usize, width: usize) -> Result<(), FitError> {
    let needed_mib = (likes as u64).saturating_mul((2 + negatives) as u64 * width as u64 * 8) >> 20;
    held(format!("a step of `{model}` over {likes} likes, each with {negatives} negatives,"), likes, needed_mib, 4096)
}

/// A model on its way through the epochs.
struct Course<'a, N: PairNet> {
    net: &'a N,
    training: Training<N::Net<'a>>,
}

impl<N: PairNet> Trainable for Course<'_, N> {
    type Model = PairModel<N>;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        self.training.epoch(epoch)
    }

    fn snapshot(&self) -> PairModel<N> {
        let Training { positives, tables, learning, histories, .. } = &self.training;
        let (guest, users) = positives.with_mean_user(&tables.users.matrix);
        let (items, dense, histories) = (tables.items.matrix.clone(), learning.dense.clone(), histories.clone());
        let model = PairModel::new(self.net.clone(), Learnt { users, items, dense, histories, guest });
        model.unwrap_or_else(|error| unreachable!("the shapes are those of the training: {error}"))
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        self.training.tables.save(out)?;
        self.training.learning.save(out)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.training.tables.load(from)?;
        self.training.learning.load(&self.training.net.parameters(), from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_memory_does_not_hold_is_refused_with_one_that_it_does() {
        assert!(fits("neumf", 1024, 4, 128).is_ok());
        let refusal = fits("neumf", 10_000_000, 4, 128).unwrap_err().to_string();
        let size: usize = refusal.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(refusal.contains("`batch_size`") && fits("neumf", size, 4, 128).is_ok(), "{refusal}");
    }
}
