//! Rows with parts into [`Prepared`], with only the users and items that occur.

use rayon::prelude::*;
use segue_core::{
    Catalogue, Csr, Domain, Event, Holdout, IdMap, Interactions, ItemInfo, Prepared, Sealed, Split, Task, TaskKind,
};

use super::report::{Overlap, PartCount};
use super::rows::{Part, World, distinct};
use crate::DataError;

/// Users, items and interactions of every domain and part.
pub(super) fn count_parts(world: &World) -> Vec<PartCount> {
    let mut counts = Vec::new();
    for (d, domain) in world.domains.iter().enumerate() {
        let parts = [(Part::Train, "train"), (Part::Valid, "val"), (Part::Test, "test"), (Part::Unused, "unused")];
        for (part, name) in parts {
            let rows = || domain.rows.iter().filter(|row| row.part == part);
            let told = match part {
                Part::Train => true,
                Part::Valid | Part::Test => world.targets.contains(&d),
                Part::Unused => rows().next().is_some(),
            };
            if !told {
                continue;
            }
            let (users, items) = distinct(world.users.len(), domain.items.len(), rows());
            let part = name.into();
            counts.push(PartCount { domain: domain.name.clone(), part, users, items, interactions: rows().count() });
        }
    }
    counts
}

/// Overlap of every pair of domains.
pub(super) fn count_overlaps(world: &World) -> Vec<Overlap> {
    let met = world.met();
    let count = |met: &[bool]| met.iter().filter(|&&m| m).count();
    let mut overlaps = Vec::new();
    for (a, first) in world.domains.iter().enumerate() {
        for (b, second) in world.domains.iter().enumerate().skip(a + 1) {
            let users = met[a].iter().zip(&met[b]).filter(|(a, b)| **a && **b).count();
            let percent = |of: usize| if of == 0 { 0.0 } else { 100.0 * users as f64 / of as f64 };
            overlaps.push(Overlap {
                first: first.name.clone(),
                second: second.name.clone(),
                users,
                percent_of_first: percent(count(&met[a])),
                percent_of_second: percent(count(&met[b])),
            });
        }
    }
    overlaps
}

/// What becomes of dense ids when the unused ones go: the new map, and the new id of each old one.
pub(super) struct Renumbered {
    pub(super) map: IdMap,
    /// Of an id that goes, any.
    pub(super) new_id: Vec<u32>,
}

/// Keeps the ids that are used.
pub(super) fn renumber(old: &IdMap, used: &[bool]) -> Renumbered {
    let names: Vec<&str> = old.iter().zip(used).filter(|(_, used)| **used).map(|(name, _)| name).collect();
    let mut next = 0;
    let step = |&used: &bool| {
        next += u32::from(used);
        next.wrapping_sub(1)
    };
    Renumbered { new_id: used.iter().map(step).collect(), map: IdMap::new(names) }
}

/// The catalogue's ids: users and, per domain, items that occur in some part or among the kept negatives.
pub(super) struct Assembled {
    pub(super) users: IdMap,
    pub(super) domains: Vec<Domain>,
    train: Vec<Event>,
    /// For each domain that is split, the target first: where it stands, its validation and its test events.
    asked: Vec<(usize, [Vec<Event>; 2])>,
    /// Of the target.
    negatives: Option<Csr<()>>,
    n_items: usize,
}

/// Renumbers ids and gathers the events of each part.
pub(super) fn assemble(world: World) -> (Assembled, Vec<String>) {
    let World { users, domains, target, targets, negatives, mut notes, .. } = world;
    let mut is_asked = vec![false; users.len()];
    let held_out = domains[target].rows.iter().filter(|row| row.part > Part::Train);
    held_out.for_each(|row| is_asked[row.user as usize] = true);
    let negatives = negatives.map(|pairs| pairs.into_iter().filter(|p| is_asked[p.0 as usize]).collect::<Vec<_>>());
    let timed = domains.iter().all(|d| d.timed);
    if !timed && domains.iter().any(|d| d.timed) {
        let without: Vec<&str> = domains.iter().filter(|d| !d.timed).map(|d| d.name.as_str()).collect();
        notes.push(format!("{} has no times, so the joint log carries none", without.join(", ")));
    }
    let mut used_users = vec![false; users.len()];
    let mut used_items: Vec<Vec<bool>> = domains.iter().map(|d| vec![false; d.items.len()]).collect();
    for (domain, used) in domains.iter().zip(&mut used_items) {
        for row in domain.rows.iter().filter(|row| row.part != Part::Unused) {
            used_users[row.user as usize] = true;
            used[row.item as usize] = true;
        }
    }
    negatives.iter().flatten().for_each(|&(_, item)| used_items[target][item as usize] = true);
    let users = renumber(&users, &used_users);
    let (mut start, mut train, mut out) = (0_u32, Vec::new(), Vec::new());
    let mut held_out: Vec<[Vec<Event>; 2]> = domains.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    let mut target_start = 0;
    let mut target_ids = Vec::new();
    for (d, (domain, used)) in domains.into_iter().zip(&used_items).enumerate() {
        let items = renumber(&domain.items, used);
        for row in &domain.rows {
            let part = match row.part {
                Part::Unused => continue,
                Part::Train => &mut train,
                Part::Valid => &mut held_out[d][0],
                Part::Test => &mut held_out[d][1],
            };
            part.push(Event {
                user: users.new_id[row.user as usize],
                item: start + items.new_id[row.item as usize],
                weight: row.weight,
                signal: row.signal,
                value: row.value,
                time: timed.then_some(row.time),
            });
        }
        if d == target {
            target_start = start;
            target_ids = items.new_id;
        }
        start += items.map.len() as u32;
        out.push(Domain { name: domain.name, ids: items.map });
    }
    for part in std::iter::once(&mut train).chain(held_out.iter_mut().flatten()) {
        // One total order, so that neither the input's nor a sort's order shows.
        part.par_sort_unstable_by(|a, b| {
            (a.user, a.time, a.item).cmp(&(b.user, b.time, b.item)).then(a.value.total_cmp(&b.value))
        });
    }
    let negatives = negatives.map(|pairs| {
        let mut rows = vec![Vec::new(); users.map.len()];
        for (user, item) in pairs {
            rows[users.new_id[user as usize] as usize].push((target_start + target_ids[item as usize], ()));
        }
        rows
    });
    let negatives = match negatives.map(|rows| Csr::from_rows(start as usize, rows)).transpose() {
        Ok(negatives) => negatives,
        Err(error) => unreachable!("items of negatives were numbered above: {error}"),
    };
    let asked: Vec<(usize, [Vec<Event>; 2])> =
        targets.into_iter().map(|d| (d, std::mem::take(&mut held_out[d]))).collect();
    if let Some(negatives) = &negatives {
        let positive = |e: &&Event| negatives.contains(e.user as usize, e.item);
        let [valid, test] = &asked[0].1;
        let clash = train.iter().chain(valid).chain(test).filter(positive).count();
        if clash > 0 {
            notes.push(format!("{clash} given negatives are events of their user; they are used as given"));
        }
        let without = users_without(test, negatives);
        if without > 0 {
            notes.push(format!("{without} users with a test event have no given negatives"));
        }
    }
    let assembled = Assembled { users: users.map, domains: out, train, asked, negatives, n_items: start as usize };
    (assembled, notes)
}

fn users_without(test: &[Event], negatives: &Csr<()>) -> usize {
    test.chunk_by(|a, b| a.user == b.user)
        .filter(|events| negatives.cols_of(events[0].user as usize).is_empty())
        .count()
}

impl Assembled {
    /// Joins everything; `infos` holds what is known of each domain's items.
    pub(super) fn finish(
        self,
        infos: &[Vec<ItemInfo>],
        (protocol, kind): (String, TaskKind),
    ) -> Result<Prepared, DataError> {
        let (n_users, n_items) = (self.users.len(), self.n_items);
        let mut position = infos.iter().map(|infos| infos.iter()).collect::<Vec<_>>();
        let catalogue = Catalogue::new(self.domains, |d, _| position[d].next().cloned().unwrap_or_default());
        let log = |events: Vec<Event>| Interactions::new(n_users, n_items, events);
        let mut negatives = self.negatives;
        let task = |(target, [valid, test]): (usize, [Vec<Event>; 2])| {
            // Given negatives are those of the first task.
            let negatives = negatives.take();
            Ok(Task {
                name: catalogue.domains()[target].name.clone(),
                kind,
                target,
                valid: Holdout { events: log(valid)?, negatives: negatives.clone() },
                test: Sealed::new(Holdout { events: log(test)?, negatives }),
            })
        };
        let tasks = self.asked.into_iter().map(task).collect::<Result<_, DataError>>()?;
        let split = Split { train: log(self.train)?, tasks, protocol };
        Ok(Prepared { users: self.users, catalogue, split })
    }
}
