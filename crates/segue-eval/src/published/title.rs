//! What the title of a column says.

use super::label::{is_comparison, is_no_result};

/// A metric, and its cut-off.
pub(super) type Metric = (&'static str, Option<usize>);

/// What a title says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Title {
    pub metric: Metric,
    /// What else it says: mostly a domain.
    pub domain: Option<String>,
}

/// What does not change which metric it is.
const NOISE: [&str; 10] = ["(%)", "[%]", "%", "↑", "↓", "(test)", "(Test)", "()", "[]", "( )"];

fn without_noise(text: String) -> String {
    NOISE.iter().fold(text, |text, noise| text.replace(noise, ""))
}

/// Words beside a metric that make another number of it, which no bound of the metric holds.
const OTHERS: [&str; 31] = [
    "lower",
    "upper",
    "low",
    "high",
    "ci",
    "min",
    "max",
    "median",
    "se",
    "err",
    "error",
    "var",
    "log",
    "neg",
    "negative",
    "relative",
    "rel",
    "cumulative",
    "rank",
    "time",
    "size",
    "count",
    "norm",
    "normalized",
    "z",
    "stat",
    "statistic",
    "ms",
    "sec",
    "seconds",
    "users",
];

/// The metric of a title, and the domain beside it: `Film HR@10`, `HR@10 (Film)`, `Film: NDCG@10`.
pub(super) fn title_of(text: &str) -> Option<Title> {
    if let Some(metric) = metric_of(text) {
        return Some(Title { metric, domain: None });
    }
    // `HR@10 ± std` and `HR@10 (mean ± std)` are the number before.
    let text = without_noise(text.to_owned());
    if let Some((head, _)) = text.split_once('±') {
        let head = head.trim_end();
        let bare = head.strip_suffix("mean").map_or(head, |head| head.trim_end().trim_end_matches('('));
        return if bare.is_empty() { None } else { title_of(bare) };
    }
    let text = text.trim();
    let title = |metric: Metric, beside: &str| {
        let domain = beside.trim_matches(|c: char| !c.is_alphanumeric());
        let words = domain.to_lowercase();
        let mut words = words.split(|c: char| !c.is_alphanumeric());
        let is_other = is_no_result(beside) || words.any(|word| OTHERS.contains(&word) || is_comparison(word));
        let is_name = domain.chars().any(char::is_alphabetic)
            && !is_other
            && metric_of(beside).is_none()
            && cutoff_of(beside).is_none();
        is_name.then(|| Title { metric, domain: Some(domain.to_owned()) })
    };
    // One letter alone is no metric, nor is a word that may begin a name.
    let is_certain = |text: &str, metric: &Metric| metric.1.is_some() || text.trim().len() > 1;
    if let Some((head, inner)) = text.strip_suffix([')', ']']).and_then(|text| text.rsplit_once(['(', '['])) {
        let [of_head, of_inner] = [head, inner].map(|text| metric_of(text).filter(|metric| is_certain(text, metric)));
        return match (of_head, of_inner) {
            (Some(metric), None) => title(metric, inner),
            (None, Some(metric)) => title(metric, head),
            _ => None,
        };
    }
    let parts = || {
        text.match_indices([' ', ':', '-', '/', '_', '–', '—', '.', ',', '|'])
            .map(|(n, by)| (&text[..n], &text[n + by.len()..]))
    };
    for (head, tail) in parts() {
        if let Some(metric) = metric_of(tail).filter(|metric| is_certain(tail, metric)) {
            return title(metric, head);
        }
    }
    for (head, tail) in parts().collect::<Vec<_>>().into_iter().rev() {
        let is_list = |metric: &Metric| Kind::of(metric.0) == Kind::List;
        if let Some(metric) = metric_of(head).filter(|metric| metric.1.is_some() || !is_list(metric)) {
            return title(metric, tail);
        }
    }
    None
}

/// The cut-off that a cell names: `@10`, `k = 10`, `Top-10`.
pub(super) fn cutoff_of(text: &str) -> Option<usize> {
    let text: String = text.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let number = ["@k=", "k=", "@", "top-", "top@", "top"].iter().find_map(|by| text.strip_prefix(by))?;
    number.parse().ok().filter(|&k| k > 0)
}

/// The metric of a title that says nothing else.
pub(super) fn metric_of(header: &str) -> Option<Metric> {
    let text = without_noise(header.to_lowercase()).replace("_at_", "@").replace(" at ", "@");
    match text.split_once('@') {
        Some((name, cutoff)) => named(name, Some(cutoff.trim().trim_start_matches("k=").parse().ok()?)),
        None => named(&text, None).or_else(|| {
            // `HR10`, `HR_10`. One letter is another number: R2 is none of recall, P50 none of precision; F10 may be F1 at 0.
            let name = text.trim().trim_end_matches(|c: char| c.is_ascii_digit());
            let cutoff = text.trim()[name.len()..].parse().ok()?;
            let is_f = name.chars().filter(|c| c.is_alphanumeric()).count() < 2;
            if is_f { None } else { named(name, Some(cutoff)) }
        }),
    }
}

fn named(name: &str, cutoff: Option<usize>) -> Option<Metric> {
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
            ("HR_10", Some(("hr", Some(10)))),
            ("HR10", Some(("hr", Some(10)))),
            ("Recall_20", Some(("recall", Some(20)))),
            ("ndcg-5 (%)", Some(("ndcg", Some(5)))),
            ("F1", Some(("f1", None))),
            ("F1_10", Some(("f1", Some(10)))),
            ("HR@10 (↑)", Some(("hr", Some(10)))),
            ("R2", None),
            ("P95", None),
            ("F10", None),
            ("AUC_10", None),
            ("AUC@10", None),
            ("Model", None),
            ("NDCG@all", None),
        ] {
            assert_eq!(metric_of(header), expected, "{header}");
        }
    }
    #[test]
    fn titles_name_domains() {
        let told = |text: &str| title_of(text).map(|title| (title.metric, title.domain.unwrap_or_default()));
        assert_eq!(told("HR@10 ± std"), Some((("hr", Some(10)), String::new())));
        assert_eq!(told("Film HR@10 (mean ± std)"), Some((("hr", Some(10)), "Film".to_owned())));
        for text in [
            "Film HR@10",
            "HR@10 (Film)",
            "Film: HR@10",
            "HR@10 [Film] ↑",
            "Film (HR@10)",
            "Film_HR@10",
            "Film-HR@10",
            "Film/HR@10 (%)",
            "HR@10 Film",
            "HR@10_Film",
            "Film Hit Ratio@10",
            "Film HR_10",
            "HR_10 (Film)",
            "Film hr10",
            "HR@10(Film)",
        ] {
            assert_eq!(told(text), Some((("hr", Some(10)), "Film".to_owned())), "{text}");
        }
        assert_eq!(told("Amazon Book: R@20"), Some((("recall", Some(20)), "Amazon Book".to_owned())));
        assert_eq!(told("Film RMSE"), Some((("rmse", None), "Film".to_owned())));
        assert_eq!(told("Film HR"), Some((("hr", None), "Film".to_owned())));
        assert_eq!(told("HR@10"), Some((("hr", Some(10)), String::new())));
        for text in [
            "Δ HR@10",
            "HR@10 (std)",
            "HR@10 p-value",
            "Improv. HR@10",
            "HR@10 (±)",
            "HR@10 vs. MF",
            "log AUC",
            "1 - AUC",
            "HR@10 upper",
            "HR@10/NDCG@10",
            "HR/NDCG@10",
            "Dropout P",
            "Model",
            "MAP file",
            "Average rank",
            "",
            "@10",
            "HR@10 rel. gain",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
        for (text, cutoff) in
            [("@10", Some(10)), ("k = 5", Some(5)), ("Top-20", Some(20)), ("10", None), ("Top", None), ("@0", None)]
        {
            assert_eq!(cutoff_of(text), cutoff, "{text}");
        }
    }
}
