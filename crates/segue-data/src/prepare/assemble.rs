//! Rows with parts into dense ids, with only the users and items that occur, and into the events of each part.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;
use segue_core::{
    Catalogue, Csr, Domain, Event, Holdout, IdMap, Interactions, Prepared, Sealed, Split, Task, TaskKind,
};

use super::report::{Overlap, PartCount};
use super::rows::{Counts, Given, Part, Row, Rows, World};
use super::split::{Asked, AskedTask};
use crate::DataError;
use crate::spill::Spill;

/// Who and what occurs in each part of each domain.
#[derive(Debug)]
pub(super) struct Census {
    /// By domain, then by part.
    domains: Vec<[Counts; 4]>,
}

/// The parts in the order in which they are told.
const PARTS: [(Part, &str); 4] =
    [(Part::Train, "train"), (Part::Valid, "val"), (Part::Test, "test"), (Part::Unused, "unused")];

impl Census {
    pub(super) fn take(world: &World) -> Result<Self, DataError> {
        let domains = world.domains.iter().map(|domain| domain.rows.count_parts());
        Ok(Self { domains: domains.collect::<Result<_, _>>()? })
    }

    /// Users, items and interactions of every part that a domain has.
    pub(super) fn parts(&self, world: &World) -> Vec<PartCount> {
        let mut counted = Vec::new();
        for (d, (domain, counts)) in world.domains.iter().zip(&self.domains).enumerate() {
            for (part, name) in PARTS {
                let counts = &counts[part as usize];
                let told = match part {
                    Part::Train => true,
                    Part::Valid | Part::Test => world.targets.contains(&d),
                    Part::Unused => counts.rows > 0,
                };
                if !told {
                    continue;
                }
                let (users, items) = counts.distinct();
                let (domain, part) = (domain.name.clone(), name.into());
                counted.push(PartCount { domain, part, users, items, interactions: counts.rows });
            }
        }
        counted
    }

    /// Whether each user has a held-out row of domain `d`.
    fn held_out(&self, d: usize) -> Vec<bool> {
        let [_, _, valid, test] = &self.domains[d];
        valid.users.iter().zip(&test.users).map(|(valid, test)| valid + test > 0).collect()
    }

    fn used_users(&self, n_users: usize) -> Vec<bool> {
        let all = || self.domains.iter().flat_map(|[_, used @ ..]| used);
        (0..n_users).map(|user| all().any(|counts| counts.users[user] > 0)).collect()
    }

    fn used_items(&self, d: usize, n_items: usize) -> Vec<bool> {
        let [_, used @ ..] = &self.domains[d];
        (0..n_items).map(|item| used.iter().any(|counts| counts.items[item] > 0)).collect()
    }
}

/// Overlap of every pair of domains.
pub(super) fn count_overlaps(world: &World) -> Vec<Overlap> {
    let met = |d: usize| world.domains[d].rows.counts().users.iter().map(|&n| n > 0);
    let count = |d: usize| met(d).filter(|&met| met).count();
    let mut overlaps = Vec::new();
    for (a, first) in world.domains.iter().enumerate() {
        for (b, second) in world.domains.iter().enumerate().skip(a + 1) {
            let users = met(a).zip(met(b)).filter(|(a, b)| *a && *b).count();
            let percent = |of: usize| if of == 0 { 0.0 } else { 100.0 * users as f64 / of as f64 };
            overlaps.push(Overlap {
                first: first.name.clone(),
                second: second.name.clone(),
                users,
                percent_of_first: percent(count(a)),
                percent_of_second: percent(count(b)),
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

/// Keeps the ids that are used. The text of many ids is large, so the old map goes at once.
pub(super) fn renumber(old: IdMap, used: &[bool]) -> Renumbered {
    let mut next = 0;
    let step = |&used: &bool| {
        next += u32::from(used);
        next.wrapping_sub(1)
    };
    let new_id = used.iter().map(step).collect();
    Renumbered { new_id, map: if used.contains(&false) { old.only(used) } else { old } }
}

/// The catalogue's ids: users and, per domain, items that occur in some part or among the kept negatives.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) users: IdMap,
    pub(super) domains: Vec<Domain>,
    pub(super) rows: SplitRows,
    /// Of the target.
    negatives: Option<Csr<()>>,
}

/// The rows of all domains, and what their ids are called now.
#[derive(Debug)]
pub(super) struct SplitRows {
    domains: Vec<Rows>,
    /// New id of each old user, and of each old item by domain.
    users: Vec<u32>,
    items: Vec<Vec<u32>>,
    timed: bool,
    /// Which task each held-out row belongs to.
    asked: Asked,
    spill: Arc<Spill>,
}

/// Renumbers ids and settles the negatives.
pub(super) fn assemble(
    world: World,
    (census, asked): (&Census, Asked),
    spill: Arc<Spill>,
) -> Result<(Assembled, Vec<String>), DataError> {
    let World { users, domains, target, negatives, mut notes, .. } = world;
    let timed = domains.iter().all(|d| d.timed);
    if !timed && domains.iter().any(|d| d.timed) {
        let without: Vec<&str> = domains.iter().filter(|d| !d.timed).map(|d| d.name.as_str()).collect();
        notes.push(format!("{} has no times, so the joint log carries none", without.join(", ")));
    }
    let held_out = census.held_out(target);
    // Given negatives are those of the first task.
    let wanted = |user: u32| held_out[user as usize] && asked.may_be_first(target, user);
    let (asked_about, negatives) = match negatives {
        Some(Given { negatives, asked }) => (asked, Some(negatives)),
        None => (Vec::new(), None),
    };
    let negatives = negatives.map(|pairs| pairs.into_iter().filter(|p| wanted(p.0)).collect::<Vec<_>>());
    let asked_about: HashSet<(u32, u32)> = asked_about.into_iter().filter(|p| wanted(p.0)).collect();
    let used = census.used_users(users.len());
    let users = renumber(users, &used);
    let (mut start, mut out, mut rows, mut item_ids) = (0_u32, Vec::new(), Vec::new(), Vec::new());
    for (d, domain) in domains.into_iter().enumerate() {
        let mut used = census.used_items(d, domain.items.len());
        let of_negatives = negatives.iter().flatten().filter(|_| d == target);
        of_negatives.for_each(|&(_, item)| used[item as usize] = true);
        let items = renumber(domain.items, &used);
        item_ids.push(items.new_id.into_iter().map(|id| start.wrapping_add(id)).collect());
        rows.push(domain.rows);
        start += items.map.len() as u32;
        out.push(Domain { name: domain.name, ids: items.map });
    }
    let rows = SplitRows { domains: rows, users: users.new_id, items: item_ids, timed, asked, spill };
    let negatives = negatives.map(|pairs| {
        let mut of_user = vec![Vec::new(); users.map.len()];
        for (user, item) in pairs {
            of_user[rows.users[user as usize] as usize].push((rows.items[target][item as usize], ()));
        }
        of_user
    });
    let negatives = match negatives.map(|of_user| Csr::from_rows(start as usize, of_user)).transpose() {
        Ok(negatives) => negatives,
        Err(error) => unreachable!("items of negatives were numbered above: {error}"),
    };
    if let Some(negatives) = &negatives {
        notes.extend(rows.doubts(negatives, target, &census.domains[target][Part::Test as usize])?);
        notes.extend(rows.elsewhere(asked_about, target)?);
    }
    Ok((Assembled { users: users.map, domains: out, rows, negatives }, notes))
}

impl SplitRows {
    /// What is odd about given negatives; `tested` counts the test rows of the target.
    fn doubts(&self, negatives: &Csr<()>, target: usize, tested: &Counts) -> Result<Vec<String>, DataError> {
        let positive = |row: &&Row| {
            let (user, item) = (self.users[row.user as usize], self.items[target][row.item as usize]);
            row.part != Part::Unused && negatives.contains(user as usize, item)
        };
        let clash: usize = self.domains[target].read(|rows| rows.iter().filter(positive).count())?.into_iter().sum();
        let without = |&(&old, &n): &(&u32, &u32)| n > 0 && negatives.cols_of(old as usize).is_empty();
        let without = self.users.iter().zip(&tested.users).filter(without).count();
        let clash =
            (clash > 0).then(|| format!("{clash} given negatives are events of their user; they are used as given"));
        let without = (without > 0).then(|| format!("{without} users with a test event have no given negatives"));
        Ok(clash.into_iter().chain(without).collect())
    }

    /// Which of the pairs that given negatives go with are no held-out events of the target; `asked`: old ids.
    fn elsewhere(&self, mut asked: HashSet<(u32, u32)>, target: usize) -> Result<Option<String>, DataError> {
        let n = asked.len();
        let held_out = |rows: &[Row]| {
            let held_out = rows.iter().filter(|row| matches!(row.part, Part::Valid | Part::Test));
            held_out.map(|row| (row.user, row.item)).filter(|pair| asked.contains(pair)).collect::<Vec<_>>()
        };
        let met: Vec<_> = self.domains[target].read(held_out)?.concat();
        for pair in &met {
            asked.remove(pair);
        }
        Ok((!asked.is_empty()).then(|| {
            format!(
                "{} of the {n} pairs that the given negatives name, a user and what was asked, are not held out; are these \
                 the negatives of another test part?",
                asked.len()
            )
        }))
    }

    /// All is written: returns how many bytes went through files, and removes those.
    pub(super) fn finish(self) -> u64 {
        self.spill.finish();
        self.spill.written()
    }

    /// The events of the users of one chunk after the other, users rising: of training, then of validation and test of
    /// each task, each by user, time in milliseconds, item and value.
    pub(super) fn each_piece(
        &self,
        take: &mut dyn FnMut(Vec<Vec<Event>>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let n_chunks = self.domains.first().map_or(0, Rows::n_chunks);
        (0..n_chunks).try_for_each(|k| take(self.piece(k)?))
    }

    fn piece(&self, k: usize) -> Result<Vec<Vec<Event>>, DataError> {
        let mut parts: Vec<Vec<(i64, Event)>> = vec![Vec::new(); 1 + 2 * self.asked.tasks().len()];
        for (d, rows) in self.domains.iter().enumerate() {
            let items = &self.items[d];
            rows.with_chunk(k, |rows| {
                for row in rows {
                    let part = match row.part {
                        Part::Unused => continue,
                        Part::Train => 0,
                        held_out => match self.asked.task_of(d, row) {
                            Some(task) => 1 + 2 * task + usize::from(held_out == Part::Test),
                            None => 0,
                        },
                    };
                    let event = Event {
                        user: self.users[row.user as usize],
                        item: items[row.item as usize],
                        weight: row.weight,
                        signal: row.signal,
                        value: row.value,
                        time: self.timed.then_some(row.time.div_euclid(1_000)),
                    };
                    parts[part].push((if self.timed { row.time } else { 0 }, event));
                }
            })?;
        }
        let sorted = |mut part: Vec<(i64, Event)>| {
            // One total order, so that neither the input's nor a sort's order shows; the order of seconds is its own.
            part.par_sort_unstable_by(|(at, a), (bt, b)| {
                (a.user, at, a.item).cmp(&(b.user, bt, b.item)).then(a.value.total_cmp(&b.value))
            });
            part.into_iter().map(|(_, event)| event).collect()
        };
        Ok(parts.into_iter().map(sorted).collect())
    }
}

/// All but the events: what the split is about.
#[derive(Debug)]
pub(super) struct Outline {
    pub(super) users: IdMap,
    pub(super) catalogue: Catalogue,
    pub(super) protocol: String,
    pub(super) tasks: Vec<TaskOutline>,
}

/// A task without its events.
#[derive(Debug)]
pub(super) struct TaskOutline {
    pub(super) name: String,
    pub(super) kind: TaskKind,
    pub(super) target: usize,
    /// Of validation and of test.
    pub(super) negatives: [Option<Csr<()>>; 2],
}

impl Assembled {
    /// Joins ids with what is known of the items.
    pub(super) fn outline(mut self, catalogue: Catalogue, protocol: String) -> (Outline, SplitRows) {
        let task = |task: &AskedTask| TaskOutline {
            name: self.rows.asked.name(task, &catalogue.domains()[task.domain].name),
            kind: self.rows.asked.kind(task),
            target: task.domain,
            negatives: [self.negatives.clone(), self.negatives.take()],
        };
        let tasks = self.rows.asked.tasks().iter().map(task).collect();
        (Outline { users: self.users, catalogue, protocol, tasks }, self.rows)
    }
}

/// Everything in memory.
pub(super) fn gather(outline: Outline, mut rows: SplitRows) -> Result<Prepared, DataError> {
    let Outline { users, catalogue, protocol, tasks } = outline;
    let (n_users, n_items) = (users.len(), catalogue.n_items());
    let mut parts: Vec<Vec<Event>> = vec![Vec::new(); 1 + 2 * tasks.len()];
    for k in 0..rows.domains.first().map_or(0, Rows::n_chunks) {
        let piece = rows.piece(k)?;
        for rows in &mut rows.domains {
            rows.release(k);
        }
        parts.iter_mut().zip(piece).for_each(|(part, mut piece)| part.append(&mut piece));
    }
    drop(rows);
    let mut logs = parts.into_iter().map(|events| Interactions::new(n_users, n_items, events));
    let mut next = || logs.next().unwrap_or_else(|| Ok(Interactions::empty(n_users, n_items)));
    let train = next()?;
    let mut asked = Vec::new();
    for task in tasks {
        let [of_valid, of_test] = task.negatives;
        let valid = Holdout { events: next()?, negatives: of_valid };
        let test = Sealed::new(Holdout { events: next()?, negatives: of_test });
        asked.push(Task { name: task.name, kind: task.kind, target: task.target, valid, test });
    }
    Ok(Prepared { users, catalogue, split: Split { train, tasks: asked, protocol } })
}
