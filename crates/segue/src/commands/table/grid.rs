//! Measurements by row and column of a table, as they are or as differences of pairs.

use std::collections::BTreeMap;

use anyhow::{anyhow, bail};

use super::Arguments;
use super::measurements::{Measurement, others, values};

/// What one cell of the table is made of.
#[derive(Debug, Clone)]
pub(super) struct Value {
    /// What it is paired by.
    pub(super) pair: Vec<String>,
    /// Of each column that is shown; empty where it was not measured.
    pub(super) texts: Vec<String>,
    pub(super) place: String,
}

/// Where the columns that the options name are in the measurements.
pub(super) struct Columns<'a> {
    pub(super) names: Vec<String>,
    pub(super) args: &'a Arguments,
}

impl<'a> Columns<'a> {
    pub(super) fn of(args: &'a Arguments) -> Self {
        let mut names: Vec<String> = Vec::new();
        let named = [&args.difference, &args.over, &args.under].into_iter().flatten().map(|(column, _)| column);
        let all = args.rows.iter().chain(&args.columns).chain(&args.pairs).chain(named);
        let all = all.chain(args.conditions.iter().map(|condition| &condition.column));
        for name in all.chain(args.show.iter().map(|show| &show.column)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Self { names, args }
    }

    /// Every name that an option gives was asked of the files.
    pub(super) fn at(&self, name: &str) -> usize {
        self.names.iter().position(|own| own == name).unwrap_or_default()
    }

    pub(super) fn cells(&self, row: &Measurement, names: &[String]) -> Vec<String> {
        names.iter().map(|name| row.cells[self.at(name)].clone()).collect()
    }

    pub(super) fn value(&self, row: &Measurement) -> Value {
        let texts = self.args.show.iter().map(|show| row.cells[self.at(&show.column)].clone()).collect();
        Value { pair: self.cells(row, &self.args.pairs), texts, place: row.place.clone() }
    }

    /// `a=1 b=2`, to name a row in an error.
    pub(super) fn words(&self, row: &[String], column: &[String], pair: &[String]) -> String {
        let names = self.args.rows.iter().chain(&self.args.columns).chain(&self.args.pairs);
        let cells = row.iter().chain(column).chain(pair);
        names.zip(cells).map(|(name, cell)| format!("{name}={cell}")).collect::<Vec<_>>().join(" ")
    }
}

/// Labels in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub(super) order: Vec<Vec<String>>,
    pub(super) known: BTreeMap<Vec<String>, usize>,
}

impl Labels {
    fn number(&mut self, label: Vec<String>) -> usize {
        let Self { order, known } = self;
        *known.entry(label).or_insert_with_key(|label| {
            order.push(label.clone());
            order.len() - 1
        })
    }
}

/// The measurements by row and column.
#[derive(Debug, Default)]
pub(super) struct Grid {
    pub(super) rows: Labels,
    pub(super) columns: Labels,
    pub(super) cells: BTreeMap<(usize, usize), Vec<Value>>,
}

impl Grid {
    pub(super) fn of(columns: &Columns<'_>, measured: &[Measurement]) -> Self {
        let mut grid = Self::default();
        for row in measured {
            let at = (columns.cells(row, &columns.args.rows), columns.cells(row, &columns.args.columns));
            grid.push(at, columns.value(row));
        }
        grid
    }

    fn push(&mut self, (row, column): (Vec<String>, Vec<String>), value: Value) {
        let at = (self.rows.number(row), self.columns.number(column));
        self.cells.entry(at).or_default().push(value);
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> &[Value] {
        self.cells.get(&(row, column)).map_or(&[], Vec::as_slice)
    }
}

/// The grid of first minus second, pair by pair.
pub(super) fn differences(
    columns: &Columns<'_>,
    measured: &[Measurement],
    (name, text): &(String, String),
) -> anyhow::Result<Grid> {
    let args = columns.args;
    let at = columns.at(name);
    let there = values(measured, at);
    let minus = text.match_indices('-').map(|(n, _)| (&text[..n], &text[n + 1..]));
    let known = |value: &str| there.contains(&value.trim());
    // A value may hold a minus itself.
    let Some((first, second)) = minus.clone().find(|(a, b)| known(a) && known(b)) else {
        let Some((a, b)) = minus.clone().next() else {
            bail!(
                "--difference {name}={text}: a difference is {name}=A-B, of values that {name} has{}",
                others("", &there)
            )
        };
        let missing = if known(a) { b } else { a };
        bail!("--difference: no measurement has {name}={missing}{}", others(missing, &there))
    };
    let (first, second) = (first.trim(), second.trim());
    if first == second {
        bail!("--difference {name}={text}: the two are the same");
    }
    if args.rows.contains(name) || args.columns.contains(name) || args.pairs.contains(name) {
        bail!("--difference takes {name} apart; leave it out of --rows, --columns and --pairs");
    }
    let mut order = Labels::default();
    let mut pairs: Vec<[Option<Value>; 2]> = Vec::new();
    let mut keys = Vec::new();
    for row in measured {
        let side = match row.cells[at].as_str() {
            value if value == first => 0,
            value if value == second => 1,
            _ => continue,
        };
        let key = (columns.cells(row, &args.rows), columns.cells(row, &args.columns));
        let value = columns.value(row);
        let words = || columns.words(&key.0, &key.1, &value.pair);
        let n = order.number([key.0.as_slice(), &key.1, &value.pair].concat());
        if n == pairs.len() {
            pairs.push([None, None]);
            keys.push(key.clone());
        }
        if let Some(known) = &pairs[n][side] {
            bail!(
                "{}: {} with {name}={} is measured there and at {}; name by --pairs what tells them apart, or leave some out by --where",
                value.place,
                words(),
                row.cells[at],
                known.place
            );
        }
        pairs[n][side] = Some(value);
    }
    let mut grid = Grid::default();
    for (key, pair) in keys.into_iter().zip(pairs) {
        let words = |value: &Value| columns.words(&key.0, &key.1, &value.pair);
        let (a, b) = match pair {
            [Some(a), Some(b)] => (a, b),
            [Some(only), None] => bail!(
                "{}: {} has no {name}={second} to be paired with; leave it out by --where",
                only.place,
                words(&only)
            ),
            [None, Some(only)] => {
                bail!(
                    "{}: {} has no {name}={first} to be paired with; leave it out by --where",
                    only.place,
                    words(&only)
                )
            }
            [None, None] => continue,
        };
        let mut texts = Vec::new();
        for (n, show) in args.show.iter().enumerate() {
            let (x, y) = (&a.texts[n], &b.texts[n]);
            if x.is_empty() || y.is_empty() {
                texts.push(String::new());
                continue;
            }
            let difference = parsed(x, &a.place, &show.column)? - parsed(y, &b.place, &show.column)?;
            texts.push(difference.to_string());
        }
        grid.push(key, Value { texts, ..a });
    }
    Ok(grid)
}

pub(super) fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// The numbers of a column that were measured.
pub(super) fn numbers(values: &[Value], n: usize, column: &str) -> anyhow::Result<Vec<f64>> {
    let measured = values.iter().filter(|value| !value.texts[n].is_empty());
    measured.map(|value| parsed(&value.texts[n], &value.place, column)).collect()
}

pub(super) fn parsed(text: &str, place: &str, column: &str) -> anyhow::Result<f64> {
    number(text)
        .ok_or_else(|| anyhow!("{place}: {column} is {text:?}, which is no number; --show {column}:all shows text"))
}
