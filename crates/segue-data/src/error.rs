//! What can go wrong between a file and a split, and the way out of it.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use segue_core::LogError;

/// One line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Line (or row) number, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// Why data could not be read, prepared, written or loaded.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No such file.
    #[error("{}: no such file{hint}", path.display())]
    Missing {
        /// The path as configured.
        path: PathBuf,
        /// Nearest name, or where to look.
        hint: String,
    },
    /// A directory where a file was expected.
    #[error("{}: is a directory, a file is needed{hint}", path.display())]
    Directory {
        /// The path.
        path: PathBuf,
        /// What it holds.
        hint: String,
    },
    /// A file without a single record.
    #[error("{}: is empty; give a file with at least one line that says something, or remove it from the configuration", path.display())]
    Empty {
        /// The path.
        path: PathBuf,
    },
    /// A compressed file that ends early or does not decompress.
    #[error("{}: the {codec} data {what}; fetch or compress the file again", path.display())]
    Compressed {
        /// The path.
        path: PathBuf,
        /// `gzip` or `zstd`.
        codec: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The operating system said no.
    #[error("{}: cannot {doing}: {source}{}", path.display(), io_hint(doing, source))]
    Io {
        /// The path.
        path: PathBuf,
        /// What was attempted, e.g. `write`.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// More bad lines than allowed.
    #[error("{}", bad_lines(path, *bad, *lines, *allowed, shown))]
    BadLines {
        /// The file.
        path: PathBuf,
        /// Bad lines seen.
        bad: u64,
        /// Lines seen.
        lines: u64,
        /// Bad lines allowed.
        allowed: u64,
        /// The first of them.
        shown: Vec<BadLine>,
    },
    /// A column that the file does not have.
    #[error("{}: no column {wanted}; the file has {have}; map it with `columns: {{user: ..., item: ..., value: ..., time: ...}}` by name, or by position from 0", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: String,
        /// What there is.
        have: String,
    },
    /// A file that is not in the expected format.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong and the way out.
        what: String,
    },
    /// A configuration value; the message names key, range and way out.
    #[error("{key}: {what}")]
    Config {
        /// The key, e.g. `split.ratios`.
        key: String,
        /// What is wrong and the way out.
        what: String,
    },
    /// What a later step says of files of which not every line was read, or of which their reader would have something known.
    #[error("{error} ({told})")]
    AfterReading {
        /// What it says.
        error: Box<DataError>,
        /// The files, their first bad lines and the notes of their readers.
        told: String,
    },
    /// A step left nothing.
    #[error("nothing is left after {step}: {way_out}")]
    Nothing {
        /// The step that removed the last interaction.
        step: String,
        /// What to change.
        way_out: String,
    },
    /// The listener asked to stop.
    #[error("interrupted; no output was written")]
    Interrupted,
    /// A folder that is not a prepared one, or is damaged.
    #[error("{}: {what}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong and the way out.
        what: String,
    },
    /// A Parquet file.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: parquet::errors::ParquetError,
    },
    /// Events that do not form a log.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl DataError {
    pub(crate) fn io(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, doing, source }
    }

    pub(crate) fn parquet(path: impl Into<PathBuf>) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.into();
        move |source| Self::Parquet { path, source }
    }

    pub(crate) fn config(key: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Config { key: key.into(), what: what.into() }
    }
}

fn io_hint(doing: &str, source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if doing.starts_with("create") => {
            "; nothing can be made there, name another folder"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space on that disk, or choose a folder on another"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you may write to, or mend its permissions"
        }
        _ => "",
    }
}

/// Bad lines that an error names: enough to see what they have in common.
const SHOWN: usize = 10;

fn bad_lines(path: &std::path::Path, bad: u64, lines: u64, allowed: u64, shown: &[BadLine]) -> String {
    let mut text = format!("{}: {bad} of {lines} lines cannot be read, {allowed} are allowed", path.display());
    for line in &shown[..shown.len().min(SHOWN)] {
        let _ = write!(text, "\n  {}:{}: {}", path.display(), line.line, line.reason);
    }
    if bad > SHOWN as u64 {
        let _ = write!(text, "\n  ... and {} more", bad - SHOWN as u64);
    }
    text.push_str("\nmend the lines, name another `format`, or raise `data.max_bad_lines`");
    text
}
