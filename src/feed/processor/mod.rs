//! Shares a change feed out among workers, by leases in a container.
//!
//! A worker is two loops over one [`board`] of leases that it holds: the [`keeper`] renews and takes leases, the
//! [`pump`] reads their parts of the feed and calls the handler. All that workers know of each other is in the
//! documents of the leases ([`lease`]).

mod balance;
mod board;
mod estimate;
mod handle;
mod keeper;
mod lease;
mod pump;
mod timing;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use self::board::Board;
use self::keeper::Keeper;
use self::lease::LeaseStore;
use self::pump::Pump;
use self::timing::Timing;
use super::FeedPage;
use super::change_feed::{Change, ChangeFeed, Reader, Setup, State};
use crate::client::CosmosClient;
use crate::container::Container;
use crate::error::{Error, Result};
use crate::models::PriorityLevel;

pub use estimate::LeaseEstimate;
pub use handle::ProcessorHandle;

type BoxError = Box<dyn StdError + Send + Sync>;
type Handler<T> = dyn Fn(FeedPage<T>) -> std::result::Result<(), BoxError> + Send + Sync;
type Watcher = dyn Fn(&(dyn StdError + 'static)) + Send + Sync;

/// A change feed that several workers share, in threads, processes or machines.
///
/// Each worker runs the same processor, by its name, with the same lease container. They divide the partitions of the
/// container among themselves, evenly, and hand them over when a worker comes, stops or dies. A lease says how far its
/// part has been handled; it goes on from there whoever has it next, so that **every change is handled at least
/// once**: again where a worker died, or lost the lease, between handling a page and noting it. Within one partition
/// key changes come in order.
///
/// When a partition splits, so does its lease. When partitions merge their leases remain, each for its part of the new
/// one: each is at a place of its own, and one lease for both could only go on from the earlier place, so that changes
/// were handled again. A part costs a request of its own at each poll.
///
/// The lease container must have the partition key `/id`, and can be that of other processors too.
///
/// ```
/// # use cosmosdb::{ContainerProperties, Emulator};
/// use std::sync::mpsc;
///
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # let shop = client.database("shop");
/// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
/// shop.create_container(ContainerProperties::new("leases", "/id")).send()?;
/// let (orders, leases) = (shop.container("orders"), shop.container("leases"));
/// orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon" })).send()?;
///
/// let (sender, receiver) = mpsc::channel();
/// let worker = orders
///     .change_feed_processor::<serde_json::Value>("mailer", &leases)
///     .worker("w1")
///     .from_beginning()
///     .handle(move |page| {
///         for order in page.items() {
///             sender.send(order["id"].clone())?;
///         }
///         Ok(())
///     })
///     .start()?;
/// assert_eq!(receiver.recv().unwrap(), "1");
/// worker.stop()?;
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[must_use = "a processor does nothing until it is started"]
pub struct ChangeFeedProcessor<T> {
    feed: ChangeFeed<T>,
    container: Container,
    leases: Container,
    name: String,
    worker: Option<String>,
    lease_duration: Duration,
    poll_interval: Duration,
    handler: Option<Arc<Handler<T>>>,
    on_error: Arc<Watcher>,
}

/// How long a dead worker may keep its leases, unless the processor says otherwise.
const LEASE_DURATION: Duration = Duration::from_secs(60);
/// Less would leave no time to renew a lease.
const LEAST_LEASE_DURATION: Duration = Duration::from_millis(100);
/// How long a worker waits where nothing is new.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

impl<T> ChangeFeedProcessor<T> {
    pub(crate) fn new(container: &Container, name: String, leases: &Container) -> Self {
        Self {
            feed: ChangeFeed::new(container),
            container: container.clone(),
            leases: leases.clone(),
            name,
            worker: None,
            lease_duration: LEASE_DURATION,
            poll_interval: POLL_INTERVAL,
            handler: None,
            on_error: Arc::new(|error| log::warn!("the change feed processor: {error}")),
        }
    }

    /// The name of this worker, which no other one that runs may have. Default: a random one. A worker that comes back
    /// under its name takes the leases that it had before at once.
    pub fn worker(mut self, name: impl Into<String>) -> Self {
        self.worker = Some(name.into());
        self
    }

    /// How long it takes at most until the leases of a worker that died are with others. Default: 60 s; at least 100 ms.
    /// Workers show that they live six times as often, by writing each of their leases.
    pub fn lease_duration(mut self, duration: Duration) -> Self {
        self.lease_duration = duration;
        self
    }

    /// How long a worker waits where nothing is new. Default: 5 s.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// Starts with every item that there is. What start is set matters only to the first worker that ever runs.
    pub fn from_beginning(self) -> Self {
        self.feed(ChangeFeed::from_beginning)
    }

    /// Starts with what changes from now on. The default.
    pub fn from_now(self) -> Self {
        self.feed(ChangeFeed::from_now)
    }

    /// Starts with what was changed at `time` or later.
    pub fn from_time(self, time: SystemTime) -> Self {
        self.feed(|feed| feed.from_time(time))
    }

    /// Most items of a page; -1 leaves it to the service. Default: the service's.
    pub fn max_item_count(self, count: i32) -> Self {
        self.feed(|feed| feed.max_item_count(count))
    }

    /// How important the reads of the feed are where the container's request units run short. Default: high.
    pub fn priority(self, level: PriorityLevel) -> Self {
        self.feed(|feed| feed.priority(level))
    }

    /// The share of the container's throughput that the feed draws on, 1 to 5. Default: none.
    pub fn throughput_bucket(self, bucket: u8) -> Self {
        self.feed(|feed| feed.throughput_bucket(bucket))
    }

    /// Gives each item in an envelope: see [`ChangeFeed::envelopes`]. The handler is set after it.
    pub fn envelopes(self) -> ChangeFeedProcessor<Change<T>> {
        self.of_changes(ChangeFeed::envelopes)
    }

    /// Tells every change, deletions among them: see [`ChangeFeed::all_versions_and_deletes`]. The handler is set
    /// after it.
    pub fn all_versions_and_deletes(self) -> ChangeFeedProcessor<Change<T>> {
        self.of_changes(ChangeFeed::all_versions_and_deletes)
    }

    /// What is done with a page of changes, none of which is empty. Where it fails, the page comes again, after the
    /// poll interval and until it succeeds, while the other parts go on.
    ///
    /// A worker calls it for one page after the other. It may take as long as it needs: the leases are renewed
    /// meanwhile.
    pub fn handle(
        mut self,
        handler: impl Fn(FeedPage<T>) -> std::result::Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// What is told of errors: of the handler's, and of requests that failed after all retries. The worker goes on
    /// after them. Default: they are logged.
    pub fn on_error(
        mut self,
        watcher: impl Fn(&(dyn StdError + 'static)) + Send + Sync + 'static,
    ) -> Self {
        self.on_error = Arc::new(watcher);
        self
    }

    /// About how many changes are not handled yet by all workers together. 0 before the first worker ever ran.
    ///
    /// It reads one item of each part, and needs neither handler nor start.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # shop.create_container(ContainerProperties::new("leases", "/id")).send()?;
    /// # let (orders, leases) = (shop.container("orders"), shop.container("leases"));
    /// let processor = orders.change_feed_processor::<serde_json::Value>("mailer", &leases);
    /// assert_eq!(processor.remaining()?, 0);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn remaining(self) -> Result<u64> {
        Ok(self.estimate()?.iter().map(|it| it.remaining).sum())
    }

    /// What each lease has still to come, and who has it. Empty before the first worker ever ran.
    pub fn estimate(self) -> Result<Vec<LeaseEstimate>> {
        let store = self.store()?;
        let (client, setup) = self.feed.into_setup()?;
        estimate::estimate(&client, &setup, &store)
    }

    fn store(&self) -> Result<LeaseStore> {
        LeaseStore::open(self.leases.clone(), &self.name, &self.container.facts()?.rid)
    }

    fn feed(mut self, change: impl FnOnce(ChangeFeed<T>) -> ChangeFeed<T>) -> Self {
        self.feed = change(self.feed);
        self
    }

    fn of_changes(
        self,
        change: impl FnOnce(ChangeFeed<T>) -> ChangeFeed<Change<T>>,
    ) -> ChangeFeedProcessor<Change<T>> {
        ChangeFeedProcessor {
            feed: change(self.feed),
            container: self.container,
            leases: self.leases,
            name: self.name,
            worker: self.worker,
            lease_duration: self.lease_duration,
            poll_interval: self.poll_interval,
            handler: None,
            on_error: self.on_error,
        }
    }
}

impl<T: DeserializeOwned + 'static> ChangeFeedProcessor<T> {
    /// Starts the worker: two threads, which [`ProcessorHandle::stop`] ends.
    ///
    /// # Errors
    /// There is no handler, an option is invalid, the lease container has another partition key than `/id`, or the
    /// leases cannot be read or made.
    pub fn start(self) -> Result<ProcessorHandle> {
        let (mut keeper, pump) = self.into_worker()?;
        keeper.round()?;
        ProcessorHandle::spawn(keeper, pump)
    }

    /// The two halves of a worker, with all leases made.
    fn into_worker(self) -> Result<(Keeper, Pump<T>)> {
        let Some(handler) = self.handler.clone() else {
            return Err(Error::invalid_input("the change feed processor has no handler"));
        };
        if self.lease_duration < LEAST_LEASE_DURATION {
            return Err(Error::invalid_input(format!(
                "the lease duration {:?} is less than {LEAST_LEASE_DURATION:?}",
                self.lease_duration
            )));
        }
        let store = self.store()?;
        let (client, setup) = self.feed.into_setup()?;
        make_leases(&client, &setup, &store)?;
        let worker = self.worker.unwrap_or_else(|| client.shared.activity_ids.next());
        let timing = Timing::new(self.lease_duration, self.poll_interval);
        let (board, clock) = (Arc::new(Board::default()), Arc::clone(&client.shared.clock));
        let keeper = Keeper::new(
            worker.clone(),
            store.clone(),
            Arc::clone(&board),
            Arc::clone(&clock),
            timing,
        );
        let pump = Pump {
            client,
            setup,
            store,
            board,
            clock,
            timing,
            worker,
            handler,
            on_error: self.on_error,
            readers: HashMap::new(),
            rests: HashMap::new(),
        };
        Ok((keeper, pump))
    }
}

/// Makes the leases of a processor that no worker has begun, or not to the end.
///
/// Their positions are fixed in one document first, so that workers which start at the same moment, and a worker that
/// goes on for one that died, all make the same leases.
fn make_leases(client: &CosmosClient, setup: &Setup, store: &LeaseStore) -> Result<()> {
    let plan = match store.plan()? {
        Some(plan) => plan,
        None => {
            let mut reader = Reader::new(client.clone(), setup.clone());
            let continuation = reader.state()?.to_token();
            store.create_plan(continuation)?
        }
    };
    let state = State::from_token(&plan.continuation)?;
    if state.mode != setup.mode {
        return Err(Error::invalid_input(format!(
            "the processor's leases are of the mode {:?}, not {:?}",
            state.mode, setup.mode
        )));
    }
    if plan.is_done {
        return Ok(());
    }
    for position in &state.positions {
        let token = state.only(position).to_token();
        store.create(&mut store.lease(position.range.clone().into(), token))?;
    }
    store.finish_plan(plan)
}

impl<T> fmt::Debug for ChangeFeedProcessor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeFeedProcessor")
            .field("name", &self.name)
            .field("worker", &self.worker)
            .field("feed", &self.feed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
