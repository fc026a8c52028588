//! `segue train`: one model, one run folder.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use segue_core::FitError;
use segue_eval::MetricSpec;
use segue_lab::config::to_yaml;
use segue_lab::{
    Composer, Contest, Job, LabError, Loaded, Openable, Row, Settings, Trained, contests, finished, is_resumable,
    load_data, open_test, refuse_one_name, train,
};
use serde_json::Value;

use crate::terminal::{Bar, Format, print_measured, print_table, say};

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

A sweep over hyper-parameters is decided by validation (trainer.early_stopping.metric, in the mean over seeds): the test part of the
chosen runs alone is opened, at the end. evaluation.test=always opens that of every run, never none.")]
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
    let mut settings = jobs.iter().map(Job::settings).collect::<Result<Vec<_>, _>>()?;
    // Runs of a sweep over seeds are of one split, so that they may be compared; each says so in its configuration.
    let first_seed = settings.first().map(|first| first.seed);
    if settings.len() > 1 {
        for settings in &mut settings {
            settings.split.seed = settings.split.seed.or(first_seed);
        }
    }
    // Refuse a wrong model, parameter or name before reading any data.
    for settings in &settings {
        settings.algorithm(&registry, jobs.len() == 1)?;
    }
    refuse_one_name(&settings)?;
    let contests = contests(&settings, &registry)?;
    let metrics: Vec<MetricSpec> =
        contests.iter().map(|contest| contest.metric(&settings)).collect::<Result<_, _>>()?;
    for run in contests.iter().flat_map(Contest::runs) {
        settings[run].evaluation.test = Openable::Never;
    }
    let mut at_hand = AtHand::default();
    let mut trained = Vec::new();
    for (n, settings) in settings.iter().enumerate() {
        let contested = contests.iter().any(|contest| contest.runs().any(|run| run == n));
        trained.push(next(settings, (contested, jobs.len() > 1), args.resume, &mut at_hand)?);
    }
    for (contest, metric) in contests.iter().zip(metrics) {
        decide((contest, metric), (&settings, &trained), &mut at_hand)?;
    }
    Ok(())
}

/// The next run of several, or the only one: trained, gone on with, or finished by an earlier command already. `None` where one
/// that others contend with diverged.
fn next(
    settings: &Settings,
    (contested, one_of_several): (bool, bool),
    resume: bool,
    at_hand: &mut AtHand,
) -> anyhow::Result<Option<Trained>> {
    let before = if resume && one_of_several { finished(settings)? } else { None };
    if let Some(before) = before {
        say(&format!("{} is finished", before.folder.display()));
        return Ok(Some(before));
    }
    let loaded = at_hand.of(settings)?;
    if contested && !has_validation(loaded) {
        anyhow::bail!(
            "a sweep over hyper-parameters is decided by validation, and this split has no validation part: give it one \
             (split=leave_one_out), or look at the test part of every run with evaluation.test=always"
        );
    }
    // Of several, those that were not begun are begun.
    let resume = resume && (!one_of_several || is_resumable(settings));
    match one(settings, loaded, resume) {
        Ok(trained) => Ok(Some(trained)),
        Err(error) => match error.downcast_ref::<LabError>() {
            Some(LabError::Fit { error: FitError::Diverged { .. }, .. }) if contested => {
                say(&format!("{error}; the sweep goes on without this run"));
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

/// The data of the last job: the next one often asks for the same.
#[derive(Default)]
struct AtHand(Option<(Settings, Loaded)>);

impl AtHand {
    fn of(&mut self, settings: &Settings) -> anyhow::Result<&Loaded> {
        let kept = self.0.take().filter(|(of, _)| of.same_data(settings));
        let (of, loaded) = match kept {
            Some(kept) => kept,
            None => (settings.clone(), load(settings)?),
        };
        Ok(&self.0.insert((of, loaded)).1)
    }
}

fn has_validation(loaded: &Loaded) -> bool {
    loaded.data.split.tasks.first().is_none_or(|task| !task.valid.events.is_empty())
}

/// One run.
fn one(settings: &Settings, loaded: &Loaded, resume: bool) -> anyhow::Result<Trained> {
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

fn print_rows(rows: &[Row]) -> anyhow::Result<()> {
    for row in rows {
        if rows.len() > 1 {
            say(&format!("\n{}:", row.question));
        }
        print_measured(&segue_eval::measured(&row.summary), Format::or_fitting(None))?;
    }
    Ok(())
}

/// Ends a contest: the table of its runs by validation, and the test part of those that it chooses.
fn decide(
    (contest, metric): (&Contest, MetricSpec),
    (settings, trained): (&[Settings], &[Option<Trained>]),
    at_hand: &mut AtHand,
) -> anyhow::Result<()> {
    let registry = crate::registry();
    let opened = |run: usize| trained[run].as_ref().is_some_and(|trained| trained.valid.is_none());
    if let Some((recipe, runs)) = contest.recipes.iter().find(|(_, runs)| runs.iter().any(|&run| opened(run))) {
        let told: Vec<String> =
            contest.differing().into_iter().filter_map(|key| Some(format!("{key}={}", recipe.get(key)?))).collect();
        say(&format!("the sweep was decided before: {} was chosen", told.join(" ")));
        for &run in runs.iter().filter(|&&run| !opened(run)) {
            if let Some(trained) = &trained[run] {
                print_rows(open_test(&trained.folder, at_hand.of(&settings[run])?, &registry)?.rows())?;
            }
        }
        return Ok(());
    }
    let value = |run: usize| trained[run].as_ref().and_then(|trained| trained.valid.as_ref()?.choosing);
    let chosen = contest.chosen(value, metric.metric.more_is_better());
    let keys = contest.differing();
    let header = keys.iter().map(|key| key.trim_start_matches("model.").to_owned());
    let measured = format!("{metric} on validation");
    let header = header.chain(["seed", &measured, "best epoch", "train s", "test", "run"].map(String::from));
    let mut rows = Vec::new();
    for (n, (recipe, runs)) in contest.recipes.iter().enumerate() {
        for &run in runs {
            let told = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let mut row: Vec<String> = keys.iter().map(|&key| recipe.get(key).map(told).unwrap_or_default()).collect();
            row.push(settings[run].seed.to_string());
            row.push(value(run).map_or_else(|| "diverged".into(), |value| format!("{value:.4}")));
            let of = trained[run].as_ref();
            row.push(of.and_then(|of| of.best_epoch).map(|epoch| epoch.to_string()).unwrap_or_default());
            row.push(of.map(|of| format!("{:.1}", of.seconds)).unwrap_or_default());
            row.push(if Some(n) == chosen { "opened" } else { "sealed" }.into());
            row.push(of.map(|of| of.folder.display().to_string()).unwrap_or_default());
            rows.push(row);
        }
    }
    say("");
    print_table(&header.collect::<Vec<_>>(), &rows, Format::or_fitting(None))?;
    let Some(chosen) = chosen else { anyhow::bail!("every recipe of the sweep diverged: nothing is chosen") };
    for &run in &contest.recipes[chosen].1 {
        let Some(trained) = &trained[run] else { continue };
        say(&format!("\nchosen by {measured}: {}", trained.folder.display()));
        let run = open_test(&trained.folder, at_hand.of(&settings[run])?, &registry)?;
        print_rows(run.rows())?;
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
