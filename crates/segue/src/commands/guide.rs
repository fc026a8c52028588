//! Which model for what: a guide drawn from stored runs.

use std::fs;
use std::path::PathBuf;

use segue_core::TaskKind;
use segue_eval::{Cell, Interval, MetricSpec};
use segue_lab::{ALPHA, Apart, Comparison, Row, Scope, Standing, Unchosen, read_run, spoken_metric};

use super::compare::{joined, note_of_sealed};
use super::comparison::Labels;

/// What is known of a model.
struct Entry {
    model: String,
    /// Its model and, where validation chose none of several recipes, which of them it is.
    name: String,
    /// Whether it is one of several that stand for one model, so that the best of them is chosen on test.
    is_open: bool,
    seconds: f64,
    /// What training took at its peak, and what the stored model takes, in bytes; where they are known.
    memory: Option<u64>,
    stored: Option<u64>,
    /// The metric on users of whom nothing or least is known.
    cold: Option<Told>,
    accuracy: Told,
    explains: bool,
    /// The rows that accuracy is of, and those of strangers, where they were asked about as a question of their own.
    runs: Vec<usize>,
    strangers: Vec<usize>,
}

/// A value and its interval.
type Told = (f64, Option<Interval>);

/// A guide: its table, and which model to take for what.
pub(crate) struct Guide {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) notes: Vec<String>,
}

/// What each model of these runs costs and is worth, by a metric as their dialect has it; by default NDCG at their first cut-off.
pub(crate) fn guide(folders: &[PathBuf], metric: Option<&str>) -> anyhow::Result<Guide> {
    let mut runs = Vec::new();
    for (n, folder) in folders.iter().enumerate() {
        runs.push(read_run(folder, n)?);
    }
    let mut left_out: Vec<String> = note_of_sealed(&runs).into_iter().collect();
    let (placebos, rows): (Vec<Row>, Vec<Row>) =
        runs.into_iter().flat_map(|run| run.rows).partition(|row| row.scope == Scope::Shuffled);
    left_out.extend(note_of_controls(&placebos));
    let Some(first) = rows.iter().find(|row| row.kind != TaskKind::ColdUser) else {
        let mut why = vec!["these runs answer no question that accuracy could be told by".to_owned()];
        why.append(&mut left_out);
        anyhow::bail!(why.join("; "))
    };
    let first = first.clone();
    if let Some(other) = rows.iter().find(|row| row.data != first.data) {
        anyhow::bail!(
            "the runs are of {} and {}: a guide compares models on the same data; name runs of one preparation",
            first.data,
            other.data
        );
    }
    if let Some(other) = rows.iter().find(|row| row.question == first.question && !row.is_asked_as(&first)) {
        anyhow::bail!(
            "{} {} and {} {} were not asked the same: {}; {}",
            first.model,
            first.scope,
            other.model,
            other.scope,
            first.test.protocol,
            other.test.protocol
        );
    }
    let k = first.evaluation.k_values.first().copied().unwrap_or(10);
    let usual = || format!("ndcg@{k}");
    let spec: MetricSpec = spoken_metric(&metric.map_or_else(usual, str::to_owned), first.evaluation.dialect)?;
    let (metric, more_is_better) = (spec.to_string(), spec.metric.more_is_better());
    let metric = metric.as_str();
    let stored = |run: &Row| Some(fs::metadata(folders.get(run.fit)?.join("model.safetensors")).ok()?.len());
    let mut comparison = Comparison { rows };
    comparison.choose_recipes(spec);
    let Chosen { recipes, notes: folded } = chosen(&comparison, (&first.question, spec));
    let labels = Labels::of(&comparison);
    let entries = recipes.into_iter().map(|runs| {
        let stored = runs.iter().filter_map(|&run| stored(&comparison.rows[run])).max();
        let row = &comparison.rows[runs[0]];
        let is_open = matches!(row.standing, Standing::Open | Standing::Tied);
        let recipe = if is_open { format!(" {}", labels.recipe(runs[0])) } else { String::new() };
        let name = row.model.clone() + &recipe;
        Ok(Entry { name, is_open, stored, ..entry(runs, &comparison, spec)? })
    });
    let entries = entries.collect::<anyhow::Result<Vec<Entry>>>()?;
    let most = |of: &dyn Fn(&Entry) -> Option<f64>| entries.iter().filter_map(of).fold(0.0, f64::max);
    let best_of = |of: &dyn Fn(&Entry) -> Option<f64>| {
        let least = || entries.iter().filter_map(of).fold(f64::INFINITY, f64::min);
        if more_is_better { most(of) } else { least() }
    };
    let slowest = most(&|e| Some(e.seconds));
    let largest = most(&|e| e.memory.map(|bytes| bytes as f64));
    let (best, coldest) = (best_of(&|e| Some(e.accuracy.0)), best_of(&|e| e.cold.map(|cold| cold.0)));
    let worth = |value: Told, best: f64| worth(value, best, more_is_better);
    let header = ["model", "training time", "memory", "cold start", "accuracy", "interpretability"].map(String::from);
    let table: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let time = entry.seconds / slowest.max(f64::MIN_POSITIVE);
            let time = graded(time, [(0.02, "very fast"), (0.15, "fast"), (0.5, "medium")], "slow");
            let memory = match (entry.memory, entry.stored) {
                (Some(bytes), _) => format!("{} ({} MiB)", held(bytes as f64, largest), bytes >> 20),
                (None, Some(bytes)) => format!("at least {:.2} MiB", bytes as f64 / (1 << 20) as f64),
                (None, None) => "not told".into(),
            };
            vec![
                entry.name.clone(),
                format!("{time} ({:.2} s)", entry.seconds),
                memory,
                entry.cold.map_or_else(|| "not measured".into(), |cold| worth(cold, coldest)),
                worth(entry.accuracy, best),
                if entry.explains { "high: every reason adds up to the score" } else { "low: reasons by comparison" }
                    .into(),
            ]
        })
        .collect();
    let by = |of: &dyn Fn(&Entry) -> f64| {
        entries.iter().max_by(|a, b| of(a).total_cmp(&of(b))).map_or("", |entry| entry.name.as_str())
    };
    let all: Vec<&Entry> = entries.iter().collect();
    let mut notes = vec![
        format!(
            "{}, {metric}; time and memory as measured when each was trained, memory at the peak beyond the data and all else that the \
             program held before",
            first.test.protocol
        ),
        "in brackets the interval of the users asked; of a model that ran with several seeds, of these".into(),
        format!("highest accuracy: {}", best_among(&all, &|e| &e.runs, (&comparison, spec))?),
        format!("fastest training: {}", by(&|e| -e.seconds)),
    ];
    let strangers: Vec<&Entry> = entries.iter().filter(|entry| !entry.strangers.is_empty()).collect();
    let sign = if more_is_better { 1.0 } else { -1.0 };
    if !strangers.is_empty() {
        notes.push(format!("new users: {}", best_among(&strangers, &|e| &e.strangers, (&comparison, spec))?));
    } else if entries.iter().any(|entry| entry.cold.is_some()) {
        let coldest = by(&|e| e.cold.map_or(f64::NEG_INFINITY, |cold| sign * cold.0));
        notes.push(format!("new users: {coldest} by the value alone: nothing tells whether others are worse"));
    }
    let explained: Vec<&Entry> = entries.iter().filter(|entry| entry.explains).collect();
    if !explained.is_empty() {
        notes.push(format!("reasons that add up: {}", best_among(&explained, &|e| &e.runs, (&comparison, spec))?));
    }
    if entries.iter().any(|entry| entry.memory.is_none() && entry.stored.is_some()) {
        notes.push(
            "memory at least: the size of the stored model; what training took was not told by the system, or was measured by a version \
             that told it of the first fit of a process alone"
                .into(),
        );
    }
    notes.extend(folded);
    notes.extend(left_out);
    Ok(Guide { header: header.to_vec(), rows: table, notes })
}

/// Which of some models has the best value, with all that are not told apart from it.
fn best_among(
    entries: &[&Entry],
    rows: &dyn Fn(&Entry) -> &Vec<usize>,
    (comparison, metric): (&Comparison, MetricSpec),
) -> anyhow::Result<String> {
    let recipes: Vec<Vec<usize>> = entries.iter().map(|entry| rows(entry).clone()).collect();
    let Some(best) = comparison.best_of(&recipes, metric)? else { return Ok("not measured".into()) };
    let name = |n: usize| entries.get(n).map_or("", |entry| entry.name.as_str());
    if best.not_apart.is_empty() {
        let open = entries.get(best.at).filter(|entry| entry.is_open);
        let on_test = open.map(|entry| format!(" (one recipe of {}, chosen on test)", entry.model));
        return Ok(name(best.at).to_owned() + &on_test.unwrap_or_default());
    }
    let others: Vec<&str> = best.not_apart.iter().map(|&n| name(n)).collect();
    let how = if best.by_user {
        format!("user by user: p >= {ALPHA} by the randomisation test, corrected by Holm")
    } else {
        "not all have values by user, and their intervals meet".to_owned()
    };
    Ok(format!(
        "none stands out: {} has the best value, and is not told apart from {} ({how})",
        name(best.at),
        others.join(", ")
    ))
}

/// Which runs stand for models, and what is said of it.
struct Chosen {
    /// Each by its runs, which differ in their seeds: one of a model, or all that validation does not choose among.
    recipes: Vec<Vec<usize>>,
    notes: Vec<String>,
}

/// Of each model the recipe that validation chose, as `compare` has it, of what is claimed: that of all domains, where there is one, and else
/// that of the target alone. What a claim is held against stands for no model, and test plays no part.
fn chosen(comparison: &Comparison, (question, metric): (&str, MetricSpec)) -> Chosen {
    let rows = &comparison.rows;
    let of_question = |row: &&Row| row.question == question;
    let (mut recipes, mut notes) = (Vec::new(), Vec::new());
    let mut models: Vec<&str> = Vec::new();
    for row in rows.iter().filter(of_question) {
        if !models.contains(&row.model.as_str()) {
            models.push(&row.model);
        }
    }
    let labels = Labels::of(comparison);
    let rivals = comparison.rivals(metric);
    for model in models {
        let own = || rows.iter().enumerate().filter(|(_, row)| row.model == model && row.question == question);
        let is_joint = own().any(|(_, row)| row.scope == Scope::Joint);
        let scope = if is_joint { Scope::Joint } else { Scope::Target };
        let (claimed, controls): (Vec<_>, Vec<_>) = own().partition(|(_, row)| row.scope == scope);
        let mut entered: Vec<Vec<usize>> = Vec::new();
        for (n, row) in claimed.iter().filter(|(_, row)| !row.is_aside()) {
            match entered.iter_mut().find(|runs| rows[runs[0]].is_recipe_of(row)) {
                Some(runs) => runs.push(*n),
                None => entered.push(vec![*n]),
            }
        }
        let contest = entered.first().and_then(|runs| {
            rivals.iter().find(|rivals| rivals.recipes.iter().any(|recipe| recipe.contains(&runs[0])))
        });
        if let Some(contest) = contest {
            let of = |runs: &Vec<usize>| labels.recipe(runs[0]).to_owned();
            let n = contest.recipes.len();
            notes.push(match contest.chosen {
                Ok((_, by)) => {
                    let recipe = entered.first().map_or_else(String::new, of);
                    format!("{model}: {recipe} stands for it, chosen on validation by {by} among {n} recipes")
                }
                Err(Unchosen::Tied(by)) => format!(
                    "{model}: tied on validation, none chosen, by {by}: {} have a row each, and the best of them is chosen on test",
                    joined(entered.iter().map(of).collect())
                ),
                Err(why) => format!(
                    "{model}: none chosen on validation, for {why}: {n} recipes have a row each, and the best of them is chosen on test"
                ),
            });
        }
        recipes.extend(entered);
        notes.extend(note_of_controls(&controls.into_iter().map(|(_, row)| row.clone()).collect::<Vec<_>>()));
    }
    Chosen { recipes, notes }
}

/// Which rows stand for no model, for claims are held against them.
fn note_of_controls(rows: &[Row]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        let name = format!("{} {}", row.model, row.scope);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| format!("{} left out: a control stands for no model", joined(names)))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// What is known of the runs of one recipe: means over their seeds.
fn entry(runs: Vec<usize>, comparison: &Comparison, metric: MetricSpec) -> anyhow::Result<Entry> {
    let rows = &comparison.rows;
    let row = &rows[runs[0]];
    let Some(accuracy) = comparison.value_of(&runs, metric) else {
        let known: Vec<String> = row.summary.metrics.iter().map(|estimate| estimate.metric.to_string()).collect();
        anyhow::bail!(
            "{metric} was not measured of {}; --metric names another; there are: {}",
            row.model,
            known.join(", ")
        )
    };
    let name = metric.to_string();
    let stranger = |&run: &usize| {
        let asked = |other: &Row| other.fit == rows[run].fit && other.kind == TaskKind::ColdUser;
        rows.iter().position(|other| asked(other) && other.value(&name).is_some())
    };
    let strangers: Vec<usize> = runs.iter().filter_map(stranger).collect();
    let least = |run: &usize| {
        let least = rows[*run].parts.iter().find(|part| part.by == Apart::Activity)?;
        least.values.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    };
    let cold = comparison.value_of(&strangers, metric);
    let cold = cold.or_else(|| mean(runs.iter().filter_map(least)).map(|value| (value, None)));
    let seconds = mean(runs.iter().map(|&run| rows[run].seconds)).unwrap_or_default();
    let memory = runs.iter().filter_map(|&run| rows[run].memory).max();
    let (model, explains) = (row.model.clone(), row.explains);
    let name = model.clone();
    Ok(Entry { model, name, is_open: false, seconds, memory, stored: None, cold, accuracy, explains, runs, strangers })
}

/// The word of the first bound that a number does not pass.
fn graded(x: f64, bounds: [(f64, &'static str); 3], beyond: &'static str) -> &'static str {
    bounds.into_iter().find(|(bound, _)| x <= *bound).map_or(beyond, |(_, word)| word)
}

/// How much memory beside the most.
fn held(bytes: f64, most: f64) -> &'static str {
    graded(bytes / most.max(1.0), [(0.05, "very low"), (0.25, "low"), (0.6, "medium")], "high")
}

/// How near a metric is to the best.
fn worth((value, interval): Told, best: f64, more_is_better: bool) -> String {
    let (less, more) = if more_is_better { (value, best) } else { (best, value) };
    let share = if more > 0.0 { less / more } else { 0.0 };
    let word = graded(-share, [(-0.97, "excellent"), (-0.85, "good"), (-0.6, "fair")], "poor");
    format!("{word} ({})", Cell::Estimate(value, interval))
}

#[cfg(test)]
mod tests {
    use segue_eval::Interval;

    use super::{held, worth};

    #[test]
    fn grades_are_shares_of_the_best() {
        assert_eq!(
            [0.1, 0.09, 0.07, 0.01].map(|value| worth((value, None), 0.1, true)),
            ["excellent (0.1000)", "good (0.0900)", "fair (0.0700)", "poor (0.0100)"]
        );
        assert_eq!(worth((0.0, None), 0.0, true), "poor (0.0000)");
        let interval = Some(Interval { low: 0.08, high: 0.12, level: 0.95 });
        assert_eq!(worth((0.1, interval), 0.1, true), "excellent (0.1000 [0.0800, 0.1200])");
        // The least error is the best.
        assert_eq!([0.7, 2.7].map(|value| worth((value, None), 0.7, false)), ["excellent (0.7000)", "poor (2.7000)"]);
        assert_eq!([4.0, 20.0, 50.0, 99.0].map(|bytes| held(bytes, 100.0)), ["very low", "low", "medium", "high"]);
        assert_eq!((held(0.0, 0.0), held(5.0, 5.0)), ("very low", "high"));
    }
}
