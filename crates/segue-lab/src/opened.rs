//! The test part of a finished run, opened again: who looks at it often chooses by it.

use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::config::Moment;
use crate::error::LabError;
use crate::experiment::{Loaded, fingerprint};
use crate::files::write_json;
use crate::settings::{EvaluationSettings, Settings};
use crate::stored::{MANIFEST, manifest_of};

/// What the manifest calls the openings after training, whose own are its [`TRAINED`]. They are only ever added to.
const OPENED: &str = "opened_after_training";

/// What the manifest calls the openings by the training of the run.
pub(crate) const TRAINED: &str = "opened_tests";

/// What the manifest calls the openings by trainings whose runs this one took the place of, one after the other.
const REPLACED: &str = "opened_by_replaced";

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

/// Writes down that every question of the data is opened, and why; measured as the settings say.
pub fn record_all(run: &Path, why: &str, (settings, loaded): (&Settings, &Loaded)) -> Result<(), LabError> {
    let known = loaded.data.train_and_valid();
    for task in &loaded.data.split.tasks {
        let hash = fingerprint((&loaded.data, task), [&known]);
        let data = (loaded.data.split.protocol.as_str(), hash.as_str());
        let (question, evaluation, seed) = (task.name.as_str(), &settings.evaluation, settings.seed);
        Opening { why, question, data, evaluation, seed }.record(run)?;
    }
    Ok(())
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

/// How often the test part of a question was opened before, beside the training of the run itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Openings {
    /// Since a run was trained here.
    pub after_training: usize,
    /// By the trainings of runs that were replaced.
    pub by_replaced: usize,
}

/// How often the test part of a question was opened before, by whoever asks a run or trains another in its place.
pub fn openings(run: &Path, question: &str) -> Result<Openings, LabError> {
    let manifest = manifest_of(run)?;
    let ending = format!(" on {question}");
    let asks = |entry: &&Value| entry["why"].as_str().is_some_and(|why| why.ends_with(&ending));
    Ok(Openings {
        after_training: entries(&manifest, OPENED).iter().filter(|entry| entry["question"] == question).count(),
        by_replaced: entries(&manifest, REPLACED).iter().filter(asks).count(),
    })
}

/// Who looked at the test part has seen it, whatever is trained in its place afterwards. The caller holds the lock of `run`, where
/// nobody else writes yet; of a replaced run whose manifest is gone nothing is known.
pub(crate) fn hand_over(replaced: &Path, run: &Path) -> Result<(), LabError> {
    let Ok(before) = manifest_of(replaced) else { return Ok(()) };
    let trained = entries(&before, TRAINED).iter().map(|why| {
        let told = |at: &str| before.get("settings").and_then(|settings| settings.pointer(at));
        json!({
            "why": why,
            "data": before.get("data"),
            "params": before.get("params"),
            "scope": told("/scope"),
            "evaluation": told("/evaluation"),
        })
    });
    let trained = entries(&before, REPLACED).iter().cloned().chain(trained).collect();
    add(run, REPLACED, trained)?;
    add(run, OPENED, entries(&before, OPENED).to_vec())
}

fn entries<'a>(manifest: &'a Map<String, Value>, list: &str) -> &'a [Value] {
    manifest.get(list).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Adds an entry while no other command does, so that neither forgets what the other wrote.
fn add_alone(run: &Path, entry: Value) -> Result<(), LabError> {
    // Where files cannot be locked, nothing is learnt from the attempt.
    let lock = File::open(run.join("config.yaml"));
    let _locked = lock.as_ref().is_ok_and(|file| file.lock().is_ok());
    add(run, OPENED, vec![entry])
}

fn add(run: &Path, list: &str, new: Vec<Value>) -> Result<(), LabError> {
    if new.is_empty() {
        return Ok(());
    }
    let mut manifest = manifest_of(run)?;
    let all = entries(&manifest, list).iter().cloned().chain(new).collect();
    manifest.insert(list.into(), Value::Array(all));
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

    fn after_training(run: &Path, question: &str) -> usize {
        openings(run, question).unwrap().after_training
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
        assert_eq!(["films", "books", "music"].map(|of| after_training(run.path(), of)), [4, 4, 0]);
        let text = fs::read_to_string(run.path().join(MANIFEST)).unwrap();
        assert!(
            text.starts_with("{\n  \"seconds\": 0.1234567890123456,\n  \"opened_tests\": [\n    \"measure\"\n  ],")
        );
        assert_eq!(fs::read_dir(run.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_was_seen_is_handed_over() {
        let trained = |opened: &str, params: u8| {
            let run = run();
            let manifest = format!(
                r#"{{"opened_tests": {opened}, "params": {params}, "settings": {{"scope": "joint", "evaluation": {{}}}}}}"#
            );
            fs::write(run.path().join(MANIFEST), manifest).unwrap();
            run
        };
        let sealed = trained("[]", 0);
        let first = trained(r#"["measure ease seed 1 on films", "measure ease seed 1 on films_cold_user"]"#, 1);
        hand_over(sealed.path(), first.path()).unwrap();
        let text = fs::read_to_string(first.path().join(MANIFEST)).unwrap();
        assert!(!text.contains(OPENED) && !text.contains(REPLACED), "{text}");
        add(first.path(), OPENED, vec![json!({ "question": "films" })]).unwrap();
        let (second, third) = (trained(r#"["measure mf seed 1 on films"]"#, 2), trained("[]", 3));
        hand_over(first.path(), second.path()).unwrap();
        hand_over(second.path(), third.path()).unwrap();
        let of = |run: &tempfile::TempDir, question: &str| openings(run.path(), question).unwrap();
        assert_eq!(of(&second, "films"), Openings { after_training: 1, by_replaced: 1 });
        assert_eq!(of(&third, "films"), Openings { after_training: 1, by_replaced: 2 });
        assert_eq!(of(&third, "films_cold_user"), Openings { after_training: 0, by_replaced: 1 });
        let manifest = manifest_of(third.path()).unwrap();
        let params: Vec<&Value> = entries(&manifest, REPLACED).iter().map(|entry| &entry["params"]).collect();
        assert_eq!(params, [1, 1, 2]);
    }
}
