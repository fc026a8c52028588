//! Parts given by files; validation, where missing, is carved out of training.

use segue_core::Seed;

use super::{Ids, Plan};
use crate::DataError;
use crate::prepare::rows::{Part, Row, World};

pub(super) struct Given {
    /// Which domains have a validation file with something in it.
    has_valid: Vec<bool>,
    fraction: f64,
    protocol: String,
    seed: Seed,
}

impl Given {
    pub(super) fn plan(world: &World, fraction: f64, seed: Seed) -> Result<Self, DataError> {
        let has = |rows: &[Row]| rows.iter().any(|row| row.part == Part::Valid);
        let has_valid = world.domains.iter().map(|domain| Ok(domain.rows.read(has)?.contains(&true)));
        let has_valid = has_valid.collect::<Result<Vec<bool>, DataError>>()?;
        let names = |valid: bool| {
            let split = world.targets.iter().filter(|&&d| has_valid[d] == valid);
            split.map(|&d| world.domains[d].name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let whole = format!("given train, validation and test files of {}", names(true));
        let carved = format!(
            "given train and test files of {}; validation is {fraction} of train, carved by hash of user and item",
            names(false)
        );
        let lines = [(true, whole), (false, carved)].into_iter().filter(|(valid, _)| !names(*valid).is_empty());
        let protocol = lines.map(|(_, line)| line).collect::<Vec<_>>().join("; ");
        Ok(Self { has_valid, fraction, protocol, seed })
    }
}

impl Plan for Given {
    fn split(&self, d: usize, rows: &mut [Row], ids: &Ids<'_>) {
        if !self.has_valid[d] {
            carve(rows, self.fraction, ids, self.seed);
        }
    }

    fn protocol(&self, _: &str) -> String {
        self.protocol.clone()
    }
}

/// Carves validation out of training; a user keeps at least one training event, the one with the largest hash.
fn carve(rows: &mut [Row], fraction: f64, ids: &Ids<'_>, seed: Seed) {
    if fraction <= 0.0 {
        return;
    }
    let mut drawn: Vec<(f64, usize)> =
        (0..rows.len()).filter(|&n| rows[n].part == Part::Train).map(|n| (ids.unit(&rows[n], seed), n)).collect();
    drawn.sort_by(|a, b| a.0.total_cmp(&b.0));
    drawn.pop();
    for &(_, n) in drawn.iter().take_while(|(unit, _)| *unit < fraction) {
        rows[n].part = Part::Valid;
    }
}

#[cfg(test)]
mod tests {
    use segue_core::IdMap;

    use super::super::by_hand::{liked, parts};
    use super::*;

    #[test]
    fn carving_is_by_pair_and_leaves_something_to_learn() {
        let (users, items) = (IdMap::new(vec!["u"]), IdMap::new((0..100).map(|i| i.to_string()).collect()));
        let ids = Ids { users: &users, items: &items, domain: "d" };
        let mut rows = liked(&[0; 100]);
        let mut fewer = rows[..50].to_vec();
        carve(&mut rows, 0.3, &ids, Seed::new(1));
        carve(&mut fewer, 0.3, &ids, Seed::new(1));
        let n = rows.iter().filter(|r| r.part == Part::Valid).count();
        assert!((15..45).contains(&n), "{n}");
        assert_eq!(parts(&rows[..50]), parts(&fewer));
        let mut one = liked(&[0]);
        carve(&mut one, 0.999, &ids, Seed::new(1));
        assert_eq!(one[0].part, Part::Train);
    }
}
