//! `segue bench`: how long a fit takes, beside the least that it could take here.

use clap::Args;
use segue_core::{Level, Rates, Work};
use segue_lab::{Settings, Timed, measure_rates, time_fit};
use serde_json::json;

use super::train::{Configuration, load};
use crate::terminal::{Bar, Format, print_table, say};

/// Time a model's training beside the floor of its kernels: what operations and bytes take at this machine's rates.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue bench model=lightgcn data=sample
  segue bench model=ials data=gowalla_carve model.factors=64 trainer.max_epochs=5
  segue bench model=mf data=gowalla_carve --every 5 --format json    the metric and the clock after every five epochs

A floor counts what the mathematics cannot do without: multiplications at the rate of a blocked matrix product in cache, rows
read at random at the rate of the cache that holds their table, everything else at the rate of memory. Nothing reaches it; the
distance says how much there is left to win. Early stopping is off, validation is outside the clock, and test is not opened.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Measure on the validation part after every so many epochs; 0: at the end alone.
    #[arg(long, value_name = "EPOCHS", default_value_t = 0)]
    every: usize,
    /// How to print; json is one object with everything.
    #[arg(long)]
    format: Option<Format>,
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let Some(job) = args.configuration.job()? else { return Ok(()) };
    let registry = crate::registry();
    let settings = job.settings()?;
    let algorithm = settings.algorithm(&registry, true)?;
    let loaded = load(&settings)?;
    let data = loaded.scoped(settings.scope, settings.seed);
    let rates = measure_rates();
    let mut bar = Bar::new(algorithm.info().name);
    let timed = time_fit(&settings, (algorithm.as_ref(), &registry), (&data, args.every), &mut bar);
    bar.finish();
    let timed = timed?;
    let report = Report::of(&timed, &rates);
    if args.format == Some(Format::Json) {
        use std::io::Write as _;
        let object = report.json(&settings, (&timed, &rates), data.split.train.len());
        writeln!(std::io::stdout(), "{object}")?;
        return Ok(());
    }
    print_table(&report.header, &report.rows, Format::or_fitting(args.format))?;
    report.notes.iter().for_each(|note| say(note));
    Ok(())
}

struct Report {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
    /// Seconds of one epoch, or of the fit, at the least and as measured (the median).
    floor: f64,
    measured: f64,
}

impl Report {
    fn of(timed: &Timed, rates: &Rates) -> Self {
        let header = ["kernel", "multiply-adds", "bytes at random", "from", "bytes in order", "floor"];
        let mut rows: Vec<Vec<String>> = timed.work.iter().map(|work| row(work, rates)).collect();
        let floor: f64 = timed.work.iter().map(|work| work.floor(rates)).sum();
        let mut seconds: Vec<f64> = timed.epochs.iter().map(|epoch| epoch.seconds).collect();
        let unit = if seconds.is_empty() { "fit" } else { "epoch" };
        if seconds.is_empty() {
            seconds.push(timed.fit);
        }
        seconds.sort_by(f64::total_cmp);
        let measured = median(&seconds);
        let blank = String::new;
        let mut last = |name: String, value: String| rows.push(vec![name, blank(), blank(), blank(), blank(), value]);
        if timed.work.is_empty() {
            last("floor".into(), "not counted".into());
        } else {
            last(format!("floor of one {unit}"), time(floor));
        }
        let spread = format!("{} to {}", time(seconds[0]), time(seconds[seconds.len() - 1]));
        last(format!("measured, median of {}", seconds.len()), format!("{} ({spread})", time(measured)));
        if !timed.work.is_empty() {
            last("times the floor".into(), format!("{:.1}", measured / floor));
        }
        let [l2, l3, memory] = rates.gather.map(|(_, rate)| rate / 1e9);
        let mut notes = vec![format!(
            "this machine, {} threads: {:.0} thousand million multiply-adds/s; rows of 256 bytes at random {l2:.0} GB/s from L2, {l3:.0} \
             from L3, {memory:.0} from memory; in order {:.0} GB/s from memory",
            rayon::current_num_threads(),
            rates.multiply_adds / 1e9,
            rates.stream / 1e9
        )];
        let memory =
            timed.memory.map_or(String::new(), |bytes| format!(", {} MiB beyond the data at its peak", bytes >> 20));
        notes.push(format!("the whole fit: {}{memory}", time(timed.fit)));
        if let Some((seconds, found)) = &timed.ranked {
            let values: Vec<String> = found.values().iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
            notes.push(format!("on validation, ranked in {}: {}", time(*seconds), values.join(", ")));
        }
        Self { header: header.map(String::from).to_vec(), rows, notes, floor, measured }
    }

    fn json(&self, settings: &Settings, (timed, rates): (&Timed, &Rates), n_events: usize) -> serde_json::Value {
        let epochs: Vec<_> = timed
            .epochs
            .iter()
            .map(|epoch| json!({ "seconds": epoch.seconds, "valid": object(&epoch.valid) }))
            .collect();
        let ranked = timed.ranked.as_ref();
        json!({
            "model": settings.model,
            "threads": rayon::current_num_threads(),
            "events": n_events,
            "rates": rates,
            "work": timed.work,
            "floor": self.floor,
            "measured": self.measured,
            "epochs": epochs,
            "fit": timed.fit,
            "memory": timed.memory,
            "rank": ranked.map(|(seconds, _)| seconds),
            "valid": ranked.map(|(_, found)| object(&found.values())),
        })
    }
}

fn object(values: &[(String, f64)]) -> serde_json::Value {
    values.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>().into()
}

fn row(work: &Work, rates: &Rates) -> Vec<String> {
    let level = |level| match level {
        Level::L2 => "L2",
        Level::L3 => "L3",
        Level::Memory => "memory",
    };
    let from = rates.gather.iter().find(|(of, _)| work.table <= of.holds()).map_or("", |&(of, _)| level(of));
    vec![
        work.kernel.to_owned(),
        quantity(work.multiply_adds),
        quantity(work.gathered),
        if work.gathered > 0.0 { from.to_owned() } else { String::new() },
        quantity(work.streamed),
        time(work.floor(rates)),
    ]
}

/// Three digits and a prefix.
fn quantity(n: f64) -> String {
    if n <= 0.0 {
        return String::new();
    }
    let (scale, prefix) =
        [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")].into_iter().find(|(s, _)| n >= *s).unwrap_or((1.0, ""));
    let n = n / scale;
    if n < 10.0 {
        format!("{n:.2}{prefix}")
    } else if n < 100.0 {
        format!("{n:.1}{prefix}")
    } else {
        format!("{n:.0}{prefix}")
    }
}

/// Of sorted numbers; of an even count the mean of the middle two.
fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

fn time(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.2} ms", 1e3 * seconds) } else { format!("{seconds:.2} s") }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert_eq!((median(&[3.0]), median(&[1.0, 2.0]), median(&[1.0, 2.0, 9.0])), (3.0, 1.5, 2.0));
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }
}
