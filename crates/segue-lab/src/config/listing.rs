//! The items of one defaults list, and the group and package each stands for.

use serde_json::Value;

use super::error::{ConfigError, Origin};
use super::source::ConfigFile;

/// The option or options of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    Nothing,
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone)]
pub(super) enum Target {
    Own,
    File(String),
    Group(String, Choice),
}

/// One item of a defaults list as written.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) target: Target,
    pub(super) package: Option<String>,
    pub(super) optional: bool,
    pub(super) overrides: bool,
    pub(super) appended: bool,
    pub(super) at: Origin,
}

/// An item with the directory and package of the file that lists it.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) item: Item,
    pub(super) directory: String,
    pub(super) parent_package: String,
    pub(super) header: Option<String>,
}

impl Placed {
    pub(super) fn new(mut item: Item, directory: &str, parent_package: &str) -> Self {
        if item.package.as_deref() == Some("_here_") {
            item.package = Some(String::new());
        }
        let mut placed =
            Self { item, directory: directory.to_owned(), parent_package: parent_package.to_owned(), header: None };
        if let Some(package) = placed.item.package.as_ref().filter(|package| package.contains("_group_")) {
            let group = placed.group().replace('/', ".");
            placed.item.package = Some(format!("_global_.{}", package.replace("_group_", &group)));
        }
        placed
    }

    /// Path as written: the group, or the file.
    fn written(&self) -> &str {
        match &self.item.target {
            Target::Own => "",
            Target::File(path) | Target::Group(path, _) => path,
        }
    }

    /// Group relative to the listing file; what a file's path holds before the last `/`.
    fn relative_group(&self) -> &str {
        let path = self.written().trim_start_matches('/');
        match self.item.target {
            Target::Group(..) => path,
            _ => path.rsplit_once('/').map_or("", |(group, _)| group),
        }
    }

    /// Group from the root.
    pub(super) fn group(&self) -> String {
        let relative = self.relative_group();
        if self.written().starts_with('/') || self.directory.is_empty() {
            relative.to_owned()
        } else if relative.is_empty() {
            self.directory.clone()
        } else {
            format!("{}/{relative}", self.directory)
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        match &self.item.target {
            Target::Own | Target::Group(_, Choice::Nothing | Choice::Many(_)) => None,
            Target::File(path) => path.rsplit('/').next(),
            Target::Group(_, Choice::One(option)) => Some(option),
        }
    }

    pub(super) fn is_interpolated(&self) -> bool {
        self.name().is_some_and(|name| name.contains("${"))
    }

    /// Dotted package; `_global_` cuts off everything before it.
    pub(super) fn package(&self, with_header: bool) -> String {
        let relative = self.relative_group().replace('/', ".");
        let header = self.header.as_ref().filter(|_| with_header);
        let own = self.item.package.as_ref().or(header).unwrap_or(&relative);
        let whole = match (self.parent_package.as_str(), own.as_str()) {
            ("", package) | (package, "") => package.to_owned(),
            (parent, package) => format!("{parent}.{package}"),
        };
        match whole.rfind("_global_") {
            Some(at) => whole[at + "_global_".len()..].trim_start_matches('.').to_owned(),
            None => whole,
        }
    }

    /// `group`, or `group@package` where the package is not the group's own.
    pub(super) fn key(&self) -> String {
        let (group, package) = (self.group(), self.package(false));
        if package == group.replace('/', ".") {
            group
        } else if package.is_empty() {
            format!("{group}@_global_")
        } else {
            format!("{group}@{package}")
        }
    }
}

/// The items of a file's `defaults`.
pub(super) fn listed(file: &ConfigFile) -> Result<Vec<Item>, ConfigError> {
    let Some(defaults) = file.document.value.get("defaults") else { return Ok(Vec::new()) };
    let line = |path: &str| file.document.lines.get(path).copied().unwrap_or(1);
    let at = |path: &str| Origin::File { file: file.name.clone(), line: line(path) };
    let wrong = |path: &str, message: String| ConfigError::Defaults { at: at(path), message };
    let Value::Array(values) = defaults else {
        return Err(wrong("defaults", "`defaults` must be a list of `group: option` items".to_owned()));
    };
    let mut items: Vec<Item> = Vec::new();
    for (i, value) in values.iter().enumerate() {
        let path = format!("defaults.{i}");
        let item = item(value, at(&path)).map_err(|message| wrong(&path, message))?;
        let is_own = |item: &Item| matches!(item.target, Target::Own);
        if is_own(&item) && items.iter().any(is_own) {
            return Err(wrong(&path, "`_self_` is listed twice; keep one".to_owned()));
        }
        items.push(item);
    }
    Ok(items)
}

fn item(value: &Value, at: Origin) -> Result<Item, String> {
    const FORMS: &str = "an item is `group: option`, a file name or `_self_`";
    let split = |text: &str| match text.split_once('@') {
        Some((path, package)) => (path.to_owned(), Some(package.to_owned())),
        None => (text.to_owned(), None),
    };
    let plain = Item { target: Target::Own, package: None, optional: false, overrides: false, appended: false, at };
    match value {
        Value::String(text) if text == "_self_" => Ok(plain),
        Value::String(text) => {
            let (optional, text) = text.strip_prefix("optional ").map_or((false, text.as_str()), |text| (true, text));
            let (path, package) = split(text);
            if path.trim_matches('/').is_empty() || text.starts_with("override ") {
                return Err(FORMS.to_owned());
            }
            Ok(Item { target: Target::File(path), package, optional, ..plain })
        }
        Value::Object(map) => {
            let Some((key, choice)) = map.iter().next().filter(|_| map.len() == 1) else {
                return Err(format!("an item names one group; this one has {} keys", map.len()));
            };
            let (path, package) = split(key);
            let mut words: Vec<&str> = path.split_whitespace().collect();
            let group = words.pop().unwrap_or_default().to_owned();
            if group.trim_matches('/').is_empty() || words.iter().any(|word| !matches!(*word, "optional" | "override"))
            {
                return Err(format!("`{key}` is not a group; the words before one are `optional` and `override`"));
            }
            let name = |value: &Value| match value {
                Value::String(name) if !name.is_empty() => Ok(name.clone()),
                other => Err(format!("an option is a name; put {other} in quotes")),
            };
            let choice = match choice {
                Value::Null => Choice::Nothing,
                Value::Array(names) => Choice::Many(names.iter().map(name).collect::<Result<_, _>>()?),
                one => Choice::One(name(one)?),
            };
            let (optional, overrides) = (words.contains(&"optional"), words.contains(&"override"));
            Ok(Item { target: Target::Group(group, choice), package, optional, overrides, ..plain })
        }
        _ => Err(FORMS.to_owned()),
    }
}
