//! Where config files come from: a directory, and behind it the files built into the program.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::yaml::{Document, parse_yaml};

/// Config files by path without `.yaml`: a directory is a config group, a file in it an option.
///
/// A file of the directory hides the built-in file of the same path; the others stay visible, so that a project needs
/// only the files it adds or changes.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    directory: Option<PathBuf>,
    embedded: &'static [(&'static str, &'static str)],
}

/// One loaded config file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConfigFile {
    pub(super) name: String,
    pub(super) document: Document,
}

impl ConfigSource {
    /// `directory` may be missing on disk; `embedded` holds pairs of a path such as `model/ease.yaml` and its text.
    pub fn new(directory: Option<PathBuf>, embedded: &'static [(&'static str, &'static str)]) -> Self {
        Self { directory: directory.filter(|directory| directory.is_dir()), embedded }
    }

    /// The places files are looked for in, for messages.
    pub fn describe(&self) -> String {
        match &self.directory {
            Some(directory) => format!("{} and the built-in configs", directory.display()),
            None => "the built-in configs".to_owned(),
        }
    }

    /// Whether `group` is a directory of config files.
    pub fn group_exists(&self, group: &str) -> bool {
        let Some(group) = safe_path(group) else { return false };
        let prefix = format!("{group}/");
        self.on_disk(group).is_some_and(|path| path.is_dir())
            || self.embedded.iter().any(|(path, _)| path.starts_with(&prefix))
    }

    /// Options of a group that have a file, sorted; the empty group is the top directory.
    pub fn options(&self, group: &str) -> Vec<String> {
        let is_file = |name: &str| name.strip_suffix(".yaml").map(str::to_owned);
        self.children(group, is_file)
    }

    /// Sub-groups of a group, sorted.
    pub fn groups(&self, group: &str) -> Vec<String> {
        let is_group = |name: &str| name.strip_suffix('/').map(str::to_owned);
        self.children(group, is_group)
    }

    /// Names in a group that `pick` accepts; directories end in `/`.
    fn children(&self, group: &str, pick: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let group = group.trim_matches('/');
        let prefix = if group.is_empty() { String::new() } else { format!("{group}/") };
        let mut names = BTreeSet::new();
        for (path, _) in self.embedded {
            if let Some(rest) = path.strip_prefix(&prefix) {
                let name = rest.split_once('/').map_or_else(|| rest.to_owned(), |(group, _)| format!("{group}/"));
                names.extend(pick(&name));
            }
        }
        let directory = if group.is_empty() { self.directory.clone() } else { self.on_disk(group) };
        for entry in directory.and_then(|path| fs::read_dir(path).ok()).into_iter().flatten().flatten() {
            let slash = if entry.path().is_dir() { "/" } else { "" };
            names.extend(pick(&format!("{}{slash}", entry.file_name().to_string_lossy())));
        }
        names.into_iter().collect()
    }

    /// Path on disk of something that is safe to join.
    fn on_disk(&self, path: &str) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(safe_path(path)?))
    }

    /// The file at `path` (without `.yaml`), or `None` if there is none.
    pub(super) fn load(&self, path: &str) -> Result<Option<ConfigFile>, ConfigError> {
        let Some(path) = safe_path(path) else { return Ok(None) };
        let file = format!("{path}.yaml");
        if let Some(on_disk) = self.directory.as_ref().map(|directory| directory.join(&file)) {
            match read(&on_disk) {
                Ok(Some(text)) => {
                    let name = on_disk.display().to_string();
                    return Ok(Some(ConfigFile { document: parse_yaml(&text, &name)?, name }));
                }
                Ok(None) => {}
                Err(source) => return Err(ConfigError::Read { path: on_disk, source }),
            }
        }
        let Some((_, text)) = self.embedded.iter().find(|(path, _)| *path == file) else { return Ok(None) };
        let name = format!("built-in {file}");
        Ok(Some(ConfigFile { document: parse_yaml(text, &name)?, name }))
    }
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The path without `.yaml`, unless it could leave the config directory.
fn safe_path(path: &str) -> Option<&str> {
    let path = path.strip_suffix(".yaml").unwrap_or(path);
    let is_name = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0']);
    path.split('/').all(is_name).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMBEDDED: &[(&str, &str)] =
        &[("config.yaml", "a: 1"), ("model/ease.yaml", "l2: 1"), ("model/deep/ncf.yaml", ""), ("data/ml.yaml", "")];

    #[test]
    fn the_directory_hides_single_built_in_files() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("model")).unwrap();
        fs::write(directory.path().join("model/ease.yaml"), "l2: 2").unwrap();
        fs::write(directory.path().join("model/mine.yaml"), "l2: [").unwrap();
        let source = ConfigSource::new(Some(directory.path().to_owned()), EMBEDDED);
        let l2 = |source: &ConfigSource| source.load("model/ease").unwrap().unwrap().document.value["l2"].clone();
        assert_eq!(l2(&source), 2);
        assert_eq!(l2(&ConfigSource::new(None, EMBEDDED)), 1);
        assert_eq!(source.load("config").unwrap().unwrap().name, "built-in config.yaml");
        assert_eq!(source.options("model"), ["ease", "mine"]);
        assert_eq!(source.groups("model"), ["deep"]);
        assert_eq!(source.groups(""), ["data", "model"]);
        assert!(source.group_exists("model") && source.group_exists("model/deep") && !source.group_exists("config"));
        let error = source.load("model/mine").unwrap_err().to_string();
        assert!(error.contains("mine.yaml:2:1: "), "{error}");
    }

    #[test]
    fn paths_stay_inside_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("conf")).unwrap();
        fs::write(directory.path().join("secret.yaml"), "a: 1").unwrap();
        let source = ConfigSource::new(Some(directory.path().join("conf")), EMBEDDED);
        for path in ["../secret", "/etc/passwd", "model/../../secret", "", "model//ease", "."] {
            assert_eq!(source.load(path).unwrap(), None, "{path}");
            assert!(!source.group_exists(path), "{path}");
        }
        assert_eq!(ConfigSource::new(Some("no/such/directory".into()), EMBEDDED).describe(), "the built-in configs");
    }
}
