//! Models whose score is the product of a query vector and an item vector.

use crate::dense::Matrix;
use crate::kernels::{dot, matmul_nt};
use crate::model::{Candidates, Query, Scorer};

/// How two vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Inner product.
    Dot,
    /// Inner product of unit vectors.
    Cosine,
}

/// The vectors of a model: the product and index path.
pub trait Embeddings {
    /// How a query vector meets an item vector.
    fn measure(&self) -> Measure;
    /// Item vectors, `(n_items, d)`.
    fn items(&self) -> &Matrix;
    /// Vectors of the users of the training data, `(n_users, d)`.
    fn users(&self) -> &Matrix;
    /// The vector of a query, `d` long: what [`crate::Recommender::encode`] uses.
    fn query(&self, query: &Query<'_>) -> Vec<f32>;
}

/// Scores a block of query vectors against item vectors, with an optional bias per item and per query.
#[derive(Debug)]
pub struct DotScorer<'a> {
    /// Query vectors, `(n_queries, d)`.
    pub queries: Matrix,
    /// Item vectors, `(n_items, d)`.
    pub items: &'a Matrix,
    /// Added to every score of an item.
    pub item_bias: Option<&'a [f32]>,
    /// Added to every score of a query.
    pub query_bias: Option<Vec<f32>>,
}

impl<'a> DotScorer<'a> {
    /// Encodes each query with `vector` and scores by plain products.
    pub fn new(items: &'a Matrix, queries: &[Query<'_>], vector: impl Fn(&Query<'_>) -> Vec<f32>) -> Self {
        let mut data = Vec::with_capacity(queries.len() * items.n_cols());
        for query in queries {
            data.extend_from_slice(&vector(query));
        }
        Self {
            queries: Matrix::from_vec(queries.len(), items.n_cols(), data),
            items,
            item_bias: None,
            query_bias: None,
        }
    }
}

impl Scorer for DotScorer<'_> {
    fn score(&mut self, items: Candidates<'_>, out: &mut [f32]) {
        let n = items.len();
        if n == 0 {
            return;
        }
        match &items {
            Candidates::Range(range) => {
                let tile = self.items.rows(range.start as usize..range.end as usize);
                matmul_nt(self.queries.as_slice(), tile, self.items.n_cols(), out);
            }
            Candidates::List(list) => {
                for (q, scores) in out.chunks_exact_mut(n).enumerate() {
                    for (score, &item) in scores.iter_mut().zip(*list) {
                        *score = dot(self.queries.row(q), self.items.row(item as usize));
                    }
                }
            }
        }
        for (q, scores) in out.chunks_exact_mut(n).enumerate() {
            let query_bias = self.query_bias.as_ref().map_or(0.0, |bias| bias[q]);
            if let Some(item_bias) = self.item_bias {
                for (score, item) in scores.iter_mut().zip(items.iter()) {
                    *score += query_bias + item_bias[item as usize];
                }
            } else if self.query_bias.is_some() {
                for score in scores {
                    *score += query_bias;
                }
            }
        }
    }
}
