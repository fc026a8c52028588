//! `path` of a domain into the files that it names.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::config::{DataConfig, DomainConfig, OneOrMany};
use super::found_links;
use crate::DataError;
use crate::readers::{FolderFiles, Format, find_files, links_in};

/// What is to be read.
pub(super) struct Located<'a> {
    pub(super) data: Cow<'a, DataConfig>,
    /// What the folders tell.
    pub(super) notes: Vec<String>,
    /// Files of links that nobody named and that are used.
    pub(super) links: Vec<PathBuf>,
}

/// Fills in the files of every domain that has a `path`; files named beside it win.
pub(super) fn locate(data: &DataConfig) -> Result<Located<'_>, DataError> {
    let mut notes = Vec::new();
    if data.domains.iter().all(|domain| domain.path.is_none()) {
        return Ok(Located { data: Cow::Borrowed(data), notes, links: Vec::new() });
    }
    let mut data = data.clone();
    let mut links = links_between(&data);
    for domain in &mut data.domains {
        let Some(path) = &domain.path else { continue };
        let found = find_files(path)?;
        links.extend_from_slice(&found.links);
        for [read, other] in found.beside.iter().filter(|[read, _]| is_read(domain, &found, read)) {
            let (read, other) = (read.display(), other.display());
            notes.push(format!("{read} is read; {other}, which may be the same log, is not: name it to have it read"));
        }
        if let Some(format) = found.format.filter(|_| domain.interactions.is_none() && domain.format == Format::Auto) {
            domain.format = format;
            notes.push(format!(
                "{}: read as `{format}`, each line oldest first; where items are in no order, set the domain's `format` \
                 to adjacency",
                domain.name
            ));
        }
        domain.interactions = domain.interactions.take().or(found.interactions.map(OneOrMany::One));
        domain.items = domain.items.take().or((!found.items.is_empty()).then_some(OneOrMany::Many(found.items)));
        domain.train = domain.train.take().or(found.train.map(OneOrMany::One));
        domain.valid = domain.valid.take().or(found.valid.map(OneOrMany::One));
        domain.test = domain.test.take().or(found.test.map(OneOrMany::One));
        domain.negatives = domain.negatives.take().or(found.negatives);
    }
    let links = found_links::take(&mut data, links, &mut notes);
    Ok(Located { data: Cow::Owned(data), notes, links })
}

/// Whether a file of a folder is not replaced by one that the domain names for the same purpose.
fn is_read(domain: &DomainConfig, found: &FolderFiles, file: &Path) -> bool {
    let roles = [
        (&found.interactions, &domain.interactions),
        (&found.train, &domain.train),
        (&found.valid, &domain.valid),
        (&found.test, &domain.test),
    ];
    roles.into_iter().any(|(found, named)| named.is_none() && found.as_deref() == Some(file))
}

/// Files of links beside the folders of two domains and more.
fn links_between(data: &DataConfig) -> Vec<PathBuf> {
    let folders: Vec<&Path> = data.domains.iter().filter_map(|domain| domain.path.as_deref()).collect();
    let is_beside = |path: &&Path| path.is_dir() && path.parent() == folders[0].parent();
    match folders.first().and_then(|first| first.parent()) {
        Some(parent) if folders.len() > 1 && folders.iter().all(is_beside) => links_in(parent),
        _ => Vec::new(),
    }
}

/// A note of each log that was taken for an adjacency list by its look alone, which is that of sequences, too.
pub(super) fn unordered(data: &DataConfig, is_adjacency: &dyn Fn(&str) -> bool) -> Vec<String> {
    let unnamed = data.domains.iter().filter(|domain| domain.format == Format::Auto);
    let logs = unnamed.flat_map(|domain| domain.interactions.iter().flat_map(OneOrMany::as_slice));
    let logs = logs.map(|path| path.display().to_string()).filter(|path| is_adjacency(path));
    let note = |path| {
        format!(
            "{path}: read as `adjacency`, items in no order; where each user's are oldest first (SASRec, S3-Rec), set the \
             domain's `format` to sequence"
        )
    };
    logs.map(note).collect()
}
