//! Every kind of split, from the sample world to a number.

use crate::support::{SMALL_WORLD, Scratch};

#[test]
fn models_are_compared_on_every_split() {
    let (world, scratch) = (SMALL_WORLD.join(" "), Scratch::new());
    for (split, asked) in [
        ("split=cold_user", "cold users of films by hash"),
        ("split=cold_item", "cold items of films by hash"),
        ("split=few_shot split.support=2", "few-shot users of films by hash"),
        ("split=time_cut", "cut in time on films (quantiles 0.8/0.1/0.1 of the events)"),
        ("split=time_cut split.cut=[2021-01-01,2021-07-01]", "validation from 2021-01-01, test from 2021-07-01"),
        ("split=time_cut 'split.cut=[1609459200,1625097600]'", "validation from 2021-01-01, test from 2021-07-01"),
        ("split=k_fold split.fold=4", "fold 4 is test, fold 0 validation"),
        ("split=cold_user split.targets=all", "cold users of films, music, books by hash"),
        ("split.targets=[films,books]", "leave-one-out on films, books by time"),
        ("split=questions", "several questions of films: cold items by hash"),
    ] {
        let done =
            scratch.line(&format!("compare model=popularity,ease scope=joint,target {world} {split} --show ndcg@10"));
        assert_eq!(done.code, Some(0), "{split}: {}", done.stderr);
        assert!(done.stderr.contains(asked), "{split}: {}", done.stderr);
        // Each cell is a value and its interval; of several questions the first.
        let header: Vec<&str> = done.stdout.lines().next().unwrap().split('\t').collect();
        let at = header.iter().position(|name| *name == "ndcg@10").unwrap();
        let value = |line: &str| line.split('\t').nth(at)?.split(' ').next()?.parse().ok();
        let asked_first = |line: &&str| at == 2 || line.split('\t').nth(2) == Some("films");
        let values: Vec<f64> = done.stdout.lines().skip(1).filter(asked_first).filter_map(value).collect();
        assert_eq!(values.len(), 4, "{}", done.stdout);
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)), "{split}: {values:?}");
        if asked.starts_with("cold users") {
            // To the target alone these people are strangers and shown what is popular; elsewhere they are known.
            let [_, popular, joint, target] = values[..] else { unreachable!() };
            assert!(joint > target && (target - popular).abs() < 1e-9, "{split}: {values:?}");
        }
    }
}

#[test]
fn a_model_of_cold_users_is_trained_saved_and_measured_again() {
    let (world, scratch) = (SMALL_WORLD.join(" "), Scratch::new());
    scratch.ok(&format!("prepare {world} split=cold_user split.targets=all --out data"));
    for part in ["val", "test", "val_music", "test_music", "val_books", "test_books"] {
        assert!(scratch.path(format!("data/data/{part}.parquet")).is_file(), "{part}");
    }
    for model in ["popularity", "ease", "mf"] {
        let epochs = if model == "mf" { "model.epochs=3" } else { "" };
        scratch.ok(&format!("train data_dir=data evaluation.bootstrap=50 model={model} {epochs} out=run_{model}"));
        let measured = scratch.ok(&format!("evaluate --run run_{model} --data data"));
        assert!(measured.contains("ndcg"), "{measured}");
        scratch.ok(&format!("evaluate --run run_{model} --data data --split valid"));
    }
}

#[test]
fn many_questions_are_prepared_at_once_and_trained_on() {
    let scratch = Scratch::new();
    scratch.ok("prepare data=sample split=questions --out data");
    let readme = std::fs::read_to_string(scratch.path("data/README.txt")).unwrap();
    for task in ["cold_user", "cold_item", "few_shot_1", "few_shot_3", "few_shot_5", "few_shot_10"] {
        assert!(scratch.path(format!("data/data/test_films_{task}.parquet")).is_file(), "{task}");
        assert!(readme.contains(&format!("films_{task} ")), "{readme}");
    }
    let world = SMALL_WORLD.join(" ");
    scratch.ok(&format!("train {world} split=questions model=ease trainer.refit=true out=run"));
    scratch.ok(&format!("prepare {world} split=questions split.targets=all prepare.memory=0 --out small"));
    scratch.ok("train data_dir=small evaluation.bootstrap=50 model=ease scope=target out=run_small");
    let measured = scratch.ok("evaluate --run run_small --data small");
    assert!(measured.contains("ndcg"), "{measured}");
    let exported = scratch.line("export small --format csv --out csv");
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    let note = "--question NAME writes another: films_cold_user, films_cold_item";
    assert!(exported.stderr.contains(note), "{}", exported.stderr);
    let cold = scratch.line("export small --format csv --question films_cold_user --out csv");
    assert!(cold.code == Some(0) && cold.stderr.contains("here music, films_cold_user, books"), "{}", cold.stderr);
}

#[test]
fn wrong_numbers_of_a_split_are_refused_by_key() {
    let (world, scratch) = (SMALL_WORLD.join(" "), Scratch::new());
    let refused = |split: &str, parts: &[&str]| scratch.fails(&format!("prepare {world} {split} --out x"), parts);
    refused("split.targets=[filns]", &["split.targets", "did you mean films?"]);
    refused("split.targets=[books]", &["split.targets", "leaves out films"]);
    refused("split=k_fold split.folds=-1", &["split.folds"]);
    refused("split=k_fold split.fold=9", &["split.fold", "0..=4"]);
    refused("split=cold_user split.cold=[0.5,0.7]", &["split.cold", "at most 1"]);
    refused("split=cold_user data.source=[]", &["split.kind", "films is alone"]);
    refused("split=time_cut split.cut=[soon,later]", &["split.cut", "2018-01-01"]);
    refused("split=time_cut split.cut=[1.5,2.5]", &["split.cut", "unix seconds"]);
    refused("split=few_shot split.support=0", &["split.support", "split=cold_user"]);
    refused("split=questions split.supports=[3,1]", &["split.supports", "rising"]);
    refused("split=questions split.support_shares=[0.5,0.7]", &["split.support_shares", "at most 1"]);
    refused("split=k_fold data.train_ratio=0.8", &["data.train_ratio", "folds"]);
    refused("split=time_cut split.cut=[2035-01-01,2036-01-01]", &["no test interactions", "split.cut"]);
    assert!(!scratch.path("x").exists());
}

#[test]
fn runs_whose_split_followed_their_seed_are_told_to_have_no_mean() {
    let scratch = Scratch::new();
    let world = crate::support::SMALL_WORLD.join(" ");
    for seed in [1, 2] {
        scratch.ok(&format!("train {world} split=ratio model=item_knn seed={seed} out=own/{seed}"));
        scratch.ok(&format!("train {world} split=ratio split.seed=1 model=item_knn seed={seed} out=one/{seed}"));
        scratch.ok(&format!("train {world} model=item_knn seed={seed} out=last/{seed}"));
    }
    let note = "runs with the seeds 1, 2 were split each in its own way, for split.seed follows the run's seed";
    let own = scratch.line("compare own/1 own/2 --show ndcg@10 --format markdown");
    assert!(own.code == Some(0) && !own.stdout.contains("mean of"), "{}{}", own.stdout, own.stderr);
    assert!(own.stdout.contains(note) && own.stdout.contains("with split.seed=1 for all of them"), "{}", own.stdout);
    // The key of the column stands with it.
    assert!(own.stdout.contains("| protocol |") && own.stdout.contains("\n- protocol 2 (films): "), "{}", own.stdout);
    for runs in ["one/1 one/2", "last/1 last/2"] {
        let one = scratch.line(&format!("compare {runs} --show ndcg@10"));
        assert!(one.stdout.contains("mean of 2") && !one.stderr.contains("split each"), "{}{}", one.stdout, one.stderr);
    }
}

#[test]
fn runs_of_other_splits_have_one_verdict() {
    let scratch = Scratch::new();
    let world = "data=sample data.world.n_users=250 evaluation.bootstrap=50 split=ratio split.order=random model=ease";
    for (scope, seed) in [("target", 1), ("target", 2), ("joint", 1), ("joint", 2)] {
        scratch.ok(&format!("train {world} scope={scope} seed={seed} out=runs/{scope}_{seed}"));
    }
    let runs = "runs/target_1 runs/target_2 runs/joint_1 runs/joint_2";
    let done = scratch.line(&format!("compare {runs} --show ndcg@10"));
    assert_eq!(done.stderr.matches(": ease over 2 splits (seeds 1, 2) (ndcg@10 +0.").count(), 1, "{}", done.stderr);
    assert!(!done.stderr.contains("share one split") && !done.stderr.contains("of one seed"), "{}", done.stderr);
    // One of them says that it is alone.
    let one = scratch.line("compare runs/target_1 runs/joint_1 --show ndcg@10");
    assert!(one.stderr.contains("verdict of ease: of one seed; how much other seeds"), "{}", one.stderr);
}
