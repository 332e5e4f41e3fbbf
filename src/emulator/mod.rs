//! An account in memory that behaves as the service does, seen from HTTP.
//!
//! [`Emulator`] is what users make. In reading order: [`server`] takes a request in and gives an answer out, by way
//! of [`request`], [`auth`], [`routes`] and [`response`]; [`handlers`] has a file for each kind of resource; [`store`]
//! is what the account holds; [`sql`] runs queries. Nothing here calls the client.

mod auth;
mod builder;
mod call;
mod charge;
mod connect;
mod date;
mod handlers;
mod reach;
mod refusal;
mod request;
mod response;
mod routes;
mod server;
mod session;
mod sql;
mod store;
mod throttle;
mod topology;

#[cfg(feature = "server")]
mod http;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use self::auth::MasterKey;
pub use self::builder::EmulatorBuilder;
#[cfg(feature = "server")]
pub use self::http::EmulatorServer;
use self::store::Account;
use self::throttle::Throttle;
use self::topology::Topology;
use crate::clock::Clock;
use crate::transport::{Request, Response, Transport, TransportError};

/// An account in memory: databases, containers, items and queries, without a network.
///
/// It speaks the protocol of the service and nothing else: clients reach it by [`transport`](Self::transport), sign
/// their requests with its [`key`](Self::key), and get the answers, charges and errors that the service would give.
/// Clones share one account, which lives as long as any of them or of its transports.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

/// The account and what it needs to answer.
pub(crate) struct Inner {
    pub(crate) clock: Arc<dyn Clock>,
    /// How far the account's time is ahead of the clock, in milliseconds.
    pub(crate) ahead_ms: AtomicU64,
    pub(crate) started: SystemTime,
    pub(crate) key: MasterKey,
    pub(crate) topology: Topology,
    /// How many partitions containers have, where it does not depend on their throughput.
    pub(crate) partitions: Option<usize>,
    pub(crate) partition_id: String,
    /// Set where throughput is limited.
    pub(crate) throttle: Option<Throttle>,
    account: RwLock<Account>,
}

impl Emulator {
    /// An account with one region, session consistency and the well-known key of Microsoft's emulator.
    pub fn new() -> Self {
        EmulatorBuilder::default().build()
    }

    /// An account with other settings.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::default()
    }

    /// The URL of the account. It leads nowhere but through [`transport`](Self::transport).
    pub fn endpoint(&self) -> &str {
        self.inner.topology.regions.first().map_or("", |it| &it.endpoint)
    }

    /// The key that requests have to be signed with, in Base64.
    pub fn key(&self) -> &str {
        self.inner.key.text()
    }

    /// The way to the account, for any client.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.inner) as Arc<dyn Transport>
    }

    /// Splits a partition key range of a container in the middle and returns the ids of its two children, or `None`
    /// if there is no such container or range.
    ///
    /// Items keep their resource ids, and session tokens and continuations of the range are good for its children.
    /// Requests that name the old range are answered with 410 and sub-status 1002 from then on.
    pub fn split(&self, database: &str, container: &str, range_id: &str) -> Option<[String; 2]> {
        let now = date::unix_seconds(self.inner.now());
        let mut account = self.inner.write();
        let children =
            account.database_mut(database)?.container_mut(container)?.split(range_id, now)?;
        account.advance();
        Some(children)
    }

    /// Merges two neighbouring partition key ranges of a container, the lower one first, and returns the id of the
    /// range that takes their place, or `None` if there is no such container or they are no neighbours.
    pub fn merge(
        &self,
        database: &str,
        container: &str,
        lower_id: &str,
        upper_id: &str,
    ) -> Option<String> {
        let now = date::unix_seconds(self.inner.now());
        let mut account = self.inner.write();
        let container = account.database_mut(database)?.container_mut(container)?;
        let merged = container.merge(lower_id, upper_id, now)?;
        account.advance();
        Some(merged)
    }
}

impl Default for Emulator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("topology", &self.inner.topology).finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now() + Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Account> {
        self.account.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Account> {
        self.account.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Inner {
    fn send(&self, request: &Request, _timeout: Duration) -> Result<Response, TransportError> {
        Ok(server::answer(self, request))
    }
}

#[cfg(test)]
mod tests;
