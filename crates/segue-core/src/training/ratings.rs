//! Ratings: raw values, whatever the signal, each item of a person once.

use segue_core::{Csr, FitError, History, Interactions, ItemId, UserId};

/// The latest raw value of every item of `history`, items rising.
pub(crate) fn latest(history: History<'_>) -> Vec<(ItemId, f32)> {
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
pub(crate) fn by_user(log: &Interactions) -> Result<Csr<f32>, FitError> {
    let rows = (0..log.n_users() as UserId).map(|user| latest(log.user(user))).collect();
    Csr::from_rows(log.n_items(), rows).map_err(|error| FitError::Numeric(error.to_string()))
}
