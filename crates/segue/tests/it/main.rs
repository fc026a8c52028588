//! The program as a person meets it: whole commands, real files, real errors.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "a test may stop at once, and says why it skips"
)]

mod artifacts;
mod bad_input;
mod commands;
mod determinism;
mod explore;
mod interrupt;
mod readme;
mod splits;
mod sql;
mod support;
