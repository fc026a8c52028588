//! Several log files at once, one thread each.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

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

type Outcome = Result<(RawLog, Vec<InputFile>), DataError>;

/// What a thread tells the one that listens.
enum Told {
    /// So many rows and bytes more are read.
    More { rows: u64, bytes: u64 },
    /// All of file `n` is, or it will not be.
    Done { n: usize, outcome: Box<Outcome> },
}

/// How a thread tells, and hears that it shall stop.
struct Line<'a> {
    sender: Sender<Told>,
    /// Files from this number on are not read any further: none where the listener asks to stop, and where a file ended in an
    /// error those before it still are, for theirs would be the one to tell.
    end: &'a AtomicUsize,
}

impl Line<'_> {
    fn is_stopped(&self, n: usize) -> bool {
        n >= self.end.load(Ordering::Relaxed)
    }
}

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
    let (end, queue) = (AtomicUsize::new(files.len()), Mutex::new((0..files.len()).collect::<VecDeque<usize>>()));
    let (sender, receiver) = channel();
    let n_threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(files.len());
    let limit = session.limit();
    thread::scope(|scope| {
        for _ in 0..n_threads {
            let (line, queue) = (Line { sender: sender.clone(), end: &end }, &queue);
            scope.spawn(move || {
                // A poisoned queue is a queue: it is never left half changed.
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                while let Some(n) = next().filter(|&n| !line.is_stopped(n)) {
                    let outcome = read_one((n, &files[n]), (limit, spill), &line);
                    if outcome.is_err() {
                        line.end.fetch_min(n + 1, Ordering::Relaxed);
                    }
                    if line.sender.send(Told::Done { n, outcome: Box::new(outcome) }).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let outcomes = listen(&receiver, files.len(), |rows, bytes| {
            if session.tell_of(Progress { stage: &stage, rows, bytes, bytes_total }).is_err() {
                end.store(0, Ordering::Relaxed);
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
                // Where one file ends in an error, later ones are stopped: its error is the one to tell.
                Err(DataError::Interrupted) => interrupted = Some(DataError::Interrupted),
                Err(error) => return Err(error),
            }
        }
        interrupted.map_or(Ok(logs), Err)
    })
}

/// What became of each of `n` files; `heard` is called with all rows and bytes so far whenever there are more.
fn listen(receiver: &Receiver<Told>, n: usize, mut heard: impl FnMut(u64, u64)) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = (0..n).map(|_| Err(DataError::Interrupted)).collect();
    let mut all = (0, 0);
    for told in receiver {
        match told {
            Told::More { rows, bytes } => all = (all.0 + rows, all.1 + bytes),
            Told::Done { n, outcome } => outcomes[n] = *outcome,
        }
        heard(all.0, all.1);
    }
    outcomes
}

fn read_one((n, file): (usize, &LogFile), (limit, spill): (Option<u64>, &Arc<Spill>), line: &Line<'_>) -> Outcome {
    let mut before = (0, 0);
    let mut progress = |p: Progress<'_>| {
        let (rows, bytes) = (p.rows.saturating_sub(before.0), p.bytes.saturating_sub(before.1));
        before = (p.rows, p.bytes);
        let heard = line.sender.send(Told::More { rows, bytes });
        if heard.is_err() || line.is_stopped(n) || spill.has_failed() {
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
