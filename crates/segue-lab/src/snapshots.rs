//! Models of epochs that stay beside the run's own: the best on validation, and the last.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use segue_core::{EpochRecord, Mode, Recommender};

use crate::bundle::Around;
use crate::error::LabError;
use crate::files::rename_folder;

/// Name of their folder inside a run folder.
pub(crate) const FOLDER_NAME: &str = "checkpoints";
const LAST: &str = "last.safetensors";

/// Which models of epochs stay.
#[derive(Debug)]
pub(crate) struct Snapshots<'a> {
    folder: PathBuf,
    around: Around<'a>,
    /// How many of the best.
    top: usize,
    /// What is best: a metric of validation by its name.
    metric: Option<(String, Mode)>,
    /// Epochs that stay and their values, best first.
    best: Vec<(usize, f64)>,
}

impl<'a> Snapshots<'a> {
    /// Keeps the models of the `top` epochs that are best by `metric` below the folder of `run`.
    pub(crate) fn new(run: &Path, around: Around<'a>, (top, metric): (usize, Option<(String, Mode)>)) -> Self {
        Self { folder: run.join(FOLDER_NAME), around, top, metric, best: Vec::new() }
    }

    /// Finds what epochs before an interruption left: those of `records`, and nothing of an epoch that was not complete.
    pub(crate) fn resume(&mut self, records: &[EpochRecord]) -> Result<(), LabError> {
        if let Some((metric, _)) = self.metric.clone() {
            for record in records {
                if let Some(&(_, value)) = record.valid.iter().find(|(name, _)| *name == metric) {
                    self.rank(record.epoch, value);
                }
            }
        }
        let stays: Vec<PathBuf> = self.best.iter().map(|&(epoch, _)| self.path(epoch)).collect();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if !stays.contains(&entry.path()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Writes a model that stays: of an epoch with a value, or the last.
    pub(crate) fn hear(&mut self, epoch: usize, value: Option<f64>, model: &dyn Recommender) -> Result<(), LabError> {
        let Some(value) = value else { return self.around.save(model, &self.folder.join(LAST)) };
        let gone = self.rank(epoch, value);
        if gone != Some(epoch) {
            self.around.save(model, &self.path(epoch))?;
        }
        gone.filter(|gone| *gone != epoch).map_or(Ok(()), |gone| remove(&self.path(gone)))
    }

    /// Places an epoch among the best, after equal ones, and returns the one that is none of them any more.
    fn rank(&mut self, epoch: usize, value: f64) -> Option<usize> {
        let Some((_, mode)) = self.metric else { return Some(epoch) };
        let place = self.best.iter().position(|&(_, other)| mode.better(value, other)).unwrap_or(self.best.len());
        self.best.insert(place, (epoch, value));
        if self.best.len() > self.top { self.best.pop().map(|(epoch, _)| epoch) } else { None }
    }

    fn path(&self, epoch: usize) -> PathBuf {
        self.folder.join(format!("epoch_{epoch:04}.safetensors"))
    }
}

/// Moves the models of epochs to where their run is written anew.
pub(crate) fn follow(run: &Path, anew: &Path) -> Result<(), LabError> {
    let kept = run.join(FOLDER_NAME);
    if kept.is_dir() { rename_folder(&kept, &anew.join(FOLDER_NAME)) } else { Ok(()) }
}

fn remove(path: &Path) -> Result<(), LabError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LabError::io("remove", path, &error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use segue_core::{Catalogue, IdMap, Interactions, ItemInfo};
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_best_epochs_stay_and_equal_ones_in_their_order() {
        let ranked = |mode: Mode, values: &[f64]| {
            let (catalogue, log) =
                (Catalogue::new(Vec::new(), |_, _| ItemInfo::default()), Interactions::new(0, 0, Vec::new()).unwrap());
            let (params, users) = (Value::Null, IdMap::default());
            let around =
                Around { model_name: "m", params: &params, users: &users, catalogue: &catalogue, target: 0, log: &log };
            let mut snapshots = Snapshots::new(Path::new("run"), around, (2, Some(("ndcg@10".into(), mode))));
            let gone: Vec<Option<usize>> =
                values.iter().enumerate().map(|(n, &value)| snapshots.rank(n + 1, value)).collect();
            (snapshots.best.iter().map(|&(epoch, _)| epoch).collect::<Vec<_>>(), gone)
        };
        assert_eq!(ranked(Mode::Max, &[0.3, 0.1, 0.3, 0.5]), (vec![4, 1], vec![None, None, Some(2), Some(3)]));
        assert_eq!(ranked(Mode::Min, &[0.3, 0.1, 0.2, 0.2]), (vec![2, 3], vec![None, None, Some(1), Some(4)]));
    }
}
