//! One attempt, one HTTP exchange.
//!
//! A [`Transport`] sends a request and waits for the response. It follows no redirects, retries nothing and logs
//! nothing; an error status is an ordinary response. The default is made by [`UreqTransport`] (feature `ureq`); the
//! [`Mock`] answers from a script; the emulator is a transport, and so is any closure of the right shape.

mod mock;
#[cfg(feature = "ureq")]
mod ureq;

use std::fmt;
use std::time::Duration;

pub use self::mock::Mock;
#[cfg(feature = "ureq")]
pub use self::ureq::{ConnectionOptions, UreqTransport};

/// What the client sends: method, absolute URI, headers and the whole body.
pub type Request = http::Request<Vec<u8>>;

/// What comes back: status, headers and the whole body.
pub type Response = http::Response<Vec<u8>>;

/// Sends one HTTP request and waits for its response.
///
/// ```
/// use cosmosdb::transport::{Request, Response, TransportError};
///
/// // A closure is a transport.
/// let teapot = |request: &Request| -> Result<Response, TransportError> {
///     Ok(http::Response::builder().status(418).body(request.uri().to_string().into_bytes()).unwrap())
/// };
/// # fn takes(_: impl cosmosdb::transport::Transport) {}
/// # takes(teapot);
/// ```
pub trait Transport: Send + Sync {
    /// Sends `request` and returns the response, whatever its status, within `timeout`.
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError>;
}

impl<F> Transport for F
where
    F: Fn(&Request) -> Result<Response, TransportError> + Send + Sync,
{
    fn send(&self, request: &Request, _timeout: Duration) -> Result<Response, TransportError> {
        self(request)
    }
}

/// Why there was no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host name could not be resolved.
    Resolve,
    /// The connection could not be made: refused, unreachable, or the proxy said no.
    Connect,
    /// The TLS handshake failed, most often because the certificate is not trusted.
    Tls,
    /// The time was up.
    Timeout,
    /// The connection broke, or what came was not HTTP.
    Broken,
    /// The request could not be expressed in HTTP.
    Request,
}

/// Why there was no response, and whether the server may have seen the request.
///
/// The second decides whether a write may be repeated: one that never left may, one that may have arrived may not.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    may_have_arrived: bool,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// An error of a request that never reached the server.
    pub fn not_sent(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, may_have_arrived: false, message: message.into(), source: None }
    }

    /// An error of a request that the server may have seen, and may have carried out.
    pub fn maybe_sent(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, may_have_arrived: true, message: message.into(), source: None }
    }

    /// Names the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Whether the server may have received the request.
    pub fn may_have_arrived(&self) -> bool {
        self.may_have_arrived
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|it| it as _)
    }
}
