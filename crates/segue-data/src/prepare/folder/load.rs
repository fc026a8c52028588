//! A folder back into [`Prepared`]; every file is checked against the manifest first.

use std::path::{Path, PathBuf};

use segue_core::{
    Catalogue, Csr, Domain, Event, Features, Holdout, IdMap, Interactions, ItemInfo, Prepared, Sealed, Signal, Split,
    Task,
};
use serde::Deserialize;

use super::{FEATURE_MAP, FOLDER_VERSION, ITEMS, MANIFEST, Manifest, TRAIN, TaskEntry, USER_MAP};
use crate::DataError;
use crate::parquet_columns::Table;
use crate::readers::cells::{Cells, int_lists, text_lists};
use crate::readers::parquet::measure;

/// Reads back what [`crate::prepare::write_folder`] wrote, exactly; `dir` may also be its `data` folder.
pub fn load_folder(dir: &Path) -> Result<(Prepared, Manifest), DataError> {
    let root = root_of(dir)?;
    let manifest = read_manifest(&root.join(MANIFEST))?;
    check_files(&root, &manifest)?;
    let folder = Folder { root: &root, manifest: &manifest };
    let users = folder.users()?;
    let catalogue = folder.catalogue()?;
    let train = folder.events(TRAIN)?;
    let tasks = manifest.tasks.iter().map(|task| folder.task(task, &catalogue)).collect::<Result<_, _>>()?;
    let split = Split { train, tasks, protocol: manifest.protocol.clone() };
    Ok((Prepared { users, catalogue, split }, manifest))
}

fn root_of(dir: &Path) -> Result<PathBuf, DataError> {
    if dir.join(MANIFEST).is_file() {
        return Ok(dir.into());
    }
    let data = dir.file_name().is_some_and(|name| name == "data");
    match dir.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p }) {
        Some(parent) if data && parent.join(MANIFEST).is_file() => Ok(parent.into()),
        _ if !dir.exists() => {
            Err(DataError::Folder { path: dir.into(), what: "does not exist; write it with `segue prepare`".into() })
        }
        _ => Err(DataError::Folder {
            path: dir.into(),
            what: format!("holds no {MANIFEST}, so it is no prepared folder; write one with `segue prepare`"),
        }),
    }
}

fn damaged(path: PathBuf, what: impl std::fmt::Display) -> DataError {
    DataError::Folder { path, what: format!("is damaged: {what}; run `segue prepare` again") }
}

fn read_manifest(path: &Path) -> Result<Manifest, DataError> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u32,
    }
    let text = std::fs::read_to_string(path).map_err(DataError::io(path, "read"))?;
    // The version first: another version's manifest need not have our fields.
    let Version { format_version: found } = serde_json::from_str(&text).map_err(|error| damaged(path.into(), error))?;
    if found != FOLDER_VERSION {
        let what = format!(
            "has format version {found}, this program reads {FOLDER_VERSION}; run `segue prepare` again{}",
            if found > FOLDER_VERSION { ", or use a newer segue" } else { "" }
        );
        return Err(DataError::Folder { path: path.into(), what });
    }
    serde_json::from_str(&text).map_err(|error| damaged(path.into(), error))
}

fn check_files(root: &Path, manifest: &Manifest) -> Result<(), DataError> {
    for file in &manifest.files {
        let path = root.join(&file.path);
        if !path.is_file() {
            let what = "is missing; run `segue prepare` again".into();
            return Err(DataError::Folder { path, what });
        }
        let (bytes, hash) = measure(&path)?;
        if bytes != file.bytes {
            return Err(damaged(path, format!("{bytes} bytes instead of {}", file.bytes)));
        }
        if hash.hex() != file.fnv1a64 {
            return Err(damaged(path, format!("hash {} instead of {}", hash.hex(), file.fnv1a64)));
        }
    }
    Ok(())
}

struct Folder<'a> {
    root: &'a Path,
    manifest: &'a Manifest,
}

impl Folder<'_> {
    fn users(&self) -> Result<IdMap, DataError> {
        let users = self.ids(USER_MAP)?;
        if users.len() != self.manifest.n_users {
            let what = format!("{} users instead of {}", users.len(), self.manifest.n_users);
            return Err(damaged(self.root.join(USER_MAP), what));
        }
        Ok(users)
    }

    /// Ids and their places, which follow their order.
    fn ids(&self, name: &str) -> Result<IdMap, DataError> {
        let path = self.root.join(name);
        let text = std::fs::read_to_string(&path).map_err(DataError::io(&path, "read"))?;
        let map: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).map_err(|error| damaged(path.clone(), error))?;
        let ids = IdMap::new(map.keys().map(String::as_str).collect());
        let stands = |(n, (name, id)): (usize, (&String, &serde_json::Value))| {
            id.as_u64() == Some(n as u64) && ids.external(n as u32) == name
        };
        if ids.len() != map.len() || !map.iter().enumerate().all(stands) {
            return Err(damaged(path, "ids do not follow the sorted external ids"));
        }
        Ok(ids)
    }

    fn catalogue(&self) -> Result<Catalogue, DataError> {
        let path = self.root.join(ITEMS);
        let table = Table::open(&path)?;
        let (item, domain, title) = (table.column("item")?, table.column("domain")?, table.column("title")?);
        let (categories, features) = (table.column("categories")?, table.column("features")?);
        let mut ids: Vec<Vec<String>> = vec![Vec::new(); self.manifest.domains.len()];
        let mut places = Vec::new();
        let mut infos: Vec<Vec<ItemInfo>> = vec![Vec::new(); self.manifest.domains.len()];
        for group in table.groups() {
            let group = group?;
            let read = |column| Cells::read(&*group, column).map_err(DataError::parquet(&path));
            let (item, domain, title) = (read(item)?, read(domain)?, read(title)?);
            let categories = text_lists(&*group, categories).map_err(DataError::parquet(&path))?;
            places.extend(int_lists(&*group, features).map_err(DataError::parquet(&path))?);
            for (n, categories) in categories.into_iter().enumerate() {
                let d = self.manifest.domains.iter().position(|name| domain.str(n) == Some(name));
                let (Some(d), Some(id)) = (d, item.str(n)) else {
                    return Err(table.damaged(format!("row {n} names no item of a known domain")));
                };
                ids[d].push(id.to_owned());
                infos[d].push(ItemInfo { title: title.str(n).map(String::from), categories });
            }
        }
        let mut domains = Vec::new();
        for (name, ids) in self.manifest.domains.iter().zip(ids) {
            let n = ids.len();
            let sorted = IdMap::new(ids.iter().map(String::as_str).collect());
            if sorted.len() != n || !sorted.iter().eq(ids.iter().map(String::as_str)) {
                return Err(table.damaged(format!("items of {name} are not sorted by external id")));
            }
            domains.push(Domain { name: name.clone(), ids: sorted });
        }
        let mut next: Vec<_> = infos.into_iter().map(Vec::into_iter).collect();
        let catalogue = Catalogue::new(domains, |d, _| next[d].next().unwrap_or_default());
        if catalogue.n_items() != self.manifest.n_items {
            return Err(table.damaged(format!("{} items instead of {}", catalogue.n_items(), self.manifest.n_items)));
        }
        if !self.manifest.files.iter().any(|file| file.path == FEATURE_MAP) {
            return Ok(catalogue);
        }
        let names = self.ids(FEATURE_MAP)?;
        let row = |places: &Vec<i64>| places.iter().map(|&place| Some((u32::try_from(place).ok()?, ()))).collect();
        let rows: Option<Vec<_>> = places.iter().map(row).collect();
        let features = rows.filter(|rows| rows.len() == catalogue.n_items());
        let features = features.and_then(|rows| Csr::from_rows(names.len(), rows).ok());
        match features.and_then(|items| Features::new(names, items)) {
            Some(features) => Ok(catalogue.with_features(features)),
            None => Err(table.damaged("features are not those of the map of features")),
        }
    }

    fn events(&self, name: &str) -> Result<Interactions, DataError> {
        let path = self.root.join(name);
        let table = Table::open(&path)?;
        let columns = ["user_id", "item_id", "rating", "rating_norm", "signal", "timestamp"];
        let columns: Vec<usize> = columns.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
        let mut events = Vec::new();
        for group in table.groups() {
            let group = group?;
            let cells: Vec<Cells> = columns
                .iter()
                .map(|&column| Cells::read(&*group, column).map_err(DataError::parquet(&path)))
                .collect::<Result<_, _>>()?;
            let [user, item, value, weight, signal, time] = cells.as_slice() else {
                unreachable!("six columns were asked for")
            };
            for n in 0..group.metadata().num_rows() as usize {
                let event = || {
                    Some(Event {
                        user: u32::try_from(user.int(n)?).ok()?,
                        item: u32::try_from(item.int(n)?).ok()?,
                        weight: weight.float(n)? as f32,
                        signal: match signal.int(n)? {
                            -1 => Signal::Negative,
                            0 => Signal::Neutral,
                            1 => Signal::Positive,
                            _ => return None,
                        },
                        value: value.float(n)? as f32,
                        time: time.int(n),
                    })
                };
                events.push(event().ok_or_else(|| table.damaged(format!("row {n} of a group is no event")))?);
            }
        }
        let log = Interactions::new(self.manifest.n_users, self.manifest.n_items, events);
        log.map_err(|error| table.damaged(error.to_string()))
    }

    fn negatives(&self, name: Option<&String>) -> Result<Option<Csr<()>>, DataError> {
        let Some(name) = name else { return Ok(None) };
        let path = self.root.join(name);
        let table = Table::open(&path)?;
        let (users, items) = (table.column("user_id")?, table.column("item_id")?);
        let mut rows = vec![Vec::new(); self.manifest.n_users];
        for group in table.groups() {
            let group = group?;
            let read = |column| Cells::read(&*group, column).map_err(DataError::parquet(&path));
            let (users, items) = (read(users)?, read(items)?);
            for n in 0..group.metadata().num_rows() as usize {
                let item = items.int(n).and_then(|i| u32::try_from(i).ok());
                let row = users.int(n).and_then(|u| usize::try_from(u).ok()).and_then(|u| rows.get_mut(u));
                let (Some(row), Some(item)) = (row, item) else {
                    return Err(table.damaged(format!("row {n} names an unknown user")));
                };
                row.push((item, ()));
            }
        }
        let negatives = Csr::from_rows(self.manifest.n_items, rows);
        negatives.map(Some).map_err(|error| table.damaged(error.to_string()))
    }

    fn task(&self, entry: &TaskEntry, catalogue: &Catalogue) -> Result<Task, DataError> {
        let Some(target) = catalogue.find_domain(&entry.target) else {
            return Err(damaged(self.root.join(MANIFEST), format!("{:?} is no domain", entry.target)));
        };
        let holdout = |events: &str, negatives: Option<&String>| {
            Ok::<_, DataError>(Holdout { events: self.events(events)?, negatives: self.negatives(negatives)? })
        };
        Ok(Task {
            name: entry.name.clone(),
            kind: entry.kind,
            target,
            valid: holdout(&entry.valid, entry.valid_negatives.as_ref())?,
            test: Sealed::new(holdout(&entry.test, entry.test_negatives.as_ref())?),
        })
    }
}
