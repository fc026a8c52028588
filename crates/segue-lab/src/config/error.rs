//! What can be wrong with a configuration, said so that the user can put it right.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::interpolate::InterpolationError;
use super::overrides::OverrideError;
use super::sweep::SweepError;
use super::yaml::YamlError;

/// Where a value of the configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A line of a config file.
    File {
        /// Name of the file.
        file: String,
        /// 1-based line.
        line: usize,
    },
    /// An override, as the user wrote it.
    CommandLine(String),
    /// The defaults a schema gives for an option.
    Schema {
        /// Config group.
        group: String,
        /// Canonical option.
        option: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line } => write!(out, "{file}:{line}"),
            Self::CommandLine(text) => write!(out, "override `{text}`"),
            Self::Schema { group, option } => write!(out, "defaults of {group} `{option}`"),
        }
    }
}

/// Why no configuration could be composed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An override that does not follow the grammar.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// A config file that is not YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// An `${...}` that leads nowhere.
    #[error(transparent)]
    Interpolation(#[from] InterpolationError),
    /// A sweep that cannot be listed.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// A sweep outside a multirun.
    #[error(
        "`{text}` asks for several runs; add --multirun (-m) to make them. \
         For a list write key=[a,b], for text with a comma key='a,b'"
    )]
    NeedsMultirun {
        /// The override.
        text: String,
    },
    /// A config file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The main config file is missing.
    #[error("there is no config `{name}` in {searched}{hint}")]
    NoPrimary {
        /// Its name, without `.yaml`.
        name: String,
        /// Where it was looked for.
        searched: String,
        /// The nearest name there is.
        hint: String,
    },
    /// A key that the configuration does not have.
    #[error("{0}")]
    UnknownKey(Box<UnknownKey>),
    /// An option that the config group does not have.
    #[error("{0}")]
    UnknownOption(Box<UnknownOption>),
    /// `+key` where the key is already there.
    #[error("`{text}` adds a key that is already there; to change it write {plain}, to set it either way +{text}")]
    KeyExists {
        /// The override.
        text: String,
        /// The override without `+`.
        plain: String,
    },
    /// A defaults list that cannot be followed.
    #[error("{at}: {message}")]
    Defaults {
        /// The item of the list.
        at: Origin,
        /// What is wrong.
        message: String,
    },
    /// A value or a group choice that does not fit its place.
    #[error("{at}: {message}")]
    Value {
        /// Where the value stands.
        at: Origin,
        /// What is wrong.
        message: String,
    },
}

/// A key that the configuration does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// Where it is used.
    pub at: Origin,
    /// The whole dotted key.
    pub key: String,
    /// The deepest section of the key that exists; empty for the root.
    pub section: String,
    /// The valid key most likely meant.
    pub nearest: Option<String>,
    /// The keys of `section`.
    pub siblings: Vec<String>,
    /// The override that would add the key.
    pub add: Option<String>,
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: there is no key `{}`", self.at, self.key)?;
        if let Some(nearest) = &self.nearest {
            write!(out, "; did you mean `{nearest}`?")?;
        }
        let place = if self.section.is_empty() { "at the top".to_owned() } else { format!("in `{}`", self.section) };
        match self.siblings.as_slice() {
            [] => write!(out, "\n  there are no keys {place}")?,
            keys => write!(out, "\n  keys {place}: {}", keys.join(", "))?,
        }
        match &self.add {
            Some(add) => write!(out, "\n  to add a new key write {add}"),
            None => Ok(()),
        }
    }
}

/// An option that the config group does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownOption {
    /// Where it is chosen.
    pub at: Origin,
    /// The config group.
    pub group: String,
    /// The option asked for.
    pub option: String,
    /// The name most likely meant.
    pub nearest: Option<String>,
    /// The options there are.
    pub options: Vec<String>,
}

impl fmt::Display for UnknownOption {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: group `{}` has no option `{}`", self.at, self.group, self.option)?;
        if let Some(nearest) = &self.nearest {
            write!(out, "; did you mean `{nearest}`?")?;
        }
        match self.options.as_slice() {
            [] => write!(out, "\n  the group has no options"),
            options => write!(out, "\n  options: {}", options.join(", ")),
        }
    }
}
