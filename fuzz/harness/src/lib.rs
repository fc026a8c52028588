//! Inventors of broken input for every reader of Segue, and what must hold whatever is read.
//!
//! A [`Target`] is a group of readers. It invents [`Case`]s, documents of its formats with trouble in them, and checks
//! a case by more than the absence of a panic: a file reads the same compressed, with other ends of lines or written
//! back; every line is accounted for; damage is refused. The fuzzer of the folder `fuzz` runs the targets for as long as
//! one likes; the test `replay` runs them on every file of `fuzz/corpus` and `fuzz/regressions`.
#![warn(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a check that fails is a panic: the fuzzer's way to be told")]

mod case;
mod compressed;
mod draw;
mod guise;
mod items;
mod json;
mod logs;
mod mutate;
mod overrides;
mod parquet;
mod python_literal;
mod sequences;
mod stored;
mod tables;

pub use self::case::Case;
pub use self::draw::Draw;
pub use self::mutate::mutate;
pub use segue_data::readers::hush_guarded_panics;

/// A group of readers under test.
#[derive(Debug)]
pub struct Target {
    /// Its name; files for it lie in folders of this name.
    pub name: &'static str,
    /// Makes up a case.
    pub invent: fn(&mut Draw<'_>) -> Case,
    /// Panics where a case shows a fault.
    pub check: fn(&[u8]),
}

/// Every target.
pub static TARGETS: [Target; 8] = [
    Target { name: "tables", invent: tables::invent, check: tables::check },
    Target { name: "json", invent: json::invent, check: json::check },
    Target { name: "sequences", invent: sequences::invent, check: sequences::check },
    Target { name: "python_literal", invent: python_literal::invent, check: python_literal::check },
    Target { name: "items", invent: items::invent, check: items::check },
    Target { name: "compressed", invent: compressed::invent, check: compressed::check },
    Target { name: "stored", invent: stored::invent, check: stored::check },
    Target { name: "overrides", invent: overrides::invent, check: overrides::check },
];

/// The target called `name`.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
