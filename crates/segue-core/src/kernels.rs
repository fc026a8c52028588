//! The inner loops every model shares. The only unsafe code of this crate is here.
//!
//! The vector kernels keep sixteen partial sums and never fuse a multiplication with an addition, so that they give the
//! same bits on every instruction set; only [`matmul_nt`] and [`matmul`] may round differently between processors.
#![expect(unsafe_code, reason = "run-time CPU dispatch and the matrix product's pointer interface")]

use crate::panels::{Line, Scalar};

const LANES: usize = 16;

/// Compiles `body` for AVX-512, AVX2 and the baseline and picks at run time. The bodies are the same safe Rust, so the
/// three versions agree to the bit.
macro_rules! dispatch {
    ($(#[$doc:meta])* pub fn $name:ident $([$($scalar:ident),+; $n:ident])? ($($arg:ident : $ty:ty),*) $(-> $ret:ty)? $body:block) => {
        $(#[$doc])*
        #[inline]
        pub fn $name $(<$($scalar: Scalar),+, const $n: usize>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn portable $(<$($scalar: Scalar),+, const $n: usize>)? ($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl")]
                fn avx512 $(<$($scalar: Scalar),+, const $n: usize>)? ($($arg: $ty),*) $(-> $ret)? { portable($($arg),*) }
                #[target_feature(enable = "avx2")]
                fn avx2 $(<$($scalar: Scalar),+, const $n: usize>)? ($($arg: $ty),*) $(-> $ret)? { portable($($arg),*) }
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the features were detected on this processor one line above.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            portable($($arg),*)
        }
    };
}

/// The sum of partial sums, halves onto halves.
#[expect(clippy::inline_always, reason = "it must be compiled for the instruction set of its caller")]
#[inline(always)]
fn fold_lanes<const N: usize>(mut sums: [f32; N]) -> f32 {
    let mut width = N / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

dispatch! {
    /// Inner product of two vectors of one length.
    pub fn dot(a: &[f32], b: &[f32]) -> f32 {
        let mut sums = [0.0_f32; LANES];
        let (a_blocks, a_tail) = a.as_chunks::<LANES>();
        let (b_blocks, b_tail) = b.as_chunks::<LANES>();
        for (x, y) in a_blocks.iter().zip(b_blocks) {
            for lane in 0..LANES {
                sums[lane] += x[lane] * y[lane];
            }
        }
        let tail: f32 = a_tail.iter().zip(b_tail).map(|(x, y)| x * y).sum();
        fold_lanes(sums) + tail
    }
}

dispatch! {
    /// `y += alpha · x`.
    pub fn axpy(alpha: f32, x: &[f32], y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += alpha * x;
        }
    }
}

dispatch! {
    /// `out = Σ weights[n] · table[rows[n]]` for a table of `out.len()` columns: one row of a sparse × dense product.
    pub fn gather_sum(table: &[f32], rows: &[u32], weights: &[f32], out: &mut [f32]) {
        let d = out.len();
        let (wide, rest) = out.as_chunks_mut::<{ 4 * LANES }>();
        let (narrow, tail) = rest.as_chunks_mut::<LANES>();
        let mut from = 0;
        for block in wide {
            gather_block(table, (d, from), rows, weights, block);
            from += block.len();
        }
        for block in narrow {
            gather_block(table, (d, from), rows, weights, block);
            from += block.len();
        }
        tail.fill(0.0);
        if !tail.is_empty() {
            for (&row, &weight) in rows.iter().zip(weights) {
                let start = row as usize * d + from;
                for (y, x) in tail.iter_mut().zip(&table[start..(row as usize + 1) * d]) {
                    *y += weight * x;
                }
            }
        }
    }
}

/// Columns `from..from + N` of [`gather_sum`], summed in registers: more than twice as fast as summing in memory.
#[expect(clippy::inline_always, reason = "it must be compiled for the instruction set of its caller")]
#[inline(always)]
fn gather_block<const N: usize>(
    table: &[f32],
    (d, from): (usize, usize),
    rows: &[u32],
    weights: &[f32],
    out: &mut [f32; N],
) {
    let mut sums = [0.0_f32; N];
    for (&row, &weight) in rows.iter().zip(weights) {
        let start = row as usize * d + from;
        for (sum, x) in sums.iter_mut().zip(&table[start..start + N]) {
            *sum += weight * x;
        }
    }
    *out = sums;
}

/// Asks for the cache lines of `row`, which is needed soon: what is gathered from memory waits less if it is named some time
/// before it is read. Changes no value.
#[expect(clippy::inline_always, reason = "a few instructions")]
#[inline(always)]
pub fn prefetch<T>(row: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        let start = row.as_ptr().cast::<i8>();
        for offset in (0..size_of_val(row)).step_by(64) {
            // SAFETY: prefetching reads nothing, and the address lies inside a value.
            unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(start.add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

/// How many entries of a sparse product ahead of the sum their lines are asked for.
const AHEAD: usize = 8;

dispatch! {
    /// A hop in one panel: `out[r] = weight · shares[r] · Σ source[c] + base_weight · base[r]`, the sum over the columns
    /// `cols[row_ptr[r]..row_ptr[r + 1]]` of each row. An empty `base` is zero.
    pub fn hop_lines[S, T; N](
        source: &[Line<S, N>],
        edges: (&[usize], &[u32]),
        scale: (f32, &[f32]),
        base: (f32, &[Line<S, N>]),
        out: &mut [Line<T, N>]
    ) {
        let (row_ptr, cols) = edges;
        for (r, (out, ends)) in out.iter_mut().zip(row_ptr.windows(2)).enumerate() {
            // Two sums, so that an addition need not wait for the one before it.
            let (mut even, mut odd) = ([0.0; N], [0.0; N]);
            let (pairs, rest) = cols[ends[0]..ends[1]].as_chunks::<2>();
            let mut soon = ends[0] + AHEAD;
            for &[a, b] in pairs {
                if let Some(&[x, y]) = cols.get(soon..soon + 2) {
                    prefetch(std::slice::from_ref(&source[x as usize]));
                    prefetch(std::slice::from_ref(&source[y as usize]));
                }
                soon += 2;
                let (a, b) = (&source[a as usize].0, &source[b as usize].0);
                for lane in 0..N {
                    even[lane] += a[lane].get();
                    odd[lane] += b[lane].get();
                }
            }
            for &a in rest {
                let a = &source[a as usize].0;
                for lane in 0..N {
                    even[lane] += a[lane].get();
                }
            }
            let share = scale.0 * scale.1[r];
            let none = Line::zero();
            let from = base.1.get(r).unwrap_or(&none);
            for lane in 0..N {
                out.0[lane] = T::put(share * (even[lane] + odd[lane]) + base.0 * from.0[lane].get());
            }
        }
    }
}

dispatch! {
    /// A sparse × dense product in one panel: `out[r] = Σ weights[n] · source[cols[n]]` over the entries of each row.
    pub fn product_lines[S, T; N](
        source: &[Line<S, N>],
        row_ptr: &[usize],
        edges: (&[u32], &[f32]),
        out: &mut [Line<T, N>]
    ) {
        for (out, ends) in out.iter_mut().zip(row_ptr.windows(2)) {
            let mut sums = [0.0; N];
            for (n, (&col, &weight)) in edges.0[ends[0]..ends[1]].iter().zip(&edges.1[ends[0]..ends[1]]).enumerate() {
                if let Some(&soon) = edges.0.get(ends[0] + n + AHEAD) {
                    prefetch(std::slice::from_ref(&source[soon as usize]));
                }
                sums.iter_mut().zip(source[col as usize].0).for_each(|(sum, x)| *sum += weight * x.get());
            }
            out.0.iter_mut().zip(sums).for_each(|(out, sum)| *out = T::put(sum));
        }
    }
}

dispatch! {
    /// Inner products of one row of a table with others: `table` holds its lines, panel by panel, and its number of rows.
    pub fn score_lines[S; N](table: (&[Line<S, N>], usize), row: usize, others: &[u32], out: &mut [f32]) {
        let (lines, n_rows) = table;
        let of = |row: usize| lines[row..].iter().step_by(n_rows);
        for (n, (&other, out)) in others.iter().zip(out).enumerate() {
            if let Some(&soon) = others.get(n + 4) {
                (soon as usize..lines.len()).step_by(n_rows).for_each(|at| prefetch(&lines[at..=at]));
            }
            let mut sums = [0.0; N];
            for (x, y) in of(row).zip(of(other as usize)) {
                sums.iter_mut().zip(x.0.iter().zip(&y.0)).for_each(|(sum, (x, y))| *sum += x.get() * y.get());
            }
            *out = fold_lanes(sums);
        }
    }
}

dispatch! {
    /// Adam on a block of lines, see [`adam`], and what is stored of them: `stored = x / roots`. A gradient is
    /// `roots · g + shares · x`.
    pub fn adam_lines[S; N](
        x: (&mut [Line<f32, N>], &mut [Line<S, N>]),
        moments: (&mut [Line<f32, N>], &mut [Line<f32, N>]),
        g: (&[Line<f32, N>], &[f32], &[f32]),
        keep: [f32; 2],
        take: [f32; 2],
        rate: [f32; 3]
    ) {
        let rows = x.0.iter_mut().zip(x.1).zip(moments.0.iter_mut().zip(moments.1)).zip(g.0).zip(g.1.iter().zip(g.2));
        for ((((x, stored), (m, v)), g), (root, share)) in rows {
            for lane in 0..N {
                let g = root * g.0[lane] + share * x.0[lane];
                let (first, second) = (keep[0] * m.0[lane] + take[0] * g, keep[1] * v.0[lane] + take[1] * g * g);
                m.0[lane] = first;
                v.0[lane] = second;
                x.0[lane] -= rate[0] * first / (second.sqrt() * rate[1] + rate[2]);
                stored.0[lane] = S::put(x.0[lane] / root);
            }
        }
    }
}

dispatch! {
    /// One step of Adam: `m ← k₀m + t₀g`, `v ← k₁v + t₁g²`, `x ← x - r₀ m / (√v r₁ + r₂)` with `k` to keep, `t` to take, `r` the rate,
    /// the correction of `√v` and the least divisor.
    pub fn adam(x: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], keep: [f32; 2], take: [f32; 2], rate: [f32; 3]) {
        for (((x, m), v), g) in x.iter_mut().zip(m).zip(v).zip(g) {
            *m = keep[0] * *m + take[0] * g;
            *v = keep[1] * *v + take[1] * g * g;
            *x -= rate[0] * *m / (v.sqrt() * rate[1] + rate[2]);
        }
    }
}

/// `e^x` to within 4e-7 of itself for x from -87 to 88, and that of the nearer end beyond; what is not a number stays so. The
/// polynomial is that of `expf` in Stephen L. Moshier's Cephes library; the system's own function has no specified precision and
/// takes one number at a time.
#[expect(clippy::excessive_precision, reason = "constants as published")]
#[inline(always)]
fn exponential(x: f32) -> f32 {
    // Adding 1.5 · 2^23 rounds to a whole number, which then stands in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * 0.693_359_375 + n * 2.121_944_4e-4;
    let mut sum = 1.987_569_15e-4;
    for coefficient in
        [1.398_199_950_7e-3, 8.333_451_907_3e-3, 4.166_579_589_4e-2, 1.666_666_545_9e-1, 5.000_000_120_1e-1]
    {
        sum = sum * r + coefficient;
    }
    let power = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    (sum * r * r + r + 1.0) * f32::from_bits(power)
}

dispatch! {
    /// `x ← e^(x - shift)`, and the sum of them.
    pub fn exponentials(x: &mut [f32], shift: f32) -> f32 {
        let mut sums = [0.0_f32; LANES];
        let (blocks, tail) = x.as_chunks_mut::<LANES>();
        for block in blocks {
            for lane in 0..LANES {
                block[lane] = exponential(block[lane] - shift);
                sums[lane] += block[lane];
            }
        }
        let mut rest = 0.0;
        for x in tail {
            *x = exponential(*x - shift);
            rest += *x;
        }
        fold_lanes(sums) + rest
    }
}

dispatch! {
    /// `x ← tanh x`, to within 1e-7.
    pub fn hyperbolic_tangents(x: &mut [f32]) {
        for x in x {
            *x = 1.0 - 2.0 / (exponential(2.0 * *x) + 1.0);
        }
    }
}

dispatch! {
    /// The highest of some numbers; those that are none are passed over.
    pub fn highest(x: &[f32]) -> f32 {
        let higher = |a: f32, b: f32| if b > a { b } else { a };
        let mut best = [f32::NEG_INFINITY; LANES];
        let (blocks, tail) = x.as_chunks::<LANES>();
        for block in blocks {
            for lane in 0..LANES {
                best[lane] = higher(best[lane], block[lane]);
            }
        }
        best.into_iter().chain(tail.iter().copied()).fold(f32::NEG_INFINITY, higher)
    }
}

dispatch! {
    /// `x ← factor · x`.
    pub fn scale(factor: f32, x: &mut [f32]) {
        for x in x {
            *x *= factor;
        }
    }
}

dispatch! {
    /// Whether every number is finite.
    pub fn all_finite(numbers: &[f32]) -> bool {
        // Without an early exit many are looked at at a time.
        numbers.iter().fold(true, |all, number| all & number.is_finite())
    }
}

dispatch! {
    /// The place of the first score above `threshold` from place `from` on, or how many scores there are.
    pub fn next_above(scores: &[f32], from: usize, threshold: f32) -> usize {
        let (stretches, rest) = scores[from..].as_chunks::<{ 4 * LANES }>();
        let is_above = |score: &f32| *score > threshold;
        for (n, stretch) in stretches.iter().enumerate() {
            if stretch.iter().fold(false, |any, score| any | is_above(score)) {
                let within = stretch.iter().position(is_above).unwrap_or(0);
                return from + n * stretch.len() + within;
            }
        }
        let rest_from = scores.len() - rest.len();
        rest.iter().position(is_above).map_or(scores.len(), |within| rest_from + within)
    }
}

dispatch! {
    /// The highest score of each stretch of 64, the last one shorter.
    pub fn stretch_maxima(scores: &[f32], out: &mut Vec<f32>) {
        out.reserve(scores.len() / (4 * LANES) + 1);
        let higher = |a: f32, b: f32| if b > a { b } else { a };
        let (stretches, rest) = scores.as_chunks::<{ 4 * LANES }>();
        for stretch in stretches {
            let (parts, _) = stretch.as_chunks::<LANES>();
            let mut best = parts[0];
            for part in &parts[1..] {
                for lane in 0..LANES {
                    best[lane] = higher(best[lane], part[lane]);
                }
            }
            let mut width = LANES / 2;
            while width > 0 {
                for lane in 0..width {
                    best[lane] = higher(best[lane], best[lane + width]);
                }
                width /= 2;
            }
            out.push(best[0]);
        }
        if !rest.is_empty() {
            out.push(rest.iter().copied().fold(f32::NEG_INFINITY, higher));
        }
    }
}

dispatch! {
    /// How many scores are above `score`, and how many equal it.
    pub fn above_and_equal(scores: &[f32], score: f32) -> (usize, usize) {
        let (mut above, mut equal) = (0_usize, 0_usize);
        // Counted in small numbers, of which many fit a register.
        for stretch in scores.chunks(1 << 14) {
            let (mut more, mut same) = (0_u32, 0_u32);
            for other in stretch {
                more += u32::from(*other > score);
                same += u32::from(*other == score);
            }
            above += more as usize;
            equal += same as usize;
        }
        (above, equal)
    }
}

/// The instruction set that the kernels found on this processor; part of every run's manifest.
pub fn isa() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            return "x86-64 avx512";
        }
        if is_x86_feature_detected!("avx2") {
            return "x86-64 avx2";
        }
    }
    std::env::consts::ARCH
}

/// `out (m × n) = a (m × k) · b (n × k)ᵀ`, row-major: every query against every item.
pub fn matmul_nt(a: &[f32], b: &[f32], k: usize, out: &mut [f32]) {
    let m = a.len().checked_div(k).unwrap_or(1);
    let n = b.len().checked_div(k).unwrap_or(out.len());
    assert!(a.len() == m * k && b.len() == n * k && out.len() == m * n, "shapes of a product a · bᵀ");
    let whole = |n_rows, n_cols, stride, transposed| Block { n_rows, n_cols, offset: 0, stride, transposed };
    matmul((out, whole(m, n, n, false)), (a, whole(m, k, k, false)), (b, whole(k, n, k, true)), 1.0, 0.0);
}

/// A rectangle inside a row-major buffer: element (i, j) stands at `offset + i · stride + j`.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// Rows.
    pub n_rows: usize,
    /// Columns.
    pub n_cols: usize,
    /// Index of its first element.
    pub offset: usize,
    /// Distance between rows.
    pub stride: usize,
    /// Read it transposed: element (i, j) is then at `offset + j · stride + i`.
    pub transposed: bool,
}

impl Block {
    /// All of a matrix of this shape.
    pub fn whole(n_rows: usize, n_cols: usize) -> Self {
        Self { n_rows, n_cols, offset: 0, stride: n_cols, transposed: false }
    }

    /// All of a matrix stored in this shape, read transposed.
    pub fn turned(n_rows: usize, n_cols: usize) -> Self {
        Self { n_rows: n_cols, n_cols: n_rows, offset: 0, stride: n_cols, transposed: true }
    }

    fn strides(&self) -> (isize, isize) {
        if self.transposed { (1, self.stride as isize) } else { (self.stride as isize, 1) }
    }

    fn end(&self) -> usize {
        let (rows, cols) = if self.transposed { (self.n_cols, self.n_rows) } else { (self.n_rows, self.n_cols) };
        if rows == 0 || cols == 0 { 0 } else { self.offset + (rows - 1) * self.stride + cols }
    }
}

/// `out = beta · out + alpha · a · b` on blocks of buffers: the building stone of blocked factorisations.
#[expect(clippy::needless_pass_by_value, reason = "a pair of a mutable slice and its block is made for one call")]
pub fn matmul(out: (&mut [f32], Block), a: (&[f32], Block), b: (&[f32], Block), alpha: f32, beta: f32) {
    let (m, n, k) = (out.1.n_rows, out.1.n_cols, a.1.n_cols);
    assert!(a.1.n_rows == m && b.1.n_rows == k && b.1.n_cols == n && !out.1.transposed, "shapes of a block product");
    assert!(out.1.end() <= out.0.len() && a.1.end() <= a.0.len() && b.1.end() <= b.0.len(), "blocks inside buffers");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        for row in 0..m {
            let start = out.1.offset + row * out.1.stride;
            for x in &mut out.0[start..start + n] {
                *x = if beta == 0.0 { 0.0 } else { beta * *x };
            }
        }
        return;
    }
    let ((a_row, a_col), (b_row, b_col)) = (a.1.strides(), b.1.strides());
    // The library's kernels want columns to be contiguous: outᵀ = bᵀ · aᵀ, where transposing is only a matter of strides.
    // SAFETY: every element that the strides reach lies inside its slice, checked above; `out` is borrowed mutably and so
    // does not alias the inputs. One thread, so that the result does not depend on their number.
    unsafe {
        gemm_f32::gemm::f32::get_gemm_fn()(
            n,
            m,
            k,
            out.0.as_mut_ptr().add(out.1.offset),
            out.1.stride as isize,
            1,
            beta != 0.0,
            b.0.as_ptr().add(b.1.offset),
            b_row,
            b_col,
            a.0.as_ptr().add(a.1.offset),
            a_row,
            a_col,
            beta,
            alpha,
            false,
            false,
            false,
            gemm_common::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn random(n: usize, name: &str) -> Vec<f32> {
        let mut stream = Seed::new(5).named(name).stream();
        (0..n).map(|_| stream.normal() as f32).collect()
    }

    #[test]
    fn kernels_equal_their_plain_twins() {
        for n in [0, 1, 15, 16, 17, 64, 100] {
            let (a, b) = (random(n, "a"), random(n, "b"));
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((f64::from(dot(&a, &b)) - plain).abs() < 1e-4);
            let mut y = b.clone();
            axpy(0.5, &a, &mut y);
            for i in 0..n {
                assert_eq!(y[i], b[i] + 0.5 * a[i]);
            }
        }
        for d in [3, 16, 64, 83, 147] {
            let table = random(3 * d, "t");
            let mut out = vec![9.0; d];
            gather_sum(&table, &[2, 0], &[2.0, -1.0], &mut out);
            for j in 0..d {
                assert_eq!(out[j], 2.0 * table[2 * d + j] - table[j]);
            }
        }
    }

    /// A table of random lines, and a sparse matrix over them with an empty and a long row.
    fn sparse<S: Scalar, const N: usize>() -> (Vec<Line<S, N>>, Vec<usize>, Vec<u32>, Vec<f32>) {
        let numbers = random(N * 9, "lines");
        let line = |from: &[f32]| Line(std::array::from_fn(|lane| S::put(from[lane])));
        let cols = [3, 0, 8, 8, 1, 2, 3, 4, 5, 6, 7, 0].to_vec();
        (numbers.chunks(N).map(line).collect(), vec![0, 1, 1, 3, 12], cols, random(12, "weights"))
    }

    fn sparse_products_equal_their_plain_twins_in<S: Scalar, const N: usize>() {
        let (table, row_ptr, cols, weights) = sparse::<S, N>();
        let shares = random(4, "shares");
        let mut out = [Line([9.0_f32; N]); 4];
        hop_lines(&table, (&row_ptr, &cols), (0.5, &shares), (2.0, &table[5..]), &mut out);
        let mut product = [Line([9.0_f32; N]); 4];
        product_lines(&table, &row_ptr, (&cols, &weights), &mut product);
        for row in 0..4 {
            for lane in 0..N {
                let entries = || (row_ptr[row]..row_ptr[row + 1]).map(|n| (n, table[cols[n] as usize].0[lane].get()));
                let sum: f32 = entries().map(|(_, x)| x).sum();
                let wanted = 0.5 * shares[row] * sum + 2.0 * table[5 + row].0[lane].get();
                assert!((out[row].0[lane] - wanted).abs() < 1e-5);
                let wanted: f32 = entries().map(|(n, x)| weights[n] * x).sum();
                assert!((product[row].0[lane] - wanted).abs() < 1e-5);
            }
        }
        // Nine lines are three rows in three panels.
        let mut scores = [9.0; 3];
        score_lines((&table, 3), 1, &[2, 0, 1], &mut scores);
        for (score, other) in scores.iter().zip([2, 0, 1]) {
            let of = |row: usize, lane: usize| f64::from(table[3 * (lane / N) + row].0[lane % N].get());
            let wanted: f64 = (0..3 * N).map(|lane| of(1, lane) * of(other, lane)).sum();
            assert!((f64::from(*score) - wanted).abs() < 1e-4);
        }
    }

    #[test]
    fn sparse_products_equal_their_plain_twins() {
        sparse_products_equal_their_plain_twins_in::<f32, 16>();
        sparse_products_equal_their_plain_twins_in::<crate::panels::Bf16, 32>();
    }

    /// The block of lines against the vectors, and those against the textbook in double precision.
    #[test]
    fn adam_is_that_of_the_paper() {
        let (x, m, v) = (random(16, "x"), random(16, "m"), random(16, "v").iter().map(|x| x * x).collect::<Vec<_>>());
        let g = random(16, "g");
        let line = |from: &[f32]| [Line::<f32, 16>(std::array::from_fn(|lane| from[lane]))];
        let (mut lines, mut first, mut second) = (line(&x), line(&m), line(&v));
        let mut stored = [Line([0.0_f32; 16])];
        let (keep, take, rate) = ([0.9, 0.999], [0.1, 0.001], [0.01, 1.5, 1e-8]);
        let gradient = (&line(&g)[..], &[4.0_f32][..], &[0.5_f32][..]);
        adam_lines((&mut lines, &mut stored), (&mut first, &mut second), gradient, keep, take, rate);
        let total: Vec<f32> = g.iter().zip(&x).map(|(g, x)| 4.0 * g + 0.5 * x).collect();
        let (mut plain, mut one, mut two) = (x.clone(), m.clone(), v.clone());
        adam(&mut plain, &mut one, &mut two, &total, keep, take, rate);
        assert_eq!((&lines[0].0[..], &first[0].0[..], &second[0].0[..]), (&plain[..], &one[..], &two[..]));
        for lane in 0..16 {
            assert_eq!(stored[0].0[lane], lines[0].0[lane] / 4.0);
            let g = f64::from(total[lane]);
            let (m, v) = (0.9 * f64::from(m[lane]) + 0.1 * g, 0.999 * f64::from(v[lane]) + 0.001 * g * g);
            let wanted = f64::from(x[lane]) - 0.01 * m / (v.sqrt() * 1.5 + 1e-8);
            assert!((f64::from(plain[lane]) - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn exponentials_are_those_of_the_system() {
        let x: Vec<f32> = (-870..880).map(|n| n as f32 / 10.0).chain(random(37, "x")).collect();
        let mut found = x.clone();
        exponentials(&mut found, 0.5);
        let wanted: Vec<f64> = x.iter().map(|x| f64::from(x - 0.5).exp()).collect();
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((f64::from(*found) - wanted).abs() <= 4e-7 * wanted + 2e-38, "{found} for {wanted}");
        }
        let sum: f64 = wanted[1750..].iter().sum();
        assert!((f64::from(exponentials(&mut x[1750..].to_vec(), 0.5)) / sum - 1.0).abs() < 1e-5);
        assert_eq!(highest(&x), 87.9);
        assert!(exponentials(&mut [0.0, f32::NAN], 0.0).is_nan() && highest(&[]) == f32::NEG_INFINITY);
        let mut found = x.clone();
        hyperbolic_tangents(&mut found);
        assert!(x.iter().zip(&found).all(|(x, found)| (f64::from(*x).tanh() - f64::from(*found)).abs() < 2e-7));
    }

    #[test]
    fn products_equal_the_triple_loop() {
        let (m, n, k) = (5, 7, 33);
        let (a, b) = (random(m * k, "a"), random(n * k, "b"));
        let mut out = vec![f32::NAN; m * n];
        matmul_nt(&a, &b, k, &mut out);
        let whole = |n_rows, n_cols, stride, transposed| Block { n_rows, n_cols, offset: 0, stride, transposed };
        let mut blocks = vec![1.0; m * n];
        matmul(
            (&mut blocks, whole(m, n, n, false)),
            (&a, whole(m, k, k, false)),
            (&b, whole(k, n, k, true)),
            -1.0,
            1.0,
        );
        for i in 0..m {
            for j in 0..n {
                let plain: f32 = (0..k).map(|l| a[i * k + l] * b[j * k + l]).sum();
                assert!((out[i * n + j] - plain).abs() < 1e-4);
                assert!((blocks[i * n + j] - (1.0 - plain)).abs() < 1e-4);
            }
        }
    }
}
