//! What is there twice?

use segue_data::prepare::PrepareReport;
use serde::{Deserialize, Serialize};

use super::whole::{Part, Whole};

/// Repeated events, in the split and before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Each part of each domain that has events.
    pub parts: Vec<PartDuplicates>,
    /// What the steps of preparation left, in their order.
    pub steps: Vec<Step>,
}

/// Repeated events of one part of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartDuplicates {
    /// Domain.
    pub domain: String,
    /// `train`, `val` or `test`.
    pub part: String,
    /// Events.
    pub interactions: usize,
    /// Events beyond the first of their pair of user and item.
    pub repeats: usize,
    /// Those of them that also have the time and value of an earlier event of the pair.
    pub identical: usize,
    /// Pairs with more than one event.
    pub pairs_repeated: usize,
    /// Most events of one pair.
    pub most: usize,
}

/// What one step of preparation left of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Domain.
    pub domain: String,
    /// Step, e.g. `deduplicate`.
    pub step: String,
    /// Rows left.
    pub interactions: usize,
    /// Rows that it removed.
    pub removed: usize,
}

pub(crate) fn duplicates(whole: &Whole<'_>, report: &PrepareReport) -> Duplicates {
    let n_domains = whole.n_domains();
    let mut parts = Vec::new();
    for part in Part::ALL {
        let log = whole.part(part);
        let mut found: Vec<PartDuplicates> = (0..n_domains)
            .map(|d| PartDuplicates {
                domain: whole.name(d),
                part: part.name().into(),
                interactions: 0,
                repeats: 0,
                identical: 0,
                pairs_repeated: 0,
                most: 0,
            })
            .collect();
        let mut events = Vec::new();
        for user in 0..whole.n_users as u32 {
            let history = log.user(user);
            events.clear();
            events.extend((0..history.len()).map(|n| {
                let event = history.event(user, n);
                (event.item, event.time, event.value.to_bits())
            }));
            events.sort_unstable();
            for pair in events.chunk_by(|a, b| a.0 == b.0) {
                let found = &mut found[whole.catalogue.domain_of(pair[0].0)];
                found.interactions += pair.len();
                found.repeats += pair.len() - 1;
                found.identical += pair.windows(2).filter(|two| two[0] == two[1]).count();
                found.pairs_repeated += usize::from(pair.len() > 1);
                found.most = found.most.max(pair.len());
            }
        }
        parts.extend(found.into_iter().filter(|part| part.interactions > 0));
    }
    let steps = report.steps.iter().map(|step| Step {
        domain: step.domain.clone(),
        step: step.step.clone(),
        interactions: step.interactions,
        removed: step.removed,
    });
    let mut steps: Vec<Step> = steps.collect();
    for unused in report.parts.iter().filter(|part| part.part == "unused") {
        let removed = unused.interactions;
        let before = steps.iter().rfind(|step| step.domain == unused.domain).map_or(removed, |step| step.interactions);
        let (domain, step) = (unused.domain.clone(), "in no part of the split".into());
        steps.push(Step { domain, step, interactions: before - removed, removed });
    }
    Duplicates { parts, steps }
}

#[cfg(test)]
mod tests {
    use segue_data::prepare::PartCount;

    use super::super::example;
    use super::*;

    #[test]
    fn repeats_are_counted_beyond_the_first() {
        // Ann met s1 twice, at different times; nothing else repeats within a part.
        let found = example::with(|whole| duplicates(whole, &example::report()));
        let songs = &found.parts[0];
        assert_eq!((songs.domain.as_str(), songs.part.as_str()), ("songs", "train"));
        assert_eq!((songs.interactions, songs.repeats, songs.identical), (4, 1, 0));
        assert_eq!((songs.pairs_repeated, songs.most), (1, 2));
        assert!(found.parts[1..].iter().all(|part| part.repeats == 0 && part.most == 1));
        assert_eq!(found.steps[0].removed, 5);
    }

    #[test]
    fn rows_in_no_part_are_the_last_that_are_removed() {
        let mut report = example::report();
        let before = report.steps[0].interactions;
        let (domain, part) = (report.steps[0].domain.clone(), "unused".to_owned());
        report.parts.push(PartCount { domain: domain.clone(), part, users: 1, items: 1, interactions: 2 });
        let last = example::with(|whole| duplicates(whole, &report)).steps.pop().unwrap();
        let step = "in no part of the split".into();
        assert_eq!(last, Step { domain, step, interactions: before - 2, removed: 2 });
    }

    #[test]
    fn the_same_event_twice_is_identical() {
        let mut data = example::prepared();
        data.split.train = example::log(&[(0, 2, 4.0, 10), (0, 2, 4.0, 10), (0, 2, 3.0, 10), (0, 2, 4.0, 10)]);
        let found = example::of(&data, |whole| duplicates(whole, &example::report()));
        let films = &found.parts[0];
        assert_eq!((films.repeats, films.identical, films.pairs_repeated, films.most), (3, 2, 1, 4));
    }
}
