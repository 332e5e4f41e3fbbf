//! Signed requests and readable answers.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::emulator::{Emulator, date};
use crate::transport::{Response, TransportError};

/// A request in the making.
pub(super) struct Sender {
    pub(super) emulator: Emulator,
    pub(super) version: &'static str,
    /// Where requests go to: the account's endpoint, or a region's.
    pub(super) base: String,
}

impl Sender {
    pub(super) fn new(emulator: Emulator) -> Self {
        let base = emulator.endpoint().to_owned();
        Self { emulator, version: "2020-07-15", base }
    }

    /// The same account by the endpoint of a region.
    pub(super) fn at(&self, region: &str) -> Self {
        let topology = self.emulator.inner.topology();
        let base = topology.regions[topology.find(region).unwrap()].endpoint.clone();
        Self { emulator: self.emulator.clone(), version: self.version, base }
    }

    /// Signs and sends a request.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.try_send(method, path, headers, body).unwrap()
    }

    /// Signs and sends a request that may get no answer.
    pub(super) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response, TransportError> {
        let date = date::format(self.emulator.inner.now());
        let signature = self.signature(method, path, &date, false);
        self.send_signed((method, path), headers, body, (&date, &signature))
    }

    /// Sends a request whose link uses rids.
    pub(super) fn send_by_rid(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let date = date::format(self.emulator.inner.now());
        let signature = self.signature(method, path, &date, true);
        self.send_signed((method, path), headers, body, (&date, &signature)).unwrap()
    }

    fn send_signed(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &[u8],
        (date, signature): (&str, &str),
    ) -> Result<Response, TransportError> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{}", self.base.trim_end_matches('/'), path))
            .header("x-ms-date", date)
            .header("x-ms-version", self.version)
            .header("authorization", signature);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_vec()).unwrap();
        self.emulator.transport().send(&request, Duration::from_secs(5))
    }

    fn signature(&self, method: &str, path: &str, date: &str, by_rid: bool) -> String {
        let segments: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
        let count = segments.len();
        let (kind, link) = match segments.as_slice() {
            [.., "operations", "partitionkeydelete"] => ("colls", segments[..count - 2].join("/")),
            [] => ("", String::new()),
            _ if count % 2 == 1 => (segments[count - 1], segments[..count - 1].join("/")),
            _ => (segments[count - 2], segments.join("/")),
        };
        let link = link.strip_prefix("offers/").map_or(link.clone(), str::to_lowercase);
        let last = link.rsplit('/').next().unwrap_or_default().to_lowercase();
        let link = if by_rid { last } else { link };
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

/// An account with a database `d` and a container `c`, made with these headers and this definition.
pub(super) fn container(emulator: Emulator, headers: &[(&str, &str)], definition: &str) -> Sender {
    let sender = Sender::new(emulator);
    let made = sender.send("POST", "/dbs", &[], br#"{"id":"d"}"#);
    assert_eq!(made.status(), 201);
    let made = sender.send("POST", "/dbs/d/colls", headers, definition.as_bytes());
    assert_eq!(made.status(), 201, "{}", String::from_utf8_lossy(made.body()));
    sender
}

/// The definition of a container with the key `/pk`.
pub(super) const SIMPLE: &str =
    r#"{"id":"c","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#;

pub(super) const ITEMS: &str = "/dbs/d/colls/c/docs";

/// The header of a query.
pub(super) const QUERY: (&str, &str) = ("content-type", "application/query+json");
pub(super) const CROSS: (&str, &str) = ("x-ms-documentdb-query-enablecrosspartition", "True");

impl Sender {
    /// Creates an item with this id and key.
    pub(super) fn create(&self, id: &str, key: &str) -> Response {
        let body = format!("{{\"id\":\"{id}\",\"pk\":\"{key}\"}}");
        let key = format!("[\"{key}\"]");
        self.send("POST", ITEMS, &[("x-ms-documentdb-partitionkey", &key)], body.as_bytes())
    }

    /// The ids that a query with these headers answers, page by page, from the continuation among them on.
    pub(super) fn ids(&self, headers: &[(&str, &str)], query: &str) -> Vec<String> {
        let body = serde_json::json!({ "query": query }).to_string();
        let mut ids = Vec::new();
        let mut token = None::<String>;
        loop {
            let mut headers = headers.to_vec();
            headers.push(QUERY);
            if let Some(token) = &token {
                headers.retain(|it| it.0 != "x-ms-continuation");
                headers.push(("x-ms-continuation", token));
            }
            let page = self.send("POST", ITEMS, &headers, body.as_bytes());
            assert_eq!(page.status(), 200, "{}", String::from_utf8_lossy(page.body()));
            let rows = json(&page)["Documents"].as_array().unwrap().clone();
            ids.extend(rows.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
            token = header(&page, "x-ms-continuation").map(str::to_owned);
            if token.is_none() {
                return ids;
            }
        }
    }
}
