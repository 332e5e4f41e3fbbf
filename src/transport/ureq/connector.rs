//! How a connection comes to be: proxy, TCP, TLS, within the connect timeout.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, Either, Transport,
};
use ureq::{Error, Timeout};

use super::exchange::{self, Phase};
use super::resolver::Names;
use super::socket::Socket;
use super::tls::Tls;

/// How long every pooled connection is looked at before use, once one was found closed.
const SUSPICION: Duration = Duration::from_secs(30);

/// What the connections of one transport share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) names: Names,
    pub(super) connect_timeout: Duration,
    pub(super) tcp_nodelay: bool,
    born: Instant,
    /// Until when pooled connections are suspect, in milliseconds after `born`.
    suspect_until: AtomicU64,
}

impl Shared {
    pub(super) fn new(names: Names, connect_timeout: Duration, tcp_nodelay: bool) -> Self {
        let (born, suspect_until) = (Instant::now(), AtomicU64::new(0));
        Self { names, connect_timeout, tcp_nodelay, born, suspect_until }
    }

    /// Casts doubt on the pool, since a connection from it turned out to be closed.
    ///
    /// Where one is closed others are, and some servers close behind every answer.
    pub(super) fn suspect_pool(&self, now: Instant) {
        self.suspect_until.fetch_max(self.millis(now + SUSPICION), Ordering::Relaxed);
    }

    /// Whether there is doubt.
    pub(super) fn suspects_pool(&self, now: Instant) -> bool {
        self.suspect_until.load(Ordering::Relaxed) > self.millis(now)
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.born).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Makes connections: the whole chain, and the clock over it.
///
/// ureq runs it a second time, inside the first, to reach a proxy.
#[derive(Debug)]
pub(super) struct Dial {
    shared: Arc<Shared>,
    proxy: ConnectProxyConnector,
    tls: Tls,
}

impl Dial {
    pub(super) fn new(shared: Arc<Shared>, tls: Tls) -> Self {
        Self { shared, proxy: ConnectProxyConnector::default(), tls }
    }

    fn connection(&self, details: &ConnectionDetails) -> Result<Box<dyn Transport>, Error> {
        // The type of what the proxy connector is chained to; it is always the first link.
        let transport = match Connector::<Socket>::connect(&self.proxy, details, None)? {
            Some(Either::A(socket)) => Box::new(socket) as Box<dyn Transport>,
            Some(Either::B(tunnel)) => tunnel,
            None => Box::new(self.socket(details)?),
        };
        if !details.needs_tls() {
            return Ok(transport);
        }
        exchange::update(|it| it.phase = Phase::Secure);
        self.tls.secure(details, transport)
    }

    fn socket(&self, details: &ConnectionDetails) -> Result<Socket, Error> {
        let host = details.uri.host().unwrap_or_default();
        match connect(&details.addrs) {
            Ok((stream, address)) => {
                self.shared.names.prefer(host, address.ip());
                stream.set_nodelay(self.shared.tcp_nodelay)?;
                Ok(Socket::new(stream, self.shared.clone()))
            }
            Err(error) => {
                // The name may point elsewhere by now: a failover by DNS looks like this.
                self.shared.names.forget(host);
                Err(error)
            }
        }
    }
}

impl Connector for Dial {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let (phase, deadline) = (exchange::current().phase, exchange::current().deadline);
        let connect_deadline = exchange::deadline_within(self.shared.connect_timeout);
        exchange::update(|it| {
            it.phase = Phase::Connect;
            it.deadline = connect_deadline;
            it.dialed = true;
        });
        let transport = self.connection(details)?;
        // Only a success goes back to what was before: a failure is told by the phase it happened in.
        exchange::update(|it| (it.phase, it.deadline) = (phase, deadline));
        Ok(Some(transport))
    }
}

/// Connects to the first address that answers.
///
/// Each but the last may take half of the time that is left, so that one address that swallows packets does not hide
/// the others.
fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Error> {
    let mut failure = Error::Io(ErrorKind::ConnectionRefused.into());
    for (index, address) in addresses.iter().enumerate() {
        let share = match exchange::remaining()? {
            Some(left) if index + 1 < addresses.len() => Some(left / 2),
            left => left,
        };
        match connect_to(address, share) {
            Ok(stream) => return Ok((stream, *address)),
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
                failure = Error::Timeout(Timeout::Connect);
            }
            Err(error) => failure = error.into(),
        }
    }
    Err(failure)
}

fn connect_to(address: &SocketAddr, limit: Option<Duration>) -> io::Result<TcpStream> {
    match limit {
        Some(limit) => TcpStream::connect_timeout(address, limit.max(Duration::from_millis(1))),
        None => TcpStream::connect(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_closed_connection_casts_doubt_on_the_pool_for_a_while() {
        let shared = Shared::new(Names::default(), Duration::from_secs(1), true);
        let now = Instant::now();
        assert!(!shared.suspects_pool(now));
        shared.suspect_pool(now);
        assert!(shared.suspects_pool(now + SUSPICION / 2));
        assert!(!shared.suspects_pool(now + SUSPICION * 2));
    }

    #[test]
    fn an_address_that_refuses_does_not_hide_one_that_answers() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let refuses = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let answers = listener.local_addr().unwrap();
        let (_, address) = connect(&[refuses, answers]).unwrap();
        assert_eq!(address, answers);
        assert!(connect(&[refuses]).is_err());
        assert!(connect(&[]).is_err());
    }
}
