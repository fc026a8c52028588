//! JSON lines, one object per line, with keys by mapping or by the usual names; a mapped key may reach into objects
//! with dots, as `user.id`. The formats that are JSON lines with keys of their own read through [`each_object`].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use segue_core::nearest;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::{Column, ITEM, TIME, USER, VALUE, same_name};
use super::format::Layout;
use super::log::RawLog;
use super::only::Wanted;
use super::open::Input;
use super::session::{Reason, Session, beyond, milliseconds, milliseconds_of, parse_time, parse_value};
use crate::DataError;

/// Under which keys a line tells what; of several that it has the first of the list wins.
#[derive(Debug)]
pub(super) struct Keys<'k> {
    pub(super) user: Key<'k>,
    pub(super) item: Key<'k>,
    pub(super) value: Key<'k>,
    pub(super) time: Key<'k>,
    /// What a line without a value is.
    pub(super) unvalued: Unvalued,
}

impl Keys<'_> {
    /// Whether a line with these keys tells what they miss: it has a usual name of somebody, a value or a time, and none of ours for it.
    pub(super) fn miss(&self, line: &[&str]) -> bool {
        let roles = [(&self.user, USER), (&self.value, VALUE), (&self.time, TIME)];
        let any = |key: &Key<'_>| line.iter().any(|name| key.rank(name).is_some());
        roles.into_iter().any(|(own, usual)| !any(own) && any(&Key::Usual(usual)))
    }
}

/// What a line is that has no key of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unvalued {
    /// One that lacks something.
    Incomplete,
    /// An event of a kind that has no value: worth 1.
    One,
    /// Incomplete if another line has a value; else worth 1.
    AsOthers,
}

/// Names of one key.
#[derive(Debug)]
pub(super) enum Key<'k> {
    /// These, exactly.
    Named(&'k [&'k str]),
    /// Those that columns usually have, in any case and with any separators.
    Usual(&'static [&'static str]),
    /// This one, with a dot between the keys of nested objects.
    Mapped(&'k str),
}

impl Key<'_> {
    /// The place of `name` in the list.
    fn rank(&self, name: &str) -> Option<usize> {
        match self {
            Self::Named(names) => names.iter().position(|known| *known == name),
            Self::Usual(names) => names.iter().position(|known| same_name(name, known)),
            Self::Mapped(known) => (*known == name).then_some(0),
        }
    }

    /// The key that a user named.
    fn mapped(&self) -> Option<&str> {
        if let Self::Mapped(name) = self { Some(name) } else { None }
    }

    /// True if a key within the object called `name` may be meant.
    fn within(&self, name: &str) -> bool {
        matches!(self, Self::Mapped(known) if known.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(names) => f.write_str(&names.join(" or ")),
            Self::Usual(names) => f.write_str(names.first().copied().unwrap_or_default()),
            Self::Mapped(name) => f.write_str(name),
        }
    }
}

/// Reads any JSON lines.
pub(super) fn read(
    input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    let columns = &layout.columns;
    let keys = Keys {
        user: key(columns.user.as_ref(), USER)?,
        item: key(columns.item.as_ref(), ITEM)?,
        value: key(columns.value.as_ref(), VALUE)?,
        time: key(columns.time.as_ref(), TIME)?,
        unvalued: if columns.value.is_some() { Unvalued::Incomplete } else { Unvalued::AsOthers },
    };
    each_object(input, session, log, (&keys, layout))
}

fn key<'c>(column: Option<&'c Column>, usual: &'static [&'static str]) -> Result<Key<'c>, DataError> {
    match column {
        Some(Column::Name(name)) => Ok(Key::Mapped(name)),
        Some(Column::Position(position)) => {
            let what = format!("{position} is a position, and JSON lines have names; give the key");
            Err(DataError::config("data.domains.columns", what))
        }
        None => Ok(Key::Usual(usual)),
    }
}

/// Reads JSON lines with these keys.
pub(super) fn each_object(
    input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    (keys, layout): (&Keys<'_>, &Layout),
) -> Result<(), DataError> {
    let wanted: Vec<(Key<'_>, &Wanted)> =
        layout.only.iter().map(|(name, wanted)| (Key::Mapped(name), wanted)).collect();
    let roles = [&keys.user, &keys.item, &keys.value, &keys.time];
    let slots: Vec<&Key<'_>> = roles.into_iter().chain(wanted.iter().map(|(key, _)| key)).collect();
    let path = input.path().to_path_buf();
    let (mut met, mut names, mut looked, mut trimmed) = (vec![false; slots.len()], BTreeSet::new(), 0, 0);
    session.each_line(input, |line| {
        let mut cells: Vec<Found<'_>> = slots.iter().map(|_| None).collect();
        let mut json = serde_json::Deserializer::from_str(line);
        let object = Object { slots: &slots, prefix: "", cells: &mut cells };
        object.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| no_object(line, &error))?;
        met.iter_mut().zip(&cells).for_each(|(met, cell)| *met |= cell.is_some());
        if looked < LOOKED && slots.iter().zip(&met).any(|(slot, met)| !met && slot.mapped().is_some()) {
            looked += 1;
            names_of("", &serde_json::from_str(line).unwrap_or_default(), &mut names);
        }
        let has_value = cells.get(2).is_some_and(Option::is_some);
        let mut cells = cells.into_iter().map(|found| found.map_or(Cell::Null, |(_, cell)| cell));
        let mut next = || cells.next().unwrap_or(Cell::Null);
        let (user, item, value, time) = (next(), next(), next(), next());
        for (key, wanted) in &wanted {
            let cell = next().name(key)?;
            if !wanted.contains(&cell) {
                return Ok(());
            }
        }
        // One line with the key, and those without it lack something, wherever they stand.
        if keys.unvalued == Unvalued::AsOthers {
            log.rows.values().told(has_value);
        }
        let value = match layout.rated(value.value()?) {
            None if !has_value && keys.unvalued == Unvalued::One => Some(1.0),
            value => value,
        };
        let spaced = [&user, &item].into_iter().filter(|id| id.has_spaces_around()).count() as u64;
        log.push(&user.name(&keys.user)?, &item.name(&keys.item)?, value, time.time()?);
        trimmed += spaced;
        Ok(())
    })?;
    session.note_trimmed(trimmed);
    // A row without the key may be wanted, too.
    let is_needed = |slot: usize| slot.checked_sub(4).is_none_or(|n| !wanted[n].1.contains(""));
    let mut lacking = slots.iter().zip(met).enumerate().filter(|&(slot, (_, met))| !met && is_needed(slot));
    let lacking = lacking.find_map(|(slot, (key, _))| Some((slot, key.mapped()?)));
    lacking.map_or(Ok(()), |(slot, key)| Err(no_key(&path, (slot, key), &names)))
}

/// Why a line is no JSON object.
fn no_object(line: &str, error: &serde_json::Error) -> Reason {
    let at = line.as_bytes().get(error.column().saturating_sub(1)..).unwrap_or_default();
    match ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| at.starts_with(word.as_bytes())) {
        Some(word) => format!("has {word}, which JSON has no number for; write null").into(),
        None => format!("is no JSON object: {error}").into(),
    }
}

/// Lines whose keys are told where a mapped one is in none.
const LOOKED: usize = 100;

/// The keys of an object, those of objects in it with dots.
fn names_of(prefix: &str, json: &serde_json::Value, names: &mut BTreeSet<String>) {
    for (key, value) in json.as_object().into_iter().flatten() {
        let name = format!("{prefix}{key}");
        if value.is_object() {
            names_of(&format!("{name}."), value, names);
        } else {
            names.insert(name);
        }
    }
}

/// No line has the key of a slot.
fn no_key(path: &Path, (slot, key): (usize, &str), names: &BTreeSet<String>) -> DataError {
    let near = nearest(key, names.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!(" (did you mean {near:?}?)"));
    let have = names.iter().cloned().collect::<Vec<_>>().join(", ");
    if slot < 4 {
        let wanted = format!("{key:?}, for no line has this key{near}");
        return DataError::Column { path: path.into(), wanted, have };
    }
    let what = format!("{key} is no key of {}; its lines have {have}{near}", path.display());
    DataError::config("data.domains.only", what)
}

type Found<'de> = Option<(usize, Cell<'de>)>;

/// Takes the cells asked for out of one object and ignores the rest unread.
struct Object<'a, 'de> {
    slots: &'a [&'a Key<'a>],
    /// Of nested objects: the keys above with a dot after each.
    prefix: &'a str,
    cells: &'a mut [Found<'de>],
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(key)) = map.next_key::<Name<'de>>()? {
            let name = if self.prefix.is_empty() { key } else { format!("{}{key}", self.prefix).into() };
            let better = |(slot, found): (&&Key<'_>, &Found<'de>)| {
                slot.rank(&name).filter(|rank| found.as_ref().is_none_or(|(best, _)| rank < best))
            };
            if self.slots.iter().zip(&*self.cells).any(|pair| better(pair).is_some()) {
                let cell: Cell<'de> = map.next_value()?;
                for (slot, found) in self.slots.iter().zip(self.cells.iter_mut()) {
                    if let Some(rank) = better((slot, found)) {
                        *found = Some((rank, cell.clone()));
                    }
                }
            } else if self.slots.iter().any(|slot| slot.within(&name)) {
                let prefix = format!("{name}.");
                map.next_value_seed(Object { slots: self.slots, prefix: &prefix, cells: &mut *self.cells })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// One value.
#[derive(Debug, Clone, PartialEq)]
enum Cell<'de> {
    Text(Cow<'de, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    Null,
    Nested,
}

impl Cell<'_> {
    fn has_spaces_around(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().len() < text.len())
    }

    fn name(self, key: &Key<'_>) -> Result<String, Reason> {
        match self {
            Self::Text(text) => Ok(text.trim().to_owned()),
            Self::Int(number) => Ok(number.to_string()),
            Self::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok((number as i64).to_string()),
            Self::Bool(flag) => Ok(flag.to_string()),
            Self::Null => Ok(String::new()),
            Self::Float(number) => Err(format!("an id is the fraction {number}").into()),
            Self::Nested => Err(format!("{key} is a list or an object; map a key within it, as user.id").into()),
        }
    }

    fn value(self) -> Result<Option<f64>, Reason> {
        let number = match self {
            Self::Text(text) => return parse_value(&text),
            Self::Null => return Ok(None),
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
            Self::Bool(flag) => f64::from(u8::from(flag)),
            Self::Nested => return Err("the rating is a list or an object".into()),
        };
        beyond(number).map_or(Ok(Some(number)), |wrong| Err(format!("the rating {number} {wrong}").into()))
    }

    fn time(self) -> Result<Option<i64>, Reason> {
        match self {
            Self::Text(text) => parse_time(&text),
            Self::Null => Ok(None),
            Self::Int(number) => Ok(Some(milliseconds(number))),
            Self::Float(number) if number.abs() < 9e18 => Ok(Some(milliseconds_of(number))),
            Self::Float(_) | Self::Bool(_) | Self::Nested => Err("the time is no time".into()),
        }
    }
}

impl<'de> Deserialize<'de> for Cell<'de> {
    /// By its text: ids are hashes as well, and every digit of a whole number counts.
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(json)?.get();
        let whole = text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
        match text.as_bytes() {
            [b'"', ..] => serde_json::from_str(text).map(|Name(text)| Self::Text(text)).map_err(D::Error::custom),
            [b'{' | b'[', ..] => Ok(Self::Nested),
            b"true" => Ok(Self::Bool(true)),
            b"false" => Ok(Self::Bool(false)),
            b"null" => Ok(Self::Null),
            _ if whole => Ok(text.parse().map_or(Self::Text(text.into()), Self::Int)),
            _ => text.parse().map(Self::Float).map_err(D::Error::custom),
        }
    }
}
