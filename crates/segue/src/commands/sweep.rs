//! The sweep of `segue train -m`: several runs in turn, and the test part of those that validation chooses.

use segue_core::FitError;
use segue_eval::MetricSpec;
use segue_lab::{
    Contest, LabError, Loaded, Openable, Settings, Trained, contests, finished, is_resumable, open_test,
    refuse_one_name,
};
use serde_json::Value;

use super::train::{load, one, print_rows};
use crate::terminal::{Format, print_table, say};

/// Trains every run and decides the contests among them.
pub(super) fn sweep(mut settings: Vec<Settings>, resume: bool) -> anyhow::Result<()> {
    // Runs of a sweep over seeds are of one split, so that they may be compared; each says so in its configuration.
    let first_seed = settings.first().map(|first| first.seed);
    for settings in &mut settings {
        settings.split.seed = settings.split.seed.or(first_seed);
    }
    refuse_one_name(&settings)?;
    let contests = contests(&settings, &crate::registry())?;
    let metrics: Vec<MetricSpec> =
        contests.iter().map(|contest| contest.metric(&settings)).collect::<Result<_, _>>()?;
    for note in contests.iter().flat_map(Contest::notes) {
        say(&format!("note: {note}"));
    }
    for run in contests.iter().flat_map(Contest::runs) {
        settings[run].evaluation.test = Openable::Never;
    }
    let mut at_hand = AtHand::default();
    let mut trained = Vec::new();
    for (n, settings) in settings.iter().enumerate() {
        let contested = contests.iter().any(|contest| contest.runs().any(|run| run == n));
        trained.push(next(settings, (contested, resume), &mut at_hand)?);
    }
    for (contest, metric) in contests.iter().zip(metrics) {
        decide((contest, metric), (&settings, &trained), &mut at_hand)?;
    }
    Ok(())
}

/// The next run: trained, gone on with, or finished by an earlier command already. `None` where one that others contend with
/// diverged.
fn next(
    settings: &Settings,
    (contested, resume): (bool, bool),
    at_hand: &mut AtHand,
) -> anyhow::Result<Option<Trained>> {
    let before = if resume { finished(settings)? } else { None };
    if let Some(before) = before {
        say(&format!("{} is finished", before.folder.display()));
        return Ok(Some(before));
    }
    let loaded = at_hand.of(settings)?;
    if contested && !has_validation(loaded) {
        anyhow::bail!(
            "a sweep is decided by validation, and this split has no validation part: give it one \
             (split=leave_one_out), or look at the test part of every run with evaluation.test=always"
        );
    }
    // Those that were not begun are begun.
    match one(settings, loaded, resume && is_resumable(settings)) {
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

/// The data of the last run: the next one often asks for the same.
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
