//! Support and queries: a share of the users keep their first few interactions and are asked about the rest.

use segue_core::{Seed, TaskKind};

use super::{Ids, Plan, drawn, newest_first, rows_per_user};
use crate::prepare::config::SplitConfig;
use crate::prepare::rows::{Part, Row, World};

pub(super) struct FewShot {
    /// What the queries of a user in a domain become.
    parts: Vec<Vec<Part>>, // (n_domains, n_users)
    timed: Vec<bool>, // (n_domains)
    support: u32,
    shares: [f64; 2],
    min_history: usize,
    seed: Seed,
}

impl FewShot {
    pub(super) fn plan(world: &World, config: &SplitConfig, seed: Seed) -> Self {
        let counts = rows_per_user(world);
        let may_be = |d: usize, user: usize| {
            let n = counts[d][user];
            n > config.support && n as usize >= config.min_history
        };
        Self::among(world, config, [seed.named("few_shot"), seed.named("support")], &may_be)
    }

    /// The same of those alone who may be asked about a domain; seeds of who is, and of what is support.
    pub(super) fn among(
        world: &World,
        config: &SplitConfig,
        [who, support]: [Seed; 2],
        may_be: &dyn Fn(usize, usize) -> bool,
    ) -> Self {
        let mut parts = vec![vec![Part::Train; world.users.len()]; world.domains.len()];
        for &d in &world.targets {
            let seed = who.named(&world.domains[d].name);
            for ((user, name), part) in world.users.iter().enumerate().zip(&mut parts[d]) {
                if may_be(d, user) {
                    *part = drawn(config.cold, seed.named(name).unit());
                }
            }
        }
        Self {
            parts,
            timed: world.domains.iter().map(|domain| domain.timed).collect(),
            support: config.support,
            shares: config.cold,
            min_history: config.min_history,
            seed: support,
        }
    }
}

impl Plan for FewShot {
    fn split(&self, d: usize, rows: &mut [Row], ids: &Ids<'_>) {
        let Some(part) = rows.first().map(|row| self.parts[d][row.user as usize]) else { return };
        let mut first: Vec<usize> = newest_first(rows);
        first.reverse();
        if !self.timed[d] {
            let seed = self.seed.named(ids.domain);
            let hashes: Vec<f64> = rows.iter().map(|row| ids.unit(row, seed)).collect();
            // Stable: equal pairs stay by value.
            first.sort_by(|&a, &b| hashes[a].total_cmp(&hashes[b]));
        }
        first.iter().skip(self.support as usize).for_each(|&n| rows[n].part = part);
    }

    fn protocol(&self, on: &str) -> String {
        let ([valid, test], k) = (self.shares, self.support);
        let untimed = if self.timed.iter().all(|timed| *timed) { "" } else { ", or by hash where there are no times" };
        format!(
            "few-shot users of {on} by hash: of those with more than {k} and at least {} events {test} are test and {valid} \
             validation, with all events but their first {k} (by time, value, item id falling{untimed})",
            self.min_history.max(1)
        )
    }

    fn kind(&self) -> TaskKind {
        TaskKind::FewShot(self.support)
    }

    fn is_closed(&self, d: usize, user: u32) -> bool {
        self.parts[d][user as usize] > Part::Train
    }
}

#[cfg(test)]
mod tests {
    use segue_core::IdMap;

    use super::super::by_hand::{liked, parts};
    use super::*;

    fn split(times: &[i64], timed: bool) -> Vec<Part> {
        let (users, items) = (IdMap::new(vec!["u"]), IdMap::new((0..9).map(|i| i.to_string()).collect()));
        let plan = FewShot {
            parts: vec![vec![Part::Test]],
            timed: vec![timed],
            support: 2,
            shares: [0.0, 1.0],
            min_history: 1,
            seed: Seed::new(0),
        };
        let mut rows = liked(times);
        plan.split(0, &mut rows, &Ids { users: &users, items: &items, domain: "d" });
        parts(&rows)
    }

    #[test]
    fn the_first_events_are_support() {
        use Part::{Test, Train};
        assert_eq!(split(&[40, 10, 30, 20], true), [Test, Train, Test, Train]);
        // Of equal times the larger item id is earlier, as in the other splits.
        assert_eq!(split(&[5, 5, 5], true), [Test, Train, Train]);
    }

    #[test]
    fn without_times_a_hash_says_what_is_support() {
        let parts = split(&[0; 9], false);
        assert_eq!(parts.iter().filter(|part| **part == Part::Train).count(), 2);
        assert_ne!(parts, split(&[0; 9], true), "the order of items does not decide");
    }
}
