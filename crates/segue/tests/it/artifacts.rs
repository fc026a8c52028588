//! What a run leaves behind, and what can be done with it.

use std::fs;

use crate::support::{SMALL_WORLD, Scratch};

#[test]
fn prepare_train_evaluate_recommend() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("prepare {world} --out artifacts/sample"));
    for file in ["data/train.parquet", "data/val.parquet", "data/test.parquet", "data/items.parquet", "manifest.json"] {
        assert!(scratch.path("artifacts/sample").join(file).is_file(), "{file}");
    }
    for file in ["maps/user_id_map.json", "maps/item_id_map.json", "split_stats.csv", "README.txt"] {
        assert!(scratch.path("artifacts/sample").join(file).is_file(), "{file}");
    }

    scratch.ok("train model=mf data_dir=artifacts/sample trainer.max_epochs=3 run_name=one save_embeddings=true \
         evaluation.bootstrap=50");
    let run = scratch.path("outputs/segue/one");
    for file in [
        "model.safetensors",
        "hparams.json",
        "metrics.json",
        "test_metrics.csv",
        "train_log.csv",
        "per_user.csv",
        "REPORT.txt",
        "config.yaml",
        "manifest.json",
        "user_embeddings.npy",
        "item_embeddings.npy",
    ] {
        assert!(run.join(file).is_file(), "{file}");
    }
    assert_eq!(fs::read_to_string(run.join("train_log.csv")).unwrap().lines().count(), 4);
    assert_eq!(fs::read_to_string(run.join("test_metrics.csv")).unwrap().lines().count(), 2);
    let manifest = fs::read_to_string(run.join("manifest.json")).unwrap();
    assert!(manifest.contains("opened_tests") && manifest.contains("measure mf"), "{manifest}");
    assert!(!scratch.path("outputs/segue/one.partial").exists());

    // The stored model on the stored data gives the numbers of the run.
    let metrics: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(run.join("metrics.json")).unwrap()).unwrap();
    let evaluated = scratch.ok("evaluate --run outputs/segue/one --data artifacts/sample evaluation.bootstrap=50");
    let ndcg = format!("{:.4}", metrics["test"]["ndcg@10"].as_f64().unwrap());
    assert!(evaluated.lines().any(|line| line.starts_with(&format!("ndcg@10\t{ndcg}"))), "{ndcg}\n{evaluated}");

    let titles = scratch.ok("similar --run outputs/segue/one music:1 -k 1 --format json");
    let title: serde_json::Value = serde_json::from_str(titles.trim()).unwrap();
    let title = title["title"].as_str().unwrap();
    let films = scratch.ok(&format!("recommend --run outputs/segue/one --like \"music:{title}\" --target films -k 4"));
    assert_eq!(films.lines().count(), 5, "{films}");
    assert!(films.contains("you liked"), "{films}");
    scratch.ok("recommend --run outputs/segue/one --user 1 --target books");

    // A second run of the same name is refused, and the first is left alone.
    scratch.fails(
        "train model=mf data_dir=artifacts/sample run_name=one",
        &["outputs/segue/one: it exists", "overwrite=true"],
    );
    assert!(run.join("model.safetensors").is_file());
}

#[test]
fn models_of_the_best_epochs_and_of_the_last_stay() {
    let scratch = Scratch::new();
    scratch.ok(&format!("prepare {} --out data", SMALL_WORLD.join(" ")));
    let train = "train model=mf data_dir=data trainer.max_epochs=6 evaluation.bootstrap=0";
    scratch.ok(&format!("{train} trainer.save_top_k=2 trainer.save_last=true out=run"));
    scratch.ok(&format!("{train} trainer.early_stopping.enabled=false out=whole"));
    let log = fs::read_to_string(scratch.path("run/train_log.csv")).unwrap();
    let at = log.lines().next().unwrap().split(',').position(|name| name == "valid_ndcg@10").unwrap();
    let value = |line: &str| line.split(',').nth(at).unwrap().parse::<f64>().unwrap();
    let mut epochs: Vec<(usize, f64)> = log.lines().skip(1).map(value).enumerate().collect();
    epochs.sort_by(|a, b| b.1.total_cmp(&a.1));
    let names = epochs[..2].iter().map(|(n, _)| format!("epoch_{:04}.safetensors", n + 1));
    let names: Vec<String> = names.collect();
    let kept = scratch.contents("run/checkpoints");
    let mut expected = vec![names[0].clone(), names[1].clone(), "last.safetensors".into()];
    expected.sort();
    assert_eq!(kept.keys().cloned().collect::<Vec<_>>(), expected);
    let model = |run: &str| fs::read(scratch.path(format!("{run}/model.safetensors"))).unwrap();
    assert!(kept[&names[0]] == model("run"), "the best epoch is the run's own model");
    assert!(kept["last.safetensors"] == model("whole"), "the last epoch is that of a run that nothing chose");
    scratch.ok(&format!("recommend --run run/checkpoints/{} --user 1", names[1]));
    // Whoever asks them opens the test part of their run, and measures as it was.
    let manifest = || fs::read_to_string(scratch.path("run/manifest.json")).unwrap();
    let before = manifest();
    let told = scratch.run(format!("evaluate --run run/checkpoints/{} --data data", names[1]).split(' ')).stderr;
    assert!(told.contains("was opened once for this run") && told.contains("measured as the run was"), "{told}");
    assert!(manifest().len() > before.len());

    // They come out again, and one that was changed does not.
    let again = scratch.line("reproduce run --format tsv");
    assert!(again.code == Some(0) && again.stdout.contains("checkpoints/last.safetensors\tyes"), "{}", again.stdout);
    fs::write(scratch.path("run/checkpoints/last.safetensors"), b"other").unwrap();
    let again = scratch.line("reproduce run --format tsv");
    assert!(again.code == Some(1) && again.stdout.contains("checkpoints/last.safetensors\tno"), "{}", again.stdout);

    // The winner of a sweep is written anew once its test part is opened, and what stays beside it stays.
    scratch.ok("train -m model=mf model.factors=8,16 data_dir=data trainer.max_epochs=1 trainer.save_top_k=1 evaluation.bootstrap=0 \
         experiment_name=sweep");
    let runs = fs::read_dir(scratch.path("outputs/sweep")).unwrap().map(|entry| entry.unwrap().path());
    let kept = runs.filter(|run| run.join("checkpoints/epoch_0001.safetensors").is_file()).count();
    assert_eq!(kept, 2);
    scratch.fails(
        &format!("{train} trainer.save_top_k=1 trainer.early_stopping.enabled=false out=none"),
        &["trainer.save_top_k", "early_stopping.enabled"],
    );
}

#[test]
fn reasons_add_up_to_the_score() {
    let scratch = Scratch::new();
    scratch.ok(&format!("prepare {} --out artifacts/sample", SMALL_WORLD.join(" ")));
    for model in ["item_knn", "svd", "ease", "ials", "mf trainer.max_epochs=3", "lightgcn trainer.max_epochs=3"] {
        let name = model.split(' ').next().unwrap();
        scratch.ok(&format!("train model={model} data_dir=artifacts/sample run_name={name} evaluation.bootstrap=50"));
        let ask = "--like music:1 --like books:2 --dislike films:3 --target films -k 5";
        let lines = scratch.ok(&format!("recommend --run outputs/segue/{name} {ask} --format json"));
        let mut additive = 0;
        for line in lines.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let Some(base) = line["base"].as_f64() else { continue };
            let reasons = line["reasons"].as_array().unwrap();
            let sum: f64 = reasons.iter().map(|reason| reason["contribution"].as_f64().unwrap()).sum();
            assert!((base + sum - line["score"].as_f64().unwrap()).abs() < 1e-5, "{model}: {line}");
            additive += 1;
        }
        // These two fold a history in by steps, which is no sum over events: their reasons are differences.
        let differences = ["svd", "mf"].contains(&name);
        assert_eq!(additive, if differences { 0 } else { 5 }, "{model}: {lines}");
    }
}

#[test]
fn the_library_example_runs() {
    let scratch = Scratch::new();
    scratch.ok(&format!("prepare {} --out artifacts/sample", SMALL_WORLD.join(" ")));
    scratch.ok("train model=ease data_dir=artifacts/sample run_name=first evaluation.bootstrap=50");
    let model = segue::Bundle::load(&scratch.path("outputs/segue/first"), &segue::registry()).unwrap();
    let (data, _) = segue::load_folder(&scratch.path("artifacts/sample")).unwrap();
    let results = segue::Evaluator::new(&[5, 10, 20]).evaluate(&model, &data).unwrap();
    let text = results.to_string();
    assert!(text.contains("ndcg@5") && text.contains("split: leave-one-out"), "{text}");

    // The example program itself, compiled beside this test.
    let example = std::path::Path::new(env!("CARGO_BIN_EXE_segue")).with_file_name("examples").join("evaluate");
    let output = std::process::Command::new(&example)
        .args([scratch.path("outputs/segue/first"), scratch.path("artifacts/sample")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), text.trim(), "{}", example.display());
    // It writes down that the test part was opened, which the evaluator alone did not.
    let manifest = fs::read_to_string(scratch.path("outputs/segue/first/manifest.json")).unwrap();
    assert_eq!(manifest.matches("\"evaluate ease\"").count(), 1, "{manifest}");
}

#[test]
fn a_model_of_one_domain_is_measured_on_data_of_three() {
    let scratch = Scratch::new();
    scratch.ok(&format!("prepare {} --out artifacts/sample", SMALL_WORLD.join(" ")));
    scratch.ok("train model=ease scope=target data_dir=artifacts/sample run_name=alone evaluation.bootstrap=50");
    let own = fs::read_to_string(scratch.path("outputs/segue/alone/test_metrics.csv")).unwrap();
    let evaluated =
        scratch.ok("evaluate --run outputs/segue/alone --data artifacts/sample evaluation.bootstrap=50 --format json");
    let first: serde_json::Value = serde_json::from_str(evaluated.lines().next().unwrap()).unwrap();
    let position = own.lines().next().unwrap().split(',').position(|c| c == first["metric"].as_str().unwrap()).unwrap();
    let value: f64 = own.lines().nth(1).unwrap().split(',').nth(position).unwrap().parse().unwrap();
    assert_eq!(first["value"].as_f64().unwrap(), value);
    assert!(first["low"].is_f64() && first["high"].is_f64(), "{first}");

    // With parts, one table of full numbers in either format.
    let ask = "evaluate --run outputs/segue/alone --data artifacts/sample evaluation.bootstrap=0 --by activity";
    let csv = scratch.ok(&format!("{ask} --format csv"));
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0], ["known events", "users", "positives", "metric", "value", "low", "high"]);
    assert!(lines.iter().all(|line| line.len() == 7), "{csv}");
    let json: Vec<serde_json::Value> =
        scratch.ok(&format!("{ask} --format json")).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json.len(), lines.len() - 1);
    for (object, line) in json.iter().zip(&lines[1..]) {
        assert_eq!(object["known events"].as_str().unwrap(), line[0]);
        assert_eq!(object["value"].as_f64().unwrap(), line[4].parse::<f64>().unwrap());
    }
    let of = |part: &str| lines.iter().filter(|line| line[0] == part).count();
    assert!(of("all") > 10 && lines.len() > 4 * of("all"), "{csv}");
}
