//! One seed, same bytes: at any number of threads, however often.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{SMALL_WORLD, Scratch, public_data};

const MODELS: [&str; 8] = ["random", "popularity", "item_knn", "svd", "ease", "ials", "mf", "lightgcn"];

/// Every file of the run folder but the manifest, which says how long the training took.
#[track_caller]
fn train(scratch: &Scratch, arguments: &[String], threads: &str, data: &Path) -> BTreeMap<String, Vec<u8>> {
    let output = scratch
        .command(std::iter::once("train".to_owned()).chain(arguments.iter().cloned()))
        .args(["overwrite=true", "run_name=run"])
        .env("RAYON_NUM_THREADS", threads)
        .env("SEGUE_DATA", data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
    let mut contents = scratch.contents("outputs/segue/run");
    assert!(contents.remove("manifest.json").is_some() && contents.contains_key("model.safetensors"));
    contents
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
            for (name, bytes) in &once {
                assert!(again.get(name) == Some(bytes), "{name} of {model} on {data:?} differs with {threads} threads");
            }
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
