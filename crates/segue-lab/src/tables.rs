//! The tables of a run folder, as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use segue_core::external_order;
use segue_eval::{MetricSpec, PerUser, csv_field};

use crate::row::Row;

/// A row for each question under a header: easy to put beside the rows of other runs.
pub(crate) fn test_csv(rows: &[Row]) -> String {
    let names = names(rows.iter().map(|row| row.test.values()));
    let mut text = format!("model,data,question,scope,seed,users{}\n", columns(&names));
    for row in rows {
        let Row { model, data, question, scope, seed, .. } = row;
        let (data, question) = (csv_field(data), csv_field(question));
        // Writing to a string cannot fail, here and below.
        let _ = write!(text, "{model},{data},{question},{scope},{seed},{}", row.test.n_users());
        push_values(&mut text, &names, &row.test.values());
    }
    text
}

/// Of whoever has held-out ratings, how many; where ratings were predicted.
pub(crate) const RATINGS: &str = "ratings";

/// The column of a user's own error, the mean over their ratings: without the root of the RMSE, so that with their number it
/// makes up that of all.
pub(crate) fn error_by_user(error: MetricSpec) -> &'static str {
    if error.metric.name == "rmse" { "mse" } else { error.metric.name }
}

/// Each user's value of every per-user metric, by external id, and the mean errors of their ratings: what paired comparisons of
/// stored runs need. Where there are several questions, their name stands before the user.
pub(crate) fn per_user_csv(rows: &[Row]) -> String {
    let several = rows.len() > 1;
    let names = names(rows.iter().map(|row| ranked(row).into_iter().chain(rated(row)).collect()));
    let mut text = format!("{}user{}\n", if several { "question," } else { "" }, columns(&names));
    for row in rows {
        let (ranked, rated) = (ranked(row), rated(row));
        let named: Vec<[Option<&[f64]>; 2]> =
            names.iter().map(|name| [column(&ranked, name), column(&rated, name)]).collect();
        let question = if several { csv_field(&row.question) + "," } else { String::new() };
        for (user, asked, rater) in lines(row) {
            text.push_str(&question);
            text.push_str(&csv_field(user));
            for &[of_asked, of_raters] in &named {
                let value = |values: Option<&[f64]>, at: Option<usize>| -> Option<f64> { values?.get(at?).copied() };
                let value = value(of_asked, asked).or_else(|| value(of_raters, rater));
                text.push(',');
                // Plus zero: -0 is no value anybody wants to read.
                text.extend(value.map(|value| (value + 0.0).to_string()));
            }
            text.push('\n');
        }
    }
    text
}

/// A name, and a value of each user.
pub(crate) type Column = (String, Vec<f64>);

/// The values of this name.
pub(crate) fn column<'c>(columns: &'c [Column], name: &str) -> Option<&'c [f64]> {
    columns.iter().find(|(own, _)| own == name).map(|(_, values)| values.as_slice())
}

/// Values of the users asked, by metric.
fn ranked(row: &Row) -> Vec<Column> {
    let values = row.test.metrics.iter().filter_map(|m| match &m.per_user {
        PerUser::Mean(values) => Some((m.spec.to_string(), values.clone())),
        PerUser::Weighted { sums, weights } => {
            Some((m.spec.to_string(), sums.iter().zip(weights).map(|(sum, weight)| sum / weight).collect()))
        }
        PerUser::Pooled { .. } | PerUser::OfMeans(_) | PerUser::Whole => None,
    });
    values.collect()
}

/// Of the users with held-out ratings: their number, and the mean of each error.
fn rated(row: &Row) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for measured in &row.test.metrics {
        let PerUser::Pooled { sums, counts } = &measured.per_user else { continue };
        if columns.is_empty() {
            columns.push((RATINGS.to_owned(), counts.clone()));
        }
        let name = error_by_user(measured.spec);
        if columns.iter().all(|(known, _)| known != name) {
            columns.push((name.to_owned(), sums.iter().zip(counts).map(|(sum, count)| sum / count).collect()));
        }
    }
    columns
}

/// Every user of a row once, rising as ids do, with their place among those asked and among those with held-out ratings.
fn lines(row: &Row) -> Vec<(&str, Option<usize>, Option<usize>)> {
    let [asked, raters] = [&row.users, &row.raters]
        .map(|users| users.iter().map(String::as_str).zip(0..).collect::<BTreeMap<&str, usize>>());
    let mut users: Vec<&str> = row.users.iter().chain(&row.raters).map(String::as_str).collect();
    users.sort_by(|a, b| external_order(a, b));
    users.dedup();
    users.into_iter().map(|user| (user, asked.get(user).copied(), raters.get(user).copied())).collect()
}

/// Metrics on the parts of every question.
pub(crate) fn parts_csv(rows: &[Row]) -> String {
    let names = names(rows.iter().flat_map(|row| row.parts.iter().map(|part| part.values.clone())));
    let mut text = format!("question,by,part,users,positives{}\n", columns(&names));
    for row in rows {
        for part in &row.parts {
            let (question, name) = (csv_field(&row.question), csv_field(&part.name));
            let _ = write!(text, "{question},{},{name},{},{}", part.by.name(), part.n_users, part.n_positives);
            push_values(&mut text, &names, &part.values);
        }
    }
    text
}

/// Every name once, in order.
fn names<T>(lists: impl Iterator<Item = Vec<(String, T)>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in lists.flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn columns(names: &[String]) -> String {
    names.iter().flat_map(|name| [",", name]).collect()
}

/// The rest of a line: the value of every name, nothing where there is none.
fn push_values(text: &mut String, names: &[String], values: &[(String, f64)]) {
    for name in names {
        text.push(',');
        let value = values.iter().find(|(own, _)| own == name);
        text.extend(value.map(|(_, value)| value.to_string()));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use segue_core::TaskKind;
    use segue_eval::{Measured, Ratings};

    use super::*;
    use crate::row::by_hand;
    use crate::settings::Scope;

    #[test]
    fn users_rise_by_id_whoever_has_ratings() {
        let mut row = by_hand::row(Scope::Joint, TaskKind::Intra, "films", 0.5);
        (row.users, row.raters) = (vec!["2".into(), "10".into()], vec!["9".into(), "10".into()]);
        let per_user = PerUser::Pooled { sums: vec![1.0, 2.0], counts: vec![1.0, 2.0] };
        row.test.metrics.push(Measured { spec: "mae".parse().unwrap(), value: 1.0, per_user });
        row.test.ratings = Some(Ratings {
            users: vec![0, 1],
            counts: vec![1.0, 2.0],
            errors: Vec::new(),
            n_off_scale: 0,
            scale: None,
        });
        let text = per_user_csv(&[row]);
        assert_eq!(text, "user,ndcg@10,ratings,mae\n2,0.5,,\n9,,1,1\n10,0.5,2,1\n");
    }
}
