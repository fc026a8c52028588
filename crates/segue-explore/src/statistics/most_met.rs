//! What does everybody know?

use serde::{Deserialize, Serialize};

use super::percent;
use super::whole::Whole;

/// Items listed per domain.
const LISTED: usize = 10;

/// The items of one domain with the most events, ties by external id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MostMet {
    /// Domain.
    pub domain: String,
    /// The items.
    pub items: Vec<Met>,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Met {
    /// External id.
    pub item: String,
    /// Title, or the external id.
    pub title: String,
    /// Events.
    pub events: usize,
    /// `100 · events / events of the domain`.
    pub percent_of_events: Option<f64>,
    /// Mean value of its events.
    pub mean_value: f64,
}

pub(crate) fn most_met(whole: &Whole<'_>) -> Vec<MostMet> {
    let mut values = vec![0.0; whole.catalogue.n_items()];
    whole.events().for_each(|(_, event)| values[event.item as usize] += f64::from(event.value));
    let of_domain = |d: usize| {
        let events = |item: u32| whole.per_item[item as usize];
        let mut items: Vec<u32> = whole.catalogue.range(d).filter(|&item| events(item) > 0).collect();
        items.sort_by_key(|&item| (std::cmp::Reverse(events(item)), item));
        items.truncate(LISTED);
        let all = whole.items_of(d).iter().map(|&n| n as usize).sum();
        let met = |item: u32| Met {
            item: whole.catalogue.external(item).to_owned(),
            title: whole.catalogue.title(item).to_owned(),
            events: events(item) as usize,
            percent_of_events: percent(events(item) as usize, all),
            mean_value: values[item as usize] / f64::from(events(item)),
        };
        MostMet { domain: whole.name(d), items: items.into_iter().map(met).collect() }
    };
    (0..whole.n_domains()).map(of_domain).collect()
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn the_most_met_come_first() {
        let found = example::with(most_met);
        let row = |met: &Met| (met.title.clone(), met.events);
        let films: Vec<_> = found[1].items.iter().map(row).collect();
        assert_eq!(films, [("First <film>".into(), 4), ("f2".into(), 2), ("f3".into(), 1)]);
        assert_eq!(found[0].items[0].percent_of_events, Some(75.0));
        assert_eq!(found[0].items[0].mean_value, 10.0 / 3.0);
    }
}
