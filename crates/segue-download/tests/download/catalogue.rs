//! Every entry of the catalogue says what a person needs.

use std::collections::BTreeSet;
use std::path::Path;

use segue_download::catalogue::{DATA_SETS, Known, find};
use segue_download::{Algorithm, Checksum};

#[test]
fn entries_are_complete() {
    let bibliography = include_str!("../../../../CITATIONS.bib");
    let mut names = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for it in DATA_SETS {
        for name in std::iter::once(it.name).chain(it.aliases.iter().copied()) {
            assert!(names.insert(name.replace('-', "_")), "{name} twice");
        }
        assert!(folders.insert(it.folder), "{} twice", it.folder);
        for (what, text) in [("title", it.title), ("holds", it.holds), ("size", it.size), ("licence", it.licence)] {
            assert!(!text.is_empty(), "{}: no {what}", it.name);
        }
        assert!(it.terms.starts_with("https://"), "{}: {}", it.name, it.terms);
        assert!(bibliography.contains(&format!("{{{},", it.citation)), "{}: {}", it.name, it.citation);
        assert!(it.prepare.contains("{root}"), "{}", it.name);
        assert_eq!(it.categories.is_empty(), it.prepare_one.is_empty(), "{}", it.name);
        assert!(!it.files.is_empty(), "{}", it.name);
        for file in it.files {
            for address in file.addresses {
                assert!(address.starts_with("https://") || address.starts_with("http://"), "{address}");
                assert_eq!(address.contains("{category}"), !it.categories.is_empty(), "{address}");
            }
            assert!(!file.to.starts_with('/') && !file.to.contains(".."), "{}", file.to);
            let fits = match file.known {
                Known::Sha256(hex) => Checksum::parse(Algorithm::Sha256, hex).is_some(),
                Known::Md5(hex) => Checksum::parse(Algorithm::Md5, hex).is_some(),
                Known::GitBlob(hex) => Checksum::parse(Algorithm::GitBlob, hex).is_some(),
                Known::Md5Beside(ending) => ending.starts_with('.'),
                Known::Nothing => true,
            };
            assert!(fits, "{}: {:?}", it.name, file.known);
        }
    }
}

#[test]
fn names_are_forgiven_or_corrected() {
    for (asked, found) in
        [("ml-1m", "ml-1m"), ("ML_1M", "ml-1m"), ("amazon2018", "amazon-2018"), ("bx", "book-crossing")]
    {
        assert_eq!(find(asked).unwrap().name, found);
    }
    let error = find("ml-1n").unwrap_err().to_string();
    assert!(error.contains("did you mean `ml-1m`") && error.contains("segue datasets"), "{error}");
    let amazon = find("amazon-2018").unwrap();
    let given = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let chosen = amazon.choose(&given(&["digital_music", "Movies-and-TV", "Digital_Music"])).unwrap();
    assert_eq!(chosen, ["Digital_Music", "Movies_and_TV"]);
    for (categories, part) in [
        (&["Movies_and_TVs"][..], "did you mean `Movies_and_TV`"),
        (&["Cheese"], "there are AMAZON_FASHION, All_Beauty"),
        (&[], "--category Digital_Music Movies_and_TV"),
    ] {
        let error = amazon.choose(&given(categories)).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(find("ml-1m").unwrap().choose(&given(&["Books"])).unwrap_err().to_string().contains("no categories"));
}

#[test]
fn prepare_lines() {
    let line = |name: &str, root: &str, categories: &[&'static str]| {
        find(name).unwrap().prepare_line(Path::new(root), categories)
    };
    assert_eq!(line("ml-1m", "data", &[]), "segue prepare data=log data.root=data/ml-1m --out artifacts/ml-1m");
    assert_eq!(
        line("amazon-2018", "data", &["Digital_Music", "Movies_and_TV"]),
        "segue prepare data=amazon data.root=data/amazon2018 data.source=Digital_Music data.target=Movies_and_TV \
         prepare=overlap_core5 --out artifacts/Movies_and_TV_from_Digital_Music"
    );
    assert_eq!(
        line("amazon-2018", "my data", &["Books"]),
        "segue prepare data=log 'data.root=my data/amazon2018/reviews/Books.json.gz' --out artifacts/Books"
    );
}
