//! Which column is what, by mapping or by the usual names.

use std::path::Path;

use segue_core::nearest;
use serde::{Deserialize, Serialize};

use super::session::printable;
use crate::DataError;

/// A column by header name, or by position from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Position from 0.
    Position(usize),
    /// Name in the header.
    Name(String),
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

/// Which column is what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a group with `user`, `item`, `value`, `time`")]
pub struct ColumnMap {
    /// Who.
    pub user: Option<Column>,
    /// What.
    pub item: Option<Column>,
    /// Rating, plays; without it every interaction has value 1.
    pub value: Option<Column>,
    /// Unix seconds, milliseconds or microseconds, or `YYYY-MM-DD HH:MM:SS` in UTC; where all numbers are dates such as
    /// 20170615, these.
    pub time: Option<Column>,
}

/// Positions of the columns in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Positions {
    pub(crate) user: usize,
    pub(crate) item: usize,
    pub(crate) value: Option<usize>,
    pub(crate) time: Option<usize>,
}

pub(super) const USER: &[&str] = &["user", "userid", "uid", "reviewerid", "customerid", "member"];
pub(super) const ITEM: &[&str] = &[
    "item",
    "itemid",
    "iid",
    "movieid",
    "parentasin",
    "asin",
    "artistid",
    "productid",
    "bookid",
    "isbn",
    "trackid",
    "songid",
];
pub(super) const VALUE: &[&str] = &[
    "rating",
    "ratings",
    "value",
    "overall",
    "stars",
    "score",
    "weight",
    "plays",
    "playcount",
    "listencount",
    "listens",
    "bookrating",
];
pub(super) const TIME: &[&str] = &[
    "timestamp",
    "time",
    "unixreviewtime",
    "datetime",
    "date",
    "ts",
    "createdat",
    "eventtime",
    "orderdate",
    "dateadded",
    "reviewdate",
    "ratedat",
];

impl ColumnMap {
    /// True if some column is given by name, so that a header must exist.
    pub(crate) fn names_columns(&self) -> bool {
        [&self.user, &self.item, &self.value, &self.time].iter().any(|c| matches!(c, Some(Column::Name(_))))
    }

    /// Finds the columns among the names of a header.
    pub(crate) fn among(&self, path: &Path, names: &[String]) -> Result<Positions, DataError> {
        let at = |column: Option<&Column>, usual: &[&str]| find(path, names, column, usual);
        let found = [
            at(self.user.as_ref(), USER)?,
            at(self.item.as_ref(), ITEM)?,
            at(self.value.as_ref(), VALUE)?,
            at(self.time.as_ref(), TIME)?,
        ];
        self.positions(path, found, || list(names))
    }

    /// The columns of a file without header: as mapped, else user, item, value, time from the left.
    pub(crate) fn by_position(&self, path: &Path, width: usize) -> Result<Positions, DataError> {
        let at = |column: Option<&Column>, usual: usize| match column {
            None => Ok((usual < width).then_some(usual)),
            Some(Column::Position(position)) if *position < width => Ok(Some(*position)),
            Some(Column::Position(position)) => Err(DataError::Column {
                path: path.into(),
                wanted: format!("at position {position}"),
                have: format!("{width} columns, 0 to {}", width.saturating_sub(1)),
            }),
            Some(Column::Name(name)) => Err(DataError::Column {
                path: path.into(),
                wanted: format!("{name:?}, for `header` is false"),
                have: format!("{width} columns without names"),
            }),
        };
        let found = [
            at(self.user.as_ref(), 0)?,
            at(self.item.as_ref(), 1)?,
            at(self.value.as_ref(), 2)?,
            at(self.time.as_ref(), 3)?,
        ];
        self.positions(path, found, || format!("{width} column(s); is the delimiter right?"))
    }

    /// Columns by role: what is mapped to one is not, by its name or place, another's as well.
    fn positions(
        &self,
        path: &Path,
        found: [Option<usize>; 4],
        have: impl Fn() -> String,
    ) -> Result<Positions, DataError> {
        let mapped = [&self.user, &self.item, &self.value, &self.time].map(Option::is_some);
        let taken = |role: usize| (0..4).any(|other| other != role && mapped[other] && found[other] == found[role]);
        let own = |role: usize| found[role].filter(|_| mapped[role] || !taken(role));
        let needed = |role: usize, name: &str| {
            let missing = || DataError::Column { path: path.into(), wanted: format!("for the {name}"), have: have() };
            own(role).ok_or_else(missing)
        };
        Ok(Positions { user: needed(0, "user")?, item: needed(1, "item")?, value: own(2), time: own(3) })
    }
}

/// True if a line of cells looks like names: one of them is a usual name of user or item.
pub(crate) fn looks_like_header<'a>(mut cells: impl Iterator<Item = &'a str>) -> bool {
    cells.any(|cell| is_usual(cell, USER) || is_usual(cell, ITEM))
}

/// True if `name` usually names the item column.
pub(crate) fn is_usual_item(name: &str) -> bool {
    is_usual(name, ITEM)
}

/// Of whom or what a column has the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    User,
    Item,
}

/// Whether a name ends like one of users or of items, and what stands before that: `films_user_id` is of users, of `films`.
pub(crate) fn named(name: &str) -> Option<(Named, String)> {
    let name = plain(name);
    let before = |usual: &[&str]| usual.iter().filter_map(|ending| name.strip_suffix(ending)).min_by_key(|it| it.len());
    match (before(USER), before(ITEM)) {
        (Some(before), None) => Some((Named::User, before.to_owned())),
        (None, Some(before)) => Some((Named::Item, before.to_owned())),
        _ => None,
    }
}

/// A name in small letters without separators.
pub(crate) fn plain(name: &str) -> String {
    letters(name).collect()
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

fn is_usual(name: &str, usual: &[&str]) -> bool {
    usual.iter().any(|known| same_name(name, known))
}

/// True if `name` is the plain name `known` in any case and with any separators.
pub(super) fn same_name(name: &str, known: &str) -> bool {
    letters(name).eq(known.chars())
}

fn list(names: &[String]) -> String {
    printable(&names.join(", "))
}

fn find(path: &Path, names: &[String], column: Option<&Column>, usual: &[&str]) -> Result<Option<usize>, DataError> {
    match column {
        Some(Column::Position(position)) if *position < names.len() => Ok(Some(*position)),
        Some(Column::Position(position)) => {
            Err(DataError::Column { path: path.into(), wanted: format!("at position {position}"), have: list(names) })
        }
        Some(Column::Name(name)) => {
            let position = names.iter().position(|n| n == name).ok_or_else(|| {
                let near = nearest(name, names.iter().map(String::as_str));
                let near = near.map_or(String::new(), |near| format!(" (did you mean {near:?}?)"));
                DataError::Column { path: path.into(), wanted: format!("{name:?}{near}"), have: list(names) }
            })?;
            only_one(path, names, position).map(Some)
        }
        // The order of the usual names decides, not that of the columns: `item` before `asin`.
        None => {
            let position = usual.iter().find_map(|usual| names.iter().position(|n| is_usual(n, &[usual])));
            position.map(|position| only_one(path, names, position)).transpose()
        }
    }
}

/// The first column of its name, refused where another has the same: nobody could tell which is meant.
pub(super) fn only_one(path: &Path, names: &[String], position: usize) -> Result<usize, DataError> {
    let name = &names[position];
    match names.iter().rposition(|other| other == name) {
        Some(other) if other != position => {
            let what = format!(
                "columns {position} and {other} (from 0) are both called {name:?}; rename one, or map the one that is \
                 meant by its position"
            );
            Err(DataError::Format { path: path.into(), what })
        }
        _ => Ok(position),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(',').map(String::from).collect()
    }

    #[test]
    fn usual_names_are_found_and_mapped_ones_win() {
        let path = Path::new("x.csv");
        let found = ColumnMap::default().among(path, &names("userId,movieId,rating,timestamp")).unwrap();
        assert_eq!(found, Positions { user: 0, item: 1, value: Some(2), time: Some(3) });
        for time in ["event_time", "order_date", "date_added"] {
            let found = ColumnMap::default().among(path, &names(&format!("customer_id,product_id,{time}"))).unwrap();
            assert_eq!(found.time, Some(2), "{time}");
        }
        let map = ColumnMap { value: Some(Column::Name("plays".into())), ..ColumnMap::default() };
        let found = map.among(path, &names("item_id,plays,user,rating")).unwrap();
        assert_eq!(found, Positions { user: 2, item: 0, value: Some(1), time: None });
        let map = ColumnMap { user: Some(Column::Name("usr".into())), ..ColumnMap::default() };
        let message = map.among(path, &names("user,item")).unwrap_err().to_string();
        assert!(message.contains("did you mean \"user\"?"), "{message}");
        let at = |position| Some(Column::Position(position));
        let map = ColumnMap { user: at(1), item: at(0), time: at(2), ..ColumnMap::default() };
        let found = map.by_position(path, 4).unwrap();
        assert_eq!(found, Positions { user: 1, item: 0, value: None, time: Some(2) });
        let alone = ColumnMap { user: at(1), ..ColumnMap::default() };
        assert!(alone.by_position(path, 3).unwrap_err().to_string().contains("for the item"));
        let message = ColumnMap::default().by_position(path, 1).unwrap_err().to_string();
        assert!(message.contains("delimiter"), "{message}");
    }

    #[test]
    fn what_stands_before_a_usual_name_is_told() {
        for (name, expected) in [
            ("source_user_id", Some((Named::User, "source"))),
            ("Books-UserID", Some((Named::User, "books"))),
            ("films_movie_id", Some((Named::Item, "films"))),
            ("item_id", Some((Named::Item, ""))),
            ("entity_id", None),
            ("rating", None),
        ] {
            assert_eq!(named(name).as_ref().map(|(kind, before)| (*kind, before.as_str())), expected, "{name}");
        }
    }

    #[test]
    fn a_name_of_two_columns_tells_neither() {
        let twice = names("user,item,rating,note,note,rating");
        let among = |map: &ColumnMap| map.among(Path::new("x.csv"), &twice).map_err(|error| error.to_string());
        let value = |column| ColumnMap { value: Some(column), ..ColumnMap::default() };
        for map in [ColumnMap::default(), value("rating".into())] {
            let message = among(&map).unwrap_err();
            assert!(message.starts_with("x.csv: columns 2 and 5 (from 0) are both called \"rating\""), "{message}");
        }
        // A position is of one column, and a column that nobody reads may be called as it likes.
        assert_eq!(among(&value(Column::Position(5))).unwrap().value, Some(5));
    }
}
