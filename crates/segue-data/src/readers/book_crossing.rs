//! Book-Crossing: `BX-Book-Ratings.csv` and `BX-Books.csv`, separated by `;`, quoted, backslash before a quote,
//! Latin-1; later copies have commas, UTF-8, or the columns `Rating` and `Title`. A rating of 0 is none: the reader has the book and did not rate it.
//!
//! Ziegler et al., *Improving Recommendation Lists Through Topic Diversification*, WWW 2005.

use super::format::Layout;
use super::items::{Shelf, decoded};
use super::log::RawLog;
use super::open::Input;
use super::rows::{Rows, Style, cell_of};
use super::session::{Reason, Session, parse_value};
use crate::DataError;

/// The layout of a header: its delimiter and what the file holds.
fn header(line: &str) -> Option<(u8, bool)> {
    let plain = line.to_lowercase().replace('"', "");
    [b';', b','].into_iter().find_map(|delimiter| {
        let mut cells = plain.split(char::from(delimiter)).map(str::trim);
        match (cells.next(), cells.next(), cells.next()) {
            (Some("user-id"), Some("isbn"), Some("book-rating" | "rating")) => Some((delimiter, true)),
            (Some("isbn"), Some("book-title" | "title"), Some(_)) => Some((delimiter, false)),
            _ => None,
        }
    })
}

/// True if a header is that of the ratings.
pub(super) fn is_ratings(line: &str) -> bool {
    header(line).is_some_and(|(_, ratings)| ratings)
}

/// True if a header is that of the books.
pub(super) fn is_books(line: &str) -> bool {
    header(line).is_some_and(|(_, ratings)| !ratings)
}

pub(super) fn read(
    input: Input,
    session: &mut Session<'_>,
    log: &mut RawLog,
    layout: &Layout,
) -> Result<(), DataError> {
    each_record(input, session, |cell| {
        log.push(cell(0)?.trim(), cell(1)?.trim(), layout.rated(parse_value(&cell(2)?)?), None);
        Ok(())
    })
}

/// Titles; the data tell no categories.
pub(super) fn read_items(input: Input, session: &mut Session<'_>, shelf: &mut Shelf<'_>) -> Result<(), DataError> {
    each_record(input, session, |cell| {
        shelf.put(cell(0)?.trim(), &cell(1)?.replace("&amp;", "&"), std::iter::empty());
        Ok(())
    })
}

type Cells<'a> = &'a dyn Fn(usize) -> Result<String, Reason>;

fn each_record(
    mut input: Input,
    session: &mut Session<'_>,
    mut take: impl FnMut(Cells<'_>) -> Result<(), Reason>,
) -> Result<(), DataError> {
    let first = decoded(input.first_line()?).into_owned();
    let Some((delimiter, _)) = header(&first) else {
        let what = "does not begin with User-ID, ISBN, Book-Rating or ISBN, Book-Title; name another `format`".into();
        return Err(DataError::Format { path: input.path().into(), what });
    };
    let escape = (delimiter == b';').then_some(b'\\');
    let rows = Rows::new(input, Style { delimiter, quotes: true, escape })?;
    rows.each(true, session, |record| take(&|at| cell_of(record, at).map(|cell| decoded(cell).into_owned())))
}
