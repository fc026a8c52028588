//! The test part of a finished run, opened again: who looks at it often chooses by it.

use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::config::Moment;
use crate::error::LabError;
use crate::files::write_json;
use crate::settings::EvaluationSettings;
use crate::stored::{MANIFEST, manifest_of};

/// What the manifest calls the openings after training, whose own are its `opened_tests`. They are only ever added to.
const OPENED: &str = "opened_after_training";

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
struct Entry<'a> {
    at: String,
    #[serde(flatten)]
    opening: Opening<'a>,
}

impl Opening<'_> {
    /// Adds an entry to the run's manifest, before anything is opened, and syncs it: the old manifest is there, or the new one.
    pub fn record(self, run: &Path) -> Result<(), LabError> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = Moment { unix_seconds: seconds as i64, microseconds: 0, utc_offset_seconds: 0 };
        let at = now.format("%FT%TZ").map_err(LabError::Internal)?;
        let entry = json!(Entry { at, opening: self });
        add_alone(run, entry).map_err(|error| {
            LabError::Config(format!(
                "{error}; the test part is opened only where that can be written down: copy the run to a folder of yours, or \
                 ask the validation part (--split valid)"
            ))
        })
    }
}

/// How often the test part of a question was opened since its run was trained.
pub fn openings(run: &Path, question: &str) -> Result<usize, LabError> {
    Ok(entries(&manifest_of(run)?).iter().filter(|entry| entry["question"] == question).count())
}

/// Who looked at the test part has seen it, whatever is trained in its place afterwards. The caller holds the lock of `run`, where
/// nobody else writes yet; of a replaced run whose manifest is gone nothing is known.
pub(crate) fn hand_over(replaced: &Path, run: &Path) -> Result<(), LabError> {
    let before = manifest_of(replaced).map(|manifest| entries(&manifest).to_vec()).unwrap_or_default();
    if before.is_empty() { Ok(()) } else { add(run, before) }
}

fn entries(manifest: &Map<String, Value>) -> &[Value] {
    manifest.get(OPENED).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Adds an entry while no other command does, so that neither forgets what the other wrote.
fn add_alone(run: &Path, entry: Value) -> Result<(), LabError> {
    // Where files cannot be locked, nothing is learnt from the attempt.
    let lock = File::open(run.join("config.yaml"));
    let _locked = lock.as_ref().is_ok_and(|file| file.lock().is_ok());
    add(run, vec![entry])
}

fn add(run: &Path, new: Vec<Value>) -> Result<(), LabError> {
    let mut manifest = manifest_of(run)?;
    let all = entries(&manifest).iter().cloned().chain(new).collect();
    manifest.insert(OPENED.into(), Value::Array(all));
    write_json(&run.join(MANIFEST), &Value::Object(manifest))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::*;

    fn run() -> tempfile::TempDir {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join("config.yaml"), "").unwrap();
        fs::write(run.path().join(MANIFEST), r#"{"seconds": 0.1234567890123456, "opened_tests": ["measure"]}"#)
            .unwrap();
        run
    }

    #[test]
    fn entries_are_added_by_one_at_a_time_and_the_rest_stays() {
        let run = run();
        let of = |question: &str| json!({ "question": question });
        thread::scope(|threads| {
            for n in 0..8 {
                let (run, entry) = (run.path(), of(if n % 2 == 0 { "films" } else { "books" }));
                threads.spawn(move || add_alone(run, entry).unwrap());
            }
        });
        assert_eq!(["films", "books", "music"].map(|of| openings(run.path(), of).unwrap()), [4, 4, 0]);
        let text = fs::read_to_string(run.path().join(MANIFEST)).unwrap();
        assert!(
            text.starts_with("{\n  \"seconds\": 0.1234567890123456,\n  \"opened_tests\": [\n    \"measure\"\n  ],")
        );
        assert_eq!(fs::read_dir(run.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_was_seen_is_handed_over() {
        let (old, new) = (run(), run());
        hand_over(old.path(), new.path()).unwrap();
        assert!(!fs::read_to_string(new.path().join(MANIFEST)).unwrap().contains(OPENED));
        add(old.path(), vec![json!({ "question": "films" })]).unwrap();
        hand_over(old.path(), new.path()).unwrap();
        assert_eq!(openings(new.path(), "films").unwrap(), 1);
    }
}
