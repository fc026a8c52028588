//! Several log files at once, one thread each.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::format::{Layout, read_file};
use super::kept;
use super::log::RawLog;
use super::session::{InputFile, Progress, Session};
use crate::DataError;
use crate::spill::Spill;

/// One file to read.
#[derive(Debug, Clone)]
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    pub(crate) layout: Layout,
}

/// What all threads tell the one that listens.
#[derive(Debug, Default)]
struct Told {
    rows: AtomicU64,
    bytes: AtomicU64,
    stop: AtomicBool,
}

type Outcome = Result<(RawLog, Vec<InputFile>), DataError>;

/// How often a listener hears of progress, and is asked whether to go on.
const HEARD_EVERY: Duration = Duration::from_millis(100);

/// Reads each file as a log of its own; rows leave memory as `spill` says.
///
/// An error of the first file, in the order given, that has one is the error, however the threads went.
pub(crate) fn read_logs(
    files: &[LogFile],
    spill: &Arc<Spill>,
    session: &mut Session<'_>,
) -> Result<Vec<RawLog>, DataError> {
    let stage = match files {
        [] => return Ok(Vec::new()),
        [one] => format!("read {}", one.path.file_name().unwrap_or_default().to_string_lossy()),
        many => format!("read {} files", many.len()),
    };
    let size = |file: &LogFile| file.path.metadata().map_or(0, |metadata| metadata.len());
    let bytes_total = files.iter().map(size).sum();
    let (told, queue) = (Told::default(), Mutex::new((0..files.len()).collect::<VecDeque<usize>>()));
    let (sender, receiver) = channel();
    let n_threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(files.len());
    let limit = session.limit();
    thread::scope(|scope| {
        for _ in 0..n_threads {
            let (sender, told, queue) = (sender.clone(), &told, &queue);
            scope.spawn(move || {
                // A poisoned queue is a queue: it is never left half changed.
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                while let Some(n) = next() {
                    let outcome = read_one(&files[n], (limit, spill), told);
                    if outcome.is_err() {
                        told.stop.store(true, Ordering::Relaxed);
                    }
                    if sender.send((n, outcome)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let outcomes = listen(&receiver, files.len(), || {
            let (rows, bytes) = (told.rows.load(Ordering::Relaxed), told.bytes.load(Ordering::Relaxed));
            let heard = session.tell_of(Progress { stage: &stage, rows, bytes, bytes_total });
            if heard.is_err() {
                told.stop.store(true, Ordering::Relaxed);
            }
        });
        let mut logs = Vec::new();
        let mut interrupted = None;
        for outcome in outcomes {
            match outcome {
                Ok((log, files)) => {
                    session.add(files);
                    logs.push(log);
                }
                // Where one file ends in an error, the others are stopped: its error is the one to tell.
                Err(DataError::Interrupted) => interrupted = Some(DataError::Interrupted),
                Err(error) => return Err(error),
            }
        }
        interrupted.map_or(Ok(logs), Err)
    })
}

fn listen(receiver: &Receiver<(usize, Outcome)>, n: usize, mut heard: impl FnMut()) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = (0..n).map(|_| Err(DataError::Interrupted)).collect();
    loop {
        match receiver.recv_timeout(HEARD_EVERY) {
            Ok((n, outcome)) => outcomes[n] = outcome,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return outcomes,
        }
        heard();
    }
}

fn read_one(file: &LogFile, (limit, spill): (Option<u64>, &Arc<Spill>), told: &Told) -> Outcome {
    let mut before = (0, 0);
    let mut progress = |p: Progress<'_>| {
        told.rows.fetch_add(p.rows.saturating_sub(before.0), Ordering::Relaxed);
        told.bytes.fetch_add(p.bytes.saturating_sub(before.1), Ordering::Relaxed);
        before = (p.rows, p.bytes);
        if told.stop.load(Ordering::Relaxed) || spill.has_failed() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    if let Some((log, files)) = kept::find(file, limit, spill) {
        let bytes = files.iter().map(|file| file.bytes).sum();
        // Whoever listens stops the next file, not one that is read already.
        let _ = progress(Progress { stage: "", rows: log.len() as u64, bytes, bytes_total: bytes });
        return Ok((log, files));
    }
    kept::forget(file, spill);
    let mut session = Session::new(limit, &mut progress);
    let mut log = RawLog::spilling(Arc::clone(spill), kept::name(file));
    let read = read_file(&file.path, &file.layout, &mut session, &mut log);
    // A disk that took no more rows stopped the reading: that is the reason to tell.
    log.rows.check()?;
    read?;
    let files = session.into_files();
    kept::keep((file, limit), &mut log, &files, spill)?;
    Ok((log, files))
}
