//! Target `tables`: logs of one event per line, with cells; and what `segue export` writes of them.

use std::path::{Path, PathBuf};

use segue_core::{Interactions, OpenedTests, Prepared};
use segue_data::prepare::{
    DataConfig, DomainConfig, OneOrMany, PrepareOptions, Progress, SplitConfig, SplitKind, prepare,
};
use segue_data::readers::{Format, Layout};
use segue_data::writers::{ExportFormat, Ids, Wanted, export};

use crate::case::Case;
use crate::draw::Draw;
use crate::logs::{self, Row};

/// Formats with headers, delimiters and columns: `u`ser, `i`tem, `v`alue, `t`ime; `A` and `B` as Amazon writes users and
/// items, `s` a hashed user, `x` anything.
const STYLES: [(&str, &str, &str, &str); 22] = [
    ("table", "user,item,rating,timestamp", ",", "uivt"),
    ("table", "", ",", "uivt"),
    ("table", "user;item;rating;domain", ";", "uivx"),
    ("table", "userID\tartistID\tweight", "\t", "uiv"),
    ("table", "item|domain|rating|user", "|", "ixvu"),
    ("table", "a,b,c", ",", "uiv"),
    ("movielens", "", "\t", "uivt"),
    ("movielens", "", "::", "uivt"),
    ("movielens", "userId,movieId,rating,timestamp", ",", "uivt"),
    ("douban", "", "\t", "uiv"),
    ("douban", "", "\t", "ui"),
    ("book_crossing", "\"User-ID\";\"ISBN\";\"Book-Rating\"", ";", "uiv"),
    ("book_crossing", "User-ID,ISBN,Book-Rating", ",", "uiv"),
    ("lastfm", "", "\t", "sixv"),
    ("lastfm", "", "\t", "utixxx"),
    ("recbole", "user_id:token\titem_id:token\trating:float\ttimestamp:float", "\t", "uivt"),
    ("recbole", "user_id:token\titem_id:token", "\t", "ui"),
    ("amazon", "", ",", "ABvt"),
    ("amazon", "", ",", "BAvt"),
    ("amazon", "user_id,parent_asin,rating,timestamp", ",", "ABvt"),
    ("goodreads", "user_id,book_id,is_read,rating,is_reviewed", ",", "uivvx"),
    ("table", "user item rating", " ", "uiv"),
];

/// Invents a log in one of the styles, mostly well-formed.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    let (format, header, delimiter, columns) = STYLES[draw.below(STYLES.len())];
    let mut options = draw.options(format);
    if draw.once_in(4) {
        options["export"] = draw.pick(&["csv", "parquet", "recbole", "adjacency"]).into();
    }
    let mut lines = if header.is_empty() || draw.once_in(16) { Vec::new() } else { vec![header.to_owned()] };
    lines.extend(draw.some(9, |draw| line(draw, delimiter, columns)));
    let end = draw.pick(&["\n", "\n", "\n", "\r\n", "\n\n", "\r"]);
    let mut text = lines.join(end);
    if !draw.once_in(6) {
        text.push_str(end);
    }
    Case::of(options, text)
}

fn line(draw: &mut Draw<'_>, delimiter: &str, columns: &str) -> String {
    let mut cells: Vec<String> = columns
        .chars()
        .map(|column| match column {
            'u' | 'i' => draw.id(),
            'v' => draw.value(),
            't' => draw.time(),
            'A' => format!("A{:013}", draw.below(5)),
            'B' => format!("B{:09}", draw.below(5)),
            's' => format!("{:040x}", draw.below(5)),
            _ => draw.words(),
        })
        .collect();
    match draw.below(24) {
        0 => drop(cells.pop()),
        1 => cells.push(draw.odd()),
        2 => cells = vec![draw.odd()],
        3 => cells.iter_mut().for_each(|cell| *cell = format!("\"{}\"", cell.replace('"', "\"\""))),
        _ => {}
    }
    cells.join(delimiter)
}

/// See [`logs::check`]; with an `export` option the log is prepared and exported, and the export reads back.
pub(crate) fn check(bytes: &[u8]) {
    let case = Case::parse(bytes);
    let read = logs::check(&case);
    let format: Option<ExportFormat> = case.option("export");
    if let (Some(format), true) = (format, read.is_some_and(|read| read.rows.len() <= 1_000)) {
        exported(&case, format);
    }
}

fn exported(case: &Case, format: ExportFormat) {
    let (folder, path) = case.laid();
    let Layout { format: read_as, columns, delimiter, header, only, unrated } = logs::layout(case);
    let domain = DomainConfig {
        name: "d".into(),
        format: read_as,
        interactions: Some(OneOrMany::One(path.clone())),
        columns,
        delimiter,
        header,
        only,
        unrated,
        ..DomainConfig::default()
    };
    let name = "fuzz".to_owned();
    let data = DataConfig { name, domains: vec![domain], max_bad_lines: Some(u64::MAX), ..DataConfig::default() };
    let options = PrepareOptions { clip: None, ..PrepareOptions::default() };
    let split = SplitConfig { kind: SplitKind::Ratio, ..SplitConfig::default() };
    let mut progress = |_: Progress<'_>| std::ops::ControlFlow::Continue(());
    let prepared = match prepare(&data, &options, &split, 7, &mut progress) {
        Ok((prepared, _)) => prepared,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    // Later than the year 5138 seconds read as milliseconds.
    let is_late = |event: segue_core::Event| event.time.is_some_and(|time| time.unsigned_abs() >= 100_000_000_000);
    let task = &prepared.split.tasks[0];
    let test = task.test.open(&mut OpenedTests::default(), "compared with its export");
    let parts = [("train", &prepared.split.train), ("valid", &task.valid.events), ("test", &test.events)];
    if parts.iter().any(|(_, log)| log.events().any(is_late)) {
        return;
    }
    let out = folder.path().join("out");
    if let Err(error) = export(&out, (&prepared, "fuzz"), Wanted::of(format, Ids::External)) {
        return assert!(error.to_string().contains("cannot hold"), "{error}");
    }
    for (part, log) in parts.into_iter().filter(|(part, log)| *part == "train" || !log.is_empty()) {
        assert_eq!(events(&part_file(&out, part, format), format), expected(&prepared, log, format), "{part}");
    }
}

fn part_file(out: &Path, part: &str, format: ExportFormat) -> PathBuf {
    out.join("d").join(match format {
        ExportFormat::Csv => format!("{part}.csv"),
        ExportFormat::Parquet => format!("{part}.parquet"),
        ExportFormat::Recbole => format!("d.{part}.inter"),
        ExportFormat::Adjacency => format!("{part}.txt"),
    })
}

/// The events of an exported file, sorted.
fn events(path: &Path, format: ExportFormat) -> Vec<Row> {
    let format = match format {
        ExportFormat::Csv => Format::Table,
        ExportFormat::Parquet => Format::Parquet,
        ExportFormat::Recbole => Format::Recbole,
        ExportFormat::Adjacency => Format::Adjacency,
    };
    // A split may leave nothing to train on; a file without events is refused as empty.
    let mut rows = match logs::read(path, &Layout { format, ..Layout::default() }, 0) {
        Ok(read) => read.rows,
        Err(message) => {
            assert!(message.contains("is empty"), "{message}");
            Vec::new()
        }
    };
    // Rows are read to the millisecond; a prepared log has whole seconds.
    rows.iter_mut().for_each(|row| row.3 = row.3.map(|time| time.div_euclid(1_000)));
    rows.sort_unstable();
    rows
}

/// The events of a prepared log, sorted; lists hold neither values nor times.
fn expected(prepared: &Prepared, log: &Interactions, format: ExportFormat) -> Vec<Row> {
    let lists = format == ExportFormat::Adjacency;
    let row = |event: segue_core::Event| {
        let user = prepared.users.external(event.user).to_owned();
        let item = prepared.catalogue.external(event.item).to_owned();
        let value = if lists { 1.0 } else { event.value };
        (user, item, Some(value.to_bits()), event.time.filter(|_| !lists))
    };
    let mut rows: Vec<Row> = log.events().map(row).collect();
    rows.sort_unstable();
    rows
}
