//! A comparison as tables of words, and of values for programs.

mod labels;

use segue_core::nearest;
use segue_eval::{Cell, Dialect, Difference, Interval, Measure, MetricSpec, OverSeeds};
use segue_lab::{
    ALPHA, Comparison, Effect, LabError, Row, Scope, Settings, Tested, Transfer, Unchosen, refuse_untestable,
    spoken_metric,
};
use serde_json::{Value, json};

pub(crate) use self::labels::Labels;
use crate::terminal::fixed;

/// The model whose row is there wherever items are ranked.
pub(crate) const POPULARITY: &str = "popularity";

/// The model whose first row of each question the others are held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Baseline<'a> {
    pub(crate) model: &'a str,
    /// Of bootstrap and randomisation.
    pub(crate) resamples: usize,
}

/// A row per row but the baseline: the difference to it, user by user, with every test.
pub(crate) fn tests(
    comparison: &Comparison,
    baseline: &Baseline<'_>,
    names: &[String],
) -> Result<(Vec<String>, Vec<Vec<String>>), LabError> {
    let metric = metric(names.first())?;
    let tested = comparison.against(baseline.model, metric, baseline.resamples)?;
    let labels = Labels::of(comparison);
    let mut header = labels.header();
    let scope = bases(comparison, baseline).first().map(|&base| comparison.rows[base].scope).unwrap_or_default();
    header.push(format!("{metric} over {} {scope}", baseline.model));
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
    let rows = tested.iter().map(|(t, corrected)| {
        let paired = &t.paired;
        let mut row = labels.of_row(&comparison.rows[t.row], t.row);
        row.push(signed(t.difference.difference, t.difference.interval));
        row.push(format!("{:.3}", paired.effect));
        row.extend(better_and_worse(t).map(|n| n.to_string()));
        let ps = [t.difference.p, paired.p_t, paired.p_wilcoxon];
        row.extend(ps.map(|p| if p < 1e-4 { format!("{p:.1e}") } else { format!("{p:.4}") }));
        row.extend([paired.p_randomisation, *corrected].map(|p| match t.told(p) {
            ("<", p) => format!("<{p}"),
            (_, p) => p,
        }));
        row.push(t.detectable().map_or_else(|| "-".into(), |could| format!("{could:.4}")));
        row
    });
    Ok((header, rows.collect()))
}

/// The same for programs: what is compared with what, and the tests, each value in a column of its own and in full. Of a p that none of
/// the random signs reached, `signs` tells how small it could be. With `claims` the verdicts stand beside them.
pub(crate) fn test_values(
    comparison: &Comparison,
    baseline: &Baseline<'_>,
    names: &[String],
    claims: Option<&Vec<Transfer>>,
) -> Result<(Vec<String>, Vec<Vec<Value>>), LabError> {
    let metric = metric(names.first())?;
    let labels = Labels::of(comparison);
    let mut header = labels.header();
    let columns = [
        "metric",
        "baseline",
        "baseline_scope",
        "difference",
        "difference_low",
        "difference_high",
        "effect",
        "users",
        "better",
        "worse",
        "p_bootstrap",
        "p_t",
        "p_wilcoxon",
        "p_randomisation",
        "p_corrected",
        "signs",
        "detectable",
        "protocol_text",
    ];
    header.extend(columns.map(String::from));
    header.extend(claims.iter().flat_map(|_| VERDICT).map(String::from));
    let tested = comparison.against(baseline.model, metric, baseline.resamples)?;
    let (asked, followed) = comparison.protocols();
    let rows = tested.iter().map(|(t, corrected)| {
        let (row, paired, difference) = (&comparison.rows[t.row], &t.paired, &t.difference);
        let base = comparison.same_question(row, baseline.model).map(|base| comparison.rows[base].scope.to_string());
        let interval = difference.interval;
        let mut values = labels.values(row, t.row);
        values.extend([json!(metric.to_string()), json!(baseline.model), json!(base)]);
        values.extend([difference.difference, interval.low, interval.high, paired.effect].map(in_full));
        let [better, worse] = better_and_worse(t);
        values.extend([paired.n, better, worse].map(|n| json!(n)));
        let ps = [difference.p, paired.p_t, paired.p_wilcoxon, paired.p_randomisation, *corrected];
        values.extend(ps.map(in_full));
        values.extend([json!(paired.signs), t.detectable().map_or(Value::Null, in_full)]);
        values.push(json!(asked[followed[t.row]]));
        values.extend(claims.into_iter().flat_map(|claims| verdict(claims, t.row)));
        values
    });
    Ok((header, rows.collect()))
}

/// The columns of a verdict on other domains: a word, all that is said, and over how many seeds it is one.
const VERDICT: [&str; 3] = ["verdict", "verdict_text", "verdict_seeds"];

/// The verdict on a row, null where there is none. What is popular is the same for everybody, and claims nothing.
fn verdict(claims: &[Transfer], row: usize) -> [Value; 3] {
    let own = claims.iter().find(|claim| claim.rows().contains(&row) && claim.model != POPULARITY);
    own.map_or([Value::Null, Value::Null, Value::Null], |own| {
        [json!(own.word()), json!(own.to_string()), json!(own.over_target.seeds.len())]
    })
}

/// For how many users a row is better and worse than the baseline: not of every metric is more better.
fn better_and_worse(tested: &Tested) -> [usize; 2] {
    let (more, less) = (tested.paired.wins, tested.paired.losses);
    if tested.difference.spec.metric.more_is_better() { [more, less] } else { [less, more] }
}

/// What a test of an error compares, user by user, where one is tested.
pub(crate) fn tests_note(comparison: &Comparison, baseline: &Baseline<'_>, name: &str) -> Option<String> {
    let spec = name.parse::<MetricSpec>().ok().filter(|spec| spec.metric.is_error())?;
    if comparison.rows.iter().all(|row| row.model != baseline.model || row.value(name).is_none()) {
        return Some(format!(
            "nothing is tested by {spec}, which {} has no value of; --baseline names the model to test against",
            baseline.model
        ));
    }
    Some(format!("{}; effect and detectable are of these, the difference is of {spec}", errors_note(spec)))
}

/// By what users are compared where a metric is an error.
pub(crate) fn errors_note(spec: MetricSpec) -> String {
    let of = if spec.metric.name == "rmse" { "squared errors, whose mean is the mse" } else { "errors" };
    format!("{spec}: users are compared by the sum of their {of}, so that each counts by the number of their ratings")
}

/// Whether verdicts go by a metric: it tells of each user how well they are served.
pub(crate) fn judges(comparison: &Comparison, spec: MetricSpec) -> bool {
    match spec.metric.measure {
        Measure::PerUser(_) | Measure::Error { .. } => true,
        // Users may weigh the same or not.
        Measure::Uncut { .. } => {
            let mut measured = comparison.rows.iter().filter(|row| !row.is_lean() && row.test.value(spec).is_some());
            measured.all(|row| row.is_by_user(spec))
        }
        _ => false,
    }
}

/// Plus zero: -0 is no value anybody wants to read. What is no number is none.
fn in_full(value: f64) -> Value {
    json!(value + 0.0)
}

fn metric(name: Option<&String>) -> Result<MetricSpec, LabError> {
    let name = name.map(String::as_str).unwrap_or_default();
    name.parse().map_err(|error: segue_eval::MetricError| LabError::NotFound(error.to_string()))
}

/// The baseline's row of each question.
fn bases(comparison: &Comparison, baseline: &Baseline<'_>) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for row in &comparison.rows {
        found.extend(comparison.same_question(row, baseline.model).filter(|base| !found.contains(base)));
    }
    found
}

/// What is better and worse than the baseline beyond chance, by the first metric.
const MARKS: [&str; 2] = [" ▲", " ▼"];

/// The mark of each row.
pub(crate) fn marks(
    comparison: &Comparison,
    baseline: &Baseline<'_>,
    name: Option<&String>,
) -> Result<Vec<&'static str>, LabError> {
    let mut marks = vec![""; comparison.rows.len()];
    let metric = metric(name)?;
    // A base without values by user is no reason to mark nothing beside the others.
    let bases = bases(comparison, baseline).into_iter().map(|base| &comparison.rows[base]);
    if !bases.filter(|base| !base.is_lean()).all(|base| base.is_by_user(metric)) {
        return Ok(marks);
    }
    for (tested, p) in comparison.against(baseline.model, metric, baseline.resamples)? {
        if p < ALPHA && tested.paired.mean != 0.0 {
            let better = (tested.paired.mean > 0.0) == metric.metric.more_is_better();
            marks[tested.row] = MARKS[usize::from(!better)];
        }
    }
    Ok(marks)
}

/// What the marks of a table mean, if it has any.
pub(crate) fn marks_note(rows: &[Vec<String>], baseline: &Baseline<'_>) -> Option<String> {
    let marked = rows.iter().flatten().any(|cell| MARKS.iter().any(|mark| cell.ends_with(mark)));
    marked.then(|| format!("▲ ▼ better, worse than {}", beyond_chance(baseline)))
}

/// What is compared for a mark, and how.
fn beyond_chance(baseline: &Baseline<'_>) -> String {
    format!("{} user by user: p < {ALPHA} by the randomisation test, corrected by Holm", baseline.model)
}

fn signed(difference: f64, interval: Interval) -> String {
    let [difference, low, high] = [difference, interval.low, interval.high].map(|x| fixed(x, Some(4), true));
    format!("{difference} [{low}, {high}]")
}

/// What every row gains over its own control, by one metric.
struct Gain {
    /// Of the control, in words, and in the name of a column.
    control: (&'static str, &'static str),
    differences: Vec<(usize, Difference)>,
    /// Of each row of all domains with its own p; where each has one seed, that of the verdicts.
    corrected: Vec<(Tested, f64)>,
    /// Over several seeds, as the verdicts have it.
    over_seeds: Vec<Effect>,
    /// Over several seeds of every row, by users and seeds together.
    means: Vec<Effect>,
}

impl Gain {
    fn of_row(&self, row: usize) -> Option<&Difference> {
        self.differences.iter().find(|(of, _)| *of == row).map(|(_, difference)| difference)
    }

    fn p(&self, row: usize) -> Option<&(Tested, f64)> {
        self.corrected.iter().find(|(tested, _)| tested.row == row)
    }
}

/// What is gained over each control that was trained.
fn gains(comparison: &Comparison, baseline: &Baseline<'_>, spec: MetricSpec) -> Result<Vec<Gain>, LabError> {
    let measured = |spec| comparison.rows.iter().filter(move |row| !row.is_lean() && row.test.value(spec).is_some());
    let mut found = Vec::new();
    for (scope, control) in [
        (Scope::Target, ("target alone", "gain_over_target")),
        (Scope::Shuffled, ("shuffled links", "gain_over_shuffled")),
    ] {
        let gains = comparison.gains(scope, baseline.resamples)?;
        let by_user = measured(spec).all(|row| row.is_by_user(spec));
        let tested = by_user && gains.iter().any(|&(row, _)| comparison.rows[row].scope == Scope::Joint);
        let corrected = if tested { comparison.over(scope, spec, baseline.resamples)? } else { Vec::new() };
        // An error's is of squares, and no gain in the metric.
        let seeded = by_user && comparison.has_several_seeds() && !spec.metric.is_error();
        let effects = if seeded && tested { comparison.effects(scope, spec, baseline.resamples)? } else { Vec::new() };
        let means = if seeded { comparison.gains_over_seeds(scope, spec)? } else { Vec::new() };
        let over_seeds = effects.into_iter().filter(Effect::is_over_seeds).collect();
        if !gains.is_empty() {
            let of_metric = |all: Vec<Difference>| {
                let mut found = all.into_iter().find(|difference| difference.spec == spec)?;
                if !spec.metric.more_is_better() {
                    // Less of an error is a gain.
                    found.difference = -found.difference;
                    (found.interval.low, found.interval.high) = (-found.interval.high, -found.interval.low);
                }
                Some(found)
            };
            let differences = gains.into_iter().filter_map(|(row, all)| Some((row, of_metric(all)?))).collect();
            found.push(Gain { control, differences, corrected, over_seeds, means });
        }
    }
    Ok(found)
}

/// The metrics by which validation chooses among recipes of one model; the one shown where it chooses none.
fn contests(comparison: &Comparison, shown: MetricSpec) -> Vec<MetricSpec> {
    let mut found: Vec<MetricSpec> = Vec::new();
    for rivals in comparison.rivals(shown) {
        let by = match rivals.chosen {
            Ok((_, by)) | Err(Unchosen::Tied(by)) => by,
            Err(_) => shown,
        };
        if !found.contains(&by) {
            found.push(by);
        }
    }
    found
}

/// How much more of a metric a row has than popularity, as a share of it; `None` where nothing is to be compared with.
fn lift(comparison: &Comparison, row: &Row, name: &str) -> Option<f64> {
    let popular = comparison.rows[comparison.same_question(row, POPULARITY)?].value(name)?;
    row.value(name).filter(|_| popular > 0.0).map(|value| value / popular - 1.0)
}

fn told_lift(lift: f64) -> String {
    format!("{:+.0} %", 100.0 * lift)
}

/// A row per model: its metrics with intervals, what learning from the other domains adds, and the training time.
pub(crate) fn table(
    comparison: &Comparison,
    baseline: &Baseline<'_>,
    names: &[String],
) -> Result<(Vec<String>, Vec<Vec<String>>), LabError> {
    let spec = metric(names.first())?;
    let gains = gains(comparison, baseline, spec)?;
    let labels = Labels::of(comparison);
    let mut header = labels.header();
    header.extend(names.iter().cloned());
    let main = names.first().cloned().unwrap_or_default();
    // Where recipes of one model stand beside each other, what chooses among them does, too.
    let contests = contests(comparison, spec);
    header.extend(contests.iter().map(|by| format!("validation {by}")));
    header.extend((!contests.is_empty()).then(|| "recipe".to_owned()));
    let first_gain = header.len();
    header.extend(gains.iter().map(|gain| {
        let p = if gain.corrected.is_empty() { "" } else { ", p by Holm" };
        format!("gain over {}, {main}{p}", gain.control.0)
    }));
    let lifted = comparison.rows.iter().any(|row| comparison.same_question(row, POPULARITY).is_some());
    header.extend(lifted.then(|| format!("lift over {POPULARITY}, {main}")));
    let marks = marks(comparison, baseline, names.first())?;
    // What a sampled metric would be on the full catalogue, where that can be said.
    let estimated = comparison.rows.iter().any(|row| row.summary.full(spec).is_some());
    header.extend(estimated.then(|| format!("full, estimated, {main}")));
    header.push("seconds".into());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (n, c) in comparison.rows.iter().enumerate() {
        let mut row = labels.of_row(c, n);
        for (at, name) in names.iter().enumerate() {
            let mark = if at == 0 { marks[n] } else { "" };
            let estimate = c.summary.metrics.iter().find(|e| e.metric.to_string() == *name);
            let cell = estimate.map_or(Cell::Missing, |e| Cell::Estimate(e.value, e.interval));
            row.push(cell.to_string() + mark);
        }
        let validated = contests.iter().map(|by| comparison.chosen_by(c, *by));
        row.extend(validated.map(|value| value.map_or_else(|| "-".into(), |value| format!("{value:.4}"))));
        row.extend((!contests.is_empty()).then(|| c.standing_words().unwrap_or_default()));
        for gain in &gains {
            let p = gain.p(n).map(|(tested, p)| {
                let (is, p) = tested.told(*p);
                format!(" p{is}{p}")
            });
            let told = |d: &Difference| signed(d.difference, d.interval) + &p.unwrap_or_default();
            row.push(gain.of_row(n).map_or_else(String::new, told));
        }
        if lifted {
            let lift = lift(comparison, c, &main);
            row.push(lift.map_or_else(|| "-".into(), told_lift));
        }
        if estimated {
            row.push(c.summary.full(spec).map_or_else(|| "-".into(), |full| format!("{full:.4}")));
        }
        row.push(format!("{:.2}", c.seconds));
        rows.push(row);
    }
    rows.extend(means(comparison, (&labels, names, header.len()), (&gains, first_gain, lifted))?);
    Ok((header, rows))
}

/// A row per row for programs: every metric and the ends of its interval in columns of their own, in full, null where there is none; `mark` is 1 for what is
/// better and -1 for what is worse than the baseline beyond chance; seconds, and bytes of memory; by the first metric what is gained
/// over each control with its interval and p, the value on validation and what that chose where recipes of one model are beside each other,
/// and the lift over popularity as a share of it; last the protocol. With `claims` what the mark means and the verdict stand behind it, in words.
pub(crate) fn values(
    comparison: &Comparison,
    baseline: &Baseline<'_>,
    names: &[String],
    claims: Option<&Vec<Transfer>>,
) -> Result<(Vec<String>, Vec<Vec<Value>>), LabError> {
    let labels = Labels::of(comparison);
    let marks = marks(comparison, baseline, names.first())?;
    let mut header = labels.header();
    header.extend(names.iter().flat_map(|name| [name.clone(), format!("{name}_low"), format!("{name}_high")]));
    header.extend(["users", "mark", "seconds", "bytes"].map(String::from));
    let main = names.first().cloned().unwrap_or_default();
    let spec = metric(names.first())?;
    let gains = gains(comparison, baseline, spec)?;
    let contests = contests(comparison, spec);
    for (_, name) in gains.iter().map(|gain| gain.control) {
        header.extend(["", "_low", "_high", "_p"].map(|end| format!("{name}{end}")));
    }
    header.extend(contests.iter().map(|by| format!("{by}_validation")));
    header.extend((!contests.is_empty()).then(|| "recipe".to_owned()));
    header.extend(["lift_over_popularity", "protocol_text"].map(String::from));
    header.extend(claims.iter().flat_map(|_| ["mark_text"].into_iter().chain(VERDICT)).map(String::from));
    let (asked, followed) = comparison.protocols();
    let told = |value: Option<f64>| value.map_or(Value::Null, in_full);
    let rows = comparison.rows.iter().enumerate().map(|(n, row)| {
        let mut cells = labels.values(row, n);
        for name in names {
            let estimate = row.summary.metrics.iter().find(|estimate| estimate.metric.to_string() == *name);
            let interval = estimate.and_then(|estimate| estimate.interval);
            let values = [estimate.map(|e| e.value), interval.map(|i| i.low), interval.map(|i| i.high)];
            cells.extend(values.map(told));
        }
        let mark = if marks[n].is_empty() { 0 } else { 1 - 2 * i32::from(marks[n] == MARKS[1]) };
        cells.extend([json!(row.summary.n_users), json!(mark), in_full(row.seconds), json!(row.memory)]);
        for gain in &gains {
            let own = gain.of_row(n);
            let values = [own.map(|d| d.difference), own.map(|d| d.interval.low), own.map(|d| d.interval.high)];
            cells.extend(values.map(told));
            cells.push(told(gain.p(n).map(|(_, p)| *p)));
        }
        cells.extend(contests.iter().map(|by| told(comparison.chosen_by(row, *by))));
        cells.extend((!contests.is_empty()).then(|| json!(row.standing_words())));
        cells.push(told(lift(comparison, row, &main)));
        cells.push(json!(asked[followed[n]]));
        if let Some(claims) = claims {
            let is = if mark > 0 { "better" } else { "worse" };
            cells.push(if mark == 0 { Value::Null } else { json!(format!("{is} than {}", beyond_chance(baseline))) });
            cells.extend(verdict(claims, n));
        }
        cells
    });
    Ok((header, rows.collect()))
}

/// A row more for each model that ran with several seeds: the mean of every metric and of every gain, with its interval where seeds differ, and that
/// of the lift, whose column follows the gains.
fn means(
    comparison: &Comparison,
    (labels, names, width): (&Labels, &[String], usize),
    (gains, first_gain, lifted): (&[Gain], usize, bool),
) -> Result<Vec<Vec<String>>, LabError> {
    let first = labels.header().len();
    // Seeds that change nothing tell nothing of others.
    let interval = |over: &OverSeeds| Some(over.interval).filter(|_| over.deviation > 0.0);
    let mut cells: Vec<(usize, usize, usize, String)> = Vec::new();
    for (column, name) in names.iter().enumerate() {
        let spec = metric(Some(name))?;
        let over = comparison.over_seeds(|n| comparison.rows[n].test.value(spec));
        let told = |over: &OverSeeds| Cell::Estimate(over.mean, interval(over)).to_string();
        cells.extend(over.into_iter().map(|(n, over)| (n, over.n, first + column, told(&over))));
    }
    for (column, gain) in gains.iter().enumerate() {
        let over = comparison.over_seeds(|n| gain.of_row(n).map(|d| d.difference));
        let has = |effects: &[Effect], n: usize| effects.iter().find(|effect| effect.rows.contains(&n)).cloned();
        let told = |n: usize, over: &OverSeeds| {
            // As the verdict has it. Runs of other splits have no row of means.
            if let Some(effect) = has(&gain.over_seeds, n).filter(|effect| effect.splits == 1) {
                let (is, p) = effect.told_p();
                return format!("{} p{is}{p}", signed(effect.difference, effect.interval));
            }
            // What stands beside it has an interval of the same kind.
            if let Some(effect) = has(&gain.means, n) {
                return signed(effect.difference, effect.interval);
            }
            interval(over).map_or_else(|| fixed(over.mean, Some(4), true), |interval| signed(over.mean, interval))
        };
        cells.extend(over.into_iter().map(|(n, over)| (n, over.n, first_gain + column, told(n, &over))));
    }
    if let Some(main) = names.first().filter(|_| lifted) {
        let over = comparison.over_seeds(|n| lift(comparison, &comparison.rows[n], main));
        let column = first_gain + gains.len();
        cells.extend(over.into_iter().map(|(n, over)| (n, over.n, column, told_lift(over.mean))));
    }
    let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
    for (n, seeds, column, told) in cells {
        let at = rows.iter().position(|(of, _)| *of == n).unwrap_or_else(|| {
            let mut row = labels.of_row(&comparison.rows[n], n);
            // Several seeds have a column.
            if let Some(cell) = row.get_mut(labels.seed_at()).filter(|_| labels.seed) {
                *cell = format!("mean of {seeds}");
            }
            row.resize(width, String::new());
            // Where there are recipes, the column before the gains says what each stands for.
            if let Some(words) = comparison.rows[n].standing_words() {
                row[first_gain - 1] = words;
            }
            rows.push((n, row));
            rows.len() - 1
        });
        rows[at].1[column] = told;
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// The metrics to show of the rows: those asked for, or the usual ones at the first cut-off, as the dialect has them.
pub(crate) fn shown(comparison: &Comparison, show: &[String], settings: &Settings) -> Result<Vec<String>, LabError> {
    let mut known: Vec<String> = Vec::new();
    for estimate in comparison.rows.iter().flat_map(|row| &row.summary.metrics) {
        let name = estimate.metric.to_string();
        if !known.contains(&name) {
            known.push(name);
        }
    }
    shown_of(known, show, settings)
}

/// The metrics to show of those that are measured.
pub(crate) fn shown_of(known: Vec<String>, show: &[String], settings: &Settings) -> Result<Vec<String>, LabError> {
    let dialect = settings.evaluation.dialect;
    if !show.is_empty() {
        return spoken_names(show, &known, dialect);
    }
    let k = settings.evaluation.k_values.first().copied().unwrap_or(10);
    let usual = ["ndcg", "hr", "recall", "mrr", "coverage"].into_iter();
    let usual = usual.filter_map(|name| spoken_metric(&format!("{name}@{k}"), dialect).ok());
    let usual: Vec<String> = usual.map(|spec| spec.to_string()).filter(|name| known.contains(name)).collect();
    Ok(if usual.is_empty() { known } else { usual })
}

/// Refuses to test by a metric that nothing is tested by: the first that is shown.
pub(crate) fn may_be_tested(names: &[String]) -> Result<(), LabError> {
    refuse_untestable(metric(names.first())?)
}

/// Which metric rows are told apart by, where nobody chose one and it is not the usual.
pub(crate) fn main_note(names: &[String], settings: &Settings) -> Option<String> {
    let main = names.first()?;
    let k = settings.evaluation.k_values.first().copied().unwrap_or(10);
    let usual = spoken_metric(&format!("ndcg@{k}"), settings.evaluation.dialect).ok()?.to_string();
    (usual != *main)
        .then(|| format!("marks, gains and tests go by {main}, for {usual} was not measured; --show names another"))
}

/// The metrics that are asked for, each once, as the dialect has them; of rows in another dialect also by their own names. Those that are
/// not among the measured are refused.
fn spoken_names(show: &[String], known: &[String], dialect: Dialect) -> Result<Vec<String>, LabError> {
    let mut names: Vec<String> = Vec::new();
    for name in show {
        let spoken = spoken_metric(name, dialect).ok().map(|spec| spec.to_string());
        let measured = spoken.iter().chain([name]).find(|name| known.contains(name));
        let measured = measured.ok_or_else(|| {
            let near = nearest(name, known.iter().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            LabError::NotFound(format!("--show {name} was not measured{hint}; there are: {}", known.join(", ")))
        })?;
        if !names.contains(measured) {
            names.push(measured.clone());
        }
    }
    Ok(names)
}
