//! Regions that do not show what the others show: their own state of a container, and how it catches up.
//!
//! As long as all regions agree they share one state. A region that lags gets a copy of its own. Where one region
//! writes, the copy follows the shared state; where several do, [`reconcile`](super::reconcile) brings both together.

use std::sync::Arc;
use std::time::Duration;

use super::conflict::{Conflict, Policy};
use super::container::Container;
use super::history::Change;
use super::item::Item;
use super::partition::Partition;
use super::reconcile::reconcile;

impl Container {
    /// The container as a region has it.
    pub(crate) fn seen_from(&self, region: Option<usize>) -> &Self {
        region.and_then(|it| self.replicas.get(&it)).unwrap_or(self)
    }

    /// The container as a region has it, to write to.
    pub(crate) fn seen_from_mut(&mut self, region: Option<usize>) -> &mut Self {
        if region.is_some_and(|it| self.replicas.contains_key(&it)) {
            let own = region.and_then(|it| self.replicas.get_mut(&it));
            // It is there by the condition above; asking twice is what the borrow checker takes.
            return own.expect("the replica is there");
        }
        self
    }

    /// Gives a region a state of its own.
    pub(crate) fn part(&mut self, region: usize) {
        if self.replicas.contains_key(&region) {
            return;
        }
        self.partitions.iter_mut().for_each(|it| it.history.keep_all());
        let mut own = self.without_replicas();
        own.partitions.iter_mut().for_each(|it| it.go_apart(region));
        self.replicas.insert(region, own);
    }

    /// Lets a region share the state of the others again.
    pub(crate) fn rejoin(&mut self, region: usize) {
        self.exchange(region, Duration::MAX);
        self.replicas.remove(&region);
        if self.replicas.is_empty() {
            self.partitions.iter_mut().for_each(|it| it.history.keep_some());
        }
    }

    /// Carries the changes up to a time between a region and the others.
    pub(crate) fn exchange(&mut self, region: usize, until: Duration) {
        let Some(mut own) = self.replicas.remove(&region) else { return };
        let rules = Arc::clone(&self.rules);
        let policy = Policy::of(&rules);
        for (shared, own) in self.partitions.iter_mut().zip(&mut own.partitions) {
            if own.log().is_led() {
                follow(shared, own, until);
                continue;
            }
            for change in reconcile(shared, own, until, &policy) {
                self.conflicts.extend(Conflict::of(&change, &rules, shared));
            }
        }
        self.replicas.insert(region, own);
    }

    /// Makes what holds for all regions the same in them: the rules, and what the container looks like.
    pub(crate) fn mirror(&mut self) {
        let mut replicas = std::mem::take(&mut self.replicas);
        for replica in replicas.values_mut() {
            replica.rules = Arc::clone(&self.rules);
            (replica.lsn, replica.timestamp) = (self.lsn, self.timestamp);
            replica.etag.clone_from(&self.etag);
        }
        self.replicas = replicas;
    }
}

/// Takes over what the writing region did up to a time, under the same numbers.
fn follow(shared: &Partition, own: &mut Partition, until: Duration) {
    for change in shared.history.after(own.received).take_while(|it| it.at <= until) {
        own.log().reach(change.lsn);
        take_over(own, change, change.lsn);
        own.received = change.lsn;
    }
    // Steps that changed no item, or those of another container in the same partition, need no carrying.
    if shared.history.after(own.received).next().is_none() {
        own.log().reach(shared.lsn());
    }
}

/// Makes a change of the other side one of this side, as part of the step `lsn`.
pub(super) fn take_over(to: &mut Partition, change: &Change, lsn: u64) {
    let Some(item) = change.item() else { return };
    let current = current(to, item).cloned();
    if let Some(current) = &current {
        to.take(current.number);
    }
    let after = change.after.as_ref().map(|it| {
        let previous_lsn = current.as_ref().map(|it| it.lsn);
        let created_lsn = current.as_ref().map_or(lsn, |it| it.created_lsn);
        Arc::new(Item { lsn, previous_lsn, created_lsn, ..(**it).clone() })
    });
    if let Some(after) = &after {
        to.put(Arc::clone(after));
    }
    let before = current.or_else(|| change.before.clone());
    to.history.push(Arc::new(Change { lsn, before, after, ..change.clone() }));
}

/// What a side has in the place of an item: the item itself, or another one with its name.
pub(super) fn current<'p>(side: &'p Partition, item: &Item) -> Option<&'p Arc<Item>> {
    side.items().get(&item.number).or_else(|| side.find(&item.key, &item.id))
}
