//! `segue evaluate`: a stored model on prepared data.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use segue_lab::{Bundle, Composer};

use crate::evaluator::Evaluator;
use crate::terminal::{Format, print_measured, say};

/// Which part is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The validation part.
    #[value(alias = "val", alias = "validation")]
    Valid,
    /// The test part.
    Test,
}

/// Measure a trained model on prepared data.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music evaluation.k_values=[5,10]
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
    print_measured(&segue_eval::measured(&results.summary), Format::or_fitting(args.format))?;
    if results.n_unknown_items > 0 {
        say(&format!("{} target items are unknown to this model and rank last", results.n_unknown_items));
    }
    if results.n_unknown_users > 0 {
        say(&format!("{} users are unknown to this model and answered as guests", results.n_unknown_users));
    }
    Ok(())
}
