//! Feasibility: numbers of one table bind each other; a row that breaks these bounds was not measured as it says.
//!
//! Where every list has exactly one relevant item, with rank r: hit = [r ≤ k], precision = hit / k, recall = hit,
//! F1 = 2 hit / (k + 1), AP = RR = hit / r and NDCG = hit / log2(r + 1). A mean over users is a mixture of those points, so
//! (MAP, NDCG) divided by HR lies in the convex hull of `(1/r, 1/log2(r + 1))`, r = 1 … k; and what a longer cut-off adds is
//! a mixture of the ranks between. A printed number stands for all that round to it.

mod overall;

use crate::evaluate::Evaluation;

pub use self::overall::{Overall, check_overall};

/// How many relevant items each list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Positives {
    /// Exactly one, as in leave-one-out: all of the bounds above.
    #[default]
    One,
    /// Any number: few bounds are left.
    Many,
}

/// A number as printed, and how far the measured one may be from it: half a unit of the last digit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Printed {
    /// The number, as a share.
    pub value: f64,
    /// How far off it may be.
    pub within: f64,
}

/// What a row says at one cut-off.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AtCutoff {
    /// The cut-off.
    pub k: usize,
    /// Hit rate.
    pub hr: Option<Printed>,
    /// Precision.
    pub precision: Option<Printed>,
    /// Recall.
    pub recall: Option<Printed>,
    /// F1.
    pub f1: Option<Printed>,
    /// NDCG.
    pub ndcg: Option<Printed>,
    /// MAP.
    pub map: Option<Printed>,
    /// MRR, cut at k.
    pub mrr: Option<Printed>,
}

/// How wrong a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Two numbers that are one by definition differ: another definition, another run, or a slip.
    AtOdds,
    /// No ranking has these numbers.
    Impossible,
}

/// One bound that a row breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How wrong that is.
    pub verdict: Verdict,
    /// What is said and what would be possible.
    pub text: String,
}

/// All numbers from the first to the second.
type Span = (f64, f64);

impl Printed {
    fn span(self) -> Span {
        (self.value - self.within, self.value + self.within)
    }

    fn times(self, factor: f64) -> Self {
        Self { value: self.value * factor, within: self.within * factor }
    }
}

impl AtCutoff {
    /// What an evaluation says at cut-off `k`, to within `within`.
    pub fn of(evaluation: &Evaluation, k: usize, within: f64) -> Self {
        let value = |name: &str| {
            let mut at_k = evaluation.metrics.iter().filter(|m| m.spec.cutoff == Some(k));
            at_k.find(|m| m.spec.metric.name == name).map(|m| Printed { value: m.value, within })
        };
        Self {
            k,
            hr: value("hr"),
            precision: value("precision"),
            recall: value("recall"),
            f1: value("f1"),
            ndcg: value("ndcg"),
            map: value("map"),
            mrr: value("mrr"),
        }
    }

    fn named(&self) -> [(&'static str, Option<Printed>); 7] {
        [
            ("HR", self.hr),
            ("precision", self.precision),
            ("recall", self.recall),
            ("F1", self.f1),
            ("NDCG", self.ndcg),
            ("MAP", self.map),
            ("MRR", self.mrr),
        ]
    }

    /// With one relevant item a list, what is the hit rate times a constant: the first that is printed is believed.
    fn hit_rates(&self) -> impl Iterator<Item = (&'static str, Printed, f64)> {
        let k = self.k as f64;
        let factors = [1.0, 1.0, 1.0 / k, 2.0 / (k + 1.0)];
        let named = [("HR", self.hr), ("recall", self.recall), ("precision", self.precision), ("F1", self.f1)];
        named.into_iter().zip(factors).filter_map(|((name, value), factor)| Some((name, value?, factor)))
    }
}

impl AtCutoff {
    /// With one relevant item a list, the hit rate by whatever is printed first that tells it.
    fn hit_rate(&self) -> Option<Span> {
        self.hit_rates().next().map(|(_, value, factor)| value.times(1.0 / factor).span())
    }
}

/// Every bound that a row breaks; `row` holds its numbers by cut-off. `percent`: how numbers are told.
pub fn check_row(row: &[AtCutoff], positives: Positives, percent: bool) -> Vec<Finding> {
    let mut row = row.to_vec();
    row.sort_by_key(|at| at.k);
    let mut found = Told { percent, findings: Vec::new() };
    // What is no share bounds nothing else.
    row.retain(|at| {
        let shares = at.named().into_iter().filter_map(|(name, value)| Some((name, value?)));
        shares.fold(true, |all, (name, value)| {
            !found.outside(&format!("{name}@{}", at.k), value.span(), (0.0, 1.0), "everything") && all
        })
    });
    for at in &row {
        match positives {
            Positives::One => one(at, &mut found),
            Positives::Many => many(at, &mut found),
        }
    }
    for (n, longer) in row.iter().enumerate() {
        for shorter in row[..n].iter().filter(|shorter| shorter.k < longer.k) {
            grows(shorter, longer, positives, &mut found);
        }
    }
    if positives == Positives::One && found.findings.is_empty() {
        across(&row, &mut found);
    }
    found.findings
}

/// What hit rates at several cut-offs leave of gain and reciprocal rank: the hits between two cut-offs come at the ranks between, and
/// all of them are hits of any longer list.
fn across(row: &[AtCutoff], found: &mut Told) {
    for at in row {
        let rates: Vec<(usize, Span)> =
            row.iter().filter(|other| other.k <= at.k).filter_map(|other| Some((other.k, other.hit_rate()?))).collect();
        let longer = row.iter().filter(|other| other.k > at.k).find_map(|other| Some((other.k, other.hit_rate()?.1)));
        let last = rates.last().map_or(0, |&(k, _)| k);
        let beyond = longer.filter(|_| last < at.k);
        if beyond.is_none() && (rates.is_empty() || (rates.len() == 1 && last == at.k)) {
            continue;
        }
        let most = beyond.map_or(1.0, |(_, rate)| rate.min(1.0));
        let gain: fn(usize) -> f64 = |rank| point(rank).1;
        let reciprocal: fn(usize) -> f64 = |rank| point(rank).0;
        let known = |of: fn(usize) -> f64| {
            // Sums over the hits of each stretch, by parts: as late as can be, and as early.
            let (mut low, mut high) = (0.0, if last < at.k { most * of(last + 1) } else { 0.0 });
            for (n, &(k, rate)) in rates.iter().enumerate() {
                let next = rates.get(n + 1).map(|&(k, _)| k);
                low += rate.0.max(0.0) * (of(k) - next.map_or(0.0, of));
                let first = n.checked_sub(1).map_or(1, |n| rates[n].0 + 1);
                let after = if next.is_some() || last < at.k { of(k + 1) } else { 0.0 };
                high += rate.1.min(1.0) * (of(first) - after);
            }
            (low, high)
        };
        let told: Vec<String> =
            rates.iter().map(|&(k, _)| k).chain(beyond.map(|(k, _)| k)).map(|k| format!("@{k}")).collect();
        let by = match told.as_slice() {
            [one] => format!("the hit rate {one}"),
            several => format!("the hit rates {} together", several.join(", ")),
        };
        for (name, value, of) in [("NDCG", at.ndcg, gain), ("MAP", at.map, reciprocal), ("MRR", at.mrr, reciprocal)] {
            if let Some(value) = value {
                found.outside(&format!("{name}@{}", at.k), value.span(), known(of), &by);
            }
        }
    }
}

/// The bounds of one cut-off where each list has one relevant item.
fn one(at: &AtCutoff, found: &mut Told) {
    let k = at.k;
    let mut rates = at.hit_rates();
    let believed = rates.next();
    let hr = at.hit_rate();
    for (name, value, factor) in rates {
        let Some((known, of, of_factor)) = believed else { break };
        let (low, high) = of.times(factor / of_factor).span();
        if apart(value.span(), (low, high)) {
            let (value, of, expected) = (found.number(value.value), found.number(of.value), found.span((low, high)));
            found.at_odds(format!("{name}@{k} = {value}, but {known}@{k} = {of} makes it {expected}"));
        }
    }
    if let (Some(map), Some(mrr)) = (at.map, at.mrr)
        && apart(map.span(), mrr.span())
    {
        let (map, mrr) = (found.number(map.value), found.number(mrr.value));
        found.at_odds(format!("MRR@{k} = {mrr}, but MAP@{k} = {map} is the same number"));
    }
    let (map_name, map) = if at.map.is_some() { ("MAP", at.map) } else { ("MRR", at.mrr) };
    let map = map.map(Printed::span);
    let by = |hr: Span, found: &Told| {
        let (name, value, _) = believed.unwrap_or(("HR", Printed { value: hr.0, within: 0.0 }, 1.0));
        format!("{name}@{k} = {}", found.number(value.value))
    };
    // A mean reciprocal rank that no hit rate allows tells nothing of the gain.
    let mut told_of_map = false;
    if let (Some(hr), Some(map)) = (hr, map) {
        let allowed = (hr.0 / k as f64, hr.1);
        told_of_map = found.outside(&format!("{map_name}@{k}"), map, allowed, &by(hr, found));
    }
    let Some(ndcg) = at.ndcg.map(Printed::span) else { return };
    let told = |map: Span, found: &Told| format!("{map_name}@{k} = {}", found.number(f64::midpoint(map.0, map.1)));
    let (allowed, by) = match (hr, map.filter(|_| !told_of_map)) {
        (Some(hr), Some(map)) => {
            ((least(k, hr.0, map.0), most(k, hr.1, map.1)), format!("{} and {}", by(hr, found), told(map, found)))
        }
        (Some(hr), None) => ((hr.0 * point(k).1, hr.1), by(hr, found)),
        (None, Some(map)) => ((map.0, most(k, (k as f64 * map.1).min(1.0), map.1)), told(map, found)),
        (None, None) => return,
    };
    found.outside(&format!("NDCG@{k}"), ndcg, allowed, &by);
}

/// What is left of the bounds of one cut-off where lists have any number of relevant items.
fn many(at: &AtCutoff, found: &mut Told) {
    let k = at.k as f64;
    let mut at_most = |low: &str, of_low: Option<Span>, high: &str, of_high: Option<Span>| {
        if let (Some(of_low), Some(of_high)) = (of_low, of_high)
            && of_low.0 > of_high.1 + ROUNDING
        {
            let (value, most) = (found.number(of_low.0), found.number(of_high.1));
            found.impossible(format!("{low} ≥ {value} is more than {high} ≤ {most}"));
        }
    };
    let name = |metric: &str| format!("{metric}@{}", at.k);
    let span = |value: Option<Printed>, factor: f64| value.map(|value| value.times(factor).span());
    let hr = span(at.hr, 1.0);
    let below = [
        ("precision", at.precision),
        ("recall", at.recall),
        ("F1", at.f1),
        ("NDCG", at.ndcg),
        ("MAP", at.map),
        ("MRR", at.mrr),
    ];
    for (metric, value) in below {
        at_most(&name(metric), span(value, 1.0), &name("HR"), hr);
    }
    at_most(&name("HR"), hr, &format!("{k} · {}", name("precision")), span(at.precision, k));
    at_most(&name("HR"), hr, &format!("{k} · {}", name("MRR")), span(at.mrr, k));
    let f1 = span(at.f1, 1.0);
    if let (Some(precision), Some(recall)) = (span(at.precision, 1.0), span(at.recall, 1.0)) {
        // The harmonic mean is concave: in the mean over lists it is at most that of the means (Jensen), and rises with both.
        let of_means = |p: f64, r: f64| if p + r > 0.0 { 2.0 * p * r / (p + r) } else { 0.0 };
        let most = (0.0, of_means(precision.1, recall.1));
        at_most(
            &name("F1"),
            f1,
            &format!("the harmonic mean of {} and {}", name("precision"), name("recall")),
            Some(most),
        );
    } else {
        at_most(&name("F1"), f1, &format!("2 · {}", name("precision")), span(at.precision, 2.0));
        at_most(&name("F1"), f1, &format!("2 · {}", name("recall")), span(at.recall, 2.0));
    }
}

/// What a longer cut-off adds.
fn grows(shorter: &AtCutoff, longer: &AtCutoff, positives: Positives, found: &mut Told) {
    let (short, long) = (shorter.k, longer.k);
    let only_one = positives == Positives::One;
    for ((name, before), (_, after)) in shorter.named().into_iter().zip(longer.named()) {
        let (Some(before), Some(after)) = (before, after) else { continue };
        // Precision may fall, but not the number of hits; gain and AP of many may, for more is asked for.
        let (before, after) = match name {
            "precision" => (before.times(short as f64), after.times(long as f64)),
            "F1" => continue,
            "NDCG" | "MAP" if !only_one => continue,
            _ => (before, after),
        };
        if before.span().0 > after.span().1 + ROUNDING {
            let times = if name == "precision" { "k · " } else { "" };
            let (before, after) = (found.number(before.value), found.number(after.value));
            found.impossible(format!("{times}{name}@{short} = {before} is more than {times}{name}@{long} = {after}"));
        }
    }
    if !only_one {
        return;
    }
    let (Some(before), Some(after)) = (shorter.hit_rate(), longer.hit_rate()) else { return };
    let hits = added(before, after);
    let reciprocal = |at: &AtCutoff| at.map.or(at.mrr);
    let both = [
        ("NDCG", shorter.ndcg.zip(longer.ndcg), (point(long).1, point(short + 1).1)),
        ("MAP", reciprocal(shorter).zip(reciprocal(longer)), (point(long).0, point(short + 1).0)),
    ];
    for (name, values, (least, most)) in both {
        let Some((before, after)) = values else { continue };
        let gained = added(before.span(), after.span());
        let allowed = (hits.0 * least, hits.1 * most);
        if apart(gained, allowed) {
            let (gained, allowed) = (found.span(gained), found.span(allowed));
            found.impossible(format!(
                "from @{short} to @{long} {name} grows by {gained}; the hits that come at ranks {} to {long} allow {allowed}",
                short + 1
            ));
        }
    }
}

/// By how much a number that never falls grows.
fn added(before: Span, after: Span) -> Span {
    ((after.0 - before.1).max(0.0), (after.1 - before.0).max(0.0))
}

/// What arithmetic may lose.
const ROUNDING: f64 = 1e-12;

fn apart(a: Span, b: Span) -> bool {
    a.0 > b.1 + ROUNDING || b.0 > a.1 + ROUNDING
}

struct Told {
    percent: bool,
    findings: Vec<Finding>,
}

impl Told {
    /// Notes that a number is outside of what `by` allows; returns whether it is.
    fn outside(&mut self, name: &str, value: Span, allowed: Span, by: &str) -> bool {
        let outside = apart(value, allowed);
        if outside {
            let value = self.number(f64::midpoint(value.0, value.1));
            let allowed = self.span(allowed);
            self.impossible(format!("{name} = {value} is outside {allowed}, which is all that {by} allows"));
        }
        outside
    }

    fn impossible(&mut self, text: String) {
        self.findings.push(Finding { verdict: Verdict::Impossible, text });
    }

    fn at_odds(&mut self, text: String) {
        self.findings.push(Finding { verdict: Verdict::AtOdds, text });
    }

    fn span(&self, (low, high): Span) -> String {
        let (low, high) = (self.number(low), self.number(high));
        if low == high { low } else { format!("{low} to {high}") }
    }

    fn number(&self, value: f64) -> String {
        if self.percent { format!("{:.3} %", 100.0 * value) } else { format!("{value:.5}") }
    }
}

/// Reciprocal rank and gain of a hit at rank `r`.
fn point(r: usize) -> (f64, f64) {
    (1.0 / r as f64, 1.0 / (r as f64 + 1.0).log2())
}

fn between(left: (f64, f64), right: (f64, f64), x: f64) -> f64 {
    left.1 + (right.1 - left.1) * (x - left.0) / (right.0 - left.0)
}

/// The least gain of lists with this hit rate and mean reciprocal rank: hits at ranks 1 and k alone, because the gain is
/// concave in 1/r. Rises with both.
fn least(k: usize, hr: f64, map: f64) -> f64 {
    if k < 2 || hr <= 0.0 {
        return hr.max(0.0);
    }
    hr * between(point(k), point(1), (map / hr).clamp(1.0 / k as f64, 1.0))
}

/// The most gain: hits at two neighbouring ranks. Rises with both.
fn most(k: usize, hr: f64, map: f64) -> f64 {
    if k < 2 || hr <= 0.0 {
        return hr.max(0.0);
    }
    let x = (map / hr).clamp(1.0 / k as f64, 1.0);
    let r = (1..k).find(|r| point(r + 1).0 <= x).unwrap_or(k - 1);
    hr * between(point(r + 1), point(r), x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact row of lists whose positive has these ranks, rounded to `digits`.
    fn row(k: usize, ranks: &[usize], digits: i32) -> AtCutoff {
        let unit = 10_f64.powi(-digits);
        let mean = |of: &dyn Fn(usize) -> f64| {
            let within = ranks.iter().filter(|r| **r <= k).map(|r| of(*r));
            let mean = within.sum::<f64>() / ranks.len() as f64;
            Some(Printed { value: (mean / unit).round() * unit, within: unit / 2.0 })
        };
        let k_f = k as f64;
        AtCutoff {
            k,
            hr: mean(&|_| 1.0),
            precision: mean(&|_| 1.0 / k_f),
            recall: mean(&|_| 1.0),
            f1: mean(&|_| 2.0 / (k_f + 1.0)),
            ndcg: mean(&|r| point(r).1),
            map: mean(&|r| point(r).0),
            mrr: mean(&|r| point(r).0),
        }
    }

    /// Leaves some of a row's columns.
    fn some(at: AtCutoff, columns: u8) -> AtCutoff {
        let kept = |n: u8, value: Option<Printed>| value.filter(|_| columns & (1 << n) != 0);
        AtCutoff {
            k: at.k,
            hr: kept(0, at.hr),
            precision: kept(1, at.precision),
            recall: kept(2, at.recall),
            f1: kept(3, at.f1),
            ndcg: kept(4, at.ndcg),
            map: kept(5, at.map),
            mrr: kept(6, at.mrr),
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

        /// Whatever was measured passes, however it is rounded and whichever columns and cut-offs are printed.
        #[test]
        fn what_can_be_measured_is_feasible(
            ranks in proptest::collection::vec(1_usize..40, 1..50),
            cutoffs in proptest::collection::vec((1_usize..25, proptest::prelude::any::<u8>()), 1..4),
            digits in 1..9_i32,
        ) {
            let table: Vec<AtCutoff> = cutoffs.iter().map(|&(k, columns)| some(row(k, &ranks, digits), columns)).collect();
            for positives in [Positives::One, Positives::Many] {
                let found = check_row(&table, positives, false);
                proptest::prop_assert!(found.is_empty(), "{:?}", found);
            }
        }
    }

    #[test]
    fn what_cannot_be_measured_is_named() {
        let honest = row(10, &[1, 3, 12, 7], 4);
        let printed = |value: f64| Some(Printed { value, within: 5e-5 });
        #[track_caller]
        fn check(table: &[AtCutoff], verdict: Verdict, words: &str) {
            let found = check_row(table, Positives::One, false);
            let told = found.iter().find(|finding| finding.text.contains(words));
            assert_eq!(told.map(|finding| finding.verdict), Some(verdict), "{words:?} in {found:?}");
        }
        use Verdict::{AtOdds, Impossible};
        check(
            &[AtCutoff { precision: printed(0.2), ..honest }],
            AtOdds,
            "precision@10 = 0.20000, but HR@10 = 0.75000 makes it 0.07",
        );
        check(&[AtCutoff { f1: printed(0.2), ..honest }], AtOdds, "F1@10 = 0.20000, but HR@10");
        check(&[AtCutoff { mrr: printed(0.2), ..honest }], AtOdds, "is the same number");
        check(&[AtCutoff { ndcg: printed(0.9), ..honest }], Impossible, "NDCG@10 = 0.90000 is outside");
        check(&[AtCutoff { ndcg: printed(0.3), ..honest }], Impossible, "HR@10 = 0.75000 and MAP@10 = 0.36900");
        check(
            &[AtCutoff { map: printed(1.2), ..honest }],
            Impossible,
            "MAP@10 = 1.20000 is outside 0.00000 to 1.00000",
        );
        check(
            &[AtCutoff { map: printed(0.01), ..honest }],
            Impossible,
            "MAP@10 = 0.01000 is outside 0.07500 to 0.75005",
        );
        // MAP worst-case over ties with NDCG by expectation: too far apart.
        check(&[AtCutoff { map: printed(0.1), mrr: None, ..honest }], Impossible, "NDCG@10");
        let only = |ndcg, map| AtCutoff { k: 10, ndcg: printed(ndcg), map: printed(map), ..AtCutoff::default() };
        check(&[only(0.3, 0.4)], Impossible, "NDCG@10 = 0.30000 is outside 0.39995 to");
        let hits = |k, hr, ndcg| AtCutoff { k, hr: printed(hr), ndcg: printed(ndcg), ..AtCutoff::default() };
        let longer = |k, hr| AtCutoff { k, hr: printed(hr), ..AtCutoff::default() };
        check(
            &[only(0.3, 0.2), longer(20, 0.1)],
            Impossible,
            "NDCG@10 = 0.30000 is outside 0.00000 to 0.10005, which is all that the hit rate @20 allows",
        );
        let mrr = AtCutoff { k: 5, mrr: printed(0.3), ..AtCutoff::default() };
        check(&[mrr, longer(10, 0.1)], Impossible, "MRR@5 = 0.30000 is outside 0.00000 to 0.10005");
        assert_eq!(check_row(&[mrr, longer(10, 0.3)], Positives::One, false), []);
        check(
            &[longer(5, 0.2), only(0.25, 0.15), longer(20, 0.21)],
            Impossible,
            "that the hit rates @5, @20 together allow",
        );
        check(&[hits(5, 0.5, 0.3), hits(10, 0.4, 0.2)], Impossible, "HR@5 = 0.50000 is more than HR@10 = 0.40000");
        check(
            &[hits(5, 0.3, 0.2), hits(10, 0.4, 0.3)],
            Impossible,
            "NDCG grows by 0.09990 to 0.10010; the hits that come at ranks 6 to 10",
        );
    }

    #[test]
    fn lists_with_many_relevant_items_are_bound_less() {
        let printed = |value: f64| Some(Printed { value, within: 5e-5 });
        let at =
            AtCutoff { k: 10, hr: printed(0.8), precision: printed(0.3), recall: printed(0.2), ..AtCutoff::default() };
        let found = |at: AtCutoff| check_row(&[at], Positives::Many, true);
        assert_eq!(found(at), []);
        assert!(
            found(AtCutoff { precision: printed(0.07), ..at })[0]
                .text
                .contains("HR@10 ≥ 79.995 % is more than 10 · precision@10")
        );
        assert!(found(AtCutoff { recall: printed(0.9), ..at })[0].text.contains("recall@10"));
    }

    #[test]
    fn f1_is_at_most_the_harmonic_mean_of_the_means() {
        let printed = |value: f64| Some(Printed { value, within: 5e-3 });
        let found = |precision: f64, recall: f64, f1: f64| {
            let [precision, recall, f1] = [precision, recall, f1].map(printed);
            check_row(&[AtCutoff { k: 10, precision, recall, f1, ..AtCutoff::default() }], Positives::Many, false)
        };
        assert_eq!((found(0.2, 0.3, 0.24), found(0.2, 0.3, 0.02), found(0.0, 0.0, 0.0)), (vec![], vec![], vec![]));
        for (precision, recall, f1) in [(0.2, 0.3, 0.4), (0.5, 0.5, 0.9), (0.2, 0.8, 0.34)] {
            let found = found(precision, recall, f1);
            let told = "is more than the harmonic mean of precision@10 and recall@10 ≤ ";
            assert!(found.len() == 1 && found[0].text.contains(told), "{found:?}");
        }
    }

    #[test]
    fn what_is_no_share_bounds_nothing_else() {
        let printed = |value: f64| Some(Printed { value, within: 5e-3 });
        let at = AtCutoff { k: 10, hr: printed(-0.2), ndcg: printed(0.1), map: printed(0.1), ..AtCutoff::default() };
        for positives in [Positives::One, Positives::Many] {
            let told: Vec<String> = check_row(&[at], positives, false).into_iter().map(|found| found.text).collect();
            assert_eq!(told, ["HR@10 = -0.20000 is outside 0.00000 to 1.00000, which is all that everything allows"]);
        }
    }
}
