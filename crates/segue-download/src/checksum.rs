//! By what a file is known to be the one that was published.

use std::fmt;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// MD5, which `GroupLens` and Zenodo publish. It tells a damaged file from a whole one, not a forged one.
    Md5,
    /// The name under which git stores the file: SHA-1 over `blob <bytes>\0` and the content. A repository publishes it
    /// for each of its files.
    GitBlob,
}

impl Algorithm {
    fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Md5 => 32,
            Self::GitBlob => 40,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
            Self::GitBlob => "git blob",
        })
    }
}

/// A published checksum, in small hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    algorithm: Algorithm,
    hex: String,
}

impl Checksum {
    /// Takes a checksum as people paste it; `None` if it is none of this kind.
    pub fn parse(algorithm: Algorithm, text: &str) -> Option<Self> {
        let hex = text.trim().to_ascii_lowercase();
        let fits = hex.len() == algorithm.digits() && hex.bytes().all(|b| b.is_ascii_hexdigit());
        fits.then_some(Self { algorithm, hex })
    }

    /// The checksum in a file that lies beside the published one: `MD5 (ml-1m.zip) = c4d9...` or `c4d9...  ml-1m.zip`.
    pub fn find(algorithm: Algorithm, text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| Self::parse(algorithm, word.trim_start_matches('\\')))
    }

    /// How it is computed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

/// The digests of a file that is read or written in pieces.
#[derive(Clone)]
pub(crate) struct Digests {
    sha256: Sha256,
    published: Published,
}

#[derive(Clone)]
enum Published {
    /// Nothing was published, or its SHA-256.
    None,
    Md5(Md5),
    Git(Sha1),
    /// The size of the whole is part of what git hashes: without it the file is read once more at the end.
    GitOfUnknownSize,
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digests").finish_non_exhaustive()
    }
}

impl Digests {
    /// For a file of `total` bytes.
    pub(crate) fn new(checksum: Option<&Checksum>, total: Option<u64>) -> Self {
        let published = match (checksum.map(Checksum::algorithm), total) {
            (None | Some(Algorithm::Sha256), _) => Published::None,
            (Some(Algorithm::Md5), _) => Published::Md5(Md5::new()),
            (Some(Algorithm::GitBlob), Some(total)) => {
                Published::Git(Sha1::new_with_prefix(format!("blob {total}\0").as_bytes()))
            }
            (Some(Algorithm::GitBlob), None) => Published::GitOfUnknownSize,
        };
        Self { sha256: Sha256::new(), published }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        match &mut self.published {
            Published::None | Published::GitOfUnknownSize => {}
            Published::Md5(md5) => md5.update(bytes),
            Published::Git(sha1) => sha1.update(bytes),
        }
    }

    pub(crate) fn sha256(&self) -> String {
        hex(&self.sha256.clone().finalize())
    }

    /// What the file has where `checksum` was asked for; `None` if that could not be computed on the way.
    pub(crate) fn computed(&self, checksum: &Checksum) -> Option<String> {
        match (checksum.algorithm(), &self.published) {
            (Algorithm::Sha256, _) => Some(self.sha256()),
            (Algorithm::Md5, Published::Md5(md5)) => Some(hex(&md5.clone().finalize())),
            (Algorithm::GitBlob, Published::Git(sha1)) => Some(hex(&sha1.clone().finalize())),
            _ => None,
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(algorithm: Algorithm, content: &str, expected: &str) {
        let checksum = Checksum::parse(algorithm, expected).unwrap();
        let mut digests = Digests::new(Some(&checksum), Some(content.len() as u64));
        content.bytes().for_each(|byte| digests.update(&[byte]));
        assert_eq!(digests.computed(&checksum).as_deref(), Some(expected));
    }

    /// `printf hello | sha256sum`, `md5sum`, `git hash-object --stdin`.
    #[test]
    fn digests_are_those_of_the_usual_programs() {
        check(Algorithm::Sha256, "hello", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        check(Algorithm::Md5, "hello", "5d41402abc4b2a76b9719d911017c592");
        check(Algorithm::GitBlob, "hello", "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
        check(Algorithm::GitBlob, "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }

    #[test]
    fn git_needs_the_size() {
        let checksum = Checksum::parse(Algorithm::GitBlob, "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0").unwrap();
        assert_eq!(Digests::new(Some(&checksum), None).computed(&checksum), None);
    }

    #[test]
    fn checksums_are_found_in_files_beside() {
        let digits = "c4d9eecfca2ab87c1945afe126590906";
        for text in [
            format!("MD5 (ml-1m.zip) = {digits}\n"),
            format!("{digits}  ml-1m.zip\n"),
            format!("{}\n", digits.to_uppercase()),
            format!("\\{digits}  odd\\nname"),
        ] {
            assert_eq!(Checksum::find(Algorithm::Md5, &text).unwrap().hex(), digits, "{text}");
        }
        assert_eq!(Checksum::find(Algorithm::Md5, "<html>404</html>"), None);
        assert_eq!(Checksum::parse(Algorithm::Sha256, digits), None);
        assert_eq!(Checksum::parse(Algorithm::Md5, "c4d9eecfca2ab87c1945afe12659090g"), None);
    }
}
