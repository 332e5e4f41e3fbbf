//! An account in memory that behaves as the service does, seen from HTTP.
//!
//! [`Emulator`] is what users make. In reading order: [`exchange`] lets faults strike, [`server`] takes a request in and gives an answer out, by way
//! of [`request`], [`auth`], [`routes`] and [`response`]; [`handlers`] has a file for each kind of resource; [`store`]
//! is what the account holds; [`sql`] runs queries, `scripts` what is the user's own JavaScript; [`world`] changes the regions. Nothing here calls the client.

mod auth;
mod builder;
mod call;
mod charge;
mod connect;
mod date;
mod exchange;
mod fault;
mod handlers;
mod journal;
mod operation;
mod reach;
mod refusal;
mod request;
mod response;
mod routes;
#[cfg(feature = "scripts")]
mod scripts;
mod server;
mod session;
mod sql;
mod store;
mod throttle;
mod topology;
mod world;

#[cfg(feature = "server")]
mod http;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use self::auth::MasterKey;
pub use self::builder::EmulatorBuilder;
pub use self::fault::FaultRule;
use self::fault::Faults;
#[cfg(feature = "server")]
pub use self::http::EmulatorServer;
use self::journal::Journal;
pub use self::journal::RequestRecord;
pub use self::operation::EmulatorOperation;
use self::reach::Doors;
use self::store::Account;
use self::store::container::{Container, Cut};
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
    pub(crate) endpoint: String,
    topology: RwLock<Arc<Topology>>,
    /// The regions as they were made.
    original: Arc<Topology>,
    /// How many partitions containers have, where it does not depend on their throughput.
    pub(crate) partitions: Option<usize>,
    #[cfg_attr(
        not(feature = "scripts"),
        expect(dead_code, reason = "nothing runs without an engine")
    )]
    pub(crate) script_timeout: Duration,
    pub(crate) partition_id: String,
    /// Set where throughput is limited.
    pub(crate) throttle: Option<Throttle>,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
    pub(crate) doors: Doors,
    /// How many partition key ranges a page of them has at most; 0 for all.
    pub(crate) ranges_per_page: AtomicUsize,
    /// Whether any region has a state of its own; spares requests a look.
    pub(crate) has_replicas: AtomicBool,
    /// Locked before `topology`, where both are.
    account: RwLock<Account>,
}

impl Emulator {
    /// An account with one region, session consistency and the well-known key of Microsoft's emulator.
    pub fn new() -> Self {
        Self::with_defaults()
    }

    /// An account with other settings.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::default()
    }

    /// The URL of the account. It leads nowhere but through [`transport`](Self::transport).
    pub fn endpoint(&self) -> &str {
        &self.inner.endpoint
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
        self.split_locked(database, container, range_id, Duration::ZERO)
    }

    /// Splits a range as [`split`](Self::split) does, but slowly: for this long, by the emulator's clock, requests
    /// about it or its children are answered with 410 and sub-status 1007.
    pub fn split_locked(
        &self,
        database: &str,
        container: &str,
        range_id: &str,
        duration: Duration,
    ) -> Option<[String; 2]> {
        self.split_at((database, container), range_id, Cut::Middle, duration)
    }

    /// Splits a range as [`split`](Self::split) does, but where half of its items are on either side, as the service
    /// does when a partition is full: with a hierarchical key, that may be between two keys that begin alike, so that
    /// the items of the prefix are in two ranges. `None` also where all of its items are of one key.
    pub fn split_by_storage(
        &self,
        database: &str,
        container: &str,
        range_id: &str,
    ) -> Option<[String; 2]> {
        self.split_at((database, container), range_id, Cut::Storage, Duration::ZERO)
    }

    pub(crate) fn split_at(
        &self,
        container: (&str, &str),
        range_id: &str,
        at: Cut,
        lock: Duration,
    ) -> Option<[String; 2]> {
        let until = self.inner.lock_until(lock);
        self.inner.repartition(container, |container, now| {
            let children = container.split(range_id, at, now)?;
            container.lock(&children, until);
            Some(children)
        })
    }

    /// Lets the feed of a container's partition key ranges, which clients keep their maps by, come in pages of at most
    /// `count`, as it does where there are many, or with 0 in one page again. The default is one page.
    ///
    /// A client goes on with the page's etag in `If-None-Match` until it is answered with 304. The feed has the ranges
    /// in the order in which they came into being, which after splits is not that of the key space.
    pub fn page_ranges(&self, count: usize) {
        self.inner.ranges_per_page.store(count, Ordering::SeqCst);
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
        self.merge_locked((database, container), (lower_id, upper_id), Duration::ZERO)
    }

    /// Merges two ranges as [`merge`](Self::merge) does, but slowly: for this long, by the emulator's clock, requests
    /// about them or what takes their place are answered with 410 and sub-status 1007.
    pub fn merge_locked(
        &self,
        (database, container): (&str, &str),
        (lower_id, upper_id): (&str, &str),
        duration: Duration,
    ) -> Option<String> {
        let until = self.inner.lock_until(duration);
        self.inner.repartition((database, container), |container, now| {
            let merged = container.merge(lower_id, upper_id, now)?;
            container.lock(std::slice::from_ref(&merged), until);
            Some(merged)
        })
    }

    /// Lets requests fail by a rule, from now on.
    pub fn fault(&self, rule: FaultRule) {
        self.inner.faults.add(rule);
    }

    /// Ends all fault rules.
    pub fn clear_faults(&self) {
        self.inner.faults.clear();
    }

    /// The requests so far, oldest first, up to the last 10,000.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.inner.journal.all()
    }

    /// The requests since this was called last, oldest first, up to the last 10,000.
    pub fn take_requests(&self) -> Vec<RequestRecord> {
        self.inner.journal.take()
    }

    /// Leaves the account as it was made: empty, with its first regions, without faults and without requests, and with
    /// all its throughput. The clock stays where it is.
    pub fn reset(&self) {
        let inner = &self.inner;
        {
            let mut account = inner.write();
            *account = Account::default();
            inner.set_topology(Arc::clone(&inner.original));
            inner.has_replicas.store(false, Ordering::SeqCst);
        }
        (0..inner.original.regions.len()).for_each(|it| inner.doors.set_open(it, true));
        inner.faults.clear();
        inner.ranges_per_page.store(0, Ordering::SeqCst);
        drop(inner.journal.take());
        if let Some(throttle) = &inner.throttle {
            throttle.clear();
        }
    }
}

impl Default for Emulator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("topology", &self.inner.topology()).finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now() + self.ahead()
    }

    /// The time that does not go back, moved on as the time of day is.
    pub(crate) fn monotonic(&self) -> Duration {
        self.clock.monotonic() + self.ahead()
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }

    /// The regions as they are now.
    pub(crate) fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.topology.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_topology(&self, topology: Arc<Topology>) {
        *self.topology.write().unwrap_or_else(PoisonError::into_inner) = topology;
    }

    fn lock_until(&self, duration: Duration) -> Duration {
        if duration.is_zero() { Duration::ZERO } else { self.monotonic() + duration }
    }

    /// Changes the partitions of a container.
    fn repartition<T>(
        &self,
        (database, container): (&str, &str),
        change: impl FnOnce(&mut Container, u64) -> Option<T>,
    ) -> Option<T> {
        let now = date::unix_seconds(self.now());
        let mut account = self.write();
        let container = account.database_mut(database)?.container_mut(container)?;
        let changed = change(container, now)?;
        account.advance();
        Some(changed)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Account> {
        self.account.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Account> {
        self.account.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Inner {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        exchange::exchange(self, request, timeout)
    }
}

#[cfg(test)]
mod tests;
