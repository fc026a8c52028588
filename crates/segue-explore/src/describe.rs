//! All statistics of prepared data at once.

use segue_core::{OpenedTests, Prepared};
use segue_data::prepare::PrepareReport;
use serde::{Deserialize, Serialize};

use crate::findings::{Finding, findings};
use crate::statistics::correlation::{CrossDomain, correlation};
use crate::statistics::duplicates::{Duplicates, duplicates};
use crate::statistics::genres::{Genres, genres};
use crate::statistics::leakage::{Leakage, leakage};
use crate::statistics::long_tail::{LongTail, long_tail};
use crate::statistics::most_met::{MostMet, most_met};
use crate::statistics::over_time::{OverTime, over_time};
use crate::statistics::overlap::{Overlap, overlap};
use crate::statistics::sizes::{Sizes, sizes};
use crate::statistics::values::{Values, values};
use crate::statistics::whole::Whole;

/// What is in prepared data. Unless a field says otherwise it counts train, validation and test together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Data set.
    pub name: String,
    /// How it was split, in one line.
    pub protocol: String,
    /// Domains in catalogue order.
    pub domains: Vec<String>,
    /// What a reader should know before trusting a number, the gravest first.
    pub findings: Vec<Finding>,
    /// Sizes, sparsity and parts.
    pub sizes: Sizes,
    /// Users met in several domains.
    pub overlap: Overlap,
    /// Repeated events, and what preparation removed.
    pub duplicates: Duplicates,
    /// What training knows of the test, per task.
    pub leakage: Vec<Leakage>,
    /// Stars, plays and other values, per domain.
    pub values: Vec<Values>,
    /// Activity and popularity, per domain.
    pub long_tail: Vec<LongTail>,
    /// Genres, per domain.
    pub genres: Vec<Genres>,
    /// The items that everybody knows, per domain.
    pub most_met: Vec<MostMet>,
    /// Events by time.
    pub over_time: OverTime,
    /// What common users carry across, per pair of domains.
    pub correlation: Vec<CrossDomain>,
}

/// Counts everything. `record` notes that the test part was opened; `name` is that of the data set.
pub fn describe(data: &Prepared, name: &str, report: &PrepareReport, record: &mut OpenedTests) -> Statistics {
    let whole = Whole::new(data, record);
    let missing = report.options.unknown_category.as_deref();
    let mut found = Statistics {
        name: name.to_owned(),
        protocol: data.split.protocol.clone(),
        domains: data.catalogue.domains().iter().map(|domain| domain.name.clone()).collect(),
        findings: Vec::new(),
        sizes: sizes(&whole),
        overlap: overlap(&whole),
        duplicates: duplicates(&whole, report),
        leakage: leakage(&whole),
        values: values(&whole),
        long_tail: long_tail(&whole),
        genres: genres(&whole, missing),
        most_met: most_met(&whole),
        over_time: over_time(&whole),
        correlation: correlation(&whole, missing),
    };
    found.findings = findings(&found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::example;

    #[test]
    fn the_test_part_is_opened_by_name_and_the_numbers_survive_json() {
        let mut record = OpenedTests::default();
        let found = describe(&example::prepared(), "three people", &example::report(), &mut record);
        assert_eq!(record.reasons(), ["statistics of the finished split"]);
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Statistics>(&json).unwrap(), found);
    }

    #[test]
    fn data_without_anything_have_no_numbers_and_no_panic() {
        let nobody = example::people(0, &[]);
        let found = describe(&nobody, "nothing", &PrepareReport::default(), &mut OpenedTests::default());
        assert!(found.values.iter().all(|values| values.moments.is_none()));
        assert!(!serde_json::to_string(&found).unwrap().contains("NaN"));
    }
}
