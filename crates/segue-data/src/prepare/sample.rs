//! A sample of the rows of each domain.
//!
//! A row's hash is of external ids alone, so the order of rows never shows, and a smaller sample is part of a larger one.

use rayon::prelude::*;
use segue_core::Seed;

use super::config::{DataConfig, PrepareOptions, SplitConfig, SplitKind};
use super::rows::World;
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

/// Leaves each domain the rows with the least hashes; rows are by user, then item, and stay so.
pub(super) fn sample(world: &mut World, max_rows: &MaxRows<'_>, seed: Seed) -> Result<(), DataError> {
    if world.domains.iter().all(|domain| max_rows.of(&domain.name).is_none()) {
        return Ok(());
    }
    let before = world.sizes();
    let World { users, domains, .. } = world;
    for domain in domains {
        let Some(max) = max_rows.of(&domain.name).filter(|&max| max < domain.rows.len()) else { continue };
        let seed = seed.named("max_rows").named(&domain.name);
        let hashes =
            domain.rows.par_iter().enumerate().map(|(n, row)| {
                (seed.named(users.external(row.user)).named(domain.items.external(row.item)).value(), n)
            });
        let mut hashes: Vec<(u64, usize)> = hashes.collect();
        hashes.select_nth_unstable(max);
        let mut kept = vec![false; domain.rows.len()];
        hashes[..max].iter().for_each(|&(_, n)| kept[n] = true);
        let mut kept = kept.into_iter();
        domain.rows.retain(|_| kept.next() == Some(true));
    }
    world.record("max rows", &before, "raise `max_rows`")
}
