//! The emulator on a port: a blocking HTTP/1.1 server in front of any [`Transport`].
//!
//! A thread for each connection, connections kept open, plain or with TLS. It knows nothing of Cosmos DB: requests go
//! to the handler with an absolute URI that names the scheme, host and port by which the client came.

mod body;
mod connection;
mod control;
mod gate;
mod head;
mod listener;
mod response;
mod socket;
mod tls;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::uri::{Authority, Scheme};
use rustls::ServerConfig;

pub(crate) use control::Controls;
pub use tls::Tls;

use crate::transport::{Request, Response, Transport};
use crate::wire::header;
use gate::Gate;
use head::Origin;

/// Where and how a [`Server`] listens.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    addr: SocketAddr,
    tls: Option<Tls>,
    limits: Limits,
}

impl ServeOptions {
    /// Plain HTTP on `addr`; port 0 picks a free one.
    ///
    /// On `127.0.0.1` and `[::1]` the server listens on both, so that it answers to `localhost` however that resolves.
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, tls: None, limits: Limits::default() }
    }

    /// HTTPS instead of HTTP.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }
}

/// What the server puts up with.
#[derive(Clone, Debug)]
struct Limits {
    connections: usize,
    head_bytes: usize,
    body_bytes: usize,
    /// How long a connection may wait between requests.
    idle: Duration,
    /// How long a request may take to arrive.
    request: Duration,
    /// How long a response may take to be read by the client.
    response: Duration,
    /// How long, and for how many bytes, the server listens on to a client that it has refused.
    linger: Duration,
    linger_bytes: usize,
    /// How long a stopping server waits for the responses under way, and once more after it has cut them off.
    grace: Duration,
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

/// What all connections share.
struct Service {
    origin: Origin,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    handler: Arc<dyn Transport>,
    controls: Option<Arc<dyn Controls>>,
}

/// A running HTTP or HTTPS server. It stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    url: String,
    certificate_pem: Option<String>,
    grace: Duration,
    gate: Arc<Gate>,
    acceptors: Vec<(SocketAddr, JoinHandle<()>)>,
}

impl Server {
    /// Listens, and answers with what `handler` says.
    pub(crate) fn start(
        options: ServeOptions,
        handler: Arc<dyn Transport>,
        controls: Option<Arc<dyn Controls>>,
    ) -> io::Result<Self> {
        let ServeOptions { addr, tls, limits } = options;
        let listeners = listener::bind(addr)?;
        let addr = SocketAddr::new(addr.ip(), port_of(&listeners)?);
        let origin = origin(addr, tls.is_some())?;
        let mut server = Self {
            addr,
            url: format!("{}://{}/", origin.scheme, origin.authority),
            certificate_pem: tls.as_ref().map(|it| it.certificate_pem().to_owned()),
            grace: limits.grace,
            gate: Arc::new(Gate::new(limits.connections)),
            acceptors: Vec::new(),
        };
        let tls = tls.map(|it| Arc::clone(it.config()));
        let service = Arc::new(Service { origin, tls, limits, handler, controls });
        for listener in listeners {
            let addr = listener.local_addr()?;
            let (gate, service) = (Arc::clone(&server.gate), Arc::clone(&service));
            let acceptor = thread::Builder::new()
                .name(String::from("cosmosdb-emulator-accept"))
                .spawn(move || listener::accept(&listener, &gate, &service))?;
            server.acceptors.push((addr, acceptor));
        }
        Ok(server)
    }

    /// Where it listens; the port is the real one where 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint for clients: `http://127.0.0.1:8081/`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate that clients have to trust, if it speaks HTTPS.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate_pem.as_deref()
    }

    /// How many connections were made to it so far.
    pub fn accepted_connections(&self) -> u64 {
        self.gate.accepted()
    }

    /// Stops listening, lets the responses under way be finished, and returns when all its threads have ended.
    ///
    /// A connection that takes longer than a few seconds over that is cut off. Dropping the server does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gate.stop();
        // A thread that could not be woken ends with the process; waiting for it might take as long.
        self.acceptors.retain(|(addr, _)| listener::wake(*addr));
        if !self.gate.empty_within(self.grace) {
            self.gate.cut_off();
            if !self.gate.empty_within(self.grace) {
                // A handler that does not return keeps its thread, but not the caller.
                return;
            }
        }
        for (_, acceptor) in self.acceptors.drain(..) {
            // A panic has had its message by now, and dropping a server must not add another.
            let _ = acceptor.join();
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn port_of(listeners: &[std::net::TcpListener]) -> io::Result<u16> {
    let first = listeners.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok(first.local_addr()?.port())
}

fn origin(addr: SocketAddr, is_tls: bool) -> io::Result<Origin> {
    let scheme = if is_tls { Scheme::HTTPS } else { Scheme::HTTP };
    let authority = Authority::try_from(addr.to_string()).map_err(io::Error::other)?;
    Ok(Origin { scheme, authority })
}

/// The request log: one line at level info, under the target `cosmosdb::emulator`.
fn log_request(request: &Request, response: &Response, took: Duration) {
    log::info!(
        target: "cosmosdb::emulator",
        "{} {} -> {} in {:.1} ms, {} RU",
        request.method(),
        request.uri().path_and_query().map_or("/", |it| it.as_str()),
        response.status().as_u16(),
        took.as_secs_f64() * 1000.0,
        response.headers().get(header::REQUEST_CHARGE).and_then(|it| it.to_str().ok()).unwrap_or("0"),
    );
}
