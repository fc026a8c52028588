//! Downloads from a server on this machine, in good days and bad; archives that mean well and ill.
#![allow(clippy::unwrap_used, clippy::format_collect, reason = "a test may stop at once")]

mod catalogue;
mod fetching;
mod obtaining;
mod server;
mod unpacking;

use std::ops::ControlFlow;
use std::time::Duration;

use segue_download::{Client, ClientConfig, Event};

/// Waits for nothing between tries.
pub(crate) fn client() -> Client {
    Client::new(ClientConfig { tries: 4, pause: Duration::ZERO, ..ClientConfig::default() }).unwrap()
}

/// Hears everything, stops nothing.
pub(crate) fn quiet() -> impl FnMut(Event<'_>) -> ControlFlow<()> {
    |_| ControlFlow::Continue(())
}
