//! The functions of the override grammar: casts, sweeps, `sort`, `shuffle`, `tag`, `extend_list`.
//!
//! Every function returns what is wrong as a sentence; the parser adds the column.

use std::cmp::Ordering;

use super::float;
use super::overrides::Element;
use super::parser::Item;
use super::suggest;
use super::sweep::{Sweep, SweepKind, reversed_range, shuffled};

const NAMES: [&str; 13] = [
    "bool",
    "choice",
    "extend_list",
    "float",
    "glob",
    "int",
    "interval",
    "json_str",
    "range",
    "shuffle",
    "sort",
    "str",
    "tag",
];

/// Arguments of a call, taken one by one.
struct Arguments {
    function: String,
    positional: Vec<Item>,
    named: Vec<(String, Item)>,
}

impl Arguments {
    fn named(&mut self, name: &str) -> Option<Item> {
        let at = self.named.iter().position(|(known, _)| known == name)?;
        Some(self.named.remove(at).1)
    }

    /// The argument `name`: the next positional one, or the one given by name.
    fn next(&mut self, name: &str) -> Result<Option<Item>, String> {
        let named = self.named(name);
        if self.positional.is_empty() {
            return Ok(named);
        }
        if named.is_some() {
            return Err(format!("{} gets `{name}` twice, by place and by name", self.function));
        }
        Ok(Some(self.positional.remove(0)))
    }

    fn number(&mut self, name: &str) -> Result<Option<Element>, String> {
        match self.next(name)? {
            None => Ok(None),
            Some(Item::Element(number @ (Element::Int(_) | Element::Float(_)))) => Ok(Some(number)),
            Some(other) => Err(format!("{}: `{name}` must be a number, not {}", self.function, kind_of(&other))),
        }
    }

    fn missing<T>(&self, name: &str) -> Result<T, String> {
        Err(format!("{} needs `{name}`", self.function))
    }

    fn end(&self) -> Result<(), String> {
        if let Some((name, _)) = self.named.first() {
            return Err(format!("{} has no argument `{name}`", self.function));
        }
        if self.positional.is_empty() { Ok(()) } else { Err(format!("{} has too many arguments", self.function)) }
    }
}

fn kind_of(item: &Item) -> &'static str {
    match item {
        Item::Element(element) => element.type_name(),
        Item::Sweep(_) => "a sweep",
        Item::Extend(_) => "extend_list",
    }
}

/// Evaluates `name(positional..., named...)`; `source` is the whole override, which fixes the order of a shuffle.
pub(super) fn call(
    name: &str,
    positional: Vec<Item>,
    named: Vec<(String, Item)>,
    source: &str,
) -> Result<Item, String> {
    let mut arguments = Arguments { function: name.to_owned(), positional, named };
    let item = match name {
        "int" | "float" | "str" | "bool" | "json_str" => cast(&mut arguments)?,
        "choice" => choice(&mut arguments)?,
        "range" => range(&mut arguments)?,
        "interval" => interval(&mut arguments)?,
        "glob" => glob(&mut arguments)?,
        "tag" => tag(&mut arguments)?,
        "sort" => sort(&mut arguments)?,
        "shuffle" => shuffle(&mut arguments, source)?,
        "extend_list" => Item::Extend(elements(&mut arguments)?),
        _ => {
            let hint = suggest::did_you_mean(name, NAMES);
            return Err(format!(
                "unknown function `{name}`{hint} (there are {}); for text write the value in quotes or \\( and \\)",
                NAMES.join(", ")
            ));
        }
    };
    arguments.end()?;
    Ok(item)
}

/// All positional arguments as plain elements.
fn elements(arguments: &mut Arguments) -> Result<Vec<Element>, String> {
    let function = arguments.function.clone();
    std::mem::take(&mut arguments.positional)
        .into_iter()
        .map(|item| match item {
            Item::Element(element) => Ok(element),
            other => Err(format!("{function} takes plain values, not {}", kind_of(&other))),
        })
        .collect()
}

/// The one value to work on, or all arguments as the simple choice `a,b`.
fn one_or_choice(arguments: &mut Arguments) -> Result<Item, String> {
    match arguments.positional.len() {
        0 => Err(format!("{} needs a value", arguments.function)),
        1 => Ok(arguments.positional.remove(0)),
        _ => elements(arguments).map(|values| Item::Sweep(Sweep::simple_choice(values))),
    }
}

fn cast(arguments: &mut Arguments) -> Result<Item, String> {
    let to = arguments.function.clone();
    let item = match arguments.named("value") {
        Some(_) if !arguments.positional.is_empty() => return Err(format!("{to} gets its value twice")),
        Some(value) => value,
        None => one_or_choice(arguments)?,
    };
    let sweep = match item {
        Item::Element(element) => return cast_element(&to, element).map(Item::Element),
        Item::Extend(_) => return Err(format!("{to} cannot cast extend_list; cast its values")),
        Item::Sweep(sweep) => sweep,
    };
    let kind = match (sweep.kind, to.as_str()) {
        (SweepKind::Choice(values), _) => {
            SweepKind::Choice(values.into_iter().map(|v| cast_element(&to, v)).collect::<Result<_, _>>()?)
        }
        (SweepKind::Range { start, stop, step }, "int" | "float") => SweepKind::Range {
            start: cast_element(&to, start)?,
            stop: cast_element(&to, stop)?,
            step: nonzero(cast_element(&to, step)?)?,
        },
        (interval @ SweepKind::Interval { .. }, "float") => interval,
        (SweepKind::Interval { start, end }, "int") => SweepKind::Interval { start: start.trunc(), end: end.trunc() },
        _ => return Err(format!("{to} casts values and choices; a range or interval casts to int or float only")),
    };
    Ok(Item::Sweep(Sweep { kind, ..sweep }))
}

fn cast_element(to: &str, element: Element) -> Result<Element, String> {
    if to == "json_str" {
        return json_text(&element).map(Element::Text);
    }
    let cannot = |element: &Element| Err(format!("cannot cast {element} to {to}"));
    Ok(match (to, element) {
        (_, Element::List(items)) => {
            Element::List(items.into_iter().map(|item| cast_element(to, item)).collect::<Result<_, _>>()?)
        }
        (_, Element::Dict(pairs)) => {
            let pairs = pairs.into_iter().map(|(key, value)| Ok((key, cast_element(to, value)?)));
            Element::Dict(pairs.collect::<Result<_, String>>()?)
        }
        (_, Element::Null) => return cannot(&Element::Null),
        ("int", Element::Bool(b)) => Element::Int(i128::from(b)),
        ("int", Element::Float(f)) if f.abs() < 9e18 => Element::Int(f.trunc() as i128),
        ("int", int @ Element::Int(_)) => int,
        ("int", Element::Text(text)) => match digits(&text).parse::<i64>() {
            Ok(i) => Element::Int(i.into()),
            Err(_) => return cannot(&Element::Text(text)),
        },
        ("float", Element::Bool(b)) => Element::Float(f64::from(u8::from(b))),
        ("float", Element::Int(i)) => Element::Float(i as f64),
        ("float", float @ Element::Float(_)) => float,
        ("float", Element::Text(text)) => match digits(&text).parse::<f64>() {
            Ok(f) => Element::Float(f),
            Err(_) => return cannot(&Element::Text(text)),
        },
        ("str", Element::Float(f)) => Element::Text(float::text(f)),
        ("str", Element::Int(i)) => Element::Text(i.to_string()),
        ("str", Element::Bool(b)) => Element::Text(b.to_string()),
        ("str", text @ Element::Text(_)) => text,
        ("bool", Element::Int(i)) => Element::Bool(i != 0),
        ("bool", Element::Float(f)) => Element::Bool(f != 0.0),
        ("bool", bool @ Element::Bool(_)) => bool,
        ("bool", Element::Text(text)) if text.eq_ignore_ascii_case("true") => Element::Bool(true),
        ("bool", Element::Text(text)) if text.eq_ignore_ascii_case("false") => Element::Bool(false),
        (_, element) => return cannot(&element),
    })
}

fn digits(text: &str) -> String {
    text.trim().replace('_', "")
}

/// JSON with a space after `,` and `:`, as Hydra writes it.
fn json_text(element: &Element) -> Result<String, String> {
    let joined = |parts: Result<Vec<String>, String>| parts.map(|parts| parts.join(", "));
    Ok(match element {
        Element::List(items) => format!("[{}]", joined(items.iter().map(json_text).collect())?),
        Element::Dict(pairs) => {
            let pair = |(key, value): &(String, Element)| {
                Ok(format!("{}: {}", serde_json::Value::from(key.as_str()), json_text(value)?))
            };
            format!("{{{}}}", joined(pairs.iter().map(pair).collect())?)
        }
        Element::Float(f) if f.is_finite() => float::text(*f),
        leaf => leaf.to_value()?.to_string(),
    })
}

fn choice(arguments: &mut Arguments) -> Result<Item, String> {
    if let [Item::Sweep(Sweep { is_simple: true, .. })] = arguments.positional.as_slice()
        && let Item::Sweep(sweep) = arguments.positional.remove(0)
    {
        return Ok(Item::Sweep(Sweep { is_simple: false, ..sweep }));
    }
    let values = elements(arguments)?;
    if values.is_empty() {
        return Err("choice needs at least one value: choice(a,b)".to_owned());
    }
    Ok(Item::Sweep(Sweep::of(SweepKind::Choice(values))))
}

fn nonzero(step: Element) -> Result<Element, String> {
    match step {
        Element::Int(0) => Err("the step of a range must not be zero".to_owned()),
        Element::Float(f) if f == 0.0 || !f.is_finite() => {
            Err("the step of a range must be finite, not zero".to_owned())
        }
        step => Ok(step),
    }
}

fn range(arguments: &mut Arguments) -> Result<Item, String> {
    let Some(start) = arguments.number("start")? else { return arguments.missing("start") };
    let stop = arguments.number("stop")?;
    let step = nonzero(arguments.number("step")?.unwrap_or(Element::Int(1)))?;
    let (start, stop) = match stop {
        Some(stop) => (start, stop),
        None => (Element::Int(0), start),
    };
    Ok(Item::Sweep(Sweep::of(SweepKind::Range { start, stop, step })))
}

fn interval(arguments: &mut Arguments) -> Result<Item, String> {
    let as_f64 = |number: &Element| match number {
        Element::Int(i) => *i as f64,
        Element::Float(f) => *f,
        _ => f64::NAN,
    };
    let Some(start) = arguments.number("start")? else { return arguments.missing("start") };
    let Some(end) = arguments.number("end")? else { return arguments.missing("end") };
    Ok(Item::Sweep(Sweep::of(SweepKind::Interval { start: as_f64(&start), end: as_f64(&end) })))
}

fn glob(arguments: &mut Arguments) -> Result<Item, String> {
    let mut patterns = |name: &str| -> Result<Vec<String>, String> {
        let text = |element| match element {
            Element::Text(text) => Ok(text),
            other => Err(format!("glob: `{name}` must be text or a list of text, not {}", other.type_name())),
        };
        match arguments.next(name)? {
            None => Ok(Vec::new()),
            Some(Item::Element(Element::List(items))) => items.into_iter().map(text).collect(),
            Some(Item::Element(element)) => text(element).map(|text| vec![text]),
            Some(other) => Err(format!("glob: `{name}` must be text, not {}", kind_of(&other))),
        }
    };
    let (include, exclude) = (patterns("include")?, patterns("exclude")?);
    if include.is_empty() {
        return arguments.missing("include");
    }
    Ok(Item::Sweep(Sweep::of(SweepKind::Glob { include, exclude })))
}

fn tag(arguments: &mut Arguments) -> Result<Item, String> {
    let sweep = match arguments.named("sweep") {
        Some(sweep) => Some(sweep),
        None => arguments.positional.pop(),
    };
    let Some(Item::Sweep(sweep)) = sweep else {
        return Err("tag names a sweep: tag(name, choice(a,b))".to_owned());
    };
    let mut tags = Vec::new();
    for tag in elements(arguments)? {
        match tag {
            Element::Text(text) => tags.push(text),
            other => return Err(format!("a tag must be text, not {}", other.type_name())),
        }
    }
    tags.sort();
    tags.dedup();
    Ok(Item::Sweep(Sweep { tags, ..sweep }))
}

/// The argument of sort and shuffle: `list=` and `sweep=` are Hydra's names for it.
fn subject(arguments: &mut Arguments) -> Result<Item, String> {
    for name in ["list", "sweep"] {
        if let Some(item) = arguments.named(name) {
            return Ok(item);
        }
    }
    one_or_choice(arguments)
}

fn sort(arguments: &mut Arguments) -> Result<Item, String> {
    let reverse = match arguments.named("reverse") {
        None => false,
        Some(Item::Element(Element::Bool(reverse))) => reverse,
        Some(_) => return Err("sort: `reverse` must be true or false".to_owned()),
    };
    match subject(arguments)? {
        Item::Element(Element::List(items)) => Ok(Item::Element(Element::List(sorted(items, reverse)?))),
        Item::Element(element) => Ok(Item::Element(element)),
        Item::Extend(_) => Err("sort cannot sort extend_list; sort its values".to_owned()),
        Item::Sweep(sweep) => {
            let kind = match sweep.kind {
                SweepKind::Choice(values) => SweepKind::Choice(sorted(values, reverse)?),
                SweepKind::Range { start, stop, step } => {
                    let descends = compare(&start, &stop)? == Ordering::Greater;
                    if descends == reverse || start == stop {
                        SweepKind::Range { start, stop, step }
                    } else {
                        reversed_range(&start, &stop, &step)?
                    }
                }
                SweepKind::Interval { .. } | SweepKind::Glob { .. } => {
                    return Err("sort takes values, a list, a choice or a range".to_owned());
                }
            };
            Ok(Item::Sweep(Sweep { kind, ..sweep }))
        }
    }
}

fn sorted(mut values: Vec<Element>, reverse: bool) -> Result<Vec<Element>, String> {
    for pair in values.windows(2) {
        compare(&pair[0], &pair[1])?;
    }
    values.sort_by(|a, b| {
        let order = compare(a, b).unwrap_or(Ordering::Equal);
        if reverse { order.reverse() } else { order }
    });
    Ok(values)
}

fn compare(a: &Element, b: &Element) -> Result<Ordering, String> {
    let number = |element: &Element| match element {
        Element::Int(i) => Some(*i as f64),
        Element::Float(f) => Some(*f),
        Element::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    };
    match (a, b) {
        (Element::Int(a), Element::Int(b)) => Ok(a.cmp(b)),
        (Element::Text(a), Element::Text(b)) => Ok(a.cmp(b)),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => Ok(a.total_cmp(&b)),
            _ => Err(format!("sort cannot compare {} with {}", a.type_name(), b.type_name())),
        },
    }
}

fn shuffle(arguments: &mut Arguments, source: &str) -> Result<Item, String> {
    match subject(arguments)? {
        Item::Element(Element::List(items)) => Ok(Item::Element(Element::List(shuffled(items, source)))),
        Item::Element(element) => Ok(Item::Element(Element::List(vec![element]))),
        Item::Sweep(sweep @ Sweep { kind: SweepKind::Choice(_) | SweepKind::Range { .. }, .. }) => {
            Ok(Item::Sweep(Sweep { shuffle: true, ..sweep }))
        }
        _ => Err("shuffle takes values, a list, a choice or a range".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::overrides::OverrideValue;
    use super::super::parser::parse_override;

    #[track_caller]
    fn check(value: &str, expected: &str) {
        let parsed = parse_override(&format!("key={value}")).map_err(|e| e.to_string()).unwrap();
        let shown = match parsed.value {
            Some(OverrideValue::Element(element)) => element.to_string(),
            Some(OverrideValue::Sweep(_)) => {
                let values = parsed.sweep_values(&|_| Vec::new()).unwrap();
                format!("sweep {}", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            }
            other => format!("{other:?}"),
        };
        assert_eq!(shown, expected, "{value}");
    }

    #[track_caller]
    fn check_error(value: &str, part: &str) {
        let error = parse_override(&format!("key={value}")).expect_err(value);
        assert!(error.message.contains(part), "{value}: {}", error.message);
    }

    #[test]
    fn casts() {
        check("int(3.7)", "3");
        check("int('12')", "12");
        check("int(true)", "1");
        check("float(3)", "3.0");
        check("float('1e-3')", "0.001");
        check("str(1)", "'1'");
        check("str(1e-5)", "'1e-05'");
        check("str(true)", "'true'");
        check("bool(1)", "true");
        check("bool(FALSE)", "false");
        check("str([1,{a:2}])", "['1',{a:'2'}]");
        check("json_str([1,a,null,{b: 0.5}])", r#"'[1, "a", null, {"b": 0.5}]'"#);
        check("int(1.5,2.5)", "sweep 1 2");
        check("float(range(1,3))", "sweep 1.0 2.0");
        check("str(choice(1,2))", "sweep '1' '2'");
        check("int(value=2.5)", "2");
        check_error("int(abc)", "cannot cast abc to int");
        check_error("int(nan)", "cannot cast nan to int");
        check_error("bool(yes)", "cannot cast yes to bool");
        check_error("int(null)", "cannot cast null");
        check_error("int()", "needs a value");
        check_error("str(range(1,2))", "int or float only");
        check_error("int(1,value=2)", "twice");
    }

    #[test]
    fn sorting() {
        check("sort([3,1,2])", "[1,2,3]");
        check("sort([b,a],reverse=true)", "[b,a]");
        check("sort(c,a,b)", "sweep a b c");
        check("sort(choice(2,1.5))", "sweep 1.5 2");
        check("sort(list=[2,1])", "[1,2]");
        check("sort(7)", "7");
        check_error("sort(1,a)", "cannot compare");
        check_error("sort(interval(0,1))", "sort takes");
        check_error("sort([1],reverse=2)", "true or false");
    }

    #[test]
    fn arguments() {
        check_error("range()", "needs `start`");
        check_error("range(a)", "must be a number, not text");
        check_error("range(1,2,0)", "must not be zero");
        check_error("range(1,2,3,4)", "too many arguments");
        check_error("range(1,start=2)", "twice");
        check_error("range(1,end=2)", "no argument `end`");
        check_error("interval(0)", "needs `end`");
        check_error("glob(1)", "must be text");
        check_error("tag(a,b)", "names a sweep");
        check_error("choice(choice(a),b)", "plain values, not a sweep");
        check("choice(int(1.5,2.5))", "sweep 1 2");
    }
}
