//! The `segue` command.
#![expect(clippy::exit, reason = "the exit code is this program's answer")]

use clap::Parser;

fn main() {
    let code = segue::cli::Cli::parse().run();
    std::process::exit(code);
}
