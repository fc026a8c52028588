//! What a writer is given: the events of one domain in one part.

use std::borrow::Cow;

use segue_core::{DomainId, Event, Interactions, ItemId, Prepared, UserId};

use super::export::Ids;
use super::order::Order;

/// Events of one domain by user, then time, and how their ids are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) domain: DomainId,
    pub(super) log: &'a Interactions,
    /// What keeps the order of the log, and which of its logs this is.
    pub(super) order: (&'a Order, usize),
    pub(super) ids: Ids,
}

impl<'a> Rows<'a> {
    /// The events of the domain, each with the thousandths of a second after its time.
    pub(super) fn events(&self) -> impl Iterator<Item = (Event, u16)> + 'a {
        let range = self.prepared.catalogue.range(self.domain);
        let (order, log) = self.order;
        let thousandths = order.of_log(log).iter().copied().chain(std::iter::repeat(0));
        self.log.events().zip(thousandths).filter(move |(event, _)| range.contains(&event.item))
    }

    /// Whether times have fractions in some part.
    pub(super) fn has_fractions(&self) -> bool {
        self.order.0.has_any
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

/// When an event happened, in unix seconds; 0 without times.
pub(super) fn seconds((event, thousandths): &(Event, u16)) -> f64 {
    event.time.unwrap_or_default() as f64 + f64::from(*thousandths) / 1e3
}
