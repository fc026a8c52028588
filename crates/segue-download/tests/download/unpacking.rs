//! Archives that mean well, and archives that do not.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use segue_download::{DownloadError, Limits, Unpacked, unpack};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::quiet;

pub(crate) fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Entries with their kinds; names are written as they are, however bad.
fn tar_of(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

struct Scratch(TempDir);

impl Scratch {
    fn new(archive: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("archive"), archive).unwrap();
        Self(dir)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("in/here")
    }

    fn unpack(&self, limits: Limits) -> Result<Vec<Unpacked>, DownloadError> {
        fs::create_dir_all(self.folder().parent().unwrap()).unwrap();
        unpack(&self.0.path().join("archive"), &self.folder(), limits, &mut quiet())
    }

    /// The archive is refused with this word, and nothing is anywhere.
    #[track_caller]
    fn refused(&self, limits: Limits, word: &str) {
        let error = self.unpack(limits).unwrap_err();
        assert!(matches!(error, DownloadError::Archive { .. }), "{error}");
        assert!(error.to_string().contains(word), "should say `{word}`: {error}");
        let left: Vec<_> = fs::read_dir(self.0.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        assert_eq!(fs::read_dir(self.0.path().join("in")).unwrap().count(), 0);
    }
}

fn refused(archive: &[u8], word: &str) {
    Scratch::new(archive).refused(Limits::default(), word);
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn zip_and_tar_lose_their_one_outer_folder() {
    let zip = zip_of(&[
        ("ml/ratings.csv", b"1,2"),
        ("ml/more/x.txt", b"x"),
        ("__MACOSX/ml/._ratings.csv", b"?"),
        ("ml/.DS_Store", b"?"),
    ]);
    let regular = tar::EntryType::Regular;
    let tar = tar_of(&[
        ("ml/", tar::EntryType::Directory, b""),
        ("ml/ratings.csv", regular, b"1,2"),
        ("ml/more/x.txt", regular, b"x"),
    ]);
    for archive in [zip, tar] {
        let scratch = Scratch::new(&archive);
        let mut names: Vec<String> = scratch.unpack(Limits::default()).unwrap().into_iter().map(|it| it.path).collect();
        names.sort();
        assert_eq!(names, ["more/x.txt", "ratings.csv"]);
        assert_eq!(read(&scratch.folder(), "ratings.csv"), "1,2");
        assert_eq!(read(&scratch.folder(), "more/x.txt"), "x");
    }
}

#[test]
fn files_without_a_folder_and_files_of_others() {
    let scratch = Scratch::new(&zip_of(&[("ratings.csv", b"new"), ("a/b.csv", b"b")]));
    fs::create_dir_all(scratch.folder()).unwrap();
    fs::write(scratch.folder().join("ratings.csv"), "old").unwrap();
    fs::write(scratch.folder().join("notes.txt"), "mine").unwrap();
    let unpacked = scratch.unpack(Limits::default()).unwrap();
    let file = unpacked.iter().find(|it| it.path == "ratings.csv").unwrap();
    // `printf new | sha256sum`
    assert_eq!(file.sha256, "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437");
    assert_eq!(read(&scratch.folder(), "ratings.csv"), "new");
    assert_eq!(read(&scratch.folder(), "notes.txt"), "mine");
    assert_eq!(read(&scratch.folder(), "a/b.csv"), "b");
}

#[test]
fn paths_that_lead_out() {
    for name in ["../evil", "a/../../evil", "/tmp/evil", "..\\evil", "C:/evil", "a/\u{7}bell"] {
        refused(&zip_of(&[("good", b"x"), (name, b"evil")]), "leads out");
        refused(&tar_of(&[(name, tar::EntryType::Regular, b"evil")]), "leads out");
    }
}

#[test]
fn links_and_devices() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("link", "/etc", SimpleFileOptions::default()).unwrap();
    zip.start_file("link/passwd", SimpleFileOptions::default()).unwrap();
    refused(&zip.finish().unwrap().into_inner(), "link");
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char, tar::EntryType::Fifo] {
        refused(&tar_of(&[("x", kind, b""), ("x/y", tar::EntryType::Regular, b"y")]), "no file");
    }
}

#[test]
fn bombs() {
    let zeros = vec![0; 3 << 20];
    let limits = Limits { ratio: 100, small: 1 << 20, ..Limits::default() };
    Scratch::new(&zip_of(&[("zeros", &zeros)])).refused(limits, "grows beyond");
    Scratch::new(&tar_of(&[("zeros", tar::EntryType::Regular, &zeros)])).refused(limits, "grows beyond");
    let many: Vec<(String, Vec<u8>)> = (0..20).map(|n| (format!("f{n}"), Vec::new())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    Scratch::new(&zip_of(&many)).refused(Limits { files: 10, ..Limits::default() }, "more than 10 files");
}

#[test]
fn the_same_file_twice() {
    let twice = [("x", tar::EntryType::Regular, &b"1"[..]), ("./x", tar::EntryType::Regular, b"2")];
    refused(&tar_of(&twice), "twice");
}

#[test]
fn damaged_and_other_files() {
    let long: String = (0..60_000).map(|n| format!("{n},{}\n", n * 7 % 1_009)).collect();
    let zip = zip_of(&[("ratings.csv", long.as_bytes())]);
    refused(&zip[..zip.len() / 2], "damaged");
    let mut flipped = zip.clone();
    flipped[zip.len() / 2] ^= 0xff;
    refused(&flipped, "damaged");
    let tar = tar_of(&[("ratings.csv", tar::EntryType::Regular, long.as_bytes())]);
    refused(&tar[..tar.len() / 2], "damaged");
    // The last bytes are the checksum of the compression.
    let mut flipped = tar.clone();
    let at = tar.len() - 6;
    flipped[at] ^= 0xff;
    refused(&flipped, "damaged");
    refused(b"<html>please log in</html>", "neither a zip nor a tar.gz");
    refused(b"", "neither a zip nor a tar.gz");
    refused(&zip_of(&[]), "without a file");
}
