//! Mean RMSE and MAE of one rating model on the five official folds of `ml-100k`.
//!
//! ```text
//! cargo run --release -p segue-models --example ml100k -- svd '{"factors": 100}' [--test] [--seed 7]
//! ```
//!
//! Without `--test`, a tenth of each fold's base, chosen by hash of (user, item), is held out and measured: choose there.
//! With `--test` the model is fitted on the whole base and measured on the fold's test file: do so once. The data lies
//! under `$SEGUE_DATA/ml-100k`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use rayon::prelude::*;
use segue_core::{
    Candidates, Catalogue, Domain, Event, FitCx, IdMap, Interactions, ItemInfo, Query, Registry, Seed, Signal, Silent,
    TrainData, UserId,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;
const N_USERS: usize = 943;
const N_ITEMS: usize = 1682;

fn ratings(name: &str) -> Result<Vec<Event>, Failure> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("SEGUE_DATA").map_or(default, PathBuf::from).join("ml-100k").join(name);
    let file = File::open(&path).map_err(|error| format!("{}: {error}; set SEGUE_DATA", path.display()))?;
    let event = |line: String| -> Result<Event, Failure> {
        let fields: Vec<i64> = line.split('\t').map(str::parse).collect::<Result<_, _>>()?;
        let [user, item, stars, time] = fields[..] else {
            return Err(format!("{name}: not four fields: {line}").into());
        };
        let (user, item) = (user as u32 - 1, item as u32 - 1);
        let signal = if stars >= 4 { Signal::Positive } else { Signal::Negative };
        Ok(Event { user, item, weight: 1.0, signal, value: stars as f32, time: Some(time) })
    };
    BufReader::new(flate2::read::GzDecoder::new(file)).lines().map(|line| event(line?)).collect()
}

/// RMSE and MAE of one fold.
fn measure(fold: usize, name: &str, params: &serde_json::Value, seed: u64, test: bool) -> Result<[f64; 2], Failure> {
    let base = ratings(&format!("u{fold}.base.gz"))?;
    let carved = |e: &Event| Seed::new(0).at(u64::from(e.user)).at(u64::from(e.item)).unit() < 0.1;
    let (held, train) =
        if test { (ratings(&format!("u{fold}.test.gz"))?, base) } else { base.into_iter().partition(carved) };
    let log = Interactions::new(N_USERS, N_ITEMS, train)?;
    let held = Interactions::new(N_USERS, N_ITEMS, held)?;
    let ids = IdMap::new((1..=N_ITEMS).map(|i| i.to_string()).collect());
    let catalogue = Catalogue::new(vec![Domain { name: "films".into(), ids }], |_, _| ItemInfo::default());
    let registry = Registry::new(&[segue_models::MODELS]);
    let mut silent = Silent;
    let mut cx = FitCx::plain(seed, &registry, &mut silent);
    let configured = registry.find(name)?.configure(params.clone())?;
    let model = configured.fit(&TrainData { catalogue: &catalogue, log: &log }, &mut cx)?;
    let (mut squares, mut absolutes) = (0.0, 0.0);
    for user in 0..N_USERS as UserId {
        let asked = held.user(user);
        let mut scores = vec![0.0; asked.len()];
        let query = Query { user: Some(user), history: log.user(user) };
        model.encode(&[query]).score(Candidates::List(asked.items), &mut scores);
        for (score, value) in scores.iter().zip(asked.values) {
            let error = f64::from(score - value);
            squares += error * error;
            absolutes += error.abs();
        }
    }
    let n = held.len() as f64;
    Ok([(squares / n).sqrt(), absolutes / n])
}

fn main() -> Result<(), Failure> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let test = args.iter().any(|a| a == "--test");
    args.retain(|a| a != "--test");
    let mut seed = 7;
    if let Some(at) = args.iter().position(|a| a == "--seed") {
        seed = args.get(at + 1).ok_or("--seed needs a number")?.parse()?;
        args.drain(at..at + 2);
    }
    let name = args.first().ok_or("usage: ml100k <model> [json parameters] [--test] [--seed N]")?;
    let params = args.get(1).map_or(Ok(serde_json::Value::Null), |json| serde_json::from_str(json))?;
    let folds: Vec<[f64; 2]> =
        (1..=5_usize).into_par_iter().map(|fold| measure(fold, name, &params, seed, test)).collect::<Result<_, _>>()?;
    let rmse: Vec<String> = folds.iter().map(|f| format!("{:.4}", f[0])).collect();
    let mean = |metric: usize| folds.iter().map(|f| f[metric]).sum::<f64>() / 5.0;
    let part = if test { "test" } else { "valid" };
    println!(
        "{name} {params} seed {seed} {part}: RMSE {}, mean {:.5}, MAE mean {:.5}",
        rmse.join(" "),
        mean(0),
        mean(1)
    );
    Ok(())
}
