//! The `segue` command.

use clap::Parser;

fn main() {
    // What the Parquet library says of a damaged file is in the error; nobody needs it twice.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !segue_data::readers::is_guarded() {
            print(panic);
        }
    }));
    let code = segue::cli::Cli::parse().run();
    std::process::exit(code);
}
