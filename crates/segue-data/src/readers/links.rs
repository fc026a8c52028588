//! Links between the ids of two domains: a table of two columns, such as a `.link` file of `RecBole`.

use std::path::Path;

use super::columns::looks_like_header;
use super::open::Input;
use super::session::{Reason, Session};
use super::{recbole, table};
use crate::DataError;

/// Reads pairs of ids, the first domain's and the second's. `header`: whether the first line has names; `None`: it has
/// if they carry `RecBole`'s types or are usual names of ids.
pub fn read_links(
    path: &Path,
    header: Option<bool>,
    session: &mut Session<'_>,
) -> Result<Vec<(String, String)>, DataError> {
    let mut input = Input::open(path)?;
    let delimiter = table::delimiter_of(&mut input, None)?;
    let mut reading = session.begin(path);
    let mut rows = table::rows(input, delimiter)?;
    let mut record = csv::ByteRecord::new();
    let mut pairs = Vec::new();
    let mut first = true;
    while table::next(&mut rows, &mut record)? {
        let cells: Vec<_> = record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        if std::mem::take(&mut first) {
            let names = || cells.iter().map(String::as_str);
            if header.unwrap_or_else(|| recbole::is_header(names()) || looks_like_header(names())) {
                continue;
            }
        }
        let outcome: Result<(), Reason> = match <[String; 2]>::try_from(cells) {
            Ok([a, b]) if !a.is_empty() && !b.is_empty() => {
                pairs.push((a, b));
                Ok(())
            }
            Ok(_) => Err("lacks one of its two ids".into()),
            Err(cells) => Err(format!("has {} cells, 2 ids are needed", cells.len()).into()),
        };
        let line = || table::line(&rows, &record);
        session.count(&mut reading, rows.get_ref(), line, outcome)?;
    }
    session.end(reading, rows.get_ref())?;
    Ok(pairs)
}
