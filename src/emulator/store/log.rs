//! The count of writes of a partition, and how far it has seen what each region wrote.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::emulator::session;
use crate::emulator::topology::Topology;

/// The count of writes. Containers that share throughput in one partition share it, as they do in the service.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    lsn: Arc<AtomicU64>,
    /// Counts the versions of items, for etags.
    versions: Arc<AtomicU64>,
    /// Stands in etags, so that no two regions make the same.
    tag: u16,
    /// What session tokens say of the set of regions.
    topology: Arc<AtomicI64>,
    /// How many writes of each region are in, where several take writes.
    regions: Arc<Mutex<BTreeMap<usize, u64>>>,
    /// How session tokens count since the last merge.
    era: Era,
}

/// What a merge does to session tokens: their version grows by one, and their steps count from one again.
#[derive(Clone, Copy, Debug, Default)]
struct Era {
    /// The merges so far.
    merges: i64,
    /// The version of the first token of this era; `None` where there was no merge.
    since: Option<i64>,
    /// The steps that are not counted any more.
    base: u64,
}

impl Log {
    pub(crate) fn new(topology: &Topology) -> Self {
        let log = Self {
            lsn: Arc::default(),
            versions: Arc::default(),
            tag: 0,
            topology: Arc::default(),
            regions: Arc::default(),
            era: Era::default(),
        };
        log.adopt(topology);
        log
    }

    /// Takes over a changed set of regions.
    pub(crate) fn adopt(&self, topology: &Topology) {
        self.topology.store(topology.version, Ordering::Relaxed);
        let mut regions = self.regions();
        let writers = topology.writers();
        regions.retain(|it, _| writers.contains(it));
        for region in writers {
            regions.entry(region).or_default();
        }
    }

    pub(crate) fn lsn(&self) -> u64 {
        self.lsn.load(Ordering::Relaxed)
    }

    /// One step on.
    pub(crate) fn advance(&self) -> u64 {
        self.lsn.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// At least to this step.
    pub(crate) fn reach(&self, lsn: u64) -> u64 {
        self.lsn.fetch_max(lsn, Ordering::Relaxed).max(lsn)
    }

    /// Whether one region writes and the others follow, so that steps have the same numbers everywhere.
    pub(crate) fn is_led(&self) -> bool {
        self.regions().is_empty()
    }

    /// Counts a write of a region; `None` where only one takes writes.
    pub(crate) fn count(&self, region: usize) -> Option<(usize, u64)> {
        let mut regions = self.regions();
        let count = regions.get_mut(&region)?;
        *count += 1;
        Some((region, *count))
    }

    /// Notes that the writes of a region are in up to this one.
    pub(crate) fn note(&self, (region, count): (usize, u64)) {
        if let Some(own) = self.regions().get_mut(&region) {
            *own = count.max(*own);
        }
    }

    /// A count of a region, or the one up to which everything of that region is in here if that is less.
    pub(crate) fn at_most(&self, (region, count): (usize, u64)) -> (usize, u64) {
        let own = self.regions().get(&region).copied().unwrap_or(0);
        (region, count.min(own))
    }

    /// Notes that everything is in that another side has.
    pub(crate) fn note_all(&self, other: &Self) {
        let counts = other.regions().clone();
        counts.into_iter().for_each(|it| self.note(it));
    }

    /// A new etag; `timestamp` is in seconds.
    pub(crate) fn etag(&self, timestamp: u64) -> String {
        let count = self.versions.fetch_add(1, Ordering::Relaxed) + 1;
        format!(
            "\"{:08x}-{:04x}-0100-0000-{:08x}0000\"",
            count & 0xffff_ffff,
            self.tag,
            timestamp & 0xffff_ffff
        )
    }

    /// A log that goes on from where these are, on its own.
    pub(crate) fn continuing(logs: &[&Self]) -> Self {
        let highest = |of: fn(&Self) -> u64| logs.iter().map(|it| of(it)).max().unwrap_or(0);
        let mut regions = BTreeMap::new();
        for log in logs {
            for (region, count) in &*log.regions() {
                let own = regions.entry(*region).or_insert(0);
                *own = (*count).max(*own);
            }
        }
        let first = logs.first();
        let topology = first.map_or(-1, |it| it.topology.load(Ordering::Relaxed));
        Self {
            lsn: Arc::new(AtomicU64::new(highest(Self::lsn))),
            versions: Arc::new(AtomicU64::new(highest(|it| it.versions.load(Ordering::Relaxed)))),
            tag: first.map_or(0, |it| it.tag),
            topology: Arc::new(AtomicI64::new(topology)),
            regions: Arc::new(Mutex::new(regions)),
            era: logs.iter().map(|it| it.era).max_by_key(|it| it.merges).unwrap_or_default(),
        }
    }

    /// The log of what these were merged to. The steps themselves go on, so that places in change feeds stay good.
    pub(crate) fn merged(logs: &[&Self]) -> Self {
        let mut log = Self::continuing(logs);
        log.era.merges += 1;
        log.era = Era { since: Some(log.version()), base: log.lsn().saturating_sub(1), ..log.era };
        log
    }

    /// What session tokens say of the set of regions, and of the merges.
    fn version(&self) -> i64 {
        self.topology.load(Ordering::Relaxed) + self.era.merges
    }

    /// The log of a region that goes on by itself.
    pub(crate) fn apart(&self, region: usize) -> Self {
        let tag = u16::try_from(region + 1).unwrap_or(u16::MAX);
        Self { tag, ..Self::continuing(&[self]) }
    }

    /// The session token of this state.
    pub(crate) fn session_token(&self, range_id: &str) -> String {
        let lsn = self.lsn().saturating_sub(self.era.base);
        session::token(range_id, self.version(), lsn, &self.regions())
    }

    /// Whether everything is in that a session has seen: the step, or where regions are told what each wrote.
    ///
    /// A merge lets all regions catch up first, so that what was seen before it is in.
    pub(crate) fn covers(&self, version: Option<i64>, lsn: u64, seen: &[(usize, u64)]) -> bool {
        if version.zip(self.era.since).is_some_and(|(version, since)| version < since) {
            return true;
        }
        let regions = self.regions();
        let mut known =
            seen.iter().filter_map(|(it, count)| Some((regions.get(it)?, count))).peekable();
        if known.peek().is_none() {
            return lsn.saturating_add(self.era.base) <= self.lsn();
        }
        known.all(|(own, count)| count <= own)
    }

    fn regions(&self) -> MutexGuard<'_, BTreeMap<usize, u64>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
