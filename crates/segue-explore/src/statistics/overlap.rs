//! Who is met in several domains?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::percent;
use super::whole::Whole;

/// Overlap of the domains' users. A user is met in a domain with an event in any part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// Users met anywhere.
    pub users: usize,
    /// Users met in two or more domains.
    pub users_in_several: usize,
    /// Every pair of domains in catalogue order; none where there is one domain.
    pub pairs: Vec<PairOverlap>,
    /// Users by exactly where they are met, most first; combinations without users are left out.
    pub combinations: Vec<Combination>,
}

/// Users met in two domains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairOverlap {
    /// First domain.
    pub first: String,
    /// Second domain.
    pub second: String,
    /// Users of the first.
    pub users_of_first: usize,
    /// Users of the second.
    pub users_of_second: usize,
    /// Users of both.
    pub users: usize,
    /// `100 · users / users_of_first`.
    pub percent_of_first: Option<f64>,
    /// `100 · users / users_of_second`.
    pub percent_of_second: Option<f64>,
    /// `users / (users_of_first + users_of_second - users)`.
    pub jaccard: Option<f64>,
    /// Share of the first domain's events that users of both made, in percent.
    pub events_percent_of_first: Option<f64>,
    /// Share of the second domain's events that users of both made, in percent.
    pub events_percent_of_second: Option<f64>,
}

/// Users met in exactly these domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Combination {
    /// The domains.
    pub domains: Vec<String>,
    /// Users.
    pub users: usize,
}

pub(crate) fn overlap(whole: &Whole<'_>) -> Overlap {
    let n_domains = whole.n_domains();
    let mut exactly: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    for user in 0..whole.n_users {
        let met: Vec<bool> = whole.per_user.iter().map(|counts| counts[user] > 0).collect();
        *exactly.entry(met).or_default() += 1;
    }
    exactly.remove(&vec![false; n_domains]);
    let mut combinations: Vec<Combination> = exactly
        .iter()
        .map(|(met, &users)| {
            let domains = (0..n_domains).filter(|&d| met[d]).map(|d| whole.name(d)).collect();
            Combination { domains, users }
        })
        .collect();
    combinations.sort_by(|a, b| b.users.cmp(&a.users).then_with(|| a.domains.cmp(&b.domains)));
    let pairs = (0..n_domains).flat_map(|a| (a + 1..n_domains).map(move |b| (a, b)));
    Overlap {
        users: combinations.iter().map(|c| c.users).sum(),
        users_in_several: combinations.iter().filter(|c| c.domains.len() > 1).map(|c| c.users).sum(),
        pairs: pairs.map(|(a, b)| pair(whole, a, b)).collect(),
        combinations,
    }
}

fn pair(whole: &Whole<'_>, a: usize, b: usize) -> PairOverlap {
    let (mut users, mut events, mut all) = (0, [0_u64; 2], [0_u64; 2]);
    for (&n, &m) in whole.per_user[a].iter().zip(&whole.per_user[b]) {
        let (n, m) = (u64::from(n), u64::from(m));
        all = [all[0] + n, all[1] + m];
        if n > 0 && m > 0 {
            users += 1;
            events = [events[0] + n, events[1] + m];
        }
    }
    let (users_of_first, users_of_second) = (whole.met(a), whole.met(b));
    PairOverlap {
        first: whole.name(a),
        second: whole.name(b),
        users_of_first,
        users_of_second,
        users,
        percent_of_first: percent(users, users_of_first),
        percent_of_second: percent(users, users_of_second),
        jaccard: percent(users, users_of_first + users_of_second - users).map(|p| p / 100.0),
        events_percent_of_first: percent(events[0] as usize, all[0] as usize),
        events_percent_of_second: percent(events[1] as usize, all[1] as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn both_percentages_by_hand() {
        // Songs: ann, bob. Films: ann, bob, cid.
        let found = example::with(overlap);
        let pair = &found.pairs[0];
        assert_eq!((pair.users_of_first, pair.users_of_second, pair.users), (2, 3, 2));
        assert_eq!((pair.percent_of_first, pair.percent_of_second), (Some(100.0), Some(200.0 / 3.0)));
        assert_eq!(pair.jaccard.map(|j| (j * 3.0).round()), Some(2.0));
        // Of seven events on films cid made two.
        assert_eq!(pair.events_percent_of_second, Some(500.0 / 7.0));
        assert_eq!((found.users, found.users_in_several), (3, 2));
        let both = Combination { domains: vec!["songs".into(), "films".into()], users: 2 };
        assert_eq!(found.combinations, [both, Combination { domains: vec!["films".into()], users: 1 }]);
    }

    #[test]
    fn one_domain_has_no_pairs() {
        let found = example::of(&example::films_alone(), overlap);
        assert!(found.pairs.is_empty());
        assert_eq!((found.users, found.users_in_several), (3, 0));
    }
}
