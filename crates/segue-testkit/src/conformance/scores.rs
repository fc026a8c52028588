//! Scores are numbers, whoever asks and whatever the log was.

use std::panic::{AssertUnwindSafe, catch_unwind};

use segue_core::{Candidates, History, HistoryBuf, Interactions, ItemId, Query, Recommender, Signal, UserId};
use serde_json::json;

use super::{Outcome, Subject, ensure, relative_gap, scores_in, scores_of};
use crate::worlds::{Planted, World, likes, rated};

/// Every score is a finite number: for users with any history, guests, guests without history, histories of dislikes,
/// of neutral events, of one item met twice.
pub fn scores_are_finite(subject: &Subject<'_>) -> Outcome {
    let world = Planted { output: subject.info().output, ..Planted::default() }.build().world;
    let model = subject.fit(&world)?;
    let n_items = world.log.n_items() as ItemId;
    let histories = strange_histories(n_items);
    let known = (0..world.log.n_users() as UserId).flat_map(|u| [world.known(u), world.guest(u)]);
    let strange = histories.iter().flat_map(|history| {
        let history = history.as_history();
        [Query::guest(history), Query { user: Some(0), history }]
    });
    for query in known.chain(strange) {
        finite(&scores_in(&world, model.as_ref(), query), &query)?;
    }
    ensure(scores_of(model.as_ref(), &[], Candidates::Range(0..n_items)).is_empty(), String::new)?;
    ensure(scores_of(model.as_ref(), &[world.known(0)], Candidates::List(&[])).is_empty(), String::new)
}

fn strange_histories(n_items: ItemId) -> Vec<HistoryBuf> {
    let of = |signals: &[Signal]| {
        let mut history = HistoryBuf::default();
        for (n, &signal) in signals.iter().enumerate() {
            history.push(n as ItemId % 2, signal);
        }
        history
    };
    let mut all = vec![
        of(&[]),
        of(&[Signal::Negative]),
        of(&[Signal::Neutral, Signal::Neutral]),
        of(&[Signal::Positive, Signal::Negative, Signal::Negative, Signal::Positive]),
        HistoryBuf::likes(&(0..n_items).collect::<Vec<_>>()),
    ];
    let mut weightless = HistoryBuf::default();
    weightless.push_event(1, Signal::Positive, 0.0, 0.0);
    all.push(weightless);
    all
}

fn finite(scores: &[f32], query: &Query<'_>) -> Outcome {
    match scores.iter().position(|score| !score.is_finite()) {
        None => Ok(()),
        Some(item) => {
            let who = query.user.map_or("a guest".into(), |user| format!("user {user}"));
            Err(format!("{who} with {} events: item {item} scores {}", query.history.len(), scores[item]))
        }
    }
}

/// A block of queries scores as each query alone, and a list of items as the range, to 1e-5.
pub fn blocks_and_lists_agree(subject: &Subject<'_>) -> Outcome {
    let world = Planted { output: subject.info().output, ..Planted::default() }.build().world;
    let model = subject.fit(&world)?;
    let n = world.log.n_items();
    let users = 0..world.log.n_users() as UserId;
    let mut queries: Vec<_> = users.flat_map(|u| [world.known(u), world.guest(u)]).collect();
    queries.insert(3, Query::guest(History::EMPTY));
    let block = scores_of(model.as_ref(), &queries, Candidates::Range(0..n as ItemId));
    let backwards: Vec<ItemId> = (0..n as ItemId).rev().collect();
    for (row, &query) in block.chunks_exact(n).zip(&queries) {
        let gap = relative_gap(row, &scores_in(&world, model.as_ref(), query));
        ensure(gap <= 1e-5, || format!("in a block, scores differ by {gap:e} of their size"))?;
        let mut list = scores_of(model.as_ref(), &[query], Candidates::List(&backwards));
        list.reverse();
        let gap = relative_gap(row, &list);
        ensure(gap <= 1e-5, || format!("as a list, scores differ by {gap:e} of their size"))?;
        let part = scores_of(model.as_ref(), &[query], Candidates::Range(5..n as ItemId - 5));
        let gap = relative_gap(&row[5..n - 5], &part);
        ensure(gap <= 1e-5, || format!("on a part of the range, scores differ by {gap:e} of their size"))?;
    }
    Ok(())
}

/// Where a model gives additive reasons, there is one per event, and what they leave of the score is the same for every
/// history, to 1e-5.
pub fn contributions_add_up(subject: &Subject<'_>) -> Outcome {
    let world = Planted { output: subject.info().output, ..Planted::default() }.build().world;
    let model = subject.fit(&world)?;
    let n_items = world.log.n_items() as ItemId;
    let histories: Vec<HistoryBuf> = [2, 5, 8, 11].iter().map(|&u| world.log.user(u).into()).collect();
    let mut longer = histories.clone();
    for history in &mut longer {
        history.push(1, Signal::Positive);
    }
    for user in [None, Some(2)] {
        // A user whose history is that of the training and one whose history has moved on are both in here.
        let queries = histories.iter().chain(&longer).map(|h| Query { user, history: h.as_history() });
        let queries: Vec<_> = queries.collect();
        for item in (0..n_items).step_by(5) {
            let mut first = None;
            for query in &queries {
                let Some(parts) = model.contributions(query, item) else { return Ok(()) };
                ensure(parts.len() == query.history.len(), || {
                    format!("{} contributions for {} events", parts.len(), query.history.len())
                })?;
                let score = f64::from(scores_of(model.as_ref(), &[*query], Candidates::List(&[item]))[0]);
                let size = parts.iter().map(|p| f64::from(p.abs())).sum::<f64>().max(score.abs());
                let rest = score - parts.iter().map(|&p| f64::from(p)).sum::<f64>();
                let (expected, scale) = *first.get_or_insert((rest, size));
                ensure((rest - expected).abs() <= 1e-5 * size.max(scale), || {
                    format!(
                        "item {item}: {rest} of the score is left unexplained for one history, {expected} for another"
                    )
                })?;
            }
        }
    }
    Ok(())
}

/// Users and items without events are no trouble, and such users are answered.
pub fn empty_rows_are_fine(subject: &Subject<'_>) -> Outcome {
    let full = Planted { output: subject.info().output, ..Planted::default() }.build().world;
    let log = full.log.filter(|e| e.user % 3 != 0 && e.item % 4 != 0);
    let world = World { log, ..full };
    let model = subject.fit(&world)?;
    (0..world.log.n_users() as UserId).try_for_each(|u| {
        let query = world.known(u);
        finite(&scores_in(&world, model.as_ref(), query), &query)
    })
}

/// A log with nothing to learn from gives a model that answers, or an error that says why; never a panic.
pub fn degenerate_logs_fit_or_are_refused(subject: &Subject<'_>) -> Outcome {
    let all_pairs = |n_users: u32, n_items: u32| (0..n_users).flat_map(move |u| (0..n_items).map(move |i| (u, i)));
    let equal = |stars: f32| rated(4, 5, &all_pairs(4, 5).map(|(u, i)| (u, i, stars)).collect::<Vec<_>>());
    let cases: [(&str, Interactions); 10] = [
        ("no users, no items", Interactions::empty(0, 0)),
        ("users, no items", Interactions::empty(3, 0)),
        ("no events", Interactions::empty(3, 4)),
        ("one user", likes(1, 4, &[(0, 1), (0, 2)])),
        ("one item", likes(3, 1, &[(0, 0), (2, 0)])),
        ("one event", likes(1, 1, &[(0, 0)])),
        ("all likes", equal(5.0)),
        ("all dislikes", equal(1.0)),
        ("all neutral", equal(3.0)),
        ("users with one interaction", likes(5, 3, &[(0, 0), (1, 1), (2, 2), (3, 0), (4, 1)])),
    ];
    cases.into_iter().try_for_each(|(name, log)| {
        let world = World::of(log);
        let answered = catch_unwind(AssertUnwindSafe(|| fits_or_is_refused(subject, &world)));
        match answered {
            Ok(outcome) => outcome.map_err(|why| format!("{name}: {why}")),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned();
                let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                Err(format!("{name}: it panics: {}", said.unwrap_or_default()))
            }
        }
    })
}

fn fits_or_is_refused(subject: &Subject<'_>, world: &World) -> Outcome {
    let mut silent = segue_core::Silent;
    let mut cx = segue_core::FitCx::plain(1, subject.registry, &mut silent);
    let model: Box<dyn Recommender> = match subject.fit_in(world, &mut cx) {
        Ok(model) => model,
        Err(error) => return ensure(!error.to_string().trim().is_empty(), || "refused without a word".into()),
    };
    let users = (0..world.log.n_users() as UserId).flat_map(|u| [world.known(u), world.guest(u)]);
    users.chain([Query::guest(History::EMPTY)]).try_for_each(|query| {
        let scores = scores_in(world, model.as_ref(), query);
        finite(&scores, &query)
    })
}

/// An absurd learning rate ends in an error that says so, or in finite scores; never in a model of NaN.
pub fn divergence_is_named(subject: &Subject<'_>) -> Outcome {
    let Some(key) = subject.entry.canonical_key("learning_rate") else { return Ok(()) };
    let range = subject.entry.params.iter().find(|p| p.name == key).and_then(|p| p.range);
    let absurd = range.map_or(1e30, |range| range.max.min(1e30));
    let Some(wild) = subject.having(key, json!(absurd)) else { return Ok(()) };
    let world = Planted { output: subject.info().output, ..Planted::default() }.build().world;
    fits_or_is_refused(&wild, &world).map_err(|why| format!("`{key}` = {absurd:e}: {why}"))
}
