//! What people look at: progress bars on stderr, tables on stdout that also pipe.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, ContentArrangement};
use indicatif::{ProgressBar, ProgressStyle};
use segue_core::{FitEvent, Halt, Watch};
use segue_data::prepare::Progress;
use segue_eval::csv_field;
use serde_json::Value;

/// How a table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Framed, for people; the default on a terminal.
    Table,
    /// Tab-separated, for pipes; the default otherwise.
    Tsv,
    /// For documents.
    Markdown,
    /// For papers: a tabular with the rules of booktabs.
    Latex,
    /// Comma-separated (RFC 4180), numbers at full precision where there are any.
    Csv,
    /// One object per row.
    Json,
}

impl Format {
    /// The format asked for, or the one that fits where the output goes.
    pub(crate) fn or_fitting(format: Option<Self>) -> Self {
        format.unwrap_or(if io::stdout().is_terminal() { Self::Table } else { Self::Tsv })
    }
}

/// Prints rows under a header. Cells that look like numbers are aligned right.
pub(crate) fn print_table(header: &[String], rows: &[Vec<String>], format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Table => writeln!(out, "{}", framed(header, rows)),
        Format::Tsv => {
            let clean = |cell: &String| cell.replace(['\t', '\n'], " ");
            std::iter::once(header)
                .chain(rows.iter().map(Vec::as_slice))
                .try_for_each(|row| writeln!(out, "{}", row.iter().map(clean).collect::<Vec<_>>().join("\t")))
        }
        Format::Markdown => write!(out, "{}", markdown(header, rows)),
        Format::Latex => write!(out, "{}", latex(header, rows)),
        Format::Csv => std::iter::once(header).chain(rows.iter().map(Vec::as_slice)).try_for_each(|row| {
            writeln!(out, "{}", row.iter().map(|cell| csv_field(cell)).collect::<Vec<_>>().join(","))
        }),
        Format::Json => print_objects(&mut out, header, rows),
    }
}

/// Prints what must be read with a table below it: a list in Markdown, comments in LaTeX.
pub(crate) fn print_notes(notes: &[String], format: Format) -> io::Result<()> {
    write!(io::stdout().lock(), "{}", below(notes, format))
}

fn below(notes: &[String], format: Format) -> String {
    let (before, each) = if format == Format::Latex { ("", "% ") } else { ("\n", "- ") };
    let mut text = String::new();
    for (n, note) in notes.iter().enumerate() {
        text.extend([if n == 0 { before } else { "" }, each, &note.replace('\n', " "), "\n"]);
    }
    text
}

/// Prints values for programs: objects, or cells that are empty where there is no value.
pub(crate) fn print_values(header: &[String], rows: &[Vec<Value>], format: Format) -> io::Result<()> {
    match format {
        Format::Json => print_objects(&mut io::stdout().lock(), header, rows),
        format => {
            let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(plain).collect()).collect();
            print_table(header, &rows, format)
        }
    }
}

fn print_objects<V: Clone + Into<Value>>(out: &mut impl Write, header: &[String], rows: &[Vec<V>]) -> io::Result<()> {
    rows.iter().try_for_each(|row| {
        let values = row.iter().cloned().map(Into::into);
        let object: serde_json::Map<String, Value> = header.iter().cloned().zip(values).collect();
        writeln!(out, "{}", Value::Object(object))
    })
}

/// A value as a cell: texts without quotes, numbers in full without an exponent, nothing where there is none.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().map_or_else(String::new, |n| n.to_string()),
        value => value.to_string(),
    }
}

/// Prints a table of measurements; its notes, the protocol above all, go to stderr.
pub(crate) fn print_measured(table: &segue_eval::Table, format: Format) -> io::Result<()> {
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
    match format {
        Format::Csv => write!(io::stdout(), "{}", table.csv())?,
        Format::Json => {
            let (header, rows) = table.flat();
            let rows: Vec<Vec<Value>> = rows.iter().map(|row| row.iter().map(value).collect()).collect();
            print_values(&header, &rows, format)?;
        }
        format => print_table(&table.columns, &rows, format)?,
    }
    table.notes.iter().for_each(|note| say(note));
    Ok(())
}

/// A cell in full.
fn value(cell: &segue_eval::Cell) -> Value {
    use segue_eval::Cell;
    match cell {
        Cell::Count(count) => (*count).into(),
        Cell::Number(value, _) => (value + 0.0).into(),
        Cell::Missing => Value::Null,
        cell => cell.to_string().into(),
    }
}

/// A Markdown table.
pub(crate) fn markdown(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        format!("| {} |\n", cells.iter().map(|c| c.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
    };
    let mut text = line(header);
    text.extend(["|", &"---|".repeat(header.len()), "\n"]);
    text.extend(rows.iter().map(|row| line(row)));
    text
}

/// A LaTeX tabular; columns of numbers are aligned right.
fn latex(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| cells.iter().map(|cell| escaped(cell)).collect::<Vec<_>>().join(" & ");
    let column =
        |n: usize| if rows.iter().all(|row| row.get(n).is_none_or(|cell| is_number(cell))) { 'r' } else { 'l' };
    let columns: String = (0..header.len()).map(column).collect();
    let body: String = rows.iter().map(|row| line(row) + " \\\\\n").collect();
    format!(
        "\\begin{{tabular}}{{{columns}}}\n\\toprule\n{} \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n",
        line(header)
    )
}

/// What LaTeX prints as the text.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '\\' => out.push_str("\\textbackslash{}"),
            '\n' => out.push(' '),
            // Of amssymb.
            '▲' => out.push_str("$\\blacktriangle$"),
            '▼' => out.push_str("$\\blacktriangledown$"),
            c => out.push(c),
        }
        out
    })
}

fn is_number(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
}

fn framed(header: &[String], rows: &[Vec<String>]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| {
            Cell::new(cell).set_alignment(if is_number(cell) { CellAlignment::Right } else { CellAlignment::Left })
        }));
    }
    table
}

/// A number with so many digits behind the point, or in full; a sign before it where it is a difference.
pub(crate) fn fixed(n: f64, digits: Option<usize>, signed: bool) -> String {
    // A minus before nothing but zeros says nothing.
    let plain = |n: f64, digits: usize| if n.abs() < 0.5 * 10_f64.powi(-(digits as i32)) { 0.0 } else { n };
    match (digits, signed) {
        (Some(digits), true) => format!("{:+.digits$}", plain(n, digits)),
        (Some(digits), false) => format!("{:.digits$}", plain(n, digits)),
        (None, true) => format!("{n:+}"),
        (None, false) => n.to_string(),
    }
}

/// A number in three digits or so.
fn short(n: f64) -> String {
    match n {
        n if n >= 1e6 => format!("{:.1} M", n / 1e6),
        n if n >= 1e4 => format!("{:.0} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// Writes one line to stderr: what is going on, for people.
pub(crate) fn say(line: &str) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(io::stderr(), "{line}");
}

/// How one long piece of work is doing: a bar on a terminal; elsewhere a line every ten seconds, so that a log of a long
/// job says how far it came and a short one says nothing. `SEGUE_PROGRESS` is another number of seconds.
#[derive(Debug)]
pub(crate) struct Bar {
    drawn: ProgressBar,
    epochs: bool,
    /// Where there is no bar.
    lines: Option<Lines>,
    /// Of the preparation's present stage.
    pace: Pace,
}

/// How fast one stage goes.
#[derive(Debug)]
struct Pace {
    stage: String,
    since: Instant,
    /// Rows, and rows or bytes done, when it began.
    from: (u64, u64),
}

#[expect(clippy::disallowed_methods, reason = "people are told the time; nothing fitted depends on it")]
impl Pace {
    /// Too little to tell a pace by.
    const SHORT: f64 = 0.5;

    fn begin(stage: &str, from: (u64, u64)) -> Self {
        Self { stage: stage.to_owned(), since: Instant::now(), from }
    }

    /// Rows a second, and seconds left of `total`, where these can be told.
    fn told(&mut self, stage: &str, (rows, done): (u64, u64), total: u64) -> (Option<f64>, Option<f64>) {
        if self.stage != stage {
            *self = Self::begin(stage, (rows, done));
        }
        let seconds = self.since.elapsed().as_secs_f64();
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        let (rows, per_second) = (rate(rows, self.from.0), rate(done, self.from.1));
        let told = seconds > Self::SHORT && total > 0;
        let left = (told && per_second > 0.0).then(|| total.saturating_sub(done) as f64 / per_second);
        (Some(rows).filter(|&rows| told && rows > 0.0), left)
    }
}

/// Progress as lines.
#[derive(Debug)]
pub(crate) struct Lines {
    name: String,
    every: Duration,
    last: Instant,
}

#[expect(clippy::disallowed_methods, reason = "people are told the time; nothing fitted depends on it")]
impl Lines {
    fn new(name: &str) -> Self {
        let given = std::env::var("SEGUE_PROGRESS").ok();
        let seconds = given.as_ref().and_then(|text| Duration::try_from_secs_f64(text.parse().ok()?).ok());
        if let (Some(text), None) = (&given, seconds) {
            say(&format!("note: SEGUE_PROGRESS={text} is no number of seconds; progress is told every ten"));
        }
        Self { name: name.to_owned(), every: seconds.unwrap_or(Duration::from_secs(10)), last: Instant::now() }
    }

    /// Lines where stderr is no terminal.
    pub(crate) fn where_no_bar(name: &str) -> Option<Self> {
        if io::stderr().is_terminal() { None } else { Some(Self::new(name)) }
    }

    fn tell(&mut self, how_far: impl FnOnce() -> String) {
        if self.last.elapsed() >= self.every {
            say(&format!("{}: {}", self.name, how_far()));
            self.last = Instant::now();
        }
    }

    /// The same of work whose name has changed.
    pub(crate) fn tell_as(&mut self, name: &str, how_far: impl FnOnce() -> String) {
        name.clone_into(&mut self.name);
        self.tell(how_far);
    }
}

impl Bar {
    /// A bar that waits for its first event.
    pub(crate) fn new(name: &str) -> Self {
        let lines = Lines::where_no_bar(name);
        let drawn = if lines.is_none() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = "{prefix:<14} {bar:28.cyan/blue} {pos}/{len} {msg} {elapsed}<{eta}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        drawn.set_style(style.progress_chars("━╸─"));
        drawn.set_prefix(name.to_owned());
        Self { drawn, epochs: false, lines, pace: Pace::begin("", (0, 0)) }
    }

    /// Sets the position of work that is not a fit; a `total` of 0 is not known.
    pub(crate) fn set(&mut self, stage: &str, done: u64, total: u64) {
        self.drawn.set_length(total.max(done));
        self.drawn.set_position(done);
        self.drawn.set_message(stage.to_owned());
        if let Some(lines) = &mut self.lines {
            lines.tell(|| match (u128::from(done) * 100).checked_div(u128::from(total)) {
                Some(percent) => format!("{stage}, {percent} %"),
                None if done == 0 || stage.contains(" rows") => stage.to_owned(),
                None => format!("{stage}, {done} rows"),
            });
        }
    }

    /// Shows how far the preparation of data is: the share of the bytes, rows, rows a second, and where no bar shows it,
    /// the time left.
    pub(crate) fn hear(&mut self, p: Progress<'_>) {
        let done = if p.bytes_total > 0 { p.bytes } else { p.rows };
        let (rate, left) = self.pace.told(p.stage, (p.rows, done), p.bytes_total);
        let rows = if p.rows > 0 { format!(", {} rows", short(p.rows as f64)) } else { String::new() };
        let rate = rate.map_or_else(String::new, |rate| format!(", {} rows/s", short(rate)));
        let left = left.filter(|_| self.lines.is_some()).map_or_else(String::new, |left| format!(", {left:.0} s left"));
        self.set(&format!("{}{rows}{rate}{left}", p.stage), done, p.bytes_total);
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.drawn.finish_and_clear();
    }
}

impl Watch for Bar {
    fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt> {
        match event {
            FitEvent::Progress { stage, done, total } if !self.epochs => self.set(stage, *done, *total),
            FitEvent::Progress { .. } | FitEvent::Snapshot { .. } | FitEvent::Checkpoint { .. } => {}
            FitEvent::Start { epochs, records } => {
                self.epochs = true;
                self.drawn.set_length(*epochs as u64);
                self.drawn.set_position(records.len() as u64);
            }
            FitEvent::Diverged { error, kept } => {
                self.drawn.suspend(|| say(&format!("warning: {error}; epoch {kept}, the best on validation, is kept")));
            }
            FitEvent::Epoch(record) => {
                self.drawn.set_position(record.epoch as u64);
                let valid = record.valid.iter().find(|(name, _)| name.starts_with("ndcg"));
                let valid = valid.map(|(name, value)| format!(" {name} {value:.4}")).unwrap_or_default();
                let message = format!("loss {:.4}{valid}", record.loss);
                if let Some(lines) = &mut self.lines {
                    let epochs = self.drawn.length().unwrap_or_default();
                    lines.tell(|| format!("epoch {} of {epochs}, {message}", record.epoch));
                }
                self.drawn.set_message(message);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stand_below_a_table_of_documents() {
        let notes = ["protocol 1: by hand".to_owned(), "two\nlines".to_owned()];
        assert_eq!(below(&notes, Format::Markdown), "\n- protocol 1: by hand\n- two lines\n");
        assert_eq!(below(&notes, Format::Latex), "% protocol 1: by hand\n% two lines\n");
        assert_eq!(below(&[], Format::Markdown), "");
    }

    #[test]
    fn a_latex_table_has_rules_and_escapes() {
        let cells = |row: &[&str]| row.iter().map(ToString::to_string).collect::<Vec<_>>();
        let text = latex(&cells(&["model", "ndcg@10"]), &[cells(&["item_knn", "0.25"]), cells(&["50 % & more", "-"])]);
        let expected = "\\begin{tabular}{lr}\n\\toprule\nmodel & ndcg@10 \\\\\n\\midrule\nitem\\_knn & 0.25 \\\\\n\
                        50 \\% \\& more & - \\\\\n\\bottomrule\n\\end{tabular}\n";
        assert_eq!(text, expected);
    }
}
