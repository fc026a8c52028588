//! Rows beyond a limit of memory live in files until they are done with.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::DataError;
use crate::readers::is_kept;

/// How many bytes of rows are held, and the folder of those that are not.
///
/// The folder appears with its first file and goes with its owner.
#[derive(Debug)]
pub(crate) struct Spill {
    limit: usize,
    held: AtomicUsize,
    folder: PathBuf,
    written: AtomicU64,
    failed: AtomicBool,
    /// Whether whole files that were read stay behind when work is stopped.
    keeps: AtomicBool,
}

impl Spill {
    /// `limit` in bytes. A folder of this name left by a killed run is ours, and goes.
    pub(crate) fn new(limit: usize, folder: PathBuf) -> Result<Self, DataError> {
        Self::cleared(limit, folder, |_| false, false)
    }

    /// What is read whole stays in the folder until [`Self::finish`]; with `resume` what a stopped run left is found.
    pub(crate) fn keeping(limit: usize, folder: PathBuf, resume: bool) -> Result<Self, DataError> {
        Self::cleared(limit, folder, |path| resume && is_kept(path), true)
    }

    fn cleared(limit: usize, folder: PathBuf, stays: impl Fn(&Path) -> bool, keeps: bool) -> Result<Self, DataError> {
        let told = || DataError::io(&folder, "clear the leftover folder");
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.map_err(told())?.path();
            if !stays(&path) {
                fs::remove_file(&path).map_err(told())?;
            }
        }
        let (held, written, failed) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
        Ok(Self { limit, held, folder, written, failed, keeps: AtomicBool::new(keeps) })
    }

    /// Whether whole files that were read stay behind when work is stopped.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps.load(Ordering::Relaxed)
    }

    /// All is done: nothing stays behind.
    pub(crate) fn finish(&self) {
        self.keeps.store(false, Ordering::Relaxed);
    }

    /// Bytes that may be held.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes room for so many bytes if they are there.
    pub(crate) fn hold(&self, bytes: usize) -> bool {
        let taken = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.limit;
        if !taken {
            self.release(bytes);
        }
        taken
    }

    /// Gives room back.
    pub(crate) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes written to files in all.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// True once a file could not be written: whoever reads may as well stop.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Appends to the file `name`, or begins it anew.
    pub(crate) fn write(&self, name: &str, bytes: &[u8], anew: bool) -> Result<(), DataError> {
        let path = self.folder.join(name);
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut options = File::options();
            let options = if anew { options.write(true).truncate(true) } else { options.append(true) };
            // Opened for each write: a large log has more files than a process may hold open.
            options.create(true).open(&path)?.write_all(bytes)
        };
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        write().map_err(|error| {
            self.failed.store(true, Ordering::Relaxed);
            DataError::io(&path, "write")(error)
        })
    }

    /// Opens the file `name` for reading.
    pub(crate) fn read(&self, name: &str) -> Result<Blocks, DataError> {
        let path = self.folder.join(name);
        let file = File::open(&path).map_err(DataError::io(&path, "read"))?;
        Ok(Blocks { path, file: BufReader::with_capacity(1 << 16, file) })
    }

    /// Removes the file `name`.
    pub(crate) fn remove(&self, name: &str) {
        // Best effort: the whole folder goes in the end.
        let _ = fs::remove_file(self.folder.join(name));
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        let stays = |path: &Path| self.keeps() && is_kept(path);
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| !stays(path)).for_each(|path| drop(fs::remove_file(path)));
        // A folder that still holds something is not removed by this.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// A file of blocks: a number of rows, then one column after the other.
#[derive(Debug)]
pub(crate) struct Blocks {
    path: PathBuf,
    file: BufReader<File>,
}

impl Blocks {
    /// The number of rows of the next block; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<usize>, DataError> {
        let mut rows = [0; 8];
        match self.file.read_exact(&mut rows) {
            Ok(()) => Ok(Some(u64::from_le_bytes(rows) as usize)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(DataError::io(&self.path, "read")(error)),
        }
    }

    /// Appends a column of `rows` cells of `N` bytes to `out`.
    pub(crate) fn column<const N: usize, T>(
        &mut self,
        rows: usize,
        out: &mut Vec<T>,
        cell: impl Fn([u8; N]) -> T,
    ) -> Result<(), DataError> {
        let mut bytes = [0; 1 << 13];
        out.reserve(rows);
        let mut left = rows;
        while left > 0 {
            let now = left.min(bytes.len() / N);
            self.file.read_exact(&mut bytes[..now * N]).map_err(DataError::io(&self.path, "read"))?;
            out.extend(bytes[..now * N].as_chunks().0.iter().map(|&bytes| cell(bytes)));
            left -= now;
        }
        Ok(())
    }

    /// Passes over `bytes` bytes.
    pub(crate) fn skip(&mut self, bytes: usize) -> Result<(), DataError> {
        self.file.seek_relative(bytes as i64).map_err(DataError::io(&self.path, "read"))
    }
}

/// Appends a column to the bytes of a block.
pub(crate) fn put<const N: usize, T>(out: &mut Vec<u8>, cells: &[T], bytes: impl Fn(&T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + cells.len() * N, 0);
    for (place, cell) in out[start..].as_chunks_mut().0.iter_mut().zip(cells) {
        *place = bytes(cell);
    }
}

/// The bytes that begin a block of so many rows.
pub(crate) fn block(rows: usize) -> Vec<u8> {
    (rows as u64).to_le_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_as_written_and_the_folder_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("spill");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("left behind"), "").unwrap();
        let spill = Spill::new(10, folder.clone()).unwrap();
        assert!(!folder.join("left behind").exists());
        for rows in [vec![1_u32, 2, 3], vec![], vec![u32::MAX; 5000]] {
            let mut bytes = block(rows.len());
            put(&mut bytes, &rows, |row| row.to_le_bytes());
            put(&mut bytes, &rows, |&row| [row as u8]);
            spill.write("rows", &bytes, false).unwrap();
        }
        let (mut blocks, mut whole, mut low) = (spill.read("rows").unwrap(), Vec::new(), Vec::new());
        while let Some(rows) = blocks.next().unwrap() {
            blocks.column(rows, &mut whole, u32::from_le_bytes).unwrap();
            if rows == 3 { blocks.column(rows, &mut low, |[byte]| byte).unwrap() } else { blocks.skip(rows).unwrap() }
        }
        assert_eq!((whole.len(), &whole[..4], low), (5003, &[1, 2, 3, u32::MAX][..], vec![1, 2, 3]));
        assert_eq!(spill.written(), 3 * 8 + 5003 * 5);
        drop(spill);
        assert!(!folder.exists());
    }

    #[test]
    fn room_is_given_once() {
        let spill = Spill::new(10, PathBuf::from("never made")).unwrap();
        assert!(spill.hold(6) && !spill.hold(5) && spill.hold(4) && !spill.hold(1));
        spill.release(4);
        assert!(spill.hold(3));
    }

    #[test]
    fn a_full_disk_is_told_and_remembered() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let spill = Spill::new(0, dir.path().join("file/below")).unwrap();
        assert!(spill.write("x", &[0], true).is_err() && spill.has_failed());
    }
}
