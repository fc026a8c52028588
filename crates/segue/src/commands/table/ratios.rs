//! Each row or column of a table over one of them.

use anyhow::bail;

use super::grid::{Columns, Grid, Labels, Value, numbers, parsed};
use super::measurements::others;
use crate::terminal::fixed;

/// Ratios to one row, or to one column.
pub(super) struct Ratios<'a> {
    columns: &'a Columns<'a>,
    grid: &'a Grid,
    /// The value that names what is divided by, or divided.
    value: &'a str,
    /// Each row's and column's counterpart of that value.
    rows: Vec<Option<usize>>,
    twins: Vec<Option<usize>>,
}

impl<'a> Ratios<'a> {
    /// Digits of a ratio.
    const DIGITS: usize = 2;

    pub(super) fn of(
        columns: &'a Columns<'a>,
        grid: &'a Grid,
        (name, value): &'a (String, String),
    ) -> anyhow::Result<Self> {
        let args = columns.args;
        let option = if args.over.is_some() { "--over" } else { "--under" };
        if !args.show.iter().any(|show| show.way.has_ratio()) {
            bail!(
                "{option} {name}={value}: ratios are of mean, median, min and max; show one of them, e.g. {}:median",
                args.show[0].column
            );
        }
        let counterparts = |labels: &Labels, names: &[String]| {
            let Some(at) = names.iter().position(|own| own == name) else {
                return (0..labels.order.len()).map(Some).collect();
            };
            let twin = |label: &Vec<String>| {
                let mut twin = label.clone();
                twin[at].clone_from(value);
                labels.known.get(&twin).copied()
            };
            labels.order.iter().map(twin).collect::<Vec<_>>()
        };
        let (labels, names) = match (args.rows.contains(name), args.columns.contains(name)) {
            (true, _) => (&grid.rows, &args.rows),
            (_, true) => (&grid.columns, &args.columns),
            _ => bail!("{option} {name}={value}: {name} must be one of --rows or --columns"),
        };
        let at = names.iter().position(|own| own == name).unwrap_or_default();
        let mut there: Vec<&str> = labels.order.iter().map(|label| label[at].as_str()).collect();
        if !there.contains(&value.as_str()) {
            there.dedup();
            bail!("{option}: no measurement has {name}={value}{}", others(value, &there));
        }
        let rows = counterparts(&grid.rows, &args.rows);
        Ok(Self { columns, grid, value, rows, twins: counterparts(&grid.columns, &args.columns) })
    }

    pub(super) fn shows(&self) -> impl Iterator<Item = usize> {
        let all = self.columns.args.show.iter().enumerate();
        all.filter(|(_, show)| show.way.has_ratio()).map(|(n, _)| n)
    }

    pub(super) fn title(&self, show: &str) -> String {
        if self.columns.args.over.is_some() {
            format!("{show}: it / {}", self.value)
        } else {
            format!("{show}: {} / it", self.value)
        }
    }

    pub(super) fn cell(&self, (row, column): (usize, usize), n: usize, in_full: bool) -> anyhow::Result<String> {
        let args = self.columns.args;
        let show = &args.show[n];
        let digits = (!in_full).then_some(Self::DIGITS);
        let (Some(twin_row), Some(twin_column)) = (self.rows[row], self.twins[column]) else { return Ok("-".into()) };
        let (own, base) = (self.grid.cell(row, column), self.grid.cell(twin_row, twin_column));
        let divided = |own: f64, base: f64| if args.over.is_some() { own / base } else { base / own };
        let ratio = if args.pairs.is_empty() {
            let made = |values| Ok::<_, anyhow::Error>(show.way.of(&numbers(values, n, &show.column)?));
            made(own)?.zip(made(base)?).map(|(own, base)| divided(own.value, base.value))
        } else {
            let mut ratios = Vec::new();
            for value in own.iter().filter(|value| !value.texts[n].is_empty()) {
                let mut twins = base.iter().filter(|twin| twin.pair == value.pair);
                let words =
                    self.columns.words(&self.grid.rows.order[row], &self.grid.columns.order[column], &value.pair);
                let twin = match (twins.next(), twins.next()) {
                    (Some(twin), None) => twin,
                    (Some(_), Some(other)) => bail!(
                        "{}: several measurements of {} are paired with {words}; name by --pairs what tells them apart",
                        other.place,
                        self.value
                    ),
                    _ => bail!(
                        "{}: {} has no measurement to pair with {words}; leave it out by --where",
                        value.place,
                        self.value
                    ),
                };
                if !twin.texts[n].is_empty() {
                    let number = |value: &Value| parsed(&value.texts[n], &value.place, &show.column);
                    ratios.push(divided(number(value)?, number(twin)?));
                }
            }
            show.way.of(&ratios).map(|made| made.value)
        };
        let ratio = ratio.filter(|ratio| ratio.is_finite());
        Ok(ratio.map_or_else(|| "-".into(), |ratio| fixed(ratio, digits, false)))
    }
}
