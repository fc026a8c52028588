//! Which files of a folder are what, by the names under which the data sets of the field are published.

use std::path::{Path, PathBuf};

use super::format::{Format, format_of};
use super::open::names_in;
use crate::DataError;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Interactions,
    Items,
    Train,
    Valid,
    Test,
    Negatives,
}
use Role::{Interactions, Items, Negatives, Test, Train, Valid};

/// Files by role; `*` stands for anything but what [`SPECIAL`] names, and `.gz` or `.zst` may follow. A folder has a
/// layout if it has its first file.
const LAYOUTS: [&[(Role, &[&str])]; 16] = [
    // NCF.
    &[(Train, &["*.train.rating"]), (Test, &["*.test.rating"]), (Negatives, &["*.test.negative"])],
    // RecBole, with and without given parts.
    &[(Train, &["*.train.inter"]), (Valid, &["*.valid.inter"]), (Test, &["*.test.inter"]), (Items, &["*.item"])],
    &[(Interactions, &["*.inter"]), (Items, &["*.item"])],
    // CDRIB, DisenCDR, BiTGCF, GDCCDR, NGCF, LightGCN; what `segue export` writes.
    &[
        (Train, &["train.txt", "train.csv", "train.tsv", "train.parquet"]),
        (Valid, &["valid.txt", "valid.csv", "valid.tsv", "valid.parquet"]),
        (Test, &["test.txt", "test.csv", "test.tsv", "test.parquet"]),
        (Negatives, &["test_neg*.txt"]),
        (Items, &["items.csv"]),
    ],
    // MovieLens 100k, 1M and 10M.
    &[(Interactions, &["u.data"]), (Items, &["u.item"])],
    &[(Interactions, &["ratings.dat"]), (Items, &["movies.dat"])],
    // MovieLens as CSV, Kaggle's, goodbooks-10k, later copies of Book-Crossing.
    &[
        (Interactions, &["ratings.csv", "rating.csv"]),
        (Items, &["movies.csv", "movie.csv", "books.csv", "items.csv"]),
        (Items, &["book_tags.csv"]),
    ],
    &[(Interactions, &["bx-book-ratings.csv"]), (Items, &["bx-books.csv"])],
    // Last.fm: HetRec 2011, 360K, 1K.
    &[(Interactions, &["user_artists.dat"]), (Items, &["artists.dat"]), (Items, &["user_taggedartists.dat"])],
    &[
        (Interactions, &["usersha1-artmbid-artname-plays.tsv", "userid-timestamp-artid-artname-traid-traname.tsv"]),
        (Items, &["usersha1-artmbid-artname-plays.tsv", "userid-timestamp-artid-artname-traid-traname.tsv"]),
    ],
    // Goodreads, gorse.
    &[
        (Interactions, &["goodreads_interactions*.json", "goodreads_interactions*.csv", "feedback.json*"]),
        (Items, &["goodreads_books*.json", "items.json*"]),
        (Items, &["goodreads_book_genres*.json"]),
    ],
    // Amazon: given parts of 2023; reviews of 2014 (`reviews_*`), 2018 and 2023, dense or all of them; ratings alone.
    &[
        (Train, &["*.train.csv"]),
        (Valid, &["*.valid.csv"]),
        (Test, &["*.test.csv"]),
        (Items, &["meta_*.jsonl", "items.csv"]),
    ],
    &[
        (Interactions, &["reviews_*.json", "*_5.json", "*.jsonl", "*.json", "ratings_*.csv"]),
        (Items, &["meta_*.json", "meta_*.jsonl"]),
    ],
    // Ciao, and ratings beside a network of trust in general.
    &[(Interactions, &["rating.tsv", "ratings.tsv"])],
    // Any one log beside a list of items.
    &[
        (Interactions, &["*.csv", "*.tsv", "*.parquet", "*.dat"]),
        (Items, &["items.csv", "meta_*.json", "meta_*.jsonl"]),
    ],
    // SASRec, S3-Rec.
    &[(Interactions, &["*.txt"]), (Items, &["*_item2attributes.json"]), (Negatives, &["*_sample.txt"])],
];

/// How names begin or end of files that are no log, whatever their ending.
const SPECIAL: ([&str; 9], [&str; 4]) = (
    [
        "meta_",
        "readme",
        "license",
        "items.csv",
        "items.tsv",
        "items.json",
        "items.parquet",
        "export.json",
        "manifest.json",
    ],
    ["_sample.txt", "_item2attributes.json", "_list.txt", "users.csv"],
);

/// The files of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderFiles {
    /// One log.
    pub interactions: Option<PathBuf>,
    /// Metadata, in the order in which it is read.
    pub items: Vec<PathBuf>,
    /// Given training part.
    pub train: Option<PathBuf>,
    /// Given validation part.
    pub valid: Option<PathBuf>,
    /// Given test part.
    pub test: Option<PathBuf>,
    /// Given negatives.
    pub negatives: Option<PathBuf>,
    /// Of the log, where the folder tells more than the file: an adjacency list by itself is that of sequences here.
    pub format: Option<Format>,
    /// Links to another domain (`RecBole`), which a folder cannot use by itself: it knows no other.
    pub links: Vec<PathBuf>,
    /// Files that may be the same log as the one that is read, first that one.
    pub beside: Vec<[PathBuf; 2]>,
}

/// Finds the files of a folder in one of the published layouts; a file is its own interactions.
pub fn find_files(path: &Path) -> Result<FolderFiles, DataError> {
    if !path.is_dir() {
        return Ok(FolderFiles { interactions: Some(path.into()), ..FolderFiles::default() });
    }
    let names = names_in(path);
    for layout in LAYOUTS {
        let mut files = FolderFiles::default();
        for (n, (role, patterns)) in layout.iter().enumerate() {
            let Some(name) = one_of(path, &names, patterns)? else {
                if n == 0 {
                    break;
                }
                continue;
            };
            let file = path.join(name);
            if !matches!(role, Items | Negatives) {
                let others = names.iter().filter(|other| may_be_same(name, other, patterns));
                files.beside.extend(others.map(|other| [file.clone(), path.join(other)]));
            }
            match role {
                Interactions => files.interactions = Some(file),
                Items => files.items.push(file),
                Train => files.train = Some(file),
                Valid => files.valid = Some(file),
                Test => files.test = Some(file),
                Negatives => files.negatives = Some(file),
            }
        }
        if files == FolderFiles::default() {
            continue;
        }
        files.links = links_in(path);
        if let Some(log) = files.interactions.as_ref().filter(|log| ends_in(log, ".txt")) {
            files.format = (format_of(log)? == Format::Adjacency).then_some(Format::Sequence);
        }
        return Ok(files);
    }
    let within = folders_in(path);
    let shown = if names.is_empty() { "nothing".into() } else { names[..names.len().min(8)].join(", ") };
    let more = if names.len() > 8 { ", ..." } else { "" };
    let way_out = match *within.as_slice() {
        [] => {
            "Name the file itself as `path`, or the files as `interactions`, `train`, `valid`, `test`, `items`".into()
        }
        [ref one] => format!("Name the folder within it: {}", path.join(one).display()),
        _ => {
            let (root, one, other) = pair_within(path, within);
            format!(
                "Name a folder within it, such as {}, or two of them: data=pair data.root={} data.source={one} \
                 data.target={other} (equal ids are then the same people; a domain where they are not says `users: own`, \
                 or `shared_below`)",
                root.join(&one).display(),
                root.display()
            )
        }
    };
    Err(DataError::Format {
        path: path.into(),
        what: format!("is in no layout that is known; it holds {shown}{more}. {way_out}"),
    })
}

/// Links between two domains (`RecBole`) that lie in a folder.
pub(crate) fn links_in(folder: &Path) -> Vec<PathBuf> {
    names_in(folder).iter().filter(|name| fits(name, "*.link")).map(|name| folder.join(name)).collect()
}

/// Whether another file may be the log that is called `name`: it would have been read in its place, or differs from it by the
/// ending alone.
fn may_be_same(name: &str, other: &str, patterns: &[&str]) -> bool {
    let stem = |name: &str| bare(name).rsplit_once('.').map(|(stem, ending)| (stem.to_owned(), ending.to_owned()));
    let same_stem = stem(name).zip(stem(other)).is_some_and(|((log, _), (other, ending))| {
        log == other && ["csv", "tsv", "dat", "json", "jsonl", "parquet"].contains(&&*ending)
    });
    name != other && (same_stem || patterns.iter().any(|pattern| fits(other, pattern)))
}

/// The names of the folders in a folder.
pub(crate) fn folders_in(path: &Path) -> Vec<String> {
    names_in(path).into_iter().filter(|name| path.join(name).is_dir()).collect()
}

/// Two folders that may be two domains, and where they lie: folders of nothing but folders are editions of the data, of which
/// the first is looked into.
fn pair_within(path: &Path, within: Vec<String>) -> (PathBuf, String, String) {
    let first = path.join(&within[0]);
    let deeper = folders_in(&first);
    if deeper.len() > 1 && deeper.len() == names_in(&first).len() {
        return pair_within(&first, deeper);
    }
    let mut names = within.into_iter();
    let mut next = || names.next().unwrap_or_default();
    (path.into(), next(), next())
}

/// The one file that fits the first pattern that any fits.
fn one_of<'n>(folder: &Path, names: &'n [String], patterns: &[&str]) -> Result<Option<&'n str>, DataError> {
    for pattern in patterns {
        let fitting: Vec<&str> = names.iter().map(String::as_str).filter(|name| fits(name, pattern)).collect();
        match *fitting.as_slice() {
            [] => {}
            [only] => return Ok(Some(only)),
            _ => {
                let all = fitting.join(", ");
                let what = format!(
                    "holds {all}, each of which may be meant; name one as `path`, or those that make up the log as `interactions: [{all}]`"
                );
                return Err(DataError::Format { path: folder.into(), what });
            }
        }
    }
    Ok(None)
}

fn fits(name: &str, pattern: &str) -> bool {
    let name = bare(name);
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => {
            // `meta_Books.jsonl` is no log of a category called meta_Books.
            let (starts, ends) = SPECIAL;
            let special = starts.iter().any(|special| name.starts_with(special) && !start.starts_with(special))
                || ends.iter().any(|special| name.ends_with(special) && !end.ends_with(special));
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end) && !special
        }
    }
}

/// A name in small letters without what tells a compression.
fn bare(name: &str) -> String {
    let name = name.to_lowercase();
    let shorter = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).map(str::to_owned);
    shorter.unwrap_or(name)
}

fn ends_in(path: &Path, ending: &str) -> bool {
    path.file_name().is_some_and(|name| bare(&name.to_string_lossy()).ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(dir.path().join(name), "1 2\n").unwrap();
        }
        let files = find_files(dir.path()).map_err(|error| error.to_string())?;
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        let singles = [
            ("log", files.interactions),
            ("train", files.train),
            ("valid", files.valid),
            ("test", files.test),
            ("negatives", files.negatives),
        ];
        let mut parts: Vec<String> = singles
            .iter()
            .filter_map(|(role, path)| path.as_ref().map(|path| format!("{role}={}", name(path))))
            .collect();
        parts.extend(files.items.iter().map(|path| format!("items={}", name(path))));
        Ok(parts.join(" "))
    }

    #[test]
    fn published_folders_are_known_by_their_files() {
        for (names, expected) in [
            (&["u.data", "u.item", "u1.base", "README"][..], "log=u.data items=u.item"),
            (&["ratings.dat", "movies.dat", "users.dat"], "log=ratings.dat items=movies.dat"),
            (&["ratings.csv", "movies.csv", "tags.csv"], "log=ratings.csv items=movies.csv"),
            (&["rating.csv", "movie.csv"], "log=rating.csv items=movie.csv"),
            (
                &["ratings.csv.gz", "books.csv", "book_tags.csv", "tags.csv", "to_read.csv"],
                "log=ratings.csv.gz items=books.csv items=book_tags.csv",
            ),
            (&["BX-Book-Ratings.csv", "BX-Books.csv", "BX-Users.csv"], "log=BX-Book-Ratings.csv items=BX-Books.csv"),
            (
                &["ml-1m.train.rating", "ml-1m.test.rating", "ml-1m.test.negative"],
                "train=ml-1m.train.rating test=ml-1m.test.rating negatives=ml-1m.test.negative",
            ),
            (&["a.inter", "a.item", "a.user"], "log=a.inter items=a.item"),
            (
                &["a.train.inter", "a.valid.inter", "a.test.inter", "a.item"],
                "train=a.train.inter valid=a.valid.inter test=a.test.inter items=a.item",
            ),
            (&["train.txt", "test.txt.zst", "test_original.txt"], "train=train.txt test=test.txt.zst"),
            (&["train.txt", "test.txt", "test_neg.txt"], "train=train.txt test=test.txt negatives=test_neg.txt"),
            (
                &["goodreads_interactions_poetry.json.gz", "goodreads_books_poetry.json.gz"],
                "log=goodreads_interactions_poetry.json.gz items=goodreads_books_poetry.json.gz",
            ),
            (&["All_Beauty.jsonl", "meta_All_Beauty.jsonl"], "log=All_Beauty.jsonl items=meta_All_Beauty.jsonl"),
            (&["feedback.jsonl", "items.jsonl", "users.jsonl"], "log=feedback.jsonl items=items.jsonl"),
            (&["Books.json.gz", "meta_Books.json.gz"], "log=Books.json.gz items=meta_Books.json.gz"),
            (&["Books.csv.gz"], "log=Books.csv.gz"),
            (&["ratings_Books.csv", "meta_Books.json.gz"], "log=ratings_Books.csv items=meta_Books.json.gz"),
            (
                &["Books.train.csv.gz", "Books.valid.csv.gz", "Books.test.csv.gz"],
                "train=Books.train.csv.gz valid=Books.valid.csv.gz test=Books.test.csv.gz",
            ),
            (&["README.txt", "plays.tsv", "items.csv", "users.csv"], "log=plays.tsv items=items.csv"),
            (&["rating.mat", "rating.tsv.gz", "trustnetwork.tsv.gz"], "log=rating.tsv.gz"),
            (&["Beauty.txt"], "log=Beauty.txt"),
            (
                &["LastFM.txt.gz", "LastFM_item2attributes.json.gz", "LastFM_sample.txt.gz", "README.txt"],
                "log=LastFM.txt.gz negatives=LastFM_sample.txt.gz items=LastFM_item2attributes.json.gz",
            ),
        ] {
            assert_eq!(found(names).unwrap(), expected);
        }
        assert!(found(&["a.inter", "b.inter"]).unwrap_err().contains("`interactions: [a.inter, b.inter]`"));
        assert!(found(&["x.pdf"]).unwrap_err().contains("it holds x.pdf"));
    }

    #[test]
    fn files_that_may_be_the_log_as_well_are_named_with_it() {
        let beside = |names: &[&str]| {
            let dir = tempfile::tempdir().unwrap();
            for name in names {
                std::fs::write(dir.path().join(name), "1 2\n").unwrap();
            }
            let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            find_files(dir.path())
                .unwrap()
                .beside
                .into_iter()
                .map(|pair| pair.map(name).join(", not "))
                .collect::<Vec<_>>()
        };
        let books = ["Books.jsonl", "ratings_Books.csv", "meta_Books.jsonl"];
        assert_eq!(beside(&books), ["Books.jsonl, not ratings_Books.csv"]);
        assert_eq!(beside(&["Books.jsonl.gz", "Books.csv", "Books.txt"]), ["Books.jsonl.gz, not Books.csv"]);
        assert_eq!(beside(&["ratings.csv", "rating.csv", "movies.csv"]), ["ratings.csv, not rating.csv"]);
        assert_eq!(beside(&["train.txt", "train.csv", "test.txt"]), ["train.txt, not train.csv"]);
        // Folders as they are published have one log.
        for published in [
            &["u.data", "u.item", "u.info", "u1.base"][..],
            &["ratings.dat", "movies.dat", "users.dat"],
            &["user_artists.dat", "artists.dat", "user_taggedartists.dat"],
            &["rating.mat", "rating.tsv.gz", "trustnetwork.tsv.gz"],
            &["a.inter", "a.item", "a.user", "a.link"],
            &["LastFM.txt.gz", "LastFM_item2attributes.json.gz", "LastFM_sample.txt.gz"],
            &["feedback.jsonl", "items.jsonl", "users.jsonl"],
        ] {
            assert_eq!(beside(published), [""; 0], "{published:?}");
        }
    }
}
