//! What stands before the first row of a text file and is none: the separator that Excel writes, and comments.
//!
//! `sep=;` names what parts the cells. A line that begins with `#` or `%` is a comment, as in the files of SNAP and KONECT,
//! unless it may be the header or a row: it names columns (`#user_id,item_id`; `numpy.savetxt` writes `# user_id,item_id`),
//! or a word follows the mark and no delimiter tells that it is no row (ids may begin so, too).

use super::columns::looks_like_header;
use super::open::is_blank;
use super::table::{guess, may_part};

/// Lines that are passed over before a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Prologue {
    /// What they take, and what stands before the names of a header.
    pub(super) bytes: usize,
    /// How many they are, blank ones among them, too.
    pub(super) lines: u64,
    /// How many of them are comments.
    pub(super) comments: u64,
    /// What parts cells, by the file's own word.
    pub(super) separator: Option<u8>,
}

impl Prologue {
    /// Of a file that begins with `head`, which holds the first row: else every line may be one.
    pub(super) fn of(head: &[u8]) -> Self {
        let mut passed = Self::default();
        let is_row = |line: &&[u8]| !is_blank(line) && rest(line).is_none() && separator(line).is_none();
        let Some(row) = head.split(|&b| b == b'\n').find(is_row) else { return passed };
        for line in head.split_inclusive(|&b| b == b'\n') {
            let is_first = passed.separator.is_none() && passed.comments == 0;
            match (separator(line).filter(|_| is_first), Marked::of(line, row, passed.separator)) {
                (Some(byte), _) => passed.separator = Some(byte),
                (None, Marked::Comment) => passed.comments += 1,
                (None, _) if is_blank(line) => {}
                (None, Marked::Header(before)) => {
                    passed.bytes += before;
                    break;
                }
                (None, Marked::Row) => break,
            }
            passed.bytes += line.len();
            passed.lines += 1;
        }
        passed
    }

    /// What to tell of comments.
    pub(super) fn note(&self) -> Option<String> {
        let n = self.comments;
        (n > 0).then(|| format!("{n} comments at its beginning, lines that begin with # or %, were passed over"))
    }
}

/// What `sep=;` names.
fn separator(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (word, &[byte]) = line.split_at_checked(4)? else { return None };
    (word.eq_ignore_ascii_case(b"sep=") && may_part(byte)).then_some(byte)
}

/// What follows the marks of a comment.
fn rest(line: &[u8]) -> Option<&[u8]> {
    let marks = line.iter().take_while(|&&b| matches!(b, b'#' | b'%')).count();
    (marks > 0).then(|| &line[marks..])
}

/// What a line that begins with a mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marked {
    Comment,
    /// A header, after so many bytes: `#user` is itself a name, that of `# user` is not.
    Header(usize),
    /// What may be a row.
    Row,
}

impl Marked {
    /// Of a line before the first that has no mark, which is `row`.
    fn of(line: &[u8], row: &[u8], separator: Option<u8>) -> Self {
        let Some(rest) = rest(line).filter(|rest| !rest.trim_ascii_end().contains(&b'\r')) else { return Self::Row };
        let names = rest.trim_ascii_start();
        let delimiter = separator.unwrap_or_else(|| guess(row));
        let is_header = |line: &[u8]| looks_like_header(String::from_utf8_lossy(line).split(char::from(delimiter)));
        // No row stands before the header.
        if is_header(row) {
            return Self::Comment;
        }
        let width = |line: &[u8]| line.trim_ascii().split(|&b| b == delimiter).count();
        let (as_wide, is_word) = (width(names) == width(row), names.len() == rest.len() && !names.is_empty());
        if as_wide && is_header(names) {
            return Self::Header(if is_word { 0 } else { line.len() - names.len() });
        }
        // Lists parted by spaces are of any width.
        if is_word && (as_wide || delimiter == b' ') { Self::Row } else { Self::Comment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks how much of `head` is passed over, and that the lines are counted.
    #[track_caller]
    fn check(passed: &str, rest: &str) -> Prologue {
        let head = format!("{passed}{rest}");
        let found = Prologue::of(head.as_bytes());
        assert_eq!(&head[found.bytes..], rest, "{head:?}");
        assert_eq!(found.lines, passed.matches('\n').count() as u64, "{head:?}");
        found
    }

    #[test]
    fn a_separator_is_named_by_the_first_line() {
        for (passed, named) in [("sep=;\n", b';'), ("SEP=|\r\n", b'|'), ("\"sep=,\"\n", b','), ("\nsep=\t\n", b'\t')] {
            assert_eq!(check(passed, "a;b\n").separator, Some(named), "{passed:?}");
        }
        assert_eq!(check("sep=;\n# exported\n", "u;i\n").comments, 1);
        for rest in ["sep=\nu,i\n", "sep=ab\nu,i\n", "sep=\"\nu,i\n", "separator\nu\n", "u,i\nsep=;\n", "sep=;\n"] {
            assert_eq!(check("", rest).separator, None, "{rest:?}");
        }
    }

    #[test]
    fn comments_are_passed_over_and_headers_and_rows_are_none() {
        assert_eq!(check("# Directed graph\n# FromNodeId\tToNodeId\n", "0\t4\n").comments, 2);
        assert_eq!(check("% bip weighted posweighted\n% 943 1682\n", "1 1 5\n").comments, 2);
        assert_eq!(check("#\n## all\n\n# one user a line\n", "1,2,3\n").comments, 3);
        check("#Written by a program\n", "u,i,5\n");
        check("#exported by me, 2020\n", "user_id,item_id\na,x\n");
        // Names.
        check("", "#user_id item_id\n1 2\n");
        check("# written by numpy\n# ", "user,item,rating\n1,2,3\n");
        check("", "#,user,item\n0,1,2\n");
        // Ids, and what may be some.
        check("", "#rust,i1,5\n#go,i2,4\nu,i,3\n");
        check("", "#rust i1 i2\nu i\n");
        check("", "#rust\nu\n");
        check("", "u,i\n# v,i\n");
        // Nothing but marked lines: nobody knows what they are.
        check("", "# u,i\n# v,i\n");
        check("", "# old\ru,i\r\nv,i\n");
    }
}
