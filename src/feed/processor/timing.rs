//! How long things take, all of it from the duration of a lease.

use std::time::Duration;

/// The intervals of a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// How often a worker shows that it lives, and looks at the others.
    pub(super) round: Duration,
    /// How long a lease may stand still before its owner counts as dead. The owner itself no longer works on a lease
    /// after that time, counted from earlier on, and so stops first.
    pub(super) silence: Duration,
    /// How long to wait where nothing is new.
    pub(super) poll: Duration,
}

impl Timing {
    /// A death is seen within the duration: the last sign of life is seen a round late at most, and its absence too.
    pub(super) fn new(lease_duration: Duration, poll: Duration) -> Self {
        let round = lease_duration / 5;
        Self { round, silence: round * 3, poll }
    }
}
