//! What a user's first k are made of, beside what they like: how unknown, how diverse, how surprising.
//!
//! Ties are cut by rising item id here, as in the lists users see. A list may be shorter than k where fewer candidates are left;
//! means are over what it holds.

use std::collections::HashSet;

use super::spec::{List, Measure, Metric, Trait};

/// Mean self-information of the first k, `−log2(users who met the item in training / users with training events)`; an item
/// that nobody met counts as one met once, and nobody at all as one user.
///
/// Zhou et al., *Solving the apparent diversity-accuracy dilemma of recommender systems*, PNAS 2010; `RecTools`'
/// `MeanInvUserFreq`.
pub(super) static NOVELTY: Metric = Metric {
    name: "novelty",
    aliases: &["self_information", "miuf"],
    doc: "mean self-information of the first k, in bits: -log2 of the share of training users who met the item",
    traits: &[],
    measure: Measure::OfList(|list| {
        let information = |item| (list.facts.n_users.max(1) as f64 / list.facts.users_of(item).max(1) as f64).log2();
        mean(list.items.iter().map(|&item| information(item)))
    }),
};

/// Mean number of training users who met the items of the first k. Less is less popular.
///
/// `RecBole`'s `AveragePopularity`, per user.
pub(super) static AVERAGE_POPULARITY: Metric = Metric {
    name: "average_popularity",
    aliases: &["avg_popularity", "averagepopularity", "mean_popularity", "arp"],
    doc: "mean number of training users who met the items of the first k (less is less popular)",
    traits: &[Trait::LessIsBetter],
    measure: Measure::OfList(|list| mean(list.items.iter().map(|&item| f64::from(list.facts.users_of(item))))),
};

/// Intra-list diversity: the mean over pairs of the first k of one minus the cosine of their categories (multi-hot over the
/// vocabulary of features). An item without any category is like no other. A list of fewer than two items has none: 0.
///
/// Smyth and `McClave`, *Similarity vs. diversity*, ICCBR 2001.
pub(super) static DIVERSITY: Metric = Metric {
    name: "diversity",
    aliases: &["ild", "intra_list_diversity"],
    doc: "intra-list diversity: mean of 1 - cosine of categories over the pairs of the first k",
    traits: &[],
    measure: Measure::OfList(diversity),
};

/// Relevant items of the first k that popularity would have ranked lower, each by how much, as a mean over the first k:
/// `max((n + 1 − rank) / n − (n + 1 − popularity rank) / n, 0) · relevant`, n training items of the target. Items that equally many
/// users met share a popularity rank; of one that nobody met the second term is 0.
///
/// As `RecTools`' `Serendipity`, whose documentation divides by k, its code by the length of the list; de Gemmis et al., *An investigation on the serendipity problem in recommender systems*,
/// Information Processing and Management 2015.
pub(super) static SERENDIPITY: Metric = Metric {
    name: "serendipity",
    aliases: &[],
    doc: "hits in the first k that popularity ranks lower, by how much lower, over the length of the list",
    traits: &[],
    measure: Measure::OfList(serendipity),
};

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
    if n == 0 { 0.0 } else { sum / f64::from(n) }
}

fn diversity(list: &List<'_>) -> f64 {
    /// Items whose pairs are compared one by one; of more the mean is had without.
    const FEW: usize = 64;
    let categories: Vec<&[u32]> = list.items.iter().map(|&item| list.facts.categories_of(item)).collect();
    if categories.len() > FEW { of_many(&categories) } else { of_few(&categories) }
}

/// In time of the list and its categories, not of its pairs: the square of the sum of unit vectors is their number and twice the sum
/// of the cosines.
fn of_many(categories: &[&[u32]]) -> f64 {
    let n = categories.len() as f64;
    let n_vectors = categories.iter().filter(|of| !of.is_empty()).count() as f64;
    let last = categories.iter().copied().flatten().max().map_or(0, |&last| last as usize + 1);
    let mut sum = vec![0.0; last];
    for of in categories {
        of.iter().for_each(|&category| sum[category as usize] += 1.0 / (of.len() as f64).sqrt());
    }
    let square: f64 = sum.iter().map(|x| x * x).sum();
    let cosines = f64::midpoint(square, -n_vectors).max(0.0);
    1.0 - cosines / (n * (n - 1.0) / 2.0)
}

fn of_few(categories: &[&[u32]]) -> f64 {
    let pairs = categories.iter().enumerate().flat_map(|(n, a)| categories[..n].iter().map(move |b| (a, b)));
    mean(pairs.map(|(a, b)| {
        let among: HashSet<&u32> = a.iter().collect();
        let common = b.iter().filter(|category| among.contains(category)).count();
        let length = ((a.len() * b.len()) as f64).sqrt();
        if common == 0 { 1.0 } else { 1.0 - common as f64 / length }
    }))
}

fn serendipity(list: &List<'_>) -> f64 {
    let n = list.facts.n_trained as f64;
    if n == 0.0 {
        return 0.0;
    }
    mean((1..).zip(list.items).map(|(rank, &item): (u32, _)| {
        let relevant = list.relevant.binary_search(&item).is_ok();
        if relevant { ((list.facts.popularity_rank(item) as f64 - f64::from(rank)) / n).max(0.0) } else { 0.0 }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_items_are_as_diverse_as_their_pairs() {
        // Of nine categories, none to four each; the same items many times, and all alike.
        let all: Vec<Vec<u32>> =
            (0..300_u32).map(|n| (0..n % 5).map(|c| (n / 7 + c * (1 + n % 2)) % 9).collect()).collect();
        let distinct = |mut of: Vec<u32>| {
            of.sort_unstable();
            of.dedup();
            of
        };
        let all: Vec<Vec<u32>> = all.into_iter().map(distinct).collect();
        let lists: Vec<&[u32]> = all.iter().map(Vec::as_slice).collect();
        for part in [&lists[..], &lists[..65], &[&[1, 2][..]; 70], &[&[][..]; 70]] {
            assert!((of_many(part) - of_few(part)).abs() < 1e-12, "{} is not {}", of_many(part), of_few(part));
        }
    }
}
