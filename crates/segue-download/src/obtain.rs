//! A data set: its files fetched or found complete, its archives unpacked, and what was written recorded.

use std::fs;
use std::path::{Path, PathBuf};

use crate::catalogue::{DataSet, File, Known};
use crate::files::{self, digest, hear};
use crate::{
    Algorithm, Checksum, Client, DownloadError, Event, Fetched, FileRecord, Limits, Listener, Record, Request, fetch,
    unpack,
};

/// What to obtain, and how.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// The data set.
    pub data_set: &'static DataSet,
    /// Its categories, by their right names ([`DataSet::choose`]).
    pub categories: Vec<&'static str>,
    /// The folder that holds the data sets.
    pub root: &'a Path,
    /// Another server with the same paths: `http://host` or `http://host/below`.
    pub mirror: Option<&'a str>,
    /// What to do with archives.
    pub archives: Archives,
    /// Fetch again what is there.
    pub force: bool,
    /// The most bytes that a file may have.
    pub max_bytes: Option<u64>,
}

/// What becomes of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archives {
    /// Unpacked and removed.
    Unpack,
    /// Unpacked and kept.
    UnpackAndKeep,
    /// Kept as it came.
    Keep,
}

/// What there is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Obtained {
    /// Files written, with their sizes.
    pub written: Vec<(PathBuf, u64)>,
    /// Files that were there and are right.
    pub found: Vec<(PathBuf, u64)>,
}

/// Fetches what is missing of a data set.
pub fn obtain(client: &Client, order: &Order<'_>, listener: &mut Listener<'_>) -> Result<Obtained, DownloadError> {
    let folder = order.root.join(order.data_set.folder);
    let mut obtained = Obtained::default();
    for file in order.data_set.files_of(&order.categories) {
        if file.unpack {
            archive(client, order, &file, (&mut obtained, listener))?;
        } else {
            plain(client, order, &file, (&mut obtained, &folder, listener))?;
        }
    }
    Ok(obtained)
}

/// Compares what lies on the disk with what was written there, without a network; the files that are right.
pub fn check(order: &Order<'_>, listener: &mut Listener<'_>) -> Result<Vec<(PathBuf, u64)>, DownloadError> {
    let folder = order.root.join(order.data_set.folder);
    let damaged = |faults| {
        let command = order.data_set.download_line(order.root, &order.categories);
        Err(DownloadError::Damaged { data_set: order.data_set.name.into(), faults, command })
    };
    let Some(record) = Record::read(&folder) else {
        return damaged(vec![format!("there is no {}", folder.join(crate::RECORD).display())]);
    };
    let mut names: Vec<String> = Vec::new();
    let mut faults = Vec::new();
    for file in order.data_set.files_of(&order.categories) {
        match (file.unpack, record.archives.get(&file.addresses[0])) {
            (false, _) => names.push(file.to.clone()),
            (true, Some(held)) => names.extend(held.iter().cloned()),
            (true, None) => faults.push(format!("{} was not unpacked", file.to)),
        }
    }
    let mut right = Vec::new();
    for name in names {
        match record.fault(&folder, &name, listener)? {
            Some(fault) => faults.push(fault),
            None => right.push((folder.join(&name), record.files.get(&name).map_or(0, |file| file.bytes))),
        }
    }
    if faults.is_empty() { Ok(right) } else { damaged(faults) }
}

fn plain(
    client: &Client,
    order: &Order<'_>,
    file: &File,
    (obtained, folder, listener): (&mut Obtained, &Path, &mut Listener<'_>),
) -> Result<(), DownloadError> {
    let target = folder.join(&file.to);
    let mut record = record_of(order, folder);
    if !order.force && record.fault(folder, &file.to, listener)?.is_none() {
        let bytes = record.files.get(&file.to).map_or(0, |file| file.bytes);
        obtained.found.push((target, bytes));
        return Ok(());
    }
    let known = record.files.remove(&file.to).is_some();
    let (checksum, fetched) = if !order.force && !known && target.exists() {
        let checksum = published(client, order, file, listener)?;
        let by_hand = by_hand(&target, checksum.as_ref(), listener)?;
        obtained.found.push((target, by_hand.bytes));
        (checksum, by_hand)
    } else {
        let (checksum, fetched) = fetch_file(client, order, file, (&target, listener))?;
        obtained.written.push((target, fetched.bytes));
        (checksum, fetched)
    };
    let entry = file_record(&fetched, checksum.as_ref(), fetched.bytes, fetched.sha256.clone());
    record.files.insert(file.to.clone(), entry);
    record.write(folder)
}

fn archive(
    client: &Client,
    order: &Order<'_>,
    file: &File,
    (obtained, listener): (&mut Obtained, &mut Listener<'_>),
) -> Result<(), DownloadError> {
    let folder = order.root.join(order.data_set.folder);
    let key = file.addresses[0].clone();
    let mut record = record_of(order, &folder);
    if let (Some(held), false, true) = (record.archives.get(&key), order.force, order.archives != Archives::Keep) {
        let mut right = Vec::new();
        let mut whole = true;
        for name in held {
            whole &= record.fault(&folder, name, listener)?.is_none();
            right.push((folder.join(name), record.files.get(name).map_or(0, |file| file.bytes)));
        }
        if whole {
            obtained.found.extend(right);
            return Ok(());
        }
        hear(listener, Event::Note(&format!("{} is not complete any more; it is unpacked again", folder.display())))?;
    }
    let target = order.root.join(&file.to);
    let there = !order.force && target.exists();
    let (checksum, fetched) = if there {
        let checksum = published(client, order, file, listener)?;
        let by_hand = by_hand(&target, checksum.as_ref(), listener)?;
        (checksum, by_hand)
    } else {
        fetch_file(client, order, file, (&target, listener))?
    };
    if order.archives == Archives::Keep {
        let list = if there { &mut obtained.found } else { &mut obtained.written };
        list.push((target, fetched.bytes));
        return Ok(());
    }
    let unpacked = unpack(&target, &folder, Limits::default(), listener)?;
    record.archives.insert(key, unpacked.iter().map(|file| file.path.clone()).collect());
    for it in unpacked {
        obtained.written.push((folder.join(&it.path), it.bytes));
        record.files.insert(it.path, file_record(&fetched, checksum.as_ref(), it.bytes, it.sha256));
    }
    record.write(&folder)?;
    // What was put there by hand stays with the hand.
    if order.archives == Archives::Unpack && !there { files::remove(&target) } else { Ok(()) }
}

fn record_of(order: &Order<'_>, folder: &Path) -> Record {
    let mut record = Record::read(folder).unwrap_or_default();
    record.data_set = order.data_set.name.into();
    record.terms = order.data_set.terms.into();
    record
}

fn file_record(fetched: &Fetched, checksum: Option<&Checksum>, bytes: u64, sha256: String) -> FileRecord {
    let address = (!fetched.address.is_empty()).then(|| fetched.address.clone());
    FileRecord { bytes, sha256, address, checked: checksum.map(|it| format!("{} {}", it.algorithm(), it.hex())) }
}

/// A file that somebody put at its place.
fn by_hand(path: &Path, checksum: Option<&Checksum>, listener: &mut Listener<'_>) -> Result<Fetched, DownloadError> {
    let digests = digest(path, checksum, listener)?;
    if let Some(checksum) = checksum {
        let got = digests.computed(checksum).unwrap_or_default();
        if got != checksum.hex() {
            let (algorithm, expected) = (checksum.algorithm(), checksum.hex().into());
            return Err(DownloadError::Foreign { path: path.into(), algorithm, expected, got });
        }
    } else {
        let note = format!("{} is there and is taken as it is: no checksum is published", path.display());
        hear(listener, Event::Note(&note))?;
    }
    let bytes = fs::metadata(path).map_err(DownloadError::io(path, "read"))?.len();
    Ok(Fetched { address: String::new(), bytes, sha256: digests.sha256(), kept: bytes })
}

fn fetch_file(
    client: &Client,
    order: &Order<'_>,
    file: &File,
    (target, listener): (&Path, &mut Listener<'_>),
) -> Result<(Option<Checksum>, Fetched), DownloadError> {
    let checksum = published(client, order, file, listener)?;
    let addresses = addresses(order, file)?;
    let data_set = order.data_set.name;
    let request =
        Request { data_set, addresses: &addresses, target, checksum: checksum.as_ref(), max_bytes: order.max_bytes };
    let fetched = fetch(client, &request, listener).map_err(|error| match error {
        // One address or many: the way out is the same.
        error if error.is_of_the_address() && !matches!(error, DownloadError::Checksum { .. }) => {
            DownloadError::Every { data_set: data_set.into(), errors: vec![error], place: target.into() }
        }
        error => error,
    })?;
    Ok((checksum, fetched))
}

/// The checksum that the catalogue knows, or the one that the publisher keeps beside the file.
fn published(
    client: &Client,
    order: &Order<'_>,
    file: &File,
    listener: &mut Listener<'_>,
) -> Result<Option<Checksum>, DownloadError> {
    let ending = match file.known {
        Known::Sha256(hex) => return Ok(Checksum::parse(Algorithm::Sha256, hex)),
        Known::Md5(hex) => return Ok(Checksum::parse(Algorithm::Md5, hex)),
        Known::GitBlob(hex) => return Ok(Checksum::parse(Algorithm::GitBlob, hex)),
        Known::Nothing => return Ok(None),
        Known::Md5Beside(ending) => ending,
    };
    for address in addresses(order, file)? {
        if let Some(text) = client.small_text(&format!("{address}{ending}"))
            && let Some(checksum) = Checksum::find(Algorithm::Md5, &text)
        {
            return Ok(Some(checksum));
        }
    }
    let note =
        format!("the publisher's checksum ({}{ending}) cannot be had; only the size is compared", file.addresses[0]);
    hear(listener, Event::Note(&note))?;
    Ok(None)
}

/// The addresses of a file, at the mirror if there is one.
fn addresses(order: &Order<'_>, file: &File) -> Result<Vec<String>, DownloadError> {
    let Some(mirror) = order.mirror else { return Ok(file.addresses.clone()) };
    if !(mirror.starts_with("http://") || mirror.starts_with("https://")) {
        let what = "is no address of a mirror; it reads http://host or http://host/folder".into();
        return Err(DownloadError::Setting { given: mirror.into(), what });
    }
    let mut mirrored: Vec<String> = Vec::new();
    for address in &file.addresses {
        let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        let at_mirror = format!("{}/{path}", mirror.trim_end_matches('/'));
        if !mirrored.contains(&at_mirror) {
            mirrored.push(at_mirror);
        }
    }
    Ok(mirrored)
}
