//! `MovieLens`: `u.data` of 100k (tabs), `ratings.dat` of 1M and 10M (`::`), `ratings.csv` of latest, 20M, 25M and 32M.
//!
//! Harper and Konstan, *The `MovieLens` Datasets: History and Context*, ACM Transactions on Interactive
//! Intelligent Systems 2015, <https://doi.org/10.1145/2827872>.
//! The Kaggle edition of 20M has dates instead of unix times; both are read.

use super::format::Layout;
use super::log::RawLog;
use super::open::Input;
use super::session::{Reason, Session, parse_time, parse_value};
use super::table;
use crate::DataError;

pub(super) fn read(
    mut input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    let first = input.first_line()?;
    if first.windows(2).any(|w| w == b"::") {
        session.each_line(input, |line| row(line.split("::"), layout, log))
    } else if first.contains(&b'\t') {
        session.each_line(input, |line| row(line.split('\t'), layout, log))
    } else {
        let layout = Layout { delimiter: Some(','), header: Some(true), ..layout.clone() };
        table::read(input, session, log, &layout)
    }
}

fn row<'a>(mut cells: impl Iterator<Item = &'a str>, layout: &Layout, log: &mut RawLog) -> Result<(), Reason> {
    match (cells.next(), cells.next(), cells.next(), cells.next(), cells.next()) {
        (Some(user), Some(item), Some(value), Some(time), None) => {
            log.push(user.trim(), item.trim(), layout.rated(parse_value(value)?), parse_time(time)?);
            Ok(())
        }
        _ => Err("does not have the 4 fields user, item, rating, time".into()),
    }
}
