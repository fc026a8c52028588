//! A bundle seen through the ids of another preparation of the data.

use segue_core::{
    ArtifactError, ArtifactWriter, Candidates, Catalogue, HistoryBuf, IdMap, Interactions, ItemId, Query, Recommender,
    Scorer, UserId,
};

use crate::bundle::Bundle;

/// The score of an item that the model has never heard of: below any other, yet finite.
const UNKNOWN: f32 = -1e30;

/// Answers in the ids of `users` and `catalogue`. Users the bundle does not know become guests; items it does not know
/// are dropped from histories and rank last.
#[derive(Debug)]
pub struct Translated<'b> {
    bundle: &'b Bundle,
    to_user: Vec<Option<UserId>>,
    to_item: Vec<Option<ItemId>>,
}

impl<'b> Translated<'b> {
    /// Looks every id up once.
    pub fn new(bundle: &'b Bundle, users: &IdMap, catalogue: &Catalogue) -> Self {
        let to_item = (0..catalogue.n_items() as ItemId).map(|item| {
            let domain = bundle.catalogue.find_domain(&catalogue.domains()[catalogue.domain_of(item)].name)?;
            bundle.catalogue.find(domain, catalogue.external(item))
        });
        let to_user = users.iter().map(|id| bundle.users.find(id));
        Self { bundle, to_user: to_user.collect(), to_item: to_item.collect() }
    }

    /// How many users the bundle does not know.
    pub fn n_unknown_users(&self) -> usize {
        self.to_user.iter().filter(|user| user.is_none()).count()
    }

    /// How many held-out events the bundle learnt from: pairs of its training log that are not `known` to the data otherwise.
    pub fn n_learnt(&self, held: &Interactions, known: &Interactions) -> usize {
        let learnt = |event: &segue_core::Event| {
            let (Some(user), Some(item)) = (self.to_user[event.user as usize], self.to_item[event.item as usize])
            else {
                return false;
            };
            self.bundle.log.user(user).items.contains(&item) && !known.user(event.user).items.contains(&event.item)
        };
        held.events().filter(learnt).count()
    }

    /// How many items of a range the bundle does not know.
    pub fn n_unknown_in(&self, range: std::ops::Range<ItemId>) -> usize {
        self.to_item[range.start as usize..range.end as usize].iter().filter(|item| item.is_none()).count()
    }
}

impl Recommender for Translated<'_> {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let histories: Vec<HistoryBuf> = queries
            .iter()
            .map(|query| {
                let mut history = HistoryBuf::default();
                for n in 0..query.history.len() {
                    let event = query.history.event(0, n);
                    if let Some(item) = self.to_item[event.item as usize] {
                        history.push_event(item, event.signal, event.weight, event.value);
                    }
                }
                history
            })
            .collect();
        let known = |user: Option<UserId>| user.and_then(|user| self.to_user[user as usize]);
        let inner: Vec<Query<'_>> = queries
            .iter()
            .zip(&histories)
            .map(|(query, history)| Query { user: known(query.user), history: history.as_history() })
            .collect();
        Box::new(TranslatedScorer { to_item: &self.to_item, inner: self.bundle.model.encode(&inner) })
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        self.bundle.model.save(out)
    }
}

struct TranslatedScorer<'a> {
    to_item: &'a [Option<ItemId>],
    inner: Box<dyn Scorer + 'a>,
}

impl Scorer for TranslatedScorer<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        let mapped: Vec<Option<ItemId>> = items.iter().map(|item| self.to_item[item as usize]).collect();
        let Some(&first) = mapped.first() else { return };
        let contiguous = |start: ItemId| mapped.iter().zip(start..).all(|(item, expected)| *item == Some(expected));
        if let Some(start) = first.filter(|&start| contiguous(start)) {
            return self.inner.score(Candidates::Range(start..start + mapped.len() as ItemId), out);
        }
        let known: Vec<ItemId> = mapped.iter().filter_map(|item| *item).collect();
        let n_queries = out.len() / mapped.len();
        let mut scores = vec![0.0; n_queries * known.len()];
        self.inner.score(Candidates::List(&known), &mut scores);
        for (q, row) in out.chunks_exact_mut(mapped.len()).enumerate() {
            let mut from = scores[q * known.len()..(q + 1) * known.len()].iter();
            for (score, item) in row.iter_mut().zip(&mapped) {
                *score = if item.is_some() { from.next().copied().unwrap_or(UNKNOWN) } else { UNKNOWN };
            }
        }
    }
}
