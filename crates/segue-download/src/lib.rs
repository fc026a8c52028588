//! Public data sets by name: where they are, under which terms, fetched with resume and checksums, unpacked safely.
//!
//! [`catalogue`] → [`obtain`] = [`fetch`] + [`unpack`] + a record of what was written, by which the next call knows that it
//! is complete.
#![warn(missing_docs)]

pub mod catalogue;
mod checksum;
mod client;
mod error;
mod event;
mod fetch;
mod files;
mod obtain;
mod partial;
mod record;
mod unpack;

pub use checksum::{Algorithm, Checksum};
pub use client::{Client, ClientConfig};
pub use error::DownloadError;
pub use event::{Event, Listener, Stage};
pub use fetch::{Fetched, Request, fetch};
pub use files::sha256_of;
pub use obtain::{Archives, Obtained, Order, check, obtain};
pub use record::{FileRecord, RECORD, Record};
pub use unpack::{Limits, Unpacked, unpack};
