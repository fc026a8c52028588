//! A comparison as tables of words.

use segue_eval::{Cell, Interval, MetricSpec, PerUser, holm};
use segue_lab::{ALPHA, Comparison, LabError, POWER, Row, Scope, Settings};

/// The model whose row is always there.
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
    let mut tested = Vec::new();
    for base in bases(comparison, baseline) {
        tested.extend(comparison.against(base, metric, baseline.resamples)?);
    }
    let corrected = holm(&tested.iter().map(|t| t.paired.p_randomisation).collect::<Vec<_>>());
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
    let rows = tested.iter().zip(corrected).map(|(t, corrected)| {
        let paired = &t.paired;
        let mut row = labels.of_row(&comparison.rows[t.row], t.row);
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

/// The baseline's row of each question.
fn bases(comparison: &Comparison, baseline: &Baseline<'_>) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for row in &comparison.rows {
        found.extend(comparison.same_question(row, baseline.model).filter(|base| !found.contains(base)));
    }
    found
}

/// Whether some model ran with several seeds; popularity has none.
pub(crate) fn several_seeds(comparison: &Comparison) -> bool {
    let seeds = || comparison.rows.iter().map(|row| row.seed);
    seeds().min() != seeds().max()
}

/// What tells rows apart: columns that say the same of all of them are left out.
pub(crate) struct Labels {
    data: bool,
    question: bool,
    seed: bool,
    /// Which protocol each row follows, where there are several.
    protocol: Option<Vec<usize>>,
}

impl Labels {
    pub(crate) fn of(comparison: &Comparison) -> Self {
        let differ = |of: &dyn Fn(&Row) -> &str| comparison.rows.windows(2).any(|two| of(&two[0]) != of(&two[1]));
        let (protocols, followed) = comparison.protocols();
        Self {
            data: differ(&|row| &row.data),
            question: differ(&|row| &row.question),
            seed: several_seeds(comparison),
            protocol: (protocols.len() > 1).then_some(followed),
        }
    }

    fn header(&self) -> Vec<String> {
        let optional = [(self.data, "data"), (self.question, "question"), (self.seed, "seed")];
        let optional = optional.into_iter().filter(|(shown, _)| *shown).map(|(_, name)| name);
        let protocol = self.protocol.as_ref().map(|_| "protocol");
        ["model", "scope"].into_iter().chain(optional).chain(protocol).map(String::from).collect()
    }

    fn of_row(&self, row: &Row, n: usize) -> Vec<String> {
        let mut label = vec![row.model.clone(), row.scope.to_string()];
        label.extend(self.data.then(|| row.data.clone()));
        label.extend(self.question.then(|| row.question.clone()));
        label.extend(self.seed.then(|| row.seed.to_string()));
        label.extend(self.protocol.as_ref().map(|followed| (followed[n] + 1).to_string()));
        label
    }

    /// The label of a picture; its question is its title's.
    pub(crate) fn words(&self, row: &Row, n: usize) -> String {
        let seed = self.seed.then(|| format!("seed {}", row.seed));
        let data = self.data.then(|| row.data.clone());
        let protocol = self.protocol.as_ref().filter(|_| !self.question).map(|of| format!("protocol {}", of[n] + 1));
        let words = [row.model.clone(), row.scope.to_string()].into_iter().chain(data).chain(seed).chain(protocol);
        words.collect::<Vec<_>>().join(" ")
    }

    /// Where the seed stands.
    fn seed_at(&self) -> usize {
        2 + usize::from(self.data) + usize::from(self.question)
    }
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
    for base in bases(comparison, baseline) {
        let measured = comparison.rows[base].test.metrics.iter().find(|measured| measured.spec == metric);
        if !measured.is_some_and(|measured| matches!(measured.per_user, PerUser::Mean(_))) {
            continue;
        }
        let tested = comparison.against(base, metric, baseline.resamples)?;
        let corrected = holm(&tested.iter().map(|t| t.paired.p_randomisation).collect::<Vec<_>>());
        for (tested, p) in tested.iter().zip(corrected).filter(|(tested, p)| *p < ALPHA && tested.paired.mean != 0.0) {
            let better = (tested.paired.mean > 0.0) == metric.metric.more_is_better();
            marks[tested.row] = MARKS[usize::from(!better)];
            debug_assert!(p < ALPHA);
        }
    }
    Ok(marks)
}

/// What the marks of a table mean, if it has any.
pub(crate) fn marks_note(rows: &[Vec<String>], baseline: &Baseline<'_>) -> Option<String> {
    let marked = rows.iter().flatten().any(|cell| MARKS.iter().any(|mark| cell.ends_with(mark)));
    marked.then(|| {
        format!(
            "▲ ▼ better, worse than {} user by user: p < {ALPHA} by the randomisation test, corrected by Holm",
            baseline.model
        )
    })
}

fn signed(difference: f64, interval: Interval) -> String {
    format!("{difference:+.4} [{:+.4}, {:+.4}]", interval.low, interval.high)
}

/// A row per model: its metrics with intervals, what learning from the other domains adds, and the training time.
pub(crate) fn table(
    comparison: &Comparison,
    baseline: &Baseline<'_>,
    names: &[String],
) -> Result<(Vec<String>, Vec<Vec<String>>), LabError> {
    let mut gains = Vec::new();
    for (control, title) in [(Scope::Target, "target alone"), (Scope::Shuffled, "shuffled links")] {
        let gain = comparison.gains(control, baseline.resamples)?;
        if !gain.is_empty() {
            gains.push((title, gain));
        }
    }
    let labels = Labels::of(comparison);
    let mut header = labels.header();
    header.extend(names.iter().cloned());
    let main = names.first().cloned().unwrap_or_default();
    header.extend(gains.iter().map(|(title, _)| format!("gain over {title}, {main}")));
    let popular = |row: &Row| comparison.rows[comparison.same_question(row, POPULARITY)?].value(&main);
    let lifted = comparison.rows.iter().any(|row| popular(row).is_some());
    header.extend(lifted.then(|| format!("lift over {POPULARITY}, {main}")));
    let marks = marks(comparison, baseline, names.first())?;
    header.push("seconds".into());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (n, c) in comparison.rows.iter().enumerate() {
        let mut row = labels.of_row(c, n);
        for (at, name) in names.iter().enumerate() {
            let mark = if at == 0 { marks[n] } else { "" };
            let estimate = c.summary.metrics.iter().find(|e| e.metric.to_string() == *name);
            row.push(estimate.map(|e| Cell::Estimate(e.value, e.interval).to_string() + mark).unwrap_or_default());
        }
        for (_, gain) in &gains {
            let own = gain.iter().find(|(row, _)| *row == n).map(|(_, differences)| differences);
            let difference = own.and_then(|all| all.iter().find(|d| d.spec.to_string() == main));
            row.push(
                difference.map_or(String::new(), |d| format!("{} p={:.3}", signed(d.difference, d.interval), d.p)),
            );
        }
        if lifted {
            let lift = c.value(&main).zip(popular(c).filter(|popular| *popular > 0.0));
            let lift = lift.map(|(value, popular)| 100.0 * (value / popular - 1.0));
            row.push(lift.map_or("-".into(), |lift| format!("{lift:+.0} %")));
        }
        row.push(format!("{:.2}", c.seconds));
        rows.push(row);
    }
    rows.extend(means(comparison, (&labels, names), header.len())?);
    Ok((header, rows))
}

/// A row more for each model that ran with several seeds.
fn means(
    comparison: &Comparison,
    (labels, names): (&Labels, &[String]),
    width: usize,
) -> Result<Vec<Vec<String>>, LabError> {
    let first = labels.header().len();
    let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
    for (column, name) in names.iter().enumerate() {
        for (n, over) in comparison.over_seeds(metric(Some(name))?) {
            let at = rows.iter().position(|(of, _)| *of == n).unwrap_or_else(|| {
                let mut row = labels.of_row(&comparison.rows[n], n);
                row[labels.seed_at()] = format!("mean of {}", over.n);
                row.resize(width, String::new());
                rows.push((n, row));
                rows.len() - 1
            });
            rows[at].1[first + column] = Cell::Estimate(over.mean, Some(over.interval)).to_string();
        }
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// The metrics to show: those asked for, or the usual ones at the first cut-off.
pub(crate) fn shown(comparison: &Comparison, show: &[String], settings: &Settings) -> Result<Vec<String>, LabError> {
    let Some(first) = comparison.rows.first() else { return Ok(Vec::new()) };
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
