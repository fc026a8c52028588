//! What is asked: whose held-out items, among which, knowing what.

use std::fmt;
use std::ops::Range;

use segue_core::{Catalogue, Holdout, IdMap, Interactions, ItemId, Output, Prepared, Signal, Task, UserId};

use crate::evaluate::EvalError;
use crate::protocol::Seen;

/// Which part of a split is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// For choosing.
    Validation,
    /// For reporting, once.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Validation => "validation",
            Self::Test => "test",
        })
    }
}

/// What is asked: predict these users' held-out items among those of one domain.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Dense ids of the target's items.
    pub items: Range<ItemId>,
    /// External ids of the users; sampled negatives follow them.
    pub users: &'a IdMap,
    /// Training events; coverage counts the target's items among them.
    pub train: &'a Interactions,
    /// Everything that precedes the question: `train` for validation, train and validation for test.
    pub known: &'a Interactions,
    /// The answers.
    pub holdout: &'a Holdout,
    /// Validation or test.
    pub part: Part,
    /// What a score of the model asked means; error metrics are refused for [`Output::Ranking`].
    pub output: Output,
    /// How the split was made, in one line.
    pub split: &'a str,
    /// What the items are called and made of, for metrics of diversity and orders by external id.
    pub catalogue: Option<&'a Catalogue>,
}

impl<'a> Question<'a> {
    /// The validation question of a task, for a ranking model (set `output` for a rating model).
    pub fn valid(prepared: &'a Prepared, task: &'a Task) -> Self {
        Self {
            items: prepared.catalogue.range(task.target),
            users: &prepared.users,
            train: &prepared.split.train,
            known: &prepared.split.train,
            holdout: &task.valid,
            part: Part::Validation,
            output: Output::Ranking,
            split: &prepared.split.protocol,
            catalogue: Some(&prepared.catalogue),
        }
    }

    /// The test question of a task whose seal `opened` comes from; `known` is [`Prepared::train_and_valid`].
    pub fn test(prepared: &'a Prepared, task: &'a Task, opened: &'a Holdout, known: &'a Interactions) -> Self {
        Self { known, holdout: opened, part: Part::Test, ..Self::valid(prepared, task) }
    }

    /// The log that a protocol's choice means here.
    pub(crate) fn log(&self, seen: Seen) -> &'a Interactions {
        match seen {
            Seen::Train => self.train,
            Seen::TrainAndValid => self.known,
        }
    }

    /// Held-out positives of a user in the target, each once, rising.
    pub(crate) fn relevant(&self, user: UserId) -> Vec<ItemId> {
        let likes = self.holdout.events.user(user).likes().map(|(item, _)| item);
        rising(likes.filter(|item| self.items.contains(item)).collect())
    }

    /// The value of each of a user's relevant items; of several the highest.
    pub(crate) fn grades(&self, user: UserId, relevant: &[ItemId]) -> Vec<f32> {
        let mut grades = vec![f32::NEG_INFINITY; relevant.len()];
        let history = self.holdout.events.user(user);
        for event in (0..history.len()).map(|n| history.event(user, n)) {
            if let (true, Ok(at)) = (event.signal == Signal::Positive, relevant.binary_search(&event.item)) {
                grades[at] = grades[at].max(event.value);
            }
        }
        grades
    }

    /// Items of the target that the user met in `log`, each once, rising.
    pub(crate) fn met(&self, log: &Interactions, user: UserId) -> Vec<ItemId> {
        let met = log.user(user).items.iter().copied().filter(|item| self.items.contains(item));
        let n_words = self.items.len().div_ceil(64);
        if n_words > 2 * log.user(user).len() {
            return rising(met.collect());
        }
        // A bit for each item orders them, several times as fast as comparing.
        let mut words = vec![0_u64; n_words];
        for item in met.map(|item| item - self.items.start) {
            words[item as usize / 64] |= 1 << (item % 64);
        }
        let mut items = Vec::with_capacity(log.user(user).len());
        for (n, mut word) in (0_u32..).zip(words) {
            while word != 0 {
                items.push(self.items.start + n * 64 + word.trailing_zeros());
                word &= word - 1;
            }
        }
        items
    }

    pub(crate) fn check(&self) -> Result<(), EvalError> {
        let n_users = self.users.len();
        for (what, log) in [("train", self.train), ("known", self.known), ("holdout", &self.holdout.events)] {
            if log.n_users() != n_users || (self.items.end as usize) > log.n_items() {
                return Err(EvalError::Shape {
                    what,
                    n_users: log.n_users(),
                    n_items: log.n_items(),
                    expected: n_users,
                });
            }
        }
        match &self.holdout.negatives {
            Some(given) if given.n_rows() != n_users => Err(EvalError::Shape {
                what: "negatives",
                n_users: given.n_rows(),
                n_items: given.n_cols(),
                expected: n_users,
            }),
            _ => Ok(()),
        }
    }
}

/// Sorted, each once.
pub(crate) fn rising(mut items: Vec<ItemId>) -> Vec<ItemId> {
    items.sort_unstable();
    items.dedup();
    items
}
