//! Matrices for numpy: the `.npy` format, version 1.0.

use std::io::{self, Write};

use segue_core::Matrix;

/// Writes little-endian `f32`, C order, with a header padded to 64 bytes.
pub(crate) fn write_npy(matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
    let shape = (matrix.n_rows(), matrix.n_cols());
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", shape.0, shape.1);
    let prefix = b"\x93NUMPY\x01\x00".len() + 2;
    let padded = (prefix + header.len() + 1).next_multiple_of(64) - prefix;
    header.extend(std::iter::repeat_n(' ', padded - 1 - header.len()));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for row in 0..matrix.n_rows() {
        let bytes: Vec<u8> = matrix.row(row).iter().flat_map(|x| x.to_le_bytes()).collect();
        out.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_aligned_and_the_data_follows() {
        let mut bytes = Vec::new();
        write_npy(&Matrix::from_vec(1, 2, vec![1.5, -2.0]), &mut bytes).unwrap();
        let n = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((10 + n) % 64, 0);
        assert!(std::str::from_utf8(&bytes[10..10 + n]).unwrap().contains("'shape': (1, 2)"));
        assert_eq!(bytes[10 + n..], [1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat());
    }
}
