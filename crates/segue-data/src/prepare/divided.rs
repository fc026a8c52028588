//! What a stopped preparation had divided: every row in its part, so that the next one goes on from there and only writes.
//!
//! Rows that went through files are in them by then. Beside them lie the ids and, written last, a note of the rest, of how
//! it was made and from which files, with checksums. A log that is held, one that was made otherwise, or one of which a file
//! has changed, is prepared again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use segue_core::IdMap;
use serde::{Deserialize, Serialize};

use super::config::{DataConfig, PrepareOptions, SplitConfig};
use super::report::{Overlap, StepCount};
use super::rows::{DomainRows, Given, Rows, World};
use super::split::Asked;
use crate::DataError;
use crate::readers::{InputFile, Session, read_texts, version, write_texts};
use crate::spill::{DIVIDED, FORMAT, Spill};

/// All rows in their parts, and what the question is.
#[derive(Debug)]
pub(super) struct Divided {
    pub(super) world: World,
    /// Of all that was read.
    pub(super) overlaps_as_read: Vec<Overlap>,
    pub(super) overlaps: Vec<Overlap>,
    pub(super) protocol: String,
    pub(super) asked: Asked,
}

/// How rows are divided, and since when.
#[derive(Debug)]
pub(super) struct How {
    text: String,
    began: SystemTime,
}

const USERS: &str = "divided.users";

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    how: String,
    inputs: Vec<Input>,
    domains: Vec<DomainNote>,
    cuts: Vec<u32>,
    target: usize,
    targets: Vec<usize>,
    negatives: Option<Given>,
    steps: Vec<StepCount>,
    notes: Vec<String>,
    overlaps_as_read: Vec<Overlap>,
    overlaps: Vec<Overlap>,
    protocol: String,
    asked: Asked,
    checksums: BTreeMap<String, u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Input {
    file: InputFile,
    version: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct DomainNote {
    name: String,
    timed: bool,
    rows: usize,
}

impl How {
    /// Where the memory ends changes nothing.
    #[expect(
        clippy::disallowed_methods,
        reason = "compared with the times of files; nothing that is written depends on it"
    )]
    pub(super) fn of(data: &DataConfig, (options, split, seed): (&PrepareOptions, &SplitConfig, u64)) -> Self {
        let options = PrepareOptions { memory: 0, ..options.clone() };
        let text = serde_json::to_string(&(
            env!("CARGO_PKG_VERSION"),
            "weights of training rows",
            FORMAT,
            data,
            options,
            split,
            seed,
        ));
        Self { text: text.unwrap_or_default(), began: SystemTime::now() }
    }
}

/// Keeps what is divided, where its rows are in files and these stay behind.
pub(super) fn keep(how: &How, divided: &mut Divided, spill: &Spill, session: &Session<'_>) -> Result<(), DataError> {
    let Divided { world, overlaps_as_read, overlaps, protocol, asked } = divided;
    let in_files = world.domains.iter().all(|domain| domain.rows.in_files());
    let inputs: Option<Vec<Input>> = session.files().iter().map(|file| input(file, how)).collect();
    let (true, true, Some(inputs)) = (spill.keeps(), in_files, inputs) else { return Ok(()) };
    world.domains.iter_mut().try_for_each(|domain| domain.rows.write_changes())?;
    write_texts(spill, USERS, world.users.iter())?;
    for (d, domain) in world.domains.iter().enumerate() {
        write_texts(spill, &items(d), domain.items.iter())?;
    }
    let domain =
        |domain: &DomainRows| DomainNote { name: domain.name.clone(), timed: domain.timed, rows: domain.rows.len() };
    let note = Note {
        how: how.text.clone(),
        inputs,
        domains: world.domains.iter().map(domain).collect(),
        cuts: world.domains.first().map_or(&[][..], |domain| domain.rows.cuts()).to_vec(),
        target: world.target,
        targets: world.targets.clone(),
        negatives: world.negatives.clone(),
        steps: world.steps.clone(),
        notes: world.notes.clone(),
        overlaps_as_read: overlaps_as_read.clone(),
        overlaps: overlaps.clone(),
        protocol: protocol.clone(),
        asked: asked.clone(),
        checksums: spill.checksums_of_divided()?,
    };
    let note = serde_json::to_vec(&note).map_err(|error| DataError::Folder {
        path: spill.folder().into(),
        what: format!("cannot note what was divided: {error}"),
    })?;
    spill.write(DIVIDED, &note, true)
}

/// A file as it is now; `None` where it may have changed while it was read.
fn input(file: &InputFile, how: &How) -> Option<Input> {
    let metadata = std::fs::metadata(&file.path).ok()?;
    let version = version(&metadata)?;
    (metadata.modified().ok()? < how.began).then(|| Input { file: file.clone(), version })
}

fn items(d: usize) -> String {
    format!("divided.items.{d}")
}

/// What was kept, if it was made in the same way from the same files; else nothing of it stays.
pub(super) fn find(how: &How, spill: &Arc<Spill>, session: &mut Session<'_>) -> Option<Divided> {
    let found = read(how, spill);
    let Some((divided, inputs)) = found else {
        spill.forget_divided();
        return None;
    };
    session.add(inputs);
    Some(divided)
}

fn read(how: &How, spill: &Arc<Spill>) -> Option<(Divided, Vec<InputFile>)> {
    let note = std::fs::read(spill.folder().join(DIVIDED)).ok()?;
    let note: Note = serde_json::from_slice(&note).ok()?;
    let same = |input: &Input| {
        let metadata = std::fs::metadata(&input.file.path).ok()?;
        Some(metadata.len() == input.file.bytes && version(&metadata)? == input.version)
    };
    if note.how != how.text || !note.inputs.iter().all(|input| same(input).unwrap_or(false)) {
        return None;
    }
    if note.checksums != spill.checksums_of_divided().ok()? {
        return None;
    }
    let ids = |name: &str| {
        let names = read_texts(&mut spill.read(name).ok()?)?;
        Some(IdMap::new(names.iter().collect()))
    };
    let users = ids(USERS)?;
    let cuts = note.cuts.into();
    let mut domains = Vec::new();
    for (d, DomainNote { name, timed, rows: n }) in note.domains.into_iter().enumerate() {
        let items = ids(&items(d))?;
        let rows = Rows::kept(spill, &format!("rows.{name}"), &cuts, (users.len(), items.len()))?;
        if rows.len() != n {
            return None;
        }
        domains.push(DomainRows { name, items, rows, timed });
    }
    let Note { target, targets, negatives, steps, notes, overlaps_as_read, overlaps, protocol, asked, inputs, .. } =
        note;
    let world = World { users, domains, target, targets, negatives, steps, notes };
    if !asked.fits(&world) {
        return None;
    }
    Some((
        Divided { world, overlaps_as_read, overlaps, protocol, asked },
        inputs.into_iter().map(|input| input.file).collect(),
    ))
}
