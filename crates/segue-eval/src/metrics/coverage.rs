//! Catalogue coverage: how much of what could be recommended is.

use super::spec::{Measure, Metric};

/// Distinct training items in anybody's first k, divided by the target's items that occur in training.
///
/// It belongs to all users together, so it has no interval. Ties are cut by rising item id here, as in the lists users see.
/// `RecBole` and others divide by all items of the catalogue, those never trained on too.
pub(super) static COVERAGE: Metric = Metric {
    name: "coverage",
    aliases: &["cov", "item_coverage", "catalog_coverage", "catalogue_coverage"],
    doc: "share of the target's training items that are in anybody's first k",
    measure: Measure::Coverage,
};
