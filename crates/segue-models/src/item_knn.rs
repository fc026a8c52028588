//! Item-based k nearest neighbours: recommends what is similar to what a person liked, where two items are similar when
//! the same people liked (or rated) both.
//!
//! Sarwar, Karypis, Konstan, Riedl: *Item-Based Collaborative Filtering Recommendation Algorithms*, WWW 2001,
//! <https://doi.org/10.1145/371920.372071>; for likes: Deshpande, Karypis: *Item-Based Top-N Recommendation Algorithms*,
//! ACM TOIS 22(1), 2004, <https://doi.org/10.1145/963770.963776>; shrunk Pearson over baselines: Koren, *Factor in the
//! Neighbors*, ACM TKDD 4(1), 2010, <https://doi.org/10.1145/1644873.1644874>.
//!
//! ```text
//! s(h, j) = m_j + Σ_{i ∈ N(j)} v(i, j) (x_i - m_i)        v(i, j) = sim(i, j) / (damping + Σ_{l ∈ N(j)} sim(l, j))
//! ```
//!
//! `h` is the history, `x_i` the signed weight of its event on `i` (a dislike counts negatively, an item it lacks is 0),
//! `m_i` the mean weight of item `i` over all users, `N(j)` the `neighbors` items most similar to `j`. Without
//! `normalise`, `v` is `sim`; without `centre` (the default), the means are left out. Nobody's history is scored by `m` alone. With
//! `w` the weights of likes, `U_ij` the users who met both items, `n = |U_ij|` and `r` the ratings, `sim(i, j)` is
//!
//! ```text
//! cosine            Σ_u w_ui w_uj / (‖w_i‖ ‖w_j‖)
//! jaccard           n / (n_i + n_j - n)
//! tf_idf            cosine of √w_ui · idf_u            idf_u = ln((1 + n_items) / (1 + likes of u))
//! bm25              Σ_u b_ui b_uj,   b_ui = idf_u · w_ui (k1 + 1) / (w_ui + k1 (1 - b + b · |w_i| / mean |w|))
//! pearson           correlation of r_ui and r_uj over u ∈ U_ij
//! pearson_baseline  Σ e_ui e_uj / √(Σ e_ui² Σ e_uj²) over U_ij,  e_ui = r_ui - (μ + b_u + b_i)
//! msd               1 / (1 + mean over U_ij of (r_ui - r_uj)²)
//! ```
//!
//! times `n / (n + shrinkage)` (`pearson_baseline`: `(n - 1) / (n - 1 + shrinkage)`, as Koren has it).
//!
//! Cost: time `Σ_u likes(u)²` to fit, memory `2 · n_items · neighbors` numbers; a query costs `Σ_{i ∈ h}` of the lists
//! that hold `i`.
//!
//! Useful for a strong, quick baseline with exact reasons, fresh likes without training, guests. Not useful for sparse
//! catalogues where few items share users.
//!
//! Deviations: an item keeps `neighbors` items *of each domain*, since otherwise the lists of films would hold films
//! alone and no song could speak for a film; with one domain nothing changes. Only positive similarities are kept.
//! `idf` is smoothed so that it is never negative. Without `centre`, a millionth of the popularity orders what the
//! history says nothing about. The lists belong to the candidates `j`, as in the papers: on Gowalla's validation part,
//! lists that belong to the liked items `i` reach a recall of .159 where these reach .174 (neither normalised nor
//! centred). `damping` keeps a short list of chance neighbours from shouting: validation NDCG@10 without and with it and
//! `shrinkage` is .0054 and .0291 on Amazon phones, .0307 and .0715 on Douban books, .0988 and .1001 on Gowalla.
//! Reference: `ItemCF` of the BARS benchmark, whose program is `similarity: cosine`, `shrinkage: 0`, `damping: 0`, `centre: true`;
//! for `pearson`, `pearson_baseline` and `msd`, scikit-surprise (`golden/item_knn`).

use std::ops::Range;

use rayon::prelude::*;
use segue_core::training::ratings;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, Csr, FitCx, FitError, Interactions, Interval,
    ItemId, ModelInfo, Output, Query, Recommender, Scorer, TrainData, Work,
};
use serde::{Deserialize, Serialize};

/// Weight of popularity in a model without means, relative to a similarity of 1: it only orders what stays at zero.
const POPULARITY: f64 = 1e-6;
/// Sweeps and penalties of the rating baselines, as in scikit-surprise.
const BASELINE_SWEEPS: usize = 10;
const BASELINE_L2_ITEM: f64 = 10.0;
const BASELINE_L2_USER: f64 = 15.0;
/// Items between two progress reports.
const BLOCK: usize = 4096;

/// How the similarity of two items is measured; the module documentation has the equations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Similarity {
    /// Cosine of the weights of likes.
    Cosine,
    /// Shared users over users of either.
    Jaccard,
    /// Cosine after weighting users by how selective they are.
    #[default]
    #[serde(alias = "tfidf")]
    TfIdf,
    /// Product of BM25 weights.
    Bm25,
    /// Correlation of ratings over shared users.
    Pearson,
    /// Correlation of what the rating baselines leave unexplained.
    PearsonBaseline,
    /// Inverse mean squared difference of ratings.
    Msd,
}

segue_core::params! {
    /// Parameters of [`ItemKnnModel`].
    pub struct ItemKnn {
        /// Neighbours kept per item and domain (default: BARS ItemCF).
        neighbors: usize = 100, range Interval::at_least(1.0), alias "k", alias "topk", alias "itemknn_topk_neighbors";
        /// cosine, jaccard, tf_idf, bm25 (likes); pearson, pearson_baseline, msd (ratings).
        similarity: Similarity = Similarity::TfIdf;
        /// Pulls similarities of few shared users to zero; absent: 10 for likes, 100 for pearson_baseline (Surprise), else 0.
        shrinkage: Option<f64> = None, range Interval::at_least(0.0);
        /// Shared users without which two items are not similar.
        min_support: usize = 1, range Interval::at_least(1.0);
        /// BM25: how soon further weight stops to count.
        bm25_k1: f64 = 1.2, range Interval::above(0.0);
        /// BM25: how much popular items are discounted.
        bm25_b: f64 = 0.75, range Interval::between(0.0, 1.0);
        /// Divide the similarities of each list by their sum.
        normalise: bool = true, alias "normalize";
        /// Added to that sum, so that a short list of weak neighbours stays weak.
        damping: f64 = 10.0, range Interval::at_least(0.0);
        /// Predict deviations from the mean weights (BARS `enable_average_bias`).
        centre: bool = false, alias "center";
    }
}

/// The lists of neighbours, by liked item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemKnnModel {
    /// Row `i`: the items `j` with `i ∈ N(j)`, with `v(i, j)`.
    votes: Csr<f32>,
    /// What the score of an item does not owe to the history.
    constant: Vec<f32>,
    /// Mean weight of an item over all users: the scores where there is no history.
    popularity: Vec<f32>,
}

impl Algorithm for ItemKnn {
    const INFO: ModelInfo = ModelInfo {
        name: "item_knn",
        aliases: &["item_cf", "itemknn", "item-knn"],
        title: "Item-based k nearest neighbours",
        citation: "Sarwar, Karypis, Konstan, Riedl: Item-Based Collaborative Filtering Recommendation Algorithms, WWW 2001",
        useful_for: "a strong, quick baseline with exact reasons; fresh likes and guests without training",
        not_useful_for: "sparse catalogues where few items share users",
        scale: "12 s for 6 million interactions; with more than half a million items `ials`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = ItemKnnModel;

    fn work(&self, data: &TrainData<'_>) -> Vec<Work> {
        let likes = data.log.positives();
        let pairs: f64 = (0..likes.n_rows()).map(|u| (likes.cols_of(u).len() as f64).powi(2)).sum();
        // Each pair of items of a user once, eight bytes of sums read and written.
        let meet = Work { gathered: 8.0 * pairs, table: 8.0 * likes.n_cols() as f64, ..Work::of("co-occurrence") };
        vec![meet.arithmetic(pairs / 2.0)]
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<ItemKnnModel, FitError> {
        let likes = data.log.positives();
        let mut means = vec![0.0_f64; likes.n_cols()];
        let entries = likes.cols().iter().zip(likes.values());
        entries.for_each(|(&item, &weight)| means[item as usize] += f64::from(weight) / likes.n_rows() as f64);

        let domains: Vec<Range<ItemId>> =
            (0..data.catalogue.domains().len()).map(|domain| data.catalogue.range(domain)).collect();
        let mut lists = self.similarities(data.log, likes, &domains, cx)?;
        if self.normalise {
            for list in &mut lists {
                let sum: f32 = list.iter().map(|&(_, similarity)| similarity).sum::<f32>() + self.damping as f32;
                for (_, similarity) in list {
                    *similarity /= sum;
                }
            }
        }
        let most = means.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let constant = |(j, list): (usize, &Vec<(ItemId, f32)>)| {
            let expected: f64 = list.iter().map(|&(i, similarity)| f64::from(similarity) * means[i as usize]).sum();
            (if self.centre { means[j] - expected } else { POPULARITY * means[j] / most }) as f32
        };
        let constant = lists.iter().enumerate().map(constant).collect();
        let lists = Csr::from_rows(means.len(), lists).map_err(|error| FitError::Numeric(error.to_string()))?;
        let popularity = means.iter().map(|&mean| mean as f32).collect();
        Ok(ItemKnnModel { votes: lists.transpose(), constant, popularity })
    }

    fn load(from: &ArtifactReader<'_>) -> Result<ItemKnnModel, ArtifactError> {
        let constant: Vec<f32> = from.vector("constant", None)?;
        let n_items = constant.len();
        let row_ptr: Vec<u64> = from.vector("votes.row_ptr", Some(n_items + 1))?;
        let row_ptr = row_ptr.into_iter().map(|end| end as usize).collect();
        let votes = Csr::new(n_items, row_ptr, from.vector("votes.items", None)?, from.vector("votes.values", None)?)
            .map_err(|error| from.entry("votes", error.to_string()))?;
        Ok(ItemKnnModel { votes, constant, popularity: from.vector("popularity", Some(n_items))? })
    }
}

impl ItemKnn {
    /// `N(j)` with similarities for every item `j`.
    fn similarities(
        &self,
        log: &Interactions,
        mut likes: Csr<f32>,
        domains: &[Range<ItemId>],
        cx: &mut FitCx<'_>,
    ) -> Result<Vec<Vec<(ItemId, f32)>>, FitError> {
        let shrinkage = self.shrinkage.unwrap_or(match self.similarity {
            Similarity::Cosine | Similarity::Jaccard | Similarity::TfIdf | Similarity::Bm25 => 10.0,
            Similarity::Pearson | Similarity::Msd => 0.0,
            Similarity::PearsonBaseline => 100.0,
        });
        let support = |n: f64| if shrinkage > 0.0 { n / (n + shrinkage) } else { 1.0 };
        let search = Search { neighbors: self.neighbors, min_support: self.min_support as f64, domains };
        match self.similarity {
            Similarity::Cosine | Similarity::TfIdf => {
                if self.similarity == Similarity::TfIdf {
                    weigh_users(&mut likes, f32::sqrt);
                }
                let mut norms = vec![0.0_f64; likes.n_cols()];
                let entries = likes.cols().iter().zip(likes.values());
                entries.for_each(|(&item, &w)| norms[item as usize] += f64::from(w) * f64::from(w));
                for norm in &mut norms {
                    *norm = norm.sqrt();
                }
                search.run(&likes, cx, |i, j, pair: &Product| {
                    support(pair.n()) * ratio(f64::from(pair.xy), norms[i] * norms[j])
                })
            }
            Similarity::Jaccard => {
                let mut counts = vec![0.0_f64; likes.n_cols()];
                likes.cols().iter().for_each(|&item| counts[item as usize] += 1.0);
                search.run(&likes, cx, |i, j, pair: &Product| {
                    support(pair.n()) * ratio(pair.n(), counts[i] + counts[j] - pair.n())
                })
            }
            Similarity::Bm25 => {
                self.saturate(&mut likes);
                weigh_users(&mut likes, |w| w);
                search.run(&likes, cx, |_, _, pair: &Product| support(pair.n()) * f64::from(pair.xy))
            }
            Similarity::Pearson => search.run(&ratings::by_user(log)?, cx, |_, _, p: &Moments| {
                let spread = (p.n * p.xx - p.x * p.x) * (p.n * p.yy - p.y * p.y);
                support(p.n) * ratio(p.n * p.xy - p.x * p.y, spread.max(0.0).sqrt())
            }),
            Similarity::PearsonBaseline => {
                let mut residuals = ratings::by_user(log)?;
                subtract_baselines(&mut residuals);
                search.run(&residuals, cx, |_, _, p: &Moments| support(p.n - 1.0) * ratio(p.xy, (p.xx * p.yy).sqrt()))
            }
            Similarity::Msd => search.run(&ratings::by_user(log)?, cx, |_, _, p: &Moments| {
                support(p.n) / (1.0 + (p.xx + p.yy - 2.0 * p.xy).max(0.0) / p.n)
            }),
        }
    }

    /// Replaces weights by their BM25 term frequencies: an item is a document, its users are the terms.
    fn saturate(&self, likes: &mut Csr<f32>) {
        let mut lengths = vec![0.0_f32; likes.n_cols()];
        likes.cols().iter().zip(likes.values()).for_each(|(&item, &w)| lengths[item as usize] += w);
        let mean = lengths.iter().sum::<f32>() / lengths.len().max(1) as f32;
        let (k1, b) = (self.bm25_k1 as f32, self.bm25_b as f32);
        let items = likes.cols().to_vec();
        for (w, item) in likes.values_mut().iter_mut().zip(items) {
            let length = if mean > 0.0 { lengths[item as usize] / mean } else { 1.0 };
            *w = *w * (k1 + 1.0) / (*w + k1 * (1.0 - b + b * length));
        }
    }
}

/// `w_ui ← f(w_ui) · idf_u`.
fn weigh_users(likes: &mut Csr<f32>, f: impl Fn(f32) -> f32) {
    let n_items = likes.n_cols() as f32;
    for user in 0..likes.n_rows() {
        let range = likes.range(user);
        let idf = ((1.0 + n_items) / (1.0 + range.len() as f32)).ln();
        likes.values_mut()[range].iter_mut().for_each(|w| *w = f(*w) * idf);
    }
}

/// `r_ui ← r_ui - (μ + b_u + b_i)`, the biases by alternating ridge regressions, items first.
fn subtract_baselines(ratings: &mut Csr<f32>) {
    let (n_users, n_items) = (ratings.n_rows(), ratings.n_cols());
    let mean = ratings.values().iter().map(|&r| f64::from(r)).sum::<f64>() / ratings.len().max(1) as f64;
    let (mut user_bias, mut item_bias) = (vec![0.0_f64; n_users], vec![0.0_f64; n_items]);
    let mut item_counts = vec![0.0_f64; n_items];
    ratings.cols().iter().for_each(|&item| item_counts[item as usize] += 1.0);
    for _ in 0..BASELINE_SWEEPS {
        let mut sums = vec![0.0_f64; n_items];
        for (user, bias) in user_bias.iter().enumerate() {
            let (items, values) = ratings.row(user);
            items.iter().zip(values).for_each(|(&item, &r)| sums[item as usize] += f64::from(r) - mean - bias);
        }
        for item in 0..n_items {
            item_bias[item] = sums[item] / (BASELINE_L2_ITEM + item_counts[item]);
        }
        for (user, bias) in user_bias.iter_mut().enumerate() {
            let (items, values) = ratings.row(user);
            let sum: f64 = items.iter().zip(values).map(|(&i, &r)| f64::from(r) - mean - item_bias[i as usize]).sum();
            *bias = sum / (BASELINE_L2_USER + items.len() as f64);
        }
    }
    for (user, bias) in user_bias.iter().enumerate() {
        for entry in ratings.range(user) {
            let baseline = mean + bias + item_bias[ratings.cols()[entry] as usize];
            ratings.values_mut()[entry] -= baseline as f32;
        }
    }
}

fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator > 0.0 { numerator / denominator } else { 0.0 }
}

/// What is summed over the users whom two items share.
trait Pair: Copy + Default + Send {
    fn add(&mut self, x: f32, y: f32);
    fn n(&self) -> f64;
}

/// Number of users and sum of products: eight bytes, so that a row of them stays in cache.
#[derive(Clone, Copy, Default)]
struct Product {
    n: u32,
    xy: f32,
}

impl Pair for Product {
    fn add(&mut self, x: f32, y: f32) {
        self.n += 1;
        self.xy += x * y;
    }
    fn n(&self) -> f64 {
        f64::from(self.n)
    }
}

/// Number of users and all first and second moments.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Pair for Moments {
    fn add(&mut self, x: f32, y: f32) {
        let (x, y) = (f64::from(x), f64::from(y));
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }
    fn n(&self) -> f64 {
        self.n
    }
}

/// Which of all similar items are kept.
struct Search<'a> {
    neighbors: usize,
    min_support: f64,
    domains: &'a [Range<ItemId>],
}

impl Search<'_> {
    /// The neighbours of every item. Each list is computed by one thread in one order, so threads do not change it.
    fn run<P: Pair>(
        &self,
        by_user: &Csr<f32>,
        cx: &mut FitCx<'_>,
        similarity: impl Fn(usize, usize, &P) -> f64 + Sync,
    ) -> Result<Vec<Vec<(ItemId, f32)>>, FitError> {
        let by_item = by_user.transpose();
        let n_items = by_user.n_cols();
        let mut lists = Vec::with_capacity(n_items);
        for start in (0..n_items).step_by(BLOCK) {
            cx.progress("similarities", start as u64, n_items as u64)?;
            let block = (start..n_items.min(start + BLOCK)).into_par_iter().map_init(
                || (vec![P::default(); n_items], Vec::new(), Vec::new()),
                |(pairs, touched, list), item| {
                    let (users, weights) = by_item.row(item);
                    for (&user, &x) in users.iter().zip(weights) {
                        let (items, weights) = by_user.row(user as usize);
                        for (&other, &y) in items.iter().zip(weights) {
                            let pair = &mut pairs[other as usize];
                            if pair.n() == 0.0 {
                                touched.push(other);
                            }
                            pair.add(x, y);
                        }
                    }
                    list.clear();
                    for other in touched.drain(..) {
                        let pair = std::mem::take(&mut pairs[other as usize]);
                        if other as usize != item && pair.n() >= self.min_support {
                            list.push((other, similarity(item, other as usize, &pair) as f32));
                        }
                    }
                    self.nearest(list)
                },
            );
            lists.par_extend(block);
        }
        cx.progress("similarities", n_items as u64, n_items as u64)?;
        Ok(lists)
    }

    /// The most similar items of each domain, by rising id; of equal ones those of lower id.
    fn nearest(&self, list: &[(ItemId, f32)]) -> Vec<(ItemId, f32)> {
        let mut kept = Vec::with_capacity(list.len().min(self.neighbors * self.domains.len()));
        let mut keys = Vec::with_capacity(list.len());
        for domain in self.domains {
            // The bits of positive numbers are ordered as the numbers are.
            let positive = list.iter().filter(|(item, similarity)| *similarity > 0.0 && domain.contains(item));
            keys.clear();
            keys.extend(positive.map(|&(item, similarity)| u64::from(similarity.to_bits()) << 32 | u64::from(!item)));
            if keys.len() > self.neighbors {
                keys.select_nth_unstable_by(self.neighbors, |a, b| b.cmp(a));
                keys.truncate(self.neighbors);
            }
            kept.extend(keys.iter().map(|&key| (!(key as u32), f32::from_bits((key >> 32) as u32))));
        }
        kept.sort_unstable_by_key(|&(item, _)| item);
        kept
    }
}

impl Recommender for ItemKnnModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let histories = queries.iter().map(|query| query.history.signed()).collect();
        Box::new(Votes { model: self, histories, row: Vec::new() })
    }

    fn contributions(&self, query: &Query<'_>, item: ItemId) -> Option<Vec<f32>> {
        let mut signed = query.history.signed();
        let mut parts = vec![0.0; query.history.len()];
        // From the latest event back: it alone speaks for its item.
        for (part, liked) in parts.iter_mut().zip(query.history.items).rev() {
            if let Ok(at) = signed.binary_search_by_key(liked, |&(item, _)| item) {
                let (items, votes) = self.votes.row(*liked as usize);
                let vote = items.binary_search(&item).map_or(0.0, |at| votes[at]);
                *part = std::mem::take(&mut signed[at].1) * vote;
            }
        }
        Some(parts)
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        let row_ptr: Vec<u64> = self.votes.row_ptr().iter().map(|&end| end as u64).collect();
        out.tensor("votes.row_ptr", &[row_ptr.len()], row_ptr);
        out.tensor("votes.items", &[self.votes.len()], self.votes.cols());
        out.tensor("votes.values", &[self.votes.len()], self.votes.values());
        out.tensor("constant", &[self.constant.len()], self.constant.as_slice());
        out.tensor("popularity", &[self.popularity.len()], self.popularity.as_slice());
        Ok(())
    }
}

/// Histories as signed weights per item, items rising.
struct Votes<'a> {
    model: &'a ItemKnnModel,
    histories: Vec<Vec<(ItemId, f32)>>,
    /// Scores of all items for one query; only lists of candidates need it.
    row: Vec<f32>,
}

impl ItemKnnModel {
    /// Scores of all items of `range`.
    fn score_range(&self, history: &[(ItemId, f32)], range: &Range<ItemId>, out: &mut [f32]) {
        let all = range.start as usize..range.end as usize;
        if history.is_empty() {
            out.copy_from_slice(&self.popularity[all]);
            return;
        }
        out.copy_from_slice(&self.constant[all]);
        for &(liked, x) in history {
            let (items, votes) = self.votes.row(liked as usize);
            let first = items.partition_point(|&item| item < range.start);
            let last = items.partition_point(|&item| item < range.end);
            for (&item, &vote) in items[first..last].iter().zip(&votes[first..last]) {
                out[(item - range.start) as usize] += x * vote;
            }
        }
    }
}

impl Scorer for Votes<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        let n = items.len().max(1);
        for (history, out) in self.histories.iter().zip(out.chunks_exact_mut(n)) {
            match &items {
                Candidates::Range(range) => self.model.score_range(history, range, out),
                Candidates::List(list) => {
                    self.row.resize(self.model.constant.len(), 0.0);
                    self.model.score_range(history, &(0..self.model.constant.len() as ItemId), &mut self.row);
                    out.iter_mut().zip(*list).for_each(|(score, &item)| *score = self.row[item as usize]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::{Catalogue, Domain, Event, HistoryBuf, IdMap, ItemInfo, Registry, Signal, Silent};

    /// One domain per length.
    fn catalogue(lengths: &[usize]) -> Catalogue {
        let ids = |n: usize| IdMap::new((0..n).map(|i| i.to_string()).collect());
        let domains = lengths.iter().map(|&n| Domain { name: format!("of {n}"), ids: ids(n) });
        Catalogue::new(domains.collect(), |_, _| ItemInfo::default())
    }

    fn event(user: u32, item: u32, value: f32) -> Event {
        Event { user, item, weight: 1.0, signal: Signal::Positive, value, time: None }
    }

    /// Users like {0, 1}, {0, 1, 2}, {2}, {0, 3}.
    fn likes() -> Interactions {
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2), (3, 0), (3, 3)];
        Interactions::new(4, 4, pairs.map(|(u, i)| event(u, i, 1.0)).to_vec()).unwrap()
    }

    fn fit(params: &ItemKnn, log: &Interactions, lengths: &[usize]) -> ItemKnnModel {
        let (registry, mut silent) = (Registry::default(), Silent);
        let mut cx = FitCx::plain(1, &registry, &mut silent);
        params.fit(&TrainData { catalogue: &catalogue(lengths), log }, &mut cx).unwrap()
    }

    fn plain(similarity: Similarity) -> ItemKnn {
        ItemKnn { similarity, shrinkage: Some(0.0), normalise: false, ..ItemKnn::default() }
    }

    fn vote(model: &ItemKnnModel, i: u32, j: u32) -> f32 {
        let (items, votes) = model.votes.row(i as usize);
        items.binary_search(&j).map_or(0.0, |at| votes[at])
    }

    fn scores(model: &ItemKnnModel, history: &HistoryBuf) -> Vec<f32> {
        let n = model.constant.len();
        let mut out = vec![0.0; n];
        model.encode(&[Query::guest(history.as_history())]).score(Candidates::Range(0..n as u32), &mut out);
        out
    }

    #[track_caller]
    fn check(params: &ItemKnn, log: &Interactions, expected: &[(u32, u32, f64)]) {
        let model = fit(params, log, &[log.n_items()]);
        for &(i, j, expected) in expected {
            for found in [vote(&model, i, j), vote(&model, j, i)] {
                assert!((f64::from(found) - expected).abs() < 1e-6, "sim({i}, {j}) is {found}, not {expected}");
            }
        }
    }

    #[test]
    fn similarities_of_likes_by_hand() {
        let root = |x: f64| x.sqrt();
        let cosine =
            [(0, 1, 2.0 / root(6.0)), (0, 2, 1.0 / root(6.0)), (0, 3, 1.0 / root(3.0)), (1, 2, 0.5), (2, 3, 0.0)];
        check(&plain(Similarity::Cosine), &likes(), &cosine);
        let jaccard = [(0, 1, 2.0 / 3.0), (0, 2, 0.25), (0, 3, 1.0 / 3.0), (1, 2, 1.0 / 3.0), (2, 3, 0.0)];
        check(&plain(Similarity::Jaccard), &likes(), &jaccard);
        // Squared idf of users with one, two and three of four items.
        let [one, two, three] = [2.0, 3.0, 4.0].map(|d: f64| (5.0 / d).ln().powi(2));
        let (norm_0, norm_1, norm_2) = (root(2.0 * two + three), root(two + three), root(three + one));
        let tf_idf = [(0, 1, (two + three) / (norm_0 * norm_1)), (1, 2, three / (norm_1 * norm_2))];
        check(&plain(Similarity::TfIdf), &likes(), &tf_idf);
        // Item 0 has 1.5 times the mean of two likes, items 1 and 2 have the mean.
        let long = 2.2 / (1.0 + 1.2 * (0.25 + 0.75 * 1.5));
        check(&plain(Similarity::Bm25), &likes(), &[(0, 1, long * (two + three)), (1, 2, three)]);
    }

    #[test]
    fn support_shrinks_and_cuts() {
        let shrunk = ItemKnn { shrinkage: Some(2.0), ..plain(Similarity::Jaccard) };
        check(&shrunk, &likes(), &[(0, 1, 2.0 / 3.0 * 0.5), (0, 2, 0.25 / 3.0)]);
        let cut = ItemKnn { min_support: 2, ..plain(Similarity::Jaccard) };
        check(&cut, &likes(), &[(0, 1, 2.0 / 3.0), (0, 2, 0.0)]);
    }

    #[test]
    fn similarities_of_ratings_by_hand() {
        // Item 1 rises with item 0, item 2 falls.
        let stars = [[1.0, 2.0, 5.0], [3.0, 3.0, 3.0], [5.0, 4.0, 1.0]];
        let events = (0..9).map(|n| event(n / 3, n % 3, stars[n as usize / 3][n as usize % 3]));
        let log = Interactions::new(3, 3, events.collect()).unwrap();
        check(&plain(Similarity::Pearson), &log, &[(0, 1, 1.0), (0, 2, 0.0), (1, 2, 0.0)]);
        check(&plain(Similarity::Msd), &log, &[(0, 1, 0.6), (0, 2, 1.0 / (1.0 + 32.0 / 3.0)), (1, 2, 1.0 / 7.0)]);
    }

    #[test]
    fn similarities_of_ratings_equal_those_of_surprise() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../golden/item_knn/values.json")).unwrap();
        let number = |v: &serde_json::Value| v.as_f64().unwrap();
        let triple =
            |row: &serde_json::Value| event(number(&row[0]) as u32, number(&row[1]) as u32, number(&row[2]) as f32);
        let events = golden["ratings"].as_array().unwrap().iter().map(triple).collect();
        let n_items = golden["n_items"].as_u64().unwrap() as u32;
        let log = Interactions::new(golden["n_users"].as_u64().unwrap() as usize, n_items as usize, events).unwrap();
        let cases = [
            ("msd", plain(Similarity::Msd)),
            ("pearson", ItemKnn { min_support: 2, ..plain(Similarity::Pearson) }),
            (
                "pearson_baseline",
                ItemKnn { min_support: 2, shrinkage: Some(10.0), ..plain(Similarity::PearsonBaseline) },
            ),
        ];
        for (name, params) in cases {
            let model = fit(&params, &log, &[n_items as usize]);
            for (i, j) in (0..n_items).flat_map(|i| (0..n_items).map(move |j| (i, j))).filter(|(i, j)| i != j) {
                let expected = number(&golden[name][i as usize][j as usize]).max(0.0);
                let found = f64::from(vote(&model, i, j));
                assert!(
                    (found - expected).abs() < number(&golden["tolerance"]),
                    "{name}({i}, {j}): {found}, {expected}"
                );
            }
        }
    }

    #[test]
    fn scores_by_hand() {
        let liked = HistoryBuf::likes(&[0, 2]);
        let uncentred = scores(&fit(&plain(Similarity::Jaccard), &likes(), &[4]), &liked);
        assert!((uncentred[1] - (2.0 / 3.0 + 1.0 / 3.0)).abs() < 1e-5, "{uncentred:?}");
        // N(1) = {0: 2/3, 2: 1/3} normalised is itself; the means are 3/4, 2/4, 2/4, 1/4.
        let undamped = ItemKnn { normalise: true, damping: 0.0, centre: true, ..plain(Similarity::Jaccard) };
        let centred = fit(&undamped, &likes(), &[4]);
        let expected = 0.5 + 2.0 / 3.0 * (1.0 - 0.75) + 1.0 / 3.0 * (1.0 - 0.5);
        assert!((scores(&centred, &liked)[1] - expected).abs() < 1e-6);
        let damped = scores(&fit(&ItemKnn { damping: 3.0, centre: false, ..undamped }, &likes(), &[4]), &liked);
        assert!((damped[1] - (2.0 / 3.0 + 1.0 / 3.0) / (3.0 + 1.0)).abs() < 1e-5);
        assert_eq!(scores(&centred, &HistoryBuf::default()), [0.75, 0.5, 0.5, 0.25]);
    }

    #[test]
    fn ties_fall_to_the_lower_id_and_every_domain_has_its_lists() {
        // One user likes all: every similarity is 1.
        let all = |n| Interactions::new(1, n, (0..n as u32).map(|i| event(0, i, 1.0)).collect()).unwrap();
        let one = ItemKnn { neighbors: 1, ..plain(Similarity::Cosine) };
        let model = fit(&one, &all(4), &[4]);
        assert_eq!(model.votes.cols_of(0), [1, 2, 3]);
        assert_eq!(model.votes.cols_of(1), [0]);
        let model = fit(&one, &all(4), &[2, 2]);
        assert_eq!(model.votes.cols_of(0), [1, 2, 3]);
        assert_eq!(model.votes.cols_of(2), [0, 1, 3]);
    }

    #[test]
    fn a_dislike_lowers_and_reasons_add_up() {
        let model = fit(&ItemKnn::default(), &likes(), &[4]);
        let mut history = HistoryBuf::likes(&[0, 2, 0]);
        let before = scores(&model, &history);
        history.push(2, Signal::Negative);
        let after = scores(&model, &history);
        assert!(after[1] < before[1]);
        for item in 0..4 {
            let parts = model.contributions(&Query::guest(history.as_history()), item).unwrap();
            assert_eq!((parts[0], parts[1]), (0.0, 0.0), "only the latest event of an item speaks");
            let sum = parts.iter().sum::<f32>() + model.constant[item as usize];
            assert!((sum - after[item as usize]).abs() < 1e-6);
        }
    }

    #[test]
    fn what_is_saved_is_loaded_and_lists_score_as_ranges() {
        let model = fit(&ItemKnn::default(), &likes(), &[4]);
        let mut writer = ArtifactWriter::new();
        model.save(&mut writer).unwrap();
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        assert_eq!(ItemKnn::load(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap(), model);
        let history = HistoryBuf::likes(&[1, 2]);
        let mut out = [0.0; 2];
        model.encode(&[Query::guest(history.as_history())]).score(Candidates::List(&[3, 0]), &mut out);
        let all = scores(&model, &history);
        assert_eq!(out, [all[3], all[0]]);
    }
}
