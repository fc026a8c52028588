//! The sections of a page of results that are tables.

use super::super::assemble::Section;
use super::super::figure::{Grid, Wide, table_card};
use super::super::text::escape;
use super::{Part, Results, Row, decimals, of_question, questions};
use crate::numbers::thousands;

/// Rows or columns of a table that is not folded.
const UNFOLDED: usize = 12;

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

pub(super) fn genres(all: &Results) -> Section {
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

pub(super) fn retrieved(all: &Results) -> Section {
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

pub(super) fn everything(all: &Results) -> Section {
    let (header, rows) = &all.table;
    if rows.is_empty() {
        return Section { id: "table", title: "Table", lead: "Has none: there is no row.".into(), cards: Vec::new() };
    }
    let table = Grid { header: header.clone(), rows: rows.clone() };
    let card = folded_card("Every row", "As printed by the command.", &table);
    let lead = "What the command prints. The protocols of the rows are on top of this page.".into();
    Section { id: "table", title: "Table", lead, cards: vec![card] }
}
