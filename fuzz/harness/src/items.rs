//! Target `items`: titles and categories in every layout of metadata, with the files that stand beside, and the names by
//! which a folder is known.

use std::path::Path;

use segue_core::{IdMap, ItemInfo};
use segue_data::readers::{find_files, parse_python_literal, read_items};
use serde_json::{Value, json};

use crate::case::Case;
use crate::draw::Draw;
use crate::guise::{disguised, may_wear};
use crate::logs::in_session;

/// Tables: header, delimiter, columns (`i`tem, `t`itle, `c`ategories, `n`umber, `s` hashed user, `f`lags, `d`ate).
const TABLES: [(&str, &str, &str); 12] = [
    ("", "::", "itc"),
    ("", "|", "itdxxffffffffffffffffffff"),
    ("movieId,title,genres", ",", "itc"),
    ("item_id:token\tmovie_title:token_seq\tclass:token_seq", "\t", "itw"),
    ("\"ISBN\";\"Book-Title\";\"Book-Author\"", ";", "itx"),
    ("ISBN,Book-Title,Book-Author", ",", "itx"),
    ("", "\t", "sitn"),
    ("", "\t", "xditxx"),
    ("userId,movieId,tag,timestamp", ",", "xitn"),
    ("goodreads_book_id,tag_id,count", ",", "inn"),
    ("userID\tartistID\ttagID\tday", "\t", "xinn"),
    ("id\tname\turl", "\t", "itx"),
];
/// Files beside, by the name under which a reader looks for them.
const BESIDE: [(&str, &str); 5] = [
    ("books.csv", "book_id,goodreads_book_id,title\n1,1,One\n2,0,Two\nx,2\n"),
    ("tags.csv", "tag_id,tag_name\n0,to-read\n1,drama\n2,\"a,b\"\n"),
    ("tags.dat", "tagID\ttagValue\n0\tmetal\n1\tcaf\u{e9}\n"),
    ("u.genre", "unknown|0\nAction|1\n\nDrama|2\n"),
    ("ratings.csv", "user,item\n1,2\n"),
];
/// Names under which data sets are published.
const NAMES: [&str; 12] = [
    "u.item",
    "u.data",
    "movies.dat",
    "movies.csv",
    "a.inter",
    "a.item",
    "train.txt",
    "test_neg.txt",
    "x.train.rating",
    "meta_Books.jsonl",
    "book_tags.csv",
    "BX-Books.csv",
];

/// Invents metadata in one of the layouts.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    let mut options = draw.options("");
    let text = if draw.once_in(2) {
        let (header, delimiter, columns) = TABLES[draw.below(TABLES.len())];
        let mut lines = if header.is_empty() { Vec::new() } else { vec![header.to_owned()] };
        lines.extend(draw.some(7, |draw| {
            let cells: Vec<String> = columns.chars().map(|column| cell(draw, column)).collect();
            cells[..cells.len() - usize::from(draw.once_in(12))].join(delimiter)
        }));
        lines.join(draw.pick(&["\n", "\n", "\r\n", "\n\n"]))
    } else {
        let kind = draw.below(7);
        draw.some(6, |draw| record(draw, kind)).join("\n")
    };
    if let Value::Object(options) = &mut options {
        options.retain(|name, _| matches!(name.as_str(), "guise" | "repeat"));
    }
    let mut content = text.into_bytes();
    if draw.once_in(6) {
        // Latin-1, as old files are.
        content =
            String::from_utf8_lossy(&content).chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    }
    let mut case = Case::of(options, content);
    if draw.once_in(3) {
        case.files[0].0 = draw.pick(&NAMES).into();
    }
    for _ in 0..draw.below(3) {
        let (name, content) = BESIDE[draw.below(BESIDE.len())];
        case.files.push((name.into(), content.into()));
    }
    if draw.once_in(8) {
        case.files.push((draw.pick(&NAMES).into(), Vec::new()));
    }
    case
}

fn item(draw: &mut Draw<'_>) -> String {
    if draw.once_in(8) { draw.id() } else { draw.below(4).to_string() }
}

fn cell(draw: &mut Draw<'_>, column: char) -> String {
    match column {
        'i' => item(draw),
        't' => draw.words(),
        'c' => draw.some(3, Draw::words).join("|"),
        'w' => draw.some(3, Draw::words).join(draw.pick(&[" ", "', '", ", "])),
        'n' => draw.below(4).to_string(),
        'f' => draw.pick(&["0", "0", "0", "1", "", "x"]).into(),
        'd' => draw.time(),
        's' => format!("{:040x}", draw.below(3)),
        _ => draw.odd(),
    }
}

/// One record of metadata as JSON, or as Python prints it.
fn record(draw: &mut Draw<'_>, kind: usize) -> String {
    let (id, title) = (item(draw), draw.words());
    let words = |draw: &mut Draw<'_>| draw.some(3, Draw::words);
    let record = match kind {
        0 | 1 => json!({"asin": id, "title": title, "categories": [words(draw), words(draw)]}),
        2 => json!({"parent_asin": id, "title": title, "main_category": draw.words(), "categories": words(draw)}),
        3 => {
            let shelves = draw.some(3, |draw| json!({"name": draw.words(), "count": draw.value()}));
            json!({"book_id": id, "title": title, "popular_shelves": shelves})
        }
        4 => {
            json!({"book_id": draw.below(4), "genres": {"history, biography": draw.below(9), draw.words(): draw.value()}})
        }
        5 => json!({"ItemId": id, "Categories": words(draw), "Labels": words(draw), "Comment": title}),
        _ => json!({id: draw.some(3, |draw| draw.below(9)), item(draw): draw.some(3, Draw::words)}),
    };
    let text = record.to_string();
    match draw.below(12) {
        0 => text.replace(':', ": ").replacen('"', "", 1),
        1 => text[..text.len() - 1].to_owned(),
        2 => draw.odd(),
        _ if kind == 0 => text.replace("\\\"", "").replace('"', "'").replace("null", "None"),
        _ => text,
    }
}

/// What is read is clean and in its place; reading once more changes nothing; the file reads the same in its guise; a
/// folder's files are found or refused, never invented.
pub(crate) fn check(bytes: &[u8]) {
    let case = Case::parse(bytes);
    let (folder, path) = case.laid();
    match find_files(folder.path()) {
        Ok(files) => {
            let singles = [files.interactions, files.train, files.valid, files.test, files.negatives];
            let mut found = singles.into_iter().flatten().chain(files.items);
            assert!(found.all(|file| file.is_file() || file.is_dir()));
        }
        Err(error) => assert!(error.to_string().contains(&*folder.path().to_string_lossy()), "{error}"),
    }
    let items = IdMap::new(vec!["0", "1", "2", "3", "A1B2C3D4E5F6G7", "B000123456", "u1"]);
    let fresh = || vec![None; items.len()];
    let (content, guise) = (case.content(), case.option::<String>("guise"));
    let found = read(&path, &items, fresh());
    if let Ok(infos) = &found {
        assert_eq!(read(&path, &items, infos.clone()).as_ref(), Ok(infos), "once more");
    }
    if may_wear(&guise, &content) {
        std::fs::write(&path, disguised(&guise, &content)).unwrap();
        let other = read(&path, &items, fresh());
        assert_eq!(found.as_ref().ok(), other.as_ref().ok(), "as {guise}: {found:?}, {other:?}");
    }
    // A record of 2014 is a literal; the parser alone must agree that a text is one.
    if let Some(line) = std::str::from_utf8(&content).ok().and_then(|text| text.lines().next()) {
        let _ = parse_python_literal(line);
    }
}

fn read(path: &Path, items: &IdMap, infos: Vec<Option<ItemInfo>>) -> Result<Vec<Option<ItemInfo>>, String> {
    let mut infos = infos;
    in_session(path, u64::MAX, |session| read_items(path, (items, None, Some(5)), session, &mut infos))?;
    for info in infos.iter().flatten() {
        let sound = |text: &str| !text.is_empty() && text.trim() == text;
        assert!(info.title.as_deref().is_none_or(sound), "{info:?}");
        assert!(info.categories.iter().all(|category| sound(category)), "{info:?}");
        let distinct = |(n, category): (usize, &String)| !info.categories[..n].contains(category);
        assert!(info.categories.iter().enumerate().all(distinct), "{info:?}");
    }
    Ok(infos)
}
