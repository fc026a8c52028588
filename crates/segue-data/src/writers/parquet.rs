//! Events as Parquet: user, item, rating and, where there are times, timestamp in unix seconds: whole ones, or fractions
//! where those keep the order.

use std::borrow::Cow;
use std::io::Write;

use ::parquet::basic::Type as Physical;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use segue_core::Event;

use super::rows::{Rows, seconds};
use crate::parquet_columns::{Fill, GROUP, leaf, write_table};

pub(super) fn events<W: Write + Send>(out: W, rows: &Rows<'_>) -> Result<W, ParquetError> {
    let mut fields = vec![
        leaf("user", Physical::BYTE_ARRAY, false)?,
        leaf("item", Physical::BYTE_ARRAY, false)?,
        leaf("rating", Physical::FLOAT, false)?,
    ];
    if rows.timed() {
        let number = if rows.has_fractions() { Physical::DOUBLE } else { Physical::INT64 };
        fields.push(leaf("timestamp", number, false)?);
    }
    let mut events = rows.events();
    write_table(out, fields, (rows.events().count(), GROUP), |table, range| {
        let events: Vec<(Event, u16)> = events.by_ref().take(range.len()).collect();
        let text = |id: Cow<'_, str>| ByteArray::from(&*id);
        let whole = || events.iter().map(|(event, _)| event.time.unwrap_or_default());
        let columns: [Fill<'_>; 4] = [
            &|c| c.texts(events.iter().map(|(event, _)| text(rows.user(event.user)))),
            &|c| c.texts(events.iter().map(|(event, _)| text(rows.item(event.item)))),
            &|c| c.floats(events.iter().map(|(event, _)| event.value)),
            &|c| if rows.has_fractions() { c.doubles(events.iter().map(seconds)) } else { c.longs(whole()) },
        ];
        table.group(&columns[..if rows.timed() { 4 } else { 3 }])
    })
}
