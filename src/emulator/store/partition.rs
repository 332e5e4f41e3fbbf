//! One physical partition: the items of a range, and the log of what happened to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::history::{Change, History};
use super::item::Item;
use super::log::Log;
use crate::emulator::response::Replica;
use crate::routing::epk::Epk;
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
    pub(crate) history: History,
    /// Of a region's own state: the steps up to which it has received from the others, and sent to them.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Until when it is being split off or merged, by the clock that does not go back.
    pub(crate) locked_until: Duration,
}

/// What was written to one item.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) before: Option<Arc<Item>>,
    pub(crate) after: Option<Arc<Item>>,
}

/// Where and when something is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) region: usize,
    /// By the clock that does not go back, and in seconds since 1970.
    pub(crate) at: Duration,
    pub(crate) timestamp: u64,
}

/// The items with one partition key.
#[derive(Clone, Debug, Default)]
struct Logical {
    ids: HashMap<Arc<str>, u64>,
    numbers: BTreeSet<u64>,
    unique: HashMap<String, u64>,
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
            history: History::default(),
            received: 0,
            sent: 0,
            locked_until: Duration::ZERO,
        }
    }

    /// A point that leaves about as many items on either side, and some on both. `None` where one key has them all.
    pub(crate) fn median(&self) -> Option<Epk> {
        let mut points: Vec<&Epk> = self.items.values().map(|it| &it.epk).collect();
        points.sort_unstable();
        let (first, middle) = (points.first()?, points.len() / 2);
        points.get(middle..)?.iter().find(|it| *it > first).map(|it| (*it).clone())
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
            session_token: self.log.session_token(&self.id),
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

    /// Makes one step of what has been written, and remembers it.
    pub(crate) fn commit(&mut self, stamp: Stamp, writes: impl IntoIterator<Item = Written>) {
        self.step(stamp, writes, false);
    }

    /// Removes the items whose time is over, in one step if there are any.
    pub(crate) fn expire(&mut self, default_ttl: Option<i64>, stamp: Stamp) {
        if default_ttl.is_none() {
            return;
        }
        let is_over = |it: &&Arc<Item>| it.is_expired(default_ttl, stamp.timestamp);
        let expired: Vec<u64> = self.items.values().filter(is_over).map(|it| it.number).collect();
        if expired.is_empty() {
            return;
        }
        let before: Vec<_> = expired.into_iter().map(|it| self.take(it)).collect();
        self.step(stamp, before.into_iter().map(|before| Written { before, after: None }), true);
    }

    fn step(&mut self, stamp: Stamp, writes: impl IntoIterator<Item = Written>, is_expiry: bool) {
        let lsn = self.log.advance();
        let origin = self.log.count(stamp.region);
        for Written { before, after } in writes {
            let Stamp { at, timestamp, .. } = stamp;
            let change = Change { lsn, at, timestamp, origin, before, after, is_expiry };
            self.history.push(Arc::new(change));
        }
    }

    /// Goes on as a region's own state.
    pub(crate) fn go_apart(&mut self, region: usize) {
        self.log = self.log.apart(region);
        (self.received, self.sent) = (self.lsn(), self.lsn());
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
