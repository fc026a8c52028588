//! Matrix factorisation learnt by comparing what a user likes with what they do not: MF-BPR and its hinge form.
//!
//! Steffen Rendle, Christoph Freudenthaler, Zeno Gantner, Lars Schmidt-Thieme: *BPR: Bayesian Personalized Ranking from
//! Implicit Feedback*, UAI 2009, <https://arxiv.org/abs/1205.2618>. Hard negatives: Weinan Zhang, Tianqi Chen, Jun Wang,
//! Yong Yu: *Optimizing Top-N Collaborative Filtering via Dynamic Negative Item Sampling*, SIGIR 2013,
//! <https://doi.org/10.1145/2484028.2484126>.
//!
//! With user vectors `p`, item vectors `q` (and an item bias, if wanted, as one more column against a constant 1):
//!
//! ```text
//! s(u, i) = p_u · q_i                    x = s(u, i) - s(u, j),  i liked by u,  j drawn
//! min Σ_(u,i) mean_j ℓ(x) + l2/2 (|p_u|² + |q_i|² + mean_j |q_j|²)
//! ℓ(x) = ln(1 + e^-x)  (bpr)      max(0, margin - x)  (hinge)
//! ```
//!
//! Each epoch visits every like once, in random order. `j` is uniform among the items of the like's domain that the user
//! does not like, or the best scored of `hard_candidates` such draws.
//!
//! Cost per epoch: O(likes · negatives · candidates · d); memory O((users + items) · d), three times that with Adam.
//!
//! Useful for large implicit logs with little time. Not useful for ratings, or where a graph of a few hops knows more.
//!
//! The defaults are those that were best on validation over six small and sparse logs together (docs/results.md): the best
//! scored of five draws, and a bias per item, without which a small log learns popularity from any other domain's people.
//! The paper's own form is `negative_sampling: uniform, item_bias: false`.
//!
//! Deviations from the paper: batches instead of single samples (the gradient is the batch's sum), Adam by default, in its
//! lazy row-sparse form (see `adam.rs`: moments decay over missed steps, untouched rows do not drift).
//!
//! A known user whose history is that of the training is answered by the trained vector. Any other history is folded in:
//! the objective above, with its item vectors fixed and a fixed pool of drawn items, is convex in `p` (the best of several
//! scores too), and is minimised from the trained vector, or from the mean user for a guest. A dislike `d` takes part with
//! its pairs reversed: drawn items should score above it. Weights of events are not used.
//!
//! Checked against finite differences of the objective, and against the published curve of MF-BPR on Gowalla.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use segue_core::kernels::{axpy, dot};
use segue_core::training::adam::{BETAS, Decay};
use segue_core::training::descent::{minimise, pool};
use segue_core::training::rows::{RowGradients, Terms, distinct};
use segue_core::training::sampler::{Positives, shuffled};
use segue_core::training::tables::Tables;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, DotScorer, Embeddings, FitCx, FitError, History,
    Interval, ItemId, Matrix, Measure, ModelInfo, Output, Query, Recommender, Scorer, Seed, TrainData, Trainable, Work,
    run_epochs,
};

/// What one comparison costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairLoss {
    /// Logistic: `ln(1 + e^-x)`.
    #[default]
    Bpr,
    /// Linear below a margin: `max(0, margin - x)`.
    Hinge,
}

/// How the disliked side of a comparison is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NegativeSampling {
    /// Uniformly among what the user does not like.
    Uniform,
    /// The best scored of several uniform draws.
    #[default]
    Hard,
}

/// How gradients move the factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Adam on the rows that a batch touches, moments decayed over the steps they missed.
    #[default]
    #[serde(alias = "lazy_adam")]
    Adam,
    /// Plain gradient descent.
    Sgd,
}

segue_core::params! {
    /// Parameters of [`MfModel`].
    pub struct Mf {
        /// Length of the vectors; 64 as in the published comparisons.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "embedding_dim", alias "emb_dim", alias "n_factors";
        /// Passes over the likes.
        epochs: usize = 100, range Interval::at_least(0.0), alias "n_epochs", alias "max_epochs";
        /// Step size.
        learning_rate: f32 = 0.005, range Interval::above(0.0), alias "lr";
        /// Penalty on the vectors of a comparison.
        l2: f32 = 0.05, range Interval::at_least(0.0), alias "reg", alias "weight_decay";
        /// Likes per step.
        batch_size: usize = 2048, range Interval::between(1.0, 16_777_216.0);
        /// `bpr` or `hinge`.
        loss: PairLoss = PairLoss::Bpr;
        /// Distance that satisfies the hinge loss.
        margin: f32 = 1.0, range Interval::above(0.0);
        /// Negatives per like; their comparisons are averaged.
        negatives: usize = 1, range Interval::between(1.0, 1024.0), alias "n_negatives", alias "num_negatives";
        /// `uniform`, or `hard`: the best scored of `hard_candidates` uniform draws.
        negative_sampling: NegativeSampling = NegativeSampling::Hard;
        /// Draws from which a hard negative is the best scored.
        hard_candidates: usize = 5, range Interval::between(1.0, 1024.0);
        /// `adam` (lazy, row-sparse) or `sgd`.
        optimizer: Optimizer = Optimizer::Adam;
        /// Whether each item has a bias.
        item_bias: bool = true, alias "use_bias";
        /// Standard deviation of the initial vectors.
        init_std: f32 = 0.01, range Interval::at_least(0.0);
    }
}

impl Mf {
    /// Draws per negative.
    fn candidates(&self) -> usize {
        match self.negative_sampling {
            NegativeSampling::Uniform => 1,
            NegativeSampling::Hard => self.hard_candidates,
        }
    }

    /// Value and slope of the loss of a difference `x`.
    #[inline]
    fn loss(&self, x: f32) -> (f32, f32) {
        match self.loss {
            PairLoss::Bpr => {
                let e = (-x.abs()).exp();
                let slope = if x > 0.0 { -e / (1.0 + e) } else { -1.0 / (1.0 + e) };
                ((-x).max(0.0) + e.ln_1p(), slope)
            }
            PairLoss::Hinge => ((self.margin - x).max(0.0), if x < self.margin { -1.0 } else { 0.0 }),
        }
    }
}

impl Algorithm for Mf {
    const INFO: ModelInfo = ModelInfo {
        name: "mf",
        aliases: &["bpr", "mf_bpr", "bprmf"],
        title: "Matrix factorisation with pairwise losses",
        citation: "Rendle, Freudenthaler, Gantner, Schmidt-Thieme: BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009",
        useful_for: "large implicit logs with little time",
        not_useful_for: "predicting ratings; logs where neighbours of neighbours know more",
        scale: "any log that memory holds: 2 minutes an epoch of 20 million likes; `ials` is faster",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = MfModel;

    fn work(&self, data: &TrainData<'_>) -> Vec<Work> {
        let likes = data.log.positives();
        let (n, negatives) = (likes.len() as f64, self.negatives as f64);
        let (n_users, n_items, d) = (likes.n_rows(), likes.n_cols(), self.factors + usize::from(self.item_bias));
        let candidates = negatives * self.candidates() as f64;
        // Rows that a batch touches once, however often it meets them.
        let n_steps = likes.len().div_ceil(self.batch_size) as f64;
        let share = |count: usize| count as f64 / n.max(1.0);
        let users = distinct((0..n_users).map(|u| share(likes.cols_of(u).len())), n / n_steps);
        let by_item = likes.transpose();
        let drawn = negatives / n_items as f64;
        let items = distinct((0..n_items).map(|i| share(by_item.cols_of(i).len()) + drawn), n / n_steps);
        let moves = match self.optimizer {
            Optimizer::Adam => 6.0,
            Optimizer::Sgd => 2.0,
        };
        vec![
            Work::of("draw and compare").rows(n, d, n_users).rows(n * (1.0 + candidates), d, n_items),
            Work::of("gradients of users").rows(n * (1.0 + negatives), d, n_items),
            Work::of("gradients of items").rows(n * (1.0 + negatives), d, n_users),
            Work::of("move users").rows(n_steps * users * moves, d, n_users * moves as usize / 2),
            Work::of("move items").rows(n_steps * items * moves, d, n_items * moves as usize / 2),
        ]
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<MfModel, FitError> {
        let mut training = Training::new(self, data, cx.seed)?;
        run_epochs(&mut training, self.epochs, cx, Self::load)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<MfModel, ArtifactError> {
        let (users, items) = (from.matrix("users")?, from.matrix("items")?);
        if users.n_cols() != items.n_cols() {
            let problem = format!("is {} wide, but `items` is {} wide", users.n_cols(), items.n_cols());
            return Err(from.entry("users", problem));
        }
        let fingerprints = from.vector("fingerprints", Some(users.n_rows()))?;
        let guest = from.vector("guest", Some(items.n_cols()))?;
        let pool = pool(items.n_rows());
        Ok(MfModel { params: from.meta("params")?, users, items, fingerprints, guest, pool })
    }
}

/// User and item vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct MfModel {
    params: Mf,
    users: Matrix,
    items: Matrix,
    /// Of each user's history at training.
    fingerprints: Vec<u64>,
    /// The mean vector of the users with likes: scores as popularity does.
    guest: Vec<f32>,
    /// Items against which fold-in compares.
    pool: Vec<ItemId>,
}

struct Training<'a> {
    params: &'a Mf,
    positives: Positives,
    fingerprints: Vec<u64>,
    seed: Seed,
    tables: Tables,
}

/// The comparisons of a batch: negatives, slopes of the loss over the number of negatives, losses; `negatives` per like.
struct Comparisons {
    negatives: Vec<ItemId>,
    slopes: Vec<f32>,
    losses: Vec<f32>,
}

impl<'a> Training<'a> {
    fn new(params: &'a Mf, data: &TrainData<'_>, seed: Seed) -> Result<Self, FitError> {
        let positives = Positives::new(data, Mf::INFO.name)?;
        let table = |n: usize, name: &str, last: f32| {
            let mut table =
                Matrix::normal(n, params.factors, params.init_std, &mut seed.named("init").named(name).stream());
            if params.item_bias {
                let rows = table.as_slice().chunks_exact(params.factors);
                let wide: Vec<f32> = rows.flat_map(|row| row.iter().copied().chain([last])).collect();
                table = Matrix::from_vec(n, params.factors + 1, wide);
            }
            table
        };
        let users = table(data.log.n_users(), "users", 1.0);
        let items = table(data.log.n_items(), "items", 0.0);
        let tables = Tables::new(users, items, (params.optimizer == Optimizer::Adam).then_some(BETAS));
        let fingerprints = (0..data.log.n_users() as u32).map(|u| data.log.user(u).fingerprint()).collect();
        Ok(Self { params, positives, fingerprints, seed, tables })
    }

    /// Draws and compares; sample `n` of the batch draws from stream `first + n` of the epoch.
    fn compare(&self, batch: &[u32], epoch: Seed, first: usize) -> Comparisons {
        const SHARD: usize = 64;
        let per_like = self.params.negatives;
        let n = batch.len() * per_like;
        let mut all = Comparisons { negatives: vec![0; n], slopes: vec![0.0; n], losses: vec![0.0; batch.len()] };
        let negatives = all.negatives.par_chunks_mut(SHARD * per_like);
        let slopes = all.slopes.par_chunks_mut(SHARD * per_like);
        let losses = all.losses.par_chunks_mut(SHARD);
        let shards = batch.par_chunks(SHARD).zip(negatives).zip(slopes).zip(losses).enumerate();
        shards.for_each(|(shard, (((likes, negatives), slopes), losses))| {
            let samples = negatives.chunks_exact_mut(per_like).zip(slopes.chunks_exact_mut(per_like)).zip(losses);
            for (n, (&like, ((negatives, slopes), loss))) in likes.iter().zip(samples).enumerate() {
                let mut stream = epoch.at((first + shard * SHARD + n) as u64).stream();
                let (user, item) = self.positives.pair(like);
                let others = self.positives.others(user, item);
                if others.is_empty() {
                    // A user who likes all of a domain: compared with itself, the item does not move.
                    negatives.fill(item);
                    continue;
                }
                let p = self.tables.users.matrix.row(user as usize);
                let liked = dot(p, self.tables.items.matrix.row(item as usize));
                for (negative, slope) in negatives.iter_mut().zip(slopes) {
                    let mut best = (f32::NEG_INFINITY, item);
                    for _ in 0..self.params.candidates() {
                        let candidate = others.draw(&mut stream);
                        let score = dot(p, self.tables.items.matrix.row(candidate as usize));
                        if score > best.0 {
                            best = (score, candidate);
                        }
                    }
                    let (value, derivative) = self.params.loss(liked - best.0);
                    *negative = best.1;
                    *slope = derivative / per_like as f32;
                    *loss += value / per_like as f32;
                }
            }
        });
        all
    }

    /// Gradients of users and items over the batch, without the penalty.
    fn gradients(&self, batch: &[u32], compared: &Comparisons) -> (RowGradients, RowGradients) {
        let per_like = self.params.negatives;
        let share = 1.0 / per_like as f32;
        let samples = || batch.iter().zip(compared.negatives.chunks(per_like).zip(compared.slopes.chunks(per_like)));
        let d = self.tables.items.matrix.n_cols();
        rayon::join(
            || {
                let mut terms = Terms::default();
                for (&like, (negatives, slopes)) in samples() {
                    let (user, item) = self.positives.pair(like);
                    terms.push(user, item, slopes.iter().sum(), 1.0);
                    negatives.iter().zip(slopes).for_each(|(&j, &slope)| terms.push(user, j, -slope, 0.0));
                }
                let mut sum = terms.sum(self.tables.items.matrix.as_slice(), d);
                if self.params.item_bias {
                    // The column that carries the bias is constant on the side of the users.
                    sum.data.iter_mut().skip(d - 1).step_by(d).for_each(|g| *g = 0.0);
                }
                sum
            },
            || {
                let mut terms = Terms::default();
                for (&like, (negatives, slopes)) in samples() {
                    let (user, item) = self.positives.pair(like);
                    terms.push(item, user, slopes.iter().sum(), 1.0);
                    negatives.iter().zip(slopes).for_each(|(&j, &slope)| terms.push(j, user, -slope, share));
                }
                terms.sum(self.tables.users.matrix.as_slice(), d)
            },
        )
    }

    fn step(&mut self, batch: &[u32], epoch: Seed, first: usize) -> f64 {
        let compared = self.compare(batch, epoch, first);
        let (users, items) = self.gradients(batch, &compared);
        let (rate, l2) = (self.params.learning_rate, self.params.l2);
        self.tables.step(&users, &items, rate, Decay::Coupled(l2));
        if self.params.item_bias {
            // The penalty would shrink the constant.
            let last = self.tables.users.matrix.n_cols() - 1;
            users.rows.iter().for_each(|&user| self.tables.users.matrix.row_mut(user as usize)[last] = 1.0);
        }
        compared.losses.iter().map(|&loss| f64::from(loss)).sum()
    }
}

impl Trainable for Training<'_> {
    type Model = MfModel;

    fn epoch(&mut self, epoch: usize) -> Result<f64, FitError> {
        let seed = self.seed.named("epoch").at(epoch as u64);
        let (order, samples) = (shuffled(self.positives.len(), seed), seed.named("samples"));
        let size = self.params.batch_size;
        let losses = order.chunks(size).enumerate().map(|(n, batch)| self.step(batch, samples, n * size));
        let sum: f64 = losses.sum();
        Ok(sum / order.len() as f64)
    }

    fn snapshot(&self) -> MfModel {
        let (guest, users) = self.positives.with_mean_user(&self.tables.users.matrix);
        MfModel {
            params: self.params.clone(),
            users,
            items: self.tables.items.matrix.clone(),
            fingerprints: self.fingerprints.clone(),
            guest,
            pool: pool(self.tables.items.matrix.n_rows()),
        }
    }

    fn save_state<'b>(&'b self, out: &mut ArtifactWriter<'b>) -> Result<(), ArtifactError> {
        self.tables.save(out)
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        self.tables.load(from)
    }
}

impl MfModel {
    /// Fold-in: the vector that fits `history` to the fixed items, found from `start`.
    fn fold_in(&self, start: &[f32], history: History<'_>) -> Vec<f32> {
        let fold = Fold::new(self, history);
        if fold.pairs.is_empty() { start.to_vec() } else { fold.minimise(start) }
    }
}

/// A comparison of a history item with a group of pool entries.
struct Pair {
    item: usize,
    group: std::ops::Range<usize>,
    liked: bool,
}

/// The objective of one history.
struct Fold<'a> {
    model: &'a MfModel,
    /// Distinct items of the history with an opinion.
    items: Vec<ItemId>,
    /// Pool entries outside the history.
    pool: Vec<ItemId>,
    pairs: Vec<Pair>,
    /// Weight of one pair.
    weight: f32,
    l2: f32,
}

impl<'a> Fold<'a> {
    fn new(model: &'a MfModel, history: History<'_>) -> Self {
        const PAIRS: usize = 4096;
        let signed = history.signed();
        let items: Vec<ItemId> = signed.iter().map(|&(item, _)| item).collect();
        let pool: Vec<ItemId> = model.pool.iter().copied().filter(|j| items.binary_search(j).is_err()).collect();
        let width = model.params.candidates().min(pool.len().max(1));
        let per_item = (PAIRS / (items.len() * width).max(1)).clamp(1, 16).min(pool.len());
        let mut pairs = Vec::with_capacity(items.len() * per_item);
        for (n, &(_, strength)) in signed.iter().enumerate() {
            let liked = strength >= 0.0;
            for m in 0..per_item {
                // Groups start all over the pool; a group never wraps, so it may be shorter at the end.
                let start = (n * 211 + m * pool.len() / per_item) % pool.len();
                let end = if liked { (start + width).min(pool.len()) } else { start + 1 };
                pairs.push(Pair { item: n, group: start..end, liked });
            }
        }
        let l2 = model.params.l2 * items.len() as f32;
        Self { model, items, pool, pairs, weight: 1.0 / per_item.max(1) as f32, l2 }
    }

    /// Value and gradient at `p`.
    fn evaluate(&self, p: &[f32], gradient: &mut [f32]) -> f64 {
        let score = |items: &[ItemId]| -> Vec<f32> {
            items.iter().map(|&i| dot(p, self.model.items.row(i as usize))).collect()
        };
        let (own, drawn) = (score(&self.items), score(&self.pool));
        let (mut own_sums, mut drawn_sums) = (vec![0.0_f32; own.len()], vec![0.0_f32; drawn.len()]);
        let mut value = 0.0_f64;
        for pair in &self.pairs {
            let mut best = pair.group.start;
            for n in pair.group.clone() {
                if drawn[n] > drawn[best] {
                    best = n;
                }
            }
            let sign = if pair.liked { 1.0 } else { -1.0 };
            let (loss, slope) = self.model.params.loss(sign * (own[pair.item] - drawn[best]));
            value += f64::from(self.weight * loss);
            own_sums[pair.item] += sign * self.weight * slope;
            drawn_sums[best] -= sign * self.weight * slope;
        }
        gradient.iter_mut().zip(p).for_each(|(g, x)| *g = self.l2 * x);
        for (items, sums) in [(&self.items, own_sums), (&self.pool, drawn_sums)] {
            for (&item, sum) in items.iter().zip(sums).filter(|(_, sum)| *sum != 0.0) {
                axpy(sum, self.model.items.row(item as usize), gradient);
            }
        }
        if self.model.params.item_bias {
            gradient[p.len() - 1] = 0.0;
        }
        value + 0.5 * f64::from(self.l2) * f64::from(dot(p, p))
    }

    fn minimise(&self, start: &[f32]) -> Vec<f32> {
        const EVALUATIONS: usize = 30;
        minimise(start, EVALUATIONS, |p, gradient| self.evaluate(p, gradient))
    }
}

impl Embeddings for MfModel {
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
        let user = query.user.map(|u| u as usize).filter(|&u| u < self.users.n_rows());
        match user {
            Some(u) if self.fingerprints[u] == query.history.fingerprint() => self.users.row(u).to_vec(),
            Some(u) => self.fold_in(self.users.row(u), query.history),
            None => self.fold_in(&self.guest, query.history),
        }
    }
}

impl Recommender for MfModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(DotScorer::new(&self.items, queries, |query| self.query(query)))
    }

    fn embeddings(&self) -> Option<&dyn Embeddings> {
        Some(self)
    }

    fn likeness(&self, item: ItemId) -> Option<&[f32]> {
        Some(&self.items.row(item as usize)[..self.params.factors])
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        out.matrix("users", &self.users);
        out.matrix("items", &self.items);
        out.tensor("fingerprints", &[self.fingerprints.len()], self.fingerprints.as_slice());
        out.tensor("guest", &[self.guest.len()], self.guest.as_slice());
        out.meta("params", &self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::{Catalogue, Domain, Event, HistoryBuf, IdMap, Interactions, ItemInfo, Registry, Signal, Silent};

    /// Even users like even items, odd users odd ones, each but one in eight.
    fn checkerboard() -> (Catalogue, Interactions) {
        let (n_users, n_items) = (32_u32, 24_u32);
        let ids = IdMap::new((0..n_items).map(|i| format!("{i:03}")).collect());
        let catalogue = Catalogue::new(vec![Domain { name: "films".into(), ids }], |_, _| ItemInfo::default());
        let likes = |u: u32, i: u32| (u + i).is_multiple_of(2) && !(u / 2 + i / 2).is_multiple_of(8);
        let event = |user, item| Event { user, item, weight: 1.0, signal: Signal::Positive, value: 1.0, time: None };
        let events = (0..n_users).flat_map(|u| (0..n_items).filter(move |&i| likes(u, i)).map(move |i| event(u, i)));
        (catalogue, Interactions::new(n_users as usize, n_items as usize, events.collect()).unwrap())
    }

    fn short() -> Mf {
        let uniform = NegativeSampling::Uniform;
        Mf {
            factors: 6,
            epochs: 40,
            batch_size: 32,
            learning_rate: 0.02,
            l2: 0.01,
            init_std: 0.1,
            negative_sampling: uniform,
            item_bias: false,
            ..Mf::default()
        }
    }

    fn fit(params: &Mf) -> (MfModel, Interactions) {
        let (catalogue, log) = checkerboard();
        let (registry, mut silent) = (Registry::default(), Silent);
        let mut cx = FitCx::plain(3, &registry, &mut silent);
        (params.fit(&TrainData { catalogue: &catalogue, log: &log }, &mut cx).unwrap(), log)
    }

    fn variants() -> Vec<Mf> {
        let hard = NegativeSampling::Hard;
        vec![
            short(),
            Mf { loss: PairLoss::Hinge, negatives: 3, ..short() },
            Mf { negative_sampling: hard, hard_candidates: 3, item_bias: true, ..short() },
            Mf { optimizer: Optimizer::Sgd, learning_rate: 0.05, ..short() },
        ]
    }

    #[test]
    fn withheld_likes_of_the_same_colour_rank_first() {
        for params in variants() {
            let (model, log) = fit(&params);
            for user in 0..32_u32 {
                let seen = log.seen(user);
                let vector = model.query(&Query { user: Some(user), history: log.user(user) });
                // The mean score of the unseen items of one colour.
                let mean = |colour: u32| {
                    let unseen = (0..24_u32).filter(|i| seen.binary_search(i).is_err() && (i + user) % 2 == colour);
                    let scores: Vec<f32> = unseen.map(|i| dot(&vector, model.items.row(i as usize))).collect();
                    scores.iter().sum::<f32>() / scores.len() as f32
                };
                assert!(mean(0) > mean(1), "{params:?}, user {user}: {} against {}", mean(0), mean(1));
            }
        }
    }

    #[test]
    fn slopes_are_those_of_the_losses() {
        for params in [Mf::default(), Mf { loss: PairLoss::Hinge, ..Mf::default() }] {
            for x in [-30.0_f32, -2.0, -0.3, 0.2, 0.7, 1.5, 30.0] {
                let (up, down) = (params.loss(x + 0.01).0, params.loss(x - 0.01).0);
                assert!(((up - down) / 0.02 - params.loss(x).1).abs() < 1e-3, "{params:?} at {x}");
            }
        }
    }

    /// The batch gradient against differences of the batch objective, negatives held fixed.
    #[test]
    fn gradients_equal_finite_differences() {
        let (catalogue, log) = checkerboard();
        let params = Mf { negatives: 2, init_std: 0.7, ..short() };
        let data = TrainData { catalogue: &catalogue, log: &log };
        let mut training = Training::new(&params, &data, Seed::new(1)).unwrap();
        let batch: Vec<u32> = (0..20).map(|n| n * 7).collect();
        let compared = training.compare(&batch, Seed::new(4), 0);
        let (users, items) = training.gradients(&batch, &compared);
        let objective = |training: &Training<'_>| -> f64 {
            let mut sum = 0.0;
            for (&like, negatives) in batch.iter().zip(compared.negatives.chunks(2)) {
                let (u, i) = training.positives.pair(like);
                let score = |i: u32| -> f64 {
                    let pairs = training
                        .tables
                        .users
                        .matrix
                        .row(u as usize)
                        .iter()
                        .zip(training.tables.items.matrix.row(i as usize));
                    pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
                };
                sum += negatives.iter().map(|&j| (score(j) - score(i)).exp().ln_1p() / 2.0).sum::<f64>();
            }
            sum
        };
        for (of_users, gradients) in [(true, users), (false, items)] {
            for (row, _, gradient) in gradients.within(0..100) {
                for (c, &found) in gradient.iter().enumerate() {
                    let mut moved = |by: f32| {
                        let table = if of_users {
                            &mut training.tables.users.matrix
                        } else {
                            &mut training.tables.items.matrix
                        };
                        let old = table.row(row)[c];
                        table.row_mut(row)[c] = old + by;
                        let at = f64::from(old + by);
                        let value = objective(&training);
                        let table = if of_users {
                            &mut training.tables.users.matrix
                        } else {
                            &mut training.tables.items.matrix
                        };
                        table.row_mut(row)[c] = old;
                        (value, at)
                    };
                    let (up, down) = (moved(1e-3), moved(-1e-3));
                    let wanted = (up.0 - down.0) / (up.1 - down.1);
                    assert!((f64::from(found) - wanted).abs() < 1e-4, "row {row}: {found} for {wanted}");
                }
            }
        }
    }

    #[test]
    fn a_guest_with_a_known_history_gets_nearly_that_list() {
        for params in variants() {
            let (model, log) = fit(&params);
            for user in [0_u32, 5] {
                let trained = model.users.row(user as usize);
                let guest = model.query(&Query::guest(log.user(user)));
                let order = |vector: &[f32]| {
                    let mut items: Vec<u32> = (0..24).collect();
                    items.sort_by(|&a, &b| {
                        let score = |i: u32| dot(vector, model.items.row(i as usize));
                        score(b).total_cmp(&score(a))
                    });
                    items
                };
                let top: Vec<u32> = order(trained).into_iter().take(10).collect();
                let common = order(&guest).into_iter().take(10).filter(|i| top.contains(i)).count();
                assert!(common >= 7, "{params:?}: {common} of 10 in common");
            }
        }
    }

    #[test]
    fn fold_in_never_raises_the_objective_and_a_dislike_pulls_down() {
        for params in variants() {
            let (model, _) = fit(&params);
            let likes = HistoryBuf::likes(&[0, 2, 4]);
            let mut both = likes.clone();
            both.push(8, Signal::Negative);
            let vector = |history: &HistoryBuf| model.query(&Query::guest(history.as_history()));
            let score = |history: &HistoryBuf| dot(&vector(history), model.items.row(8));
            assert!(score(&both) < score(&likes), "{params:?}");
            let fold = Fold::new(&model, both.as_history());
            let mut gradient = vec![0.0; model.guest.len()];
            assert!(fold.evaluate(&vector(&both), &mut gradient) < fold.evaluate(&model.guest, &mut gradient));
            assert_eq!(vector(&HistoryBuf::default()), model.guest);
        }
    }

    #[test]
    fn threads_and_resumption_do_not_change_a_bit() {
        let (catalogue, log) = checkerboard();
        let data = TrainData { catalogue: &catalogue, log: &log };
        for params in variants() {
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
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let (model, _) = fit(&Mf { item_bias: true, epochs: 1, ..short() });
        assert!(model.users.as_slice().chunks(7).all(|row| row[6] == 1.0));
        let mut writer = ArtifactWriter::new();
        model.save(&mut writer).unwrap();
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        assert_eq!(Mf::load(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap(), model);
    }
}
