//! What can go wrong between an address and a data set, and the way out of it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Algorithm;

/// Why a data set could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// No data set of this name.
    #[error("no data set is called `{name}`{hint}; `segue datasets` lists them")]
    UnknownDataSet {
        /// What was asked for.
        name: String,
        /// The nearest name.
        hint: String,
    },
    /// A category that the data set does not have, none where one is needed, or one where there are none.
    #[error("{data_set}: {what}")]
    Category {
        /// The data set.
        data_set: &'static str,
        /// What is wrong, and the way out.
        what: String,
    },
    /// An address, a checksum or another setting that cannot be meant.
    #[error("`{given}` {what}")]
    Setting {
        /// What was given.
        given: String,
        /// What is wrong, and the way out.
        what: String,
    },
    /// The server said no.
    #[error("{address}: the server answers {status}{}", status_hint(*status))]
    Status {
        /// The address.
        address: String,
        /// The HTTP status.
        status: u16,
        /// How long the server asked to wait, where it did.
        wait: Option<Duration>,
    },
    /// No answer at all.
    #[error(
        "{address}: no answer ({what}); check the network and the proxy (HTTPS_PROXY), or give another address (of a data set by --mirror)"
    )]
    Unreachable {
        /// The address.
        address: String,
        /// The reason, as the system tells it.
        what: String,
        /// Whether another try may help.
        passing: bool,
    },
    /// The connection ended before the file did.
    #[error("{address}: the connection was cut after {got} of {} bytes{}", of_bytes(*expected), kept(part.as_deref()))]
    Cut {
        /// The address.
        address: String,
        /// Bytes that have arrived, from all tries.
        got: u64,
        /// Bytes stated.
        expected: Option<u64>,
        /// Where they are kept, if they are of use.
        part: Option<PathBuf>,
    },
    /// The server sends nothing any more.
    #[error("{address}: nothing came for {} seconds, {got} bytes have arrived{}", idle.as_secs_f32(), kept(part.as_deref()))]
    Stalled {
        /// The address.
        address: String,
        /// For how long.
        idle: Duration,
        /// Bytes that have arrived, from all tries.
        got: u64,
        /// Where they are kept, if they are of use.
        part: Option<PathBuf>,
    },
    /// More bytes than there may be.
    #[error("{address}: {}", too_large(*stated, *limit))]
    TooLarge {
        /// The address.
        address: String,
        /// The size that the server states.
        stated: Option<u64>,
        /// The limit.
        limit: u64,
    },
    /// The server contradicts itself or the request.
    #[error("{address}: {what}")]
    Protocol {
        /// The address.
        address: String,
        /// What it said.
        what: String,
    },
    /// A page to be looked at came in place of the file.
    #[error(
        "{address}: a page (HTML) came in place of the file; it may have moved, or ask for a registration: look in a browser, \
         and give the address of the file itself. Where a page is wanted, --out names a file that ends in .html"
    )]
    Page {
        /// The address.
        address: String,
    },
    /// The bytes are not those that were published.
    #[error(
        "{from}: the {algorithm} checksum is wrong: expected {expected}, got {got}; what came was removed. Try again, or look whether the publisher has a new version"
    )]
    Checksum {
        /// The address or file.
        from: String,
        /// How it is computed.
        algorithm: Algorithm,
        /// What was published.
        expected: String,
        /// What the file has.
        got: String,
    },
    /// A file at the place that was not fetched by us and is not what was published.
    #[error("{}: lies at the place of the download, but its {algorithm} checksum is {got} instead of {expected}; move it away, or let --force replace it", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How it is computed.
        algorithm: Algorithm,
        /// What was published.
        expected: String,
        /// What the file has.
        got: String,
    },
    /// The operating system said no.
    #[error("{}: cannot {doing}: {source}{}", path.display(), io_hint(source))]
    Io {
        /// The path.
        path: PathBuf,
        /// What was attempted, e.g. `write`.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// An archive that is damaged, or not one that a data set would be published as.
    #[error("{}: {what}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong, and the way out.
        what: String,
    },
    /// Another download writes the same file.
    #[error("{}: another download is writing there now; wait for it, or give another folder (--root, of a single address --out)", path.display())]
    Locked {
        /// The unfinished file.
        path: PathBuf,
    },
    /// Every address of a file failed.
    #[error("{}", every(data_set, errors, place))]
    Every {
        /// The data set.
        data_set: String,
        /// What each address said, in order.
        errors: Vec<DownloadError>,
        /// Where a file fetched by hand belongs.
        place: PathBuf,
    },
    /// What is on the disk is not what was written there.
    #[error("{data_set}: {}; `{command}` fetches what is missing", faults.join("; "))]
    Damaged {
        /// The data set.
        data_set: String,
        /// The files, and what is wrong with each.
        faults: Vec<String>,
        /// The command that fetches them.
        command: String,
    },
    /// The listener asked to stop.
    #[error("stopped; what has arrived is kept, and the same command goes on from there")]
    Interrupted,
}

impl DownloadError {
    pub(crate) fn io(path: impl Into<PathBuf>, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, doing, source }
    }

    pub(crate) fn archive(path: &Path, what: impl Into<String>) -> Self {
        Self::Archive { path: path.into(), what: what.into() }
    }

    pub(crate) fn protocol(address: &str, what: impl Into<String>) -> Self {
        Self::Protocol { address: address.into(), what: what.into() }
    }

    /// Whether the same request may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502..=504),
            Self::Unreachable { passing, .. } => *passing,
            Self::Cut { .. } | Self::Stalled { .. } => true,
            _ => false,
        }
    }

    /// Whether another address may do better.
    pub(crate) fn is_of_the_address(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::Unreachable { .. }
                | Self::Cut { .. }
                | Self::Stalled { .. }
                | Self::Protocol { .. }
                | Self::Page { .. }
                | Self::Checksum { .. }
        )
    }
}

fn status_hint(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            " (not allowed): the publisher may ask for a registration or refuse programs; fetch it in a browser, or give \
             another address (of a data set by --mirror)"
        }
        404 | 410 => " (not there): the address may have moved; give another (of a data set by --mirror)",
        407 => " (the proxy asks for a password): put it into HTTPS_PROXY",
        408 | 425 | 429 => " (too busy for us): try again later; what has arrived is kept",
        500..=599 => " (trouble on its side): try again later; what has arrived is kept",
        _ => "",
    }
}

fn of_bytes(expected: Option<u64>) -> String {
    expected.map_or_else(|| "an unknown number of".into(), |bytes| bytes.to_string())
}

fn kept(part: Option<&Path>) -> String {
    match part {
        Some(part) => format!("; they are kept in {}, and the same command goes on from there", part.display()),
        None => {
            "; the server does not tell one version of the file from another, so the same command begins anew".into()
        }
    }
}

fn too_large(stated: Option<u64>, limit: u64) -> String {
    let way_out = "if that is right, raise --max-bytes";
    match stated {
        Some(stated) => format!("the server states {stated} bytes, {limit} are allowed; {way_out}"),
        None => format!("more than {limit} bytes came, and no size was stated; what came was removed; {way_out}"),
    }
}

fn every(data_set: &str, errors: &[DownloadError], place: &Path) -> String {
    let mut text = format!("{data_set} cannot be fetched:");
    for error in errors {
        text.push_str("\n  ");
        text.push_str(&error.to_string());
    }
    let _ = write!(
        text,
        "\nfetch it by hand, put it at {} and run the same command again, or give an address that has it (of a data set by --mirror)",
        place.display()
    );
    text
}

fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "; free some space, or choose another folder (--root, of a single address --out); what has arrived is kept, and the same command goes on from there"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder that you may write to (--root, of a single address --out), or mend its permissions"
        }
        _ => "",
    }
}
