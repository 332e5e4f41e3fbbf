//! What is known about the exchange that the current thread carries out: until when, how far it got.
//!
//! ureq runs a request on the thread that asks for it, but gives a connector and a socket no way to learn of the
//! caller's deadline short of a new configuration per request, nor to say how far they came. So the facts wait here,
//! in one cell of the thread: written by [`Running`], the resolver, the connector and the socket, read by the socket
//! and, after a failure, by the error mapping.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The step an exchange is at, or failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The host name is looked up.
    Resolve,
    /// The TCP connection is made, through the proxy where there is one.
    Connect,
    /// The TLS handshake is under way.
    Secure,
    /// The connection stands; the request goes out and the answer comes in.
    Talk,
}

/// The state of one exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// When it must be over; `None` has no end.
    pub(super) deadline: Option<Instant>,
    /// The step it is at.
    pub(super) phase: Phase,
    /// Whether the request changes nothing on the server, so that repeating it is harmless.
    pub(super) safe: bool,
    /// Whether a connection was made for it, in place of one from the pool.
    pub(super) dialed: bool,
    /// Whether a byte of the request left.
    pub(super) sent: bool,
    /// Whether a byte of the answer came.
    pub(super) answered: bool,
}

impl Exchange {
    const fn starting() -> Self {
        Self {
            deadline: None,
            phase: Phase::Talk,
            safe: false,
            dialed: false,
            sent: false,
            answered: false,
        }
    }

    /// Whether the time is up.
    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Whether a pooled connection failed before it answered, most likely because the server had closed it.
    pub(super) fn found_stale(&self) -> bool {
        self.phase == Phase::Talk && !self.dialed && !self.answered
    }
}

thread_local! {
    static CURRENT: Cell<Exchange> = const { Cell::new(Exchange::starting()) };
}

/// The exchange of this thread.
pub(super) fn current() -> Exchange {
    CURRENT.get()
}

/// Changes what is known about the exchange of this thread.
pub(super) fn update(change: impl FnOnce(&mut Exchange)) {
    let mut exchange = CURRENT.get();
    change(&mut exchange);
    CURRENT.set(exchange);
}

/// The time that is left: `None` without a deadline, an error when it is up.
pub(super) fn remaining() -> Result<Option<Duration>, ureq::Error> {
    let Some(deadline) = current().deadline else { return Ok(None) };
    match deadline.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => Ok(Some(left)),
        _ => Err(ureq::Error::Timeout(ureq::Timeout::Global)),
    }
}

/// The earlier of the deadline and `limit` from now.
pub(super) fn deadline_within(limit: Duration) -> Option<Instant> {
    let limit = Instant::now().checked_add(limit);
    match (current().deadline, limit) {
        (Some(deadline), Some(limit)) => Some(deadline.min(limit)),
        (deadline, limit) => deadline.or(limit),
    }
}

/// An exchange under way on this thread; the one it interrupted goes on when it is dropped.
///
/// There is something to interrupt where a logger, called from inside ureq, sends its lines with this very transport.
#[derive(Debug)]
pub(super) struct Running {
    interrupted: Exchange,
}

impl Running {
    /// Starts an exchange that must be over within `timeout`.
    pub(super) fn begin(timeout: Duration, safe: bool) -> Self {
        let deadline = Instant::now().checked_add(timeout);
        let starting = Exchange { deadline, safe, ..Exchange::starting() };
        Self { interrupted: CURRENT.replace(starting) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CURRENT.set(self.interrupted);
    }
}
