//! `segue train`: one model, one run folder.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use segue_lab::config::to_yaml;
use segue_lab::{Composer, Job, Loaded, Row, Settings, Trained, load_data, train, with_data_elsewhere};

use super::sweep::sweep;
use crate::terminal::{Bar, Format, print_measured, say};

/// What every command that composes a configuration accepts.
#[derive(Debug, Args)]
pub(crate) struct Configuration {
    /// key=value, +key=value, ++key=value, ~key, or group=option, in Hydra's grammar.
    #[arg(value_name = "OVERRIDE")]
    pub(crate) overrides: Vec<String>,
    /// A directory of YAML groups in place of `configs/`; what it lacks comes from the built-in files.
    #[arg(long, visible_alias = "cd", value_name = "DIR")]
    pub(crate) config_dir: Option<PathBuf>,
    /// Print the composed configuration and stop.
    #[arg(short, long, value_name = "WHAT")]
    pub(crate) cfg: Option<Shown>,
    /// With --cfg: replace interpolations by their values.
    #[arg(long, requires = "cfg")]
    pub(crate) resolve: bool,
    /// Run every combination of what the overrides sweep over.
    #[arg(short, long, hide = true)]
    pub(crate) multirun: bool,
}

/// What --cfg prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shown {
    /// The job's configuration.
    Job,
}

impl Configuration {
    /// The job; `None` if it was only to be shown, which is then done.
    pub(crate) fn job(&self) -> anyhow::Result<Option<Job>> {
        let registry = crate::registry();
        let composer = Composer::new(self.config_dir.clone(), &registry)?;
        anyhow::ensure!(!self.multirun, "--multirun: this command does one thing at a time; give it one configuration");
        let job = composer.job(&self.overrides)?;
        if self.cfg.is_some() {
            self.show(&job)?;
            return Ok(None);
        }
        Ok(Some(job))
    }

    /// Prints one job, as documents of one stream where there are several.
    pub(crate) fn show(&self, job: &Job) -> anyhow::Result<()> {
        use std::io::Write as _;
        let shown = if self.resolve { &job.resolved } else { &job.composed };
        write!(std::io::stdout(), "{}", to_yaml(shown))?;
        Ok(())
    }
}

/// Train one model and write its run folder.
#[derive(Debug, Args)]
#[command(mut_arg("multirun", |arg| arg.hide(false)))]
#[command(after_help = "Examples:
  segue train model=lightgcn                                  MovieLens in data/movielens-small
  segue train model=ease data=sample scope=target             the sample world, films alone
  segue train model=mf data_dir=artifacts/films_from_music model.factors=128 trainer.max_epochs=50
  segue train model=svd model.n_factors=100 model.biased=false
  segue train model=mf --cfg job                              print every key and stop
  segue train -m model=popularity,ease,mf seed=1,2            a run for every combination; then `segue compare outputs/segue/*`
  segue train -m model=mf model.factors=32,64 seed=1,2        the better of two recipes, by validation

A sweep over hyper-parameters, prepare.* or evaluation.* is decided by validation (trainer.early_stopping.metric, in the mean over
seeds): the test part of the chosen runs alone is opened, at the end. Models, scopes, data, splits and candidates are compared, not
chosen among. evaluation.test=always opens the test part of every run, never none.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Go on from the checkpoint of an unfinished run of the same configuration, to the same bits.
    #[arg(long)]
    resume: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let jobs = if args.configuration.multirun {
        let registry = crate::registry();
        let composer = Composer::new(args.configuration.config_dir.clone(), &registry)?;
        let jobs = composer.sweep(&args.configuration.overrides)?;
        if args.configuration.cfg.is_some() {
            return jobs.iter().try_for_each(|job| args.configuration.show(job));
        }
        jobs
    } else {
        args.configuration.job()?.into_iter().collect()
    };
    let registry = crate::registry();
    let settings = jobs.iter().map(Job::settings).collect::<Result<Vec<_>, _>>()?;
    // Refuse a wrong model, parameter or name before reading any data.
    for settings in &settings {
        settings.algorithm(&registry, jobs.len() == 1)?;
    }
    match settings.as_slice() {
        [only] => one(only, &load(only)?, args.resume).map(drop),
        _ => sweep(settings, args.resume),
    }
}

/// One run.
pub(super) fn one(settings: &Settings, loaded: &Loaded, resume: bool) -> anyhow::Result<Trained> {
    let registry = crate::registry();
    let mut bar = Bar::new(settings.algorithm(&registry, false)?.info().name);
    let run = train(settings, loaded, &registry, &mut bar, resume);
    bar.finish();
    let run = run?;
    let trained = run.trained();
    print_rows(run.rows())?;
    if settings.save_embeddings && run.fitted.bundle.model.embeddings().is_none() {
        say(&format!(
            "save_embeddings=true: `{}` has no vectors of users and items to write",
            run.fitted.bundle.model_name
        ));
    }
    if let Some(valid) = &trained.valid {
        let metric = settings.choosing_metric()?;
        let told =
            valid.choosing.map_or_else(|| "no validation".into(), |value| format!("{metric} on validation {value:.4}"));
        say(&format!("{told}; the test part stays sealed"));
    }
    say(&format!("wrote {}", run.folder.display()));
    Ok(trained)
}

/// What was measured, question by question.
pub(super) fn print_rows(rows: &[Row]) -> anyhow::Result<()> {
    for row in rows {
        if rows.len() > 1 {
            say(&format!("\n{}:", row.question));
        }
        print_measured(&segue_eval::measured(&row.summary), Format::or_fitting(None))?;
    }
    Ok(())
}

/// Loads or prepares the data of a job under a progress bar.
pub(crate) fn load(settings: &Settings) -> anyhow::Result<Loaded> {
    let mut bar = Bar::new("data");
    let loaded = load_data(settings, &mut |p| {
        bar.hear(p);
        // Ctrl-C is heard below.
        ControlFlow::Continue(())
    });
    bar.finish();
    let loaded = loaded?;
    let data = &loaded.data;
    let domains: Vec<&str> = data.catalogue.domains().iter().map(|d| d.name.as_str()).collect();
    say(&format!(
        "{}: {} users, {} items of {}, {} training interactions",
        loaded.name,
        data.users.len(),
        data.catalogue.n_items(),
        domains.join(" + "),
        data.split.train.len()
    ));
    // A prepared folder said so when it was made.
    if settings.data_dir.is_none() {
        loaded.report.notes.iter().for_each(|note| say(&format!("note: {note}")));
    }
    Ok(loaded)
}

/// The data of a stored run where they lie now: where `overrides` say, where the run read them, or below `SEGUE_DATA`.
pub(crate) fn load_again(settings: &Settings, overrides: &[String]) -> anyhow::Result<Loaded> {
    let public = std::env::var_os("SEGUE_DATA").map(PathBuf::from);
    load(&with_data_elsewhere(settings, overrides, public.as_deref())?)
}
