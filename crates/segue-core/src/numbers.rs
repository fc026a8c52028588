//! Numbers that may lie in a mapped file: read where they are, without a copy.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytemuck::Pod;

/// Bytes that are kept as long as somebody reads them: a mapped file, or memory.
#[derive(Clone)]
pub struct Blob(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl Blob {
    /// Shares `bytes`, whose content must not change as long as it is shared.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(bytes))
    }

    /// All of them.
    pub fn bytes(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.bytes().len())
    }
}

/// A vector of numbers: its own, or a part of a [`Blob`].
#[derive(Clone)]
pub struct Numbers<T>(Place<T>);

#[derive(Clone)]
enum Place<T> {
    Own(Vec<T>),
    /// Where in the blob, in bytes; they are aligned and a whole number of numbers.
    Within(Blob, Range<usize>),
}

impl<T: Pod> Numbers<T> {
    /// The numbers that stand in `blob` at `range`, little-endian as this machine has them; `None` where they cannot be read in
    /// place.
    pub(crate) fn within(blob: &Blob, range: Range<usize>) -> Option<Self> {
        let bytes = blob.bytes().get(range.clone())?;
        let readable = cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, T>(bytes).is_ok();
        readable.then(|| Self(Place::Within(blob.clone(), range)))
    }

    /// Whether they lie in memory of their own.
    pub fn is_own(&self) -> bool {
        matches!(self.0, Place::Own(_))
    }

    /// To be changed: copied first if they lie in a blob.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        if let Place::Within(..) = self.0 {
            self.0 = Place::Own(self.to_vec());
        }
        match &mut self.0 {
            Place::Own(own) => own,
            Place::Within(..) => unreachable!("copied above"),
        }
    }
}

impl<T: Pod> Deref for Numbers<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Place::Own(own) => own,
            Place::Within(blob, range) => bytemuck::cast_slice(&blob.bytes()[range.clone()]),
        }
    }
}

impl<T> From<Vec<T>> for Numbers<T> {
    fn from(own: Vec<T>) -> Self {
        Self(Place::Own(own))
    }
}

impl<T: Pod + PartialEq> PartialEq for Numbers<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Numbers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_place_where_they_are_aligned_and_copied_to_be_changed() {
        let blob = Blob::new([1_u32, 2, 3].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
        // A vector of bytes may begin anywhere.
        let start = blob.bytes().as_ptr().align_offset(4);
        if start == 0 {
            let mut numbers = Numbers::<u32>::within(&blob, 4..12).unwrap();
            assert_eq!((&*numbers, numbers.is_own()), (&[2, 3][..], false));
            numbers.to_mut()[0] = 9;
            assert_eq!((&*numbers, numbers.is_own()), (&[9, 3][..], true));
            assert_eq!(Numbers::<u32>::within(&blob, 0..4).unwrap(), Numbers::from(vec![1]));
        }
        assert!(Numbers::<u32>::within(&blob, start + 1..start + 5).is_none());
        assert!(Numbers::<u32>::within(&blob, start..start + 3).is_none());
        assert!(Numbers::<u32>::within(&blob, 8..40).is_none());
    }
}
