//! For whom, and for what, a model is good: the same measures on parts of the question.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use segue_core::{Event, Holdout, Interactions, ItemId, Recommender, Signal, UserId};

use crate::evaluate::{EvalError, Evaluation, Measured, PerUser, evaluate};
use crate::metrics::Dialect;
use crate::protocol::{Candidates, Protocol};
use crate::question::Question;

/// What a question is taken apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Events of the user in the target that are known when they are asked.
    Activity,
    /// Training users of the held-out item.
    Popularity,
    /// Category of the held-out item; one of several categories is in each of them.
    Category,
}

/// One part of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What it has: `3 to 7` (least and most events of its users, or training users of its items), or a category.
    pub name: String,
    /// Held-out positives in it.
    pub n_positives: usize,
    /// Every metric on it. All other items stay candidates.
    pub evaluation: Evaluation,
}

/// Categories measured at most: those with the most held-out positives.
const CATEGORIES: usize = 12;

/// Measures a model on parts of a question: on quarters of its users by activity, or of its held-out positives by
/// popularity, rising; or on the categories with the most held-out positives, falling. None, where items have no categories.
///
/// Equals stay together, so that there may be fewer than four quarters and of unequal size.
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
    let parts = if by == By::Category { by_category(question, &positives) } else { quarters(question, &positives, by) };
    let mut groups = Vec::new();
    for (name, events) in parts {
        let (n_users, n_items) = (question.users.len(), question.holdout.events.n_items());
        let n_positives = events.len();
        let Ok(events) = Interactions::new(n_users, n_items, events) else { continue };
        let holdout = Holdout { events, negatives: question.holdout.negatives.clone() };
        let part = Question { holdout: &holdout, ..question.clone() };
        groups.push(Group { name, n_positives, evaluation: evaluate(model, &part, protocol)? });
    }
    Ok(groups)
}

/// The users some of whose positives are among the first `n` that a model ranks for them: how well it orders what a stage
/// of retrieval that returns `n` would have handed it. `whole` is its evaluation of this question by this protocol; means
/// over users alone are taken apart. `None` where there is nobody, or where candidates are not the whole catalogue.
pub fn among_first(
    model: &dyn Recommender,
    question: &Question<'_>,
    (protocol, whole): (&Protocol, &Evaluation),
    n: usize,
) -> Result<Option<Group>, EvalError> {
    if protocol.candidates != Candidates::Full || whole.users.is_empty() {
        return Ok(None);
    }
    let Ok(hit) = format!("hr@{n}").parse() else { return Ok(None) };
    let retrieval = Protocol { metrics: vec![hit], dialect: Dialect::Segue, ties: None, ..protocol.clone() };
    let retrieved = evaluate(model, question, &retrieval)?;
    let Some(PerUser::Mean(found)) = retrieved.metrics.first().map(|measured| &measured.per_user) else {
        return Ok(None);
    };
    let kept: Vec<usize> = (0..found.len()).filter(|&at| found[at] > 0.0).collect();
    if kept.is_empty() {
        return Ok(None);
    }
    let users: Vec<UserId> = kept.iter().map(|&at| whole.users[at]).collect();
    let n_positives = users.iter().map(|&user| question.relevant(user).len()).sum();
    let metrics = whole.metrics.iter().filter_map(|measured| match &measured.per_user {
        PerUser::Mean(values) => {
            let values: Vec<f64> = kept.iter().map(|&at| values[at]).collect();
            let value = values.iter().sum::<f64>() / values.len() as f64;
            Some(Measured { value, per_user: PerUser::Mean(values), spec: measured.spec })
        }
        _ => None,
    });
    let evaluation = Evaluation { metrics: metrics.collect(), users, ratings: None, ..whole.clone() };
    Ok(Some(Group { name: format!("a positive among the first {n}"), n_positives, evaluation }))
}

/// A part of a question: its name and its positives.
type Positives = (String, Vec<Event>);

fn quarters(question: &Question<'_>, positives: &[Event], by: By) -> Vec<Positives> {
    let value = values(question, by);
    let mut sizes: Vec<usize> = if by == By::Activity {
        let mut users: Vec<UserId> = positives.iter().map(|event| event.user).collect();
        users.dedup();
        users.into_iter().map(|user| value(user, 0)).collect()
    } else {
        positives.iter().map(|event| value(event.user, event.item)).collect()
    };
    sizes.sort_unstable();
    let mut ends: Vec<usize> =
        (1..=4).filter_map(|n| sizes.get((n * sizes.len()).div_ceil(4).max(1) - 1)).copied().collect();
    ends.dedup();
    let mut above = None;
    let quarter = |end: usize| {
        let inside = |event: &&Event| {
            let size = value(event.user, event.item);
            size <= end && above.is_none_or(|above| size > above)
        };
        let events: Vec<Event> = positives.iter().filter(inside).copied().collect();
        let sizes = events.iter().map(|event| value(event.user, event.item));
        let (least, most) = sizes.fold((usize::MAX, 0), |(least, most), size| (least.min(size), most.max(size)));
        above = Some(end);
        (format!("{least} to {most}"), events)
    };
    ends.into_iter().map(quarter).collect()
}

fn by_category(question: &Question<'_>, positives: &[Event]) -> Vec<Positives> {
    let Some(catalogue) = question.catalogue else { return Vec::new() };
    let mut of: BTreeMap<&str, Vec<Event>> = BTreeMap::new();
    for event in positives {
        let mut categories: Vec<&str> = catalogue.info(event.item).categories.iter().map(String::as_str).collect();
        categories.sort_unstable();
        categories.dedup();
        for category in categories {
            of.entry(category).or_default().push(*event);
        }
    }
    let mut parts: Vec<Positives> = of.into_iter().map(|(name, events)| (name.to_owned(), events)).collect();
    // Stable: of equals the first by name.
    parts.sort_by_key(|(_, events)| Reverse(events.len()));
    parts.truncate(CATEGORIES);
    parts
}

/// How active a user, or how popular an item is.
fn values(question: &Question<'_>, by: By) -> impl Fn(UserId, ItemId) -> usize {
    let of_users = by == By::Activity;
    let first = question.items.start;
    let mut sizes = vec![0; if of_users { question.users.len() } else { question.items.len() }];
    for user in 0..question.users.len() as UserId {
        if of_users {
            sizes[user as usize] = question.met(question.known, user).len();
        } else {
            for item in question.met(question.train, user) {
                sizes[(item - first) as usize] += 1;
            }
        }
    }
    move |user, item| if of_users { sizes[user as usize] } else { sizes[(item - first) as usize] }
}
