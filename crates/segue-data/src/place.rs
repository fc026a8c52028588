//! Where a folder is built and how it takes its place: beside the target, then renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::DataError;
use crate::readers::Fnv;

/// One written file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenFile {
    /// Path within the folder.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// FNV-1a, 64 bits, 16 hexadecimal digits.
    pub fnv1a64: String,
}

/// By what a folder is known to be ours to replace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    /// A file that every such folder has.
    pub(crate) file: &'static str,
    /// The command that writes it.
    pub(crate) command: &'static str,
}

/// A folder being built beside its place. Dropped before [`Place::take`], it removes what it built.
#[derive(Debug)]
pub(crate) struct Place {
    target: PathBuf,
    aside: PathBuf,
    mark: Mark,
    folders: Vec<String>,
    taken: bool,
    pub(crate) files: Vec<WrittenFile>,
}

impl Place {
    /// Checks that `target` may be replaced, and makes the folder aside with these folders in it.
    pub(crate) fn prepare(target: &Path, mark: Mark, folders: &[&str]) -> Result<Self, DataError> {
        let target = &*followed(target);
        replaceable(target, mark)?;
        let parent = parent_of(target);
        fs::create_dir_all(parent).map_err(not_made(target))?;
        let aside = sibling(target, "writing")?;
        // Left by a killed run; the name is ours alone.
        if aside.is_dir() {
            fs::remove_dir_all(&aside).map_err(DataError::io(&aside, "remove the leftover folder"))?;
        }
        let named = folders.iter().map(ToString::to_string).collect();
        let place = Self { target: target.into(), aside, mark, folders: named, taken: false, files: Vec::new() };
        for folder in folders {
            let folder = place.aside.join(folder);
            fs::create_dir_all(&folder).map_err(not_made(target))?;
        }
        Ok(place)
    }

    /// Opens one file of the folder for writing.
    pub(crate) fn create(&self, name: &str) -> Result<Hashed, DataError> {
        let path = self.aside.join(name);
        let file = File::create(&path).map_err(DataError::io(&path, "create"))?;
        Ok(Hashed { name: name.into(), path, file: io::BufWriter::new(file), hash: Fnv::default(), bytes: 0 })
    }

    /// Flushes and syncs a file, and notes its size and hash.
    pub(crate) fn close(&mut self, out: Hashed) -> Result<(), DataError> {
        let Hashed { name, path, file, hash, bytes } = out;
        let file = file.into_inner().map_err(|error| DataError::io(&path, "write")(error.into_error()))?;
        file.sync_all().map_err(DataError::io(&path, "sync"))?;
        self.files.push(WrittenFile { path: name, bytes, fnv1a64: hash.hex() });
        Ok(())
    }

    /// Syncs the folders and renames the whole into place; an old folder of ours goes afterwards.
    pub(crate) fn take(mut self) -> Result<(), DataError> {
        for folder in &self.folders {
            sync_folder(&self.aside.join(folder))?;
        }
        sync_folder(&self.aside)?;
        let old = sibling(&self.target, "old")?;
        if old.is_dir() {
            fs::remove_dir_all(&old).map_err(DataError::io(&old, "remove the old folder"))?;
        }
        // Checked again: the building took a while.
        replaceable(&self.target, self.mark)?;
        if self.target.is_dir() {
            fs::rename(&self.target, &old).map_err(DataError::io(&self.target, "move the old folder away"))?;
        }
        if let Err(error) = fs::rename(&self.aside, &self.target) {
            // Put the old one back: it is still the best there is.
            let _ = fs::rename(&old, &self.target);
            return Err(DataError::io(&self.target, "put the new folder in place")(error));
        }
        self.taken = true;
        sync_folder(parent_of(&self.target))?;
        if old.is_dir() {
            fs::remove_dir_all(&old).map_err(DataError::io(&old, "remove the old folder"))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.taken {
            // Best effort: the error that led here is the one to report.
            let _ = fs::remove_dir_all(&self.aside);
        }
    }
}

/// Held while a folder is prepared, so that nobody else prepares the same one: both would work in the same files beside it.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock of `target`, or says that another has it.
    pub(crate) fn take(target: &Path) -> Result<Self, DataError> {
        let path = sibling(target, "lock")?;
        let parent = parent_of(target);
        fs::create_dir_all(parent).map_err(not_made(target))?;
        loop {
            let file = File::options().create(true).truncate(false).write(true).open(&path);
            let file = file.map_err(not_made(target))?;
            // A file system without locks: two preparations at once are then the user's own affair.
            if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
                let what = "is being prepared by another command now; wait for it, or name another output folder";
                return Err(DataError::Folder { path: target.into(), what: what.into() });
            }
            // Whoever held it before may have removed the name on leaving.
            if path.exists() {
                return Ok(Self { path, _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Best effort: an empty file that is left is taken again by the next.
        let _ = fs::remove_file(&self.path);
    }
}

/// What a user named cannot be made, whichever name beside it or within it was tried.
fn not_made(target: &Path) -> impl FnOnce(io::Error) -> DataError {
    DataError::io(target, "create the folder")
}

/// Only nothing, an empty folder or a folder of ours is replaced.
pub(crate) fn replaceable(target: &Path, mark: Mark) -> Result<(), DataError> {
    let folder = |what: String| DataError::Folder { path: target.into(), what };
    if !target.exists() {
        return Ok(());
    }
    if !target.is_dir() {
        return Err(folder("is a file; name another output folder".into()));
    }
    let present = files_below(target)?;
    if present.is_empty() {
        return Ok(());
    }
    let listed = fs::read(target.join(mark.file)).ok().and_then(|text| serde_json::from_slice::<Listing>(&text).ok());
    let Some(listed) = listed else {
        return Err(folder(format!(
            "is not empty and was not written by `{}`; name another output folder, or empty it",
            mark.command
        )));
    };
    let ours =
        |path: &PathBuf| *path == Path::new(mark.file) || listed.files.iter().any(|f| Path::new(&f.path) == path);
    match present.iter().find(|path| !ours(path)) {
        Some(foreign) => Err(folder(format!(
            "holds {} beside what `{}` wrote there; move it away, or name another output folder",
            foreign.display(),
            mark.command
        ))),
        None => Ok(()),
    }
}

/// The files that a mark lists, whatever else it says.
#[derive(Deserialize)]
struct Listing {
    files: Vec<WrittenFile>,
}

/// Every file below a folder, by its path within it.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(within) = folders.pop() {
        let at = folder.join(&within);
        for entry in fs::read_dir(&at).map_err(DataError::io(&at, "list"))? {
            let entry = entry.map_err(DataError::io(&at, "list"))?;
            let path = within.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

fn parent_of(target: &Path) -> &Path {
    target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where a link points, and whatever is no link itself: a folder takes the place of what a link names, not of the link.
fn followed(target: &Path) -> PathBuf {
    let mut target = target.to_path_buf();
    // As many as a system follows.
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&target) else { break };
        target = parent_of(&target).join(next);
    }
    target
}

/// The name beside `target`, or beside what it links to, that has this role.
pub(crate) fn sibling(target: &Path, role: &str) -> Result<PathBuf, DataError> {
    let target = &*followed(target);
    match target.file_name() {
        Some(name) => Ok(parent_of(target).join(format!(".{}.{role}", name.to_string_lossy()))),
        None => Err(DataError::Folder { path: target.into(), what: "has no name; name an output folder".into() }),
    }
}

fn sync_folder(folder: &Path) -> Result<(), DataError> {
    // Where a folder cannot be opened for syncing (not a POSIX system) the rename is all there is.
    if cfg!(unix) {
        let opened = File::open(folder).map_err(DataError::io(folder, "open"))?;
        opened.sync_all().map_err(DataError::io(folder, "sync"))?;
    }
    Ok(())
}

/// A file that is hashed and counted as it is written.
#[derive(Debug)]
pub(crate) struct Hashed {
    name: String,
    pub(crate) path: PathBuf,
    file: io::BufWriter<File>,
    hash: Fnv,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.file.write(buffer)?;
        self.hash = self.hash.of(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
