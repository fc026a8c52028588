//! Squares of colour, and who is in which sets.

use std::fmt::Write as _;

use super::figure::{COLUMN, Picture, tip};
use super::scale::Scale;
use super::text::{clipped, escape};

/// Squares by row and column.
pub(super) struct Matrix<'a> {
    pub(super) rows: &'a [String],
    pub(super) columns: &'a [String],
    /// In [-1, 1]: the strength of the colour, negative ones in the other colour; none where there is no number.
    pub(super) strength: &'a dyn Fn(usize, usize) -> Option<f64>,
    /// Written into the square, if it is large.
    pub(super) text: &'a dyn Fn(usize, usize) -> String,
    pub(super) tip: &'a dyn Fn(usize, usize) -> String,
}

impl Matrix<'_> {
    pub(super) fn draw(&self) -> Picture {
        let longest =
            |names: &[String]| names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(17) as f64;
        let left = longest(self.rows) * 7.0 + 8.0;
        let side = ((COLUMN - left) / self.columns.len().max(1) as f64).min(90.0);
        let large = side >= 38.0;
        // Upright names where there is no room for lying ones.
        let lying = longest(self.columns) * 7.0 < side;
        let top = if lying { 20.0 } else { longest(self.columns) * 7.0 + 8.0 };
        let height = side.min(44.0);
        let mut body = String::new();
        for (c, name) in self.columns.iter().enumerate() {
            let x = left + (c as f64 + 0.5) * side;
            let name = escape(&clipped(name, 17));
            let _ = if lying {
                write!(body, "<text class=\"name mid\" x=\"{x:.1}\" y=\"13\">{name}</text>")
            } else {
                write!(
                    body,
                    "<text class=\"name\" transform=\"translate({:.1} {:.1}) rotate(-90)\">{name}</text>",
                    x + 4.0,
                    top - 5.0
                )
            };
        }
        for (r, name) in self.rows.iter().enumerate() {
            let y = top + r as f64 * height;
            let _ = write!(
                body,
                "<text class=\"name end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                left - 6.0,
                y + height / 2.0 + 4.0,
                escape(&clipped(name, 17))
            );
            for c in 0..self.columns.len() {
                let x = left + c as f64 * side;
                let strength = (self.strength)(r, c);
                let class = match strength {
                    None => "cell none",
                    Some(s) if s < 0.0 => "cell neg",
                    Some(_) => "cell pos",
                };
                let opacity = strength.unwrap_or_default().abs().min(1.0);
                let _ = write!(
                    body,
                    "<g><rect class=\"cell\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\
                     <rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
                     fill-opacity=\"{opacity:.2}\"/>",
                    side - 1.5,
                    height - 1.5,
                    side - 1.5,
                    height - 1.5,
                );
                if large {
                    let ink = if opacity > 0.6 { "on" } else { "tick" };
                    let _ = write!(
                        body,
                        "<text class=\"{ink} mid\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                        x + side / 2.0 - 0.75,
                        y + height / 2.0 + 4.0,
                        escape(&(self.text)(r, c))
                    );
                }
                body += &tip(&(self.tip)(r, c));
                body.push_str("</g>");
            }
        }
        Picture { width: COLUMN, height: top + self.rows.len() as f64 * height, body }
    }
}

/// One set of sets: which of them, and how many.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) of: Vec<usize>,
    pub(super) count: f64,
    pub(super) text: String,
}

/// Bars of exact combinations above the dots that say which (A. Lex and others, *`UpSet`: visualization of intersecting
/// sets*, IEEE TVCG 20(12), 2014).
pub(super) fn upset(names: &[String], colour: &dyn Fn(usize) -> String, members: &[Members]) -> Picture {
    const ROW: f64 = 22.0;
    const BARS: f64 = 120.0;
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(14) as f64;
    let left = longest * 7.0 + 12.0;
    let step = ((COLUMN - left) / members.len().max(1) as f64).min(44.0);
    let most = members.iter().map(|set| set.count).fold(0.0, f64::max);
    let y = Scale::exact((0.0, most), (BARS, 18.0), 3);
    let dots = BARS + 14.0;
    let mut body = String::new();
    for (n, name) in names.iter().enumerate() {
        let at = dots + n as f64 * ROW;
        let _ = write!(
            body,
            "<rect class=\"stripe{}\" x=\"0\" y=\"{:.1}\" width=\"{COLUMN}\" height=\"{ROW}\"/>\
             <text class=\"name end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            n % 2,
            at - ROW / 2.0 + 4.0,
            left - 10.0,
            at + 8.0,
            escape(&clipped(name, 14))
        );
    }
    for (k, set) in members.iter().enumerate() {
        let x = left + (k as f64 + 0.5) * step;
        let top = y.at(set.count);
        let width = (step * 0.62).min(26.0);
        let one = if let [only] = set.of[..] { colour(only) } else { "many".into() };
        let _ = write!(
            body,
            "<g><rect class=\"bar {one}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"1.5\"/>",
            x - width / 2.0,
            BARS - top
        );
        if step >= 26.0 {
            let _ = write!(
                body,
                "<text class=\"tick mid\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                top - 4.0,
                escape(&set.text)
            );
        }
        let at = |n: usize| dots + n as f64 * ROW + 4.0;
        if let (Some(&first), Some(&last)) = (set.of.first(), set.of.last()) {
            let _ = write!(body, "<path class=\"link\" d=\"M{x:.1} {:.1}V{:.1}\"/>", at(first), at(last));
        }
        for n in 0..names.len() {
            let class = if set.of.contains(&n) { format!("dot {}", colour(n)) } else { "dot off-dot".into() };
            let _ = write!(body, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{:.1}\" r=\"5\"/>", at(n));
        }
        let in_words: Vec<&str> = set.of.iter().map(|&n| names[n].as_str()).collect();
        body += &tip(&format!("{}: {} users", in_words.join(" + "), set.text));
        body.push_str("</g>");
    }
    let _ = write!(body, "<path class=\"base\" d=\"M{left:.1} {BARS}H{COLUMN}\"/>");
    Picture { width: COLUMN, height: dots + names.len() as f64 * ROW, body }
}
