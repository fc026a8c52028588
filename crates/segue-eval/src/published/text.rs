//! The tables of a text: lines of cells, without what makes them bold.

/// Cells of a line, with its number.
pub(super) type Line = (usize, Vec<String>);

/// The line of dashes under a header.
pub(super) fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.contains('|') && line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
}

/// A table: the line above its header, where that may be a header too, and its lines from the header on, without rules.
pub(super) type Block = (Option<Line>, Vec<Line>);

pub(super) fn markdown(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let mut tables = Vec::new();
    for (n, _) in lines.iter().enumerate().filter(|(n, line)| *n > 0 && is_rule(line)) {
        let body = lines[n + 1..].iter().enumerate().take_while(|(_, line)| line.contains('|'));
        let body = body.filter(|(_, line)| !is_rule(line)).map(|(m, line)| (n + 2 + m, cells(line)));
        // Two lines above the rule are a header of two lines if nothing of a table is above them.
        let is_row = |n: usize| lines.get(n).is_some_and(|line| line.contains('|'));
        let is_above = n >= 2 && is_row(n - 2) && !is_rule(lines[n - 2]) && !(n >= 3 && is_row(n - 3));
        let above = is_above.then(|| (n - 1, cells(lines[n - 2])));
        tables.push((above, std::iter::once((n, cells(lines[n - 1]))).chain(body).collect()));
    }
    tables
}

fn cells(line: &str) -> Vec<String> {
    let line = line.trim().replace("\\|", "\u{1}");
    let line = line.strip_prefix('|').unwrap_or(&line);
    let line = line.strip_suffix('|').unwrap_or(line);
    line.split('|').map(|cell| plain(&cell.replace('\u{1}', "|"))).collect()
}

pub(super) fn separated(text: &str) -> Vec<Line> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: u8| first.bytes().filter(|&byte| byte == delimiter).count();
    let delimiter = b",;\t".iter().copied().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',');
    // Line by line: a quote left open would swallow all rows after it. In its own line it is a letter.
    let of_line = |(n, line): (usize, &str)| {
        let quoting = line.matches('"').count().is_multiple_of(2);
        let mut reader = csv::ReaderBuilder::new();
        reader.has_headers(false).flexible(true).delimiter(delimiter).quoting(quoting);
        let record = reader.from_reader(line.as_bytes()).into_records().next()?.ok()?;
        Some((n + 1, record.iter().map(plain).collect()))
    };
    text.lines().enumerate().filter_map(of_line).collect()
}

/// A cell without what makes it bold, and without footnote marks. What stands above or below the line is kept apart by `_`.
fn plain(cell: &str) -> String {
    let mut cell = without_tags(cell.trim())
        .replace("\\%", "%")
        .replace("\\pm", "±")
        .replace("\\_", "_")
        .replace("**", "")
        .replace("__", "");
    for command in
        ["textbf", "textit", "textrm", "text", "underline", "uline", "emph", "mathbf", "mathrm", "boldsymbol", "bm"]
    {
        cell = cell.replace(&format!("\\{command}{{"), "");
    }
    for command in ["\\bfseries", "\\bf ", "\\it ", "~~"] {
        cell = cell.replace(command, "");
    }
    cell.retain(|c| !matches!(c, '{' | '}' | '$' | '†' | '‡' | '`'));
    cell.trim().trim_matches('*').trim_matches('_').trim().to_owned()
}

/// A cell without the tags of HTML: `<u>0.29</u>`.
fn without_tags(cell: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(cell.len()), cell);
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let is_tag = after.starts_with(|c: char| c == '/' || c.is_ascii_alphabetic());
        let Some((tag, beyond)) = after.split_once('>').filter(|_| is_tag) else {
            plain.push('<');
            rest = after;
            continue;
        };
        match tag.split([' ', '/']).next().unwrap_or_default().to_lowercase().as_str() {
            "sub" | "sup" => plain.push('_'),
            "br" => plain.push(' '),
            _ => (),
        }
        rest = beyond;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_lose_what_makes_them_bold() {
        for (cell, expected) in [
            ("<u>0.2910</u>", "0.2910"),
            ("<b><u>0.2910</u></b>", "0.2910"),
            ("<span style=\"color:red\">.5</span>", ".5"),
            ("\\textbf{0.31}", "0.31"),
            ("$\\underline{\\mathbf{0.31}}$", "0.31"),
            ("{\\bf 0.31}", "0.31"),
            ("$0.31 \\pm 0.02$", "0.31 ± 0.02"),
            ("0.31<sup>1</sup>", "0.31_1"),
            ("0.31<sup>*</sup>", "0.31"),
            ("<0.001", "<0.001"),
            ("a < b > c", "a < b > c"),
            ("***0.31***", "0.31"),
        ] {
            assert_eq!(plain(cell), expected, "{cell}");
        }
    }
}
