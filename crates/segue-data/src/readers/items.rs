//! Item metadata: titles and categories of `MovieLens`, Amazon and any table with the usual column names.

use std::path::Path;

use segue_core::{IdMap, ItemInfo};
use serde_json::Value;

use super::columns::is_usual_item;
use super::open::Input;
use super::rows::cell_of;
use super::session::{Reason, Session};
use super::{amazon, book_crossing, goodreads, gorse, lastfm, recbole, table};
use crate::DataError;

/// Genres of `MovieLens` 100k in the order of `u.genre`, for a `u.item` without that file beside it.
const GENRES_100K: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

/// Reads what the file knows of `items`, by dense position; of several records of one item the first with a title gives
/// the title, the first with categories these.
///
/// Recognised: `u.item` (`|`, Latin-1, genre flags), `movies.dat` (`::`, Latin-1), `movies.csv`, Amazon metadata as
/// JSON (2018, 2023) or Python literals (2014), books and genres of Goodreads, items of gorse, `BX-Books.csv`, the logs
/// of Last.fm 360K and 1K, attributes as one JSON object `{item: [attribute, ...]}` (`S3-Rec`), given tags, and tables
/// whose header names item, title and categories (joined by `|`; in atomic files of `RecBole` by spaces). `column` is what the log
/// calls the item, where it has a name of its own; `tags` how many of an item's tags and shelves become categories, `None` for
/// all.
pub fn read_items(
    path: &Path,
    (items, column, tags): (&IdMap, Option<&str>, Option<usize>),
    session: &mut Session<'_>,
    infos: &mut [Option<ItemInfo>],
) -> Result<(), DataError> {
    let mut input = Input::open(path)?;
    let first = input.first_line()?;
    if first.starts_with(b"PAR1") {
        let what = "is Parquet; titles and categories are read from text: write them as CSV or JSON lines";
        return Err(DataError::Format { path: path.into(), what: what.into() });
    }
    let mut shelf = Shelf { items, infos, other_titles: 0, tags: tags.unwrap_or(usize::MAX), left_out: 0 };
    let read = if is_attributes(first) {
        session.each_line(input, |line| attributes(line, &mut shelf))
    } else if first.trim_ascii_start().starts_with(b"{") {
        let text = decoded(first);
        let take = if goodreads::is_book(&text) {
            goodreads::item
        } else if gorse::is_one(&text) {
            gorse::item
        } else {
            amazon::item
        };
        session.each_line(input, |line| take(line, &mut shelf))
    } else if book_crossing::is_books(&decoded(first)) {
        book_crossing::read_items(input, session, &mut shelf)
    } else if lastfm::is_one(&decoded(first)) {
        session.each_line(input, |line| lastfm::item(line, &mut shelf))
    } else if first.windows(2).any(|w| w == b"::") {
        each_latin1_line(input, session, |line| movies_dat(line, &mut shelf))
    } else if first.split(|&b| b == b'|').count() > 20 {
        let genres = genres_beside(path)?;
        each_latin1_line(input, session, |line| u_item(line, &genres, &mut shelf))
    } else if super::tags::is_one(&decoded(first)) {
        super::tags::read(input, session, &mut shelf)
    } else {
        named_table(input, column, session, &mut shelf)
    };
    read?;
    if shelf.other_titles > 0 {
        let n = shelf.other_titles;
        session.note(format!("{n} records give an item another title than an earlier one, which stands"));
    }
    if shelf.left_out > 0 {
        let (n, most) = (shelf.left_out, shelf.tags);
        session.note(format!(
            "{n} tags are left out, for their items have {most} that were given more often (of equals the first by name); \
             `prepare.features.tags` says how many stay, null: all"
        ));
    }
    Ok(())
}

/// What is known of the items so far, by dense position.
pub(super) struct Shelf<'a> {
    items: &'a IdMap,
    infos: &'a mut [Option<ItemInfo>],
    /// Records with another title than the item has.
    other_titles: u64,
    /// Tags of an item that become categories, at most.
    tags: usize,
    /// Tags beyond.
    left_out: u64,
}

impl Shelf<'_> {
    /// The position of an item, if it is one of those asked for.
    pub(super) fn find(&self, item: &str) -> Option<u32> {
        self.items.find(item)
    }

    /// How many of an item's `n` tags become categories.
    pub(super) fn most(&mut self, n: usize) -> usize {
        let most = n.min(self.tags);
        self.left_out += (n - most) as u64;
        most
    }

    /// Fills in what is not known yet.
    pub(super) fn put(&mut self, item: &str, title: &str, categories: impl Iterator<Item = String>) {
        if let Some(position) = self.find(item) {
            self.put_at(position, title, categories);
        }
    }

    /// [`Shelf::put`] by position.
    pub(super) fn put_at(&mut self, position: u32, title: &str, categories: impl Iterator<Item = String>) {
        let info = self.infos[position as usize].get_or_insert_default();
        let title = plain(title);
        match &info.title {
            _ if title.is_empty() => {}
            None => info.title = Some(title.into_owned()),
            Some(known) => self.other_titles += u64::from(*known != title),
        }
        if !info.categories.is_empty() {
            return;
        }
        for category in categories {
            let category = plain(&category);
            if !category.is_empty() && !is_markup(&category) && !info.categories.iter().any(|known| *known == category)
            {
                info.categories.push(category.into_owned());
            }
        }
    }
}

/// Text whose HTML entities are read, without blanks at its ends.
fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    const ENTITIES: [(&str, &str); 8] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", " "),
        // Last, so that nothing is read twice.
        ("&amp;", "&"),
    ];
    let text = text.trim();
    if !text.contains('&') {
        return text.into();
    }
    let mut plain = text.to_owned();
    for (entity, means) in ENTITIES {
        if plain.contains(entity) {
            plain = plain.replace(entity, means);
        }
    }
    plain.trim().to_owned().into()
}

/// Whether a name is nothing but ends of elements, as in `</span></span>`: what was left where a page was cut.
fn is_markup(name: &str) -> bool {
    name.starts_with("</") && name.split_inclusive('>').all(|tag| tag.starts_with("</") && tag.ends_with('>'))
}

/// UTF-8 text, or else Latin-1: old exports do not say which they are.
pub(super) fn decoded(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => latin1(bytes).into(),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

/// Files that are Latin-1 by specification; a re-coded copy in valid UTF-8 is taken as that.
fn each_latin1_line(
    mut input: Input,
    session: &mut Session<'_>,
    mut take: impl FnMut(&str) -> Result<(), Reason>,
) -> Result<(), DataError> {
    let mut reading = session.begin(input.path());
    let (mut line, mut number) = (Vec::new(), input.passed());
    while input.line(&mut line)? {
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        session.count(&mut reading, &input, || number..number + 1, take(&decoded(&line)))?;
    }
    session.end(reading, &input)
}

fn movies_dat(line: &str, shelf: &mut Shelf<'_>) -> Result<(), Reason> {
    let mut cells = line.split("::");
    match (cells.next(), cells.next(), cells.next(), cells.next()) {
        (Some(item), Some(title), Some(genres), None) => {
            shelf.put(item.trim(), title, genres.split('|').map(String::from));
            Ok(())
        }
        _ => Err("does not have the 3 fields id, title, genres separated by ::".into()),
    }
}

fn u_item(line: &str, genres: &[String], shelf: &mut Shelf<'_>) -> Result<(), Reason> {
    let cells: Vec<&str> = line.split('|').collect();
    if cells.len() != 5 + genres.len() {
        return Err(format!("has {} fields separated by |, {} are needed", cells.len(), 5 + genres.len()).into());
    }
    // The first flag says that nothing is known: that is no category.
    let known = genres.iter().zip(&cells[5..]).filter(|(genre, flag)| flag.trim() == "1" && *genre != "unknown");
    shelf.put(cells[0].trim(), cells[1], known.map(|(genre, _)| genre.clone()));
    Ok(())
}

fn genres_beside(path: &Path) -> Result<Vec<String>, DataError> {
    let beside = path.with_file_name("u.genre");
    if !beside.is_file() {
        return Ok(GENRES_100K.map(String::from).into());
    }
    let bytes = std::fs::read(&beside).map_err(DataError::io(&beside, "read"))?;
    let text = latin1(&bytes);
    Ok(text.lines().filter_map(|line| line.split_once('|')).map(|(genre, _)| genre.trim().to_owned()).collect())
}

/// `{"4": [1, 2, 3], "83": ...`: a list of numbers follows the first key, as in no record of one item.
fn is_attributes(first: &[u8]) -> bool {
    let compact: Vec<u8> = first.iter().copied().filter(|b| !b.is_ascii_whitespace()).take(200).collect();
    let list = compact.windows(3).position(|w| w == b"\":[").map(|at| &compact[at + 3..]);
    let next = compact.windows(2).position(|w| w == b"\":");
    let first_value = compact.windows(3).position(|w| w == b"\":[") == next;
    compact.starts_with(b"{\"") && first_value && list.is_some_and(|l| l.first().is_some_and(u8::is_ascii_digit))
}

fn attributes(line: &str, shelf: &mut Shelf<'_>) -> Result<(), Reason> {
    let map: serde_json::Map<String, Value> =
        serde_json::from_str(line).map_err(|error| format!("is not {{item: [attribute, ...]}}: {error}"))?;
    for (item, attributes) in &map {
        let Some(attributes) = attributes.as_array() else {
            return Err(format!("the attributes of {item:?} are no list").into());
        };
        shelf.put(item, "", attributes.iter().map(|a| a.as_str().map_or_else(|| a.to_string(), String::from)));
    }
    Ok(())
}

/// All strings of a nested list, in order.
pub(super) fn strings(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, out)),
        _ => {}
    }
}

fn named_table(
    mut input: Input,
    column: Option<&str>,
    session: &mut Session<'_>,
    shelf: &mut Shelf<'_>,
) -> Result<(), DataError> {
    let path = input.path().to_path_buf();
    let delimiter = table::delimiter_of(&mut input, None)?;
    let rows = table::rows(input, delimiter)?;
    let cells = rows.names(|cell| String::from_utf8_lossy(cell).trim().to_lowercase());
    let sequences = recbole::is_header(cells.iter().map(String::as_str));
    let names = recbole::untyped(cells);
    let among = |usual: &[&str]| usual.iter().find_map(|usual| names.iter().position(|n| n == usual));
    let missing =
        |wanted: &str| DataError::Column { path: path.clone(), wanted: wanted.into(), have: names.join(", ") };
    let own = column.and_then(|column| names.iter().position(|name| *name == column.to_lowercase()));
    let item = own.or_else(|| names.iter().position(|n| is_usual_item(n))).or_else(|| among(&["id"]));
    let item = item.ok_or_else(|| missing("for the item (such as item, item_id, movieId, asin)"))?;
    let title = among(&["title", "name", "original_title", "movie_title", "book_title", "artist_name"]);
    let categories = among(&["categories", "genres", "category", "item_cat", "genre", "class", "tags"]);
    if title.is_none() && categories.is_none() {
        return Err(missing("for title or categories"));
    }
    rows.each(true, session, |record| {
        let cell =
            |at: Option<usize>| at.and_then(|at| record.get(at)).map(String::from_utf8_lossy).unwrap_or_default();
        let item = String::from_utf8_lossy(cell_of(record, item)?);
        let text = cell(categories);
        let parts = || text.split('|').filter(|c| *c != "(no genres listed)").map(String::from).collect();
        let named = if sequences { recbole::words(&text) } else { parts() };
        shelf.put(item.trim(), &cell(title), named.into_iter());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    #[test]
    fn entities_are_read_and_ends_of_elements_are_no_names() {
        let check = |text: &str, expected: &str| assert_eq!(plain(text), expected);
        check(" Movies &amp; TV ", "Movies & TV");
        check("A &lt;B&gt; &#39;C&#39;", "A <B> 'C'");
        check("I <3 you & me", "I <3 you & me");
        check("&amp;lt;", "&lt;");
        assert!(is_markup("</span></span></span>") && !is_markup("</span> Jazz") && !is_markup("<b>c</b>"));
    }

    #[test]
    fn items_are_found_by_the_name_that_the_log_has_for_them() {
        check(b"bid:token\ttitle:token_seq\n1\tOne\n", &[(Some("One"), &[]), (None, &[]), (None, &[])]);
        check(
            b"{\"item\": \"2\", \"title\": \"Two\", \"genres\": [\"a\", \"b\"]}\n",
            &[(None, &[]), (Some("Two"), &["a", "b"]), (None, &[])],
        );
    }

    use super::*;

    #[track_caller]
    fn check(content: &[u8], expected: &[(Option<&str>, &[&str])]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("items");
        std::fs::write(&path, content).unwrap();
        let items = IdMap::new(vec!["1", "2", "3"]);
        let mut progress = |_: super::super::Progress<'_>| ControlFlow::Continue(());
        let mut infos = vec![None; 3];
        read_items(&path, (&items, Some("Bid"), None), &mut Session::new(None, &mut progress), &mut infos).unwrap();
        let infos: Vec<ItemInfo> = infos.into_iter().map(Option::unwrap_or_default).collect();
        let seen: Vec<(Option<&str>, Vec<&str>)> =
            infos.iter().map(|i| (i.title.as_deref(), i.categories.iter().map(String::as_str).collect())).collect();
        let expected: Vec<(Option<&str>, Vec<&str>)> = expected.iter().map(|(t, c)| (*t, c.to_vec())).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn the_first_title_of_an_item_stands_and_others_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("items");
        let long = "123456789012345678901234567890";
        let line = |id: &str, title: &str| format!("{{\"asin\": {id}, \"title\": \"{title}\"}}\n");
        let lines = [line("7", "One"), line(long, "Long"), line("7", "Two"), line("7", "One"), line("7", "")];
        std::fs::write(&path, lines.concat()).unwrap();
        let items = IdMap::new(vec!["7", long]);
        let mut progress = |_: super::super::Progress<'_>| ControlFlow::Continue(());
        let (mut session, mut infos) = (Session::new(None, &mut progress), vec![None; 2]);
        read_items(&path, (&items, None, None), &mut session, &mut infos).unwrap();
        let titles: Vec<_> = infos.into_iter().map(|info| info.unwrap().title.unwrap()).collect();
        assert_eq!(titles, ["One", "Long"]);
        let notes = &session.files()[0].notes;
        assert_eq!(notes, &["1 records give an item another title than an earlier one, which stands"]);
    }

    #[test]
    fn every_metadata_format_gives_titles_and_categories() {
        check(
            b"1::Caf\xe9 (1995)::Drama|War\n3::Three::Drama\n",
            &[(Some("Café (1995)"), &["Drama", "War"]), (None, &[]), (Some("Three"), &["Drama"])],
        );
        check(
            b"2|Two|d||u|0|1|0|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0\n1|One|d||u|1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n",
            &[(Some("One"), &[]), (Some("Two"), &["Action", "Drama"]), (None, &[])],
        );
        check(
            b"movieId,title,genres\n1,\"One, Two\",A|B\n2,Two,(no genres listed)\n",
            &[(Some("One, Two"), &["A", "B"]), (Some("Two"), &[]), (None, &[])],
        );
        check(
            b"{'asin': '1', 'title': \"Don't\", 'categories': [['A', 'B'], ['A', 'C']]}\n{'asin': '9'}\n{'asin': '1'}\n",
            &[(Some("Don't"), &["A", "B", "C"]), (None, &[]), (None, &[])],
        );
        check(b"{\"2\": [7, 8, 7], \"9\": [1]}", &[(None, &[]), (None, &["7", "8"]), (None, &[])]);
        check(
            b"userId,movieId,tag,timestamp\n1,1,b,0\n2,1,a,0\n2,1,b,0\n2,3,to-read,0\n",
            &[(None, &["b", "a"]), (None, &[]), (None, &[])],
        );
        check(
            b"{\"asin\": \"2\", \"category\": [\"X\"], \"title\": \"T\"}\n",
            &[(None, &[]), (Some("T"), &["X"]), (None, &[])],
        );
    }
}
