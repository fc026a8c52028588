//! Paired tests against the values of independent programs; `golden/statistics/make.py` made them and says how.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use segue_eval::{OverSeeds, OverUsersAndSeeds, Paired, holm};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    paired: Vec<Case>,
    detectable: Vec<Detectable>,
    holm: Vec<Corrected>,
    over_seeds: Vec<Seeds>,
    users_and_seeds: Vec<Crossed>,
}

#[derive(Deserialize)]
struct Case {
    first: Vec<f64>,
    second: Vec<f64>,
    mean: f64,
    deviation: f64,
    t: f64,
    p_t: f64,
    p_wilcoxon: f64,
    detectable: Option<f64>,
    p_randomisation: Option<f64>,
}

#[derive(Deserialize)]
struct Detectable {
    n: usize,
    alpha: f64,
    power: f64,
    unit: Option<f64>,
}

#[derive(Deserialize)]
struct Corrected {
    p: Vec<f64>,
    corrected: Vec<f64>,
}

#[derive(Deserialize)]
struct Seeds {
    values: Vec<f64>,
    interval: [f64; 2],
}

#[derive(Deserialize)]
struct Crossed {
    runs: Vec<Vec<(usize, f64)>>,
    mean: f64,
    error: f64,
    freedom: f64,
    interval: [f64; 2],
    p: f64,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/statistics/values.json");
    serde_json::from_str(&std::fs::read_to_string(&path).expect("golden/statistics/values.json")).expect("its format")
}

#[track_caller]
fn close(what: &str, value: f64, expected: f64) {
    assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{what}: {value} is not {expected}");
}

#[track_caller]
fn could_see(what: &str, value: Option<f64>, expected: Option<f64>) {
    assert_eq!(value.is_some(), expected.is_some(), "{what}: {value:?}, {expected:?}");
    if let (Some(value), Some(expected)) = (value, expected) {
        assert!((value / expected - 1.0).abs() < 1e-5, "{what}: {value} is not {expected}");
    }
}

#[test]
fn what_users_could_see_agrees_with_the_noncentral_t() {
    let rows = golden().detectable;
    assert!(rows.len() >= 14);
    for Detectable { n, alpha, power, unit } in rows {
        let values: Vec<f64> = (0..n).map(|n| f64::from(u8::from(n % 2 == 0))).collect();
        let found = Paired::of(&values, &vec![0.0; n], (9, 0)).unwrap();
        let expected = unit.map(|unit| unit * found.deviation);
        could_see(&format!("{n} users, {alpha}, {power}"), found.detectable(alpha, power), expected);
    }
}

#[test]
fn paired_tests_agree_with_scipy() {
    let cases = golden().paired;
    assert!(cases.len() >= 10);
    for (n, case) in cases.iter().enumerate() {
        let found = Paired::of(&case.first, &case.second, (20_000, 3)).unwrap();
        for (what, value, expected) in [
            ("mean", found.mean, case.mean),
            ("deviation", found.deviation, case.deviation),
            ("t", found.t, case.t),
            ("p of t", found.p_t, case.p_t),
            ("p of Wilcoxon", found.p_wilcoxon, case.p_wilcoxon),
        ] {
            close(&format!("case {n}, {what}"), value, expected);
        }
        could_see(&format!("case {n}"), found.detectable(0.05, 0.8), case.detectable);
        if let Some(expected) = case.p_randomisation {
            // All sign patterns there, 20,000 drawn ones here: five standard errors.
            let error = 5.0 * (expected * (1.0 - expected) / 20_000.0).sqrt() + 1e-4;
            assert!((found.p_randomisation - expected).abs() < error, "case {n}: {} {expected}", found.p_randomisation);
        }
    }
    assert!(cases.iter().filter(|case| case.p_randomisation.is_some()).count() >= 4);
}

#[test]
fn corrected_ps_and_intervals_over_seeds_agree() {
    let golden = golden();
    for Corrected { p, corrected } in &golden.holm {
        holm(p).iter().zip(corrected).for_each(|(value, expected)| close("holm", *value, *expected));
    }
    for Seeds { values, interval } in &golden.over_seeds {
        let found = OverSeeds::of(values, 0.95).unwrap();
        close("low", found.interval.low, interval[0]);
        close("high", found.interval.high, interval[1]);
    }
    assert_eq!((OverSeeds::of(&[0.3], 0.95), OverSeeds::of(&[0.3, 0.4], 1.0)), (None, None));
}

#[test]
fn means_over_users_and_seeds_agree() {
    let cases = golden().users_and_seeds;
    assert!(cases.len() >= 4 && cases.iter().any(|case| case.runs[0].len() != case.runs[1].len()));
    for (n, case) in cases.iter().enumerate() {
        let found = OverUsersAndSeeds::of(&case.runs, 0.95).unwrap();
        for (what, value, expected) in [
            ("mean", found.mean, case.mean),
            ("error", found.error, case.error),
            ("freedom", found.freedom, case.freedom),
            ("low", found.interval.low, case.interval[0]),
            ("high", found.interval.high, case.interval[1]),
            ("p", found.p, case.p),
        ] {
            close(&format!("case {n}, {what}"), value, expected);
        }
    }
}
