//! `segue compare`: several models, one table.

use clap::Args;
use segue_eval::{Cell, Interval, Measure, MetricSpec, holm};
use segue_lab::{ALPHA, Comparison, Composer, Contestant, LabError, POWER, Scope, Settings, compare};

use super::train::{Configuration, load};
use crate::terminal::{Bar, Format, print_table, say};

/// Train several models on the same data and print one table with intervals.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue compare data=sample model=popularity,item_knn,mf,ease,ials,lightgcn
  segue compare data=sample model=ease,ials --controls      what the other domains add, a placebo, and the verdict
  segue compare data_dir=artifacts/films_from_music model=mf,ease seed=1,2,3 --format markdown
  segue compare data=sample model=ease,ials,mf --tests --baseline ease

The popularity row is always there, with each model's lift over it. With several seeds, a row more for each model has their mean
and its interval by Student's t.
--tests prints each row beside the baseline instead, user by user: the difference, how large it is (effect: mean / deviation),
for how many users it is better and worse, four tests of it (bootstrap, Student's t, Wilcoxon, randomisation), the last
corrected for the number of rows (Holm), and the least difference that these users would show in four of five tries.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Metrics to show, in order; by default all ranking metrics at the first cut-off.
    #[arg(long, value_delimiter = ',', value_name = "METRIC@K")]
    show: Vec<String>,
    /// Run every model with its controls, for a claim across domains: on the target alone, on all domains, and with the
    /// source histories dealt out anew (scope=target,joint,shuffled).
    #[arg(long)]
    controls: bool,
    /// Print paired tests of every row against the baseline, by the first metric shown.
    #[arg(long)]
    tests: bool,
    /// The model whose first row others are tested against.
    #[arg(long, value_name = "MODEL", default_value = POPULARITY, requires = "tests")]
    baseline: String,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

const POPULARITY: &str = "popularity";

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    // A comparison writes its table and nothing else.
    let writes = |o: &&String| {
        let key = o.trim_start_matches('+').split('=').next().unwrap_or_default();
        ["out", "run_name", "experiment_name", "overwrite", "save_embeddings"].contains(&key)
    };
    if let Some(given) = args.configuration.overrides.iter().find(writes) {
        anyhow::bail!(
            "`{given}` changes nothing: compare writes no run folders; train the model you choose with `segue train`"
        );
    }
    let composer = Composer::new(args.configuration.config_dir.clone(), &registry)?;
    let mut overrides = args.configuration.overrides.clone();
    if args.controls {
        if let Some(given) = overrides.iter().find(|o| o.starts_with("scope=") || o.starts_with("+scope=")) {
            anyhow::bail!("--controls runs scope=target,joint,shuffled; leave out `{given}`");
        }
        overrides.push("scope=target,joint,shuffled".into());
    }
    let mut jobs = composer.sweep(&overrides)?;
    if args.configuration.cfg.is_some() {
        return jobs.iter().try_for_each(|job| args.configuration.show(job));
    }
    let settings = |jobs: &[segue_lab::Job]| jobs.iter().map(segue_lab::Job::settings).collect::<Result<Vec<_>, _>>();
    let mut names = Vec::new();
    for job in &settings(&jobs)? {
        names.push(job.algorithm(&registry, false)?.info().name);
    }
    if !names.contains(&POPULARITY) {
        jobs.push(composer.job(&of_popularity(&args.configuration.overrides, &jobs)?)?);
    }
    let baseline = registry.find(&args.baseline).map_err(LabError::from)?.info.name;
    if args.tests && baseline != POPULARITY && !names.contains(&baseline) {
        anyhow::bail!("--baseline {baseline}: it is not compared; name it in model=");
    }
    let settings: Vec<Settings> = settings(&jobs)?;
    let Some(first) = settings.first() else { anyhow::bail!("the sweep is empty") };
    if settings.iter().any(|s| !s.same_data(first)) {
        anyhow::bail!(
            "compare asks one question of all models: data, prepare, split and evaluation must not be swept over; run it once for each"
        );
    }
    let loaded = load(first)?;
    let comparison = compare(&settings, &loaded, &registry, Bar::new)?;
    let (header, rows) = if args.tests {
        tests(&comparison, baseline, &args.show, first)?
    } else {
        table(&comparison, &args.show, first)?
    };
    print_table(&header, &rows, Format::or_fitting(args.format))?;
    say(&comparison.protocol);
    if several_seeds(&comparison) && !args.tests {
        say("mean of n: over seeds, with its interval by Student's t; other intervals are of the users");
    }
    // What learning from other domains is worth is said wherever it can be.
    let named = shown(&comparison, &args.show, first)?.into_iter().filter_map(|name| name.parse::<MetricSpec>().ok());
    for spec in named.filter(|spec| matches!(spec.metric.measure, Measure::PerUser(_))).take(1) {
        let transfers = comparison.transfers(spec, first.evaluation.bootstrap)?;
        for transfer in transfers {
            say(&transfer.to_string());
        }
    }
    if args.tests {
        say(
            "p corrected: that of the randomisation test, by Holm for all rows; detectable: found in four of five tries at the 5 % level",
        );
    }
    for contestant in &comparison.contestants {
        // The first is the protocol again, and what intervals are is said by every table.
        for note in contestant.summary.notes().iter().skip(1).filter(|note| !note.starts_with("intervals")) {
            say(&format!("{} {}: {note}", contestant.fitted.bundle.model_name, contestant.scope));
        }
    }
    Ok(())
}

/// The overrides of a job for popularity on the same data.
fn of_popularity(overrides: &[String], jobs: &[segue_lab::Job]) -> anyhow::Result<Vec<String>> {
    let of_model = |item: &&String| {
        let key = item.trim_start_matches(['+', '~']).split(['=', '@']).next().unwrap_or_default();
        ["model", "trainer", "scope", "seed"].iter().any(|group| key == *group || key.starts_with(&format!("{group}.")))
    };
    let seed = jobs.first().map(segue_lab::Job::settings).transpose()?.map_or(0, |settings| settings.seed);
    let kept = overrides.iter().filter(|item| !of_model(item)).cloned();
    Ok(kept.chain([format!("model={POPULARITY}"), "scope=target".into(), format!("seed={seed}")]).collect())
}

/// A row per row but the baseline: the difference to it, user by user, with every test.
fn tests(
    comparison: &Comparison,
    baseline: &str,
    show: &[String],
    settings: &Settings,
) -> Result<(Vec<String>, Vec<Vec<String>>), LabError> {
    let names = shown(comparison, show, settings)?;
    let metric = metric(names.first())?;
    let base = position(comparison, baseline).unwrap_or_default();
    let tested = comparison.against(base, metric, settings.evaluation.bootstrap)?;
    let corrected = holm(&tested.iter().map(|t| t.paired.p_randomisation).collect::<Vec<_>>());
    let several_seeds = several_seeds(comparison);
    let of = &comparison.contestants[base];
    let mut header = labels(several_seeds);
    header.push(format!("{metric} over {} {}", of.fitted.bundle.model_name, of.scope));
    let columns = [
        "effect",
        "better",
        "worse",
        "p bootstrap",
        "p t",
        "p Wilcoxon",
        "p randomisation",
        "p corrected",
        "detectable",
    ];
    header.extend(columns.map(String::from));
    let rows = tested.iter().zip(corrected).map(|(t, corrected)| {
        let paired = &t.paired;
        let mut row = label(&comparison.contestants[t.row], several_seeds);
        row.push(signed(t.difference.difference, t.difference.interval));
        row.push(format!("{:.3}", paired.effect));
        row.extend([paired.wins, paired.losses].map(|n| n.to_string()));
        let ps = [t.difference.p, paired.p_t, paired.p_wilcoxon, paired.p_randomisation, corrected];
        row.extend(ps.map(|p| if p < 1e-4 { format!("{p:.1e}") } else { format!("{p:.4}") }));
        row.push(format!("{:.4}", paired.detectable(ALPHA, POWER)));
        row
    });
    Ok((header, rows.collect()))
}

fn metric(name: Option<&String>) -> Result<MetricSpec, LabError> {
    let name = name.map(String::as_str).unwrap_or_default();
    name.parse().map_err(|error: segue_eval::MetricError| LabError::NotFound(error.to_string()))
}

/// The first row of a model.
fn position(comparison: &Comparison, model: &str) -> Option<usize> {
    comparison.contestants.iter().position(|c| c.fitted.bundle.model_name == model)
}

/// Whether some model ran with several seeds; popularity has none.
fn several_seeds(comparison: &Comparison) -> bool {
    let seeds = || comparison.contestants.iter().map(|c| c.seed);
    seeds().min() != seeds().max()
}

fn labels(several_seeds: bool) -> Vec<String> {
    ["model", "scope"].into_iter().chain(several_seeds.then_some("seed")).map(String::from).collect()
}

fn label(contestant: &Contestant, several_seeds: bool) -> Vec<String> {
    let seed = several_seeds.then(|| contestant.seed.to_string());
    [contestant.fitted.bundle.model_name.clone(), contestant.scope.to_string()].into_iter().chain(seed).collect()
}

fn signed(difference: f64, interval: Interval) -> String {
    format!("{difference:+.4} [{:+.4}, {:+.4}]", interval.low, interval.high)
}

/// A row per model: its metrics with intervals, what learning from the other domains adds, and the training time.
pub(crate) fn table(
    comparison: &Comparison,
    show: &[String],
    settings: &Settings,
) -> Result<(Vec<String>, Vec<Vec<String>>), LabError> {
    let names = shown(comparison, show, settings)?;
    let resamples = settings.evaluation.bootstrap;
    let mut gains = Vec::new();
    for (control, title) in [(Scope::Target, "target alone"), (Scope::Shuffled, "shuffled links")] {
        let gain = comparison.gains(control, resamples)?;
        if !gain.is_empty() {
            gains.push((title, gain));
        }
    }
    let several_seeds = several_seeds(comparison);
    let mut header = labels(several_seeds);
    header.extend(names.iter().cloned());
    let main = names.first().cloned().unwrap_or_default();
    header.extend(gains.iter().map(|(title, _)| format!("gain over {title}, {main}")));
    let popular = position(comparison, POPULARITY).and_then(|n| value(&comparison.contestants[n], &main));
    header.extend(popular.map(|_| format!("lift over {POPULARITY}, {main}")));
    header.push("seconds".into());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (n, c) in comparison.contestants.iter().enumerate() {
        let mut row = label(c, several_seeds);
        for name in &names {
            let estimate = c.summary.metrics.iter().find(|e| e.metric.to_string() == *name);
            row.push(estimate.map(|e| Cell::Estimate(e.value, e.interval).to_string()).unwrap_or_default());
        }
        for (_, gain) in &gains {
            let own = gain.iter().find(|(row, _)| *row == n).map(|(_, differences)| differences);
            let difference = own.and_then(|all| all.iter().find(|d| d.spec.to_string() == main));
            row.push(
                difference.map_or(String::new(), |d| format!("{} p={:.3}", signed(d.difference, d.interval), d.p)),
            );
        }
        if let Some(popular) = popular {
            let lift = value(c, &main).filter(|_| popular > 0.0).map(|value| 100.0 * (value / popular - 1.0));
            row.push(lift.map_or("-".into(), |lift| format!("{lift:+.0} %")));
        }
        row.push(format!("{:.2}", c.fitted.seconds));
        rows.push(row);
    }
    rows.extend(means(comparison, &names, header.len())?);
    Ok((header, rows))
}

/// A row more for each model that ran with several seeds.
fn means(comparison: &Comparison, names: &[String], width: usize) -> Result<Vec<Vec<String>>, LabError> {
    let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
    for (column, name) in names.iter().enumerate() {
        for (n, over) in comparison.over_seeds(metric(Some(name))?) {
            let at = rows.iter().position(|(first, _)| *first == n).unwrap_or_else(|| {
                let mut row = label(&comparison.contestants[n], true);
                row[2] = format!("mean of {}", over.n);
                row.resize(width, String::new());
                rows.push((n, row));
                rows.len() - 1
            });
            rows[at].1[3 + column] = Cell::Estimate(over.mean, Some(over.interval)).to_string();
        }
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn value(contestant: &Contestant, name: &str) -> Option<f64> {
    contestant.summary.metrics.iter().find(|e| e.metric.to_string() == name).map(|e| e.value)
}

fn shown(comparison: &Comparison, show: &[String], settings: &Settings) -> Result<Vec<String>, LabError> {
    let Some(first) = comparison.contestants.first() else { return Ok(Vec::new()) };
    let known: Vec<String> = first.summary.metrics.iter().map(|e| e.metric.to_string()).collect();
    if show.is_empty() {
        let k = settings.evaluation.k_values.first().copied().unwrap_or(10);
        let main = ["ndcg", "hr", "recall", "mrr", "coverage"].map(|name| format!("{name}@{k}"));
        let usual: Vec<String> = main.into_iter().filter(|name| known.contains(name)).collect();
        return Ok(if usual.is_empty() { known } else { usual });
    }
    for name in show {
        if !known.contains(name) {
            return Err(LabError::NotFound(format!("--show {name} was not measured; there are: {}", known.join(", "))));
        }
    }
    Ok(show.to_vec())
}
