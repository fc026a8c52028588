//! One question, one file.

pub mod association;
pub mod correlation;
pub mod duplicates;
#[cfg(test)]
pub(crate) mod example;
pub mod genres;
pub mod leakage;
pub mod long_tail;
pub mod moments;
pub mod most_met;
pub mod over_time;
pub mod overlap;
pub mod sizes;
pub mod taste;
pub mod values;
pub(crate) mod whole;

/// What stands for all domains together.
pub(crate) const ALL_DOMAINS: &str = "(all)";

/// `100 · part / of`; none of nothing.
pub(crate) fn percent(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| 100.0 * part as f64 / of as f64)
}
