//! Rows beyond a limit of memory live in files until they are done with.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use flate2::Crc;
use rayon::prelude::*;

use crate::DataError;

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
    /// Bytes of every file that was written: one that somebody else removed or cut is no shorter log, but an error.
    sizes: Mutex<BTreeMap<String, u64>>,
}

impl Spill {
    /// `limit` in bytes. A folder of this name left by a killed run is ours, and goes.
    pub(crate) fn new(limit: usize, folder: PathBuf) -> Result<Self, DataError> {
        Self::cleared(limit, folder, |_| false, false)
    }

    /// What is read whole stays in the folder until [`Self::finish`]; with `resume` what a stopped run left is found.
    pub(crate) fn keeping(limit: usize, folder: PathBuf, resume: bool) -> Result<Self, DataError> {
        let stays = kept_in(&folder);
        Self::cleared(limit, folder, |path| resume && stays(path), true)
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
        Ok(Self { limit, held, folder, written, failed, keeps: AtomicBool::new(keeps), sizes: Mutex::default() })
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
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        let size = sizes.entry(name.to_owned()).or_default();
        *size = if anew { 0 } else { *size } + bytes.len() as u64;
        drop(sizes);
        write().map_err(|error| {
            self.failed.store(true, Ordering::Relaxed);
            let is_temporary = self.folder.parent() == Some(&std::env::temp_dir());
            if is_temporary && error.kind() == io::ErrorKind::StorageFull {
                let what = format!(
                    "the rows that wait there are more than the disk holds ({error}); free some space on it, name a folder on \
                     another by the variable TMPDIR, or hold more in memory by prepare.memory"
                );
                return DataError::Folder { path: self.folder.clone(), what };
            }
            DataError::io(&path, "write")(error)
        })
    }

    /// Bytes of the file `name` as it was written; of one that an earlier run left, as it is.
    fn size(&self, name: &str) -> Option<u64> {
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.get(name).copied().or_else(|| Some(self.folder.join(name).metadata().ok()?.len()))
    }

    /// Whether there is a file `name`, or should be.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.size(name).is_some()
    }

    /// Opens the file `name` for reading.
    pub(crate) fn read(&self, name: &str) -> Result<Blocks, DataError> {
        let path = self.folder.join(name);
        let file = File::open(&path).map_err(DataError::io(&path, "read"))?;
        let found = file.metadata().map_err(DataError::io(&path, "read"))?.len();
        match self.size(name) {
            Some(written) if written != found => {
                let what = format!(
                    "is one of the files that rows wait in, and somebody changed it meanwhile: {written} bytes were \
                     written, {found} are left; run again, with a folder that nothing else clears"
                );
                Err(DataError::Folder { path, what })
            }
            _ => Ok(Blocks { path, file: BufReader::with_capacity(1 << 16, file) }),
        }
    }

    /// CRC-32 of every file with a name that is asked for, by name: what was changed or cut since is told by it.
    pub(crate) fn checksums(&self, wanted: impl Fn(&str) -> bool) -> Result<BTreeMap<String, u32>, DataError> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| wanted(name));
        let sum = |name: String| checksum(&self.folder.join(&name)).map(|sum| (name, sum));
        names.collect::<Vec<_>>().into_par_iter().map(sum).collect()
    }

    /// [`Self::checksums`] of what was divided, without its note.
    pub(crate) fn checksums_of_divided(&self) -> Result<BTreeMap<String, u32>, DataError> {
        self.checksums(|name| is_divided(name) && name != DIVIDED)
    }

    /// Removes what was divided, the note first: without it, the rest is nothing.
    pub(crate) fn forget_divided(&self) {
        self.remove(DIVIDED);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if let Some(name) = entry.file_name().to_str().filter(|name| is_divided(name)) {
                self.remove(name);
            }
        }
    }

    /// Removes the file `name`.
    pub(crate) fn remove(&self, name: &str) {
        // Best effort: the whole folder goes in the end.
        let _ = fs::remove_file(self.folder.join(name));
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        let kept = kept_in(&self.folder);
        let stays = |path: &Path| self.keeps() && kept(path);
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| !stays(path)).for_each(|path| drop(fs::remove_file(path)));
        // A folder that still holds something is not removed by this.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Which files of a folder stay behind when work is stopped: what was read and what was divided, once it is noted. Files that
/// were begun only would take room for nothing.
fn kept_in(folder: &Path) -> impl Fn(&Path) -> bool + use<> {
    let folder = folder.to_path_buf();
    move |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let read = name.strip_prefix("read.").and_then(|rest| rest.split('.').next());
        let read = read.is_some_and(|file| folder.join(format!("read.{file}.note")).exists());
        read || (is_divided(&name) && folder.join(DIVIDED).exists())
    }
}

/// How rows and texts are written in files that stay behind; those of another version are not found.
pub(crate) const FORMAT: &str = "rows 8";

/// The note of what was divided.
pub(crate) const DIVIDED: &str = "divided.note";

/// Whether a file is of what was divided.
fn is_divided(name: &str) -> bool {
    name.starts_with("divided.") || name.starts_with("rows.")
}

fn checksum(path: &Path) -> Result<u32, DataError> {
    let read = || {
        let (mut file, mut sum, mut buffer) = (File::open(path)?, Crc::new(), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(sum.sum()),
                n => sum.update(&buffer[..n]),
            }
        }
    };
    read().map_err(DataError::io(path, "read"))
}

/// What a column begins with: its least cell, how far apart cells are, and the bytes of each.
struct Head {
    base: u64,
    unit: u64,
    width: usize,
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

    /// Appends a column of `rows` cells to `out`.
    pub(crate) fn column<T>(
        &mut self,
        rows: usize,
        out: &mut Vec<T>,
        cell: impl Fn(u64) -> T,
    ) -> Result<(), DataError> {
        let Head { base, unit, width } = self.head()?;
        out.reserve(rows);
        let at = |units: u64| cell(base.wrapping_add(units.wrapping_mul(unit)));
        match width {
            0 => out.extend((0..rows).map(|_| cell(base))),
            1 => self.cells(rows, out, |[byte]: [u8; 1]| at(byte.into()))?,
            2 => self.cells(rows, out, |bytes| at(u16::from_le_bytes(bytes).into()))?,
            4 => self.cells(rows, out, |bytes| at(u32::from_le_bytes(bytes).into()))?,
            _ => self.cells(rows, out, |bytes| at(u64::from_le_bytes(bytes)))?,
        }
        Ok(())
    }

    fn head(&mut self) -> Result<Head, DataError> {
        let (mut numbers, mut width) = ([0; 16], [0]);
        let told = || DataError::io(&self.path, "read");
        self.file.read_exact(&mut numbers).map_err(told())?;
        self.file.read_exact(&mut width).map_err(told())?;
        let [base, unit] = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|n| numbers[at + n])));
        Ok(Head { base, unit, width: usize::from(width[0]) })
    }

    /// Appends what `rows` cells of `N` bytes are.
    fn cells<const N: usize, T>(
        &mut self,
        rows: usize,
        out: &mut Vec<T>,
        cell: impl Fn([u8; N]) -> T,
    ) -> Result<(), DataError> {
        let mut bytes = [0; 1 << 13];
        let mut left = rows;
        while left > 0 {
            let now = left.min(bytes.len() / N);
            self.file.read_exact(&mut bytes[..now * N]).map_err(DataError::io(&self.path, "read"))?;
            out.extend(bytes[..now * N].as_chunks().0.iter().map(|&bytes| cell(bytes)));
            left -= now;
        }
        Ok(())
    }

    /// Appends bytes that are no column.
    pub(crate) fn bytes(&mut self, n: usize, out: &mut Vec<u8>) -> Result<(), DataError> {
        out.reserve(n);
        self.cells(n, out, |[byte]: [u8; 1]| byte)
    }

    /// Passes over a column of `rows` cells.
    pub(crate) fn skip(&mut self, rows: usize) -> Result<(), DataError> {
        let width = self.head()?.width;
        self.file.seek_relative((rows * width) as i64).map_err(DataError::io(&self.path, "read"))
    }
}

/// Appends a column to the bytes of a block: its least cell, and how far each is above it, in units that all of them have in
/// common (stars differ by bits that are mostly zeros, and most logs' times by whole seconds), in as many bytes as the
/// largest needs, which are none where all are equal.
pub(crate) fn put<T>(out: &mut Vec<u8>, cells: &[T], cell: impl Fn(&T) -> u64) {
    let ends = cells.iter().map(&cell).fold(None, |ends: Option<(u64, u64)>, cell| {
        let (low, high) = ends.unwrap_or((cell, cell));
        Some((low.min(cell), high.max(cell)))
    });
    let (base, high) = ends.unwrap_or_default();
    let above = |of: &T| cell(of) - base;
    let (mut unit, mut most) = (1, high - base);
    if most > 0xff {
        let zeros = cells.iter().fold(0, |bits, of| bits | above(of)).trailing_zeros();
        (unit, most) = (1 << zeros, most >> zeros);
    }
    if most > 0xffff_ffff && cells.iter().all(|of| above(of).is_multiple_of(SECOND)) {
        (unit, most) = (SECOND, (high - base) / SECOND);
    }
    let width = match most {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    };
    out.extend(base.to_le_bytes());
    out.extend(unit.to_le_bytes());
    out.push(width);
    // Both kinds of unit without a division by what is known only now.
    if unit == SECOND {
        fill_by(out, cells, width, |of| above(of) / SECOND);
    } else {
        let zeros = unit.trailing_zeros();
        fill_by(out, cells, width, |of| above(of) >> zeros);
    }
}

/// Milliseconds.
const SECOND: u64 = 1000;

fn fill_by<T>(out: &mut Vec<u8>, cells: &[T], width: u8, units: impl Fn(&T) -> u64) {
    match width {
        0 => {}
        1 => fill(out, cells, |of| [units(of) as u8]),
        2 => fill(out, cells, |of| (units(of) as u16).to_le_bytes()),
        4 => fill(out, cells, |of| (units(of) as u32).to_le_bytes()),
        _ => fill(out, cells, |of| units(of).to_le_bytes()),
    }
}

fn fill<const N: usize, T>(out: &mut Vec<u8>, cells: &[T], bytes: impl Fn(&T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + cells.len() * N, 0);
    for (place, cell) in out[start..].as_chunks_mut().0.iter_mut().zip(cells) {
        *place = bytes(cell);
    }
}

/// A time as a cell: in the order of times, so that near ones are near.
pub(crate) fn time_cell(time: i64) -> u64 {
    time.cast_unsigned() ^ (1 << 63)
}

/// The time that [`time_cell`] made a cell.
pub(crate) fn time_of(cell: u64) -> i64 {
    (cell ^ (1 << 63)).cast_signed()
}

/// The value that is a cell by its bits.
pub(crate) fn value_of(cell: u64) -> f32 {
    f32::from_bits(cell as u32)
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
        let stars = [0.5_f32, 5.0, 3.5, 4.0].map(|star| u64::from(star.to_bits())).repeat(2);
        let seconds: Vec<u64> = [0, 1_500_000_001_000, -2_000_000_000_000].map(time_cell).into();
        // Cells of each width: none, 1, 2, 4 and 8 bytes; the last two in units of their own.
        let columns = [
            vec![],
            vec![u64::MAX; 5000],
            vec![7, 262, 9],
            (0..30_000).map(|n| (1 << 40) + n * 2).collect(),
            vec![u64::from(u32::MAX), 0, 5],
            vec![u64::MAX, 0, time_cell(-7), time_cell(i64::MAX)],
            stars,
            seconds,
        ];
        for rows in &columns {
            let mut bytes = block(rows.len());
            put(&mut bytes, rows, |&row| row);
            put(&mut bytes, rows, |&row| row & 1);
            bytes.extend(b"end");
            spill.write("rows", &bytes, false).unwrap();
        }
        let mut blocks = spill.read("rows").unwrap();
        for rows in &columns {
            let (mut read, mut low, mut end) = (Vec::new(), Vec::new(), Vec::new());
            assert_eq!(blocks.next().unwrap(), Some(rows.len()));
            blocks.column(rows.len(), &mut read, |cell| cell).unwrap();
            if rows.len() > 3 {
                blocks.skip(rows.len()).unwrap();
            } else {
                blocks.column(rows.len(), &mut low, |cell| cell).unwrap();
            }
            blocks.bytes(3, &mut end).unwrap();
            assert_eq!((&read, end.as_slice()), (rows, &b"end"[..]));
            assert!(rows.len() > 3 || low == rows.iter().map(|row| row & 1).collect::<Vec<_>>());
        }
        assert_eq!(blocks.next().unwrap(), None);
        assert_eq!([-7, i64::MIN, i64::MAX].map(|time| time_of(time_cell(time))), [-7, i64::MIN, i64::MAX]);
        // Heads, wholes and lows; even cells have no lows.
        let heads = 8 * (8 + 17 + 17 + 3);
        assert_eq!(spill.written(), heads + (3 + 30_000 * 2 + 3 * 4 + 4 * 8 + 8 + 3 * 4) + (3 + 3 + 4));
        drop(spill);
        assert!(!folder.exists());
    }

    #[test]
    fn what_was_only_begun_does_not_stay() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("spill");
        let left = || {
            let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let spill = Spill::keeping(0, folder.clone(), false).unwrap();
        for name in ["read.1", "read.1.users", "read.1.note", "read.2", "read.2.users", "rows.films.0", "divided.users"]
        {
            spill.write(name, &[0], true).unwrap();
        }
        drop(spill);
        assert_eq!(left(), ["read.1", "read.1.note", "read.1.users"]);
        let again = Spill::keeping(0, folder.clone(), true).unwrap();
        assert_eq!(left().len(), 3);
        again.finish();
        drop(again);
        assert!(!folder.exists());
    }

    #[test]
    fn files_that_somebody_removed_or_cut_are_missed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("spill");
        let spill = Spill::new(0, folder.clone()).unwrap();
        for name in ["gone", "begun again", "cut"] {
            spill.write(name, &[7; 20], false).unwrap();
        }
        fs::remove_file(folder.join("gone")).unwrap();
        fs::remove_file(folder.join("begun again")).unwrap();
        spill.write("begun again", &[7; 20], false).unwrap();
        fs::write(folder.join("cut"), [7; 19]).unwrap();
        assert!(spill.has("gone") && !spill.has("never written"));
        assert!(spill.read("gone").unwrap_err().to_string().contains("gone"));
        for name in ["begun again", "cut"] {
            assert!(spill.read(name).unwrap_err().to_string().contains("somebody changed it meanwhile"), "{name}");
        }
        spill.remove("cut");
        assert!(!spill.has("cut"));
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_of_temporary_files_is_told_with_the_variable_that_names_another() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("x")).unwrap();
        let spill = Spill::cleared(0, dir.path().into(), |_| true, true).unwrap();
        let told = spill.write("x", &[0], false).unwrap_err().to_string();
        assert!(told.contains("TMPDIR") && told.contains("No space left"), "{told}");
    }
}
