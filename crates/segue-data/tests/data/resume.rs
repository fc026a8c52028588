//! A preparation that was stopped goes on from what it had done.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use segue_data::DataError;
use segue_data::prepare::{
    Core, DataConfig, LinkFile, OneOrMany, PrepareOptions, Scale, SplitConfig, SplitKind, kept_beside, prepare_folder,
};

use super::{data, domain, files, kind, quiet};

/// More than the 8 MiB from which on a file is kept.
fn large() -> String {
    let line = |n: u32| format!("user{:07},item{:07},{},{}\n", n % 90_000, n % 1_777, n % 5 + 1, 1_000_000_000 + n);
    format!("user,item,rating,timestamp\n{}", (0..270_000).map(line).collect::<String>())
}

fn stopped(out: &Path, config: &DataConfig) -> DataError {
    stopped_at("clean", (out, false), config, (&PrepareOptions::default(), &SplitConfig::default()))
}

fn stopped_at(
    stage: &str,
    place: (&Path, bool),
    config: &DataConfig,
    (options, split): (&PrepareOptions, &SplitConfig),
) -> DataError {
    let mut stop = |p: segue_data::prepare::Progress<'_>| match p.stage {
        now if now == stage => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    prepare_folder(place, config, (options, split, 7), &mut stop).unwrap_err()
}

fn manifest(out: &Path, config: &DataConfig, resume: bool) -> Result<String, String> {
    let choices = (&PrepareOptions::default(), &SplitConfig::default(), 7);
    prepare_folder((out, resume), config, choices, &mut quiet()).map_err(|error| error.to_string())?;
    assert_eq!(kept_beside(out), None);
    Ok(fs::read_to_string(out.join("manifest.json")).unwrap())
}

/// How often reading tells of a part of a file: never of one that is found, and every few lines of one that is read.
fn told_of_reading(out: &Path, config: &DataConfig, resume: bool) -> usize {
    let mut read = 0;
    let mut count = |p: segue_data::prepare::Progress<'_>| {
        read += usize::from(p.stage.starts_with("read") && 0 < p.bytes && p.bytes < p.bytes_total);
        ControlFlow::Continue(())
    };
    let choices = (&PrepareOptions::default(), &SplitConfig::default(), 7);
    prepare_folder((out, resume), config, choices, &mut count).unwrap();
    read
}

#[test]
fn files_that_were_read_are_not_read_again_while_they_are_the_same() {
    let dir = files(&[("log.csv", &large())]);
    let (log, out) = (dir.path().join("log.csv"), dir.path().join("out"));
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let whole = manifest(&out, &config, false).unwrap();

    assert!(matches!(stopped(&out, &config), DataError::Interrupted));
    assert!(kept_beside(&out).is_some());
    assert_eq!(told_of_reading(&out, &config, true), 0, "nothing is read again");
    assert_eq!(fs::read_to_string(out.join("manifest.json")).unwrap(), whole);
    assert!(told_of_reading(&out, &config, true) > 0, "what was kept is gone once all is done");

    // Another file of this length, which somebody gave the old moment.
    stopped(&out, &config);
    let before = log.metadata().unwrap();
    fs::write(&log, vec![b'"'; before.len() as usize]).unwrap();
    File::options().append(true).open(&log).unwrap().set_modified(before.modified().unwrap()).unwrap();
    assert_eq!(manifest(&out, &config, true).is_err(), cfg!(unix), "a file that changed is read again");

    fs::write(&log, large()).unwrap();
    stopped(&out, &config);
    let shorter = large().replace("item0000001,", "item0000002,");
    fs::write(&log, shorter).unwrap();
    assert_ne!(manifest(&out, &config, true).unwrap(), whole, "a file that changed is read again");

    fs::write(&log, large()).unwrap();
    stopped(&out, &config);
    // `read.<hash>` holds the rows.
    let are_rows = |name: &str| name.matches('.').count() == 1;
    spoil(&out, &are_rows, &|bytes| bytes.truncate(bytes.len() / 2));
    assert_eq!(manifest(&out, &config, true).unwrap(), whole, "half a file is read again");
    // One bit: other values and other names are as readable as those that were kept.
    let chosen: [&dyn Fn(&str) -> bool; 3] =
        [&are_rows, &|name| name.ends_with("users"), &|name| name.ends_with("items")];
    for chosen in chosen {
        stopped(&out, &config);
        spoil(&out, chosen, &|bytes| flip(bytes));
        assert_eq!(manifest(&out, &config, true).unwrap(), whole, "a file that changed is read again");
    }
    stopped(&out, &config);
    assert_eq!(manifest(&out, &config, false).unwrap(), whole, "nothing is found that was not asked for");
}

/// Changes every file of what is kept that is chosen by its name.
fn spoil(out: &Path, chosen: &dyn Fn(&str) -> bool, change: &dyn Fn(&mut Vec<u8>)) {
    let paths = fs::read_dir(kept_beside(out).unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let chosen: Vec<_> = paths.filter(|path| chosen(path.file_name().unwrap().to_str().unwrap())).collect();
    assert!(!chosen.is_empty());
    for path in chosen {
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }
}

fn flip(bytes: &mut [u8]) {
    *bytes.last_mut().unwrap() ^= 1;
}

/// Two small domains, a list of items and a link, in files whatever their size.
fn in_files() -> (tempfile::TempDir, DataConfig, PrepareOptions) {
    let rows = |domain: &str, n: u32| {
        let line = |n: u32| format!("u{},{domain}{},{},{}\n", n * 7 % 40, n * 13 % 23, n % 5 + 1, 1_000 + n % 300);
        format!("user,item,rating,timestamp\n{}", (0..n).map(line).collect::<String>())
    };
    let dir = files(&[
        ("songs.csv", &rows("s", 700)),
        ("films.csv", &rows("f", 900)),
        ("meta.csv", "item,title,genres\nf1,One,Drama\nf2,Two,Comedy\n"),
        ("link", "s1\tf1\n"),
    ]);
    let mut config = data(vec![domain(dir.path(), "songs", "songs.csv"), domain(dir.path(), "films", "films.csv")]);
    config.domains[1].items = Some(OneOrMany::One(dir.path().join("meta.csv")));
    let link =
        LinkFile { file: dir.path().join("link"), domains: ["songs".into(), "films".into()], header: Some(false) };
    config.item_links = vec![link];
    let core = Core { users: 3, items: 3, ..Core::default() };
    (dir, config, PrepareOptions { memory: 0, core, scale: Some(Scale::Standard), ..PrepareOptions::default() })
}

#[test]
fn what_was_divided_is_written_by_the_next_run_without_reading_a_log() {
    let (dir, linked, options) = in_files();
    // Without links nobody looks at the rows of the source once more.
    for config in [DataConfig { item_links: Vec::new(), ..linked.clone() }, linked] {
        goes_on(&dir, &config, (&options, &SplitConfig::default()));
    }
}

#[test]
fn many_questions_are_divided_once() {
    let (dir, config, options) = in_files();
    let split = SplitConfig {
        targets: Some(OneOrMany::One("all".into())),
        support_shares: Some([0.1; 2]),
        ..kind(SplitKind::Questions)
    };
    goes_on(&dir, &config, (&options, &split));
    let tasks = fs::read_to_string(dir.path().join("out/manifest.json")).unwrap();
    assert!(tasks.contains("films_few_shot_") && tasks.contains("songs_cold_item"), "{tasks}");
}

fn goes_on(dir: &tempfile::TempDir, config: &DataConfig, (options, split): (&PrepareOptions, &SplitConfig)) {
    let out = dir.path().join("out");
    let manifest = |options: &PrepareOptions, stages: &mut Vec<String>| {
        let mut listen = |p: segue_data::prepare::Progress<'_>| {
            stages.push(p.stage.to_owned());
            ControlFlow::Continue(())
        };
        prepare_folder((&out, true), config, (options, split, 7), &mut listen).unwrap();
        assert_eq!(kept_beside(&out), None);
        fs::read_to_string(out.join("manifest.json")).unwrap()
    };
    let mut all = Vec::new();
    let whole = manifest(options, &mut all);
    assert!(all.contains(&"split".into()));
    let wait = || std::thread::sleep(std::time::Duration::from_millis(20));
    for stage in ["assemble", "write"] {
        wait();
        stopped_at(stage, (&out, false), config, (options, split));
        // Stopped again on its way: nothing is lost by that.
        stopped_at("write", (&out, true), config, (options, split));
        let mut stages = Vec::new();
        assert_eq!(manifest(options, &mut stages), whole);
        assert!(!stages.iter().any(|stage| stage == "split" || stage.contains("songs.csv")), "{stages:?}");
    }
    let other = PrepareOptions { core: Core::default(), ..options.clone() };
    let otherwise = manifest(&other, &mut Vec::new());
    stopped_at("write", (&out, false), config, (options, split));
    assert_eq!(manifest(&other, &mut Vec::new()), otherwise, "other options divide anew");

    stopped_at("write", (&out, false), config, (options, split));
    spoil(&out, &|file| file.starts_with("rows.films.1"), &|bytes| *bytes = vec![0; 99]);
    assert_eq!(manifest(options, &mut Vec::new()), whole, "damaged rows are divided anew");
    for name in ["rows.songs.", "divided.users", "divided.items.1"] {
        stopped_at("write", (&out, false), config, (options, split));
        spoil(&out, &|file| file.starts_with(name), &|bytes| flip(bytes));
        assert_eq!(manifest(options, &mut Vec::new()), whole, "what was changed is divided anew: {name}");
    }

    stopped_at("write", (&out, false), config, (options, split));
    let log = dir.path().join("songs.csv");
    let longer = fs::read_to_string(&log).unwrap() + "u1,s1,1,9\n";
    fs::write(&log, longer).unwrap();
    assert_ne!(manifest(options, &mut Vec::new()), whole, "a log that changed is read again");
}

#[test]
fn one_preparation_at_a_time_works_beside_a_folder() {
    let dir = files(&[("log.csv", &large())]);
    let (out, config) = (dir.path().join("out"), data(vec![domain(dir.path(), "d", "log.csv")]));
    let mut refused = None;
    let mut second = |p: segue_data::prepare::Progress<'_>| {
        if p.stage == "write" && refused.is_none() {
            refused = Some(manifest(&out, &config, false).unwrap_err());
        }
        ControlFlow::Continue(())
    };
    let choices = (&PrepareOptions::default(), &SplitConfig::default(), 7);
    prepare_folder((&out, false), &config, choices, &mut second).unwrap();
    let refused = refused.unwrap();
    assert!(refused.contains("out") && refused.contains("another command"), "{refused}");
    // Nothing is left, and the next one may begin.
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    manifest(&out, &config, false).unwrap();
}
