//! The `segue` command.

use clap::Parser;

fn main() {
    let code = segue::cli::Cli::parse().run();
    std::process::exit(code);
}
