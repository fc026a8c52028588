//! `segue download` and `segue datasets`, from a server on this machine.

use std::fs;
use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use segue_data::synth::{World, WorldConfig};
use zip::write::SimpleFileOptions;

use crate::server::{Reply, Server};
use crate::support::{Scratch, done};

/// A small world in the layout of `MovieLens`, as its publisher packs it.
fn movielens() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    World::generate(&WorldConfig::small()).unwrap().write_movielens_small(dir.path()).unwrap();
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["ratings.csv", "movies.csv"] {
        zip.start_file(format!("ml-latest-small/{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(&fs::read(dir.path().join(name)).unwrap()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn publisher() -> Server {
    let archive = movielens();
    Server::start(move |asked, _| match asked.path.as_str() {
        "/datasets/movielens/ml-latest-small.zip" => Reply::file(asked, &archive, "\"1\""),
        _ => Reply::status("404 Not Found"),
    })
}

#[test]
fn a_data_set_is_fetched_and_prepared_by_the_line_that_is_printed() {
    let server = publisher();
    let scratch = Scratch::new();
    let mut command = scratch.command(["download", "ml-latest-small"]);
    let first = done(command.env("SEGUE_MIRROR", &server.address).output().unwrap());
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(first.stdout.contains("data/ml-latest-small/ratings.csv"), "{}", first.stdout);
    for part in ["licence: research only", "https://grouplens.org/", "wrote 2 files", "prepare it: segue prepare"] {
        assert!(first.stderr.contains(part), "should say `{part}`: {}", first.stderr);
    }
    let line = first.stderr.lines().find_map(|line| line.strip_prefix("prepare it: segue ")).unwrap();
    let stats = scratch.ok(line);
    assert!(stats.contains("films"), "{stats}");
    // Complete: nothing is asked, by the check neither.
    let asked = server.asked().len();
    let again = scratch.ok(&format!("download ml-latest-small --mirror {}", server.address));
    assert!(again.contains("was there") && !again.contains("written"), "{again}");
    scratch.ok("download ml-latest-small --verify");
    assert_eq!(server.asked().len(), asked);
    scratch.write("data/ml-latest-small/movies.csv", "other");
    scratch.fails("download ml-latest-small --verify", &["movies.csv has 5 bytes", "segue download ml-latest-small"]);
    scratch.ok(&format!("download ml-latest-small --no-unpack --force --root raw --mirror {}", server.address));
    assert!(scratch.path("raw/ml-latest-small.zip").is_file() && !scratch.path("raw/ml-latest-small").exists());
}

#[test]
fn one_file_by_its_address() {
    let server = Server::start(|asked, _| Reply::file(asked, b"hello", "\"1\""));
    let scratch = Scratch::new();
    let address = format!("{}/log.csv?v=1", server.address);
    // `printf hello | sha256sum`
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    scratch.ok(&format!("download {address} --sha256 {sha256}"));
    assert_eq!(fs::read(scratch.path("data/log.csv")).unwrap(), b"hello");
    assert!(scratch.ok(&format!("download {address} --sha256 {sha256}")).contains("was there"));
    assert_eq!(server.asked().len(), 1);
    scratch.fails(&format!("download {address}"), &["data/log.csv", "--force"]);
    let zeros = "0".repeat(64);
    scratch.fails(&format!("download {address} --sha256 {zeros}"), &[sha256, &zeros, "--force"]);
    scratch.fails(&format!("download {address} --sha256 {zeros} --out other.csv"), &["sha256", sha256, &zeros]);
    assert!(!scratch.path("other.csv").exists());
    scratch.fails(&format!("download {address} --sha256 12"), &["--sha256 12", "64"]);
    scratch.fails("download ftp://host/x", &["ftp://host/x", "http"]);
    scratch.fails(&format!("download {}/", server.address), &["--out"]);
    scratch.fails(&format!("download {address} --category Books"), &["--category", "address"]);
}

#[test]
fn mistakes_are_answered_before_anything_is_fetched() {
    let scratch = Scratch::new();
    scratch.fails("download ml-1n", &["ml-1n", "did you mean `ml-1m`", "segue datasets"]);
    scratch.fails("download ml-1m nonsense", &["nonsense"]);
    scratch.fails("download amazon-2018", &["--category Digital_Music Movies_and_TV"]);
    scratch.fails("download amazon-2018 --category Digital_Musik", &["did you mean `Digital_Music`"]);
    scratch.fails("download ml-1m --category Books", &["no categories"]);
    scratch.fails("download ml-1m --sha256 12", &["--sha256", "address"]);
    scratch.fails("download ml-1m --verify", &["ml-1m", "download.json"]);
    scratch.fails("datasets nonsense", &["nonsense", "segue datasets"]);
    assert!(!scratch.path("data").exists());
    let server = Server::start(|_, _| Reply::status("404 Not Found"));
    let line = format!("download ml-1m --mirror {}", server.address);
    scratch.fails(&line, &["404", "moved", "data/ml-1m.zip", "by hand"]);
    scratch.fails(&format!("{line} --root /proc/segue"), &["/proc/segue", "create the folder"]);
}

#[test]
fn ctrl_c_keeps_what_has_arrived_and_the_next_call_goes_on() {
    let archive = movielens();
    let half = archive.len() / 2;
    let server = Server::start(move |asked, _| match (asked.path.as_str(), asked.from) {
        ("/datasets/movielens/ml-latest-small.zip", from) => {
            let reply = Reply::file(asked, &archive, "\"1\"");
            if from.is_none() { reply.stall_after(half) } else { reply }
        }
        _ => Reply::status("404 Not Found"),
    });
    let scratch = Scratch::new();
    let mut command = scratch.command(["download", "ml-latest-small", "--mirror", &server.address]);
    let mut child = command.env("SEGUE_PROGRESS", "0").stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let part = scratch.path("data/ml-latest-small.zip.part");
    while fs::metadata(&part).map_or(0, |it| it.len()) < half as u64 {
        said.next().expect("it ended before the server fell silent").unwrap();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("goes on from there")), "{rest:?}");
    scratch.ok(&format!("download ml-latest-small --mirror {}", server.address));
    assert!(server.starts().contains(&Some(half)), "{:?}", server.starts());
    assert!(scratch.path("data/ml-latest-small/ratings.csv").is_file() && !part.exists());
}

/// A limit on file size stands in for a full disk, while fetching and while unpacking.
#[test]
fn a_disk_that_fills_up() {
    let server = publisher();
    let scratch = Scratch::new();
    let line = format!("download ml-latest-small --mirror {}", server.address);
    let packed = movielens().len() / 1024;
    for (blocks, file) in [(packed / 2, "ml-latest-small.zip.part"), (packed + 1, "ml-latest-small.unpacking/")] {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {} {line}", env!("CARGO_BIN_EXE_segue"));
        let done = done(Command::new("bash").args(["-c", &script]).current_dir(scratch.path("")).output().unwrap());
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        assert!(done.stderr.contains("free some space") && done.stderr.contains(file), "{}", done.stderr);
        assert!(!scratch.path("data/ml-latest-small").exists());
    }
    // Space has come: what had arrived was kept.
    scratch.ok(&line);
    assert!(scratch.path("data/ml-latest-small/ratings.csv").is_file());
}

/// A full disk itself, where this system lets a process mount one of its own.
#[test]
fn a_disk_that_is_full() {
    let inside = |script: &str, dir: &Path| {
        let script = format!("mount -t tmpfs -o size={}k none data && {script}", movielens().len() / 2048);
        Command::new("unshare").args(["-rm", "bash", "-c", &script]).current_dir(dir).output()
    };
    let server = publisher();
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("data")).unwrap();
    if !inside("true", &scratch.path("")).is_ok_and(|done| done.status.success()) {
        return println!("skipped: this system does not let a process mount a small disk");
    }
    let line = format!("{} download ml-latest-small --mirror {}", env!("CARGO_BIN_EXE_segue"), server.address);
    // What had arrived is kept, and so is what else there is.
    let kept = "code=$?; test -s data/ml-latest-small.zip.part && test ! -e data/ml-latest-small && exit $code";
    let done = done(inside(&format!("{line}; {kept}"), &scratch.path("")).unwrap());
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    for part in ["ml-latest-small.zip.part", "No space left on device", "free some space"] {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
}

#[test]
fn data_sets_are_listed_and_their_prepare_lines_are_understood() {
    let scratch = Scratch::new();
    let list = scratch.ok("datasets");
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[0].starts_with("data set\ttitle\tsize\tlicence\tprepare"), "{}", lines[0]);
    assert!(list.contains("amazon-2018\tAmazon reviews 2018"), "{list}");
    for line in &lines[1..] {
        let prepare = line.rsplit('\t').next().unwrap().strip_prefix("segue ").unwrap();
        scratch.ok(&format!("{prepare} --cfg job"));
    }
    let json = scratch.ok("datasets gowalla --format json");
    let it: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(it["cite"], "cho2011friendship (CITATIONS.bib)");
    assert!(it["checksums"].as_str().unwrap().contains("train.txt: git blob a27782bd"), "{it}");
    assert!(scratch.ok("datasets amazon-2018").contains("Digital_Music, Electronics"));
    assert!(scratch.ok("datasets --format markdown").starts_with("| data set |"));
}
