//! One seed, same bytes: at any number of threads, however often.

use std::fs;
use std::path::Path;

use crate::support::{SMALL_WORLD, Scratch, public_data};

const MODELS: [&str; 8] = ["random", "popularity", "item_knn", "svd", "ease", "ials", "mf", "lightgcn"];

#[track_caller]
fn train(scratch: &Scratch, arguments: &[String], threads: &str, data: &Path) -> Vec<u8> {
    let output = scratch
        .command(std::iter::once("train".to_owned()).chain(arguments.iter().cloned()))
        .args(["overwrite=true", "run_name=run"])
        .env("RAYON_NUM_THREADS", threads)
        .env("SEGUE_DATA", data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
    fs::read(scratch.path("outputs/segue/run/model.safetensors")).unwrap()
}

fn same_bytes(data: &[&str], folder: &Path) {
    let scratch = Scratch::new();
    for model in MODELS {
        let mut arguments: Vec<String> = data.iter().map(|s| (*s).to_owned()).collect();
        arguments.push(format!("model={model}"));
        if ["svd", "ials", "mf", "lightgcn"].contains(&model) {
            arguments.push("trainer.max_epochs=2".to_owned());
        }
        let once = train(&scratch, &arguments, "1", folder);
        for threads in ["2", "1", "2"] {
            let again = train(&scratch, &arguments, threads, folder);
            assert!(once == again, "{model} on {data:?} differs with {threads} threads");
        }
    }
}

#[test]
fn on_the_sample_world() {
    same_bytes(&SMALL_WORLD, Path::new("."));
}

#[test]
fn on_movielens_100k() {
    if let Some(folder) = public_data() {
        same_bytes(&["data=ml_100k", "evaluation.bootstrap=50"], &folder);
    }
}
