//! Columns of Parquet as numbers and texts, a batch of rows at a time, whatever type they are stored as.

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use ::parquet::column::reader::ColumnReader;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::RowGroupReader;
use ::parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};
use half::f16;

use super::foreign::{damaged, guarded};
use super::session::{Reason, beyond, milliseconds, milliseconds_of, parse_time, parse_value};

/// What the cells of a column stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Numbers or texts as they are.
    Plain,
    /// Whole numbers without sign.
    Unsigned,
    /// Whole numbers, or their bytes, over a power of ten.
    Decimal(i32),
    /// Floats of two bytes.
    Half,
    /// Time stamps: this many per second.
    PerSecond(i64),
    /// Days since 1970.
    Days,
    /// Times of some day.
    OfDay,
    /// Universally unique ids, 16 bytes each.
    Uuid,
}

/// One column of one row group, read in order.
pub(crate) struct Chunk {
    reader: ColumnReader,
    descriptor: ColumnDescPtr,
    unit: Unit,
}

/// Some rows of one column.
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

impl Chunk {
    /// Column `column` of a row group; nested and repeated columns are refused.
    pub(crate) fn open(group: &dyn RowGroupReader, column: usize) -> Result<Self, ParquetError> {
        let descriptor = group.metadata().column(column).column_descr_ptr();
        if descriptor.max_rep_level() > 0 {
            return Err(ParquetError::General(format!("column {} holds lists", descriptor.path())));
        }
        let reader = guarded(|| group.get_column_reader(column))?;
        Ok(Self { reader, unit: unit(&descriptor)?, descriptor })
    }

    /// The next `rows` rows.
    pub(crate) fn cells(&mut self, rows: usize) -> Result<Cells, ParquetError> {
        let (numbers, levels, _) = guarded(|| decode(&mut self.reader, &self.descriptor, rows))?;
        let full = self.descriptor.max_def_level();
        let present = if full > 0 { levels.iter().filter(|&&level| level == full).count() } else { rows };
        if numbers.len() != present || (full > 0 && levels.len() != rows) {
            let column = self.descriptor.path();
            return Err(damaged(format!("column {column} has {} values of {present}", numbers.len())));
        }
        let mut next = 0;
        let index = (full > 0).then(|| {
            let step = |&level: &i16| {
                let present = level == full;
                next += u32::from(present);
                present.then(|| next - 1)
            };
            levels.iter().map(step).collect()
        });
        let numbers = match self.unit {
            Unit::Decimal(scale) => decimals(numbers, scale),
            Unit::Half => halves(numbers),
            Unit::Unsigned if self.descriptor.physical_type() == Physical::INT32 => without_sign(numbers),
            _ => numbers,
        };
        Ok(Cells { numbers, unit: self.unit, index })
    }
}

impl Cells {
    /// A whole column of a row group.
    pub(crate) fn read(group: &dyn RowGroupReader, column: usize) -> Result<Self, ParquetError> {
        Chunk::open(group, column)?.cells(group.metadata().num_rows() as usize)
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
            Numbers::Int(cells) if self.unit == Unit::Unsigned => Some(cells[self.slot(row)?] as u64 as f64),
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

    /// The text of a cell that must be UTF-8; empty where there is none.
    fn utf8(&self, row: usize, what: &str) -> Result<&str, Reason> {
        match self.slot(row) {
            Some(_) => self.str(row).ok_or_else(|| format!("{what} is not UTF-8 text").into()),
            None => Ok(""),
        }
    }

    /// Writes the cell as an id.
    pub(super) fn text(&self, row: usize, out: &mut String) -> Result<(), Reason> {
        use std::fmt::Write as _;
        out.clear();
        let Some(slot) = self.slot(row) else { return Ok(()) };
        match &self.numbers {
            Numbers::Int(cells) if self.unit == Unit::Unsigned => {
                let _ = write!(out, "{}", cells[slot] as u64);
            }
            Numbers::Int(cells) => {
                let _ = write!(out, "{}", cells[slot]);
            }
            // 17.0 is what a table tool makes of the id 17 once a cell is missing.
            Numbers::Float(cells) if cells[slot].fract() == 0.0 && cells[slot].abs() < 9e15 => {
                let _ = write!(out, "{}", cells[slot] as i64);
            }
            Numbers::Float(_) => return Err("an id is a fraction or not finite".into()),
            Numbers::Text(cells) if self.unit == Unit::Uuid => {
                for (n, byte) in cells[slot].data().iter().enumerate() {
                    let dash = if matches!(n, 4 | 6 | 8 | 10) { "-" } else { "" };
                    let _ = write!(out, "{dash}{byte:02x}");
                }
            }
            Numbers::Text(_) => out.push_str(self.utf8(row, "an id")?),
        }
        Ok(())
    }

    /// The cell as a rating.
    pub(super) fn value(&self, row: usize) -> Result<Option<f64>, Reason> {
        match &self.numbers {
            Numbers::Text(_) => parse_value(self.utf8(row, "the rating")?),
            _ => match self.float(row) {
                Some(value) => {
                    beyond(value).map_or(Ok(Some(value)), |wrong| Err(format!("rating {value} {wrong}").into()))
                }
                None => Ok(None),
            },
        }
    }

    /// The cell as unix milliseconds.
    pub(super) fn time(&self, row: usize) -> Result<Option<i64>, Reason> {
        match (&self.numbers, self.unit) {
            (_, Unit::OfDay) => Err("the time is one of some day, not of a certain one".into()),
            (Numbers::Text(_), _) => parse_time(self.utf8(row, "the time")?),
            (Numbers::Int(_), Unit::PerSecond(per_second)) => {
                let whole = |t: i64| t.div_euclid(per_second).saturating_mul(1_000);
                let part = |t: i64| 1_000 * t.rem_euclid(per_second) / per_second;
                Ok(self.int(row).map(|t| whole(t).saturating_add(part(t))))
            }
            (Numbers::Int(_), Unit::Days) => Ok(self.int(row).map(|t| t.saturating_mul(86_400_000))),
            (Numbers::Int(_), Unit::Unsigned) if self.int(row).is_some_and(|t| t < 0) => {
                Err("the time lies beyond the year 292,277,026,596".into())
            }
            (Numbers::Int(_), _) => Ok(self.int(row).map(milliseconds)),
            (Numbers::Float(_), _) => match self.float(row) {
                Some(time) if !time.is_finite() => Err(format!("time {time} is not finite").into()),
                time => Ok(time.map(milliseconds_of)),
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
    let rows = group.metadata().num_rows() as usize;
    let (numbers, levels, repeats) = guarded(|| decode(&mut group.get_column_reader(column)?, &descriptor, rows))?;
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

fn unit(descriptor: &ColumnDescriptor) -> Result<Unit, ParquetError> {
    let of_scale = |scale: i32| {
        // A double has fewer digits than 38, the most that the format knows.
        if (0..=38).contains(&scale) {
            Ok(Unit::Decimal(scale))
        } else {
            Err(damaged(format!("decimals of scale {scale}")))
        }
    };
    Ok(match (descriptor.logical_type_ref(), descriptor.converted_type()) {
        (Some(LogicalType::Decimal(decimal)), _) => of_scale(decimal.scale)?,
        (Some(LogicalType::Integer(whole)), _) if !whole.is_signed => Unit::Unsigned,
        (Some(LogicalType::Float16), _) => Unit::Half,
        (Some(LogicalType::Uuid), _) => Unit::Uuid,
        (Some(LogicalType::Timestamp(stamp)), _) => match stamp.unit {
            TimeUnit::MILLIS => Unit::PerSecond(1_000),
            TimeUnit::MICROS => Unit::PerSecond(1_000_000),
            TimeUnit::NANOS => Unit::PerSecond(1_000_000_000),
        },
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Unit::Days,
        (Some(LogicalType::Time(_)), _) | (None, ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS) => {
            Unit::OfDay
        }
        // How older files say it.
        (None, ConvertedType::DECIMAL) => of_scale(descriptor.type_scale())?,
        (None, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64) => {
            Unit::Unsigned
        }
        (None, ConvertedType::TIMESTAMP_MILLIS) => Unit::PerSecond(1_000),
        (None, ConvertedType::TIMESTAMP_MICROS) => Unit::PerSecond(1_000_000),
        _ if descriptor.physical_type() == Physical::INT96 => Unit::PerSecond(1_000),
        _ => Unit::Plain,
    })
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

fn halves(numbers: Numbers) -> Numbers {
    match numbers {
        Numbers::Text(cells) => {
            // A cell of another length is damage, and no number.
            let of_bytes =
                |cell: &ByteArray| cell.data().try_into().map_or(f64::NAN, |b| f16::from_le_bytes(b).to_f64());
            Numbers::Float(cells.iter().map(of_bytes).collect())
        }
        numbers => numbers,
    }
}

fn without_sign(numbers: Numbers) -> Numbers {
    match numbers {
        Numbers::Int(cells) => Numbers::Int(cells.into_iter().map(|cell| cell & 0xffff_ffff).collect()),
        numbers => numbers,
    }
}

/// Values, definition levels and repetition levels of the next `rows` rows: of a column without lists one level a row where
/// it has nulls, and as many values as the levels say.
fn decode(
    reader: &mut ColumnReader,
    descriptor: &ColumnDescriptor,
    rows: usize,
) -> Result<(Numbers, Vec<i16>, Vec<i16>), ParquetError> {
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
    let numbers = match reader {
        ColumnReader::BoolColumnReader(r) => Numbers::Int(all!(r).into_iter().map(i64::from).collect()),
        ColumnReader::Int32ColumnReader(r) => Numbers::Int(all!(r).into_iter().map(i64::from).collect()),
        ColumnReader::Int64ColumnReader(r) => Numbers::Int(all!(r)),
        ColumnReader::Int96ColumnReader(r) => Numbers::Int(all!(r).into_iter().map(|t| t.to_millis()).collect()),
        ColumnReader::FloatColumnReader(r) => Numbers::Float(all!(r).into_iter().map(f64::from).collect()),
        ColumnReader::DoubleColumnReader(r) => Numbers::Float(all!(r)),
        ColumnReader::ByteArrayColumnReader(r) => Numbers::Text(all!(r)),
        ColumnReader::FixedLenByteArrayColumnReader(r) => {
            Numbers::Text(all!(r).into_iter().map(ByteArray::from).collect())
        }
    };
    Ok((numbers, levels, repeats))
}
