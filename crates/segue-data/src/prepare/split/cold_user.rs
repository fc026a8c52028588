//! A share of the people who are known from another domain lose all their interactions in the target.

use segue_core::{Seed, TaskKind};

use super::{Ids, Plan, drawn, rows_per_user};
use crate::DataError;
use crate::prepare::config::SplitConfig;
use crate::prepare::rows::{Part, Row, World};

pub(super) struct ColdUser {
    /// What all events of a user in a domain become.
    parts: Vec<Vec<Part>>, // (n_domains, n_users)
    shares: [f64; 2],
    min_history: usize,
}

impl ColdUser {
    /// Each domain draws in the order of the targets. Who is cold in one keeps everything in the others, so that
    /// something is known of everybody, and so that the first question stays the same whatever else is asked.
    pub(super) fn plan(world: &World, config: &SplitConfig, seed: Seed) -> Result<Self, DataError> {
        if world.domains.len() < 2 {
            let what = format!(
                "cold_user asks about people who are known from another domain, and {} is alone; add a domain, or use \
                 split=few_shot",
                world.domains[world.target].name
            );
            return Err(DataError::config("split.kind", what));
        }
        let counts = rows_per_user(world);
        let may_be = |d: usize, user: usize| {
            let met_elsewhere = (0..counts.len()).any(|other| other != d && counts[other][user] > 0);
            met_elsewhere && counts[d][user] as usize >= config.min_history.max(1)
        };
        Ok(Self::among(world, config, seed, &may_be))
    }

    /// The same of those alone who may be cold in a domain.
    pub(super) fn among(
        world: &World,
        config: &SplitConfig,
        seed: Seed,
        may_be: &dyn Fn(usize, usize) -> bool,
    ) -> Self {
        let n_users = world.users.len();
        let mut parts = vec![vec![Part::Train; n_users]; world.domains.len()];
        for &d in &world.targets {
            let seed = seed.named(&world.domains[d].name);
            for user in 0..n_users {
                if may_be(d, user) && parts.iter().all(|parts| parts[user] == Part::Train) {
                    parts[d][user] = drawn(config.cold, seed.named(world.users.external(user as u32)).unit());
                }
            }
        }
        Self { parts, shares: config.cold, min_history: config.min_history }
    }
}

impl Plan for ColdUser {
    fn split(&self, d: usize, rows: &mut [Row], _: &Ids<'_>) {
        for row in rows {
            row.part = self.parts[d][row.user as usize];
        }
    }

    fn protocol(&self, on: &str) -> String {
        let ([valid, test], least) = (self.shares, self.min_history.max(1));
        format!(
            "cold users of {on} by hash: of those met in another domain and with at least {least} events there {test} are \
             test and {valid} validation, with all events there"
        )
    }

    fn kind(&self) -> TaskKind {
        TaskKind::ColdUser
    }

    fn is_closed(&self, d: usize, user: u32) -> bool {
        self.parts[d][user as usize] > Part::Train
    }
}
