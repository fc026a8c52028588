//! Categories of all domains as features over one vocabulary.
//!
//! A category is known by its canonical form: small letters, `&` read as `and`, apostrophes gone, every other sign a
//! space. Names that mean the same in different media are one ([`SAME`], and a file of one's own). The vocabulary is of all
//! domains together: every item has a vector of the same length, whatever its domain.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use segue_core::{Catalogue, Csr, Features, IdMap, external_order};

use super::config::{FeatureOptions, PrepareOptions};
use crate::DataError;
use crate::readers::{Session, read_links};

/// Canonical names, and what they are called here.
const SAME: &[(&str, &str)] = &[
    ("sci fi", "science fiction"),
    ("scifi", "science fiction"),
    ("science fiction and fantasy", "science fiction"),
    ("childrens", "children"),
    ("kids", "children"),
    ("kids and family", "children"),
    ("ya", "young adult"),
    ("film noir", "noir"),
    ("musical", "musicals"),
    ("bio", "biography"),
    ("biographies", "biography"),
    ("biographies and memoirs", "biography"),
    ("mysteries", "mystery"),
    ("thrillers", "thriller"),
    ("suspense", "thriller"),
    ("romantic", "romance"),
    ("comedies", "comedy"),
    ("humor", "comedy"),
    ("humour", "comedy"),
    ("dramas", "drama"),
    ("documentaries", "documentary"),
    ("historical", "history"),
    ("hip hop", "hiphop"),
    ("rnb", "rhythm and blues"),
    ("r and b", "rhythm and blues"),
    ("r n b", "rhythm and blues"),
    ("electronica", "electronic"),
    ("alt rock", "alternative rock"),
    ("classical music", "classical"),
    ("soundtracks", "soundtrack"),
];

/// The canonical form of a category; empty where it has neither letter nor digit.
pub(super) fn canonical(category: &str) -> String {
    let mut text = String::new();
    for c in category.chars() {
        match c {
            '&' => text.push_str(" and "),
            '\'' | '’' => {}
            c if c.is_alphanumeric() => text.extend(c.to_lowercase()),
            _ => text.push(' '),
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a canonical name is called in the end: a file may lead to a name that is built in, and the other way round.
fn called<'a>(name: &'a str, same: &'a HashMap<String, String>) -> &'a str {
    let mut called = name;
    // As many steps as there are synonyms lead to the end, or round in a circle.
    for _ in 0..same.len() {
        match same.get(called) {
            Some(other) if other != called => called = other,
            _ => break,
        }
    }
    called
}

/// Reads the synonyms and gives the catalogue its features.
pub(super) fn describe(
    catalogue: Catalogue,
    (options, notes): (&PrepareOptions, &mut Vec<String>),
    session: &mut Session<'_>,
) -> Result<Catalogue, DataError> {
    let Some(features) = &options.features else { return Ok(catalogue) };
    let mut same: HashMap<String, String> = SAME.iter().map(|&(one, other)| (one.into(), other.into())).collect();
    if let Some(path) = &features.synonyms {
        let pairs = read_links(path, Some(false), session)?.pairs;
        same.extend(pairs.into_iter().map(|(one, other)| (canonical(&one), canonical(&other))));
    }
    let unknown = options.unknown_category.as_deref().map(canonical);
    let of_item = |item: u32| {
        let categories = catalogue.info(item).categories.iter();
        // An item that belongs to Action and to action has one feature.
        let names = categories.map(|category| called(&canonical(category), &same).to_owned());
        names.filter(|name| !name.is_empty() && unknown.as_ref() != Some(name)).collect::<BTreeSet<_>>()
    };
    let of_items: Vec<BTreeSet<String>> = (0..catalogue.n_items() as u32).map(of_item).collect();
    let found = vocabulary(&of_items, features);
    let known: BTreeSet<&String> = of_items.iter().flatten().collect();
    if found.len() < known.len() {
        notes.push(format!(
            "features: {} of {} categories; rarer ones are left out (prepare.features.most, min_items)",
            found.len(),
            known.len()
        ));
    }
    let names = found.iter().collect::<Vec<_>>();
    let names = IdMap::new(names);
    let places = |of_item: &BTreeSet<String>| of_item.iter().filter_map(|name| Some((names.find(name)?, ()))).collect();
    match Csr::from_rows(names.len(), of_items.iter().map(places).collect()) {
        Ok(items) => Ok(match Features::new(names, items) {
            Some(features) => catalogue.with_features(features),
            None => unreachable!("the matrix has a column per name"),
        }),
        Err(error) => unreachable!("places are those of the vocabulary: {error}"),
    }
}

/// Names of at least `min_items` items; of more than `most`, those of the most items (ties: the lesser name).
fn vocabulary(of_items: &[BTreeSet<String>], options: &FeatureOptions) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    of_items.iter().flatten().for_each(|name| *counts.entry(name).or_default() += 1);
    let mut names: Vec<(&str, usize)> = counts.into_iter().filter(|&(_, n)| n >= options.min_items).collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| external_order(a.0, b.0)));
    names.truncate(options.most);
    names.into_iter().map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(category: &str, expected: &str) {
        assert_eq!(canonical(category), expected);
    }

    #[test]
    fn categories_are_known_by_their_canonical_form() {
        check("Sci-Fi", "sci fi");
        check(" Children's ", "childrens");
        check("R&B", "r and b");
        check("Rock/Pop", "rock pop");
        check("ÉLECTRO", "électro");
        check("(no genres listed)", "no genres listed");
        check("--", "");
    }

    #[test]
    fn what_is_the_same_is_canonical_itself() {
        for (one, other) in SAME {
            assert_eq!((canonical(one), canonical(other)), ((*one).to_owned(), (*other).to_owned()));
            assert!(SAME.iter().all(|(known, _)| known != other), "{other} is called something else in turn");
        }
    }

    #[test]
    fn a_synonym_of_a_synonym_is_followed_to_its_end() {
        let check = |pairs: &[(&str, &str)], name: &str, expected: &str| {
            let same = pairs.iter().map(|&(one, other)| (one.to_owned(), other.to_owned())).collect();
            assert_eq!(called(name, &same), expected);
        };
        check(&[("kids films", "kids"), ("kids", "children"), ("children", "family")], "kids films", "family");
        check(&[("kids", "children")], "drama", "drama");
        check(&[("drama", "drama")], "drama", "drama");
        // Of a circle any name will do, for every file it is the same one.
        check(&[("a", "b"), ("b", "a")], "a", "a");
        check(&[("a", "b"), ("b", "a")], "b", "b");
    }

    #[test]
    fn the_commonest_names_stay_and_of_equal_ones_the_lesser() {
        let of_items: Vec<BTreeSet<String>> =
            ["b c", "b a", "c", "d"].iter().map(|names| names.split(' ').map(String::from).collect()).collect();
        let of =
            |min_items, most| vocabulary(&of_items, &FeatureOptions { min_items, most, ..FeatureOptions::default() });
        assert_eq!(of(1, 3), ["b", "c", "a"]);
        assert_eq!(of(2, 9), ["b", "c"]);
    }
}
