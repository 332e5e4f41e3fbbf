//! Lists of resources, as the service keeps them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::{Items, PageSource, Pages, RawPage, Rows};
use crate::client::CosmosClient;
use crate::error::Result;
use crate::options::{Configure, header_value, options};
use crate::partition_key::PartitionKey;
use crate::pipeline::{CallOptions, Partition, Spec};
use crate::response::Response;
use crate::wire::header;

/// A list to be: of databases, containers or items. Options are set on it; iterating fetches it.
///
/// ```
/// # use cosmosdb::{ContainerProperties, Emulator};
/// # let client = Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// # let orders = client.database("shop").container("orders");
/// # for id in ["1", "2", "3"] { orders.create_item(&serde_json::json!({ "id": id, "city": "Lyon" })).send()?; }
/// for item in orders.items::<serde_json::Value>().max_item_count(2) {
///     println!("{}", item?["id"]);
/// }
/// assert_eq!(orders.items::<serde_json::Value>().max_item_count(2).pages().count(), 2);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[must_use = "a list fetches nothing until it is iterated"]
pub struct Listing<T> {
    client: CosmosClient,
    spec: Result<Spec>,
    continuation: Option<String>,
    item: PhantomData<fn() -> T>,
}

impl<T> Configure for Listing<T> {
    type Setup = Spec;

    fn setup(&mut self) -> &mut Result<Spec> {
        &mut self.spec
    }
}

impl<T> Listing<T> {
    pub(crate) fn new(client: &CosmosClient, spec: Result<Spec>) -> Self {
        Self { client: client.clone(), spec, continuation: None, item: PhantomData }
    }

    /// Starts where a page ended: with its [`continuation`](super::FeedPage::continuation).
    pub fn continue_from(mut self, continuation: impl Into<String>) -> Self {
        self.continuation = Some(continuation.into());
        self
    }

    /// Only the items of this partition key.
    pub fn partition_key(self, key: impl Into<PartitionKey>) -> Self {
        let key = key.into();
        self.with(|spec| {
            key.check()?;
            spec.partition = Partition::Key(key);
            Ok(())
        })
    }

    options! { max_item_count, session_token, excluded_regions, hedging, timeout, header, set }

    /// The list page by page.
    pub fn pages(self) -> Pages<T> {
        Pages::new(self.spec.map(|spec| -> Box<dyn PageSource> {
            Box::new(Requests::new(self.client, spec, self.continuation))
        }))
    }
}

impl<T: DeserializeOwned> IntoIterator for Listing<T> {
    type Item = Result<T>;
    type IntoIter = Items<T>;

    fn into_iter(self) -> Items<T> {
        Items::new(self.pages())
    }
}

impl<T> fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// The pages of one feed of the service, request after request.
pub(crate) struct Requests {
    client: CosmosClient,
    spec: Spec,
    continuation: Option<String>,
    ended: bool,
}

impl Requests {
    pub(crate) fn new(client: CosmosClient, spec: Spec, continuation: Option<String>) -> Self {
        Self { client, spec, continuation, ended: false }
    }

    /// The request for the next page.
    fn request(&self) -> Result<Spec> {
        let mut spec = Spec::new(self.spec.action, self.spec.resource, self.spec.link.clone());
        spec.container.clone_from(&self.spec.container);
        spec.partition = self.spec.partition.clone();
        spec.body.clone_from(&self.spec.body);
        spec.headers = self.spec.headers.clone();
        spec.options = CallOptions { ..self.spec.options.clone() };
        if let Some(token) = &self.continuation {
            spec.headers.insert(header::CONTINUATION, header_value(&header::CONTINUATION, token)?);
        }
        Ok(spec)
    }
}

impl PageSource for Requests {
    fn next_page(&mut self) -> Result<Option<RawPage>> {
        if self.ended {
            return Ok(None);
        }
        let page = raw_page(self.client.shared.run(self.request()?)?);
        // Some servers repeat the last token for ever; a page without items that does not move on is the end.
        let stuck = page.continuation.is_some()
            && page.continuation == self.continuation
            && is_empty(&page);
        self.continuation.clone_from(&page.continuation);
        self.ended = self.continuation.is_none() || stuck;
        Ok(Some(page))
    }
}

fn is_empty(page: &RawPage) -> bool {
    page.headers.get(header::ITEM_COUNT).is_none_or(|it| it.as_bytes() == b"0")
}

/// The page that an answer is.
fn raw_page(response: Response) -> RawPage {
    let request_charge = response.request_charge();
    let continuation =
        response.header(&header::CONTINUATION).filter(|it| !it.is_empty()).map(str::to_owned);
    let (headers, body, diagnostics) = response.into_parts();
    RawPage {
        rows: Rows::Envelope(body),
        continuation,
        headers,
        request_charge,
        diagnostics: vec![diagnostics],
    }
}
