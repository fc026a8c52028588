//! A log divided into what may be learnt from, what may be chosen by, and what is sealed.

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::csr::Csr;
use crate::ids::{DomainId, IdMap, UserId};
use crate::interactions::Interactions;

/// Held-out events and, where a protocol gives them, each user's fixed negatives.
#[derive(Debug, Clone, PartialEq)]
pub struct Holdout {
    /// The held-out events; a user without any is not asked about.
    pub events: Interactions,
    /// Given negatives per user (`n_users × n_items`), for protocols that rank a positive among fixed candidates.
    pub negatives: Option<Csr<()>>,
}

impl Holdout {
    /// Users with at least one held-out event, rising.
    pub fn users(&self) -> Vec<UserId> {
        (0..self.events.n_users() as UserId).filter(|&u| !self.events.user(u).is_empty()).collect()
    }

    fn only(&self, catalogue: &Catalogue, domain: DomainId) -> Self {
        let range = catalogue.range(domain);
        let negatives = self.negatives.as_ref().map(|given| {
            let rows = (0..given.n_rows())
                .map(|u| given.cols_of(u).iter().filter(|i| range.contains(i)).map(|i| (i - range.start, ())).collect())
                .collect();
            match Csr::from_rows(range.len(), rows) {
                Ok(csr) => csr,
                Err(error) => unreachable!("columns of a checked matrix stay valid: {error}"),
            }
        });
        Self { events: self.events.restricted(range), negatives }
    }
}

/// A record of every time a test holdout was opened; it goes into the run's manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedTests(Vec<String>);

impl OpenedTests {
    /// What was opened and why, in order.
    pub fn reasons(&self) -> &[String] {
        &self.0
    }
}

/// Something that may be read once everything is chosen, and never before.
///
/// Fitting code never holds a `Sealed`: [`crate::TrainData`] has no way to one.
#[derive(Debug, Clone)]
pub struct Sealed<T>(T);

impl<T> Sealed<T> {
    /// Closes the envelope.
    pub fn new(content: T) -> Self {
        Self(content)
    }

    /// Opens it, and writes down why.
    pub fn open(&self, record: &mut OpenedTests, reason: impl Into<String>) -> &T {
        record.0.push(reason.into());
        &self.0
    }
}

impl Sealed<Holdout> {
    /// Whether negatives came with it, which tells nothing of the answers.
    pub fn has_negatives(&self) -> bool {
        self.0.negatives.is_some()
    }
}

/// The question a task asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Users as they come, with target history but for those who have none yet.
    Intra,
    /// Users without any target history.
    ColdUser,
    /// Items without any history.
    ColdItem,
    /// Users with `k` target events; see [`crate::episodes`] for the same question about everyone else.
    FewShot(u32),
}

/// One question asked of a log: predict what these users did next in the target domain.
#[derive(Debug, Clone)]
pub struct Task {
    /// Name, unique within the split.
    pub name: String,
    /// What is asked.
    pub kind: TaskKind,
    /// The domain whose items are ranked.
    pub target: DomainId,
    /// For choosing: early stopping, sweeps, model choice.
    pub valid: Holdout,
    /// For reporting, once.
    pub test: Sealed<Holdout>,
}

/// What may be learnt from, and the questions asked.
#[derive(Debug, Clone)]
pub struct Split {
    /// All source interactions and the target's training part.
    pub train: Interactions,
    /// At least one question.
    pub tasks: Vec<Task>,
    /// How the split was made, in one line: part of every number's protocol.
    pub protocol: String,
}

/// Users, items and a split of their log: what preparation hands to training.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Users of all domains.
    pub users: IdMap,
    /// Items of all domains.
    pub catalogue: Catalogue,
    /// The divided log.
    pub split: Split,
}

impl Prepared {
    /// The same users and questions, with the log and catalogue of `domain` alone: what a single-domain model sees.
    /// Tasks that target other domains are dropped.
    #[must_use]
    pub fn only(&self, domain: DomainId) -> Self {
        let tasks = self.split.tasks.iter().filter(|task| task.target == domain);
        let tasks = tasks.map(|task| Task {
            name: task.name.clone(),
            kind: task.kind,
            target: 0,
            valid: task.valid.only(&self.catalogue, domain),
            test: Sealed(task.test.0.only(&self.catalogue, domain)),
        });
        Self {
            users: self.users.clone(),
            catalogue: self.catalogue.only(domain),
            split: Split {
                train: self.split.train.restricted(self.catalogue.range(domain)),
                tasks: tasks.collect(),
                protocol: self.split.protocol.clone(),
            },
        }
    }

    /// Training and validation events as one log: for the final fit of a chosen recipe, and for test-time histories.
    pub fn train_and_valid(&self) -> Interactions {
        self.split.tasks.iter().fold(self.split.train.clone(), |log, task| log.merged(&task.valid.events))
    }
}
