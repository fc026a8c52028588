//! `segue compare`: several models, one table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use segue_eval::{Measure, MetricSpec};
use segue_explore::page;
use segue_lab::{
    CandidateKind, Comparison, Composer, Job, LabError, Openable, Opening, Row, Scope, Settings, Stored, compare,
    contests, fingerprint, protocol, read_run, write_aside,
};

use super::comparison::{
    Baseline, POPULARITY, errors_note, judges, main_note, marks_note, may_be_tested, shown, shown_of, table,
    test_values, tests, tests_note, values,
};
use super::explore::replaceable;
use super::results_page::results;
use super::train::{Configuration, load, load_again};
use crate::terminal::{Bar, Format, print_table, print_values, say};

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
chance. A split that asks several questions has a row for each. --format csv and json have each number in a column of its own and
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

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    // Before anything is trained: a name that cannot be written to should not cost minutes.
    args.html.iter().try_for_each(|page| replaceable(page, page::RESULTS_MARK))?;
    let baseline = registry.find(&args.baseline).map_err(LabError::from)?.info.name;
    let folders: Vec<&String> = args.configuration.overrides.iter().filter(|word| is_run(word)).collect();
    let (comparison, settings) = if folders.is_empty() {
        let Some(done) = of_jobs(args, baseline)? else { return Ok(()) };
        done
    } else {
        of_runs(args, &folders, Some(baseline))?
    };
    if args.tests {
        has_baseline(&comparison.rows, baseline)?;
    }
    print(args, (&comparison, &settings), baseline)
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
    let (comparison, first) = of_runs(args, &folders, None)?;
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
fn of_runs(args: &Arguments, folders: &[&String], live: Option<&str>) -> anyhow::Result<(Comparison, Settings)> {
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
    let sealed: Vec<String> =
        runs.iter().filter(|run| run.rows.is_empty()).map(|run| run.folder.display().to_string()).collect();
    if sealed.len() == runs.len() {
        anyhow::bail!(
            "the test part of {} is sealed: validation chose another run of the sweep, or evaluation.test=never; train it with \
             evaluation.test=always to compare it",
            joined(sealed)
        );
    }
    if !sealed.is_empty() {
        say(&format!(
            "note: {} left out: the test part is sealed, for validation chose another run of the sweep",
            joined(sealed)
        ));
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
        add_popularity(&mut comparison.rows, &folders, (&asked, &moved))?;
    }
    Ok((comparison, first))
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
/// Where that cannot be it is said why. `moved` says where their data are now. That the test part is opened is written down in the
/// folder of that run.
fn add_popularity(
    rows: &mut Vec<Row>,
    folders: &[&Path],
    (runs, moved): (&[Settings], &[String]),
) -> anyhow::Result<()> {
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
    if !recorded.is_empty() {
        say(&format!(
            "note: {POPULARITY} was measured on the test part now, which is written down in manifest.json of {}",
            joined(recorded)
        ));
    }
    for why in failed {
        say(&format!("note: there is no row of {POPULARITY}: {why}"));
    }
    if let ([], Some(given)) = (&tried[..], moved.first()) {
        anyhow::bail!("`{given}` changes nothing: every question has a row of {POPULARITY}; leave it out");
    }
    Ok(())
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
    let known = loaded.data.train_and_valid();
    for task in &loaded.data.split.tasks {
        let hash = fingerprint((&loaded.data, task), [&known]);
        let data = (loaded.data.split.protocol.as_str(), hash.as_str());
        let (why, question) = ("compare popularity with the run", task.name.as_str());
        Opening { why, question, data, evaluation: &settings.evaluation, seed: settings.seed }.record(folder)?;
    }
    Ok(compare((&[settings], true), (&loaded, &crate::registry()), Bar::new, drop)?)
}

/// The rows of models that are trained now; `None` if their configurations were only to be shown, which is then done.
fn of_jobs(args: &Arguments, baseline: &str) -> anyhow::Result<Option<(Comparison, Settings)>> {
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
    let popular = names.contains(&POPULARITY) || settings.len() > names.len();
    if !popular {
        anyhow::ensure!(
            !args.tests || baseline != POPULARITY,
            "--tests: there is no row of {POPULARITY}, for {ONLY_ERRORS}; --baseline names the model to test against"
        );
        say(&format!("note: there is no row of {POPULARITY}: {ONLY_ERRORS}"));
    }
    let loaded = load(first)?;
    let targets: BTreeSet<_> = loaded.data.split.tasks.iter().map(|task| task.target).collect();
    if targets.len() > 1 && popular && !names.contains(&POPULARITY) {
        // On the target alone it would answer the questions of one domain.
        settings.iter_mut().rev().take(1).for_each(|popular| popular.scope = Scope::Joint);
    }
    if targets.len() > 1 && args.controls {
        say(
            "note: scope=target and the placebo are of the first domain that is asked about; the others have no controls",
        );
    }
    let mut contested: Vec<String> = Vec::new();
    for contest in contests(&settings, &registry)? {
        contested.extend(
            contest.runs().next().map(|run| settings[run].model["name"].as_str().unwrap_or_default().to_owned()),
        );
    }
    if !contested.is_empty() {
        say(&format!(
            "note: several recipes of {} are shown on the test part; the better one is chosen by validation: `segue train -m` does",
            joined(contested)
        ));
    }
    let comparison = compare((&settings, args.html.is_some()), (&loaded, &registry), Bar::new, drop)?;
    say(
        "note: the test part was opened for every row, and nothing records it, for compare writes no run folders; `segue train` does",
    );
    Ok(Some((comparison, first.clone())))
}

/// The table, what must be read with it, and the page.
fn print(args: &Arguments, (comparison, first): (&Comparison, &Settings), baseline: &str) -> anyhow::Result<()> {
    let baseline = Baseline { model: baseline, resamples: first.evaluation.resamples() };
    let names = shown(comparison, &args.show, first)?;
    let format = Format::or_fitting(args.format);
    let for_programs = matches!(format, Format::Csv | Format::Json);
    let told = if args.tests || (for_programs && args.html.is_none()) {
        None
    } else {
        Some(table(comparison, &baseline, &names)?)
    };
    if for_programs {
        let of = if args.tests { test_values } else { values };
        let (header, rows) = of(comparison, &baseline, &names)?;
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
    let mut notes = protocol_notes(comparison);
    if rows.iter().flatten().any(|cell| cell.starts_with("mean of ")) {
        notes.push("mean of n: over seeds, with its interval by Student's t where they differ; other intervals are of the users".into());
    }
    notes.extend(args.show.is_empty().then(|| main_note(&names, first)).flatten());
    notes.extend(marks_note(rows, &baseline));
    if !args.tests {
        notes.extend(notes_of_full(comparison));
    }
    if first.evaluation.bootstrap == 0 {
        let n = baseline.resamples;
        notes.push(format!(
            "evaluation.bootstrap=0: values have no intervals; differences are told from chance by {n} resamples"
        ));
    }
    notes.extend(note_of_lean(comparison));
    notes.extend(names.first().and_then(|name| note_of_errors(comparison, name)));
    notes.extend(note_of_unlifted(comparison));
    // What learning from other domains is worth is said wherever it can be.
    let controlled = comparison.rows.iter().any(|row| {
        row.scope == Scope::Joint && comparison.control_of(row, Scope::Target).is_some() && row.model != POPULARITY
    });
    if controlled
        && let Some(Ok(spec)) = names.first().map(|name| name.parse::<MetricSpec>())
        && !judges(comparison, spec)
    {
        notes.push(format!(
            "no verdict on other domains by {spec}, which says not of each user what was found; --show ndcg@10 or another that does \
             has one"
        ));
    }
    let tuned = comparison.rows.iter().filter(|row| row.scope != Scope::Target).filter(|row| {
        let controls = [Scope::Target, Scope::Shuffled].map(|scope| comparison.control_of(row, scope));
        controls.into_iter().flatten().any(|control| !comparison.rows[control].is_recipe_of(row))
    });
    let tuned: Vec<String> = tuned.map(|row| format!("{} {}", row.model, row.scope)).collect();
    if !tuned.is_empty() {
        notes.push(format!(
            "{}: held against controls with other hyper-parameters than theirs: fair where each was tuned for itself",
            joined(tuned)
        ));
    }
    let specs: Vec<MetricSpec> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if let Some(spec) = specs.iter().copied().find(|spec| judges(comparison, *spec)) {
        let transfers = comparison.transfers(spec, baseline.resamples)?;
        // What is popular is the same for everybody, and claims nothing.
        let claims: Vec<String> =
            transfers.iter().filter(|transfer| transfer.model != POPULARITY).map(ToString::to_string).collect();
        if spec.metric.is_error() && !args.tests && !claims.is_empty() {
            notes.push(errors_note(spec));
        }
        notes.extend(claims);
    }
    if let Some(spec) = specs.iter().copied().find(|spec| matches!(spec.metric.measure, Measure::PerUser(_))) {
        let cold_starts = comparison.cold_starts(spec);
        notes.extend(cold_starts.iter().map(ToString::to_string));
        if cold_starts.iter().any(|cold| !cold.scores.is_empty() || !cold.undefined.is_empty()) {
            notes.push(format!(
                "domain generalisation score: {spec} on people with so many events in the target, over that of the model that learnt \
                 from the target alone"
            ));
        }
    }
    if args.tests {
        let alone =
            comparison.rows.iter().filter(|row| comparison.same_question(row, baseline.model).is_none()).count();
        if alone > 0 {
            notes.push(format!("{alone} rows are asked what no row of {} is, and are not tested", baseline.model));
        }
        notes.push(
            "p corrected: that of the randomisation test, by Holm for all rows; detectable: found in four of five tries at the 5 % level \
             over the number of tests, which Holm holds the clearest to, `-` where there are too few users for any p to be as low, and where \
             all users differ by the same"
                .into(),
        );
        notes.extend(names.first().and_then(|name| tests_note(comparison, &baseline, name)));
    }
    let several = comparison.rows.windows(2).any(|two| two[0].question != two[1].question);
    // What is said of several rows is said once.
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for row in &comparison.rows {
        let on = if several { format!(" on {}", row.question) } else { String::new() };
        let of = format!("{} {}{on}", row.model, row.scope);
        // The first is the protocol again, and what intervals are is said by every table.
        for note in row.summary.notes().into_iter().skip(1).filter(|note| !note.starts_with("intervals")) {
            match said.iter_mut().find(|(other, _)| *other == note) {
                Some((_, rows)) => rows.push(of.clone()),
                None => said.push((note, vec![of.clone()])),
            }
        }
    }
    notes.extend(said.into_iter().map(|(note, of)| format!("{}: {note}", joined(of))));
    for note in &notes {
        say(note);
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

/// Why some rows have no marks, gains and tests, if any have none.
fn note_of_lean(comparison: &Comparison) -> Option<String> {
    let mut lean: Vec<String> = Vec::new();
    for row in comparison.rows.iter().filter(|row| row.is_lean()) {
        let name = format!("{} {}", row.model, row.scope);
        if !lean.contains(&name) {
            lean.push(name);
        }
    }
    (!lean.is_empty()).then(|| {
        format!(
            "no marks, gains or tests of {}: their folders have no per_user.csv, or one without values, and these compare user by user",
            lean.join(", ")
        )
    })
}

/// Which runs of an earlier version have no errors by user, if the metric is one.
fn note_of_errors(comparison: &Comparison, name: &str) -> Option<String> {
    let spec = name.parse::<MetricSpec>().ok().filter(|spec| spec.metric.is_error())?;
    let without = |row: &&Row| row.value(name).is_some() && !row.is_lean() && !row.is_by_user(spec);
    let rows = comparison.rows.iter().filter(without).map(|row| format!("{} {}", row.model, row.scope));
    let rows: Vec<String> = rows.collect();
    (!rows.is_empty()).then(|| {
        format!(
            "no marks, gains or tests of {} by {name}: their per_user.csv has no errors; trained again, they have",
            joined(rows)
        )
    })
}

/// Which rows have no popularity of their own protocol to be lifted over, where others have.
fn note_of_unlifted(comparison: &Comparison) -> Option<String> {
    let (protocols, followed) = comparison.protocols();
    let alone = |row: &Row| comparison.same_question(row, POPULARITY).is_none();
    let rows = comparison.rows.iter().zip(followed).filter(|(row, _)| alone(row));
    let names = rows.map(|(row, protocol)| match protocols.len() {
        1 => format!("{} {}", row.model, row.scope),
        _ => format!("{} {} (protocol {})", row.model, row.scope, protocol + 1),
    });
    let names: Vec<String> = names.collect();
    // Of none at all it was said why.
    (!names.is_empty() && names.len() < comparison.rows.len()).then(|| {
        format!("no lift over {POPULARITY} of {}: no run of it by the same protocol is among these", joined(names))
    })
}

/// Names in a row, the first few of many; each once.
fn joined(mut names: Vec<String>) -> String {
    const MOST: usize = 4;
    names.dedup();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let names = names.join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

/// What estimates of full metrics are, or why there are none beside sampled ones: once, with the models that it is said of where
/// it is not said of all.
fn notes_of_full(comparison: &Comparison) -> Vec<String> {
    let note = |row: &Row| match row.summary.note_of_full() {
        None if row.evaluation.candidates != CandidateKind::Full && row.summary.corrected.is_empty() => {
            Some("no value on the full catalogue was estimated when the run was stored".to_owned())
        }
        note => note,
    };
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for row in &comparison.rows {
        let Some(note) = note(row) else { continue };
        match said.iter_mut().find(|(other, _)| *other == note) {
            Some((_, models)) if models.contains(&row.model.as_str()) => {}
            Some((_, models)) => models.push(&row.model),
            None => said.push((note, vec![&row.model])),
        }
    }
    let several = said.len() > 1;
    said.into_iter().map(|(note, of)| if several { format!("{}: {note}", of.join(", ")) } else { note }).collect()
}

/// The protocol of every row; what all of several begin with is said once.
fn protocol_notes(comparison: &Comparison) -> Vec<String> {
    let (protocols, followed) = comparison.protocols();
    let [first, others @ ..] = protocols.as_slice() else { return Vec::new() };
    if others.is_empty() {
        return vec![(*first).to_owned()];
    }
    let mut common = 0;
    for (end, _) in first.match_indices("; ") {
        if others.iter().all(|other| other.starts_with(&first[..end + 2])) {
            common = end + 2;
        }
    }
    let mut notes = Vec::new();
    if common > 0 {
        notes.push(format!("all protocols: {}", first[..common].trim_end_matches("; ")));
    }
    for (n, protocol) in protocols.iter().enumerate() {
        let row = followed.iter().position(|&of| of == n).map(|row| &comparison.rows[row]);
        let of = row.map_or_else(String::new, |row| format!(" ({})", row.question));
        notes.push(format!("protocol {}{of}: {}", n + 1, &protocol[common..]));
    }
    notes
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
