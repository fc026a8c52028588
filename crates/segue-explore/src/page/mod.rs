//! Statistics, or the results of models, as one page that needs nothing else: no network, no fonts, no script to be read.

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
mod palette;
mod quantities;
mod results;
mod scale;
mod scatter;
mod text;

pub use assemble::{MARK, page};
pub use results::{Better, MARK as RESULTS_MARK, Measure, Part, Results, Row, Standing, results_page};
