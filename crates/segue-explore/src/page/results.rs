//! What models came to, as one page: numbers in by value, so that whoever has results can draw them.

mod figures;
mod tables;

use std::cmp::Ordering;
use std::fmt::Write as _;

use self::figures::{costs, coverage, curves, metrics, parts};
use self::tables::{everything, genres, retrieved};
use super::assemble::Shell;
use super::text::{clipped, escape};
use crate::numbers::{number, thousands};

/// How every page of results begins: a file that does not is none of ours.
pub const MARK: &str = "<!doctype html>\n<!-- written by segue compare -->\n";

/// Notes that are seen at once; warnings may be as many more.
const NOTES: usize = 8;

/// Curves in one picture at most: beyond, colours repeat.
const CURVES: usize = 8;

/// Results of models on one or more questions.
#[derive(Debug, Clone, Default)]
pub struct Results {
    /// Name of the data.
    pub name: String,
    /// The metric that counts most, e.g. `ndcg@10`.
    pub metric: String,
    /// Which of two values of it is better.
    pub better: Better,
    /// What must be read with the numbers: protocols, verdicts, warnings.
    pub notes: Vec<String>,
    /// The table as it is printed: its header and its rows.
    pub table: (Vec<String>, Vec<Vec<String>>),
    /// The rows.
    pub rows: Vec<Row>,
}

/// One model on one question.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// What the row is called, e.g. `ease joint`.
    pub label: String,
    /// The same without its seed: rows of one such name on one question are runs of a recipe, and what is said of the best is said of
    /// their mean. Empty where the row stands for itself.
    pub recipe: String,
    /// Name of the model, which gives the colour.
    pub model: String,
    /// What it is asked.
    pub question: String,
    /// What it stands for among the recipes of its model, apart in their settings alone.
    pub standing: Standing,
    /// The metrics to draw, the one that counts most first.
    pub metrics: Vec<Measure>,
    /// Epoch and validation metric of the training log.
    pub curve: Vec<(usize, f64)>,
    /// Share of the catalogue that is recommended to anybody, with the name of that metric.
    pub coverage: Option<(String, f64)>,
    /// Training time, seconds.
    pub seconds: f64,
    /// Bytes that training held at its peak beyond what was held before.
    pub memory: Option<u64>,
    /// The main metric by the user's known events, rising.
    pub by_activity: Vec<Part>,
    /// The main metric by the item's training users, rising.
    pub by_popularity: Vec<Part>,
    /// The main metric by genre.
    pub by_genre: Vec<Part>,
    /// Over the users whose positive a retrieval of 200 would have found: each metric drawn.
    pub retrieved: Option<(usize, Vec<(String, f64)>)>,
}

/// What a row stands for among several recipes of its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// There is no other.
    #[default]
    Alone,
    /// Validation chose it among so many: it stands for the model.
    Chosen(usize),
    /// Validation chose another: it is drawn, and never called the best.
    Other,
    /// Validation chooses none of so many: to be the best of them is to be chosen on test.
    Open(usize),
}

/// Which of two values is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Better {
    /// The higher, as of NDCG.
    #[default]
    Higher,
    /// The lower, as of errors.
    Lower,
}

impl Better {
    /// The word for the best value.
    fn best(self) -> &'static str {
        match self {
            Self::Higher => "highest",
            Self::Lower => "lowest",
        }
    }

    /// A value that no other is worse than.
    fn worst(self) -> f64 {
        match self {
            Self::Higher => f64::NEG_INFINITY,
            Self::Lower => f64::INFINITY,
        }
    }

    /// The better is the greater.
    fn order(self, a: f64, b: f64) -> Ordering {
        match self {
            Self::Higher => a.total_cmp(&b),
            Self::Lower => b.total_cmp(&a),
        }
    }
}

/// A metric with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Name with cut-off.
    pub name: String,
    /// Which of two values is better.
    pub better: Better,
    /// Value.
    pub value: f64,
    /// Ends of its interval.
    pub interval: Option<(f64, f64)>,
}

/// The main metric on a part of a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which part.
    pub name: String,
    /// Users asked.
    pub n_users: usize,
    /// Value.
    pub value: f64,
}

/// Draws everything. The same results give the same bytes.
pub fn results_page(all: &Results) -> String {
    let series = Series::of(all);
    let sections = [
        metrics(all, &series),
        curves(all, &series),
        parts(all, &series),
        genres(all),
        retrieved(all),
        coverage(all, &series),
        costs(all, &series),
        everything(all),
    ];
    Shell {
        mark: MARK,
        title: format!("{}: models compared", all.name),
        header: header(all),
        // Where rows are more than colours each picture has a key of its own.
        key: ("Rows", if series.by_model { &[] } else { &series.names }),
        first: findings(all),
        sections: &sections,
        footer: "Written by <code>segue compare</code>. Intervals are of the users asked; a number counts with its protocol alone.",
    }
    .html()
}

/// What has a colour of its own: each row, or where they are more than there are colours, each model.
struct Series {
    names: Vec<String>,
    by_model: bool,
}

impl Series {
    fn of(all: &Results) -> Self {
        let distinct = |name: &dyn Fn(&Row) -> &String| {
            let mut names: Vec<String> = Vec::new();
            for row in &all.rows {
                if !names.contains(name(row)) {
                    names.push(name(row).clone());
                }
            }
            names
        };
        let labels = distinct(&|row| &row.label);
        let by_model = labels.len() > CURVES;
        Self { names: if by_model { distinct(&|row| &row.model) } else { labels }, by_model }
    }

    fn name<'r>(&self, row: &'r Row) -> &'r str {
        if self.by_model { &row.model } else { &row.label }
    }

    fn place(&self, row: &Row) -> usize {
        let name = self.name(row);
        // Of more than there are colours at most so many are drawn at once: two of one colour are named together.
        self.names.iter().position(|known| known == name).unwrap_or_default() % CURVES
    }
}

impl Series {
    /// The colour of a row's curve in a picture of these rows, of which no two have the same.
    fn within(&self, row: &Row, rows: &[&Row]) -> usize {
        let own = rows.iter().position(|drawn| drawn.label == row.label).unwrap_or_default();
        if self.by_model { own } else { self.place(row) }
    }
}

/// The questions in order, each with its rows.
fn questions(all: &Results) -> Vec<(&str, Vec<&Row>)> {
    let mut found: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in &all.rows {
        match found.iter_mut().find(|(question, _)| *question == row.question) {
            Some((_, rows)) => rows.push(row),
            None => found.push((&row.question, vec![row])),
        }
    }
    found
}

/// ` of films`, where there is more than one question.
fn of_question(question: &str, n: usize) -> String {
    if n > 1 { format!(" of {question}") } else { String::new() }
}

/// A row may lack the metric that counts most, as one that only orders items lacks errors.
fn main_value(all: &Results, row: &Row) -> Option<f64> {
    row.metrics.iter().find(|measure| measure.name == all.metric).map(|measure| measure.value)
}

/// Runs of one recipe on one question, with the mean of a value over those that have it.
struct Recipe<'a> {
    first: &'a Row,
    n_runs: usize,
    mean: f64,
}

impl Recipe<'_> {
    fn name(&self) -> &str {
        if self.n_runs > 1 { &self.first.recipe } else { &self.first.label }
    }

    /// `, mean of 3 seeds`, where there are several.
    fn of_seeds(&self) -> String {
        if self.n_runs > 1 { format!(", mean of {} seeds", self.n_runs) } else { String::new() }
    }
}

/// The recipe with the best mean over its runs: the best run would be chosen by its seed, on test. Those that validation did not choose
/// are not among them.
fn best_recipe<'a>(rows: &[&'a Row], better: Better, value: impl Fn(&Row) -> Option<f64>) -> Option<Recipe<'a>> {
    let mut recipes: Vec<(&Row, Vec<(&str, f64)>)> = Vec::new();
    for &row in rows.iter().filter(|row| row.standing != Standing::Other) {
        let Some(value) = value(row) else { continue };
        let repeats =
            |first: &Row| !row.recipe.is_empty() && (&first.recipe, &first.question) == (&row.recipe, &row.question);
        match recipes.iter_mut().find(|(first, _)| repeats(first)) {
            // A run beside itself is one run.
            Some((_, runs)) if runs.iter().any(|(label, _)| *label == row.label) => {}
            Some((_, runs)) => runs.push((&row.label, value)),
            None => recipes.push((row, vec![(&row.label, value)])),
        }
    }
    let mean = |(first, runs): (&'a Row, Vec<(&str, f64)>)| {
        let mean = runs.iter().map(|(_, value)| value).sum::<f64>() / runs.len() as f64;
        Recipe { first, n_runs: runs.len(), mean }
    };
    recipes.into_iter().map(mean).max_by(|a, b| better.order(a.mean, b.mean))
}

fn decimals(x: f64) -> String {
    format!("{x:.4}")
}

fn header(all: &Results) -> String {
    let (name, metric) = (escape(&all.name), escape(&all.metric));
    let mut out = format!(
        "<header><p class=\"kicker\">Models compared</p><h1>{name}</h1><p class=\"sub\">by {metric}</p><dl class=\"tiles\">"
    );
    let rows: Vec<&Row> = all.rows.iter().collect();
    let best = best_recipe(&rows, all.better, |row| main_value(all, row));
    let slowest = all.rows.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let mut tile = |what: &str, number: &str, more: &str| {
        let (number, more) = (escape(number), escape(more));
        let _ = write!(out, "<div><dt>{what}</dt><dd><b>{number}</b><span>{more}</span></dd></div>");
    };
    let mut models: Vec<&str> = all.rows.iter().map(|row| row.model.as_str()).collect();
    models.sort_unstable();
    models.dedup();
    let n_models = models.len();
    tile("models", &thousands(n_models), &format!("{} rows", thousands(all.rows.len())));
    if let Some(best) = best {
        let question = &best.first.question;
        let of = if questions(all).len() > 1 { format!(" of {question}") } else { String::new() };
        let chosen = match best.first.standing {
            Standing::Open(_) => ", chosen on test",
            Standing::Chosen(_) => ", chosen on validation",
            Standing::Alone | Standing::Other => "",
        };
        let what = format!("{}{chosen}{}", all.better.best(), best.of_seeds());
        tile(&what, &decimals(best.mean), &clipped(&format!("{}{of}", best.name()), 40));
    }
    if let Some(slowest) = slowest {
        tile("longest training", &seconds(slowest.seconds), &clipped(&slowest.label, 28));
    }
    if let Some(most) = all.rows.iter().filter_map(|row| row.memory).max() {
        tile("most memory", &mebibytes(most), "at the peak of training, beyond the data");
    }
    out.push_str("</dl></header>");
    out
}

fn seconds(s: f64) -> String {
    if s < 60.0 { format!("{} s", number(s, 2)) } else { format!("{} min", number(s / 60.0, 1)) }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", number(bytes as f64 / f64::from(1 << 20), 0))
}

/// What must be read first. A warning is what says that a claim does not hold.
fn findings(all: &Results) -> String {
    let mut out = String::from(
        "<section id=\"findings\" aria-labelledby=\"findings-title\"><h2 id=\"findings-title\">Read this with the numbers</h2>\
         <ul class=\"findings\">",
    );
    let warns =
        |note: &String| ["NEGATIVE", "no evidence", "several recipes"].iter().any(|word| note.starts_with(word));
    // The first are the protocols; however many others there are, a warning is seen.
    let (mut shown, mut folded) = (Vec::new(), Vec::new());
    for note in &all.notes {
        let many = shown.len() >= NOTES && !(warns(note) && shown.len() < 2 * NOTES);
        if many { folded.push(note) } else { shown.push(note) }
    }
    let item = |note: &&String| {
        let (class, word) = if warns(note) { (" class=\"warning\"", "Warning") } else { ("", "Note") };
        format!("<li{class}><b>{word}</b><span>{}</span></li>", escape(note))
    };
    out.extend(shown.iter().map(item));
    out.push_str("</ul>");
    if !folded.is_empty() {
        let items: String = folded.iter().map(item).collect();
        let n = folded.len();
        let _ = write!(out, "<details><summary>and {n} more</summary><ul class=\"findings\">{items}</ul></details>");
    }
    out.push_str("</section>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str, question: &str, value: f64) -> Row {
        let part = |name: &str| Part { name: name.into(), n_users: 3, value };
        Row {
            label: format!("{model} joint"),
            recipe: String::new(),
            model: model.into(),
            question: question.into(),
            standing: Standing::Alone,
            metrics: vec![Measure {
                name: "ndcg@10".into(),
                better: Better::Higher,
                value,
                interval: Some((value / 2.0, value * 1.5)),
            }],
            curve: vec![(1, value / 2.0), (2, value)],
            coverage: Some(("coverage@10".into(), 0.5)),
            seconds: 2.0,
            memory: Some(64 << 20),
            by_activity: vec![part("0 to 3"), part("4 to 9")],
            by_popularity: vec![part("1 to 2")],
            by_genre: vec![part("<b>Drama</b>")],
            retrieved: Some((3, vec![("ndcg@10".into(), value)])),
        }
    }

    fn results(rows: Vec<Row>) -> Results {
        let table = (vec!["model".into()], rows.iter().map(|row| vec![row.label.clone()]).collect());
        let notes = vec!["NEGATIVE TRANSFER: <ease>".into(), "split: by hand".into()];
        let (name, metric) = ("three <people>".into(), "ndcg@10".into());
        Results { name, metric, better: Better::Higher, notes, table, rows }
    }

    #[track_caller]
    fn check(html: &str) {
        assert!(html.starts_with(MARK) && !html.contains("NaN") && !html.contains("inf\""));
        assert!(!html.contains("<b>Drama") && !html.contains("<ease>") && !html.contains("<people>"));
        for section in html.split("<section ").skip(1) {
            let told = section.contains("<svg") || section.contains("<table") || section.contains("Has none");
            assert!(told || section.starts_with("id=\"findings\""), "{section}");
        }
        let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len());
    }

    #[test]
    fn fifty_rows_are_folded() {
        let rows: Vec<Row> = (0..50).map(|n| row(&format!("model{n}"), "films", 0.1 + f64::from(n) / 1000.0)).collect();
        let mut all = results(rows);
        all.notes = (0..40).map(|n| format!("note {n}")).collect();
        all.notes.push("no evidence of transfer: <ease>".into());
        let html = results_page(&all);
        check(&html);
        let findings = html.split("<section id=\"findings\"").nth(1).unwrap().split("</section>").next().unwrap();
        let (shown, folded) = findings.split_once("<details>").unwrap();
        assert!(folded.starts_with("<summary>and 32 more</summary>"), "{folded}");
        assert_eq!((shown.matches("<li").count(), folded.matches("<li").count()), (9, 32));
        assert!(shown.contains("no evidence of transfer") && folded.contains("note 39"));
        for section in ["genres", "retrieved", "table"] {
            let section = html.split(&format!("<section id=\"{section}\"")).nth(1).unwrap();
            let section = section.split("</section>").next().unwrap();
            assert!(section.contains("<details><summary>All ") && section.contains("<table>"), "{section}");
        }
        for section in ["curves", "parts"] {
            let section = html.split(&format!("<section id=\"{section}\"")).nth(1).unwrap();
            assert!(
                section.contains("The 8 best of 50 rows by ndcg@10.") && section.contains("model49 joint"),
                "{section}"
            );
        }
        let few = results_page(&results(vec![row("ease", "films", 0.2)]));
        assert!(!few.contains("<summary>All ") && !few.contains(" more</summary>"));
    }

    #[test]
    fn the_best_of_several_recipes_is_called_chosen_on_test() {
        let rows = |standings: [Standing; 2]| {
            let of = |label: &str, value: f64, standing: Standing| Row {
                label: label.into(),
                standing,
                ..row("ease", "films", value)
            };
            let [first, second] = standings;
            vec![
                of("ease joint l2=10", 0.1, first),
                of("ease joint l2=300", 0.2, second),
                row("popularity", "films", 0.05),
            ]
        };
        let mut all = results(rows([Standing::Open(2); 2]));
        all.notes.push("several recipes of ease are shown on the test part".into());
        let html = results_page(&all);
        check(&html);
        assert!(html.contains("<dt>highest, chosen on test</dt><dd><b>0.2000</b><span>ease joint l2=300<"), "{html}");
        assert!(html.contains("Highest: ease joint l2=300, 0.2000, the best of 2 recipes of ease on test."), "{html}");
        assert!(html.contains("<li class=\"warning\"><b>Warning</b><span>several recipes of ease"), "{html}");
        assert!(!results_page(&results(rows([Standing::Alone; 2]))).contains("chosen on test"));
        // Another may be the best.
        let mut others = rows([Standing::Open(2); 2]);
        others[2] = row("mf", "films", 0.4);
        assert!(!results_page(&results(others)).contains("chosen on test"));
        // What validation chose stands for the model, whatever is better on test.
        let html = results_page(&results(rows([Standing::Chosen(2), Standing::Other])));
        check(&html);
        let tile = "<dt>highest, chosen on validation</dt><dd><b>0.1000</b><span>ease joint l2=10<";
        assert!(html.contains(tile) && !html.contains("chosen on test"), "{html}");
        let said = "Highest: ease joint l2=10, 0.1000, which validation chose among 2 recipes of ease.";
        assert!(html.contains(said) && html.contains("ease joint l2=300"), "{html}");
    }

    #[test]
    fn the_best_is_a_recipe_and_not_its_luckiest_seed() {
        let seed = |factors: u32, seed: u32, value: f64, standing: Standing| Row {
            label: format!("mf joint factors={factors} seed {seed}"),
            recipe: format!("mf joint factors={factors}"),
            standing,
            ..row("mf", "films", value)
        };
        let chosen = Standing::Chosen(2);
        let mut rows = vec![seed(64, 1, 0.1, chosen), seed(64, 2, 0.3, chosen), seed(4, 1, 0.9, Standing::Other)];
        // Better than the mean, and worse than the best seed.
        let other = Row { recipe: "ease joint".into(), ..row("ease", "films", 0.15) };
        rows.push(other.clone());
        let html = results_page(&results(rows.clone()));
        check(&html);
        let tile = "<dt>highest, chosen on validation, mean of 2 seeds</dt><dd><b>0.2000</b><span>mf joint factors=64<";
        assert!(html.contains(tile), "{html}");
        let says =
            "Highest: mf joint factors=64, 0.2000, mean of 2 seeds, which validation chose among 2 recipes of mf.";
        assert!(html.contains(says), "{html}");
        rows[3] = row("ease", "films", 0.25);
        assert!(results_page(&results(rows)).contains("<dt>highest</dt><dd><b>0.2500</b><span>ease joint<"));
        // One recipe of several seeds is no other case; the same run twice is one.
        let alone = [0.1, 0.3, 0.5].into_iter().zip(1..).map(|(value, n)| seed(64, n, value, Standing::Alone));
        let mut alone: Vec<Row> = alone.collect();
        alone.push(alone[2].clone());
        let html = results_page(&results(alone));
        let tile = "<dt>highest, mean of 3 seeds</dt><dd><b>0.3000</b><span>mf joint factors=64<";
        assert!(
            html.contains(tile) && html.contains("Highest: mf joint factors=64, 0.3000, mean of 3 seeds."),
            "{html}"
        );
    }

    #[test]
    fn rows_of_one_model_are_told_apart() {
        let scopes = ["joint", "target", "shuffled"];
        let rows = (0..9).map(|n| {
            let model = format!("model{}", n / 3);
            Row { label: format!("{model} {}", scopes[n % 3]), ..row(&model, "films", 0.9 - n as f64 / 20.0) }
        });
        let html = results_page(&results(rows.collect()));
        check(&html);
        for section in ["curves", "parts"] {
            let section = html.split(&format!("<section id=\"{section}\"")).nth(1).unwrap();
            let figure = section.split("<ul class=\"key\">").nth(1).unwrap().split("</figure>").next().unwrap();
            let (key, picture) = figure.split_once("</ul>").unwrap();
            assert_eq!(key.matches("<li").count(), 8, "{key}");
            for colour in 0..8 {
                let class = format!("class=\"line d{colour}\"");
                assert_eq!(key.matches(&class).count(), 1, "{key}");
                let picture = picture.split("</svg>").next().unwrap();
                assert_eq!(picture.matches(&class).count(), 1, "{picture}");
            }
        }
    }

    #[test]
    fn the_least_error_is_the_best() {
        let of_error = |mut row: Row| {
            row.metrics[0] = Measure { name: "rmse".into(), better: Better::Lower, ..row.metrics[0].clone() };
            row
        };
        let mut rows: Vec<Row> =
            (0..9).map(|n| of_error(row(&format!("model{n}"), "films", 0.1 * f64::from(n + 1)))).collect();
        rows[0].curve = vec![(1, 0.5), (2, 0.1), (3, 0.3)];
        // What only orders items has no error, and is best by none.
        rows.push(Row { metrics: Vec::new(), curve: Vec::new(), ..row("popularity", "films", 0.01) });
        let all = Results { metric: "rmse".into(), better: Better::Lower, ..results(rows) };
        let html = results_page(&all);
        check(&html);
        assert!(html.contains("<dt>lowest</dt><dd><b>0.1000</b><span>model0 joint"), "{html}");
        assert!(html.contains("Lowest: model0 joint, 0.1000."), "{html}");
        let curves = html.split("<section id=\"curves\"").nth(1).unwrap().split("</section>").next().unwrap();
        assert!(curves.contains("The 8 best of 9 rows by rmse.") && !curves.contains("model8 joint"), "{curves}");
        assert!(curves.contains("still falls") && curves.contains("lowest point"), "{curves}");
        let first = curves.split("model0 joint</").last().unwrap().split("</tr>").next().unwrap();
        assert!(first.contains("0.1000") && first.ends_with(">2</td>"), "{first}");
        assert!(html.contains("Down is better by rmse, ") && !html.contains("ighest"), "{html}");
    }

    #[test]
    fn every_section_is_there_whatever_the_rows_lack() {
        let full = results_page(&results(vec![row("ease", "films", 0.2), row("<mf>", "films", 0.1)]));
        check(&full);
        assert_eq!(full.matches("<section ").count(), 9);
        assert!(full.contains("Read this") && full.contains("warning"));
        check(&results_page(&results(vec![row("ease", "films", 0.2), row("ease", "cold", 0.1)])));
        let bare = Row { label: "ease".into(), model: "ease".into(), ..Row::default() };
        check(&results_page(&results(vec![bare])));
        check(&results_page(&results(Vec::new())));
        // A value of nothing at all, and the same everywhere.
        check(&results_page(&results(vec![row("ease", "films", 0.0)])));
    }
}
