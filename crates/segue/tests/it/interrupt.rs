//! Ctrl-C, kill, and going on as if nothing had happened.

use std::fs;
use std::process::{Child, Command, Stdio};

use crate::support::{SMALL_WORLD, Scratch};

const LONG: [&str; 6] = [
    "train",
    "model=lightgcn",
    "trainer.max_epochs=40",
    "trainer.early_stopping.patience=1000",
    "model.factors=16",
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

#[test]
fn ctrl_c_while_data_are_read_leaves_nothing() {
    let scratch = Scratch::new();
    let line = ["prepare", "data=sample", "data.world.n_users=12000", "--out", "prepared"];
    let mut child = scratch.command(line).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(child.try_wait().unwrap().is_none(), "prepared before it could be stopped");
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!scratch.path("prepared").exists());
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
fn nothing_to_resume_is_said() {
    let scratch = Scratch::new();
    let done = scratch.run(LONG.iter().chain(&SMALL_WORLD).chain(&["--resume"]));
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("nothing to resume"), "{}", done.stderr);
}
