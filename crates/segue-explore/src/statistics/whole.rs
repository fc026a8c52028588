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
    let gathered = |holdouts: &mut dyn Iterator<Item = &Holdout>| {
        let mut events: Vec<Event> = holdouts.flat_map(|holdout| holdout.events.events()).collect();
        events.sort_by(by_event);
        events.dedup_by(|a, b| by_event(a, b).is_eq());
        events
    };
    let test = gathered(&mut tasks.iter().map(|task| task.test));
    let mut valid = gathered(&mut tasks.iter().map(|task| task.valid));
    valid.retain(|event| test.binary_search_by(|other| by_event(other, event)).is_err());
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

fn by_event(a: &Event, b: &Event) -> Ordering {
    (a.user, a.item, a.time).cmp(&(b.user, b.item, b.time)).then(a.value.total_cmp(&b.value))
}
