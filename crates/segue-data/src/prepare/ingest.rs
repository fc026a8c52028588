//! Configured files into rows with dense ids.

use std::path::PathBuf;

use segue_core::{IdMap, Signal, nearest};

use super::config::{DataConfig, DomainConfig, OneOrMany, SplitConfig, SplitKind};
use super::links::People;
use super::rows::{DomainRows, Part, Row, World};
use super::split::targets;
use crate::DataError;
use crate::readers::{Layout, RawLog, Session, read_log, read_negatives};

/// Reads every domain in use; of a given split the parts of the domains instead of their whole logs.
pub(super) fn ingest(
    data: &DataConfig,
    split: &SplitConfig,
    drop_incomplete: bool,
    session: &mut Session<'_>,
) -> Result<World, DataError> {
    let (domains, target) = select(data)?;
    let names: Vec<&str> = domains.iter().map(|domain| domain.name.as_str()).collect();
    let targets = targets(split, &names, target)?;
    let kind = split.kind;
    let mut raw: Vec<Vec<(Part, RawLog)>> = Vec::new();
    for (d, domain) in domains.iter().enumerate() {
        let layout = Layout {
            format: domain.format,
            columns: domain.columns.clone(),
            delimiter: domain.delimiter,
            header: domain.header,
            only: domain.only.clone(),
            unrated: domain.unrated,
        };
        let mut parts = Vec::new();
        for (part, paths) in parts_of(domain, targets.contains(&d), kind)? {
            parts.push((part, read_log(paths, &layout, session)?));
        }
        raw.push(parts);
    }
    let asked = domains[target];
    let of_parts = asked.train.is_some() || asked.test.is_some();
    let negatives = asked.negatives.as_ref().filter(|_| kind == SplitKind::Given || !of_parts);
    let negatives = negatives.map(|path| read_negatives(path, session)).transpose()?;
    let known = |d: usize, user: &str| raw[d].iter().any(|(_, log)| log.users.find(user).is_some());
    let (people, notes) = People::read((data, &domains), &known, session)?;
    let users = user_map((&domains, &people), &raw, negatives.as_ref().map(|n| (target, n)));
    let mut world = World { users, domains: Vec::new(), target, targets, negatives: None, steps: Vec::new(), notes };
    for (d, (domain, parts)) in domains.iter().zip(raw).enumerate() {
        let person = |user: &str| people.name((d, domain), user);
        let negatives = negatives.as_ref().filter(|_| d == target);
        let named =
            parts.iter().flat_map(|(_, log)| log.items.iter()).chain(negatives.iter().flat_map(|n| n.items.iter()));
        let items = IdMap::new(named.collect());
        if let Some(negatives) = negatives {
            let (user, item) =
                (dense(&world.users, negatives.users.iter().map(person)), dense(&items, negatives.items.iter()));
            let pairs = negatives.user.iter().zip(&negatives.item);
            world.negatives = Some(pairs.map(|(&u, &i)| (user[u as usize], item[i as usize])).collect());
        }
        let rows = rows_of((domain, &person), parts, &items, drop_incomplete, &mut world)?;
        world.domains.push(DomainRows { items, ..rows });
    }
    Ok(world)
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

type Files<'a> = Vec<(Part, &'a [PathBuf])>;

fn parts_of(domain: &DomainConfig, is_split: bool, kind: SplitKind) -> Result<Files<'_>, DataError> {
    let key = |field: &str| format!("data.domains.{}.{field}", domain.name);
    let parts: Files<'_> = match (kind, is_split) {
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

fn user_map(
    (domains, people): (&[&DomainConfig], &People),
    raw: &[Vec<(Part, RawLog)>],
    negatives: Option<(usize, &RawLog)>,
) -> IdMap {
    let logs = raw.iter().enumerate().flat_map(|(d, parts)| parts.iter().map(move |(_, log)| (d, log)));
    let names =
        logs.chain(negatives).flat_map(|(d, log)| log.users.iter().map(move |user| people.name((d, domains[d]), user)));
    IdMap::new(names.collect())
}

fn dense(map: &IdMap, names: impl Iterator<Item = impl AsRef<str>>) -> Vec<u32> {
    names.map(|name| find(map, name.as_ref())).collect()
}

fn find(map: &IdMap, name: &str) -> u32 {
    match map.find(name) {
        Some(id) => id,
        None => unreachable!("the map was built from all names"),
    }
}

/// Rows of one domain without the incomplete ones, which are counted as a step.
fn rows_of(
    (domain, person): (&DomainConfig, &dyn Fn(&str) -> String),
    parts: Vec<(Part, RawLog)>,
    items: &IdMap,
    drop_incomplete: bool,
    world: &mut World,
) -> Result<DomainRows, DataError> {
    let timed = parts.iter().all(|(_, log)| log.is_empty() || log.time.is_some());
    if !timed && parts.iter().any(|(_, log)| log.time.is_some()) {
        world.notes.push(format!("{}: some given parts have no times, so none are used", domain.name));
    }
    let (mut rows, mut incomplete) = (Vec::new(), 0);
    for (part, log) in parts {
        incomplete += log.nameless as usize;
        let user = dense(&world.users, log.users.iter().map(person));
        let item = dense(items, log.items.iter());
        let (mut valueless, mut timeless) = (log.valueless.iter().peekable(), log.timeless.iter().peekable());
        rows.reserve(log.len());
        for n in 0..log.len() {
            let no_value = valueless.next_if(|&&row| row as usize == n).is_some();
            let no_time = timeless.next_if(|&&row| row as usize == n).is_some();
            if (no_value && !domain.implicit) || (no_time && timed) {
                incomplete += 1;
                continue;
            }
            rows.push(Row {
                user: user[log.user[n] as usize],
                item: item[log.item[n] as usize],
                value: if domain.implicit { 1.0 } else { log.value[n] },
                weight: 1.0,
                time: log.time.as_ref().filter(|_| timed).map_or(0, |times| times[n]),
                signal: Signal::Positive,
                part,
            });
        }
    }
    if incomplete > 0 && !drop_incomplete {
        let what = format!(
            "is false, and {incomplete} rows of domain {} lack user, item, value or time; set it to true to drop them",
            domain.name
        );
        return Err(DataError::config("prepare.drop_incomplete", what));
    }
    world.notes.extend((incomplete > 0).then(|| format!("{}: {incomplete} incomplete rows were dropped", domain.name)));
    let timed = timed && !rows.is_empty();
    Ok(DomainRows { name: domain.name.clone(), items: IdMap::default(), rows, timed })
}
