//! Parquet files of our own: typed columns out and in.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::{ColumnCloseResult, get_column_writer, get_typed_column_writer};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, Type, TypePtr};
use rayon::prelude::*;

use crate::DataError;
use crate::readers::Pages;
use crate::readers::foreign::guarded;
use crate::readers::parquet::open;

/// Rows per row group: what is held beside the log itself while writing or reading.
pub(crate) const GROUP: usize = 1 << 18;

/// A required or optional leaf column.
pub(crate) fn leaf(name: &str, physical: Physical, optional: bool) -> Result<TypePtr, ParquetError> {
    let repetition = if optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let text = (physical == Physical::BYTE_ARRAY).then_some(LogicalType::String);
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition).with_logical_type(text);
    builder.build().map(Arc::new)
}

fn is_text(column: &Type) -> bool {
    column.is_primitive() && column.get_physical_type() == Physical::BYTE_ARRAY
}

/// A column of text lists.
pub(crate) fn text_list(name: &str) -> Result<TypePtr, ParquetError> {
    list(name, leaf("element", Physical::BYTE_ARRAY, false)?)
}

/// A column of lists of numbers.
pub(crate) fn int_list(name: &str) -> Result<TypePtr, ParquetError> {
    list(name, leaf("element", Physical::INT32, false)?)
}

/// A column of lists of bytes without sign.
pub(crate) fn byte_list(name: &str) -> Result<TypePtr, ParquetError> {
    let builder = Type::primitive_type_builder("element", Physical::INT32).with_repetition(Repetition::REQUIRED);
    list(name, Arc::new(builder.with_logical_type(Some(LogicalType::integer(8, false))).build()?))
}

/// A column of lists in the standard three-level form.
fn list(name: &str, element: TypePtr) -> Result<TypePtr, ParquetError> {
    let list =
        Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![element]).build()?;
    let column = Type::group_type_builder(name)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(list)])
        .build()?;
    Ok(Arc::new(column))
}

/// Writes `n_rows` rows of `fields` in groups of `group`; `write` fills one group from its range of rows.
pub(crate) fn write_table<W: Write + Send>(
    out: W,
    fields: Vec<TypePtr>,
    (n_rows, group): (usize, usize),
    mut write: impl FnMut(&mut TableWriter<W>, std::ops::Range<usize>) -> Result<(), ParquetError>,
) -> Result<W, ParquetError> {
    let mut table = TableWriter::new(out, fields, &[])?;
    for start in (0..n_rows).step_by(group) {
        write(&mut table, start..(start + group).min(n_rows))?;
    }
    table.finish()
}

/// Texts by number, in one buffer that Parquet's values share.
#[derive(Debug)]
pub(crate) struct IdTexts {
    text: Bytes,
    ends: Vec<usize>,
}

impl IdTexts {
    pub(crate) fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let (mut text, mut ends) = (Vec::new(), vec![0]);
        for one in texts {
            text.extend_from_slice(one.as_bytes());
            ends.push(text.len());
        }
        Self { text: text.into(), ends }
    }

    pub(crate) fn get(&self, id: u32) -> ByteArray {
        self.text.slice(self.ends[id as usize]..self.ends[id as usize + 1]).into()
    }
}

/// A table whose row groups are written column by column, columns in parallel.
pub(crate) struct TableWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    properties: Arc<WriterProperties>,
    descriptors: Vec<ColumnDescPtr>,
}

impl<W: Write + Send> std::fmt::Debug for TableWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableWriter").field("descriptors", &self.descriptors).finish_non_exhaustive()
    }
}

/// Encodes one column of a row group.
pub(crate) type Fill<'a> = &'a (dyn Fn(Column<'_>) -> Result<Encoded, ParquetError> + Sync);

/// An encoded column of a row group.
pub(crate) type Encoded = (Bytes, ColumnCloseResult);

impl<W: Write + Send> TableWriter<W> {
    /// `encoded`: columns that have no dictionary, and how they are encoded. Texts have no least and greatest value: two
    /// comparisons a row, for groups that hold nearly all of them anyway.
    pub(crate) fn new(out: W, fields: Vec<TypePtr>, encoded: &[(&str, Encoding)]) -> Result<Self, ParquetError> {
        let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
        let mut properties = properties();
        for column in schema.get_fields().iter().filter(|column| is_text(column)) {
            properties = properties.set_column_statistics_enabled(column.name().into(), EnabledStatistics::None);
        }
        for &(column, encoding) in encoded {
            properties = properties
                .set_column_dictionary_enabled(column.into(), false)
                .set_column_encoding(column.into(), encoding);
        }
        let properties = Arc::new(properties.build());
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::clone(&properties))?;
        let descriptors = writer.schema_descr().columns().to_vec();
        Ok(Self { writer, properties, descriptors })
    }

    /// Writes one row group; each function fills one column.
    pub(crate) fn group(&mut self, columns: &[Fill<'_>]) -> Result<(), ParquetError> {
        let column = |n: usize| Column { properties: &self.properties, descriptor: &self.descriptors[n] };
        let encoded = columns.par_iter().enumerate().map(|(n, write)| write(column(n)));
        let encoded = encoded.collect::<Result<Vec<_>, _>>()?;
        let mut group = self.writer.next_row_group()?;
        for (bytes, closed) in encoded {
            group.append_column(&bytes, closed)?;
        }
        group.close().map(drop)
    }

    pub(crate) fn finish(self) -> Result<W, ParquetError> {
        self.writer.into_inner()
    }
}

/// One column of a row group to be encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    properties: &'a Arc<WriterProperties>,
    descriptor: &'a ColumnDescPtr,
}

impl Column<'_> {
    fn encode<T: DataType>(
        self,
        values: &[T::T],
        levels: Option<&[i16]>,
        repeats: Option<&[i16]>,
    ) -> Result<Encoded, ParquetError> {
        let mut sink = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut sink));
        let writer = get_column_writer(Arc::clone(self.descriptor), Arc::clone(self.properties), pages);
        let mut writer = get_typed_column_writer::<T>(writer);
        writer.write_batch(values, levels, repeats)?;
        let closed = writer.close()?;
        Ok((sink.into_inner()?.into(), closed))
    }

    /// Values where they are, and a level for each row.
    fn encode_optional<T: DataType>(self, values: impl Iterator<Item = Option<T::T>>) -> Result<Encoded, ParquetError> {
        let mut levels = Vec::new();
        let present: Vec<T::T> = values.inspect(|value| levels.push(i16::from(value.is_some()))).flatten().collect();
        self.encode::<T>(&present, Some(&levels), None)
    }

    /// Values of lists, how many each row has, in the standard three-level form.
    fn encode_lists<T: DataType>(
        self,
        values: &[T::T],
        lengths: impl Iterator<Item = usize>,
    ) -> Result<Encoded, ParquetError> {
        let (mut levels, mut repeats) = (Vec::new(), Vec::new());
        for n in lengths {
            // An empty list has a level of its own, and no value.
            levels.extend(std::iter::repeat_n(i16::from(n > 0), n.max(1)));
            repeats.extend((0..n.max(1)).map(|n| i16::from(n > 0)));
        }
        self.encode::<T>(values, Some(&levels), Some(&repeats))
    }

    pub(crate) fn texts(self, values: impl Iterator<Item = ByteArray>) -> Result<Encoded, ParquetError> {
        self.encode::<ByteArrayType>(&values.collect::<Vec<_>>(), None, None)
    }

    pub(crate) fn optional_texts<'t>(
        self,
        values: impl Iterator<Item = Option<&'t str>>,
    ) -> Result<Encoded, ParquetError> {
        self.encode_optional::<ByteArrayType>(values.map(|text| text.map(ByteArray::from)))
    }

    pub(crate) fn text_lists<'t>(
        self,
        rows: impl Iterator<Item = &'t [String]> + Clone,
    ) -> Result<Encoded, ParquetError> {
        let values: Vec<ByteArray> = rows.clone().flatten().map(|text| ByteArray::from(text.as_str())).collect();
        self.encode_lists::<ByteArrayType>(&values, rows.map(<[String]>::len))
    }

    pub(crate) fn ints(self, values: impl Iterator<Item = i32>) -> Result<Encoded, ParquetError> {
        self.encode::<Int32Type>(&values.collect::<Vec<_>>(), None, None)
    }

    pub(crate) fn floats(self, values: impl Iterator<Item = f32>) -> Result<Encoded, ParquetError> {
        self.encode::<FloatType>(&values.collect::<Vec<_>>(), None, None)
    }

    pub(crate) fn doubles(self, values: impl Iterator<Item = f64>) -> Result<Encoded, ParquetError> {
        self.encode::<DoubleType>(&values.collect::<Vec<_>>(), None, None)
    }

    pub(crate) fn optional_longs(self, values: impl Iterator<Item = Option<i64>>) -> Result<Encoded, ParquetError> {
        self.encode_optional::<Int64Type>(values)
    }

    pub(crate) fn int_lists<'t>(self, rows: impl Iterator<Item = &'t [i32]> + Clone) -> Result<Encoded, ParquetError> {
        let values: Vec<i32> = rows.clone().flatten().copied().collect();
        self.encode_lists::<Int32Type>(&values, rows.map(<[i32]>::len))
    }

    pub(crate) fn longs(self, values: impl Iterator<Item = i64>) -> Result<Encoded, ParquetError> {
        self.encode::<Int64Type>(&values.collect::<Vec<_>>(), None, None)
    }

    pub(crate) fn optional_floats(self, values: impl Iterator<Item = Option<f32>>) -> Result<Encoded, ParquetError> {
        self.encode_optional::<FloatType>(values)
    }
}

/// A fixed creator: the same data gives the same bytes whatever the version of the library says of itself.
fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by("segue".into())
}

/// A failure while writing: a full disk is the system's word, not a fault of the format.
pub(crate) fn told(path: &Path, error: ParquetError) -> DataError {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(io) => DataError::io(path, "write")(*io),
            Err(other) => DataError::parquet(path)(ParquetError::External(other)),
        },
        other => DataError::parquet(path)(other),
    }
}

/// A Parquet file of our own being read; columns are found by name.
pub(crate) struct Table<'p> {
    path: &'p Path,
    reader: SerializedFileReader<Pages>,
    names: Vec<String>,
}

impl<'p> Table<'p> {
    pub(crate) fn open(path: &'p Path) -> Result<Self, DataError> {
        let reader = open(path)?;
        let columns = reader.metadata().file_metadata().schema_descr_ptr();
        // Of `categories.list.element` the first part is the name.
        let name = |c: &parquet::schema::types::ColumnDescPtr| c.path().parts()[0].clone();
        let names = columns.columns().iter().map(name).collect();
        Ok(Self { path, reader, names })
    }

    pub(crate) fn column(&self, name: &str) -> Result<usize, DataError> {
        self.names.iter().position(|n| n == name).ok_or_else(|| self.damaged(format!("has no column {name}")))
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = Result<Box<dyn RowGroupReader + '_>, DataError>> {
        let path = self.path;
        (0..self.reader.num_row_groups())
            .map(move |g| guarded(|| self.reader.get_row_group(g)).map_err(DataError::parquet(path)))
    }

    pub(crate) fn damaged(&self, what: impl std::fmt::Display) -> DataError {
        DataError::Folder { path: self.path.into(), what: format!("is damaged: {what}; run `segue prepare` again") }
    }
}
