//! Zstandard: the frames of a file one after the other, checksums compared, skippable frames skipped.

use std::error::Error;
use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A reader of all frames. The decoder refuses windows of more than 128 MiB, as the program `zstd` does.
pub(super) struct Frames<R> {
    raw: R,
    decoder: FrameDecoder,
    open: bool,
}

/// True if a file begins as such a file does: with a frame, or with one to skip.
pub(super) fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&MAGIC) || matches!(head, [0x50..0x60, 0x2a, 0x4d, 0x18, ..])
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(raw: R) -> Self {
        Self { raw, decoder: FrameDecoder::new(), open: false }
    }

    /// Opens the next frame; false at the end of the file.
    fn next(&mut self) -> io::Result<bool> {
        while !self.raw.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.raw) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.raw).take(length.into()), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(told(&error)),
            }
        }
        Ok(false)
    }

    fn close(&mut self) -> io::Result<()> {
        self.open = false;
        match self.decoder.get_checksum_from_data() {
            Some(stated) if self.decoder.get_calculated_checksum() != Some(stated) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "a checksum differs"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            if !self.open {
                self.open = self.next()?;
                if !self.open {
                    return Ok(0);
                }
            }
            match self.decoder.read(buffer)? {
                0 if self.decoder.is_finished() => self.close()?,
                0 => {
                    let strategy = BlockDecodingStrategy::UptoBlocks(1);
                    self.decoder.decode_blocks(&mut self.raw, strategy).map_err(|error| told(&error))?;
                }
                n => return Ok(n),
            }
        }
        Ok(0)
    }
}

/// An early end is told from damage by the I/O error at the bottom.
fn told(error: &FrameDecoderError) -> io::Error {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return io::Error::new(io.kind(), error.to_string());
        }
        cause = inner.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    #[test]
    fn damage_anywhere_is_an_error_or_leaves_other_text_and_never_panics() {
        let text: Vec<String> = (0..300).map(|n| format!("u{} i{}", n % 7, n * n % 11)).collect();
        let text = text.join("\n");
        let whole = compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        let read = |bytes: &[u8]| {
            let mut out = Vec::new();
            Frames::new(bytes).take(1 << 20).read_to_end(&mut out).map(|_| out)
        };
        assert_eq!(read(&whole).unwrap(), text.as_bytes());
        for at in 0..whole.len() {
            for flip in [1, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= flip;
                let _ = read(&damaged);
            }
            assert!(at == 0 || read(&whole[..at]).is_err(), "{at} of {}", whole.len());
        }
    }
}
