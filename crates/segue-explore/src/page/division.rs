//! The split and what came before it: parts, leakage, duplicates, preparation.

use super::assemble::Section;
use super::bars::{Row, Stack, lying, stacked};
use super::figure::{Figure, Grid, Wide, table_card};
use super::palette::Palette;
use crate::describe::Statistics;
use crate::numbers::{percent, thousands};
use crate::sections::why_none;

pub(super) fn parts(all: &Statistics) -> Section {
    let mut table = Grid::new(&["domain", "part", "users", "items", "interactions"]);
    for part in &all.sizes.parts {
        table.push([
            part.domain.clone(),
            part.part.clone(),
            thousands(part.users),
            thousands(part.items),
            thousands(part.interactions),
        ]);
    }
    let palette = Palette::of(all);
    let of_domain = |(domain, name): (usize, &String)| {
        let parts = all.sizes.parts.iter().filter(|part| part.domain == *name && part.interactions > 0);
        let parts: Vec<(String, f64)> = parts.map(|part| (part.part.clone(), part.interactions as f64)).collect();
        let shares: f64 = parts.iter().map(|part| part.1).sum();
        let said: Vec<String> =
            parts.iter().map(|(part, n)| format!("{part} {}", percent(100.0 * n / shares))).collect();
        Stack { place: palette.place(domain), name: format!("{name}: {}", said.join(", ")), parts }
    };
    let rows: Vec<Stack> = all.domains.iter().enumerate().map(of_domain).filter(|row| !row.parts.is_empty()).collect();
    let mut cards = Vec::new();
    if !rows.is_empty() {
        let figure = Figure {
            title: "Parts of each domain".into(),
            says: "Strong: train; lighter: validation; lightest: test.".into(),
            pictures: vec![stacked(&rows, &|_, n| format!("{} interactions", thousands(n as usize)))],
            key: Vec::new(),
            table: Grid::default(),
        };
        cards.push(figure.html("f-parts"));
        cards.push(table_card("Sizes of the parts", "Users, items and interactions of each.", &table, Wide::Two));
    }
    let lead =
        if cards.is_empty() { why_none("parts", all).to_owned() } else { format!("Protocol: {}.", all.protocol) };
    Section { id: "parts", title: "The split", lead, cards }
}

pub(super) fn leakage(all: &Statistics) -> Section {
    let mut pairs = Grid::new(&[
        "task",
        "test pairs",
        "test in train",
        "test in validation",
        "validation pairs",
        "validation in train",
    ]);
    let mut cold = Grid::new(&[
        "task",
        "test users",
        "without history",
        "without target history",
        "with source history",
        "test items",
        "items without history",
    ]);
    let mut late = Grid::new(&[
        "task",
        "domain",
        "training events",
        "after own test",
        "same second",
        "after first test",
        "same second, first test",
    ]);
    for leakage in &all.leakage {
        let p = &leakage.pairs;
        let numbers = [p.test, p.test_in_train, p.test_in_valid, p.valid, p.valid_in_train].map(thousands);
        pairs.rows.push(std::iter::once(leakage.task.clone()).chain(numbers).collect());
        let c = &leakage.cold;
        let numbers = [
            c.test_users,
            c.users_without_history,
            c.users_without_target_history,
            c.users_with_source_history,
            c.test_items,
            c.items_without_history,
        ];
        cold.rows.push(std::iter::once(leakage.task.clone()).chain(numbers.map(thousands)).collect());
        for l in leakage.times.iter().flatten() {
            let share = |n: usize| match n {
                0 => "0".to_owned(),
                n => format!("{} ({})", thousands(n), percent(100.0 * n as f64 / l.train.max(1) as f64)),
            };
            late.push([
                leakage.task.clone(),
                l.domain.clone(),
                thousands(l.train),
                share(l.after_own_test),
                thousands(l.with_own_test),
                l.after_first_test.map_or_else(|| "–".into(), share),
                l.with_first_test.map_or_else(|| "–".into(), thousands),
            ]);
        }
    }
    if all.leakage.is_empty() {
        return Section { id: "leakage", title: "Leakage", lead: why_none("cold", all).into(), cards: Vec::new() };
    }
    let says = if late.rows.is_empty() {
        "Has none: the log has no times."
    } else {
        "After their own user's first test event, and after the earliest test event of anybody. Sources are learnt from whole, \
         so that theirs are expected; a target's own are not."
    };
    // A table of few questions stands upright in a narrow card; of more, each is a row.
    let few = all.leakage.len() <= 2;
    let (pairs, one, two) =
        if few { (pairs.turned(), Wide::One, Wide::Two) } else { (pairs, Wide::Whole, Wide::Whole) };
    let cards = vec![
        table_card("Pairs in two parts", "Distinct pairs of user and item; 0 is clean.", &pairs, one),
        table_card("Training events after the test", says, &late, two),
        table_card("Whom the test asks about", "By what training has of them.", &cold, Wide::Whole),
    ];
    Section {
        id: "leakage",
        title: "Leakage",
        lead: "What training knows of the test, counted on the finished split.".into(),
        cards,
    }
}

pub(super) fn preparation(all: &Statistics) -> Section {
    let mut table =
        Grid::new(&["domain", "part", "interactions", "repeats", "identical", "pairs repeated", "most of one pair"]);
    for part in &all.duplicates.parts {
        let numbers = [part.interactions, part.repeats, part.identical, part.pairs_repeated, part.most].map(thousands);
        table.rows.push([part.domain.clone(), part.part.clone()].into_iter().chain(numbers).collect());
    }
    let mut cards = Vec::new();
    let palette = Palette::of(all);
    for (d, domain) in all.domains.iter().enumerate() {
        let steps: Vec<_> = all.duplicates.steps.iter().filter(|step| step.domain == *domain).collect();
        if steps.is_empty() {
            continue;
        }
        let mut numbers = Grid::new(&["step", "removed", "left"]);
        let rows: Vec<Row> = steps
            .iter()
            .map(|step| {
                numbers.push([step.step.clone(), thousands(step.removed), thousands(step.interactions)]);
                Row {
                    name: step.step.clone(),
                    value: step.interactions as f64,
                    text: thousands(step.interactions),
                    tip: format!(
                        "{}: {} rows left, {} removed",
                        step.step,
                        thousands(step.interactions),
                        thousands(step.removed)
                    ),
                }
            })
            .collect();
        let removed: usize = steps.iter().map(|step| step.removed).sum();
        let figure = Figure {
            title: format!("Rows of {domain} after each step"),
            says: format!("{} rows were removed in all.", thousands(removed)),
            pictures: vec![lying(&rows, palette.place(d))],
            key: Vec::new(),
            table: numbers,
        };
        cards.push(figure.html(&format!("f-steps{d}")));
    }
    if !table.rows.is_empty() {
        let says = "Repeats are events beyond the first of their pair within a part; identical ones have its time and value, too.";
        cards.push(table_card("Duplicates that are left", says, &table, Wide::Whole));
    }
    let lead = if cards.is_empty() {
        why_none("preparation", all)
    } else {
        "What was removed on the way here, and what is still there twice."
    };
    Section { id: "preparation", title: "Preparation", lead: lead.into(), cards }
}
