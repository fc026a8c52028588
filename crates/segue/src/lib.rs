//! Segue carries what a person likes in one domain into another: *people who play this music will love these films*.
//!
//! The library's front door: load a model, load data, evaluate, recommend. The binary of the same name is built on it.
//!
//! ```no_run
//! let run = "outputs/segue/ease";
//! let model = segue::Bundle::load(run.as_ref(), &segue::registry())?;
//! let data = segue::load_folder("artifacts/films_from_music".as_ref())?.0;
//! let results = segue::Evaluator::new(&[5, 10, 20]).recorded_in(run).evaluate(&model, &data)?;
//! println!("{results}");
//! # Ok::<(), segue::Error>(())
//! ```

pub mod cli;
mod commands;
mod evaluator;
mod terminal;
mod transfer;

pub use evaluator::{Evaluator, Results};
pub use segue_core::{self as core, Registry};
pub use segue_data::prepare::load_folder;
pub use segue_data::{self as data};
pub use segue_eval::{self as eval};
pub use segue_explore::{self as explore};
pub use segue_lab::{self as lab, Bundle, LabError as Error, Recommendation, Request, recommend, similar};
pub use segue_models::{self as models};
pub use segue_neural::{self as neural};

/// Every model that this build knows.
pub fn registry() -> Registry {
    Registry::new(&[segue_models::MODELS, segue_neural::MODELS])
}
