//! `MovieLens`: `u.data` of 100k (tabs), `ratings.dat` of 1M and 10M (`::`), `ratings.csv` of latest, 20M, 25M and 32M.
//!
//! Harper and Konstan, *The `MovieLens` Datasets: History and Context*, ACM Transactions on Interactive
//! Intelligent Systems 2015, <https://doi.org/10.1145/2827872>.
//! The Kaggle edition of 20M has dates instead of unix times; both are read.

use super::format::Layout;
use super::log::RawLog;
use super::open::{Input, whole_lines};
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
    let separator = if first.windows(2).any(|w| w == b"::") {
        "::"
    } else if first.contains(&b'\t') {
        "\t"
    } else {
        let layout = Layout { delimiter: Some(','), header: Some(true), ..layout.clone() };
        return table::read(input, session, log, &layout);
    };
    let exchanged = times_come_first(input.peek()?, separator);
    session.each_line(input, |line| row(line.split(separator), exchanged, layout, log))?;
    if exchanged {
        session.note("the third field has moments and the fourth none: read as user, item, time, rating".into());
    }
    Ok(())
}

/// Whether moments stand in the third field, by the vote that tables have.
fn times_come_first(head: &[u8], separator: &str) -> bool {
    let head = String::from_utf8_lossy(whole_lines(head));
    let rows = head.lines().map(|line| line.split(separator).collect::<csv::ByteRecord>()).filter(|row| row.len() == 4);
    table::Sample::among(rows).times_come_first()
}

fn row<'a>(
    mut cells: impl Iterator<Item = &'a str>,
    exchanged: bool,
    layout: &Layout,
    log: &mut RawLog,
) -> Result<(), Reason> {
    match (cells.next(), cells.next(), cells.next(), cells.next(), cells.next()) {
        (Some(user), Some(item), Some(third), Some(fourth), None) => {
            let (value, time) = if exchanged { (fourth, third) } else { (third, fourth) };
            log.push(user.trim(), item.trim(), layout.rated(parse_value(value)?), parse_time(time)?);
            Ok(())
        }
        _ => Err("does not have the 4 fields user, item, rating, time".into()),
    }
}
