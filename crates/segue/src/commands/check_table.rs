//! `segue check-table`: which rows of a table of results cannot be.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use segue_eval::check::{Finding, Positives, Verdict, check_overall, check_row};
use segue_eval::{PublishedRow, PublishedTable, published_tables};

use crate::terminal::{Format, print_table, say};

/// Bytes of a table at most: it is something that people read.
const MOST: u64 = 16 << 20;

/// Say which rows of a table of published results cannot be: their numbers bind each other.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue check-table README.md
  segue check-table results.csv --format markdown
  segue check-table table.md --positives many
  pandoc paper.html --to gfm | segue check-table -

Columns are found by their names (HR@10, Hit Ratio@10, Precision@10, Recall@10, F1@10, MAP@10, MRR@10, NDCG@10, AUC, GAUC, MSE, RMSE,
MAE) in a Markdown document, CSV or TSV; the other cells name the row. A number stands for all that round to it; shares above 1,
or with a percent sign, are percent; where no sign says so, a note does. Columns without sign and without such a number, beside others in
percent, are read as percent or as shares, whichever leaves fewer rows that cannot be, and a note says which.

Columns of several domains side by side are checked by domain: Film HR@10, HR@10 (Film), Film: HR@10, a header of two lines (domains over
metrics, or metrics over domains), or the same metrics again (columns 4 to 5). HR_10 and HR10 are HR@10. Metrics may be rows, and methods
columns; words beside the metric say the domain.
Rows that are no results are left out, and a note names them: improvements (Improv., Gain, Δ), spreads (std, ±), p-values, ranks, and rows
whose numbers have a plus or arrows before them. Bold and underlined numbers are read in Markdown, HTML (<u>) and LaTeX (\\underline).

impossible: nothing that is measured has these numbers. unreadable: a cell is no number, and none is known to be wrong. at odds: two numbers that are one by definition differ, be it by another
definition, another run or a slip. With one relevant item a list (leave-one-out), precision is HR/k, F1 is 2 HR/(k+1), and
HR and MAP leave NDCG a narrow band. With several, F1 is at most 2PR/(P+R) of the mean precision P and recall R. RMSE is never below MAE, nor MSE below the square of either. Exit status 1 if a row is impossible.")]
pub(crate) struct Arguments {
    /// A Markdown document, CSV or TSV; `-` is standard input.
    file: PathBuf,
    /// How many relevant items each list has.
    #[arg(long, value_enum, default_value = "one")]
    positives: Number,
    /// The cut-off of columns that name none.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    k: Option<u32>,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Number {
    /// Exactly one, as in leave-one-out.
    One,
    /// Any number: fewer bounds are left.
    Many,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let name = args.file.display().to_string();
    let text = read(args).map_err(|error| anyhow!("cannot read {name}: {error}"))?;
    let tables = published_tables(&text, args.k.map(|k| k as usize));
    let positives = match args.positives {
        Number::One => Positives::One,
        Number::Many => Positives::Many,
    };
    let checked = tables.iter().filter(|table| !table.metrics.is_empty());
    let checked: Vec<&PublishedTable> = checked.map(|table| in_good_faith(table, positives)).collect();
    tell_notes(&name, &tables, &checked);
    if checked.is_empty() {
        bail!(
            "{name}: no column is a metric at a cut-off, an area or an error; name them such as HR@10, Precision@10, NDCG@10, AUC, RMSE, or \
             say --k 10"
        );
    }
    let of_lists = checked.iter().any(|table| table.rows.iter().any(|row| !row.values.is_empty()));
    let (mut rows, mut impossible) = (Vec::new(), Vec::new());
    // A row of a table of several domains is checked by domain, and is one row.
    let [mut all, mut wrong, mut of_several] = [(); 3].map(|()| BTreeSet::new());
    for table in checked {
        for row in &table.rows {
            let one = (table.line, row.line, row.name.clone());
            all.insert(one.clone());
            let findings = found_in(table, row, positives);
            let worst = findings.iter().map(|finding| finding.verdict).max();
            if matches!(args.positives, Number::One) && worst.is_some() {
                let of_many = found_in(table, row, Positives::Many).into_iter();
                if of_many.map(|finding| finding.verdict).max() < worst {
                    of_several.insert(one.clone());
                }
            }
            let name = match &table.group {
                Some(group) => format!("{} ({group})", row.name).trim().to_owned(),
                None => row.name.clone(),
            };
            let verdict = match worst {
                None if !row.unreadable.is_empty() => "unreadable",
                None => "possible",
                Some(Verdict::AtOdds) => "at odds",
                Some(Verdict::Impossible) => {
                    impossible.push(name.clone());
                    wrong.insert(one);
                    "impossible"
                }
            };
            let line = || [row.line.to_string(), name.clone(), verdict.to_owned()];
            let unreadable = row.unreadable.iter().map(|cell| format!("`{cell}` is no number"));
            let why = findings.into_iter().map(|finding| finding.text).chain(unreadable);
            let why = if verdict == "possible" { vec![String::new()] } else { why.collect() };
            rows.extend(why.into_iter().map(|why| [line().to_vec(), vec![why]].concat()));
        }
    }
    print_table(&["line", "row", "verdict", "why"].map(String::from), &rows, Format::or_fitting(args.format))?;
    if matches!(args.positives, Number::One) && of_lists {
        let other = match of_several.len() {
            0 => String::new(),
            n => {
                format!(
                    "; {n} of {} rows bear more where lists have several: if they have, say --positives many",
                    all.len()
                )
            }
        };
        say(&format!("checked as lists with one relevant item each{other}"));
    }
    if !impossible.is_empty() {
        bail!("{} of {} rows cannot have been measured as they say: {}", wrong.len(), all.len(), impossible.join(", "));
    }
    Ok(())
}

/// What was left out, and how the others are read. What holds for a whole table is told once.
fn tell_notes(name: &str, tables: &[PublishedTable], checked: &[&PublishedTable]) {
    let mut notes: Vec<String> = Vec::new();
    let mut note = |line: usize, text: String| {
        let note = format!("note: {name}:{line}: {text}");
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    for table in tables {
        if !table.uncut.is_empty() {
            note(table.line, format!("{} left out, for no cut-off is named; --k says it", table.uncut.join(", ")));
        }
        if !table.repeated.is_empty() {
            let columns = table.repeated.join(", ");
            note(table.line, format!("{columns} left out, for a column before has the same metric"));
        }
    }
    for table in checked {
        if let Some(cell) = &table.above_one {
            note(table.line, format!("read as percent, for {cell} is above 1 and no share is"));
        }
        if !table.unmarked.is_empty() {
            let (columns, is_shares) = (table.unmarked.join(", "), table.otherwise.is_none());
            let read = if is_shares { "read as shares beside percent" } else { "read as percent, as others are" };
            note(table.line, format!("{columns} {read}, for no sign says which"));
        }
        if !table.no_results.is_empty() {
            let named = table.no_results.iter().map(|name| if name.is_empty() { "(unnamed)" } else { name });
            let names = named.collect::<Vec<&str>>().join(", ");
            note(
                table.line,
                format!("{names} left out, for it is no result but a change, a spread, a probability or a rank"),
            );
        }
    }
    for note in &notes {
        say(note);
    }
}

/// Every bound that a row breaks.
fn found_in(table: &PublishedTable, row: &PublishedRow, positives: Positives) -> Vec<Finding> {
    let mut found = check_row(&row.values, positives, table.percent);
    found.extend(check_overall(&row.overall, table.percent));
    found
}

/// The table as it was meant: of two ways to read what no sign tells, the one in which fewer rows cannot be.
fn in_good_faith(table: &PublishedTable, positives: Positives) -> &PublishedTable {
    let wrong = |table: &PublishedTable| {
        let worst = |row| found_in(table, row, positives).into_iter().map(|finding| finding.verdict).max();
        let count = |wanted| table.rows.iter().filter(|row| worst(row) == Some(wanted)).count();
        (count(Verdict::Impossible), count(Verdict::AtOdds))
    };
    table.otherwise.as_deref().filter(|otherwise| wrong(otherwise) < wrong(table)).unwrap_or(table)
}

fn read(args: &Arguments) -> anyhow::Result<String> {
    let mut text = String::new();
    let n = if args.file.as_os_str() == "-" {
        io::stdin().take(MOST + 1).read_to_string(&mut text)?
    } else {
        File::open(&args.file)?.take(MOST + 1).read_to_string(&mut text)?
    };
    if n as u64 > MOST {
        bail!("it is larger than {} MiB; give the table alone", MOST >> 20);
    }
    Ok(text)
}
