//! Goodreads of UCSD: interactions as JSON lines (`user_id`, `book_id`, `rating`, `date_added`) or as CSV with numbered
//! ids (`user_id,book_id,is_read,rating,is_reviewed`), and books as JSON lines. A rating of 0 is none: the book stands
//! on a shelf.
//!
//! Wan and `McAuley`, *Item Recommendation on Monotonic Behavior Chains*, `RecSys` 2018; Wan et al., *Fine-Grained
//! Spoiler Detection from Large-Scale Review Corpora*, ACL 2019.

use serde_json::Value;

use super::format::Layout;
use super::items::Shelf;
use super::json_lines::{Key, Keys, Unvalued, each_object};
use super::log::RawLog;
use super::open::Input;
use super::session::{Reason, Session};
use super::{table, tags};
use crate::DataError;

pub(super) const KEYS: Keys<'static> = Keys {
    user: Key::Named(&["user_id"]),
    item: Key::Named(&["book_id"]),
    value: Key::Named(&["rating"]),
    time: Key::Named(&["date_added"]),
    unvalued: Unvalued::Incomplete,
};

/// The header of the CSV edition.
pub(super) const HEADER: &str = "user_id,book_id,is_read,rating,is_reviewed";

pub(super) fn read(
    mut input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    if input.begins_with_objects()? {
        each_object(input, session, log, (&KEYS, layout))
    } else {
        table::read(input, session, log, layout)
    }
}

/// True if a line of metadata is a book, or the genres of one.
pub(super) fn is_book(line: &str) -> bool {
    line.contains("\"book_id\"") && (line.contains("\"popular_shelves\"") || line.contains("\"genres\""))
}

/// One book (`title`, `popular_shelves`), or its genres (`genres: {"history, biography": 3}`).
pub(super) fn item(line: &str, shelf: &mut Shelf<'_>) -> Result<(), Reason> {
    let record: Value = serde_json::from_str(line).map_err(|error| format!("is no book: {error}"))?;
    let book = match record.get("book_id") {
        Some(Value::String(book)) => book.trim().to_owned(),
        Some(Value::Number(book)) => book.to_string(),
        _ => return Err("has no book_id".into()),
    };
    let title = record.get("title").and_then(Value::as_str).unwrap_or_default();
    let count = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0);
    let mut named: Vec<(u64, String)> = Vec::new();
    for (genres, n) in record.get("genres").and_then(Value::as_object).into_iter().flatten() {
        named.extend(genres.split(", ").map(|genre| (count(n), genre.to_owned())));
    }
    for given in record.get("popular_shelves").and_then(Value::as_array).into_iter().flatten() {
        if let Some(name) = given.get("name").and_then(Value::as_str).filter(|name| !tags::is_shelf(name)) {
            named.push((given.get("count").map_or(0, count), name.to_owned()));
        }
    }
    named.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    if shelf.find(&book).is_some() {
        named.truncate(shelf.most(named.len()));
    }
    shelf.put(&book, title, named.into_iter().map(|(_, name)| name));
    Ok(())
}
