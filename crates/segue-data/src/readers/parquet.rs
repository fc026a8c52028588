//! Any flat Parquet file with a column mapping, by the low-level column readers; one row group is in memory at a time.
//!
//! Pages may be plain or compressed by Snappy, zstd, gzip or LZ4.

use std::io::Read;
use std::path::Path;

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use ::parquet::column::reader::ColumnReader;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::ReaderProperties;
use ::parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use ::parquet::file::serialized_reader::ReadOptionsBuilder;
use ::parquet::schema::types::ColumnDescriptor;

use super::foreign::{check, damaged, guarded};
use super::format::Layout;
use super::log::RawLog;
use super::open::{Fnv, open_file};
use super::pages::Pages;
use super::session::{Reason, Session, parse_time, parse_value, seconds};
use crate::DataError;

pub(super) fn read(path: &Path, session: &mut Session<'_>, log: &mut RawLog, layout: &Layout) -> Result<(), DataError> {
    let (bytes, hash) = measure(path)?;
    let reader = open(path)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let names: Vec<String> = schema.columns().iter().map(|c| c.path().string()).collect();
    let at = layout.columns.among(path, &names)?;
    let chosen = layout.only.among(path, &names)?;
    let wrong = || DataError::parquet(path);
    let mut reading = session.begin(path);
    let mut row = 0_u64;
    for group in 0..reader.num_row_groups() {
        let group = guarded(|| reader.get_row_group(group)).map_err(wrong())?;
        let cells = |column: usize| Cells::read(&*group, column).map_err(wrong());
        let (users, items) = (cells(at.user)?, cells(at.item)?);
        let values = at.value.map(cells).transpose()?;
        let times = at.time.map(cells).transpose()?;
        let kept = chosen.iter().map(|(column, values)| Ok((cells(column)?, values)));
        let kept = kept.collect::<Result<Vec<_>, DataError>>()?;
        let (mut user, mut item, mut text) = (String::new(), String::new(), String::new());
        for n in 0..group.metadata().num_rows() as usize {
            row += 1;
            let outcome = users.text(n, &mut user).and_then(|()| items.text(n, &mut item)).and_then(|()| {
                for (cells, values) in &kept {
                    cells.text(n, &mut text)?;
                    if !values.contains(text.trim()) {
                        return Ok(());
                    }
                }
                let value = values.as_ref().map_or(Ok(Some(1.0)), |cells| cells.value(n))?;
                let value = value.filter(|&value| layout.unrated != Some(value));
                let time = times.as_ref().map_or(Ok(None), |cells| cells.time(n))?;
                log.push(user.trim(), item.trim(), value, time);
                Ok(())
            });
            reading.count(|| row, outcome);
        }
        session.tell(&reading, bytes, bytes)?;
    }
    session.end_with(reading, path, bytes, hash.hex())
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

/// What a column's numbers stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Plain numbers.
    Plain,
    /// Time stamps: this many per second.
    PerSecond(i64),
    /// Days since 1970.
    Days,
}

/// One column of one row group.
#[derive(Debug)]
pub(crate) struct Cells {
    numbers: Numbers,
    unit: Unit,
    /// Index of each row's value, `None` where the row has none; absent where every row has one.
    index: Option<Vec<Option<u32>>>,
}

#[derive(Debug)]
enum Numbers {
    Int(Vec<i64>),
    Float(Vec<f64>),
    Text(Vec<ByteArray>),
}

impl Numbers {
    fn len(&self) -> usize {
        match self {
            Self::Int(cells) => cells.len(),
            Self::Float(cells) => cells.len(),
            Self::Text(cells) => cells.len(),
        }
    }
}

impl Cells {
    /// Reads column `column` of a row group; nested and repeated columns are refused.
    pub(crate) fn read(group: &dyn RowGroupReader, column: usize) -> Result<Self, ParquetError> {
        let descriptor = group.metadata().column(column).column_descr_ptr();
        if descriptor.max_rep_level() > 0 {
            return Err(ParquetError::General(format!("column {} holds lists", descriptor.path())));
        }
        let (numbers, levels, _) = drain(group, column, &descriptor)?;
        let full = descriptor.max_def_level();
        let mut next = 0;
        let index = (full > 0).then(|| {
            let step = |&level: &i16| {
                let present = level == full;
                next += u32::from(present);
                present.then(|| next - 1)
            };
            levels.iter().map(step).collect()
        });
        let numbers = match scale(&descriptor)? {
            Some(scale) => decimals(numbers, scale),
            None => numbers,
        };
        Ok(Self { numbers, unit: unit(&descriptor), index })
    }

    fn slot(&self, row: usize) -> Option<usize> {
        self.index.as_ref().map_or(Some(row), |index| index[row].map(|slot| slot as usize))
    }

    /// The cell as a whole number, if it is one.
    pub(crate) fn int(&self, row: usize) -> Option<i64> {
        match &self.numbers {
            Numbers::Int(cells) => Some(cells[self.slot(row)?]),
            _ => None,
        }
    }

    /// The cell as a float, if it is a number.
    pub(crate) fn float(&self, row: usize) -> Option<f64> {
        match &self.numbers {
            Numbers::Int(cells) => Some(cells[self.slot(row)?] as f64),
            Numbers::Float(cells) => Some(cells[self.slot(row)?]),
            Numbers::Text(_) => None,
        }
    }

    /// The cell as text, if it is UTF-8 text.
    pub(crate) fn str(&self, row: usize) -> Option<&str> {
        match &self.numbers {
            Numbers::Text(cells) => std::str::from_utf8(cells[self.slot(row)?].data()).ok(),
            _ => None,
        }
    }

    fn text(&self, row: usize, out: &mut String) -> Result<(), Reason> {
        use std::fmt::Write as _;
        out.clear();
        let Some(slot) = self.slot(row) else { return Ok(()) };
        match &self.numbers {
            Numbers::Int(cells) => {
                let _ = write!(out, "{}", cells[slot]);
            }
            // 17.0 is what a table tool makes of the id 17 once a cell is missing.
            Numbers::Float(cells) if cells[slot].fract() == 0.0 && cells[slot].abs() < 9e15 => {
                let _ = write!(out, "{}", cells[slot] as i64);
            }
            Numbers::Float(_) => return Err("an id is a fraction or not finite".into()),
            Numbers::Text(cells) => match std::str::from_utf8(cells[slot].data()) {
                Ok(text) => out.push_str(text),
                Err(_) => return Err("an id is not UTF-8 text".into()),
            },
        }
        Ok(())
    }

    fn value(&self, row: usize) -> Result<Option<f32>, Reason> {
        match &self.numbers {
            Numbers::Text(_) => parse_value(self.str(row).unwrap_or_default()),
            _ => match self.float(row).map(|value| value as f32) {
                Some(value) if !value.is_finite() => Err(format!("rating {value} is not finite").into()),
                value => Ok(value),
            },
        }
    }

    fn time(&self, row: usize) -> Result<Option<i64>, Reason> {
        match (&self.numbers, self.unit) {
            (Numbers::Text(_), _) => parse_time(self.str(row).unwrap_or_default()),
            (Numbers::Int(_), Unit::PerSecond(per_second)) => Ok(self.int(row).map(|t| t.div_euclid(per_second))),
            (Numbers::Int(_), Unit::Days) => Ok(self.int(row).map(|t| t * 86_400)),
            (Numbers::Int(_), Unit::Plain) => Ok(self.int(row).map(seconds)),
            (Numbers::Float(_), _) => match self.float(row) {
                Some(time) if !time.is_finite() => Err(format!("time {time} is not finite").into()),
                time => Ok(time.map(|t| seconds(t as i64))),
            },
        }
    }
}

/// One column of text lists: the strings of each row.
pub(crate) fn text_lists(group: &dyn RowGroupReader, column: usize) -> Result<Vec<Vec<String>>, ParquetError> {
    lists(group, column, "text", |numbers| match numbers {
        Numbers::Text(cells) => {
            Some(cells.iter().map(|cell| String::from_utf8_lossy(cell.data()).into_owned()).collect())
        }
        Numbers::Int(_) | Numbers::Float(_) => None,
    })
}

/// One column of lists of whole numbers.
pub(crate) fn int_lists(group: &dyn RowGroupReader, column: usize) -> Result<Vec<Vec<i64>>, ParquetError> {
    lists(group, column, "whole numbers", |numbers| match numbers {
        Numbers::Int(cells) => Some(cells),
        Numbers::Text(_) | Numbers::Float(_) => None,
    })
}

fn lists<T>(
    group: &dyn RowGroupReader,
    column: usize,
    what: &str,
    cells: impl FnOnce(Numbers) -> Option<Vec<T>>,
) -> Result<Vec<Vec<T>>, ParquetError> {
    let descriptor = group.metadata().column(column).column_descr_ptr();
    let (numbers, levels, repeats) = drain(group, column, &descriptor)?;
    let Some(cells) = cells(numbers) else {
        return Err(ParquetError::General(format!("column {} does not hold {what}", descriptor.path())));
    };
    let mut cells = cells.into_iter();
    let mut rows: Vec<Vec<T>> = Vec::new();
    for (level, repeat) in levels.iter().zip(&repeats) {
        if *repeat == 0 {
            rows.push(Vec::new());
        }
        if *level == descriptor.max_def_level()
            && let (Some(row), Some(cell)) = (rows.last_mut(), cells.next())
        {
            row.push(cell);
        }
    }
    Ok(rows)
}

/// Digits after the point of a column of decimals.
fn scale(descriptor: &ColumnDescriptor) -> Result<Option<i32>, ParquetError> {
    let scale = match descriptor.logical_type_ref() {
        Some(LogicalType::Decimal(decimal)) => decimal.scale,
        _ if descriptor.converted_type() == ConvertedType::DECIMAL => descriptor.type_scale(),
        _ => return Ok(None),
    };
    // A double has fewer digits than 38, the most that the format knows.
    if (0..=38).contains(&scale) { Ok(Some(scale)) } else { Err(damaged(format!("decimals of scale {scale}"))) }
}

/// Whole numbers, or their big-endian bytes, over a power of ten.
fn decimals(numbers: Numbers, scale: i32) -> Numbers {
    let unit = 10_f64.powi(scale);
    let of_bytes = |bytes: &[u8]| {
        let sign = if bytes.first().is_some_and(|&byte| byte > 0x7f) { -1_i128 } else { 0 };
        bytes.iter().fold(sign, |number, &byte| number << 8 | i128::from(byte))
    };
    match numbers {
        Numbers::Int(cells) if scale == 0 => Numbers::Int(cells),
        Numbers::Int(cells) => Numbers::Float(cells.into_iter().map(|cell| cell as f64 / unit).collect()),
        Numbers::Text(cells) => Numbers::Float(cells.iter().map(|cell| of_bytes(cell.data()) as f64 / unit).collect()),
        Numbers::Float(cells) => Numbers::Float(cells),
    }
}

fn unit(descriptor: &ColumnDescriptor) -> Unit {
    match descriptor.logical_type_ref() {
        Some(LogicalType::Timestamp(stamp)) => match stamp.unit {
            TimeUnit::MILLIS => Unit::PerSecond(1_000),
            TimeUnit::MICROS => Unit::PerSecond(1_000_000),
            TimeUnit::NANOS => Unit::PerSecond(1_000_000_000),
        },
        Some(LogicalType::Date) => Unit::Days,
        _ if descriptor.physical_type() == Physical::INT96 => Unit::PerSecond(1_000),
        _ => Unit::Plain,
    }
}

/// Values, definition levels and repetition levels of a whole column chunk: of a column without lists one level a row
/// where it has nulls, and as many values as the levels say.
fn drain(
    group: &dyn RowGroupReader,
    column: usize,
    descriptor: &ColumnDescriptor,
) -> Result<(Numbers, Vec<i16>, Vec<i16>), ParquetError> {
    let (numbers, levels, repeats) = guarded(|| decode(group, column, descriptor))?;
    if descriptor.max_rep_level() == 0 {
        let rows = group.metadata().num_rows() as usize;
        let full = descriptor.max_def_level();
        let present = if full > 0 { levels.iter().filter(|&&level| level == full).count() } else { rows };
        if numbers.len() != present || (full > 0 && levels.len() != rows) {
            return Err(damaged(format!("column {} has {} values of {present}", descriptor.path(), numbers.len())));
        }
    }
    Ok((numbers, levels, repeats))
}

fn decode(
    group: &dyn RowGroupReader,
    column: usize,
    descriptor: &ColumnDescriptor,
) -> Result<(Numbers, Vec<i16>, Vec<i16>), ParquetError> {
    let rows = group.metadata().num_rows() as usize;
    let (mut levels, mut repeats) = (Vec::new(), Vec::new());
    macro_rules! all {
        ($reader:expr) => {{
            let mut values = Vec::new();
            let mut done = 0;
            while done < rows {
                let def = (descriptor.max_def_level() > 0).then_some(&mut levels);
                let rep = (descriptor.max_rep_level() > 0).then_some(&mut repeats);
                match $reader.read_records(rows - done, def, rep, &mut values)?.0 {
                    0 => return Err(ParquetError::General(format!("column {} ends early", descriptor.path()))),
                    read => done += read,
                }
            }
            values
        }};
    }
    let numbers = match group.get_column_reader(column)? {
        ColumnReader::BoolColumnReader(mut r) => Numbers::Int(all!(r).into_iter().map(i64::from).collect()),
        ColumnReader::Int32ColumnReader(mut r) => Numbers::Int(all!(r).into_iter().map(i64::from).collect()),
        ColumnReader::Int64ColumnReader(mut r) => Numbers::Int(all!(r)),
        ColumnReader::Int96ColumnReader(mut r) => Numbers::Int(all!(r).into_iter().map(|t| t.to_millis()).collect()),
        ColumnReader::FloatColumnReader(mut r) => Numbers::Float(all!(r).into_iter().map(f64::from).collect()),
        ColumnReader::DoubleColumnReader(mut r) => Numbers::Float(all!(r)),
        ColumnReader::ByteArrayColumnReader(mut r) => Numbers::Text(all!(r)),
        ColumnReader::FixedLenByteArrayColumnReader(mut r) => {
            Numbers::Text(all!(r).into_iter().map(ByteArray::from).collect())
        }
    };
    Ok((numbers, levels, repeats))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::ops::ControlFlow;
    use std::sync::Arc;

    use ::parquet::basic::{Compression, GzipLevel, ZstdLevel};
    use ::parquet::data_type::{ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type};
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
