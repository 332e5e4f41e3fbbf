//! What one worker holds, as both its threads see it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::lease::Lease;

/// The leases that a worker holds.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<BTreeMap<String, Held>>);

#[derive(Clone, Debug)]
struct Held {
    lease: Lease,
    /// When it was last known to be the worker's own: the time before the request that proved it.
    proved: Duration,
}

impl Board {
    /// Notes a lease in its newest version, proved at this time.
    pub(super) fn put(&self, lease: Lease, proved: Duration) {
        self.lock().insert(lease.id.clone(), Held { lease, proved });
    }

    pub(super) fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// The leases, the oldest proof of which is from after `since`.
    pub(super) fn proved_since(&self, since: Duration) -> Vec<Lease> {
        self.lock().values().filter(|it| it.proved >= since).map(|it| it.lease.clone()).collect()
    }

    /// Whether the lease is still held as it was seen, with a proof from after `since`.
    pub(super) fn holds(&self, lease: &Lease, since: Duration) -> bool {
        let board = self.lock();
        board.get(&lease.id).is_some_and(|it| it.proved >= since && it.lease.is_held_as(lease))
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    pub(super) fn all(&self) -> Vec<Lease> {
        self.proved_since(Duration::ZERO)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
