//! The regions of the account: where they are, and what they are ready to do.

use std::time::Duration;

use crate::models::ConsistencyLevel;

/// Where the account is, and what it promises. It is replaced as a whole when it changes.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    /// A region keeps its number for as long as the account lives.
    pub(crate) regions: Vec<Region>,
    /// The region that takes writes, where not all do.
    pub(crate) write_region: usize,
    /// The region that took writes before and is advertised still, while a failover is on its way.
    pub(crate) outgoing: Option<usize>,
    pub(crate) consistency: ConsistencyLevel,
    /// Whether all regions take writes.
    pub(crate) multi_write: bool,
    pub(crate) forbids_hedging: bool,
    /// Whether partitions fail over one by one; then every region takes writes for those that did.
    pub(crate) partition_failover: bool,
    /// What session tokens say of the set of regions; it grows when that changes.
    pub(crate) version: i64,
}

/// One region and where to reach it.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) endpoint: String,
    /// Whether the account's document names it.
    pub(crate) is_advertised: bool,
    pub(crate) is_online: bool,
    /// Whether it is about to be removed, and refuses everything.
    pub(crate) is_drained: bool,
    /// Whether it refuses writes although it is advertised for them.
    pub(crate) is_write_revoked: bool,
    pub(crate) replication: Replication,
}

/// How what was written elsewhere comes to a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replication {
    Immediate,
    After(Duration),
    Paused,
}

impl Topology {
    /// Whether the region with this number takes writes.
    pub(crate) fn takes_writes(&self, region: usize) -> bool {
        let may = self.multi_write || self.partition_failover || region == self.write_region;
        may && self.regions.get(region).is_some_and(|it| !it.is_write_revoked)
    }

    /// How many regions there are besides the one that takes writes.
    pub(crate) fn read_regions(&self) -> usize {
        self.advertised().count().saturating_sub(1)
    }

    /// The regions that the account's document names, with their numbers.
    pub(crate) fn advertised(&self) -> impl Iterator<Item = (usize, &Region)> {
        self.regions.iter().enumerate().filter(|it| it.1.is_advertised)
    }

    /// The numbers of the regions that are advertised for writes, in the order of the document.
    pub(crate) fn writable(&self) -> Vec<usize> {
        if self.multi_write {
            return self.advertised().map(|it| it.0).collect();
        }
        self.outgoing.into_iter().chain([self.write_region]).collect()
    }

    /// The number of a region by its name, in any case and with or without spaces.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.regions.iter().position(|it| word(&it.name) == word(name))
    }

    /// The number of the region whose own endpoint has this host.
    pub(crate) fn at_host(&self, host: &str) -> Option<usize> {
        let own = |it: &Region| {
            let own = it.endpoint.strip_prefix("https://").map(|it| it.trim_end_matches('/'));
            own.is_some_and(|it| it.eq_ignore_ascii_case(host))
        };
        self.regions.iter().position(own)
    }

    /// The numbers of the regions that do not get everything at once.
    pub(crate) fn lagging(&self) -> impl Iterator<Item = usize> {
        let regions = self.regions.iter().enumerate();
        let lagging = regions.filter(|it| it.1.replication != Replication::Immediate);
        let is_follower = |it: &usize| self.multi_write || *it != self.write_region;
        lagging.map(|it| it.0).filter(is_follower)
    }

    /// The numbers of the regions whose progress session tokens tell: none where only one takes writes.
    pub(crate) fn writers(&self) -> Vec<usize> {
        if self.multi_write { (0..self.regions.len()).collect() } else { Vec::new() }
    }
}

impl Region {
    pub(crate) fn new(name: String, endpoint: String) -> Self {
        Self {
            name,
            endpoint,
            is_advertised: true,
            is_online: true,
            is_drained: false,
            is_write_revoked: false,
            replication: Replication::Immediate,
        }
    }
}

/// A region's name as it stands in host names: `West US` is `westus`.
pub(crate) fn word(name: &str) -> String {
    name.to_lowercase().chars().filter(|it| it.is_alphanumeric()).collect()
}
