//! The test part of a finished run, opened again: who looks at it often chooses by it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

use crate::config::Moment;
use crate::error::LabError;
use crate::files::sync_parent;
use crate::settings::EvaluationSettings;

/// A line for each opening after the one of training, which is in the manifest. Lines are only ever added.
pub(crate) const OPENED: &str = "opened_tests.jsonl";

/// What the test part of a run is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Opening<'a> {
    /// Which command, and why.
    pub why: &'a str,
    /// Name of the question.
    pub question: &'a str,
    /// How the data are split, and a hash of their items and of all that is known before the question is asked.
    pub data: (&'a str, &'a str),
    /// How it is measured.
    pub evaluation: &'a EvaluationSettings,
    /// Seed of what is drawn.
    pub seed: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    #[serde(flatten)]
    opening: Opening<'a>,
}

impl Opening<'_> {
    /// Adds a line to the run's record, before anything is opened, and syncs it.
    pub fn record(self, run: &Path) -> Result<(), LabError> {
        let path = run.join(OPENED);
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = Moment { unix_seconds: seconds as i64, microseconds: 0, utc_offset_seconds: 0 };
        let at = now.format("%FT%TZ").map_err(LabError::Internal)?;
        let line = serde_json::to_string(&Line { at, opening: self });
        let line = line.map_err(|error| LabError::Internal(error.to_string()))?;
        append(&path, &line).map_err(|error| {
            LabError::Config(format!(
                "{}: {error}; the test part is opened only where that can be written down: copy the run to a folder of yours, or \
                 ask the validation part (--split valid)",
                path.display()
            ))
        })
    }
}

/// How often the test part of a question was opened since its run was trained. A line that cannot be read counts: its writer
/// was stopped as it opened one.
pub fn openings(run: &Path, question: &str) -> Result<usize, LabError> {
    let path = run.join(OPENED);
    let text = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(LabError::io("read", &path, &error)),
    };
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let of = |line: &&[u8]| {
        let line: Option<Value> = serde_json::from_slice(line).ok();
        line.and_then(|line| Some(line.get("question")?.as_str()? == question)).unwrap_or(true)
    };
    Ok(lines.filter(of).count())
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // After a line whose end was never written a new one begins.
    let torn = fs::read(path)?.last().is_some_and(|&byte| byte != b'\n');
    // In one piece, so that two commands do not mix their lines.
    file.write_all(format!("{}{line}\n", if torn { "\n" } else { "" }).as_bytes())?;
    file.sync_all()?;
    sync_parent(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_torn_ones_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OPENED);
        assert_eq!(openings(folder.path(), "films").unwrap(), 0);
        append(&path, r#"{"question":"films"}"#).unwrap();
        append(&path, r#"{"question":"books"}"#).unwrap();
        fs::write(&path, fs::read_to_string(&path).unwrap() + r#"{"question":"boo"#).unwrap();
        append(&path, r#"{"question":"films"}"#).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 4);
        assert_eq!((openings(folder.path(), "films").unwrap(), openings(folder.path(), "books").unwrap()), (3, 2));
        assert_eq!(openings(folder.path(), "music").unwrap(), 1);
    }
}
