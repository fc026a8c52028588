//! CSV, and the atomic files of `RecBole`, which are tab-separated, unquoted, and say the type of every column.

use std::io::{self, Write};

use segue_core::{Catalogue, DomainId};

use super::rows::{Rows, seconds};

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Csv,
    Recbole,
}

impl Style {
    fn header(self, names: &[(&str, &str)]) -> Vec<String> {
        let name = |&(name, kind): &(&str, &str)| match self {
            Self::Csv => name.trim_end_matches("_id").to_owned(),
            Self::Recbole => format!("{name}:{kind}"),
        };
        names.iter().map(name).collect()
    }

    fn writer<W: Write>(self, out: W) -> csv::Writer<W> {
        let mut builder = csv::WriterBuilder::new();
        match self {
            Self::Csv => builder.from_writer(out),
            Self::Recbole => builder.delimiter(b'\t').quote_style(csv::QuoteStyle::Never).from_writer(out),
        }
    }
}

/// Events: user, item, rating and, where there are times, timestamp in unix seconds, with a fraction where that keeps the
/// order.
pub(super) fn events(out: &mut dyn Write, style: Style, rows: &Rows<'_>) -> io::Result<()> {
    let mut table = style.writer(out);
    let columns = [("user_id", "token"), ("item_id", "token"), ("rating", "float"), ("timestamp", "float")];
    table.write_record(style.header(if rows.timed() { &columns } else { &columns[..3] }))?;
    for timed in rows.events() {
        let (event, _) = timed;
        let (user, item) = (rows.user(event.user), rows.item(event.item));
        check(style, &user)?;
        check(style, &item)?;
        table.write_field(&*user)?;
        table.write_field(&*item)?;
        table.write_field(event.value.to_string())?;
        if event.time.is_some() {
            table.write_field(seconds(&timed).to_string())?;
        }
        table.write_record(None::<&[u8]>)?;
    }
    table.flush()
}

/// Items: id, title, categories (joined by `|`; by spaces, or as a quoted list, in atomic files). How many titles and lists of
/// categories have a space where the format has no place for what they have.
pub(super) fn items(
    out: &mut dyn Write,
    style: Style,
    (catalogue, domain): (&Catalogue, DomainId),
    name: &dyn Fn(u32) -> String,
) -> io::Result<u64> {
    let (mut table, mut spaced) = (style.writer(out), 0);
    table.write_record(style.header(&[("item_id", "token"), ("title", "token"), ("categories", "token_seq")]))?;
    for item in catalogue.range(domain) {
        let info = catalogue.info(item);
        let id = name(item);
        check(style, &id)?;
        let title = info.title.as_deref().unwrap_or_default();
        match style {
            Style::Csv => table.write_record([&id, title, &info.categories.join("|")])?,
            // A title is no key: what the format cannot hold becomes a space.
            Style::Recbole => {
                let categories = words(&info.categories);
                let held = [title, &categories].map(|text| text.replace(CONTROLS, " "));
                spaced += u64::from(held[0] != title) + u64::from(held[1] != categories);
                table.write_record([&id, &held[0], &held[1]])?;
            }
        }
    }
    table.flush()?;
    Ok(spaced)
}

fn words(categories: &[String]) -> String {
    if categories.iter().any(|category| category.contains(char::is_whitespace)) {
        format!("'{}'", categories.join("', '"))
    } else {
        categories.join(" ")
    }
}

/// What atomic files cannot hold.
const CONTROLS: [char; 3] = ['\t', '\n', '\r'];

/// Refuses an id that the file cannot hold.
fn check(style: Style, id: &str) -> io::Result<()> {
    // It would read as rows that a quote left open took along.
    if style == Style::Csv && id.contains('\n') && id.contains(',') {
        return Err(unfit(id, "a line end and a comma, which tables cannot hold", "parquet"));
    }
    if style == Style::Recbole && id.contains(CONTROLS) {
        return Err(unfit(id, "a tab or a line end, which atomic files cannot hold", "csv"));
    }
    Ok(())
}

/// The system's own error where the writer of tables wrapped it: its kind tells the way out.
pub(super) fn of_system(error: io::Error) -> io::Error {
    match error.downcast::<csv::Error>().map(csv::Error::into_kind) {
        Ok(csv::ErrorKind::Io(own)) => own,
        Ok(other) => io::Error::other(format!("{other:?}")),
        Err(other) => other,
    }
}

/// An id that a format cannot hold.
pub(super) fn unfit(id: &str, what: &str, instead: &str) -> io::Error {
    let text = format!("the id {id:?} has {what}; write --format {instead}, or --ids dense");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk without room.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_as_the_system_does() {
        let mut table = Style::Csv.writer(Full);
        let error = (0..).find_map(|_| table.write_record(["user", "item"]).map_err(io::Error::from).err()).unwrap();
        assert_eq!(of_system(error).kind(), io::ErrorKind::StorageFull);
        std::mem::forget(table);
    }
}
