//! The rows that preparation works on, and counting them.

use segue_core::{IdMap, Signal};

use super::report::StepCount;
use crate::DataError;

/// Which part a row belongs to. The order is the rank: where a pair stands in two given parts, the higher keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// In no part.
    Unused,
    Train,
    Valid,
    Test,
}

/// One event; ids are positions in [`World::users`] and [`DomainRows::items`], both in external order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    pub(crate) user: u32,
    pub(crate) item: u32,
    pub(crate) value: f32,
    pub(crate) weight: f32,
    /// Unix seconds; 0 where the domain has no times.
    pub(crate) time: i64,
    pub(crate) signal: Signal,
    pub(crate) part: Part,
}

/// One domain on its way.
#[derive(Debug)]
pub(crate) struct DomainRows {
    pub(crate) name: String,
    pub(crate) items: IdMap,
    /// By user, then item, once cleaned.
    pub(crate) rows: Vec<Row>,
    pub(crate) timed: bool,
}

/// All domains on their way.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) users: IdMap,
    pub(crate) domains: Vec<DomainRows>,
    /// Position of the target among the domains.
    pub(crate) target: usize,
    /// Positions of the domains that are split, the target first.
    pub(crate) targets: Vec<usize>,
    /// Given negatives of the target: user and item.
    pub(crate) negatives: Option<Vec<(u32, u32)>>,
    pub(crate) steps: Vec<StepCount>,
    pub(crate) notes: Vec<String>,
}

impl World {
    /// Records what a step left; a domain left empty is an error that names the step.
    pub(crate) fn record(&mut self, step: &str, before: &[usize], way_out: &str) -> Result<(), DataError> {
        for (domain, before) in self.domains.iter().zip(before) {
            let (users, items) = distinct(self.users.len(), domain.items.len(), domain.rows.iter());
            self.steps.push(StepCount {
                step: step.into(),
                domain: domain.name.clone(),
                users,
                items,
                interactions: domain.rows.len(),
                removed: before - domain.rows.len(),
            });
            if domain.rows.is_empty() {
                let step = format!("step `{step}` in domain {} ({before} interactions before it)", domain.name);
                return Err(DataError::Nothing { step, way_out: way_out.into() });
            }
        }
        Ok(())
    }

    /// Interactions per domain.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.domains.iter().map(|d| d.rows.len()).collect()
    }

    /// Which users each domain has met.
    pub(crate) fn met(&self) -> Vec<Vec<bool>> {
        let of = |domain: &DomainRows| {
            let mut met = vec![false; self.users.len()];
            domain.rows.iter().for_each(|row| met[row.user as usize] = true);
            met
        };
        self.domains.iter().map(of).collect()
    }
}

/// Numbers of distinct users and items.
pub(crate) fn distinct<'a>(n_users: usize, n_items: usize, rows: impl Iterator<Item = &'a Row>) -> (usize, usize) {
    let (mut users, mut items) = (vec![false; n_users], vec![false; n_items]);
    for row in rows {
        users[row.user as usize] = true;
        items[row.item as usize] = true;
    }
    let count = |met: Vec<bool>| met.into_iter().filter(|&m| m).count();
    (count(users), count(items))
}
