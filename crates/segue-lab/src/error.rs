//! What can go wrong between a configuration and a finished run.

use std::io;
use std::path::Path;

use segue_core::{ArtifactError, FitError, LogError, ParamError};

/// An error of the laboratory. User mistakes, broken files and our own bugs are different variants.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A configuration value; the message names the key and the way out.
    #[error("{0}")]
    Config(String),
    /// Composing the configuration.
    #[error(transparent)]
    Compose(#[from] crate::config::ConfigError),
    /// A model name or parameter.
    #[error("{error}")]
    Param {
        /// What is wrong.
        error: ParamError,
    },
    /// Reading or preparing data.
    #[error(transparent)]
    Data(#[from] segue_data::DataError),
    /// Fitting.
    #[error("{model}: {error}")]
    Fit {
        /// The model.
        model: String,
        /// What went wrong.
        error: FitError,
    },
    /// Evaluating.
    #[error(transparent)]
    Eval(#[from] segue_eval::EvalError),
    /// A file.
    #[error("cannot {action} {path}: {problem}")]
    File {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: String,
        /// What went wrong and the way out.
        problem: String,
    },
    /// A model file.
    #[error("{path}: {error}")]
    Artifact {
        /// The file.
        path: String,
        /// What is wrong.
        error: ArtifactError,
    },
    /// An unknown user, title, run or metric; the message names the nearest.
    #[error("{0}")]
    NotFound(String),
    /// Interrupted by the user; the message says what is left and how to go on.
    #[error("{0}")]
    Interrupted(String),
    /// A bug of ours.
    #[error("internal error, please report it: {0}")]
    Internal(String),
}

impl LabError {
    /// A file error with a hint for the common causes.
    pub fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => " (check the path, or make it first)",
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                " (choose a folder that you may write to, e.g. with out=...)"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => " (free some space; nothing was half-written)",
            _ => "",
        };
        Self::File { action, path: path.display().to_string(), problem: format!("{error}{hint}") }
    }

    /// An artifact error of a file.
    pub fn artifact(path: &Path, error: ArtifactError) -> Self {
        Self::Artifact { path: path.display().to_string(), error }
    }
}

impl From<LogError> for LabError {
    fn from(error: LogError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<ParamError> for LabError {
    fn from(error: ParamError) -> Self {
        Self::Param { error }
    }
}
