//! What the program knows about a config group without a file.

use serde_json::Value;

/// Options, defaults and second names that live in code rather than in YAML.
///
/// A group such as `model` has its parameters declared in Rust: the schema lists the options, gives every parameter of
/// an option with its default, and translates the names of other libraries (`n_factors`) to ours (`factors`). A YAML
/// file of the same name is merged over the defaults and need not exist. Every method may answer "nothing": a group
/// the schema does not know is made of files only.
pub trait Schema {
    /// Canonical options of the group, for listings.
    fn options(&self, group: &str) -> Vec<String> {
        let _ = group;
        Vec::new()
    }

    /// Other names by which [`Schema::resolve_option`] finds an option, for suggestions.
    fn option_aliases(&self, group: &str) -> Vec<String> {
        let _ = group;
        Vec::new()
    }

    /// Canonical name of the option called `option`.
    fn resolve_option(&self, group: &str, option: &str) -> Option<String> {
        let _ = (group, option);
        None
    }

    /// Every key of a canonical option with its default. The keys are complete: no file or plain override may set
    /// another one in that section.
    fn defaults(&self, group: &str, option: &str) -> Option<Value> {
        let _ = (group, option);
        None
    }

    /// Canonical name of the parameter called `key`, if `key` is another name for one.
    fn canonical_key(&self, group: &str, option: &str, key: &str) -> Option<String> {
        let _ = (group, option, key);
        None
    }

    /// The key that is meant by `key`, as other programs call it or as it is without its place in a list, for suggestions.
    fn called_elsewhere(&self, key: &str) -> Option<String> {
        let _ = key;
        None
    }
}

/// A schema that knows nothing: the configuration is made of files only.
#[derive(Debug, Clone, Copy)]
pub struct NoSchema;

impl Schema for NoSchema {}
