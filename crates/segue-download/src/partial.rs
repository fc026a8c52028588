//! An unfinished file: its bytes in `<name>.part`, and in `<name>.part.json` of what file on the server they are the
//! beginning.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checksum::Digests;
use crate::client::Answer;
use crate::files::{self, digest, put_in_place, write_whole};
use crate::{Checksum, DownloadError, Listener};

/// Which file on the server the bytes are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    pub(crate) address: String,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) total: Option<u64>,
}

impl Origin {
    pub(crate) fn of(address: &str, answer: &Answer) -> Self {
        let (etag, last_modified) = (answer.etag.clone(), answer.last_modified.clone());
        Self { address: address.into(), etag, last_modified, total: answer.length }
    }

    /// What tells two versions of the file apart for the server. A weak tag does not promise equal bytes.
    pub(crate) fn validator(&self) -> Option<&str> {
        self.etag.as_deref().filter(|tag| !tag.starts_with("W/")).or(self.last_modified.as_deref())
    }
}

/// The unfinished file, locked for us.
pub(crate) struct Part<'a> {
    pub(crate) path: PathBuf,
    origin_path: PathBuf,
    target: &'a Path,
    checksum: Option<&'a Checksum>,
    file: File,
    /// Bytes in the file.
    pub(crate) bytes: u64,
    origin: Option<Origin>,
    /// Of the bytes in the file, if they have been read or written by us.
    digests: Option<Digests>,
}

impl<'a> Part<'a> {
    /// Opens or creates it, and takes the lock.
    pub(crate) fn open(target: &'a Path, checksum: Option<&'a Checksum>) -> Result<Self, DownloadError> {
        files::create_parent(target)?;
        let path = files::with_ending(target, ".part");
        let origin_path = files::with_ending(target, ".part.json");
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(DownloadError::io(&path, "create"))?;
        // A file system without locks: two downloads at once are then the user's own affair.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(DownloadError::Locked { path });
        }
        let bytes = file.metadata().map_err(DownloadError::io(&path, "read"))?.len();
        let origin = fs::read(&origin_path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Ok(Self { path, origin_path, target, checksum, file, bytes, origin, digests: None })
    }

    /// From which byte on `address` may be asked, and by which validator. 0 if the bytes may be of another file.
    pub(crate) fn resumes(&self, address: &str) -> (u64, Option<Origin>) {
        match &self.origin {
            // Without a validator only the checksum can tell whether the halves fit.
            Some(origin) if origin.address == address && (origin.validator().is_some() || self.checksum.is_some()) => {
                (self.bytes, Some(origin.clone()))
            }
            _ => (0, None),
        }
    }

    /// Where the bytes are, if another try can go on behind them.
    pub(crate) fn of_use(&self, address: &str) -> Option<PathBuf> {
        (self.bytes == 0 || self.resumes(address).0 > 0).then(|| self.path.clone())
    }

    /// Forgets the bytes and begins anew.
    pub(crate) fn begin(&mut self, origin: Origin) -> Result<(), DownloadError> {
        self.file.set_len(0).map_err(DownloadError::io(&self.path, "empty"))?;
        self.file.seek(SeekFrom::Start(0)).map_err(DownloadError::io(&self.path, "write"))?;
        self.bytes = 0;
        self.digests = Some(Digests::new(self.checksum, origin.total));
        let text = serde_json::to_vec(&origin).unwrap_or_default();
        // Before the first byte, so that no bytes are ever of unknown origin.
        write_whole(&self.origin_path, &text)?;
        self.origin = Some(origin);
        Ok(())
    }

    /// Goes on behind the bytes that are there, which are read if we have not written them ourselves.
    pub(crate) fn go_on(&mut self, listener: &mut Listener<'_>) -> Result<(), DownloadError> {
        let known_size = self.origin.as_ref().and_then(|origin| origin.total);
        if self.digests.is_none() {
            self.digests = Some(files::digest_beginning(&self.path, self.checksum, known_size, listener)?);
        }
        self.file.seek(SeekFrom::Start(self.bytes)).map_err(DownloadError::io(&self.path, "write"))?;
        Ok(())
    }

    /// Appends bytes. On an error the file is as long as what the digests know.
    pub(crate) fn write(&mut self, block: &[u8]) -> Result<(), DownloadError> {
        if let Err(error) = self.file.write_all(block) {
            // Half a block may have been written: the next try must not count it.
            let _ = self.file.set_len(self.bytes);
            return Err(DownloadError::io(&self.path, "write")(error));
        }
        self.bytes += block.len() as u64;
        if let Some(digests) = &mut self.digests {
            digests.update(block);
        }
        Ok(())
    }

    /// Compares the whole with the checksum and puts it in its place; its SHA-256. A wrong one is removed.
    pub(crate) fn finish(mut self, from: &str, listener: &mut Listener<'_>) -> Result<(u64, String), DownloadError> {
        self.file.sync_all().map_err(DownloadError::io(&self.path, "sync"))?;
        let mut digests = match self.digests.take() {
            Some(digests) => digests,
            None => digest(&self.path, self.checksum, listener)?,
        };
        let is_page = !files::is_for_pages(self.target) && files::is_page(&self.path)?;
        if is_page && self.checksum.is_none() {
            self.discard()?;
            return Err(DownloadError::Page { address: from.into() });
        }
        if let Some(checksum) = self.checksum {
            let mut got = digests.computed(checksum);
            if got.is_none() {
                digests = digest(&self.path, Some(checksum), listener)?;
                got = digests.computed(checksum);
            }
            let got = got.unwrap_or_default();
            if got != checksum.hex() {
                let (algorithm, expected) = (checksum.algorithm(), checksum.hex().to_owned());
                self.discard()?;
                if is_page {
                    return Err(DownloadError::Page { address: from.into() });
                }
                return Err(DownloadError::Checksum { from: from.into(), algorithm, expected, got });
            }
        }
        put_in_place(&self.path, self.target)?;
        files::remove(&self.origin_path)?;
        Ok((self.bytes, digests.sha256()))
    }

    /// Removes what has come.
    pub(crate) fn discard(&mut self) -> Result<(), DownloadError> {
        self.forget()?;
        files::remove(&self.path)
    }

    /// Empties the file: its bytes are of no use.
    pub(crate) fn forget(&mut self) -> Result<(), DownloadError> {
        self.file.set_len(0).map_err(DownloadError::io(&self.path, "empty"))?;
        (self.bytes, self.origin, self.digests) = (0, None, None);
        files::remove(&self.origin_path)
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        // A try that brought nothing leaves nothing.
        if self.bytes == 0 && self.path.exists() && self.file.metadata().is_ok_and(|it| it.len() == 0) {
            let _: io::Result<()> = fs::remove_file(&self.path);
            let _: io::Result<()> = fs::remove_file(&self.origin_path);
        }
    }
}
