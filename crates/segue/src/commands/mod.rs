//! One file per command.

pub(crate) mod bench;
pub(crate) mod check_table;
pub(crate) mod compare;
mod comparison;
pub(crate) mod datasets;
pub(crate) mod demo;
pub(crate) mod download;
pub(crate) mod evaluate;
pub(crate) mod explore;
pub(crate) mod export;
mod guide;
pub(crate) mod models;
pub(crate) mod prepare;
pub(crate) mod recommend;
pub(crate) mod report;
pub(crate) mod reproduce;
mod results_page;
pub(crate) mod similar;
mod sweep;
pub(crate) mod table;
pub(crate) mod train;
pub(crate) mod verify;
