//! The steps of preparation in order.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use segue_core::{Catalogue, Domain, ItemInfo, Prepared, Seed};

use super::assemble::{Outline, SplitRows, gather};
use super::config::{
    DataConfig, Deduplicate, DomainConfig, OneOrMany, PrepareOptions, SplitConfig, SplitKind, UserFilter,
};
use super::divided::{self, Divided, How};
use super::folder::{check_place, write_settled};
use super::links::ItemLinks;
use super::report::PrepareReport;
use super::rows::World;
use super::sample::MaxRows;
use super::values::DomainValues;
use super::{
    assemble, clean, features, filter, found_links, idle, ingest, locate, sample, split as splitting, subset, weights,
};
use crate::DataError;
use crate::place::Lock;
use crate::readers::{Column, Format, InputFile, Progress, Session, read_items, rounded_note};
use crate::spill::Spill;

/// Reads, cleans, filters and splits, all in memory in the end; see the table of steps in [`crate::prepare`].
///
/// `seed` is used where `split.seed` is null.
pub fn prepare(
    data: &DataConfig,
    options: &PrepareOptions,
    split: &SplitConfig,
    seed: u64,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<(Prepared, PrepareReport), DataError> {
    let spill = Spill::new(options.memory << 20, temporary())?;
    let (outline, rows, report) = settle(data, (options, split, seed), spill, progress)?;
    Ok((gather(outline, rows)?, report))
}

/// [`prepare`] and [`write_folder`](super::write_folder) in one, for logs of any size: what does not fit into
/// `prepare.memory` is in files beside the folder `place.0` while it is worked on. What a stopped run
/// had done stays there, and is not done again by a run with `place.1`: files that were read whole, and rows in files that
/// were divided into their parts. Also returns how many bytes went through such files.
pub fn prepare_folder(
    place: (&Path, bool),
    data: &DataConfig,
    (options, split, seed): (&PrepareOptions, &SplitConfig, u64),
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<(PrepareReport, u64), DataError> {
    let (dir, resume) = place;
    let _lock = Lock::take(dir)?;
    let spill = Spill::keeping(options.memory << 20, check_place(dir)?, resume)?;
    let (outline, rows, report) = settle(data, (options, split, seed), spill, progress)?;
    let n = report.parts.iter().map(|part| part.interactions as u64).sum();
    let mut told = |rows| match progress(Progress { stage: "write", rows, bytes: rows, bytes_total: n }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(DataError::Interrupted),
    };
    write_settled(dir, (&outline, &rows), &report, &mut told)?;
    Ok((report, rows.finish()))
}

/// Where that is which a stopped [`prepare_folder`] had done, if it left some.
pub fn kept_beside(dir: &Path) -> Option<PathBuf> {
    check_place(dir).ok().filter(|kept| kept.is_dir())
}

/// A folder for rows that are not held, for work that writes no folder of its own.
fn temporary() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("segue.{}.{n}.spill", std::process::id()))
}

/// Everything but gathering or writing the events.
fn settle(
    data: &DataConfig,
    (options, split, seed): (&PrepareOptions, &SplitConfig, u64),
    spill: Spill,
    progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<(Outline, SplitRows, PrepareReport), DataError> {
    let locate::Located { data, notes: told, links } = locate::locate(data)?;
    let data = &*data;
    let (options, split, seed) = resolve(data, options, split, seed)?;
    let mut session = Session::new(data.max_bad_lines, progress);
    let spill = Arc::new(spill);
    let how = How::of(data, (&options, &split, seed));
    let divided = if let Some(divided) = divided::find(&how, &spill, &mut session) {
        divided
    } else {
        let divided = divide(data, (&options, &split, seed), (told, &spill), &mut session);
        let mut divided =
            divided.map_err(|error| with_notes(found_links::with_way_out(error, &links), session.files()))?;
        divided::keep(&how, &mut divided, &spill, &session)?;
        divided
    };
    let Divided { mut world, overlaps_as_read, overlaps, protocol, asked } = divided;
    let census = assemble::Census::take(&world)?;
    let mut report = PrepareReport {
        data: data.clone(),
        parts: census.parts(&world),
        questions: asked.count(&world)?,
        overlaps_as_read,
        overlaps,
        steps: std::mem::take(&mut world.steps),
        options,
        split,
        seed,
        ..PrepareReport::default()
    };
    check_parts(&report, &world).map_err(|error| with_notes(error, session.files()))?;
    let shares_negatives = world.negatives.is_some() && report.parts.iter().any(|p| p.part == "val" && p.users > 0);
    let (assembled, notes) = assemble::assemble(world, (&census, asked), spill)?;
    report.notes = notes;
    report.notes.extend(idle::note(&report.options, &report.split));
    if shares_negatives {
        report.notes.push("the given negatives are shared by validation and test".into());
    }
    let notes = &mut report.notes;
    let infos = assembled.domains.iter().map(|domain| describe(data, domain, &report.options, (&mut session, notes)));
    let infos = infos.collect::<Result<Vec<_>, _>>()?;
    session.stage("assemble", report.parts.iter().map(|p| p.interactions as u64).sum())?;
    let mut infos: Vec<_> = infos.into_iter().map(Vec::into_iter).collect();
    let domains = assembled.domains.clone();
    let catalogue = Catalogue::new(domains, |d, _| infos[d].next().unwrap_or_default());
    let catalogue = features::describe(catalogue, (&report.options, &mut report.notes), &mut session)?;
    let (outline, rows) = assembled.outline(catalogue, protocol);
    report.inputs = session.into_files();
    let is_adjacency =
        |path: &str| report.inputs.iter().any(|input| input.path == path && input.format == Some(Format::Adjacency));
    report.notes.extend(locate::unordered(data, &is_adjacency));
    for input in &mut report.inputs {
        let told = std::mem::take(&mut input.notes).into_iter();
        report.notes.extend(told.map(|note| format!("{}: {note}", input.path)));
    }
    report.notes.extend(report.inputs.iter().filter(|input| input.bad_lines > 0).map(InputFile::told));
    Ok((outline, rows, report.named()))
}

/// An error of a step after reading may come of lines that could not be read, or of how the others were.
fn with_notes(error: DataError, files: &[InputFile]) -> DataError {
    let bad: Vec<String> = files.iter().filter(|file| file.bad_lines > 0).map(InputFile::told).collect();
    let bad = (!bad.is_empty()).then(|| format!("not every line was read: {}", bad.join("; ")));
    let notes = files.iter().flat_map(|file| file.notes.iter().map(|note| format!("{}: {note}", file.path)));
    let told: Vec<String> = bad.into_iter().chain(notes).collect();
    match error {
        DataError::Interrupted | DataError::Io { .. } => error,
        error if told.is_empty() => error,
        error => DataError::AfterReading { error: Box::new(error), told: told.join("; ") },
    }
}

/// Every step up to the split, and what follows from it for the rows.
fn divide(
    data: &DataConfig,
    (options, split, seed): (&PrepareOptions, &SplitConfig, u64),
    (told, spill): (Vec<String>, &Arc<Spill>),
    session: &mut Session<'_>,
) -> Result<Divided, DataError> {
    let max_rows = MaxRows::new(data, options, split)?;
    let mut world = ingest::ingest(data, split, (options.drop_incomplete, spill), session)?;
    world.notes.extend(told);
    let before: Vec<usize> = world.sizes();
    world.record("read", &before, "the files hold no complete row; check `format` and `columns`")?;
    let overlaps_as_read = assemble::count_overlaps(&world);

    subset::subset(&mut world, data, options, session)?;
    session.stage("clean", world.sizes().iter().sum::<usize>() as u64)?;
    let values = values_of(data, &world, options);
    clean_all(&mut world, options, &values)?;

    session.stage("filter", world.sizes().iter().sum::<usize>() as u64)?;
    sample::sample(&mut world, &max_rows, Seed::new(seed))?;
    let no_likes = weights::of_no_likes(&world, options)?;
    let (kept, counts) = filter::choose(&mut world, options, Seed::new(seed))?;

    session.stage("split", world.targets.iter().map(|&d| world.domains[d].rows.len() as u64).sum())?;
    let kept = Arc::new(kept);
    for ((d, domain), counts) in world.domains.iter_mut().enumerate().zip(counts) {
        let kept = Arc::clone(&kept);
        domain.rows.edit_as_read(counts, move |rows| kept.retain(d, rows));
    }
    drop(kept);
    if let Some(untimed) = world.domains.iter().find(|domain| options.history.is_some() && !domain.timed) {
        let what = format!("needs times, and the log of domain {} has none; set it to null", untimed.name);
        return Err(DataError::config("prepare.history", what));
    }
    let links = ItemLinks::read(&world, data, session)?;
    let made = splitting::split(&mut world, split, &links, Seed::new(seed).named("split"))?;
    if options.normalise {
        weights::weigh(&mut world, &no_likes)?;
    }
    for (domain, values) in world.domains.iter_mut().zip(&values) {
        world.notes.extend(values.scale(domain)?);
    }
    // Before events go to the domain of another: who is met where is a matter of the logs.
    let overlaps = assemble::count_overlaps(&world);
    links.join(&mut world, options.deduplicate, &made)?;
    if options.deduplicate == Deduplicate::None {
        splitting::tell_repeats(&mut world)?;
    }
    let linked = if data.item_links.is_empty() { "" } else { "; linked items are one" };
    let protocol = format!("{}; split seed {seed}{linked}", made.protocol);
    let protocol = [protocol].into_iter().chain(values.iter().filter_map(DomainValues::units));
    let protocol = protocol.collect::<Vec<_>>().join("; ");
    Ok(Divided { world, overlaps_as_read, overlaps, protocol, asked: made.asked })
}

/// Interval, range, deduplication, signals and logarithms of every domain.
fn clean_all(world: &mut World, options: &PrepareOptions, values: &[DomainValues]) -> Result<(), DataError> {
    let before = world.sizes();
    if values.iter().any(DomainValues::has_interval) {
        for (domain, values) in world.domains.iter_mut().zip(values) {
            domain.rows.edit(|rows| {
                values.keep_inside(rows);
                Ok(())
            })?;
        }
        world.record("value interval", &before, "widen `value_interval`, or set it to null")?;
    }
    let before = world.sizes();
    for ((domain, values), &before) in world.domains.iter_mut().zip(values).zip(&before) {
        let told = clean::clean(domain, options, values)?;
        let name = &domain.name;
        if told.clipped > 0 {
            world.notes.push(format!(
                "{name}: {} of {} values were clipped; {}=null keeps them",
                told.clipped,
                before,
                values.key("clip")
            ));
        }
        if told.subtracted > 0 {
            world.notes.push(format!(
                "{name}: {} pairs of a later given part were taken out of earlier ones",
                told.subtracted
            ));
        }
        world.notes.extend(rounded_note(name, told.rounded as u64, "sums"));
        if told.beyond > 0 {
            let n = told.beyond;
            world.notes.push(format!(
                "{name}: {n} sums are beyond single precision; its largest number, 3.4e38, stands for them"
            ));
        }
    }
    world.record("deduplicate", &before, "")
}

/// Options as they will be used: shortcuts of group `data` applied, ranges checked.
fn resolve(
    data: &DataConfig,
    options: &PrepareOptions,
    split: &SplitConfig,
    seed: u64,
) -> Result<(PrepareOptions, SplitConfig, u64), DataError> {
    let (mut options, mut split) = (options.clone(), split.clone());
    if let Some(train_size) = data.train_size {
        options.train_size = train_size;
    }
    if !(options.train_size > 0.0 && options.train_size <= 1.0) {
        return Err(DataError::config("prepare.train_size", format!("{} must lie in (0, 1]", options.train_size)));
    }
    if options.history.is_some_and(|length| !(1..=10_000).contains(&length)) {
        let what = "must be the length of a history, 1 to 10000 (20 or 50 are usual), or null for none";
        return Err(DataError::config("prepare.history", what));
    }
    let is_history = |name: &str| name == "hist" || name.ends_with("_hist");
    if let Some(domain) = data.domains.iter().find(|domain| options.history.is_some() && is_history(&domain.name)) {
        let what =
            format!("{:?} is how files of histories end, and prepare.history is on; name it otherwise", domain.name);
        return Err(DataError::config("data.domains.name", what));
    }
    for domain in std::iter::once(&DomainConfig::default()).chain(&data.domains) {
        DomainValues::of(domain, &options).check()?;
    }
    if let (Some(positive), Some(negative)) = (options.positive_threshold, options.negative_threshold)
        && negative >= positive
    {
        let what = format!("{negative} must be below prepare.positive_threshold ({positive})");
        return Err(DataError::config("prepare.negative_threshold", what));
    }
    if data.train_ratio.is_some() || data.val_ratio.is_some() {
        let meaningless = match split.kind {
            SplitKind::LeaveOneOut | SplitKind::Ratio => None,
            SplitKind::TimeCut => split.cut.as_ref().map(|_| "a cut at given moments"),
            SplitKind::Given => Some("given files"),
            SplitKind::KFold => Some("folds"),
            SplitKind::ColdUser | SplitKind::ColdItem | SplitKind::FewShot | SplitKind::Questions => {
                Some("shares of users or items")
            }
        };
        if let Some(of) = meaningless {
            let key = if data.train_ratio.is_some() { "data.train_ratio" } else { "data.val_ratio" };
            let what = format!("has no meaning for {of}; use split=ratio, or set it to null");
            return Err(DataError::config(key, what));
        }
        if split.kind == SplitKind::LeaveOneOut {
            split.kind = SplitKind::Ratio;
        }
        let valid = data.val_ratio.unwrap_or(split.ratios[1]);
        let train = data.train_ratio.unwrap_or(1.0 - valid - split.ratios[2]);
        // Rounded, so that 1 - 0.8 - 0.1 reads 0.1.
        split.ratios = [train, valid, ((1.0 - train - valid) * 1e9).round() / 1e9];
    }
    if split.kind == SplitKind::Given {
        let core = options.core;
        if core.users > 0 || core.items > 0 || options.users == UserFilter::Overlapping {
            let key = if options.users == UserFilter::Overlapping { "prepare.users" } else { "prepare.core" };
            let what = "a given split is kept as it is; use prepare=default, or split=ratio to filter and split anew";
            return Err(DataError::config(key, what));
        }
    }
    splitting::check(&split)?;
    if split.kind == SplitKind::Questions {
        (split.supports, split.support_shares) = (Some(split.supports().into()), Some(split.support_shares()));
    }
    let seed = *split.seed.get_or_insert(seed);
    Ok((options, split, seed))
}

/// What becomes of the values of each domain in use.
fn values_of(data: &DataConfig, world: &World, options: &PrepareOptions) -> Vec<DomainValues> {
    let configs = world.domains.iter().filter_map(|rows| data.domains.iter().find(|domain| domain.name == rows.name));
    let values: Vec<DomainValues> = configs.map(|domain| DomainValues::of(domain, options)).collect();
    debug_assert_eq!(values.len(), world.domains.len(), "every domain in use was configured");
    values
}

/// A split without training or test events is a mistake of the configuration.
fn check_parts(report: &PrepareReport, world: &World) -> Result<(), DataError> {
    let split = &report.split;
    let least = format!("lower `split.min_history` ({})", split.min_history);
    for &d in &world.targets {
        let domain = &world.domains[d];
        let size = |part: &str| {
            // Of several questions the first, which is called like its domain, is that which must be asked.
            let question = report.questions.iter().find(|q| q.task == domain.name && q.part == part);
            let count = report.parts.iter().find(|p| p.domain == domain.name && p.part == part);
            question.map(|q| q.interactions).or(count.map(|p| p.interactions)).unwrap_or(0)
        };
        let Some(part) = ["train", "test"].into_iter().find(|part| size(part) == 0) else { continue };
        let way_out = match split.kind {
            SplitKind::LeaveOneOut => format!(
                "no user of {} has enough likes; {least}, lower `prepare.positive_threshold`, or use split=ratio",
                domain.name
            ),
            SplitKind::Questions => format!(
                "nobody of {} who has enough likes is left by the other questions; {least}, lower \
                 `prepare.positive_threshold`, or take smaller shares (`split.cold`, `split.support_shares`)",
                domain.name
            ),
            SplitKind::Ratio => format!("change `split.ratios` or {least}"),
            SplitKind::Given => "check the given train and test files".into(),
            SplitKind::TimeCut if split.cut.is_some() => format!("move `split.cut`, or {least}"),
            SplitKind::TimeCut => format!("change `split.ratios`, name the moments by `split.cut`, or {least}"),
            SplitKind::KFold => format!("take fewer `split.folds` ({}) or {least}", split.folds),
            SplitKind::ColdUser => format!(
                "change `split.cold` {:?}, {least}, or check that users are met in another domain (`users: shared`)",
                split.cold
            ),
            SplitKind::ColdItem => format!("change `split.cold` {:?}, or {least}", split.cold),
            SplitKind::FewShot => {
                format!("change `split.cold` {:?}, lower `split.support` ({}), or {least}", split.cold, split.support)
            }
        };
        let others = if d == world.target { "" } else { ", or leave it out of `split.targets`" };
        let step = format!("the split: domain {} has no {part} interactions", domain.name);
        return Err(DataError::Nothing { step, way_out: way_out + others });
    }
    Ok(())
}

/// What the metadata files know of a domain's items.
fn describe(
    data: &DataConfig,
    domain: &Domain,
    options: &PrepareOptions,
    (session, notes): (&mut Session<'_>, &mut Vec<String>),
) -> Result<Vec<ItemInfo>, DataError> {
    let mut infos = vec![None; domain.ids.len()];
    let config = data.domains.iter().find(|d| d.name == domain.name);
    let paths = config.and_then(|d| d.items.as_ref()).map_or(&[][..], OneOrMany::as_slice);
    let column = config.and_then(|d| match &d.columns.item {
        Some(Column::Name(name)) => Some(name.as_str()),
        _ => None,
    });
    let tags = options.features.clone().unwrap_or_default().tags;
    for path in paths {
        read_items(path, (&domain.ids, column, tags), session, &mut infos)?;
    }
    if let (Some(path), false) = (paths.first(), infos.iter().any(Option::is_some)) {
        let (name, path) = (&domain.name, path.display());
        notes.push(format!("{name}: {path} knows none of the items of the log; are its ids those of the log?"));
    }
    let mut infos: Vec<ItemInfo> = infos.into_iter().map(Option::unwrap_or_default).collect();
    if let Some(unknown) = &options.unknown_category {
        infos.iter_mut().filter(|i| i.categories.is_empty()).for_each(|i| i.categories.push(unknown.clone()));
    }
    Ok(infos)
}
