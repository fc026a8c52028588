//! What should a reader know before trusting a number?

use serde::{Deserialize, Serialize};

use crate::describe::Statistics;
use crate::numbers::{listed, number, percent, thousands};
use crate::statistics::leakage::{LateEvents, Leakage};
use crate::statistics::over_time::Times;

/// Shares above this, in percent, are worth a word.
const WORTH_A_WORD: f64 = 1.0;
/// Overlaps below this, in percent of the smaller domain, are thin.
const THIN: f64 = 5.0;

/// One thing that a reader should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// The section that has the numbers, as [`crate::SectionTable::section`] names it.
    pub section: String,
    /// What it is.
    pub text: String,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Numbers measured on this split may be wrong.
    Warning,
    /// Good to know.
    Note,
}

struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, level: Level, section: &str, text: String) {
        self.0.push(Finding { level, section: section.into(), text });
    }

    fn warn(&mut self, section: &str, text: String) {
        self.add(Level::Warning, section, text);
    }

    fn note(&mut self, section: &str, text: String) {
        self.add(Level::Note, section, text);
    }
}

pub(crate) fn findings(all: &Statistics) -> Vec<Finding> {
    let mut found = Found(Vec::new());
    for leakage in &all.leakage {
        // Where one question is asked, its name says nothing.
        let of = if all.leakage.len() > 1 { format!("Task {}: ", leakage.task) } else { String::new() };
        of_leakage(&mut found, leakage, &of);
    }
    of_repeats(&mut found, all);
    of_overlap(&mut found, all);
    of_taste(&mut found, all);
    let heads = all.long_tail.iter().filter_map(|tail| {
        let popularity = tail.popularity.as_ref()?;
        Some(format!("{} of the items of {}", percent(100.0 * popularity.head_size), tail.domain))
    });
    let heads: Vec<String> = heads.collect();
    if !heads.is_empty() {
        found.note("popularity", format!("80 % of events fall on {}", listed(&heads)));
    }
    for genres in all.genres.iter().filter(|genres| genres.items > 0) {
        let without = genres.items - genres.items_with_genre;
        if without * 10 > genres.items {
            let n = [without, genres.items].map(thousands);
            found.note("genres", format!("{} of {} items of {} have no genre", n[0], n[1], genres.domain));
        }
    }
    match all.over_time.times {
        Times::None => found.note("over_time", "The log has no times: nothing can be said of before and after".into()),
        Times::Places => found.note("over_time", "Times are places in an order, not dates".into()),
        Times::Dates => {}
    }
    let mut found = found.0;
    found.sort_by_key(|finding| finding.level);
    found
}

fn of_leakage(found: &mut Found, leakage: &Leakage, of: &str) {
    let Leakage { target, pairs, times, cold, .. } = leakage;
    let counts = |part: usize, all: usize| format!("{of}{} of {}", thousands(part), thousands(all));
    if pairs.test_in_train > 0 {
        let n = counts(pairs.test_in_train, pairs.test);
        found.warn("leaked_pairs", format!("{n} test pairs stand in train, too"));
    }
    if pairs.valid_in_train > 0 {
        let n = counts(pairs.valid_in_train, pairs.valid);
        found.warn("leaked_pairs", format!("{n} validation pairs stand in train, too"));
    }
    if pairs.valid == 0 {
        found.note("parts", format!("{of}There is no validation: choose nothing by the test part"));
    }
    let late = times.as_deref().unwrap_or_default();
    let share = |n: usize, late: &LateEvents| 100.0 * n as f64 / late.train.max(1) as f64;
    let shares = |of_late: fn(&LateEvents) -> usize, worth: &dyn Fn(&LateEvents) -> bool| {
        let worth = late.iter().filter(|late| worth(late));
        let said = worth.map(|late| format!("{} of {}", percent(share(of_late(late), late)), late.domain));
        said.collect::<Vec<_>>()
    };
    let own = |late: &LateEvents| late.after_own_test;
    let first = |late: &LateEvents| late.after_first_test.unwrap_or_default();
    let in_target = shares(own, &|late| late.domain == *target && late.after_own_test > 0);
    let in_sources = shares(own, &|late| late.domain != *target && share(late.after_own_test, late) > WORTH_A_WORD);
    let of_others = shares(first, &|late| share(first(late), late) > WORTH_A_WORD);
    if !in_target.is_empty() {
        let shares = listed(&in_target);
        found.warn("late_events", format!("{of}Training events after their own user's first test event: {shares}"));
    }
    if !in_sources.is_empty() {
        let shares = listed(&in_sources);
        let why = "sources are learnt from whole";
        found.note("late_events", format!("{of}Training events after their own user's test: {shares}; {why}"));
    }
    if !of_others.is_empty() {
        let shares = listed(&of_others);
        let why = "the split is by user, not by one moment";
        found.note("late_events", format!("{of}Training events after the earliest test event of all: {shares}; {why}"));
    }
    if cold.users_without_history > 0 {
        let n = counts(cold.users_without_history, cold.test_users);
        found.note("cold", format!("{n} test users have no training event"));
    }
    if cold.items_without_history > 0 {
        let n = counts(cold.items_without_history, cold.test_items);
        found.note("cold", format!("{n} test items have no training event"));
    }
}

fn of_repeats(found: &mut Found, all: &Statistics) {
    for part in all.duplicates.parts.iter().filter(|part| part.repeats > 0) {
        let n = [part.repeats, part.interactions].map(thousands);
        let of = format!("{} ({})", part.domain, part.part);
        found.note("duplicates", format!("{} of {} events of {of} repeat a pair of user and item", n[0], n[1]));
    }
    for values in all.values.iter().filter(|values| values.distinct == 1) {
        let why = "it is a log of plain events";
        found.note("values", format!("Every event of {} has the same value: {why}", values.domain));
    }
}

fn of_overlap(found: &mut Found, all: &Statistics) {
    for pair in &all.overlap.pairs {
        let smaller = pair.users_of_first.min(pair.users_of_second).max(1);
        let share = 100.0 * pair.users as f64 / smaller as f64;
        let names = format!("{} and {}", pair.first, pair.second);
        if pair.users == 0 {
            found.warn("overlap", format!("Nobody is in both {names}: nothing can be carried from one to the other"));
        } else if share < THIN {
            let n = thousands(pair.users);
            found.note("overlap", format!("Only {n} users are in both {names}, {} of the smaller", percent(share)));
        }
    }
}

fn of_taste(found: &mut Found, all: &Statistics) {
    let mut share_none = Vec::new();
    for pair in &all.correlation {
        let names = format!("{} and {}", pair.first, pair.second);
        match &pair.taste.profiles {
            Some(profiles) if profiles.low > 0.0 => {
                let n = [profiles.own, profiles.others].map(|cosine| number(cosine, 2));
                let text = format!(
                    "People like the same genres in {names}: cosine {} to themselves, {} to others",
                    n[0], n[1]
                );
                found.note("taste", text);
            }
            Some(_) => found.note("taste", format!("No sign that people like the same genres in {names}")),
            None if pair.users > 0 && pair.taste.n_shared == 0 => share_none.push(names),
            None => {}
        }
    }
    if !share_none.is_empty() {
        found.note("taste", format!("No genre has one name in both domains: {}", listed(&share_none)));
    }
    let kind = all.correlation.iter().filter_map(|pair| {
        let rho = pair.mean_value.spearman.filter(|rho| rho.low > 0.1)?;
        Some(format!("{} and {} (ρ = {})", pair.first, pair.second, number(rho.value, 2)))
    });
    let kind: Vec<String> = kind.collect();
    if !kind.is_empty() {
        found.note("taste", format!("Who judges kindly in one domain does so in the other: {}", listed(&kind)));
    }
}

#[cfg(test)]
mod tests {
    use segue_core::OpenedTests;

    use super::*;
    use crate::describe::describe;
    use crate::statistics::example;

    #[test]
    fn warnings_come_first_and_say_how_many() {
        let found = describe(&example::prepared(), "x", &example::report(), &mut OpenedTests::default()).findings;
        let texts = |level| found.iter().filter(|f| f.level == level).map(|f| f.text.as_str()).collect::<Vec<_>>();
        assert_eq!(texts(Level::Warning), ["1 of 3 test pairs stand in train, too"]);
        assert!(found.is_sorted_by_key(|finding| finding.level));
        let notes = texts(Level::Note).join("\n");
        for part in ["after their own user's test: 25 % of songs;", "1 of 3 test items", "1 of 4 events of songs"] {
            assert!(notes.contains(part), "{part}\n{notes}");
        }
    }
}
