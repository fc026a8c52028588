//! The program as a person meets it: whole commands, real files, real errors.

mod artifacts;
mod bad_input;
mod commands;
mod determinism;
mod interrupt;
mod readme;
mod support;
