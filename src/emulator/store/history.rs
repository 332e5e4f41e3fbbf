//! What happened to the items of a partition, version by version: for the feed of all versions, and for other regions.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::item::Item;

/// How much is kept where no region waits for it.
const MAX_CHANGES: usize = 65_536;
const MAX_OLD_BYTES: usize = 8 * 1024 * 1024;

/// One version of an item coming after another, or its end.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) lsn: u64,
    /// When, by the clock that does not go back, and in seconds since 1970.
    pub(crate) at: Duration,
    pub(crate) timestamp: u64,
    /// The region that made it and the how-manieth write of that region it was, where several take writes.
    pub(crate) origin: Option<(usize, u64)>,
    pub(crate) before: Option<Arc<Item>>,
    pub(crate) after: Option<Arc<Item>>,
    /// Whether the item's time was over.
    pub(crate) is_expiry: bool,
}

/// The changes of a partition, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    changes: VecDeque<Arc<Change>>,
    /// The size of the versions that are kept for the history alone.
    old_bytes: usize,
    /// The step up to which changes have been forgotten.
    floor: u64,
    /// The names of all changes, while other regions exchange changes with this partition; nothing is forgotten then.
    names: Option<HashSet<String>>,
}

impl Change {
    /// The item that it is about.
    pub(crate) fn item(&self) -> Option<&Arc<Item>> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// What tells it from all other changes, in whichever region: its item, and the etag that it made, or ended.
    ///
    /// The etag alone would not do: partitions count their versions each for itself, and may be merged later.
    pub(crate) fn name(&self) -> String {
        let Some(item) = self.item() else { return String::new() };
        let end = if self.after.is_none() { "-" } else { "" };
        format!("{end}{} {} {}", item.etag, item.key, item.id)
    }
}

impl History {
    /// A part of several histories, in the order of their steps.
    pub(crate) fn gathered(parts: &[&Self], is_wanted: impl Fn(&Item) -> bool) -> Self {
        let mut changes: Vec<Arc<Change>> = parts
            .iter()
            .flat_map(|it| &it.changes)
            .filter(|it| it.item().is_some_and(|it| is_wanted(it)))
            .cloned()
            .collect();
        changes.sort_by_key(|it| it.lsn);
        // Also of what was only acknowledged, which is among no changes.
        let names = parts.iter().filter_map(|it| it.names.as_ref());
        let names = names.fold(None, |all: Option<HashSet<String>>, names| {
            let mut all = all.unwrap_or_default();
            all.extend(names.iter().cloned());
            Some(all)
        });
        let mut history = Self {
            floor: parts.iter().map(|it| it.floor).max().unwrap_or(0),
            names,
            ..Self::default()
        };
        changes.into_iter().for_each(|it| history.push(it));
        history
    }

    pub(crate) fn push(&mut self, change: Arc<Change>) {
        self.old_bytes += change.before.as_ref().map_or(0, |it| it.bytes);
        if let Some(names) = &mut self.names {
            names.insert(change.name());
        }
        self.changes.push_back(change);
        if self.names.is_none() {
            self.forget();
        }
    }

    /// Remembers everything from now on.
    pub(crate) fn keep_all(&mut self) {
        if self.names.is_none() {
            self.names = Some(self.changes.iter().map(|it| it.name()).collect());
        }
    }

    /// Forgets what is too much again.
    pub(crate) fn keep_some(&mut self) {
        self.names = None;
        self.forget();
    }

    /// Whether it has this change, by its name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.as_ref().is_some_and(|it| it.contains(name))
    }

    /// Counts a change of another side as known, without taking it over.
    pub(crate) fn acknowledge(&mut self, name: String) {
        if let Some(names) = &mut self.names {
            names.insert(name);
        }
    }

    /// The step up to which it has forgotten.
    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// The changes after a step.
    pub(crate) fn after(&self, lsn: u64) -> impl Iterator<Item = &Arc<Change>> {
        let start = self.changes.partition_point(|it| it.lsn <= lsn);
        self.changes.range(start..)
    }

    fn forget(&mut self) {
        while self.changes.len() > MAX_CHANGES || self.old_bytes > MAX_OLD_BYTES {
            let Some(oldest) = self.changes.pop_front() else { return };
            self.old_bytes -= oldest.before.as_ref().map_or(0, |it| it.bytes);
            self.floor = self.floor.max(oldest.lsn);
        }
    }
}
