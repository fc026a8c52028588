//! Three people, two songs, three films: small enough to count on fingers.

use segue_core::{
    Catalogue, Domain, Event, Holdout, IdMap, Interactions, ItemInfo, OpenedTests, Prepared, Sealed, Signal, Split,
    Task, TaskKind,
};
use segue_data::prepare::{PrepareReport, StepCount};

use super::whole::Whole;

/// Songs s1 (rock) and s2 (jazz, rock) are items 0 and 1; films f1 (drama), f2 (drama, jazz) and f3 (unknown) 2 to 4.
fn catalogue() -> Catalogue {
    let domain = |name: &str, ids: &[&str]| Domain { name: name.into(), ids: IdMap::new(ids.to_vec()) };
    Catalogue::new(vec![domain("songs", &["s1", "s2"]), domain("films", &["f1", "f2", "f3"])], |_, id| ItemInfo {
        title: (id == "f1").then(|| "First <film>".into()),
        categories: match id {
            "s1" => vec!["Rock".into()],
            "s2" => vec!["Jazz".into(), "Rock".into()],
            "f1" => vec!["Drama".into()],
            "f2" => vec!["Drama".into(), "jazz".into()],
            _ => vec!["unknown".into()],
        },
    })
}

/// A log of (user, item, value, time); values below 2 are dislikes.
pub(crate) fn log(events: &[(u32, u32, f32, i64)]) -> Interactions {
    log_of(3, events)
}

fn log_of(n_users: usize, events: &[(u32, u32, f32, i64)]) -> Interactions {
    let event = |&(user, item, value, time): &(u32, u32, f32, i64)| Event {
        user,
        item,
        weight: 1.0,
        signal: if value < 2.0 { Signal::Negative } else { Signal::Positive },
        value,
        time: Some(time),
    };
    Interactions::new(n_users, 5, events.iter().map(event).collect()).unwrap()
}

fn holdout(events: Interactions) -> Holdout {
    Holdout { events, negatives: None }
}

/// Ann (0), bob (1) and cid (2). Cid's test film is also in train; bob's song at 200 follows his test at 150.
pub(crate) fn prepared() -> Prepared {
    let train = [
        (0, 0, 4.0, 10),
        (0, 0, 5.0, 20),
        (1, 0, 1.0, 30),
        (1, 1, 5.0, 200),
        (0, 2, 4.0, 40),
        (0, 3, 3.0, 100),
        (2, 2, 2.0, 50),
    ];
    let task = Task {
        name: "films".into(),
        kind: TaskKind::Intra,
        target: 1,
        valid: holdout(log(&[(1, 2, 5.0, 60)])),
        test: Sealed::new(holdout(log(&[(0, 4, 4.0, 100), (1, 3, 4.0, 150), (2, 2, 5.0, 90)]))),
    };
    Prepared {
        users: IdMap::new(vec!["ann", "bob", "cid"]),
        catalogue: catalogue(),
        split: Split { train: log(&train), tasks: vec![task], protocol: "by hand".into() },
    }
}

/// [`prepared`] in the year 2017: its times alone are places, not dates.
pub(crate) fn dated() -> Prepared {
    let mut data = prepared();
    let later = |log: &Interactions| {
        let events = log.events().map(|event| Event { time: event.time.map(|time| time + 1_500_000_000), ..event });
        Interactions::new(3, 5, events.collect()).unwrap()
    };
    data.split.train = later(&data.split.train);
    for task in &mut data.split.tasks {
        let test = later(&task.test.open(&mut OpenedTests::default(), "a test").events);
        (task.valid, task.test) = (holdout(later(&task.valid.events)), Sealed::new(holdout(test)));
    }
    data
}

/// The films of [`prepared`] without times and without validation.
pub(crate) fn films_alone() -> Prepared {
    let mut data = prepared().only(1);
    let untimed = |log: &Interactions| {
        let events = log.events().map(|event| Event { time: None, value: 1.0, ..event }).collect();
        Interactions::new(3, 3, events).unwrap()
    };
    data.split.train = untimed(&data.split.train);
    for task in &mut data.split.tasks {
        let test = untimed(&task.test.open(&mut OpenedTests::default(), "a test").events);
        (task.valid, task.test) = (holdout(Interactions::empty(3, 3)), Sealed::new(holdout(test)));
    }
    data
}

/// People of whom all is training.
pub(crate) fn people(n_users: u32, events: &[(u32, u32, f32, i64)]) -> Prepared {
    Prepared {
        users: IdMap::new((0..n_users).map(|user| user.to_string()).collect()),
        catalogue: catalogue(),
        split: Split { train: log_of(n_users as usize, events), tasks: Vec::new(), protocol: "all".into() },
    }
}

/// Deduplication took five songs away.
pub(crate) fn report() -> PrepareReport {
    let step = StepCount {
        step: "deduplicate".into(),
        domain: "songs".into(),
        users: 2,
        items: 2,
        interactions: 4,
        removed: 5,
    };
    PrepareReport { steps: vec![step], ..PrepareReport::default() }
}

/// Asks something of [`prepared`].
pub(crate) fn with<T>(ask: impl FnOnce(&Whole<'_>) -> T) -> T {
    of(&prepared(), ask)
}

/// Asks something of data.
pub(crate) fn of<T>(data: &Prepared, ask: impl FnOnce(&Whole<'_>) -> T) -> T {
    ask(&Whole::new(data, &mut OpenedTests::default()))
}
