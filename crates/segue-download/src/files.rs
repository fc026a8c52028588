//! How a file comes into its place: written aside, synced, renamed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::checksum::Digests;
use crate::{Checksum, DownloadError, Event, Listener, Stage};

/// Bytes read or written at once.
pub(crate) const BLOCK: usize = 128 * 1024;

/// The name of a file for people.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `path` with `ending` behind its whole name.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Creates the folder that will hold `path`.
pub(crate) fn create_parent(path: &Path) -> Result<(), DownloadError> {
    let parent = parent_of(path);
    fs::create_dir_all(parent).map_err(DownloadError::io(parent, "create the folder"))
}

/// Renames a synced file into its place, and syncs the folder.
pub(crate) fn put_in_place(aside: &Path, target: &Path) -> Result<(), DownloadError> {
    fs::rename(aside, target).map_err(DownloadError::io(target, "put the file in place"))?;
    sync_folder(parent_of(target))
}

/// Writes a small file aside and renames it.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), DownloadError> {
    let aside = with_ending(path, ".writing");
    let mut file = File::create(&aside).map_err(DownloadError::io(&aside, "create"))?;
    file.write_all(content).map_err(DownloadError::io(&aside, "write"))?;
    file.sync_all().map_err(DownloadError::io(&aside, "sync"))?;
    drop(file);
    put_in_place(&aside, path)
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), DownloadError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DownloadError::io(path, "remove")(error)),
        _ => Ok(()),
    }
}

pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(crate) fn sync_folder(folder: &Path) -> Result<(), DownloadError> {
    // Where a folder cannot be opened for syncing (not a POSIX system) the rename is all there is.
    if cfg!(unix) {
        let opened = File::open(folder).map_err(DownloadError::io(folder, "open"))?;
        opened.sync_all().map_err(DownloadError::io(folder, "sync"))?;
    }
    Ok(())
}

/// Reads a file through: its SHA-256, and what `checksum` asks for beside.
pub(crate) fn digest(
    path: &Path,
    checksum: Option<&Checksum>,
    listener: &mut Listener<'_>,
) -> Result<Digests, DownloadError> {
    let total = fs::metadata(path).map_err(DownloadError::io(path, "read"))?.len();
    digest_beginning(path, checksum, Some(total), listener)
}

/// The SHA-256 of a file as it lies there.
pub fn sha256_of(path: &Path, listener: &mut Listener<'_>) -> Result<String, DownloadError> {
    Ok(digest(path, None, listener)?.sha256())
}

/// The digests of the beginning of a file that will have `total` bytes.
pub(crate) fn digest_beginning(
    path: &Path,
    checksum: Option<&Checksum>,
    total: Option<u64>,
    listener: &mut Listener<'_>,
) -> Result<Digests, DownloadError> {
    let mut file = File::open(path).map_err(DownloadError::io(path, "open"))?;
    let mut digests = Digests::new(checksum, total);
    let name = name_of(path);
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    loop {
        let n = match file.read(&mut block) {
            Ok(0) => return Ok(digests),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(DownloadError::io(path, "read")(error)),
        };
        digests.update(&block[..n]);
        done += n as u64;
        hear(listener, Event::Progress { stage: Stage::Check, name: &name, done, total })?;
    }
}

/// Whether a file is named as one that holds a page.
pub(crate) fn is_for_pages(target: &Path) -> bool {
    let ending = target.extension().unwrap_or_default();
    ["html", "htm", "xhtml"].iter().any(|it| ending.eq_ignore_ascii_case(it))
}

/// Whether a file begins as pages do. Servers say 200 of a page that tells that there is nothing, or asks who one is.
pub(crate) fn is_page(path: &Path) -> Result<bool, DownloadError> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(DownloadError::io(path, "open"))?;
    file.take(512).read_to_end(&mut head).map_err(DownloadError::io(path, "read"))?;
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start().to_ascii_lowercase();
    let begins = |tag: &str| {
        let rest = head.strip_prefix(tag.as_bytes());
        rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'>' || byte.is_ascii_whitespace()))
    };
    Ok(begins("<!doctype html") || begins("<html"))
}

/// Tells the listener, who may have had enough.
pub(crate) fn hear(listener: &mut Listener<'_>, event: Event<'_>) -> Result<(), DownloadError> {
    match listener(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(DownloadError::Interrupted),
    }
}
