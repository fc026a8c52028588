//! Tables that stand in a document without being derived: where they are, and whether anybody says why.

use std::ops::Range;

use super::prose::{numbers, shown};
use super::{count, excuses};

/// A line without what indents or quotes it.
fn bare(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || c == '>')
}

/// Whether a line is one of a table.
pub(super) fn is_row(line: &str) -> bool {
    bare(line).starts_with('|')
}

/// Tables with numbers outside `derived`, of which nobody says why.
pub(super) fn unvouched(lines: &[&str], derived: &[Range<usize>]) -> Vec<Range<usize>> {
    let alone = |n: &usize| is_row(lines[*n]) && derived.iter().all(|inside| !inside.contains(n));
    let rows: Vec<usize> = (0..lines.len()).filter(alone).collect();
    let tables = rows.chunk_by(|a, b| a + 1 == *b).map(|table| table[0]..table[0] + table.len());
    let told = |table: &Range<usize>| {
        let above = lines[..table.start].iter().rev().find(|line| !line.trim().is_empty());
        above.is_some_and(|line| excuses(line))
    };
    let has_numbers = |line: &str| count(line) > 0 || !numbers(&shown(line)).is_empty();
    tables.filter(|table| lines[table.clone()].iter().any(|line| has_numbers(line)) && !told(table)).collect()
}

/// Lines that make tables of another kind, whose cells nothing here looks at: HTML, and columns without `|` in front.
pub(super) fn unread(lines: &[&str]) -> Vec<usize> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let text = bare(line);
        in_code ^= text.starts_with("```") || text.starts_with("~~~");
        let outside_code = || text.split('`').step_by(2).any(|text| text.to_ascii_lowercase().contains("<table"));
        let is_rule = || text.contains('|') && text.contains("--") && text.chars().all(|c| "-:| ".contains(c));
        if !in_code && (outside_code() || (is_rule() && !is_row(line))) {
            found.push(n);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_numbers_are_vouched_for_or_say_why_not() {
        let of = |text: &str, derived: &[Range<usize>]| {
            let lines: Vec<&str> = text.lines().collect();
            unvouched(&lines, derived).into_iter().map(|table| (table.start, table.end)).collect::<Vec<_>>()
        };
        assert_eq!(of("| a |\n|---|\n| 0.5 |\n\n| b |\n| c |\n", &[]), [(0, 3)]);
        assert_eq!(
            of("<!-- from: segue compare a -->\n| 0.5 |\n<!-- /from -->\n| 1 |", std::slice::from_ref(&(1..2))),
            [(3, 4)]
        );
        assert_eq!(of("<!-- no source: floors -->\n\n| 0 |\n\n| 1 |", &[]), [(4, 5)]);
        assert_eq!(of("<!-- no source: -->\n| 0 |", &[]), [(1, 2)]);
        assert_eq!(of("| 39x |\n\n| 3.5GB |\n\n| x86 |\n", &[]), [(0, 1), (2, 3)]);
        assert_eq!(of("| _0.11_ |\n\n| __66.5__ |\n\n| 39X |\n", &[]), [(0, 1), (2, 3), (4, 5)]);
        // Indented, quoted, or printed in a block of code.
        assert_eq!(of("- a\n\n  | 0.5 |\n\n> | 1 |\n>> | 2 |\n\n```\n| 3 |\n```\n", &[]), [(2, 3), (4, 6), (8, 9)]);
    }

    #[test]
    fn tables_of_another_kind_are_found() {
        let of = |text: &str| unread(&text.lines().collect::<Vec<_>>());
        assert_eq!(of("a | b\n---|---\n1 | 2\n\n> a | b\n> :-- | --:\n"), [1, 5]);
        assert_eq!(of("x\n<TABLE><tr><td>1</td></tr></TABLE>\n`<table>`\n"), [1]);
        assert!(of("| a |\n|---|\n\n---\n\n```\na | b\n--|--\n<table>\n```\n").is_empty());
    }
}
