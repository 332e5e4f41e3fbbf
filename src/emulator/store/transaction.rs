//! Several writes to the items of one partition key that take effect together or not at all, while others go on.
//!
//! A transaction works on the versions of the items that were there when it began. What it wrote is stored in one step
//! of the partition, provided that nobody else has written to the partition key in between.

use std::sync::Arc;

use super::container::Rules;
use super::item::Item;
use super::partition::{Partition, Stamp, Written};
use super::write::{Done, Moment, Verb, Write, apply, find};
use crate::emulator::refusal::Refusal;
use crate::partition_key::PartitionKey;

/// A transaction on its way.
pub(crate) struct Transaction {
    rules: Arc<Rules>,
    key: PartitionKey,
    /// The same in its header form.
    key_text: String,
    /// The versions that it began with.
    start: Vec<Arc<Item>>,
    /// The items with the key as the transaction sees them.
    own: Partition,
    written: Vec<Written>,
    now: u64,
    /// What its operations cost, those that failed included.
    pub(crate) charge: f64,
}

/// Somebody else has written in between.
#[derive(Debug)]
pub(crate) struct Outdated;

impl Transaction {
    /// Begins with what the partition holds of a key now.
    pub(crate) fn begin(
        rules: &Arc<Rules>,
        partition: &Partition,
        key: PartitionKey,
        now: u64,
    ) -> Self {
        let key_text = key.header_value();
        let start = partition.with_key(&key_text);
        let log = partition.log().clone();
        let mut own =
            Partition::new(partition.id.clone(), partition.range.clone(), partition.span, log);
        for item in &start {
            own.put(Arc::clone(item));
        }
        let rules = Arc::clone(rules);
        Self { rules, key, key_text, start, own, written: Vec::new(), now, charge: 0.0 }
    }

    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Reads or writes an item.
    pub(crate) fn apply(&mut self, target: Target) -> Result<Done, Refusal> {
        let Target { verb, id, if_match, if_none_match, is_indexed } = target;
        let key = self.key.clone();
        let write = Write { verb, id, key, if_match, if_none_match, is_indexed };
        let moment = Moment { lsn: self.own.lsn() + 1, timestamp: self.now };
        let outcome = apply(&self.rules, &mut self.own, write, moment);
        self.charge += match &outcome {
            Ok(done) => done.charge,
            Err(refusal) => refusal.charge().unwrap_or_default(),
        };
        let done = outcome?;
        self.written.extend(done.written());
        Ok(done)
    }

    /// The item with this id or rid, as the transaction sees it.
    pub(crate) fn find(&self, id: &str) -> Option<&Arc<Item>> {
        find(&self.rules, &self.own, &self.key_text, id, self.now)
    }

    /// The items that are there, in the order of their numbers.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Arc<Item>> {
        let default_ttl = self.rules.definition.default_ttl;
        self.own.items().values().filter(move |it| !it.is_expired(default_ttl, self.now))
    }

    /// Stores what was written, in one step if there is anything.
    pub(crate) fn commit(
        &mut self,
        partition: &mut Partition,
        stamp: Stamp,
    ) -> Result<(), Outdated> {
        if self.written.is_empty() {
            return Ok(());
        }
        let current = partition.with_key(&self.key_text);
        let is_same = current.len() == self.start.len()
            && current.iter().zip(&self.start).all(|(a, b)| Arc::ptr_eq(a, b));
        if !is_same {
            return Err(Outdated);
        }
        let lsn = partition.lsn() + 1;
        let written: Vec<Written> =
            self.written.drain(..).map(|it| store(partition, it, lsn)).collect();
        partition.commit(stamp, written);
        Ok(())
    }
}

/// What to do with which item.
pub(crate) struct Target {
    pub(crate) verb: Verb,
    /// The id or rid; not of creates and upserts.
    pub(crate) id: String,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    /// Whether the item is to be indexed; `None` leaves it to the container's policy.
    pub(crate) is_indexed: Option<bool>,
}

/// Repeats a write in the partition, as part of the step `lsn`.
fn store(partition: &mut Partition, write: Written, lsn: u64) -> Written {
    let item = write.after.as_ref().or(write.before.as_ref());
    let before = item.and_then(|it| partition.take(it.number));
    let created_lsn = before.as_ref().map_or(lsn, |it| it.created_lsn);
    let after = write.after.map(|it| Arc::new(Item { lsn, created_lsn, ..(*it).clone() }));
    if let Some(after) = &after {
        remove_expired(partition, after);
        partition.put(Arc::clone(after));
    }
    Written { before, after }
}

/// Removes what has the name of a new item, or one of its unique values. Only items whose time is over can.
fn remove_expired(partition: &mut Partition, item: &Item) {
    let by_name = partition.find(&item.key, &item.id);
    let by_value = item.unique.iter().filter_map(|it| partition.unique_holder(&item.key, it));
    let numbers: Vec<u64> = by_name.into_iter().chain(by_value).map(|it| it.number).collect();
    for number in numbers {
        partition.take(number);
    }
}
