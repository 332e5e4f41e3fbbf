//! What a call answers.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use serde::de::DeserializeOwned;

use crate::diagnostics::Diagnostics;
use crate::error::{Error, Result};
use crate::link::percent_decode;
use crate::models::{Etag, Quota};
use crate::transport;
use crate::wire::header;

/// The answer to one call: it owns its bytes and reads them when asked.
///
/// ```
/// # let client = cosmosdb::Emulator::new().client();
/// # client.create_database("shop").send()?;
/// # client.database("shop").create_container(cosmosdb::ContainerProperties::new("orders", "/city")).send()?;
/// # let orders = client.database("shop").container("orders");
/// let response = orders.upsert_item(&serde_json::json!({ "id": "42", "city": "Lyon" })).send()?;
/// assert_eq!(response.status(), 201);
/// assert!(response.request_charge() > 0.0);
/// assert!(response.etag().is_some());
/// let stored: serde_json::Value = response.item()?;
/// assert_eq!(stored["city"], "Lyon");
/// # Ok::<(), cosmosdb::Error>(())
/// ```
pub struct Response {
    http: transport::Response,
    diagnostics: Diagnostics,
}

impl Response {
    pub(crate) fn new(http: transport::Response, diagnostics: Diagnostics) -> Self {
        Self { http, diagnostics }
    }

    /// The body as the item that it is.
    ///
    /// # Errors
    /// The body is empty, as after a delete or with `content_response(false)`, or it is no such JSON.
    pub fn item<T: DeserializeOwned>(&self) -> Result<T> {
        let body = self.http.body();
        if body.is_empty() {
            return Err(Error::json(format!(
                "the answer has no body (status {})",
                self.status().as_u16()
            )));
        }
        let text = std::str::from_utf8(body)
            .map_err(|error| Error::json("the answer is not UTF-8").with_source(error))?;
        serde_json::from_str(text).map_err(|error| {
            let wanted = std::any::type_name::<T>();
            Error::json(format!("the answer is no {wanted}: {error}")).with_source(error)
        })
    }

    /// The body as it came.
    pub fn bytes(&self) -> &[u8] {
        self.http.body()
    }

    /// The body as it came, without copying it.
    pub fn into_bytes(self) -> Vec<u8> {
        self.http.into_body()
    }

    /// The HTTP status: 201 where something was created, 200 where it was read or replaced, 204 where it was deleted,
    /// 304 where an `if_none_match` says that nothing changed.
    pub fn status(&self) -> StatusCode {
        self.http.status()
    }

    /// Whether an `if_none_match` matched, so that there is no body (304).
    pub fn is_not_modified(&self) -> bool {
        self.status() == StatusCode::NOT_MODIFIED
    }

    /// The version of the resource, for `if_match`.
    pub fn etag(&self) -> Option<Etag> {
        self.header(&http::header::ETAG).map(Etag::from)
    }

    /// The request units that the call cost.
    pub fn request_charge(&self) -> f64 {
        self.header(&header::REQUEST_CHARGE).and_then(|it| it.parse().ok()).unwrap_or(0.0)
    }

    /// How far the partition was when it answered. Another client that sends it sees at least this state.
    pub fn session_token(&self) -> Option<&str> {
        self.header(&header::SESSION_TOKEN)
    }

    /// The id by which the service's support finds the request.
    pub fn activity_id(&self) -> Option<&str> {
        self.header(&header::ACTIVITY_ID)
    }

    /// What the container or the account may hold, in the units of the service: KB for sizes.
    pub fn quota(&self) -> Option<Quota> {
        self.header(&header::RESOURCE_QUOTA).map(Quota::parse)
    }

    /// What it holds.
    pub fn usage(&self) -> Option<Quota> {
        self.header(&header::RESOURCE_USAGE).map(Quota::parse)
    }

    /// How much of a changed indexing policy has been applied, in percent. On answers about containers.
    pub fn index_transformation_progress(&self) -> Option<i64> {
        self.header(&header::INDEX_TRANSFORMATION_PROGRESS)?.parse().ok()
    }

    /// How much of the container the lazy index has taken in, in percent. On answers about containers whose indexing
    /// mode is lazy.
    pub fn lazy_indexing_progress(&self) -> Option<i64> {
        self.header(&header::LAZY_INDEXING_PROGRESS)?.parse().ok()
    }

    /// What a stored procedure wrote with `console.log`, where
    /// [`script_logging`](crate::Operation::script_logging) asked for it.
    pub fn script_log(&self) -> Option<String> {
        percent_decode(self.header(&header::SCRIPT_LOG_RESULTS)?)
    }

    /// The least throughput that the service lets the resource have, in request units a second. On answers about offers.
    pub fn minimum_throughput(&self) -> Option<u32> {
        self.header(&header::MIN_THROUGHPUT)?.parse().ok()
    }

    /// Whether a change of throughput is still under way, during which the service takes no other. On answers about
    /// offers.
    pub fn is_throughput_replace_pending(&self) -> bool {
        self.says_true(&header::OFFER_REPLACE_PENDING)
    }

    /// Whether the call drew on the budget of request units for each minute, which containers of the past may have.
    pub fn is_ru_per_minute_used(&self) -> bool {
        self.says_true(&header::RU_PER_MINUTE_USED)
    }

    /// How often the call was throttled before it succeeded, and how long it waited for that.
    pub fn throttling(&self) -> (u32, Duration) {
        let number =
            |name: HeaderName| self.header(&name).and_then(|it| it.parse().ok()).unwrap_or(0);
        let retries = u32::try_from(number(header::THROTTLE_RETRY_COUNT)).unwrap_or(u32::MAX);
        (retries, Duration::from_millis(number(header::THROTTLE_RETRY_WAIT_MS)))
    }

    /// The headers as they came, with the two `x-ms-throttle-retry-…` that the client adds.
    pub fn headers(&self) -> &HeaderMap {
        self.http.headers()
    }

    /// What the client did for the call.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    fn says_true(&self, name: &HeaderName) -> bool {
        self.header(name).is_some_and(|it| it.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    pub(crate) fn into_parts(self) -> (HeaderMap, Vec<u8>, Diagnostics) {
        let (parts, body) = self.http.into_parts();
        (parts.headers, body, self.diagnostics)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("request_charge", &self.request_charge())
            .field("body", &shown(self.bytes()))
            .finish_non_exhaustive()
    }
}

/// The body for people. One that holds a resource token is not shown: whoever has the token may use it.
fn shown(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(body);
    if text.contains("\"_token\"") { Cow::Borrowed("(holds a resource token)") } else { text }
}

/// The answer to a call about a resource whose properties have a type: a database, a container, a user.
///
/// It is a [`Response`] with [`properties`](Self::properties).
pub struct ResourceResponse<M> {
    response: Response,
    model: PhantomData<fn() -> M>,
}

impl<M: DeserializeOwned> ResourceResponse<M> {
    /// The properties of the resource.
    ///
    /// # Errors
    /// The body is empty, as with `content_response(false)`, or it is no such JSON.
    pub fn properties(&self) -> Result<M> {
        self.response.item()
    }
}

impl<M> From<Response> for ResourceResponse<M> {
    fn from(response: Response) -> Self {
        Self { response, model: PhantomData }
    }
}

impl<M> Deref for ResourceResponse<M> {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl<M> fmt::Debug for ResourceResponse<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.response.fmt(f)
    }
}
