//! Measurements in long form: CSV files with a line for each, of which some columns are wanted. The folder of a run is read as
//! such a file, so that what was stored stands beside what others published.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{anyhow, bail};
use csv::{ErrorKind, ReaderBuilder, StringRecord, Trim};
use segue_core::nearest;
use segue_lab::read_run;

/// The columns of a run: of each of its questions, a line for each metric on test.
const OF_RUN: [&str; 7] = ["data", "model", "scope", "seed", "question", "metric", "value"];

/// One line of a file.
#[derive(Debug, Clone)]
pub(crate) struct Measurement {
    /// `file:line`, or the folder of the run.
    pub(crate) place: String,
    /// Its cells, as wide as the columns that were asked for.
    pub(crate) cells: Vec<String>,
}

/// Reads the named columns of every file; `-` is standard input.
pub(crate) fn read(files: &[PathBuf], columns: &[String]) -> anyhow::Result<Vec<Measurement>> {
    let mut rows = Vec::new();
    for file in files {
        let name = file.display().to_string();
        if name == "-" {
            rows.extend(read_one(io::stdin().lock(), "standard input", columns)?);
        } else if file.is_dir() {
            rows.extend(of_run(file, columns)?);
        } else {
            let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
            rows.extend(read_one(opened, &name, columns)?);
        }
    }
    if rows.is_empty() {
        bail!("there are no measurements: below the names of its columns, a file has a line for each");
    }
    Ok(rows)
}

fn unreadable(file: &Path, error: &io::Error) -> anyhow::Error {
    anyhow!("cannot read {}: {error}", file.display())
}

fn read_one(input: impl Read, name: &str, columns: &[String]) -> anyhow::Result<Vec<Measurement>> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(input);
    let header: Vec<String> = reader.headers().map_err(|error| wrong(name, &error))?.iter().map(Into::into).collect();
    let header: Vec<&str> = header.iter().map(|column| column.trim_start_matches('\u{feff}')).collect();
    let places = places(&header, columns, &format!("{name}:1"))?;
    let mut rows = Vec::new();
    for record in reader.into_records() {
        let record: StringRecord = record.map_err(|error| wrong(name, &error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = places.iter().map(|&at| record.get(at).unwrap_or_default().to_owned()).collect();
        rows.push(Measurement { place: format!("{name}:{line}"), cells });
    }
    Ok(rows)
}

fn of_run(folder: &Path, columns: &[String]) -> anyhow::Result<Vec<Measurement>> {
    let place = folder.display().to_string();
    let places = places(&OF_RUN, columns, &place)?;
    let run = read_run(folder, 0)?;
    if run.rows.is_empty() {
        bail!("{place}: the test part of this run is sealed, and there is nothing measured on it");
    }
    let mut rows = Vec::new();
    for row in &run.rows {
        for (metric, value) in row.test.values() {
            let all = [
                row.data.clone(),
                row.model.clone(),
                row.scope.to_string(),
                row.seed.to_string(),
                row.question.clone(),
                metric,
                value.to_string(),
            ];
            let cells = places.iter().map(|&at| all[at].clone()).collect();
            rows.push(Measurement { place: place.clone(), cells });
        }
    }
    Ok(rows)
}

/// Where the wanted columns are among those that there are.
fn places(header: &[&str], columns: &[String], place: &str) -> anyhow::Result<Vec<usize>> {
    let mut places = Vec::new();
    for column in columns {
        let Some(at) = header.iter().position(|own| own == column) else {
            bail!("{place}: there is no column {column}{}", others(column, header))
        };
        if header.iter().skip(at + 1).any(|own| own == column) {
            bail!("{place}: two columns are called {column}; rename one");
        }
        places.push(at);
    }
    Ok(places)
}

/// What is wrong with a file, and where.
fn wrong(name: &str, error: &csv::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::Io(error) => anyhow!("cannot read {name}: {error}"),
        ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(1, csv::Position::line);
            anyhow!("{name}:{line}: not UTF-8 text; measurements are CSV")
        }
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            anyhow!("{name}:{line}: {len} cells under {expected_len} names of columns; quote cells that hold commas")
        }
        _ => anyhow!("{name}: {error}"),
    }
}

/// The way out after a wrong name: the nearest, or all there are.
pub(crate) fn others(name: &str, known: &[&str]) -> String {
    // Of a letter or two everything is near.
    let near = if name.len() < 3 { None } else { nearest(name, known.iter().copied()) };
    match near {
        Some(near) => format!("; did you mean {near}?"),
        None if known.is_empty() => "; there are none".into(),
        None => format!("; there are: {}", known.join(", ")),
    }
}

/// `key=value|value` or `key!=value|value`: which measurements count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) column: String,
    values: Vec<String>,
    /// Whether those with such a value count, or the others.
    with: bool,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (column, values) =
            text.split_once('=').ok_or("a condition is column=value, column=value|value or column!=value")?;
        let (column, with) = column.strip_suffix('!').map_or((column, true), |column| (column, false));
        if column.trim().is_empty() {
            return Err("no column is named before the equals sign".into());
        }
        let values = values.split('|').map(|value| value.trim().to_owned()).collect();
        Ok(Self { column: column.trim().to_owned(), values, with })
    }
}

impl Condition {
    /// Keeps the measurements that it holds for; `at` is the place of its column. A value that none has is refused: it is a
    /// slip, and would leave out everything or nothing.
    pub(crate) fn keep(&self, rows: &mut Vec<Measurement>, at: usize) -> anyhow::Result<()> {
        let there = values(rows, at);
        for value in &self.values {
            if !there.contains(&value.as_str()) {
                bail!("--where: no measurement has {}={value}{}", self.column, others(value, &there));
            }
        }
        rows.retain(|row| self.values.contains(&row.cells[at]) == self.with);
        if rows.is_empty() {
            bail!("--where leaves no measurement");
        }
        Ok(())
    }
}

/// The values of a column, each once, in the order of the files.
pub(crate) fn values(rows: &[Measurement], at: usize) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for row in rows {
        let value = row.cells[at].as_str();
        if !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn refused(text: &[u8], names: &[&str], parts: &[&str]) {
        let error = read_one(text, "m.csv", &columns(names)).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }

    #[test]
    fn columns_are_found_by_name_and_lines_are_known() {
        let text = "\u{feff}engine, round,seconds\nsegue,1,5.5\n\"a, b\",2,\n";
        let rows = read_one(text.as_bytes(), "m.csv", &columns(&["seconds", "engine"])).unwrap();
        assert_eq!(rows[0].cells, ["5.5", "segue"]);
        assert_eq!((rows[1].cells[1].as_str(), rows[1].place.as_str()), ("a, b", "m.csv:3"));
        assert!(read_one(text.as_bytes(), "m.csv", &columns(&["round"])).is_ok());
    }

    #[test]
    fn broken_files_are_refused_with_their_place() {
        refused(b"a,b\n1,2\n", &["c"], &["m.csv:1", "no column c", "there are: a, b"]);
        refused(b"seconds\n1\n", &["secnods"], &["did you mean seconds?"]);
        refused(b"a,a\n1,2\n", &["a"], &["m.csv:1", "two columns are called a"]);
        refused(b"a,b\n1,2\n1,2,3\n", &["a"], &["m.csv:3", "3 cells under 2 names"]);
        refused(b"a\nx\n\xff\n", &["a"], &["m.csv:3", "UTF-8"]);
        refused(b"", &["a"], &["m.csv:1", "no column a"]);
    }

    #[test]
    fn conditions() {
        let is = |text: &str| text.parse::<Condition>();
        let one_of = Condition { column: "model".into(), values: vec!["a".into(), "b".into()], with: true };
        assert_eq!(is("model=a|b"), Ok(one_of.clone()));
        assert_eq!(is("model!=a|b"), Ok(Condition { with: false, ..one_of }));
        assert!(is("model").is_err() && is("=a").is_err() && is("!=a").is_err());

        let rows = || read_one(&b"model\na\nb\nc\n"[..], "m.csv", &columns(&["model"])).unwrap();
        let kept = |text: &str| {
            let mut rows = rows();
            is(text).unwrap().keep(&mut rows, 0).map(|()| rows.len())
        };
        assert_eq!((kept("model=a|b").unwrap(), kept("model!=a").unwrap()), (2, 2));
        assert!(kept("model=z").unwrap_err().to_string().contains("there are: a, b, c"));
        assert!(kept("model!=a|b|c").is_err());
    }
}
