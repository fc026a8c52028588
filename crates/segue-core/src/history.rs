//! What is known of one user before a moment.

use crate::ids::{ItemId, UserId};
use crate::interactions::{Event, Signal};
use crate::seed::Seed;

/// A borrowed history, oldest first, over all domains. The columns have one length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct History<'a> {
    /// Items.
    pub items: &'a [ItemId],
    /// Strengths, `>= 0`.
    pub weights: &'a [f32],
    /// Liked, disliked or neither.
    pub signals: &'a [Signal],
    /// Raw values.
    pub values: &'a [f32],
    /// Unix seconds, where the log has times.
    pub times: Option<&'a [i64]>,
}

impl<'a> History<'a> {
    /// Nothing is known.
    pub const EMPTY: History<'static> = History { items: &[], weights: &[], signals: &[], values: &[], times: None };

    /// Number of events.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True if nothing is known.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Event `n` as that of `user`.
    pub fn event(&self, user: UserId, n: usize) -> Event {
        Event {
            user,
            item: self.items[n],
            weight: self.weights[n],
            signal: self.signals[n],
            value: self.values[n],
            time: self.times.map(|times| times[n]),
        }
    }

    /// Liked items with their weights, oldest first; an item met twice comes twice.
    pub fn likes(&self) -> impl Iterator<Item = (ItemId, f32)> + 'a {
        self.with(Signal::Positive)
    }

    /// Disliked items with their weights, oldest first.
    pub fn dislikes(&self) -> impl Iterator<Item = (ItemId, f32)> + 'a {
        self.with(Signal::Negative)
    }

    /// Each item once with a signed strength: `+weight` if its latest event is a like, `-max(weight, 1)` if a dislike,
    /// absent if neutral. Items rise, so that the order of events does not matter.
    pub fn signed(&self) -> Vec<(ItemId, f32)> {
        let mut latest: Vec<(ItemId, usize)> = self.items.iter().enumerate().map(|(n, &item)| (item, n)).collect();
        latest.sort_unstable();
        let mut signed = Vec::with_capacity(latest.len());
        for (n, &(item, event)) in latest.iter().enumerate() {
            if latest.get(n + 1).is_some_and(|next| next.0 == item) {
                continue;
            }
            match self.signals[event] {
                Signal::Positive => signed.push((item, self.weights[event])),
                Signal::Negative => signed.push((item, -self.weights[event].max(1.0))),
                Signal::Neutral => {}
            }
        }
        signed
    }

    /// Spreads a part per item over the events: an item's part stands on its latest event, all other events have 0. The
    /// items of `parts` occur in the history; with [`History::signed`] this turns a sum over items into reasons.
    pub fn on_latest_events(&self, parts: impl IntoIterator<Item = (ItemId, f32)>) -> Vec<f32> {
        let mut latest: Vec<(ItemId, usize)> = self.items.iter().enumerate().map(|(n, &item)| (item, n)).collect();
        latest.sort_unstable();
        let mut spread = vec![0.0; self.len()];
        for (item, part) in parts {
            let end = latest.partition_point(|&(other, _)| other <= item);
            if let Some(&(_, event)) = latest[..end].last() {
                spread[event] = part;
            }
        }
        spread
    }

    /// A hash of what taste models read (items, signals, weights, values), whatever the order of the events.
    ///
    /// A model keeps it per trained user: where the history at query time has another fingerprint, history wins.
    pub fn fingerprint(&self) -> u64 {
        let of = |n: usize| {
            let head = u64::from(self.items[n]) << 8 | u64::from(self.signals[n] as u8);
            let tail = u64::from(self.weights[n].to_bits()) << 32 | u64::from(self.values[n].to_bits());
            Seed::new(head).at(tail).value()
        };
        (0..self.len()).fold(self.len() as u64, |sum, n| sum.wrapping_add(of(n)))
    }

    fn with(&self, signal: Signal) -> impl Iterator<Item = (ItemId, f32)> + 'a {
        let Self { items, weights, signals, .. } = *self;
        (0..items.len()).filter(move |&n| signals[n] == signal).map(move |n| (items[n], weights[n]))
    }
}

/// An owned history: a guest, a session, a user with one more like.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistoryBuf {
    items: Vec<ItemId>,
    weights: Vec<f32>,
    signals: Vec<Signal>,
    values: Vec<f32>,
}

impl HistoryBuf {
    /// Likes of unit weight, in the given order.
    pub fn likes(items: &[ItemId]) -> Self {
        let mut history = Self::default();
        for &item in items {
            history.push(item, Signal::Positive);
        }
        history
    }

    /// Appends an event of unit weight and value.
    pub fn push(&mut self, item: ItemId, signal: Signal) {
        self.push_event(item, signal, 1.0, 1.0);
    }

    /// Appends an event.
    pub fn push_event(&mut self, item: ItemId, signal: Signal, weight: f32, value: f32) {
        self.items.push(item);
        self.weights.push(weight);
        self.signals.push(signal);
        self.values.push(value);
    }

    /// The history as models see it; without times.
    pub fn as_history(&self) -> History<'_> {
        History {
            items: &self.items,
            weights: &self.weights,
            signals: &self.signals,
            values: &self.values,
            times: None,
        }
    }
}

impl From<History<'_>> for HistoryBuf {
    fn from(history: History<'_>) -> Self {
        Self {
            items: history.items.to_vec(),
            weights: history.weights.to_vec(),
            signals: history.signals.to_vec(),
            values: history.values.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_signal_of_an_item_wins() {
        let mut history = HistoryBuf::likes(&[5, 2]);
        history.push(5, Signal::Negative);
        history.push(9, Signal::Neutral);
        assert_eq!(history.as_history().signed(), [(2, 1.0), (5, -1.0)]);
        assert_eq!(history.as_history().on_latest_events([(2, 0.5), (5, -3.0)]), [0.0, 0.5, -3.0, 0.0]);
    }

    #[test]
    fn the_fingerprint_ignores_order_and_sees_one_more_like() {
        let a = HistoryBuf::likes(&[1, 2, 3]);
        let b = HistoryBuf::likes(&[3, 1, 2]);
        let c = HistoryBuf::likes(&[1, 2, 3, 4]);
        assert_eq!(a.as_history().fingerprint(), b.as_history().fingerprint());
        assert_ne!(a.as_history().fingerprint(), c.as_history().fingerprint());
    }
}
