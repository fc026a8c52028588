//! Recall@20 and NDCG@20 of one model on the Gowalla split of NGCF, or on the `ml-1m` split of `LightGCN++`, ranking all
//! items, known items hidden.
//!
//! ```text
//! cargo run --release -p segue-models --example gowalla -- item_knn '{"neighbors": 100}' [--test] [--seed 7] [--every 5]
//! cargo run --release -p segue-models --example gowalla -- lightgcn '{"layers": 2}' --data ml-1m [--test] [--patience 10]
//! ```
//!
//! Without `--test` the model is fitted on train minus `valid_lightgcnpp.txt.gz` and measured on that part: choose there.
//! With `--test` it is fitted on all of train and measured on test: do so once. `--every N` measures after every N epochs
//! (on the same part, so only while choosing). The data lies under `$SEGUE_DATA/gowalla`.
//!
//! `--data ml-1m` has a validation part of its own: the model is always fitted on train and, with `--patience N`, stopped
//! early by NDCG@20 of valid; `--test` then measures on test, with training and validation items hidden.
#![expect(clippy::print_stdout, reason = "an example prints")]
#![expect(clippy::disallowed_methods, reason = "an example measures time")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use segue_core::ranking::{Ask, rank_range};
use segue_core::{
    Catalogue, Domain, EarlyStopping, Event, FitCx, FitError, FitEvent, Halt, IdMap, Interactions, ItemInfo, Mode,
    Query, Recommender, Registry, Seed, Signal, TrainData, Trainer, UserId, Validator, Watch,
};

type Failure = Box<dyn std::error::Error>;
const K: usize = 20;

/// `user item item ...` per line; row = user.
fn adjacency(folder: &str, name: &str) -> Result<Vec<Vec<u32>>, Failure> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("SEGUE_DATA").map_or(default, PathBuf::from).join(folder).join(name);
    let file = File::open(&path).map_err(|error| format!("{}: {error}; set SEGUE_DATA", path.display()))?;
    let mut rows = Vec::new();
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
        let line = line?;
        let mut ids = line.split_whitespace().map(str::parse::<u32>);
        let Some(user) = ids.next().transpose()? else { continue };
        rows.resize(rows.len().max(user as usize + 1), Vec::new());
        rows[user as usize] = ids.collect::<Result<_, _>>()?;
    }
    Ok(rows)
}

/// Held-out items per user, rising, and the log they are asked of.
struct Held<'a> {
    log: &'a Interactions,
    relevant: Vec<Vec<u32>>,
    /// Hidden beside the items of the log.
    hidden: Vec<Vec<u32>>,
}

impl Held<'_> {
    /// Recall@20 and NDCG@20, mean over the users with held-out items.
    fn measure(&self, model: &dyn Recommender) -> Result<(f64, f64), FitError> {
        let users: Vec<UserId> =
            (0..self.relevant.len() as UserId).filter(|&u| !self.relevant[u as usize].is_empty()).collect();
        let parts: Result<Vec<Vec<(f64, f64)>>, FitError> =
            users.par_chunks(256).map(|block| self.measure_block(model, block)).collect();
        let all: Vec<(f64, f64)> = parts?.concat();
        let n = all.len() as f64;
        Ok((all.iter().map(|m| m.0).sum::<f64>() / n, all.iter().map(|m| m.1).sum::<f64>() / n))
    }

    fn hidden_of(&self, user: UserId) -> Vec<u32> {
        let mut items = self.log.seen(user);
        items.extend(self.hidden.get(user as usize).into_iter().flatten());
        items.sort_unstable();
        items.dedup();
        items
    }

    fn measure_block(&self, model: &dyn Recommender, block: &[UserId]) -> Result<Vec<(f64, f64)>, FitError> {
        let hidden: Vec<Vec<u32>> = block.iter().map(|&u| self.hidden_of(u)).collect();
        let query = |user| Query { user: Some(user), history: self.log.user(user) };
        let asks = block.iter().zip(&hidden).map(|(&user, hidden)| Ask { query: query(user), hidden, relevant: &[] });
        let asks: Vec<Ask<'_>> = asks.collect();
        let rankings = rank_range(model, &asks, 0..self.log.n_items() as u32, K);
        let rankings = rankings.map_err(|error| FitError::Numeric(error.to_string()))?;
        let gain = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
        let metrics = block.iter().zip(&rankings).map(|(&user, ranking)| {
            let relevant = &self.relevant[user as usize];
            let hits = (0..ranking.top.len()).filter(|&r| relevant.binary_search(&ranking.top[r].item).is_ok());
            let (n_hits, dcg) = hits.fold((0.0, 0.0), |(n, dcg), rank| (n + 1.0, dcg + gain(rank)));
            let ideal: f64 = (0..K.min(relevant.len())).map(gain).sum();
            (n_hits / relevant.len() as f64, dcg / ideal)
        });
        Ok(metrics.collect())
    }
}

impl Validator for Held<'_> {
    fn validate(&self, model: &dyn Recommender) -> Result<Vec<(String, f64)>, FitError> {
        let (recall, ndcg) = self.measure(model)?;
        Ok(vec![("recall@20".into(), recall), ("ndcg@20".into(), ndcg)])
    }
}

struct Printer(Instant);

impl Watch for Printer {
    fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt> {
        if let FitEvent::Epoch(record) = event {
            let valid: Vec<String> = record.valid.iter().map(|(name, value)| format!("  {name} {value:.5}")).collect();
            let valid = valid.concat();
            println!(
                "epoch {:4}  {:6.1} s  loss {:.5}{valid}",
                record.epoch,
                self.0.elapsed().as_secs_f64(),
                record.loss
            );
        }
        ControlFlow::Continue(())
    }
}

fn main() -> Result<(), Failure> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut option = |name: &str| -> Option<String> {
        let at = args.iter().position(|a| a == name)?;
        args.remove(at);
        (at < args.len()).then(|| args.remove(at))
    };
    let seed: u64 = option("--seed").map_or(Ok(7), |s| s.parse())?;
    let every: usize = option("--every").map_or(Ok(0), |s| s.parse())?;
    let patience: Option<usize> = option("--patience").map(|s| s.parse()).transpose()?;
    let data = option("--data").unwrap_or_else(|| "gowalla".into());
    let test = args.iter().any(|a| a == "--test");
    args.retain(|a| a != "--test");
    let usage = "usage: gowalla <model> [json parameters] [--data D] [--test] [--seed N] [--every N] [--patience N]";
    let name = args.first().ok_or(usage)?;
    let params = args.get(1).map_or(Ok(serde_json::Value::Null), |json| serde_json::from_str(json))?;

    // Gowalla's validation part is carved out of train; that of MovieLens 1M stands beside it.
    let carved = data == "gowalla";
    let valid_file = if carved { "valid_lightgcnpp.txt.gz" } else { "valid.txt.gz" };
    let mut train = adjacency(&data, "train.txt.gz")?;
    let (mut valid, mut sealed) = (adjacency(&data, valid_file)?, adjacency(&data, "test.txt.gz")?);
    let n_users = train.len().max(valid.len()).max(sealed.len());
    for part in [&mut train, &mut valid, &mut sealed] {
        for items in part.iter_mut() {
            items.sort_unstable();
        }
        part.resize(n_users, Vec::new());
    }
    let n_items = [&train, &valid, &sealed].into_iter().flatten().flatten().max().map_or(0, |&i| i as usize + 1);
    if carved && !test {
        for (items, held) in train.iter_mut().zip(&valid) {
            items.retain(|item| held.binary_search(item).is_err());
        }
    }
    if carved && test && patience.is_some() {
        return Err(
            "with --test, the validation part of gowalla is trained on: choose --patience without --test".into()
        );
    }
    let event = |user: usize, item: u32| Event {
        user: user as u32,
        item,
        weight: 1.0,
        signal: Signal::Positive,
        value: 1.0,
        time: None,
    };
    let events = train.iter().enumerate().flat_map(|(user, items)| items.iter().map(move |&item| event(user, item)));
    let log = Interactions::new(train.len(), n_items, events.collect())?;
    let ids = IdMap::new((0..n_items).map(|i| i.to_string()).collect());
    let catalogue = Catalogue::new(vec![Domain { name: "places".into(), ids }], |_, _| ItemInfo::default());
    let validation = if carved && test {
        Held { log: &log, relevant: sealed.clone(), hidden: Vec::new() }
    } else {
        Held { log: &log, relevant: valid.clone(), hidden: Vec::new() }
    };
    let held = match (test, carved) {
        (true, true) => Held { log: &log, relevant: sealed, hidden: Vec::new() },
        (true, false) => Held { log: &log, relevant: sealed, hidden: valid },
        (false, _) => Held { log: &log, relevant: valid, hidden: Vec::new() },
    };

    let registry = Registry::new(&[segue_models::MODELS]);
    let configured = registry.find(name)?.configure(params)?;
    println!(
        "{configured:?}, seed {seed}, {} training events, measured on {}",
        log.len(),
        if test { "test" } else { "valid" }
    );
    let early_stopping = patience.map(|patience| EarlyStopping { metric: "ndcg@20".into(), mode: Mode::Max, patience });
    let mut watch = Printer(Instant::now());
    let mut cx = FitCx {
        seed: Seed::new(seed),
        trainer: Trainer { early_stopping, validate_every: every.max(1), ..Trainer::default() },
        validator: (every > 0 || patience.is_some()).then_some(&validation as &dyn Validator),
        watch: &mut watch,
        registry: &registry,
        resume: None,
    };
    let start = Instant::now();
    let model = configured.fit(&TrainData { catalogue: &catalogue, log: &log }, &mut cx)?;
    let fitted = start.elapsed().as_secs_f64();
    let (recall, ndcg) = held.measure(model.as_ref())?;
    println!(
        "R@20 {recall:.5}  N@20 {ndcg:.5}  fit {fitted:.1} s, rank {:.1} s",
        start.elapsed().as_secs_f64() - fitted
    );
    Ok(())
}
