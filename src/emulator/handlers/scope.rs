//! Which items a request is about: those of a key, of a range, of part of one, or all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::item::at_first;
use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::response::Replica;
use crate::emulator::store::container::Container;
use crate::emulator::store::item::Item;
use crate::emulator::store::partition::Partition;
use crate::partition_key::PartitionKey;
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;
use crate::wire::header;

/// What the headers of a request restrict it to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The partition key range that was named.
    range_id: Option<String>,
    /// A whole partition key, in its header form, and where its items are.
    pub(crate) key: Option<(String, Epk)>,
    /// A part of the space.
    range: Option<EpkRange>,
}

/// What one partition has for a request, as it was at one moment.
pub(crate) struct Source {
    pub(crate) replica: Replica,
    pub(crate) range: EpkRange,
    items: Items,
    scope: Scope,
    default_ttl: Option<i64>,
    now: u64,
}

enum Items {
    All(Arc<BTreeMap<u64, Arc<Item>>>),
    Some(Vec<Arc<Item>>),
}

impl Scope {
    /// Reads the headers that choose partitions.
    pub(crate) fn read(call: &Call<'_>, container: &Container) -> Result<Self, Refusal> {
        let rules = &container.rules;
        let mut scope = Self { range_id: range_id(call, container)?, ..Self::default() };
        let start = call.request.header(&header::START_EPK);
        let end = call.request.header(&header::END_EPK);
        if let (Some(start), Some(end)) = (start, end) {
            let (start, end) = (start.parse(), end.parse());
            let (Ok(start), Ok(end)) = (start, end) else { return Err(Refusal::bad_input()) };
            scope.range = Some(EpkRange::new(start, end));
        }
        let key = call.key(rules).map_err(|it| at_first(it, container))?;
        match key {
            Some(key) if is_prefix(&key, container) => {
                let range = EpkRange::of(&key, &rules.definition.key);
                scope.range = Some(range.map_err(|_| Refusal::key_too_short())?);
            }
            Some(key) => scope.key = Some((key.header_value(), rules.epk(&key))),
            None => {}
        }
        Ok(scope)
    }

    /// Whether the request was sent to particular partitions, which then carry it out as it is.
    pub(crate) fn is_pinned(&self) -> bool {
        self.range_id.is_some() || self.key.is_some() || self.range.is_some()
    }

    /// Whether an item belongs to it.
    pub(crate) fn admits(&self, item: &Item) -> bool {
        self.key.as_ref().is_none_or(|(key, _)| **key == *item.key)
            && self.range.as_ref().is_none_or(|it| it.contains(&item.epk))
    }

    /// Whether an item belongs to it and to one of its partitions.
    pub(crate) fn covers(&self, container: &Container, item: &Item) -> bool {
        self.admits(item) && self.partitions(container).any(|it| it.range.contains(&item.epk))
    }

    /// Whether a partition has anything of it.
    fn touches(&self, partition: &Partition) -> bool {
        self.range_id.as_ref().is_none_or(|it| *it == partition.id)
            && self.key.as_ref().is_none_or(|(_, epk)| partition.range.contains(epk))
            && self.range.as_ref().is_none_or(|it| it.overlaps(&partition.range))
    }

    /// The partitions that have anything of it, in the order of their ranges.
    pub(crate) fn partitions<'c>(
        &self,
        container: &'c Container,
    ) -> impl Iterator<Item = &'c Partition> {
        container.partitions.iter().filter(|it| self.touches(it))
    }

    /// What the container's partitions have of it now, in the order of their ranges.
    pub(crate) fn sources(
        &self,
        call: &Call<'_>,
        container: &Container,
    ) -> Result<Vec<Source>, Refusal> {
        self.partitions(container)
            .map(|partition| {
                call.check_session(partition)?;
                let items = match &self.key {
                    Some((key, _)) => Items::Some(partition.with_key(key)),
                    None => Items::All(Arc::clone(partition.items())),
                };
                Ok(Source {
                    replica: partition.replica(),
                    range: partition.range.clone(),
                    items,
                    scope: self.clone(),
                    default_ttl: container.rules.definition.default_ttl,
                    now: call.now,
                })
            })
            .collect()
    }

    /// The partitions that it touches, to write to.
    pub(crate) fn partitions_mut<'c>(
        &self,
        container: &'c mut Container,
    ) -> impl Iterator<Item = &'c mut Partition> {
        container.partitions.iter_mut().filter(|it| self.touches(it))
    }
}

/// The range that a header names, which has to be there still.
fn range_id(call: &Call<'_>, container: &Container) -> Result<Option<String>, Refusal> {
    let Some(text) = call.request.header(&header::PARTITION_KEY_RANGE_ID) else { return Ok(None) };
    let id = match text.split_once(',') {
        Some((rid, _)) if rid != container.rules.rid.text() => {
            return Err(Refusal::wrong_container_rid());
        }
        Some((_, id)) => id,
        None => text,
    };
    if container.partition_by_id(id).is_none() {
        let heir = container.partitions.iter().find(|it| it.parents.iter().any(|it| it == id));
        heir.map_or(Ok(()), |it| call.check_open(it))?;
        return Err(Refusal::range_gone());
    }
    Ok(Some(id.to_owned()))
}

fn is_prefix(key: &PartitionKey, container: &Container) -> bool {
    let definition = &container.rules.definition;
    !definition.has_system_key() && key.components().len() < definition.key_paths.len()
}

impl Source {
    /// Its items from a number on, in the order of their numbers.
    pub(crate) fn items_from(&self, first: u64) -> impl Iterator<Item = &Arc<Item>> {
        let (all, some) = match &self.items {
            Items::All(items) => (Some(items.range(first..).map(|it| it.1)), None),
            Items::Some(items) => (None, Some(items.iter().filter(move |it| it.number >= first))),
        };
        let items = all.into_iter().flatten().chain(some.into_iter().flatten());
        items.filter(|it| self.scope.admits(it) && !it.is_expired(self.default_ttl, self.now))
    }
}
