//! `segue recommend`: items of one domain for a user, or for a guest who names what they like.

use std::path::PathBuf;

use clap::Args;
use segue_core::Signal;
use segue_lab::{Bundle, Recommendation, Request, recommend};

use crate::terminal::{Format, print_table};

/// Recommend items to a known user, or to someone new who names what they like in any domain.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue recommend --run outputs/segue/ease --user 42 --target films
  segue recommend --run outputs/segue/ease --like \"music:Slow Rivers\" --like \"Glass Orchard\" --target films -k 5
  segue recommend --run outputs/segue/ease --user 42 --dislike \"The Long Winter\" --format tsv | cut -f2")]
pub(crate) struct Arguments {
    /// A run folder, or its model.safetensors.
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
    /// A user of the training data, by external id.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Something liked: title, part of a title, or id; `domain:title` where that is ambiguous. May be repeated.
    #[arg(long, value_name = "TITLE")]
    like: Vec<String>,
    /// Something disliked, likewise.
    #[arg(long, value_name = "TITLE")]
    dislike: Vec<String>,
    /// The domain to recommend from; by default the one the model was trained for.
    #[arg(long, value_name = "DOMAIN")]
    target: Option<String>,
    /// How many items.
    #[arg(short, default_value_t = 10)]
    k: usize,
    /// How many reasons for each item.
    #[arg(long, default_value_t = 2)]
    reasons: usize,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

/// Runs the command.
pub(crate) fn run(args: Arguments) -> anyhow::Result<()> {
    if args.user.is_none() && args.like.is_empty() && args.dislike.is_empty() {
        anyhow::bail!("say for whom: --user ID for a known user, or --like \"title\" (repeatable) for someone new");
    }
    let bundle = Bundle::load(&args.run, &crate::registry())?;
    let request = Request {
        user: args.user,
        likes: args.like,
        dislikes: args.dislike,
        target: args.target,
        k: args.k,
        n_reasons: args.reasons,
    };
    let recommendations = recommend(&bundle, &request)?;
    let (header, rows) = table(&bundle, &recommendations);
    print_table(&header, &rows, Format::or_fitting(args.format))?;
    Ok(())
}

/// Recommendations as a table: rank, id, title, categories, score, reasons.
pub(crate) fn table(bundle: &Bundle, recommendations: &[Recommendation]) -> (Vec<String>, Vec<Vec<String>>) {
    let header = ["", "id", "title", "categories", "score", "because"].map(String::from).to_vec();
    let catalogue = &bundle.catalogue;
    let rows = recommendations.iter().enumerate().map(|(n, r)| {
        let because = r.reasons.iter().map(|reason| {
            let verb = match reason.signal {
                Signal::Positive => "you liked",
                Signal::Negative => "you disliked",
                Signal::Neutral => "you met",
            };
            format!("{verb} {} ({:+.3})", catalogue.title(reason.item), reason.contribution)
        });
        vec![
            (n + 1).to_string(),
            catalogue.external(r.item).to_owned(),
            catalogue.title(r.item).to_owned(),
            catalogue.info(r.item).categories.join(", "),
            format!("{:.3}", r.score),
            because.collect::<Vec<_>>().join("; "),
        ]
    });
    (header, rows.collect())
}
