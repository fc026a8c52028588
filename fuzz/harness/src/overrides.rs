//! Target `overrides`: the override grammar, YAML, composition and interpolation.

use segue_lab::config::{
    ConfigSource, Context, Element, Moment, Override, OverrideValue, compose, jobs, parse_override, parse_yaml,
    resolve, to_yaml,
};
use serde_json::{Value, json};

use crate::case::Case;
use crate::draw::Draw;

/// Groups and options of the invented files.
const PATHS: [&str; 6] =
    ["config.yaml", "model/ease.yaml", "model/mf.yaml", "data/pair.yaml", "experiment/one.yaml", "model/deep/two.yaml"];

/// Invents overrides, one a line, and the files that they change.
pub(crate) fn invent(draw: &mut Draw<'_>) -> Case {
    let mut options = json!({});
    if draw.once_in(10) {
        let text = draw.pick(&[
            "a.", "[", "{a:", "int(", "(", "'", " ", "${", "a", "${a:", "- ", "\n", "&a ", "é", "\\", ",a", "a: {",
        ]);
        let times = [2, 70, 130, 9_000, 70_000][draw.below(5)];
        options["repeat"] = json!([text, times]);
    }
    let lines = draw.some(5, override_text);
    let mut case = Case::of(options, lines.join("\n"));
    if draw.once_in(2) {
        case.files.push((PATHS[0].into(), document(draw, true).into()));
        for _ in 0..draw.below(4) {
            let path = PATHS[1 + draw.below(PATHS.len() - 1)];
            case.files.push((path.into(), document(draw, false).into()));
        }
    }
    case
}

fn key(draw: &mut Draw<'_>) -> String {
    match draw.below(10) {
        0 => draw.odd(),
        1 => draw.pick(&["hydra.run.dir", "a.0", "$x", "b-c", "1", "a.1.b", "experiment", "model/deep", "@@"]).into(),
        2 => format!("{}@{}", draw.pick(&["model", "data", "model/deep"]), draw.pick(&["", "x", "a.b", "_global_"])),
        _ => draw.pick(&["a", "model", "model.factors", "data", "a.b", "l2", "list", "text"]).into(),
    }
}

fn override_text(draw: &mut Draw<'_>) -> String {
    let sign = draw.pick(&["", "", "", "+", "++", "~"]);
    let key = key(draw);
    if sign == "~" && draw.once_in(2) {
        return format!("~{key}");
    }
    let value = if draw.once_in(6) { draw.some(5, |draw| value(draw, 1)).join(",") } else { value(draw, 0) };
    match draw.below(20) {
        0 => draw.odd(),
        1 => format!("{sign}{key}= {value} "),
        2 => format!("{sign}{key}={value}{}", draw.odd()),
        _ => format!("{sign}{key}={value}"),
    }
}

fn value(draw: &mut Draw<'_>, depth: usize) -> String {
    match draw.below(if depth < 4 { 12 } else { 7 }) {
        0 => draw.odd(),
        1 => draw.value(),
        2 => format!("{}{}", draw.pick(&["'", "\""]), draw.odd()) + draw.pick(&["'", "\""]),
        3 => draw
            .pick(&["ease", "mf", "null", "True", "1_000", "1e-3", "-7", ".5", "1e17", "18446744073709551615", "@@"])
            .into(),
        4 => reference(draw),
        5 => draw
            .pick(&["a b", "a\\,b", "\\=", "\\\\", "a:b", "/x/y", "a\\ ", "C:\\x", "-inf", "+nan", "1__0", "007"])
            .into(),
        6 => draw.below(5).to_string(),
        7 | 8 => format!("[{}]", draw.some(4, |draw| value(draw, depth + 1)).join(draw.pick(&[",", ", "]))),
        9 => {
            let pair = |draw: &mut Draw<'_>| {
                format!("{}:{}", draw.pick(&["a", "b", "c d", "1", "x\\:y"]), value(draw, depth + 1))
            };
            format!("{{{}}}", draw.some(4, pair).join(","))
        }
        10 => {
            let name = draw.pick(&[
                "int",
                "float",
                "str",
                "bool",
                "json_str",
                "choice",
                "sort",
                "shuffle",
                "tag",
                "extend_list",
                "f",
            ]);
            let mut arguments = draw.some(4, |draw| value(draw, depth + 1));
            if draw.once_in(4) {
                arguments.push(draw.pick(&["reverse=true", "value=1", "sweep=choice(1,2)", "list=[2,1]"]).into());
            }
            format!("{name}({})", arguments.join(","))
        }
        _ => {
            let number = |draw: &mut Draw<'_>| {
                draw.pick(&["0", "1", "10", "-3", "0.1", "1e-3", "1e17", "1e308", "5e-324", "-1.5"])
            };
            let numbers = [number(draw), number(draw), number(draw)];
            let n = 1 + draw.below(3);
            format!("{}({})", draw.pick(&["range", "interval", "glob"]), numbers[..n].join(","))
        }
    }
}

fn reference(draw: &mut Draw<'_>) -> String {
    let inner = match draw.below(12) {
        0 => format!("oc.env:{}", draw.pick(&["HOME", "NOT_SET,x", "NOT_SET,null", "'a,b'", ""])),
        1 => format!("oc.select:{},1", draw.pick(&["a", "model.x", "..b"])),
        2 => format!("oc.decode:{}", draw.pick(&["'[1,2]'", "\"{a:1}\"", "1e-3", "${text}"])),
        3 => format!("now:{}", draw.pick(&["%Y-%m-%d", "%", "%%H", "%é", "%Q"])),
        4 => format!("hydra:{}", draw.pick(&["job.num", "x,1", "runtime"])),
        5 => reference_of(draw),
        6 => draw.odd(),
        _ => draw.pick(&["a", "a.b", ".b", "..a", "model", "text", "list.0", "model.factors", "a.b.c", ""]).into(),
    };
    format!("{}${{{inner}}}{}", draw.pick(&["", "", "", "x", "\\"]), draw.pick(&["", "", "", "y", "}"]))
}

fn reference_of(draw: &mut Draw<'_>) -> String {
    if draw.once_in(3) { format!("a.{}", reference(draw)) } else { format!("${{{}}}", draw.pick(&["text", "a", ".b"])) }
}

/// A file: keys and values as a person writes them, perhaps with a defaults list and a package.
fn document(draw: &mut Draw<'_>, is_main: bool) -> String {
    let mut text = String::new();
    if draw.once_in(6) {
        text.push_str(&format!("# @package {}\n", draw.pick(&["_global_", "a.b", "", "_group_", "x y", "@@"])));
    }
    if is_main || draw.once_in(3) {
        text.push_str("defaults:\n");
        for _ in 0..draw.below(4) {
            text.push_str(draw.pick(&[
                "  - _self_\n",
                "  - model: ease\n",
                "  - model@x: mf\n",
                "  - override model: mf\n",
                "  - /data: pair\n",
                "  - optional model: none\n",
                "  - model: ???\n",
                "  - model: null\n",
                "  - experiment/one\n",
                "  - 1\n",
                "  - model: [ease, mf]\n",
                "  - override /model: ${data}\n",
                "  - model: ${text}\n",
                "  - config\n",
                "  - deep: two\n",
            ]));
        }
    }
    for _ in 0..draw.below(6) {
        let key =
            draw.pick(&["a", "b", "text", "list", "model", "factors", "l2", "'q'", "? x", "<<", "é", "@@", "hydra"]);
        text.push_str(&format!("{key}: {}\n", yaml(draw, 0)));
    }
    text
}

fn yaml(draw: &mut Draw<'_>, depth: usize) -> String {
    match draw.below(if depth < 3 { 10 } else { 7 }) {
        0 => draw.odd(),
        1 => draw.value(),
        2 => draw
            .pick(&[
                "yes",
                "~",
                "010",
                "0o17",
                "0x1F",
                "1:30",
                "2001-01-01",
                ".inf",
                "1e3",
                "!!str 1",
                "!x y",
                "1_0",
                "-",
            ])
            .into(),
        3 => draw
            .pick(&[
                "&x {a: 1}",
                "*x",
                "'it''s'",
                "\"\\u00e9\\n\"",
                "\"\\",
                "|\n  a\n  b",
                ">-\n  a\n\n  b",
                "@@",
                "???",
            ])
            .into(),
        4 | 5 => reference(draw),
        6 => draw.words(),
        7 => format!("[{}]", draw.some(3, |draw| yaml(draw, depth + 1)).join(", ")),
        8 => {
            let pairs =
                draw.some(3, |draw| format!("{}: {}", draw.pick(&["a", "b", "factors"]), yaml(draw, depth + 1)));
            format!("{{{}}}", pairs.join(", "))
        }
        _ => {
            let indent = "  ".repeat(depth + 1);
            let lines =
                draw.some(3, |draw| format!("\n{indent}{} {}", draw.pick(&["-", "a:", "b:"]), yaml(draw, depth + 1)));
            lines.concat()
        }
    }
}

/// What is read prints and reads back the same, overrides and YAML alike; failures point into the text; a composed
/// configuration is made of its parts and resolves or says why not.
pub(crate) fn check(bytes: &[u8]) {
    let case = Case::parse(bytes);
    let content = case.content();
    let text = String::from_utf8_lossy(&content);
    let overrides: Vec<Override> = text.lines().take(12).filter_map(one).collect();
    all_jobs(&overrides);
    yaml_comes_back(&text);
    let (folder, _) = case.laid();
    for (name, _) in &case.files {
        if let Ok(text) = std::fs::read_to_string(folder.path().join(name)) {
            yaml_comes_back(&text);
        }
    }
    let source = ConfigSource::new(Some(folder.path().into()), &[]);
    composed(&source, &overrides);
    composed(&source, &[]);
    for item in &overrides {
        composed(&source, std::slice::from_ref(item));
    }
}

/// Parses one override, and what it prints as once more.
fn one(text: &str) -> Option<Override> {
    let parsed = match parse_override(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.column), "column {}: {text:.200}", error.column);
            assert!(error.to_string().contains('^'));
            return None;
        }
    };
    let elements = match &parsed.value {
        Some(OverrideValue::Element(element)) => vec![element.clone()],
        Some(OverrideValue::Extend(elements)) => elements.clone(),
        // A range may have a hundred thousand values: what holds of the first holds of all.
        Some(OverrideValue::Sweep(_)) => {
            let values = parsed.sweep_values(&|_| vec!["ease".into(), "mf".into(), "é".into()]).unwrap_or_default();
            values.into_iter().take(20).collect()
        }
        None => Vec::new(),
    };
    for element in elements {
        let printed = parsed.with_element(element.clone());
        let back = parse_override(&printed.text).unwrap_or_else(|error| panic!("{}: {error}", printed.text));
        assert_eq!((&back.key, &back.package, back.action), (&parsed.key, &parsed.package, parsed.action));
        let Some(OverrideValue::Element(read)) = &back.value else { panic!("{} is no single value", printed.text) };
        assert!(is_same(read, &element), "{element:?} is written {} and read as {read:?}", printed.text);
    }
    Some(parsed)
}

/// Equality in which NaN equals itself.
fn is_same(a: &Element, b: &Element) -> bool {
    match (a, b) {
        (Element::Float(a), Element::Float(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Element::List(a), Element::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Element::Dict(a), Element::Dict(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && is_same(a, b))
        }
        _ => a == b,
    }
}

/// The jobs are the product of the values.
fn all_jobs(overrides: &[Override]) {
    let options = |_: &str| vec!["ease".to_owned(), "mf".to_owned()];
    let sizes: Option<Vec<usize>> =
        overrides.iter().map(|item| item.sweep_values(&options).ok().map(|values| values.len().max(1))).collect();
    let Some(sizes) = sizes else { return assert!(jobs(overrides, &options).is_err()) };
    let product = sizes.iter().fold(1_usize, |product, &n| product.saturating_mul(n));
    if product > 2_000 {
        return;
    }
    let made = jobs(overrides, &options).unwrap();
    assert_eq!(made.len(), product);
    assert!(made.iter().all(|job| job.len() == overrides.len()));
}

/// What YAML says is written and read back the same.
fn yaml_comes_back(text: &str) {
    match parse_yaml(text, "a.yaml") {
        Ok(document) => {
            let written = to_yaml(&document.value);
            let back = parse_yaml(&written, "b.yaml").unwrap_or_else(|error| panic!("{error}\n{written:.2000}"));
            assert_eq!(back.value, document.value, "{written:.2000}");
        }
        Err(error) => assert!(error.to_string().starts_with("a.yaml:")),
    }
}

fn composed(source: &ConfigSource, overrides: &[Override]) {
    let composed = match compose(source, "config", overrides) {
        Ok(composed) => composed,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = to_yaml(&composed.value);
    let back = parse_yaml(&written, "b.yaml").unwrap_or_else(|error| panic!("{error}\n{written:.2000}"));
    assert_eq!(back.value, composed.value, "{written:.2000}");
    let _ = (composed.missing(), composed.job());
    let hydra = json!({"job": {"num": 3}, "runtime": {"cwd": "/tmp"}});
    let env = |name: &str| (name == "HOME").then(|| "/x".to_owned());
    let context = Context {
        now: Moment { unix_seconds: 1_500_000_000, microseconds: 0, utc_offset_seconds: 0 },
        hydra: &hydra,
        env: &env,
    };
    match resolve(&composed.value, &context) {
        Ok(resolved) => assert_eq!(shape(&resolved).is_some(), shape(&composed.value).is_some()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The keys of a mapping.
fn shape(value: &Value) -> Option<Vec<&String>> {
    value.as_object().map(|map| map.keys().collect())
}
