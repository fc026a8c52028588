//! Curves of one or more domains.

use std::fmt::Write as _;

use super::figure::{COLOURS, Frame, Picture, colour, tip};
use super::scale::Scale;
use super::text::escape;

/// A pointer finds so many points of a curve.
const POINTS_WITH_TIPS: usize = 40;

/// One curve.
#[derive(Debug)]
pub(super) struct Curve {
    /// That of its colour.
    pub(super) place: usize,
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// Curves in one frame.
pub(super) struct Lines<'a> {
    pub(super) curves: &'a [Curve],
    /// Names of the axes.
    pub(super) x: &'a str,
    pub(super) y: &'a str,
    /// Says what a point means.
    pub(super) point: &'a dyn Fn(f64, f64) -> String,
    /// The line of equality, from corner to corner.
    pub(super) diagonal: bool,
    /// A moment on the x axis with its name.
    pub(super) moment: Option<(f64, &'a str)>,
}

impl Lines<'_> {
    /// Draws them on given scales; ticks of x are those of the scale unless others are given.
    pub(super) fn draw(&self, frame: Frame, (x, y): (&Scale, &Scale), ticks: Option<Vec<(String, f64)>>) -> Picture {
        let mut body = frame.draw_y(y, self.y);
        body += &match ticks {
            Some(ticks) => frame.draw_x(ticks, self.x),
            None => frame.draw_x(x.labels_across(), self.x),
        };
        if self.diagonal {
            let _ = write!(
                body,
                "<path class=\"guide\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/>",
                frame.left, frame.bottom, frame.right, frame.top
            );
        }
        if let Some((at, name)) = self.moment {
            let place = x.at(at);
            let (side, shift) =
                if place > f64::midpoint(frame.left, frame.right) { ("end", -4.0) } else { ("start", 4.0) };
            let _ = write!(
                body,
                "<path class=\"guide\" d=\"M{place:.1} {:.1}V{:.1}\"/>\
                 <text class=\"note {side}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                frame.bottom,
                frame.top,
                place + shift,
                frame.top + 9.0,
                escape(name)
            );
        }
        // What has a colour of its own lies on what is grey.
        let (coloured, grey): (Vec<_>, Vec<_>) = self.curves.iter().partition(|curve| curve.place < COLOURS);
        for curve in grey.into_iter().chain(coloured) {
            let places: Vec<(f64, f64)> = curve.points.iter().map(|&(a, b)| (x.at(a), y.at(b))).collect();
            let mut path = String::new();
            for (n, (px, py)) in places.iter().enumerate() {
                let _ = write!(path, "{}{px:.1} {py:.1}", if n == 0 { 'M' } else { 'L' });
            }
            let class = colour(curve.place);
            let _ = write!(body, "<g data-s=\"{}\"><path class=\"line {class}\" d=\"{path}\"/>", curve.place);
            if let [(px, py)] = places[..] {
                let _ = write!(body, "<circle class=\"dot {class}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3.5\"/>");
            }
            let every = places.len().div_ceil(POINTS_WITH_TIPS).max(1);
            for (&(a, b), (px, py)) in curve.points.iter().zip(&places).step_by(every) {
                let says = tip(&format!("{}: {}", curve.name, (self.point)(a, b)));
                let _ = write!(
                    body,
                    "<circle class=\"touch {class}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"6\">{says}</circle>"
                );
            }
            body.push_str("</g>");
        }
        Picture { width: frame.width, height: frame.height, body }
    }
}
