//! The ranking part of an evaluation: users in fixed blocks, results in user order, so that the numbers are the same bits at
//! any thread count.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;
use segue_core::ranking::{Ask, Ranking, block_size, rank_list, rank_range_top};
use segue_core::{ItemId, Query, Recommender, Seed, UserId};

use crate::evaluate::{EvalError, Evaluation, Measured, PerUser};
use crate::metrics::{Measure, MetricSpec, Ranks};
use crate::protocol::{Candidates, Protocol};
use crate::question::{Question, rising};

/// What a block of users leaves behind.
struct Block {
    users: Vec<UserId>,
    /// `(n_users, n_specs)`, row-major.
    values: Vec<f64>,
    n_unserved: usize,
    n_unranked: usize,
    n_tied: usize,
    n_candidates: (usize, usize),
}

/// A ranking and how many relevant items it was asked about.
type Ranked = (Ranking, usize);

struct Job<'a> {
    model: &'a dyn Recommender,
    question: &'a Question<'a>,
    protocol: &'a Protocol,
    specs: &'a [MetricSpec],
    depth: usize,
    recommended: Vec<Recommended>,
}

pub(crate) fn rank(
    model: &dyn Recommender,
    question: &Question<'_>,
    protocol: &Protocol,
    specs: &[MetricSpec],
    progress: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Result<Evaluation, EvalError> {
    let users = question.holdout.users();
    if protocol.candidates == Candidates::Given && question.holdout.negatives.is_none() {
        return Err(EvalError::NoNegatives { part: question.part, user: None });
    }
    let depth = specs.iter().filter_map(|spec| spec.cutoff).max().unwrap_or(0);
    let recommended = specs.iter().filter_map(|spec| Recommended::of(spec, question)).collect();
    let job = Job { model, question, protocol, specs, depth, recommended };

    let (done, n_users) = (AtomicUsize::new(0), users.len());
    let blocks: Vec<Result<Block, EvalError>> = users
        .par_chunks(block_size(question.items.len()) * 4)
        .map(|users| {
            let block = job.block(users)?;
            let done = done.fetch_add(users.len(), Ordering::Relaxed) + users.len();
            if progress(done, n_users).is_break() { Err(EvalError::Interrupted) } else { Ok(block) }
        })
        .collect();
    let blocks = blocks.into_iter().collect::<Result<Vec<_>, _>>()?;
    job.gather(&blocks)
}

impl Job<'_> {
    fn block(&self, users: &[UserId]) -> Result<Block, EvalError> {
        let question = self.question;
        let hidden_in = question.log(self.protocol.hide);
        let asked: Vec<(UserId, Vec<ItemId>, Vec<ItemId>)> = users
            .iter()
            .map(|&user| (user, question.relevant(user), question.met(hidden_in, user)))
            .filter(|(_, relevant, _)| !relevant.is_empty())
            .collect();
        let asks: Vec<Ask<'_>> =
            asked.iter().map(|(user, relevant, hidden)| Ask { query: self.query(*user), hidden, relevant }).collect();
        let mut block = Block {
            users: asked.iter().map(|(user, ..)| *user).collect(),
            values: Vec::with_capacity(asked.len() * self.specs.len()),
            n_unserved: 0,
            n_unranked: 0,
            n_tied: 0,
            n_candidates: (usize::MAX, 0),
        };
        if self.protocol.candidates == Candidates::Full {
            let rankings = rank_range_top(self.model, &asks, question.items.clone(), self.depth)?;
            for (ask, ranking) in asks.iter().zip(rankings) {
                let n_hidden = ask.relevant.iter().filter(|item| ask.hidden.binary_search(item).is_ok()).count();
                let list = [(ranking, ask.relevant.len())];
                self.measure(&list, n_hidden, &mut block);
            }
        } else {
            for (&user, ask) in block.users.clone().iter().zip(&asks) {
                let lists = self.lists(user, ask)?;
                let n_unranked = lists.iter().filter(|(ranking, _)| ranking.relevant.is_empty()).count();
                self.measure(&lists, n_unranked, &mut block);
            }
        }
        Ok(block)
    }

    fn query(&self, user: UserId) -> Query<'_> {
        Query { user: Some(user), history: self.question.log(self.protocol.history).user(user) }
    }

    /// One list per positive: that positive among the user's negatives.
    fn lists(&self, user: UserId, ask: &Ask<'_>) -> Result<Vec<Ranked>, EvalError> {
        let (negatives, hidden) = match self.protocol.candidates {
            Candidates::Sampled { n, seed } => (self.sampled(user, n, seed), ask.hidden),
            Candidates::Full | Candidates::Given => (self.given(user)?, &[][..]),
        };
        let mut lists = Vec::with_capacity(ask.relevant.len());
        for positive in ask.relevant.chunks(1) {
            let candidates = rising(negatives.iter().chain(positive).copied().collect());
            let ask = Ask { query: ask.query, hidden, relevant: positive };
            lists.push((rank_list(self.model, &ask, &candidates, 0)?, 1));
        }
        Ok(lists)
    }

    fn given(&self, user: UserId) -> Result<Vec<ItemId>, EvalError> {
        let question = self.question;
        let row = question.holdout.negatives.as_ref().map_or(&[][..], |given| given.cols_of(user as usize));
        let negatives: Vec<ItemId> = row.iter().copied().filter(|item| question.items.contains(item)).collect();
        if negatives.is_empty() {
            let user = question.users.external(user).to_owned();
            return Err(EvalError::NoNegatives { part: question.part, user: Some(user) });
        }
        Ok(negatives)
    }

    /// Up to `n` distinct items of the target that the user met in no part of the data that may be read, uniformly.
    ///
    /// They are drawn as positions in the target, so that a model of the target alone meets the same lists as a joint one.
    fn sampled(&self, user: UserId, n: usize, seed: u64) -> Vec<ItemId> {
        let question = self.question;
        let logs = [question.train, question.known, &question.holdout.events];
        let met = rising(logs.iter().flat_map(|log| question.met(log, user)).collect());
        let mut stream = Seed::new(seed).named("negatives").named(question.users.external(user)).stream();
        let free = question.items.len() - met.len();
        let mut drawn: Vec<ItemId> = Vec::with_capacity(n.min(free));
        if n >= free / 2 {
            // Rejection would be slow: shuffle what there is.
            drawn.extend(question.items.clone().filter(|item| met.binary_search(item).is_err()));
            stream.shuffle(&mut drawn);
            drawn.truncate(n);
        } else {
            while drawn.len() < n {
                let item = question.items.start + stream.below(question.items.len() as u32);
                if met.binary_search(&item).is_err() && !drawn.contains(&item) {
                    drawn.push(item);
                }
            }
        }
        drawn
    }

    /// Adds one user: the mean over their lists.
    fn measure(&self, lists: &[Ranked], n_unranked: usize, block: &mut Block) {
        for spec in self.specs {
            let (Measure::PerUser(of), Some(k)) = (spec.metric.measure, spec.cutoff) else { continue };
            let sum: f64 = lists.iter().map(|(ranking, n)| of(&Ranks::new(ranking, *n), k)).sum();
            block.values.push(sum / lists.len() as f64);
        }
        for recommended in &self.recommended {
            for (ranking, _) in lists {
                recommended.add(ranking);
            }
        }
        let n_relevant: usize = lists.iter().map(|(_, n)| n).sum();
        let tied = lists.iter().any(|(ranking, n)| Ranks::new(ranking, *n).tied_within(self.depth));
        block.n_tied += usize::from(tied);
        block.n_unranked += n_unranked;
        block.n_unserved += usize::from(n_unranked == n_relevant);
        for (ranking, _) in lists {
            let (fewest, most) = block.n_candidates;
            block.n_candidates = (fewest.min(ranking.n_candidates), most.max(ranking.n_candidates));
        }
    }

    fn gather(&self, blocks: &[Block]) -> Result<Evaluation, EvalError> {
        let users: Vec<UserId> = blocks.iter().flat_map(|block| block.users.iter().copied()).collect();
        if users.is_empty() {
            let n_items = self.question.items.len();
            return Err(EvalError::NoUsers { what: "positive", n_items, part: self.question.part });
        }
        let n_columns = self.specs.len() - self.recommended.len();
        let (mut column, mut recommended) = (0, self.recommended.iter());
        let mut metrics = Vec::with_capacity(self.specs.len());
        for &spec in self.specs {
            if matches!(spec.metric.measure, Measure::Coverage) {
                let value = recommended.next().map_or(0.0, Recommended::coverage);
                metrics.push(Measured { spec, value, per_user: PerUser::Whole });
                continue;
            }
            let values: Vec<f64> =
                blocks.iter().flat_map(|b| b.values.iter().skip(column).step_by(n_columns)).copied().collect();
            let value = values.iter().sum::<f64>() / values.len() as f64;
            metrics.push(Measured { spec, value, per_user: PerUser::Mean(values) });
            column += 1;
        }
        let n_tied: usize = blocks.iter().map(|block| block.n_tied).sum();
        Ok(Evaluation {
            protocol: String::new(),
            metrics,
            n_unserved: blocks.iter().map(|block| block.n_unserved).sum(),
            n_unranked: blocks.iter().map(|block| block.n_unranked).sum(),
            tied_users: n_tied as f64 / users.len() as f64,
            n_candidates: blocks
                .iter()
                .map(|block| block.n_candidates)
                .fold((usize::MAX, 0), |all, block| (all.0.min(block.0), all.1.max(block.1))),
            users,
            ratings: None,
        })
    }
}

/// Training items of the target, and which of them anybody was recommended at one cut-off.
struct Recommended {
    k: usize,
    first: ItemId,
    trained: Vec<bool>,
    /// A union of sets does not depend on who comes first, so threads may share it.
    seen: Vec<AtomicBool>,
}

impl Recommended {
    fn of(spec: &MetricSpec, question: &Question<'_>) -> Option<Self> {
        let (Measure::Coverage, Some(k)) = (spec.metric.measure, spec.cutoff) else {
            return None;
        };
        let first = question.items.start;
        let mut trained = vec![false; question.items.len()];
        for user in 0..question.train.n_users() as UserId {
            for item in question.train.user(user).items.iter().filter(|item| question.items.contains(item)) {
                trained[(item - first) as usize] = true;
            }
        }
        let seen = trained.iter().map(|_| AtomicBool::new(false)).collect();
        Some(Self { k, first, trained, seen })
    }

    fn add(&self, ranking: &Ranking) {
        for scored in ranking.top.iter().take(self.k) {
            self.seen[(scored.item - self.first) as usize].store(true, Ordering::Relaxed);
        }
    }

    fn coverage(&self) -> f64 {
        let n_trained = self.trained.iter().filter(|trained| **trained).count();
        let both =
            self.trained.iter().zip(&self.seen).filter(|(trained, seen)| **trained && seen.load(Ordering::Relaxed));
        if n_trained == 0 { 0.0 } else { both.count() as f64 / n_trained as f64 }
    }
}
