//! What the title of a column says.

/// The metric of a header, and its cut-off.
pub(super) fn metric_of(header: &str) -> Option<(&'static str, Option<usize>)> {
    let mut text = header.to_lowercase();
    for noise in ["(%)", "[%]", "%", "↑", "(test)"] {
        text = text.replace(noise, "");
    }
    let text = text.replace("_at_", "@").replace(" at ", "@");
    let (name, cutoff) = match text.split_once('@') {
        Some((name, cutoff)) => (name, Some(cutoff.trim().trim_start_matches("k=").parse().ok()?)),
        None => (text.as_str(), None),
    };
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let metric = match name.as_str() {
        "auc" | "rocauc" if cutoff.is_none() => "auc",
        "gauc" if cutoff.is_none() => "gauc",
        "mse" if cutoff.is_none() => "mse",
        "rmse" if cutoff.is_none() => "rmse",
        "mae" if cutoff.is_none() => "mae",
        "hr" | "h" | "hit" | "hits" | "hitrate" | "hitratio" => "hr",
        "precision" | "prec" | "pre" | "p" => "precision",
        "recall" | "rec" | "r" => "recall",
        "f1" | "f1score" | "f1measure" | "f" => "f1",
        "ndcg" | "n" => "ndcg",
        "map" => "map",
        "mrr" => "mrr",
        _ => return None,
    };
    Some((metric, cutoff.filter(|&k| k > 0)))
}

/// What a number of a metric is. Of one kind all numbers of a table are in percent, or none is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A share, at a cut-off.
    List,
    /// A share, without one.
    Area,
    /// In the unit of the ratings.
    Error,
}

impl Kind {
    pub(super) fn of(metric: &str) -> Self {
        match metric {
            "auc" | "gauc" => Self::Area,
            "mse" | "rmse" | "mae" => Self::Error,
            _ => Self::List,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_name_metrics_in_many_ways() {
        for (header, expected) in [
            ("Precision@10", Some(("precision", Some(10)))),
            ("HR@5 (%)", Some(("hr", Some(5)))),
            ("nDCG @ 20 ↑", Some(("ndcg", Some(20)))),
            ("F1-score@K=10", Some(("f1", Some(10)))),
            ("Hit Ratio@1", Some(("hr", Some(1)))),
            ("ndcg_at_10", Some(("ndcg", Some(10)))),
            ("MRR", Some(("mrr", None))),
            ("R@0", Some(("recall", None))),
            ("AUC ↑", Some(("auc", None))),
            ("G-AUC (%)", Some(("gauc", None))),
            ("RMSE", Some(("rmse", None))),
            ("AUC@10", None),
            ("Model", None),
            ("NDCG@all", None),
        ] {
            assert_eq!(metric_of(header), expected, "{header}");
        }
    }
}
