//! `segue table`: measurements in long form as a table of rows, columns and aggregates.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::Args;

use super::aggregate::{Aggregate, Show};
use super::measurements::{Condition, Measurement, others, read, values};
use crate::terminal::{Format, print_table, say};

/// Print measurements, a line of CSV for each, as a table: rows by columns, several measurements as one number.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue table bench.csv --rows engine --show seconds:all:1,seconds:median:1,peak_mib:max:0
  segue table dial.csv --rows model --columns strength --show ndcg@10:interval
  segue table dial.csv --rows model --columns strength --show ndcg@10:interval --difference scope=joint-shuffled --pairs world
  segue table bench.csv --rows engine --show seconds:median --under engine=segue --pairs round
  segue compare data=sample model=ease,mf seed=1,2,3 --format csv | segue table - --rows model,scope --show ndcg@10:interval

A file has the names of its columns in its first line and a measurement in each other; which columns are factors and which are
values, the options say. Rows and columns stand in the order in which the files have them. A column of several factors, or of
several values, is named by all of them.

Ways to make one of several: all (every value, in order), mean, median, min, max, spread (least to greatest), count, and interval
(mean ± half the width of the 95 % interval of Student's t). An empty cell is no measurement.

--difference scope=joint-shuffled takes that difference first, within each row and column, and aggregates the differences: the
two are paired by what --pairs names (worlds, seeds, rounds). --over engine=segue adds the ratio of each row to that of segue,
it / segue; --under engine=segue the other way, segue / it: of what mean, median, min and max make of them or, with --pairs, of
the ratios of the pairs.

`segue verify` derives tables of documents by this command, too.")]
pub(crate) struct Arguments {
    /// CSV files with the same meaning of columns; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Columns of the files whose values name the rows.
    #[arg(long, required = true, value_delimiter = ',', value_name = "COLUMN")]
    rows: Vec<String>,
    /// Columns of the files whose values name the columns of the table.
    #[arg(long, value_delimiter = ',', value_name = "COLUMN")]
    columns: Vec<String>,
    /// What to show, the way to make one value of several (all unless it is given), and digits behind the point.
    #[arg(long, required = true, value_delimiter = ',', value_name = "COLUMN[:WAY[:DIGITS]]")]
    show: Vec<Show>,
    /// Which measurements count; all conditions hold together.
    #[arg(long = "where", value_delimiter = ',', value_name = "COLUMN=VALUE|VALUE, COLUMN!=VALUE")]
    conditions: Vec<Condition>,
    /// Show the first minus the second, pair by pair.
    #[arg(long, value_name = "COLUMN=A-B", value_parser = named, conflicts_with_all = ["over", "under"])]
    difference: Option<(String, String)>,
    /// Columns that tell which measurements of a row and column belong together.
    #[arg(long, value_delimiter = ',', value_name = "COLUMN")]
    pairs: Vec<String>,
    /// Add each row (or column) divided by this one.
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = named, conflicts_with = "under")]
    over: Option<(String, String)>,
    /// Add this row (or column) divided by each.
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = named)]
    under: Option<(String, String)>,
    /// Digits behind the point where --show gives none.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=17))]
    digits: u8,
    /// How to print; csv and json have numbers in full.
    #[arg(long)]
    format: Option<Format>,
}

/// `column=value`.
fn named(text: &str) -> Result<(String, String), String> {
    let (column, value) = text.split_once('=').ok_or("an equals sign is missing between the column and its value")?;
    Ok((column.trim().to_owned(), value.trim().to_owned()))
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let format = Format::or_fitting(args.format);
    let in_full = matches!(format, Format::Csv | Format::Json);
    let (header, rows) = table(args, in_full)?;
    print_table(&header, &rows, format)?;
    if args.show.iter().any(|show| show.way == Aggregate::Interval) {
        say("± half the width of the 95 % interval of Student's t over the measurements, where there are at least two");
    }
    Ok(())
}

/// The table as documents have it, without printing anything.
pub(crate) fn table_of_measurements(args: &Arguments) -> anyhow::Result<(Vec<String>, Vec<Vec<String>>)> {
    table(args, false)
}

/// What one cell of the table is made of.
#[derive(Debug, Clone)]
struct Value {
    /// What it is paired by.
    pair: Vec<String>,
    /// Of each column that is shown; empty where it was not measured.
    texts: Vec<String>,
    place: String,
}

/// Where the columns that the options name are in the measurements.
struct Columns<'a> {
    names: Vec<String>,
    args: &'a Arguments,
}

impl<'a> Columns<'a> {
    fn of(args: &'a Arguments) -> Self {
        let mut names: Vec<String> = Vec::new();
        let named = [&args.difference, &args.over, &args.under].into_iter().flatten().map(|(column, _)| column);
        let all = args.rows.iter().chain(&args.columns).chain(&args.pairs).chain(named);
        let all = all.chain(args.conditions.iter().map(|condition| &condition.column));
        for name in all.chain(args.show.iter().map(|show| &show.column)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self { names, args }
    }

    /// Every name that an option gives was asked of the files.
    fn at(&self, name: &str) -> usize {
        self.names.iter().position(|own| own == name).unwrap_or_default()
    }

    fn cells(&self, row: &Measurement, names: &[String]) -> Vec<String> {
        names.iter().map(|name| row.cells[self.at(name)].clone()).collect()
    }

    fn value(&self, row: &Measurement) -> Value {
        let texts = self.args.show.iter().map(|show| row.cells[self.at(&show.column)].clone()).collect();
        Value { pair: self.cells(row, &self.args.pairs), texts, place: row.place.clone() }
    }

    /// `a=1 b=2`, to name a row in an error.
    fn words(&self, row: &[String], column: &[String], pair: &[String]) -> String {
        let names = self.args.rows.iter().chain(&self.args.columns).chain(&self.args.pairs);
        let cells = row.iter().chain(column).chain(pair);
        names.zip(cells).map(|(name, cell)| format!("{name}={cell}")).collect::<Vec<_>>().join(" ")
    }
}

/// Labels in the order of their first appearance.
#[derive(Debug, Default)]
struct Labels {
    order: Vec<Vec<String>>,
    known: BTreeMap<Vec<String>, usize>,
}

impl Labels {
    fn number(&mut self, label: Vec<String>) -> usize {
        let Self { order, known } = self;
        *known.entry(label).or_insert_with_key(|label| {
            order.push(label.clone());
            order.len() - 1
        })
    }
}

/// The measurements by row and column.
#[derive(Debug, Default)]
struct Grid {
    rows: Labels,
    columns: Labels,
    cells: BTreeMap<(usize, usize), Vec<Value>>,
}

impl Grid {
    fn of(columns: &Columns<'_>, measured: &[Measurement]) -> Self {
        let mut grid = Self::default();
        for row in measured {
            let at = (columns.cells(row, &columns.args.rows), columns.cells(row, &columns.args.columns));
            grid.push(at, columns.value(row));
        }
        grid
    }

    fn push(&mut self, (row, column): (Vec<String>, Vec<String>), value: Value) {
        let at = (self.rows.number(row), self.columns.number(column));
        self.cells.entry(at).or_default().push(value);
    }

    fn cell(&self, row: usize, column: usize) -> &[Value] {
        self.cells.get(&(row, column)).map_or(&[], Vec::as_slice)
    }
}

fn table(args: &Arguments, in_full: bool) -> anyhow::Result<(Vec<String>, Vec<Vec<String>>)> {
    let columns = Columns::of(args);
    if let Some(twice) = args.rows.iter().find(|name| args.columns.contains(name)) {
        bail!("{twice} is named by --rows and --columns; a column of the files has one place in the table");
    }
    let ratio = args.over.as_ref().or(args.under.as_ref());
    if !args.pairs.is_empty() && args.difference.is_none() && ratio.is_none() {
        bail!(
            "--pairs says what belongs together for --difference, --over or --under; give one of them, or leave it out"
        );
    }
    let mut measured = read(&args.files, &columns.names)?;
    for condition in &args.conditions {
        condition.keep(&mut measured, columns.at(&condition.column))?;
    }
    let grid = match &args.difference {
        Some(difference) => differences(&columns, &measured, difference)?,
        None => Grid::of(&columns, &measured),
    };
    let ratios = ratio.map(|ratio| Ratios::of(&columns, &grid, ratio)).transpose()?;
    let shows = shows(args, &grid, in_full);
    let mut header = args.rows.clone();
    for column in &grid.columns.order {
        header.extend(shows.iter().map(|show| title(args, column, &show.title)));
    }
    if let Some(ratios) = &ratios {
        for column in &grid.columns.order {
            header.extend(ratios.shows().map(|n| title(args, column, &ratios.title(&shows[n].title))));
        }
    }
    let mut rows = Vec::new();
    for (row, label) in grid.rows.order.iter().enumerate() {
        let mut cells = label.clone();
        for column in 0..grid.columns.order.len() {
            for (n, show) in shows.iter().enumerate() {
                cells.push(show.cell(grid.cell(row, column), n)?);
            }
        }
        if let Some(ratios) = &ratios {
            for column in 0..grid.columns.order.len() {
                for n in ratios.shows() {
                    cells.push(ratios.cell((row, column), n, in_full)?);
                }
            }
        }
        rows.push(cells);
    }
    Ok((header, rows))
}

/// The title of a column of the table: what it is of, and what it shows unless all show the same.
fn title(args: &Arguments, column: &[String], show: &str) -> String {
    // A bare number does not say of what.
    let words = args
        .columns
        .iter()
        .zip(column)
        .map(|(name, value)| if value.parse::<f64>().is_ok() { format!("{name} {value}") } else { value.clone() });
    let of = words.collect::<Vec<_>>().join(", ");
    let alone = args.show.len() == 1 && args.over.is_none() && args.under.is_none();
    match (of.is_empty(), alone) {
        (true, _) => show.to_owned(),
        (false, true) => of,
        (false, false) => format!("{of}: {show}"),
    }
}

/// A column that is shown, with all that its cells have in common.
struct Shown<'a> {
    show: &'a Show,
    title: String,
    /// Digits behind the point; `None` is in full.
    digits: Option<usize>,
    signed: bool,
}

fn shows<'a>(args: &'a Arguments, grid: &Grid, in_full: bool) -> Vec<Shown<'a>> {
    let several = grid.cells.values().any(|cell| cell.len() > 1);
    let shown = args.show.iter().enumerate().map(|(n, show)| {
        let texts = || grid.cells.values().flatten().map(|value| value.texts[n].as_str());
        // Counts and names of sizes stay whole numbers.
        let whole = show.way.keeps_values() && texts().all(|text| text.is_empty() || text.parse::<i64>().is_ok());
        let digits = show.digits.unwrap_or(if whole { 0 } else { args.digits });
        let twice = args.show.iter().filter(|other| other.column == show.column).count() > 1;
        let title = if twice || (several && show.way.is_hidden()) {
            format!("{} ({})", show.column, show.way.name())
        } else {
            show.column.clone()
        };
        Shown { show, title, digits: (!in_full).then_some(digits.into()), signed: args.difference.is_some() }
    });
    shown.collect()
}

impl Shown<'_> {
    fn cell(&self, values: &[Value], n: usize) -> anyhow::Result<String> {
        let texts = values.iter().filter(|value| !value.texts[n].is_empty());
        if self.show.way == Aggregate::All {
            let texts = texts.map(|value| {
                let text = &value.texts[n];
                number(text)
                    .map_or_else(|| text.clone(), |number| crate::terminal::fixed(number, self.digits, self.signed))
            });
            return Ok(texts.collect::<Vec<_>>().join(", "));
        }
        let numbers = numbers(values, n, &self.show.column)?;
        Ok(self.show.way.of(&numbers).map_or_else(String::new, |made| made.words(self.digits, self.signed)))
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// The numbers of a column that were measured.
fn numbers(values: &[Value], n: usize, column: &str) -> anyhow::Result<Vec<f64>> {
    let measured = values.iter().filter(|value| !value.texts[n].is_empty());
    measured.map(|value| parsed(&value.texts[n], &value.place, column)).collect()
}

fn parsed(text: &str, place: &str, column: &str) -> anyhow::Result<f64> {
    number(text)
        .ok_or_else(|| anyhow!("{place}: {column} is {text:?}, which is no number; --show {column}:all shows text"))
}

/// The grid of first minus second, pair by pair.
fn differences(
    columns: &Columns<'_>,
    measured: &[Measurement],
    (name, text): &(String, String),
) -> anyhow::Result<Grid> {
    let args = columns.args;
    let at = columns.at(name);
    let there = values(measured, at);
    let minus = text.match_indices('-').map(|(n, _)| (&text[..n], &text[n + 1..]));
    let known = |value: &str| there.contains(&value.trim());
    // A value may hold a minus itself.
    let Some((first, second)) = minus.clone().find(|(a, b)| known(a) && known(b)) else {
        let Some((a, b)) = minus.clone().next() else {
            bail!(
                "--difference {name}={text}: a difference is {name}=A-B, of values that {name} has{}",
                others("", &there)
            )
        };
        let missing = if known(a) { b } else { a };
        bail!("--difference: no measurement has {name}={missing}{}", others(missing, &there))
    };
    let (first, second) = (first.trim(), second.trim());
    if first == second {
        bail!("--difference {name}={text}: the two are the same");
    }
    if args.rows.contains(name) || args.columns.contains(name) || args.pairs.contains(name) {
        bail!("--difference takes {name} apart; leave it out of --rows, --columns and --pairs");
    }
    let mut order = Labels::default();
    let mut pairs: Vec<[Option<Value>; 2]> = Vec::new();
    let mut keys = Vec::new();
    for row in measured {
        let side = match row.cells[at].as_str() {
            value if value == first => 0,
            value if value == second => 1,
            _ => continue,
        };
        let key = (columns.cells(row, &args.rows), columns.cells(row, &args.columns));
        let value = columns.value(row);
        let words = || columns.words(&key.0, &key.1, &value.pair);
        let n = order.number([key.0.as_slice(), &key.1, &value.pair].concat());
        if n == pairs.len() {
            pairs.push([None, None]);
            keys.push(key.clone());
        }
        if let Some(known) = &pairs[n][side] {
            bail!(
                "{}: {} with {name}={} is measured there and at {}; name by --pairs what tells them apart, or leave some out by --where",
                value.place,
                words(),
                row.cells[at],
                known.place
            );
        }
        pairs[n][side] = Some(value);
    }
    let mut grid = Grid::default();
    for (key, pair) in keys.into_iter().zip(pairs) {
        let words = |value: &Value| columns.words(&key.0, &key.1, &value.pair);
        let (a, b) = match pair {
            [Some(a), Some(b)] => (a, b),
            [Some(only), None] => bail!(
                "{}: {} has no {name}={second} to be paired with; leave it out by --where",
                only.place,
                words(&only)
            ),
            [None, Some(only)] => {
                bail!(
                    "{}: {} has no {name}={first} to be paired with; leave it out by --where",
                    only.place,
                    words(&only)
                )
            }
            [None, None] => continue,
        };
        let mut texts = Vec::new();
        for (n, show) in args.show.iter().enumerate() {
            let (x, y) = (&a.texts[n], &b.texts[n]);
            if x.is_empty() || y.is_empty() {
                texts.push(String::new());
                continue;
            }
            let difference = parsed(x, &a.place, &show.column)? - parsed(y, &b.place, &show.column)?;
            texts.push(difference.to_string());
        }
        grid.push(key, Value { texts, ..a });
    }
    Ok(grid)
}

/// Ratios to one row, or to one column.
struct Ratios<'a> {
    columns: &'a Columns<'a>,
    grid: &'a Grid,
    /// The value that names what is divided by, or divided.
    value: &'a str,
    /// Each row's and column's counterpart of that value.
    rows: Vec<Option<usize>>,
    twins: Vec<Option<usize>>,
}

impl<'a> Ratios<'a> {
    /// Digits of a ratio.
    const DIGITS: usize = 2;

    fn of(columns: &'a Columns<'a>, grid: &'a Grid, (name, value): &'a (String, String)) -> anyhow::Result<Self> {
        let args = columns.args;
        let option = if args.over.is_some() { "--over" } else { "--under" };
        if !args.show.iter().any(|show| show.way.has_ratio()) {
            bail!(
                "{option} {name}={value}: ratios are of mean, median, min and max; show one of them, e.g. {}:median",
                args.show[0].column
            );
        }
        let counterparts = |labels: &Labels, names: &[String]| {
            let Some(at) = names.iter().position(|own| own == name) else {
                return (0..labels.order.len()).map(Some).collect();
            };
            let twin = |label: &Vec<String>| {
                let mut twin = label.clone();
                twin[at].clone_from(value);
                labels.known.get(&twin).copied()
            };
            labels.order.iter().map(twin).collect::<Vec<_>>()
        };
        let (labels, names) = match (args.rows.contains(name), args.columns.contains(name)) {
            (true, _) => (&grid.rows, &args.rows),
            (_, true) => (&grid.columns, &args.columns),
            _ => bail!("{option} {name}={value}: {name} must be one of --rows or --columns"),
        };
        let at = names.iter().position(|own| own == name).unwrap_or_default();
        let mut there: Vec<&str> = labels.order.iter().map(|label| label[at].as_str()).collect();
        if !there.contains(&value.as_str()) {
            there.dedup();
            bail!("{option}: no measurement has {name}={value}{}", others(value, &there));
        }
        let rows = counterparts(&grid.rows, &args.rows);
        Ok(Self { columns, grid, value, rows, twins: counterparts(&grid.columns, &args.columns) })
    }

    fn shows(&self) -> impl Iterator<Item = usize> {
        let all = self.columns.args.show.iter().enumerate();
        all.filter(|(_, show)| show.way.has_ratio()).map(|(n, _)| n)
    }

    fn title(&self, show: &str) -> String {
        if self.columns.args.over.is_some() {
            format!("{show}: it / {}", self.value)
        } else {
            format!("{show}: {} / it", self.value)
        }
    }

    fn cell(&self, (row, column): (usize, usize), n: usize, in_full: bool) -> anyhow::Result<String> {
        let args = self.columns.args;
        let show = &args.show[n];
        let digits = (!in_full).then_some(Self::DIGITS);
        let (Some(twin_row), Some(twin_column)) = (self.rows[row], self.twins[column]) else { return Ok("-".into()) };
        let (own, base) = (self.grid.cell(row, column), self.grid.cell(twin_row, twin_column));
        let divided = |own: f64, base: f64| if args.over.is_some() { own / base } else { base / own };
        let ratio = if args.pairs.is_empty() {
            let made = |values| Ok::<_, anyhow::Error>(show.way.of(&numbers(values, n, &show.column)?));
            made(own)?.zip(made(base)?).map(|(own, base)| divided(own.value, base.value))
        } else {
            let mut ratios = Vec::new();
            for value in own.iter().filter(|value| !value.texts[n].is_empty()) {
                let mut twins = base.iter().filter(|twin| twin.pair == value.pair);
                let words =
                    self.columns.words(&self.grid.rows.order[row], &self.grid.columns.order[column], &value.pair);
                let twin = match (twins.next(), twins.next()) {
                    (Some(twin), None) => twin,
                    (Some(_), Some(other)) => bail!(
                        "{}: several measurements of {} are paired with {words}; name by --pairs what tells them apart",
                        other.place,
                        self.value
                    ),
                    _ => bail!(
                        "{}: {} has no measurement to pair with {words}; leave it out by --where",
                        value.place,
                        self.value
                    ),
                };
                if !twin.texts[n].is_empty() {
                    let number = |value: &Value| parsed(&value.texts[n], &value.place, &show.column);
                    ratios.push(divided(number(value)?, number(twin)?));
                }
            }
            show.way.of(&ratios).map(|made| made.value)
        };
        let ratio = ratio.filter(|ratio| ratio.is_finite());
        Ok(ratio.map_or_else(|| "-".into(), |ratio| crate::terminal::fixed(ratio, digits, false)))
    }
}
