//! One physical partition: the items of a range, and the log of what happened to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::item::Item;
use crate::emulator::response::Replica;
use crate::emulator::session;
use crate::routing::range::EpkRange;

/// A partition.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) id: String,
    pub(crate) range: EpkRange,
    /// The same as numbers on the container's scale, by which it is split.
    pub(crate) span: (u128, u128),
    /// All partitions that this one came from.
    pub(crate) parents: Vec<String>,
    /// When it came into being: on the container's count of changes to its partitions, and in seconds.
    pub(crate) generation: u64,
    pub(crate) timestamp: u64,
    log: Log,
    items: Arc<BTreeMap<u64, Arc<Item>>>,
    keys: HashMap<Arc<str>, Logical>,
    /// The latest version of each item, in the order of writing.
    changes: BTreeMap<(u64, u64), u64>,
    bytes: usize,
}

/// The count of writes. Containers that share throughput in one partition share it, as they do in the service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    lsn: Arc<AtomicU64>,
    /// Counts the versions of items, for etags.
    versions: Arc<AtomicU64>,
}

/// The items with one partition key.
#[derive(Clone, Debug, Default)]
struct Logical {
    ids: HashMap<Arc<str>, u64>,
    numbers: BTreeSet<u64>,
    unique: HashMap<String, u64>,
}

impl Log {
    pub(crate) fn lsn(&self) -> u64 {
        self.lsn.load(Ordering::Relaxed)
    }

    /// One step on.
    pub(crate) fn advance(&self) -> u64 {
        self.lsn.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A new etag; `timestamp` is in seconds.
    pub(crate) fn etag(&self, timestamp: u64) -> String {
        etag(self.versions.fetch_add(1, Ordering::Relaxed) + 1, timestamp)
    }

    /// A log that goes on from where these are, on its own.
    pub(crate) fn continuing(logs: &[&Self]) -> Self {
        let highest = |of: fn(&Self) -> u64| logs.iter().map(|it| of(it)).max().unwrap_or(0);
        Self {
            lsn: Arc::new(AtomicU64::new(highest(Self::lsn))),
            versions: Arc::new(AtomicU64::new(highest(|it| it.versions.load(Ordering::Relaxed)))),
        }
    }
}

/// `"0000001f-0000-0100-0000-6ac9ff4d0000"`, quotes included.
pub(crate) fn etag(count: u64, timestamp: u64) -> String {
    format!("\"{:08x}-0000-0100-0000-{:08x}0000\"", count & 0xffff_ffff, timestamp & 0xffff_ffff)
}

impl Partition {
    pub(crate) fn new(id: String, range: EpkRange, span: (u128, u128), log: Log) -> Self {
        Self {
            id,
            range,
            span,
            parents: Vec::new(),
            generation: 1,
            timestamp: 0,
            log,
            items: Arc::default(),
            keys: HashMap::new(),
            changes: BTreeMap::new(),
            bytes: 0,
        }
    }

    pub(crate) fn lsn(&self) -> u64 {
        self.log.lsn()
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Who answers, in an answer about data.
    pub(crate) fn replica(&self) -> Replica {
        Replica {
            session_token: session::token(&self.id, self.lsn()),
            lsn: self.lsn(),
            range_id: Some(self.id.clone()),
        }
    }

    /// All items by their numbers. The map stays as it is while the partition goes on.
    pub(crate) fn items(&self) -> &Arc<BTreeMap<u64, Arc<Item>>> {
        &self.items
    }

    pub(crate) fn find(&self, key: &str, id: &str) -> Option<&Arc<Item>> {
        self.items.get(self.keys.get(key)?.ids.get(id)?)
    }

    /// The items with one partition key, by their numbers.
    pub(crate) fn with_key(&self, key: &str) -> Vec<Arc<Item>> {
        let numbers = self.keys.get(key).into_iter().flat_map(|it| &it.numbers);
        numbers.filter_map(|it| self.items.get(it).cloned()).collect()
    }

    /// The item that has this value of a unique key already.
    pub(crate) fn unique_holder(&self, key: &str, value: &str) -> Option<&Arc<Item>> {
        self.items.get(self.keys.get(key)?.unique.get(value)?)
    }

    /// The latest versions written after `lsn`, in order.
    pub(crate) fn changes_after(&self, lsn: u64) -> impl Iterator<Item = &Arc<Item>> {
        let numbers = self.changes.range((lsn.saturating_add(1), 0)..).map(|it| it.1);
        numbers.filter_map(|it| self.items.get(it))
    }

    /// The size of its items.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many keys it holds items of.
    pub(crate) fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Stores a version of an item and returns the one before.
    pub(crate) fn put(&mut self, item: Arc<Item>) -> Option<Arc<Item>> {
        let before = self.take(item.number);
        let logical = self.keys.entry(Arc::clone(&item.key)).or_default();
        logical.ids.insert(Arc::clone(&item.id), item.number);
        logical.numbers.insert(item.number);
        for value in &item.unique {
            logical.unique.insert(value.clone(), item.number);
        }
        self.changes.insert((item.lsn, item.number), item.number);
        self.bytes += item.bytes;
        Arc::make_mut(&mut self.items).insert(item.number, item);
        before
    }

    /// Removes an item and returns it.
    pub(crate) fn take(&mut self, number: u64) -> Option<Arc<Item>> {
        if !self.items.contains_key(&number) {
            return None;
        }
        let item = Arc::make_mut(&mut self.items).remove(&number)?;
        self.changes.remove(&(item.lsn, number));
        self.bytes = self.bytes.saturating_sub(item.bytes);
        if let Some(logical) = self.keys.get_mut(&item.key) {
            logical.ids.remove(&item.id);
            logical.numbers.remove(&number);
            for value in &item.unique {
                logical.unique.remove(value);
            }
            if logical.numbers.is_empty() {
                self.keys.remove(&item.key);
            }
        }
        Some(item)
    }
}
