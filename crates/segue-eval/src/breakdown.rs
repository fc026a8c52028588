//! For whom, and for what, a model is good: the same measures on parts of the question.

use segue_core::{Event, Holdout, Interactions, ItemId, Recommender, Signal, UserId};

use crate::evaluate::{EvalError, Evaluation, evaluate};
use crate::protocol::Protocol;
use crate::question::Question;

/// What a question is taken apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Events of the user in the target that are known when they are asked.
    Activity,
    /// Training users of the held-out item.
    Popularity,
}

/// One part of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Least and most events of its users, or training users of its items.
    pub range: (usize, usize),
    /// Held-out positives in it.
    pub n_positives: usize,
    /// Every metric on it. All other items stay candidates.
    pub evaluation: Evaluation,
}

/// Measures a model on quarters of a question: of its users by activity, or of its held-out positives by popularity, rising.
///
/// Equals stay together, so that there may be fewer than four and of unequal size.
pub fn breakdown(
    model: &dyn Recommender,
    question: &Question<'_>,
    protocol: &Protocol,
    by: By,
) -> Result<Vec<Group>, EvalError> {
    question.check()?;
    let positives: Vec<Event> = question
        .holdout
        .events
        .events()
        .filter(|event| event.signal == Signal::Positive && question.items.contains(&event.item))
        .collect();
    let value = values(question, by);
    let mut sizes: Vec<usize> = match by {
        By::Activity => {
            let mut users: Vec<UserId> = positives.iter().map(|event| event.user).collect();
            users.dedup();
            users.into_iter().map(|user| value(user, 0)).collect()
        }
        By::Popularity => positives.iter().map(|event| value(event.user, event.item)).collect(),
    };
    sizes.sort_unstable();
    let mut ends: Vec<usize> =
        (1..=4).filter_map(|n| sizes.get((n * sizes.len()).div_ceil(4).max(1) - 1)).copied().collect();
    ends.dedup();
    let mut groups = Vec::new();
    let mut above = None;
    for end in ends {
        let inside = |event: &&Event| {
            let size = value(event.user, event.item);
            size <= end && above.is_none_or(|above| size > above)
        };
        let events: Vec<Event> = positives.iter().filter(inside).copied().collect();
        let sizes = events.iter().map(|event| value(event.user, event.item));
        let range = sizes.fold((usize::MAX, 0), |(least, most), size| (least.min(size), most.max(size)));
        let (n_users, n_items) = (question.users.len(), question.holdout.events.n_items());
        let n_positives = events.len();
        let Ok(events) = Interactions::new(n_users, n_items, events) else { continue };
        let holdout = Holdout { events, negatives: question.holdout.negatives.clone() };
        let part = Question { holdout: &holdout, ..question.clone() };
        groups.push(Group { range, n_positives, evaluation: evaluate(model, &part, protocol)? });
        above = Some(end);
    }
    Ok(groups)
}

/// How active a user, or how popular an item is.
fn values(question: &Question<'_>, by: By) -> impl Fn(UserId, ItemId) -> usize {
    let mut sizes = match by {
        By::Activity => vec![0; question.users.len()],
        By::Popularity => vec![0; question.items.len()],
    };
    let first = question.items.start;
    for user in 0..question.users.len() as UserId {
        match by {
            By::Activity => sizes[user as usize] = question.met(question.known, user).len(),
            By::Popularity => {
                for item in question.met(question.train, user) {
                    sizes[(item - first) as usize] += 1;
                }
            }
        }
    }
    move |user, item| match by {
        By::Activity => sizes[user as usize],
        By::Popularity => sizes[(item - first) as usize],
    }
}
