//! Whole data sets, from a mirror on this machine.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use segue_download::catalogue::find;
use segue_download::{Archives, DownloadError, Event, Obtained, Order, Record, check, obtain};

use crate::server::{Asked, Reply, Server};
use crate::unpacking::zip_of;
use crate::{client, quiet};

const RATINGS: &[u8] = b"userId,movieId,rating,timestamp\n1,1,4.0,1\n";

fn movielens() -> Vec<u8> {
    zip_of(&[
        ("ml-latest-small/ratings.csv", RATINGS),
        ("ml-latest-small/movies.csv", b"movieId,title,genres\n1,One,Drama\n"),
    ])
}

/// The small data set as its publisher serves it, with `md5` beside.
fn publisher(md5: &'static str) -> Server {
    Server::start(move |asked, _| match asked.path.as_str() {
        "/datasets/movielens/ml-latest-small.zip" => Reply::file(asked, &movielens(), "\"1\""),
        "/datasets/movielens/ml-latest-small.zip.md5" if !md5.is_empty() => Reply::whole(md5.as_bytes()),
        _ => Reply::status("404 Not Found"),
    })
}

fn order<'a>(name: &str, categories: &[&str], root: &'a Path, mirror: &'a str) -> Order<'a> {
    let data_set = find(name).unwrap();
    let categories: Vec<String> = categories.iter().map(ToString::to_string).collect();
    Order {
        data_set,
        categories: data_set.choose(&categories).unwrap(),
        root,
        mirror: Some(mirror),
        archives: Archives::Unpack,
        force: false,
        max_bytes: None,
    }
}

/// Obtains it, with the notes that were heard.
fn get(order: &Order<'_>) -> Result<(Obtained, String), DownloadError> {
    let mut notes = String::new();
    let obtained = obtain(&client(), order, &mut |event| {
        if let Event::Note(note) = event {
            notes.push_str(note);
            notes.push('\n');
        }
        ControlFlow::Continue(())
    })?;
    Ok((obtained, notes))
}

#[test]
fn an_archive_is_fetched_unpacked_recorded_and_then_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = publisher("");
    let mut order = order("ml-latest-small", &[], dir.path(), &server.address);
    let (obtained, notes) = get(&order).unwrap();
    assert_eq!((obtained.written.len(), obtained.found.len()), (2, 0));
    assert!(notes.contains("checksum") && notes.contains("cannot be had"), "{notes}");
    let folder = dir.path().join("ml-latest-small");
    assert_eq!(fs::read(folder.join("ratings.csv")).unwrap(), RATINGS);
    assert!(!dir.path().join("ml-latest-small.zip").exists());
    let record = Record::read(&folder).unwrap();
    assert_eq!(record.files["ratings.csv"].bytes, RATINGS.len() as u64);

    // Complete: no network, and the check says so, too.
    let asked = server.asked().len();
    let (obtained, _) = get(&order).unwrap();
    assert_eq!((obtained.written.len(), obtained.found.len()), (0, 2));
    assert_eq!(check(&order, &mut quiet()).unwrap().len(), 2);
    assert_eq!(server.asked().len(), asked);

    // Not complete any more: said by the check, mended by the next call; what is not ours stays.
    fs::write(folder.join("ratings.csv"), [&RATINGS[..RATINGS.len() - 1], b"2"].concat()).unwrap();
    fs::remove_file(folder.join("movies.csv")).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let error = check(&order, &mut quiet()).unwrap_err().to_string();
    for part in ["ratings.csv has changed", "movies.csv is missing", "segue download ml-latest-small"] {
        assert!(error.contains(part), "{error}");
    }
    order.archives = Archives::UnpackAndKeep;
    let (obtained, _) = get(&order).unwrap();
    assert_eq!(obtained.written.len(), 2);
    assert_eq!(check(&order, &mut quiet()).unwrap().len(), 2);
    assert!(dir.path().join("ml-latest-small.zip").exists() && folder.join("notes.txt").exists());
}

#[test]
fn the_publishers_checksum_beside_the_file_counts() {
    // `printf x | md5sum`: not that of the archive.
    let server = publisher("MD5 (ml-latest-small.zip) = 9dd4e461268c8034f5c8564e155c67a6\n");
    let dir = tempfile::tempdir().unwrap();
    let error = get(&order("ml-latest-small", &[], dir.path(), &server.address)).unwrap_err().to_string();
    assert!(error.contains("md5") && error.contains("9dd4e461268c8034f5c8564e155c67a6"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn an_archive_put_there_by_hand_is_used() {
    let server = Server::start(|_, _| Reply::status("404 Not Found"));
    let dir = tempfile::tempdir().unwrap();
    let order_it = order("book-crossing", &[], dir.path(), &server.address);
    let error = get(&order_it).unwrap_err().to_string();
    let place = dir.path().join("BX-CSV-Dump.zip");
    for part in ["404", "by hand", "--mirror", &place.display().to_string()] {
        assert!(error.contains(part), "should say {part}: {error}");
    }
    fs::write(&place, zip_of(&[("BX-Book-Ratings.csv", b"1;2;3\n")])).unwrap();
    let (obtained, notes) = get(&order_it).unwrap();
    assert_eq!(obtained.written.len(), 1);
    assert!(notes.contains("taken as it is"), "{notes}");
    assert!(place.exists() && dir.path().join("book-crossing/BX-Book-Ratings.csv").exists());
    // With a published checksum it must be the right one.
    fs::write(dir.path().join("ml-1m.zip"), "something else").unwrap();
    let error = get(&order("ml-1m", &[], dir.path(), &server.address)).unwrap_err().to_string();
    assert!(error.contains("c4d9eecfca2ab87c1945afe126590906") && error.contains("--force"), "{error}");
}

#[test]
fn categories_come_one_after_the_other_and_from_the_next_address() {
    let server = Server::start(|asked: &Asked, _| {
        let from_second = asked.path.starts_with("/public_datasets/");
        if from_second { Reply::file(asked, asked.path.as_bytes(), "\"1\"") } else { Reply::status("403 Forbidden") }
    });
    let dir = tempfile::tempdir().unwrap();
    let (obtained, notes) = get(&order("amazon-2018", &["Digital_Music"], dir.path(), &server.address)).unwrap();
    assert_eq!(obtained.written.len(), 2);
    assert!(notes.contains("403") && notes.contains("the next address"), "{notes}");
    let both = order("amazon-2018", &["Digital_Music", "Movies_and_TV"], dir.path(), &server.address);
    let error = check(&both, &mut quiet()).unwrap_err().to_string();
    assert!(error.contains("reviews/Movies_and_TV.json.gz was not downloaded"), "{error}");
    let again = "`segue download amazon-2018 --category Digital_Music Movies_and_TV --root ";
    assert!(error.contains(again) && error.contains(&dir.path().display().to_string()), "{error}");
    assert_eq!(both.data_set.recorded(dir.path()), ["Digital_Music"]);
    assert!(both.data_set.recorded(&dir.path().join("none")).is_empty());
    let (obtained, _) = get(&both).unwrap();
    assert_eq!((obtained.written.len(), obtained.found.len()), (2, 2));
    let folder = dir.path().join("amazon2018");
    for (file, path) in [
        ("reviews/Digital_Music.json.gz", "categoryFiles/Digital_Music.json.gz"),
        ("metadata/meta_Movies_and_TV.json.gz", "metaFiles2/meta_Movies_and_TV.json.gz"),
    ] {
        let expected = format!("/public_datasets/data/amazon_v2/{path}");
        assert_eq!(fs::read_to_string(folder.join(file)).unwrap(), expected);
    }
    assert_eq!(check(&both, &mut quiet()).unwrap().len(), 4);
}

#[test]
fn a_mirror_is_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let error = get(&order("ml-1m", &[], dir.path(), "mirror.example")).unwrap_err().to_string();
    assert!(error.contains("mirror.example") && error.contains("http://host"), "{error}");
}
