//! Who and what is the same in two domains.

use proptest::prelude::*;
use segue_core::Interactions;
use segue_data::prepare::{
    DataConfig, DomainConfig, LinkFile, OneOrMany, PrepareOptions, SplitConfig, SplitKind, UserIdentity,
};

use super::{data, domain, files, kind, message, pairs, parts, run};

const FILMS: &str = "user,item,rating,timestamp\n1,f1,5,10\n1,f2,4,20\n1,f3,1,30\n2,f1,3,10\n2,f2,3,11\n2,f3,5,12\n";
const BOOKS: &str = "user,item,rating,timestamp\n1,b1,5,1\n1,b3,2,2\n7,b1,4,3\n7,b9,4,4\n7,f1,4,5\n";

fn two(link: &str) -> (tempfile::TempDir, DataConfig, LinkFile) {
    let dir = files(&[("films.csv", FILMS), ("books.csv", BOOKS), ("x.link", link)]);
    let config = data(vec![domain(dir.path(), "books", "books.csv"), domain(dir.path(), "films", "films.csv")]);
    let domains = ["books".to_owned(), "films".to_owned()];
    let link = LinkFile { file: dir.path().join("x.link"), domains, header: None };
    (dir, config, link)
}

#[test]
fn users_of_a_link_file_are_one_person_and_no_others() {
    for link in ["books_user_id:token\tfilms_user_id:token\n7\t1\n", "user,other\n7,1\n9,9\n", "7;1\n"] {
        let (_dir, config, file) = two(link);
        let config = DataConfig { user_links: vec![file], ..config };
        let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
        // Reader 7 is viewer 1; reader 1 and viewer 1 share a number and nothing else.
        assert_eq!(prepared.users.iter().collect::<Vec<_>>(), ["books:1", "books:7", "films:2"], "{link}");
        assert_eq!(report.overlaps[0].users, 1);
        assert_eq!(pairs(&prepared, &parts(&prepared)[2]), ["books:7:f3", "films:2:f3"]);
        assert!(report.notes.iter().any(|note| note.contains("x.link: 1 of")), "{:?}", report.notes);
    }
}

#[test]
fn a_header_that_nobody_knows_is_no_link() {
    let notes = |text: &str, header: Option<bool>| {
        let (_dir, config, file) = two(text);
        let config = DataConfig { user_links: vec![LinkFile { header, ..file }], ..config };
        run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap().1.notes.join("; ")
    };
    let told = notes("reader,viewer\n7,1\n", None);
    assert!(told.contains("1 of 1 links") && told.contains("\"reader\" and \"viewer\", was taken"), "{told}");
    let told = notes("reader,viewer\n7,1\n", Some(false));
    assert!(told.contains("1 of 2 links") && !told.contains("taken for a header"), "{told}");
    // An id of either domain is no name, and below a header there is none.
    assert!(notes("7,viewer\n7,1\n", None).contains("1 of 2 links"));
    assert!(notes("user,item\nreader,viewer\n7,1\n", None).contains("1 of 2 links"));
}

/// Two folders of atomic files, and a file of links beside them.
fn atomic(link: &str) -> (tempfile::TempDir, DataConfig) {
    let dir = files(&[("x.link", link)]);
    let domain = |name: &str, log: &str| {
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let log = log.replace("user,item,rating,timestamp", "user_id:token,item_id:token,rating:float,timestamp:float");
        std::fs::write(folder.join(format!("{name}.inter")), log.replace(',', "\t")).unwrap();
        DomainConfig { name: name.into(), path: Some(folder), ..DomainConfig::default() }
    };
    let config = data(vec![domain("books", BOOKS), domain("films", FILMS)]);
    (dir, config)
}

#[test]
fn a_file_of_links_whose_columns_say_what_it_links_is_used() {
    let used = |link: &str, change: &dyn Fn(&mut DataConfig)| {
        let (dir, mut config) = atomic(link);
        change(&mut config);
        let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
        let links = [&report.data.user_links, &report.data.item_links].map(|links| {
            links
                .iter()
                .map(|link| (link.file == dir.path().join("x.link"), link.domains.join("-")))
                .collect::<Vec<_>>()
        });
        let notes = report.notes.join("; ").replace(&dir.path().display().to_string(), "DIR");
        (prepared.users.iter().map(String::from).collect::<Vec<_>>(), links, notes)
    };
    let one = |domains: &str| vec![(true, domains.to_owned())];
    for (columns, ids, domains) in [
        ("books_user_id:token\tfilms_user_id:token", "7\t1", "books-films"),
        ("films_user_id:token\tbooks_user_id:token", "1\t7", "films-books"),
        ("Films-UserID:token\tbooks_uid:token", "1\t7", "films-books"),
    ] {
        let (users, links, notes) = used(&format!("{columns}\n{ids}\n"), &|_| {});
        assert_eq!(users, ["books:1", "books:7", "films:2"], "{columns}");
        assert_eq!(links, [one(domains), vec![]], "{columns}");
        let pasted = format!("'data.user_links=[{{file: DIR/x.link, domains: [{}]}}]'", domains.replace('-', ", "));
        assert!(notes.contains("DIR/x.link: its columns") && notes.contains(&pasted), "{notes}");
        assert!(notes.contains("1 of 1 links") && !notes.contains("is not read"), "{notes}");
    }
    let (users, links, notes) = used("books_item_id:token\tfilms_item_id:token\nb1\tf1\n", &|_| {});
    assert_eq!((users.len(), links), (3, [vec![], one("books-films")]));
    assert!(notes.contains("link the items of books to those of films") && notes.contains("linked items: "), "{notes}");

    // Where the columns do not say it, or something else does, it is not read, and the note says how to have it read.
    let users_link = "books_user_id:token\tfilms_user_id:token\n7\t1\n";
    let shared = |config: &mut DataConfig| config.domains[0].users = Some(UserIdentity::Shared);
    let both = "'data.user_links=[{file: DIR/x.link, domains: [books, films]}]'";
    for (link, change, told) in [
        ("user_id:token\tuser_id:token\n7\t1\n", &(|_: &mut DataConfig| {}) as &dyn Fn(&mut DataConfig), both),
        ("7\t1\n", &|_| {}, "or data.item_links if it links items, with the domain of its first column first"),
        ("item_id:token\titem_id:token\nb1\tf1\n", &|_| {}, "'data.item_links=[{file: DIR/x.link"),
        ("item_id:token\tentity_id:token\nb1\tm.01\n", &|_| {}, "entities of a knowledge graph"),
        (users_link, &shared, both),
    ] {
        let (users, links, notes) = used(link, change);
        assert_eq!((users, links), (vec!["1".into(), "2".into(), "7".into()], [vec![], vec![]]), "{link}");
        assert!(notes.contains("DIR/x.link is not read") && notes.contains(told), "{told} in {notes}");
    }
}

#[test]
fn one_of_two_files_of_links_is_never_chosen_and_one_that_links_nothing_is_refused() {
    let header = "books_user_id:token\tfilms_user_id:token\n";
    let (dir, config) = atomic(&format!("{header}7\t1\n"));
    std::fs::write(dir.path().join("books/y.link"), format!("{header}1\t1\n")).unwrap();
    let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert_eq!((prepared.users.len(), report.data.user_links.len()), (3, 0));
    let told: Vec<_> = report.notes.iter().filter(|note| note.contains("links the same domains")).collect();
    assert_eq!(told.len(), 2, "{:?}", report.notes);
    assert!(told[0].contains("x.link links the same") && told[1].contains("y.link links the same"), "{told:?}");

    let (_dir, config) = atomic(&format!("{header}8\t9\n"));
    let text = message(run(&config, &PrepareOptions::default(), &SplitConfig::default()));
    for part in
        ["data.user_links: ", "x.link links no id of books", "Nobody named it: data.users=own or data.users=shared"]
    {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn users_that_are_said_to_be_shared_or_not_leave_a_file_of_links_out() {
    for (users, expected) in [(UserIdentity::Own, 4), (UserIdentity::Shared, 3)] {
        let (_dir, mut config) = atomic("books_user_id:token\tfilms_user_id:token\n7\t1\n");
        config.domains.iter_mut().for_each(|domain| domain.users = Some(users));
        let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
        assert_eq!((prepared.users.len(), report.data.user_links.len()), (expected, 0), "{users:?}");
    }
}

#[test]
fn a_copy_of_a_file_of_links_does_not_keep_it_from_being_used() {
    let text = "books_user_id:token\tfilms_user_id:token\n7\t1\n";
    let (dir, config) = atomic(text);
    std::fs::remove_file(dir.path().join("x.link")).unwrap();
    for folder in ["books", "films"] {
        std::fs::write(dir.path().join(folder).join("u.link"), text).unwrap();
    }
    let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert_eq!(prepared.users.iter().collect::<Vec<_>>(), ["books:1", "books:7", "films:2"]);
    assert_eq!(report.data.user_links.len(), 1);
    let told = report.notes.join("; ").replace(&dir.path().display().to_string(), "DIR");
    assert!(told.contains("DIR/films/u.link is not read: it is a copy of DIR/books/u.link"), "{told}");
}

#[test]
fn source_and_target_are_roles_of_another_run_unless_folders_are_called_so() {
    for (text, key) in [
        ("source_user_id:token\ttarget_user_id:token\n7\t1\n", "data.user_links"),
        ("source_item_id:token\ttarget_item_id:token\nb1\tf1\n", "data.item_links"),
    ] {
        for target in ["films", "books"] {
            let (dir, mut config) = atomic(text);
            config.target = target.into();
            let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
            assert_eq!(prepared.users.iter().collect::<Vec<_>>(), ["1", "2", "7"], "{target}");
            assert!(report.data.user_links.is_empty() && report.data.item_links.is_empty(), "{target}");
            let told = report.notes.join("; ").replace(&dir.path().display().to_string(), "DIR");
            let pasted = format!(
                "'{key}=[{{file: DIR/x.link, domains: [books, films]}}]' says that the first column is of books"
            );
            assert!(told.contains(&pasted) && told.contains("swap them where it is of films"), "{told}");
        }
    }
    // Domains that this run calls by their roles are not those of the file, either.
    let (_dir, mut config) = atomic("source_user_id:token\ttarget_user_id:token\n1\t7\n");
    config.domains[0].name = "target".into();
    config.domains[1].name = "source".into();
    config.target = "target".into();
    let (_, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert!(report.data.user_links.is_empty());
    // A folder is called so whichever of the two is the target.
    let people = ["source", "target"].map(|target| {
        let (dir, mut config) = atomic("source_user_id:token\ttarget_user_id:token\n7\t1\n");
        for (domain, name) in config.domains.iter_mut().zip(["source", "target"]) {
            let folder = dir.path().join(name);
            std::fs::rename(domain.path.as_ref().unwrap(), &folder).unwrap();
            (domain.name, domain.path) = (name.into(), Some(folder));
        }
        config.target = target.into();
        let (prepared, _) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
        prepared.users.iter().map(String::from).collect::<Vec<_>>()
    });
    assert_eq!(people[0], ["source:1", "source:7", "target:2"]);
    assert_eq!(people[0], people[1]);
}

#[test]
fn links_of_a_domain_that_is_not_in_the_run_are_not_used() {
    for (file, columns) in [
        ("books/books_songs.link", "source_user_id:token\ttarget_user_id:token"),
        ("books/books_songs.link", "books_user_id:token\tfilms_user_id:token"),
        ("x.link", "books_user_id:token\tsongs_user_id:token"),
        ("songs-films.link", "books_user_id:token\tfilms_user_id:token"),
    ] {
        for configured in [false, true] {
            let (dir, mut config) = atomic("");
            std::fs::remove_file(dir.path().join("x.link")).unwrap();
            std::fs::write(dir.path().join(file), format!("{columns}\n7\t1\n")).unwrap();
            let songs = dir.path().join("songs");
            std::fs::create_dir(&songs).unwrap();
            if configured {
                let log = FILMS
                    .replace("user,item,rating,timestamp", "user_id:token,item_id:token,rating:float,timestamp:float");
                std::fs::write(songs.join("songs.inter"), log.replace(',', "\t")).unwrap();
                config.domains.push(DomainConfig {
                    name: "songs".into(),
                    path: Some(songs),
                    ..DomainConfig::default()
                });
                config.source = Some(OneOrMany::One("books".into()));
            }
            let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
            assert_eq!((prepared.users.len(), report.data.user_links.len()), (3, 0), "{file} {columns}");
            let told = report.notes.join("; ");
            let why = ["is not read, for its name or its columns have songs", "is not read, for songs is not in use"];
            assert!(why.iter().any(|why| told.contains(why)) && !told.contains("user_links=["), "{told}");
        }
    }
}

#[test]
fn ids_of_one_domain_that_links_make_one_are_told() {
    let notes = |link: &str, change: &dyn Fn(&mut DataConfig, LinkFile)| {
        let (_dir, mut config, file) = two(link);
        change(&mut config, file);
        let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
        (prepared.users.len(), report.notes.into_iter().filter(|note| note.contains("of their own domain")).collect())
    };
    let by_user = |config: &mut DataConfig, file| config.user_links = vec![file];
    let by_item = |config: &mut DataConfig, file| config.item_links = vec![file];
    let (people, told): (usize, Vec<String>) = notes("7\t1\n7\t2\n", &by_user);
    assert_eq!((people, told.len()), (2, 1), "{told:?}");
    for part in ["data.user_links: 2 ids share 1 with", "\"1\" and \"2\" of films are one", "take out links"] {
        assert!(told[0].contains(part), "{part} in {told:?}");
    }
    // All are one, readers as well as viewers, though no two links of one file share both of their ends.
    let (people, told) = notes("7\t1\n1\t1\n1\t2\n", &by_user);
    assert_eq!((people, told.len()), (1, 1), "{told:?}");
    assert!(told[0].contains("4 ids share 2 with") && told[0].contains("\"1\" and \"7\" of books"), "{told:?}");
    let (_, told) = notes("b1\tf1\nb1\tf3\n", &by_item);
    assert!(told[0].contains("data.item_links: 2 ids share 1") && told[0].contains("of films are one"), "{told:?}");
    // An id that no log has joins nobody.
    assert!(notes("7\t1\n7\t99\n", &by_user).1.is_empty());
}

#[test]
fn links_that_cannot_be_meant_are_refused() {
    let check = |link: &str, change: &dyn Fn(&mut DataConfig, LinkFile), expected: &[&str]| {
        let (_dir, mut config, file) = two(link);
        change(&mut config, file);
        let text = message(run(&config, &PrepareOptions::default(), &SplitConfig::default()));
        for part in expected {
            assert!(text.contains(part), "{part:?} in {text}");
        }
    };
    let by_user = |config: &mut DataConfig, file| config.user_links = vec![file];
    check(
        "1\t7\n",
        &|config, file| {
            config.user_links = vec![LinkFile { domains: ["films".into(), "boks".into()], ..file }];
        },
        &["data.user_links.domains", "did you mean books?"],
    );
    check("3\t4\n", &by_user, &["links no id of books to one of films", "first column"]);
    check("1\t7\t9\n", &by_user, &["x.link:1: has 3 cells, 2 ids are needed"]);
    check(
        "7\t1\n",
        &|config, file| {
            config.user_links = vec![file];
            config.domains[0].users = Some(UserIdentity::SharedBelow(5));
        },
        &["shared_below", "keep one of them"],
    );
    check("b1\tf9\n", &|config, file| config.item_links = vec![file], &["data.item_links", "links no id"]);
}

#[test]
fn events_on_linked_items_teach_the_target_and_never_what_is_asked() {
    // b1 is f1, b3 is f3; of all readers 1 alone is a viewer.
    let (_dir, config, file) = two("b1\tf1\nb3\tf3\nb7\tf2\n");
    let plain = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap().0;
    let config = DataConfig { item_links: vec![file], ..config };
    let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    let [train, valid, test] = parts(&prepared);
    let [_, plain_valid, plain_test] = parts(&plain);
    assert_eq!(pairs(&prepared, &test), pairs(&plain, &plain_test));
    assert_eq!(pairs(&prepared, &valid), pairs(&plain, &plain_valid));
    // 1 has f1 among films and b3 = f3 is held out: both go. 7 learns f1 from b1; the book called f1 is another item.
    assert_eq!(pairs(&prepared, &train), ["1:f1", "2:f1", "7:b9", "7:f1", "7:f1"]);
    assert_eq!(train.events().filter(|event| prepared.catalogue.domain_of(event.item) == 1).count(), 3);
    // Who is in both is a matter of the logs, and no event came over that is later than the question.
    assert_eq!((report.overlaps[0].users, report.overlaps[0].percent_of_second), (1, 50.0));
    assert!(!report.notes.iter().any(|note| note.contains("are later than")), "{:?}", report.notes);
    assert_eq!(prepared.catalogue.domains()[0].ids.iter().collect::<Vec<_>>(), ["b9", "f1"]);
    assert!(prepared.split.protocol.contains("linked items are one"));
    assert!(
        report.notes.iter().any(|note| note.contains("3 events of sources") && note.contains("2 of them are gone"))
    );
    assert!(report.notes.iter().any(|note| note.contains("2 of 3 links")), "{:?}", report.notes);
}

#[test]
fn linked_events_later_than_the_question_stay_where_they_are() {
    // b9 is f9. Of its readers 2 is asked at that very moment, 1 before it, 7 not at all.
    let (dir, config, file) = two("b9\tf9\n");
    std::fs::write(dir.path().join("books.csv"), format!("{BOOKS}1,b9,5,29\n2,b9,5,11\n")).unwrap();
    std::fs::write(dir.path().join("films.csv"), format!("{FILMS}3,f9,5,1\n")).unwrap();
    let config = DataConfig { item_links: vec![file], ..config };
    let of = |split: &SplitConfig| {
        let (prepared, report) = run(&config, &PrepareOptions::default(), split).unwrap();
        let train = parts(&prepared)[0].clone();
        let on =
            |item: &str| pairs(&prepared, &train).into_iter().filter(|pair| pair.ends_with(item)).collect::<Vec<_>>();
        (on(":f9"), on(":b9"), report.notes.join("; "))
    };
    // The last but one of 1 is at 20, of 2 at 11.
    let (films, books, notes) = of(&SplitConfig::default());
    assert_eq!((films, books), (vec!["2:f9".into(), "3:f9".into(), "7:f9".into()], vec!["1:b9".to_owned()]));
    assert!(
        notes.contains("1 events stay in their domain, for they are later than what their user is asked"),
        "{notes}"
    );
    assert!(!notes.contains("that came over are later than"), "{notes}");
    // Where nothing is held out for being late, being late is nothing.
    let (films, books, notes) = of(&SplitConfig { min_history: 3, ratios: [0.4, 0.3, 0.3], ..kind(SplitKind::Ratio) });
    assert!(books.is_empty() && films.len() == 4, "{films:?} {books:?} {notes}");
}

#[test]
fn ids_below_a_number_are_shared_and_others_are_not() {
    let (_dir, mut config, _) = two("");
    config.domains.iter_mut().for_each(|domain| domain.users = Some(UserIdentity::SharedBelow(2)));
    let (prepared, report) = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap();
    assert_eq!(prepared.users.iter().collect::<Vec<_>>(), ["1", "books:7", "films:2"]);
    assert_eq!(report.overlaps[0].users, 1);
    assert_eq!(report.notes, [""; 0]);
    config.domains[0].users = Some(UserIdentity::SharedBelow(1));
    let notes = run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap().1.notes;
    assert!(notes[0].contains("books: shares nobody, for no user id is a whole number below 1"), "{notes:?}");
}

#[test]
fn users_whom_each_domain_seems_to_number_are_told_unless_somebody_said_who_they_are() {
    let log = |users: &[u32]| {
        let rows = |user: &u32| (0..3).map(move |n| format!("{user},i{n},5,{n}\n")).collect::<String>();
        format!("user,item,rating,timestamp\n{}", users.iter().map(rows).collect::<String>())
    };
    let notes = |books: &[u32], films: &[u32], change: &dyn Fn(&mut DataConfig, LinkFile)| {
        let dir = files(&[("books.csv", &log(books)), ("films.csv", &log(films)), ("x.link", "1\t1\n")]);
        let mut config = data(vec![domain(dir.path(), "books", "books.csv"), domain(dir.path(), "films", "films.csv")]);
        let domains = ["books".to_owned(), "films".to_owned()];
        change(&mut config, LinkFile { file: dir.path().join("x.link"), domains, header: None });
        run(&config, &PrepareOptions::default(), &SplitConfig::default()).unwrap().1.notes.join("; ")
    };
    let (zero, one): (Vec<u32>, Vec<u32>) = ((0..30).collect(), (1..20).filter(|n| *n != 7).collect());
    let told = notes(&zero, &one, &|_, _| {});
    assert!(told.contains("the users of books and films are numbers from 0 or 1 on"), "{told}");
    assert!(told.contains("{shared_below: N}") && told.contains("data.users="), "{told}");
    for said in [UserIdentity::Shared, UserIdentity::Own, UserIdentity::SharedBelow(5)] {
        assert_eq!(notes(&zero, &one, &|config, _| config.domains[0].users = Some(said)), "", "{said:?}");
    }
    // Ids of elsewhere leave many out, a few tell nothing, and a link file tells all.
    assert_eq!(notes(&zero, &zero.iter().map(|n| n * 2).collect::<Vec<_>>(), &|_, _| {}), "");
    assert_eq!(notes(&zero, &(100..120).collect::<Vec<_>>(), &|_, _| {}), "");
    assert_eq!(notes(&zero[..9], &zero[..9], &|_, _| {}), "");
    assert!(!notes(&zero, &one, &|config, link| config.user_links = vec![link]).contains("from 0 or 1 on"));
    // One file, two domains.
    let both =
        |config: &mut DataConfig, _: LinkFile| config.domains[0].interactions = config.domains[1].interactions.clone();
    assert_eq!(notes(&zero, &zero, &both), "");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is linked to what: parts stay disjoint, and nothing that is asked changes.
    #[test]
    fn links_of_items_leave_the_question_alone(
        source in proptest::collection::vec((0_u8..6, 0_u8..6), 1..25),
        target in proptest::collection::vec((0_u8..6, 0_u8..6), 8..40),
        links in proptest::collection::vec((0_u8..6, 0_u8..6), 1..8),
    ) {
        let csv = |rows: &[(u8, u8)], item: &str| {
            let rows = rows.iter().enumerate().map(|(n, (u, i))| format!("u{u},{item}{i},3,{n}\n"));
            format!("user,item,rating,timestamp\n{}", rows.collect::<String>())
        };
        let link: String = links.iter().map(|(a, b)| format!("s{a}\tt{b}\n")).collect();
        let dir = files(&[("s.csv", &csv(&source, "s")), ("t.csv", &csv(&target, "t")), ("l", &link)]);
        let config = data(vec![domain(dir.path(), "songs", "s.csv"), domain(dir.path(), "films", "t.csv")]);
        let file = LinkFile { file: dir.path().join("l"), domains: ["songs".into(), "films".into()], header: Some(false) };
        let linked = DataConfig { item_links: vec![file], ..config.clone() };
        for split in [SplitConfig::default(), kind(SplitKind::Ratio)] {
            let (Ok((plain, _)), Ok((joined, _))) =
                (run(&config, &PrepareOptions::default(), &split), run(&linked, &PrepareOptions::default(), &split))
            else { continue };
            let (before, after) = (parts(&plain), parts(&joined));
            prop_assert_eq!(pairs(&plain, &before[2]), pairs(&joined, &after[2]));
            prop_assert_eq!(pairs(&plain, &before[1]), pairs(&joined, &after[1]));
            let mut all: Vec<String> = after.iter().flat_map(|log| pairs(&joined, log)).collect();
            let n = all.len();
            all.sort();
            all.dedup();
            prop_assert_eq!(n, all.len());
            // Nothing is learnt there that is later than what is asked.
            let first = |log: &Interactions, user| log.user(user).times.and_then(|times| times.first().copied());
            for user in (0..joined.users.len() as u32).filter(|_| split.kind == SplitKind::LeaveOneOut) {
                let learnt = after[0].restricted(joined.catalogue.range(1));
                let latest = learnt.user(user).times.and_then(|times| times.last().copied());
                let asked = [&after[1], &after[2]].into_iter().filter_map(|log| first(log, user)).min();
                prop_assert!(latest.zip(asked).is_none_or(|(latest, asked)| latest <= asked));
            }
        }
    }
}
