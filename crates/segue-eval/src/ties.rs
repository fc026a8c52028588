//! Candidates with equal scores: what is counted, and in which order they stand where an order is wanted.

use std::cmp::Reverse;
use std::fmt;

use segue_core::ItemId;
use segue_core::ranking::{Ranking, TieBlock};
use serde::{Deserialize, Serialize};

/// Who stands first among candidates with equal scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// Nobody: every metric is its expected value over all orders. A constant model scores exactly chance.
    #[default]
    Expected,
    /// The relevant ones, the most relevant first: what scripts report that push the positive first.
    Best,
    /// The others: what a model is worth for sure.
    Worst,
    /// Lower dense ids, as in lists that are shown.
    Index,
    /// Higher external ids, compared as bytes: `trec_eval`'s rule.
    Docid,
}

impl fmt::Display for Ties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expected => "expected value",
            Self::Best => "relevant items first",
            Self::Worst => "relevant items last",
            Self::Index => "lower index first",
            Self::Docid => "higher external id first (trec_eval)",
        })
    }
}

/// Takes the ties of a ranking apart, relevant items first or last; `grade` of an item decides among them.
pub(crate) fn taken_apart(ranking: &mut Ranking, ties: Ties, grade: impl Fn(ItemId) -> f32) {
    let best = match ties {
        Ties::Best => true,
        Ties::Worst => false,
        Ties::Expected | Ties::Index | Ties::Docid => return,
    };
    let (mut single, mut next) = (Vec::with_capacity(ranking.found.len()), 0);
    for block in &ranking.relevant {
        let first = if best { block.above } else { block.above + block.size - block.relevant };
        single.extend((0..block.relevant).map(|n| TieBlock { above: first + n, size: 1, relevant: 1 }));
        let of_block = &mut ranking.found[next..next + block.relevant];
        of_block.sort_by(|&a, &b| if best { grade(b).total_cmp(&grade(a)) } else { grade(a).total_cmp(&grade(b)) });
        next += block.relevant;
    }
    ranking.relevant = single;
}

/// Ranks scored candidates with ties in the order of `key`, best `k` on top.
pub(crate) fn in_order<K: Ord>(
    mut scored: Vec<segue_core::Scored>,
    key: impl Fn(ItemId) -> K,
    relevant: &[ItemId],
    k: usize,
) -> Ranking {
    scored.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| key(a.item).cmp(&key(b.item))));
    let mut ranking = Ranking { n_candidates: scored.len(), ..Ranking::default() };
    for (above, scored) in scored.iter().enumerate() {
        if relevant.binary_search(&scored.item).is_ok() {
            ranking.relevant.push(TieBlock { above, size: 1, relevant: 1 });
            ranking.found.push(scored.item);
        }
    }
    scored.truncate(k);
    ranking.top = scored;
    ranking
}

/// The key of [`Ties::Docid`].
pub(crate) fn docid(external: &str) -> Reverse<&[u8]> {
    Reverse(external.as_bytes())
}

/// The order, best first, in which ranx leaves documents whose scores come in this order: by numba's `argsort`, which is a quicksort that
/// moves equal numbers about, once when it reads a run and again when it makes the run comparable with qrels.
pub(crate) fn order_of_ranx(scores: &[f64]) -> Vec<usize> {
    let falling = |order: &[usize]| argsort_of_numba(&order.iter().map(|&at| -scores[at]).collect::<Vec<_>>());
    let once = falling(&(0..scores.len()).collect::<Vec<_>>());
    falling(&once).into_iter().map(|at| once[at]).collect()
}

/// `numba.misc.quicksort`, step by step.
fn argsort_of_numba(keys: &[f64]) -> Vec<usize> {
    /// Fewer are sorted by insertion.
    const SMALL: usize = 16;
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let mut stack = vec![(0, keys.len())];
    while let Some((mut low, mut end)) = stack.pop() {
        while end - low >= SMALL {
            let at = partition_of_numba(keys, &mut order[low..end]) + low;
            // The larger part waits.
            if end - 1 - at > at - low {
                stack.push((at + 1, end));
                end = at;
            } else {
                stack.push((low, at));
                low = at + 1;
            }
        }
        for i in low + 1..end {
            let mut j = i;
            while j > low && keys[order[j]] < keys[order[j - 1]] {
                order.swap(j, j - 1);
                j -= 1;
            }
        }
    }
    order
}

/// Puts smaller keys before the median of three and larger ones behind; returns where that stands.
fn partition_of_numba(keys: &[f64], order: &mut [usize]) -> usize {
    let last = order.len() - 1;
    let mid = last / 2;
    for (first, second) in [(0, mid), (mid, last), (0, mid)] {
        if keys[order[second]] < keys[order[first]] {
            order.swap(first, second);
        }
    }
    let pivot = keys[order[mid]];
    order.swap(last, mid);
    let (mut i, mut end) = (0, last);
    loop {
        while i < last && keys[order[i]] < pivot {
            i += 1;
        }
        while end > 0 && pivot < keys[order[end - 1]] {
            end -= 1;
        }
        if i + 1 >= end {
            break;
        }
        order.swap(i, end - 1);
        (i, end) = (i + 1, end - 1);
    }
    order.swap(i, last);
    i
}

#[cfg(test)]
mod tests {
    use segue_core::Scored;

    use super::*;

    #[test]
    fn ties_are_taken_apart_from_either_end() {
        let tied = Ranking {
            relevant: vec![TieBlock { above: 1, size: 4, relevant: 2 }],
            found: vec![7, 9],
            ..Ranking::default()
        };
        for (ties, places, found) in [(Ties::Best, [1, 2], [9, 7]), (Ties::Worst, [3, 4], [7, 9])] {
            let mut ranking = tied.clone();
            taken_apart(&mut ranking, ties, |item| item as f32);
            assert_eq!(ranking.relevant.iter().map(|block| block.above).collect::<Vec<_>>(), places);
            assert_eq!(ranking.found, found);
        }
    }

    #[test]
    fn keys_order_equal_scores() {
        let scored = |item, score| Scored { item, score };
        let all = vec![scored(0, 1.0), scored(1, 2.0), scored(2, 1.0), scored(3, 1.0)];
        let names = ["b", "x", "c", "a"];
        let ranking = in_order(all, |item| docid(names[item as usize]), &[0, 3], 3);
        assert_eq!(ranking.top.iter().map(|s| s.item).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(ranking.found, [0, 3]);
        assert_eq!(ranking.relevant.iter().map(|block| block.above).collect::<Vec<_>>(), [2, 3]);
    }
}
