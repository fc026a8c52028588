//! Sequences, oldest first: `user item item ...`, one user per line (`S3-Rec`), or `user item`, one event per line
//! (`SASRec`). Values are 1.
//!
//! The files have an order and no times. The time of an event is its place among the user's events, from 0: enough to
//! split by, never to be compared between files.

use super::log::RawLog;
use super::open::Input;
use super::session::Session;
use crate::DataError;

pub(super) fn read(input: Input, session: &mut Session<'_>, log: &mut RawLog) -> Result<(), DataError> {
    let mut lengths: Vec<i64> = Vec::new();
    session.each_line(input, |line| {
        let mut names = line.split_whitespace();
        let Some(user) = names.next() else { return Ok(()) };
        let mut items = names.peekable();
        if items.peek().is_none() {
            return Err(format!("user {user} has no items").into());
        }
        let Some(user) = log.user(user, items.clone().count()) else { return Ok(()) };
        lengths.resize(lengths.len().max(log.users.len()), 0);
        let place = &mut lengths[user as usize];
        for item in items {
            // Places are told in seconds.
            log.push_of(user, item, Some(1_000 * *place));
            *place += 1;
        }
        Ok(())
    })
}
