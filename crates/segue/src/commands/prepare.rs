//! `segue prepare`: raw logs into a folder that training reads.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use segue_data::prepare::{PrepareReport, kept_beside};
use segue_lab::prepare_data;

use super::train::Configuration;
use crate::terminal::{Bar, Format, print_table, say};

/// Clean, filter, split and encode the logs of one or more domains.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue prepare data=sample --out artifacts/sample
  segue prepare data=amazon data.root=data/amazon2018 prepare=overlap_core5 --out artifacts/movies_from_music
  segue prepare data=movielens prepare.positive_threshold=4 split=ratio --out artifacts/movielens
  segue prepare data=log data.root=ratings.csv --out artifacts/mine
  segue prepare data=log data.root=goodbooks-10k split=ratio --out artifacts/books
  segue prepare data=pair data.root=amazon data.source=music data.target=films --out artifacts/pair

A log may be MovieLens, Amazon, Goodreads, Book-Crossing, Last.fm, Douban, RecBole, gorse, an adjacency list, any CSV, TSV, Parquet or
JSON lines; format and compression (gzip, zstd) are recognised from the content, the files of a published folder by their names.

The folder holds data/{train,val,test,items}.parquet, maps/*.json, split_stats.csv, README.txt and manifest.json.
It is written aside and renamed: a killed run leaves the old folder or none, and beside it what it had done, from which --resume goes on.
A log may be larger than the memory: of its rows, prepare.memory=256 (MiB) are held, the rest is in files meanwhile.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on from what a stopped run had done: whole files of 8 MiB and more that it had read, and the split of a log
    /// that went through files, are not made again.
    #[arg(long)]
    resume: bool,
    /// How to print the statistics.
    #[arg(long)]
    format: Option<Format>,
    /// Print the statistics: it is always done, and may be asked for.
    #[arg(long, alias = "print_stats")]
    print_stats: bool,
    /// Save the statistics to `split_stats.csv`: it is always done, and may be asked for.
    #[arg(long, alias = "save_stats")]
    save_stats: bool,
}

/// Runs the command.
pub(crate) fn run(args: Arguments) -> anyhow::Result<()> {
    let Some(job) = args.configuration.job()? else { return Ok(()) };
    let Some(out) = args.out else { anyhow::bail!("say where to write: --out DIR") };
    let settings = job.settings()?;
    let mut bar = Bar::new("data");
    let prepared = prepare_data(&settings, (&out, args.resume), &mut |p| {
        bar.hear(p);
        // Ctrl-C is heard below.
        ControlFlow::Continue(())
    });
    bar.finish();
    if let (Err(_), Some(kept)) = (&prepared, kept_beside(&out)) {
        say(&format!("what was done is kept in {}: go on with --resume, or remove it", kept.display()));
    }
    let (report, spilled) = prepared?;
    print_report(&report, Format::or_fitting(args.format))?;
    // Less is only what is kept for --resume.
    if spilled >> 20 > settings.prepare.memory as u64 {
        say(&format!(
            "{} MiB of rows went through files, for prepare.memory is {} MiB",
            spilled >> 20,
            settings.prepare.memory
        ));
    }
    say(&format!("wrote {}", out.display()));
    Ok(())
}

/// Sizes of the parts and of the logs, overlaps and notes.
pub(crate) fn print_report(report: &PrepareReport, format: Format) -> anyhow::Result<()> {
    let header = ["domain", "part", "users", "items", "interactions"].map(String::from);
    let rows: Vec<Vec<String>> = report
        .parts
        .iter()
        .map(|p| {
            let counts = [p.users, p.items, p.interactions].map(|n| n.to_string());
            [vec![p.domain.clone(), p.part.clone()], counts.to_vec()].concat()
        })
        .collect();
    print_table(&header, &rows, format)?;
    // What filters and splits leave out is of the log all the same.
    for s in report.steps.iter().filter(|step| step.step == "read") {
        say(&format!(
            "the log of {} has {} users, {} items and {} interactions",
            s.domain, s.users, s.items, s.interactions
        ));
    }
    for (o, of) in report.overlaps_told() {
        say(&format!(
            "{} users are in {of} {} and of {}: {:.1} % and {:.1} % of their users",
            o.users, o.first, o.second, o.percent_of_first, o.percent_of_second
        ));
    }
    report.notes.iter().for_each(|note| say(&format!("note: {note}")));
    Ok(())
}
