//! `user item item ...`, one user per line: the format of the NGCF and `LightGCN` splits. Values are 1, there are no times.

use super::log::RawLog;
use super::open::Input;
use super::session::Session;
use crate::DataError;

/// `guessed`: nobody said that the file is one, so it is looked at closely.
pub(super) fn read(input: Input, session: &mut Session<'_>, log: &mut RawLog, guessed: bool) -> Result<(), DataError> {
    let path = input.path().to_path_buf();
    let (mut n_lines, mut n_again) = (0_u64, 0_u64);
    let mut widths = None;
    session.each_line(input, |line| {
        let mut names = line.split_whitespace();
        let Some(user) = names.next() else { return Ok(()) };
        let mut items = names.peekable();
        // A user without items is in the file for completeness and is no interaction.
        if items.peek().is_some() {
            let n_known = log.users.len();
            let Some(user) = log.user(user, items.clone().count()) else { return Ok(()) };
            let before = log.len();
            items.for_each(|item| log.push_of(user, item, None));
            let n_items = log.len() - before;
            n_lines += 1;
            n_again += u64::from(log.users.len() == n_known);
            let (least, most) = widths.unwrap_or((n_items, n_items));
            widths = Some((least.min(n_items), most.max(n_items)));
        } else if user.contains([',', ';', '|']) {
            return Err(format!("is one word, {user}; are its items parted by spaces?").into());
        }
        Ok(())
    })?;
    // Each user has one line in an adjacency list, and not two or three items in every one.
    if guessed && matches!(widths, Some((2, 2) | (3, 3))) && n_again * 2 > n_lines {
        let what = "looks like user, item, rating parted by spaces, and like `user item item`; say format: table with \
                    delimiter: ' ', or format: adjacency"
            .into();
        return Err(DataError::Format { path, what });
    }
    Ok(())
}
