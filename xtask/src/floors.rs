//! Crates depend on lower floors only, and the text names nobody's machine.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{cargo, files, root};

/// A crate and its floor. `segue-testkit` is for tests: it stands on `segue-core` and carries nothing.
const FLOORS: [(&str, u8); 12] = [
    ("segue-core", 0),
    ("segue-data", 1),
    ("segue-download", 1),
    ("segue-eval", 1),
    ("segue-models", 1),
    ("segue-neural", 1),
    ("segue-retrieve", 1),
    ("segue-testkit", 1),
    ("segue-explore", 2),
    ("segue-lab", 2),
    ("segue-serve", 3),
    ("segue", 4),
];

/// The autodiff engine, and the one crate that may name it.
const ENGINE: (&str, &str) = ("candle", "segue-neural");

pub(crate) fn check() -> Result<()> {
    let output = cargo(&root(), &["metadata", "--no-deps", "--format-version", "1", "--offline"]).output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut faults = Vec::new();
    let mut arrows = 0;
    for package in metadata["packages"].as_array().context("metadata has packages")? {
        let name = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"] == "dev";
            arrows += 1;
            faults.extend(fault(name, to, for_tests));
        }
    }
    faults.extend(machine_paths()?);
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    println!("{arrows} dependencies point to lower floors; no path of a machine in the text");
    Ok(())
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(crate_name, _)| *crate_name == name).map(|&(_, floor)| floor)
}

/// What is wrong with an arrow between two packages, if anything.
fn fault(from: &str, to: &str, for_tests: bool) -> Option<String> {
    if to.starts_with(ENGINE.0) && from != ENGINE.1 {
        return Some(format!("{from} names {to}: only {} may name the autodiff engine", ENGINE.1));
    }
    let upper = match floor(from) {
        Some(upper) => upper,
        None if from == "xtask" => return None,
        None => return Some(format!("{from} has no floor: give it one in xtask/src/floors.rs")),
    };
    let lower = match floor(to) {
        Some(lower) => lower,
        None if to.starts_with("segue") || to == "xtask" => {
            return Some(format!("{from} depends on {to}, which has no floor"));
        }
        None => return None,
    };
    if to == "segue-testkit" {
        return (!for_tests).then(|| format!("{from} depends on {to} outside its tests"));
    }
    (lower >= upper).then(|| format!("{from} (floor {upper}) depends on {to} (floor {lower}): arrows point down"))
}

/// Absolute paths of somebody's machine, which mean nothing on another.
fn machine_paths() -> Result<Vec<String>> {
    // In pieces, so that this file does not find itself.
    let paths = [["/wo", "rk/"], ["/ho", "me/"], ["/ro", "ot/"], ["/Us", "ers/"]].map(|parts| parts.concat());
    let mut faults = Vec::new();
    for file in files(&root())? {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for (n, line) in text.lines().enumerate() {
            // `me` is the person of examples.
            let line = line.replace(&format!("{}me", paths[1]), "");
            if let Some(path) = paths.iter().find(|path| starts_a_path(&line, path)) {
                faults.push(format!("{}:{}: `{path}` is a path of one machine", file.display(), n + 1));
            }
        }
    }
    Ok(faults)
}

/// True if `path` occurs in `line` where a path starts, and not inside a longer one or a link.
fn starts_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-/~}".contains(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::{fault, starts_a_path};

    #[test]
    fn arrows_point_down() {
        assert_eq!(fault("segue-lab", "segue-models", false), None);
        assert_eq!(fault("segue-models", "segue-testkit", true), None);
        assert_eq!(fault("segue-data", "serde", false), None);
        assert!(fault("segue-models", "segue-data", false).is_some());
        assert!(fault("segue-core", "segue-lab", true).is_some());
        assert!(fault("segue-models", "segue-testkit", false).is_some());
        assert!(fault("segue-lab", "candle-core", false).is_some());
        assert!(fault("segue-new", "segue-core", false).is_some());
    }

    #[test]
    fn paths_are_found_where_they_start() {
        assert!(starts_a_path("see \"/opt/x\"", "/opt/"));
        assert!(!starts_a_path("https://example.org/opt/x", "/opt/"));
    }
}
