//! Signed requests and readable answers.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::emulator::{Emulator, date};
use crate::transport::Response;

/// A request in the making.
pub(super) struct Sender {
    pub(super) emulator: Emulator,
    pub(super) version: &'static str,
}

impl Sender {
    pub(super) fn new(emulator: Emulator) -> Self {
        Self { emulator, version: "2020-07-15" }
    }

    /// Signs and sends a request.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let date = date::format(self.emulator.inner.now());
        let signature = self.signature(method, path, &date);
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{}", self.emulator.endpoint().trim_end_matches('/'), path))
            .header("x-ms-date", &date)
            .header("x-ms-version", self.version)
            .header("authorization", signature);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_vec()).unwrap();
        self.emulator.transport().send(&request, Duration::from_secs(5)).unwrap()
    }

    fn signature(&self, method: &str, path: &str, date: &str) -> String {
        let segments: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
        let count = segments.len();
        let (kind, link) = match segments.as_slice() {
            [.., "operations", "partitionkeydelete"] => ("colls", segments[..count - 2].join("/")),
            [] => ("", String::new()),
            _ if count % 2 == 1 => (segments[count - 1], segments[..count - 1].join("/")),
            _ => (segments[count - 2], segments.join("/")),
        };
        let link = link.strip_prefix("offers/").map_or(link.clone(), str::to_lowercase);
        let text =
            format!("{}\n{kind}\n{link}\n{}\n\n", method.to_lowercase(), date.to_lowercase());
        let key = STANDARD.decode(self.emulator.key()).unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
        let signature = STANDARD.encode(ring::hmac::sign(&key, text.as_bytes()));
        let escaped = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        format!("type%3Dmaster%26ver%3D1.0%26sig%3D{escaped}")
    }
}

/// A header of an answer.
pub(super) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|it| it.to_str().unwrap())
}

/// The body of an answer; null if it is empty.
pub(super) fn json(response: &Response) -> serde_json::Value {
    if response.body().is_empty() {
        return serde_json::Value::Null;
    }
    serde_json::from_slice(response.body()).unwrap()
}
