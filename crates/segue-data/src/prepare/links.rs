//! Who and what is the same in two domains: links of users and items from files.
//!
//! Linked users are one person, named `<domain>:<id>` after the first domain, in configuration order, where they have
//! an id; everyone else of a linked domain is that domain's alone, named the same way.
//!
//! Linked items are one item. It is the target's where one of them is, else that of the first domain; events of the
//! others on it become training events of that item, *after* the split, so that what is asked never depends on the
//! sources. An event whose user has the item in the domain that keeps it, in whatever part, goes: a held-out pair is
//! never learnt from.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use segue_core::{external_order, nearest};

use super::config::{DataConfig, Deduplicate, DomainConfig, LinkFile, UserIdentity};
use super::deduplicate::best_first;
use super::rows::{Part, Row, World};
use crate::DataError;
use crate::readers::{Session, read_links};

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
        let pairs = read_links(&link.file, link.header, session)?;
        let n = pairs.len();
        let mut met = 0;
        for (one, other) in pairs {
            met += usize::from(known(a, &one) && known(b, &other));
            groups.join((a, one), (b, other));
        }
        let file = link.file.display();
        if met == 0 {
            let what = format!(
                "{file} links no id of {first} to one of {second}; is its first column that of {first}, and `header` right?"
            );
            return Err(DataError::config(key, what));
        }
        notes.push(format!("{file}: {met} of {n} links join ids that {first} and {second} have"));
    }
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
        let (mut groups, notes) = read(key, (&data.user_links, data, domains), known, session)?;
        for (domain, _) in domains.iter().zip(&groups.linked).filter(|&(_, &linked)| linked) {
            if let UserIdentity::SharedBelow(_) = domain.users {
                let what = format!("{} says users.shared_below and is linked by a file; keep one of them", domain.name);
                return Err(DataError::config(key, what));
            }
        }
        let names = groups.settled().into_iter();
        let names = names.map(|(id, (d, name))| (id, format!("{}:{name}", domains[d].name))).collect();
        Ok((Self { linked: groups.linked, names }, notes))
    }

    /// The name of a user of domain `d`.
    pub(super) fn name<'n>(&self, (d, domain): (usize, &DomainConfig), user: &'n str) -> Cow<'n, str> {
        let own = || format!("{}:{user}", domain.name).into();
        if self.linked.get(d).copied().unwrap_or(false) {
            return self.names.get(&(d, user.to_owned())).map_or_else(own, |name| name.clone().into());
        }
        match domain.users {
            UserIdentity::Shared => user.into(),
            UserIdentity::SharedBelow(first_own) if user.parse::<u64>().is_ok_and(|id| id < first_own) => user.into(),
            UserIdentity::Own | UserIdentity::SharedBelow(_) => own(),
        }
    }
}

/// Reads the links of items and moves the events of the sources; see the top of this file.
pub(super) fn join_items(
    world: &mut World,
    data: &DataConfig,
    keep: Deduplicate,
    session: &mut Session<'_>,
) -> Result<(), DataError> {
    if data.item_links.is_empty() {
        return Ok(());
    }
    let configs = |name: &str| data.domains.iter().find(|domain| domain.name == name);
    let domains: Vec<&DomainConfig> = world.domains.iter().filter_map(|domain| configs(&domain.name)).collect();
    let known = |d: usize, item: &str| world.domains[d].items.find(item).is_some();
    let (mut groups, notes) = read("data.item_links", (&data.item_links, data, &domains), &known, session)?;
    // Where each item of a group goes, by dense ids; the target's own items stay where they are.
    let mut members: BTreeMap<Id, Vec<(usize, u32)>> = BTreeMap::new();
    for ((d, item), group) in groups.settled() {
        if let Some(item) = world.domains[d].items.find(&item) {
            members.entry(group).or_default().push((d, item));
        }
    }
    let mut goes: Vec<HashMap<u32, (usize, u32)>> = vec![HashMap::new(); world.domains.len()];
    for mut items in members.into_values() {
        items.sort_unstable_by_key(|&(d, item)| (d != world.target, d, item));
        for &(d, item) in items[1..].iter().filter(|&&(d, _)| d != world.target) {
            goes[d].insert(item, items[0]);
        }
    }
    let n_chunks = world.domains.first().map_or(0, |domain| domain.rows.n_chunks());
    let (mut moved, mut repeated) = (0, 0);
    // All rows of a user are in one chunk, whatever their domain.
    for k in 0..n_chunks {
        let mut rows = world.domains.iter_mut().map(|domain| domain.rows.take(k)).collect::<Result<Vec<_>, _>>()?;
        let (n_moved, n_repeated) = join_rows(&mut rows, &goes, keep);
        (moved, repeated) = (moved + n_moved, repeated + n_repeated);
        world.domains.iter_mut().zip(rows).try_for_each(|(domain, rows)| domain.rows.put(k, rows))?;
    }
    world.domains.iter_mut().try_for_each(|domain| domain.rows.recount())?;
    world.notes.extend(notes);
    world.notes.push(format!(
        "linked items: {moved} events of sources are events of the domain that keeps the item; {repeated} of them are gone, for \
         their user has the item there"
    ));
    Ok(())
}

/// Moves the rows of linked items; returns how many, and how many of them are gone.
fn join_rows(domains: &mut [Vec<Row>], goes: &[HashMap<u32, (usize, u32)>], keep: Deduplicate) -> (usize, usize) {
    let mut arriving: Vec<Vec<Row>> = vec![Vec::new(); domains.len()];
    let (mut moved, mut repeated) = (0, 0);
    for (rows, goes) in domains.iter_mut().zip(goes) {
        rows.retain(|row| match goes.get(&row.item) {
            None => true,
            Some(&(to, item)) => {
                arriving[to].push(Row { item, part: Part::Train, ..*row });
                moved += 1;
                false
            }
        });
    }
    for (rows, mut arriving) in domains.iter_mut().zip(arriving) {
        let n = arriving.len();
        let pair = |row: &Row| (row.user, row.item);
        // Values of different domains are not added up: where the rule is a sum, the largest stays.
        arriving.sort_unstable_by(|a, b| pair(a).cmp(&pair(b)).then_with(|| best_first(keep, a, b)));
        if keep != Deduplicate::None {
            arriving.dedup_by_key(|row| pair(row));
        }
        // Rows are by user, then item: cleaning sorted them.
        arriving.retain(|row| rows.binary_search_by_key(&pair(row), pair).is_err());
        repeated += n - arriving.len();
        rows.append(&mut arriving);
        rows.sort_by_key(pair);
    }
    (moved, repeated)
}
