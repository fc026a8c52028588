//! Preparation is relational: the same steps as SQL, run by another engine, give the same rows.

use std::path::{Path, PathBuf};
use std::process::Command;

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
fn run(python: &Path, args: &[String]) {
    let done = Command::new(python).args(args).output().unwrap();
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

/// What is prepared: by our options, and by those of the program in SQL. `GIVEN` among ours are the target's files in parts,
/// `LINKS` in both a file of linked items.
#[derive(Clone, Copy)]
struct Job {
    n_domains: usize,
    core: usize,
    ours: &'static str,
    theirs: &'static str,
}

const JOBS: [Job; 22] = [
    Job { n_domains: 2, core: 3, ours: "", theirs: "" },
    Job { n_domains: 3, core: 4, ours: "prepare.memory=0", theirs: "" },
    Job { n_domains: 1, core: 2, ours: "", theirs: "" },
    Job {
        n_domains: 2,
        core: 3,
        ours: "prepare.deduplicate=first split=time_cut",
        theirs: "--keep first --split time_cut",
    },
    Job {
        n_domains: 3,
        core: 4,
        ours: "prepare.deduplicate=sum prepare.clip=null prepare.log=log2 split=time_cut prepare.memory=0",
        theirs: "--keep sum --plays --split time_cut",
    },
    Job {
        n_domains: 2,
        core: 3,
        ours: "prepare.deduplicate=max split=ratio split.order=time",
        theirs: "--keep max --split ratio_by_time",
    },
    Job {
        n_domains: 1,
        core: 4,
        ours: "prepare.deduplicate=sum prepare.clip=null prepare.log=log2",
        theirs: "--keep sum --plays",
    },
    Job { n_domains: 2, core: 2, ours: "split=ratio", theirs: "--split ratio" },
    Job { n_domains: 1, core: 3, ours: "split=k_fold prepare.memory=0", theirs: "--split k_fold" },
    Job { n_domains: 3, core: 2, ours: "split=cold_user", theirs: "--split cold_user" },
    Job { n_domains: 2, core: 2, ours: "split=cold_item", theirs: "--split cold_item" },
    Job { n_domains: 2, core: 2, ours: "split=few_shot", theirs: "--split few_shot" },
    Job {
        n_domains: 3,
        core: 9,
        ours: "prepare.core.scope=joint prepare.core.strict=true",
        theirs: "--joint --strict",
    },
    Job {
        n_domains: 2,
        core: 5,
        ours: "prepare.core.mode=once prepare.core.strict=true prepare.max_rows=1500",
        theirs: "--once --strict --max-rows 1500",
    },
    Job {
        n_domains: 3,
        core: 2,
        ours: "prepare.train_size=0.6 'prepare.value_interval=\"(0, 5]\"' prepare.scale=standard prepare.memory=0",
        theirs: "--train-size 0.6 --interval 0 5 --scale standard",
    },
    Job {
        n_domains: 2,
        core: 2,
        ours: "prepare.negative_threshold=2 prepare.positive_threshold=4",
        theirs: "--likes 2 4",
    },
    Job {
        n_domains: 2,
        core: 2,
        ours: "prepare.positive_threshold=3 prepare.negative_threshold=1 prepare.positives_only=true prepare.scale=min_max \
               split=ratio",
        theirs: "--likes 1 3 --only-likes --scale min_max --split ratio",
    },
    Job { n_domains: 3, core: 3, ours: "split.targets=all", theirs: "--all-targets" },
    Job {
        n_domains: 2,
        core: 2,
        ours: "split=time_cut split.targets=all prepare.negative_threshold=2 prepare.positive_threshold=3",
        theirs: "--split time_cut --all-targets --likes 2 3",
    },
    Job {
        n_domains: 2,
        core: 0,
        ours: "split=given prepare.users=all GIVEN={train: TRAIN, valid: VALID, test: TEST}",
        theirs: "--split given --all-users",
    },
    Job {
        n_domains: 2,
        core: 0,
        ours: "split=given prepare.users=all GIVEN={train: TRAIN, test: TEST}",
        theirs: "--split given --all-users",
    },
    Job { n_domains: 3, core: 2, ours: "LINKS", theirs: "--item-links LINKS" },
];

#[test]
fn duckdb_prepares_the_same_rows() {
    let Some(python) = python() else { return };
    for (n, job) in JOBS.into_iter().enumerate() {
        let Job { n_domains, core, ours, theirs } = job;
        let scratch = Scratch::new();
        let mut random = Seed::new(n as u64).named("sql").stream();
        let names = ["books", "music", "films"];
        let names = &names[3 - n_domains..];
        let text = |path: &Path| path.display().to_string();
        let (given, ours) = ours.split_once("GIVEN=").map_or((None, ours), |(ours, given)| (Some(given), ours));
        let (mut domains, mut pairs) = (Vec::new(), Vec::new());
        for (d, name) in names.iter().enumerate() {
            let mut write =
                |part: &str, rows| text(&scratch.write(&format!("{name}{part}.csv"), log(d, rows, &mut random)));
            let (ours, theirs) = match given.filter(|_| d + 1 == n_domains) {
                None => {
                    let file = write("", 4_000);
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
        let ours = ours.replace(
            "LINKS",
            &format!("'data.item_links=[{{file: {links}, domains: [{}, films], header: false}}]'", names[0]),
        );
        // One domain alone has no overlap to ask for.
        let users = if n_domains == 1 { "all" } else { "overlapping" };
        scratch.ok(&format!(
            "prepare data=log 'data.domains=[{}]' data.target=films prepare=overlap_core5 prepare.users={users} \
             prepare.core.mode=until_stable prepare.core.strict=false prepare.core.users={core} prepare.core.items={core} \
             {ours} --out ours",
            domains.join(", ")
        ));
        let (one, other) = (scratch.path("ours/data"), scratch.path("theirs"));
        let options = theirs.split_whitespace().map(|word| word.replace("LINKS", &links)).collect();
        let program = vec![text(&golden("duckdb_prepare.py")), text(&other), core.to_string()];
        run(&python, &[program, options, pairs].concat());
        run(&python, &[text(&golden("same_rows.py")), text(&one), text(&other)]);
    }
}
