//! `segue recommend`: items of one domain for a user, or for a guest who names what they like.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use segue_core::Signal;
use segue_lab::{Bundle, Recommendation, Request, recommend};
use serde_json::json;

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
    /// How many reasons to show for each item; `--format json` has them all.
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
    let request = Request { user: args.user, likes: args.like, dislikes: args.dislike, target: args.target, k: args.k };
    let recommendations = recommend(&bundle, &request)?;
    match Format::or_fitting(args.format) {
        Format::Json => print_lines(&bundle, &recommendations)?,
        format => {
            let (header, rows) = table(&bundle, &recommendations, args.reasons);
            print_table(&header, &rows, format)?;
        }
    }
    Ok(())
}

/// One JSON object per item, with every reason in full precision: `base` and the contributions add up to `score`; without
/// `base` each contribution is what the score loses if that event is left out.
fn print_lines(bundle: &Bundle, recommendations: &[Recommendation]) -> std::io::Result<()> {
    let catalogue = &bundle.catalogue;
    let about = |item| {
        let domain = &catalogue.domains()[catalogue.domain_of(item)].name;
        json!({ "domain": domain, "id": catalogue.external(item), "title": catalogue.title(item) })
    };
    let mut out = std::io::stdout().lock();
    recommendations.iter().enumerate().try_for_each(|(n, r)| {
        let reasons = r.reasons.iter().map(|reason| {
            let mut line = about(reason.item);
            line["signal"] = json!(verb(reason.signal));
            line["contribution"] = json!(reason.contribution);
            line
        });
        let mut line = about(r.item);
        line["rank"] = json!(n + 1);
        line["categories"] = json!(catalogue.info(r.item).categories);
        line["score"] = json!(r.score);
        line["base"] = json!(r.base);
        line["reasons"] = reasons.collect();
        writeln!(out, "{line}")
    })
}

fn verb(signal: Signal) -> &'static str {
    match signal {
        Signal::Positive => "liked",
        Signal::Negative => "disliked",
        Signal::Neutral => "met",
    }
}

/// Recommendations as a table: rank, id, title, categories, score, and its `n_reasons` strongest reasons; what the others and
/// the history-free part of the score add stands behind them, so that the line adds up.
pub(crate) fn table(
    bundle: &Bundle,
    recommendations: &[Recommendation],
    n_reasons: usize,
) -> (Vec<String>, Vec<Vec<String>>) {
    let header = ["", "id", "title", "categories", "score", "because"].map(String::from).to_vec();
    let catalogue = &bundle.catalogue;
    let rows = recommendations.iter().enumerate().map(|(n, r)| {
        let (shown, others) = r.reasons.split_at(n_reasons.min(r.reasons.len()));
        let mut because: Vec<String> = shown
            .iter()
            .map(|reason| {
                let (verb, title) = (verb(reason.signal), catalogue.title(reason.item));
                format!("you {verb} {title} ({:+.3})", reason.contribution)
            })
            .collect();
        if !others.is_empty() && r.base.is_some() {
            let sum: f32 = others.iter().map(|reason| reason.contribution).sum();
            because.push(format!("{} more ({sum:+.3})", others.len()));
        }
        if let Some(base) = r.base.filter(|base| base.abs() >= 0.0005) {
            because.push(format!("whoever asks ({base:+.3})"));
        }
        vec![
            (n + 1).to_string(),
            catalogue.external(r.item).to_owned(),
            catalogue.title(r.item).to_owned(),
            catalogue.info(r.item).categories.join(", "),
            format!("{:.3}", r.score),
            because.join("; "),
        ]
    });
    (header, rows.collect())
}
