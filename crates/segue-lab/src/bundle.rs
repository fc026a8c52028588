//! A fitted model with everything it needs to answer: vocabulary, titles, and the histories it was trained on.
//!
//! All ids in the file are external ids, so that a bundle outlives the dense ids of any one preparation.

use std::path::{Path, PathBuf};

use segue_core::{
    ArtifactReader, ArtifactWriter, Catalogue, Domain, DomainId, Event, IdMap, Interactions, ItemId, ItemInfo,
    Prepared, Recommender, Registry, Signal, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::LabError;
use crate::files::{map, write_aside};

/// Name of the bundle inside a run folder.
pub(crate) const FILE_NAME: &str = "model.safetensors";

/// A fitted model and its world.
pub struct Bundle {
    /// Name of the model in the registry.
    pub model_name: String,
    /// Its hyper-parameters.
    pub params: Value,
    /// The fitted model.
    pub model: Box<dyn Recommender>,
    /// Users it was trained on.
    pub users: IdMap,
    /// Items it can score.
    pub catalogue: Catalogue,
    /// The domain it was trained to recommend.
    pub target: DomainId,
    /// Histories at training time.
    pub log: Interactions,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bundle")
            .field("model", &self.model_name)
            .field("params", &self.params)
            .field("users", &self.users.len())
            .field("items", &self.catalogue.n_items())
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    model: String,
    params: Value,
    domains: Vec<String>,
    target: DomainId,
}

const SEPARATOR: &str = "\u{1f}";

impl Bundle {
    /// Joins a fitted model with the data it was fitted on.
    pub fn new(
        model_name: &str,
        params: Value,
        model: Box<dyn Recommender>,
        data: &Prepared,
        target: DomainId,
    ) -> Self {
        Self {
            model_name: model_name.into(),
            params,
            model,
            users: data.users.clone(),
            catalogue: data.catalogue.clone(),
            target,
            log: data.split.train.clone(),
        }
    }

    /// Writes the bundle aside, syncs it and renames it to `path`.
    pub fn save(&self, path: &Path) -> Result<(), LabError> {
        let Self { model_name, params, users, catalogue, target, log, .. } = self;
        Around { model_name, params, users, catalogue, target: *target, log }.save(self.model.as_ref(), path)
    }

    /// Reads a bundle: a `model.safetensors`, or a run folder that holds one.
    pub fn load(path: &Path, registry: &Registry) -> Result<Self, LabError> {
        let file = if path.is_dir() { path.join(FILE_NAME) } else { path.to_path_buf() };
        if !file.is_file() {
            return Err(LabError::NotFound(format!(
                "there is no model at {}: name a finished run folder (a run still going is called <name>.partial), or make one \
                 with `segue train`",
                file.display()
            )));
        }
        let blob = map(&file)?;
        let reader = ArtifactReader::open_blob(&blob, registry).map_err(|error| LabError::artifact(&file, error))?;
        Self::parse(&reader, &file)
    }

    fn parse(reader: &ArtifactReader<'_>, file: &Path) -> Result<Self, LabError> {
        let fail = |error| LabError::artifact(file, error);
        let header: Header = reader.meta("bundle").map_err(fail)?;
        let users = IdMap::new(reader.strings("users").map_err(fail)?);
        let mut domains = Vec::new();
        for (d, name) in header.domains.iter().enumerate() {
            let ids = IdMap::new(reader.strings(&format!("domain.{d}.items")).map_err(fail)?);
            domains.push(Domain { name: name.clone(), ids });
        }
        let n_items: usize = domains.iter().map(|d| d.ids.len()).sum();
        let titles = reader.strings("titles").map_err(fail)?;
        let categories = reader.strings("categories").map_err(fail)?;
        let broken = |entry: &str, problem: &str| fail(reader.entry(entry, problem.into()));
        if titles.len() != n_items || categories.len() != n_items {
            return Err(broken("titles", "does not match the number of items"));
        }
        let mut infos = titles.into_iter().zip(categories).map(|(title, categories)| ItemInfo {
            title: (!title.is_empty()).then_some(title),
            categories: categories.split(SEPARATOR).filter(|c| !c.is_empty()).map(Into::into).collect(),
        });
        let catalogue = Catalogue::new(domains, |_, _| infos.next().unwrap_or_default());
        if header.target >= catalogue.domains().len() {
            return Err(broken("bundle", "names a target domain that does not exist"));
        }
        let log = Self::parse_log(reader, users.len(), n_items).map_err(fail)?;
        let entry = reader.registry().find(&header.model).map_err(|error| LabError::Param { error })?;
        let model = entry.load(&reader.scope("model")).map_err(fail)?;
        Ok(Self {
            model_name: header.model,
            params: header.params,
            model,
            users,
            catalogue,
            target: header.target,
            log,
        })
    }

    fn parse_log(
        reader: &ArtifactReader<'_>,
        n_users: usize,
        n_items: usize,
    ) -> Result<Interactions, segue_core::ArtifactError> {
        let row_ptr: Vec<u64> = reader.vector("log.row_ptr", Some(n_users + 1))?;
        let items: Vec<u32> = reader.vector("log.items", None)?;
        let n = Some(items.len());
        let weights: Vec<f32> = reader.vector("log.weights", n)?;
        let signals: Vec<u8> = reader.vector("log.signals", n)?;
        let values: Vec<f32> = reader.vector("log.values", n)?;
        let times: Option<Vec<i64>> = if reader.has("log.times") { Some(reader.vector("log.times", n)?) } else { None };
        let mut events = Vec::with_capacity(items.len());
        for user in 0..n_users {
            for at in row_ptr[user]..row_ptr[user + 1] {
                let at = at as usize;
                if at >= items.len() {
                    return Err(reader.entry("log.row_ptr", "points past the last event".into()));
                }
                events.push(Event {
                    user: user as UserId,
                    item: items[at],
                    weight: weights[at],
                    signal: match signals[at] {
                        0 => Signal::Negative,
                        1 => Signal::Neutral,
                        _ => Signal::Positive,
                    },
                    value: values[at],
                    time: times.as_ref().map(|times| times[at]),
                });
            }
        }
        Interactions::new(n_users, n_items, events).map_err(|error| reader.entry("log", error.to_string()))
    }
}

/// All of a bundle but the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'w> {
    pub(crate) model_name: &'w str,
    pub(crate) params: &'w Value,
    pub(crate) users: &'w IdMap,
    pub(crate) catalogue: &'w Catalogue,
    pub(crate) target: DomainId,
    pub(crate) log: &'w Interactions,
}

impl Around<'_> {
    /// Writes the bundle of `model` aside, syncs it and renames it to `path`.
    pub(crate) fn save(&self, model: &dyn Recommender, path: &Path) -> Result<(), LabError> {
        let mut out = ArtifactWriter::new();
        self.describe(model, &mut out).map_err(|error| LabError::artifact(path, error))?;
        write_aside(path, |file| out.write_to(file))
    }

    fn describe<'a>(
        &'a self,
        model: &'a dyn Recommender,
        out: &mut ArtifactWriter<'a>,
    ) -> Result<(), segue_core::ArtifactError> {
        let domains = self.catalogue.domains();
        let header = Header {
            model: self.model_name.into(),
            params: self.params.clone(),
            domains: domains.iter().map(|d| d.name.clone()).collect(),
            target: self.target,
        };
        out.meta("bundle", &header)?;
        out.strings("users", self.users.iter());
        for (d, domain) in domains.iter().enumerate() {
            out.strings(&format!("domain.{d}.items"), domain.ids.iter());
        }
        let infos: Vec<&ItemInfo> = (0..self.catalogue.n_items() as ItemId).map(|i| self.catalogue.info(i)).collect();
        out.strings("titles", infos.iter().map(|info| info.title.as_deref().unwrap_or("")));
        let categories: Vec<String> = infos.iter().map(|info| info.categories.join(SEPARATOR)).collect();
        out.strings("categories", categories.iter().map(String::as_str));

        let events: Vec<Event> = self.log.events().collect();
        let n = events.len();
        let row_ptr: Vec<u64> = std::iter::once(0)
            .chain((0..self.log.n_users() as UserId).scan(0, |sum, u| {
                *sum += self.log.user(u).len() as u64;
                Some(*sum)
            }))
            .collect();
        out.tensor("log.row_ptr", &[row_ptr.len()], row_ptr);
        out.tensor("log.items", &[n], events.iter().map(|e| e.item).collect::<Vec<u32>>());
        out.tensor("log.weights", &[n], events.iter().map(|e| e.weight).collect::<Vec<f32>>());
        out.tensor("log.signals", &[n], events.iter().map(|e| e.signal as u8).collect::<Vec<u8>>());
        out.tensor("log.values", &[n], events.iter().map(|e| e.value).collect::<Vec<f32>>());
        if self.log.has_times() {
            out.tensor("log.times", &[n], events.iter().filter_map(|e| e.time).collect::<Vec<i64>>());
        }
        out.scope("model", |out| model.save(out))
    }
}

/// Where the bundle of a run stands.
pub(crate) fn path_in(run: &Path) -> PathBuf {
    run.join(FILE_NAME)
}
