//! Fold-in: the vector of a user whose history is not that of the training, found while everything else stays fixed.
//!
//! The loss over the history, against a fixed pool of drawn items, is minimised from the vector that training left. The slope
//! that the loss of the known history has there is taken off: what training left is no evidence, so that only what has changed
//! moves the vector; and not far, for where all losses are satisfied nothing else would hold it. Of a long history what is not
//! new speaks through [`SPOKESMEN`] of its events, each for its share: it holds the vector, and says nothing new.

use candle_core::{Device, Tensor};
use segue_core::kernels::dot;
use segue_core::training::descent::minimise;
use segue_core::{ItemId, Matrix};

use crate::engine::{Computed, Weights};
use crate::histories::Signed;
use crate::optimise::Optimisation;
use crate::pairs::{Pairing, leaves, of_rows, row_gradients};

/// Events that speak for those known before and now.
const SPOKESMEN: usize = 32;
/// Drawn items beside which each event is seen.
const DRAWN: usize = 16;
/// Items of the pool of which an event's are drawn: as few as meet the vector in every evaluation.
const POOL: usize = 128;
/// Evaluations of the loss.
const EVALUATIONS: usize = 30;
/// What holds the vector of a known user.
const ANCHOR: f32 = 0.1;

/// What of a model stays fixed.
#[derive(Debug)]
pub(crate) struct Fixed<'a, P> {
    pub(crate) net: P,
    /// How it was trained.
    pub(crate) how: Optimisation,
    pub(crate) weights: &'a Weights,
    /// What of each item meets users.
    pub(crate) met: &'a [Tensor],
    /// Items against which likes are compared.
    pub(crate) pool: &'a [ItemId],
}

impl<P: Pairing> Fixed<'_, P> {
    /// The vector that fits what is known `now`, found from `start`, which is what training made of what was known `then`.
    pub(crate) fn fold_in(&self, start: &[f32], now: &Signed, then: &Signed) -> Computed<Vec<f32>> {
        let both: Signed = now.iter().copied().filter(|event| then.binary_search(event).is_ok()).collect();
        let only = |all: &Signed, others: &Signed| -> Vec<Event> {
            let new = all.iter().filter(|event| others.binary_search(event).is_err());
            new.map(|&(item, liked)| Event { item, liked, share: 1.0 }).collect()
        };
        let (come, gone) = (only(now, then), only(then, now));
        let spoken = spokesmen(&both);
        // As in training, what is not liked may be drawn.
        let liked = |item: &ItemId| [now, then].iter().any(|all| all.binary_search(&(*item, true)).is_ok());
        let drawable: Vec<ItemId> = self.pool.iter().copied().filter(|item| !liked(item)).take(POOL).collect();
        if drawable.is_empty() || (come.is_empty() && gone.is_empty()) {
            return Ok(start.to_vec());
        }
        let (mut left, mut anchor) = (vec![0.0; start.len()], 0.0);
        if !then.is_empty() {
            Compare::new(self, &[&spoken[..], &gone].concat(), &drawable)?.evaluate(start, &mut left)?;
            anchor = ANCHOR;
        }
        if now.is_empty() {
            return Ok(start.to_vec());
        }
        let now = Compare::new(self, &[&spoken[..], &come].concat(), &drawable)?;
        let mut failure = None;
        let found = minimise(start, EVALUATIONS, |p, gradient| {
            let mut value = now.evaluate(p, gradient).unwrap_or_else(|error| {
                failure = Some(error);
                f64::NAN
            });
            for (((g, left), x), from) in gradient.iter_mut().zip(&left).zip(p).zip(start) {
                let moved = x - from;
                *g += anchor * moved - left;
                value += f64::from(0.5 * anchor * moved * moved - left * moved);
            }
            value
        });
        failure.map_or(Ok(found), Err)
    }
}

/// An event of a history, and for how many it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Event {
    item: ItemId,
    liked: bool,
    share: f32,
}

/// Evenly spread events that stand for all.
fn spokesmen(all: &Signed) -> Vec<Event> {
    let n = all.len().min(SPOKESMEN);
    let share = all.len() as f32 / n.max(1) as f32;
    let spread = (0..n).map(|at| all[at * all.len() / n]);
    spread.map(|(item, liked)| Event { item, liked, share }).collect()
}

/// The loss of events as a function of the user's vector.
struct Compare<'a, P> {
    fixed: &'a Fixed<'a, P>,
    /// What meets the user: the items of the events, then the drawable, each `(n, g)`.
    items: Vec<Tensor>,
    /// Which scores each row compares, `(n_events · (1 + m))`.
    compared: Tensor,
    /// `(n_events, 1)`: 1 for a like, -1 for a dislike.
    signs: Tensor,
    /// `(n_events, 1)`.
    shares: Tensor,
    /// The sum of the shares.
    n: f32,
}

impl<'a, P: Pairing> Compare<'a, P> {
    /// An item meets the same drawn items in every history, but for those that may not be drawn: the next takes their place.
    fn new(fixed: &'a Fixed<'a, P>, events: &[Event], drawable: &[ItemId]) -> Computed<Self> {
        let (n, m) = (events.len(), DRAWN.min(drawable.len()));
        let row = |(row, event): (usize, &Event)| {
            let first = event.item as usize * 211;
            let drawn = (0..m).map(move |j| (n + (first + j * drawable.len() / m) % drawable.len()) as u32);
            std::iter::once(row as u32).chain(drawn)
        };
        let compared: Vec<u32> = events.iter().enumerate().flat_map(row).collect();
        let column = |of: &dyn Fn(&Event) -> f32| {
            Tensor::from_vec(events.iter().map(of).collect::<Vec<f32>>(), (n, 1), &Device::Cpu)
        };
        let rows: Vec<u32> = events.iter().map(|event| event.item).chain(drawable.iter().copied()).collect();
        let rows = Tensor::from_vec(rows, n + drawable.len(), &Device::Cpu)?;
        Ok(Self {
            fixed,
            items: of_rows(fixed.met, |part| part.index_select(&rows, 0))?,
            compared: Tensor::from_vec(compared, n * (1 + m), &Device::Cpu)?,
            signs: column(&|event| if event.liked { 1.0 } else { -1.0 })?,
            shares: column(&|event| event.share)?,
            n: events.iter().map(|event| event.share).sum(),
        })
    }

    /// Value and gradient at `p`: the loss of all events, each with its penalty.
    fn evaluate(&self, p: &[f32], gradient: &mut [f32]) -> Computed<f64> {
        let (net, weights) = (self.fixed.net, self.fixed.weights);
        let leaves = leaves(&Matrix::from_vec(1, p.len(), p.to_vec()), &[0], &net.widths())?;
        let users = net.users(&leaves, weights)?;
        let scores = net.meet(&users, &self.items, weights, None)?;
        let scores = scores.flatten_all()?.index_select(&self.compared, 0)?.reshape((self.signs.dim(0)?, ()))?;
        let how = &self.fixed.how;
        let compared = how.compared(&scores, Some(&self.signs), self.fixed.met[0].dim(0)?);
        let loss = (how.loss.of(compared)? * &self.shares)?.sum_all()?;
        let found = row_gradients(&loss.backward()?, &leaves)?;
        let l2 = how.descent.l2 * self.n;
        gradient.iter_mut().zip(found).zip(p).for_each(|((g, found), x)| *g = found + l2 * x);
        Ok(f64::from(loss.to_scalar::<f32>()?) + 0.5 * f64::from(l2 * dot(p, p)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_history_speaks_through_some_of_its_events() {
        let all: Signed = (0..100).map(|item| (item, item % 2 == 0)).collect();
        let spoken = spokesmen(&all);
        assert_eq!(spoken.len(), SPOKESMEN);
        assert_eq!(spoken.iter().map(|event| event.share).sum::<f32>(), 100.0);
        assert!(spoken.is_sorted_by_key(|event| event.item));
        assert_eq!(spokesmen(&all[..3].to_vec())[1], Event { item: 1, liked: false, share: 1.0 });
        assert!(spokesmen(&Signed::new()).is_empty());
    }
}
