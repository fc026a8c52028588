//! Bars: upright ones of a distribution, lying ones of named things.

use std::fmt::Write as _;

use super::figure::{COLUMN, Frame, Picture, colour, tip};
use super::scale::Scale;
use super::text::{clipped, escape};

/// One upright bar from `low` to `high`.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) value: f64,
    pub(super) tip: String,
}

/// Upright bars over a scale, with marked places.
pub(super) fn histogram(
    columns: &[Column],
    x: (&Scale, &str),
    marks: &[(f64, String)],
    (place, frame): (usize, Frame),
) -> Picture {
    let most = columns.iter().map(|column| column.value).fold(0.0, f64::max);
    let y = Scale::linear((0.0, most), frame.vertical(), 4);
    let mut body = frame.draw_y(&y, "events");
    for column in columns {
        let (left, right) = (x.0.at(column.low), x.0.at(column.high));
        let gap = ((right - left) * 0.12).min(3.0);
        let top = y.at(column.value);
        let _ = write!(
            body,
            "<rect class=\"bar {}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"1.5\">{}</rect>",
            colour(place),
            left + gap / 2.0,
            (right - left - gap).max(0.6),
            (frame.bottom - top).max(0.0),
            tip(&column.tip)
        );
    }
    body += &frame.draw_x(x.0.labels_across(), x.1);
    // The lower mark has its name on the left and the upper one on the right, unless there is no room.
    let wants_left = |n: usize| n == 0 && marks.len() > 1;
    let is_left = |n: usize| {
        let (place, room) = (x.0.at(marks[n].0), marks[n].1.chars().count() as f64 * 6.8 + 6.0);
        if wants_left(n) { place - room > frame.left } else { place + room > frame.right }
    };
    let first_turned = (0..marks.len()).find(|&n| is_left(n) != wants_left(n));
    for (n, (value, name)) in marks.iter().enumerate() {
        let place = x.0.at(*value);
        let (side, shift) = if is_left(n) { ("end", -4.0) } else { ("start", 4.0) };
        // A name on the other side stands above the line of the other mark.
        let y = frame.top - if first_turned.is_none_or(|turned| turned == n) { 14.0 } else { 2.0 };
        let _ = write!(
            body,
            "<path class=\"mark m{n}\" d=\"M{place:.1} {:.1}V{:.1}\"/>\
             <text class=\"note {side}\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
            frame.bottom,
            y - 8.0,
            place + shift,
            escape(name)
        );
    }
    Picture { width: frame.width, height: frame.height, body }
}

/// One lying bar.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) value: f64,
    /// Written beside it.
    pub(super) text: String,
    pub(super) tip: String,
}

/// Lying bars with their names on the left.
pub(super) fn lying(rows: &[Row], place: usize) -> Picture {
    const STEP: f64 = 22.0;
    let names = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).min(19);
    let left = names as f64 * 7.0 + 10.0;
    let texts = rows.iter().map(|row| row.text.chars().count()).max().unwrap_or(0);
    let room = COLUMN - left - texts as f64 * 7.2 - 10.0;
    let most = rows.iter().map(|row| row.value).fold(0.0, f64::max);
    let mut body = String::new();
    for (n, row) in rows.iter().enumerate() {
        let y = n as f64 * STEP + 2.0;
        let width = if most > 0.0 { (row.value / most * room).max(0.8) } else { 0.8 };
        let _ = write!(
            body,
            "<g><rect class=\"row\" y=\"{y:.1}\" width=\"{COLUMN}\" height=\"16\"/>\
             <text class=\"name end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
             <rect class=\"bar {}\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"16\" rx=\"1.5\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{}</text>{}</g>",
            left - 6.0,
            y + 12.5,
            escape(&clipped(&row.name, 19)),
            colour(place),
            left + width + 5.0,
            y + 12.5,
            escape(&row.text),
            tip(&row.tip)
        );
    }
    Picture { width: COLUMN, height: rows.len() as f64 * STEP + 2.0, body }
}

/// One row of shares that make a whole.
#[derive(Debug)]
pub(super) struct Stack {
    /// That of its colour.
    pub(super) place: usize,
    pub(super) name: String,
    /// Name and value of each part.
    pub(super) parts: Vec<(String, f64)>,
}

/// Rows of stacked shares; the parts of a row are told apart by strength of its colour.
pub(super) fn stacked(rows: &[Stack], tip_of: &dyn Fn(&str, f64) -> String) -> Picture {
    const STEP: f64 = 46.0;
    let mut body = String::new();
    for (n, row) in rows.iter().enumerate() {
        let y = n as f64 * STEP;
        let all: f64 = row.parts.iter().map(|part| part.1).sum();
        let _ = write!(
            body,
            "<text class=\"name\" x=\"0\" y=\"{:.1}\">{}</text>",
            y + 12.0,
            escape(&clipped(&row.name, 52))
        );
        let mut x = 0.0;
        for (k, (name, value)) in row.parts.iter().enumerate() {
            let width = if all > 0.0 { value / all * COLUMN } else { 0.0 };
            if width > 0.0 {
                let _ = write!(
                    body,
                    "<rect class=\"bar {} part{k}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"18\">{}</rect>",
                    colour(row.place),
                    y + 18.0,
                    (width - 1.0).max(0.8),
                    tip(&format!("{} {name}: {}", row.name, tip_of(name, *value)))
                );
            }
            x += width;
        }
    }
    Picture { width: COLUMN, height: rows.len() as f64 * STEP - 6.0, body }
}
