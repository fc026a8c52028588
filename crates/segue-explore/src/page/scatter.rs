//! Named points by two numbers.

use std::fmt::Write as _;

use super::figure::{Frame, Picture, colour, tip};
use super::scale::Scale;
use super::text::{clipped, escape};

/// One point.
#[derive(Debug)]
pub(super) struct Point {
    /// Whose colour it has.
    pub(super) group: usize,
    pub(super) name: String,
    pub(super) at: (f64, f64),
    pub(super) tip: String,
}

/// Points with their names beside them; a name that would lie on another is left to the tip.
pub(super) fn scatter(points: &[Point], frame: Frame, (x, y): (&Scale, &Scale), names: (&str, &str)) -> Picture {
    let mut body = frame.draw_y(y, names.1);
    body += &frame.draw_x(x.labels_across(), names.0);
    let mut written: Vec<(f64, f64, f64)> = Vec::new();
    for Point { group, name, at, tip: says } in points {
        let (px, py) = (x.at(at.0), y.at(at.1));
        let class = colour(*group);
        let name = clipped(name, 22);
        let width = name.chars().count() as f64 * 6.4;
        let (side, from) =
            if px + 8.0 + width > frame.right + 8.0 { ("end", px - 8.0 - width) } else { ("start", px + 8.0) };
        let free =
            written.iter().all(|&(other, end, row)| (row - py).abs() > 11.0 || from > end || from + width < other);
        let _ =
            write!(body, "<g data-s=\"{group}\"><circle class=\"dot {class}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"5\"/>");
        if free {
            written.push((from, from + width, py));
            let place = if side == "end" { px - 8.0 } else { px + 8.0 };
            let _ = write!(
                body,
                "<text class=\"note {side}\" x=\"{place:.1}\" y=\"{:.1}\">{}</text>",
                py + 4.0,
                escape(&name)
            );
        }
        let _ = write!(
            body,
            "<circle class=\"touch {class}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"8\">{}</circle></g>",
            tip(says)
        );
    }
    Picture { width: frame.width, height: frame.height, body }
}
