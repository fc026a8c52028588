//! Runs done again from their manifests.

use std::fs;

use segue_data::synth::{World, WorldConfig};

use crate::support::{SMALL_WORLD, Scratch, done};

#[test]
fn a_run_comes_out_again_to_the_bit() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train {world} model=mf trainer.max_epochs=3 run_name=one save_embeddings=true"));
    let again = scratch.line("reproduce outputs/segue/one --format tsv");
    assert_eq!(again.code, Some(0), "{}\n{}", again.stdout, again.stderr);
    assert!(again.stderr.contains("reproduced: all") && again.stdout.contains("user_embeddings.npy\tyes"));
    assert_eq!(fs::read_dir(scratch.path("outputs/segue")).unwrap().count(), 1, "nothing is left behind");
    // Nothing was seen that the run does not tell.
    let opened = || {
        let text = fs::read_to_string(scratch.path("outputs/segue/one/manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
        manifest["opened_after_training"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(opened(), 0);

    // The files of a generated world have the same names every time, in runs and in prepared folders.
    let manifest = |path: &str| -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(scratch.path(path)).unwrap()).unwrap()
    };
    let inputs = |manifest: &serde_json::Value| -> Vec<String> {
        let inputs = manifest.as_array().unwrap().iter();
        inputs.map(|input| input["path"].as_str().unwrap().to_owned()).collect()
    };
    let run = inputs(&manifest("outputs/segue/one/manifest.json")["data"]["inputs"]);
    assert!(run.len() == 6 && run.contains(&"sample:music/items.csv".to_owned()), "{run:?}");
    scratch.ok(&format!("prepare {world} --out first"));
    scratch.ok(&format!("prepare {world} --out second"));
    assert_eq!(manifest("first/manifest.json"), manifest("second/manifest.json"));
    let text = fs::read_to_string(scratch.path("first/manifest.json")).unwrap();
    let temporary = std::env::temp_dir().display().to_string();
    assert!(text.contains("sample:films/ratings.csv") && !text.contains(&format!("{temporary}/")), "{text}");
    // Runs of before, which have the paths of that day, come out again, too.
    let path = scratch.path("outputs/segue/one/manifest.json");
    let stored = fs::read_to_string(&path).unwrap();
    fs::write(&path, stored.replace("sample:", "/tmp/.tmpAbCdEf/")).unwrap();
    let again = scratch.line("reproduce outputs/segue/one --format tsv");
    assert!(again.code == Some(0) && again.stdout.contains("data.inputs\tyes"), "{}\n{}", again.stdout, again.stderr);

    // A manifest that says another model, or other settings, than those of the run is no manifest of the run: its settings are run.
    // Of other settings it is written down that the test part was opened.
    for (from, to, said, written) in [
        ("\"epochs\": 3", "\"epochs\": 4", "manifest.json: params\tno\tepochs: 4 became 3", 0),
        ("\"bootstrap\": 50", "\"bootstrap\": 60", "`bootstrap: 50` became `bootstrap: 60`", 1),
    ] {
        assert!(stored.contains(from), "{stored}");
        fs::write(&path, stored.replace(from, to)).unwrap();
        let again = scratch.line("reproduce outputs/segue/one --format tsv");
        assert_eq!(again.code, Some(1));
        assert!(again.stdout.contains(said), "{}", again.stdout);
        assert_eq!((opened(), again.stderr.contains("is written down in manifest.json")), (written, written > 0));
    }
    fs::write(&path, stored.replace("\"settings\"", "\"asked\"")).unwrap();
    scratch.fails("reproduce outputs/segue/one", &["outputs/segue/one: its manifest tells no settings"]);
    fs::write(&path, &stored).unwrap();

    // config.yaml decides nothing: another is named, beside metrics that are the same, and none is missed.
    let path = scratch.path("outputs/segue/one/config.yaml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config.replace("bootstrap: 50", "bootstrap: 60")).unwrap();
    let again = scratch.line("reproduce outputs/segue/one --format tsv");
    let named = again.stdout.contains("config.yaml\tno\t") && again.stdout.contains("60` became `bootstrap: 50`");
    assert!(again.code == Some(1) && named && again.stdout.contains("metrics.json\tyes"), "{}", again.stdout);
    assert!(again.stderr.contains("1 of "), "{}", again.stderr);
    fs::remove_file(&path).unwrap();
    let again = scratch.line("reproduce outputs/segue/one --format tsv");
    assert!(again.code == Some(0) && again.stdout.contains("config.yaml\tnot kept"), "{}", again.stdout);

    // Keys that the program has got since are at their default, and no difference.
    let before: String =
        config.lines().filter(|line| line.trim() != "tags: 5").map(|line| format!("{line}\n")).collect();
    assert_ne!(before, config);
    fs::write(&path, before).unwrap();
    let again = scratch.line("reproduce outputs/segue/one --format tsv");
    assert!(again.code == Some(0) && again.stdout.contains("config.yaml\tyes"), "{}", again.stdout);

    fs::write(&path, config).unwrap();

    // What somebody changed is found, and named.
    let metrics = scratch.path("outputs/segue/one/test_metrics.csv");
    let text = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, text.replacen("mf,", "fm,", 1)).unwrap();
    let again = scratch.line("reproduce outputs/segue/one --keep outputs/again --format tsv");
    assert_eq!(again.code, Some(1));
    assert!(again.stdout.contains("test_metrics.csv\tno\tline 2: `fm,"), "{}", again.stdout);
    assert!(again.stderr.contains("was not reproduced") && scratch.path("outputs/again/manifest.json").is_file());
    scratch.fails("reproduce outputs/none", &["outputs/none holds no finished run"]);
    // Prepared data have a manifest, too.
    for command in ["reproduce first", "compare first", "models --guide first"] {
        scratch.fails(command, &["first holds no finished run"]);
    }
    let again = scratch.line("reproduce outputs/segue/one --keep outputs/again");
    assert!(
        again.stderr == "error: --keep outputs/again: it exists; name a folder that does not\n",
        "{}",
        again.stderr
    );
}

#[test]
fn a_limit_of_time_is_named_where_a_run_does_not_come_out_again() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train {world} model=mf trainer.max_epochs=3 trainer.time_limit=0 out=run"));
    let again = scratch.line("reproduce run");
    assert!(again.code == Some(0) && !again.stderr.contains("time_limit"), "{}", again.stderr);
    let manifest = scratch.path("run/manifest.json");
    let stored = fs::read_to_string(&manifest).unwrap();
    // As if another machine had come no further by then.
    fs::write(&manifest, stored.replace("\"time_limit\": 0.0", "\"time_limit\": 1000.0")).unwrap();
    let clock = "trainer.time_limit=1000 stops training by the clock";
    scratch.fails("reproduce run", &[clock, "training ended after epoch 1 then, and after epoch 3 now"]);
    // Without their logs nothing is known of epochs.
    fs::remove_file(scratch.path("run/train_log.csv")).unwrap();
    scratch.fails("reproduce run", &[clock, "what differs may come from it"]);
    fs::write(&manifest, stored.replace("\"time_limit\": 0.0", "\"time_limit\": null")).unwrap();
    let again = scratch.line("reproduce run");
    assert!(again.code == Some(1) && !again.stderr.contains("by the clock"), "{}", again.stderr);
}

#[test]
fn a_run_comes_out_again_where_its_data_are_elsewhere() {
    let scratch = Scratch::new();
    let world = World::generate(&WorldConfig::small()).unwrap();
    world.write_movielens_small(&scratch.path("here/sets/ml-small")).unwrap();
    scratch.ok("train data.root=here/sets/ml-small model=ease evaluation.bootstrap=50 out=run");
    fs::create_dir(scratch.path("there")).unwrap();
    let again = |overrides: &[&str], public: &str| {
        let mut command = scratch.command(["reproduce", "../run", "--format", "tsv"]);
        done(command.args(overrides).current_dir(scratch.path("there")).env("SEGUE_DATA", public).output().unwrap())
    };
    for (overrides, public) in
        [(["data.root=../here/sets/ml-small"].as_slice(), "nowhere"), (&[], "../here/sets"), (&[], "../here")]
    {
        let done = again(overrides, public);
        assert_eq!(done.code, Some(0), "{overrides:?} {public}\n{}\n{}", done.stdout, done.stderr);
    }
    for (overrides, public, said) in [
        ([].as_slice(), "nowhere", "check `data.root` or SEGUE_DATA"),
        (&["data.root=../none"], "../here/sets", "the folder ../none does not exist"),
        (&["model.l2=3"], "../here", "a run is done again as it was; data.root=DIR says where"),
        (&["data_dir=../here"], "../here", "data.root=DIR says where"),
    ] {
        let done = again(overrides, public);
        assert!(done.code == Some(1) && done.stderr.contains(said), "{overrides:?} {public}\n{}", done.stderr);
    }
    // So does the row of popularity beside the run.
    let beside = |overrides: &[&str], public: &str| {
        let mut command = scratch.command(["compare", "../run", "--format", "tsv"]);
        done(command.args(overrides).current_dir(scratch.path("there")).env("SEGUE_DATA", public).output().unwrap())
    };
    for (overrides, public) in [(["data.root=../here/sets/ml-small"].as_slice(), "nowhere"), (&[], "../here")] {
        let done = beside(overrides, public);
        assert!(done.code == Some(0) && done.stdout.contains("\npopularity\t"), "{}\n{}", done.stdout, done.stderr);
    }
    let lost = beside(&[], "nowhere");
    assert!(lost.stderr.contains("there is no row of popularity") && !lost.stdout.contains("\npopularity\t"));
    let refused = beside(&["model.l2=3"], "../here");
    assert!(refused.code == Some(1) && refused.stderr.contains("leave it out"), "{}", refused.stderr);
    // A prepared folder may be elsewhere, too.
    scratch.ok("prepare data.root=here/sets/ml-small --out folder");
    scratch.ok("train data_dir=folder model=ease evaluation.bootstrap=50 out=run overwrite=true");
    assert_eq!(again(&["data_dir=../folder"], "nowhere").code, Some(0));
    let refused = again(&["data.root=../here"], "nowhere");
    assert!(refused.stderr.contains("this run read data_dir=folder: data_dir=DIR says"), "{}", refused.stderr);
}

#[test]
fn an_edited_manifest_opens_no_sealed_test_part_unwritten() {
    let scratch = Scratch::new();
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train {world} model=ease evaluation.test=never out=run"));
    let path = scratch.path("run/manifest.json");
    let manifest = || -> serde_json::Value { serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap() };
    scratch.ok("reproduce run");
    assert!(manifest()["opened_after_training"].is_null());
    let edit = || {
        let mut edited = manifest();
        edited["settings"]["evaluation"]["test"] = "always".into();
        edited["settings"]["model"]["l2"] = 7.into();
        fs::write(&path, edited.to_string()).unwrap();
    };
    edit();
    let again = scratch.line("reproduce run --keep kept");
    assert!(again.code == Some(1) && scratch.path("kept/test_metrics.csv").is_file(), "{}", again.stderr);
    let opened = manifest()["opened_after_training"].clone();
    assert!(opened[0]["why"].as_str().unwrap().starts_with("reproduce the run") && opened[1].is_null(), "{opened}");
    assert_eq!(opened[0]["question"], "films");
    // Nor where the configuration beside it is edited as well, or gone.
    fs::remove_file(scratch.path("run/config.yaml")).unwrap();
    let again = scratch.line("reproduce run");
    assert_eq!(again.code, Some(1), "{}", again.stderr);
    assert_eq!(manifest()["opened_after_training"].as_array().unwrap().len(), 2);
}
