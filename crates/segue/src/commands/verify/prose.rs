//! Numbers in running text: what vouches for them.
//!
//! A number with a decimal point outside code is a result until something says otherwise. It stands, rounded, in a derived table of its
//! section or in one that a comment above its paragraph derives without showing it; or a comment says why it stands nowhere.

use std::ops::Range;

/// Names the table that the numbers of the next paragraph stand in.
pub(super) const NUMBERS: &str = "<!-- numbers: segue ";

/// Why the numbers of all text below a heading stand nowhere.
pub(super) const NOT_IN_SECTION: &str = "<!-- no source in this section:";

/// Lines of text without a blank one between them; a list is one.
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

/// The paragraphs of running text: no tables, headings, blocks of code, nor what the program writes itself.
pub(super) fn paragraphs<'a>(lines: &[&'a str], generated: (&str, &str)) -> Vec<Paragraph<'a>> {
    let mut found: Vec<Paragraph<'a>> = Vec::new();
    let (mut in_code, mut in_generated, mut open) = (false, false, false);
    let (mut section, mut of_section, mut comments) = (0, None, Vec::new());
    for (n, &line) in lines.iter().enumerate() {
        let text = line.trim();
        in_generated = (in_generated || text.starts_with(generated.0)) && !text.starts_with(generated.1);
        let fence = text.starts_with("```");
        let heading = !in_code && line.starts_with('#');
        if heading {
            end_section(&mut found, section, n);
            (section, of_section) = (n + 1, None);
        }
        let prose = !(in_code || in_generated || fence || heading || text.is_empty() || text.starts_with(['|', '<']));
        match (prose, open) {
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
            (false, _) if text.starts_with(NOT_IN_SECTION) => of_section = Some(text),
            (false, _) if text.starts_with("<!--") => comments.push(text),
            (false, _) if !text.is_empty() => comments.clear(),
            (false, _) => {}
        }
        open = prose;
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

/// The numbers with a decimal point of a line, outside `code` and the addresses of links. Versions (1.2.3) and names (MIT-2.0) are none.
pub(super) fn numbers(line: &str) -> Vec<&str> {
    let outside = line.split('`').step_by(2).flat_map(|text| text.split("](").enumerate().map(after_address));
    let word = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '@' | '-'));
    let words = outside.flat_map(move |text| text.split(word)).map(|word| word.trim_end_matches('.'));
    words.filter(|word| word.contains('.') && word.parse::<f64>().is_ok()).collect()
}

fn after_address((n, text): (usize, &str)) -> &str {
    if n == 0 { text } else { text.split_once(')').map_or("", |(_, rest)| rest) }
}

/// Whether a number stands in a table, rounded as the text has it; a sign is often told in words.
pub(super) fn stands_in(number: &str, table: &str) -> bool {
    let digits = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let told = number.parse::<f64>().unwrap_or(f64::NAN);
    let cells = table.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '@' | '_')));
    let exact = |cell: &str| cell.split_once('.').is_some_and(|(_, fraction)| fraction.len() >= digits);
    let same = |cell: f64| format!("{:.digits$}", cell.abs()) == format!("{:.digits$}", told.abs());
    cells.filter(|cell| exact(cell)).filter_map(|cell| cell.parse::<f64>().ok()).any(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_results_outside_code() {
        let of = |line| numbers(line);
        assert_eq!(of("`l2 = .5` gives .1568 / .1213, 3 epochs, 1.5 times."), [".1568", ".1213", "1.5"]);
        assert_eq!(of("version 1.1.5 of [a 2.5](docs/v0.1) and 0.9]"), ["2.5", "0.9"]);
        assert_eq!(of("ndcg@10 .13. And 29,858 users; d0.5, Apache-2.0 -0.5"), [".13", "-0.5"]);
    }

    #[test]
    fn a_number_stands_in_a_table_as_it_is_rounded() {
        let table = "| ease | 0.1568 [0.1, 0.2] | -0.0072 | 40 |";
        assert!([".1568", ".157", "0.16", "-.007", ".0072", ".1", ".2"].iter().all(|number| stands_in(number, table)));
        assert!([".1567", ".15680", "40.0", ".02"].iter().all(|number| !stands_in(number, table)));
    }

    #[test]
    fn paragraphs_have_their_section_and_the_comments_above() {
        let text = "one\ntwo\n\n<!-- numbers: segue table a.csv -->\n<!-- b -->\n- three\n\n```\n# x\n```\n## H\n| 1 |\n\nfour\n<!-- c -->\n\
                    <!-- generated: t -->\nfive\n<!-- /generated -->\n";
        let lines: Vec<&str> = text.lines().collect();
        let found = paragraphs(&lines, ("<!-- generated:", "<!-- /generated"));
        let told: Vec<_> = found.iter().map(|p| (p.lines.clone(), p.section.clone(), p.comments.len())).collect();
        assert_eq!(told, [(0..2, 0..10, 0), (5..6, 0..10, 2), (13..14, 11..18, 0)]);
        assert_eq!(found[1].commands().collect::<Vec<_>>(), ["table a.csv"]);

        let lines = ["# A", "<!-- no source in this section: history -->", "one", "", "two", "# B", "three"];
        let told: Vec<usize> = paragraphs(&lines, ("<!-- g", "<!-- /g")).iter().map(|p| p.comments.len()).collect();
        assert_eq!(told, [1, 1, 0]);
    }
}
