//! The transport against servers on loopback that behave in ways a test chooses.

mod exchange;
mod fault;
mod proxy;
mod server;
#[cfg(feature = "rustls")]
mod tls;

use std::time::Duration;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn transport() -> UreqTransport {
    ConnectionOptions::new().build().unwrap()
}

fn request(method: &str, uri: &str, body: &[u8]) -> Request {
    http::Request::builder().method(method).uri(uri).body(body.to_vec()).unwrap()
}

fn get(uri: &str) -> Request {
    request("GET", uri, b"")
}
