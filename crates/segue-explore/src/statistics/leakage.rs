//! What does training know that it should not, and whom does the test ask about?

use serde::{Deserialize, Serialize};

use super::over_time::{Times, times_of};
use super::percent;
use super::whole::{OpenTask, Part, Whole};
use segue_core::{DomainId, Interactions};

/// The split of one task, held against its training events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leakage {
    /// Task.
    pub task: String,
    /// Domain whose items are asked for.
    pub target: String,
    /// Pairs of user and item that stand in two parts.
    pub pairs: SharedPairs,
    /// Training events by time, per domain; none for a log without times.
    pub times: Option<Vec<LateEvents>>,
    /// Test users and items that training has never seen.
    pub cold: Cold,
}

/// Distinct pairs of user and item of the holdouts that stand elsewhere, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedPairs {
    /// Distinct pairs of the test part.
    pub test: usize,
    /// Those of them that stand in train.
    pub test_in_train: usize,
    /// Those of them that stand in validation.
    pub test_in_valid: usize,
    /// Distinct pairs of the validation part.
    pub valid: usize,
    /// Those of them that stand in train.
    pub valid_in_train: usize,
}

/// Training events of one domain that are late, against two cuts.
///
/// A split that is strict for each user (leave-one-out) may still be loose in global time: it learns from what others did
/// later. Sources are learnt from whole, so that their events after a user's test event are expected, and worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateEvents {
    /// Domain.
    pub domain: String,
    /// Training events.
    pub train: usize,
    /// Those of users with a test event.
    pub of_test_users: usize,
    /// Those after their own user's first test event.
    pub after_own_test: usize,
    /// Those in the second of their own user's first test event.
    pub with_own_test: usize,
    /// Training events of anybody after the earliest test event of all; none where times are places in each user's order.
    pub after_first_test: Option<usize>,
    /// Training events of anybody in the second of the earliest test event of all.
    pub with_first_test: Option<usize>,
}

/// What the test asks about, by what training has of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cold {
    /// Users with a test event.
    pub test_users: usize,
    /// Those without any training event.
    pub users_without_history: usize,
    /// Those without a training event in the target.
    pub users_without_target_history: usize,
    /// Those with a training event in another domain: whom a cross-domain model can help.
    pub users_with_source_history: usize,
    /// `100 · users_with_source_history / test_users`.
    pub percent_with_source_history: Option<f64>,
    /// Items with a test event.
    pub test_items: usize,
    /// Those without a training event.
    pub items_without_history: usize,
}

pub(crate) fn leakage(whole: &Whole<'_>) -> Vec<Leakage> {
    whole.tasks.iter().map(|task| of_task(whole, task)).collect()
}

fn of_task(whole: &Whole<'_>, task: &OpenTask<'_>) -> Leakage {
    let train = whole.part(Part::Train);
    let (valid, test) = (&task.valid.events, &task.test.events);
    Leakage {
        task: task.name.to_owned(),
        target: whole.name(task.target),
        pairs: shared_pairs(train, valid, test),
        times: (whole.has_times() && test.has_times()).then(|| late_events(whole, test)),
        cold: cold(whole, test, task.target),
    }
}

fn shared_pairs(train: &Interactions, valid: &Interactions, test: &Interactions) -> SharedPairs {
    let mut found = SharedPairs { test: 0, test_in_train: 0, test_in_valid: 0, valid: 0, valid_in_train: 0 };
    for user in 0..train.n_users() as u32 {
        let (in_valid, in_test) = (valid.seen(user), test.seen(user));
        if in_valid.is_empty() && in_test.is_empty() {
            continue;
        }
        let in_train = train.seen(user);
        let both = |a: &[u32], b: &[u32]| a.iter().filter(|item| b.binary_search(item).is_ok()).count();
        found.test += in_test.len();
        found.test_in_train += both(&in_test, &in_train);
        found.test_in_valid += both(&in_test, &in_valid);
        found.valid += in_valid.len();
        found.valid_in_train += both(&in_valid, &in_train);
    }
    found
}

fn late_events(whole: &Whole<'_>, test: &Interactions) -> Vec<LateEvents> {
    let first_of = |user: u32| test.user(user).times.and_then(|times| times.first().copied());
    let own: Vec<Option<i64>> = (0..whole.n_users as u32).map(first_of).collect();
    let first = own.iter().flatten().min().copied().filter(|_| times_of(whole) == Times::Dates);
    let mut found: Vec<LateEvents> = (0..whole.n_domains())
        .map(|d| LateEvents {
            domain: whole.name(d),
            train: 0,
            of_test_users: 0,
            after_own_test: 0,
            with_own_test: 0,
            after_first_test: first.map(|_| 0),
            with_first_test: first.map(|_| 0),
        })
        .collect();
    for event in whole.part(Part::Train).events() {
        let found = &mut found[whole.domain(&event)];
        let own = own[event.user as usize];
        found.train += 1;
        found.of_test_users += usize::from(own.is_some());
        if let (Some(time), Some(own)) = (event.time, own) {
            found.after_own_test += usize::from(time > own);
            found.with_own_test += usize::from(time == own);
        }
        if let (Some(time), Some(first)) = (event.time, first) {
            found.after_first_test = found.after_first_test.map(|n| n + usize::from(time > first));
            found.with_first_test = found.with_first_test.map(|n| n + usize::from(time == first));
        }
    }
    found
}

fn cold(whole: &Whole<'_>, test: &Interactions, target: DomainId) -> Cold {
    let train = whole.part(Part::Train);
    let mut found = Cold {
        test_users: 0,
        users_without_history: 0,
        users_without_target_history: 0,
        users_with_source_history: 0,
        percent_with_source_history: None,
        test_items: 0,
        items_without_history: 0,
    };
    let mut asked = vec![false; whole.catalogue.n_items()];
    for user in 0..whole.n_users as u32 {
        let items = test.user(user).items;
        if items.is_empty() {
            continue;
        }
        for &item in items {
            asked[item as usize] = true;
        }
        let history = train.user(user).items;
        let in_target = history.iter().filter(|&&item| whole.catalogue.domain_of(item) == target).count();
        found.test_users += 1;
        found.users_without_history += usize::from(history.is_empty());
        found.users_without_target_history += usize::from(in_target == 0);
        found.users_with_source_history += usize::from(in_target < history.len());
    }
    let mut learnt = vec![false; whole.catalogue.n_items()];
    train.events().for_each(|event| learnt[event.item as usize] = true);
    found.test_items = asked.iter().filter(|&&asked| asked).count();
    found.items_without_history = asked.iter().zip(&learnt).filter(|(asked, learnt)| **asked && !**learnt).count();
    found.percent_with_source_history = percent(found.users_with_source_history, found.test_users);
    found
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn every_way_to_leak_by_hand() {
        let found = example::of(&example::dated(), leakage).remove(0);
        // Cid's test film stands in his training part.
        let pairs = SharedPairs { test: 3, test_in_train: 1, test_in_valid: 0, valid: 1, valid_in_train: 0 };
        assert_eq!(found.pairs, pairs);
        // Bob's song at 200 comes after his test at 150; both bob's song and ann's film come after the first test, at 90.
        let songs = LateEvents {
            domain: "songs".into(),
            train: 4,
            of_test_users: 4,
            after_own_test: 1,
            with_own_test: 0,
            after_first_test: Some(1),
            with_first_test: Some(0),
        };
        // Ann's film at 100 has the second of her test.
        let films = LateEvents {
            domain: "films".into(),
            train: 3,
            of_test_users: 3,
            after_own_test: 0,
            with_own_test: 1,
            after_first_test: Some(1),
            with_first_test: Some(0),
        };
        assert_eq!(found.times, Some(vec![songs, films]));
        // Bob has songs alone, cid a film alone; nobody trained on f3.
        let cold = Cold {
            test_users: 3,
            users_without_history: 0,
            users_without_target_history: 1,
            users_with_source_history: 2,
            percent_with_source_history: Some(200.0 / 3.0),
            test_items: 3,
            items_without_history: 1,
        };
        assert_eq!(found.cold, cold);
    }

    #[test]
    fn places_of_two_users_are_not_compared() {
        let times = example::with(leakage).remove(0).times.unwrap();
        assert_eq!((times[0].after_own_test, times[0].after_first_test), (1, None));
    }

    #[test]
    fn a_log_without_times_has_no_cut() {
        let found = example::of(&example::films_alone(), leakage).remove(0);
        assert_eq!((found.times, found.cold.users_with_source_history), (None, 0));
        assert_eq!((found.pairs.valid, found.cold.users_without_history), (0, 1));
    }
}
