//! Folds of equal size, by hash of user and item: each event is test in one of them.

use segue_core::Seed;

use super::{Ids, Plan};
use crate::prepare::config::SplitConfig;
use crate::prepare::rows::{Part, Row};

pub(super) struct KFold {
    folds: u32,
    fold: u32,
    min_history: usize,
    seed: Seed,
}

impl KFold {
    pub(super) fn plan(config: &SplitConfig, seed: Seed) -> Self {
        let SplitConfig { folds, fold, min_history, .. } = *config;
        Self { folds, fold, min_history, seed }
    }

    /// The fold that is validation: the next one, unless all the rest is needed for training.
    fn valid(&self) -> Option<u32> {
        (self.folds > 2).then(|| (self.fold + 1) % self.folds)
    }

    fn part(&self, unit: f64) -> Part {
        match (unit * f64::from(self.folds)) as u32 {
            fold if fold == self.fold => Part::Test,
            fold if Some(fold) == self.valid() => Part::Valid,
            _ => Part::Train,
        }
    }
}

impl Plan for KFold {
    fn split(&self, _: usize, rows: &mut [Row], ids: &Ids<'_>) {
        if rows.len() < self.min_history {
            return;
        }
        for row in rows {
            row.part = self.part(ids.unit(row, self.seed));
        }
    }

    fn protocol(&self, on: &str) -> String {
        let valid = self.valid().map_or(String::new(), |fold| format!(", fold {fold} validation"));
        format!(
            "folds 0 to {} by hash of user and item on {on}: fold {} is test{valid}; users with at least {} events",
            self.folds - 1,
            self.fold,
            self.min_history.max(1)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_fold_is_validation_where_there_are_three() {
        use Part::{Test, Train, Valid};
        let parts = |folds, fold| {
            let plan = KFold { folds, fold, min_history: 0, seed: Seed::new(0) };
            (0..folds).map(|n| plan.part((f64::from(n) + 0.5) / f64::from(folds))).collect::<Vec<_>>()
        };
        assert_eq!(parts(4, 1), [Train, Test, Valid, Train]);
        assert_eq!(parts(4, 3), [Valid, Train, Train, Test]);
        assert_eq!(parts(2, 1), [Train, Test]);
    }
}
