//! Users and items chosen by files of external ids, as if the logs held no others.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use segue_core::IdMap;

use super::assemble::renumber;
use super::config::{DataConfig, PrepareOptions};
use super::rows::{Given, World};
use crate::DataError;
use crate::readers::{Session, read_ids};

/// Drops the rows of all other users and items, and these items themselves, so that no link leads to them.
pub(super) fn subset(
    world: &mut World,
    data: &DataConfig,
    options: &PrepareOptions,
    session: &mut Session<'_>,
) -> Result<(), DataError> {
    if let Some(path) = &options.only_users {
        let before = world.sizes();
        let (kept, note) = chosen(("prepare.only_users", path), "users", &world.users, session)?;
        for domain in &mut world.domains {
            domain.rows.edit(|rows| {
                rows.retain(|row| kept[row.user as usize]);
                Ok(())
            })?;
        }
        world.notes.push(note);
        world.record("only users", &before, "the file `prepare.only_users` names nobody there")?;
    }
    let before = world.sizes();
    let mut any = false;
    for d in 0..world.domains.len() {
        let Some((key, path)) = of_items(world, d, data, options) else { continue };
        any = true;
        let what = format!("items of {}", world.domains[d].name);
        let domain = &mut world.domains[d];
        let (kept, note) = chosen((&key, path), &what, &domain.items, session)?;
        let items = renumber(std::mem::take(&mut domain.items), &kept);
        domain.items = items.map;
        domain.rows.edit_items(domain.items.len(), |_, rows| {
            rows.retain(|row| kept[row.item as usize]);
            for row in rows {
                row.item = items.new_id[row.item as usize];
            }
            Ok(())
        })?;
        let given = world.negatives.as_mut().filter(|_| d == world.target);
        for pairs in given.into_iter().flat_map(|Given { negatives, asked }| [negatives, asked]) {
            pairs.retain(|&(_, item)| kept[item as usize]);
            for (_, item) in pairs {
                *item = items.new_id[*item as usize];
            }
        }
        world.notes.push(note);
    }
    if any {
        world.record("only items", &before, "the file `only_items` names nothing that is left there")?;
    }
    Ok(())
}

/// The file of a domain's items and the key that gives it.
fn of_items<'a>(
    world: &World,
    d: usize,
    data: &'a DataConfig,
    options: &'a PrepareOptions,
) -> Option<(String, &'a PathBuf)> {
    let name = &world.domains[d].name;
    let own = data.domains.iter().find(|domain| domain.name == *name).and_then(|domain| domain.only_items.as_ref());
    let own = own.map(|path| (format!("data.domains.{name}.only_items"), path));
    let of_target = options.only_items.as_ref().filter(|_| d == world.target);
    own.or(of_target.map(|path| ("prepare.only_items".into(), path)))
}

/// Which ids the file names, and a note of how many.
fn chosen(
    (key, path): (&str, &Path),
    what: &str,
    ids: &IdMap,
    session: &mut Session<'_>,
) -> Result<(Vec<bool>, String), DataError> {
    let wanted: HashSet<String> = read_ids(path, session)?.into_iter().collect();
    let kept: Vec<bool> = ids.iter().map(|id| wanted.contains(id)).collect();
    let n_kept = kept.iter().filter(|&&kept| kept).count();
    let file = path.display();
    if n_kept == 0 {
        let like = ids.iter().next().map_or(String::new(), |id| format!(" such as {id:?}"));
        let text = format!("{file} names none of the {what}; it needs one external id a line{like}, or set it to null");
        return Err(DataError::config(key, text));
    }
    Ok((kept, format!("{file}: {n_kept} of {} ids are {what}", wanted.len())))
}
