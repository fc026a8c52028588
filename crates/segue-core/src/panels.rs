//! Tables of vectors cut into panels of a fixed number of columns: the layout of sparse × dense products.
//!
//! Such a product gathers rows in the order of a graph. With a width known when it is compiled, the sums of a row stay in
//! registers; with rows that begin at a cache line, none is read in two halves; and numbers may be stored in two bytes,
//! for what a product waits for is the cache that holds its table. A table of up to `N` columns is one panel.
//!
//! Narrow panels were tried, so that the side of a graph that is gathered from stays in the second level of the cache while
//! every row is summed: on Gowalla (70,839 nodes, 64 columns) 16 columns, 64 bytes a row, take 1.5 times as long as 64, and
//! 32 columns 1.3 times. Neighbouring lines cost less than lines apart, and edges are read once for each panel.

use crate::dense::Matrix;

/// A number as it is stored. Sums are always those of `f32`.
pub trait Scalar: Copy + Send + Sync + Default + std::fmt::Debug + 'static {
    /// Its value.
    fn get(self) -> f32;

    /// The nearest number that can be stored.
    fn put(value: f32) -> Self;
}

impl Scalar for f32 {
    #[inline]
    fn get(self) -> f32 {
        self
    }

    #[inline]
    fn put(value: f32) -> Self {
        value
    }
}

/// The upper half of an `f32`: its range, with eight bits of precision (bfloat16).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bf16(u16);

impl Scalar for Bf16 {
    #[inline]
    fn get(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// Ties go to even; NaN stays NaN.
    #[inline]
    fn put(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
        Self((if value.is_nan() { bits | 0x40_0000 } else { rounded } >> 16) as u16)
    }
}

/// The numbers of one row in one panel: whole cache lines.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub struct Line<S, const N: usize>(pub [S; N]);

impl<S: Scalar, const N: usize> Line<S, N> {
    /// All zeros.
    pub fn zero() -> Self {
        Self([S::default(); N])
    }
}

/// `n_rows × n_cols` in panels of `N` columns, the last one filled up with zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct Panels<S, const N: usize> {
    n_rows: usize,
    n_cols: usize,
    /// Panel by panel, and in a panel row by row.
    lines: Vec<Line<S, N>>,
}

impl<S: Scalar, const N: usize> Panels<S, N> {
    /// All zeros.
    pub fn zeros(n_rows: usize, n_cols: usize) -> Self {
        Self { n_rows, n_cols, lines: vec![Line::zero(); n_rows * n_cols.div_ceil(N)] }
    }

    /// The same table, row-major before.
    pub fn from_matrix(matrix: &Matrix) -> Self {
        let mut panels = Self::zeros(matrix.n_rows(), matrix.n_cols());
        for (p, panel) in panels.lines.chunks_exact_mut(matrix.n_rows().max(1)).enumerate() {
            for (row, line) in panel.iter_mut().enumerate() {
                for (to, from) in line.0.iter_mut().zip(&matrix.row(row)[p * N..]) {
                    *to = S::put(*from);
                }
            }
        }
        panels
    }

    /// The same table, row-major.
    pub fn to_matrix(&self) -> Matrix {
        let mut matrix = Matrix::zeros(self.n_rows, self.n_cols);
        for p in 0..self.n_panels() {
            for (row, line) in self.panel(p).iter().enumerate() {
                for (to, from) in matrix.row_mut(row)[p * N..].iter_mut().zip(line.0) {
                    *to = from.get();
                }
            }
        }
        matrix
    }

    /// Gives the table another number of rows; what it holds is then of no meaning.
    pub fn reshape(&mut self, n_rows: usize) {
        self.n_rows = n_rows;
        self.lines.resize(n_rows * self.n_panels(), Line::zero());
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Number of panels.
    pub fn n_panels(&self) -> usize {
        self.n_cols.div_ceil(N)
    }

    /// The rows of panel `p`.
    #[inline]
    pub fn panel(&self, p: usize) -> &[Line<S, N>] {
        &self.lines[p * self.n_rows..(p + 1) * self.n_rows]
    }

    /// The rows of panel `p`, mutable.
    pub fn panel_mut(&mut self, p: usize) -> &mut [Line<S, N>] {
        &mut self.lines[p * self.n_rows..(p + 1) * self.n_rows]
    }

    /// All lines, panel by panel.
    pub fn lines(&self) -> &[Line<S, N>] {
        &self.lines
    }

    /// All lines, mutable.
    pub fn lines_mut(&mut self) -> &mut [Line<S, N>] {
        &mut self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn panels_hold_the_same_rows() {
        for (n_rows, n_cols) in [(0, 5), (3, 1), (4, 16), (5, 37)] {
            let matrix = Matrix::normal(n_rows, n_cols, 1.0, &mut Seed::new(1).stream());
            let panels = Panels::<f32, 16>::from_matrix(&matrix);
            assert_eq!(panels.to_matrix(), matrix);
            for row in 0..n_rows {
                let lines = panels.lines()[row..].iter().step_by(n_rows);
                let numbers: Vec<f32> = lines.flat_map(|line| line.0).collect();
                assert_eq!(numbers[..n_cols], *matrix.row(row));
                assert!(numbers[n_cols..].iter().all(|&x| x == 0.0));
            }
        }
    }

    #[test]
    fn half_of_a_float_is_the_nearest() {
        for (value, stored) in [(1.0, 1.0), (-2.5, -2.5), (0.0, 0.0), (f32::INFINITY, f32::INFINITY)] {
            assert_eq!(Bf16::put(value).get(), stored);
        }
        // Between 1 and 1 + 2^-7: the tie goes to the even one, what lies beyond it upwards.
        assert_eq!(Bf16::put(1.0 + 2.0_f32.powi(-8)).get(), 1.0);
        assert_eq!(Bf16::put(1.0 + 1.1 * 2.0_f32.powi(-8)).get(), 1.0 + 2.0_f32.powi(-7));
        assert!(Bf16::put(f32::NAN).get().is_nan());
        assert!(Bf16::put(f32::from_bits(0x7F80_0001)).get().is_nan());
        for n in 0..1000 {
            let x = Seed::new(2).at(n).stream().normal() as f32;
            assert!((Bf16::put(x).get() - x).abs() <= x.abs() / 256.0);
        }
    }
}
