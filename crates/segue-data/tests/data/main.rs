//! Readers, preparation and prepared folders, on hand-made files and on real samples.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]
#![allow(clippy::format_collect, reason = "small files are clearer line by line")]

mod bad_input;
mod five;
mod five_splits;
mod folder;
mod formats;
mod links;
mod odd_files;
mod options;
mod properties;
mod questions;
mod readings;
mod resume;
mod samples;
mod splits;
mod writers;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use segue_core::{Interactions, OpenedTests, Prepared};
use segue_data::DataError;
use segue_data::prepare::{
    DataConfig, DomainConfig, OneOrMany, PrepareOptions, PrepareReport, Progress, SplitConfig, SplitKind, prepare,
};

/// Hears everything, stops nothing.
pub fn quiet() -> impl FnMut(Progress<'_>) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}

/// A folder with files of given content.
pub fn files(contents: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in contents {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

/// A domain read from one file of `dir`, its format recognised.
pub fn domain(dir: &Path, name: &str, file: &str) -> DomainConfig {
    DomainConfig { name: name.into(), interactions: Some(OneOrMany::One(dir.join(file))), ..DomainConfig::default() }
}

/// Domains with the last as the target.
pub fn data(domains: Vec<DomainConfig>) -> DataConfig {
    let target = domains.last().unwrap().name.clone();
    DataConfig { name: "test".into(), domains, target, ..DataConfig::default() }
}

pub fn run(
    data: &DataConfig,
    options: &PrepareOptions,
    split: &SplitConfig,
) -> Result<(Prepared, PrepareReport), DataError> {
    prepare(data, options, split, 7, &mut quiet())
}

pub fn message(result: Result<(Prepared, PrepareReport), DataError>) -> String {
    result.err().unwrap().to_string()
}

pub fn kind(kind: SplitKind) -> SplitConfig {
    SplitConfig { kind, ..SplitConfig::default() }
}

/// The events of a log as `user:item` by external ids, sorted.
pub fn pairs(prepared: &Prepared, log: &Interactions) -> Vec<String> {
    let name =
        |e: segue_core::Event| format!("{}:{}", prepared.users.external(e.user), prepared.catalogue.external(e.item));
    let mut pairs: Vec<String> = log.events().map(name).collect();
    pairs.sort_unstable();
    pairs
}

/// Training, validation and test events of the first task.
pub fn parts(prepared: &Prepared) -> [Interactions; 3] {
    let task = &prepared.split.tasks[0];
    let test = task.test.open(&mut OpenedTests::default(), "test of preparation");
    [prepared.split.train.clone(), task.valid.events.clone(), test.events.clone()]
}

/// The sample called `name`, or `None` with a printed reason.
pub fn sample(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SEGUE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is absent; set SEGUE_DATA to the folder of the data sets", folder.display());
    None
}
