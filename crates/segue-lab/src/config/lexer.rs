//! Tokens of the override grammar.
//!
//! Longest match wins and ties go to the earlier rule, as in Hydra's lexer; a key is lexed in one mode and a value
//! in another, in which brackets, commas, colons and equal signs swallow the white space around them.

use super::overrides::OverrideError;

/// What a token is; the text is `source[start..end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Comma,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
    Colon,
    Equal,
    Float,
    Int,
    Bool,
    Null,
    Id,
    Escape,
    Space,
    Quoted,
    Interpolation,
    Character,
}

/// One token of a value, as byte offsets into the override.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Characters an unquoted text may hold besides letters, digits, `_`, `:` and inner white space.
const UNQUOTED: &[u8] = b"/-\\+.$%*@?|";
/// Characters a backslash escapes outside quotes.
const ESCAPED: &[u8] = b"\\()[]{}:=, \t";

/// Tokens of `source[from..]`, the part after the first `=`.
pub(super) fn value_tokens(source: &str, from: usize) -> Result<Vec<Token>, OverrideError> {
    let bytes = source.as_bytes();
    // A `${` with no `}` after it is plain characters; knowing the last `}` keeps that test constant-time.
    let last_brace = source.rfind('}').unwrap_or(0);
    let mut tokens = Vec::new();
    let mut at = from;
    while at < bytes.len() {
        let (kind, end) = value_token(source, at, last_brace)?;
        tokens.push(Token { kind, start: at, end });
        at = end;
    }
    Ok(tokens)
}

fn value_token(source: &str, at: usize, last_brace: usize) -> Result<(Kind, usize), OverrideError> {
    let bytes = source.as_bytes();
    let after_space = skip_space(bytes, at);
    match bytes.get(after_space) {
        Some(b'(') => return Ok((Kind::Open, skip_space(bytes, after_space + 1))),
        Some(b',') => return Ok((Kind::Comma, skip_space(bytes, after_space + 1))),
        Some(b':') => return Ok((Kind::Colon, skip_space(bytes, after_space + 1))),
        Some(b'=') => return Ok((Kind::Equal, skip_space(bytes, after_space + 1))),
        Some(b')') => return Ok((Kind::Close, after_space + 1)),
        Some(b']') => return Ok((Kind::BracketClose, after_space + 1)),
        Some(b'}') => return Ok((Kind::BraceClose, after_space + 1)),
        _ if after_space > at => return Ok((Kind::Space, after_space)),
        _ => {}
    }
    match bytes[at] {
        b'[' => return Ok((Kind::BracketOpen, skip_space(bytes, at + 1))),
        b'{' => return Ok((Kind::BraceOpen, skip_space(bytes, at + 1))),
        quote @ (b'\'' | b'"') => {
            let end = quoted_end(bytes, at).ok_or_else(|| {
                OverrideError::new(source, at, format!("this quote is never closed; add {} at the end", quote as char))
            })?;
            return Ok((Kind::Quoted, end));
        }
        b'$' if bytes.get(at + 1) == Some(&b'{') && at + 2 < last_brace && bytes.get(at + 2) != Some(&b'}') => {
            let close = bytes[at + 2..].iter().position(|&b| b == b'}').unwrap_or(0);
            return Ok((Kind::Interpolation, at + 2 + close + 1));
        }
        _ => {}
    }
    let escape = escape_end(bytes, at);
    if escape > at {
        return Ok((Kind::Escape, escape));
    }
    let word = id_end(bytes, at);
    let id = word.unwrap_or(at);
    let float = float_end(bytes, at).unwrap_or(at);
    let int = int_end(bytes, at).unwrap_or(at);
    let longest = id.max(float).max(int);
    if longest > at {
        let text = &source[at..longest];
        let kind = if float == longest {
            Kind::Float
        } else if int == longest {
            Kind::Int
        } else if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
            Kind::Bool
        } else if text.eq_ignore_ascii_case("null") {
            Kind::Null
        } else {
            Kind::Id
        };
        return Ok((kind, longest));
    }
    // Hydra stops at every non-ASCII character; letters of other alphabets are harmless, so they are let through.
    let character = source[at..].chars().next().unwrap_or('\0');
    if UNQUOTED.contains(&bytes[at]) || (!character.is_ascii() && character.is_alphanumeric()) {
        return Ok((Kind::Character, at + character.len_utf8()));
    }
    let message = format!("`{}` must stand inside quotes: key='text with {0}'", character.escape_debug());
    Err(OverrideError::new(source, at, message))
}

pub(super) fn skip_space(bytes: &[u8], from: usize) -> usize {
    from + bytes[from.min(bytes.len())..].iter().take_while(|&&b| b == b' ' || b == b'\t').count()
}

/// End of the quoted text that starts at `at`: the first equal quote after an even run of backslashes.
fn quoted_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut backslashes = 0;
    for (offset, &b) in bytes[at + 1..].iter().enumerate() {
        if b == bytes[at] && backslashes % 2 == 0 {
            return Some(at + 1 + offset + 1);
        }
        backslashes = if b == b'\\' { backslashes + 1 } else { 0 };
    }
    None
}

fn escape_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while bytes.get(end) == Some(&b'\\') && bytes.get(end + 1).is_some_and(|b| ESCAPED.contains(b)) {
        end += 2;
    }
    end
}

/// End of `[A-Za-z_][A-Za-z0-9_-]*` at `at`.
pub(super) fn id_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = bytes.get(at)?;
    (first.is_ascii_alphabetic() || *first == b'_')
        .then(|| at + bytes[at..].iter().take_while(|&&b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-').count())
}

/// End of digits with single underscores between them; `at` must hold a digit.
fn digits_end(bytes: &[u8], at: usize) -> Option<usize> {
    if !bytes.get(at)?.is_ascii_digit() {
        return None;
    }
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let mut end = at + 1;
    loop {
        if digit(end) {
            end += 1;
        } else if bytes.get(end) == Some(&b'_') && digit(end + 1) {
            end += 2;
        } else {
            return Some(end);
        }
    }
}

/// End of `0` or `[1-9](_?[0-9])*`.
pub(super) fn unsigned_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'0') { Some(at + 1) } else { digits_end(bytes, at) }
}

fn int_end(bytes: &[u8], at: usize) -> Option<usize> {
    unsigned_end(bytes, at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-'))))
}

fn float_end(bytes: &[u8], at: usize) -> Option<usize> {
    let at = at + usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
    if bytes.get(at..at + 3).is_some_and(|w| w.eq_ignore_ascii_case(b"inf") || w.eq_ignore_ascii_case(b"nan")) {
        return Some(at + 3);
    }
    let whole = unsigned_end(bytes, at);
    let dot = whole.unwrap_or(at);
    let point = (bytes.get(dot) == Some(&b'.')).then(|| digits_end(bytes, dot + 1).or(whole.map(|w| w + 1))).flatten();
    let mantissa = point.or(whole)?;
    let exponent = matches!(bytes.get(mantissa), Some(b'e' | b'E')).then(|| {
        let sign = usize::from(matches!(bytes.get(mantissa + 1), Some(b'+' | b'-')));
        digits_end(bytes, mantissa + 1 + sign)
    });
    exponent.flatten().or(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: &[(Kind, &str)]) {
        let tokens = value_tokens(value, 0).unwrap();
        let found: Vec<_> = tokens.iter().map(|t| (t.kind, &value[t.start..t.end])).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn numbers_take_the_longest_match() {
        check("1_000", &[(Kind::Int, "1_000")]);
        check("1__0", &[(Kind::Int, "1"), (Kind::Id, "__0")]);
        check("007", &[(Kind::Int, "0"), (Kind::Int, "0"), (Kind::Int, "7")]);
        check("1.5.2", &[(Kind::Float, "1.5"), (Kind::Float, ".2")]);
        check("-1e-3", &[(Kind::Float, "-1e-3")]);
        check("1.e3", &[(Kind::Float, "1.e3")]);
        check("5e", &[(Kind::Int, "5"), (Kind::Id, "e")]);
        check("inf", &[(Kind::Float, "inf")]);
        check("info", &[(Kind::Id, "info")]);
        check("+nan", &[(Kind::Float, "+nan")]);
        check("TRUE", &[(Kind::Bool, "TRUE")]);
        check("true-x", &[(Kind::Id, "true-x")]);
    }

    #[test]
    fn separators_swallow_the_space_around_them() {
        check("a , b", &[(Kind::Id, "a"), (Kind::Comma, " , "), (Kind::Id, "b")]);
        check("[ a ]", &[(Kind::BracketOpen, "[ "), (Kind::Id, "a"), (Kind::BracketClose, " ]")]);
        check("a b", &[(Kind::Id, "a"), (Kind::Space, " "), (Kind::Id, "b")]);
    }

    #[test]
    fn quotes_close_after_an_even_run_of_backslashes() {
        check(r"'a\'b'", &[(Kind::Quoted, r"'a\'b'")]);
        check(r"'\\','x'", &[(Kind::Quoted, r"'\\'"), (Kind::Comma, ","), (Kind::Quoted, "'x'")]);
        check("'',''", &[(Kind::Quoted, "''"), (Kind::Comma, ","), (Kind::Quoted, "''")]);
    }

    #[test]
    fn interpolations_end_at_the_first_brace() {
        check("${a.b}/c", &[(Kind::Interpolation, "${a.b}"), (Kind::Character, "/"), (Kind::Id, "c")]);
        check("${", &[(Kind::Character, "$"), (Kind::BraceOpen, "{")]);
        check("${}", &[(Kind::Character, "$"), (Kind::BraceOpen, "{"), (Kind::BraceClose, "}")]);
    }
}
