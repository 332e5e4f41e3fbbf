//! The regions of the account. For now all of them show one state.

use crate::models::ConsistencyLevel;

/// Where the account is, and what it promises.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    /// The first one takes writes.
    pub(crate) regions: Vec<Region>,
    pub(crate) consistency: ConsistencyLevel,
    /// Whether the other regions take writes too.
    pub(crate) multi_write: bool,
}

/// One region and where to reach it.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) endpoint: String,
}

impl Topology {
    /// Whether the region with this number takes writes.
    pub(crate) fn takes_writes(&self, region: usize) -> bool {
        self.multi_write || region == 0
    }

    /// How many regions there are besides the one that takes writes.
    pub(crate) fn read_regions(&self) -> usize {
        self.regions.len().saturating_sub(1)
    }
}
