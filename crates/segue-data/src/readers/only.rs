//! Which rows of a file belong to a domain: `only: {category_id: 1}`.

use std::collections::BTreeMap;
use std::path::Path;

use segue_core::nearest;
use serde::{Deserialize, Serialize};

use super::columns::only_one;
use super::format::Format;
use crate::DataError;

/// Columns (or JSON keys) and the values that a row must have in all of them; empty keeps every row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Only(BTreeMap<String, Wanted>);

/// One value, or any of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Wanted {
    /// This one.
    One(Scalar),
    /// Any of these.
    Any(Vec<Scalar>),
}

/// A value as configuration writes it; a cell is compared by its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Anything else.
    Text(String),
}

impl Scalar {
    fn is(&self, cell: &str) -> bool {
        match self {
            Self::Bool(value) => cell.eq_ignore_ascii_case(if *value { "true" } else { "false" }),
            // 1 and 1.0 are one category.
            Self::Int(value) => cell.parse() == Ok(*value) || cell.parse() == Ok(*value as f64),
            Self::Text(value) => cell == value,
        }
    }
}

impl Wanted {
    /// True if a cell has (one of) the values.
    pub(super) fn contains(&self, cell: &str) -> bool {
        match self {
            Self::One(one) => one.is(cell),
            Self::Any(many) => many.iter().any(|one| one.is(cell)),
        }
    }
}

/// The positions of the columns that choose, and what they must hold.
#[derive(Debug, Default)]
pub(super) struct Chosen<'a>(Vec<(usize, &'a Wanted)>);

impl<'a> Chosen<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &'a Wanted)> {
        self.0.iter().copied()
    }
}

impl Only {
    /// True if every row is read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Columns and what they must hold.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Wanted)> {
        self.0.iter().map(|(column, wanted)| (column.as_str(), wanted))
    }

    /// Finds the columns among the names of a header.
    pub(super) fn among(&self, path: &Path, names: &[String]) -> Result<Chosen<'_>, DataError> {
        let missing = |column: &str| {
            let near = nearest(column, names.iter().map(String::as_str));
            let near = near.map_or(String::new(), |near| format!(", did you mean {near}?"));
            let have = if names.is_empty() { "no names".into() } else { names.join(", ") };
            let what = format!("{column} is no column of {}; its header has {have}{near}", path.display());
            DataError::config("data.domains.only", what)
        };
        let find = |(column, wanted)| match names.iter().position(|name| name == column) {
            Some(position) => Ok((only_one(path, names, position)?, wanted)),
            None => Err(missing(column)),
        };
        self.iter().map(find).collect::<Result<_, _>>().map(Chosen)
    }

    /// Refuses what a format cannot choose by.
    pub(super) fn check(&self, path: &Path, format: Format) -> Result<(), DataError> {
        if self.is_empty() || format.has_names() {
            return Ok(());
        }
        let what = format!(
            "{} is read as {format}, whose columns have no names; leave `only` out, or use format: table with a header",
            path.display()
        );
        Err(DataError::config("data.domains.only", what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_their_text() {
        let only: Only = serde_json::from_str(r#"{"a": 1, "b": ["x", 2], "c": true}"#).unwrap();
        let names = ["c", "b", "a"].map(String::from);
        let chosen = only.among(Path::new("x"), &names).unwrap();
        let holds = |position: usize, cell: &str| chosen.iter().find(|c| c.0 == position).unwrap().1.contains(cell);
        assert!(holds(2, "1") && holds(2, "1.0") && !holds(2, "11") && !holds(2, ""));
        assert!(holds(1, "x") && holds(1, "2") && !holds(1, "y"));
        assert!(holds(0, "True") && !holds(0, "1"));
        let message = only.among(Path::new("x.csv"), &names[..2]).unwrap_err().to_string();
        assert!(message.contains("a is no column of x.csv; its header has c, b"), "{message}");
        let message = only.among(Path::new("x.csv"), &["c", "b", "a", "b"].map(String::from)).unwrap_err().to_string();
        assert!(message.contains("x.csv: columns 1 and 3 (from 0) are both called \"b\""), "{message}");
    }
}
