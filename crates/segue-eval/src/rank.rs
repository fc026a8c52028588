//! The ranking part of an evaluation: users in fixed blocks, results in user order, so that the numbers are the same bits at
//! any thread count.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::prelude::*;
use segue_core::ranking::{Ask, Ranking, block_size, rank_list, rank_range, rank_range_top};
use segue_core::{ItemId, Query, Recommender, UserId};

use crate::corrected::Place;
use crate::evaluate::{EvalError, Evaluation, Measured, PerUser};
use crate::facts::ItemFacts;
use crate::metrics::{Exposure, Grades, Judged, List, Measure, MetricSpec, Ranks};
use crate::negatives::Negatives;
use crate::protocol::{Candidates, Draw, Protocol};
use crate::question::{Question, rising};
use crate::ties::{Ties, docid, in_order, taken_apart};

/// What a block of users leaves behind.
struct Block {
    users: Vec<UserId>,
    /// `(n_users, n_columns)`, row-major: two columns of a weighted metric, none of one that belongs to all.
    values: Vec<f64>,
    n_unserved: usize,
    n_unranked: usize,
    n_tied: usize,
    n_candidates: (usize, usize),
    /// Of each user whose one relevant item stands among uniformly drawn negatives.
    places: Vec<Place>,
    /// Of all users' candidates, where some metric takes them as one list.
    judged: Vec<Judged>,
}

/// A ranking, and the grades of the relevant items that it was asked about: in the order found, and all.
struct Ranked {
    ranking: Ranking,
    found: Vec<f32>,
    all: Vec<f32>,
    n_relevant: usize,
}

/// One user's question.
struct Asked {
    user: UserId,
    relevant: Vec<ItemId>,
    hidden: Vec<ItemId>,
    /// Of the relevant items, where anybody wants to know.
    grades: Vec<f32>,
}

struct Job<'a> {
    model: &'a dyn Recommender,
    question: &'a Question<'a>,
    /// The candidates of each user, rising, where they are not all that is not hidden.
    retrieved: Option<&'a [Vec<ItemId>]>,
    protocol: &'a Protocol,
    specs: &'a [MetricSpec],
    depth: usize,
    /// Where some metric looks at what is shown.
    facts: Option<ItemFacts<'a>>,
    shown: Vec<Shown>,
    ties: Ties,
    /// Whether the values of relevant items matter.
    graded: bool,
    /// The order of equal scores, by position in the target, where that is by external id.
    names: Option<Vec<u32>>,
    /// Where negatives are drawn.
    negatives: Negatives<'a>,
}

/// `retrieved` takes the place of full candidates: whatever else is relevant is missed.
pub(crate) fn rank(
    model: &dyn Recommender,
    (question, retrieved): (&Question<'_>, Option<&[Vec<ItemId>]>),
    protocol: &Protocol,
    specs: &[MetricSpec],
    progress: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Result<(Evaluation, Vec<Place>), EvalError> {
    let users = question.holdout.users();
    if protocol.candidates == Candidates::Given && question.holdout.negatives.is_none() {
        return Err(EvalError::NoNegatives { part: question.part, user: None });
    }
    let depth = specs.iter().filter_map(|spec| spec.cutoff).max().unwrap_or(0);
    let facts = specs.iter().any(|spec| spec.metric.needs_full_ranking()).then(|| ItemFacts::of(question));
    let shown = specs.iter().filter_map(|spec| Shown::of(spec, question)).collect();
    let ties = protocol.ties();
    let graded = specs.iter().any(|spec| spec.metric.is_graded());
    let names = if ties == Ties::Docid { Some(order_of_names(question)?) } else { None };
    let negatives = Negatives::new(question, protocol.candidates);
    let job = Job { model, question, retrieved, protocol, specs, depth, facts, shown, ties, graded, names, negatives };

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
        let asked: Vec<Asked> = users
            .iter()
            .map(|&user| {
                let relevant = question.relevant(user);
                let grades = if self.graded { question.grades(user, &relevant) } else { Vec::new() };
                Asked { user, hidden: question.met(hidden_in, user), relevant, grades }
            })
            .filter(|asked| !asked.relevant.is_empty())
            .collect();
        let asks: Vec<Ask<'_>> = asked
            .iter()
            .map(|Asked { user, relevant, hidden, .. }| Ask { query: self.query(*user), hidden, relevant })
            .collect();
        let mut block = Block {
            users: asked.iter().map(|asked| asked.user).collect(),
            values: Vec::with_capacity(asked.len() * self.n_columns()),
            n_unserved: 0,
            n_unranked: 0,
            n_tied: 0,
            n_candidates: (usize::MAX, 0),
            places: Vec::new(),
            judged: Vec::new(),
        };
        if self.protocol.candidates == Candidates::Full {
            for (asked, ranking) in asked.iter().zip(self.rankings(&asks)?) {
                let missing = |item: &&ItemId| match self.retrieved_by(asked.user) {
                    Some(list) => list.binary_search(item).is_err(),
                    None => asked.hidden.binary_search(item).is_ok(),
                };
                let n_unranked = asked.relevant.iter().filter(missing).count();
                let list = self.ranked(ranking, (&asked.relevant, &asked.grades));
                self.measure(&[list], (&asked.relevant, n_unranked), &mut block);
            }
        } else {
            for (asked, ask) in asked.iter().zip(&asks) {
                let (negatives, n_others) = self.negatives_of(asked.user)?;
                let lists = self.lists(asked, ask, &negatives)?;
                if let ([list], Candidates::Sampled { by: Draw::Uniform, .. }) = (&lists[..], self.protocol.candidates)
                {
                    let Ranking { n_candidates, ref relevant, .. } = list.ranking;
                    block.places.push(Place { block: relevant.first().copied(), n_candidates, n_others });
                }
                let n_unranked = lists.iter().filter(|list| list.ranking.relevant.is_empty()).count();
                self.measure(&lists, (&asked.relevant, n_unranked), &mut block);
                if self.specs.iter().any(|spec| spec.metric.needs_lists()) {
                    self.judge(asked, ask, &negatives, &mut block.judged);
                }
            }
        }
        Ok(block)
    }

    /// The candidates of a user where not all are.
    fn retrieved_by(&self, user: UserId) -> Option<&[ItemId]> {
        self.retrieved.map(|lists| lists.get(user as usize).map_or(&[][..], Vec::as_slice))
    }

    /// Ranks all of the target's items, or those retrieved.
    fn rankings(&self, asks: &[Ask<'_>]) -> Result<Vec<Ranking>, EvalError> {
        let items = &self.question.items;
        let ordered = matches!(self.ties, Ties::Index | Ties::Docid);
        if self.retrieved.is_some() {
            let ranking = |ask: &Ask<'_>| {
                let list = ask.query.user.and_then(|user| self.retrieved_by(user)).unwrap_or_default();
                if ordered {
                    self.in_order(ask, list, self.depth)
                } else {
                    Ok(rank_list(self.model, ask, list, self.depth)?)
                }
            };
            return asks.iter().map(ranking).collect();
        }
        if ordered {
            let all: Vec<ItemId> = items.clone().collect();
            return asks.iter().map(|ask| self.in_order(ask, &all, self.depth)).collect();
        }
        let uncut = self.specs.iter().any(|spec| matches!(spec.metric.measure, Measure::Uncut { .. }));
        let rank = if uncut { rank_range } else { rank_range_top };
        Ok(rank(self.model, asks, items.clone(), self.depth)?)
    }

    /// Ranks a list of candidates for which equal scores have an order.
    fn in_order(&self, ask: &Ask<'_>, candidates: &[ItemId], k: usize) -> Result<Ranking, EvalError> {
        // All of them, best first.
        let scored = rank_list(self.model, ask, candidates, candidates.len())?.top;
        let position = |item: ItemId| (item - self.question.items.start) as usize;
        let key = |item: ItemId| self.names.as_ref().map_or(item, |names| names[position(item)]);
        Ok(in_order(scored, key, ask.relevant, k))
    }

    fn ranked(&self, mut ranking: Ranking, (relevant, grades): (&[ItemId], &[f32])) -> Ranked {
        let grade = |item: ItemId| relevant.binary_search(&item).ok().and_then(|at| grades.get(at).copied());
        taken_apart(&mut ranking, self.ties, |item| grade(item).unwrap_or(1.0));
        let found = ranking.found.iter().filter_map(|&item| grade(item)).collect();
        Ranked { ranking, found, all: grades.to_vec(), n_relevant: relevant.len() }
    }

    fn n_columns(&self) -> usize {
        self.specs.iter().map(|&spec| columns_of(spec)).sum()
    }

    fn query(&self, user: UserId) -> Query<'_> {
        Query { user: Some(user), history: self.question.log(self.protocol.history).user(user) }
    }

    /// The negatives of a user, and how many items they were taken from.
    fn negatives_of(&self, user: UserId) -> Result<(Vec<ItemId>, usize), EvalError> {
        Ok(match self.protocol.candidates {
            Candidates::Sampled { n, seed, .. } => self.negatives.draw(user, n, seed),
            Candidates::Full | Candidates::Given => {
                let given = self.given(user)?;
                let n = given.len();
                (given, n)
            }
        })
    }

    /// What is hidden from lists: nothing of given ones.
    fn hidden_in_lists<'a>(&self, ask: &Ask<'a>) -> &'a [ItemId] {
        if self.protocol.candidates == Candidates::Given { &[] } else { ask.hidden }
    }

    /// One list per positive: that positive among the user's negatives.
    fn lists(&self, asked: &Asked, ask: &Ask<'_>, negatives: &[ItemId]) -> Result<Vec<Ranked>, EvalError> {
        let hidden = self.hidden_in_lists(ask);
        let mut lists = Vec::with_capacity(asked.relevant.len());
        for (n, positive) in asked.relevant.chunks(1).enumerate() {
            let candidates = rising(negatives.iter().chain(positive).copied().collect());
            let ask = Ask { query: ask.query, hidden, relevant: positive };
            let ranking = match self.ties {
                Ties::Index | Ties::Docid => self.in_order(&ask, &candidates, 0)?,
                Ties::Expected | Ties::Best | Ties::Worst => rank_list(self.model, &ask, &candidates, 0)?,
            };
            lists.push(self.ranked(ranking, (positive, asked.grades.get(n..=n).unwrap_or_default())));
        }
        Ok(lists)
    }

    /// Scores a user's candidates once more; all were in lists, so that none is beyond numbers. Each given one counts once, and each
    /// drawn one for every positive: other programs draw as many for each of them.
    fn judge(&self, asked: &Asked, ask: &Ask<'_>, negatives: &[ItemId], judged: &mut Vec<Judged>) {
        let hidden = self.hidden_in_lists(ask);
        let mut items = rising(negatives.iter().chain(&asked.relevant).copied().collect());
        items.retain(|item| hidden.binary_search(item).is_err());
        let mut scores = vec![0.0; items.len()];
        self.model.encode(&[ask.query]).score(segue_core::Candidates::List(&items), &mut scores);
        let times = if self.protocol.candidates == Candidates::Given { 1 } else { asked.relevant.len() };
        for (item, score) in items.iter().zip(scores) {
            let relevant = asked.relevant.binary_search(item).is_ok();
            let times = if relevant { 1 } else { times };
            judged.extend(std::iter::repeat_n(Judged { score, relevant }, times));
        }
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

    /// Adds one user: the mean over their lists.
    fn measure(&self, lists: &[Ranked], (relevant, n_unranked): (&[ItemId], usize), block: &mut Block) {
        let items: Vec<ItemId> = match lists {
            [list] if self.facts.is_some() => list.ranking.top.iter().map(|scored| scored.item).collect(),
            _ => Vec::new(),
        };
        let n_items = self.question.items.len();
        let mean = |of: &dyn Fn(&Ranks<'_>) -> f64| {
            lists.iter().map(|list| of(&list.ranks(n_items))).sum::<f64>() / lists.len() as f64
        };
        for spec in self.specs {
            match (spec.metric.measure, spec.cutoff, &self.facts) {
                (Measure::PerUser(of), Some(k), _) => block.values.push(mean(&|ranks| of(ranks, k))),
                (Measure::Uncut { of, weight }, ..) => {
                    // The lists of a user are as many as their relevant items, or one with all of them.
                    let weight = mean(&weight) * lists.len() as f64;
                    block.values.extend([mean(&of) * weight, weight]);
                }
                (Measure::Pooled { of, over }, Some(k), _) => {
                    let n = lists.len() as f64;
                    block.values.extend([mean(&|ranks| of(ranks, k)) * n, mean(&|ranks| over(ranks, k)) * n]);
                }
                (Measure::OfMeans { parts, .. }, Some(k), _) => {
                    block.values.extend(parts.map(|part| mean(&|ranks| part(ranks, k))));
                }
                (Measure::OfList(of), Some(k), Some(facts)) => {
                    let items = &items[..k.min(items.len())];
                    block.values.push(of(&List { items, relevant, facts }));
                }
                _ => {}
            }
        }
        self.shown.iter().for_each(|shown| shown.add(&items));
        let n_relevant: usize = lists.iter().map(|list| list.n_relevant).sum();
        let tied = lists.iter().any(|list| list.ranks(n_items).tied_within(self.depth));
        block.n_tied += usize::from(tied);
        block.n_unranked += n_unranked;
        block.n_unserved += usize::from(n_unranked == n_relevant);
        for Ranked { ranking, .. } in lists {
            let (fewest, most) = block.n_candidates;
            block.n_candidates = (fewest.min(ranking.n_candidates), most.max(ranking.n_candidates));
        }
    }

    /// The evaluation; and everybody's place, where everybody has one.
    fn gather(&self, blocks: &[Block]) -> Result<(Evaluation, Vec<Place>), EvalError> {
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
                    let counts = shown.next().zip(self.facts.as_ref()).map(|(shown, facts)| shown.exposure(facts));
                    (of(&counts.unwrap_or_default()), PerUser::Whole)
                }
                Measure::OfScores(of) => {
                    (of(blocks.iter().flat_map(|block| &block.judged).copied().collect()), PerUser::Whole)
                }
                Measure::OfMeans { .. } => {
                    let parts = [column(next), column(next + 1)];
                    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
                    (of_means(spec, mean(&parts[0]), mean(&parts[1])), PerUser::OfMeans(parts))
                }
                Measure::Uncut { .. } | Measure::Pooled { .. } => {
                    let (sums, weights) = (column(next), column(next + 1));
                    (sums.iter().sum::<f64>() / weights.iter().sum::<f64>(), PerUser::Weighted { sums, weights })
                }
                _ => {
                    let values = column(next);
                    // Plus zero: -0 is no value anybody wants to read.
                    (values.iter().sum::<f64>() / values.len() as f64 + 0.0, PerUser::Mean(values))
                }
            };
            next += columns_of(spec);
            metrics.push(Measured { spec, value, per_user });
        }
        let mut places: Vec<Place> = blocks.iter().flat_map(|block| block.places.iter().copied()).collect();
        if places.len() < users.len() {
            places.clear();
        }
        let n_tied: usize = blocks.iter().map(|block| block.n_tied).sum();
        let evaluation = Evaluation {
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
            corrected: Vec::new(),
            uncorrected: None,
        };
        Ok((evaluation, places))
    }
}

impl Ranked {
    fn ranks(&self, n_items: usize) -> Ranks<'_> {
        let grades = Grades { found: &self.found, all: &self.all };
        Ranks { n_items, grades, ..Ranks::new(&self.ranking, self.n_relevant) }
    }
}

/// A metric of the means of two values.
pub(crate) fn of_means(spec: MetricSpec, first: f64, second: f64) -> f64 {
    match spec.metric.measure {
        Measure::OfMeans { of, .. } => of(first, second),
        _ => f64::NAN,
    }
}

/// The place of each item of the target where equal scores stand by external id.
fn order_of_names(question: &Question<'_>) -> Result<Vec<u32>, EvalError> {
    let catalogue = question.catalogue.ok_or(EvalError::NoNames)?;
    let mut items: Vec<ItemId> = question.items.clone().collect();
    items.sort_by_key(|&item| docid(catalogue.external(item)));
    let mut places = vec![0; items.len()];
    for (place, item) in (0..).zip(items) {
        places[(item - question.items.start) as usize] = place;
    }
    Ok(places)
}

/// Columns that a metric has in a block.
fn columns_of(spec: MetricSpec) -> usize {
    match spec.metric.measure {
        Measure::OfAll(_) | Measure::OfScores(_) => 0,
        Measure::Uncut { .. } | Measure::Pooled { .. } | Measure::OfMeans { .. } => 2,
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

    fn exposure(&self, facts: &ItemFacts<'_>) -> Exposure {
        let all: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let trained = all.iter().zip(facts.trained()).filter(|(_, trained)| *trained).map(|(&count, _)| count);
        Exposure { trained: trained.collect(), all }
    }
}
