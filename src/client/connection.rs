//! The builder's settings of connections, for the transport by ureq.

use std::time::Duration;

use super::ClientBuilder;

/// Settings of connections. They have no effect on a client with a transport of its own.
impl ClientBuilder {
    /// Bounds the making of a connection. Default: 5 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connection = self.connection.connect_timeout(timeout);
        self
    }

    /// Most connections to a host that are kept for later. Default: 100. Set it to no less than the number of threads
    /// that use the client at once.
    pub fn max_idle_connections_per_host(mut self, count: usize) -> Self {
        self.connection = self.connection.max_idle_connections_per_host(count);
        self
    }

    /// How long a connection is kept that nobody uses. Default: 90 s; the service's load balancers drop idle ones
    /// after four minutes.
    pub fn max_idle_age(mut self, age: Duration) -> Self {
        self.connection = self.connection.max_idle_age(age);
        self
    }

    /// Sends everything through this proxy: `http://host:port`, with `user:word@` where it asks for them. Default: none,
    /// whatever the environment says.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.connection = self.connection.proxy(url);
        self
    }

    /// Takes the proxy from the environment: `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`. Default: no.
    pub fn proxy_from_environment(mut self) -> Self {
        self.connection = self.connection.proxy_from_environment();
        self
    }

    /// Trusts a root certificate in PEM, beside those that are trusted already. For emulators and intercepting
    /// proxies.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connection = self.connection.root_certificate(pem);
        self
    }

    /// Shows this certificate to the server: its chain, and its key, in PEM.
    pub fn client_certificate(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.connection = self.connection.client_certificate(chain, key);
        self
    }

    /// Accepts whatever certificate the server shows. Anybody in between can then read and change everything: for
    /// emulators on this machine only. Default: no.
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.connection = self.connection.danger_accept_invalid_certs(accept);
        self
    }
}
