//! Preparation is relational: the same steps as SQL, run by another engine, give the same rows.

use std::path::{Path, PathBuf};
use std::process::Command;

use segue_core::{Seed, Stream};

use super::support::Scratch;

/// Python that has `duckdb`, or `None` with a printed reason.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("SEGUE_PYTHON").map_or("python3".into(), PathBuf::from);
    let found = Command::new(&python).args(["-c", "import duckdb"]).output().is_ok_and(|done| done.status.success());
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

#[test]
fn duckdb_prepares_the_same_rows() {
    let Some(python) = python() else { return };
    for (n, (n_domains, core, memory)) in [(2, 3, 256), (3, 4, 0), (1, 2, 256)].into_iter().enumerate() {
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
             prepare.memory={memory} --out ours",
            domains.join(", ")
        ));
        let (ours, theirs) = (scratch.path("ours/data"), scratch.path("theirs"));
        let text = |path: &Path| path.display().to_string();
        let program = text(&golden("duckdb_prepare.py"));
        run(&python, &[vec![program, text(&theirs), core.to_string()], pairs].concat());
        run(&python, &[text(&golden("same_rows.py")), text(&ours), text(&theirs)]);
    }
}
