//! How large is each domain, how sparse, and how is it divided?

use segue_core::Signal;
use serde::{Deserialize, Serialize};

use super::ALL_DOMAINS;
use super::whole::{Part, Whole};

/// Sizes of the domains and of their parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sizes {
    /// Each domain, then all of them together where there are several.
    pub domains: Vec<Size>,
    /// Each part of each domain that has one; every part of a target.
    pub parts: Vec<PartSize>,
}

/// Size of one domain over all parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// Domain, or `(all)`.
    pub domain: String,
    /// Users with an event.
    pub users: usize,
    /// Items with an event.
    pub items: usize,
    /// Events.
    pub interactions: usize,
    /// Distinct pairs of user and item among the events.
    pub pairs: usize,
    /// `1 - pairs / (users · items)`.
    pub sparsity: Option<f64>,
    /// `interactions / users`.
    pub per_user: Option<f64>,
    /// `interactions / items`.
    pub per_item: Option<f64>,
    /// Events that are likes.
    pub likes: usize,
    /// Events that are neither like nor dislike.
    pub neutral: usize,
    /// Events that are dislikes.
    pub dislikes: usize,
}

/// Size of one part of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSize {
    /// Domain.
    pub domain: String,
    /// `train`, `val` or `test`.
    pub part: String,
    /// Users with an event in this part.
    pub users: usize,
    /// Items with an event in this part.
    pub items: usize,
    /// Events.
    pub interactions: usize,
}

pub(crate) fn sizes(whole: &Whole<'_>) -> Sizes {
    let n_domains = whole.n_domains();
    let mut pairs = vec![0; n_domains];
    let mut signals = vec![[0; 3]; n_domains];
    let mut items = Vec::new();
    whole.for_each_user(|_, events| {
        items.clear();
        for (_, event) in events {
            signals[whole.domain(event)][event.signal as usize] += 1;
            items.push(event.item);
        }
        items.sort_unstable();
        items.dedup();
        for &item in &items {
            pairs[whole.catalogue.domain_of(item)] += 1;
        }
    });
    let met_items = |d: usize| whole.items_of(d).iter().filter(|&&n| n > 0).count();
    let mut domains: Vec<Size> =
        (0..n_domains).map(|d| size(whole.name(d), (whole.met(d), met_items(d)), pairs[d], signals[d])).collect();
    if n_domains > 1 {
        let users = (0..whole.n_users).filter(|&u| whole.per_user.iter().any(|counts| counts[u] > 0)).count();
        let items = (0..n_domains).map(met_items).sum();
        let total = signals.iter().fold([0; 3], |sum, s| [sum[0] + s[0], sum[1] + s[1], sum[2] + s[2]]);
        domains.push(size(ALL_DOMAINS.into(), (users, items), pairs.iter().sum(), total));
    }
    Sizes { domains, parts: parts(whole) }
}

fn size(domain: String, (users, items): (usize, usize), pairs: usize, signals: [usize; 3]) -> Size {
    let interactions = signals.iter().sum();
    let ratio = |part: usize, of: f64| (of > 0.0).then(|| part as f64 / of);
    Size {
        domain,
        users,
        items,
        interactions,
        pairs,
        sparsity: ratio(pairs, users as f64 * items as f64).map(|density| 1.0 - density),
        per_user: ratio(interactions, users as f64),
        per_item: ratio(interactions, items as f64),
        likes: signals[Signal::Positive as usize],
        neutral: signals[Signal::Neutral as usize],
        dislikes: signals[Signal::Negative as usize],
    }
}

fn parts(whole: &Whole<'_>) -> Vec<PartSize> {
    let mut found = Vec::new();
    for domain in 0..whole.n_domains() {
        let is_target = whole.tasks.iter().any(|task| task.target == domain);
        for part in Part::ALL {
            let (mut users, mut items) = (vec![false; whole.n_users], vec![false; whole.catalogue.n_items()]);
            let mut interactions = 0;
            for event in whole.part(part).events().filter(|event| whole.domain(event) == domain) {
                (users[event.user as usize], items[event.item as usize]) = (true, true);
                interactions += 1;
            }
            if interactions > 0 || is_target {
                let count = |met: &[bool]| met.iter().filter(|&&met| met).count();
                found.push(PartSize {
                    domain: whole.name(domain),
                    part: part.name().into(),
                    users: count(&users),
                    items: count(&items),
                    interactions,
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn sparsity_counts_a_pair_once() {
        // Songs: ann on s1 twice, bob on s1 and s2: 3 pairs of 2 users and 2 items.
        let found = example::with(sizes);
        let songs = &found.domains[0];
        assert_eq!((songs.users, songs.items, songs.interactions, songs.pairs), (2, 2, 4, 3));
        assert_eq!(songs.sparsity, Some(0.25));
        assert_eq!((songs.per_user, songs.likes, songs.dislikes), (Some(2.0), 3, 1));
        // All: 3 users, 2 songs and 3 films, 3 + 6 pairs.
        let all = &found.domains[2];
        assert_eq!((all.domain.as_str(), all.users, all.items, all.pairs), ("(all)", 3, 5, 9));
        assert_eq!(all.sparsity, Some(1.0 - 9.0 / 15.0));
    }

    #[test]
    fn the_parts_of_the_target_are_all_there() {
        let found = example::with(sizes);
        let row = |p: &PartSize| (p.domain.clone(), p.part.clone(), p.users, p.items, p.interactions);
        let films = |part: &str, n: [usize; 3]| ("films".to_owned(), part.to_owned(), n[0], n[1], n[2]);
        assert_eq!(row(&found.parts[0]), ("songs".into(), "train".into(), 2, 2, 4));
        let rest: Vec<_> = found.parts[1..].iter().map(row).collect();
        assert_eq!(rest, [films("train", [2, 2, 3]), films("val", [1, 1, 1]), films("test", [3, 3, 3])]);
    }

    #[test]
    fn nothing_is_not_a_number() {
        let found = size("x".into(), (0, 0), 0, [0; 3]);
        assert_eq!((found.sparsity, found.per_user, found.per_item), (None, None, None));
    }
}
