//! Ends what would otherwise go on for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// Ends a [`wait`](super::ChangeFeed::wait) on a change feed, from any thread.
///
/// Clones share one switch; once stopped it stays so.
///
/// ```
/// let stop = cosmosdb::StopHandle::new();
/// let for_the_signal_handler = stop.clone();
/// for_the_signal_handler.stop();
/// assert!(stop.is_stopped());
/// ```
#[derive(Clone, Debug, Default)]
pub struct StopHandle(Arc<AtomicBool>);

/// How late a stop may be noticed.
const STEP: Duration = Duration::from_millis(50);

impl StopHandle {
    /// A handle that nobody has stopped.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends what looks at the handle: within 50 ms where it waits, else with the request or page that it is at.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Sleeps on the clock, in steps, so that a stop is noticed soon. Says whether to go on.
    pub(crate) fn sleep(&self, clock: &dyn Clock, duration: Duration) -> bool {
        let mut left = duration;
        while !left.is_zero() && !self.is_stopped() {
            let step = left.min(STEP);
            clock.sleep(step);
            left -= step;
        }
        !self.is_stopped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;

    #[test]
    fn a_stopped_handle_cuts_the_sleep_short() {
        let (clock, stop) = (VirtualClock::new(), StopHandle::new());
        assert!(stop.sleep(&clock, Duration::from_millis(120)));
        assert_eq!(clock.monotonic(), Duration::from_millis(120));
        stop.stop();
        assert!(!stop.sleep(&clock, Duration::from_secs(3600)));
        assert_eq!(clock.monotonic(), Duration::from_millis(120));
    }
}
