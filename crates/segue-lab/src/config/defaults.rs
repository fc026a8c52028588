//! The defaults list: which config files make up a configuration, in which order and at which place.
//!
//! A file's `defaults` name other files, relative to its own directory and package:
//!
//! ```yaml
//! defaults:
//!   - model: ease              # group: option
//!   - data@source: ml-1m       # at package `source` instead of `data`
//!   - optional local: mine     # no error if there is no such option
//!   - schedulers: [cosine, warmup]
//!   - shared                   # a file of the same directory
//!   - _self_                   # this file's own content; later items win
//!   - override /trainer: fast  # changes a choice made elsewhere in the tree
//! ```
//!
//! The rules are Hydra's (`hydra/_internal/defaults_list.py`, 1.3): items are visited from the last to the first, so
//! that an `override` is known before the item it changes is loaded; the command line wins over all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use segue_core::nearest;

use super::error::{ConfigError, Origin, UnknownOption};
use super::listing::{Choice, Item, Placed, Target, listed};
use super::overrides::{Action, Element, Override, OverrideValue};
use super::schema::Schema;
use super::source::{ConfigFile, ConfigSource};
use super::suggest;

/// Files may include each other this deep; more is a cycle.
const MAX_DEPTH: usize = 32;
/// Files one configuration may be made of.
const MAX_ENTRIES: usize = 10_000;

/// One file, or one set of schema defaults, of the finished list.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// `model/ease`.
    pub(super) path: String,
    pub(super) group: String,
    /// Canonical option.
    pub(super) option: String,
    /// Dotted place of the content in the configuration.
    pub(super) package: String,
    pub(super) parent: String,
    pub(super) file: Option<Rc<ConfigFile>>,
    /// The name under which the group was chosen, where it was chosen by group.
    key: Option<String>,
}

/// The finished list.
#[derive(Debug)]
pub(super) struct Expansion<'a> {
    pub(super) entries: Vec<Entry>,
    /// Canonical option by `group` or `group@package`.
    pub(super) choices: BTreeMap<String, String>,
    /// Overrides that change values rather than files.
    pub(super) values: Vec<&'a Override>,
}

/// Options of a config group, from files and from the schema, sorted.
pub fn group_options(source: &ConfigSource, schema: &dyn Schema, group: &str) -> Vec<String> {
    let names: BTreeSet<String> = source.options(group).into_iter().chain(schema.options(group)).collect();
    names.into_iter().collect()
}

/// A choice made by an `override` item or on the command line.
struct Forced {
    choice: Choice,
    at: Origin,
    used: bool,
}

struct Deletion {
    option: Option<String>,
    text: String,
    used: bool,
}

struct Expander<'a> {
    source: &'a ConfigSource,
    schema: &'a dyn Schema,
    files: BTreeMap<String, Option<Rc<ConfigFile>>>,
    forced: BTreeMap<String, Forced>,
    deletions: BTreeMap<String, Deletion>,
    appended: Vec<Item>,
    choices: BTreeMap<String, String>,
    /// Origin of the choices made by `+group=option`.
    added: BTreeMap<String, Origin>,
    n_entries: usize,
}

/// Follows the defaults list of `primary`.
pub(super) fn expand<'a>(
    source: &ConfigSource,
    schema: &dyn Schema,
    primary: &str,
    overrides: &'a [Override],
) -> Result<Expansion<'a>, ConfigError> {
    let mut expander = Expander {
        source,
        schema,
        files: BTreeMap::new(),
        forced: BTreeMap::new(),
        deletions: BTreeMap::new(),
        appended: Vec::new(),
        choices: BTreeMap::new(),
        added: BTreeMap::new(),
        n_entries: 0,
    };
    let mut values = Vec::new();
    for item in overrides {
        if !expander.take_group_override(item)? {
            values.push(item);
        }
    }
    let mut entries = Vec::new();
    for root in ["hydra/config", primary] {
        if expander.file(root)?.is_none() {
            if root != primary {
                continue;
            }
            let names = source.options("");
            let hint = suggest::did_you_mean(primary, names.iter().map(String::as_str));
            return Err(ConfigError::NoPrimary { name: primary.to_owned(), searched: source.describe(), hint });
        }
        let at = Origin::File { file: root.to_owned(), line: 1 };
        let target = Target::File(root.to_owned());
        let item = Item { target, package: None, optional: false, overrides: false, appended: false, at };
        entries.extend(expander.node(Placed::new(item, "", ""), "", root == primary, 0)?);
    }
    expander.check_everything_was_used()?;
    let mut keys = BTreeSet::new();
    for entry in &entries {
        if let Some(key) = &entry.key
            && !keys.insert(key)
        {
            let at = Origin::File { file: entry.parent.clone(), line: 1 };
            return Err(ConfigError::Defaults { at, message: format!("group `{key}` is listed twice; keep one") });
        }
    }
    Ok(Expansion { entries, choices: expander.choices, values })
}

impl Expander<'_> {
    fn file(&mut self, path: &str) -> Result<Option<Rc<ConfigFile>>, ConfigError> {
        if let Some(known) = self.files.get(path) {
            return Ok(known.clone());
        }
        let file = self.source.load(path)?.map(Rc::new);
        self.files.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    fn is_group(&self, key: &str) -> bool {
        self.source.group_exists(key) || !self.schema.options(key).is_empty()
    }

    /// Notes an override that chooses files; `false` if it changes a value instead.
    fn take_group_override(&mut self, item: &Override) -> Result<bool, ConfigError> {
        let at = Origin::CommandLine(item.text.clone());
        let wrong = |message: &str| ConfigError::Value {
            at: Origin::CommandLine(item.text.clone()),
            message: message.to_owned(),
        };
        let is_dict = matches!(item.value, Some(OverrideValue::Element(Element::Dict(_))));
        if is_dict || !self.is_group(&item.key) {
            return Ok(false);
        }
        let choice = match &item.value {
            None => None,
            Some(OverrideValue::Element(Element::Text(option))) if !option.is_empty() => {
                Some(Choice::One(option.clone()))
            }
            Some(OverrideValue::Element(Element::List(options))) => {
                let names = options.iter().map(|option| match option {
                    Element::Text(name) => Ok(name.clone()),
                    other => {
                        Err(wrong(&format!("options are names, not {}; put {other} in quotes", other.type_name())))
                    }
                });
                Some(Choice::Many(names.collect::<Result<_, _>>()?))
            }
            Some(OverrideValue::Sweep(_)) => return Err(ConfigError::NeedsMultirun { text: item.text.clone() }),
            Some(OverrideValue::Element(Element::Null)) => {
                return Err(wrong(&format!(
                    "a group takes the name of an option; to leave it out write ~{}",
                    item.key
                )));
            }
            Some(_) => {
                let options = group_options(self.source, self.schema, &item.key).join(", ");
                return Err(wrong(&format!("a group takes the name of an option; options: {options}")));
            }
        };
        let key = item.group_key();
        match (item.action, choice) {
            (Action::ForceAdd, _) => {
                return Err(wrong("`++` sets values, not groups; write + to add a group, nothing to change it"));
            }
            (Action::Delete, choice) => {
                let option = match choice {
                    None => None,
                    Some(Choice::One(option)) => Some(option),
                    Some(_) => return Err(wrong("a deletion names one option")),
                };
                self.deletions.insert(key, Deletion { option, text: item.text.clone(), used: false });
            }
            (Action::Add, Some(choice)) => {
                let target = Target::Group(item.key.clone(), choice);
                let package = item.package.clone();
                self.appended.push(Item { target, package, optional: false, overrides: false, appended: true, at });
            }
            (Action::Change, Some(choice)) => {
                self.forced.insert(key, Forced { choice, at, used: false });
            }
            // The grammar lets only a deletion go without a value.
            (Action::Add | Action::Change, None) => return Ok(false),
        }
        Ok(true)
    }

    /// The entries of one item and of everything its file lists.
    fn node(
        &mut self,
        mut node: Placed,
        parent: &str,
        is_primary: bool,
        depth: usize,
    ) -> Result<Vec<Entry>, ConfigError> {
        let at = node.item.at.clone();
        if depth > MAX_DEPTH {
            let message = format!("defaults lists include each other more than {MAX_DEPTH} deep; is there a cycle?");
            return Err(ConfigError::Defaults { at, message });
        }
        self.n_entries += 1;
        if self.n_entries > MAX_ENTRIES {
            let message = format!("the defaults list grows beyond {MAX_ENTRIES} files");
            return Err(ConfigError::Defaults { at, message });
        }
        let is_group = matches!(node.item.target, Target::Group(..));
        let group = node.group();
        let written = node.name().map(|name| name.strip_suffix(".yaml").unwrap_or(name).to_owned());
        let option = written.as_ref().map(|name| {
            let canonical = if group.is_empty() { None } else { self.schema.resolve_option(&group, name) };
            canonical.unwrap_or_else(|| name.clone())
        });
        let key = node.key();
        if is_group && self.is_deleted(&key, written.as_deref(), option.as_deref()) {
            return Ok(Vec::new());
        }
        let (Some(written), Some(option)) = (written, option) else {
            return Ok(Vec::new());
        };
        if is_group {
            self.note_choice(&key, &option, &node.item)?;
        }
        let join = |name: &str| if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") };
        // A file with the very name that was asked for wins over the file of the canonical name.
        let file = match self.file(&join(&written))? {
            None if written != option => self.file(&join(&option))?,
            file => file,
        };
        if file.is_none() && (group.is_empty() || self.schema.resolve_option(&group, &written).is_none()) {
            if node.item.optional {
                self.choices.remove(&key);
                return Ok(Vec::new());
            }
            return Err(self.no_option(&node, &group, &written));
        }
        node.header = file.as_ref().and_then(|file| file.document.package.as_ref()).map(|package| {
            if package.starts_with("_global_") { package.clone() } else { format!("_global_.{package}") }
        });
        let own = Entry {
            path: join(&option),
            group,
            option,
            package: node.package(true),
            parent: parent.to_owned(),
            file,
            key: is_group.then_some(key),
        };
        let mut items = own.file.as_ref().map_or(Ok(Vec::new()), |file| listed(file))?;
        if is_primary {
            items.append(&mut self.appended);
        }
        if items.is_empty() { Ok(vec![own]) } else { self.children(items, &node, &own, depth) }
    }

    /// The entries of a file's defaults list, its own content at `_self_`.
    fn children(
        &mut self,
        mut items: Vec<Item>,
        parent: &Placed,
        own: &Entry,
        depth: usize,
    ) -> Result<Vec<Entry>, ConfigError> {
        enum Slot {
            Done(Vec<Entry>),
            Waiting(Placed),
        }
        if !items.iter().any(|item| matches!(item.target, Target::Own)) {
            let first_appended = items.iter().position(|item| item.appended).unwrap_or(items.len());
            let (target, at) = (Target::Own, parent.item.at.clone());
            let item = Item { target, package: None, optional: false, overrides: false, appended: true, at };
            items.insert(first_appended, item);
        }
        let (directory, package) = (parent.group(), parent.package(true));
        let placed: Vec<Placed> = items.into_iter().map(|item| Placed::new(item, &directory, &package)).collect();
        self.note_overrides(&placed)?;
        let mut slots = Vec::new();
        for mut node in placed.into_iter().rev().filter(|node| !node.item.overrides) {
            if matches!(node.item.target, Target::Own) {
                slots.push(Slot::Done(vec![own.clone()]));
                continue;
            }
            let key = node.key();
            if let Target::Group(_, choice) = &mut node.item.target
                && let Some(forced) = self.forced.get_mut(&key)
            {
                *choice = forced.choice.clone();
                forced.used = true;
                node.item.at = forced.at.clone();
            }
            if node.is_interpolated() {
                slots.push(Slot::Waiting(node));
            } else {
                slots.push(Slot::Done(self.group_or_file(node, own, depth)?));
            }
        }
        // Choices by `${other_group}` wait until the others are made.
        let mut entries = Vec::new();
        for slot in &mut slots {
            if let Slot::Waiting(node) = slot {
                let mut node = node.clone();
                self.fill_in(&mut node)?;
                *slot = Slot::Done(self.group_or_file(node, own, depth)?);
            }
        }
        for slot in slots.into_iter().rev() {
            if let Slot::Done(done) = slot {
                entries.extend(done);
            }
        }
        Ok(entries)
    }

    fn group_or_file(&mut self, node: Placed, own: &Entry, depth: usize) -> Result<Vec<Entry>, ConfigError> {
        let Target::Group(group, Choice::Many(options)) = &node.item.target else {
            return self.node(node, &own.path, false, depth + 1);
        };
        let key = node.key();
        self.choices.insert(key, options.join(","));
        let mut entries = Vec::new();
        let files: Vec<String> = options.iter().map(|option| format!("{group}/{option}")).collect();
        // From the last to the first, as everywhere.
        for file in files.into_iter().rev() {
            let item = Item { target: Target::File(file), ..node.item.clone() };
            let child = Placed { item, ..node.clone() };
            entries.push(self.node(child, &own.path, false, depth + 1)?);
        }
        Ok(entries.into_iter().rev().flatten().collect())
    }

    fn note_overrides(&mut self, items: &[Placed]) -> Result<(), ConfigError> {
        let mut seen = false;
        for node in items {
            if matches!(node.item.target, Target::Own) {
                continue;
            }
            if seen && !node.item.overrides && !node.item.appended {
                let message = "`override` items come last; move them below this one".to_owned();
                return Err(ConfigError::Defaults { at: node.item.at.clone(), message });
            }
            seen |= node.item.overrides;
            if let (true, Target::Group(_, choice)) = (node.item.overrides, &node.item.target) {
                let forced = Forced { choice: choice.clone(), at: node.item.at.clone(), used: false };
                self.forced.entry(node.key()).or_insert(forced);
            }
        }
        Ok(())
    }

    fn is_deleted(&mut self, key: &str, written: Option<&str>, option: Option<&str>) -> bool {
        let Some(deletion) = self.deletions.get_mut(key) else { return false };
        let fits = deletion.option.is_none() || [written, option].contains(&deletion.option.as_deref());
        deletion.used |= fits;
        fits
    }

    fn note_choice(&mut self, key: &str, option: &str, item: &Item) -> Result<(), ConfigError> {
        if item.appended {
            self.added.insert(key.to_owned(), item.at.clone());
        }
        match self.choices.get(key) {
            // The list is read backwards: what `+` appends comes before what is already there.
            Some(chosen) if let Some(at) = self.added.get(key) => {
                let message = format!("group `{key}` is already in the defaults list ({option}); write {key}={chosen}");
                Err(ConfigError::Value { at: at.clone(), message })
            }
            Some(chosen) if chosen != option => {
                let message = format!(
                    "group `{key}` is already chosen ({chosen}); to change it write `override /{key}: {option}`"
                );
                Err(ConfigError::Defaults { at: item.at.clone(), message })
            }
            _ => {
                self.choices.insert(key.to_owned(), option.to_owned());
                Ok(())
            }
        }
    }

    fn fill_in(&self, node: &mut Placed) -> Result<(), ConfigError> {
        let at = node.item.at.clone();
        let (Target::File(text) | Target::Group(_, Choice::One(text))) = &mut node.item.target else { return Ok(()) };
        while let Some(start) = text.find("${") {
            let end = text[start..].find('}').map(|end| start + end);
            let key = end.map(|end| text[start + 2..end].trim().to_owned()).unwrap_or_default();
            let (Some(end), Some(chosen)) = (end, self.choices.get(&key)) else {
                let known: Vec<_> = self.choices.keys().map(String::as_str).collect();
                let message = format!("`{text}` names no chosen group; groups: {}", known.join(", "));
                return Err(ConfigError::Defaults { at, message });
            };
            text.replace_range(start..=end, chosen);
        }
        Ok(())
    }

    fn no_option(&self, node: &Placed, group: &str, option: &str) -> ConfigError {
        let at = node.item.at.clone();
        let options = group_options(self.source, self.schema, group);
        if option == "???" {
            let key = node.key();
            let message = format!("you must choose {key}=<option>; options: {}", options.join(", "));
            return ConfigError::Value { at, message };
        }
        if group.is_empty() {
            let hint = suggest::did_you_mean(option, options.iter().map(String::as_str));
            return ConfigError::Defaults { at, message: format!("there is no config file `{option}`{hint}") };
        }
        let aliases = self.schema.option_aliases(group);
        let names = options.iter().chain(&aliases).map(String::as_str);
        let nearest = nearest(option, names).map(str::to_owned);
        let (group, option) = (group.to_owned(), option.to_owned());
        ConfigError::UnknownOption(Box::new(UnknownOption { at, group, option, nearest, options }))
    }

    fn check_everything_was_used(&self) -> Result<(), ConfigError> {
        if let Some((key, forced)) = self.forced.iter().find(|(_, forced)| !forced.used) {
            let group = key.split('@').next().unwrap_or(key);
            let known = self.choices.keys().filter(|known| known.split('@').next() == Some(group));
            let known: Vec<_> = known.map(String::as_str).collect();
            let hint = if known.is_empty() { String::new() } else { format!("; did you mean {}?", known.join(" or ")) };
            let message = format!("group `{key}` is not in the defaults list{hint}");
            let at = forced.at.clone();
            return Err(match &forced.at {
                Origin::CommandLine(text) => {
                    let full_stop = if hint.is_empty() { "." } else { "" };
                    ConfigError::Value { at, message: format!("{message}{full_stop} To add it write +{text}") }
                }
                _ => ConfigError::Defaults { at, message },
            });
        }
        if let Some(deletion) = self.deletions.values().find(|deletion| !deletion.used) {
            let at = Origin::CommandLine(deletion.text.clone());
            let known: Vec<_> = self.choices.iter().map(|(key, option)| format!("{key}={option}")).collect();
            let message = format!("nothing to delete; the defaults list has {}", known.join(", "));
            return Err(ConfigError::Value { at, message });
        }
        Ok(())
    }
}
