//! Checks of the repository itself: `cargo run -p xtask -- <check>`.
#![expect(clippy::print_stdout, reason = "a developer's tool that reports on the terminal")]

mod floors;
mod generated;
mod models;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const USAGE: &str = "cargo run -p xtask -- floors | remove-models | add-model | generated [--write]";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["floors"] => floors::check(),
        ["remove-models"] => models::remove_each(),
        ["add-model"] => models::add_the_worked_example(),
        ["generated"] => generated::check(false),
        ["generated", "--write"] => generated::check(true),
        _ => bail!("usage: {USAGE}"),
    }
}

/// The workspace this tool was compiled in.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).map(Path::to_owned).unwrap_or_default()
}

/// Cargo, as the caller of this tool uses it.
fn cargo(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).args(args);
    command
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Every file of the project below `folder`: no build outputs, no runs, nothing hidden but `.ci`.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(&inside).with_context(|| format!("cannot list {}", inside.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let of_runs = inside == folder
                && ["target", "outputs", "multirun", "artifacts", "checkpoint", "data"].contains(&name.as_str());
            if of_runs || name == "__pycache__" || (name.starts_with('.') && name != ".ci") {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
