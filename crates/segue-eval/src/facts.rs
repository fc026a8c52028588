//! What is known of the target's items before anything is recommended: who met them, what they are.

use std::ops::Range;

use segue_core::{Catalogue, Features, ItemId, UserId};

use crate::question::Question;

/// Popularity and categories of the target's items.
#[derive(Debug)]
pub struct ItemFacts<'a> {
    items: Range<ItemId>,
    features: Option<&'a Features>,
    /// Distinct training users of each item.
    users: Vec<u32>,
    /// Number of users that items of rank 1, 2, ... by popularity have: distinct, falling.
    counts: Vec<u32>,
    /// Number of training items.
    pub n_trained: usize,
    /// Users with a training event in the target.
    pub n_users: usize,
}

impl<'a> ItemFacts<'a> {
    pub(crate) fn of(question: &Question<'a>) -> Self {
        let (mut users, mut n_users) = (vec![0; question.items.len()], 0);
        for user in 0..question.train.n_users() as UserId {
            let met = question.met(question.train, user);
            n_users += usize::from(!met.is_empty());
            for item in met {
                users[(item - question.items.start) as usize] += 1;
            }
        }
        let mut counts: Vec<u32> = users.iter().copied().filter(|&n| n > 0).collect();
        let n_trained = counts.len();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.dedup();
        Self {
            items: question.items.clone(),
            features: question.catalogue.and_then(Catalogue::features),
            users,
            counts,
            n_trained,
            n_users,
        }
    }

    /// Training users who met an item.
    pub fn users_of(&self, item: ItemId) -> u32 {
        self.users[(item - self.items.start) as usize]
    }

    /// The categories of an item as places in the vocabulary, rising.
    pub fn categories_of(&self, item: ItemId) -> &'a [u32] {
        self.features.map_or(&[], |features| features.of(item))
    }

    /// The rank of an item by popularity, from 1; items that equally many users met share one, and the next has the next number
    /// (a dense ranking). One that nobody met ranks below as many items as were trained on.
    pub fn popularity_rank(&self, item: ItemId) -> usize {
        match self.users_of(item) {
            0 => self.n_trained + 1,
            n => self.counts.partition_point(|&count| count > n) + 1,
        }
    }

    /// Whether each item of the target is a training item.
    pub(crate) fn trained(&self) -> impl Iterator<Item = bool> {
        self.users.iter().map(|&n| n > 0)
    }
}
