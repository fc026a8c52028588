//! `segue similar`: the items most like one item.

use std::path::PathBuf;

use clap::Args;
use segue_lab::{Bundle, find_domain, find_item, similar};

use crate::terminal::{Format, print_table};

/// Show the items most like one item, in its own domain or in another.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue similar --run outputs/segue/ease \"Glass Orchard\"
  segue similar --run outputs/segue/ease \"music:Slow Rivers\" --target films")]
pub(crate) struct Arguments {
    /// Title, part of a title, or id; `domain:title` where that is ambiguous.
    item: String,
    /// A run folder, or its model.safetensors.
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
    /// The domain to look in; by default that of the item.
    #[arg(long, value_name = "DOMAIN")]
    target: Option<String>,
    /// How many items.
    #[arg(short, default_value_t = 10)]
    k: usize,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    if args.k == 0 {
        anyhow::bail!("-k 0 asks for nothing; ask for at least 1");
    }
    let registry = crate::registry();
    let bundle = Bundle::load(&args.run, &registry)?;
    if !registry.find(&bundle.model_name)?.info.personalised {
        anyhow::bail!(
            "`{}` does not learn what items are like, so none is similar to another; train another model, e.g. model=item_knn",
            bundle.model_name
        );
    }
    let item = find_item(&bundle, &args.item)?;
    let catalogue = &bundle.catalogue;
    let target = match &args.target {
        Some(name) => find_domain(&bundle, name)?,
        None => catalogue.domain_of(item),
    };
    let header = ["", "id", "title", "categories", "similarity"].map(String::from);
    let rows: Vec<Vec<String>> = similar(&bundle, item, target, args.k)?
        .iter()
        .enumerate()
        .map(|(n, s)| {
            vec![
                (n + 1).to_string(),
                catalogue.external(s.item).to_owned(),
                catalogue.title(s.item).to_owned(),
                catalogue.info(s.item).categories.join(", "),
                format!("{:.3}", s.score),
            ]
        })
        .collect();
    print_table(&header, &rows, Format::or_fitting(args.format))?;
    Ok(())
}
