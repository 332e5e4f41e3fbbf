//! The options of the connections that the default transport makes.

use std::fmt;
use std::time::Duration;

use super::UreqTransport;
use crate::Result;

/// How [`UreqTransport`] connects.
///
/// ```no_run
/// use std::time::Duration;
/// use cosmosdb::transport::ConnectionOptions;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = ConnectionOptions::new()
///     .connect_timeout(Duration::from_secs(2))
///     .proxy("http://proxy.example.com:3128")
///     .root_certificate(std::fs::read("company-root.pem")?)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until `build` makes a transport of them"]
pub struct ConnectionOptions {
    pub(super) connect_timeout: Duration,
    pub(super) max_idle_connections_per_host: usize,
    pub(super) max_idle_age: Duration,
    pub(super) tcp_nodelay: bool,
    pub(super) proxy: ProxyChoice,
    pub(super) root_certificates: Vec<Vec<u8>>,
    pub(super) client_certificate: Option<ClientCertificate>,
    pub(super) accept_invalid_certs: bool,
    pub(super) tls: TlsChoice,
}

#[derive(Clone, Debug)]
pub(super) enum ProxyChoice {
    None,
    Url(String),
    Environment,
}

/// Whose TLS, and whose trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsChoice {
    /// The best that is built in: rustls with bundled roots before the platform's.
    Default,
    /// rustls with the platform's trust store.
    #[cfg_attr(
        not(feature = "platform-verifier"),
        allow(dead_code, reason = "only that feature can choose it")
    )]
    PlatformVerifier,
    /// The platform's TLS.
    #[cfg_attr(
        not(feature = "native-tls"),
        allow(dead_code, reason = "only that feature can choose it")
    )]
    Native,
}

#[derive(Clone)]
#[cfg_attr(
    not(any(feature = "rustls", feature = "native-tls")),
    allow(dead_code, reason = "read by the TLS layers")
)]
pub(super) struct ClientCertificate {
    pub(super) chain: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ConnectionOptions {
    /// The defaults: see each option.
    pub fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            max_idle_connections_per_host: 100,
            max_idle_age: Duration::from_secs(90),
            tcp_nodelay: true,
            proxy: ProxyChoice::None,
            root_certificates: Vec::new(),
            client_certificate: None,
            accept_invalid_certs: false,
            tls: TlsChoice::Default,
        }
    }

    /// How long a new connection may take, TLS and proxy included, and the lookup of a name: 5 seconds unless set.
    ///
    /// The timeout of the request goes on meanwhile, and the earlier of the two counts.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How many idle connections to one host are kept for the next requests, and to all hosts: 100 unless set.
    ///
    /// Set it to the number of threads that use the client at once, if that is more. The number of connections in
    /// use has no limit: each thread that waits for an answer has one.
    pub fn max_idle_connections_per_host(mut self, count: usize) -> Self {
        self.max_idle_connections_per_host = count;
        self
    }

    /// How long an idle connection is kept: 90 seconds unless set.
    ///
    /// Azure drops idle connections after four minutes without telling.
    pub fn max_idle_age(mut self, age: Duration) -> Self {
        self.max_idle_age = age;
        self
    }

    /// Whether small packets go out at once, without Nagle's algorithm: yes unless set.
    pub fn tcp_nodelay(mut self, on: bool) -> Self {
        self.tcp_nodelay = on;
        self
    }

    /// Connects through the proxy at `url`, such as `http://user:password@proxy:3128`: none unless set.
    ///
    /// The proxy is asked to `CONNECT`, so that it sees the host names and nothing else.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = ProxyChoice::Url(url.into());
        self
    }

    /// Takes the proxy from `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`: they are ignored unless set.
    pub fn proxy_from_environment(mut self) -> Self {
        self.proxy = ProxyChoice::Environment;
        self
    }

    /// Trusts the root certificates in `pem` too, besides the bundled ones.
    ///
    /// For a proxy that opens TLS, or an emulator with a certificate of its own. May be given more than once.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Shows a client certificate, with its chain and its private key in PEM: none unless set.
    pub fn client_certificate(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.client_certificate = Some(ClientCertificate { chain: chain.into(), key: key.into() });
        self
    }

    /// Whether any certificate of the server is accepted: no unless set.
    ///
    /// With it, whoever sits between sees and changes everything, keys included. It is meant for an emulator on the
    /// same machine.
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.accept_invalid_certs = accept;
        self
    }

    /// Checks certificates against the platform's trust store in place of the bundled roots.
    ///
    /// The store is loaded when the transport is built, which takes some milliseconds.
    #[cfg(feature = "platform-verifier")]
    pub fn platform_verifier(mut self) -> Self {
        self.tls = TlsChoice::PlatformVerifier;
        self
    }

    /// Uses the platform's TLS, with its trust store; without the feature `rustls` it is used anyway.
    ///
    /// The key of a client certificate must be in PKCS#8 then.
    #[cfg(feature = "native-tls")]
    pub fn native_tls(mut self) -> Self {
        self.tls = TlsChoice::Native;
        self
    }

    /// Makes the transport. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) when a certificate, a key or the proxy's URL
    /// cannot be read.
    pub fn build(&self) -> Result<UreqTransport> {
        UreqTransport::new(self)
    }
}

impl fmt::Debug for ConnectionOptions {
    /// Leaves out the private key, and the proxy's URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionOptions")
            .field("connect_timeout", &self.connect_timeout)
            .field("max_idle_connections_per_host", &self.max_idle_connections_per_host)
            .field("max_idle_age", &self.max_idle_age)
            .field("tcp_nodelay", &self.tcp_nodelay)
            .field("root_certificates", &self.root_certificates.len())
            .field("client_certificate", &self.client_certificate.is_some())
            .field("accept_invalid_certs", &self.accept_invalid_certs)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
