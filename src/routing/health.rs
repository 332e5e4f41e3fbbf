//! How single partitions fare in each region: the circuit breaker, and partitions that failed over by themselves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::uri::Authority;

use super::endpoint::Endpoint;
use super::quarantine::{Quarantine, Standing};
use crate::client::options::CircuitBreakerOptions;

/// One partition of one container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PartitionId {
    /// The container's rid.
    pub(crate) container: String,
    /// The id of the partition key range.
    pub(crate) range: String,
}

/// A partition in a region, for reads or for writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Circuit {
    partition: PartitionId,
    authority: Authority,
    writes: bool,
}

impl Circuit {
    fn new(partition: &PartitionId, endpoint: &Endpoint, writes: bool) -> Self {
        Self { partition: partition.clone(), authority: endpoint.authority.clone(), writes }
    }
}

/// Keeps requests for a partition from a region in which they fail, while other partitions go on to use the region.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    options: CircuitBreakerOptions,
    failing: Mutex<HashMap<Circuit, Failing>>,
    open: Quarantine<Circuit>,
}

#[derive(Clone, Copy, Debug)]
struct Failing {
    failures: u32,
    last: Duration,
}

/// Failures that are further apart than this are not one after the other.
const MEMORY: Duration = Duration::from_secs(300);

impl CircuitBreaker {
    pub(crate) fn new(options: CircuitBreakerOptions) -> Self {
        Self { options, failing: Mutex::default(), open: Quarantine::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.options.enabled
    }

    /// Whether the partition is not to be asked for in this region.
    pub(crate) fn standing(
        &self,
        partition: &PartitionId,
        endpoint: &Endpoint,
        writes: bool,
        now: Duration,
    ) -> Standing {
        if self.open.is_empty() {
            return Standing::Free;
        }
        self.open.standing(&Circuit::new(partition, endpoint, writes), now)
    }

    /// Takes the right to try a region again.
    pub(crate) fn claim(
        &self,
        partition: &PartitionId,
        endpoint: &Endpoint,
        writes: bool,
        now: Duration,
    ) -> bool {
        self.open.claim(&Circuit::new(partition, endpoint, writes), now)
    }

    /// Counts a failure; the one that is too many opens the circuit.
    pub(crate) fn failed(
        &self,
        partition: &PartitionId,
        endpoint: &Endpoint,
        writes: bool,
        now: Duration,
    ) {
        let circuit = Circuit::new(partition, endpoint, writes);
        let most = if writes { self.options.write_failures } else { self.options.read_failures };
        let is_probe = self.open.standing(&circuit, now) != Standing::Free;
        if is_probe || self.count(&circuit, now) >= most.max(1) {
            log::warn!(
                "partition {} of {} is kept from {}: it failed there too often",
                partition.range,
                partition.container,
                endpoint.host
            );
            self.failing().remove(&circuit);
            self.open.put(circuit, now, self.options.first_wait);
        }
    }

    /// Another region was faster: as bad as two failures of reads.
    pub(crate) fn was_slow(&self, partition: &PartitionId, endpoint: &Endpoint, now: Duration) {
        self.failed(partition, endpoint, false, now);
        self.failed(partition, endpoint, false, now);
    }

    /// A success ends the row of failures, and closes the circuit.
    pub(crate) fn succeeded(&self, partition: &PartitionId, endpoint: &Endpoint, writes: bool) {
        let circuit = Circuit::new(partition, endpoint, writes);
        self.failing().remove(&circuit);
        self.open.free(&circuit);
    }

    fn count(&self, circuit: &Circuit, now: Duration) -> u32 {
        let mut failing = self.failing();
        let entry = failing.entry(circuit.clone()).or_insert(Failing { failures: 0, last: now });
        let is_in_a_row = now.saturating_sub(entry.last) < MEMORY;
        entry.failures = if is_in_a_row { entry.failures + 1 } else { 1 };
        entry.last = now;
        entry.failures
    }

    fn failing(&self) -> MutexGuard<'_, HashMap<Circuit, Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The regions to which the writes of single partitions moved.
#[derive(Debug, Default)]
pub(crate) struct PartitionFailovers(Mutex<HashMap<PartitionId, Moved>>);

#[derive(Debug, Default)]
struct Moved {
    to: Option<Arc<Endpoint>>,
    /// Writes in a row of which nobody knows whether they happened.
    doubts: u32,
}

/// So many doubtful writes in a row move a partition.
const MOST_DOUBTS: u32 = 10;

impl PartitionFailovers {
    /// Where the partition's writes go, if not to the hub.
    pub(crate) fn of(&self, partition: &PartitionId) -> Option<Arc<Endpoint>> {
        self.lock().get(partition)?.to.clone()
    }

    /// Moves the partition's writes.
    pub(crate) fn set(&self, partition: &PartitionId, to: &Arc<Endpoint>) {
        let moved = Moved { to: Some(Arc::clone(to)), doubts: 0 };
        self.lock().insert(partition.clone(), moved);
    }

    /// Forgets that the partition moved: every region refused it.
    pub(crate) fn clear(&self, partition: &PartitionId) {
        self.lock().remove(partition);
    }

    /// A write that worked, where it went by the rule.
    pub(crate) fn succeeded(&self, partition: &PartitionId) {
        if let Some(moved) = self.lock().get_mut(partition) {
            moved.doubts = 0;
        }
    }

    /// Counts a write whose outcome is unknown. Says whether there were too many in a row.
    pub(crate) fn doubted(&self, partition: &PartitionId) -> bool {
        let mut all = self.lock();
        let moved = all.entry(partition.clone()).or_default();
        moved.doubts += 1;
        moved.doubts >= MOST_DOUBTS
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PartitionId, Moved>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(range: &str) -> PartitionId {
        PartitionId { container: "rid".into(), range: range.into() }
    }

    fn endpoint(host: &str) -> Endpoint {
        Endpoint::parse(&format!("https://{host}.test/"), None).unwrap()
    }

    #[test]
    fn a_circuit_opens_after_failures_in_a_row_for_its_partition_region_and_kind_only() {
        let breaker = CircuitBreaker::new(CircuitBreakerOptions::new());
        let (east, west, secs) = (endpoint("east"), endpoint("west"), Duration::from_secs);
        let standing =
            |range, at, writes, now| breaker.standing(&partition(range), at, writes, now);
        for failure in 0..10 {
            assert_eq!(standing("0", &east, false, secs(0)), Standing::Free, "{failure}");
            breaker.failed(&partition("0"), &east, false, secs(0));
        }
        assert_eq!(standing("0", &east, false, secs(4)), Standing::Out);
        assert_eq!(standing("1", &east, false, secs(4)), Standing::Free);
        assert_eq!(standing("0", &west, false, secs(4)), Standing::Free);
        assert_eq!(standing("0", &east, true, secs(4)), Standing::Free);
        assert_eq!(standing("0", &east, false, secs(5)), Standing::Due);
        assert!(breaker.claim(&partition("0"), &east, false, secs(5)));
        breaker.failed(&partition("0"), &east, false, secs(6));
        assert_eq!(standing("0", &east, false, secs(15)), Standing::Out, "twice as long");
        assert!(breaker.claim(&partition("0"), &east, false, secs(16)));
        breaker.succeeded(&partition("0"), &east, false);
        assert_eq!(standing("0", &east, false, secs(16)), Standing::Free);
    }

    #[test]
    fn a_success_and_a_long_pause_end_the_row() {
        let breaker = CircuitBreaker::new(CircuitBreakerOptions::new());
        let (east, at) = (endpoint("east"), partition("0"));
        for round in 0..3 {
            for _ in 0..4 {
                breaker.failed(&at, &east, true, Duration::from_secs(1000 * round));
            }
        }
        breaker.succeeded(&at, &east, true);
        for _ in 0..4 {
            breaker.failed(&at, &east, true, Duration::from_secs(2000));
        }
        assert_eq!(breaker.standing(&at, &east, true, Duration::from_secs(2000)), Standing::Free);
        breaker.failed(&at, &east, true, Duration::from_secs(2000));
        assert_eq!(breaker.standing(&at, &east, true, Duration::from_secs(2000)), Standing::Out);
    }

    #[test]
    fn ten_doubtful_writes_in_a_row_move_a_partition() {
        let failovers = PartitionFailovers::default();
        let at = partition("0");
        assert!((0..9).all(|_| !failovers.doubted(&at)));
        failovers.succeeded(&at);
        assert!((0..9).all(|_| !failovers.doubted(&at)));
        assert!(failovers.doubted(&at));
        failovers.set(&at, &Arc::new(endpoint("west")));
        assert_eq!(failovers.of(&at).unwrap().host.as_ref(), "west.test");
        failovers.clear(&at);
        assert!(failovers.of(&at).is_none());
    }
}
