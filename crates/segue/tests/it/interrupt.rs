//! Ctrl-C, kill, and going on as if nothing had happened.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::{SMALL_WORLD, Scratch};

const LONG: [&str; 8] = [
    "train",
    "model=lightgcn",
    "trainer.max_epochs=40",
    "trainer.early_stopping.patience=1000",
    "model.factors=16",
    "trainer.save_top_k=2",
    "trainer.save_last=true",
    "run_name=long",
];

/// Starts the long run and waits until its log has an epoch.
fn start(scratch: &Scratch) -> Child {
    start_as(scratch, &LONG, "long")
}

fn start_as(scratch: &Scratch, line: &[&str], name: &str) -> Child {
    let mut child = scratch.command(line.iter().chain(&SMALL_WORLD)).stderr(Stdio::piped()).spawn().unwrap();
    let log = scratch.path(format!("outputs/segue/{name}.partial/train_log.csv"));
    while !log.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended before its first epoch was logged");
        std::thread::yield_now();
    }
    child
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn ctrl_c_then_resume_gives_the_bits_of_an_uninterrupted_run() {
    let whole = Scratch::new();
    let done = whole.run(LONG.iter().chain(&SMALL_WORLD));
    assert_eq!(done.code, Some(0), "{}", done.stderr);

    let broken = Scratch::new();
    let child = start(&broken);
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("--resume"), "{stderr}");
    assert!(!broken.path("outputs/segue/long").exists());

    let done = broken.run(LONG.iter().chain(&SMALL_WORLD).chain(&["--resume"]));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let model = |scratch: &Scratch| fs::read(scratch.path("outputs/segue/long/model.safetensors")).unwrap();
    assert!(model(&whole) == model(&broken), "the resumed run differs");
    let log = |scratch: &Scratch| fs::read_to_string(scratch.path("outputs/segue/long/train_log.csv")).unwrap();
    assert_eq!(log(&whole), log(&broken));
    let kept = |scratch: &Scratch| scratch.contents("outputs/segue/long/checkpoints");
    assert_eq!(kept(&whole).len(), 3);
    assert!(kept(&whole) == kept(&broken), "other models of epochs stay, or not the same");
}

#[test]
fn an_unnamed_run_resumes_under_its_number() {
    let scratch = Scratch::new();
    scratch.ok(&format!("train {} model=lightgcn trainer.max_epochs=1", SMALL_WORLD.join(" ")));
    let unnamed = &LONG[..LONG.len() - 1];
    let child = start_as(&scratch, unnamed, "lightgcn_joint_seed42_2");
    signal(&child, "-INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let done = scratch.run(unnamed.iter().chain(&SMALL_WORLD).chain(&["--resume"]));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(scratch.path("outputs/segue/lightgcn_joint_seed42_2/model.safetensors").is_file());
}

/// Interrupts a command when it tells that it has come to `moment`; it stops soon, says 130 and leaves no folder `left`.
fn interrupted_at(scratch: &Scratch, moment: &str, line: &str, left: &str) {
    let mut command = scratch.command(line.split(' '));
    let mut child = command.env("SEGUE_PROGRESS", "0").stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    while !said.next().expect("the command ended before the moment came").unwrap().contains(moment) {}
    signal(&child, "-INT");
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{line}: {rest:?}");
    assert!(!scratch.path(left).exists(), "{line}");
}

#[test]
fn ctrl_c_in_any_long_step_leaves_nothing() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    interrupted_at(&scratch, "generate, ", "prepare data=sample data.world.n_users=40000 --out prepared", "prepared");
    let endless = "trainer.max_epochs=20000 trainer.early_stopping.enabled=false";
    interrupted_at(&scratch, "epoch 2 of", &format!("compare {world} model=mf {endless}"), "outputs");
    interrupted_at(&scratch, "epoch 2 of", &format!("train {world} model=mf {endless} out=run"), "run");
    let rows: String = (0..500_000).map(|n| format!("{},{},{},{n}\n", n % 50_021, n % 8_009, 1 + n % 5)).collect();
    scratch.write("data/movielens-small/ratings.csv", format!("userId,movieId,rating,timestamp\n{rows}"));
    scratch.write("data/movielens-small/movies.csv", "movieId,title,genres\n1,One,Drama\n");
    interrupted_at(&scratch, "read ", "prepare data=movielens --out prepared", "prepared");
}

#[test]
fn kill_leaves_no_run_folder_and_resume_asks_for_the_same_configuration() {
    let scratch = Scratch::new();
    let mut child = start(&scratch);
    signal(&child, "-KILL");
    child.wait().unwrap();
    assert!(!scratch.path("outputs/segue/long").exists());
    let other: Vec<&str> = LONG.iter().chain(&SMALL_WORLD).copied().chain(["seed=7", "--resume"]).collect();
    let done = scratch.run(other);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("--resume") && done.stderr.contains("seed"), "{}", done.stderr);
}

#[test]
fn an_unfinished_run_and_a_run_going_on_are_left_alone() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    let long = format!("{} {world}", LONG.join(" "));
    let mut first = start(&scratch);
    scratch.fails(&long, &["another run is writing there now"]);
    signal(&first, "-INT");
    first.wait().unwrap();
    scratch.fails(&long, &["unfinished run", "--resume", "overwrite=true"]);
    // Runs without a name step aside, too.
    let unnamed = &LONG[..LONG.len() - 1];
    let mut second = start_as(&scratch, unnamed, "lightgcn_joint_seed42");
    scratch.ok(&format!("train {world} model=lightgcn trainer.max_epochs=1"));
    assert!(scratch.path("outputs/segue/lightgcn_joint_seed42_2/model.safetensors").is_file());
    signal(&second, "-INT");
    assert_eq!(second.wait().unwrap().code(), Some(130));
    scratch.ok(&format!("train {world} model=lightgcn trainer.max_epochs=1"));
    let done = scratch.run(unnamed.iter().chain(&SMALL_WORLD).chain(&["--resume"]));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(scratch.path("outputs/segue/lightgcn_joint_seed42/model.safetensors").is_file());
}

#[test]
fn nothing_to_resume_is_said() {
    let scratch = Scratch::new();
    let done = scratch.run(LONG.iter().chain(&SMALL_WORLD).chain(&["--resume"]));
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("nothing to resume"), "{}", done.stderr);
}
