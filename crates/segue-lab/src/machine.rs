//! What this machine does per second: the rates from which the floors of kernels follow.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use segue_core::kernels::{all_finite, gather_sum, matmul_nt};
use segue_core::{Level, Rates, Seed};

/// Time that a rate is measured for, at least.
const SPAN: Duration = Duration::from_millis(150);
/// Numbers in a row that is gathered: 256 bytes, four cache lines.
const ROW: usize = 64;
/// Rows gathered into one sum.
const GATHERED: usize = 256;

/// Measures the rates of all threads of the current pool together; takes about a second and 256 MiB.
pub fn measure_rates() -> Rates {
    // In the middle of each level, so that what else runs does not decide.
    let l2 = gather_rate(1 << 18);
    let l3 = gather_rate(1 << 23);
    let memory = vec![1.0_f32; 1 << 26];
    let stream =
        rate(|| memory.par_chunks(1 << 16).map(|part| u64::from(all_finite(part)) * 4 * part.len() as u64).sum());
    drop(memory);
    let gather = [(Level::L2, l2), (Level::L3, l3), (Level::Memory, gather_rate(1 << 28))];
    Rates { multiply_adds: product_rate(), gather, stream }
}

/// Most of what `work` says it did per second, over repetitions: what disturbs only makes it less.
fn rate(mut work: impl FnMut() -> u64) -> f64 {
    work();
    let (mut best, started) = (0.0_f64, Instant::now());
    while started.elapsed() < SPAN {
        let round = Instant::now();
        let done = work() as f64;
        best = best.max(done / round.elapsed().as_secs_f64());
    }
    best
}

fn product_rate() -> f64 {
    const N: usize = 256;
    let one = || {
        let (a, b, mut out) = (vec![1.0_f32; N * N], vec![1.0_f32; N * N], vec![0.0_f32; N * N]);
        for _ in 0..8 {
            matmul_nt(&a, &b, N, &mut out);
        }
        black_box(&out);
        8 * (N * N * N) as u64
    };
    rate(|| (0..rayon::current_num_threads()).into_par_iter().with_max_len(1).map(|_| one()).sum())
}

/// Bytes per second of rows gathered at random from a table of `bytes` bytes.
fn gather_rate(bytes: usize) -> f64 {
    let n_rows = bytes / (4 * ROW);
    let table = vec![1.0_f32; n_rows * ROW];
    let mut stream = Seed::new(1).named("rows to gather").stream();
    let rows: Vec<u32> = (0..1 << 15).map(|_| stream.below(n_rows as u32)).collect();
    let weights = [1.0_f32; GATHERED];
    rate(|| {
        let sums = rows.par_chunks(GATHERED).map(|rows| {
            let mut out = [0.0_f32; ROW];
            gather_sum(&table, rows, &weights[..rows.len()], &mut out);
            black_box(out);
            (rows.len() * ROW * 4) as u64
        });
        sums.sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rate_is_something() {
        let rates = measure_rates();
        assert!(rates.multiply_adds > 1e8 && rates.stream > 1e8, "{rates:?}");
        assert!(rates.gather.iter().all(|(_, rate)| *rate > 1e7), "{rates:?}");
    }
}
