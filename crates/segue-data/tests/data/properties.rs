//! What holds for any log.

use proptest::prelude::*;
use segue_core::{Interactions, OpenedTests, Prepared, Task};
use segue_data::prepare::{
    Core, CoreMode, Deduplicate, Logarithm, OneOrMany, PrepareOptions, PrepareReport, RatioOrder, Scale, SplitConfig,
    SplitKind, UserFilter, load_folder, prepare_folder, write_folder,
};

use super::{data, domain, files, kind, pairs as pairs_by_name, parts, quiet, run};

type Row = (u8, u8, u8, u8);

fn csv(rows: &[Row]) -> String {
    let line =
        |(user, item, value, time): &Row| format!("u{},i{},{},{}\n", user % 7, item % 9, value % 5 + 1, time % 16);
    format!("user,item,rating,timestamp\n{}", rows.iter().map(line).collect::<String>())
}

fn prepared(source: &[Row], target: &[Row], options: &PrepareOptions, split: &SplitConfig) -> Option<Prepared> {
    let dir = files(&[("s.csv", &csv(source)), ("t.csv", &csv(target))]);
    let config = data(vec![domain(dir.path(), "songs", "s.csv"), domain(dir.path(), "films", "t.csv")]);
    run(&config, options, split).ok().map(|(prepared, _)| prepared)
}

fn same(a: Option<Prepared>, b: Option<Prepared>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let held_out = |prepared: &Prepared| {
                let task = |task: &Task| {
                    let test = task.test.open(&mut OpenedTests::default(), "test of preparation").clone();
                    (task.name.clone(), task.kind, task.valid.clone(), test)
                };
                prepared.split.tasks.iter().map(task).collect::<Vec<_>>()
            };
            (&a.users, &a.catalogue, &a.split.train, &a.split.protocol, held_out(&a))
                == (&b.users, &b.catalogue, &b.split.train, &b.split.protocol, held_out(&b))
        }
        (None, None) => true,
        _ => false,
    }
}

fn splits() -> Vec<SplitConfig> {
    let by_time = SplitConfig { order: RatioOrder::Time, ratios: [0.6, 0.2, 0.2], ..kind(SplitKind::Ratio) };
    let everyone = SplitConfig { min_history: 1, ..SplitConfig::default() };
    vec![SplitConfig::default(), everyone, kind(SplitKind::Ratio), by_time]
}

/// The kinds that look at all rows or at other domains, of every domain.
fn planned() -> Vec<SplitConfig> {
    let targets = || Some(OneOrMany::One("all".into()));
    let of = |of| SplitConfig { targets: targets(), min_history: 1, cold: [0.3, 0.4], support: 1, ..kind(of) };
    let mut kinds =
        [SplitKind::TimeCut, SplitKind::KFold, SplitKind::ColdUser, SplitKind::ColdItem, SplitKind::FewShot].map(of);
    kinds[0].ratios = [0.4, 0.3, 0.3];
    let shares = SplitConfig { supports: Some(vec![1]), support_shares: Some([0.2; 2]), ..of(SplitKind::Questions) };
    let questions = [[0.1, 0.1], [0.2, 0.3]].map(|cold| SplitConfig { cold, ..shares.clone() });
    kinds.into_iter().chain(questions).collect()
}

fn pairs(log: &Interactions) -> Vec<(u32, u32)> {
    let mut pairs: Vec<_> = log.events().map(|e| (e.user, e.item)).collect();
    pairs.sort_unstable();
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn parts_are_disjoint_complete_and_in_time(
        source in proptest::collection::vec(any::<Row>(), 1..30),
        target in proptest::collection::vec(any::<Row>(), 1..60),
    ) {
        for split in splits() {
            let Some(prepared) = prepared(&source, &target, &PrepareOptions::default(), &split) else { continue };
            let [train, valid, test] = parts(&prepared);
            let mut all: Vec<_> = [&train, &valid, &test].iter().flat_map(|log| pairs(log)).collect();
            all.sort_unstable();
            let n = all.len();
            all.dedup();
            prop_assert_eq!(all.len(), n);
            let distinct = |rows: &[Row]| {
                let mut pairs: Vec<_> = rows.iter().map(|r| (r.0 % 7, r.1 % 9)).collect();
                pairs.sort_unstable();
                pairs.dedup();
                pairs.len()
            };
            prop_assert_eq!(n, distinct(&source) + distinct(&target));
            if split.kind == SplitKind::Ratio && split.order == RatioOrder::Random {
                continue;
            }
            let films = prepared.catalogue.range(1);
            for user in 0..prepared.users.len() as u32 {
                let latest = train.restricted(films.clone()).user(user).times.and_then(|t| t.last().copied());
                let (valid, test) = (valid.user(user).times, test.user(user).times);
                let first = |times: Option<&[i64]>| times.and_then(|t| t.first().copied());
                for (before, after) in [(latest, first(valid)), (latest, first(test)), (valid.and_then(|t| t.last().copied()), first(test))] {
                    prop_assert!(before.zip(after).is_none_or(|(before, after)| before <= after));
                }
            }
        }
    }

    #[test]
    fn shuffling_rows_changes_nothing(
        source in proptest::collection::vec(any::<Row>(), 1..20),
        rows in proptest::collection::vec(any::<Row>(), 1..50),
        shuffled in any::<u64>(),
    ) {
        let mut other = rows.clone();
        segue_core::Seed::new(shuffled).stream().shuffle(&mut other);
        let core = Core { users: 2, items: 2, mode: CoreMode::UntilStable, ..Core::default() };
        let filtered = PrepareOptions { core, users: UserFilter::Overlapping, positive_threshold: Some(3.0), ..PrepareOptions::default() };
        let rule = |deduplicate| PrepareOptions { deduplicate, clip: None, ..PrepareOptions::default() };
        let rules = [Deduplicate::First, Deduplicate::Max, Deduplicate::Sum, Deduplicate::None].map(rule);
        let sampled = PrepareOptions { max_rows: Some(15), ..rule(Deduplicate::None) };
        let (log, scale) = (Some(Logarithm::Ln), Some(Scale::Standard));
        let scaled = PrepareOptions { log, scale, ..PrepareOptions::default() };
        for options in [PrepareOptions::default(), filtered].into_iter().chain(rules).chain([scaled, sampled]) {
            for split in splits().into_iter().chain(planned()) {
                prop_assert!(same(prepared(&source, &rows, &options, &split), prepared(&source, &other, &options, &split)));
            }
        }
    }

    #[test]
    fn a_core_filtered_log_passes_the_same_core(rows in proptest::collection::vec(any::<Row>(), 30..80), strict in any::<bool>()) {
        let core = Core { users: 3, items: 2, mode: CoreMode::UntilStable, strict, ..Core::default() };
        let options = PrepareOptions { core, ..PrepareOptions::default() };
        // Two of three are held out of whoever has as many: no part is empty where anything is left.
        let split = SplitConfig { min_history: 3, ..SplitConfig::default() };
        let dir = files(&[("log.csv", &csv(&rows))]);
        let config = data(vec![domain(dir.path(), "films", "log.csv")]);
        let removed = |report: &PrepareReport| report.steps.iter().find(|s| s.step == "core").unwrap().removed;
        let (first, report) = match run(&config, &options, &split) {
            Ok(done) => done,
            Err(error) => {
                prop_assert!(error.to_string().contains("core"), "{error}");
                prop_assume!(false);
                unreachable!()
            }
        };
        prop_assume!(removed(&report) > 0);
        let left: Vec<String> = parts(&first).iter().flat_map(|log| log.events().collect::<Vec<_>>())
            .map(|e| format!("{},{},{},{}\n", first.users.external(e.user), first.catalogue.external(e.item), e.value, e.time.unwrap())).collect();
        std::fs::write(dir.path().join("log.csv"), format!("user,item,rating,timestamp\n{}", left.concat())).unwrap();
        let (again, report) = run(&config, &options, &split).unwrap();
        prop_assert_eq!(removed(&report), 0);
        let left = |prepared: &Prepared| (prepared.users.clone(), parts(prepared));
        prop_assert_eq!(left(&first), left(&again));
    }

    #[test]
    fn values_of_test_rows_move_no_training_weight(
        source in proptest::collection::vec(any::<Row>(), 1..30),
        target in proptest::collection::vec(any::<Row>(), 1..60),
        change in prop_oneof![Just(-7_i32), Just(-1), Just(1), Just(90)],
    ) {
        let dir = files(&[("s.csv", &csv(&source)), ("t.csv", &csv(&target))]);
        let config = data(vec![domain(dir.path(), "songs", "s.csv"), domain(dir.path(), "films", "t.csv")]);
        let likes = PrepareOptions { positive_threshold: Some(3.0), positives_only: true, ..PrepareOptions::default() };
        for options in [PrepareOptions::default(), likes] {
            for split in splits().into_iter().chain(planned()) {
                std::fs::write(dir.path().join("t.csv"), csv(&target)).unwrap();
                let Ok((before, _)) = run(&config, &options, &split) else { continue };
                let tested = pairs_by_name(&before, &parts(&before)[2]);
                let changed: String = csv(&target).lines().map(|line| {
                    let cells: Vec<&str> = line.split(',').collect();
                    let value = cells[2].parse::<i32>().ok().filter(|_| tested.contains(&format!("{}:{}", cells[0], cells[1])));
                    let value = value.map_or(cells[2].to_owned(), |value| (value + change).to_string());
                    format!("{},{},{value},{}\n", cells[0], cells[1], cells[3])
                }).collect();
                std::fs::write(dir.path().join("t.csv"), changed).unwrap();
                let Ok((after, _)) = run(&config, &options, &split) else { continue };
                // A value decides ties, too: where the parts are others now, their weights may be.
                let pairs = |prepared: &Prepared| parts(prepared).map(|log| pairs_by_name(prepared, &log));
                if pairs(&before) == pairs(&after) {
                    prop_assert_eq!(&before.split.train, &after.split.train);
                }
            }
        }
    }

    #[test]
    fn a_folder_gives_back_what_it_was_given(rows in proptest::collection::vec(any::<Row>(), 30..60)) {
        let dir = files(&[("log.csv", &csv(&rows))]);
        let config = data(vec![domain(dir.path(), "films", "log.csv")]);
        if let Ok((prepared, report)) = run(&config, &PrepareOptions::default(), &SplitConfig::default()) {
            let out = dir.path().join("out");
            write_folder(&out, &prepared, &report).unwrap();
            let (loaded, manifest) = load_folder(&out).unwrap();
            prop_assert_eq!(&manifest.report, &report);
            prop_assert!(same(Some(loaded), Some(prepared)));
        }
    }
}

proptest! {
    // Each case writes and syncs some forty folders.
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn memory_is_no_part_of_the_result(
        source in proptest::collection::vec(any::<Row>(), 1..30),
        target in proptest::collection::vec(any::<Row>(), 1..60),
    ) {
        let dir = files(&[("s.csv", &csv(&source)), ("t.csv", &csv(&target))]);
        let config = data(vec![domain(dir.path(), "songs", "s.csv"), domain(dir.path(), "films", "t.csv")]);
        let core = Core { users: 2, items: 2, mode: CoreMode::UntilStable, ..Core::default() };
        let scale = Some(Scale::Standard);
        let filtered = PrepareOptions { core, scale, users: UserFilter::Overlapping, max_rows: Some(20), ..PrepareOptions::default() };
        for options in [PrepareOptions::default(), filtered] {
            for split in splits().into_iter().chain(planned()) {
                // Without memory every user is a chunk of its own, in a file.
                let without = PrepareOptions { memory: 0, ..options.clone() };
                let (held, away) = (run(&config, &options, &split), run(&config, &without, &split));
                let out = dir.path().join("away");
                let written = prepare_folder((&out, false), &config, (&without, &split, 7), &mut quiet());
                match (held, away) {
                    (Ok((held, report)), Ok((away, _))) => {
                        prop_assert!(same(Some(held.clone()), Some(away)));
                        let (told, spilled) = written.unwrap();
                        prop_assert!(spilled > 0 && told.steps == report.steps && told.notes == report.notes);
                        write_folder(&dir.path().join("held"), &held, &told).unwrap();
                        let read = |folder: &str| std::fs::read(dir.path().join(folder).join("manifest.json")).unwrap();
                        prop_assert!(read("held") == read("away"));
                        prop_assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);
                    }
                    (held, away) => prop_assert_eq!(held.unwrap_err().to_string(), away.unwrap_err().to_string()),
                }
            }
        }
    }
}
