//! The columns of a table: which is which metric, and which of them belong together, as those of one domain do.

use super::label::is_no_result;
use super::number::{is_missing, number};
use super::text::Line;
use super::title::{Kind, Metric, Title, cutoff_of, title_of};

/// A table as its header says.
#[derive(Debug)]
pub(super) struct Sheet {
    /// The line of its header, from 1.
    pub line: usize,
    pub columns: Vec<Column>,
    /// What the columns of each group have in common; one group without a name is the whole table.
    pub groups: Vec<Option<String>>,
    /// Its rows, each with a cell for each column.
    pub body: Vec<Line>,
    /// The line of a second header, from 1.
    pub second: Option<usize>,
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    /// As printed.
    pub title: String,
    pub metric: Option<Metric>,
    /// The place of its group, if it is a metric.
    pub group: usize,
}

/// A table whose header, of one line or two, names metrics, or whose first cells of rows do.
pub(super) fn sheet(above: Option<Line>, lines: &[Line]) -> Option<Sheet> {
    let both = above.map(|above| [&[above][..], lines].concat());
    both.and_then(|lines| of_two_lines(&lines))
        .or_else(|| of_two_lines(lines))
        .or_else(|| of_one_line(lines))
        .or_else(|| of_rows(lines))
}

fn of_one_line(lines: &[Line]) -> Option<Sheet> {
    let ((line, header), body) = lines.split_first()?;
    let titles: Vec<_> = header.iter().map(|cell| (cell.clone(), title_of(cell))).collect();
    let (columns, groups) = grouped(titles, &|from, to| format!("columns {} to {}", from + 1, to + 1))?;
    Some(Sheet { line: *line, columns, groups, body: body.to_vec(), second: None })
}

/// A header of domains over one of metrics, or of metrics over one of domains or cut-offs. An empty cell is what is left of it.
fn of_two_lines(lines: &[Line]) -> Option<Sheet> {
    let [(line, top), (second, bottom), body @ ..] = lines else { return None };
    if top.iter().chain(bottom).any(|cell| number(cell).is_some()) {
        return None;
    }
    let filled: Vec<&str> = (0..bottom.len())
        .map(|n| top.iter().take(n + 1).rev().find(|cell| !cell.is_empty()).map_or("", String::as_str))
        .collect();
    let titled: Vec<String> =
        filled.iter().zip(bottom).map(|(top, bottom)| format!("{top} {bottom}").trim().to_owned()).collect();
    let is_below = top.iter().all(|cell| title_of(cell).is_none());
    if is_below && bottom.iter().filter(|cell| title_of(cell).is_some()).count() < 2 {
        return None;
    }
    let titles: Vec<Option<Title>> = filled
        .iter()
        .zip(bottom)
        .map(|(top, bottom)| if is_below { within(title_of(bottom)?, top) } else { within(title_of(top)?, bottom) })
        .collect();
    let name = |from: usize, to: usize| format!("columns {} to {}", from + 1, to + 1);
    let told = |titles: Vec<Option<Title>>| grouped(titled.iter().cloned().zip(titles).collect(), &name);
    let (columns, groups) = if is_below {
        let (columns, groups) = told(titles)?;
        // A name in the middle of its columns stands over others than its own: then the groups have not the same metrics.
        let metrics = |group: usize| -> Vec<Option<Metric>> {
            columns.iter().filter(|column| column.metric.is_some() && column.group == group).map(|c| c.metric).collect()
        };
        if (1..groups.len()).all(|group| metrics(group) == metrics(0)) {
            (columns, groups)
        } else {
            told(bottom.iter().map(|cell| title_of(cell)).collect())?
        }
    } else {
        // A row of words under a header of metrics is a header if they tell apart what stands under one metric.
        let said: Vec<&String> =
            (bottom.iter().zip(&filled)).filter(|(_, top)| title_of(top).is_some()).map(|c| c.0).collect();
        let is_told_apart = said.iter().all(|cell| !is_missing(cell)) && said.iter().any(|cell| *cell != said[0]);
        let is_shared = (1..filled.len()).any(|n| title_of(filled[n]).is_some() && filled[..n].contains(&filled[n]));
        if !is_told_apart || !is_shared {
            return None;
        }
        told(titles)?
    };
    Some(Sheet { line: *line, columns, groups, body: body.to_vec(), second: Some(*second) })
}

/// A title under (or over) what else is said of it.
fn within(title: Title, said: &str) -> Option<Title> {
    let domain = title.domain.as_deref();
    match cutoff_of(said) {
        Some(_) if title.metric.1.is_some() => Some(title),
        cutoff @ Some(_) => Some(Title { metric: (title.metric.0, cutoff), ..title }),
        // `Ranking` over metrics names their kind.
        None if is_no_result(said) && !said.eq_ignore_ascii_case("ranking") => None,
        None if !said.chars().any(char::is_alphanumeric) => Some(title),
        None => Some(Title {
            domain: Some([Some(said), domain].into_iter().flatten().collect::<Vec<_>>().join(" ")),
            ..title
        }),
    }
}

/// A table turned on its side: a column names metrics, those of words beside it say of what, and those of numbers are methods.
fn of_rows(lines: &[Line]) -> Option<Sheet> {
    let ((line, header), body) = lines.split_first()?;
    let column = |n: usize| body.iter().map(move |(_, cells)| cells.get(n).map_or("", String::as_str));
    let of_metrics = (0..header.len()).find(|&n| column(n).filter(|cell| title_of(cell).is_some()).count() > 1)?;
    let is_word = |cell: &str| number(cell).is_none() && cell.chars().any(char::is_alphabetic);
    let is_of_words = |n: usize| n != of_metrics && column(n).all(|cell| is_missing(cell) || is_word(cell));
    // What is counted is no metric: numbers without decimals, or above 100.
    let is_method = |n: usize| {
        let numbers = || column(n).filter_map(|cell| Some((cell, number(cell)?.0)));
        n != of_metrics
            && numbers().any(|(cell, _)| cell.contains(['.', ',']))
            && numbers().all(|(_, value)| value <= 100.0)
    };
    let mut last = vec![""; header.len()];
    let mut rows: Vec<(usize, String, Option<Title>)> = Vec::new();
    for (at, cells) in body {
        let words = (0..header.len()).filter(|&n| is_of_words(n));
        let said: Vec<&str> = words
            .map(|n| {
                let cell = cells.get(n).map_or("", String::as_str);
                if !is_missing(cell) {
                    last[n] = cell;
                }
                last[n]
            })
            .filter(|said| !said.is_empty())
            .collect();
        let Some(title) = cells.get(of_metrics) else { continue };
        rows.push((*at, title.clone(), title_of(title).and_then(|title| within(title, &said.join(" ")))));
    }
    rows.retain(|(_, _, title)| title.is_some());
    // Columns that say that they are no results are kept to be told.
    let is_told = |n: usize| n != of_metrics && !is_of_words(n) && is_no_result(&header[n]);
    // Of two units side by side, such as shares and a ratio of them, one is no result: the first is believed.
    let is_above_one = |n: usize| {
        let is_share = |cell: Option<&String>| {
            cell.and_then(|cell| title_of(cell)).is_some_and(|title| Kind::of(title.metric.0) != Kind::Error)
        };
        let shares = body.iter().filter(|(_, cells)| is_share(cells.get(of_metrics)));
        shares.filter_map(|(_, cells)| number(cells.get(n)?)).any(|(value, _, _)| value > 1.0)
    };
    let first = (0..header.len()).find(|&n| is_method(n) && !is_told(n))?;
    let is_alike = |n: usize| is_method(n) && is_above_one(n) == is_above_one(first);
    let methods: Vec<usize> = (0..header.len()).filter(|&n| is_alike(n) || is_told(n)).collect();
    let of_method = |&method: &usize| {
        let value = |(at, _, _): &(usize, String, Option<Title>)| {
            let cells = body.iter().find(|(line, _)| line == at).map(|(_, cells)| cells);
            cells.and_then(|cells| cells.get(method)).cloned().unwrap_or_default()
        };
        (*line, std::iter::once(header[method].clone()).chain(rows.iter().map(value)).collect())
    };
    let turned: Vec<Line> = methods.iter().map(of_method).collect();
    let titles = rows.iter().map(|(_, name, title)| (name.clone(), title.clone()));
    let titles = std::iter::once((String::new(), None)).chain(titles).collect();
    let name = |from: usize, to: usize| format!("lines {} to {}", rows[from - 1].0, rows[to - 1].0);
    let (columns, groups) = grouped(titles, &name)?;
    // Rows of one metric that nothing tells apart may be of anything: who would pair them accuses at random.
    let is_twice = (1..columns.len()).any(|n| {
        let same = |other: &Column| other.metric == columns[n].metric && other.group == columns[n].group;
        columns[..n].iter().any(same)
    });
    (!is_twice && !turned.is_empty()).then_some(Sheet { line: *line, columns, groups, body: turned, second: None })
}

/// Columns with their groups: by what their titles say beside the metric; where they say nothing, one begins where the metrics do again.
/// `name` names those, by their first and last column.
fn grouped(
    titles: Vec<(String, Option<Title>)>,
    name: &dyn Fn(usize, usize) -> String,
) -> Option<(Vec<Column>, Vec<Option<String>>)> {
    titles.iter().find(|(_, title)| title.is_some())?;
    let (mut again, mut begun): (Vec<Vec<usize>>, Vec<Metric>) = (Vec::new(), Vec::new());
    for (n, (_, title)) in titles.iter().enumerate() {
        let Some(Title { metric, domain: None }) = title else { continue };
        if begun.is_empty() || begun.contains(metric) {
            begun.clear();
            again.push(Vec::new());
        }
        begun.push(*metric);
        again.last_mut()?.push(n);
    }
    // A lone second column of a metric is no group.
    let is_again = again.len() > 1 && again.iter().all(|columns| columns.len() > 1);
    let mut keys: Vec<String> = Vec::new();
    let mut groups: Vec<Option<String>> = Vec::new();
    let columns = titles
        .into_iter()
        .enumerate()
        .map(|(n, (printed, title))| {
            let Some(Title { metric, domain }) = title else {
                return Column { title: printed, metric: None, group: 0 };
            };
            let own = again.iter().find(|columns| is_again && columns.contains(&n));
            let named = domain.or_else(|| own.map(|columns| name(columns[0], columns[columns.len() - 1])));
            let key = named.as_deref().unwrap_or_default().to_lowercase();
            let group = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                keys.push(key);
                groups.push(named);
                keys.len() - 1
            });
            Column { title: printed, metric: Some(metric), group }
        })
        .collect();
    Some((columns, groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Vec<String>> {
        let line = |(n, line): (usize, &str)| (n + 1, line.split(',').map(|cell| cell.trim().to_owned()).collect());
        let lines: Vec<Line> = text.split('/').enumerate().map(line).collect();
        let sheet = sheet(None, &lines)?;
        let of_group = |(n, name): (usize, &Option<String>)| {
            let own = sheet.columns.iter().filter(|column| column.metric.is_some() && column.group == n);
            let own =
                own.map(|column| column.metric.map_or(String::new(), |(name, k)| format!("{name}{}", k.unwrap_or(0))));
            format!("{}: {}", name.as_deref().unwrap_or("-"), own.collect::<Vec<_>>().join(" "))
        };
        Some(sheet.groups.iter().enumerate().map(of_group).collect())
    }

    #[test]
    fn columns_of_one_domain_stand_together() {
        let both = ["Book: hr10 ndcg10", "Music: hr10 ndcg10"];
        for text in [
            "model,Book HR@10,Book NDCG@10,Music HR@10,Music NDCG@10",
            "model,HR@10 (Book),NDCG@10 (book),HR@10 (Music),NDCG@10 (music)",
            "model,Book: HR@10,Music: HR@10,Book: NDCG@10,Music: NDCG@10",
            ",Book,,Music,/model,HR@10,NDCG@10,HR@10,NDCG@10",
            "model,Book,Book,Music,Music/,HR@10,NDCG@10,HR@10,NDCG@10",
            ",HR@10,,NDCG@10,/model,Book,Music,Book,Music",
            "domain,metric,MF/Book,HR@10,.5/,NDCG@10,.3/Music,HR@10,.5/,NDCG@10,.3",
        ] {
            assert_eq!(of(text).unwrap(), both, "{text}");
        }
        let again = ["columns 2 to 3: hr10 ndcg10", "columns 4 to 5: hr10 ndcg10"];
        assert_eq!(of("model,HR@10,NDCG@10,HR@10,NDCG@10").unwrap(), again);
        // A name in the middle of its columns stands over the wrong ones.
        assert_eq!(of(",,Book,,Music/model,HR@10,NDCG@10,HR@10,NDCG@10").unwrap(), again);
    }

    #[test]
    fn what_is_not_told_apart_is_one_group() {
        for (text, expected) in [
            ("model,HR@10,NDCG@10", "-: hr10 ndcg10"),
            ("model,HR@10,H@10,NDCG@10", "-: hr10 hr10 ndcg10"),
            (",Ranking,,Rating,/model,HR@10,NDCG@10,RMSE,MAE", "-: hr10 ndcg10 rmse0 mae0"),
            (",@5,,@10,/model,HR,NDCG,HR,NDCG", "-: hr5 ndcg5 hr10 ndcg10"),
            (",HR,,NDCG,/model,@5,@10,@5,@10", "-: hr5 hr10 ndcg5 ndcg10"),
            ("model,HR@10,NDCG@10/A,high,low", "-: hr10 ndcg10"),
            ("metric,MF,CI/HR@10,.5,[.4; .6]/NDCG@10,.3,[.2; .4]", "-: hr10 ndcg10"),
            ("metric,MF,users/HR@10,.5,6040/NDCG@10,.3,6040", "-: hr10 ndcg10"),
        ] {
            assert_eq!(of(text).unwrap(), [expected], "{text}");
        }
        for text in [
            "metric,meaning/HR@10,a share/NDCG@10,a gain",
            "metric,fold,MF/HR@10,1,.5/HR@10,2,.5/NDCG@10,2,.3/NDCG@10,1,.3",
            "a,b/1,2",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
