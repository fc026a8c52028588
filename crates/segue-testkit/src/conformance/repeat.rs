//! The same thing twice: refits, threads, artifacts, resumes, names.

use std::cell::RefCell;
use std::ops::ControlFlow;

use segue_core::{
    ArtifactReader, EarlyStopping, FitCx, FitError, FitEvent, Halt, History, HistoryBuf, ItemId, Mode, Query,
    Recommender, Seed, Trainer, UserId, Validator, Watch,
};
use serde_json::json;

use super::taste::{found_after_renaming, found_on_the_board, gap_after_renaming, renamed};
use super::{Outcome, Subject, bytes_of, ensure, scores_in};
use crate::worlds::{Planted, World, checkerboard};

/// The same seed gives the same bytes; another seed fits too.
pub fn refit_gives_the_same_bytes(subject: &Subject<'_>) -> Outcome {
    let world = Planted { output: subject.info().output, ..Planted::default() }.build().world;
    let bytes = bytes_of(subject.fit(&world)?.as_ref())?;
    ensure(bytes == bytes_of(subject.fit(&world)?.as_ref())?, || "a second fit saves other bytes".into())?;
    subject.fit_seeded(&world, 2).map(drop)
}

/// One, two and three threads save the same bytes and give the same scores, on a world large enough to be shared out.
pub fn threads_change_nothing(subject: &Subject<'_>) -> Outcome {
    let output = subject.info().output;
    let world = Planted { n_users: 1500, n_items: [150, 150], source_likes: 12, output, ..Planted::default() };
    let world = world.build().world;
    let brief = subject.having("epochs", json!(2));
    let subject = brief.as_ref().unwrap_or(subject);
    let fit_on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
        pool.install(|| {
            let model = subject.fit(&world)?;
            let known = scores_in(&world, model.as_ref(), world.known(2));
            Ok::<_, String>((bytes_of(model.as_ref())?, known, scores_in(&world, model.as_ref(), world.guest(2))))
        })
    };
    let one = fit_on(1)?;
    for threads in [2, 3] {
        let many = fit_on(threads)?;
        ensure(one.0 == many.0, || format!("{threads} threads save other bytes than one"))?;
        ensure(one == many, || format!("{threads} threads score otherwise than one"))?;
    }
    Ok(())
}

/// What is loaded scores bit-equal to what was saved, gives the same reasons and saves the same bytes.
pub fn saving_changes_nothing(subject: &Subject<'_>) -> Outcome {
    let world = Planted { output: subject.info().output, ..Planted::default() }.build().world;
    let model = subject.fit(&world)?;
    let bytes = bytes_of(model.as_ref())?;
    let reader = ArtifactReader::open(&bytes, subject.registry).map_err(|error| error.to_string())?;
    let loaded = subject.entry.load(&reader).map_err(|error| format!("what it saved does not load: {error}"))?;
    let strange = HistoryBuf::likes(&[0, 40, 71]);
    let moved_on = Query { user: Some(2), history: strange.as_history() };
    let strangers = [Query::guest(strange.as_history()), Query::guest(History::EMPTY), moved_on];
    let users = (0..world.log.n_users() as UserId).flat_map(|u| [world.known(u), world.guest(u)]);
    for query in users.chain(strangers) {
        let (before, after) = (scores_in(&world, model.as_ref(), query), scores_in(&world, loaded.as_ref(), query));
        ensure(before.iter().zip(&after).all(|(a, b)| a.to_bits() == b.to_bits()), || {
            format!("after loading, scores of {:?} differ: {}", query.user, first_difference(&before, &after))
        })?;
        let reasons = (model.contributions(&query, 3), loaded.contributions(&query, 3));
        ensure(reasons.0 == reasons.1, || "after loading, contributions differ".into())?;
    }
    ensure(bytes == bytes_of(loaded.as_ref())?, || "what was loaded saves other bytes".into())
}

fn first_difference(a: &[f32], b: &[f32]) -> String {
    let differs = |n: &usize| a[*n].to_bits() != b[*n].to_bits();
    (0..a.len()).find(differs).map(|n| format!("item {n} had {}, has {}", a[n], b[n])).unwrap_or_default()
}

/// Users and items are only names. A model whose bytes do not depend on the seed must score renamed items alike; one
/// that draws its start or its order by id must still find the checkerboard.
pub fn relabelling_changes_nothing(subject: &Subject<'_>) -> Outcome {
    let world = Planted { n_items: [18, 18], output: subject.info().output, ..Planted::default() }.build().world;
    let model = subject.fit(&world)?;
    if bytes_of(model.as_ref())? != bytes_of(subject.fit_seeded(&world, 2)?.as_ref())? {
        if !subject.info().personalised {
            return Ok(());
        }
        let found = found_after_renaming(subject)?;
        return ensure(found >= 0.9, || {
            format!("with other names, the withheld item is found for only {:.0} % of users", 100.0 * found)
        });
    }
    let other = renamed(&world);
    let twin = subject.fit(&other)?;
    let last = world.log.n_users() as UserId - 1;
    for u in 0..=last {
        let before = scores_in(&world, model.as_ref(), world.known(u));
        let after = scores_in(&other, twin.as_ref(), other.known(last - u));
        let gap = gap_after_renaming(&before, &after);
        ensure(gap <= 1e-3, || format!("with other names, scores of user {u} differ by {gap:e} of their size"))?;
    }
    Ok(())
}

/// A run that is interrupted after two of four epochs and goes on from its checkpoint ends in the same bytes, with and
/// without a best snapshot to keep.
pub fn resuming_changes_nothing(subject: &Subject<'_>) -> Outcome {
    let Some(subject) = subject.having("epochs", json!(4)) else { return Ok(()) };
    let world = checkerboard(24, subject.info().output);
    let board = Board { world: &world };
    let stopping = EarlyStopping { metric: "found@1".into(), mode: Mode::Max, patience: 9 };
    for (early_stopping, validator) in [(None, None), (Some(stopping), Some(&board as &dyn Validator))] {
        let trainer = Trainer { early_stopping, validate_every: 1, checkpoint_every: 2, ..Trainer::default() };
        let fit = |watch: &mut dyn Watch, resume: Option<&ArtifactReader<'_>>| {
            let seed = Seed::new(1);
            let (trainer, registry) = (trainer.clone(), subject.registry);
            subject.fit_in(&world, &mut FitCx { seed, trainer, validator, watch, registry, resume })
        };
        let whole = fit(&mut Tape::default(), None).map_err(|error| format!("four epochs: {error}"))?;
        let mut tape = Tape { abort_after: Some(2), checkpoint: RefCell::default() };
        match fit(&mut tape, None) {
            Err(FitError::Interrupted { epoch: 2 }) => {}
            Err(error) => return Err(format!("aborted in epoch 2, it says: {error}")),
            Ok(_) => return Err("it has epochs but an abort after the second does not end it".into()),
        }
        let checkpoint = tape.checkpoint.into_inner();
        ensure(!checkpoint.is_empty(), || "it has epochs but writes no checkpoint".into())?;
        let reader = ArtifactReader::open(&checkpoint, subject.registry).map_err(|error| error.to_string())?;
        let resumed =
            fit(&mut Tape::default(), Some(&reader)).map_err(|error| format!("it does not resume: {error}"))?;
        ensure(bytes_of(whole.as_ref())? == bytes_of(resumed.as_ref())?, || {
            "two epochs, a checkpoint and two more save other bytes than four".into()
        })?;
    }
    Ok(())
}

/// Keeps the last checkpoint, and pulls the plug.
#[derive(Default)]
struct Tape {
    abort_after: Option<usize>,
    checkpoint: RefCell<Vec<u8>>,
}

impl Watch for Tape {
    fn on(&mut self, event: &FitEvent<'_>) -> ControlFlow<Halt> {
        match event {
            FitEvent::Checkpoint { save, .. } => {
                let mut bytes = Vec::new();
                if save(&mut bytes).is_ok() {
                    self.checkpoint.replace(bytes);
                }
                ControlFlow::Continue(())
            }
            FitEvent::Epoch(record) if self.abort_after == Some(record.epoch) => ControlFlow::Break(Halt::Abort),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Validates by the withheld items of a checkerboard.
struct Board<'a> {
    world: &'a World,
}

impl Validator for Board<'_> {
    fn validate(&self, model: &dyn Recommender) -> Result<Vec<(String, f64)>, FitError> {
        let found = found_on_the_board(model, self.world, &|u: UserId| -> ItemId { u });
        Ok(vec![("found@1".into(), found.map_err(FitError::Validation)?)])
    }
}

#[cfg(test)]
mod tests {
    use segue_core::Output;

    use super::*;

    #[test]
    fn renaming_moves_scores_with_their_items() {
        let world = checkerboard(8, Output::Ranking);
        let other = renamed(&world);
        assert_eq!(other.log.n_users(), 8);
        assert_ne!(other.log, world.log);
        assert_eq!(gap_after_renaming(&[0.0, 1.0, 2.0], &[0.0, 1.0, 2.0]), 0.0);
        assert!(gap_after_renaming(&[0.0, 1.0, 2.0, 3.0], &[0.0, 1.0, 2.0, 3.0]) > 0.1);
    }
}
