//! What it is about, and when it happened.

use super::assemble::Section;
use super::bars::{Row, lying};
use super::figure::{COLUMN, Figure, Frame, Grid, Picture, Wide, table_card};
use super::lines::{Curve, Lines};
use super::overview::date;
use super::palette::Palette;
use super::scale::Scale;
use super::text::short;
use crate::describe::Statistics;
use crate::numbers::{number, percent, thousands};
use crate::sections::why_none;
use crate::statistics::genres::Genres;
use crate::statistics::most_met::MostMet;
use crate::statistics::over_time::Times;

/// Genres drawn per domain.
const DRAWN: usize = 12;
/// Genres in the table below.
const LISTED: usize = 50;

pub(super) fn genres(all: &Statistics) -> Section {
    let lead = if all.genres.iter().all(|genres| genres.listed.is_empty()) {
        why_none("genres", all)
    } else {
        "An item of several genres counts in each."
    };
    let several = all.domains.len() > 1;
    let palette = Palette::of(all);
    let of_domain = |(d, (genres, met)): (usize, (&Genres, &MostMet))| {
        let mut cards = String::new();
        if !genres.listed.is_empty() {
            cards += &genre_figure(palette.place(d), genres).html(&format!("f-genre{d}"));
        }
        if !met.items.is_empty() {
            let wide = if several || genres.listed.is_empty() { Wide::One } else { Wide::Two };
            cards += &most_met(met, wide);
        }
        // A column for each domain.
        if several && !cards.is_empty() { format!("<div class=\"stack\">{cards}</div>") } else { cards }
    };
    let cards =
        all.genres.iter().zip(&all.most_met).enumerate().map(of_domain).filter(|card| !card.is_empty()).collect();
    Section { id: "genres", title: "Genres and items", lead: lead.into(), cards }
}

fn most_met(met: &MostMet, wide: Wide) -> String {
    let mut table = Grid::new(&["item", "events", "share", "mean value"]);
    for item in &met.items {
        let share = item.percent_of_events.map_or_else(|| "–".into(), percent);
        table.push([item.title.clone(), thousands(item.events), share, number(item.mean_value, 2)]);
    }
    let title = format!("Most met in {}", met.domain);
    table_card(&title, "The items with the most events, in all parts.", &table, wide)
}

fn genre_figure(place: usize, genres: &Genres) -> Figure {
    let mut table = Grid::new(&["genre", "items", "events", "share of events", "liked", "mean value"]);
    let or_none = |p: Option<f64>| p.map_or_else(|| "–".into(), percent);
    for genre in genres.listed.iter().take(LISTED) {
        table.push([
            genre.name.clone(),
            thousands(genre.items),
            thousands(genre.events),
            or_none(genre.percent_of_events),
            or_none(genre.percent_liked),
            genre.mean_value.map_or_else(|| "–".into(), |mean| number(mean, 2)),
        ]);
    }
    let rows: Vec<Row> = genres
        .listed
        .iter()
        .take(DRAWN)
        .map(|genre| Row {
            name: genre.name.clone(),
            value: genre.events as f64,
            text: or_none(genre.percent_of_events),
            tip: format!("{}: {} events on {} items", genre.name, thousands(genre.events), thousands(genre.items)),
        })
        .collect();
    let of = percent(100.0 * genres.items_with_genre as f64 / genres.items.max(1) as f64);
    let each = genres.per_item.map(|n| format!(", {} each", short(n))).unwrap_or_default();
    Figure {
        title: format!("Genres of {}", genres.domain),
        says: format!("Share of events. {} genres{each}; {of} of the items have one.", thousands(genres.n_genres)),
        pictures: vec![lying(&rows, place)],
        key: Vec::new(),
        table,
    }
}

pub(super) fn over_time(all: &Statistics) -> Section {
    let time = &all.over_time;
    let (Times::Dates, Some(period)) = (time.times, &time.period) else {
        return Section { id: "time", title: "Over time", lead: why_none("over_time", all).into(), cards: Vec::new() };
    };
    let header: Vec<&str> =
        std::iter::once(period.as_str()).chain(time.domains.iter().map(String::as_str)).chain(["new users"]).collect();
    let mut table = Grid::new(&header);
    for at in &time.periods {
        let counts = at.events.iter().chain([&at.new_users]).map(|&n| thousands(n));
        table.rows.push(std::iter::once(at.name.clone()).chain(counts).collect());
    }
    let palette = Palette::of(all);
    let curve = |domain: usize| Curve {
        place: palette.place(domain),
        name: time.domains[domain].clone(),
        points: time.periods.iter().enumerate().map(|(n, at)| (n as f64, at.events[domain] as f64)).collect(),
    };
    let curves: Vec<Curve> = (0..time.domains.len()).map(curve).collect();
    let draw = |width: f64, height: f64, n_ticks: usize| -> Picture {
        let frame = Frame::axes(width, height);
        let last = (time.periods.len().saturating_sub(1)).max(1) as f64;
        let most = time.periods.iter().flat_map(|at| &at.events).max().copied().unwrap_or(0);
        let x = Scale::exact((0.0, last), frame.horizontal(), n_ticks);
        let y = Scale::linear((0.0, most as f64), frame.vertical(), 4);
        let every = time.periods.len().div_ceil(n_ticks).max(1);
        let ticks = time.periods.iter().enumerate().step_by(every);
        // A name that would leave the frame is left out.
        let fits = |(_, place): &(String, f64)| *place < frame.right - 8.0 || time.periods.len() <= n_ticks;
        let ticks: Vec<(String, f64)> = ticks.map(|(n, at)| (at.name.clone(), x.at(n as f64))).filter(fits).collect();
        let moment = time.first_test.and_then(|first| {
            let n = time.periods.partition_point(|at| at.start <= first).checked_sub(1)?;
            Some((n as f64, "first test event"))
        });
        let lines = Lines {
            curves: &curves,
            x: "",
            y: &format!("events per {period}"),
            point: &|n, events| {
                let name = time.periods.get(n as usize).map_or("", |at| at.name.as_str());
                format!("{name}, {} events", number(events, 0))
            },
            diagonal: false,
            moment,
        };
        lines.draw(frame, (&x, &y), Some(ticks))
    };
    let span = match (time.first, time.last) {
        (Some(first), Some(last)) => format!("From {} to {}, in UTC", date(first), date(last)),
        _ => "In UTC".into(),
    };
    let busiest = time.periods.iter().max_by_key(|at| at.events.iter().sum::<usize>());
    let busiest = busiest.map(|at| format!("; most in {}", at.name)).unwrap_or_default();
    let figure = Figure {
        title: format!("Events per {period}"),
        says: format!("{span}{busiest}.{}", palette.says()),
        pictures: vec![draw(1080.0, 280.0, 12), draw(COLUMN, 230.0, 4)],
        key: palette.key(),
        table,
    };
    Section {
        id: "time",
        title: "Over time",
        lead: "The dotted line is the earliest test event: a model that is asked there, and trained on what is right of it, \
               has seen the future of others."
            .into(),
        cards: vec![figure.html("f-time")],
    }
}
