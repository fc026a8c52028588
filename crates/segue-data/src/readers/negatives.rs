//! Given negatives: `user <tab> neg1 ... negN` (`PriCDR`) or `(user,item) <tab> neg1 ... negN` (`GDCCDR`, `NCF`,
//! `BiTGCF`).

use std::path::Path;

use super::log::RawLog;
use super::open::Input;
use super::session::Session;
use crate::DataError;

/// What a file of negatives holds.
#[derive(Debug, Default)]
pub struct Negatives {
    /// Users and their negatives, as a log of value 1.
    pub log: RawLog,
    /// Users and what they were asked about, of the lines that name it, as a log of value 1.
    pub asked: RawLog,
}

/// Reads negatives, and the pairs that they go with.
pub fn read_negatives(path: &Path, session: &mut Session<'_>) -> Result<Negatives, DataError> {
    let input = Input::open(path)?;
    let Negatives { mut log, mut asked } = Negatives::default();
    session.each_line(input, |line| {
        let wrong = || format!("begins with {line:.20?}, not with a user or (user,item)");
        let (user, item, items) = match line.trim_start().strip_prefix('(') {
            None => {
                let (user, items) =
                    line.trim_start().split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, ""));
                (user, None, items)
            }
            // `(user, item)` as Python prints it has a space within.
            Some(pair) => {
                let (pair, items) = pair.split_once(')').ok_or_else(wrong)?;
                let (user, item) = pair.split_once(',').ok_or_else(wrong)?;
                (user.trim(), Some(item.trim()), items)
            }
        };
        let mut items = items.split_whitespace().peekable();
        if items.peek().is_none() {
            return Err(format!("user {user} has no negatives").into());
        }
        items.for_each(|item| log.push(user, item, Some(1.0), None));
        if let Some(item) = item {
            asked.push(user, item, Some(1.0), None);
        }
        Ok(())
    })?;
    log.settle();
    asked.settle();
    Ok(Negatives { log, asked })
}
