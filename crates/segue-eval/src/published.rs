//! Tables of published results: which column is which metric, and what each cell says.

mod label;
mod number;
mod sheet;
mod text;
mod title;

use self::label::{are_changes, is_no_result};
use self::number::{is_missing, number};
use self::sheet::{Column, Sheet, sheet};
use self::text::{Line, is_rule, markdown, separated};
use self::title::{Kind, Metric};
use crate::check::{AtCutoff, Overall, Printed};

/// A table of results, or the columns of it that belong together, with those that are metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedTable {
    /// The line of its header, from 1.
    pub line: usize,
    /// What its columns have in common where others of the same table have not: a domain, or their place.
    pub group: Option<String>,
    /// The columns that were understood, as printed.
    pub metrics: Vec<String>,
    /// Columns of metrics that have no cut-off, and were left out.
    pub uncut: Vec<String>,
    /// Columns of a metric that a column before them has, too, and were left out.
    pub repeated: Vec<String>,
    /// Whether its shares are in percent.
    pub percent: bool,
    /// The share above 1 that alone makes them percent, as printed: nothing in the table says so.
    pub above_one: Option<String>,
    /// Columns of a kind that is in percent which say nothing of it themselves, and have no share above 1: they may be percent as the
    /// others are, or shares beside them.
    pub unmarked: Vec<String>,
    /// The table with those read as shares, where there are any.
    pub otherwise: Option<Box<Self>>,
    /// Rows that are no results but say something about them (an improvement, a spread, a p-value), by name. They were left out.
    pub no_results: Vec<String>,
    /// Its rows.
    pub rows: Vec<PublishedRow>,
}

/// One row of results.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedRow {
    /// Its line, from 1.
    pub line: usize,
    /// The cells that are no numbers of metrics.
    pub name: String,
    /// Its numbers by cut-off.
    pub values: Vec<AtCutoff>,
    /// Those without one.
    pub overall: Overall,
    /// Cells of metrics that are no numbers and do not stand for a missing one, as printed.
    pub unreadable: Vec<String>,
}

impl PublishedRow {
    fn says_something(&self) -> bool {
        !self.values.is_empty() || self.overall != Overall::default() || !self.unreadable.is_empty()
    }
}

/// The tables of a text that have metrics, in Markdown, or the one of a CSV file (commas, semicolons or tabs); one whose columns are of
/// several domains is several. `k` is the cut-off of columns that name none.
pub fn published_tables(text: &str, k: Option<usize>) -> Vec<PublishedTable> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let blocks = if text.lines().any(is_rule) { markdown(text) } else { vec![(None, separated(text))] };
    let mut tables = Vec::new();
    let mut last_second = None;
    for (above, lines) in blocks {
        // A rule under the second line of a header begins no table.
        if lines.first().is_some_and(|(line, _)| Some(*line) == last_second) {
            continue;
        }
        let Some(sheet) = sheet(above, &lines) else { continue };
        last_second = sheet.second;
        tables.extend((0..sheet.groups.len()).map(|group| {
            let mut table = understood(&sheet, group, k, Unmarked::AsOthers);
            if !table.unmarked.is_empty() {
                table.otherwise = Some(Box::new(understood(&sheet, group, k, Unmarked::Shares)));
            }
            table
        }));
    }
    tables
}

/// How columns are read that do not say whether they are percent where others of their kind are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unmarked {
    /// As percent.
    AsOthers,
    /// As shares.
    Shares,
}

/// One group of the columns of a table.
fn understood(sheet: &Sheet, group: usize, k: Option<usize>, as_what: Unmarked) -> PublishedTable {
    let columns = &sheet.columns;
    let cut = |column: &Column| {
        let (name, cutoff) = column.metric?;
        let cutoff = cutoff.or(k);
        match Kind::of(name) {
            Kind::List => Some((name, Some(cutoff?))),
            Kind::Area | Kind::Error => Some((name, None)),
        }
    };
    let of_all: Vec<Option<Metric>> = columns.iter().map(cut).collect();
    let is_own = |n: usize| columns[n].metric.is_some() && columns[n].group == group;
    let mut of_group: Vec<Option<Metric>> = of_all.iter().enumerate().map(|(n, at)| at.filter(|_| is_own(n))).collect();
    let is_repeated: Vec<bool> =
        of_group.iter().enumerate().map(|(n, at)| at.is_some() && of_group[..n].contains(at)).collect();
    of_group.iter_mut().zip(&is_repeated).filter(|(_, repeated)| **repeated).for_each(|(at, _)| *at = None);
    let is_metric = |n: usize| of_group.get(n).copied().flatten();
    let is_any = |n: usize| of_all.get(n).copied().flatten();
    // Nor do a spread or an improvement beside a metric name a row.
    let is_label = |n: usize| {
        columns.get(n).is_none_or(|column| column.metric.is_none() && !(n > 0 && is_no_result(&column.title)))
    };
    let label = |cells: &[String]| {
        let cells = cells.iter().enumerate().filter(|(n, cell)| !cell.is_empty() && is_label(*n));
        cells.map(|(_, cell)| cell.clone()).collect::<Vec<String>>()
    };
    let is_result = |(_, cells): &&Line| {
        let numbers = cells.iter().enumerate().filter(|(n, cell)| is_any(*n).is_some() && number(cell).is_some());
        let numbers: Vec<&str> = numbers.map(|(_, cell)| cell.as_str()).collect();
        !label(cells).iter().any(|cell| is_no_result(cell)) && !are_changes(&numbers)
    };
    let (body, no_results): (Vec<&Line>, Vec<&Line>) = sheet.body.iter().partition(is_result);
    // Of all groups, for one table has one unit. A share is never above 1: one that is makes its kind percent, if nothing says so.
    let in_percent = |kind: Kind| {
        let of_kind = |metric: &Option<Metric>| metric.is_some_and(|(name, _)| Kind::of(name) == kind);
        let of_header = columns.iter().any(|column| of_kind(&column.metric) && column.title.contains('%'));
        let cells = || {
            let cells = body.iter().flat_map(|(_, cells)| cells.iter().enumerate());
            cells
                .filter(|(n, _)| of_kind(&is_any(*n)) && !is_repeated[*n])
                .filter_map(|(_, cell)| Some((cell, number(cell)?)))
        };
        let said = of_header || cells().any(|(_, (_, _, percent))| percent);
        let above_one = cells().find(|(_, (value, _, _))| !said && *value > 1.0).map(|(cell, _)| cell.clone());
        (said || above_one.is_some(), above_one)
    };
    let ((lists, list_above_one), (areas, area_above_one)) = (in_percent(Kind::List), in_percent(Kind::Area));
    // A column that is percent says so, or has what no share is.
    let is_unmarked: Vec<bool> = columns
        .iter()
        .enumerate()
        .map(|(n, Column { title, .. })| {
            let of_percent = is_metric(n).is_some_and(|(name, _)| match Kind::of(name) {
                Kind::List => lists,
                Kind::Area => areas,
                Kind::Error => false,
            });
            let own: Vec<_> = body.iter().filter_map(|(_, cells)| number(cells.get(n)?)).collect();
            let marked = title.contains('%') || own.iter().any(|(value, _, said)| *said || *value > 1.0);
            of_percent && !marked && !own.is_empty()
        })
        .collect();
    // `RMSE (folds)` may hold lists of numbers: what no bound speaks of is not wrong.
    let is_of_numbers =
        |n: usize| body.iter().any(|(_, cells)| cells.get(n).is_some_and(|cell| number(cell).is_some()));
    let rows = body.iter().map(|(line, cells)| {
        let (mut values, mut overall) = (Vec::<AtCutoff>::new(), Overall::default());
        let mut unreadable = Vec::new();
        for (n, cell) in cells.iter().enumerate() {
            let Some((metric, k)) = is_metric(n) else { continue };
            let Some((value, within, said)) = number(cell) else {
                if !is_missing(cell) && (sheet.groups[group].is_none() || is_of_numbers(n)) {
                    unreadable.push(cell.clone());
                }
                continue;
            };
            let percent = match Kind::of(metric) {
                Kind::List => lists,
                Kind::Area => areas,
                Kind::Error => said,
            };
            let percent = percent && (as_what == Unmarked::AsOthers || !is_unmarked[n]);
            let factor = if percent { 0.01 } else { 1.0 };
            let printed = Some(Printed { value: value * factor, within: within * factor });
            let Some(k) = k else {
                match metric {
                    "auc" => overall.auc = printed,
                    "gauc" => overall.gauc = printed,
                    "mse" => overall.mse = printed,
                    "rmse" => overall.rmse = printed,
                    _ => overall.mae = printed,
                }
                continue;
            };
            let place = values.iter().position(|at| at.k == k).unwrap_or_else(|| {
                values.push(AtCutoff { k, ..AtCutoff::default() });
                values.len() - 1
            });
            let at = &mut values[place];
            match metric {
                "hr" => at.hr = printed,
                "precision" => at.precision = printed,
                "recall" => at.recall = printed,
                "f1" => at.f1 = printed,
                "ndcg" => at.ndcg = printed,
                "map" => at.map = printed,
                _ => at.mrr = printed,
            }
        }
        PublishedRow { line: *line, name: label(cells).join(" "), values, overall, unreadable }
    });
    let named = |wanted: &dyn Fn(usize) -> bool| {
        columns.iter().enumerate().filter(|(n, _)| wanted(*n)).map(|(_, column)| column.title.clone()).collect()
    };
    PublishedTable {
        line: sheet.line,
        group: sheet.groups[group].clone(),
        metrics: named(&|n| is_metric(n).is_some()),
        uncut: named(&|n| is_own(n) && is_metric(n).is_none() && !is_repeated[n]),
        repeated: named(&|n| is_repeated[n]),
        percent: lists || areas,
        above_one: list_above_one.or(area_above_one),
        unmarked: named(&|n| is_unmarked[n]),
        otherwise: None,
        no_results: no_results.iter().map(|(_, cells)| label(cells).join(" ")).collect(),
        rows: rows.filter(PublishedRow::says_something).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_above_one_makes_percent_and_is_told() {
        let above_one = |text: &str| {
            let table = &published_tables(text, None)[0];
            (table.percent, table.above_one.clone())
        };
        assert_eq!(above_one("model,HR@10\nA,.85\nB,1.20\n"), (true, Some("1.20".into())));
        assert_eq!(above_one("model,HR@10\nA,.85\nB,1.00\n"), (false, None));
        assert_eq!(above_one("model,HR@10 (%)\nA,.85\nB,1.20\n"), (true, None));
        assert_eq!(above_one("model,HR@10\nA,.85%\nB,1.20\n"), (true, None));
    }

    #[test]
    fn a_column_that_does_not_say_percent_may_be_shares() {
        let of = |text: &str| {
            let table = published_tables(text, None).remove(0);
            let ndcg = |table: &PublishedTable| table.rows[0].values[0].ndcg.unwrap().value;
            (table.unmarked.join(","), ndcg(&table), table.otherwise.as_deref().map(ndcg))
        };
        for header in ["HR@10 (%),NDCG@10\nA,50.3,0.31", "HR@10,NDCG@10\nA,50.3%,0.31", "HR@10,NDCG@10\nA,50.3,0.31"] {
            let (unmarked, percent, shares) = of(&format!("model,{header}\n"));
            assert_eq!((unmarked.as_str(), shares), ("NDCG@10", Some(0.31)), "{header}");
            assert!((percent - 0.0031).abs() < 1e-15, "{header}");
        }
        for header in ["HR@10,NDCG@10\nA,50.3,31", "HR@10 (%),NDCG@10 (%)\nA,.5,.3", "HR@10,NDCG@10\nA,.5,.3"] {
            let (unmarked, _, shares) = of(&format!("model,{header}\n"));
            assert_eq!((unmarked.as_str(), shares), ("", None), "{header}");
        }
    }

    #[test]
    fn what_is_below_zero_or_no_number_is_told() {
        assert_eq!((number("-0.2"), number("\u{2212}.2")), (Some((-0.2, 0.05, false)), Some((-0.2, 0.05, false))));
        let table = &published_tables("model,HR@10,NDCG@10\nA,nan,.2\nB,-0.2,n/a\nC,inf,NaN\n", None)[0];
        let unreadable: Vec<&[String]> = table.rows.iter().map(|row| &row.unreadable[..]).collect();
        assert_eq!(unreadable, [&["nan".to_owned()][..], &[], &["inf".to_owned(), "NaN".to_owned()]]);
        let found = crate::check::check_row(&table.rows[1].values, crate::check::Positives::Many, false);
        assert_eq!(found[0].verdict, crate::check::Verdict::Impossible);
    }

    #[test]
    fn lists_of_numbers_beside_a_metric_are_passed_over() {
        let text = "| data | RMSE (folds) | RMSE |\n|--|--|--|\n| a | .91, .92 | .915 |\n| b | .93, .92 | x |\n";
        let rows: Vec<_> = published_tables(text, None).into_iter().map(|table| table.rows).collect();
        assert_eq!((rows[0].len(), rows[1].len(), &rows[1][1].unreadable[..]), (0, 2, &["x".to_owned()][..]));
    }

    #[test]
    fn no_row_is_lost_to_an_open_quote_and_no_column_to_another() {
        let table = &published_tables("model,HR@10,H@10,NDCG@10\n\"A,.5,.9,.3\n\"B, C\",.6,.9,.4\n", None)[0];
        let rows: Vec<_> = table.rows.iter().map(|row| (row.name.as_str(), row.values[0].hr.unwrap().value)).collect();
        assert_eq!((rows, &table.repeated[..]), (vec![("\"A", 0.5), ("B, C", 0.6)], &["H@10".to_owned()][..]));
    }

    #[test]
    fn what_has_no_cutoff_has_a_scale_of_its_own() {
        let table = &published_tables("model,HR@10,AUC,RMSE,MAE\nA,.7,81.2,1.25,.9\nB,-,-,.91,-\n", None)[0];
        assert_eq!((table.metrics.len(), table.uncut.len(), table.rows.len()), (4, 0, 2));
        let [hr, auc, rmse, mae] = [
            table.rows[0].values[0].hr,
            table.rows[0].overall.auc,
            table.rows[0].overall.rmse,
            table.rows[0].overall.mae,
        ]
        .map(|printed| printed.unwrap().value);
        assert_eq!((hr, rmse, mae), (0.7, 1.25, 0.9));
        assert!((auc - 0.812).abs() < 1e-12);
        assert_eq!((table.rows[1].values.len(), table.rows[1].overall.mae), (0, None));
    }

    #[test]
    fn tables_are_found_in_a_document_and_in_csv() {
        let text = "# Results\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n| Model | HR@10 | **NDCG@10** | MRR |\n|:--|--:|--:|--|\n\
                    | **A** | **0.5** | 0.31 | .2 |\n| B \\| C | 0.4 | - | .1 |\n\ntext | more\n";
        let tables = published_tables(text, None);
        assert_eq!(tables.len(), 1);
        let table = &tables[0];
        assert_eq!((table.line, table.percent, table.rows.len()), (7, false, 2));
        assert_eq!(
            (&table.metrics[..], &table.uncut[..]),
            (&["HR@10".to_owned(), "NDCG@10".into()][..], &["MRR".to_owned()][..])
        );
        assert_eq!((table.rows[0].line, table.rows[0].name.as_str(), table.rows[1].name.as_str()), (9, "A", "B | C"));
        assert_eq!(table.rows[1].values[0].ndcg, None);
        let csv = "data;model;Recall@20;ndcg@20\nml;\"A; B\";31.2;20.1\n";
        let table = &published_tables(csv, None)[0];
        assert_eq!((table.percent, table.rows[0].name.as_str()), (true, "ml A; B"));
        let recall = table.rows[0].values[0].recall.unwrap();
        assert!((recall.value - 0.312).abs() < 1e-12 && (recall.within - 0.0005).abs() < 1e-12);
        assert_eq!(published_tables("model,MAP\nA,.3\n", Some(10))[0].rows[0].values[0].k, 10);
        assert_eq!(published_tables("", None), []);
        assert_eq!(published_tables("a,b\n1,2\n", None), []);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[ -~\n|@]{0,200}", header in "((HR@10|P@5|MSE|x|Film HR_10|@5|)(,|\\|)(NDCG@10|MAP@5|AUC|RMSE|--)[\n,]){1,3}") {
            for text in [text.clone(), format!("{header}\n{text}"), format!("|{header}|\n|--|--|\n{text}")] {
                for table in published_tables(&text, Some(3)) {
                    for row in &table.rows {
                        crate::check::check_row(&row.values, crate::check::Positives::One, table.percent);
                        crate::check::check_row(&row.values, crate::check::Positives::Many, table.percent);
                        crate::check::check_overall(&row.overall, table.percent);
                    }
                }
            }
        }
    }
}
