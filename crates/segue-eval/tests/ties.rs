//! The expected value over ties, against the plain definition averaged over every order of every tie block.

use proptest::prelude::*;
use segue_core::ranking::TieBlock;
use segue_eval::metrics::METRICS;
use segue_eval::{Measure, Ranks};

/// The plain definitions, from a list of hits, best first, written again without blocks.
fn plain(name: &str, hits: &[bool], n_relevant: usize, k: usize) -> f64 {
    let top = &hits[..k.min(hits.len())];
    let n_hits = top.iter().filter(|hit| **hit).count() as f64;
    let discounts = |n: usize| (0..n).map(|p| 1.0 / (p as f64 + 2.0).log2()).sum::<f64>();
    let (k, n) = (k as f64, n_relevant as f64);
    match name {
        "precision" => n_hits / k,
        "recall" => n_hits / n,
        "recall_capped" => n_hits / k.min(n),
        "f1" if n_hits == 0.0 => 0.0,
        "f1" => {
            let (p, r) = (n_hits / k, n_hits / n);
            2.0 * p * r / (p + r)
        }
        "hr" => f64::from(n_hits > 0.0),
        "ndcg" | "ndcg_graded" | "ndcg_burges" | "ndcg_over_k" => {
            let gain: f64 =
                top.iter().enumerate().filter(|(_, hit)| **hit).map(|(p, _)| 1.0 / (p as f64 + 2.0).log2()).sum();
            gain / discounts(if name == "ndcg_over_k" { k as usize } else { (k as usize).min(n_relevant) })
        }
        "map" | "map_trec" => {
            let precision_at = |p: usize| top[..=p].iter().filter(|hit| **hit).count() as f64 / (p as f64 + 1.0);
            let sum = (0..top.len()).filter(|p| top[*p]).map(precision_at).sum::<f64>();
            sum / if name == "map" { k.min(n) } else { n }
        }
        "mrr" => top.iter().position(|hit| *hit).map_or(0.0, |p| 1.0 / (p as f64 + 1.0)),
        other => panic!("{other} has no plain definition here: add it"),
    }
}

/// Every order of `list`.
fn orders(list: &[bool]) -> Vec<Vec<bool>> {
    if list.is_empty() {
        return vec![Vec::new()];
    }
    (0..list.len())
        .flat_map(|n| {
            let mut rest = list.to_vec();
            let first = rest.remove(n);
            orders(&rest).into_iter().map(move |mut order| {
                order.insert(0, first);
                order
            })
        })
        .collect()
}

/// Tie blocks of a list of groups of equal scores, best first.
fn blocks(groups: &[Vec<bool>]) -> Vec<TieBlock> {
    let mut above = 0;
    let mut blocks = Vec::new();
    for group in groups {
        let relevant = group.iter().filter(|hit| **hit).count();
        if relevant > 0 {
            blocks.push(TieBlock { above, size: group.len(), relevant });
        }
        above += group.len();
    }
    blocks
}

fn per_user() -> impl Iterator<Item = (&'static str, fn(&Ranks<'_>, usize) -> f64)> {
    METRICS.iter().filter_map(|metric| match metric.measure {
        Measure::PerUser(of) => Some((metric.name, of)),
        _ => None,
    })
}

fn groups() -> impl Strategy<Value = Vec<Vec<bool>>> {
    prop::collection::vec(prop::collection::vec(any::<bool>(), 1..=4), 1..=3)
}

proptest! {
    #[test]
    fn the_expected_value_is_the_mean_over_all_orders(groups in groups(), beyond in 0_usize..3, k in 1_usize..14) {
        let n_relevant = groups.iter().flatten().filter(|hit| **hit).count() + beyond;
        prop_assume!(n_relevant > 0);
        let mut lists = vec![Vec::new()];
        for group in &groups {
            let orders = orders(group);
            lists = lists
                .iter()
                .flat_map(|list| orders.iter().map(move |order| [list.as_slice(), order.as_slice()].concat()))
                .collect::<Vec<Vec<bool>>>();
        }
        let blocks = blocks(&groups);
        for (name, of) in per_user() {
            let value = of(&Ranks::of(&blocks, n_relevant, 0), k);
            let mean = lists.iter().map(|list| plain(name, list, n_relevant, k)).sum::<f64>() / lists.len() as f64;
            prop_assert!((value - mean).abs() < 1e-12, "{}@{}: {} is not {}", name, k, value, mean);
            prop_assert!((0.0..=1.0).contains(&value), "{}@{} = {}", name, k, value);
        }
    }

    #[test]
    fn without_ties_it_is_the_plain_value(list in prop::collection::vec(any::<bool>(), 1..40), beyond in 0_usize..3, k in 1_usize..50) {
        let n_relevant = list.iter().filter(|hit| **hit).count() + beyond;
        prop_assume!(n_relevant > 0);
        let groups: Vec<Vec<bool>> = list.iter().map(|hit| vec![*hit]).collect();
        let blocks = blocks(&groups);
        for (name, of) in per_user() {
            let value = of(&Ranks::of(&blocks, n_relevant, 0), k);
            prop_assert!((value - plain(name, &list, n_relevant, k)).abs() < 1e-14, "{}@{}", name, k);
            // What stands after k does not matter.
            let cut: Vec<TieBlock> = blocks.iter().copied().filter(|block| block.above < k).collect();
            prop_assert_eq!(value.to_bits(), of(&Ranks::of(&cut, n_relevant, 0), k).to_bits());
        }
    }

    #[test]
    fn one_relevant_item_orders_the_metrics(above in 0_usize..30, size in 1_usize..30, k in 1_usize..40) {
        let blocks = [TieBlock { above, size, relevant: 1 }];
        let ranks = Ranks::of(&blocks, 1, 0);
        let value = |wanted: &str| per_user().find(|(name, _)| *name == wanted).unwrap().1(&ranks, k);
        prop_assert!((value("map") - value("mrr")).abs() < 1e-15);
        prop_assert!(value("mrr") <= value("ndcg") + 1e-15 && value("ndcg") <= value("hr") + 1e-15);
        prop_assert!((value("recall") - value("hr")).abs() < 1e-15);
    }

    #[test]
    fn a_perfect_list_is_one(n_relevant in 1_usize..30, tied in any::<bool>(), k in 1_usize..40) {
        let one = [TieBlock { above: 0, size: n_relevant, relevant: n_relevant }];
        let many: Vec<TieBlock> = (0..n_relevant).map(|above| TieBlock { above, size: 1, relevant: 1 }).collect();
        let ranks = Ranks::of(if tied { &one } else { &many }, n_relevant, 0);
        for (name, of) in per_user().filter(|(name, _)| ["ndcg", "map", "mrr", "hr"].contains(name)) {
            prop_assert_eq!(of(&ranks, k), 1.0, "{}@{}", name, k);
        }
    }
}

#[test]
fn large_blocks_stay_within_bounds() {
    for (above, size, relevant) in [(0, 1_000_000, 1), (3, 1_000_000, 900), (0, 40_000, 39_999), (9, 7, 7)] {
        let blocks = [TieBlock { above, size, relevant }];
        for (name, of) in per_user() {
            for k in [1, 10, 1000, 2_000_000] {
                let value = of(&Ranks::of(&blocks, relevant, 0), k);
                assert!((0.0..=1.0 + 1e-9).contains(&value), "{name}@{k} of {blocks:?} is {value}");
            }
        }
    }
}
