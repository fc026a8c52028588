//! Which users and items stay: likes only, a share of the users, overlap, core.

use segue_core::{Seed, Signal};

use super::config::{Core, CoreMode, CoreScope, PrepareOptions, UserFilter};
use super::rows::World;
use crate::DataError;

/// Applies the filters in their documented order and records each that is on.
pub(super) fn filter(world: &mut World, options: &PrepareOptions, seed: Seed) -> Result<(), DataError> {
    if options.positives_only {
        let before = world.sizes();
        world.domains.iter_mut().for_each(|d| d.rows.retain(|row| row.signal == Signal::Positive));
        world.record("positives only", &before, "lower `prepare.positive_threshold`")?;
    }
    if options.train_size < 1.0 {
        let before = world.sizes();
        let seed = seed.named("train_size");
        let kept: Vec<bool> = world.users.iter().map(|user| seed.named(user).unit() < options.train_size).collect();
        world.domains.iter_mut().for_each(|d| d.rows.retain(|row| kept[row.user as usize]));
        world.record("train size", &before, "raise `prepare.train_size` (or `data.train_size`)")?;
    }
    if options.users == UserFilter::Overlapping {
        let before = world.sizes();
        overlap(world);
        let way_out = "no user is met in both; check that user ids mean the same people (`users: shared`), \
                       or keep all users with `prepare.users=all`";
        world.record("overlapping users", &before, way_out)?;
    }
    let core = options.core;
    if core.users > 0 || core.items > 0 {
        let before = world.sizes();
        loop {
            let size: usize = world.sizes().iter().sum();
            core_once(world, core);
            if core.mode == CoreMode::Once {
                break;
            }
            if options.users == UserFilter::Overlapping {
                overlap(world);
            }
            if world.sizes().iter().sum::<usize>() == size {
                break;
            }
        }
        let way_out = format!(
            "lower `prepare.core.users` ({}) and `prepare.core.items` ({}), or leave the filter out with 0",
            core.users, core.items
        );
        world.record("core", &before, &way_out)?;
    }
    Ok(())
}

/// Keeps users met in the target and in at least one source.
fn overlap(world: &mut World) {
    let met = world.met();
    let target = world.target;
    let in_source = |user: usize| met.iter().enumerate().any(|(d, met)| d != target && met[user]);
    let kept: Vec<bool> = (0..world.users.len()).map(|user| met[target][user] && in_source(user)).collect();
    world.domains.iter_mut().for_each(|d| d.rows.retain(|row| kept[row.user as usize]));
}

/// Counts users and items on the same rows, then drops both.
fn core_once(world: &mut World, core: Core) {
    let enough = |n: u32, least: usize| if core.strict && least > 0 { n as usize > least } else { n as usize >= least };
    let count = |users: &mut [u32], items: &mut [u32], rows: &[super::rows::Row]| {
        for row in rows {
            users[row.user as usize] += 1;
            items[row.item as usize] += 1;
        }
    };
    let mut joint = vec![0; world.users.len()];
    let mut counted = Vec::new();
    for domain in &world.domains {
        let (mut users, mut items) = (vec![0; world.users.len()], vec![0; domain.items.len()]);
        count(&mut users, &mut items, &domain.rows);
        joint.iter_mut().zip(&users).for_each(|(all, one)| *all += one);
        counted.push((users, items));
    }
    for (domain, (own, items)) in world.domains.iter_mut().zip(&counted) {
        let users = if core.scope == CoreScope::Joint { &joint } else { own };
        domain
            .rows
            .retain(|row| enough(users[row.user as usize], core.users) && enough(items[row.item as usize], core.items));
    }
}

#[cfg(test)]
mod tests {
    use segue_core::IdMap;

    use super::super::rows::{DomainRows, Part, Row};
    use super::*;

    fn world(pairs: &[&[(u32, u32)]]) -> World {
        let names = |n: u32| IdMap::new((0..n).map(|i| i.to_string()).collect());
        let domain = |pairs: &&[(u32, u32)]| DomainRows {
            name: "d".into(),
            items: names(9),
            rows: pairs
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
        world.domains[domain].rows.iter().map(|r| (r.user, r.item)).collect()
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
