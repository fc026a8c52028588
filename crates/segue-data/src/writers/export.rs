//! A folder per domain in a format of other programs.
//!
//! ```text
//! <out>/export.json                                what it is: format, protocol, every file with size and hash
//! <out>/<domain>/train.csv valid.csv test.csv      the parts of the target, and of others that are asked about; a source has train alone
//! <out>/<domain>/items.csv                         item, title, categories
//! <out>/<domain>/user_list.txt item_list.txt       with dense ids: the external id of each; .csv where ids have spaces
//! ```
//! Parquet and adjacency lists have the same names with `.parquet` and `.txt`; atomic files are `<domain>.train.inter`
//! (a source's: `<domain>.inter`) and `<domain>.item`. Each folder reads back as the `path` of a domain.

use std::io::{self, Write};
use std::path::Path;

use segue_core::{DomainId, IdMap, Interactions, OpenedTests, Prepared, Task, nearest};
use serde::{Deserialize, Serialize};

use super::order::Order;
use super::rows::Rows;
use super::table::{self, Style};
use super::{adjacency, parquet};
use crate::DataError;
use crate::parquet_columns::told;
use crate::place::{Hashed, Mark, Place, WrittenFile};

const DESCRIPTION: &str = "export.json";
const OURS: Mark = Mark { file: DESCRIPTION, command: "segue export" };

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// CSV with a header.
    Csv,
    /// Parquet.
    Parquet,
    /// Atomic files of `RecBole`.
    Recbole,
    /// `user item item ...`, the format of NGCF and `LightGCN`.
    Adjacency,
}

/// Which ids are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ids {
    /// Those of the input.
    #[default]
    External,
    /// Numbers from 0, of users over all domains and of items in each, with lists beside that tell whose they are.
    Dense,
}

/// What is written, and how.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Format of the events.
    pub format: ExportFormat,
    /// Which ids.
    pub ids: Ids,
    /// The question whose validation and test are written; `None`: the first of each domain.
    pub question: Option<&'a str>,
}

impl Wanted<'_> {
    /// The first question of each domain.
    pub fn of(format: ExportFormat, ids: Ids) -> Self {
        Self { format, ids, question: None }
    }
}

/// What `export.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Data set.
    pub name: String,
    /// Format of the events.
    pub format: ExportFormat,
    /// Which ids.
    pub ids: Ids,
    /// The target domain.
    pub target: String,
    /// The questions whose validation and test are written, one of a domain at most.
    #[serde(default)]
    pub questions: Vec<String>,
    /// The line that every number travels with.
    pub protocol: String,
    /// Events whose place among those of their second no file tells: their user has too many there.
    #[serde(default, skip_serializing_if = "is_none")]
    pub out_of_order: u64,
    /// Titles and categories of items in which the format has no place for a tab or a line end: a space stands for it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub spaced: u64,
    /// Every other file.
    pub files: Vec<WrittenFile>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_none(n: &u64) -> bool {
    *n == 0
}

/// Writes one task of each domain of `prepared` and all of its domains: built aside, synced, then renamed.
///
/// An existing `dir` is replaced only if it is empty or an export. Opens the test holdout, for it is written out.
pub fn export(dir: &Path, (prepared, name): (&Prepared, &str), wanted: Wanted<'_>) -> Result<Export, DataError> {
    let Wanted { format, ids, question } = wanted;
    let catalogue = &prepared.catalogue;
    let names: Vec<&str> = catalogue.domains().iter().map(|domain| domain.name.as_str()).collect();
    let Some(task) = chosen(prepared, question)? else {
        return Err(DataError::Folder { path: dir.into(), what: "would hold nothing: the data have no task".into() });
    };
    if let Some(name) = names.iter().find(|name| name.starts_with('.') || name.contains(['/', '\\'])) {
        let what = format!("cannot hold a folder for the domain {name:?}; give the domain a plain word as its name");
        return Err(DataError::Folder { path: dir.into(), what });
    }
    let is_of = |domain: DomainId| move |task: &&Task| task.target == domain;
    let first_of = |domain| prepared.split.tasks.iter().find(is_of(domain));
    let question_of = |domain| question.and(Some(task)).filter(is_of(domain)).or_else(|| first_of(domain));
    let asked: Vec<&Task> = (0..names.len()).filter_map(question_of).collect();
    let valid = asked.iter().map(|task| &task.valid.events);
    let test =
        asked.iter().map(|task| &task.test.open(&mut OpenedTests::default(), "exported for another program").events);
    let logs: Vec<&Interactions> = std::iter::once(&prepared.split.train).chain(valid).chain(test).collect();
    let order = Order::of(&logs);
    let mut place = Place::prepare(dir, OURS, &names)?;
    let mut spaced = 0;
    for (domain, name) in names.iter().enumerate() {
        let rows = |n: usize| Rows { prepared, domain, log: logs[n], order: (&order, n), ids };
        let train = rows(0);
        let asked_as = asked.iter().position(|task| task.target == domain);
        // Links of items may have left a source without an event.
        if asked_as.is_some() || train.events().next().is_some() {
            write(&mut place, format, (name, "train", asked_as.is_some()), &train)?;
        }
        if let Some(k) = asked_as {
            let parts = [("valid", 1 + k), ("test", 1 + asked.len() + k)];
            for (part, n) in parts.into_iter().filter(|&(_, n)| !logs[n].is_empty()) {
                write(&mut place, format, (name, part, true), &rows(n))?;
            }
        }
        let item = |item| train.item(item).into_owned();
        let (file, style) = match format {
            ExportFormat::Recbole => (format!("{name}/{name}.item"), Style::Recbole),
            _ => (format!("{name}/items.csv"), Style::Csv),
        };
        text(&mut place, &file, |out| {
            spaced += table::items(out, style, (catalogue, domain), &item)?;
            Ok(())
        })?;
        if ids == Ids::Dense {
            list(&mut place, &format!("{name}/user_list"), &prepared.users)?;
            list(&mut place, &format!("{name}/item_list"), &catalogue.domains()[domain].ids)?;
        }
    }
    let done = Export {
        name: name.into(),
        format,
        ids,
        target: names[task.target].into(),
        questions: asked.iter().map(|task| task.name.clone()).collect(),
        protocol: prepared.split.protocol.clone(),
        spaced,
        out_of_order: if format == ExportFormat::Adjacency { 0 } else { order.lost },
        files: place.files.clone(),
    };
    text(&mut place, DESCRIPTION, |out| {
        serde_json::to_writer_pretty(&mut *out, &done)?;
        out.write_all(b"\n")
    })?;
    place.take()?;
    Ok(done)
}

/// The question that is asked for, the first of all where none is.
fn chosen<'p>(prepared: &'p Prepared, question: Option<&str>) -> Result<Option<&'p Task>, DataError> {
    let tasks = &prepared.split.tasks;
    let Some(name) = question else { return Ok(tasks.first()) };
    let found = tasks.iter().find(|task| task.name == name);
    found.map(Some).ok_or_else(|| {
        let names = || tasks.iter().map(|task| task.name.as_str());
        let near = nearest(name, names()).map_or(String::new(), |near| format!("; did you mean {near}?"));
        let there = names().collect::<Vec<_>>().join(", ");
        DataError::config("question", format!("{name:?} is none of those of these data ({there}){near}"))
    })
}

/// One part of one domain.
fn write(
    place: &mut Place,
    format: ExportFormat,
    (domain, part, is_target): (&str, &str, bool),
    rows: &Rows<'_>,
) -> Result<(), DataError> {
    match format {
        ExportFormat::Csv => text(place, &format!("{domain}/{part}.csv"), |out| table::events(out, Style::Csv, rows)),
        ExportFormat::Adjacency => text(place, &format!("{domain}/{part}.txt"), |out| adjacency::events(out, rows)),
        ExportFormat::Recbole => {
            let part = if is_target { format!(".{part}") } else { String::new() };
            text(place, &format!("{domain}/{domain}{part}.inter"), |out| table::events(out, Style::Recbole, rows))
        }
        ExportFormat::Parquet => {
            let out = place.create(&format!("{domain}/{part}.parquet"))?;
            let path = out.path.clone();
            let out = parquet::events(out, rows).map_err(|error| told(&path, error))?;
            place.close(out)
        }
    }
}

fn text(place: &mut Place, name: &str, write: impl FnOnce(&mut Hashed) -> io::Result<()>) -> Result<(), DataError> {
    let mut out = place.create(name)?;
    write(&mut out).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => DataError::Format { path: name.into(), what: error.to_string() },
        _ => DataError::io(&out.path, "write")(table::of_system(error)),
    })?;
    place.close(out)
}

/// `org_id remap_id`, as NGCF and `LightGCN` publish theirs. Their readers split lines at spaces, so ids with one would be
/// told from nothing there: where there are such the list is a table, by another name, that no such reader opens.
fn list(place: &mut Place, name: &str, ids: &IdMap) -> Result<(), DataError> {
    let columns = ["org_id", "remap_id"];
    let numbered = || (0_usize..).map(|n| n.to_string()).zip(ids.iter());
    if ids.iter().any(|id| id.contains(|c: char| c.is_whitespace() || c.is_control())) {
        return text(place, &format!("{name}.csv"), |out| {
            let mut table = csv::Writer::from_writer(out);
            table.write_record(columns)?;
            numbered().try_for_each(|(n, id)| table.write_record([id, &n]))?;
            table.flush()
        });
    }
    text(place, &format!("{name}.txt"), |out| {
        writeln!(out, "{}", columns.join(" "))?;
        numbered().try_for_each(|(n, id)| writeln!(out, "{id} {n}"))
    })
}
