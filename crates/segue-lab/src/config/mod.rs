//! Configuration: YAML groups, a defaults list and command-line overrides, in Hydra's grammar.

mod compose;
mod defaults;
mod emit;
mod error;
mod float;
mod functions;
mod interpolate;
mod keypath;
mod lexer;
mod listing;
mod moment;
mod overrides;
mod parser;
mod schema;
mod source;
mod suggest;
mod sweep;
mod yaml;

pub use compose::{Composed, Part, compose, compose_with};
pub use defaults::group_options;
pub use emit::to_yaml;
pub use error::{ConfigError, Origin, UnknownKey, UnknownOption};
pub use interpolate::{Context, InterpolationError, resolve, resolve_key};
pub use moment::Moment;
pub use overrides::{Action, Element, Override, OverrideError, OverrideValue};
pub use parser::{parse_override, parse_overrides};
pub use schema::{NoSchema, Schema};
pub use source::ConfigSource;

pub use sweep::{Sweep, SweepError, SweepKind, jobs};
pub use yaml::{Document, YamlError, parse_yaml};
