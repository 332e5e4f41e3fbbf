//! A transport of one's own: this one counts and prints what passes, around another transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cosmosdb::transport::{Mock, Request, Response, Transport, TransportError};
use cosmosdb::{CosmosClient, Emulator};
use serde_json::json;

/// Passes requests on, and tells of them.
struct Tracing {
    inner: Arc<dyn Transport>,
    requests: AtomicU32,
}

impl Transport for Tracing {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let outcome = self.inner.send(request, timeout);
        let status = outcome.as_ref().map_or(0, |it| it.status().as_u16());
        println!("  #{number} {} {} -> {status}", request.method(), request.uri().path());
        outcome
    }
}

fn main() -> cosmosdb::Result<()> {
    println!("around the emulator:");
    let emulator = Emulator::new();
    let tracing = Tracing { inner: emulator.transport(), requests: AtomicU32::new(0) };
    let client = CosmosClient::builder(emulator.endpoint())
        .key(emulator.key())
        .transport(tracing)
        .build()?;
    client.create_database("db").send()?;
    client.database("db").read().send()?;

    println!("a script of answers, for a test of one's own error handling:");
    let mock = Mock::new();
    mock.respond_json(404, &json!({ "code": "NotFound", "message": "no such database" }));
    let client = CosmosClient::builder("https://localhost/")
        .key(emulator.key())
        .transport(mock.clone())
        .build()?;
    if let Err(error) = client.database("nowhere").read().send() {
        println!("  {error}");
    }
    println!("  it was asked for {}", mock.requests()[0].uri());
    Ok(())
}
