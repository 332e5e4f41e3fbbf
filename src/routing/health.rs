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

/// How a circuit fared, from its first failure on.
#[derive(Clone, Copy, Debug, Default)]
struct Failing {
    /// Failures with no success between them, and when the last of them was.
    in_a_row: u32,
    last: Duration,
    /// The minute in which the share of failures is measured: its start, and what was counted since.
    since: Duration,
    failures: u32,
    requests: u32,
}

/// Failures that are further apart than this are not one after the other.
const MEMORY: Duration = Duration::from_secs(300);
/// The time over which the share of failures is measured.
const WINDOW: Duration = Duration::from_secs(60);
/// So many requests in it say something about the share.
const ENOUGH: u32 = 100;
/// The share that is too much: nine in ten.
const TOO_MANY: (u32, u32) = (9, 10);

impl Failing {
    /// Counts a request of this moment. What was counted more than a window ago counts no more.
    fn count(&mut self, now: Duration, failed: bool) {
        if now.saturating_sub(self.since) >= WINDOW {
            (self.since, self.failures, self.requests) = (now, 0, 0);
        }
        self.requests += 1;
        if !failed {
            self.in_a_row = 0;
            return;
        }
        self.failures += 1;
        let goes_on = now.saturating_sub(self.last) < MEMORY;
        self.in_a_row = if goes_on { self.in_a_row + 1 } else { 1 };
        self.last = now;
    }

    /// Whether nearly all of many requests failed, although some succeeded between.
    fn fails_nearly_always(&self) -> bool {
        let (nine, ten) = TOO_MANY;
        self.requests >= ENOUGH && self.failures * ten >= self.requests * nine
    }
}

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
        let counted = self.count(&circuit, now);
        if is_probe || counted.in_a_row >= most.max(1) || counted.fails_nearly_always() {
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

    /// A success ends the row of failures, and closes the circuit. It counts among the requests of the minute.
    pub(crate) fn succeeded(
        &self,
        partition: &PartitionId,
        endpoint: &Endpoint,
        writes: bool,
        now: Duration,
    ) {
        let circuit = Circuit::new(partition, endpoint, writes);
        let mut failing = self.failing();
        if let Some(entry) = failing.get_mut(&circuit) {
            entry.count(now, false);
            if entry.failures == 0 {
                failing.remove(&circuit);
            }
        }
        drop(failing);
        self.open.free(&circuit);
    }

    fn count(&self, circuit: &Circuit, now: Duration) -> Failing {
        let mut failing = self.failing();
        let entry = failing.entry(circuit.clone()).or_insert_with(|| Failing {
            since: now,
            last: now,
            ..Failing::default()
        });
        entry.count(now, true);
        *entry
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
        breaker.succeeded(&partition("0"), &east, false, secs(16));
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
        breaker.succeeded(&at, &east, true, Duration::from_secs(2000));
        for _ in 0..4 {
            breaker.failed(&at, &east, true, Duration::from_secs(2000));
        }
        assert_eq!(breaker.standing(&at, &east, true, Duration::from_secs(2000)), Standing::Free);
        breaker.failed(&at, &east, true, Duration::from_secs(2000));
        assert_eq!(breaker.standing(&at, &east, true, Duration::from_secs(2000)), Standing::Out);
    }

    /// Of every `of` requests one succeeds, so that no row gets long enough.
    fn opens_after(requests: u32, of: u32, apart: Duration) -> Option<u32> {
        let breaker = CircuitBreaker::new(CircuitBreakerOptions::new().read_failures(20));
        let (east, at) = (endpoint("east"), partition("0"));
        (1..=requests).find(|number| {
            let now = apart * *number;
            match number % of {
                0 => breaker.succeeded(&at, &east, false, now),
                _ => breaker.failed(&at, &east, false, now),
            }
            breaker.standing(&at, &east, false, now) != Standing::Free
        })
    }

    #[test]
    fn a_circuit_opens_where_nine_of_ten_of_a_hundred_requests_in_a_minute_fail() {
        let millis = Duration::from_millis;
        // The hundredth of the first row is a success, and only a failure opens a circuit.
        for (of, apart, expected) in [
            (10, millis(10), Some(101)),
            (15, millis(10), Some(100)),
            (9, millis(10), None),
            (10, millis(700), None),
        ] {
            assert_eq!(opens_after(1000, of, apart), expected, "one in {of}, {apart:?} apart");
        }
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
