//! The `segue` command.

use clap::Parser;

fn main() {
    segue_data::readers::hush_guarded_panics();
    let code = segue::cli::Cli::parse().run();
    std::process::exit(code);
}
