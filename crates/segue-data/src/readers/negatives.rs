//! Given negatives: `user <tab> neg1 ... negN` (`PriCDR`) or `(user,item) <tab> neg1 ... negN` (`GDCCDR`, `NCF`).

use std::path::Path;

use super::log::RawLog;
use super::open::Input;
use super::session::Session;
use crate::DataError;

/// Reads (user, negative item) pairs as a log of value 1.
pub fn read_negatives(path: &Path, session: &mut Session<'_>) -> Result<RawLog, DataError> {
    let input = Input::open(path)?;
    let mut log = RawLog::default();
    session.each_line(input, |line| {
        let mut cells = line.split_ascii_whitespace();
        let head = cells.next().unwrap_or_default();
        let user = match head.strip_prefix('(') {
            None => head,
            Some(pair) => match pair.strip_suffix(')').and_then(|pair| pair.split_once(',')) {
                Some((user, _)) => user,
                None => return Err(format!("begins with {head:?}, not with a user or (user,item)").into()),
            },
        };
        let mut items = cells.peekable();
        if items.peek().is_none() {
            return Err(format!("user {user} has no negatives").into());
        }
        items.for_each(|item| log.push(user, item, Some(1.0), None));
        Ok(())
    })?;
    Ok(log)
}
