//! Whether a row is a result, or says something about results.

/// Words for what is no result, as a label begins or ends with them.
const CHANGE: [&str; 22] = [
    "improv",
    "improve",
    "improvement",
    "improvements",
    "imprv",
    "impr",
    "imp",
    "gain",
    "gains",
    "lift",
    "change",
    "changes",
    "drop",
    "decrease",
    "ratio",
    "speedup",
    "cost",
    "increase",
    "delta",
    "diff",
    "difference",
    "δ",
];
/// How many of them end a label, too.
const IMPROVEMENTS: usize = 7;
const SPREAD: [&str; 17] = [
    "std",
    "stdev",
    "stddev",
    "std dev",
    "std error",
    "sd",
    "standard deviation",
    "standard error",
    "variance",
    "±",
    "p",
    "pvalue",
    "p value",
    "pval",
    "t test",
    "ttest",
    "q value",
];
const PLACE: [&str; 3] = ["rank", "ranks", "ranking"];
/// Words that may stand before them.
const BEFORE: [&str; 15] = [
    "relative",
    "rel",
    "absolute",
    "abs",
    "average",
    "avg",
    "mean",
    "max",
    "maximum",
    "min",
    "minimum",
    "best",
    "overall",
    "percentage",
    "the",
];
/// Words that may follow them, with what they compare to.
const AFTER: [&str; 14] =
    ["over", "vs", "versus", "of", "to", "from", "in", "wrt", "w", "by", "on", "against", "with", "compared"];

/// Whether a cell says that its row (or column) is a change, a spread, a probability or a place, and no result.
pub(super) fn is_no_result(label: &str) -> bool {
    let mut text = label.to_lowercase().replace(['∆', 'δ'], " δ ").replace('±', " ± ").replace("+-", " ± ");
    text = text.replace(['\'', '’'], "");
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '±').filter(|word| !word.is_empty()).collect();
    let is_one = |words: &[&str]| {
        let said = words.join(" ");
        [&CHANGE[..], &SPREAD, &PLACE].iter().any(|known| known.contains(&&*said))
    };
    let first = words.iter().position(|word| !BEFORE.contains(word)).unwrap_or(words.len());
    let rest = &words[first..];
    let begins =
        (1..=rest.len().min(2)).any(|n| is_one(&rest[..n]) && rest.get(n).is_none_or(|next| AFTER.contains(next)));
    // `MF std`, `LightGCN (improv.)`, but no `w/o gain` of an ablation; one letter alone is part of a name.
    let is_variant = words.iter().any(|word| ["w", "wo", "with", "without", "no"].contains(word));
    let ends = |n: usize| {
        let said = if words.len() > n && !is_variant { words[words.len() - n..].join(" ") } else { String::new() };
        said.len() > 2 && (CHANGE[..IMPROVEMENTS].contains(&&*said) || SPREAD.contains(&&*said))
    };
    begins || matches!(words.first(), Some(&"δ" | &"±")) || ends(1) || ends(2)
}

/// Whether a word says that something is compared to what follows.
pub(super) fn is_comparison(word: &str) -> bool {
    AFTER[..3].contains(&word)
}

/// Whether numbers are said to be changes: no result has a plus before it, and none of them stands without sign or arrow.
pub(super) fn are_changes(numbers: &[&str]) -> bool {
    let is_marked = |cell: &str| cell.trim().starts_with(['+', '↑', '↓', '▲', '▼']);
    let is_less = |cell: &str| cell.trim().starts_with(['-', '\u{2212}']);
    numbers.iter().any(|cell| cell.trim().starts_with('+'))
        || numbers.iter().any(|cell| is_marked(cell)) && numbers.iter().all(|cell| is_marked(cell) || is_less(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_changes_spreads_probabilities_and_places() {
        for label in [
            "Improv.",
            "Improvement",
            "%Improv",
            "Improv. (%)",
            "Impr.",
            "IMPROVE",
            "Gain",
            "Gains (%)",
            "Δ",
            "Δ (%)",
            "∆ vs. MF",
            "p-value",
            "P",
            "p",
            "*p*-value",
            "std",
            "Std.",
            "stdev",
            "Std. Dev.",
            "±",
            "± std",
            "Average rank",
            "Avg. Rank",
            "Mean rank",
            "Rank",
            "Rel. Improv.",
            "Relative improvement over BPR",
            "Gain vs. MF",
            "MF (std)",
            "LightGCN improv.",
            "Max. Impr. (%)",
            "MF p-value",
            "standard deviation",
        ] {
            assert!(is_no_result(label), "{label}");
        }
        for label in [
            "MF",
            "Improved MF",
            "ImprovedGCN",
            "PinSage",
            "GainRec",
            "Gain-GCN",
            "p-MF",
            "RankNet",
            "BPR-Rank-2",
            "std-MF",
            "MF P",
            "Average",
            "Mean",
            "Ranking-VAE",
            "Deltaformer",
            "",
            "MF ± x",
            "Impala",
            "LambdaRank",
            "SD-GCN",
            "Ours w/o gain",
            "w/o std",
            "BPR change",
        ] {
            assert!(!is_no_result(label), "{label}");
        }
    }

    #[test]
    fn a_plus_makes_changes() {
        let of = |cells: &[&str]| are_changes(cells);
        assert!(of(&["+13.27%", "8.1%"]) && of(&["↑ 13.27", "-2.1"]) && of(&["↑ 13.27", "↓ 2.1"]));
        assert!(!of(&["0.5", "↑ 0.6"]) && !of(&["-0.5", "-0.6"]) && !of(&[]) && !of(&["0.31 ↑"]));
    }
}
