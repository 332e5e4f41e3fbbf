//! A query under construction.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use http::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{CosmosClient, unwritable};
use crate::container::Container;
use crate::error::{Error, Result};
use crate::feed::{Items, PageSource, Pages, Requests, max_item_count};
use crate::models::{ConsistencyLevel, PriorityLevel, ReadConsistencyStrategy};
use crate::operation::{header_value, parse_header, throughput_bucket};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, Partition, Spec};
use crate::query::backend::{QuerySpec, Target};
use crate::query::http_backend::{HttpBackend, Pipelined};
use crate::query::{Options, QueryPipeline};
use crate::routing::FeedRange;
use crate::wire::header;

/// A query to be: parameters and options are set on it; iterating runs it.
///
/// It is lazy: nothing is sent before the first item is asked for, and no more than the reader takes, but for the
/// pages that are fetched ahead.
///
/// ```
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// # let orders = client.database("shop").container("orders");
/// # for id in ["1", "2", "3"] { orders.create_item(&serde_json::json!({ "id": id, "city": "Lyon" })).send()?; }
/// let mut pages = orders
///     .query_items::<String>("SELECT VALUE c.id FROM c WHERE c.id >= @from")
///     .param("@from", "2")
///     .partition_key("Lyon")
///     .pages();
/// let page = pages.next().unwrap()?;
/// assert_eq!(page.items(), ["2", "3"]);
/// assert!(page.request_charge() > 0.0);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[must_use = "a query runs when it is iterated"]
pub struct Query<T> {
    client: CosmosClient,
    setup: Result<Setup>,
    item: PhantomData<fn() -> T>,
}

/// What a query is made of.
pub(super) struct Setup {
    pub(super) spec: Spec,
    pub(super) text: String,
    pub(super) parameters: Vec<(String, serde_json::Value)>,
    pub(super) partition_key: Option<PartitionKey>,
    pub(super) feed_range: Option<FeedRange>,
    pub(super) max_item_count: Option<i32>,
    pub(super) max_concurrency: usize,
    pub(super) max_buffered_items: usize,
    pub(super) continuation: Option<String>,
}

/// Ranges that are asked at once, unless the query says otherwise.
const DEFAULT_CONCURRENCY: usize = 16;

/// Items that may wait for the reader, unless the query says otherwise.
const DEFAULT_BUFFER: usize = 10_000;

impl<T> Query<T> {
    pub(crate) fn of_items(container: &Container, text: String) -> Self {
        let client = container.database.client.clone();
        let setup = container.feed_spec(Action::Query).map(|spec| Setup::new(spec, text));
        Self { client, setup, item: PhantomData }
    }

    pub(crate) fn of_metadata(client: &CosmosClient, spec: Spec, text: String) -> Self {
        Self { client: client.clone(), setup: Ok(Setup::new(spec, text)), item: PhantomData }
    }

    pub(crate) fn failed(client: &CosmosClient, error: Error) -> Self {
        Self { client: client.clone(), setup: Err(error), item: PhantomData }
    }

    /// Gives the parameter `name`, which starts with `@`, a value. The last one given for a name counts.
    pub fn param(self, name: &str, value: impl Serialize) -> Self {
        self.with(|setup| {
            check_parameter_name(name)?;
            let value = serde_json::to_value(value).map_err(unwritable)?;
            match setup.parameters.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = value,
                None => setup.parameters.push((name.to_owned(), value)),
            }
            Ok(())
        })
    }

    /// Queries only the partition of this key. Cheaper than all of them, and every query can be continued.
    pub fn partition_key(self, key: impl Into<PartitionKey>) -> Self {
        let key = key.into();
        self.with(|setup| {
            key.check()?;
            setup.partition_key = Some(key);
            Ok(())
        })
    }

    /// Queries only this part of the container, as [`Container::feed_ranges`](crate::Container::feed_ranges) or
    /// [`feed_range_of`](crate::Container::feed_range_of) gives it: so that several workers can share a query out.
    /// Default: all of the container. A query has a feed range or a partition key, not both.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// # orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon" })).send()?;
    /// let mut found = 0;
    /// for range in orders.feed_ranges()? {
    ///     found += orders.query_items::<String>("SELECT VALUE c.id FROM c").feed_range(&range).into_iter().count();
    /// }
    /// assert_eq!(found, 1);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn feed_range(self, range: &FeedRange) -> Self {
        self.with(|setup| {
            setup.feed_range = Some(range.clone());
            Ok(())
        })
    }

    /// Does not ask these regions, whatever the client's
    /// [`excluded_regions`](crate::ClientBuilder::excluded_regions) are. Default: the client's.
    pub fn excluded_regions<R: Into<String>>(self, regions: impl IntoIterator<Item = R>) -> Self {
        let regions = regions.into_iter().map(Into::into).collect();
        self.with(|setup| {
            setup.spec.options.excluded_regions = Some(regions);
            Ok(())
        })
    }

    /// Most items of a page of one partition; -1 leaves it to the service. Default: the service's.
    pub fn max_item_count(self, count: i32) -> Self {
        self.with(|setup| {
            setup.spec.headers.insert(header::MAX_ITEM_COUNT, max_item_count(count)?);
            setup.max_item_count = Some(count);
            Ok(())
        })
    }

    /// Most partition key ranges that are asked at once, by a thread each. Default: 16. With 1 there are no threads.
    pub fn max_concurrency(self, ranges: usize) -> Self {
        self.with(|setup| {
            setup.max_concurrency = ranges.max(1);
            Ok(())
        })
    }

    /// Most items that are fetched ahead of the reader. Default: 10,000. A page of each range may go beyond it.
    pub fn max_buffered_items(self, items: usize) -> Self {
        self.with(|setup| {
            setup.max_buffered_items = items;
            Ok(())
        })
    }

    /// Starts where a page ended: with its [`continuation`](crate::FeedPage::continuation), for the same query.
    pub fn continue_from(self, continuation: impl Into<String>) -> Self {
        self.with(|setup| {
            setup.continuation = Some(continuation.into());
            Ok(())
        })
    }

    /// Reads at this consistency, which can only be weaker than the account's default. Default: the client's, else
    /// the account's.
    pub fn consistency(self, level: ConsistencyLevel) -> Self {
        self.with_header(header::CONSISTENCY_LEVEL, level.as_str())
    }

    /// Which answers are good enough, in place of a consistency level. Default: the client's, else the account's level.
    pub fn read_consistency_strategy(self, strategy: ReadConsistencyStrategy) -> Self {
        self.with_header(header::READ_CONSISTENCY_STRATEGY, strategy.as_str())
    }

    /// Uses this session token rather than the one that the client keeps.
    pub fn session_token(self, token: &str) -> Self {
        self.with_header(header::SESSION_TOKEN, token)
    }

    /// Lets the query look at every item where its filter is on paths that are not indexed. Default: no, such a query
    /// fails.
    pub fn enable_scan(self, on: bool) -> Self {
        self.with_header(header::ENABLE_SCAN, if on { "True" } else { "False" })
    }

    /// Asks for the metrics of the query's execution: [`FeedPage::query_metrics`](crate::FeedPage::query_metrics).
    /// Default: no.
    pub fn populate_query_metrics(self, on: bool) -> Self {
        self.with_header(header::POPULATE_QUERY_METRICS, if on { "True" } else { "False" })
    }

    /// Asks which indexes the query used and which would help it:
    /// [`FeedPage::index_metrics`](crate::FeedPage::index_metrics). Default: no.
    pub fn populate_index_metrics(self, on: bool) -> Self {
        self.with_header(header::POPULATE_INDEX_METRICS, if on { "True" } else { "False" })
    }

    /// How old an answer from the integrated cache of a dedicated gateway may be. Default: the gateway's, 5 minutes.
    pub fn max_cache_staleness(self, age: Duration) -> Self {
        self.with_header(header::DEDICATED_GATEWAY_MAX_AGE, &age.as_millis().to_string())
    }

    /// Whether to pass by the integrated cache of a dedicated gateway. Default: no.
    pub fn bypass_cache(self, bypass: bool) -> Self {
        self.with_header(
            header::DEDICATED_GATEWAY_BYPASS_CACHE,
            if bypass { "True" } else { "False" },
        )
    }

    /// How important the query is where the container's request units run short. Default: high.
    pub fn priority(self, level: PriorityLevel) -> Self {
        self.with_header(header::PRIORITY_LEVEL, level.as_str())
    }

    /// The share of the container's throughput that the query draws on, 1 to 5. Default: none.
    pub fn throughput_bucket(self, bucket: u8) -> Self {
        self.with(|setup| {
            setup.spec.headers.insert(header::THROUGHPUT_BUCKET, throughput_bucket(bucket)?);
            Ok(())
        })
    }

    /// Bounds each request of the query, with all its attempts and waits. Default: the client's
    /// [`operation_timeout`](crate::ClientBuilder::operation_timeout), 60 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|setup| {
            setup.spec.options.timeout = Some(timeout);
            Ok(())
        })
    }

    /// Adds a header to each request of the query.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|setup| {
            let (name, value) = parse_header(name, value)?;
            setup.spec.headers.insert(name, value);
            Ok(())
        })
    }

    /// Sets an option only where there is a value: for callers who hold options in variables.
    pub fn set<V>(self, value: Option<V>, setter: impl FnOnce(Self, V) -> Self) -> Self {
        match value {
            Some(value) => setter(self, value),
            None => self,
        }
    }

    /// The results page by page.
    pub fn pages(self) -> Pages<T> {
        let Self { client, setup, .. } = self;
        Pages::new(setup.and_then(|setup| setup.into_source(client)))
    }

    fn with(mut self, change: impl FnOnce(&mut Setup) -> Result<()>) -> Self {
        if let Ok(setup) = &mut self.setup
            && let Err(error) = change(setup)
        {
            self.setup = Err(error);
        }
        self
    }

    fn with_header(self, name: http::HeaderName, value: &str) -> Self {
        self.with(|setup| {
            let value: HeaderValue = header_value(&name, value)?;
            setup.spec.headers.insert(name, value);
            Ok(())
        })
    }
}

impl Setup {
    fn new(spec: Spec, text: String) -> Self {
        Self {
            spec,
            text,
            parameters: Vec::new(),
            partition_key: None,
            feed_range: None,
            max_item_count: None,
            max_concurrency: DEFAULT_CONCURRENCY,
            max_buffered_items: DEFAULT_BUFFER,
            continuation: None,
        }
    }

    fn into_source(mut self, client: CosmosClient) -> Result<Box<dyn PageSource>> {
        let query = QuerySpec { text: self.text, parameters: self.parameters };
        let Some(container) = self.spec.container.take() else {
            self.spec.body = query.body(&query.text);
            if let Some(key) = self.partition_key {
                self.spec.partition = Partition::Key(key);
            }
            return Ok(Box::new(Requests::new(client, self.spec, self.continuation)));
        };
        let options = Options {
            max_item_count: self.max_item_count,
            max_concurrency: self.max_concurrency,
            max_buffered_items: self.max_buffered_items,
        };
        let (key, range, resume) = (self.partition_key, self.feed_range, self.continuation);
        if key.is_some() && range.is_some() {
            return Err(Error::invalid_input(
                "a query has a feed range or a partition key, not both",
            ));
        }
        let timeout = self.spec.options.timeout.unwrap_or(client.shared.options.operation_timeout);
        let backend = HttpBackend::new(
            client.clone(),
            container.clone(),
            self.spec.headers,
            self.spec.options,
        );
        Ok(Box::new(Pipelined::new(backend, move |backend| {
            let target = match &key {
                Some(key) => {
                    let facts =
                        client.shared.containers.get(&client.shared, &container, timeout)?;
                    Target::key(key, &facts.definition)?
                }
                None => {
                    range.map_or_else(Target::container, |it| Target::range(it.epk_range().clone()))
                }
            };
            QueryPipeline::new(backend, query, target, options, resume.as_deref())
        })))
    }
}

fn check_parameter_name(name: &str) -> Result<()> {
    let identifier = name.strip_prefix('@').unwrap_or_default();
    let valid = identifier
        .chars()
        .enumerate()
        .all(|(index, it)| it == '_' || it.is_alphabetic() || index > 0 && it.is_alphanumeric());
    if identifier.is_empty() || !valid {
        return Err(Error::invalid_input(format!(
            "the parameter name {name:?} is not `@` and an identifier"
        )));
    }
    Ok(())
}

impl<T: DeserializeOwned> IntoIterator for Query<T> {
    type Item = Result<T>;
    type IntoIter = Items<T>;

    fn into_iter(self) -> Items<T> {
        Items::new(self.pages())
    }
}

impl<T> fmt::Debug for Query<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Query");
        match &self.setup {
            Ok(setup) => out.field("text", &setup.text),
            Err(error) => out.field("error", error),
        };
        out.finish_non_exhaustive()
    }
}
