//! `segue models`: what there is to train, and the parameters of each.

use std::path::PathBuf;

use clap::Args;
use segue_core::{ModelEntry, Output, Registry};
use serde_json::Value;

use super::guide::{Guide, guide};
use crate::terminal::{Format, print_table};

/// List the models, the parameters of one, or what stored runs say of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue models                                 what there is to train
  segue models ease                            its parameters
  segue train -m model=popularity,item_knn,ease,mf data=sample
  segue models --guide outputs/segue/*         training time, memory, cold start, accuracy, interpretability of these runs

The grades of the guide are relative to the other runs: time to the slowest (very fast up to 2 %, fast to 15 %, medium to half),
memory to the most (very low up to 5 %, low to 25 %, medium to 60 %), accuracy and cold start to the best (excellent from 97 %, good
from 85 %, fair from 60 %). Memory is what training took at its peak beyond the data; where the system did not tell it, or too little to be told,
there is `at least` the size of the stored model. Cold start is the question about cold users where the split asks it (split=questions,
split=cold_user), else the quarter of the users of whom least is known. Below the table a best model is claimed only where it is told
apart from all others, user by user; else those are named that are as good as far as anybody can tell.")]
pub(crate) struct Arguments {
    /// Show the parameters of this model.
    name: Option<String>,
    /// Compare the models of these run folders: training time, memory, cold start, accuracy, interpretability.
    #[arg(long, value_name = "RUN", num_args = 1.., conflicts_with = "name")]
    guide: Vec<PathBuf>,
    /// With --guide: the metric of accuracy and cold start; by default NDCG at the first cut-off of the runs.
    #[arg(long, value_name = "METRIC@K", requires = "guide")]
    metric: Option<String>,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
    /// The same as --format markdown.
    #[arg(long, conflicts_with = "format")]
    markdown: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    let format = if args.markdown { Format::Markdown } else { Format::or_fitting(args.format) };
    if !args.guide.is_empty() {
        let Guide { header, rows, notes } = guide(&args.guide, args.metric.as_deref())?;
        print_table(&header, &rows, format)?;
        for note in &notes {
            crate::terminal::say(note);
        }
        return Ok(());
    }
    match &args.name {
        None => print_table(&list_header(), &list(&registry), format)?,
        Some(name) => {
            let entry = registry.find(name)?;
            let info = entry.info;
            crate::terminal::say(&format!(
                "{} — {}\n{}\nHow large: {}.\n",
                info.name, info.title, info.citation, info.scale
            ));
            print_table(&parameters_header(), &parameters(entry)?, format)?;
        }
    }
    Ok(())
}

/// The table that the command prints, without printing anything.
pub(crate) fn table(args: &Arguments) -> anyhow::Result<(Vec<String>, Vec<Vec<String>>)> {
    if !args.guide.is_empty() {
        let Guide { header, rows, .. } = guide(&args.guide, args.metric.as_deref())?;
        return Ok((header, rows));
    }
    let registry = crate::registry();
    match &args.name {
        None => Ok((list_header(), list(&registry))),
        Some(name) => Ok((parameters_header(), parameters(registry.find(name)?)?)),
    }
}

fn list_header() -> Vec<String> {
    ["model", "also", "what it is", "useful for", "not useful for", "how large", "scores"].map(String::from).to_vec()
}

fn list(registry: &Registry) -> Vec<Vec<String>> {
    let row = |entry: &ModelEntry| {
        let info = entry.info;
        vec![
            info.name.to_owned(),
            info.aliases.join(", "),
            info.title.to_owned(),
            info.useful_for.to_owned(),
            info.not_useful_for.to_owned(),
            info.scale.to_owned(),
            match info.output {
                Output::Ranking => "order",
                Output::Rating => "ratings",
            }
            .to_owned(),
        ]
    };
    registry.entries().iter().map(row).collect()
}

fn parameters_header() -> Vec<String> {
    ["parameter", "default", "range", "also", "meaning"].map(String::from).to_vec()
}

fn parameters(entry: &ModelEntry) -> anyhow::Result<Vec<Vec<String>>> {
    let defaults = entry.configure(Value::Null)?.params();
    let row = |p: &segue_core::ParamInfo| {
        vec![
            p.name.to_owned(),
            defaults.get(p.name).map(Value::to_string).unwrap_or_default(),
            p.range.map(|range| range.to_string()).unwrap_or_default(),
            p.aliases.join(", "),
            p.doc.split_whitespace().collect::<Vec<_>>().join(" "),
        ]
    };
    Ok(entry.params.iter().map(row).collect())
}
