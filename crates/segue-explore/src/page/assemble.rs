//! The sections in their order, with style, script and a policy that lets nothing else in.

use std::fmt::Write as _;

use super::figure::{COLOURS, colour};
use super::palette::Palette;
use super::text::escape;
use super::{across, content, division, overview, quantities};
use crate::describe::Statistics;

/// How every page begins: a file that does not is none of ours.
pub const MARK: &str = "<!doctype html>\n<!-- written by segue explore -->\n";

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// SHA-256 of the script in base64: the only script that the page's own policy lets run, whatever a title smuggles in. The
/// browser test fails where it is out of date, and says the right one.
const SCRIPT_HASH: &str = "Ob3PZZHW8Mdpwprbb7bGjzJCEa/xmq9uyh5XIwNaslA=";

/// One part of the page.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What its numbers mean, or why there are none.
    pub(super) lead: String,
    /// HTML of ours.
    pub(super) cards: Vec<String>,
}

/// Draws everything. The same statistics give the same bytes.
pub fn page(all: &Statistics) -> String {
    let sections = [
        quantities::sizes(all),
        quantities::values(all),
        quantities::spread(all),
        content::genres(all),
        content::over_time(all),
        across::overlap(all),
        across::taste(all),
        division::parts(all),
        division::leakage(all),
        division::preparation(all),
    ];
    let domains: Vec<String> = Palette::of(all).all().into_iter().map(|(_, name)| name).collect();
    Shell {
        mark: MARK,
        title: format!("{}: what is in the data", all.name),
        header: overview::header(all),
        key: if all.domains.len() > 1 { ("Domains", &domains) } else { ("", &[]) },
        first: overview::findings(all),
        sections: &sections,
        footer: "Written by <code>segue explore</code>. The same data give the same page, byte for byte.",
    }
    .html()
}

/// What is around the sections of a page.
pub(super) struct Shell<'a> {
    /// How the file begins.
    pub(super) mark: &'static str,
    pub(super) title: String,
    /// HTML of ours.
    pub(super) header: String,
    /// What the names are of whose colours stand on top, and the names by place.
    pub(super) key: (&'static str, &'a [String]),
    /// The section before all others; HTML of ours.
    pub(super) first: String,
    pub(super) sections: &'a [Section],
    /// HTML of ours.
    pub(super) footer: &'static str,
}

impl Shell<'_> {
    /// The whole file.
    pub(super) fn html(&self) -> String {
        let title = escape(&self.title);
        let mut out = format!(
            "{}<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\">\
             <title>{title}</title><style>{STYLE}</style></head><body>\
             <a class=\"skip\" href=\"#main\">To the numbers</a>",
            self.mark
        );
        out += &self.header;
        out += &bar(self.key, self.sections);
        out.push_str("<main id=\"main\">");
        out += &self.first;
        for section in self.sections {
            let Section { id, title, lead, cards } = section;
            let lead = escape(lead);
            let _ = write!(
                out,
                "<section id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{title}</h2><p class=\"lead\">{lead}</p>"
            );
            if !cards.is_empty() {
                let narrow = |card: &String| !card.contains("card two") && !card.contains("whole\"");
                let class =
                    if matches!(cards.len(), 2 | 4) && cards.iter().all(narrow) { "grid halves" } else { "grid" };
                let _ = write!(out, "<div class=\"{class}\">{}</div>", cards.concat());
            }
            out.push_str("</section>");
        }
        let _ = writeln!(out, "</main><footer><p>{}</p></footer><script>{SCRIPT}</script></body></html>", self.footer);
        out
    }
}

/// Pixels of the bar on a desk.
const DESK: usize = 1180;

/// The bar that stays on top: where to go, and which colour is whose; of many names, folded.
fn bar((what, names): (&str, &[String]), sections: &[Section]) -> String {
    // Beside the links, if the pixels of both are those of a desk; else below them.
    let wide = |text: &str, more: usize| 15 * text.chars().count() / 2 + more;
    let room = sections.iter().map(|section| wide(section.title, 14)).chain(names.iter().map(|name| wide(name, 36)));
    let below = if room.sum::<usize>() > DESK && names.len() <= COLOURS { " tall" } else { "" };
    let mut out = format!("<nav class=\"bar{below}\" aria-label=\"Sections and colours\"><ul class=\"places\">");
    for Section { id, title, .. } in sections {
        let _ = write!(out, "<li><a href=\"#{id}\">{title}</a></li>");
    }
    out.push_str("</ul>");
    let folded = names.len() > COLOURS;
    if folded {
        let _ = write!(out, "<details class=\"fold\"><summary>{} {}</summary>", names.len(), what.to_lowercase());
    }
    if !names.is_empty() {
        let _ = write!(out, "<ul class=\"chips\" aria-label=\"{what}\">");
        for (n, name) in names.iter().enumerate() {
            let class = colour(n);
            let _ = write!(out, "<li class=\"chip {class}\" data-chip=\"{n}\"><span>{}</span></li>", escape(name));
        }
        out.push_str(if folded { "</ul></details>" } else { "</ul>" });
    }
    out.push_str("</nav>");
    out
}

#[cfg(test)]
mod tests {
    use segue_core::OpenedTests;

    use super::*;
    use crate::describe::describe;
    use crate::statistics::example;

    fn drawn(data: &segue_core::Prepared, name: &str) -> String {
        page(&describe(data, name, &example::report(), &mut OpenedTests::default()))
    }

    /// Every section, and within it at least one picture or the word that there is none.
    #[track_caller]
    fn check_sections(html: &str) {
        let sections: Vec<&str> = html.split("<section ").skip(1).collect();
        assert_eq!(sections.len(), 11);
        for section in sections {
            let told = section.contains("<svg") || section.contains("<table") || section.contains("Has none");
            assert!(told || section.starts_with("id=\"findings\""), "{section}");
        }
        assert!(!html.contains("NaN") && !html.contains("inf\""), "a number is none");
    }

    #[test]
    fn every_section_is_there_whatever_the_data_lack() {
        check_sections(&drawn(&example::prepared(), "three people"));
        check_sections(&drawn(&example::films_alone(), "films"));
        check_sections(&drawn(&example::people(0, &[]), "nobody"));
    }

    #[test]
    fn names_beyond_the_colours_are_folded_and_grey() {
        let mut all = describe(&example::prepared(), "x", &example::report(), &mut OpenedTests::default());
        let few = page(&all);
        assert!(
            few.contains("<nav class=\"bar\"")
                && !few.contains("<details class=\"fold\"")
                && !few.contains("In colour")
        );
        let (size, tail) = (all.sizes.domains[0].clone(), all.long_tail[0].clone());
        for n in 0..7 {
            all.domains.push(format!("more{n}"));
            all.sizes.domains.push(crate::statistics::sizes::Size { domain: format!("more{n}"), ..size.clone() });
            all.long_tail.push(crate::statistics::long_tail::LongTail { domain: format!("more{n}"), ..tail.clone() });
        }
        let many = page(&all);
        let (_, folded) = many.split_once("<details class=\"fold\"><summary>9 domains</summary>").unwrap();
        let (folded, _) = folded.split_once("</details>").unwrap();
        let chips: Vec<&str> = folded.split("data-chip=\"").skip(1).filter_map(|chip| chip.split('"').next()).collect();
        assert_eq!(chips, (0..9).map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(folded.matches("chip other").count(), 1);
        assert_eq!(many.matches("</svg>1 other</li>").count(), 3, "the key of each picture of curves");
        assert_eq!(many.matches("class=\"line d0\"").count(), many.matches("class=\"line d7\"").count());
    }

    #[test]
    fn foreign_words_are_escaped() {
        let evil = "</title><script>alert(1)</script>";
        let mut data = example::prepared();
        let domain =
            |d: usize| segue_core::Domain { name: format!("{evil}{d}"), ids: data.catalogue.domains()[d].ids.clone() };
        data.catalogue = segue_core::Catalogue::new(vec![domain(0), domain(1)], |_, _| segue_core::ItemInfo {
            title: Some(evil.into()),
            categories: vec![evil.into()],
        });
        data.split.protocol = evil.into();
        data.split.tasks[0].name = evil.into();
        let mut report = example::report();
        report.steps[0].step = evil.into();
        let html = page(&describe(&data, evil, &report, &mut OpenedTests::default()));
        assert_eq!(html.matches("<script").count(), 1, "ours alone");
        assert!(html.matches("&lt;script&gt;").count() > 10);
    }

    #[test]
    fn one_page_refers_to_nothing_else_and_names_each_id_once() {
        let html = drawn(&example::prepared(), "three people");
        for outside in ["http:", "https:", "src=", "url(", "@import", "<link"] {
            assert!(!html.contains(outside), "{outside}");
        }
        let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), distinct.len());
        for to in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(distinct.contains(to), "#{to} leads nowhere");
        }
    }
}
