//! Responses as bytes, and the server's own refusals.

use std::time::SystemTime;

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, TRANSFER_ENCODING};
use http::{HeaderName, StatusCode};

use crate::emulator::date;
use crate::transport::Response;

/// Why the server answers a request itself, and closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    message: &'static str,
}

impl Refusal {
    pub(super) const BODY_TOO_LARGE: Self =
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Request size is too large");
    pub(super) const HEAD_TOO_LARGE: Self =
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large");
    pub(super) const TOO_SLOW: Self =
        Self::new(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time");

    pub(super) const fn new(status: StatusCode, message: &'static str) -> Self {
        Self { status, message }
    }

    pub(super) const fn bad_request(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn response(self) -> Response {
        error(self.status, self.message)
    }
}

/// A response with a JSON body.
pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(body.to_string().into_bytes());
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// An error in the service's form.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    let code = match status {
        // The service has kept the older name of this status.
        StatusCode::PAYLOAD_TOO_LARGE => String::from("RequestEntityTooLarge"),
        _ => status.canonical_reason().unwrap_or("Error").replace(' ', ""),
    };
    json(status, &serde_json::json!({ "code": code, "message": message }))
}

/// How a response is to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// `HEAD` is answered with the length of the body, but without the body.
    pub(super) is_head: bool,
    pub(super) keep_alive: bool,
    pub(super) is_http_1_0: bool,
}

impl Manner {
    /// The last response on a connection.
    pub(super) const LAST: Self = Self { is_head: false, keep_alive: false, is_http_1_0: false };
}

/// Appends the whole response to `out`, so that it leaves in one write.
pub(super) fn encode(response: &Response, manner: Manner, out: &mut Vec<u8>) {
    let status = response.status();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in response.headers() {
        if !is_about_framing(name) {
            field(out, name.as_str(), value.as_bytes());
        }
    }
    if !response.headers().contains_key(DATE) {
        field(out, "date", date::format(SystemTime::now()).as_bytes());
    }
    if !manner.keep_alive {
        field(out, "connection", b"close");
    } else if manner.is_http_1_0 {
        field(out, "connection", b"keep-alive");
    }
    let has_body = !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_body {
        field(out, "content-length", response.body().len().to_string().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    if has_body && !manner.is_head {
        out.extend_from_slice(response.body());
    }
}

/// Headers that the connection decides on, whatever the handler says.
fn is_about_framing(name: &HeaderName) -> bool {
    name == CONTENT_LENGTH || name == TRANSFER_ENCODING || name == CONNECTION
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(response: &Response, manner: Manner) -> String {
        let mut out = Vec::new();
        encode(response, manner, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn framing_is_the_servers_business() {
        let response = http::Response::builder()
            .status(201)
            .header("date", "now")
            .header("content-length", "999")
            .header("connection", "upgrade")
            .header("x-a", "1")
            .body(b"four".to_vec())
            .unwrap();
        let keep = Manner { keep_alive: true, ..Manner::LAST };
        assert_eq!(
            text(&response, keep),
            "HTTP/1.1 201 Created\r\ndate: now\r\nx-a: 1\r\ncontent-length: 4\r\n\r\nfour"
        );
        assert!(text(&response, Manner::LAST).contains("connection: close\r\n"));
        let head = Manner { is_head: true, ..keep };
        assert!(text(&response, head).ends_with("content-length: 4\r\n\r\n"));
    }

    #[test]
    fn statuses_without_a_body_have_none() {
        for status in [204, 304] {
            let response = http::Response::builder().status(status).body(b"x".to_vec()).unwrap();
            let text = text(&response, Manner::LAST);
            assert!(text.ends_with("\r\n\r\n") && !text.contains("content-length"), "{text}");
        }
    }
}
