//! Where and how a server listens, and what it puts up with.

use std::net::SocketAddr;
use std::time::Duration;

use super::tls::Tls;

/// Where and how a server listens.
#[derive(Clone, Debug)]
pub(crate) struct ServeOptions {
    pub(super) addr: SocketAddr,
    pub(super) tls: Option<Tls>,
    pub(super) limits: Limits,
}

impl ServeOptions {
    /// Plain HTTP on `addr`; port 0 picks a free one.
    ///
    /// On `127.0.0.1` and `[::1]` the server listens on both, so that it answers to `localhost` however that resolves.
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, tls: None, limits: Limits::default() }
    }

    /// HTTPS instead of HTTP.
    #[must_use]
    pub(crate) fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }
}

/// What the server puts up with.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) head_bytes: usize,
    pub(super) body_bytes: usize,
    /// How long a connection may wait between requests.
    pub(super) idle: Duration,
    /// How long a request may take to arrive.
    pub(super) request: Duration,
    /// How long a response may take to be read by the client.
    pub(super) response: Duration,
    /// How long, and for how many bytes, the server listens on to a client that it has refused.
    pub(super) linger: Duration,
    pub(super) linger_bytes: usize,
    /// How long a stopping server waits for the responses under way, and once more after it has cut them off.
    pub(super) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            head_bytes: 64 * 1024,
            body_bytes: 4 * 1024 * 1024,
            // Longer than the pools of other SDKs keep a connection, so that they do not write to one just closed.
            idle: Duration::from_secs(600),
            request: Duration::from_secs(30),
            response: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            linger_bytes: 64 * 1024 * 1024,
            grace: Duration::from_secs(3),
        }
    }
}
