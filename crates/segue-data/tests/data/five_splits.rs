//! Every kind of split of a world of five domains: what each promises, whatever the order of rows and the names of ids.

use std::collections::{BTreeMap, BTreeSet};

use segue_core::{Prepared, Seed};
use segue_data::prepare::{
    Core, CoreMode, CoreScope, DataConfig, DomainConfig, Moment, OneOrMany, PrepareOptions, PrepareReport, RatioOrder,
    SplitConfig, SplitKind,
};

use segue_data::writers::{ExportFormat, Ids, Wanted, export};

use super::five::{DOMAINS, Five, IN_ORDER, Name, PLAIN, Parts, RENAMED, Timed, five, five_tied, renamed};
use super::{kind, run};

fn kinds() -> Vec<SplitConfig> {
    let moments = [Moment::Seconds(1_502_000_000), Moment::Date("2017-08-24".into())];
    vec![
        SplitConfig::default(),
        SplitConfig { min_history: 1, ..SplitConfig::default() },
        kind(SplitKind::Ratio),
        SplitConfig { order: RatioOrder::Time, ratios: [0.6, 0.2, 0.2], ..kind(SplitKind::Ratio) },
        kind(SplitKind::TimeCut),
        SplitConfig { cut: Some(moments), min_history: 1, ..kind(SplitKind::TimeCut) },
        SplitConfig { fold: 4, ..kind(SplitKind::KFold) },
        SplitConfig { folds: 2, ..kind(SplitKind::KFold) },
        SplitConfig { cold: [0.3, 0.4], ..kind(SplitKind::ColdUser) },
        SplitConfig { cold: [0.2, 0.3], ..kind(SplitKind::ColdItem) },
        SplitConfig { cold: [0.3, 0.4], support: 3, ..kind(SplitKind::FewShot) },
    ]
}

fn splits() -> Vec<SplitConfig> {
    let some = OneOrMany::Many(vec!["books".into(), "films".into()]);
    let targets = [None, Some(OneOrMany::One("all".into())), Some(some)];
    let with = |split: SplitConfig| targets.clone().map(|targets| SplitConfig { targets, ..split.clone() });
    kinds().into_iter().flat_map(with).collect()
}

fn prepared(world: &Five, split: &SplitConfig) -> (Prepared, PrepareReport) {
    run(&world.config, &PrepareOptions::default(), split).unwrap_or_else(|error| panic!("{split:?}: {error}"))
}

/// The number before `after` in the notes.
fn noted(report: &PrepareReport, after: &str) -> usize {
    let before = report.notes.iter().find_map(|note| Some(&note[..note.find(after)?]));
    before.map_or(0, |before| before.rsplit(' ').next().unwrap().parse().unwrap())
}

fn user_and_item(world: &Five, (domain, user, item): &Name) -> (String, String) {
    (user.clone(), world.one(domain, item))
}

#[test]
fn parts_are_disjoint_and_complete_and_never_learn_what_is_asked() {
    for world in [five(1, PLAIN, 0), five(2, PLAIN, 0).unlinked()] {
        for split in splits() {
            let (prepared, report) = prepared(&world, &split);
            let parts = Parts::of(&prepared);
            let by_name = parts.by_name(PLAIN);
            assert_eq!(parts.tasks[0].0, "films", "{split:?}");
            assert_eq!(parts.tasks.len() > 1, split.targets.is_some(), "{split:?}");
            // Every event is somewhere, but for those that are the same user's on the same item twice.
            let counted: usize = report.parts.iter().map(|part| part.interactions).sum();
            let gone = noted(&report, " of them are gone");
            assert_eq!(counted + gone, world.events.len(), "{split:?}");
            let unused = report.parts.iter().filter(|part| part.part == "unused").map(|part| part.interactions);
            assert_eq!(by_name.len() + unused.sum::<usize>(), counted, "{split:?}");
            let asked: BTreeSet<_> = parts.held_out().map(|(event, _)| user_and_item(&world, event)).collect();
            assert!(!asked.is_empty());
            for (event, _) in &parts.train {
                assert!(!asked.contains(&user_and_item(&world, event)), "{split:?}: {event:?} is asked about");
            }
            for (task, [valid, test]) in &parts.tasks {
                assert!(!test.is_empty());
                assert!(valid.iter().chain(test).all(|((domain, ..), _)| domain == task));
            }
            check_kind(&world, &split, &parts);
        }
    }
}

/// What a kind promises beside.
fn check_kind(world: &Five, split: &SplitConfig, parts: &Parts) {
    let learnt = |keep: &dyn Fn(&Name) -> bool| parts.train.iter().any(|(event, _)| keep(event));
    for (task, [valid, test]) in &parts.tasks {
        for ((_, user, item), _) in valid.iter().chain(test) {
            match split.kind {
                SplitKind::ColdUser => {
                    assert!(!learnt(&|(domain, other, _)| domain == task && other == user), "{user} is cold in {task}");
                    assert!(learnt(&|(_, other, _)| other == user), "{user} is known from elsewhere");
                }
                SplitKind::ColdItem => {
                    let cold = world.one(task, item);
                    assert!(!learnt(&|(domain, _, item)| world.one(domain, item) == cold), "{cold} is cold");
                }
                SplitKind::FewShot => {
                    let support = |(domain, other, _): &&Name| domain == task && other == user;
                    let n = parts.train.iter().map(|(event, _)| event).filter(support).count();
                    // One may be gone: the same user is asked about it by another name.
                    assert!((1..=3).contains(&n) && (n == 3 || !world.groups.is_empty()), "{n} of {user} in {task}");
                }
                _ => {}
            }
        }
    }
    let span = |events: &[(Name, i64)]| {
        let times = || events.iter().map(|(_, time)| *time);
        (times().min().unwrap_or(i64::MAX), times().max().unwrap_or(i64::MIN))
    };
    if split.kind == SplitKind::TimeCut {
        for (_, [valid, test]) in &parts.tasks {
            for (_, [other_valid, other_test]) in &parts.tasks {
                assert!(span(&parts.train).1 < span(valid).0.min(span(test).0));
                assert!(span(other_valid).1 < span(test).0 && span(valid).1 < span(other_test).0);
            }
        }
    }
    let by_time = matches!(split.kind, SplitKind::LeaveOneOut | SplitKind::TimeCut | SplitKind::FewShot)
        || (split.kind == SplitKind::Ratio && split.order == RatioOrder::Time);
    // Of events that come over by a link of items, too.
    if by_time {
        for (task, [valid, test]) in &parts.tasks {
            let of = |events: &[(Name, i64)], who: &str| {
                let own = events.iter().filter(|((domain, user, _), _)| domain == task && user == who);
                span(&own.cloned().collect::<Vec<_>>())
            };
            let users: BTreeSet<&String> = valid.iter().chain(test).map(|((_, user, _), _)| user).collect();
            for user in users {
                let [train, valid, test] = [&parts.train, valid, test].map(|events| of(events, user));
                assert!(train.1 < valid.0.min(test.0) && valid.1 < test.0, "{split:?}: {user} in {task}");
            }
        }
    }
}

/// A given split is that of its files, whatever made them.
#[test]
fn a_split_given_by_files_is_kept_as_it_is() {
    for split in splits() {
        let world = five(9, PLAIN, 0);
        let (made, _) = prepared(&world, &split);
        let out = world.path().join("exported");
        export(&out, (&made, "five"), Wanted::of(ExportFormat::Csv, Ids::External)).unwrap();
        // A domain may have lost all of its events to linked ones.
        let written = DOMAINS.into_iter().filter(|name| out.join(name).join("train.csv").is_file());
        let domains = written.map(|name| DomainConfig {
            name: name.into(),
            path: Some(out.join(name)),
            ..DomainConfig::default()
        });
        let config = DataConfig { domains: domains.collect(), target: "films".into(), ..DataConfig::default() };
        let targets = made.split.tasks.iter().map(|task| task.name.clone()).collect();
        let targets = Some(OneOrMany::Many(targets));
        let given = SplitConfig { targets, valid_fraction: 0.0, ..kind(SplitKind::Given) };
        let kept =
            run(&config, &PrepareOptions::default(), &given).unwrap_or_else(|error| panic!("{split:?}: {error}")).0;
        let sorted = |prepared: &Prepared| {
            let sorted = |mut events: Timed| {
                events.sort();
                events
            };
            let Parts { train, tasks } = Parts::of(prepared);
            let tasks: Vec<_> = tasks.into_iter().map(|(task, parts)| (task, parts.map(sorted))).collect();
            (sorted(train), tasks)
        };
        assert_eq!(sorted(&kept), sorted(&made), "{split:?}");
    }
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let (world, shuffled) = (five(3, PLAIN, 0), five(3, PLAIN, 9));
    assert_ne!(
        std::fs::read(world.path().join("films.csv")).unwrap(),
        std::fs::read(shuffled.path().join("films.csv")).unwrap()
    );
    for split in splits() {
        let (a, b) = (prepared(&world, &split), prepared(&shuffled, &split));
        assert_eq!((&a.0.users, &a.0.catalogue), (&b.0.users, &b.0.catalogue));
        assert_eq!(Parts::of(&a.0).by_name(PLAIN), Parts::of(&b.0).by_name(PLAIN), "{split:?}");
        assert_eq!(a.1.parts, b.1.parts);
    }
}

/// The splits that no hash of a name decides.
fn by_time() -> impl Iterator<Item = SplitConfig> {
    splits().into_iter().filter(|split| match split.kind {
        SplitKind::Ratio => split.order == RatioOrder::Time,
        kind => kind == SplitKind::LeaveOneOut || kind == SplitKind::TimeCut,
    })
}

#[test]
fn other_names_change_the_names_alone() {
    for n in [4, 5] {
        let (plain, renamed) = (five(n, PLAIN, 0), five(n, RENAMED, 0));
        for split in by_time() {
            let (a, b) = (prepared(&plain, &split).0, prepared(&renamed, &split).0);
            assert_eq!(Parts::of(&a).by_name(RENAMED), Parts::of(&b).by_name(PLAIN), "{split:?}");
        }
    }
}

/// Ties of time and value go by item id, so names that keep the order of items change the names alone, whatever users are
/// called; a cut in time has no ties, so there any names do.
#[test]
fn other_names_in_the_same_order_change_the_names_alone_where_times_are_tied() {
    for n in [4, 5] {
        let (plain, in_order, renamed) = (five_tied(n, PLAIN), five_tied(n, IN_ORDER), five_tied(n, RENAMED));
        for split in by_time() {
            let [a, b, c] = [&plain, &in_order, &renamed].map(|world| Parts::of(&prepared(world, &split).0));
            assert_eq!(a.by_name(IN_ORDER), b.by_name(PLAIN), "{split:?}");
            let same = a.by_name(RENAMED) == c.by_name(PLAIN);
            assert_eq!(same, split.kind == SplitKind::TimeCut, "ties are decided by the items' ids: {split:?}");
        }
    }
}

/// Names in another order change nothing but which of tied events is taken: of each user and domain every part has as many
/// events of each time and value as before.
#[test]
fn other_names_choose_among_tied_events_alone() {
    for n in [4, 5] {
        let (plain, other) = (five_tied(n, PLAIN).unlinked(), five_tied(n, RENAMED).unlinked());
        for split in by_time() {
            let shape = |world: &Five, naming| {
                let mut shape: BTreeMap<_, Vec<(i64, u8)>> = BTreeMap::new();
                for (name, part) in Parts::of(&prepared(world, &split).0).by_name(PLAIN) {
                    let event = world.events[&name];
                    shape.entry((name.0, renamed(&name.1, naming), part)).or_default().push(event);
                }
                for events in shape.values_mut() {
                    events.sort_unstable();
                }
                shape
            };
            assert_eq!(shape(&plain, RENAMED), shape(&other, PLAIN), "{split:?}");
        }
    }
}

#[test]
fn hashes_are_of_external_ids_as_documented() {
    for naming in [PLAIN, RENAMED] {
        let world = five(6, naming, 0).unlinked();
        for split in splits() {
            let by_time = split.kind == SplitKind::Ratio && split.order == RatioOrder::Time;
            if by_time || matches!(split.kind, SplitKind::LeaveOneOut | SplitKind::TimeCut) {
                continue;
            }
            let found = Parts::of(&prepared(&world, &split).0).by_name(PLAIN);
            let reference = Reference::new(&world, &split);
            for event in world.events.keys() {
                let part = if reference.targets.contains(&event.0.as_str()) { reference.part(event) } else { "train" };
                let label = match part {
                    "train" => Some("train".to_owned()),
                    "unused" => None,
                    part => Some(format!("{} {part}", event.0)),
                };
                assert_eq!(found.get(event), label.as_ref(), "{split:?}: {event:?}");
            }
        }
    }
}

/// The documented rules, event by event, from names alone.
struct Reference<'a> {
    world: &'a Five,
    split: &'a SplitConfig,
    targets: Vec<&'static str>,
    /// Events of every user in every domain.
    counts: BTreeMap<(&'a str, &'a str), usize>,
}

impl<'a> Reference<'a> {
    fn new(world: &'a Five, split: &'a SplitConfig) -> Self {
        let mut counts = BTreeMap::new();
        for (domain, user, _) in world.events.keys() {
            *counts.entry((domain.as_str(), user.as_str())).or_insert(0) += 1;
        }
        let targets = match &split.targets {
            None => vec!["films"],
            Some(OneOrMany::One(_)) => DOMAINS.to_vec(),
            Some(OneOrMany::Many(_)) => vec!["films", "books"],
        };
        Self { world, split, targets, counts }
    }

    fn n(&self, domain: &str, user: &str) -> usize {
        self.counts.get(&(domain, user)).copied().unwrap_or(0)
    }

    fn unit(path: &[&str]) -> f64 {
        path.iter().fold(Seed::new(7).named("split"), |seed, name| seed.named(name)).unit()
    }

    fn drawn(&self, unit: f64) -> &'static str {
        let [valid, test] = self.split.cold;
        if unit < test {
            "test"
        } else if unit < test + valid {
            "valid"
        } else {
            "train"
        }
    }

    fn part(&self, event: &Name) -> &'static str {
        match self.split.kind {
            SplitKind::KFold => self.k_fold(event),
            SplitKind::ColdUser => self.cold_user(event),
            SplitKind::ColdItem => self.cold_item(event),
            SplitKind::FewShot => self.few_shot(event),
            _ => self.ratio(event),
        }
    }

    fn ratio(&self, (domain, user, item): &Name) -> &'static str {
        match Self::unit(&["ratio", user, item]) {
            _ if self.n(domain, user) < 3 => "train",
            unit if unit < 0.8 => "train",
            unit if unit < 0.9 => "valid",
            _ => "test",
        }
    }

    fn k_fold(&self, (domain, user, item): &Name) -> &'static str {
        let folds = self.split.folds;
        match (Self::unit(&["fold", user, item]) * f64::from(folds)) as u32 {
            _ if self.n(domain, user) < 3 => "train",
            fold if fold == self.split.fold => "test",
            fold if folds > 2 && fold == (self.split.fold + 1) % folds => "valid",
            _ => "train",
        }
    }

    fn cold_user(&self, (domain, user, _): &Name) -> &'static str {
        for target in &self.targets {
            let elsewhere = DOMAINS.iter().any(|other| other != target && self.n(other, user) > 0);
            let part = self.drawn(Self::unit(&["cold_user", target, user]));
            if elsewhere && self.n(target, user) >= 3 && part != "train" {
                return if target == domain { part } else { "train" };
            }
        }
        "train"
    }

    fn cold_item(&self, (domain, user, item): &Name) -> &'static str {
        match self.drawn(Self::unit(&["cold_item", domain, item])) {
            "train" => "train",
            _ if self.n(domain, user) < 3 => "unused",
            part => part,
        }
    }

    fn few_shot(&self, event: &Name) -> &'static str {
        let (domain, user, _) = event;
        let earlier = |(other, (time, _)): (&Name, &(i64, u8))| {
            (&other.0, &other.1) == (domain, user) && *time < self.world.events[event].0
        };
        if self.n(domain, user) <= 3 || self.world.events.iter().filter(|&other| earlier(other)).count() < 3 {
            return "train";
        }
        self.drawn(Self::unit(&["few_shot", domain, user]))
    }
}

#[test]
fn a_core_of_five_domains_is_one_again() {
    for scope in [CoreScope::PerDomain, CoreScope::Joint] {
        let world = five(7, PLAIN, 0).unlinked();
        let core = Core { users: 4, items: 3, mode: CoreMode::UntilStable, scope, strict: false };
        let options = PrepareOptions { core, ..PrepareOptions::default() };
        let split = SplitConfig { targets: Some(OneOrMany::One("all".into())), ..SplitConfig::default() };
        let (prepared, report) = run(&world.config, &options, &split).unwrap();
        assert!(report.steps.iter().filter(|step| step.step == "core").map(|step| step.removed).sum::<usize>() > 0);
        let parts = Parts::of(&prepared);
        let left: Vec<&Name> = parts.train.iter().chain(parts.held_out()).map(|(event, _)| event).collect();
        let mut users: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut items: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (domain, user, item) in &left {
            let counted = if scope == CoreScope::Joint { "" } else { domain };
            *users.entry((counted, user)).or_default() += 1;
            *items.entry((domain, item)).or_default() += 1;
        }
        assert!(users.values().all(|&n| n >= 4) && items.values().all(|&n| n >= 3), "{scope:?}");
    }
}

#[test]
fn people_are_one_where_a_file_or_an_id_says_so_and_nowhere_else() {
    let world = five(8, PLAIN, 0);
    let (prepared, report) = prepared(&world, &SplitConfig::default());
    let overlap = |a: &str, b: &str| {
        let of = |x: &str, y: &str| report.overlaps.iter().find(|o| o.first == x && o.second == y).map(|o| o.users);
        of(a, b).or(of(b, a)).unwrap()
    };
    // Viewers of shows are called 0 to 59 as those of films are, and readers have nothing to do with either.
    assert!(overlap("films", "music") > 5 && overlap("books", "games") > 5);
    for (a, b) in [("films", "shows"), ("films", "books"), ("films", "games"), ("books", "shows"), ("music", "books")] {
        // A show that is a game takes its viewers there, after the split.
        assert_eq!(overlap(a, b), 0, "{a} and {b}");
    }
    assert!(prepared.users.find("3").is_some() && prepared.users.find("shows:3").is_some());
    let readers = prepared.users.iter().filter(|user| user.starts_with("books:r")).count();
    assert!(readers > 20 && prepared.users.iter().all(|user| !user.starts_with("games:r")));
}
