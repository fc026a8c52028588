//! The nearest valid name, for error messages that teach.

/// The candidate a user most likely meant, or `None` if none is close.
///
/// Distance counts insertions, deletions, replacements and swaps of neighbours; case and `-`/`_` do not count. A
/// candidate is close within a third of the name's length (at least one edit). Ties go to the earlier candidate.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(name);
    let limit = (wanted.len() / 3).max(1);
    // Longer names than this are not typed by hand; the table below stays small whatever the input.
    if wanted.len() > 128 {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 256)
        .map(|candidate| (distance(&wanted, &folded(candidate)), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Optimal string alignment distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(previous[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let names = ["factors", "learning_rate", "l2", "item_knn", "lightgcn", "ngcf", "ncf"];
        let near = |name| nearest(name, names);
        assert_eq!(near("factros"), Some("factors"));
        assert_eq!(near("learning-rate"), Some("learning_rate"));
        assert_eq!(near("LightGCN"), Some("lightgcn"));
        assert_eq!(near("ngfc"), Some("ngcf"));
        assert_eq!(near("ligtgcn"), Some("lightgcn"));
        assert_eq!(near("zebra"), None);
        assert_eq!(nearest("", ["ab"]), None);
    }

    #[test]
    fn distances() {
        let d = |a: &str, b: &str| distance(&folded(a), &folded(b));
        assert_eq!(d("kitten", "sitting"), 3);
        assert_eq!(d("ab", "ba"), 1);
        assert_eq!(d("", "abc"), 3);
    }
}
