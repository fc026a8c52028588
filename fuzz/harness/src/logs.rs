//! What holds of every log, whatever its text: [`check`].

use std::ops::ControlFlow;
use std::path::Path;

use segue_data::DataError;
use segue_data::readers::{Format, Layout, Progress, RawLog, RawRow, Session, read_log};

use crate::case::Case;
use crate::guise::{disguised, may_wear};

/// One event as read: user, item, bits of the value, time.
pub(crate) type Row = (String, String, Option<u32>, Option<i64>);

/// One file as read.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    /// Its events, in order.
    pub(crate) rows: Vec<Row>,
    /// Rows without user or item.
    pub(crate) nameless: u64,
    /// Lines read, the header not among them.
    pub(crate) lines: u64,
    /// Numbers of the first bad lines.
    bad_shown: Vec<usize>,
    /// Bad lines.
    pub(crate) bad: u64,
}

/// The layout that a case asks for.
pub(crate) fn layout(case: &Case) -> Layout {
    Layout {
        format: case.option("format"),
        columns: case.option("columns"),
        delimiter: case.option("delimiter"),
        header: case.option("header"),
        only: case.option("only"),
        unrated: case.option("unrated"),
    }
}

/// Reads one thing in a session that allows `limit` bad lines; also says how many lines there were.
pub(crate) fn in_session<T>(
    path: &Path,
    limit: u64,
    read: impl FnOnce(&mut Session<'_>) -> Result<T, DataError>,
) -> Result<(T, u64, Vec<usize>, u64), String> {
    let mut progress = |_: Progress<'_>| ControlFlow::Continue(());
    let mut session = Session::new(Some(limit), &mut progress);
    let read = read(&mut session).map_err(|error| told(path, &error))?;
    let files = session.into_files();
    assert!(!files.is_empty(), "a file was read and is not in the record");
    let file = &files[0];
    let number = |shown: &String| shown.split(':').next().and_then(|n| n.parse().ok()).unwrap();
    let shown: Vec<usize> = file.bad_shown.iter().map(number).collect();
    // A bad record may stand on several lines.
    assert!(file.bad_lines <= file.lines && shown.len() as u64 <= file.bad_lines.min(100));
    assert_eq!(shown.is_empty(), file.bad_lines == 0);
    assert!(shown.is_sorted(), "bad lines out of order: {shown:?}");
    Ok((read, file.lines, shown, file.bad_lines))
}

/// The message of a failure, which names the file or the key.
pub(crate) fn told(path: &Path, error: &DataError) -> String {
    let message = error.to_string();
    let folder = path.parent().unwrap().to_string_lossy();
    assert!(message.contains(&*folder) || message.contains("data."), "names neither file nor key: {message}");
    message.replace(&*folder, "")
}

/// The events of a log, after a look at each.
pub(crate) fn rows(log: &RawLog) -> Vec<Row> {
    let mut rows = Vec::new();
    let take = |row: RawRow| {
        let (user, item) = (log.users.get(row.user), log.items.get(row.item));
        assert!(!user.is_empty() && !item.is_empty(), "a row has no name");
        assert!(row.value.is_none_or(f32::is_finite), "a value is not finite");
        rows.push((user.to_owned(), item.to_owned(), row.value.map(f32::to_bits), row.time));
    };
    log.rows.each(take).unwrap();
    rows
}

/// Reads a log with at most `limit` bad lines.
pub(crate) fn read(path: &Path, layout: &Layout, limit: u64) -> Result<Read, String> {
    let (log, lines, bad_shown, bad) = in_session(path, limit, |session| read_log(&[path.into()], layout, session))?;
    Ok(Read { rows: rows(&log), nameless: log.nameless, lines, bad_shown, bad })
}

/// Reads the first file of a case as a log and checks that
/// - every row has names, every value is finite, every failure names file or key;
/// - rows, nameless and bad lines add up to the lines, where one line is one row;
/// - the file reads the same under its guise: with a byte order mark, compressed, ...;
/// - the bad lines could as well not be there;
/// - a session that allows no bad line refuses the file if and only if it has one;
/// - the rows written as a table read back.
pub(crate) fn check(case: &Case) -> Option<Read> {
    let layout = layout(case);
    let (folder, path) = case.laid();
    let found = read(&path, &layout, u64::MAX);
    let content = case.content();
    let guise: String = case.option("guise");
    if may_wear(&guise, &content) && layout.format != Format::Parquet {
        std::fs::write(&path, disguised(&guise, &content)).unwrap();
        let other = read(&path, &layout, u64::MAX);
        let bare = |read: &Result<Read, String>| match read {
            Ok(read) => format!("{:?} {} {} {}", read.rows, read.nameless, read.lines, read.bad),
            Err(_) => "refused".into(),
        };
        assert_eq!(bare(&found), bare(&other), "as {guise}: {found:?}, {other:?}");
        let moved = usize::from(guise == "blank");
        if let (Ok(found), Ok(other)) = (&found, &other) {
            let lines = found.bad_shown.iter().map(|line| line + moved);
            assert!(lines.eq(other.bad_shown.iter().copied()), "bad lines as {guise}: {found:?}, {other:?}");
        }
        std::fs::write(&path, &content).unwrap();
    }
    let found = found.ok()?;
    if is_line_per_row(layout.format) && layout.only.is_empty() {
        let accounted = found.rows.len() as u64 + found.nameless + found.bad;
        assert_eq!(accounted, found.lines, "lines are neither rows nor nameless nor bad: {found:?}");
    }
    assert_eq!(read(&path, &layout, 0).is_ok(), found.bad == 0, "no bad line is allowed: {found:?}");
    without_bad_lines(&path, &content, &layout, &found);
    written_back(folder.path(), &found.rows);
    Some(found)
}

fn is_line_per_row(format: Format) -> bool {
    !matches!(format, Format::Auto | Format::Adjacency | Format::Sequence | Format::TimedSequence)
}

/// A bad line is left out whole.
fn without_bad_lines(path: &Path, content: &[u8], layout: &Layout, found: &Read) {
    // A quote may hold a line end, and what is recognised or voted on may lie in a bad line.
    let countable = !content.contains(&b'"') && !content.contains(&b'\r') && !content.contains(&b'\\');
    let firm = !matches!(layout.format, Format::Auto | Format::Amazon | Format::Parquet);
    if !countable || !firm || found.bad == 0 || found.bad > 100 || found.bad == found.lines {
        return;
    }
    let lines: Vec<&[u8]> = content.split(|&b| b == b'\n').collect();
    // Up to the first row a line may be one or not for what follows it.
    let separates = |line: &[u8]| line.len() < 8 && line.to_ascii_lowercase().windows(4).any(|word| word == b"sep=");
    let is_row = |line: &&[u8]| !matches!(line.trim_ascii(), [] | [b'#' | b'%', ..]) && !separates(line);
    let first = lines.iter().position(is_row).unwrap_or(lines.len()) + 1;
    if found.bad_shown.first().is_some_and(|&bad| bad <= first) {
        return;
    }
    let good = lines.iter().enumerate().filter(|(n, _)| !found.bad_shown.contains(&(n + 1))).map(|(_, line)| *line);
    std::fs::write(path, good.collect::<Vec<_>>().join(&b'\n')).unwrap();
    let other = read(path, layout, 0);
    let other = other.unwrap_or_else(|error| panic!("without the bad lines of {found:?}: {error}"));
    assert_eq!((&other.rows, other.nameless), (&found.rows, found.nameless), "without bad lines of {found:?}");
}

/// The rows as a table with a header are the rows.
fn written_back(folder: &Path, rows: &[Row]) {
    // What a table cannot say: white space around a name, line ends and delimiters in one, and seconds beyond the year 5138,
    // which count as milliseconds.
    let name = |name: &str| name.trim() == name && !(name.contains('\n') && name.contains(','));
    let sayable = |(user, item, _, time): &&Row| {
        name(user) && name(item) && time.is_none_or(|time| time.unsigned_abs() < 100_000_000_000_000)
    };
    let rows: Vec<&Row> = rows.iter().filter(sayable).collect();
    if rows.is_empty() {
        return;
    }
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["user", "item", "rating", "timestamp"]).unwrap();
    for (user, item, value, time) in &rows {
        let value = value.map(|bits| f32::from_bits(bits).to_string()).unwrap_or_default();
        table
            .write_record([user, item, &value, &time.map(|time| (time as f64 / 1e3).to_string()).unwrap_or_default()])
            .unwrap();
    }
    let path = folder.join("written.csv");
    std::fs::write(&path, table.into_inner().unwrap()).unwrap();
    let layout = Layout { format: Format::Table, header: Some(true), ..Layout::default() };
    let back = read(&path, &layout, 0).unwrap();
    assert!(back.rows.iter().eq(rows), "written as a table: {:?}", back.rows);
}
