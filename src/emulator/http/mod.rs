//! The emulator on a port: a blocking HTTP/1.1 server in front of any [`Transport`].
//!
//! A thread for each connection, connections kept open, plain or with TLS. It knows nothing of Cosmos DB: requests go
//! to the handler with an absolute URI that names the scheme, host and port by which the client came.

mod options;
mod serve;
mod site;

mod connection;
mod control;
mod controls;
mod door;
mod gate;
mod listener;
mod socket;
mod tls;

mod body;
mod head;
mod response;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) use control::Controls;
pub(crate) use options::ServeOptions;
use site::{Plot, Site};
pub(crate) use tls::Tls;

use self::door::Doorkeeper;
use super::reach::{Door, Reach};
use crate::transport::Transport;

/// An emulator on a port, over HTTP or HTTPS. It stops when it is dropped.
#[derive(Debug)]
pub struct EmulatorServer {
    /// The first region's address.
    addr: SocketAddr,
    urls: Vec<String>,
    certificate_pem: Option<String>,
    /// Dropped before the sites, whose gates it holds.
    door: Arc<Doorkeeper>,
    sites: Vec<Site>,
}

impl EmulatorServer {
    /// Listens on `regions` ports, and answers with what `handler` says.
    ///
    /// Each region has the port after the one before; where the options leave the port open, any will do. The handler
    /// learns by [`Reach`], in the request's extensions, on which of them a request came.
    pub(crate) fn start(
        options: &ServeOptions,
        regions: usize,
        handler: &Arc<dyn Transport>,
        controls: Option<&Arc<dyn Controls>>,
    ) -> io::Result<Self> {
        let plots = ports(options.addr.port(), regions)?.into_iter();
        let plots = plots.map(|port| Plot::bind(options, port)).collect::<io::Result<Vec<_>>>()?;
        let addr = plots.first().map_or(options.addr, Plot::addr);
        let urls = plots.iter().map(Plot::url).collect();
        let ports: Arc<[u16]> = plots.iter().map(|it| it.addr().port()).collect();
        let open = |(region, plot): (usize, Plot)| {
            let reach = Reach { region, ports: Arc::clone(&ports) };
            plot.open(reach, Arc::clone(handler), controls.cloned())
        };
        let sites = plots.into_iter().enumerate().map(open).collect::<io::Result<Vec<_>>>()?;
        let door = Arc::new(Doorkeeper::new(sites.iter().map(Site::entrance).collect()));
        let certificate_pem = options.tls.as_ref().map(|it| it.certificate_pem().to_owned());
        Ok(Self { addr, urls, certificate_pem, door, sites })
    }

    /// The way to let clients of a region in, or not.
    pub(crate) fn door(&self) -> Arc<dyn Door> {
        Arc::<Doorkeeper>::clone(&self.door)
    }

    /// Where it listens; the port is the real one where 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint for clients: `http://127.0.0.1:8081/`.
    pub fn url(&self) -> &str {
        self.urls.first().map_or("", String::as_str)
    }

    /// The endpoints of the account's regions, in their order. The first is [`EmulatorServer::url`].
    pub fn region_urls(&self) -> &[String] {
        &self.urls
    }

    /// The certificate that clients have to trust, if it speaks HTTPS.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate_pem.as_deref()
    }

    /// How many connections were made to it so far.
    pub fn accepted_connections(&self) -> u64 {
        self.sites.iter().map(|it| it.gate.accepted()).sum()
    }

    /// Stops listening, lets the responses under way be finished, and returns when all its threads have ended.
    ///
    /// A connection that takes longer than a few seconds over that is cut off. Dropping the server does the same.
    pub fn stop(self) {
        drop(self);
    }
}

/// The ports of `count` regions, from `first` on.
fn ports(first: u16, count: usize) -> io::Result<Vec<u16>> {
    let next = |index: usize| match first {
        0 => Some(0),
        _ => u16::try_from(index).ok().and_then(|it| first.checked_add(it)),
    };
    let ports = (0..count).map(next).collect::<Option<_>>();
    ports.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there are not enough ports"))
}
