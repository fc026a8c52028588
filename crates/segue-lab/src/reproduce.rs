//! Whether a run comes out again, to the bit, and what differs where it does not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::error::LabError;
use crate::files::read;
use crate::run::{PARTS, PER_USER};
use crate::settings::Settings;
use crate::snapshots;
use crate::stored::{MANIFEST, METRICS, manifest_of, manifest_of_run, records, settings_of};
use crate::watch::LOG_NAME;

/// What became of one file, or of one fact of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reproduced {
    /// Name of the file, or `manifest.json: isa`.
    pub what: String,
    /// How it differs; `None` where it is the same to the bit, or not there to be compared.
    pub difference: Option<String>,
    /// Whether the stored run still has it.
    pub kept: bool,
}

/// The settings that the manifest of a stored run tells, to be run again in the folder `out`.
pub fn settings_again(run: &Path, out: &Path) -> Result<Settings, LabError> {
    let Some(told) = manifest_of_run(run)?.remove("settings") else {
        return Err(LabError::NotFound(format!(
            "{}: its manifest tells no settings; the run is damaged",
            run.display()
        )));
    };
    let settings = Settings::from_value(told)?;
    Ok(Settings { out: out.to_owned(), overwrite: false, numbered: false, ..settings })
}

/// Whether a manifest tells other settings than the configuration beside it, so that one of them is not that of the run.
pub fn is_edited(run: &Path) -> Result<bool, LabError> {
    let told = manifest_of_run(run)?.remove("settings").unwrap_or_default();
    Ok(configured(run).is_some_and(|beside| beside != in_full(&told)))
}

/// Whether a run done again measured on the test part what the stored run does not tell.
pub fn shows_more(found: &[Reproduced]) -> bool {
    let measured = [METRICS, PER_USER, PARTS, "test_metrics.csv", "REPORT.txt"];
    found.iter().any(|one| {
        let is_gone = one.what == METRICS && !one.kept;
        is_gone || (one.difference.is_some() && measured.contains(&one.what.as_str()))
    })
}

/// What the clock may have to do with differences: a limit of time ends training where it ends, which is never the same twice.
/// `None` without a limit.
pub fn by_the_clock(settings: &Settings, stored: &Path, again: &Path) -> Result<Option<String>, LabError> {
    let Some(limit) = settings.trainer.time_limit else { return Ok(None) };
    // A model without epochs has no log, and that of the stored run may be gone.
    let epochs = |run: &Path| records(&run.join(LOG_NAME)).map(|log| log.len());
    let why = match (epochs(stored)?, epochs(again)?) {
        (before, now) if before.min(now) > 0 && before != now => {
            format!("training ended after epoch {before} then, and after epoch {now} now")
        }
        _ => "what differs may come from it".to_owned(),
    };
    Ok(Some(format!("trainer.time_limit={limit} stops training by the clock, not by what was learnt: {why}")))
}

/// Keys of the configuration that say where a run is written, which changes no number.
const PLACES: [&str; 2] = ["out", "overwrite"];
/// What the manifest says beside times and memory. First the facts that explain a difference: what was read, and what ran.
const FACTS: [&str; 8] =
    ["/data/inputs", "/data/split", "/segue", "/isa", "/data/name", "/params", "/explains", "/settings"];

/// Compares a run with the same run done again: every file byte for byte, and of the manifest, which tells times, every fact. Run
/// again is what the manifest tells; where `config.yaml` is another configuration, that is a difference. Facts come first.
pub fn compare_runs(stored: &Path, again: &Path) -> Result<Vec<Reproduced>, LabError> {
    let (before, now) = (Value::Object(manifest_of(stored)?), Value::Object(manifest_of(again)?));
    let mut found = Vec::new();
    for fact in FACTS {
        let told = |manifest: &Value| match (fact, manifest.pointer(fact)) {
            ("/settings", Some(settings)) => Some(in_full(settings)),
            (_, told) => told.map(without_folders),
        };
        let (before, now) = (told(&before), told(&now));
        let (before, now) = (before.unwrap_or_default(), now.unwrap_or_default());
        let difference = match (&before, &now) {
            (a, b) if a == b => None,
            (Value::Array(a), Value::Array(b)) => {
                let changed = a.iter().zip(b).find(|(a, b)| a != b);
                Some(
                    changed
                        .map_or_else(|| format!("{} became {}", a.len(), b.len()), |(a, b)| format!("{a} became {b}")),
                )
            }
            (Value::Object(_), Value::Object(_)) => first_of(&leaves_apart(&before, &now)),
            (a, b) => Some(format!("{a} became {b}")),
        };
        let what = format!("manifest.json: {}", fact.trim_start_matches('/').replace('/', "."));
        found.push(Reproduced { what, difference, kept: true });
    }
    // The manifest was compared above.
    let compared = |name: &&String| name.as_str() != MANIFEST;
    for name in names(stored)?.union(&names(again)?).filter(compared) {
        let (a, b) = (stored.join(name), again.join(name));
        let difference = match (a.is_file(), b.is_file()) {
            (true, false) => Some("is not written any more".to_owned()),
            // What was deleted since, or never copied along, cannot differ.
            (false, _) => None,
            _ if name == "config.yaml" && same_settings(stored, again) => None,
            _ if name == "config.yaml" => difference(&without_places(&read(&a)?), &without_places(&read(&b)?)),
            _ => difference(&read(&a)?, &read(&b)?),
        };
        found.push(Reproduced { what: name.clone(), difference, kept: a.is_file() });
    }
    Ok(found)
}

/// The settings of a manifest but for places, with every key that the program has by now, at its default.
fn in_full(settings: &Value) -> Value {
    let read = Settings::from_value(settings.clone()).ok().and_then(|settings| serde_json::to_value(settings).ok());
    let mut settings = read.unwrap_or_else(|| settings.clone());
    if let Some(keys) = settings.as_object_mut() {
        keys.retain(|key, _| !PLACES.contains(&key.as_str()));
    }
    settings
}

/// Which keys differ, each as `model.l2: 5 became 3`.
fn leaves_apart(before: &Value, now: &Value) -> Vec<String> {
    let (Value::Object(a), Value::Object(b)) = (before, now) else {
        return if before == now { Vec::new() } else { vec![format!("{before} became {now}")] };
    };
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let below = |key: &String| {
        let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
        let deeper = a.is_object() && b.is_object();
        let name = key.clone() + if deeper { "." } else { ": " };
        leaves_apart(a, b).into_iter().map(move |leaf| format!("{name}{leaf}"))
    };
    keys.into_iter().flat_map(below).collect()
}

/// The first of several differences, and how many more there are.
fn first_of(differences: &[String]) -> Option<String> {
    let (first, others) = differences.split_first()?;
    Some(if others.is_empty() { first.clone() } else { format!("{first}, and {} more", others.len()) })
}

/// Inputs by the names of their files: a generated world is in another folder every time.
fn without_folders(fact: &Value) -> Value {
    match fact {
        Value::Array(inputs) => inputs.iter().map(without_folders).collect(),
        Value::Object(input) => {
            let mut input = input.clone();
            if let Some(Value::String(path)) = input.get_mut("path") {
                *path = Path::new(path.as_str()).file_name().unwrap_or_default().to_string_lossy().into_owned();
            }
            Value::Object(input)
        }
        other => other.clone(),
    }
}

/// The files of a folder, by name.
fn names(folder: &Path) -> Result<BTreeSet<String>, LabError> {
    let names_in = |folder: &Path| -> Result<Vec<String>, LabError> {
        let entries = fs::read_dir(folder).map_err(|error| LabError::io("read", folder, &error))?;
        Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    };
    let mut names: BTreeSet<String> = names_in(folder)?.into_iter().collect();
    if names.remove(snapshots::FOLDER_NAME) {
        let below = names_in(&folder.join(snapshots::FOLDER_NAME))?;
        names.extend(below.into_iter().map(|name| format!("{}/{name}", snapshots::FOLDER_NAME)));
    }
    Ok(names)
}

/// Whether two runs are configured alike, but for keys that the program has got since, which stand at their default.
fn same_settings(stored: &Path, again: &Path) -> bool {
    configured(stored).zip(configured(again)).is_some_and(|(a, b)| a == b)
}

/// What the configuration of a run says in full; `None` where it cannot be read.
fn configured(run: &Path) -> Option<Value> {
    serde_json::to_value(settings_of(run).ok()?).ok().map(|settings| in_full(&settings))
}

/// Lines of the configuration but those that say where the run is.
fn without_places(config: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(config);
    let place = |line: &&str| PLACES.iter().any(|key| line.starts_with(&format!("{key}:")));
    let lines: Vec<&str> = text.lines().filter(|line| !place(line)).collect();
    lines.join("\n").into_bytes()
}

/// Where two files begin to differ.
fn difference(before: &[u8], now: &[u8]) -> Option<String> {
    if before == now {
        return None;
    }
    if let (Ok(a), Ok(b)) = (std::str::from_utf8(before), std::str::from_utf8(now)) {
        let line = a.lines().zip(b.lines()).enumerate().find(|(_, (a, b))| a != b);
        return Some(match line {
            Some((n, (a, b))) => format!("line {}: `{}` became `{}`", n + 1, shortened(a), shortened(b)),
            None => format!("{} lines became {}", a.lines().count(), b.lines().count()),
        });
    }
    if before.len() != now.len() {
        return Some(format!("{} bytes became {}", before.len(), now.len()));
    }
    let differing = before.iter().zip(now).filter(|(a, b)| a != b).count();
    let first = before.iter().zip(now).position(|(a, b)| a != b).unwrap_or_default();
    Some(format!("{differing} of {} bytes differ, the first at {first}", now.len()))
}

/// A line that fits beside another.
fn shortened(line: &str) -> String {
    const MOST: usize = 60;
    let line = line.trim();
    if line.chars().count() <= MOST { line.to_owned() } else { line.chars().take(MOST).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        assert_eq!(difference(b"a\nb", b"a\nb"), None);
        assert_eq!(difference(b"a\nb\n", b"a\nc\n").unwrap(), "line 2: `b` became `c`");
        assert_eq!(difference(b"a\n", b"a\nc\n").unwrap(), "1 lines became 2");
        assert_eq!(difference(&[0xff, 1, 2], &[0xff, 9, 2]).unwrap(), "1 of 3 bytes differ, the first at 1");
        assert_eq!(difference(&[0xff], &[0xff, 9]).unwrap(), "1 bytes became 2");
    }

    #[test]
    fn keys_that_differ_are_named() {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (a, b) = (json(r#"{"m": {"l2": 5, "k": 1}, "s": 1}"#), json(r#"{"m": {"l2": 3, "k": 1}, "t": 2}"#));
        let apart = leaves_apart(&a, &b);
        assert_eq!(apart, ["m.l2: 5 became 3", "s: 1 became null", "t: null became 2"]);
        assert_eq!(first_of(&apart).unwrap(), "m.l2: 5 became 3, and 2 more");
        assert_eq!((leaves_apart(&a, &a), first_of(&[])), (Vec::new(), None));
    }

    #[test]
    fn a_place_is_no_difference() {
        let config =
            |out: &str| without_places(format!("seed: 1\nout: {out}\noverwrite: false\nmodel:\n  out: 3\n").as_bytes());
        assert_eq!(config("a"), config("b"));
        assert_eq!(config("a"), b"seed: 1\nmodel:\n  out: 3");
    }
}
