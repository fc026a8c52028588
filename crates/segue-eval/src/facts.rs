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
    /// Place of each training item by popularity, from 1; 0 of other items.
    ranks: Vec<u32>,
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
        let mut order: Vec<u32> = (0..users.len() as u32).filter(|&item| users[item as usize] > 0).collect();
        order.sort_by_key(|&item| std::cmp::Reverse(users[item as usize]));
        let mut ranks = vec![0; users.len()];
        for (rank, &item) in (1..).zip(&order) {
            ranks[item as usize] = rank;
        }
        Self {
            items: question.items.clone(),
            features: question.catalogue.and_then(Catalogue::features),
            users,
            ranks,
            n_trained: order.len(),
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

    /// The place of an item by popularity, from 1, ties by item id; after all of them for one that nobody met.
    pub fn popularity_rank(&self, item: ItemId) -> usize {
        match self.ranks[(item - self.items.start) as usize] {
            0 => self.n_trained + 1,
            rank => rank as usize,
        }
    }

    /// Whether each item of the target is a training item.
    pub(crate) fn trained(&self) -> impl Iterator<Item = bool> {
        self.users.iter().map(|&n| n > 0)
    }
}
