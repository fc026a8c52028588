//! Sequences with times: `user item|time item|time ...`, one user per line. Values are 1.
//!
//! The layout of cross-domain sequences (`Tri-CDR`, `ABXI`): one line mixes the items of all domains. Beside the file
//! `map_item*.json` tells the external id and the domain of every item, `{id: [number, domain]}`, and `map_user*.json`
//! the external id of every user, `{id: number}`. Where they lie there, ids are the external ones, and
//! `only: {domain: 0}` chooses a domain.
//!
//! Bian et al., *ABXI: Invariant Interest Adaptation for Task-Guided Cross-Domain Sequential Recommendation*, WWW 2025.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::log::RawLog;
use super::only::Only;
use super::open::{Input, names_in};
use super::session::{Reason, Session, parse_time};
use crate::DataError;

/// True if a first line has this layout.
pub(super) fn is_one(line: &str) -> bool {
    let mut tokens = line.split_whitespace();
    let timed = |token: &str| token.split_once('|').is_some_and(|(item, time)| !item.is_empty() && is_digits(time));
    tokens.next().is_some_and(|user| !user.contains('|')) && tokens.next().is_some_and(timed) && tokens.all(timed)
}

pub(super) fn read(input: Input, session: &mut Session<'_>, log: &mut RawLog, only: &Only) -> Result<(), DataError> {
    let path = input.path().to_path_buf();
    let (items, users) = (Names::beside(&path, "map_item")?, Names::beside(&path, "map_user")?);
    if let Some((column, _)) = only.iter().find(|&(column, _)| column != "domain") {
        let what = format!("{column} is unknown here; sequences with times are chosen by domain alone");
        return Err(DataError::config("data.domains.only", what));
    }
    if !only.is_empty() && items.is_none() {
        let what = format!("needs the file map_item*.json beside {}, which tells each item's domain", path.display());
        return Err(DataError::config("data.domains.only", what));
    }
    session.each_line(input, |line| {
        let mut tokens = line.split_whitespace();
        let Some(user) = tokens.next() else { return Ok(()) };
        let user = users.as_ref().map_or(Ok(user), |users| users.name(user))?;
        let mut events = Vec::new();
        for token in tokens {
            let Some((item, time)) = token.split_once('|').filter(|(item, _)| !item.is_empty()) else {
                return Err(format!("{token:?} is not item|time").into());
            };
            let domain = items.as_ref().and_then(|items| items.domain.get(item));
            if !only.iter().all(|(_, wanted)| domain.is_some_and(|domain| wanted.contains(domain))) {
                continue;
            }
            let item = items.as_ref().map_or(Ok(item), |items| items.name(item))?;
            events.push((item, parse_time(time)?));
        }
        // A bad line is left out whole.
        let Some(user) = log.user(user, events.len()) else { return Ok(()) };
        for (item, time) in events {
            log.push_of(user, item, time);
        }
        Ok(())
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The map files that lie beside a log, with their sizes and times: what its ids are called hangs on them.
pub(super) fn names_beside(path: &Path) -> Vec<(String, u64, Option<SystemTime>)> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let maps = names_in(folder).into_iter().filter(|name| name.starts_with("map_"));
    let stated = |name: String| {
        let metadata = folder.join(&name).metadata().ok()?;
        Some((name, metadata.len(), metadata.modified().ok()))
    };
    maps.filter_map(stated).collect()
}

/// What a map file tells, by number.
struct Names {
    file: String,
    name: HashMap<String, String>,
    domain: HashMap<String, String>,
}

impl Names {
    /// The map that lies beside `path` and is called `prefix...json`, if there is one.
    fn beside(path: &Path, prefix: &str) -> Result<Option<Self>, DataError> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let names = names_in(folder);
        let Some(file) = names.iter().find(|name| name.starts_with(prefix) && name.contains(".json")) else {
            return Ok(None);
        };
        let mut input = Input::open(&folder.join(file))?;
        let wrong = |input: &Input, what: String| DataError::Format { path: input.path().into(), what };
        let mut text = String::new();
        input.read_to_string(&mut text).map_err(|error| input.fault(error))?;
        let map: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| wrong(&input, format!("is not {{id: number}}: {error}")))?;
        let mut names = Self { file: file.clone(), name: HashMap::new(), domain: HashMap::new() };
        for (id, value) in map {
            let (number, domain) = match value.as_array().map(Vec::as_slice) {
                Some([number, domain]) => (number.to_string(), Some(domain.to_string())),
                None if value.is_number() => (value.to_string(), None),
                _ => return Err(wrong(&input, format!("{id:?} is {value}, not a number or [number, domain]"))),
            };
            names.domain.extend(domain.map(|domain| (number.clone(), domain)));
            names.name.insert(number, id);
        }
        Ok(Some(names))
    }

    fn name(&self, number: &str) -> Result<&str, Reason> {
        let name = self.name.get(number).map(String::as_str).filter(|name| !name.is_empty());
        name.ok_or_else(|| format!("{number} is not in {}", self.file).into())
    }
}
