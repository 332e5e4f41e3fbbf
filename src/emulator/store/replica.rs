//! Regions that do not show what the others show: their own state of a container, and how it comes together again.
//!
//! As long as all regions agree they share one state. A region that lags gets a copy, which goes on by itself and
//! exchanges changes with the shared state. A change that follows on what the other side has is taken over; where both
//! sides changed an item, the container's conflict policy decides, and both sides come to the same result.

use std::sync::Arc;
use std::time::Duration;

use super::conflict::{Conflict, Policy};
use super::container::{Container, Rules};
use super::history::Change;
use super::item::Item;
use super::partition::Partition;

/// The side that settles conflicts, or one that submits to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Shared,
    Own,
}

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
            let (sent, conflicts) = carry(own, shared, own.sent, (Side::Shared, until), &policy);
            own.sent = sent;
            for change in conflicts {
                let conflict = Conflict::of(&change, &rules, shared);
                self.conflicts.extend(conflict);
            }
            own.received = carry(shared, own, own.received, (Side::Own, until), &policy).0;
            // Steps that changed no item, or those of another container in the same partition, need no carrying.
            if own.log().is_led() && shared.history.after(own.received).next().is_none() {
                own.log().reach(shared.lsn());
            }
        }
        self.replicas.insert(region, own);
    }

    /// Makes what holds for all regions the same in them: the rules, and what the container looks like.
    pub(crate) fn mirror(&mut self) {
        let mut replicas = std::mem::take(&mut self.replicas);
        for replica in replicas.values_mut() {
            replica.rules = Arc::clone(&self.rules);
            replica.scripts = self.scripts.clone();
            (replica.lsn, replica.timestamp) = (self.lsn, self.timestamp);
            replica.etag.clone_from(&self.etag);
        }
        self.replicas = replicas;
    }
}

/// Carries the changes after `position` to the other side; returns the new position and what is for the conflict feed.
fn carry(
    from: &Partition,
    to: &mut Partition,
    position: u64,
    (side, until): (Side, Duration),
    policy: &Policy,
) -> (u64, Vec<Arc<Change>>) {
    let mut position = position;
    let mut conflicts = Vec::new();
    let mut step = None;
    let changes: Vec<Arc<Change>> =
        from.history.after(position).take_while(|it| it.at <= until).cloned().collect();
    for change in changes {
        position = change.lsn;
        if let Some(origin) = change.origin {
            to.log().note(origin);
        }
        if to.history.has(&change.name()) {
            continue;
        }
        match verdict(to, &change, side, policy) {
            Verdict::Take => take_over(to, &change, &mut step),
            Verdict::Leave => {}
            Verdict::Report => conflicts.push(change),
        }
    }
    (position, conflicts)
}

enum Verdict {
    Take,
    Leave,
    /// Left, and for the conflict feed.
    Report,
}

fn verdict(to: &Partition, change: &Change, side: Side, policy: &Policy) -> Verdict {
    let Some(item) = change.item() else { return Verdict::Leave };
    let current = to.items().get(&item.number).or_else(|| to.find(&item.key, &item.id));
    let follows = current.map(|it| &it.etag) == change.before.as_ref().map(|it| &it.etag);
    let wins = match policy {
        _ if follows => true,
        Policy::Custom if side == Side::Shared => return Verdict::Report,
        Policy::Custom => true,
        Policy::LastWriterWins(path) => match (&change.after, current) {
            // Deletes win over everything.
            (None, _) => true,
            (Some(_), None) => false,
            (Some(new), Some(current)) => {
                let (new, current) = (rank(new, path), rank(current, path));
                new > current || (new == current && side == Side::Own)
            }
        },
    };
    if wins { Verdict::Take } else { Verdict::Leave }
}

/// The number at the path of the policy; what has none loses.
fn rank(item: &Item, path: &[String]) -> f64 {
    let value = path.iter().fold(item.value.clone(), |value, name| value.get(name));
    value.as_f64().unwrap_or(f64::NEG_INFINITY)
}

/// Makes a change of the other side one of this side. Changes of one step stay one step.
fn take_over(to: &mut Partition, change: &Change, step: &mut Option<(u64, u64)>) {
    let Some(item) = change.item() else { return };
    let lsn = match *step {
        Some((theirs, ours)) if theirs == change.lsn => ours,
        _ if to.log().is_led() && change.lsn > to.lsn() => to.log().reach(change.lsn),
        _ => to.log().advance(),
    };
    *step = Some((change.lsn, lsn));
    let current = to.items().get(&item.number).or_else(|| to.find(&item.key, &item.id)).cloned();
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

/// The rules of a container, with the position of its conflict policy.
impl Policy {
    /// How the container settles conflicts. A procedure is not run, so that what it would settle is for the feed.
    pub(crate) fn of(rules: &Rules) -> Self {
        let policy = rules.definition.properties.get("conflictResolutionPolicy").cloned();
        let policy = policy.unwrap_or_default();
        if policy.get("mode").as_str() == Some("Custom") {
            return Self::Custom;
        }
        let path = policy.get("conflictResolutionPath");
        let path = crate::partition_key::parse_path(path.as_str().unwrap_or("/_ts"));
        Self::LastWriterWins(path.unwrap_or_else(|_| vec!["_ts".to_owned()]))
    }
}
