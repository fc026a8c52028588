//! The whole log: the three parts of every task side by side.

use std::borrow::Cow;
use std::cmp::Ordering;

use segue_core::{Catalogue, DomainId, Event, Holdout, Interactions, OpenedTests, Prepared, UserId};

/// What a held-out log was opened for.
const REASON: &str = "statistics of the finished split";

/// A part of the log; the order is that of the split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Train,
    Valid,
    Test,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Train, Self::Valid, Self::Test];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Valid => "val",
            Self::Test => "test",
        }
    }
}

/// One task with its test part opened.
#[derive(Debug)]
pub(crate) struct OpenTask<'a> {
    pub(crate) name: &'a str,
    pub(crate) target: DomainId,
    pub(crate) valid: &'a Holdout,
    pub(crate) test: &'a Holdout,
}

/// Every event of every part. An event that stands in the holdouts of several tasks counts once, and then as test.
#[derive(Debug)]
pub(crate) struct Whole<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) n_users: usize,
    pub(crate) tasks: Vec<OpenTask<'a>>,
    logs: [Cow<'a, Interactions>; 3],
    /// Events of every user, per domain: `[domain][user]`.
    pub(crate) per_user: Vec<Vec<u32>>,
    /// Events of every item.
    pub(crate) per_item: Vec<u32>,
}

impl<'a> Whole<'a> {
    pub(crate) fn new(data: &'a Prepared, record: &mut OpenedTests) -> Self {
        let open = |task: &'a segue_core::Task, record: &mut OpenedTests| OpenTask {
            name: &task.name,
            target: task.target,
            valid: &task.valid,
            test: task.test.open(record, REASON),
        };
        let tasks: Vec<OpenTask<'_>> = data.split.tasks.iter().map(|task| open(task, record)).collect();
        let (valid, test) = held_out(&tasks, &data.split.train);
        let n_users = data.users.len();
        let mut whole = Self {
            catalogue: &data.catalogue,
            n_users,
            tasks,
            logs: [Cow::Borrowed(&data.split.train), valid, test],
            per_user: vec![vec![0; n_users]; data.catalogue.domains().len()],
            per_item: vec![0; data.catalogue.n_items()],
        };
        let (mut per_user, mut per_item) = (std::mem::take(&mut whole.per_user), std::mem::take(&mut whole.per_item));
        for (_, event) in whole.events() {
            per_user[whole.domain(&event)][event.user as usize] += 1;
            per_item[event.item as usize] += 1;
        }
        (whole.per_user, whole.per_item) = (per_user, per_item);
        whole
    }

    pub(crate) fn part(&self, part: Part) -> &Interactions {
        &self.logs[part as usize]
    }

    /// Every event with its part.
    pub(crate) fn events(&self) -> impl Iterator<Item = (Part, Event)> + '_ {
        Part::ALL.into_iter().flat_map(|part| self.part(part).events().map(move |event| (part, event)))
    }

    /// Calls `see` with all events of each user in turn: by part, then as the log has them.
    pub(crate) fn for_each_user(&self, mut see: impl FnMut(UserId, &[(Part, Event)])) {
        let mut events = Vec::new();
        for user in 0..self.n_users as UserId {
            events.clear();
            for part in Part::ALL {
                let history = self.part(part).user(user);
                events.extend((0..history.len()).map(|n| (part, history.event(user, n))));
            }
            see(user, &events);
        }
    }

    pub(crate) fn n_domains(&self) -> usize {
        self.catalogue.domains().len()
    }

    pub(crate) fn name(&self, domain: DomainId) -> String {
        self.catalogue.domains()[domain].name.clone()
    }

    pub(crate) fn domain(&self, event: &Event) -> DomainId {
        self.catalogue.domain_of(event.item)
    }

    /// Events of each item of a domain.
    pub(crate) fn items_of(&self, domain: DomainId) -> &[u32] {
        let range = self.catalogue.range(domain);
        &self.per_item[range.start as usize..range.end as usize]
    }

    /// Users with an event in `domain`.
    pub(crate) fn met(&self, domain: DomainId) -> usize {
        self.per_user[domain].iter().filter(|&&n| n > 0).count()
    }

    /// True if every part that has events has times.
    pub(crate) fn has_times(&self) -> bool {
        self.logs.iter().all(|log| log.is_empty() || log.has_times()) && self.logs.iter().any(|log| log.has_times())
    }
}

/// Validation and test events over all tasks.
fn held_out<'a>(tasks: &[OpenTask<'a>], train: &'a Interactions) -> (Cow<'a, Interactions>, Cow<'a, Interactions>) {
    if let [task] = tasks {
        return (Cow::Borrowed(&task.valid.events), Cow::Borrowed(&task.test.events));
    }
    let sorted = |holdout: &Holdout| {
        let mut events: Vec<Event> = holdout.events.events().collect();
        events.sort_by(by_event);
        events
    };
    let tests: Vec<Vec<Event>> = tasks.iter().map(|task| sorted(task.test)).collect();
    let valid = tasks.iter().enumerate().map(|(n, task)| {
        // What another task seals is test.
        let others = || tests.iter().enumerate().filter(|(other, _)| *other != n).map(|(_, test)| test);
        let mut valid = sorted(task.valid);
        valid.retain(|event| !others().any(|test| test.binary_search_by(|other| by_event(other, event)).is_ok()));
        valid
    });
    let valid = valid.reduce(union).unwrap_or_default();
    let test = tests.into_iter().reduce(union).unwrap_or_default();
    // A log has times for all of its events or for none.
    let log = |events: Vec<Event>| {
        let timed = events.iter().all(|event| event.time.is_some());
        let events = events.into_iter().map(|e| Event { time: e.time.filter(|_| timed), ..e }).collect();
        match Interactions::new(train.n_users(), train.n_items(), events) {
            Ok(log) => Cow::Owned(log),
            Err(error) => unreachable!("events of checked logs stay valid: {error}"),
        }
    };
    (log(valid), log(test))
}

/// Each event as often as in that of two sorted lists which has it more often.
fn union(a: Vec<Event>, b: Vec<Event>) -> Vec<Event> {
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    std::iter::from_fn(|| {
        let order = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => by_event(a, b),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => a.next(),
            Ordering::Greater => b.next(),
            Ordering::Equal => a.next().and(b.next()),
        }
    })
    .collect()
}

fn by_event(a: &Event, b: &Event) -> Ordering {
    (a.user, a.item, a.time).cmp(&(b.user, b.item, b.time)).then(a.value.total_cmp(&b.value))
}

#[cfg(test)]
mod tests {
    use segue_core::Signal;

    use super::*;

    #[test]
    fn an_event_is_counted_as_often_as_one_task_has_it() {
        let event = |item| Event { user: 0, item, weight: 1.0, signal: Signal::Positive, value: 1.0, time: None };
        let events = |items: &[u32]| items.iter().map(|&item| event(item)).collect::<Vec<_>>();
        let of = |a: &[u32], b: &[u32]| union(events(a), events(b)).iter().map(|e| e.item).collect::<Vec<_>>();
        assert_eq!(of(&[1, 1, 2], &[1, 3, 3]), [1, 1, 2, 3, 3]);
        assert_eq!(of(&[], &[4, 4]), [4, 4]);
        assert_eq!(of(&[4, 4], &[4, 4, 4]), [4, 4, 4]);
    }
}
