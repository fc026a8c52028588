//! A preparation that was stopped goes on from the files that it had read.

use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use segue_data::DataError;
use segue_data::prepare::{DataConfig, PrepareOptions, SplitConfig, kept_beside, prepare_folder};

use super::{data, domain, files, quiet};

/// More than the 8 MiB from which on a file is kept.
fn large() -> String {
    let line = |n: u32| format!("user{:07},item{:07},{},{}\n", n % 90_000, n % 1_777, n % 5 + 1, 1_000_000_000 + n);
    format!("user,item,rating,timestamp\n{}", (0..270_000).map(line).collect::<String>())
}

fn stopped(out: &Path, config: &DataConfig) -> DataError {
    let mut stop = |p: segue_data::prepare::Progress<'_>| match p.stage {
        "clean" => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    prepare_folder((out, false), config, (&PrepareOptions::default(), &SplitConfig::default(), 7), &mut stop)
        .unwrap_err()
}

fn manifest(out: &Path, config: &DataConfig, resume: bool) -> Result<String, String> {
    let choices = (&PrepareOptions::default(), &SplitConfig::default(), 7);
    prepare_folder((out, resume), config, choices, &mut quiet()).map_err(|error| error.to_string())?;
    assert_eq!(kept_beside(out), None);
    Ok(fs::read_to_string(out.join("manifest.json")).unwrap())
}

#[test]
fn files_that_were_read_are_not_read_again_while_they_are_the_same() {
    let dir = files(&[("log.csv", &large())]);
    let (log, out) = (dir.path().join("log.csv"), dir.path().join("out"));
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let whole = manifest(&out, &config, false).unwrap();

    assert!(matches!(stopped(&out, &config), DataError::Interrupted));
    assert!(kept_beside(&out).is_some());
    // The file cannot be read any more, but nobody could tell from outside.
    let before = log.metadata().unwrap();
    fs::write(&log, vec![b'"'; before.len() as usize]).unwrap();
    File::options().append(true).open(&log).unwrap().set_modified(before.modified().unwrap()).unwrap();
    assert_eq!(manifest(&out, &config, true).unwrap(), whole);
    assert!(manifest(&out, &config, true).is_err(), "what was kept is gone once all is done");

    fs::write(&log, large()).unwrap();
    stopped(&out, &config);
    let shorter = large().replace("item0000001,", "item0000002,");
    fs::write(&log, shorter).unwrap();
    assert_ne!(manifest(&out, &config, true).unwrap(), whole, "a file that changed is read again");

    fs::write(&log, large()).unwrap();
    stopped(&out, &config);
    let kept = kept_beside(&out).unwrap();
    for name in fs::read_dir(&kept).unwrap() {
        let path = name.unwrap().path();
        if path.extension().is_none() {
            let n = path.metadata().unwrap().len();
            File::options().write(true).open(&path).unwrap().set_len(n / 2).unwrap();
        }
    }
    assert_eq!(manifest(&out, &config, true).unwrap(), whole, "half a file is read again");
    stopped(&out, &config);
    assert_eq!(manifest(&out, &config, false).unwrap(), whole, "nothing is found that was not asked for");
}
