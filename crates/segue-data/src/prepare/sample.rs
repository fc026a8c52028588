//! A sample of the rows of each domain.
//!
//! A row's hash is of external ids alone, so the order of rows never shows, and a smaller sample is part of a larger one.

use std::cmp::Ordering;

use segue_core::Seed;

use super::config::{DataConfig, PrepareOptions, SplitConfig, SplitKind};
use super::rows::{Row, World};
use crate::DataError;

/// How many rows each domain in use may keep.
#[derive(Debug)]
pub(super) struct MaxRows<'a> {
    data: &'a DataConfig,
    of_all: Option<usize>,
}

impl<'a> MaxRows<'a> {
    /// Checks the numbers before anything is read.
    pub(super) fn new(data: &'a DataConfig, options: &PrepareOptions, split: &SplitConfig) -> Result<Self, DataError> {
        let own = data.domains.iter().map(|d| (format!("data.domains.{}.max_rows", d.name), d.max_rows));
        for (key, max) in std::iter::once(("prepare.max_rows".to_owned(), options.max_rows)).chain(own) {
            if max == Some(0) {
                return Err(DataError::config(key, "0 must be at least 1; null keeps all rows"));
            }
            if max.is_some() && split.kind == SplitKind::Given {
                let what =
                    "a given split is kept as it is; set it to null, or use split=ratio to sample and split anew";
                return Err(DataError::config(key, what));
            }
        }
        Ok(Self { data, of_all: options.max_rows })
    }

    fn of(&self, domain: &str) -> Option<usize> {
        self.data.domains.iter().find(|d| d.name == domain).and_then(|d| d.max_rows).or(self.of_all)
    }
}

/// Leaves each domain the rows with the least hashes, and of equal ones those of the least user and item.
pub(super) fn sample(world: &mut World, max_rows: &MaxRows<'_>, seed: Seed) -> Result<(), DataError> {
    if world.domains.iter().all(|domain| max_rows.of(&domain.name).is_none()) {
        return Ok(());
    }
    let before = world.sizes();
    let World { users, domains, .. } = world;
    for domain in domains {
        let Some(max) = max_rows.of(&domain.name).filter(|&max| max < domain.rows.len()) else { continue };
        let seed = seed.named("max_rows").named(&domain.name);
        let items = &domain.items;
        let hash = |row: &Row| seed.named(users.external(row.user)).named(items.external(row.item)).value();
        // The largest hash that stays: first its upper 16 bits by counting, then among those that share them.
        let bucket = |hash: u64| (hash >> 48) as usize;
        let counted = domain.rows.read(|rows| {
            let mut counts = vec![0_usize; 1 << 16];
            for row in rows {
                counts[bucket(hash(row))] += 1;
            }
            counts
        })?;
        let counts = (0..1 << 16).map(|n| counted.iter().map(|counts| counts[n]).sum::<usize>());
        let (mut before, mut last) = (0, 0);
        for (n, count) in counts.enumerate() {
            last = n;
            if before + count >= max {
                break;
            }
            before += count;
        }
        let of_last = |rows: &[Row]| rows.iter().map(&hash).filter(|&h| bucket(h) == last).collect::<Vec<_>>();
        let mut hashes = domain.rows.read(of_last)?.concat();
        let largest = *hashes.select_nth_unstable(max - before - 1).1;
        let below = before + hashes.iter().filter(|&&hash| hash < largest).count();
        // Rows with the largest hash are nearly always one pair; of several the first stay, which needs their number.
        let equal = domain.rows.read(|rows| rows.iter().filter(|row| hash(row) == largest).count())?;
        let mut left = max - below;
        let kept: Vec<usize> = equal
            .into_iter()
            .map(|n| {
                let now = n.min(left);
                left -= now;
                now
            })
            .collect();
        domain.rows.edit_each(|k, rows| {
            let mut equal = kept[k];
            rows.retain(|row| match hash(row).cmp(&largest) {
                Ordering::Less => true,
                Ordering::Equal if equal > 0 => {
                    equal -= 1;
                    true
                }
                Ordering::Equal | Ordering::Greater => false,
            });
            Ok(())
        })?;
    }
    world.record("max rows", &before, "raise `max_rows`")
}
