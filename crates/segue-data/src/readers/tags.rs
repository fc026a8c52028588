//! Tags given to items, as categories: those that were given most often, of equals the first by name.
//!
//! `user_taggedartists.dat` of `HetRec` 2011 (tab-separated, names in `tags.dat`), `tags.csv` of `MovieLens` (the tag
//! in words), `book_tags.csv` of goodbooks-10k (with counts; names in `tags.csv`, book ids in `books.csv`).
//!
//! Cantador, Brusilovsky and Kuflik, *Second Workshop on Information Heterogeneity and Fusion in Recommender Systems*,
//! `RecSys` 2011; Zajac, *Goodbooks-10k*, 2017, <http://fastml.com/goodbooks-10k>.

use std::collections::HashMap;
use std::path::Path;

use super::columns::is_usual_item;
use super::items::{Shelf, decoded};
use super::names::Names;
use super::open::Input;
use super::rows::cell_of;
use super::session::{Reason, Session};
use super::table;
use crate::DataError;

/// Shelves of readers that tell where a book stands, not what it is.
const SHELVES: [&str; 18] = [
    "to-read",
    "currently-reading",
    "read",
    "favorites",
    "favourites",
    "owned",
    "owned-books",
    "books-i-own",
    "i-own",
    "default",
    "library",
    "my-library",
    "my-books",
    "kindle",
    "ebook",
    "ebooks",
    "wish-list",
    "to-buy",
];
const GOODREADS_ID: &str = "goodreads_book_id";

/// True if a tag is the name of a shelf.
pub(super) fn is_shelf(tag: &str) -> bool {
    SHELVES.contains(&tag)
}

/// True if a header is that of such a file.
pub(super) fn is_one(header: &str) -> bool {
    let names: Vec<String> = header.split([',', '\t']).map(plain).collect();
    names.iter().any(|name| is_tag(name)) && names.iter().any(|name| is_usual_item(name) || name == GOODREADS_ID)
}

fn plain(name: &str) -> String {
    name.trim_matches(|c: char| c == '"' || c.is_whitespace()).to_lowercase()
}

fn is_tag(name: &str) -> bool {
    matches!(name, "tag" | "tagid" | "tag_id")
}

pub(super) fn read(mut input: Input, session: &mut Session<'_>, shelf: &mut Shelf<'_>) -> Result<(), DataError> {
    let path = input.path().to_path_buf();
    let delimiter = table::delimiter_of(&mut input, None)?;
    let rows = table::rows(input, delimiter)?;
    let names = rows.names(|cell| plain(&decoded(cell)));
    let at = |wanted: &dyn Fn(&str) -> bool| names.iter().position(|name| wanted(name));
    let item = at(&is_usual_item).or_else(|| at(&|name| name == GOODREADS_ID));
    let (Some(item), Some(tag)) = (item, at(&is_tag)) else {
        let have = names.join(", ");
        return Err(DataError::Column { path, wanted: "for item and tag".into(), have });
    };
    let count = at(&|name| name == "count");
    let books =
        if names[item] == GOODREADS_ID { lookup(&path, "books", (GOODREADS_ID, "book_id"), session)? } else { None };
    let words = match names[tag].as_str() {
        "tagid" => lookup(&path, "tags", ("tagid", "tagvalue"), session)?,
        "tag_id" => lookup(&path, "tags", ("tag_id", "tag_name"), session)?,
        _ => None,
    };
    let (mut tags, mut counts, mut unnamed) = (Names::default(), HashMap::new(), 0_u64);
    let mut shelves = 0_u64;
    rows.each(true, session, |record| {
        let cell = |at| cell_of(record, at).map(|cell| decoded(cell).trim().to_owned());
        let (item, tag) = (cell(item)?, cell(tag)?);
        let times: u64 = match count {
            Some(count) => whole(&cell(count)?)?,
            None => 1,
        };
        let item = books.as_ref().map_or(Some(&item), |books| books.get(&item));
        let Some(item) = item.and_then(|item| shelf.find(item)) else { return Ok(()) };
        let Some(tag) = words.as_ref().map_or(Some(&tag), |words| words.get(&tag)) else {
            unnamed += 1;
            return Ok(());
        };
        if is_shelf(tag) {
            shelves += 1;
            return Ok(());
        }
        let total: &mut u64 = counts.entry((item, tags.intern(tag))).or_default();
        *total = total.saturating_add(times);
        Ok(())
    })?;
    let mut counts: Vec<((u32, u32), u64)> = counts.into_iter().collect();
    counts.sort_unstable_by(|((i, tag), n), ((j, other), m)| {
        i.cmp(j).then(m.cmp(n)).then_with(|| tags.get(*tag).cmp(tags.get(*other)))
    });
    for of_item in counts.chunk_by(|a, b| a.0.0 == b.0.0) {
        let most = shelf.most(of_item.len());
        let categories = of_item[..most].iter().map(|&((_, tag), _)| tags.get(tag).to_owned());
        shelf.put_at(of_item[0].0.0, "", categories);
    }
    if shelves > 0 {
        session.note(format!(
            "{shelves} tags are left out, for they tell where an item stands (favorites, to-read, owned)"
        ));
    }
    if unnamed > 0 {
        session
            .note(format!("{unnamed} tags of the log's items have no name in the table beside it, and are left out"));
    }
    Ok(())
}

/// How often a tag was given.
fn whole(count: &str) -> Result<u64, Reason> {
    count.parse().map_err(|_| match count.parse::<i64>() {
        Ok(_) => format!("count {count} is below 0").into(),
        Err(_) => format!("count {count:?} is not a whole number").into(),
    })
}

/// Two columns of the table called `stem` beside `path` as a map, where there is such a table.
fn lookup(
    path: &Path,
    stem: &str,
    (key, value): (&str, &str),
    session: &mut Session<'_>,
) -> Result<Option<HashMap<String, String>>, DataError> {
    let endings = ["csv", "dat", "csv.gz", "dat.gz", "csv.zst", "dat.zst"];
    let beside = endings.iter().map(|ending| path.with_file_name(format!("{stem}.{ending}"))).find(|p| p.is_file());
    let Some(beside) = beside else { return Ok(None) };
    let mut input = Input::open(&beside)?;
    let delimiter = table::delimiter_of(&mut input, None)?;
    let rows = table::rows(input, delimiter)?;
    let names = rows.names(|cell| plain(&decoded(cell)));
    let find = |wanted: &str| {
        names.iter().position(|name| name == wanted).ok_or_else(|| DataError::Column {
            path: beside.clone(),
            wanted: wanted.into(),
            have: names.join(", "),
        })
    };
    let (key, value) = (find(key)?, find(value)?);
    let mut map = HashMap::new();
    rows.each(true, session, |record| {
        let cell = |at| cell_of(record, at).map(|cell| decoded(cell).trim().to_owned());
        map.insert(cell(key)?, cell(value)?);
        Ok(())
    })?;
    Ok(Some(map))
}
