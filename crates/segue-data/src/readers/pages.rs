//! A Parquet file whose compressed pages cannot grow without bounds.
//!
//! The library gives every codec a limit but gzip, which it lets write as much as it likes: a few megabytes of a hostile
//! file could fill the memory. Here each gzip stream of a page is counted out before the library sees it. Brotli, which it
//! limits as little, begins by no sign that would tell where a stream is in a page: files of it are refused.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use ::bytes::Bytes;
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, Length};
use flate2::read::MultiGzDecoder;

use super::foreign::damaged;

/// Bytes of a page at most, once decompressed.
const MOST: u64 = 1 << 28;
/// How a gzip stream begins.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Places in a page that look like one at most: there is one, and chance makes few.
const STREAMS: usize = 64;

/// A file, read by whole pages.
#[derive(Debug)]
pub(crate) struct Pages(pub(super) File);

impl Length for Pages {
    fn len(&self) -> u64 {
        Length::len(&self.0)
    }
}

impl ChunkReader for Pages {
    type T = BufReader<File>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let mut file = self.0.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(BufReader::new(file))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.0.get_bytes(start, length)?;
        check(&bytes)?;
        Ok(bytes)
    }
}

fn check(bytes: &[u8]) -> Result<(), ParquetError> {
    let starts = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    for (n, (start, _)) in starts.enumerate() {
        if n == STREAMS {
            return Err(damaged("a page has too many beginnings of gzip streams"));
        }
        let mut counted = MultiGzDecoder::new(&bytes[start..]).take(MOST + 1);
        // What is no gzip stream ends in an error, which is the library's to tell.
        let _ = std::io::copy(&mut counted, &mut std::io::sink());
        if counted.limit() == 0 {
            return Err(damaged(format!("a page grows beyond {} MiB", MOST >> 20)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn pages_that_grow_without_bounds_are_refused() {
        let gzip = |zeros: u64| {
            let mut out = GzEncoder::new(Vec::new(), Compression::fast());
            std::io::copy(&mut std::io::repeat(0).take(zeros), &mut out).unwrap();
            out.flush().unwrap();
            // Levels stand before the stream of some pages.
            [&[2, 0, 0, 0, 4, 1][..], &out.finish().unwrap()].concat()
        };
        check(&gzip(1 << 20)).unwrap();
        assert!(check(&gzip(MOST + 1)).unwrap_err().to_string().contains("beyond 256 MiB"));
        check(&MAGIC.repeat(STREAMS)).unwrap();
        assert!(check(&MAGIC.repeat(STREAMS + 1)).is_err());
        check(b"plain").unwrap();
    }
}
