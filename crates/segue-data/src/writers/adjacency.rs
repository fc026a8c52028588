//! `user item item ...`, oldest first: the format of NGCF and `LightGCN`. Values and times are lost.

use std::io::{self, Write};

use super::rows::Rows;
use super::table::unfit;

/// At the beginning of a file it is no part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

pub(super) fn events(out: &mut dyn Write, rows: &Rows<'_>) -> io::Result<()> {
    let mut last = None;
    for (event, _) in rows.events() {
        if last != Some(event.user) {
            let user = rows.user(event.user);
            if last.is_some() {
                writeln!(out)?;
            }
            write!(out, "{}", check(&user)?)?;
            last = Some(event.user);
        }
        write!(out, " {}", check(&rows.item(event.item))?)?;
    }
    if last.is_some() { writeln!(out) } else { Ok(()) }
}

fn check(id: &str) -> io::Result<&str> {
    // At the beginning of a file.
    if id.trim_start_matches(['#', '%']).is_empty() {
        return Err(unfit(id, "no sign but those of comments, which adjacency lists cannot hold", "csv"));
    }
    if id.contains(|c: char| c.is_whitespace() || c == BYTE_ORDER_MARK) {
        return Err(unfit(id, "a space or a byte order mark, which adjacency lists cannot hold", "csv"));
    }
    // Where nobody names the format, a list that has one in its first line is taken for a table.
    if id.contains([',', ';', '|']) || id.contains("::") {
        return Err(unfit(id, "one of , ; | or ::, which a list that is to be told from a table cannot hold", "csv"));
    }
    Ok(id)
}
