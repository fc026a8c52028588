//! The tables of a run folder, as text.

use std::fmt::Write as _;

use segue_eval::{PerUser, csv_field};

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

/// Each user's value of every per-user metric, by external id: what paired comparisons of stored runs need. Where there are
/// several questions, their name stands before the user.
pub(crate) fn per_user_csv(rows: &[Row]) -> String {
    let columns_of = |row: &Row| -> Vec<(String, Vec<f64>)> {
        let values = row.test.metrics.iter().filter_map(|m| match &m.per_user {
            PerUser::Mean(values) => Some((m.spec.to_string(), values.clone())),
            PerUser::Weighted { sums, weights } => {
                Some((m.spec.to_string(), sums.iter().zip(weights).map(|(sum, weight)| sum / weight).collect()))
            }
            PerUser::Pooled { .. } | PerUser::OfMeans(_) | PerUser::Whole => None,
        });
        values.collect()
    };
    let several = rows.len() > 1;
    let names = names(rows.iter().map(columns_of));
    let mut text = format!("{}user{}\n", if several { "question," } else { "" }, columns(&names));
    for row in rows {
        let of = columns_of(row);
        let of: Vec<Option<&Vec<f64>>> =
            names.iter().map(|name| of.iter().find(|(own, _)| own == name).map(|(_, values)| values)).collect();
        let question = if several { csv_field(&row.question) + "," } else { String::new() };
        for (n, user) in row.users.iter().enumerate() {
            text.push_str(&question);
            text.push_str(&csv_field(user));
            for values in &of {
                text.push(',');
                // Plus zero: -0 is no value anybody wants to read.
                text.extend(values.map(|values| (values[n] + 0.0).to_string()));
            }
            text.push('\n');
        }
    }
    text
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
