//! One file from a scripted server.

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use segue_download::{Algorithm, Checksum, Client, ClientConfig, DownloadError, Event, Fetched, Request, Stage, fetch};
use tempfile::TempDir;

use crate::server::{Reply, Server};
use crate::{client, quiet};

/// 300,000 bytes of which no two blocks are alike.
fn content() -> Vec<u8> {
    (0_u32..75_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// `sha256sum` of [`content`], by another program.
const SHA256: &str = "e496e24b4de3ed92e3247412ae0a588a002b2e209bff58a8a138020cc8e75fed";

struct Place {
    dir: TempDir,
    target: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("below").join(name);
        Self { dir, target }
    }

    fn part(&self) -> PathBuf {
        let mut name = self.target.clone().into_os_string();
        name.push(".part");
        name.into()
    }

    fn fetch(&self, client: &Client, addresses: &[String]) -> Result<Fetched, DownloadError> {
        self.fetch_checked(client, addresses, None)
    }

    fn fetch_checked(
        &self,
        client: &Client,
        addresses: &[String],
        checksum: Option<&Checksum>,
    ) -> Result<Fetched, DownloadError> {
        let request = Request { data_set: "test", addresses, target: &self.target, checksum, max_bytes: None };
        fetch(client, &request, &mut quiet())
    }

    /// The file is there as it should be, and nothing beside it.
    #[track_caller]
    fn holds(&self, content: &[u8]) {
        assert!(fs::read(&self.target).unwrap() == content, "the file differs");
        assert_eq!(self.names(), [self.target.file_name().unwrap().to_str().unwrap()]);
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.dir.path().join("below")) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Fetches from a server that answers so, into a fresh folder.
fn from(answer: impl Fn(&crate::server::Asked, usize) -> Reply + Send + Sync + 'static) -> (Place, Server) {
    (Place::new("log.csv"), Server::start(answer))
}

fn address(server: &Server) -> Vec<String> {
    vec![format!("{}/log.csv", server.address)]
}

#[track_caller]
fn says(error: &DownloadError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "should say `{part}`, but says: {text}");
    }
}

#[test]
fn a_whole_file() {
    let (place, server) = from(|asked, _| Reply::file(asked, &content(), "\"1\""));
    let fetched = place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&content());
    assert_eq!((fetched.bytes, fetched.sha256.as_str(), fetched.kept), (300_000, SHA256, 0));
    assert_eq!(server.asked()[0].accept_encoding.as_deref(), Some("identity"));
}

#[test]
fn an_empty_file_and_one_without_a_stated_size() {
    let (place, server) = from(|_, _| Reply::whole(b""));
    assert_eq!(place.fetch(&client(), &address(&server)).unwrap().bytes, 0);
    place.holds(b"");
    let (place, server) = from(|_, _| Reply::whole(&content()).without_length());
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&content());
}

#[test]
fn a_cut_connection_is_taken_up_where_it_broke() {
    let (place, server) = from(|asked, n| {
        let reply = Reply::file(asked, &content(), "\"1\"");
        if n < 3 { reply.cut_after(50_000) } else { reply }
    });
    let checksum = Checksum::parse(Algorithm::Sha256, SHA256).unwrap();
    place.fetch_checked(&client(), &address(&server), Some(&checksum)).unwrap();
    place.holds(&content());
    assert_eq!(server.starts(), [None, Some(50_000), Some(100_000), Some(150_000)]);
    assert_eq!(server.asked()[1].if_range.as_deref(), Some("\"1\""));
}

#[test]
fn progress_renews_the_tries_and_none_ends_them() {
    // Twelve cuts, four tries: each brings something new.
    let (place, server) = from(|asked, n| {
        let reply = Reply::file(asked, &content(), "\"1\"");
        if n < 12 { reply.cut_after(20_000) } else { reply }
    });
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&content());
    let (place, server) =
        from(|asked, n| Reply::file(asked, &content(), "\"1\"").cut_after(if n == 0 { 70_000 } else { 0 }));
    let error = place.fetch(&client(), &address(&server)).unwrap_err();
    assert!(matches!(error, DownloadError::Cut { got: 70_000, expected: Some(300_000), .. }), "{error}");
    says(&error, &["70000 of 300000", "log.csv.part", "goes on from there"]);
    assert_eq!(server.asked().len(), 4);
    assert_eq!(fs::metadata(place.part()).unwrap().len(), 70_000);
}

#[test]
fn what_no_server_can_go_on_with_is_not_promised_to_go_on() {
    let (place, server) = from(|_, _| Reply::whole(&content()).cut_after(70_000));
    let error = place.fetch(&client(), &address(&server)).unwrap_err();
    says(&error, &["70000 of 300000", "begins anew"]);
}

#[test]
fn a_stopped_call_is_taken_up_by_the_next() {
    let (place, server) = from(|asked, _| Reply::file(asked, &content(), "\"1\""));
    let addresses = address(&server);
    let request =
        Request { data_set: "test", addresses: &addresses, target: &place.target, checksum: None, max_bytes: None };
    let stopped = fetch(&client(), &request, &mut |event| match event {
        Event::Progress { stage: Stage::Fetch, done: 1.., .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(stopped, Err(DownloadError::Interrupted)));
    let kept = fs::metadata(place.part()).unwrap().len();
    assert!(kept > 0 && kept < 300_000 && !place.target.exists(), "{kept}");
    let checksum = Checksum::parse(Algorithm::Sha256, SHA256).unwrap();
    let fetched = place.fetch_checked(&client(), &addresses, Some(&checksum)).unwrap();
    assert_eq!((fetched.kept, fetched.sha256.as_str()), (kept, SHA256));
    place.holds(&content());
    assert_eq!(server.starts(), [None, Some(kept as usize)]);
}

#[test]
fn a_file_that_was_whole_but_not_renamed_is_not_asked_for_again() {
    let (place, server) =
        from(|asked, n| Reply::file(asked, &content(), "\"1\"").cut_after(if n == 0 { 100_000 } else { 0 }));
    place.fetch(&client(), &address(&server)).unwrap_err();
    // The rest as the killed call would have written it.
    fs::write(place.part(), content()).unwrap();
    let asked = server.asked().len();
    assert_eq!(place.fetch(&client(), &address(&server)).unwrap().sha256, SHA256);
    assert_eq!(server.asked().len(), asked);
    place.holds(&content());
}

#[test]
fn halves_of_two_versions_are_never_glued() {
    let new: Vec<u8> = content().iter().rev().copied().collect();
    // The server compares the tags, and sends the new version from the beginning.
    let (old, newer) = (content(), new.clone());
    let (place, server) = from(move |asked, n| match n {
        0 => Reply::file(asked, &old, "\"1\"").cut_after(60_000),
        _ => Reply::file(asked, &newer, "\"2\""),
    });
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&new);
    // The server knows `If-Range` not: the answer's own tag or size gives it away.
    for changed in ["tag", "size"] {
        let (old, newer) = (content(), [new.clone(), vec![7]].concat());
        let expected = newer.clone();
        let (place, server) = from(move |asked, n| match (n, asked.from) {
            (0, _) => Reply::file(asked, &old, "\"1\"").cut_after(60_000),
            (_, Some(at)) if changed == "tag" => Reply::part(&newer, at, newer.len()).header("ETag", "\"2\""),
            (_, Some(at)) => Reply::part(&newer, at, newer.len()),
            _ => Reply::whole(&newer).header("ETag", "\"2\""),
        });
        place.fetch(&client(), &address(&server)).unwrap();
        place.holds(&expected);
        assert_eq!(server.starts(), [None, Some(60_000), None], "{changed}");
    }
}

#[test]
fn without_a_tag_the_date_tells_and_without_both_only_a_checksum() {
    let date = "Wed, 25 Nov 2020 09:00:00 GMT";
    let (place, server) = from(move |asked, n| {
        let reply = Reply::file(asked, &content(), date).header("Last-Modified", date).header("ETag", "W/\"1\"");
        if n == 0 { reply.cut_after(90_000) } else { reply }
    });
    // `file` has put the date as a tag, too; a weak tag alone must not be used.
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&content());

    let bare = |asked: &crate::server::Asked, n: usize| match asked.from {
        Some(at) => Reply::part(&content(), at, 300_000),
        None if n == 0 => Reply::whole(&content()).cut_after(90_000),
        None => Reply::whole(&content()),
    };
    let (place, server) = from(bare);
    place.fetch(&client(), &address(&server)).unwrap();
    assert_eq!(server.starts(), [None, None]);
    let (place, server) = from(bare);
    let checksum = Checksum::parse(Algorithm::Sha256, SHA256).unwrap();
    place.fetch_checked(&client(), &address(&server), Some(&checksum)).unwrap();
    assert_eq!(server.starts(), [None, Some(90_000)]);
    place.holds(&content());
}

#[test]
fn servers_without_ranges_start_again() {
    let (place, server) = from(|_, n| {
        let reply = Reply::whole(&content()).header("ETag", "\"1\"");
        if n == 0 { reply.cut_after(120_000) } else { reply }
    });
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&content());
    assert_eq!(server.starts(), [None, Some(120_000)]);
}

#[test]
fn nonsense_about_ranges() {
    let wrong_start = |asked: &crate::server::Asked, n: usize| match (n, asked.from) {
        (0, _) => Reply::file(asked, &content(), "\"1\"").cut_after(50_000),
        (_, Some(_)) => Reply::part(&content(), 10, 300_000),
        _ => Reply::whole(&content()),
    };
    let (place, server) = from(wrong_start);
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&content());
    assert_eq!(server.starts(), [None, Some(50_000), None]);
    let (place, server) = from(|_, _| Reply::part(&content(), 10, 300_000));
    says(&place.fetch(&client(), &address(&server)).unwrap_err(), &["was not asked for"]);
    assert!(place.names().is_empty());
    // Now shorter than what has arrived.
    let (place, server) = from(|asked, n| match n {
        0 => Reply::file(asked, &content(), "\"1\"").cut_after(50_000),
        _ => Reply::file(asked, b"short", "\"1\""),
    });
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(b"short");
}

#[test]
fn a_wrong_checksum_removes_the_file() {
    let (place, server) = from(|asked, _| Reply::file(asked, b"not the content", "\"1\""));
    let checksum = Checksum::parse(Algorithm::Sha256, SHA256).unwrap();
    let error = place.fetch_checked(&client(), &address(&server), Some(&checksum)).unwrap_err();
    says(&error, &["sha256", SHA256, "got ", "removed"]);
    assert!(place.names().is_empty(), "{:?}", place.names());
    assert_eq!(server.asked().len(), 1, "what is wrong stays wrong");
}

#[test]
fn git_blobs_are_checked_with_and_without_a_stated_size() {
    // `git hash-object` of the content.
    let checksum = Checksum::parse(Algorithm::GitBlob, "6c34e65590f7a1657a04d51b7ce6125588fb01da").unwrap();
    for stated in [true, false] {
        let (place, server) = from(move |_, _| {
            let reply = Reply::whole(&content());
            if stated { reply } else { reply.without_length() }
        });
        place.fetch_checked(&client(), &address(&server), Some(&checksum)).unwrap();
        place.holds(&content());
    }
}

#[test]
fn statuses_say_what_to_do() {
    for (status, parts) in [
        ("404 Not Found", &["404", "moved", "--mirror"][..]),
        ("403 Forbidden", &["403", "browser"]),
        ("500 Internal Server Error", &["500", "later"]),
        ("204 No Content", &["204"]),
    ] {
        let (place, server) = from(move |_, _| Reply::status(status));
        let error = place.fetch(&client(), &address(&server)).unwrap_err();
        says(&error, parts);
        says(&error, &[&address(&server)[0]]);
        assert!(place.names().is_empty(), "{status} left {:?}", place.names());
        assert_eq!(server.asked().len(), if status.starts_with('5') { 4 } else { 1 }, "{status}");
    }
}

#[test]
fn what_passes_is_tried_again() {
    let (place, server) = from(|asked, n| match n {
        0 => Reply::status("503 Service Unavailable").header("Retry-After", "0"),
        1 => Reply::status("429 Too Many Requests"),
        _ => Reply::file(asked, &content(), "\"1\""),
    });
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&content());
}

#[test]
fn a_wait_that_the_server_asks_for_is_told() {
    let (place, server) = from(|asked, n| match n {
        0 => Reply::status("503 Service Unavailable").header("Retry-After", "1"),
        1 => Reply::status("503 Service Unavailable"),
        _ => Reply::file(asked, &content(), "\"1\""),
    });
    let (mut notes, addresses) = (Vec::new(), address(&server));
    let mut listen = |event: Event<'_>| {
        if let Event::Note(note) = event {
            notes.push(note.to_owned());
        }
        ControlFlow::Continue(())
    };
    let request =
        Request { data_set: "test", addresses: &addresses, target: &place.target, checksum: None, max_bytes: None };
    fetch(&client(), &request, &mut listen).unwrap();
    place.holds(&content());
    let again = "the server answers 503; trying again";
    assert_eq!(notes, [format!("{again} in 1 s, for the server asks to wait 1 s"), again.into()]);
}

#[test]
fn redirects_are_followed_but_not_in_circles() {
    let (place, server) = from(|asked, _| match asked.path.as_str() {
        "/log.csv" => Reply::redirect("/elsewhere?v=2"),
        _ => Reply::file(asked, &content(), "\"1\""),
    });
    place.fetch(&client(), &address(&server)).unwrap();
    place.holds(&content());
    let (place, server) = from(|_, _| Reply::redirect("/log.csv"));
    says(&place.fetch(&client(), &address(&server)).unwrap_err(), &["circle"]);
}

#[test]
fn a_redirect_out_of_http_is_called_what_it_is() {
    for (elsewhere, named) in [("file:///etc/passwd", "file:///etc/passwd"), ("ftp://127.0.0.1/log.csv", "ftp")] {
        let (place, server) = from(move |_, _| Reply::redirect(elsewhere));
        says(&place.fetch(&client(), &address(&server)).unwrap_err(), &["redirected to", named, "--mirror"]);
        let (place, server) = from(move |asked, _| match asked.path.as_str() {
            "/log.csv" => Reply::redirect(elsewhere),
            _ => Reply::status("404 Not Found"),
        });
        says(&place.fetch(&client(), &address(&server)).unwrap_err(), &["redirected to", named]);
        assert!(place.names().is_empty(), "{:?}", place.names());
    }
}

#[test]
fn a_page_in_place_of_a_file_is_refused_whatever_the_server_calls_it() {
    let page = b"\xef\xbb\xbf \n<!DOCTYPE html><title>Sign in</title>";
    let shy = b"<HTML lang=en><body>moved</body>";
    for (body, kind) in [
        (&page[..], "text/html; charset=utf-8"),
        (page, "text/csv"),
        (shy, "application/octet-stream"),
        (b"a,b\n", "Text/HTML"),
    ] {
        let (place, server) = from(move |_, _| Reply::whole(body).header("Content-Type", kind));
        let error = place.fetch(&client(), &address(&server)).unwrap_err();
        says(&error, &["a page", "in a browser", ".html"]);
        assert!(place.names().is_empty(), "{kind} left {:?}", place.names());
        // As what it is.
        let target = place.dir.path().join("page.html");
        let (data_set, addresses) = ("test", &address(&server)[..]);
        let request = Request { data_set, addresses, target: &target, checksum: None, max_bytes: None };
        fetch(&client(), &request, &mut quiet()).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), body);
    }
    // A table may begin with a tag of its own.
    let (place, server) = from(|asked, _| Reply::file(asked, b"<htmlx>,b\n", "\"1\""));
    place.fetch(&client(), &address(&server)).unwrap();
}

#[test]
fn endless_and_oversized_bodies_end() {
    let limited = |place: &Place, server: &Server| {
        let addresses = address(server);
        let request = Request {
            data_set: "test",
            addresses: &addresses,
            target: &place.target,
            checksum: None,
            max_bytes: Some(1_000_000),
        };
        fetch(&client(), &request, &mut quiet()).unwrap_err()
    };
    let (place, server) = from(|_, _| Reply::whole(&content()).endless());
    says(&limited(&place, &server), &["more than 1000000 bytes", "--max-bytes"]);
    assert!(place.names().is_empty(), "{:?}", place.names());
    let (place, server) = from(|_, _| Reply::whole(&vec![0; 2_000_000]));
    says(&limited(&place, &server), &["states 2000000", "1000000 are allowed"]);
    assert!(place.names().is_empty());
}

#[test]
fn an_encoding_that_nobody_asked_for_is_neither_undone_nor_kept() {
    let (place, server) = from(|_, _| Reply::whole(b"\x1f\x8b...").header("Content-Encoding", "gzip"));
    says(&place.fetch(&client(), &address(&server)).unwrap_err(), &["encoded as gzip"]);
    assert!(place.names().is_empty());
    // Of a file that is compressed anyway some servers say so.
    let place = Place::new("reviews.json.gz");
    let server = Server::start(|_, _| Reply::whole(b"\x1f\x8b...").header("Content-Encoding", "x-gzip"));
    place.fetch(&client(), &[format!("{}/reviews.json.gz", server.address)]).unwrap();
    place.holds(b"\x1f\x8b...");
}

#[test]
fn a_server_that_falls_silent() {
    let config =
        ClientConfig { idle: Duration::from_millis(80), tries: 2, pause: Duration::ZERO, ..ClientConfig::default() };
    let impatient = Client::new(config).unwrap();
    let (place, server) = from(|asked, n| {
        let reply = Reply::file(asked, &content(), "\"1\"");
        if n == 0 { reply.stall_after(40_000) } else { reply }
    });
    place.fetch(&impatient, &address(&server)).unwrap();
    place.holds(&content());
    assert_eq!(server.starts(), [None, Some(40_000)]);
    let (place, server) = from(|asked, _| Reply::file(asked, &content(), "\"1\"").stall_after(0));
    let error = place.fetch(&impatient, &address(&server)).unwrap_err();
    assert!(matches!(error, DownloadError::Stalled { .. }), "{error}");
    says(&error, &["nothing came for 0.08 seconds"]);
}

#[test]
fn the_next_address_is_asked() {
    let (place, server) = from(|asked, _| match asked.path.as_str() {
        "/gone/log.csv" => Reply::status("404 Not Found"),
        "/wrong/log.csv" => Reply::whole(b"wrong"),
        _ => Reply::file(asked, &content(), "\"1\""),
    });
    let all = ["gone", "wrong", "right"].map(|it| format!("{}/{it}/log.csv", server.address));
    let checksum = Checksum::parse(Algorithm::Sha256, SHA256).unwrap();
    let fetched = place.fetch_checked(&client(), &all, Some(&checksum)).unwrap();
    assert_eq!(fetched.address, all[2]);
    place.holds(&content());
    fs::remove_file(&place.target).unwrap();
    let error = place.fetch_checked(&client(), &all[..2], Some(&checksum)).unwrap_err();
    says(&error, &["404", "sha256", "by hand", "log.csv"]);
}

#[test]
fn no_server_no_http_no_address() {
    let place = Place::new("log.csv");
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = place.fetch(&client(), &[format!("http://127.0.0.1:{port}/x")]).unwrap_err();
    assert!(matches!(error, DownloadError::Unreachable { .. }), "{error}");
    // Where TLS is expected and none is spoken.
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = place.fetch(&client(), &[format!("https://127.0.0.1:{port}/log.csv")]).unwrap_err();
    assert!(matches!(error, DownloadError::Unreachable { passing: false, .. }), "{error}");
    says(&error, &["SSL_CERT_FILE"]);
    let error = place.fetch(&client(), &["file:///etc/passwd".into()]).unwrap_err();
    says(&error, &["file:///etc/passwd"]);
    assert!(place.names().is_empty());
}

#[test]
fn two_downloads_of_one_file() {
    let (place, server) = from(|asked, _| Reply::file(asked, &content(), "\"1\""));
    let addresses = address(&server);
    let request =
        Request { data_set: "test", addresses: &addresses, target: &place.target, checksum: None, max_bytes: None };
    let mut second = None;
    fetch(&client(), &request, &mut |_| {
        second.get_or_insert_with(|| fetch(&client(), &request, &mut quiet()));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(matches!(second, Some(Err(DownloadError::Locked { .. }))), "{second:?}");
    place.holds(&content());
}

#[test]
fn places_that_cannot_be_written() {
    let server = Server::start(|asked, _| Reply::file(asked, &content(), "\"1\""));
    let target = Path::new("/proc/segue/log.csv");
    let addresses = address(&server);
    let request = Request { data_set: "test", addresses: &addresses, target, checksum: None, max_bytes: None };
    let error = fetch(&client(), &request, &mut quiet()).unwrap_err();
    assert!(matches!(error, DownloadError::Io { .. }), "{error}");
}
