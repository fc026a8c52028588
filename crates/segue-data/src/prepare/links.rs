//! Who and what is the same in two domains: links of users and items from files.
//!
//! Linked users are one person, named `<domain>:<id>` after the first domain, in configuration order, where they have
//! an id; everyone else of a linked domain is that domain's alone, named the same way.
//!
//! Linked items are one item. It is the target's where one of them is, else that of the first domain that is split,
//! else of the first; training events of domains that are not split become training events of that item, *after* the
//! split, so that what is asked never depends on the sources. An event whose user has the item in the domain that keeps
//! it, in whatever part, goes, and so does any training event whose user is asked about the item in another domain: a
//! held-out pair is never learnt from. Two kinds of events stay with the item of their own domain: those of users who may
//! have no more history in the domain that keeps the item (cold and few-shot users), and those later than what their user
//! is asked there, where that was held out as the last of the user's events (leave-one-out, a ratio by time). A cut in time
//! needs no such rule: it leaves nothing of the sources that is as late.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use segue_core::{external_order, nearest};

use super::config::{DataConfig, Deduplicate, DomainConfig, LinkFile, UserIdentity};
use super::deduplicate::best_first;
use super::rows::{Part, Row, World};
use super::split::Made;
use crate::DataError;
use crate::readers::{Links, Names, Session, read_links};

/// A position among the domains in use, and an external id.
type Id = (usize, String);

/// Groups of ids that are one.
#[derive(Debug, Default)]
pub(super) struct Groups {
    position: HashMap<Id, usize>,
    ids: Vec<Id>,
    parent: Vec<usize>,
    /// Domains that some link names.
    linked: Vec<bool>,
}

impl Groups {
    fn node(&mut self, id: Id) -> usize {
        if let Some(&node) = self.position.get(&id) {
            return node;
        }
        let node = self.ids.len();
        self.position.insert(id.clone(), node);
        self.ids.push(id);
        self.parent.push(node);
        node
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }

    /// Joins two ids; the lesser of two roots stays: by domain, then by id.
    fn join(&mut self, a: Id, b: Id) {
        let (a, b) = (self.node(a), self.node(b));
        let (a, b) = (self.root(a), self.root(b));
        let order = |x: &Id, y: &Id| x.0.cmp(&y.0).then_with(|| external_order(&x.1, &y.1));
        let (least, other) = if order(&self.ids[a], &self.ids[b]).is_le() { (a, b) } else { (b, a) };
        self.parent[other] = least;
    }

    /// Every id of a group with the group's least one.
    fn settled(&mut self) -> Vec<(Id, Id)> {
        let roots: Vec<usize> = (0..self.ids.len()).map(|node| self.root(node)).collect();
        self.ids.iter().zip(roots).map(|(id, root)| (id.clone(), self.ids[root].clone())).collect()
    }

    /// What to tell where links make two ids of one domain one, be it by way of others: `a1-b1` and `a2-b1` do. `known` as in
    /// [`read`].
    fn doubled(
        &mut self,
        (key, domains): (&str, &[&DomainConfig]),
        known: &dyn Fn(usize, &str) -> bool,
    ) -> Option<String> {
        let mut settled = self.settled();
        settled.retain(|((d, id), _)| known(*d, id));
        let order = |x: &Id, y: &Id| x.0.cmp(&y.0).then_with(|| external_order(&x.1, &y.1));
        settled.sort_unstable_by(|(a, group), (b, other)| {
            let of_one = a.0.cmp(&b.0).then_with(|| order(group, other));
            of_one.then_with(|| order(a, b))
        });
        let one = settled.chunk_by(|(a, group), (b, other)| a.0 == b.0 && group == other);
        let doubled: Vec<_> = one.filter(|ids| ids.len() > 1).collect();
        let [((d, first), _), ((_, second), _), ..] = doubled.first()? else { return None };
        let (n_ids, n) = (doubled.iter().map(|ids| ids.len()).sum::<usize>(), doubled.len());
        let name = &domains[*d].name;
        Some(format!(
            "{key}: {n_ids} ids share {n} with other ids of their own domain, for links lead from one to the other: {first:?} \
             and {second:?} of {name} are one; where they are not, take out links until an id is in one only"
        ))
    }
}

/// Reads links; those with a domain that is not in use are left alone. `known` tells whether a domain has an id.
fn read(
    key: &str,
    (links, data, domains): (&[LinkFile], &DataConfig, &[&DomainConfig]),
    known: &dyn Fn(usize, &str) -> bool,
    session: &mut Session<'_>,
) -> Result<(Groups, Vec<String>), DataError> {
    let mut groups = Groups { linked: vec![false; domains.len()], ..Groups::default() };
    let mut notes = Vec::new();
    for link in links {
        for name in &link.domains {
            let names = || data.domains.iter().map(|domain| domain.name.as_str());
            if !names().any(|known| known == name) {
                let near = nearest(name, names()).map_or(String::new(), |near| format!(", did you mean {near}?"));
                let what = format!("{name:?} is no domain; there are {}{near}", names().collect::<Vec<_>>().join(", "));
                return Err(DataError::config(format!("{key}.domains"), what));
            }
        }
        let [first, second] = &link.domains;
        if first == second {
            return Err(DataError::config(format!("{key}.domains"), format!("{first:?} cannot be linked to itself")));
        }
        let position = |name: &String| domains.iter().position(|domain| domain.name == *name);
        let (Some(a), Some(b)) = (position(first), position(second)) else { continue };
        (groups.linked[a], groups.linked[b]) = (true, true);
        let Links { mut pairs, header } = read_links(&link.file, link.header, session)?;
        let file = link.file.display();
        let is_met = |(one, other): &(String, String)| known(a, one) && known(b, other);
        let met = pairs.iter().filter(|pair| is_met(pair)).count();
        // What nobody has ever heard of, above links that join, are names.
        let are_names = |(one, other): &(String, String)| {
            link.header.is_none() && !header && met > 0 && !known(a, one) && !known(b, other)
        };
        if pairs.first().is_some_and(are_names) {
            let (one, other) = pairs.remove(0);
            notes.push(format!(
                "{file}: the first line, {one:?} and {other:?}, was taken for a header, for neither domain has such an id; \
                 `header: false` would count it as a link"
            ));
        }
        let n = pairs.len();
        for (one, other) in pairs {
            groups.join((a, one), (b, other));
        }
        if met == 0 {
            let what = format!(
                "{file} links no id of {first} to one of {second}; is its first column that of {first}, and `header` right?"
            );
            return Err(DataError::config(key, what));
        }
        notes.push(format!("{file}: {met} of {n} links join ids that {first} and {second} have"));
    }
    notes.extend(groups.doubled((key, domains), known));
    Ok((groups, notes))
}

/// How the users of each domain are called over all domains.
#[derive(Debug, Default)]
pub(super) struct People {
    linked: Vec<bool>,
    names: HashMap<Id, String>,
}

impl People {
    /// Reads the links of users.
    pub(super) fn read(
        (data, domains): (&DataConfig, &[&DomainConfig]),
        known: &dyn Fn(usize, &str) -> bool,
        session: &mut Session<'_>,
    ) -> Result<(Self, Vec<String>), DataError> {
        let key = "data.user_links";
        let (mut groups, mut notes) = read(key, (&data.user_links, data, domains), known, session)?;
        for (domain, _) in domains.iter().zip(&groups.linked).filter(|&(_, &linked)| linked) {
            if let Some(UserIdentity::SharedBelow(_)) = domain.users {
                let what = format!("{} says users.shared_below and is linked by a file; keep one of them", domain.name);
                return Err(DataError::config(key, what));
            }
        }
        let others = |linked: bool| {
            let of = domains.iter().zip(&groups.linked).filter(move |(_, is)| **is == linked);
            of.map(|(domain, _)| domain.name.as_str()).collect::<Vec<_>>()
        };
        let (by_file, by_id) = (others(true), others(false));
        if !by_file.is_empty() && !by_id.is_empty() {
            notes.push(format!(
                "people of {} are told by data.user_links alone: equal ids in {} are other people, unless a file links them, too",
                by_file.join(", "),
                by_id.join(", ")
            ));
        }
        let names = groups.settled().into_iter();
        let names = names.map(|(id, (d, name))| (id, format!("{}:{name}", domains[d].name))).collect();
        Ok((Self { linked: groups.linked, names }, notes))
    }

    /// Refuses a shared id that is the name of somebody else's own: the two would be one person. `named`: the users of
    /// every log.
    pub(super) fn check_names(&self, domains: &[&DomainConfig], named: &[(usize, &Names)]) -> Result<(), DataError> {
        let is_own = |user: &str| user.split_once(':').is_some_and(|(name, _)| domains.iter().any(|d| d.name == name));
        let mut shared: BTreeMap<&str, usize> = BTreeMap::new();
        for &(d, users) in named {
            let alike = users.iter().filter(|user| is_own(user) && self.name((d, domains[d]), user) == *user);
            shared.extend(alike.map(|user| (user, d)));
        }
        for &(d, users) in named.iter().filter(|_| !shared.is_empty()) {
            for user in users.iter() {
                let name = self.name((d, domains[d]), user);
                let Some(&other) = shared.get(&*name).filter(|_| name != user) else { continue };
                let (domain, other) = (&domains[d].name, &domains[other].name);
                let what = format!(
                    "user {user:?} of {domain}, whom {other} does not share, would be called {name:?}, which is another \
                     person's id in {other}; give the domain {} another name",
                    name.split_once(':').map_or("", |(named, _)| named)
                );
                return Err(DataError::config(format!("data.domains.{domain}.users"), what));
            }
        }
        Ok(())
    }

    /// What to tell where nobody said whether equal ids are the same people, and they look like numbers that each domain
    /// gives to its own. `named`: the users of every log.
    pub(super) fn doubt(&self, domains: &[&DomainConfig], named: &[(usize, &Names)]) -> Option<String> {
        let mut numbered: Vec<&DomainConfig> = Vec::new();
        for (d, &domain) in domains.iter().enumerate() {
            let unsaid = domain.users.is_none() && !self.linked.get(d).copied().unwrap_or(false);
            let users = named.iter().filter(|(of, _)| *of == d).flat_map(|(_, users)| users.iter());
            // Within one file an id is one person.
            let files = |domain: &DomainConfig| (domain.interactions.clone(), domain.train.clone());
            if unsaid && numbered.iter().all(|other| files(other) != files(domain)) && are_numbered(users) {
                numbered.push(domain);
            }
        }
        let names: Vec<&str> = numbered.iter().map(|domain| domain.name.as_str()).collect();
        (names.len() > 1).then(|| {
            format!(
                "the users of {} are numbers from 0 or 1 on, of which few are missing, and equal ones were taken for the same \
                 people; where each domain has numbers of its own, set the domains' `users` to own or {{shared_below: N}}, \
                 and to shared where it is right (data=pair: data.users=...)",
                names.join(" and ")
            )
        })
    }

    /// The name of a user of domain `d`.
    pub(super) fn name<'n>(&self, (d, domain): (usize, &DomainConfig), user: &'n str) -> Cow<'n, str> {
        let own = || format!("{}:{user}", domain.name).into();
        if self.linked.get(d).copied().unwrap_or(false) {
            return self.names.get(&(d, user.to_owned())).map_or_else(own, |name| name.clone().into());
        }
        if domain.shares(user) { user.into() } else { own() }
    }
}

/// Users from which on their ids tell whether they are numbered.
const NUMBERED: usize = 10;

/// Whether ids are numbers from 0 or 1 on, of which at most one in nine is missing.
fn are_numbered<'n>(users: impl Iterator<Item = &'n str>) -> bool {
    let Some(mut numbers) = users.map(|user| user.parse().ok()).collect::<Option<Vec<u64>>>() else { return false };
    numbers.sort_unstable();
    numbers.dedup();
    let n = numbers.len();
    n >= NUMBERED && numbers[0] <= 1 && numbers[n - 1] - numbers[0] < (n + n / 8) as u64
}

/// Items that are one, by dense ids of domains in use.
#[derive(Debug, Default)]
pub(super) struct ItemLinks {
    /// The items of each group, that which stays first.
    groups: Vec<Vec<(usize, u32)>>,
    notes: Vec<String>,
}

impl ItemLinks {
    /// Reads the links of items.
    pub(super) fn read(world: &World, data: &DataConfig, session: &mut Session<'_>) -> Result<Self, DataError> {
        if data.item_links.is_empty() {
            return Ok(Self::default());
        }
        let configs = |name: &str| data.domains.iter().find(|domain| domain.name == name);
        let domains: Vec<&DomainConfig> = world.domains.iter().filter_map(|domain| configs(&domain.name)).collect();
        let known = |d: usize, item: &str| world.domains[d].items.find(item).is_some();
        let (mut groups, notes) = read("data.item_links", (&data.item_links, data, &domains), &known, session)?;
        let mut members: BTreeMap<Id, Vec<(usize, u32)>> = BTreeMap::new();
        for ((d, item), group) in groups.settled() {
            if let Some(item) = world.domains[d].items.find(&item) {
                members.entry(group).or_default().push((d, item));
            }
        }
        let mut groups: Vec<Vec<(usize, u32)>> = members.into_values().filter(|items| items.len() > 1).collect();
        let rank = |d: usize| world.targets.iter().position(|&target| target == d).unwrap_or(usize::MAX);
        for items in &mut groups {
            items.sort_unstable_by_key(|&(d, item)| (rank(d), d, item));
        }
        Ok(Self { groups, notes })
    }

    /// Two items and more that are one, that which stays first.
    pub(super) fn groups(&self) -> &[Vec<(usize, u32)>] {
        &self.groups
    }

    /// Makes linked items one in the training events, once the rows have their parts; see the top of this file.
    pub(super) fn join(self, world: &mut World, keep: Deduplicate, made: &Made) -> Result<(), DataError> {
        if self.groups.is_empty() && self.notes.is_empty() {
            return Ok(());
        }
        let mut joining = Joining { places: vec![HashMap::new(); world.domains.len()], keep, made };
        for (group, items) in (0..).zip(&self.groups) {
            for &(d, item) in items {
                // Items of domains that are split stay where they are asked about.
                let goes = (!world.targets.contains(&d) && items[0] != (d, item)).then_some(items[0]);
                joining.places[d].insert(item, Place { group, goes });
            }
        }
        let n_chunks = world.domains.first().map_or(0, |domain| domain.rows.n_chunks());
        let mut told = Joined::default();
        // All rows of a user are in one chunk, whatever their domain.
        for k in 0..n_chunks {
            let mut rows = world.domains.iter_mut().map(|domain| domain.rows.take(k)).collect::<Result<Vec<_>, _>>()?;
            told = told.and(joining.join(&mut rows));
            world.domains.iter_mut().zip(rows).try_for_each(|(domain, rows)| domain.rows.put(k, rows))?;
        }
        world.domains.iter_mut().try_for_each(|domain| domain.rows.recount())?;
        world.notes.extend(self.notes);
        world.notes.push(format!(
            "linked items: {} events of sources are events of the domain that keeps the item; {} of them are gone, for \
             their user has the item there",
            told.moved, told.repeated
        ));
        if told.late > 0 {
            let n = told.late;
            world.notes.push(format!(
                "linked items: {n} of the events that came over are later than what their user is asked about in the domain \
                 that keeps the item"
            ));
        }
        if told.asked > 0 {
            let n = told.asked;
            world.notes.push(format!(
                "linked items: {n} training events are in no part, for their user is asked about the item"
            ));
        }
        if told.stayed > 0 {
            let n = told.stayed;
            world.notes.push(format!(
                "linked items: {n} events stay in their domain, for their user may have no more history in the other"
            ));
        }
        if told.after > 0 {
            let n = told.after;
            world.notes.push(format!(
                "linked items: {n} events stay in their domain, for they are later than what their user is asked about in \
                 the other"
            ));
        }
        Ok(())
    }
}

/// What is known of a linked item.
#[derive(Debug, Clone, Copy)]
struct Place {
    group: u32,
    /// The domain and item that take its events, unless it keeps them.
    goes: Option<(usize, u32)>,
}

struct Joining<'a> {
    places: Vec<HashMap<u32, Place>>, // by domain, then by item
    keep: Deduplicate,
    made: &'a Made,
}

/// How many events moved, were there already, stayed where they were, stayed for being later than what is asked, are in no
/// part for they are asked about, and moved though they are later than what is asked.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Joined {
    moved: usize,
    repeated: usize,
    stayed: usize,
    after: usize,
    asked: usize,
    late: usize,
}

impl Joined {
    fn and(self, other: Self) -> Self {
        Self {
            moved: self.moved + other.moved,
            repeated: self.repeated + other.repeated,
            stayed: self.stayed + other.stayed,
            after: self.after + other.after,
            asked: self.asked + other.asked,
            late: self.late + other.late,
        }
    }
}

/// When each user has the first of the held-out rows that are `wanted`.
fn first_asked(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> HashMap<u32, i64> {
    let mut first = HashMap::new();
    for row in rows.iter().filter(|row| row.part > Part::Train && wanted(row)) {
        first.entry(row.user).and_modify(|time| *time = row.time.min(*time)).or_insert(row.time);
    }
    first
}

/// Whether a row is later than what its user is asked.
fn is_after(first_asked: &HashMap<u32, i64>, row: &Row) -> bool {
    first_asked.get(&row.user).is_some_and(|&time| row.time > time)
}

impl Joining<'_> {
    /// Joins the rows that some users have in every domain.
    fn join(&self, domains: &mut [Vec<Row>]) -> Joined {
        let mut told = Joined::default();
        let mut arriving: Vec<Vec<Row>> = vec![Vec::new(); domains.len()];
        let lasts = domains.iter().enumerate().map(|(d, rows)| first_asked(rows, |row| self.made.is_last(d, row)));
        let lasts: Vec<HashMap<u32, i64>> = lasts.collect();
        for (rows, places) in domains.iter_mut().zip(&self.places).filter(|(_, places)| !places.is_empty()) {
            rows.retain(|row| match places.get(&row.item).and_then(|place| place.goes) {
                Some((to, _)) if row.part == Part::Train && self.made.is_closed(to, row.user) => {
                    told.stayed += 1;
                    true
                }
                Some((to, _)) if row.part == Part::Train && is_after(&lasts[to], row) => {
                    told.after += 1;
                    true
                }
                Some((to, item)) if row.part == Part::Train => {
                    told.moved += 1;
                    arriving[to].push(Row { item, ..*row });
                    false
                }
                _ => true,
            });
        }
        for (rows, mut arriving) in domains.iter_mut().zip(arriving) {
            let n = arriving.len();
            let pair = |row: &Row| (row.user, row.item);
            // Values of different domains are not added up: where the rule is a sum, the largest stays.
            arriving.sort_unstable_by(|a, b| pair(a).cmp(&pair(b)).then_with(|| best_first(self.keep, a, b)));
            if self.keep != Deduplicate::None {
                arriving.dedup_by_key(|row| pair(row));
            }
            // Rows are by user, then item: cleaning sorted them.
            arriving.retain(|row| rows.binary_search_by_key(&pair(row), pair).is_err());
            told.repeated += n - arriving.len();
            let asked = first_asked(rows, |_| !arriving.is_empty());
            told.late += arriving.iter().filter(|row| is_after(&asked, row)).count();
            rows.append(&mut arriving);
            rows.sort_by_key(pair);
        }
        // What a user is asked about by one name is not learnt by another.
        let groups = |rows: &[Row], places: &HashMap<u32, Place>| {
            let group = |row: &Row| Some((row.user, places.get(&row.item)?.group));
            rows.iter().filter(|row| row.part > Part::Train).filter_map(group).collect::<Vec<_>>()
        };
        let asked: HashSet<(u32, u32)> =
            domains.iter().zip(&self.places).flat_map(|(rows, places)| groups(rows, places)).collect();
        for (rows, places) in domains.iter_mut().zip(&self.places).filter(|_| !asked.is_empty()) {
            for row in rows.iter_mut().filter(|row| row.part == Part::Train) {
                if places.get(&row.item).is_some_and(|place| asked.contains(&(row.user, place.group))) {
                    row.part = Part::Unused;
                    told.asked += 1;
                }
            }
        }
        told
    }
}
