//! Which domain has which colour.

use std::cmp::Reverse;

use super::figure::{COLOURS, colour};
use crate::describe::Statistics;

/// The places of domains among the colours. Up to as many domains as there are colours have theirs in catalogue order. Of more,
/// those have one that are asked about, then those with the most interactions; the others are grey.
pub(super) struct Palette<'a> {
    names: &'a [String],
    places: Vec<usize>, // by domain
    asked: usize,
}

impl<'a> Palette<'a> {
    pub(super) fn of(all: &'a Statistics) -> Self {
        let names = &all.domains;
        let is_asked = |name: &str| {
            all.sizes.parts.iter().any(|part| part.domain == name && part.part == "test" && part.interactions > 0)
        };
        let size =
            |name: &str| all.sizes.domains.iter().find(|size| size.domain == name).map_or(0, |size| size.interactions);
        let mut order: Vec<usize> = (0..names.len()).collect();
        if names.len() > COLOURS {
            order.sort_by_key(|&d| (!is_asked(&names[d]), Reverse(size(&names[d])), d));
        }
        let mut places = vec![0; names.len()];
        order.into_iter().enumerate().for_each(|(place, d)| places[d] = place);
        Self { names, places, asked: names.iter().filter(|name| is_asked(name)).count() }
    }

    /// The place of a domain, from which [`colour`] makes its class.
    pub(super) fn place(&self, domain: usize) -> usize {
        self.places.get(domain).copied().unwrap_or(COLOURS)
    }

    pub(super) fn colour(&self, domain: usize) -> String {
        colour(self.place(domain))
    }

    /// Every domain with its place, by place.
    pub(super) fn all(&self) -> Vec<(usize, String)> {
        let mut all: Vec<_> = self.places.iter().copied().zip(self.names.iter().cloned()).collect();
        all.sort_unstable();
        all
    }

    /// The key of a picture.
    pub(super) fn key(&self) -> Vec<(usize, String)> {
        let mut key = self.all();
        let others = key.len().saturating_sub(COLOURS);
        key.truncate(COLOURS);
        key.extend(
            (others > 0).then(|| (COLOURS, if others == 1 { "1 other".into() } else { format!("{others} others") })),
        );
        key
    }

    /// What to say of a picture with a line of each domain, where some are grey.
    pub(super) fn says(&self) -> String {
        let others = self.names.len().saturating_sub(COLOURS);
        let which = match self.asked {
            _ if others == 0 => return String::new(),
            0 => format!("the {COLOURS} domains with the most interactions"),
            1 => format!("the domain that is asked about and the {} others with the most interactions", COLOURS - 1),
            n if n < COLOURS => {
                format!(
                    "the {n} domains that are asked about and the {} others with the most interactions",
                    COLOURS - n
                )
            }
            _ => format!("the {COLOURS} domains with the most interactions of those that are asked about"),
        };
        let rest = if others == 1 { "the other one is".into() } else { format!("the other {others} are") };
        format!(" In colour: {which}; {rest} grey, named under the pointer and in the numbers.")
    }
}

#[cfg(test)]
mod tests {
    use segue_core::OpenedTests;

    use super::*;
    use crate::describe::describe;
    use crate::statistics::example;
    use crate::statistics::sizes::Size;

    #[test]
    fn beyond_the_colours_what_is_asked_comes_first_and_then_what_is_large() {
        let mut all = describe(&example::prepared(), "x", &example::report(), &mut OpenedTests::default());
        let few = Palette::of(&all);
        assert_eq!((few.key(), few.says()), (vec![(0, "songs".into()), (1, "films".into())], String::new()));
        let films = all.sizes.domains[1].clone();
        for n in 0..9 {
            all.domains.push(format!("more{n}"));
            all.sizes.domains.push(Size { domain: format!("more{n}"), interactions: 1000 * (n % 5), ..films.clone() });
        }
        let many = Palette::of(&all);
        let names: Vec<String> = many.key().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["films", "more4", "more3", "more8", "more2", "more7", "more1", "more6", "3 others"]);
        assert_eq!(many.all().len(), 11);
        assert_eq!([many.colour(1), many.colour(0)], ["d0", "other"]);
        assert!(many.says().contains("the domain that is asked about and the 7 others"), "{}", many.says());
        assert!(many.says().contains("the other 3 are grey"), "{}", many.says());
    }
}
