//! Very many operations, on items of any partition keys, as fast as the container takes them.
//!
//! The life of an operation: the [`Dispatcher`](dispatcher::Dispatcher) takes it from the input and puts it into the
//! [`Lane`](lane::Lane) of its partition key range; a full lane is sent as one request, by a thread of the
//! [`Workers`](super::workers::Workers), as often as the range's [`Pace`](pace::Pace) allows; what came back is
//! [`Settled`](settle::Settled) by a [`Verdict`](verdict::Verdict) for each operation, and becomes its result or goes
//! back to a lane.

mod dispatcher;
mod lane;
mod operation;
mod pace;
mod request;
mod results;
mod settle;
mod totals;
mod verdict;

use std::fmt;

use super::setup::Setup;
use crate::container::Container;
use crate::error::Result;
use crate::options::{Configure, options};
use crate::pipeline::CallOptions;

use dispatcher::Dispatcher;
use request::Template;

pub use operation::BulkOperation;
pub use results::{BulkResult, BulkResults};
pub use totals::{BulkProgress, BulkTotals};

impl Container {
    /// Starts a bulk: very many operations on items of any partition keys, each for itself.
    ///
    /// See [`Bulk`].
    pub fn bulk(&self) -> Bulk {
        Bulk::new(self)
    }
}

/// Very many operations on items of any partition keys, each for itself: options are set on it, and
/// [`send`](Self::send) takes an iterator of operations and gives one of results.
///
/// Operations for one partition key range travel together, up to 100 in a request, several requests side by side.
/// How many is found out by trying: where the service throttles, a range gets fewer, and waits as long as it is
/// told. Operations that are throttled (429), that meet a range which was split or moved (410), that collide with
/// another write (449) or that an answer had no room for (413) are sent again by themselves, within the client's
/// [`RetryOptions`](crate::RetryOptions) for throttling. Writes whose answer was lost are not, since they might then be
/// carried out twice: their result is an error, with [`may_have_been_applied`](crate::Error::may_have_been_applied).
///
/// Operations on one item are not carried out in any particular order. One that fails does not stop the others.
///
/// ```
/// use cosmosdb::BulkOperation;
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// # let orders = client.database("shop").container("orders");
/// let cities = ["Lyon", "Oslo", "Kyiv"];
/// let operations = (0..1000).map(|n| {
///     BulkOperation::upsert(&serde_json::json!({ "id": n.to_string(), "city": cities[n % 3], "total": n }))
/// });
///
/// let mut results = orders.bulk().send(operations)?;
/// for result in &mut results {
///     if let Some(error) = result.error() {
///         eprintln!("operation {}: {error}", result.index());
///     }
/// }
/// let totals = results.totals();
/// assert_eq!((totals.operations, totals.failed), (1000, 0));
/// println!("{:.0} operations/s for {:.0} RU", totals.rate(), totals.request_charge);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[must_use = "a bulk does nothing until `send` is called"]
pub struct Bulk {
    container: Container,
    setup: Result<Setup>,
}

impl Configure for Bulk {
    type Setup = Setup;

    fn setup(&mut self) -> &mut Result<Setup> {
        &mut self.setup
    }
}

impl Bulk {
    fn new(container: &Container) -> Self {
        let options = CallOptions {
            minimal_content: true,
            throttling_is_callers: true,
            ..CallOptions::default()
        };
        Self { container: container.clone(), setup: Ok(Setup::new(options)) }
    }

    /// Most requests that are on their way at once, by a thread each. Default: 16. With 1 there are no threads.
    pub fn max_concurrency(self, requests: usize) -> Self {
        self.with(|setup| setup.max_concurrency(requests))
    }

    options! { content_response, priority, throughput_bucket, excluded_regions, timeout, header, set }

    /// Starts the bulk. The operations are taken, and sent, as the results are.
    ///
    /// # Errors
    /// An option is invalid, or what must be known of the container could not be read. What becomes of the operations
    /// is told by their results.
    pub fn send<I>(self, operations: I) -> Result<BulkResults<I::IntoIter>>
    where
        I: IntoIterator<Item = BulkOperation>,
    {
        let Setup { headers, options, threads } = self.setup?;
        let client = self.container.database.client.clone();
        let template = Template { client, container: self.container.link()?, headers, options };
        Ok(BulkResults::new(Dispatcher::new(template, threads)?, operations.into_iter()))
    }
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Bulk");
        match &self.setup {
            Ok(setup) => out.field("max_concurrency", &setup.threads),
            Err(error) => out.field("error", error),
        };
        out.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
