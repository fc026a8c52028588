//! `segue evaluate`: a stored model on prepared data, or the lists of any system.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use segue_core::Output;
use segue_eval::{By, Cell, Dialect, Group, Qrels, Table, TrecError, TrecRun};
use segue_lab::{
    Bundle, CandidateKind, Composer, LabError, Openable, Settings, is_sealed, leave_out_coverage, openings, run_of,
    settings_of, spoken,
};

use crate::evaluator::Evaluator;
use crate::terminal::{Format, print_measured, print_table, say};

/// Which part is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The validation part.
    #[value(alias = "val", alias = "validation")]
    Valid,
    /// The test part.
    Test,
}

/// What a question is taken apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Parts {
    /// Known events of the user.
    Activity,
    /// Training users of the item.
    Popularity,
    /// Category of the item.
    #[value(alias = "category")]
    Genre,
}

impl Parts {
    fn by(self) -> By {
        match self {
            Self::Activity => By::Activity,
            Self::Popularity => By::Popularity,
            Self::Genre => By::Category,
        }
    }

    /// What a part is named by.
    fn what(self) -> &'static str {
        match self {
            Self::Activity => "known events",
            Self::Popularity => "training users",
            Self::Genre => "genre",
        }
    }
}

/// Measure a trained model on prepared data, or the lists of any system in a TREC run.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music evaluation.k_values=[5,10]
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music --by activity
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music evaluation.dialect=trec_eval evaluation.metrics=[ndcg,map]
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music evaluation.candidates=sampled evaluation.negatives=99
  segue evaluate --run outputs/segue/ease --data artifacts/films_from_music --trec-run ease.run --trec-qrels test.qrels
  segue evaluate --trec-run-in ease.run --qrels test.qrels evaluation.metrics=[ndcg,recall]

--format csv and json have numbers in full and one table: with --by a row for each part and metric, those of all first.")]
pub(crate) struct Arguments {
    /// A run folder, or its model.safetensors. Each time that the test part is opened is written to its manifest.json.
    #[arg(long, value_name = "RUN", required_unless_present = "trec_run_in")]
    run: Option<PathBuf>,
    /// A folder that `segue prepare` wrote.
    #[arg(long, value_name = "DIR", required_unless_present = "trec_run_in")]
    data: Option<PathBuf>,
    /// The part to ask.
    #[arg(long, default_value = "test")]
    split: Part,
    /// The question to ask, where the split asks several; by default the first.
    #[arg(long, value_name = "NAME")]
    question: Option<String>,
    /// Also measure quarters of the users by their known events, or of the held-out items by their training users; or the genres
    /// of the held-out items.
    #[arg(long, value_name = "WHAT")]
    by: Option<Parts>,
    /// Also write the best 1000 items of everyone asked as a TREC run.
    #[arg(long, value_name = "FILE")]
    trec_run: Option<PathBuf>,
    /// Also write the held-out positives as TREC qrels.
    #[arg(long, value_name = "FILE")]
    trec_qrels: Option<PathBuf>,
    /// Measure the lists of this TREC run, whatever system they are of; in place of --run and --data.
    #[arg(long, value_name = "FILE", requires = "qrels")]
    #[arg(conflicts_with_all = ["run", "data", "split", "by", "trec_run", "trec_qrels", "question"])]
    trec_run_in: Option<PathBuf>,
    /// What is relevant to the queries of --trec-run-in.
    #[arg(long, value_name = "FILE", requires = "trec_run_in")]
    qrels: Option<PathBuf>,
    /// Overrides of the `evaluation` group and of `seed`, which are the run's own without.
    #[arg(value_name = "OVERRIDE")]
    overrides: Vec<String>,
    /// How to print.
    #[arg(long)]
    format: Option<Format>,
}

/// Keys that say how a model is asked, which nobody asks here of a run of lists.
const OF_MODELS: [&str; 5] = ["history", "hide", "seed", "negatives", "test"];

/// The key of an override, and its value.
fn parted(given: &str) -> (&str, Option<&str>) {
    let given = given.trim_start_matches('+');
    given.split_once('=').map_or((given, None), |(key, value)| (key, Some(value)))
}

/// Runs the command.
pub(crate) fn run(args: &Arguments) -> anyhow::Result<()> {
    let registry = crate::registry();
    let known = |o: &&String| parted(o).0.starts_with("evaluation") || o.starts_with("seed=");
    if let Some(other) = args.overrides.iter().find(|o| !known(o)) {
        anyhow::bail!(
            "`{other}`: evaluate only reads evaluation.* and seed; the model and its data are given by --run and --data"
        );
    }
    let own = args.run.as_deref().and_then(run_of);
    // A group that is chosen takes the place of the run's.
    let chosen = args.overrides.iter().any(|o| matches!(parted(o), ("evaluation", Some(_))));
    let mut overrides = match own.filter(|_| !chosen) {
        Some(run) => in_dialect(settings_of(run)?, &args.overrides).measuring()?,
        None => Vec::new(),
    };
    let n_own = overrides.len();
    overrides.extend(args.overrides.iter().cloned());
    let settings = Composer::new(None, &registry)?.job(&overrides)?.settings()?;
    let format = Format::or_fitting(args.format);
    let given = |key: &str| args.overrides.iter().find(|o| parted(o).0.strip_prefix("evaluation.") == Some(key));
    let (run, data) = match (args, &args.run, &args.data) {
        (Arguments { trec_run_in: Some(run), qrels: Some(qrels), .. }, ..) => {
            if let Some(given) = OF_MODELS.iter().find_map(|key| given(key)) {
                anyhow::bail!("`{given}`: a TREC run is ranked as it is; leave it out");
            }
            return evaluate_lists(run, qrels, settings, format);
        }
        (_, Some(run), Some(data)) => (run, data),
        _ => anyhow::bail!("give a model and its data by --run and --data, or lists by --trec-run-in and --qrels"),
    };
    if settings.evaluation.test == Openable::Never
        && args.split == Part::Test
        && let Some(given) = given("test")
    {
        anyhow::bail!("`{given}`: evaluate measures on the test part; --split valid asks the validation part");
    }
    let evaluator = Evaluator {
        settings: settings.evaluation,
        seed: settings.seed,
        on_validation: args.split == Part::Valid,
        question: args.question.clone(),
        run: own.map(Path::to_path_buf),
    };
    let trec = (args.trec_run.as_deref(), args.trec_qrels.as_deref());
    if trec != (None, None) {
        evaluator.may_write_trec(trec)?;
    }
    let bundle = Bundle::load(run, &registry)?;
    let (data, _) = segue_data::prepare::load_folder(data)?;
    let asked = args.question.as_ref().or(data.split.tasks.first().map(|task| &task.name));
    let opened = match (own, asked) {
        (Some(run), Some(question)) if !evaluator.on_validation => Some((question, openings(run, question)?)),
        _ => None,
    };
    let open = evaluator.open((&bundle, &data), &format!("evaluate {}", bundle.model_name))?;
    let results = open.evaluate()?;
    let (encoded, rounded) = open.write_trec(trec)?;
    let groups = match args.by {
        Some(parts) => open.breakdown(parts.by())?,
        None => Vec::new(),
    };
    let measured = segue_eval::measured(&results.summary);
    let for_programs = matches!(format, Format::Csv | Format::Json);
    match args.by.filter(|_| for_programs && !groups.is_empty()) {
        Some(parts) => print_measured(&with_parts(measured, results.evaluation.n_users(), (parts, &groups)), format)?,
        None => print_measured(&measured, format)?,
    }
    if let Some((question, before)) = opened {
        let at_training = usize::from(own.is_some_and(|run| !is_sealed(run)));
        let times = match before.after_training + before.by_replaced + at_training {
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        let mut told = vec![format!("the test part of {question} was opened {times} for this run before now")];
        let by_others = [(before.after_training, "after training"), (before.by_replaced, "by runs that it replaced")];
        told.extend(by_others.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} of them {what}")));
        say(&format!("{}; what is chosen by test is no longer tested by it", told.join(", ")));
    } else if !evaluator.on_validation {
        say("note: the model lies outside a run folder, so that nothing records that the test part was opened");
    }
    let otherwise = args.overrides.join(" ");
    say(&match (n_own > 0, args.overrides.is_empty()) {
        (true, true) => "measured as the run was, by its evaluation.* and seed".to_owned(),
        (true, false) => format!("measured as the run was, by its evaluation.* and seed, but for {otherwise}"),
        (false, true) => "measured by the default evaluation.* and seed".to_owned(),
        (false, false) => format!("measured by the default evaluation.* and seed, but for {otherwise}"),
    });
    match args.by {
        Some(_) if groups.is_empty() => {
            say("the held-out items have no genres: prepare the data with `items` files");
        }
        Some(parts) if !for_programs => print_parts(&groups, parts, format)?,
        _ => {}
    }
    if let (None, [_, others @ ..]) = (&args.question, data.split.tasks.as_slice())
        && !others.is_empty()
    {
        let names: Vec<&str> = others.iter().map(|task| task.name.as_str()).collect();
        say(&format!("the data ask more: --question {}", names.join(", ")));
    }
    if results.n_unknown_items > 0 {
        say(&format!("{} target items are unknown to this model and rank last", results.n_unknown_items));
    }
    if results.n_unknown_users > 0 {
        say(&format!("{} users are unknown to this model and answered as guests", results.n_unknown_users));
    }
    for path in [trec.0, trec.1].into_iter().flatten() {
        say(&format!("wrote {}", path.display()));
    }
    if rounded {
        say("note: qrels hold whole numbers: graded metrics on them are of rounded ratings");
    }
    if encoded {
        say("note: ids with blanks or percent signs are percent-encoded in TREC files, whose fields end at blanks");
    }
    Ok(())
}

/// The settings of a run. Its metrics were not chosen for a dialect that is given without metrics: those are measured that it has.
fn in_dialect(mut settings: Settings, overrides: &[String]) -> Settings {
    // Of one that is given twice the last counts.
    let given = |key: &str| overrides.iter().rev().map(|o| parted(o)).find(|(known, _)| *known == key)?.1;
    if let (Some(dialect), None) = (given("evaluation.dialect"), given("evaluation.metrics"))
        && let Ok(dialect) = dialect.parse::<Dialect>()
    {
        let metrics = spoken(&settings.evaluation.metrics, dialect);
        let others: Vec<String> =
            settings.evaluation.metrics.into_iter().filter(|name| !metrics.contains(name)).collect();
        if !others.is_empty() {
            say(&format!("{dialect} has no {}: left out", others.join(", ")));
        }
        settings.evaluation.metrics = metrics;
    }
    settings
}

/// Measures the lists of a run.
fn evaluate_lists(run: &Path, qrels: &Path, mut settings: Settings, format: Format) -> anyhow::Result<()> {
    let evaluation = &mut settings.evaluation;
    if evaluation.candidates != CandidateKind::Full {
        anyhow::bail!("evaluation.candidates: a TREC run is ranked as it is; leave it out");
    }
    let mut protocol = segue_lab::protocol(evaluation, settings.seed, Output::Ranking)?;
    // A run has no catalogue.
    leave_out_coverage(&mut protocol.metrics);
    let lists = read(run, TrecRun::read)?;
    let judged = read(qrels, Qrels::read)?;
    let measured = lists.evaluate(&judged, &protocol).map_err(|error| in_file(run, &error))?;
    let summary = segue_lab::summarise(&measured, evaluation.bootstrap, settings.seed)?;
    print_measured(&segue_eval::measured(&summary), format)?;
    lists.notes(&judged, evaluation.dialect).iter().for_each(|note| say(note));
    Ok(())
}

/// Reads a file of TREC; an error names it.
fn read<T>(path: &Path, parse: fn(&mut dyn BufRead) -> Result<T, TrecError>) -> anyhow::Result<T> {
    let file = File::open(path).map_err(|error| LabError::io("read", path, &error))?;
    parse(&mut BufReader::new(file)).map_err(|error| in_file(path, &error))
}

fn in_file(path: &Path, error: &TrecError) -> anyhow::Error {
    anyhow::anyhow!("{}: {error}", path.display())
}

/// A row per quarter: who or what is in it, and every metric.
fn print_parts(groups: &[Group], parts: Parts, format: Format) -> anyhow::Result<()> {
    let metrics = groups.first().map_or_else(Vec::new, |group| group.evaluation.values());
    let header = [parts.what(), "users", "positives"].map(String::from).into_iter();
    let header = header.chain(metrics.into_iter().map(|(name, _)| name));
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|Group { name, n_positives, evaluation }| {
            let counts = [name.clone(), evaluation.n_users().to_string(), n_positives.to_string()];
            counts.into_iter().chain(evaluation.values().into_iter().map(|(_, value)| format!("{value:.4}"))).collect()
        })
        .collect();
    print_table(&header.collect::<Vec<_>>(), &rows, format)?;
    Ok(())
}

/// The table of all users and those of the parts as one: a row for each part and metric.
fn with_parts(all: Table, n_users: usize, (parts, groups): (Parts, &[Group])) -> Table {
    let header = [parts.what(), "users", "positives"].map(String::from);
    let columns: Vec<String> = header.into_iter().chain(all.columns).collect();
    let count = |n: usize| Cell::Count(n as u64);
    let of_all = || [Cell::Text("all".into()), count(n_users), Cell::Missing];
    let mut rows: Vec<Vec<Cell>> = all.rows.into_iter().map(|row| of_all().into_iter().chain(row).collect()).collect();
    for Group { name, n_positives, evaluation } in groups {
        for (metric, value) in evaluation.values() {
            let of_part = [Cell::Text(name.clone()), count(evaluation.n_users()), count(*n_positives)];
            let mut row = of_part.into_iter().chain([Cell::Text(metric), Cell::Number(value, 4)]).collect::<Vec<_>>();
            row.resize(columns.len(), Cell::Missing);
            rows.push(row);
        }
    }
    Table { columns, rows, ..all }
}
