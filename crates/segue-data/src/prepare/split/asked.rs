//! Which questions a split asks, and to which of them a held-out row belongs.
//!
//! Rows carry their part alone. Whose question a held-out row is follows from its domain, user and item.

use segue_core::TaskKind;
use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::prepare::report::QuestionCount;
use crate::prepare::rows::{Part, Row, Rows, World};

/// The questions that a plan asks of every domain that is split, and whom and what they are about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Questions {
    /// The first has the name of its domain.
    pub(super) kinds: Vec<TaskKind>,
    /// The question of each user, by domain; empty: the first for all.
    pub(super) of_users: Vec<Vec<u8>>, // (n_domains, n_users or none)
    /// The question of each item, by domain, for users who are asked the first.
    pub(super) of_items: Vec<Vec<u8>>, // (n_domains, items of each or none)
}

/// A question of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::prepare) struct AskedTask {
    pub(in crate::prepare) domain: usize,
    question: u8,
}

/// The questions that are left to be asked, in the order of the tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::prepare) struct Asked {
    questions: Questions,
    tasks: Vec<AskedTask>,
}

/// Users and rows.
#[derive(Debug, Clone, Copy, Default)]
struct HeldOut {
    users: usize,
    rows: usize,
}

impl Questions {
    /// One question of each domain, asked of whoever has a held-out row.
    pub(super) fn one(kind: TaskKind) -> Self {
        Self { kinds: vec![kind], of_users: Vec::new(), of_items: Vec::new() }
    }

    fn at(places: &[Vec<u8>], d: usize, id: u32) -> u8 {
        places.get(d).and_then(|places| places.get(id as usize)).copied().unwrap_or(0)
    }

    /// The question of a user of domain `d`.
    pub(super) fn of_user(&self, d: usize, user: u32) -> u8 {
        Self::at(&self.of_users, d, user)
    }

    /// The question that a held-out row of domain `d` belongs to.
    pub(super) fn of(&self, d: usize, row: &Row) -> u8 {
        match self.of_user(d, row.user) {
            0 => Self::at(&self.of_items, d, row.item),
            question => question,
        }
    }

    /// Name of a task, from that of its domain.
    fn name(&self, domain: &str, question: u8) -> String {
        if question == 0 {
            return domain.into();
        }
        match self.kinds[usize::from(question)] {
            TaskKind::Intra => format!("{domain}_intra"),
            TaskKind::ColdUser => format!("{domain}_cold_user"),
            TaskKind::ColdItem => format!("{domain}_cold_item"),
            TaskKind::FewShot(k) => format!("{domain}_few_shot_{k}"),
        }
    }

    /// What each question holds out of a domain, as validation and as test.
    fn count(&self, d: usize, rows: &Rows) -> Result<Vec<[HeldOut; 2]>, DataError> {
        let nothing = vec![[HeldOut::default(); 2]; self.kinds.len()];
        let count = |rows: &[Row]| {
            let mut counts = nothing.clone();
            for rows in rows.chunk_by(|a, b| a.user == b.user) {
                let before = counts.clone();
                for row in rows.iter().filter(|row| row.part > Part::Train) {
                    let part = usize::from(row.part == Part::Test);
                    counts[usize::from(self.of(d, row))][part].rows += 1;
                }
                for (count, before) in counts.iter_mut().flatten().zip(before.iter().flatten()) {
                    count.users += usize::from(count.rows > before.rows);
                }
            }
            counts
        };
        let mut whole = nothing.clone();
        for counts in rows.read(count)? {
            for (sum, count) in whole.iter_mut().flatten().zip(counts.iter().flatten()) {
                *sum = HeldOut { users: sum.users + count.users, rows: sum.rows + count.rows };
            }
        }
        Ok(whole)
    }
}

impl Asked {
    /// Of each domain that is split the first question, and those of the others that have a test event; what was validation
    /// of the rest is in no part.
    pub(super) fn of(questions: Questions, world: &mut World) -> Result<Self, DataError> {
        let mut tasks = Vec::new();
        for d in world.targets.clone() {
            tasks.push(AskedTask { domain: d, question: 0 });
            if questions.kinds.len() == 1 {
                continue;
            }
            let counts = questions.count(d, &world.domains[d].rows)?;
            let is_asked: Vec<bool> = counts.iter().map(|[_, test]| test.rows > 0).collect();
            for (question, [valid, _]) in (0..).zip(&counts).skip(1) {
                if is_asked[usize::from(question)] {
                    tasks.push(AskedTask { domain: d, question });
                } else {
                    world.notes.push(told(&questions, question, (world, d), valid.rows));
                }
            }
            let unasked = |row: &&mut Row| row.part == Part::Valid && !is_asked[usize::from(questions.of(d, row))];
            if is_asked.contains(&false) {
                world.domains[d].rows.edit(|rows| {
                    rows.iter_mut().filter(unasked).for_each(|row| row.part = Part::Unused);
                    Ok(())
                })?;
            }
        }
        let asked = Self { questions, tasks };
        asked.check_names(world)?;
        Ok(asked)
    }

    /// Files are named after tasks.
    fn check_names(&self, world: &World) -> Result<(), DataError> {
        let names: Vec<String> = self.names(world).collect();
        for (n, name) in names.iter().enumerate() {
            if names[..n].contains(name) {
                let what = format!(
                    "two questions would be called {name}: that of the domain, and one of another domain; rename the domain"
                );
                return Err(DataError::config("data.domains", what));
            }
        }
        Ok(())
    }

    fn names<'a>(&'a self, world: &'a World) -> impl Iterator<Item = String> + 'a {
        self.tasks.iter().map(|task| self.name(task, &world.domains[task.domain].name))
    }

    /// The questions, in the order of the tasks.
    pub(in crate::prepare) fn tasks(&self) -> &[AskedTask] {
        &self.tasks
    }

    pub(in crate::prepare) fn name(&self, task: &AskedTask, domain: &str) -> String {
        self.questions.name(domain, task.question)
    }

    pub(in crate::prepare) fn kind(&self, task: &AskedTask) -> TaskKind {
        self.questions.kinds[usize::from(task.question)]
    }

    /// Position of the task that a held-out row of domain `d` belongs to.
    pub(in crate::prepare) fn task_of(&self, d: usize, row: &Row) -> Option<usize> {
        let question = self.questions.of(d, row);
        self.tasks.iter().position(|task| task.domain == d && task.question == question)
    }

    /// Whether a user of domain `d` may be asked its first question.
    pub(in crate::prepare) fn may_be_first(&self, d: usize, user: u32) -> bool {
        self.questions.of_user(d, user) == 0
    }

    /// Sizes of the questions, where a domain may have several.
    pub(in crate::prepare) fn count(&self, world: &World) -> Result<Vec<QuestionCount>, DataError> {
        let mut counted = Vec::new();
        if self.questions.kinds.len() == 1 {
            return Ok(counted);
        }
        for &d in &world.targets {
            let counts = self.questions.count(d, &world.domains[d].rows)?;
            for task in self.tasks.iter().filter(|task| task.domain == d) {
                for (part, held_out) in ["val", "test"].into_iter().zip(counts[usize::from(task.question)]) {
                    let name = self.name(task, &world.domains[d].name);
                    let HeldOut { users, rows } = held_out;
                    counted.push(QuestionCount { task: name, part: part.into(), users, interactions: rows });
                }
            }
        }
        Ok(counted)
    }

    /// Whether this can be about `world`: it may have been read from a file.
    pub(in crate::prepare) fn fits(&self, world: &World) -> bool {
        let n = self.questions.kinds.len();
        let known = |places: &[u8], len: usize| {
            (places.is_empty() || places.len() == len) && places.iter().all(|&question| usize::from(question) < n)
        };
        let Questions { of_users, of_items, .. } = &self.questions;
        of_users.iter().all(|users| known(users, world.users.len()))
            && world.domains.iter().zip(of_items).all(|(domain, items)| known(items, domain.items.len()))
            && self.tasks.iter().all(|task| task.domain < world.domains.len() && usize::from(task.question) < n)
    }
}

fn told(questions: &Questions, question: u8, (world, d): (&World, usize), n_valid: usize) -> String {
    let domain = &world.domains[d].name;
    let why = match questions.kinds[usize::from(question)] {
        TaskKind::ColdUser if world.domains.len() == 1 => "nobody is known from another domain",
        _ => "there is nothing to test",
    };
    let rest = if n_valid > 0 { format!("; {n_valid} validation events are in no part") } else { String::new() };
    format!("{domain}: {why}, so {} is not asked{rest}", questions.name(domain, question))
}
