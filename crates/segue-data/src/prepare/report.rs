//! What preparation did, in numbers.

use std::path::MAIN_SEPARATOR;

use serde::{Deserialize, Serialize};

use super::config::{DataConfig, PrepareOptions, SplitConfig};
use crate::readers::InputFile;

/// Everything that preparation counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareReport {
    /// What was read.
    pub data: DataConfig,
    /// Options as used, after `data.train_size`.
    pub options: PrepareOptions,
    /// Split as used, after `data.train_ratio` and the seed.
    pub split: SplitConfig,
    /// Seed of the hashes.
    pub seed: u64,
    /// Input files in reading order.
    pub inputs: Vec<InputFile>,
    /// Interactions after every step, per domain.
    pub steps: Vec<StepCount>,
    /// Users, items and interactions per domain and part.
    pub parts: Vec<PartCount>,
    /// Users and interactions that each question holds out, where a domain is asked several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<QuestionCount>,
    /// Users met in two domains, for each pair, of all that was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overlaps_as_read: Vec<Overlap>,
    /// Users met in two domains, for each pair, of what filters and split leave.
    pub overlaps: Vec<Overlap>,
    /// Anything a reader of the numbers should know.
    pub notes: Vec<String>,
}

impl PrepareReport {
    /// The overlaps to tell, and of what they are: those of what is left are told where they are others than those of the logs.
    pub fn overlaps_told(&self) -> impl Iterator<Item = (&Overlap, &'static str)> {
        let left = if self.overlaps == self.overlaps_as_read { &[] } else { self.overlaps.as_slice() };
        let read = self.overlaps_as_read.iter().map(|overlap| (overlap, "the logs of"));
        read.chain(left.iter().map(|overlap| (overlap, "what filters and split leave of")))
    }

    /// Calls the files of the passing folder by its name, wherever they are spoken of.
    pub(super) fn named(mut self) -> Self {
        let Some((folder, name)) = self.data.passing.take() else { return self };
        let (folder, name) = (format!("{}{MAIN_SEPARATOR}", folder.display()), format!("{name}:"));
        let called = |text: &str| {
            let inside = text.starts_with(&folder);
            let text = text.replace(&folder, &name);
            if inside { text.replace(MAIN_SEPARATOR, "/") } else { text }
        };
        for input in &mut self.inputs {
            input.path = called(&input.path);
        }
        self.notes.iter_mut().for_each(|note| *note = note.replace(&folder, &name));
        for domain in &mut self.data.domains {
            for files in [&mut domain.interactions, &mut domain.items].into_iter().flatten() {
                files.as_mut_slice().iter_mut().for_each(|path| *path = called(&path.to_string_lossy()).into());
            }
        }
        self
    }
}

/// What one step left of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepCount {
    /// Step, e.g. `deduplicate`.
    pub step: String,
    /// Domain.
    pub domain: String,
    /// Users left.
    pub users: usize,
    /// Items left.
    pub items: usize,
    /// Interactions left.
    pub interactions: usize,
    /// Interactions that this step removed.
    pub removed: usize,
}

/// Size of one part of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartCount {
    /// Domain.
    pub domain: String,
    /// `train`, `val`, `test`, or `unused` where there is such.
    pub part: String,
    /// Users with at least one interaction.
    pub users: usize,
    /// Items with at least one interaction.
    pub items: usize,
    /// Interactions.
    pub interactions: usize,
}

/// Size of one part of one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionCount {
    /// Name of the task.
    pub task: String,
    /// `val` or `test`.
    pub part: String,
    /// Users who are asked.
    pub users: usize,
    /// Interactions that they are asked about.
    pub interactions: usize,
}

/// Users met in two domains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlap {
    /// First domain.
    pub first: String,
    /// Second domain.
    pub second: String,
    /// Users met in both.
    pub users: usize,
    /// In percent of the first domain's users.
    pub percent_of_first: f64,
    /// In percent of the second domain's users.
    pub percent_of_second: f64,
}
