//! External ids, one per line: which users or items are wanted.

use std::path::Path;

use super::columns::looks_like_header;
use super::open::Input;
use super::session::Session;
use crate::DataError;

/// Reads ids as they stand in the file, without the spaces around them. A first line that usually names a column of
/// users or items, such as `user_id`, is no id.
pub fn read_ids(path: &Path, session: &mut Session<'_>) -> Result<Vec<String>, DataError> {
    let mut ids = Vec::new();
    let mut first = true;
    session.each_line(Input::open(path)?, |line| {
        let id = line.trim();
        if !(std::mem::take(&mut first) && looks_like_header(std::iter::once(id))) {
            ids.push(id.to_owned());
        }
        Ok(())
    })?;
    Ok(ids)
}
