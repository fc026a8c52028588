//! Dense symmetric positive-definite algebra: the tiled inverse of a large matrix, and small exact solves.
//!
//! Every result is the same to the bit at any number of threads: tiles are fixed, each is written by one product of
//! fixed shape, and nothing is summed across threads.

use std::ops::Range;

use rayon::prelude::*;
use segue_core::kernels::{Block, axpy, dot, matmul, matmul_nt};
use segue_core::{FitError, Matrix, Numbers};

/// Rows and columns of a tile: three of them fit into a second-level cache of 1 MiB.
pub(crate) const TILE: usize = 256;

/// Strips of a pivot: with two, the triangle is read and written half as often as with one. With more, the
/// scalar part, a pivot's factor, grows with the square.
pub(crate) const GROUP: usize = 2;

fn whole(n_rows: usize, n_cols: usize) -> Block {
    Block { n_rows, n_cols, offset: 0, stride: n_cols, transposed: false }
}

/// `aᵀ`, read from a row-major `n_cols × n_rows` buffer.
fn flipped(n_rows: usize, n_cols: usize) -> Block {
    Block { n_rows, n_cols, offset: 0, stride: n_rows, transposed: true }
}

/// A symmetric `n × n` matrix: the tiles of its lower triangle, half the memory of the square.
///
/// Strip I holds tiles (I, 0) to (I, I) one after the other, each row-major; only the last strip may be lower than
/// [`TILE`]. Diagonal tiles are whole squares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SymmetricTiles {
    n: usize,
    strips: Vec<Numbers<f32>>,
}

impl SymmetricTiles {
    /// All zeros.
    pub(crate) fn zeros(n: usize) -> Self {
        let strips = (0..n.div_ceil(TILE)).map(|i| vec![0.0; strip_len(n, i)].into()).collect();
        Self { n, strips }
    }

    /// Wraps strips; `None` if one has another length than a matrix of order `n` needs.
    pub(crate) fn from_strips(n: usize, strips: Vec<Numbers<f32>>) -> Option<Self> {
        let fits = strips.len() == n.div_ceil(TILE) && (0..strips.len()).all(|i| strips[i].len() == strip_len(n, i));
        fits.then_some(Self { n, strips })
    }

    /// The strips, for writing down.
    pub(crate) fn strips(&self) -> &[Numbers<f32>] {
        &self.strips
    }

    /// Number of strips.
    pub(crate) fn n_strips(&self) -> usize {
        self.strips.len()
    }

    /// Rows of strip `i`, as rows of the matrix.
    pub(crate) fn rows_of(&self, i: usize) -> Range<usize> {
        rows_of(self.n, i)
    }

    /// Tile (i, j), `j <= i`, row-major.
    pub(crate) fn tile(&self, i: usize, j: usize) -> &[f32] {
        let height = self.rows_of(i).len();
        let start = j * TILE * height;
        &self.strips[i][start..start + height * self.rows_of(j).len()]
    }

    /// One entry.
    pub(crate) fn get(&self, row: usize, col: usize) -> f32 {
        let (row, col) = (row.max(col), row.min(col));
        let (i, j) = (row / TILE, col / TILE);
        self.tile(i, j)[(row % TILE) * self.rows_of(j).len() + col % TILE]
    }

    /// Adds `x` times row `row` to `out`.
    pub(crate) fn add_row(&self, row: usize, x: f32, out: &mut [f32]) {
        let (strip, r) = (row / TILE, row % TILE);
        for (j, out) in out.chunks_mut(TILE).enumerate() {
            if j <= strip {
                let width = out.len();
                axpy(x, &self.tile(strip, j)[r * width..(r + 1) * width], out);
            } else {
                let column = self.tile(j, strip)[r..].iter().step_by(self.rows_of(strip).len());
                out.iter_mut().zip(column).for_each(|(sum, entry)| *sum += x * entry);
            }
        }
    }

    /// The diagonal.
    pub(crate) fn diagonal(&self) -> Vec<f32> {
        (0..self.n).map(|i| self.get(i, i)).collect()
    }

    /// Overwrites the diagonal.
    pub(crate) fn fill_diagonal(&mut self, value: f32) {
        let n = self.n;
        for (i, strip) in self.strips.iter_mut().enumerate() {
            let height = rows_of(n, i).len();
            strip.to_mut()[i * TILE * height..].iter_mut().step_by(height + 1).for_each(|x| *x = value);
        }
    }

    /// Writes the lower triangle row by row, in parallel over strips: `write(row, put)` calls `put(col, value)`, which
    /// adds `value` at column `col <= row`.
    pub(crate) fn accumulate(&mut self, write: impl Fn(usize, &mut dyn FnMut(usize, f32)) + Sync) {
        let n = self.n;
        self.strips.par_iter_mut().enumerate().for_each(|(i, strip)| {
            let (rows, strip) = (rows_of(n, i), strip.to_mut());
            for (r, row) in rows.clone().enumerate() {
                write(row, &mut |col, value| {
                    let j = col / TILE;
                    let width = if j == i { rows.len() } else { TILE };
                    strip[j * TILE * rows.len() + r * width + col % TILE] += value;
                });
            }
        });
    }

    /// Replaces the matrix by its inverse, in place; reads the lower triangle.
    ///
    /// The symmetric sweep operator (Goodnight, *A tutorial on the SWEEP operator*, The American Statistician 1979) on
    /// blocks: sweeping pivot block k turns `[P Qᵀ; Q R]` into `[-P⁻¹ ·; Q P⁻¹  R - Q P⁻¹ Qᵀ]`, and after all blocks
    /// the matrix is `-A⁻¹`. What is subtracted is the square of `L⁻¹ Qᵀ`, `P = L Lᵀ`, which is no larger than R, where the
    /// parts of `Q P⁻¹ Qᵀ` could be large and cancel. It costs n³ operations, as Cholesky with two triangular passes does, but every step updates
    /// all tiles, so that all threads are busy from the first step to the last; each pivot is a Schur complement of a
    /// positive-definite matrix, so no exchange of rows is needed. Every step reads and writes the whole triangle, which is
    /// why a pivot is [`GROUP`] tiles wide. `progress(done, total)` counts operations in steps.
    pub(crate) fn invert(
        &mut self,
        mut progress: impl FnMut(u64, u64) -> Result<(), FitError>,
    ) -> Result<(), FitError> {
        let n = self.n;
        let n_strips = self.strips.len();
        let height = |i: usize| rows_of(n, i).len();
        for first in (0..n_strips).step_by(GROUP) {
            progress(first as u64, n_strips as u64)?;
            let swept = first..(first + GROUP).min(n_strips);
            let start = first * TILE;
            let width = (swept.end * TILE).min(n) - start;
            let square = (0..width * width).map(|at| self.get(start + at / width, start + at % width)).collect();
            let (factor, pivot) = inverse_factor(square, width).ok_or_else(|| not_positive("the matrix to invert"))?;
            // L⁻¹ times the rows of the pivot: (width, height(i)) each, empty for its own strips.
            let panel: Vec<Vec<f32>> = (0..n_strips)
                .into_par_iter()
                .map(|i| {
                    let mut block = Vec::with_capacity(width * height(i));
                    for k in swept.clone().filter(|_| !swept.contains(&i)) {
                        if i < k {
                            block.extend_from_slice(self.tile(k, i));
                        } else {
                            block.extend(transposed(self.tile(i, k), height(i), height(k)));
                        }
                    }
                    product(width, (&factor, whole(width, width)), (&block, whole(width, block.len() / width)))
                })
                .collect();
            // Columns of the pivot times P⁻¹: (height(i), width) each.
            let solved: Vec<Vec<f32>> = panel
                .par_iter()
                .map(|block| {
                    let n = block.len() / width;
                    product(n, (block, flipped(n, width)), (&factor, whole(width, width)))
                })
                .collect();
            self.strips.par_iter_mut().enumerate().for_each(|(i, strip)| {
                strip.to_mut().par_chunks_mut(height(i) * TILE).enumerate().for_each(|(j, tile)| {
                    if !swept.contains(&i) && !swept.contains(&j) {
                        let (left, right) = (flipped(height(i), width), whole(width, height(j)));
                        return matmul(
                            (tile, whole(height(i), height(j))),
                            (&panel[i], left),
                            (&panel[j], right),
                            -1.0,
                            1.0,
                        );
                    }
                    for (at, x) in tile.iter_mut().enumerate() {
                        let (r, c) = (at / height(j), at % height(j));
                        let (row, col) = ((i * TILE + r).wrapping_sub(start), (j * TILE + c).wrapping_sub(start));
                        *x = match (swept.contains(&i), swept.contains(&j)) {
                            (true, true) => -pivot[row * width + col],
                            (true, false) => solved[j][c * width + row],
                            _ => solved[i][r * width + col],
                        };
                    }
                });
            });
        }
        progress(n_strips as u64, n_strips as u64)?;
        self.strips.par_iter_mut().for_each(|strip| strip.to_mut().iter_mut().for_each(|x| *x = -*x));
        self.mirror();
        Ok(())
    }

    /// Copies the lower triangle of each diagonal tile onto the upper.
    pub(crate) fn mirror(&mut self) {
        let n = self.n;
        self.strips.par_iter_mut().enumerate().for_each(|(i, strip)| {
            let height = rows_of(n, i).len();
            mirror(&mut strip.to_mut()[i * TILE * height..], height);
        });
    }
}

fn rows_of(n: usize, i: usize) -> Range<usize> {
    i * TILE..((i + 1) * TILE).min(n)
}

fn strip_len(n: usize, i: usize) -> usize {
    let rows = rows_of(n, i);
    rows.len() * rows.end
}

fn transposed(a: &[f32], n_rows: usize, n_cols: usize) -> Vec<f32> {
    let mut out = vec![0.0; a.len()];
    for i in 0..n_rows {
        for j in 0..n_cols {
            out[j * n_rows + i] = a[i * n_cols + j];
        }
    }
    out
}

/// Copies the lower triangle of a square onto the upper.
fn mirror(a: &mut [f32], n: usize) {
    for i in 0..n {
        for j in 0..i {
            a[j * n + i] = a[i * n + j];
        }
    }
}

/// What a failed factorisation means, with the way out.
pub(crate) fn not_positive(what: &str) -> FitError {
    FitError::Numeric(format!(
        "{what} is not positive definite in single precision: raise `l2`, or look for extreme weights in the data"
    ))
}

/// A product of blocks of as many rows as `n_rows`, as a buffer of its own.
fn product(n_rows: usize, a: (&[f32], Block), b: (&[f32], Block)) -> Vec<f32> {
    let mut out = vec![0.0; n_rows * b.1.n_cols];
    matmul((&mut out, whole(n_rows, b.1.n_cols)), a, b, 1.0, 0.0);
    out
}

/// `L⁻¹` and `P⁻¹ = L⁻ᵀ L⁻¹` of a pivot `P = L Lᵀ`, by scalar loops in f64, for errors here are those of all later steps;
/// `None` if a pivot is not positive.
fn inverse_factor(square: Vec<f32>, n: usize) -> Option<(Vec<f32>, Vec<f32>)> {
    let mut factor: Vec<f64> = square.into_iter().map(f64::from).collect();
    for i in 0..n {
        let (above, rest) = factor.split_at_mut(i * n);
        let row = &mut rest[..n];
        for (j, other) in above.chunks_exact(n).enumerate() {
            let sum: f64 = row[..j].iter().zip(other).map(|(a, b)| a * b).sum();
            row[j] = (row[j] - sum) / other[j];
        }
        let left = row[i] - row[..i].iter().map(|a| a * a).sum::<f64>();
        if !(left > 0.0 && left.is_finite()) {
            return None;
        }
        row[i] = left.sqrt();
        row[i + 1..].fill(0.0);
    }
    // Row i of L X = I from the rows above it.
    let mut inverse = vec![0.0_f64; n * n];
    for i in 0..n {
        let (above, rest) = inverse.split_at_mut(i * n);
        let row = &mut rest[..n];
        let of_factor = &factor[i * n..=i * n + i];
        for (k, other) in above.chunks_exact(n).enumerate() {
            row[..=k].iter_mut().zip(other).for_each(|(x, y)| *x -= of_factor[k] * y);
        }
        row[i] = 1.0;
        row[..=i].iter_mut().for_each(|x| *x /= of_factor[i]);
    }
    let mut whole = vec![0.0_f64; n * n];
    for (k, row) in inverse.chunks_exact(n).enumerate() {
        for (i, out) in whole.chunks_exact_mut(n).enumerate().take(k + 1) {
            out[..=k].iter_mut().zip(row).for_each(|(x, y)| *x += row[i] * y);
        }
    }
    let narrow = |wide: Vec<f64>| wide.into_iter().map(|x| x as f32).collect();
    Some((narrow(inverse), narrow(whole)))
}

/// Floats of a row of a system of order `n` for [`solve`]: whole vector registers.
pub(crate) fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

const LANES: usize = 16;

/// Solves `a x = b` for a symmetric positive-definite `a` of order `b.len()` with rows of [`padded`] length; `x` replaces
/// `b`. Reads the upper triangle and overwrites `a`; `false` if a pivot is not positive.
///
/// Cholesky's `a = Uᵀ U` row by row, so that every inner loop adds a multiple of one contiguous row to another.
pub(crate) fn solve(a: &mut [f32], b: &mut [f32]) -> bool {
    let n = b.len();
    let stride = padded(n);
    for k in 0..n {
        let (above, below) = a.split_at_mut((k + 1) * stride);
        let row = &mut above[k * stride..];
        let pivot = row[k];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        let scale = 1.0 / pivot.sqrt();
        for x in &mut row[k..] {
            *x *= scale;
        }
        for (i, target) in (k + 1..n).zip(below.chunks_exact_mut(stride)) {
            // Starting at a whole register costs a few entries left of the diagonal, which nobody reads.
            let start = i - i % LANES;
            axpy(-row[i], &row[start..], &mut target[start..]);
        }
    }
    for k in 0..n {
        let row = &a[k * stride..k * stride + n];
        b[k] /= row[k];
        let (head, tail) = b.split_at_mut(k + 1);
        axpy(-head[k], &row[k + 1..], tail);
    }
    for k in (0..n).rev() {
        let row = &a[k * stride..k * stride + n];
        b[k] = (b[k] - dot(&row[k + 1..], &b[k + 1..])) / row[k];
    }
    true
}

/// Rows in a shard of a sum over rows: fixed, so that the sum does not depend on the number of threads.
const SHARD: usize = 4096;

/// `mᵀ m`, row-major; shards are summed in order in f64.
pub(crate) fn gramian(m: &Matrix) -> Vec<f64> {
    let d = m.n_cols();
    let shards: Vec<Vec<f32>> = m
        .as_slice()
        .par_chunks(SHARD * d.max(1))
        .map(|rows| {
            let (n, mut out) = (rows.len() / d, vec![0.0; d * d]);
            matmul((&mut out, whole(d, d)), (rows, flipped(d, n)), (rows, whole(n, d)), 1.0, 0.0);
            out
        })
        .collect();
    let mut sum = vec![0.0; d * d];
    for shard in shards {
        sum.iter_mut().zip(shard).for_each(|(s, x)| *s += f64::from(x));
    }
    sum
}

/// Turns the rows of `m` and of `other` into the basis in which `mᵀ m` is diagonal, and returns that diagonal: all products
/// between rows stay what they were.
pub(crate) fn turn_to_principal_axes(m: &mut Matrix, other: Option<&mut Matrix>) -> Vec<f32> {
    let d = m.n_cols();
    let (axes, spectrum) = principal_axes(&gramian(m), d);
    for matrix in [m].into_iter().chain(other) {
        matrix.as_mut_slice().par_chunks_mut(SHARD * d.max(1)).for_each(|rows| {
            let before = rows.to_vec();
            matmul_nt(&before, &axes, d, rows);
        });
    }
    spectrum
}

/// Eigenvectors, one per row, and eigenvalues of a symmetric positive-semidefinite matrix of order `d`.
///
/// One-sided Jacobi rotations (Hestenes, *Inversion of matrices by biorthogonalization and related results*, 1958): rows
/// are turned in pairs until all are orthogonal; row i is then eigenvalue times eigenvector. A shift keeps rows of zero
/// eigenvalues from vanishing.
fn principal_axes(a: &[f64], d: usize) -> (Vec<f32>, Vec<f32>) {
    const ORTHOGONAL: f64 = 1e-12;
    const SWEEPS: usize = 40;
    let inner = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| x * y).sum() };
    let trace: f64 = (0..d).map(|i| a[i * d + i]).sum();
    let shift = if trace > 0.0 { 1e-3 * trace / d as f64 } else { 1.0 };
    let mut rows = a.to_vec();
    for i in 0..d {
        rows[i * d + i] += shift;
    }
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..d {
            for q in p + 1..d {
                let (head, tail) = rows.split_at_mut(q * d);
                let (x, y) = (&mut head[p * d..(p + 1) * d], &mut tail[..d]);
                let (xx, yy, xy) = (inner(x, x), inner(y, y), inner(x, y));
                if xy.abs() <= ORTHOGONAL * (xx * yy).sqrt() {
                    continue;
                }
                turned = true;
                let zeta = (yy - xx) / (2.0 * xy);
                let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = c * t;
                for (x, y) in x.iter_mut().zip(y) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
        }
        if !turned {
            break;
        }
    }
    let (mut axes, mut spectrum) = (Vec::with_capacity(d * d), Vec::with_capacity(d));
    for row in rows.chunks_exact(d.max(1)) {
        let length = inner(row, row).sqrt();
        axes.extend(row.iter().map(|x| (x / length) as f32));
        spectrum.push((length - shift).max(0.0) as f32);
    }
    (axes, spectrum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use segue_core::Seed;

    /// A random symmetric matrix with eigenvalues of at least 1, as a dense square.
    fn positive(n: usize, seed: u64) -> Vec<f32> {
        let mut stream = Seed::new(seed).stream();
        let factor: Vec<f32> = (0..n * 8).map(|_| stream.normal() as f32).collect();
        let entry = |i: usize, j: usize| -> f32 { (0..8).map(|l| factor[i * 8 + l] * factor[j * 8 + l]).sum() };
        (0..n * n).map(|x| entry(x / n, x % n) + f32::from(x / n == x % n)).collect()
    }

    fn tiled(n: usize, dense: &[f32]) -> SymmetricTiles {
        let mut tiles = SymmetricTiles::zeros(n);
        tiles.accumulate(|row, put| {
            for col in 0..=row {
                put(col, dense[row * n + col]);
            }
        });
        tiles
    }

    /// Gauss and Jordan with exchange of rows on `[A | I]`, in f64: the plain twin.
    fn plain_inverse(n: usize, dense: &[f32]) -> Vec<f64> {
        let mut rows: Vec<Vec<f64>> = (0..n)
            .map(|i| (0..2 * n).map(|j| if j < n { dense[i * n + j].into() } else { (j - n == i).into() }).collect())
            .collect();
        for k in 0..n {
            let best = (k..n).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs())).unwrap();
            rows.swap(k, best);
            let pivot_row: Vec<f64> = rows[k].iter().map(|x| x / rows[k][k]).collect();
            for row in &mut rows {
                let factor = row[k];
                row.iter_mut().zip(&pivot_row).for_each(|(x, p)| *x -= factor * p);
            }
            rows[k] = pivot_row;
        }
        rows.iter().flat_map(|row| row[n..].to_vec()).collect()
    }

    #[test]
    fn the_tiled_inverse_equals_the_plain_one() {
        for n in [0, 1, 3, TILE - 1, TILE, TILE + 1, 2 * TILE + 77, (GROUP + 1) * TILE + 30] {
            let dense = positive(n, 3);
            let mut tiles = tiled(n, &dense);
            tiles.invert(|_, _| Ok(())).unwrap();
            let plain = plain_inverse(n, &dense);
            for i in 0..n {
                for j in 0..n {
                    let error = (f64::from(tiles.get(i, j)) - plain[i * n + j]).abs();
                    assert!(error < 2e-4, "n = {n}: entry ({i}, {j}) is off by {error}");
                }
            }
        }
    }

    #[test]
    fn the_inverse_does_not_depend_on_the_number_of_threads() {
        let n = (GROUP + 1) * TILE + 9;
        let dense = positive(n, 4);
        let inverse = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut tiles = tiled(n, &dense);
            pool.install(|| tiles.invert(|_, _| Ok(()))).unwrap();
            tiles
        };
        assert_eq!(inverse(1), inverse(2));
    }

    #[test]
    fn an_indefinite_matrix_is_an_error() {
        let error = tiled(2, &[1.0, 2.0, 2.0, 1.0]).invert(|_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("raise `l2`"), "{error}");
    }

    #[test]
    fn strips_of_another_order_are_refused() {
        let tiles = tiled(300, &positive(300, 1));
        assert!(SymmetricTiles::from_strips(299, tiles.strips().to_vec()).is_none());
        assert_eq!(SymmetricTiles::from_strips(300, tiles.strips().to_vec()), Some(tiles));
    }

    #[test]
    fn small_systems_are_solved() {
        for n in [1, 2, 15, 16, 17, 40, 100] {
            let dense = positive(n, 5);
            let stride = padded(n);
            let mut a = vec![f32::NAN; n * stride];
            for x in 0..n * n {
                a[x / n * stride + x % n] = dense[x];
            }
            let x: Vec<f32> = (0..n).map(|i| (i as f32).sin()).collect();
            let mut b: Vec<f32> = dense.chunks_exact(n).map(|row| dot(row, &x)).collect();
            assert!(solve(&mut a, &mut b));
            for (found, x) in b.iter().zip(&x) {
                assert!((found - x).abs() < 1e-3, "n = {n}: {found} for {x}");
            }
        }
        let mut indefinite = vec![0.0; 2 * LANES];
        (indefinite[0], indefinite[1], indefinite[LANES + 1]) = (1.0, 2.0, 1.0);
        assert!(!solve(&mut indefinite, &mut [1.0, 1.0]));
    }

    #[test]
    fn principal_axes_make_the_gramian_diagonal_and_keep_products() {
        // 7 columns of rank 5: two eigenvalues are zero.
        let mut stream = Seed::new(8).stream();
        let mut m = Matrix::normal(50, 7, 1.0, &mut stream);
        for i in 0..50 {
            m.row_mut(i)[5] = 0.0;
            m.row_mut(i)[6] = m.row(i)[0];
        }
        let before = m.clone();
        let mut other = Matrix::normal(3, 7, 1.0, &mut stream);
        let (first, beside) = (m.clone(), other.clone());
        let spectrum = turn_to_principal_axes(&mut m, Some(&mut other));
        for row in 0..3 {
            let (now, then) = (dot(m.row(9), other.row(row)), dot(first.row(9), beside.row(row)));
            assert!((now - then).abs() < 1e-4);
        }
        for (x, value) in gramian(&m).into_iter().enumerate() {
            let expected = if x / 7 == x % 7 { f64::from(spectrum[x / 7]) } else { 0.0 };
            assert!((value - expected).abs() < 1e-3, "entry {x}: {value}, {expected}");
        }
        assert_eq!(spectrum.iter().filter(|s| **s < 1e-3).count(), 2);
        for (a, b) in [(0, 1), (3, 3), (8, 40)] {
            assert!((dot(m.row(a), m.row(b)) - dot(before.row(a), before.row(b))).abs() < 1e-4);
        }
        assert_eq!(turn_to_principal_axes(&mut Matrix::zeros(3, 2), None), [0.0, 0.0]);
    }
}
