//! The members of a gzip file as one stream; zeros after the last, with which tapes and block devices fill up, are nothing.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Decompresses one member after the other.
pub(super) struct Members<R> {
    /// `None` for the moment between two members alone.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(raw: R) -> Self {
        Self { member: Some(GzDecoder::new(raw)) }
    }

    /// Whether another member follows in `raw`, past any zeros.
    fn follows(raw: &mut R) -> io::Result<bool> {
        loop {
            let rest = raw.fill_buf()?;
            let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
            match rest.get(zeros) {
                None if rest.is_empty() => return Ok(false),
                None => raw.consume(zeros),
                Some(0x1f) => {
                    raw.consume(zeros);
                    return Ok(true);
                }
                Some(_) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "bytes that are no gzip follow its end"));
                }
            }
        }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(mut raw) = self.member.take().map(GzDecoder::into_inner) else { break };
            self.member = Self::follows(&mut raw)?.then(|| GzDecoder::new(raw));
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        // In small pieces, so that zeros and members stand across their borders.
        Members::new(io::BufReader::with_capacity(7, bytes)).read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn members_are_one_text_and_zeros_are_nothing() {
        let two = [gzip("one "), gzip(""), gzip("text")].concat();
        assert_eq!(read(&two).unwrap(), "one text");
        assert_eq!(read(&[two.clone(), vec![0; 1000]].concat()).unwrap(), "one text");
        assert_eq!(read(&[gzip("one "), vec![0; 9], gzip("text")].concat()).unwrap(), "one text");
        let told = read(&[two.clone(), b"\0trailing".to_vec()].concat()).unwrap_err();
        assert!(told.to_string().contains("follow its end"), "{told}");
        assert_eq!(read(&two[..two.len() - 3]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(read(&[two, gzip("cut")[..5].to_vec()].concat()).is_err());
    }
}
