//! One picture with its title, its words and its numbers as a table.

use std::fmt::Write as _;

use super::scale::Scale;
use super::text::escape;

/// Width of the pictures of one column; two fit a tablet, three a desk.
pub(super) const COLUMN: f64 = 340.0;

/// A table of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Grid {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Grid {
    pub(super) fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    pub(super) fn push<const N: usize>(&mut self, row: [String; N]) {
        self.rows.push(row.into());
    }

    /// Rows as columns.
    pub(super) fn turned(&self) -> Self {
        let row = |n: usize| {
            let column = self.rows.iter().filter_map(|row| row.get(n));
            std::iter::once(&self.header[n]).chain(column).cloned().collect()
        };
        Self { header: row(0), rows: (1..self.header.len()).map(row).collect() }
    }

    /// The table; cells are escaped here.
    pub(super) fn html(&self, name: &str) -> String {
        let mut out = format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>",
            escape(name)
        );
        for (n, name) in self.header.iter().enumerate() {
            // A name stands above its numbers.
            let class = if n > 0 && self.rows.iter().any(|row| row.get(n).is_some_and(|cell| is_number(cell))) {
                " class=\"n\""
            } else {
                ""
            };
            let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escape(name));
        }
        out.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            out.push_str("<tr>");
            for (n, cell) in row.iter().enumerate() {
                let (open, close) = match (n, is_number(cell)) {
                    (0, _) => ("<th scope=\"row\">", "</th>"),
                    (_, true) => ("<td class=\"n\">", "</td>"),
                    (_, false) => ("<td>", "</td>"),
                };
                let _ = write!(out, "{open}{}{close}", escape(cell));
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>");
        out
    }
}

/// True for a cell that is aligned as a number, a missing one included.
fn is_number(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '−' | '–'))
}

/// A picture. `body` is SVG of ours, in which every foreign word is escaped already.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) body: String,
}

/// A card with a picture.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) title: String,
    /// What it shows, in one sentence: read in place of the picture, too.
    pub(super) says: String,
    /// One, or a wide one and a narrow one of the same.
    pub(super) pictures: Vec<Picture>,
    /// Places of the colours it uses with the names of the domains, where there are several.
    pub(super) key: Vec<(usize, String)>,
    pub(super) table: Grid,
}

impl Figure {
    pub(super) fn html(&self, id: &str) -> String {
        let (title, says) = (escape(&self.title), escape(&self.says));
        let wide = if self.pictures.len() > 1 { " whole" } else { "" };
        let mut out = format!("<figure class=\"card{wide}\"><figcaption><h3>{title}</h3><p>{says}</p></figcaption>");
        if self.key.len() > 1 {
            out.push_str("<ul class=\"key\">");
            for (place, name) in &self.key {
                // Several domains are grey.
                let switched = if *place < COLOURS { format!(" data-s=\"{place}\"") } else { String::new() };
                let _ = write!(
                    out,
                    "<li{switched}><svg class=\"swatch\" viewBox=\"0 0 22 8\" aria-hidden=\"true\">\
                     <path class=\"line {}\" d=\"M1 4H21\"/></svg>{}</li>",
                    colour(*place),
                    escape(name)
                );
            }
            out.push_str("</ul>");
        }
        for (n, picture) in self.pictures.iter().enumerate() {
            let class = match (self.pictures.len(), n) {
                (1, _) => "plot",
                (_, 0) => "plot wide",
                _ => "plot narrow",
            };
            let Picture { width, height, body } = picture;
            let _ = write!(
                out,
                "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-{n}t {id}-{n}d\">\
                 <title id=\"{id}-{n}t\">{title}</title><desc id=\"{id}-{n}d\">{says}</desc>{body}</svg>"
            );
        }
        if !self.table.rows.is_empty() {
            let _ = write!(
                out,
                "<details><summary>Numbers</summary>{}</details>",
                self.table.html(&format!("{}: numbers", self.title))
            );
        }
        out.push_str("</figure>");
        out
    }
}

/// How many of the three columns of a desk a card takes; on a phone there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    One,
    Two,
    Whole,
}

/// A card with a table alone.
pub(super) fn table_card(title: &str, says: &str, table: &Grid, wide: Wide) -> String {
    let class = match wide {
        Wide::One => "card",
        Wide::Two => "card two",
        Wide::Whole => "card whole",
    };
    let (shown, table) = (escape(title), if table.rows.is_empty() { String::new() } else { table.html(title) });
    format!("<div class=\"{class}\"><h3>{shown}</h3><p>{}</p>{table}</div>", escape(says))
}

/// How many colours and dashes there are that can be told apart.
pub(super) const COLOURS: usize = 8;

/// The class of the colour and dashes at a place; beyond the last of them all are grey.
pub(super) fn colour(place: usize) -> String {
    if place < COLOURS { format!("d{place}") } else { "other".into() }
}

/// Where the numbers are drawn within a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Frame {
    /// Room for both axes and their names.
    pub(super) fn axes(width: f64, height: f64) -> Self {
        Self { width, height, left: 40.0, right: width - 12.0, top: 26.0, bottom: height - 38.0 }
    }

    pub(super) fn horizontal(&self) -> (f64, f64) {
        (self.left, self.right)
    }

    /// Upwards.
    pub(super) fn vertical(&self) -> (f64, f64) {
        (self.bottom, self.top)
    }

    pub(super) fn draw_y(&self, scale: &Scale, name: &str) -> String {
        let mut out = format!("<text class=\"axis\" x=\"2\" y=\"12\">{}</text>", escape(name));
        for (label, y) in scale.labels() {
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{:.1} {y:.1}H{:.1}\"/>\
                 <text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
                self.left,
                self.right,
                self.left - 6.0,
                y + 4.0
            );
        }
        out
    }

    pub(super) fn draw_x(&self, ticks: impl IntoIterator<Item = (String, f64)>, name: &str) -> String {
        let mut out = format!("<path class=\"base\" d=\"M{:.1} {:.1}H{:.1}\"/>", self.left, self.bottom, self.right);
        for (label, x) in ticks {
            let _ = write!(
                out,
                "<path class=\"base\" d=\"M{x:.1} {:.1}v4\"/><text class=\"tick mid\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                self.bottom,
                self.bottom + 17.0,
                escape(&label)
            );
        }
        let _ = write!(
            out,
            "<text class=\"axis end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            self.right,
            self.height - 4.0,
            escape(name)
        );
        out
    }
}

/// What a pointer over a mark shows.
pub(super) fn tip(text: &str) -> String {
    format!("<title>{}</title>", escape(text))
}
