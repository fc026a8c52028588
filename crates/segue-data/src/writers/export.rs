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

use segue_core::{DomainId, IdMap, Interactions, OpenedTests, Prepared, Task};
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
    /// The line that every number travels with.
    pub protocol: String,
    /// Events whose place among those of their second no file tells: their user has too many there.
    #[serde(default, skip_serializing_if = "is_none")]
    pub out_of_order: u64,
    /// Every other file.
    pub files: Vec<WrittenFile>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_none(n: &u64) -> bool {
    *n == 0
}

/// Writes the first task of each domain of `prepared` and all of its domains: built aside, synced, then renamed.
///
/// An existing `dir` is replaced only if it is empty or an export. Opens the test holdout, for it is written out.
pub fn export(
    dir: &Path,
    (prepared, name): (&Prepared, &str),
    format: ExportFormat,
    ids: Ids,
) -> Result<Export, DataError> {
    let catalogue = &prepared.catalogue;
    let names: Vec<&str> = catalogue.domains().iter().map(|domain| domain.name.as_str()).collect();
    let Some(task) = prepared.split.tasks.first() else {
        return Err(DataError::Folder { path: dir.into(), what: "would hold nothing: the data have no task".into() });
    };
    if let Some(name) = names.iter().find(|name| name.starts_with('.') || name.contains(['/', '\\'])) {
        let what = format!("cannot hold a folder for the domain {name:?}; give the domain a plain word as its name");
        return Err(DataError::Folder { path: dir.into(), what });
    }
    let asked: Vec<&Task> = (0..names.len()).filter_map(|domain| first_of(prepared, domain)).collect();
    let valid = asked.iter().map(|task| &task.valid.events);
    let test =
        asked.iter().map(|task| &task.test.open(&mut OpenedTests::default(), "exported for another program").events);
    let logs: Vec<&Interactions> = std::iter::once(&prepared.split.train).chain(valid).chain(test).collect();
    let order = Order::of(&logs);
    let mut place = Place::prepare(dir, OURS, &names)?;
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
        text(&mut place, &file, |out| table::items(out, style, (catalogue, domain), &item))?;
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
        protocol: prepared.split.protocol.clone(),
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

/// The question of a domain that is written: the first of several.
fn first_of(prepared: &Prepared, domain: DomainId) -> Option<&Task> {
    prepared.split.tasks.iter().find(|task| task.target == domain)
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
