//! What a person may type.

use clap::{Parser, Subcommand};
use segue_lab::LabError;

use crate::commands::{
    bench, check_table, compare, datasets, demo, download, evaluate, explore, export, models, prepare, recommend,
    report, reproduce, similar, table, train, verify,
};
use crate::terminal::say;

/// Recommendations across domains: prepare logs, train and compare models, recommend with reasons.
#[derive(Debug, Parser)]
#[command(
    name = "segue",
    version,
    propagate_version = true,
    after_help = "Start here:
  segue demo                                    the whole thing on a built-in world, in under a minute
  segue download amazon-2018 --category Digital_Music Movies_and_TV      (segue datasets lists all)
  segue prepare data=amazon data.root=... --out artifacts/films_from_music
  segue explore artifacts/films_from_music      one page to look at: sizes, long tail, overlap, taste, leakage
  segue train model=lightgcn data_dir=artifacts/films_from_music
  segue compare model=popularity,item_knn,ease data=sample --html results.html
  segue recommend --run outputs/... --like \"a song you love\" --target films

Configuration is key=value, in Hydra's grammar: `segue train --cfg job` prints every key."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Datasets(datasets::Arguments),
    Download(download::Arguments),
    Prepare(prepare::Arguments),
    Export(export::Arguments),
    Report(report::Arguments),
    Explore(explore::Arguments),
    Train(train::Arguments),
    Evaluate(evaluate::Arguments),
    Compare(compare::Arguments),
    Bench(bench::Arguments),
    Table(table::Arguments),
    CheckTable(check_table::Arguments),
    Reproduce(reproduce::Arguments),
    Verify(verify::Arguments),
    Recommend(recommend::Arguments),
    Similar(similar::Arguments),
    Models(models::Arguments),
}

impl Cli {
    /// Runs the command; the result is the exit code: 0 done, 1 the user can mend it, 70 our bug, 130 interrupted.
    pub fn run(self) -> i32 {
        // What writes nothing, or builds aside and renames at the very end, may stop on the spot.
        let has_steps = matches!(
            self.command,
            Command::Demo(_)
                | Command::Prepare(_)
                | Command::Report(_)
                | Command::Explore(_)
                | Command::Train(_)
                | Command::Compare(_)
                | Command::Bench(_)
                | Command::Reproduce(_)
        );
        let parting = match self.command {
            Command::Download(_) => "\nstopped; what has arrived is kept, and the same command goes on from there",
            _ => "",
        };
        stop_on_interrupt(has_steps, parting);
        let result = match self.command {
            Command::Demo(args) => demo::run(&args),
            Command::Datasets(args) => datasets::run(&args),
            Command::Download(args) => download::run(&args),
            Command::Prepare(args) => prepare::run(args),
            Command::Export(args) => export::run(&args),
            Command::Report(args) => report::run(&args),
            Command::Explore(args) => explore::run(&args),
            Command::Train(args) => train::run(&args),
            Command::Evaluate(args) => evaluate::run(&args),
            Command::Compare(args) => compare::run(&args),
            Command::Bench(args) => bench::run(&args),
            Command::Table(args) => table::run(&args),
            Command::CheckTable(args) => check_table::run(&args),
            Command::Reproduce(args) => reproduce::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Recommend(args) => recommend::run(args),
            Command::Similar(args) => similar::run(&args),
            Command::Models(args) => models::run(&args),
        };
        let Err(error) = result else { return 0 };
        if is_closed_pipe(&error) {
            return 0;
        }
        // Every error says its cause itself.
        say(&format!("error: {error}"));
        match error.downcast_ref::<LabError>() {
            Some(LabError::Interrupted(_)) => 130,
            Some(LabError::Internal(_)) => 70,
            // Whatever was stopped, and whoever reports it: a stopped program says so.
            _ if segue_lab::STOP.load(std::sync::atomic::Ordering::Relaxed) => 130,
            _ => 1,
        }
    }
}

/// The first Ctrl-C asks a command with steps to stop after the current one, the second ends the program at once.
#[expect(
    clippy::exit,
    reason = "a command without steps has nothing to tidy up: what it builds aside, the next one clears or takes up"
)]
fn stop_on_interrupt(has_steps: bool, parting: &'static str) {
    let set = ctrlc::set_handler(move || {
        if !has_steps {
            if !parting.is_empty() {
                say(parting);
            }
            std::process::exit(130);
        }
        if segue_lab::STOP.swap(true, std::sync::atomic::Ordering::Relaxed) {
            std::process::abort();
        }
        say("\nstopping after the current step; press Ctrl-C again to stop at once");
    });
    if let Err(error) = set {
        say(&format!("note: Ctrl-C will not stop gently ({error})"));
    }
}

/// `segue ... | head` closes the pipe: nothing is wrong.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
