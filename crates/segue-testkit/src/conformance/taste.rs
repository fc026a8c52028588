//! The model finds what was planted, and the history of the moment wins.

use segue_core::ranking::{Ask, rank_range};
use segue_core::{Event, History, HistoryBuf, Interactions, ItemId, Query, Recommender, Signal, UserId};

use super::{Outcome, Subject, ensure, relative_gap, scores_in};
use crate::worlds::{Planted, World, checkerboard};

const BOARD: usize = 40;

/// The item withheld from each user of the checkerboard is the best unseen one, for nine users in ten. By chance it
/// would be for one in twenty-one (one in two for a rating model).
pub fn the_withheld_checkerboard_is_found(subject: &Subject<'_>) -> Outcome {
    if !subject.info().personalised {
        return Ok(());
    }
    let world = checkerboard(BOARD, subject.info().output);
    let found = found_on_the_board(subject.fit(&world)?.as_ref(), &world, &|u| u)?;
    ensure(found >= 0.9, || format!("the withheld item is the best unseen one for {:.0} % of users", 100.0 * found))
}

/// Share of users whose best unseen item is `withheld(user)`.
pub(super) fn found_on_the_board(
    model: &dyn Recommender,
    world: &World,
    withheld: &dyn Fn(UserId) -> ItemId,
) -> Result<f64, String> {
    let n_users = world.log.n_users() as UserId;
    let mut found = 0;
    for u in 0..n_users {
        let hidden = world.log.seen(u);
        let ask = Ask { query: world.known(u), hidden: &hidden, relevant: &[] };
        let range = 0..world.log.n_items() as ItemId;
        let rankings = rank_range(model, &[ask], range, 1).map_err(|error| error.to_string())?;
        found += u32::from(rankings[0].top.first().is_some_and(|best| best.item == withheld(u)));
    }
    Ok(f64::from(found) / f64::from(n_users))
}

/// Another like moves the scores of other items, for a known user and for a guest.
pub fn one_more_like_changes_scores(subject: &Subject<'_>) -> Outcome {
    if !subject.info().personalised {
        return Ok(());
    }
    let world = checkerboard(BOARD, subject.info().output);
    let model = subject.fit(&world)?;
    for (who, user) in [("a known user", Some(0)), ("a guest", None)] {
        let before = world.log.user(0);
        // The first item that user 0 has not met and that is not the user's own colour, or the one withheld.
        let liked: ItemId = u32::from(!subject.is_rating());
        let after = with_event(subject, before, liked, Signal::Positive);
        let score = |history| {
            let mut scores = scores_in(&world, model.as_ref(), Query { user, history });
            scores.remove(liked as usize);
            scores
        };
        ensure(score(before) != score(after.as_history()), || format!("a new like of {who} changes no other score"))?;
    }
    Ok(())
}

/// A dislike of an item lowers the mean score of its colour against the other colour, for a known user and for a guest.
pub fn one_dislike_lowers_its_neighbours(subject: &Subject<'_>) -> Outcome {
    if !subject.info().personalised {
        return Ok(());
    }
    let world = checkerboard(BOARD, subject.info().output);
    let model = subject.fit(&world)?;
    let mut of_both = HistoryBuf::default();
    for item in 0..8 {
        of_both = with_event(subject, of_both.as_history(), item, Signal::Positive);
    }
    // User 0 has not met item 0, which is of the user's own colour; nor has the guest met item 20.
    let cases = [("a known user", Some(0), world.log.user(0), 0), ("a guest", None, of_both.as_history(), 20)];
    for (who, user, before, disliked) in cases {
        let after = with_event(subject, before, disliked, Signal::Negative);
        let lead = |history| {
            let scores = scores_in(&world, model.as_ref(), Query { user, history });
            let signed = scores.iter().enumerate().filter(|&(i, _)| i != disliked as usize);
            signed.map(|(i, &s)| if i as u32 % 2 == disliked % 2 { f64::from(s) } else { -f64::from(s) }).sum::<f64>()
        };
        let (before, after) = (lead(before), lead(after.as_history()));
        ensure(after < before, || format!("a dislike of {who} moves its colour's lead from {before} to {after}"))?;
    }
    Ok(())
}

/// A guest with a user's training history finds at least six in ten of the user's ten best unseen items among the own
/// ten best.
pub fn a_guest_with_a_users_history_gets_the_users_list(subject: &Subject<'_>) -> Outcome {
    if !subject.info().personalised {
        return Ok(());
    }
    let world = Planted { output: subject.info().output, ..Planted::default() }.build().world;
    let model = subject.fit(&world)?;
    let k = 10;
    let best = |query| {
        let hidden = world.log.seen(0);
        let ask = Ask { query, hidden: &hidden, relevant: &[] };
        let rankings = rank_range(model.as_ref(), &[ask], 0..world.log.n_items() as ItemId, k);
        rankings.map(|mut rankings| rankings.remove(0).top).map_err(|error| error.to_string())
    };
    let mut shared = 0;
    for u in 0..world.log.n_users() as UserId {
        let (known, guest) = (best(world.known(u))?, best(world.guest(u))?);
        shared += known.iter().filter(|a| guest.iter().any(|b| a.item == b.item)).count();
    }
    let shared = shared as f64 / (k * world.log.n_users()) as f64;
    ensure(shared >= 0.6, || format!("only {:.0} % of the {k} best items are shared", 100.0 * shared))
}

/// Who is new and has no history is shown what everybody likes before what nobody does.
pub fn a_guest_without_history_gets_what_is_popular(subject: &Subject<'_>) -> Outcome {
    if !subject.info().personalised {
        return Ok(());
    }
    let mut world = checkerboard(BOARD, subject.info().output);
    let rating = subject.is_rating();
    // Everybody likes item 0. Item 1 has no friends left: nobody met it, or all who rated it disliked it.
    let disliked = world.log.filter(|e| e.item != 0 && e.item != 1);
    let events = (0..BOARD as UserId).flat_map(|u| {
        let star = |item, value, signal| Event { user: u, item, weight: 1.0, signal, value, time: None };
        let loved = star(0, if rating { 5.0 } else { 1.0 }, Signal::Positive);
        [Some(loved), rating.then(|| star(1, 1.0, Signal::Negative))].into_iter().flatten()
    });
    let events = disliked.events().chain(events).collect();
    world.log = Interactions::new(BOARD, BOARD, events).map_err(|error| error.to_string())?;
    let scores = scores_in(&world, subject.fit(&world)?.as_ref(), Query::guest(History::EMPTY));
    ensure(scores[0] > scores[1], || {
        format!("a guest without history gets {} for what all like, {} for what none does", scores[0], scores[1])
    })
}

/// Worlds over which gains are averaged. Where nothing is shared, the tastes of a few hundred people still agree a little
/// more or less often than by chance, so one world says nothing of the absence of a gain.
const WORLDS: u64 = 8;

/// Knowing the source domain helps where tastes are shared, and neither where they are not nor where the source
/// histories are given to other people. Gains are in [`crate::PlantedWorld::found`], the mean of eight worlds.
pub fn shared_tastes_help_and_shuffled_links_do_not(subject: &Subject<'_>) -> Outcome {
    if !subject.info().personalised {
        return Ok(());
    }
    let output = subject.info().output;
    let found = |strength: f64, shuffled: bool, seed: u64| -> Result<[f64; 2], String> {
        let mut built = Planted { n_users: 300, strength, output, seed, ..Planted::default() }.build();
        if shuffled {
            built = built.with_shuffled_links(seed);
        }
        let alone = built.target_only();
        let joint = built.found(subject.fit(&built.world)?.as_ref());
        Ok([joint, alone.found(subject.fit(&alone.world)?.as_ref())])
    };
    // The mean gain, and the story: the gain with its standard error, from what to what.
    let gains = |strength, shuffled| -> Result<(f64, String), String> {
        let each = (1..=WORLDS).map(|seed| found(strength, shuffled, seed)).collect::<Result<Vec<_>, _>>()?;
        let n = WORLDS as f64;
        let [joint, alone] = [0, 1].map(|of| each.iter().map(|pair| pair[of]).sum::<f64>() / n);
        let mean = joint - alone;
        let variance = each.iter().map(|[joint, alone]| (joint - alone - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Ok((mean, format!("{mean:.3} ± {:.3} ({alone:.3} alone, {joint:.3} jointly)", (variance / n).sqrt())))
    };
    let (shared, none, placebo) = (gains(1.0, false)?, gains(0.0, false)?, gains(1.0, true)?);
    let told = || format!("gains: {} shared, {} not shared, {} links shuffled", shared.1, none.1, placebo.1);
    ensure(shared.0 > 0.05 && none.0 < 0.03 && placebo.0 < 0.03, told)
}

fn with_event(subject: &Subject<'_>, history: History<'_>, item: ItemId, signal: Signal) -> HistoryBuf {
    let mut longer = HistoryBuf::from(history);
    let value = match signal {
        Signal::Positive if subject.is_rating() => 5.0,
        _ => 1.0,
    };
    longer.push_event(item, signal, 1.0, value);
    longer
}

/// As [`the_withheld_checkerboard_is_found`] with every user and item renamed.
pub(super) fn found_after_renaming(subject: &Subject<'_>) -> Result<f64, String> {
    let world = checkerboard(BOARD, subject.info().output);
    let renamed = renamed(&world);
    // user u is now BOARD - 1 - u, item i is now 7 i mod BOARD
    let withheld = |user: UserId| item_name(BOARD as u32 - 1 - user, BOARD as u32);
    found_on_the_board(subject.fit(&renamed)?.as_ref(), &renamed, &withheld)
}

/// The new id of an item: 7 is prime to every catalogue size used here.
pub(super) fn item_name(item: ItemId, n_items: u32) -> ItemId {
    item * 7 % n_items
}

/// The same log in which users count backwards and items have new ids.
pub(super) fn renamed(world: &World) -> World {
    let (n_users, n_items) = (world.log.n_users(), world.log.n_items());
    let events = world.log.events().map(|e| Event {
        user: n_users as UserId - 1 - e.user,
        item: item_name(e.item, n_items as u32),
        ..e
    });
    match Interactions::new(n_users, n_items, events.collect()) {
        Ok(log) => World { log, ..world.clone() },
        Err(error) => unreachable!("renamed events stay in range: {error}"),
    }
}

/// Whether two score vectors agree after [`renamed`].
pub(super) fn gap_after_renaming(before: &[f32], after: &[f32]) -> f32 {
    let n = before.len() as u32;
    let back: Vec<f32> = (0..n).map(|i| after[item_name(i, n) as usize]).collect();
    relative_gap(before, &back)
}
