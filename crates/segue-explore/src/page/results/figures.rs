//! The sections of a page of results that are pictures.

use super::super::assemble::Section;
use super::super::bars;
use super::super::dots::{Dot, dots};
use super::super::figure::{COLUMN, Figure, Frame, Grid, Picture, colour};
use super::super::lines::{Curve, Lines};
use super::super::scale::Scale;
use super::super::scatter::{Point, scatter};
use super::super::text::clipped;
use super::{
    Better, CURVES, Measure, Part, Results, Row, Series, Standing, best_recipe, decimals, main_value, mebibytes,
    of_question, questions, seconds,
};
use crate::numbers::thousands;

pub(super) fn metrics(all: &Results, series: &Series) -> Section {
    let questions = questions(all);
    let mut cards = Vec::new();
    for (q, (question, rows)) in questions.iter().enumerate() {
        // A row may lack what others have.
        let mut names: Vec<&str> = Vec::new();
        for measure in rows.iter().flat_map(|row| &row.metrics) {
            if !names.contains(&measure.name.as_str()) {
                names.push(&measure.name);
            }
        }
        // Of several questions the metric that counts most is enough; the table has the others.
        let shown = if questions.len() > 1 { names.len().min(1) } else { names.len() };
        for (m, name) in names.iter().take(shown).enumerate() {
            cards.push(metric(name, (question, questions.len()), rows, series).html(&format!("f-metric{q}-{m}")));
        }
    }
    if cards.is_empty() {
        let lead = "Has none: nothing was measured.".into();
        return Section { id: "metrics", title: "Metrics", lead, cards };
    }
    Section {
        id: "metrics",
        title: "Metrics",
        lead: "A dot is the value on test, the line through it the interval over users that holds the true value of 95 such tests in \
               100. Intervals that overlap may still differ beyond chance, for the users are the same: the marks of the table say so."
            .into(),
        cards,
    }
}

fn metric(name: &str, (question, n): (&str, usize), rows: &[&Row], series: &Series) -> Figure {
    let measured: Vec<(&&Row, &Measure)> =
        rows.iter().filter_map(|row| Some((row, row.metrics.iter().find(|m| m.name == name)?))).collect();
    let drawn: Vec<Dot> = measured
        .iter()
        .map(|(row, measure)| Dot {
            name: row.label.clone(),
            value: Some(measure.value),
            interval: measure.interval,
            text: decimals(measure.value),
            class: colour(series.place(row)),
        })
        .collect();
    let ends = measured.iter().flat_map(|(_, m)| {
        let (low, high) = m.interval.unwrap_or((m.value, m.value));
        [low, high]
    });
    let (low, high) = ends.fold((f64::INFINITY, 0.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    let low = if low.is_finite() { low.min(0.0) } else { 0.0 };
    let mut table = Grid::new(&["row", name, "low", "high"]);
    for (row, measure) in &measured {
        let end = |end: Option<f64>| end.map_or_else(|| "–".into(), decimals);
        let (low, high) = (measure.interval.map(|i| i.0), measure.interval.map(|i| i.1));
        table.push([row.label.clone(), decimals(measure.value), end(low), end(high)]);
    }
    let better = measured.first().map(|(_, measure)| measure.better).unwrap_or_default();
    let value = |row: &Row| row.metrics.iter().find(|m| m.name == name).map(|m| m.value);
    let best = best_recipe(rows, better, value);
    Figure {
        title: format!("{name}{}", of_question(question, n)),
        says: best.map_or_else(String::new, |best| {
            let word = match better {
                Better::Higher => "Highest",
                Better::Lower => "Lowest",
            };
            let row = best.first;
            let among = match row.standing {
                Standing::Alone | Standing::Other => String::new(),
                Standing::Chosen(n) => format!(", which validation chose among {n} recipes of {}", row.model),
                Standing::Open(n) => format!(", the best of {n} recipes of {} on test", row.model),
            };
            format!("{word}: {}, {}{}{among}.", best.name(), decimals(best.mean), best.of_seeds())
        }),
        pictures: vec![dots(&drawn, &|ends| Scale::linear((low, high), ends, 4), name, None)],
        key: Vec::new(),
        table,
    }
}

/// How many of the rows that could be drawn are, where they are not all.
fn of_all(rows: &[&Row], has: impl Fn(&Row) -> bool, metric: &str) -> String {
    let n = rows.iter().filter(|row| has(row)).count();
    if n > CURVES { format!("The {CURVES} best of {n} rows by {metric}. ") } else { String::new() }
}

/// The rows with the best main metric, in their own order; those without one come last, and before them recipes that validation did not
/// choose.
fn best<'a>(all: &Results, rows: &[&'a Row], has: impl Fn(&Row) -> bool) -> Vec<&'a Row> {
    let worst = all.better.worst();
    let mut kept: Vec<(usize, &Row)> = rows.iter().copied().enumerate().filter(|(_, row)| has(row)).collect();
    let value = |row: &Row| main_value(all, row).unwrap_or(worst);
    let is_last = |row: &Row| (main_value(all, row).is_none(), row.standing == Standing::Other);
    kept.sort_by(|a, b| is_last(a.1).cmp(&is_last(b.1)).then_with(|| all.better.order(value(b.1), value(a.1))));
    kept.truncate(CURVES);
    kept.sort_by_key(|(n, _)| *n);
    kept.into_iter().map(|(_, row)| row).collect()
}

fn key(rows: &[&Row], series: &Series) -> Vec<(usize, String)> {
    let mut key: Vec<(usize, Vec<String>)> = Vec::new();
    for row in rows {
        let place = series.within(row, rows);
        // A colour of several rows names them all: models alone would not say which scope is drawn.
        match key.iter_mut().find(|(known, _)| *known == place) {
            Some((_, names)) if !names.contains(&row.label) => names.push(row.label.clone()),
            Some(_) => {}
            None => key.push((place, vec![row.label.clone()])),
        }
    }
    key.into_iter().map(|(place, names)| (place, names.join(", "))).collect()
}

pub(super) fn curves(all: &Results, series: &Series) -> Section {
    // Every question has the training log of its fit.
    let first = questions(all).into_iter().next().map_or_else(Vec::new, |(_, rows)| rows);
    let has = |row: &Row| row.curve.len() > 1;
    let rows = best(all, &first, has);
    if rows.is_empty() {
        let lead = "Has none: no model was trained over several validated epochs.".into();
        return Section { id: "curves", title: "Learning curves", lead, cards: Vec::new() };
    }
    let drawn: Vec<Curve> = rows
        .iter()
        .map(|row| Curve {
            place: series.within(row, &rows),
            name: row.label.clone(),
            points: row.curve.iter().map(|&(epoch, value)| (epoch as f64, value)).collect(),
        })
        .collect();
    let points = || drawn.iter().flat_map(|curve| curve.points.iter());
    let last = points().map(|p| p.0).fold(1.0, f64::max);
    let (low, high) = points().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), p| (low.min(p.1), high.max(p.1)));
    let picture = |width: f64, height: f64, n: usize| {
        let frame = Frame::axes(width, height);
        let x = Scale::exact((0.0, last), frame.horizontal(), n);
        let y = Scale::linear((low.min(high), high), frame.vertical(), 4);
        let point = |epoch: f64, value: f64| format!("epoch {epoch:.0}, {value:.4}");
        let lines = Lines { curves: &drawn, x: "epoch", y: &all.metric, point: &point, diagonal: false, moment: None };
        lines.draw(frame, (&x, &y), None)
    };
    let mut table = Grid::new(&["row", "epochs validated", all.better.best(), "at epoch"]);
    for row in &rows {
        let best = row.curve.iter().max_by(|a, b| all.better.order(a.1, b.1)).copied().unwrap_or_default();
        table.push([row.label.clone(), thousands(row.curve.len()), decimals(best.1), thousands(best.0)]);
    }
    let (better, worse) = match all.better {
        Better::Higher => ("rises", "falls"),
        Better::Lower => ("falls", "rises"),
    };
    let figure = Figure {
        title: format!("Validation {} by epoch", all.metric),
        says: format!(
            "{}Where a curve still {better}, training ended too soon; where it {worse}, the model that was kept is that of its {} point.",
            of_all(&first, has, &all.metric),
            all.better.best()
        ),
        pictures: vec![picture(1080.0, 280.0, 10), picture(COLUMN, 230.0, 4)],
        key: key(&rows, series),
        table,
    };
    let lead = "Validation alone chose when to stop. Models without epochs have no curve.".into();
    Section { id: "curves", title: "Learning curves", lead, cards: vec![figure.html("f-curves")] }
}

/// Which parts of a row a picture is of.
type Of = fn(&Row) -> &[Part];

pub(super) fn parts(all: &Results, series: &Series) -> Section {
    let kinds: [(&str, &str, &str, Of); 2] = [
        ("activity", "by how much is known of the user", "known events of the user", |row| &row.by_activity),
        ("popularity", "by how popular the item is", "training users of the item", |row| &row.by_popularity),
    ];
    let questions = questions(all);
    let mut cards = Vec::new();
    for (q, (question, rows)) in questions.iter().enumerate() {
        for (id, title, axis, of) in kinds {
            let has = |row: &Row| !of(row).is_empty();
            let chosen = of_all(rows, has, &all.metric);
            let rows = best(all, rows, has);
            if rows.is_empty() {
                continue;
            }
            let title = format!("{}{} {title}", all.metric, of_question(question, questions.len()));
            cards.push(part_figure((&title, &chosen), axis, (&rows, of), series).html(&format!("f-{id}{q}")));
        }
    }
    let lead = if cards.is_empty() {
        "Has none: these rows were not measured on parts of the question."
    } else {
        "The same question in quarters: of the users by how many events are known of them, and of the held-out items by how many people \
         met them in training. A model that is good on the right alone serves the crowd, one that is good on the left helps where help \
         is needed."
    };
    Section { id: "parts", title: "For whom, and for what", lead: lead.into(), cards }
}

fn part_figure((title, chosen): (&str, &str), axis: &str, (rows, of): (&[&Row], Of), series: &Series) -> Figure {
    let names: Vec<String> = rows.first().map_or_else(Vec::new, |row| of(row).iter().map(|p| p.name.clone()).collect());
    let drawn: Vec<Curve> = rows
        .iter()
        .map(|row| Curve {
            place: series.within(row, rows),
            name: row.label.clone(),
            points: of(row).iter().enumerate().map(|(n, part)| (n as f64, part.value)).collect(),
        })
        .collect();
    let high = drawn.iter().flat_map(|curve| curve.points.iter().map(|p| p.1)).fold(0.0, f64::max);
    let frame = Frame::axes(COLUMN, 240.0);
    let inset = 34.0;
    let x = Scale::exact((0.0, (names.len().max(2) - 1) as f64), (frame.left + inset, frame.right - inset), 4);
    let y = Scale::linear((0.0, high), frame.vertical(), 4);
    let ticks = names.iter().enumerate().map(|(n, name)| (clipped(name, 12), x.at(n as f64))).collect();
    let point = |n: f64, value: f64| {
        let name = names.get(n as usize).map_or("", String::as_str);
        format!("{name}, {value:.4}")
    };
    let lines = Lines { curves: &drawn, x: axis, y: "", point: &point, diagonal: false, moment: None };
    let picture = lines.draw(frame, (&x, &y), Some(ticks));
    let mut table = Grid { header: std::iter::once("row".into()).chain(names).collect(), rows: Vec::new() };
    for row in rows {
        let values = of(row).iter().map(|part| decimals(part.value));
        table.rows.push(std::iter::once(row.label.clone()).chain(values).collect());
    }
    let users = rows.first().map_or_else(Vec::new, |row| of(row).iter().map(|part| thousands(part.n_users)).collect());
    Figure {
        title: title.to_owned(),
        says: format!("{chosen}Users in each part: {}.", users.join(", ")),
        pictures: vec![picture],
        key: key(rows, series),
        table,
    }
}

pub(super) fn coverage(all: &Results, series: &Series) -> Section {
    let questions = questions(all);
    let better = match all.better {
        Better::Higher => "Up",
        Better::Lower => "Down",
    };
    let mut cards = Vec::new();
    for (q, (question, rows)) in questions.iter().enumerate() {
        let points: Vec<Point> = rows
            .iter()
            .filter_map(|row| {
                let (name, covered) = row.coverage.as_ref()?;
                let value = main_value(all, row)?;
                let tip = format!("{}: {} {value:.4}, {name} {covered:.4}", row.label, all.metric);
                Some(Point { group: series.place(row), name: row.label.clone(), at: (*covered, value), tip })
            })
            .collect();
        if points.is_empty() {
            continue;
        }
        let high = points.iter().map(|point| point.at.1).fold(0.0, f64::max);
        let draw = |width: f64, height: f64| -> Picture {
            let frame = Frame::axes(width, height);
            let wide = points.iter().map(|point| point.at.0).fold(0.0, f64::max);
            let x = Scale::linear((0.0, wide), frame.horizontal(), 5);
            let y = Scale::linear((0.0, high), frame.vertical(), 4);
            scatter(&points, frame, (&x, &y), ("share of the catalogue recommended to anybody", &all.metric))
        };
        let mut table = Grid::new(&["row", "coverage", &all.metric]);
        for point in &points {
            table.push([point.name.clone(), decimals(point.at.0), decimals(point.at.1)]);
        }
        let figure = Figure {
            title: format!("{} against coverage{}", all.metric, of_question(question, questions.len())),
            says: format!("{better} is better by {}, right recommends more of the catalogue.", all.metric),
            pictures: vec![draw(1080.0, 300.0), draw(COLUMN, 260.0)],
            key: Vec::new(),
            table,
        };
        cards.push(figure.html(&format!("f-coverage{q}")));
    }
    let lead = if cards.is_empty() {
        "Has none: coverage was not measured."
    } else {
        "A model may be accurate and show everybody the same few items."
    };
    Section { id: "coverage", title: "Accuracy and coverage", lead: lead.into(), cards }
}

pub(super) fn costs(all: &Results, series: &Series) -> Section {
    // A fit costs once, however many questions it answers.
    let rows: Vec<&Row> = questions(all).into_iter().next().map_or_else(Vec::new, |(_, rows)| rows);
    let figure = |title: &str, says: &str, cost: &dyn Fn(&Row) -> Option<(f64, String)>| {
        let dots_of: Vec<(usize, bars::Row)> = rows
            .iter()
            .filter_map(|row| {
                let (value, text) = cost(row)?;
                let tip = format!("{}: {text}", row.label);
                Some((series.place(row), bars::Row { name: row.label.clone(), value, text, tip }))
            })
            .collect();
        let mut table = Grid::new(&["row", title]);
        for (_, row) in &dots_of {
            table.push([row.name.clone(), row.text.clone()]);
        }
        let bars: Vec<bars::Row> = dots_of.into_iter().map(|(_, row)| row).collect();
        let (title, says) = (title.to_owned(), says.to_owned());
        Figure { title, says, pictures: vec![bars::lying(&bars, 0)], key: Vec::new(), table }
    };
    let time = |row: &Row| Some((row.seconds, seconds(row.seconds)));
    let memory = |row: &Row| row.memory.map(|bytes| (bytes as f64, mebibytes(bytes)));
    let mut cards = vec![
        figure("Training time", "From the first look at the data to the model that is kept.", &time).html("f-time"),
    ];
    if rows.iter().any(|row| row.memory.is_some()) {
        let says = "What training held at its peak beyond what the program held before, the data above all, where the system told it.";
        cards.push(figure("Memory", says, &memory).html("f-memory"));
    }
    let lead = "Measured where the models were trained: beside each other they tell, alone they do not.".into();
    Section { id: "costs", title: "Time and memory", lead, cards }
}
