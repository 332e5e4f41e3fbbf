//! Several operations on items of one partition key, all or none.

use std::fmt;
use std::ops::Deref;

use http::HeaderMap;
use serde::Serialize;

use super::entry::{Entry, Verb};
use super::{BatchResult, MAX_OPERATIONS, Patch};
use crate::client::unwritable;
use crate::container::Container;
use crate::error::{Error, Result};
use crate::models::Etag;
use crate::options::{Configure, Tunable, options};
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, CallOptions, Partition, Spec};
use crate::response::Response;
use crate::wire::MAX_BODY_BYTES;

impl Container {
    /// Starts a batch of operations on items of the partition `key`: all of them are carried out, or none.
    ///
    /// See [`Batch`].
    #[doc(alias = "transactional_batch")]
    pub fn batch(&self, key: impl Into<PartitionKey>) -> Batch {
        Batch::new(self, key.into())
    }
}

/// Operations on items of one partition key, all or none: operations and options are set on it, and
/// [`send`](Self::send) carries it out.
///
/// The operations are carried out in order, and each sees what those before it did. A batch has 1 to 100 operations
/// and at most 2 MB of JSON; the partition key must be complete. What is wrong with it is remembered, and returned by
/// `send` before anything is sent.
///
/// A batch that failed is an [`Error`] with the status of the operation that made it fail, so that `?` does what one
/// wants; [`Error::batch_results`] has the results of all operations.
///
/// ```
/// use cosmosdb::{BatchOperation, Patch};
/// use serde_json::{Value, json};
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// # let orders = client.database("shop").container("orders");
/// let response = orders
///     .batch("Lyon")
///     .create(&json!({ "id": "1", "city": "Lyon", "total": 5 }))
///     .upsert(&json!({ "id": "2", "city": "Lyon", "total": 7 }))
///     .patch("1", Patch::new().incr("/total", 1))
///     .read("1")
///     .send()?;
/// assert_eq!(response.results().len(), 4);
/// assert_eq!(response.results()[3].item::<Value>()?["total"], 6);
/// let seen = response.results()[1].etag().unwrap().clone();
///
/// // Options of one operation are set on the operation.
/// let error = orders
///     .batch("Lyon")
///     .operation(BatchOperation::replace("2", &json!({ "id": "2", "city": "Lyon" })).if_match(seen))
///     .create(&json!({ "id": "1", "city": "Lyon" }))
///     .send()
///     .unwrap_err();
/// assert!(error.is_conflict());
/// let statuses: Vec<u16> =
///     error.batch_results().unwrap().iter().map(|it| it.status().as_u16()).collect();
/// assert_eq!(statuses, [424, 409]);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[doc(alias = "TransactionalBatch")]
#[must_use = "a batch does nothing until `send` is called"]
pub struct Batch {
    container: Container,
    setup: Result<Setup>,
}

/// What a batch is made of.
pub(crate) struct Setup {
    spec: Spec,
    key: PartitionKey,
    entries: Vec<Entry>,
}

impl Configure for Batch {
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

impl Batch {
    fn new(container: &Container, key: PartitionKey) -> Self {
        let setup = key
            .check()
            .and_then(|()| container.feed_spec(Action::Batch))
            .map(|spec| Setup { spec, key, entries: Vec::new() });
        Self { container: container.clone(), setup }
    }

    /// Creates an item. One with the same id is an error (409).
    pub fn create<T: Serialize + ?Sized>(self, item: &T) -> Self {
        self.operation(BatchOperation::create(item))
    }

    /// Creates an item, or replaces the one with the same id.
    pub fn upsert<T: Serialize + ?Sized>(self, item: &T) -> Self {
        self.operation(BatchOperation::upsert(item))
    }

    /// Replaces the item `id`.
    pub fn replace<T: Serialize + ?Sized>(self, id: &str, item: &T) -> Self {
        self.operation(BatchOperation::replace(id, item))
    }

    /// Reads the item `id`. That there is none is an error (404), and makes the batch fail.
    pub fn read(self, id: &str) -> Self {
        self.operation(BatchOperation::read(id))
    }

    /// Deletes the item `id`. That there is none is an error (404), and makes the batch fail.
    pub fn delete(self, id: &str) -> Self {
        self.operation(BatchOperation::delete(id))
    }

    /// Changes parts of the item `id`.
    pub fn patch(self, id: &str, patch: impl Into<Patch>) -> Self {
        self.operation(BatchOperation::patch(id, patch))
    }

    /// Adds an operation that has options of its own.
    pub fn operation(self, operation: BatchOperation) -> Self {
        self.with(|setup| {
            let index = setup.entries.len();
            let entry = operation.0.map_err(|error| in_operation(index, error))?;
            setup.entries.push(entry);
            Ok(())
        })
    }

    options! { content_response, retry_writes, session_token, priority, throughput_bucket, excluded_regions, timeout, header, set }

    /// Carries out the batch, and waits for the results.
    ///
    /// # Errors
    /// An operation failed, so that none was carried out: the error has its status, and
    /// [`batch_results`](Error::batch_results). Or the batch is invalid, was refused as a whole, or could not be sent,
    /// as with every call; where the answer was lost, [`Error::may_have_been_applied`] says so.
    pub fn send(self) -> Result<BatchResponse> {
        let Setup { mut spec, key, entries } = self.setup?;
        let shared = &self.container.database.client.shared;
        spec.body = body(&entries, spec.options.minimal_content)?;
        spec.partition = Partition::Key(key);
        BatchResponse::new(shared.run(spec)?)
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Batch");
        match &self.setup {
            Ok(setup) => out.field("operations", &setup.entries.len()),
            Err(error) => out.field("error", error),
        };
        out.finish_non_exhaustive()
    }
}

fn in_operation(index: usize, error: Error) -> Error {
    let text = format!("operation {index} of the batch is invalid: {error}");
    error.with_message(text)
}

/// The body of the request, after the checks of its size.
fn body(entries: &[Entry], minimal_content: bool) -> Result<Vec<u8>> {
    let count = entries.len();
    if !(1..=MAX_OPERATIONS).contains(&count) {
        return Err(Error::invalid_input(format!(
            "the batch has {count} operations; the service takes 1 to {MAX_OPERATIONS}"
        )));
    }
    let entries: Vec<_> = entries.iter().map(|it| it.to_wire(None, minimal_content)).collect();
    let body = serde_json::to_vec(&entries).map_err(unwritable)?;
    if body.len() > MAX_BODY_BYTES {
        let bytes = body.len();
        return Err(Error::invalid_input(format!(
            "the batch has {bytes} bytes of JSON; the service takes at most {MAX_BODY_BYTES}"
        )));
    }
    Ok(body)
}

/// One operation of a [`Batch`], with its own options.
///
/// An option that the operation does not have is an error, which the batch returns when it is sent.
#[derive(Debug)]
#[must_use = "an operation does nothing until its batch is sent"]
pub struct BatchOperation(Result<Entry>);

impl BatchOperation {
    /// Creates an item. One with the same id is an error (409).
    pub fn create<T: Serialize + ?Sized>(item: &T) -> Self {
        Self(Entry::of_item(Verb::Create, item, None))
    }

    /// Creates an item, or replaces the one with the same id.
    pub fn upsert<T: Serialize + ?Sized>(item: &T) -> Self {
        Self(Entry::of_item(Verb::Upsert, item, None))
    }

    /// Replaces the item `id`.
    pub fn replace<T: Serialize + ?Sized>(id: &str, item: &T) -> Self {
        Self(Entry::of_item(Verb::Replace, item, Some(id)))
    }

    /// Reads the item `id`.
    pub fn read(id: &str) -> Self {
        Self(Entry::of_id(Verb::Read, id))
    }

    /// Deletes the item `id`.
    pub fn delete(id: &str) -> Self {
        Self(Entry::of_id(Verb::Delete, id))
    }

    /// Changes parts of the item `id`.
    pub fn patch(id: &str, patch: impl Into<Patch>) -> Self {
        Self(Entry::of_patch(id, &patch.into()))
    }

    /// Writes only if the item still has this version; otherwise the operation fails with 412. For operations that
    /// upsert, replace, delete and patch.
    pub fn if_match(self, etag: impl Into<Etag>) -> Self {
        Self(self.0.and_then(|it| it.if_match(etag.into())))
    }

    /// Reads only if the item no longer has this version; otherwise the result is empty, with status 304. For
    /// operations that read.
    pub fn if_none_match(self, etag: impl Into<Etag>) -> Self {
        Self(self.0.and_then(|it| it.if_none_match(etag.into())))
    }
}

/// What a [`Batch`] answers that was carried out: a [`Response`] with the results of the operations.
pub struct BatchResponse {
    response: Response,
    results: Vec<BatchResult>,
}

impl BatchResponse {
    fn new(response: Response) -> Result<Self> {
        let results = BatchResult::parse_all(response.bytes()).map_err(|error| {
            Error::json(format!("the answer is no list of results: {error}")).with_source(error)
        })?;
        Ok(Self { response, results })
    }

    /// The results, in the order of the operations.
    pub fn results(&self) -> &[BatchResult] {
        &self.results
    }

    /// The results, to keep.
    pub fn into_results(self) -> Vec<BatchResult> {
        self.results
    }
}

impl Deref for BatchResponse {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl fmt::Debug for BatchResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchResponse")
            .field("results", &self.results)
            .field("request_charge", &self.request_charge())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
