//! Rows that came from the server and were not taken by the reader yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cosmosdb::transport::{Request, Response, Transport, TransportError, UreqTransport};

/// Rows on their way.
#[derive(Default)]
pub struct Counts {
    received: AtomicUsize,
    read: AtomicUsize,
    peak: AtomicUsize,
}

impl Counts {
    /// Counts a row that the reader took.
    pub fn read_one(&self) {
        self.read.fetch_add(1, Ordering::Relaxed);
    }

    /// The most rows that were in the client at once since the last call.
    pub fn take_peak(&self) -> usize {
        self.peak.swap(0, Ordering::Relaxed)
    }

    fn received(&self, rows: usize) {
        let received = self.received.fetch_add(rows, Ordering::Relaxed) + rows;
        let waiting = received.saturating_sub(self.read.load(Ordering::Relaxed));
        self.peak.fetch_max(waiting, Ordering::Relaxed);
    }
}

/// The client's own transport, with its rows counted.
pub struct Counted {
    pub inner: UreqTransport,
    pub counts: Arc<Counts>,
}

impl Transport for Counted {
    fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        let response = self.inner.send(request, timeout)?;
        let rows = response.headers().get("x-ms-item-count").and_then(|it| it.to_str().ok());
        self.counts.received(rows.and_then(|it| it.parse().ok()).unwrap_or(0));
        Ok(response)
    }
}
