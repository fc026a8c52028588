//! The log: who met which item, when, and how it went.

use serde::{Deserialize, Serialize};

use crate::csr::Csr;
use crate::history::History;
use crate::ids::{ItemId, UserId};

/// What an event says about taste.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Signal {
    /// Disliked: at or below the negative threshold, or a thumb down.
    Negative,
    /// Seen, no opinion: below the positive threshold.
    Neutral,
    /// Liked: at or above the positive threshold, or any implicit event.
    Positive,
}

/// One interaction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Who.
    pub user: UserId,
    /// What.
    pub item: ItemId,
    /// Strength, comparable across domains, `>= 0`; 1 for a plain implicit event.
    pub weight: f32,
    /// Liked, disliked or neither.
    pub signal: Signal,
    /// The raw value: stars, plays; 1 where the log has none.
    pub value: f32,
    /// Unix seconds; `None` where the log has no times.
    pub time: Option<i64>,
}

/// Why events are not a log.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogError {
    /// A dense id out of range.
    #[error("event {position}: {what} {id} is not below {limit}")]
    Id {
        /// Position in the given events.
        position: usize,
        /// `"user"` or `"item"`.
        what: &'static str,
        /// The id.
        id: u32,
        /// Number of users or items.
        limit: usize,
    },
    /// A weight or value that is not finite, or a negative weight.
    #[error("event {position} of user {user}: weight {weight} and value {value} must be finite, the weight at least 0")]
    Number {
        /// Position in the given events.
        position: usize,
        /// The user.
        user: u32,
        /// The weight.
        weight: f32,
        /// The value.
        value: f32,
    },
    /// Some events have times and some do not.
    #[error("event {position} has {} time while others differ: give every event a time, or none", if *.has { "a" } else { "no" })]
    Times {
        /// Position in the given events.
        position: usize,
        /// Whether this event has a time.
        has: bool,
    },
}

/// All events by user, then time: the rows of a user are that user's history. Those of one second are in the order in
/// which they were given.
#[derive(Debug, Clone, PartialEq)]
pub struct Interactions {
    n_items: usize,
    user_ptr: Vec<usize>,
    items: Vec<ItemId>,
    weights: Vec<f32>,
    signals: Vec<Signal>,
    values: Vec<f32>,
    times: Option<Vec<i64>>,
}

impl Interactions {
    /// Sorts events by (user, time) and checks them. The given order of events of one second, which may have come one after
    /// the other, is kept; without times that of all events of a user.
    pub fn new(n_users: usize, n_items: usize, mut events: Vec<Event>) -> Result<Self, LogError> {
        let timed = events.first().is_some_and(|e| e.time.is_some());
        for (position, e) in events.iter().enumerate() {
            if e.user as usize >= n_users {
                return Err(LogError::Id { position, what: "user", id: e.user, limit: n_users });
            }
            if e.item as usize >= n_items {
                return Err(LogError::Id { position, what: "item", id: e.item, limit: n_items });
            }
            if !e.weight.is_finite() || !e.value.is_finite() || e.weight < 0.0 {
                return Err(LogError::Number { position, user: e.user, weight: e.weight, value: e.value });
            }
            if e.time.is_some() != timed {
                return Err(LogError::Times { position, has: e.time.is_some() });
            }
        }
        events.sort_by_key(|e| (e.user, e.time));
        let mut user_ptr = vec![0; n_users + 1];
        for e in &events {
            user_ptr[e.user as usize + 1] += 1;
        }
        for u in 0..n_users {
            user_ptr[u + 1] += user_ptr[u];
        }
        Ok(Self {
            n_items,
            user_ptr,
            items: events.iter().map(|e| e.item).collect(),
            weights: events.iter().map(|e| e.weight).collect(),
            signals: events.iter().map(|e| e.signal).collect(),
            values: events.iter().map(|e| e.value).collect(),
            times: timed.then(|| events.iter().filter_map(|e| e.time).collect()),
        })
    }

    /// A log without events.
    pub fn empty(n_users: usize, n_items: usize) -> Self {
        Self {
            n_items,
            user_ptr: vec![0; n_users + 1],
            items: Vec::new(),
            weights: Vec::new(),
            signals: Vec::new(),
            values: Vec::new(),
            times: None,
        }
    }

    /// Number of users, with or without events.
    pub fn n_users(&self) -> usize {
        self.user_ptr.len() - 1
    }

    /// Number of items, with or without events.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True if there is no event.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// True if every event carries a time (an empty log does not).
    pub fn has_times(&self) -> bool {
        self.times.is_some()
    }

    /// The history of one user, oldest first.
    pub fn user(&self, user: UserId) -> History<'_> {
        let range = self.user_ptr[user as usize]..self.user_ptr[user as usize + 1];
        History {
            items: &self.items[range.clone()],
            weights: &self.weights[range.clone()],
            signals: &self.signals[range.clone()],
            values: &self.values[range.clone()],
            times: self.times.as_ref().map(|times| &times[range]),
        }
    }

    /// Every event, by user and time.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        (0..self.n_users() as UserId).flat_map(|user| {
            let history = self.user(user);
            (0..history.len()).map(move |n| history.event(user, n))
        })
    }

    /// The events that `keep` accepts.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Event) -> bool) -> Self {
        let kept = self.events().filter(|e| keep(e)).collect();
        Self::rebuilt(self.n_users(), self.n_items, kept)
    }

    /// Both logs as one, of events of one second those of `self` first; both must count the same users and items.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        assert_eq!((self.n_users(), self.n_items), (other.n_users(), other.n_items), "logs of one world");
        let timed = (self.is_empty() || self.has_times()) && (other.is_empty() || other.has_times());
        let all = self.events().chain(other.events()).map(|e| Event { time: e.time.filter(|_| timed), ..e }).collect();
        Self::rebuilt(self.n_users(), self.n_items, all)
    }

    /// The events whose item lies in `items`, renumbered from 0: the log of one domain.
    #[must_use]
    pub fn restricted(&self, items: std::ops::Range<ItemId>) -> Self {
        let events = self
            .events()
            .filter(|e| items.contains(&e.item))
            .map(|e| Event { item: e.item - items.start, ..e })
            .collect();
        Self::rebuilt(self.n_users(), items.len(), events)
    }

    /// The same events with every user replaced by `to(user)`, e.g. to shuffle the links between domains.
    #[must_use]
    pub fn with_users(&self, to: impl Fn(&Event) -> UserId) -> Self {
        let events = self.events().map(|e| Event { user: to(&e), ..e }).collect();
        Self::rebuilt(self.n_users(), self.n_items, events)
    }

    /// Liked items of every user with their weights, each item once (its latest event), items rising.
    pub fn positives(&self) -> Csr<f32> {
        let rows = (0..self.n_users() as UserId).map(|user| self.user(user).likes().collect()).collect();
        match Csr::from_rows(self.n_items, rows) {
            Ok(csr) => csr,
            Err(error) => unreachable!("items were checked when the log was built: {error}"),
        }
    }

    /// Distinct items of one user whatever the signal, rising: what a seen filter hides.
    pub fn seen(&self, user: UserId) -> Vec<ItemId> {
        let mut items = self.user(user).items.to_vec();
        items.sort_unstable();
        items.dedup();
        items
    }

    fn rebuilt(n_users: usize, n_items: usize, events: Vec<Event>) -> Self {
        match Self::new(n_users, n_items, events) {
            Ok(log) => log,
            Err(error) => unreachable!("events of a checked log stay valid: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(user: UserId, item: ItemId, time: i64) -> Event {
        Event { user, item, weight: 1.0, signal: Signal::Positive, value: 1.0, time: Some(time) }
    }

    #[test]
    fn events_sort_by_user_then_time_and_keep_their_order_within_a_second() {
        let log =
            Interactions::new(3, 4, vec![event(2, 1, 5), event(0, 3, 9), event(0, 2, 1), event(0, 0, 9)]).unwrap();
        assert_eq!(log.user(0).items, [2, 3, 0]);
        let later = Interactions::new(3, 4, vec![event(0, 1, 9), event(0, 3, 1)]).unwrap();
        assert_eq!(log.merged(&later).user(0).items, [2, 3, 3, 0, 1]);
        assert!(log.user(1).is_empty());
        assert_eq!(log.user(2).items, [1]);
        assert_eq!(log.restricted(1..3).user(0).items, [1]);
        assert_eq!(log.filter(|e| e.item != 3).len(), 3);
    }

    #[test]
    fn bad_events_are_named() {
        assert!(matches!(Interactions::new(1, 1, vec![event(1, 0, 0)]), Err(LogError::Id { what: "user", .. })));
        let nan = Event { value: f32::NAN, ..event(0, 0, 0) };
        assert!(matches!(Interactions::new(1, 1, vec![nan]), Err(LogError::Number { .. })));
        let untimed = Event { time: None, ..event(0, 0, 0) };
        assert!(matches!(Interactions::new(1, 1, vec![event(0, 0, 0), untimed]), Err(LogError::Times { .. })));
    }

    #[test]
    fn positives_keep_the_latest_event_of_an_item() {
        let late = Event { weight: 0.5, ..event(0, 1, 9) };
        let log = Interactions::new(1, 2, vec![event(0, 1, 3), late]).unwrap();
        assert_eq!(log.positives().row(0), (&[1][..], &[0.5][..]));
    }
}
