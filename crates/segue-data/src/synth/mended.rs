//! Whether preparation mends what the sample world spoils: from files to the clean log, event by event.

use std::ops::ControlFlow;
use std::path::Path;

use segue_core::{Event, Interactions, OpenedTests, Prepared};

use super::{World, WorldConfig, WorldError};
use crate::prepare::{DataConfig, DomainConfig, OneOrMany, PrepareOptions, SplitConfig, SplitKind, prepare};

fn prepared(folder: &Path, names: &[&str], items: &str) -> Prepared {
    let domain = |name: &&str| {
        let folder = if names.len() > 1 { folder.join(name) } else { folder.to_path_buf() };
        DomainConfig {
            name: (*name).into(),
            interactions: Some(OneOrMany::One(folder.join("ratings.csv"))),
            items: Some(OneOrMany::One(folder.join(items))),
            ..DomainConfig::default()
        }
    };
    let data = DataConfig {
        name: "sample".into(),
        domains: names.iter().map(domain).collect(),
        target: "films".into(),
        max_bad_lines: Some(0),
        ..DataConfig::default()
    };
    let options = PrepareOptions {
        positive_threshold: Some(4.0),
        negative_threshold: Some(2.0),
        unknown_category: None,
        clip: Some([1.0, 5.0]),
        ..PrepareOptions::default()
    };
    // A random split leaves no event out; together its parts are the whole log.
    let split = SplitConfig { kind: SplitKind::Ratio, min_history: 1, ..SplitConfig::default() };
    prepare(&data, &options, &split, 1, &mut |_| ControlFlow::Continue(())).unwrap().0
}

/// All parts of a split as one log.
fn whole(prepared: &Prepared) -> Interactions {
    let mut opened = OpenedTests::default();
    prepared.split.tasks.iter().fold(prepared.train_and_valid(), |log, task| {
        log.merged(&task.test.open(&mut opened, "compare with the clean log").events)
    })
}

/// Events by external ids, so that logs with different dense ids compare.
fn named(log: &Interactions, users: &segue_core::IdMap, catalogue: &segue_core::Catalogue) -> Vec<String> {
    let name = |e: Event| {
        let domain = &catalogue.domains()[catalogue.domain_of(e.item)].name;
        let (user, item) = (users.external(e.user), catalogue.external(e.item));
        let info = catalogue.info(e.item);
        format!("{user} {domain} {item} {} {} {:?} {:?} {info:?}", e.value, e.weight, e.signal, e.time)
    };
    let mut events: Vec<String> = log.events().map(name).collect();
    events.sort();
    events
}

#[test]
fn preparation_restores_the_clean_log() {
    let world = World::generate(&WorldConfig { dirty: 0.2, ..WorldConfig::small() }).unwrap();
    let clean = world.interactions();
    let n_rows: usize = world.domains.iter().map(|domain| domain.rows.len()).sum();
    assert!(n_rows > clean.log.len() + clean.log.len() / 10, "there is something to mend");

    let folder = tempfile::tempdir().unwrap();
    world.write_csv(folder.path()).unwrap();
    let mended = prepared(folder.path(), &["music", "films", "books"], "items.csv");
    let expected = named(&clean.log, &clean.users, &clean.catalogue);
    assert_eq!(named(&whole(&mended), &mended.users, &mended.catalogue), expected);
}

#[test]
fn films_alone_read_as_movielens() {
    let world = World::generate(&WorldConfig::small()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    world.write_movielens_small(folder.path()).unwrap();
    let header = |file| std::fs::read_to_string(folder.path().join(file)).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(header("ratings.csv"), "userId,movieId,rating,timestamp");
    assert_eq!(header("movies.csv"), "movieId,title,genres");

    let mended = prepared(folder.path(), &["films"], "movies.csv");
    let clean = world.interactions();
    let films = clean.catalogue.range(1);
    let clean_films = clean.log.filter(|e| films.contains(&e.item));
    let expected = named(&clean_films, &clean.users, &clean.catalogue);
    assert_eq!(named(&whole(&mended), &mended.users, &mended.catalogue), expected);
}

#[test]
fn writing_fails_by_name() {
    let world = World::generate(&WorldConfig::small()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("music"), "a file where a folder should be").unwrap();
    let error = world.write_csv(folder.path()).unwrap_err();
    assert!(matches!(error, WorldError::Write { .. }), "{error}");
    assert!(error.to_string().contains("ratings.csv"), "{error}");

    let mut config = WorldConfig::small();
    config.films.n_items = 0;
    let error = World::generate(&config).unwrap().write_movielens_small(folder.path()).unwrap_err();
    assert!(matches!(error, WorldError::LeftOut("films")), "{error}");
}
