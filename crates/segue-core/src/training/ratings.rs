//! Ratings: raw values, whatever the signal, each item of a person once.

use crate::{Csr, FitError, History, Interactions, ItemId, UserId};

/// How far beyond an end of the range a prediction that is kept within it may lie, relative to the range.
const SLACK: f32 = 1e-3;

/// The latest raw value of every item of `history`, items rising.
pub fn latest(history: History<'_>) -> Vec<(ItemId, f32)> {
    let mut order: Vec<usize> = (0..history.len()).collect();
    order.sort_by_key(|&n| history.items[n]);
    let mut rated: Vec<(ItemId, f32)> = Vec::with_capacity(order.len());
    for n in order {
        match rated.last_mut() {
            Some(last) if last.0 == history.items[n] => last.1 = history.values[n],
            _ => rated.push((history.items[n], history.values[n])),
        }
    }
    rated
}

/// The latest raw values as a matrix of users × items.
pub fn by_user(log: &Interactions) -> Result<Csr<f32>, FitError> {
    let rows = (0..log.n_users() as UserId).map(|user| latest(log.user(user))).collect();
    Csr::from_rows(log.n_items(), rows).map_err(|error| FitError::Numeric(error.to_string()))
}

/// Smallest and largest rating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The smallest.
    pub min: f32,
    /// The largest.
    pub max: f32,
}

impl Scale {
    /// That of some ratings.
    pub fn of(ratings: &[f32]) -> Self {
        let start = Self { min: f32::INFINITY, max: f32::NEG_INFINITY };
        ratings.iter().fold(start, |ends, &r| Self { min: ends.min.min(r), max: ends.max.max(r) })
    }

    /// `score` on the scale; beyond an end, that end and less than a thousandth of the scale, still rising with `score`, so that the
    /// order survives that plain clipping would turn into ties.
    pub fn keep(self, score: f32) -> f32 {
        let Self { min, max } = self;
        let beyond = |distance: f32| SLACK * (max - min) * distance / (1.0 + distance);
        if score > max {
            max + beyond(score - max)
        } else if score < min {
            min - beyond(min - score)
        } else {
            score
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_scale_stays_near_its_end_in_order() {
        let scale = Scale::of(&[3.0, 1.0, 5.0]);
        assert_eq!(scale, Scale { min: 1.0, max: 5.0 });
        let ends = [-9.0, 0.5, 1.0, 3.0, 5.0, 5.5, 9.0].map(|score| scale.keep(score));
        assert!(ends.is_sorted() && ends[0] > 0.995 && ends[6] < 5.005, "{ends:?}");
        assert!(ends.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(ends[2..5], [1.0, 3.0, 5.0]);
    }
}
