//! `segue datasets`: what there is to download.

use std::path::Path;

use clap::Args;
use segue_download::catalogue::{DATA_SETS, DataSet, Known, find};

use crate::terminal::{Format, print_table};

/// List the public data sets, or all that is known of one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue datasets
  segue datasets amazon-2018
  segue download ml-latest-small

`segue download NAME` fetches one, and says how to prepare it.")]
pub(crate) struct Arguments {
    /// Show everything of this data set.
    name: Option<String>,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let format = Format::or_fitting(args.format);
    let Some(name) = &args.name else {
        let header = ["data set", "title", "size", "licence", "prepare"].map(String::from);
        let rows: Vec<Vec<String>> = DATA_SETS.iter().map(row).collect();
        print_table(&header, &rows, format)?;
        return Ok(());
    };
    let (names, values): (Vec<String>, Vec<String>) = everything(find(name)?).into_iter().unzip();
    if format == Format::Json {
        print_table(&names, &[values], format)?;
    } else {
        let header = ["what", "value"].map(String::from);
        let rows: Vec<Vec<String>> = names.into_iter().zip(values).map(|(name, value)| vec![name, value]).collect();
        print_table(&header, &rows, format)?;
    }
    Ok(())
}

fn row(it: &DataSet) -> Vec<String> {
    vec![it.name.into(), it.title.into(), it.size.into(), it.licence.into(), it.prepare_line(Path::new("data"), &[])]
}

fn everything(it: &DataSet) -> Vec<(String, String)> {
    let checksums: Vec<String> = it.files.iter().map(|file| format!("{}: {}", file.to, known(file.known))).collect();
    let addresses: Vec<&str> = it.files.iter().flat_map(|file| file.addresses.iter().copied()).collect();
    let category = if it.categories.is_empty() { String::new() } else { format!(" --category {}", it.example()) };
    [
        ("data set", it.name.to_owned()),
        ("also", it.aliases.join(", ")),
        ("title", it.title.into()),
        ("holds", it.holds.into()),
        ("size", it.size.into()),
        ("licence", it.licence.into()),
        ("terms", it.terms.into()),
        ("cite", format!("{} (CITATIONS.bib)", it.citation)),
        ("categories", it.categories.join(", ")),
        ("addresses", addresses.join("\n")),
        ("checksums", checksums.join("\n")),
        ("note", it.note.into()),
        ("download", format!("segue download {}{category}", it.name)),
        ("prepare", it.prepare_line(Path::new("data"), &[])),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn known(known: Known) -> String {
    match known {
        Known::Sha256(hex) => format!("sha256 {hex}"),
        Known::Md5(hex) => format!("md5 {hex}"),
        Known::GitBlob(hex) => format!("git blob {hex}"),
        Known::Md5Beside(ending) => format!("md5, which the publisher keeps beside it ({ending})"),
        Known::Nothing => "none is published; the size is compared".into(),
    }
}
