//! Every format on a small file in its published layout: what is recognised, what is read, which lines are bad.

use proptest::prelude::*;
use segue_core::IdMap;
use segue_data::readers::{
    ColumnMap, Format, Layout, Only, RawLog, RawRow, Session, read_items, read_log, read_negatives,
};

use super::{files, quiet};

/// The rows of a log as `user item value time`.
fn rows(log: &RawLog) -> Vec<String> {
    let mut rows = Vec::new();
    let text = |cell: Option<String>| cell.unwrap_or_else(|| "-".into());
    let row = |row: RawRow| {
        let (user, item) = (log.users.get(row.user), log.items.get(row.item));
        let (value, time) =
            (text(row.value.map(|v| v.to_string())), text(row.time.map(|t| (t as f64 / 1e3).to_string())));
        rows.push(format!("{user} {item} {value} {time}"));
    };
    log.rows.each(row).unwrap();
    rows
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
        read_items(
            &dir.path().join(name),
            (&items, None, Some(5)),
            &mut Session::new(Some(0), &mut quiet()),
            &mut infos,
        )
        .unwrap();
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
fn tags_that_are_left_out_are_told() {
    let notes = |contents: &[(&str, &str)], name: &str, tags: Option<usize>| {
        let (dir, items) = (files(contents), IdMap::new(vec!["51"]));
        let (mut infos, mut listen) = (vec![None], quiet());
        let mut session = Session::new(None, &mut listen);
        let read = read_items(&dir.path().join(name), (&items, None, tags), &mut session, &mut infos);
        let notes: Vec<String> = session.into_files().into_iter().flat_map(|file| file.notes).collect();
        (read.map_err(|error| error.to_string()), infos.remove(0).unwrap_or_default().categories, notes.join("; "))
    };
    let tags = ("tags.dat", "tagID\ttagValue\n1\tpop\n2\tfavorites\n3\ttrip hop\n4\tambient\n");
    let given = "userID\tartistID\ttagID\n2\t51\t1\n3\t51\t2\n4\t51\t3\n4\t51\t4\n4\t51\t9\n4\t52\t9\n";
    let contents = [tags, ("user_taggedartists.dat", given)];
    let (_, categories, told) = notes(&contents, "user_taggedartists.dat", Some(2));
    assert_eq!(categories, ["ambient", "pop"]);
    assert!(told.contains("1 tags are left out, for they tell where"), "{told}");
    assert!(
        told.contains("1 tags are left out, for their items have 2") && told.contains("prepare.features.tags"),
        "{told}"
    );
    assert!(told.contains("1 tags of the log's items have no name"), "{told}");
    let (_, categories, told) = notes(&contents, "user_taggedartists.dat", None);
    assert_eq!(categories, ["ambient", "pop", "trip hop"]);
    assert!(!told.contains("left out, for their items"), "{told}");
    let counted = |count: &str| {
        let table = format!("book_id,tag_id,count\n51,1,{count}\n51,1,1\n");
        let names = ("tags.csv", "tag_id,tag_name\n1,fantasy\n");
        notes(&[names, ("book_tags.csv", &table)], "book_tags.csv", None).0.unwrap_err()
    };
    assert!(counted("-1").contains("count -1 is below 0"), "{}", counted("-1"));
    assert!(counted("few").contains("not a whole number"), "{}", counted("few"));
}

#[test]
fn columns_of_any_name_are_mapped() {
    let map = ColumnMap { user: Some("who".into()), item: Some("what".into()), ..ColumnMap::default() };
    let layout = Layout { columns: map, ..Layout::default() };
    assert_eq!(read(&[("t.csv", "what,who\na,u\n")], "t.csv", &layout).0, ["u a 1 -"]);
}

#[test]
fn amazon_of_every_edition_is_one_log() {
    // One object or row of each edition, in the layout of its page.
    let expected = ["AGKHLEW2SOWHNMFQIJGBECAF7INQ B00YQ6X8EO 5 1588687728.923"];
    let review = r#"{"rating": 5.0, "title": "\"asin\"", "text": "...", "images": [], "asin": "B00YQ6X8E1", "parent_asin": "B00YQ6X8EO", "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ", "timestamp": 1588687728923, "helpful_vote": 0, "verified_purchase": true}"#;
    recognised(review, Format::Amazon, &expected);
    check(
        "user_id,parent_asin,rating,timestamp\nAGKHLEW2SOWHNMFQIJGBECAF7INQ,B00YQ6X8EO,5.0,1588687728923\n",
        Format::Auto,
        &expected,
    );
    let review = r#"{"overall": 4.0, "verified": true, "reviewTime": "09 4, 2015", "reviewerID": "ALJ66O1Y6SLHA", "asin": "B000K2PJ4K", "style": {"Size:": " Big Boys"}, "unixReviewTime": 1441324800}"#;
    recognised(review, Format::Amazon, &["ALJ66O1Y6SLHA B000K2PJ4K 4 1441324800"]);
    // A damaged first line is one bad line.
    bad(
        &format!("garbage line here\n{review}\n{review}\n{review}\n"),
        Format::Auto,
        &["1: is no JSON object: expected value at line 1 column 1"],
    );
    // Ratings alone: the user first in 2014, the item first in 2018.
    let expected = ["A3AF8FFZAZYNE5 0000000078 5 1092182400", "AH2L9G3DQHHAJ B000000116 4 1019865600"];
    recognised(
        "A3AF8FFZAZYNE5,0000000078,5.0,1092182400\nAH2L9G3DQHHAJ,B000000116,4.0,1019865600\n",
        Format::Amazon,
        &expected,
    );
    recognised(
        "0000000078,A3AF8FFZAZYNE5,5.0,1092182400\nB000000116,AH2L9G3DQHHAJ,4.0,1019865600\n",
        Format::Amazon,
        &expected,
    );
    bad(
        "{\"reviewerID\": \"A\", \"asin\": [1], \"overall\": 1}\n{\"asin\"\n{\"reviewerID\": \"A\", \"asin\": \"B\", \"overall\": \"five\"}\n",
        Format::Amazon,
        &[
            "1: parent_asin or asin is a list or an object; map a key within it, as user.id",
            "2: is no JSON object: EOF while parsing an object at line 1 column 7",
            "3: rating \"five\" is not a number",
        ],
    );
}

#[test]
fn movielens_of_kaggle_has_dates() {
    recognised(
        "\"userId\",\"movieId\",\"rating\",\"timestamp\"\n1,2,3.5,\"2005-04-02 23:53:47\"\n",
        Format::Movielens,
        &["1 2 3.5 1112486027"],
    );
    // The training file of NCF, and its negatives as Python and as the authors of BiTGCF print them.
    recognised("0\t32\t4\t978824330\n", Format::Movielens, &["0 32 4 978824330"]);
    let dir = files(&[("n", "(0,25)\t1064\t174\n(1, 133)\t1072\n7 8 9\n")]);
    let negatives = read_negatives(&dir.path().join("n"), &mut Session::new(Some(0), &mut quiet())).unwrap();
    assert_eq!(rows(&negatives.asked), ["0 25 1 -", "1 133 1 -"]);
    assert_eq!(rows(&negatives.log), ["0 1064 1 -", "0 174 1 -", "1 1072 1 -", "7 8 1 -", "7 9 1 -"]);
}

#[test]
fn goodreads_tells_what_is_rated_from_what_stands_on_a_shelf() {
    let line = |book: &str, rating: u8| {
        format!(
            r#"{{"user_id": "8842281e1d1347389f2ab93d60773d4d", "book_id": "{book}", "review_id": "d37", "is_read": true, "rating": {rating}, "date_added": "Fri Aug 18 13:55:02 -0700 2017", "read_at": ""}}"#
        )
    };
    recognised(
        &format!("{}\n{}\n", line("24375664", 5), line("18245960", 0)),
        Format::Goodreads,
        &[
            "8842281e1d1347389f2ab93d60773d4d 24375664 5 1503089702",
            "8842281e1d1347389f2ab93d60773d4d 18245960 - 1503089702",
        ],
    );
    recognised(
        "user_id,book_id,is_read,rating,is_reviewed\n0,948,1,5,0\n0,947,0,0,0\n",
        Format::Goodreads,
        &["0 948 5 -", "0 947 - -"],
    );
}

#[test]
fn book_crossing_is_latin_1_with_escaped_quotes() {
    let content =
        "\"User-ID\";\"ISBN\";\"Book-Rating\"\n\"276725\";\"034545104X\";\"0\"\n\"276726\";\"0155061224\";\"5\"\n";
    recognised(content, Format::BookCrossing, &["276725 034545104X - -", "276726 0155061224 5 -"]);
    recognised("User-ID,ISBN,Book-Rating\n1,2,7\n", Format::BookCrossing, &["1 2 7 -"]);
    bad("User-ID,ISBN,Book-Rating\n1,2\n", Format::BookCrossing, &["2: has 2 cells, the first line has 3"]);
    let dir = tempfile::tempdir().unwrap();
    let books = b"\"ISBN\";\"Book-Title\";\"Book-Author\"\n\"1\";\"Caf\xe9 &amp; \\\"Bar\\\"; a novel\";\"X\"\n";
    std::fs::write(dir.path().join("BX-Books.csv"), books).unwrap();
    let mut infos = vec![None];
    let items = IdMap::new(vec!["1"]);
    read_items(
        &dir.path().join("BX-Books.csv"),
        (&items, None, Some(5)),
        &mut Session::new(Some(0), &mut quiet()),
        &mut infos,
    )
    .unwrap();
    assert_eq!(infos[0].as_ref().unwrap().title.as_deref(), Some("Caf\u{e9} & \"Bar\"; a novel"));
}

#[test]
fn artists_of_lastfm_go_by_their_id_or_else_by_their_name() {
    let user = "00000c289a1829a808ac09c00daf10bc3c4e223b";
    let plays = format!("{user}\t3bd73256-3905-4f3a-97e2-8b341527f805\tbetty blowtorch\t2137\n{user}\t\t50 cent\t11\n");
    let expected = [format!("{user} 3bd73256-3905-4f3a-97e2-8b341527f805 2137 -"), format!("{user} 50 cent 11 -")];
    recognised(&plays, Format::Lastfm, &expected.each_ref().map(String::as_str));
    let events = "user_000001\t2009-05-04T23:08:57Z\tf1b1cf71-bd35-4e99-8624-24a6e15f133a\tDeep Dish\t\tFuck Me Im Famous\n\
                  user_000001\t2009-05-04T13:54:10Z\t\tUnderworld\t\tBoy, Boy, Boy\n";
    let expected =
        ["user_000001 f1b1cf71-bd35-4e99-8624-24a6e15f133a 1 1241478537", "user_000001 Underworld 1 1241445250"];
    recognised(events, Format::Lastfm, &expected);
    bad("u\ta\tb\n", Format::Lastfm, &["1: has 3 tab-separated fields, 4 (360K) or 6 (1K) are needed"]);
    let found = described(&[("log", events)], &["log"], &["f1b1cf71-bd35-4e99-8624-24a6e15f133a"]);
    assert_eq!(found, [(Some("Deep Dish".into()), vec![])]);
}

#[test]
fn atomic_files_of_recbole_say_their_types() {
    let inter = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n196\t242\t3\t881250949\n186\t\"302\t3.0\t891717742.0\n";
    recognised(inter, Format::Recbole, &["196 242 3 881250949", "186 \"302 3 891717742"]);
    let layout = Layout { only: only(r#"{"rating": 3}"#), ..Layout::default() };
    assert_eq!(read(&[("a.inter", inter)], "a.inter", &layout).0.len(), 2);
    let item = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n1\tToy Story\t1995\tAnimation Children's\n";
    let found = described(&[("a.item", item)], &["a.item"], &["1"]);
    assert_eq!(found, [(Some("Toy Story".into()), vec!["Animation".into(), "Children's".into()])]);
    let item = "item_id:token\tcategories:token_seq\ttitle:token\n1\t'Toys & Games', 'Puzzles'\tT\n";
    let found = described(&[("a.item", item)], &["a.item"], &["1"]);
    assert_eq!(found, [(Some("T".into()), vec!["Toys & Games".into(), "Puzzles".into()])]);
}

#[test]
fn json_lines_are_mapped_by_usual_or_given_keys() {
    let feedback = r#"{"FeedbackType":"star","UserId":"ann","ItemId":"vuejs/vue","Timestamp":"2019-10-15T08:00:00+08:00","Comment":""}
{"FeedbackType":"read","UserId":"ann","ItemId":"x","Value":2,"Timestamp":"0001-01-01T00:00:00Z","Comment":""}
"#;
    recognised(feedback, Format::Gorse, &["ann vuejs/vue 1 1571097600", "ann x 2 -"]);
    let layout = Layout { only: only(r#"{"FeedbackType": ["star", "like"]}"#), ..Layout::default() };
    assert_eq!(read(&[("f", feedback)], "f", &layout).0, ["ann vuejs/vue 1 1571097600"]);
    recognised(
        "{\"movie_id\": 7, \"uid\": 12345678901234567890, \"stars\": 4}\n{\"uid\": 1, \"movieId\": \"8\"}\n",
        Format::JsonLines,
        &["12345678901234567890 7 4 -", "1 8 - -"],
    );
    // Every digit of an id counts, however many there are.
    check(
        "{\"user\": 18446744073709551617, \"item\": -9223372036854775809, \"rating\": 18446744073709551617}\n\
         {\"user\": 18446744073709551616, \"item\": -0, \"rating\": 1e1}\n",
        Format::JsonLines,
        &["18446744073709551617 -9223372036854775809 18446744000000000000 -", "18446744073709551616 0 10 -"],
    );
    let nested = r#"{"who": {"id": 3, "name": "x"}, "what": {"a": {"sku": "s"}}, "at": 7.0, "kind": {"sub": "buy"}}"#;
    let columns = ColumnMap {
        user: Some("who.id".into()),
        item: Some("what.a.sku".into()),
        value: None,
        time: Some("at".into()),
    };
    let layout = Layout { columns, only: only(r#"{"kind.sub": "buy"}"#), ..Layout::default() };
    assert_eq!(read(&[("f", nested)], "f", &layout).0, ["3 s 1 7"]);
    bad(
        "[1]\n{\"user\": 1.5, \"item\": 2}\n{} {}\n",
        Format::JsonLines,
        &[
            "1: is no JSON object: invalid type: sequence, expected an object at line 1 column 0",
            "2: an id is the fraction 1.5",
            "3: is no JSON object: trailing characters at line 1 column 4",
        ],
    );
}

#[test]
fn metadata_of_json_lines_is_told_apart_by_its_keys() {
    let one = |content: &str, id: &str| described(&[("m", content)], &["m"], &[id]).remove(0);
    let titled = |title: &str, categories: &[&str]| {
        (Some(title.to_owned()), categories.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let meta = r#"{"main_category": "All Beauty", "title": "Howard", "average_rating": 4.8, "categories": [], "details": {}, "parent_asin": "B01CUPMQZE", "asin": null}"#;
    assert_eq!(one(meta, "B01CUPMQZE"), titled("Howard", &["All Beauty"]));
    let book = r#"{"isbn": "0312853122", "popular_shelves": [{"count": "3", "name": "to-read"}, {"count": "1", "name": "p"}, {"count": "2", "name": "film"}], "book_id": "5333265", "title": "W.C. Fields"}"#;
    assert_eq!(one(book, "5333265"), titled("W.C. Fields", &["film", "p"]));
    let genres = r#"{"book_id": "5333265", "genres": {"history, biography": 1, "poetry": 4}}"#;
    assert_eq!(one(genres, "5333265").1, ["poetry", "biography", "history"]);
    let item = r#"{"ItemId": "vue", "IsHidden": false, "Categories": [], "Timestamp": "2020-02-02T20:20:02Z", "Labels": ["web", "js"], "Comment": "Vue"}"#;
    assert_eq!(one(item, "vue"), titled("Vue", &["web", "js"]));
}

const FORMATS: [Format; 15] = [
    Format::Auto,
    Format::Movielens,
    Format::Amazon,
    Format::Goodreads,
    Format::BookCrossing,
    Format::Lastfm,
    Format::Gorse,
    Format::Douban,
    Format::Adjacency,
    Format::Sequence,
    Format::TimedSequence,
    Format::Recbole,
    Format::Table,
    Format::JsonLines,
    Format::Parquet,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Text made of what the formats are made of, read as any of them.
    #[test]
    fn nothing_that_a_file_holds_panics(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("u"), Just("1"), Just("2|9"), Just("\t"), Just(","), Just(";"), Just("::"), Just(" "), Just("\n"), Just("\""),
                Just("{"), Just("}"), Just("\"user\":"), Just("\"item\":"), Just("["), Just("]"), Just("(1,2)"), Just("user,item"),
                Just("user_id:token\titem_id:token"), Just("2005-99-99 1:2:3"), Just("1e400"), Just("-9223372036854775808"),
                Just("\u{feff}"), Just("é"), Just("'"), Just("\\"), Just("PAR1"), Just("A3AF8FFZAZYNE5,0000000078,5,1"),
            ],
            0..40,
        ),
        raw in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for content in [parts.concat().into_bytes(), [parts.concat().as_bytes(), &raw].concat()] {
            std::fs::write(&path, content).unwrap();
            for format in FORMATS {
                let layout = Layout { format, ..Layout::default() };
                let _ = read_log(std::slice::from_ref(&path), &layout, &mut Session::new(None, &mut quiet()));
            }
            let mut infos = vec![None; 2];
            let _ = read_items(&path, (&IdMap::new(vec!["1", "u"]), None, Some(5)), &mut Session::new(None, &mut quiet()), &mut infos);
            let _ = read_negatives(&path, &mut Session::new(None, &mut quiet()));
        }
    }
}
