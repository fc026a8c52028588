//! The statistics as one page that needs nothing else: no network, no fonts, no script to be read.

mod across;
mod assemble;
mod bars;
mod content;
mod division;
mod dots;
mod figure;
mod lines;
mod matrix;
mod overview;
mod quantities;
mod scale;
mod text;

pub use assemble::{MARK, page};
