//! Links between the ids of two domains: a table of two columns, such as a `.link` file of `RecBole`.

use std::path::Path;

use super::columns::looks_like_header;
use super::open::Input;
use super::session::Session;
use super::{recbole, table};
use crate::DataError;

/// What a file of links says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// Ids that are one, the first domain's and the second's.
    pub pairs: Vec<(String, String)>,
    /// Whether the first line was read as names.
    pub header: bool,
}

/// The names of the two columns of a file whose header has `RecBole`'s types.
pub(crate) fn link_columns(path: &Path) -> Option<[String; 2]> {
    // What cannot be read says nothing; who names the file hears why.
    let mut input = Input::open(path).ok()?;
    let first = String::from_utf8_lossy(input.first_line().ok()?).into_owned();
    let cells: Vec<String> = first.split('\t').map(|cell| cell.trim().to_owned()).collect();
    if recbole::is_header(cells.iter().map(String::as_str)) { recbole::untyped(cells).try_into().ok() } else { None }
}

/// Reads pairs of ids. `header`: whether the first line has names; `None`: it has if they carry `RecBole`'s types or are
/// usual names of ids.
pub fn read_links(path: &Path, header: Option<bool>, session: &mut Session<'_>) -> Result<Links, DataError> {
    let mut input = Input::open(path)?;
    let delimiter = table::delimiter_of(&mut input, None)?;
    let rows = table::rows(input, delimiter)?;
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_owned();
    let first = rows.names(text);
    let names = || first.iter().map(String::as_str);
    let header = header.unwrap_or_else(|| recbole::is_header(names()) || looks_like_header(names()));
    let mut pairs = Vec::new();
    rows.each(header, session, |record| match record.iter().map(text).collect::<Vec<_>>().try_into() {
        Ok::<[String; 2], _>([a, b]) if !a.is_empty() && !b.is_empty() => {
            pairs.push((a, b));
            Ok(())
        }
        Ok(_) => Err("lacks one of its two ids".into()),
        Err(cells) => Err(format!("has {} cells, 2 ids are needed", cells.len()).into()),
    })?;
    Ok(Links { pairs, header })
}
