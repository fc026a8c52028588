//! What a listener hears while a data set is on its way.

use std::ops::ControlFlow;

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bytes come over the network.
    Fetch,
    /// Bytes on the disk are compared with what was published or written down.
    Check,
    /// An archive is taken apart.
    Unpack,
}

impl Stage {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Check => "check",
            Self::Unpack => "unpack",
        }
    }
}

/// One thing that a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// How far a file is.
    Progress {
        /// What is done with it.
        stage: Stage,
        /// Its name.
        name: &'a str,
        /// Bytes done.
        done: u64,
        /// Bytes in all, if that is known.
        total: Option<u64>,
    },
    /// Something a person should know.
    Note(&'a str),
}

/// Hears events; may stop the work, which keeps what has arrived.
pub type Listener<'a> = dyn FnMut(Event<'_>) -> ControlFlow<()> + 'a;
