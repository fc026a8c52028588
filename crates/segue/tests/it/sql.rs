//! Preparation is relational: the same steps as SQL, run by another engine, give the same rows.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use segue_core::{Seed, Stream};

use super::support::Scratch;

/// Python that has `duckdb`, or `None` with a printed reason; where `CI` is set there must be one.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("SEGUE_PYTHON").map_or("python3".into(), PathBuf::from);
    let found = Command::new(&python).args(["-c", "import duckdb"]).output().is_ok_and(|done| done.status.success());
    assert!(found || std::env::var_os("CI").is_none(), "{} has no module duckdb", python.display());
    if !found {
        println!("skipped: {} has no module duckdb; set SEGUE_PYTHON to one that has", python.display());
    }
    found.then_some(python)
}

fn golden(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/prepare").join(program)
}

#[track_caller]
fn ended(args: &impl Debug, done: &Output) {
    let (said, wrong) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{args:?}\n{said}\n{wrong}");
}

/// A log in which everything occurs: repeated pairs, equal times, equal times and values, values out of range, and rows
/// that lack a cell.
fn log(domain: usize, rows: usize, random: &mut Stream) -> String {
    let mut text = String::from("user,item,rating,timestamp\n");
    for _ in 0..rows {
        // Squared, so that some users and items have many rows and many have few.
        let mut skewed = |n: u32| (random.unit().powi(2) * f64::from(n)) as u32;
        let (user, item, time) = (skewed(120) + 20 * domain as u32, skewed(90), skewed(40));
        let mut cells = [format!("u{user}"), format!("i{item}"), format!("{}", skewed(8)), format!("{}", 1_000 + time)];
        if skewed(1000) > 960 {
            cells[skewed(4) as usize].clear();
        }
        text += &(cells.join(",") + "\n");
    }
    text
}

/// What is prepared: by our options, and by those of the program in SQL. `GIVEN` among ours are the files in parts of the
/// domains that are split; `LINKS` in both is a file of linked items, `USERS` and `ITEMS` are files of some ids, and of
/// ours `FEW` leaves the first domain few rows, `UNTIMED` all of them no times.
#[derive(Debug, Clone, Copy)]
struct Job {
    n_domains: usize,
    core: usize,
    ours: &'static str,
    theirs: &'static str,
}

const fn job(n_domains: usize, core: usize, ours: &'static str, theirs: &'static str) -> Job {
    Job { n_domains, core, ours, theirs }
}

#[test]
fn duckdb_cleans_and_filters_the_same_rows() {
    same(&[
        job(2, 3, "", ""),
        job(3, 4, "prepare.memory=0", ""),
        job(1, 2, "", ""),
        job(1, 4, "prepare.deduplicate=sum prepare.clip=null prepare.log=log2", "--keep sum --no-clip --log log2"),
        job(
            2,
            2,
            "prepare.deduplicate=none prepare.log=ln prepare.normalise=false prepare.time_per_user=false prepare.max_rows=3000",
            "--keep none --log ln --no-weights --no-user-times --max-rows 3000",
        ),
        job(3, 9, "prepare.core.scope=joint prepare.core.strict=true", "--joint --strict"),
        job(
            2,
            5,
            "prepare.core.mode=once prepare.core.strict=true prepare.max_rows=1500",
            "--once --strict --max-rows 1500",
        ),
        job(
            3,
            2,
            "prepare.train_size=0.6 'prepare.value_interval=\"(0, 2]; (3, 5]\"' prepare.scale=standard prepare.memory=0",
            "--train-size 0.6 --interval 0 2 --interval 3 5 --scale standard",
        ),
        job(2, 2, "prepare.only_users=USERS prepare.only_items=ITEMS", "--only-users USERS --only-items ITEMS"),
        job(2, 2, "prepare.negative_threshold=2 prepare.positive_threshold=4", "--likes 2 4"),
        job(
            2,
            2,
            "prepare.positive_threshold=3 prepare.negative_threshold=1 prepare.positives_only=true prepare.scale=min_max \
             split=ratio",
            "--likes 1 3 --only-likes --scale min_max --split ratio",
        ),
    ]);
}

#[test]
fn duckdb_splits_the_same_rows() {
    same(&[
        job(2, 3, "prepare.deduplicate=first split=time_cut", "--keep first --split time_cut"),
        job(
            3,
            4,
            "prepare.deduplicate=sum prepare.clip=null prepare.log=log2 split=time_cut prepare.memory=0",
            "--keep sum --no-clip --log log2 --split time_cut",
        ),
        job(
            2,
            2,
            "split=time_cut split.cut=[1010,1020] prepare.history=7",
            "--split time_cut --cut 1010 1020 --history 7",
        ),
        job(2, 3, "prepare.deduplicate=max split=ratio split.order=time", "--keep max --split ratio_by_time"),
        job(2, 2, "split=ratio", "--split ratio"),
        job(1, 3, "split=k_fold prepare.memory=0", "--split k_fold"),
        job(3, 2, "split=cold_user", "--split cold_user"),
        job(2, 2, "split=cold_item", "--split cold_item"),
        job(2, 2, "split=few_shot", "--split few_shot"),
        job(
            2,
            0,
            "split=given prepare.users=all GIVEN={train: TRAIN, valid: VALID, test: TEST}",
            "--split given --all-users",
        ),
        job(2, 0, "split=given prepare.users=all GIVEN={train: TRAIN, test: TEST}", "--split given --all-users"),
        // Of few rows nobody is asked for want of likes, and of one like or two nothing is left to learn.
        job(
            2,
            0,
            "split.min_history=1 prepare.users=all prepare.positive_threshold=4 prepare.max_rows=300",
            "--min-history 1 --all-users --likes -1 4 --max-rows 300",
        ),
        job(2, 2, "split=few_shot UNTIMED", "--split few_shot --untimed"),
    ]);
}

#[test]
fn duckdb_splits_the_same_rows_of_all_domains() {
    same(&[
        job(3, 3, "split.targets=all", "--all-targets"),
        job(
            2,
            2,
            "split=time_cut split.targets=all prepare.negative_threshold=2 prepare.positive_threshold=3",
            "--split time_cut --all-targets --likes 2 3",
        ),
        job(3, 2, "split=ratio split.targets=all", "--split ratio --all-targets"),
        job(2, 2, "split=ratio split.order=time split.targets=all", "--split ratio_by_time --all-targets"),
        job(3, 2, "split=k_fold split.targets=all prepare.memory=0 UNTIMED", "--split k_fold --all-targets --untimed"),
        job(3, 2, "split=cold_user split.targets=all", "--split cold_user --all-targets"),
        job(3, 2, "split=cold_item split.targets=all prepare.memory=0", "--split cold_item --all-targets"),
        job(3, 2, "split=few_shot split.targets=all", "--split few_shot --all-targets"),
        job(
            2,
            0,
            "split=given split.targets=all prepare.users=all GIVEN={train: TRAIN, test: TEST}",
            "--split given --all-targets --all-users",
        ),
        // Nobody has enough of the few rows to be asked about them.
        job(
            3,
            0,
            "split=k_fold split.targets=all split.min_history=20 prepare.users=all FEW",
            "--split k_fold --all-targets --min-history 20 --all-users",
        ),
        job(
            2,
            2,
            "split=ratio split.targets=all prepare.history=5 prepare.history_domains=all",
            "--split ratio --all-targets --history 5 --history-domains all",
        ),
    ]);
}

#[test]
fn duckdb_asks_the_same_questions() {
    same(&[
        job(2, 2, "split=questions", "--split questions"),
        job(1, 2, "split=questions prepare.memory=0", "--split questions"),
        job(
            3,
            2,
            "split=questions split.targets=all prepare.negative_threshold=2 prepare.positive_threshold=4 prepare.history=4",
            "--split questions --all-targets --likes 2 4 --history 4",
        ),
        // Who has two likes and nothing before them elsewhere is known from nowhere.
        job(
            2,
            0,
            "split=questions split.targets=all split.min_history=1 prepare.users=all prepare.positive_threshold=4 \
             prepare.max_rows=500",
            "--split questions --all-targets --min-history 1 --all-users --likes -1 4 --max-rows 500",
        ),
        // Nobody has enough likes among the few rows to have one left out, though some have enough rows for other questions.
        job(
            3,
            0,
            "split=questions split.targets=all split.min_history=5 prepare.positive_threshold=5 prepare.users=all \
             prepare.memory=0 FEW",
            "--split questions --all-targets --min-history 5 --likes -1 5 --all-users",
        ),
    ]);
}

#[test]
fn duckdb_joins_the_same_linked_items() {
    same(&[
        job(3, 2, "LINKS", "--item-links LINKS"),
        job(2, 2, "split=ratio LINKS prepare.deduplicate=sum", "--split ratio --item-links LINKS --keep sum"),
        job(2, 2, "split=ratio split.order=time LINKS", "--split ratio_by_time --item-links LINKS"),
        job(3, 2, "split=cold_item LINKS", "--split cold_item --item-links LINKS"),
        job(2, 2, "split=cold_user LINKS", "--split cold_user --item-links LINKS"),
        job(
            2,
            2,
            "split=few_shot LINKS prepare.memory=0 prepare.history=20 prepare.history_domains=all",
            "--split few_shot --item-links LINKS --history 20 --history-domains all",
        ),
        job(3, 2, "split=questions LINKS", "--split questions --item-links LINKS"),
        job(3, 2, "split=questions split.targets=all LINKS", "--split questions --all-targets --item-links LINKS"),
        job(2, 2, "split.targets=all LINKS", "--all-targets --item-links LINKS"),
        job(
            2,
            0,
            "split=cold_item split.targets=all prepare.users=all split.min_history=20 LINKS FEW",
            "--split cold_item --all-targets --all-users --min-history 20 --item-links LINKS",
        ),
    ]);
}

/// Prepares every job by both and compares the rows.
#[track_caller]
fn same(jobs: &[Job]) {
    let Some(python) = python() else { return };
    let prepared: Vec<Scratch> = jobs.iter().map(|&job| prepare(job, &python)).collect();
    let mut compare = vec![golden("same_rows.py")];
    for (scratch, job) in prepared.iter().zip(jobs) {
        println!("{} has {job:?}", scratch.path("").display());
        compare.extend([scratch.path("ours/data"), scratch.path("theirs")]);
    }
    ended(&compare, &Command::new(&python).args(&compare).output().unwrap());
}

/// A job's folders: `ours/data` and `theirs`.
#[track_caller]
fn prepare(Job { n_domains, core, ours, theirs }: Job, python: &Path) -> Scratch {
    let scratch = Scratch::new();
    let mut random = Seed::new(0).named(&format!("{n_domains} {core} {ours}")).stream();
    let names = ["books", "music", "films"];
    let names = &names[3 - n_domains..];
    let text = |path: &Path| path.display().to_string();
    let (given, ours) = ours.split_once("GIVEN=").map_or((None, ours), |(ours, given)| (Some(given), ours));
    let (few, untimed) = (ours.contains("FEW"), ours.contains("UNTIMED"));
    let ours = ours.replace("FEW", "").replace("UNTIMED", "");
    let (mut domains, mut pairs) = (Vec::new(), Vec::new());
    for (d, name) in names.iter().enumerate() {
        let mut write = |part: &str, rows| {
            let mut log = log(d, rows, &mut random);
            if untimed {
                log = log.lines().filter_map(|line| Some(format!("{}\n", line.rsplit_once(',')?.0))).collect();
            }
            text(&scratch.write(&format!("{name}{part}.csv"), log))
        };
        let is_split = d + 1 == n_domains || ours.contains("split.targets=all");
        let (ours, theirs) = match given.filter(|_| is_split) {
            None => {
                let file = write("", if few && d == 0 { 100 } else { 4_000 });
                (format!("path: {file}"), file)
            }
            // Parts that share pairs.
            Some(given) => {
                let parts =
                    [("TRAIN", 3_000), ("VALID", 300), ("TEST", 300)].map(|(part, rows)| (part, write(part, rows)));
                let ours = parts.iter().fold(given.to_owned(), |given, (part, file)| given.replace(part, file));
                let theirs = parts.map(|(part, file)| if given.contains(part) { file } else { String::new() });
                (ours.trim_matches(['{', '}']).to_owned(), theirs.join(","))
            }
        };
        domains.push(format!("{{name: {name}, {ours}}}"));
        pairs.push(format!("{name}={theirs}"));
    }
    // Every other item of the first domain is one of the target, by another name.
    let links: String = (0..90).step_by(2).map(|item| format!("i{item},i{}\n", (item * 7 + 3) % 90)).collect();
    let links = text(&scratch.write("items.link", links));
    let ids = |kind: &str, n: usize, step: usize| -> String {
        (0..n).step_by(step).map(|n| format!("{kind}{n}\n")).collect()
    };
    let users = text(&scratch.write("users.txt", ids("u", 160, 3)));
    let items = text(&scratch.write("items.txt", ids("i", 90, 2)));
    let linked = format!("'data.item_links=[{{file: {links}, domains: [{}, films], header: false}}]'", names[0]);
    let ours = ours.replace("LINKS", &linked).replace("USERS", &users).replace("ITEMS", &items);
    let file = |word: &str| word.replace("LINKS", &links).replace("USERS", &users).replace("ITEMS", &items);
    let mut program = vec![text(&golden("duckdb_prepare.py")), text(&scratch.path("theirs")), core.to_string()];
    program.extend(theirs.split_whitespace().map(file));
    program.extend(pairs);
    let mut other = Command::new(python);
    let other = other.args(&program).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One domain alone has no overlap to ask for.
    let who = if n_domains == 1 { "all" } else { "overlapping" };
    scratch.ok(&format!(
            "prepare data=log 'data.domains=[{}]' data.target=films prepare=overlap_core5 prepare.users={who} \
             prepare.core.mode=until_stable prepare.core.strict=false prepare.core.users={core} prepare.core.items={core} \
             {ours} --out ours",
            domains.join(", ")
        ));
    ended(&program, &other.wait_with_output().unwrap());
    scratch
}
