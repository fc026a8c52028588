//! `segue compare`: several models, one table.

mod notes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use segue_eval::MetricSpec;
use segue_explore::page;
use segue_lab::{
    Comparison, Composer, Job, LabError, Openable, Row, Scope, Settings, Stored, Transfer, compare, protocol, read_run,
    record_all, write_aside,
};

pub(super) use self::notes::{joined, note_of_sealed};
use self::notes::{note_of_split_seeds, notes};
use super::comparison::{
    Baseline, POPULARITY, judges, may_be_tested, shown, shown_of, table, test_values, tests, values,
};
use super::explore::replaceable;
use super::results_page::results;
use super::train::{Configuration, load, load_again};
use crate::terminal::{Bar, Format, print_notes, print_table, print_values, say};

/// Compare models on the same data: train them now, or read the folders of runs; one table with intervals.
#[derive(Debug, Args)]
#[command(mut_arg("multirun", |arg| arg.hide(false)))]
#[command(after_help = "Examples:
  segue compare data=sample model=popularity,item_knn,mf,ease,ials,lightgcn
  segue compare data=sample model=ease,ials --controls      what the other domains add, a placebo, and the verdict
  segue compare data_dir=artifacts/films_from_music model=mf,ease seed=1,2,3 --format markdown
  segue compare data=sample model=ease,ials,mf --tests --baseline ease
  segue compare outputs/segue/* --html results.html         runs of `segue train`, as one page to look at

The popularity row is there wherever items are ranked, with each model's lift over it. With several seeds, a row more for each model
has their mean and its interval by Student's t, if they differ. ▲ and ▼ mark what is better or worse than the baseline beyond
chance. A split that asks several questions has a row for each. Of several recipes of one model, apart in their settings alone, the one
that is best on validation stands for it, as in `segue train -m`; the others are shown beside it, and take no part in marks, verdicts
and what is called best. --format csv and json have each number in a column of its own and
in full, those of --tests, too; where there is none, a cell is empty and json has null.
--tests prints each row beside the baseline instead, user by user: the difference, how large it is (effect: mean / deviation),
for how many users it is better and worse, four tests of it (bootstrap, Student's t, Wilcoxon, randomisation), the last
corrected for the number of rows (Holm), and the least difference that these users would show in four of five tries.
Folders of runs may lack per_user.csv and parts.csv, which are large; their rows then have no marks, gains or tests. Beside them,
data.root=DIR or data_dir=DIR says where their data are now, for the row of popularity; a data.root that is not there is looked for
below SEGUE_DATA, too.
--html draws everything: metrics with their intervals, learning curves, who is served well and with what, accuracy against
coverage, time and memory. The page opens offline.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Metrics to show, in order, each as `evaluation.dialect` has it; by default all ranking metrics at the first cut-off.
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
    #[arg(long, value_name = "MODEL", default_value = POPULARITY)]
    baseline: String,
    /// Also draw the comparison as one HTML page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

/// What is compared, with the settings of the first row and what was found on the way.
struct Compared {
    comparison: Comparison,
    first: Settings,
    notes: Vec<String>,
}

impl Compared {
    /// Lets validation choose among recipes of one model.
    fn choose_recipes(&mut self, args: &Arguments) -> anyhow::Result<()> {
        let names = shown(&self.comparison, &args.show, &self.first)?;
        if let Some(main) = names.first() {
            self.comparison.choose_recipes(main.parse()?);
        }
        Ok(())
    }
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    // Before anything is trained: a name that cannot be written to should not cost minutes.
    args.html.iter().try_for_each(|page| replaceable(page, page::RESULTS_MARK))?;
    let baseline = registry.find(&args.baseline).map_err(LabError::from)?.info.name;
    let folders: Vec<&String> = args.configuration.overrides.iter().filter(|word| is_run(word)).collect();
    let mut compared = if folders.is_empty() {
        let Some(done) = of_jobs(args, baseline)? else { return Ok(()) };
        done
    } else {
        of_runs(args, &folders, Some(baseline))?
    };
    compared.choose_recipes(args)?;
    if args.tests {
        has_baseline(&compared.comparison.rows, baseline)?;
    }
    print(args, &compared, baseline)
}

fn has_baseline(rows: &[Row], baseline: &str) -> anyhow::Result<()> {
    if rows.iter().any(|row| row.model == baseline) {
        return Ok(());
    }
    anyhow::bail!("--baseline {baseline}: it is not compared; name it in model=, or a run of it")
}

/// The table of stored runs, without printing anything.
pub(crate) fn table_of_runs(args: &Arguments) -> anyhow::Result<(Vec<String>, Vec<Vec<String>>)> {
    let folders: Vec<&String> = args.configuration.overrides.iter().filter(|word| is_run(word)).collect();
    anyhow::ensure!(!folders.is_empty(), "name folders of runs: a document's numbers come from what was stored");
    // Nothing is trained: the table would depend on which data are at hand.
    let mut compared = of_runs(args, &folders, None)?;
    compared.choose_recipes(args)?;
    let Compared { comparison, first, notes } = compared;
    for note in &notes {
        say(note);
    }
    let registry = crate::registry();
    let baseline = registry.find(&args.baseline).map_err(LabError::from)?.info.name;
    let baseline = Baseline { model: baseline, resamples: first.evaluation.resamples() };
    let names = shown(&comparison, &args.show, &first)?;
    Ok(if args.tests { tests(&comparison, &baseline, &names)? } else { table(&comparison, &baseline, &names)? })
}

/// An override has `=` or deletes with `~`; whatever else it is, or a path that is there, is the folder of a run.
fn is_run(word: &str) -> bool {
    let is_override = word.contains('=') || word.starts_with('~');
    !is_override || (word.contains('/') && Path::new(word).is_dir())
}

/// The rows of stored runs; to be held against a baseline `live`, with popularity on the data of those whose question has no row of
/// it.
fn of_runs(args: &Arguments, folders: &[&String], live: Option<&str>) -> anyhow::Result<Compared> {
    let words = args.configuration.overrides.iter().filter(|word| !is_run(word));
    let (moved, others): (Vec<&String>, Vec<&String>) =
        words.partition(|word| live.is_some() && ["data.root=", "data_dir="].iter().any(|key| word.starts_with(key)));
    if let Some(other) = others.first() {
        anyhow::bail!("`{other}`: folders of runs are compared as they are; leave it out, or leave out the folders");
    }
    if args.controls {
        anyhow::bail!(
            "--controls trains models; with folders of runs, name those with scope=target, joint and shuffled"
        );
    }
    let mut runs: Vec<Stored> = Vec::new();
    let folders = distinct(folders);
    for (n, folder) in folders.iter().enumerate() {
        runs.push(read_run(folder, n)?);
    }
    let Some(first) = runs.first().map(|run| run.settings.clone()) else { anyhow::bail!("there are no runs") };
    let mut notes: Vec<String> = note_of_sealed(&runs).into_iter().collect();
    if runs.iter().all(|run| run.rows.is_empty()) {
        anyhow::bail!("{}; train it with evaluation.test=always to compare it", notes.join("; "));
    }
    let asked: Vec<Settings> = runs.iter().map(|run| run.settings.clone()).collect();
    let mut comparison = Comparison { rows: runs.into_iter().flat_map(|run| run.rows).collect() };
    if let Some(baseline) = live {
        // What is refused opens no test part.
        let names = shown(&comparison, &args.show, &first)?;
        if args.tests {
            may_be_tested(&names)?;
        }
        if baseline != POPULARITY {
            has_baseline(&comparison.rows, baseline)?;
        }
        let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
        let moved: Vec<String> = moved.into_iter().cloned().collect();
        notes.extend(note_of_split_seeds(&comparison, &asked));
        notes.extend(add_popularity(&mut comparison.rows, &folders, (&asked, &moved))?);
    }
    Ok(Compared { comparison, first, notes })
}

/// The folders, each once: a run beside itself would be tested twice.
fn distinct(folders: &[&String]) -> Vec<PathBuf> {
    let mut known: Vec<PathBuf> = Vec::new();
    let mut kept = Vec::new();
    for folder in folders {
        let path = Path::new(folder);
        let found = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if known.contains(&found) {
            say(&format!("note: {} is named twice and stands once", path.display()));
        } else {
            known.push(found);
            kept.push(path.to_path_buf());
        }
    }
    kept
}

/// Why popularity has no row.
const ONLY_ERRORS: &str = "it only orders items, and nothing but errors of ratings is measured";

/// A row of popularity for every question that has none, on the data of a run that was asked it; `runs` has the settings of each.
/// Where that cannot be it is told why. `moved` says where their data are now. That the test part is opened is written down in the
/// folder of that run.
fn add_popularity(
    rows: &mut Vec<Row>,
    folders: &[&Path],
    (runs, moved): (&[Settings], &[String]),
) -> anyhow::Result<Vec<String>> {
    let several = rows.windows(2).any(|two| two[0].target != two[1].target);
    let mut tried: Vec<usize> = Vec::new();
    let (mut recorded, mut failed) = (Vec::new(), Vec::new());
    for n in 0..rows.len() {
        let run = rows[n].fit;
        let alike = |&other: &usize| runs[other].same_data(&runs[run]) && runs[other].seed == runs[run].seed;
        let has_one = rows.iter().any(|row| row.model == POPULARITY && row.is_asked_as(&rows[n]));
        if has_one || tried.iter().any(alike) {
            continue;
        }
        tried.push(run);
        let found = popular(folders[run], (&runs[run], moved), several).map(|popular| {
            let wanted = |own: &Row| rows.iter().any(|row| row.is_asked_as(own));
            let had = |own: &Row| rows.iter().any(|row| row.model == POPULARITY && row.is_asked_as(own));
            popular.rows.into_iter().filter(|own| wanted(own) && !had(own)).collect::<Vec<Row>>()
        });
        let why = match found {
            Ok(found) if !found.is_empty() => {
                let fit = runs.len() + tried.len();
                rows.extend(found.into_iter().map(|row| Row { fit, ..row }));
                recorded.push(folders[run].display().to_string());
                continue;
            }
            Ok(_) => "the data are not what the runs were asked about".to_owned(),
            Err(error) => error.to_string(),
        };
        if !failed.contains(&why) {
            failed.push(why);
        }
    }
    let mut notes = Vec::new();
    if !recorded.is_empty() {
        notes.push(format!(
            "{POPULARITY} was measured on the test part now, which is written down in manifest.json of {}",
            joined(recorded)
        ));
    }
    notes.extend(failed.into_iter().map(|why| format!("there is no row of {POPULARITY}: {why}")));
    if let ([], Some(given)) = (&tried[..], moved.first()) {
        anyhow::bail!("`{given}` changes nothing: every question has a row of {POPULARITY}; leave it out");
    }
    Ok(notes)
}

/// Popularity on the data of a stored run, which is told so before its test part is opened.
fn popular(folder: &Path, (of, moved): (&Settings, &[String]), several_targets: bool) -> anyhow::Result<Comparison> {
    let Some(mut settings) = of.without_errors() else {
        anyhow::bail!(ONLY_ERRORS);
    };
    settings.model = [("name".to_owned(), POPULARITY.into())].into_iter().collect();
    // On the target alone it would answer the questions of one domain.
    settings.scope = if several_targets { Scope::Joint } else { Scope::Target };
    let loaded = load_again(&settings, moved)?;
    record_all(folder, "compare popularity with the run", (&settings, &loaded))?;
    Ok(compare((&[settings], true), (&loaded, &crate::registry()), Bar::new, drop)?)
}

/// The rows of models that are trained now; `None` if their configurations were only to be shown, which is then done.
fn of_jobs(args: &Arguments, baseline: &str) -> anyhow::Result<Option<Compared>> {
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
        jobs.iter().try_for_each(|job| args.configuration.show(job))?;
        return Ok(None);
    }
    let settings = |jobs: &[Job]| jobs.iter().map(Job::settings).collect::<Result<Vec<_>, _>>();
    let mut names = Vec::new();
    for job in &settings(&jobs)? {
        names.push(job.algorithm(&registry, false)?.info().name);
    }
    if !names.contains(&POPULARITY) {
        jobs.push(composer.job(&of_popularity(&args.configuration.overrides, &jobs)?)?);
    }
    if baseline != POPULARITY && !names.contains(&baseline) {
        anyhow::bail!("--baseline {baseline}: it is not compared; name it in model=");
    }
    let settings: Vec<Settings> = settings(&jobs)?;
    let Some(first) = settings.first() else { anyhow::bail!("the sweep is empty") };
    if settings.iter().any(|s| s.evaluation.test == Openable::Never) {
        anyhow::bail!(
            "evaluation.test=never: compare measures on the test part; `segue train -m` chooses among recipes by validation"
        );
    }
    if settings.iter().any(|s| !s.same_data(first)) {
        anyhow::bail!(
            "compare asks one question of all models: data, prepare, split and evaluation must not be swept over; run it once for each"
        );
    }
    // The first row's metrics are the ones that can be shown.
    let measured = protocol(&first.evaluation, first.seed, first.entry(&registry)?.info.output)?.specs()?;
    let measured: Vec<String> = measured.iter().map(ToString::to_string).collect();
    let shown = shown_of(measured, &args.show, first)?;
    if args.tests {
        may_be_tested(&shown)?;
    }
    let mut settings = settings.clone();
    if !names.contains(&POPULARITY)
        && let Some(popular) = settings.pop()
    {
        settings.extend(popular.without_errors());
    }
    let mut notes = Vec::new();
    let popular = names.contains(&POPULARITY) || settings.len() > names.len();
    if !popular {
        anyhow::ensure!(
            !args.tests || baseline != POPULARITY,
            "--tests: there is no row of {POPULARITY}, for {ONLY_ERRORS}; --baseline names the model to test against"
        );
        notes.push(format!("there is no row of {POPULARITY}: {ONLY_ERRORS}"));
    }
    let loaded = load(first)?;
    let targets: BTreeSet<_> = loaded.data.split.tasks.iter().map(|task| task.target).collect();
    if targets.len() > 1 && popular && !names.contains(&POPULARITY) {
        // On the target alone it would answer the questions of one domain.
        settings.iter_mut().rev().take(1).for_each(|popular| popular.scope = Scope::Joint);
    }
    if targets.len() > 1 && args.controls {
        let note =
            "scope=target and the placebo are of the first domain that is asked about; the others have no controls";
        notes.push(note.to_owned());
    }
    let comparison = compare((&settings, args.html.is_some()), (&loaded, &registry), Bar::new, drop)?;
    let note = "the test part was opened for every row, and nothing records it, for compare writes no run folders; `segue train` does";
    notes.push(note.to_owned());
    Ok(Some(Compared { comparison, first: first.clone(), notes }))
}

/// The table, what must be read with it, and the page.
fn print(args: &Arguments, compared: &Compared, baseline: &str) -> anyhow::Result<()> {
    let Compared { comparison, first, .. } = compared;
    let baseline = Baseline { model: baseline, resamples: first.evaluation.resamples() };
    let names = shown(comparison, &args.show, first)?;
    // What learning from other domains is worth is said wherever it can be.
    let specs = names.iter().filter_map(|name| name.parse::<MetricSpec>().ok());
    let judging = specs.into_iter().find(|spec| judges(comparison, *spec));
    let claims: Vec<Transfer> =
        judging.map(|spec| comparison.transfers(spec, baseline.resamples)).transpose()?.unwrap_or_default();
    let format = Format::or_fitting(args.format);
    let for_programs = matches!(format, Format::Csv | Format::Json);
    let told = if args.tests || (for_programs && args.html.is_none()) {
        None
    } else {
        Some(table(comparison, &baseline, &names)?)
    };
    if for_programs {
        // A cell of CSV is a number or a name.
        let in_words = format == Format::Json;
        let (header, rows) = if args.tests {
            test_values(comparison, &baseline, &names, in_words.then_some(&claims))?
        } else {
            values(comparison, &baseline, &names, in_words.then_some(&claims))?
        };
        print_values(&header, &rows, format)?;
    } else if let Some((header, rows)) = &told {
        print_table(header, rows, format)?;
    } else {
        let (header, rows) = tests(comparison, &baseline, &names)?;
        print_table(&header, &rows, format)?;
    }
    if args.tests && comparison.rows.iter().all(|row| row.summary.n_users < 2) {
        say("note: nothing is tested: a test of differences user by user needs two users at least");
    }
    let rows = told.as_ref().map_or(&[][..], |(_, rows)| rows);
    let notes = notes(args, (compared, &baseline, &names), (rows, &claims));
    if matches!(format, Format::Markdown | Format::Latex) {
        print_notes(&notes, format)?;
    } else {
        for note in &notes {
            say(note);
        }
    }
    if let Some(path) = &args.html {
        let table = told.map_or_else(|| table(comparison, &baseline, &names), Ok)?;
        let html = page::results_page(&results(comparison, table, (&names, &notes)));
        replaceable(path, page::RESULTS_MARK)?;
        write_aside(path, |out| out.write_all(html.as_bytes()))?;
        say(&format!("wrote {} ({} KiB)", path.display(), html.len().div_ceil(1024)));
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
