//! `segue report`: what is in the data, as tables.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use segue_eval::csv_field;
use segue_explore::{Fact, SectionTable, Statistics, Value, facts, tables};
use segue_lab::write_aside;
use serde::Serialize;

use super::explore::{replaceable, statistics};
use super::train::Configuration;
use crate::terminal::{Format, print_table, say};

/// Rows of one section on a terminal; the other formats have them all.
const ROWS: usize = 40;
/// Names of the columns of the long form.
const COLUMNS: [&str; 5] = ["section", "domain", "other", "metric", "value"];
/// How the JSON document begins.
const JSON_MARK: &str = "{\n  \"written_by\": \"segue report\"";

/// Count what is in the data: sizes, split, overlap, sparsity, duplicates, leakage, long tail, genres, taste.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue report artifacts/films_from_music
  segue report artifacts/films_from_music --format csv > report.csv
  segue report data=sample --format json
  segue report data=log data.root=ratings.csv split=ratio --save --out statistics

As table and Markdown every section is a table of its own, with what its numbers mean. As csv and tsv all of them are one table
in long form: section,domain,other,metric,value, at full precision. JSON is one document, curves and bins included.
--save writes report.csv and report.json into the folder that --out names. `segue explore` draws the same numbers.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
    /// Write report.csv and report.json as well.
    #[arg(long, requires = "out")]
    save: bool,
    /// The folder to save to.
    #[arg(long, value_name = "DIR", requires = "save")]
    out: Option<PathBuf>,
}

/// The JSON document.
#[derive(Serialize)]
struct Document<'a> {
    written_by: &'static str,
    #[serde(flatten)]
    statistics: &'a Statistics,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let paths = args.out.as_ref().map(|folder| (folder.join("report.csv"), folder.join("report.json")));
    let header = format!("{}\n", COLUMNS.join(","));
    let check = || match &paths {
        Some((csv, json)) => {
            takes_files(csv)?;
            replaceable(csv, &header)?;
            replaceable(json, JSON_MARK)
        }
        None => Ok(()),
    };
    check()?;
    let Some(statistics) = statistics(&args.configuration)? else { return Ok(()) };
    print(&statistics, Format::or_fitting(args.format))?;
    if let Some((csv, json)) = &paths {
        check()?;
        save(&statistics, csv, json)?;
        say(&format!("wrote {} and {}", csv.display(), json.display()));
    }
    Ok(())
}

/// Refuses a place below something that is no folder, before anything is counted.
fn takes_files(file: &Path) -> anyhow::Result<()> {
    let above = file.ancestors().skip(1).find(|place| place.exists());
    if let Some(place) = above.filter(|place| !place.is_dir()) {
        anyhow::bail!(
            "--out: {} is no folder, and report.csv and report.json are written into one; name another",
            place.display()
        );
    }
    Ok(())
}

fn print(statistics: &Statistics, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Csv | Format::Tsv => {
            let rows: Vec<Vec<String>> = facts(statistics).iter().map(|fact| cells(fact).to_vec()).collect();
            print_table(&COLUMNS.map(String::from), &rows, format)?;
        }
        Format::Json => writeln!(io::stdout(), "{}", json(statistics)?)?,
        Format::Table | Format::Markdown | Format::Latex => {
            for table in tables(statistics) {
                print_section(&table, format)?;
            }
        }
    }
    Ok(())
}

fn print_section(table: &SectionTable, format: Format) -> io::Result<()> {
    let shown = if format == Format::Table { table.rows.len().min(ROWS) } else { table.rows.len() };
    let [heading, line] = match format {
        Format::Markdown => ["## ", ""],
        // A comment.
        Format::Latex => ["% ", "% "],
        _ => ["", ""],
    };
    writeln!(io::stdout(), "{heading}{}\n{line}{}", table.title, table.meaning)?;
    if shown > 0 {
        if format == Format::Markdown {
            writeln!(io::stdout())?;
        }
        let cell = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".into(), rounded);
        let rows: Vec<Vec<String>> = table.rows[..shown].iter().map(|row| row.iter().map(cell).collect()).collect();
        match format {
            // Sentences need no frame.
            Format::Table if table.section == "findings" => {
                rows.iter().try_for_each(|row| writeln!(io::stdout(), "  {}: {}", row[1], row[2]))?;
            }
            format => print_table(&table.columns, &rows, format)?,
        }
    }
    if shown < table.rows.len() {
        writeln!(io::stdout(), "... and {} more rows; --format csv has them all", table.rows.len() - shown)?;
    }
    writeln!(io::stdout())
}

/// For people: four significant digits or so.
fn rounded(value: &Value) -> String {
    match value {
        Value::Count(n) => n.to_string(),
        Value::Text(text) => text.clone(),
        Value::Number(x) => {
            let digits = if *x == 0.0 { 0 } else { (3 - x.abs().log10().floor() as i32).clamp(0, 6) };
            let text = format!("{x:.*}", digits as usize);
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
    }
}

fn cells(fact: &Fact) -> [String; 5] {
    let value = match &fact.value {
        Value::Count(n) => n.to_string(),
        Value::Number(x) => x.to_string(),
        Value::Text(text) => text.clone(),
    };
    [fact.section.to_owned(), fact.domain.clone(), fact.other.clone(), fact.metric.to_owned(), value]
}

fn json(statistics: &Statistics) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Document { written_by: "segue report", statistics })
}

fn save(statistics: &Statistics, csv: &Path, to_json: &Path) -> anyhow::Result<()> {
    write_aside(csv, |out| {
        writeln!(out, "{}", COLUMNS.join(","))?;
        facts(statistics).iter().try_for_each(|fact| {
            let line: Vec<String> = cells(fact).iter().map(|cell| csv_field(cell)).collect();
            writeln!(out, "{}", line.join(","))
        })
    })?;
    let document = json(statistics)?;
    write_aside(to_json, |out| writeln!(out, "{document}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_four_digits() {
        let shown = [0.0, 0.25, 12.3456, 0.000_123_45, 98765.4].map(|x| rounded(&Value::Number(x)));
        assert_eq!(shown, ["0", "0.25", "12.35", "0.000123", "98765"]);
    }
}
