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

/// What is prepared: by our options, and by those of the program in SQL.
struct Job {
    n_domains: usize,
    core: usize,
    ours: &'static str,
    theirs: &'static str,
}

const JOBS: [Job; 12] = [
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
];

#[test]
fn duckdb_prepares_the_same_rows() {
    let Some(python) = python() else { return };
    for (n, Job { n_domains, core, ours, theirs }) in JOBS.into_iter().enumerate() {
        let scratch = Scratch::new();
        let mut random = Seed::new(n as u64).named("sql").stream();
        let names = ["books", "music", "films"];
        let names = &names[3 - n_domains..];
        let (mut domains, mut pairs) = (Vec::new(), Vec::new());
        for (d, name) in names.iter().enumerate() {
            let file = scratch.write(&format!("{name}.csv"), log(d, 4_000, &mut random));
            domains.push(format!("{{name: {name}, path: {}}}", file.display()));
            pairs.push(format!("{name}={}", file.display()));
        }
        // One domain alone has no overlap to ask for.
        let users = if n_domains == 1 { "all" } else { "overlapping" };
        scratch.ok(&format!(
            "prepare data=log 'data.domains=[{}]' data.target=films prepare=overlap_core5 prepare.users={users} \
             prepare.core.mode=until_stable prepare.core.strict=false prepare.core.users={core} prepare.core.items={core} \
             {ours} --out ours",
            domains.join(", ")
        ));
        let (one, other) = (scratch.path("ours/data"), scratch.path("theirs"));
        let text = |path: &Path| path.display().to_string();
        let options = theirs.split_whitespace().map(String::from).collect();
        let program = vec![text(&golden("duckdb_prepare.py")), text(&other), core.to_string()];
        run(&python, &[program, options, pairs].concat());
        run(&python, &[text(&golden("same_rows.py")), text(&one), text(&other)]);
    }
}
