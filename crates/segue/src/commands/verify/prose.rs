//! Numbers in running text: what vouches for them.
//!
//! A number with a decimal point, a percentage or a ratio outside code is a result until something says otherwise. It stands, rounded, in
//! a derived table of its section or in one that a comment above its paragraph derives without showing it; or a comment says why it
//! stands nowhere.

use std::ops::Range;

use super::tables::is_row;

/// Names the table that the numbers of the next paragraph stand in.
pub(super) const NUMBERS: &str = "<!-- numbers: segue ";

/// Why the numbers of all text below a heading stand nowhere.
pub(super) const NOT_IN_SECTION: &str = "<!-- no source in this section:";

/// Lines of text without a blank one between them; a list is one, and so is a heading.
pub(super) struct Paragraph<'a> {
    pub(super) lines: Range<usize>,
    /// Lines below its heading and above the next.
    pub(super) section: Range<usize>,
    /// The comments right above it, and that of its section.
    pub(super) comments: Vec<&'a str>,
}

impl Paragraph<'_> {
    /// The commands whose tables have its numbers.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        self.comments.iter().filter_map(|comment| comment.strip_prefix(NUMBERS)?.strip_suffix("-->")).map(str::trim)
    }
}

/// The paragraphs of running text: no tables, blocks of code, nor what is derived.
pub(super) fn paragraphs<'a>(lines: &[&'a str], derived: &[Range<usize>]) -> Vec<Paragraph<'a>> {
    let mut found: Vec<Paragraph<'a>> = Vec::new();
    let (mut in_code, mut open) = (false, false);
    let (mut section, mut of_section, mut comments) = (0, None, Vec::new());
    for (n, &line) in lines.iter().enumerate() {
        let text = line.trim();
        let is_derived = derived.iter().any(|inside| inside.contains(&n));
        let fence = text.starts_with("```") || text.starts_with("~~~");
        let heading = !in_code && line.starts_with('#');
        if heading {
            end_section(&mut found, section, n);
            (section, of_section) = (n + 1, None);
        }
        let prose = !(in_code || is_derived || fence || text.is_empty() || is_row(line) || is_comment(text));
        match (prose, open && !heading) {
            (true, true) => {
                if let Some(last) = found.last_mut() {
                    last.lines.end = n + 1;
                }
            }
            (true, false) => {
                let mut comments = std::mem::take(&mut comments);
                comments.extend(of_section);
                found.push(Paragraph { lines: n..n + 1, section: section..lines.len(), comments });
            }
            (false, _) if text.starts_with(NOT_IN_SECTION) => {
                of_section = Some(text);
                if let Some(heading) = found.last_mut().filter(|last| last.lines.end == section) {
                    heading.comments.push(text);
                }
            }
            (false, _) if is_comment(text) => comments.push(text),
            (false, _) if !text.is_empty() => comments.clear(),
            (false, _) => {}
        }
        open = prose && !heading;
        in_code ^= fence;
    }
    found
}

/// Sections that began at `start` end before `end`.
fn end_section(found: &mut [Paragraph<'_>], start: usize, end: usize) {
    for paragraph in found.iter_mut().rev().take_while(|paragraph| paragraph.section.start == start) {
        paragraph.section.end = end;
    }
}

/// A number that is a result, as the text has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number<'a> {
    pub(super) digits: &'a str,
    /// Whether a percent sign follows, so that it may be told of a share.
    is_percent: bool,
}

/// Whether a line is comments and nothing else.
fn is_comment(line: &str) -> bool {
    let mut rest = line.trim_start();
    while let Some(inside) = rest.strip_prefix("<!--") {
        rest = inside.split_once("-->").map_or("", |(_, after)| after.trim_start());
    }
    rest.is_empty() && !line.trim().is_empty()
}

/// What is read of a paragraph, line by line: neither `code`, which ends with as many backticks as it begins with, nor comments.
pub(super) fn shown(paragraph: &str) -> String {
    let (mut shown, mut rest) = (String::new(), paragraph);
    while let Some(at) = rest.find(['`', '<']) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        let marks = rest.len() - rest.trim_start_matches('`').len();
        let (open, end) = match marks {
            0 if rest.starts_with("<!--") => (4, rest[4..].find("-->").map(|end| 4 + end + 3)),
            0 => (1, None),
            _ => (marks, end_of_code(rest, marks)),
        };
        if let Some(end) = end {
            // The place of what is hidden, and its lines, are kept.
            shown.push('`');
            shown.extend(rest[..end].chars().filter(|&c| c == '\n'));
        } else {
            shown.push_str(&rest[..open]);
        }
        rest = &rest[end.unwrap_or(open)..];
    }
    shown + rest
}

/// Where code that begins with so many backticks ends.
fn end_of_code(text: &str, marks: usize) -> Option<usize> {
    let mut at = marks;
    loop {
        at += text[at..].find('`')?;
        let run = text[at..].len() - text[at..].trim_start_matches('`').len();
        at += run;
        if run == marks {
            return Some(at);
        }
    }
}

/// The results of a line of what is [`shown`], outside tags and the addresses of links: numbers with a decimal point, with or without a
/// unit, and whole ones before `%`, `percent`, `×` or `x`. Versions (1.2.3), names (MIT-2.0) and sizes (3 x 4) are none.
pub(super) fn numbers(line: &str) -> Vec<Number<'_>> {
    let outside = line.split("](").enumerate().map(after_address);
    outside.flat_map(|text| text.split('<').enumerate().map(after_tag)).flat_map(numbers_of).collect()
}

fn after_address((n, text): (usize, &str)) -> &str {
    if n == 0 { text } else { text.split_once(')').map_or("", |(_, rest)| rest) }
}

/// What follows a tag; `<` alone begins none.
fn after_tag((n, text): (usize, &str)) -> &str {
    let is_tag = n > 0 && text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
    if is_tag { text.split_once('>').map_or("", |(_, rest)| rest) } else { text }
}

fn numbers_of(text: &str) -> Vec<Number<'_>> {
    let (mut found, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let mut before = ' ';
        let end = rest.find(|c: char| {
            // Between digits a hyphen is a dash.
            let is_word = c.is_alphanumeric() || matches!(c, '.' | '@') || (c == '-' && !before.is_ascii_digit());
            before = c;
            !is_word
        });
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        found.extend(number_of(word.trim_end_matches('.'), after));
        rest = after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap_or("");
    }
    found
}

fn number_of<'a>(word: &'a str, after: &str) -> Option<Number<'a>> {
    let digits = word.trim_end_matches(char::is_alphabetic);
    let unit = &word[digits.len()..];
    // `x0.39`; but x86 is a name.
    let digits = digits.strip_prefix(['x', 'X']).filter(|digits| digits.contains('.')).unwrap_or(digits);
    let (is_percent, is_ratio) = if unit.is_empty() { unit_after(after) } else { (false, matches!(unit, "x" | "X")) };
    let is_result = digits.contains('.') || is_percent || is_ratio;
    (is_result && digits.parse::<f64>().is_ok()).then_some(Number { digits, is_percent })
}

/// Whether a number is a percentage, or a ratio, by what follows it.
fn unit_after(after: &str) -> (bool, bool) {
    let mut next = after;
    while let Some(rest) =
        [" ", "\u{a0}", "\u{202f}", "&nbsp;", "\\", "_", "*"].iter().find_map(|blank| next.strip_prefix(blank))
    {
        next = rest;
    }
    let word = &next[..next.find(|c: char| !c.is_alphanumeric()).unwrap_or(next.len())];
    let is_percent =
        next.starts_with('%') || next.starts_with("per cent") || word.to_ascii_lowercase().starts_with("percent");
    let is_size = || next[word.len()..].trim_start().starts_with(|c: char| c.is_ascii_digit());
    (is_percent, next.starts_with('×') || (matches!(word, "x" | "X") && !is_size()))
}

/// Whether a number stands in a table, rounded as the text has it; a sign is often told in words, and a share in percent.
pub(super) fn stands_in(number: Number<'_>, table: &str) -> bool {
    let places = number.digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let told = number.digits.parse::<f64>().unwrap_or(f64::NAN);
    let cells = table.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '@' | '_')));
    let same = |cell: f64, places: usize| format!("{:.places$}", cell.abs()) == format!("{:.places$}", told.abs());
    cells
        .filter_map(|cell| {
            Some((cell.split_once('.').map_or(0, |(_, fraction)| fraction.len()), cell.parse::<f64>().ok()?))
        })
        .any(|(has, cell)| {
            (has >= places && same(cell, places))
                || (number.is_percent && has >= places + 2 && cell.abs() <= 1.0 && same(cell * 100.0, places))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_results_outside_code() {
        let of =
            |line: &str| numbers(&shown(line)).into_iter().map(|found| found.digits.to_owned()).collect::<Vec<_>>();
        assert_eq!(of("`l2 = .5` gives .1568 / .1213, 3 epochs, 1.5 times."), [".1568", ".1213", "1.5"]);
        assert_eq!(of("version 1.1.5 of [a 2.5](docs/v0.1) and 0.9]"), ["2.5", "0.9"]);
        assert_eq!(of("ndcg@10 .13. And 29,858 users; d0.5, Apache-2.0 -0.5"), [".13", "-0.5"]);
        // With a unit, as a range, and what is a result without a decimal point.
        assert_eq!(
            of("3.5GB in 1.97x, 0.8-1.2 s of 2.5ms; 1920x1080, 4K, 64bit, 12x34"),
            ["3.5", "1.97", "0.8", "1.2", "2.5"]
        );
        assert_eq!(of("39× or 39 × or 39x, 12 % or 12%, 2015-01-02, x 3, 7 items"), ["39", "39", "39", "12", "12"]);
        assert_eq!(of("39 x, 39X, x0.39 and 39 x as fast; 1920 x 1080, x86"), ["39", "39", "0.39", "39"]);
        assert_eq!(of("66 percent, 6 per cent, 7\\%, 8&nbsp;% or **9** %; 66 perches"), ["66", "6", "7", "8", "9"]);
        assert_eq!(of("_0.3535_ or NDCG_0.3536, __66__ %; ml_100 k_1"), ["0.3535", "0.3536", "66"]);
        assert_eq!(of("<td width=\"1.5\">0.5</td> if 0.1 < 0.2 and 3 > 2.5"), ["0.5", "0.1", "0.2", "2.5"]);
    }

    #[test]
    fn code_and_comments_are_not_shown() {
        let of =
            |text: &str| numbers(&shown(text)).into_iter().map(|found| found.digits.to_owned()).collect::<Vec<_>>();
        assert_eq!(of("<!-- 0.1 > 0.2 --> 0.3 <!-- 0.4 -->"), ["0.3"]);
        assert_eq!(of("`<!--` 0.1 `-->` 0.2 `0.3"), ["0.1", "0.2", "0.3"]);
        assert_eq!(of("``0.1 ` 0.2`` 0.3 `0.4`"), ["0.3"]);
        assert_eq!(shown("a `b\nc` d\n<!-- e\n--> f"), "a `\n d\n`\n f");
        assert!(is_comment("<!-- a --> <!-- b -->") && is_comment("<!-- a"));
        assert!(!is_comment("<!-- a --> b") && !is_comment("a <!-- b -->") && !is_comment(""));
    }

    #[test]
    fn a_number_stands_in_a_table_as_it_is_rounded() {
        let table = "| ease | 0.1568 [0.1, 0.2] | -0.0072 | 40 |";
        let stands = |text: &str| stands_in(numbers(text)[0], table);
        assert!(
            [".1568", ".157", "0.16", "-.007", ".0072", ".1", ".2", "40 %", "40x", "15.7 %", "16%"]
                .iter()
                .all(|text| stands(text))
        );
        assert!([".1567", ".15680", "40.0", ".02", "41 %", "16×", "15.8 %"].iter().all(|text| !stands(text)));
    }

    #[test]
    fn paragraphs_have_their_section_and_the_comments_above() {
        let text = "one\ntwo\n\n<!-- numbers: segue table a.csv -->\n<!-- b -->\n- three\n\n```\n# x\n```\n## H\n| 1 |\n\nfour\n<!-- c -->\n\
                    <!-- generated: t -->\nfive\n<!-- /generated -->\n";
        let lines: Vec<&str> = text.lines().collect();
        let found = paragraphs(&lines, std::slice::from_ref(&(16..17)));
        let told: Vec<_> = found.iter().map(|p| (p.lines.clone(), p.section.clone(), p.comments.len())).collect();
        assert_eq!(told, [(0..2, 0..10, 0), (5..6, 0..10, 2), (10..11, 11..18, 0), (13..14, 11..18, 0)]);
        assert_eq!(found[1].commands().collect::<Vec<_>>(), ["table a.csv"]);

        let lines = ["# A", "<!-- no source in this section: history -->", "one", "", "two", "# B", "three"];
        let told: Vec<usize> = paragraphs(&lines, &[]).iter().map(|p| p.comments.len()).collect();
        assert_eq!(told, [1, 1, 1, 0, 0]);
    }
}
