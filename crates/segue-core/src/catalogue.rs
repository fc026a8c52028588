//! What can be recommended: items of several domains in one dense id space.

use std::ops::Range;

use crate::features::Features;
use crate::ids::{DomainId, IdMap, ItemId};

/// What is known of an item beside who met it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemInfo {
    /// Title, where the metadata has one.
    pub title: Option<String>,
    /// Categories or genres; empty means unknown.
    pub categories: Vec<String>,
}

/// One domain: its name and the external ids of its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Name, e.g. `films`.
    pub name: String,
    /// External item ids in dense order.
    pub ids: IdMap,
}

/// The items of all domains; each domain owns one contiguous range of dense ids, in the order of the domains.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    domains: Vec<Domain>,
    starts: Vec<ItemId>,
    items: Vec<ItemInfo>,
    features: Option<Features>,
}

impl Catalogue {
    /// Joins domains. `info` tells what is known of an item.
    pub fn new(domains: Vec<Domain>, mut info: impl FnMut(DomainId, &str) -> ItemInfo) -> Self {
        let mut starts = vec![0];
        let mut items = Vec::new();
        for (d, domain) in domains.iter().enumerate() {
            items.extend(domain.ids.iter().map(|id| info(d, id)));
            starts.push(items.len() as ItemId);
        }
        Self { domains, starts, items, features: None }
    }

    /// The same items with features, a row for each. Panics if there is another number of rows.
    #[must_use]
    pub fn with_features(self, features: Features) -> Self {
        assert_eq!(features.items().n_rows(), self.n_items(), "a row of features per item");
        Self { features: Some(features), ..self }
    }

    /// What the items are made of, over one vocabulary of all domains.
    pub fn features(&self) -> Option<&Features> {
        self.features.as_ref()
    }

    /// Number of items of all domains.
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// The domains in order.
    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// The domain called `name`.
    pub fn find_domain(&self, name: &str) -> Option<DomainId> {
        self.domains.iter().position(|d| d.name == name)
    }

    /// The dense ids of one domain.
    pub fn range(&self, domain: DomainId) -> Range<ItemId> {
        self.starts[domain]..self.starts[domain + 1]
    }

    /// The domain that owns `item`.
    pub fn domain_of(&self, item: ItemId) -> DomainId {
        self.starts.partition_point(|&start| start <= item) - 1
    }

    /// The external id of `item` within its domain.
    pub fn external(&self, item: ItemId) -> &str {
        let domain = self.domain_of(item);
        self.domains[domain].ids.external(item - self.starts[domain])
    }

    /// The dense id of an item by domain and external id.
    pub fn find(&self, domain: DomainId, external: &str) -> Option<ItemId> {
        self.domains[domain].ids.find(external).map(|local| self.starts[domain] + local)
    }

    /// What is known of `item`.
    pub fn info(&self, item: ItemId) -> &ItemInfo {
        &self.items[item as usize]
    }

    /// The title of `item`, or its external id where it has none.
    pub fn title(&self, item: ItemId) -> &str {
        self.items[item as usize].title.as_deref().unwrap_or_else(|| self.external(item))
    }

    /// The catalogue of one domain alone, its items renumbered from 0.
    #[must_use]
    pub fn only(&self, domain: DomainId) -> Self {
        let range = self.range(domain);
        let items = self.items[range.start as usize..range.end as usize].to_vec();
        let features = self.features.as_ref().map(|features| features.only(range));
        Self { domains: vec![self.domains[domain].clone()], starts: vec![0, items.len() as ItemId], items, features }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_own_contiguous_ranges() {
        let domain = |name: &str, ids: &[&str]| Domain { name: name.into(), ids: IdMap::new(ids.to_vec()) };
        let catalogue = Catalogue::new(
            vec![domain("music", &["b", "a"]), domain("void", &[]), domain("films", &["a"])],
            |d, id| ItemInfo { title: (d == 2).then(|| format!("Film {id}")), ..ItemInfo::default() },
        );
        assert_eq!(catalogue.range(0), 0..2);
        assert_eq!(catalogue.range(2), 2..3);
        assert_eq!((catalogue.domain_of(1), catalogue.domain_of(2)), (0, 2));
        assert_eq!(catalogue.find(2, "a"), Some(2));
        assert_eq!((catalogue.title(0), catalogue.title(2)), ("a", "Film a"));
        assert_eq!(catalogue.only(2).title(0), "Film a");
    }
}
