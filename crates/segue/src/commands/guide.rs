//! Which model for what: a guide drawn from stored runs.

use std::fs;
use std::path::PathBuf;

use segue_core::TaskKind;
use segue_eval::MetricSpec;
use segue_lab::{Apart, Row, read_run, spoken_metric};

/// What is known of a model.
struct Entry {
    model: String,
    seconds: f64,
    /// What training took at its peak, and what the stored model takes, in bytes; where they are known.
    memory: Option<u64>,
    stored: Option<u64>,
    /// The metric on users of whom nothing or least is known.
    cold: Option<f64>,
    accuracy: f64,
    explains: bool,
}

/// A guide: its table, and which model to take for what.
pub(crate) struct Guide {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) notes: Vec<String>,
}

/// What each model of these runs costs and is worth, by a metric as their dialect has it; by default NDCG at their first cut-off.
pub(crate) fn guide(folders: &[PathBuf], metric: Option<&str>) -> anyhow::Result<Guide> {
    let mut rows: Vec<Row> = Vec::new();
    for (n, folder) in folders.iter().enumerate() {
        rows.extend(read_run(folder, n)?.rows);
    }
    let Some(first) = rows.iter().find(|row| row.kind != TaskKind::ColdUser) else {
        anyhow::bail!("these runs answer no question that accuracy could be told by")
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
    let chosen = chosen(&rows, (&first.question, metric, more_is_better));
    let folded = chosen.iter().filter_map(|runs| note_of_folded(runs, &rows)).collect::<Vec<_>>();
    let stored = |run: &Row| Some(fs::metadata(folders.get(run.fit)?.join("model.safetensors")).ok()?.len());
    let entries = chosen.into_iter().map(|runs| {
        let stored = runs.iter().filter_map(|run| stored(run)).max();
        Ok(Entry { stored, ..entry(&runs, &rows, metric)? })
    });
    let entries = entries.collect::<anyhow::Result<Vec<Entry>>>()?;
    let most = |of: &dyn Fn(&Entry) -> Option<f64>| entries.iter().filter_map(of).fold(0.0, f64::max);
    let best_of = |of: &dyn Fn(&Entry) -> Option<f64>| {
        let least = || entries.iter().filter_map(of).fold(f64::INFINITY, f64::min);
        if more_is_better { most(of) } else { least() }
    };
    let slowest = most(&|e| Some(e.seconds));
    let largest = most(&|e| e.memory.map(|bytes| bytes as f64));
    let (best, coldest) = (best_of(&|e| Some(e.accuracy)), best_of(&|e| e.cold));
    let worth = |value: f64, best: f64| worth(value, best, more_is_better);
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
                entry.model.clone(),
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
        entries.iter().max_by(|a, b| of(a).total_cmp(&of(b))).map_or("", |entry| entry.model.as_str())
    };
    let sign = if more_is_better { 1.0 } else { -1.0 };
    let mut notes = vec![
        format!(
            "{}, {metric}; time and memory as measured when each was trained, memory at the peak beyond the data and all else that the \
             program held before",
            first.test.protocol
        ),
        format!("highest accuracy: {}", by(&|e| sign * e.accuracy)),
        format!("fastest training: {}", by(&|e| -e.seconds)),
    ];
    if entries.iter().any(|entry| entry.cold.is_some()) {
        notes.push(format!("new users: {}", by(&|e| e.cold.map_or(f64::NEG_INFINITY, |cold| sign * cold))));
    }
    if entries.iter().any(|entry| entry.explains) {
        let explained = |e: &Entry| if e.explains { sign * e.accuracy } else { f64::NEG_INFINITY };
        notes.push(format!("reasons that add up: {}", by(&explained)));
    }
    if entries.iter().any(|entry| entry.memory.is_none() && entry.stored.is_some()) {
        notes.push(
            "memory at least: the size of the stored model; what training took was not told by the system, or was measured by a version \
             that told it of the first fit of a process alone"
                .into(),
        );
    }
    notes.extend(folded);
    Ok(Guide { header: header.to_vec(), rows: table, notes })
}

/// What a model's line is of, where its runs learnt from several scopes.
fn note_of_folded(chosen: &[&Row], rows: &[Row]) -> Option<String> {
    let row = chosen.first()?;
    let mut scopes: Vec<String> = Vec::new();
    for other in rows.iter().filter(|other| other.model == row.model && other.question == row.question) {
        let scope = other.scope.to_string();
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let why = if row.valid.is_empty() { "the first, for nothing was validated" } else { "by validation" };
    (scopes.len() > 1).then(|| format!("{}: {} of {}, {why}", row.model, row.scope, scopes.join(", ")))
}

/// Of each model the runs of the recipe and scope that validation prefers in the mean over seeds; test plays no part.
fn chosen<'a>(rows: &'a [Row], (question, metric, more_is_better): (&str, &str, bool)) -> Vec<Vec<&'a Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows.iter().filter(|row| row.question == question) {
        match groups.iter_mut().find(|known| known[0].scope == row.scope && known[0].is_recipe_of(row)) {
            Some(known) => known.push(row),
            None => groups.push(vec![row]),
        }
    }
    let valid = |runs: &Vec<&Row>| -> Option<f64> {
        let of = |row: &&Row| row.valid.iter().find(|(name, _)| name == metric).map(|(_, value)| *value);
        let values: Vec<f64> = runs.iter().filter_map(of).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (!values.is_empty()).then_some(if more_is_better { mean } else { -mean })
    };
    let mut chosen: Vec<Vec<&Row>> = Vec::new();
    for runs in groups {
        match chosen.iter_mut().find(|known| known[0].model == runs[0].model) {
            Some(known) if valid(known) < valid(&runs) => *known = runs,
            Some(_) => {}
            None => chosen.push(runs),
        }
    }
    chosen
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// What is known of the runs of one recipe: means over their seeds.
fn entry(runs: &[&Row], rows: &[Row], metric: &str) -> anyhow::Result<Entry> {
    let row = runs[0];
    let Some(accuracy) = mean(runs.iter().filter_map(|run| run.value(metric))) else {
        let known: Vec<String> = row.summary.metrics.iter().map(|estimate| estimate.metric.to_string()).collect();
        anyhow::bail!(
            "{metric} was not measured of {}; --metric names another; there are: {}",
            row.model,
            known.join(", ")
        )
    };
    let cold = |row: &Row| {
        let asked = rows.iter().find(|other| other.fit == row.fit && other.kind == TaskKind::ColdUser);
        asked.and_then(|cold| cold.value(metric)).or_else(|| {
            let least = row.parts.iter().find(|part| part.by == Apart::Activity)?;
            least.values.iter().find(|(name, _)| name == metric).map(|(_, value)| *value)
        })
    };
    let cold = mean(runs.iter().filter_map(|run| cold(run)));
    let seconds = mean(runs.iter().map(|run| run.seconds)).unwrap_or_default();
    let memory = runs.iter().filter_map(|run| run.memory).max();
    Ok(Entry { model: row.model.clone(), seconds, memory, stored: None, cold, accuracy, explains: row.explains })
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
fn worth(value: f64, best: f64, more_is_better: bool) -> String {
    let (less, more) = if more_is_better { (value, best) } else { (best, value) };
    let share = if more > 0.0 { less / more } else { 0.0 };
    let word = graded(-share, [(-0.97, "excellent"), (-0.85, "good"), (-0.6, "fair")], "poor");
    format!("{word} ({value:.4})")
}

#[cfg(test)]
mod tests {
    use super::{held, worth};

    #[test]
    fn grades_are_shares_of_the_best() {
        assert_eq!(
            [0.1, 0.09, 0.07, 0.01].map(|value| worth(value, 0.1, true)),
            ["excellent (0.1000)", "good (0.0900)", "fair (0.0700)", "poor (0.0100)"]
        );
        assert_eq!(worth(0.0, 0.0, true), "poor (0.0000)");
        // The least error is the best.
        assert_eq!([0.7, 2.7].map(|value| worth(value, 0.7, false)), ["excellent (0.7000)", "poor (2.7000)"]);
        assert_eq!([4.0, 20.0, 50.0, 99.0].map(|bytes| held(bytes, 100.0)), ["very low", "low", "medium", "high"]);
        assert_eq!((held(0.0, 0.0), held(5.0, 5.0)), ("very low", "high"));
    }
}
