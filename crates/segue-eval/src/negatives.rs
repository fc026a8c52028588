//! Frozen lists of negatives: drawn once from a hash of seed and user, whatever model is asked.

use segue_core::{ItemId, Seed, UserId};

use crate::protocol::{Candidates, Draw};
use crate::question::{Question, rising};

/// Draws items that a user never met.
pub(crate) struct Negatives<'a> {
    question: &'a Question<'a>,
    /// Training events of the target's items up to each, where items are drawn by them.
    popularity: Option<Vec<u64>>,
}

impl<'a> Negatives<'a> {
    pub(crate) fn new(question: &'a Question<'a>, candidates: Candidates) -> Self {
        let popular = matches!(candidates, Candidates::Sampled { by: Draw::Popularity, .. });
        Self { question, popularity: popular.then(|| events_up_to(question)) }
    }

    /// Up to `n` distinct items of the target that the user met in no part of the data that may be read, and how many such
    /// items there are.
    ///
    /// They are drawn as positions in the target, so that a model of the target alone meets the same lists as a joint one.
    pub(crate) fn draw(&self, user: UserId, n: usize, seed: u64) -> (Vec<ItemId>, usize) {
        let question = self.question;
        let logs = [question.train, question.known, &question.holdout.events];
        let met = rising(logs.iter().flat_map(|log| question.met(log, user)).collect());
        let mut stream = Seed::new(seed).named("negatives").named(question.users.external(user)).stream();
        let free = question.items.clone().filter(|item| met.binary_search(item).is_err());
        let n_free = question.items.len() - met.len();
        let drawn = match &self.popularity {
            None if n >= n_free / 2 => {
                // Rejection would be slow: shuffle what there is.
                let mut drawn: Vec<ItemId> = free.collect();
                stream.shuffle(&mut drawn);
                drawn.truncate(n);
                drawn
            }
            None => self.rejected(n, &met, || stream.below(question.items.len() as u32)),
            Some(up_to) => {
                let events = |position: usize| up_to[position] - if position > 0 { up_to[position - 1] } else { 0 };
                let position = |item: ItemId| (item - question.items.start) as usize;
                let total = up_to.last().copied().unwrap_or(0);
                let free: Vec<ItemId> = free.filter(|&item| events(position(item)) > 0).collect();
                let of_free: u64 = free.iter().map(|&item| events(position(item))).sum();
                if n >= free.len() / 2 || of_free < total / 2 {
                    // The same draw without rejections (Efraimidis and Spirakis, *Weighted random sampling with a reservoir*,
                    // Information Processing Letters 2006).
                    let mut keyed: Vec<(f64, ItemId)> = free
                        .into_iter()
                        .map(|item| (-(1.0 - stream.unit()).ln() / events(position(item)) as f64, item))
                        .collect();
                    keyed.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                    keyed.into_iter().take(n).map(|(_, item)| item).collect()
                } else {
                    self.rejected(n, &met, || {
                        let event = (stream.unit() * total as f64) as u64;
                        up_to.partition_point(|&up_to| up_to <= event.min(total - 1)) as u32
                    })
                }
            }
        };
        (drawn, n_free)
    }

    /// Draws positions until there are `n` distinct items that were not met.
    fn rejected(&self, n: usize, met: &[ItemId], mut position: impl FnMut() -> u32) -> Vec<ItemId> {
        let mut drawn: Vec<ItemId> = Vec::with_capacity(n);
        while drawn.len() < n {
            let item = self.question.items.start + position();
            if met.binary_search(&item).is_err() && !drawn.contains(&item) {
                drawn.push(item);
            }
        }
        drawn
    }
}

/// Training events of the target's items up to each.
fn events_up_to(question: &Question<'_>) -> Vec<u64> {
    let mut counts = vec![0_u64; question.items.len()];
    for event in question.train.events().filter(|event| question.items.contains(&event.item)) {
        counts[(event.item - question.items.start) as usize] += 1;
    }
    let add = |sum: &mut u64, &n: &u64| {
        *sum += n;
        Some(*sum)
    };
    counts.iter().scan(0, add).collect()
}
