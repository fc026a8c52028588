//! Support and queries: every user's events in a domain as a small task of its own, for models that learn to learn.

use std::ops::Range;

use crate::ids::{ItemId, UserId};
use crate::interactions::Interactions;
use crate::seed::Seed;

/// One user in one domain: what is given and what is asked, as positions in [`Interactions::user`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Who.
    pub user: UserId,
    /// The first events, oldest first.
    pub support: Vec<usize>,
    /// The events after them, oldest first; at least one.
    pub query: Vec<usize>,
}

/// The episodes of the domain that owns `items`, users rising: of everyone with more than `k` events there the first `k`
/// are support and the rest queries, in the order of time, value and item id falling.
///
/// So a few-shot split of the same `k` divides the users that it asks about; they have no queries left in its training
/// events and no episode. Where the log has no times, `seed`, user and item tell which events come first.
pub fn episodes(log: &Interactions, items: Range<ItemId>, k: usize, seed: Seed) -> impl Iterator<Item = Episode> {
    (0..log.n_users() as UserId).filter_map(move |user| {
        let history = log.user(user);
        let mut order: Vec<usize> = (0..history.len()).filter(|&n| items.contains(&history.items[n])).collect();
        if order.len() <= k {
            return None;
        }
        order.sort_by(|&a, &b| {
            let (times, items, values) = (history.times, history.items, history.values);
            let draw = |n: usize| seed.at(u64::from(user)).at(u64::from(items[n])).value();
            let by_time = times.map_or_else(|| draw(a).cmp(&draw(b)), |times| times[a].cmp(&times[b]));
            by_time.then(values[a].total_cmp(&values[b])).then(items[b].cmp(&items[a]))
        });
        let query = order.split_off(k);
        Some(Episode { user, support: order, query })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interactions::{Event, Signal};

    /// Items 0 to 3 are books, 4 to 6 films.
    fn log(events: &[(UserId, ItemId, f32, Option<i64>)]) -> Interactions {
        let event =
            |&(user, item, value, time)| Event { user, item, weight: 1.0, signal: Signal::Positive, value, time };
        Interactions::new(3, 7, events.iter().map(event).collect()).unwrap()
    }

    fn items(log: &Interactions, episode: &Episode) -> [Vec<ItemId>; 2] {
        [&episode.support, &episode.query].map(|of| of.iter().map(|&n| log.user(episode.user).items[n]).collect())
    }

    #[test]
    fn the_first_events_of_a_domain_are_support() {
        let at = Some;
        let log = log(&[
            (0, 4, 3.0, at(9)),
            (0, 0, 5.0, at(1)),
            (0, 6, 3.0, at(2)),
            (0, 5, 3.0, at(7)),
            (1, 4, 3.0, at(5)),
            (1, 1, 3.0, at(6)),
            (2, 4, 5.0, at(5)),
            (2, 5, 3.0, at(5)),
            (2, 6, 3.0, at(5)),
        ]);
        let films: Vec<Episode> = episodes(&log, 4..7, 1, Seed::new(0)).collect();
        // User 1 has one film, nothing is left to ask. Of equal times the smaller value comes first, then the larger item.
        assert_eq!(films.iter().map(|e| e.user).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(items(&log, &films[0]), [vec![6], vec![5, 4]]);
        assert_eq!(items(&log, &films[1]), [vec![6], vec![5, 4]]);
        assert_eq!(episodes(&log, 0..4, 1, Seed::new(0)).count(), 0);
        assert_eq!(episodes(&log, 0..4, 0, Seed::new(0)).count(), 2);
    }

    #[test]
    fn without_times_the_seed_says_what_is_support() {
        let events: Vec<_> = (0..7).map(|item| (0, item, 1.0, None)).collect();
        let log = log(&events);
        let support = |seed| episodes(&log, 0..7, 2, Seed::new(seed)).next().unwrap().support;
        assert_eq!(support(1), support(1));
        assert!((2..9).any(|seed| support(seed) != support(1)));
    }
}
