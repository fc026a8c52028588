//! Sweeps: the values of one override that a multirun tries, and the jobs that follow from all of them.

use super::overrides::{Element, Override, OverrideValue};

/// A sweep that counts more values than this is a mistake.
const MAX_VALUES: i128 = 100_000;

/// Several values for one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// What is tried.
    pub kind: SweepKind,
    /// Names given by `tag(...)`, sorted, without repeats.
    pub tags: Vec<String>,
    /// `shuffle(...)`: the order is a permutation fixed by the text of the override.
    pub shuffle: bool,
    /// Written `a,b` rather than `choice(a,b)`.
    pub is_simple: bool,
}

/// The set a sweep draws from.
#[derive(Debug, Clone, PartialEq)]
pub enum SweepKind {
    /// The values listed.
    Choice(Vec<Element>),
    /// `start, start + step, ...` short of `stop`; all integers or floats, `step` not zero.
    Range {
        /// First value.
        start: Element,
        /// First value not reached.
        stop: Element,
        /// Distance, negative to count down.
        step: Element,
    },
    /// Every real number in `[start, end)`: for an optimising sweeper.
    Interval {
        /// Smallest value.
        start: f64,
        /// Bound above.
        end: f64,
    },
    /// The options of the config group that match a pattern of `include` and none of `exclude`.
    Glob {
        /// Patterns with `*`, `?` and `[abc]`.
        include: Vec<String>,
        /// Patterns of options to leave out.
        exclude: Vec<String>,
    },
}

/// A sweep that cannot be turned into a list of jobs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot sweep over `{text}`: {message}")]
pub struct SweepError {
    /// The override.
    pub text: String,
    /// Why, and what to write.
    pub message: String,
}

impl Sweep {
    pub(super) fn of(kind: SweepKind) -> Self {
        Self { kind, tags: Vec::new(), shuffle: false, is_simple: false }
    }

    pub(super) fn simple_choice(values: Vec<Element>) -> Self {
        Self { is_simple: true, ..Self::of(SweepKind::Choice(values)) }
    }
}

impl Override {
    /// The values this override tries, in order: one for a plain override, none for `~key`.
    ///
    /// `options` lists the options of a config group, for `glob`.
    ///
    /// # Errors
    /// An interval, a glob that matches nothing, a range without end.
    pub fn sweep_values(&self, options: &dyn Fn(&str) -> Vec<String>) -> Result<Vec<Element>, SweepError> {
        let error = |message: String| SweepError { text: self.text.clone(), message };
        let sweep = match &self.value {
            None | Some(OverrideValue::Extend(_)) => return Ok(Vec::new()),
            Some(OverrideValue::Element(element)) => return Ok(vec![element.clone()]),
            Some(OverrideValue::Sweep(sweep)) => sweep,
        };
        let values = match &sweep.kind {
            SweepKind::Choice(values) => values.clone(),
            SweepKind::Range { start, stop, step } => {
                range_values(start, stop, step).map_err(error)?.into_iter().collect()
            }
            SweepKind::Interval { .. } => {
                let message = "an interval has no end of values; list some with choice(...) or range(start,stop,step)";
                return Err(error(message.to_owned()));
            }
            SweepKind::Glob { include, exclude } => {
                let matches = |name: &str, patterns: &[String]| patterns.iter().any(|p| glob_matches(p, name));
                let all = options(&self.key);
                let chosen: Vec<_> = all
                    .iter()
                    .filter(|name| matches(name, include) && !matches(name, exclude))
                    .map(|name| Element::Text(name.clone()))
                    .collect();
                if chosen.is_empty() {
                    let known = if all.is_empty() { "there are none".to_owned() } else { all.join(", ") };
                    return Err(error(format!("no option of group `{}` matches; the options: {known}", self.key)));
                }
                chosen
            }
        };
        Ok(if sweep.shuffle { shuffled(values, &self.text) } else { values })
    }
}

/// The jobs of a multirun: the cartesian product of all sweeps, the last override varying fastest.
///
/// # Errors
/// A sweep without a list of values, or more than 100 000 jobs.
pub fn jobs(overrides: &[Override], options: &dyn Fn(&str) -> Vec<String>) -> Result<Vec<Vec<Override>>, SweepError> {
    let mut jobs: Vec<Vec<Override>> = vec![Vec::new()];
    for item in overrides {
        let choices: Vec<Override> = match &item.value {
            Some(OverrideValue::Sweep(_)) => {
                item.sweep_values(options)?.into_iter().map(|value| item.with_element(value)).collect()
            }
            _ => vec![item.clone()],
        };
        if jobs.len().saturating_mul(choices.len()) as i128 > MAX_VALUES {
            let message = format!("the sweeps up to this one make more than {MAX_VALUES} jobs");
            return Err(SweepError { text: item.text.clone(), message });
        }
        jobs = jobs
            .iter()
            .flat_map(|job| choices.iter().map(move |choice| job.iter().chain([choice]).cloned().collect()))
            .collect();
    }
    Ok(jobs)
}

/// A finite number as `digits * 10^-scale`, read from its shortest decimal text: sums of what the user typed stay
/// what the user would compute by hand (`0.1, 0.2, 0.3`, never `0.30000000000000004`).
fn decimal(value: &Element) -> Option<(i128, u32)> {
    match value {
        Element::Int(i) => Some((*i, 0)),
        Element::Float(f) if f.is_finite() => {
            let text = format!("{f:e}");
            let (mantissa, exponent) = text.split_once('e')?;
            let exponent: i32 = exponent.parse().ok()?;
            let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            let digits: i128 = mantissa.replace('.', "").parse().ok()?;
            let scale = i32::try_from(decimals).ok()? - exponent;
            match u32::try_from(scale) {
                Ok(scale) => Some((digits, scale)),
                Err(_) => Some((digits.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?, 0)),
            }
        }
        _ => None,
    }
}

fn range_values(start: &Element, stop: &Element, step: &Element) -> Result<Vec<Element>, String> {
    let numbers = [start, stop, step];
    let too_fine = || "its bounds and step do not fit in 38 decimal digits".to_owned();
    let decimals: Vec<_> = numbers.iter().map(|n| decimal(n)).collect::<Option<_>>().ok_or_else(too_fine)?;
    let scale = decimals.iter().map(|&(_, scale)| scale).max().unwrap_or(0);
    let rescaled = |(digits, s): (i128, u32)| digits.checked_mul(10_i128.checked_pow(scale - s)?);
    let exact: Vec<_> = decimals.into_iter().map(rescaled).collect::<Option<_>>().ok_or_else(too_fine)?;
    let (first, end, step) = (exact[0], exact[1], exact[2]);
    if step == 0 {
        return Err("its step is zero".to_owned());
    }
    let distance = end.checked_sub(first).ok_or_else(too_fine)?;
    let towards_stop = (distance > 0) == (step > 0) && distance != 0;
    let count = if towards_stop { (distance.abs() - 1) / step.abs() + 1 } else { 0 };
    if count == 0 {
        return Err("it holds no value: the step leads away from the end".to_owned());
    }
    if count > MAX_VALUES {
        return Err(format!("it holds {count} values, more than {MAX_VALUES}"));
    }
    let are_ints = numbers.iter().all(|n| matches!(n, Element::Int(_)));
    (0..count)
        .map(|i| {
            let digits = first + i * step;
            if are_ints {
                return Ok(Element::Int(digits));
            }
            format!("{digits}e-{scale}").parse().map(Element::Float).map_err(|_| too_fine())
        })
        .collect()
}

/// The same values in the opposite order, as a range.
pub(super) fn reversed_range(start: &Element, stop: &Element, step: &Element) -> Result<SweepKind, String> {
    let values = range_values(start, stop, step)?;
    let last = values.last().unwrap_or(start).clone();
    Ok(match (start, step) {
        (Element::Int(start), Element::Int(step)) => {
            SweepKind::Range { start: last, stop: Element::Int(start - step), step: Element::Int(-step) }
        }
        _ => SweepKind::Choice(values.into_iter().rev().collect()),
    })
}

/// A permutation of `values` that depends on `key` alone: splitmix64 keys from an FNV-1a hash.
pub(super) fn shuffled<T>(values: Vec<T>, key: &str) -> Vec<T> {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let random = |i: u64| {
        let z = hash.wrapping_add((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut keyed: Vec<_> = values.into_iter().zip(0_u64..).map(|(value, i)| ((random(i), i), value)).collect();
    keyed.sort_by_key(|&(key, _)| key);
    keyed.into_iter().map(|(_, value)| value).collect()
}

/// Shell pattern: `*` any run, `?` any character, `[abc]`, `[a-z]`, `[!abc]` one character. Linear backtracking.
fn glob_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n, mut retry) = (0, 0, None);
    loop {
        if pattern.get(p) == Some(&'*') {
            p += 1;
            retry = Some((p, n));
            continue;
        }
        if n == name.len() && p == pattern.len() {
            return true;
        }
        let step = (n < name.len()).then(|| one_matches(&pattern[p..], name[n])).flatten();
        match (step, retry) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, Some((star, from))) if from < name.len() => {
                (p, n, retry) = (star, from + 1, Some((star, from + 1)));
            }
            _ => return false,
        }
    }
}

/// Length of the pattern item that matches `c`.
fn one_matches(pattern: &[char], c: char) -> Option<usize> {
    match *pattern.first()? {
        '?' => Some(1),
        '[' if let Some(close) = pattern.iter().skip(2).position(|&p| p == ']') => {
            let (negated, set) = match &pattern[1..close + 2] {
                ['!', set @ ..] if !set.is_empty() => (true, set),
                set => (false, set),
            };
            let mut found = false;
            let mut i = 0;
            while i < set.len() {
                if i + 2 < set.len() && set[i + 1] == '-' {
                    found |= (set[i]..=set[i + 2]).contains(&c);
                    i += 3;
                } else {
                    found |= set[i] == c;
                    i += 1;
                }
            }
            (found != negated).then_some(close + 3)
        }
        literal => (literal == c).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parser::parse_overrides;
    use super::*;

    fn models(_: &str) -> Vec<String> {
        ["ease", "ials", "item_knn", "lightgcn"].map(String::from).to_vec()
    }

    #[track_caller]
    fn check(override_text: &str, expected: &str) {
        let parsed = parse_overrides(&[override_text]).unwrap();
        let values = parsed[0].sweep_values(&models).map_err(|e| e.message).unwrap();
        assert_eq!(values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), expected, "{override_text}");
    }

    #[track_caller]
    fn check_error(override_text: &str, part: &str) {
        let parsed = parse_overrides(&[override_text]).unwrap();
        let error = parsed[0].sweep_values(&models).unwrap_err().to_string();
        assert!(error.contains(part), "{override_text}: {error}");
    }

    #[test]
    fn values_in_order() {
        check("a=1,2,x", "1 2 x");
        check("a=range(5)", "0 1 2 3 4");
        check("a=range(1,9,3)", "1 4 7");
        check("a=range(5,0,-2)", "5 3 1");
        check("a=range(0,0.5,0.1)", "0.0 0.1 0.2 0.3 0.4");
        check("a=range(1e-4,3e-4,1e-4)", "0.0001 0.0002");
        check("a=sort(range(10,1,-2))", "2 4 6 8 10");
        check("a=sort(range(1,10,2),reverse=true)", "9 7 5 3 1");
        check("a=sort(3,1,2)", "1 2 3");
        check("model=glob(i*)", "ials item_knn");
        check("model=glob(*,exclude=[i*,lightgc?])", "ease");
        check("model=glob('[ei]a*')", "ease ials");
        check("a=5", "5");
    }

    #[test]
    fn endless_sweeps_are_refused() {
        check_error("a=interval(0,1)", "choice(...)");
        check_error("a=range(1000000000)", "more than 100000");
        check_error("a=range(0,1,-1)", "leads away");
        check_error("a=range(0,1e300,1e-300)", "38 decimal digits");
        check_error("model=glob(z*)", "the options: ease, ials");
    }

    #[test]
    fn shuffle_is_a_fixed_permutation() {
        let parsed = parse_overrides(&["a=shuffle(range(50))"]).unwrap();
        let once = parsed[0].sweep_values(&models).unwrap();
        assert_eq!(once, parsed[0].sweep_values(&models).unwrap());
        assert_ne!(once, (0..50).map(Element::Int).collect::<Vec<_>>());
        let mut sorted: Vec<_> =
            once.iter().filter_map(|e| if let Element::Int(i) = e { Some(*i) } else { None }).collect();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn jobs_are_the_product_in_override_order() {
        let overrides = parse_overrides(&["model=ease,ials", "seed=1,2", "x='[1]','[2,3]'", "y=0"]).unwrap();
        let jobs = jobs(&overrides, &models).unwrap();
        let texts: Vec<Vec<&str>> = jobs.iter().map(|job| job.iter().map(|o| o.text.as_str()).collect()).collect();
        assert_eq!(texts.len(), 8);
        assert_eq!(texts[0], ["model=ease", "seed=1", "x=\\[1\\]", "y=0"]);
        assert_eq!(texts[1], ["model=ease", "seed=1", "x=\\[2\\,3\\]", "y=0"]);
        assert_eq!(texts[7], ["model=ials", "seed=2", "x=\\[2\\,3\\]", "y=0"]);
        let many = parse_overrides(&["a=range(1000)", "b=range(1000)"]).unwrap();
        assert!(super::jobs(&many, &models).unwrap_err().message.contains("jobs"));
    }

    #[test]
    fn globs() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("[!a]x", "bx", true),
            ("[!a]x", "ax", false),
            ("[a-c]", "b", true),
            ("[", "[", true),
            ("a", "ab", false),
        ] {
            assert_eq!(glob_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
