//! Models of ratings beside models that only order items.

use std::fs;

use crate::support::Scratch;

const WORLD: &str = "data=sample data.world.n_users=250 evaluation.bootstrap=50 trainer.max_epochs=3";

#[test]
fn a_model_of_ratings_is_compared_with_popularity_by_order() {
    let scratch = Scratch::new();
    let table = scratch.ok(&format!("compare {WORLD} model=svd scope=target,joint --show ndcg@10,rmse"));
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.iter().map(|row| row[0]).collect::<Vec<_>>(), ["model", "svd", "svd", "popularity"], "{table}");
    assert!(rows[0][4].starts_with("gain over target alone, ndcg@10") && rows[2][4].starts_with(['+', '-']), "{table}");
}

#[test]
fn errors_are_compared_user_by_user() {
    let scratch = Scratch::new();
    let asked = format!("{WORLD} model=svd model.n_factors=2,50 evaluation.metrics=[rmse,mae]");
    let fresh = scratch.line(&format!("compare {asked} --baseline svd"));
    assert_eq!((fresh.code, fresh.stdout.lines().count()), (Some(0), 3), "{}{}", fresh.stdout, fresh.stderr);
    assert!(fresh.stderr.contains("there is no row of popularity: it only orders items"), "{}", fresh.stderr);
    scratch.fails(&format!("compare {asked} --tests"), &["--tests: there is no row of popularity", "--baseline names"]);
    scratch.ok(&format!("train --multirun {asked} evaluation.test=always 'out=runs/${{model.factors}}'"));
    let without_seconds = |table: &str| -> Vec<String> {
        table.lines().map(|line| line.rsplit_once('\t').unwrap().0.to_owned()).collect()
    };
    let stored = scratch.line("compare runs/2 runs/50 --baseline svd");
    assert_eq!(without_seconds(&stored.stdout), without_seconds(&fresh.stdout), "{}", stored.stderr);
    assert!(stored.stderr.contains("no row of popularity: it only orders items"), "{}", stored.stderr);
    assert!(!stored.stderr.contains("per_user.csv"), "{}", stored.stderr);

    // The test agrees with the metric, whoever has more ratings.
    for metric in ["rmse", "mae"] {
        let how = format!("--tests --baseline svd --show {metric}");
        assert_eq!(scratch.ok(&format!("compare {asked} {how}")), scratch.ok(&format!("compare runs/2 runs/50 {how}")));
        let fresh = scratch.line(&format!("compare {asked} {how} --format csv"));
        let cells: Vec<Vec<&str>> = fresh.stdout.lines().map(|line| line.split(',').collect()).collect();
        let number =
            |name: &str| cells[1][cells[0].iter().position(|column| *column == name).unwrap()].parse::<f64>().unwrap();
        assert!(number("users") > 100.0 && number("better") + number("worse") == number("users"), "{}", fresh.stdout);
        assert!(number("difference") * number("effect") > 0.0, "{}", fresh.stdout);
        assert!(
            fresh.stderr.contains(&format!("{metric}: users are compared by the sum of their")),
            "{}",
            fresh.stderr
        );
    }

    scratch.ok("compare runs/2 runs/50 --html page.html");
    let page = fs::read_to_string(scratch.path("page.html")).unwrap();
    assert!(
        page.contains("<dt>lowest, chosen on validation</dt>") && page.contains("Lowest: svd joint"),
        "the least error is the best"
    );

    let path = scratch.path("runs/2/per_user.csv");
    let sound = fs::read_to_string(&path).unwrap();
    assert!(sound.starts_with("user,ratings,mse,mae\n"), "{sound}");
    let line = sound.lines().nth(1).unwrap();
    let (user, _) = line.split_once(',').unwrap();
    fs::write(&path, sound.replace(line, &format!("{user},1,99,99"))).unwrap();
    scratch.fails("compare runs/2 runs/50", &["per_user.csv: rmse is ", "of all ratings", "damaged"]);
    // What an earlier version stored.
    fs::write(&path, "user\n").unwrap();
    let without = scratch.line("compare runs/2 runs/50 --baseline svd");
    assert_eq!(without.code, Some(0), "{}", without.stderr);
    assert!(without.stderr.contains("no per_user.csv, or one without values"), "{}", without.stderr);
}

#[test]
fn errors_tell_whether_other_domains_help() {
    let scratch = Scratch::new();
    let controls = "model=svd evaluation.metrics=[rmse,mae] --controls --baseline svd";
    for metric in ["rmse", "mae"] {
        let done = scratch.line(&format!("compare {WORLD} {controls} --show {metric} --format csv"));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(!done.stderr.contains("no verdict"), "{}", done.stderr);
        let cells: Vec<Vec<&str>> = done.stdout.lines().map(|line| line.split(',').collect()).collect();
        let joint = cells.iter().find(|row| row[1] == "joint").unwrap();
        let number = |name: &str| joint[cells[0].iter().position(|column| *column == name).unwrap()].parse().unwrap();
        let (gain, p): (f64, f64) = (number("gain_over_target"), number("gain_over_target_p"));
        // A gain is less of an error.
        let told = format!("svd ({metric}, less of which is better, {:+.4} [", -gain);
        assert!(done.stderr.contains(&told), "{told}: {}", done.stderr);
        let verdict = match (p < 0.05, gain > 0.0) {
            (false, _) => "no evidence of transfer: ",
            (true, false) => "NEGATIVE TRANSFER: ",
            (true, true) => "transfer",
        };
        assert!(done.stderr.contains(verdict), "{verdict}: {}", done.stderr);
        assert!(done.stderr.contains(&format!("{metric}: users are compared by the sum of their")), "{}", done.stderr);
    }
    // What is no measure of how well users are served has none.
    let done = scratch.line(&format!("compare {WORLD} model=svd --controls --show coverage@10"));
    assert!(done.stderr.contains("no verdict on other domains by coverage@10"), "{}", done.stderr);
}

#[test]
fn who_predicts_no_ratings_has_no_errors() {
    let scratch = Scratch::new();
    let done =
        scratch.line(&format!("compare {WORLD} model=svd evaluation.metrics=[ndcg@10,rmse] --tests --show rmse"));
    assert_eq!((done.code, done.stdout.lines().count()), (Some(0), 1), "{}{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("nothing is tested by rmse, which popularity has no value of"), "{}", done.stderr);
    scratch.ok(&format!("train {WORLD} model=svd evaluation.metrics=[ndcg@10,rmse] out=runs/svd"));
    let world = WORLD.replace("trainer.max_epochs=3", "");
    scratch.ok(&format!("train {world} model=popularity evaluation.metrics=[ndcg@10] out=runs/popularity"));
    let users = fs::read_to_string(scratch.path("runs/svd/per_user.csv")).unwrap();
    assert!(users.starts_with("user,ndcg@10,ratings,mse,mae\n"), "{users}");
    for runs in ["runs/svd", "runs/popularity runs/svd"] {
        let table = scratch.ok(&format!("compare {runs} --show ndcg@10,rmse"));
        let popular = table.lines().find(|line| line.starts_with("popularity\t")).unwrap();
        let svd = table.lines().find(|line| line.starts_with("svd\t")).unwrap();
        assert_eq!(popular.split('\t').nth(3), Some("-"), "{table}");
        assert!(svd.split('\t').nth(3).unwrap().contains(" ["), "{table}");
    }
}
