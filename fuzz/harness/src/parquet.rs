//! Half of target `stored`: Parquet files of every physical type, whole or damaged.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::{Value, json};

use crate::case::Case;
use crate::draw::Draw;
use crate::logs;

const KINDS: [&str; 13] =
    ["text", "text", "i64", "i32", "f64", "f32", "bool", "i96", "flba", "ms", "us", "date", "list"];

/// Invents columns, rows as a table, ways to write them, and damage.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    let mut options = draw.options("parquet");
    let names = ["user", "item", "rating", "timestamp", "domain"];
    let column = |(n, name): (usize, &&str), draw: &mut Draw<'_>| {
        let usual = ["text", "i64", "f32", "i64", "i32"][n];
        let kind = if draw.once_in(2) { draw.pick(&KINDS) } else { usual };
        json!([if draw.once_in(20) { "x" } else { *name }, kind, draw.once_in(2)])
    };
    let n = 2 + draw.below(4);
    options["schema"] = names[..n].iter().enumerate().map(|named| column(named, draw)).collect();
    for (name, n) in [("v2", 3), ("plain", 3), ("dictionary", 2)] {
        options[name] = draw.once_in(n).into();
    }
    options["group"] = (1 + draw.below(6)).into();
    options["page"] = (1 + draw.below(4)).into();
    damage(draw, &mut options);
    if let Value::Object(options) = &mut options {
        options.retain(|name, _| !matches!(name.as_str(), "guise" | "delimiter" | "header" | "repeat"));
    }
    let rows = draw.some(9, |draw| {
        [draw.id(), draw.id(), draw.value(), draw.time(), draw.below(3).to_string()][..n].join(",").replace('\n', " ")
    });
    Case::of(options, rows.join("\n"))
}

/// Bytes to change, counted from the beginning or, below zero, from the end; perhaps a cut.
pub(crate) fn damage(draw: &mut Draw<'_>, options: &mut Value) {
    if draw.once_in(2) {
        let one = |draw: &mut Draw<'_>| {
            let at = draw.below(700) as i64;
            json!([if draw.once_in(2) { at } else { -1 - at }, 1 + draw.below(255)])
        };
        options["damage"] = draw.some(3, one).into();
    }
    if draw.once_in(10) {
        options["cut"] = draw.below(600).into();
    }
}

/// Does the damage; false if there is none.
pub(crate) fn damaged(case: &Case, bytes: &mut Vec<u8>) -> bool {
    let whole = bytes.clone();
    for (at, flip) in case.option::<Vec<(i64, u8)>>("damage") {
        if let n @ 1.. = bytes.len() as i64 {
            bytes[at.rem_euclid(n) as usize] ^= flip;
        }
    }
    if let Some(cut) = case.option::<Option<usize>>("cut") {
        bytes.truncate(cut % bytes.len().max(1));
    }
    *bytes != whole
}

/// Damage is refused or leaves a sound log; without damage every row is accounted for. A content that is Parquet already
/// is read as it is.
pub(crate) fn check(case: &Case) {
    let content = case.content();
    let is_file = content.starts_with(b"PAR1");
    let Some(mut bytes) = (if is_file { Some(content) } else { written(case, &String::from_utf8_lossy(&content)) })
    else {
        return;
    };
    let is_damaged = damaged(case, &mut bytes) || is_file;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, bytes).unwrap();
    let layout = logs::layout(case);
    let found = logs::read(&path, &layout, u64::MAX);
    if let Ok(found) = found
        && layout.only.is_empty()
    {
        let accounted = found.rows.len() as u64 + found.nameless + found.bad;
        assert!(is_damaged || accounted == found.lines, "rows are lost: {found:?}");
    }
}

/// The rows as a file; `None` where the columns do not form one.
fn written(case: &Case, text: &str) -> Option<Vec<u8>> {
    let columns: Vec<(String, String, bool)> = case.option("schema");
    let columns = &columns[..columns.len().min(8)];
    let fields =
        columns.iter().map(|(name, kind, optional)| field(name, kind, *optional)).collect::<Option<Vec<_>>>()?;
    let schema = Type::group_type_builder("schema").with_fields(fields).build().ok()?;
    let rows: Vec<Vec<&str>> = text.lines().take(64).map(|line| line.split(',').collect()).collect();
    let version = if case.option("v2") { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
    let codec = if case.option("plain") { Compression::UNCOMPRESSED } else { Compression::SNAPPY };
    let properties = WriterProperties::builder()
        .set_writer_version(version)
        .set_compression(codec)
        .set_dictionary_enabled(case.option("dictionary"))
        .set_data_page_row_count_limit(case.option::<usize>("page").max(1))
        .set_write_batch_size(1);
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build())).ok()?;
    for rows in rows.chunks(case.option::<usize>("group").max(1)) {
        let mut group = writer.next_row_group().ok()?;
        for (n, (_, kind, optional)) in columns.iter().enumerate() {
            let cells: Vec<&str> = rows.iter().map(|row| row.get(n).copied().unwrap_or_default()).collect();
            column(&mut group, kind, *optional, &cells);
        }
        group.close().unwrap();
    }
    writer.into_inner().ok()
}

fn field(name: &str, kind: &str, optional: bool) -> Option<TypePtr> {
    let repetition = match kind {
        "list" => Repetition::REPEATED,
        _ if optional => Repetition::OPTIONAL,
        _ => Repetition::REQUIRED,
    };
    let stamp = |unit| Some(LogicalType::timestamp(true, unit));
    let (physical, logical) = match kind {
        "text" | "list" => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        "i32" => (Physical::INT32, None),
        "date" => (Physical::INT32, Some(LogicalType::Date)),
        "ms" => (Physical::INT64, stamp(TimeUnit::MILLIS)),
        "us" => (Physical::INT64, stamp(TimeUnit::MICROS)),
        "i64" => (Physical::INT64, None),
        "f32" => (Physical::FLOAT, None),
        "f64" => (Physical::DOUBLE, None),
        "bool" => (Physical::BOOLEAN, None),
        "i96" => (Physical::INT96, None),
        "flba" => (Physical::FIXED_LEN_BYTE_ARRAY, None),
        _ => return None,
    };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition).with_logical_type(logical);
    let builder = if physical == Physical::FIXED_LEN_BYTE_ARRAY { builder.with_length(4) } else { builder };
    builder.build().ok().map(Arc::new)
}

fn column(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, kind: &str, optional: bool, cells: &[&str]) {
    match kind {
        "text" => put::<ByteArrayType>(group, optional, cells, |cell| ByteArray::from(cell)),
        "list" => repeated(group, cells),
        "i32" | "date" => put::<Int32Type>(group, optional, cells, |cell| cell.parse().unwrap_or_default()),
        "f32" => put::<FloatType>(group, optional, cells, |cell| cell.parse().unwrap_or_default()),
        "f64" => put::<DoubleType>(group, optional, cells, |cell| cell.parse().unwrap_or_default()),
        "bool" => put::<BoolType>(group, optional, cells, |cell| cell.len() % 2 == 1),
        "i96" => put::<Int96Type>(group, optional, cells, |cell| {
            let mut stamp = Int96::new();
            stamp.set_data(cell.parse().unwrap_or_default(), u32::MAX, cell.len() as u32 * 1_000_000);
            stamp
        }),
        "flba" => put::<FixedLenByteArrayType>(group, optional, cells, |cell| {
            let mut bytes = cell.as_bytes().to_vec();
            bytes.resize(4, b' ');
            FixedLenByteArray::from(bytes)
        }),
        _ => put::<Int64Type>(group, optional, cells, |cell| cell.parse().unwrap_or_default()),
    }
}

/// Writes one column; an empty cell is null where the column has nulls.
fn put<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    optional: bool,
    cells: &[&str],
    value: impl Fn(&str) -> T::T,
) {
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(!cell.is_empty())).collect();
    let present = cells.iter().filter(|cell| !optional || !cell.is_empty());
    let values: Vec<T::T> = present.map(|cell| value(cell)).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(&values, optional.then_some(&levels), None).unwrap();
    column.close().unwrap();
}

/// Every cell as a list of its words.
fn repeated(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, cells: &[&str]) {
    let (mut values, mut levels, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        let words: Vec<&str> = cell.split_whitespace().collect();
        levels.extend(std::iter::repeat_n(i16::from(!words.is_empty()), words.len().max(1)));
        repeats.extend((0..words.len().max(1)).map(|n| i16::from(n > 0)));
        values.extend(words.into_iter().map(ByteArray::from));
    }
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), Some(&repeats)).unwrap();
    column.close().unwrap();
}
