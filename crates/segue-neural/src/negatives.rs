//! The items beside which a like is seen.

use segue_core::training::sampler::{Absent, Positives};
use segue_core::{ItemId, Stream, UserId};
use serde::{Deserialize, Serialize};

/// How the items are drawn beside which a like is seen; always among those of its domain that the user does not like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NegativeSampling {
    /// Each as likely as another.
    #[default]
    Uniform,
    /// As often as it is liked.
    Popularity,
    /// The best scored of several uniform draws.
    #[serde(alias = "dynamic")]
    Hard,
}

impl NegativeSampling {
    /// One item beside a like, of the `others` that the user does not like. Who likes all of a domain gets the own item again,
    /// which hardly moves by it.
    pub(crate) fn draw(
        self,
        positives: &Positives,
        (user, item): (UserId, ItemId),
        others: &Absent<'_>,
        stream: &mut Stream,
    ) -> ItemId {
        match self {
            _ if others.is_empty() => item,
            Self::Popularity => positives.popular(user, item, stream),
            Self::Uniform | Self::Hard => others.draw(stream),
        }
    }
}

/// Of each `candidates` drawn items the best scored, the first of equals.
pub(crate) fn best_of(scores: &[f32], drawn: &[ItemId], candidates: usize) -> Vec<ItemId> {
    let best = |(scores, items): (&[f32], &[ItemId])| {
        let (mut best, mut at) = (f32::NEG_INFINITY, 0);
        for (n, &score) in scores.iter().enumerate() {
            if score > best {
                (best, at) = (score, n);
            }
        }
        items[at]
    };
    scores.chunks_exact(candidates).zip(drawn.chunks_exact(candidates)).map(best).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_each_few_is_kept() {
        let scores = [0.0, 2.0, 1.0, 3.0, 3.0, f32::NAN];
        assert_eq!(best_of(&scores, &[10, 11, 12, 13, 14, 15], 3), [11, 13]);
    }
}
