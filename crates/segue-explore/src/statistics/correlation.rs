//! What do people carry from one domain to another: how much they do, how they judge, what they like?

use serde::{Deserialize, Serialize};

use super::association::{Correlation, pearson, spearman};
use super::taste::{Profiles, Taste, taste};
use super::whole::Whole;

/// The common users of two domains, held against each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossDomain {
    /// First domain.
    pub first: String,
    /// Second domain.
    pub second: String,
    /// Users with an event in both.
    pub users: usize,
    /// Of the numbers of their events.
    pub activity: Both,
    /// Of the means of their values.
    pub mean_value: Both,
    /// Of the genres of their likes.
    pub taste: Taste,
}

/// Both correlations of one quantity; none where it is the same for all users of a domain, or users are fewer than four.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Both {
    /// Of the ranks.
    pub spearman: Option<Correlation>,
    /// Of the numbers.
    pub pearson: Option<Correlation>,
}

pub(crate) fn correlation(whole: &Whole<'_>, missing: Option<&str>) -> Vec<CrossDomain> {
    let n_domains = whole.n_domains();
    if n_domains < 2 {
        return Vec::new();
    }
    let mut sums = vec![vec![0.0; whole.n_users]; n_domains];
    whole.events().for_each(|(_, event)| sums[whole.domain(&event)][event.user as usize] += f64::from(event.value));
    let profiles: Vec<Profiles> = (0..n_domains).map(|d| Profiles::of(whole, d, missing)).collect();
    let pairs = (0..n_domains).flat_map(|a| (a + 1..n_domains).map(move |b| (a, b)));
    let compare = |(a, b): (usize, usize)| {
        let n = |d: usize, user: usize| f64::from(whole.per_user[d][user]);
        let common: Vec<usize> = (0..whole.n_users).filter(|&u| n(a, u) > 0.0 && n(b, u) > 0.0).collect();
        let mean = |d: usize, user: usize| sums[d][user] / n(d, user);
        CrossDomain {
            first: whole.name(a),
            second: whole.name(b),
            users: common.len(),
            activity: Both::of(&common.iter().map(|&u| (n(a, u), n(b, u))).collect::<Vec<_>>()),
            mean_value: Both::of(&common.iter().map(|&u| (mean(a, u), mean(b, u))).collect::<Vec<_>>()),
            taste: taste(&profiles[a], &profiles[b]),
        }
    };
    pairs.map(compare).collect()
}

impl Both {
    fn of(pairs: &[(f64, f64)]) -> Self {
        Self { spearman: spearman(pairs), pearson: pearson(pairs) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn activity_and_judgement_of_four_people() {
        // User n makes n + 1 events on songs and as many on films, and values both at n + 2: perfectly correlated.
        let events: Vec<(u32, u32, f32, i64)> = (0..4)
            .flat_map(|user| {
                (0..=user)
                    .flat_map(move |n| [(user, 0, user as f32 + 2.0, n.into()), (user, 2, user as f32 + 2.0, n.into())])
            })
            .collect();
        let data = example::people(4, &events);
        let found = example::of(&data, |whole| correlation(whole, None)).remove(0);
        assert_eq!((found.first.as_str(), found.second.as_str(), found.users), ("songs", "films", 4));
        for both in [found.activity, found.mean_value] {
            assert!(
                (both.spearman.unwrap().value - 1.0).abs() < 1e-12 && (both.pearson.unwrap().value - 1.0).abs() < 1e-12
            );
        }
        // Everybody likes one song and one film alone: their genres are the same for all.
        assert_eq!((found.taste.users, found.taste.n_shared), (4, 1));
        assert_eq!(found.taste.shared[0].correlation, None);
    }

    #[test]
    fn two_common_users_are_too_few_and_one_domain_has_no_pair() {
        let found = example::with(|whole| correlation(whole, None)).remove(0);
        assert_eq!((found.users, found.activity.spearman), (2, None));
        assert!(example::of(&example::films_alone(), |whole| correlation(whole, None)).is_empty());
    }
}
