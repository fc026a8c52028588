//! `segue explore`: one page to look at before anything is learnt.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use segue_core::OpenedTests;
use segue_data::prepare::load_folder;
use segue_explore::{Statistics, describe, page};
use segue_lab::{STOP, may_be_written, write_aside};

use super::train::{Configuration, load};
use crate::terminal::say;

/// Draw what is in the data as one HTML page that opens offline.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue explore artifacts/films_from_music --out explore.html     a folder that `segue prepare` wrote
  segue explore data=sample --out explore.html                    prepared in memory, nothing else is written
  segue explore data=log data.root=ratings.csv split=ratio --out explore.html
  segue explore data=pair data.root=amazon data.source=music data.target=films --out explore.html

The page has sizes and sparsity, values with mean, median and variance, activity and popularity with their long tail, genres,
events over time, the overlap of the domains, what common users carry across them, the split, leakage and duplicates. It needs
no network and no script to be read; every picture has its numbers as a table. `segue report` prints the same numbers.
The file is written aside and renamed; only a page of ours is replaced.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// The page to write.
    #[arg(long, value_name = "FILE", default_value = "explore.html")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    // Before the data are read: a name that cannot be written to should not cost minutes.
    replaceable(&args.out, page::MARK)?;
    let Some(statistics) = statistics(&args.configuration)? else { return Ok(()) };
    let html = page::page(&statistics);
    replaceable(&args.out, page::MARK)?;
    write_aside(&args.out, |out| out.write_all(html.as_bytes()))?;
    for finding in &statistics.findings {
        if finding.level == segue_explore::Level::Warning {
            say(&format!("warning: {}", finding.text));
        }
    }
    say(&format!("wrote {} ({} KiB)", args.out.display(), html.len().div_ceil(1024)));
    Ok(())
}

/// Statistics of a prepared folder, or of what the overrides prepare; none if a configuration was only to be shown.
pub(crate) fn statistics(configuration: &Configuration) -> anyhow::Result<Option<Statistics>> {
    let overrides = &configuration.overrides;
    let (data, name, report) = if let Some(folder) = overrides.iter().find(|word| is_folder(word)) {
        if let Some(other) = overrides.iter().find(|word| *word != folder) {
            anyhow::bail!(
                "`{other}`: {folder} is prepared already, so nothing beside it is read; give a folder, or overrides such as \
                 data=log data.root=FILE"
            );
        }
        let (data, manifest) = load_folder(Path::new(folder))?;
        (data, manifest.name, manifest.report)
    } else {
        let Some(job) = configuration.job()? else { return Ok(None) };
        let loaded = load(&job.settings()?)?;
        (loaded.data, loaded.name, loaded.report)
    };
    let statistics = describe(&data, &name, &report, &mut OpenedTests::default());
    // Reading is stopped by Ctrl-C itself; whatever was pressed since is heard here.
    anyhow::ensure!(!STOP.load(Ordering::Relaxed), "interrupted; nothing was written");
    Ok(Some(statistics))
}

/// An override has `=` or deletes with `~`; whatever else it is, or a folder that is there, is a folder.
fn is_folder(word: &str) -> bool {
    Path::new(word).is_dir() || !(word.contains('=') || word.starts_with('~'))
}

/// Only nothing, an empty file, or a file of ours, which begins with `mark`, is replaced.
pub(crate) fn replaceable(path: &Path, mark: &str) -> anyhow::Result<()> {
    if path.is_dir() {
        anyhow::bail!("{}: is a folder; name a file in it", path.display());
    }
    may_be_written(path)?;
    let Ok(file) = std::fs::File::open(path) else { return Ok(()) };
    let mut start = Vec::new();
    file.take(mark.len() as u64).read_to_end(&mut start)?;
    if !start.is_empty() && start != mark.as_bytes() {
        anyhow::bail!("{}: is there and was not written by this command; name another file", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_folder;

    #[test]
    fn a_folder_is_no_override() {
        assert!(is_folder("artifacts/sample") && is_folder("."));
        assert!(!is_folder("data=sample") && !is_folder("+x=1") && !is_folder("~model"));
    }
}
