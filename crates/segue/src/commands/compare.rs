//! `segue compare`: several models, one table.

use clap::Args;
use segue_eval::Cell;
use segue_lab::{Comparison, Composer, LabError, Scope, Settings, compare};

use super::train::{Configuration, load};
use crate::terminal::{Bar, Format, print_table, say};

/// Train several models on the same data and print one table with intervals.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue compare data=sample model=popularity,item_knn,mf,ease,ials,lightgcn
  segue compare data=sample model=ease,ials scope=target,joint,shuffled   what the other domains add, and a placebo
  segue compare data_dir=artifacts/films_from_music model=mf,ease seed=1,2,3 --format markdown")]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Metrics to show, in order; by default all ranking metrics at the first cut-off.
    #[arg(long, value_delimiter = ',', value_name = "METRIC@K")]
    show: Vec<String>,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    // A comparison writes its table and nothing else.
    let writes = |o: &&String| {
        let key = o.trim_start_matches('+').split('=').next().unwrap_or_default();
        ["out", "run_name", "experiment_name", "overwrite", "save_embeddings"].contains(&key)
    };
    if let Some(given) = args.configuration.overrides.iter().find(writes) {
        anyhow::bail!(
            "`{given}` changes nothing: compare writes no run folders; train the model you choose with `segue train`"
        );
    }
    let composer = Composer::new(args.configuration.config_dir.clone(), &registry)?;
    let jobs = composer.sweep(&args.configuration.overrides)?;
    if args.configuration.cfg.is_some() {
        return jobs.iter().try_for_each(|job| args.configuration.show(job));
    }
    let settings: Vec<Settings> = jobs.iter().map(segue_lab::Job::settings).collect::<Result<_, _>>()?;
    for job in &settings {
        job.algorithm(&registry, false)?;
    }
    let Some(first) = settings.first() else { anyhow::bail!("the sweep is empty") };
    if settings.iter().any(|s| !s.same_data(first)) {
        anyhow::bail!(
            "compare asks one question of all models: data, prepare, split and evaluation must not be swept over; run it once for each"
        );
    }
    let loaded = load(first)?;
    let comparison = compare(&settings, &loaded, &registry, Bar::new)?;
    let (header, rows) = table(&comparison, &args.show, first)?;
    print_table(&header, &rows, Format::or_fitting(args.format))?;
    say(&comparison.protocol);
    for contestant in &comparison.contestants {
        // The first is the protocol again, and what intervals are is said by every table.
        for note in contestant.summary.notes().iter().skip(1).filter(|note| !note.starts_with("intervals")) {
            say(&format!("{} {}: {note}", contestant.fitted.bundle.model_name, contestant.scope));
        }
    }
    Ok(())
}

/// A row per model: its metrics with intervals, what learning from the other domains adds, and the training time.
pub(crate) fn table(
    comparison: &Comparison,
    show: &[String],
    settings: &Settings,
) -> Result<(Vec<String>, Vec<Vec<String>>), LabError> {
    let names = shown(comparison, show, settings)?;
    let resamples = settings.evaluation.bootstrap;
    let mut gains = Vec::new();
    for (control, title) in [(Scope::Target, "target alone"), (Scope::Shuffled, "shuffled links")] {
        let gain = comparison.gains(control, resamples)?;
        if !gain.is_empty() {
            gains.push((title, gain));
        }
    }
    let several_seeds = comparison.contestants.iter().any(|c| c.seed != settings.seed);
    let mut header: Vec<String> = vec!["model".into(), "scope".into()];
    if several_seeds {
        header.push("seed".into());
    }
    header.extend(names.iter().cloned());
    let main = names.first().cloned().unwrap_or_default();
    header.extend(gains.iter().map(|(title, _)| format!("gain over {title}, {main}")));
    header.push("seconds".into());
    let rows = comparison.contestants.iter().enumerate().map(|(n, c)| {
        let mut row = vec![c.fitted.bundle.model_name.clone(), c.scope.to_string()];
        if several_seeds {
            row.push(c.seed.to_string());
        }
        for name in &names {
            let estimate = c.summary.metrics.iter().find(|e| e.metric.to_string() == *name);
            row.push(estimate.map(|e| Cell::Estimate(e.value, e.interval).to_string()).unwrap_or_default());
        }
        for (_, gain) in &gains {
            let own = gain.iter().find(|(row, _)| *row == n).map(|(_, differences)| differences);
            let difference = own.and_then(|all| all.iter().find(|d| d.spec.to_string() == main));
            row.push(difference.map_or(String::new(), |d| {
                format!("{:+.4} [{:+.4}, {:+.4}] p={:.3}", d.difference, d.interval.low, d.interval.high, d.p)
            }));
        }
        row.push(format!("{:.2}", c.fitted.seconds));
        row
    });
    Ok((header, rows.collect()))
}

fn shown(comparison: &Comparison, show: &[String], settings: &Settings) -> Result<Vec<String>, LabError> {
    let Some(first) = comparison.contestants.first() else { return Ok(Vec::new()) };
    let known: Vec<String> = first.summary.metrics.iter().map(|e| e.metric.to_string()).collect();
    if show.is_empty() {
        let k = settings.evaluation.k_values.first().copied().unwrap_or(10);
        let main = ["ndcg", "hr", "recall", "mrr", "coverage"].map(|name| format!("{name}@{k}"));
        let usual: Vec<String> = main.into_iter().filter(|name| known.contains(name)).collect();
        return Ok(if usual.is_empty() { known } else { usual });
    }
    for name in show {
        if !known.contains(name) {
            return Err(LabError::NotFound(format!("--show {name} was not measured; there are: {}", known.join(", "))));
        }
    }
    Ok(show.to_vec())
}
