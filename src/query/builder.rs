//! A query under construction.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{CosmosClient, unwritable};
use crate::container::Container;
use crate::error::{Error, Result};
use crate::feed::{Items, PageSource, Pages, Requests};
use crate::link::Link;
use crate::options::{Configure, Tunable, options};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, CallOptions, Partition, ResourceType, Spec};
use crate::query::backend::{QuerySpec, Target};
use crate::query::chain::Chain;
use crate::query::http_backend::{HttpBackend, Pipelined};
use crate::query::{Options, QueryPipeline};
use crate::routing::FeedRange;
use crate::routing::lookup::Lookup;
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
#[derive(Clone)]
pub(crate) struct Setup {
    spec: Spec,
    /// The containers to ask, one after the other, where they are several.
    containers: Option<Vec<Link>>,
    text: String,
    parameters: Vec<(String, serde_json::Value)>,
    partition_key: Option<PartitionKey>,
    feed_range: Option<FeedRange>,
    max_concurrency: usize,
    max_buffered_items: usize,
    pub(super) continuation: Option<String>,
}

/// Ranges that are asked at once, unless the query says otherwise.
const DEFAULT_CONCURRENCY: usize = 16;

/// Items that may wait for the reader, unless the query says otherwise.
const DEFAULT_BUFFER: usize = 10_000;

impl<T> Configure for Query<T> {
    type Setup = Setup;

    fn setup(&mut self) -> &mut Result<Setup> {
        &mut self.setup
    }
}

impl Tunable for Setup {
    fn request(&mut self) -> (&mut HeaderMap, &mut CallOptions) {
        self.spec.request()
    }
}

impl<T> Query<T> {
    pub(crate) fn of_items(container: &Container, text: String) -> Self {
        let client = container.database.client.clone();
        let setup = container.feed_spec(Action::Query).map(|spec| Setup::new(spec, text));
        Self { client, setup, item: PhantomData }
    }

    /// A query of each of these containers, one after the other.
    pub(crate) fn of_several(
        client: &CosmosClient,
        containers: &[Container],
        text: String,
    ) -> Self {
        if let [only] = containers {
            return Self::of_items(only, text);
        }
        let setup =
            containers.iter().map(Container::link).collect::<Result<Vec<_>>>().map(|links| {
                let spec = Spec::new(Action::Query, ResourceType::Item, Link::account());
                Setup { containers: Some(links), ..Setup::new(spec, text) }
            });
        Self { client: client.clone(), setup, item: PhantomData }
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

    /// Lets the query look at every item where its filter is on paths that are not indexed. Default: no, such a query
    /// fails.
    pub fn enable_scan(self, on: bool) -> Self {
        self.with_flag(header::ENABLE_SCAN, on)
    }

    /// Asks for the metrics of the query's execution: [`FeedPage::query_metrics`](crate::FeedPage::query_metrics).
    /// Default: no.
    pub fn populate_query_metrics(self, on: bool) -> Self {
        self.with_flag(header::POPULATE_QUERY_METRICS, on)
    }

    /// Asks which indexes the query used and which would help it:
    /// [`FeedPage::index_metrics`](crate::FeedPage::index_metrics). Default: no.
    pub fn populate_index_metrics(self, on: bool) -> Self {
        self.with_flag(header::POPULATE_INDEX_METRICS, on)
    }

    options! { max_item_count, consistency, read_consistency_strategy, session_token, max_cache_staleness, bypass_cache, priority, throughput_bucket, excluded_regions, hedging, timeout, header, set }

    /// The results page by page.
    pub fn pages(self) -> Pages<T> {
        let Self { client, setup, .. } = self;
        Pages::new(setup.and_then(|setup| setup.into_source(client)))
    }
}

impl Setup {
    fn new(spec: Spec, text: String) -> Self {
        Self {
            spec,
            containers: None,
            text,
            parameters: Vec::new(),
            partition_key: None,
            feed_range: None,
            max_concurrency: DEFAULT_CONCURRENCY,
            max_buffered_items: DEFAULT_BUFFER,
            continuation: None,
        }
    }

    /// The same query of one container.
    pub(super) fn on(&self, container: Link) -> Self {
        let mut setup = Self { containers: None, ..self.clone() };
        setup.spec.link = container.clone();
        setup.spec.container = Some(container);
        setup
    }

    pub(super) fn into_source(mut self, client: CosmosClient) -> Result<Box<dyn PageSource>> {
        if let Some(containers) = self.containers.take() {
            return Ok(Box::new(Chain::new(client, self, containers)?));
        }
        let query = QuerySpec { text: self.text, parameters: self.parameters };
        let Some(container) = self.spec.container.take() else {
            self.spec.body = query.body(&query.text);
            if let Some(key) = self.partition_key {
                self.spec.partition = Partition::Key(key);
            }
            return Ok(Box::new(Requests::new(client, self.spec, self.continuation)));
        };
        let options = Options {
            max_item_count: page_size(&self.spec.headers),
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
        let metadata = Arc::clone(&backend.metadata);
        Ok(Box::new(Pipelined::new(backend, move |backend| {
            let target = match &key {
                Some(key) => {
                    let shared = &client.shared;
                    let lookup = Lookup::new(shared, timeout).noted_in(&metadata, 0);
                    match shared.containers.get_if_permitted(&lookup, &container)? {
                        Some(facts) => Target::key(key, &facts.definition)?,
                        None => Target::key_anywhere(key),
                    }
                }
                None => {
                    let range = range.as_ref().map(|it| it.epk_range().clone());
                    range.map_or_else(Target::container, Target::range)
                }
            };
            QueryPipeline::new(backend, query.clone(), target, options, resume.as_deref())
        })))
    }
}

/// The page size that was set, which the engine has to know too.
fn page_size(headers: &HeaderMap) -> Option<i32> {
    headers.get(header::MAX_ITEM_COUNT)?.to_str().ok()?.parse().ok()
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
