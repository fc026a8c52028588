//! Numbers as dots on a line, with their intervals.

use std::fmt::Write as _;

use super::figure::{COLUMN, Picture, tip};
use super::scale::Scale;
use super::text::{clipped, escape};

/// One dot.
#[derive(Debug)]
pub(super) struct Dot {
    pub(super) name: String,
    /// None where there is no such number; `text` says so.
    pub(super) value: Option<f64>,
    pub(super) interval: Option<(f64, f64)>,
    /// Written on the right.
    pub(super) text: String,
    /// Class of its colour.
    pub(super) class: String,
}

/// A scale from the left and right end of the dots.
pub(super) type ScaleOf<'a> = dyn Fn((f64, f64)) -> Scale + 'a;

/// Rows of dots; `zero` draws the line that means nothing.
pub(super) fn dots(rows: &[Dot], scale: &ScaleOf<'_>, axis: &str, zero: Option<f64>) -> Picture {
    const STEP: f64 = 24.0;
    let longest = |of: &dyn Fn(&Dot) -> usize, most: usize| rows.iter().map(of).max().unwrap_or(0).min(most) as f64;
    let left = longest(&|dot| dot.name.chars().count(), 22) * 7.0 + 14.0;
    let right = COLUMN - longest(&|dot| dot.text.chars().count(), 24) * 7.0 - 12.0;
    let x = scale((left, right));
    let bottom = rows.len() as f64 * STEP + 4.0;
    let mut body = String::new();
    for (label, place) in x.labels_across() {
        let _ = write!(
            body,
            "<path class=\"grid\" d=\"M{place:.1} 2V{bottom:.1}\"/>\
             <text class=\"tick mid\" x=\"{place:.1}\" y=\"{:.1}\">{}</text>",
            bottom + 14.0,
            escape(&label)
        );
    }
    if let Some(zero) = zero {
        let _ = write!(body, "<path class=\"base\" d=\"M{0:.1} 2V{bottom:.1}\"/>", x.at(zero));
    }
    for (n, dot) in rows.iter().enumerate() {
        let y = n as f64 * STEP + STEP / 2.0 + 2.0;
        let _ = write!(
            body,
            "<g><rect class=\"row\" y=\"{:.1}\" width=\"{COLUMN}\" height=\"{STEP}\"/>\
             <text class=\"name end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            y - STEP / 2.0,
            left - 10.0,
            y + 4.0,
            escape(&clipped(&dot.name, 22))
        );
        if let Some((low, high)) = dot.interval {
            let _ = write!(
                body,
                "<path class=\"whisker {}\" d=\"M{:.1} {y:.1}H{:.1}\"/>",
                dot.class,
                x.at(low),
                x.at(high)
            );
        }
        if let Some(value) = dot.value {
            let _ =
                write!(body, "<circle class=\"dot {}\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>", dot.class, x.at(value));
        }
        let _ = write!(
            body,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{}</text>{}</g>",
            right + 10.0,
            y + 4.0,
            escape(&clipped(&dot.text, 24)),
            tip(&format!("{}: {}", dot.name, dot.text))
        );
    }
    let _ = write!(
        body,
        "<text class=\"axis mid\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        f64::midpoint(left, right),
        bottom + 30.0,
        escape(axis)
    );
    Picture { width: COLUMN, height: bottom + 36.0, body }
}
