//! The parser of the override grammar.
//!
//! The grammar is Hydra's (`OverrideParser.g4` and `OverrideLexer.g4` of hydra-core 1.3, plus `extend_list` and
//! `json_str` of its development branch). Functions are evaluated while parsing, as Hydra does; a sweep stays a value
//! of its own, so that the caller can refuse it outside a multirun. Where this parser is kinder or stricter than Hydra
//! the golden test lists the case with its reason.

use std::ops::Range;

use super::functions;
use super::lexer::{Kind, Token, id_end, skip_space, unsigned_end, value_tokens};
use super::overrides::{Action, Element, Override, OverrideError, OverrideValue};
use super::sweep::Sweep;

/// Lists, dicts and functions may nest this deep; deeper text is refused instead of exhausting the stack.
const MAX_DEPTH: usize = 64;

/// An element, or one of the two values that cannot stand inside another.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Element(Element),
    Sweep(Sweep),
    Extend(Vec<Element>),
}

/// Parses every override, in order.
///
/// # Errors
/// The first override that does not follow the grammar.
pub fn parse_overrides<S: AsRef<str>>(texts: &[S]) -> Result<Vec<Override>, OverrideError> {
    texts.iter().map(|text| parse_override(text.as_ref())).collect()
}

/// Parses one override.
///
/// # Errors
/// The column, what was expected there, and a caret under it.
pub fn parse_override(text: &str) -> Result<Override, OverrideError> {
    let (action, sign) = match text.as_bytes() {
        [b'+', b'+', ..] => (Action::ForceAdd, 2),
        [b'+', ..] => (Action::Add, 1),
        [b'~', ..] => (Action::Delete, 1),
        _ => (Action::Change, 0),
    };
    let (key_end, package) = key(text, sign)?;
    let override_of = |value| Override {
        action,
        key: text[sign..key_end].to_owned(),
        package: package.as_ref().map(|range| text[range.clone()].to_owned()),
        value,
        text: text.to_owned(),
    };
    let end = package.as_ref().map_or(key_end, |range| range.end);
    match text.as_bytes().get(end) {
        Some(b'=') => {}
        None if action == Action::Delete => return Ok(override_of(None)),
        None if end == 0 => return Err(OverrideError::new(text, 0, "an override is key=value; this one is empty")),
        None => {
            let example = &text[..end];
            let message = format!("a value must follow; write {example}=value (or {example}= for the empty text)");
            return Err(OverrideError::new(text, end, message));
        }
        Some(_) => {
            let found = text[end..].chars().next().unwrap_or('\0').escape_debug();
            let message = format!(
                "`{found}` cannot be part of a key; expected `=` (a key is a.b.c, group, path/to/group or group@package)"
            );
            return Err(OverrideError::new(text, end, message));
        }
    }
    if key_end == sign {
        return Err(OverrideError::new(text, sign, "expected a key before this"));
    }
    let parser = Parser::new(text, skip_space(text.as_bytes(), end + 1))?;
    let value = parser.value()?;
    if action != Action::Change && matches!(value, OverrideValue::Extend(_)) {
        return Err(OverrideError::new(text, 0, "extend_list needs no sign; write key=extend_list(...)"));
    }
    if action == Action::Delete && matches!(value, OverrideValue::Sweep(_)) {
        return Err(OverrideError::new(text, 0, "a deletion cannot sweep; delete one value"));
    }
    Ok(override_of(Some(value)))
}

/// End of the key that starts at `from`, and the range of the package after `@`.
fn key(text: &str, from: usize) -> Result<(usize, Option<Range<usize>>), OverrideError> {
    let bytes = text.as_bytes();
    let mut end = dotted_end(bytes, from);
    // A group path holds plain names only: no dots, no `$`.
    if bytes.get(end) == Some(&b'/') && id_end(bytes, from) == Some(end) {
        while bytes.get(end) == Some(&b'/') {
            end = id_end(bytes, end + 1)
                .ok_or_else(|| OverrideError::new(text, end + 1, "expected the name of a config group after `/`"))?;
        }
    }
    if bytes.get(end) != Some(&b'@') {
        return Ok((end, None));
    }
    let package = end + 1..dotted_end(bytes, end + 1);
    Ok((end, Some(package)))
}

/// End of a dotted path; a lone number is no key, a number after a dot is.
fn dotted_end(bytes: &[u8], from: usize) -> usize {
    let part = |at: usize| -> Option<usize> {
        let first = *bytes.get(at)?;
        if first.is_ascii_alphabetic() || first == b'_' || first == b'$' {
            let rest =
                bytes[at..].iter().take_while(|&&b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$'));
            Some(at + rest.count())
        } else {
            unsigned_end(bytes, at)
        }
    };
    let Some(mut end) = part(from) else { return from };
    let mut parts = 1;
    while bytes.get(end) == Some(&b'.')
        && let Some(next) = part(end + 1)
    {
        end = next;
        parts += 1;
    }
    if parts == 1 && bytes[from].is_ascii_digit() { from } else { end }
}

/// Whether `source` is read as the text `expected`.
pub(super) fn reads_as(source: &str, expected: &str) -> bool {
    let element = Parser::new(source, 0).and_then(Parser::lone_element);
    matches!(element, Ok(Element::Text(read)) if read == expected)
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str, from: usize) -> Result<Self, OverrideError> {
        Ok(Self { source, tokens: value_tokens(source, from)?, at: 0 })
    }

    fn kind(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.at + ahead).map(|token| token.kind)
    }

    fn text(&self, token: Token) -> &'a str {
        &self.source[token.start..token.end]
    }

    fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.source.len(), |token| token.start)
    }

    fn expected<T>(&self, what: &str) -> Result<T, OverrideError> {
        let found = self.tokens.get(self.at).map_or_else(
            || "the text ends".to_owned(),
            |&token| format!("found `{}`", self.text(token).trim().escape_debug()),
        );
        let hint = match self.kind(0) {
            Some(Kind::Equal) => "; inside a value write \\= or put the value in quotes",
            Some(Kind::Quoted) => "; a quoted text stands alone between separators",
            _ => "",
        };
        Err(OverrideError::new(self.source, self.position(), format!("expected {what}, {found}{hint}")))
    }

    fn accept(&mut self, kind: Kind) -> bool {
        let found = self.kind(0) == Some(kind);
        self.at += usize::from(found);
        found
    }

    fn value(mut self) -> Result<OverrideValue, OverrideError> {
        if self.tokens.is_empty() {
            return Ok(OverrideValue::Element(Element::Text(String::new())));
        }
        let start = self.position();
        let first = self.item(0)?;
        let value = if self.kind(0) == Some(Kind::Comma) {
            let mut values = vec![self.element_of(first, start)?];
            while self.accept(Kind::Comma) {
                let start = self.position();
                let item = self.item(0)?;
                values.push(self.element_of(item, start)?);
            }
            OverrideValue::Sweep(Sweep::simple_choice(values))
        } else {
            match first {
                Item::Element(element) => OverrideValue::Element(element),
                Item::Sweep(sweep) => OverrideValue::Sweep(sweep),
                Item::Extend(values) => OverrideValue::Extend(values),
            }
        };
        self.end()?;
        Ok(value)
    }

    fn lone_element(mut self) -> Result<Element, OverrideError> {
        let start = self.position();
        let item = self.item(0)?;
        let element = self.element_of(item, start)?;
        self.end()?;
        Ok(element)
    }

    fn end(&mut self) -> Result<(), OverrideError> {
        self.accept(Kind::Space);
        if self.at < self.tokens.len() { self.expected("`,` or the end of the override") } else { Ok(()) }
    }

    fn element_of(&self, item: Item, start: usize) -> Result<Element, OverrideError> {
        match item {
            Item::Element(element) => Ok(element),
            Item::Sweep(_) => {
                Err(OverrideError::new(self.source, start, "a sweep must be the whole value, not a part of one"))
            }
            Item::Extend(_) => {
                Err(OverrideError::new(self.source, start, "extend_list must be the whole value, not a part of one"))
            }
        }
    }

    fn item(&mut self, depth: usize) -> Result<Item, OverrideError> {
        if depth > MAX_DEPTH {
            let message = format!("lists, dicts and functions nest deeper than {MAX_DEPTH} here");
            return Err(OverrideError::new(self.source, self.position(), message));
        }
        match self.kind(0) {
            Some(Kind::BracketOpen) => self.list(depth).map(Item::Element),
            Some(Kind::BraceOpen) => self.dict(depth).map(Item::Element),
            Some(Kind::Id) if self.kind(1) == Some(Kind::Open) => self.function(depth),
            Some(Kind::Quoted) => {
                let text = unquoted(self.text(self.tokens[self.at]));
                self.at += 1;
                Ok(Item::Element(Element::Text(text)))
            }
            _ => self.primitive().map(Item::Element),
        }
    }

    fn element(&mut self, depth: usize) -> Result<Element, OverrideError> {
        let start = self.position();
        let item = self.item(depth)?;
        self.element_of(item, start)
    }

    fn list(&mut self, depth: usize) -> Result<Element, OverrideError> {
        self.at += 1;
        let mut items = Vec::new();
        if self.accept(Kind::BracketClose) {
            return Ok(Element::List(items));
        }
        loop {
            items.push(self.element(depth + 1)?);
            if self.accept(Kind::BracketClose) {
                return Ok(Element::List(items));
            }
            if !self.accept(Kind::Comma) {
                return self.expected("`,` or `]`");
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Element, OverrideError> {
        self.at += 1;
        let mut pairs: Vec<(String, Element)> = Vec::new();
        if self.accept(Kind::BraceClose) {
            return Ok(Element::Dict(pairs));
        }
        loop {
            let start = self.position();
            let run = self.run(false, "a key of the dict")?;
            let key = self.joined(run);
            if pairs.iter().any(|(known, _)| *known == key) {
                return Err(OverrideError::new(self.source, start, format!("key `{key}` appears twice in this dict")));
            }
            if !self.accept(Kind::Colon) {
                return self.expected("`:` after the key");
            }
            pairs.push((key, self.element(depth + 1)?));
            if self.accept(Kind::BraceClose) {
                return Ok(Element::Dict(pairs));
            }
            if !self.accept(Kind::Comma) {
                return self.expected("`,` or `}`");
            }
        }
    }

    fn function(&mut self, depth: usize) -> Result<Item, OverrideError> {
        let start = self.position();
        let name = self.text(self.tokens[self.at]);
        self.at += 2;
        let mut positional = Vec::new();
        let mut named: Vec<(String, Item)> = Vec::new();
        if !self.accept(Kind::Close) {
            loop {
                if self.kind(0) == Some(Kind::Id) && self.kind(1) == Some(Kind::Equal) {
                    let name = self.text(self.tokens[self.at]).to_owned();
                    if named.iter().any(|(known, _)| *known == name) {
                        let message = format!("argument `{name}` is given twice");
                        return Err(OverrideError::new(self.source, self.position(), message));
                    }
                    self.at += 2;
                    named.push((name, self.item(depth + 1)?));
                } else if named.is_empty() {
                    positional.push(self.item(depth + 1)?);
                } else {
                    return self.expected("name=value: a named argument came before");
                }
                if self.accept(Kind::Close) {
                    break;
                }
                if !self.accept(Kind::Comma) {
                    return self.expected("`,` or `)`");
                }
            }
        }
        functions::call(name, positional, named, self.source)
            .map_err(|message| OverrideError::new(self.source, start, message))
    }

    /// The tokens of a run of plain text, without the white space around it.
    fn run(&mut self, is_value: bool, what: &str) -> Result<Range<usize>, OverrideError> {
        let mut run = self.at..self.at;
        let belongs = |kind: Kind| match kind {
            Kind::Colon | Kind::Interpolation => is_value,
            Kind::Id | Kind::Null | Kind::Int | Kind::Float | Kind::Bool => true,
            kind => matches!(kind, Kind::Character | Kind::Escape | Kind::Space),
        };
        while self.kind(0).is_some_and(belongs) {
            self.at += 1;
        }
        run.end = self.at;
        let is_space = |at: usize| self.tokens[at].kind == Kind::Space;
        if !run.is_empty() && is_space(run.start) {
            run.start += 1;
        }
        if !run.is_empty() && is_space(run.end - 1) {
            run.end -= 1;
        }
        if run.is_empty() { self.expected(what) } else { Ok(run) }
    }

    /// A lone number, boolean or null keeps its type, every other run is text.
    fn primitive(&mut self) -> Result<Element, OverrideError> {
        let run = self.run(true, "a value")?;
        if run.len() == 1 { self.lone(self.tokens[run.start]) } else { Ok(Element::Text(self.joined(run))) }
    }

    fn joined(&self, run: Range<usize>) -> String {
        self.tokens[run].iter().map(|&token| self.plain(token)).collect()
    }

    fn plain(&self, token: Token) -> String {
        let text = self.text(token);
        if token.kind == Kind::Escape { text.chars().skip(1).step_by(2).collect() } else { text.to_owned() }
    }

    fn lone(&self, token: Token) -> Result<Element, OverrideError> {
        let text = self.text(token);
        let digits = || text.chars().filter(|&c| c != '_').collect::<String>();
        match token.kind {
            Kind::Null => Ok(Element::Null),
            Kind::Bool => Ok(Element::Bool(text.eq_ignore_ascii_case("true"))),
            Kind::Int => match digits().parse::<i128>() {
                Ok(i) if i >= i128::from(i64::MIN) && i <= i128::from(u64::MAX) => Ok(Element::Int(i)),
                _ => {
                    let message = "this integer does not fit in 64 bits; put it in quotes to pass it as text";
                    Err(OverrideError::new(self.source, token.start, message))
                }
            },
            Kind::Float => match digits().parse::<f64>() {
                Ok(f) => Ok(Element::Float(f)),
                Err(_) => Err(OverrideError::new(self.source, token.start, "this is not a number")),
            },
            _ => Ok(Element::Text(self.plain(token))),
        }
    }
}

/// Content of a quoted token. Backslashes are escapes only right before a quote of the same kind (the closing one
/// included), where they come in pairs, with one more for a quote that belongs to the text.
fn unquoted(token: &str) -> String {
    let quote = &token[..1];
    let inner = &token[1..];
    let mut out = String::with_capacity(inner.len());
    let mut backslashes = 0;
    for (at, c) in inner.char_indices() {
        if c == '\\' {
            backslashes += 1;
            continue;
        }
        let is_quote = inner[at..].starts_with(quote);
        out.extend(std::iter::repeat_n('\\', if is_quote { backslashes / 2 } else { backslashes }));
        backslashes = 0;
        if at + 1 < inner.len() || !is_quote {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sweep::SweepKind;
    use super::*;

    fn text(s: &str) -> Element {
        Element::Text(s.to_owned())
    }

    fn ints(values: &[i128]) -> Element {
        Element::List(values.iter().map(|&i| Element::Int(i)).collect())
    }

    #[track_caller]
    fn element(value: &str) -> Element {
        match parse_override(&format!("key={value}")) {
            Ok(Override { value: Some(OverrideValue::Element(element)), .. }) => element,
            other => panic!("{value}: {other:?}"),
        }
    }

    #[track_caller]
    fn sweep(value: &str) -> Sweep {
        match parse_override(&format!("key={value}")) {
            Ok(Override { value: Some(OverrideValue::Sweep(sweep)), .. }) => sweep,
            other => panic!("{value}: {other:?}"),
        }
    }

    #[track_caller]
    fn check_error(source: &str, column: usize, part: &str) {
        let error = parse_override(source).expect_err(source);
        assert!(error.message.contains(part), "{source}: {error}");
        assert_eq!(error.column, column, "{source}: {error}");
    }

    #[test]
    fn primitives() {
        let cases = [
            ("", text("")),
            ("  ", text("")),
            ("abc", text("abc")),
            ("null", Element::Null),
            ("NuLL", Element::Null),
            ("true", Element::Bool(true)),
            ("FALSE", Element::Bool(false)),
            ("42", Element::Int(42)),
            ("-7", Element::Int(-7)),
            ("+7", Element::Int(7)),
            ("1_000", Element::Int(1000)),
            ("18446744073709551615", Element::Int(i128::from(u64::MAX))),
            ("1__0", text("1__0")),
            ("007", text("007")),
            ("0.001", Element::Float(0.001)),
            (".5", Element::Float(0.5)),
            ("1.", Element::Float(1.0)),
            ("1e-3", Element::Float(1e-3)),
            ("10E3", Element::Float(1e4)),
            ("-inf", Element::Float(f64::NEG_INFINITY)),
            ("Inf", Element::Float(f64::INFINITY)),
            ("info", text("info")),
            ("ndcg@10", text("ndcg@10")),
            ("exp_lr0.001_emb128", text("exp_lr0.001_emb128")),
            ("a b c", text("a b c")),
            ("1 2", text("1 2")),
            (" x ", text("x")),
            ("a:b", text("a:b")),
            ("1:30", text("1:30")),
            ("http://localhost:5000", text("http://localhost:5000")),
            ("/data/ml-1m/*.dat", text("/data/ml-1m/*.dat")),
            ("a\\,b", text("a,b")),
            ("a\\=b", text("a=b")),
            ("\\[x\\]", text("[x]")),
            ("\\\\", text("\\")),
            ("\\x", text("\\x")),
            ("b\\ ", text("b ")),
            ("${seed}", text("${seed}")),
            ("${a}_${b}", text("${a}_${b}")),
            ("${oc.env:USER,me}", text("${oc.env:USER,me}")),
            ("café", text("café")),
            ("50%", text("50%")),
        ];
        for (value, expected) in cases {
            assert_eq!(element(value), expected, "{value}");
        }
        assert!(matches!(element("nan"), Element::Float(f) if f.is_nan()));
    }

    #[test]
    fn quoted_text() {
        let cases = [
            ("'a b'", "a b"),
            ("\"a,b\"", "a,b"),
            ("''", ""),
            ("'null'", "null"),
            ("'it\\'s'", "it's"),
            ("\"it's\"", "it's"),
            (r#""a\"b""#, r#"a"b"#),
            (r"'a\\'", r"a\"),
            (r"'\\'", r"\"),
            (r"'a\\\'b'", r"a\'b"),
            (r"'a\nb'", r"a\nb"),
            (r"'a\\b'", r"a\\b"),
            ("'${a.${b}}'", "${a.${b}}"),
            ("'x' ", "x"),
        ];
        for (value, expected) in cases {
            assert_eq!(element(value), text(expected), "{value}");
        }
    }

    #[test]
    fn containers() {
        assert_eq!(element("[]"), Element::List(vec![]));
        assert_eq!(element("[ 64 , 32,16 ]"), ints(&[64, 32, 16]));
        assert_eq!(element("['precision','recall']"), Element::List(vec![text("precision"), text("recall")]));
        assert_eq!(element("[ncf,item_cf]"), Element::List(vec![text("ncf"), text("item_cf")]));
        assert_eq!(element("[[1,2],[3]]"), Element::List(vec![ints(&[1, 2]), ints(&[3])]));
        assert_eq!(element("[a:b]"), Element::List(vec![text("a:b")]));
        assert_eq!(element("{}"), Element::Dict(vec![]));
        let expected = Element::Dict(vec![
            ("a".into(), Element::Int(1)),
            ("b c".into(), Element::Dict(vec![("d".into(), ints(&[2]))])),
        ]);
        assert_eq!(element("{a: 1, b c: {d: [2]}}"), expected);
        assert_eq!(element("{1:2}"), Element::Dict(vec![("1".into(), Element::Int(2))]));
        assert_eq!(element("{a:b:c}"), Element::Dict(vec![("a".into(), text("b:c"))]));
    }

    #[test]
    fn sweeps() {
        assert_eq!(sweep("32,64"), Sweep::simple_choice(vec![Element::Int(32), Element::Int(64)]));
        assert_eq!(sweep("[64,32],[128]"), Sweep::simple_choice(vec![ints(&[64, 32]), ints(&[128])]));
        assert_eq!(sweep("'[64,32]','[128]'"), Sweep::simple_choice(vec![text("[64,32]"), text("[128]")]));
        assert_eq!(sweep("choice(a, b)").kind, SweepKind::Choice(vec![text("a"), text("b")]));
        let range = SweepKind::Range { start: Element::Int(1), stop: Element::Int(9), step: Element::Int(2) };
        assert_eq!(sweep("range(1,9,2)").kind, range);
        assert_eq!(sweep("range(1, stop=9, step=2)").kind, range);
        assert_eq!(sweep("interval(0,1)").kind, SweepKind::Interval { start: 0.0, end: 1.0 });
        assert_eq!(
            sweep("glob(*,exclude=[a*,b])").kind,
            SweepKind::Glob { include: vec!["*".into()], exclude: vec!["a*".into(), "b".into()] }
        );
        let tagged = sweep("tag(t1, t2, choice(a,b))");
        assert_eq!(tagged.tags, ["t1", "t2"]);
        assert!(sweep("shuffle(a,b)").shuffle);
    }

    #[test]
    fn keys() {
        let parsed = parse_override("++a.b-c.0.$d=1").unwrap();
        assert_eq!((parsed.action, parsed.key.as_str(), parsed.package), (Action::ForceAdd, "a.b-c.0.$d", None));
        let parsed = parse_override("hydra/launcher@x.y=joblib").unwrap();
        assert_eq!((parsed.key.as_str(), parsed.package.as_deref()), ("hydra/launcher", Some("x.y")));
        let parsed = parse_override("db@=mysql").unwrap();
        assert_eq!((parsed.group_key().as_str(), parsed.package.as_deref()), ("db@_global_", Some("")));
        let parsed = parse_override("~model").unwrap();
        assert_eq!((parsed.action, parsed.value), (Action::Delete, None));
        let parsed = parse_override("~model=").unwrap();
        assert_eq!(parsed.value, Some(OverrideValue::Element(text(""))));
        let parsed = parse_override("+x=extend_list(1,2)");
        assert!(parsed.is_err());
        let parsed = parse_override("x=extend_list(1,a)").unwrap();
        assert_eq!(parsed.value, Some(OverrideValue::Extend(vec![Element::Int(1), text("a")])));
    }

    #[test]
    fn errors_name_the_column_and_the_way_out() {
        check_error("", 1, "this one is empty");
        check_error("=x", 1, "expected a key");
        check_error("a", 2, "write a=value");
        check_error("++a", 4, "write ++a=value");
        check_error("0=1", 1, "cannot be part of a key");
        check_error("a[0]=1", 2, "cannot be part of a key");
        check_error("a b=1", 2, "cannot be part of a key");
        check_error("a.b/c=1", 4, "cannot be part of a key");
        check_error("a/=1", 3, "name of a config group");
        check_error("a=b=c", 4, "write \\= or put the value in quotes");
        check_error("a=!x", 3, "`!` must stand inside quotes");
        check_error("a='x", 3, "never closed");
        check_error("a='it''s'", 7, "stands alone");
        check_error("a=[1,2", 7, "expected `,` or `]`, the text ends");
        check_error("a=[1,]", 6, "expected a value");
        check_error("a={b}", 5, "expected `:`");
        check_error("a={b:1,b:2}", 8, "appears twice");
        check_error("a=1,", 5, "expected a value");
        check_error("a=,1", 3, "expected a value");
        check_error("a=[]x", 5, "end of the override");
        check_error("a=${b.${c}}", 11, "end of the override");
        check_error("a=f(1)", 3, "unknown function `f`");
        check_error("a=rnge(1)", 3, "did you mean `range`");
        check_error("a=choice()", 3, "at least one value");
        check_error("a=range(1,2),3", 3, "must be the whole value");
        check_error("a=[range(1,2)]", 4, "must be the whole value");
        check_error("a=sort(reverse=true,1)", 21, "name=value");
        check_error("a=99999999999999999999", 3, "does not fit in 64 bits");
        let shown = parse_override("lr=[1,2").unwrap_err().to_string();
        assert_eq!(
            shown,
            "cannot read override at column 8: expected `,` or `]`, the text ends\n  lr=[1,2\n         ^"
        );
    }

    #[test]
    fn depth_is_limited() {
        let hostile = format!("a={}", "[".repeat(100_000));
        assert!(parse_override(&hostile).unwrap_err().message.contains("nest deeper"));
        let hostile = format!("a={}", "int(".repeat(100_000));
        assert!(parse_override(&hostile).unwrap_err().message.contains("nest deeper"));
        let hostile = format!("a={}", "${".repeat(200_000));
        assert!(parse_override(&hostile).is_err());
    }

    fn any_element() -> impl Strategy<Value = Element> {
        let leaf = prop_oneof![
            Just(Element::Null),
            any::<bool>().prop_map(Element::Bool),
            any::<i64>().prop_map(|i| Element::Int(i.into())),
            any::<f64>().prop_filter("nan differs from itself", |f| !f.is_nan()).prop_map(Element::Float),
            "[ -~éλ]{0,12}".prop_map(Element::Text),
            r#"[\\'"${}]{0,8}"#.prop_map(Element::Text),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Element::List),
                prop::collection::btree_map("[a-z_][a-z0-9 ,:]{0,4}[a-z]", inner, 0..4)
                    .prop_map(|pairs| Element::Dict(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_text_panics(source in "\\PC{0,40}") {
            let _ = parse_override(&source);
        }

        #[test]
        fn no_grammar_like_text_panics(source in r#"[+~]{0,2}[a-z.$/@]{0,4}=[a-c0-9(){}\[\]:=,'"\\ $.eE+_-]{0,24}"#) {
            let _ = parse_override(&source);
        }

        #[test]
        fn written_elements_read_back(element in any_element()) {
            let source = format!("key={element}");
            let parsed = parse_override(&source);
            prop_assert_eq!(parsed.map(|p| p.value), Ok(Some(OverrideValue::Element(element))), "{}", source);
        }
    }
}
