//! Models of ratings beside models that only order items.

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
