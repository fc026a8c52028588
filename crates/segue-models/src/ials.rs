//! Matrix factorisation for implicit feedback by exact alternating least squares.
//!
//! Yifan Hu, Yehuda Koren, Chris Volinsky, *Collaborative Filtering for Implicit Feedback Datasets*, ICDM 2008,
//! <https://doi.org/10.1109/ICDM.2008.22>; with the penalty scaled by frequency of Steffen Rendle, Walid Krichene, Li
//! Zhang, Yehuda Koren, *Revisiting the Performance of iALS on Item Recommendation Benchmarks*, `RecSys` 2022,
//! <https://doi.org/10.1145/3523227.3548486>.
//!
//! ```text
//! c_ui = w0 + alpha x_ui   p_ui = 1     where u liked i with weight x_ui
//! c_ui = w0                p_ui = 0     elsewhere
//!
//! min Σ_ui c_ui (p_ui - x_u · y_i)² + l2 Σ_u (Σ_i c_ui)^nu |x_u|² + l2 Σ_i (Σ_u c_ui)^nu |y_i|²
//!
//! x_u = (w0 Yᵀ Y + Σ_i alpha x_ui y_i y_iᵀ + l2 (Σ_i c_ui)^nu I)⁻¹ Σ_i c_ui p_ui y_i        s(u, i) = x_u · y_i
//! ```
//!
//! w0 is `unobserved_weight`, d `factors`, nu `l2_exponent`. Hu's model is w0 = 1 and nu = 0. Rendle's is alpha = 1 and
//! nu = 1 up to the scale of scores (there an observed pair aims at 1 / (1 + w0)).
//!
//! Each side is kept in the basis in which the other's `w0 Yᵀ Y + l2 ... I` is diagonal, which changes no product. Scaled by it
//! (*whitened*), the system of a row is `(I + Zᵀ Z) x = Zᵀ aims` with Z its n observed vectors, and the part that all pairs share
//! costs nothing. `solver` says how it is solved; cost per epoch over rows of n likes, beside O(d²) a row and O(d³) for the bases:
//!
//! | `solver` | cost of a row | what it is |
//! |---|---|---|
//! | `exact` | min(n, d)² (n + d) | Cholesky of order d, or of order n by Woodbury where n < d: the minimum of each half |
//! | `cg` | n d `steps` | conjugate gradients from the vector of the epoch before (Takács, Pilászy, Tikk, *Applications of the conjugate gradient method for implicit feedback collaborative filtering*, `RecSys` 2011) |
//! | `blocks` | n d (`block` + 2) | the coordinates `block` at a time (Rendle, Krichene, Zhang, Koren, *iALS++: Speeding up Matrix Factorization with Subspace Optimization*, 2021, <https://arxiv.org/abs/2110.14044>) |
//!
//! The whitened system is well conditioned, so that a few steps go a long way: rows with few likes are solved exactly by either
//! where that costs less. Users are answered exactly whatever the solver. Memory: d floats per user and item.
//!
//! Useful for a strong, fast baseline on likes, plays and purchases of any size, for guests (their factors are the exact
//! solution above) and for reasons that add up. Not useful for explicit ratings or for order within a history.
//!
//! Deviations: training reads likes only. A dislike in a history is a pair of the same confidence that aims at -1, so that
//! it lowers its neighbours even where nothing is liked (aiming at 0 would leave such a guest at zero). Users are always
//! answered from their history of the moment; a history that says nothing is answered with the mean user, which ranks by
//! popularity. Checked against numpy, and against `implicit` where the objectives coincide (`golden/ials`).
//!
//! The default penalty is a compromise that holds over sizes: with Rendle's nu = 1 the best l2 on validation differs by a factor of ten
//! between catalogues of 800 and 14,000 items; with nu = 0.5, l2 between 0.2 and 0.3 is within a tenth of the best NDCG@10 on both.
//!
//! | name | default | meaning | range |
//! |---|---|---|---|
//! | `factors` | 64 | dimension of user and item vectors | 1 to 4096 |
//! | `epochs` | 16 (Rendle et al.) | passes over items and users | >= 1 |
//! | `alpha` | 1 (Rendle et al.; Hu et al. use 40 with w0 = 1) | confidence a like adds per unit of weight | > 0 |
//! | `unobserved_weight` | 0.1 | confidence of every pair without a like | >= 0 |
//! | `l2` | 0.25 (Rendle et al.: 0.003 with nu = 1 on MovieLens 20M) | penalty | > 0 |
//! | `l2_exponent` | 0.5 (Rendle et al.: 1) | how the penalty grows with the confidence of a row; 0: not at all | 0 to 1 |
//! | `init_deviation` | 0.1 (Rendle et al.) | size of a user's first vector | > 0 |
//! | `solver` | exact | `exact`, `cg` or `blocks` | |
//! | `steps` | 3 (`implicit`) | `cg`: steps for each row and half epoch | >= 1 |
//! | `block` | 32 | `blocks`: coordinates solved together | >= 1 |

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use segue_core::kernels::{Block, axpy, dot, gather_sum, matmul, prefetch};
use segue_core::{
    Algorithm, ArtifactError, ArtifactReader, ArtifactWriter, Csr, DotScorer, Embeddings, FitCx, FitError, Interval,
    ItemId, Matrix, Measure, ModelInfo, Output, Query, Recommender, Scorer, TrainData, Trainable, Work, run_epochs,
};

use crate::linalg::{not_positive, padded, solve, turn_to_principal_axes};

/// How the least-squares system of a row is solved in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// Cholesky.
    #[default]
    #[serde(alias = "cholesky")]
    Exact,
    /// A few steps of conjugate gradients.
    #[serde(alias = "conjugate_gradient")]
    Cg,
    /// One pass over blocks of coordinates, as `iALS++`.
    #[serde(alias = "ials_pp")]
    Blocks,
}

segue_core::params! {
    /// Parameters of [`IalsModel`].
    pub struct Ials {
        /// Dimension of user and item vectors.
        factors: usize = 64, range Interval::between(1.0, 4096.0), alias "embedding_dim", alias "n_factors", alias "embedding_size";
        /// Passes over items and users.
        epochs: usize = 16, range Interval::at_least(1.0), alias "iterations", alias "n_epochs", alias "max_epochs";
        /// Confidence that a like adds per unit of its weight.
        alpha: f32 = 1.0, range Interval::above(0.0);
        /// Confidence of every pair without a like.
        unobserved_weight: f32 = 0.1, range Interval::at_least(0.0), alias "w0";
        /// Penalty on the length of vectors.
        l2: f32 = 0.25, range Interval::above(0.0), alias "reg", alias "regularization";
        /// How the penalty of a row grows with its confidence: 0 not at all, 1 in proportion.
        l2_exponent: f32 = 0.5, range Interval::between(0.0, 1.0), alias "l2_frequency", alias "nu";
        /// Standard deviation of a user's first vector, over all its entries together.
        init_deviation: f32 = 0.1, range Interval::above(0.0), alias "init_std";
        /// `exact`, `cg` (conjugate gradients) or `blocks` (iALS++).
        solver: Solver = Solver::Exact;
        /// Conjugate gradients: steps for each row.
        steps: usize = 3, range Interval::between(1.0, 1024.0), alias "cg_steps";
        /// Blocks: coordinates that are solved together.
        block: usize = 32, range Interval::between(1.0, 4096.0), alias "block_size";
    }
}

/// User and item vectors, in the basis in which `itemsᵀ items` is diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct IalsModel {
    params: Ials,
    users: Matrix,
    items: Matrix,
    /// Diagonal of `itemsᵀ items`.
    spectrum: Vec<f32>,
    /// Mean vector of the users who like something.
    mean_user: Vec<f32>,
}

impl Algorithm for Ials {
    const INFO: ModelInfo = ModelInfo {
        name: "ials",
        aliases: &["als", "implicit_als", "wrmf"],
        title: "Implicit alternating least squares",
        citation: "Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008; Rendle, \
                   Krichene, Zhang, Koren: Revisiting the Performance of iALS, RecSys 2022",
        useful_for: "a strong, fast baseline on likes of any size; exact answers to guests",
        not_useful_for: "explicit ratings, order within a history",
        scale: "any log that memory holds: 5 s an iteration of 20 million likes",
        output: Output::Ranking,
        personalised: true,
    };
    type Model = IalsModel;

    fn work(&self, data: &TrainData<'_>) -> Vec<Work> {
        let by_user = data.log.positives();
        let (d, n_users, n_items) = (self.factors, by_user.n_rows(), by_user.n_cols());
        let side = |kernels: [&'static str; 2], rows: &Csr<f32>, known: usize| {
            let basis = (rows.n_cols() * d) as f64 * 1.5 * d as f64;
            let solve = |row: usize| {
                let n = rows.cols_of(row).len();
                let steps = match self.solver {
                    Solver::Exact => f64::INFINITY,
                    Solver::Cg => (2 * n * d * (self.steps + 1)) as f64,
                    Solver::Blocks => (n * d) as f64 * (self.block as f64 / 2.0 + 3.0),
                };
                let (short, long) = (n.min(d) as f64, n.max(d) as f64);
                // Half of a symmetric product, Cholesky, two triangular solves, and the vector from the aims.
                steps.min(short * short * long / 2.0 + short.powi(3) / 6.0 + short * short + (n * d) as f64)
            };
            let solves = (0..rows.n_rows()).map(solve).sum();
            [
                Work::of(kernels[0]).arithmetic(basis).numbers(3.0 * (rows.n_cols() * d) as f64),
                Work::of(kernels[1]).rows(rows.len() as f64, d, known).arithmetic(solves),
            ]
        };
        let of_items = side(["basis of users", "solve items"], &by_user.transpose(), n_users);
        let of_users = side(["basis of items", "solve users"], &by_user, n_items);
        [of_items, of_users].concat()
    }

    fn fit(&self, data: &TrainData<'_>, cx: &mut FitCx<'_>) -> Result<IalsModel, FitError> {
        let by_user = data.log.positives();
        let deviation = self.init_deviation / (self.factors as f32).sqrt();
        let mut stream = cx.seed.named("ials users").stream();
        let mut training = Training {
            params: self,
            by_item: by_user.transpose(),
            users: Matrix::normal(by_user.n_rows(), self.factors, deviation, &mut stream),
            items: Matrix::zeros(by_user.n_cols(), self.factors),
            spectrum: vec![0.0; self.factors],
            by_user,
        };
        run_epochs(&mut training, self.epochs, cx, Self::load)
    }

    fn load(from: &ArtifactReader<'_>) -> Result<IalsModel, ArtifactError> {
        let params: Ials = from.meta("params")?;
        let (users, items, spectrum) = load_vectors(from, params.factors)?;
        Ok(IalsModel { mean_user: from.vector("mean_user", Some(params.factors))?, params, users, items, spectrum })
    }
}

fn save_vectors<'a>(out: &mut ArtifactWriter<'a>, users: &'a Matrix, items: &'a Matrix, spectrum: &'a [f32]) {
    out.matrix("users", users);
    out.matrix("items", items);
    out.tensor("spectrum", &[spectrum.len()], spectrum);
}

fn load_vectors(from: &ArtifactReader<'_>, factors: usize) -> Result<(Matrix, Matrix, Vec<f32>), ArtifactError> {
    let matrix = |name: &str| match from.matrix(name)? {
        matrix if matrix.n_cols() == factors => Ok(matrix),
        matrix => Err(from.entry(name, format!("has {} columns, not {factors}", matrix.n_cols()))),
    };
    Ok((matrix("users")?, matrix("items")?, from.vector("spectrum", Some(factors))?))
}

/// The least-squares problem of one row: the other side is known.
struct Ridge<'a> {
    params: &'a Ials,
    /// Vectors of the other side, in their principal basis.
    known: &'a Matrix,
    /// Diagonal of `knownᵀ known`.
    spectrum: &'a [f32],
}

/// Buffers of one thread.
#[derive(Default)]
struct Buffers {
    /// `1 / sqrt(w0 spectrum + l2 ...)`: what makes the part of the system that all rows share the identity.
    whitening: Vec<f32>,
    /// `sqrt(alpha |x|) y` whitened, `(n, d)`: the observed vectors.
    observed: Vec<f32>,
    /// `c p / sqrt(alpha |x|)`, n long.
    aims: Vec<f32>,
    system: Vec<f32>,
    /// Of the solvers that approach: residuals, directions and the like; `0..n`.
    residual: Vec<f32>,
    direction: Vec<f32>,
    along: Vec<f32>,
    image: Vec<f32>,
    places: Vec<u32>,
}

impl Ridge<'_> {
    fn d(&self) -> usize {
        self.known.n_cols()
    }

    /// Fills the buffers for the observed pairs `row`: (index on the other side, signed weight).
    fn whiten(&self, row: impl Iterator<Item = (u32, f32)> + Clone, b: &mut Buffers) {
        let Ials { alpha, unobserved_weight: w0, l2, l2_exponent, .. } = *self.params;
        let added: f64 = row.clone().map(|(_, x)| f64::from(alpha * x.abs())).sum();
        let penalty = penalty(l2, l2_exponent, f64::from(w0) * self.known.n_rows() as f64 + added);
        b.whitening.clear();
        b.whitening.extend(self.spectrum.iter().map(|s| 1.0 / (w0 * s + penalty).sqrt()));
        b.observed.clear();
        b.aims.clear();
        for (index, x) in row {
            let root = (alpha * x.abs()).sqrt();
            b.aims.push((w0 + alpha * x.abs()).copysign(x) / root);
            let vector = self.known.row(index as usize).iter().zip(&b.whitening);
            b.observed.extend(vector.map(|(y, whitening)| root * y * whitening));
        }
    }

    /// With Z the observed vectors: fills in `I + Z Zᵀ` over observations or `I + Zᵀ Z` over factors, whichever is
    /// smaller, as [`solve`] wants it; true for the former.
    fn fill_system(&self, b: &mut Buffers) -> bool {
        let (n, d) = (b.aims.len(), self.d());
        let rows = Block { n_rows: n, n_cols: d, offset: 0, stride: d, transposed: false };
        let columns = Block { n_rows: d, n_cols: n, transposed: true, ..rows };
        let dual = n < d;
        let (order, left, right) = if dual { (n, rows, columns) } else { (d, columns, rows) };
        let stride = padded(order);
        let system = Block { n_rows: order, n_cols: order, offset: 0, stride, transposed: false };
        b.system.clear();
        b.system.resize(order * stride, 0.0);
        matmul((&mut b.system, system), (&b.observed, left), (&b.observed, right), 1.0, 0.0);
        b.system.iter_mut().step_by(stride + 1).for_each(|x| *x += 1.0);
        dual
    }

    /// The vector of a row, into `out`; `None` if single precision does not carry its system.
    fn vector(&self, row: impl Iterator<Item = (u32, f32)> + Clone, out: &mut [f32], b: &mut Buffers) -> Option<()> {
        self.whiten(row, b);
        out.fill(0.0);
        // In these coordinates the vector is Zᵀ (I + Z Zᵀ)⁻¹ aims = (I + Zᵀ Z)⁻¹ Zᵀ aims.
        let dual = self.fill_system(b);
        if dual && !solve(&mut b.system, &mut b.aims) {
            return None;
        }
        b.aims.iter().zip(b.observed.chunks_exact(self.d())).for_each(|(aim, z)| axpy(*aim, z, out));
        if !dual && !solve(&mut b.system, out) {
            return None;
        }
        out.iter_mut().zip(&b.whitening).for_each(|(x, whitening)| *x *= whitening);
        Some(())
    }

    /// The vector of a row by the solver that is asked for, into `out`, which holds that of the epoch before.
    fn train(&self, row: impl Iterator<Item = (u32, f32)> + Clone, out: &mut [f32], b: &mut Buffers) -> Option<()> {
        let Ials { solver, steps, block, .. } = *self.params;
        let (n, d) = (row.clone().count(), self.d());
        // Where the exact solution costs less, in multiplications; a row of few likes has a small system.
        let exact = n * n / 2 + n * n * n / (6 * d);
        match solver {
            Solver::Cg if exact > 2 * n * (steps + 1) => self.whiten(row, b),
            Solver::Blocks if block < d && exact > n * (block / 2 + 3) => self.whiten(row, b),
            _ => return self.vector(row, out, b),
        }
        out.iter_mut().zip(&b.whitening).for_each(|(x, whitening)| *x /= whitening);
        let done = if solver == Solver::Cg { conjugate_gradients(out, b, steps) } else { over_blocks(out, b, block) };
        out.iter_mut().zip(&b.whitening).for_each(|(x, whitening)| *x *= whitening);
        done
    }

    /// What each observed pair of a row adds to the product of the row's vector and `y`.
    fn parts(&self, row: impl Iterator<Item = (u32, f32)> + Clone, y: &[f32]) -> Option<Vec<f32>> {
        let b = &mut Buffers::default();
        self.whiten(row, b);
        let mut whitened: Vec<f32> = y.iter().zip(&b.whitening).map(|(y, whitening)| y * whitening).collect();
        // aims ∘ (I + Z Zᵀ)⁻¹ Z y = aims ∘ Z (I + Zᵀ Z)⁻¹ y
        let dual = self.fill_system(b);
        if !dual && !solve(&mut b.system, &mut whitened) {
            return None;
        }
        let mut kernel: Vec<f32> = b.observed.chunks_exact(self.d()).map(|z| dot(z, &whitened)).collect();
        if dual && !solve(&mut b.system, &mut kernel) {
            return None;
        }
        Some(b.aims.iter().zip(kernel).map(|(aim, k)| aim * k).collect())
    }
}

/// Steps of conjugate gradients from `x` towards the minimum of `|aims - Z x|² + |x|²`.
fn conjugate_gradients(x: &mut [f32], b: &mut Buffers, steps: usize) -> Option<()> {
    let d = x.len();
    b.places.clear();
    b.places.extend(0..b.aims.len() as u32);
    b.along.clear();
    b.along.extend(b.aims.iter().zip(b.observed.chunks_exact(d)).map(|(aim, z)| aim - dot(z, x)));
    b.residual.resize(d, 0.0);
    b.image.resize(d, 0.0);
    gather_sum(&b.observed, &b.places, &b.along, &mut b.residual);
    axpy(-1.0, x, &mut b.residual);
    b.direction.clone_from(&b.residual);
    let mut squared = dot(&b.residual, &b.residual);
    for _ in 0..steps {
        if squared < f32::MIN_POSITIVE {
            break;
        }
        b.along.clear();
        b.along.extend(b.observed.chunks_exact(d).map(|z| dot(z, &b.direction)));
        gather_sum(&b.observed, &b.places, &b.along, &mut b.image);
        axpy(1.0, &b.direction, &mut b.image);
        let length = squared / (dot(&b.direction, &b.direction) + dot(&b.along, &b.along));
        axpy(length, &b.direction, x);
        axpy(-length, &b.image, &mut b.residual);
        let before = std::mem::replace(&mut squared, dot(&b.residual, &b.residual));
        for (direction, residual) in b.direction.iter_mut().zip(&b.residual) {
            *direction = residual + squared / before * *direction;
        }
    }
    squared.is_finite().then_some(())
}

/// Moves `x` to the minimum of `|aims - Z x|² + |x|²` along each block of coordinates, one after the other.
fn over_blocks(x: &mut [f32], b: &mut Buffers, block: usize) -> Option<()> {
    let (n, d) = (b.aims.len(), x.len());
    b.along.clear();
    b.along.extend(b.aims.iter().zip(b.observed.chunks_exact(d)).map(|(aim, z)| aim - dot(z, x)));
    for start in (0..d).step_by(block) {
        let width = block.min(d - start);
        let columns = Block { n_rows: n, n_cols: width, offset: start, stride: d, transposed: false };
        let rows = Block { n_rows: width, n_cols: n, transposed: true, ..columns };
        let stride = padded(width);
        let system = Block { n_rows: width, n_cols: width, offset: 0, stride, transposed: false };
        b.system.clear();
        b.system.resize(width * stride, 0.0);
        matmul((&mut b.system, system), (&b.observed, rows), (&b.observed, columns), 1.0, 0.0);
        b.system.iter_mut().step_by(stride + 1).for_each(|x| *x += 1.0);
        let x = &mut x[start..start + width];
        b.direction.clear();
        b.direction.extend(x.iter().map(|x| -x));
        for (error, z) in b.along.iter().zip(b.observed.chunks_exact(d)) {
            axpy(*error, &z[start..start + width], &mut b.direction);
        }
        if !solve(&mut b.system, &mut b.direction) {
            return None;
        }
        axpy(1.0, &b.direction, x);
        for (error, z) in b.along.iter_mut().zip(b.observed.chunks_exact(d)) {
            *error -= dot(&b.direction, &z[start..start + width]);
        }
    }
    Some(())
}

/// `l2 confidence^exponent`, and `l2` for a row without any confidence.
fn penalty(l2: f32, exponent: f32, confidence: f64) -> f32 {
    if confidence > 0.0 { (f64::from(l2) * confidence.powf(exponent.into())) as f32 } else { l2 }
}

/// A like of weight zero says as little as none.
fn observed(csr: &Csr<f32>, row: usize) -> impl Iterator<Item = (u32, f32)> + Clone {
    let (cols, values) = csr.row(row);
    cols.iter().copied().zip(values.iter().copied()).filter(|&(_, x)| x != 0.0)
}

struct Training<'a> {
    params: &'a Ials,
    by_user: Csr<f32>,
    by_item: Csr<f32>,
    users: Matrix,
    items: Matrix,
    spectrum: Vec<f32>,
}

/// Rows that a thread solves with one set of buffers.
const ROWS: usize = 64;

/// Vectors of the next row that are asked for while this row is solved: 32 KiB of 64 factors.
const AHEAD: usize = 128;

impl Training<'_> {
    /// Solves every row of `rows`, in parallel: rows do not depend on each other. The sum of what `told` makes of each row
    /// and its vector, asked while the vectors of the row are still near.
    fn half(
        ridge: &Ridge<'_>,
        rows: &Csr<f32>,
        out: &mut Matrix,
        told: impl Fn(usize, &[f32]) -> f64 + Sync,
    ) -> Result<f64, FitError> {
        let d = out.n_cols();
        let chunks = out.as_mut_slice().par_chunks_mut(ROWS * d).enumerate();
        let solved: Option<Vec<f64>> = chunks
            .map_init(Buffers::default, |buffers, (chunk, vectors)| {
                let mut sum = 0.0;
                for (row, vector) in (chunk * ROWS..).zip(vectors.chunks_exact_mut(d)) {
                    if row + 1 < rows.n_rows() {
                        let next = rows.cols_of(row + 1).iter().take(AHEAD);
                        next.for_each(|&index| prefetch(ridge.known.row(index as usize)));
                    }
                    ridge.train(observed(rows, row), vector, buffers)?;
                    sum += told(row, vector);
                }
                Some(sum)
            })
            .collect();
        let solved = solved.ok_or_else(|| not_positive("a least-squares system of `ials`"))?;
        Ok(solved.iter().sum())
    }

    /// The penalty on a vector of `row` in `likes`, beside `others` vectors.
    fn penalty(&self, likes: &Csr<f32>, row: usize, others: usize, vector: &[f32]) -> f64 {
        let Ials { alpha, unobserved_weight: w0, l2, l2_exponent, .. } = *self.params;
        let added: f64 = observed(likes, row).map(|(_, x)| f64::from(alpha * x)).sum();
        f64::from(penalty(l2, l2_exponent, f64::from(w0) * others as f64 + added)) * f64::from(dot(vector, vector))
    }

    /// What a user with vector `x` adds to the objective. The sum over all pairs is `Σ_u Σ_f spectrum_f x_uf²`.
    fn objective_of(&self, user: usize, x: &[f32]) -> f64 {
        let Ials { alpha, unobserved_weight: w0, .. } = *self.params;
        let all: f64 = x.iter().zip(&self.spectrum).map(|(x, s)| f64::from(x * x) * f64::from(*s)).sum();
        let pairs = observed(&self.by_user, user).map(|(item, weight)| {
            let score = f64::from(dot(x, self.items.row(item as usize)));
            f64::from(w0 + alpha * weight) * (1.0 - score).powi(2) - f64::from(w0) * score * score
        });
        f64::from(w0) * all + pairs.sum::<f64>() + self.penalty(&self.by_user, user, self.items.n_rows(), x)
    }
}

impl Trainable for Training<'_> {
    type Model = IalsModel;

    fn epoch(&mut self, _: usize) -> Result<f64, FitError> {
        let params = self.params;
        // What is solved exactly does not begin anywhere.
        let begins = params.solver != Solver::Exact;
        let spectrum = &turn_to_principal_axes(&mut self.users, begins.then_some(&mut self.items));
        Self::half(&Ridge { params, known: &self.users, spectrum }, &self.by_item, &mut self.items, |_, _| 0.0)?;
        self.spectrum = turn_to_principal_axes(&mut self.items, begins.then_some(&mut self.users));
        let mut users = std::mem::replace(&mut self.users, Matrix::zeros(0, 0));
        let ridge = Ridge { params, known: &self.items, spectrum: &self.spectrum };
        let of_users = Self::half(&ridge, &self.by_user, &mut users, |user, x| self.objective_of(user, x));
        self.users = users;
        let of_item = |i: usize| self.penalty(&self.by_item, i, self.users.n_rows(), self.items.row(i));
        let of_items: Vec<f64> = (0..self.items.n_rows()).into_par_iter().with_min_len(ROWS).map(of_item).collect();
        Ok((of_users? + of_items.iter().sum::<f64>()) / self.by_user.len().max(1) as f64)
    }

    fn snapshot(&self) -> IalsModel {
        let mut sum = vec![0.0_f64; self.params.factors];
        let active: Vec<usize> = (0..self.users.n_rows()).filter(|&u| !self.by_user.cols_of(u).is_empty()).collect();
        for &u in &active {
            sum.iter_mut().zip(self.users.row(u)).for_each(|(s, x)| *s += f64::from(*x));
        }
        IalsModel {
            params: self.params.clone(),
            users: self.users.clone(),
            items: self.items.clone(),
            spectrum: self.spectrum.clone(),
            mean_user: sum.into_iter().map(|s| (s / active.len().max(1) as f64) as f32).collect(),
        }
    }

    fn save_state<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        save_vectors(out, &self.users, &self.items, &self.spectrum);
        Ok(())
    }

    fn load_state(&mut self, from: &ArtifactReader<'_>) -> Result<(), ArtifactError> {
        let (users, items, spectrum) = load_vectors(from, self.params.factors)?;
        for (name, found, wanted) in [("users", &users, &self.users), ("items", &items, &self.items)] {
            if found.n_rows() != wanted.n_rows() {
                let (found, wanted) = (found.n_rows(), wanted.n_rows());
                return Err(from.entry(name, format!("has {found} rows, but the data have {wanted}")));
            }
        }
        (self.users, self.items, self.spectrum) = (users, items, spectrum);
        Ok(())
    }
}

impl IalsModel {
    fn ridge(&self) -> Ridge<'_> {
        Ridge { params: &self.params, known: &self.items, spectrum: &self.spectrum }
    }

    fn row(query: &Query<'_>) -> Vec<(ItemId, f32)> {
        let mut row = query.history.signed();
        row.retain(|&(_, x)| x != 0.0);
        row
    }
}

impl Recommender for IalsModel {
    fn encode<'a>(&'a self, queries: &[Query<'_>]) -> Box<dyn Scorer + 'a> {
        Box::new(DotScorer::new(&self.items, queries, |query| self.query(query)))
    }

    fn contributions(&self, query: &Query<'_>, item: ItemId) -> Option<Vec<f32>> {
        let row = Self::row(query);
        let parts = self.ridge().parts(row.iter().copied(), self.items.row(item as usize))?;
        Some(query.history.on_latest_events(row.iter().map(|&(item, _)| item).zip(parts)))
    }

    fn embeddings(&self) -> Option<&dyn Embeddings> {
        Some(self)
    }

    fn save<'a>(&'a self, out: &mut ArtifactWriter<'a>) -> Result<(), ArtifactError> {
        save_vectors(out, &self.users, &self.items, &self.spectrum);
        out.tensor("mean_user", &[self.mean_user.len()], self.mean_user.as_slice());
        out.meta("params", &self.params)
    }
}

impl Embeddings for IalsModel {
    fn measure(&self) -> Measure {
        Measure::Dot
    }

    fn items(&self) -> &Matrix {
        &self.items
    }

    fn users(&self) -> &Matrix {
        &self.users
    }

    fn query(&self, query: &Query<'_>) -> Vec<f32> {
        let row = Self::row(query);
        let mut vector = vec![0.0; self.params.factors];
        if row.is_empty() || self.ridge().vector(row.into_iter(), &mut vector, &mut Buffers::default()).is_none() {
            // Also where a system cannot be solved in f32, which takes weights beyond 1e7.
            vector.copy_from_slice(&self.mean_user);
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::{Candidates, Catalogue, Event, History, HistoryBuf, Interactions, Registry, Seed, Signal, Silent};

    fn log(n_users: usize, n_items: usize, likes: usize, seed: u64) -> Interactions {
        let mut stream = Seed::new(seed).stream();
        let mut event = |user| {
            let weight = 1.0 + stream.below(3) as f32;
            let item = stream.below(n_items as u32);
            Event { user, item, weight, signal: Signal::Positive, value: 1.0, time: None }
        };
        let events = (0..n_users as u32).flat_map(|u| vec![u; likes]).map(&mut event).collect();
        Interactions::new(n_users, n_items, events).unwrap()
    }

    fn fit(params: &Ials, log: &Interactions) -> IalsModel {
        let (catalogue, registry, mut silent) = (Catalogue::default(), Registry::default(), Silent);
        params.fit(&TrainData { catalogue: &catalogue, log }, &mut FitCx::plain(1, &registry, &mut silent)).unwrap()
    }

    /// `x_u` by the equation of the module, in f64 with Gauss and Jordan: the plain twin.
    fn closed_form(params: &Ials, items: &Matrix, row: &[(ItemId, f32)]) -> Vec<f64> {
        let d = items.n_cols();
        let (alpha, w0) = (f64::from(params.alpha), f64::from(params.unobserved_weight));
        let y = |i: usize, f: usize| f64::from(items.row(i)[f]);
        let confidence: f64 = w0 * items.n_rows() as f64 + row.iter().map(|(_, x)| alpha * f64::from(*x)).sum::<f64>();
        let penalty = f64::from(params.l2) * confidence.powf(params.l2_exponent.into());
        let mut a = vec![vec![0.0; d + 1]; d];
        for (f, equation) in a.iter_mut().enumerate() {
            for (g, entry) in equation.iter_mut().enumerate().take(d) {
                *entry = w0 * (0..items.n_rows()).map(|i| y(i, f) * y(i, g)).sum::<f64>()
                    + row.iter().map(|&(i, x)| alpha * f64::from(x) * y(i as usize, f) * y(i as usize, g)).sum::<f64>()
                    + if f == g { penalty } else { 0.0 };
            }
            equation[d] = row.iter().map(|&(i, x)| (w0 + alpha * f64::from(x)) * y(i as usize, f)).sum();
        }
        for k in 0..d {
            let pivot: Vec<f64> = a[k].iter().map(|x| x / a[k][k]).collect();
            for equation in &mut a {
                let factor = equation[k];
                equation.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= factor * p);
            }
            a[k] = pivot;
        }
        a.iter().map(|equation| equation[d]).collect()
    }

    #[test]
    fn rows_equal_the_closed_form_with_few_and_many_likes() {
        let log = log(30, 40, 12, 3);
        for params in [
            Ials { factors: 3, epochs: 2, ..Ials::default() },
            Ials {
                factors: 24,
                epochs: 2,
                alpha: 4.0,
                unobserved_weight: 1.0,
                l2: 0.5,
                l2_exponent: 0.0,
                ..Ials::default()
            },
            Ials { factors: 20, epochs: 1, unobserved_weight: 0.0, l2: 0.1, l2_exponent: 0.5, ..Ials::default() },
        ] {
            let model = fit(&params, &log);
            let likes = log.positives();
            for u in 0..30 {
                let row: Vec<_> = observed(&likes, u).collect();
                let exact = closed_form(&params, &model.items, &row);
                for (x, exact) in model.users.row(u).iter().zip(exact) {
                    assert!((f64::from(*x) - exact).abs() < 1e-4 * exact.abs().max(1.0), "{params:?}: {x}, {exact}");
                }
            }
        }
    }

    #[derive(serde::Deserialize)]
    struct Golden {
        tolerance: f32,
        likes: Vec<Vec<f32>>,
        start: Vec<Vec<f32>>,
        cases: Vec<GoldenCase>,
    }

    #[derive(serde::Deserialize)]
    struct GoldenCase {
        params: Ials,
        epochs: usize,
        scores: Vec<Vec<f32>>,
    }

    #[test]
    fn epochs_equal_those_of_numpy_and_implicit() {
        let golden: Golden = serde_json::from_str(include_str!("../../../golden/ials/values.json")).unwrap();
        let rows = golden.likes.iter().map(|row| (0..).zip(row.iter().copied()).filter(|(_, x)| *x > 0.0).collect());
        let (n_users, n_items) = (golden.likes.len(), golden.likes[0].len());
        let by_user = Csr::from_rows(n_items, rows.collect()).unwrap();
        for GoldenCase { params, epochs, scores } in &golden.cases {
            let d = params.factors;
            let mut training = Training {
                params,
                by_item: by_user.transpose(),
                users: Matrix::from_vec(n_users, d, golden.start.concat()),
                items: Matrix::zeros(n_items, d),
                spectrum: Vec::new(),
                by_user: by_user.clone(),
            };
            for epoch in 1..=*epochs {
                training.epoch(epoch).unwrap();
            }
            for (u, row) in scores.iter().enumerate() {
                for (i, score) in row.iter().enumerate() {
                    let found = dot(training.users.row(u), training.items.row(i));
                    assert!((found - score).abs() < golden.tolerance, "{params:?} at ({u}, {i}): {found}, {score}");
                }
            }
        }
    }

    #[test]
    fn approaching_solvers_come_to_the_exact_solution() {
        let log = log(40, 30, 25, 7);
        let exact = Ials { factors: 12, epochs: 4, ..Ials::default() };
        let likes = log.positives();
        let data = fit(&exact, &log);
        for (params, turns) in [
            // As many steps as there are factors, and the last bits.
            (Ials { solver: Solver::Cg, steps: 12, ..exact.clone() }, 2),
            (Ials { solver: Solver::Blocks, block: 5, ..exact.clone() }, 40),
        ] {
            for u in 0..40 {
                let row = || observed(&likes, u);
                let (mut found, mut wanted) = (vec![0.3; 12], vec![0.0; 12]);
                let buffers = &mut Buffers::default();
                let ridge = Ridge { params: &params, known: &data.items, spectrum: &data.spectrum };
                ridge.vector(row(), &mut wanted, buffers).unwrap();
                ridge.whiten(row(), buffers);
                found.iter_mut().zip(&buffers.whitening).for_each(|(x, whitening)| *x /= whitening);
                for _ in 0..turns {
                    let done = match params.solver {
                        Solver::Cg => conjugate_gradients(&mut found, buffers, params.steps),
                        _ => over_blocks(&mut found, buffers, params.block),
                    };
                    done.unwrap();
                }
                found.iter_mut().zip(&buffers.whitening).for_each(|(x, whitening)| *x *= whitening);
                for (x, exact) in found.iter().zip(&wanted) {
                    assert!((x - exact).abs() < 1e-4 * exact.abs().max(1.0), "{:?}: {x}, {exact}", params.solver);
                }
            }
        }
    }

    #[test]
    fn a_few_steps_an_epoch_reach_the_same_objective() {
        let log = log(120, 80, 40, 8);
        let losses = [Solver::Exact, Solver::Cg, Solver::Blocks].map(|solver| {
            let params = Ials { factors: 24, solver, steps: 2, block: 8, ..Ials::default() };
            let by_user = log.positives();
            let mut training = Training {
                params: &params,
                by_item: by_user.transpose(),
                users: Matrix::normal(120, 24, 0.1, &mut Seed::new(1).stream()),
                items: Matrix::zeros(80, 24),
                spectrum: Vec::new(),
                by_user,
            };
            (1..=12).map(|epoch| training.epoch(epoch).unwrap()).last().unwrap()
        });
        for loss in &losses[1..] {
            assert!((loss / losses[0] - 1.0).abs() < 0.01, "{losses:?}");
        }
    }

    #[test]
    fn one_factor_by_hand() {
        // One user likes one of two items, y = (1, 0.5) and spectrum 1.25: x = c y / (w0 1.25 + alpha 1 + l2) with
        // c = 0.2 + 1: 1.2 / (0.25 + 1 + 0.15) = 6 / 7.
        let params = Ials { factors: 1, unobserved_weight: 0.2, l2: 0.15, l2_exponent: 0.0, ..Ials::default() };
        let items = Matrix::from_vec(2, 1, vec![1.0, 0.5]);
        let ridge = Ridge { params: &params, known: &items, spectrum: &[1.25] };
        let mut x = [0.0];
        ridge.vector([(0, 1.0)].into_iter(), &mut x, &mut Buffers::default()).unwrap();
        assert!((x[0] - 6.0 / 7.0).abs() < 1e-6, "{x:?}");
        assert!((ridge.parts([(0, 1.0)].into_iter(), &[0.5]).unwrap()[0] - 3.0 / 7.0).abs() < 1e-6);
    }

    #[test]
    fn the_objective_falls_and_equals_the_sum_over_all_pairs() {
        let log = log(25, 30, 8, 4);
        let params = Ials { factors: 6, alpha: 2.0, ..Ials::default() };
        let by_user = log.positives();
        let mut training = Training {
            params: &params,
            by_item: by_user.transpose(),
            users: Matrix::normal(25, 6, 0.1, &mut Seed::new(1).stream()),
            items: Matrix::zeros(30, 6),
            spectrum: Vec::new(),
            by_user,
        };
        let mut last = f64::INFINITY;
        for epoch in 1..=8 {
            let loss = training.epoch(epoch).unwrap();
            assert!(loss < last + 1e-9, "{loss} after {last}");
            last = loss;
        }
        let mut plain = 0.0;
        let confidence = |likes: &Csr<f32>, row: usize, others: f32| {
            0.1 * others + observed(likes, row).map(|(_, x)| 2.0 * x).sum::<f32>()
        };
        for u in 0..25 {
            let x = training.users.row(u);
            plain += params.l2 * confidence(&training.by_user, u, 30.0).powf(params.l2_exponent) * dot(x, x);
            for i in 0..30 {
                let weight = observed(&training.by_user, u).find(|(item, _)| *item == i as u32).map(|(_, x)| x);
                let (c, p) = weight.map_or((0.1, 0.0), |x| (0.1 + 2.0 * x, 1.0));
                plain += c * (p - dot(x, training.items.row(i))).powi(2);
            }
        }
        for i in 0..30 {
            let y = training.items.row(i);
            plain += params.l2 * confidence(&training.by_item, i, 25.0).powf(params.l2_exponent) * dot(y, y);
        }
        assert!((f64::from(plain) / training.by_user.len() as f64 - last).abs() < 1e-5 * last, "{plain}, {last}");
    }

    #[test]
    fn reasons_add_up_guests_equal_users_and_nobody_is_the_mean() {
        let log = log(40, 30, 10, 5);
        for factors in [4, 16] {
            let model = fit(&Ials { factors, epochs: 3, ..Ials::default() }, &log);
            for u in 0..40 {
                let guest = Query::guest(log.user(u));
                for (a, b) in model.query(&guest).iter().zip(model.users.row(u as usize)) {
                    assert!((a - b).abs() < 1e-5, "user {u}: {a}, {b}");
                }
                let mut score = [0.0];
                model.encode(&[guest]).score(Candidates::List(&[7]), &mut score);
                let parts = model.contributions(&guest, 7).unwrap();
                assert_eq!(parts.len(), guest.history.len());
                assert!((parts.iter().sum::<f32>() - score[0]).abs() < 1e-5);
            }
            assert_eq!(model.query(&Query::guest(History::EMPTY)), model.mean_user);
            let mut history = HistoryBuf::default();
            history.push(3, Signal::Negative);
            let query = Query::guest(history.as_history());
            let mut scores = [0.0];
            model.encode(&[query]).score(Candidates::List(&[3]), &mut scores);
            assert!(scores[0] < 0.0, "{scores:?}");
        }
    }

    #[test]
    fn threads_and_saving_change_nothing() {
        let log = log(300, 200, 12, 6);
        let params = Ials { factors: 8, epochs: 3, ..Ials::default() };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(&params, &log))
        };
        let model = on(1);
        assert_eq!(model, on(2));
        let mut writer = ArtifactWriter::new();
        model.save(&mut writer).unwrap();
        let (bytes, registry) = (writer.to_bytes(), Registry::default());
        assert_eq!(Ials::load(&ArtifactReader::open(&bytes, &registry).unwrap()).unwrap(), model);
    }
}
