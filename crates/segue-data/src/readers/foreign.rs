//! Calls into the Parquet library, which panics on some damaged files: [`guarded`] makes errors of them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// From now on the panic hook hears nothing of panics that are reported as damage of a file: nobody needs to hear twice.
pub fn hush_guarded_panics() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Of the thread that panics.
        if !GUARDED.get() {
            hook(panic);
        }
    }));
}

/// Calls the library; a panic within it is an error. What it worked on is not used again after one.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(before);
    outcome.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(damaged(said.unwrap_or("it cannot be decoded")))
    })
}

pub(super) fn damaged(what: impl std::fmt::Display) -> ParquetError {
    ParquetError::General(format!("the file is damaged ({what}); fetch or write it again"))
}

/// Refuses places and counts that no file of `size` bytes can have, before anything is allocated by them.
pub(crate) fn check(metadata: &ParquetMetaData, size: u64) -> Result<(), ParquetError> {
    let within = |at: i64| u64::try_from(at).is_ok_and(|at| at <= size);
    for group in metadata.row_groups() {
        if group.num_rows() < 0 {
            return Err(damaged("a negative number of rows"));
        }
        for column in group.columns() {
            let refused = match column.compression() {
                Compression::BROTLI(_) => Some("Brotli"),
                Compression::LZO => Some("LZO"),
                _ => None,
            };
            if let Some(codec) = refused {
                let what = format!("column {} is compressed by {codec}, which is not read", column.column_path());
                return Err(ParquetError::General(format!("{what}; write the file again with zstd, snappy or gzip")));
            }
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size());
            if !(within(start) && within(column.compressed_size()) && end.is_some_and(within)) {
                return Err(damaged(format!("column {} lies outside", column.column_path())));
            }
            // A column without lists has a value or a null per row.
            let is_flat = column.column_descr().max_rep_level() == 0;
            if column.num_values() < 0 || (is_flat && column.num_values() != group.num_rows()) {
                let rows = group.num_rows();
                return Err(damaged(format!(
                    "column {} of {rows} rows has {} values",
                    column.column_path(),
                    column.num_values()
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ::parquet::basic::BrotliLevel;
    use ::parquet::file::metadata::{ColumnChunkMetaData, FileMetaData, RowGroupMetaData};
    use ::parquet::schema::parser::parse_message_type;
    use ::parquet::schema::types::SchemaDescriptor;

    use super::*;

    #[test]
    fn a_codec_that_is_not_read_is_named_with_the_way_out() {
        let message = parse_message_type("message log { required int32 user; }").unwrap();
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(message)));
        let checked = |codec| {
            let column = ColumnChunkMetaData::builder(schema.column(0)).set_compression(codec).build().unwrap();
            let group = RowGroupMetaData::builder(Arc::clone(&schema)).add_column_metadata(column).build().unwrap();
            let file = FileMetaData::new(1, 0, None, None, Arc::clone(&schema), None);
            check(&ParquetMetaData::new(file, vec![group]), 100).map_err(|error| error.to_string())
        };
        assert_eq!(checked(Compression::SNAPPY), Ok(()));
        for (codec, name) in [(Compression::BROTLI(BrotliLevel::default()), "Brotli"), (Compression::LZO, "LZO")] {
            let refused = checked(codec).unwrap_err();
            let said =
                format!("column \"user\" is compressed by {name}, which is not read; write the file again with zstd");
            assert!(refused.contains(&said), "{refused}");
        }
    }
}
