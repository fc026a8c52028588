//! Which users and items stay: likes only, a share of the users, overlap, core.
//!
//! All filters but the first choose users and items, not rows: rows are counted, and go once, when everything is
//! chosen. Where overlap and core hold until nothing changes, both look at one count; each only ever drops, so the
//! largest set that passes both is found whichever looks first.

use segue_core::{Seed, Signal};

use super::config::{Core, CoreMode, CoreScope, PrepareOptions, UserFilter};
use super::rows::{Counts, Row, World};
use crate::DataError;

/// The users and items of each domain that stay.
#[derive(Debug)]
pub(super) struct Kept {
    domains: Vec<KeptOf>,
    /// Whether some user or item goes.
    some_go: bool,
}

#[derive(Debug)]
struct KeptOf {
    users: Vec<bool>,
    items: Vec<bool>,
}

/// Applies the filters in their documented order and records each that is on; also returns what they leave of each
/// domain.
pub(super) fn choose(
    world: &mut World,
    options: &PrepareOptions,
    seed: Seed,
) -> Result<(Kept, Vec<Counts>), DataError> {
    if options.positives_only {
        let before = world.sizes();
        for domain in &mut world.domains {
            domain.rows.edit(|rows| {
                rows.retain(|row| row.signal == Signal::Positive);
                Ok(())
            })?;
        }
        world.record("positives only", &before, "lower `prepare.positive_threshold`")?;
    }
    let mut kept = Kept::all(world);
    let mut counts: Vec<Counts> = world.domains.iter().map(|domain| domain.rows.counts().clone()).collect();
    let rows = |counts: &[Counts]| counts.iter().map(|counts| counts.rows).collect::<Vec<_>>();
    if options.train_size < 1.0 {
        let seed = seed.named("train_size");
        let stays: Vec<bool> = world.users.iter().map(|user| seed.named(user).unit() < options.train_size).collect();
        kept.users(&counts, |user| stays[user]);
        let before = rows(&counts);
        counts = kept.count(world)?;
        let way_out = "raise `prepare.train_size` (or `data.train_size`)";
        world.record_as(("train size", way_out), &counts, &before)?;
    }
    if options.users == UserFilter::Overlapping {
        kept.overlap(&counts, world.target);
        let before = rows(&counts);
        counts = kept.count(world)?;
        let way_out = "no user is met in both; check that user ids mean the same people (`users: shared`), \
                       or keep all users with `prepare.users=all`";
        world.record_as(("overlapping users", way_out), &counts, &before)?;
    }
    let core = options.core;
    if core.users > 0 || core.items > 0 {
        let before = rows(&counts);
        loop {
            let mut changed = kept.core(&counts, core);
            if core.mode == CoreMode::UntilStable && options.users == UserFilter::Overlapping {
                changed |= kept.overlap(&counts, world.target);
            }
            if changed {
                counts = kept.count(world)?;
            }
            if !changed || core.mode == CoreMode::Once {
                break;
            }
        }
        let way_out = format!(
            "lower `prepare.core.users` ({}) and `prepare.core.items` ({}), or leave the filter out with 0",
            core.users, core.items
        );
        world.record_as(("core", &way_out), &counts, &before)?;
    }
    Ok((kept, counts))
}

impl Kept {
    fn all(world: &World) -> Self {
        let of = |(n_users, n_items)| KeptOf { users: vec![true; n_users], items: vec![true; n_items] };
        let sizes = world.domains.iter().map(|domain| (world.users.len(), domain.items.len()));
        Self { domains: sizes.map(of).collect(), some_go: false }
    }

    /// Drops the rows of domain `d` that do not stay.
    pub(super) fn retain(&self, d: usize, rows: &mut Vec<Row>) {
        if self.some_go {
            let KeptOf { users, items } = &self.domains[d];
            rows.retain(|row| users[row.user as usize] && items[row.item as usize]);
        }
    }

    fn count(&self, world: &World) -> Result<Vec<Counts>, DataError> {
        let count = |(domain, kept): (&super::rows::DomainRows, &KeptOf)| {
            domain.rows.count(|user, item| kept.users[user as usize] && kept.items[item as usize])
        };
        world.domains.iter().zip(&self.domains).map(count).collect()
    }

    /// Keeps the users that `stays` accepts; returns whether one with rows goes.
    fn users(&mut self, counts: &[Counts], stays: impl Fn(usize) -> bool) -> bool {
        let mut changed = false;
        for (kept, counts) in self.domains.iter_mut().zip(counts) {
            for (user, (kept, &n)) in kept.users.iter_mut().zip(&counts.users).enumerate() {
                if n > 0 && !stays(user) {
                    (*kept, changed) = (false, true);
                }
            }
        }
        self.some_go |= changed;
        changed
    }

    /// Keeps users met in the target and in at least one source; returns whether one goes.
    fn overlap(&mut self, counts: &[Counts], target: usize) -> bool {
        let in_source =
            |user: usize| counts.iter().enumerate().any(|(d, counts)| d != target && counts.users[user] > 0);
        self.users(counts, |user| counts[target].users[user] > 0 && in_source(user))
    }

    /// Keeps users and items with enough rows, both counted on the same rows; returns whether one goes.
    fn core(&mut self, counts: &[Counts], core: Core) -> bool {
        let enough = |n: usize, least: usize| if core.strict && least > 0 { n > least } else { n >= least };
        let joint = |user: usize| counts.iter().map(|counts| counts.users[user] as usize).sum();
        let mut changed = false;
        for (kept, own) in self.domains.iter_mut().zip(counts) {
            for (user, (kept, &n)) in kept.users.iter_mut().zip(&own.users).enumerate() {
                let of_user = || if core.scope == CoreScope::Joint { joint(user) } else { n as usize };
                if n > 0 && !enough(of_user(), core.users) {
                    (*kept, changed) = (false, true);
                }
            }
            for (kept, &n) in kept.items.iter_mut().zip(&own.items) {
                if n > 0 && !enough(n as usize, core.items) {
                    (*kept, changed) = (false, true);
                }
            }
        }
        self.some_go |= changed;
        changed
    }
}

#[cfg(test)]
mod tests {
    use segue_core::IdMap;

    use super::super::rows::{DomainRows, Part, Rows};
    use super::*;

    fn world(pairs: &[&[(u32, u32)]]) -> World {
        let names = |n: u32| IdMap::new((0..n).map(|i| i.to_string()).collect());
        let domain = |pairs: &&[(u32, u32)]| DomainRows {
            name: "d".into(),
            items: names(9),
            rows: Rows::of(
                pairs
                    .iter()
                    .map(|&(user, item)| Row {
                        user,
                        item,
                        value: 1.0,
                        weight: 1.0,
                        time: 0,
                        signal: Signal::Positive,
                        part: Part::Train,
                    })
                    .collect(),
                9,
                9,
            ),
            timed: false,
        };
        World {
            users: names(9),
            domains: pairs.iter().map(domain).collect(),
            target: pairs.len() - 1,
            targets: vec![pairs.len() - 1],
            negatives: None,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn pairs(world: &World, domain: usize) -> Vec<(u32, u32)> {
        world.domains[domain].rows.all().iter().map(|r| (r.user, r.item)).collect()
    }

    fn filter(world: &mut World, options: &PrepareOptions, seed: Seed) -> Result<(), DataError> {
        let (kept, counts) = choose(world, options, seed)?;
        for ((d, domain), counts) in world.domains.iter_mut().enumerate().zip(counts) {
            domain.rows.edit(|rows| {
                kept.retain(d, rows);
                Ok(())
            })?;
            assert_eq!(domain.rows.counts(), &counts);
        }
        Ok(())
    }

    fn with(core: Core) -> PrepareOptions {
        PrepareOptions { core, ..PrepareOptions::default() }
    }

    const LOG: &[(u32, u32)] = &[(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2)];

    #[test]
    fn once_counts_on_the_same_rows_and_until_stable_again() {
        let core = Core { users: 2, items: 2, ..Core::default() };
        let mut once = world(&[LOG]);
        filter(&mut once, &with(core), Seed::new(0)).unwrap();
        // Item 2 has one user and goes; user 2 had two items when counted and stays with one.
        assert_eq!(pairs(&once, 0), [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)]);
        let mut stable = world(&[LOG]);
        filter(&mut stable, &with(Core { mode: CoreMode::UntilStable, ..core }), Seed::new(0)).unwrap();
        assert_eq!(pairs(&stable, 0), [(0, 0), (0, 1), (1, 0), (1, 1)]);
        assert_eq!((stable.steps[0].removed, stable.steps[0].users, stable.steps[0].items), (2, 2, 2));
    }

    #[test]
    fn strict_means_more_than_and_an_empty_result_names_the_filter() {
        let core = Core { users: 2, items: 0, strict: true, ..Core::default() };
        let message = filter(&mut world(&[LOG]), &with(core), Seed::new(0)).unwrap_err().to_string();
        assert!(message.contains("`core`") && message.contains("prepare.core.users"), "{message}");
    }

    #[test]
    fn a_joint_core_counts_a_user_over_all_domains() {
        let logs: &[&[(u32, u32)]] = &[&[(0, 0), (1, 0)], &[(0, 1), (0, 2)]];
        let core = Core { users: 3, scope: CoreScope::Joint, ..Core::default() };
        let mut joint = world(logs);
        filter(&mut joint, &with(core), Seed::new(0)).unwrap();
        assert_eq!((pairs(&joint, 0), pairs(&joint, 1)), (vec![(0, 0)], vec![(0, 1), (0, 2)]));
    }

    #[test]
    fn overlapping_users_are_met_in_the_target_and_a_source() {
        let mut world_ = world(&[&[(0, 0), (1, 0)], &[(1, 3), (2, 3)]]);
        let options = PrepareOptions { users: UserFilter::Overlapping, ..PrepareOptions::default() };
        filter(&mut world_, &options, Seed::new(0)).unwrap();
        assert_eq!((pairs(&world_, 0), pairs(&world_, 1)), (vec![(1, 0)], vec![(1, 3)]));
        let message = filter(&mut world(&[&[(0, 0)], &[(1, 0)]]), &options, Seed::new(0)).unwrap_err().to_string();
        assert!(message.contains("overlapping users") && message.contains("prepare.users=all"), "{message}");
    }
}
