//! Two states that were both written to become one: what each side did is carried to the other, and where both changed
//! an item the container's conflict policy decides between what each has in the end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::conflict::Policy;
use super::container::Rules;
use super::history::Change;
use super::item::Item;
use super::partition::Partition;
use super::replica::{current, take_over};
use crate::partition_key::parse_path;

/// What tells items apart on both sides, where each may have made its own under one name: key and id.
type Name = (Arc<str>, Arc<str>);

/// The changes that the other side has not seen, in order.
type Pending = Vec<Arc<Change>>;

/// Brings a region's own state together with the shared one; returns what no rule could settle.
///
/// An item that was changed up to the time is carried with all its changes, also later ones, so that both sides always
/// decide on the same versions.
pub(super) fn reconcile(
    shared: &mut Partition,
    own: &mut Partition,
    until: Duration,
    policy: &Policy,
) -> Pending {
    let (sent, to_shared) = pending(own, own.sent, shared, until);
    let (received, to_own) = pending(shared, own.received, own, until);
    let due: HashSet<Name> = to_shared
        .iter()
        .chain(&to_own)
        .filter(|it| it.at <= until)
        .filter_map(|it| name(it))
        .collect();
    let (of_own, of_shared) = (by_name(&to_shared, &due), by_name(&to_own, &due));
    let mut conflicts = Vec::new();
    let mut losers = [HashSet::new(), HashSet::new()];
    for (name, own_change) in &of_own {
        let Some(shared_change) = of_shared.get(name) else { continue };
        let own_wins = wins(own, shared, (own_change, shared_change), policy);
        let has_any = |side: &Partition, change: &Change| {
            change.item().is_some_and(|it| current(side, it).is_some())
        };
        let differ = has_any(own, own_change) || has_any(shared, shared_change);
        if *policy == Policy::Custom && differ {
            conflicts.push(Arc::clone(own_change));
        }
        losers[usize::from(own_wins)].insert(name.clone());
    }
    carry(&to_shared, shared, &due, &losers[0], &of_shared);
    carry(&to_own, own, &due, &losers[1], &of_own);
    (own.sent, own.received) = (sent, received);
    conflicts
}

/// What `from` did after `position` and `to` has not seen; and up to where that is due, which `to` then counts as seen.
fn pending(from: &Partition, position: u64, to: &Partition, until: Duration) -> (u64, Pending) {
    let mut reached = position;
    for change in from.history.after(position).take_while(|it| it.at <= until) {
        reached = change.lsn;
        if let Some(origin) = change.origin {
            // A change that came to this side early says nothing of those before it.
            to.log().note(from.log().at_most(origin));
        }
    }
    // Writes that left no change here, since their items went to another part of a split, need no carrying.
    if from.history.after(reached).next().is_none() {
        to.log().note_all(from.log());
    }
    let unseen = from.history.after(position).filter(|it| !to.history.has(&it.name()));
    (reached, unseen.cloned().collect())
}

fn name(change: &Change) -> Option<Name> {
    change.item().map(|it| (Arc::clone(&it.key), Arc::clone(&it.id)))
}

/// The last change of each item that is due.
fn by_name(changes: &Pending, due: &HashSet<Name>) -> HashMap<Name, Arc<Change>> {
    let named = changes.iter().filter_map(|it| Some((name(it)?, Arc::clone(it))));
    named.filter(|it| due.contains(&it.0)).collect()
}

/// Whether what the region has of an item in the end wins over what the others have.
fn wins(
    own: &Partition,
    shared: &Partition,
    (own_change, shared_change): (&Change, &Change),
    policy: &Policy,
) -> bool {
    let Policy::LastWriterWins(path) = policy else { return false };
    let version = |side: &Partition, change: &Change| {
        change.item().and_then(|it| current(side, it)).map(|it| rank(it, path))
    };
    match (version(own, own_change), version(shared, shared_change)) {
        // Deletes win over everything.
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(own), Some(shared)) => own > shared,
    }
}

/// The number at the path of the policy; what has none loses.
fn rank(item: &Item, path: &[String]) -> f64 {
    let value = path.iter().fold(item.value.clone(), |value, name| value.get(name));
    value.as_f64().unwrap_or(f64::NEG_INFINITY)
}

/// Carries changes to a side, those of one step in one step. Of an item that both sides changed only the last version
/// is taken over, and not even that if it lost.
fn carry(
    changes: &Pending,
    to: &mut Partition,
    due: &HashSet<Name>,
    losers: &HashSet<Name>,
    of_other: &HashMap<Name, Arc<Change>>,
) {
    let last: HashMap<Name, String> =
        changes.iter().filter_map(|it| Some((name(it)?, it.name()))).collect();
    let mut step = None;
    for change in changes {
        let Some(name) = name(change).filter(|it| due.contains(it)) else { continue };
        let is_overtaken = of_other.contains_key(&name) && last.get(&name) != Some(&change.name());
        if losers.contains(&name) || is_overtaken {
            to.history.acknowledge(change.name());
            continue;
        }
        let lsn = match step {
            Some((theirs, ours)) if theirs == change.lsn => ours,
            _ => to.log().advance(),
        };
        step = Some((change.lsn, lsn));
        take_over(to, change, lsn);
    }
}

impl Policy {
    /// How a container settles conflicts. What a procedure is to settle comes into the feed first.
    pub(crate) fn of(rules: &Rules) -> Self {
        let policy = rules.definition.properties.get("conflictResolutionPolicy").cloned();
        let policy = policy.unwrap_or_default();
        if policy.get("mode").as_str() == Some("Custom") {
            return Self::Custom;
        }
        let path = policy.get("conflictResolutionPath");
        let path = parse_path(path.as_str().unwrap_or("/_ts"));
        Self::LastWriterWins(path.unwrap_or_else(|_| vec!["_ts".to_owned()]))
    }
}
