//! Load a model, load data, evaluate, print: `cargo run --example evaluate -- RUN DATA`.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(run), Some(folder)) = (paths.next(), paths.next()) else {
        return Err("give a run folder and a prepared folder, e.g. outputs/segue/first artifacts/sample".into());
    };

    // A run folder holds the weights, the vocabulary and the histories of training.
    let model = segue::Bundle::load(&run, &segue::registry())?;
    // A prepared folder holds the split; its test part stays sealed until the evaluator opens it.
    let (data, _) = segue::load_folder(&folder)?;

    // The run's manifest tells how often its test part was opened.
    let results = segue::Evaluator::new(&[5, 10, 20]).recorded_in(&run).evaluate(&model, &data)?;
    println!("{results}");
    Ok(())
}
