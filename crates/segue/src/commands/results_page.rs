//! A comparison as the numbers of a page.

use segue_core::EpochRecord;
use segue_eval::{Metric, MetricSpec};
use segue_explore::page::{Better, Measure, Part, Results, Row as Drawn, Standing as Drawing};
use segue_lab::{Apart, Comparison, Row, Standing};

use super::comparison::Labels;

/// Everything that the page of a comparison draws, with its table; `names` are the metrics shown, the one that counts most first.
pub(crate) fn results(
    comparison: &Comparison,
    table: (Vec<String>, Vec<Vec<String>>),
    (names, notes): (&[String], &[String]),
) -> Results {
    let labels = Labels::of(comparison);
    let metric = names.first().and_then(|name| name.parse::<MetricSpec>().ok());
    let rivals = metric.map(|metric| comparison.rivals(metric)).unwrap_or_default();
    let (_, followed) = comparison.protocols();
    let rows = comparison.rows.iter().enumerate().map(|(n, row)| {
        // Rows of one name that were not asked the same stand in pictures of their own.
        let alike = |(other, own): (usize, &Row)| own.question == row.question && followed[other] != followed[n];
        let several = comparison.rows.iter().enumerate().any(alike);
        let question =
            if several { format!("{}, protocol {}", row.question, followed[n] + 1) } else { row.question.clone() };
        let recipes = rivals.iter().find(|rivals| rivals.recipes.iter().flatten().any(|&own| own == n));
        let tied = recipes.map_or(1, |rivals| rivals.best.len());
        let recipes = recipes.map_or(1, |rivals| rivals.recipes.len());
        let standing = match row.standing {
            Standing::Alone => Drawing::Alone,
            Standing::Chosen => Drawing::Chosen(recipes),
            Standing::Other => Drawing::Other,
            Standing::Open => Drawing::Open(recipes),
            Standing::Tied => Drawing::Open(tied),
        };
        let recipe = labels.of_recipe(row, n);
        Drawn { question, standing, recipe, ..drawn(row, &labels.words(row, n), names) }
    });
    let mut data: Vec<&str> = Vec::new();
    for row in &comparison.rows {
        if !data.contains(&row.data.as_str()) {
            data.push(&row.data);
        }
    }
    Results {
        name: data.join(", "),
        metric: names.first().cloned().unwrap_or_default(),
        better: metric.map_or(Better::Higher, |spec| better(spec.metric)),
        notes: notes.to_vec(),
        table,
        rows: rows.collect(),
    }
}

fn drawn(row: &Row, label: &str, names: &[String]) -> Drawn {
    let main = names.first().map_or("", String::as_str);
    let metrics = names.iter().filter_map(|name| {
        let estimate = row.summary.metrics.iter().find(|estimate| estimate.metric.to_string() == *name)?;
        let interval = estimate.interval.map(|interval| (interval.low, interval.high));
        let better = better(estimate.metric.metric);
        Some(Measure { name: name.clone(), better, value: estimate.value, interval })
    });
    let coverage = row.summary.metrics.iter().find(|estimate| estimate.metric.metric.name == "coverage");
    let parts = |by: Apart| {
        let own = row.parts.iter().filter(move |part| part.by == by);
        own.filter_map(|part| {
            let value = part.values.iter().find(|(name, _)| name == main)?.1;
            Some(Part { name: part.name.clone(), n_users: part.n_users, value })
        })
        .collect()
    };
    let retrieved = row.parts.iter().find(|part| part.by == Apart::Retrieved).map(|part| {
        let value = |name: &String| part.values.iter().find(|(own, _)| own == name).cloned();
        (part.n_users, names.iter().filter_map(value).collect())
    });
    Drawn {
        label: label.to_owned(),
        recipe: String::new(),
        model: row.model.clone(),
        question: row.question.clone(),
        standing: Drawing::Alone,
        metrics: metrics.collect(),
        curve: curve(&row.records, main),
        coverage: coverage.map(|estimate| (estimate.metric.to_string(), estimate.value)),
        seconds: row.seconds,
        memory: row.memory,
        by_activity: parts(Apart::Activity),
        by_popularity: parts(Apart::Popularity),
        by_genre: parts(Apart::Genre),
        retrieved,
    }
}

fn better(metric: &Metric) -> Better {
    if metric.more_is_better() { Better::Higher } else { Better::Lower }
}

/// The validation metric that is shown most, epoch by epoch.
fn curve(records: &[EpochRecord], main: &str) -> Vec<(usize, f64)> {
    let value = |record: &EpochRecord| record.valid.iter().find(|(name, _)| name == main).map(|(_, value)| *value);
    records.iter().filter_map(|record| Some((record.epoch, value(record)?))).collect()
}
