//! What a user liked beside a like: what a model may read when it learns the like.

use segue_core::{Interactions, ItemId, Seed, UserId};

use crate::sequences::{Sequences, last};

/// All likes of everybody in order.
#[derive(Debug)]
pub(crate) struct Beside {
    sequences: Sequences,
    /// Whether the order is that of times.
    timed: bool,
    most: usize,
}

impl Beside {
    /// Of a log, `most` likes at once.
    pub(crate) fn of(log: &Interactions, most: usize) -> Self {
        Self { sequences: Sequences::of(log, usize::MAX), timed: log.has_times(), most }
    }

    /// What a user liked before an item where the log has times, and any of the others where it has none.
    pub(crate) fn likes(&self, user: UserId, item: ItemId, draws: Seed) -> Vec<ItemId> {
        let all = self.sequences.user(user);
        let others = |all: &[ItemId]| -> Vec<ItemId> { all.iter().copied().filter(|&other| other != item).collect() };
        if self.timed {
            let end = all.iter().rposition(|&other| other == item).unwrap_or(all.len());
            return last(&others(&all[..end]), self.most).to_vec();
        }
        let mut some = others(all);
        if some.len() > self.most {
            draws.stream().shuffle(&mut some);
            some.truncate(self.most);
        }
        some
    }

    /// What is known of everybody in the end.
    pub(crate) fn last(&self) -> Sequences {
        self.sequences.shortened(self.most)
    }
}

/// The share of likes at which training takes nothing as known, so that there is an answer for somebody new.
const NOBODY: f64 = 1.0 / 32.0;

/// What is known of a user at a like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: somebody new.
    Nothing,
    History,
    /// Who it is, too.
    All,
}

impl Known {
    /// A draw: `id_dropout` is the share of likes without the user's own vector, so that histories learn to answer alone (Maksims
    /// Volkovs, Guangwei Yu, Tomi Poutanen: *`DropoutNet`: Addressing Cold Start in Recommender Systems*, NIPS 2017).
    pub(crate) fn draw(draws: Seed, id_dropout: f64) -> Self {
        match draws.unit() {
            drawn if drawn < NOBODY => Self::Nothing,
            drawn if drawn < NOBODY + id_dropout => Self::History,
            _ => Self::All,
        }
    }
}
