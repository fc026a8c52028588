//! Opening a file: gzip and zstd by content, a byte order mark and what else stands before the first row passed over, bytes
//! counted and hashed on the way, errors that name the way out.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use segue_core::nearest;

use super::gzip::Members;
use super::prologue::Prologue;
use super::zstd::{Frames, is_zstd};
use crate::DataError;

pub(super) const BUFFER: usize = 1 << 17;
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes of one line or record; more is no log but one quote left open, or no text at all.
pub(super) const RECORD_LIMIT: u64 = 1 << 28;

/// FNV-1a with 64 bits (Fowler, Noll, Vo): a stable check against accidents, not against attackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// The hash after these bytes, too.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)))
    }

    /// 16 hexadecimal digits.
    pub fn hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// What went through a file's reader so far.
#[derive(Debug, Default)]
struct Tally {
    bytes: Cell<u64>,
    hash: Cell<Fnv>,
}

struct Tallied {
    file: File,
    tally: Rc<Tally>,
}

impl Read for Tallied {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.tally.bytes.set(self.tally.bytes.get() + n as u64);
        self.tally.hash.set(self.tally.hash.get().of(&buffer[..n]));
        Ok(n)
    }
}

/// An open file, decompressed where it is gzip or zstd.
pub struct Input {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    tally: Rc<Tally>,
    size: u64,
    codec: Option<&'static str>,
    /// What was passed over.
    prologue: Prologue,
    /// Bytes handed out by [`Read`] since [`Input::mark`].
    unmarked: u64,
    /// What [`Read`] handed out from the position `kept_from` on, [`Input::mark`] or somewhat earlier.
    kept: Vec<u8>,
    kept_from: u64,
    marked: u64,
    /// Whether [`Read`] has come to the end.
    ended: bool,
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("path", &self.path).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Input {
    /// Opens `path`; a compressed file is recognised by its first bytes, whatever its name.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let file = open_file(path)?;
        let size = file.metadata().map_err(DataError::io(path, "read"))?.len();
        let tally = Rc::new(Tally::default());
        let mut raw = BufReader::with_capacity(BUFFER, Tallied { file, tally: Rc::clone(&tally) });
        let head = raw.fill_buf().map_err(DataError::io(path, "read"))?;
        if head.is_empty() {
            return Err(DataError::Empty { path: path.into() });
        }
        refuse_foreign(path, head)?;
        let (mut reader, codec): (Box<dyn BufRead>, _) = if head.starts_with(&[0x1f, 0x8b]) {
            (Box::new(BufReader::with_capacity(BUFFER, Members::new(raw))), Some("gzip"))
        } else if is_zstd(head) {
            (Box::new(BufReader::with_capacity(BUFFER, Frames::new(raw))), Some("zstd"))
        } else {
            (Box::new(raw), None)
        };
        // What a format is recognised by must be there at once, however small the parts in which it was compressed.
        let mut head = Vec::new();
        let filled = (&mut reader).take(BUFFER as u64).read_to_end(&mut head);
        filled.map_err(|error| fault(path, codec, error))?;
        refuse_foreign(path, &head)?;
        if let Some(codec) = codec.filter(|_| head.starts_with(b"PAR1")) {
            let program = if codec == "gzip" { "gunzip" } else { "unzstd" };
            let what =
                format!("is Parquet within {codec}, and Parquet compresses its own pages; unpack it with `{program}`");
            return Err(DataError::Format { path: path.into(), what });
        }
        let mark = if head.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let prologue = Prologue::of(&head[mark..]);
        let mut head = Cursor::new(head);
        head.set_position((mark + prologue.bytes) as u64);
        let reader = Box::new(head.chain(reader));
        let (unmarked, kept, kept_from, marked, ended) = (0, Vec::new(), 0, 0, false);
        Ok(Self { path: path.into(), reader, tally, size, codec, prologue, unmarked, kept, kept_from, marked, ended })
    }

    /// The path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size in bytes as stored.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Lines that stand before those that are read.
    pub(super) fn passed(&self) -> u64 {
        self.prologue.lines
    }

    /// What parts cells, where the file itself names it.
    pub(super) fn separator(&self) -> Option<u8> {
        self.prologue.separator
    }

    /// What to tell of the lines that were passed over.
    pub(super) fn note(&self) -> Option<String> {
        self.prologue.note()
    }

    /// Stored bytes consumed so far.
    pub fn consumed(&self) -> u64 {
        self.tally.bytes.get()
    }

    /// FNV-1a of the stored bytes consumed so far.
    pub(crate) fn hash(&self) -> Fnv {
        self.tally.hash.get()
    }

    /// The buffered content without consuming it; before anything was read, the first 128 KiB.
    pub(crate) fn peek(&mut self) -> Result<&[u8], DataError> {
        match self.reader.fill_buf() {
            Ok(head) => Ok(head),
            Err(error) => Err(fault(&self.path, self.codec, error)),
        }
    }

    /// The first line that is not blank, without consuming it: what a format is recognised by.
    pub(crate) fn first_line(&mut self) -> Result<&[u8], DataError> {
        Ok(first_of(self.peek()?))
    }

    /// Whether lines are JSON objects, by the first two: one may be damaged.
    pub(super) fn begins_with_objects(&mut self) -> Result<bool, DataError> {
        let lines = self.peek()?.split(|&b| b == b'\n').filter(|line| !is_blank(line)).take(2);
        Ok(lines.into_iter().any(|line| line.trim_ascii_start().starts_with(b"{")))
    }

    /// The next line with its end removed, in `line`; false at the end of the file.
    pub(crate) fn line(&mut self, line: &mut Vec<u8>) -> Result<bool, DataError> {
        line.clear();
        match (&mut self.reader).take(RECORD_LIMIT).read_until(b'\n', line) {
            Ok(0) => Ok(false),
            Ok(n) if n as u64 == RECORD_LIMIT => Err(self.fault(endless())),
            Ok(_) => {
                while matches!(line.last(), Some(b'\n' | b'\r')) {
                    line.pop();
                }
                Ok(true)
            }
            Err(error) => Err(self.fault(error)),
        }
    }

    /// True if a record that a parser ended after `position` bytes of [`Read`] was ended by `\n`, not by `\r` or the end.
    pub(super) fn ended_by_newline(&self, position: u64) -> bool {
        !self.ended && position > 0 && self.raw(position - 1..position) == b"\n"
    }

    /// Says that a record begins after `position` bytes of [`Read`]: [`RECORD_LIMIT`] counts from here on, and
    /// [`Input::raw`] has it whole.
    pub(super) fn mark(&mut self, position: u64) {
        (self.marked, self.unmarked) = (position, 0);
    }

    /// Bytes of [`Read`] from the last mark on.
    pub(super) fn raw(&self, range: Range<u64>) -> &[u8] {
        let at = |position: u64| position.saturating_sub(self.kept_from) as usize;
        self.kept.get(at(range.start)..at(range.end)).unwrap_or_default()
    }

    /// What an I/O failure of the stream means.
    pub(crate) fn fault(&self, error: io::Error) -> DataError {
        fault(&self.path, self.codec, error)
    }
}

/// What a file may begin with that no reader here reads: bytes, what they say it is, and the way out.
const FOREIGN: [(&[u8], &str, &str); 7] = [
    (b"\xff\xfe", "text in UTF-16", "write it as UTF-8, as `iconv -f UTF-16 -t UTF-8` does"),
    (b"\xfe\xff", "text in UTF-16", "write it as UTF-8, as `iconv -f UTF-16 -t UTF-8` does"),
    (b"PK\x03\x04", "a zip archive (or a spreadsheet)", "unpack it with `unzip` (or save it as CSV)"),
    (b"BZh", "compressed by bzip2", "unpack it with `bunzip2`, or compress it by gzip or zstd"),
    (b"\xfd7zXZ\0", "compressed by xz", "unpack it with `unxz`, or compress it by gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it with `7z x`"),
    (b"%%MatrixMarket", "a matrix of Matrix Market", "write its entries as CSV: user,item,value"),
];

const TAR: (&[u8], &str, &str) = (b"ustar", "a tar archive", "unpack it with `tar xf`");

/// Whether a head is that of a tar archive: a name filled up with zeros, and the mark behind the rest of its block.
fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(TAR.0) && head[..257].contains(&0)
}

/// Refuses other encodings and compressions before their bytes are taken for lines.
fn refuse_foreign(path: &Path, head: &[u8]) -> Result<(), DataError> {
    // Three letters may begin a text; what follows them in bzip2 does not.
    let is_text = |magic: &[u8]| magic == b"BZh" && head.get(4..7) != Some(b"1AY") && head.get(4..7) != Some(b"\x17rE");
    let found = FOREIGN.iter().find(|(magic, ..)| head.starts_with(magic) && !is_text(magic));
    let found = found.or_else(|| is_tar(head).then_some(&TAR));
    found.map_or(Ok(()), |(_, what, way_out)| {
        Err(DataError::Format { path: path.into(), what: format!("is {what}, which is not read; {way_out}") })
    })
}

/// The first line that is not blank.
pub(super) fn first_of(head: &[u8]) -> &[u8] {
    head.split(|&b| b == b'\n').find(|line| !is_blank(line)).unwrap_or_default()
}

/// The lines of a head that are whole: the last may be cut.
pub(super) fn whole_lines(head: &[u8]) -> &[u8] {
    &head[..head.iter().rposition(|&b| b == b'\n').map_or(head.len(), |end| end + 1)]
}

/// True if a line holds nothing but white space.
pub(super) fn is_blank(line: &[u8]) -> bool {
    str::from_utf8(line).is_ok_and(|text| text.trim().is_empty())
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.unmarked += n as u64;
        if n > 0 {
            let old = (self.marked.saturating_sub(self.kept_from + 1) as usize).min(self.kept.len());
            self.kept.drain(..old);
            self.kept_from += old as u64;
            self.kept.extend_from_slice(&buffer[..n]);
        } else {
            self.ended |= !buffer.is_empty();
        }
        if self.unmarked > RECORD_LIMIT { Err(endless()) } else { Ok(n) }
    }
}

fn fault(path: &Path, codec: Option<&'static str>, error: io::Error) -> DataError {
    let path = path.to_path_buf();
    if error.get_ref().and_then(|inner| inner.downcast_ref::<Endless>()).is_some() {
        return DataError::Format { path, what: error.to_string() };
    }
    match (error.kind(), codec) {
        (io::ErrorKind::UnexpectedEof, Some(codec)) => {
            DataError::Compressed { path, codec, what: "ends early (truncated)".into() }
        }
        (io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput, Some(codec)) => {
            DataError::Compressed { path, codec, what: format!("is damaged ({error})") }
        }
        _ => DataError::Io { path, doing: "read", source: error },
    }
}

/// A line or record beyond [`RECORD_LIMIT`].
#[derive(Debug, thiserror::Error)]
#[error("has a line or quoted cell of more than 256 MiB, which no log has; is a quote left open, or is it no text?")]
struct Endless;

fn endless() -> io::Error {
    io::Error::other(Endless)
}

/// Opens a regular file, or says what is there instead.
pub(crate) fn open_file(path: &Path) -> Result<File, DataError> {
    if path.as_os_str().is_empty() {
        return Err(DataError::config("data.domains", "a path is empty; name a file, or null for none"));
    }
    if path.is_dir() {
        let names = names_in(path);
        let shown = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let hint = if shown.is_empty() { "; it is empty".into() } else { format!("; it holds {shown}") };
        return Err(DataError::Directory { path: path.into(), hint });
    }
    File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => DataError::Missing { path: path.into(), hint: missing_hint(path) },
        _ => DataError::Io { path: path.into(), doing: "open", source: error },
    })
}

pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

fn missing_hint(path: &Path) -> String {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return format!("; the folder {} does not exist either, check `data.root` or SEGUE_DATA", folder.display());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let names = names_in(folder);
    // `ratings.csv` for `ratings.csv.gz` is far by edit distance and yet the likely slip.
    let bare = |name: &str| name.trim_end_matches(".gz").trim_end_matches(".zst").to_owned();
    let relative = names.iter().find(|n| bare(n) == bare(&name));
    match relative.map(String::as_str).or_else(|| nearest(&name, names.iter().map(String::as_str))) {
        Some(near) => format!("; did you mean {}?", folder.join(near).display()),
        None => format!("; {} holds {} other files", folder.display(), names.len()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn lines(path: &Path) -> Result<Vec<String>, DataError> {
        let mut input = Input::open(path)?;
        let (mut line, mut all) = (Vec::new(), Vec::new());
        while input.line(&mut line)? {
            all.push(String::from_utf8(line.clone()).unwrap());
        }
        assert_eq!(input.consumed(), input.size());
        Ok(all)
    }

    #[test]
    fn compression_is_recognised_by_content_even_in_several_parts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plain_name.txt");
        std::fs::write(&path, [gz(b"a\r\nb\n"), gz(b"c")].concat()).unwrap();
        assert_eq!(lines(&path).unwrap(), ["a", "b", "c"]);
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        std::fs::write(&path, [&skipped[..], &zst(b"a\nb\n"), &skipped, &zst(b"c")].concat()).unwrap();
        assert_eq!(lines(&path).unwrap(), ["a", "b", "c"]);
        std::fs::write(&path, b"a\nb").unwrap();
        assert_eq!(lines(&path).unwrap(), ["a", "b"]);
    }

    #[test]
    fn other_encodings_and_compressions_are_named_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.csv");
        let tar = [&b"u.data"[..], &[0; 251], b"ustar  \0"].concat();
        let cases: [(&[u8], &str, &str); 7] = [
            (b"\xff\xfeu\0,\0i\0\n\0", "UTF-16", "iconv"),
            (b"\xfe\xff\0u\0,\0i\0\n", "UTF-16", "iconv"),
            (b"PK\x03\x04\x14\0\0\0", "zip", "unzip"),
            (b"BZh91AY&SY\x9b", "bzip2", "bunzip2"),
            (b"\xfd7zXZ\0\0\x04", "xz", "unxz"),
            (&tar, "a tar archive", "tar xf"),
            (b"%%MatrixMarket matrix coordinate real general\n2 2 1\n1 2 5\n", "Matrix Market", "user,item,value"),
        ];
        for (content, what, way_out) in cases {
            for stored in [content.to_vec(), gz(content)] {
                std::fs::write(&path, stored).unwrap();
                let text = Input::open(&path).unwrap_err().to_string();
                assert!(text.contains("log.csv") && text.contains(what) && text.contains(way_out), "{text}");
            }
        }
        for (stored, way_out) in [(gz(b"PAR1...."), "gunzip"), (zst(b"PAR1...."), "unzstd")] {
            std::fs::write(&path, stored).unwrap();
            let text = Input::open(&path).unwrap_err().to_string();
            assert!(text.contains("is Parquet within") && text.contains(way_out), "{text}");
        }
        std::fs::write(&path, "BZh9,7\n").unwrap();
        assert_eq!(lines(&path).unwrap(), ["BZh9,7"]);
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bomb");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let block = vec![b'x'; 1 << 20];
        (0..=RECORD_LIMIT >> 20).for_each(|_| encoder.write_all(&block).unwrap());
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        assert!(lines(&path).unwrap_err().to_string().contains("256 MiB"));
        let mut input = Input::open(&path).unwrap();
        let error = io::copy(&mut input, &mut io::sink()).unwrap_err();
        assert!(input.fault(error).to_string().contains("256 MiB"));
    }

    #[test]
    fn every_bad_file_is_named_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ratings.csv.gz");
        let text: Vec<String> = (0..4000).map(|n: u32| format!("{} text", n.wrapping_mul(2_654_435_769))).collect();
        let text = text.join("\n");
        for whole in [gz(text.as_bytes()), zst(text.as_bytes())] {
            std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            let message = lines(&path).unwrap_err().to_string();
            assert!(message.contains("ends early"), "{message}");
            let mut damaged = whole.clone();
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0xff;
            std::fs::write(&path, &damaged).unwrap();
            let error = lines(&path).unwrap_err();
            assert!(matches!(error, DataError::Compressed { .. }), "{error}");
        }
        let message = Input::open(&dir.path().join("ratings.csv")).unwrap_err().to_string();
        assert!(message.contains("did you mean") && message.contains("ratings.csv.gz"), "{message}");
        let message = Input::open(dir.path()).unwrap_err().to_string();
        assert!(message.contains("is a directory") && message.contains("it holds ratings.csv.gz"), "{message}");
        std::fs::write(&path, b"").unwrap();
        assert!(matches!(Input::open(&path), Err(DataError::Empty { .. })));
        let message = Input::open(Path::new("no/such/folder/x")).unwrap_err().to_string();
        assert!(message.contains("does not exist either"), "{message}");
    }

    #[test]
    fn fnv_matches_its_published_vectors() {
        assert_eq!(Fnv::default().of(b"").hex(), "cbf29ce484222325");
        assert_eq!(Fnv::default().of(b"foobar").hex(), "85944171f73967e8");
    }
}
