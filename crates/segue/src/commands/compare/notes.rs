//! What must be read with a comparison: its protocols, marks and verdicts, and what it lacks.

use segue_eval::{Measure, MetricSpec};
use segue_lab::{CandidateKind, Comparison, Row, Scope, Settings, Stored, Transfer, Unchosen};

use super::super::comparison::{Baseline, Labels, POPULARITY, errors_note, judges, main_note, marks_note, tests_note};
use super::{Arguments, Compared};

/// Everything that is said below the table of these rows.
pub(super) fn notes(
    args: &Arguments,
    (compared, baseline, names): (&Compared, &Baseline<'_>, &[String]),
    (rows, claims): (&[Vec<String>], &[Transfer]),
) -> Vec<String> {
    let Compared { comparison, first, .. } = compared;
    let mut notes = protocol_notes(comparison);
    notes.extend(names.first().and_then(|name| note_of_rivals(comparison, name)));
    if rows.iter().flatten().any(|cell| cell.starts_with("mean of ")) {
        let spec = names.first().and_then(|name| name.parse::<MetricSpec>().ok());
        let of_seeds = spec.is_some_and(|spec| {
            spec.metric.is_error() || comparison.rows.iter().any(|row| !row.is_lean() && !row.is_by_user(spec))
        });
        let gains = if of_seeds {
            "the interval of its gains is of the seeds alone, too, for this metric is no mean over users"
        } else {
            "the interval of its gains holds users and seeds together, with a p as the verdict has it where one is claimed"
        };
        notes.push(format!(
            "mean of n: over seeds, with its interval by Student's t where they differ; {gains}; other intervals are of the users"
        ));
    }
    notes.extend(args.show.is_empty().then(|| main_note(names, first)).flatten());
    notes.extend(marks_note(rows, baseline));
    if !args.tests {
        notes.extend(notes_of_full(comparison));
    }
    if first.evaluation.bootstrap == 0 {
        let n = baseline.resamples;
        notes.push(format!(
            "evaluation.bootstrap=0: values have no intervals; differences are told from chance by {n} resamples"
        ));
    }
    notes.extend(note_of_lean(comparison));
    notes.extend(names.first().and_then(|name| note_of_errors(comparison, name)));
    notes.extend(note_of_unlifted(comparison));
    // What learning from other domains is worth is said wherever it can be.
    let controlled = comparison.rows.iter().any(|row| {
        row.scope == Scope::Joint && comparison.control_of(row, Scope::Target).is_some() && row.model != POPULARITY
    });
    if controlled
        && let Some(Ok(spec)) = names.first().map(|name| name.parse::<MetricSpec>())
        && !judges(comparison, spec)
    {
        notes.push(format!(
            "no verdict on other domains by {spec}, which says not of each user what was found; --show ndcg@10 or another that does \
             has one"
        ));
    }
    let tuned = comparison.rows.iter().filter(|row| row.scope != Scope::Target).filter(|row| {
        let controls = [Scope::Target, Scope::Shuffled].map(|scope| comparison.control_of(row, scope));
        controls.into_iter().flatten().any(|control| !comparison.rows[control].is_recipe_of(row))
    });
    let tuned: Vec<String> = tuned.map(|row| format!("{} {}", row.model, row.scope)).collect();
    if !tuned.is_empty() {
        notes.push(format!(
            "{}: held against controls with other hyper-parameters than theirs: fair where each was tuned for itself",
            joined(tuned)
        ));
    }
    // What is popular is the same for everybody, and claims nothing.
    let told: Vec<String> = claims.iter().filter(|claim| claim.model != POPULARITY).map(ToString::to_string).collect();
    if let Some(spec) = claims.first().map(|claim| claim.over_target.metric)
        && spec.metric.is_error()
        && !args.tests
        && !told.is_empty()
    {
        notes.push(errors_note(spec));
    }
    notes.extend(told);
    notes.extend(notes_of_seeds(claims));
    let specs: Vec<MetricSpec> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if let Some(spec) = specs.iter().copied().find(|spec| matches!(spec.metric.measure, Measure::PerUser(_))) {
        let cold_starts = comparison.cold_starts(spec);
        notes.extend(cold_starts.iter().map(ToString::to_string));
        if cold_starts.iter().any(|cold| !cold.scores.is_empty() || !cold.undefined.is_empty()) {
            notes.push(format!(
                "domain generalisation score: {spec} on people with so many events in the target, over that of the model that learnt \
                 from the target alone"
            ));
        }
    }
    if args.tests {
        let alone =
            comparison.rows.iter().filter(|row| comparison.same_question(row, baseline.model).is_none()).count();
        if alone > 0 {
            notes.push(format!("{alone} rows are asked what no row of {} is, and are not tested", baseline.model));
        }
        if comparison.rows.iter().any(|row| row.is_aside() && row.model == baseline.model) {
            notes.push(format!(
                "other recipes of {} are held against the one that validation chose, and corrected among themselves",
                baseline.model
            ));
        }
        notes.push(
            "p corrected: that of the randomisation test, by Holm for all rows; detectable: found in four of five tries at the 5 % level \
             over the number of tests, which Holm holds the clearest to, `-` where there are too few users for any p to be as low, and where \
             all users differ by the same"
                .into(),
        );
        notes.extend(names.first().and_then(|name| tests_note(comparison, baseline, name)));
    }
    let several = comparison.rows.windows(2).any(|two| two[0].question != two[1].question);
    // What is said of several rows is said once.
    let mut said: Vec<(String, Vec<String>)> = Vec::new();
    for row in &comparison.rows {
        let on = if several { format!(" on {}", row.question) } else { String::new() };
        let of = format!("{} {}{on}", row.model, row.scope);
        // The first is the protocol again, and what intervals are is said by every table.
        for note in row.summary.notes().into_iter().skip(1).filter(|note| !note.starts_with("intervals")) {
            match said.iter_mut().find(|(other, _)| *other == note) {
                Some((_, rows)) => rows.push(of.clone()),
                None => said.push((note, vec![of.clone()])),
            }
        }
    }
    notes.extend(said.into_iter().map(|(note, of)| format!("{}: {note}", joined(of))));
    notes.extend(compared.notes.iter().cloned());
    notes
}

/// Which runs have no rows. A run that a sweep left and one whose test part nobody opens are configured alike.
pub(in crate::commands) fn note_of_sealed(runs: &[Stored]) -> Option<String> {
    let sealed = runs.iter().filter(|run| run.rows.is_empty());
    let sealed: Vec<String> = sealed.map(|run| run.folder.display().to_string()).collect();
    let why = "the test part is sealed, for validation chose another run of a sweep, or by evaluation.test=never";
    (!sealed.is_empty()).then(|| format!("{} left out: {why}", joined(sealed)))
}

/// What the intervals and ps of verdicts hold of seeds, and what they do not.
fn notes_of_seeds(claims: &[Transfer]) -> Vec<String> {
    let of = |is: &dyn Fn(&Transfer) -> bool| -> Option<String> {
        let models: Vec<String> = claims
            .iter()
            .filter(|claim| claim.model != POPULARITY && is(claim))
            .map(|claim| claim.model.clone())
            .collect();
        (!models.is_empty()).then(|| joined(models))
    };
    let over = |claim: &Transfer| claim.over_target.is_over_seeds();
    let mut notes = Vec::new();
    notes.extend(of(&over).map(|models| {
        format!(
            "verdict over seeds of {models}: the mean of their differences; interval and p hold users and seeds together, by the sum of both \
             variances and Student's t"
        )
    }));
    notes.extend(of(&|claim| over(claim) && claim.over_target.splits == 1).map(|models| {
        format!(
            "verdict of {models}: all seeds share one split, and how much another would change is not in the interval"
        )
    }));
    notes.extend(of(&|claim| !over(claim)).map(|models| {
        format!(
            "verdict of {models}: of one seed; how much other seeds of training and split would change is not in the interval, which is of \
             the users (seed=1,2,3 has one verdict over all)"
        )
    }));
    notes
}

/// Which recipes of one model differ by their settings alone, which of them validation chooses, and which nobody but test could.
fn note_of_rivals(comparison: &Comparison, name: &str) -> Option<String> {
    let spec = name.parse::<MetricSpec>().ok()?;
    let (rivals, labels) = (comparison.rivals(spec), Labels::of(comparison));
    let several = comparison.rows.windows(2).any(|two| two[0].question != two[1].question);
    let (mut models, mut chosen): (Vec<String>, Vec<(MetricSpec, Vec<String>)>) = (Vec::new(), Vec::new());
    let mut open: Vec<(Unchosen, Vec<String>)> = Vec::new();
    for rivals in &rivals {
        let runs = |recipe: usize| rivals.recipes.get(recipe).and_then(|runs| Some((*runs.first()?, runs)));
        let Some((first, _)) = runs(0) else { continue };
        let row = &comparison.rows[first];
        models.push(row.model.clone());
        let on = if several { format!(" on {}", row.question) } else { String::new() };
        match rivals.chosen {
            Ok((recipe, by)) => {
                let recipe = runs(recipe).map_or("", |(first, _)| labels.recipe(first));
                let told = format!("{} {} {recipe}{on}", row.model, row.scope);
                match chosen.iter_mut().find(|(known, _)| *known == by) {
                    Some((_, all)) => all.push(told),
                    None => chosen.push((by, vec![told])),
                }
            }
            Err(why) => {
                let told = format!("{} {}{on}", row.model, row.scope);
                match open.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, all)) => all.push(told),
                    None => open.push((why, vec![told])),
                }
            }
        }
    }
    models.sort();
    let mut told: Vec<String> = chosen
        .into_iter()
        .map(|(by, chosen)| {
            format!(
                "By {by} on validation it is {}: chosen to stand for the model; the other recipes are shown, and take no part in marks, \
                 verdicts and what is called best",
                joined(chosen)
            )
        })
        .collect();
    told.extend(open.into_iter().map(|(why, open)| {
        format!(
            "Validation chooses none of {}, for {why}: the best value on test is chosen on test, and too good for that",
            joined(open)
        )
    }));
    (!models.is_empty()).then(|| {
        format!(
            "several recipes of {} are shown on the test part, which was opened for each; they differ by settings only. {}. `segue \
             train -m` chooses by validation, and opens the test part of what it chose alone",
            joined(models),
            told.join(". ")
        )
    })
}

/// Why rows of several seeds have no mean where their split followed the seed: they were asked different questions.
pub(super) fn note_of_split_seeds(comparison: &Comparison, asked: &[Settings]) -> Option<String> {
    let rows = &comparison.rows;
    let apart = |a: &Row, b: &Row| {
        let of = asked.get(a.fit).zip(asked.get(b.fit));
        !a.is_asked_as(b) && of.is_some_and(|(a, b)| a.is_split_by_seed(b))
    };
    let mut seeds: Vec<u64> =
        rows.iter().filter(|row| rows.iter().any(|other| apart(row, other))).map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let least = seeds.first()?;
    let told: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    Some(format!(
        "runs with the seeds {} were split each in its own way, for split.seed follows the run's seed unless it is given: they were \
         asked different questions, and have no mean and no tests beside each other, but verdicts over all of them; with split.seed={least} for all of them, as \
         `segue train -m seed={}` has it by itself, they have",
        joined(told.clone()),
        told.join(",")
    ))
}

/// Why some rows have no marks, gains and tests, if any have none.
fn note_of_lean(comparison: &Comparison) -> Option<String> {
    let mut lean: Vec<String> = Vec::new();
    for row in comparison.rows.iter().filter(|row| row.is_lean()) {
        let name = format!("{} {}", row.model, row.scope);
        if !lean.contains(&name) {
            lean.push(name);
        }
    }
    (!lean.is_empty()).then(|| {
        format!(
            "no marks, gains or tests of {}: their folders have no per_user.csv, or one without values, and these compare user by user",
            lean.join(", ")
        )
    })
}

/// Which runs of an earlier version have no errors by user, if the metric is one.
fn note_of_errors(comparison: &Comparison, name: &str) -> Option<String> {
    let spec = name.parse::<MetricSpec>().ok().filter(|spec| spec.metric.is_error())?;
    let without = |row: &&Row| row.value(name).is_some() && !row.is_lean() && !row.is_by_user(spec);
    let rows = comparison.rows.iter().filter(without).map(|row| format!("{} {}", row.model, row.scope));
    let rows: Vec<String> = rows.collect();
    (!rows.is_empty()).then(|| {
        format!(
            "no marks, gains or tests of {} by {name}: their per_user.csv has no errors; trained again, they have",
            joined(rows)
        )
    })
}

/// Which rows have no popularity of their own protocol to be lifted over, where others have.
fn note_of_unlifted(comparison: &Comparison) -> Option<String> {
    let (protocols, followed) = comparison.protocols();
    let alone = |row: &Row| comparison.same_question(row, POPULARITY).is_none();
    let rows = comparison.rows.iter().zip(followed).filter(|(row, _)| alone(row));
    let names = rows.map(|(row, protocol)| match protocols.len() {
        1 => format!("{} {}", row.model, row.scope),
        _ => format!("{} {} (protocol {})", row.model, row.scope, protocol + 1),
    });
    let names: Vec<String> = names.collect();
    // Of none at all it was said why.
    (!names.is_empty() && names.len() < comparison.rows.len()).then(|| {
        format!("no lift over {POPULARITY} of {}: no run of it by the same protocol is among these", joined(names))
    })
}

/// Names in a row, the first few of many; each once.
pub(in crate::commands) fn joined(mut names: Vec<String>) -> String {
    const MOST: usize = 4;
    names.dedup();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    let names = names.join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}

/// What estimates of full metrics are, or why there are none beside sampled ones: once, with the models that it is said of where
/// it is not said of all.
fn notes_of_full(comparison: &Comparison) -> Vec<String> {
    let note = |row: &Row| match row.summary.note_of_full() {
        None if row.evaluation.candidates != CandidateKind::Full && row.summary.corrected.is_empty() => {
            Some("no value on the full catalogue was estimated when the run was stored".to_owned())
        }
        note => note,
    };
    let mut said: Vec<(String, Vec<&str>)> = Vec::new();
    for row in &comparison.rows {
        let Some(note) = note(row) else { continue };
        match said.iter_mut().find(|(other, _)| *other == note) {
            Some((_, models)) if models.contains(&row.model.as_str()) => {}
            Some((_, models)) => models.push(&row.model),
            None => said.push((note, vec![&row.model])),
        }
    }
    let several = said.len() > 1;
    said.into_iter().map(|(note, of)| if several { format!("{}: {note}", of.join(", ")) } else { note }).collect()
}

/// The protocol of every row; what all of several begin with is said once.
fn protocol_notes(comparison: &Comparison) -> Vec<String> {
    let (protocols, followed) = comparison.protocols();
    let [first, others @ ..] = protocols.as_slice() else { return Vec::new() };
    if others.is_empty() {
        return vec![(*first).to_owned()];
    }
    let mut common = 0;
    for (end, _) in first.match_indices("; ") {
        if others.iter().all(|other| other.starts_with(&first[..end + 2])) {
            common = end + 2;
        }
    }
    let mut notes = Vec::new();
    if common > 0 {
        notes.push(format!("all protocols: {}", first[..common].trim_end_matches("; ")));
    }
    for (n, protocol) in protocols.iter().enumerate() {
        let row = followed.iter().position(|&of| of == n).map(|row| &comparison.rows[row]);
        let of = row.map_or_else(String::new, |row| format!(" ({})", row.question));
        notes.push(format!("protocol {}{of}: {}", n + 1, &protocol[common..]));
    }
    notes
}
