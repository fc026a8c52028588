//! Fractions of seconds that keep the order of events of one second, which nothing else in a file tells.

use segue_core::{Event, Interactions};

/// Thousandths of a second after the second of each event, by log and in the order of its events.
///
/// Readers put what has one time in the order of the item ids, training before validation before test. So an event has the
/// thousandth of the one before it, and the next where its item would come first: a log of whole seconds has none.
#[derive(Debug, Default)]
pub(super) struct Order {
    thousandths: Vec<Vec<u16>>,
    /// Whether some event has one.
    pub(super) has_any: bool,
    /// Events for which a second has too few.
    pub(super) lost: u64,
}

/// The last thousandth of a second.
const LAST: u16 = 999;

impl Order {
    /// Of the logs of one data set: training, then all validation, then all test.
    pub(super) fn of(logs: &[&Interactions]) -> Self {
        let mut order = Self { thousandths: vec![Vec::new(); logs.len()], ..Self::default() };
        if logs.iter().all(|log| !log.has_times()) {
            return order;
        }
        let n_users = logs.iter().map(|log| log.n_users()).max().unwrap_or_default();
        for user in 0..n_users as u32 {
            let of_log = |(n, log): (usize, &&Interactions)| {
                let history = log.user(user);
                (0..history.len()).map(|k| (n, history.event(user, k))).collect::<Vec<_>>()
            };
            let mut events: Vec<(usize, Event)> = logs.iter().enumerate().flat_map(of_log).collect();
            // Stable: those of one second stay in the order of the logs.
            events.sort_by_key(|(_, event)| event.time);
            order.take(&events);
        }
        order
    }

    /// The events of one user, each with the number of its log.
    fn take(&mut self, events: &[(usize, Event)]) {
        let (mut before, mut thousandth) = (None::<&(usize, Event)>, 0);
        for now in events {
            let (log, event) = now;
            match before.filter(|(_, last)| last.time == event.time) {
                None => thousandth = 0,
                Some((of, last)) if of == log && (event.item, event.value) < (last.item, last.value) => {
                    self.lost += u64::from(thousandth == LAST);
                    thousandth = LAST.min(thousandth + 1);
                    self.has_any = true;
                }
                Some(_) => {}
            }
            self.thousandths[*log].push(thousandth);
            before = Some(now);
        }
    }

    /// Those of the events of log `n`; none where there are no times.
    pub(super) fn of_log(&self, n: usize) -> &[u16] {
        &self.thousandths[n]
    }
}

#[cfg(test)]
mod tests {
    use segue_core::Signal;

    use super::*;

    fn log(events: &[(u32, u32, i64)]) -> Interactions {
        let event = |&(user, item, time)| Event {
            user,
            item,
            weight: 1.0,
            signal: Signal::Positive,
            value: 1.0,
            time: Some(time),
        };
        Interactions::new(2, 2000, events.iter().map(event).collect()).unwrap()
    }

    #[test]
    fn thousandths_grow_where_item_ids_fall() {
        let train = log(&[(0, 3, 7), (0, 5, 7), (0, 4, 7), (0, 1, 8), (1, 2, 7), (1, 3, 7)]);
        let (valid, test) = (log(&[(0, 0, 7), (0, 9, 7)]), log(&[(0, 8, 7), (0, 2, 7), (0, 2, 8)]));
        let order = Order::of(&[&train, &valid, &test]);
        assert_eq!(order.of_log(0), [0, 0, 1, 0, 0, 0]);
        // Nothing held out is before what was learnt from, nor test before validation.
        assert_eq!((order.of_log(1), order.of_log(2)), (&[1, 1][..], &[1, 2, 0][..]));
        assert!(order.has_any && order.lost == 0);
        assert!(!Order::of(&[&valid]).has_any);
        let falling: Vec<(u32, u32, i64)> = (0..1500).map(|n| (0, 1500 - n, 7)).collect();
        assert_eq!(Order::of(&[&log(&falling)]).lost, 500);
    }
}
