//! `segue table`: measurements in long form as a table of rows, columns and aggregates.

mod aggregate;
mod grid;
mod measurements;
mod ratios;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use self::aggregate::{Aggregate, Show};
use self::grid::{Columns, Grid, Value, differences, number, numbers};
use self::measurements::{Condition, read};
use self::ratios::Ratios;
use crate::terminal::{Format, fixed, print_table, say};

/// Print measurements, a line of CSV for each, as a table: rows by columns, several measurements as one number.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue table bench.csv --rows engine --show seconds:all:1,seconds:median:1,peak_mib:max:0
  segue table dial.csv --rows model --columns strength --show ndcg@10:interval
  segue table dial.csv --rows model --columns strength --show ndcg@10:interval --difference scope=joint-shuffled --pairs world
  segue table bench.csv --rows engine --show seconds:median --under engine=segue --pairs round
  segue compare data=sample model=ease,mf seed=1,2,3 --format csv | segue table - --rows model,scope --show ndcg@10:interval
  segue table published.csv outputs/segue/mf_joint_seed42 --rows model --columns data,metric --show value

A file has the names of its columns in its first line and a measurement in each other; which columns are factors and which are
values, the options say. The folder of a run stands for a file with the columns data, model, scope, seed, question, metric and
value, of what was measured on test. Rows and columns stand in the order in which the files have them. A column of several factors, or of
several values, is named by all of them.

Ways to make one of several: all (every value, in order), mean, median, min, max, spread (least to greatest), count, share (of
0 and 1, how many are 1, in percent), and interval (mean ± half the width of the 95 % interval of Student's t). An empty cell
is no measurement.

--difference scope=joint-shuffled takes that difference first, within each row and column, and aggregates the differences: the
two are paired by what --pairs names (worlds, seeds, rounds). --over engine=segue adds the ratio of each row to that of segue,
it / segue; --under engine=segue the other way, segue / it: of what mean, median, min and max make of them or, with --pairs, of
the ratios of the pairs.

`segue verify` derives tables of documents by this command, too.")]
pub(crate) struct Arguments {
    /// CSV files with the same meaning of columns, and folders of runs; `-` is standard input.
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
        let usual = if show.way == Aggregate::Share { 1 } else { args.digits };
        let digits = show.digits.unwrap_or(if whole { 0 } else { usual });
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
                number(text).map_or_else(|| text.clone(), |number| fixed(number, self.digits, self.signed))
            });
            return Ok(texts.collect::<Vec<_>>().join(", "));
        }
        if self.show.way == Aggregate::Count {
            return Ok(texts.count().to_string());
        }
        let numbers = numbers(values, n, &self.show.column)?;
        if let Some(other) = numbers.iter().find(|x| self.show.way == Aggregate::Share && **x != 0.0 && **x != 1.0) {
            bail!("--show {}:share is of measurements that are 0 or 1, and one is {other}", self.show.column);
        }
        Ok(self.show.way.of(&numbers).map_or_else(String::new, |made| made.words(self.digits, self.signed)))
    }
}
