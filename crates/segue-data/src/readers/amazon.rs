//! Amazon reviews of 2014, 2018 and 2023: one JSON object per line, or ratings alone as CSV.
//!
//! | edition | review | ratings alone |
//! |---|---|---|
//! | 2014 | `reviewerID`, `asin`, `overall`, `unixReviewTime` | `user,item,rating,time` without header |
//! | 2018 | the same keys | `item,user,rating,time` without header |
//! | 2023 | `user_id`, `parent_asin` (`asin` is the variant bought), `rating`, `timestamp` in milliseconds | `user_id,parent_asin,rating,timestamp` |
//!
//! Which column of a file without header is the item is told by its look: ten capitals and digits that begin with B or
//! a digit; people's ids begin with A.
//!
//! `McAuley` et al., *Image-based Recommendations on Styles and Substitutes*, SIGIR 2015; Ni, Li and `McAuley`,
//! *Justifying Recommendations using Distantly-Labeled Reviews and Fine-Grained Aspects*, EMNLP 2019; Hou et al.,
//! *Bridging Language and Items for Retrieval and Recommendation*, 2024.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::columns::{Column, ColumnMap};
use super::format::Layout;
use super::items::{Shelf, strings};
use super::json_lines::{Key, Keys, Unvalued, each_object};
use super::log::RawLog;
use super::open::Input;
use super::session::{Reason, Session};
use super::{python_literal, table};
use crate::DataError;

pub(super) const KEYS: Keys<'static> = Keys {
    user: Key::Named(&["reviewerID", "user_id"]),
    item: Key::Named(&["parent_asin", "asin"]),
    value: Key::Named(&["overall", "rating"]),
    time: Key::Named(&["unixReviewTime", "timestamp"]),
    unvalued: Unvalued::Incomplete,
};

pub(super) fn read(
    mut input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    let first = String::from_utf8_lossy(input.first_line()?).into_owned();
    if input.begins_with_objects()? {
        return each_object(input, session, log, (&KEYS, layout));
    }
    let head = String::from_utf8_lossy(input.peek()?).into_owned();
    // The last line of the head may be cut.
    let votes: i32 = head.lines().take(100).filter_map(order).map(|item_first| if item_first { 1 } else { -1 }).sum();
    let (user, item) = if votes > 0 { (1, 0) } else { (0, 1) };
    let at = |position| Some(Column::Position(position));
    let columns = ColumnMap { user: at(user), item: at(item), value: at(2), time: at(3) };
    let by_position = Layout { columns, header: Some(false), ..layout.clone() };
    let layout = if is_ratings(&first) { &by_position } else { layout };
    table::read(input, session, log, &Layout { delimiter: Some(','), ..layout.clone() })
}

/// True if a line is of a file of ratings alone without header.
pub(super) fn is_ratings(line: &str) -> bool {
    let mut cells = line.split(',').skip(2).map(str::trim);
    order(line).is_some()
        && cells.clone().all(|cell| cell.parse::<f64>().is_ok())
        && !cells.next().is_some_and(table::is_time)
}

/// Whether the item comes first; `None` where a line does not tell.
fn order(line: &str) -> Option<bool> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let [first, second, _, _] = cells.as_slice() else { return None };
    let capitals = |cell: &str| cell.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let is_item = |cell: &str| {
        cell.len() == 10 && capitals(cell) && (cell.starts_with('B') || cell.as_bytes()[0].is_ascii_digit())
    };
    let is_user = |cell: &str| (10..=40).contains(&cell.len()) && capitals(cell) && cell.starts_with('A');
    match (is_item(first) && is_user(second), is_user(first) && is_item(second)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

/// One record of metadata: JSON (2018, 2023) or a Python literal (2014).
pub(super) fn item(line: &str, shelf: &mut Shelf<'_>) -> Result<(), Reason> {
    let record: Value = match serde_json::from_str(line) {
        Ok(record) => record,
        Err(_) => {
            python_literal::parse(line).map_err(|error| format!("is neither JSON nor a Python literal: {error}"))?
        }
    };
    // Amazon's own keys, then what others would call them.
    let text = |keys: &[&str]| {
        keys.iter().find_map(|key| match record.get(key)? {
            Value::String(text) => Some(text.clone()),
            // Of an id beyond 64 bits every digit counts.
            Value::Number(number) if number.is_f64() => {
                let cells: BTreeMap<String, &RawValue> = serde_json::from_str(line).ok()?;
                cells.get(*key).map(|cell| cell.get().to_owned())
            }
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let item = text(&["parent_asin", "asin", "item_id", "itemId", "item", "id"]);
    let Some(item) = item else { return Err("has no asin, item_id, item or id".into()) };
    let title = text(&["title", "name"]).unwrap_or_default();
    let mut categories = Vec::new();
    for key in ["category", "categories", "genres"] {
        strings(record.get(key).unwrap_or(&Value::Null), &mut categories);
    }
    if categories.is_empty() {
        strings(record.get("main_category").unwrap_or(&Value::Null), &mut categories);
    }
    shelf.put(item.trim(), &title, categories.into_iter());
    Ok(())
}
