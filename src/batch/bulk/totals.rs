//! How far a bulk has come.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::client::CosmosClient;
use crate::clock::Clock;

/// How far a bulk has come, and what it cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkTotals {
    /// Operations whose outcome is known.
    pub operations: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Requests sent, each with up to 100 operations.
    pub requests: u64,
    /// How often an operation was throttled (429), and so had to wait.
    pub throttled: u64,
    /// How often an operation was sent again, for whatever reason.
    pub retried: u64,
    /// The request units of all requests.
    pub request_charge: f64,
    /// The time since the start, by the client's clock, up to the end.
    pub elapsed: Duration,
}

impl BulkTotals {
    /// Operations per second, over the whole time.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.operations as f64 / seconds } else { 0.0 }
    }
}

/// A view of a running bulk for other threads, such as one that draws a progress bar. Cheap to clone.
#[derive(Clone)]
pub struct BulkProgress(Arc<Counters>);

impl BulkProgress {
    pub(super) fn new(client: &CosmosClient) -> Self {
        let clock = Arc::clone(&client.shared.clock);
        let start = clock.monotonic();
        let zero = || AtomicU64::new(0);
        Self(Arc::new(Counters {
            clock,
            start,
            operations: zero(),
            failed: zero(),
            requests: zero(),
            throttled: zero(),
            retried: zero(),
            charge: zero(),
            end_nanos: zero(),
        }))
    }

    /// The totals as they are now.
    pub fn totals(&self) -> BulkTotals {
        let counters = &*self.0;
        let read = |it: &AtomicU64| it.load(Ordering::Relaxed);
        let end = match read(&counters.end_nanos) {
            0 => counters.clock.monotonic(),
            nanos => Duration::from_nanos(nanos),
        };
        BulkTotals {
            operations: read(&counters.operations),
            failed: read(&counters.failed),
            requests: read(&counters.requests),
            throttled: read(&counters.throttled),
            retried: read(&counters.retried),
            request_charge: read(&counters.charge) as f64 / CHARGE_UNITS,
            elapsed: end.saturating_sub(counters.start),
        }
    }

    pub(super) fn count_request(&self, charge: f64) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        // The cast saturates, and takes what is not a number for nothing.
        self.0.charge.fetch_add((charge * CHARGE_UNITS) as u64, Ordering::Relaxed);
    }

    pub(super) fn count_outcome(&self, is_success: bool) {
        self.0.operations.fetch_add(1, Ordering::Relaxed);
        if !is_success {
            self.0.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_retry(&self, is_throttled: bool) {
        self.0.retried.fetch_add(1, Ordering::Relaxed);
        if is_throttled {
            self.0.throttled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Stops the time.
    pub(super) fn end(&self) {
        let nanos = u64::try_from(self.0.clock.monotonic().as_nanos()).unwrap_or(u64::MAX).max(1);
        let _ = self.0.end_nanos.compare_exchange(0, nanos, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl fmt::Debug for BulkProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.totals().fmt(f)
    }
}

/// Charges are added up in millionths, since there is no atomic number with a fraction.
const CHARGE_UNITS: f64 = 1e6;

struct Counters {
    clock: Arc<dyn Clock>,
    start: Duration,
    operations: AtomicU64,
    failed: AtomicU64,
    requests: AtomicU64,
    throttled: AtomicU64,
    retried: AtomicU64,
    charge: AtomicU64,
    /// 0 while it runs.
    end_nanos: AtomicU64,
}
