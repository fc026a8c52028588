//! What models came to, as one page: numbers in by value, so that whoever has results can draw them.

use std::fmt::Write as _;

use super::assemble::{Section, Shell};
use super::bars;
use super::dots::{Dot, dots};
use super::figure::{COLUMN, Figure, Frame, Grid, Picture, Wide, colour, table_card};
use super::lines::{Curve, Lines};
use super::scale::Scale;
use super::scatter::{Point, scatter};
use super::text::{clipped, escape};
use crate::numbers::{number, thousands};

/// How every page of results begins: a file that does not is none of ours.
pub const MARK: &str = "<!doctype html>\n<!-- written by segue compare -->\n";

/// Notes that are seen at once; warnings may be as many more.
const NOTES: usize = 8;

/// Rows or columns of a table that is not folded.
const UNFOLDED: usize = 12;

/// Curves in one picture at most: beyond, colours repeat.
const CURVES: usize = 8;

/// Results of models on one or more questions.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// Name of the data.
    pub name: String,
    /// The metric that counts most, e.g. `ndcg@10`.
    pub metric: String,
    /// What must be read with the numbers: protocols, verdicts, warnings.
    pub notes: Vec<String>,
    /// The table as it is printed: its header and its rows.
    pub table: (Vec<String>, Vec<Vec<String>>),
    /// The rows.
    pub rows: Vec<Row>,
}

/// One model on one question.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// What the row is called, e.g. `ease joint`.
    pub label: String,
    /// Name of the model, which gives the colour.
    pub model: String,
    /// What it is asked.
    pub question: String,
    /// The metrics to draw, the one that counts most first.
    pub metrics: Vec<Measure>,
    /// Epoch and validation metric of the training log.
    pub curve: Vec<(usize, f64)>,
    /// Share of the catalogue that is recommended to anybody, with the name of that metric.
    pub coverage: Option<(String, f64)>,
    /// Training time, seconds.
    pub seconds: f64,
    /// Bytes that training held at its peak beyond what was held before.
    pub memory: Option<u64>,
    /// The main metric by the user's known events, rising.
    pub by_activity: Vec<Part>,
    /// The main metric by the item's training users, rising.
    pub by_popularity: Vec<Part>,
    /// The main metric by genre.
    pub by_genre: Vec<Part>,
    /// Over the users whose positive a retrieval of 200 would have found: each metric drawn.
    pub retrieved: Option<(usize, Vec<(String, f64)>)>,
}

/// A metric with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Name with cut-off.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Ends of its interval.
    pub interval: Option<(f64, f64)>,
}

/// The main metric on a part of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which part.
    pub name: String,
    /// Users asked.
    pub n_users: usize,
    /// Value.
    pub value: f64,
}

/// Draws everything. The same results give the same bytes.
pub fn results_page(all: &Results) -> String {
    let series = Series::of(all);
    let sections = [
        metrics(all, &series),
        curves(all, &series),
        parts(all, &series),
        genres(all),
        retrieved(all),
        coverage(all, &series),
        costs(all, &series),
        everything(all),
    ];
    Shell {
        mark: MARK,
        title: format!("{}: models compared", all.name),
        header: header(all),
        // More names than colours tell nothing apart.
        key: ("Rows", if series.names.len() > CURVES { &[] } else { &series.names }),
        first: findings(all),
        sections: &sections,
        footer: "Written by <code>segue compare</code>. Intervals are of the users asked; a number counts with its protocol alone.",
    }
    .html()
}

/// What has a colour of its own: each row, or where they are more than there are colours, each model.
struct Series {
    names: Vec<String>,
    by_model: bool,
}

impl Series {
    fn of(all: &Results) -> Self {
        let distinct = |name: &dyn Fn(&Row) -> &String| {
            let mut names: Vec<String> = Vec::new();
            for row in &all.rows {
                if !names.contains(name(row)) {
                    names.push(name(row).clone());
                }
            }
            names
        };
        let labels = distinct(&|row| &row.label);
        let by_model = labels.len() > CURVES;
        Self { names: if by_model { distinct(&|row| &row.model) } else { labels }, by_model }
    }

    fn name<'r>(&self, row: &'r Row) -> &'r str {
        if self.by_model { &row.model } else { &row.label }
    }

    fn place(&self, row: &Row) -> usize {
        let name = self.name(row);
        self.names.iter().position(|known| known == name).unwrap_or_default()
    }
}

/// A card with a table, behind a line to be opened where it is long or wide.
fn folded_card(title: &str, says: &str, table: &Grid) -> String {
    if table.rows.len().max(table.header.len()) <= UNFOLDED {
        return table_card(title, says, table, Wide::Whole);
    }
    let (shown, n, says) = (escape(title), thousands(table.rows.len()), escape(says));
    let table = table.html(title);
    format!(
        "<div class=\"card whole\"><h3>{shown}</h3><p>{says}</p><details><summary>All {n} rows</summary>{table}</details></div>"
    )
}

/// The questions in order, each with its rows.
fn questions(all: &Results) -> Vec<(&str, Vec<&Row>)> {
    let mut found: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in &all.rows {
        match found.iter_mut().find(|(question, _)| *question == row.question) {
            Some((_, rows)) => rows.push(row),
            None => found.push((&row.question, vec![row])),
        }
    }
    found
}

/// ` of films`, where there is more than one question.
fn of_question(question: &str, n: usize) -> String {
    if n > 1 { format!(" of {question}") } else { String::new() }
}

fn main_value(row: &Row) -> Option<f64> {
    row.metrics.first().map(|measure| measure.value)
}

fn decimals(x: f64) -> String {
    format!("{x:.4}")
}

fn header(all: &Results) -> String {
    let (name, metric) = (escape(&all.name), escape(&all.metric));
    let mut out = format!(
        "<header><p class=\"kicker\">Models compared</p><h1>{name}</h1><p class=\"sub\">by {metric}</p><dl class=\"tiles\">"
    );
    let best = all
        .rows
        .iter()
        .filter(|row| main_value(row).is_some())
        .max_by(|a, b| main_value(a).unwrap_or_default().total_cmp(&main_value(b).unwrap_or_default()));
    let slowest = all.rows.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let mut tile = |what: &str, number: &str, more: &str| {
        let (number, more) = (escape(number), escape(more));
        let _ = write!(out, "<div><dt>{what}</dt><dd><b>{number}</b><span>{more}</span></dd></div>");
    };
    let mut models: Vec<&str> = all.rows.iter().map(|row| row.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    let n_models = models.len();
    tile("models", &thousands(n_models), &format!("{} rows", thousands(all.rows.len())));
    if let Some(best) = best {
        let of =
            if questions(all).len() > 1 { format!("{} of {}", best.label, best.question) } else { best.label.clone() };
        tile("highest", &decimals(main_value(best).unwrap_or_default()), &clipped(&of, 40));
    }
    if let Some(slowest) = slowest {
        tile("longest training", &seconds(slowest.seconds), &clipped(&slowest.label, 28));
    }
    if let Some(most) = all.rows.iter().filter_map(|row| row.memory).max() {
        tile("most memory", &mebibytes(most), "at the peak of training");
    }
    out.push_str("</dl></header>");
    out
}

fn seconds(s: f64) -> String {
    if s < 60.0 { format!("{} s", number(s, 2)) } else { format!("{} min", number(s / 60.0, 1)) }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", number(bytes as f64 / f64::from(1 << 20), 0))
}

/// What must be read first. A warning is what says that a claim does not hold.
fn findings(all: &Results) -> String {
    let mut out = String::from(
        "<section id=\"findings\" aria-labelledby=\"findings-title\"><h2 id=\"findings-title\">Read this with the numbers</h2>\
         <ul class=\"findings\">",
    );
    let warns = |note: &String| note.starts_with("NEGATIVE") || note.starts_with("no evidence");
    // The first are the protocols; however many others there are, a warning is seen.
    let (mut shown, mut folded) = (Vec::new(), Vec::new());
    for note in &all.notes {
        let many = shown.len() >= NOTES && !(warns(note) && shown.len() < 2 * NOTES);
        if many { folded.push(note) } else { shown.push(note) }
    }
    let item = |note: &&String| {
        let (class, word) = if warns(note) { (" class=\"warning\"", "Warning") } else { ("", "Note") };
        format!("<li{class}><b>{word}</b><span>{}</span></li>", escape(note))
    };
    out.extend(shown.iter().map(item));
    out.push_str("</ul>");
    if !folded.is_empty() {
        let items: String = folded.iter().map(item).collect();
        let n = folded.len();
        let _ = write!(out, "<details><summary>and {n} more</summary><ul class=\"findings\">{items}</ul></details>");
    }
    out.push_str("</section>");
    out
}

fn metrics(all: &Results, series: &Series) -> Section {
    let questions = questions(all);
    let mut cards = Vec::new();
    for (q, (question, rows)) in questions.iter().enumerate() {
        let names: Vec<&str> =
            rows.first().map_or_else(Vec::new, |row| row.metrics.iter().map(|m| m.name.as_str()).collect());
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
    let best = measured.iter().max_by(|a, b| a.1.value.total_cmp(&b.1.value));
    Figure {
        title: format!("{name}{}", of_question(question, n)),
        says: best.map_or_else(String::new, |(row, m)| format!("Highest: {}, {}.", row.label, decimals(m.value))),
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

/// The rows with the highest main metric, in their own order.
fn best<'a>(rows: &[&'a Row], has: impl Fn(&Row) -> bool) -> Vec<&'a Row> {
    let mut kept: Vec<(usize, &Row)> = rows.iter().copied().enumerate().filter(|(_, row)| has(row)).collect();
    kept.sort_by(|a, b| main_value(b.1).unwrap_or_default().total_cmp(&main_value(a.1).unwrap_or_default()));
    kept.truncate(CURVES);
    kept.sort_by_key(|(n, _)| *n);
    kept.into_iter().map(|(_, row)| row).collect()
}

fn key(rows: &[&Row], series: &Series) -> Vec<(usize, String)> {
    let mut key: Vec<(usize, Vec<String>)> = Vec::new();
    for row in rows {
        let place = series.place(row);
        // A colour of several rows names them all: models alone would not say which scope is drawn.
        match key.iter_mut().find(|(known, _)| *known == place) {
            Some((_, names)) if !names.contains(&row.label) => names.push(row.label.clone()),
            Some(_) => {}
            None => key.push((place, vec![row.label.clone()])),
        }
    }
    key.into_iter().map(|(place, names)| (place, names.join(", "))).collect()
}

fn curves(all: &Results, series: &Series) -> Section {
    // Every question has the training log of its fit.
    let first = questions(all).into_iter().next().map_or_else(Vec::new, |(_, rows)| rows);
    let has = |row: &Row| row.curve.len() > 1;
    let rows = best(&first, has);
    if rows.is_empty() {
        let lead = "Has none: no model was trained over several validated epochs.".into();
        return Section { id: "curves", title: "Learning curves", lead, cards: Vec::new() };
    }
    let drawn: Vec<Curve> = rows
        .iter()
        .map(|row| Curve {
            domain: series.place(row),
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
    let mut table = Grid::new(&["row", "epochs validated", "highest", "at epoch"]);
    for row in &rows {
        let best = row.curve.iter().max_by(|a, b| a.1.total_cmp(&b.1)).copied().unwrap_or_default();
        table.push([row.label.clone(), thousands(row.curve.len()), decimals(best.1), thousands(best.0)]);
    }
    let figure = Figure {
        title: format!("Validation {} by epoch", all.metric),
        says: format!(
            "{}Where a curve still rises, training ended too soon; where it falls, the model that was kept is that of its highest point.",
            of_all(&first, has, &all.metric)
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

fn parts(all: &Results, series: &Series) -> Section {
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
            let rows = best(rows, has);
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
            domain: series.place(row),
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

/// What is said of a section of tables.
struct Words {
    id: &'static str,
    title: &'static str,
    /// Above each table, before its question.
    card: String,
    says: &'static str,
    lead: &'static str,
    /// In place of the lead where there is no table.
    none: &'static str,
}

/// A table for each question that has one, long and wide ones folded.
fn tables(all: &Results, words: &Words, table: impl Fn(&[&Row]) -> Option<Grid>) -> Section {
    let questions = questions(all);
    let cards = questions.iter().filter_map(|(question, rows)| {
        let title = format!("{}{}", words.card, of_question(question, questions.len()));
        Some(folded_card(&title, words.says, &table(rows)?))
    });
    let cards: Vec<String> = cards.collect();
    let lead = if cards.is_empty() { words.none } else { words.lead };
    Section { id: words.id, title: words.title, lead: lead.into(), cards }
}

fn genres(all: &Results) -> Section {
    let words = Words {
        id: "genres",
        title: "Genres",
        card: format!("{} by genre", all.metric),
        says: "An item of several genres counts in each; those held out most often.",
        lead: "How well each genre of held-out item is found among all items.",
        none: "Has none: the held-out items have no genres, or the rows were not measured by them.",
    };
    tables(all, &words, |rows| {
        let rows: Vec<&&Row> = rows.iter().filter(|row| !row.by_genre.is_empty()).collect();
        let first = rows.first()?;
        let header = ["genre", "users"].map(str::to_owned).into_iter().chain(rows.iter().map(|row| row.label.clone()));
        let of_part = |part: &Part| {
            let value = |row: &&&Row| {
                let own = row.by_genre.iter().find(|own| own.name == part.name);
                own.map_or_else(|| "–".into(), |own| decimals(own.value))
            };
            [part.name.clone(), thousands(part.n_users)].into_iter().chain(rows.iter().map(value)).collect()
        };
        Some(Grid { header: header.collect(), rows: first.by_genre.iter().map(of_part).collect() })
    })
}

fn retrieved(all: &Results) -> Section {
    let words = Words {
        id: "retrieved",
        title: "Hits only",
        card: "Users with a positive among the first 200".into(),
        says: "Each model over its own such users: rows have different users and are not compared.",
        lead: "Quality of the order alone: over the users whose positive was among the 200 items that a stage of retrieval would \
               hand on.",
        none: "Has none: these rows were not measured so, or their candidates are not the whole catalogue.",
    };
    tables(all, &words, |rows| {
        let found: Vec<_> = rows.iter().filter_map(|row| Some((row, row.retrieved.as_ref()?))).collect();
        let (_, (_, values)) = found.first()?;
        let header = ["row", "users"].map(str::to_owned).into_iter().chain(values.iter().map(|(name, _)| name.clone()));
        let rows = found.iter().map(|(row, (n_users, values))| {
            let values = values.iter().map(|(_, value)| decimals(*value));
            [row.label.clone(), thousands(*n_users)].into_iter().chain(values).collect()
        });
        Some(Grid { header: header.collect(), rows: rows.collect() })
    })
}

fn coverage(all: &Results, series: &Series) -> Section {
    let questions = questions(all);
    let mut cards = Vec::new();
    for (q, (question, rows)) in questions.iter().enumerate() {
        let points: Vec<Point> = rows
            .iter()
            .filter_map(|row| {
                let (name, covered) = row.coverage.as_ref()?;
                let value = main_value(row)?;
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
            says: "Up is more accurate, right recommends more of the catalogue.".into(),
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

fn costs(all: &Results, series: &Series) -> Section {
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
        let says = "What training held at its peak beyond what the program held before, the data above all; told where a program trained this model first.";
        cards.push(figure("Memory", says, &memory).html("f-memory"));
    }
    let lead = "Measured where the models were trained: beside each other they tell, alone they do not.".into();
    Section { id: "costs", title: "Time and memory", lead, cards }
}

fn everything(all: &Results) -> Section {
    let (header, rows) = &all.table;
    if rows.is_empty() {
        return Section { id: "table", title: "Table", lead: "Has none: there is no row.".into(), cards: Vec::new() };
    }
    let table = Grid { header: header.clone(), rows: rows.clone() };
    let card = folded_card("Every row", "As printed by the command.", &table);
    let lead = "What the command prints. The protocols of the rows are on top of this page.".into();
    Section { id: "table", title: "Table", lead, cards: vec![card] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str, question: &str, value: f64) -> Row {
        let part = |name: &str| Part { name: name.into(), n_users: 3, value };
        Row {
            label: format!("{model} joint"),
            model: model.into(),
            question: question.into(),
            metrics: vec![Measure { name: "ndcg@10".into(), value, interval: Some((value / 2.0, value * 1.5)) }],
            curve: vec![(1, value / 2.0), (2, value)],
            coverage: Some(("coverage@10".into(), 0.5)),
            seconds: 2.0,
            memory: Some(64 << 20),
            by_activity: vec![part("0 to 3"), part("4 to 9")],
            by_popularity: vec![part("1 to 2")],
            by_genre: vec![part("<b>Drama</b>")],
            retrieved: Some((3, vec![("ndcg@10".into(), value)])),
        }
    }

    fn results(rows: Vec<Row>) -> Results {
        let table = (vec!["model".into()], rows.iter().map(|row| vec![row.label.clone()]).collect());
        let notes = vec!["NEGATIVE TRANSFER: <ease>".into(), "split: by hand".into()];
        Results { name: "three <people>".into(), metric: "ndcg@10".into(), notes, table, rows }
    }

    #[track_caller]
    fn check(html: &str) {
        assert!(html.starts_with(MARK) && !html.contains("NaN") && !html.contains("inf\""));
        assert!(!html.contains("<b>Drama") && !html.contains("<ease>") && !html.contains("<people>"));
        for section in html.split("<section ").skip(1) {
            let told = section.contains("<svg") || section.contains("<table") || section.contains("Has none");
            assert!(told || section.starts_with("id=\"findings\""), "{section}");
        }
        let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len());
    }

    #[test]
    fn fifty_rows_are_folded() {
        let rows: Vec<Row> = (0..50).map(|n| row(&format!("model{n}"), "films", 0.1 + f64::from(n) / 1000.0)).collect();
        let mut all = results(rows);
        all.notes = (0..40).map(|n| format!("note {n}")).collect();
        all.notes.push("no evidence of transfer: <ease>".into());
        let html = results_page(&all);
        check(&html);
        let findings = html.split("<section id=\"findings\"").nth(1).unwrap().split("</section>").next().unwrap();
        let (shown, folded) = findings.split_once("<details>").unwrap();
        assert!(folded.starts_with("<summary>and 32 more</summary>"), "{folded}");
        assert_eq!((shown.matches("<li").count(), folded.matches("<li").count()), (9, 32));
        assert!(shown.contains("no evidence of transfer") && folded.contains("note 39"));
        for section in ["genres", "retrieved", "table"] {
            let section = html.split(&format!("<section id=\"{section}\"")).nth(1).unwrap();
            let section = section.split("</section>").next().unwrap();
            assert!(section.contains("<details><summary>All ") && section.contains("<table>"), "{section}");
        }
        for section in ["curves", "parts"] {
            let section = html.split(&format!("<section id=\"{section}\"")).nth(1).unwrap();
            assert!(
                section.contains("The 8 best of 50 rows by ndcg@10.") && section.contains("model49 joint"),
                "{section}"
            );
        }
        let few = results_page(&results(vec![row("ease", "films", 0.2)]));
        assert!(!few.contains("<summary>All ") && !few.contains(" more</summary>"));
    }

    #[test]
    fn every_section_is_there_whatever_the_rows_lack() {
        let full = results_page(&results(vec![row("ease", "films", 0.2), row("<mf>", "films", 0.1)]));
        check(&full);
        assert_eq!(full.matches("<section ").count(), 9);
        assert!(full.contains("Read this") && full.contains("warning"));
        check(&results_page(&results(vec![row("ease", "films", 0.2), row("ease", "cold", 0.1)])));
        let bare = Row { label: "ease".into(), model: "ease".into(), ..Row::default() };
        check(&results_page(&results(vec![bare])));
        check(&results_page(&results(Vec::new())));
        // A value of nothing at all, and the same everywhere.
        check(&results_page(&results(vec![row("ease", "films", 0.0)])));
    }
}
