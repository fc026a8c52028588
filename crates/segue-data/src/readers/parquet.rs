//! Any flat Parquet file with a column mapping, by the low-level column readers; one batch of rows is in memory at a time.
//!
//! Pages may be plain or compressed by Snappy, zstd, gzip or LZ4.

use std::io::Read;
use std::path::Path;

use ::parquet::file::metadata::RowGroupMetaData;
use ::parquet::file::properties::ReaderProperties;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::file::serialized_reader::ReadOptionsBuilder;

use super::cells::{Cells, Chunk};
use super::foreign::{check, guarded};
use super::format::Layout;
use super::log::RawLog;
use super::open::{Fnv, open_file};
use super::pages::Pages;
use super::session::Session;
use crate::DataError;

/// Rows that are decoded at a time.
const BATCH: usize = 1 << 13;

pub(super) fn read(path: &Path, session: &mut Session<'_>, log: &mut RawLog, layout: &Layout) -> Result<(), DataError> {
    let (bytes, hash) = measure(path)?;
    let reader = open(path)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names: Vec<String> = schema.columns().iter().map(|c| c.path().string()).collect();
    let at = layout.columns.among(path, &names)?;
    let chosen = layout.only.among(path, &names)?;
    let wrong = || DataError::parquet(path);
    let mut reading = session.begin(path);
    let rows: i64 = reader.metadata().row_groups().iter().map(RowGroupMetaData::num_rows).sum();
    let mut row = 0_u64;
    let (mut user, mut item, mut text, mut trimmed) = (String::new(), String::new(), String::new(), 0);
    for group in 0..reader.num_row_groups() {
        let group = guarded(|| reader.get_row_group(group)).map_err(wrong())?;
        let chunk = |column: usize| Chunk::open(&*group, column).map_err(wrong());
        let (mut users, mut items) = (chunk(at.user)?, chunk(at.item)?);
        let (mut values, mut times) = (at.value.map(chunk).transpose()?, at.time.map(chunk).transpose()?);
        let kept = chosen.iter().map(|(column, values)| Ok((chunk(column)?, values)));
        let mut kept = kept.collect::<Result<Vec<_>, DataError>>()?;
        let mut left = group.metadata().num_rows() as usize;
        while left > 0 {
            let n = left.min(BATCH);
            left -= n;
            let cells = |chunk: &mut Chunk| chunk.cells(n).map_err(wrong());
            let (users, items) = (cells(&mut users)?, cells(&mut items)?);
            let values = values.as_mut().map(cells).transpose()?;
            let times = times.as_mut().map(cells).transpose()?;
            let kept = kept.iter_mut().map(|(chunk, values)| Ok((cells(chunk)?, *values)));
            let kept = kept.collect::<Result<Vec<_>, DataError>>()?;
            for n in 0..n {
                row += 1;
                let outcome = users.text(n, &mut user).and_then(|()| items.text(n, &mut item)).and_then(|()| {
                    for (cells, values) in &kept {
                        cells.text(n, &mut text)?;
                        if !values.contains(text.trim()) {
                            return Ok(());
                        }
                    }
                    let value = values.as_ref().map_or(Ok(Some(1.0)), |cells| cells.value(n))?;
                    let time = times.as_ref().map_or(Ok(None), |cells: &Cells| cells.time(n))?;
                    trimmed += [&user, &item].into_iter().filter(|id| id.trim().len() < id.len()).count() as u64;
                    log.push(user.trim(), item.trim(), layout.rated(value), time);
                    Ok(())
                });
                reading.count(|| row..row + 1, outcome);
            }
            // Of the bytes as many as of the rows.
            let share = u128::from(bytes) * u128::from(row) / rows.unsigned_abs().max(1) as u128;
            session.tell(&reading, share as u64, bytes)?;
        }
    }
    session.end_with(reading, path, bytes, hash.hex())?;
    session.note_trimmed(trimmed);
    Ok(())
}

/// Size and hash of a whole file.
pub(crate) fn measure(path: &Path) -> Result<(u64, Fnv), DataError> {
    let mut file = open_file(path)?;
    let (mut buffer, mut bytes, mut hash) = (vec![0; 1 << 16], 0, Fnv::default());
    loop {
        match file.read(&mut buffer).map_err(DataError::io(path, "read"))? {
            0 => return Ok((bytes, hash)),
            n => {
                hash = hash.of(&buffer[..n]);
                bytes += n as u64;
            }
        }
    }
}

/// Opens a Parquet file.
pub(crate) fn open(path: &Path) -> Result<SerializedFileReader<Pages>, DataError> {
    let file = open_file(path)?;
    let size = file.metadata().map_err(DataError::io(path, "read"))?.len();
    let opened = guarded(|| {
        // Old frames of LZ4 have no limit.
        let properties = ReaderProperties::builder().set_backward_compatible_lz4(false).build();
        let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
        let reader = SerializedFileReader::new_with_options(Pages(file), options)?;
        check(reader.metadata(), size)?;
        Ok(reader)
    });
    opened.map_err(DataError::parquet(path))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::ops::ControlFlow;
    use std::sync::Arc;

    use ::parquet::basic::{Compression, GzipLevel, ZstdLevel};
    use ::parquet::data_type::{
        ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
    };
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    use super::super::log::RawRow;
    use super::*;

    /// The ratings of a file of three rows with ratings of this type, 1.5, -0.5 and 300 in tenths.
    fn ratings(physical: &str, compression: Compression) -> Result<Vec<f32>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.parquet");
        let schema =
            format!("message log {{ required binary user (UTF8); required binary item (UTF8); required {physical}; }}");
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
        let mut file = SerializedFileWriter::new(File::create(&path).unwrap(), schema, properties).unwrap();
        let mut group = file.next_row_group().unwrap();
        for prefix in ["u", "i"] {
            let mut column = group.next_column().unwrap().unwrap();
            let names: Vec<ByteArray> = (0..3).map(|n| format!("{prefix}{n}").into_bytes().into()).collect();
            column.typed::<ByteArrayType>().write_batch(&names, None, None).unwrap();
            column.close().unwrap();
        }
        let tenths = [15_i32, -5, 3000];
        let mut column = group.next_column().unwrap().unwrap();
        if physical.starts_with("int32") {
            column.typed::<Int32Type>().write_batch(&tenths, None, None).unwrap();
        } else if physical.starts_with("int64") {
            column.typed::<Int64Type>().write_batch(&tenths.map(i64::from), None, None).unwrap();
        } else if physical.starts_with("binary") {
            let bytes = tenths.map(|n| n.to_be_bytes().to_vec().into());
            column.typed::<ByteArrayType>().write_batch(&bytes, None, None).unwrap();
        } else if physical.contains("FLOAT16") {
            let short =
                |tenths: i32| FixedLenByteArray::from(half::f16::from_f32(tenths as f32 / 10.0).to_le_bytes().to_vec());
            column.typed::<FixedLenByteArrayType>().write_batch(&tenths.map(short), None, None).unwrap();
        } else {
            let wide = |n: i32| FixedLenByteArray::from(i128::from(n).to_be_bytes().to_vec());
            column.typed::<FixedLenByteArrayType>().write_batch(&tenths.map(wide), None, None).unwrap();
        }
        column.close().unwrap();
        group.close().unwrap();
        file.close().unwrap();
        let mut listen = |_: super::super::session::Progress<'_>| ControlFlow::Continue(());
        let (mut session, mut log) = (Session::new(Some(0), &mut listen), RawLog::default());
        read(&path, &mut session, &mut log, &Layout::default()).map_err(|error| error.to_string())?;
        log.settle();
        let mut ratings = Vec::new();
        log.rows.each(|row: RawRow| ratings.extend(row.value)).unwrap();
        Ok(ratings)
    }

    #[test]
    fn decimals_are_numbers_however_they_are_stored() {
        for physical in [
            "int32 rating (DECIMAL(9,1))",
            "int64 rating (DECIMAL(18,1))",
            "binary rating (DECIMAL(9,1))",
            "fixed_len_byte_array(16) rating (DECIMAL(38,1))",
        ] {
            assert_eq!(ratings(physical, Compression::SNAPPY).unwrap(), [1.5, -0.5, 300.0], "{physical}");
        }
        assert_eq!(ratings("int32 rating (DECIMAL(9,0))", Compression::SNAPPY).unwrap(), [15.0, -5.0, 3000.0]);
        assert_eq!(ratings("int64 rating", Compression::SNAPPY).unwrap(), [15.0, -5.0, 3000.0]);
    }

    #[test]
    fn whole_numbers_without_sign_and_short_floats_are_what_they_say() {
        let unsigned = |bits: u32| ratings(&format!("int{bits} rating (INTEGER({bits},false))"), Compression::SNAPPY);
        assert_eq!(unsigned(32).unwrap(), [15.0, 4_294_967_291.0, 3000.0]);
        assert_eq!(unsigned(64).unwrap(), [15.0, (u64::MAX - 4) as f32, 3000.0]);
        let old = "int32 rating (UINT_32)";
        assert_eq!(ratings(old, Compression::SNAPPY).unwrap(), [15.0, 4_294_967_291.0, 3000.0]);
        let half = ratings("fixed_len_byte_array(2) rating (FLOAT16)", Compression::SNAPPY).unwrap();
        assert_eq!(half, [1.5, -0.5, 300.0]);
        let refused = ratings("int32 timestamp (TIME(MILLIS,true))", Compression::SNAPPY).unwrap_err();
        assert!(refused.contains("of some day"), "{refused}");
        let refused = ratings("binary rating", Compression::SNAPPY).unwrap_err();
        assert!(refused.contains("not UTF-8") || refused.contains("not a number"), "{refused}");
    }

    #[test]
    fn uuids_are_ids() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.parquet");
        let schema = "message log { required fixed_len_byte_array(16) user (UUID); required fixed_len_byte_array(16) item (UUID); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut file = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
        let mut group = file.next_row_group().unwrap();
        for first in [0x10_u8, 0xf0] {
            let mut column = group.next_column().unwrap().unwrap();
            let id = FixedLenByteArray::from((first..=first + 15).collect::<Vec<u8>>());
            column.typed::<FixedLenByteArrayType>().write_batch(&[id], None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        file.close().unwrap();
        let mut listen = |_: super::super::session::Progress<'_>| ControlFlow::Continue(());
        let (mut session, mut log) = (Session::new(Some(0), &mut listen), RawLog::default());
        read(&path, &mut session, &mut log, &Layout::default()).unwrap();
        log.settle();
        let ids = [log.users.get(0), log.items.get(0)];
        assert_eq!(ids, ["10111213-1415-1617-1819-1a1b1c1d1e1f", "f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff"]);
    }

    #[test]
    fn pages_of_every_usual_codec_are_read() {
        for codec in [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::ZSTD(ZstdLevel::default()),
            Compression::GZIP(GzipLevel::default()),
            Compression::LZ4_RAW,
            Compression::LZ4,
        ] {
            assert_eq!(ratings("int32 rating", codec).unwrap(), [15.0, -5.0, 3000.0], "{codec}");
        }
    }
}
