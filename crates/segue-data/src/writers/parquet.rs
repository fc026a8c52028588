//! Events as Parquet: user, item, rating and, where there are times, timestamp in unix seconds.

use std::borrow::Cow;
use std::io::Write;

use ::parquet::basic::Type as Physical;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use segue_core::Event;

use super::rows::Rows;
use crate::parquet_columns::{Fill, GROUP, leaf, write_table};

pub(super) fn events<W: Write + Send>(out: W, rows: &Rows<'_>) -> Result<W, ParquetError> {
    let mut fields = vec![
        leaf("user", Physical::BYTE_ARRAY, false)?,
        leaf("item", Physical::BYTE_ARRAY, false)?,
        leaf("rating", Physical::FLOAT, false)?,
    ];
    if rows.timed() {
        fields.push(leaf("timestamp", Physical::INT64, false)?);
    }
    let mut events = rows.events();
    write_table(out, fields, (rows.events().count(), GROUP), |table, range| {
        let events: Vec<Event> = events.by_ref().take(range.len()).collect();
        let text = |id: Cow<'_, str>| ByteArray::from(&*id);
        let columns: [Fill<'_>; 4] = [
            &|c| c.texts(events.iter().map(|event| text(rows.user(event.user)))),
            &|c| c.texts(events.iter().map(|event| text(rows.item(event.item)))),
            &|c| c.floats(events.iter().map(|event| event.value)),
            &|c| c.longs(events.iter().map(|event| event.time.unwrap_or_default())),
        ];
        table.group(&columns[..if rows.timed() { 4 } else { 3 }])
    })
}
