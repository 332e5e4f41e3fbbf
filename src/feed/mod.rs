//! Feeds: lists, queries and changes, page by page or item by item.

mod change_feed;
#[cfg(test)]
mod fake;
mod listing;
mod processor;

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::diagnostics::Diagnostics;
use crate::error::{Error, Result};
use crate::link::percent_decode;
use crate::models::QueryMetrics;
use crate::wire::header;

pub use change_feed::{
    Change, ChangeFeed, ChangeOperation, ChangePages, Changes, StopHandle, WaitingPages,
};
pub use listing::Listing;
pub(crate) use listing::Requests;
pub use processor::{ChangeFeedProcessor, LeaseEstimate, ProcessorHandle};

/// Where the pages of a feed come from.
pub(crate) trait PageSource: Send {
    /// The next page; `None` after the last.
    fn next_page(&mut self) -> Result<Option<RawPage>>;
}

/// A page whose items have not been read yet.
#[derive(Debug)]
pub(crate) struct RawPage {
    pub(crate) rows: Rows,
    pub(crate) continuation: Option<String>,
    pub(crate) headers: HeaderMap,
    /// The request units of all requests behind the page.
    pub(crate) request_charge: f64,
    pub(crate) diagnostics: Vec<Diagnostics>,
}

/// The items of a page, as they came.
#[derive(Debug)]
pub(crate) enum Rows {
    /// A body such as `{"_rid":"…","Documents":[…],"_count":1}`.
    Envelope(Vec<u8>),
    /// Items that were taken out of their envelopes.
    Raw(Vec<Box<RawValue>>),
}

impl Rows {
    fn parse<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        match self {
            Self::Envelope(body) => parse_envelope(body),
            Self::Raw(rows) => rows
                .iter()
                .map(|row| serde_json::from_str(row.get()).map_err(not_of_type::<T>))
                .collect(),
        }
    }
}

/// The items of a feed's body, whatever kind of resource they are.
pub(crate) fn parse_envelope<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>> {
    #[derive(serde::Deserialize)]
    struct Envelope<T> {
        #[serde(
            alias = "Documents",
            alias = "Databases",
            alias = "DocumentCollections",
            alias = "PartitionKeyRanges",
            alias = "StoredProcedures",
            alias = "Triggers",
            alias = "UserDefinedFunctions",
            alias = "Conflicts",
            alias = "Users",
            alias = "Permissions",
            alias = "Offers"
        )]
        items: Vec<T>,
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| Error::json("the answer is not UTF-8").with_source(error))?;
    Ok(serde_json::from_str::<Envelope<T>>(text).map_err(not_of_type::<T>)?.items)
}

fn not_of_type<T>(error: serde_json::Error) -> Error {
    Error::json(format!("a page of the feed is no list of {}: {error}", std::any::type_name::<T>()))
        .with_source(error)
}

/// The JSON of index metrics: Base64 in the first form, percent-encoded in the second, or as it is.
fn parse_index_metrics(text: &str) -> Option<serde_json::Value> {
    let text = text.trim();
    if let Ok(json) = STANDARD.decode(text) {
        return serde_json::from_slice(&json).ok();
    }
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&percent_decode(text)?).ok())
}

/// One page of a feed: some of its items, and what the request for them cost.
///
/// A page may be empty without being the last.
pub struct FeedPage<T> {
    items: Vec<T>,
    page: RawPage,
}

impl<T> FeedPage<T> {
    /// The items of the page.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The items of the page, to keep.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// The place after this page, from which `continue_from` goes on, in this process or another. `None` on the last
    /// page, and on queries that cannot be continued.
    pub fn continuation(&self) -> Option<&str> {
        self.page.continuation.as_deref()
    }

    /// The request units that the page cost, over all partitions that were asked for it.
    pub fn request_charge(&self) -> f64 {
        self.page.request_charge
    }

    /// How far the partitions were when they answered.
    pub fn session_token(&self) -> Option<&str> {
        self.header(&header::SESSION_TOKEN)
    }

    /// The id by which the service's support finds the last request of the page.
    pub fn activity_id(&self) -> Option<&str> {
        self.header(&header::ACTIVITY_ID)
    }

    /// What the execution of the query took, where
    /// [`populate_query_metrics`](crate::Query::populate_query_metrics) asked for it.
    pub fn query_metrics(&self) -> Option<QueryMetrics> {
        self.header(&header::QUERY_METRICS).map(QueryMetrics::parse)
    }

    /// Which indexes the query used and which would help it, where
    /// [`populate_index_metrics`](crate::Query::populate_index_metrics) asked for it; in the service's own words, which
    /// are not the same in all versions.
    ///
    /// They are those of the last answer behind the page, whichever partition gave it: they depend on the query and on
    /// the indexing policy, not on the items. The service gives none with an answer that has no items.
    ///
    /// ```
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # let orders = client.database("shop").container("orders");
    /// # orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon", "price": 7 })).send()?;
    /// let mut pages = orders
    ///     .query_items::<serde_json::Value>("SELECT * FROM c WHERE c.city = 'Lyon' AND c.price > 5")
    ///     .populate_index_metrics(true)
    ///     .pages();
    /// let metrics = pages.next().unwrap()?.index_metrics().unwrap();
    /// assert_eq!(metrics["UtilizedSingleIndexes"][1]["IndexSpec"], "/price/?");
    /// assert_eq!(metrics["PotentialCompositeIndexes"][0]["IndexSpecs"][0], "/city ASC");
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn index_metrics(&self) -> Option<serde_json::Value> {
        self.header(&header::INDEX_UTILIZATION).and_then(parse_index_metrics)
    }

    /// The headers of the last answer behind the page.
    pub fn headers(&self) -> &HeaderMap {
        &self.page.headers
    }

    /// What the client did for the page, one record for each request.
    pub fn diagnostics(&self) -> &[Diagnostics] {
        &self.page.diagnostics
    }

    fn header(&self, name: &http::HeaderName) -> Option<&str> {
        self.page.headers.get(name)?.to_str().ok()
    }
}

impl<T: fmt::Debug> fmt::Debug for FeedPage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedPage")
            .field("items", &self.items)
            .field("continuation", &self.page.continuation)
            .field("request_charge", &self.page.request_charge)
            .finish_non_exhaustive()
    }
}

/// The pages of a feed: each `next` is one request, or as many as the page takes.
///
/// After an error it is finished.
pub struct Pages<T> {
    source: Option<Box<dyn PageSource>>,
    failed: Option<Error>,
    continuation: Option<String>,
    request_charge: f64,
    item: PhantomData<fn() -> T>,
}

impl<T> Pages<T> {
    pub(crate) fn new(source: Result<Box<dyn PageSource>>) -> Self {
        let (source, failed) = match source {
            Ok(source) => (Some(source), None),
            Err(error) => (None, Some(error)),
        };
        Self { source, failed, continuation: None, request_charge: 0.0, item: PhantomData }
    }

    /// The place after the pages that were taken, from which `continue_from` goes on. `None` at the start, at the end,
    /// and for queries that cannot be continued.
    pub fn continuation(&self) -> Option<&str> {
        self.continuation.as_deref()
    }

    /// The request units of all pages so far.
    pub fn request_charge(&self) -> f64 {
        self.request_charge
    }
}

impl<T: DeserializeOwned> Iterator for Pages<T> {
    type Item = Result<FeedPage<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        let outcome = self.source.as_mut()?.next_page().and_then(|page| match page {
            Some(page) => Ok(Some(FeedPage { items: page.rows.parse()?, page })),
            None => Ok(None),
        });
        match outcome {
            Ok(Some(page)) => {
                self.continuation.clone_from(&page.page.continuation);
                self.request_charge += page.request_charge();
                Some(Ok(page))
            }
            Ok(None) => {
                self.source = None;
                self.continuation = None;
                None
            }
            Err(error) => {
                self.source = None;
                Some(Err(error))
            }
        }
    }
}

impl<T: DeserializeOwned> std::iter::FusedIterator for Pages<T> {}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("request_charge", &self.request_charge)
            .finish_non_exhaustive()
    }
}

/// The items of a feed, one by one; pages are fetched as they are needed.
///
/// After an error it is finished, so that a loop which skips errors ends.
pub struct Items<T> {
    pages: Pages<T>,
    page: std::vec::IntoIter<T>,
}

impl<T> Items<T> {
    pub(crate) fn new(pages: Pages<T>) -> Self {
        Self { pages, page: Vec::new().into_iter() }
    }

    /// The request units of all pages so far.
    pub fn request_charge(&self) -> f64 {
        self.pages.request_charge()
    }
}

impl<T: DeserializeOwned> Iterator for Items<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            match self.pages.next()? {
                Ok(page) => self.page = page.into_items().into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<T: DeserializeOwned> std::iter::FusedIterator for Items<T> {}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("request_charge", &self.request_charge())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_metrics_are_read_in_each_form() {
        let plain = r#"{"UtilizedIndexes":{"SingleIndexes":[{"IndexSpec":"/a b/?"}]}}"#;
        let expected: serde_json::Value = serde_json::from_str(plain).unwrap();
        let encoded = plain.replace('{', "%7B").replace('"', "%22").replace(' ', "%20");
        for text in [plain, &encoded, &STANDARD.encode(plain)] {
            assert_eq!(parse_index_metrics(text), Some(expected.clone()), "{text}");
        }
        for text in ["", "%7B", "AAAA", "{", "%ff"] {
            assert_eq!(parse_index_metrics(text), None, "{text}");
        }
    }
}
