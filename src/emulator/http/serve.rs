//! The emulator's side of the server: how it is put on a port.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use super::{Controls, EmulatorServer, ServeOptions, Tls};
use crate::emulator::Emulator;

impl Emulator {
    /// Serves the account over HTTP until the server is dropped.
    ///
    /// The write region listens on `addr`, where port 0 picks a free one, and each further region on the port after
    /// the one before. On `127.0.0.1` and `[::1]` it answers over IPv4 and IPv6 both, so that `localhost` reaches it
    /// however that resolves.
    ///
    /// ```
    /// use cosmosdb::{CosmosClient, Emulator};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let emulator = Emulator::new();
    /// let server = emulator.serve("127.0.0.1:0")?;
    /// let client = CosmosClient::new(server.url(), emulator.key())?;
    /// client.create_database("shop").send()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn serve(&self, addr: impl ToSocketAddrs) -> io::Result<EmulatorServer> {
        self.serve_with(&ServeOptions::new(first(addr)?))
    }

    /// Serves the account over HTTPS, with a certificate made on the spot for `localhost`, `127.0.0.1` and `[::1]`.
    ///
    /// Clients have to trust [`EmulatorServer::certificate_pem`]. The rest is as with [`Emulator::serve`].
    pub fn serve_tls(&self, addr: impl ToSocketAddrs) -> io::Result<EmulatorServer> {
        self.serve_with(&ServeOptions::new(first(addr)?).tls(Tls::self_signed()?))
    }

    fn serve_with(&self, options: &ServeOptions) -> io::Result<EmulatorServer> {
        let controls: Arc<dyn Controls> = Arc::new(self.clone());
        let regions = &self.inner.topology().regions;
        let server =
            EmulatorServer::start(options, regions.len(), &self.transport(), Some(&controls))?;
        let door = server.door();
        self.inner.doors.add(&door);
        let offline = regions.iter().enumerate().filter(|it| !it.1.is_online);
        offline.for_each(|(region, _)| door.set_open(region, false));
        Ok(server)
    }
}

fn first(addr: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    addr.to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
