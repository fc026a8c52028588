//! Given negatives: `user <tab> neg1 ... negN` (`PriCDR`) or `(user,item) <tab> neg1 ... negN` (`GDCCDR`, `NCF`,
//! `BiTGCF`).

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
        let wrong = || format!("begins with {line:.20?}, not with a user or (user,item)");
        let (user, items) = match line.trim_start().strip_prefix('(') {
            None => line.trim_start().split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, "")),
            // `(user, item)` as Python prints it has a space within.
            Some(pair) => {
                let (pair, items) = pair.split_once(')').ok_or_else(wrong)?;
                (pair.split_once(',').ok_or_else(wrong)?.0.trim(), items)
            }
        };
        let mut items = items.split_whitespace().peekable();
        if items.peek().is_none() {
            return Err(format!("user {user} has no negatives").into());
        }
        items.for_each(|item| log.push(user, item, Some(1.0), None));
        Ok(())
    })?;
    log.settle();
    Ok(log)
}
