//! What can go wrong, and what to ask about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::diagnostics::Diagnostics;
use crate::transport::{Response, TransportError, TransportErrorKind};
use crate::wire::{header, sub_status};

/// The result of every call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a call: what happened, where, and what to do about it.
///
/// It is one pointer wide and keeps what the service answered. Keys and tokens never appear in it.
///
/// ```
/// use cosmosdb::{Emulator, ErrorKind};
///
/// let client = Emulator::new().client();
/// let error = client.database("nowhere").read().send().unwrap_err();
/// assert!(error.is_not_found());
/// assert_eq!(error.kind(), ErrorKind::Service);
/// assert_eq!(error.status().unwrap().as_u16(), 404);
/// ```
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    answer: Option<Answer>,
    may_have_happened: bool,
    diagnostics: Option<Diagnostics>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What the service said.
#[derive(Clone)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The service answered with an error status.
    Service,
    /// There was no answer: the host could not be found or reached, or the connection broke.
    Transport,
    /// The time given for the call was up.
    Timeout,
    /// What was sent or received is not the JSON that was due.
    Json,
    /// No key, token or certificate could be had, or it is malformed.
    Credential,
    /// The call was refused before anything was sent.
    InvalidInput,
}

impl Error {
    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status, where the service answered.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.answer.as_ref().map(|it| it.status)
    }

    /// The service's sub-status, which tells apart errors of one status. `None` where it sent none, or 0.
    pub fn sub_status(&self) -> Option<u32> {
        self.header(&header::SUB_STATUS)?.parse().ok().filter(|code| *code != 0)
    }

    /// The short name that the service gave the error, such as `NotFound`.
    pub fn code(&self) -> Option<String> {
        Some(ServiceMessage::parse(&self.0.answer.as_ref()?.body)?.code)
    }

    /// The id by which the service's support finds the request.
    pub fn activity_id(&self) -> Option<&str> {
        self.header(&header::ACTIVITY_ID)
    }

    /// The request units that the failed request cost. 0 where the service named none.
    pub fn request_charge(&self) -> f64 {
        self.header(&header::REQUEST_CHARGE).and_then(|it| it.parse().ok()).unwrap_or(0.0)
    }

    /// The session token of the answer, where it had one.
    pub fn session_token(&self) -> Option<&str> {
        self.header(&header::SESSION_TOKEN)
    }

    /// How long the service asked to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        let millis: f64 = self.header(&header::RETRY_AFTER_MS)?.trim().parse().ok()?;
        (millis.is_finite() && millis >= 0.0).then(|| Duration::from_millis(millis.ceil() as u64))
    }

    /// The headers of the answer, where there was one.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.answer.as_ref().map(|it| &it.headers)
    }

    /// The body of the answer as it came, where there was one.
    pub fn body(&self) -> Option<&[u8]> {
        self.0.answer.as_ref().map(|it| it.body.as_slice())
    }

    /// What the client did before it gave up.
    pub fn diagnostics(&self) -> Option<&Diagnostics> {
        self.0.diagnostics.as_ref()
    }

    /// Whether the service may have carried out the write although no answer came.
    ///
    /// Only ever true for writes: their outcome is unknown, and repeating them is for the caller to decide.
    pub fn may_have_been_applied(&self) -> bool {
        self.0.may_have_happened
    }

    /// Whether the resource, or its database or container, does not exist (404).
    pub fn is_not_found(&self) -> bool {
        self.has_status(404)
    }

    /// Whether the id, or a unique key, is taken (409).
    pub fn is_conflict(&self) -> bool {
        self.has_status(409)
    }

    /// Whether an `if_match`, an `if_none_match` or a patch condition did not hold (412).
    pub fn is_precondition_failed(&self) -> bool {
        self.has_status(412)
    }

    /// Whether the request units were used up, and the retries too (429).
    pub fn is_throttled(&self) -> bool {
        self.has_status(429)
    }

    /// Whether the key or token was refused (401 or 403).
    pub fn is_unauthorized(&self) -> bool {
        self.has_status(401) || self.has_status(403)
    }

    /// Whether the item or the request was too large (413).
    pub fn is_too_large(&self) -> bool {
        self.has_status(413)
    }

    /// Whether the time was up: the client's, or the service's own (408).
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout || self.has_status(408)
    }

    /// Whether there is another container under the name by now.
    pub(crate) fn is_of_other_container(&self) -> bool {
        let sub_status = self.sub_status();
        self.has_status(400) && sub_status == Some(sub_status::INCORRECT_CONTAINER_RID)
            || self.has_status(410) && sub_status == Some(sub_status::NAME_CACHE_STALE)
    }

    fn has_status(&self, status: u16) -> bool {
        self.status().is_some_and(|it| it.as_u16() == status)
    }

    fn header(&self, name: &http::HeaderName) -> Option<&str> {
        self.headers()?.get(name)?.to_str().ok()
    }
}

/// How the crate makes errors.
impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            answer: None,
            may_have_happened: false,
            diagnostics: None,
            source: None,
        }))
    }

    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    pub(crate) fn json(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Json, message)
    }

    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Timeout, message)
    }

    pub(crate) fn credential(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Credential, message)
    }

    /// The error that an answer with an error status is.
    pub(crate) fn from_response(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let message =
            ServiceMessage::parse(&body).map_or_else(|| readable_body(&body), |it| it.condensed());
        let mut error = Self::new(ErrorKind::Service, message);
        error.0.answer = Some(Answer { status: parts.status, headers: parts.headers, body });
        error
    }

    /// The error that a failed exchange is.
    pub(crate) fn from_transport(error: TransportError) -> Self {
        let kind = match error.kind() {
            TransportErrorKind::Timeout => ErrorKind::Timeout,
            TransportErrorKind::Request => ErrorKind::InvalidInput,
            _ => ErrorKind::Transport,
        };
        let mut made = Self::new(kind, error.to_string());
        made.0.source = Some(Arc::new(error));
        made
    }

    #[must_use]
    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    #[must_use]
    pub(crate) fn with_diagnostics(mut self, diagnostics: Diagnostics) -> Self {
        self.0.diagnostics = Some(diagnostics);
        self
    }

    /// The same error once more: for each of several operations that one request was to carry out.
    pub(crate) fn copy(&self) -> Self {
        Self(self.0.clone())
    }

    /// The same error with another text.
    #[must_use]
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same error of a read, which changes nothing whether it arrives or not.
    #[must_use]
    pub(crate) fn of_read(mut self) -> Self {
        self.0.may_have_happened = false;
        self
    }

    /// Marks a write of which nobody knows whether it happened.
    #[must_use]
    pub(crate) fn ambiguous(mut self) -> Self {
        self.0.may_have_happened = true;
        self
    }

    /// The failed exchange behind the error, where no answer came.
    pub(crate) fn transport_error(&self) -> Option<&TransportError> {
        self.0.source.as_ref()?.downcast_ref()
    }

    pub(crate) fn headers_mut(&mut self) -> Option<&mut HeaderMap> {
        self.0.answer.as_mut().map(|it| &mut it.headers)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(status) = self.status() {
            write!(f, "{}", status.as_u16())?;
            if let Some(sub_status) = self.sub_status() {
                write!(f, "/{sub_status}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.0.message)?;
        if self.0.may_have_happened {
            f.write_str("; the write may have been carried out")?;
        }
        if let Some(id) = self.activity_id() {
            write!(f, " (activity {id})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("message", &self.to_string());
        if let Some(diagnostics) = &self.0.diagnostics {
            out.field("diagnostics", &diagnostics.to_string());
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|it| it as _)
    }
}

/// Turns "not found" into `None`.
pub trait OptionalExt<T> {
    /// `Ok(None)` where the resource does not exist (404), the result as it is otherwise.
    ///
    /// ```
    /// use cosmosdb::{Emulator, OptionalExt};
    ///
    /// let client = Emulator::new().client();
    /// assert!(client.database("nowhere").read().send().optional()?.is_none());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExt<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The JSON body of an error answer.
struct ServiceMessage {
    code: String,
    message: String,
}

/// Longest text that an error message takes from an answer, in bytes.
const LONGEST_MESSAGE: usize = 512;

impl ServiceMessage {
    fn parse(body: &[u8]) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Body {
            #[serde(default)]
            code: serde_json::Value,
            #[serde(default)]
            message: String,
        }
        let body: Body = serde_json::from_slice(body).ok()?;
        let code = match body.code {
            serde_json::Value::String(code) => code,
            serde_json::Value::Null if body.message.is_empty() => return None,
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        Some(Self { code, message: body.message })
    }

    /// The sentence in it: without the wrapping, the activity id and the trace that the service adds.
    fn condensed(&self) -> String {
        let text = self.message.split("\r\nActivityId:").next().unwrap_or_default();
        let text = text.split(", \r\nRequestStartTime:").next().unwrap_or_default().trim();
        let text = text.strip_prefix("Message:").unwrap_or(text).trim();
        let unwrapped = unwrap_errors(text).unwrap_or_else(|| text.to_owned());
        if unwrapped.is_empty() { self.code.clone() } else { shorten(&unwrapped) }
    }
}

/// `{"Errors":["a","b"]}` is "a; b"; a compile error `{"errors":[{"message":"m","location":…}]}` is "m (at 7 to 11)".
fn unwrap_errors(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Wrapped {
        #[serde(alias = "Errors")]
        errors: Vec<serde_json::Value>,
    }
    let wrapped: Wrapped = serde_json::from_str(text).ok()?;
    let messages: Vec<String> = wrapped.errors.iter().map(one_error).collect();
    (!messages.is_empty()).then(|| messages.join("; "))
}

fn one_error(error: &serde_json::Value) -> String {
    let Some(message) = error.get("message").and_then(serde_json::Value::as_str) else {
        return error.as_str().map_or_else(|| error.to_string(), str::to_owned);
    };
    let position = |name: &str| {
        error.pointer(&format!("/location/{name}")).and_then(serde_json::Value::as_u64)
    };
    match (position("start"), position("end")) {
        (Some(start), Some(end)) => format!("{message} (at {start} to {end} of the query)"),
        _ => message.to_owned(),
    }
}

/// What can be shown of a body that is not the service's: a proxy's page, a fragment, nothing.
fn readable_body(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return "the answer has no body".to_owned();
    }
    shorten(&format!(
        "the answer is not from Cosmos DB: {}",
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    ))
}

fn shorten(text: &str) -> String {
    if text.len() <= LONGEST_MESSAGE {
        return text.to_owned();
    }
    format!("{}…", prefix(text, LONGEST_MESSAGE))
}

/// The longest part of `text` from its start that has no more than `bytes` bytes and ends between characters.
pub(crate) fn prefix(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(body: &str) -> String {
        let response =
            http::Response::builder().status(400).body(body.as_bytes().to_vec()).unwrap();
        Error::from_response(response).to_string()
    }

    #[test]
    fn messages_keep_the_sentence_and_drop_the_trace() {
        for (body, expected) in [
            (
                r#"{"code":"NotFound","message":"Message: {\"Errors\":[\"Resource Not Found.\"]}\r\nActivityId: 1, Request URI: /apps"}"#,
                "400: Resource Not Found.",
            ),
            (
                r#"{"code":"BadRequest","message":"Message: {\"errors\":[{\"severity\":\"Error\",\"location\":{\"start\":7,\"end\":11},\"code\":\"SC1001\",\"message\":\"Syntax error.\"}]}\r\nActivityId: 1"}"#,
                "400: Syntax error. (at 7 to 11 of the query)",
            ),
            (r#"{"code":"Forbidden"}"#, "400: Forbidden"),
            ("<html>\n  nope</html>", "400: the answer is not from Cosmos DB: <html> nope</html>"),
            ("", "400: the answer has no body"),
        ] {
            assert_eq!(message_of(body), expected);
        }
        let long = message_of(&"é".repeat(600));
        assert!(
            long.ends_with('…') && long.len() <= "400: ".len() + LONGEST_MESSAGE + "…".len(),
            "{long}"
        );
    }

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
