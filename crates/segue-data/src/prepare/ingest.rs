//! Configured files into rows with dense ids, in chunks of users.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use segue_core::{IdMap, Signal, nearest};

use super::config::{DataConfig, DomainConfig, OneOrMany, SplitConfig, SplitKind, UserIdentity};
use super::links::People;
use super::rows::{Counts, DomainRows, Files, Given, Part, Row, Scatter, World, cut};
use super::split::targets;
use crate::DataError;
use crate::readers::{
    Dates, Format, Layout, LogFile, Names, Negatives, RawLog, RawRow, RawRows, Session, Values, of_parts, read_logs,
    read_negatives, rounded_note,
};
use crate::spill::Spill;

/// Reads every domain in use, one thread a file; of a given split the parts of the domains instead of their whole logs.
pub(super) fn ingest(
    data: &DataConfig,
    split: &SplitConfig,
    (drop_incomplete, spill): (bool, &Arc<Spill>),
    session: &mut Session<'_>,
) -> Result<World, DataError> {
    let (domains, target) = select(data)?;
    let names: Vec<&str> = domains.iter().map(|domain| domain.name.as_str()).collect();
    let targets = targets(split, &names, target)?;
    let kind = split.kind;
    let (mut files, mut parts) = (Vec::new(), Vec::new());
    for (d, domain) in domains.iter().enumerate() {
        let layout = Layout {
            format: domain.format,
            columns: domain.columns.clone(),
            delimiter: domain.delimiter,
            header: domain.header,
            only: domain.only.clone(),
            unrated: domain.unrated,
        };
        let of_domain: Vec<_> = parts_of(domain, targets.contains(&d), kind)?
            .into_iter()
            .flat_map(|(part, paths)| paths.iter().map(move |path| (part, path)))
            .collect();
        let paths: Vec<&Path> = of_domain.iter().map(|(_, path)| path.as_path()).collect();
        for ((part, path), layout) in of_domain.iter().zip(of_parts(&paths, &layout)?) {
            files.push(LogFile { path: (*path).clone(), layout });
            parts.push((d, *part));
        }
    }
    let logs = read_logs(&files, spill, session)?;
    let read_as = |file: &LogFile| {
        let path = file.path.display().to_string();
        session.files().iter().find(|read| read.path == path).and_then(|read| read.format)
    };
    let logs = files.iter().zip(parts).zip(logs).map(|((file, (domain, part)), raw)| {
        let zero_is_none = read_as(file).is_some_and(Format::zero_is_none);
        Log { domain, part, zero_is_none, raw }
    });
    let mut logs: Vec<Log> = logs.collect();
    settle(&mut logs);
    let asked = domains[target];
    let of_parts = asked.train.is_some() || asked.test.is_some();
    let negatives = asked.negatives.as_ref().filter(|_| kind == SplitKind::Given || !of_parts);
    let negatives = negatives.map(|path| read_negatives(path, session)).transpose()?;
    session.stage("arrange", logs.iter().map(|log| log.raw.len() as u64).sum())?;
    let known = |d: usize, user: &str| logs.iter().any(|log| log.domain == d && log.raw.users.find(user).is_some());
    let (people, mut notes) = People::read((data, &domains), &known, session)?;
    for (d, domain) in domains.iter().enumerate() {
        let mut users = logs.iter().filter(|log| log.domain == d).flat_map(|log| log.raw.users.iter());
        if let Some(UserIdentity::SharedBelow(first_own)) = domain.users
            && !users.any(|user| domain.shares(user))
        {
            let name = &domain.name;
            notes.push(format!(
                "{name}: shares nobody, for no user id is a whole number below {first_own} (shared_below)"
            ));
        }
    }

    // The names of the negatives come last in each list of lists.
    let mut named: Vec<(usize, &Names)> = logs.iter().map(|log| (log.domain, &log.raw.users)).collect();
    let extra = || negatives.iter().flat_map(|Negatives { log, asked }| [log, asked]);
    named.extend(extra().map(|log| (target, &log.users)));
    people.check_names(&domains, &named)?;
    notes.extend(people.doubt(&domains, &named));
    let sizes: Vec<usize> = named.iter().map(|(_, names)| names.len()).collect();
    let (users, mut user_of) = IdMap::joined(&sizes, |list, n| {
        let (d, names) = named[list];
        people.name((d, domains[d]), names.get(n))
    });
    let extra_users = user_of.split_off(logs.len());
    let mut world = World { users, domains: Vec::new(), target, targets, negatives: None, steps: Vec::new(), notes };
    let mut item_of: Vec<Vec<u32>> = vec![Vec::new(); logs.len()];
    let mut maps = Vec::new();
    for d in 0..domains.len() {
        let own: Vec<usize> = (0..logs.len()).filter(|&n| logs[n].domain == d).collect();
        let mut named: Vec<&Names> = own.iter().map(|&n| &logs[n].raw.items).collect();
        named.extend(extra().filter(|_| d == target).map(|log| &log.items));
        let sizes: Vec<usize> = named.iter().map(|names| names.len()).collect();
        let (items, mut dense) = IdMap::joined(&sizes, |list, n| named[list].get(n).into());
        let extra_items = dense.split_off(own.len());
        let pairs = extra().zip(&extra_users).zip(&extra_items).map(|((log, users), items)| {
            let mut pairs = Vec::with_capacity(log.len());
            log.rows.each(|row: RawRow| pairs.push((users[row.user as usize], items[row.item as usize])))?;
            Ok(pairs)
        });
        let mut pairs = pairs.collect::<Result<Vec<_>, DataError>>()?.into_iter();
        if let (Some(negatives), Some(asked)) = (pairs.next(), pairs.next()) {
            world.negatives = Some(Given { negatives, asked });
        }
        own.into_iter().zip(dense).for_each(|(n, dense)| item_of[n] = dense);
        maps.push(items);
    }
    // The names are in the maps now.
    let logs = logs.into_iter().zip(user_of).zip(item_of).map(|((log, users), items)| Dense {
        domain: log.domain,
        part: log.part,
        zero_is_none: log.zero_is_none,
        nameless: log.raw.nameless as usize,
        rounded: log.raw.rounded,
        met: (log.raw.users.met().collect(), log.raw.items.met().collect()),
        rows: log.raw.rows,
        users,
        items,
    });
    arrange(&mut world, (&domains, maps), logs.collect(), (drop_incomplete, spill))?;
    Ok(world)
}

/// One file as read.
struct Log {
    domain: usize,
    part: Part,
    /// Whether its format writes 0 where there is no rating.
    zero_is_none: bool,
    raw: RawLog,
}

/// The files of a part are one log: the first value may stand in any of them. So may a time that is no date.
fn settle(logs: &mut [Log]) {
    let mut values: BTreeMap<(usize, Part), Values> = BTreeMap::new();
    let mut dates: BTreeMap<usize, Dates> = BTreeMap::new();
    for log in &mut *logs {
        let told = values.entry((log.domain, log.part)).or_default();
        *told = told.and(*log.raw.rows.values());
        let told = dates.entry(log.domain).or_default();
        *told = told.and(*log.raw.rows.dates());
    }
    for log in logs {
        *log.raw.rows.dates() = dates[&log.domain];
        let own = log.raw.rows.values();
        if *own != Values::Unasked {
            *own = values[&(log.domain, log.part)];
        }
    }
}

/// The domains in use in configuration order, and where the target stands among them.
fn select(data: &DataConfig) -> Result<(Vec<&DomainConfig>, usize), DataError> {
    let names: Vec<&str> = data.domains.iter().map(|d| d.name.as_str()).collect();
    if names.is_empty() {
        return Err(DataError::config("data.domains", "is empty; name at least one domain with its files"));
    }
    for (n, name) in names.iter().enumerate() {
        if name.is_empty() || name.contains(['/', ':', ',']) {
            let what = format!("{name:?} of domain {n} must be a word without / : or ,");
            return Err(DataError::config("data.domains.name", what));
        }
        if names[..n].contains(name) {
            return Err(DataError::config("data.domains.name", format!("{name:?} is given twice; names must differ")));
        }
    }
    let known = |key: &str, name: &str| {
        if names.contains(&name) {
            return Ok(());
        }
        let near = nearest(name, names.iter().copied()).map_or(String::new(), |n| format!(", did you mean {n}?"));
        Err(DataError::config(key, format!("{name:?} is no domain; there are {}{near}", names.join(", "))))
    };
    let target = data.target_name();
    known("data.target", target)?;
    let sources = data.source.as_ref().map(OneOrMany::as_slice);
    for source in sources.into_iter().flatten() {
        known("data.source", source)?;
        if source == target {
            return Err(DataError::config(
                "data.source",
                format!("{source:?} is the target; a source is another domain"),
            ));
        }
    }
    let used = |d: &&DomainConfig| d.name == target || sources.is_none_or(|s| s.contains(&d.name));
    let domains: Vec<&DomainConfig> = data.domains.iter().filter(used).collect();
    let target = domains.iter().position(|d| d.name == target).unwrap_or_default();
    Ok((domains, target))
}

type GivenFiles<'a> = Vec<(Part, &'a [PathBuf])>;

fn parts_of(domain: &DomainConfig, is_split: bool, kind: SplitKind) -> Result<GivenFiles<'_>, DataError> {
    let key = |field: &str| format!("data.domains.{}.{field}", domain.name);
    let parts: GivenFiles<'_> = match (kind, is_split) {
        (SplitKind::Given, true) => {
            if domain.train.is_none() || domain.test.is_none() {
                let what = "split.kind=given needs the files `train` and `test` of the target; \
                            use split=leave_one_out or split=ratio for one log";
                return Err(DataError::config(key("train"), what));
            }
            let valid = files(Part::Valid, domain.valid.as_ref());
            [files(Part::Train, domain.train.as_ref()), valid, files(Part::Test, domain.test.as_ref())]
                .into_iter()
                .flatten()
                .collect()
        }
        (SplitKind::Given, false) => {
            let train = files(Part::Train, domain.train.as_ref()).or(files(Part::Train, domain.interactions.as_ref()));
            train.into_iter().collect()
        }
        _ => files(Part::Train, domain.interactions.as_ref()).into_iter().collect(),
    };
    if parts.iter().all(|(_, paths)| paths.is_empty()) {
        let what = if domain.train.is_some() {
            "has given parts only; use split=given, or give one log as `interactions`"
        } else {
            "is missing; give the interaction file of this domain, or its folder as `path`"
        };
        return Err(DataError::config(key("interactions"), what));
    }
    Ok(parts)
}

fn files(part: Part, paths: Option<&OneOrMany<PathBuf>>) -> Option<(Part, &[PathBuf])> {
    paths.map(|paths| (part, paths.as_slice()))
}

/// The rows of one file, and the dense ids of its users and items.
struct Dense {
    domain: usize,
    part: Part,
    zero_is_none: bool,
    nameless: usize,
    rounded: u64,
    /// How often rows name each user and each item.
    met: (Vec<u32>, Vec<u32>),
    rows: RawRows,
    users: Vec<u32>,
    items: Vec<u32>,
}

impl Dense {
    /// A row of dense ids, unless it is incomplete.
    fn row(&self, row: RawRow, (timed, implicit): (bool, bool)) -> Option<Row> {
        if (row.value.is_none() && !implicit) || (row.time.is_none() && timed) {
            return None;
        }
        Some(Row {
            user: row.user,
            item: row.item,
            value: row.value.filter(|_| !implicit).unwrap_or(1.0),
            weight: 1.0,
            time: row.time.filter(|_| timed).unwrap_or(0),
            signal: Signal::Positive,
            part: self.part,
        })
    }
}

/// Rows of a chunk at most: what is sorted and looked at by one thread at a time.
const CHUNK: usize = 1 << 19;
/// Chunks that fit into memory at least.
const HELD_CHUNKS: usize = 16;
/// However large the log, no more chunks of all domains than this: each has a file, and a buffer while rows are arranged.
const MOST_CHUNKS: usize = 1 << 12;

/// Puts the rows of every domain into chunks of users, without the incomplete ones, which are counted.
fn arrange(
    world: &mut World,
    (domains, maps): (&[&DomainConfig], Vec<IdMap>),
    logs: Vec<Dense>,
    (drop_incomplete, spill): (bool, &Arc<Spill>),
) -> Result<(), DataError> {
    let n_users = world.users.len();
    // By domain, then over all; the incomplete rows count, too: the chunks need no more than a guess.
    let mut counts: Vec<Counts> = maps.iter().map(|items| Counts::of(n_users, items.len())).collect();
    for log in &logs {
        let Counts { users, items, rows } = &mut counts[log.domain];
        log.users.iter().zip(&log.met.0).for_each(|(&user, n)| users[user as usize] += n);
        log.items.iter().zip(&log.met.1).for_each(|(&item, n)| items[item as usize] += n);
        *rows += log.rows.len();
    }
    let n_rows: usize = counts.iter().map(|counts| counts.rows).sum();
    let all: Vec<u32> = (0..n_users).map(|user| counts.iter().map(|counts| counts.users[user]).sum()).collect();
    let chunk = (spill.limit() / HELD_CHUNKS / size_of::<Row>()).clamp(1, CHUNK);
    let cuts = cut(&all, chunk.max(n_rows * domains.len() / MOST_CHUNKS));
    // All in memory or none: whether rows are spilled is a matter of the whole log.
    let held = spill.hold(n_rows * size_of::<Row>());
    let mut by_domain: Vec<Vec<Dense>> = domains.iter().map(|_| Vec::new()).collect();
    for log in logs {
        by_domain[log.domain].push(log);
    }
    let work = domains.par_iter().zip(maps).zip(by_domain).zip(counts).map(|(((domain, items), logs), counts)| {
        let files = (!held).then(|| Files { spill: Arc::clone(spill), prefix: format!("rows.{}", domain.name) });
        let scatter = Scatter::new(&cuts, counts, files.as_ref());
        rows_of((domain, drop_incomplete), logs, items, scatter)
    });
    for arranged in work.collect::<Result<Vec<_>, _>>()? {
        let (domain, notes) = arranged;
        world.domains.push(domain);
        world.notes.extend(notes);
    }
    Ok(())
}

fn rows_of(
    (domain, drop_incomplete): (&DomainConfig, bool),
    mut logs: Vec<Dense>,
    items: IdMap,
    mut scatter: Scatter,
) -> Result<(DomainRows, Vec<String>), DataError> {
    let timed = logs.iter().all(|log| log.rows.is_empty() || log.rows.timed());
    let zero_is_none = logs.iter().any(|log| log.zero_is_none);
    let mut notes = Vec::new();
    if !timed && logs.iter().any(|log| log.rows.timed()) {
        notes.push(format!("{}: some given parts have no times, so none are used", domain.name));
    }
    let rounded: u64 = logs.iter().map(|log| log.rounded).sum();
    if !domain.implicit {
        notes.extend(rounded_note(&domain.name, rounded, "values"));
    }
    if logs.iter_mut().any(|log| *log.rows.dates() == Dates::All) {
        notes.push(format!(
            "{}: every time is a number such as 20170615, and was read as the date that it looks like",
            domain.name
        ));
    }
    if logs.iter_mut().any(|log| *log.rows.dates() == Dates::Some) {
        notes.push(format!(
            "{}: some times are numbers such as 20170615 and others are not; all are read as moments, in which these stand \
             in August 1970: write every time in one way",
            domain.name
        ));
    }
    let (mut incomplete, mut nameless, mut span) = (0, 0, (i64::MAX, i64::MIN));
    for mut log in logs {
        nameless += log.nameless;
        let rows = std::mem::take(&mut log.rows);
        let mut failed = None;
        rows.drain((&log.users, &log.items), |row| match log.row(row, (timed, domain.implicit)) {
            None => {
                incomplete += 1;
                scatter.lacks(row.user, row.item);
            }
            Some(row) if failed.is_none() => {
                span = (span.0.min(row.time), span.1.max(row.time));
                failed = scatter.push(row).err();
            }
            Some(_) => {}
        })?;
        failed.map_or(Ok(()), Err)?;
    }
    incomplete += nameless;
    if incomplete > 0 && !drop_incomplete {
        let what = format!(
            "is false, and {incomplete} rows of domain {} lack user, item, value or time; set it to true to drop them",
            domain.name
        );
        return Err(DataError::config("prepare.drop_incomplete", what));
    }
    let zeros = match domain.unrated {
        Some(unrated) => format!("; a rating of {unrated} counts as none, as the domain's `unrated` says"),
        None if zero_is_none => "; a rating of 0 is none in this format".into(),
        None => String::new(),
    };
    let of_them = if nameless > 0 {
        format!("; of them {nameless} name nobody or nothing (empty, NULL, None, \\N or NaN)")
    } else {
        String::new()
    };
    notes.extend(
        (incomplete > 0).then(|| format!("{}: {incomplete} incomplete rows were dropped{of_them}{zeros}", domain.name)),
    );
    let rows = scatter.finish()?;
    if timed && rows.len() > 1 && span.0 == span.1 {
        notes.push(format!(
            "{}: every event has the same time, so that ties alone (value, item) tell which is a user's last; `split=ratio` \
             holds out at random",
            domain.name
        ));
    }
    let timed = timed && rows.len() > 0;
    Ok((DomainRows { name: domain.name.clone(), items, rows, timed }, notes))
}
