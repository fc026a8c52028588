//! The program as a person meets it: whole commands, real files, real errors.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "a test may stop at once, and says why it skips"
)]

mod artifacts;
mod bad_input;
mod bench;
mod check_table;
mod commands;
mod determinism;
mod download;
mod explore;
mod interrupt;
mod ratings;
mod readme;
mod reproduce;
#[allow(dead_code, reason = "its other replies are for the tests of the library")]
#[path = "../../../segue-download/tests/download/server.rs"]
mod server;
mod splits;
mod sql;
mod stored_runs;
mod support;
mod sweep;
mod table;
mod trec;
