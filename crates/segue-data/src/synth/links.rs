//! The placebo: the same data with the links between domains cut.

use segue_core::{DomainId, Event, Interactions, Prepared, Seed, Split, UserId};

/// Hands every person's source-domain events, all of them together, to another person.
///
/// People who share both sides of the link trade among themselves, and so do the others who have source events; a group
/// of two or more leaves nobody their own. Target events stay where they are, and so do the numbers of events per
/// person in each domain as multisets and the number of people who have events on both sides. Whoever has events of the
/// other domains in train or validation counts as linked. Tasks that ask about a source domain are dropped, since their
/// sealed answers cannot follow.
#[must_use]
pub fn shuffle_links(prepared: &Prepared, sources: &[DomainId], seed: u64) -> Prepared {
    let is_source = |event: &Event| sources.contains(&prepared.catalogue.domain_of(event.item));
    let tasks: Vec<_> = prepared.split.tasks.iter().filter(|task| !sources.contains(&task.target)).cloned().collect();

    let n_users = prepared.users.len();
    let (mut has_source, mut has_target) = (vec![false; n_users], vec![false; n_users]);
    for event in tasks.iter().flat_map(|task| task.valid.events.events()).chain(prepared.split.train.events()) {
        let side = if is_source(&event) { &mut has_source } else { &mut has_target };
        side[event.user as usize] = true;
    }
    let root = Seed::new(seed).named("shuffled links");
    let mut to: Vec<UserId> = (0..n_users as UserId).collect();
    for linked in [true, false] {
        let group = |&u: &usize| has_source[u] && has_target[u] == linked;
        let mut cycle: Vec<usize> = (0..n_users).filter(group).collect();
        root.at(u64::from(linked)).stream().shuffle(&mut cycle);
        for (n, &user) in cycle.iter().enumerate() {
            to[user] = cycle[(n + 1) % cycle.len()] as UserId;
        }
    }
    let move_events = |log: &Interactions| {
        log.with_users(|event| if is_source(event) { to[event.user as usize] } else { event.user })
    };
    let names: Vec<&str> = sources.iter().map(|&d| prepared.catalogue.domains()[d].name.as_str()).collect();
    Prepared {
        users: prepared.users.clone(),
        catalogue: prepared.catalogue.clone(),
        split: Split {
            train: move_events(&prepared.split.train),
            tasks,
            protocol: format!("{}; links to {} shuffled, seed {seed}", prepared.split.protocol, names.join(", ")),
        },
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{Catalogue, Domain, Holdout, IdMap, ItemInfo, OpenedTests, Sealed, Signal, Task, TaskKind};

    use super::*;

    /// Items 0..4 are music, 4..6 films. People 0, 1, 2 have both, 3 and 4 music alone, 5 films alone.
    fn prepared() -> Prepared {
        let domain =
            |name: &str, n: u32| Domain { name: name.into(), ids: IdMap::new((0..n).map(|i| i.to_string()).collect()) };
        let catalogue = Catalogue::new(vec![domain("music", 4), domain("films", 2)], |_, _| ItemInfo::default());
        let events = |pairs: &[(u32, u32)]| {
            let event = |&(user, item)| Event {
                user,
                item,
                weight: 1.0,
                signal: Signal::Positive,
                value: 1.0,
                time: Some(i64::from(10 * user + item)),
            };
            Interactions::new(6, 6, pairs.iter().map(event).collect()).unwrap()
        };
        let train = [(0, 0), (0, 4), (1, 0), (1, 1), (1, 5), (2, 1), (2, 2), (2, 3), (3, 0), (4, 3), (4, 1), (5, 4)];
        let task = |name: &str, target, valid: &[(u32, u32)], test: &[(u32, u32)]| Task {
            name: name.into(),
            kind: TaskKind::Intra,
            target,
            valid: Holdout { events: events(valid), negatives: None },
            test: Sealed::new(Holdout { events: events(test), negatives: None }),
        };
        let tasks = vec![task("films", 1, &[(2, 4)], &[(0, 5)]), task("songs", 0, &[(0, 1)], &[(0, 2)])];
        let split = Split { train: events(&train), tasks, protocol: "by hand".into() };
        Prepared { users: IdMap::new((0..6).map(|u| u.to_string()).collect()), catalogue, split }
    }

    fn songs(prepared: &Prepared, user: UserId) -> Vec<u32> {
        prepared.split.train.seen(user).into_iter().filter(|&item| item < 4).collect()
    }

    #[test]
    fn linked_people_trade_source_rows_and_keep_their_targets() {
        let before = prepared();
        for seed in 0..20 {
            let after = shuffle_links(&before, &[0], seed);
            let rows = |prepared: &Prepared, users: std::ops::Range<u32>| {
                let mut rows: Vec<_> = users.map(|u| songs(prepared, u)).collect();
                rows.sort();
                rows
            };
            // Person 2 has films in validation only, and is linked by that.
            assert_eq!(rows(&before, 0..3), rows(&after, 0..3));
            assert_eq!(rows(&before, 3..5), rows(&after, 3..5));
            assert!((0..5).all(|u| songs(&before, u) != songs(&after, u)), "nobody keeps their own");
            assert!(songs(&after, 5).is_empty());
            let films = |prepared: &Prepared| prepared.split.train.filter(|e| e.item >= 4);
            assert_eq!(films(&before), films(&after));
            assert_eq!(before.split.tasks[0].valid, after.split.tasks[0].valid);
        }
    }

    #[test]
    fn the_placebo_says_what_it_is() {
        let after = shuffle_links(&prepared(), &[0], 7);
        assert_eq!(after.split.protocol, "by hand; links to music shuffled, seed 7");
        assert_eq!(after.split.tasks.len(), 1, "the task that asks about music is dropped");
        let test = after.split.tasks[0].test.open(&mut OpenedTests::default(), "a test").users();
        assert_eq!(test, [0]);
        let again = shuffle_links(&prepared(), &[0], 7);
        assert_eq!(after.split.train, again.split.train);
        assert!((0..20).any(|seed| shuffle_links(&prepared(), &[0], seed).split.train != after.split.train));
    }
}
