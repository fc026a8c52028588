//! `segue models`: what there is to train, and the parameters of each.

use clap::Args;
use segue_core::{ModelEntry, Output, Registry};
use serde_json::Value;

use crate::terminal::{Format, print_table};

/// List the models, or the parameters of one.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Show the parameters of this model.
    name: Option<String>,
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
    match &args.name {
        None => print_table(&list_header(), &list(&registry), format)?,
        Some(name) => {
            let entry = registry.find(name)?;
            let info = entry.info;
            crate::terminal::say(&format!("{} — {}\n{}\n", info.name, info.title, info.citation));
            let header = ["parameter", "default", "range", "also", "meaning"].map(String::from);
            print_table(&header, &parameters(entry)?, format)?;
        }
    }
    Ok(())
}

fn list_header() -> Vec<String> {
    ["model", "also", "what it is", "useful for", "not useful for", "scores"].map(String::from).to_vec()
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
            match info.output {
                Output::Ranking => "order",
                Output::Rating => "ratings",
            }
            .to_owned(),
        ]
    };
    registry.entries().iter().map(row).collect()
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
