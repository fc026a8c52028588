//! `user <tab> item [<tab> rating]` without header or times: the files of Douban, `PriCDR`, `DisenCDR` and `GDCCDR`.

use super::format::Layout;
use super::log::RawLog;
use super::open::Input;
use super::session::{Session, parse_value};
use crate::DataError;

pub(super) fn read(
    input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    session.each_line(input, |line| {
        let mut cells = line.split('\t').map(str::trim);
        let (user, item, value, rest) = (cells.next(), cells.next(), cells.next(), cells.next());
        match (user, item, rest) {
            (Some(user), Some(item), None) => {
                let value = value.map_or(Ok(Some(1.0)), parse_value)?;
                log.push(user, item, layout.rated(value), None);
                Ok(())
            }
            _ => Err(format!("has {} tab-separated fields, 2 or 3 are needed", line.split('\t').count()).into()),
        }
    })
}
