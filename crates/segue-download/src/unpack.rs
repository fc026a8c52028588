//! Takes zip and tar.gz archives apart: regular files below one folder, and nothing else.
//!
//! An archive that holds a path out of its folder, a link, the same file twice (tar), or that grows beyond all reason was not
//! published by anyone who means well; it is refused as a whole, before any of it is in place.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use tar::EntryType;
use zip::ZipArchive;

use crate::checksum::Digests;
use crate::files::{self, BLOCK, hear, name_of, sync_folder};
use crate::{DownloadError, Event, Listener, Stage};

/// How large an archive may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unpacked bytes per byte of the archive. Logs of ratings take a tenth of their size, at best a fiftieth.
    pub ratio: u64,
    /// Unpacked bytes that are allowed whatever the ratio.
    pub small: u64,
    /// Unpacked bytes in all.
    pub total: u64,
    /// Files in all.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { ratio: 200, small: 16 << 20, total: 256 << 30, files: 100_000 }
    }
}

/// A file that was in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// Its path below the folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// Unpacks `archive` into `folder`, built aside and then put in place; files that lie there and are not in the archive
/// stay. The one folder that all files of the archive are in, if there is one, is left out.
pub fn unpack(
    archive: &Path,
    folder: &Path,
    limits: Limits,
    listener: &mut Listener<'_>,
) -> Result<Vec<Unpacked>, DownloadError> {
    let aside = files::with_ending(folder, ".unpacking");
    clear(&aside)?;
    fs::create_dir_all(&aside).map_err(DownloadError::io(&aside, "create the folder"))?;
    let mut unpacking = Unpacking::new(archive, &aside, limits, listener)?;
    let result = unpacking.all().and_then(|found| put(&aside, folder, found, archive));
    // Whatever became of it; the error that led here is the one to report.
    let cleared = clear(&aside);
    let found = result?;
    cleared?;
    Ok(found)
}

struct Unpacking<'a, 'l> {
    archive: &'a Path,
    aside: &'a Path,
    listener: &'a mut Listener<'l>,
    name: String,
    allowed: u64,
    files: usize,
    written: u64,
    found: BTreeMap<PathBuf, (u64, String)>,
}

impl<'a, 'l> Unpacking<'a, 'l> {
    fn new(
        archive: &'a Path,
        aside: &'a Path,
        limits: Limits,
        listener: &'a mut Listener<'l>,
    ) -> Result<Self, DownloadError> {
        let packed = fs::metadata(archive).map_err(DownloadError::io(archive, "open"))?.len();
        let allowed = packed.saturating_mul(limits.ratio).max(limits.small).min(limits.total);
        let (name, files) = (name_of(archive), limits.files);
        Ok(Self { archive, aside, listener, name, allowed, files, written: 0, found: BTreeMap::new() })
    }

    fn all(&mut self) -> Result<BTreeMap<PathBuf, (u64, String)>, DownloadError> {
        let mut file = File::open(self.archive).map_err(DownloadError::io(self.archive, "open"))?;
        let mut magic = Vec::new();
        (&file).take(4).read_to_end(&mut magic).map_err(DownloadError::io(self.archive, "read"))?;
        file.rewind().map_err(DownloadError::io(self.archive, "read"))?;
        match magic.as_slice() {
            [b'P', b'K', ..] => self.zip(BufReader::with_capacity(BLOCK, file))?,
            [0x1f, 0x8b, ..] => self.tar(BufReader::with_capacity(BLOCK, file))?,
            _ => {
                return Err(self.refuse(
                    "is neither a zip nor a tar.gz archive; a page that asks to log in may have come in its place",
                ));
            }
        }
        if self.found.is_empty() {
            return Err(self.refuse("is an archive without a file"));
        }
        Ok(std::mem::take(&mut self.found))
    }

    fn zip(&mut self, file: BufReader<File>) -> Result<(), DownloadError> {
        let damaged = |error: zip::result::ZipError| format!("is damaged ({error}); fetch it again with --force");
        let mut archive = ZipArchive::new(file).map_err(|error| self.refuse(&damaged(error)))?;
        let total = archive.decompressed_size().and_then(|bytes| u64::try_from(bytes).ok());
        for n in 0..archive.len() {
            let entry = archive.by_index(n).map_err(|error| self.refuse(&damaged(error)))?;
            // Names of old archives are in any encoding; those of data sets are ASCII.
            let name = String::from_utf8_lossy(entry.entry().name_raw()).into_owned();
            if entry.entry().is_dir() {
                continue;
            }
            if entry.entry().is_symlink() {
                return Err(self.refuse(&format!("holds the link `{name}`; no data set does, it is not unpacked")));
            }
            self.file(&name, entry, total)?;
        }
        Ok(())
    }

    fn tar(&mut self, file: BufReader<File>) -> Result<(), DownloadError> {
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        let damaged =
            |error: &io::Error| format!("is damaged or no tar.gz archive ({error}); fetch it again with --force");
        let entries = archive.entries().map_err(|error| self.refuse(&damaged(&error)))?;
        for entry in entries {
            let entry = entry.map_err(|error| self.refuse(&damaged(&error)))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous => self.file(&name, entry, None)?,
                EntryType::Directory | EntryType::XGlobalHeader => {}
                kind => {
                    let what =
                        format!("holds `{name}`, which is no file ({kind:?}); no data set does, it is not unpacked");
                    return Err(self.refuse(&what));
                }
            }
        }
        // What follows the last file is padding; behind it comes the checksum of the compression.
        let mut rest = archive.into_inner();
        match io::copy(&mut rest.by_ref().take(1 << 20), &mut io::sink()) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.refuse(&damaged(&error))),
        }
    }

    fn file(&mut self, name: &str, mut content: impl Read, total: Option<u64>) -> Result<(), DownloadError> {
        let Some(path) = path_within(name) else {
            let what =
                format!("holds `{name}`, a path that leads out of its folder; no data set does, it is not unpacked");
            return Err(self.refuse(&what));
        };
        if is_litter(&path) {
            return Ok(());
        }
        if self.found.len() >= self.files {
            return Err(self.refuse(&format!("holds more than {} files; it is not unpacked", self.files)));
        }
        let target = self.aside.join(&path);
        files::create_parent(&target)?;
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&target) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(self.refuse(&format!("holds `{name}` twice; it is not unpacked")));
            }
            Err(error) => return Err(DownloadError::io(target, "create")(error)),
        };
        let mut digests = Digests::new(None, None);
        let mut bytes = 0;
        let mut block = vec![0; BLOCK];
        loop {
            let n = match content.read(&mut block) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(self.refuse(&format!("is damaged at `{name}` ({error}); fetch it again with --force")));
                }
            };
            self.written += n as u64;
            if self.written > self.allowed {
                let what = format!(
                    "grows beyond {} bytes, more than any data set of its size; it is not unpacked",
                    self.allowed
                );
                return Err(self.refuse(&what));
            }
            file.write_all(&block[..n]).map_err(DownloadError::io(&target, "write"))?;
            digests.update(&block[..n]);
            bytes += n as u64;
            let done = self.written;
            hear(self.listener, Event::Progress { stage: Stage::Unpack, name: &self.name, done, total })?;
        }
        file.sync_all().map_err(DownloadError::io(&target, "sync"))?;
        self.found.insert(path, (bytes, digests.sha256()));
        Ok(())
    }

    fn refuse(&self, what: &str) -> DownloadError {
        DownloadError::archive(self.archive, what)
    }
}

/// The path, if it stays below the folder it is joined to, on any system.
fn path_within(name: &str) -> Option<PathBuf> {
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let bad = |part: &&str| *part == ".." || part.contains(['\\', ':', '\0']) || part.chars().any(char::is_control);
    let outside = name.starts_with('/') || parts.is_empty() || parts.iter().any(bad);
    (!outside).then(|| parts.iter().collect())
}

/// What file managers leave in archives.
fn is_litter(path: &Path) -> bool {
    path.starts_with("__MACOSX") || path.file_name().is_some_and(|name| name == ".DS_Store" || name == "Thumbs.db")
}

/// Moves what was unpacked to its place.
fn put(
    aside: &Path,
    folder: &Path,
    found: BTreeMap<PathBuf, (u64, String)>,
    archive: &Path,
) -> Result<Vec<Unpacked>, DownloadError> {
    let top = common_folder(&found);
    let from = top.as_ref().map_or_else(|| aside.to_path_buf(), |top| aside.join(top));
    if !folder.exists() {
        sync_folder(&from)?;
        files::put_in_place(&from, folder)?;
    }
    let mut unpacked = Vec::with_capacity(found.len());
    for (path, (bytes, sha256)) in found {
        let below = top.as_ref().and_then(|top| path.strip_prefix(top).ok()).unwrap_or(&path);
        if from.exists() {
            let target = folder.join(below);
            files::create_parent(&target)?;
            files::put_in_place(&from.join(below), &target)?;
        }
        let Some(path) = below.to_str() else {
            return Err(DownloadError::archive(archive, format!("holds `{}`, no name in UTF-8", below.display())));
        };
        unpacked.push(Unpacked { path: path.replace('\\', "/"), bytes, sha256 });
    }
    Ok(unpacked)
}

/// The folder that all files are in.
fn common_folder(found: &BTreeMap<PathBuf, (u64, String)>) -> Option<PathBuf> {
    let first: PathBuf = found.keys().next()?.components().next()?.as_os_str().into();
    found.keys().all(|path| path.components().count() > 1 && path.starts_with(&first)).then_some(first)
}

/// Removes the folder aside: a killed call may have left it.
fn clear(aside: &Path) -> Result<(), DownloadError> {
    match fs::remove_dir_all(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DownloadError::io(aside, "remove the leftover folder")(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::path_within;

    #[test]
    fn paths_stay_within() {
        for (name, expected) in [
            ("ml-1m/ratings.dat", Some("ml-1m/ratings.dat")),
            ("./a//b", Some("a/b")),
            ("a/../b", None),
            ("../b", None),
            ("/etc/passwd", None),
            ("C:\\x", None),
            ("C:/x", None),
            ("a\\..\\..\\b", None),
            ("a/b\0", None),
            ("a/\u{1b}[2J", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(path_within(name).as_deref(), expected.map(std::path::Path::new), "{name:?}");
        }
    }
}
