//! A share of the target's items lose all interactions.

use segue_core::{Seed, TaskKind};

use super::{Forbids, Ids, Plan, drawn};
use crate::prepare::config::SplitConfig;
use crate::prepare::links::ItemLinks;
use crate::prepare::rows::{Part, Row, World};

pub(super) struct ColdItem {
    /// What the events on an item become; of a domain that is not split, whether they may be learnt from.
    parts: Vec<Vec<Part>>, // (n_domains, items of each)
    /// Whether items of domains that are not split are linked to some of those that are.
    links: bool,
    shares: [f64; 2],
    min_history: usize,
}

impl ColdItem {
    pub(super) fn plan(world: &World, config: &SplitConfig, links: &ItemLinks, seed: Seed) -> Self {
        let draw = |(d, domain): (usize, &crate::prepare::rows::DomainRows)| {
            if !world.targets.contains(&d) {
                return vec![Part::Train; domain.items.len()];
            }
            let seed = seed.named(&domain.name);
            domain.items.iter().map(|item| drawn(config.cold, seed.named(item).unit())).collect()
        };
        let mut parts: Vec<Vec<Part>> = world.domains.iter().enumerate().map(draw).collect();
        // Linked items are one: as cold as the first of them, which is of a split domain if any is.
        for group in links.groups() {
            let Some(&(first, item)) = group.first() else { continue };
            let part = parts[first][item as usize];
            for &(d, item) in group {
                let split = world.targets.contains(&d);
                parts[d][item as usize] = if split || part == Part::Train { part } else { Part::Unused };
            }
        }
        let links = (0..parts.len()).any(|d| parts[d].contains(&Part::Unused));
        Self { parts, links, shares: config.cold, min_history: config.min_history }
    }

    /// What the events on an item become; training: it is not cold.
    pub(super) fn part(&self, d: usize, item: u32) -> Part {
        self.parts[d][item as usize]
    }

    /// Items of domain `d` whose events are held out.
    pub(super) fn asked(&self, d: usize) -> impl Iterator<Item = bool> + '_ {
        self.parts[d].iter().map(|&part| part > Part::Train)
    }
}

impl Plan for ColdItem {
    fn split(&self, d: usize, rows: &mut [Row], _: &Ids<'_>) {
        let asked = rows.len() >= self.min_history;
        for row in rows {
            row.part = match self.part(d, row.item) {
                Part::Valid | Part::Test if !asked => Part::Unused,
                part => part,
            };
        }
    }

    fn source(&self) -> Option<&dyn Forbids> {
        self.links.then_some(self)
    }

    fn protocol(&self, on: &str) -> String {
        let ([valid, test], least) = (self.shares, self.min_history.max(1));
        format!(
            "cold items of {on} by hash: {test} of the items are test and {valid} validation, with all their events; users \
             with at least {least} events"
        )
    }

    fn why_unused(&self) -> String {
        format!("on cold items of users with fewer than {} events are in no part", self.min_history.max(1))
    }

    fn kind(&self) -> TaskKind {
        TaskKind::ColdItem
    }
}

impl Forbids for ColdItem {
    fn forbids(&self, d: usize, row: &Row) -> bool {
        self.part(d, row.item) == Part::Unused
    }

    fn why(&self) -> String {
        "on items that are linked to cold ones are in no part".into()
    }

    fn left(&self, names: &str) -> String {
        format!("all of {names} but events on items linked to cold ones")
    }
}
