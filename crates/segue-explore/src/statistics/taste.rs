//! Do people like the same genres in two domains?
//!
//! A like of an item with `k` genres gives each of them `1/k`; a user's profile in a domain is the mean over their likes of
//! items with genres, so that it sums to 1. Genres are the same where their names are, but for upper and lower case.

use std::collections::BTreeMap;

use segue_core::Signal;
use serde::{Deserialize, Serialize};

use super::association::{Correlation, Sums, Z};
use super::whole::Whole;

/// Genres of each domain in [`Grid`], the most liked first.
const GRID: usize = 12;
/// Shared genres listed, the most liked first.
const MOST_LISTED: usize = 100;

/// Genre preference of the common users of two domains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taste {
    /// Users with a profile in both domains.
    pub users: usize,
    /// Genres of both domains.
    pub n_shared: usize,
    /// Correlation over users of the share of one genre in their profiles, for each shared genre.
    pub shared: Vec<SharedGenre>,
    /// How alike a user's two profiles are, restricted to the shared genres; none where none are shared.
    pub profiles: Option<ProfileMatch>,
    /// Correlation of every genre of one domain with every one of the other, shared or not.
    pub grid: Option<Grid>,
}

/// One genre that both domains have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedGenre {
    /// Name, as the first domain writes it.
    pub genre: String,
    /// Mean share in the first domain's profiles.
    pub share_in_first: f64,
    /// Mean share in the second domain's.
    pub share_in_second: f64,
    /// Over the users with both profiles; none where they are fewer than four or all alike.
    pub correlation: Option<Correlation>,
}

/// Mean cosine of users' profiles in two domains, against the same with users shuffled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProfileMatch {
    /// Users with a shared genre in both profiles.
    pub users: usize,
    /// Mean cosine of a user's own two profiles.
    pub own: f64,
    /// The placebo: mean cosine of one user's profile and another's, over all pairs of different users.
    pub others: f64,
    /// `own - others`: what the person carries across, beyond what everybody likes.
    pub difference: f64,
    /// Lower end of its 95 % interval (normal approximation over users).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Correlations of genres across two domains; columns are ordered so that the best matches of the rows come first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Genres of the first domain.
    pub rows: Vec<String>,
    /// Genres of the second.
    pub columns: Vec<String>,
    /// Pearson's r by row and column; none where a share is the same for all.
    pub values: Vec<Vec<Option<f64>>>,
}

/// The profiles of one domain.
#[derive(Debug)]
pub(super) struct Profiles {
    /// Names, sorted without case.
    genres: Vec<(String, String)>,
    /// Sparse profile of each user, genres rising; empty for a user without one.
    of_user: Vec<Vec<(u32, f64)>>,
}

impl Profiles {
    /// `missing` is the category of items without one.
    pub(super) fn of(whole: &Whole<'_>, domain: usize, missing: Option<&str>) -> Self {
        let range = whole.catalogue.range(domain);
        let named = |item: u32| {
            whole.catalogue.info(item).categories.iter().map(String::as_str).filter(|genre| Some(*genre) != missing)
        };
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for item in range.clone() {
            for genre in named(item) {
                names.entry(genre.to_lowercase()).or_insert_with(|| genre.to_owned());
            }
        }
        let index: BTreeMap<&str, u32> = names.keys().map(String::as_str).zip(0..).collect();
        let genres_of: Vec<Vec<u32>> = range
            .clone()
            .map(|item| {
                let mut genres: Vec<u32> =
                    named(item).filter_map(|genre| index.get(genre.to_lowercase().as_str()).copied()).collect();
                genres.sort_unstable();
                genres.dedup();
                genres
            })
            .collect();
        let mut of_user = vec![Vec::new(); whole.n_users];
        whole.for_each_user(|user, events| {
            let mut shares: BTreeMap<u32, f64> = BTreeMap::new();
            let mut likes = 0.0;
            for (_, event) in events.iter().filter(|(_, e)| e.signal == Signal::Positive && range.contains(&e.item)) {
                let genres = &genres_of[(event.item - range.start) as usize];
                if !genres.is_empty() {
                    likes += 1.0;
                    for &g in genres {
                        *shares.entry(g).or_default() += 1.0 / genres.len() as f64;
                    }
                }
            }
            of_user[user as usize] = shares.into_iter().map(|(g, share)| (g, share / likes)).collect();
        });
        drop(index);
        Self { genres: names.into_iter().collect(), of_user }
    }
}

/// Compares the profiles of two domains.
pub(super) fn taste(first: &Profiles, second: &Profiles) -> Taste {
    let common: Vec<usize> =
        (0..first.of_user.len()).filter(|&u| !first.of_user[u].is_empty() && !second.of_user[u].is_empty()).collect();
    let shared: Vec<(u32, u32)> = (0..)
        .zip(&first.genres)
        .filter_map(|(a, genre)| {
            let b = second.genres.binary_search_by(|other| other.0.cmp(&genre.0)).ok()?;
            Some((a, b as u32))
        })
        .collect();
    let totals = [totals(first, &common), totals(second, &common)];
    let n = common.len();
    let mean = |total: f64| if n == 0 { 0.0 } else { total / n as f64 };
    let mut listed: Vec<SharedGenre> = shared
        .iter()
        .map(|&(a, b)| SharedGenre {
            genre: first.genres[a as usize].1.clone(),
            share_in_first: mean(totals[0][a as usize].x),
            share_in_second: mean(totals[1][b as usize].x),
            correlation: None,
        })
        .collect();
    let products = diagonal(first, second, &common, &shared);
    for ((genre, &(a, b)), &xy) in listed.iter_mut().zip(&shared).zip(&products) {
        genre.correlation = joined(n, totals[0][a as usize], totals[1][b as usize], xy).pearson();
    }
    let weight = |genre: &SharedGenre| genre.share_in_first + genre.share_in_second;
    listed.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then_with(|| a.genre.cmp(&b.genre)));
    listed.truncate(MOST_LISTED);
    Taste {
        users: n,
        n_shared: shared.len(),
        shared: listed,
        profiles: profiles(first, second, &common, &shared),
        grid: grid([first, second], &totals, &common, &shared),
    }
}

/// Sum and sum of squares of every genre's share, in `x` and `xx`.
fn totals(profiles: &Profiles, users: &[usize]) -> Vec<Sums> {
    let mut sums = vec![Sums::default(); profiles.genres.len()];
    for &user in users {
        for &(genre, share) in &profiles.of_user[user] {
            sums[genre as usize].x += share;
            sums[genre as usize].xx += share * share;
        }
    }
    sums
}

fn joined(n: usize, first: Sums, second: Sums, xy: f64) -> Sums {
    Sums { n, x: first.x, xx: first.xx, y: second.x, yy: second.xx, xy }
}

/// Sum of products of the shares of each shared genre.
fn diagonal(first: &Profiles, second: &Profiles, users: &[usize], shared: &[(u32, u32)]) -> Vec<f64> {
    let mut products = vec![0.0; shared.len()];
    for &user in users {
        for &(a, x) in &first.of_user[user] {
            if let Ok(n) = shared.binary_search_by_key(&a, |pair| pair.0) {
                products[n] += x * share(&second.of_user[user], shared[n].1);
            }
        }
    }
    products
}

fn share(profile: &[(u32, f64)], genre: u32) -> f64 {
    profile.binary_search_by_key(&genre, |entry| entry.0).map_or(0.0, |n| profile[n].1)
}

/// Own and others' cosines. With unit profiles `a_u`, `b_u` and sums `A`, `B`, the mean over pairs of different users is
/// `(A·B - Σ a_u·b_u) / (n (n - 1))`: the expectation of every shuffle, so that no shuffle needs to be drawn.
fn profiles(first: &Profiles, second: &Profiles, users: &[usize], shared: &[(u32, u32)]) -> Option<ProfileMatch> {
    // Both profiles over the shared genres, as unit vectors.
    let unit = |profile: &[(u32, f64)], position: &dyn Fn(u32) -> Option<usize>| {
        let kept: Vec<(usize, f64)> =
            profile.iter().filter_map(|&(genre, share)| Some((position(genre)?, share))).collect();
        let norm = kept.iter().map(|(_, share)| share * share).sum::<f64>().sqrt();
        kept.into_iter().map(|(n, share)| (n, share / norm)).collect::<Vec<_>>()
    };
    let mut in_second = vec![None; second.genres.len()];
    shared.iter().enumerate().for_each(|(n, pair)| in_second[pair.1 as usize] = Some(n));
    let of_first = |genre: u32| shared.binary_search_by_key(&genre, |pair| pair.0).ok();
    let units: Vec<_> = users
        .iter()
        .map(|&u| (unit(&first.of_user[u], &of_first), unit(&second.of_user[u], &|g| in_second[g as usize])))
        .filter(|(a, b)| !a.is_empty() && !b.is_empty())
        .collect();
    let n = units.len();
    if n < 2 {
        return None;
    }
    let (mut sum_a, mut sum_b) = (vec![0.0; shared.len()], vec![0.0; shared.len()]);
    for (a, b) in &units {
        for &(g, x) in a {
            sum_a[g] += x;
        }
        for &(g, x) in b {
            sum_b[g] += x;
        }
    }
    let dot = |vector: &[(usize, f64)], sum: &[f64]| vector.iter().map(|&(g, x)| x * sum[g]).sum::<f64>();
    // What each user adds: their own cosine, less their mean cosine with others in either role.
    let others_of = |with: f64, own: f64| (with - own) / (n - 1) as f64;
    let (mut own_sum, mut others_sum, mut gains) = (0.0, 0.0, Vec::with_capacity(n));
    for (a, b) in &units {
        let own: f64 = a.iter().map(|&(g, x)| x * b.iter().find(|other| other.0 == g).map_or(0.0, |y| y.1)).sum();
        let others = f64::midpoint(others_of(dot(a, &sum_b), own), others_of(dot(b, &sum_a), own));
        own_sum += own;
        others_sum += others;
        gains.push(own - others);
    }
    let mean = |sum: f64| sum / n as f64;
    let (own, others) = (mean(own_sum), mean(others_sum));
    let difference = own - others;
    let variance = gains.iter().map(|gain| (gain - difference).powi(2)).sum::<f64>() / (n - 1) as f64;
    let half = Z * (variance / n as f64).sqrt();
    Some(ProfileMatch { users: n, own, others, difference, low: difference - half, high: difference + half })
}

fn grid(both: [&Profiles; 2], totals: &[Vec<Sums>; 2], users: &[usize], shared: &[(u32, u32)]) -> Option<Grid> {
    if users.len() < 4 {
        return None;
    }
    let most = |side: usize| {
        let sums = &totals[side];
        let mut genres: Vec<u32> = (0..sums.len() as u32).filter(|&g| sums[g as usize].x > 0.0).collect();
        genres.sort_by(|&a, &b| sums[b as usize].x.total_cmp(&sums[a as usize].x).then(a.cmp(&b)));
        genres.truncate(GRID);
        genres
    };
    let (rows, columns) = (most(0), most(1));
    if rows.is_empty() || columns.is_empty() {
        return None;
    }
    let mut products = vec![vec![0.0; columns.len()]; rows.len()];
    for &user in users {
        let y: Vec<f64> = columns.iter().map(|&g| share(&both[1].of_user[user], g)).collect();
        for (&row, products) in rows.iter().zip(&mut products) {
            let x = share(&both[0].of_user[user], row);
            if x > 0.0 {
                products.iter_mut().zip(&y).for_each(|(sum, y)| *sum += x * y);
            }
        }
    }
    let value = |r: usize, c: usize| {
        let (x, y) = (totals[0][rows[r] as usize], totals[1][columns[c] as usize]);
        joined(users.len(), x, y, products[r][c]).pearson().map(|r| r.value)
    };
    let values: Vec<Vec<Option<f64>>> =
        (0..rows.len()).map(|r| (0..columns.len()).map(|c| value(r, c)).collect()).collect();
    let same = |r: usize, c: usize| shared.contains(&(rows[r], columns[c]));
    let order = matched(&values, same);
    let name = |side: usize, genre: u32| both[side].genres[genre as usize].1.clone();
    Some(Grid {
        rows: rows.iter().map(|&g| name(0, g)).collect(),
        columns: order.iter().map(|&c| name(1, columns[c])).collect(),
        values: values.into_iter().map(|row| order.iter().map(|&c| row[c]).collect()).collect(),
    })
}

/// An order of the columns: each row in turn takes the one of its name, or else the highest one left.
fn matched(values: &[Vec<Option<f64>>], same: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let n_columns = values.first().map_or(0, Vec::len);
    let mut of_row: Vec<Option<usize>> = (0..values.len()).map(|r| (0..n_columns).find(|&c| same(r, c))).collect();
    let mut taken = vec![false; n_columns];
    of_row.iter().flatten().for_each(|&c| taken[c] = true);
    for (row, chosen) in values.iter().zip(&mut of_row).filter(|(_, chosen)| chosen.is_none()) {
        let strength = |c: usize| row[c].unwrap_or(f64::NEG_INFINITY);
        let left = (0..n_columns).filter(|&c| !taken[c]);
        let best = left.max_by(|&a, &b| strength(a).total_cmp(&strength(b)).then(b.cmp(&a)));
        *chosen = best;
        if let Some(c) = best {
            taken[c] = true;
        }
    }
    of_row.into_iter().flatten().chain((0..n_columns).filter(|&c| !taken[c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profiles of users over named genres, by hand.
    fn of(genres: &[&str], users: &[&[(u32, f64)]]) -> Profiles {
        let genres = genres.iter().map(|name| (name.to_lowercase(), (*name).to_owned())).collect();
        Profiles { genres, of_user: users.iter().map(|profile| profile.to_vec()).collect() }
    }

    #[test]
    fn a_taste_that_is_carried_across_beats_the_placebo() {
        // Two people like drama in both, two like jazz in both; the fifth has no songs.
        let songs: [&[(u32, f64)]; 5] = [&[(0, 1.0)], &[(0, 1.0)], &[(1, 1.0)], &[(1, 1.0)], &[]];
        let films: [&[(u32, f64)]; 5] = [&[(0, 1.0)], &[(0, 1.0)], &[(1, 1.0)], &[(1, 1.0)], &[(0, 1.0)]];
        let found = taste(&of(&["Drama", "Jazz"], &songs), &of(&["drama", "Jazz"], &films));
        assert_eq!((found.users, found.n_shared), (4, 2));
        assert!(found.shared.iter().all(|genre| (genre.correlation.unwrap().value - 1.0).abs() < 1e-12));
        assert_eq!((found.shared[0].genre.as_str(), found.shared[0].share_in_second), ("Drama", 0.5));
        // Of the three others one is alike: a third.
        let profiles = found.profiles.unwrap();
        assert_eq!((profiles.users, profiles.own), (4, 1.0));
        assert!((profiles.others - 1.0 / 3.0).abs() < 1e-12 && (profiles.low - profiles.difference).abs() < 1e-9);
        let grid = found.grid.unwrap();
        assert_eq!(
            (grid.rows, grid.columns),
            (vec!["Drama".into(), "Jazz".into()], vec!["drama".into(), "Jazz".into()])
        );
        assert!((grid.values[0][1].unwrap() + 1.0).abs() < 1e-12);
    }

    #[test]
    fn genres_without_a_common_name_meet_in_the_grid_alone() {
        let songs: [&[(u32, f64)]; 4] = [&[(0, 1.0)], &[(0, 1.0)], &[(1, 1.0)], &[(1, 1.0)]];
        let films: [&[(u32, f64)]; 4] = [&[(1, 1.0)], &[(1, 1.0)], &[(0, 1.0)], &[(0, 1.0)]];
        let found = taste(&of(&["folk", "metal"], &songs), &of(&["fantasy", "slow"], &films));
        assert_eq!((found.n_shared, found.profiles), (0, None));
        let grid = found.grid.unwrap();
        // Who likes folk likes slow films: the columns turn to put the matches on the diagonal.
        assert_eq!(grid.columns, ["slow", "fantasy"]);
        assert!(grid.values[0][0].unwrap() > 0.99 && grid.values[1][1].unwrap() > 0.99);
    }

    #[test]
    fn nobody_in_both_is_no_number() {
        let songs: [&[(u32, f64)]; 2] = [&[(0, 1.0)], &[]];
        let films: [&[(u32, f64)]; 2] = [&[], &[(0, 1.0)]];
        let found = taste(&of(&["folk"], &songs), &of(&["folk"], &films));
        assert_eq!((found.users, found.profiles, found.grid.is_none()), (0, None, true));
        assert_eq!(found.shared[0].correlation, None);
    }
}
