//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use segue_core::Blob;
use serde_json::Value;

use crate::error::LabError;

/// Reads a whole file; the error names it and the way out.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LabError> {
    if path.is_dir() {
        return Err(LabError::io("read", path, &io::Error::other("it is a directory, not a file")));
    }
    fs::read(path).map_err(|error| LabError::io("read", path, &error))
}

/// The content of a file, read as it is needed: from the map of the file where the system makes one, else from memory.
pub(crate) fn map(path: &Path) -> Result<Blob, LabError> {
    let failed = |error: io::Error| LabError::io("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    #[expect(
        unsafe_code,
        reason = "a file that is cut short while it is mapped ends the program; ours are replaced whole, never changed"
    )]
    // SAFETY: nothing of ours writes into a finished file: `write_aside` gives a new one its name, and the old one stays what it
    // was as long as it is mapped.
    let mapped = unsafe { Mmap::map(&file) };
    mapped.map_or_else(|_| read(path).map(Blob::new), |mapped| Ok(Blob::new(mapped)))
}

/// Refuses what [`write_aside`] will not replace: a device, a pipe or a folder is nobody's old version.
pub fn may_be_written(path: &Path) -> Result<(), LabError> {
    if path.exists() && !path.is_file() {
        return Err(LabError::io("write", path, &io::Error::other("it is no plain file, and is not replaced")));
    }
    Ok(())
}

/// Writes beside `path`, syncs, and renames: a killed writer leaves the old file or none.
pub fn write_aside(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), LabError> {
    let aside = aside(path);
    may_be_written(path)?;
    let result = (|| {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs::create_dir_all(parent)?;
        }
        let mut file = BufWriter::new(File::create(&aside)?);
        write(&mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&aside, path)?;
        sync_parent(path)
    })();
    if result.is_err() {
        // The error of the write is the one to report; a leftover that cannot be removed is named by it anyway.
        let _ = fs::remove_file(&aside);
    }
    result.map_err(|error| LabError::io("write", path, &error))
}

/// Writes a record for people and programs, as [`write_aside`] does.
pub(crate) fn write_json(path: &Path, value: &Value) -> Result<(), LabError> {
    write_aside(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

/// Renames a finished folder to its final name and syncs the parent.
pub(crate) fn rename_folder(from: &Path, to: &Path) -> Result<(), LabError> {
    fs::rename(from, to).and_then(|()| sync_parent(to)).map_err(|error| LabError::io("rename to", to, &error))
}

/// Creates a folder and its parents.
pub(crate) fn create_folder(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(|error| LabError::io("create", path, &error))
}

pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn aside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".partial");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.txt");
        write_aside(&path, |out| out.write_all(b"old")).unwrap();
        let error = write_aside(&path, |out| {
            out.write_all(b"new")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert!(error.unwrap_err().to_string().contains("b.txt"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
