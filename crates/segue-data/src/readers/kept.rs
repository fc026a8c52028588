//! What a stopped preparation had read: whole files, so that the next one goes on from there.
//!
//! Beside the rows of a file lie its names and, written last, a note of what was read and how, with the checksums of all.
//! A file that has changed since, or is to be read in another way, is read again, and so is one of which something that was
//! kept has changed.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::log::{Dates, RawLog, Values};
use super::many::LogFile;
use super::names::Names;
use super::open::Fnv;
use super::session::InputFile;
use super::timed_sequence::names_beside;
use crate::DataError;
use crate::spill::{Blocks, FORMAT, Spill, block, put};

/// Stored bytes from which on a file is kept: smaller ones are read again sooner than found.
const LEAST: u64 = 1 << 23;

/// What was read and how.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    source: String,
    rows: usize,
    timed: bool,
    values: Values,
    dates: Dates,
    nameless: u64,
    rounded: u64,
    checksums: BTreeMap<String, u32>,
    files: Vec<InputFile>,
}

/// Where a file of the folder is called after what is read into it.
pub(super) fn name(file: &LogFile) -> String {
    let how = format!("{} {:?}", file.path.display(), file.layout);
    format!("read.{}", Fnv::default().of(how.as_bytes()).hex())
}

/// The file as it is now, and how it is read.
fn source(file: &LogFile, limit: Option<u64>) -> Option<(u64, String)> {
    let metadata = file.path.metadata().ok()?;
    let (path, size, version) = (file.path.display(), metadata.len(), version(&metadata)?);
    let how = format!("{:?}, bad lines {limit:?}, names {:?}", file.layout, names_beside(&file.path));
    Some((size, format!("{FORMAT}: {path}, {size} bytes, {version}, {how}")))
}

/// What changes with a file: its moment and, where a system has them, which file it is and when it last changed in any way,
/// which nobody can set.
pub(crate) fn version(metadata: &Metadata) -> Option<String> {
    let modified = metadata.modified().ok()?;
    #[cfg(unix)]
    let changed = {
        use std::os::unix::fs::MetadataExt;
        (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
    };
    #[cfg(not(unix))]
    let changed = ();
    Some(format!("{modified:?}, {changed:?}"))
}

/// Keeps a file that was read; small ones are not worth it.
pub(super) fn keep(
    (file, limit): (&LogFile, Option<u64>),
    log: &mut RawLog,
    files: &[InputFile],
    spill: &Spill,
) -> Result<(), DataError> {
    let Some((size, source)) = source(file, limit) else { return Ok(()) };
    if !spill.keeps() || size < LEAST {
        return Ok(());
    }
    log.rows.send_away()?;
    let name = name(file);
    for (what, names) in [("users", &log.users), ("items", &log.items)] {
        write_texts(spill, &format!("{name}.{what}"), names.iter())?;
    }
    let (rows, timed, values) = (log.len(), log.rows.timed(), *log.rows.values());
    let (dates, nameless, rounded) = (*log.rows.dates(), log.nameless, log.rounded);
    let (checksums, files) = (checksums(&name, spill)?, files.to_vec());
    let note = Note { source, rows, timed, values, dates, nameless, rounded, checksums, files };
    let note = serde_json::to_vec(&note).map_err(|error| DataError::Folder {
        path: spill.folder().into(),
        what: format!("cannot note what was read: {error}"),
    })?;
    spill.write(&format!("{name}.note"), &note, true)
}

/// A file that was kept, if it is still the same.
pub(super) fn find(file: &LogFile, limit: Option<u64>, spill: &Arc<Spill>) -> Option<(RawLog, Vec<InputFile>)> {
    let name = name(file);
    let note = std::fs::read(spill.folder().join(format!("{name}.note"))).ok()?;
    let note: Note = serde_json::from_slice(&note).ok()?;
    if note.source != source(file, limit)?.1 || note.checksums != checksums(&name, spill).ok()? {
        return None;
    }
    let names = |what: &str| read_texts(&mut spill.read(&format!("{name}.{what}")).ok()?);
    let (users, items) = (names("users")?, names("items")?);
    let told = (note.rows, note.timed, (note.values, note.dates));
    let mut log = RawLog::kept(Arc::clone(spill), name, (users, items), told)?;
    (log.nameless, log.rounded) = (note.nameless, note.rounded);
    Some((log, note.files))
}

/// The checksums of rows and names.
fn checksums(name: &str, spill: &Spill) -> Result<BTreeMap<String, u32>, DataError> {
    spill.checksums(|file| file.strip_prefix(name).is_some_and(|rest| ["", ".users", ".items"].contains(&rest)))
}

/// Removes what was begun and not finished, so that a file is read from its beginning.
pub(super) fn forget(file: &LogFile, spill: &Spill) {
    let name = name(file);
    let part = |what: &str| spill.remove(&format!("{name}{what}"));
    // The note first: without it, the rest is nothing.
    ["", ".note", ".users", ".items"].iter().rev().for_each(|what| part(what));
}

/// Writes texts as one block of the file `name`: how long each is, then all of them, piece by piece, for together they are
/// as large as anything that is held.
pub(crate) fn write_texts<'t>(
    spill: &Spill,
    name: &str,
    texts: impl Iterator<Item = &'t str> + Clone,
) -> Result<(), DataError> {
    const PIECE: usize = 1 << 20;
    let lengths: Vec<u32> = texts.clone().map(|text| text.len() as u32).collect();
    let mut out = block(lengths.len());
    put(&mut out, &lengths, |&length| u64::from(length));
    spill.write(name, &out, true)?;
    out.clear();
    for text in texts {
        out.extend(text.bytes());
        if out.len() >= PIECE {
            spill.write(name, &out, false)?;
            out.clear();
        }
    }
    spill.write(name, &out, false)
}

/// The texts of a block; each comes once.
pub(crate) fn read_texts(blocks: &mut Blocks) -> Option<Names> {
    let n = blocks.next().ok()??;
    let (mut lengths, mut text, mut names) = (Vec::new(), Vec::new(), Names::default());
    blocks.column(n, &mut lengths, |length| length as usize).ok()?;
    for length in lengths {
        text.clear();
        blocks.bytes(length, &mut text).ok()?;
        names.intern(std::str::from_utf8(&text).ok()?);
    }
    (names.len() == n).then_some(names)
}
