//! A TCP connection as ureq sees it, sparing with system calls.
//!
//! A request on a pooled connection costs two: one send, with head and body together, and one receive. Timeouts are
//! set again only when the deadline has moved far, and the probe for a connection that the server has closed runs
//! only where a failure would hurt.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::buffers::GatheringBuffers;
use super::connector::Shared;
use super::exchange::{self, Phase};

/// A connection that was in use so shortly ago is taken to be open, for requests that may be repeated.
const RECENT: Duration = Duration::from_secs(1);

/// A connected socket and its buffers.
pub(super) struct Socket {
    stream: TcpStream,
    buffers: GatheringBuffers,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// Since when it lies in the pool; `None` while it is in use.
    idle_since: Option<Instant>,
    shared: Arc<Shared>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        Self {
            stream,
            buffers: GatheringBuffers::default(),
            read_timeout: None,
            write_timeout: None,
            idle_since: None,
            shared,
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let mut gathered = self.buffers.pending();
        let mut wait = Wait::default();
        while !gathered.is_empty() {
            let timeout = wait.timeout(self.write_timeout)?;
            if timeout != self.write_timeout {
                tolerate(self.stream.set_write_timeout(timeout))?;
                self.write_timeout = timeout;
            }
            match (&self.stream).write(gathered) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(count) => {
                    gathered = gathered.get(count..).unwrap_or_default();
                    exchange::update(|it| it.sent |= it.phase == Phase::Talk);
                }
                Err(error) => wait.again_after(error)?,
            }
        }
        self.buffers.sent();
        Ok(())
    }

    fn receive(&mut self) -> Result<usize, Error> {
        let mut wait = Wait::default();
        loop {
            let timeout = wait.timeout(self.read_timeout)?;
            if timeout != self.read_timeout {
                tolerate(self.stream.set_read_timeout(timeout))?;
                self.read_timeout = timeout;
            }
            match (&self.stream).read(self.buffers.input_append_buf()) {
                Ok(count) => return Ok(count),
                Err(error) => wait.again_after(error)?,
            }
        }
    }

    /// Whether the server has neither closed nor spoken out of turn.
    fn probe(&self) -> io::Result<bool> {
        self.stream.set_nonblocking(true)?;
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        Ok(matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock))
    }
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.idle_since = None;
        if self.buffers.gather(amount) { self.flush() } else { Ok(()) }
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        self.flush()?;
        let count = self.receive()?;
        self.buffers.input_appended(count);
        if count > 0 {
            exchange::update(|it| it.answered |= it.phase == Phase::Talk);
        }
        Ok(count > 0)
    }

    /// Asked twice: when the connection goes to the pool, where a look would tell nothing yet, and when it is taken.
    fn is_open(&mut self) -> bool {
        let now = Instant::now();
        let Some(since) = self.idle_since else {
            self.idle_since = Some(now);
            return true;
        };
        let trusted = exchange::current().safe
            && now.saturating_duration_since(since) < RECENT
            && !self.shared.suspects_pool(now);
        trusted || self.probe().unwrap_or(false)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("peer", &self.stream.peer_addr().ok()).finish()
    }
}

/// How long one system call may wait, so that all of them together keep to the deadline.
///
/// The first wait is coarse: whatever the socket is set to does, if it ends in time and is not far too short. Only
/// when that runs out is the rest set exactly. So an exchange that ends in time sets nothing, and one that does not
/// ends when it should.
#[derive(Default)]
struct Wait {
    exact: bool,
}

impl Wait {
    /// The timeout to use; the `present` one where that will do.
    fn timeout(&self, present: Option<Duration>) -> Result<Option<Duration>, Error> {
        let Some(left) = exchange::remaining()? else { return Ok(None) };
        if self.exact {
            return Ok(Some(left.max(Duration::from_millis(1))));
        }
        match present {
            Some(present) if present <= left && present >= left / 4 => Ok(Some(present)),
            _ => Ok(Some(coarse(left))),
        }
    }

    /// Passes over an interruption and a wait that was only part of the time.
    fn again_after(&mut self, error: io::Error) -> Result<(), Error> {
        match error.kind() {
            ErrorKind::Interrupted => Ok(()),
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                self.exact = true;
                Ok(())
            }
            _ => Err(error.into()),
        }
    }
}

/// The longest power of two of milliseconds that is not over `left`.
fn coarse(left: Duration) -> Duration {
    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 31);
    Duration::from_millis(1 << millis.ilog2())
}

/// macOS refuses to set a timeout once the peer has closed; the read or write that follows says what happened.
fn tolerate(set: io::Result<()>) -> io::Result<()> {
    set.or_else(|error| if error.kind() == ErrorKind::InvalidInput { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_wait_never_outlasts_the_deadline() {
        for (left, wait) in [(60_000, 32_768), (32_768, 32_768), (1_500, 1_024), (3, 2), (1, 1)] {
            assert_eq!(coarse(Duration::from_millis(left)), Duration::from_millis(wait));
        }
        assert_eq!(coarse(Duration::from_micros(10)), Duration::from_millis(1));
        assert!(coarse(Duration::MAX) <= Duration::from_secs(3_000_000));
    }
}
