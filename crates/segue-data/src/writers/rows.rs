//! What a writer is given: the events of one domain in one part.

use std::borrow::Cow;

use segue_core::{DomainId, Event, Interactions, ItemId, Prepared, UserId};

use super::export::Ids;

/// Events of one domain by user, then time, and how their ids are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) domain: DomainId,
    pub(super) log: &'a Interactions,
    pub(super) ids: Ids,
}

impl<'a> Rows<'a> {
    /// The events of the domain.
    pub(super) fn events(&self) -> impl Iterator<Item = Event> + 'a {
        let range = self.prepared.catalogue.range(self.domain);
        self.log.events().filter(move |event| range.contains(&event.item))
    }

    /// Whether there are times to write.
    pub(super) fn timed(&self) -> bool {
        self.log.has_times()
    }

    /// A user as written.
    pub(super) fn user(&self, user: UserId) -> Cow<'a, str> {
        match self.ids {
            Ids::External => self.prepared.users.external(user).into(),
            Ids::Dense => user.to_string().into(),
        }
    }

    /// An item as written; dense ids begin with 0 in each domain.
    pub(super) fn item(&self, item: ItemId) -> Cow<'a, str> {
        let catalogue = &self.prepared.catalogue;
        match self.ids {
            Ids::External => catalogue.external(item).into(),
            Ids::Dense => (item - catalogue.range(self.domain).start).to_string().into(),
        }
    }
}
