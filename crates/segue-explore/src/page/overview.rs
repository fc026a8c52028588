//! The head of the page: what it is about, in six numbers, and what to know first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::text::escape;
use crate::describe::Statistics;
use crate::findings::{Finding, Level};
use crate::numbers::{number, percent, thousands};
use crate::statistics::over_time::Times;

pub(super) fn header(all: &Statistics) -> String {
    let name = escape(&all.name);
    let domains = match all.domains.as_slice() {
        [] => String::new(),
        [one] => escape(one),
        [first @ .., last] => format!("{} and {}", escape(&first.join(", ")), escape(last)),
    };
    let mut out = format!(
        "<header><p class=\"kicker\">What is in the data</p><h1>{name}</h1><p class=\"sub\">{domains}</p><dl class=\"tiles\">"
    );
    for (what, number, more) in tiles(all) {
        let (what, number, more) = (escape(what), escape(&number), escape(&more));
        let _ = write!(out, "<div><dt>{what}</dt><dd><b>{number}</b><span>{more}</span></dd></div>");
    }
    out.push_str("</dl></header>");
    out
}

/// Name, number, and what puts it into proportion.
fn tiles(all: &Statistics) -> Vec<(&'static str, String, String)> {
    let Some(whole) = all.sizes.domains.last() else { return Vec::new() };
    let mean =
        |per: Option<f64>, what: &str| per.map(|n| format!("{} events {what}", number(n, 1))).unwrap_or_default();
    let mut tiles = vec![
        ("users", thousands(whole.users), mean(whole.per_user, "each")),
        ("items", thousands(whole.items), mean(whole.per_item, "each")),
        ("interactions", thousands(whole.interactions), likes(whole.likes, whole.interactions)),
    ];
    if let Some(sparsity) = whole.sparsity {
        tiles.push(("sparsity", percent(100.0 * sparsity), "of pairs never met".into()));
    }
    if all.domains.len() > 1 && all.overlap.users > 0 {
        let share = 100.0 * all.overlap.users_in_several as f64 / all.overlap.users as f64;
        tiles.push((
            "in several domains",
            percent(share),
            format!("{} users", thousands(all.overlap.users_in_several)),
        ));
    }
    if let (Times::Dates, Some(first), Some(last)) = (all.over_time.times, all.over_time.first, all.over_time.last) {
        tiles.push(("from", date(first), format!("to {}", date(last))));
    }
    tiles
}

fn likes(likes: usize, of: usize) -> String {
    if of == 0 { String::new() } else { format!("{} are likes", percent(100.0 * likes as f64 / of as f64)) }
}

/// The day of a moment in UTC.
pub(super) fn date(seconds: i64) -> String {
    let (year, month, day) = segue_core::date_of_day(seconds.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

pub(super) fn findings(all: &Statistics) -> String {
    let mut out = String::from(
        "<section id=\"findings\" aria-labelledby=\"findings-title\"><h2 id=\"findings-title\">What to know first</h2>",
    );
    if all.findings.is_empty() {
        out.push_str("<p class=\"lead\">Nothing stands out.</p></section>");
        return out;
    }
    out.push_str("<ul class=\"findings\">");
    let (warnings, notes): (Vec<_>, Vec<_>) = all.findings.iter().partition(|finding| finding.level == Level::Warning);
    let places: BTreeSet<&str> = notes.iter().map(|finding| place_of(&finding.section)).collect();
    let mut told = BTreeMap::new();
    for finding in warnings {
        out += &item("warning", "Warning", &link(finding));
    }
    for finding in &notes {
        let n: &mut usize = told.entry(place_of(&finding.section)).or_default();
        *n += 1;
        if *n <= SHOWN {
            out += &item("note", "Note", &link(finding));
        }
    }
    for place in places {
        let of_place = notes.iter().filter(|finding| place_of(&finding.section) == place);
        let more: Vec<String> =
            of_place.skip(SHOWN).map(|finding| format!("<p>{}</p>", escape(&finding.text))).collect();
        if !more.is_empty() {
            let about = name_of(place).trim_start_matches("see ");
            let summary = format!("{} more about {about}", more.len());
            out += &item("note", "Note", &format!("<details><summary>{summary}</summary>{}</details>", more.concat()));
        }
    }
    out.push_str("</ul></section>");
    out
}

/// Notes that lead to one place and are shown; the others are folded, for each of many questions has its own.
const SHOWN: usize = 3;

fn item(class: &str, word: &str, html: &str) -> String {
    format!("<li class=\"{class}\"><b>{word}</b><span>{html}</span></li>")
}

fn link(finding: &Finding) -> String {
    let to = place_of(&finding.section);
    format!("{} <a href=\"#{to}\">{}</a>", escape(&finding.text), name_of(to))
}

/// Where on the page a section of the report is.
fn place_of(section: &str) -> &'static str {
    match section {
        "values" => "values",
        "activity" | "popularity" => "spread",
        "genres" => "genres",
        "over_time" => "time",
        "overlap" | "combinations" => "overlap",
        "taste" => "taste",
        "leaked_pairs" | "late_events" | "cold" => "leakage",
        "duplicates" | "preparation" => "preparation",
        "parts" => "parts",
        _ => "sizes",
    }
}

fn name_of(place: &str) -> &'static str {
    match place {
        "values" => "see values",
        "spread" => "see the long tail",
        "genres" => "see genres",
        "time" => "see events over time",
        "overlap" => "see the overlap",
        "taste" => "see taste across domains",
        "leakage" => "see leakage",
        "preparation" => "see preparation",
        "parts" => "see the split",
        _ => "see sizes",
    }
}

#[cfg(test)]
mod tests {
    use segue_core::OpenedTests;

    use super::*;
    use crate::describe::describe;
    use crate::statistics::example;

    #[test]
    fn notes_of_one_place_are_folded_beyond_three_and_warnings_never() {
        let mut all = describe(&example::prepared(), "x", &example::report(), &mut OpenedTests::default());
        let finding = |n: u32| {
            let level = if n < 5 { Level::Warning } else { Level::Note };
            Finding { level, section: "cold".into(), text: format!("number {n}.") }
        };
        all.findings = (0..12).map(finding).collect();
        let html = findings(&all);
        let count = |class: &str| html.matches(&format!("<li class=\"{class}\">")).count();
        assert_eq!((count("warning"), count("note")), (5, 4));
        let (shown, folded) = html.split_once("<details><summary>4 more about leakage</summary>").unwrap();
        assert!(shown.contains("number 7.") && !shown.contains("number 8.") && folded.contains("number 11."));
    }
}
