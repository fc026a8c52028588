//! Every format on a small file in its published layout: what is recognised, what is read, which lines are bad.

use segue_core::IdMap;
use segue_data::readers::{ColumnMap, Format, Layout, Only, RawLog, Session, read_items, read_log};

use super::{files, quiet};

/// The rows of a log as `user item value time`.
fn rows(log: &RawLog) -> Vec<String> {
    let row = |n: usize| {
        let (user, item) = (log.users.get(log.user[n]), log.items.get(log.item[n]));
        let value = if log.valueless.contains(&(n as u32)) { "-".into() } else { log.value[n].to_string() };
        let time = match &log.time {
            Some(times) if !log.timeless.contains(&(n as u32)) => times[n].to_string(),
            _ => "-".into(),
        };
        format!("{user} {item} {value} {time}")
    };
    (0..log.len()).map(row).collect()
}

/// Reads a folder's file `name`; bad lines as `line: reason`.
#[track_caller]
fn read(contents: &[(&str, &str)], name: &str, layout: &Layout) -> (Vec<String>, Vec<String>) {
    let dir = files(contents);
    let mut listen = quiet();
    let mut session = Session::new(Some(9), &mut listen);
    let log = read_log(&[dir.path().join(name)], layout, &mut session).unwrap();
    let bad = session.into_files().remove(0).bad_shown;
    (rows(&log), bad)
}

#[track_caller]
fn check(content: &str, format: Format, expected: &[&str]) {
    let (found, bad) = read(&[("log", content)], "log", &Layout { format, ..Layout::default() });
    assert_eq!((found, bad), (expected.iter().map(ToString::to_string).collect(), Vec::new()), "{content}");
}

/// As [`check`], and the format is recognised, too.
#[track_caller]
fn recognised(content: &str, format: Format, expected: &[&str]) {
    check(content, format, expected);
    check(content, Format::Auto, expected);
}

#[track_caller]
fn bad(content: &str, format: Format, expected: &[&str]) {
    let (_, bad) = read(&[("log", content)], "log", &Layout { format, ..Layout::default() });
    assert_eq!(bad, expected, "{content}");
}

fn only(text: &str) -> Only {
    serde_json::from_str(text).unwrap()
}

#[test]
fn sequences_of_both_layouts_are_one_log() {
    let expected = ["1 a 1 0", "1 b 1 1", "2 b 1 0", "1 c 1 2"];
    check("1 a b\n2 b\n1 c\n", Format::Sequence, &expected);
    check("1 a\n1 b\n2 b\n1 c\n", Format::Sequence, &expected);
    bad("1 a\n2\n", Format::Sequence, &["2: user 2 has no items"]);
}

#[test]
fn timed_sequences_take_names_and_domains_from_the_maps_beside_them() {
    let sequences = "7 1|100 2|200 1|300\n8 3|50\n9 x|50\n";
    let plain = ["7 1 1 100", "7 2 1 200", "7 1 1 300", "8 3 1 50", "9 x 1 50"];
    recognised(sequences, Format::TimedSequence, &plain);
    bad(
        "7 1|100\n8 2|soon\n8 2\n",
        Format::TimedSequence,
        &["2: time \"soon\" is neither unix time nor YYYY-MM-DD HH:MM:SS", "3: \"2\" is not item|time"],
    );
    let maps = [
        ("seq.txt", sequences),
        ("map_item_9.json", r#"{"A": [1, 0], "B": [2, 1], "C": [3, 1]}"#),
        ("map_user_9.json", r#"{"ann": 7, "bob": 8}"#),
    ];
    let (found, bad) = read(&maps, "seq.txt", &Layout::default());
    assert_eq!(found, ["ann A 1 100", "ann B 1 200", "ann A 1 300", "bob C 1 50"]);
    assert_eq!(bad, ["3: 9 is not in map_user_9.json"]);
    let (found, _) = read(&maps, "seq.txt", &Layout { only: only(r#"{"domain": 1}"#), ..Layout::default() });
    assert_eq!(found, ["ann B 1 200", "bob C 1 50"]);
}

#[test]
fn rows_are_chosen_by_columns_that_the_file_has() {
    let table = "user,item,kind,rating\nu,a,1,2\nu,b,2,3\nv,b,1,4\nv,a,3,5\n";
    let with = |text: &str| Layout { only: only(text), ..Layout::default() };
    assert_eq!(read(&[("t.csv", table)], "t.csv", &with(r#"{"kind": [1, 3], "user": "v"}"#)).0, ["v b 4 -", "v a 5 -"]);
    let refused = |content: &str, layout: &Layout| {
        let dir = files(&[("log", content)]);
        read_log(&[dir.path().join("log")], layout, &mut Session::new(None, &mut quiet())).unwrap_err().to_string()
    };
    let message = refused(table, &with(r#"{"kin": 1}"#));
    assert!(message.contains("data.domains.only") && message.contains("did you mean kind?"), "{message}");
    let message = refused("1 2 3\n", &with(r#"{"domain": 1}"#));
    assert!(message.contains("read as adjacency") && message.contains("format: table"), "{message}");
    let message = refused("1 2|3\n", &with(r#"{"domain": 1}"#));
    assert!(message.contains("map_item"), "{message}");
}

/// Titles and categories of `ids` from a folder's files, in order.
#[track_caller]
fn described(contents: &[(&str, &str)], names: &[&str], ids: &[&str]) -> Vec<(Option<String>, Vec<String>)> {
    let dir = files(contents);
    let items = IdMap::new(ids.to_vec());
    let mut infos = vec![None; items.len()];
    for name in names {
        read_items(&dir.path().join(name), &items, &mut Session::new(Some(0), &mut quiet()), &mut infos).unwrap();
    }
    infos.into_iter().map(Option::unwrap_or_default).map(|info| (info.title, info.categories)).collect()
}

#[test]
fn given_tags_become_categories_where_there_are_none() {
    let contents = [
        ("artists.dat", "id\tname\turl\tpictureURL\r\n51\tDuran Duran\thttp://x\thttp://y\r\n52\tMorcheeba\tz\tz\r\n"),
        ("tags.dat", "tagID\ttagValue\r\n1\tpop\r\n2\tsynth pop\r\n3\ttrip hop\r\n"),
        (
            "user_taggedartists.dat",
            "userID\tartistID\ttagID\tday\tmonth\tyear\r\n2\t51\t1\t1\t4\t2009\r\n3\t51\t2\t1\t4\t2009\r\n\
             4\t51\t2\t1\t4\t2009\r\n4\t53\t3\t1\t4\t2009\r\n4\t51\t9\t1\t4\t2009\r\n",
        ),
    ];
    let found = described(&contents, &["artists.dat", "user_taggedartists.dat"], &["51", "52"]);
    assert_eq!(found[0], (Some("Duran Duran".into()), vec!["synth pop".into(), "pop".into()]));
    assert_eq!(found[1], (Some("Morcheeba".into()), vec![]));
    let contents = [
        (
            "books.csv",
            "book_id,goodreads_book_id,authors,original_title,title\n1,2767052,\"Suzanne Collins\",The Hunger Games,\"The Hunger Games (#1)\"\n",
        ),
        ("tags.csv", "tag_id,tag_name\n30574,to-read\n11305,fantasy\n11557,dystopia\n"),
        ("book_tags.csv", "goodreads_book_id,tag_id,count\n2767052,30574,167697\n2767052,11305,3\n2767052,11557,5\n"),
    ];
    let found = described(&contents, &["books.csv", "book_tags.csv"], &["1"]);
    assert_eq!(found, [(Some("The Hunger Games (#1)".into()), vec!["dystopia".into(), "fantasy".into()])]);
}

#[test]
fn columns_of_any_name_are_mapped() {
    let map = ColumnMap { user: Some("who".into()), item: Some("what".into()), ..ColumnMap::default() };
    let layout = Layout { columns: map, ..Layout::default() };
    assert_eq!(read(&[("t.csv", "what,who\na,u\n")], "t.csv", &layout).0, ["u a 1 -"]);
}
