//! `segue evaluate`: a stored model on prepared data.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use segue_core::Prepared;
use segue_eval::{By, Group};
use segue_lab::{Bundle, Composer};

use crate::evaluator::Evaluator;
use crate::terminal::{Format, print_measured, print_table, say};

/// Which part is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The validation part.
    #[value(alias = "val", alias = "validation")]
    Valid,
    /// The test part.
    Test,
}

/// What a question is taken apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Parts {
    /// Known events of the user.
    Activity,
    /// Training users of the item.
    Popularity,
    /// Category of the item.
    #[value(alias = "category")]
    Genre,
}

/// Measure a trained model on prepared data.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music evaluation.k_values=[5,10]
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music --by activity
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music evaluation.dialect=trec_eval evaluation.metrics=[ndcg,map]
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music evaluation.candidates=sampled evaluation.negatives=99")]
pub(crate) struct Arguments {
    /// A run folder, or its model.safetensors.
    #[arg(long, value_name = "RUN")]
    run: PathBuf,
    /// A folder that `segue prepare` wrote.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The part to ask.
    #[arg(long, default_value = "test")]
    split: Part,
    /// Also measure quarters of the users by their known events, or of the held-out items by their training users; or the genres
    /// of the held-out items.
    #[arg(long, value_name = "WHAT")]
    by: Option<Parts>,
    /// Overrides of the `evaluation` group and of `seed`.
    #[arg(value_name = "OVERRIDE")]
    overrides: Vec<String>,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    let known = |o: &&String| o.trim_start_matches('+').starts_with("evaluation") || o.starts_with("seed=");
    if let Some(other) = args.overrides.iter().find(|o| !known(o)) {
        anyhow::bail!(
            "`{other}`: evaluate only reads evaluation.* and seed; the model and its data are given by --run and --data"
        );
    }
    let settings = Composer::new(None, &registry)?.job(&args.overrides)?.settings()?;
    let bundle = Bundle::load(&args.run, &registry)?;
    let (data, _) = segue_data::prepare::load_folder(&args.data)?;
    let evaluator =
        Evaluator { settings: settings.evaluation, seed: settings.seed, on_validation: args.split == Part::Valid };
    let results = evaluator.evaluate(&bundle, &data)?;
    let format = Format::or_fitting(args.format);
    print_measured(&segue_eval::measured(&results.summary), format)?;
    if let Some(parts) = args.by {
        print_parts(&evaluator, (&bundle, &data), parts, format)?;
    }
    if results.n_unknown_items > 0 {
        say(&format!("{} target items are unknown to this model and rank last", results.n_unknown_items));
    }
    if results.n_unknown_users > 0 {
        say(&format!("{} users are unknown to this model and answered as guests", results.n_unknown_users));
    }
    Ok(())
}

/// A row per quarter: who or what is in it, and every metric.
fn print_parts(
    evaluator: &Evaluator,
    (model, data): (&Bundle, &Prepared),
    parts: Parts,
    format: Format,
) -> anyhow::Result<()> {
    let (by, what) = match parts {
        Parts::Activity => (By::Activity, "known events"),
        Parts::Popularity => (By::Popularity, "training users"),
        Parts::Genre => (By::Category, "genre"),
    };
    let groups = evaluator.breakdown(model, data, by)?;
    if groups.is_empty() {
        say("the held-out items have no genres: prepare the data with `items` files");
        return Ok(());
    }
    let metrics = groups.first().map_or_else(Vec::new, |group| group.evaluation.values());
    let header =
        [what, "users", "positives"].map(String::from).into_iter().chain(metrics.into_iter().map(|(name, _)| name));
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|Group { name, n_positives, evaluation }| {
            let counts = [name.clone(), evaluation.n_users().to_string(), n_positives.to_string()];
            counts.into_iter().chain(evaluation.values().into_iter().map(|(_, value)| format!("{value:.4}"))).collect()
        })
        .collect();
    print_table(&header.collect::<Vec<_>>(), &rows, format)?;
    Ok(())
}
