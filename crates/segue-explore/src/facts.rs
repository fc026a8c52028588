//! The statistics as rows: one fact a row for programs, one table a section for people.

use serde::Serialize;

use crate::describe::Statistics;
use crate::sections::{SECTIONS, Section, why_none};
use crate::statistics::association::Correlation;
use crate::statistics::moments::Moments;

/// A number or a word.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// Any number, at full precision.
    Number(f64),
    /// Words.
    Text(String),
}

/// One fact: the long form of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// Section.
    pub section: &'static str,
    /// Domain, task or step that it is about.
    pub domain: String,
    /// What else it is about: a second domain, a part, a genre, a period.
    pub other: String,
    /// What was measured.
    pub metric: &'static str,
    /// The number.
    pub value: Value,
}

/// One section as a table.
#[derive(Debug, Clone, PartialEq)]
pub struct SectionTable {
    /// Section, as in [`Fact::section`].
    pub section: &'static str,
    /// Its question, for people.
    pub title: &'static str,
    /// What its numbers mean; where there are none, why.
    pub meaning: String,
    /// Names of the first two columns, then the metrics.
    pub columns: Vec<String>,
    /// Cells, as long as `columns`; none where a row has no such number.
    pub rows: Vec<Vec<Option<Value>>>,
}

/// Every number of the tables, one a row.
pub fn facts(all: &Statistics) -> Vec<Fact> {
    let of_section = |section: &Section| {
        let mut rows = Rows { section: section.name, facts: Vec::new() };
        (section.write)(all, &mut rows);
        rows.facts
    };
    SECTIONS.iter().flat_map(of_section).collect()
}

/// Every section with a row for each pair of keys and a column for each metric.
pub fn tables(all: &Statistics) -> Vec<SectionTable> {
    SECTIONS
        .iter()
        .map(|section| {
            let mut rows = Rows { section: section.name, facts: Vec::new() };
            (section.write)(all, &mut rows);
            table(section, all, rows.facts)
        })
        .collect()
}

fn table(section: &Section, all: &Statistics, facts: Vec<Fact>) -> SectionTable {
    let mut metrics: Vec<&'static str> = Vec::new();
    for fact in &facts {
        if !metrics.contains(&fact.metric) {
            metrics.push(fact.metric);
        }
    }
    let keys: Vec<&str> = section.keys.into_iter().filter(|key| !key.is_empty()).collect();
    let mut rows: Vec<Vec<Option<Value>>> = Vec::new();
    let mut last: Option<(String, String)> = None;
    for fact in facts {
        let key = (fact.domain, fact.other);
        let column = metrics.iter().position(|metric| *metric == fact.metric).map(|column| keys.len() + column);
        // Two findings of one section and level are two rows.
        let is_taken = rows.last().zip(column).is_some_and(|(row, column)| row[column].is_some());
        if last.as_ref() != Some(&key) || is_taken {
            let mut row: Vec<Option<Value>> =
                [&key.0, &key.1].into_iter().take(keys.len()).map(|key| Some(Value::Text(key.clone()))).collect();
            row.resize(keys.len() + metrics.len(), None);
            rows.push(row);
            last = Some(key);
        }
        if let (Some(row), Some(column)) = (rows.last_mut(), column) {
            row[column] = Some(fact.value);
        }
    }
    let meaning = if rows.is_empty() { why_none(section.name, all).into() } else { section.meaning.into() };
    let columns = keys.into_iter().chain(metrics).map(String::from).collect();
    SectionTable { section: section.name, title: section.title, meaning, columns, rows }
}

/// Facts of one section.
pub(crate) struct Rows {
    section: &'static str,
    facts: Vec<Fact>,
}

/// Facts under one pair of keys.
pub(crate) struct Row<'a> {
    rows: &'a mut Rows,
    domain: String,
    other: String,
}

impl Rows {
    pub(crate) fn row(&mut self, domain: impl Into<String>, other: impl Into<String>) -> Row<'_> {
        Row { rows: self, domain: domain.into(), other: other.into() }
    }
}

impl Row<'_> {
    fn fact(self, metric: &'static str, value: Value) -> Self {
        let (section, domain, other) = (self.rows.section, self.domain.clone(), self.other.clone());
        self.rows.facts.push(Fact { section, domain, other, metric, value });
        self
    }

    pub(crate) fn count(self, metric: &'static str, n: impl Into<Option<usize>>) -> Self {
        match n.into() {
            Some(n) => self.fact(metric, Value::Count(n as u64)),
            None => self,
        }
    }

    pub(crate) fn number(self, metric: &'static str, value: impl Into<Option<f64>>) -> Self {
        match value.into() {
            Some(value) => self.fact(metric, Value::Number(value)),
            None => self,
        }
    }

    pub(crate) fn text(self, metric: &'static str, text: &str) -> Self {
        self.fact(metric, Value::Text(text.into()))
    }

    pub(crate) fn moments(self, m: &Moments) -> Self {
        self.number("min", m.min)
            .number("lower_quartile", m.lower_quartile)
            .number("median", m.median)
            .number("upper_quartile", m.upper_quartile)
            .number("max", m.max)
            .number("mean", m.mean)
            .number("variance", m.variance)
    }

    pub(crate) fn correlation(self, correlation: Option<&Correlation>) -> Self {
        match correlation {
            Some(c) => {
                self.count("users", c.users).number("value", c.value).number("low", c.low).number("high", c.high)
            }
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use segue_core::OpenedTests;

    use super::*;
    use crate::describe::describe;
    use crate::statistics::example;

    fn statistics() -> Statistics {
        describe(&example::prepared(), "x", &example::report(), &mut OpenedTests::default())
    }

    #[test]
    fn a_section_is_a_table() {
        let tables = tables(&statistics());
        let parts = tables.iter().find(|table| table.section == "parts").unwrap();
        assert_eq!(parts.columns, ["domain", "part", "users", "items", "interactions"]);
        let text = |text: &str| Some(Value::Text(text.into()));
        let count = |n| Some(Value::Count(n));
        assert_eq!(parts.rows[1], [text("films"), text("train"), count(2), count(2), count(3)]);
        assert!(tables.iter().all(|table| table.rows.iter().all(|row| row.len() == table.columns.len())));
    }

    #[test]
    fn every_number_is_one_fact() {
        let facts = facts(&statistics());
        let value = |section: &str, domain: &str, other: &str, metric: &str| {
            let is = |f: &&Fact| f.section == section && f.domain == domain && f.other == other && f.metric == metric;
            facts.iter().find(is).map(|fact| fact.value.clone())
        };
        assert_eq!(value("overlap", "songs", "films", "percent_of_first"), Some(Value::Number(100.0)));
        assert_eq!(value("late_events", "films", "songs", "after_own_test"), Some(Value::Count(1)));
        assert_eq!(value("preparation", "songs", "deduplicate", "removed"), Some(Value::Count(5)));
    }

    #[test]
    fn what_has_none_says_why() {
        let alone = describe(
            &example::films_alone(),
            "x",
            &segue_data::prepare::PrepareReport::default(),
            &mut OpenedTests::default(),
        );
        for table in tables(&alone).into_iter().filter(|table| table.rows.is_empty()) {
            assert!(table.meaning.starts_with("Has none: "), "{}: {}", table.section, table.meaning);
        }
    }
}
