//! Results as plain tables and records. What they look like on a terminal is the caller's business.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use crate::corrected::{GAMMA, Uncorrected};
use crate::evaluate::Evaluation;
use crate::metrics::MetricSpec;
use crate::stats::{Bootstrap, Difference, Interval, StatsError};

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number and how many decimals of it are meant.
    Number(f64, usize),
    /// A metric with its interval; four decimals.
    Estimate(f64, Option<Interval>),
    /// Not measured.
    Missing,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => write!(f, "{count}"),
            Self::Number(value, decimals) => write!(f, "{:.decimals$}", plain(*value, *decimals)),
            Self::Estimate(value, None) => write!(f, "{:.4}", plain(*value, 4)),
            Self::Estimate(value, Some(i)) => {
                write!(f, "{:.4} [{:.4}, {:.4}]", plain(*value, 4), plain(i.low, 4), plain(i.high, 4))
            }
            Self::Missing => f.write_str("-"),
        }
    }
}

/// Without the minus before nothing but zeros, which says nothing.
fn plain(value: f64, decimals: usize) -> f64 {
    if value.abs() < 0.5 * 10_f64.powi(-(decimals as i32)) { 0.0 } else { value }
}

/// Named columns, rows of cells, and the protocol that makes them mean something.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Printed below the table: protocols, each once, and what was left out.
    pub notes: Vec<String>,
    /// Column names.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// What a program reads: an estimate becomes three columns, `x`, `x_low` and `x_high`, if any of its column has an interval.
    pub fn flat(&self) -> (Vec<String>, Vec<Vec<Cell>>) {
        let estimates: Vec<bool> = (0..self.columns.len())
            .map(|c| self.rows.iter().any(|row| matches!(row.get(c), Some(Cell::Estimate(_, Some(_))))))
            .collect();
        let header = self.columns.iter().zip(&estimates).flat_map(|(name, wide)| {
            let ends = [format!("{name}_low"), format!("{name}_high")];
            std::iter::once(name.clone()).chain(ends.into_iter().filter(|_| *wide))
        });
        let flat_row = |row: &Vec<Cell>| {
            let cells = row.iter().zip(&estimates).flat_map(|(cell, &wide)| {
                let (cell, interval) = match cell {
                    Cell::Estimate(value, interval) => (Cell::Number(*value, 4), *interval),
                    cell => (cell.clone(), None),
                };
                let ends = [interval.map(|i| i.low), interval.map(|i| i.high)];
                let ends = ends.map(|end| end.map_or(Cell::Missing, |end| Cell::Number(end, 4)));
                std::iter::once(cell).chain(ends.into_iter().filter(move |_| wide))
            });
            cells.collect()
        };
        (header.collect(), self.rows.iter().map(flat_row).collect())
    }

    /// Comma-separated values (RFC 4180) at full precision, of [`Table::flat`]. Notes are left out; where a number must not travel
    /// alone, they are the last column of [`compared`].
    pub fn csv(&self) -> String {
        let (header, rows) = self.flat();
        let field = |cell: &Cell| match cell {
            Cell::Text(text) => csv_field(text),
            Cell::Number(value, _) => (value + 0.0).to_string(),
            Cell::Missing => String::new(),
            cell => cell.to_string(),
        };
        let header = std::iter::once(header.iter().map(|name| csv_field(name)).collect::<Vec<_>>());
        let lines = header.chain(rows.iter().map(|row| row.iter().map(field).collect()));
        let mut csv = String::new();
        for line in lines {
            // Writing to a string cannot fail.
            let _ = writeln!(csv, "{}", line.join(","));
        }
        csv
    }
}

/// A field of comma-separated values (RFC 4180): quoted only where it must be.
pub fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// One metric with its interval, as a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The metric.
    pub metric: MetricSpec,
    /// Its value.
    pub value: f64,
    /// Its interval; none where the value belongs to all users together.
    pub interval: Option<Interval>,
}

/// An evaluation without its per-user values: what `metrics.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How it was measured, in one line.
    pub protocol: String,
    /// The metrics.
    pub metrics: Vec<Estimate>,
    /// Users asked about.
    pub n_users: usize,
    /// Users none of whose relevant items could be ranked; they count as 0.
    pub n_unserved: usize,
    /// Relevant items that could not be ranked; they count as missed.
    pub n_unranked: usize,
    /// Share of users for whom a tie reaches into the largest cut-off.
    pub tied_users: f64,
    /// Fewest and most candidates in a list.
    pub n_candidates: (usize, usize),
    /// Predicted ratings off the scale of training, where ratings were predicted.
    pub n_off_scale: Option<usize>,
    /// What sampled metrics would be on the full catalogue, estimated; see [`Evaluation::corrected`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrected: Vec<(MetricSpec, f64)>,
    /// Why nothing was estimated; see [`Evaluation::uncorrected`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncorrected: Option<Uncorrected>,
}

impl Summary {
    /// Summarises, with bootstrap intervals.
    pub fn new(evaluation: &Evaluation, bootstrap: &Bootstrap) -> Result<Self, StatsError> {
        let intervals = bootstrap.intervals(evaluation)?;
        let metrics = evaluation.metrics.iter().zip(intervals);
        Ok(Self {
            protocol: evaluation.protocol.clone(),
            metrics: metrics.map(|(m, interval)| Estimate { metric: m.spec, value: m.value, interval }).collect(),
            n_users: evaluation.n_users(),
            n_unserved: evaluation.n_unserved,
            n_unranked: evaluation.n_unranked,
            tied_users: evaluation.tied_users,
            n_candidates: evaluation.n_candidates,
            n_off_scale: evaluation.ratings.as_ref().map(|ratings| ratings.n_off_scale),
            corrected: evaluation.corrected.clone(),
            uncorrected: evaluation.uncorrected,
        })
    }

    /// The estimate of a metric.
    pub fn find(&self, spec: MetricSpec) -> Option<&Estimate> {
        self.metrics.iter().find(|estimate| estimate.metric == spec)
    }

    /// What a sampled metric would be on the full catalogue, where that was estimated.
    pub fn full(&self, spec: MetricSpec) -> Option<f64> {
        self.corrected.iter().find(|(of, _)| *of == spec).map(|&(_, value)| value)
    }

    /// What the estimates of [`Summary::full`] are, or why there are none; nothing of full candidates.
    pub fn note_of_full(&self) -> Option<String> {
        if let Some(why) = self.uncorrected {
            return Some(format!("no value on the full catalogue is estimated (Krichene and Rendle, KDD 2020): {why}"));
        }
        (!self.corrected.is_empty()).then(|| {
            format!(
                "full, estimated: an estimate of what the metric would be among all items that the user never met, from the ranks among \
                 the sampled ones (Krichene and Rendle, KDD 2020, BV {GAMMA}: it trades bias for variance); it tends to be too low, and \
                 the more the first ranks count (mrr, ndcg more than hr); candidates=full measures it"
            )
        })
    }

    /// The protocol, and whatever of the data a reader should know before trusting the numbers.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![self.protocol.clone()];
        if self.n_unserved > 0 || self.n_unranked > 0 {
            notes.push(format!(
                "{} relevant items were hidden or no candidates and count as missed; {} users have no other and count as 0",
                self.n_unranked, self.n_unserved
            ));
        }
        if self.tied_users > 0.0 {
            notes.push(format!("ties reach into the cut-off for {:.1} % of users", 100.0 * self.tied_users));
        }
        if let Some(n) = self.n_off_scale.filter(|n| *n > 0) {
            notes.push(format!("{n} predicted ratings lie off the scale of the training ratings"));
        }
        if let Some(interval) = self.metrics.iter().find_map(|estimate| estimate.interval) {
            notes.push(format!("intervals: {} % bootstrap over users", 100.0 * interval.level));
        }
        notes
    }
}

/// One evaluation, a row per metric: metric, value, low, high; and where any was estimated, the value on the full catalogue.
pub fn measured(summary: &Summary) -> Table {
    let number = |number: Option<f64>| number.map_or(Cell::Missing, |value| Cell::Number(value, 4));
    let estimated = !summary.corrected.is_empty();
    let columns = ["metric", "value", "low", "high"].into_iter().chain(estimated.then_some("full, estimated"));
    let rows = summary.metrics.iter().map(|estimate| {
        let mut row = vec![
            Cell::Text(estimate.metric.to_string()),
            Cell::Number(estimate.value, 4),
            number(estimate.interval.map(|i| i.low)),
            number(estimate.interval.map(|i| i.high)),
        ];
        row.extend(estimated.then(|| number(summary.full(estimate.metric))));
        row
    });
    Table {
        columns: columns.map(str::to_owned).collect(),
        rows: rows.collect(),
        notes: summary.notes().into_iter().chain(summary.note_of_full()).collect(),
    }
}

/// Several evaluations, a row each: name, every metric that any of them has, users. A table of one is the one-row CSV.
///
/// Where they follow different protocols a column says which, and the notes spell each out.
pub fn compared(rows: &[(&str, &Summary)]) -> Table {
    let mut specs: Vec<MetricSpec> = Vec::new();
    let mut protocols: Vec<&str> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    for (name, summary) in rows {
        for estimate in &summary.metrics {
            if !specs.contains(&estimate.metric) {
                specs.push(estimate.metric);
            }
        }
        if !protocols.contains(&summary.protocol.as_str()) {
            protocols.push(&summary.protocol);
        }
        notes.extend(
            summary
                .notes()
                .into_iter()
                .skip(1)
                .map(|note| if note.starts_with("intervals") { note } else { format!("{name}: {note}") }),
        );
    }
    let several = protocols.len() > 1;
    let letter = |protocol: &str| protocols.iter().position(|p| *p == protocol).map_or(0, |n| n + 1);
    let mut all: Vec<String> = protocols
        .iter()
        .map(
            |protocol| {
                if several { format!("protocol {}: {protocol}", letter(protocol)) } else { (*protocol).to_owned() }
            },
        )
        .collect();
    for note in notes {
        if !all.contains(&note) {
            all.push(note);
        }
    }
    let mut columns = vec!["model".to_owned()];
    columns.extend(specs.iter().map(ToString::to_string));
    columns.push("users".to_owned());
    columns.extend(several.then(|| "protocol".to_owned()));
    let rows = rows
        .iter()
        .map(|(name, summary)| {
            let mut row = vec![Cell::Text((*name).to_owned())];
            row.extend(specs.iter().map(|spec| {
                summary.find(*spec).map_or(Cell::Missing, |found| Cell::Estimate(found.value, found.interval))
            }));
            row.push(Cell::Count(summary.n_users as u64));
            row.extend(several.then(|| Cell::Count(letter(&summary.protocol) as u64)));
            row
        })
        .collect();
    Table { notes: all, columns, rows }
}

/// Paired differences, a row per metric: metric, difference with interval, p, users. `note` is the common protocol.
pub fn differences(found: &[Difference], note: &str) -> Table {
    Table {
        notes: vec![note.to_owned()],
        columns: ["metric", "difference", "p", "users"].map(str::to_owned).to_vec(),
        rows: found
            .iter()
            .map(|d| {
                vec![
                    Cell::Text(d.spec.to_string()),
                    Cell::Estimate(d.difference, Some(d.interval)),
                    Cell::Number(d.p, 4),
                    Cell::Count(d.n_users as u64),
                ]
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(protocol: &str, metric: &str, value: f64, interval: Option<Interval>) -> Summary {
        Summary {
            protocol: protocol.to_owned(),
            metrics: vec![Estimate { metric: metric.parse().unwrap(), value, interval }],
            n_users: 3,
            n_unserved: 0,
            n_unranked: 0,
            tied_users: 0.0,
            n_candidates: (5, 5),
            n_off_scale: None,
            corrected: Vec::new(),
            uncorrected: None,
        }
    }

    #[test]
    fn a_comparison_has_every_metric_and_its_protocol() {
        let interval = Interval { low: 0.25, high: 0.75, level: 0.95 };
        let a = summary("full", "ndcg@10", 0.5, Some(interval));
        let b = summary("full", "rmse", 0.9, None);
        let table = compared(&[("ease", &a), ("svd, biased", &b)]);
        assert_eq!(table.columns, ["model", "ndcg@10", "rmse", "users"]);
        assert_eq!(table.notes, ["full", "intervals: 95 % bootstrap over users"]);
        assert_eq!(table.rows[0][1].to_string(), "0.5000 [0.2500, 0.7500]");
        assert_eq!(
            table.csv(),
            "model,ndcg@10,ndcg@10_low,ndcg@10_high,rmse,users\n\
             ease,0.5,0.25,0.75,,3\n\
             \"svd, biased\",,,,0.9,3\n"
        );
    }

    #[test]
    fn no_zero_has_a_sign() {
        let interval = Interval { low: -0.0, high: -0.00001, level: 0.95 };
        let summary = summary("full", "precision@1", -0.0, Some(interval));
        assert_eq!(measured(&summary).csv(), "metric,value,low,high\nprecision@1,0,0,-0.00001\n");
        assert_eq!(Cell::Estimate(-0.0, Some(interval)).to_string(), "0.0000 [0.0000, 0.0000]");
        assert_eq!(Cell::Number(-0.0, 2).to_string(), "0.00");
    }

    #[test]
    fn different_protocols_are_told_apart() {
        let (a, b) = (summary("full", "hr@1", 0.5, None), summary("sampled", "hr@1", 0.9, None));
        let table = compared(&[("a", &a), ("b", &b)]);
        assert_eq!(table.columns.last().map(String::as_str), Some("protocol"));
        assert_eq!(table.notes, ["protocol 1: full", "protocol 2: sampled"]);
        assert_eq!(table.rows[1].last(), Some(&Cell::Count(2)));
    }

    #[test]
    fn an_estimate_of_the_full_value_has_a_column_and_a_note() {
        let mut summary = summary("sampled", "hr@10", 0.7, None);
        assert_eq!(measured(&summary).columns.len(), 4);
        summary.corrected = vec![("hr@10".parse().unwrap(), 0.125)];
        summary.metrics.push(Estimate { metric: "coverage@10".parse().unwrap(), value: 0.5, interval: None });
        let table = measured(&summary);
        assert_eq!(table.csv(), "metric,value,low,high,\"full, estimated\"\nhr@10,0.7,,,0.125\ncoverage@10,0.5,,,\n");
        assert!(table.notes[1].starts_with("full, estimated: "), "{:?}", table.notes);
        (summary.corrected, summary.uncorrected) = (Vec::new(), Some(Uncorrected::ByPopularity));
        let table = measured(&summary);
        assert_eq!(table.columns.len(), 4);
        assert!(table.notes[1].contains("drawn by popularity"), "{:?}", table.notes);
    }

    #[test]
    fn a_summary_survives_serde() {
        let interval = Interval { low: 0.1, high: 0.3, level: 0.9 };
        let mut summary = summary("full", "map@7", 0.2, Some(interval));
        let json = serde_json::to_string(&summary).unwrap();
        assert!(json.contains("\"map@7\"") && !json.contains("corrected"), "{json}");
        summary.uncorrected = Some(Uncorrected::SeveralRelevant);
        let text = serde_json::to_string(&summary).unwrap();
        assert!(text.contains("\"uncorrected\":\"several_relevant\""), "{text}");
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
        summary.uncorrected = None;
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
        summary.corrected = vec![("map@7".parse().unwrap(), 0.1)];
        let json = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    }
}
