//! The ranking part of an evaluation: users in fixed blocks, results in user order, so that the numbers are the same bits at
//! any thread count.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::prelude::*;
use segue_core::ranking::{Ask, Ranking, block_size, rank_list, rank_range, rank_range_top};
use segue_core::{ItemId, Query, Recommender, Seed, UserId};

use crate::evaluate::{EvalError, Evaluation, Measured, PerUser};
use crate::facts::ItemFacts;
use crate::metrics::{List, Measure, MetricSpec, Ranks};
use crate::protocol::{Candidates, Protocol};
use crate::question::{Question, rising};

/// What a block of users leaves behind.
struct Block {
    users: Vec<UserId>,
    /// `(n_users, n_columns)`, row-major: two columns of a weighted metric, none of one that belongs to all.
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
    /// Where some metric looks at what is shown.
    facts: Option<ItemFacts<'a>>,
    shown: Vec<Shown>,
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
    let facts = specs.iter().any(|spec| spec.metric.needs_full_ranking()).then(|| ItemFacts::of(question));
    let shown = specs.iter().filter_map(|spec| Shown::of(spec, question)).collect();
    let job = Job { model, question, protocol, specs, depth, facts, shown };

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
            values: Vec::with_capacity(asked.len() * self.n_columns()),
            n_unserved: 0,
            n_unranked: 0,
            n_tied: 0,
            n_candidates: (usize::MAX, 0),
        };
        if self.protocol.candidates == Candidates::Full {
            let uncut = self.specs.iter().any(|spec| matches!(spec.metric.measure, Measure::Uncut { .. }));
            let rank = if uncut { rank_range } else { rank_range_top };
            let rankings = rank(self.model, &asks, question.items.clone(), self.depth)?;
            for (ask, ranking) in asks.iter().zip(rankings) {
                let n_hidden = ask.relevant.iter().filter(|item| ask.hidden.binary_search(item).is_ok()).count();
                let list = [(ranking, ask.relevant.len())];
                self.measure(&list, (ask.relevant, n_hidden), &mut block);
            }
        } else {
            for (&user, ask) in block.users.clone().iter().zip(&asks) {
                let lists = self.lists(user, ask)?;
                let n_unranked = lists.iter().filter(|(ranking, _)| ranking.relevant.is_empty()).count();
                self.measure(&lists, (ask.relevant, n_unranked), &mut block);
            }
        }
        Ok(block)
    }

    fn n_columns(&self) -> usize {
        self.specs.iter().map(|&spec| columns_of(spec)).sum()
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
    fn measure(&self, lists: &[Ranked], (relevant, n_unranked): (&[ItemId], usize), block: &mut Block) {
        let items: Vec<ItemId> = match lists {
            [(ranking, _)] if self.facts.is_some() => ranking.top.iter().map(|scored| scored.item).collect(),
            _ => Vec::new(),
        };
        let mean = |of: &dyn Fn(&Ranks<'_>) -> f64| {
            lists.iter().map(|(ranking, n)| of(&Ranks::new(ranking, *n))).sum::<f64>() / lists.len() as f64
        };
        for spec in self.specs {
            match (spec.metric.measure, spec.cutoff, &self.facts) {
                (Measure::PerUser(of), Some(k), _) => block.values.push(mean(&|ranks| of(ranks, k))),
                (Measure::Uncut { of, weight }, ..) => {
                    // The lists of a user are as many as their relevant items, or one with all of them.
                    let weight = mean(&weight) * lists.len() as f64;
                    block.values.extend([mean(&of) * weight, weight]);
                }
                (Measure::OfList(of), Some(k), Some(facts)) => {
                    let items = &items[..k.min(items.len())];
                    block.values.push(of(&List { items, k, relevant, facts }));
                }
                _ => {}
            }
        }
        self.shown.iter().for_each(|shown| shown.add(&items));
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
        let n_columns = self.n_columns();
        let column = |n: usize| -> Vec<f64> {
            blocks.iter().flat_map(|block| block.values.iter().skip(n).step_by(n_columns)).copied().collect()
        };
        let (mut next, mut shown) = (0, self.shown.iter());
        let mut metrics = Vec::with_capacity(self.specs.len());
        for &spec in self.specs {
            let (value, per_user) = match spec.metric.measure {
                Measure::OfAll(of) => {
                    let counts = shown.next().zip(self.facts.as_ref()).map(|(shown, facts)| shown.of_trained(facts));
                    (of(&counts.unwrap_or_default()), PerUser::Whole)
                }
                Measure::Uncut { .. } => {
                    let (sums, weights) = (column(next), column(next + 1));
                    (sums.iter().sum::<f64>() / weights.iter().sum::<f64>(), PerUser::Weighted { sums, weights })
                }
                _ => {
                    let values = column(next);
                    (values.iter().sum::<f64>() / values.len() as f64, PerUser::Mean(values))
                }
            };
            next += columns_of(spec);
            metrics.push(Measured { spec, value, per_user });
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

/// Columns that a metric has in a block.
fn columns_of(spec: MetricSpec) -> usize {
    match spec.metric.measure {
        Measure::OfAll(_) => 0,
        Measure::Uncut { .. } => 2,
        _ => 1,
    }
}

/// How often each item of the target is in somebody's first k.
struct Shown {
    k: usize,
    first: ItemId,
    /// A sum does not depend on who comes first, so threads may share it.
    counts: Vec<AtomicU64>,
}

impl Shown {
    fn of(spec: &MetricSpec, question: &Question<'_>) -> Option<Self> {
        let (Measure::OfAll(_), Some(k)) = (spec.metric.measure, spec.cutoff) else { return None };
        let counts = question.items.clone().map(|_| AtomicU64::new(0)).collect();
        Some(Self { k, first: question.items.start, counts })
    }

    fn add(&self, items: &[ItemId]) {
        for item in items.iter().take(self.k) {
            self.counts[(item - self.first) as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts of the training items.
    fn of_trained(&self, facts: &ItemFacts<'_>) -> Vec<u64> {
        let counts = self.counts.iter().zip(facts.trained()).filter(|(_, trained)| *trained);
        counts.map(|(count, _)| count.load(Ordering::Relaxed)).collect()
    }
}
