//! A linear model from items to items with a zero diagonal, learnt in closed form.
//!
//! Harald Steck, *Embarrassingly Shallow Autoencoders for Sparse Data*, WWW 2019,
//! <https://doi.org/10.1145/3308558.3313710>.
//!
//! ```text
//! min_B |X - X B|² + l2 |B|²   with B_jj = 0
//! P = (Xᵀ X + l2 I)⁻¹,   B_ij = -P_ij / P_jj,   s(u, j) = Σ_i x_ui B_ij
//! ```
//!
//! Cost: n³ floating-point operations and 2 n² bytes for n items (the lower triangle of P, inverted in place and scored
//! from); independent of the number of users once Xᵀ X is summed. Where users are so few that it is cheaper, the same P is
//! reached through the inverse of users to users (the matrix inversion lemma), m³ + n |X| operations for m users:
//!
//! ```text
//! P = (I - Xᵀ K X) / l2,   K = (X Xᵀ + l2 I)⁻¹
//! ```
//!
//! Useful for top quality without tuning on up to some 70,000 items, and for guests: scoring is one pass over the
//! history. Not useful for larger catalogues, nor where items outnumber what the history can link.
//!
//! Deviations: X may hold weights instead of ones (`weighted`). A dislike enters a history as a negative entry; training
//! reads likes only. A history that says nothing is answered with the number of likes of each item. Checked against a
//! three-item case by hand, both ways to P against each other, and against the published Gowalla result.
//!
//! | name | default | meaning | range |
//! |---|---|---|---|
//! | `l2` | 250 (RecBole's default; the paper's best are 200 to 1000) | ridge penalty | > 0 |
//! | `weighted` | false | use the weights of likes instead of ones | |
//! | `max_memory_gib` | 12 | refuse catalogues whose fit needs more, GiB | > 0 |

use segue_core::kernels::axpy;
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Candidates, Csr, FitCx, FitError, History, Interval,
    ItemId, ModelInfo, Output, Query, Recommender, Scorer, TrainData, Work,
};

use crate::linalg::{GROUP, SymmetricTiles, TILE};

segue_core::params! {
    /// Parameters of [`EaseModel`].
    pub struct Ease {
        /// Ridge penalty: larger for larger or noisier data, 1 to 1000.
        l2: f32 = 250.0, range Interval::above(0.0), alias "reg_weight", alias "l2_norm", alias "reg";
        /// Use the weights of likes instead of ones.
        weighted: bool = false;
        /// Refuse catalogues whose fit needs more memory than this, GiB.
        max_memory_gib: f32 = 12.0, range Interval::above(0.0);
    }
}

/// P without its diagonal, `1 / -P_jj`, and what to say to a guest without history.
#[derive(Debug, Clone, PartialEq)]
pub struct EaseModel {
    /// P with a zero diagonal: then `B_jj = 0` needs no special case.
    inverse: SymmetricTiles,
    /// `-1 / P_jj`, one per item.
    scale: Vec<f32>,
    /// Likes per item.
    likes: Vec<f32>,
    weighted: bool,
}

impl Algorithm for Ease {
    const INFO: ModelInfo = ModelInfo {
        name: "ease",
        aliases: &["ease_r", "easer"],
        title: "Embarrassingly shallow autoencoder",
        citation: "Steck: Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019",
        useful_for: "top quality without tuning on up to some 70,000 items; instant answers to guests",
        not_useful_for: "larger catalogues: time grows with the cube and memory with the square of the items",
        scale: "30,000 items; with more `item_knn` or `ials`",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = EaseModel;

    fn work(&self, data: &TrainData<'_>) -> Vec<Work> {
        let x = data.log.positives();
        let through_users = users_are_cheaper(&x);
        let (n_users, n_items) = (x.n_rows() as f64, x.n_cols() as f64);
        let order = if through_users { n_users } else { n_items };
        let sweeps = (order / (GROUP * TILE) as f64).ceil();
        // Reads and writes half of the matrix at each pivot.
        let inverse = Work::of("inverse").arithmetic(order.powi(3) / 2.0).numbers(sweeps * order * order);
        if through_users {
            let likes = x.len() as f64;
            return vec![
                inverse,
                Work::of("to items").arithmetic(likes * (n_users + n_items / 2.0)).numbers(n_items * n_items),
            ];
        }
        let pairs: f64 = (0..x.n_rows()).map(|u| (x.cols_of(u).len() as f64).powi(2)).sum();
        vec![Work::of("co-occurrence").arithmetic(pairs / 2.0).numbers(n_items * n_items / 2.0), inverse]
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<EaseModel, FitError> {
        let n = data.log.n_items();
        let mut x = data.log.positives();
        let through_users = users_are_cheaper(&x);
        self.check_memory(n, if through_users { triangle(x.n_rows() as u64) } else { 0 })?;
        if !self.weighted {
            x.values_mut().fill(1.0);
        }
        let by_item = x.transpose();
        let mut inverse = if through_users {
            inverse_through_users(&x, &by_item, self.l2, cx)?
        } else {
            let mut inverse = gram(&x, &by_item, self.l2);
            inverse.invert(|done, total| cx.progress("inverse", done, total))?;
            inverse
        };
        let scale = inverse.diagonal().iter().map(|p| -1.0 / p).collect();
        inverse.fill_diagonal(0.0);
        let likes = (0..n).map(|item| by_item.cols_of(item).len() as f32).collect();
        Ok(EaseModel { inverse, scale, likes, weighted: self.weighted })
    }

    fn load(from: &ArtifactReader<'_>) -> Result<EaseModel, ArtifactError> {
        let scale: Vec<f32> = from.vector("scale", None)?;
        let n = scale.len();
        let strips = (0..n.div_ceil(TILE)).map(|i| from.numbers(&strip_name(i))).collect::<Result<_, _>>()?;
        let inverse = SymmetricTiles::from_strips(n, strips)
            .ok_or_else(|| from.entry("inverse", format!("is not a triangle of tiles of {TILE} over {n} items")))?;
        Ok(EaseModel { inverse, scale, likes: from.vector("likes", Some(n))?, weighted: from.meta("weighted")? })
    }
}

fn strip_name(i: usize) -> String {
    format!("inverse.{i:05}")
}

/// Bytes of a triangle of tiles of order `n`.
fn triangle(n: u64) -> u64 {
    2 * n * (n + TILE as u64)
}

/// Bytes at the peak of a fit: the triangle, and the rows of a pivot twice while it is swept.
fn bytes(n_items: u64) -> u64 {
    triangle(n_items) + 8 * n_items * (GROUP * TILE) as u64
}

/// Whether P is cheaper through K. An entry of the sparse product costs as much as eight of a dense one.
fn users_are_cheaper(x: &Csr<f32>) -> bool {
    let (users, items, likes) = (x.n_rows() as f64, x.n_cols() as f64, x.len() as f64);
    users < items && users.powi(3) + 8.0 * items * likes < items.powi(3)
}

impl Ease {
    /// Refuses a fit whose peak, with `besides` bytes besides, is above the limit.
    fn check_memory(&self, n_items: usize, besides: u64) -> Result<(), FitError> {
        let limit = (f64::from(self.max_memory_gib) * f64::from(1 << 30)) as u64;
        let needed = bytes(n_items as u64) + besides;
        if needed <= limit {
            return Ok(());
        }
        let (mut fits, mut too_many) = (0, n_items as u64);
        while fits + 1 < too_many {
            let middle = u64::midpoint(fits, too_many);
            if bytes(middle) + besides <= limit { fits = middle } else { too_many = middle }
        }
        Err(FitError::Memory {
            what: format!("`ease` on {n_items} items"),
            needed_mib: needed >> 20,
            limit_mib: limit >> 20,
            way_out: format!(
                "{fits} items would fit: raise `max_memory_gib`, drop rare items in preparation, or fit one domain"
            ),
        })
    }
}

/// Xᵀ X + l2 I, its lower triangle; entries are summed over users in rising order.
fn gram(x: &Csr<f32>, by_item: &Csr<f32>, l2: f32) -> SymmetricTiles {
    let mut gram = SymmetricTiles::zeros(x.n_cols());
    gram.accumulate(|item, put| {
        put(item, l2);
        let (users, weights) = by_item.row(item);
        for (&user, weight) in users.iter().zip(weights) {
            let (others, values) = x.row(user as usize);
            let upto = others.partition_point(|&other| other as usize <= item);
            for (&other, value) in others[..upto].iter().zip(&values[..upto]) {
                put(other as usize, weight * value);
            }
        }
    });
    gram
}

/// P from K: an entry off the diagonal is `-x_iᵀ K x_j / l2`, a sum of what is stored, so that nothing cancels there.
fn inverse_through_users(
    x: &Csr<f32>,
    by_item: &Csr<f32>,
    l2: f32,
    cx: &mut FitCx<'_>,
) -> Result<SymmetricTiles, FitError> {
    let mut kernel = gram(by_item, x, l2);
    kernel.invert(|done, total| cx.progress("inverse over users", done, total))?;
    let mut inverse = SymmetricTiles::zeros(x.n_cols());
    inverse.accumulate(|item, put| {
        let mut reached = vec![0.0; x.n_rows()];
        let (users, weights) = by_item.row(item);
        for (&user, &weight) in users.iter().zip(weights) {
            kernel.add_row(user as usize, weight, &mut reached);
        }
        let along = |other: usize| {
            let (users, weights) = by_item.row(other);
            users.iter().zip(weights).map(|(&user, &weight)| f64::from(weight * reached[user as usize])).sum::<f64>()
        };
        for other in 0..item {
            put(other, (-along(other) / f64::from(l2)) as f32);
        }
        put(item, ((1.0 - along(item)) / f64::from(l2)) as f32);
    });
    inverse.mirror();
    Ok(inverse)
}

impl EaseModel {
    /// The row of X that a history makes, items rising.
    fn row(&self, history: &History<'_>) -> Vec<(ItemId, f32)> {
        let mut row = history.signed();
        if !self.weighted {
            for (_, x) in &mut row {
                *x = if *x < 0.0 { -1.0 } else { 1.0 };
            }
        }
        row
    }
}

impl Recommender for EaseModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        let rows: Vec<Vec<(ItemId, f32)>> = queries.iter().map(|query| self.row(&query.history)).collect();
        let mut by_strip = vec![Vec::new(); self.inverse.n_strips()];
        for (query, row) in rows.iter().enumerate() {
            for &(item, x) in row {
                by_strip[item as usize / TILE].push(Entry { column: item as usize % TILE, query, x });
            }
        }
        for entries in &mut by_strip {
            entries.sort_by_key(|entry| entry.column);
        }
        Box::new(EaseScorer { model: self, rows, by_strip })
    }

    fn contributions(&self, query: &Query<'_>, item: ItemId) -> Option<Vec<f32>> {
        let scale = self.scale[item as usize];
        let row = self.row(&query.history).into_iter();
        let parts = row.map(|(i, x)| (i, scale * x * self.inverse.get(i as usize, item as usize)));
        Some(query.history.on_latest_events(parts))
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        for (i, strip) in self.inverse.strips().iter().enumerate() {
            out.tensor(&strip_name(i), &[strip.len()], &**strip);
        }
        out.tensor("scale", &[self.scale.len()], self.scale.as_slice());
        out.tensor("likes", &[self.likes.len()], self.likes.as_slice());
        out.meta("weighted", &self.weighted)
    }
}

/// An entry of X: `column` within its strip, the query it belongs to, its value.
#[derive(Clone, Copy)]
struct Entry {
    column: usize,
    query: usize,
    x: f32,
}

/// X P for a block of queries, tile by tile: each tile of P is read once per block. Every score is summed over the items
/// of its history in rising order, whatever the block and the candidates.
struct EaseScorer<'a> {
    model: &'a EaseModel,
    /// One sparse row per query, items rising.
    rows: Vec<Vec<(ItemId, f32)>>,
    /// The same entries by strip of P, columns rising.
    by_strip: Vec<Vec<Entry>>,
}

impl EaseScorer<'_> {
    /// Adds what strip `i` of the histories gives to the candidates `cols`, all of strip `j`, at `offset` in each row of
    /// `out`, `n` long.
    fn add(&self, i: usize, j: usize, cols: std::ops::Range<usize>, gathered: &mut Vec<f32>, out: Target<'_>) {
        let entries = &self.by_strip[i];
        let inverse = &self.model.inverse;
        let Target { scores, n, offset } = out;
        let width = cols.len();
        let mut target = |query: usize, x: f32, row: &[f32]| {
            axpy(x, row, &mut scores[query * n + offset..query * n + offset + width]);
        };
        if i >= j {
            let stride = inverse.rows_of(j).len();
            let tile = inverse.tile(i, j);
            for entry in entries {
                let start = entry.column * stride;
                target(entry.query, entry.x, &tile[start + cols.start..start + cols.end]);
            }
            return;
        }
        // The tile stands transposed: its wanted columns are gathered in one pass over its rows.
        let tile = inverse.tile(j, i);
        for same in entries.chunk_by(|a, b| a.column == b.column) {
            gathered.clear();
            gathered.extend(tile[cols.start * TILE..cols.end * TILE].iter().skip(same[0].column).step_by(TILE));
            for entry in same {
                target(entry.query, entry.x, gathered);
            }
        }
    }
}

/// Where scores go: rows of `n`, from `offset`.
struct Target<'a> {
    scores: &'a mut [f32],
    n: usize,
    offset: usize,
}

impl Scorer for EaseScorer<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        let n = items.len();
        if n == 0 {
            return;
        }
        match &items {
            Candidates::Range(range) => {
                out.fill(0.0);
                let (first, last) = (range.start as usize, range.end as usize);
                let mut gathered = Vec::with_capacity(TILE);
                for j in first / TILE..last.div_ceil(TILE) {
                    let strip = self.model.inverse.rows_of(j);
                    let (from, to) = (strip.start.max(first), strip.end.min(last));
                    for i in (0..self.by_strip.len()).filter(|&i| !self.by_strip[i].is_empty()) {
                        let target = Target { scores: &mut *out, n, offset: from - first };
                        self.add(i, j, from - strip.start..to - strip.start, &mut gathered, target);
                    }
                }
            }
            Candidates::List(list) => {
                for (scores, row) in out.chunks_exact_mut(n).zip(&self.rows) {
                    for (score, &item) in scores.iter_mut().zip(*list) {
                        *score = row
                            .iter()
                            .fold(0.0, |sum, &(i, x)| sum + x * self.model.inverse.get(i as usize, item as usize));
                    }
                }
            }
        }
        for (scores, row) in out.chunks_exact_mut(n).zip(&self.rows) {
            for (score, item) in scores.iter_mut().zip(items.iter()) {
                let item = item as usize;
                *score = if row.is_empty() { self.model.likes[item] } else { *score * self.model.scale[item] };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::{Blob, Catalogue, Event, HistoryBuf, Interactions, Registry, Seed, Signal, Silent};

    fn log(n_items: usize, rows: &[&[(ItemId, f32)]]) -> Interactions {
        let event = |user: usize, (item, weight)| {
            let signal = Signal::Positive;
            Event { user: user as u32, item, weight, signal, value: 1.0, time: None }
        };
        let events = rows.iter().enumerate().flat_map(|(user, row)| row.iter().map(move |&e| event(user, e)));
        Interactions::new(rows.len(), n_items, events.collect()).unwrap()
    }

    fn fit(params: &Ease, log: &Interactions) -> Result<EaseModel, FitError> {
        let (catalogue, registry, mut silent) = (Catalogue::default(), Registry::default(), Silent);
        params.fit(&TrainData { catalogue: &catalogue, log }, &mut FitCx::plain(1, &registry, &mut silent))
    }

    fn scores(model: &EaseModel, queries: &[Query<'_>], items: Candidates<'_>) -> Vec<f32> {
        let mut out = vec![f32::NAN; queries.len() * items.len()];
        model.encode(queries).score(items, &mut out);
        out
    }

    /// A random log that spans three strips.
    fn wide() -> Interactions {
        let mut stream = Seed::new(2).stream();
        let n = 2 * TILE + 20;
        let rows: Vec<Vec<(ItemId, f32)>> = (0..90)
            .map(|_| (0..30).map(|_| (stream.below(n as u32), 1.0 + stream.below(4) as f32)).collect())
            .collect();
        log(n, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    #[test]
    fn three_items_by_hand() {
        // Users {0, 1}, {0, 1}, {1, 2}: Xᵀ X + I = [3 2 0; 2 4 1; 0 1 2], of determinant 13 and inverse
        // [7 -4 2; -4 6 -3; 2 -3 8] / 13; so B_01 = 4/6, B_10 = 4/7, B_02 = -2/8.
        let rows: [&[(ItemId, f32)]; 3] = [&[(0, 1.0), (1, 9.0)], &[(0, 1.0), (1, 1.0)], &[(1, 1.0), (2, 1.0)]];
        let model = fit(&Ease { l2: 1.0, ..Ease::default() }, &log(3, &rows)).unwrap();
        let history = HistoryBuf::likes(&[0]);
        let likes_0 = scores(&model, &[Query::guest(history.as_history())], Candidates::Range(0..3));
        for (score, by_hand) in likes_0.iter().zip([0.0, 4.0 / 6.0, -2.0 / 8.0]) {
            assert!((score - by_hand).abs() < 1e-6, "{likes_0:?}");
        }
        let mut dislike = HistoryBuf::default();
        dislike.push(0, Signal::Negative);
        let hates_0 = scores(&model, &[Query::guest(dislike.as_history())], Candidates::Range(0..3));
        assert_eq!(hates_0, likes_0.iter().map(|s| -s).collect::<Vec<_>>());
        assert_eq!(scores(&model, &[Query::guest(History::EMPTY)], Candidates::List(&[2, 1])), [1.0, 3.0]);
    }

    #[test]
    fn weights_count_where_asked() {
        // Xᵀ X + l2 I = [5 2; 2 2]: P = [2 -2; -2 5] / 6, B_01 = 2/5; the history's weight 3 multiplies it.
        let model =
            fit(&Ease { l2: 1.0, weighted: true, ..Ease::default() }, &log(2, &[&[(0, 2.0), (1, 1.0)]])).unwrap();
        let mut history = HistoryBuf::default();
        history.push_event(0, Signal::Positive, 3.0, 1.0);
        let score = scores(&model, &[Query::guest(history.as_history())], Candidates::Range(1..2))[0];
        assert!((score - 1.2).abs() < 1e-6, "{score}");
    }

    #[test]
    fn both_ways_to_the_inverse_agree() {
        let log = wide();
        let mut x = log.positives();
        assert!(users_are_cheaper(&x));
        for l2 in [1.0, 30.0] {
            for weighted in [false, true] {
                if !weighted {
                    x.values_mut().fill(1.0);
                }
                let by_item = x.transpose();
                let mut direct = gram(&x, &by_item, l2);
                direct.invert(|_, _| Ok(())).unwrap();
                let (registry, mut silent) = (Registry::default(), Silent);
                let mut cx = FitCx::plain(1, &registry, &mut silent);
                let through = inverse_through_users(&x, &by_item, l2, &mut cx).unwrap();
                for (row, col) in (0..log.n_items()).flat_map(|row| (0..=row).map(move |col| (row, col))) {
                    let (a, b) = (direct.get(row, col), through.get(row, col));
                    assert!((a - b).abs() < 2e-5 / l2, "({row}, {col}) at l2 {l2}: {a} and {b}");
                }
            }
            x = log.positives();
        }
    }

    #[test]
    fn blocks_ranges_lists_and_single_queries_agree_to_the_bit() {
        let log = wide();
        let model = fit(&Ease { l2: 2.0, ..Ease::default() }, &log).unwrap();
        let queries: Vec<Query<'_>> = (0..20).map(|u| Query { user: Some(u), history: log.user(u) }).collect();
        let n = log.n_items();
        let all = scores(&model, &queries, Candidates::Range(0..n as u32));
        for (q, query) in queries.iter().enumerate() {
            let row = &all[q * n..(q + 1) * n];
            assert_eq!(scores(&model, &[*query], Candidates::Range(250..520)), row[250..520]);
            let list: Vec<ItemId> = (0..n as u32).rev().collect();
            let listed = scores(&model, &[*query], Candidates::List(&list));
            assert!(listed.iter().rev().eq(row));
            for item in [0, 255, 256, 531] {
                let parts = model.contributions(query, item).unwrap();
                assert_eq!(parts.len(), query.history.len());
                assert!((parts.iter().sum::<f32>() - row[item as usize]).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let model = fit(&Ease::default(), &wide()).unwrap();
        let mut writer = ArtifactWriter::new();
        model.save(&mut writer).unwrap();
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        assert_eq!(Ease::load(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap(), model);
        // In place, and without changing what it lies in.
        let blob = Blob::new(bytes.clone());
        let mut mapped = Ease::load(&ArtifactReader::open_blob(&blob, &registry).unwrap()).unwrap();
        assert_eq!(mapped, model);
        mapped.inverse.fill_diagonal(1.0);
        assert_eq!(blob.bytes(), bytes);
    }

    #[test]
    fn too_many_items_are_refused_before_anything_is_allocated() {
        let huge = Interactions::empty(1, 1_000_000);
        let message = fit(&Ease::default(), &huge).unwrap_err().to_string();
        assert!(
            message.contains("1000000 items")
                && message.contains("79121 items would fit")
                && message.contains("max_memory_gib"),
            "{message}"
        );
        assert!(fit(&Ease::default(), &Interactions::empty(2, 0)).is_ok());
    }
}
