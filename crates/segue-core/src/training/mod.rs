//! What models that learn step by step share: who is drawn, row-sparse gradients, and how they move a table.
//!
//! Every sample draws from its own counter-based stream and every row sums its terms in the order of the samples, so that a
//! model is the same to the bit at any number of threads.

pub mod adam;
pub mod descent;
pub mod ratings;
pub mod rows;
pub mod sampler;
pub mod tables;
