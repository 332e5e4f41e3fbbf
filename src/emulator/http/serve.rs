//! The emulator's side of the server: how it is put on a port, and what can be done to it from there.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Controls, EmulatorServer, ServeOptions, Tls};
use crate::emulator::store::Account;
use crate::emulator::{Emulator, date};

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
        EmulatorServer::start(
            options,
            self.inner.topology.regions.len(),
            &self.transport(),
            Some(&controls),
        )
    }
}

impl Controls for Emulator {
    fn control(&self, name: &str, body: &Value) -> Result<Value, String> {
        match name {
            "split" => split(self, parse(body)?),
            "merge" => merge(self, parse(body)?),
            "clock" => clock(self, parse(body)?),
            "reset" => reset(self, parse(body)?),
            _ => Err(format!("this emulator has no control named '{name}'")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    database: String,
    container: String,
    range: String,
}

fn split(emulator: &Emulator, body: Split) -> Result<Value, String> {
    let Split { database, container, range } = body;
    let children = emulator.split(&database, &container, &range);
    let children =
        children.ok_or_else(|| format!("{database}/{container} has no range {range}"))?;
    Ok(json!({ "ranges": children }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    database: String,
    container: String,
    ranges: [String; 2],
}

fn merge(emulator: &Emulator, body: Merge) -> Result<Value, String> {
    let Merge { database, container, ranges: [lower, upper] } = body;
    let merged = emulator.merge(&database, &container, &lower, &upper);
    let merged = merged
        .ok_or_else(|| format!("{database}/{container} has no neighbours {lower} and {upper}"))?;
    Ok(json!({ "range": merged }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    advance_ms: u32,
}

/// Moves the account's time on: items expire, timestamps are later.
fn clock(emulator: &Emulator, Clock { advance_ms }: Clock) -> Result<Value, String> {
    emulator.inner.ahead_ms.fetch_add(u64::from(advance_ms), Ordering::SeqCst);
    Ok(json!({ "now": date::unix_seconds(emulator.inner.now()) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {}

/// Leaves an account as it was at the start: empty, and at the machine's time.
fn reset(emulator: &Emulator, Reset {}: Reset) -> Result<Value, String> {
    *emulator.inner.write() = Account::default();
    emulator.inner.ahead_ms.store(0, Ordering::SeqCst);
    Ok(json!({}))
}

fn parse<T: DeserializeOwned>(body: &Value) -> Result<T, String> {
    T::deserialize(body).map_err(|it| it.to_string())
}

fn first(addr: impl ToSocketAddrs) -> io::Result<SocketAddr> {
    addr.to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}
