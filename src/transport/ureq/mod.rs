//! The default transport: HTTP/1.1 by ureq, over connections of our own making.
//!
//! ureq brings the protocol and the pool. What lies below, names, sockets and TLS, is made here, because that decides
//! what a request costs: see `resolver`, `socket` and `tls`. ureq's traits for it promise no stability, so nothing
//! outside of this folder knows them.

mod buffers;
mod connector;
mod errors;
mod exchange;
mod options;
mod resolver;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use ureq::{Agent, Body, Error, Proxy};

use self::connector::{Dial, Shared};
use self::exchange::Running;
pub use self::options::ConnectionOptions;
use self::options::ProxyChoice;
use self::resolver::{CachingResolver, Names};
use self::tls::Tls;
use super::{Request, Response, Transport, TransportError, TransportErrorKind};
use crate::Result;

/// Session tokens and continuations may be long.
const MAX_RESPONSE_HEAD: usize = 256 * 1024;

/// Pages are at most 4 MB, so this is reached by a mistake only.
const MAX_RESPONSE_BODY: u64 = 64 * 1024 * 1024;

/// Sends requests over the network. Clones are cheap and share their connections.
///
/// An exchange, with everything that belongs to it, ends within the timeout that is given for it. Connections are
/// kept and used again; one that the server has closed meanwhile is noticed before a request that changes something
/// goes out on it.
///
/// ```no_run
/// use std::time::Duration;
/// use cosmosdb::transport::{ConnectionOptions, Request, Transport};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = ConnectionOptions::new().build()?;
/// let request = Request::new(Vec::new());
/// let response = transport.send(&request, Duration::from_secs(10))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct UreqTransport {
    agent: Agent,
    shared: Arc<Shared>,
}

impl UreqTransport {
    /// Makes a transport with `options`. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when a certificate, a key or the proxy's URL
    /// cannot be read.
    pub fn new(options: &ConnectionOptions) -> Result<Self> {
        let names = Names::default();
        let shared = Arc::new(Shared::new(names, options.connect_timeout, options.tcp_nodelay));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAX_RESPONSE_HEAD)
            .max_idle_connections(options.max_idle_connections_per_host)
            .max_idle_connections_per_host(options.max_idle_connections_per_host)
            .max_idle_age(options.max_idle_age)
            .user_agent("")
            .accept("")
            .proxy(proxy(&options.proxy)?)
            .build();
        let dial = Dial::new(shared.clone(), Tls::new(options)?);
        let agent = Agent::with_parts(config, dial, CachingResolver(shared.clone()));
        Ok(Self { agent, shared })
    }

    fn exchange(&self, request: &Request) -> std::result::Result<Response, Error> {
        let (parts, body) = self.run(request)?.into_parts();
        Ok(Response::from_parts(parts, read(body)?))
    }

    fn run(&self, request: &Request) -> std::result::Result<http::Response<Body>, Error> {
        let body = request.body().as_slice();
        if body.is_empty() && !wants_length(request.method()) {
            return self.agent.run(with_body(request, ()));
        }
        self.agent.run(with_body(request, body))
    }
}

impl Transport for UreqTransport {
    fn send(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> std::result::Result<Response, TransportError> {
        let _running = Running::begin(timeout, request.method().is_safe());
        self.exchange(request).map_err(|error| {
            let reached = exchange::current();
            let error = errors::explain(error, reached, request.uri());
            if error.kind() == TransportErrorKind::Broken && reached.found_stale() {
                self.shared.suspect_pool(Instant::now());
            }
            error
        })
    }
}

impl fmt::Debug for UreqTransport {
    /// Leaves out ureq's configuration, since a proxy may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UreqTransport").field("shared", &self.shared).finish_non_exhaustive()
    }
}

fn proxy(choice: &ProxyChoice) -> Result<Option<Proxy>> {
    match choice {
        ProxyChoice::None => Ok(None),
        ProxyChoice::Environment => Ok(Proxy::try_from_env()),
        ProxyChoice::Url(url) => Proxy::new(url).map(Some).map_err(|_| {
            crate::Error::invalid_input("the proxy is not a URL such as http://proxy:3128")
        }),
    }
}

/// Whether a server expects to be told that there is no body.
fn wants_length(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn with_body<B>(request: &Request, body: B) -> http::Request<B> {
    let mut outgoing = http::Request::new(body);
    *outgoing.method_mut() = request.method().clone();
    *outgoing.uri_mut() = request.uri().clone();
    *outgoing.headers_mut() = request.headers().clone();
    outgoing
}

/// Reads to the very end, since only then the connection goes back to the pool.
fn read(body: Body) -> std::result::Result<Vec<u8>, Error> {
    let length = body.content_length().unwrap_or(0);
    if length > MAX_RESPONSE_BODY {
        return Err(Error::BodyExceedsLimit(MAX_RESPONSE_BODY));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    body.into_with_config().limit(MAX_RESPONSE_BODY).reader().read_to_end(&mut bytes)?;
    Ok(bytes)
}
