//! How much there is: sizes, values, activity and popularity.

use std::fmt::Write as _;

use super::assemble::Section;
use super::bars::{Column, histogram};
use super::dots::{Dot, dots};
use super::figure::{COLUMN, Figure, Frame, Grid, Wide, table_card};
use super::lines::{Curve, Lines};
use super::palette::Palette;
use super::scale::Scale;
use crate::describe::Statistics;
use crate::numbers::{listed, number, percent, thousands};
use crate::sections::why_none;
use crate::statistics::long_tail::{LongTail, Spread};
use crate::statistics::values::{Bin, BinScale, Values};

/// A cell of something that may be missing.
fn or_none(x: Option<f64>, decimals: usize) -> String {
    x.map_or_else(|| "–".into(), |x| number(x, decimals))
}

pub(super) fn sizes(all: &Statistics) -> Section {
    let mut table = Grid::new(&[
        "domain",
        "users",
        "items",
        "interactions",
        "per user",
        "per item",
        "sparsity",
        "likes",
        "neutral",
        "dislikes",
    ]);
    let mut rows = Vec::new();
    let palette = Palette::of(all);
    for (n, size) in all.sizes.domains.iter().enumerate() {
        table.push([
            size.domain.clone(),
            thousands(size.users),
            thousands(size.items),
            thousands(size.interactions),
            or_none(size.per_user, 1),
            or_none(size.per_item, 1),
            size.sparsity.map_or_else(|| "–".into(), |s| percent(100.0 * s)),
            thousands(size.likes),
            thousands(size.neutral),
            thousands(size.dislikes),
        ]);
        let density = size.sparsity.map(|sparsity| 1.0 - sparsity).filter(|density| *density > 0.0);
        rows.push(Dot {
            name: size.domain.clone(),
            value: density,
            interval: None,
            text: density
                .map_or_else(|| "no event".into(), |density| format!("1 in {}", number((1.0 / density).round(), 0))),
            class: if n < all.domains.len() { palette.colour(n) } else { "many".into() },
        });
    }
    let densities: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
    let mut cards = Vec::new();
    if let (Some(least), Some(most)) = (least(&densities), most(&densities)) {
        let scale = |places| Scale::logarithmic((least / 3.0, (most * 3.0).min(1.0)), places, 4);
        let figure = Figure {
            title: "How full is the matrix?".into(),
            says: "Share of all pairs of user and item that met, on a logarithmic scale: a full matrix is at 1.".into(),
            pictures: vec![dots(&rows, &scale, "density = pairs / (users · items)", None)],
            key: Vec::new(),
            table: Grid::default(),
        };
        cards.push(figure.html("f-density"));
        cards.push(table_card("Sizes in numbers", "Over train, validation and test.", &table, Wide::Two));
    }
    let lead = if cards.is_empty() {
        why_none("sizes", all).into()
    } else {
        "Only who and what is met counts. Sparsity is 1 − distinct pairs / (users · items).".into()
    };
    Section { id: "sizes", title: "Sizes", lead, cards }
}

fn least(numbers: &[f64]) -> Option<f64> {
    numbers.iter().copied().min_by(f64::total_cmp)
}

fn most(numbers: &[f64]) -> Option<f64> {
    numbers.iter().copied().max_by(f64::total_cmp)
}

pub(super) fn values(all: &Statistics) -> Section {
    let mut table = Grid::new(&["domain", "events", "mean", "median", "variance", "quartiles", "range", "distinct"]);
    let mut cards = Vec::new();
    let palette = Palette::of(all);
    for (d, values) in all.values.iter().enumerate() {
        let Some(m) = &values.moments else { continue };
        table.push([
            values.domain.clone(),
            thousands(m.n),
            number(m.mean, 3),
            number(m.median, 3),
            or_none(m.variance, 3),
            format!("{} – {}", number(m.lower_quartile, 2), number(m.upper_quartile, 2)),
            format!("{} – {}", number(m.min, 2), number(m.max, 2)),
            thousands(values.distinct),
        ]);
        if values.distinct > 1 {
            cards.push(value_figure(palette.place(d), values).html(&format!("f-value{d}")));
        }
    }
    let lead = if table.rows.is_empty() {
        why_none("values", all)
    } else if cards.is_empty() {
        "Has none: every event has the same value, as in a log of plain events."
    } else {
        "Stars, plays or whatever the log says, as training sees them. Variance is taken with n − 1."
    };
    if !table.rows.is_empty() {
        // Whatever the pictures leave of a row.
        let (table, wide) = match cards.len() {
            1 => (table, Wide::Two),
            2 => (table.turned(), Wide::One),
            _ => (table, Wide::Whole),
        };
        cards.push(table_card("Mean, median, variance", "Of the values of all events.", &table, wide));
    }
    Section { id: "values", title: "Values", lead: lead.into(), cards }
}

/// The values of a bin.
fn named(bin: &Bin) -> String {
    if bin.low == bin.high { number(bin.low, 3) } else { format!("{} – {}", number(bin.low, 3), number(bin.high, 3)) }
}

fn value_figure(place: usize, values: &Values) -> Figure {
    let frame = Frame { top: 42.0, ..Frame::axes(COLUMN, 240.0) };
    let bins = &values.bins;
    let (low, high) = (bins.first().map_or(0.0, |bin| bin.low), bins.last().map_or(1.0, |bin| bin.high));
    // Distinct values stand in the middle of bars half as wide as their smallest distance.
    let gaps = bins.windows(2).map(|two| two[1].low - two[0].low);
    let half = if values.scale == BinScale::Distinct { gaps.fold(f64::INFINITY, f64::min) / 2.0 } else { 0.0 };
    let scale = match values.scale {
        BinScale::Distinct => {
            let mut scale = Scale::exact((low - half, high + half), frame.horizontal(), 6);
            if bins.len() <= 11 {
                scale.ticks = bins.iter().map(|bin| bin.low).collect();
            }
            scale
        }
        BinScale::Linear => Scale::exact((low, high), frame.horizontal(), 6),
        BinScale::Logarithmic => Scale::logarithmic((low, high), frame.horizontal(), 6),
    };
    let mut table = Grid::new(&["value", "events"]);
    let columns: Vec<Column> = bins
        .iter()
        .map(|bin| {
            let name = named(bin);
            table.push([name.clone(), thousands(bin.events)]);
            let tip = format!("{name}: {} events", thousands(bin.events));
            Column { low: bin.low - half, high: bin.high + half, value: bin.events as f64, tip }
        })
        .collect();
    let mut says = String::new();
    let mut marks = Vec::new();
    if let Some(m) = &values.moments {
        marks = vec![
            (m.mean, format!("mean {}", number(m.mean, 2))),
            (m.median, format!("median {}", number(m.median, 2))),
        ];
        marks.retain(|(at, _)| (low - half..=high + half).contains(at));
        marks.sort_by(|a, b| a.0.total_cmp(&b.0));
        let spread = m.variance.map(|v| format!(", variance {}", number(v, 2))).unwrap_or_default();
        says = format!(
            "Mean {}, median {}{spread} over {} events.",
            number(m.mean, 2),
            number(m.median, 2),
            thousands(m.n)
        );
    }
    for far in &values.far {
        let name = named(far);
        table.push([name.clone(), thousands(far.events)]);
        let (events, are) = if far.events == 1 { ("event", "it is") } else { ("events", "they are") };
        let n = thousands(far.events);
        let _ = write!(says, " Not in the picture, for {are} far from all others: {n} {events} of {name}.");
    }
    let name = if values.scale == BinScale::Logarithmic { "value, logarithmic" } else { "value" };
    let picture = histogram(&columns, (&scale, name), &marks, (place, frame));
    Figure { title: format!("Values of {}", values.domain), says, pictures: vec![picture], key: Vec::new(), table }
}

/// One side of the long tail: users or items.
type Side = fn(&LongTail) -> Option<&Spread>;

pub(super) fn spread(all: &Statistics) -> Section {
    let (activity, popularity): (Side, Side) = (|tail| tail.activity.as_ref(), |tail| tail.popularity.as_ref());
    let mut table = Grid::new(&["domain", "of", "n", "mean", "median", "most", "Gini", "tail", "head"]);
    for tail in &all.long_tail {
        for (of, spread) in [("users", &tail.activity), ("items", &tail.popularity)] {
            if let Some(spread) = spread {
                table.push([
                    tail.domain.clone(),
                    of.into(),
                    thousands(spread.moments.n),
                    number(spread.moments.mean, 1),
                    number(spread.moments.median, 1),
                    number(spread.moments.max, 0),
                    number(spread.gini, 3),
                    percent(100.0 * spread.tail_share),
                    percent(100.0 * spread.head_size),
                ]);
            }
        }
    }
    if table.rows.is_empty() {
        return Section { id: "spread", title: "Long tail", lead: why_none("activity", all).into(), cards: Vec::new() };
    }
    let cards = vec![
        at_least(all, activity).html("f-activity"),
        ranks(all, popularity).html("f-popularity"),
        lorenz(all, popularity).html("f-lorenz"),
        table_card(
            "Activity and popularity in numbers",
            "Tail: share of events of the 80 % with the fewest. Head: the fewest that make 80 % of events. Gini: 0 where all are \
             alike, towards 1 where one has everything.",
            &table,
            Wide::Whole,
        ),
    ];
    Section {
        id: "spread",
        title: "Long tail",
        lead: "How unevenly events are spread over users (activity) and items (popularity).".into(),
        cards,
    }
}

fn curves(all: &Statistics, side: Side, points: fn(&Spread) -> Vec<(f64, f64)>) -> Vec<Curve> {
    let palette = Palette::of(all);
    let curve = |(domain, tail): (usize, &LongTail)| {
        Some(Curve { place: palette.place(domain), name: tail.domain.clone(), points: points(side(tail)?) })
    };
    all.long_tail.iter().enumerate().filter_map(curve).collect()
}

fn range(curves: &[Curve], of: fn(&(f64, f64)) -> f64) -> (f64, f64) {
    let numbers = || curves.iter().flat_map(|curve| &curve.points).map(of);
    (numbers().fold(f64::INFINITY, f64::min), numbers().fold(0.0, f64::max))
}

fn at_least(all: &Statistics, side: Side) -> Figure {
    let palette = Palette::of(all);
    let curves = curves(all, side, |spread| spread.at_least.iter().map(|&(n, share)| (n as f64, share)).collect());
    let frame = Frame::axes(COLUMN, 250.0);
    let x = Scale::logarithmic(range(&curves, |point| point.0), frame.horizontal(), 6);
    let y = Scale::logarithmic((range(&curves, |point| point.1).0.min(0.1), 1.0), frame.vertical(), 6);
    let mut table = Grid::new(&["domain", "events", "share of users with at least as many"]);
    for curve in &curves {
        for (n, share) in thinned(&curve.points) {
            table.push([curve.name.clone(), number(n, 0), percent(100.0 * share)]);
        }
    }
    let medians: Vec<String> = all
        .long_tail
        .iter()
        .filter_map(|tail| Some(format!("{} ({})", number(side(tail)?.moments.median, 1), tail.domain)))
        .collect();
    let lines = Lines {
        curves: &curves,
        x: "events of a user",
        y: "share of users with at least as many",
        point: &|n, share| format!("{} of users have {} events or more", percent(100.0 * share), number(n, 0)),
        diagonal: false,
        moment: None,
    };
    Figure {
        title: "Activity".into(),
        says: format!("Half of the users have at most so many events: {}.{}", listed(&medians), palette.says()),
        pictures: vec![lines.draw(frame, (&x, &y), None)],
        key: palette.key(),
        table,
    }
}

fn ranks(all: &Statistics, side: Side) -> Figure {
    let palette = Palette::of(all);
    let curves = curves(all, side, |spread| spread.ranks.iter().map(|&(rank, n)| (rank as f64, n as f64)).collect());
    let frame = Frame::axes(COLUMN, 250.0);
    let x = Scale::logarithmic((1.0, range(&curves, |point| point.0).1), frame.horizontal(), 6);
    let y = Scale::logarithmic(range(&curves, |point| point.1), frame.vertical(), 6);
    let mut table = Grid::new(&["domain", "rank", "events"]);
    for curve in &curves {
        for (rank, n) in thinned(&curve.points) {
            table.push([curve.name.clone(), number(rank, 0), number(n, 0)]);
        }
    }
    let heads: Vec<String> = all
        .long_tail
        .iter()
        .filter_map(|tail| Some(format!("{} of the items of {}", percent(100.0 * side(tail)?.head_size), tail.domain)))
        .collect();
    let lines = Lines {
        curves: &curves,
        x: "rank of an item",
        y: "events",
        point: &|rank, n| format!("rank {}: {} events", number(rank, 0), number(n, 0)),
        diagonal: false,
        moment: None,
    };
    Figure {
        title: "Popularity".into(),
        says: format!("80 % of events fall on {}.{}", listed(&heads), palette.says()),
        pictures: vec![lines.draw(frame, (&x, &y), None)],
        key: palette.key(),
        table,
    }
}

fn lorenz(all: &Statistics, side: Side) -> Figure {
    let palette = Palette::of(all);
    let curves = curves(all, side, |spread| spread.lorenz.clone());
    let frame = Frame::axes(COLUMN, 250.0);
    let x = Scale::linear((0.0, 1.0), frame.horizontal(), 5);
    let y = Scale::linear((0.0, 1.0), frame.vertical(), 5);
    let mut table = Grid::new(&["domain", "least popular items", "their share of events"]);
    for curve in &curves {
        for (items, share) in thinned(&curve.points) {
            table.push([curve.name.clone(), percent(100.0 * items), percent(100.0 * share)]);
        }
    }
    let ginis: Vec<String> = all
        .long_tail
        .iter()
        .filter_map(|tail| Some(format!("{} ({})", number(side(tail)?.gini, 2), tail.domain)))
        .collect();
    let lines = Lines {
        curves: &curves,
        x: "share of items, least popular first",
        y: "share of events",
        point: &|items, share| {
            format!("the least popular {} of items have {} of events", percent(100.0 * items), percent(100.0 * share))
        },
        diagonal: true,
        moment: None,
    };
    Figure {
        title: "Concentration".into(),
        says: format!(
            "Lorenz curve of popularity; on the dotted line all items are alike. Gini {}.{}",
            listed(&ginis),
            palette.says()
        ),
        pictures: vec![lines.draw(frame, (&x, &y), None)],
        key: palette.key(),
        table,
    }
}

/// About twenty points, for a table; the last is kept.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let every = points.len().div_ceil(20).max(1);
    let mut kept: Vec<(f64, f64)> = points.iter().copied().step_by(every).collect();
    if let (Some(&last), true) = (points.last(), points.len() % every != 1 && every > 1) {
        kept.push(last);
    }
    kept
}
