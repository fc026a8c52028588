//! Which genres (categories) are there, and how much do people do with them?

use std::collections::BTreeMap;

use segue_core::Signal;
use serde::{Deserialize, Serialize};

use super::percent;
use super::whole::Whole;

/// So many genres of a domain are listed.
const MOST_LISTED: usize = 200;

/// The genres of one domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Genres {
    /// Domain.
    pub domain: String,
    /// Items with an event.
    pub items: usize,
    /// Those of them with a genre. The category that preparation gives to items without one is none.
    pub items_with_genre: usize,
    /// Genres of these items together, divided by these items.
    pub per_item: Option<f64>,
    /// Distinct genres.
    pub n_genres: usize,
    /// The most frequent by events; ties by name.
    pub listed: Vec<Genre>,
}

/// One genre of one domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Genre {
    /// Name.
    pub name: String,
    /// Items with an event.
    pub items: usize,
    /// Events on them; an item of several genres counts in each.
    pub events: usize,
    /// `100 · events / events of the domain`.
    pub percent_of_events: Option<f64>,
    /// `100 · likes / events`.
    pub percent_liked: Option<f64>,
    /// Mean value of the events.
    pub mean_value: Option<f64>,
}

#[derive(Default)]
struct Tally {
    items: usize,
    events: usize,
    likes: usize,
    values: f64,
}

/// `missing` is the category of items without one.
pub(crate) fn genres(whole: &Whole<'_>, missing: Option<&str>) -> Vec<Genres> {
    let n_items = whole.catalogue.n_items();
    let (mut likes, mut values) = (vec![0_usize; n_items], vec![0.0; n_items]);
    for (_, event) in whole.events() {
        likes[event.item as usize] += usize::from(event.signal == Signal::Positive);
        values[event.item as usize] += f64::from(event.value);
    }
    let of_domain = |d: usize| {
        let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
        let (mut items, mut with_genre, mut all, mut given) = (0, 0, 0, 0);
        for item in whole.catalogue.range(d) {
            let events = whole.per_item[item as usize] as usize;
            if events == 0 {
                continue;
            }
            items += 1;
            all += events;
            let before = given;
            let named = whole.catalogue.info(item).categories.iter().map(String::as_str);
            for genre in named.filter(|genre| Some(*genre) != missing) {
                let tally = tallies.entry(genre).or_default();
                tally.items += 1;
                tally.events += events;
                tally.likes += likes[item as usize];
                tally.values += values[item as usize];
                given += 1;
            }
            with_genre += usize::from(given > before);
        }
        let n_genres = tallies.len();
        let mut listed: Vec<Genre> = tallies
            .into_iter()
            .map(|(name, tally)| Genre {
                name: name.to_owned(),
                items: tally.items,
                events: tally.events,
                percent_of_events: percent(tally.events, all),
                percent_liked: percent(tally.likes, tally.events),
                mean_value: (tally.events > 0).then(|| tally.values / tally.events as f64),
            })
            .collect();
        listed.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.name.cmp(&b.name)));
        listed.truncate(MOST_LISTED);
        Genres {
            domain: whole.name(d),
            items,
            items_with_genre: with_genre,
            per_item: (with_genre > 0).then(|| given as f64 / with_genre as f64),
            n_genres,
            listed,
        }
    };
    (0..whole.n_domains()).map(of_domain).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn an_item_counts_in_each_of_its_genres() {
        let found = example::with(|whole| genres(whole, Some("unknown")));
        // Songs: s1 is rock with three events (4, 5, 1), s2 jazz and rock with one (5).
        let songs = &found[0];
        assert_eq!((songs.items, songs.items_with_genre, songs.per_item, songs.n_genres), (2, 2, Some(1.5), 2));
        let rock = Genre {
            name: "Rock".into(),
            items: 2,
            events: 4,
            percent_of_events: Some(100.0),
            percent_liked: Some(75.0),
            mean_value: Some(3.75),
        };
        assert_eq!(songs.listed[0], rock);
        assert_eq!((songs.listed[1].name.as_str(), songs.listed[1].percent_of_events), ("Jazz", Some(25.0)));
        // The third film is of no known genre.
        assert_eq!((found[1].items, found[1].items_with_genre, found[1].n_genres), (3, 2, 2));
    }
}
