//! The listener of a run: training log, checkpoints, time limit, Ctrl-C; everything is passed on to the terminal.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use segue_core::{EpochRecord, FitEvent, Halt, Watch};

use crate::error::LabError;
use crate::files::write_aside;
use crate::snapshots::Snapshots;

/// Name of the training log inside a run folder.
pub(crate) const LOG_NAME: &str = "train_log.csv";
/// Name of the checkpoint inside an unfinished run folder.
pub(crate) const CHECKPOINT_NAME: &str = "checkpoint.safetensors";
/// Least time between two checkpoints, so that short epochs do not spend their time on the disk.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_secs(20);

/// Set by Ctrl-C: every fit, and all other long work, stops at its next event.
pub static STOP: AtomicBool = AtomicBool::new(false);

/// What work without a watcher answers its progress with: go on until Ctrl-C.
pub(crate) fn unless_stopped() -> ControlFlow<()> {
    if STOP.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// What a run wants of its watcher.
#[derive(Debug, Clone, Default)]
pub struct WatchPlan {
    /// Folder for the log and checkpoints; `None` keeps nothing.
    pub folder: Option<PathBuf>,
    /// Training time after which the best model so far is kept.
    pub time_limit: Option<Duration>,
}

/// Writes what must survive, then lets `terminal` show it.
pub struct RunWatch<'a> {
    plan: WatchPlan,
    terminal: &'a mut dyn Watch,
    started: Instant,
    saved: Option<Instant>,
    snapshots: Option<Snapshots<'a>>,
    log: Vec<EpochRecord>,
    /// The first error met while writing; the fit is then aborted.
    pub error: Option<LabError>,
}

impl std::fmt::Debug for RunWatch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunWatch").field("plan", &self.plan).field("log", &self.log).finish_non_exhaustive()
    }
}

impl<'a> RunWatch<'a> {
    /// Starts the clock.
    pub fn new(plan: WatchPlan, terminal: &'a mut dyn Watch) -> Self {
        Self { plan, terminal, started: Instant::now(), saved: None, snapshots: None, log: Vec::new(), error: None }
    }

    /// Keeps models of epochs, too.
    pub(crate) fn keeping(self, snapshots: Option<Snapshots<'a>>) -> Self {
        Self { snapshots, ..self }
    }

    /// The training log so far.
    pub fn records(&self) -> impl Iterator<Item = &EpochRecord> {
        self.log.iter()
    }

    fn halt(&self) -> Option<Halt> {
        if self.error.is_some() || STOP.load(Ordering::Relaxed) {
            return Some(Halt::Abort);
        }
        self.plan.time_limit.filter(|limit| self.started.elapsed() >= *limit).map(|_| Halt::Finish)
    }

    fn keep(&mut self, event: &FitEvent<'_>) -> Result<(), LabError> {
        match event {
            FitEvent::Start { records, .. } => {
                self.log = records.to_vec();
                if let Some(snapshots) = &mut self.snapshots {
                    snapshots.resume(records)?;
                }
            }
            FitEvent::Snapshot { epoch, value, model } => {
                if let Some(snapshots) = &mut self.snapshots {
                    snapshots.hear(*epoch, *value, *model)?;
                }
            }
            FitEvent::Epoch(record) => {
                self.log.push((*record).clone());
                if let Some(folder) = &self.plan.folder {
                    write_aside(&folder.join(LOG_NAME), |out| out.write_all(log_csv(&self.log).as_bytes()))?;
                }
            }
            FitEvent::Checkpoint { save, .. } => {
                let due = self.saved.unwrap_or(self.started).elapsed() >= BETWEEN_CHECKPOINTS;
                if let Some(folder) = &self.plan.folder
                    && (due || self.halt().is_some())
                {
                    write_aside(&folder.join(CHECKPOINT_NAME), |out| save(out))?;
                    self.saved = Some(Instant::now());
                }
            }
            FitEvent::Progress { .. } | FitEvent::Diverged { .. } => {}
        }
        Ok(())
    }
}

impl Watch for RunWatch<'_> {
    fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt> {
        if let Err(error) = self.keep(event) {
            self.error.get_or_insert(error);
        }
        self.terminal.on(event)?;
        self.halt().map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }
}

/// Epoch-wise loss and validation metrics; no times, so that equal runs write equal bytes.
fn log_csv(log: &[EpochRecord]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in log.iter().flat_map(|record| &record.valid) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut text = String::from("epoch,loss,best");
    for name in &names {
        text.extend([",valid_", name]);
    }
    text.push('\n');
    for record in log {
        let _ = write!(text, "{},{},{}", record.epoch, record.loss, u8::from(record.best));
        for name in &names {
            let value = record.valid.iter().find(|(key, _)| key == name);
            let _ = write!(text, ",{}", value.map(|(_, v)| v.to_string()).unwrap_or_default());
        }
        text.push('\n');
    }
    text
}
