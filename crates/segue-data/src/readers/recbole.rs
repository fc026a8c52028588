//! Atomic files of `RecBole`: tables whose header says `name:type`, with type `token`, `token_seq`, `float` or
//! `float_seq`.
//!
//! `.inter` is read as a log, `.item` as metadata, `.link` as a link of users or items; between two domains it is found where it
//! lies in one of their folders or beside them. `.user`, `.kg` and `.net` hold what no model here asks for.
//!
//! Zhao et al., *`RecBole`: Towards a Unified, Comprehensive and Efficient Framework for Recommendation Algorithms*,
//! CIKM 2021.

const TYPES: [&str; 4] = ["token", "token_seq", "float", "float_seq"];

/// True if every cell of a header has a type.
pub(super) fn is_header<'a>(mut cells: impl Iterator<Item = &'a str>) -> bool {
    let typed =
        |cell: &str| cell.trim().rsplit_once(':').is_some_and(|(name, kind)| !name.is_empty() && TYPES.contains(&kind));
    cells.next().is_some_and(typed) && cells.all(typed)
}

/// The names of a header without their types; those of another table as they are.
pub(super) fn untyped(cells: Vec<String>) -> Vec<String> {
    if !is_header(cells.iter().map(String::as_str)) {
        return cells;
    }
    cells.into_iter().map(|cell| cell.rsplit_once(':').map_or(cell.clone(), |(name, _)| name.to_owned())).collect()
}

/// The words of a sequence: separated by spaces, or printed as a list of quoted words.
pub(super) fn words(cell: &str) -> Vec<String> {
    let list = cell.trim().trim_start_matches('[').trim_end_matches(']');
    if list.starts_with(['\'', '"']) {
        return quoted(list);
    }
    list.split_whitespace().map(String::from).collect()
}

/// Words in quotes of either kind, parted by commas; a quote ends its word only before a comma or the end.
fn quoted(list: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), list.trim());
    while let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        let ends = rest.char_indices().skip(1).filter(|(_, c)| *c == quote).map(|(at, _)| at);
        let is_end = |&at: &usize| {
            let after = rest[at + 1..].trim_start();
            after.is_empty() || after.strip_prefix(',').is_some_and(|next| next.trim_start().starts_with(['\'', '"']))
        };
        let end = ends.into_iter().find(is_end).unwrap_or(rest.len());
        words.push(rest[1..end].to_owned());
        rest = rest.get(end + 1..).unwrap_or_default().trim_start().trim_start_matches(',').trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_by_spaces_or_quotes() {
        assert_eq!(words("Drama War"), ["Drama", "War"]);
        assert_eq!(words("['Sci Fi', \"Don't\"]"), ["Sci Fi", "Don't"]);
        assert_eq!(words("'a, b', 'c'"), ["a, b", "c"]);
        assert_eq!(words("'it's'"), ["it's"]);
        assert_eq!(words("'open"), ["open"]);
    }
}
