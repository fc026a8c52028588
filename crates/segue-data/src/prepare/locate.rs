//! `path` of a domain into the files that it names.

use std::borrow::Cow;

use super::config::{DataConfig, OneOrMany};
use crate::DataError;
use crate::readers::find_files;

/// Fills in the files of every domain that has a `path`; files named beside it win.
pub(super) fn locate(data: &DataConfig) -> Result<Cow<'_, DataConfig>, DataError> {
    if data.domains.iter().all(|domain| domain.path.is_none()) {
        return Ok(Cow::Borrowed(data));
    }
    let mut data = data.clone();
    for domain in &mut data.domains {
        let Some(path) = &domain.path else { continue };
        let found = find_files(path)?;
        domain.interactions = domain.interactions.take().or(found.interactions.map(OneOrMany::One));
        domain.items = domain.items.take().or((!found.items.is_empty()).then_some(OneOrMany::Many(found.items)));
        domain.train = domain.train.take().or(found.train.map(OneOrMany::One));
        domain.valid = domain.valid.take().or(found.valid.map(OneOrMany::One));
        domain.test = domain.test.take().or(found.test.map(OneOrMany::One));
        domain.negatives = domain.negatives.take().or(found.negatives);
    }
    Ok(Cow::Owned(data))
}
