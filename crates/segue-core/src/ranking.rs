//! From scores to ranks: the one place where seen items are hidden, candidates are ordered and ties are counted.
//!
//! A block of queries is encoded once and scored row by row into a buffer of at most a few million floats; what leaves
//! is a short list and, per held-out item, how many candidates score above it and equal to it.

use std::cell::Cell;
use std::ops::Range;

use crate::ids::ItemId;
use crate::kernels::{above_and_equal, all_finite, next_above, stretch_maxima};
use crate::model::{Candidates, Query, Recommender};
use crate::topk::{Scored, TopK};

/// Floats in the score buffer of one block: 16 MiB.
const BUFFER: usize = 4 << 20;
/// Queries in a block at most: enough for an efficient product, few enough to share work between threads.
const MAX_BLOCK: usize = 64;

thread_local! {
    /// The score buffer of each thread's last block: a new one costs a page fault per page.
    static SCORES: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// A model gave a score that cannot be ranked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "the model scored item {item} as {score}: scores must be finite; the fit has failed or the artifact is damaged"
)]
pub struct NonFinite {
    /// The item.
    pub item: ItemId,
    /// The score.
    pub score: f32,
}

/// One question: rank the candidates for a query, without the hidden ones.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Who asks.
    pub query: Query<'a>,
    /// Items never to be returned or counted, rising: seen, disliked, filtered.
    pub hidden: &'a [ItemId],
    /// Held-out items whose ranks are wanted, rising. An item that is hidden or no candidate is not ranked.
    pub relevant: &'a [ItemId],
}

/// Candidates that share one score; the blocks of a ranking stand in falling order of score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TieBlock {
    /// Candidates that score strictly higher than this block.
    pub above: usize,
    /// Candidates in this block, relevant ones included.
    pub size: usize,
    /// Relevant candidates in this block, at least 1.
    pub relevant: usize,
}

/// The answer to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranking {
    /// The best `k` candidates, best first; ties by rising item id.
    pub top: Vec<Scored>,
    /// Where the relevant items stand; blocks without relevant items are left out.
    pub relevant: Vec<TieBlock>,
    /// The relevant items in these blocks: those of the first block, by rising id, then those of the next.
    pub found: Vec<ItemId>,
    /// Number of candidates ranked.
    pub n_candidates: usize,
}

/// How many queries to encode together for a catalogue of `n_candidates`.
pub fn block_size(n_candidates: usize) -> usize {
    (BUFFER / n_candidates.max(1)).clamp(1, MAX_BLOCK)
}

/// Ranks a contiguous range of items for a block of queries, best `k` each.
pub fn rank_range(
    model: &dyn Recommender,
    asks: &[Ask<'_>],
    range: Range<ItemId>,
    k: usize,
) -> Result<Vec<Ranking>, NonFinite> {
    rank_blocks(model, asks, range, k, Depth::All)
}

/// As [`rank_range`], but tells only of relevant items within the best `k`: tie blocks with `above >= k` are left out.
///
/// That is all a metric with a cut-off needs, and several times cheaper where users have many relevant items.
pub fn rank_range_top(
    model: &dyn Recommender,
    asks: &[Ask<'_>],
    range: Range<ItemId>,
    k: usize,
) -> Result<Vec<Ranking>, NonFinite> {
    rank_blocks(model, asks, range, k, Depth::Top)
}

/// How deep relevant items are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    All,
    Top,
}

fn rank_blocks(
    model: &dyn Recommender,
    asks: &[Ask<'_>],
    range: Range<ItemId>,
    k: usize,
    depth: Depth,
) -> Result<Vec<Ranking>, NonFinite> {
    let n = range.len();
    let mut rankings = Vec::with_capacity(asks.len());
    let mut scores = SCORES.take();
    scores.resize(scores.len().max(asks.len().min(block_size(n)) * n), 0.0);
    for block in asks.chunks(block_size(n)) {
        let queries: Vec<Query<'_>> = block.iter().map(|ask| ask.query).collect();
        let scores = &mut scores[..block.len() * n];
        model.encode(&queries).score(Candidates::Range(range.clone()), scores);
        for (b, ask) in block.iter().enumerate() {
            rankings.push(rank_row(&mut scores[b * n..(b + 1) * n], &range, ask, (k, depth))?);
        }
    }
    SCORES.set(scores);
    Ok(rankings)
}

/// Ranks a list of distinct candidates, rising, for one query.
pub fn rank_list(
    model: &dyn Recommender,
    ask: &Ask<'_>,
    candidates: &[ItemId],
    k: usize,
) -> Result<Ranking, NonFinite> {
    let mut scores = vec![0.0; candidates.len()];
    model.encode(&[ask.query]).score(Candidates::List(candidates), &mut scores);
    let mut visible = Vec::with_capacity(candidates.len());
    for (&item, &score) in candidates.iter().zip(&scores) {
        if !score.is_finite() {
            return Err(NonFinite { item, score });
        }
        if ask.hidden.binary_search(&item).is_err() {
            visible.push(Scored { item, score });
        }
    }
    let relevant = |item| ask.relevant.binary_search(&item).is_ok();
    let mut counts = Counts::new(visible.iter().filter(|s| relevant(s.item)).copied().collect());
    let mut top = TopK::new(k);
    for scored in &visible {
        top.push(scored.item, scored.score);
        counts.count(scored.score);
    }
    Ok(counts.ranking(top, visible.len()))
}

/// Ranks one row of scores, in which hidden items are overwritten.
fn rank_row(
    row: &mut [f32],
    range: &Range<ItemId>,
    ask: &Ask<'_>,
    (k, depth): (usize, Depth),
) -> Result<Ranking, NonFinite> {
    // The search is for the rare failure.
    if !all_finite(row)
        && let Some(position) = row.iter().position(|score| !score.is_finite())
    {
        return Err(NonFinite { item: range.start + position as ItemId, score: row[position] });
    }
    let inside = |items: &[ItemId]| -> (usize, usize) {
        (items.partition_point(|i| *i < range.start), items.partition_point(|i| *i < range.end))
    };
    let (first, last) = inside(ask.hidden);
    let hidden = &ask.hidden[first..last];
    let (first, last) = inside(ask.relevant);
    let wanted = ask.relevant[first..last].iter().filter(|item| hidden.binary_search(item).is_err());
    let scored = |&item: &ItemId| Scored { item, score: row[(item - range.start) as usize] };
    let mut wanted: Vec<Scored> = wanted.map(scored).collect();
    // Below all that is finite: neither kept nor counted.
    for item in hidden {
        row[(item - range.start) as usize] = f32::NEG_INFINITY;
    }
    let mut top = TopK::new(k);
    let least = reached_by(row, k).next_down();
    let mut at = if k > 0 { 0 } else { row.len() };
    loop {
        // Items rise, so that an equal score comes too late to be kept.
        at = next_above(row, at, top.threshold().map_or(least, |threshold| threshold.max(least)));
        let Some(&score) = row.get(at) else { break };
        top.push(range.start + at as ItemId, score);
        at += 1;
    }
    if depth == Depth::Top {
        if k == 0 {
            wanted.clear();
        } else if let Some(threshold) = top.threshold() {
            wanted.retain(|wanted| wanted.score >= threshold);
        }
    }
    let n_candidates = row.len() - hidden.len();
    if wanted.is_empty() {
        return Ok(Ranking { top: top.into_sorted(), n_candidates, ..Ranking::default() });
    }
    let mut counts = Counts::new(wanted);
    counts.count_all(row, depth == Depth::Top);
    Ok(counts.ranking(top, n_candidates))
}

/// A score that at least `k` of the scores reach, and hardly more: the k-th highest of their maxima over stretches. Minus
/// infinity where there are too few stretches to tell.
fn reached_by(scores: &[f32], k: usize) -> f32 {
    let mut maxima = Vec::new();
    stretch_maxima(scores, &mut maxima);
    if k == 0 || k > maxima.len() {
        return f32::NEG_INFINITY;
    }
    *maxima.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a)).1
}

/// Counts, for each distinct wanted score, how many candidates score above and equal.
struct Counts {
    /// Distinct wanted scores, rising, with the number of relevant items at each.
    scores: Vec<f32>,
    relevant: Vec<usize>,
    /// The relevant items, best first.
    found: Vec<ItemId>,
    equal: Vec<usize>,
    /// `between[n]`: candidates above `scores[n - 1]` and below `scores[n]`; the last: above all.
    between: Vec<usize>,
}

impl Counts {
    fn new(mut wanted: Vec<Scored>) -> Self {
        // Adding zero makes -0.0 and 0.0 the same score.
        for scored in &mut wanted {
            scored.score += 0.0;
        }
        wanted.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        let found = wanted.iter().map(|scored| scored.item).collect();
        let (mut scores, mut relevant): (Vec<f32>, Vec<usize>) = (Vec::new(), Vec::new());
        for &Scored { score, .. } in wanted.iter().rev() {
            if scores.last() == Some(&score) {
                if let Some(count) = relevant.last_mut() {
                    *count += 1;
                }
            } else {
                scores.push(score);
                relevant.push(1);
            }
        }
        let n = scores.len();
        Self { scores, relevant, found, equal: vec![0; n], between: vec![0; n + 1] }
    }

    /// `few`: of the scores few are as high as the lowest wanted.
    fn count_all(&mut self, scores: &[f32], few: bool) {
        match self.scores[..] {
            [] => {}
            [only] => {
                // The common case of one held-out item.
                let (above, equal) = above_and_equal(scores, only);
                self.between[1] += above;
                self.equal[0] += equal;
            }
            [lowest, ..] if few => {
                let below = lowest.next_down();
                let mut at = next_above(scores, 0, below);
                while let Some(&score) = scores.get(at) {
                    self.count(score);
                    at = next_above(scores, at + 1, below);
                }
            }
            [lowest, ..] => scores.iter().filter(|score| **score >= lowest).for_each(|score| self.count(*score)),
        }
    }

    fn count(&mut self, score: f32) {
        let n = self.scores.partition_point(|wanted| *wanted < score);
        if self.scores.get(n) == Some(&score) {
            self.equal[n] += 1;
        } else {
            self.between[n] += 1;
        }
    }

    fn ranking(self, top: TopK, n_candidates: usize) -> Ranking {
        let mut above = self.between[self.scores.len()];
        let mut blocks = Vec::with_capacity(self.scores.len());
        for n in (0..self.scores.len()).rev() {
            blocks.push(TieBlock { above, size: self.equal[n], relevant: self.relevant[n] });
            above += self.equal[n] + self.between[n];
        }
        Ranking { top: top.into_sorted(), relevant: blocks, found: self.found, n_candidates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{ArtifactError, ArtifactWriter};
    use crate::history::History;
    use crate::model::Scorer;

    /// Scores are given; every query gets the same.
    struct Fixed(Vec<f32>);

    impl Recommender for Fixed {
        fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
            Box::new(FixedScorer(&self.0, queries.len()))
        }
        fn save<'a>(&'a self, _: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
            Ok(())
        }
    }

    struct FixedScorer<'a>(&'a [f32], usize);

    impl Scorer for FixedScorer<'_> {
        fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
            let n = items.len();
            for q in 0..self.1 {
                for (position, item) in items.iter().enumerate() {
                    out[q * n + position] = self.0[item as usize];
                }
            }
        }
    }

    fn ask<'a>(hidden: &'a [ItemId], relevant: &'a [ItemId]) -> Ask<'a> {
        Ask { query: Query::guest(History::EMPTY), hidden, relevant }
    }

    #[test]
    fn hidden_items_are_neither_returned_nor_counted() {
        let model = Fixed(vec![5.0, 4.0, 4.0, 4.0, 1.0, 9.0]);
        let ranking = rank_range(&model, &[ask(&[0, 3], &[2, 4])], 0..5, 2).unwrap().remove(0);
        assert_eq!(ranking.top.iter().map(|s| s.item).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(ranking.n_candidates, 3);
        let blocks = [TieBlock { above: 0, size: 2, relevant: 1 }, TieBlock { above: 2, size: 1, relevant: 1 }];
        assert_eq!(ranking.relevant, blocks);
    }

    #[test]
    fn a_score_that_is_no_number_is_an_error() {
        let model = Fixed(vec![1.0, f32::NAN]);
        assert!(rank_range(&model, &[ask(&[], &[])], 0..2, 1).is_err());
        assert_eq!(rank_list(&model, &ask(&[], &[]), &[1], 1).unwrap_err().item, 1);
    }

    proptest::proptest! {
        #[test]
        fn lists_and_ranges_agree_with_a_full_sort(
            scores in proptest::collection::vec(0_u8..6, 1..400),
            hidden in proptest::collection::btree_set(0_u32..400, 0..90),
            relevant in proptest::collection::btree_set(0_u32..400, 0..9),
            k in 0_usize..12,
        ) {
            let n = scores.len() as u32;
            let model = Fixed(scores.iter().map(|s| f32::from(*s)).collect());
            let hidden: Vec<u32> = hidden.into_iter().collect();
            let relevant: Vec<u32> = relevant.into_iter().collect();
            let ask = ask(&hidden, &relevant);
            let range = rank_range(&model, std::slice::from_ref(&ask), 0..n, k).unwrap().remove(0);
            let all: Vec<u32> = (0..n).collect();
            proptest::prop_assert_eq!(&range, &rank_list(&model, &ask, &all, k).unwrap());
            let mut shallow = range.clone();
            shallow.relevant.retain(|block| block.above < k);
            shallow.found.truncate(shallow.relevant.iter().map(|block| block.relevant).sum());
            let found = rank_range_top(&model, std::slice::from_ref(&ask), 0..n, k).unwrap().remove(0);
            proptest::prop_assert_eq!(found, shallow);

            let mut visible: Vec<u32> = all.into_iter().filter(|i| !hidden.contains(i)).collect();
            visible.sort_by(|a, b| scores[*b as usize].cmp(&scores[*a as usize]).then(a.cmp(b)));
            let top: Vec<u32> = visible.iter().copied().take(k).collect();
            proptest::prop_assert_eq!(range.top.iter().map(|s| s.item).collect::<Vec<_>>(), top);
            proptest::prop_assert_eq!(range.n_candidates, visible.len());
            let found: Vec<u32> = visible.iter().copied().filter(|i| relevant.contains(i)).collect();
            proptest::prop_assert_eq!(&range.found, &found);
            for block in &range.relevant {
                let score = scores[visible[block.above] as usize];
                let tied: Vec<u32> = visible.iter().copied().filter(|i| scores[*i as usize] == score).collect();
                proptest::prop_assert_eq!(block.size, tied.len());
                proptest::prop_assert_eq!(block.relevant, tied.iter().filter(|i| relevant.contains(i)).count());
            }
        }
    }
}
