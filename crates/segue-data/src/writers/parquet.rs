//! Events as Parquet: user, item, rating and, where there are times, timestamp in unix seconds.

use std::io::Write;

use ::parquet::basic::Type as Physical;
use ::parquet::errors::ParquetError;
use segue_core::Event;

use super::rows::Rows;
use crate::parquet_columns::{leaf, write_table};

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
    write_table(out, fields, rows.events().count(), |group, range| {
        let events: Vec<Event> = events.by_ref().take(range.len()).collect();
        let users: Vec<_> = events.iter().map(|event| rows.user(event.user)).collect();
        let items: Vec<_> = events.iter().map(|event| rows.item(event.item)).collect();
        group.texts(users.iter().map(|user| &**user))?;
        group.texts(items.iter().map(|item| &**item))?;
        group.floats(&events.iter().map(|event| event.value).collect::<Vec<_>>())?;
        if rows.timed() {
            group.longs(&events.iter().map(|event| event.time.unwrap_or_default()).collect::<Vec<_>>())?;
        }
        Ok(())
    })
}
