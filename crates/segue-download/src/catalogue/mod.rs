//! The data sets with a public address: one entry each in `entries.rs`, nothing else to do for a new one.

mod amazon;
mod entries;

use std::path::Path;

use segue_core::nearest;

use crate::{DownloadError, Record};
pub use entries::DATA_SETS;

/// A data set that can be fetched.
#[derive(Debug, Clone, Copy)]
pub struct DataSet {
    /// How it is asked for.
    pub name: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    /// Its full name.
    pub title: &'static str,
    /// Domains, rows, times, what else is there.
    pub holds: &'static str,
    /// About how much is fetched.
    pub size: &'static str,
    /// What one may do with it, in a few words of ours; the terms themselves are the publisher's.
    pub licence: &'static str,
    /// Where the terms are.
    pub terms: &'static str,
    /// The key in CITATIONS.bib of what its publisher asks to cite.
    pub citation: &'static str,
    /// The folder below the root.
    pub folder: &'static str,
    /// Parts of which each is fetched by itself; none if it is one whole.
    pub categories: &'static [&'static str],
    /// Its files; `{category}` stands for each chosen category.
    pub files: &'static [Remote],
    /// What `segue prepare` is told: `{root}` is the folder, `{first}` and `{second}` are categories.
    pub prepare: &'static str,
    /// The same for a single category.
    pub prepare_one: &'static str,
    /// What a person should know beside; empty if nothing.
    pub note: &'static str,
}

/// A file of a data set, as it is written into the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Remote {
    /// Where it is, the best address first.
    pub addresses: &'static [&'static str],
    /// Its path below the data set's folder; an archive's name below the root.
    pub to: &'static str,
    /// An archive, whose files go into the folder.
    pub unpack: bool,
    /// What is published about its bytes.
    pub known: Known,
}

/// What a publisher says about the bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Its SHA-256.
    Sha256(&'static str),
    /// Its MD5.
    Md5(&'static str),
    /// The name of its content in the git repository that publishes it.
    GitBlob(&'static str),
    /// A file beside it has its MD5, because the content changes: the ending of its address.
    Md5Beside(&'static str),
    /// Nothing: the size that the server states is all there is to compare.
    Nothing,
}

/// A file of a data set with its category filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it is.
    pub addresses: Vec<String>,
    /// Where it goes.
    pub to: String,
    /// An archive.
    pub unpack: bool,
    /// What is published about its bytes.
    pub known: Known,
}

/// The data set of a name or alias; `-` and `_` are one, and so are small and capital letters.
pub fn find(name: &str) -> Result<&'static DataSet, DownloadError> {
    let all = || DATA_SETS.iter().flat_map(|it| std::iter::once(it.name).chain(it.aliases.iter().copied()));
    let found = DATA_SETS.iter().find(|it| same(it.name, name) || it.aliases.iter().any(|alias| same(alias, name)));
    found.ok_or_else(|| {
        let hint = nearest(name, all()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        DownloadError::UnknownDataSet { name: name.into(), hint }
    })
}

fn same(a: &str, b: &str) -> bool {
    let folded = |text: &str| text.to_lowercase().replace('-', "_");
    folded(a) == folded(b)
}

impl DataSet {
    /// The categories by their right names; refused if one is unknown, or none is chosen where there are some.
    pub fn choose(&self, wanted: &[String]) -> Result<Vec<&'static str>, DownloadError> {
        let refuse = |what: String| Err(DownloadError::Category { data_set: self.name, what });
        if self.categories.is_empty() {
            return match wanted.first() {
                None => Ok(Vec::new()),
                Some(given) => refuse(format!("has no categories; leave out --category {given}")),
            };
        }
        if wanted.is_empty() {
            return refuse(format!(
                "say which, as --category {}; there are {}",
                self.example(),
                self.categories.join(", ")
            ));
        }
        let mut chosen = Vec::new();
        for given in wanted {
            let Some(category) = self.categories.iter().find(|category| same(category, given)) else {
                let near = nearest(given, self.categories.iter().copied());
                let hint = near.map_or_else(
                    || format!("; there are {}", self.categories.join(", ")),
                    |near| format!("; did you mean `{near}`?"),
                );
                return refuse(format!("has no category `{given}`{hint}"));
            };
            if !chosen.contains(category) {
                chosen.push(*category);
            }
        }
        Ok(chosen)
    }

    /// Categories as they may be asked for; empty where there are none.
    pub fn example(&self) -> String {
        let two: Vec<&str> = match self.categories {
            [] => Vec::new(),
            all if all.contains(&"Digital_Music") => vec!["Digital_Music", "Movies_and_TV"],
            all => all.iter().rev().take(2).copied().collect(),
        };
        two.join(" ")
    }

    /// The files of these categories.
    pub fn files_of(&self, categories: &[&'static str]) -> Vec<File> {
        let filled = |category: &str| {
            let fill = |text: &str| text.replace("{category}", category);
            let file = |it: &Remote| File {
                addresses: it.addresses.iter().map(|address| fill(address)).collect(),
                to: fill(it.to),
                unpack: it.unpack,
                known: it.known,
            };
            self.files.iter().map(file).collect::<Vec<_>>()
        };
        if self.categories.is_empty() { filled("") } else { categories.iter().flat_map(|it| filled(it)).collect() }
    }

    /// The categories of which something is recorded below `root`.
    pub fn recorded(&self, root: &Path) -> Vec<&'static str> {
        let Some(record) = Record::read(&root.join(self.folder)) else { return Vec::new() };
        let is_there =
            |file: File| record.files.contains_key(&file.to) || record.archives.contains_key(&file.addresses[0]);
        let is_recorded = |category: &&'static str| self.files_of(&[*category]).into_iter().any(is_there);
        self.categories.iter().copied().filter(is_recorded).collect()
    }

    /// The command that fetches it into `root`.
    pub fn download_line(&self, root: &Path, categories: &[&'static str]) -> String {
        let of = if categories.is_empty() { String::new() } else { format!(" --category {}", categories.join(" ")) };
        quoted(&format!("segue download {}{of} --root {{root}}", self.name), &root.display().to_string())
    }

    /// The command that prepares it, once it is below `root`.
    pub fn prepare_line(&self, root: &Path, categories: &[&'static str]) -> String {
        let folder = root.join(self.folder).display().to_string();
        let example = self.example();
        let mut names = example.split_whitespace();
        let (first, second) = match *categories {
            [] => (names.next().unwrap_or_default(), names.next()),
            [only] => (only, None),
            [first, second, ..] => (first, Some(second)),
        };
        let line = match second {
            None if !self.categories.is_empty() => self.prepare_one.replace("{first}", first),
            second => self.prepare.replace("{first}", first).replace("{second}", second.unwrap_or_default()),
        };
        let out = match (self.categories.is_empty(), second) {
            (true, _) => self.name.to_owned(),
            (false, None) => first.to_owned(),
            (false, Some(second)) => format!("{second}_from_{first}"),
        };
        format!("segue prepare {} --out artifacts/{out}", quoted(&line, &folder))
    }
}

/// Puts the folder into the line, quoted where the shell needs it.
fn quoted(line: &str, folder: &str) -> String {
    let plain = folder.chars().all(|c| c.is_alphanumeric() || "/._-+~\\:".contains(c));
    let word = |word: &str| {
        let filled = word.replace("{root}", folder);
        if plain || filled == word { filled } else { format!("'{}'", filled.replace('\'', "'\\''")) }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
