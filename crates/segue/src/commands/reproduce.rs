//! `segue reproduce`: a stored run again, and what differs.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use segue_lab::{
    Loaded, Openable, Settings, by_the_clock, compare_runs, is_edited, record_all, settings_again, shows_more, train,
};

use super::train::load_again;
use crate::terminal::{Bar, Format, print_table, say};

/// Run a stored run again from its manifest and say what differs, to the bit.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue reproduce outputs/segue/ease_joint_seed42
  segue reproduce outputs/segue/ease_joint_seed42 --keep outputs/again
  segue reproduce docs/runs/ml_100k_ease data.root=/data/ml-100k

Paths in the settings of the run are taken as they were: run it where the run was started, or say by data.root (data_dir, where the
run read a prepared folder) where the data are now. A data.root that is not there is looked for below SEGUE_DATA, too. The model,
every metric, every user's value and the training log are compared byte for byte, and every fact and setting that the manifest tells;
times are not. What is run are the settings in manifest.json: where config.yaml says otherwise, that is a difference. Where something
differs, the facts that may explain it (inputs, split, version, instruction set) stand first, and the exit code is 1. The same
machine, data and program give the same bytes whatever the number of threads, but with trainer.time_limit, which ends training by
the clock: then it is told as what may explain differences. Where the manifest was edited, or the test part measures what the run does
not tell, that it was opened is written down in the manifest first.")]
pub(crate) struct Arguments {
    /// A run folder.
    run: PathBuf,
    /// `data.root=DIR` or `data_dir=DIR`: where the data of the run are now.
    #[arg(value_name = "OVERRIDE")]
    overrides: Vec<String>,
    /// Keep the new run here; by default it is thrown away.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

/// Writes down in a run that its test part was opened once more.
fn record(run: &Path, done: (&Settings, &Loaded)) -> anyhow::Result<()> {
    record_all(run, "reproduce the run, which came out otherwise or by other settings", done)?;
    say(&format!(
        "note: the test part was measured otherwise than the run tells, which is written down in manifest.json of {}",
        run.display()
    ));
    Ok(())
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    let scratch = tempfile::tempdir()?;
    let out = args.keep.clone().unwrap_or_else(|| scratch.path().join("run"));
    if let Some(kept) = args.keep.as_ref().filter(|kept| kept.exists()) {
        anyhow::bail!("--keep {}: it exists; name a folder that does not", kept.display());
    }
    let settings = settings_again(&args.run, &out)?;
    // What is run, and written down, are the settings of the run, wherever its data lie.
    let loaded = load_again(&settings, &args.overrides)?;
    let opens = settings.evaluation.test != Openable::Never;
    // Other settings than those of the run measure what it does not tell.
    let edited = opens && is_edited(&args.run)?;
    if edited {
        record(&args.run, (&settings, &loaded))?;
    }
    let mut bar = Bar::new("again");
    let again = train(&settings, &loaded, &registry, &mut bar, false);
    bar.finish();
    again?;
    let found = compare_runs(&args.run, &out)?;
    if opens && !edited && shows_more(&found) {
        // Nothing is shown, or kept, that is not written down.
        record(&args.run, (&settings, &loaded)).inspect_err(|_| drop(fs::remove_dir_all(&out)))?;
    }
    let header = ["file", "same", "difference"].map(String::from);
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|one| {
            let same = match (one.kept, &one.difference) {
                (false, _) => "not kept",
                (true, None) => "yes",
                (true, Some(_)) => "no",
            };
            vec![one.what.clone(), same.to_owned(), one.difference.clone().unwrap_or_default()]
        })
        .collect();
    print_table(&header, &rows, Format::or_fitting(args.format))?;
    let differ = found.iter().filter(|one| one.difference.is_some()).count();
    if let Some(kept) = &args.keep {
        say(&format!("wrote {}", kept.display()));
    }
    if differ > 0
        && let Some(clock) = by_the_clock(&settings, &args.run, &out)?
    {
        say(&clock);
    }
    anyhow::ensure!(differ == 0, "{differ} of {} differ: the run was not reproduced", found.len());
    let gone = found.iter().filter(|one| !one.kept).count();
    let gone = if gone > 0 {
        format!("; {gone} files that the run no longer has could not be compared")
    } else {
        String::new()
    };
    let kept = found.iter().filter(|one| one.kept).count();
    say(&format!("reproduced: all {kept} are the same to the bit{gone}"));
    Ok(())
}
