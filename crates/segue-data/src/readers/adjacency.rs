//! `user item item ...`, one user per line: the format of the NGCF and `LightGCN` splits. Values are 1, there are no times.

use super::log::RawLog;
use super::open::Input;
use super::session::Session;
use crate::DataError;

pub(super) fn read(input: Input, session: &mut Session<'_>, log: &mut RawLog) -> Result<(), DataError> {
    session.each_line(input, |line| {
        let mut names = line.split_whitespace();
        let Some(user) = names.next() else { return Ok(()) };
        let mut items = names.peekable();
        // A user without items is in the file for completeness and is no interaction.
        if items.peek().is_some() {
            let user = log.users.intern(user);
            items.for_each(|item| log.push_of(user, item, Some(1.0), None));
        } else if user.contains([',', ';', '|']) {
            return Err(format!("is one word, {user}; are its items parted by spaces?").into());
        }
        Ok(())
    })
}
