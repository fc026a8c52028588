//! Whether a split can be made: its numbers and its domains.

use segue_core::nearest;

use super::time_cut;
use crate::DataError;
use crate::prepare::config::{OneOrMany, RatioOrder, SplitConfig, SplitKind};
use crate::prepare::rows::World;

/// Checks a split's numbers before anything is read.
pub(in crate::prepare) fn check(split: &SplitConfig) -> Result<(), DataError> {
    let shares = split.ratios;
    let sum: f64 = shares.iter().sum();
    let inside = shares.iter().all(|r| (0.0..=1.0).contains(r));
    let matter = split.kind == SplitKind::Ratio || (split.kind == SplitKind::TimeCut && split.cut.is_none());
    if matter && (!inside || (sum - 1.0).abs() > 1e-6 || shares[0] <= 0.0 || shares[2] <= 0.0) {
        let what = format!("{shares:?} must be three shares in [0, 1] that sum to 1, train and test above 0");
        return Err(DataError::config("split.ratios", what));
    }
    if !(0.0..1.0).contains(&split.valid_fraction) {
        let what = format!("{} must lie in [0, 1)", split.valid_fraction);
        return Err(DataError::config("split.valid_fraction", what));
    }
    if let Some(cut) = &split.cut {
        time_cut::moments(cut)?;
    }
    if split.folds < 2 {
        return Err(DataError::config("split.folds", format!("{} must be at least 2", split.folds)));
    }
    if split.fold >= split.folds {
        let what = format!("{} must lie in 0..={}, for there are {} folds", split.fold, split.folds - 1, split.folds);
        return Err(DataError::config("split.fold", what));
    }
    held_out_shares("split.cold", split.cold)?;
    held_out_shares("split.support_shares", split.support_shares())?;
    if split.support == 0 {
        let what = "0 must be at least 1; users without any target interaction are split=cold_user";
        return Err(DataError::config("split.support", what));
    }
    let supports = split.supports();
    let most = super::questions::MOST_SUPPORTS;
    if supports.contains(&0) || !supports.is_sorted_by(|a, b| a < b) || supports.len() > most {
        let what = format!("{supports:?} must be rising numbers of at least 1, {most} of them at most");
        return Err(DataError::config("split.supports", what));
    }
    Ok(())
}

fn held_out_shares(key: &str, shares: [f64; 2]) -> Result<(), DataError> {
    let [valid, test] = shares;
    if valid >= 0.0 && test > 0.0 && valid + test <= 1.0 {
        return Ok(());
    }
    let what = format!(
        "{shares:?} must be two shares of validation and test in [0, 1], with a sum of at most 1, test above 0"
    );
    Err(DataError::config(key, what))
}

/// Whether every domain is split that can be.
pub(super) fn asks_all(split: &SplitConfig) -> bool {
    matches!(&split.targets, Some(OneOrMany::One(all)) if all == "all")
}

/// Which of the domains in use are split, the target first, then in their order.
pub(in crate::prepare) fn targets(split: &SplitConfig, names: &[&str], target: usize) -> Result<Vec<usize>, DataError> {
    let chosen = match &split.targets {
        None => vec![target],
        Some(_) if asks_all(split) => (0..names.len()).collect(),
        Some(some) => {
            let find = |name: &String| {
                names.iter().position(|known| known == name).ok_or_else(|| {
                    let near = nearest(name, names.iter().copied());
                    let near = near.map_or(String::new(), |near| format!(", did you mean {near}?"));
                    let what = format!("{name:?} is no domain in use; there are {}{near}", names.join(", "));
                    DataError::config("split.targets", what)
                })
            };
            some.as_slice().iter().map(find).collect::<Result<Vec<_>, _>>()?
        }
    };
    if !chosen.contains(&target) {
        let what = format!(
            "leaves out {}, which data.target names and the first question is about; add it, or name another data.target",
            names[target]
        );
        return Err(DataError::config("split.targets", what));
    }
    let others = (0..names.len()).filter(|d| *d != target && chosen.contains(d));
    Ok(std::iter::once(target).chain(others).collect())
}

/// A split by time needs times of the domains that it looks at.
pub(super) fn times(world: &World, split: &SplitConfig) -> Result<(), DataError> {
    let by_time = match split.kind {
        SplitKind::LeaveOneOut | SplitKind::TimeCut | SplitKind::Questions => true,
        SplitKind::Ratio => split.order == RatioOrder::Time,
        _ => false,
    };
    if !by_time {
        return Ok(());
    }
    for (d, domain) in world.domains.iter().enumerate().filter(|(_, domain)| !domain.timed) {
        let name = &domain.name;
        if d == world.target {
            let what = format!(
                "needs times, and the log of domain {name} has none; use split=ratio (random, by hash), split=given with files, or \
                 format=sequence of the domain where each user's items are listed oldest first"
            );
            return Err(DataError::config("split.kind", what));
        }
        if world.targets.contains(&d) {
            let what = format!("{name} has no times, which this split needs; leave it out, or use split=ratio");
            return Err(DataError::config("split.targets", what));
        }
        if split.kind == SplitKind::TimeCut {
            let what = format!(
                "a cut in time needs the times of every domain, and the log of {name} has none; leave it out of data.source, \
                 or use another split"
            );
            return Err(DataError::config("split.kind", what));
        }
    }
    Ok(())
}
