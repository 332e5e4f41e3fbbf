//! The change feed of a container: what was written, in the order of each partition.

mod change;
mod pages;
mod reader;
mod state;
mod stop;

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::{PageSource, Pages};
use crate::client::CosmosClient;
use crate::container::Container;
use crate::error::{Error, Result};
use crate::link::Link;
use crate::options::{Configure, Tunable, options};
use crate::partition_key::PartitionKey;
use crate::pipeline::CallOptions;
use crate::routing::FeedRange;
use crate::routing::range::EpkRange;

pub use change::{Change, ChangeOperation};
pub use pages::{ChangePages, Changes, WaitingPages};
pub use stop::StopHandle;

pub(crate) use reader::Reader;
pub(crate) use state::{Mode, Start, State};

/// A change feed to be: options are set on it, [`pages`](Self::pages) or [`wait`](Self::wait) read it.
///
/// It tells what was created and changed: each item in its latest version, in the order of the changes of each
/// partition key. An item that changed twice between two reads is told once, deletions are not told, and a patch
/// tells the whole item. All of that, deletions and the versions between, is in the feed of
/// [`all_versions_and_deletes`](Self::all_versions_and_deletes).
///
/// It starts now unless told otherwise, and it never ends. A [`continuation`](ChangePages::continuation) of it can be
/// stored and stays good when partitions are split or merged.
///
/// ```
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// # let orders = client.database("shop").container("orders");
/// # orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon" })).send()?;
/// let mut pages = orders.change_feed::<serde_json::Value>().from_beginning().pages();
/// let page = pages.next().unwrap()?;
/// assert_eq!(page.items()[0]["id"], "1");
///
/// // An empty page: nothing is new just now. The iterator can still be asked again.
/// assert!(pages.next().unwrap()?.items().is_empty());
/// orders.create_item(&serde_json::json!({ "id": "2", "city": "Nice" })).send()?;
///
/// // In another process, perhaps.
/// let place = pages.continuation().unwrap();
/// let mut pages = orders.change_feed::<serde_json::Value>().continue_from(place).pages();
/// assert_eq!(pages.next().unwrap()?.items()[0]["id"], "2");
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[must_use = "a change feed is read when its pages are asked for"]
pub struct ChangeFeed<T> {
    client: CosmosClient,
    setup: Result<Setup>,
    item: PhantomData<fn() -> T>,
}

/// What a change feed is made of.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) container: Link,
    pub(crate) mode: Mode,
    /// Whether changes come in envelopes.
    pub(crate) envelopes: bool,
    pub(crate) start: Start,
    pub(crate) scope: Scope,
    pub(crate) continuation: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) options: CallOptions,
}

/// Which items a change feed is about.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    Container,
    Range(EpkRange),
    /// All of a key, or the prefix of a hierarchical one.
    Key(PartitionKey),
}

impl<T> Configure for ChangeFeed<T> {
    type Setup = Setup;

    fn setup(&mut self) -> &mut Result<Setup> {
        &mut self.setup
    }
}

impl Tunable for Setup {
    fn request(&mut self) -> (&mut HeaderMap, &mut CallOptions) {
        (&mut self.headers, &mut self.options)
    }
}

impl<T> ChangeFeed<T> {
    pub(crate) fn new(container: &Container) -> Self {
        let setup = container.link().map(|link| Setup {
            container: link,
            mode: Mode::LatestVersion,
            envelopes: false,
            start: Start::Now,
            scope: Scope::Container,
            continuation: None,
            headers: HeaderMap::new(),
            options: CallOptions::default(),
        });
        Self { client: container.database.client.clone(), setup, item: PhantomData }
    }

    /// Starts with the first change that the container keeps: with every item that there is. Not for
    /// [`all_versions_and_deletes`](Self::all_versions_and_deletes).
    pub fn from_beginning(self) -> Self {
        self.starting(Start::Beginning)
    }

    /// Starts with what changes from now on. The default. "Now" is when the first page is asked for, in all ranges.
    pub fn from_now(self) -> Self {
        self.starting(Start::Now)
    }

    /// Starts with what was changed at `time` or later, to the second. Not for
    /// [`all_versions_and_deletes`](Self::all_versions_and_deletes).
    pub fn from_time(self, time: SystemTime) -> Self {
        self.starting(Start::Time(time))
    }

    /// Goes on where another feed of this container was: with its
    /// [`continuation`](ChangePages::continuation), which also says of which part of the container it is. The start
    /// set on this feed then does not matter.
    ///
    /// Where several regions of the account take writes, a place is good in the region that gave it alone: it is asked
    /// for there, whatever is preferred, and reading fails for as long as that region cannot be reached.
    ///
    /// Reading fails with [`InvalidInput`](crate::ErrorKind::InvalidInput) where the text is damaged, or of another
    /// container, mode or part.
    pub fn continue_from(self, continuation: impl Into<String>) -> Self {
        self.with(|setup| {
            setup.continuation = Some(continuation.into());
            Ok(())
        })
    }

    /// Only what changes in this part of the container: see [`Container::feed_ranges`]. Default: all of it.
    pub fn feed_range(self, range: &FeedRange) -> Self {
        self.with(|setup| {
            setup.scope = Scope::Range(range.epk_range().clone());
            Ok(())
        })
    }

    /// Only what changes under this partition key, or under this prefix of a hierarchical one. Default: all keys.
    pub fn partition_key(self, key: impl Into<PartitionKey>) -> Self {
        let key = key.into();
        self.with(|setup| {
            key.check()?;
            setup.scope = Scope::Key(key);
            Ok(())
        })
    }

    options! { max_item_count, session_token, priority, throughput_bucket, excluded_regions, hedging, timeout, header, set }

    /// Gives each item in an envelope with what the service tells of the change: its number and its time.
    pub fn envelopes(self) -> ChangeFeed<Change<T>> {
        self.of_changes(|_| {})
    }

    /// Tells every change, in envelopes: each version of an item, and deletions with what caused them.
    ///
    /// The account needs continuous backups, which bound how far back changes are kept. Such a feed starts now or at
    /// a continuation.
    pub fn all_versions_and_deletes(self) -> ChangeFeed<Change<T>> {
        self.of_changes(|setup| setup.mode = Mode::AllVersionsAndDeletes)
    }

    fn of_changes(self, change: impl FnOnce(&mut Setup)) -> ChangeFeed<Change<T>> {
        let setup = self.setup.map(|mut setup| {
            setup.envelopes = true;
            change(&mut setup);
            setup
        });
        ChangeFeed { client: self.client, setup, item: PhantomData }
    }

    /// The feed page by page. It never ends by itself: an empty page says that nothing is new just now.
    pub fn pages(self) -> ChangePages<T> {
        let clock = self.client.shared.clock.clone();
        let place = self.setup.as_ref().ok().and_then(|it| it.continuation.clone());
        let source = self.into_reader().map(|reader| -> Box<dyn PageSource> { Box::new(reader) });
        ChangePages::new(Pages::new(source), clock, place)
    }

    /// The changes one by one. Where nothing is new it sleeps for `poll_interval`, on the client's clock, and asks
    /// again, until `stop` ends it from another thread.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// # orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon" })).send()?;
    /// use cosmosdb::StopHandle;
    /// use std::time::Duration;
    ///
    /// let stop = StopHandle::new();
    /// let feed = orders.change_feed::<serde_json::Value>().from_beginning();
    /// for order in feed.wait(Duration::from_secs(1), &stop) {
    ///     println!("{}", order?);
    ///     stop.stop(); // or from another thread
    /// }
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn wait(self, poll_interval: Duration, stop: &StopHandle) -> Changes<T> {
        Changes::new(self.pages().wait(poll_interval, stop))
    }

    pub(crate) fn into_reader(self) -> Result<Reader> {
        let (client, setup) = self.into_setup()?;
        Ok(Reader::new(client, setup))
    }

    /// What the feed is made of, checked as a whole.
    pub(crate) fn into_setup(self) -> Result<(CosmosClient, Setup)> {
        let setup = self.setup?;
        let is_late = setup.continuation.is_some() || setup.start == Start::Now;
        if setup.mode == Mode::AllVersionsAndDeletes && !is_late {
            return Err(Error::invalid_input(
                "a change feed of all versions and deletes starts now or at a continuation",
            ));
        }
        Ok((self.client, setup))
    }

    fn starting(self, start: Start) -> Self {
        self.with(|setup| {
            setup.start = start;
            Ok(())
        })
    }
}

impl<T> fmt::Debug for ChangeFeed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeFeed").field("setup", &self.setup).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
