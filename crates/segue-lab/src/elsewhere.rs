//! Where the data of a stored run lie by now: in another folder, on another machine.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::config::{ConfigError, Element, OverrideValue, parse_overrides};
use crate::error::LabError;
use crate::settings::Settings;

/// Keys of the data whose values are names, which may be called as the folder is.
const NAMES: [&str; 4] = ["name", "format", "source", "target"];

/// The settings of a stored run, with its data where they lie now: where `data.root=DIR` or `data_dir=DIR` says; else where the run
/// read them; else below `public`, the folder of public data sets, by the last parts of their path that are there.
pub fn with_data_elsewhere(
    settings: &Settings,
    overrides: &[String],
    public: Option<&Path>,
) -> Result<Settings, LabError> {
    let logs = settings.data_dir.is_none().then_some(&settings.data.logs);
    let root = logs.and_then(|logs| logs.get("root")).and_then(Value::as_str).map(PathBuf::from);
    let mut moved = settings.clone();
    for item in parse_overrides(overrides).map_err(ConfigError::from)? {
        let told = match &item.value {
            Some(OverrideValue::Element(Element::Text(text))) => Some(Path::new(text)),
            _ => None,
        };
        match (item.key.as_str(), &root, told) {
            ("data_dir", _, Some(folder)) if settings.data_dir.is_some() => moved.data_dir = Some(folder.to_owned()),
            ("data.root", Some(root), Some(folder)) => move_data(&mut moved, root, folder),
            _ => return Err(refused(&item.text, settings, root.is_some())),
        }
    }
    if let (Some(root), Some(public), []) = (&root, public, overrides)
        && !root.exists()
        && let Some(folder) = below(public, root)
    {
        move_data(&mut moved, root, &folder);
    }
    Ok(moved)
}

fn refused(text: &str, settings: &Settings, has_root: bool) -> LabError {
    let way_out = match (&settings.data_dir, has_root) {
        (Some(folder), _) => format!("this run read data_dir={}: data_dir=DIR says where it is now", folder.display()),
        (None, true) => "data.root=DIR says where its data are now".to_owned(),
        (None, false) => "its data are in no folder that could be elsewhere".to_owned(),
    };
    LabError::Config(format!("`{text}`: a run is done again as it was; {way_out}"))
}

/// The longest ending of a path that is there below a folder.
fn below(folder: &Path, path: &Path) -> Option<PathBuf> {
    let mut parts = path.components();
    loop {
        let ending = parts.as_path();
        if let Component::Normal(_) = parts.next()? {
            let candidate = folder.join(ending);
            if candidate.exists() {
                return Some(candidate);
            }
        }
    }
}

/// Every path below `from`, of the data, becomes one below `to`.
fn move_data(settings: &mut Settings, from: &Path, to: &Path) {
    settings.data.logs.iter_mut().for_each(|(key, value)| move_paths(key, value, (from, to)));
}

fn move_paths(key: &str, value: &mut Value, (from, to): (&Path, &Path)) {
    match value {
        _ if NAMES.contains(&key) => {}
        Value::String(path) => {
            if let Ok(rest) = Path::new(path).strip_prefix(from) {
                *path = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) }.display().to_string();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| move_paths("", value, (from, to))),
        Value::Object(keys) => keys.iter_mut().for_each(|(key, value)| move_paths(key, value, (from, to))),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_below_the_root_move_and_names_stay() {
        let mut data = json!({
            "name": "films", "root": "films", "target": "films", "source": ["films"],
            "domains": [{ "name": "films", "format": "movielens", "path": "films", "items": ["films/a.csv", "films2/a.csv", "/b"] }],
        });
        move_paths("", &mut data, (Path::new("films"), Path::new("/x")));
        let moved = json!({
            "name": "films", "root": "/x", "target": "films", "source": ["films"],
            "domains": [{ "name": "films", "format": "movielens", "path": "/x", "items": ["/x/a.csv", "films2/a.csv", "/b"] }],
        });
        assert_eq!(data, moved);
    }

    #[test]
    fn the_longest_ending_that_is_there_is_taken() {
        let public = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(public.path().join("data/ml")).unwrap();
        std::fs::create_dir_all(public.path().join("ml")).unwrap();
        let found = |path: &str| below(public.path(), Path::new(path));
        assert_eq!(found("../shared/data/ml"), Some(public.path().join("data/ml")));
        assert_eq!(found("/elsewhere/ml"), Some(public.path().join("ml")));
        assert_eq!((found("../shared/mx"), found("..")), (None, None));
    }
}
