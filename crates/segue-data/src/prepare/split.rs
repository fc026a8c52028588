//! Which events are learnt from, chosen by and sealed.
//!
//! A split is planned from a look at all rows and then made user by user: what becomes of the rows of one user in one
//! domain depends on the plan and on these rows alone. One file each, beside this one.

mod asked;
mod check;
mod cold_item;
mod cold_user;
mod few_shot;
mod given;
mod k_fold;
mod leave_one_out;
mod questions;
mod ratio;
mod time_cut;

use std::cmp::Ordering;
use std::fmt;

use segue_core::{IdMap, Seed, TaskKind};

use self::asked::Questions;
pub(super) use self::asked::{Asked, AskedTask};
pub(super) use self::check::{check, targets};
use super::config::{RatioOrder, SplitConfig, SplitKind};
use super::links::ItemLinks;
use super::rows::{Part, Row, World};
use crate::DataError;

/// A kind of split, planned.
trait Plan: Sync {
    /// Gives parts to the rows of one user of domain `d`, which is split; they are training as they come.
    fn split(&self, d: usize, rows: &mut [Row], ids: &Ids<'_>);

    /// Takes out of a domain that is not split what may not be learnt from; `None`: all of it may be.
    fn source(&self) -> Option<&dyn Forbids> {
        None
    }

    /// How, in one line; `on` names the domains that are split.
    fn protocol(&self, on: &str) -> String;

    /// Why rows of a domain that is split are in no part.
    fn why_unused(&self) -> String {
        "are in no part".into()
    }

    /// The question that is asked, where it is one.
    fn kind(&self) -> TaskKind {
        TaskKind::Intra
    }

    /// The questions that are asked.
    fn questions(&self) -> Questions {
        Questions::one(self.kind())
    }

    /// Whether no event of another domain may become a training event of `user` in domain `d`.
    fn is_closed(&self, d: usize, user: u32) -> bool {
        let _ = (d, user);
        false
    }

    /// Whether a held-out row of domain `d` was held out as one of the last of its user there, so that nothing later is
    /// learnt from.
    fn is_last(&self, d: usize, row: &Row) -> bool {
        let _ = (d, row);
        false
    }
}

/// What may not be learnt from, though it is asked about nowhere.
trait Forbids: Sync {
    fn forbids(&self, d: usize, row: &Row) -> bool;

    /// Why such rows are in no part.
    fn why(&self) -> String;

    /// What is left of the domains that are not split, in the protocol.
    fn left(&self, names: &str) -> String;
}

/// A split, made.
pub(super) struct Made {
    /// How, in one line.
    pub(super) protocol: String,
    /// The questions, and whose they are.
    pub(super) asked: Asked,
    plan: Box<dyn Plan>,
}

impl Made {
    /// See [`Plan::is_closed`].
    pub(super) fn is_closed(&self, d: usize, user: u32) -> bool {
        self.plan.is_closed(d, user)
    }

    /// See [`Plan::is_last`].
    pub(super) fn is_last(&self, d: usize, row: &Row) -> bool {
        self.plan.is_last(d, row)
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Made").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// Assigns a part to every row; rows are by user.
pub(super) fn split(world: &mut World, config: &SplitConfig, links: &ItemLinks, seed: Seed) -> Result<Made, DataError> {
    check::times(world, config)?;
    let plan = plan(world, config, links, seed)?;
    let World { users, domains, targets, notes, .. } = world;
    for (d, domain) in domains.iter_mut().enumerate() {
        let ids = Ids { users, items: &domain.items, domain: &domain.name };
        let why = match (targets.contains(&d), plan.source()) {
            (true, _) => plan.why_unused(),
            (false, Some(source)) => source.why(),
            (false, None) => continue,
        };
        let unused = domain.rows.edit(|rows| {
            if targets.contains(&d) {
                rows.chunk_by_mut(|a, b| a.user == b.user).for_each(|rows| plan.split(d, rows, &ids));
            } else if let Some(source) = plan.source() {
                rows.iter_mut().filter(|row| source.forbids(d, row)).for_each(|row| row.part = Part::Unused);
            }
            Ok(rows.iter().filter(|row| row.part == Part::Unused).count())
        })?;
        let n: usize = unused.into_iter().sum();
        notes.extend((n > 0).then(|| format!("{}: {n} events {why}", domain.name)));
    }
    let questions = plan.questions();
    if check::asks_all(config) {
        leave_out_unasked(world, &questions)?;
    }
    let asked = Asked::of(questions, world)?;
    let names = |of: &[usize]| of.iter().map(|&d| world.domains[d].name.as_str()).collect::<Vec<_>>();
    let on = names(&world.targets);
    let sources: Vec<usize> = (0..world.domains.len()).filter(|d| !world.targets.contains(d)).collect();
    let sources = names(&sources).join(", ");
    let learnt = match plan.source() {
        _ if sources.is_empty() => None,
        None => Some(format!("all of {sources}")),
        Some(source) => Some(source.left(&sources)),
    };
    let parts = on.iter().map(|name| format!("{name}-train"));
    let train = learnt.into_iter().chain(parts).collect::<Vec<_>>().join(" + ");
    let protocol = format!("{}; train = {train}", plan.protocol(&on.join(", ")));
    Ok(Made { protocol, asked, plan })
}

/// Notes how many held-out rows repeat a pair that is learnt from, where repeats were kept; rows are by user and item.
pub(super) fn tell_repeats(world: &mut World) -> Result<(), DataError> {
    for &d in &world.targets {
        let domain = &world.domains[d];
        let counts = domain.rows.read(|rows| {
            let held_out = |row: &&Row| row.part > Part::Train;
            let of_pair = |rows: &[Row]| {
                let n = rows.iter().filter(held_out).count();
                (if rows.iter().any(|row| row.part == Part::Train) { n } else { 0 }, n)
            };
            let pairs = rows.chunk_by(|a, b| (a.user, a.item) == (b.user, b.item)).map(of_pair);
            pairs.fold((0, 0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1))
        })?;
        let (known, asked) = counts.into_iter().fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
        if known > 0 {
            world.notes.push(format!(
                "{}: {known} of {asked} held-out events repeat a pair that is learnt from, for prepare.deduplicate=none \
                 keeps repeats; another rule asks for what is new alone",
                domain.name
            ));
        }
    }
    Ok(())
}

/// Of all domains those without a test event of the first question are learnt from alone; what was held out there is in no
/// part.
fn leave_out_unasked(world: &mut World, questions: &Questions) -> Result<(), DataError> {
    let World { domains, targets, target, notes, .. } = world;
    for d in std::mem::take(targets) {
        let domain = &mut domains[d];
        let is_asked = |row: &Row| row.part == Part::Test && questions.of(d, row) == 0;
        let has = domain.rows.read(|rows| rows.iter().any(is_asked))?;
        if d == *target || has.contains(&true) {
            targets.push(d);
            continue;
        }
        let left_out = domain.rows.edit(|rows| {
            let held_out = rows.iter_mut().filter(|row| row.part > Part::Train);
            Ok(held_out.map(|row| row.part = Part::Unused).count())
        })?;
        let (name, n) = (&domain.name, left_out.into_iter().sum::<usize>());
        // Of one question there is no test event here.
        let what = if questions.kinds.len() == 1 { "validation" } else { "held-out" };
        let rest = if n > 0 { format!("; {n} {what} events are in no part") } else { String::new() };
        notes.push(format!("{name}: this split leaves nothing to test there, so it is learnt from alone{rest}"));
    }
    Ok(())
}

fn plan(world: &World, config: &SplitConfig, links: &ItemLinks, seed: Seed) -> Result<Box<dyn Plan>, DataError> {
    Ok(match config.kind {
        SplitKind::LeaveOneOut => Box::new(leave_one_out::LeaveOneOut { min_history: config.min_history }),
        SplitKind::Ratio => Box::new(ratio::Ratio {
            shares: config.ratios,
            by_time: config.order == RatioOrder::Time,
            min_history: config.min_history,
            seed: seed.named("ratio"),
        }),
        SplitKind::Given => Box::new(given::Given::plan(world, config.valid_fraction, seed.named("carve"))?),
        SplitKind::TimeCut => Box::new(time_cut::TimeCut::plan(world, config)?),
        SplitKind::KFold => Box::new(k_fold::KFold::plan(config, seed.named("fold"))),
        SplitKind::ColdUser => Box::new(cold_user::ColdUser::plan(world, config, seed.named("cold_user"))?),
        SplitKind::ColdItem => Box::new(cold_item::ColdItem::plan(world, config, links, seed.named("cold_item"))),
        SplitKind::FewShot => Box::new(few_shot::FewShot::plan(world, config, seed)),
        SplitKind::Questions => Box::new(questions::ManyQuestions::plan(world, config, links, seed)?),
    })
}

/// External ids of a domain, for hashes that do not depend on what else is in the log.
struct Ids<'a> {
    users: &'a IdMap,
    items: &'a IdMap,
    domain: &'a str,
}

impl Ids<'_> {
    /// Uniform in [0, 1): the same for one pair of external ids whatever else is in the log.
    fn unit(&self, row: &Row, seed: Seed) -> f64 {
        seed.named(self.users.external(row.user)).named(self.items.external(row.item)).unit()
    }
}

/// Latest first: time falling, then value falling, then item id rising.
fn latest_first(a: &Row, b: &Row) -> Ordering {
    b.time.cmp(&a.time).then(b.value.total_cmp(&a.value)).then(a.item.cmp(&b.item))
}

/// Positions of one user's rows, latest first.
fn newest_first(rows: &[Row]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| latest_first(&rows[a], &rows[b]));
    order
}

/// The part of what is drawn at `unit` where shares `[valid, test]` are held out; a smaller test share is part of a
/// larger one.
fn drawn([valid, test]: [f64; 2], unit: f64) -> Part {
    match unit {
        unit if unit < test => Part::Test,
        unit if unit < test + valid => Part::Valid,
        _ => Part::Train,
    }
}

/// Rows of every user in every domain.
fn rows_per_user(world: &World) -> Vec<&[u32]> {
    world.domains.iter().map(|domain| domain.rows.counts().users.as_slice()).collect()
}

/// One user's rows for the tests of the kinds.
#[cfg(test)]
mod by_hand {
    use segue_core::Signal;

    use super::*;

    pub(super) fn row(item: u32, value: f32, time: i64, signal: Signal) -> Row {
        Row { user: 0, item, value, weight: 1.0, time, signal, part: Part::Train }
    }

    /// Likes of items 0, 1, ... at their times.
    pub(super) fn liked(times: &[i64]) -> Vec<Row> {
        (0..).zip(times).map(|(item, &time)| row(item, 1.0, time, Signal::Positive)).collect()
    }

    pub(super) fn parts(rows: &[Row]) -> Vec<Part> {
        rows.iter().map(|row| row.part).collect()
    }
}
