//! Which requests find the items that were asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::link::{IdOf, check_id};
use crate::partition_key::PartitionKey;
use crate::routing::cache::ContainerFacts;
use crate::routing::epk::Epk;
use crate::routing::map::PartitionKeyRangeMap;

/// Most items of a query, as in other SDKs.
const MOST_ITEMS: usize = 1000;

/// Most bytes of text and parameters of a query; the service takes 512 KB.
const MOST_BYTES: usize = 400 * 1024;

/// One item that was asked for, once or several times.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) id: String,
    pub(super) key: PartitionKey,
    epk: Epk,
    /// Where it belongs in the answer.
    pub(super) places: Vec<usize>,
}

/// All items that were asked for.
#[derive(Debug)]
pub(super) struct WantList {
    pub(super) items: Vec<Wanted>,
    by_name: HashMap<(String, String), usize>,
    /// How many places there are in the answer.
    pub(super) places: usize,
}

/// One request, or one query over several pages.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    /// Reads an item.
    Read { item: usize },
    /// Looks for several in a partition key range.
    Query { range: String, items: Vec<usize> },
}

impl Task {
    pub(super) fn items(&self) -> &[usize] {
        match self {
            Self::Read { item } => std::slice::from_ref(item),
            Self::Query { items, .. } => items,
        }
    }
}

impl WantList {
    pub(super) fn new(asked: Vec<(String, PartitionKey)>, facts: &ContainerFacts) -> Result<Self> {
        let mut list = Self { items: Vec::new(), by_name: HashMap::new(), places: asked.len() };
        for (place, (id, key)) in asked.into_iter().enumerate() {
            check_id(IdOf::Item, &id)?;
            key.check()?;
            facts.definition.check_complete(&key)?;
            let name = (id, key_name(&key));
            if let Some(known) = list.by_name.get(&name).and_then(|at| list.items.get_mut(*at)) {
                known.places.push(place);
                continue;
            }
            let epk = Epk::of(&key, &facts.definition)?;
            list.items.push(Wanted { id: name.0.clone(), key, epk, places: vec![place] });
            list.by_name.insert(name, list.items.len() - 1);
        }
        Ok(list)
    }

    /// The item of this id and key, if it was asked for.
    pub(super) fn find(&self, id: String, key: &PartitionKey) -> Option<usize> {
        self.by_name.get(&(id, key_name(key))).copied()
    }

    /// The requests for these items, or for all.
    pub(super) fn tasks(
        &self,
        items: impl IntoIterator<Item = usize>,
        map: &Arc<PartitionKeyRangeMap>,
    ) -> Result<Vec<Task>> {
        let mut by_range: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for item in items {
            let Some(wanted) = self.items.get(item) else { continue };
            let range = map.at(&wanted.epk).ok_or_else(no_range)?;
            by_range.entry(&range.id).or_default().push(item);
        }
        Ok(by_range.into_iter().flat_map(|(range, items)| self.chunks(range, items)).collect())
    }

    /// Queries of a size that the service takes; an item that is alone is read, which is cheaper.
    fn chunks(&self, range: &str, items: Vec<usize>) -> Vec<Task> {
        let mut chunks: Vec<Vec<usize>> = Vec::new();
        let mut bytes = MOST_BYTES;
        for item in items {
            let size = self.items.get(item).map_or(0, Wanted::size);
            match chunks.last_mut() {
                Some(chunk) if chunk.len() < MOST_ITEMS && bytes + size <= MOST_BYTES => {
                    bytes += size;
                    chunk.push(item);
                }
                _ => {
                    bytes = size;
                    chunks.push(vec![item]);
                }
            }
        }
        let task = |chunk: Vec<usize>| match chunk[..] {
            [item] => Task::Read { item },
            _ => Task::Query { range: range.to_owned(), items: chunk },
        };
        chunks.into_iter().map(task).collect()
    }
}

impl Wanted {
    /// About the bytes that it adds to a query.
    fn size(&self) -> usize {
        const FRAME: usize = 120;
        let of_key = |it: &crate::PartitionKeyValue| match it {
            crate::PartitionKeyValue::String(text) => text.len() + FRAME,
            _ => FRAME,
        };
        self.id.len() + FRAME + self.key.components().iter().map(of_key).sum::<usize>()
    }
}

/// A key as text, for comparisons: no key at all is what items without the property have.
fn key_name(key: &PartitionKey) -> String {
    if *key == PartitionKey::NONE { &PartitionKey::UNDEFINED } else { key }.header_value()
}

fn no_range() -> Error {
    Error::new(crate::ErrorKind::Service, "no partition key range of the container holds the key")
}
