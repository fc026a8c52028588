//! Who is in several domains, and what they carry across.

use super::assemble::Section;
use super::dots::{Dot, dots};
use super::figure::{Figure, Grid, Wide, table_card};
use super::matrix::{Matrix, Members, upset};
use super::palette::Palette;
use super::scale::Scale;
use super::text::short;
use crate::describe::Statistics;
use crate::numbers::{number, percent, thousands};
use crate::sections::why_none;
use crate::statistics::association::Correlation;
use crate::statistics::correlation::CrossDomain;
use crate::statistics::overlap::PairOverlap;

/// Combinations drawn.
const COMBINATIONS: usize = 12;
/// Pairs of domains drawn, those with the most common users.
const PAIRS: usize = 12;
/// Shared genres drawn for a pair.
const GENRES: usize = 8;

pub(super) fn overlap(all: &Statistics) -> Section {
    let lead = if all.domains.len() < 2 {
        why_none("overlap", all).into()
    } else {
        format!(
            "{} of {} users are met in two or more domains.",
            thousands(all.overlap.users_in_several),
            thousands(all.overlap.users)
        )
    };
    let cards = if all.overlap.pairs.is_empty() { Vec::new() } else { overlap_cards(all) };
    Section { id: "overlap", title: "Overlap", lead, cards }
}

fn overlap_cards(all: &Statistics) -> Vec<String> {
    let names = &all.domains;
    let or_none = |p: Option<f64>| p.map_or_else(|| "–".into(), percent);
    let mut table = Grid::new(&[
        "first",
        "second",
        "users of first",
        "users of second",
        "users of both",
        "of first",
        "of second",
        "events of first",
        "events of second",
    ]);
    for pair in &all.overlap.pairs {
        table.push([
            pair.first.clone(),
            pair.second.clone(),
            thousands(pair.users_of_first),
            thousands(pair.users_of_second),
            thousands(pair.users),
            or_none(pair.percent_of_first),
            or_none(pair.percent_of_second),
            or_none(pair.events_percent_of_first),
            or_none(pair.events_percent_of_second),
        ]);
    }
    let users = shares(
        all,
        "Of the users of one, how many are in the other?",
        "Each row: the share of its users who are met in the column, too.",
        |pair| [pair.percent_of_first, pair.percent_of_second],
    );
    let events = shares(
        all,
        "Of the events of one, how many are by users of the other?",
        "Each row: the share of its events by users who are met in the column, too.",
        |pair| [pair.events_percent_of_first, pair.events_percent_of_second],
    );
    let shown = &all.overlap.combinations[..all.overlap.combinations.len().min(COMBINATIONS)];
    let members: Vec<Members> = shown
        .iter()
        .map(|set| Members {
            of: (0..names.len()).filter(|&n| set.domains.contains(&names[n])).collect(),
            count: set.users as f64,
            text: short(set.users as f64),
        })
        .collect();
    let mut sets = Grid::new(&["exactly in", "users"]);
    for set in &all.overlap.combinations[..all.overlap.combinations.len().min(50)] {
        sets.push([set.domains.join(" + "), thousands(set.users)]);
    }
    let palette = Palette::of(all);
    let upset = Figure {
        title: "Users by exactly where they are met".into(),
        says: match shown.first() {
            Some(first) => format!(
                "Most often: {}, {} users. Every user counts once.",
                first.domains.join(" + "),
                thousands(first.users)
            ),
            None => "There is no user.".into(),
        },
        pictures: vec![upset(names, &|n| palette.colour(n), &members)],
        key: Vec::new(),
        table: sets,
    };
    let pairs = table_card(
        "Every pair of domains",
        "Users met in both, in percent of each; and the share of events that they made.",
        &table,
        Wide::Whole,
    );
    vec![users.html("f-overlap"), events.html("f-events"), upset.html("f-sets"), pairs]
}

/// Every domain against every other, by a percentage of the first and of the second of a pair.
fn shares(all: &Statistics, title: &str, says: &str, percents: fn(&PairOverlap) -> [Option<f64>; 2]) -> Figure {
    let names = &all.domains;
    let of = |r: usize, c: usize| -> Option<f64> {
        if r == c {
            return Some(100.0);
        }
        let is = |pair: &&PairOverlap, a: usize, b: usize| pair.first == names[a] && pair.second == names[b];
        let pairs = &all.overlap.pairs;
        match pairs.iter().find(|pair| is(pair, r, c)) {
            Some(pair) => percents(pair)[0],
            None => percents(pairs.iter().find(|pair| is(pair, c, r))?)[1],
        }
    };
    let or_none = |p: Option<f64>| p.map_or_else(|| "–".into(), percent);
    let matrix = Matrix {
        rows: names,
        columns: names,
        strength: &|r, c| of(r, c).map(|p| p / 100.0),
        text: &|r, c| of(r, c).map_or_else(|| "–".into(), |p| format!("{} %", number(p, 0))),
        tip: &|r, c| format!("{} of {}: by users who are in {}, too", or_none(of(r, c)), names[r], names[c]),
    };
    Figure {
        title: title.into(),
        says: says.into(),
        pictures: vec![matrix.draw()],
        key: Vec::new(),
        table: Grid::default(),
    }
}

pub(super) fn taste(all: &Statistics) -> Section {
    let mut pairs: Vec<(usize, &CrossDomain)> =
        all.correlation.iter().enumerate().filter(|(_, pair)| pair.users > 0).collect();
    pairs.sort_by_key(|(n, pair)| (std::cmp::Reverse(pair.users), *n));
    let left_out = pairs.len().saturating_sub(PAIRS);
    pairs.truncate(PAIRS);
    let mut lead = if all.domains.len() < 2 {
        why_none("taste", all).to_owned()
    } else if pairs.is_empty() {
        "Has none: nobody is in two domains.".to_owned()
    } else {
        "Over users met in both domains, with 95 % intervals: do they do as much, judge as kindly and like the same kinds of \
         things? ρ is Spearman's correlation, r Pearson's; 0 means that one domain says nothing of the other."
            .to_owned()
    };
    if left_out > 0 {
        lead = format!(
            "{lead} The {PAIRS} pairs with the most common users are drawn, {left_out} more are in the report."
        );
    }
    // Many pairs stand in a column each; the cards of one or two stand side by side.
    let in_columns = pairs.len() > 2;
    let cards = pairs.iter().enumerate().flat_map(|(k, (_, pair))| {
        let cards = pair_cards(k, pair);
        if in_columns { vec![format!("<div class=\"stack\">{}</div>", cards.concat())] } else { cards }
    });
    let cards = cards.collect();
    Section { id: "taste", title: "Taste across domains", lead, cards }
}

fn pair_cards(k: usize, pair: &CrossDomain) -> Vec<String> {
    let names = format!("{} and {}", pair.first, pair.second);
    let mut cards = vec![coefficients(pair, &names).html(&format!("f-taste{k}"))];
    if let Some(grid) = &pair.taste.grid {
        let found = grid.values.iter().flatten().flatten().map(|r| r.abs()).fold(0.0, f64::max);
        let of = |r: usize, c: usize| grid.values[r][c];
        let matrix = Matrix {
            rows: &grid.rows,
            columns: &grid.columns,
            // Full colour is the strongest correlation found, or 0.2 where that is weak.
            strength: &|r, c| of(r, c).map(|x| x / found.max(0.2)),
            text: &|r, c| of(r, c).map_or_else(|| "–".into(), |x| number(x, 2)),
            tip: &|r, c| {
                let r_text = of(r, c).map_or_else(|| "none".into(), |x| number(x, 3));
                format!("{} ({}) and {} ({}): r = {r_text}", grid.rows[r], pair.first, grid.columns[c], pair.second)
            },
        };
        let header = std::iter::once("genre".to_owned()).chain(grid.columns.iter().cloned()).collect();
        let mut table = Grid { header, rows: Vec::new() };
        for (name, row) in grid.rows.iter().zip(&grid.values) {
            let cells = row.iter().map(|r| r.map_or_else(|| "–".into(), |r| number(r, 2)));
            table.rows.push(std::iter::once(name.clone()).chain(cells).collect());
        }
        let figure = Figure {
            title: format!("Genres of {} against genres of {}", pair.first, pair.second),
            says: strongest(pair),
            pictures: vec![matrix.draw()],
            key: Vec::new(),
            table,
        };
        cards.push(figure.html(&format!("f-grid{k}")));
    }
    cards
}

/// The strongest positive correlation of a grid, in words.
fn strongest(pair: &CrossDomain) -> String {
    let Some(grid) = &pair.taste.grid else { return String::new() };
    let cells =
        grid.values.iter().enumerate().flat_map(|(r, row)| row.iter().enumerate().map(move |(c, x)| (r, c, *x)));
    let best = cells.filter_map(|(r, c, x)| Some((r, c, x?))).max_by(|a, b| a.2.total_cmp(&b.2).then(b.0.cmp(&a.0)));
    let users = thousands(pair.taste.users);
    match best {
        Some((r, c, x)) if x > 0.0 => format!(
            "Correlation of the shares of likes, over {users} users; rows are {}, columns {}. Strongest: {} and {}, r = {}.",
            pair.first,
            pair.second,
            grid.rows[r],
            grid.columns[c],
            number(x, 2)
        ),
        _ => format!("Correlation of the shares of likes, over {users} users; none is above 0."),
    }
}

fn coefficients(pair: &CrossDomain, names: &str) -> Figure {
    let mut rows = Vec::new();
    let mut table = Grid::new(&["of", "value", "95 % interval", "users"]);
    let mut add = |name: String, found: Option<Correlation>, class: &str| {
        let text = found.map_or_else(|| "none".into(), |c| number(c.value, 2));
        let interval = found.map_or_else(|| "–".into(), |c| format!("{} to {}", number(c.low, 3), number(c.high, 3)));
        table.push([
            name.clone(),
            found.map_or_else(|| "–".into(), |c| number(c.value, 3)),
            interval,
            found.map_or_else(|| "–".into(), |c| thousands(c.users)),
        ]);
        let interval = found.map(|c| (c.low, c.high));
        rows.push(Dot { name, value: found.map(|c| c.value), interval, text, class: class.into() });
    };
    add("activity, ρ".into(), pair.activity.spearman, "many");
    add("activity, r".into(), pair.activity.pearson, "many");
    add("mean value, ρ".into(), pair.mean_value.spearman, "many");
    add("mean value, r".into(), pair.mean_value.pearson, "many");
    let profiles = pair.taste.profiles.as_ref();
    if let Some(p) = profiles {
        let found = Correlation { value: p.difference, low: p.low, high: p.high, users: p.users };
        add("taste beyond chance".into(), Some(found), "pos");
    }
    for genre in pair.taste.shared.iter().take(GENRES) {
        add(genre.genre.clone(), genre.correlation, "pos");
    }
    let says = match profiles {
        Some(p) => format!(
            "{} users are in both; they share {} genres. Cosine of a user's own two profiles {}, of different users' {}: the \
             difference is taste beyond chance.",
            thousands(pair.users),
            thousands(pair.taste.n_shared),
            number(p.own, 2),
            number(p.others, 2)
        ),
        None if pair.taste.n_shared == 0 => {
            format!(
                "{} users are in both. The domains share no genre by name, so profiles cannot be compared.",
                thousands(pair.users)
            )
        }
        None => format!("{} users are in both, too few of them with likes of shared genres.", thousands(pair.users)),
    };
    let ends = rows.iter().filter_map(|row| row.interval);
    let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), end| (low.min(end.0), high.max(end.1)));
    let (low, high) = ((low * 1.1).max(-1.0), (high * 1.1).clamp(0.1, 1.0));
    Figure {
        title: format!("{names}: correlation"),
        says,
        pictures: vec![dots(
            &rows,
            &|places| Scale::exact((low, high), places, 4),
            "correlation over users",
            Some(0.0),
        )],
        key: Vec::new(),
        table,
    }
}
