//! JSON lines of gorse, as its bulk interface writes them: feedback (`FeedbackType`, `UserId`, `ItemId`, `Value`,
//! `Timestamp`) and items (`ItemId`, `Categories`, `Labels`, `Comment`). `only: {FeedbackType: star}` chooses a type.
//!
//! <https://gorse.io/docs>

use serde_json::Value;

use super::format::Layout;
use super::items::{Shelf, strings};
use super::json_lines::{Key, Keys, Unvalued, each_object};
use super::log::RawLog;
use super::open::Input;
use super::session::{Reason, Session};
use crate::DataError;

pub(super) const KEYS: Keys<'static> = Keys {
    user: Key::Named(&["UserId"]),
    item: Key::Named(&["ItemId"]),
    value: Key::Named(&["Value"]),
    time: Key::Named(&["Timestamp"]),
    unvalued: Unvalued::One,
};

pub(super) fn read(
    input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    each_object(input, session, log, (&KEYS, layout))
}

/// True if a line is of gorse.
pub(super) fn is_one(line: &str) -> bool {
    line.contains("\"ItemId\"") && ["\"UserId\"", "\"Labels\"", "\"Categories\""].iter().any(|key| line.contains(key))
}

/// One item: its comment is the title, its categories are categories, or else its labels.
pub(super) fn item(line: &str, shelf: &mut Shelf<'_>) -> Result<(), Reason> {
    let record: Value = serde_json::from_str(line).map_err(|error| format!("is no item: {error}"))?;
    let Some(item) = record.get("ItemId").and_then(Value::as_str) else { return Err("has no ItemId".into()) };
    let mut categories = Vec::new();
    strings(record.get("Categories").unwrap_or(&Value::Null), &mut categories);
    if categories.is_empty() {
        strings(record.get("Labels").unwrap_or(&Value::Null), &mut categories);
    }
    let title = record.get("Comment").and_then(Value::as_str).unwrap_or_default();
    shelf.put(item.trim(), title, categories.into_iter());
    Ok(())
}
