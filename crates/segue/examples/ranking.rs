//! How much of full ranking is arithmetic: the blocked matrix products alone, and the whole evaluation, in turn.
//!
//! `ranking DATA OUT ROUNDS` ranks with random factors, d = 64, and prints one JSON line. OUT receives what another program
//! needs to do the same: `users.f32`, `items.f32` (row-major), `seen.csv`, `test.csv` (dense ids), and the values found.

#![expect(clippy::print_stdout, reason = "printing is what the example is for")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use segue_core::ranking::block_size;
use segue_core::{
    ArtifactError, ArtifactWriter, DotScorer, Interactions, Matrix, OpenedTests, Query, Recommender, Scorer, Seed,
};
use segue_eval::{Protocol, Question, evaluate};

const D: usize = 64;

struct Factors {
    users: Matrix,
    items: Matrix,
}

impl Recommender for Factors {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let vector = |query: &Query<'_>| self.users.row(query.user.unwrap_or(0) as usize).to_vec();
        Box::new(DotScorer::new(&self.items, queries, vector))
    }
    fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        Ok(())
    }
}

fn normal(n: usize, purpose: &str) -> Matrix {
    let mut stream = Seed::new(1).named(purpose).stream();
    Matrix::from_vec(n, D, (0..n * D).map(|_| stream.normal() as f32).collect())
}

/// The products of every user asked with every item, in the blocks in which they are ranked; returns a sum of some.
fn products(model: &Factors, users: &[u32]) -> f32 {
    let n = model.items.n_rows();
    let block = block_size(n);
    let of_chunk = |users: &[u32]| {
        let mut scores = vec![0.0; block * n];
        let blocks = users.chunks(block).map(|users| {
            let mut queries = Vec::with_capacity(users.len() * D);
            for &user in users {
                queries.extend_from_slice(model.users.row(user as usize));
            }
            let out = &mut scores[..users.len() * n];
            segue_core::kernels::matmul_nt(&queries, model.items.as_slice(), D, out);
            out[0]
        });
        blocks.sum::<f32>()
    };
    users.par_chunks(block * 4).map(of_chunk).sum()
}

/// Most memory that the process ever held, in MiB; `None` where /proc does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib >> 10)
}

fn pairs(log: &Interactions) -> String {
    log.events().fold(String::new(), |mut text, event| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{},{}", event.user, event.item);
        text
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(out), Some(rounds)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err(
            "give a prepared folder of one domain, a folder for what others need, and a number of rounds".into()
        );
    };
    let (folder, out, rounds) = (PathBuf::from(folder), PathBuf::from(out), rounds.parse::<usize>()?);
    let (data, _) = segue::load_folder(&folder)?;
    let task = &data.split.tasks[0];
    let mut record = OpenedTests::default();
    let opened = task.test.open(&mut record, "bench");
    let known = data.train_and_valid();
    let loaded = peak();
    let model = Factors { users: normal(data.users.len(), "users"), items: normal(data.catalogue.n_items(), "items") };
    let names = ["recall", "ndcg", "map", "mrr"].map(str::parse).into_iter().collect::<Result<_, _>>()?;
    let protocol = Protocol { cutoffs: vec![5, 10, 20], ..Protocol::measuring(names) };
    let question = Question::test(&data, task, opened, &known);
    let users = opened.users();
    let (mut times, mut values, mut sum) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..rounds {
        let start = Instant::now();
        sum += products(&model, &users);
        let alone = start.elapsed().as_secs_f64();
        let start = Instant::now();
        values = evaluate(&model, &question, &protocol)?.values();
        times.push((alone, start.elapsed().as_secs_f64()));
    }
    std::fs::create_dir_all(&out)?;
    for (name, matrix) in [("users.f32", &model.users), ("items.f32", &model.items)] {
        std::fs::write(out.join(name), matrix.as_slice().iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    std::fs::write(out.join("seen.csv"), pairs(&known))?;
    std::fs::write(out.join("test.csv"), pairs(&opened.events))?;
    let json = serde_json::json!({
        "users": users.len(), "items": model.items.n_rows(), "times": times, "values": values, "loaded": loaded,
        "peak": peak(), "sum": sum,
    });
    println!("{json}");
    Ok(())
}
