//! The head of a request: from bytes to method, absolute URI, headers and the facts that steer the connection.

use http::header::{AsHeaderName, TRANSFER_ENCODING};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, StatusCode, Uri};

use super::body::Framing;
use super::response::Refusal;

/// How many headers a request may have.
const MAX_HEADERS: usize = 128;

/// A request without its body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    /// Absolute: the listener's scheme, and the host and port by which the client reached it.
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    /// Whether the client wants to use the connection again.
    pub(super) keep_alive: bool,
    /// HTTP/1.0 wants to be told that the connection stays open; HTTP/1.1 takes it for granted.
    pub(super) is_http_1_0: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
}

/// What the listener contributes to the URI of each request.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    /// For clients of HTTP/1.0, which need not name the host.
    pub(super) authority: Authority,
}

impl Head {
    /// Reads the head at the start of `bytes` and says how long it is; `None` where it has not all arrived.
    pub(super) fn parse(bytes: &[u8], origin: &Origin) -> Result<Option<(Self, usize)>, Refusal> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut raw = httparse::Request::new(&mut fields);
        match raw.parse(bytes).map_err(refusal)? {
            httparse::Status::Complete(length) => Ok(Some((Self::new(&raw, origin)?, length))),
            httparse::Status::Partial => Ok(None),
        }
    }

    fn new(raw: &httparse::Request<'_, '_>, origin: &Origin) -> Result<Self, Refusal> {
        let headers = headers(raw.headers)?;
        let is_http_1_0 = raw.version == Some(0);
        let uri = absolute(raw.path.unwrap_or_default(), &headers, is_http_1_0, origin)?;
        let method = Method::from_bytes(raw.method.unwrap_or_default().as_bytes())
            .map_err(|_| Refusal::bad_request("the method is not a token"))?;
        let framing = framing(&headers, is_http_1_0)?;
        let expects_continue = expects_continue(&headers)? && !is_http_1_0;
        let keep_alive = if is_http_1_0 {
            has_token(&headers, CONNECTION, "keep-alive")
        } else {
            !has_token(&headers, CONNECTION, "close")
        };
        Ok(Self { method, uri, headers, framing, keep_alive, is_http_1_0, expects_continue })
    }
}

fn refusal(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::HEAD_TOO_LARGE,
        httparse::Error::Version => Refusal::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "this server speaks HTTP/1.1 and HTTP/1.0",
        ),
        _ => Refusal::bad_request("the request is not HTTP"),
    }
}

fn headers(fields: &[httparse::Header<'_>]) -> Result<HeaderMap, Refusal> {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_bytes(field.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Refusal::bad_request("a header is malformed"));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

/// The absolute URI of a request whose target is a path, or is absolute already.
fn absolute(
    target: &str,
    headers: &HeaderMap,
    is_http_1_0: bool,
    origin: &Origin,
) -> Result<Uri, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() || (host.is_none() && !is_http_1_0) {
        return Err(Refusal::bad_request("the request must have one Host header"));
    }
    let (authority, path) = if target.starts_with('/') {
        (None, target.parse::<PathAndQuery>().ok())
    } else {
        let parts = target.parse::<Uri>().unwrap_or_default().into_parts();
        // Of the forms that are no path, only the absolute one has a scheme.
        let path = parts.scheme.and(parts.path_and_query);
        (parts.authority, path)
    };
    let Some(path) = path else {
        return Err(Refusal::bad_request("the request target is malformed"));
    };
    let authority = match (authority, host) {
        (Some(authority), _) => authority,
        (None, Some(host)) => Authority::try_from(host.as_bytes())
            .map_err(|_| Refusal::bad_request("the Host header is malformed"))?,
        (None, None) => origin.authority.clone(),
    };
    if authority.as_str().contains('@') {
        return Err(Refusal::bad_request("the host must not carry user information"));
    }
    Uri::builder()
        .scheme(origin.scheme.clone())
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|_| Refusal::bad_request("the request target is malformed"))
}

/// How the body is delimited. Whatever could be read in two ways is refused.
fn framing(headers: &HeaderMap, is_http_1_0: bool) -> Result<Framing, Refusal> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.any(|it| Some(it) != length) {
        return Err(Refusal::bad_request("the Content-Length headers differ"));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        if length.is_some() || is_http_1_0 {
            return Err(Refusal::bad_request("Transfer-Encoding is not allowed here"));
        }
        return chunked(headers);
    }
    let Some(length) = length else { return Ok(Framing::Length(0)) };
    let digits = length.as_bytes();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad_request("the Content-Length is not a number"));
    }
    // Digits that do not fit are a number all the same, and too large a one.
    let length = length.to_str().ok().and_then(|it| it.parse().ok()).unwrap_or(usize::MAX);
    Ok(Framing::Length(length))
}

fn chunked(headers: &HeaderMap) -> Result<Framing, Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let only = codings.next().filter(|_| codings.next().is_none());
    if only.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Ok(Framing::Chunked);
    }
    Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "the only transfer coding known here is chunked"))
}

fn expects_continue(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get(EXPECT) {
        None => Ok(false),
        Some(it) if it.as_bytes().eq_ignore_ascii_case(b"100-continue") => Ok(true),
        Some(_) => Err(Refusal::new(
            StatusCode::EXPECTATION_FAILED,
            "the only expectation known here is 100-continue",
        )),
    }
}

fn has_token(headers: &HeaderMap, name: impl AsHeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|it| it.to_str().ok());
    values.flat_map(|it| it.split(',')).any(|it| it.trim().eq_ignore_ascii_case(token))
}
