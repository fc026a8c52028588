//! Many questions of one log, on random worlds: what each asks, and that none is told what another one asks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use segue_core::{Prepared, Seed, TaskKind};
use segue_data::prepare::{
    DataConfig, LinkFile, OneOrMany, PrepareOptions, PrepareReport, SplitConfig, SplitKind, load_folder, write_folder,
};
use segue_data::writers::{ExportFormat, Ids, Wanted, export};

use super::five::{Name, PLAIN, Parts, Timed, five};
use super::folder::histories;
use super::{data, domain, files, kind, message, run};

/// Domain, user and item, with time and stars.
type Log = BTreeMap<Name, (i64, u8)>;

const NAMES: [&str; 3] = ["music", "books", "films"];

fn random_log(n: u64, names: &[&str]) -> Log {
    let mut stream = Seed::new(n).named("questions").stream();
    let mut log = Log::new();
    for name in names {
        for user in 0..50 {
            let n_events = if stream.below(10) < 8 { 1 + stream.below(9) } else { 0 };
            for _ in 0..n_events {
                let item = format!("{}{}", &name[..1], stream.below(30));
                let (time, stars) = (i64::from(stream.below(20)), 1 + stream.below(5) as u8);
                log.insert(((*name).into(), format!("u{user}"), item), (time, stars));
            }
        }
    }
    log
}

/// The log as files, of which `order` shuffles the lines; the last domain is the target.
fn written(log: &Log, names: &[&str], order: u64) -> (tempfile::TempDir, DataConfig) {
    let texts = names.iter().map(|name| {
        let of_domain = log.iter().filter(|((domain, ..), _)| domain == name);
        let mut lines: Vec<String> =
            of_domain.map(|((_, user, item), (time, stars))| format!("{user},{item},{stars},{time}\n")).collect();
        Seed::new(order).named(name).stream().shuffle(&mut lines);
        (format!("{name}.csv"), format!("user,item,rating,timestamp\n{}", lines.concat()))
    });
    let texts: Vec<(String, String)> = texts.collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let dir = files(&texts);
    let config = data(names.iter().map(|name| domain(dir.path(), name, &format!("{name}.csv"))).collect());
    (dir, config)
}

fn questions(min_history: usize, targets: Option<&str>) -> SplitConfig {
    SplitConfig {
        min_history,
        targets: targets.map(|name| OneOrMany::One(name.into())),
        cold: [0.1, 0.15],
        supports: Some(vec![1, 3]),
        support_shares: Some([0.1, 0.2]),
        ..kind(SplitKind::Questions)
    }
}

/// Not every event is a like.
fn options() -> PrepareOptions {
    PrepareOptions { positive_threshold: Some(2.0), ..PrepareOptions::default() }
}

fn kinds(prepared: &Prepared) -> Vec<(String, TaskKind)> {
    prepared.split.tasks.iter().map(|task| (task.name.clone(), task.kind)).collect()
}

/// The events of a domain that are `user`'s, or all.
fn of<'a>(events: &'a Timed, domain: &'a str, user: Option<&'a str>) -> impl Iterator<Item = &'a Name> {
    events.iter().map(|(name, _)| name).filter(move |(d, u, _)| d == domain && user.is_none_or(|user| user == u))
}

/// The documented draw.
fn is_cold(split: &SplitConfig, domain: &str, item: &str) -> bool {
    let seed = Seed::new(7).named("split").named("cold_item").named(domain);
    seed.named(item).unit() < split.cold.iter().sum()
}

/// A question of one domain, found in what was prepared.
struct Question<'a> {
    kind: TaskKind,
    domain: &'a str,
    parts: &'a [Timed; 2],
}

fn found<'a>(parts: &'a Parts, prepared: &'a Prepared) -> Vec<Question<'a>> {
    let name = |d: usize| prepared.catalogue.domains()[d].name.as_str();
    let tasks = prepared.split.tasks.iter().zip(&parts.tasks);
    tasks.map(|(task, (_, parts))| Question { kind: task.kind, domain: name(task.target), parts }).collect()
}

fn check(log: &Log, split: &SplitConfig, (prepared, report): (&Prepared, &PrepareReport)) {
    let parts = Parts::of(prepared);
    // Every event is in one part of one task, or in none.
    let by_name = parts.by_name(PLAIN);
    let counted = |part: &str| report.parts.iter().filter(|p| p.part == part).map(|p| p.interactions).sum::<usize>();
    assert_eq!(by_name.len() + counted("unused"), log.len());
    assert!(by_name.keys().all(|name| log.contains_key(name)));
    assert_eq!(counted("train") + counted("val") + counted("test") + counted("unused"), log.len());
    let all = found(&parts, prepared);
    for (question, told) in all.iter().zip(report.questions.chunks(2)) {
        for (part, told) in question.parts.iter().zip(told) {
            let users: BTreeSet<&String> = part.iter().map(|((_, user, _), _)| user).collect();
            assert_eq!((part.len(), users.len()), (told.interactions, told.users));
        }
        let [_, test] = question.parts;
        assert!(!test.is_empty());
        assert!(question.parts.iter().flatten().all(|((domain, ..), _)| domain == question.domain));
    }
    assert_eq!(report.questions.len(), 2 * all.len());

    // Who is asked what: nobody two things, but for cold items.
    let mut asked: BTreeMap<(&str, &str), (TaskKind, usize)> = BTreeMap::new();
    for question in all.iter().filter(|question| question.kind != TaskKind::ColdItem) {
        for (n, part) in question.parts.iter().enumerate() {
            for ((domain, user, item), _) in part {
                assert!(!is_cold(split, domain, item));
                let n = if question.kind == TaskKind::Intra { 2 } else { n };
                let other = asked.insert((domain, user), (question.kind, n));
                assert!(other.is_none_or(|other| other == (question.kind, n)), "{user} of {domain}: {other:?}");
            }
        }
    }
    for question in &all {
        for ((domain, user, item), _) in question.parts.iter().flatten() {
            let learnt: Vec<&Name> = of(&parts.train, domain, Some(user)).collect();
            match question.kind {
                TaskKind::Intra => {}
                TaskKind::ColdUser => {
                    assert!(learnt.is_empty(), "{user} is cold in {domain}");
                    assert!(
                        parts.train.iter().any(|((_, other, _), _)| other == user),
                        "{user} is known from elsewhere"
                    );
                    assert_eq!(
                        asked.iter().filter(|((_, u), (kind, _))| u == user && *kind == question.kind).count(),
                        1
                    );
                }
                TaskKind::ColdItem => {
                    assert!(is_cold(split, domain, item));
                    let is_intra = asked.get(&(domain.as_str(), user.as_str())).is_none_or(|a| a.0 == TaskKind::Intra);
                    assert!(is_intra, "{user} of {domain}");
                }
                TaskKind::FewShot(k) => {
                    let mut first: Vec<(&Name, &(i64, u8))> =
                        log.iter().filter(|((d, u, i), _)| d == domain && u == user && !is_cold(split, d, i)).collect();
                    let number = |name: &Name| name.2[1..].parse::<u32>().unwrap();
                    // Ids that begin with a letter are in order of bytes.
                    first.sort_by_key(|(name, (time, stars))| (*time, *stars, std::cmp::Reverse(&name.2)));
                    assert!(first.len() > k as usize && first.iter().all(|(name, _)| number(name) < 30));
                    let support: BTreeSet<&Name> = first.iter().take(k as usize).map(|(name, _)| *name).collect();
                    assert_eq!(learnt.iter().copied().collect::<BTreeSet<_>>(), support, "{user} of {domain}");
                    let queries = question.parts.iter().flat_map(|part| of(part, domain, Some(user))).count();
                    assert_eq!(queries, first.len() - k as usize);
                }
            }
        }
    }
    let targets: BTreeSet<&str> = all.iter().map(|question| question.domain).collect();
    for (domain, _, item) in parts.train.iter().map(|(name, _)| name) {
        assert!(!targets.contains(domain.as_str()) || !is_cold(split, domain, item), "{item} is cold");
    }

    // The rest is a log of its own, of which one was left out.
    let is_rest = |(domain, user, item): &Name| {
        let intra = asked.get(&(domain.as_str(), user.as_str())).is_none_or(|(kind, _)| *kind == TaskKind::Intra);
        !targets.contains(domain.as_str()) || (intra && !is_cold(split, domain, item))
    };
    // Users of a question that was not asked are of the rest no more, but their events are in no part either.
    let unasked: BTreeSet<(&str, &str)> = log
        .keys()
        .filter(|name| is_rest(name) && !by_name.contains_key(name))
        .map(|(domain, user, _)| (domain.as_str(), user.as_str()))
        .filter(|who| !asked.contains_key(who))
        .collect();
    let rest: Log = log
        .iter()
        .filter(|(name, _)| is_rest(name) && !unasked.contains(&(name.0.as_str(), name.1.as_str())))
        .map(|(name, at)| (name.clone(), *at))
        .collect();
    let names: Vec<&str> = prepared.catalogue.domains().iter().map(|domain| domain.name.as_str()).collect();
    let (_dir, config) = written(&rest, &names, 1);
    let one_out = SplitConfig { min_history: split.min_history, ..SplitConfig::default() };
    let named = targets.iter().map(|&name| name.to_owned()).collect();
    let one_out = SplitConfig { targets: Some(OneOrMany::Many(named)), ..one_out };
    let (left, _) = run(&config, &options(), &one_out).unwrap();
    let left = Parts::of(&left);
    let sorted = |events: &Timed| events.iter().cloned().collect::<BTreeSet<_>>();
    let intra: Vec<_> = all.iter().filter(|question| question.kind == TaskKind::Intra).collect();
    assert_eq!(intra.len(), left.tasks.len());
    for (question, (name, parts)) in intra.iter().zip(&left.tasks) {
        assert_eq!(question.domain, name);
        for (part, other) in question.parts.iter().zip(parts) {
            assert_eq!(sorted(part), sorted(other), "{name}");
        }
    }
    let learnt = |parts: &Parts| {
        let train = parts.train.iter().filter(|(name, _)| rest.contains_key(name));
        train.cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(learnt(&parts), learnt(&left));
}

fn told(prepared: &Prepared) -> (BTreeMap<Name, String>, Vec<(String, TaskKind)>, String) {
    (Parts::of(prepared).by_name(PLAIN), kinds(prepared), prepared.split.protocol.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_question_is_asked_as_its_kind_asks_it_and_none_of_what_another_takes(
        n in any::<u64>(),
        three in any::<bool>(),
        all in any::<bool>(),
        min_history in prop_oneof![Just(1_usize), Just(3)],
    ) {
        let names = &NAMES[usize::from(!three)..];
        let log = random_log(n, names);
        let split = questions(min_history, all.then_some("all"));
        let (_dir, config) = written(&log, names, 0);
        let (prepared, report) = run(&config, &options(), &split).unwrap();
        check(&log, &split, (&prepared, &report));
        let (_dir, shuffled) = written(&log, names, n | 1);
        let (other, again) = run(&shuffled, &options(), &split).unwrap();
        prop_assert_eq!(told(&prepared), told(&other));
        prop_assert_eq!(report.questions, again.questions);
    }
}

#[test]
fn all_questions_are_asked_of_a_log_of_some_hundred_users_in_their_order() {
    let mut log = Log::new();
    let mut stream = Seed::new(1).stream();
    for name in ["music", "films"] {
        for (user, n) in (0..400).flat_map(|user| (0..14).map(move |n| (user, n))) {
            let item = format!("{}{}", &name[..1], stream.below(200));
            log.insert((name.into(), format!("u{user}"), item), (n, 5));
        }
    }
    let (_dir, config) = written(&log, &["music", "films"], 0);
    // As configs/split/questions.yaml has it.
    let split =
        SplitConfig { cold: [0.05, 0.05], targets: Some(OneOrMany::One("all".into())), ..kind(SplitKind::Questions) };
    let (prepared, report) = run(&config, &PrepareOptions::default(), &split).unwrap();
    let of_domain = |domain: &str| {
        [
            (domain.to_owned(), TaskKind::Intra),
            (format!("{domain}_cold_user"), TaskKind::ColdUser),
            (format!("{domain}_cold_item"), TaskKind::ColdItem),
            (format!("{domain}_few_shot_1"), TaskKind::FewShot(1)),
            (format!("{domain}_few_shot_3"), TaskKind::FewShot(3)),
            (format!("{domain}_few_shot_5"), TaskKind::FewShot(5)),
            (format!("{domain}_few_shot_10"), TaskKind::FewShot(10)),
        ]
    };
    assert_eq!(kinds(&prepared), [of_domain("films"), of_domain("music")].concat());
    assert!(report.questions.iter().all(|question| question.users > 0), "{:?}", report.questions);
    assert!(report.questions[1].users > 240, "most users are left to the first question: {:?}", report.questions[1]);
    // The report says what was used, and the target alone sees its own questions.
    assert_eq!((report.split.supports, report.split.support_shares), (Some(vec![1, 3, 5, 10]), Some([0.025; 2])));
    let films = prepared.catalogue.find_domain("films").unwrap();
    assert_eq!(kinds(&prepared.only(films)), of_domain("films"));
    let log = prepared.train_and_valid();
    let valid: usize = prepared.split.tasks.iter().map(|task| task.valid.events.len()).sum();
    assert_eq!(log.len(), prepared.split.train.len() + valid);
}

#[test]
fn linked_items_are_cold_by_every_name_and_tell_nothing() {
    for (n, targets) in [(1, None), (2, Some("all")), (3, Some("all"))] {
        let world = five(n, PLAIN, 0);
        let (prepared, report) = run(&world.config, &PrepareOptions::default(), &questions(3, targets)).unwrap();
        let parts = Parts::of(&prepared);
        parts.by_name(PLAIN);
        let one = |(domain, user, item): &Name| (user.clone(), world.one(domain, item));
        let asked: BTreeSet<_> = parts.held_out().map(|(name, _)| one(name)).collect();
        assert!(parts.train.iter().all(|(name, _)| !asked.contains(&one(name))));
        let learnt: BTreeSet<String> = parts.train.iter().map(|((d, _, item), _)| world.one(d, item)).collect();
        for question in found(&parts, &prepared) {
            for ((domain, user, item), _) in question.parts.iter().flatten() {
                let n = of(&parts.train, domain, Some(user)).count();
                match question.kind {
                    TaskKind::Intra => {}
                    TaskKind::ColdItem => assert!(!learnt.contains(&world.one(domain, item)), "{item} is cold"),
                    TaskKind::ColdUser => assert_eq!(n, 0, "{user} is cold in {domain}"),
                    // A support event may be gone: the same user is asked about it by another name.
                    TaskKind::FewShot(k) => assert!(n <= k as usize, "{user} has {n} in {domain}"),
                }
            }
        }
        assert!(kinds(&prepared).len() > 3, "{:?}", report.questions);
    }
}

#[test]
fn a_folder_holds_every_question_and_what_came_before_it() {
    let log = random_log(5, &NAMES);
    let (dir, config) = written(&log, &NAMES, 0);
    let split = questions(3, Some("all"));
    let options = PrepareOptions { history: Some(9), ..options() };
    let (prepared, report) = run(&config, &options, &split).unwrap();
    let out = dir.path().join("out");
    write_folder(&out, &prepared, &report).unwrap();
    let (loaded, manifest) = load_folder(&out).unwrap();
    assert_eq!(told(&loaded), told(&prepared));
    assert_eq!((&manifest.report, manifest.tasks.len()), (&report, prepared.split.tasks.len()));
    let readme = std::fs::read_to_string(out.join("README.txt")).unwrap();
    for (name, _) in kinds(&prepared) {
        let lines = readme.lines().filter(|line| line.split_whitespace().next() == Some(&name)).count();
        assert!(lines >= 2, "{name}: {readme}");
        let suffix = if name == "films" { String::new() } else { format!("_{name}") };
        assert!(out.join(format!("data/test{suffix}.parquet")).is_file());
    }
    let parts = Parts::of(&prepared);
    let told = histories_of(&out, &prepared, &parts);
    assert!(told > 20, "{told} histories were looked at");
    // Other programs take one question of a domain: the first.
    let csv = dir.path().join("csv");
    export(&csv, (&prepared, "random"), Wanted::of(ExportFormat::Csv, Ids::External)).unwrap();
    let rows = std::fs::read_to_string(csv.join("films/test.csv")).unwrap().lines().count() - 1;
    assert_eq!(rows, parts.tasks[0].1[1].len());
    // Or that which is named.
    for (name, events) in parts.tasks.iter().filter(|(name, events)| !events[1].is_empty() && !name.is_empty()) {
        let wanted = Wanted { question: Some(name), ..Wanted::of(ExportFormat::Csv, Ids::External) };
        let done = export(&csv, (&prepared, "random"), wanted).unwrap();
        assert!(done.questions.contains(name), "{name}: {:?}", done.questions);
        let test = std::fs::read_to_string(csv.join(&done.target).join("test.csv")).unwrap();
        assert_eq!(test.lines().count() - 1, events[1].len(), "{name}");
    }
    let wanted = Wanted { question: Some("film"), ..Wanted::of(ExportFormat::Csv, Ids::External) };
    let message = export(&csv, (&prepared, "random"), wanted).unwrap_err().to_string();
    assert!(message.contains("did you mean films?"), "{message}");
}

/// Compares the histories beside the test events of the target with all that their users may be known by.
fn histories_of(out: &Path, prepared: &Prepared, parts: &Parts) -> usize {
    let questions = found(parts, prepared);
    let valid = || questions.iter().map(|question| &question.parts[0]);
    let of_target = questions.iter().zip(&parts.tasks).filter(|(question, _)| question.domain == "films");
    let mut n = 0;
    for (question, (name, _)) in of_target {
        let suffix = if name == "films" { String::new() } else { format!("_{name}") };
        let rows = histories(out, &format!("test{suffix}"), prepared);
        assert_eq!(rows.len(), question.parts[1].len());
        for row in rows {
            let (event, history) = row.trim_end_matches(']').split_once(" [").unwrap();
            let [user, _, time] = event.split(' ').collect::<Vec<_>>()[..] else { unreachable!() };
            let before = |(name, at): &&(Name, i64)| {
                (name.0.as_str(), name.1.as_str()) == ("films", user) && *at <= time.parse().unwrap()
            };
            let known = std::iter::once(&parts.train).chain(valid()).flatten().filter(before);
            let mut known: Vec<&str> = known.map(|((_, _, item), _)| item.as_str()).collect();
            let mut history: Vec<&str> = history.split(' ').filter(|item| !item.is_empty()).collect();
            known.sort_unstable();
            history.sort_unstable();
            assert_eq!(history, known, "{name}: {row}");
            match question.kind {
                TaskKind::ColdUser => assert!(history.is_empty()),
                TaskKind::FewShot(k) => assert!(history.len() <= k as usize),
                TaskKind::Intra | TaskKind::ColdItem => {}
            }
            n += 1;
        }
    }
    n
}

#[test]
fn one_domain_has_no_cold_users_and_is_asked_the_rest() {
    let log = random_log(6, &["films"]);
    let (_dir, config) = written(&log, &["films"], 0);
    let (prepared, report) = run(&config, &options(), &questions(3, None)).unwrap();
    check(&log, &questions(3, None), (&prepared, &report));
    let names: Vec<String> = kinds(&prepared).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["films", "films_cold_item", "films_few_shot_1", "films_few_shot_3"]);
    assert!(!prepared.split.protocol.contains("cold users"), "{}", prepared.split.protocol);
    let note = "films: nobody is known from another domain, so films_cold_user is not asked";
    assert!(report.notes.iter().any(|told| told == note), "{:?}", report.notes);
}

#[test]
fn a_question_that_nobody_can_be_asked_is_left_out() {
    let log = random_log(7, &NAMES);
    let (_dir, config) = written(&log, &NAMES, 0);
    let split = SplitConfig { supports: Some(vec![1, 100]), ..questions(3, None) };
    let (prepared, report) = run(&config, &options(), &split).unwrap();
    assert!(kinds(&prepared).iter().all(|(name, _)| name != "films_few_shot_100"));
    let note = "films: there is nothing to test, so films_few_shot_100 is not asked";
    assert!(report.notes.iter().any(|told| told == note), "{:?}", report.notes);
    for part in
        ["for each k of 1, 100", "cold users by hash", "0.15 of the items test and 0.1 validation", "leave-one-out"]
    {
        assert!(prepared.split.protocol.contains(part), "{part}: {}", prepared.split.protocol);
    }
    // The first question is that which must be asked.
    let nobody = SplitConfig { min_history: 99, ..split.clone() };
    let error = message(run(&config, &options(), &nobody));
    assert!(
        error.contains("domain films has no test interactions") && error.contains("split.support_shares"),
        "{error}"
    );
    let none = SplitConfig { supports: Some(Vec::new()), ..split };
    let (prepared, _) = run(&config, &options(), &none).unwrap();
    assert_eq!(kinds(&prepared).len(), 3);
    assert!(!prepared.split.protocol.contains("few-shot users"), "{}", prepared.split.protocol);
}

#[test]
fn wrong_numbers_and_names_are_refused() {
    let log = random_log(8, &["music", "films"]);
    let (dir, config) = written(&log, &["music", "films"], 0);
    let refused = |split: SplitConfig, parts: &[&str]| {
        let error = message(run(&config, &options(), &split));
        for part in parts {
            assert!(error.contains(part), "{part:?} in {error}");
        }
    };
    for supports in [vec![0], vec![3, 1], vec![2, 2], (1..=17).collect()] {
        refused(SplitConfig { supports: Some(supports), ..questions(3, None) }, &["split.supports", "rising", "16"]);
    }
    for shares in [[0.1, 0.0], [0.6, 0.6], [-0.1, 0.2], [f64::NAN, 0.1]] {
        let split = SplitConfig { support_shares: Some(shares), ..questions(3, None) };
        refused(split, &["split.support_shares", "sum of at most 1, test above 0"]);
    }
    let shortcut = DataConfig { train_ratio: Some(0.5), ..config.clone() };
    let error = message(run(&shortcut, &options(), &questions(3, None)));
    assert!(error.contains("data.train_ratio: has no meaning for shares of users or items"), "{error}");
    std::fs::write(dir.path().join("untimed.csv"), "user,item\nu1,f1\nu2,f1\n").unwrap();
    let untimed = data(vec![config.domains[0].clone(), domain(dir.path(), "films", "untimed.csv")]);
    let error = message(run(&untimed, &options(), &questions(3, None)));
    assert!(error.contains("split.kind") && error.contains("has none"), "{error}");
    let called = ["films_few_shot_1", "films"];
    let log: Log = random_log(8, &["music", "films"])
        .into_iter()
        .map(|((name, user, item), at)| ((name.replace("music", called[0]), user, item), at))
        .collect();
    let (_dir, config) = written(&log, &called, 0);
    let error = message(run(&config, &options(), &questions(3, Some("all"))));
    assert!(error.contains("two questions would be called films_few_shot_1"), "{error}");
}

#[test]
fn linked_events_give_nobody_more_support() {
    let log = random_log(9, &["music", "films"]);
    let (dir, config) = written(&log, &["music", "films"], 0);
    let links: String = (0..30).map(|n| format!("m{n}\tf{n}\n")).collect();
    std::fs::write(dir.path().join("same"), links).unwrap();
    let link =
        LinkFile { file: dir.path().join("same"), domains: ["music".into(), "films".into()], header: Some(false) };
    let config = DataConfig { item_links: vec![link], ..config };
    let (prepared, report) = run(&config, &options(), &questions(3, None)).unwrap();
    let parts = Parts::of(&prepared);
    for question in found(&parts, &prepared) {
        for ((domain, user, _), _) in question.parts.iter().flatten() {
            let n = of(&parts.train, domain, Some(user)).count();
            match question.kind {
                TaskKind::ColdUser => assert_eq!(n, 0),
                TaskKind::FewShot(k) => assert!(n <= k as usize),
                TaskKind::Intra | TaskKind::ColdItem => {}
            }
        }
    }
    let notes = report.notes.join("\n");
    assert!(notes.contains("events stay in their domain"), "{notes}");
    assert!(notes.contains("on items that are linked to cold ones are in no part"), "{notes}");
}
