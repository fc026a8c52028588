//! What tells nothing changes nothing: byte order marks, blank lines, ends of lines, the parts a file was compressed in.
//! What is damaged is refused. Most cases were found by the fuzzer of `fuzz/`.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use segue_data::prepare::{DomainConfig, OneOrMany, PrepareOptions, SplitConfig, SplitKind};
use segue_data::readers::{
    Column, ColumnMap, Format, Layout, RawRow, Session, hush_guarded_panics, read_ids, read_log,
};
use segue_data::writers::{ExportFormat, Ids, Wanted, export};

use super::{data, domain, files, kind, message, pairs, parts, quiet, run};

/// Rows, bad lines as `line: reason`.
type Read = (Vec<(String, String, Option<f32>, Option<i64>)>, Vec<String>);

fn read(content: &[u8], layout: &Layout) -> Read {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    std::fs::write(&path, content).unwrap();
    let mut listen = quiet();
    let mut session = Session::new(Some(9), &mut listen);
    let log = read_log(&[path], layout, &mut session).unwrap();
    let mut rows = Vec::new();
    let take = |row: RawRow| {
        rows.push((
            log.users.get(row.user).into(),
            log.items.get(row.item).into(),
            row.value,
            row.time.map(|time| time / 1_000),
        ));
    };
    log.rows.each(take).unwrap();
    (rows, session.into_files().remove(0).bad_shown)
}

/// What the reader of a file has to tell of it.
fn noted(content: &[u8]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    std::fs::write(&path, content).unwrap();
    let mut listen = quiet();
    let mut session = Session::new(None, &mut listen);
    read_log(&[path], &Layout::default(), &mut session).unwrap();
    session.into_files().remove(0).notes
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A log of every format that is told by its first line; two events.
const LOGS: [(&str, &str); 14] = [
    ("movielens tabs", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n"),
    ("movielens dat", "1::1193::5::978300760\n1::661::3::978302109\n"),
    ("movielens csv", "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,3,4.0,964981247\n"),
    ("kaggle", "userId,movieId,rating,timestamp\n1,2,3.5,2005-04-02 23:53:47\n1,29,3.5,2005-04-02 23:31:16\n"),
    (
        "amazon json",
        "{\"overall\": 5.0, \"reviewerID\": \"A1\", \"asin\": \"B1\", \"unixReviewTime\": 1}\n{\"overall\": 4.0, \"reviewerID\": \"A2\", \"asin\": \"B1\", \"unixReviewTime\": 2}\n",
    ),
    ("amazon 2018 ratings", "0001713353,A1C6M8LCIX4M6M,5.0,1123804800\n0001713353,A1REUF3A1YCPHM,5.0,1112140800\n"),
    (
        "goodreads json",
        "{\"user_id\": \"u1\", \"book_id\": \"7\", \"rating\": 5, \"is_read\": true}\n{\"user_id\": \"u2\", \"book_id\": \"7\", \"rating\": 3, \"is_read\": true}\n",
    ),
    (
        "book-crossing",
        "\"User-ID\";\"ISBN\";\"Book-Rating\"\n\"276725\";\"034545104X\";\"5\"\n\"276726\";\"0155061224\";\"6\"\n",
    ),
    ("douban", "1\t1630\t4\n2\t4866\t5\n"),
    ("semicolons", "user;item;rating\na;b;3\na;c;4\n"),
    ("recbole", "user_id:token\titem_id:token\trating:float\nu\ta\t3\nu\tb\t4\n"),
    ("adjacency", "0 4 8\n"),
    ("timed sequence", "0 821|1381536000 1860|1381536000\n"),
    (
        "gorse",
        "{\"FeedbackType\": \"read\", \"UserId\": \"u\", \"ItemId\": \"a\", \"Timestamp\": \"2020-01-01T00:00:00Z\"}\n{\"FeedbackType\": \"read\", \"UserId\": \"u\", \"ItemId\": \"b\", \"Timestamp\": \"2020-01-01T00:00:00Z\"}\n",
    ),
];

#[test]
fn what_tells_nothing_changes_nothing() {
    for (name, content) in LOGS {
        let plain = read(content.as_bytes(), &Layout::default());
        assert_eq!((plain.0.len(), plain.1.len()), (2, 0), "{name}: {plain:?}");
        let guises = [
            ("byte order mark", ["\u{feff}", content].concat().into_bytes()),
            ("blank first lines", ["\n \n\u{a0}\n", content].concat().into_bytes()),
            ("mark before a blank line", ["\u{feff}\r\n", content].concat().into_bytes()),
            ("blank lines between", content.replace('\n', "\n\n").into_bytes()),
            ("ends of lines", content.replace('\n', "\r\n").into_bytes()),
            ("no end of the last line", content.trim_end().into()),
            ("compressed", gz(content.as_bytes())),
            ("compressed byte by byte", content.as_bytes().chunks(1).flat_map(gz).collect()),
        ];
        for (guise, content) in guises {
            assert_eq!(read(&content, &Layout::default()), plain, "{name}, {guise}");
        }
    }
}

#[test]
fn bad_lines_keep_their_numbers() {
    let rows = ["user,item,rating", "u,a,3", "u,b,x", "\"u\n2\",c,4", "u,d,\"y\"", "u,e,5", "u,f,z"];
    let numbered = |lines: [usize; 3]| {
        let reason = |(line, value): (usize, &str)| format!("{line}: rating \"{value}\" is not a number");
        lines.into_iter().zip(["x", "y", "z"]).map(reason).collect::<Vec<_>>()
    };
    let layout = Layout { format: Format::Table, ..Layout::default() };
    for end in ["\n", "\r\n"] {
        let (plain, blank) = (numbered([3, 6, 8]), numbered([6, 11, 15]));
        assert_eq!(read(rows.join(end).as_bytes(), &layout).1, plain, "{end:?}");
        assert_eq!(read([&rows.join(end), end].concat().as_bytes(), &layout).1, plain, "{end:?} at the end");
        let content = ["\n", &rows.join(&end.repeat(2))].concat();
        assert_eq!(read(content.as_bytes(), &layout).1, blank, "{end:?}, blank lines between");
    }
}

/// What [`read_log`] says of a file that it refuses.
fn refusal(content: &str, layout: &Layout) -> String {
    let dir = files(&[("log", content)]);
    let mut listen = quiet();
    let mut session = Session::new(None, &mut listen);
    read_log(&[dir.path().join("log")], layout, &mut session).unwrap_err().to_string()
}

#[test]
fn a_quote_left_open_takes_no_lines_along_in_silence() {
    let rows = |n: usize, last: &str| -> String {
        let rows = (0..n).map(|n| format!("u{n},a,3,text\n"));
        ["user,item,rating,title\n".to_owned()].into_iter().chain(rows).chain([last.to_owned()]).collect()
    };
    let table = Layout { format: Format::Table, ..Layout::default() };
    // To the end of the file: every line of it is a bad one.
    let open = format!("u,\"b,3,text\n{}", "u,c,4,text\n".repeat(50));
    let text = refusal(&rows(1000, &open), &table);
    assert!(text.contains("51 of 1051") && text.contains("1002: goes on to the end of the file"), "{text}");
    for last in ["u,\"b,3,text\n", "u,\"b,3,text", "u,\"b,3,text\r\n"] {
        let text = refusal(&rows(50, last), &table);
        assert!(
            text.contains("1 of 51 lines") && text.contains("52: goes on to the end of the file"),
            "{last:?}: {text}"
        );
    }
    // The same in a column that nobody reads.
    let unread = format!("u,b,3,\"text\n{}", "u,c,4,text\n".repeat(50));
    assert!(refusal(&rows(1000, &unread), &table).contains("is a quote left open?"));
    // Until another quote closes it.
    let closed = format!("u,\"b,3,text\n{}u,d\",5,text\n", "u,c,4,text\n".repeat(50));
    assert!(refusal(&rows(1000, &closed), &table).contains("is a quote left open?"));
    let heat = format!("u,b,3,\"Alien\n{}u,d,5,\"Heat\"\n", "u,c,4,text\n".repeat(50));
    assert!(refusal(&rows(1000, &heat), &table).contains("text after a closing quote"));
    let long = format!("u,b,3,\"text\n{}u,d,5,text\"\n", "u,c,4,text\n".repeat(1000));
    assert!(refusal(&rows(1000, &long), &table).contains("goes on for 1002 lines"));
    // Texts of several lines, and ids that have an end of line, are none of these.
    let (read_rows, bad) = read(rows(2, "u,b,3,\"two\nlines, quoted\"\n\"x\ny\",c,4,\"and\n\"").as_bytes(), &table);
    assert_eq!((read_rows.len(), bad), (4, vec![]));
}

#[test]
fn ids_that_lose_spaces_are_told_where_quotes_kept_them() {
    let line = |user: &str| format!("{{\"user\": \"{user}\", \"item\": \"i\"}}\n");
    assert_eq!(noted(line("u").as_bytes()), [""; 0]);
    let told = noted([line("u "), line("u"), line(" v")].concat().as_bytes()).join("; ");
    assert!(told.contains("2 ids begin or end by spaces"), "{told}");
}

#[test]
fn columns_belong_to_a_table_whatever_it_looks_like() {
    let columns = ColumnMap { user: at(1), item: at(0), time: at(2), ..ColumnMap::default() };
    let mapped = Layout { columns: columns.clone(), ..Layout::default() };
    let rows = [("a".into(), "1".into(), Some(1.0), Some(1_500_000_000))];
    for content in ["1\ta\t1500000000\n", "1 a 1500000000\n", "1,a,1500000000\n"] {
        let found =
            read(content.as_bytes(), &Layout { columns: columns.clone(), header: Some(false), ..Layout::default() });
        assert_eq!(found.0, rows, "{content:?}");
    }
    assert_eq!(
        read(b"1\ta\t1500000000\n", &Layout { columns: ColumnMap { value: None, ..columns }, ..Layout::default() }).0,
        rows
    );
    // What has rules of its own is not read without them unless that is said.
    let json = ColumnMap { item: Some("asin".into()), user: Some("who".into()), ..ColumnMap::default() };
    let content = "{\"asin\": \"x\", \"who\": 7, \"rating\": null}\n{\"asin\": \"y\", \"who\": 7}\n";
    let mapped_json = |format| Layout { format, columns: json.clone(), ..Layout::default() };
    assert!(refusal(content, &mapped_json(Format::Auto)).contains("is read as amazon"));
    let (found, _) = read(content.as_bytes(), &mapped_json(Format::JsonLines));
    assert_eq!(found, [("7".into(), "x".into(), None, None), ("7".into(), "y".into(), None, None)]);
    let ratings = "0001713353,A1C6M8LCIX4M6M,5.0,1123804800\n";
    let text = refusal(ratings, &Layout { header: Some(false), ..Layout::default() });
    assert!(text.contains("data.domains.header") && text.contains("is read as amazon"), "{text}");
    let far = Layout { columns: ColumnMap { value: at(7), ..ColumnMap::default() }, ..Layout::default() };
    assert!(refusal("1\ta\t3\n", &far).contains("at position 7"));
    for (format, content) in [
        (Format::Douban, "1\ta\t3\n"),
        (Format::Movielens, "1::2::3::4\n"),
        (Format::Adjacency, "1 2 3\n"),
        (Format::Amazon, "{\"asin\": \"x\"}\n"),
    ] {
        let text = refusal(content, &Layout { format, ..mapped.clone() });
        assert!(text.contains("data.domains.columns") && text.contains("or use format: table"), "{text}");
        let text = refusal(content, &Layout { format, delimiter: Some(' '), ..Layout::default() });
        assert!(text.contains("data.domains.delimiter"), "{text}");
    }
    let text = refusal("1 2 3\n", &Layout { unrated: Some(0.0), ..Layout::default() });
    assert!(text.contains("has no ratings"), "{text}");
}

#[expect(clippy::unnecessary_wraps, reason = "what a map of columns takes")]
fn at(position: usize) -> Option<Column> {
    Some(Column::Position(position))
}

#[test]
fn a_table_is_read_by_names_that_are_known_or_not_at_all() {
    let plain = Layout::default();
    let text = refusal("item_code,customer_code,score,when\n1,2,3,4\n", &plain);
    assert!(text.contains("for the user") && text.contains("customer_code"), "{text}");
    let header = Layout { header: Some(true), ..plain.clone() };
    assert!(refusal("customer,product\n1,2\n", &header).contains("for the user"));
    // Spaces within names part no cells.
    let (rows, _) = read(b"User ID,Item ID,Book Rating\n1,2,3\n", &plain);
    assert_eq!(rows, [("1".into(), "2".into(), Some(3.0), None)]);
    // A cell left out shifts those after it.
    let (rows, bad) = read(b"user,session,item,rating,helpful\n1,9,7,4,0\n2,109,1,7\n", &plain);
    assert_eq!((rows.len(), bad), (1, vec!["3: has 4 cells, the first line has 5".into()]));
}

#[test]
fn words_parted_by_spaces_are_a_table_or_a_list_as_their_lines_tell() {
    let plain = Layout::default();
    let rated = |user: &str, item: &str, value| (user.to_owned(), item.to_owned(), Some(value), None);
    assert_eq!(
        read(b"1 7 2\n1 8 4\n2 7 3\n", &plain).0,
        [rated("1", "7", 2.0), rated("1", "8", 4.0), rated("2", "7", 3.0)]
    );
    assert_eq!(read(b"user item rating\n1 7 2.5\n", &plain).0, [rated("1", "7", 2.5)]);
    let sorted = |user: u32| format!("{} {} 3\n", user % 20_000, user / 20_000);
    let text = refusal(&(0..60_000).map(sorted).collect::<String>(), &plain);
    assert!(text.contains("delimiter: ' ', or format: adjacency"), "{text}");
    assert_eq!(read(b"1 7 2\n2 7 3\n", &plain).0.len(), 4);
    assert_eq!(read(b"1 7 2\n", &Layout { delimiter: Some(' '), ..plain.clone() }).0, [rated("1", "7", 2.0)]);
    let lines = "u 1 2\nu3,4,5\nv 1\n";
    assert!(read(lines.as_bytes(), &plain).1[0].contains("one word, u3,4,5"));
    // Times in the third column of a table without header are no ratings.
    let (rows, _) = read(b"u,a,964982703\nv,b,964982704\n", &plain);
    assert_eq!(rows[0], ("u".into(), "a".into(), Some(1.0), Some(964_982_703)));
    assert_eq!(read(b"u\ta\t964982703\nv\tb\t964982704\n", &plain).0, rows);
    let old = "{\"a\": 1}\r{\"a\": 2}\r";
    assert!(refusal(old, &plain).contains("carriage return"));
}

#[test]
fn comments_and_the_separator_of_a_file_are_no_rows() {
    let plain = Layout::default();
    let rated = |user: &str, item: &str, value| (user.to_owned(), item.to_owned(), Some(value), None);
    let rows = [rated("1", "7", 2.0), rated("1", "8", 4.0)];
    for text in [
        "% bip weighted\n% 2 1 2\n1 7 2\n1 8 4\n",
        "# Ratings\n\n# one a line\n1\t7\t2\n1\t8\t4\n",
        "#Written by a program\n1,7,2\n1,8,4\n",
        "# user item rating\n1 7 2\n1 8 4\n",
        "#user_id,item_id,rating\n1,7,2\n1,8,4\n",
        "sep=;\nuser;item;rating\n1;7;2\n1;8;4\n",
        "\u{feff}sep=|\r\n1|7|2\r\n1|8|4\r\n",
        // Without the first line each of these would be another format.
        "sep=\t\n1\t7\t2\n1\t8\t4\n",
        "sep= \n1 7 2\n1 8 4\n",
    ] {
        assert_eq!(read(text.as_bytes(), &plain), (rows.to_vec(), Vec::new()), "{text:?}");
        assert_eq!(read(&gz(text.as_bytes()), &plain).0, rows, "{text:?}");
    }
    // What a user says counts more than what the file says.
    let commas = Layout { delimiter: Some(','), ..plain.clone() };
    assert_eq!(read(b"sep=;\n1,7,2\n1,8,4\n", &commas).0, rows);
    // Lines are those of the file, whichever reader reads them.
    let bad = |text: &str, format| read(text.as_bytes(), &Layout { format, ..plain.clone() }).1;
    assert_eq!(bad("sep=,\n# one\nuser,item\nu\nv,i\n", Format::Auto), ["4: has 1 cells, the first line has 2"]);
    assert!(bad("# one\n\n1::2::3::4\n1::2\n", Format::Movielens)[0].starts_with("4: "));
    // Ids may begin so: nothing is lost.
    assert_eq!(read(b"#rust,7,2\n#rust,8,4\n1,8,4\n", &plain).0.len(), 3);
    let said = noted(b"# one\n% two\nuser,item\nu,i\n");
    assert_eq!(said, ["2 comments at its beginning, lines that begin with # or %, were passed over"]);
}

#[test]
fn a_bad_line_is_left_out_whole() {
    let layout = Layout { format: Format::TimedSequence, ..Layout::default() };
    let (rows, bad) = read(b"0 1|5 2|x\n1 3|7\n2 |9\n", &layout);
    assert_eq!(rows, [("1".into(), "3".into(), Some(1.0), Some(7))]);
    let starts: Vec<&str> = bad.iter().map(|bad| &bad[..2]).collect();
    assert_eq!(starts, ["1:", "3:"], "{bad:?}");
}

#[test]
fn white_space_alone_is_no_id() {
    let dir = files(&[("ids", "user_id\na\n\u{a0}\n\u{2003}b \n")]);
    let mut listen = quiet();
    let ids = read_ids(&dir.path().join("ids"), &mut Session::new(None, &mut listen)).unwrap();
    assert_eq!(ids, ["a", "b"]);
    let layout = Layout { format: Format::Adjacency, ..Layout::default() };
    assert_eq!(read("7 \u{2028} 9\n".as_bytes(), &layout).0, [("7".into(), "9".into(), Some(1.0), None)]);
}

#[test]
fn an_end_of_line_or_a_quote_parts_no_cells() {
    for delimiter in ['\n', '\r', '"', 'é'] {
        let dir = files(&[("log.csv", "user,item\nu,x\n")]);
        let mut domain = domain(dir.path(), "films", "log.csv");
        domain.delimiter = Some(delimiter);
        let text = message(run(&data(vec![domain]), &PrepareOptions::default(), &SplitConfig::default()));
        assert!(text.contains("data.domains.delimiter") && text.contains("cannot part cells"), "{text}");
    }
}

#[test]
fn a_mark_within_a_log_is_no_beginning_of_a_list() {
    let rows = "xyzw".chars().zip(1..).map(|(item, time)| format!("\u{feff}u,{item},1,{time}\n"));
    let dir = files(&[("log.csv", &format!("user,item,rating,timestamp\n{}", rows.collect::<String>()))]);
    let (prepared, _) =
        run(&data(vec![domain(dir.path(), "films", "log.csv")]), &PrepareOptions::default(), &SplitConfig::default())
            .unwrap();
    let out = dir.path().join("out");
    let refused =
        export(&out, (&prepared, "odd"), Wanted::of(ExportFormat::Adjacency, Ids::External)).unwrap_err().to_string();
    assert!(refused.contains("byte order mark"), "{refused}");
    export(&out, (&prepared, "odd"), Wanted::of(ExportFormat::Csv, Ids::External)).unwrap();
}

fn all_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { all_files(&entry.path(), found) } else { found.push(entry.path()) }
    }
}

/// Every byte of a small Parquet file changed in turn, the footer's among them: an error that names the file or rows, but
/// no panic, though the library has some.
#[test]
fn a_damaged_parquet_file_is_refused() {
    let rows: String = (0..40).map(|n| format!("u{},i{},{},{n}\n", n % 4, n, n % 5 + 1)).collect();
    let dir = files(&[("log.csv", &format!("user,item,rating,timestamp\n{rows}"))]);
    let (prepared, _) = run(
        &data(vec![domain(dir.path(), "films", "log.csv")]),
        &PrepareOptions::default(),
        &kind(SplitKind::LeaveOneOut),
    )
    .unwrap();
    let out = dir.path().join("out");
    export(&out, (&prepared, "sound"), Wanted::of(ExportFormat::Parquet, Ids::External)).unwrap();
    let mut found = Vec::new();
    all_files(&out, &mut found);
    let file = found.iter().find(|path| path.ends_with("train.parquet")).unwrap();
    let sound = std::fs::read(file).unwrap();
    let damaged = dir.path().join("damaged.parquet");
    hush_guarded_panics();
    let mut refused = 0;
    for at in 0..sound.len() {
        for change in [0x01, 0xff] {
            let mut bytes = sound.clone();
            bytes[at] ^= change;
            std::fs::write(&damaged, &bytes).unwrap();
            let mut listen = quiet();
            let mut session = Session::new(Some(u64::MAX), &mut listen);
            let read = read_log(
                std::slice::from_ref(&damaged),
                &Layout { format: Format::Parquet, ..Layout::default() },
                &mut session,
            );
            if let Err(error) = read {
                assert!(error.to_string().contains("damaged.parquet"), "byte {at}: {error}");
                refused += 1;
            }
        }
    }
    assert!(refused > sound.len() / 2, "{refused} of {} changes were seen", 2 * sound.len());
}

#[test]
fn a_tolerated_bad_line_is_told_with_its_number_and_reason() {
    let good: String = (0..150).map(|n| format!("u{},i{},4,{n}\n", n % 9, n / 9)).collect();
    let dir = files(&[("log.csv", &format!("user,item,rating,timestamp\n{good}u,i,four,9\n"))]);
    let config = data(vec![domain(dir.path(), "films", "log.csv")]);
    let (_, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    let told = "log.csv: 1 of 151 lines were unreadable; line 152: rating \"four\" is not a number";
    assert!(report.notes.iter().any(|note| note.ends_with(told)), "{:?}", report.notes);
}

#[test]
fn sequences_and_adjacency_lists_are_told_apart_by_the_folder_or_not_at_all() {
    let dir = files(&[("Beauty.txt", "1 5\n1 6\n1 7\n2 5\n2 6\n2 8\n")]);
    let of = |path: &Path, split: &SplitConfig| {
        let domain = DomainConfig { name: "items".into(), path: Some(path.into()), ..DomainConfig::default() };
        run(&data(vec![domain]), &PrepareOptions::default(), split)
    };
    let (prepared, report) = of(dir.path(), &SplitConfig::default()).unwrap();
    assert_eq!(pairs(&prepared, &parts(&prepared)[2]), ["1:7", "2:8"]);
    assert!(report.notes[0].contains("read as `sequence`"), "{:?}", report.notes);
    let file = dir.path().join("Beauty.txt");
    let split = SplitConfig { min_history: 1, ratios: [0.4, 0.2, 0.4], ..kind(SplitKind::Ratio) };
    let (_, report) = of(&file, &split).unwrap();
    assert!(report.notes.iter().any(|note| note.contains("Beauty.txt: read as `adjacency`")), "{:?}", report.notes);
    assert_eq!(report.inputs[0].format, Some(Format::Adjacency));
    assert!(message(of(&file, &SplitConfig::default())).contains("format=sequence"));
}

#[test]
fn a_link_file_that_nobody_named_is_told() {
    let log = "user_id:token\titem_id:token\ttimestamp:float\n1\t5\t1\n1\t6\t2\n1\t7\t3\n";
    let dir = files(&[("a.inter", log), ("a.link", "a_user_id:token\tb_user_id:token\n1\t2\n")]);
    let domain = DomainConfig { name: "items".into(), path: Some(dir.path().into()), ..DomainConfig::default() };
    let (_, report) = run(&data(vec![domain]), &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert!(report.notes[0].contains("a.link is not read; data.user_links"), "{:?}", report.notes);
}

#[test]
fn a_file_that_may_be_the_log_as_well_is_told() {
    let review = |n: usize| {
        format!(
            "{{\"rating\": 5, \"parent_asin\": \"B{n}\", \"user_id\": \"u\", \"timestamp\": {}}}\n",
            1_500_000_000_000 + n
        )
    };
    let reviews = (0..3).map(review).collect::<String>();
    let dir = files(&[("Books.jsonl", &reviews), ("ratings_Books.csv", "user,item,rating,timestamp\nu,B0,5,1\n")]);
    let of = |change: &dyn Fn(&mut DomainConfig)| {
        let mut domain =
            DomainConfig { name: "books".into(), path: Some(dir.path().into()), ..DomainConfig::default() };
        change(&mut domain);
        run(&data(vec![domain]), &PrepareOptions::default(), &kind(SplitKind::Ratio)).unwrap().1.notes.join("; ")
    };
    let told = of(&|_| {});
    assert!(
        told.contains("Books.jsonl is read; ") && told.contains("ratings_Books.csv, which may be the same"),
        "{told}"
    );
    let named = OneOrMany::One(dir.path().join("Books.jsonl"));
    let told = of(&|domain| domain.interactions = Some(named.clone()));
    assert!(!told.contains("may be the same"), "{told}");
}

#[test]
fn a_folder_of_folders_says_how_to_name_two_of_them() {
    let dir = files(&[("export.json", "{}")]);
    for name in ["films", "music"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    let domain = DomainConfig { name: "items".into(), path: Some(dir.path().into()), ..DomainConfig::default() };
    let told = message(run(&data(vec![domain]), &PrepareOptions::default(), &SplitConfig::default()));
    assert!(
        told.contains("data.source=films data.target=music") && told.contains("holds export.json, films"),
        "{told}"
    );
}

#[test]
fn cells_in_quotes_are_cells_where_the_first_lines_quote_some() {
    let quoted = "\"user\"\t\"item\"\t\"rating\"\n\"u\t1\"\t\"a \"\"b\"\"\"\t4\n";
    let rows = |text: &str| read(text.as_bytes(), &Layout::default()).0;
    assert_eq!(rows(quoted), [("u\t1".into(), "a \"b\"".into(), Some(4.0), None)]);
    assert_eq!(rows("user\titem\trating\n\"u\"\t\"i\"\t4\n"), [("u".into(), "i".into(), Some(4.0), None)]);
    assert_eq!(rows("user\titem\trating\n\n\n\"u\"\t\"i\"\t4\n"), [("u".into(), "i".into(), Some(4.0), None)]);
    assert_eq!(rows("\"u\"\t\"i\"\t4\n"), [("u".into(), "i".into(), Some(4.0), None)]);
    // Names are seldom whole in quotes, and a quote alone is no quoting.
    assert_eq!(rows("user\titem\trating\nu\t12\" mix\t4\n")[0].1, "12\" mix");
}

#[test]
fn a_row_wider_than_its_table_is_bad_unless_the_rest_is_empty() {
    let (rows, bad) = read(b"user,item,rating\nu,i,4,,\nu,3,7,4\n", &Layout::default());
    assert_eq!(rows, [("u".into(), "i".into(), Some(4.0), None)]);
    assert_eq!(bad, ["3: has 4 cells, the first line has 3"]);
}

#[test]
fn a_json_array_is_told_from_lines() {
    for (text, said) in [
        ("[\n{\"user\": 1}]", "is one JSON array; write one object a line"),
        ("  [ {\"user\": 1} ]", "is one JSON array; write one object a line"),
        ("[[\"u1\", \"i1\", 5],\n[\"u1\", \"i2\", 4]]", "is one JSON array of arrays; write it as CSV, as `jq"),
        ("[\"u1\", \"i1\", 5]\n[\"u1\", \"i2\", 4]\n", "has a JSON array a line; write them as CSV, as `jq -r @csv`"),
    ] {
        let dir = files(&[("log.json", text)]);
        let config = data(vec![domain(dir.path(), "films", "log.json")]);
        let told = message(run(&config, &PrepareOptions::default(), &SplitConfig::default()));
        assert!(told.contains(&format!("log.json: {said}")), "{told}");
    }
    // Brackets alone make no array.
    assert_eq!(read(b"[u1],i1,5\n[u2],i1,4\n", &Layout::default()).0[0].0, "[u1]");
}

#[test]
fn a_line_that_lacks_the_value_of_others_is_incomplete_wherever_they_stand() {
    let line = |n: usize, rated: bool| {
        let rating = if rated { ", \"rating\": 4" } else { "" };
        format!("{{\"user\": \"u\", \"item\": \"i{n}\", \"ts\": {n}{rating}}}\n")
    };
    let plain = Layout::default();
    let values = |rated: &dyn Fn(usize) -> bool| -> Vec<Option<f32>> {
        let text: String = (0..1000).map(|n| line(n, rated(n))).collect();
        read(text.as_bytes(), &plain).0.into_iter().map(|row| row.2).collect()
    };
    assert_eq!(values(&|_| false), [Some(1.0); 1000]);
    for first in [0, 1, 500, 999] {
        let expected: Vec<Option<f32>> = (0..1000).map(|n| (n >= first).then_some(4.0)).collect();
        assert_eq!(values(&|n| n >= first), expected, "from {first} on");
    }
    // Events of another kind, which are not read, tell nothing.
    let kinds = "{\"user\": 1, \"item\": 2, \"kind\": \"view\"}\n{\"user\": 1, \"item\": 2, \"kind\": \"rate\", \"rating\": 3}\n";
    let only = serde_json::from_str(r#"{"kind": "view"}"#).unwrap();
    let (rows, _) = read(kinds.as_bytes(), &Layout { only, ..plain.clone() });
    assert_eq!(rows, [("1".into(), "2".into(), Some(1.0), None)]);
    // Two files are one log as one is.
    let text = |range: std::ops::Range<usize>| range.map(|n| line(n, n >= 4)).collect::<String>();
    let dir = files(&[("whole", &text(0..8)), ("a", &text(0..4)), ("b", &text(4..8))]);
    let of = |names: &[&str]| {
        let interactions = Some(OneOrMany::Many(names.iter().map(|name| dir.path().join(name)).collect()));
        let films = DomainConfig { name: "films".into(), interactions, ..DomainConfig::default() };
        let (prepared, report) = run(&data(vec![films]), &PrepareOptions::default(), &SplitConfig::default()).unwrap();
        assert!(report.notes.iter().any(|note| note.contains("4 incomplete rows")), "{names:?}: {:?}", report.notes);
        parts(&prepared).map(|log| pairs(&prepared, &log))
    };
    assert_eq!(of(&["whole"]), of(&["a", "b"]));
    assert_eq!(of(&["whole"]), of(&["b", "a"]));
}

/// What preparation notes of a log; no split is asked that some of them would be too small for.
fn notes_of(text: &str, change: impl Fn(&mut DomainConfig)) -> Vec<String> {
    let dir = files(&[("log", text)]);
    let mut films = domain(dir.path(), "films", "log");
    change(&mut films);
    let split = SplitConfig { min_history: 1, ratios: [0.4, 0.2, 0.4], ..kind(SplitKind::Ratio) };
    run(&data(vec![films]), &PrepareOptions::default(), &split).unwrap().1.notes
}

#[test]
fn numbers_that_nobody_uses_are_told() {
    let table = |header: &str, cell: &str| {
        let rows = (0..9).map(|n| format!("u,i{n},{cell}\n"));
        [format!("{header}\n")].into_iter().chain(rows).collect::<String>()
    };
    let told = |header: &str, cell: &str| notes_of(&table(header, cell), |_| {}).join("; ");
    let notes = told("userId,songId,clicks", "7");
    assert!(notes.contains("numbers of clicks are not used") && notes.contains("columns: {value: clicks}"), "{notes}");
    for (header, cell) in [
        ("userId,songId,listen_count", "7"),
        ("userId,songId,Play Count", "7"),
        ("userId,songId,sessionId", "7"),
        ("userId,songId,album", "7up"),
        ("userId,songId,clicks", ""),
        ("userId,songId,rating,clicks", "3,7"),
    ] {
        let notes = told(header, cell);
        assert!(!notes.contains("are not used"), "{header}: {notes}");
    }
    for heard in ["964982703", "2017-08-24 10:00:00"] {
        let notes = told("userId,songId,heard", heard);
        assert!(notes.contains("moments of heard are not used") && notes.contains("{time: heard}"), "{heard}: {notes}");
        assert!(!told("userId,songId,heard,timestamp", &format!("{heard},1500000000")).contains("moments of heard"));
    }
    let plays = read(table("userId,songId,listen_count", "7").as_bytes(), &Layout::default()).0;
    assert_eq!(plays[0].2, Some(7.0));
    let columns = ColumnMap { value: Some("clicks".into()), ..ColumnMap::default() };
    let notes = notes_of(&table("userId,songId,clicks", "7"), |films| films.columns = columns.clone());
    assert!(!notes.join("; ").contains("are not used"), "{notes:?}");
}

#[test]
fn plays_that_single_precision_lacks_are_told() {
    let log = |plays: u32| format!("user,artist_id,plays\nu,a,{plays}\nu,b,{plays}\nu,c,3\nu,d,1.1\n");
    let notes = notes_of(&log(16_777_217), |_| {}).join("; ");
    assert!(notes.contains("films: 2 values are whole numbers beyond 2^24 (16777216)"), "{notes}");
    assert_eq!(notes_of(&log(16_777_216), |_| {}), [""; 0]);
    // Nobody reads what every event counts 1 for.
    assert_eq!(notes_of(&log(16_777_217), |films| films.implicit = true), [""; 0]);
}

#[test]
fn a_first_row_that_may_be_a_header_is_told() {
    let rows: String = (0..9).map(|n| format!("u,i{n}\n")).collect();
    for delimiter in [",", "\t", ";"] {
        let told = |first: &str| notes_of(&format!("{first}\n{rows}").replace(',', delimiter), |_| {}).join("; ");
        let notes = told("person,film");
        assert!(notes.contains("first row, \"person\" and \"film\", was read as an event"), "{delimiter:?}: {notes}");
        assert!(notes.contains("header: true"), "{notes}");
        for plain in ["u,i10", "1,2"] {
            assert!(!told(plain).contains("first row"), "{delimiter:?}: {plain}");
        }
    }
    let text = format!("person,film\n{rows}");
    assert!(!notes_of(&text, |films| films.header = Some(false)).join("; ").contains("first row"));
    // The way out is one.
    let columns = ColumnMap { user: Some("person".into()), item: Some("film".into()), ..ColumnMap::default() };
    let layout = Layout { header: Some(true), columns, ..Layout::default() };
    assert_eq!(read(text.as_bytes(), &layout).0.len(), 9);
}

#[test]
fn a_mapped_key_that_no_line_has_is_named_with_those_there_are() {
    let rows =
        "{\"user\": {\"id\": 1}, \"film\": 2, \"stars\": 3}\n{\"user\": {\"id\": 1}, \"film\": 3, \"when\": 4}\n";
    let map = |user: &str, value: Option<&str>| {
        let value = value.map(Column::from);
        let columns = ColumnMap { user: Some(user.into()), item: Some("film".into()), value, ..ColumnMap::default() };
        Layout { columns, ..Layout::default() }
    };
    let text = refusal(rows, &map("user.id", Some("star")));
    for part in ["\"star\"", "no line has this key", "did you mean \"stars\"", "film, stars, user.id, when"] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(refusal(rows, &map("who", None)).contains("\"who\""));
    let only = |wanted: &str| Layout { only: serde_json::from_str(wanted).unwrap(), ..map("user.id", None) };
    let text = refusal(rows, &only(r#"{"kind": "view"}"#));
    assert!(text.contains("data.domains.only") && text.contains("kind is no key of"), "{text}");
    // A key that some line has, however late, is one; so is one that rows must lack.
    assert_eq!(read(rows.as_bytes(), &map("user.id", Some("when"))).0.len(), 2);
    assert_eq!(read(rows.as_bytes(), &only(r#"{"kind": ""}"#)).0.len(), 2);
}

#[test]
fn events_of_one_second_are_in_their_order() {
    // The later an event, the lesser its item, so that ties would be broken the other way round.
    let at = |item: u32, rating: u32, millisecond: u32| format!("u,{item},{rating},1588687728{millisecond}\n");
    let lines =
        [at(3, 5, 920), at(2, 5, 921), at(1, 5, 922), at(0, 5, 923), at(3, 2, 910), at(9, 5, 900), at(8, 5, 901)];
    let dir = files(&[("log.csv", &format!("user_id,item_id,rating,timestamp\n{}", lines.concat()))]);
    let config = data(vec![domain(dir.path(), "d", "log.csv")]);
    let (prepared, _) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    let [train, valid, test] = parts(&prepared);
    assert_eq!([&valid, &test].map(|part| pairs(&prepared, part)), [["u:1"], ["u:0"]]);
    let kept = train.events().find(|e| prepared.catalogue.external(e.item) == "3").unwrap();
    assert_eq!((kept.value, kept.time), (5.0, Some(1_588_687_728)));
}
