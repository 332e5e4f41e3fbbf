//! Many items by their ids and keys.

mod plan;
mod query;
mod task;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::setup::Setup;
use super::workers::Workers;
use crate::container::Container;
use crate::diagnostics::{Diagnostics, MetadataReads};
use crate::error::{Error, Result};
use crate::options::{Configure, options};
use crate::partition_key::PartitionKey;
use crate::pipeline::CallOptions;
use crate::routing::lookup::Lookup;
use crate::routing::map::PartitionKeyRangeMap;

use plan::{Task, WantList};
use task::{Done, Job, Reader};

/// Most times that items are looked for again because their range moved.
const MOST_MOVES: u32 = 10;

impl Container {
    /// Reads many items, each given by its id and its partition key.
    ///
    /// See [`ReadMany`].
    #[doc(alias = "read_many_items")]
    pub fn read_many<I, S, K>(&self, items: I) -> ReadMany
    where
        I: IntoIterator<Item = (S, K)>,
        S: Into<String>,
        K: Into<PartitionKey>,
    {
        let items = items.into_iter().map(|(id, key)| (id.into(), key.into())).collect();
        ReadMany::new(self, items)
    }
}

/// Many items to be read by their ids and keys: options are set on it, and [`send`](Self::send) reads them.
///
/// The items of one partition key range are found by queries for up to 1000 at a time, and an item that is alone in its
/// range by a point read, which is cheaper; all of them side by side. The items come in the order in which they were
/// asked for, and what does not exist is `None`.
///
/// ```
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// # let orders = client.database("shop").container("orders");
/// # orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon" })).send()?;
/// # orders.create_item(&serde_json::json!({ "id": "2", "city": "Oslo" })).send()?;
/// let response = orders
///     .read_many([("2", "Oslo"), ("7", "Nowhere"), ("1", "Lyon")])
///     .send::<serde_json::Value>()?;
/// let cities: Vec<_> = response.items().iter().map(|it| it.as_ref().map(|it| &it["city"])).collect();
/// assert_eq!(cities, [Some(&"Oslo".into()), None, Some(&"Lyon".into())]);
/// println!("{} RU", response.request_charge());
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[must_use = "nothing is read until `send` is called"]
pub struct ReadMany {
    container: Container,
    items: Vec<(String, PartitionKey)>,
    setup: Result<Setup>,
}

impl Configure for ReadMany {
    type Setup = Setup;

    fn setup(&mut self) -> &mut Result<Setup> {
        &mut self.setup
    }
}

impl ReadMany {
    fn new(container: &Container, items: Vec<(String, PartitionKey)>) -> Self {
        let setup = Setup::new(CallOptions::default());
        Self { container: container.clone(), items, setup: Ok(setup) }
    }

    /// Most requests that are made at once, by a thread each. Default: 16. With 1 there are no threads.
    pub fn max_concurrency(self, requests: usize) -> Self {
        self.with(|setup| setup.max_concurrency(requests))
    }

    options! { consistency, read_consistency_strategy, session_token, priority, throughput_bucket, max_cache_staleness, bypass_cache, excluded_regions, hedging, timeout, header, set }

    /// Reads the items, and waits for all of them. Without items, nothing is sent.
    ///
    /// # Errors
    /// An id or key is invalid, a request failed, or an item is no `T`. The first failure ends the call.
    pub fn send<T: DeserializeOwned>(self) -> Result<ReadManyResponse<T>> {
        let setup = self.setup?;
        if self.items.is_empty() {
            let (request_charge, diagnostics) = (0.0, Vec::new());
            return Ok(ReadManyResponse { items: Vec::new(), request_charge, diagnostics });
        }
        Run::start(&self.container, self.items, setup)?.finish()?.response()
    }
}

impl fmt::Debug for ReadMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ReadMany");
        match &self.setup {
            Ok(_) => out.field("items", &self.items.len()),
            Err(error) => out.field("error", error),
        };
        out.finish_non_exhaustive()
    }
}

/// The items of a [`ReadMany`], in the order in which they were asked for.
#[derive(Debug)]
pub struct ReadManyResponse<T> {
    items: Vec<Option<T>>,
    request_charge: f64,
    diagnostics: Vec<Diagnostics>,
}

impl<T> ReadManyResponse<T> {
    /// The items, `None` where there is none.
    pub fn items(&self) -> &[Option<T>] {
        &self.items
    }

    /// The items, to keep.
    pub fn into_items(self) -> Vec<Option<T>> {
        self.items
    }

    /// The request units of all requests.
    pub fn request_charge(&self) -> f64 {
        self.request_charge
    }

    /// What the client did, one record for each request.
    pub fn diagnostics(&self) -> &[Diagnostics] {
        &self.diagnostics
    }
}

impl<T> IntoIterator for ReadManyResponse<T> {
    type Item = Option<T>;
    type IntoIter = std::vec::IntoIter<Option<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

/// A call under way.
struct Run {
    reader: Arc<Reader>,
    map: Arc<PartitionKeyRangeMap>,
    /// Counts the maps.
    version: u32,
    workers: Workers<Job, Done>,
    found: Vec<Option<Box<RawValue>>>,
    request_charge: f64,
    diagnostics: Vec<Diagnostics>,
    /// What was read of the container since the last answer.
    metadata: MetadataReads,
}

impl Run {
    fn start(
        container: &Container,
        items: Vec<(String, PartitionKey)>,
        setup: Setup,
    ) -> Result<Self> {
        let client = container.database.client.clone();
        let shared = Arc::clone(&client.shared);
        let link = container.link()?;
        let timeout = setup.options.timeout.unwrap_or(shared.options.operation_timeout);
        let deadline = shared.clock.monotonic() + timeout;
        let metadata = MetadataReads::default();
        let lookup = Lookup::new(&shared, timeout).noted_in(&metadata, 0);
        let facts = shared.containers.get(&lookup, &link)?;
        let map = shared.containers.ranges(&lookup, &link)?;
        let wanted = WantList::new(items, &facts)?;
        let tasks = wanted.tasks(0..wanted.items.len(), &map)?;
        let found = wanted.items.iter().map(|_| None).collect();
        let Setup { headers, options, threads } = setup;
        let reader = Reader { client, container: link, headers, options, facts, wanted, deadline };
        let reader = Arc::new(reader);
        let its_reader = Arc::clone(&reader);
        let threads = threads.min(tasks.len());
        let workers = Workers::new(threads, move |job, stop| its_reader.run(job, stop));
        let mut run = Self {
            reader,
            map,
            version: 0,
            workers,
            found,
            request_charge: 0.0,
            diagnostics: Vec::new(),
            metadata,
        };
        run.submit(tasks, 0, Duration::ZERO);
        Ok(run)
    }

    fn submit(&mut self, tasks: Vec<Task>, moves: u32, not_before: Duration) {
        for task in tasks {
            self.workers.submit(Job { task, version: self.version, moves, not_before });
        }
    }

    fn finish(mut self) -> Result<Self> {
        while let Some(done) = self.workers.next() {
            let Done { job, outcome, request_charge, diagnostics } = done;
            self.request_charge += request_charge;
            for diagnostics in diagnostics {
                self.diagnostics.push(diagnostics.after_reading(self.metadata.take()));
            }
            match outcome {
                Ok(rows) => {
                    for (item, row) in rows {
                        if let Some(found) = self.found.get_mut(item) {
                            *found = Some(row);
                        }
                    }
                }
                Err(error) if has_moved(&error) && job.moves < MOST_MOVES => {
                    self.follow(&job).map_err(|_| error)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(self)
    }

    /// Looks for the items of a task where they are now.
    fn follow(&mut self, job: &Job) -> Result<()> {
        let shared = &self.reader.client.shared;
        let now = shared.clock.monotonic();
        if job.version == self.version {
            let left = self.reader.deadline.saturating_sub(now);
            let container = &self.reader.container;
            let lookup = Lookup::new(shared, left).noted_in(&self.metadata, 0);
            self.map = shared.containers.newer_ranges(&lookup, container, &self.map)?;
            self.version += 1;
        }
        let wait = match job.moves {
            0 => Duration::ZERO,
            moves => Duration::from_millis(100).saturating_mul(1 << moves.min(5)),
        };
        let items = job.task.items().iter().copied();
        let tasks = self.reader.wanted.tasks(items, &self.map)?;
        self.submit(tasks, job.moves + 1, now + wait);
        Ok(())
    }

    fn response<T: DeserializeOwned>(self) -> Result<ReadManyResponse<T>> {
        let Self { reader, found, request_charge, diagnostics, .. } = self;
        let mut items: Vec<Option<T>> = (0..reader.wanted.places).map(|_| None).collect();
        for (wanted, row) in reader.wanted.items.iter().zip(&found) {
            let Some(row) = row else { continue };
            for place in &wanted.places {
                if let Some(item) = items.get_mut(*place) {
                    *item = Some(parse(&wanted.id, row)?);
                }
            }
        }
        Ok(ReadManyResponse { items, request_charge, diagnostics })
    }
}

/// Whether the range that was asked is another one by now.
fn has_moved(error: &Error) -> bool {
    error.status().is_some_and(|it| it.as_u16() == 410)
}

fn parse<T: DeserializeOwned>(id: &str, row: &RawValue) -> Result<T> {
    serde_json::from_str(row.get()).map_err(|error| {
        let wanted = std::any::type_name::<T>();
        Error::json(format!("the item {id:?} is no {wanted}: {error}")).with_source(error)
    })
}

#[cfg(test)]
mod tests;
