//! The ending of a message about a mistyped name.

use segue_core::nearest;

/// `; did you mean `x`?`; empty where nothing is close.
pub(super) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}
