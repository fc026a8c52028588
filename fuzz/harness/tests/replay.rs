//! Every file of the corpora, every former fault, and some inventions of each target.
#![allow(clippy::unwrap_used, reason = "a missing folder should stop the test")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use segue_core::Seed;
use segue_fuzz::{Case, Draw, TARGETS, Target};

fn folder(kind: &str, target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(kind).join(target.name)
}

/// Files of a folder, sorted; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn replay(kind: &str) -> usize {
    let mut n = 0;
    for target in &TARGETS {
        for file in files(&folder(kind, target)) {
            let bytes = std::fs::read(&file).unwrap();
            let sound = catch_unwind(AssertUnwindSafe(|| (target.check)(&bytes)));
            assert!(sound.is_ok(), "{} shows a fault; the message stands above", file.display());
            n += 1;
        }
    }
    n
}

#[test]
fn the_corpora_show_no_fault() {
    assert!(replay("corpus") > 0, "no corpus was found");
}

#[test]
fn no_former_fault_is_back() {
    replay("regressions");
}

#[test]
fn inventions_show_no_fault() {
    for target in &TARGETS {
        for n in 0..40 {
            let mut stream = Seed::new(7).named(target.name).at(n).stream();
            let noise: Vec<u8> = (0..128).flat_map(|_| stream.next_u64().to_le_bytes()).collect();
            let case = (target.invent)(&mut Draw::new(&noise));
            let printed = case.print();
            let sound = catch_unwind(AssertUnwindSafe(|| (target.check)(&printed)));
            assert!(sound.is_ok(), "{}: {}", target.name, String::from_utf8_lossy(&printed));
            assert!(!Case::parse(&printed).files.is_empty());
        }
    }
}
