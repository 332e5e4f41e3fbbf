//! One address that is served: the listening sockets, the threads that accept on them, and what answers there.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http::uri::{Authority, Scheme};
use rustls::ServerConfig;

use super::control::Controls;
use super::door::Entrance;
use super::gate::Gate;
use super::head::Origin;
use super::listener;
use super::options::{Limits, ServeOptions};
use crate::emulator::reach::Reach;
use crate::transport::Transport;

/// An address whose sockets are bound. Clients can connect, and wait until it is opened.
#[derive(Debug)]
pub(super) struct Plot {
    addr: SocketAddr,
    listeners: Vec<TcpListener>,
    tls: Option<Arc<ServerConfig>>,
    limits: Limits,
    origin: Origin,
}

/// An address that is served.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) gate: Arc<Gate>,
    grace: Duration,
    acceptors: Vec<(SocketAddr, JoinHandle<()>)>,
}

/// What all connections of a site share.
pub(super) struct Service {
    pub(super) origin: Origin,
    pub(super) reach: Reach,
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) limits: Limits,
    pub(super) handler: Arc<dyn Transport>,
    pub(super) controls: Option<Arc<dyn Controls>>,
}

impl Plot {
    /// Binds the sockets of `options`, but on `port`.
    pub(super) fn bind(options: &ServeOptions, port: u16) -> io::Result<Self> {
        let ip = options.addr.ip();
        let listeners = listener::bind(SocketAddr::new(ip, port))?;
        let first = listeners.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let addr = SocketAddr::new(ip, first.local_addr()?.port());
        let scheme = if options.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let authority = Authority::try_from(addr.to_string()).map_err(io::Error::other)?;
        Ok(Self {
            addr,
            listeners,
            tls: options.tls.as_ref().map(|it| Arc::clone(it.config())),
            limits: options.limits.clone(),
            origin: Origin { scheme, authority },
        })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn url(&self) -> String {
        format!("{}://{}/", self.origin.scheme, self.origin.authority)
    }

    /// Starts to answer.
    pub(super) fn open(
        self,
        reach: Reach,
        handler: Arc<dyn Transport>,
        controls: Option<Arc<dyn Controls>>,
    ) -> io::Result<Site> {
        let mut site = Site {
            gate: Arc::new(Gate::new(self.limits.connections)),
            grace: self.limits.grace,
            acceptors: Vec::new(),
        };
        let Self { listeners, origin, tls, limits, .. } = self;
        let service = Arc::new(Service { origin, reach, tls, limits, handler, controls });
        for listener in listeners {
            let addr = listener.local_addr()?;
            let (gate, service) = (Arc::clone(&site.gate), Arc::clone(&service));
            let acceptor = thread::Builder::new()
                .name(String::from("cosmosdb-emulator-accept"))
                .spawn(move || listener::accept(listener, &gate, &service))?;
            site.acceptors.push((addr, acceptor));
        }
        Ok(site)
    }
}

impl Site {
    /// The gate and the addresses that lead to it.
    pub(super) fn entrance(&self) -> Entrance {
        let addrs = self.acceptors.iter().map(|it| it.0).collect();
        Entrance { gate: Arc::clone(&self.gate), addrs }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.gate.stop();
        // A thread that could not be woken ends with the process; waiting for it might take as long.
        let is_closed = self.gate.is_closed();
        self.acceptors.retain(|(addr, _)| is_closed || listener::wake(*addr));
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
