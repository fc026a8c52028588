//! The same text in another guise, which must read the same.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// True if `content` may wear the guise without becoming another text.
pub(crate) fn may_wear(guise: &str, content: &[u8]) -> bool {
    let magic = [&b"PAR1"[..], b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18"];
    if content.is_empty() || magic.iter().any(|magic| content.windows(magic.len()).take(2).any(|head| head == *magic)) {
        return false;
    }
    // Between quotes an end of line is part of a cell.
    let breakable = !content.contains(&b'"') && !content.contains(&b'\r') && !content.contains(&b'\\');
    match guise {
        "bom" => !content.starts_with("\u{feff}".as_bytes()),
        "crlf" | "end" => breakable,
        // A mark that is not at the beginning is text.
        "blank" => !content.starts_with("\u{feff}".as_bytes()),
        "gz" | "zst" | "parts" => true,
        _ => false,
    }
}

/// `content` with a byte order mark, other ends of lines, a blank first line, or compressed as a whole or in parts.
pub(crate) fn disguised(guise: &str, content: &[u8]) -> Vec<u8> {
    match guise {
        "bom" => [b"\xef\xbb\xbf", content].concat(),
        "crlf" => content.split(|&b| b == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..]),
        "blank" => [b"\n", content].concat(),
        "gz" => gz(content),
        "zst" => zst(content),
        // Small parts: what is recognised from the beginning is in several of them.
        "parts" => content
            .chunks(3)
            .take(40)
            .chain([content.get(120..).unwrap_or_default()])
            .map(gz)
            .collect::<Vec<_>>()
            .concat(),
        _ if content.ends_with(b"\n") => content.strip_suffix(b"\n").unwrap_or_default().into(),
        _ => [content, b"\n"].concat(),
    }
}

/// One gzip member.
pub(crate) fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// One zstd frame.
pub(crate) fn zst(content: &[u8]) -> Vec<u8> {
    compress_to_vec(content, CompressionLevel::Fastest)
}
