//! `download.json`: what a download wrote into a data set's folder, and where it came from.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::{digest, write_whole};
use crate::{DownloadError, Listener};

/// The name of the record.
pub const RECORD: &str = "download.json";

/// One file of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Where it came from: the address of the file, or of the archive it was in; none if it was put there by hand.
    pub address: Option<String>,
    /// What was published about the file or its archive and found right, e.g. `md5 c4d9...`.
    pub checked: Option<String>,
}

/// What is in the folder of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The data set.
    pub data_set: String,
    /// The terms of its publisher.
    pub terms: String,
    /// Archives that were unpacked, by the address in the catalogue, and the files that each held.
    pub archives: BTreeMap<String, Vec<String>>,
    /// Files by their path in the folder.
    pub files: BTreeMap<String, FileRecord>,
}

impl Record {
    /// Reads the record of a folder; none if there is none, or none of ours.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), DownloadError> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        write_whole(&folder.join(RECORD), &text)
    }

    /// What is wrong with a file that the record lists, if anything.
    pub(crate) fn fault(
        &self,
        folder: &Path,
        name: &str,
        listener: &mut Listener<'_>,
    ) -> Result<Option<String>, DownloadError> {
        let Some(file) = self.files.get(name) else { return Ok(Some(format!("{name} was not downloaded"))) };
        let path = folder.join(name);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(format!("{name} is missing"))),
            Err(error) => return Err(DownloadError::io(path, "read")(error)),
            Ok(found) if found.len() != file.bytes => {
                return Ok(Some(format!("{name} has {} bytes instead of {}", found.len(), file.bytes)));
            }
            Ok(_) => {}
        }
        let wrong = digest(&path, None, listener)?.sha256() != file.sha256;
        Ok(wrong.then(|| format!("{name} has changed")))
    }
}
