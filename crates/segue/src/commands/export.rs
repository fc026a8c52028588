//! `segue export`: prepared data as files for other programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use segue_data::prepare::load_folder;
use segue_data::writers::{ExportFormat, Ids, Wanted, export};

use crate::terminal::{Format, print_table, say};

/// Write prepared data in the format of another program: the same events, the same split.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue prepare data=ml_100k --out artifacts/ml_100k
  segue export artifacts/ml_100k --format recbole --out recbole/dataset
  segue export artifacts/ml_100k --format adjacency --ids dense --out lightgcn/data
  segue export artifacts/films_from_music --format csv --out exported

One folder per domain. The target has train, valid and test, a source all of its events as train. What is written where:
  csv        train.csv valid.csv test.csv (user,item,rating,timestamp), items.csv (item,title,categories); a timestamp is in
             unix seconds, and has a fraction where that keeps the order of a user's events of one part in one second
  parquet    the same columns in train.parquet valid.parquet test.parquet, items.csv
  recbole    <domain>.train.inter .valid.inter .test.inter .item; benchmark_filename: [train, valid, test]
  adjacency  train.txt valid.txt test.txt: `user item item ...` as NGCF and LightGCN read them; no values, no times
With --ids dense, user_list.txt and item_list.txt tell whose they are, `org_id remap_id` line by line; where ids have spaces
or line ends, which readers of such lists split at, they are tables instead: user_list.csv, item_list.csv.

Where the data have several questions (split=questions), the first of each domain is written, or that which --question names.
Read it back with: segue prepare data=log data.root=exported/films split=given --out ...
The folder is written aside and renamed: a killed run leaves the old one or none.")]
pub(crate) struct Arguments {
    /// A folder that `segue prepare` wrote.
    #[arg(value_name = "DATA")]
    data: PathBuf,
    /// The format of the events.
    #[arg(long, value_name = "FORMAT")]
    format: Written,
    /// Which ids are written.
    #[arg(long, value_name = "IDS", default_value = "external")]
    ids: WrittenIds,
    /// The question whose validation and test are written, where there are several.
    #[arg(long, value_name = "NAME")]
    question: Option<String>,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The formats by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    /// Tables with a header.
    Csv,
    /// Parquet.
    Parquet,
    /// Atomic files, whose headers say the types.
    Recbole,
    /// One line per user: user item item ...
    Adjacency,
}

/// The ids by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WrittenIds {
    /// Those of the input.
    External,
    /// Numbers from 0, with lists beside that tell whose they are.
    Dense,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let (prepared, manifest) = load_folder(&args.data)?;
    let format = match args.format {
        Written::Csv => ExportFormat::Csv,
        Written::Parquet => ExportFormat::Parquet,
        Written::Recbole => ExportFormat::Recbole,
        Written::Adjacency => ExportFormat::Adjacency,
    };
    let ids = match args.ids {
        WrittenIds::External => Ids::External,
        WrittenIds::Dense => Ids::Dense,
    };
    let question = args.question.as_deref();
    let done = export(&args.out, (&prepared, &manifest.name), Wanted { format, ids, question })?;
    let rows: Vec<Vec<String>> =
        done.files.iter().map(|file| vec![file.path.clone(), file.bytes.to_string()]).collect();
    print_table(&["file", "bytes"].map(String::from), &rows, Format::or_fitting(None))?;
    say(&done.protocol);
    if prepared.split.tasks.first().is_some_and(|task| task.valid.negatives.is_some()) {
        say(
            "note: the negatives that came with the data are not part of an export; evaluation.candidates=given needs the prepared folder",
        );
    }
    let tasks = &prepared.split.tasks;
    if tasks.len() > done.questions.len() {
        let left = tasks.iter().map(|task| &task.name).filter(|name| !done.questions.contains(name));
        say(&format!(
            "note: an export holds one question of a domain, here {}; --question NAME writes another: {}",
            done.questions.join(", "),
            left.cloned().collect::<Vec<_>>().join(", ")
        ));
    }
    if done.spaced > 0 {
        say(&format!(
            "note: {} titles or lists of categories have tabs or line ends, which atomic files cannot hold; spaces stand for them",
            done.spaced
        ));
    }
    if done.files.iter().any(|file| file.path.ends_with("_list.csv")) {
        say(
            "note: ids have spaces or line ends, which a list `org_id remap_id` cannot hold; the lists that have them are tables, _list.csv",
        );
    }
    if done.out_of_order > 0 {
        say(&format!(
            "note: {} events are not in their order when this is read back: their user has more events in one second than \
             the thousandths of it that keep their order",
            done.out_of_order
        ));
    }
    say(&format!("wrote {}", args.out.display()));
    Ok(())
}
