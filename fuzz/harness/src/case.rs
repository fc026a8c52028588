//! A case: one input of a target as a text that a person can read and write.
//!
//! ```text
//! {"format":"table","only":{"domain":1}}
//! ==> log <==
//! user,item,domain
//! 1,2,1
//! ==> beside.csv <==
//! ...
//! ```
//! The first line holds options, if it is a JSON object; unknown or broken ones count as left out, so that every text is
//! a case. The files follow, each under its name; without any name the rest is the file `log`. The end of line before a
//! name belongs to no file. Where the options hold `"repeat": [text, times]`, the first `@@` of every file stands
//! for the repeated text.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// The file without a name.
const LOG: &str = "log";
/// What a repetition may grow to.
const REPEATED: usize = 1 << 20;
/// Files of one case at most.
const FILES: usize = 12;

/// One input.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Case {
    /// Options, by name.
    pub options: Map<String, Value>,
    /// Names and contents.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Case {
    /// A case of one file.
    pub(crate) fn of(options: Value, content: impl Into<Vec<u8>>) -> Self {
        let options = if let Value::Object(options) = options { options } else { Map::new() };
        Self { options, files: vec![(LOG.into(), content.into())] }
    }

    /// Reads a case; there is no text that is none.
    pub fn parse(bytes: &[u8]) -> Self {
        let (first, rest) = split_line(bytes);
        let (options, mut rest) = match serde_json::from_slice(first) {
            Ok(options) => (options, rest),
            Err(_) => (Map::new(), bytes),
        };
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut add = |name: &str, content: &[u8]| {
            if files.len() < FILES && !files.iter().any(|(known, _)| known == name) {
                files.push((name.into(), content.into()));
            }
        };
        // Names at the very beginning or after an end of line.
        let mut name = match heading(rest) {
            Some((name, after)) => {
                rest = after;
                name
            }
            None => LOG.to_owned(),
        };
        let mut from = 0;
        while let Some(end) = rest[from..].iter().position(|&b| b == b'\n').map(|at| from + at) {
            from = end + 1;
            if let Some((next, after)) = heading(&rest[from..]) {
                add(&name, &rest[..end]);
                (name, rest, from) = (next, after, 0);
            }
        }
        add(&name, rest);
        Self { options, files }
    }

    /// The text that [`Case::parse`] reads.
    pub fn print(&self) -> Vec<u8> {
        let mut text = Value::Object(self.options.clone()).to_string().into_bytes();
        for (name, content) in &self.files {
            text.extend_from_slice(format!("\n==> {name} <==\n").as_bytes());
            text.extend_from_slice(content);
        }
        text
    }

    /// An option; the default where it is left out or no such value.
    pub(crate) fn option<T: DeserializeOwned + Default>(&self, name: &str) -> T {
        self.options.get(name).and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
    }

    /// The content of the first file.
    pub(crate) fn content(&self) -> Vec<u8> {
        self.files.first().map(|(_, content)| self.repeated(content)).unwrap_or_default()
    }

    /// `content` with its repetition.
    fn repeated(&self, content: &[u8]) -> Vec<u8> {
        let at = content.windows(2).position(|pair| pair == b"@@");
        match (at, self.option::<Option<(String, usize)>>("repeat")) {
            (Some(at), Some((text, times))) => {
                let times = times.min(REPEATED / text.len().max(1));
                [&content[..at], text.repeat(times).as_bytes(), &content[at + 2..]].concat()
            }
            _ => content.into(),
        }
    }

    /// The files in a folder of their own, and the path of the first.
    pub(crate) fn laid(&self) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in &self.files {
            write(folder.path(), name, &self.repeated(content));
        }
        let first = self.files.first().map_or(LOG, |(name, _)| name);
        let path = folder.path().join(first);
        (folder, path)
    }
}

/// Writes a file and the folders above it; a name that is taken by a folder is left out.
fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    let above = path.parent().map(std::fs::create_dir_all);
    if above.is_some_and(|made| made.is_ok()) && !path.is_dir() {
        std::fs::write(&path, content).unwrap();
    }
}

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|&b| b == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

/// The name in a line `==> name <==` at the beginning of `bytes`, and what follows it.
fn heading(bytes: &[u8]) -> Option<(String, &[u8])> {
    if !bytes.starts_with(b"==> ") {
        return None;
    }
    let (line, rest) = split_line(bytes);
    let name = std::str::from_utf8(line.strip_prefix(b"==> ")?.strip_suffix(b" <==")?).ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
    (name.len() <= 60 && name.split('/').all(is_name)).then(|| (name.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_is_a_case_and_comes_back() {
        let case = Case::parse(b"{\"a\":1}\n==> log <==\nx\ny\n\n==> sub/b.csv <==\n\n==> ../c <==\nz");
        assert_eq!(case.options, *json!({"a": 1}).as_object().unwrap());
        let files = [("log", &b"x\ny\n"[..]), ("sub/b.csv", b"\n==> ../c <==\nz")];
        assert_eq!(case.files, files.map(|(name, content)| (name.to_owned(), content.to_vec())));
        for text in
            [&b""[..], b"\n", b"{}", b"u,i\n1,2", b"{\"a\":1}\nu", b"==> log <==\n", b"{}\n==> a <==\n\n==> a <==\nb"]
        {
            let case = Case::parse(text);
            assert_eq!(Case::parse(&case.print()), case, "{:?}", String::from_utf8_lossy(text));
        }
        assert_eq!(Case::parse(b"u,i\n1,2").content(), b"u,i\n1,2");
    }

    #[test]
    fn a_repetition_stands_where_it_is_marked() {
        let case = Case::parse(b"{\"repeat\":[\"ab\",3]}\n<@@>@@");
        assert_eq!(case.content(), b"<ababab>@@");
        let (_folder, path) = case.laid();
        assert_eq!(std::fs::read(path).unwrap(), b"<ababab>@@");
    }
}
